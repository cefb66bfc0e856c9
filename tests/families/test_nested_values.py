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
from fractalman.families._forests import labels
from fractalman.random.streams import normals
from tests.reference import nested as reference


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
    names = forests.latent_names(tree.parent, n)
    for older, vertex in tree.edges.tolist():
        above = set(ancestors(tree.parent, older))
        meeting = next(u for u in ancestors(tree.parent, vertex) if u in above)
        assert names[meeting - n] == vertex


@settings(max_examples=15)
@given(st.integers(2, 40), st.integers(0, 2**63 - 1))
def test_reference_of_the_normals_of_a_tree_that_grows(n: int, seed: int) -> None:
    tree = forests.nested_cluster(n, seed)
    names = forests.latent_names(tree.parent, n)
    expected = reference.grown_normals(tree.parent.tolist(), n, names.tolist())
    found = labels.grown_normals(tree.parent, n, 7)
    draws = normals(7, 2 * n)
    np.testing.assert_allclose(
        found, [sum(value * draws[k] for k, value in row.items()) for row in expected], rtol=0, atol=1e-13
    )
    matrix = _matrix(expected, n)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(2 * n - 1), atol=1e-13)  # independent, at every size
    fewer = n // 2 + 1
    small = forests.nested_cluster(fewer, seed)
    before = labels.grown_normals(small.parent, fewer, 7)
    own = draws[: 2 * fewer].reshape(-1, 2)
    assert before.size == 2 * fewer - 1
    assert np.sum(before**2) == pytest.approx(np.sum(own**2) - own[0, 1] ** 2)  # turned, so their length stays


def _matrix(rows: list[dict[int, float]], n: int) -> np.ndarray:
    out = np.zeros((len(rows), 2 * n))
    for k, row in enumerate(rows):
        out[k, list(row)] = list(row.values())
    return out


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
    if label == "brownian":
        np.testing.assert_array_equal(small.label_tree.parent, large.label_tree.parent[:n])
        np.testing.assert_allclose(small.y * small.label_tree.norm, large.y[:n] * large.label_tree.norm[:n], atol=1e-10)


def expected_change(trees: list[forests.ClusterTree], sizes: list[int]) -> tuple[float, float]:
    """E mean (y' − y)² over the first n points, given the trees; and what independent new values would make of it."""
    path_sums, count = [], []
    for tree, n in zip(trees, sizes, strict=True):
        names = forests.latent_names(tree.parent, n)
        rows = _matrix(reference.grown_normals(tree.parent.tolist(), n, names.tolist()), n)
        paths = [[i, *ancestors(tree.parent, i)] for i in range(sizes[0])]
        path_sums.append(np.array([rows[path].sum(0) for path in paths])[:, : 2 * sizes[0]])
        count.append(np.array([len(path) for path in paths]))
    covariance = (path_sums[0] * path_sums[1]).sum(1) / np.sqrt(count[0] * count[1])
    kept = np.sqrt(count[0] / count[1])
    return float((2.0 - 2.0 * covariance).mean()), float((2.0 - 2.0 * kept).mean())


def test_labels_change_by_what_the_added_latents_force() -> None:
    m, n = 60, 50
    changes, expected, separate = [], [], []
    for seed in range(60):
        trees = [forests.nested_cluster(k, seed) for k in (n, m)]
        y = [
            forests.hierarchical_labels(tree.parent, tree.size, k, 0.0, seed, grown=True)[1]
            for tree, k in zip(trees, (n, m), strict=True)
        ]
        changes.append(float(np.mean((y[1][:n] - y[0]) ** 2)))
        turned, kept = expected_change(trees, [n, m])
        expected.append(turned)
        separate.append(kept)
    assert z_test(np.array(changes) - np.array(expected), 0.0) > THRESHOLD
    assert z_test(np.array(changes) - np.array(separate), 0.0) < REJECTED
    assert np.mean(expected) < 0.3 * np.mean(separate)
    tree, before = forests.nested_cluster(m, 1), forests.nested_cluster(n, 1)
    by_number = [forests.hierarchical_labels(t.parent, t.size, k, 0.0, 1)[1][:n] for t, k in ((tree, m), (before, n))]
    assert np.mean((by_number[0] - by_number[1]) ** 2) > 0.1  # node numbers shift: what names are for


def test_reference_of_the_least_change() -> None:
    """By one and two coordinates in closed form; the optimal map, a symmetric one, reaches it."""
    assert reference.wasserstein(np.array([[4.0]]), np.array([[9.0]])) == pytest.approx(1.0)
    a, b = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, -0.2], [-0.2, 3.0]])
    by_determinant = np.trace(a) + np.trace(b) - 2 * np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
    assert reference.wasserstein(a, b) == pytest.approx(by_determinant)
    assert reference.wasserstein(a, a) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("left_out", [1, 20])
def test_labels_change_as_expected_and_no_less_than_the_law_forces(left_out: int) -> None:
    """Reached against the exact expectation, tree by tree; both against the least that the two laws allow."""
    rows = [reference.label_change(120, 120 - left_out, seed, draws=12) for seed in range(20)]
    reached, exact, separate, least = np.array(rows).T
    assert z_test(reached / exact, 1.0) > THRESHOLD
    assert z_test(reached / separate, 1.0) < REJECTED
    assert (least > 0).all()  # no coupling keeps the labels: the law itself changes
    assert (least < exact).all()
    assert (exact < separate).all()


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
