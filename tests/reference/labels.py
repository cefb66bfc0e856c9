"""The labels in the plainest Python, consuming the same random numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from tests.reference import streams as plain


def hierarchical_values(key: int, variance: Sequence[float]) -> list[float]:
    """Latent values from their variances."""
    return [plain.draw_normal(key, u) * math.sqrt(v) for u, v in enumerate(variance)]


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
        z = plain.draw_normal(plain.derive(key, addresses[level]), 0)
        total += Fraction(math.floor(amplitude[level] * z * 2.0**44 + 0.5), 2**44)
    return float(total)


def field_waves(key: int, width: int, scale: Sequence[float], share: Sequence[float]) -> list[list[float]]:
    """Amplitudes of cosine and sine, then frequencies in radians, wave by wave."""
    own = [plain.derive(key, m) for m in range(len(scale))]
    return [
        [math.sqrt(r) * plain.draw_normal(k, 0), math.sqrt(r) * plain.draw_normal(k, 1)]
        + [t * plain.draw_normal(k, 2 + j) for j in range(width)]
        for k, t, r in zip(own, scale, share, strict=True)
    ]


def field_value(x: Sequence[float], waves: Sequence[Sequence[float]]) -> float:
    """A field at one point, with the library's sine and cosine: equal to the kernel's up to rounding."""
    phases = [sum(a * b for a, b in zip(x, wave[2:], strict=True)) for wave in waves]
    return math.fsum(w[0] * math.cos(p) + w[1] * math.sin(p) for p, w in zip(phases, waves, strict=True))


def field_sum(
    x: Sequence[float], turns: Sequence[Sequence[float]], offset: Sequence[float], amplitude: Sequence[float]
) -> float:
    """A field at one point from its frequencies (wave by wave) and phases in turns: the kernel's own operations."""
    f = np.float32
    series = [f(c) for c in (6.2831851600883395, -41.341655031124056, 81.60100405362743, -76.54978181493846)]
    terms = []
    for wave, phase, size in zip(turns, offset, amplitude, strict=True):
        for at, turn in zip(x, wave, strict=True):
            phase += at * turn
        u = f(0.25) - abs(f(phase - round(phase)))
        s = f(39.53670223677414)
        for c in reversed(series):
            s = s * (u * u) + c
        terms.append((s * u) * f(size))
    total = 0.0
    for first in range(0, len(terms), 512):
        lanes = [0.0] * 8
        for start in range(first, first + 512, 16):
            for lane in range(8):
                lanes[lane] += float(terms[start + lane] + terms[start + 8 + lane])
        total += ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
    return total


def field_covariance(square: float, hurst: float) -> float:
    """K(r) = H·E_{1+H}(2r²) = 2H ∫_0^∞ exp(−2Hu − 2r²e^(2u)) du by Simpson's rule, good to about 1e-12."""
    if square == 0.0:
        return 1.0
    end = min(30.0 / hurst, max(0.5 * math.log(40.0 / square), 0.1))  # beyond it the integrand is below e^−60
    steps = 40_000
    h = end / steps
    total = 0.0
    for i in range(steps + 1):
        term = math.exp(-2.0 * hurst * i * h - 2.0 * square * math.exp(2.0 * i * h))
        total += term * (1.0 if i in (0, steps) else 4.0 if i % 2 else 2.0)
    return 2.0 * hurst * total * h / 3.0


def cholesky(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    """Upper factor of a symmetric matrix, entry by entry; the terms of every entry by rising row."""
    n = len(matrix)
    upper = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i, n):
            entry = matrix[i][j]
            for k in range(i):
                entry -= upper[k][i] * upper[k][j]
            upper[i][j] = math.sqrt(entry) if i == j else entry / upper[i][i]
    return upper


def correlated(key: int, upper: Sequence[Sequence[float]]) -> list[float]:
    """upperᵀ·z, z[k] = normal number k of ``key``."""
    out = [0.0] * len(upper)
    for k, row in enumerate(upper):
        z = plain.draw_normal(key, k)
        for i in range(k, len(upper)):
            out[i] += row[i] * z
    return out
