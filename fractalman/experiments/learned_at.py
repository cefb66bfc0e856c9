"""At which training-set size classes are learned: where the 0–1 risk falls below half of what the best constant has.

Laws of discrete hierarchies name such a size, n_c·m^L, up to a factor that depends on the learner; so it is measured
and stands beside the law's, and no verdict rests on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fractalman._typing import F64
from fractalman.experiments.points import Point


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


def half_sizes(points: Sequence[Point]) -> F64:
    """Return that size for every replicate of one learner, (replicates,)."""
    sizes = np.array(sorted({point.n for point in points}), np.float64)
    found = []
    for seed in sorted({point.seed for point in points}):
        shares = {point.n: point.risk / point.v_in for point in points if point.seed == seed}
        found.append(half_size(sizes, np.array([shares.get(int(n), math.nan) for n in sizes])))
    return np.array(found)


def learned_words(points: Sequence[Point], due: float) -> str:
    """Return the size beside the one that a law names, as a phrase; what the sizes do not hold is said."""
    measured = half_sizes(points)
    law = f"the law's n_c·m^l = {due:,.0f}, which it names up to a factor"
    if (measured == 0.0).any():
        return f"at n = {min(point.n for point in points):,} it is below half of that already ({law})"
    if not measured.size or not np.isfinite(measured).all():
        largest = max(point.n for point in points)
        reached = int(np.isfinite(measured).sum())
        return f"half of it is reached by {reached} of {measured.size} replicates up to n = {largest:,} ({law})"
    ratio = measured / due
    error = f" ± {ratio.std(ddof=1) / math.sqrt(ratio.size):.2g}" if ratio.size > 1 else ""
    return f"half of it is reached at n = {measured.mean():,.0f}, {ratio.mean():.3g}{error} times {law}"
