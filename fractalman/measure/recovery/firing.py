"""Whether a learned unit fires when its feature is present: precision, recall, F1, at its own and the best threshold.

A unit fires where its code exceeds a threshold. Its *own* threshold is the one that the model uses (0 unless given);
the *best* is the threshold of largest F1, so that a model whose codes are never exactly 0 is not judged by its noise,
nor one whose codes have either sign (PCA, ICA) by the sign that it happened to choose.
A feature is present where its true code is not 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F64, I64
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.measure.recovery._firing_kernels import fire_where_present
from fractalman.measure.recovery.arrays import checked_threshold, numbers

_PAIRS = 1024  # of units and features, in one task
_UNITS = 256  # whose firing is held against all features at once


@dataclass(frozen=True)
class Firing(Display):
    """Firing of units against the presence of features, pair by pair; nan where a denominator is 0.

    Parameters
    ----------
    precision, recall, f1 : (pairs,) float64
        At the units' own threshold.
    best_f1, best_threshold : (pairs,) float64
        At the threshold of largest F1: codes at least that large fire, or, where it is negative, at most that large.
    present, fired : (pairs,) int64
        Points at which the feature is present, and at which the unit fires.
    """

    precision: F64
    recall: F64
    f1: F64
    best_f1: F64
    best_threshold: F64
    present: I64
    fired: I64


def columns_of(name: str, codes: Any, rows: int | None = None) -> Any:
    """Return codes as a column-compressed sparse matrix without stored zeros, from any array or sparse matrix."""
    from scipy.sparse import csc_array

    given = numbers(name, codes)
    if given.ndim != 2:
        raise RecipeError(f"{name} of shape {given.shape}: expected a table (points, units)")
    table = csc_array(given, dtype=np.float64, copy=True)
    if rows is not None and table.shape[0] != rows:
        raise RecipeError(f"{name} has {table.shape[0]} rows: expected {rows}, one a point")
    if not np.isfinite(table.data).all():
        raise RecipeError(f"{name} holds numbers that are not finite")
    table.sum_duplicates()
    table.eliminate_zeros()
    table.sort_indices()
    return table


def column(table: Any, j: int) -> tuple[I64, F64]:
    """Return the rows and values of one column of a column-compressed matrix."""
    part = slice(int(table.indptr[j]), int(table.indptr[j + 1]))
    return np.asarray(table.indices[part], np.int64), np.asarray(table.data[part], np.float64)


def parts_of(table: Any) -> tuple[I64, I64, F64]:
    """Return starts, rows and values of the columns of a column-compressed matrix, as kernels read them."""
    return table.indptr.astype(np.int64), table.indices.astype(np.int64), np.asarray(table.data, np.float64)


def firing_agreement(learned: Any, true: Any, threshold: float) -> Callable[[I64, I64], F64]:
    """Return a function of pairs (units, features): F1 of "the unit's code is off 0, by more than the threshold"."""

    def presence(table: Any, columns: I64, least: float) -> Any:
        part = table[:, columns]
        part.data = (np.abs(part.data) > least).astype(np.float64)
        return part

    def agreement(units: I64, features: I64) -> F64:
        own, unit = np.unique(units, return_inverse=True)
        wanted, feature = np.unique(features, return_inverse=True)
        present = presence(true, wanted, 0.0)
        size, out = np.asarray(present.sum(axis=0)).ravel(), np.zeros(units.size)
        order = np.argsort(unit, kind="stable")
        for begin in range(0, own.size, _UNITS):
            fires = presence(learned, own[begin : begin + _UNITS], threshold)
            first, last = np.searchsorted(unit[order], (begin, begin + _UNITS))
            here = order[first:last]
            i, j = unit[here] - begin, feature[here]
            both = (fires.T @ present).toarray()[i, j]
            out[here] = 2.0 * both / np.maximum(1.0, np.asarray(fires.sum(axis=0)).ravel()[i] + size[j])
        return out

    return agreement


def firing_scores(codes: Any, truth: Any, units: I64, features: I64, threshold: float = 0.0) -> Firing:
    """Return precision, recall and F1 of units for features, pair by pair.

    Parameters
    ----------
    codes : (n, w) array or sparse matrix
        Learned codes.
    truth : (n, m) array or sparse matrix
        True codes; a feature is present where its code is not 0.
    units, features : (pairs,) int64
        Which unit is held against which feature.
    threshold : float, default 0
        The units' own: they fire where their code is larger. At least 0.

    Returns
    -------
    Firing

    Raises
    ------
    RecipeError
        For shapes that do not fit, numbers that are not finite, or a threshold below 0.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.array([[1.0], [0.0], [2.0], [0.0]])
    >>> codes = np.array([[0.9], [0.1], [1.8], [0.0]])  # fires once too often, and weakly
    >>> score = firing_scores(codes, truth, np.array([0]), np.array([0]))
    >>> score.f1.round(2).tolist(), score.best_f1.tolist()
    ([0.8], [1.0])
    """
    threshold = checked_threshold(threshold)
    learned = columns_of("codes", codes)
    true = columns_of("truth", truth, learned.shape[0])
    out = np.empty((5, units.size))
    counts = np.empty((2, units.size), np.int64)
    tables = *parts_of(learned), *parts_of(true)[:2]
    pairs = np.asarray(units, np.int64), np.asarray(features, np.int64)
    run_tasks(
        fire_where_present,
        [
            (*tables, *(own[a : a + _PAIRS] for own in pairs), threshold, learned.shape[0], out[:, a : a + _PAIRS],
             counts[:, a : a + _PAIRS])
            for a in range(0, units.size, _PAIRS)
        ],
    )  # fmt: skip
    return Firing(out[0], out[1], out[2], out[3], out[4], counts[0], counts[1])
