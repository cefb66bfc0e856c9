"""Compiled passes over label trees and edge trees; arrays in, arrays out. The references are in tests.reference."""

from __future__ import annotations

import numpy as np

from fractalman._jit import inline, kernel, prefetch

_NOTHING = 1e-300  # a resistance below this is a wire: its inverse would leave the range of float64
_AHEAD = 24  # nodes between asking for a parent's line of memory and needing it: 0.6 s instead of 2 s at 10^7 points
_LANES = 8  # smoothers taken through a tree at once: one vector register of AVX-512, two of AVX2


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
def residual_risks(parent, variance, train, train_scale, test, test_scale, weights, out):  # type: ignore[no-untyped-def]
    """out[r] = Σ_u variance[u]·c_u², c_u the sum below u of test_scale[r] at test[r] and −weights[r, i]·train_scale[i].

    The variance of y_test − Σ_i weights·y_i, a sum of squares: nothing cancels but inside c_u, where it should. Parents
    have smaller ids.
    """
    m = parent.size
    below = np.empty((m, _LANES))
    total = np.empty(_LANES)
    for first in range(0, test.size, _LANES):
        width = min(_LANES, test.size - first)
        below[:] = 0.0
        for i in range(train.size):
            u = train[i]
            for lane in range(width):
                below[u, lane] -= weights[first + lane, i] * train_scale[i]
        for lane in range(width):
            below[test[first + lane], lane] += test_scale[first + lane]
        total[:] = 0.0
        for u in range(m - 1, -1, -1):
            p = parent[u]
            for lane in range(_LANES):
                total[lane] += variance[u] * (below[u, lane] * below[u, lane])
            if p >= 0:
                for lane in range(_LANES):
                    below[p, lane] += below[u, lane]
        for lane in range(width):
            out[first + lane] = total[lane]


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
