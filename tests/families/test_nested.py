"""Nested growth: references, prefixes byte for byte, and the exact laws A1–A5 and A8 at every prefix."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from exact_laws import REJECTED, THRESHOLD, chi_square, z_test
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples

import fractalman as fm
from fractalman import theory
from fractalman.families import _forests as forests
from fractalman.families._forests import _share_kernels, nested
from fractalman.random.streams import Role, draws, key64
from fractalman.trees import depths
from tests.families.test_geometry import degrees, distance, random_recursive_tree, shape_counts
from tests.reference import nested as reference
from tests.reference import streams as plain


@examples(30)
@given(st.integers(1, 45), st.integers(0, 2**63 - 1), st.integers(0, 5))
def test_reference_of_the_nested_growth(n: int, seed: int, cluster: int) -> None:
    assert nested.nested_parents(n, seed, cluster).tolist() == reference.nested_parents(n, seed, cluster)


@examples(30)
@given(st.integers(1, 25), st.integers(0, 2**63 - 1))
def test_reference_of_the_nested_hierarchy(n: int, seed: int) -> None:
    tree = forests.nested_cluster(n, seed)
    mark = draws(key64(seed, Role.NESTED_MARK, 0), n - 1).tolist()
    parent, size = reference.cut_tree([tuple(e) for e in tree.edges.tolist()], mark, n)
    assert tree.parent.tolist() == parent
    assert tree.size.tolist() == size
    np.testing.assert_array_equal(tree.depth, depths(tree.parent))


@pytest.mark.parametrize(("n", "seed"), [(700, 1), (700, 2), (2500, 4)])
def test_reference_of_the_nested_growth_at_sizes_that_the_expansion_serves(n: int, seed: int) -> None:
    assert nested.nested_parents(n, seed).tolist() == reference.nested_parents_by_sums(n, seed)


def test_reference_of_the_expansion() -> None:
    level, walk = reference.expansion(5)
    assert _share_kernels._LEVEL.tolist() == [float(x) for x in level]
    for table, sign, first in ((_share_kernels._ABOVE, 1, 0), (_share_kernels._BELOW, -1, 1)):
        rows = [[float(walk.get((p, sign * m), 0)) for p in range(6)] for m in range(first, 6)]
        assert table.tolist() == rows
    assert all(abs(m) <= p for p, m in walk)


def test_reference_of_the_shares() -> None:
    """By the expansion and by sums: the exact law to a few units in the last place, another size's is rejected."""
    weight, pointed = np.empty(64), np.empty(64)
    _share_kernels.tree_weights(weight, pointed)
    whole = np.empty(703), np.empty(703)
    _share_kernels.tree_weights(*whole)
    for n, sizes in ((257, (128,)), (300, (128, 150, 171)), (700, (5, 128, 350, 571, 600, 690))):
        exact = list(itertools.accumulate(reference.base_law(n)))
        for s in sizes:
            wanted = float(exact[s - 1])  # sums reach into the table of all weights, the expansion needs none
            for tables in ((weight, pointed), whole) if 128 <= s < n - 128 else (whole,):
                made = _share_kernels.share(*tables, n, s, True)
                branch = _share_kernels.share(*tables, n, n - 1 - s, False)
                assert made == pytest.approx(wanted, abs=3e-15)
                assert branch == pytest.approx(1.0 - wanted, abs=3e-15)
                assert _share_kernels.share(*tables, n + 1, s, True) < wanted - 1e-10
        # a smaller tree's table ends before n and gives the same bits
        assert _share_kernels.share(weight, pointed, n, 5, True) == _share_kernels.share(*whole, n, 5, True)


def test_reference_of_shares_compared_by_less_work() -> None:
    """Each way is wrong by less than it says and decides what `share` decides; close to it, it says that it can't."""
    shares, series = nested.share_tables(2)[2:]
    weight, pointed = nested.share_tables(4000)[:2]
    for n in (256, 300, 700, 4000):
        for most in (1, 2, 30, 127, 128, n // 2, n - 129, n - 128, n - 2):
            for base in (True, False):
                exact = _share_kernels.share(weight, pointed, n, most, base)

                def said(shift: float, n: int = n, most: int = most, base: bool = base, exact: float = exact) -> int:
                    return int(_share_kernels.compared(shares, series, n, most, base, exact + shift))

                side, small = (most, base) if most < 128 else (n - 1 - most, not base)
                if side < 128:
                    about, wrong = _share_kernels.by_side_series(series, n, side, small)
                    about = about if most < 128 else 1.0 - about
                else:
                    about, wrong = _share_kernels.by_low_order(n, most if base else n - 1 - most)
                    about = about if base else 1.0 - about
                assert abs(about - exact) < 0.6 * wrong
                assert wrong < 1e-3
                assert [said(-2.0 * wrong), said(0.0), said(2.0 * wrong)] == [1, -1, 0]
    for n, most in ((2, 1), (5, 3), (90, 40), (255, 100), (255, 254)):
        for side, base in enumerate((True, False)):
            assert shares[side, most, n] == _share_kernels.share(weight, pointed, n, most, base)
            assert (np.diff(shares[side, most, most + 1 :]) < -1e-7).all()  # so any way to look it up finds the same


@given(st.lists(st.integers(0, 2**64 - 1), max_size=60), st.integers(1, 3))
def test_reference_of_the_order_of_draws(values: list[int], times: int) -> None:
    value = np.array(values * times, np.uint64)
    assert nested.rising_order(value, np.int32).tolist() == np.argsort(value, kind="stable").tolist()


@examples(25)
@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(0, 99))
def test_prefixes_of_larger_trees(m: int, n: int, seed: int) -> None:
    small, large = (nested.nested_parents(k, seed) for k in sorted((m, n)))
    assert large[: small.size].tolist() == small.tolist()


def test_reference_of_the_weights() -> None:
    weight, pointed = np.empty(303), np.empty(303)
    _share_kernels.tree_weights(weight, pointed)
    for n in (2, 3, 20, 34, 35, 100, 150):
        law = reference.base_law(n)
        assert sum(law) == 1
        made = [weight[s] * pointed[302 - (n - s)] / ((n - 1) * weight[n]) for s in range(1, n)]
        np.testing.assert_allclose(made, [float(p) for p in law], rtol=3e-14)


def test_base_and_branch_grow_stochastically() -> None:
    """What nested growth rests on (proved in docs/theory.md): P_(n+1)(≤ s) ≤ P_n(≤ s) ≤ P_(n+1)(≤ s + 1)."""
    for n in range(2, 45):
        now = list(itertools.accumulate(reference.base_law(n)))
        then = list(itertools.accumulate(reference.base_law(n + 1)))
        assert all(then[s] <= now[s] <= then[s + 1] for s in range(n - 1))
    steep = [[Fraction(2 ** (k * k + (n - k) ** 2)) for k in range(1, n)] for n in (4, 5)]
    now, then = (list(itertools.accumulate(x / sum(h) for x in h)) for h in steep)
    assert not all(then[s] <= now[s] <= then[s + 1] for s in range(3))  # not every splitting law grows


@examples(25)
@given(st.integers(1, 600), st.integers(1, 600), st.integers(0, 2**63 - 1))
def test_smaller_clusters_are_prefixes_byte_for_byte(n: int, m: int, seed: int) -> None:
    n, m = min(n, m), max(n, m)
    small, large = forests.nested_cluster(n, seed), forests.nested_cluster(m, seed)
    assert large.edges[: n - 1].tobytes() == small.edges.tobytes()
    assert (large.edges[:, 0] < large.edges[:, 1]).all()  # every vertex comes as a leaf
    # the smaller hierarchy is the restriction of the larger one: its subclusters are those of the larger one that keep
    # two points or more
    kept = {frozenset(p for p in block if p < n) for block in subclusters(large, m)}
    assert {b for b in kept if len(b) > 1} == subclusters(small, n)


def subclusters(tree: forests.ClusterTree, n: int) -> set[frozenset[int]]:
    below: list[set[int]] = [{i} for i in range(n)] + [set() for _ in range(n - 1)]
    for u in [*range(n), *range(2 * n - 2, n, -1)]:
        if tree.parent[u] >= 0:
            below[tree.parent[u]] |= below[u]
    return {frozenset(b) for b in below[n:]}


def test_a_prefix_of_the_coalescent_would_be_noticed() -> None:
    small, large = forests.critical_cluster(50, 3), forests.critical_cluster(51, 3)
    assert large.edges[:49].tobytes() != small.edges.tobytes()


def prefix(n: int, seed: int) -> np.ndarray:
    """The first n vertices of a cluster grown to twice as many."""
    return forests.nested_cluster(2 * n, seed).edges[: n - 1]


@pytest.mark.slow(reason="thousands of trees at every size", but=["6"])
@pytest.mark.parametrize("n", [4, 5, 6])
def test_a1_shapes_at_every_prefix(n: int) -> None:
    law = theory.tree_shape_probabilities(n)
    counts = shape_counts([prefix(n, s) for s in range(8_000)], list(law))
    assert chi_square(counts, list(law.values())) > THRESHOLD
    wrong = shape_counts([random_recursive_tree(n, s) for s in range(8_000)], list(law))
    assert chi_square(wrong, list(law.values())) < REJECTED


@pytest.mark.slow(reason="thousands of trees at every size", but=["50"])
@pytest.mark.parametrize("n", [10, 50])
def test_a2_degrees_at_every_prefix(n: int) -> None:
    """Of the root, which is uniform, and of a vertex chosen anew: by their time of birth they differ."""
    law = theory.vertex_degree_law(n)
    chosen = [plain.draw_below(key64(s, Role.MEASUREMENT), 0, n) for s in range(6_000)]
    all_degrees = [degrees(prefix(n, s), n) for s in range(6_000)]
    for vertex in (chosen, [0] * 6_000):
        ours = [d[v] for d, v in zip(all_degrees, vertex, strict=True)]
        assert chi_square(np.bincount(ours, minlength=law.size)[: law.size], law) > THRESHOLD
    last = [d[n - 1] for d in all_degrees]
    assert chi_square(np.bincount(last, minlength=law.size)[: law.size], law) < REJECTED  # the youngest is a leaf
    wrong = [degrees(random_recursive_tree(n, s), n)[v] for s, v in enumerate(chosen)]
    assert chi_square(np.bincount(wrong, minlength=law.size)[: law.size], law) < REJECTED


@pytest.mark.slow(reason="thousands of trees at every size", but=["100-4000"])
@pytest.mark.parametrize(("n", "count"), [(10, 6_000), (100, 4_000), (400, 2_000)])
def test_a5_distances_at_every_prefix(n: int, count: int) -> None:
    law = theory.tree_distance_law(n)
    first = 0 if abs(law.sum() - 1.0) < 1e-9 and law[0] == 0.0 else 1
    pairs = []
    for s in range(count):
        a = plain.draw_below(key64(s, Role.MEASUREMENT), 0, n)
        pairs.append((a, (a + 1 + plain.draw_below(key64(s, Role.MEASUREMENT), 1, n - 1)) % n))
    ours = [distance(prefix(n, s), n, a, b) for s, (a, b) in enumerate(pairs)]
    counts = np.bincount(ours, minlength=law.size + first)[first : law.size + first]
    assert chi_square(counts, law) > THRESHOLD
    assert z_test(ours, float(law @ (np.arange(law.size) + first))) > THRESHOLD
    wrong = [distance(random_recursive_tree(n, s), n, a, b) for s, (a, b) in enumerate(pairs)]
    counts = np.bincount(wrong, minlength=law.size + first)[first : law.size + first]
    assert chi_square(counts, law) < REJECTED


def test_a3_root_split_of_the_nested_hierarchy() -> None:
    n = 60
    law = theory.root_split_law(n)
    law = law if law.size == n - 1 else law[1:n]
    half = np.append((law + law[::-1])[: n // 2 - 1], law[n // 2 - 1])
    sides = []
    for s in range(6_000):
        tree = forests.nested_cluster(n, s)
        sides.append(min(int(k) for k in tree.size[np.flatnonzero(tree.parent == n)]))
    counts = np.bincount(sides, minlength=n // 2 + 1)[1:]
    assert chi_square(counts, half) > THRESHOLD
    wrong = [uniform_edge_split(random_recursive_tree(n, s), n, s) for s in range(2_000)]
    assert chi_square(np.bincount(wrong, minlength=n // 2 + 1)[1:], half) < REJECTED


def uniform_edge_split(edges: np.ndarray, n: int, seed: int) -> int:
    """The smaller side of a uniform edge of a tree whose vertices come after their neighbours."""
    below = np.ones(n, np.int64)
    for u, v in edges[::-1]:
        below[u] += below[v]
    k = int(below[1 + plain.draw_below(key64(seed, Role.MEASUREMENT), 99, n - 1)])
    return min(k, n - k)


def test_a4_leaf_depths_of_the_nested_hierarchy() -> None:
    n = 200
    sample = [
        forests.nested_cluster(n, s).depth[plain.draw_below(key64(s, Role.MEASUREMENT), 0, n)] for s in range(3_000)
    ]
    assert z_test(sample, theory.mean_leaf_depth(n)) > THRESHOLD
    assert z_test(sample, theory.mean_leaf_depth(n + 60)) < REJECTED


@pytest.mark.parametrize("n", [3, 40])
def test_a8_ties_at_every_prefix(n: int) -> None:
    """Points of two or more edges, all of one length: their share, in the mean over clusters."""
    seeds = range(1_500 if n > 3 else 100)
    share = [float((degrees(prefix(n, s), n) >= 2).mean()) for s in seeds]
    due = theory.tie_probability(n)
    if n == 3:  # every tree of three points is a path
        assert set(share) == {1 / 3}
        assert due == pytest.approx(1 / 3)
        return
    assert z_test(share, due) > THRESHOLD
    wrong = [float((degrees(random_recursive_tree(n, s), n) >= 2).mean()) for s in seeds]
    assert z_test(wrong, due) < REJECTED


def test_a8_prefixes_tie_where_their_edges_meet() -> None:
    """Of the coordinates: the nearest points of a prefix are its neighbours in the graph, all equally near."""
    n, recipe = 60, fm.PercolationCluster(n_points=150, ambient_dim=64, growth="nested", seed=8)
    X = fm.generate(recipe).X[:n].astype(float)
    edges = fm.generate(recipe.replace(n_points=n)).edges
    assert edges is not None
    square = np.square(X[:, None] - X).sum(-1) + np.diag(np.full(n, np.inf))
    least = np.isclose(square, square.min(1, keepdims=True), rtol=1e-5)
    assert ((least.sum(1) >= 2) == (degrees(edges, n) >= 2)).all()


def test_a_nested_dataset(tmp_path: Path) -> None:
    recipe = fm.PercolationCluster(n_points=300, ambient_dim=8, growth="nested", seed=5)
    data, larger = fm.generate(recipe), fm.generate(recipe.replace(n_points=3000))
    assert data.edges is not None
    assert larger.edges is not None
    assert larger.edges[:299].tobytes() == data.edges.tobytes()
    path = fm.write(recipe, tmp_path / "nested.h5")
    assert fm.verify(path) == []
    with fm.open(path) as file:
        assert file.recipe == recipe
        np.testing.assert_array_equal(file.X[:], data.X)
    other = fm.generate(recipe.replace(growth="coalescent"))
    assert (other.edges != data.edges).any()
    assert fm.predict(recipe).data_exponent == 0.5
    with pytest.raises(fm.RecipeError, match="growth = 'nest'"):
        recipe.replace(growth="nest")
    for n in (1, 2, 3):
        assert fm.generate(recipe.replace(n_points=n)).n_points == n
