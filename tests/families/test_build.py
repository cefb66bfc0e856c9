"""The composer: layers do not disturb each other, sizes nest, splits are disjoint and nested, golden digests."""

from __future__ import annotations

import hashlib
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples

import fractalman as fm
from fractalman import _memory
from fractalman.errors import RecipeError, ResourceError
from fractalman.families.base import memory_of
from fractalman.families.cascade import sampler as cascade
from fractalman.generation import compact_tree, tree

RECIPES = {
    "cluster": fm.PercolationCluster(n_points=300, ambient_dim=8, seed=5),
    "cluster-steep": fm.PercolationCluster(n_points=300, ambient_dim=3, label_exponent=0.4, seed=5),
    "brownian": fm.PercolationCluster(n_points=300, ambient_dim=8, label="brownian", seed=5),
    "cascade": fm.Cascade(n_points=300, ambient_dim=8, seed=5),
    "cascade-random": fm.Cascade(n_points=300, ambient_dim=7, branching=(1, 16), hurst=0.5, contraction=0.4, seed=5),
}


def digest(data: fm.Dataset) -> str:
    out = hashlib.blake2b(digest_size=16)
    h, t = data.hierarchy, data.label_tree
    assert h is not None
    assert t is not None
    out.update(data.X.astype("<f4").tobytes())
    for column in (data.y, h.value, h.variance, t.value, t.variance, t.norm):
        out.update(column.astype("<f8").tobytes())
    for column in (data.cluster, h.parent, h.size, h.depth, t.parent, t.leaf):
        out.update(column.astype("<i8").tobytes())
    if data.edges is not None:
        out.update(data.edges.astype("<i8").tobytes())
    return out.hexdigest()


@pytest.mark.parametrize("name", RECIPES)
def test_golden_digests(name: str) -> None:
    """Bytes of released recipes never change without a new STREAM_VERSION and a line in the CHANGELOG."""
    golden = {
        "cluster": "7e88a0a88018c25695011a067849885c",
        "cluster-steep": "7a3482e1f9f7cb017fcd93ccb442cfc9",
        "brownian": "f591a8e5896c2063b2ebaf89351f6188",
        "cascade": "ab5d6ee86d459ff1753cffc309e943cb",
        "cascade-random": "f9353a7013f62f063b5e67fe64bc5f01",
    }
    assert digest(fm.generate(RECIPES[name])) == golden[name]


@pytest.mark.parametrize("name", RECIPES)
def test_layers_have_seeds_of_their_own(name: str) -> None:
    recipe = RECIPES[name]
    base = fm.generate(recipe)
    other_labels = fm.generate(recipe.replace(seed=fm.Seeds(geometry=5, embedding=5, labels=6)))
    np.testing.assert_array_equal(other_labels.X, base.X)
    assert (other_labels.y != base.y).mean() > 0.99
    other_embedding = fm.generate(recipe.replace(seed=fm.Seeds(geometry=5, embedding=6, labels=5)))
    np.testing.assert_array_equal(other_embedding.y, base.y)
    np.testing.assert_array_equal(other_embedding.hierarchy.parent, base.hierarchy.parent)  # type: ignore[union-attr]
    assert (other_embedding.X != base.X).mean() > 0.99
    other_geometry = fm.generate(recipe.replace(seed=fm.Seeds(geometry=6, embedding=5, labels=5)))
    assert not np.array_equal(other_geometry.hierarchy.parent, base.hierarchy.parent)  # type: ignore[union-attr]
    same = fm.generate(recipe.replace(seed=fm.Seeds(geometry=5, embedding=5, labels=5)))
    assert digest(same) == digest(base)


@pytest.mark.parametrize("name", ["cascade", "cascade-random"])
def test_cascades_nest(name: str) -> None:
    whole = fm.generate(RECIPES[name].replace(n_points=5000))
    for n in (1, 2, 499, 500, 4097):
        part = fm.generate(RECIPES[name].replace(n_points=n))
        np.testing.assert_array_equal(part.X, whole.X[:n])
        np.testing.assert_array_equal(part.y, whole.y[:n])


def test_cascade_rows_by_address() -> None:
    recipe = RECIPES["cascade-random"]
    data = fm.generate(recipe)
    rows = np.array([299, 0, 17, 17])
    X = np.empty((4, recipe.ambient_dim), np.float32)
    cascade.rows(recipe, rows, X)  # type: ignore[arg-type]
    np.testing.assert_array_equal(X, data.X[rows])


@examples(60)
@given(st.integers(0, 200), st.data())
def test_splits_are_disjoint_and_nest(n_points: int, draw: st.DataObject) -> None:
    n_test = draw.draw(st.integers(0, n_points))
    n_train = draw.draw(st.integers(0, n_points - n_test))
    seed = draw.draw(st.integers(0, 5))
    from fractalman.datasets.memory import split_indices

    train, test = split_indices(n_points, n_train, n_test, seed)
    assert (train.size, test.size) == (n_train, n_test)
    assert np.unique(np.concatenate([train, test])).size == n_train + n_test
    more, same_test = split_indices(n_points, n_points - n_test, n_test, seed)
    np.testing.assert_array_equal(more[:n_train], train)
    np.testing.assert_array_equal(same_test, test)


def test_splits_that_overlap_are_refused() -> None:
    data = fm.generate(fm.Cascade(n_points=10))
    with pytest.raises(RecipeError, match="n_train = 8 and n_test = 3 from 10 points"):
        data.split(8, 3)
    for sizes, words in (
        ((-1, 3, 0), "n_train = -1"),
        ((2.5, 3, 0), "n_train = 2.5: expected a whole number"),
        ((2, True, 0), "n_test = True"),
        ((2, 3, -1), "seed = -1: a seed is an integer"),
        ((2, 3, 0.5), "seed = 0.5"),
    ):
        with pytest.raises(RecipeError, match=re.escape(words)):
            data.split(*sizes)  # type: ignore[arg-type]
    assert [part.size for part in data.split(np.int64(2), np.int32(3), seed=np.int64(4))] == [2, 3]  # type: ignore[arg-type]


def test_what_does_not_fit_is_refused_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = fm.PercolationCluster(n_points=2**36)
    with pytest.raises(ResourceError, match="available") as error:
        fm.generate(recipe)
    assert f"{memory_of(recipe).peak_bytes():,}" in str(error.value)
    monkeypatch.setattr(_memory, "available_bytes", lambda: 10_000)
    with pytest.raises(ResourceError):
        fm.generate(fm.Cascade(n_points=10))
    monkeypatch.setattr(_memory, "available_bytes", lambda: 1 << 40)
    fm.generate(fm.Cascade(n_points=10))


@pytest.mark.parametrize("name", RECIPES)
def test_shapes_and_types(name: str) -> None:
    recipe = RECIPES[name]
    data = fm.generate(recipe)
    assert data.X.dtype == np.float32
    assert data.X.shape == (recipe.n_points, recipe.ambient_dim)
    assert data.X.flags.c_contiguous
    assert np.isfinite(data.X).all()
    assert data.y.dtype == np.float64
    assert data.cluster.dtype == np.int64
    assert not data.cluster.any()
    h = data.hierarchy
    assert h is not None
    assert {c.dtype for c in (h.parent, h.size, h.depth)} == {np.dtype(np.int64)}
    assert (h.level is not None) == (recipe.family == "cascade")
    if data.edges is not None:
        assert data.edges.shape == (299, 2)
        assert data.edges.dtype == np.int64
    assert memory_of(recipe).array_bytes() >= data.X.nbytes + data.y.nbytes


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("d", [2, 3])
def test_smallest_sizes(n: int, d: int) -> None:
    for recipe in (
        fm.PercolationCluster(n_points=n, ambient_dim=d),
        fm.PercolationCluster(n_points=n, ambient_dim=d, label="brownian"),
        fm.Cascade(n_points=n, ambient_dim=d, depth=1),
    ):
        data = fm.generate(recipe)
        assert np.isfinite(data.X).all()
        assert np.isfinite(data.y).all()
        assert data.hierarchy is not None
        assert data.hierarchy.n_points == n


TREES = {
    "cluster": fm.PercolationCluster(n_points=300, seed=5),
    "nested": fm.PercolationCluster(n_points=300, growth="nested", seed=5),
    "ensemble": fm.PercolationEnsemble(n_points=300, sizes="borel", seed=5),
    "bethe": fm.BetheLattice(n_points=300, ensemble="size-biased", seed=5),
}


@pytest.mark.slow(reason="large trees of one family after the other", but=["cluster"])
@pytest.mark.parametrize("name", TREES)
def test_the_tree_alone_is_that_of_the_dataset(name: str) -> None:
    recipe = TREES[name]
    drawn, data = tree(recipe), fm.generate(recipe)
    assert data.hierarchy is not None
    np.testing.assert_array_equal(drawn.edges, data.edges)  # type: ignore[arg-type]
    for column in ("parent", "size", "depth"):
        np.testing.assert_array_equal(getattr(drawn, column), getattr(data.hierarchy, column))
    returned = sum(column.nbytes for column in (drawn.edges, drawn.parent, drawn.size, drawn.depth))
    assert returned <= 64 * recipe.n_points < memory_of(recipe).tree_bytes() < memory_of(recipe).peak_bytes()  # type: ignore[operator]


def test_a_tree_alone_is_refused_where_there_is_none_or_no_room() -> None:
    for recipe in (fm.Cascade(n_points=10), fm.SmoothManifold(n_points=10), fm.LatticePercolation(dim=2, side=9)):
        with pytest.raises(RecipeError, match=r"has no tree to be drawn alone.*use generate"):
            tree(recipe)
        with pytest.raises(RecipeError, match=r"expected percolation-cluster.*use tree, or generate"):
            compact_tree(recipe)
    with pytest.raises(ResourceError, match=r"bytes at once.*use a smaller n_points$"):
        tree(fm.PercolationCluster(n_points=1 << 40))
    with pytest.raises(ResourceError, match=r"bytes at once.*use a smaller n_points$"):
        compact_tree(fm.PercolationEnsemble(n_points=1 << 38), edges=False)


def test_less_memory_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = fm.PercolationCluster(n_points=10**9)
    monkeypatch.setattr("fractalman._memory.available_bytes", lambda: 24 << 30)
    with pytest.raises(ResourceError, match=r"or compact_tree\(…, edges=False\), which needs 24,033,554,432"):
        tree(recipe)


@pytest.mark.parametrize("name", ["cluster", "ensemble"])
@pytest.mark.parametrize("edges", [True, False])
def test_a_compact_tree_is_the_tree_and_takes_what_is_said(name: str, edges: bool) -> None:
    """Peak of the arrays but those within kernels; the wide tree takes more than twice as much (control)."""
    recipe = TREES[name].replace(n_points=100_000)
    compact_tree(recipe, edges), tree(recipe)  # compiled
    tracemalloc.start()
    try:
        short = compact_tree(recipe, edges)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        wide = tree(recipe)
        assert tracemalloc.get_traced_memory()[1] > 2 * most
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(short.edges, wide.edges if edges else wide.edges[:0])
    for column in ("parent", "size"):
        assert getattr(short, column).dtype == np.int32
        np.testing.assert_array_equal(getattr(short, column), getattr(wide, column))
    np.testing.assert_array_equal(short.depths(0, len(wide.depth)), wide.depth)
    assert most < memory_of(recipe).tree_bytes(True, edges)
    assert sum(column.nbytes for column in (short.edges, short.parent, short.size)) <= (24 if edges else 16) * 100_000
