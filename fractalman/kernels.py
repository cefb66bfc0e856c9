"""Kernels and distances as pure functions of two arrays of points, in float64.

``r`` is the Euclidean distance and ℓ the length, both in the units of the coordinates. Distances come from direct
differences, never from |x|² − 2x·z + |z|²: that formula loses the digits of exactly those pairs that matter at the
small scales of a fractal.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fractalman._arrays import F64, AnyFloat
from fractalman.errors import RecipeError, nearest


def distances(X: AnyFloat, Z: AnyFloat) -> F64:
    """Return the Euclidean distances of every row of X to every row of Z from direct float64 differences.

    Args:
        X: (a, d), Z: (b, d), any float dtype, the same unit.
    Returns: (a, b) float64.
    Errors: RecipeError when the shapes do not fit.
    """
    if X.ndim != 2 or Z.ndim != 2 or X.shape[1] != Z.shape[1]:
        raise RecipeError(f"X {X.shape} and Z {Z.shape}: allowed are two tables (a, d) and (b, d) with the same d")
    from scipy.spatial.distance import cdist

    out: F64 = cdist(np.asarray(X, np.float64), np.asarray(Z, np.float64))
    return out


def laplace(r: F64, length: float) -> F64:
    """Return exp(−r/ℓ), the Laplace (exponential, Matérn-½) kernel; ``r`` any shape, ``length`` ℓ > 0."""
    return np.exp(r * (-1.0 / _positive(length)))


def gaussian(r: F64, length: float) -> F64:
    """Return exp(−r²/2ℓ²), the Gaussian kernel; ``r`` any shape, ``length`` ℓ > 0."""
    scaled = r / _positive(length)
    return np.exp(-0.5 * scaled * scaled)


def matern32(r: F64, length: float) -> F64:
    """Return (1 + s)·exp(−s), s = √3·r/ℓ, the Matérn kernel of order 3/2; ``r`` any shape, ``length`` ℓ > 0.

    Source: Rasmussen & Williams 2006, §4.2.
    """
    s = r * (math.sqrt(3.0) / _positive(length))
    return (1.0 + s) * np.exp(-s)


def matern52(r: F64, length: float) -> F64:
    """Return (1 + s + s²/3)·exp(−s), s = √5·r/ℓ, the Matérn kernel of order 5/2; ``r`` any shape, ``length`` ℓ > 0.

    Source: Rasmussen & Williams 2006, §4.2.
    """
    s = r * (math.sqrt(5.0) / _positive(length))
    return (1.0 + s + s * s / 3.0) * np.exp(-s)


KERNELS: dict[str, Callable[[F64, float], F64]] = {
    "laplace": laplace,
    "gaussian": gaussian,
    "matern-3/2": matern32,
    "matern-5/2": matern52,
}
"""The kernels of one length by name."""


def by_name(name: str) -> Callable[[F64, float], F64]:
    """Return the kernel called ``name``; RecipeError with the nearest match when there is none."""
    if name not in KERNELS:
        raise RecipeError(f"unknown kernel {name!r}: allowed are {', '.join(KERNELS)}{nearest(name, KERNELS)}")
    return KERNELS[name]


def _positive(length: float) -> float:
    if not (math.isfinite(length) and length > 0.0):
        raise RecipeError(f"length = {length!r}: allowed is a finite number > 0")
    return float(length)
