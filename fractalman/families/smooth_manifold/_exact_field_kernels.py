"""Compiled kernels of exact Gaussian fields: the covariance, its Cholesky factor, draws.

Plain-Python references are in tests/reference.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import inline, kernel
from fractalman.random._draw_kernels import draw_normal
from fractalman.random.series import exp64, log64

_U = np.uint64
_EULER = 0.5772156649015329
# ζ(k) − 1 for k = 2 … 27
_ZETA = np.array(
    [0.6449340668482264, 0.2020569031595943, 0.0823232337111382, 0.03692775514336993, 0.01734306198444914,
     0.008349277381922827, 0.00407735619794434, 0.0020083928260822143, 0.0009945751278180853, 0.0004941886041194646,
     0.0002460865533080483, 0.00012271334757848915, 6.124813505870483e-05, 3.058823630702049e-05,
     1.5282259408651872e-05, 7.637197637899762e-06, 3.817293264999840e-06, 1.9082127165539390e-06,
     9.53962033872796e-07, 4.769329867878064e-07, 2.3845050272773299e-07, 1.1921992596531107e-07,
     5.960818905125948e-08, 2.9803503514652279e-08, 1.4901554828365042e-08, 7.450711789835429e-09]
)  # fmt: skip


@kernel
def log_gamma_slope(e):  # type: ignore[no-untyped-def]
    """ln Γ(1 + e) / e for |e| ≤ 1/2, also at 0: −ln(1+e)/e + 1 − γ + Σ_k (−1)^k (ζ(k) − 1) e^(k−1)/k."""
    t = e / (2.0 + e)
    t2 = t * t
    log = 0.0
    for k in range(20, -1, -1):
        log = log * t2 + 1.0 / (2.0 * k + 1.0)
    total = 0.0
    for k in range(27, 1, -1):
        total = total * e + (1.0 if k % 2 == 0 else -1.0) * _ZETA[k - 2] / k
    return total * e + (1.0 - _EULER) - 2.0 / (2.0 + e) * log


@inline
def covariance(x, hurst, slope):  # type: ignore[no-untyped-def]
    """H·E_{1+H}(x), x = 2r²; ``slope`` = log_gamma_slope(e), e = 1 − s for the order s in [1/2, 3/2) below 1 + H.

    Above 1 by the continued fraction of E; up to 1 by its series at order s, Γ(e)·x^−e − Σ_k (−x)^k/(k!·(e + k)), whose
    first two terms go together so that nothing cancels at e = 0, and the recurrence E_{s+1} = (e^−x − x·E_s)/s.
    """
    order = 1.0 + hurst
    if x < 1e-300:
        return 1.0
    if x > 1.0:
        b = x + order
        c = 1e300
        d = 1.0 / b
        h = d
        for i in range(1, 1000):
            a = -i * (hurst + i)
            b = b + 2.0
            d = 1.0 / (a * d + b)
            c = b + a / c
            ratio = c * d
            h = h * ratio
            if abs(ratio - 1.0) < 4e-16:
                break
        return hurst * (h * exp64(-x))
    steps = math.floor(hurst + 0.5)
    s = order - steps
    e = 1.0 - s
    q = slope - log64(x)
    z = e * q
    if abs(z) < 0.5:
        grown = 0.0
        for k in range(16, 0, -1):
            grown = (grown * z + 1.0) / k if k > 1 else grown * z + 1.0
    else:
        grown = (exp64(z) - 1.0) / z
    total = 0.0
    for k in range(20, 0, -1):  # Σ_k (−x)^k/(k!·(e + k)), innermost factor last
        total = (total + 1.0 / (e + k)) * (-x / k)
    value = q * grown - total
    down = exp64(-x)
    for _ in range(steps):
        value = (down - x * value) / s
        s = s + 1.0
    return hurst * value


@kernel
def covariances(square, hurst, out):  # type: ignore[no-untyped-def]
    """out[i] = K(r), square[i] = r²."""
    slope = log_gamma_slope(math.floor(hurst + 0.5) - hurst)
    for i in range(square.size):
        out[i] = covariance(2.0 * square[i], hurst, slope)


@kernel
def covariance_rows(x, hurst, share, first, last, matrix):  # type: ignore[no-untyped-def]
    """matrix[i, j] = share·K(|x_i − x_j|) for first ≤ i < last and j > i, 1 on the diagonal; below it nothing."""
    slope = log_gamma_slope(math.floor(hurst + 0.5) - hurst)
    for i in range(first, last):
        matrix[i, i] = 1.0
        for j in range(i + 1, x.shape[0]):
            square = 0.0
            for k in range(x.shape[1]):
                step = x[i, k] - x[j, k]
                square += step * step
            matrix[i, j] = share * covariance(2.0 * square, hurst, slope)


@kernel
def factor_panel(matrix, first, last):  # type: ignore[no-untyped-def]
    """Rows first … last − 1 of the upper Cholesky factor, in place; the rows above are done with them already."""
    n = matrix.shape[0]
    for k in range(first, last):
        for above in range(first, k):
            u = matrix[above, k]
            for j in range(k, n):
                matrix[k, j] = matrix[k, j] - u * matrix[above, j]
        matrix[k, k] = math.sqrt(matrix[k, k])
        for j in range(k + 1, n):
            matrix[k, j] = matrix[k, j] / matrix[k, k]


@kernel
def subtract_panel(matrix, panel, first, last):  # type: ignore[no-untyped-def]
    """Subtract the finished rows ``panel`` from rows first … last − 1, one after the other for every entry.

    So an entry sees the same operations in the same order whatever the size of the matrix, of the panels and the number
    of threads.
    """
    n = matrix.shape[0]
    height = panel.shape[0]
    for i in range(first, last):
        row = matrix[i]
        k = 0
        while k + 4 <= height:
            a, b, c, d = panel[k], panel[k + 1], panel[k + 2], panel[k + 3]
            ai, bi, ci, di = a[i], b[i], c[i], d[i]
            for j in range(i, n):
                row[j] = (((row[j] - ai * a[j]) - bi * b[j]) - ci * c[j]) - di * d[j]
            k += 4
        while k < height:
            a = panel[k]
            ai = a[i]
            for j in range(i, n):
                row[j] = row[j] - ai * a[j]
            k += 1


@kernel
def correlated(key, factor, out):  # type: ignore[no-untyped-def]
    """out = factorᵀ·z, z[k] = normal number k of ``key``; the terms of every entry by rising k."""
    n = out.size
    for i in range(n):
        out[i] = 0.0
    for k in range(n):
        z = draw_normal(key, _U(k))
        for i in range(k, n):
            out[i] = out[i] + factor[k, i] * z
