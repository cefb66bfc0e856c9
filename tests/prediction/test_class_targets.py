"""Predicted 0–1 risks against drawn labels and learners in plain NumPy, on three families; laws; what is refused."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

import fractalman as fm
from fractalman import generation
from fractalman.errors import RecipeError
from fractalman.experiments.specification import has_floor
from fractalman.recipes import Recipe
from fractalman.theory import (
    ClassCovariance,
    FieldCovariance,
    cascade_class_exponent,
    class_error,
    neighbour_class_curve,
    vote_curve,
)

SIZES = (32, 128)
N, STRUCTURES, DRAWS, TEST = 640, 24, 12, 128
RECIPES: dict[str, Recipe] = {
    "cascade": fm.Cascade(n_points=N, branching=4, contraction=0.5, hurst=0.5, ambient_dim=3, target="sign", seed=1),
    "cluster": fm.PercolationCluster(n_points=N, ambient_dim=48, noise=0.3, target="threshold", threshold=0.6, seed=2),
    "manifold": fm.SmoothManifold(
        n_points=N, dim=2, ambient_dim=4, hurst=0.6, field="exact", nuisance_dim=1, nuisance_scale=0.05,
        target="sign", seed=3,
    ),
}  # fmt: skip


# ------------------------------------------------------------------------------------- learners in plain NumPy


def one_nn(X: np.ndarray, y: np.ndarray, Z: np.ndarray) -> np.ndarray:
    return y[np.linalg.norm(Z[:, None] - X[None], axis=2).argmin(axis=1)]


def five_nn(X: np.ndarray, y: np.ndarray, Z: np.ndarray) -> np.ndarray:
    near = np.linalg.norm(Z[:, None] - X[None], axis=2).argsort(axis=1, kind="stable")[:, :5]
    return y[near].mean(axis=1)


def _centred(X: np.ndarray, Z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale = math.sqrt(np.mean(np.square(X - X.mean(axis=0))))
    return (X - X.mean(axis=0)) / scale, (Z - X.mean(axis=0)) / scale


def laplace(X: np.ndarray, y: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """Kernel ridge regression on centred classes: e^−r, ridge .01."""
    X, Z = _centred(X, Z)
    K = np.exp(-np.linalg.norm(X[:, None] - X[None], axis=2))
    k = np.exp(-np.linalg.norm(Z[:, None] - X[None], axis=2))
    return y.mean(axis=0) + k @ np.linalg.solve(K + 0.01 * np.eye(len(X)), y - y.mean(axis=0))


def ridge(X: np.ndarray, y: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """Ridge regression on centred classes, λ = .1."""
    X, Z = _centred(X, Z)
    w = np.linalg.solve(X.T @ X + 0.1 * len(X) * np.eye(X.shape[1]), X.T @ (y - y.mean(axis=0)))
    return y.mean(axis=0) + Z @ w


LEARNERS = {
    "1-nn": (one_nn, "1-nn"),
    "5-nn": (five_nn, "5-nn"),
    "laplace-kernel": (laplace, fm.learners.make("laplace-kernel", {"length": 1.0, "ridge": 0.01})),
    "linear-ridge": (ridge, None),
}


@cache
def structures(name: str) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """(X, classes, training order, test points) of structures with seeds of their own."""
    out = []
    for i in range(STRUCTURES):
        data = fm.generate(RECIPES[name].replace(seed=1000 + i))
        order = np.random.default_rng(i).permutation(data.n_points)
        X = np.asarray(data.X, np.float64)
        out.append((X, generation.label_draws(data, DRAWS), order[TEST:], order[:TEST]))
    return out


@cache
def simulated(name: str, learner: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean share of wrong classes at SIZES, and its standard error over structures."""
    rows = []
    for X, y, order, test in structures(name):
        row = []
        for n in SIZES:
            vote = LEARNERS[learner][0](X[order[:n]], y[order[:n]], X[test])
            row.append(((vote > 0.5 + 1e-9) != (y[test] > 0.5)).mean())
        rows.append(row)
    risks = np.array(rows)
    return risks.mean(axis=0), risks.std(axis=0, ddof=1) / math.sqrt(len(risks))


@pytest.mark.slow(reason="learners simulated on many label draws")
@pytest.mark.parametrize("learner", ["1-nn", "5-nn", "laplace-kernel"])
@pytest.mark.parametrize("name", list(RECIPES))
def test_predicted_curves_are_those_of_plain_learners(name: str, learner: str) -> None:
    curve = fm.predict(RECIPES[name], LEARNERS[learner][1] or learner).curve(list(SIZES))
    found, error = simulated(name, learner)
    joint = np.hypot(error, curve.standard_error)
    assert "0–1" in curve.kind
    assert (np.abs(found - curve.risk) < 3.5 * joint).all(), (found, curve.risk, joint)
    assert (joint < 0.1 * curve.risk).all()  # it could have failed: a tenth would be seen


def test_half_the_squared_error_is_not_the_risk_and_shuffled_classes_are_seen() -> None:
    """Controls: the value curve halved, another threshold, and classes without any geometry are each rejected."""
    name = "cascade"
    found, error = simulated(name, "1-nn")
    values = fm.predict(RECIPES[name].replace(target="value")).curve(list(SIZES))
    assert abs(found[1] - 0.5 * values.risk[1]) > 4.0 * error[1]  # at n = 32 both happen to meet
    other = fm.predict(RECIPES[name].replace(target="threshold", threshold=1.0)).curve(list(SIZES))
    assert (np.abs(found - other.risk) > 5.0 * np.hypot(error, other.standard_error)).all()
    rng, rows = np.random.default_rng(9), []
    for X, y, order, test in structures(name):
        shuffled = y[rng.permutation(len(y))]
        rows.append((one_nn(X[order[:128]], shuffled[order[:128]], X[test]) != shuffled[test]).mean())
    predicted = fm.predict(RECIPES[name]).curve([128])
    spread = np.std(rows, ddof=1) / math.sqrt(len(rows))
    assert np.mean(rows) - predicted.risk[0] > 10.0 * math.hypot(spread, predicted.standard_error[0])


@pytest.mark.slow(reason="learners simulated on many label draws")
@pytest.mark.parametrize("name", list(RECIPES))
def test_no_learner_is_below_the_floor_of_classes(name: str) -> None:
    floor = fm.predict(RECIPES[name], "bayes").curve(list(SIZES))
    for learner in ("1-nn", "5-nn", "laplace-kernel"):
        found, error = simulated(name, learner)
        assert (found > floor.risk - 2.0 * np.hypot(error, floor.standard_error)).all(), (learner, found, floor.risk)
    one = fm.predict(RECIPES[name]).curve(list(SIZES))
    assert (one.risk > floor.risk).all()


@pytest.mark.parametrize("name", list(RECIPES))
def test_the_curve_of_a_dataset_is_that_of_its_recipe(name: str) -> None:
    recipe = RECIPES[name]
    own = fm.predict(recipe).curve([64])
    several = [fm.predict(fm.generate(recipe.replace(seed=50 + i))).curve([64]).risk[0] for i in range(6)]
    error = math.hypot(np.std(several, ddof=1) / math.sqrt(6), own.standard_error[0])
    assert abs(np.mean(several) - own.risk[0]) < 4.0 * error


@pytest.mark.slow(reason="learners simulated on many label draws")
def test_waves_are_simulated_and_have_no_floor() -> None:
    recipe = fm.SmoothManifold(n_points=N, dim=1, ambient_dim=2, hurst=0.5, target="sign")
    prediction = fm.predict(recipe, draws=6)
    assert "drawn labels" in prediction.curve([64]).kind
    exact = fm.predict(recipe.replace(field="exact"), draws=24).curve([64])
    assert prediction.curve([64]).risk[0] == pytest.approx(exact.risk[0], rel=0.15)
    with pytest.raises(RecipeError, match='use field = "exact"'):
        prediction.floor([64])


def test_values_that_are_not_gaussian_have_no_floor_of_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Squared errors keep their expectation, which covariances decide; a recipe says so in one place."""
    recipe = RECIPES["cascade"]
    assert has_floor(recipe)
    assert has_floor(recipe.replace(target="value"))
    assert [has_floor(RECIPES["manifold"].replace(field=field)) for field in ("exact", "waves")] == [True, False]
    monkeypatch.setattr(fm.Cascade, "gaussian_values", property(lambda _: False))
    assert not has_floor(recipe)
    assert not has_floor(recipe.replace(target="value"))
    with pytest.raises(RecipeError, match="values are not Gaussian"):
        fm.predict(recipe, draws=6).floor([64])
    assert "drawn labels" in fm.predict(recipe, draws=6)._curve.kind
    values = fm.predict(recipe.replace(target="value"), draws=6)
    assert values._floor.kind.startswith("best linear smoother")


# ---------------------------------------------------------------------------------------------------- theory


def test_a_vote_of_one_neighbour_is_the_exact_curve() -> None:
    X = np.random.default_rng(0).normal(size=(200, 3))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    field = FieldCovariance(X, 0.5)
    root = np.linalg.cholesky(field.block(np.arange(200), np.arange(200)) + 1e-12 * np.eye(200))
    y = (root @ np.random.default_rng(1).normal(size=(200, 4000)) > 0.3).astype(np.float64)
    order, test = np.arange(100), np.arange(100, 200)
    exact = neighbour_class_curve(field, X, order, [10, 100], test, 0.3)
    drawn = vote_curve(field, y, X, order, [10, 100], test, "1-nn", 0.3)
    np.testing.assert_allclose(drawn, exact, rtol=0.03)
    near = np.array([np.linalg.norm(X[:100] - X[t], axis=1).argmin() for t in test])
    moments = ClassCovariance(field, 0.3)
    assert exact[1] == pytest.approx(float(moments.pairs(near, test).mean()) / 4.0, rel=1e-12)
    with pytest.raises(RecipeError, match="each 0 or 1"):
        vote_curve(field, 2.0 * y, X, order, [10], test, "1-nn")


@pytest.mark.parametrize("learner", ["5-nn", "k-nn"])
def test_votes_of_neighbours_beyond_a_thousand_points(learner: str) -> None:
    """No matrix of all pairs is held; shares of wrong answers are those of plain counting, k chosen among the usual."""
    X = np.random.default_rng(3).normal(size=(1300, 3))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    y = (X[:, :1] + 0.5 * X[:, 1:2] * np.array([[1.0, -1.0]]) > 0.1).astype(np.float64)
    y = np.abs(y - (np.random.default_rng(4).random(y.shape) < 0.2))
    order, test = np.arange(1200), np.arange(1200, 1300)
    found = vote_curve(FieldCovariance(X, 0.5), y, X, order, [1100, 1200], test, learner)
    for n, risk in zip((1100, 1200), found, strict=True):
        near = np.linalg.norm(X[test][:, None] - X[None, :n], axis=2).argsort(axis=1, kind="stable")
        plain = [float(((y[near[:, :k]].mean(axis=1) > 0.5 + 1e-9) != y[test]).mean()) for k in (1, 2, 3, 5, 8, 12)]
        assert risk == pytest.approx(plain[3], abs=1e-12) if learner == "5-nn" else min(plain) <= risk <= max(plain)
    recipe = RECIPES["cascade"].replace(n_points=20_000)
    assert fm.predict(recipe, learner).affordable >= 4000 > 1000 == fm.predict(recipe, "laplace-kernel").affordable


def test_laws_say_the_exponent_or_why_there_is_none() -> None:
    cascade = fm.Cascade(n_points=1000, branching=4, contraction=0.5, hurst=0.5, ambient_dim=24, target="sign")
    law = fm.predict(cascade).law
    assert law.data_exponent == pytest.approx(cascade_class_exponent((0.25,) * 4, 0.5, 0.5)) == pytest.approx(0.25)
    assert law.model_exponent is None
    assert fm.predict(RECIPES["manifold"].replace(nuisance_dim=0)).data_exponent == pytest.approx(0.3)
    assert fm.predict(RECIPES["manifold"]).data_exponent is None  # nuisance coordinates
    for learner, because in (("laplace-kernel", "vote"), ("bayes", "arcsine"), ("mlp", "vote")):
        law = fm.predict(cascade, learner).law
        assert law.data_exponent is None
        assert because in law.reason
        assert "0.25" in law.nearest
    ensemble = fm.PercolationEnsemble(n_points=1000, target="sign")
    assert "no exponent of 0–1 risk" in fm.predict(ensemble).law.reason
    noisy = fm.predict(cascade.replace(noise=0.5)).law
    assert noisy.data_exponent is None
    assert noisy.irreducible == pytest.approx(float(class_error([1.25], [1.25], [0.5])[0]))
    assert noisy.excess_exponent == pytest.approx(0.5)
    assert not fm.predict(cascade, "mlp").has_curve


@pytest.mark.slow(reason="the scatter of many simulated runs")
def test_a_plan_for_classes_rests_on_their_own_scatter() -> None:
    recipe = fm.Cascade(n_points=6000, branching=4, hurst=0.5, ambient_dim=8, target="sign")
    plan = fm.plan(recipe, resolution=0.15, budget=1000)
    values = fm.plan(recipe.replace(target="value"), resolution=0.15, budget=1000)
    assert plan.chosen is not None
    assert values.chosen is not None
    assert plan.chosen.exponent is not None
    assert values.chosen.exponent is not None
    assert plan.chosen.exponent < 0.75 * values.chosen.exponent
