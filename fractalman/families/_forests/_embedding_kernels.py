"""Compiled kernels of the embeddings; the plain-Python references make the same single-precision operations."""

from __future__ import annotations

import numpy as np

from fractalman._jit import inline, kernel, prefetch
from fractalman.random._draw_kernels import fill_normals32

_U = np.uint64
_f = np.float32


LANES = 16  # dot products run in 16 partial sums, so that they are vector instructions in a fixed order


@inline
def dot(a, b, lanes):  # type: ignore[no-untyped-def]
    """Σ a·b of float32 rows whose length is a multiple of 16: partial sums over every 16th term, then halved."""
    for lane in range(LANES):
        lanes[lane] = a[lane] * b[lane]
    for block in range(LANES, a.size, LANES):
        for lane in range(LANES):
            lanes[lane] = lanes[lane] + a[block + lane] * b[block + lane]
    for lane in range(8):
        lanes[lane] = lanes[lane] + lanes[8 + lane]
    for lane in range(4):
        lanes[lane] = lanes[lane] + lanes[4 + lane]
    return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])


@kernel
def unit_vector(key, first, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (d float32) with a uniform unit vector from pairs first … of ``key``."""
    d = out.size
    h = (d + 1) // 2
    g = np.zeros((d + LANES) // LANES * LANES, np.float32)
    x, t, q = np.empty(h, np.float32), np.empty(h, np.float32), np.empty(h, np.int32)
    fill_normals32(key, first, g[:h], g[h : 2 * h], x, x.view(np.int32), t, q)
    if d & 1:
        g[d] = _f(0.0)
    scale = _f(1.0) / np.sqrt(dot(g, g, np.empty(LANES, np.float32)))
    for j in range(d):
        out[j] = scale * g[j]


@kernel
def ball_point(key, first, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (d float32) with a uniform point of the unit ball from pairs first … of ``key``.

    The first d coordinates of a uniform unit vector in d + 2 dimensions are one (Archimedes for d = 1).
    """
    sphere = np.empty(out.size + 2, np.float32)
    unit_vector(key, first, sphere)
    for j in range(out.size):
        out[j] = sphere[j]


@inline
def unit_with(key, first, d, g, lanes, x, bits, t, q):  # type: ignore[no-untyped-def]
    """Fill g with d normals and return the inverse of their length: `unit_vector` with scratch that is used again."""
    h = (d + 1) // 2
    fill_normals32(key, first, g[:h], g[h : 2 * h], x, bits, t, q)
    if d & 1:
        g[d] = _f(0.0)
    return _f(1.0) / np.sqrt(dot(g, g, lanes))


@kernel
def spread_clusters(key, first, children, size, tops, out):  # type: ignore[no-untyped-def]
    """`spread_directions` from the tops of whole clusters; the k-th top's vector is made of pairs first + k·⌈d/2⌉ …

    The vector of a cluster of one point is the point's row.
    """
    n, d = out.shape
    h = (d + 1) // 2
    g, lanes = np.zeros((d + LANES) // LANES * LANES, np.float32), np.empty(LANES, np.float32)
    x, t, q = np.empty(h, np.float32), np.empty(h, np.float32), np.empty(h, np.int32)
    bits = x.view(np.int32)
    block = 64
    vectors, nodes = np.empty((block, d), np.float32), np.empty(block, np.int64)
    count = 0
    for k in range(tops.size):
        scale = unit_with(key, _U(first + k * h), d, g, lanes, x, bits, t, q)
        if tops[k] < n:
            row = out[tops[k]]
        else:
            row = vectors[count]
            nodes[count] = tops[k]
            count += 1
        for j in range(d):
            row[j] = scale * g[j]
        if count == block:
            spread_directions(key, children, size, nodes, vectors, 0, out, tops[:0], vectors[:0])
            count = 0
    spread_directions(key, children, size, nodes[:count], vectors[:count], 0, out, tops[:0], vectors[:0])


@kernel
def place_roots(key, roots, first, step, scale, out):  # type: ignore[no-untyped-def]
    """out[roots[k]] = scale × (uniform point of the unit ball) + step × itself.

    The ball's point is made of pairs (first + k)·⌈(d+2)/2⌉ … of ``key``: see `ball_point`.
    """
    d = out.shape[1]
    h = (d + 3) // 2
    g, lanes = np.zeros((d + 2 + LANES) // LANES * LANES, np.float32), np.empty(LANES, np.float32)
    x, t, q = np.empty(h, np.float32), np.empty(h, np.float32), np.empty(h, np.int32)
    bits = x.view(np.int32)
    for k in range(roots.size):
        row = out[roots[k]]
        if scale > _f(0.0):
            inverse = unit_with(key, _U((first + k) * h), d + 2, g, lanes, x, bits, t, q)
            for j in range(d):
                row[j] = scale * (inverse * g[j]) + step * row[j]
        else:
            for j in range(d):
                row[j] = step * row[j]


@inline
def split_direction(key, first, d, v, other, swap, g, left, right, lanes, x, bits, t, q):  # type: ignore[no-untyped-def]
    """Turn a latent's unit vector v into √½(v + w), and ``other`` into √½(v − w), w ⟂ v from pairs first … of ``key``.

    ``swap`` exchanges the two. v and ``other`` are as wide as ``g``, which is padded with zeros beyond d.
    """
    half_root = _f(0.7071067811865476)
    fill_normals32(key, first, left, right, x, bits, t, q)
    if d == 2:  # the only two directions orthogonal to v; a projection would cancel
        sign = _f(1.0) if g[1] * v[0] - g[0] * v[1] >= _f(0.0) else _f(-1.0)
        g[0], g[1] = -sign * v[1], sign * v[0]
    else:
        if d & 1:
            g[d] = _f(0.0)
        along = dot(g, v, lanes)
        for j in range(g.size):
            g[j] = g[j] - along * v[j]
    across = half_root / np.sqrt(dot(g, g, lanes))
    if swap:
        across = -across
    for j in range(g.size):
        a = half_root * v[j]
        b = across * g[j]
        v[j] = a + b
        other[j] = a - b


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
    width = (d + LANES) // LANES * LANES  # rows padded with zeros for `dot`
    g = np.zeros(width, np.float32)
    left, right = g[:h], g[h : 2 * h]
    lanes = np.empty(LANES, np.float32)
    x, t, q = np.empty(h, np.float32), np.empty(h, np.float32), np.empty(h, np.int32)
    bits = x.view(np.int32)
    stack = np.zeros((66, width), np.float32)
    waiting = np.empty(66, np.int64)
    n_kept = 0
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
            plus, minus = np.int64(children[u - n, 0]), np.int64(children[u - n, 1])
            for j in range(0, d, LANES):
                if plus < n:
                    prefetch(out, plus, j)
                if minus < n:
                    prefetch(out, minus, j)
            if size[plus] > size[minus]:
                waiting[s], waiting[s + 1] = plus, minus
            else:  # the child that waits is the one with −w
                waiting[s], waiting[s + 1] = minus, plus
            v, other, swap = stack[s], stack[s + 1], waiting[s] == minus
            split_direction(key, _U((u - n) * h), d, v, other, swap, g, left, right, lanes, x, bits, t, q)
            s += 1
    return n_kept


@kernel
def subtree_sizes(tree_parent, tree_order, below):  # type: ignore[no-untyped-def]
    """below[k] = points in the subtree of the k-th point of a depth-first order, so it is order[k : k + below[k]]."""
    n = tree_order.size
    place = np.empty(n, tree_order.dtype)
    for k in range(n):
        place[tree_order[k]] = k
        below[k] = 1
    for k in range(n - 1, 0, -1):
        p = tree_parent[tree_order[k]]
        if p >= 0:
            below[place[p]] += below[k]


@kernel
def walk(out, tree_parent, tree_order, step):  # type: ignore[no-untyped-def]
    """Turn directions into positions in depth-first order: out[i] = out[tree parent of i] + step·out[i].

    Roots are in place already.
    """
    d = out.shape[1]
    ahead = min(4, tree_order.size)
    for k in range(tree_order.size):
        i = tree_order[k]
        if k + ahead < tree_order.size:
            for j in range(0, d, LANES):
                prefetch(out, tree_order[k + ahead], j)
        p = tree_parent[i]
        if p >= 0:
            for j in range(d):
                out[i, j] = out[p, j] + step * out[i, j]


@kernel
def walk_above(out, tree_parent, tree_order, below, limit, step, starts):  # type: ignore[no-untyped-def]
    """`walk` the points with more than ``limit`` points below them; ``starts`` gets where the other subtrees begin."""
    k = 0
    found = 0
    while k < tree_order.size:
        if below[k] > limit:
            walk(out, tree_parent, tree_order[k : k + 1], step)
            k += 1
        else:
            starts[found] = k
            found += 1
            k += below[k]
    return found


@kernel
def walk_subtrees(out, tree_parent, tree_order, below, starts, step):  # type: ignore[no-untyped-def]
    """`walk` the subtrees that begin at ``starts`` of the order."""
    for k in starts:
        walk(out, tree_parent, tree_order[k : k + below[k]], step)


@kernel
def edge_directions(key, first, out):  # type: ignore[no-untyped-def]
    """out[i] = a uniform unit vector from pairs (first + i)·⌈d/2⌉ … of ``key``."""
    h = (out.shape[1] + 1) // 2
    for i in range(out.shape[0]):
        unit_vector(key, _U((first + i) * h), out[i])


@kernel
def edge_walk(key, tree_parent, points, step, depth, held, out, origin_key, scale, roots):  # type: ignore[no-untyped-def]
    """Positions of ``points``, a stretch of a depth-first order, until ``held`` is full; returns how many.

    Point i's increment is made of pairs i·⌈d/2⌉ … of ``key``. held[k] is the last position met k edges from the root
    and depth[i] that k, so the path to the next point is there. A root's parent is its origin, scale × a point of the
    unit ball as in `place_roots`; ``roots`` rise.
    """
    d = out.shape[1]
    h = (d + 1) // 2
    origin = np.zeros(d, np.float32)
    for k in range(points.size):
        i = np.int64(points[k])
        p = np.int64(tree_parent[i])
        level = np.int64(depth[p]) + 1 if p >= 0 else np.int64(0)
        if level >= held.shape[0]:
            return k
        depth[i] = level
        unit_vector(key, _U(i * h), out[k])
        if p < 0 and scale > _f(0.0):
            ball_point(origin_key, _U(np.searchsorted(roots, i) * ((d + 3) // 2)), origin)
        for j in range(d):
            if p >= 0:
                out[k, j] = held[level - 1, j] + step * out[k, j]
            elif scale > _f(0.0):
                out[k, j] = scale * origin[j] + step * out[k, j]
            else:
                out[k, j] = step * out[k, j]
            held[level, j] = out[k, j]
    return points.size
