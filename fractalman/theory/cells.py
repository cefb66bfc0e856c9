"""The risk of the best P cells on a cascade: optimal quantization at finite P, cell by cell.

Symbols: p, r = a child's share of the mass and its ratio, w = −ln(μ R^(2H)) of a cell, H = Hurst exponent.

With infinitely many data a cell's best constant is its mean label, and what stays is the label's variance inside it,
μ·R^(2H) times a constant. Spending a cell where it gains most means to split the cell with the largest μ·R^(2H), so the
best cells are those whose own weight lies at or below a threshold while their parent's lies above.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fractalman._typing import F64, AnyInt
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.theory.exponents import Masses, shares

_ROUNDED = 1e-9  # weights closer than this are one weight
_MOST_WEIGHTS = 2_000_000


def cascade_model_curve(masses: Masses, ratios: Masses | float, hurst: float, P: Sequence[int] | AnyInt) -> F64:
    """Return the expected risk of the best P cells on a cascade of unlimited depth, infinitely many data.

    Where P lies between two numbers of cells that equal weights allow, the risk is interpolated linearly: some of the
    cells of equal weight are split and some are not. Over random kinds of node numbers and risks are averages.

    Parameters
    ----------
    masses : sequence of float, or of such sequences
        p_i > 0, summing to 1; a sequence of such sequences = equally likely kinds of node.
    ratios : float, or as masses
        r_i in (0, 1), one for all or one per mass.
    hurst : float
        Hurst exponent, H > 0.
    P : (k,) array or sequence of int
        Numbers of cells ≥ 1.

    Returns
    -------
    (k,) float64
        In units of the label's prior variance.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; also for so many different weights that listing them would not end.

    Notes
    -----
    Source: Graf & Luschgy 2000; docs/theory.md §3.2.

    Examples
    --------
    >>> cascade_model_curve([0.5, 0.5], 0.5, 0.5, [1, 2, 4]).round(4).tolist()
    [0.3333, 0.1667, 0.0833]
    """
    wanted = np.atleast_1d(np.asarray(P, np.float64))
    if wanted.ndim != 1 or wanted.size == 0 or not (wanted >= 1).all() or not np.isfinite(wanted).all():
        raise RecipeError(f"P = {shown(P)}: expected numbers of cells of at least 1")
    weight, p, r = shares(masses, ratios)
    power = np.exp(2.0 * hurst * np.log(r))
    s, own = float(weight @ power), float(weight @ (p * power))  # E Σ p r^2H and E Σ p² r^2H
    inside = s / (1.0 - s) - own / (1.0 - own)  # variance about the mean in a cell with μ R^(2H) = 1
    _, first, group = np.unique(np.round(-np.log(p * power) / _ROUNDED), return_index=True, return_inverse=True)
    step = -np.log(p * power)[first]
    children = np.asarray(
        np.bincount(group.ravel(), weights=weight / p), np.float64
    )  # expected children of every step, over kinds
    numbers, risks = _greedy(step, children, float(wanted.max()))
    return np.asarray(np.interp(wanted, numbers, risks) * inside * (1.0 - s), np.float64)


def _greedy(step: F64, children: F64, most: float) -> tuple[F64, F64]:
    """Split cells from the heaviest on; return expected numbers of cells and Σ e^−w over them after every weight."""
    import heapq

    known = {0: (0.0, 1.0)}  # weight in units of rounding → weight, expected number of cells
    queue = [0]
    numbers, risks = [1.0], [1.0]
    cells, total = 1.0, 1.0
    while queue and cells < most:
        w, split = known.pop(heapq.heappop(queue))
        cells += split * (float(children.sum()) - 1.0)
        total += split * math.exp(-w) * (float(children @ np.exp(-step)) - 1.0)
        for further, born in zip(step.tolist(), children.tolist(), strict=True):
            key = round((w + further) / _ROUNDED)
            if key not in known:
                heapq.heappush(queue, key)
            weight, number = known.get(key, (w + further, 0.0))
            known[key] = (weight, number + split * born)
        numbers.append(cells)
        risks.append(total)
        if len(known) > _MOST_WEIGHTS:
            raise RecipeError("too many different cell weights to list: ask for fewer cells")
    return np.array(numbers), np.array(risks)
