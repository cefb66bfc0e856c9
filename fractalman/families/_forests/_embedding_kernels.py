"""Compiled kernels of the embeddings; the plain-Python references make the same single-precision operations."""

from __future__ import annotations

import numpy as np

from fractalman._instructions import LANES, lane_dot, lane_reject, prefetch
from fractalman._jit import inline, kernel
from fractalman.random._draw_kernels import fill_normals32

_U = np.uint64
_f = np.float32


@inline
def padded(d):  # type: ignore[no-untyped-def]
    """How wide a row of scratch is: d coordinates, or one more, and zeros up to whole blocks of lanes."""
    return (d + LANES - 1) // LANES * LANES


@inline
def unit_with(key, first, d, g, x, bits, t, q):  # type: ignore[no-untyped-def]
    """Fill g with d normals and return the inverse of their length; x, bits, t, q: scratch of `fill_normals32`."""
    h = (d + 1) // 2
    fill_normals32(key, first, g[:h], g[h : 2 * h], x, bits, t, q)
    if d & 1:
        g[d] = _f(0.0)
    return _f(1.0) / np.sqrt(lane_dot(g, g))


@kernel
def unit_vector(key, first, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (d float32) with a uniform unit vector from pairs first … of ``key``."""
    d = out.size
    h = (d + 1) // 2
    g = np.zeros(padded(d), np.float32)
    x, t, q = np.empty(h, np.float32), np.empty(h, np.float32), np.empty(h, np.int32)
    scale = unit_with(key, first, d, g, x, x.view(np.int32), t, q)
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


@kernel
def place_roots(key, roots, first, step, scale, out):  # type: ignore[no-untyped-def]
    """out[roots[k]] = scale × (uniform point of the unit ball) + step × itself.

    The ball's point is made of pairs (first + k)·⌈(d+2)/2⌉ … of ``key``: see `ball_point`.
    """
    d = out.shape[1]
    h = (d + 3) // 2
    g = np.zeros(padded(d + 2), np.float32)
    x, t, q = np.empty(h, np.float32), np.empty(h, np.float32), np.empty(h, np.int32)
    _place_roots(key, roots, first, step, scale, out, g, x, x.view(np.int32), t, q)


@inline
def _place_roots(key, roots, first, step, scale, out, g, x, bits, t, q):  # type: ignore[no-untyped-def]
    d = out.shape[1]
    h = (d + 3) // 2
    for k in range(roots.size):
        row = out[roots[k]]
        if scale > _f(0.0):
            inverse = unit_with(key, _U((first + k) * h), d + 2, g, x, bits, t, q)
            for j in range(d):
                row[j] = scale * (inverse * g[j]) + step * row[j]
        else:
            for j in range(d):
                row[j] = step * row[j]


@inline
def split_direction(key, first, d, v, other, swap, g, x, bits, t, q):  # type: ignore[no-untyped-def]
    """Turn a latent's unit vector v into √½(v + w), and ``other`` into √½(v − w), w ⟂ v from pairs first … of ``key``.

    ``swap`` exchanges the two. v and ``other`` are as wide as ``g``, which is padded with zeros beyond d.
    """
    half_root, h = _f(0.7071067811865476), (d + 1) // 2
    fill_normals32(key, first, g[:h], g[h : 2 * h], x, bits, t, q)
    if d == 2:  # the only two directions orthogonal to v; a projection would cancel
        sign = _f(1.0) if g[1] * v[0] - g[0] * v[1] >= _f(0.0) else _f(-1.0)
        g[0], g[1] = -sign * v[1], sign * v[0]
        length = lane_dot(g, g)
    else:
        if d & 1:
            g[d] = _f(0.0)
        length = lane_reject(g, v, lane_dot(g, v))
    across = half_root / np.sqrt(length)
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


@inline
def ask_for(u, n, children, out):  # type: ignore[no-untyped-def]
    """Fetch what is needed of node u, while there is something else to do: a latent's children, a point's row."""
    if u >= n:
        prefetch(children, u - n, 0)
    else:
        for j in range(0, out.shape[1], LANES):
            prefetch(out, u, j)


@inline
def descend(key, children, bottom, out, g, x, bits, t, q, stack, waiting):  # type: ignore[no-untyped-def]
    """Bring the direction ``stack[bottom]`` of latent ``waiting[bottom]`` down to its points, rows of ``out``.

    Latent j draws pairs j·⌈d/2⌉ … of ``key``. The larger child waits, so the stack holds log2(n) vectors: latents are
    numbered by falling size, behind the points.
    """
    n, d = out.shape
    h = (d + 1) // 2
    s = bottom
    while s >= bottom:
        u = waiting[s]
        if u < n:
            row, v = out[u], stack[s]
            for j in range(d):
                row[j] = v[j]
            s -= 1
            continue
        plus, minus = np.int64(children[u - n, 0]), np.int64(children[u - n, 1])
        ask_for(plus, n, children, out)
        ask_for(minus, n, children, out)
        swap = plus < n  # the child that waits is the one with −w
        waiting[s], waiting[s + 1] = (minus, plus) if swap else (plus, minus)
        split_direction(key, _U((u - n) * h), d, stack[s], stack[s + 1], swap, g, x, bits, t, q)
        s += 1


@kernel
def spread_directions(key, children, nodes, vectors, out):  # type: ignore[no-untyped-def]
    """Bring directions from every ``nodes[k]`` (unit vector ``vectors[k]``) down to its points, rows of ``out``."""
    d = out.shape[1]
    h = (d + 1) // 2
    x, t, q = np.empty(h, np.float32), np.empty(h, np.float32), np.empty(h, np.int32)
    g, stack, waiting = np.zeros(padded(d), np.float32), np.zeros((66, padded(d)), np.float32), np.empty(66, np.int64)
    _spread_nodes(key, children, nodes, vectors, out, g, x, x.view(np.int32), t, q, stack, waiting)


@inline
def _spread_nodes(key, children, nodes, vectors, out, g, x, bits, t, q, stack, waiting):  # type: ignore[no-untyped-def]
    for k in range(nodes.size):
        waiting[0] = nodes[k]
        for j in range(out.shape[1]):
            stack[0, j] = vectors[k, j]
        descend(key, children, 0, out, g, x, bits, t, q, stack, waiting)


@kernel
def cut_above(key, n, children, size, nodes, vectors, limit, kept, kept_vectors):  # type: ignore[no-untyped-def]
    """Bring directions from ``nodes[k]`` (unit vector ``vectors[k]``) down to nodes of at most ``limit`` points.

    Those are kept with their vectors; returns how many. ``limit`` ≥ 1.
    """
    d = vectors.shape[1]
    h = (d + 1) // 2
    x, t, q = np.empty(h, np.float32), np.empty(h, np.float32), np.empty(h, np.int32)
    g, stack, waiting = np.zeros(padded(d), np.float32), np.zeros((66, padded(d)), np.float32), np.empty(66, np.int64)
    bits = x.view(np.int32)
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
            plus, minus = np.int64(children[u - n, 0]), np.int64(children[u - n, 1])
            swap = plus < n
            waiting[s], waiting[s + 1] = (minus, plus) if swap else (plus, minus)
            split_direction(key, _U((u - n) * h), d, stack[s], stack[s + 1], swap, g, x, bits, t, q)
            s += 1
    return n_kept


@kernel
def subtree_sizes(tree_parent, tree_order, below):  # type: ignore[no-untyped-def]
    """below[k] = points in the subtree of the k-th point of a depth-first order, so it is order[k : k + below[k]].

    The order may be that of some whole trees of a forest.
    """
    n = tree_order.size
    place = np.empty(tree_parent.size, tree_order.dtype)
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
def lay_out_clusters(  # type: ignore[no-untyped-def]
    key, first, children, tops, size, out, origin_key, roots, number, step, scale, tree_parent, tree_order
):
    """Write the coordinates of whole clusters, one after the other while its rows are at hand.

    The vector of the k-th top is made of pairs first + k·⌈d/2⌉ … of ``key`` (that of a cluster of one point is the
    point's), its origin as in `place_roots` with cluster ``number`` + k; ``tree_order`` begins with the first root.
    """
    d = out.shape[1]
    h = (d + 3) // 2
    x, t, q = np.empty(h, np.float32), np.empty(h, np.float32), np.empty(h, np.int32)
    g, stack, waiting = (
        np.zeros(padded(d + 2), np.float32),
        np.zeros((66, padded(d)), np.float32),
        np.empty(66, np.int64),
    )
    _lay_out_clusters(
        key, first, children, tops, size, out, origin_key, roots, number, step, scale, tree_parent, tree_order, g, x,
        x.view(np.int32), t, q, stack, waiting,
    )  # fmt: skip


@inline
def _lay_out_clusters(  # type: ignore[no-untyped-def]
    key, first, children, tops, size, out, origin_key, roots, number, step, scale, tree_parent, tree_order, g, x, bits,
    t, q, stack, waiting,
):  # fmt: skip
    n, d = out.shape
    h = (d + 1) // 2
    inner = g[: padded(d)]
    begin = 0
    for k in range(tops.size):
        u = tops[k]
        for j in range(d, inner.size):
            inner[j] = _f(0.0)
        inverse = unit_with(key, _U(first + k * h), d, inner, x[:h], bits[:h], t[:h], q[:h])
        row = out[u] if u < n else stack[0]
        for j in range(d):
            row[j] = inverse * g[j]
        if u >= n:
            waiting[0] = u
            descend(key, children, 0, out, inner, x[:h], bits[:h], t[:h], q[:h], stack, waiting)
        _place_roots(origin_key, roots[k : k + 1], number + k, step, scale, out, g, x, bits, t, q)
        end = begin + size[u]
        for place in range(begin + 1, end):
            i = tree_order[place]
            row, above = out[i], out[tree_parent[i]]
            for j in range(d):
                row[j] = above[j] + step * row[j]
        begin = end


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
