"""One recommended dimension: distances and angles together, with the reason in a sentence."""

from __future__ import annotations

import math

import numpy as np

from fractalman.measure.dimension_part import Part
from fractalman.measure.dimension_scan import DimensionScan

_AGREE = 2.0  # standard errors
_RANK = 22.0  # of the neighbours that turn angles, about
_RISE = 0.1


def bends(scan: DimensionScan) -> bool:
    """Whether distances read more at the scale of the angles than at the smallest: what bends there bends both."""
    if scan.rank[0] > 1:  # a grid: its first neighbours say nothing
        return False
    at = int(np.argmin(np.abs(np.log(scan.rank / _RANK))))
    rise = math.log(scan.value[at] / scan.value[0])
    return rise > max(_RISE, float(scan.standard_error[0] / scan.value[0]))


def combine(distances: Part, angles: Part) -> tuple[Part, str]:
    """Return the recommended estimate of two independent ones, and the reason."""
    apart = distances.log - angles.log
    error = math.hypot(distances.total, angles.total)
    D, A = math.exp(distances.log), math.exp(angles.log)
    if abs(apart) > _AGREE * error:
        return distances, (
            f"from neighbours' distances alone: angles read {A:.3g}, as they do where the set is curved, noisy or "
            "fractal on the scale of a neighbourhood"
        )
    w = distances.total**-2 / (distances.total**-2 + angles.total**-2)
    log = w * distances.log + (1.0 - w) * angles.log
    sampling, bias, scale = (
        math.hypot(w * a, (1.0 - w) * b)
        for a, b in (
            (distances.sampling, angles.sampling),
            (distances.bias, angles.bias),
            (distances.scale, angles.scale),
        )
    )
    extra = max(0.0, abs(apart) - error) * min(w, 1.0 - w)
    trend = w * distances.trend + (1.0 - w) * angles.trend
    return Part(log, sampling, bias, math.hypot(scale, extra), trend), (
        f"neighbours' distances ({D:.3g}) and angles ({A:.3g}) agree: their mean, weighted by their errors"
    )
