"""Forests: references, sizes by A6, A7 and Bethe's n_s, Bethe shapes, cut trees of any tree by A3 and A4."""

from __future__ import annotations

import math

import numpy as np
import pytest
from exact_laws import REJECTED, THRESHOLD, chi_square, z_test
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples

from fractalman import theory
from fractalman.errors import RecipeError
from fractalman.families import _forests as forests
from fractalman.families._forests import _size_kernels as kernels
from fractalman.families._forests.sizes import bethe_families, binomial_law
from fractalman.families.bethe_lattice.trees import bethe_trees
from fractalman.random.streams import Role, key64, permutation
from fractalman.trees import depths
from tests.families.test_geometry import random_recursive_tree, shape_counts
from tests.reference import forests as reference
from tests.reference import streams as plain

# ---------------------------------------------------------------------------------------------------- references


@st.composite
def any_forests(draw: st.DrawFn) -> tuple[int, np.ndarray]:
    """Points and the edges of a forest, in any order and direction, on shuffled points."""
    n = draw(st.integers(1, 25))
    name = draw(st.permutations(range(n)))
    edges = []
    for v in range(1, n):
        u = draw(st.integers(-1, v - 1))
        if u >= 0:
            edges.append(draw(st.permutations([name[u], name[v]])))
    return n, np.array(draw(st.permutations(edges)) if edges else edges, np.int64).reshape(-1, 2)


@given(any_forests(), st.integers(0, 2**63 - 1))
def test_reference_of_the_cut_tree(forest: tuple[int, np.ndarray], seed: int) -> None:
    n, edges = forest
    made = forests.cut_tree(edges, n, seed)
    joined, parent, size = reference.cut_tree([tuple(e) for e in edges.tolist()], n, seed)
    assert [tuple(e) for e in made.edges.tolist()] == joined
    assert made.parent.tolist() == parent
    assert made.size.tolist() == size
    np.testing.assert_array_equal(made.depth, depths(made.parent))
    latents = np.arange(n, made.parent.size)
    assert (made.parent[n:] < latents).all()
    assert (np.diff(made.size[n:]) <= 0).all()


cluster_sizes = st.lists(st.integers(1, 12), min_size=1, max_size=8).map(lambda s: sorted(s, reverse=True))


@given(cluster_sizes, st.integers(0, 99))
def test_reference_of_the_critical_forest(sizes: list[int], seed: int) -> None:
    made = forests.critical_forest(np.array(sizes), seed)
    edges, parent, size = reference.critical_forest(sizes, seed)
    assert [tuple(e) for e in made.edges.tolist()] == edges
    assert made.parent.tolist() == parent
    assert made.size.tolist() == size
    np.testing.assert_array_equal(made.depth, depths(made.parent))
    start = forests.cluster_starts(np.array(sizes))
    tops = forests.top_nodes(made.parent, start[:-1])
    assert made.size[tops].tolist() == sizes
    assert np.unique(tops).size == len(sizes)


@given(st.integers(1, 300), st.integers(0, 99))
def test_one_cluster_is_the_critical_cluster(n: int, seed: int) -> None:
    one, forest = forests.critical_cluster(n, seed), forests.critical_forest(np.array([n]), seed)
    for column in ("edges", "parent", "size", "depth"):
        np.testing.assert_array_equal(getattr(one, column), getattr(forest, column))


@given(
    st.integers(0, 2**64 - 1),
    st.sampled_from([(3, 0.2), (3, 0.5), (6, 0.15), (6, 0.4), (3, 1.0), (3, 0.0), (4, 1 / 3)]),
    st.booleans(),
    st.integers(1, 60),
    st.integers(1, 60),
)
def test_reference_of_the_sizes(key: int, law: tuple[int, float], number: bool, total: int, places: int) -> None:
    root, child, share = bethe_families(*law)
    sizes, told = np.empty(places, np.int64), np.zeros(3, np.int64)
    made = kernels.branching_sizes(np.uint64(key), root, child, number, share, total, sizes, told)
    slow = reference.branching_sizes(key, root.tolist(), child.tolist(), number, share, total, places)
    assert (sizes[:made].tolist(), tuple(told.tolist())) == slow


create_probs = st.sampled_from([1 / 3, 0.01, 0.2, 0.5, 0.8, 0.99])


@given(st.integers(1, 80), create_probs, st.integers(0, 2**64 - 1))
def test_reference_of_the_yule_simon_process(n: int, p: float, key: int) -> None:
    sizes = np.empty(n, np.int64)
    made = kernels.yule_simon_process(np.uint64(key), p, np.empty(n, np.int32), sizes)
    assert sizes[:made].tolist() == reference.yule_simon_process(key, p, n)


@given(st.integers(1, 60), create_probs, st.integers(1, 60), st.integers(0, 2**64 - 1))
def test_reference_of_the_waiting_sizes(total: int, p: float, places: int, key: int) -> None:
    sizes, told = np.empty(places, np.int64), np.zeros(3, np.int64)
    made = kernels.waiting_sizes(np.uint64(key), p, total, sizes, told)
    assert (sizes[:made].tolist(), tuple(told.tolist())) == reference.waiting_sizes(key, p, total, places)


@examples(60)
@given(cluster_sizes, st.integers(3, 9), st.integers(0, 99))
def test_reference_of_the_bethe_trees(sizes: list[int], z: int, seed: int) -> None:
    made = forests.ClusterSizes(np.array(sizes), 0, 0, -1)
    edges = bethe_trees(made, z, 0.3, seed)
    assert [tuple(e) for e in edges.tolist()] == reference.bethe_edges(sizes, z, seed)
    assert np.bincount(edges.ravel(), minlength=1).max() <= z


# ---------------------------------------------------------------------------------------------------- what must hold


@given(
    st.integers(1, 400),
    st.sampled_from(["number", "size-biased"]),
    st.sampled_from(["yule-simon", "borel", (3, 0.4), (3, 0.5), (5, 0.6), (3, 1.0), (64, 0.0), (3, 0.51)]),
    st.integers(0, 99),
)
def test_sizes_fill_the_points(n: int, ensemble: str, law: str | tuple[int, float], seed: int) -> None:
    if isinstance(law, str):
        made = forests.critical_sizes(n, law, ensemble, seed)
    else:
        made = forests.bethe_sizes(n, *law, ensemble, seed)
    assert made.size.sum() == n
    assert made.size.min() >= 1
    assert (np.diff(made.size) <= 0).all()
    assert (made.redrawn > 0) == (made.restricted > 0)
    assert made.restricted <= n
    if not isinstance(law, str):
        edges = bethe_trees(made, *law, seed)
        forest = forests.cut_tree(edges, n, seed)  # refuses loops
        tops = forests.top_nodes(forest.parent, forests.cluster_starts(made.size)[:-1])
        assert forest.size[tops].tolist() == made.size.tolist()
        assert np.bincount(edges.ravel(), minlength=1).max() <= law[0]


def test_one_point_and_no_edges() -> None:
    tree = forests.cut_tree(np.empty((0, 2), np.int64), 1, 3)
    assert (tree.parent.tolist(), tree.size.tolist(), tree.depth.tolist()) == ([-1], [1], [0])
    loose = forests.cut_tree(np.empty((0, 2), np.int64), 4, 3)
    assert loose.parent.tolist() == [-1] * 4


def test_edges_that_are_no_forest_are_refused() -> None:
    with pytest.raises(RecipeError, match="makes a loop"):
        forests.cut_tree(np.array([[0, 1], [1, 2], [2, 0]]), 3, 0)
    with pytest.raises(RecipeError, match="makes a loop"):
        forests.cut_tree(np.array([[1, 1]]), 3, 0)
    with pytest.raises(RecipeError, match="expected 0 … 2"):
        forests.cut_tree(np.array([[0, 3]]), 3, 0)
    with pytest.raises(RecipeError, match="2 trees of 4 points"):
        forests.rooted_order(np.array([[0, 1], [2, 3]]), 4, np.array([0, 1]))


@pytest.mark.parametrize("threads", ["1", "5"])
def test_threads_change_nothing(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = forests.critical_sizes(5_000, "borel", "number", 1)
    monkeypatch.setenv("FRACTALMAN_THREADS", "3")
    forest, bethe = forests.critical_forest(sizes.size, 1), bethe_trees(sizes, 4, 0.3, 1)
    monkeypatch.setenv("FRACTALMAN_THREADS", threads)
    np.testing.assert_array_equal(forests.critical_forest(sizes.size, 1).parent, forest.parent)
    np.testing.assert_array_equal(bethe_trees(sizes, 4, 0.3, 1), bethe)


# ---------------------------------------------------------------------------------------------------- laws of sizes

FAR = 1 << 60  # more points than the draws can fill: nothing is cut


def drawn_sizes(root: np.ndarray, child: np.ndarray, number: bool, count: int, seed: int) -> np.ndarray:
    sizes, told = np.empty(count, np.int64), np.zeros(3, np.int64)
    key = np.uint64(key64(seed, Role.MEASUREMENT))
    assert kernels.branching_sizes(key, root, child, number, 0.0, FAR, sizes, told) == count
    assert told[0] == 0
    return sizes


def fits(sizes: np.ndarray | list[int], law: np.ndarray) -> float:
    """p-value of sizes against the law of 1 … last; what is larger makes one more cell."""
    last = law.size
    counts = np.bincount(np.minimum(sizes, last + 1), minlength=last + 2)[1:]
    return chi_square(counts.tolist(), [*law, 1.0 - law.sum()])


def test_a6_yule_simon_process() -> None:
    """The cluster of one random point a process, against the exact expectation for n points."""
    n, last = 300, 60
    assert theory.yule_simon_law(3)[1:] == pytest.approx([0.6, 0.171429, 0.076190], abs=5e-7)
    assert theory.yule_simon_expected_numbers(1, 3).tolist() == [0.0, 1.0, 0.0, 0.0]
    assert theory.yule_simon_expected_numbers(2, 3)[1:] == pytest.approx([2 / 3, 2 / 3, 0.0])
    law = theory.yule_simon_expected_numbers(n, last)
    biased = (law * np.arange(last + 1) / n)[1:]
    assert biased[0] == pytest.approx(0.2, abs=1e-3)  # singletons hold a fifth of the points
    made = [forests.critical_sizes(n, "yule-simon", "number", s).size for s in range(8_000)]
    ours = [np.repeat(size, size)[plain.draw_below(key64(s, Role.MEASUREMENT), 0, n)] for s, size in enumerate(made)]
    assert fits(ours, biased) > THRESHOLD
    wrong = [size[plain.draw_below(key64(s, Role.MEASUREMENT), 0, size.size)] for s, size in enumerate(made)]
    assert fits(wrong, biased) < REJECTED  # a random cluster is not that of a random point


def test_a6_size_biased() -> None:
    last = 200
    f = theory.yule_simon_law(last)
    law = (f * np.arange(last + 1) / 3)[1:]
    sizes, told = np.empty(2_000, np.int64), np.zeros(3, np.int64)
    assert kernels.waiting_sizes(np.uint64(key64(1, Role.MEASUREMENT)), 1 / 3, FAR, sizes, told) == 2_000
    assert fits(sizes, law) > THRESHOLD
    assert fits(sizes, f[1:]) < REJECTED


@pytest.mark.parametrize("p", [0.15, 0.45, 0.7])
def test_a6_with_another_probability_of_a_new_cluster(p: float) -> None:
    """f(s) = ρ B(s, ρ+1) exactly, and what is drawn follows it: by number at n points, by roots in the limit."""
    n, last, rho = 300, 60, 1 / (1 - p)
    f = theory.yule_simon_law(last, p)
    beta = [rho * math.gamma(s) * math.gamma(rho + 1) / math.gamma(s + rho + 1) for s in range(1, last + 1)]
    np.testing.assert_allclose(f[1:], beta, rtol=1e-11)
    law = theory.yule_simon_expected_numbers(n, last, p)
    biased = (law * np.arange(last + 1) / n)[1:]
    made = [forests.critical_sizes(n, "yule-simon", "number", s, p).size for s in range(4_000)]
    ours = [np.repeat(size, size)[plain.draw_below(key64(s, Role.MEASUREMENT), 0, n)] for s, size in enumerate(made)]
    assert fits(ours, biased) > THRESHOLD
    at_third = theory.yule_simon_expected_numbers(n, last)
    assert fits(ours, (at_third * np.arange(last + 1) / n)[1:]) < REJECTED  # control: the mean-field law
    roots = (p * f * np.arange(last + 1))[1:]
    one, told = np.empty(1, np.int64), np.zeros(3, np.int64)
    drawn = []
    for s in range(4_000):  # the first of each: its law is the one restricted to the sizes that fit
        assert kernels.waiting_sizes(np.uint64(key64(s, Role.MEASUREMENT)), p, last, one, told) == 1
        drawn.append(int(one[0]))
    counts = np.bincount(drawn, minlength=last + 1)[1:]
    assert chi_square(counts, roots / roots.sum()) > THRESHOLD
    mean_field = (theory.yule_simon_law(last) * np.arange(last + 1))[1:]
    assert chi_square(counts, mean_field / mean_field.sum()) < REJECTED


@pytest.mark.parametrize("number", [True, False])
def test_a7_borel(number: bool) -> None:
    last = 200
    law = theory.borel_law(last)
    assert law[1] == pytest.approx(math.exp(-1))  # the mass of the singletons
    poisson = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(20)])
    sizes = drawn_sizes(poisson, poisson, number, 20_000 if number else 1_500, 2)
    weighted = 2 * law[1:] / np.arange(1, last + 1)
    right, wrong = (weighted, law[1:]) if number else (law[1:], weighted)
    assert fits(sizes, right) > THRESHOLD
    assert fits(sizes, wrong) < REJECTED


def test_a_cut_cluster_is_redrawn_from_what_is_left() -> None:
    """All ways of filling three points, against the Borel law restricted to 3, 2 and 1."""
    p1, p2, p3 = theory.borel_law(3)[1:]
    a = np.array([p1, p2, p3]) / (p1 + p2 + p3)
    b = np.array([p1, p2]) / (p1 + p2)
    law = [a[2], a[1] + a[0] * b[1], a[0] * b[0]]  # one cluster, two, three
    sizes = [forests.critical_sizes(3, "borel", "size-biased", s) for s in range(6_000)]
    counts = np.bincount([s.size.size for s in sizes], minlength=4)[1:]
    assert chi_square(counts, law) > THRESHOLD
    cut_down = [1 - p1 - p2, p2 + p1 * (1 - p1), p1 * p1]  # control: what passes the end is cut down to it
    assert chi_square(counts, cut_down) < REJECTED
    first = [s.restricted == 3 for s in sizes]
    assert z_test(first, 1 - p1 - p2 - p3) > THRESHOLD


LATTICES = [(3, 0.35), (3, 0.5), (3, 0.62), (6, 0.12), (6, 0.2), (6, 0.3)]


@pytest.mark.parametrize(("z", "p"), LATTICES)
@pytest.mark.parametrize("number", [True, False])
def test_bethe_cluster_numbers(z: int, p: float, number: bool) -> None:
    last = 150
    s = np.arange(1, last + 1)
    n_s = theory.bethe_cluster_numbers(z, p, 100_000)
    root, child, share = bethe_families(z, p)
    assert share == pytest.approx(theory.bethe_giant_share(z, p), abs=1e-13)
    law = n_s[1 : last + 1] / n_s.sum() if number else s * n_s[1 : last + 1] / (1 - share)
    sizes = drawn_sizes(root, child, number, 12_000 if number else 1_500, 11 * z + number)
    assert fits(sizes, law) > THRESHOLD
    critical = theory.bethe_threshold(z)
    other = 0.8 * p if p <= critical else critical  # control: another bond probability
    n_s = theory.bethe_cluster_numbers(z, other, 100_000)
    wrong = n_s[1 : last + 1] / n_s.sum() if number else s * n_s[1 : last + 1]
    assert fits(sizes, wrong) < REJECTED


@pytest.mark.parametrize(("z", "p"), [(3, 0.35), (6, 0.12)])
def test_bethe_mean_size(z: int, p: float) -> None:
    root, child, share = bethe_families(z, p)
    assert share == 0.0
    sizes = drawn_sizes(root, child, False, 40_000, z)
    assert z_test(sizes, theory.bethe_mean_size(z, p)) > THRESHOLD
    assert z_test(sizes, theory.bethe_mean_size(z, 0.9 * p)) < REJECTED


@pytest.mark.parametrize(("z", "p"), [(3, 0.62), (6, 0.3)])
def test_giant_share(z: int, p: float) -> None:
    share = theory.bethe_giant_share(z, p)
    giants = []
    for s in range(300):
        made = forests.bethe_sizes(37, z, p, "number", s)
        giants.append(int(made.size[made.giant]) if made.giant >= 0 else 0)
    assert z_test(giants, 37 * share) > THRESHOLD
    assert z_test(giants, 37 * theory.bethe_giant_share(z, 0.97 * p)) < REJECTED
    met = [forests.bethe_sizes(1, z, p, "size-biased", s).giant == 0 for s in range(6_000)]
    assert z_test(met, share) > THRESHOLD
    assert z_test(met, p) < REJECTED


def test_bethe_sums_and_limits() -> None:
    """Σ s n_s = 1 − P_∞ for every p; Σ n_s = 1 − zp/2 and the mean size below p_c; amplitudes of s^(−3/2) at p_c."""
    s = np.arange(200_001.0)
    for z, p in LATTICES:
        n_s = theory.bethe_cluster_numbers(z, p, 200_000)
        critical = p == theory.bethe_threshold(z)
        assert (s * n_s).sum() == pytest.approx(1 - theory.bethe_giant_share(z, p), abs=5e-3 if critical else 1e-12)
        if p <= theory.bethe_threshold(z):
            assert n_s.sum() == pytest.approx(1 - z * p / 2, abs=1e-7)
        if p < theory.bethe_threshold(z):
            assert (s * s * n_s).sum() == pytest.approx(theory.bethe_mean_size(z, p), rel=1e-10)
        if not critical:
            c = -math.log(n_s[3000] / n_s[2999]) - 2.5 * math.log(3000 / 2999) if n_s[3000] > 0 else None
            if c is not None:
                assert 1 / c == pytest.approx(theory.bethe_correlation_size(z, p), rel=1e-4)
    for z, amplitude in ((3, 0.846), (6, 0.535), (12, 0.456)):
        n_s = theory.bethe_cluster_numbers(z, theory.bethe_threshold(z), 100_000)
        assert n_s[-1] * 100_000**2.5 == pytest.approx(amplitude, abs=6e-4)
        assert theory.bethe_mean_size(z, theory.bethe_threshold(z)) == math.inf
        assert theory.bethe_correlation_size(z, theory.bethe_threshold(z)) == math.inf
        assert theory.bethe_giant_share(z, theory.bethe_threshold(z)) == 0.0
    exact = 3 * math.factorial(2 * 7) / (math.factorial(7) * math.factorial(9)) * 0.4**6 * 0.6**9
    assert theory.bethe_cluster_numbers(3, 0.4, 7)[7] == pytest.approx(exact, rel=1e-13)
    assert theory.borel_law(40, 0.8)[40] == pytest.approx(math.exp(-32) * 32**39 / math.factorial(40), rel=1e-12)
    assert theory.bethe_giant_share(3, 1.0) == 1.0
    q = theory.bethe_extinction(3, 0.5001)
    assert q == pytest.approx((0.4999 / 0.5001) ** 2, rel=1e-12)  # z = 3 in closed form
    assert 1 - bethe_families(3, 0.5001)[2] == pytest.approx((0.4999 + 0.5001 * q) ** 3, rel=1e-13)


# ---------------------------------------------------------------------------------------------------- laws of shapes


def bethe_clusters(s: int, z: int, seeds: range) -> list[np.ndarray]:
    one = forests.ClusterSizes(np.array([s]), 0, 0, -1)
    return [bethe_trees(one, z, 0.1, seed) for seed in seeds]


@pytest.mark.parametrize(("s", "z"), [(4, 3), (6, 6), (7, 3)])
def test_bethe_shapes(s: int, z: int) -> None:
    law = theory.bethe_shape_probabilities(s, z)
    assert sum(law.values()) == pytest.approx(1.0)
    if (s, z) == (4, 3):
        assert sorted(law.values()) == pytest.approx([1 / 7, 6 / 7])
    counts = shape_counts(bethe_clusters(s, z, range(4_000)), list(law))
    assert chi_square(counts, list(law.values())) > THRESHOLD
    everything = {**dict.fromkeys(theory.tree_shape_probabilities(s), 0.0), **law}
    trees = [forests.critical_cluster(s, seed).edges for seed in range(4_000)]
    wrong = shape_counts(trees, list(everything))
    allowed = [c for c, p in zip(wrong, everything.values(), strict=True) if p]
    assert chi_square(allowed, [p for p in everything.values() if p]) < REJECTED


def test_bethe_points_are_exchangeable() -> None:
    """Every point is as likely to be an end of an edge as every other, the root of the walk included."""
    s, z = 30, 3
    trees = bethe_clusters(s, z, range(3_000))
    first = [int((edges == 0).sum()) for edges in trees]
    assert z_test(first, 2 * (s - 1) / s) > THRESHOLD
    unshuffled = [np.array(reference.bethe_tree(key64(k, Role.MEASUREMENT), z, s)) for k in range(1_000)]
    assert z_test([len({*range(1, 3)} & set(e[e[:, 0] == 0, 1])) for e in unshuffled], 2 * (s - 1) / s) < REJECTED


def test_window_of_the_infinite_cluster() -> None:
    """Neighbours and next neighbours of the window's first site, given that its cluster is infinite."""
    z, p = 3, 0.56
    q = theory.bethe_extinction(z, p)
    root, child = binomial_law(z, p), binomial_law(z - 1, p)
    first, second = [], []
    for s in range(6_000):
        edges = np.empty((9, 2), np.int64)
        kernels.giant_window(np.uint64(key64(s, Role.MEASUREMENT)), root, child, q, edges)
        assert edges[:, 1].tolist() == list(range(1, 10))
        near = edges[edges[:, 0] == 0, 1]
        first.append(near.size)
        second.append(int(np.isin(edges[:, 0], near).sum()))
    given_infinite = root * (1 - q ** np.arange(z + 1.0)) / theory.bethe_giant_share(z, p)
    assert given_infinite.sum() == pytest.approx(1.0)
    assert chi_square(np.bincount(first, minlength=z + 1), given_infinite) > THRESHOLD
    assert chi_square(np.bincount(first, minlength=z + 1), root) < REJECTED
    both = np.zeros(7)
    for c in range(z + 1):
        both[: 2 * c + 1] += root[c] * binomial_law(2 * c, p)
    law = both * (1 - q ** np.arange(7.0)) / theory.bethe_giant_share(z, p)
    assert law.sum() == pytest.approx(1.0)
    assert chi_square(np.bincount(second, minlength=7), law) > THRESHOLD
    assert chi_square(np.bincount(second, minlength=7), both) < REJECTED


# ---------------------------------------------------------------------------------------------------- cut trees


def leaf_depths(trees: list[np.ndarray], n: int) -> list[int]:
    return [int(forests.cut_tree(edges, n, s).depth[s % n]) for s, edges in enumerate(trees)]


def test_cut_tree_of_uniform_trees_follows_a3_and_a4() -> None:
    n, count = 100, 6_000
    trees = [forests.critical_cluster(n, s).edges for s in range(count)]
    wrong = [random_recursive_tree(n, s) for s in range(count // 4)]
    assert z_test(leaf_depths(trees, n), theory.mean_leaf_depth(n)) > THRESHOLD
    assert z_test(leaf_depths(wrong, n), theory.mean_leaf_depth(n)) < REJECTED
    law = theory.root_split_law(n)
    half = np.append((law[1:n] + law[1:n][::-1])[: n // 2 - 1], law[n // 2])

    def sides(given: list[np.ndarray]) -> np.ndarray:
        made = [forests.cut_tree(edges, n, s) for s, edges in enumerate(given)]
        return np.bincount([int(t.size[t.parent == n].min()) for t in made], minlength=n // 2 + 1)[1:]

    assert chi_square(sides(trees), half) > THRESHOLD
    assert chi_square(sides(wrong), half) < REJECTED


def test_cut_tree_of_a_path_splits_uniformly() -> None:
    n = 12
    path = np.array([(i, i + 1) for i in range(n - 1)])
    star = np.array([(0, i) for i in range(1, n)])

    def side_of_the_first(edges: np.ndarray, s: int) -> int:
        tree = forests.cut_tree(edges, n, s)
        u = 0
        while tree.parent[u] != n:
            u = int(tree.parent[u])
        return int(tree.size[u])

    counts = np.bincount([side_of_the_first(path, s) for s in range(5_000)], minlength=n)[1:]
    assert chi_square(counts, [1 / (n - 1)] * (n - 1)) > THRESHOLD
    wrong = np.bincount([side_of_the_first(star, s) for s in range(5_000)], minlength=n)[1:]
    assert chi_square(wrong, [1 / (n - 1)] * (n - 1)) < REJECTED


def test_cut_tree_does_not_know_the_edges_order() -> None:
    """Depth of one end of a path is H_(n−1) + … whatever the order in which its edges are listed."""
    n = 30
    path = np.array([(i, i + 1) for i in range(n - 1)])
    expected = sum(1 / k for k in range(1, n))  # the end's records: the edge at distance k is first of k
    listed = [int(forests.cut_tree(path, n, s).depth[0]) for s in range(4_000)]
    shuffled = [int(forests.cut_tree(path[permutation(s, n - 1)], n, s).depth[0]) for s in range(4_000)]
    assert z_test(listed, expected) > THRESHOLD
    assert z_test(shuffled, expected) > THRESHOLD
    assert z_test([d + (s % 3 == 0) for s, d in enumerate(listed)], expected) < REJECTED
