"""One recommended dimension: distances and angles together, with the reason in a sentence."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from fractalman.measure.dimension_part import Part
from fractalman.measure.dimension_reference import unlike_references
from fractalman.measure.dimension_scan import DimensionScan

_AGREE = 2.0  # standard errors
_RANK = 22.0  # of the neighbours that turn angles, about
_RISE = 0.07  # flat sets of 8 to 32 dimensions rise by .04 at 2000 points, one in fourteen of them by more
_SEEN = 1.5  # times what unlike sets are misread by, where a set is seen to bend


def bends(scan: DimensionScan) -> bool:
    """Whether distances read more at the scale of the angles than at the smallest: what bends there bends both."""
    if scan.rank[0] > 1:  # a grid: its first neighbours say nothing
        return False
    at = int(np.argmin(np.abs(np.log(scan.rank / _RANK))))
    rise = math.log(scan.value[at] / scan.value[0])
    return rise > max(_RISE, float(scan.standard_error[0] / scan.value[0]))


def bent(part: Part) -> Part:
    """Return the estimate of a set that bends: how far below its smallest scales it goes on to fall nobody sees.

    A torus of 16 circles reads 24 at the neighbours of 2000 points, which lie as far apart as its circles are wide.
    """
    return replace(part, scale=math.hypot(part.scale, _SEEN * unlike_references(part.log)))


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
