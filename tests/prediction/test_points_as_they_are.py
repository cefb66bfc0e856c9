"""Recipe curves where X and hierarchy part: against one neighbour in plain NumPy, run on generated points."""

from __future__ import annotations

import numpy as np
import pytest

import fractalman as fm
from fractalman import theory
from fractalman.errors import RecipeError
from fractalman.prediction import law_of
from fractalman.prediction.drawn import DrawnRealizations
from fractalman.prediction.methods import control_of

CASCADE, CLUSTER = fm.Cascade, fm.PercolationCluster
SIZES = (64, 512)
WIDE = CASCADE(n_points=1000, branching=(3, 7), contraction=0.37, hurst=0.62, ambient_dim=24)
CASES = {
    "two-dimensions": CASCADE(n_points=1000, branching=5, contraction=0.47, hurst=0.62, ambient_dim=2),
    "random-2": WIDE.replace(ambient_dim=2),
    "random-3": WIDE.replace(ambient_dim=3),
    "random-24": WIDE,
    "cluster-2": CLUSTER(n_points=3000, label_exponent=0.18, ambient_dim=2),
    "near-one": CASCADE(n_points=1000, branching=4, contraction=0.83, hurst=0.5, ambient_dim=32),
    "nuisance": WIDE.replace(nuisance_dim=5),
    "rotated-noise": WIDE.replace(noise=0.3, rotate=True),
    "manifold-nuisance": fm.SmoothManifold(n_points=1000, hurst=0.5, nuisance_dim=2, nuisance_scale=0.2),
}
IN_HIERARCHY = ("random-24", "rotated-noise")


def plain(recipe: fm.Recipe, seeds: int, tests: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Mean risk of one neighbour on generated points, by all squared distances, and its standard error."""
    rows = []
    for seed in range(seeds):
        data = fm.generate(recipe.replace(seed=9000 + seed))
        y = fm.label_draws(data, 4)
        train, test = data.split(max(SIZES), tests, seed=seed)
        X = data.X.astype(np.float64)
        squares = np.square(X[test]).sum(axis=1)[:, None] + np.square(X[train]).sum(axis=1) - 2.0 * X[test] @ X[train].T
        rows.append([np.mean((y[train[squares[:, :n].argmin(axis=1)]] - y[test]) ** 2) for n in SIZES])
    found = np.array(rows)
    return found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(seeds)


@pytest.mark.slow(reason="structures and fields drawn and searched", only=["manifold-nuisance", "near-one", "random-3"])
@pytest.mark.parametrize("name", CASES)
def test_recipe_curves_are_those_of_the_points(name: str) -> None:
    recipe = CASES[name]
    prediction = fm.predict(recipe, draws=12)
    curve, floor = prediction.curve(SIZES), prediction.floor(SIZES)
    risk, error = plain(recipe, 8)
    assert (np.abs(risk - curve.risk) < 4.0 * np.hypot(error, curve.standard_error)).all()
    assert (floor.risk <= curve.risk).all()
    assert ("in the hierarchy," in curve.kind) == (name in IN_HIERARCHY)
    if name in ("two-dimensions", "nuisance"):  # control: the ideal curve is rejected
        ideal = fm.predict(WIDE.replace(**{k: getattr(recipe, k) for k in ("branching", "contraction", "hurst")}))
        series = control_of(DrawnRealizations(ideal.recipe))
        assert series is not None
        assert (np.abs(risk - series.exact(SIZES)[0]) > 4.0 * error)[-1]


@pytest.mark.slow(reason="fields of many points", only=["manifold-k-nn", "manifold-ridge", "manifold-laplace-kernel"])
@pytest.mark.parametrize("learner", ["1-nn", "k-nn", "laplace-kernel", "ridge"])
@pytest.mark.parametrize(
    "recipe",
    [
        CASCADE(n_points=400, branching=(2, 3, 6), contraction=0.4, hurst=0.7),
        CASCADE(n_points=400, branching=4, ambient_dim=3, nuisance_dim=2),
        CLUSTER(n_points=800, ambient_dim=8),
        fm.PercolationEnsemble(n_points=800, ensemble="size-biased", label="cluster-constant", ambient_dim=8),
        fm.BetheLattice(n_points=800, ambient_dim=24),
        fm.SmoothManifold(n_points=400, hurst=0.5),
    ],
    ids=["random", "nuisance", "cluster", "constant", "bethe", "manifold"],
)
def test_no_curve_is_below_its_floor(recipe: fm.Recipe, learner: str) -> None:
    """Both average over the same draws, so this holds for their averages and not only in expectation."""
    prediction = fm.predict(recipe, learner, draws=3)
    assert (prediction.curve([16, 128]).risk >= prediction.floor([16, 128]).risk * (1.0 - 1e-9)).all()


def test_the_user_says_how_many_draws_or_how_exact() -> None:
    recipe = CASCADE(n_points=400, branching=4, ambient_dim=3)
    few, many = fm.predict(recipe, draws=4), fm.predict(recipe, draws=16)
    assert (few.curve([32]).draws, many.curve([32]).draws, many.floor([32]).draws) == (4, 16, 16)
    assert many.curve([32]).standard_error[0] < few.curve([32]).standard_error[0]
    exact = fm.predict(recipe, draws=4, target_error=0.04)
    curve = exact.curve([32])
    assert curve.standard_error[0] <= 0.04 * curve.risk[0]
    assert curve.draws == exact.draws == exact.floor([32]).draws > 4
    for words in ({"draws": 2}, {"draws": 1.5}, {"target_error": 0.0}, {"target_error": 2.0}):
        with pytest.raises(RecipeError, match="expected"):
            fm.predict(recipe, **words)


def test_one_neighbour_in_the_hierarchy_is_the_mean_over_who_shares_most() -> None:
    """Against lists of ancestors, point by point; masses, ratios, a last level and noise."""
    for recipe in (
        CASCADE(n_points=90, branching=(3, 7), noise=0.2),
        CASCADE(n_points=90, branching=2, depth=4),
        CASCADE(n_points=90, masses=(0.2, 0.8), contraction=(0.3, 0.6)),
    ):
        tree = fm.generate(recipe).label_tree
        assert tree is not None
        tree = tree.noisy(recipe.noise) if recipe.noise else tree
        ancestors = []
        for leaf in tree.leaf.tolist():
            path = [leaf]
            while tree.parent[path[-1]] >= 0:
                path.append(int(tree.parent[path[-1]]))
            ancestors.append(set(path))
        risk = theory.one_nn_in_hierarchy(tree, np.arange(70), [7, 70], np.arange(70, 90))
        for row, n in enumerate((7, 70)):
            for t in range(70, 90):
                shared = np.array([len(ancestors[t] & ancestors[j]) for j in range(n)])
                best = np.flatnonzero(shared == shared.max())
                expected = theory.pair_risk(tree, best, np.full(best.size, t)).mean()
                assert risk[row, t - 70] == pytest.approx(expected, abs=1e-12)


def test_the_average_of_the_control_is_its_exact_series() -> None:
    """The control's draws and its exact series are of one thing, or it would move every curve."""
    control = control_of(DrawnRealizations(WIDE))
    assert control is not None
    drawn = control.compute((32, 128), 0, 40)
    z = (drawn.mean(axis=0) - control.exact((32, 128))[0]) / (drawn.std(axis=0, ddof=1) / np.sqrt(40))
    assert (np.abs(z) < 4.0).all()


def test_floors_below_rounding_are_not_told() -> None:
    """Circle, H = 5: in 700-bit arithmetic the floor is 2.42e-8 at n = 128 and 8.28e-13 at n = 256."""
    prediction = fm.predict(fm.SmoothManifold(kind="torus", dim=1, n_points=1000, hurst=5.0), draws=3)
    floor = prediction.floor([8, 256])
    assert np.isfinite(floor.risk[0])
    assert np.isnan(floor.risk[1])
    assert "below rounding" in floor.reason
    assert "best linear smoother" in floor.kind


def test_with_nuisance_no_exponent_is_promised() -> None:
    law = law_of(WIDE.replace(nuisance_dim=5), "1-nn")
    assert law.data_exponent is None
    assert law.model_exponent is None
    assert "nuisance" in law.reason
    assert "without nuisance coordinates" in law.nearest


def _taxicab(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    return np.exp(-np.abs(A[:, None] - B).sum(axis=2))


def test_kernels_of_ones_own_see_the_coordinates_themselves() -> None:
    """A manifold's own coordinates have the same distances, which is all that other smoothers look at."""
    recipe = fm.SmoothManifold(
        n_points=300, kind="sphere", dim=2, hurst=0.4, ambient_dim=6, nuisance_dim=2, rotate=True
    )
    source = DrawnRealizations(recipe)
    (draw,) = source.draws((32,), 0, 1)
    X = fm.generate(source.recipes(draw.covariance.n_points, 0, 1)[0]).X
    kernel = theory.KernelRidge(_taxicab, raw=True)
    np.testing.assert_array_equal(draw.seen_by(kernel), X)
    for learner in ("1-nn", "k-nn", "ridge", "random-features", "laplace-kernel"):
        assert draw.seen_by(learner).shape[1] == 5  # three of a sphere, two of nuisance
    near = np.linalg.norm(draw.coordinates()[:20, None] - draw.coordinates()[None, :20], axis=2)
    assert np.linalg.norm(X[:20, None] - X[None, :20], axis=2) == pytest.approx(near, abs=1e-5)
    (tree,) = DrawnRealizations(CASES["nuisance"]).draws((32,), 0, 1)
    assert tree.seen_by(kernel) is tree.coordinates() or (tree.seen_by(kernel) == tree.coordinates()).all()
