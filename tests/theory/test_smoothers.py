"""Expected risk of linear smoothers: the learners' own weights, their average over label draws, floors and controls."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples
from theory_trees import cut_tree, dense_covariance, label_tree, uniform_tree

import fractalman as fm
from fractalman import conventions, generation, kernels, learners
from fractalman.datasets.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.learners.protocol import Problem
from fractalman.random.streams import Role, key64, normals, permutation
from fractalman.recipes import Recipe
from fractalman.theory import (
    FieldCovariance,
    KernelRidge,
    LabelCovariance,
    LinearRidge,
    Neighbours,
    RandomFeatures,
    TreeCovariance,
    bayes_curve,
    gaussian_floor,
    smoother_curve,
    smoother_named,
    smoother_risk,
)

DRAWS, N, TRAIN, TEST = 200, 700, 120, 150
KEY = key64(11, Role.SPLIT)
RECIPES: dict[str, Recipe] = {
    "cluster": fm.PercolationCluster(n_points=N, ambient_dim=48, seed=1),
    "cascade": fm.Cascade(n_points=N, ambient_dim=24, branching=(2, 8), hurst=0.5, noise=0.2, seed=1),
    "ensemble": fm.PercolationEnsemble(n_points=N, ambient_dim=48, label_exponent=0.25, seed=1),
    "manifold": fm.SmoothManifold(n_points=N, ambient_dim=8, hurst=0.5, noise=0.1, seed=1),
}
LEARNERS = (
    "1-nn",
    "k-nn",
    "ridge",
    "random-features",
    "laplace-kernel",
    "gaussian-kernel",
    "matern-kernel",
    "ntk-kernel",
)


@cache
def dataset(name: str) -> tuple[Dataset, np.ndarray, np.ndarray, np.ndarray, LabelCovariance]:
    """(dataset, label draws, training points, test points, covariance) of a family."""
    recipe = RECIPES[name]
    data = fm.generate(recipe)
    order = permutation(key64(3, Role.SPLIT), N)
    return data, generation.label_draws(data, DRAWS), order[:TRAIN], order[-TEST:], covariance(data)


def covariance(data: Dataset, recipe: Recipe | None = None) -> LabelCovariance:
    """The covariance of a dataset's labels, noise included."""
    recipe = recipe or data.recipe
    if isinstance(recipe, fm.SmoothManifold):
        return FieldCovariance(data.X, recipe.hurst, recipe.noise)
    assert data.label_tree is not None
    return TreeCovariance(data.label_tree.noisy(recipe.noise) if recipe.noise else data.label_tree)


def scores(measured: np.ndarray, expected: float) -> float:
    """Standard errors between the average of the draws' risks and the expectation."""
    return float((measured.mean() - expected) / (measured.std(ddof=1) / np.sqrt(measured.size)))


# ---------------------------------------------------------------------------------------------------- against learners


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("name", RECIPES)
def test_expected_risk_is_the_average_over_label_draws(name: str, learner: str) -> None:
    # The learner runs on 200 label vectors at once and so tunes its ridge on their mean risk, as theory does on the
    # expected one; where grids are close the two may still differ by a step, which costs next to nothing.
    data, Y, train, test, labels = dataset(name)
    (outcome,) = learners.make(learner).run([Problem(data.X[train], Y[train], data.X[test], KEY)])
    risks = np.square(outcome.prediction - Y[test]).mean(axis=0)
    found = smoother_risk(labels, data.X, train, test, learner, KEY)
    assert abs(scores(risks, found.risk.mean())) < 3.0
    if learner not in ("1-nn", "k-nn"):
        assert found.ridge is not None
    if learner != "1-nn":  # 24 points of 200 draws: one number, which theory's is the expectation of
        assert found.validation_risk == pytest.approx(outcome.info["validation_risk"], rel=0.1)


@pytest.mark.parametrize("name", ["cluster", "cascade", "manifold"])
def test_another_label_or_learner_is_rejected(name: str) -> None:
    # Negative controls of the test above: another exponent of the label, and another smoother.
    data, Y, train, test, labels = dataset(name)
    wrong: LabelCovariance
    if name == "manifold":
        wrong = FieldCovariance(data.X, 0.7, 0.1)
    elif name == "cluster":
        wrong = covariance(fm.generate(RECIPES[name].replace(label_exponent=0.25)))
    else:
        wrong = covariance(fm.generate(RECIPES[name].replace(hurst=0.7)))
    for learner, other in (("1-nn", "80-nn"), ("laplace-kernel", "ridge")):
        (outcome,) = learners.make(learner).run([Problem(data.X[train], Y[train], data.X[test], KEY)])
        risks = np.square(outcome.prediction - Y[test]).mean(axis=0)
        assert abs(scores(risks, smoother_risk(wrong, data.X, train, test, learner, KEY).risk.mean())) > 6.0
        assert abs(scores(risks, smoother_risk(labels, data.X, train, test, other, KEY).risk.mean())) > 6.0


@pytest.mark.parametrize("n", [1, 2, 7, 60])
def test_weights_are_the_learners_own(n: int) -> None:
    X = normals(1, 90 * 5).reshape(90, 5).astype(np.float32)
    Y = normals(2, n * 3).reshape(n, 3)
    for name in LEARNERS:
        learner = learners.make("3-nn" if name == "k-nn" else name)
        (outcome,) = learner.run([Problem(X[:n], Y, X[60:], KEY)])
        smoother, ridge = smoother_named("3-nn" if name == "k-nn" else name), outcome.info.get("ridge")
        H = smoother.weights(X[:n], X[60:], KEY, ridge)
        np.testing.assert_allclose(H @ Y, outcome.prediction, atol=3e-8, err_msg=name)
        np.testing.assert_allclose(H.sum(axis=1), 1.0, rtol=1e-12)
        if n > 7 and ridge is not None:  # control: another ridge
            assert not np.allclose(
                smoother.weights(X[:n], X[60:], KEY, 30.0 * ridge) @ Y, outcome.prediction, atol=1e-6
            )


@pytest.mark.parametrize("name", [*LEARNERS, "5-nn"])
def test_a_learner_declares_the_smoother_of_its_name(name: str) -> None:
    """What a learner says it is to theory has the weights of the smoother that theory calls by its name."""
    X, Z = normals(1, 40 * 5).reshape(40, 5), normals(3, 8 * 5).reshape(8, 5)
    declared = learners.make(name).smoother()
    assert declared is not None
    np.testing.assert_array_equal(declared.weights(X, Z, KEY), smoother_named(name).weights(X, Z, KEY))
    if name == "ntk-kernel":  # control, and a setting that reaches theory
        deeper = learners.make(name, {"depth": 4}).smoother()
        assert deeper is not None
        assert not np.allclose(deeper.weights(X, Z, KEY), declared.weights(X, Z, KEY), atol=1e-3)


# ---------------------------------------------------------------------------------------------------- smoothers


def small_tree(n: int, seed: int, a: float = 0.0) -> TreeCovariance:
    parent, size = cut_tree(uniform_tree(n, key64(seed, Role.MEASUREMENT)), key64(seed, Role.ORDER))
    return TreeCovariance(label_tree(parent, size ** (2 * a), np.arange(n)))


@given(
    st.integers(0, 10**6),
    st.integers(1, 30),
    st.sampled_from([-0.2, 0.0, 0.5]),
    st.sampled_from(["1-nn", "3-nn", "k-nn", "ridge", "laplace-kernel", "ntk-kernel", "matern-5/2-kernel"]),
)
@examples(60)
def test_no_smoother_is_below_the_floor(seed: int, n: int, a: float, learner: str) -> None:
    labels, X = small_tree(40, seed, a), normals(seed, 40 * 3).reshape(40, 3)
    order = permutation(key64(seed, Role.SPLIT), 40)
    train, test = order[:n], order[n:]
    found = smoother_risk(labels, X, train, test, learner, seed)
    floor = bayes_curve(labels.tree, order, [n], test)[0]
    assert (found.risk >= floor * (1.0 - 1e-9) - 1e-12).all()
    np.testing.assert_allclose(gaussian_floor(labels, order, [n], test)[0], floor, atol=1e-9)
    assert (found.ridge is None) == (learner.endswith("nn"))
    # ... and it is the quadratic form of its own weights
    sigma, smoother = dense_covariance(labels.tree), smoother_named(learner)
    H = (Neighbours(found.k) if found.k else smoother).weights(X[train], X[test], seed, found.ridge)
    dense = sigma[test, test] - 2 * np.sum(H * sigma[np.ix_(test, train)], axis=1)
    dense += np.sum(H @ sigma[np.ix_(train, train)] * H, axis=1)
    np.testing.assert_allclose(found.risk, dense, atol=1e-8)


def test_few_features_take_products_and_many_take_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, X = small_tree(120, 2), normals(4, 120 * 6).reshape(120, 6)
    field = FieldCovariance(X, 0.5, 0.2)
    train, test, found = np.arange(80), np.arange(80, 120), []
    for switch in (4, 10**9):
        monkeypatch.setattr("fractalman.theory.linear_smoothers._FEW_FEATURES", switch)
        for which in (labels, field):
            found.append(smoother_risk(which, X, train, test, "ridge", 3))
    for fast, slow in zip(found[:2], found[2:], strict=True):
        assert fast.ridge == slow.ridge
        np.testing.assert_allclose(fast.risk, slow.risk, rtol=1e-10)
        assert fast.validation_risk == pytest.approx(slow.validation_risk, rel=1e-10)


def test_neighbours_of_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, X = small_tree(60, 5), normals(6, 60 * 4).reshape(60, 4)
    train, test = np.arange(40), np.arange(40, 60)
    by_pairs = [Neighbours(k).expected(labels, X[train], X[test], train, test, 0).risk for k in (1, 5, 40, 1000)]
    monkeypatch.setattr("fractalman.theory.smoothers._PAIRS_OF_NEIGHBOURS", 0)
    for k, risk in zip((1, 5, 40, 1000), by_pairs, strict=True):
        walked = Neighbours(k).expected(labels, X[train], X[test], train, test, 0).risk
        np.testing.assert_allclose(risk, walked, rtol=1e-11)
    np.testing.assert_array_equal(by_pairs[2], by_pairs[3])  # all there are: the training mean


def test_the_number_of_neighbours_is_the_best_on_held_out_points() -> None:
    labels, X = small_tree(150, 5), normals(6, 150 * 2).reshape(150, 2)
    train, test = np.arange(100), np.arange(100, 150)
    found = smoother_risk(labels, X, train, test, "k-nn", 3)
    part, held = conventions.validation_split(3, 100)
    risks = {
        k: smoother_risk(labels, X, part, held, f"{k}-nn").risk.mean() for k in conventions.NEIGHBOURS if k <= part.size
    }
    assert found.k == min(risks, key=risks.__getitem__)
    assert found.validation_risk == pytest.approx(risks[found.k], rel=1e-12)
    np.testing.assert_allclose(found.risk, smoother_risk(labels, X, train, test, f"{found.k}-nn").risk)
    assert smoother_risk(labels, X, train[:1], test, "k-nn").k == 1


def test_kernels_as_functions_and_their_unit() -> None:
    labels, X = small_tree(60, 6), normals(7, 60 * 4).reshape(60, 4)
    train, test = np.arange(40), np.arange(40, 60)
    length = conventions.median_distance(conventions.scaled_inputs(X[train], X[test])[0], 0)

    def laplace(A: np.ndarray, B: np.ndarray) -> np.ndarray:
        return 7.0 * kernels.laplace(kernels.distances(A, B), length)  # ridges are in units of its diagonal

    named = smoother_risk(labels, X, train, test, "laplace-kernel")
    given_ = smoother_risk(labels, X, train, test, KernelRidge(laplace))
    assert given_.ridge == named.ridge
    np.testing.assert_allclose(given_.risk, named.risk, rtol=1e-6)
    one = smoother_risk(labels, X, train, test, KernelRidge("laplace", (0.5,)))
    assert (one.ridge, one.validation_risk) == (0.5, None)
    # a linear kernel is linear regression: K = XXᵀ with ridge λ·n in units of its diagonal
    inputs = conventions.scaled_inputs(X[train], X[test])[0]
    unit = float(np.square(inputs).sum(axis=1).mean())
    linear = KernelRidge(lambda A, B: A @ B.T, (0.01 * 40 / unit,)).weights(X[train], X[test])
    np.testing.assert_allclose(linear, LinearRidge(None, (0.01,)).weights(X[train], X[test]), atol=1e-9)


def test_random_features_given_their_projection() -> None:
    labels, X = small_tree(90, 8), normals(9, 90 * 12).reshape(90, 12)
    train, test = np.arange(30), np.arange(30, 90)
    W = normals(10, 12 * 40).reshape(12, 40) / np.sqrt(40)
    features = LinearRidge(W, (1e-3,))
    A, B = conventions.scaled_inputs(X[train], X[test])
    F, G = A @ W, B @ W
    F0 = F - F.mean(axis=0)
    Y = normals(11, 30)
    w = np.linalg.solve(F0.T @ F0 + 1e-3 * 30 * np.eye(40), F0.T @ (Y - Y.mean()))
    np.testing.assert_allclose(features.weights(X[train], X[test]) @ Y, Y.mean() + (G - F.mean(axis=0)) @ w, atol=1e-9)
    assert smoother_risk(labels, X, train, test, features).ridge == 1e-3
    # ridge 0 interpolates: the risk at a training point's own place is 0, and that of least norm is the limit
    ridgeless = LinearRidge(None, (0.0,))
    few = np.arange(8)
    np.testing.assert_allclose(ridgeless.weights(X[few], X[few]), np.eye(8), atol=1e-9)
    limit = LinearRidge(None, (1e-13,)).weights(X[few], X[test])
    np.testing.assert_allclose(ridgeless.weights(X[few], X[test]), limit, atol=1e-8)


@pytest.mark.parametrize("learner", ["1-nn", "5-nn", "laplace-kernel"])
def test_curves_fall_and_restrict_to_what_they_need(learner: str) -> None:
    data, _, _, _, labels = dataset("cluster")
    order = permutation(key64(3, Role.SPLIT), N)
    sizes = [20, 60, 180]
    curve = smoother_curve(labels, data.X, order, sizes, order[-TEST:], learner, KEY)
    assert (np.diff(curve) < 0).all()
    alone = [smoother_risk(labels, data.X, order[:n], order[-TEST:], learner, KEY).risk.mean() for n in sizes]
    np.testing.assert_allclose(curve, alone, rtol=1e-9)
    assert smoother_curve(labels, data.X, order, [], order[-TEST:], learner).shape == (0,)


def test_a_ridge_too_small_gives_way_to_the_next() -> None:
    labels, X = small_tree(12, 9), np.zeros((12, 2))  # all points in one place: the kernel is all ones
    train, test = np.arange(8), np.arange(8, 12)
    constant = np.full((4, 8), 1.0 / 8)
    found = smoother_risk(labels, X, train, test, "laplace-kernel")
    np.testing.assert_allclose(found.risk, labels.residuals(constant, train, test), rtol=1e-6)
    with pytest.raises(RecipeError, match="none of them is large enough"):
        smoother_risk(labels, X, train, test, KernelRidge("laplace", (1e-18,)))
    with pytest.raises(RecipeError, match="too small"):
        KernelRidge("laplace", (1e-18,)).weights(X[train], X[test])


def test_what_is_no_smoother_is_refused() -> None:
    labels, X = small_tree(10, 1), np.zeros((10, 2))
    for learner, words in (("laplace", "did you mean 'laplace-kernel'"), ("0-nn", "expected"), ("mlp", "5-nn")):
        with pytest.raises(RecipeError, match=words):
            smoother_risk(labels, X, np.arange(3), np.arange(4), learner)
    with pytest.raises(RecipeError, match="at least one training point"):
        smoother_risk(labels, X, np.arange(0), np.arange(4))
    with pytest.raises(RecipeError, match="table of 10 points"):
        smoother_risk(labels, X[:9], np.arange(3), np.arange(4))
    with pytest.raises(RecipeError, match="at least one ridge"):
        smoother_risk(labels, X, np.arange(3), np.arange(4), KernelRidge("laplace", ()))
    with pytest.raises(RecipeError, match=r"expected \(2, k\)"):
        smoother_risk(labels, X, np.arange(3), np.arange(4), LinearRidge(np.ones((3, 2))))
    with pytest.raises(RecipeError, match="relu or linear"):
        smoother_risk(labels, X, np.arange(3), np.arange(4), RandomFeatures(4, "tanh"))
    with pytest.raises(RecipeError, match="at least 1"):
        smoother_risk(labels, X, np.arange(3), np.arange(4), Neighbours(0))
    with pytest.raises(RecipeError, match="sizes from 1 to 3"):
        smoother_curve(labels, X, np.arange(3), [4], np.arange(4))
