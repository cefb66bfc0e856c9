"""What a dictionary of few units can hold of features that lie in a hierarchy, and when it pays to merge two of them.

Symbols: w = units, k = units a point, p = share of the points that have a feature, a, b = magnitudes of a parent and a
child, λ = weight of a sparsity penalty. A *faithful* unit fires where its feature is present and has its direction; an
*absorbing* one stands for a feature together with features above it. Directions are orthogonal; magnitudes are
independent of the place in the tree unless said otherwise. What is derived here is argued, and simulated in tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fractalman._typing import F64, I64
from fractalman.errors import RecipeError
from fractalman.theory.laws.law import Law

PENALTIES = ("l0", "l1")


def _tree(parent: Sequence[int] | I64, gain: Sequence[float] | F64) -> tuple[I64, F64]:
    up, value = np.asarray(parent), np.asarray(gain, np.float64)
    if up.ndim != 1 or up.dtype.kind not in "iu" or value.shape != up.shape:
        raise RecipeError(f"parent {up.shape} and gain {value.shape}: expected a whole number and a number per feature")
    if up.size and not ((up >= -1) & (up < np.arange(up.size))).all():
        raise RecipeError("parent: expected -1 or the number of an earlier feature; order features by size")
    if not (np.isfinite(value) & (value >= 0.0)).all():
        raise RecipeError("gain: expected finite numbers from 0 up")
    return up.astype(np.int64), value


def _counts(width: int, l0: int) -> tuple[int, int]:
    for name, number in (("width", width), ("l0", l0)):
        if isinstance(number, bool) or not hasattr(number, "__index__") or int(number) < 0:
            raise RecipeError(f"{name} = {number!r}: expected a whole number from 0 up")
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
    Exact: a knapsack on the tree. The best j units below a node with r uses left are the best split of j among its
    children; with the node's own unit, of j − 1 with r − 1 left. The cost is O(l0 · m · width).

    Examples
    --------
    >>> faithful_gains([-1, 0, 0], [1.0, 0.75, 0.75], 2, 1).tolist()
    [0.0, 1.0, 1.5]
    >>> faithful_gains([-1, 0, 0], [1.0, 0.75, 0.75], 2, 2).tolist()
    [0.0, 1.0, 1.75]
    """
    up, value = _tree(parent, gain)
    width, l0 = _counts(width, l0)
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
    Exact where magnitudes are constants: a point with the chosen feature j below the chosen feature i has all
    features between them from j's unit, so j gains p_j × the power between them. More units a point would not help.
    Where magnitudes vary from point to point one unit cannot follow them all; the number is then an upper bound of
    what units of one direction each can hold with one unit a point.

    Examples
    --------
    >>> import numpy as np
    >>> absorbing_gains([-1, 0, 0], [1.0, 0.75, 0.25], np.ones(3), 2).tolist()
    [0.0, 1.5, 2.0]
    """
    up, value = _tree(parent, share)
    _, squared = _tree(parent, power)
    width, _ = _counts(width, 1)
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


class Merge(NamedTuple):
    """What merging a child with its parent does to the loss at points that have both.

    Attributes
    ----------
    threshold : float
        Of the penalty's weight: above it the merged unit has the smaller loss; inf where it never has.
    ceiling : float
        Weight above which it no longer has; inf where there is none.
    """

    threshold: float
    ceiling: float


def absorption_threshold(
    mean: tuple[float, float], square: tuple[float, float], penalty: str = "l1", correlation: float = 0.0
) -> Merge:
    """Return from which penalty on one unit for parent and child has a smaller loss than one for each.

    Parameters
    ----------
    mean : (float, float)
        Mean magnitudes of parent and child at points that have both, above 0.
    square : (float, float)
        Their mean squares.
    penalty : {"l1", "l0"}, default "l1"
        λ Σ f, or λ × number of units.
    correlation : float, default 0
        Covariance of the two magnitudes.

    Returns
    -------
    Merge

    Raises
    ------
    RecipeError
        For means, squares or a covariance that no magnitudes have, and another penalty.

    Notes
    -----
    Loss: squared error + penalty, orthogonal unit directions, codes at their optimum on the units that fire. The merged
    unit has the direction (cos φ, sin φ) and misses E(a sin φ − b cos φ)². L0 saves λ: the threshold is the smaller
    eigenvalue of the magnitudes' second moments, 0 where they are constants. L1 saves
    λ (E a + E b − E a cos φ − E b sin φ), and loses λ²/4, because every code shrinks by λ/2 at a gain of λ²/4 in loss:
    merged where missed − λ saved + λ²/4 < 0 for some φ. Valid where no code is smaller than λ/2. With constants merging
    pays from λ = 0 on: absorption is not an accident of training. That training finds the smaller loss is not claimed.

    Examples
    --------
    >>> absorption_threshold((1.0, 1.0), (1.0, 1.0), "l0").threshold
    0.0
    >>> round(absorption_threshold((1.0, 1.0), (1.25, 1.25), "l0").threshold, 12)
    0.25
    >>> merge = absorption_threshold((1.0, 1.0), (1.0, 1.0))
    >>> merge.threshold, round(merge.ceiling, 4) == round(4 * (2 - 2**0.5), 4)
    (0.0, True)
    """
    (a, b), (aa, bb) = map(float, mean), map(float, square)
    both = a * b + float(correlation)
    numbers = (a, b, aa, bb, both)
    if not all(map(math.isfinite, numbers)) or a <= 0.0 or b <= 0.0:
        raise RecipeError(f"mean = {mean!r}: expected magnitudes above 0")
    slack = 1e-9
    if aa < a * a * (1 - slack) or bb < b * b * (1 - slack) or both**2 > aa * bb * (1 + slack):
        raise RecipeError(
            f"square = {square!r}, correlation = {correlation!r}: no magnitudes of mean {mean!r} have them"
        )
    if penalty not in PENALTIES:
        raise RecipeError(f"penalty = {penalty!r}: expected one of {', '.join(PENALTIES)}")
    if penalty == "l0":
        half = (aa + bb) / 2
        smaller = half - math.sqrt(((aa - bb) / 2) ** 2 + both**2)
        return Merge(max(0.0, smaller) if smaller > slack * half else 0.0, math.inf)
    angle = np.linspace(0.0, math.pi / 2, 4001)
    angle = np.append(angle, math.atan2(b, a))
    cos, sin = np.cos(angle), np.sin(angle)
    missed = np.maximum(0.0, aa * sin**2 + bb * cos**2 - 2 * both * sin * cos)
    missed[missed < slack * (aa + bb)] = 0.0
    saved = a * (1 - cos) + b * (1 - sin)
    room = saved**2 - missed
    if not (room > 0.0).any():
        return Merge(math.inf, math.inf)
    root = np.sqrt(room[room > 0.0])
    return Merge(float((2 * (saved[room > 0.0] - root)).min()), float((2 * (saved[room > 0.0] + root)).max()))


def width_law(rank_exponent: float) -> Law:
    """Return the law of a dictionary's error as its width grows, where the r-th largest feature has p ~ r^−ζ.

    Parameters
    ----------
    rank_exponent : float
        ζ > 0; 2 for subclusters of a critical cluster (subclusters of s points or more ~ s^−1/2), 1 for regular trees.

    Returns
    -------
    Law
        Model exponent ζ − 1 for ζ > 1; none for ζ ≤ 1, where every scale holds as much as the next.

    Raises
    ------
    RecipeError
        For ζ that is not above 0.

    Examples
    --------
    >>> width_law(2.0).model_exponent
    1.0
    >>> width_law(1.0).model_exponent is None
    True
    """
    if not rank_exponent > 0.0 or math.isinf(rank_exponent):
        raise RecipeError(f"rank_exponent = {rank_exponent!r}: expected a finite number above 0")
    name = "features by decreasing share of the points"
    domain = (
        "orthogonal directions, magnitudes that do not depend on size, faithful units, widths between the largest "
        "features' and the number of features, units a point not limiting"
    )
    source = "docs/theory: dictionaries"
    inputs = {"ζ": float(rank_exponent)}
    if rank_exponent <= 1.0:
        return Law.none(
            name,
            "the error falls with the logarithm of the width at the most: features of all sizes hold as much",
            because=f"Σ r^−{rank_exponent:g} has no limit: what is left out is set by the smallest features",
            nearest="the same for ζ > 1",
            domain=domain,
            source=source,
            evidence="argued, and held against exact sums",
            inputs=inputs,
        )
    return Law(
        name=name,
        statement=f"error ~ w^−{rank_exponent - 1:g}",
        data_exponent=None,
        model_exponent=rank_exponent - 1.0,
        source=source,
        evidence="argued, and held against exact sums",
        reason=f"what w units leave out is the sum of p_r ~ r^−{rank_exponent:g} over r > w",
        domain=domain,
        inputs=inputs,
        irreducible=0.0,
    )
