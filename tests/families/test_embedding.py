"""Embeddings: references bit by bit, the branching random walk's exact moments, and law A8 on the ties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from exact_laws import REJECTED, THRESHOLD, z_test
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples
from scipy import stats
from scipy.spatial import cKDTree

import fractalman as fm
from fractalman.families import _forests as forests
from fractalman.families._forests import _embedding_kernels as _kernels
from fractalman.families.cascade import sampler as cascade
from fractalman.families.cascade.coordinates import cascade_coordinates, cascade_segment_vectors
from fractalman.families.cascade.labels import cascade_terms, sums_are_exact
from fractalman.families.cascade.paths import CascadePaths
from fractalman.families.percolation_cluster import sampler as cluster
from fractalman.random.streams import Role, key64
from tests.reference import embedding as reference
from tests.reference import streams as plain


@examples(30)
@given(st.integers(1, 30), st.sampled_from([2, 3, 7, 16, 17, 32]), st.integers(0, 99))
def test_reference_of_the_tree_embedding(n: int, d: int, seed: int) -> None:
    tree = forests.critical_cluster(n, seed)
    parent, order = forests.rooted_order(tree.edges, n, seed % n)
    X = np.full((n, d), np.nan, np.float32)
    forests.tree_coordinates(X, tree.parent, tree.size, lambda: (parent, order), 0.3, seed)
    slow = reference.tree_coordinates(key64(seed, Role.DIRECTION, 0), tree.parent.tolist(), parent.tolist(), n, d, 0.3)
    np.testing.assert_array_equal(X, slow)


@given(st.sampled_from([2, 5, 32, 33]), st.integers(0, 99), st.sampled_from([0.3, 0.5, 0.9]))
def test_reference_of_the_cascade_embedding(d: int, seed: int, contraction: float) -> None:
    paths = CascadePaths(seed, (1, 4), 12)
    addresses = paths.addresses(paths.rough_order(np.arange(9))[:4])  # neighbours, which share nodes
    X = np.full((4, d), np.nan, np.float32)
    cascade_coordinates(X, addresses, contraction, seed)
    key = key64(seed, Role.DIRECTION)
    slow = [reference.cascade_point([int(a) for a in row], key, contraction, d) for row in addresses]
    np.testing.assert_array_equal(X, np.array(slow))


@given(st.sampled_from([2, 5, 32, 33]), st.integers(0, 99), st.sampled_from([0.3, 0.9]))
def test_reference_of_cascade_segments(d: int, seed: int, contraction: float) -> None:
    addresses = CascadePaths(seed, (1, 4), 9).addresses(np.arange(4))
    first, last = np.array([0, 3, 9, 5]), np.array([9, 3, 9, 4])
    fast = cascade_segment_vectors(addresses, first, last, contraction, seed, d)
    key = key64(seed, Role.DIRECTION)
    slow = [
        reference.cascade_segment([int(a) for a in row], *ends, key, contraction, d)
        for row, *ends in zip(addresses, first.tolist(), last.tolist(), strict=True)
    ]
    np.testing.assert_array_equal(fast, np.array(slow))
    assert not fast[3].any()  # no level, no vector


@pytest.mark.parametrize(("n", "d"), [(64, 3), (200, 17), (333, 2)])
def test_reference_of_the_tree_embedding_in_tasks(n: int, d: int) -> None:
    """From 64 points on, subclusters and subtrees are tasks of their own behind the few nodes above them."""
    tree = forests.critical_cluster(n, 7)
    parent, order = forests.rooted_order(tree.edges, n, n // 3)
    X = np.full((n, d), np.nan, np.float32)
    forests.tree_coordinates(X, tree.parent, tree.size, lambda: (parent, order), 0.3, 7)
    slow = reference.tree_coordinates(key64(7, Role.DIRECTION, 0), tree.parent.tolist(), parent.tolist(), n, d, 0.3)
    np.testing.assert_array_equal(X, slow)


def leaf_directions(n: int, d: int, seed: int) -> np.ndarray:
    """The points' directions before the walk."""
    tree = forests.critical_cluster(n, seed)
    return reference.directions(key64(seed, Role.DIRECTION, 0), tree.parent.tolist(), n, d)


@pytest.mark.parametrize("d", [2, 3, 24, 129])
def test_every_step_has_the_stated_length(d: int) -> None:
    n = 400
    recipe = fm.PercolationCluster(n_points=n, ambient_dim=d, seed=3)
    data = fm.generate(recipe)
    assert data.edges is not None
    steps = np.linalg.norm((data.X[data.edges[:, 0]] - data.X[data.edges[:, 1]]).astype(float), axis=1)
    np.testing.assert_allclose(steps, cluster.step_length(recipe), rtol=2e-5)
    assert cluster.step_length(recipe) == pytest.approx(np.sqrt(d) * n**-0.25)


def test_children_of_a_latent_are_orthogonal() -> None:
    """√½(v + w) and √½(v − w) with w ⊥ v: two points joined by the last latent have orthogonal directions."""
    tree = forests.critical_cluster(60, 1)
    v = leaf_directions(60, 24, 1).astype(float)
    np.testing.assert_allclose(np.linalg.norm(v, axis=1), 1.0, rtol=3e-6)
    pairs = [np.flatnonzero(tree.parent[:60] == u) for u in range(60, 119)]
    references = np.array([p for p in pairs if p.size == 2])
    assert len(references) > 5
    assert np.abs((v[references[:, 0]] * v[references[:, 1]]).sum(axis=1)).max() < 1e-6


def test_directions_are_uniform() -> None:
    """A leaf's direction is uniform on the sphere: its first coordinate squared is Beta(1/2, (d−1)/2)."""
    d = 7
    first = np.array([leaf_directions(6, d, s)[s % 6, s % d] for s in range(2_000)], float)
    assert stats.kstest(first**2, stats.beta(0.5, (d - 1) / 2).cdf).pvalue > THRESHOLD
    assert z_test(first, 0.0) > THRESHOLD
    assert stats.kstest(first**2, stats.beta(0.5, (d + 2) / 2).cdf).pvalue < REJECTED  # control: three dimensions more


def test_squared_distance_is_graph_distance() -> None:
    """In many dimensions |x_i − x_j|² = (d/√N)·graph distance, on average exactly."""
    n, ratios = 300, []
    for seed in range(60):
        recipe = fm.PercolationCluster(n_points=n, ambient_dim=256, seed=seed)
        data = fm.generate(recipe)
        assert data.edges is not None
        root = seed % n
        parent, order = forests.rooted_order(data.edges, n, root)
        distance = np.zeros(n)
        for i in order:
            distance[i] = 0 if parent[i] < 0 else distance[parent[i]] + 1
        squared = ((data.X - data.X[root]).astype(float) ** 2).sum(axis=1)
        far = distance > 0
        ratios.append((squared[far] / distance[far]).mean() / (256 / np.sqrt(n)))
    assert z_test(ratios, 1.0) > THRESHOLD
    assert np.std(ratios) < 0.1
    assert z_test(np.array(ratios) * 1.1, 1.0) < REJECTED  # control: a wrong scale


def tied_share(X: np.ndarray) -> float:
    """Share of points whose two nearest neighbours are equally far to a relative 10^-4."""
    distance, _ = cKDTree(X.astype(float)).query(X.astype(float), k=3)
    return float((distance[:, 2] <= distance[:, 1] * (1 + 1e-4)).mean())


def test_a8_ties() -> None:
    """A point ties exactly when it has two or more graph neighbours, in float32 and d ≥ 32."""
    n = 2_000
    law = 1 - (1 - 1 / n) ** (n - 2)
    data = [fm.generate(fm.PercolationCluster(n_points=n, ambient_dim=64, seed=s)) for s in range(8)]
    shares = [tied_share(d.X) for d in data]
    assert abs(np.mean(shares) - law) < 0.01
    for d, share in zip(data, shares, strict=True):
        assert d.edges is not None
        assert share == pytest.approx((np.bincount(d.edges.ravel()) >= 2).mean(), abs=2e-3)
    noisy = data[0].X * (1 + 1e-2 * np.sin(np.arange(data[0].X.size, dtype=np.float32)).reshape(data[0].X.shape))
    assert tied_share(noisy) < 0.1  # control: the ties are the tree's, not the test's


@pytest.mark.parametrize("more", [{"branching": 4}, {"masses": ((0.9, 0.1), (0.2, 0.3, 0.5)), "contraction": 0.6}])
def test_a_cascades_points_do_not_depend_on_their_company(more: dict[str, Any]) -> None:
    """Nodes are drawn once for all points that share them: alone, or in any order, every point is the same."""
    recipe = fm.Cascade(n_points=9_000, ambient_dim=5, seed=3, **more)
    data, points = fm.generate(recipe), np.array([8_999, 0, 17, 17, 4_096])
    X = np.empty((points.size, 5), np.float32)
    cascade.rows(recipe, points, X)
    np.testing.assert_array_equal(X, data.X[points])
    np.testing.assert_array_equal(cascade.values(recipe, points), data.y[points])
    order = cascade.cascade_paths(recipe).rough_order(np.arange(9_000))
    addresses = cascade.cascade_paths(recipe).addresses(order)
    kept = (addresses[1:] == addresses[:-1]).mean()
    assert kept > 1.5 * (np.diff(cascade.cascade_paths(recipe).addresses(np.arange(9_000)), axis=0) == 0).mean()


@pytest.mark.parametrize(("contraction", "exact"), [(0.5, True), (0.99, False)])
def test_labels_of_cascades_are_path_sums(contraction: float, exact: bool) -> None:
    """Where sums of terms are exact in any order the tree's sums are the labels, to the last bit."""
    recipe = fm.Cascade(n_points=300, ambient_dim=2, contraction=contraction, branching=2, depth=400, seed=1)
    assert sums_are_exact(cascade_terms(contraction, recipe.hurst, recipe.levels)) is exact
    np.testing.assert_array_equal(fm.generate(recipe).y, cascade.values(recipe, np.arange(300)))


@pytest.mark.parametrize("threads", ["1", "2", "5"])
def test_threads_cannot_change_a_byte(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipes = [
        fm.PercolationCluster(n_points=9_000, ambient_dim=16, seed=2),
        fm.Cascade(n_points=9_000, branching=(1, 16), seed=2),
    ]
    monkeypatch.setenv("FRACTALMAN_THREADS", "3")
    before = [fm.generate(r) for r in recipes]
    monkeypatch.setenv("FRACTALMAN_THREADS", threads)
    for recipe, old in zip(recipes, before, strict=True):
        new = fm.generate(recipe)
        np.testing.assert_array_equal(new.X, old.X)
        np.testing.assert_array_equal(new.y, old.y)
        np.testing.assert_array_equal(new.hierarchy.value, old.hierarchy.value)  # type: ignore[union-attr]


def test_cascade_coordinates_are_the_sum_of_its_levels() -> None:
    """x = Σ_l r^l v(node_l): two points that part at level m differ by what lies below m only."""
    recipe = fm.Cascade(n_points=200, ambient_dim=24, branching=3, contraction=0.4, seed=5)
    addresses = CascadePaths(5, (3,), recipe.levels).addresses(np.arange(200))
    X = fm.generate(recipe).X.astype(float)
    key = key64(5, Role.DIRECTION)
    units: dict[int, np.ndarray] = {}
    for a in np.unique(addresses[:, :4]):
        vector = np.empty(24, np.float32)
        _kernels.unit_vector(np.uint64(plain.derive(key, int(a))), np.uint64(0), vector)
        units[int(a)] = vector.astype(float)
        assert np.linalg.norm(units[int(a)]) == pytest.approx(1.0, abs=1e-6)
    for row, x in zip(addresses, X, strict=True):
        top = sum(0.4**level * units[int(row[level])] for level in range(4))
        assert np.linalg.norm(x - top) < 0.4**4 / (1 - 0.4) + 1e-6


def test_points_of_the_plane_always_have_a_place() -> None:
    """One of 1056 had none: one of the 220 directions that it is a sum of had no length."""
    seeds = fm.Seeds(geometry=1891491710123298815, embedding=350134797256642349, labels=1)
    data = fm.generate(fm.Cascade(n_points=1056, branching=3, contraction=0.93, hurst=0.4, ambient_dim=2, seed=seeds))
    assert np.isfinite(data.X).all()
