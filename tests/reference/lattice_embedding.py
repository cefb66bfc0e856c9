"""Laid-out boxes in plain Python floats (IEEE doubles, the same operations in the same order)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def orthonormalise(vectors: Sequence[Sequence[float]]) -> list[list[float]]:
    """Gram–Schmidt, twice."""
    made: list[list[float]] = []
    for vector in vectors:
        row = list(vector)
        for _ in range(2):
            for other in made:
                along = 0.0
                for a, b in zip(row, other, strict=True):
                    along += a * b
                row = [a - along * b for a, b in zip(row, other, strict=True)]
        square = 0.0
        for a in row:
            square += a * a
        scale = 1.0 / math.sqrt(square)
        made.append([a * scale for a in row])
    return made


def place_site(
    site: int, shape: Sequence[int], places: Sequence[Sequence[Sequence[float]]], frame: Sequence[Sequence[float]]
) -> list[np.float32]:
    """The coordinates of one site."""
    x = []
    for length in reversed(shape):
        site, rest = divmod(site, length)
        x.append(rest)
    along = [c for k, place in enumerate(reversed(x)) for c in places[k][place]]
    total = [0.0] * len(frame[0])
    for c, row in zip(along, frame, strict=True):
        total = [t + c * f for t, f in zip(total, row, strict=True)]
    return [np.float32(t) for t in total]
