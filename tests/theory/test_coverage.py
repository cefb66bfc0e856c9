"""Cluster coverage: exact counts by listing, drawn ensembles, limits, and the risks that follow from it."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from exact_laws import REJECTED, THRESHOLD, z_test
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples
from scipy import special

import fractalman as fm
from fractalman import generation
from fractalman.errors import RecipeError
from fractalman.families.bethe_lattice import law as bethe_law
from fractalman.families.bethe_lattice import sampler as bethe_sampler
from fractalman.families.percolation_ensemble import law as ensemble_law
from fractalman.families.percolation_ensemble import sampler as ensemble_sampler
from fractalman.random.streams import Role, key64, permutation
from fractalman.theory import (
    _kernels,
    bayes_curve,
    bethe_cluster_numbers,
    bethe_threshold,
    borel_law,
    constant_label_risk,
    ensemble_risk,
    filled_numbers,
    one_nn_curve_on_tree,
    rank_law_unseen,
    seen_mass_amplitude,
    size_biased_unseen_limit,
    unseen_mass,
    unseen_probability,
    yule_simon_expected_numbers,
    yule_simon_law,
)
from tests.reference import theory as slow

# ---------------------------------------------------------------------------------------------------- by listing


def cluster_numbers(recipe: fm.PercolationEnsemble | fm.BetheLattice) -> np.ndarray:
    """Expected numbers of a recipe's clusters."""
    if isinstance(recipe, fm.BetheLattice):
        return bethe_law.cluster_numbers(recipe)
    return ensemble_law.cluster_numbers(recipe)


def test_unseen_probability_by_listing_every_training_set() -> None:
    for n_points, n in ((1, 0), (2, 1), (7, 0), (7, 3), (7, 6)):
        for s in range(1, n_points + 1):  # the tested point is 0, its cluster 0 … s − 1
            sets = list(combinations(range(1, n_points), n))
            alone = sum(not any(i < s for i in chosen) for chosen in sets)
            assert unseen_probability(s, n_points, n)[0] == pytest.approx(alone / len(sets), rel=1e-13)


def filled_by_listing(law: list[Fraction], left: int, share: Fraction) -> list[Fraction]:
    """Expected numbers of clusters by walking every sequence of draws, in rational numbers."""
    out = [Fraction(0)] * len(law)
    if left == 0:
        return out
    reach = sum(law[1 : left + 1])
    out[left] += share
    for s in range(1, left + 1):
        chance = (1 - share) * law[s] / reach
        out[s] += chance
        for size, number in enumerate(filled_by_listing(law, left - s, share)):
            out[size] += chance * number
    return out


@given(
    st.lists(st.integers(0, 5), min_size=6, max_size=6).filter(lambda law: law[0] > 0), st.sampled_from([0, 1, 2, 3])
)
@examples(40)
def test_filled_numbers_by_listing_every_sequence(weights: list[int], thirds: int) -> None:
    law = [Fraction(0), *(Fraction(w, 7) for w in weights)]
    expected = filled_by_listing(law, 6, Fraction(thirds, 3))
    found = filled_numbers(np.array(law, float), 6, thirds / 3)
    np.testing.assert_allclose(found, np.array(expected, float), rtol=1e-12, atol=1e-14)
    assert found @ np.arange(7) == pytest.approx(6.0, rel=1e-12)


def test_halves_and_single_steps_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    law = borel_law(700) / np.maximum(np.arange(701), 1)
    found = []
    for direct in (1000, 16):
        monkeypatch.setattr("fractalman.theory.coverage._DIRECT", direct)
        found.append(filled_numbers(law, 700, 0.01))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9, atol=1e-13)
    assert found[0] @ np.arange(701) == pytest.approx(700, rel=1e-12)


def yule_simon_by_listing(points: int, p: Fraction) -> list[Fraction]:
    """Expected numbers of clusters by walking every history of the process."""
    states = {(1,): Fraction(1)}
    for n in range(1, points):
        grown: dict[tuple[int, ...], Fraction] = {}
        for sizes, chance in states.items():
            moves = [((*sizes, 1), p)]
            moves += [((*sizes[:i], s + 1, *sizes[i + 1 :]), (1 - p) * Fraction(s, n)) for i, s in enumerate(sizes)]
            for state, share in moves:
                grown[state] = grown.get(state, Fraction(0)) + chance * share
        states = grown
    out = [Fraction(0)] * (points + 1)
    for sizes, chance in states.items():
        for s in sizes:
            out[s] += chance
    return out


@pytest.mark.parametrize("p", [Fraction(1, 3), Fraction(1, 10), Fraction(3, 4)])
def test_yule_simon_numbers_by_listing(p: Fraction) -> None:
    for points in (1, 2, 3, 7):
        expected = np.array(yule_simon_by_listing(points, p), float)
        np.testing.assert_allclose(yule_simon_expected_numbers(points, points, float(p)), expected, rtol=1e-13)
        recipe = fm.PercolationEnsemble(n_points=points, create_prob=float(p))
        np.testing.assert_allclose(cluster_numbers(recipe), expected, rtol=1e-13)
    assert np.abs(cluster_numbers(fm.PercolationEnsemble(n_points=7))[1:] - 7 * yule_simon_law(7)[1:] / 3).max() > 0.05


@pytest.mark.parametrize(("n", "largest"), [(1, 1), (2, 1), (9, 9), (30, 5), (40, 60)])
def test_yule_simon_numbers_equal_their_reference(n: int, largest: int) -> None:
    out = np.empty(largest + 1)
    for p in (1 / 3, 0.8):
        _kernels.yule_simon_numbers(n, p, 1.0 - p, out)
        assert out.tolist() == slow.yule_simon_numbers(n, p, 1.0 - p, largest)


# ---------------------------------------------------------------------------------------------------- drawn ensembles

ENSEMBLES: dict[str, fm.Recipe] = {
    "yule-simon": fm.PercolationEnsemble(n_points=600),
    "yule-simon, size-biased": fm.PercolationEnsemble(n_points=600, ensemble="size-biased"),
    "yule-simon, p = .6": fm.PercolationEnsemble(n_points=600, create_prob=0.6),
    "yule-simon, p = .2, size-biased": fm.PercolationEnsemble(n_points=600, create_prob=0.2, ensemble="size-biased"),
    "borel": fm.PercolationEnsemble(n_points=600, sizes="borel"),
    "borel, size-biased": fm.PercolationEnsemble(n_points=600, sizes="borel", ensemble="size-biased"),
    "bethe": fm.BetheLattice(n_points=600, coordination=3),
    "bethe, size-biased": fm.BetheLattice(n_points=600, coordination=6, ensemble="size-biased"),
    "bethe, below": fm.BetheLattice(n_points=600, coordination=6, bond_probability=0.12),
    "bethe, above": fm.BetheLattice(n_points=600, coordination=3, bond_probability=0.55),
    "bethe, above, size-biased": fm.BetheLattice(
        n_points=600, coordination=3, bond_probability=0.52, ensemble="size-biased"
    ),
}


def drawn_unseen(recipe: fm.Recipe, draws: int, n: int) -> list[float]:
    """Unseen mass of so many drawn ensembles, exact over training sets."""
    out = []
    for seed in range(draws):
        draw = bethe_sampler if isinstance(recipe, fm.BetheLattice) else ensemble_sampler
        sizes = draw.cluster_sizes(recipe.replace(seed=seed)).size
        out.append(float(unseen_mass(np.bincount(sizes), 600, n)[0]))
    return out


@pytest.mark.parametrize("name", ENSEMBLES)
def test_expected_numbers_are_those_of_drawn_ensembles(name: str) -> None:
    recipe = ENSEMBLES[name]
    numbers = cluster_numbers(recipe)
    assert numbers @ np.arange(601) == pytest.approx(600, rel=1e-10)
    assert numbers.min() >= 0
    sample = drawn_unseen(recipe, 400, 60)
    assert z_test(sample, float(unseen_mass(numbers, 600, 60)[0])) > THRESHOLD
    # Control: the other ensemble of the same sizes.
    other = recipe.replace(ensemble="number" if recipe.ensemble == "size-biased" else "size-biased")  # type: ignore[attr-defined]
    assert z_test(sample, float(unseen_mass(cluster_numbers(other), 600, 60)[0])) < REJECTED


@pytest.mark.slow(reason="statistics of many training sets")
def test_one_drawn_ensemble_and_many_training_sets() -> None:
    # Labels that are constant on clusters: coverage is all there is, for the floor and for one neighbour alike.
    made = generation.structure(fm.PercolationEnsemble(n_points=400, label="cluster-constant", seed=2))
    assert made.label_tree is not None
    assert made.edges is not None
    numbers, sizes = np.bincount(np.bincount(made.cluster)), [1, 40, 200]
    floor, zero, other = [], [], []
    for seed in range(60):
        order = permutation(key64(seed, Role.SPLIT), 400)
        test = order[-150:]
        floor.append(bayes_curve(made.label_tree, order, sizes, test).mean(axis=1))
        zero.append(one_nn_curve_on_tree(made.edges, made.label_tree, order, sizes, test, "zero")[0].mean(axis=1))
        other.append(one_nn_curve_on_tree(made.edges, made.label_tree, order, sizes, test, "other")[0].mean(axis=1))
    np.testing.assert_allclose(floor, zero, atol=1e-12)  # answering 0 on unseen clusters is the best there is
    np.testing.assert_allclose(other, 2.0 * np.array(floor), atol=1e-12)
    expected = constant_label_risk(numbers, 400, sizes)
    for j in range(3):
        assert z_test([row[j] for row in floor], expected[j]) > THRESHOLD
        assert z_test([row[j] for row in other], constant_label_risk(numbers, 400, sizes, "1-nn")[j]) > THRESHOLD
    assert z_test([row[1] for row in floor], constant_label_risk(numbers, 400, [20])[0]) < REJECTED  # control
    np.testing.assert_array_equal(constant_label_risk(numbers, 400, sizes, "zero"), expected)


@pytest.mark.slow(reason="an exact recurrence over 131,072 points")
def test_the_number_ensemble_has_no_exponent_before_n_is_near_N() -> None:
    # N = 131072 by the exact recurrence; the size-biased ensemble beside it has one.
    sizes = [1024, 4096, 16384, 65536]
    unseen = unseen_mass(cluster_numbers(fm.PercolationEnsemble(n_points=131072)), 131072, sizes)
    np.testing.assert_allclose(unseen, [0.8194, 0.6823, 0.4922, 0.2876], atol=5e-5)
    assert np.log(unseen[0] / unseen[1]) / np.log(4) < 0.14
    biased = unseen_mass(
        cluster_numbers(fm.PercolationEnsemble(n_points=131072, ensemble="size-biased")), 131072, [64, 256]
    )
    assert np.log(biased[0] / biased[1]) / np.log(4) == pytest.approx(0.5, abs=0.04)


@given(st.integers(1, 60), st.lists(st.integers(0, 3), min_size=1, max_size=8), st.floats(0.0, 1.0))
@examples(60)
def test_coverage_bounds(extra: int, counts: list[int], within: float) -> None:
    numbers = np.array([0, *counts])
    n_points = int(numbers @ np.arange(numbers.size)) + extra
    curve = unseen_mass(numbers, n_points, np.arange(n_points))
    assert curve[0] == pytest.approx((n_points - extra) / n_points)
    assert (np.diff(curve) <= 1e-15).all()
    sizes = np.arange(n_points)
    floor = constant_label_risk(numbers, n_points, sizes)
    assert (floor <= constant_label_risk(numbers, n_points, sizes, "1-nn")).all()
    by_size = np.full((n_points, numbers.size), within)
    full = ensemble_risk(numbers, n_points, sizes, 1.0, by_size)
    np.testing.assert_allclose(full, ensemble_risk(numbers, n_points, sizes, 1.0, within), rtol=1e-13)
    mass = (n_points - extra) / n_points
    np.testing.assert_allclose(full, floor + within * (mass - floor), rtol=1e-12, atol=1e-15)


# ---------------------------------------------------------------------------------------------------- limits


def test_amplitudes_of_the_seen_mass() -> None:
    # A random site's cluster is seen with probability Σ π(s)(1 − (1 − ρ)^(s−1)) ≈ A√ρ; ρ = 10^−4, s up to 10^6.
    last, rho = 10**6, 1e-4
    sizes = np.arange(last + 1.0)
    laws = {
        ("borel", None): borel_law(last),
        ("yule-simon", None): sizes * yule_simon_law(last) / 3.0,
        **{("", z): sizes * bethe_cluster_numbers(z, bethe_threshold(z), last) for z in (3, 6, 12)},
    }
    for (name, z), law in laws.items():
        unseen = float(law[1:] @ (1.0 - rho) ** (sizes[1:] - 1.0))
        amplitude = seen_mass_amplitude(name, z)
        assert (1.0 - unseen) / math.sqrt(rho) == pytest.approx(amplitude, rel=0.02)
        assert (1.0 - unseen) / math.sqrt(rho) != pytest.approx(1.1 * amplitude, rel=0.02)  # control
    closed = 1.0 + special.lambertw(-(1.0 - rho) / math.e).real / (1.0 - rho)  # Borel: the tree function
    assert 1.0 - laws["borel", None][1:] @ (1.0 - rho) ** (sizes[1:] - 1.0) == pytest.approx(closed, abs=1e-3 * closed)


def test_size_biased_ensembles_share_a_limit() -> None:
    # Masses of a subordinator that refuses to pass 1: two points share a cluster with probability 1/5.
    n = np.array([32, 128])
    for sizes in ("borel", "yule-simon"):
        shares, unseen = [], []
        for n_points in (1 << 14, 1 << 16):
            numbers = cluster_numbers(fm.PercolationEnsemble(n_points=n_points, sizes=sizes, ensemble="size-biased"))
            shares.append(numbers @ np.square(np.arange(numbers.size) / n_points))
            unseen.append(unseen_mass(numbers, n_points, n))
        # what is missing falls as √(n/N), a half for four times N
        assert 2.0 * shares[1] - shares[0] == pytest.approx(0.2, abs=2e-4)
        limit = 2.0 * unseen[1] - unseen[0]
        np.testing.assert_allclose(limit, size_biased_unseen_limit(n), rtol=0.02)
        assert (np.abs(limit * np.sqrt(n) * math.sqrt(math.pi) - 1.0) > 0.5).all()  # control: Poisson–Dirichlet(½, 0)


@pytest.mark.parametrize("p", [0.1, 1 / 3, 0.45])
def test_the_rank_law_is_that_of_the_tail(p: float) -> None:
    """Sizes of random roots have the tail s^−(τ−2), so the k-th largest of them falls as k^−1/(τ−2), 1 + α."""
    last = 4_000_000
    tail = np.cumsum((p * np.arange(last + 1) * yule_simon_law(last, p))[::-1])[::-1]
    beyond = (p * last * yule_simon_law(last, p)[-1]) * last * (1.0 - p) / p  # hazard p/(s(1−p)) from there on
    slope = math.log((tail[1000] + beyond) / (tail[10_000] + beyond)) / math.log(10)
    recipe = fm.PercolationEnsemble(n_points=1000, ensemble="size-biased", create_prob=p)
    assert slope == pytest.approx(recipe.number_exponent - 2.0, abs=2e-3)
    assert fm.predict(recipe).law.inputs["α"] == pytest.approx(1.0 / slope - 1.0, rel=0.02)


@pytest.mark.parametrize("p", [0.2, 0.25])
def test_the_unseen_mass_falls_with_the_exponent_of_the_size_law(p: float) -> None:
    """Clusters of random roots, exact numbers, where n is neither small nor near N: α/(1+α) = 3 − τ."""
    n = [256, 1024]
    recipe = fm.PercolationEnsemble(n_points=1 << 16, ensemble="size-biased", create_prob=p, label="cluster-constant")
    numbers = cluster_numbers(recipe)
    near, far = unseen_mass(numbers, recipe.n_points, n)
    found = math.log(near / far) / math.log(n[1] / n[0])
    predicted = fm.predict(recipe).data_exponent
    assert predicted == pytest.approx(3.0 - recipe.number_exponent)
    assert found == pytest.approx(predicted, abs=0.04), (found, predicted)
    assert abs(found - 0.5) > 0.06  # control: the exponent of the mean-field sizes


def test_from_a_half_on_no_power_law_decays() -> None:
    for p, words in ((0.5, "ln n/ln N"), (0.6, "(n/N)^0.5"), (0.8, "n/N")):
        recipe = fm.PercolationEnsemble(
            n_points=1 << 14, ensemble="size-biased", create_prob=p, label="cluster-constant"
        )
        law = fm.predict(recipe).law
        assert law.data_exponent is None
        assert words in law.statement
        assert "below 1/2" in law.nearest
        numbers, n = cluster_numbers(recipe), np.array([64, 256])
        seen = 1.0 - unseen_mass(numbers, recipe.n_points, n)
        rise = math.log(seen[1] / seen[0]) / math.log(4.0)
        if p > 0.5:
            assert rise == pytest.approx(min(1.0, recipe.number_exponent - 3.0), abs=0.15)
    number = fm.predict(fm.PercolationEnsemble(n_points=1000, create_prob=0.2)).law
    assert "^0.25" in number.statement
    assert "α = (3−τ)/(τ−2) = 3" in number.nearest


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0, 3.0, 40.0])
def test_rank_law_by_summing(alpha: float) -> None:
    k = np.arange(1.0, 300_000.0)
    share = 1.0 / special.zeta(1.0 + alpha)
    p = share * k ** -(1.0 + alpha)
    sizes = [0, 1, 3, 50]
    tail = share * special.zeta(1.0 + alpha, 300_000.0)  # beyond, p < 10^−5: 1 − n·p + …
    squares = share**2 * special.zeta(2.0 + 2.0 * alpha, 300_000.0)
    for n, found in zip(sizes, rank_law_unseen(alpha, sizes), strict=True):
        assert found == pytest.approx(float(p @ np.exp(n * np.log1p(-p))) + tail - n * squares, abs=2e-9)


def test_rank_law_has_its_exponent() -> None:
    for alpha in (0.5, 1.0, 2.0):
        near, far = rank_law_unseen(alpha, [10**8, 10**10])
        assert math.log(near / far) / math.log(100) == pytest.approx(alpha / (1 + alpha), abs=1e-3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: unseen_probability(0, 5, 1),
        lambda: unseen_probability(6, 5, 1),
        lambda: unseen_probability(2, 5, 5),
        lambda: unseen_mass([0, 1], 5, [-1]),
        lambda: unseen_mass([0, 1], 5, [1.5]),
        lambda: unseen_mass(np.ones(7), 5, [1]),
        lambda: constant_label_risk([0, 5], 5, [1], "1nn"),
        lambda: filled_numbers(np.array([0.0, 0.0, 1.0]), 2),
        lambda: filled_numbers(np.array([0.0, 1.0]), 2),
        lambda: seen_mass_amplitude("bethe"),
        lambda: seen_mass_amplitude(coordination=2),
        lambda: size_biased_unseen_limit([0]),
        lambda: rank_law_unseen(0.0, [1]),
    ],
)
def test_what_cannot_be_is_refused(call: object) -> None:
    with pytest.raises(RecipeError, match="expected"):
        call()  # type: ignore[operator]


def test_nothing_to_fill_and_one_point() -> None:
    assert filled_numbers(np.zeros(1), 0).tolist() == [0.0]
    assert cluster_numbers(fm.PercolationEnsemble(n_points=1)).tolist() == [0.0, 1.0]
    assert cluster_numbers(fm.BetheLattice(n_points=4, bond_probability=1.0)).tolist() == [0, 0, 0, 0, 1.0]
    assert cluster_numbers(fm.BetheLattice(n_points=3, bond_probability=0.0)).tolist() == [0, 3.0, 0, 0]
    assert unseen_mass([0, 1], 1, [0]).tolist() == [1.0]
    assert unseen_mass([0, 2], 2, []).shape == (0,)
