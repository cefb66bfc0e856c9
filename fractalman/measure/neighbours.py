"""Distances from starting points to all points: what every estimator of a dimension reads.

Starting points fall into compact blocks of space. Neighbourhoods overlap inside a block and hardly between blocks, so
that leaving out one block at a time (the jackknife) gives an error that knows of the overlap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from fractalman._typing import F64, I64
from fractalman.config import ends, integer, is_integer, shown
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.measure.distances import sample_sources
from fractalman.measure.points import Points

BLOCKS = 32
"""Blocks of starting points that the jackknife leaves out in turn."""
LAST = 32
"""The window ends at the (n/32)-th neighbour."""
_DEEPEST = 12  # distances are kept up to the (n/12)-th neighbour
_FIRST = 8
_RUN_SOURCES = 256  # points whose two nearest neighbours are looked at for runs of rows
_RUNS_ALLOWED = 0.05  # share of them that may be of one run, beside what chance makes
_ABOUT = 10  # rows away
_CHANCE = 4.0  # standard errors of the share that chance makes
_THINNED_LEAST = 512
_WORK = 3 << 30  # coordinates that are compared; starting points are fewer beyond it, but not below the next
_SOURCES_AT_LEAST = 512
_POWER_STEPS = 12
TIE = 1e-4
"""Relative difference of two distances that float32 coordinates do not resolve."""


@dataclass(frozen=True)
class Neighbourhoods(Display):
    """Sorted neighbour distances of the starting points.

    Parameters
    ----------
    near : (sources, k) distances of the first k neighbours, the point itself left out, in the points' unit.
    points : the points that count as neighbours.
    sources : (sources,) rows of ``points.values``.
    block : (sources,) 0 … blocks − 1, compact in space.
    in_a_row : share of the starting points whose nearest neighbour stands at most two rows away in the caller's table.
    near_rows : share of those whose nearest neighbour stands 3 to 10 rows away: a table sorted by class has both.
    theiler : rows so close in the caller's table, or closer, are no neighbours.
    """

    near: F64
    points: Points
    sources: I64
    block: I64
    in_a_row: float
    near_rows: float
    theiler: int

    def distances(self, n_sources: int | None = None) -> Iterator[F64]:
        """Yield blocks of rows of distances, inf where a point is no neighbour, of the first ``n_sources``."""
        return rows_of_distances(self.points, self.sources[:n_sources], self.theiler)


def neighbourhoods(points: Points, n_sources: int, seed: int, theiler: int = 0) -> Neighbourhoods:
    """Return the neighbour distances of ``n_sources`` random points; RecipeError where there is no distance."""
    n, d = points.values.shape
    n_sources = min(integer(1, 1 << 60)("n_sources", n_sources), max(_SOURCES_AT_LEAST, _WORK // (n * d)))
    if not is_integer(theiler) or not 0 <= int(theiler) < n // 4:
        raise RecipeError(f"theiler = {shown(theiler)}: expected a whole number of rows from 0 to {n // 4 - 1}")
    sources = sample_sources(n, max(2 * BLOCKS, n_sources), seed)
    k = int(min(n - 1 - 2 * theiler, max(20, n // _DEEPEST)))
    near, apart = [], []
    first = 0
    for rows in rows_of_distances(points, sources, int(theiler)):
        closest = points.row[np.argmin(rows, axis=1)]
        own = points.row[sources[first : first + len(rows)]]
        apart.append(np.abs(closest - own))
        first += len(rows)
        near.append(np.sort(np.partition(rows, k - 1, axis=1)[:, :k], axis=1))
    table = np.concatenate(near)
    if not table[:, -1].any():
        raise RecipeError("the points coincide: there is no distance to measure a dimension from")
    block = spatial_blocks(points.values[sources], BLOCKS)
    steps = np.concatenate(apart)
    following, about = float(np.mean(steps <= 2)), float(np.mean((steps > 2) & (steps <= _ABOUT)))
    return Neighbourhoods(table, points, sources, block, following, about, int(theiler))


def without_runs(points: Points, theiler: int, seed: int) -> Points:
    """Return every s-th row, s = 1, 2, 4, … the least for which two neighbours of a point rarely follow each other.

    An orbit that comes back leaves a run of consecutive rows near a point, all about equally far. The first neighbours
    are then one draw and not several, and the set reads higher than it is; reference sets have no such runs.
    """
    step, found = 1, points
    while len(found.values) // 2 >= _THINNED_LEAST:
        sources = sample_sources(len(found.values), _RUN_SOURCES, seed)
        together = 0
        for rows in rows_of_distances(found, sources, theiler):
            pair = found.row[np.argpartition(rows, 1, axis=1)[:, :2]]
            together += int((np.abs(pair[:, 0] - pair[:, 1]) <= theiler).sum())
        if together <= _beyond_chance(2 * theiler / len(points.values), len(sources)) * len(sources):
            break
        step *= 2
        found = replace(points, values=points.values[::step], row=points.row[::step])
    if step == 1:
        return points
    said = f"rows that follow each other come in runs near a point: one of {step} was used, {len(found.values)} points"
    return replace(found, notes=(*found.notes, said))


def rows_in_time(found: Neighbourhoods) -> bool:
    """Say whether nearest neighbours stand in the next two rows more often than order without time explains.

    Rows in any order have 4 of n − 1 others so near, and neighbours of each other are counted twice; rows that are
    sorted by class have more, and as many a row 3 to 10 rows away.
    """
    others = max(1, len(found.points.values) - 1 - 2 * found.theiler)
    chance = max(1.0 / others, found.near_rows / (2 * (_ABOUT - 2))) * 2 * max(0, 2 - found.theiler)
    return found.in_a_row > _beyond_chance(chance, len(found.sources))


def _beyond_chance(share: float, sources: int) -> float:
    return share + max(_RUNS_ALLOWED, _CHANCE * math.sqrt(2.0 * share / sources))


def rows_of_distances(points: Points, sources: I64, theiler: int = 0, block: int = 64) -> Iterator[F64]:
    """Yield the distances of blocks of starting points to all points, by direct float64 differences; inf to itself."""
    from scipy.spatial.distance import cdist

    low = np.searchsorted(points.row, points.row[sources] - theiler)
    high = np.searchsorted(points.row, points.row[sources] + theiler, side="right")
    for start in range(0, sources.size, block):
        rows = cdist(points.values[sources[start : start + block]], points.values)
        for i in range(len(rows)):
            rows[i, low[start + i] : high[start + i]] = np.inf
        yield rows


def spatial_blocks(values: F64, blocks: int, principal: bool = False) -> I64:
    """Return (n,) numbers 0 … blocks − 1 of compact cells of about equal size.

    Cells are halved across the line from their centre to their farthest point, or across their principal axis, whatever
    the coordinates are. Labels of the halves are less alike in the second way, those of a critical cluster above all.
    """
    out = np.zeros(len(values), np.int64)

    def split(rows: I64, first: int, count: int) -> None:
        if count == 1:
            out[rows] = first
            return
        part = values[rows] - values[rows].mean(axis=0)
        axis = part[int(np.argmax(np.square(part).sum(axis=1)))]
        for _ in range(_POWER_STEPS if principal else 0):
            axis = part.T @ (part @ axis)
            axis /= max(float(np.linalg.norm(axis)), 1e-300)
        order = np.argsort(part @ axis, kind="stable")
        left = count // 2
        middle = len(rows) * left // count
        split(rows[order[:middle]], first, left)
        split(rows[order[middle:]], first + left, count - left)

    split(np.arange(len(values), dtype=np.int64), 0, max(1, min(blocks, len(values) // 2)))
    return out


def block_jackknife(rows: F64, block: I64, statistic: Callable[[F64], F64]) -> tuple[F64, F64, F64]:
    """Return statistic(rows), its delete-a-block standard errors, and the (blocks, p) values behind them.

    ``statistic`` maps (m, …) rows to (p,) numbers.
    """
    values = np.array([statistic(rows[block != b]) for b in np.unique(block)])
    spread = values - values.mean(axis=0)
    count = len(values)
    return np.asarray(statistic(rows)), np.sqrt((count - 1) / count * np.square(spread).sum(axis=0)), values


def share_of_ties(found: Neighbourhoods) -> float:
    """Return the share of points whose two nearest neighbours are equally far."""
    return float(np.mean(found.near[:, 1] <= found.near[:, 0] * (1.0 + TIE)))


def checked_window(window: tuple[float, float]) -> tuple[float, float]:
    """Return two distances as numbers; RecipeError unless 0 < low < high."""
    low, high = ends("window", window)
    if not (np.isfinite(high) and 0.0 < low < high):
        raise RecipeError(f"window = ({low:g}, {high:g}): expected two finite distances 0 < low < high")
    return low, high


def neighbour_window(found: Neighbourhoods, window: tuple[float, float] | None) -> tuple[float, float]:
    """Return the window of distances in the points' unit: as given in the caller's, or from the 8th neighbour on.

    Without one it ends at the (n/32)-th neighbour, so that neither the spacing of the points nor the edge of the set
    decides. RecipeError where that window is empty.
    """
    if window is not None:
        low, high = checked_window(window)
        return low / found.points.unit, high / found.points.unit
    last = min(found.near.shape[1], max(20, len(found.points.values) // LAST))
    low, high = (float(np.median(found.near[:, k - 1])) for k in (_FIRST, last))
    if not low > 0.0:
        raise RecipeError(
            f"half of the points coincide with {_FIRST} others or more: remove duplicated points, or give a window of "
            "distances"
        )
    if not low < high:
        raise RecipeError(
            f"the {_FIRST}th and the {last}th neighbour of most points are equally far, {low:g}: points on a lattice, "
            "or coordinates too large for double precision; give a window of distances, or scale X"
        )
    return low, high
