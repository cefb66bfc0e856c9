"""Draws, compiled: what numba makes of `fractalman.random.streams`, which says what a draw is.

Kernels of other packages take these functions in whole. This module imports constants and series alone: compiled
programs are looked up by the text of all that a kernel's module imports (`fractalman._kernel_sources`).
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import inline, kernel
from fractalman.random.constants import CHILD, GAMMA, M1, M2
from fractalman.random.series import cosine64, log64, log_of_parts, sine64

_U = np.uint64
_uGAMMA, _uM1, _uM2, _uCHILD = _U(GAMMA), _U(M1), _U(M2), _U(CHILD)
_u1, _u2, _u11, _u27, _u30, _u31, _u32, _u33 = (_U(k) for k in (1, 2, 11, 27, 30, 31, 32, 33))
_uLOW32 = _U(0xFFFFFFFF)
_I32 = np.int32
_f = np.float32


@inline
def mix64(z):  # type: ignore[no-untyped-def]
    """SplitMix64's output function: a bijection of 64 bits in which every input bit reaches every output bit."""
    z = (z ^ (z >> _u30)) * _uM1
    z = (z ^ (z >> _u27)) * _uM2
    return z ^ (z >> _u31)


@inline
def draw(key, counter):  # type: ignore[no-untyped-def]
    """Draw number ``counter`` (uint64) of ``key``: 64 random bits."""
    return mix64(key + (counter + _u1) * _uGAMMA)


@inline
def derive(key, word):  # type: ignore[no-untyped-def]
    """The key one address word below ``key``; both uint64. It treats the two differently, so (a, b) is not (b, a)."""
    return draw(mix64(key ^ _uCHILD), word)


@inline
def draw_uniform(key, counter):  # type: ignore[no-untyped-def]
    """A float64 multiple of 2^-53, uniform in [0, 1)."""
    return np.float64(draw(key, counter) >> _u11) * 1.1102230246251565e-16


@inline
def draw_below(key, counter, n):  # type: ignore[no-untyped-def]
    """An int64 uniform in 0 … n−1 (n an int64 > 0): the high 64 bits of draw × n."""
    x = draw(key, counter)
    m = _U(n)
    x_low, x_high = x & _uLOW32, x >> _u32
    m_low, m_high = m & _uLOW32, m >> _u32
    middle = x_high * m_low + ((x_low * m_low) >> _u32)
    carry = x_low * m_high + (middle & _uLOW32)
    return np.int64(x_high * m_high + (middle >> _u32) + (carry >> _u32))


@inline
def draw_normal(key, counter):  # type: ignore[no-untyped-def]
    """Standard normal number ``counter`` of ``key``, float64, from draws 2·counter and 2·counter + 1.

    Box–Muller: radius √(−2 ln u) with u a half-integer multiple of 2^-53, times the cosine of a uniform angle.
    The angle is a quarter turn (2 bits) beside ±π/4 (62 bits), so that the series stay short.
    """
    twice = counter * _u2
    u = (np.float64(draw(key, twice) >> _u11) + 0.5) * 1.1102230246251565e-16
    radius = math.sqrt(-2.0 * log64(u))
    bits = draw(key, twice + _u1)
    quarter = np.int64(bits >> _U(62))
    t = (np.float64((bits << _u2) >> _u11) * 1.1102230246251565e-16 - 0.5) * 1.5707963267948966
    p = sine64(t) if quarter & 1 else cosine64(t)
    if quarter & 2:
        p = -p
    return radius * p


@inline
def normal_draws(key, first, x, q):  # type: ignore[no-untyped-def]
    """What pairs of normals are made of, draws first … of ``key``: 31 bits as x in (0, 1), float32; 32 as q, int32."""
    state = key + (first + _u1) * _uGAMMA
    for j in range(x.size):  # `draw`, whose counter is added up: vectors have no product of 64 bits
        z = mix64(state)
        state += _uGAMMA
        x[j] = (_f(_I32(z >> _u33)) + _f(0.5)) * _f(4.656612873077393e-10)
        q[j] = _I32(z & _uLOW32)


@inline
def normal_radii(x, bits, t):  # type: ignore[no-untyped-def]
    """t = √(−2 ln x); ``bits`` is the int32 view of ``x``, which is used up.

    x rounds to 1 once in 2^25 draws. Its pair keeps its angle at a length of 1e-15: of two coordinates it may be all
    there is of a direction, and a vector without length has none.
    """
    for j in range(x.size):  # x = m · 2^e with m in [√½, √2): m stays in x, e goes to t
        e = (bits[j] - _I32(0x3F3504F3)) >> _I32(23)
        bits[j] = bits[j] - (e << _I32(23))
        t[j] = _f(e)
    for j in range(x.size):
        s = (x[j] - _f(1.0)) / (x[j] + _f(1.0))
        z2 = s * s
        p = _f(1.0 / 9.0)
        p = p * z2 + _f(1.0 / 7.0)
        p = p * z2 + _f(1.0 / 5.0)
        p = p * z2 + _f(1.0 / 3.0)
        log = _f(2.0) * s + _f(2.0) * (s * z2) * p + t[j] * _f(0.6931471805599453)
        t[j] = np.sqrt(max(_f(-2.0) * log, _f(1e-30)))


@inline
def normal_pairs32(q, t, left, right):  # type: ignore[no-untyped-def]
    """t times cosine and sine of an angle within ±π/4, then a quarter turn by q's lowest bit, a half by the next."""
    for j in range(q.size):
        angle = _f(q[j] >> _I32(2)) * _f(1.4629180792671596e-09)
        a2 = angle * angle
        sine = _f(1.0 / 362880.0)
        sine = sine * a2 - _f(1.0 / 5040.0)
        sine = sine * a2 + _f(1.0 / 120.0)
        sine = sine * a2 - _f(1.0 / 6.0)
        sine = sine * a2 * angle + angle
        cosine = _f(-1.0 / 3628800.0)
        cosine = cosine * a2 + _f(1.0 / 40320.0)
        cosine = cosine * a2 - _f(1.0 / 720.0)
        cosine = cosine * a2 + _f(1.0 / 24.0)
        cosine = cosine * a2 - _f(0.5)
        cosine = cosine * a2 + _f(1.0)
        quarter = (q[j] & _I32(1)) != 0
        radius = -t[j] if (q[j] & _I32(2)) != 0 else t[j]
        left[j] = radius * (sine if quarter else cosine)
        right[j] = radius * (-cosine if quarter else sine)


@inline
def fill_normals32(key, first, left, right, x, bits, t, q):  # type: ignore[no-untyped-def]
    """Fill ``left`` and ``right`` (float32, h each) with the standard normal pairs of draws first … first + h − 1.

    One draw makes one pair: 31 bits the radius, 32 bits the angle. ``x``, ``t`` (float32), ``bits`` (the int32 view
    of ``x``) and ``q`` (int32) are scratch of length h. Plain loops, so that the compiler turns each into vector
    instructions: 1.3 ns a normal where one loop takes 8.
    """
    normal_draws(key, first, x, q)
    normal_radii(x, bits, t)
    normal_pairs32(q, t, left, right)


@inline
def _uniform_inside(z):  # type: ignore[no-untyped-def]
    """The u of `draw_normal`."""
    return (np.float64(z >> _u11) + 0.5) * 1.1102230246251565e-16


@inline
def _normals_of(x, bits, t, q, out):  # type: ignore[no-untyped-def]
    """`draw_normal` of the uniforms x and the draws q, bit for bit, in vector instructions.

    ``bits`` is the int64 view of ``x``, which is used up; t (float64) is scratch.
    """
    n = out.size
    for i in range(n):  # x = m · 2^e as in `log64`: m stays in x, e goes to t
        e = (bits[i] >> 52) - 1022
        bits[i] = (bits[i] & 0xFFFFFFFFFFFFF) | (1022 << 52)
        t[i] = np.float64(np.int32(e))
    for i in range(n):
        small = x[i] < 0.7071067811865476
        m = x[i] * 2.0 if small else x[i]
        e = t[i] - 1.0 if small else t[i]
        out[i] = np.sqrt(-2.0 * log_of_parts(m, e))
    for i in range(n):
        turn = (np.float64(np.int64((q[i] << _u2) >> _u11)) * 1.1102230246251565e-16 - 0.5) * 1.5707963267948966
        p = sine64(turn) if q[i] & _U(1 << 62) else cosine64(turn)
        out[i] = out[i] * (-p if q[i] & _U(1 << 63) else p)


@kernel
def first_normals(keys, x, t, q, out):  # type: ignore[no-untyped-def]
    """out[i] = `draw_normal`(keys[i], 0), bit for bit; x, t (float64) and q (uint64) are scratch."""
    for i in range(keys.size):
        x[i] = _uniform_inside(draw(keys[i], _U(0)))
        q[i] = draw(keys[i], _u1)
    _normals_of(x, x.view(np.int64), t, q, out)


@kernel
def fill_draws(key, first, out):  # type: ignore[no-untyped-def]
    """out[j] = draw number first + j of ``key``."""
    for j in range(out.size):
        out[j] = draw(key, first + _U(j))


@kernel
def fill_normals(key, first, out):  # type: ignore[no-untyped-def]
    """out[j] = `draw_normal`(key, first + j), bit for bit."""
    size = min(out.size, 512)
    x, t, q = np.empty(size), np.empty(size), np.empty(size, np.uint64)
    _fill_normals(key, first, out, x, x.view(np.int64), t, q)


@inline
def _fill_normals(key, first, out, x, bits, t, q):  # type: ignore[no-untyped-def]
    for start in range(0, out.size, 512):
        n = min(out.size - start, 512)
        state = key + ((first + _U(start)) * _u2 + _u1) * _uGAMMA
        for i in range(n):  # draws 2c and 2c + 1, the counter added up
            x[i] = _uniform_inside(mix64(state))
            q[i] = mix64(state + _uGAMMA)
            state += _u2 * _uGAMMA
        _normals_of(x[:n], bits[:n], t[:n], q[:n], out[start : start + n])


@kernel
def fill_normal_pairs(key, first, left, right):  # type: ignore[no-untyped-def]
    """The pairs of `fill_normals32` with scratch of its own."""
    block = 256
    x = np.empty(block, np.float32)
    bits, t, q = x.view(np.int32), np.empty(block, np.float32), np.empty(block, np.int32)
    for start in range(0, left.size, block):
        stop = min(start + block, left.size)
        h = stop - start
        fill_normals32(key, first + _U(start), left[start:stop], right[start:stop], x[:h], bits[:h], t[:h], q[:h])


@kernel
def fill_permutation(key, out):  # type: ignore[no-untyped-def]
    """A uniformly random permutation of 0 … n−1 (Fisher–Yates, one draw a step) into ``out`` (any integer dtype)."""
    n = out.size
    for i in range(n):
        out[i] = i
    for i in range(n - 1, 0, -1):
        j = draw_below(key, _U(i), np.int64(i + 1))
        held = out[i]
        out[i] = out[j]
        out[j] = held
