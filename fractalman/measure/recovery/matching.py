"""Which learned direction stands for which feature: the assignment of largest total |cosine|.

Up to `EXACT` on the longer side the assignment is over all pairs. Beyond, only the `CANDIDATES` features of largest
|cosine| of every direction, and the same the other way round, may be paired: a lower bound of the exact value, since
pairs that are among neither's nearest are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, I64, AnyFloat
from fractalman.display import Display
from fractalman.errors import RecipeError

EXACT = 4096
"""Directions or features up to which all pairs are assigned."""
CANDIDATES = 16
"""Pairs that every direction and every feature keeps beyond that."""
_ROWS = 1024  # directions whose cosines are held at once


@dataclass(frozen=True)
class Match(Display):
    """Pairs of learned directions and features.

    Parameters
    ----------
    direction, feature : (pairs,) int64
        Row numbers, by rising feature; every direction and every feature at most once.
    cosine : (pairs,) float64
        |cosine| of the pair.
    nearest_feature : (w,) int64
        The feature of largest |cosine| of every direction, −1 for a direction of length 0.
    nearest_cosine : (w,) float64
        That cosine, 0 there.
    nearest_direction : (m,) int64
        The direction of largest |cosine| of every feature.
    feature_cosine : (m,) float64
        That cosine.
    exact : bool
        Whether all pairs were considered.
    """

    direction: I64
    feature: I64
    cosine: F64
    nearest_feature: I64
    nearest_cosine: F64
    nearest_direction: I64
    feature_cosine: F64
    exact: bool

    @property
    def mcc(self) -> float:
        """Mean |cosine| of the assigned pairs over min(w, m): a direction of length 0 counts as 0."""
        return float(self.cosine.sum() / max(1, min(self.nearest_feature.size, self.nearest_direction.size)))

    @property
    def mean_maximum_cosine(self) -> float:
        """Mean over the features of the largest |cosine| of any direction."""
        return float(self.feature_cosine.mean())


def match_dictionary(decoder: AnyFloat, features: AnyFloat, exact: int = EXACT, candidates: int = CANDIDATES) -> Match:
    """Return the best one-to-one pairing of learned directions with features.

    Parameters
    ----------
    decoder : (w, d) float
        Learned directions, of any length.
    features : (m, d) float
        True directions, of any length but 0.
    exact : int, default 4096
        Rows of the longer side up to which all pairs are considered.
    candidates : int, default 16
        Pairs kept of every row beyond.

    Returns
    -------
    Match

    Raises
    ------
    RecipeError
        For shapes that do not fit, or numbers that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> match = match_dictionary(np.eye(4)[[2, 0, 3, 1]] * -3.0, np.eye(4))
    >>> match.mcc, match.direction.tolist()
    (1.0, [1, 3, 0, 2])
    """
    learned, true = unit_rows("decoder", decoder), unit_rows("features", features)
    if learned.shape[1] != true.shape[1]:
        raise RecipeError(f"decoder {learned.shape} and features {true.shape}: expected the same number of columns")
    w, m = len(learned), len(true)
    full = max(w, m) <= exact
    kept = max(w, m) if full else candidates
    rows, columns, values = [], [], []
    near, near_cosine = np.full(w, -1, np.int64), np.zeros(w)
    best, best_value = _Best(m, kept), np.empty((0, 0))
    whole = np.empty((w, m)) if full else best_value
    for start in range(0, w, _ROWS):
        block = np.abs(learned[start : start + _ROWS] @ true.T)
        stop = start + len(block)
        near[start:stop], near_cosine[start:stop] = block.argmax(axis=1), block.max(axis=1)
        if full:
            whole[start:stop] = block
            continue
        most = min(kept, m)
        top = np.argpartition(block, m - most, axis=1)[:, m - most :]
        rows.append(np.repeat(np.arange(start, stop), most))
        columns.append(top.ravel())
        values.append(np.take_along_axis(block, top, axis=1).ravel())
        best.add(block, start)
    near[near_cosine <= 0.0] = -1
    if full:
        by_feature, feature_cosine = whole.argmax(axis=0), whole.max(axis=0)
        direction, feature = _assigned(whole)
        cosine = whole[direction, feature]
    else:
        by_feature, feature_cosine = best.row[:, 0], best.value[:, 0]
        rows.append(best.row.ravel())
        columns.append(np.repeat(np.arange(m), best.row.shape[1]))
        values.append(best.value.ravel())
        direction, feature, cosine = _assigned_among(
            np.concatenate(rows), np.concatenate(columns), np.concatenate(values), (w, m)
        )
    order = np.argsort(feature, kind="stable")
    keep = order[cosine[order] > 0.0]
    return Match(
        direction[keep].astype(np.int64),
        feature[keep].astype(np.int64),
        np.minimum(cosine[keep], 1.0).astype(np.float64),
        near,
        np.minimum(near_cosine, 1.0),
        by_feature.astype(np.int64),
        np.minimum(feature_cosine, 1.0).astype(np.float64),
        full,
    )


def unit_rows(name: str, table: AnyFloat) -> AnyFloat:
    """Return a table with rows of length 1, float32 if it was so and float64 else; rows of length 0 stay."""
    rows = np.asarray(table)
    if rows.ndim != 2 or 0 in rows.shape or rows.dtype.kind != "f":
        raise RecipeError(
            f"{name} of shape {rows.shape}, type {rows.dtype}: expected a table of real numbers (rows, d)"
        )
    if not np.isfinite(rows).all():
        raise RecipeError(f"{name} holds numbers that are not finite: leave those rows out")
    wide = rows if rows.dtype == np.float32 else rows.astype(np.float64)
    peak = np.abs(wide).max(axis=1, keepdims=True)
    scaled = wide / np.where(peak > 0.0, peak, 1.0)
    length = np.linalg.norm(scaled, axis=1, keepdims=True)
    return np.asarray(scaled / np.where(length > 0.0, length, 1.0))


class _Best:
    """The rows of largest value of every column, of tables that come in blocks of rows."""

    def __init__(self, columns: int, kept: int) -> None:
        self.kept = kept
        self.row = np.zeros((columns, 0), np.int64)
        self.value = np.zeros((columns, 0), np.float32)

    def add(self, block: AnyFloat, first: int) -> None:
        """Take in one more block, whose first row has the number ``first``."""
        most = min(self.kept, len(block))
        top = np.argpartition(block, len(block) - most, axis=0)[len(block) - most :]
        value = np.concatenate([self.value, np.take_along_axis(block, top, axis=0).T], axis=1)
        row = np.concatenate([self.row, top.T + first], axis=1)
        order = np.argsort(-value, axis=1, kind="stable")[:, : self.kept]
        self.value, self.row = np.take_along_axis(value, order, axis=1), np.take_along_axis(row, order, axis=1)


def _assigned(cosine: F64) -> tuple[I64, I64]:
    """Rows and columns of the assignment of largest sum."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(cosine, maximize=True)
    return rows, columns


def _assigned_among(rows: I64, columns: I64, values: AnyFloat, shape: tuple[int, int]) -> tuple[I64, I64, F64]:
    """The assignment of largest sum among some pairs; who finds no partner goes without.

    Every row and every column has a stand-in of its own that costs more than any pair, so that a full matching exists.
    """
    from scipy.sparse import coo_array, csr_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    w, m = shape
    keys, first = np.unique(rows * m + columns, return_index=True)
    cost = 2.0 - values[first].astype(np.float64)  # 1 … 2: a stored 0 would be no edge
    table = coo_array(
        (
            np.concatenate([cost, np.full(w, 4.0)]),
            (np.concatenate([keys // m, np.arange(w)]), np.concatenate([keys % m, m + np.arange(w)])),
        ),
        shape=(w, m + w),
    )
    row, column = min_weight_full_bipartite_matching(csr_array(table))
    real = column < m
    found_rows, found_columns = row[real].astype(np.int64), column[real].astype(np.int64)
    place = np.searchsorted(keys, found_rows * m + found_columns)
    return found_rows, found_columns, np.asarray(2.0 - cost[place], np.float64)
