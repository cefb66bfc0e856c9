"""What few units hold of a hierarchy: dynamic programs against all subsets, thresholds against losses, exact sums."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.theory.dictionaries import absorbing_gains, absorption_threshold, faithful_gains, width_law


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[int], list[float], list[float]]:
    m = draw(st.integers(1, 8))
    parent = [draw(st.integers(-1, j - 1)) for j in range(m)]
    share = [draw(st.floats(0.0, 1.0)) for _ in range(m)]
    power = [draw(st.floats(0.0, 4.0)) for _ in range(m)]
    return parent, share, power


def path(parent: list[int], j: int) -> list[int]:
    return [] if j < 0 else [j, *path(parent, parent[j])]


def subsets(m: int, width: int) -> list[set[int]]:
    return [set(chosen) for size in range(min(m, width) + 1) for chosen in combinations(range(m), size)]


@given(trees(), st.integers(0, 5), st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_faithful_units_equal_the_best_of_all_subsets(tree: tuple, width: int, l0: int) -> None:
    parent, share, power = tree
    gain = np.multiply(share, power)
    found = faithful_gains(parent, gain, width, l0)
    for w in range(width + 1):
        best = max(
            sum(gain[j] for j in chosen)
            for chosen in subsets(len(parent), w)
            if all(len(chosen & set(path(parent, j))) <= l0 for j in range(len(parent)))
        )
        assert found[w] == pytest.approx(best, abs=1e-12)


@given(trees(), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_absorbing_units_equal_the_best_of_all_subsets(tree: tuple, width: int) -> None:
    parent, share, power = tree

    def gained(chosen: set[int]) -> float:
        total = 0.0
        for j in chosen:
            for up in path(parent, j):
                if up != j and up in chosen:
                    break
                total += share[j] * power[up]
        return total

    found = absorbing_gains(parent, share, np.array(power), width)
    for w in range(width + 1):
        best = max(gained(chosen) for chosen in subsets(len(parent), w))
        assert found[w] == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("penalty", ["l1", "l0"])
def test_thresholds_are_where_simulated_losses_cross(penalty: str) -> None:
    rng = np.random.default_rng(0)
    a, b = 1.0 + 0.2 * rng.uniform(-1, 1, 20_000), 0.8 + 0.15 * rng.uniform(-1, 1, 20_000)
    moments = (a.mean(), b.mean()), (np.mean(a * a), np.mean(b * b))
    merge = absorption_threshold(*moments, penalty, np.cov(a, b, ddof=0)[0, 1])

    def gap(weight: float) -> float:
        """Smallest loss of a merged unit less that of two, point by point with the codes at their optimum."""

        def cost(code: np.ndarray, miss: np.ndarray | float) -> float:
            if penalty == "l0":
                return float(np.mean(miss + weight))
            shrunk = np.maximum(0.0, code - weight / 2)
            return float(np.mean(miss + (code - shrunk) ** 2 + weight * shrunk))

        two = cost(a, 0.0) + cost(b, 0.0)
        merged = min(
            cost(a * np.cos(t) + b * np.sin(t), (a * np.sin(t) - b * np.cos(t)) ** 2)
            for t in np.linspace(0.4, 1.0, 601)
        )
        return merged - two

    assert 0.0 < merge.threshold < 0.5
    assert gap(0.97 * merge.threshold) > 0.0 > gap(1.03 * merge.threshold)


def test_folded_normal_magnitudes_and_constants() -> None:
    half = np.sqrt(2 / np.pi)  # mean of |N(0, 1)|, whose mean square is 1
    assert absorption_threshold((half, half), (1.0, 1.0), "l0").threshold == pytest.approx(1 - 2 / np.pi)
    assert absorption_threshold((1.0, 2.0), (1.0, 4.0), "l0").threshold == 0.0
    assert absorption_threshold((1.0, 1.0), (40.0, 40.0), "l1").threshold == np.inf  # never: room is missing
    with pytest.raises(RecipeError, match="no magnitudes"):
        absorption_threshold((1.0, 1.0), (0.5, 1.0))
    with pytest.raises(RecipeError, match="expected one of l0, l1"):
        absorption_threshold((1.0, 1.0), (1.0, 1.0), "l2")


def test_the_width_law_is_that_of_exact_sums_and_of_drawn_clusters() -> None:
    rank = np.arange(1, 2_000_001, dtype=float)
    for zeta in (1.5, 2.0, 3.0):
        left = np.cumsum(rank[::-1] ** -zeta)[::-1]
        slope = np.log(left[999] / left[99]) / np.log(1000 / 100)
        assert slope == pytest.approx(-width_law(zeta).model_exponent, abs=0.03)
    assert width_law(1.0).model_exponent is None
    slopes = []
    for seed in range(4):
        hierarchy = fm.generate(fm.PercolationCluster(n_points=6000, ambient_dim=2, seed=seed)).hierarchy
        sizes = np.sort(hierarchy.size[hierarchy.n_points :])[::-1].astype(float)
        places = np.unique(np.geomspace(150, 1500, 20).astype(int))
        slopes.append(np.polyfit(np.log(places), np.log(sizes[places]), 1)[0])
    mean, error = np.mean(slopes), np.std(slopes, ddof=1) / np.sqrt(4)
    assert abs(mean + 2.0) < 0.3 + 3 * error, (mean, error)
    assert abs(mean + 1.0) > 0.5  # a regular tree's is told apart


def test_wrong_trees_are_refused() -> None:
    with pytest.raises(RecipeError, match="earlier feature"):
        faithful_gains([1, -1], [1.0, 1.0], 1, 1)
    with pytest.raises(RecipeError, match="from 0 up"):
        faithful_gains([-1], [-1.0], 1, 1)
    with pytest.raises(RecipeError, match="width = -1"):
        faithful_gains([-1], [1.0], -1, 1)
