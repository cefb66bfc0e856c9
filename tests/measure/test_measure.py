"""Measurements on our own files: cluster sizes, graph distances, variograms."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractalman import generation
from fractalman.datasets import open_file
from fractalman.errors import RecipeError
from fractalman.families import _forests as forests
from fractalman.families.cascade.recipe import Cascade
from fractalman.families.percolation_cluster.recipe import PercolationCluster
from fractalman.measure import cluster_sizes, measure_file, student_t, tree_distances, variogram
from fractalman.measure.distances import adjacency, distances_from
from fractalman.random.streams import key64, normals
from tests.reference import distances as reference

PATH = np.stack([np.arange(99), np.arange(1, 100)], axis=1)
STAR = np.stack([np.zeros(99, np.int64), np.arange(1, 100)], axis=1)


@st.composite
def any_forests(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """A random forest: every vertex joins an earlier one or starts a tree."""
    parents = [draw(st.integers(-1, v - 1)) for v in range(1, draw(st.integers(1, 40)))]
    edges = [(p, v) for v, p in enumerate(parents, start=1) if p >= 0]
    return np.array(edges, dtype=np.int64).reshape(-1, 2), len(parents) + 1


@given(any_forests(), st.integers(0, 39))
def test_distances_equal_their_reference(forest: tuple[np.ndarray, int], source: int) -> None:
    edges, n = forest
    source = min(source, n - 1)
    distance, reached = distances_from(*adjacency(edges, n), source)
    assert (distance.tolist(), reached.tolist()) == reference.distances_from(edges, n, source)


@given(any_forests())
def test_distances_of_all_pairs(forest: tuple[np.ndarray, int]) -> None:
    """The exact mean, against a matrix of shortest paths by repeated relaxation."""
    edges, n = forest
    if edges.size == 0:
        with pytest.raises(RecipeError, match="no edges"):
            tree_distances(edges, n)
        return
    matrix = np.full((n, n), np.inf)
    np.fill_diagonal(matrix, 0.0)
    matrix[edges[:, 0], edges[:, 1]] = matrix[edges[:, 1], edges[:, 0]] = 1.0
    for k in range(n):
        matrix = np.minimum(matrix, matrix[:, [k]] + matrix[[k], :])
    far = matrix[np.isfinite(matrix) & (matrix > 0)]
    found = tree_distances(edges, n, n_sources=n)
    assert found.mean == pytest.approx(far.mean())
    assert found.standard_error == 0.0
    assert found.n_pairs == far.size
    assert found.count.tolist() == [0, *np.bincount(far.astype(int))[1:].tolist()]


def test_known_trees() -> None:
    assert tree_distances(PATH, 100, n_sources=100).mean == pytest.approx(101 / 3)
    assert tree_distances(STAR, 100, n_sources=100).mean == pytest.approx(1.98)
    assert tree_distances(PATH, 100, n_sources=100).largest == 99


def test_sampled_distances_carry_their_error() -> None:
    """Sampled means scatter around the exact one as their errors say; a wrong mean is refused."""
    edges = forests.critical_cluster(400, 5).edges
    exact = tree_distances(edges, 400, n_sources=400).mean
    found = [tree_distances(edges, 400, n_sources=12, seed=s) for s in range(60)]
    z = np.array([(f.mean - exact) / f.standard_error for f in found])
    assert np.mean(np.abs(z) < student_t(11)) >= 0.85
    assert np.mean(np.abs(z) < 0.1) <= 0.30  # and the errors are not inflated
    wrong = np.array([(f.mean - 1.5 * exact) / f.standard_error for f in found])
    assert np.mean(np.abs(wrong) < student_t(11)) < 0.5


def test_distances_follow_the_law_of_the_uniform_tree() -> None:
    """Oracle A5: 11.32319 for 100 sites; 16 % fewer sites are told apart."""
    means = [tree_distances(forests.critical_cluster(100, s).edges, 100, n_sources=100).mean for s in range(200)]
    error = np.std(means, ddof=1) / math.sqrt(len(means))
    assert abs(np.mean(means) - 11.32319) < 3.5 * error
    smaller = [tree_distances(forests.critical_cluster(84, s).edges, 84, n_sources=84).mean for s in range(200)]
    assert abs(np.mean(smaller) - 11.32319) > 3.5 * error


def test_edges_outside_the_points_are_refused() -> None:
    with pytest.raises(RecipeError, match="expected 0 … 49"):
        tree_distances(PATH, 50)


@given(st.lists(st.integers(-5, 5), max_size=60))
def test_cluster_sizes_count_every_point_once(labels: list[int]) -> None:
    found = cluster_sizes(np.array(labels, dtype=np.int64))
    assert found.n_points == len(labels) == int((found.size * found.count).sum())
    assert found.n_clusters == len(set(labels)) == int(found.count.sum())
    assert found.largest == max((labels.count(v) for v in labels), default=0)
    assert found.largest_mass == (found.largest / len(labels) if labels else 0.0)
    assert found.singleton_mass == (sum(labels.count(v) == 1 for v in labels) / len(labels) if labels else 0.0)


def test_cluster_sizes_refuse_other_arrays() -> None:
    for bad in (np.zeros((2, 2), np.int64), np.zeros(3)):
        with pytest.raises(RecipeError, match="integers"):
            cluster_sizes(bad)


def test_the_variogram_of_a_random_walk_is_the_distance() -> None:
    """Independent increments along a path: E(y_i − y_j)² = ℓ; half of it (the semivariogram) is told apart."""
    n, draws = 1000, 24
    edges = np.stack([np.arange(n - 1), np.arange(1, n)], axis=1)
    values = np.array(
        [
            variogram(np.cumsum(normals(key64(31, 1, s), n)), edges=edges, n_sources=64, seed=s).value[:7]
            for s in range(draws)
        ]
    )
    distance = 2.0 ** np.arange(7)
    error = values.std(axis=0, ddof=1) / math.sqrt(draws)
    z = (values.mean(axis=0) - distance) / error
    assert (np.abs(z) < 3.8).all()
    assert (np.abs((values.mean(axis=0) - distance / 2) / error) > 3.8).all()


def test_the_variogram_of_all_pairs_is_exact() -> None:
    y = np.arange(100.0) ** 1.5
    found = variogram(y, edges=PATH, n_sources=100)
    assert found.kind == "graph"
    assert found.distance.tolist() == [1, 2, 4, 8, 16, 32, 64]
    assert (found.standard_error == 0.0).all()
    for distance, value, pairs in zip(found.distance.astype(int), found.value, found.pairs, strict=True):
        assert value == pytest.approx(np.mean((y[distance:] - y[:-distance]) ** 2))
        assert pairs == 2 * (100 - distance)


def test_the_euclidean_variogram_bins_by_powers_of_two() -> None:
    """A linear label has squared differences equal to squared distances."""
    t = normals(key64(32, 1), 500) * 3.0
    X = np.stack([t, np.zeros(500)], axis=1)
    found = variogram(t, X=X, n_sources=500)
    assert found.kind == "euclidean"
    differences = np.abs(t[:, None] - t[None, :])
    for distance, value, pairs in zip(found.distance, found.value, found.pairs, strict=True):
        low = 2.0 ** math.floor(math.log2(distance))
        inside = (differences >= low) & (differences < 2 * low)
        assert pairs == inside.sum()
        assert value == pytest.approx((differences[inside] ** 2).mean())
        assert distance == pytest.approx(differences[inside].mean())


def test_what_a_variogram_cannot_do_is_refused() -> None:
    with pytest.raises(RecipeError, match="neither"):
        variogram(np.arange(5.0))
    with pytest.raises(RecipeError, match="two points"):
        variogram(np.arange(1.0), X=np.zeros((1, 2)))
    with pytest.raises(RecipeError, match="coincide"):
        variogram(np.arange(5.0), X=np.zeros((5, 2)))
    with pytest.raises(RecipeError, match="expected"):
        variogram(np.arange(5.0), X=np.zeros((4, 2)))


@pytest.mark.parametrize(
    ("recipe", "kind"),
    [
        (PercolationCluster(n_points=300, ambient_dim=8), "graph"),
        (Cascade(n_points=200, ambient_dim=4, branching=4), "euclidean"),
        (PercolationCluster(n_points=1, ambient_dim=2), None),
        (PercolationCluster(n_points=2, ambient_dim=2), "graph"),
    ],
)
def test_what_the_command_line_prints(recipe: PercolationCluster | Cascade, kind: str | None) -> None:
    measured = measure_file(generation.generate(recipe))
    assert json.loads(json.dumps(measured, allow_nan=False)) == measured
    assert measured["recipe"] == recipe.to_dict()
    assert measured["clusters"]["largest"] == recipe.n_points
    assert (measured["variogram"] or {}).get("kind") == kind
    assert (measured["distances"] is not None) == (kind == "graph")
    if kind and recipe.n_points > 100:  # nearer points are more alike
        table = measured["variogram"]["table"]
        assert table[0]["value"] < table[-1]["value"]
        assert all(row["standard_error"] is not None for row in table)


def test_an_open_file_measures_as_its_dataset(tmp_path: Path) -> None:
    for recipe in (PercolationCluster(n_points=200, ambient_dim=4), Cascade(n_points=100, ambient_dim=4)):
        path = generation.write(recipe, tmp_path / f"{recipe.family}.h5")
        with open_file(path) as file:
            assert measure_file(file) == measure_file(generation.generate(recipe))
