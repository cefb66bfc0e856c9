"""Networks: independence of the company, rerun bit for bit, one compilation, both ends of training, plain NumPy."""

from __future__ import annotations

import dataclasses
import json
import sys

import numpy as np
import pytest

from fractalman import learners
from fractalman.errors import MissingExtraError, RecipeError
from fractalman.learners.protocol import Problem
from fractalman.random.streams import Role, key64, normals

jax = pytest.importorskip("jax")
pytest.importorskip("optax")

from fractalman.learners.networks import training  # noqa: E402
from fractalman.learners.networks.dense import Dense  # noqa: E402
from fractalman.learners.networks.network import Network  # noqa: E402
from fractalman.learners.networks.parameterization import initial_weights  # noqa: E402

SMALL = {"width": 16, "depth": 2, "steps": 600, "batch_size": 16, "learning_rate": 5e-3, "max_train": 64}


def problem(key: int, n: int = 40, m: int = 1, d: int = 4, t: int = 30) -> Problem:
    """A smooth target."""
    X = normals(key, (n + t) * d).reshape(n + t, d).astype(np.float32)
    y = np.sin(X[:, :1].astype(np.float64) + np.arange(m)) + 0.5 * X[:, 1:2]
    return Problem(X[:n], y[:n], X[n:], key)


def mlp(**changes: object) -> learners.Learner:
    return learners.make("mlp", {**SMALL, **changes})


# ---------------------------------------------------------------------------------------------------- independence


@pytest.mark.slow(reason="networks trained together and one by one")
def test_an_ensemble_equals_the_networks_trained_one_by_one() -> None:
    """Also where one member stops long before another, and where the sizes differ."""
    easy = Problem(np.eye(2, 4, dtype=np.float32), np.array([[0.0], [1.0]]), np.zeros((3, 4), np.float32), 5)
    problems = [problem(1), easy, problem(2, n=64), dataclasses.replace(problem(1), key=9)]
    learner = mlp(interpolation_tolerance=1e-4)
    together = learner.run(problems)
    for one, outcome in zip(problems, together, strict=True):
        (alone,) = learner.run([one])
        assert (alone.info["stopped"], alone.info["steps"]) == (outcome.info["stopped"], outcome.info["steps"])
        assert alone.train_risk == pytest.approx(outcome.train_risk, rel=0.1)
        np.testing.assert_allclose(outcome.prediction, alone.prediction, atol=5e-3)
    assert together[1].info["steps"] == 500
    assert together[1].info["stopped"] == "interpolated"
    assert {o.info["steps"] for o in together} == {500, 600}
    # the control: another key is another network, far beyond the tolerance
    assert np.abs(together[0].prediction - together[3].prediction).max() > 0.02


@pytest.mark.slow(reason="networks trained twice")
def test_a_rerun_is_the_same_bit_for_bit() -> None:
    problems = [problem(1), problem(2)]
    first, second = mlp().run(problems), mlp().run(problems)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.prediction, b.prediction)
        assert a.train_risk == b.train_risk
        assert a.info == b.info


def test_rows_beyond_n_and_test_points_do_not_touch_the_training() -> None:
    """Another padding and other test points leave the network as it was."""
    p = problem(3)
    moved = dataclasses.replace(p, X_test=np.concatenate([p.X_test[:4], 50.0 * p.X_test[4:]]))
    (base,) = mlp().run([p])
    (padded,) = mlp(max_train=100).run([p])
    (other,) = mlp().run([moved])
    np.testing.assert_allclose(padded.prediction, base.prediction, atol=1e-4)
    np.testing.assert_array_equal(other.prediction[:4], base.prediction[:4])
    assert other.train_risk == base.train_risk


@pytest.mark.slow(reason="networks compiled anew at every size")
def test_one_compilation_serves_a_sweep_over_n_and_over_the_budget() -> None:
    learner = mlp(width=20)
    learner.run([problem(1, n=8), problem(2, n=8)])
    before = dict(training.compilations)
    for n in (16, 33, 64):
        learner.run([problem(1, n=n), problem(2, n=n)])
    mlp(width=20, steps=130, learning_rate=1e-3).run([problem(1), problem(2)])
    assert training.compilations == before
    mlp(width=21).run([problem(1), problem(2)])  # the control: another shape is another program
    assert training.compilations["block"] == before["block"] + 1


# ---------------------------------------------------------------------------------------------------- what it learns


@pytest.mark.slow(reason="a network trained for thousands of steps")
def test_a_small_smooth_problem_is_interpolated_and_predicted() -> None:
    X = np.linspace(-1.0, 1.0, 81, dtype=np.float32)[:, None]
    y = np.sin(3.0 * X.astype(np.float64))
    settings = {"width": 64, "steps": 3000, "batch_size": 32, "learning_rate": 3e-3, "interpolation_tolerance": 1e-4}
    learner = learners.make("mlp", settings)
    (outcome,) = learner.run([Problem(X[::2], y[::2], X[1::2], 7)])
    assert outcome.info["stopped"] == "interpolated"
    assert outcome.info["steps"] < 3000
    assert outcome.train_risk <= 1e-4 * y[::2].var()
    assert np.mean((outcome.prediction - y[1::2]) ** 2) < 1e-3 * y.var()


def test_a_budget_that_ends_first_is_reported() -> None:
    p = problem(4)
    (outcome,) = mlp(steps=37).run([p])
    assert outcome.info["stopped"] == "budget"
    assert outcome.info["steps"] == 37
    assert outcome.train_risk > 1e-5 * p.y_train.var()
    (longer,) = mlp(steps=1500).run([p])
    assert longer.train_risk < 0.1 * outcome.train_risk


def test_tolerance_zero_spends_the_budget() -> None:
    easy = Problem(np.eye(2, 4, dtype=np.float32), np.array([[0.0], [1.0]]), np.zeros((3, 4), np.float32), 5)
    (patient,) = mlp(interpolation_tolerance=0.0).run([easy])
    (hasty,) = mlp().run([easy])
    assert (patient.info["stopped"], patient.info["steps"]) == ("budget", 600)
    assert (hasty.info["stopped"], hasty.info["steps"]) == ("interpolated", 500)


@pytest.mark.parametrize("n", [1, 6])
def test_a_constant_label_and_a_single_point_are_learned(n: int) -> None:
    p = problem(4, n=n)
    (outcome,) = mlp().run([Problem(p.X_train, np.full((n, 1), 2.5), p.X_train, 1)])
    assert outcome.info["stopped"] == "interpolated"
    np.testing.assert_allclose(outcome.prediction, 2.5, atol=0.02)


def test_the_train_risk_is_that_of_the_returned_network() -> None:
    """Training points given as test points: prediction and train_risk agree in float64, in the labels' units."""
    p = problem(6)
    p = dataclasses.replace(p, y_train=100.0 + 7.0 * p.y_train, X_test=p.X_train)
    (outcome,) = mlp(steps=200).run([p])
    assert outcome.prediction.shape == (40, 1)
    assert outcome.prediction.dtype == np.float64
    assert outcome.train_risk == pytest.approx(np.mean((outcome.prediction - p.y_train) ** 2), rel=1e-9)


def test_more_test_points_than_a_block_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    p = problem(6)
    (whole,) = mlp(steps=50).run([p])
    monkeypatch.setattr(Network, "rows", 7)
    (blocks,) = mlp(steps=50).run([p])
    np.testing.assert_allclose(blocks.prediction, whole.prediction, atol=1e-6)
    (none,) = mlp(steps=50).run([dataclasses.replace(p, X_test=p.X_test[:0])])
    assert none.prediction.shape == (0, 1)


@pytest.mark.parametrize("factor", [2.0**-12, 2.0**9])
def test_the_units_of_inputs_and_labels_do_not_matter(factor: float) -> None:
    p = problem(8)
    f = np.float32(factor)
    scaled = Problem(p.X_train * f, p.y_train * factor, p.X_test * f, p.key)
    before, after = mlp(steps=100).run([p, scaled])
    np.testing.assert_allclose(after.prediction / factor, before.prediction, atol=1e-5)


# ---------------------------------------------------------------------------------------------------- the parts


def test_a_block_of_training_equals_its_numpy_reference() -> None:
    """The same batches, float64 NumPy with gradients by hand: forward, backward, Adam, schedule."""
    n, d, width, m, batch, steps = 20, 3, 8, 2, 6, 25
    run = training.Run(Dense(width, 1), steps, 5, 500, batch, 1e-2, 0.0, n)
    X = normals(1, n * d).reshape(n, d).astype(np.float32)
    y = normals(2, n * m).reshape(n, m)
    key = 77
    (trained,) = training.train(run, [X], [y], [X], [key])

    (w1, b1), (w2, b2) = ((w.astype(np.float64), b.astype(np.float64)) for w, b in initial_weights(key, d, width, 1, m))
    parameters = [w1, b1, w2, b2]
    first, second = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
    word = key64(key, Role.BATCH)
    stream = jax.random.wrap_key_data(np.array([word >> 32, word & 0xFFFFFFFF], np.uint32), impl="threefry2x32")
    for k in range(steps):
        index = np.asarray(jax.random.randint(jax.random.fold_in(stream, k), (batch,), 0, n))
        w1, b1, w2, b2 = parameters
        a = X[index].astype(np.float64)
        h = a @ w1 + b1
        z = np.maximum(h, 0.0)
        g = 2.0 * (z @ w2 + b2 - y[index]) / (batch * m)
        back = (g @ w2.T) * (h > 0.0)
        gradients = [a.T @ back, back.sum(axis=0), z.T @ g, g.sum(axis=0)]
        rate = 1e-2 * min(1.0, (k + 1) / 5) * 0.5 * (1.0 + np.cos(np.pi * (k + 1) / steps))
        for i, gradient in enumerate(gradients):
            first[i] = 0.9 * first[i] + 0.1 * gradient
            second[i] = 0.999 * second[i] + 0.001 * gradient**2
            step = first[i] / (1.0 - 0.9 ** (k + 1)) / (np.sqrt(second[i] / (1.0 - 0.999 ** (k + 1))) + 1e-8)
            parameters[i] = parameters[i] - rate * step
    w1, b1, w2, b2 = parameters
    reference = np.maximum(X @ w1 + b1, 0.0) @ w2 + b2
    np.testing.assert_allclose(trained.prediction, reference, atol=2e-4)
    assert np.abs(reference - y).max() > 0.1  # it has not simply reached the labels
    assert trained.steps == steps


def test_initial_weights_have_hes_variance_and_their_own_keys() -> None:
    (w1, b1), (w2, _), (w3, _) = initial_weights(3, 50, 400, 2, 20)
    assert w1.shape == (50, 400)
    assert w1.dtype == np.float32
    assert w1.var() == pytest.approx(2.0 / 50.0, rel=0.05)
    assert w2.var() == pytest.approx(2.0 / 400.0, rel=0.05)
    assert w3.var() == pytest.approx(1.0 / 400.0, rel=0.08)
    assert not b1.any()
    assert abs(np.corrcoef(w1.ravel()[:4000], w2.ravel()[:4000])[0, 1]) < 0.06
    assert not np.array_equal(w1, initial_weights(4, 50, 400, 2, 20)[0][0])


def test_the_schedule_warms_up_and_ends_at_zero() -> None:
    rate = np.array([training.rate(np.int32(k), 1000.0, 50.0, 0.1) for k in [*range(0, 999, 37), 999]])
    assert rate.max() == pytest.approx(0.1, rel=0.02)
    assert rate[0] == pytest.approx(0.1 / 50.0, rel=0.01)
    assert rate[-1] == pytest.approx(0.0, abs=1e-6)


# ---------------------------------------------------------------------------------------------------- requests


def test_what_it_says_of_itself() -> None:
    learner = learners.make("mlp", {"width": 32, "depth": 3})
    assert learner.name == "mlp"
    assert learner.capacity == "fixed"
    assert learner.batched
    assert "3 hidden ReLU layers of width 32" in learner.conventions
    (outcome,) = mlp(steps=5).run([problem(1)])
    assert json.loads(json.dumps(outcome.info)) == outcome.info
    assert outcome.info["parameters"] == 5 * 16 + 17 * 16 + 17
    assert learner.run([]) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"widht": 3}, r"unknown key mlp\.widht: expected one of width, depth, .*did you mean 'width'"),
        ({"width": 0}, r"mlp\.width = 0: expected an integer from 1"),
        ({"steps": 1.5, "depth": True}, r"mlp\.depth = True.*mlp\.steps = 1\.5"),
        ({"learning_rate": 0.0}, r"mlp\.learning_rate = 0\.0"),
        ({"learning_rate": "fast"}, r"mlp\.learning_rate = 'fast'"),
        ({"interpolation_tolerance": 1.0}, r"mlp\.interpolation_tolerance = 1\.0"),
        ({"max_train": -1}, r"mlp\.max_train = -1"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        learners.make("mlp", settings)


def test_divergence_is_said_and_never_a_risk() -> None:
    p = problem(1, n=64)
    run = training.Run(Dense(24, 2), 60, 1, 500, 16, 1e30, 0.0, 64)
    (wild,) = training.train(run, [p.X_train], [p.y_train], [p.X_test], [p.key])
    assert (wild.diverged, wild.interpolated, wild.steps) == (True, False, 60)
    assert np.isnan([wild.train_risk, *wild.prediction.ravel()]).all()
    tamed = dataclasses.replace(run, learning_rate=1e-3)
    (tame,) = training.train(tamed, [p.X_train], [p.y_train], [p.X_test], [p.key])
    assert not tame.diverged
    assert np.isfinite(tame.prediction).all()


def test_problems_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"use max_train = 65"):
        mlp().run([problem(1, n=65)])
    with pytest.raises(RecipeError, match="expected one shape"):
        mlp().run([problem(1), problem(2, m=2)])


@pytest.mark.parametrize("absent", ["jax", "optax"])
def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch, absent: str) -> None:
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(MissingExtraError, match=f"pip install {absent}") as caught:
        learners.make("mlp")
    assert "\n" not in str(caught.value)
    assert learners.make("ridge").name == "ridge"
