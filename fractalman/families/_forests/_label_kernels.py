"""Compiled kernels of the labels; plain-Python references are in tests/reference."""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import inline, kernel
from fractalman.random.series import exp64, log64
from fractalman.random.streams import draw_normal

_U = np.uint64


@inline
def address(u, n, names):  # type: ignore[no-untyped-def]
    """Which normal node u draws: u; with ``names`` of the latents n, n + 1, … 2u for point u, 2·name + 1 for a latent.

    Points and latents take turns, so neither address moves when points are added.
    """
    if names.size == 0:
        return _U(u)
    return _U(2 * u) if u < n else _U(2 * np.int64(names[u - n]) + 1)


@kernel
def hierarchical_values(key, size, names, exponent, first, last, variance, value):  # type: ignore[no-untyped-def]
    """variance[u] = size[u]^(2·exponent), value[u] = √variance[u] × normal of ``key``, for first ≤ u < last.

    Node u draws normal number u, or the one that `address` gives where there are ``names``.
    """
    for u in range(first, last):
        if exponent == 0.0 or size[u] == 1:
            variance[u] = 1.0
        elif u > first and size[u] == size[u - 1]:  # nodes come by size: most repeat their neighbour
            variance[u] = variance[u - 1]
        else:
            variance[u] = exp64(2.0 * exponent * log64(float(size[u])))
        value[u] = draw_normal(key, address(u, size.size - names.size, names)) * math.sqrt(variance[u])


@kernel
def hierarchical_block(key, size, names, exponent, first, variance, value):  # type: ignore[no-untyped-def]
    """`hierarchical_values` of nodes first, first + 1, … alone, as many as ``value`` has."""
    for i in range(value.size):
        u = first + i
        if exponent == 0.0 or size[u] == 1:
            variance[i] = 1.0
        elif i > 0 and size[u] == size[u - 1]:
            variance[i] = variance[i - 1]
        else:
            variance[i] = exp64(2.0 * exponent * log64(float(size[u])))
        value[i] = draw_normal(key, address(u, size.size - names.size, names)) * math.sqrt(variance[i])


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
