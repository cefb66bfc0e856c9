"""Compiled kernels of the labels; the plain-Python twins are in `_reference`."""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import kernel
from fractalman.random.streams import derive, draw_normal, exp64, log64

_U = np.uint64


@kernel
def hierarchical_values(key, size, exponent, first, last, variance, value):  # type: ignore[no-untyped-def]
    """variance[u] = size[u]^(2·exponent), value[u] = √variance[u] × normal u of ``key``, for first ≤ u < last."""
    for u in range(first, last):
        if exponent == 0.0 or size[u] == 1:
            variance[u] = 1.0
        elif u > first and size[u] == size[u - 1]:  # nodes come by size: most repeat their neighbour
            variance[u] = variance[u - 1]
        else:
            variance[u] = exp64(2.0 * exponent * log64(float(size[u])))
        value[u] = draw_normal(key, _U(u)) * math.sqrt(variance[u])


@kernel
def hierarchical_block(key, size, exponent, first, variance, value):  # type: ignore[no-untyped-def]
    """`hierarchical_values` of nodes first, first + 1, … alone, as many as ``value`` has."""
    for i in range(value.size):
        u = first + i
        if exponent == 0.0 or size[u] == 1:
            variance[i] = 1.0
        elif i > 0 and size[u] == size[u - 1]:
            variance[i] = variance[i - 1]
        else:
            variance[i] = exp64(2.0 * exponent * log64(float(size[u])))
        value[i] = draw_normal(key, _U(u)) * math.sqrt(variance[i])


@kernel
def latent_sums(parent, n, first, variance, value, spread, total):  # type: ignore[no-untyped-def]
    """spread[j], total[j] = Σ of variance and value over the path from the root to latent n + j, j = first, ….

    ``variance`` and ``value`` are those of as many latents; sums above them are there already.
    """
    for i in range(value.size):
        p = parent[n + first + i]
        spread[first + i] = variance[i] if p < 0 else spread[p - n] + variance[i]
        total[first + i] = value[i] if p < 0 else total[p - n] + value[i]


@kernel
def increments(key, value):  # type: ignore[no-untyped-def]
    """value[i] = normal number i of ``key``."""
    for i in range(value.size):
        value[i] = draw_normal(key, _U(i))


@kernel
def sums_by_id(parent, term, above, total):  # type: ignore[no-untyped-def]
    """total[i] = path sum from the root down to point i, where a latent's parent has a smaller id than the latent.

    ``above`` is scratch and gets the latents' path sums.
    """
    n = total.size
    for j in range(above.size):
        p = parent[n + j]
        above[j] = term[n + j] if p < 0 else above[p - n] + term[n + j]
    for i in range(n):
        p = parent[i]
        total[i] = term[i] if p < 0 else above[p - n] + term[i]


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

    One row of ``amplitude`` serves all paths.
    """
    grid = 17592186044416.0  # 2^44
    for i in range(addresses.shape[0]):
        total = 0.0
        spread = 0.0
        row = i if amplitude.shape[0] > 1 else 0
        for level in range(last[i], first[i] - 1, -1):
            z = draw_normal(derive(key, addresses[i, level]), _U(0))
            total += math.floor(amplitude[row, level] * z * grid + 0.5) / grid
            spread += amplitude[row, level] * amplitude[row, level]
        value[i] = total
        variance[i] = spread


@kernel
def segment_variances(first, last, amplitude, variance):  # type: ignore[no-untyped-def]
    """The variances of `cascade_segments` where one row of amplitudes serves all paths."""
    for i in range(first.size):
        spread = 0.0
        for level in range(last[i], first[i] - 1, -1):
            spread += amplitude[level] * amplitude[level]
        variance[i] = spread


@kernel
def scaled_normals(key, points, sigma, out):  # type: ignore[no-untyped-def]
    """out[i] = sigma × normal number points[i] of ``key``."""
    for i in range(points.size):
        out[i] = sigma * draw_normal(key, _U(points[i]))
