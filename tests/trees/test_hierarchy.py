"""Walks on trees against their references, and what holds of every hierarchy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array, csr_matrix

import fractalman as fm
from fractalman import _memory, trees
from fractalman.errors import RecipeError, ResourceError
from fractalman.trees._kernels import adjacency
from tests.reference import trees as reference


@st.composite
def forests(draw: st.DrawFn, most: int = 40) -> np.ndarray:
    """Parent columns of random forests with their nodes in random order."""
    m = draw(st.integers(1, most))
    parent = [-1 if u == 0 else draw(st.integers(-1, u - 1)) for u in range(m)]
    order = draw(st.permutations(range(m)))
    out = np.empty(m, np.int64)
    for u, p in enumerate(parent):
        out[order[u]] = order[p] if p >= 0 else -1
    return out


@given(forests())
def test_walks_equal_their_reference(parent: np.ndarray) -> None:
    m = parent.size
    order = trees.topological_order(parent)
    place = np.argsort(order)
    assert sorted(order.tolist()) == list(range(m))
    assert all(parent[u] < 0 or place[parent[u]] < place[u] for u in range(m))
    depth = trees.depths(parent)
    assert depth.tolist() == [reference.depth(parent, u) for u in range(m)]
    value = np.sin(np.arange(m) + 1.0)
    assert trees.path_sums(parent, value).tolist() == [reference.path_sum(parent, value, u) for u in range(m)]
    a, b = (x.ravel() for x in np.meshgrid(np.arange(m), np.arange(m)))
    found = trees.lowest_common_ancestors(parent, depth, a, b)
    assert found.tolist() == [
        reference.lowest_common_ancestor(parent, int(u), int(v)) for u, v in zip(a, b, strict=True)
    ]


@given(
    st.integers(1, 12).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.tuples(*2 * (st.integers(0, n - 1),)), max_size=30))
    ),
    st.sampled_from([np.int32, np.int64]),
    st.sampled_from([np.int32, np.int64]),
)
def test_adjacency_equals_its_reference(graph: tuple[int, list[tuple[int, int]]], ids: type, places: type) -> None:
    n, edges = graph
    start, neighbour = np.empty(n + 1, places), np.empty(2 * len(edges), places)
    adjacency(np.array(edges, ids).reshape(-1, 2), start, neighbour)
    assert (start.tolist(), neighbour.tolist()) == reference.adjacency(edges, n)


@pytest.mark.parametrize("parent", [[1, 0], [0], [2, -1, 5], [-2]])
def test_columns_that_are_no_forest_are_refused(parent: list[int]) -> None:
    with pytest.raises(RecipeError):
        trees.topological_order(np.array(parent))


RECIPES = [
    fm.PercolationCluster(n_points=60, seed=3),
    fm.PercolationCluster(n_points=2),
    fm.PercolationCluster(n_points=1),
    fm.Cascade(n_points=60, branching=(1, 5), seed=4),
    fm.Cascade(n_points=60, branching=2, depth=3),
    fm.Cascade(n_points=1),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: f"{r.family}-{r.n_points}")
def test_invariants_and_features_equal_their_reference(recipe: fm.Recipe) -> None:
    data = fm.generate(recipe)
    h, n = data.hierarchy, data.n_points
    assert h is not None
    latents = np.arange(n, h.n_nodes)
    assert (h.parent[latents] < latents).all()
    assert (h.parent[:n] >= n).all() or n == 1
    assert (np.diff(h.size[n:]) <= 0).all()
    assert (h.parent == -1).sum() == 1
    assert h.depth.tolist() == [reference.depth(h.parent, u) for u in range(h.n_nodes)]
    below = np.zeros(h.n_nodes, np.int64)
    for i in range(n):
        below[reference.path(h.parent, i)] += 1
    np.testing.assert_array_equal(below, h.size)
    for top in (None, 0, min(1, h.n_latents), h.n_latents):
        columns = h.n_latents if top is None else top
        rows = reference.feature_rows(h.parent, n, columns)
        for values in (False, True):
            made = h.features(values=values, top=top)
            assert made.shape == (n, columns)
            assert made.has_sorted_indices
            dense = np.zeros((n, columns))
            for i, row in enumerate(rows):
                dense[i, row] = h.value[n + np.array(row, int)] if values else 1.0
            np.testing.assert_array_equal(made.toarray(), dense)


def test_brills_label_from_the_features() -> None:
    """The user's formula: y = (values of the latents above + the point's own) / √(depth + 1)."""
    data = fm.generate(fm.PercolationCluster(n_points=500, seed=9))
    h = data.hierarchy
    assert h is not None
    total = np.asarray(h.features(values=True).sum(axis=1)).ravel() + h.value[:500]
    np.testing.assert_allclose(total / np.sqrt(h.depth[:500] + 1), data.y, rtol=1e-12, atol=1e-12)


def test_a_top_that_is_no_number_of_latents_is_refused() -> None:
    data = fm.generate(fm.PercolationCluster(n_points=5))
    assert data.hierarchy is not None
    for top in (-1, 1.5, 2.0, True, "3"):
        with pytest.raises(RecipeError, match=f"top = {top!r}: expected None .* use top = 100") as error:
            data.hierarchy.features(top=top)  # type: ignore[arg-type]
        assert "\n" not in str(error.value)
    assert data.hierarchy.features(top=np.int32(2)).shape == (5, 2)  # type: ignore[arg-type]


def test_features_are_chosen_by_balance_scale_and_variance() -> None:
    data = fm.generate(fm.PercolationCluster(n_points=400, seed=4, label_exponent=0.25))
    h, n = data.hierarchy, 400
    assert h is not None
    whole, size = h.features().toarray(), h.size[n:]
    p = size / n
    spread = p * (1 - p)
    np.testing.assert_allclose(whole.var(axis=0), spread, atol=1e-12)
    kinds: dict[str, Any] = {
        "share": ({"share": (0.05, 0.95)}, (p >= 0.05) & (p <= 0.95)),
        "size": ({"size": (3, 20)}, (size >= 3) & (size <= 20)),
        "balance": ({"top": 7, "by": "balance"}, np.argsort(-spread, kind="stable")[:7]),
        "variance": ({"top": 7, "by": "variance"}, np.argsort(-spread * h.variance[n:], kind="stable")[:7]),
        "both": ({"top": 2, "share": (0.1, 0.9)}, np.flatnonzero((p >= 0.1) & (p <= 0.9))[:2]),
    }
    for kind, (arguments, chosen) in kinds.items():
        columns = np.sort(np.flatnonzero(chosen) if chosen.dtype == bool else chosen)
        assert columns.size >= 2, kind
        np.testing.assert_array_equal(h.choose(**arguments), n + columns)
        np.testing.assert_array_equal(h.features(**arguments).toarray(), whole[:, columns], err_msg=kind)
        expected = whole[:, columns] * h.value[n + columns]
        np.testing.assert_array_equal(h.features(values=True, **arguments).toarray(), expected)
    assert isinstance(h.features(top=3, matrix=True), csr_matrix)
    assert isinstance(h.features(top=3), csr_array)


def test_features_that_do_not_fit_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """12 bytes an entry: so many are taken, one fewer is refused by the number of entries."""
    h = fm.generate(fm.PercolationCluster(n_points=200, ambient_dim=2)).hierarchy
    entries = h.features().nnz
    monkeypatch.setattr(_memory, "available_bytes", lambda: entries * 12)
    assert h.features(values=True).nnz == entries
    monkeypatch.setattr(_memory, "available_bytes", lambda: entries * 12 - 1)
    with pytest.raises(ResourceError, match=rf"the {entries:,} entries of 199 latents need {entries * 12:,} bytes"):
        h.features()
    assert h.features(share=(0.05, 0.95)).nnz < entries


def test_choices_of_features_that_cannot_be_are_refused() -> None:
    h = fm.generate(fm.PercolationCluster(n_points=5)).hierarchy
    assert h is not None
    for arguments, said in (
        ({"top": 5}, "top = 5: there are 4 latents; expected 0 to 4"),
        ({"top": 9, "size": (2, 3)}, "latents of 4 that are chosen"),
        ({"by": "balanced"}, "did you mean 'balance'"),
        ({"share": (0.9, 0.1)}, r"share = .*expected \(low, high\)"),
        ({"size": 3}, r"size = 3: expected \(low, high\)"),
    ):
        with pytest.raises(RecipeError, match=said):
            h.features(**arguments)
    with pytest.raises(TypeError, match="found an argument without a name: expected at most 0"):
        h.features(True)


def test_rows_copied_from_rows_that_begin_alike_are_the_paths() -> None:
    h = fm.generate(fm.PercolationCluster(n_points=300, ambient_dim=2)).hierarchy
    assert h is not None
    long = h.features(values=True)
    assert long.nnz > 4 * long.shape[1]  # so many that columns are noted
    for row, at in enumerate(h.parent[:300].tolist()):
        path = []
        while at >= 0:
            path.append(at - 300)
            at = int(h.parent[at])
        own = slice(long.indptr[row], long.indptr[row + 1])
        assert long.indices[own].tolist() == path[::-1]
        assert long.data[own].tolist() == [h.value[300 + j] for j in path[::-1]]
