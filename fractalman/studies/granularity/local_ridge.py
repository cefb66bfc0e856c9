"""Ridge regression fragment by fragment, and ridge on the fragments' indicators: linear smoothers that share a ridge.

Inputs are scaled as all learners' are, by all training points: centred, and divided by one scalar. In a fragment with
n_f training points local ridge minimises Σ (y − a − (x − x̄)w)² + λ·n_f·|w|² with its own a and w, one λ for all
fragments; λ = ∞ is the fragment's mean. A point whose fragment holds no training point is answered with the mean of
all training labels. Symbols: n training points, m label columns, λ = ridge.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, I64, AnyFloat
from fractalman.learners.protocol import mean_square, validation_split
from fractalman.theory import LabelCovariance

RIDGES: tuple[float, ...] = (*(10.0**power for power in range(-12, 4)), np.inf)
"""The grid of λ, in units of the mean square of a coordinate; of equal risks the larger is taken."""


@dataclass(frozen=True)
class Chosen:
    """A smoother whose ridge is chosen.

    Args:
        weights: (t, n) float64, H, rows summing to 1. ridge: λ.
        validation_risk: by which it was chosen, None without validation points.
    """

    weights: F64
    ridge: float
    validation_risk: float | None


class FragmentRidge(ABC):
    """A ridge regression that knows the fragments.

    Args:
        X: (N, d) scaled inputs of all points. fragment: (N,) int64, of every point.
    """

    def __init__(self, X: F64, fragment: I64) -> None:
        self.X, self.fragment = X, fragment

    @abstractmethod
    def fitted(self, train: I64, targets: I64) -> Fitted:
        """Return the fit on training points, for every ridge, at target points; both int64 point numbers."""

    def by_labels(self, train: I64, y: F64, targets: I64, key: int) -> Chosen:
        """Return the smoother with the ridge of least risk on a fifth of the training points, refitted on all.

        Args:
            train: (n,) int64. y: (n, m) float64 their labels. targets: (t,) int64. key: of the validation points.
        """
        fit, held = validation_split(key, train.size)
        if not held.size:
            return Chosen(self.fitted(train, targets).weights(RIDGES[-1]), RIDGES[-1], None)
        tried = self.fitted(train[fit], train[held])
        risks = {ridge: mean_square(y[held] - tried.weights(ridge) @ y[fit]) for ridge in RIDGES}
        return self._chosen(risks, train, targets)

    def by_covariance(self, covariance: LabelCovariance, train: I64, targets: I64, key: int) -> Chosen:
        """Return the same with the ridge of least expected risk on those points; no label is looked at."""
        fit, held = validation_split(key, train.size)
        if not held.size:
            return Chosen(self.fitted(train, targets).weights(RIDGES[-1]), RIDGES[-1], None)
        tried = self.fitted(train[fit], train[held])
        risks = {
            ridge: float(covariance.residuals(tried.weights(ridge), train[fit], train[held]).mean()) for ridge in RIDGES
        }
        return self._chosen(risks, train, targets)

    def _chosen(self, risks: dict[float, float], train: I64, targets: I64) -> Chosen:
        ridge = min(risks, key=lambda r: (risks[r], -r))
        return Chosen(self.fitted(train, targets).weights(ridge), ridge, risks[ridge])


class Fitted(ABC):
    """A fit that waits for its ridge."""

    @abstractmethod
    def weights(self, ridge: float) -> F64:
        """Return H, (t, n) float64."""


def scaled(X: AnyFloat, train: I64) -> F64:
    """Return inputs centred by the training mean and divided by one scalar, as every learner's."""
    known = np.asarray(X[train], np.float64)
    centre = known.mean(axis=0)
    size = float(np.sqrt(np.mean(np.square(known - centre))))
    return np.asarray((np.asarray(X, np.float64) - centre) / (size if size > 0.0 else 1.0), np.float64)


# ---------------------------------------------------------------------------------------------------- local ridge


@dataclass(frozen=True)
class _Piece:
    """One fragment: which rows and columns of H, and the singular vectors between them."""

    rows: I64
    columns: I64
    left: F64
    s: F64
    right: F64


class LocalRidge(FragmentRidge):
    """Ridge regression in every fragment by itself."""

    def fitted(self, train: I64, targets: I64) -> Fitted:
        """Return the fit: one singular value decomposition a fragment."""
        import scipy.linalg

        pieces = []
        of_train, of_target = _members(self.fragment[train]), _members(self.fragment[targets])
        for f, columns in of_train.items():
            rows = of_target.get(f)
            if rows is None:
                continue
            known = self.X[train[columns]]
            mean = known.mean(axis=0)
            U, s, Vt = scipy.linalg.svd(known - mean, full_matrices=False, check_finite=False)
            kept = s > 1e-12 * max(float(s[0]), 1e-300) * np.sqrt(len(s))
            left = (self.X[targets[rows]] - mean) @ Vt[kept].T
            pieces.append(_Piece(rows, columns, left, s[kept], U[:, kept].T))
        return _LocalFit(pieces, targets.size, train.size)


@dataclass(frozen=True)
class _LocalFit(Fitted):
    pieces: list[_Piece]
    t: int
    n: int

    def weights(self, ridge: float) -> F64:
        H = np.full((self.t, self.n), 1.0 / self.n)
        for piece in self.pieces:
            n = piece.columns.size
            H[piece.rows] = 0.0
            shrunk = piece.s / (np.square(piece.s) + ridge * n) if np.isfinite(ridge) else np.zeros(piece.s.size)
            H[np.ix_(piece.rows, piece.columns)] = 1.0 / n + piece.left * shrunk @ piece.right
        return H


def _members(fragment: I64) -> dict[int, I64]:
    """Fragment → the places where it stands, rising."""
    order = np.argsort(fragment, kind="stable")
    names, start = np.unique(fragment[order], return_index=True)
    return dict(zip(names.tolist(), np.split(order, start[1:]), strict=True))


# ---------------------------------------------------------------------------------------------------- indicators


class IndicatorRidge(FragmentRidge):
    """Ridge regression on the fragments' indicators: means of fragments, shrunk to one another, whatever the inputs.

    Σ (y − b − w_f)² + λ·n·Σ w_f² with a free b: w_f = n_f/(n_f + λn)·(ȳ_f − b), b = Σ a_f ȳ_f / Σ a_f,
    a_f = n_f/(n_f + λn).
    """

    def fitted(self, train: I64, targets: I64) -> Fitted:
        """Return the fit, in closed form."""
        names, place = np.unique(self.fragment[train], return_inverse=True)
        place = place.reshape(-1)
        at = np.searchsorted(names, self.fragment[targets])
        at = np.where(at < names.size, at, 0)
        seen = names[at] == self.fragment[targets]
        return _IndicatorFit(np.bincount(place), place, at, seen)


@dataclass(frozen=True)
class _IndicatorFit(Fitted):
    count: I64
    place: I64
    at: I64
    seen: np.ndarray[tuple[int], np.dtype[np.bool_]]

    def weights(self, ridge: float) -> F64:
        n = self.place.size
        share = self.count / (self.count + ridge * n) if np.isfinite(ridge) else np.zeros(self.count.size)
        pull = share if share.sum() > 0.0 else self.count / n  # λ = ∞: b is the mean of all
        offset = (pull / self.count)[self.place] / pull.sum()
        own = np.where(self.seen, share[self.at], 0.0)
        H = (1.0 - own)[:, None] * offset[None, :]
        same = self.seen[:, None] & (self.at[:, None] == self.place[None, :])
        H += np.where(same, (own / self.count[self.at])[:, None], 0.0)
        return np.asarray(H, np.float64)
