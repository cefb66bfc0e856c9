"""Logarithm, exponential, sine and cosine as short series of IEEE operations: the same bits on every machine."""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import inline


@inline
def log64(x):  # type: ignore[no-untyped-def]
    """Natural logarithm of a normal float64 > 0: 2·artanh((m−1)/(m+1)) + e·ln 2 with m in [√½, √2)."""
    m, e = math.frexp(x)
    if m < 0.7071067811865476:
        m, e = m * 2.0, e - 1
    return log_of_parts(m, np.float64(e))


@inline
def log_of_parts(m, e):  # type: ignore[no-untyped-def]
    """ln(m · 2^e) for m in [√½, √2) and an integer e, both float64."""
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1.0 / 23.0
    p = p * z + 1.0 / 21.0
    p = p * z + 1.0 / 19.0
    p = p * z + 1.0 / 17.0
    p = p * z + 1.0 / 15.0
    p = p * z + 1.0 / 13.0
    p = p * z + 1.0 / 11.0
    p = p * z + 1.0 / 9.0
    p = p * z + 1.0 / 7.0
    p = p * z + 1.0 / 5.0
    p = p * z + 1.0 / 3.0
    return 2.0 * s + 2.0 * (s * z) * p + e * 0.6931471805599453


@inline
def exp64(x):  # type: ignore[no-untyped-def]
    """e^x for |x| < 700 by IEEE operations only: x = k·ln 2 + s, Taylor in s/2 with |s/2| ≤ 0.174, squared."""
    k = math.floor(x * 1.4426950408889634 + 0.5)
    s = 0.5 * ((x - k * 0.6931471803691238) - k * 1.9082149292705877e-10)
    p = 1.0 / 479001600.0
    p = p * s + 1.0 / 39916800.0
    p = p * s + 1.0 / 3628800.0
    p = p * s + 1.0 / 362880.0
    p = p * s + 1.0 / 40320.0
    p = p * s + 1.0 / 5040.0
    p = p * s + 1.0 / 720.0
    p = p * s + 1.0 / 120.0
    p = p * s + 1.0 / 24.0
    p = p * s + 1.0 / 6.0
    p = p * s + 0.5
    p = p * s + 1.0
    p = p * s + 1.0
    return math.ldexp(p * p, int(k))


@inline
def sine64(t):  # type: ignore[no-untyped-def]
    """sin t for |t| ≤ π/4."""
    t2 = t * t
    p = -1.0 / 121645100408832000.0
    p = p * t2 + 1.0 / 355687428096000.0
    p = p * t2 - 1.0 / 1307674368000.0
    p = p * t2 + 1.0 / 6227020800.0
    p = p * t2 - 1.0 / 39916800.0
    p = p * t2 + 1.0 / 362880.0
    p = p * t2 - 1.0 / 5040.0
    p = p * t2 + 1.0 / 120.0
    p = p * t2 - 1.0 / 6.0
    p = p * t2 + 1.0
    return p * t


@inline
def cosine64(t):  # type: ignore[no-untyped-def]
    """cos t for |t| ≤ π/4."""
    t2 = t * t
    p = -1.0 / 6402373705728000.0
    p = p * t2 + 1.0 / 20922789888000.0
    p = p * t2 - 1.0 / 87178291200.0
    p = p * t2 + 1.0 / 479001600.0
    p = p * t2 - 1.0 / 3628800.0
    p = p * t2 + 1.0 / 40320.0
    p = p * t2 - 1.0 / 720.0
    p = p * t2 + 1.0 / 24.0
    p = p * t2 - 0.5
    return p * t2 + 1.0
