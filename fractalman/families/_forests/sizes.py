"""How large the clusters of an ensemble are.

Two ensembles: *number* (every site once: a cluster drawn as often as there are such clusters) and *size-biased* (the
cluster of a random site). Sizes are those of branching processes, drawn by running them: a run of s sites costs s
steps, so all sizes of n points cost n. Only the Yule–Simon process is no list of independent draws; it ends at n by
itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, I64
from fractalman.families._forests import _size_kernels as _kernels
from fractalman.random.streams import Role, key64, uniforms

_INVERSE_E = 0.36787944117144233


@dataclass(frozen=True)
class ClusterSizes:
    """The sizes of an ensemble's clusters, and what fitting them into n points did to their law.

    Args:
        size: (K,) int64, largest first, adding up to n.
        redrawn: how many draws would have passed n and were drawn again from the same law restricted to what was left.
        restricted: how many points were left to fill at the first of them: they follow the restricted law; 0 = none.
        giant: number of the cluster that is a window of the infinite one, or −1.
    """

    size: I64
    redrawn: int
    restricted: int
    giant: int


def _filled(sizes: I64, outcome: I64, giant_size: int = 0) -> ClusterSizes:
    """Sort by size; the giant stands first among its equals."""
    giant = -1
    if giant_size:
        sizes = np.append(sizes, giant_size)
    elif outcome[2] >= 0:
        giant_size = int(sizes[outcome[2]])
    size = np.sort(sizes)[::-1].copy()
    if giant_size:
        giant = int(np.searchsorted(-size, -giant_size))
    return ClusterSizes(size, int(outcome[0]), int(outcome[1]), giant)


def critical_sizes(n_points: int, law: str, ensemble: str, seed: int, create_prob: float = 1.0 / 3.0) -> ClusterSizes:
    """Draw the sizes of critical clusters that fill ``n_points``.

    Args:
        n_points: n ≥ 1.
        law: "yule-simon" or "borel" (total progeny of a Poisson(1) branching process).
        ensemble: "number" or "size-biased".
        seed: geometry seed.
        create_prob: P(new cluster) of "yule-simon".
    Source: docs/theory.md §1, laws A6 and A7.
    """
    n, key = int(n_points), np.uint64(key64(seed, Role.SIZES))
    sizes, outcome = np.empty(n, np.int64), np.array([0, 0, -1])
    if law == "borel":
        poisson = np.cumsum(_INVERSE_E / np.cumprod(np.maximum(np.arange(20.0), 1.0)))
        made = _kernels.branching_sizes(key, poisson, poisson, ensemble == "number", 0.0, n, sizes, outcome)
    elif ensemble == "number":
        made = _kernels.yule_simon_process(
            key, float(create_prob), np.empty(n, np.int32 if n < 1 << 31 else np.int64), sizes
        )
    else:
        made = _kernels.waiting_sizes(key, float(create_prob), n, sizes, outcome)
    return _filled(sizes[:made], outcome)


def bethe_sizes(n_points: int, coordination: int, bond_probability: float, ensemble: str, seed: int) -> ClusterSizes:
    """Draw the sizes of Bethe-lattice clusters that fill ``n_points``.

    Above p_c the finite clusters are those of the dual probability p q/(1−p+pq) below p_c (exact), and the infinite
    cluster has its share P_∞. "number": it holds ⌊P_∞ n + U⌋ of the points, U uniform. "size-biased": a root lies in it
    with probability P_∞, and then it takes all points that are left.

    Args:
        n_points: n ≥ 1. coordination: z ≥ 3. bond_probability: 0 ≤ p ≤ 1. ensemble: "number" or "size-biased".
        seed: geometry seed.
    Source: docs/theory.md §1, Bethe lattice.
    """
    n, key = int(n_points), np.uint64(key64(seed, Role.SIZES))
    number = ensemble == "number"
    root, child, share = bethe_families(coordination, bond_probability)
    giant = int(np.floor(share * n + uniforms(key64(seed, Role.SIZES, 1), 1)[0])) if number else 0
    giant = min(giant, n)
    sizes, outcome = np.empty(n, np.int64), np.array([0, 0, -1])
    made = _kernels.branching_sizes(key, root, child, number, share, n - giant, sizes, outcome)
    return _filled(sizes[:made], outcome, giant)


def bethe_families(coordination: int, bond_probability: float) -> tuple[F64, F64, float]:
    """Return the law of a finite cluster as a branching process, and P_∞.

    Args:
        coordination: z. bond_probability: p.
    Returns: cumulative sums of the number of children of the root, (z + 1,) float64, and of any other site, (z,); and
        the share of the infinite cluster.
    """
    z, p = coordination, bond_probability
    survival = _subtree_survival(z, p)
    share = 1.0 - float(binomial_law(z, p * survival)[0])
    if survival > 0.0:  # the dual probability
        p = p * (1.0 - survival) / (1.0 - p * survival) if survival < 1.0 else 0.0
    return np.cumsum(binomial_law(z, p)), np.cumsum(binomial_law(z - 1, p)), share


def binomial_law(trials: int, p: float) -> F64:
    """Return the probabilities of 0 … trials successes, (trials + 1,) float64, by IEEE operations only."""
    out = np.empty(trials + 1)
    _kernels.binomial_law(trials, float(p), out)
    return out


def _subtree_survival(z: int, p: float) -> float:
    """The probability δ that the family of a site other than the root is infinite, δ = 1 − (1 − pδ)^(z−1).

    By bisection of p·Σ_{j<z−1} (1 − pδ)^j = 1, the same divided by δ, whose left side falls in δ.
    """

    def excess(delta: float) -> float:
        term, total = 1.0, 0.0
        for _ in range(z - 1):
            total += term
            term *= 1.0 - p * delta
        return p * total - 1.0

    low, high = 0.0, 1.0
    if excess(0.0) <= 1e-15 * z:  # the float nearest to 1/(z−1) is critical
        return 0.0
    if excess(1.0) >= 0.0:
        return 1.0
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return middle
        low, high = (middle, high) if excess(middle) > 0.0 else (low, middle)


def bethe_extinction(z: int, p: float) -> float:
    """Return the probability that the family of a site other than the root ends."""
    return 1.0 - _subtree_survival(z, p)
