"""Exact laws A1–A5, the Moran equation, quantization, and which law is told to whom."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import logsumexp
from theory_trees import cut_tree, path, uniform_tree

from fractalman._typing import F64
from fractalman.errors import RecipeError
from fractalman.families.cascade.recipe import Cascade
from fractalman.families.percolation_cluster.recipe import PercolationCluster
from fractalman.prediction import LEARNERS, law_of
from fractalman.random.streams import Role, key64
from fractalman.theory import (
    cascade_dimensions,
    critical_cluster_asymptotics,
    log_period,
    mean_leaf_depth,
    moran_exponent,
    moran_exponent_masses,
    quantization_exponent,
    quantization_exponent_masses,
    root_split_law,
    shared_by_one_tree,
    tie_probability,
    tree_distance_law,
    tree_shape,
    tree_shape_probabilities,
    vertex_degree_law,
)
from fractalman.theory.log_sums import log_sum_root

SHAPES = {  # edges and labelled count out of 6^4 = 1296, docs/theory.md A1
    "path": ([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)], 360),
    "star": ([(0, 1), (0, 2), (0, 3), (0, 4), (0, 5)], 6),
    "broom": ([(0, 1), (0, 2), (0, 3), (0, 4), (4, 5)], 120),
    "double star": ([(0, 1), (0, 2), (0, 3), (3, 4), (3, 5)], 90),
    "spider(2,2,1)": ([(0, 1), (1, 2), (0, 3), (3, 4), (0, 5)], 360),
    "spider(3,1,1)": ([(0, 1), (1, 2), (2, 3), (0, 4), (0, 5)], 360),
}


def prufer_edges(word: tuple[int, ...]) -> list[tuple[int, int]]:
    """The tree of a Prüfer word by its definition: the smallest leaf meets the next letter."""
    n = len(word) + 2
    degree = Counter(word)
    left, edges = set(range(n)), []
    for v in word:
        leaf = min(u for u in left if degree[u] == 0)
        edges.append((leaf, v))
        left.remove(leaf)
        degree[v] -= 1
    a, b = sorted(left)
    return [*edges, (a, b)]


# ---------------------------------------------------------------------------------------------------- A1–A5


def test_a1_shapes() -> None:
    law = tree_shape_probabilities(6)
    assert len(law) == 6
    for edges, count in SHAPES.values():
        assert law[tree_shape(np.array(edges))] == pytest.approx(count / 1296, rel=1e-15)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_a1_shapes_by_listing_every_tree(n: int) -> None:
    words = list(product(range(n), repeat=n - 2))
    counts = Counter(tree_shape(np.array(prufer_edges(word))) for word in words)
    law = tree_shape_probabilities(n)
    assert {code: count / len(words) for code, count in counts.items()} == pytest.approx(law, rel=1e-14)


def test_a1_numbers_of_shapes_and_refusals() -> None:
    assert [len(tree_shape_probabilities(n)) for n in range(2, 10)] == [1, 1, 2, 3, 6, 11, 23, 47]  # OEIS A000055
    assert sum(tree_shape_probabilities(10).values()) == pytest.approx(1.0, rel=1e-13)
    with pytest.raises(RecipeError, match="2 to 12"):
        tree_shape_probabilities(13)
    with pytest.raises(RecipeError, match="does not belong to a tree"):
        tree_shape(np.array([(0, 1), (1, 2), (2, 0)]))
    with pytest.raises(RecipeError, match="does not belong to a tree"):
        tree_shape(np.array([(0, 7)]))


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_a2_to_a5_by_listing_every_tree(n: int) -> None:
    degrees, distances, splits, depth = Counter(), Counter(), Counter(), Fraction(0)
    words = list(product(range(n), repeat=n - 2))
    for word in words:
        edges = prufer_edges(word)
        hops = np.full((n, n), n)
        np.fill_diagonal(hops, 0)
        for a, b in edges:
            hops[a, b] = hops[b, a] = 1
        for k in range(n):
            hops = np.minimum(hops, hops[:, k : k + 1] + hops[k : k + 1, :])
        degrees.update(np.sum(hops == 1, axis=1).tolist())
        distances.update(hops[~np.eye(n, dtype=bool)].tolist())
        for a, b in edges:
            side = int(np.sum(hops[a] < hops[b]))
            splits.update((side, n - side))
        # A leaf lies under the latent of an edge unless an edge nearer to it fell before: 1/distance of its far end.
        depth += sum(Fraction(1, int(h)) for h in hops[0, 1:])
    degree_law, distance_law, split_law = vertex_degree_law(n), tree_distance_law(n), root_split_law(n)
    for counter, law in ((degrees, degree_law), (distances, distance_law), (splits, split_law)):
        total = sum(counter.values())
        expected = [counter[k] / total for k in range(law.size)]
        np.testing.assert_allclose(law, expected, rtol=1e-13, atol=1e-300)
    assert mean_leaf_depth(n) == pytest.approx(float(depth / len(words)), rel=1e-13)


def exact_root_split(n: int, k: int) -> Fraction:
    middle = Fraction(k) ** (k - 1) * Fraction(n - k) ** (n - k - 1)
    return math.comb(n, k) * middle / (2 * (n - 1) * Fraction(n) ** (n - 2))


@pytest.mark.parametrize("n", [2, 7, 40, 100, 333])
def test_a3_against_rational_arithmetic(n: int) -> None:
    expected = [float(exact_root_split(n, k)) for k in range(1, n)]
    np.testing.assert_allclose(root_split_law(n)[1:], expected, rtol=1e-12)
    # Negative control: the same law with the exponents of k and N−k exchanged by one is no match.
    wrong = np.array(expected) * np.arange(1, n) / (n / 2)
    assert n == 2 or not np.allclose(root_split_law(n)[1:], wrong, rtol=1e-12)


def test_a3_numbers() -> None:
    law = root_split_law(100)
    assert law[1] + law[99] == pytest.approx(0.377237, abs=5e-7)
    assert law[2] + law[98] == pytest.approx(0.140906, abs=5e-7)
    for n in (2, 3, 1000, 10**6):
        assert root_split_law(n).sum() == pytest.approx(1.0, abs=1e-12)


def test_a4_numbers_and_recursion() -> None:
    for n, value in ((10, 4.20722), (100, 14.06685), (1000, 42.36612)):
        assert mean_leaf_depth(n) == pytest.approx(value, abs=5e-6)
    assert mean_leaf_depth(1) == 0.0
    by_recursion = [0.0, 0.0]
    for n in range(2, 60):
        law = root_split_law(n)
        by_recursion.append(1.0 + 2.0 * sum(law[k] * k / n * by_recursion[k] for k in range(1, n)))
        assert mean_leaf_depth(n) == pytest.approx(by_recursion[n], rel=1e-12)
    for n, ratio in ((10**4, 1.031), (2 * 10**6, 1.004)):
        assert mean_leaf_depth(n) / math.sqrt(math.pi * n / 2) == pytest.approx(ratio, abs=5e-4)


def test_a5_numbers() -> None:
    for n, mean in ((10, 2.95580), (100, 11.32319), (1000, 38.34155)):
        law = tree_distance_law(n)
        assert law.sum() == pytest.approx(1.0, abs=1e-13)
        assert law @ np.arange(law.size) == pytest.approx(mean, abs=5e-6)
    assert tree_distance_law(10**7).sum() == pytest.approx(1.0, abs=1e-11)


def test_a2_limit_and_a8() -> None:
    law = vertex_degree_law(10**6)
    poisson = [math.exp(-1) / math.factorial(j) for j in range(12)]
    np.testing.assert_allclose(law[1:13], poisson, rtol=2e-4)
    assert tie_probability(10**6) == pytest.approx(1.0 - law[1], rel=1e-12)
    assert tie_probability(10**9) == pytest.approx(0.632, abs=5e-4)
    assert tie_probability(2) == 0.0


def test_a4_and_a5_on_drawn_trees() -> None:
    # 300 trees of 40 sites: mean leaf depth and mean distance within four standard errors; the laws of 50 sites fail.
    n, depth, distance = 40, [], []
    for seed in range(300):
        edges = uniform_tree(n, key64(seed, Role.MEASUREMENT))
        parent, _ = cut_tree(edges, key64(seed, Role.ORDER))
        depth.append(np.mean([len(path(parent, i)) - 1 for i in range(n)]))
        hops = np.full((n, n), float(n))
        np.fill_diagonal(hops, 0.0)
        for a, b in edges.tolist():
            hops[a, b] = hops[b, a] = 1.0
        for k in range(n):
            hops = np.minimum(hops, hops[:, k : k + 1] + hops[k : k + 1, :])
        distance.append(hops.sum() / (n * (n - 1)))

    def sigmas(sample: list[float], expected: float) -> float:
        return abs(np.mean(sample) - expected) / (np.std(sample, ddof=1) / math.sqrt(len(sample)))

    def mean_distance(size: int) -> float:
        law = tree_distance_law(size)
        return float(law @ np.arange(law.size))

    assert sigmas(depth, mean_leaf_depth(n)) < 4
    assert sigmas(distance, mean_distance(n)) < 4
    assert sigmas(depth, mean_leaf_depth(50)) > 4
    assert sigmas(distance, mean_distance(50)) > 4


@pytest.mark.parametrize("law", [vertex_degree_law, root_split_law, tree_distance_law, tie_probability])
@pytest.mark.parametrize("wrong", [1, -3, 2.5, True])
def test_laws_refuse_what_is_no_tree(law: object, wrong: object) -> None:
    with pytest.raises(RecipeError, match="at least 2"):
        law(wrong)  # type: ignore[operator]


# ---------------------------------------------------------------------------------------------------- exponents


def log_mean_power(branching: tuple[int, ...], b: float) -> float:
    """ln E[k^b] by a plain log-sum-exp, the oracle of the Moran equation."""
    terms = [b * math.log(k) for k in branching]
    top = max(terms)
    return top + math.log(sum(math.exp(t - top) for t in terms) / len(terms))


BRANCHING = st.lists(st.integers(1, 4096), min_size=1, max_size=6).filter(lambda ks: max(ks) > 1).map(tuple)
RATIOS = st.floats(1e-6, 0.9999)
HURSTS = st.floats(1e-3, 16.0)


@given(BRANCHING, RATIOS, HURSTS)
@example((4096,), 1e-300, 16.0)
@example((1,) * 63 + (2,), 0.5, 16.0)
@example((1, 4096), 0.999999999, 1e-3)
@example((2,), 1.0 - 2.0**-53, 1e-9)
def test_moran_exponent_solves_its_equation(branching: tuple[int, ...], r: float, hurst: float) -> None:
    beta = moran_exponent(branching, r, hurst)
    target = -2.0 * hurst * math.log(r)
    assert beta > 0
    slope = max(math.log(k) for k in branching)
    assert abs(log_mean_power(branching, beta) - target) <= 1e-13 * (1.0 + slope * beta + target) + 1e-15
    d0, d1 = cascade_dimensions(branching, r)
    low, high = 2 * hurst / d0, 2 * hurst / d1
    if beta < 1:
        assert low * (1 - 1e-9) <= beta <= high * (1 + 1e-9)
    else:
        assert beta <= low * (1 + 1e-9)
    alpha = quantization_exponent(branching, r, hurst)
    assert alpha >= beta * (1 - 1e-9)
    q = 1.0 / (1.0 + alpha)
    terms = [math.log(k) + q * (-target - math.log(k)) for k in branching]
    residual = max(terms) + math.log(sum(math.exp(t - max(terms)) for t in terms) / len(terms))
    assert abs(residual) <= 1e-11 * (1.0 + target + slope)
    if len(set(branching)) == 1:
        assert beta == pytest.approx(low, rel=1e-9)
        assert alpha == pytest.approx(low, rel=1e-9)


def test_the_dimension_alone_does_not_solve_it() -> None:
    # Negative control of the property above: 2H/D_0 and 2H/D_1 fail the equation for random branching.
    for branching in ((1, 16), (2, 8), (1, 2, 16)):
        for dimension in cascade_dimensions(branching, 0.5):
            assert abs(log_mean_power(branching, 1.0 / dimension) - math.log(2.0)) > 0.01


def test_numbers_of_the_theory() -> None:
    for branching, beta, alpha in (((1, 16), 0.396, 0.417), ((2, 8), 0.463, 0.474), ((1, 2, 16), 0.464, None)):
        assert moran_exponent(branching, 0.5, 0.5) == pytest.approx(beta, abs=5e-4)
        if alpha is not None:
            assert quantization_exponent(branching, 0.5, 0.5) == pytest.approx(alpha, abs=5e-4)
    d0, d1 = cascade_dimensions((1, 16), 0.5)
    assert (1 / d0, 1 / d1) == (pytest.approx(0.324, abs=5e-4), pytest.approx(0.5, rel=1e-12))
    for k, hurst, beta in ((2, 0.5, 1.0), (4, 0.5, 0.5), (4, 1.0, 1.0), (8, 1.0, 2 / 3), (16, 1.0, 0.5)):
        assert moran_exponent(k, 0.5, hurst) == pytest.approx(beta, rel=1e-12)
    p, r = (0.7, 0.2, 0.1), (0.3, 0.5, 0.5)
    assert moran_exponent_masses(p, r, 0.5) == pytest.approx(0.8295, abs=5e-5)
    assert quantization_exponent_masses(p, r, 0.5) == pytest.approx(1.0036, abs=5e-5)


def test_the_equation_of_unequal_shares_is_solved_where_a_library_finds_its_root() -> None:
    rng = np.random.default_rng(3)
    for spread in np.geomspace(0.1, 30.0, 60):
        weight, slope = rng.dirichlet(np.ones(5)), rng.exponential(1.0, 5)
        start = -spread * rng.exponential(1.0, 5)

        def excess(t: float, weight: F64 = weight, start: F64 = start, slope: F64 = slope) -> float:
            return float(logsumexp(start + t * slope, b=weight))

        above = 1.0
        while excess(above) < 0.0:
            above *= 2.0
        expected = brentq(excess, 0.0, above, xtol=1e-300, rtol=1e-14)
        assert log_sum_root(weight, start, slope, above) == pytest.approx(expected, rel=1e-11)


def test_a_child_of_nearly_no_mass_ends_in_no_error() -> None:
    """Its share of the sum is lost beside 1: ln(1 + Σ p·expm1(…)) was the logarithm of 0."""
    beta = moran_exponent_masses([1e-20, 1.0 - 1e-20], [0.9, 1e-10], hurst=10.0)
    assert 1e-20 ** (1.0 - beta) * 0.9**20 == pytest.approx(1.0)


@given(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=6), st.floats(0.1, 0.9), st.floats(0.1, 3.0))
def test_masses_that_follow_the_ratios_have_one_exponent(raw: list[float], dimension: float, hurst: float) -> None:
    # p_i = r_i^D: the Moran exponent and the quantization exponent meet at 2H/D.
    p = np.array(raw) / np.sum(raw)
    r = p ** (1.0 / dimension)
    if r.max() < 1.0:
        assert moran_exponent_masses(p, r, hurst) == pytest.approx(2 * hurst / dimension, rel=1e-9)
        assert quantization_exponent_masses(p, r, hurst) == pytest.approx(2 * hurst / dimension, rel=1e-9)


def test_equal_masses_are_a_branching_number() -> None:
    assert moran_exponent_masses([0.25] * 4, 0.5, 0.7) == pytest.approx(moran_exponent(4, 0.5, 0.7), rel=1e-13)
    assert quantization_exponent_masses([0.25] * 4, 0.5, 0.7) == pytest.approx(0.7, rel=1e-12)


@pytest.mark.parametrize(
    ("branching", "period"),
    [(4, 4.0), ((2, 8), 2.0), ((4, 16), 4.0), ((1, 16), 16.0), ((4, 64), 4.0), ((8, 4), 2.0), ((2, 3), None),
     ((6, 36), 6.0), ((12, 18), None), ((4096, 1024), 4.0), ((3, 9, 6), None)],
)  # fmt: skip
def test_log_period(branching: int | tuple[int, ...], period: float | None) -> None:
    assert log_period(branching) == period


def test_when_one_tree_has_the_annealed_exponent() -> None:
    assert shared_by_one_tree((1, 16), 0.396)
    assert shared_by_one_tree((1, 1, 2), 1.0)
    assert not shared_by_one_tree((1, 1, 2), 20.0)  # φ + (1−β)φ' → ln 2 − ln 3


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: moran_exponent((1, 1), 0.5, 0.5), "one of them 2 or more"),
        (lambda: moran_exponent((2.5,), 0.5, 0.5), "integers"),
        (lambda: moran_exponent(2, 1.0, 0.5), "contraction"),
        (lambda: quantization_exponent(2, 0.5, 0.0), "hurst"),
        (lambda: moran_exponent_masses([0.5, 0.6], 0.5, 0.5), "sum to 1"),
        (lambda: moran_exponent_masses([0.5, 0.5], [0.5, 1.0], 0.5), "between 0 and 1"),
        (lambda: critical_cluster_asymptotics("hierarchical", -0.25), "above -0.25"),
        (lambda: critical_cluster_asymptotics("hierarchic"), "hierarchical"),
    ],
)
def test_what_cannot_be_is_refused(call: object, match: str) -> None:
    with pytest.raises(RecipeError, match=match):
        call()  # type: ignore[operator]


# ---------------------------------------------------------------------------------------------------- laws


def test_laws_of_a_cascade() -> None:
    recipe = Cascade(n_points=100, ambient_dim=24, branching=(1, 16), hurst=0.5)
    for learner in LEARNERS:
        law = law_of(recipe, learner)
        if learner == "ridge":
            assert (law.data_exponent, law.model_exponent, law.name) == (None, None, "model-limited")
        elif learner in ("logistic", "n-gram"):  # take classes
            assert law.data_exponent is None
            assert law.nearest == "that of ridge"
        elif learner in ("convolution", "transformer"):  # read strings
            assert law.data_exponent is None
            assert law.nearest.startswith("that of mlp")
        elif learner in ("gradient-boosting", "random-features"):
            assert law.data_exponent is None
            assert "0.3962" in law.nearest
        else:
            assert law.data_exponent == pytest.approx(0.396, abs=5e-4)
            if learner == "bayes":  # a floor has no cells to place
                assert law.model_exponent is None
            else:
                assert law.model_exponent == pytest.approx(0.417, abs=5e-4)
            assert law.log_period == 16.0
            assert any("annealed" in note for note in law.assumptions)
        assert not law.logarithmic
        assert all((law.statement, law.source, law.evidence, law.why()))
        assert isinstance(law.assumptions, tuple)


def test_a_label_too_smooth_for_the_kernel() -> None:
    recipe = Cascade(n_points=100, branching=2, hurst=8.0)  # 2H/D = 16, the kernel's ceiling 2(D+1)/D = 4
    law = law_of(recipe, "laplace-kernel")
    assert law.data_exponent == pytest.approx(4.0, rel=1e-9)
    assert law.name == "kernel's smoothness"
    assert law_of(recipe, "1-nn").data_exponent == pytest.approx(16.0, rel=1e-9)
    smooth_enough = law_of(recipe.replace(hurst=1.0), "laplace-kernel")
    assert smooth_enough.data_exponent == pytest.approx(2.0, rel=1e-9)


def test_warnings_are_among_the_assumptions() -> None:
    rare = law_of(Cascade(n_points=10, branching=(1, 1, 2), hurst=4.0), "1-nn")
    assert any("one tree decays" in note for note in rare.assumptions)
    crowded = law_of(Cascade(n_points=10, branching=16, ambient_dim=8), "1-nn")
    assert any("not above 2D" in note for note in crowded.assumptions)
    shallow = law_of(Cascade(n_points=10, branching=4, depth=5), "1-nn")
    assert any("near n = 1.02e+03" in note for note in shallow.assumptions)
    plain = law_of(Cascade(n_points=10, branching=(2, 3), ambient_dim=24), "1-nn")
    assert not any("warning" in note or "log-periodic" in note for note in plain.assumptions)


def test_laws_of_a_cluster() -> None:
    table = ((-0.2, 0.1, 0.1), (-0.125, 0.25, 0.25), (0.0, 0.5, 0.5), (0.125, 0.5, 0.75), (0.5, 0.5, 1.0))
    for a, data, floor in table:
        recipe = PercolationCluster(n_points=100, label_exponent=a)
        for learner in ("1-nn", "laplace-kernel", "mlp"):
            law = law_of(recipe, learner)
            assert law.data_exponent == pytest.approx(data)
            assert law.model_exponent == pytest.approx(data)
            assert law.logarithmic == (a == 0.0)
        assert law_of(recipe, "bayes").data_exponent == pytest.approx(floor)
        assert law_of(recipe, "ridge").data_exponent is None
    brownian = PercolationCluster(n_points=100, label="brownian")
    for learner in ("1-nn", "bayes"):
        assert (law_of(brownian, learner).data_exponent, law_of(brownian, learner).logarithmic) == (0.5, False)
    assert critical_cluster_asymptotics("hierarchical", 0.0).amplitude == (0.75, 0.82)


def test_an_unknown_learner_is_named_with_its_neighbour() -> None:
    with pytest.raises(RecipeError, match=r"'laplace'.*expected.*did you mean 'laplace-kernel'"):
        law_of(Cascade(n_points=10), "laplace")
