"""Clusters of the Bethe lattice below, at and above its threshold: their numbers, mean size, the infinite cluster."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from _long_tier.core import Outcome, chi_square, count, family, seed_range, size_chi_square, z_test
from fractalman import theory
from fractalman.families import _forests as forests

LATTICES = [(3, 0.4), (3, 0.5), (3, 0.6), (6, 0.16), (6, 0.2), (6, 0.25)]
"""Coordination and bond probability: below, at, above p_c = 1/2 and 1/5."""


def planted_numbers(z: int, p: float, largest: int) -> np.ndarray:
    """Law of a cluster's size if the root had z − 1 places for neighbours like everybody else, number-weighted.

    P(s) = (1/s)·binom((z−1)s, s−1) p^(s−1) (1−p)^((z−2)s+1), entry s; a fence post away from n_s.
    """
    s = np.arange(1.0, largest + 1.0)
    top, places = (z - 1) * s, s - 1
    log_choices = gammaln(top + 1) - gammaln(places + 1) - gammaln(top - places + 1)
    return np.concatenate([[0.0], np.exp(log_choices + places * np.log(p) + ((z - 2) * s + 1) * np.log1p(-p)) / s / s])


@family("bethe/numbers/z={0},p={1}", *LATTICES)
def numbers(scale: float, z: int, p: float) -> Outcome:
    """Numbers of clusters of every size up to 1000; control: a root with z − 1 places for neighbours.

    Two million sites an ensemble: what filling them does to the law is below 10^-4 of a standard error at these sizes.
    """
    m, sizes = count(scale, 8, 1), []
    for s in seed_range(m, 30):
        made = forests.bethe_sizes(2_000_000, z, p, "number", s)
        sizes.append(np.delete(made.size, made.giant) if made.giant >= 0 else made.size)
    found = np.concatenate(sizes)
    whole = theory.bethe_cluster_numbers(z, p, 400_000)
    wrong = planted_numbers(z, p, 400_000)
    result, scores = size_chi_square(found, whole[:1001] / whole.sum())
    return Outcome(result, int(found.size), size_chi_square(found, wrong[:1001] / wrong.sum())[0], scores)


@family("bethe/mean-size/z={0},p={1}", *(case for case in LATTICES if case[1] * (case[0] - 1) < 0.99))
def mean_size(scale: float, z: int, p: float) -> Outcome:
    """Mean size of a random site's cluster below p_c, (1+p)/(1−(z−1)p); control: 1/(1−(z−1)p), a root like any site.

    One ensemble of 2·10^5 sites is one draw; the last cluster's restriction costs less than a tenth of an error.
    """
    n, m = 200_000, count(scale, 100, 8)
    found = [float((forests.bethe_sizes(n, z, p, "number", s).size ** 2).sum()) / n for s in seed_range(m, 31)]
    exact = theory.bethe_mean_size(z, p)
    result, scores = z_test(found, exact)
    remark = f"{np.mean(found):.4f} ± {np.std(found) / np.sqrt(m):.4f}, exact {exact:.4f}"
    return Outcome(result, m, z_test(found, 1.0 / (1.0 - (z - 1) * p))[0], scores, remark)


@family("bethe/giant-share/z={0},p={1}", *(case for case in LATTICES if case[1] * (case[0] - 1) > 1.01))
def giant_share(scale: float, z: int, p: float) -> Outcome:
    """Finite clusters before a root lies in the infinite one: geometric in P_∞; control: 1 − Q, a branch's survival."""
    m, found = count(scale, 100_000, 2_000), []
    for s in seed_range(m, 32):
        made = forests.bethe_sizes(3_000, z, p, "size-biased", s)
        assert made.giant >= 0  # else the finite ones filled the points: less often than once in 10^9
        found.append(made.size.size - 1)
    counts = np.bincount(found)
    k = np.arange(counts.size)

    def p_value(share: float) -> tuple[float, np.ndarray]:
        return chi_square(counts, share * (1.0 - share) ** k)

    share = theory.bethe_giant_share(z, p)
    result, scores = p_value(share)
    control = p_value(1.0 - theory.bethe_extinction(z, p))[0]
    return Outcome(result, m, control, scores, f"P_∞ = {share:.4f}, 1 − Q = {1.0 - theory.bethe_extinction(z, p):.4f}")


@family("bethe/window/z={0},p={1}", *(case for case in LATTICES if case[1] * (case[0] - 1) > 1.01))
def window(scale: float, z: int, p: float) -> Outcome:
    """Share of the points in the infinite cluster where every site counts once; control: 1 − Q, a branch's survival."""
    n, m = 1_000, count(scale, 20_000, 500)
    found = []
    for s in seed_range(m, 33):
        made = forests.bethe_sizes(n, z, p, "number", s)
        found.append(made.size[made.giant] / n if made.giant >= 0 else 0.0)
    result, scores = z_test(found, theory.bethe_giant_share(z, p))
    return Outcome(result, m, z_test(found, 1.0 - theory.bethe_extinction(z, p))[0], scores)
