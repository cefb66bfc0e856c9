"""Expected risk of linear smoothers ŷ = Hy under the labels' covariance: no label is drawn, nothing is trained.

    E(y_t − Σ_i H_ti y_i)² = Σ_tt − 2HΣ_nt + HΣ_nnHᵀ,      H ← H(I − 11ᵀ/n) + 11ᵀ/n with an intercept.

The weights H are those of the learners that the harness runs, made here from their stated conventions: inputs centred
by the training mean and divided by one scalar (root mean square of the centred training coordinates), labels centred by
their training mean, kernel length = median distance of two training points, ridge chosen on a fifth of the training
points. A learner chooses by measured risk, which looks at labels; theory takes the ridge whose *expected* risk on the
same points is smallest. Symbols: n training, t test points, λ = ridge.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fractalman._arrays import F64, I64, AnyFloat
from fractalman.errors import RecipeError
from fractalman.kernels import by_name, distances
from fractalman.theory.conventions import (
    KERNEL_RIDGES,
    LINEAR_RIDGES,
    held_out,
    median_distance,
    scaled_inputs,
)
from fractalman.theory.covariance import LabelCovariance

_BLOCK = 1 << 24  # weights held at once
_FEW_FEATURES = 4  # with at least so many training points a feature, products Σ·v replace walks for every test point

Kernel = Callable[[F64, F64], F64]
"""(a, d), (b, d) scaled inputs → (a, b) kernel."""


@dataclass(frozen=True)
class Expected:
    """The expected risk of a smoother fitted on one training set.

    Args:
        risk: (t,) float64 at every test point, in units of the label's prior variance.
        ridge: the ridge chosen, None where there is nothing to choose.
        validation_risk: the expected risk on the held-out points that it was chosen by, or None.
    """

    risk: F64
    ridge: float | None = None
    validation_risk: float | None = None


def with_intercept(weights: F64) -> F64:
    """Return H(I − 11ᵀ/n) + 11ᵀ/n, the weights of a smoother of centred labels: rows sum to 1; (t, n) float64."""
    return np.asarray(weights + (1.0 - weights.sum(axis=1, keepdims=True)) / weights.shape[1], np.float64)


def expected_risk(covariance: LabelCovariance, weights: F64, train: I64, test: I64, intercept: bool = False) -> F64:
    """Return the expected squared error of any linear smoother, exact as long as its weights do not see the labels.

    Args:
        covariance: of the labels, `TreeCovariance` or `FieldCovariance` (label noise included in either).
        weights: (t, n) float64, H. train: (n,), test: (t,) int64 point numbers.
        intercept: apply `with_intercept` first.
    Returns: (t,) float64 in units of the prior variance.
    Errors: RecipeError. Source: docs/theory.md §4.
    """
    H = np.asarray(weights, np.float64)
    return covariance.residuals(with_intercept(H) if intercept and H.size else H, train, test)


# ---------------------------------------------------------------------------------------------------- smoothers


class Smoother(ABC):
    """A linear smoother of labels, defined by inputs alone (and by its ridge, where it has one)."""

    @abstractmethod
    def expected(
        self, covariance: LabelCovariance, X_train: AnyFloat, X_test: AnyFloat, train: I64, test: I64, key: int
    ) -> Expected:
        """Return the expected risk at the test points.

        Args:
            covariance: of the labels. X_train: (n, d), X_test: (t, d). train: (n,), test: (t,) their point numbers.
            key: the learner's key, of its validation points and sampled distances.
        """

    @abstractmethod
    def weights(self, X_train: AnyFloat, X_test: AnyFloat, key: int = 0, ridge: float | None = None) -> F64:
        """Return H, (t, n) float64, rows summing to 1; with one of several ridges, None = the first listed."""


class Part(ABC):
    """A ridged smoother on some of its training points, waiting for a ridge."""

    @abstractmethod
    def weights(self, ridge: float, rows: F64) -> F64 | None:
        """Return H with its intercept, (t, n), or None where the fit fails in double precision.

        Args:
            ridge: λ. rows: what `Fit.rows` returned for the target points.
        """

    def risk(self, covariance: LabelCovariance, train: I64, ridge: float, rows: F64, test: I64) -> F64 | None:
        """Return the expected risk at target points, or None where the fit fails; always one and the same covariance.

        Args:
            covariance: of the labels. train: (n,), test: (t,) int64 point numbers.
        """
        H = self.weights(ridge, rows)
        return None if H is None else covariance.residuals(H, train, test)


class Fit(ABC):
    """What a training set fixes before a ridge is chosen."""

    @abstractmethod
    def rows(self, points: F64 | I64) -> F64:
        """Return what is needed of target points: scaled inputs (t, d), or training points by number."""

    @abstractmethod
    def on(self, part: I64 | slice) -> Part:
        """Return the fit on a part of the training points, given by their positions among them."""


class Ridged(Smoother):
    """A smoother with a ridge, chosen on held-out training points by the smallest expected risk."""

    ridges: tuple[float, ...]
    larger_first: ClassVar[bool]  # of equal risks the larger ridge is taken, else the smaller

    @abstractmethod
    def prepare(self, X_train: F64, key: int) -> Fit:
        """Return what all ridges share, from scaled inputs (n, d)."""

    def expected(
        self, covariance: LabelCovariance, X_train: AnyFloat, X_test: AnyFloat, train: I64, test: I64, key: int
    ) -> Expected:
        """Return the expected risk with the ridge of smallest expected validation risk, refitted on all points."""
        if not self.ridges:
            raise RecipeError("ridges = (): allowed is at least one ridge")
        X, Z = scaled_inputs(X_train, X_test)
        fit = self.prepare(X, key)
        order, validation = sorted(self.ridges, reverse=self.larger_first), None
        if len(order) > 1 and train.size > 1:
            risks = self._validated(covariance, fit, train, key)
            order.sort(key=risks.__getitem__)  # stable: of equal risks the first stays first
            validation = risks[order[0]]
        whole, step, risk = fit.on(slice(None)), max(1, _BLOCK // train.size), np.empty(test.size)
        for ridge in order:  # more points than were validated on: where they cannot be factorised, the next best
            for a in range(0, max(1, test.size), step):
                found = whole.risk(covariance, train, ridge, fit.rows(Z[a : a + step]), test[a : a + step])
                if found is None:
                    break
                risk[a : a + step] = found
            else:
                return Expected(risk, ridge, validation)
        raise RecipeError(f"ridges = {self.ridges}: none of them is large enough to factorise this kernel")

    def _validated(self, covariance: LabelCovariance, fit: Fit, train: I64, key: int) -> dict[float, float]:
        """Expected risk on the held-out points for every ridge, infinite where the fit fails."""
        part, held = held_out(key, train.size)
        tried, rows, risks = fit.on(part), fit.rows(held), {}
        for ridge in self.ridges:
            risk = tried.risk(covariance, train[part], ridge, rows, train[held])
            risks[ridge] = np.inf if risk is None else float(risk.mean())
        return risks

    def weights(self, X_train: AnyFloat, X_test: AnyFloat, key: int = 0, ridge: float | None = None) -> F64:
        """Return H for one ridge (None = the first), (t, n) float64.

        Errors: RecipeError where the kernel and this ridge cannot be factorised in double precision.
        """
        X, Z = scaled_inputs(X_train, X_test)
        fit = self.prepare(X, key)
        chosen = self.ridges[0] if ridge is None else ridge
        H = fit.on(slice(None)).weights(chosen, fit.rows(Z))
        if H is None:
            raise RecipeError(f"ridge = {chosen!r}: too small to factorise this kernel in double precision")
        return H


# ---------------------------------------------------------------------------------------------------- kernels


@dataclass(frozen=True)
class KernelRidge(Ridged):
    """Kernel ridge regression with an intercept.

    Args:
        kernel: a name of `fractalman.kernels` (its length is the median training distance), or a function of two
            tables of scaled inputs, (a, d), (b, d) → (a, b), for instance the tangent kernel of a network.
        ridges: in units of the kernel at distance 0, for a function of its mean over the training points; one ridge is
            taken as it is.
    """

    kernel: str | Kernel = "laplace"
    ridges: tuple[float, ...] = KERNEL_RIDGES
    larger_first: ClassVar[bool] = False

    def prepare(self, X_train: F64, key: int) -> Fit:
        """Return the kernel between all training points."""
        if callable(self.kernel):
            K = np.asarray(self.kernel(X_train, X_train), np.float64)
            return _KernelFit(X_train, K, self.kernel, float(np.diag(K).mean()))
        radial, length = by_name(self.kernel), median_distance(X_train, key)

        def kernel(A: F64, B: F64) -> F64:
            return radial(distances(A, B), length)

        return _KernelFit(X_train, kernel(X_train, X_train), kernel, 1.0)


@dataclass(frozen=True)
class _KernelFit(Fit):
    X: F64
    K: F64
    kernel: Kernel
    unit: float

    def rows(self, points: F64 | I64) -> F64:
        return self.K[points] if points.dtype.kind == "i" else self.kernel(np.asarray(points, np.float64), self.X)

    def on(self, part: I64 | slice) -> Part:
        return _KernelPart(self, part)


class _KernelPart(Part):
    def __init__(self, fit: _KernelFit, part: I64 | slice) -> None:
        self._part, self._unit = part, fit.unit
        self._K = fit.K[part][:, part]
        self._factored: tuple[float, Any] | None = None

    def weights(self, ridge: float, rows: F64) -> F64 | None:
        import scipy.linalg

        if self._factored is None or self._factored[0] != ridge:
            shifted = np.array(self._K, order="F")  # LAPACK's order: factorised in place
            shifted[np.diag_indices_from(shifted)] += ridge * self._unit
            try:
                factor = scipy.linalg.cho_factor(shifted, lower=True, overwrite_a=True, check_finite=False)
            except scipy.linalg.LinAlgError:
                return None
            self._factored = (ridge, factor)
        return with_intercept(scipy.linalg.cho_solve(self._factored[1], rows[:, self._part].T, check_finite=False).T)


# ---------------------------------------------------------------------------------------------------- linear features


@dataclass(frozen=True, eq=False)
class LinearRidge(Ridged):
    """Ridge regression with an intercept on the inputs, or on given linear features of them (random features).

    Args:
        projection: (d, k) float64 applied to the scaled inputs, scaled as wanted (W/√k for k random features); None =
            the inputs themselves.
        ridges: λ in the penalty λ·n·|w|²; 0 is the limit λ → 0, the interpolator of least norm where n is small.
    """

    projection: F64 | None = None
    ridges: tuple[float, ...] = LINEAR_RIDGES
    larger_first: ClassVar[bool] = True

    def prepare(self, X_train: F64, _key: int) -> Fit:
        """Return the features of the training points."""
        W = self.projection
        if W is not None and (W.ndim != 2 or W.shape[0] != X_train.shape[1]):
            raise RecipeError(f"projection of shape {W.shape}: allowed is ({X_train.shape[1]}, k)")
        return _LinearFit(X_train if W is None else X_train @ W, W)


@dataclass(frozen=True)
class _LinearFit(Fit):
    features: F64
    projection: F64 | None

    def rows(self, points: F64 | I64) -> F64:
        if points.dtype.kind == "i":
            return np.asarray(self.features[points], np.float64)
        return np.asarray(points if self.projection is None else points @ self.projection, np.float64)

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

    def _left(self, ridge: float, rows: F64) -> F64:
        shrunk = np.zeros(self._s.size)
        alive = self._s > (self._noise if ridge == 0.0 else 0.0)
        shrunk[alive] = self._s[alive] / (np.square(self._s[alive]) + ridge * len(self._right))
        return np.concatenate([(rows - self._mean) @ self._Vt.T * shrunk, np.ones((len(rows), 1))], axis=1)

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
