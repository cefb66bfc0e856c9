"""What a linear learner sees of a problem, its checks, and the one scalar equation that all equivalents reduce to.

Symbols: λ_i = eigenvalues, v_i² = target variance along eigendirection i, v_0² = target variance that no eigendirection
reaches, ℒ_i = λ_i/(λ_i+κ) = learnability, M = what the equation for κ must come to.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from fractalman._typing import F64
from fractalman.config import shown
from fractalman.display import Display
from fractalman.errors import RecipeError

Numbers: TypeAlias = npt.ArrayLike
"""A number or an array of numbers."""

_SMALLEST = -680.0  # ln of the smallest κ, and of its ratio to the largest eigenvalue: e^-680 is still a normal number


@dataclass(frozen=True)
class Modes(Display):
    """Eigendirections with λ > 0, and what lies outside them.

    Attributes
    ----------
    eigenvalues : (m,) float64
        Each > 0.
    multiplicity : (m,) float64
        Each > 0, how many directions share each eigenvalue.
    coefficients : (m,) float64
        Each ≥ 0, target variance of all directions of a group together.
    outside : float
        v_0² ≥ 0.
    """

    eigenvalues: F64
    multiplicity: F64
    coefficients: F64
    outside: float

    @cached_property
    def rank(self) -> float:
        """Number of directions with λ > 0."""
        return float(self.multiplicity.sum())

    @cached_property
    def trace(self) -> float:
        """Σλ over directions."""
        return float(self.multiplicity @ self.eigenvalues)

    @cached_property
    def variance(self) -> float:
        """Variance of the target, noise apart."""
        return float(self.coefficients.sum()) + self.outside

    @cached_property
    def log_inverse_trace(self) -> float:
        """Return ln Σ 1/λ, which may exceed the largest float; −inf without directions."""
        logs = np.log(self.multiplicity) - np.log(self.eigenvalues)
        top = float(logs.max(initial=-math.inf))
        return top + math.log(float(np.exp(logs - top).sum())) if math.isfinite(top) else -math.inf


def modes_of(eigenvalues: Numbers, coefficients: Numbers, outside: float, multiplicity: Numbers | None) -> Modes:
    """Check a spectrum and move what belongs to eigenvalue 0 outside the span.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.
    """
    values = np.atleast_1d(np.asarray(eigenvalues, np.float64))
    v2 = np.atleast_1d(np.asarray(coefficients, np.float64))
    count = np.ones_like(values) if multiplicity is None else np.atleast_1d(np.asarray(multiplicity, np.float64))
    if values.ndim != 1 or v2.shape != values.shape or count.shape != values.shape:
        raise RecipeError(
            f"eigenvalues {values.shape}, coefficients {v2.shape}, multiplicity {count.shape}: expected three lists "
            "of one length"
        )
    for name, array in (("eigenvalues", values), ("coefficients", v2), ("multiplicity", count)):
        if array.size and not (np.isfinite(array).all() and array.min() >= 0.0):
            raise RecipeError(f"{name}: expected finite numbers of at least 0")
    if not (math.isfinite(outside) and outside >= 0.0):
        raise RecipeError(f"outside = {shown(outside)}: expected a finite variance of at least 0")
    seen = (values > 0.0) & (count > 0.0)
    return Modes(values[seen], count[seen], v2[seen], float(outside) + float(v2[~seen].sum()))


def common_shape(**given: Numbers) -> list[F64]:
    """Broadcast numbers to one list each; RecipeError naming what is negative or not a number."""
    arrays = {name: np.asarray(value, np.float64) for name, value in given.items()}
    for name, array in arrays.items():
        if array.ndim > 1 or np.isnan(array).any() or (array.size and array.min() < 0.0):
            raise RecipeError(f"{name} = {shown(given[name])}: expected a number of at least 0 or a list of them")
    try:
        wide = np.broadcast_arrays(*(np.atleast_1d(array) for array in arrays.values()))
    except ValueError:
        lengths = ", ".join(f"{name} {array.size}" for name, array in arrays.items())
        raise RecipeError(f"{lengths}: expected numbers or lists of one length") from None
    return [np.array(array) for array in wide]


def learned(modes: Modes, kappa: float) -> tuple[F64, F64]:
    """Return (ℒ, 1 − ℒ) of every group, each to full precision; κ from 0 to infinity."""
    if math.isinf(kappa):
        return np.zeros_like(modes.eigenvalues), np.ones_like(modes.eigenvalues)
    total = modes.eigenvalues + kappa
    return modes.eigenvalues / total, kappa / total


def root(modes: Modes, wanted: float, extra: Callable[[float, float], float], start: float, scale: float) -> float:
    """Solve Σℒ(κ) + extra(κ, Σ(1−ℒ)) = M for κ; 0 where κ is lost beside the eigenvalues.

    Solved in ln κ. Where M is more than half the rank the equation is taken as (rank − M) − Σ(1−ℒ) + extra = 0, which
    keeps the digits of a small rank − M.

    Parameters
    ----------
    wanted : float
        M > 0.
    extra : function
        The ridge's part ≥ 0, as a function of κ and the sum of 1 − ℒ over the directions; the left side falls with κ.
        It is 0 everywhere for a ridgeless problem, which then needs M < rank.
    start : float
        A κ at which the left side is at least M, 0 if none is known.
    scale : float
        A number such that the left side is at most M from κ = scale on.
    """
    from scipy.optimize import brentq

    values, count, rank = modes.eigenvalues, modes.multiplicity, modes.rank

    def excess(log_kappa: float) -> float:
        kappa = math.exp(log_kappa)
        total = values + kappa
        missed = float(count @ (kappa / total))
        if 2.0 * wanted > rank:
            return (rank - wanted) - missed + extra(kappa, missed)
        return float(count @ (values / total)) - wanted + extra(kappa, missed)

    unit = math.log(max(float(values.max(initial=0.0)), start, 1e-300))
    low = math.log(start) if start > 0.0 else -math.inf
    if wanted < rank:
        low = max(low, math.log(rank - wanted) - modes.log_inverse_trace)
    low, high = max(low, unit + _SMALLEST, _SMALLEST) - 1e-6, math.log(scale) + 1e-6
    if excess(low) <= 0.0:  # κ below every number that can be told from 0 beside the eigenvalues
        return 0.0
    return math.exp(brentq(excess, low, max(high, low + 1e-6), xtol=1e-15, rtol=8.9e-16, maxiter=500))
