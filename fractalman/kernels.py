"""Kernels and distances as pure functions of two arrays of points, in float64.

``r`` is the Euclidean distance and ℓ the length, both in the units of the coordinates. Distances of near points come
from direct differences: |x|² − 2x·z + |z|² loses the digits of exactly those pairs that matter at the small scales of a
fractal. It is used where it keeps twelve digits, in many dimensions, for a matrix product is several times faster.
Angles come from the distances of unit vectors, for the same reason.

The kernels of networks are those of the multilayer perceptron of `fractalman.learners.networks`: ReLU, hidden weights
N(0, 2/fan-in), output weights N(0, 1/fan-in), biases 0 at the start and trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fractalman._typing import F64, I64, AnyFloat
from fractalman.config import is_integer, is_word, shown
from fractalman.errors import RecipeError, nearest

_PRODUCTS_FROM = 48
"""Coordinates from which products of rows are faster than differences (measured, one thread)."""
_NEAR = 1e-3
"""Share of |x|² + |z|² (from the mean point) below which a squared distance is taken from differences: above it the
products' rounding, some 2^-52 of |x|² + |z|², is below 10^-12 of the squared distance."""
_BLOCK = 512
"""Rows of products that are held at once."""


def distances(X: AnyFloat, Z: AnyFloat) -> F64:
    """Return the Euclidean distances of every row of X to every row of Z, to twelve digits however close they are.

    Args:
        X: (a, d), Z: (b, d), any float dtype, the same unit.
    Returns: (a, b) float64; with Z = X symmetric, and 0 on the diagonal.
    Errors: RecipeError when the shapes do not fit.
    """
    if X.ndim != 2 or Z.ndim != 2 or X.shape[1] != Z.shape[1]:
        raise RecipeError(f"X {X.shape} and Z {Z.shape}: expected two tables (a, d) and (b, d) with the same d")
    from scipy.spatial.distance import cdist

    a = np.asarray(X, np.float64)
    b = a if Z is X else np.asarray(Z, np.float64)
    out: F64 = np.empty((len(a), len(b)))
    if a.shape[1] < _PRODUCTS_FROM:
        return np.asarray(cdist(a, b, out=out))
    centre = b.mean(axis=0) if len(b) else np.zeros(b.shape[1])
    left = a - centre
    right = left if b is a else b - centre
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", left, left), np.einsum("ij,ij->i", right, right)
    if not all(np.isfinite(square.sum()) for square in squares):
        return np.asarray(cdist(a, b, out=out))
    for start in range(0, len(a), _BLOCK):
        part = slice(start, start + _BLOCK)
        rest = slice(start if b is a else 0, None)  # of a symmetric table the upper half
        scale = squares[0][part, None] + squares[1][rest]
        block = scale - 2.0 * (left[part] @ right[rest].T)
        first, second = np.nonzero(block < _NEAR * scale)
        if 8 * first.size > block.size:  # most pairs are near: all at once
            block = cdist(a[part], b[rest])
        else:
            block[first, second] = _squared_differences(a[part], b[rest], first, second)
            np.sqrt(block, out=block)
        out[part, rest] = block
        if b is a:
            out[rest, part] = block.T
            square = out[part, part]
            out[part, part] = np.triu(square) + np.triu(square, 1).T
    return out


def _squared_differences(X: F64, Z: F64, first: I64, second: I64) -> F64:
    """Return |x − z|² of chosen pairs of rows, those of the points themselves: centring has cost digits."""
    out = np.empty(first.size)
    for start in range(0, first.size, _BLOCK):
        some = slice(start, start + _BLOCK)
        out[some] = np.square(X[first[some]] - Z[second[some]]).sum(axis=1)
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


# ---------------------------------------------------------------------------------------------------- wide networks


def _cosine_gap(theta: F64) -> F64:
    """Return 1 − cos θ' of the next layer, cos θ' = (sin θ + (π − θ) cos θ)/π, without cancellation."""
    sine_gap = np.where(theta < 1e-2, theta**3 * (1.0 - theta**2 / 20.0) / 6.0, theta - np.sin(theta))
    return np.asarray(((math.pi - theta) * 2.0 * np.sin(0.5 * theta) ** 2 + sine_gap) / math.pi, np.float64)


def _next_angle(gap: F64) -> F64:
    """Return the angle whose 1 − cos this is."""
    return np.asarray(2.0 * np.arcsin(np.sqrt(0.5 * gap)), np.float64)


def _start(X: AnyFloat, Z: AnyFloat, depth: int) -> tuple[F64, F64, F64]:
    """Return the angle between x and z, |x||z|/d, and whether both are other than 0; all (a, b) float64."""
    if not is_integer(depth) or int(depth) < 1:
        raise RecipeError(f"depth = {shown(depth)}: expected a number of hidden layers, at least 1")
    a, b = np.asarray(X, np.float64), np.asarray(Z, np.float64)
    left, right = np.linalg.norm(a, axis=-1), np.linalg.norm(b, axis=-1)
    chord = distances(a / np.where(left > 0.0, left, 1.0)[:, None], b / np.where(right > 0.0, right, 1.0)[:, None])
    alive = np.multiply.outer(left > 0.0, right > 0.0).astype(np.float64)
    return 2.0 * np.arcsin(np.minimum(0.5 * chord, 1.0)), np.multiply.outer(left, right) / a.shape[1], alive


def nngp(X: AnyFloat, Z: AnyFloat, depth: int) -> F64:
    """Return the covariance of a ReLU network's outputs at the start of training, in the limit of infinite width.

    |x||z|/d · cos θ_{L+1}, where θ_1 is the angle between x and z and cos θ_{ℓ+1} = (sin θ_ℓ + (π − θ_ℓ) cos θ_ℓ)/π.

    Args:
        X: (a, d), Z: (b, d), as the network sees them. depth: L ≥ 1 hidden layers.
    Returns: (a, b) float64. Errors: RecipeError.
    Source: Cho & Saul 2009 (the arc-cosine kernel of degree 1, once per layer); Lee et al., arXiv 1711.00165.
    """
    theta, scale, _ = _start(X, Z, depth)
    for _ in range(int(depth) - 1):
        theta = _next_angle(_cosine_gap(theta))
    return np.asarray(scale * (1.0 - _cosine_gap(theta)), np.float64)


def ntk(X: AnyFloat, Z: AnyFloat, depth: int, width: float | None = None, parameterization: str = "standard") -> F64:
    """Return the tangent kernel Σ_w ∂f(x)/∂w · ∂f(z)/∂w of a ReLU network over all its weights and biases.

    Σ_ℓ (n_{ℓ−1} m_{ℓ−1} + 1) B_ℓ over the layers ℓ = 1 … L + 1: n_{ℓ−1} = units below (d, then the width), m_ℓ = the
    mean product of two points' activations, |x||z|/d · cos θ_{ℓ+1}, B_{L+1} = 1, B_L = (π − θ_L)/2π and
    B_ℓ = B_{ℓ+1}·(π − θ_ℓ)/π; the 1 is the bias. To leading order in 1/width; exact on average for one hidden layer.

    Args:
        X: (a, d), Z: (b, d), as the network sees them. depth: L ≥ 1 hidden layers.
        width: units of a hidden layer. The result is divided by it; None = the limit of that, in which the first
            layer and the biases no longer count.
        parameterization: "standard", the harness's own; or "ntk", where weights are N(0, 1) under factors √(gain/n_ℓ),
            every layer counts Σ_ℓ gain_ℓ m_{ℓ−1} B_ℓ at every width, and there are no biases.
    Returns: (a, b) float64. Errors: RecipeError.
    Source: Jacot, Gabriel & Hongler, arXiv 1806.07572; tests hold it against the harness's networks.
    """
    if parameterization not in ("standard", "ntk"):
        raise RecipeError(
            f"parameterization = {parameterization!r}: expected standard, ntk"
            f"{nearest(parameterization, ('standard', 'ntk'))}"
        )
    if width is not None and not (math.isfinite(width) and width >= 1.0):
        raise RecipeError(f"width = {width!r}: expected a number of units from 1 up, or None")
    theta, scale, alive = _start(X, Z, depth)
    d, last = np.asarray(X).shape[1], int(depth)
    gap = 2.0 * np.sin(0.5 * theta) ** 2  # 1 − cos θ before layer 1
    out = np.zeros_like(theta)
    for layer in range(last + 1):  # layer 0 reads the inputs
        if layer > 0:
            gap = _cosine_gap(theta)
            out *= alive * (math.pi - theta) * ((0.5 if layer == last else 1.0) / math.pi)
            theta = _next_angle(gap)
        product = scale * (1.0 - gap)
        if parameterization == "ntk":
            out += product if layer == last else 2.0 * product
        elif width is not None:
            out += (product * (d if layer == 0 else width) + 1.0) / width
        elif layer > 0:
            out += product
    return out


# ---------------------------------------------------------------------------------------------------- by name


NAMES: tuple[str, ...] = ("linear", *KERNELS, "nngp", "ntk")
"""Everything that `matrix` knows."""


def matrix(
    name: str, X: AnyFloat, Z: AnyFloat, *, length: float = 1.0, depth: int = 2, width: float | None = None
) -> F64:
    """Return the kernel called ``name`` between two tables of points.

    Args:
        name: one of `NAMES`; "linear" is x·z. X: (a, d), Z: (b, d).
        length: of the kernels of one length. depth, width: of "nngp" and "ntk".
    Returns: (a, b) float64. Errors: RecipeError with the nearest match.
    """
    if name == "linear":
        return np.asarray(np.asarray(X, np.float64) @ np.asarray(Z, np.float64).T)
    if name == "nngp":
        return nngp(X, Z, depth)
    if name == "ntk":
        return ntk(X, Z, depth, width)
    if not is_word(name, KERNELS):
        raise RecipeError(f"unknown kernel {shown(name)}: expected {', '.join(NAMES)}{nearest(name, NAMES)}")
    return KERNELS[name](distances(X, Z), length)


def by_name(name: str) -> Callable[[F64, float], F64]:
    """Return the kernel called ``name``; RecipeError with the nearest match when there is none."""
    if not is_word(name, KERNELS):
        raise RecipeError(f"unknown kernel {shown(name)}: expected {', '.join(KERNELS)}{nearest(name, KERNELS)}")
    return KERNELS[name]


def _positive(length: float) -> float:
    if not (math.isfinite(length) and length > 0.0):
        raise RecipeError(f"length = {length!r}: expected a finite number > 0")
    return float(length)
