"""The labels in the plainest Python, consuming the same random numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from fractalman.seeds import derive_twin, draw_normal_twin


def hierarchical_values(key: int, variance: Sequence[float]) -> list[float]:
    """Latent values from their variances."""
    return [draw_normal_twin(key, u) * math.sqrt(v) for u, v in enumerate(variance)]


def path_sum(parent: Sequence[int], term: Sequence[float], node: int) -> float:
    """Sum of ``term`` over the path from the root down to ``node``, in that order."""
    path = [node]
    while parent[path[-1]] >= 0:
        path.append(parent[path[-1]])
    total = term[path[-1]]
    for u in path[-2::-1]:
        total += term[u]
    return total


def cascade_segment(addresses: Sequence[int], first: int, last: int, amplitude: Sequence[float], key: int) -> float:
    """Σ of the rounded terms of levels first … last, as an exact rational."""
    total = Fraction(0)
    for level in range(first, last + 1):
        z = draw_normal_twin(derive_twin(key, addresses[level]), 0)
        total += Fraction(math.floor(amplitude[level] * z * 2.0**44 + 0.5), 2**44)
    return float(total)


def field_value(
    x: Sequence[float], turns: Sequence[Sequence[float]], cosine: Sequence[float], sine: Sequence[float]
) -> float:
    """A field at one point, with the library's sine and cosine: equal to the kernel's up to rounding."""
    phases = [2.0 * math.pi * sum(a * b for a, b in zip(x, wave, strict=True)) for wave in turns]
    return math.fsum(c * math.cos(p) + s * math.sin(p) for p, c, s in zip(phases, cosine, sine, strict=True))
