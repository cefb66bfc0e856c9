"""What theory says of one replicate, from its true features alone: the best reconstruction, and which edges merge."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from fractalman._typing import F64, I64
from fractalman.theory.dictionaries import absorption_threshold, faithful_gains, nested_gains, path_error

_MOST_STATES = 3e8  # states × features × units of the knapsack of stretches, about a minute; beyond it is left out


class Left(NamedTuple):
    """Predicted shares of the points' variance that are not reconstructed.

    Attributes
    ----------
    faithful : float
        By the best faithful units.
    nested : float
        By the best units that may stand for stretches of paths; nan where the tree is too deep to compute it.
    path : float
        The least at any width, of units whose firing follows from membership.
    """

    faithful: float
    nested: float
    path: float


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
    """

    def __init__(self, codes: Any, parent: I64, X: Any) -> None:
        n = codes.shape[0]
        self.codes, self.parent = codes, parent
        present = np.diff(codes.indptr)
        self.share: F64 = present / n
        power, mean = (np.asarray(own.sum(axis=0)).ravel() / np.maximum(present, 1) for own in (codes.power(2), codes))
        self.spread: F64 = np.maximum(0.0, power - mean**2)
        self.mean: F64 = np.where(self.share >= 1.0 - 1e-12, 0.0, mean)  # the constant has what is in all points
        self.gain: F64 = self.share * (self.mean**2 + self.spread) - (self.share * self.mean) ** 2
        depth = np.ones(parent.size, np.int64)
        for j in np.flatnonzero(parent >= 0).tolist():
            depth[j] += depth[parent[j]]
        self.depth = int(depth.max(initial=0))
        centred = np.asarray(X, np.float64) - np.mean(X, axis=0, dtype=np.float64)
        self.variance = float(np.square(centred).sum(axis=1).mean())
        self._cache: dict[Any, Any] = {}

    def left(self, width: int, units: float) -> Left:
        """Return the squared errors that theory names, as shares of the variance of orthogonal directions.

        Parameters
        ----------
        width : int
            Units of the dictionary.
        units : float
            Units a point; the next whole number is taken.
        """
        k = min(math.ceil(units), max(1, self.depth))
        if ("left", width, k) not in self._cache:
            total = float(self.gain.sum())
            faithful = float(faithful_gains(self.parent, self.gain, width, k)[-1])
            nested = math.nan
            if k * self.depth**2 / 2 * self.parent.size * min(width, self.parent.size) <= _MOST_STATES:
                nested = float(nested_gains(self.parent, self.share, self.mean, self.spread, width, k)[-1])
            path = path_error(self.parent, self.share, self.spread, k)
            left = np.array([total - faithful, total - nested, path]) / total if total else np.zeros(3)
            self._cache["left", width, k] = Left(*np.maximum(0.0, left).tolist())  # rounding may leave less than 0
        found: Left = self._cache["left", width, k]
        return found

    def merged(self, penalty: str, weight: float) -> Any:
        """Return edge by edge, by rising child, whether merging child and parent lowers the loss.

        Parameters
        ----------
        penalty : {"l1", "l0"}
            Which.
        weight : float
            Its weight on points of mean squared length 1.
        """
        key = ("edges", penalty)
        if key not in self._cache:
            self._cache[key] = self._thresholds(penalty)
        low, high = self._cache[key]
        return np.where(np.isnan(low), False, (weight > low) & (weight < high))

    def _thresholds(self, penalty: str) -> F64:
        children = np.flatnonzero(self.parent >= 0)
        out = np.full((2, children.size), np.nan)
        scale = math.sqrt(self.variance)
        for k, child in enumerate(children.tolist()):
            rows, b = self._column(child)
            points, a = self._column(int(self.parent[child]))
            both, at, own = np.intersect1d(points, rows, assume_unique=True, return_indices=True)
            a, b = a[at] / scale, b[own] / scale
            if both.size >= 2 and a.mean() > 0.0 and b.mean() > 0.0:
                spread = float(np.mean(a * b) - a.mean() * b.mean())
                means = (float(a.mean()), float(b.mean()))
                squares = (float(np.mean(a * a)), float(np.mean(b * b)))
                out[:, k] = absorption_threshold(means, squares, penalty, spread)
        return out

    def _column(self, j: int) -> tuple[I64, F64]:
        part = slice(self.codes.indptr[j], self.codes.indptr[j + 1])
        return self.codes.indices[part].astype(np.int64), self.codes.data[part]
