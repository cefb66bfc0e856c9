"""A power law with a floor, L = A·n^-α + E: variable projection finds where to start, least squares on logarithms ends.

Source: docs/theory.md §4; Golub & Pereyra 1973 for variable projection.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._typing import F64
from fractalman.errors import FitError
from fractalman.measure.serial import serial_covariance


def jackknife_errors(values: F64) -> F64:
    """Return standard errors from delete-one values, (replicates, parameters) → (parameters,)."""
    replicates = values.shape[0]
    spread = values - values.mean(axis=0)
    return np.asarray(np.sqrt((replicates - 1) / replicates * (spread**2).sum(axis=0)), dtype=np.float64)


def floor_fit(x: F64, losses: F64, offset: F64) -> tuple[F64, F64, int]:
    """Fit ln L = ln(exp(ln A − α·x + offset) + E); return (ln A, α, E), their errors and the degrees of freedom."""
    replicates, count = losses.shape
    parameters, covariance = floor_solution(x, losses.mean(axis=0), offset, None)
    if replicates == 1:
        return parameters, np.sqrt(np.maximum(np.diag(covariance), 0.0)), max(count - 3, 0)
    total = losses.sum(axis=0)
    values = np.array(
        [floor_solution(x, (total - losses[i]) / (replicates - 1), offset, parameters)[0] for i in range(replicates)]
    )
    errors = jackknife_errors(values)
    if errors[2] == 0.0:  # every replicate ends at E = 0: how far E can go is in the residuals
        errors[2] = math.sqrt(max(float(covariance[2, 2]), 0.0))
    return parameters, errors, replicates - 1


def floor_solution(x: F64, curve: F64, offset: F64, start: F64 | None) -> tuple[F64, F64]:
    """Solve for (ln A, α, E) on logarithms; return them with the covariance that the residuals give."""
    from scipy.optimize import least_squares

    centre, unit, target = x.mean(), float(curve.min()), np.log(curve)
    u = x - centre  # A at the centre of the window and E in units of the smallest loss: a well-scaled problem

    def residuals(p: F64) -> F64:
        return np.asarray(np.log(np.exp(p[0] - p[1] * u + offset) + p[2] * unit) - target, dtype=np.float64)

    def jacobian(p: F64) -> F64:
        power = np.exp(p[0] - p[1] * u + offset)
        model = power + p[2] * unit
        return np.stack([power / model, -u * power / model, unit / model], axis=1)

    if start is None:
        starts = _starts(u, curve, offset, unit)
    else:
        starts = [np.array([start[0] - start[1] * centre, start[1], start[2] / unit])]
    best = None
    for first in starts:
        found = least_squares(
            residuals, first, jac=jacobian, bounds=([-np.inf, -np.inf, 0.0], np.inf), xtol=1e-13, ftol=1e-13, gtol=1e-13
        )
        if best is None or found.cost < best.cost:
            best = found
    if best is None:
        raise FitError(
            "no falling power law with a floor comes near this curve: fit without a floor or narrow the window"
        )
    p, j = best.x, best.jac
    covariance, _ = serial_covariance(j, best.fun)
    to_caller = np.array([[1.0, centre, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, unit]])
    return np.array([p[0] + p[1] * centre, p[1], p[2] * unit]), to_caller @ covariance @ to_caller.T


def _starts(u: F64, curve: F64, offset: F64, unit: float) -> list[F64]:
    """Variable projection: for each α of a grid the best A > 0 and E >= 0 are linear; return the three best."""
    tried = []
    for alpha in np.geomspace(0.02, 6.0, 48):
        a, b = np.exp(-alpha * u + offset) / curve, 1.0 / curve  # relative residuals
        matrix = np.stack([a, b], axis=1)
        solution = np.linalg.lstsq(matrix, np.ones_like(u), rcond=None)[0]
        if solution[1] < 0.0:
            solution = np.array([a.sum() / (a @ a), 0.0])
        if solution[0] > 0.0:
            misfit = float(((matrix @ solution - 1.0) ** 2).sum())
            tried.append((misfit, math.log(solution[0]), float(alpha), max(float(solution[1]) / unit, 1e-6)))
    return [np.array(entry[1:]) for entry in sorted(tried)[:3]]
