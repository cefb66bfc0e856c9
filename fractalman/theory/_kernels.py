"""Compiled passes over label trees and edge trees; arrays in, arrays out. The references are in tests.reference."""

from __future__ import annotations

import numpy as np

from fractalman._instructions import prefetch
from fractalman._jit import inline, kernel

_NOTHING = 1e-300  # a resistance below this is a wire: its inverse would leave the range of float64
_AHEAD = 24  # nodes between asking for a parent's line of memory and needing it: 0.6 s instead of 2 s at 10^7 points
_TILE = 16  # points whose weights are turned at once


@inline
def inverse(x):  # type: ignore[no-untyped-def]
    """1/x between resistance and conductance; 0 and infinity are each other's inverse."""
    if x < _NOTHING:
        return np.inf
    return 1.0 / x


# ---------------------------------------------------------------------------------------------------- orders


@kernel
def parents_first(parent):  # type: ignore[no-untyped-def]
    """Whether every node's parent has a smaller id, so that 0, 1, 2, … is a walk from the roots down."""
    wrong = 0
    for u in range(parent.size):
        wrong += parent[u] >= u or parent[u] < -1
    return wrong == 0


@kernel
def points_then_latents(parent, n):  # type: ignore[no-untyped-def]
    """Whether nodes n, n + 1, … are a walk from the roots down and the first n hang below them or alone."""
    wrong = 0
    for u in range(n):
        wrong += parent[u] != -1 and (parent[u] < n or parent[u] >= parent.size)
    for u in range(n, parent.size):
        wrong += parent[u] >= u or (parent[u] < n and parent[u] != -1)
    return wrong == 0


# ---------------------------------------------------------------------------------------------------- Bayes floor


@kernel
def posterior_variances(parent, variance, order, observed, out):  # type: ignore[no-untyped-def]
    """out[u] = variance of the path sum at u given the exact path sums at the observed nodes.

    A path sum is a voltage on a network: the edge above u has resistance variance[u], the root's leads to ground, an
    observed node is grounded, and the posterior variance is the resistance from u to ground. Every step adds positive
    numbers, so nothing cancels: a node's siblings are summed before it (on the way up) and after it (on the way down).
    """
    m = parent.size
    conductance = np.zeros((m, 1))  # going up: from u to ground through its children
    later = np.zeros(m)  # the same for u's parent, through the children that come after u in the order
    for i in range(m - 1, -1, -1):
        u = order[i]
        if i >= _AHEAD:
            soon = parent[order[i - _AHEAD]]
            if soon >= 0:
                prefetch(conductance, soon, 0)
        p = parent[u]
        if p >= 0:
            later[u] = conductance[p, 0]
            down = 0.0 if observed[u] else inverse(conductance[u, 0])
            conductance[p, 0] += inverse(variance[u] + down)
    for i in range(m):
        u = order[i]
        if i + _AHEAD < m:
            soon = parent[order[i + _AHEAD]]
            if soon >= 0:
                prefetch(conductance, soon, 0)
        p = parent[u]
        up = variance[u]
        if p >= 0:  # conductance[p] now holds the way up from p and the children before u
            up += inverse(later[u] + conductance[p, 0])
            down = 0.0 if observed[u] else inverse(conductance[u, 0])
            conductance[p, 0] += inverse(variance[u] + down)
        upward = inverse(up)
        out[u] = 0.0 if observed[u] else inverse(conductance[u, 0] + upward)
        conductance[u, 0] = np.inf if observed[u] else upward


# ---------------------------------------------------------------------------------------------------- covariances


@kernel
def sums_below(parent, order, weight):  # type: ignore[no-untyped-def]
    """weight[u] becomes the sum of ``weight`` over u and everything below it."""
    for i in range(order.size - 1, -1, -1):
        u = order[i]
        if parent[u] >= 0:
            weight[parent[u]] += weight[u]


@kernel
def covariance_products(parent, variance, order, weight):  # type: ignore[no-untyped-def]
    """Column by column, weight[u] becomes Σ_v (variance of the path shared by u and v) · weight[v]."""
    m, columns = weight.shape
    for i in range(m - 1, -1, -1):
        u = order[i]
        p = parent[u]
        if p >= 0:
            for j in range(columns):
                weight[p, j] += weight[u, j]
    for i in range(m):
        u = order[i]
        p = parent[u]
        for j in range(columns):
            weight[u, j] = variance[u] * weight[u, j] + (weight[p, j] if p >= 0 else 0.0)


@kernel
def induced(parent, variance, order, marked, name, above, own):  # type: ignore[no-untyped-def]
    """Keep the marked nodes and those where their paths to the roots meet; return how many there are.

    Kept nodes are numbered from the roots down: name[u] is u's number or −1; above[k], own[k] are the parent of number
    k and the variance of the path from it down to k.
    """
    m = parent.size
    held = np.zeros((m, 1), np.int8)  # how many of u's own mark and its children lead to a mark; 2 stands for more
    for i in range(m - 1, -1, -1):
        u = order[i]
        if i >= _AHEAD:
            soon = parent[order[i - _AHEAD]]
            if soon >= 0:
                prefetch(held, soon, 0)
        if marked[u]:
            held[u, 0] = 2
        if held[u, 0] > 0 and parent[u] >= 0 and held[parent[u], 0] < 2:
            held[parent[u], 0] += 1
    passed = np.empty(m)  # variance from the last kept node above u down to u
    last = np.empty(m, np.int64)  # number of the last kept node at or above u
    count = 0
    for i in range(m):
        u = order[i]
        name[u] = -1
        if held[u, 0] == 0:
            continue
        p = parent[u]
        top = last[p] if p >= 0 else -1
        passed[u] = variance[u]
        if p >= 0 and name[p] < 0:
            passed[u] += passed[p]
        last[u] = top
        if held[u, 0] == 2:
            name[u] = count
            above[count] = top
            own[count] = passed[u]
            last[u] = count
            count += 1
    return count


@kernel
def shared_sums(parent, sums, rows, columns, out):  # type: ignore[no-untyped-def]
    """out[i, j] = path sum at the last node that the paths to rows[i] and columns[j] share, 0 if none.

    Parents have smaller ids.
    """
    m = parent.size
    shared = np.empty(m)
    on_path = np.full(m, -1, np.int64)
    for j in range(columns.size):
        u = columns[j]
        while u >= 0:
            on_path[u] = j
            u = parent[u]
        for u in range(m):
            if on_path[u] == j:
                shared[u] = sums[u]
            else:
                shared[u] = shared[parent[u]] if parent[u] >= 0 else 0.0
        for i in range(rows.size):
            out[i, j] = shared[rows[i]]


@kernel
def attached(parent, variance, order, name, at, lower, upper, private):  # type: ignore[no-untyped-def]
    """Say where every node meets the tree of kept nodes, whose numbers are ``name`` (−1 for nodes that are not kept).

    The path from u to its root first runs alone, over a variance of private[u], and then joins the one that ends at
    kept node at[u] (−1: never), upper[u] of whose variance it shares and lower[u] not. Only sums of variances.
    """
    m = parent.size
    for u in range(m):
        at[u] = name[u]
        lower[u] = 0.0
    for i in range(m - 1, -1, -1):
        u = order[i]
        p = parent[u]
        if p >= 0 and name[p] < 0 and at[u] >= 0:  # at most one child of a node that is not kept leads to a kept one
            at[p] = at[u]
            lower[p] = lower[u] + variance[u]
    for i in range(m):
        u = order[i]
        p = parent[u]
        if at[u] >= 0:
            private[u] = 0.0
            upper[u] = variance[u] + (upper[p] if p >= 0 and name[p] < 0 else 0.0)
        elif p >= 0:
            private[u] = private[p] + variance[u]
            at[u], lower[u], upper[u] = at[p], lower[p], upper[p]
        else:
            private[u] = variance[u]
            upper[u] = 0.0


@kernel
def residual_risks(  # type: ignore[no-untyped-def]
    parent, own, train, train_scale, at, lower, upper, private, test_scale, weights, out, lanes
):
    """out[r] = Σ_u variance[u]·c_u², c_u the sum below u of test_scale[r] at test r and −weights[r, i]·train_scale[i].

    The variance of y_test − Σ_i weights·y_i, a sum of squares: nothing cancels but inside c_u, where it should. Nodes
    are those that the training points keep (`induced`, parents with smaller ids); test point r joins them as `attached`
    says: what it adds is on its own path, so that no node is there for another test point. ``lanes`` smoothers go
    through the tree at once; a number that the compiler does not know, for it would write short loops out instead of
    vectorising them.
    """
    m, n = parent.size, train.size
    below = np.empty((m, lanes))
    tile = np.empty((_TILE, lanes))  # weights of some points, turned: their rows lie far apart
    total = np.empty(lanes)
    for first in range(0, at.size, lanes):
        width = min(lanes, at.size - first)
        below[:] = 0.0
        tile[:] = 0.0
        for start in range(0, n, _TILE):
            few = min(_TILE, n - start)
            for lane in range(width):
                for i in range(few):
                    tile[i, lane] = weights[first + lane, start + i]
            for i in range(few):
                u, scale = train[start + i], train_scale[start + i]
                for lane in range(lanes):
                    below[u, lane] -= tile[i, lane] * scale
        total[:] = 0.0
        last = m
        while last > 0:
            joined = -1  # the next node at which a test point of these rows joins
            for r in range(first, first + width):
                if joined < at[r] < last:
                    joined = at[r]
            for u in range(last - 1, joined, -1):
                p, variance = parent[u], own[u]
                if p >= 0:
                    for lane in range(lanes):
                        c = below[u, lane]
                        total[lane] += variance * (c * c)
                        below[p, lane] += c
                else:
                    for lane in range(lanes):
                        total[lane] += variance * (below[u, lane] * below[u, lane])
            if joined >= 0:
                p = parent[joined]
                for lane in range(width):
                    r, c = first + lane, below[joined, lane]
                    if at[r] == joined:
                        total[lane] += lower[r] * (c * c)
                        c += test_scale[r]
                        total[lane] += upper[r] * (c * c)
                    else:
                        total[lane] += own[joined] * (c * c)
                    if p >= 0:
                        below[p, lane] += c
            last = joined
        for lane in range(width):
            r = first + lane
            out[r] = total[lane] + private[r] * (test_scale[r] * test_scale[r])


# ---------------------------------------------------------------------------------------------------- graphs


@kernel
def nearest_sources(start, neighbour, sources, distance, owner):  # type: ignore[no-untyped-def]
    """distance[v] = edges from v to the nearest source, owner[v] = the smallest position among the nearest ones.

    Unreached vertices keep −1. Sources enter the queue by position and a vertex belongs to whoever finds it first, so
    every generation of the queue is sorted by position and the first finder is the smallest.
    """
    n = start.size - 1
    queue = np.empty(n, np.int64)
    distance[:] = -1
    owner[:] = -1
    tail = 0
    for i in range(sources.size):
        v = sources[i]
        if distance[v] < 0:
            distance[v] = 0
            owner[v] = i
            queue[tail] = v
            tail += 1
    head = 0
    while head < tail:
        u = queue[head]
        head += 1
        for j in range(start[u], start[u + 1]):
            v = neighbour[j]
            if distance[v] < 0:
                distance[v] = distance[u] + 1
                owner[v] = owner[u]
                queue[tail] = v
                tail += 1


# ---------------------------------------------------------------------------------------------------- cluster sizes


@kernel
def yule_simon_numbers(n, opens, joins, expected):  # type: ignore[no-untyped-def]
    """expected[s] = mean number of clusters of s points after n points of the Yule–Simon process, for s < its size.

    A point opens a cluster with probability ``opens`` and joins that of an earlier one with ``joins``.

    Sizes are followed up to where the mean number of clusters falls below 1e-30.
    """
    expected[:] = 0.0
    expected[1] = 1.0
    largest = 1
    for points in range(1, n):
        rate = joins / points
        if largest + 1 < expected.size and largest * expected[largest] * rate > 1e-30:
            largest += 1
        for s in range(largest, 0, -1):
            expected[s] += rate * ((s - 1) * expected[s - 1] - s * expected[s])
        expected[1] += opens
