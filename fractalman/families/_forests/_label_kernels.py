"""Compiled kernels of the labels; plain-Python references are in tests/reference."""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import kernel
from fractalman.random.series import exp64, log64
from fractalman.random.streams import draw_normal

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
