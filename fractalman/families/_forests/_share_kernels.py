"""Compiled kernels of P_n(size ≤ s), how a tree of n vertices splits (`nested`); references are in tests/reference.

`share` is what decides. `compared` compares it with a threshold by less work: a table of small trees, and two
expansions that are cut short and say what they are wrong by at most.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import inline, kernel

_LANES = 8  # partial sums, so that the compiler makes vector instructions of them in a fixed order
_SMOOTH = 128  # vertices of base and branch from which on the expansion of P(base ≤ s) is good to the last digits
_ROUNDING = 2e-14  # more than what two ways to a share differ by in rounding
TABLED = 2 * _SMOOTH  # trees of fewer vertices have their shares in a table
_TERMS = 8  # of the series of a small side
TABLES = (2, TABLED, TABLED), (2, _SMOOTH, _TERMS)  # shapes of `small_shares` and `side_series`

# Coefficients of that expansion (`expansion` in tests/reference/nested.py): of n^−p; of a^m n^−(p−m),
# a = 1/x − 1/n, row m; and of b^m n^−(p−m), b = 1/(n−x) − 1/n, row m − 1, x = s + 1/2.
_LEVEL = np.array([1.0, 2 / 3, 32 / 45, 2024 / 2835, 6032 / 8505, 994144 / 1403325])
_ABOVE = np.array([
    [-2.0, -1.8333333333333333, -1.7291666666666667, -1.7576774691358024, -1.7929245434670782, -1.7773159343309084],
    [0.0, 0.05555555555555555, 0.2175925925925926, 0.16554783950617283, 0.06287401406035666, 0.11316150005205271],
    [0.0, 0.0, 0.06111111111111111, 0.024907407407407406, -0.09874356995884774, -0.02290339322457378],
    [0.0, 0.0, 0.0, -0.009446649029982363, -0.07964157113462669, -0.017632255448475687],
    [0.0, 0.0, 0.0, 0.0, -0.01539316129401006, 0.011035196650390837],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.004632931636693211],
])  # fmt: skip
_BELOW = np.array([
    [0.0, -0.16666666666666666, -0.1527777777777778, -0.12858796296296296, -0.1330664866255144, -0.14557535663763962],
    [0.0, 0.0, -0.018518518518518517, 0.0024691358024691358, 0.007840363511659808, -0.012456214481677445],
    [0.0, 0.0, 0.0, 0.006280864197530864, 0.011613940329218107, -0.007711640211640212],
    [0.0, 0.0, 0.0, 0.0, 0.0018513925631981187, -0.007713517827398449],
    [0.0, 0.0, 0.0, 0.0, 0.0, -0.0018944678851764757],
])  # fmt: skip


@inline
def late_weight(k):  # type: ignore[no-untyped-def]
    """k^(k−1) e^(−k) / k! for k > 32 by Stirling's series, to a few units in the last place."""
    x = 1.0 / k
    x2 = x * x
    s = x * (1.0 / 12.0 - x2 * (1.0 / 360.0 - x2 * (1.0 / 1260.0 - x2 * (1.0 / 1680.0 - x2 * (1.0 / 1188.0)))))
    e = 1.0 - s * (1.0 - s * 0.5 * (1.0 - s / 3.0 * (1.0 - s * 0.25 * (1.0 - s * 0.2 * (1.0 - s / 6.0)))))
    return e / math.sqrt(6.283185307179586 * k) / k


@kernel
def tree_weights(weight, pointed):  # type: ignore[no-untyped-def]
    """weight[k] = k^(k−1) e^(−k) / k!, pointed[K − k] = k·weight[k], K = size − 1: one read forwards, one backwards.

    Products up to 32, Stirling's series beyond.
    """
    last = weight.size - 1
    weight[0] = 0.0
    pointed[last] = 0.0
    term = 0.36787944117144233  # 1/e
    for k in range(1, last + 1):
        if k > 32:
            term = late_weight(k)
        weight[k] = term
        pointed[last - k] = k * term
        if k < 32:  # to k + 1: (1 + 1/k)^(k − 1) / e
            ratio = 1.0 + 1.0 / k
            for _ in range(k - 1):
                term = term * ratio
            term = term * 0.36787944117144233


@inline
def _weight(weight, k):  # type: ignore[no-untyped-def]
    """The weight of k, in the table (which ends beyond 32) or after it."""
    return weight[k] if k < weight.size else late_weight(k)


@kernel
def share_by_sum(weight, pointed, n, most, base):  # type: ignore[no-untyped-def]
    """P(size ≤ most) of the base, or of the branch, of a tree of n vertices: Σ_s t_s a_(n−s) / ((n−1) t_n).

    The branch's sum is the same with t and a exchanged.
    """
    last = weight.size - 1
    lanes = np.zeros(_LANES)
    total = 0.0
    i = 1
    if n > last:  # beyond the table, in the same order
        while i + _LANES <= most + 1:
            for lane in range(_LANES):
                far = _weight(weight, n - i - lane)
                lanes[lane] += weight[i + lane] * ((n - i - lane) * far) if base else pointed[last - i - lane] * far
            i += _LANES
        for s in range(i, most + 1):
            far = _weight(weight, n - s)
            total += weight[s] * ((n - s) * far) if base else pointed[last - s] * far
    elif base:
        shift = last - n  # a_(n−s) stands at pointed[last − n + s]
        while i + _LANES <= most + 1:
            for lane in range(_LANES):
                lanes[lane] += weight[i + lane] * pointed[shift + i + lane]
            i += _LANES
        for s in range(i, most + 1):
            total += weight[s] * pointed[shift + s]
    else:
        while i + _LANES <= most + 1:
            for lane in range(_LANES):
                lanes[lane] += pointed[last - i - lane] * weight[n - i - lane]
            i += _LANES
        for s in range(i, most + 1):
            total += pointed[last - s] * weight[n - s]
    total += ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]))
    return total / ((n - 1) * _weight(weight, n))


@kernel
def share_by_expansion(n, most):  # type: ignore[no-untyped-def]
    """P(base ≤ most) for most ≥ _SMOOTH and n − most ≥ _SMOOTH: its expansion in 1/x, 1/(n − x), 1/n to fifth order."""
    inverse = 1.0 / n
    x = most + 0.5
    ratio = (n - x) / x
    a, b = ratio * inverse, inverse / ratio
    level, above, below = 0.0, 0.0, 0.0
    for p in range(5, -1, -1):
        level = level * inverse + _LEVEL[p]
    for m in range(5, -1, -1):
        row = 0.0
        for p in range(5, m - 1, -1):
            row = row * inverse + _ABOVE[m, p]
        above = above * a + row
    for m in range(5, 0, -1):
        row = 0.0
        for p in range(5, m - 1, -1):
            row = row * inverse + _BELOW[m - 1, p]
        below = (below + row) * b
    return level + math.sqrt(a * 0.15915494309189535) * (above + below)


@kernel
def share(weight, pointed, n, most, base):  # type: ignore[no-untyped-def]
    """P(size ≤ most) of the base, or of the branch, of a tree of n vertices."""
    if most >= _SMOOTH and n - 1 - most >= _SMOOTH:
        return share_by_expansion(n, most) if base else 1.0 - share_by_expansion(n, n - 1 - most)
    return share_by_sum(weight, pointed, n, most, base)


@kernel
def small_shares(table):  # type: ignore[no-untyped-def]
    """table[0, most, n] = `share` of the base, table[1, most, n] of the branch, for 1 ≤ most < n < TABLED."""
    weight, pointed = np.empty(TABLED), np.empty(TABLED)
    tree_weights(weight, pointed)
    for most in range(1, TABLED):
        for n in range(most + 1, TABLED):
            table[0, most, n] = share(weight, pointed, n, most, True)
            table[1, most, n] = share(weight, pointed, n, most, False)


@inline
def product(a, b, out):  # type: ignore[no-untyped-def]
    """out = the series a·b."""
    for k in range(out.size):
        total = 0.0
        for i in range(k + 1):
            total += a[i] * b[k - i]
        out[k] = total


@inline
def inverse_power(p, s, out):  # type: ignore[no-untyped-def]
    """out = the series (1 − s·y)^(−p)."""
    out[0] = 1.0
    for k in range(1, out.size):
        out[k] = out[k - 1] * s * ((p + k - 1.0) / k)


@kernel
def side_series(series):  # type: ignore[no-untyped-def]
    """series[0, s] = coefficients of P_n(base ≤ s) in y = 1/n, series[1, s] of P_n(branch ≤ s), for s < _SMOOTH.

    With f(k) = k^(3/2)·√(2π)·weight[k] = exp(−σ(k)), σ(k) = 1/(12k) − 1/(360k³) + …, a base of s has probability
    weight[s]·(1 − sy)^(−1/2)·g/(1 − y), a branch of s the probability s·weight[s]·(1 − sy)^(−3/2)·y·g/(1 − y), where
    g = exp(σ(n) − σ(n − s)).
    """
    terms = series.shape[2]
    weight, pointed = np.empty(_SMOOTH), np.empty(_SMOOTH)
    tree_weights(weight, pointed)
    powers, exponent, g = np.empty(terms), np.empty(terms), np.empty(terms)
    term, made = np.empty(terms), np.empty(terms)
    series[:] = 0.0
    for s in range(1, _SMOOTH):
        exponent[:] = 0.0
        for p, c in ((1, 1.0 / 12.0), (3, -1.0 / 360.0), (5, 1.0 / 1260.0), (7, -1.0 / 1680.0)):
            inverse_power(float(p), float(s), powers)
            for k in range(p, terms):
                exponent[k] -= c * powers[k - p]
            if p < terms:
                exponent[p] += c
        g[:] = 0.0
        term[:] = 0.0
        g[0], term[0] = 1.0, 1.0
        for i in range(1, terms):
            product(term, exponent, made)
            for k in range(terms):
                term[k] = made[k] / i
                g[k] += term[k]
        for k in range(1, terms):
            g[k] += g[k - 1]  # over 1 − y
        for side in range(2):
            inverse_power(0.5 + side, float(s), powers)
            product(powers, g, made)
            series[side, s] = series[side, s - 1]
            for k in range(side, terms):
                series[side, s, k] += weight[s] * (s * made[k - 1] if side == 1 else made[k])


@inline
def by_side_series(series, n, most, base):  # type: ignore[no-untyped-def]
    """`share` for most < _SMOOTH ≤ n/2 by its series, and what it is wrong by at most.

    The first coefficient left out is below .002·s^_TERMS (base), .03·s^_TERMS (branch), the next ones grow like s^k.
    """
    inverse = 1.0 / n
    side = 0 if base else 1
    total = series[side, most, _TERMS - 1]
    for k in range(_TERMS - 2, -1, -1):
        total = total * inverse + series[side, most, k]
    x = (most + 2.0) * inverse
    x *= x
    x *= x
    return total, (0.005 if base else 0.1) * x * x + _ROUNDING


@inline
def by_low_order(n, most):  # type: ignore[no-untyped-def]
    """`share_by_expansion` to second order, and what it is wrong by at most.

    Terms left out: z^3 and, times the root, 2.2·(z^3 + z^4 + …), z = a + b + 1/n < .02.
    """
    inverse = 1.0 / n
    x = most + 0.5
    ratio = (n - x) / x
    a, b = ratio * inverse, inverse / ratio
    level = _LEVEL[0] + inverse * (_LEVEL[1] + inverse * _LEVEL[2])
    above = _ABOVE[0, 0] + inverse * (_ABOVE[0, 1] + inverse * _ABOVE[0, 2])
    above += a * (_ABOVE[1, 1] + inverse * _ABOVE[1, 2] + a * _ABOVE[2, 2])
    below = b * (_BELOW[0, 1] + inverse * _BELOW[0, 2] + b * _BELOW[1, 2])
    root = math.sqrt(a * 0.15915494309189535)
    z = a + b + inverse
    return level + root * (above + below), inverse * inverse * inverse + 3.0 * root * z * z * z + _ROUNDING


@inline
def compared(shares, series, n, most, base, threshold):  # type: ignore[no-untyped-def]
    """1 if `share` is above a threshold, 0 if it is not, −1 where that takes `share` itself; tables by `TABLES`."""
    if n < TABLED:
        return 1 if shares[0 if base else 1, most, n] > threshold else 0
    if most < _SMOOTH:
        about, wrong = by_side_series(series, n, most, base)
    elif n - 1 - most < _SMOOTH:
        about, wrong = by_side_series(series, n, n - 1 - most, not base)
        about = 1.0 - about
    elif base:
        about, wrong = by_low_order(n, most)
    else:
        about, wrong = by_low_order(n, n - 1 - most)
        about = 1.0 - about
    if about - threshold > wrong:
        return 1
    return 0 if threshold - about > wrong else -1
