"""Compiled kernels of Gaussian fields; plain-Python references are in tests/reference."""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import inline, kernel
from fractalman.random._draw_kernels import derive, draw_normal
from fractalman.random.series import exp64

_U = np.uint64
_f = np.float32
_LN2 = 0.6931471805599453
_TURN = 0.15915494309189535  # 1/2π
_WHOLE = 6755399441055744.0  # 1.5·2^52: what is added to it is rounded to a whole number
# sin 2πu on ±1/4 = u·(c0 + c1·u² + …) with the least largest error, 3.4e-9
_C0, _C1, _C2 = 6.2831851600883395, -41.341655031124056, 81.60100405362743
_C3, _C4 = -76.54978181493846, 39.53670223677414
BLOCK = 512  # waves summed for all points before the next ones; of their number it is a divisor


@kernel
def shells(hurst, octaves, low, scale, share):  # type: ignore[no-untyped-def]
    """scale[m] = low·2^(octaves·(m + ½)/M), share[m] = t_lo^(−2H) − t_hi^(−2H) of its shell, shares summing to 1."""
    count = scale.size
    total = 0.0
    below = 1.0
    for m in range(count):
        scale[m] = low * exp64(_LN2 * octaves * (m + 0.5) / count)
        above = exp64(-2.0 * hurst * _LN2 * octaves * (m + 1.0) / count)
        share[m] = below - above
        below = above
        total += share[m]
    for m in range(count):
        share[m] = share[m] / total


@inline
def angle_of(x, y):  # type: ignore[no-untyped-def]
    """The angle of (x, y) in turns, within ±1/2: arctan of a ratio of at most 1, halved twice for a short series."""
    across, along = abs(x), abs(y)
    longer = max(across, along)
    if longer == 0.0:
        return 0.0
    t = min(across, along) / longer
    t = t / (1.0 + math.sqrt(1.0 + t * t))
    t = t / (1.0 + math.sqrt(1.0 + t * t))
    total = 0.0
    for k in range(12, -1, -1):
        total = (1.0 if k % 2 == 0 else -1.0) / (2.0 * k + 1.0) + total * (t * t)
    turn = 4.0 * _TURN * (t * total)
    if along > across:
        turn = 0.25 - turn
    if x < 0.0:
        turn = 0.5 - turn
    return -turn if y < 0.0 else turn


@kernel
def frequencies(key, scale, share, turns, offset, amplitude):  # type: ignore[no-untyped-def]
    """Draw feature m: frequency scale[m]·N(0, 1) per coordinate in turns per unit, amplitudes √share[m]·N(0, 1).

    The two amplitudes a, b, of cosine and sine, become one wave: a·cos φ + b·sin φ = amplitude·cos(φ + 2π·offset).
    """
    width = turns.shape[0]
    for m in range(scale.size):
        own = derive(key, _U(m))
        root = math.sqrt(share[m])
        cosine = root * draw_normal(own, _U(0))
        sine = root * draw_normal(own, _U(1))
        offset[m] = -angle_of(cosine, sine)
        amplitude[m] = _f(math.sqrt(cosine * cosine + sine * sine))
        for j in range(width):
            turns[j, m] = _TURN * (scale[m] * draw_normal(own, _U(2 + j)))


@inline
def add_phases(row, turns, first, last, phase):  # type: ignore[no-untyped-def]
    """phase += row·turns[:, first:last], coordinate after coordinate, three in a pass."""
    width = row.size
    for j in range(width % 3):
        x, a = row[j], turns[j, first:last]
        for m in range(phase.size):
            phase[m] = phase[m] + x * a[m]
    for j in range(width % 3, width, 3):
        x, y, z = row[j], row[j + 1], row[j + 2]
        a, b, c = turns[j, first:last], turns[j + 1, first:last], turns[j + 2, first:last]
        for m in range(phase.size):
            phase[m] = ((phase[m] + x * a[m]) + y * b[m]) + z * c[m]


@kernel
def field_values(x, turns, offset, amplitude, out):  # type: ignore[no-untyped-def]
    """out[i] = Σ_m amplitude[m]·cos 2π(x_i·turns[:, m] + offset[m]).

    Phases in double precision lose whole turns exactly (they stay below 2^51); what is left, within ±1/2 turn, goes
    on in single precision: cos 2πt = sin 2π(1/4 − |t|) by a polynomial that is right to 4e-9, and to 2.1e-7 of the
    amplitude with all rounding. Terms are added in pairs, then in double precision, in a fixed order; BLOCK waves at a
    time for all points, so that the waves stay in the cache.
    """
    phase, t, lanes = np.empty(BLOCK), np.empty(BLOCK, np.float32), np.empty(8)
    for i in range(x.shape[0]):
        out[i] = 0.0
    for first in range(0, amplitude.size, BLOCK):
        last = first + BLOCK
        at, size = offset[first:last], amplitude[first:last]
        for i in range(x.shape[0]):
            for m in range(BLOCK):
                phase[m] = at[m]
            add_phases(x[i], turns, first, last, phase)
            for m in range(BLOCK):
                t[m] = _f(phase[m] - ((phase[m] + _WHOLE) - _WHOLE))
            for m in range(BLOCK):
                u = _f(0.25) - abs(t[m])
                u2 = u * u
                s = _f(_C4)
                s = s * u2 + _f(_C3)
                s = s * u2 + _f(_C2)
                s = s * u2 + _f(_C1)
                s = s * u2 + _f(_C0)
                t[m] = (s * u) * size[m]
            for lane in range(8):
                lanes[lane] = 0.0
            for start in range(0, BLOCK, 16):
                for lane in range(8):
                    lanes[lane] = lanes[lane] + np.float64(t[start + lane] + t[start + 8 + lane])
            total = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
            out[i] = out[i] + total
