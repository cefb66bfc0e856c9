"""Linear regression as a model of generalization: ridge and ridgeless, in d dimensions, on n of N points.

At every d three designs are held against the law of their spectrum (docs/theory.md §5): the points themselves; Gaussian
points of the same spectrum, for which the law is exact as n grows; and random features of either. Labels of the points
are drawn, v_i² comes from their covariance. Beside them stand the expected risks of one neighbour and of the Laplace
kernel on the same splits: what linear regression is compared with where d ≫ n.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError
from fractalman.random.streams import Role, key64, normals, permutation
from fractalman.studies.base import Row
from fractalman.studies.granularity.labels import covariance_of
from fractalman.studies.sources import RecipeSource
from fractalman.studies.trained_source import Source
from fractalman.theory import (
    KernelSpectrum,
    kernel_ridge_risk,
    optimal_ridge_risk,
    random_features_risk,
    smoother_curve,
    spectrum_of,
)

DESIGNS = ("data", "gaussian")
BESIDE = ("1-nn", "laplace-kernel")
_TESTED = 512
_FEATURES = (16, 32, 64, 128, 256, 512)


class Design(NamedTuple):
    """Training and test points with their labels.

    Args:
        X, Z: (n, d), (t, d) float64. y, u: (n, m), (t, m) float64 labels.
    """

    X: F64
    y: F64
    Z: F64
    u: F64

    def first(self, n: int) -> Design:
        """Return the same with the first n training points only."""
        return Design(self.X[:n], self.y[:n], self.Z, self.u)

    def projected(self, W: F64) -> Design:
        """Return the same in features XW."""
        return Design(self.X @ W, self.y, self.Z @ W, self.u)


def ridge_risks(design: Design, ridges: list[float]) -> list[float]:
    """Return the mean squared error of linear regression with an intercept, for every ridge δ.

    δ is added to the Gram matrix of the centred points, unscaled; 0 is the interpolator of least norm.

    Args:
        design: the points. ridges: δ ≥ 0, infinity = the mean of the labels.
    """
    import scipy.linalg

    X, y = design.X - design.X.mean(axis=0), design.y - design.y.mean(axis=0)
    wide = X.shape[1] >= X.shape[0]
    s2, Q = scipy.linalg.eigh(X @ X.T if wide else X.T @ X, driver="evd", check_finite=False)
    kept = s2 > 1e-11 * max(float(s2[-1]), 0.0)
    s2, Q = s2[kept], Q[:, kept]
    Z, u = design.Z - design.X.mean(axis=0), design.u - design.y.mean(axis=0)
    left = (Z @ X.T if wide else Z) @ Q
    right = Q.T @ (y if wide else X.T @ y)
    return [float(np.mean(np.square(u - (left / (s2 + ridge)) @ right))) for ridge in ridges]


def gaussian_design(spectrum: KernelSpectrum, n: int, test: int, draws: int, key: int) -> Design:
    """Return Gaussian points of a spectrum with linear labels, and noise in place of what no direction reaches.

    Args:
        spectrum: λ_i and v_i². n, test: points. draws: label vectors, the target's coefficients drawn anew each.
        key: of everything drawn.
    """
    r = spectrum.eigenvalues.size
    G = normals(key64(key, Role.MEASUREMENT, 1), (n + test) * r).reshape(n + test, r)
    w = normals(key64(key, Role.MEASUREMENT, 2), r * draws).reshape(r, draws)
    w /= np.sqrt(np.square(w).mean(axis=1, keepdims=True))  # the law is about v_i², not about its scatter
    noise = normals(key64(key, Role.MEASUREMENT, 3), (n + test) * draws).reshape(n + test, draws)
    y = G @ (w * np.sqrt(spectrum.coefficients)[:, None]) + math.sqrt(spectrum.outside) * noise
    X = G * np.sqrt(spectrum.eigenvalues)
    return Design(X[:n], y[:n], X[n:], y[n:])


def linear_rows(source: Source, values: Mapping[str, Any], d: int, seed: int) -> list[Row]:
    """Return measured and predicted risks of linear regression in d dimensions on one replicate.

    Args:
        source: a recipe. values: the table [granularity]. d: the recipe's ambient_dim. seed: the replicate.
    Returns: rows with design, d, n, ridge ("none" or "best"), delta, features (None = the inputs), risk and law.
    """
    if not isinstance(source, RecipeSource):
        raise RecipeError("linear_dims of a file: its dimension is what it is; leave the key out")
    N = int(values["linear_points"])
    sizes = [n for n in values["linear_sizes"] if n < N // 2]
    changed = source.recipe.replace(ambient_dim=d)
    if changed.n_points is not None:
        changed = changed.replace(n_points=N)
    data = RecipeSource(changed, source.draws, source.hierarchy).sample(seed, 1, N - 1)
    covariance, points = covariance_of(data), data.X.astype(np.float64)
    spectrum = spectrum_of(points, data.y if covariance is None else covariance, kernel="linear")
    common: Row = {"row": "linear", "replicate": seed, "d": d, "variance": spectrum.variance}
    rows: list[Row] = []
    splits = [permutation(key64(data.key, Role.SPLIT, d, k), N) for k in range(values["linear_splits"])]
    for kind in DESIGNS:
        population = N if kind == "data" else None
        designs = [
            _drawn(points, data.y, order, max(sizes))
            if kind == "data"
            else gaussian_design(spectrum, max(sizes), _TESTED, data.y.shape[1], key64(data.key, Role.MEASUREMENT, k))
            for k, order in enumerate(splits)
        ]
        for n in sizes:
            parts = [design.first(n) for design in designs]
            rows += _inputs(spectrum, parts, n, population, {**common, "design": kind})
        middle = sizes[len(sizes) // 2]
        if spectrum.eigenvalues.size > 2 * middle:
            parts = [design.first(middle) for design in designs]
            rows += _features(spectrum, parts, middle, data.key, {**common, "design": kind})
    if covariance is not None:
        for name in BESIDE:
            order, test = splits[0][: max(sizes)], splits[0][max(sizes) :][:_TESTED]
            curve = smoother_curve(covariance, data.X, order, sizes, test, name, data.key)
            rows += [
                {**common, "design": "data", "learner": name, "n": n, "ridge": None, "delta": None, "features": None,
                 "risk": None, "predicted_risk": float(risk)}
                for n, risk in zip(sizes, curve, strict=True)
            ]  # fmt: skip
    return rows


def _drawn(points: F64, y: F64, order: np.ndarray[Any, Any], most: int) -> Design:
    train, test = order[:most], order[most:][:_TESTED]
    return Design(points[train], y[train], points[test], y[test])


def _inputs(spectrum: KernelSpectrum, parts: list[Design], n: int, population: int | None, common: Row) -> list[Row]:
    λ, v2, rest = spectrum.eigenvalues, spectrum.coefficients, spectrum.outside
    best = optimal_ridge_risk(λ, v2, n, outside=rest, intercept=True, population=population)
    none = kernel_ridge_risk(λ, v2, n, outside=rest, intercept=True, population=population)
    deltas = [0.0, float(best.ridge[0])]
    measured = np.array([ridge_risks(part, deltas) for part in parts]).mean(axis=0)
    return [
        {**common, "learner": "linear", "n": n, "ridge": name, "delta": _finite(delta), "features": None,
         "risk": float(risk), "predicted_risk": _finite(float(law.risk[0]))}
        for name, delta, risk, law in zip(("none", "best"), deltas, measured, (none, best), strict=True)
    ]  # fmt: skip


def _features(spectrum: KernelSpectrum, parts: list[Design], n: int, key: int, common: Row) -> list[Row]:
    """Ridge on k random Gaussian projections W/√k; the law knows no finite population."""
    λ, v2, rest, rows = spectrum.eigenvalues, spectrum.coefficients, spectrum.outside, []
    d = parts[0].X.shape[1]
    for k in _FEATURES:
        best = optimal_ridge_risk(λ, v2, n, features=k, outside=rest, intercept=True)
        none = random_features_risk(λ, v2, n, k, outside=rest, intercept=True)
        deltas = [0.0, float(best.ridge[0])]
        found = []
        for i, part in enumerate(parts):
            W = normals(key64(key, Role.INITIALISATION, k, i), d * k).reshape(d, k) / math.sqrt(k)
            found.append(ridge_risks(part.projected(W), deltas))
        measured = np.mean(found, axis=0)
        rows += [
            {**common, "learner": "random features", "n": n, "ridge": name, "delta": _finite(delta), "features": k,
             "risk": float(risk), "predicted_risk": _finite(float(law.risk[0]))}
            for name, delta, risk, law in zip(("none", "best"), deltas, measured, (none, best), strict=True)
        ]  # fmt: skip
    return rows


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
