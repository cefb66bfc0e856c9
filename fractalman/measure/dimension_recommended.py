"""One recommended dimension: distances and angles together, with the reason in a sentence."""

from __future__ import annotations

import math

from fractalman.measure.dimension_part import Part

_AGREE = 2.0  # standard errors


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
