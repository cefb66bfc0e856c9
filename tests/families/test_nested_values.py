"""Nested clusters: what of labels and coordinates stays when points are added, against the exact expectation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from exact_laws import REJECTED, THRESHOLD, z_test
from hypothesis import given, settings
from hypothesis import strategies as st

import fractalman as fm
from fractalman.families import _forests as forests
from fractalman.trees import Hierarchy


def ancestors(parent: np.ndarray, node: int) -> list[int]:
    path = []
    while parent[node] >= 0:
        node = int(parent[node])
        path.append(node)
    return path


@settings(max_examples=10)
@given(st.integers(2, 60), st.integers(0, 2**63 - 1))
def test_reference_of_the_names_of_latents(n: int, seed: int) -> None:
    """The latent of an edge is the smallest subcluster that holds both its ends."""
    tree = forests.nested_cluster(n, seed)
    names = forests.latent_names(tree.edges, n, seed)
    for older, vertex in tree.edges.tolist():
        above = set(ancestors(tree.parent, older))
        meeting = next(u for u in ancestors(tree.parent, vertex) if u in above)
        assert names[meeting - n] == vertex


def by_name(data: fm.Dataset, recipe: fm.PercolationCluster) -> dict[int, float]:
    assert data.edges is not None
    assert data.hierarchy is not None
    n = recipe.n_points
    names = forests.latent_names(data.edges, n, recipe.seeds.geometry)
    return dict(zip(names.tolist(), data.hierarchy.value[n:].tolist(), strict=True))


@settings(max_examples=8)
@given(
    st.integers(1, 200), st.integers(1, 200), st.integers(0, 2**63 - 1), st.sampled_from(["hierarchical", "brownian"])
)
def test_latents_and_coordinates_nest(n: int, m: int, seed: int, label: str) -> None:
    n, m = min(n, m), max(n, m)
    recipe = fm.PercolationCluster(n_points=n, ambient_dim=7, growth="nested", seed=seed, label=label)
    larger = recipe.replace(n_points=m)
    small, large = fm.generate(recipe), fm.generate(larger)
    np.testing.assert_allclose(small.X * (n / m) ** 0.25, large.X[:n], rtol=0, atol=2e-5)
    assert small.label_tree is not None
    assert large.label_tree is not None
    if label == "hierarchical":
        kept = by_name(large, larger)
        assert all(kept[name] == value for name, value in by_name(small, recipe).items())
        np.testing.assert_array_equal(small.label_tree.value[:n], large.label_tree.value[:n])
    else:
        np.testing.assert_array_equal(small.label_tree.parent, large.label_tree.parent[:n])
        np.testing.assert_allclose(small.y * small.label_tree.norm, large.y[:n] * large.label_tree.norm[:n], atol=1e-10)


def expected_change(h: Hierarchy, names: np.ndarray, n: int) -> float:
    """E mean (y' − y)² over the first n points, given the trees: 2 − 2√(share of a path's latents that stay)."""
    total = 0.0
    for i in range(n):
        path = ancestors(h.parent, i)
        gone = sum(int(names[u - h.n_points]) >= n for u in path)
        total += 2.0 - 2.0 * np.sqrt((len(path) + 1 - gone) / (len(path) + 1))
    return total / n


def test_labels_change_by_what_the_added_latents_force() -> None:
    m, n = 120, 100
    changes, expected = [], []
    for seed in range(60):
        tree, before = forests.nested_cluster(m, seed), forests.nested_cluster(n, seed)
        names = forests.latent_names(tree.edges, m, seed)
        columns = Hierarchy(tree.parent, np.zeros(2 * m - 1), np.ones(2 * m - 1), tree.size, tree.depth, m)
        y = forests.hierarchical_labels(tree.parent, tree.size, m, 0.0, seed, names=names)[1]
        smaller = forests.latent_names(before.edges, n, seed)
        y_before = forests.hierarchical_labels(before.parent, before.size, n, 0.0, seed, names=smaller)[1]
        changes.append(float(np.mean((y[:n] - y_before) ** 2)))
        expected.append(expected_change(columns, names, n))
    difference = np.array(changes) - np.array(expected)
    assert z_test(difference, 0.0) > THRESHOLD
    assert z_test(np.array(changes) - 3.0 * np.array(expected), 0.0) < REJECTED
    tree, before = forests.nested_cluster(m, 1), forests.nested_cluster(n, 1)
    by_number = [forests.hierarchical_labels(t.parent, t.size, k, 0.0, 1)[1][:n] for t, k in ((tree, m), (before, n))]
    assert np.mean((by_number[0] - by_number[1]) ** 2) > 0.1  # node numbers shift: what names are for


@pytest.mark.parametrize("directions", ["edges", "hierarchy"])
def test_a8_squared_distances_are_graph_distances_in_the_mean(directions: str) -> None:
    n, d = 60, 5
    ratios, coordinate = [], []
    for seed in range(150):
        recipe = fm.PercolationCluster(n_points=n, ambient_dim=d, growth="nested", seed=seed, directions=directions)
        data = fm.generate(recipe)
        assert data.edges is not None
        parent = {int(v): int(u) for u, v in data.edges}
        steps, node = 0, n - 1
        while node:
            steps, node = steps + 1, parent[node]
        gap = data.X[n - 1].astype(float) - data.X[0]
        ratios.append(float(gap @ gap) / (steps * d / n**0.5))
        coordinate.append(float(gap[0] ** 2 - gap[1] ** 2))
    assert z_test(coordinate, 0.0) > THRESHOLD  # no axis is preferred
    if directions == "edges":
        assert z_test(ratios, 1.0) > THRESHOLD
        assert z_test(np.array(ratios) * 1.5, 1.0) < REJECTED


def test_nearest_neighbours_are_graph_neighbours_in_100_dimensions() -> None:
    shares = {}
    for directions in ("edges", "hierarchy"):
        recipe = fm.PercolationCluster(n_points=600, ambient_dim=100, growth="nested", seed=3, directions=directions)
        data = fm.generate(recipe)
        assert data.edges is not None
        joined = {(int(u), int(v)) for u, v in data.edges} | {(int(v), int(u)) for u, v in data.edges}
        square = ((data.X[:, None].astype(float) - data.X[None]) ** 2).sum(-1)
        np.fill_diagonal(square, np.inf)
        shares[directions] = np.mean([(i, int(k)) in joined for i, k in enumerate(square.argmin(1))])
    assert min(shares.values()) > 0.97, shares


def test_files_of_edge_directions_hold_the_same_bytes(tmp_path: Path) -> None:
    for k, recipe in enumerate(
        (
            fm.PercolationCluster(n_points=1, ambient_dim=3, growth="nested"),
            fm.PercolationCluster(n_points=6_000, ambient_dim=17, growth="nested", seed=2),
            fm.PercolationCluster(n_points=3_000, ambient_dim=4, directions="edges", label="brownian"),
            fm.PercolationCluster(n_points=3_000, ambient_dim=4, growth="nested", directions="hierarchy"),
        )
    ):
        data, path = fm.generate(recipe), fm.write(recipe, tmp_path / f"{k}.h5")
        with fm.open(path) as file:
            np.testing.assert_array_equal(file.X[:], data.X)
            np.testing.assert_array_equal(file.y[:], data.y)
            assert file.recipe == recipe


def test_directions_are_checked_and_silent() -> None:
    recipe = fm.PercolationCluster(n_points=9)
    assert "directions" not in recipe.to_dict()
    assert not recipe.edge_directions
    assert recipe.replace(growth="nested").edge_directions
    assert not recipe.replace(growth="nested", directions="hierarchy").edge_directions
    with pytest.raises(fm.RecipeError, match="directions = 'edge'"):
        recipe.replace(directions="edge")
