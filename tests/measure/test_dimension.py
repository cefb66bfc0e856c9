"""Intrinsic dimension and label smoothness: known sets, errors that cover, and sets that deceive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.measure import dimension, dimensions, smoothness

METHODS = ("correlation", "information", "mle", "two-nn")


def torus(n: int, dim: int, ambient: int, seed: int) -> np.ndarray:
    """Uniform points on a flat torus: no edge, no curvature of the measure."""
    rng = np.random.default_rng(seed)
    angle = 2.0 * np.pi * rng.random((n, dim))
    flat = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    return flat @ np.linalg.qr(rng.normal(size=(ambient, 2 * dim)))[0].T


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("dim", "within"), [(1, 0.04), (2, 0.06), (3, 0.15)])
def test_a_torus_has_its_dimension(method: str, dim: int, within: float) -> None:
    """Every estimator finds D of a smooth set, within its error and the curvature of the window."""
    found = dimension(torus(8000, dim, 12, dim), method=method)
    assert abs(found.value - dim) < within + 3.0 * found.standard_error
    assert abs(found.value - (dim + 1)) > 5.0 * found.standard_error  # the neighbouring integer is rejected
    assert found.ties < 0.01


def test_the_error_is_that_of_repetition() -> None:
    """Over fresh sets the estimates scatter as their standard errors say."""
    for method in METHODS:
        found = [dimension(torus(1500, 2, 6, 100 + s), method=method, n_sources=300) for s in range(24)]
        scatter = np.std([f.value for f in found], ddof=1)
        claimed = np.mean([f.standard_error for f in found])
        assert 0.55 < claimed / scatter < 1.9, method


def test_a_thinned_cluster_has_dimension_four_and_a_complete_one_ties() -> None:
    """The embedded critical cluster: D = 4 on a 1/16 subsample; the complete set is named a discrete one."""
    X = fm.generate(fm.PercolationCluster(n_points=48000, ambient_dim=128, seed=3)).X
    thin = dimension(X[:3000])
    assert abs(thin.value - 4.0) < 0.25 + 3.0 * thin.standard_error
    assert thin.ties < 0.03
    assert not any("discrete" in w for w in thin.warnings)
    whole = dimensions(X[np.argsort(np.square(X).sum(axis=1))[:3000]])  # the complete middle of it
    assert all(any("discrete" in w for w in d.warnings) for d in whole.values())


def test_a_bent_law_is_named() -> None:
    """A thick line is one-dimensional far away and three-dimensional nearby: the halves of the window say so."""
    rng = np.random.default_rng(5)
    X = np.stack([100.0 * rng.random(6000), rng.random(6000), rng.random(6000)], axis=1)
    found = dimension(X, window=(0.3, 20.0))
    assert found.lower is not None
    assert found.upper is not None
    assert found.lower > found.upper + 0.3
    assert any("no single power law" in w for w in found.warnings)


@settings(max_examples=15)
@given(st.floats(1e-6, 1e6), st.integers(0, 5), st.sampled_from(METHODS))
def test_units_origin_and_rotation_do_not_matter(scale: float, seed: int, method: str) -> None:
    """D of a·XQ + b is D of X."""
    X = torus(400, 2, 4, seed)
    Q = np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4)))[0]
    a, b = dimension(X, method=method, n_sources=100), dimension(scale * (X @ Q + 1.0), method=method, n_sources=100)
    assert a.value == pytest.approx(b.value, rel=1e-5)


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (np.zeros((100, 3)), "coincide"),
        (np.zeros((10, 3)), "n = 64 or more"),
        (np.zeros(100), "table"),
        (np.full((100, 2), np.nan), "not finite"),
        (np.array([["a", "b"]] * 100), "numbers"),
    ],
)
def test_what_has_no_dimension_is_refused(X: np.ndarray, words: str) -> None:
    """One line that says what was found."""
    for method in METHODS:
        with pytest.raises(RecipeError, match=words):
            dimension(X, method=method)


def test_wrong_words_and_windows_are_refused() -> None:
    """The nearest method is named; an empty window is no window."""
    X = torus(200, 1, 3, 0)
    with pytest.raises(RecipeError, match="did you mean 'correlation'"):
        dimension(X, method="corelation")
    with pytest.raises(RecipeError, match="0 < low < high"):
        dimension(X, window=(2.0, 1.0))
    with pytest.raises(RecipeError, match="closer than"):
        dimension(X, window=(1e-12, 1e-11))


# ---------------------------------------------------------------------------------------------------- smoothness


def averaged(recipes: list[fm.Recipe], points: int, nugget: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(2H, α) of several draws of labels: their means and standard errors; one draw scatters."""
    rows = []
    for recipe in recipes:
        data = fm.generate(recipe)
        found = smoothness(data.X[:points], data.y[:points], nugget=nugget)
        rows.append([found.variogram.value, found.neighbours.value])
    table = np.array(rows)
    return table.mean(axis=0), table.std(axis=0, ddof=1) / np.sqrt(len(table))


@pytest.mark.parametrize(("branching", "hurst", "alpha"), [(4, 1.0, 1.0), (4, 0.5, 0.5), (2, 0.5, 1.0)])
def test_neighbours_differ_as_the_moran_exponent_says(branching: int, hurst: float, alpha: float) -> None:
    """g(k) ~ k^α on cascades, averaged over label draws; the neighbouring α is rejected."""
    mean, error = averaged(
        [fm.Cascade(n_points=4000, branching=branching, hurst=hurst, seed=s) for s in range(12)], 4000
    )
    assert abs(mean[1] - alpha) < 0.06 + 3.0 * error[1]
    assert abs(mean[1] - (0.5 if alpha == 1.0 else 1.0)) > 5.0 * error[1]


def test_a_nugget_is_found_and_without_it_noise_flattens_the_variogram() -> None:
    """σ = ½ on a sphere: with a nugget 2H and 2σ² come back, without it 2H is far too small."""
    recipes: list[fm.Recipe] = [fm.SmoothManifold(n_points=6000, dim=2, hurst=0.5, noise=0.5, seed=s) for s in range(6)]
    plain, _ = averaged(recipes, 6000)
    fitted, fitted_error = averaged(recipes, 6000, nugget=True)
    assert abs(fitted[0] - 1.0) < 0.2 + 3.0 * fitted_error[0]
    assert plain[0] < 0.5
    data = fm.generate(recipes[0])
    floor = smoothness(data.X, data.y, nugget=True).variogram.floor
    assert floor is not None
    assert 0.3 < floor < 0.6


def test_labels_that_do_not_fit_are_refused() -> None:
    """As many labels as points, and finite ones."""
    X = torus(200, 1, 3, 0)
    with pytest.raises(RecipeError, match="200 finite labels"):
        smoothness(X, np.zeros(10))
    with pytest.raises(fm.errors.FitError, match="labels that differ"):
        smoothness(X, np.zeros(200))
