"""Power-law subtasks: how probable each is, and the risk that learning them one by one leaves, summed over all of them.

Letters: α > 0, subtask k = 1, 2, … has probability p_k ∝ k^−(1+α); n = training points of all; r(x) = the risk within a
subtask of which x have been seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from fractalman._typing import F64, I64, AnyInt
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.theory.coverage import check_train

_ALONE = 512  # ranks that are summed one by one
_RATIO = 1.01  # further ranks are grouped, the last of a group this much above the first
_ALL = 256  # numbers of samples at which the risk within is taken one by one
_STEP = 1.02  # further ones, relative
_SMALL = 60.0  # up to so many expected samples, sums over all numbers of them are done for many ranks together


def subtask_probabilities(ranks: AnyInt, alpha: float, n_subtasks: int | None = None) -> F64:
    """Return the probabilities of subtasks.

    Parameters
    ----------
    ranks : (m,) integer
        k ≥ 1.
    alpha : float
        α > 0.
    n_subtasks : int or None, default None
        How many there are; None = without end.

    Returns
    -------
    (m,) float64
        k^−(1+α)/Σ_j j^−(1+α).

    Raises
    ------
    RecipeError
        For α ≤ 0, and ranks below 1.

    Examples
    --------
    >>> subtask_probabilities([1, 2, 3], alpha=1.0).round(4).tolist()
    [0.6079, 0.152, 0.0675]
    """
    k = np.asarray(ranks, np.float64)
    if not alpha > 0.0 or (k.size and k.min() < 1.0):
        raise RecipeError(f"alpha = {shown(alpha)}, ranks from {k.min(initial=1.0)}: expected alpha > 0 and ranks >= 1")
    return np.asarray(k ** -(1.0 + alpha) / _mass(1.0 + alpha, 1, n_subtasks), np.float64)


def subtask_risk(
    n_train: AnyInt | Sequence[int] | int,
    alpha: float,
    within: Callable[[I64], F64],
    unseen: float,
    n_subtasks: int | None = None,
) -> F64:
    """Return the risk Σ_k p_k·E r(x), x ~ Binomial(n, p_k), r(0) the risk in a subtask that nobody has seen.

    Parameters
    ----------
    n_train : int or sequence of int
        Training points, n's ≥ 0.
    alpha : float
        α > 0.
    within : (x,) int64 → (x,) float64
        r(x) for x ≥ 1, positive and smooth in ln x.
    unseen : float
        r(0).
    n_subtasks : int or None, default None
        How many there are; None = without end.

    Returns
    -------
    (len(n_train),) float64
        In the unit of r.

    Raises
    ------
    RecipeError
        For α ≤ 0 and sizes that are none.

    Notes
    -----
    Ranks to 512 are summed one by one, others in groups within 1 % of each other, the tail beyond the reach of n in
    closed form; r(x) one by one to 256, then interpolated in logarithms over steps of 2 %. Together within 1e-4 of the
    sum (test). Source: docs/theory.md §3.4.

    Examples
    --------
    >>> import numpy as np
    >>> subtask_risk([0, 10, 1000], alpha=1.0, within=lambda x: 0.5 / x, unseen=2.0).round(4).tolist()
    [2.0, 0.5432, 0.0586]
    """
    out = []
    for n in check_train(n_train, 1 << 53):
        table = _table(within, unseen, int(n))
        low, high = _groups(float(n), n_subtasks)
        mass = _masses(1.0 + alpha, low, high) / _mass(1.0 + alpha, 1, n_subtasks)
        chance = mass / (high - low)
        rest = _mass(1.0 + alpha, int(high[-1]), n_subtasks) / _mass(1.0 + alpha, 1, n_subtasks)
        out.append(float(mass @ _expected(int(n), chance, table)) + rest * unseen)
    return np.array(out)


def _mass(power: float, first: int, most: int | None) -> float:
    """Σ k^−power over first ≤ k ≤ most."""
    from scipy.special import zeta

    if most is not None and first > most:
        return 0.0
    total = float(zeta(power, first))
    if most is None:
        return total
    if most - first < 1 << 16:
        return float(np.sum(np.arange(first, most + 1, dtype=np.float64) ** -power))
    return total - float(zeta(power, most + 1))


def _groups(n: float, most: int | None) -> tuple[F64, F64]:
    """First rank of every group and one more than its last, until n·p_k is far below 1."""
    end = 2.0 if most is None else most + 1.0
    reach = max(1e3, 1e10 * max(n, 1.0)) if most is None else end
    alone = np.arange(1.0, min(_ALONE, reach) + 1.0)
    more = math.ceil(max(0.0, math.log(max(reach, 1.0) / _ALONE) / math.log(_RATIO)))
    edges = np.unique(np.round(_ALONE * _RATIO ** np.arange(1, more + 1)))
    edges = np.concatenate([alone, edges[edges > alone[-1]]])
    if most is not None:
        edges = np.concatenate([edges[edges < end], [end]])
    return edges[:-1], edges[1:]


def _masses(power: float, low: F64, high: F64) -> F64:
    """Σ k^−power over low ≤ k < high, group by group: directly, or by Euler and Maclaurin where a group is long."""
    out = low**-power
    long = high - low > 1.5
    a, b = low[long], high[long]
    integral = (a ** (1.0 - power) - b ** (1.0 - power)) / (power - 1.0)
    out[long] = integral + (a**-power - b**-power) / 2.0 + power * (a ** (-power - 1.0) - b ** (-power - 1.0)) / 12.0
    return np.asarray(out, np.float64)


def _table(within: Callable[[I64], F64], unseen: float, n: int) -> Callable[[F64], F64]:
    """x → r(x) for whole x from 0 to n, from a table."""
    top = max(n, 1)
    more = max(0, math.ceil(math.log(top / _ALL) / math.log(_STEP))) if top > _ALL else 0
    far = np.round(_ALL * _STEP ** np.arange(1, more + 1))
    grid = np.unique(np.concatenate([np.arange(1, min(_ALL, top) + 1), np.minimum(far, top)]).astype(np.int64))
    risk = np.asarray(within(grid), np.float64)
    floor = np.log(np.maximum(risk, 1e-300))
    places = np.log(grid)

    def at(x: F64) -> F64:
        seen = np.exp(np.interp(np.log(np.maximum(x, 1.0)), places, floor))
        return np.where(x < 0.5, unseen, seen)

    return at


def _expected(n: int, chance: F64, risk: Callable[[F64], F64]) -> F64:
    """E risk(x), x ~ Binomial(n, p), for falling p."""
    from scipy.special import gammaln, xlog1py, xlogy

    def weight(x: F64, p: F64) -> F64:
        ways = gammaln(n + 1.0) - gammaln(x + 1.0) - gammaln(n - x + 1.0)
        return np.asarray(np.exp(ways + xlogy(x, p) + xlog1py(n - x, -p)), np.float64)

    out = np.empty(chance.size)
    mean = n * chance
    for i in np.flatnonzero(mean > _SMALL):
        spread = 10.0 * math.sqrt(mean[i] * max(0.0, 1.0 - chance[i])) + 10.0
        x = np.arange(max(0.0, math.floor(mean[i] - spread)), min(n, math.ceil(mean[i] + spread)) + 1.0)
        w = weight(x, chance[i])
        out[i] = (w @ risk(x)) / w.sum()
    few = np.flatnonzero(mean <= _SMALL)
    x = np.arange(min(n, 4.0 * _SMALL) + 1.0)
    for part in np.array_split(few, max(1, few.size // 512)):
        out[part] = weight(x[None, :], chance[part, None]) @ risk(x)
    return out
