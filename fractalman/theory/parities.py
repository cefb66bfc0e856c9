"""What an ideal learner loses on sparse parities that knows the family of tasks but not which bits they read.

Letters: b bits, k of them read, C = (b over k) sets, N examples of a task, K sets beside the true one that agree with
all of them.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError

_SURE = 64
"""Examples beyond log2 C after which another set agrees with probability below 2^−64."""


def ideal_parity_risk(examples: int, *, n_bits: int, task_size: int) -> tuple[F64, F64]:
    """Return bounds on the 0–1 risk of the best learner of one parity, for 0 … ``examples`` examples of it.

    Parameters
    ----------
    examples : int
        Largest number of examples N ≥ 0; their bits are uniform and independent.
    n_bits, task_size : int
        b and k, 1 ≤ k ≤ b; every set of k bits is equally likely.

    Returns
    -------
    low, high : (examples + 1,) float64
        Entry N: the expected share of wrong answers on further points lies between them.

    Raises
    ------
    RecipeError
        For numbers outside.

    Notes
    -----
    The posterior is uniform over the 1 + K sets that agree with all examples. Who draws a set from it errs with
    ½·E[K/(1 + K)], for two different sets differ on half of all strings; the best answer errs at most as often, and at
    least half as often. Sets agree pairwise independently, so K has mean μ = (C − 1)/2^N and variance μ(1 − 2^−N), and
    μ/(2 − 2^−N + μ) ≤ E[K/(1 + K)] ≤ μ/(1 + μ) by Cauchy–Schwarz and Jensen. Source: derived in docs/theory.md §1.

    Examples
    --------
    >>> low, high = ideal_parity_risk(20, n_bits=50, task_size=3)
    >>> [(round(a, 4), round(b, 4)) for a, b in zip(low[[0, 14, 20]].tolist(), high[[0, 14, 20]].tolist())]
    [(0.25, 0.5), (0.0936, 0.2723), (0.0023, 0.0092)]
    """
    if examples < 0 or not 1 <= task_size <= n_bits:
        raise RecipeError(
            f"examples = {examples}, n_bits = {n_bits}, task_size = {task_size}: expected examples >= 0 and "
            "1 <= task_size <= n_bits"
        )
    from scipy.special import expit

    others = math.comb(n_bits, task_size) - 1
    if others == 0:
        return np.zeros(examples + 1), np.zeros(examples + 1)
    seen = np.arange(examples + 1, dtype=np.float64)
    log_mean = math.log(others) - seen * math.log(2.0)
    high: F64 = 0.5 * expit(log_mean)
    low: F64 = 0.25 * expit(log_mean - np.log(2.0 - 0.5**seen))
    return low, high


def ideal_parities_risk(n: int, probabilities: F64, *, n_bits: int, task_size: int) -> tuple[float, float]:
    """Return bounds on the 0–1 risk of the best learner of many parities from n points.

    Parameters
    ----------
    n : int
        Training points, each of a task drawn with these probabilities.
    probabilities : (T,) float64
        Of the tasks; they sum to 1.
    n_bits, task_size : int
        b and k; tasks' sets are independent and uniform.

    Returns
    -------
    low, high : float
        Σ p_t·E over a binomial number of the task's examples of `ideal_parity_risk`; no learner that is not told the
        sets is below ``low``, and one that tries all sets is not above ``high``.

    Raises
    ------
    RecipeError
        For numbers outside.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = ideal_parities_risk(100, np.array([0.9, 0.1]), n_bits=50, task_size=3)
    >>> round(low, 3), round(high, 3)
    (0.02, 0.043)
    """
    if n < 0:
        raise RecipeError(f"n = {n}: expected an integer of at least 0")
    from scipy.stats import binom

    most = min(n, math.ceil(math.log2(math.comb(n_bits, task_size))) + _SURE)
    low, high = ideal_parity_risk(most, n_bits=n_bits, task_size=task_size)
    chance = binom.pmf(np.arange(most + 1), n, np.asarray(probabilities, np.float64)[:, None])
    beyond = np.clip(1.0 - chance.sum(axis=1), 0.0, 1.0)  # tasks seen more often lose less than `most` examples leave
    own_low, own_high = chance @ low, chance @ high + beyond * high[-1]
    return float(probabilities @ own_low), float(probabilities @ own_high)
