"""What few units hold of a hierarchy: dynamic programs against all subsets, thresholds against losses, exact sums."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.theory.dictionaries import (
    absorbing_gains,
    absorption_threshold,
    faithful_gains,
    learned_cosine,
    merge_gain,
    nested_gains,
    path_error,
    width_law,
)


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
@examples(60, deadline=None)
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
@examples(60, deadline=None)
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
    assert absorption_threshold((1.0, 1.0), (40.0, 40.0), "l1").threshold == np.inf  # never: what is missed is too much
    with pytest.raises(RecipeError, match="no magnitudes"):
        absorption_threshold((1.0, 1.0), (0.5, 1.0))
    with pytest.raises(RecipeError, match="expected one of l0, l1"):
        absorption_threshold((1.0, 1.0), (1.0, 1.0), "l2")


@pytest.mark.slow(reason="statistics of drawn clusters")
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


def attained(parent: list[int], p: np.ndarray, mu: np.ndarray, var: np.ndarray, width: int, l0: int) -> float:
    """Most that stretches hold, over all ways to choose nodes and, below another, to add to it or take its place."""
    best, m = 0.0, len(parent)
    credit = (p * mu) ** 2

    def held(stretch: list[int]) -> float:
        own = np.array(stretch)
        return float(np.linalg.eigvalsh(np.diag(var[own]) + np.outer(mu[own], mu[own]))[-1]) if stretch else 0.0

    for chosen in subsets(m, width):
        order = sorted(chosen)
        for takes in product([False, True], repeat=len(order)):
            taking = dict(zip(order, takes, strict=True))
            total, used, begin, valid = 0.0, {}, {}, True
            for j in order:
                above = next((i for i in path(parent, j)[1:] if i in chosen), -1)
                line = path(parent, j)[::-1]
                end = line.index(above) + 1 if above >= 0 else 0
                if taking[j] and above >= 0:
                    used[j], begin[j] = used[above], begin[above]
                    total += p[j] * (held(line[begin[j] :]) - held(line[begin[j] : end]))
                else:
                    used[j], begin[j] = used.get(above, 0) + 1, end
                    total += p[j] * held(line[end:])
                valid &= used[j] <= l0
            touched = {i for j in chosen for i in path(parent, j)}
            if valid:
                best = max(best, total - sum(credit[i] for i in touched))
    return best


@given(trees(), st.integers(0, 3), st.integers(1, 3), st.floats(0.0, 1.0))
@examples(30, deadline=None)
def test_stretches_equal_the_best_of_all_choices(tree: tuple, width: int, l0: int, spread: float) -> None:
    parent, share, power = (values[:5] for values in tree)
    p = np.array(share)
    for j, up in enumerate(parent):
        p[j] *= 0.9 if up < 0 else p[up]
    mu, var = np.sqrt(np.array(power)), spread * np.array(power)
    found = nested_gains(parent, p, mu, var, width, l0)
    faithful = faithful_gains(parent, p * (mu**2 + var) - (p * mu) ** 2, width, l0)
    assert found[-1] == pytest.approx(max(attained(parent, p, mu, var, width, l0), faithful[-1]), abs=1e-9)
    assert (np.diff(found) >= -1e-12).all()
    if not spread and l0 == 1:
        assert found[-1] <= absorbing_gains(parent, p, mu**2, width)[-1] + 1e-9


def test_the_predicted_error_is_attained_and_the_least_is_not_passed() -> None:
    """One unit for the whole path of a balanced tree, folded-normal magnitudes: drawn points against both numbers."""
    parent = np.array([-1] + [(j - 1) // 2 for j in range(1, 15)])
    share = np.array([0.5 ** int(np.log2(j + 1)) for j in range(15)])
    mean, variance = np.full(15, np.sqrt(2 / np.pi)), np.full(15, 1 - 2 / np.pi)
    rng = np.random.default_rng(0)
    leaf = rng.integers(7, 15, 20_000)
    lines = [path(parent.tolist(), j) for j in range(15)]
    x = np.zeros((20_000, 15))
    for i, j in enumerate(leaf):
        x[i, lines[j]] = np.abs(rng.standard_normal(4))
    x[:, 0] -= mean[0]  # the constant
    left = 0.0
    for j in range(7, 15):
        unit = np.zeros(15)
        unit[lines[j][:3]] = 1.0
        own = x[leaf == j]
        left += np.square(own - np.outer(own @ unit, unit) / 3).sum()
    gain = share * (mean**2 + variance) - (share * mean) ** 2
    gain[0] = variance[0]
    predicted = gain.sum() - nested_gains(parent, share, mean, variance, 8, 1)[-1]
    assert left / 20_000 == pytest.approx(predicted, rel=0.03)
    assert path_error(parent, share, variance, 1) == pytest.approx(3 * variance[0])  # three of four features' variance
    assert path_error(parent, share, variance, 1) <= predicted + 1e-12
    assert (
        predicted < gain.sum() - 1.2 * faithful_gains(parent, gain, 8, 1)[-1]
    )  # the control: faithful units are worse


def test_rare_latents_are_learned_from_as_many_points_as_is_said() -> None:
    """Mean of the points with a feature less that of the others, features independent: cosines over 60 draws."""
    rng, d, p, others = np.random.default_rng(0), 24, 0.05, 40
    for n in (200, 800, 3200):
        cosines = []
        for _ in range(60):
            D = rng.standard_normal((others + 1, d))
            D /= np.linalg.norm(D, axis=1)[:, None]
            present = rng.random((n, others + 1)) < np.concatenate([[p], np.full(others, 0.1)])
            present[: int(n * p), 0], present[int(n * p) :, 0] = True, False
            x = (present * np.abs(rng.standard_normal(present.shape))) @ D
            step = x[present[:, 0]].mean(axis=0) - x[~present[:, 0]].mean(axis=0)
            cosines.append(step @ D[0] / np.linalg.norm(step))
        scatter = others * (0.1 - (0.1 * np.sqrt(2 / np.pi)) ** 2) / (1 - p)  # the other points' mean errs, too
        said = float(learned_cosine(n * p, np.sqrt(2 / np.pi), scatter))
        assert np.mean(cosines) == pytest.approx(said, abs=0.03), n
    assert abs(said - float(learned_cosine(n * p / 4, np.sqrt(2 / np.pi), scatter))) > 0.05  # the control


def test_points_teach_the_features_that_enough_of_them_have() -> None:
    rank = np.arange(1, 1_000_001, dtype=float)
    left = [float((rank**-2.0)[rank**-2.0 < 4 / n].sum()) for n in (1e3, 1e5)]
    assert np.log(left[0] / left[1]) / np.log(100) == pytest.approx(width_law(2.0).data_exponent, abs=0.02)


@pytest.mark.parametrize("penalty", ["l1", "l0"])
def test_merging_pays_where_losses_point_by_point_say_so(penalty: str) -> None:
    """Every code of every point by brute force over a grid; units that must fire merge far earlier."""
    rng = np.random.default_rng(1)
    a, b = np.abs(rng.standard_normal((2, 400)))
    grid = np.linspace(0.0, 6.0, 1201)
    for weight in (0.5, 1.0, 4.0):

        def loss(code: np.ndarray, weight: float = weight) -> float:
            price = weight * (grid > 0.0) if penalty == "l0" else weight * grid
            return float((np.square(code[:, None] - grid) + price).min(axis=1).mean())

        two = loss(a) + loss(b)
        merged = min(
            loss(a * np.cos(t) + b * np.sin(t)) + float(np.square(a * np.sin(t) - b * np.cos(t)).mean())
            for t in np.linspace(0, np.pi / 2, 91)
        )
        assert merge_gain(a, b, weight, penalty) == pytest.approx(two - merged, abs=2e-4)
    if penalty == "l0":
        must = absorption_threshold((a.mean(), b.mean()), (np.mean(a * a), np.mean(b * b)), "l0").threshold
        assert must < 0.5
        assert merge_gain(a, b, 1.5, "l0") < 0.0  # the control: its promise is not kept by units that may be silent
