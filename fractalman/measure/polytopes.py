"""Activation polytopes of ReLU networks, exactly: on lines and planes through data, and at the points of a dataset.

Notation: s_ℓ = a_{ℓ−1} W_ℓ + b_ℓ, a_ℓ = max(s_ℓ, 0), the last layer without ReLU. A polytope is the set of inputs with
one pattern, which of all hidden units have s > 0; in it the network is one affine map. Along a line every s is affine
between breakpoints of the layers below, so that layer by layer the breakpoints are roots of affine functions; in a
plane the pieces are convex polygons, each cut by the zero line of one unit after the other. Nothing is sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._typing import F64, I64, AnyFloat, Bool
from fractalman.display import Display
from fractalman.errors import RecipeError, ResourceError

Layers = Sequence[tuple[AnyFloat, AnyFloat]]
"""(W, b) of every layer, first to last; W (inputs, outputs)."""
MOST_PIECES = 200_000
_SAME = 1e-12
"""Lengths and areas, as shares of the whole, that rounding leaves where there is no piece."""


@dataclass(frozen=True)
class LineRegions(Display):
    """The polytopes that a segment passes through.

    Parameters
    ----------
    breaks : (k + 1,) float64
        Ends of the pieces in units of the segment, 0 first and 1 last; equal neighbours never.
    pattern : (k, units) bool
        Of the pieces: which hidden units are on, all layers side by side.

    Examples
    --------
    >>> LineRegions(np.array([0.0, 0.25, 1.0]), np.array([[False], [True]])).lengths.tolist()
    [0.25, 0.75]
    """

    breaks: F64
    pattern: Bool

    @property
    def lengths(self) -> F64:
        """Shares of the segment, (k,)."""
        return np.diff(self.breaks)


@dataclass(frozen=True)
class PlaneRegions(Display):
    """The pieces of polytopes in a parallelogram.

    Parameters
    ----------
    polygons : list of (v, 2) float64
        Corners of every convex piece, in units of the two sides.
    pattern : (k, units) bool
        Of the pieces.

    Examples
    --------
    >>> PlaneRegions([np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])], np.array([[True]])).areas.tolist()
    [0.5]
    """

    polygons: list[F64]
    pattern: Bool

    @property
    def areas(self) -> F64:
        """Shares of the parallelogram, (k,)."""
        return np.array([_area(polygon) for polygon in self.polygons])


@dataclass(frozen=True)
class AffineMap(Display):
    """What a ReLU network is in one polytope: f(x) = x·slope + constant.

    Parameters
    ----------
    slope : (d, m) float64
        What the output gains with every input.
    constant : (m,) float64
        The output at x = 0 of the same map.
    rank : int
        Of the slope.

    Examples
    --------
    >>> AffineMap(np.eye(2), np.zeros(2), 2).rank
    2
    """

    slope: F64
    constant: F64
    rank: int


def _checked(layers: Layers, d: int | None = None) -> list[tuple[F64, F64]]:
    found = [(np.asarray(W, np.float64), np.asarray(b, np.float64).reshape(-1)) for W, b in layers]
    below = found[0][0].shape[0] if found and d is None else d
    for k, (W, b) in enumerate(found):
        if (
            W.ndim != 2
            or W.shape[0] != below
            or b.shape != (W.shape[1],)
            or not (np.isfinite(W).all() and np.isfinite(b).all())
        ):
            shapes = f"W of shape {W.shape} and b of shape {b.shape}"
            raise RecipeError(f"layer {k} has {shapes}: expected finite numbers ({below}, m) and (m,)")
        below = W.shape[1]
    if not found:
        raise RecipeError("a network without layers: expected (W, b) of every layer")
    return found


def activation_pattern(layers: Layers, X: AnyFloat) -> Bool:
    """Return which hidden units are on at points, (n, units).

    Parameters
    ----------
    layers : sequence of (W, b)
        First to last.
    X : (n, d) float
        Points.

    Returns
    -------
    bool array
        All hidden layers side by side.

    Raises
    ------
    RecipeError
        For shapes that do not fit.

    Examples
    --------
    >>> layers = [(np.array([[1.0, -1.0]]), np.zeros(2)), (np.ones((2, 1)), np.zeros(1))]
    >>> activation_pattern(layers, np.array([[2.0], [-2.0]])).tolist()
    [[True, False], [False, True]]
    """
    a = np.asarray(X, np.float64)
    found, on = _checked(layers, a.shape[1]), []
    for W, b in found[:-1]:
        s = a @ W + b
        on.append(s > 0.0)
        a = np.maximum(s, 0.0)
    return np.concatenate(on, axis=1) if on else np.zeros((len(a), 0), bool)


@checked_arguments
def points_per_polytope(layers: Layers, X: AnyFloat) -> I64:
    """Return how many points of a dataset share each polytope that holds one, largest first.

    Parameters
    ----------
    layers : sequence of (W, b)
        First to last.
    X : (n, d) float
        Points.

    Returns
    -------
    int64 array
        Its sum is n.

    Examples
    --------
    >>> layers = [(np.array([[1.0, -1.0]]), np.zeros(2)), (np.ones((2, 1)), np.zeros(1))]
    >>> points_per_polytope(layers, np.array([[2.0], [1.0], [-2.0]])).tolist()
    [2, 1]
    """
    packed = np.packbits(activation_pattern(layers, X), axis=1)
    count = np.unique(packed, axis=0, return_counts=True)[1]
    return np.sort(count)[::-1].astype(np.int64)


@checked_arguments
def affine_map(layers: Layers, x: AnyFloat) -> AffineMap:
    """Return the affine map of the polytope that holds a point.

    Parameters
    ----------
    layers : sequence of (W, b)
        First to last.
    x : (d,) float
        The point.

    Returns
    -------
    AffineMap
        With its rank.

    Examples
    --------
    >>> layers = [(np.array([[1.0, -1.0]]), np.zeros(2)), (np.array([[1.0], [3.0]]), np.zeros(1))]
    >>> affine_map(layers, np.array([-2.0])).slope.tolist()  # |x| with another slope on the left
    [[-3.0]]
    """
    found = _checked(layers, np.size(x))
    on = activation_pattern(layers, np.reshape(np.asarray(x, np.float64), (1, -1)))[0]
    slope, constant, start = np.eye(np.size(x)), np.zeros(np.size(x)), 0
    for k, (W, b) in enumerate(found):
        slope, constant = slope @ W, constant @ W + b
        if k + 1 < len(found):
            kept = on[start : start + W.shape[1]]
            start += W.shape[1]
            slope, constant = slope * kept, constant * kept
    return AffineMap(slope, constant, int(np.linalg.matrix_rank(slope)))


@checked_arguments
def line_regions(layers: Layers, start: AnyFloat, stop: AnyFloat) -> LineRegions:
    """Return the polytopes along the segment between two points, exactly.

    Parameters
    ----------
    layers : sequence of (W, b)
        First to last.
    start : (d,) float
        One end.
    stop : (d,) float
        The other.

    Returns
    -------
    LineRegions
        In order.

    Raises
    ------
    RecipeError
        For shapes that do not fit.

    Examples
    --------
    >>> layers = [(np.array([[1.0, -1.0]]), np.array([0.0, 1.0])), (np.ones((2, 1)), np.zeros(1))]
    >>> line_regions(layers, np.array([-1.0]), np.array([3.0])).breaks.tolist()  # units turn at 0 and at 1
    [0.0, 0.25, 0.5, 1.0]
    """
    one, two = (np.asarray(point, np.float64).reshape(-1) for point in (start, stop))
    found = _checked(layers, one.size)
    breaks = np.array([0.0, 1.0])
    ends = np.stack([one, two])  # activations of the layer below at the breaks
    for W, b in found[:-1]:
        s = ends @ W + b  # affine between neighbouring breaks
        low, high = s[:-1], s[1:]
        piece, unit = np.nonzero(low * high < 0.0)
        share = low[piece, unit] / (low[piece, unit] - high[piece, unit])
        added = breaks[piece] + share * np.diff(breaks)[piece]
        every = np.unique(np.concatenate([breaks, added]))
        every = every[np.concatenate([[True], np.diff(every) > _SAME])]
        every[-1] = 1.0
        sums = np.stack([np.interp(every, breaks, column) for column in s.T], axis=1)
        breaks, ends = every, np.maximum(sums, 0.0)
    middle = 0.5 * (breaks[1:] + breaks[:-1])
    pattern = activation_pattern(layers, one + middle[:, None] * (two - one))
    turns = np.flatnonzero((pattern[1:] != pattern[:-1]).any(axis=1)) + 1
    kept = np.concatenate([[0], turns]).astype(np.int64)
    return LineRegions(np.concatenate([breaks[kept], [1.0]]), pattern[kept])


@checked_arguments
def plane_regions(layers: Layers, corner: AnyFloat, first: AnyFloat, second: AnyFloat) -> PlaneRegions:
    """Return the pieces of polytopes in the parallelogram corner + u·(first − corner) + v·(second − corner), exactly.

    Parameters
    ----------
    layers : sequence of (W, b)
        First to last.
    corner : (d,) float
        u = v = 0.
    first : (d,) float
        u = 1, v = 0.
    second : (d,) float
        u = 0, v = 1.

    Returns
    -------
    PlaneRegions
        One convex polygon each.

    Raises
    ------
    RecipeError
        For shapes that do not fit.
    ResourceError
        For more pieces than `MOST_PIECES`.

    Examples
    --------
    >>> layers = [(np.eye(2), -0.5 * np.ones(2)), (np.ones((2, 1)), np.zeros(1))]
    >>> found = plane_regions(layers, np.zeros(2), np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    >>> found.areas.tolist()  # both units turn in the middle
    [0.25, 0.25, 0.25, 0.25]
    """
    origin, u, v = (np.asarray(point, np.float64).reshape(-1) for point in (corner, first, second))
    found = _checked(layers, origin.size)
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    # a piece and its affine map: activations = [1, u, v] @ A
    pieces = [(square, np.stack([origin, u - origin, v - origin]))]
    for W, b in found[:-1]:
        after = []
        for polygon, below in pieces:
            sums = below @ W
            sums[0] += b
            cut = [polygon]
            for unit in range(W.shape[1]):
                cut = [part for whole in cut for part in _cut(whole, sums[:, unit])]
            for part in cut:
                on = _at(part.mean(axis=0)[None], sums)[0] > 0.0
                after.append((part, sums * on))
            if len(after) > MOST_PIECES:
                raise ResourceError(
                    f"more than {MOST_PIECES:,} pieces in the plane: expected fewer; use closer corners"
                )
        pieces = after
    polygons = [polygon for polygon, _ in pieces]
    centres = np.stack([polygon.mean(axis=0) for polygon in polygons])
    points = origin + centres[:, :1] * (u - origin) + centres[:, 1:] * (v - origin)
    return PlaneRegions(polygons, activation_pattern(layers, points))


def _at(places: F64, affine: F64) -> F64:
    return np.asarray(affine[0] + places @ affine[1:], np.float64)


def _cut(polygon: F64, affine: F64) -> list[F64]:
    """Return the parts of a convex polygon on the two sides of the line c + a·u + b·v = 0."""
    value = affine[0] + polygon @ affine[1:]
    if (value >= 0.0).all() or (value <= 0.0).all():
        return [polygon]
    after, there = np.roll(polygon, -1, axis=0), np.roll(value, -1)
    sides: tuple[list[F64], list[F64]] = ([], [])
    for here, ahead, a, b in zip(polygon, after, value, there, strict=True):
        if a >= 0.0:
            sides[0].append(here)
        if a <= 0.0:
            sides[1].append(here)
        if a * b < 0.0:
            crossing = here + a / (a - b) * (ahead - here)
            sides[0].append(crossing)
            sides[1].append(crossing)
    parts = [np.array(side) for side in sides if len(side) > 2]
    kept = [part for part in parts if _area(part) > _SAME]
    return kept if len(kept) == 2 else [polygon]


def _area(polygon: F64) -> float:
    x, y = polygon.T
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))
