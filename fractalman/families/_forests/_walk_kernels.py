"""Compiled kernels of trees that are laid out block by block; `_reference` lays out whole trees for comparison.

Every single-precision operation is that of `_kernels`, so the bytes are too.
"""

from __future__ import annotations

import numpy as np

from fractalman._instructions import prefetch
from fractalman._jit import inline, kernel
from fractalman.families._forests._embedding_kernels import padded, split_direction, unit_vector

_U = np.uint64
_f = np.float32


@inline
def row_of(u, place, first):  # type: ignore[no-untyped-def]
    """The row of point u in a block that begins at ``first``: of its place, or of itself where there are no places."""
    return np.int64(place[u]) - first if place.size > 0 else np.int64(u) - first


@kernel
def spread_rows(key, n, children, nodes, vectors, place, first, out):  # type: ignore[no-untyped-def]
    """Bring directions from every ``nodes[k]`` (unit vector ``vectors[k]``) down to its points' rows of ``out``."""
    d = out.shape[1]
    h = (d + 1) // 2
    x, t, q = np.empty(h, np.float32), np.empty(h, np.float32), np.empty(h, np.int32)
    g, stack, waiting = np.zeros(padded(d), np.float32), np.zeros((66, padded(d)), np.float32), np.empty(66, np.int64)
    _spread_rows(key, n, children, nodes, vectors, place, first, out, g, x, x.view(np.int32), t, q, stack, waiting)


@inline
def _spread_rows(  # type: ignore[no-untyped-def]
    key, n, children, nodes, vectors, place, first, out, g, x, bits, t, q, stack, waiting
):
    d = out.shape[1]
    h = (d + 1) // 2
    for k in range(nodes.size):
        waiting[0] = nodes[k]
        for j in range(d):
            stack[0, j] = vectors[k, j]
        s = 0
        while s >= 0:
            u = waiting[s]
            if u < n:
                row, v = out[row_of(u, place, first)], stack[s]
                for j in range(d):
                    row[j] = v[j]
                s -= 1
                continue
            plus, minus = np.int64(children[u - n, 0]), np.int64(children[u - n, 1])
            if plus >= n:
                prefetch(children, plus - n, 0)
            if minus >= n:
                prefetch(children, minus - n, 0)
            swap = plus < n  # the larger child waits: latents are numbered by falling size
            waiting[s], waiting[s + 1] = (minus, plus) if swap else (plus, minus)
            split_direction(key, _U((u - n) * h), d, stack[s], stack[s + 1], swap, g, x, bits, t, q)
            s += 1


@kernel
def spread_whole(key, n, latents, children, tops, number, first, out):  # type: ignore[no-untyped-def]
    """`spread_rows` from the tops of whole clusters, of which ``tops[0]`` is number ``number``."""
    d = out.shape[1]
    h = (d + 1) // 2
    vector = np.empty((1, d), np.float32)
    nowhere = np.empty(0, np.int32)
    for k in range(tops.size):
        unit_vector(key, _U((latents + number + k) * h), vector[0])
        spread_rows(key, n, children, tops[k : k + 1], vector, nowhere, first, out)


@kernel
def walk_whole(out, first, tree_parent, tree_order, step):  # type: ignore[no-untyped-def]
    """Turn directions into positions along the order of whole trees whose points are rows of ``out`` from ``first`` on.

    Roots are in place already.
    """
    d = out.shape[1]
    for k in range(tree_order.size):
        i = tree_order[k]
        p = tree_parent[i]
        if p >= 0:
            row, above = i - first, p - first
            for j in range(d):
                out[row, j] = out[above, j] + step * out[row, j]


@kernel
def leaf_places(n, children, size, tree_order, tops, starts, low, place):  # type: ignore[no-untyped-def]
    """Number the points so that every subcluster is a range and begins with its point nearest to the tree's root.

    A subcluster is a connected piece of the edge tree; of the two children of a latent the one that holds the piece's
    nearest point comes first. So every point comes after its parent in the edge tree. ``starts[c]`` is the first place
    of cluster c; place[i] is written for points, low[j] becomes the first place below latent n + j.
    """
    for k in range(n):
        place[tree_order[k]] = k  # for the time being: the order of the walk
    for j in range(low.size - 1, -1, -1):
        a, b = children[j, 0], children[j, 1]
        first = low[a - n] if a >= n else place[a]
        other = low[b - n] if b >= n else place[b]
        low[j] = min(first, other)
    for c in range(tops.size):
        if tops[c] >= n:
            low[tops[c] - n] = starts[c]
        else:
            place[tops[c]] = starts[c]
    for j in range(low.size):
        a, b = children[j, 0], children[j, 1]
        first = low[a - n] if a >= n else place[a]
        other = low[b - n] if b >= n else place[b]
        if other < first:
            a, b = b, a
        start = low[j]
        if a >= n:
            low[a - n] = start
        else:
            place[a] = start
        if b >= n:
            low[b - n] = start + size[a]
        else:
            place[b] = start + size[a]


@kernel
def points_at(place, point):  # type: ignore[no-untyped-def]
    """point[k] = the point whose place is k."""
    for i in range(place.size):
        point[place[i]] = i


@kernel
def next_tasks(  # type: ignore[no-untyped-def]
    key, children, size, place, low, limit, rows, height, waiting, stack, bases, nodes, vectors, task_bases
):
    """Descend from the stack to subclusters of at most ``limit`` points until they fill ``rows`` rows.

    Returns (height, tasks, points); height −1: the stack is too small. Subclusters come in the order of places. Every
    entry of the stack has its unit vector and the position of the point that its nearest point hangs on.
    """
    n, d = place.size, bases.shape[1]
    h = (d + 1) // 2
    g = np.zeros(stack.shape[1], np.float32)
    x, t, q = np.empty(h, np.float32), np.empty(h, np.float32), np.empty(h, np.int32)
    bits = x.view(np.int32)
    tasks, points = 0, 0
    while height > 0:
        top = height - 1
        u = waiting[top]
        if size[u] <= limit:
            if points + size[u] > rows or tasks == nodes.size:
                break
            nodes[tasks] = u
            for j in range(d):
                vectors[tasks, j] = stack[top, j]
                task_bases[tasks, j] = bases[top, j]
            points += size[u]
            tasks += 1
            height -= 1
            continue
        if height == waiting.size:
            return -1, tasks, points
        plus, minus = np.int64(children[u - n, 0]), np.int64(children[u - n, 1])
        start = low[plus - n] if plus >= n else place[plus]
        swap = start == low[u - n]  # plus comes first and goes on top
        pair = _U((u - n) * h)
        split_direction(key, pair, d, stack[top], stack[height], swap, g, x, bits, t, q)
        waiting[top], waiting[height] = (minus, plus) if swap else (plus, minus)
        for j in range(d):
            bases[height, j] = bases[top, j]
        height += 1
    return height, tasks, points


@kernel
def walk_tasks(  # type: ignore[no-untyped-def]
    out, first, size, nodes, task_bases, tree_parent, place, point_at, step, centred, height, waiting, bases, low
):
    """Turn the directions of a block of subclusters into positions, in the order of places.

    A subcluster's first point hangs on a point of this block or on the base of its task; ``bases`` of what still waits
    on the stack are written when the point they hang on lies in this block. A root's base is its cluster's origin,
    which is 0 where the cluster is ``centred``.
    """
    n, d = place.size, out.shape[1]
    row = 0
    for k in range(nodes.size):
        for _ in range(size[nodes[k]]):
            p = tree_parent[point_at[first + row]]
            if p < 0 and centred:
                for j in range(d):
                    out[row, j] = step * out[row, j]
            elif p < 0 or place[p] < first:
                for j in range(d):
                    out[row, j] = task_bases[k, j] + step * out[row, j]
            else:
                above = place[p] - first
                for j in range(d):
                    out[row, j] = out[above, j] + step * out[row, j]
            row += 1
    for s in range(height):
        u = waiting[s]
        start = low[u - n] if u >= n else place[u]
        p = tree_parent[point_at[start]]
        if p >= 0 and first <= place[p] < first + row:
            for j in range(d):
                bases[s, j] = out[place[p] - first, j]
