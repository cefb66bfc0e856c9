"""Sizes of an ensemble's clusters: expected numbers, the largest one, the rank law (laws A6 and A7).

Sizes drawn independently until they fill n points have exact laws by renewal: with r points left, size s ≤ r comes with
probability f(s)/F(r), F(r) = Σ_{s≤r} f(s), because what would pass the end is drawn again. The Yule–Simon process is
another matter; its partitions are listed for small n, and its moments obey a recursion for any.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from _long_tier.core import Outcome, chi_square, count, family, mean_test, seed_range, size_chi_square, z_test
from fractalman import measure, theory
from fractalman.families import _forests as forests

LAWS: dict[str, Callable[[int], np.ndarray]] = {
    "borel,number": lambda n: 2.0 * theory.borel_law(n) / np.maximum(np.arange(n + 1.0), 1.0),
    "borel,size-biased": theory.borel_law,
    "yule-simon,size-biased": lambda n: theory.yule_simon_law(n) * np.arange(n + 1.0) / 3.0,
}
"""Probability of every size for independent draws, entry s."""


def drawn(name: str, n: int, seed: int) -> np.ndarray:
    """The sizes of one ensemble."""
    law, ensemble = name.split(",")
    return forests.critical_sizes(n, law, ensemble, seed).size


def expected(law: np.ndarray, value: np.ndarray, cut: bool = False) -> np.ndarray:
    """E Σ value(size) over the clusters that fill n = len(law) − 1 points; ``value`` is (n + 1, k).

    ``cut``: a cluster that would pass the end is cut down to what is left (wrong here).
    """
    n, below = law.size - 1, np.cumsum(law)
    out = np.zeros((n + 1, value.shape[1]))
    gain = np.cumsum(law[:, None] * value, axis=0)
    for left in range(1, n + 1):
        later = gain[left] + law[1 : left + 1] @ out[left - 1 :: -1][:left]
        out[left] = later + (1.0 - below[left]) * value[left] if cut else later / below[left]
    return out[n]


def largest_law(law: np.ndarray, bounds: np.ndarray, cut: bool = False) -> np.ndarray:
    """P(largest ≤ b) for every b of ``bounds``; arguments as in `expected`."""
    n, below = law.size - 1, np.cumsum(law)
    out = np.ones((n + 1, bounds.size))
    allowed = np.where(np.arange(n + 1)[:, None] <= bounds, law[:, None], 0.0)
    for left in range(1, n + 1):
        later = (allowed[1 : left + 1] * out[left - 1 :: -1][:left]).sum(axis=0)
        out[left] = later + (1.0 - below[left]) * (left <= bounds) if cut else later / below[left]
    return out[n]


def bins_up_to(n: int) -> np.ndarray:
    """Where size classes start: 1, 2, 3, 4, 6, 8, 12, … n."""
    starts = {round(base * 2.0**k) for base in (2, 3) for k in range(n.bit_length())}
    return np.array(sorted({1, *(s for s in starts if s <= n)}))


def in_bins(sizes: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """How many sizes lie in every class."""
    return np.bincount(np.searchsorted(starts, sizes, side="right") - 1, minlength=starts.size)


# ---------------------------------------------------------------------------------------------------- independent draws


@family("sizes/expected-numbers/{0}", *LAWS)
def expected_numbers(scale: float, name: str) -> Outcome:
    """Clusters of every size class among n = 2000 points, exactly; control: the last cluster cut down, not redrawn.

    Cutting makes 13 clusters of 1037 less (number), and 60 of 96: 6000 ensembles give p-values of 10^-27 and less.
    """
    n = 2_000
    m, law, starts = count(scale, 20_000, 500), LAWS[name](n), bins_up_to(n)
    inside = (np.searchsorted(starts, np.arange(n + 1), side="right") - 1)[:, None] == np.arange(starts.size)
    found = np.array([in_bins(drawn(name, n, s), starts) for s in seed_range(m, 22)])
    p, scores = mean_test(found, expected(law, inside.astype(float)))
    return Outcome(p, m, mean_test(found, expected(law, inside.astype(float), cut=True))[0], scores)


@family("sizes/largest/{0}", *LAWS)
def largest(scale: float, name: str) -> Outcome:
    """The largest cluster of n = 500 points, exactly, in 40 classes; control: the last cluster cut down, not redrawn.

    Cutting moves the distribution by .04 (number) and .46: 15 000 ensembles give p-values of 10^-40 and less.
    """
    n = 500
    m, law = count(scale, 50_000, 1_000), LAWS[name](n)
    bounds = np.unique(np.append(np.geomspace(4, n, 40).astype(int), n))
    found = np.array([drawn(name, n, s)[0] for s in seed_range(m, 23)])
    counts = np.bincount(np.searchsorted(bounds, found), minlength=bounds.size)

    def p_value(cut: bool) -> tuple[float, np.ndarray]:
        return chi_square(counts, np.diff(largest_law(law, bounds, cut), prepend=0.0))

    p, scores = p_value(cut=False)
    return Outcome(p, m, p_value(cut=True)[0], scores, f"mean share {found.mean() / n:.4f}")


@family("sizes/rank-law/{0}", "borel,size-biased", "yule-simon,size-biased", "borel,number")
def rank_law(scale: float, name: str) -> Outcome:
    """Exponent of cluster size against rank, against its exact value at n = 16384; control: the other ensemble's.

    N(≥ s) ~ s^(−1/2) when clusters are grown from roots, so the k-th has ~ k^(−2) points; s^(−3/2) and k^(−2/3) when
    every site counts once. Fitted over s = 4…64, where n points bend it by .08; errors of .002 lie under a difference
    of 1.
    """
    n, sides = 16_384, 2 ** np.arange(2, 7)
    groups = 100
    each = count(scale, 100, 4)

    def exponent(law: np.ndarray) -> float:
        at_least = (np.arange(n + 1)[:, None] >= sides).astype(float)
        return measure.growth_exponent(sides, expected(law, at_least)).value

    rows = np.zeros((groups, sides.size))
    for i, s in enumerate(seed_range(groups * each, 24)):
        rows[i % groups] += (drawn(name, n, s)[:, None] >= sides).sum(axis=0)
    fit = measure.growth_exponent(sides, rows)
    other = LAWS["borel,size-biased" if name.endswith("number") else "borel,number"]
    exact, wrong = exponent(LAWS[name](n)), exponent(other(n))
    p, control = (float(2 * stats.t.sf(abs(fit.value - e) / fit.standard_error, groups - 1)) for e in (exact, wrong))
    remark = (
        f"size ~ rank^{1 / fit.value:.3f} ± {fit.standard_error / fit.value**2:.3f}, at this n {1 / exact:.3f}, limit "
        f"{'-2/3' if name.endswith('number') else '-2'}"
    )
    slopes = [measure.growth_exponent(sides, rows.sum(axis=0) - row).value for row in rows]
    return Outcome(p, groups * each, control, (slopes - np.mean(slopes)) / np.std(slopes, ddof=1), remark)


@family("sizes/borel-numbers/n={0}", 2_000_000)
def borel_numbers(scale: float, n: int) -> Outcome:
    """Number-weighted Borel sizes, every one up to 2000; control: clusters of the Bethe lattice with 64 neighbours.

    The control's law is 1 % off: a million clusters give a p-value of 10^-13, ten million one far below.
    """
    m = count(scale, 10, 1)
    sizes = np.concatenate([drawn("borel,number", n, s) for s in seed_range(m, 25)])
    p, scores = size_chi_square(sizes, LAWS["borel,number"](2_000))
    other = theory.bethe_cluster_numbers(64, theory.bethe_threshold(64), 2_000)
    other = other / (1.0 - 64 * theory.bethe_threshold(64) / 2.0)
    return Outcome(p, int(sizes.size), size_chi_square(sizes, other)[0], scores)


# ---------------------------------------------------------------------------------------------------- Yule–Simon


def partitions(n: int, fresh: float = 1.0 / 3.0) -> dict[tuple[int, ...], float]:
    """Probability of every partition of n points by the process with P(new cluster) = ``fresh``, sizes descending."""
    law = {(1,): 1.0}
    for points in range(1, n):
        grown: dict[tuple[int, ...], float] = {}
        for sizes, p in law.items():
            opened = (*sizes, 1)
            grown[opened] = grown.get(opened, 0.0) + p * fresh
            for size in set(sizes):
                place = sizes.index(size)  # the first of its equals keeps the order
                joined = (*sizes[:place], size + 1, *sizes[place + 1 :])
                share = (1.0 - fresh) * size * sizes.count(size) / points
                grown[joined] = grown.get(joined, 0.0) + p * share
        law = grown
    return law


@family("sizes/yule-simon-partitions/n={0}", 8, 12)
def yule_simon_partitions(scale: float, n: int) -> Outcome:
    """All partitions of a few points; control: P(new cluster) = .35, 10^-47 after a tenth of the draws."""
    m, law, wrong = count(scale, 300_000, 5_000), partitions(n), partitions(n, 0.35)
    names = sorted(law, key=lambda sizes: -law[sizes])
    place = {sizes: i for i, sizes in enumerate(names)}
    counts = np.zeros(len(names))
    for s in seed_range(m, 26):
        counts[place[tuple(drawn("yule-simon,number", n, s).tolist())]] += 1
    p, scores = chi_square(counts, [law[k] for k in names])
    return Outcome(p, m, chi_square(counts, [wrong[k] for k in names])[0], scores)


@family("sizes/largest/yule-simon,number,n={0}", 24)
def yule_simon_largest(scale: float, n: int) -> Outcome:
    """The largest cluster of the process, exactly, by its partitions; control: P(new cluster) = .35."""
    m = count(scale, 200_000, 5_000)

    def law(fresh: float) -> np.ndarray:
        return np.bincount(*zip(*((k[0], p) for k, p in partitions(n, fresh).items()), strict=True), minlength=n + 1)

    found = np.array([drawn("yule-simon,number", n, s)[0] for s in seed_range(m, 27)])
    p, scores = size_chi_square(found, law(1.0 / 3.0))
    return Outcome(p, m, size_chi_square(found, law(0.35))[0], scores)


@family("sizes/expected-numbers/yule-simon,number,n={0}", 1_000)
def yule_simon_numbers(scale: float, n: int) -> Outcome:
    """Clusters of every size class, exactly; control: n·f(s)/3, the law of endlessly many points.

    The control has clusters of more than n points, and too many of somewhat fewer.
    """
    m, starts = count(scale, 40_000, 1_000), bins_up_to(n)
    found = np.array([in_bins(drawn("yule-simon,number", n, s), starts) for s in seed_range(m, 28)])
    exact = np.add.reduceat(theory.yule_simon_expected_numbers(n, n), starts)
    limit = np.add.reduceat(n * theory.yule_simon_law(n) / 3.0, starts)
    p, scores = mean_test(found, exact)
    return Outcome(p, m, mean_test(found, limit)[0], scores)


def mean_square(n: int, fresh: float = 1.0 / 3.0) -> float:
    """E Σ size² of the process: a new point adds 1, or 2·size + 1 to the cluster that it joins."""
    total = 1.0
    for points in range(1, n):
        total += 1.0 + (1.0 - fresh) * 2.0 * total / points
    return total


@family("sizes/mean-square/yule-simon,number,n={0}", 10_000)
def yule_simon_squares(scale: float, n: int) -> Outcome:
    """Σ size², which the largest clusters make, against its exact mean; control: P(new cluster) = .35.

    The control is 11 % off; one ensemble's sum scatters by about half of itself.
    """
    m = count(scale, 20_000, 400)
    found = [float((drawn("yule-simon,number", n, s).astype(float) ** 2).sum()) for s in seed_range(m, 29)]
    exact = mean_square(n)
    p, scores = z_test(found, exact)
    remark = f"{np.mean(found):.5g}, exact {exact:.5g}; relative scatter {np.std(found) / exact:.2f}"
    return Outcome(p, m, z_test(found, mean_square(n, 0.35))[0], scores, remark)
