"""Finite-size curves against enumeration, against the asymptotic exponents and against drawn trees."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples
from scipy import special
from theory_trees import label_tree, uniform_tree

from fractalman.errors import RecipeError
from fractalman.families._forests.rooted import rooted_order
from fractalman.random.streams import Role, key64, permutation
from fractalman.theory import (
    brownian_one_nn_risk,
    cascade_curve,
    empty_cell_probabilities,
    local_slope,
    moran_exponent,
    nearest_distance_law,
    one_nn_on_tree,
)
from fractalman.theory.curves import exact_means, gridded_means
from fractalman.trees import LabelTree, depths

# ---------------------------------------------------------------------------------------------------- cascade


def curve_by_listing(branching: tuple[int, ...], r: float, hurst: float, depth: int, n: float) -> float:
    """The annealed risk by walking every sequence of branching numbers, the definition word by word."""
    norm = sum(r ** (2 * hurst * level) for level in range(depth + 1))
    risk = 0.0
    for level in range(1, depth + 1):
        words = list(product(branching, repeat=level))
        empty = math.fsum((1.0 - 1.0 / math.prod(word)) ** n for word in words) / len(words)
        risk += 2.0 * r ** (2 * hurst * level) * empty / norm
    return risk


@given(
    st.lists(st.sampled_from([1, 2, 3, 4, 8, 16, 30]), min_size=1, max_size=3).filter(lambda k: max(k) > 1).map(tuple),
    st.floats(0.2, 0.9),
    st.floats(0.1, 2.0),
    st.integers(1, 5),
    st.sampled_from([0, 1, 2, 17, 1000, 10**6]),
)
@examples(60)
def test_cascade_curve_is_its_definition(
    branching: tuple[int, ...], r: float, hurst: float, depth: int, n: int
) -> None:
    expected = curve_by_listing(branching, r, hurst, depth, n)
    assert cascade_curve(branching, r, hurst, depth, [n])[0] == pytest.approx(expected, rel=1e-10, abs=1e-13)


def test_another_law_of_branching_is_rejected() -> None:
    # Negative control of the comparison above: the same mean of k, another law.
    right = curve_by_listing((1, 7), 0.5, 0.5, 4, 100)
    assert cascade_curve((1, 7), 0.5, 0.5, 4, [100])[0] == pytest.approx(right, rel=1e-10)
    for wrong in ((4, 4), (2, 6), (1, 1, 7)):
        assert cascade_curve(wrong, 0.5, 0.5, 4, [100])[0] != pytest.approx(right, rel=1e-3)


@pytest.mark.parametrize("branching", [(2, 3, 5), (2, 3), (1, 2, 3, 5), (7, 4096), (2, 2, 9)])
def test_grid_and_enumeration_agree(branching: tuple[int, ...]) -> None:
    numbers, counts = np.unique([k for k in branching if k > 1], return_counts=True)
    n = np.array([0.0, 1.0, 10.0, 1e3, 1e6])
    reach = math.log(1e6) + 40.0
    arguments = (np.log(numbers), counts / counts.sum(), 60, reach, n)
    np.testing.assert_allclose(gridded_means(*arguments), exact_means(*arguments), atol=1e-10)


def test_many_branching_numbers_against_plain_convolution() -> None:
    # Eight numbers, two levels deep: few enough words to list them all.
    branching = (2, 3, 5, 7, 11, 13, 17, 19)
    for n in (1, 30, 2000):
        expected = curve_by_listing(branching, 0.6, 0.8, 4, n)
        assert cascade_curve(branching, 0.6, 0.8, 4, [n])[0] == pytest.approx(expected, abs=1e-10)


def test_deep_and_large() -> None:
    n = np.array([0, 1, 100, 10**6])
    curve = cascade_curve((1, 2, 3), 0.9, 0.5, 500, n)
    share = 0.9 ** np.arange(501)
    assert curve[0] == pytest.approx(2.0 * share[1:].sum() / share.sum(), rel=1e-12)  # nothing seen but the root
    assert (np.diff(curve) < 0).all()
    longer = cascade_curve((1, 2, 3), 0.9, 0.5, 800, n)
    np.testing.assert_allclose(longer, curve, rtol=1e-9)
    assert cascade_curve(2, 0.999, 0.5, 4096, [10**6])[0] > 0


def test_probability_of_an_empty_cell() -> None:
    empty = empty_cell_probabilities((1, 16), 40, [0, 1, 1000])
    assert empty.shape == (3, 40)
    np.testing.assert_allclose(empty[0], np.ones(40), rtol=1e-13)
    assert empty[1, 0] == pytest.approx(0.5 * (1 - 1 / 16), rel=1e-14)
    assert (np.diff(empty, axis=1) >= -1e-14).all()
    assert (np.diff(empty, axis=0) <= 1e-14).all()
    assert empty.max() <= 1.0 + 1e-14


@pytest.mark.parametrize(
    ("branching", "hurst"), [(2, 0.5), (4, 0.5), (4, 1.0), (8, 1.0), (16, 1.0), ((1, 16), 0.5), ((2, 8), 0.5)]
)
def test_curve_has_the_moran_exponent(branching: int | tuple[int, ...], hurst: float) -> None:
    # Over whole periods, far below the last level, the wiggle averages out and what is left is the exponent.
    n = 10.0 ** np.linspace(math.log10(128), math.log10(128 * 16.0**3), 145)
    risk = cascade_curve(branching, 0.5, hurst, 64, n)
    slope = math.log(risk[0] / risk[-1]) / math.log(n[-1] / n[0])
    assert slope == pytest.approx(moran_exponent(branching, 0.5, hurst), abs=2e-3)


def test_slopes_over_the_measured_range() -> None:
    # r = 1/2, sizes 128 … 16384 by factors of two: what a fit should find, next to the asymptote.
    n = 128 * 2 ** np.arange(8)
    table = {(2, 0.5): 1.0, (4, 0.5): 0.5, (4, 1.0): 1.0, (8, 1.0): 2 / 3, (16, 1.0): 0.5, ((1, 16), 0.5): 0.396}
    for (branching, hurst), exponent in table.items():
        assert local_slope(n, cascade_curve(branching, 0.5, hurst, 48, n)) == pytest.approx(exponent, abs=0.02)


@pytest.mark.parametrize(
    ("branching", "hurst", "factor", "low", "high"),
    [
        (4, 0.5, 2**0.5, 0.489, 0.509),
        (8, 1.0, 2.0, 0.57, 0.77),
        (16, 1.0, 2**0.5, 0.32, 0.68),
        ((1, 16), 0.5, 2**0.5, 0.27, 0.53),
    ],
)
def test_local_slopes_of_the_theory(
    branching: int | tuple[int, ...], hurst: float, factor: float, low: float, high: float
) -> None:
    n = np.exp(np.linspace(math.log(128), math.log(16384 / factor), 300))
    near, far = cascade_curve(branching, 0.5, hurst, 48, n), cascade_curve(branching, 0.5, hurst, 48, n * factor)
    slopes = np.log(near / far) / math.log(factor)
    assert (slopes.min(), slopes.max()) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))
    # Control: a window of a whole period sees no wiggle.
    period = float(np.max(branching))
    whole = np.log(near / cascade_curve(branching, 0.5, hurst, 48, n * period)) / math.log(period)
    np.testing.assert_allclose(whole, moran_exponent(branching, 0.5, hurst), atol=3e-3)


def test_local_slope_of_a_power_law() -> None:
    n = np.array([3.0, 10.0, 100.0, 170.0])
    assert local_slope(n, 5.0 * n**-0.37) == pytest.approx(0.37, rel=1e-13)
    assert local_slope(n, 5.0 * n**0.37) == pytest.approx(-0.37, rel=1e-13)


@pytest.mark.parametrize(
    "call",
    [
        lambda: cascade_curve(4, 0.5, 0.5, 0, [1]),
        lambda: cascade_curve(4, 0.5, 0.5, 3, [-1]),
        lambda: cascade_curve(4, 0.5, 0.5, 3, [math.nan]),
        lambda: cascade_curve(4, 1.0, 0.5, 3, [1]),
        lambda: cascade_curve(4, 0.5, 0.0, 3, [1]),
        lambda: cascade_curve(1, 0.5, 0.5, 3, [1]),
        lambda: nearest_distance_law(0.0),
        lambda: nearest_distance_law(1.5),
        lambda: brownian_one_nn_risk([0], 10),
        lambda: brownian_one_nn_risk([11], 10),
    ],
)
def test_what_cannot_be_is_refused(call: object) -> None:
    with pytest.raises(RecipeError, match="expected"):
        call()  # type: ignore[operator]


# ---------------------------------------------------------------------------------------------------- critical tree


def test_nearest_distance_by_the_plain_recursion() -> None:
    for fraction in (1.0, 0.5, 1 / 16, 1e-3):
        s = 1.0 - fraction
        f, survival, expected = s, 1.0, [1.0]
        for _ in range(60):
            f = s * math.exp(f - 1.0)
            survival *= f
            expected.append(survival)
        law = nearest_distance_law(fraction)[:61]
        np.testing.assert_allclose(law, expected[: law.size], rtol=1e-11)
        assert all(value <= 1e-18 for value in expected[law.size :])


def test_nearest_distance_means() -> None:
    assert nearest_distance_law(1 / 16).sum() == pytest.approx(4.747, abs=5e-4)
    assert nearest_distance_law(1 / 64).sum() == pytest.approx(10.29, abs=5e-3)
    # Twice the distance for a quarter of the points: the graph dimension is 2.
    ratio = nearest_distance_law(1e-6).sum() / nearest_distance_law(4e-6).sum()
    assert ratio == pytest.approx(2.0, rel=2e-3)


def test_nearest_distance_on_drawn_trees() -> None:
    # 24 uniform trees of 4096 sites, a sixteenth of them training points. Control: keeping the tested point's factor.
    n, n_train, means = 4096, 256, []
    flat = label_tree(np.full(n, -1, np.int64), np.ones(n), np.arange(n, dtype=np.int64))
    for seed in range(24):
        order = permutation(key64(seed, Role.SPLIT), n)
        edges = uniform_tree(n, key64(seed, Role.MEASUREMENT))
        means.append(one_nn_on_tree(edges, flat, order[:n_train], order[n_train:])[1].mean())
    error = np.std(means, ddof=1) / math.sqrt(len(means))
    expected = nearest_distance_law(n_train / n).sum()
    assert abs(np.mean(means) - expected) < 3 * error
    assert abs(np.mean(means) - expected * (1 - n_train / n)) > 3 * error


def test_brownian_risk_is_distance_over_norm() -> None:
    # E[1/A] by the zeros of the Airy function; the curve is the mean distance times it, and falls.
    zeros = np.abs(special.ai_zeros(2000)[0])
    tail = 4.0 / (9.0 * np.pi**2) / 2000  # |a_j|³ ~ (3πj/2)²
    inverse_area = 6.0 * math.sqrt(2.0 * math.pi) * ((zeros**-3.0).sum() + tail)
    n = np.array([1, 10, 1000, 10**6])
    expected = [nearest_distance_law(k / 10**6).sum() * inverse_area / 2000 for k in n]
    np.testing.assert_allclose(brownian_one_nn_risk(n, 10**6), expected, rtol=1e-6)
    assert (np.diff(brownian_one_nn_risk(np.arange(1, 200), 10**4)) < 0).all()


def test_brownian_risk_on_drawn_trees() -> None:
    # 120 critical clusters of 2048 sites with a Brownian label, n = 64. Control: another n.
    n_points, n, found = 2048, 64, []
    for seed in range(120):
        edges = uniform_tree(n_points, key64(seed, Role.MEASUREMENT))
        parent = rooted_order(edges, n_points, seed)[0].astype(np.int64)
        mean_depth = depths(parent).mean() + 1.0
        tree = LabelTree(
            parent, np.zeros(n_points), np.ones(n_points), np.full(n_points, math.sqrt(mean_depth)), np.arange(n_points)
        )
        order = permutation(key64(seed, Role.SPLIT), n_points)
        found.append(float(one_nn_on_tree(edges, tree, order[:n], order[-512:])[0].mean()))
    expected = brownian_one_nn_risk([n], n_points)[0]
    error = np.std(found, ddof=1) / math.sqrt(len(found))
    assert abs(np.mean(found) - expected) < 3 * error
    assert abs(np.mean(found) - brownian_one_nn_risk([2 * n], n_points)[0]) > 6 * error
