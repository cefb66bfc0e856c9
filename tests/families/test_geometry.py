"""Geometry: references, the exact laws A1–A5 of the critical cluster, the cascade's induced tree."""

from __future__ import annotations

import math

import numpy as np
import pytest
from exact_laws import REJECTED, THRESHOLD, chi_square, z_test
from hypothesis import given
from hypothesis import strategies as st

from fractalman import theory
from fractalman.errors import RecipeError
from fractalman.families import _forests as forests
from fractalman.families.cascade.paths import CascadePaths
from fractalman.random.streams import Role, key64
from fractalman.trees import depths
from tests.reference import geometry as reference
from tests.reference import streams as plain

# ---------------------------------------------------------------------------------------------------- references


@given(st.integers(1, 60), st.integers(0, 2**63 - 1), st.integers(0, 5))
def test_reference_of_the_cyclic_coalescent(n: int, seed: int, cluster: int) -> None:
    made = forests.critical_cluster(n, seed, cluster)
    edges, parent, size = reference.critical_cluster(n, seed, cluster)
    assert [tuple(e) for e in made.edges.tolist()] == edges
    assert made.parent.tolist() == parent
    assert made.size.tolist() == size
    np.testing.assert_array_equal(made.depth, depths(made.parent))


@given(st.integers(1, 40), st.integers(0, 99))
def test_reference_of_the_rooted_order(n: int, seed: int) -> None:
    edges = forests.critical_cluster(n, seed).edges
    root = seed % n
    parent, order = forests.rooted_order(edges, n, root)
    assert parent.tolist() == reference.rooted_parents(edges.tolist(), n, root)
    place = np.argsort(order)
    assert all(parent[i] < 0 or place[parent[i]] < place[i] for i in range(n))


def test_edges_that_are_no_tree_are_refused() -> None:
    with pytest.raises(RecipeError, match="one tree of 4 points"):
        forests.rooted_order(np.array([[0, 1], [2, 3]]), 4, 0)
    with pytest.raises(RecipeError, match="one tree of 5 points"):  # a loop that the root reaches
        forests.rooted_order(np.array([[0, 1], [1, 2], [2, 0], [3, 4]]), 5, 0)


@given(
    st.integers(1, 40),
    st.sampled_from([((2,), 6), ((1, 4), 5), ((3, 1), 2), ((4,), 24), ((1, 16), 30), ((300,), 9), ((2, 3, 7), 40)]),
    st.integers(0, 99),
)
def test_reference_of_the_cascade(n: int, law: tuple[tuple[int, ...], int], seed: int) -> None:
    branching, levels = law
    paths = CascadePaths(seed, branching, levels)
    slow = [reference.cascade_path(i, levels, branching, seed) for i in range(n)]
    assert paths.addresses(np.arange(n)).tolist() == [addresses for _, addresses in slow]
    some = np.array([n - 1, 0, n // 2])
    np.testing.assert_array_equal(paths.addresses(some), paths.addresses(np.arange(n))[some])
    _check_induced_tree(paths.induced_tree(n), [tuple(digits) for digits, _ in slow], levels)


def _check_induced_tree(tree: object, digits: list[tuple[int, ...]], levels: int) -> None:
    """The induced tree by listing every prefix and keeping those where points part."""
    n = len(digits)
    members: dict[tuple[int, ...], list[int]] = {}
    for i, path in enumerate(digits):
        for level in range(levels + 1):
            members.setdefault(path[:level], []).append(i)
    latents = {
        node: below
        for node, below in members.items()
        if len({digits[i][len(node)] if len(node) < levels else -1 - i for i in below}) > 1
    }
    named = {
        node: n + k for k, node in enumerate(sorted(latents, key=lambda v: (-len(latents[v]), len(v), min(latents[v]))))
    }

    def above(path: tuple[int, ...], level: int) -> int:
        return next((named[path[:m]] for m in range(level, -1, -1) if path[:m] in named), -1)

    assert tree.parent.tolist() == [above(p, levels) for p in digits] + [above(v, len(v) - 1) for v in named]  # type: ignore[attr-defined]
    assert tree.level.tolist() == [levels] * n + [len(v) for v in named]  # type: ignore[attr-defined]
    assert tree.size.tolist() == [1] * n + [len(latents[v]) for v in named]  # type: ignore[attr-defined]


# ---------------------------------------------------------------------------------------------------- exact laws A1–A5


def random_recursive_tree(n: int, seed: int) -> np.ndarray:
    """A wrong tree: every new vertex hangs on a uniform earlier one."""
    key = key64(seed, Role.MEASUREMENT)
    return np.array([(plain.draw_below(key, v, v), v) for v in range(1, n)])


def uniform_recursive_hierarchy(n: int, seed: int) -> float:
    """A wrong cut tree: every fragment splits at a uniform size; returns the depth of a random leaf."""
    key, depth = key64(seed, Role.MEASUREMENT), 0
    while n > 1:
        left = 1 + plain.draw_below(key, depth, n - 1)
        n = left if plain.draw_below(key, 1000 + depth, n) < left else n - left
        depth += 1
    return depth


def shape_counts(trees: list[np.ndarray], codes: list[str]) -> list[int]:
    known: dict[bytes, str] = {}
    counts = dict.fromkeys(codes, 0)
    for edges in trees:
        pattern = np.sort(edges, axis=1)
        pattern = pattern[np.lexsort(pattern.T)].tobytes()
        if pattern not in known:
            known[pattern] = theory.tree_shape(edges)
        counts[known[pattern]] += 1
    return list(counts.values())


def test_a1_shapes_of_six_vertices() -> None:
    law = theory.tree_shape_probabilities(6)
    assert sorted(round(p * 1296) for p in law.values()) == [6, 90, 120, 360, 360, 360]
    counts = shape_counts([forests.critical_cluster(6, s).edges for s in range(12_000)], list(law))
    assert chi_square(counts, list(law.values())) > THRESHOLD
    wrong = shape_counts([random_recursive_tree(6, s) for s in range(12_000)], list(law))
    assert chi_square(wrong, list(law.values())) < REJECTED


def degrees(edges: np.ndarray, n: int) -> np.ndarray:
    return np.bincount(edges.ravel(), minlength=n)


def test_a2_degree_of_a_vertex() -> None:
    """One vertex a tree: the degrees of one tree are not independent."""
    n = 50
    law = theory.vertex_degree_law(n)
    ours = [degrees(forests.critical_cluster(n, s).edges, n)[s % n] for s in range(8_000)]
    assert chi_square(np.bincount(ours, minlength=law.size)[: law.size], law) > THRESHOLD
    wrong = [degrees(random_recursive_tree(n, s), n)[s % n] for s in range(2_000)]
    assert chi_square(np.bincount(wrong, minlength=law.size)[: law.size], law) < REJECTED


def root_sides(n: int, seeds: range) -> list[int]:
    """The size of one side of every root split: the smaller node id or the larger one in turn."""
    out = []
    for s in seeds:
        tree = forests.critical_cluster(n, s)
        top = np.flatnonzero(tree.parent == n)
        out.append(int(tree.size[top[s % 2]]))
    return out


def test_a3_root_split() -> None:
    n = 100
    law = theory.root_split_law(n)
    assert law.size == n  # entry k = P(k), entry 0 is 0
    probability = law[1:]
    minimum = probability + probability[::-1]
    assert minimum[0] == pytest.approx(0.377237, abs=5e-7)
    assert minimum[1] == pytest.approx(0.140906, abs=5e-7)
    side = np.array(root_sides(n, range(12_000)))
    sides = np.minimum(side, n - side)
    half = np.append(minimum[: n // 2 - 1], probability[n // 2 - 1])
    counts = np.bincount(sides, minlength=n // 2 + 1)[1:]
    assert chi_square(counts, half) > THRESHOLD
    uniform = np.array([1 + plain.draw_below(key64(s, Role.MEASUREMENT), 0, n - 1) for s in range(12_000)])
    wrong = np.bincount(np.minimum(uniform, n - uniform), minlength=n // 2 + 1)[1:]
    assert chi_square(wrong, half) < REJECTED


@pytest.mark.parametrize(
    ("n", "mean", "count"), [(10, 4.20722, 8_000), (100, 14.06685, 6_000), (1000, 42.36612, 2_000)]
)
def test_a4_mean_leaf_depth(n: int, mean: float, count: int) -> None:
    assert theory.mean_leaf_depth(n) == pytest.approx(mean, abs=5e-6)
    sample = [forests.critical_cluster(n, s).depth[s % n] for s in range(count)]
    assert z_test(sample, mean) > THRESHOLD
    wrong = [uniform_recursive_hierarchy(n, s) for s in range(count)]
    assert z_test(wrong, mean) < REJECTED


def distance(edges: np.ndarray, n: int, a: int, b: int) -> int:
    parent, _ = forests.rooted_order(edges, n, a)
    steps = 0
    while b != a:
        b = int(parent[b])
        steps += 1
    return steps


@pytest.mark.parametrize(
    ("n", "mean", "count"), [(10, 2.95580, 6_000), (100, 11.32319, 4_000), (1000, 38.34155, 1_200)]
)
def test_a5_distance_of_two_vertices(n: int, mean: float, count: int) -> None:
    law = theory.tree_distance_law(n)
    k = np.arange(law.size)
    assert law @ k == pytest.approx(mean, abs=5e-6)
    ours = [distance(forests.critical_cluster(n, s).edges, n, s % n, (s + 1) % n) for s in range(count)]
    assert z_test(ours, mean) > THRESHOLD
    counts = np.bincount(ours, minlength=law.size)[: law.size]
    assert chi_square(counts, law) > THRESHOLD
    wrong = [
        distance(random_recursive_tree(n, s), n, s % n, (7 * s + 1) % n) for s in range(count // 2) if (6 * s + 1) % n
    ]
    assert z_test(wrong, mean) < REJECTED


def test_hierarchy_and_tree_belong_together() -> None:
    """Removing the edges from last joined to first must split the fragments exactly as the latents say."""
    n = 40
    tree = forests.critical_cluster(n, 8)
    members: list[set[int]] = [{i} for i in range(n)]
    block = {i: members[i] for i in range(n)}
    sizes = []
    for u, v in tree.edges.tolist():
        merged = block[u] | block[v]
        for i in merged:
            block[i] = merged
        sizes.append(len(merged))
    assert sorted(sizes, reverse=True) == tree.size[n:].tolist()


def test_exchangeable_numbers() -> None:
    """Point numbers carry no trace of the ring: the first half of the points is a random half of the tree."""
    n = 64
    same = [sum((u < n // 2) == (v < n // 2) for u, v in forests.critical_cluster(n, s).edges) for s in range(3_000)]
    expected = (n - 1) * (n / 2 - 1) / (n - 1)
    assert z_test(same, expected) > THRESHOLD
    along = [sum((u < n // 2) == (v < n // 2) for u, v in random_recursive_tree(n, s)) for s in range(1_000)]
    assert z_test(along, expected) < REJECTED  # numbered in order of growth


# ---------------------------------------------------------------------------------------------------- cascade


def test_branching_numbers_are_equally_likely_at_every_node() -> None:
    branching, levels, n = (1, 2, 5), 4, 6_000
    paths = CascadePaths(3, branching, levels)
    tree = paths.induced_tree(n)
    addresses = paths.addresses(np.arange(n))
    firsts = []
    for level in range(1, levels):
        nodes, index = np.unique(addresses[:, level], return_index=True)
        below = [np.unique(addresses[addresses[:, level] == a, level + 1]).size for a in nodes]
        firsts += [
            b for b, k in zip(below, index, strict=True) if (addresses[:, level] == addresses[k, level]).sum() > 60
        ]
    counts = [firsts.count(k) for k in branching]
    assert sum(counts) == len(firsts)  # with 60 points in a cell every child is met
    assert chi_square(counts, [1 / 3] * 3) > THRESHOLD
    assert tree.level[n:].max() <= levels


def test_cells_hold_their_mass() -> None:
    """Points choose uniformly among the children: every level-3 cell of k = 4 holds 1/64 of them."""
    paths = CascadePaths(12, (4,), 6)
    _, counts = np.unique(paths.addresses(np.arange(20_000))[:, 3], return_counts=True)
    assert chi_square(counts, [1 / 64] * 64) > THRESHOLD
    assert math.isclose(counts.sum(), 20_000)
