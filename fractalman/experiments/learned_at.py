"""At which training-set size something is learned, against the size that a law names: a verdict up to a factor.

Laws of discrete hierarchies name sizes up to a factor of order one, n_c·m^L for classes and (v·C_l)^−2 for the l-th
step of a next token's loss. Agreement means their order of magnitude: the 95 % interval of the measured size over the
law's, over replicates with rules of their own, lies within √10 either way. It resolves nothing, and is none, where
examples are so few that who learned them by heart would be done within that factor, too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64
from fractalman.experiments.points import Point
from fractalman.families.laws import LearnedAt
from fractalman.measure.scaling import student_t_real

FACTOR = math.sqrt(10.0)
"""By which factor a measured size may differ from one that a law names up to a factor of order one."""
_LEVEL = 0.05


def half_size(sizes: F64, shares: F64) -> float:
    """Return where shares of the constant's risk first fall below ½, by a straight line in ln n.

    It is nan where they never do, and 0 where the smallest size is below already.

    Parameters
    ----------
    sizes : (k,) float64
        Rising.
    shares : (k,) float64
        Risk over that of the best constant.

    Examples
    --------
    >>> import numpy as np
    >>> round(half_size(np.array([100.0, 400.0]), np.array([0.75, 0.25])))
    200
    """
    below = np.flatnonzero(shares < 0.5)
    if not below.size or below[0] == 0:
        return 0.0 if below.size else math.nan
    i = int(below[0])
    part = (shares[i - 1] - 0.5) / (shares[i - 1] - shares[i])
    return float(np.exp(np.log(sizes[i - 1]) + part * np.log(sizes[i] / sizes[i - 1])))


def half_sizes(points: Sequence[Point], below: Mapping[int, float] | None = None) -> F64:
    """Return the size at which every replicate of one learner falls below a risk, (replicates,).

    Parameters
    ----------
    points : sequence of Point
        Of one learner.
    below : dict, optional
        Replicate → that risk. Default: half of the best constant's.
    """
    sizes = np.array(sorted({point.n for point in points}), np.float64)
    found = []
    for seed in sorted({point.seed for point in points}):
        own = [point for point in points if point.seed == seed]
        shares = {point.n: point.risk / (point.v_in if below is None else 2.0 * below[seed]) for point in own}
        found.append(half_size(sizes, np.array([shares.get(int(n), math.nan) for n in sizes])))
    return np.array(found)


@dataclass(frozen=True)
class SizeVerdict:
    """Whether a learner learns where a law says, in the order of magnitude.

    Args:
        agrees: True, False, or None where it is not resolved.
        reason: the sizes in words.
    """

    agrees: bool | None
    reason: str


def size_verdict(points: Sequence[Point], due: Sequence[tuple[LearnedAt, ...]]) -> SizeVerdict | None:
    """Return whether sizes agree with those of a law; None without points or sizes.

    Parameters
    ----------
    points : sequence of Point
        Of one learner along the training-set size.
    due : sequence of tuple of LearnedAt
        What the law says of every replicate, whose rules are its own.
    """
    seeds = sorted({point.seed for point in points})
    rows = [{step.symbol: step for step in entry} for entry in due]
    named = [symbol for symbol in (rows[0] if rows else ()) if all(symbol in row for row in rows)]
    if not seeds or not named or len(due) != len(seeds):
        return None
    found = [_step(points, [row[symbol] for row in rows], seeds, _LEVEL / len(named)) for symbol in named]
    answers = [step.agrees for step in found]
    agrees = False if False in answers else None if None in answers else True
    return SizeVerdict(agrees, "; ".join(step.reason for step in found))


def _step(points: Sequence[Point], due: Sequence[LearnedAt], seeds: Sequence[int], level: float) -> SizeVerdict:
    """What one size says; ``level`` is the improbability that it may claim a difference at."""
    below = {seed: entry.below for seed, entry in zip(seeds, due, strict=True) if entry.below is not None}
    measured = half_sizes(points, below or None)
    law = np.array([entry.size for entry in due])
    mean = math.exp(float(np.log(law).mean()))
    smallest, largest = min(point.n for point in points), max(point.n for point in points)
    what, named = due[0].what, f"the law's {due[0].symbol} = {mean:,.0f}"
    if not all(math.isfinite(point.risk) for point in points):
        return _answer(None, f"learned {what} where nobody knows, with replicates without a risk", named)
    if (measured == 0.0).any():
        sooner = bool((measured == 0.0).all()) and smallest * FACTOR < law.min()
        said = f"had learned {what} at n = {smallest:,} already ({named})"
        return _answer(False if sooner else None, said, "use smaller train_sizes")
    if not np.isfinite(measured).all():
        reached = int(np.isfinite(measured).sum())
        later = reached == 0 and largest > FACTOR * law.max()
        said = f"learned {what} in {reached} of {measured.size} replicates up to n = {largest:,} ({named})"
        return _answer(False if later else None, said, "use larger train_sizes")
    ratios = np.log(measured / law)
    if ratios.size < 2:
        said = f"learned {what} at n = {measured[0]:,.0f}, {math.exp(ratios[0]):.3g} times {named}"
        return _answer(None, said, "use seeds = 2 or more")
    center, error = float(ratios.mean()), float(ratios.std(ddof=1)) / math.sqrt(ratios.size)
    half = student_t_real(float(ratios.size - 1), level) * error
    low, high = math.exp(center - half), math.exp(center + half)
    said = (
        f"learned {what} at n = {math.exp(float(np.log(measured).mean())):,.0f}, {math.exp(center):.3g} "
        f"({low:.3g} to {high:.3g}) times {named}"
    )
    if low > FACTOR or high < 1.0 / FACTOR:
        return _answer(False, said, "")
    if low < 1.0 / FACTOR or high > FACTOR:
        return _answer(None, said, f"the interval leaves the law's order of magnitude, {FACTOR:.2g} either way")
    if min(entry.distinct for entry in due) < FACTOR**2 * mean:
        examples = min(entry.distinct for entry in due)
        return _answer(None, said, f"{examples:,.0f} different examples are so few that learning by heart is as quick")
    return _answer(True, said, "")


def _answer(agrees: bool | None, said: str, more: str) -> SizeVerdict:
    order = "of its order of magnitude"
    word = order if agrees else f"not {order}" if agrees is False else f"not resolved, {more}"
    return SizeVerdict(agrees, f"{said}: {word}")
