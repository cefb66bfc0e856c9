"""Kernel ridge regression as a linear smoother, with the kernels of the harness or any function of two tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fractalman._threads import threads_for_matrix
from fractalman._typing import F64, I64, AnyFloat
from fractalman.conventions import KERNEL_RIDGES, median_distance
from fractalman.kernels import by_name, distances, ntk
from fractalman.theory.ridged import Fit, Part, Ridged, with_intercept

_DEPTH = 2  # hidden layers of the networks whose tangent kernel is meant by name

Kernel = Callable[[F64, F64], F64]
"""(a, d), (b, d) scaled inputs → (a, b) kernel."""


@dataclass(frozen=True)
class KernelRidge(Ridged):
    """Kernel ridge regression with an intercept.

    Parameters
    ----------
    kernel : str or function
        A name of `fractalman.kernels.KERNELS`, "ntk" (of a network with two hidden layers), or a function of two tables
        of inputs, (a, d), (b, d) → (a, b). Default "laplace".
    ridges : tuple of float
        In units of the mean of K(x, x) over the training points; one ridge is taken without a choice. Default
        `fractalman.conventions.KERNEL_RIDGES`.
    length : float, optional
        Of a kernel that has one, in the unit of the inputs that it sees. Default None: their median distance.
    raw : bool
        Whether inputs are taken as they are. Default False: centred by the training mean and divided by one scalar, the
        root mean square of the centred training coordinates.
    """

    kernel: str | Kernel = "laplace"
    ridges: tuple[float, ...] = KERNEL_RIDGES
    length: float | None = None
    raw: bool = False
    larger_first: ClassVar[bool] = False

    @property
    def turns(self) -> bool:
        """Kernels with a name do not see a rotation; a function of two tables may."""
        return isinstance(self.kernel, str)

    def inputs(self, X_train: AnyFloat, X_test: AnyFloat) -> tuple[F64, F64]:
        """Return training and test inputs as the kernel sees them.

        Parameters
        ----------
        X_train : (n, d) float array
            Training inputs.
        X_test : (t, d) float array
            Test inputs.

        Returns
        -------
        X_train : (n, d) float64
            Training inputs, scaled.
        X_test : (t, d) float64
            Test inputs, scaled by the training inputs' scale.
        """
        if self.raw:
            return np.asarray(X_train, np.float64), np.asarray(X_test, np.float64)
        return super().inputs(X_train, X_test)

    def prepare(self, X_train: F64, key: int) -> Fit:
        """Return the kernel between all training points.

        Parameters
        ----------
        X_train : (n, d) float64
            Training inputs, as ``inputs`` returns them.
        key : int
            The learner's key, of the distances sampled where no length is given.

        Returns
        -------
        Fit
            What all ridges share.
        """
        kernel = self.kernel if callable(self.kernel) else _kernel_named(self.kernel, self.length, X_train, key)
        K = np.asarray(kernel(X_train, X_train), np.float64)
        unit = float(np.mean(np.diag(K))) or 1.0
        return _KernelFit(X_train, K / unit, kernel, unit)


def _kernel_named(name: str, length: float | None, X_train: F64, key: int) -> Kernel:
    """The kernel of that name with what it takes from the training points."""
    if name == "ntk":
        return lambda A, B: ntk(A, B, _DEPTH)
    radial, own = by_name(name), median_distance(X_train, key) if length is None else length
    return lambda A, B: distances(A, B, lambda r: radial(r, own))


@dataclass(frozen=True)
class _KernelFit(Fit):
    X: F64
    K: F64
    kernel: Kernel
    unit: float

    def rows(self, points: F64 | I64) -> F64:
        if points.dtype.kind == "i":
            return np.asarray(self.K[points], np.float64)
        return np.asarray(self.kernel(np.asarray(points, np.float64), self.X) / self.unit, np.float64)

    def on(self, part: I64 | slice) -> Part:
        return _KernelPart(self, part)


class _KernelPart(Part):
    def __init__(self, fit: _KernelFit, part: I64 | slice) -> None:
        self._part = part
        self._K = fit.K[part, part] if isinstance(part, slice) else fit.K[np.ix_(part, part)]
        self._factored: tuple[float, Any] | None = None

    def weights(self, ridge: float, rows: F64) -> F64 | None:
        import scipy.linalg

        if self._factored is None or self._factored[0] != ridge:
            shifted = np.array(self._K.T, order="F")  # symmetric: K row by row is LAPACK's order, copied straight
            shifted[np.diag_indices_from(shifted)] += ridge
            try:
                with threads_for_matrix(len(shifted)):
                    factor = scipy.linalg.cho_factor(shifted, lower=True, overwrite_a=True, check_finite=False)
            except scipy.linalg.LinAlgError:
                return None
            self._factored = (ridge, factor)
        with threads_for_matrix(len(self._K)):
            solved = scipy.linalg.cho_solve(self._factored[1], rows[:, self._part].T, check_finite=False)
        return with_intercept(solved.T)
