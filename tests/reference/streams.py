"""The draws of `fractalman.random` in unbounded integers and plain floats, one operation at a time."""

from __future__ import annotations

import math

import numpy as np

GAMMA, M1, M2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # SplitMix64's published constants
CHILD = math.isqrt(3 << 128) - (1 << 64)  # the fraction of √3
MASK = (1 << 64) - 1
_f = np.float32


def mix64(z: int) -> int:
    """SplitMix64's output function."""
    z = ((z ^ (z >> 30)) * M1) & MASK
    z = ((z ^ (z >> 27)) * M2) & MASK
    return z ^ (z >> 31)


def draw(key: int, counter: int) -> int:
    """Draw number ``counter`` of ``key``."""
    return mix64((key + (counter + 1) * GAMMA) & MASK)


def derive(key: int, word: int) -> int:
    """The key one address word below ``key``."""
    return draw(mix64(key ^ CHILD), word)


def key64(seed: int, role: int, *address: int) -> int:
    """The key of an address."""
    key = mix64((seed + GAMMA) & MASK)
    for word in (role, *address):
        key = derive(key, word & MASK)
    return key


def draw_uniform(key: int, counter: int) -> float:
    """`draw_uniform` from the reference's integers."""
    return (draw(key, counter) >> 11) * 2.0**-53


def draw_below(key: int, counter: int, n: int) -> int:
    """`draw_below` in unbounded integers."""
    return (draw(key, counter) * n) >> 64


def permutation(key: int, n: int) -> list[int]:
    """`permutation` in plain Python."""
    out = list(range(n))
    for i in range(n - 1, 0, -1):
        j = draw_below(key, i, i + 1)
        out[i], out[j] = out[j], out[i]
    return out


def draw_normal(key: int, counter: int) -> float:
    """`draw_normal` in plain Python floats (IEEE doubles, the same operations in the same order)."""
    u = ((draw(key, 2 * counter) >> 11) + 0.5) * 2.0**-53
    m, e = math.frexp(u)
    if m < 0.7071067811865476:
        m, e = m * 2.0, e - 1
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1.0 / 23.0
    for odd in range(21, 1, -2):
        p = p * z + 1.0 / odd
    radius = math.sqrt(-2.0 * (2.0 * s + 2.0 * (s * z) * p + float(e) * 0.6931471805599453))
    bits = draw(key, 2 * counter + 1)
    t = ((((bits << 2) & MASK) >> 11) * 2.0**-53 - 0.5) * 1.5707963267948966
    odd_quarter = (bits >> 62) & 1
    highest = 19 if odd_quarter else 18
    p = (-1.0) ** (highest // 2) / math.factorial(highest)
    for k in range(highest - 2, -1, -2):
        p = p * (t * t) + (-1.0) ** (k // 2) / math.factorial(k)
    if odd_quarter:
        p *= t
    return radius * (-p if bits >> 63 else p)


def normal_pair(key: int, counter: int) -> tuple[np.float32, np.float32]:
    """One pair of `fill_normals32`, one single-precision operation at a time."""
    one, two, half = _f(1.0), _f(2.0), _f(0.5)
    z = draw(key, counter)
    x = (_f(z >> 33) + half) * _f(2.0**-31)
    bits = int(x.view(np.int32))
    e = (bits - 0x3F3504F3) >> 23
    m = np.int32(bits - (e << 23)).view(np.float32)
    s = (m - one) / (m + one)
    z2 = s * s
    p = _f(1.0 / 9.0)
    for odd in (7.0, 5.0, 3.0):
        p = p * z2 + _f(1.0 / odd)
    log = two * s + two * (s * z2) * p + _f(e) * _f(0.6931471805599453)
    radius = np.sqrt(max(-two * log, _f(1e-30)))
    low = z & 0xFFFFFFFF
    signed = low - (1 << 32) if low >> 31 else low
    angle = _f(signed >> 2) * _f(1.4629180792671596e-09)
    a2 = angle * angle
    sine = _f(1.0 / 362880.0)
    for coefficient in (-1.0 / 5040.0, 1.0 / 120.0, -1.0 / 6.0):
        sine = sine * a2 + _f(coefficient)
    sine = sine * a2 * angle + angle
    cosine = _f(-1.0 / 3628800.0)
    for coefficient in (1.0 / 40320.0, -1.0 / 720.0, 1.0 / 24.0, -0.5, 1.0):
        cosine = cosine * a2 + _f(coefficient)
    if signed & 2:
        radius = -radius
    if signed & 1:
        return radius * sine, radius * -cosine
    return radius * cosine, radius * sine
