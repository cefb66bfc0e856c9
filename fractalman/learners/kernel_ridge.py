"""Kernel ridge regression with an intercept in float64; ridge chosen on validation points, refitted on all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fractalman import kernels
from fractalman._typing import F64, I64
from fractalman.conventions import KERNEL_RIDGES, median_distance, validation_split
from fractalman.errors import RecipeError
from fractalman.kernels import distances
from fractalman.learners.protocol import GROWS, Cost, Learner, Outcome, Problem, mean_square, scaling
from fractalman.theory.laws.learner_properties import MEDIAN_LENGTH, LearnerProperties
from fractalman.theory.laws.sources import LAPLACE_NTK, SPIGLER

if TYPE_CHECKING:
    from fractalman.theory.ridged import Smoother

_ROWS = 1024
"""Test points whose kernel row is held at once."""


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

    capacity: ClassVar[str] = GROWS
    linear_smoother: ClassVar[bool] = True

    def cost(self, n: int, d: int, t: int, m: int) -> Cost:  # noqa: ARG002
        """Count the kernel's entries and a factorisation for every ridge."""
        return Cost(2.0 * n**2 * (d + 8) + 6.0 * n**3 + 2.0 * n * t * (d + 8), 32.0 * n**2)

    def smoother(self) -> Smoother:
        """Ridge regression with the same kernel, whose ridge has the smallest expected risk on validation points."""
        from fractalman.theory.kernel_smoothers import KernelRidge as SameInTheory

        return SameInTheory(self.kernel)

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
        order = list(KERNEL_RIDGES)
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
        for ridge in KERNEL_RIDGES:
            weights = _solve(K_fit, y[fit] - offset, ridge)
            risks[ridge] = np.inf if weights is None else mean_square(y[held] - offset - K_held @ weights)
        return risks


@dataclass(frozen=True)
class LaplaceKernel(KernelRidge):
    """exp(−r/ℓ), as rough as a kernel of distances gets."""

    name: ClassVar[str] = "laplace-kernel"
    kernel: ClassVar[str] = "laplace"
    properties: ClassVar[LearnerProperties] = LearnerProperties(
        "laplace-kernel", "kernel", smoothness=0.5, assumptions=(MEDIAN_LENGTH,), references=(SPIGLER,)
    )


@dataclass(frozen=True)
class GaussianKernel(KernelRidge):
    """exp(−r²/2ℓ²), infinitely smooth."""

    name: ClassVar[str] = "gaussian-kernel"
    kernel: ClassVar[str] = "gaussian"
    properties: ClassVar[LearnerProperties] = LearnerProperties(
        "gaussian-kernel",
        "kernel",
        smoothness=math.inf,
        assumptions=(
            MEDIAN_LENGTH,
            "warning: eigenvalues fall faster than any power, and double precision ends at 10^-16 of the largest: "
            "beyond a modest n the learner no longer interpolates and the law stops",
        ),
        references=(SPIGLER,),
    )


@dataclass(frozen=True)
class MaternKernel(KernelRidge):
    """(1 + s)·exp(−s), s = √3·r/ℓ: Matérn of order 3/2, once differentiable."""

    name: ClassVar[str] = "matern-kernel"
    kernel: ClassVar[str] = "matern-3/2"
    properties: ClassVar[LearnerProperties] = LearnerProperties(
        "matern-kernel",
        "kernel",
        smoothness=1.5,
        assumptions=("the Matérn kernel of order 3/2", MEDIAN_LENGTH),
        references=(SPIGLER,),
    )


@dataclass(frozen=True)
class TangentKernel(KernelRidge):
    """The tangent kernel of the infinitely wide ReLU network of the harness.

    Parameters
    ----------
    depth : int
        Hidden layers of the network, from 1 to 64. Default 2.
    """

    depth: int = 2

    name: ClassVar[str] = "ntk-kernel"
    kernel: ClassVar[str] = "ntk"
    axes: ClassVar[Mapping[str, str]] = {"depth": "model"}
    properties: ClassVar[LearnerProperties] = LearnerProperties(
        "ntk-kernel",
        "kernel",
        smoothness=0.5,
        homogeneous=True,
        assumptions=("the tangent kernel of a ReLU network, no ridge", "inputs of nearly one length"),
        references=(SPIGLER, LAPLACE_NTK),
    )

    def __post_init__(self) -> None:
        if isinstance(self.depth, bool) or not isinstance(self.depth, int) or not 1 <= self.depth <= 64:
            raise RecipeError(f"ntk-kernel.depth = {self.depth!r}: expected an integer from 1 to 64")

    def smoother(self) -> Smoother:
        """Ridge regression with the tangent kernel of as many hidden layers."""
        from fractalman.theory.kernel_smoothers import KernelRidge as SameInTheory

        depth = self.depth
        return SameInTheory(lambda X, Z: kernels.ntk(X, Z, depth))

    @property
    def _kernel_convention(self) -> str:
        return f"the kernel of infinitely wide ReLU networks with {self.depth} hidden layers, as [mlp] builds them"

    def _length(self, X: F64, key: int) -> float | None:  # noqa: ARG002
        return None

    def _matrix(self, X: F64, Z: F64, length: float | None) -> F64:  # noqa: ARG002
        return kernels.ntk(X, Z, self.depth)
