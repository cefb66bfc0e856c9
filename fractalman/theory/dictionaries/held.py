"""What a dictionary of few units can hold of features that lie in a hierarchy: knapsacks on the tree.

Symbols: w = units, k = units a point, p = share of the points that have a feature. A *faithful* unit fires where its
feature is present and has its direction; an *absorbing* one stands for its feature together with features above it.
Directions are orthogonal. docs/theory.md §8.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fractalman._typing import F64, I64
from fractalman.config import is_integer, shown
from fractalman.errors import RecipeError


def checked_tree(parent: Sequence[int] | I64, gain: Sequence[float] | F64) -> tuple[I64, F64]:
    up, value = np.asarray(parent), np.asarray(gain, np.float64)
    if up.ndim != 1 or up.dtype.kind not in "iu" or value.shape != up.shape:
        raise RecipeError(f"parent {up.shape} and gain {value.shape}: expected a whole number and a number per feature")
    if up.size and not ((up >= -1) & (up < np.arange(up.size))).all():
        raise RecipeError("parent: expected -1 or the number of an earlier feature; order features by size")
    if not (np.isfinite(value) & (value >= 0.0)).all():
        raise RecipeError("gain, share, power, mean or variance: expected finite numbers from 0 up")
    return up.astype(np.int64), value


def checked_counts(width: int, l0: int) -> tuple[int, int]:
    for name, number in (("width", width), ("l0", l0)):
        if not is_integer(number) or int(number) < 0:
            raise RecipeError(f"{name} = {shown(number)}: expected a whole number from 0 up")
    return int(width), int(l0)


def faithful_gains(parent: Sequence[int] | I64, gain: Sequence[float] | F64, width: int, l0: int) -> F64:
    """Return the most that 0 … ``width`` faithful units hold with at most ``l0`` of them on any path from the root.

    Parameters
    ----------
    parent : (m,) int
        Parent of every feature among these, −1 for roots; parents come first.
    gain : (m,) float
        What a feature's unit takes off the squared error: share of the points × mean squared magnitude.
    width : int
        Largest number of units.
    l0 : int
        Units that a point may use.

    Returns
    -------
    (width + 1,) float64
        Entry j: the largest total gain of at most j features.

    Raises
    ------
    RecipeError
        For parents that do not come first, gains below 0 and numbers below 0.

    Notes
    -----
    Source: docs/theory.md §8.

    Exact: a knapsack on the tree. The best j units below a node with r uses left are the best split of j among its
    children; with the node's own unit, of j − 1 with r − 1 left. The cost is O(l0 · m · width).

    Examples
    --------
    >>> faithful_gains([-1, 0, 0], [1.0, 0.75, 0.75], 2, 1).tolist()
    [0.0, 1.0, 1.5]
    >>> faithful_gains([-1, 0, 0], [1.0, 0.75, 0.75], 2, 2).tolist()
    [0.0, 1.0, 1.75]
    """
    up, value = checked_tree(parent, gain)
    width, l0 = checked_counts(width, l0)
    empty = [np.zeros(1) for _ in range(l0 + 1)]
    below = [list(empty) for _ in range(up.size + 1)]  # the last one: of all roots
    for j in range(up.size - 1, -1, -1):
        own = below[j]
        best = [own[0]]
        for r in range(1, l0 + 1):
            taken = np.concatenate([[0.0], own[r - 1] + value[j]])
            size = min(width + 1, max(taken.size, own[r].size))
            best.append(np.maximum(_padded(taken, size), _padded(own[r], size)))
        below[up[j]] = [_merged(one, two, width) for one, two in zip(below[up[j]], best, strict=True)]
        below[j] = []
    return np.maximum.accumulate(_padded(below[-1][l0], width + 1))


def absorbing_gains(parent: Sequence[int] | I64, share: Sequence[float] | F64, power: F64, width: int) -> F64:
    """Return the most that 0 … ``width`` absorbing units hold, one unit a point: each stands for its whole path.

    Parameters
    ----------
    parent : (m,) int
        As of `faithful_gains`.
    share : (m,) float
        p, share of the points that have a feature.
    power : (m,) float
        Squared magnitude; a constant of the feature.
    width : int
        Largest number of units.

    Returns
    -------
    (width + 1,) float64
        Entry j: the largest total gain of at most j units.

    Raises
    ------
    RecipeError
        As `faithful_gains`.

    Notes
    -----
    Source: docs/theory.md §8.

    Exact where magnitudes are constants: a point with the chosen feature j below the chosen feature i has all
    features between them from j's unit, so j gains p_j × the power between them. More units a point would not help.
    Where magnitudes vary from point to point one unit cannot follow them all, and this number is out of reach:
    `nested_gains` counts their variance, and is for more units a point.

    Examples
    --------
    >>> import numpy as np
    >>> absorbing_gains([-1, 0, 0], [1.0, 0.75, 0.25], np.ones(3), 2).tolist()
    [0.0, 1.5, 2.0]
    """
    up, value = checked_tree(parent, share)
    _, squared = checked_tree(parent, power)
    width, _ = checked_counts(width, 1)
    m = up.size
    depth_power = np.zeros(m)
    above: list[list[int]] = []
    for j in range(m):
        depth_power[j] = squared[j] + (depth_power[up[j]] if up[j] >= 0 else 0.0)
        above.append([*above[up[j]], int(up[j])] if up[j] >= 0 else [])
    # best[j][i]: below and at j, where the nearest chosen feature above is the i-th of its path (0 = none)
    below = [[np.zeros(1) for _ in range(len(above[j]) + 2)] for j in range(m)]
    roots = np.zeros(1)
    for j in range(m - 1, -1, -1):
        held = [0.0, *depth_power[above[j]]]
        best = []
        for i, known in enumerate(held):
            taken = np.concatenate([[0.0], below[j][len(held)] + value[j] * (depth_power[j] - known)])
            size = min(width + 1, max(taken.size, below[j][i].size))
            best.append(np.maximum(_padded(taken, size), _padded(below[j][i], size)))
        if up[j] >= 0:
            below[up[j]] = [_merged(one, two, width) for one, two in zip(below[up[j]], best, strict=True)]
        else:
            roots = _merged(roots, best[0], width)
        below[j] = []
    return np.maximum.accumulate(_padded(roots, width + 1))


def _padded(values: F64, size: int) -> F64:
    """The first entries; beyond the last one, more units gain nothing."""
    if values.size >= size:
        return values[:size]
    return np.concatenate([values, np.full(size - values.size, values[-1])])


def _merged(one: F64, two: F64, width: int) -> F64:
    """Best split of every number of units between two parts."""
    if one.size > two.size:
        one, two = two, one
    out = np.full(min(width + 1, one.size + two.size - 1), -np.inf)
    for i, gain in enumerate(one[: out.size]):
        stop = min(out.size, i + two.size)
        np.maximum(out[i:stop], gain + two[: stop - i], out=out[i:stop])
    return out
