"""The dimension of a set above the noise that its points carry.

Noise of standard deviation σ lets a reading exceed D by an amount that falls as (σ/r)², and as u^-2 with the share
q = u^D of the points inside: steeply at small scales, then ever slower, towards D. Curvature and a density that varies
act as u², at large scales. Where readings fall from octave to octave and the former describes them better, the largest
scale is nearest to the set, and what the last octave still fell is what may be left of the noise.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._typing import F64
from fractalman.measure.dimension_part import Part

_LEAST = 5  # octaves that tell the two shapes apart
_FALL = 0.15  # from the first to the last octave, on the logarithm
_BETTER = 4.0  # how much less the noise's shape misses by, as χ²
_MISSED = 10.0  # χ² from which curvature does not describe a fall either
_DEEP = 1.0  # a fall so large is noise then, whatever its shape
_STILL = 0.1  # above the last octave: the scales that noise hardly changes


def above_noise(x: F64, covariance: F64, unknown: F64, q: F64) -> tuple[int, Part] | None:
    """Return the first octave that noise hardly changes and the estimate above noise; None where none is seen.

    Parameters
    ----------
    x : (octaves,) ln D as read and corrected.
    covariance, unknown : (octaves, octaves) of ``x``: sampling, and what the correction leaves open.
    q : (octaves,) share of the points inside.
    """
    if len(x) < _LEAST or x[0] - x[-1] < _FALL or x[-1] > x.min() + 1e-9:
        return None
    error = np.sqrt(np.diag(covariance) + np.square(0.01))
    if (np.diff(x) > np.hypot(error[1:], error[:-1])).any():
        return None
    square = q ** (2.0 / math.exp(float(x[-1])))
    (noise, rises), (curved, _) = _misfit(x, error, 1.0 / square), _misfit(x, error, square)
    deep = x[0] - x[-1] > _DEEP and curved > _MISSED and bool((np.diff(x) < 0.0).all())
    if not deep and not (rises and noise + _BETTER < curved):
        return None
    left = max(0.0, float(x[-2] - x[-1]))
    first = min(int(np.argmax(x - x[-1] < _STILL)), len(x) - 2)
    sampling, bias = math.sqrt(float(covariance[-1, -1])), math.sqrt(float(unknown[-1, -1]) + 0.01**2)
    return max(1, first), Part(float(x[-1]) - 0.5 * left, sampling, bias, 0.5 * left, -0.5 * left)


def _misfit(x: F64, error: F64, shape: F64) -> tuple[float, bool]:
    """Return χ² of a level and a multiple of ``shape``, and whether that multiple is positive."""
    columns = np.stack([np.ones_like(shape), shape / np.abs(shape).max()], axis=1) / error[:, None]
    found = np.linalg.lstsq(columns, x / error, rcond=None)[0]
    return float(np.square(x / error - columns @ found).sum()), bool(found[1] > 0.0)
