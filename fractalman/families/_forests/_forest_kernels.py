"""Compiled kernels of many clusters at once and of cut trees; plain-Python references are in tests/reference."""

from __future__ import annotations

import numpy as np

from fractalman._jit import kernel
from fractalman.families._forests._kernels import cyclic_coalescent
from fractalman.random._draw_kernels import derive, draw_below, fill_permutation
from fractalman.trees._union_find import find

_U = np.uint64


@kernel
def coalescents(order_key, coalescent_key, start, first, last, label, merged_by, merged_size, ends):  # type: ignore[no-untyped-def]
    """Draw clusters first … last − 1, cluster c on the points start[c] … start[c + 1] − 1.

    Sites and merges are numbered through: cluster c's site k is start[c] + k, its merge t is number start[c] − c + t,
    and merged_by holds sites, then merges, with −1 at the top of a cluster. ``ends`` may be empty.
    """
    n = label.size
    most = 0
    for c in range(first, last):
        most = max(most, start[c + 1] - start[c])
    own = np.empty(2 * most, label.dtype)
    link = np.empty(most, label.dtype)
    for c in range(first, last):
        a = start[c]
        s = start[c + 1] - a
        if s == 1:
            label[a] = a
            merged_by[a] = -1
            continue
        fill_permutation(derive(order_key, _U(c)), label[a : a + s])
        for k in range(s):
            label[a + k] += a
            link[k] = k
        g = a - c
        here = ends[g : g + s - 1]
        cyclic_coalescent(
            derive(coalescent_key, _U(c)), s, link[:s], own[: 2 * s - 1], merged_size[g : g + s - 1], here
        )
        for k in range(s):
            merged_by[a + k] = g + own[k]
        for t in range(s - 1):
            merged_by[n + g + t] = g + own[s + t] if t < s - 2 else -1
        for t in range(here.shape[0]):
            here[t, 0] += a
            here[t, 1] += a


@kernel
def merge_edges(edges, order, n, merged_by, merged_size, ends):  # type: ignore[no-untyped-def]
    """Join the forest ``edges`` in the given order by union-find; return −1, or the place of an edge that makes a loop.

    Merge t joins edge order[t] and makes a block of merged_size[t] points; merged_by[x] is the merge that took in x, a
    point or n + an earlier merge, and stays as it was (−1) at the top of a tree. ``ends`` may be empty.
    """
    link = np.arange(n).astype(merged_by.dtype)
    count = np.ones(n, merged_by.dtype)
    top = np.arange(n).astype(merged_by.dtype)  # what the block with this representative is: a point, or n + merge
    for t in range(order.size):
        u, v = edges[order[t], 0], edges[order[t], 1]
        a, b = find(link, np.int64(u)), find(link, np.int64(v))
        if a == b:
            return np.int64(order[t])
        merged_by[top[a]] = t
        merged_by[top[b]] = t
        if count[a] < count[b]:
            a, b = b, a
        link[b] = a
        count[a] += count[b]
        top[a] = n + t
        merged_size[t] = count[a]
        if ends.shape[0] > 0:
            ends[t, 0] = u
            ends[t, 1] = v
    return np.int64(-1)


@kernel
def rising_order(value, order):  # type: ignore[no-untyped-def]
    """order = the stable order of ``value``, uniform uint64: by leading bits, then by insertion."""
    n = value.size
    bits = 1
    while bits < 30 and (1 << bits) < n:
        bits += 1
    shift = _U(64 - bits)
    start = np.zeros((1 << bits) + 1, order.dtype)
    for i in range(n):
        start[np.int64(value[i] >> shift) + 1] += 1
    for k in range(start.size - 1):
        start[k + 1] += start[k]
    for i in range(n):
        bucket = np.int64(value[i] >> shift)
        order[start[bucket]] = i
        start[bucket] += 1
    for k in range(1, n):
        i = order[k]
        v = value[i]
        place = k
        while place > 0 and value[order[place - 1]] > v:
            order[place] = order[place - 1]
            place -= 1
        order[place] = i


@kernel
def spanning_edges(edges, order, n, chosen):  # type: ignore[no-untyped-def]
    """Kruskal: chosen[0 …] = those edges, in the given order, that join two parts of the graph; return how many."""
    link = np.arange(n).astype(chosen.dtype)
    made = 0
    for e in order:
        a, b = find(link, np.int64(edges[e, 0])), find(link, np.int64(edges[e, 1]))
        if a != b:
            link[b] = a
            chosen[made] = e
            made += 1
    return made


@kernel
def top_nodes(parent, points, tops):  # type: ignore[no-untyped-def]
    """tops[c] = the top of the tree that points[c] lies in."""
    for c in range(points.size):
        u = points[c]
        while parent[u] >= 0:
            u = parent[u]
        tops[c] = u


@kernel
def random_points(key, start, points):  # type: ignore[no-untyped-def]
    """points[c] = a uniform point of cluster c."""
    for c in range(points.size):
        points[c] = start[c] + draw_below(key, _U(c), start[c + 1] - start[c])
