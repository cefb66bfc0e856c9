"""What theory says of one replicate, from its true features alone: the best reconstruction, and which edges merge."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fractalman._typing import F64, I64
from fractalman.theory.dictionaries import absorbing_gains, absorption_threshold, faithful_gains


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
        total = np.asarray(codes.power(2).sum(axis=0)).ravel()
        self.power: F64 = total / np.maximum(present, 1)
        centred = np.asarray(X, np.float64) - np.mean(X, axis=0, dtype=np.float64)
        self.variance = float(np.square(centred).sum(axis=1).mean())
        self.free = self.share >= 1.0 - 1e-12  # features of all points are the decoder's constant
        self._cache: dict[Any, F64] = {}

    def left(self, width: int, units: float) -> tuple[float, float]:
        """Return the least squared error of faithful and of absorbing units, as shares of the points' variance.

        Parameters
        ----------
        width : int
            Units of the dictionary.
        units : float
            Units a point; the next whole number is taken.
        """
        gain = np.where(self.free, 0.0, self.share * self.power)
        key = ("faithful", width, math.ceil(units))
        if key not in self._cache:
            self._cache[key] = faithful_gains(self.parent, gain, width, min(32, math.ceil(units)))
        if ("absorbing", width) not in self._cache:
            powers = np.where(self.free, 0.0, self.power)
            self._cache["absorbing", width] = absorbing_gains(self.parent, self.share, powers, width)
        total = gain.sum()
        faithful, absorbing = self._cache[key][-1], self._cache["absorbing", width][-1]
        left = np.maximum(0.0, [total - faithful, total - absorbing]) / self.variance  # rounding may leave less than 0
        return float(left[0]), float(left[1])

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
