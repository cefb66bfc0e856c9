"""Percolation on Z^2 and Z^3 at its threshold: cluster numbers, the largest cluster, shortest paths.

Exponents come from two ranges of sizes, and their difference tells what a finite size does to them. Cluster numbers:
windows of s a factor of 4 apart; corrections s^−Ω, Ω = .79 (d = 2) and .64 (d = 3) in the literature, more than halve,
so the step bounds what is left (`core.settled`). Sides: a factor of 2 apart; corrections side^−ω, ω from 1 to 1.6,
halve for ω = 1, and then twice the larger less the smaller is free of them; half of the step is allowed for, because ω
is known roughly only (`core.extrapolated`; site clusters in space need it: their shortest paths are off by .04 at side
64).

Controls are the exponents of the next dimension above, of the one below, or of a compact box; all must be rejected.
"""

from __future__ import annotations

import numpy as np

from _long_tier.core import Measured, Outcome, count, extrapolated, family, jackknife, seed_range, settled
from fractalman import measure, theory
from fractalman.families.lattice_percolation.box import Lattice, shortest_path_forest

CASES = [(2, "bond"), (2, "site"), (3, "bond"), (3, "site")]
GROUPS = 100  # of boxes, for the jackknife: Student's t of 99 degrees of freedom falls below 10^-9 at 6.9


def critical_box(dim: int, percolation: str, side: int, seed: int, periodic: bool = True) -> Lattice:
    """A box at the threshold."""
    constants = theory.lattice_constants(dim)
    threshold = constants.site_threshold if percolation == "site" else constants.bond_threshold
    return Lattice((side,) * dim, percolation, threshold, periodic, seed)


def outcome(found: Measured, exact: float, controls: list[float], n: int) -> Outcome:
    """A measured exponent against the table; of the controls the one that is rejected least."""
    remark = f"{found}, table {exact:.4f}"
    return Outcome(found.against(exact), n, max(map(found.against, controls)), found.scores, remark)


# ---------------------------------------------------------------------------------------------------- cluster numbers


@family("lattice/tau/d={0},{1}", *CASES)
def size_exponent(scale: float, dim: int, percolation: str) -> Outcome:
    """τ of the number of clusters, s = 256…6400 and 1024…25600, against the table; controls: d + 1, and d = 2 for 3.

    Whole tori of side 2048 (d = 2) and 160: their largest clusters are 80 and 14 times the window's end. Errors of .005
    and steps of .01 lie under differences of .125 and more.
    """
    side, largest = {2: 2048, 3: 160}[dim], 25_600
    each = count(scale, 8, 1)
    counts = np.zeros((GROUPS if scale == 1.0 else 20, largest + 1))
    for i, s in enumerate(seed_range(len(counts) * each, 40)):
        size = critical_box(dim, percolation, side, s).labelled().size
        counts[i % len(counts)] += np.bincount(size[size <= largest], minlength=largest + 1)

    def tau(numbers: np.ndarray) -> tuple[float, float]:
        sizes = np.arange(largest + 1)
        return settled(*(measure.size_exponent(sizes, numbers, w).value for w in ((256, 6400), (1024, largest))))

    wrong = [theory.lattice_constants(other).size_exponent for other in {2: [3], 3: [2, 4]}[dim]]
    exact = theory.lattice_constants(dim).size_exponent
    return outcome(jackknife(counts, tau), exact, wrong, len(counts) * each)


# ---------------------------------------------------------------------------------------------------- the largest


def growth(means: np.ndarray, sides: np.ndarray) -> tuple[float, float]:
    """Exponent of a mean against four sides that double, from the first three and the last three."""
    return extrapolated(*(measure.growth_exponent(sides[part], means[part]).value for part in (np.s_[:-1], np.s_[1:])))


@family("lattice/fractal-dimension/d={0},{1}", *CASES)
def fractal_dimension(scale: float, dim: int, percolation: str) -> Outcome:
    """d_f of the largest cluster of a torus, sides 32…256 and 8…64, against the table; controls: d, and 2d/3.

    The first is a compact cluster, the second the mean field's, s ~ sites^(2/3). Errors of .005 and .01 lie under .1.
    """
    sides = {2: np.array([32, 64, 128, 256]), 3: np.array([8, 16, 32, 64])}[dim]
    each = count(scale, {2: 100, 3: 40}[dim], 5)
    mass = np.zeros((GROUPS, sides.size))
    for k, side in enumerate(sides):
        boxes = 2 ** (sides.size - 1 - k)  # smaller ones cost less: more of them
        for i, s in enumerate(seed_range(GROUPS * each * boxes, 41 + k)):
            size = critical_box(dim, percolation, int(side), s).labelled().size
            mass[i % GROUPS, k] += size.max(initial=0) / boxes
    found = jackknife(mass, lambda total: growth(total, sides))
    return outcome(found, theory.lattice_constants(dim).fractal_dimension, [dim, 2 * dim / 3], GROUPS * each)


@family("lattice/shortest-paths/d={0},{1}", *CASES)
def shortest_paths(scale: float, dim: int, percolation: str) -> Outcome:
    """d_min from mean shortest paths in a torus's largest cluster, its root random; controls: d ± 1 (d = 1: straight).

    Sides 32…256 in the plane, 8…64 for bonds and 16…128 for sites in space, where short paths are few. Errors of .01 to
    .025 lie under differences of .13 (plane) and .23.
    """
    sides = {"2bond": 32, "2site": 32, "3bond": 8, "3site": 16}[f"{dim}{percolation}"] * 2 ** np.arange(4)
    each = count(scale, {"2bond": 40, "2site": 40, "3bond": 30, "3site": 8}[f"{dim}{percolation}"], 3)
    length = np.zeros((GROUPS, sides.size))
    for k, side in enumerate(sides):
        boxes = 2 ** (sides.size - 1 - k)
        for i, s in enumerate(seed_range(GROUPS * each * boxes, 45 + k)):
            made = critical_box(dim, percolation, int(side), s).clusters()
            length[i % GROUPS, k] += shortest_path_forest(made.edges, made.size, s)[1].mean() / boxes
    found = jackknife(length, lambda total: growth(total, sides))
    below = 1.0 if dim == 2 else theory.lattice_constants(dim - 1).path_dimension
    wrong = [below, theory.lattice_constants(dim + 1).path_dimension]
    return outcome(found, theory.lattice_constants(dim).path_dimension, wrong, GROUPS * each)


@family("lattice/straight-against-shortest/d={0},{1}", (2, "bond"), (2, "site"))
def path_dimension(scale: float, dim: int, percolation: str) -> Outcome:
    """d_min from pairs of points ℓ = 16…64 and 64…256 steps apart; controls: straight paths, and d = 3.

    Boxes of side 512, where 256 steps reach a quarter of the side. In space a box of which the same is true does not
    fit: windows up to 128 steps in a side of 192 are off by .05, so `shortest_paths` alone measures there. The windows
    are a factor of 4 apart; the correction between them more than halves.
    """
    m = count(scale, 300, 20)
    windows, steps = ((16, 64), (64, 256)), 2 ** np.arange(4, 9)
    distance = []
    for s in seed_range(m, 49):
        box = critical_box(dim, percolation, 512, s, periodic=False)
        made = box.clusters()
        curve = measure.path_curve(made.edges, box.coordinates(made.site), n_sources=16, seed=s)
        if curve.steps[-1] >= steps[-1]:  # all but a few in a thousand
            distance.append(curve.distance[4:9])

    def exponent(total: np.ndarray) -> tuple[float, float]:
        curve = measure.PathCurve(steps, total, np.ones(steps.size, np.int64))
        return extrapolated(*(measure.path_dimension([curve], w).value for w in windows))

    groups = np.array([part.sum(axis=0) for part in np.array_split(distance, min(GROUPS, len(distance)))])
    wrong = [1.0, theory.lattice_constants(dim + 1).path_dimension]
    return outcome(jackknife(groups, exponent), theory.lattice_constants(dim).path_dimension, wrong, len(distance))
