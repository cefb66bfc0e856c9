"""Absorption along the edges of a hierarchy: a parent's unit that falls silent where one of its children is present.

For an edge (parent p, child c), both recovered by units: the recall of p's unit on points with p and c, and on points
with p and without c. Where the child absorbed the parent the first is small and the second is not; the gap is signed,
so that units that fire *only* with the child show as negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._extras import load_extra
from fractalman._typing import F64, I64
from fractalman.display import Display
from fractalman.measure.recovery.firing import column, columns_of


@dataclass(frozen=True)
class Absorption(Display):
    """Recall of parents with and without a child, edge by edge; nan where there are no such points or no unit.

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
    """

    parent: I64
    child: I64
    with_child: F64
    without_child: F64
    points_with: I64
    points_without: I64
    child_fires: F64

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
        return f"Absorption: mean gap {self.mean:.3f} over {known} of {self.gap.size} edges"

    def to_pandas(self) -> Any:
        """Return one row an edge as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns parent, child, with_child, without_child, gap, points_with, points_without, child_fires.

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
        )
        return load_extra("pandas", "to_pandas").DataFrame({name: getattr(self, name) for name in names})


def absorption(codes: Any, truth: Any, parent: I64, unit_of: I64, threshold: float = 0.0) -> Absorption:
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
    out = np.full((3, children.size), np.nan)
    counts = np.zeros((2, children.size), np.int64)
    fires = np.zeros(learned.shape[0], np.bool_)
    has_child = np.zeros(learned.shape[0], np.bool_)
    for k in np.argsort(parent[children], kind="stable").tolist():
        child, above = int(children[k]), int(parent[children[k]])
        points, rows = column(true, above)[0], column(true, child)[0]
        has_child[rows] = True
        inside, outside = points[has_child[points]], points[~has_child[points]]
        counts[:, k] = inside.size, outside.size
        if unit_of[above] >= 0:
            active, values = column(learned, int(unit_of[above]))
            active = active[values > threshold]
            fires[active] = True
            out[0, k] = fires[inside].mean() if inside.size else np.nan
            out[1, k] = fires[outside].mean() if outside.size else np.nan
            silent = inside[~fires[inside]]
            fires[active] = False
            if silent.size and unit_of[child] >= 0:
                own, values = column(learned, int(unit_of[child]))
                out[2, k] = np.isin(silent, own[values > threshold], assume_unique=True).mean()
        has_child[rows] = False
    return Absorption(
        parent[children].astype(np.int64), children.astype(np.int64), out[0], out[1], counts[0], counts[1], out[2]
    )
