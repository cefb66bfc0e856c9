"""Labels: references, prior variance exactly 1, independence of what they must not depend on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from exact_laws import REJECTED, THRESHOLD, z_test
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import fractalman as fm
from fractalman._jit import kernel
from fractalman.families import _forests as forests
from fractalman.families._forests import _label_kernels as _kernels
from fractalman.families.cascade.labels import cascade_segments, cascade_terms
from fractalman.families.cascade.paths import CascadePaths
from fractalman.random.streams import Role, key64
from fractalman.trees import path_sums
from tests.reference import labels as reference


@given(st.integers(1, 30), st.floats(-0.24, 2.0), st.integers(0, 99))
def test_reference_of_hierarchical_labels(n: int, a: float, seed: int) -> None:
    tree = forests.critical_cluster(n, seed)
    made, y = forests.hierarchical_labels(tree.parent, tree.size, n, a, seed, draw=3)
    assert made.value.tolist() == reference.hierarchical_values(key64(seed, Role.LATENT, 0, 3), made.variance.tolist())
    np.testing.assert_allclose(made.variance, tree.size ** (2 * a), rtol=1e-13)
    slow = [reference.path_sum(made.parent, made.value, i) / made.norm[i] for i in range(n)]
    assert y.tolist() == slow
    prior = path_sums(made.parent, made.variance)[:n] / made.norm**2
    np.testing.assert_allclose(prior, 1.0, rtol=1e-12)


@given(st.integers(0, 99), st.floats(0.1, 3.0), st.floats(0.1, 0.9))
def test_reference_of_cascade_segments(seed: int, hurst: float, contraction: float) -> None:
    levels = 15
    addresses = CascadePaths(seed, (1, 3), levels).addresses(np.arange(5))
    amplitude = cascade_terms(contraction, hurst, levels)
    np.testing.assert_allclose(amplitude, contraction ** (hurst * np.arange(levels + 1)), rtol=1e-12)
    first, last = np.array([0, 3, 5, 9, 2]), np.array([levels, 2, 5, levels, 7])
    value, variance = cascade_segments(addresses, first, last, amplitude, seed, draw=1)
    key = key64(seed, Role.LATENT, 0, 1)
    slow = [
        reference.cascade_segment([int(a) for a in row], int(f), int(g), amplitude.tolist(), key)
        for row, f, g in zip(addresses, first, last, strict=True)
    ]
    assert value.tolist() == slow
    expected = [sum(amplitude[f : g + 1] ** 2) for f, g in zip(first, last, strict=True)]
    np.testing.assert_allclose(variance, expected, rtol=1e-12)


@kernel
def _exp(x):  # type: ignore[no-untyped-def]
    return _kernels.exp64(x)


@given(st.floats(-600, 600))
def test_exponential_is_accurate(x: float) -> None:
    assert _exp(x) == pytest.approx(math.exp(x), rel=5e-14)


ALL = [
    fm.PercolationCluster(n_points=700, seed=3),
    fm.PercolationCluster(n_points=700, label_exponent=0.5, seed=3),
    fm.PercolationCluster(n_points=700, label_exponent=-0.2, seed=3),
    fm.PercolationCluster(n_points=700, label="brownian", seed=3),
    fm.PercolationCluster(n_points=1),
    fm.PercolationCluster(n_points=2, label="brownian"),
    fm.Cascade(n_points=700, branching=(1, 16), hurst=0.5, seed=3),
    fm.Cascade(n_points=700, branching=2, depth=4, seed=3),
    fm.Cascade(n_points=1),
]


@pytest.mark.parametrize("recipe", ALL, ids=lambda r: f"{r.family}-{r.n_points}")
def test_the_label_tree_is_the_label(recipe: fm.Recipe) -> None:
    """y[i] == (sum of value on the path) / norm[i], to the last bit, and every prior variance is 1."""
    data = fm.generate(recipe)
    tree = data.label_tree
    assert tree is not None
    np.testing.assert_array_equal(path_sums(tree.parent, tree.value)[tree.leaf] / tree.norm, data.y)
    prior = path_sums(tree.parent, tree.variance)[tree.leaf] / tree.norm**2
    if getattr(recipe, "label", "") == "brownian":
        assert prior.mean() == pytest.approx(1.0, rel=1e-12)
        assert np.unique(tree.norm).size == 1
    else:
        np.testing.assert_allclose(prior, 1.0, rtol=1e-12)
    assert (tree.variance >= 0).all()
    assert (tree.value[tree.variance == 0] == 0).all()


def test_brills_norm() -> None:
    data = fm.generate(fm.PercolationCluster(n_points=300))
    assert data.label_tree is not None
    assert data.hierarchy is not None
    np.testing.assert_allclose(data.label_tree.norm, np.sqrt(data.hierarchy.depth[:300] + 1), rtol=1e-15)


@pytest.mark.parametrize(
    "recipe",
    [
        fm.PercolationCluster(n_points=60, label_exponent=0.3),
        fm.PercolationCluster(n_points=60, label="brownian"),
        fm.Cascade(n_points=60, branching=(1, 4), hurst=0.7),
    ],
    ids=lambda r: getattr(r, "label", "cascade"),
)
def test_draws_follow_the_stated_covariance(recipe: fm.Recipe) -> None:
    """Whitened by the Cholesky factor of the label tree's covariance, label draws are independent N(0, 1)."""
    data = fm.generate(recipe)
    tree = data.label_tree
    assert tree is not None
    drawn = fm.label_draws(data, 401)[:, 1:]
    paths = np.zeros((60, tree.parent.size))
    for i in range(60):
        u = int(tree.leaf[i])
        while u >= 0:
            paths[i, u] = 1 / tree.norm[i]
            u = int(tree.parent[u])
    covariance = paths * tree.variance @ paths.T
    white = np.linalg.solve(np.linalg.cholesky(covariance), drawn).ravel()
    assert stats.kstest(white, "norm").pvalue > THRESHOLD
    assert z_test(white**2, 1.0) > THRESHOLD
    wrong = np.linalg.solve(np.linalg.cholesky(covariance * 0.9 + 0.1 * np.eye(60)), drawn).ravel()
    assert z_test(wrong**2, 1.0) < REJECTED  # control: a tenth of the label independent from point to point


def test_first_draw_is_the_dataset() -> None:
    for recipe in ALL[:8]:
        data = fm.generate(recipe)
        drawn = fm.label_draws(data, 2)
        np.testing.assert_array_equal(drawn[:, 0], data.y)
        assert (drawn[:, 1] != data.y).all()
