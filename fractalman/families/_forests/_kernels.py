"""Compiled kernels of the critical cluster and its rooted order; plain-Python references are in tests/reference."""

from __future__ import annotations

import numpy as np

from fractalman._jit import kernel
from fractalman.random._draw_kernels import draw_below
from fractalman.trees._union_find import find

_U = np.uint64


@kernel
def cyclic_coalescent(key, n, link, merged_by, merged_size, ends):  # type: ignore[no-untyped-def]
    """Merge blocks of a ring of n sites; merge t joins sites ends[t] and makes a block of merged_size[t] sites.

    A block is an arc; ``link`` (initially the identity) leads from a site towards its block's first site, path-halved
    on the way. Draw 2t of ``key`` chooses the site u, draw 2t + 1 the site v of the next block.
    merged_by[x] = the merge that took in x, where x is a site or n + an earlier merge. ``ends`` may be empty.
    """
    length = np.ones(n, link.dtype)  # of the arc that starts here
    top = np.empty(n, link.dtype)  # what the arc that starts here is: a site, or n + merge
    for k in range(n):
        top[k] = k
    for t in range(n - 1):
        u = draw_below(key, _U(2 * t), np.int64(n))
        a = find(link, np.int64(u))
        b = a + np.int64(length[a])
        if b >= n:
            b -= n
        v = b + draw_below(key, _U(2 * t + 1), np.int64(length[b]))
        if v >= n:
            v -= n
        merged_by[top[a]] = t
        merged_by[top[b]] = t
        link[b] = a
        length[a] += length[b]
        top[a] = n + t
        merged_size[t] = length[a]
        if ends.shape[0] > 0:
            ends[t, 0] = u
            ends[t, 1] = v


@kernel
def named_edges(ends, label, edges):  # type: ignore[no-untyped-def]
    """edges[t] = the labels of the sites ends[t]."""
    for t in range(edges.shape[0]):
        edges[t, 0] = label[ends[t, 0]]
        edges[t, 1] = label[ends[t, 1]]


@kernel
def count_sizes(merged_size, count):  # type: ignore[no-untyped-def]
    """count[s] = how many merges have size s; the array comes in as zeros."""
    for t in range(merged_size.size):
        count[merged_size[t]] += 1


@kernel
def rank_by_size(merged_size, count):  # type: ignore[no-untyped-def]
    """Number the merges by decreasing size (ties: later merge first), behind the points.

    ``merged_size`` comes in as the merges' sizes and becomes their numbers; ``count`` of `count_sizes` is used up.
    """
    n = count.size - 2
    larger = 0
    for s in range(n, -1, -1):  # a counting sort: count[s] becomes how many merges are larger than s
        here = count[s]
        count[s] = larger
        larger += here
    for t in range(merged_size.size - 1, -1, -1):
        s = merged_size[t]
        merged_size[t] = n + count[s]
        count[s] += 1


@kernel
def sizes_of_nodes(sizes, counts, n, size):  # type: ignore[no-untyped-def]
    """size = n ones, then sizes[k] as often as counts[k] says."""
    for i in range(n):
        size[i] = 1
    node = n
    for k in range(sizes.size):
        for _ in range(counts[k]):
            size[node] = sizes[k]
            node += 1


@kernel
def number_nodes(merged_by, rank, label, parent):  # type: ignore[no-untyped-def]
    """Write the parents of a hierarchy whose merge t is node rank[t] and whose site k is point label[k].

    merged_by is −1 for what nothing took in: the top of a tree, a site that was never joined to another.
    """
    n = label.size
    for t in range(rank.size):
        above = merged_by[n + t]
        parent[rank[t]] = rank[above] if above >= 0 else -1
    for site in range(n):
        above = merged_by[site]
        parent[label[site]] = rank[above] if above >= 0 else -1


@kernel
def number_nodes_in_place(merged_by, rank, label):  # type: ignore[no-untyped-def]
    """Turn merged_by into what `number_nodes` writes, with one array of ``label.size`` beside it."""
    n = label.size
    held = np.empty(n, merged_by.dtype)
    for site in range(n):
        above = merged_by[site]
        held[label[site]] = rank[above] if above >= 0 else -1
    for point in range(n):
        merged_by[point] = held[point]
    for t in range(rank.size):
        above = merged_by[n + t]
        held[rank[t] - n] = rank[above] if above >= 0 else -1
    for t in range(rank.size):
        merged_by[n + t] = held[t]


@kernel
def latent_depths(parent, n, depth):  # type: ignore[no-untyped-def]
    """depth[j] of latent n + j where a latent's parent has a smaller id than the latent."""
    for j in range(depth.size):
        above = parent[n + j]
        depth[j] = depth[above - n] + 1 if above >= 0 else 0


@kernel
def point_depths(parent, first, n, latent_depth, depth):  # type: ignore[no-untyped-def]
    """depth[k] of point first + k."""
    for k in range(depth.size):
        above = parent[first + k]
        depth[k] = latent_depth[above - n] + 1 if above >= 0 else 0


@kernel
def rooted_order(edges, roots, parent, order):  # type: ignore[no-untyped-def]
    """Depth-first order of the forest ``edges``, one tree after the other in the order of ``roots``.

    parent[v] in the edge tree, order[k] = k-th point met; half-edges hang in one linked list per point, so nothing is
    sorted. The stack hangs from the end of ``order``. Returns the number of points met; −1: there is a loop.
    """
    m = edges.shape[0]
    n = parent.size
    first = np.full(n, -1, parent.dtype)
    following = np.empty(2 * m, parent.dtype)
    for e in range(m):
        for side in range(2):
            u = edges[e, side]
            following[2 * e + side] = first[u]
            first[u] = 2 * e + side
    height = 0
    for c in range(roots.size - 1, -1, -1):  # the first root on top
        order[n - 1 - height] = roots[c]
        parent[roots[c]] = -1
        height += 1
    met = 0
    while height > 0:
        u = order[n - height]
        height -= 1
        order[met] = u
        met += 1
        half = first[u]
        while half >= 0:
            v = edges[half >> 1, 1 - (half & 1)]
            if v != parent[u]:
                if met + height == n:  # in a forest every point is met or waits once
                    return -1
                parent[v] = u
                order[n - 1 - height] = v
                height += 1
            half = following[half]
    return met
