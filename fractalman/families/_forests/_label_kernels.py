"""Compiled kernels of the labels; plain-Python references are in tests/reference."""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import kernel
from fractalman.random._draw_kernels import draw_normal, fill_normals
from fractalman.random.series import exp64, log64

_U = np.uint64


_HALF_ROOT = 0.7071067811865476


@kernel
def partners(parent, n, latent_of, partner):  # type: ignore[no-untyped-def]
    """latent_of[v] = the latent of the edge that point v brought, partner[v] = the node that hung in its place before.

    Both are −1 where v brought no edge. ``parent`` is the binary hierarchy of trees that grow leaf by leaf, points in
    order of birth. They are taken away from the last on: each is a leaf then, so its edge's latent, which holds both
    ends, is right above it; the latent's other child takes its place.
    """
    up = parent.copy()
    child = np.full((parent.size - n, 2), -1, parent.dtype)
    for u in range(parent.size):
        p = parent[u]
        if p >= 0:
            child[p - n, 0 if child[p - n, 0] < 0 else 1] = u
    for v in range(n - 1, -1, -1):
        u = up[v]
        latent_of[v] = u
        if u < 0:
            partner[v] = -1
            continue
        other = child[u - n, 1] if child[u - n, 0] == v else child[u - n, 0]
        p = up[u]
        up[other] = p
        if p >= 0:
            child[p - n, 0 if child[p - n, 0] == u else 1] = other
        partner[v] = other


@kernel
def turned_normals(key, latent_of, partner, normal):  # type: ignore[no-untyped-def]
    """Independent normals of all nodes, point after point: 2v and 2v + 1 of ``key`` are what point v brings.

    The latent of v comes right above its partner; the two share the partner's normal and the new one, turned by 45°.
    """
    for v in range(partner.size):
        normal[v] = draw_normal(key, _U(2 * v))
        f = partner[v]
        if f >= 0:
            kept, fresh = normal[f], draw_normal(key, _U(2 * v + 1))
            normal[latent_of[v]] = (kept + fresh) * _HALF_ROOT
            normal[f] = (kept - fresh) * _HALF_ROOT


@kernel
def hierarchical_values(key, size, normal, exponent, first, variance, value):  # type: ignore[no-untyped-def]
    """variance[i] = size[u]^(2·exponent), value[i] = √variance[i] × normal of ``key``, of nodes u = first + i.

    Node u draws normal number u, or has its own where there is an entry for every node in ``normal``.
    """
    if normal.size:
        for i in range(value.size):
            value[i] = normal[first + i]
    else:
        fill_normals(key, _U(first), value)
    for i in range(value.size):
        u = first + i
        if exponent == 0.0 or size[u] == 1:
            variance[i] = 1.0
        elif i > 0 and size[u] == size[u - 1]:  # nodes come by size: most repeat their neighbour
            variance[i] = variance[i - 1]
        else:
            variance[i] = exp64(2.0 * exponent * log64(float(size[u])))
    for i in range(value.size):
        value[i] = value[i] * math.sqrt(variance[i])


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
