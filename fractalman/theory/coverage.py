"""Cluster coverage: which part of an ensemble a training set has seen, and what that alone makes of the risk.

Symbols: N = points of the ensemble, n = training points, s = size of a cluster, N_s = number of clusters of s points
(drawn or expected), ρ = n/N, τ = 5/2, P(s) = the probability that nobody from the tested point's cluster of s points is
in the training set.

The number ensemble (every site once) has no power law before n ~ N: its seen mass grows as √ρ. The size-biased one
(clusters of random roots) has masses that fall as rank^−2, and its unseen mass falls as n^−1/2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fractalman._typing import F64, I64, AnyFloat, AnyInt
from fractalman.errors import RecipeError, nearest
from fractalman.theory.clusters import (
    bethe_cluster_numbers,
    bethe_giant_share,
    borel_law,
    yule_simon_expected_numbers,
    yule_simon_law,
)

UNSEEN_RISK: dict[str, float] = {"zero": 1.0, "1-nn": 2.0, "bayes": 1.0}
"""What a label of an unseen cluster costs: the answer 0 its variance, another cluster's label twice that."""

_DIRECT = 256  # up to so many steps are summed one by one, more by products of Fourier transforms
_RANKS, _MOST_RANKS = 64.0, 2.0**20  # ranks up to 64 times that with one expected training point are summed


def _check_train(n_train: AnyFloat | AnyInt | Sequence[int] | int, most: float) -> F64:
    n = np.atleast_1d(np.asarray(n_train, np.float64))
    if n.ndim != 1 or (n.size and not (n.min() >= 0 and n.max() <= most and (n == np.floor(n)).all())):
        raise RecipeError(f"n_train = {n_train!r}: expected integers from 0 to {most:.0f}")
    return n


# ---------------------------------------------------------------------------------------------------- who is unseen


def unseen_probability(size: I64 | Sequence[int] | int, n_points: int, n_train: int) -> F64:
    """Return P(s) = C(N−s, n)/C(N−1, n): none of the other s − 1 points of a tested point's cluster is trained on.

    Training points are a random subset of the other N − 1 points, without replacement; a product of ratios.

    Args:
        size: s, each 1 … N. n_points: N. n_train: n, 0 … N − 1.
    Returns: (len(size),) float64. For N → ∞ it is (1 − ρ)^(s−1).
    Errors: RecipeError. Source: docs/theory.md §4.
    """
    s = np.atleast_1d(np.asarray(size))
    if s.ndim != 1 or s.dtype.kind not in "iu" or (s.size and not (s.min() >= 1 and s.max() <= n_points)):
        raise RecipeError(f"size: expected integers from 1 to n_points = {n_points}")
    n = float(_check_train(n_train, n_points - 1)[0])
    others = n_points - np.arange(1.0, float(s.max(initial=1)))  # N − 1, N − 2, …: who is left when one more is unseen
    with np.errstate(divide="ignore"):
        steps = np.log1p(-np.minimum(n / others, 1.0))
    return np.asarray(np.exp(np.concatenate([[0.0], np.cumsum(steps)]))[s - 1], np.float64)


def unseen_mass(numbers: AnyFloat | AnyInt, n_points: int, n_train: AnyInt | Sequence[int] | int) -> F64:
    """Return the probability that a test point's cluster holds none of n training points, Σ_s s N_s/N · P(s).

    Args:
        numbers: (S + 1,) N_s by size, drawn (``np.bincount`` of sizes) or expected (`cluster_numbers`); what they lack
            of N points is taken for clusters so large that they are seen.
        n_points: N. n_train: n's, each 0 … N − 1.
    Returns: (len(n_train),) float64.
    Errors: RecipeError. Source: docs/theory.md §3.5, §4.
    """
    return ensemble_risk(numbers, n_points, n_train, unseen=1.0, within=0.0)


def ensemble_risk(
    numbers: AnyFloat | AnyInt,
    n_points: int,
    n_train: AnyInt | Sequence[int] | int,
    unseen: float | F64 = 1.0,
    within: float | F64 = 0.0,
) -> F64:
    """Return the risk Σ over clusters of mass × [P(unseen)·unseen risk + P(seen)·risk within].

    Args:
        numbers, n_points, n_train: as in `unseen_mass`; what the numbers lack of N points adds nothing.
        unseen: the learner's risk in a cluster it has not seen, `UNSEEN_RISK` for labels of prior variance 1.
        within: its risk in a seen cluster, by n and size: a number, (S + 1,), or (len(n_train), S + 1); 0 for labels
            that are constant on clusters.
    Returns: (len(n_train),) float64 in units of the prior variance.
    Errors: RecipeError. Source: docs/theory.md §3.5, §4.
    """
    count = np.asarray(numbers, np.float64)
    if count.ndim == 1:
        count = count[: int(np.max(np.flatnonzero(count), initial=-1)) + 1]
    if count.ndim != 1 or count.size > n_points + 1 or not np.isfinite(count).all():
        raise RecipeError(f"numbers of shape {count.shape}: expected the numbers of clusters of size 0 to {n_points}")
    sizes = np.arange(1, count.size)
    mass = sizes * count[1:] / n_points
    inside = np.broadcast_to(np.asarray(within, np.float64), (np.size(n_train), np.size(numbers)))[:, 1 : count.size]
    out = []
    for n, seen_risk in zip(_check_train(n_train, n_points - 1), inside, strict=True):
        alone = unseen_probability(sizes, n_points, int(n))
        out.append(mass @ (alone * unseen + (1.0 - alone) * seen_risk))
    return np.array(out)


def constant_label_risk(
    numbers: AnyFloat | AnyInt, n_points: int, n_train: AnyInt | Sequence[int] | int, learner: str = "bayes"
) -> F64:
    """Return the risk of labels that are constant on clusters, one N(0, 1) each: coverage and nothing else.

    Args:
        numbers, n_points, n_train: as in `unseen_mass`.
        learner: "zero" or "bayes" (a seen cluster's label, 0 elsewhere: the floor), or "1-nn" (the nearest training
            point, in an unseen cluster that of another one).
    Errors: RecipeError. Source: docs/theory.md §3.4, §3.5.
    """
    if learner not in UNSEEN_RISK:
        known = ", ".join(UNSEEN_RISK)
        raise RecipeError(f"learner = {learner!r}: expected {known}{nearest(str(learner), UNSEEN_RISK)}")
    return ensemble_risk(numbers, n_points, n_train, unseen=UNSEEN_RISK[learner])


# ---------------------------------------------------------------------------------------------------- expected numbers


def critical_numbers(n_points: int, sizes: str = "yule-simon", ensemble: str = "number") -> F64:
    """Return the expected number of clusters of every size among N points of critical mean-field clusters, exactly.

    Args:
        n_points: N. sizes: "yule-simon" or "borel". ensemble: "number" or "size-biased".
    Returns: (N + 1,) float64, entry s; Σ s·N_s = N. O(N log² N); Yule–Simon by number O(N^5/3), 1 s at N = 10^5.
    Source: docs/theory.md §1, §4.
    """
    if sizes == "yule-simon" and ensemble == "number":
        return yule_simon_expected_numbers(n_points, n_points)
    s = np.arange(n_points + 1.0)
    by_root = borel_law(n_points) if sizes == "borel" else s * yule_simon_law(n_points) / 3.0
    return filled_numbers(by_root / np.maximum(s, 1.0) if ensemble == "number" else by_root, n_points)


def bethe_numbers(n_points: int, coordination: int, probability: float, ensemble: str = "number") -> F64:
    """Return the expected number of clusters of every size among N points of the Bethe lattice, exactly.

    Args:
        n_points: N. coordination: z. probability: p of a bond. ensemble: "number" or "size-biased".
    Returns: (N + 1,) float64, entry s; Σ s·N_s = N. Source: docs/theory.md §1, §4.
    """
    n, share = n_points, bethe_giant_share(coordination, probability)
    finite = bethe_cluster_numbers(coordination, probability, n)
    if ensemble != "number":
        return filled_numbers(np.arange(n + 1.0) * finite, n, share)
    out, least = np.zeros(n + 1), math.floor(share * n)
    for giant, weight in ((least, 1.0 - (share * n - least)), (least + 1, share * n - least)):
        if weight > 0.0:  # the infinite cluster holds ⌊P_∞ N + U⌋ points, U uniform
            out[: n - giant + 1] += weight * filled_numbers(finite, n - giant)
            out[giant] += weight * (giant > 0)
    return out


def filled_numbers(law: F64, n_points: int, giant_share: float = 0.0) -> F64:
    """Return the expected numbers of clusters by size when independent draws fill N points.

    A draw that would pass what is left, R, is made again, so the next size has the law restricted to s ≤ R; with
    probability ``giant_share`` it takes all that is left instead. Let w(R) be the probability that R points are ever
    left; then w(R) = Σ_s w(R+s)·(1−share)·f(s)/F(R+s), and N_s = f(s)·Σ_{R≥s} w(R)·(1−share)/F(R).

    Args:
        law: (≥ N + 1,) float64, entry s ∝ f(s), entry 0 is 0, f(1) > 0 unless the share is 1.
        n_points: N ≥ 0. giant_share: 0 … 1.
    Returns: (N + 1,) float64. Errors: RecipeError. Source: docs/theory.md §4 (renewal).
    """
    n, f = int(n_points), np.asarray(law, np.float64)
    if f.ndim != 1 or f.size <= n or (n and not (f[1] > 0.0 or giant_share >= 1.0)) or not 0.0 <= giant_share <= 1.0:
        raise RecipeError(f"law of {f.size} entries, giant_share = {giant_share!r}: expected {n + 1} with f(1) > 0")
    if n == 0:
        return np.zeros(1)
    reach = np.cumsum(f[: n + 1])
    reach[0] = np.inf  # nothing is drawn when nothing is left
    onward = (1.0 - giant_share) / np.where(reach > 0.0, reach, np.inf)
    visited = np.zeros(n + 1)  # entry k: the probability that N − k points are ever left
    visited[0] = 1.0
    _renewal(visited, onward[::-1], f, 0, n + 1)
    left = np.maximum(visited[::-1], 0.0)
    chance = np.cumsum((left * onward)[::-1])[::-1]
    out = f[: n + 1] * chance
    out[1:] += giant_share * left[1:]
    out[0] = 0.0
    return np.asarray(out, np.float64)


def _renewal(visited: F64, onward: F64, f: F64, low: int, high: int) -> None:
    """Complete visited[low:high], where everything that comes from before ``low`` has arrived; by halves."""
    if high - low <= _DIRECT:
        for k in range(low, high):
            step = visited[k] * onward[k]
            visited[k + 1 : high] += step * f[1 : high - k]
        return
    from scipy.signal import fftconvolve

    middle = (low + high) // 2
    _renewal(visited, onward, f, low, middle)
    sent = visited[low:middle] * onward[low:middle]
    visited[middle:high] += fftconvolve(sent, f[: high - low])[middle - low : high - low]
    _renewal(visited, onward, f, middle, high)


# ---------------------------------------------------------------------------------------------------- limits


def seen_mass_amplitude(sizes: str = "borel", coordination: int | None = None) -> float:
    """Return A in seen mass ≈ A·(n/N)^(1/2) of a critical number ensemble, N^(1/3) ≪ n ≪ N.

    A = 2√π·a where a·s^(−3/2) is the probability that a random site's cluster has s sites: √2 (Borel), 3π/4
    (Yule–Simon), z·√(2/((z−1)(z−2))) (Bethe lattice at p_c).

    Args:
        sizes: "borel" or "yule-simon"; left aside where a coordination z ≥ 3 is given.
    Errors: RecipeError. Source: docs/theory.md §4.
    """
    if coordination is not None:
        if coordination < 3:
            raise RecipeError(f"coordination = {coordination!r}: expected an integer of at least 3")
        return coordination * math.sqrt(2.0 / ((coordination - 1) * (coordination - 2)))
    known = {"borel": math.sqrt(2.0), "yule-simon": 0.75 * math.pi}
    if sizes not in known:
        raise RecipeError(f"sizes = {sizes!r}: expected {', '.join(known)}{nearest(str(sizes), known)}")
    return known[sizes]


def size_biased_unseen_limit(n_train: AnyInt | Sequence[int] | int) -> F64:
    """Return √π/(π−2)·n^(−1/2) − 1/(2 ln 2·n), the unseen mass of a critical size-biased ensemble for 1 ≪ n ≪ N.

    Drawn sizes with tail s^(−3/2) that fill N points are, in units of N, the jumps of a stable subordinator of index
    1/2 that refuses to pass 1. What is left is a positive self-similar Markov process, whose Lévy process has the
    exponent φ(q) ∝ √π Γ(q+1)/Γ(q+1/2) − 1; the mass in jumps near x has density x^(−1/2)/(π−2) − 1/(2 ln 2) + …,
    from φ(1/2) and φ'(0). It is the subtask law k^(−(1+α)), α = 1, with its own amplitude.

    Args:
        n_train: n's, each ≥ 1.
    Source: docs/theory.md §4.
    """
    n = _check_train(n_train, math.inf)
    if n.size and n.min() < 1:
        raise RecipeError(f"n_train = {n_train!r}: expected integers of at least 1")
    return np.asarray(math.sqrt(math.pi) / (math.pi - 2.0) / np.sqrt(n) - 0.5 / math.log(2.0) / n, np.float64)


def rank_law_unseen(alpha: float, n_train: AnyInt | Sequence[int] | int) -> F64:
    """Return the unseen mass of infinitely many subtasks with probabilities p_k = k^−(1+α)/ζ(1+α): Σ_k p_k (1−p_k)^n.

    It falls as n^(−α/(1+α)). The first ranks are summed, at most a million, the others integrated (Euler–Maclaurin).

    Args:
        alpha: α > 0. n_train: n's, each ≥ 0.
    Returns: (len(n_train),) float64, good to about 1e-10.
    Errors: RecipeError. Source: docs/theory.md §3.4 (Hutter, arXiv 2102.04074).
    """
    from scipy.special import gamma, gammainc, zeta

    if not 0.05 <= alpha <= 40.0:
        raise RecipeError(f"alpha = {alpha!r}: expected a number from 0.05 to 40")
    n, power = _check_train(n_train, math.inf), 1.0 + alpha
    share = 1.0 / float(zeta(power))
    out = []
    for count in n:
        last = math.ceil(min(_MOST_RANKS, max(4096.0, _RANKS * (count * share) ** (1.0 / power))))
        p = share * np.arange(1.0, last) ** -power
        total = float(p @ np.exp(count * np.log1p(-p)))
        edge = share * last**-power
        x = count * edge
        value, slope = edge * math.exp(-x), edge * math.exp(-x) * power / last * (x - 1.0)

        def integral(moment: float, count: float = count, x: float = x) -> float:
            """∫ p^moment e^(−np) dk over the ranks beyond, an incomplete gamma function."""
            order = moment - 1.0 / power
            return float(share ** (1.0 / power) / power * count**-order * gamma(order) * gammainc(order, x))

        if count > 0:  # (1−p)^n = e^(−np) (1 − np²/2 + …)
            total += integral(1.0) - 0.5 * count * integral(3.0)
        else:
            total += edge * last / alpha
        out.append(total + 0.5 * value - slope / 12.0)
    return np.array(out)
