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
from fractalman.config import is_word, shown
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


def check_train(n_train: AnyFloat | AnyInt | Sequence[int] | int, most: float) -> F64:
    """Return numbers of training points as float64; RecipeError where one is no integer from 0 to most."""
    n = np.atleast_1d(np.asarray(n_train, np.float64))
    if n.ndim != 1 or (n.size and not (n.min() >= 0 and n.max() <= most and (n == np.floor(n)).all())):
        raise RecipeError(f"n_train = {shown(n_train)}: expected integers from 0 to {most:.0f}")
    return n


# ---------------------------------------------------------------------------------------------------- who is unseen


def unseen_probability(size: I64 | Sequence[int] | int, n_points: int, n_train: int) -> F64:
    """Return P(s) = C(N−s, n)/C(N−1, n): none of the other s − 1 points of a tested point's cluster is trained on.

    Training points are a random subset of the other N − 1 points, without replacement; a product of ratios.

    Parameters
    ----------
    size : int, array or sequence of int
        Cluster sizes, s, each 1 … N.
    n_points : int
        Number of points, N.
    n_train : int
        Training points, n, 0 … N − 1.

    Returns
    -------
    (len(size),) float64
        P(s); for N → ∞ it is (1 − ρ)^(s−1).

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §4.

    Examples
    --------
    >>> unseen_probability([1, 2, 3], 10, 3).round(4).tolist()
    [1.0, 0.6667, 0.4167]
    """
    s = np.atleast_1d(np.asarray(size))
    if s.ndim != 1 or s.dtype.kind not in "iu" or (s.size and not (s.min() >= 1 and s.max() <= n_points)):
        raise RecipeError(f"size: expected integers from 1 to n_points = {n_points}")
    n = float(check_train(n_train, n_points - 1)[0])
    others = n_points - np.arange(1.0, float(s.max(initial=1)))  # N − 1, N − 2, …: who is left when one more is unseen
    with np.errstate(divide="ignore"):
        steps = np.log1p(-np.minimum(n / others, 1.0))
    return np.asarray(np.exp(np.concatenate([[0.0], np.cumsum(steps)]))[s - 1], np.float64)


def unseen_mass(numbers: AnyFloat | AnyInt, n_points: int, n_train: AnyInt | Sequence[int] | int) -> F64:
    """Return the probability that a test point's cluster holds none of n training points, Σ_s s N_s/N · P(s).

    Parameters
    ----------
    numbers : (S + 1,) float or int array
        N_s by size, drawn (``np.bincount`` of sizes) or expected (`cluster_numbers`); what they lack of N points is
        taken for clusters so large that they are seen.
    n_points : int
        Number of points, N.
    n_train : int, array or sequence of int
        Training points, n's, each 0 … N − 1.

    Returns
    -------
    (len(n_train),) float64
        Probability that a test point's cluster holds none of n training points, Σ_s s N_s/N · P(s).

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §3.5, §4.

    Examples
    --------
    >>> import numpy as np
    >>> unseen_mass(np.array([0, 4, 3]), 10, [0, 3, 9]).round(4).tolist()
    [1.0, 0.8, 0.4]
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

    Parameters
    ----------
    numbers : (S + 1,) float or int array
        N_s by size, drawn (``np.bincount`` of sizes) or expected (`cluster_numbers`); what they lack of N points is
        taken for clusters so large that they are seen. What the numbers lack of N points adds nothing.
    n_points : int
        N. What the numbers lack of N points adds nothing.
    n_train : int, array or sequence of int
        n's, each 0 … N − 1. What the numbers lack of N points adds nothing.
    unseen : float or float64 array, default 1
        The learner's risk in a cluster it has not seen, `UNSEEN_RISK` for labels of prior variance 1.
    within : float or float64 array, default 0
        Its risk in a seen cluster, by n and size: a number, (S + 1,), or (len(n_train), S + 1); 0 for labels that are
        constant on clusters.

    Returns
    -------
    (len(n_train),) float64
        In units of the prior variance.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §3.5, §4.

    Examples
    --------
    >>> import numpy as np
    >>> ensemble_risk(np.array([0, 4, 3]), 10, [0, 3], unseen=1.0, within=0.1).round(4).tolist()
    [1.0, 0.82]
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
    for n, seen_risk in zip(check_train(n_train, n_points - 1), inside, strict=True):
        alone = unseen_probability(sizes, n_points, int(n))
        out.append(mass @ (alone * unseen + (1.0 - alone) * seen_risk))
    return np.array(out)


def constant_label_risk(
    numbers: AnyFloat | AnyInt, n_points: int, n_train: AnyInt | Sequence[int] | int, learner: str = "bayes"
) -> F64:
    """Return the risk of labels that are constant on clusters, one N(0, 1) each: coverage and nothing else.

    Parameters
    ----------
    numbers : (S + 1,) float or int array
        N_s by size, drawn (``np.bincount`` of sizes) or expected (`cluster_numbers`); what they lack of N points is
        taken for clusters so large that they are seen.
    n_points : int
        Number of points, N.
    n_train : int, array or sequence of int
        Training points, n's, each 0 … N − 1.
    learner : {"bayes", "zero", "1-nn"}, default "bayes"
        "zero" or "bayes" (a seen cluster's label, 0 elsewhere: the floor), or "1-nn" (the nearest training point, in an
        unseen cluster that of another one).

    Returns
    -------
    (len(n_train),) float64
        Risk in units of the prior variance.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §3.4, §3.5.

    Examples
    --------
    >>> import numpy as np
    >>> constant_label_risk(np.array([0, 4, 3]), 10, [0, 3]).round(4).tolist()
    [1.0, 0.8]
    """
    if not is_word(learner, UNSEEN_RISK):
        known = ", ".join(UNSEEN_RISK)
        raise RecipeError(f"learner = {shown(learner)}: expected {known}{nearest(learner, UNSEEN_RISK)}")
    return ensemble_risk(numbers, n_points, n_train, unseen=UNSEEN_RISK[learner])


# ---------------------------------------------------------------------------------------------------- expected numbers


def critical_numbers(
    n_points: int, sizes: str = "yule-simon", ensemble: str = "number", create_prob: float = 1.0 / 3.0
) -> F64:
    """Return the expected number of clusters of every size among N points of critical mean-field clusters, exactly.

    Parameters
    ----------
    n_points : int
        Number of points, N.
    sizes : str, default "yule-simon"
        "yule-simon" or "borel".
    ensemble : str, default "number"
        "number" or "size-biased".
    create_prob : float, default 1/3
        P(new cluster) of "yule-simon"; "borel" leaves it aside.

    Returns
    -------
    (N + 1,) float64
        Entry s; Σ s·N_s = N. O(N log² N); Yule–Simon by number O(N^(2−p)), 1 s at N = 10^5 and p = 1/3.

    Notes
    -----
    Source: docs/theory.md §1, §4.
    """
    if sizes == "yule-simon" and ensemble == "number":
        return yule_simon_expected_numbers(n_points, n_points, create_prob)
    s = np.arange(n_points + 1.0)
    yule_simon = sizes != "borel"
    by_root = s * yule_simon_law(n_points, create_prob) * create_prob if yule_simon else borel_law(n_points)
    return filled_numbers(by_root / np.maximum(s, 1.0) if ensemble == "number" else by_root, n_points)


def bethe_numbers(n_points: int, coordination: int, probability: float, ensemble: str = "number") -> F64:
    """Return the expected number of clusters of every size among N points of the Bethe lattice, exactly.

    Parameters
    ----------
    n_points : int
        Number of points, N.
    coordination : int
        Neighbours of a site, z.
    probability : float
        p of a bond.
    ensemble : str, default "number"
        "number" or "size-biased".

    Returns
    -------
    (N + 1,) float64
        Entry s; Σ s·N_s = N.

    Notes
    -----
    Source: docs/theory.md §1, §4.
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

    Parameters
    ----------
    law : (≥ N + 1,) float64
        Entry s ∝ f(s), entry 0 is 0, f(1) > 0 unless the share is 1.
    n_points : int
        Number of points, N ≥ 0.
    giant_share : float, default 0
        Probability, 0 … 1.

    Returns
    -------
    (N + 1,) float64
        Expected numbers of clusters by size when independent draws fill N points.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §4 (renewal).

    Examples
    --------
    >>> import numpy as np
    >>> filled_numbers(np.array([0.0, 0.5, 0.5]), 2).round(4).tolist()
    [0.0, 1.0, 0.5]
    """
    n, f = int(n_points), np.asarray(law, np.float64)
    if f.ndim != 1 or f.size <= n or (n and not (f[1] > 0.0 or giant_share >= 1.0)) or not 0.0 <= giant_share <= 1.0:
        raise RecipeError(
            f"law of {f.size} entries, giant_share = {shown(giant_share)}: expected {n + 1} with f(1) > 0"
        )
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
