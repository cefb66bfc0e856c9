"""Compiled passes over label trees and edge trees; arrays in, arrays out. The slow twins are in `_reference`."""

from __future__ import annotations

import numpy as np

from fractalman._jit import inline, kernel

_NOTHING = 1e-300  # a resistance below this is a wire: its inverse would leave the range of float64


@inline
def inverse(x):  # type: ignore[no-untyped-def]
    """1/x between resistance and conductance; 0 and infinity are each other's inverse."""
    if x < _NOTHING:
        return np.inf
    return 1.0 / x


@kernel
def posterior_variances(parent, variance, order, observed, out):  # type: ignore[no-untyped-def]
    """out[u] = variance of the path sum at u given the exact path sums at the observed nodes.

    A path sum is a voltage on a network: the edge above u has resistance variance[u], the root's leads to ground, an
    observed node is grounded, and the posterior variance is the resistance from u to ground. Every step adds positive
    numbers, so nothing cancels: a node's siblings are summed before it (on the way up) and after it (on the way down).
    """
    m = parent.size
    conductance = np.zeros(m)  # going up: from u to ground through its children
    later = np.zeros(m)  # the same for u's parent, through the children that come after u in the order
    for i in range(m - 1, -1, -1):
        u = order[i]
        p = parent[u]
        if p >= 0:
            later[u] = conductance[p]
            down = 0.0 if observed[u] else inverse(conductance[u])
            conductance[p] += inverse(variance[u] + down)
    for i in range(m):
        u = order[i]
        p = parent[u]
        up = variance[u]
        if p >= 0:  # conductance[p] now holds the way up from p and the children before u
            up += inverse(later[u] + conductance[p])
            down = 0.0 if observed[u] else inverse(conductance[u])
            conductance[p] += inverse(variance[u] + down)
        upward = inverse(up)
        out[u] = 0.0 if observed[u] else inverse(conductance[u] + upward)
        conductance[u] = np.inf if observed[u] else upward


@kernel
def sums_below(parent, order, weight):  # type: ignore[no-untyped-def]
    """weight[u] becomes the sum of ``weight`` over u and everything below it."""
    for i in range(order.size - 1, -1, -1):
        u = order[i]
        if parent[u] >= 0:
            weight[parent[u]] += weight[u]


@kernel
def adjacency(edges, start, neighbour):  # type: ignore[no-untyped-def]
    """Fill ``neighbour`` so that those of v are neighbour[start[v]:start[v + 1]], in the order of the edges."""
    n = start.size - 1
    start[:] = 0
    for e in range(edges.shape[0]):
        start[edges[e, 0] + 1] += 1
        start[edges[e, 1] + 1] += 1
    for v in range(n):
        start[v + 1] += start[v]
    place = start[:n].copy()
    for e in range(edges.shape[0]):
        a = edges[e, 0]
        b = edges[e, 1]
        neighbour[place[a]] = b
        place[a] += 1
        neighbour[place[b]] = a
        place[b] += 1


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
