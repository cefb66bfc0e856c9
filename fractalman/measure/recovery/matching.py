"""Which learned direction stands for which feature: the assignment of largest total |cosine|.

Up to `EXACT` on the longer side the assignment is over all pairs. Beyond, only the `CANDIDATES` features of largest
|cosine| of every direction, and the same the other way round, may be paired, and of those the four times as many that
are nearest to one of the shorter side: a lower bound of the exact value, since other pairs are left out.

Directions alone cannot tell some features apart: where a subcluster has two parts, the steps to both lie on one line.
Among pairs of equal cosine those are preferred whose unit fires where the feature is present, where that is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fractalman._threads import run_tasks
from fractalman._typing import F32, F64, I32, I64, AnyFloat
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.measure.recovery._nearest_kernels import largest_of_columns, largest_of_rows
from fractalman.measure.recovery.arrays import numbers

EXACT = 4096
"""Directions or features up to which all pairs are assigned."""
CANDIDATES = 16
"""Pairs that every direction and every feature keeps beyond that."""
_MOST = 4  # times as many are assigned among, of every one of the shorter side
_ROWS = 1024  # directions whose cosines are held at once, where all are
_TILE = 512, 4096  # directions and features whose cosines are held at once, 8 MiB
_PART = 256, 2048  # of these, what a thread takes at once
_TIE = {True: 1e-9, False: 1e-6}
"""Difference below which two cosines are equal, in float64 (all pairs) and in float32 (candidates)."""

Agreement = Callable[[I64, I64], F64]
"""Of pairs (directions, features): how far one fires where the other is present, from 0 to 1."""


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


def match_dictionary(
    decoder: AnyFloat,
    features: AnyFloat,
    exact: int = EXACT,
    candidates: int = CANDIDATES,
    agreement: Agreement | None = None,
) -> Match:
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
    agreement : callable, optional
        (directions, features) → how far they fire together, 0 to 1; decides between pairs of equal cosine.

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
    learned, true = (checked_rows(name, table) for name, table in (("decoder", decoder), ("features", features)))
    if learned.shape[1] != true.shape[1]:
        turned = "; use decoder.T" if learned.shape[0] == true.shape[1] else ""
        raise RecipeError(
            f"decoder {learned.shape} and features {true.shape}: expected the same number of columns{turned}"
        )
    if max(len(learned), len(true)) <= exact:
        return _among_all(unit_rows(learned.astype(np.float64)), unit_rows(true.astype(np.float64)), agreement)
    return _among_nearest(unit_rows(learned), unit_rows(true), candidates, agreement)


def _among_all(learned: F64, true: F64, agreement: Agreement | None) -> Match:
    from scipy.optimize import linear_sum_assignment

    cosine = np.empty((len(learned), len(true)))
    for start in range(0, len(learned), _ROWS):
        cosine[start : start + _ROWS] = np.abs(learned[start : start + _ROWS] @ true.T)
    ranked = cosine
    if agreement is not None:
        rows, columns = np.nonzero(_tied(cosine))
        if rows.size:
            ranked = cosine.copy()
            ranked[rows, columns] += _TIE[True] * agreement(rows, columns)
    direction, feature = linear_sum_assignment(ranked, maximize=True)
    near, by_feature = ranked.argmax(axis=1), ranked.argmax(axis=0)
    near_cosine, feature_cosine = cosine.max(axis=1), cosine.max(axis=0)
    return _match(direction, feature, cosine[direction, feature], near, near_cosine, by_feature, feature_cosine, True)


def _tied(cosine: F64) -> npt.NDArray[np.bool_]:
    """Pairs whose cosine is the largest of their row, or of their column, and not the only such one."""
    found = np.zeros(cosine.shape, np.bool_)
    for axis in (0, 1):
        top = cosine.max(axis=axis, keepdims=True)
        largest = (cosine >= top - _TIE[True]) & (top > 0.0)
        found |= largest & (np.count_nonzero(largest, axis=axis, keepdims=True) > 1)
    return found


def _among_nearest(learned: AnyFloat, true: AnyFloat, kept: int, agreement: Agreement | None) -> Match:
    w, m = len(learned), len(true)
    (row_value, row_number), (value, number) = _largest(learned, true, min(kept, m), min(kept, w))
    near, near_cosine = row_number[:, 0].copy(), row_value[:, 0].astype(np.float64)
    by_feature, feature_cosine = number[:, 0].copy(), value[:, 0].astype(np.float64)
    keys = [(np.arange(w)[:, None] * m + row_number).ravel(), (number * m + np.arange(m)[:, None]).ravel()]
    values = [row_value.ravel(), value.ravel()]
    pairs, first = np.unique(np.concatenate(keys), return_index=True)
    cosine = np.concatenate(values)[first].astype(np.float64)
    rows, columns, ranked = pairs // m, pairs % m, cosine
    if agreement is not None:
        tied = np.zeros(pairs.size, np.bool_)
        sides: list[tuple[I64, F64]] = [(rows, near_cosine), (columns, feature_cosine)]
        for side, most_alike in sides:
            largest = (cosine >= most_alike[side] - _TIE[False]) & (most_alike[side] > 0.0)
            tied |= largest & (np.bincount(side[largest], minlength=most_alike.size)[side] > 1)
        if tied.any():
            ranked = cosine.copy()
            ranked[tied] += _TIE[False] * agreement(rows[tied], columns[tied])
            order = np.lexsort((ranked, rows))
            near[rows[order]] = columns[order]  # the last one of every row stays: the largest
            order = np.lexsort((ranked, columns))
            by_feature[columns[order]] = rows[order]
    few = _best_of(rows if w <= m else columns, ranked, _MOST * CANDIDATES)
    chosen = few[_assigned_among(rows[few], columns[few], ranked[few], (w, m))]
    return _match(
        rows[chosen], columns[chosen], cosine[chosen], near, near_cosine, by_feature, feature_cosine, exact=False
    )


def _best_of(side: I64, values: F64, most: int) -> I64:
    """Numbers of the pairs, rising, that are among the ``most`` largest of their direction or feature."""
    order = np.lexsort((-values, side))
    first = np.searchsorted(side[order], side[order])
    return np.sort(order[np.arange(side.size) - first < most])


def _match(
    direction: Any, feature: Any, cosine: F64, near: I64, near_cosine: F64, by_feature: Any, feature_cosine: F64,
    exact: bool,
) -> Match:  # fmt: skip
    order = np.argsort(feature, kind="stable")
    keep = order[cosine[order] > 0.0]
    return Match(
        np.asarray(direction[keep], np.int64),
        np.asarray(feature[keep], np.int64),
        np.minimum(cosine[keep], 1.0),
        np.where(near_cosine > 0.0, near, -1),
        np.minimum(near_cosine, 1.0),
        np.asarray(by_feature, np.int64),
        np.minimum(feature_cosine, 1.0),
        exact,
    )


def checked_rows(name: str, table: Any) -> AnyFloat:
    """Return a table of finite real numbers with a row or more, float32 if it was so and float64 else."""
    given = numbers(name, table)
    rows = given.toarray() if hasattr(given, "toarray") else given
    if rows.ndim != 2 or 0 in rows.shape:
        raise RecipeError(
            f"{name} of shape {rows.shape}, type {rows.dtype}: expected a table of real numbers (rows, d)"
        )
    if not np.isfinite(rows).all():
        raise RecipeError(f"{name} holds numbers that are not finite: leave those rows out")
    return np.asarray(rows, np.float32 if rows.dtype == np.float32 else np.float64)


def unit_rows(rows: AnyFloat) -> Any:
    """Return a table with rows of length 1; rows of length 0 stay."""
    peak = np.abs(rows).max(axis=1, keepdims=True)
    even = rows / np.where(peak > 0.0, peak, 1.0)
    length = np.linalg.norm(even, axis=1, keepdims=True)
    return np.asarray(even / np.where(length > 0.0, length, 1.0))


def _largest(learned: AnyFloat, true: AnyFloat, of_rows: int, of_columns: int) -> tuple[tuple[F32, I64], ...]:
    """Largest |cosines| and their partners, falling: (w, of_rows) of directions, (m, of_columns) of features."""
    w, m = len(learned), len(true)
    row_value, row_number = np.full((w, of_rows), -1.0, np.float32), np.empty((w, of_rows), np.int64)
    value, number = np.full((m, of_columns), -1.0, np.float32), np.empty((m, of_columns), np.int64)
    rows, features = np.asarray(learned, np.float32), np.asarray(true, np.float32)
    row_bits, bits = row_value.view(np.int32), value.view(np.int32)
    least = bits[:, -1].copy()
    held = np.empty(_TILE[0] * _TILE[1], np.float32)
    for row in range(0, w, _TILE[0]):
        own = rows[row : row + _TILE[0]]
        into = row_bits[row : row + _TILE[0]], row_number[row : row + _TILE[0]]
        for column in range(0, m, _TILE[1]):
            part = features[column : column + _TILE[1]]
            tile = np.matmul(own, part.T, out=held[: len(own) * len(part)].reshape(len(own), len(part))).view(np.int32)

            def along_rows(start: int, tile: I32 = tile, column: int = column, into: tuple[I32, I64] = into) -> None:
                largest_of_rows(tile, column, start, min(start + _PART[0], len(tile)), *into)

            def along_columns(start: int, tile: I32 = tile, row: int = row, column: int = column) -> None:
                stop = min(start + _PART[1], tile.shape[1])
                largest_of_columns(tile, row, column, start, stop, least, bits, number)

            run_tasks(along_rows, [(start,) for start in range(0, len(own), _PART[0])])
            run_tasks(along_columns, [(start,) for start in range(0, len(part), _PART[1])])
    return (row_value, row_number), (value, number)


def _assigned_among(rows: I64, columns: I64, values: F64, shape: tuple[int, int]) -> I64:
    """Numbers of the pairs in the assignment of largest sum; who finds no partner goes without.

    Every row has a stand-in of its own that costs more than any pair, so that a full matching exists. Pairs come by
    rising row, then column, once each.
    """
    from scipy.sparse import coo_array, csr_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    w, m = shape
    cost = np.concatenate([2.0 - values, np.full(w, 4.0)])  # 1 … 2: a stored 0 would be no edge
    places = np.concatenate([rows, np.arange(w)]), np.concatenate([columns, m + np.arange(w)])
    row, column = min_weight_full_bipartite_matching(csr_array(coo_array((cost, places), shape=(w, m + w))))
    real = column < m
    return np.asarray(np.searchsorted(rows * m + columns, row[real].astype(np.int64) * m + column[real]), np.int64)
