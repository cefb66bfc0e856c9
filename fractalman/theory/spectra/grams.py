"""Gram matrices of a dataset and their eigenvectors: all of them, or those that landmarks resolve (Nyström)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from fractalman import kernels
from fractalman._typing import F64, I64, AnyFloat
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.random.streams import Role, draws, key64, permutation

KernelFunction: TypeAlias = Callable[[AnyFloat, AnyFloat], F64]
"""Two tables of points (a, d), (b, d) → their kernel matrix (a, b)."""

_NYSTROM = 0x4C  # address of landmarks and pairs below a seed
_ALL_PAIRS = 1024
_PAIRS = 1 << 18
_ROWS = 2048  # points whose kernel rows are held at once
_DIAGONAL = 64  # points of one square block when only its diagonal is wanted


def median_distance(X: F64, seed: int = 0) -> float:
    """Return the median distance of two different points, 1 where that is 0.

    Parameters
    ----------
    X : (N, d) float64
        Coordinates.
    seed : int, default 0
        Beyond N = 1024 the median is over 2^18 addressed random pairs instead of all.
    """
    n = X.shape[0]
    if n < 2:
        return 1.0
    if n <= _ALL_PAIRS:
        r = kernels.distances(X, X)[np.triu_indices(n, 1)]
    else:
        words = draws(key64(seed, Role.PREDICTION, _NYSTROM, 1), 2 * _PAIRS)
        first = (words[:_PAIRS] % np.uint64(n)).astype(np.int64)
        second = (first + 1 + (words[_PAIRS:] % np.uint64(n - 1)).astype(np.int64)) % n
        r = np.empty(_PAIRS)
        for start in range(0, _PAIRS, _ROWS):
            part = slice(start, start + _ROWS)
            r[part] = np.sqrt(np.square(X[first[part]] - X[second[part]]).sum(axis=1))
    median = float(np.median(r))
    return median if median > 0.0 else 1.0


def prepared(X: AnyFloat, centre: bool, unit: bool) -> F64:
    """Return inputs in float64 as the harness's learners see them, the whole dataset standing for the training set.

    Parameters
    ----------
    X : (N, d) float array
        Coordinates.
    centre : bool
        Subtract the mean.
    unit : bool
        Divide by the root mean square coordinate as well.

    Raises
    ------
    RecipeError
        For another shape or numbers that are not finite.
    """
    points = np.array(X, np.float64)
    if points.ndim != 2 or min(points.shape) < 1 or not np.isfinite(points).all():
        raise RecipeError(f"inputs of shape {points.shape}: expected a finite table (N, d), N, d >= 1")
    if centre:
        points -= points.mean(axis=0)
    if unit:
        points /= math.sqrt(float(np.square(points).mean())) or 1.0
    return points


def gram_lookup(gram: F64) -> KernelFunction:
    """Return the kernel function of a Gram matrix, whose points are their own numbers in one column."""

    def function(X: AnyFloat, Z: AnyFloat) -> F64:
        rows: I64 = X[:, 0].astype(np.int64)
        columns: I64 = Z[:, 0].astype(np.int64)
        return np.array(gram[np.ix_(rows, columns)])

    return function


def landmarks(n: int, m: int, seed: int) -> I64:
    """Return m of n point numbers, rising, a pure function of (n, seed); those of a smaller m are among them."""
    return np.sort(permutation(key64(seed, Role.PREDICTION, _NYSTROM), n)[:m])


# ---------------------------------------------------------------------------------------------------- eigenvectors


@dataclass(frozen=True)
class Decomposition(Display):
    """Eigenvectors of a Gram matrix / N, the constant projected out where that was asked for.

    Attributes
    ----------
    values : (m,) float64
        Rising.
    vectors : (N, m) float64
        Unit columns.
    floor : float
        Eigenvalues up to here are rounding: of the matrix as it was before the constant left it.
    missed : float
        Mean of the diagonal that the eigenvectors do not account for.
    """

    values: F64
    vectors: F64
    floor: float
    missed: float = 0.0


def _floor(n: int, *scales: float) -> float:
    return n * float(np.finfo(np.float64).eps) * max(scales)


def all_eigenvectors(gram: F64, intercept: bool) -> Decomposition:
    """Return all eigenvectors of G/N.

    Parameters
    ----------
    gram : (N, N) float64
        Symmetric; overwritten.
    intercept : bool
        Project the constant out.
    """
    import scipy.linalg

    n = gram.shape[0]
    before = float(np.abs(np.diagonal(gram)).max())
    if intercept:
        mean = gram.mean(axis=0)
        gram -= mean[None, :]
        gram -= (mean - mean.mean())[:, None]
    gram /= n
    values, vectors = scipy.linalg.eigh(gram, driver="evd", overwrite_a=True, check_finite=False)
    return Decomposition(values, vectors, _floor(n, float(values[-1]), before))


def inner_product_eigenvectors(X: F64) -> Decomposition:
    """Return the eigenvectors of XXᵀ/N from the singular values of X, (N, d); at most min(N, d) of them."""
    import scipy.linalg

    U, s, _ = scipy.linalg.svd(X, full_matrices=False, check_finite=False)
    values = np.square(s[::-1]) / X.shape[0]
    return Decomposition(values, U[:, ::-1], _floor(X.shape[0], float(values[-1])))


def nystrom_eigenvectors(function: KernelFunction, points: F64, chosen: I64, intercept: bool) -> Decomposition:
    """Return the eigenvectors of K_Nm K_mm⁻¹ K_mN/N.

    Parameters
    ----------
    function : KernelFunction
        The kernel.
    points : (N, d) float64
        Coordinates of all points.
    chosen : (m,) int64
        Numbers of the landmarks.

    Notes
    -----
    Source: Williams & Seeger 2001.
    """
    import scipy.linalg

    n, m = points.shape[0], chosen.size
    Z = points[chosen]
    values, Q = scipy.linalg.eigh(function(Z, Z), driver="evd", check_finite=False)
    good = values > m * np.finfo(np.float64).eps * values[-1]
    whiten = Q[:, good] / np.sqrt(values[good])
    features = np.empty((n, whiten.shape[1]))
    for start in range(0, n, _ROWS):
        features[start : start + _ROWS] = function(points[start : start + _ROWS], Z) @ whiten
    blocks = (points[start : start + _DIAGONAL] for start in range(0, n, _DIAGONAL))
    diagonal = sum(float(np.trace(function(block, block))) for block in blocks)
    held = float(np.square(features).sum())
    if intercept:
        features -= features.mean(axis=0)
    values, W = scipy.linalg.eigh(features.T @ features / n, driver="evd", check_finite=False)
    norm = np.sqrt(n * np.where(values > 0.0, values, 1.0))
    floor = _floor(n, float(values[-1]), held / n)
    return Decomposition(values, features @ (W / norm), floor, max(0.0, diagonal - held) / n)
