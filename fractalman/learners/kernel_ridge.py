"""Kernel ridge regression with an intercept in float64; ridge chosen on validation points, refitted on all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from fractalman import kernels
from fractalman._typing import F64, I64
from fractalman.errors import RecipeError
from fractalman.kernels import distances
from fractalman.learners.protocol import Learner, Outcome, Problem, mean_square, scaling, validation_split
from fractalman.random.streams import Role, draws, key64

RIDGES: tuple[float, ...] = (1e-10, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""The grid, in units of the kernel at distance 0."""

_ALL_PAIRS = 1024
_PAIRS = 1 << 18

_ROWS = 1024
"""Test points whose kernel row is held at once."""


def median_distance(X: F64, key: int) -> float:
    """Return the median distance of two different training points, 1 where that is 0.

    Args:
        X: (n, d) float64.
        key: the problem's key; beyond n = 1024 the median is over 2^18 addressed random pairs instead of all.
    """
    n = X.shape[0]
    if n < 2:
        return 1.0
    if n <= _ALL_PAIRS:
        r = distances(X, X)[np.triu_indices(n, 1)]
    else:
        words = draws(key64(key, Role.VALIDATION, 1), 2 * _PAIRS)
        first = (words[:_PAIRS] % np.uint64(n)).astype(np.int64)
        second = (first + 1 + (words[_PAIRS:] % np.uint64(n - 1)).astype(np.int64)) % n
        r = np.empty(_PAIRS)
        for start in range(0, _PAIRS, 1 << 14):
            part = slice(start, start + (1 << 14))
            r[part] = np.sqrt(np.square(X[first[part]] - X[second[part]]).sum(axis=1))
    median = float(np.median(r))
    return median if median > 0.0 else 1.0


def _solve(K: F64, y: F64, ridge: float) -> F64 | None:
    """Return (K + ridge)⁻¹ y by Cholesky, or None where K + ridge is not positive definite in float64."""
    import scipy.linalg

    shifted = np.array(K, order="F")  # LAPACK's order: factorised in place
    shifted[np.diag_indices_from(shifted)] += ridge
    try:
        factor = scipy.linalg.cho_factor(shifted, lower=True, overwrite_a=True, check_finite=False)
    except scipy.linalg.LinAlgError:
        return None
    out: F64 = scipy.linalg.cho_solve(factor, y, check_finite=False)
    return out


class KernelRidge(Learner):
    """Kernel ridge regression; subclasses name the kernel."""

    capacity: ClassVar[str] = "grows with n"
    kernel: ClassVar[str]

    @property
    def conventions(self) -> str:
        """How inputs, labels, length and ridge are treated."""
        return (
            f"{self.name}: kernel ridge regression in float64 with an intercept (labels centred by their training "
            "mean); inputs centred and divided by one scalar (root mean square of the centred training coordinates); "
            f"{self._kernel_convention}; the ridge, in units of the "
            "kernel's mean at distance 0, has the smallest risk on a fifth of the training points among 1e-10, 1e-6, "
            "1e-4, 1e-3, 1e-2, 1e-1, 1 (ties to the smaller), then everything is refitted on all training points."
        )

    @property
    def _kernel_convention(self) -> str:
        return "length = median distance of two training points (2^18 sampled pairs beyond n = 1024)"

    def _length(self, X: F64, key: int) -> float | None:
        """The kernel's length, or None for a kernel without one."""
        return median_distance(X, key)

    def _matrix(self, X: F64, Z: F64, length: float | None) -> F64:
        """The kernel between two tables of scaled inputs."""
        assert length is not None
        return kernels.by_name(self.kernel)(distances(X, Z), length)

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        """Fit every problem; all label columns share one ridge."""
        return [self._one(problem) for problem in problems]

    def _one(self, problem: Problem) -> Outcome:
        scale = scaling(problem)
        X, y = scale.inputs(problem.X_train), scale.labels(problem.y_train)
        length = self._length(X, problem.key)
        K = self._matrix(X, X, length)
        unit = float(np.mean(np.diag(K))) or 1.0
        K /= unit
        fit, held = validation_split(problem.key, problem.n)
        order = list(RIDGES)
        risk = None
        if held.size:
            risks = self._validation_risks(K, y, fit, held)
            order.sort(key=lambda ridge: (risks[ridge], ridge))
            risk = risks[order[0]]
        # the full matrix is larger than the one validated: in the rare case that it cannot be factorised, the next best
        chosen, weights = next((ridge, w) for ridge in order if (w := _solve(K, y, ridge)) is not None)
        Z = scale.inputs(problem.X_test)
        blocks = [self._matrix(Z[a : a + _ROWS], X, length) @ weights / unit for a in range(0, Z.shape[0], _ROWS)]
        prediction = np.concatenate([np.empty((0, y.shape[1])), *blocks]) + scale.label_centre
        info = {
            "ridge": chosen,
            "length": None if length is None else length * scale.scale,
            "validation_points": int(held.size),
            "validation_risk": risk,
        }
        return Outcome(prediction, mean_square(y - K @ weights), info)

    @staticmethod
    def _validation_risks(K: F64, y: F64, fit: I64, held: I64) -> dict[float, float]:
        K_fit, K_held = K[np.ix_(fit, fit)], K[np.ix_(held, fit)]
        offset = y[fit].mean(axis=0)
        risks = {}
        for ridge in RIDGES:
            weights = _solve(K_fit, y[fit] - offset, ridge)
            risks[ridge] = np.inf if weights is None else mean_square(y[held] - offset - K_held @ weights)
        return risks


class LaplaceKernel(KernelRidge):
    """exp(−r/ℓ), as rough as a kernel of distances gets."""

    name: ClassVar[str] = "laplace-kernel"
    kernel: ClassVar[str] = "laplace"


class GaussianKernel(KernelRidge):
    """exp(−r²/2ℓ²), infinitely smooth."""

    name: ClassVar[str] = "gaussian-kernel"
    kernel: ClassVar[str] = "gaussian"


class MaternKernel(KernelRidge):
    """(1 + s)·exp(−s), s = √3·r/ℓ: Matérn of order 3/2, once differentiable."""

    name: ClassVar[str] = "matern-kernel"
    kernel: ClassVar[str] = "matern-3/2"


class TangentKernel(KernelRidge):
    """The tangent kernel of the infinitely wide ReLU network of the harness.

    Args:
        depth: hidden layers of the network.
    """

    name: ClassVar[str] = "ntk-kernel"
    kernel: ClassVar[str] = "ntk"

    def __init__(self, depth: int = 2) -> None:
        if isinstance(depth, bool) or not isinstance(depth, int) or not 1 <= depth <= 64:
            raise RecipeError(f"ntk-kernel.depth = {depth!r}: allowed is an integer from 1 to 64")
        self.depth = depth

    @property
    def _kernel_convention(self) -> str:
        return f"the kernel of infinitely wide ReLU networks with {self.depth} hidden layers, as [mlp] builds them"

    def _length(self, X: F64, key: int) -> float | None:  # noqa: ARG002
        return None

    def _matrix(self, X: F64, Z: F64, length: float | None) -> F64:  # noqa: ARG002
        return kernels.ntk(X, Z, self.depth)
