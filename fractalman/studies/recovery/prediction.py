"""What theory says of one replicate, from its true features alone: the best reconstruction, and which edges merge."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from fractalman._typing import F64, I64, Bool
from fractalman.theory.dictionaries import (
    cofiring,
    faithful_gains,
    independent_merge_gain,
    magnitude_moments,
    merge_gain,
    nested_gains,
    path_error,
    point_covariance,
    rank_errors,
)

ROUNDING = 1e-9
"""Of losses whose scale is 1."""
_ALL = 1.0 - 1e-12
_SETTLED = 1e-6  # of the sum: a step that takes less off it is the last
_MOST_STATES = 3e8  # states × features × units of the knapsack of stretches, about a minute; beyond it is left out


class Left(NamedTuple):
    """Predicted shares of the points' variance that are not reconstructed.

    Attributes
    ----------
    faithful : float
        By the best faithful units.
    nested : float
        By the best units that may stand for stretches of paths; nan where the tree is too deep to compute it.
    selected : float
        By the best faithful units, those of the true features that gain most, of which at every point the magnitudes
        fire that are furthest from what the constant holds (`unfired_shares`); at most 1.
    path : float
        The least at any width, of units whose firing follows from membership.
    wide : float
        By faithful units of which a point may use as many as it likes: what `width_law` assumes.
    rank : float
        The least of any units of this number, however they fire; nan without directions.
    """

    faithful: float
    nested: float
    selected: float
    path: float
    wide: float
    rank: float


def unfired_shares(codes: Any, k: int) -> F64:
    """Return which share of every feature's variance is left where at most k units of a point fire.

    Parameters
    ----------
    codes : (n, m) scipy.sparse array
        Magnitudes of features whose units fire only where they are present.
    k : int
        Units a point.

    Returns
    -------
    (m,) float64
        0 to 1: Σ (f − c)² over points at which the unit is silent, over Σ (f − mean)² over all, c being what the
        constant holds of the feature, its mean where the unit is silent. 1 without variance.

    Notes
    -----
    At every point fire those with the largest (f − c)². What fires and c follow from each other and are improved in
    turn, from c = 0 and from c = mean; no step raises the sum, and the lesser of both ends counts, a local minimum. Any
    c is as good as the best one or worse, the mean among them, so no share is above 1. docs/theory.md §8.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> unfired_shares(csr_array([[3.0, 1.0], [0.0, 1.0], [0.0, 0.0]]), 1).round(3).tolist()
    [0.0, 0.75]
    """
    rows = codes.tocsr()
    n, m = rows.shape
    values, feature = rows.data.astype(np.float64), rows.indices
    point = np.repeat(np.arange(n), np.diff(rows.indptr))
    present, total = np.bincount(feature, minlength=m), np.bincount(feature, values, m)
    squares = np.bincount(feature, values**2, m)
    variance = squares - total**2 / n

    def settled(constant: F64) -> F64:
        best: F64 = np.full(m, np.inf)
        while True:
            order = np.lexsort((-np.square(values - constant[feature]), point))
            silent = order[np.arange(order.size) - rows.indptr[point] >= k]
            often = n - present + np.bincount(feature[silent], minlength=m)  # silent where it is absent, too
            sums = np.bincount(feature[silent], values[silent], m)
            powers = np.bincount(feature[silent], values[silent] ** 2, m)
            constant = sums / np.maximum(often, 1)
            left: F64 = powers - sums * constant
            if not left.sum() < best.sum() * (1.0 - _SETTLED):
                return best
            best = left

    best = min(settled(np.zeros(m)), settled(total / n), key=np.sum)
    share: F64 = np.divide(best, variance, out=np.ones(m), where=variance > ROUNDING * np.maximum(squares, 1.0))
    return np.clip(share, 0.0, 1.0)


class Expected:
    """Predictions of one replicate's features.

    Parameters
    ----------
    codes : (n, m) scipy.sparse.csc_array
        True magnitudes.
    parent : (m,) int64
        Parent of every feature, −1 for roots.
    X : (n, d) float
        The points.
    share : (m,) float64, optional
        Share of the population that has each feature; estimated from the codes without.
    magnitude : str, optional
        Kind of magnitude, where all features have independent ones of it; estimated from the codes without.
    directions : (m, d) float, optional
        True ones, for the least error of a width.
    noise : float, default 0
        Of every coordinate.
    """

    def __init__(
        self,
        codes: Any,
        parent: I64,
        X: Any,
        *,
        share: F64 | None = None,
        magnitude: str | None = None,
        directions: Any = None,
        noise: float = 0.0,
    ) -> None:
        n = codes.shape[0]
        self.codes, self.parent, self.magnitude = codes, parent, magnitude
        present = np.diff(codes.indptr)
        self.share: F64 = present / n if share is None else np.asarray(share, np.float64)
        power, mean = (np.asarray(own.sum(axis=0)).ravel() / np.maximum(present, 1) for own in (codes.power(2), codes))
        if magnitude is not None:
            known = magnitude_moments(magnitude)
            mean, power = np.full(parent.size, known.mean), np.full(parent.size, known.square)
        self.spread: F64 = np.maximum(0.0, power - mean**2)
        self.whole_mean: F64 = mean
        self.mean: F64 = np.where(self.share >= _ALL, 0.0, mean)  # the constant has what is in all points
        self.gain: F64 = self.share * (self.mean**2 + self.spread) - (self.share * self.mean) ** 2
        depth = np.ones(parent.size, np.int64)
        for j in np.flatnonzero(parent >= 0).tolist():
            depth[j] += depth[parent[j]]
        self.depth = int(depth.max(initial=0))
        centred = np.asarray(X, np.float64) - np.mean(X, axis=0, dtype=np.float64)
        self.variance = float(np.square(centred).sum(axis=1).mean())
        self._ranks = self._rank_shares(directions, noise)
        self._cache: dict[Any, Any] = {}

    def _rank_shares(self, directions: Any, noise: float) -> F64 | None:
        """Least share of the variance that 0, 1, … units leave, from the covariance of what they are to hold."""
        if directions is None:
            return None
        table = cofiring(self.parent, self.share).tocoo()
        table.data *= self.whole_mean[table.row] * self.whole_mean[table.col]
        own = table.row == table.col
        table.data[own] += (self.share * self.spread)[table.row[own]]
        D = np.asarray(directions, np.float64)
        middle = (self.share * self.whole_mean) @ D
        spread = D.T @ (table.tocsr() @ D) - np.outer(middle, middle)
        errors = rank_errors(point_covariance(np.eye(len(spread)), spread, noise), len(spread))
        return np.asarray(errors / errors[0]) if errors[0] else None

    def left(self, width: int, units: float) -> Left:
        """Return the squared errors that theory names, as shares of the variance of orthogonal directions.

        Parameters
        ----------
        width : int
            Units of the dictionary.
        units : float
            Units a point; between whole numbers linearly.
        """
        low = min(max(1, math.floor(units)), max(1, self.depth))
        one, two = self._left(width, low), self._left(width, min(low + 1, max(1, self.depth)))
        part = min(1.0, max(0.0, units - low))
        return Left(*((1.0 - part) * a + part * b for a, b in zip(one, two, strict=True)))

    def _left(self, width: int, k: int) -> Left:
        if ("left", width, k) not in self._cache:
            total = float(self.gain.sum())
            faithful = float(faithful_gains(self.parent, self.gain, width, k)[-1])
            nested = math.nan
            if k * self.depth**2 / 2 * self.parent.size * min(width, self.parent.size) <= _MOST_STATES:
                nested = float(nested_gains(self.parent, self.share, self.mean, self.spread, width, k)[-1])
            path = path_error(self.parent, self.share, self.spread, k)
            wide = float(np.sort(self.gain)[::-1][width:].sum())
            left = np.array([total - faithful, total - nested, self._selected(width, k), path, wide])
            left = left / total if total else np.zeros(5)
            rank = math.nan if self._ranks is None else float(self._ranks[min(width, self._ranks.size - 1)])
            values = [*np.maximum(0.0, left).tolist(), rank]  # rounding may leave below 0
            self._cache["left", width, k] = Left(*values)
        found: Left = self._cache["left", width, k]
        return found

    def _selected(self, width: int, k: int) -> float:
        """Squared error where, of the ``width`` features that gain most, the k of a point that gain most fire.

        A unit that does not fire leaves its feature to the constant, which holds the best number for it there, so no
        feature is ever worse than at its mean: shares of its variance are those of the sample, the variance the law's.
        """
        kept = np.argsort(-self.gain, kind="stable")[:width]
        left = unfired_shares(self.codes[:, kept], k)
        return float(self.gain[kept] @ left + np.delete(self.gain, kept).sum())

    def merge_gains(self, penalty: str, weight: float) -> F64:
        """Return edge by edge, by rising child, by how much merging child and parent lowers the loss; 0 = no points.

        Parameters
        ----------
        penalty : {"l1", "l0"}
            Which.
        weight : float
            Its weight on points of mean squared length 1.
        """
        children = np.flatnonzero(self.parent >= 0)
        out = np.zeros(children.size)
        scale = math.sqrt(self.variance)
        if self.magnitude is not None:  # one law for all edges: in a sample some would gain by chance
            power = magnitude_moments(self.magnitude).square
            out[:] = independent_merge_gain(self.magnitude, weight, penalty, math.sqrt(power) / scale)
            return out
        for k, child in enumerate(children.tolist()):
            rows, b = self._column(child)
            points, a = self._column(int(self.parent[child]))
            _, at, own = np.intersect1d(points, rows, assume_unique=True, return_indices=True)
            if at.size >= 2:
                out[k] = merge_gain(np.abs(a[at]) / scale, np.abs(b[own]) / scale, weight, penalty)
        return out

    def merged(self, penalty: str, weight: float) -> Bool:
        """Return edge by edge whether merging pays; parameters as of `merge_gains`."""
        return np.asarray(self.merge_gains(penalty, weight) > ROUNDING)

    def _column(self, j: int) -> tuple[I64, F64]:
        part = slice(self.codes.indptr[j], self.codes.indptr[j + 1])
        return self.codes.indices[part].astype(np.int64), self.codes.data[part]
