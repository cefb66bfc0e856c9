"""Units that each stand for a stretch of a path: what lies between faithful and wholly absorbing dictionaries.

Letters as in `held`; μ, σ² = mean and variance of a magnitude at the points that have the feature. docs/theory.md §8.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fractalman._typing import F64, I64
from fractalman.errors import RecipeError
from fractalman.theory.dictionaries.held import checked_counts, checked_tree, faithful_gains

_ALL = 1.0 - 1e-12  # a feature of all points: the constant takes its mean


def nested_gains(
    parent: Sequence[int] | I64,
    share: Sequence[float] | F64,
    mean: Sequence[float] | F64,
    variance: Sequence[float] | F64,
    width: int,
    l0: int,
) -> F64:
    """Return what 0 … ``width`` units hold where each may stand for a stretch of a path, a point using ``l0`` of them.

    Parameters
    ----------
    parent : (m,) int
        Parent of every feature among these, −1 for roots; parents come first.
    share : (m,) float
        p, share of the points that have a feature.
    mean, variance : (m,) float
        Of a feature's magnitude at the points that have it; magnitudes of different features are independent there.
    width : int
        Largest number of units.
    l0 : int
        Units that a point may use.

    Returns
    -------
    (width + 1,) float64
        Entry j: what the best at most j units take off the squared error that the constant alone leaves.

    Raises
    ------
    RecipeError
        For parents that do not come first, and numbers below 0.

    Notes
    -----
    Source: docs/theory.md §8.

    A unit has one direction. Of a stretch of features with second moments M = diag(σ²) + μμᵀ it holds the largest
    eigenvalue. Below a chosen node a further one either adds a unit for what lies between, or takes the last unit's
    place with a longer stretch: exact among these by dynamic programming, and never below `faithful_gains`, whose units
    may leave gaps. The constant stands for the means of features that no unit touches.

    The number is *attained* by an encoder that knows the memberships, and hence no bound from below: units that fire by
    the sizes of magnitudes, not by membership alone, can leave less. Among units whose firing follows from membership
    no width leaves less than `path_error`.

    Examples
    --------
    >>> nested_gains([-1, 0, 0], [0.5, 0.25, 0.25], [1.0] * 3, [0.0] * 3, 2, 1).tolist()
    [0.0, 0.25, 0.625]
    >>> nested_gains([-1, 0, 0], [0.5, 0.25, 0.25], [1.0] * 3, [0.0] * 3, 3, 2).tolist()
    [0.0, 0.25, 0.625, 0.625]
    """
    up, p = checked_tree(parent, share)
    mu, var = (checked_tree(parent, values)[1] for values in (mean, variance))
    if (p > 1.0 + 1e-9).any():
        raise RecipeError("share: expected numbers from 0 to 1")
    width, l0 = checked_counts(width, l0)
    mu = np.where(p >= _ALL, 0.0, mu)
    credit = np.square(p * mu)
    single = faithful_gains(up, p * (mu**2 + var) - credit, width, l0)
    if l0 == 0 or not up.size:
        return single
    paths = _paths(up)
    l0 = min(l0, max(map(len, paths)))
    held: list[F64] = []
    for j, path in enumerate(paths):
        grown = np.zeros((len(path) + 1, len(path) + 1))  # [s, e]: of path[s:e] by one unit
        if up[j] >= 0:
            grown[:-1, :-1] = held[up[j]]
        for s in range(len(path)):
            grown[s, -1] = _largest(mu[path[s:]], var[path[s:]])
        held.append(grown)
    tables: dict[int, F64] = {}
    for j in _children_first(up):
        t = len(paths[j]) - 1
        steps = _steps(t, l0)
        inner = tables.pop(j, np.zeros((steps.size_below, 1)))
        skip = inner[steps.skip]
        add = inner[steps.add] + (p[j] * held[j][steps.end, -1])[:, None]
        add[steps.full] = -np.inf
        longer = inner[steps.longer] + (p[j] * (held[j][steps.start, -1] - held[j][steps.start, steps.end]))[:, None]
        longer[steps.none] = -np.inf
        best = np.full((len(skip), min(width + 1, skip.shape[1] + 1)), -np.inf)
        best[:, : skip.shape[1]] = skip[:, : best.shape[1]]
        np.maximum(best[:, 1:], np.maximum(add, longer)[:, : best.shape[1] - 1], out=best[:, 1:])
        best[:, 1:] -= credit[j]
        above = int(up[j])
        tables[above] = _merged(tables[above], best, width) if above in tables else best
    whole = tables[-1][0]
    whole = np.concatenate([whole, np.full(width + 1 - whole.size, whole[-1])])
    return np.maximum(single, np.maximum.accumulate(whole))


def path_error(
    parent: Sequence[int] | I64, share: Sequence[float] | F64, variance: Sequence[float] | F64, l0: int
) -> float:
    """Return the least squared error at any width of units whose firing follows from membership, ``l0`` a point.

    Parameters
    ----------
    parent, share, variance, l0
        As of `nested_gains`.

    Returns
    -------
    float
        Σ over the points of all but the ``l0`` largest variances on the whole path of each.

    Raises
    ------
    RecipeError
        As `nested_gains`.

    Notes
    -----
    Source: docs/theory.md §8.

    Points of one path use one set of at most l0 units beside the constant, hence one affine subspace, and the best one
    lies along the largest variances: a bound from below for orthogonal directions and independent magnitudes. Units
    that fire by the sizes of magnitudes are not bound by it.

    Examples
    --------
    >>> path_error([-1, 0], [1.0, 0.5], [0.25, 0.5], 1)
    0.125
    """
    up, p = checked_tree(parent, share)
    _, var = checked_tree(parent, variance)
    _, l0 = checked_counts(0, l0)
    own = p.copy()  # share of the points whose smallest feature it is
    np.subtract.at(own, up[up >= 0], p[up >= 0])
    left = [float(np.sort(var[path])[: max(0, len(path) - l0)].sum()) for path in _paths(up)]
    return float(own.clip(0.0) @ np.array(left)) if left else 0.0


def _paths(up: I64) -> list[list[int]]:
    paths: list[list[int]] = []
    for j, above in enumerate(up.tolist()):
        paths.append([*(paths[above] if above >= 0 else []), j])
    return paths


def _children_first(up: I64) -> list[int]:
    """Nodes in an order in which whole subtrees come together, so that few tables are held at once."""
    children: dict[int, list[int]] = {}
    for j, above in enumerate(up.tolist()):
        children.setdefault(above, []).append(j)
    order, stack = [], list(children.get(-1, []))
    while stack:
        j = stack.pop()
        order.append(j)
        stack += children.get(j, [])
    return order[::-1]


def _largest(mean: F64, variance: F64) -> float:
    if mean.size == 1:
        return float(mean[0] ** 2 + variance[0])
    return float(np.linalg.eigvalsh(np.diag(variance) + np.outer(mean, mean))[-1])


class _Steps(NamedTuple):
    """What choosing a node at depth t makes of every state above it: numbers of states that include the node."""

    skip: I64
    add: I64
    longer: I64
    start: I64
    end: I64
    full: npt.NDArray[np.bool_]
    none: npt.NDArray[np.bool_]
    size_below: int


def _states(t: int, l0: int) -> list[tuple[int, int, int]]:
    """Units in use, and the stretch [start, end) of the last one, on a path of t nodes; the r-th begins after r−1."""
    some = [
        (r, s, e)
        for r in range(1, min(l0, t) + 1)
        for s in range(r - 1, t if r > 1 else 1)
        for e in range(s + 1, t + 1)
    ]
    return [(0, 0, 0), *some]


@lru_cache(maxsize=256)
def _steps(t: int, l0: int) -> _Steps:
    above, number = _states(t, l0), {state: i for i, state in enumerate(_states(t + 1, l0))}
    skip = [number[state] for state in above]
    add = [number[r + 1, e, t + 1] if r < l0 else 0 for r, _, e in above]
    longer = [number[r, s, t + 1] if r else 0 for r, s, _ in above]
    r, s, e = np.array(above).T
    return _Steps(np.array(skip), np.array(add), np.array(longer), s, e, r >= l0, r == 0, len(number))


def _merged(one: F64, two: F64, width: int) -> F64:
    """Best split of every number of units between two parts, state by state."""
    if one.shape[1] > two.shape[1]:
        one, two = two, one
    out = np.full((len(one), min(width + 1, one.shape[1] + two.shape[1] - 1)), -np.inf)
    for i in range(min(one.shape[1], out.shape[1])):
        stop = min(out.shape[1], i + two.shape[1])
        np.maximum(out[:, i:stop], one[:, i : i + 1] + two[:, : stop - i], out=out[:, i:stop])
    return out
