"""How far nearest-neighbour readings fall short of D at n points: the curves of reference sets, and their inversion.

q = share of the points that lie within the distance that is read, u = q^(1/D). The table beside this module, made by
scripts/dimension_reference.py, holds for balls, cubes, spheres and normal points of known D

    reading / D = 1 − a·u − b·u².

Nobody knows which of them the caller's set resembles: the mean of the four corrects, and their scatter is an error.
"""

from __future__ import annotations

import csv
import math
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import ArrayLike

from fractalman._typing import F64

_BELOW = (0.125, 0.25, 0.5)  # dimensions below the table's first, which lends its a and b
_LEAST = 0.05
_BENT = (
    0.08  # what images of D ≥ 8 dimensions by random networks are misread by, as a share; they show no trend in scale
)
_FLAT, _CROWDED = 3.0, 8.0  # dimensions up to which neighbours are close, and from which they are as far as the bend
_BEYOND = 0.2  # of ln(D / the table's last dimension)


@cache
def reference_table() -> tuple[tuple[str, ...], F64, F64]:
    """Return the sets' names, the dimensions (D,) and the coefficients (sets, D, 2)."""
    text = resources.files("fractalman.measure").joinpath("dimension_reference.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    names = tuple(dict.fromkeys(row["set"] for row in rows))
    dimensions = np.array(sorted({float(row["D"]) for row in rows}))
    table = np.array([[float(row["a"]), float(row["b"])] for row in rows]).reshape(len(names), len(dimensions), 2)
    first = np.repeat(table[:, :1], len(_BELOW), axis=1)
    return names, np.concatenate([_BELOW, dimensions]), np.concatenate([first, table], axis=1)


@cache
def _curves(q: tuple[float, ...]) -> tuple[F64, F64]:
    """Return the dimensions (D,) and the readings (sets, D) expected there, averaged over the shares ``q``."""
    _, dimensions, table = reference_table()
    u = np.asarray(q)[:, None] ** (1.0 / dimensions)  # (q, D)
    share = 1.0 - table[:, None, :, 0] * u - table[:, None, :, 1] * u * u
    readings = dimensions * np.maximum(share, _LEAST).mean(axis=1)
    return dimensions, np.maximum.accumulate(readings + 1e-9 * dimensions, axis=1)


def corrected(reading: ArrayLike, q: ArrayLike) -> F64:
    """Return ln D of readings at the share ``q`` as every reference set has it, (sets, …).

    Parameters
    ----------
    reading : any shape, dimensions as an estimator gave them.
    q : one share of the points, or several over which the estimator averages.
    """
    values = np.log(np.asarray(reading, np.float64))
    dimensions, curves = _curves(tuple(np.atleast_1d(np.asarray(q, np.float64)).tolist()))
    return np.stack([_inverse(values, np.log(curve), np.log(dimensions)) for curve in curves])


def unlike_references(log: float) -> float:
    """Return the error on ln D for sets that are bent within a neighbourhood, as none of the references is.

    With D the nearest neighbours move out, to where a bent set fills more directions than D at every scale there is.
    """
    bent = _BENT * min(1.0, max(0.0, (math.exp(log) - _FLAT) / (_CROWDED - _FLAT)))
    return math.hypot(bent, _BEYOND * max(0.0, log - math.log(float(reference_table()[1][-1]))))


def _inverse(value: F64, curve: F64, dimension: F64) -> F64:
    """Interpolate on logarithms; beyond the table's last dimension with its last slope."""
    inside = np.interp(value, curve, dimension)
    slope = (dimension[-1] - dimension[-2]) / (curve[-1] - curve[-2])
    return np.asarray(np.where(value > curve[-1], dimension[-1] + (value - curve[-1]) * slope, inside))
