"""Compiled kernels of ranges, ancestor queries and cuts; the reference implementations are in tests.reference."""

from __future__ import annotations

import numpy as np

from fractalman._jit import kernel


@kernel
def contiguous_ranges(parent, size, n_points, start, order):  # type: ignore[no-untyped-def]
    """Give every node a range of ``size[u]`` places inside its parent's; order[place] = the point there.

    A latent's parent has a smaller id, so one pass over the latents meets parents first; siblings stand side by side,
    latents in rising id, then points in rising id. Returns how many points found a place of their own.
    """
    m = parent.size
    free = np.empty(m, np.int64)  # the next free place in every latent's range
    outside = np.int64(0)  # the next free place among the roots
    placed = 0
    for k in range(m):
        u = n_points + k if k < m - n_points else k - (m - n_points)
        p = parent[u]
        if p < 0:
            start[u] = outside
            outside += size[u]
        else:
            start[u] = free[p]
            free[p] += size[u]
        free[u] = start[u]
        if u < n_points and 0 <= start[u] < n_points:
            order[start[u]] = u
            placed += 1
    return placed


@kernel
def heavy_heads(parent, order, head):  # type: ignore[no-untyped-def]
    """head[u] = the top of u's heavy path: from every node the path goes on to the child with most nodes below it.

    ``order`` has ancestors first. Among equally heavy children the first in ``order`` is taken.
    """
    m = parent.size
    below = np.ones(m, np.int64)
    heavy = np.full(m, -1, np.int64)
    for i in range(m - 1, -1, -1):
        u = order[i]
        p = parent[u]
        if p >= 0:
            below[p] += below[u]
            if heavy[p] < 0 or below[u] >= below[heavy[p]]:
                heavy[p] = u
    for u in order:
        p = parent[u]
        head[u] = head[p] if p >= 0 and heavy[p] == u else u


@kernel
def common_ancestors(parent, depth, head, a, b, out):  # type: ignore[no-untyped-def]
    """Climb whole heavy paths, the one whose top lies deeper first; −1 when both fall off their roots."""
    for i in range(a.size):
        u, v = a[i], b[i]
        while u >= 0 and v >= 0 and head[u] != head[v]:
            if depth[head[u]] >= depth[head[v]]:
                u = parent[head[u]]
            else:
                v = parent[head[v]]
        if u < 0 or v < 0:
            out[i] = -1
        elif depth[u] <= depth[v]:
            out[i] = u
        else:
            out[i] = v


@kernel
def cut(parent, size, most, n_points, fragment):  # type: ignore[no-untyped-def]
    """fragment[u] = the largest node of at most ``most`` points on u's path to its root; −1 above all such."""
    m = parent.size
    for k in range(m):
        u = n_points + k if k < m - n_points else k - (m - n_points)
        p = parent[u]
        if p >= 0 and fragment[p] >= 0:
            fragment[u] = fragment[p]
        elif size[u] <= most:
            fragment[u] = u
        else:
            fragment[u] = -1


@kernel
def row_means(X, fragment, total, count, out):  # type: ignore[no-untyped-def]
    """out[f] = mean of the rows of X whose fragment is f, summed in float64 in point order; ``total`` is scratch."""
    total[:] = 0.0
    for i in range(X.shape[0]):
        f = fragment[i]
        for j in range(X.shape[1]):
            total[f, j] += X[i, j]
    for f in range(total.shape[0]):
        for j in range(X.shape[1]):
            out[f, j] = total[f, j] / count[f]


@kernel
def label_owners(parent, order, leaf, fragment, owner):  # type: ignore[no-untyped-def]
    """owner[u] = the one fragment whose points' paths run through label node u; −1 no fragment's, −2 several'."""
    owner[:] = -1
    for i in range(leaf.size):
        u = leaf[i]
        if owner[u] == -1:
            owner[u] = fragment[i]
        elif owner[u] != fragment[i]:
            owner[u] = -2
    for i in range(order.size - 1, -1, -1):
        u = order[i]
        p = parent[u]
        if p >= 0 and owner[u] != -1:
            if owner[p] == -1:
                owner[p] = owner[u]
            elif owner[p] != owner[u]:
                owner[p] = -2


@kernel
def shared_above(parent, order, owner, shared):  # type: ignore[no-untyped-def]
    """shared[u] = the lowest node on u's path that belongs to several fragments, u included; −1 if none does."""
    for u in order:
        p = parent[u]
        if owner[u] == -2:
            shared[u] = u
        else:
            shared[u] = shared[p] if p >= 0 else -1


@kernel
def own_terms(parent, value, variance, order, owner, weight, term, spread):  # type: ignore[no-untyped-def]
    """Add every private node's value·weight and variance·weight² to its fragment.

    ``weight`` comes in as Σ 1/norm over the points that end at a node and becomes the sum over all below it.
    """
    for i in range(order.size - 1, -1, -1):
        u = order[i]
        if owner[u] >= 0:
            term[owner[u]] += value[u] * weight[u]
            spread[owner[u]] += variance[u] * weight[u] * weight[u]
        if parent[u] >= 0:
            weight[parent[u]] += weight[u]


@kernel
def add_upwards(parent, count):  # type: ignore[no-untyped-def]
    """count[u] becomes the sum over u and everything below it; a parent has a smaller id."""
    for u in range(parent.size - 1, -1, -1):
        if parent[u] >= 0:
            count[parent[u]] += count[u]
