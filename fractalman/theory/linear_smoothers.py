"""Ridge regression as a linear smoother: on the inputs, on a projection of them, on random features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fractalman._typing import F64, I64
from fractalman.config import shown
from fractalman.conventions import LINEAR_RIDGES, random_projections
from fractalman.errors import RecipeError
from fractalman.theory.label_covariance import LabelCovariance
from fractalman.theory.ridged import Fit, Part, Ridged, with_intercept

_FEW_FEATURES = 4  # with at least so many training points a feature, products Σ·v replace walks for every test point


@dataclass(frozen=True, eq=False)
class LinearRidge(Ridged):
    """Ridge regression with an intercept on the inputs, or on given linear features of them.

    Parameters
    ----------
    projection : (d, k) float64, default None
        Applied to the scaled inputs, scaled as wanted (W/√k for k random features); None = the inputs themselves.
    ridges : tuple of float, default LINEAR_RIDGES
        λ in the penalty λ·n·|w|²; 0 is the limit λ → 0, the interpolator of least norm where n is small.
    """

    projection: F64 | None = None
    ridges: tuple[float, ...] = LINEAR_RIDGES
    larger_first: ClassVar[bool] = True

    @property
    def turns(self) -> bool:
        """Least squares do not see a rotation, features that are given may."""
        return self.projection is None

    def prepare(self, X_train: F64, _key: int) -> Fit:
        """Return the features of the training points.

        Parameters
        ----------
        X_train : (n, d) float64
            Training inputs, as ``inputs`` returns them.

        Returns
        -------
        Fit
            What all ridges share.

        Raises
        ------
        RecipeError
            If an argument lies outside what is allowed; the message names it.
        """
        W = self.projection
        if W is None:
            return _LinearFit(X_train, lambda X: X)
        if W.ndim != 2 or W.shape[0] != X_train.shape[1]:
            raise RecipeError(f"projection of shape {W.shape}: expected ({X_train.shape[1]}, k)")
        return _LinearFit(X_train @ W, lambda X: np.asarray(X @ W, np.float64))


@dataclass(frozen=True)
class RandomFeatures(Ridged):
    """Ridge regression on k features with fixed standard normal weights, drawn by the learner's key.

    Parameters
    ----------
    features : int, default 1024
        k ≥ 1, number of features.
    activation : {"relu", "linear"}, default "relu"
        "relu", relu(Wx/√d + b)/√k, or "linear", Wx/√k.
    ridges : tuple of float, default LINEAR_RIDGES
        λ in the penalty λ·n·|w|²; 0 is the limit λ → 0, the interpolator of least norm where n is small.
    """

    features: int = 1024
    activation: str = "relu"
    ridges: tuple[float, ...] = LINEAR_RIDGES
    larger_first: ClassVar[bool] = True

    @property
    def turns(self) -> bool:
        """Normal weights, turned, are as likely."""
        return True

    def prepare(self, X_train: F64, key: int) -> Fit:
        """Return the features of the training points.

        Parameters
        ----------
        X_train : (n, d) float64
            Training inputs, as ``inputs`` returns them.
        key : int
            The learner's key, of the features' weights.

        Returns
        -------
        Fit
            What all ridges share.

        Raises
        ------
        RecipeError
            If an argument lies outside what is allowed; the message names it.
        """
        if self.activation not in ("relu", "linear") or self.features < 1:
            raise RecipeError(
                f"features = {shown(self.features)}, activation = {shown(self.activation)}: expected 1 or more, "
                "relu or linear"
            )
        d, scale = X_train.shape[1], np.sqrt(self.features)
        W, b = random_projections(key, d, self.features)

        def mapped(X: F64) -> F64:
            if self.activation == "linear":
                return np.asarray(X @ W / scale, np.float64)
            return np.asarray(np.maximum(X @ W / np.sqrt(d) + b, 0.0) / scale, np.float64)

        return _LinearFit(mapped(X_train), mapped)


@dataclass(frozen=True)
class _LinearFit(Fit):
    features: F64
    mapped: Callable[[F64], F64]

    def rows(self, points: F64 | I64) -> F64:
        if points.dtype.kind == "i":
            return np.asarray(self.features[points], np.float64)
        return self.mapped(np.asarray(points, np.float64))

    def on(self, part: I64 | slice) -> Part:
        return _LinearPart(self.features[part])


class _LinearPart(Part):
    """H = A·(U, 1/n)ᵀ from one singular value decomposition; with few features Σ is met through (U, 1/n) only."""

    def __init__(self, features: F64) -> None:
        import scipy.linalg

        n = len(features)
        self._mean = features.mean(axis=0)
        U, self._s, self._Vt = scipy.linalg.svd(features - self._mean, full_matrices=False, check_finite=False)
        self._right = np.concatenate([U, np.full((n, 1), 1.0 / n)], axis=1)
        self._noise = np.finfo(np.float64).eps * max(features.shape) * float(self._s.max(initial=0.0))
        self._products: tuple[F64, F64] | None = None
        self._seen: tuple[F64, F64] | None = None

    def _turned(self, rows: F64) -> F64:
        """The rows in the decomposition's directions; every ridge asks for the same rows in turn."""
        if self._seen is None or self._seen[0] is not rows:
            self._seen = rows, (rows - self._mean) @ self._Vt.T
        return self._seen[1]

    def _left(self, ridge: float, rows: F64) -> F64:
        shrunk = np.zeros(self._s.size)
        alive = self._s > (self._noise if ridge == 0.0 else 0.0)
        shrunk[alive] = self._s[alive] / (np.square(self._s[alive]) + ridge * len(self._right))
        return np.concatenate([self._turned(rows) * shrunk, np.ones((len(rows), 1))], axis=1)

    def weights(self, ridge: float, rows: F64) -> F64:
        return with_intercept(self._left(ridge, rows) @ self._right.T)

    def risk(self, covariance: LabelCovariance, train: I64, ridge: float, rows: F64, test: I64) -> F64 | None:
        n, features = self._right.shape
        if _FEW_FEATURES * features > n:
            return super().risk(covariance, train, ridge, rows, test)
        if self._products is None:
            spread = np.zeros((covariance.n_points, features))
            spread[train] = self._right
            across = covariance.times(spread)
            self._products = across, self._right.T @ across[train]
        across, inner = self._products
        left = self._left(ridge, rows)
        explained = 2.0 * np.einsum("tq,tq->t", left, across[test]) - np.einsum("tq,tq->t", left @ inner, left)
        return np.asarray(np.maximum(covariance.prior(test) - explained, 0.0), np.float64)
