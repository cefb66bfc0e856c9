"""Compiled kernels of the embeddings; the twins in `_reference` make the same single-precision operations."""

from __future__ import annotations

import numpy as np

from fractalman._jit import inline, kernel
from fractalman.seeds import derive, fill_normals32

_U = np.uint64
_f = np.float32


@inline
def fold(terms, m):  # type: ignore[no-untyped-def]
    """Sum of terms[:m] by adding the upper half onto the lower until one is left (destroys ``terms``).

    The order of additions is fixed, yet every pass is a plain vector loop.
    """
    while m > 1:
        half = (m + 1) >> 1
        for j in range(m - half):
            terms[j] = terms[j] + terms[half + j]
        m = half
    return terms[0]


@kernel
def folded(terms):  # type: ignore[no-untyped-def]
    """`fold` of a whole array (destroys it)."""
    return fold(terms, terms.size)


@kernel
def children_of_latents(parent, n, children):  # type: ignore[no-untyped-def]
    """children[j] = the two nodes below latent n + j of a binary hierarchy, smaller id first."""
    for j in range(children.shape[0]):
        children[j, 0] = -1
    for u in range(parent.size):
        p = parent[u]
        if p >= 0:
            if children[p - n, 0] < 0:
                children[p - n, 0] = u
            else:
                children[p - n, 1] = u


@kernel
def spread_directions(key, children, size, nodes, vectors, limit, out, kept, kept_vectors):  # type: ignore[no-untyped-def]
    """Bring directions from every ``nodes[k]`` (unit vector ``vectors[k]``) down to its points, rows of ``out``.

    Nodes of at most ``limit`` points are not descended into but kept with their vectors; returns how many.
    Latent j draws pairs j·⌈d/2⌉ … of ``key``. The larger child waits on the stack, so it holds log2(n) vectors.
    """
    n, d = out.shape
    h = (d + 1) // 2
    g = np.empty(2 * h, np.float32)
    left, right = g[:h], g[h:]
    terms = np.empty(d, np.float32)
    x, t, q = np.empty(h, np.float32), np.empty(h, np.float32), np.empty(h, np.int32)
    bits = x.view(np.int32)
    stack = np.empty((66, d), np.float32)
    waiting = np.empty(66, np.int64)
    n_kept = 0
    half_root = _f(0.7071067811865476)
    for start in range(nodes.size):
        waiting[0] = nodes[start]
        for j in range(d):
            stack[0, j] = vectors[start, j]
        s = 0
        while s >= 0:
            u = waiting[s]
            if size[u] <= limit:
                kept[n_kept] = u
                for j in range(d):
                    kept_vectors[n_kept, j] = stack[s, j]
                n_kept += 1
                s -= 1
                continue
            if u < n:
                for j in range(d):
                    out[u, j] = stack[s, j]
                s -= 1
                continue
            fill_normals32(key, _U((u - n) * h), left, right, x, bits, t, q)
            if d == 2:  # the only two directions orthogonal to v; a projection would cancel
                sign = _f(1.0) if g[1] * stack[s, 0] - g[0] * stack[s, 1] >= _f(0.0) else _f(-1.0)
                g[0], g[1] = -sign * stack[s, 1], sign * stack[s, 0]
            else:
                for j in range(d):
                    terms[j] = g[j] * stack[s, j]
                along = fold(terms, d)
                for j in range(d):
                    g[j] = g[j] - along * stack[s, j]
            for j in range(d):
                terms[j] = g[j] * g[j]
            across = half_root / np.sqrt(fold(terms, d))
            plus, minus = children[u - n, 0], children[u - n, 1]
            if size[plus] > size[minus]:
                waiting[s], waiting[s + 1] = plus, minus
            else:  # the child that waits is the one with −w
                waiting[s], waiting[s + 1] = minus, plus
                across = -across
            for j in range(d):
                v = half_root * stack[s, j]
                w = across * g[j]
                stack[s, j] = v + w
                stack[s + 1, j] = v - w
            s += 1
    return n_kept


@kernel
def walk(out, tree_parent, tree_order, step, first, last):  # type: ignore[no-untyped-def]
    """Turn directions into positions, columns first … last − 1: out[i] = out[tree parent of i] + step·out[i]."""
    for k in range(tree_order.size):
        i = tree_order[k]
        p = tree_parent[i]
        if p < 0:
            for j in range(first, last):
                out[i, j] = step * out[i, j]
        else:
            for j in range(first, last):
                out[i, j] = out[p, j] + step * out[i, j]


@kernel
def cascade_coordinates(addresses, key, contraction, out):  # type: ignore[no-untyped-def]
    """out[i] = Σ_l R_l v(addresses[i, l]), R_l = contraction^l, by Horner from the deepest level up, in float64."""
    d = out.shape[1]
    h = (d + 1) // 2
    g = np.empty(2 * h, np.float32)
    left, right = g[:h], g[h:]
    terms = np.empty(d, np.float32)
    x, t, q = np.empty(h, np.float32), np.empty(h, np.float32), np.empty(h, np.int32)
    bits = x.view(np.int32)
    total = np.empty(d, np.float64)
    for i in range(addresses.shape[0]):
        for j in range(d):
            total[j] = 0.0
        for level in range(addresses.shape[1] - 1, -1, -1):
            fill_normals32(derive(key, addresses[i, level]), _U(0), left, right, x, bits, t, q)
            for j in range(d):
                terms[j] = g[j] * g[j]
            scale = 1.0 / np.sqrt(np.float64(fold(terms, d)))
            for j in range(d):
                total[j] = scale * np.float64(g[j]) + contraction * total[j]
        for j in range(d):
            out[i, j] = _f(total[j])
