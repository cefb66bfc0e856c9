"""Absorption along the edges of a hierarchy: a parent's unit that falls silent where one of its children is present.

For an edge (parent p, child c), both recovered by units: the recall of p's unit on points with p and c, and on points
with p and without c. Where the child absorbed the parent the first is small and the second is not; the gap is signed,
so that units that fire *only* with the child show as negative.

Where the children of a parent together are all of it, every one may absorb it, and then no unit stands for the parent
that could fall silent. What remains is in the directions: a child's unit that has a part of the parent's (`composed`),
or a parent's that has a part of the child's (`hedged`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._extras import load_extra
from fractalman._threads import run_tasks
from fractalman._typing import F64, I64, AnyFloat
from fractalman.display import Display
from fractalman.measure.recovery._firing_kernels import recall_on_edges
from fractalman.measure.recovery.firing import columns_of, parts_of
from fractalman.measure.recovery.matching import checked_rows, unit_rows

COMPOSED = 0.5
"""Part of another feature, relative to its own, above which a unit counts as composed."""
ABSORBED = 0.5
"""Gap of the recalls above which an edge counts as absorbed."""
_PLANE = 1e-6  # 1 − cos² below which two features have one direction
_ROWS, _EDGES = 4096, 4096  # that are looked at together


@dataclass(frozen=True)
class Absorption(Display):
    """Recall of parents with and without a child, edge by edge; nan without such points, or without a unit that fires.

    Parameters
    ----------
    parent, child : (edges,) int64
        Features at the ends.
    with_child, without_child : (edges,) float64
        Recall of the parent's unit at its own threshold.
    points_with, points_without : (edges,) int64
        Points that the recalls are over.
    child_fires : (edges,) float64
        Share of the points with the child, and without the parent's unit firing, at which the child's unit fires.
    composed : (edges,) float64
        Direction of the child's unit in the plane of both features: its part along the parent's over that along the
        child's. 0 = faithful; where it absorbed the parent, the ratio of their mean magnitudes.
    hedged : (edges,) float64
        Direction of the parent's unit: its part along the child's over that along the parent's.
    """

    parent: I64
    child: I64
    with_child: F64
    without_child: F64
    points_with: I64
    points_without: I64
    child_fires: F64
    composed: F64
    hedged: F64

    @property
    def composition(self) -> float:
        """Share of the edges with a unit for the child whose `composed` is above one half; nan where there are none."""
        known = self.composed[np.isfinite(self.composed)]
        return float((known > COMPOSED).mean()) if known.size else float("nan")

    @property
    def absorbed(self) -> float:
        """Share of the edges where it is available at which the gap is above one half; nan where there are none.

        In the mean gap an absorbed child and a sibling beside it, with whom alone the parent's unit then fires, cancel.
        """
        known = self.gap[np.isfinite(self.gap)]
        return float((known > ABSORBED).mean()) if known.size else float("nan")

    @property
    def gap(self) -> F64:
        """Recall without the child minus recall with it: 1 = absorbed wholly, 0 = not."""
        return np.asarray(self.without_child - self.with_child, np.float64)

    @property
    def mean(self) -> float:
        """Mean gap over the edges where it is available; nan where there are none."""
        known = self.gap[np.isfinite(self.gap)]
        return float(known.mean()) if known.size else float("nan")

    def __float__(self) -> float:
        return self.mean

    def __repr__(self) -> str:
        known = int(np.isfinite(self.gap).sum())
        of = f"over {known} of {self.gap.size} edges, {self.absorbed:.3f} of them absorbed"
        return f"Absorption: mean gap {self.mean:.3f} {of}"

    def to_pandas(self) -> Any:
        """Return one row an edge as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns parent, child, with_child, without_child, gap, points_with, points_without, child_fires, composed,
            hedged.

        Raises
        ------
        MissingExtraError
            Without pandas.
        """
        names = (
            "parent",
            "child",
            "with_child",
            "without_child",
            "gap",
            "points_with",
            "points_without",
            "child_fires",
            "composed",
            "hedged",
        )
        return load_extra("pandas", "to_pandas").DataFrame({name: getattr(self, name) for name in names})


def absorption(
    codes: Any,
    truth: Any,
    parent: I64,
    unit_of: I64,
    threshold: float = 0.0,
    decoder: AnyFloat | None = None,
    directions: AnyFloat | None = None,
) -> Absorption:
    """Return how far children absorb their parents.

    Parameters
    ----------
    codes : (n, w) array or sparse matrix
        Learned codes.
    truth : (n, m) array or sparse matrix
        True codes.
    parent : (m,) int64
        Parent of every feature, −1 for roots.
    unit_of : (m,) int64
        The unit that stands for every feature, −1 where there is none.
    threshold : float, default 0
        A unit fires where its code is larger.
    decoder : (w, d) float, optional
        Learned directions, for `composed` and `hedged`; nan without.
    directions : (m, d) float, optional
        True ones, likewise.

    Returns
    -------
    Absorption
        One row an edge, by rising child.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    >>> codes = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 0.0]])  # unit 0 is silent with the child
    >>> absorption(codes, truth, np.array([-1, 0]), np.array([0, 1])).gap.tolist()
    [1.0]
    """
    learned = columns_of("codes", codes)
    true = columns_of("truth", truth, learned.shape[0])
    children = np.flatnonzero(parent >= 0)
    up = parent[children].astype(np.int64)
    out, counts = np.empty((3, children.size)), np.empty((2, children.size), np.int64)
    tables = *parts_of(learned), *parts_of(true)[:2]
    units = np.asarray(unit_of, np.int64)
    run_tasks(
        recall_on_edges,
        [
            (*tables, up[a : a + _EDGES], children[a : a + _EDGES], units, threshold, learned.shape[0],
             out[:, a : a + _EDGES], counts[:, a : a + _EDGES])
            for a in range(0, children.size, _EDGES)
        ],
    )  # fmt: skip
    composed = parts(decoder, directions, unit_of[children], children, up)
    hedged = parts(decoder, directions, unit_of[up], up, children)
    below = children.astype(np.int64)
    return Absorption(up, below, out[0], out[1], counts[0], counts[1], out[2], composed, hedged)


def parts(decoder: AnyFloat | None, directions: AnyFloat | None, unit: I64, own: I64, other: I64) -> F64:
    """Return, pair by pair, the part of a unit's direction along another feature over that along its own.

    Parameters
    ----------
    decoder : (w, d) float or None
        Learned directions.
    directions : (m, d) float or None
        True ones.
    unit : (pairs,) int64
        Row of the decoder, −1 for none.
    own, other : (pairs,) int64
        Rows of the directions.

    Returns
    -------
    (pairs,) float64
        Ratio of the least-squares coordinates in the plane of both; nan without a unit or a plane.
    """
    out = np.full(unit.size, np.nan)
    if decoder is None or directions is None:
        return out
    learned, true = unit_rows(checked_rows("decoder", decoder)), unit_rows(checked_rows("directions", directions))
    at = np.flatnonzero(unit >= 0)
    for begin in range(0, at.size, _ROWS):
        k = at[begin : begin + _ROWS]
        u, a, b = (table.astype(np.float64) for table in (learned[unit[k]], true[own[k]], true[other[k]]))
        both, first, second = ((x * y).sum(axis=1) for x, y in ((a, b), (u, a), (u, b)))
        along, across = first - both * second, second - both * first
        plane = (1.0 - both**2 > _PLANE) & (np.abs(along) > 1e-12)
        out[k] = np.where(plane, across / np.where(plane, along, 1.0), np.nan)
    return out
