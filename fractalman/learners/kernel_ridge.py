"""Kernel ridge regression with an intercept in float64; ridge chosen on validation points, refitted on all."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fractalman import kernels
from fractalman._threads import one_matrix_thread, threads_for_matrix
from fractalman._typing import F32, F64, I64
from fractalman.config import real, shown
from fractalman.conventions import KERNEL_RIDGES, median_distance, validation_split
from fractalman.errors import FitError, RecipeError
from fractalman.kernels import distances
from fractalman.learners.protocol import GROWS, Cost, Learner, Outcome, Problem, Scaling, mean_square, scaling
from fractalman.theory.laws.learner_properties import MEDIAN_LENGTH, LearnerProperties
from fractalman.theory.laws.sources import LAPLACE_NTK, SPIGLER

if TYPE_CHECKING:
    from fractalman.theory.ridged import Smoother

_ROWS = 1024
"""Test points whose kernel row is held at once."""


def _solve(K: F64, y: F64, ridge: float) -> F64 | None:
    """Return (K + ridge)⁻¹ y by Cholesky, or None where K + ridge is not positive definite in float64."""
    import scipy.linalg

    shifted = np.array(K.T, order="F")  # symmetric: K row by row is LAPACK's order, copied straight
    shifted[np.diag_indices_from(shifted)] += ridge
    try:
        with threads_for_matrix(len(shifted)):
            factor = scipy.linalg.cho_factor(shifted, lower=True, overwrite_a=True, check_finite=False)
    except scipy.linalg.LinAlgError:
        return None
    out: F64 = scipy.linalg.cho_solve(factor, y, check_finite=False)
    return out


def _positive(called: str, value: object) -> None:
    """Check a number that was given."""
    if value is not None:
        real(0.0, math.inf, open_low=True, example="; leave it out to have it chosen")(called, value)


@dataclass(frozen=True, kw_only=True)
class KernelRidge(Learner):
    """Kernel ridge regression; subclasses name the kernel.

    Parameters
    ----------
    ridge : float, optional
        In units of the kernel's mean at distance 0. Default None: chosen on validation points.
    """

    ridge: float | None = None

    capacity: ClassVar[str] = GROWS
    linear_smoother: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _positive(f"{self.name}.ridge", self.ridge)

    @property
    def own_properties(self) -> LearnerProperties:
        """Its properties, with what a given length or ridge changes."""
        given = [f"{key} = {self.setting(key):g}" for key in ("length", "ridge") if self._given(key)]
        if not given:
            return self.properties
        said = f"{' and '.join(given)}: as given, where n is large enough for the kernel to interpolate"
        return replace(self.properties, assumptions=(*self.properties.assumptions, said))

    def _given(self, key: str) -> bool:
        return getattr(self, key, None) is not None

    def cost(self, n: int, d: int, t: int, m: int) -> Cost:  # noqa: ARG002
        """Count the kernel's entries and a factorisation for every ridge."""
        return Cost(2.0 * n**2 * (d + 8) + 6.0 * n**3 + 2.0 * n * t * (d + 8), 32.0 * n**2)

    @property
    def _ridges(self) -> tuple[float, ...]:
        return KERNEL_RIDGES if self.ridge is None else (self.ridge,)

    @property
    def conventions(self) -> str:
        """How inputs, labels, length and ridge are treated."""
        ridge = (
            "the ridge, in units of the kernel's mean at distance 0, "
            + (
                "has the smallest risk on a fifth of the training points among 1e-10, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1 "
                "(ties to the smaller), then everything is refitted on all training points."
            )
            if self.ridge is None
            else f"the ridge, in units of the kernel's mean at distance 0, is {self.ridge:g}."
        )
        return (
            f"{self.name}: kernel ridge regression in float64 with an intercept (labels centred by their training "
            f"mean); {self._input_convention}; {self._kernel_convention}; {ridge}"
        )

    @property
    def _input_convention(self) -> str:
        return "inputs centred and divided by one scalar (root mean square of the centred training coordinates)"

    @property
    @abstractmethod
    def _kernel_convention(self) -> str:
        """The kernel and its length, in words."""

    def _inputs(self, scale: Scaling, X: F32) -> F64:
        """The inputs as the kernel sees them."""
        return scale.inputs(X)

    def _length(self, X: F64, scale: float, key: int) -> float | None:  # noqa: ARG002
        """The kernel's length in units of its inputs, which are coordinates over ``scale``; None without one."""
        return None

    @abstractmethod
    def _matrix(self, X: F64, Z: F64, length: float | None) -> F64:
        """The kernel between two tables of inputs."""

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        """Fit every problem; all label columns share one ridge."""
        return [self._one(problem) for problem in problems]

    def _one(self, problem: Problem) -> Outcome:
        with one_matrix_thread():
            return self._fitted(problem)

    def _fitted(self, problem: Problem) -> Outcome:
        scale = scaling(problem)
        X, y = self._inputs(scale, problem.X_train), scale.labels(problem.y_train)
        length = self._length(X, scale.scale, problem.key)
        K = self._matrix(X, X, length)
        unit = float(np.mean(np.diag(K))) or 1.0
        K /= unit
        order, risk = list(self._ridges), None
        fit, held = validation_split(problem.key, problem.n if len(order) > 1 else 0)
        if held.size:
            risks = self._validation_risks(K, y, order, fit, held)
            order.sort(key=lambda ridge: (risks[ridge], ridge))
            risk = risks[order[0]]
        # the full matrix is larger than the one validated: in the rare case that it cannot be factorised, the next best
        solved = ((ridge, w) for ridge in order if (w := _solve(K, y, ridge)) is not None)
        chosen, weights = next(solved, (None, None))
        if weights is None:
            raise FitError(f"{self.name}: ridge = {order[-1]:g} is too small to factorise this kernel in float64")
        Z = self._inputs(scale, problem.X_test)
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
    def _validation_risks(K: F64, y: F64, ridges: Sequence[float], fit: I64, held: I64) -> dict[float, float]:
        K_fit, K_held = K[np.ix_(fit, fit)], K[np.ix_(held, fit)]
        offset = y[fit].mean(axis=0)
        risks = {}
        for ridge in ridges:
            weights = _solve(K_fit, y[fit] - offset, ridge)
            risks[ridge] = np.inf if weights is None else mean_square(y[held] - offset - K_held @ weights)
        return risks


@dataclass(frozen=True, kw_only=True)
class RadialKernel(KernelRidge):
    """Kernel ridge regression with a kernel of distances that has one length.

    Parameters
    ----------
    length : float, optional
        In units of the coordinates. Default None: the median distance of two training points.
    ridge : float, optional
        In units of the kernel at distance 0. Default None: chosen on validation points.
    """

    length: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _positive(f"{self.name}.length", self.length)

    @property
    def _kernel_convention(self) -> str:
        if self.length is not None:
            return f"length = {self.length:g} in units of the coordinates"
        return "length = median distance of two training points (2^18 sampled pairs beyond n = 1024)"

    def smoother(self) -> Smoother:
        """Ridge regression with the same kernel and length; its ridge is chosen by expected risk on the same points."""
        from fractalman.theory.kernel_smoothers import KernelRidge as SameInTheory

        return SameInTheory(self.kernel, self._ridges, self.length, raw=self.length is not None)

    def _length(self, X: F64, scale: float, key: int) -> float:
        return median_distance(X, key) if self.length is None else self.length / scale

    def _matrix(self, X: F64, Z: F64, length: float | None) -> F64:
        if length is None:
            raise FitError(f"{self.name}: no length is known: expected one, or the median distance")
        kernel, own = kernels.by_name(self.kernel), length
        return distances(X, Z, lambda r: kernel(r, own))


@dataclass(frozen=True)
class LaplaceKernel(RadialKernel):
    """exp(−r/ℓ), as rough as a kernel of distances gets."""

    name: ClassVar[str] = "laplace-kernel"
    kernel: ClassVar[str] = "laplace"
    properties: ClassVar[LearnerProperties] = LearnerProperties(
        "laplace-kernel", "kernel", smoothness=0.5, assumptions=(MEDIAN_LENGTH,), references=(SPIGLER,)
    )


@dataclass(frozen=True)
class GaussianKernel(RadialKernel):
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
class MaternKernel(RadialKernel):
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
        super().__post_init__()
        if isinstance(self.depth, bool) or not isinstance(self.depth, int) or not 1 <= self.depth <= 64:
            raise RecipeError(f"ntk-kernel.depth = {shown(self.depth)}: expected an integer from 1 to 64")

    def smoother(self) -> Smoother:
        """Ridge regression with the tangent kernel of as many hidden layers."""
        from fractalman.theory.kernel_smoothers import KernelRidge as SameInTheory

        depth = self.depth
        return SameInTheory(lambda X, Z: kernels.ntk(X, Z, depth), self._ridges)

    @property
    def _kernel_convention(self) -> str:
        return f"the kernel of infinitely wide ReLU networks with {self.depth} hidden layers, as [mlp] builds them"

    def _matrix(self, X: F64, Z: F64, length: float | None) -> F64:  # noqa: ARG002
        return kernels.ntk(X, Z, self.depth)


@dataclass(frozen=True, kw_only=True)
class OwnKernel(KernelRidge):
    """Kernel ridge regression with a kernel of your own.

    Parameters
    ----------
    function : function
        (a, d), (b, d) → (a, b), positive definite, of coordinates as they are in float64. To be sent to worker
        processes it must stand in a module.
    ridge : float, optional
        In units of the mean of K(x, x) over the training points. Default None: chosen on validation points.

    Examples
    --------
    >>> from fractalman import learners
    >>> def linear(A, B):
    ...     return 1.0 + A @ B.T
    >>> kernel = learners.OwnKernel(function=linear)
    >>> isinstance(kernel, learners.Learner)
    True
    """

    function: Callable[[F64, F64], F64]

    name: ClassVar[str] = "own-kernel"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(self.function):
            raise RecipeError(
                f"own-kernel.function = {shown(self.function)}: expected a function (a, d), (b, d) → (a, b)"
            )

    def smoother(self) -> Smoother:
        """Ridge regression with the same kernel, of coordinates as they are.

        Returns
        -------
        Smoother or None
            Kernel ridge regression with this kernel.
        """
        from fractalman.theory.kernel_smoothers import KernelRidge as SameInTheory

        return SameInTheory(self._checked, self._ridges, raw=True)

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        """Fit every problem; a function that fails on one leaves it without a risk, and says why.

        Parameters
        ----------
        problems : sequence of Problem
            Independent of each other.

        Returns
        -------
        list of Outcome
            One per problem, in order.
        """
        found = []
        for problem in problems:
            try:
                found.append(self._one(problem))
            except FitError as error:
                nothing = np.full((len(problem.X_test), problem.y_train.shape[1]), np.nan)
                found.append(Outcome(nothing, math.nan, {"failed": str(error)}))
        return found

    @property
    def _input_convention(self) -> str:
        return "coordinates as they are"

    @property
    def _kernel_convention(self) -> str:
        return f"the kernel {getattr(self.function, '__qualname__', type(self.function).__qualname__)}"

    def _inputs(self, scale: Scaling, X: F32) -> F64:  # noqa: ARG002
        return X.astype(np.float64)

    def _matrix(self, X: F64, Z: F64, length: float | None) -> F64:  # noqa: ARG002
        return self._checked(X, Z)

    def _checked(self, X: F64, Z: F64) -> F64:
        """Return the function's table, or refuse what it does instead."""
        try:
            K = np.asarray(self.function(X, Z), np.float64)
        except Exception as error:  # whatever somebody's function raises
            raise FitError(f"{self._kernel_convention} fails: {type(error).__name__}: {error}") from error
        if K.shape != (len(X), len(Z)) or not np.isfinite(K).all():
            raise FitError(
                f"the kernel returned {K.shape} numbers for {X.shape} and {Z.shape}, or some are not finite: expected "
                f"a finite table {(len(X), len(Z))}"
            )
        return K
