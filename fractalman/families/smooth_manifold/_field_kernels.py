"""Compiled kernels of Gaussian fields; plain-Python references are in tests/reference."""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import kernel
from fractalman.random._draw_kernels import derive, draw_normal
from fractalman.random.series import cosine64, exp64

_U = np.uint64
_LN2 = 0.6931471805599453
_TURN = 0.15915494309189535  # 1/2π
_QUARTER = 1.5707963267948966


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


@kernel
def frequencies(key, scale, share, turns, cosine, sine):  # type: ignore[no-untyped-def]
    """Draw feature m: frequency scale[m]·N(0, 1) per coordinate in turns per unit, amplitudes √share[m]·N(0, 1)."""
    width = turns.shape[0]
    for m in range(scale.size):
        own = derive(key, _U(m))
        root = math.sqrt(share[m])
        cosine[m] = root * draw_normal(own, _U(0))
        sine[m] = root * draw_normal(own, _U(1))
        for j in range(width):
            turns[j, m] = _TURN * (scale[m] * draw_normal(own, _U(2 + j)))


@kernel
def field_values(x, turns, cosine, sine, out):  # type: ignore[no-untyped-def]
    """out[i] = Σ_m cosine[m]·cos(2π x_i·turns[:, m]) + sine[m]·sin(…): sums in 8 lanes, in a fixed order.

    The angle is reduced to whole quarter turns (exactly: phases stay below 2^52) and a rest within ±1/8 turn.
    """
    count = cosine.size
    phase = np.empty(count)
    term = np.empty(count)
    lanes = np.empty(8)
    for i in range(x.shape[0]):
        for m in range(count):
            phase[m] = 0.0
        for j in range(x.shape[1]):
            at = x[i, j]
            for m in range(count):
                phase[m] = phase[m] + at * turns[j, m]
        for m in range(count):
            fourfold = 4.0 * phase[m]
            whole = np.floor(fourfold + 0.5)
            t = (fourfold - whole) * _QUARTER
            quarter = whole - 4.0 * np.floor(0.25 * whole)
            t2 = t * t
            # a term shorter than series.sine64: these bits are part of every dataset
            s = 1.0 / 355687428096000.0
            s = s * t2 - 1.0 / 1307674368000.0
            s = s * t2 + 1.0 / 6227020800.0
            s = s * t2 - 1.0 / 39916800.0
            s = s * t2 + 1.0 / 362880.0
            s = s * t2 - 1.0 / 5040.0
            s = s * t2 + 1.0 / 120.0
            s = s * t2 - 1.0 / 6.0
            s = s * t2 * t + t
            c = cosine64(t)
            odd = quarter == 1.0 or quarter == 3.0
            sign_c = -1.0 if quarter == 1.0 or quarter == 2.0 else 1.0
            sign_s = -1.0 if quarter == 2.0 or quarter == 3.0 else 1.0
            cos = sign_c * (s if odd else c)
            sin = sign_s * (c if odd else s)
            term[m] = cosine[m] * cos + sine[m] * sin
        for lane in range(8):
            lanes[lane] = 0.0
        for start in range(0, count, 8):
            for lane in range(8):
                lanes[lane] = lanes[lane] + term[start + lane]
        out[i] = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
