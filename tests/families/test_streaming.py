"""Writing without holding X: the same bytes as `generate` in any blocks; references; memory that does not grow."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampled import examples

import fractalman as fm
from fractalman.families import _forests as forests
from fractalman.families import blocks
from fractalman.families._forests import _walk_kernels
from fractalman.families._forests.external_permutation import ExternalPermutation
from fractalman.families.blocks import ComputedColumn, PrefetchedColumn, rows_at_once
from fractalman.families.cascade.induced import _runs, _sorted_paths
from fractalman.families.cascade.labels import cascade_segments, cascade_terms, cascade_variances
from fractalman.families.cascade.paths import CascadePaths
from fractalman.generation import columns
from fractalman.random.streams import Role, key64
from tests.reference import embedding as embedding_reference
from tests.reference import geometry as geometry_reference

linux = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory as Linux states it")


@pytest.fixture
def tiny_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few hundred rows, and nothing in memory just because it is small."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 6000)
    monkeypatch.setattr(columns, "IN_MEMORY_BYTES", 0)


# ---------------------------------------------------------------------------------------------------- the same bytes

RECIPES = {
    "cluster": fm.PercolationCluster(n_points=1500, ambient_dim=5, seed=3),
    "cluster-plane": fm.PercolationCluster(n_points=900, ambient_dim=2, seed=3),
    "cluster-nested": fm.PercolationCluster(n_points=600, ambient_dim=3, growth="nested", seed=2),
    "cluster-changed": fm.PercolationCluster(
        n_points=900, ambient_dim=16, label="brownian", noise=0.5, nuisance_dim=3, rotate=True
    ),
    "ensemble": fm.PercolationEnsemble(n_points=2500, ambient_dim=5, seed=1),
    "ensemble-large": fm.PercolationEnsemble(n_points=2000, ambient_dim=4, ensemble="size-biased", sizes="borel"),
    "bethe": fm.BetheLattice(n_points=1500, ambient_dim=6, bond_probability=0.3, label="cluster-constant"),
    "lattice": fm.LatticePercolation(dim=2, side=40, ambient_dim=4, clusters="all"),
    "torus-box": fm.LatticePercolation(dim=2, side=30, ambient_dim=6, boundary="periodic", label="brownian"),
    "cascade": fm.Cascade(n_points=900, ambient_dim=5, branching=(1, 4), hurst=0.5, noise=0.1),
    "cascade-unequal": fm.Cascade(n_points=700, ambient_dim=3, masses=(0.9, 0.1), contraction=(0.3, 0.6), depth=80),
    "sphere": fm.SmoothManifold(n_points=900, ambient_dim=4, noise=0.1, nuisance_dim=1),
    "one": fm.PercolationCluster(n_points=1, ambient_dim=2),
    "two": fm.PercolationEnsemble(n_points=2, ambient_dim=2),
    "one-of-a-cascade": fm.Cascade(n_points=1, ambient_dim=2),
}


def assert_same(found: fm.Dataset, made: fm.Dataset) -> None:
    np.testing.assert_array_equal(found.X.view(np.int32), made.X.view(np.int32), strict=True)  # zeros with their signs
    for name in ("y", "cluster", "edges", "noise"):
        np.testing.assert_array_equal(getattr(found, name), getattr(made, name))
    for tree in ("hierarchy", "label_tree"):
        a, b = getattr(found, tree), getattr(made, tree)
        assert (a is None) == (b is None)
        for name in () if b is None else vars(b):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), strict=True)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.usefixtures("tiny_blocks")
def test_streamed_columns_are_those_of_generate(tmp_path: Path, name: str) -> None:
    recipe = RECIPES[name]
    with fm.open(fm.write(recipe, tmp_path / "data.h5")) as file:
        assert_same(file.dataset(), fm.generate(recipe))
        content = {path: record.digest for path, record in file.provenance.columns.items()}
    with fm.open(fm.write(recipe, tmp_path / "bare.h5", hierarchy=False)) as file:
        assert file.hierarchy is None
        assert {path: record.digest for path, record in file.provenance.columns.items()}.items() <= content.items()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare.h5", "data.h5"]


@examples(25)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(2, 9), st.integers(1, 60), st.integers(0, 99))
def test_any_block_size_lays_out_the_same_forest(sizes: list[int], d: int, rows: int, seed: int) -> None:
    sizes = sorted(sizes, reverse=True)
    tree = forests.critical_forest(np.array(sizes), seed)
    n, starts = sum(sizes), np.concatenate([[0], np.cumsum(sizes)])
    roots = forests.random_points(starts, key64(seed, Role.EMBEDDING_ROOT))
    rooted = forests.rooted_order(tree.edges, n, roots)
    tops = forests.top_nodes(tree.parent, starts[:-1])
    whole = np.empty((n, d), np.float32)
    forests.forest_coordinates(whole, tree.parent, tree.size, tops, roots, lambda: rooted, 0.3, 2.0, seed)
    walk = forests.ForestWalk(n, d, tree.parent, tree.size, tops, *rooted, 0.3, 2.0, seed, rows)
    found, seen = np.full((n, d), np.nan, np.float32), 0
    for group in walk.groups():
        begin, end = walk.points(*group)
        assert begin == seen
        seen = end
        for points, block in walk.blocks(*group):
            assert len(block) <= max(rows, 1)
            assert begin <= points.min() <= points.max() < end
            found[points] = block
    assert seen == n
    np.testing.assert_array_equal(found.view(np.int32), whole.view(np.int32))


@pytest.mark.parametrize("n", [1, 2, 3, 200])
def test_a_deep_hierarchy_needs_a_higher_stack(n: int) -> None:
    """A star is cut leaf by leaf: the descent is as deep as there are points."""
    edges = np.array([[0, i] for i in range(1, n)], np.int64).reshape(-1, 2)
    tree = forests.cut_tree(edges, n, 5)
    rooted = forests.rooted_order(edges, n, 0)
    whole, tops = np.empty((n, 3), np.float32), np.array([n if n > 1 else 0])
    forests.tree_coordinates(whole, tree.parent, tree.size, lambda: rooted, 0.7, 5)
    walk = forests.ForestWalk(n, 3, tree.parent, tree.size, tops, *rooted, 0.7, 0.0, 5, 4)
    found = np.empty_like(whole)
    for points, block in walk.blocks(0, 1):
        found[points] = block
    np.testing.assert_array_equal(found.view(np.int32), whole.view(np.int32))


# ---------------------------------------------------------------------------------------------------- references


@pytest.mark.parametrize(("sizes", "d", "rows"), [((7, 3, 1), 3, 4), ((5, 5, 2, 1, 1), 2, 16), ((9,), 4, 1)])
def test_reference_of_the_walk_in_blocks(sizes: tuple[int, ...], d: int, rows: int) -> None:
    seed, n, starts = 4, sum(sizes), np.concatenate([[0], np.cumsum(sizes)])
    tree = forests.critical_forest(np.array(sizes), seed)
    roots = forests.random_points(starts, key64(seed, Role.EMBEDDING_ROOT))
    parent, order = forests.rooted_order(tree.edges, n, roots)
    tops = forests.top_nodes(tree.parent, starts[:-1])
    walk = forests.ForestWalk(n, d, tree.parent, tree.size, tops, parent, order, 0.3, 2.0, seed, rows)
    found = np.empty((n, d), np.float32)
    for group in walk.groups():
        for points, block in walk.blocks(*group):
            found[points] = block
    keys = key64(seed, Role.DIRECTION, 0), key64(seed, Role.ORIGIN)
    slow = embedding_reference.forest_coordinates(
        keys, tree.parent.tolist(), tops.tolist(), roots.tolist(), parent.tolist(), (n, d), 0.3, 2.0
    )
    np.testing.assert_array_equal(found, slow)


@examples(30)
@given(st.integers(1, 30), st.integers(0, 99))
def test_reference_of_the_places(n: int, seed: int) -> None:
    """Subclusters are ranges that begin with their point nearest to the root, by listing their points."""
    tree = forests.critical_cluster(n, seed)
    parent, order = forests.rooted_order(tree.edges, n, seed % n)
    children = [[u for u in range(2 * n - 1) if tree.parent[u] == n + j] for j in range(n - 1)]
    walked = {int(point): k for k, point in enumerate(order)}

    def leaves(u: int) -> list[int]:
        if u < n:
            return [u]
        parts = sorted((leaves(child) for child in children[u - n]), key=lambda part: walked[part[0]])
        return [*parts[0], *parts[1]]

    top = n if n > 1 else 0
    place, low = np.empty(n, np.int32), np.empty(n - 1, np.int32)
    pairs = np.array(children, np.int32).reshape(-1, 2)
    _walk_kernels.leaf_places(n, pairs, tree.size, order, np.array([top]), np.array([0, n]), low, place)
    assert np.argsort(place).tolist() == leaves(top)
    assert all(parent[i] < 0 or place[parent[i]] < place[i] for i in range(n))
    for j in range(n - 1):
        points = leaves(n + j)
        assert sorted(place[points].tolist()) == list(range(low[j], low[j] + len(points)))


class Digits:
    """Paths that are given, packed as `CascadePaths` packs them."""

    def __init__(self, digits: np.ndarray[Any, Any], bits: int) -> None:
        self.digits, self.bits, self.levels = digits, bits, digits.shape[1]
        self.words = -(-self.levels // (64 // bits))

    def word(self, points: Any, number: int) -> Any:
        per_word = 64 // self.bits
        part = self.digits[points][:, number * per_word : (number + 1) * per_word].astype(np.uint64)
        out = np.zeros(len(part), np.uint64)
        for place, digit in enumerate(part.T):
            out |= digit << np.uint64((per_word - 1 - place) * self.bits)
        return out


@examples(60)
@given(st.data())
def test_reference_of_the_sorted_paths(draw: st.DataObject) -> None:
    """Few digits in many levels, so that paths part in any word, or never."""
    bits, levels, n = (
        draw.draw(st.sampled_from([1, 2, 9, 33])),
        draw.draw(st.integers(1, 150)),
        draw.draw(st.integers(1, 30)),
    )
    change = draw.draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, levels - 1)), max_size=40))
    digits = np.zeros((n, levels), np.int64)
    for point, level in change:
        digits[point, level] ^= 1
    order, shared = _sorted_paths(Digits(digits, bits), n, np.int32)
    slow = sorted(range(n), key=lambda i: (digits[i].tolist(), i))
    assert order.tolist() == slow
    assert shared.tolist() == [
        next((level for level in range(levels) if digits[a, level] != digits[b, level]), levels)
        for a, b in itertools.pairwise(slow)
    ]


@given(st.lists(st.booleans(), max_size=30))
def test_reference_of_the_runs(tied: list[bool]) -> None:
    runs: list[list[int]] = []
    for k, with_next in enumerate(tied):
        if with_next:
            if runs and runs[-1][-1] == k:
                runs[-1].append(k + 1)
            else:
                runs.append([k, k + 1])
    if runs:
        at, group = _runs(np.flatnonzero(tied))
        assert at.tolist() == [k for run in runs for k in run]
        assert group.tolist() == [i for i, run in enumerate(runs) for _ in run]


@given(st.integers(2, 40), st.sampled_from([((2,), 6), ((1, 4), 70), ((300,), 9)]), st.integers(0, 99))
def test_reference_of_the_compact_tree(n: int, law: tuple[tuple[int, ...], int], seed: int) -> None:
    """Columns of ranges of nodes, put together, are the columns; depths by walking up."""
    branching, levels = law
    tree = CascadePaths(seed, branching, levels).induced_tree(n)
    paths = [geometry_reference.cascade_path(i, levels, branching, seed)[0] for i in range(n)]
    k = tree.n_nodes
    cuts = [0, 1, n // 2, n - 1, n, min(n + 1, k), k]
    for whole, part in ((tree.size, tree.sizes), (tree.depth, tree.depths), (tree.level, tree.node_levels)):
        assert np.concatenate([part(a, b) for a, b in itertools.pairwise(cuts)]).tolist() == whole.tolist()
    parent = tree.parent.tolist()
    for u in range(k):
        above = parent[u]
        assert tree.depth[u] == (0 if above < 0 else tree.depth[above] + 1)
        assert tree.levels_above(u, u + 1)[0] == (-1 if above < 0 else tree.level[above])
        example = int(tree.examples(u, u + 1)[0])
        below = [i for i in range(n) if u in ancestors(parent, i)]
        assert tree.size[u] == len(below)
        assert example == min(below)
        assert {tuple(paths[i][: tree.level[u]]) for i in below} == {tuple(paths[example][: tree.level[u]])}


def ancestors(parent: list[int], u: int) -> list[int]:
    found = [u]
    while parent[found[-1]] >= 0:
        found.append(parent[found[-1]])
    return found


@given(st.integers(1, 60), st.integers(0, 9))
def test_reference_of_the_variances(levels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    amplitude = cascade_terms(0.6, 0.7, levels)
    first = rng.integers(0, levels + 2, 20)
    last = np.minimum(levels, first + rng.integers(-1, levels + 1, 20))
    addresses = rng.integers(0, 1 << 60, (20, levels + 1)).astype(np.uint64)
    _, slow = cascade_segments(addresses, first, last, amplitude, 0)
    assert cascade_variances(first, last, amplitude).tolist() == slow.tolist()


@given(st.integers(1, 60), st.integers(0, 99), st.sampled_from([0.0, 0.4, -0.2]), st.data())
def test_reference_of_the_labels_in_blocks(n: int, seed: int, exponent: float, draw: st.DataObject) -> None:
    wide, tree = forests.critical_cluster(n, seed), forests.compact_cluster(n, seed)
    for name in ("edges", "parent", "size"):
        assert getattr(tree, name).dtype == np.int32
        np.testing.assert_array_equal(getattr(tree, name), getattr(wide, name))
    label_tree, y = forests.hierarchical_labels(wide.parent, wide.size, n, exponent, seed)
    made = forests.HierarchicalLabels.of(tree.parent, tree.size, n, exponent, seed)
    a = draw.draw(st.integers(0, 2 * n - 2))
    b = draw.draw(st.integers(a + 1, 2 * n - 1))
    assert tree.depths(a, b).tolist() == wide.depth[a:b].tolist()
    value, variance = made.nodes(a, b)
    assert value.tolist() == label_tree.value[a:b].tolist()
    assert variance.tolist() == label_tree.variance[a:b].tolist()
    a, b = min(a, n - 1), max(min(b, n), min(a, n - 1) + 1)
    found, norm = made.labels(a, b)
    assert found.tolist() == y[a:b].tolist()
    assert norm.tolist() == label_tree.norm[a:b].tolist()


@settings(max_examples=20)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=5), st.integers(0, 99))
def test_reference_of_compact_trees(sizes: list[int], seed: int) -> None:
    """Many clusters, and one that grows."""
    n, parts = sum(sizes), np.array(sorted(sizes, reverse=True))
    for wide, tree in (
        (forests.critical_forest(parts, seed), forests.compact_forest(parts, seed)),
        (forests.nested_cluster(n, seed), forests.compact_nested(n, seed)),
    ):
        for name in ("edges", "parent", "size"):
            assert getattr(tree, name).dtype == np.int32
            np.testing.assert_array_equal(getattr(tree, name), getattr(wide, name))
        for a in (0, n // 2, n, len(wide.parent)):
            assert tree.depths(a, len(wide.parent)).tolist() == wide.depth[a:].tolist()


# ---------------------------------------------------------------------------------------------------- blocks


def counted(n: int) -> ComputedColumn:
    return ComputedColumn((n, 2), np.dtype(np.float32), lambda rows: np.stack([rows, -rows], axis=1).astype(np.float32))


@given(st.integers(1, 300), st.integers(1, 50), st.data())
def test_parts_of_a_column_are_its_rows(n: int, size: int, draw: st.DataObject) -> None:
    start = draw.draw(st.integers(0, n - 1))
    stop = draw.draw(st.integers(start, n))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", 8 * size)
        found = list(counted(n).part(start, stop).blocks())
    assert [first for first, _ in found] == list(range(0, stop - start, size))
    rows = np.concatenate([np.empty((0, 2), np.float32), *(block for _, block in found)])
    assert rows[:, 0].tolist() == list(range(start, stop))


def test_a_block_keeps_to_its_budget() -> None:
    for d in (1, 2, 64, 10**6, 10**9):
        rows = rows_at_once((10**12, d), 4)
        assert rows >= 1
        assert rows == 1 or rows * d * 4 <= blocks.BLOCK_BYTES
        assert rows <= 16 * blocks.BLOCK


@pytest.mark.usefixtures("tiny_blocks")
def test_blocks_made_ahead_are_the_same_blocks() -> None:
    plain, ahead = list(counted(5000).blocks()), list(PrefetchedColumn(counted(5000)).blocks())
    assert len(plain) > 3
    assert [first for first, _ in plain] == [first for first, _ in ahead]
    for (_, a), (_, b) in zip(plain, ahead, strict=True):
        np.testing.assert_array_equal(a, b)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "fractalman-ahead"]


class Failing:
    """Two blocks, then an error."""

    shape, dtype = (30,), np.dtype(np.float64)

    def __init__(self, error: BaseException) -> None:
        self.error, self.made = error, 0

    def blocks(self) -> Iterator[tuple[int, Any]]:
        for start in (0, 10):
            self.made += 1
            yield start, np.zeros(10)
        raise self.error


@pytest.mark.parametrize("error", [ValueError("a bug"), MemoryError(), KeyboardInterrupt()])
def test_what_the_source_raises_comes_out(error: BaseException) -> None:
    reader = PrefetchedColumn(Failing(error)).blocks()
    assert [next(reader)[0], next(reader)[0]] == [0, 10]
    with pytest.raises(type(error)):
        next(reader)
    assert threads() == []


def test_a_reader_that_gives_up_ends_the_thread() -> None:
    reader = PrefetchedColumn(counted(10**9)).blocks()
    next(reader)
    assert threads() == ["fractalman-ahead"]
    reader.close()  # type: ignore[attr-defined]
    assert threads() == []


@examples(40)
@given(st.integers(1, 80), st.integers(1, 5), st.integers(1, 90), st.integers(0, 99))
def test_scattered_rows_come_out_in_order(
    tmp_path_factory: pytest.TempPathFactory, n: int, d: int, rows: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    X, order = rng.standard_normal((n, d)).astype(np.float32), rng.permutation(n)
    folder = tmp_path_factory.mktemp("scatter")
    with ExternalPermutation(folder, n, d, rows) as scatter:
        for part in np.array_split(order, rng.integers(1, 5)):
            if part.size:
                scatter.put(part, X[part])
        if os.name == "posix":
            assert list(folder.iterdir()) == []  # the file has no name
        out = list(scatter.blocks())
    assert [first for first, _ in out] == list(range(0, n, rows))
    np.testing.assert_array_equal(np.concatenate([block for _, block in out]), X)


def test_a_full_disk_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPES["cluster"]
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 6000)
    monkeypatch.setattr(columns, "IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(columns.shutil, "disk_usage", lambda _: SimpleNamespace(free=50_000))
    with pytest.raises(OSError, match="X and the scratch file that puts it in order need 72000 bytes, 50000 are free"):
        fm.write(recipe, tmp_path / "data.h5")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_disk_that_fills_up_on_the_way_is_an_error(tmp_path: Path) -> None:
    with ExternalPermutation(tmp_path, 10, 2, 4) as scatter, Path("/dev/full").open("wb", buffering=0) as full:
        kept, scatter._file = scatter._file, full  # type: ignore[assignment]
        try:
            with pytest.raises(OSError, match="No space left on device") as error:
                scatter.put(np.arange(10), np.zeros((10, 2), np.float32))
            assert error.value.filename == str(tmp_path)
        finally:
            scatter._file = kept
