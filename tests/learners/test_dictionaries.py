"""Sparse autoencoders and classical dictionaries: losses against NumPy, gradients against finite differences, planted
dictionaries found, points that are everywhere the same refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.learners.dictionaries import (
    ARCHITECTURES,
    BASELINES,
    AutoencoderSettings,
    fit_autoencoders,
    fit_baseline,
)
from fractalman.measure.recovery import match_dictionary

pytest.importorskip("jax")
pytest.importorskip("sklearn")

SPARSITY = {"relu": 0.2, "topk": 4, "batchtopk": 4, "jumprelu": 0.1, "matryoshka": 4}
D = 32


def planted(n: int = 4096, d: int = D) -> tuple[Any, Any]:
    """Points of d orthonormal features, each present in a tenth of the points, and the features."""
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(d, d)))[0]
    codes = (rng.random((n, d)) < 0.1) * rng.uniform(0.5, 1.5, (n, d))
    return (codes @ directions).astype(np.float32), directions


def plain_loss(weights: dict[str, Any], x: Any, sparsity: float, architecture: str, prefixes: Any) -> float:
    """The loss in NumPy, in float64, from the formulas."""
    encoder = weights.get("W_enc", weights["W_dec"].T)
    before = (x - weights["b_dec"]) @ encoder + weights["b_enc"]
    codes, price = np.maximum(before, 0.0), 0.0
    if architecture == "relu":
        price = sparsity * codes.sum(axis=1).mean()
    elif architecture == "topk":
        codes = np.where(codes >= np.sort(codes, axis=1)[:, -int(sparsity)][:, None], codes, 0.0)
    elif architecture == "jumprelu":
        codes = np.where(codes > np.exp(weights["log_threshold"]), codes, 0.0)
        price = sparsity * (codes > 0).sum(axis=1).mean()
    else:
        codes = np.where(codes >= np.sort(codes.ravel())[-int(sparsity) * len(x)], codes, 0.0)
    errors = [
        np.square(x - codes[:, :end] @ weights["W_dec"][:end] - weights["b_dec"]).sum(axis=1).mean() for end in prefixes
    ]
    return float(np.mean(errors) + price)


@pytest.mark.slow(reason="every kind of autoencoder is compiled", but=["relu-False", "topk-True"])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_losses_are_those_of_numpy_and_gradients_those_of_finite_differences(architecture: str, tied: bool) -> None:
    import jax

    from fractalman.learners.dictionaries.training import loss

    rng = np.random.default_rng(3)
    d, w = 5, 12
    weights = {
        "W_dec": rng.normal(size=(w, d)), "W_enc": rng.normal(size=(d, w)), "b_enc": rng.normal(size=w) / 4,
        "b_dec": rng.normal(size=d) / 4, "log_threshold": np.full(w, np.log(0.1)),
    }  # fmt: skip
    if tied:
        del weights["W_enc"]
    if architecture != "jumprelu":
        del weights["log_threshold"]
    x = rng.normal(size=(16, d))
    prefixes = AutoencoderSettings(architecture=architecture, width=w).prefixes
    sparsity = {"relu": 0.3, "jumprelu": 0.3}.get(architecture, 3)
    single = {name: np.asarray(value, np.float32) for name, value in weights.items()}
    counted = architecture not in ("relu", "jumprelu")
    (value, _), gradient = jax.value_and_grad(loss, has_aux=True)(
        single, np.asarray(x, np.float32), np.int32(sparsity) if counted else np.float32(sparsity),
        np.float32(0.0 if counted else sparsity), architecture, prefixes,
    )  # fmt: skip
    assert float(value) == pytest.approx(plain_loss(weights, x, sparsity, architecture, prefixes), rel=1e-5)
    step = 1e-6
    for name in weights:
        if name == "log_threshold":  # its gradient is a stand-in for that of a step function, see the next test
            continue
        found = np.asarray(gradient[name])
        for place in list(np.ndindex(found.shape))[:: max(1, found.size // 12)]:
            ends = []
            for sign in (1, -1):
                moved = {key: array.copy() for key, array in weights.items()}
                moved[name][place] += sign * step
                ends.append(plain_loss(moved, x, sparsity, architecture, prefixes))
            assert found[place] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=2e-3, abs=2e-4), (name, place)


def test_the_gradient_of_thresholds_is_that_of_a_ramp() -> None:
    import jax
    import jax.numpy as jnp

    from fractalman.learners.dictionaries.training import BANDWIDTH, jump_relu, step_function

    x = np.linspace(0.0, 1.0, 2001, dtype=np.float32)[:, None]
    theta = jnp.array([0.5])
    near = np.abs(x - 0.5) < BANDWIDTH / 2
    units = jax.grad(lambda t: step_function(x, t).mean())(theta)
    assert float(units[0]) == pytest.approx(-near.mean() / BANDWIDTH, rel=1e-4)
    sums = jax.grad(lambda t: jump_relu(x, t).mean())(theta)
    assert float(sums[0]) == pytest.approx(-0.5 * near.mean() / BANDWIDTH, rel=1e-4)
    # On points that are spread evenly, it is the derivative of the mean number of units above the threshold.
    assert float(units[0]) == pytest.approx(((x > 0.51).mean() - (x > 0.49).mean()) / 0.02, rel=0.02)


def test_the_kth_largest_is_exact() -> None:
    import jax

    from fractalman.learners.dictionaries.training import kth_largest

    rng = np.random.default_rng(0)
    values = np.maximum(rng.normal(size=(7, 50)) * 10.0 ** rng.integers(-30, 30, (7, 50)), 0).astype(np.float32)
    for k in (1, 3, 20, 50):
        wanted = np.sort(values, axis=1)[:, -k]
        assert (np.asarray(jax.jit(kth_largest)(values, k)) == wanted).all()
        assert float(kth_largest(values, k, together=True)) == np.sort(values.ravel())[-k]


@pytest.mark.slow(reason="every kind of autoencoder is trained", but=["topk"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_planted_dictionary_is_recovered(architecture: str) -> None:
    X, directions = planted()
    settings = AutoencoderSettings(architecture=architecture, width=D, steps=1000, batch_size=128, tied=True)
    models = fit_autoencoders(X, settings, [SPARSITY[architecture]], [0, 1, 2])
    scores = [match_dictionary(model.W_dec, directions).mcc for model in models]
    random = np.random.default_rng(1).normal(size=(D, D))
    assert max(scores) >= 0.95, scores
    assert np.mean(scores) >= 0.9, scores
    assert match_dictionary(random, directions).mcc < 0.5  # chance
    best = models[int(np.argmax(scores))]
    codes = best.encode(X)
    rest = np.square(X - best.decode(codes)).sum() / np.square(X - X.mean(axis=0)).sum()
    assert rest < 0.15
    if architecture == "topk":
        assert ((codes > 0).sum(axis=1) <= 4).all()
    if architecture in ("batchtopk", "matryoshka"):
        assert (codes > 0).sum(axis=1).mean() == pytest.approx(4.0, rel=0.15)


def test_topk_has_exactly_k_units_and_members_do_not_depend_on_each_other() -> None:
    X = np.random.default_rng(0).normal(size=(512, 16)).astype(np.float32)
    settings = AutoencoderSettings(architecture="topk", width=64, steps=40, batch_size=64)
    both = fit_autoencoders(X, settings, [3, 8], [0, 5])
    assert [(m.k, m.seed) for m in both] == [(3, 0), (3, 5), (8, 0), (8, 5)]
    for model in both:
        assert ((model.encode(X) > 0).sum(axis=1) == model.k).all()
    (alone,) = fit_autoencoders(X, settings, [8], [5])
    assert np.allclose(alone.W_dec, both[3].W_dec, atol=1e-3)
    assert np.abs(both[2].W_dec - both[3].W_dec).max() > 0.05
    assert np.allclose(np.linalg.norm(alone.W_dec, axis=1), 1.0, atol=1e-5)
    scaled = fit_autoencoders(1000.0 * X + 5.0, settings, [8], [5])[0]  # units of the points do not matter
    assert np.allclose(scaled.W_dec, alone.W_dec, atol=2e-2)


def test_dead_units_are_set_on_what_is_missed() -> None:
    import jax.numpy as jnp

    from fractalman.learners.dictionaries.training import initial_state, resample

    rows = np.eye(4, dtype=np.float32)[None, [0, 1, 0, 1]]
    state = initial_state(jnp.asarray(rows), False, "relu")
    x = np.array([[0.0, 0.0, 3.0, 0.0], [0.0, 0.0, 0.0, 2.0], [1.0, 0.0, 0.0, 0.0]], np.float32)
    after = resample(state, np.array([[5, 5, 0, 0]], np.int32), x, np.array([0.1], np.float32), "relu")
    assert np.allclose(np.asarray(after.weights["W_dec"])[0], np.eye(4)[[0, 1, 2, 3]], atol=1e-6)
    assert np.allclose(np.asarray(after.weights["W_enc"])[0].T, np.eye(4)[[0, 1, 2, 3]], atol=1e-6)


@pytest.mark.slow(reason="iterations of another package", only=["dictionary-learning"])
@pytest.mark.parametrize("name", BASELINES)
def test_classical_dictionaries_score_the_same_on_smaller_points(name: str) -> None:
    X, directions = planted(1024, 16)
    model = fit_baseline(name, X, 16)
    scores = [match_dictionary(each.W_dec, directions).mcc for each in (model, fit_baseline(name, 1e-3 * X, 16))]
    assert scores[0] == pytest.approx(scores[1], abs=0.02)
    if name in ("ica", "dictionary-learning"):
        assert scores[0] >= 0.9
    if name == "pca":  # all variances are equal: nothing tells one rotation from another
        assert scores[0] < 0.7
        np.testing.assert_allclose(model.decode(model.encode(X)), X, atol=1e-4)  # as many directions as coordinates
    assert model.encode(X).shape == (1024, 16)
    assert model.decode(model.encode(X)).shape == X.shape


@pytest.mark.slow(reason="a dictionary is trained and scored")
def test_the_scores_take_them() -> None:
    recipe = fm.Cascade(n_points=512, ambient_dim=16, embedding="superposition", feature_min_size=16)
    data = fm.generate(recipe)
    settings = AutoencoderSettings(architecture="topk", width=32, steps=50, batch_size=64)
    (model,) = fit_autoencoders(data.X, settings, [4])
    score = fm.recovery(model, data, min_size=16)
    assert 3.5 < score.l0 <= 4.0
    assert score.chance["mcc"] > 0.0
    for name in ("pca", "k-means"):
        assert np.isfinite(fm.recovery(fit_baseline(name, data.X, 8), data, min_size=16).mcc)


def test_wrong_settings_are_refused_with_what_is_expected() -> None:
    X, _ = planted(64, 4)
    with pytest.raises(RecipeError, match="architecture = 'top-k': expected one of relu, topk"):
        AutoencoderSettings(architecture="top-k")
    with pytest.raises(RecipeError, match=r"steps = 3.*batch_size = 0.*learning_rate = -1"):
        AutoencoderSettings(steps=3, batch_size=0, learning_rate=-1)
    settings = AutoencoderSettings(width=8, steps=10)
    for sparsity in (0, 9, 2.5, float("nan")):
        with pytest.raises(RecipeError, match="number of units from 1 to 8"):
            fit_autoencoders(X, settings, [sparsity])
    with pytest.raises(RecipeError, match="points that differ"):
        fit_autoencoders(np.ones((16, 4)), settings, [1])
    with pytest.raises(RecipeError, match="finite"):
        fit_autoencoders(np.full((16, 4), np.nan), settings, [1])
    with pytest.raises(RecipeError, match=r"baseline 'kmeans'.*k-means"):
        fit_baseline("kmeans", X, 4)


@pytest.mark.parametrize("start", ["points", "k-means", "dictionary-learning"])
def test_decoders_begin_where_they_are_told(start: str) -> None:
    """At tight clusters each start has the centres' directions; what is more than there are points begins at random."""
    from fractalman.learners.dictionaries.fitting import _start

    rng = np.random.default_rng(1)
    centres = rng.normal(size=(8, 24))
    centres -= centres.mean(axis=0)
    points = np.tile(centres, (16, 1)) + 1e-3 * rng.normal(size=(128, 24))

    def found(rows: Any, which: Any = centres) -> Any:
        return np.abs(rows @ (which / np.linalg.norm(which, axis=1)[:, None]).T).max(axis=0)

    rows = _start(AutoencoderSettings(width=32, start=start), points, 0)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-6)
    assert (found(rows) > 0.99).sum() >= 7
    control = _start(AutoencoderSettings(width=32), points, 0)
    assert (found(control) > 0.99).sum() == 0
    four = centres[:4] - centres[:4].mean(axis=0)
    few = _start(AutoencoderSettings(width=12, start=start), np.tile(four, (9, 1)), 0)
    assert (found(few, four) > 0.9).sum() == 4
    assert np.array_equal(few[4:], _start(AutoencoderSettings(width=12), points, 0)[4:])
    with pytest.raises(RecipeError, match="expected one of random, points, k-means, dictionary-learning"):
        AutoencoderSettings(start="kmean")


@pytest.mark.slow(reason="two autoencoders are trained")
def test_a_trained_dictionary_stays_near_its_start() -> None:
    """Of many minima the start picks one: centres of clusters are nearer to the truth than random directions are."""
    recipe = fm.Cascade(n_points=1000, branching=4, ambient_dim=64, contraction=0.5, embedding="superposition")
    truth = fm.generate(recipe).dictionary()
    often = np.asarray((truth.codes != 0).sum(axis=0)).ravel()
    kept = np.argsort(-np.minimum(often, 1000 - often), kind="stable")[:32]
    X = np.asarray(truth.codes[:, kept] @ truth.directions[kept], np.float32)
    X /= X.std()
    scores = {}
    for start in ("random", "k-means"):
        settings = AutoencoderSettings(width=32, steps=300, start=start)
        found = np.asarray(fit_autoencoders(X, settings, [2])[0].W_dec)
        cosine = np.abs(found @ (truth.directions[kept] / np.linalg.norm(truth.directions[kept], axis=1)[:, None]).T)
        scores[start] = float(cosine.max(axis=0).mean())
    assert scores["k-means"] > scores["random"] + 0.05, scores
