"""Rotations and nuisance coordinates in plain Python floats, one operation at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tests.reference import streams as plain


def rotated(key: int, row: Sequence[float]) -> list[float]:
    """A row turned by the uniform rotation of ``key``."""
    d, x = len(row), [float(v) for v in row]
    for k in range(d - 2, -1, -1):
        own = plain.derive(key, k)
        u = [plain.draw_normal(own, j) for j in range(d - k)]
        length = 0.0
        for g in u:
            length += g * g
        scale = 1.0 / math.sqrt(length)
        w = [g * scale for g in u]
        sign = 1.0 if w[0] >= 0.0 else -1.0
        w[0] += sign
        x[k] *= -sign
        x[d - 1] *= sign
        square, along = 0.0, 0.0
        for j in range(d - k):
            square += w[j] * w[j]
            along += w[j] * x[k + j]
        along *= 2.0 / square
        for j in range(d - k):
            x[k + j] -= w[j] * along
    return x


def nuisance(key: int, point: int, scale: float, width: int) -> list[float]:
    """The nuisance coordinates of one point, before they are rounded to single precision."""
    own = plain.derive(key, point)
    return [scale * plain.draw_normal(own, j) for j in range(width)]
