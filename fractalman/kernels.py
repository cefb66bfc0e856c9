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

from fractalman._angle_kernels import ARCSIN, next_layer
from fractalman._threads import one_matrix_thread, run_tasks
from fractalman._typing import F64, I64, AnyFloat, Bool
from fractalman.config import is_integer, is_word, shown
from fractalman.errors import RecipeError, nearest

_PRODUCTS_FROM = 48
"""Coordinates from which products of rows are faster than differences (measured, one thread)."""
_NEAR = 1e-3
"""Share of |x|² + |z|² (from the mean point) below which a squared distance is taken from differences: above it the
products' rounding, some 2^-52 of |x|² + |z|², is below 10^-12 of the squared distance."""
_BLOCK = 512
"""Rows of a table that are held at once."""
_CACHED = 1 << 15
"""Elements that are taken from one elementary function to the next while they are in cache."""


def distances(X: AnyFloat, Z: AnyFloat, of: Callable[[F64], F64] | None = None) -> F64:
    """Return the Euclidean distances of every row of X to every row of Z, to twelve digits however close they are.

    Args:
        X: (a, d), Z: (b, d), any float dtype, the same unit.
        of: function of an array of distances, element by element, whose values are returned instead: it is called for
            some rows at a time while they are in cache, and with Z = X for one half of the table only.
    Returns: (a, b) float64; with Z = X symmetric, and of distance 0 on the diagonal.
    Errors: RecipeError when the shapes do not fit.
    """
    if X.ndim != 2 or Z.ndim != 2 or X.shape[1] != Z.shape[1]:
        raise RecipeError(f"X {X.shape} and Z {Z.shape}: expected two tables (a, d) and (b, d) with the same d")
    a = np.asarray(X, np.float64)
    return _table(a, a if Z is X else np.asarray(Z, np.float64), None if of is None else lambda r, *_: of(r))


def _table(a: F64, b: F64, of: Callable[[F64, slice, slice], F64] | None) -> F64:
    """Return `distances`, or what a function makes of some of them, of their rows and of their columns."""
    out: F64 = np.empty((len(a), len(b)))
    rows_of = _by_differences(a, b) if a.shape[1] < _PRODUCTS_FROM else _by_products(a, b)

    def fill(start: int) -> None:
        """Some rows; of a symmetric table the columns below them, too, which no other rows write to."""
        part = slice(start, min(start + _BLOCK, len(a)))
        rest = slice(start if b is a else 0, len(b))  # of a symmetric table the upper half
        block = rows_of(part, rest)
        if of is not None:
            step = max(1, _CACHED // max(1, block.shape[1]))
            for row in range(0, len(block), step):
                some = slice(row, min(row + step, len(block)))
                block[some] = of(block[some], slice(start + some.start, start + some.stop), rest)
        out[part, rest] = block
        if b is a:
            out[part.stop :, part] = block[:, len(block) :].T
            square = out[part, part]
            out[part, part] = np.triu(square) + np.triu(square, 1).T

    with one_matrix_thread():  # a block of rows is a thread's already
        run_tasks(fill, [(start,) for start in range(0, len(a), _BLOCK)])
    return out


def _by_differences(a: F64, b: F64) -> Callable[[slice, slice], F64]:
    """Return what makes the distances of some rows of a to some of b, coordinate by coordinate."""
    from scipy.spatial.distance import cdist

    return lambda part, rest: np.asarray(cdist(a[part], b[rest]), np.float64)


def _by_products(a: F64, b: F64) -> Callable[[slice, slice], F64]:
    """Return the same by products of rows about the mean point, those of near pairs by differences."""
    differences = _by_differences(a, b)
    centre = b.mean(axis=0) if len(b) else np.zeros(b.shape[1])
    left = a - centre
    right = left if b is a else b - centre
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", left, left), np.einsum("ij,ij->i", right, right)
    if not all(np.isfinite(square.sum()) for square in squares):
        return differences

    def rows_of(part: slice, rest: slice) -> F64:
        scale = squares[0][part, None] + squares[1][rest]
        block: F64 = left[part] @ right[rest].T
        block *= -2.0
        block += scale
        scale *= _NEAR
        first, second = np.nonzero(block < scale)
        if 8 * first.size > block.size:  # most pairs are near: all at once
            return differences(part, rest)
        block[first, second] = _squared_differences(a[part], b[rest], first, second)
        return np.sqrt(block, out=block)

    return rows_of


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


def _one_layer(gap: F64) -> tuple[F64, F64]:
    """Return θ and 1 − cos of the next layer's angle."""
    turned = np.array(gap, order="C")
    angles = np.empty_like(turned)
    next_layer(turned.ravel(), angles.ravel(), ARCSIN)
    return angles, turned


def _of_angles(X: AnyFloat, Z: AnyFloat, of: Callable[[F64, F64, Bool], F64]) -> F64:
    """Return what a function makes of 1 − cos of the angles between x and z, (a, b) float64.

    Args: of: (1 − cos, |x||z|/d, whether both are other than 0) → values, called for some rows at a time.
    """
    a = np.asarray(X, np.float64)
    b = a if Z is X else np.asarray(Z, np.float64)
    left, right = np.linalg.norm(a, axis=-1), np.linalg.norm(b, axis=-1)
    one = a / np.where(left > 0.0, left, 1.0)[:, None]
    other = one if b is a else b / np.where(right > 0.0, right, 1.0)[:, None]

    def rows_of(chord: F64, rows: slice, columns: slice) -> F64:
        alive = np.logical_and.outer(left[rows] > 0.0, right[columns] > 0.0)
        return of(0.5 * np.square(chord), np.multiply.outer(left[rows], right[columns]) / a.shape[1], alive)

    return _table(one, other, rows_of)


def _hidden_layers(depth: int) -> int:
    if not is_integer(depth) or int(depth) < 1:
        raise RecipeError(f"depth = {shown(depth)}: expected a number of hidden layers, at least 1")
    return int(depth)


def nngp(X: AnyFloat, Z: AnyFloat, depth: int) -> F64:
    """Return the covariance of a ReLU network's outputs at the start of training, in the limit of infinite width.

    |x||z|/d · cos θ_{L+1}, where θ_1 is the angle between x and z and cos θ_{ℓ+1} = (sin θ_ℓ + (π − θ_ℓ) cos θ_ℓ)/π.

    Args:
        X: (a, d), Z: (b, d), as the network sees them. depth: L ≥ 1 hidden layers.
    Returns: (a, b) float64. Errors: RecipeError.
    Source: Cho & Saul 2009 (the arc-cosine kernel of degree 1, once per layer); Lee et al., arXiv 1711.00165.
    """
    layers = _hidden_layers(depth)

    def rows_of(gap: F64, scale: F64, _: Bool) -> F64:
        for _layer in range(layers):
            gap = _one_layer(gap)[1]
        return scale * (1.0 - gap)

    return _of_angles(X, Z, rows_of)


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
            f"parameterization = {shown(parameterization)}: expected standard, ntk"
            f"{nearest(parameterization, ('standard', 'ntk'))}"
        )
    if width is not None and not (math.isfinite(width) and width >= 1.0):
        raise RecipeError(f"width = {shown(width)}: expected a number of units from 1 up, or None")
    d, last = np.asarray(X).shape[1], _hidden_layers(depth)

    def rows_of(gap: F64, scale: F64, alive: Bool) -> F64:  # gap: 1 − cos θ before layer 1
        out = np.zeros_like(gap)
        for layer in range(last + 1):  # layer 0 reads the inputs
            if layer > 0:
                theta, gap = _one_layer(gap)
                out *= alive * ((math.pi - theta) * ((0.5 if layer == last else 1.0) / math.pi))
            product = scale * (1.0 - gap)
            if parameterization == "ntk":
                out += product if layer == last else 2.0 * product
            elif width is not None:
                out += (product * (d if layer == 0 else width) + 1.0) / width
            elif layer > 0:
                out += product
        return out

    return _of_angles(X, Z, rows_of)


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
    return distances(X, Z, lambda r: KERNELS[name](r, length))


def by_name(name: str) -> Callable[[F64, float], F64]:
    """Return the kernel called ``name``; RecipeError with the nearest match when there is none."""
    if not is_word(name, KERNELS):
        raise RecipeError(f"unknown kernel {shown(name)}: expected {', '.join(KERNELS)}{nearest(name, KERNELS)}")
    return KERNELS[name]


def _positive(length: float) -> float:
    if not (math.isfinite(length) and length > 0.0):
        raise RecipeError(f"length = {shown(length)}: expected a finite number > 0")
    return float(length)
