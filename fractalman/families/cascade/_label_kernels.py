"""Compiled kernels of a cascade's labels: amplitudes of levels, sums along paths."""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import kernel
from fractalman.random._draw_kernels import derive, first_normals
from fractalman.random.series import exp64, log64

_TOGETHER = 512  # normals drawn at once


@kernel
def geometric(contraction, hurst, out):  # type: ignore[no-untyped-def]
    """out[l] = contraction^(hurst·l) by repeated multiplication."""
    ratio = exp64(hurst * log64(contraction))
    term = 1.0
    for level in range(out.size):
        out[level] = term
        term = term * ratio


@kernel
def powers(base, exponent, out):  # type: ignore[no-untyped-def]
    """out[j] = base[j]^exponent for base > 0."""
    for j in range(base.size):
        out[j] = exp64(exponent * log64(base[j]))


@kernel
def path_products(steps, factor, out):  # type: ignore[no-untyped-def]
    """out[i, l] = Π_{j<l} factor[steps[i, j]], multiplied from the root down."""
    for i in range(steps.shape[0]):
        term = 1.0
        out[i, 0] = 1.0
        for level in range(steps.shape[1]):
            term = term * factor[steps[i, level]]
            out[i, level + 1] = term


@kernel
def sum_of_squares(amplitude, first, stop):  # type: ignore[no-untyped-def]
    """Σ of squares, smallest terms first."""
    total = 0.0
    for level in range(stop - 1, first - 1, -1):
        total += amplitude[level] * amplitude[level]
    return total


@kernel
def cascade_segments(addresses, first, last, amplitude, key, value, variance):  # type: ignore[no-untyped-def]
    """value[i] = Σ amplitude[i, l]·z(addresses[i, l]), first[i] ≤ l ≤ last[i], terms rounded to 2^-44; its variance.

    One row of ``amplitude`` serves all paths. Normals are drawn for several rows at once, in vector instructions.
    """
    grid = 17592186044416.0  # 2^44
    n, capacity = addresses.shape[0], max(_TOGETHER, addresses.shape[1])
    keys, x, t = np.empty(capacity, np.uint64), np.empty(capacity, np.float64), np.empty(capacity, np.float64)
    q, z = np.empty(capacity, np.uint64), np.empty(capacity, np.float64)
    i = 0
    while i < n:
        stop, held = i, 0
        while stop < n and held + max(0, last[stop] - first[stop] + 1) <= capacity:
            for level in range(last[stop], first[stop] - 1, -1):
                keys[held] = derive(key, addresses[stop, level])
                held += 1
            stop += 1
        first_normals(keys[:held], x[:held], t[:held], q[:held], z[:held])
        held = 0
        for k in range(i, stop):
            total = 0.0
            spread = 0.0
            row = k if amplitude.shape[0] > 1 else 0
            for level in range(last[k], first[k] - 1, -1):
                total += math.floor(amplitude[row, level] * z[held] * grid + 0.5) / grid
                spread += amplitude[row, level] * amplitude[row, level]
                held += 1
            value[k] = total
            variance[k] = spread
        i = stop


@kernel
def segment_variances(first, last, amplitude, variance):  # type: ignore[no-untyped-def]
    """The variances of `cascade_segments` where one row of amplitudes serves all paths."""
    for i in range(first.size):
        spread = 0.0
        for level in range(last[i], first[i] - 1, -1):
            spread += amplitude[level] * amplitude[level]
        variance[i] = spread
