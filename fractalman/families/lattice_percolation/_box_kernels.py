"""Compiled kernels of percolation on a box of Z^dim; plain-Python references are in tests/reference.

Sites are numbered row by row, the last axis fastest. The bond from a site to the next one along axis k has the number
site·dim + k, also where it leads around a periodic box.
"""

from __future__ import annotations

import numpy as np

from fractalman._jit import inline, kernel
from fractalman.random._draw_kernels import derive, draw, draw_below
from fractalman.trees._union_find import find

_U = np.uint64
_u11 = np.uint64(11)


@inline
def is_open(key, number, threshold):  # type: ignore[no-untyped-def]
    """Whether site or bond ``number`` is occupied: its 53-bit uniform lies below the threshold."""
    return (draw(key, _U(number)) >> _u11) < threshold


@inline
def _earlier(coordinate, shape, stride, periodic, offset, axis, around, axes):  # type: ignore[no-untyped-def]
    """List the neighbours with smaller numbers along the first ``axes`` axes: site − offset; return how many.

    ``around`` tells those that lie across the boundary of a periodic box.
    """
    found = 0
    for k in range(axes):
        if coordinate[k] > 0:
            offset[found], axis[found], around[found] = stride[k], k, False
            found += 1
        if periodic and coordinate[k] == shape[k] - 1:
            offset[found], axis[found], around[found] = (shape[k] - 1) * stride[k], k, True
            found += 1
    return found


@inline
def _next_row(coordinate, shape):  # type: ignore[no-untyped-def]
    """Advance to the next row: the odometer of all axes but the last."""
    k = shape.size - 2
    while k >= 0:
        coordinate[k] += 1
        if coordinate[k] < shape[k]:
            return
        coordinate[k] = 0
        k -= 1


@kernel
def join_sites(key, threshold, shape, stride, periodic, link):  # type: ignore[no-untyped-def]
    """Union-find over site percolation: link[s] leads towards the first site of the cluster, −1 = empty.

    Returns the number of clusters.
    """
    dim, row = shape.size, shape[-1]
    coordinate = np.zeros(dim, np.int64)
    offset, axis, around = np.empty(2 * dim, np.int64), np.empty(2 * dim, np.int64), np.empty(2 * dim, np.bool_)
    clusters = 0
    for first in range(0, link.size, row):
        earlier = _earlier(coordinate, shape, stride, periodic, offset, axis, around, dim - 1)
        for x in range(row):
            s = first + x
            if not is_open(key, s, threshold):
                link[s] = -1
                continue
            root = s
            if x > 0 and link[s - 1] >= 0:
                root = find(link, s - 1)
            for e in range(earlier):
                t = s - offset[e]
                if link[t] >= 0:
                    other = find(link, t)
                    if other < root:
                        if root != s:
                            link[root] = other
                            clusters -= 1
                        root = other
                    elif other > root:
                        link[other] = root
                        clusters -= 1
            link[s] = root
            if root == s:
                clusters += 1
        if periodic and link[first] >= 0 and link[first + row - 1] >= 0:
            clusters -= _join(link, first, first + row - 1)
        _next_row(coordinate, shape)
    return clusters


@inline
def _join(link, s, t):  # type: ignore[no-untyped-def]
    """Merge the clusters of two sites; return 1 if there were two, else 0."""
    a, b = find(link, s), find(link, t)
    if a == b:
        return 0
    if a < b:
        link[b] = a
    else:
        link[a] = b
    return 1


@kernel
def join_bonds(key, threshold, shape, stride, periodic, link):  # type: ignore[no-untyped-def]
    """Union-find over bond percolation, as `join_sites`; every site is there."""
    dim, row = shape.size, shape[-1]
    coordinate = np.zeros(dim, np.int64)
    offset, axis, around = np.empty(2 * dim, np.int64), np.empty(2 * dim, np.int64), np.empty(2 * dim, np.bool_)
    clusters = link.size
    for first in range(0, link.size, row):
        earlier = _earlier(coordinate, shape, stride, periodic, offset, axis, around, dim - 1)
        for x in range(row):
            s = first + x
            root = s
            if x > 0 and is_open(key, (s - 1) * dim + dim - 1, threshold):
                root = find(link, s - 1)
                clusters -= 1
            link[s] = root
            for e in range(earlier):
                t = s - offset[e]
                if is_open(key, (s if around[e] else t) * dim + axis[e], threshold):
                    other = find(link, t)
                    if other < root:
                        link[root] = other
                        root = other
                        clusters -= 1
                    elif other > root:
                        link[other] = root
                        clusters -= 1
        if periodic and is_open(key, (first + row - 1) * dim + dim - 1, threshold):
            clusters -= _join(link, first, first + row - 1)
        _next_row(coordinate, shape)
    return clusters


@kernel
def number_clusters(link, size):  # type: ignore[no-untyped-def]
    """Replace every link by the cluster's number, in the order of their first sites, and count sizes.

    A link leads to a smaller site of the same cluster, which already bears its number.
    """
    made = 0
    for s in range(link.size):
        root = np.int64(link[s])
        if root < 0:
            continue
        if root == s:
            link[s] = made
            size[made] = 1
            made += 1
        else:
            link[s] = link[root]
            size[link[s]] += 1


@kernel
def members(label, rank, place, site):  # type: ignore[no-untyped-def]
    """site[place[r]] … = the sites of the cluster of rank r ascending; rank −1 = left out, ``place`` moves on."""
    for s in range(label.size):
        if label[s] >= 0:
            r = rank[label[s]]
            if r >= 0:
                site[place[r]] = s
                place[r] += 1


@kernel
def shuffle(key, start, site):  # type: ignore[no-untyped-def]
    """Put the sites of every cluster into a uniformly random order (Fisher–Yates, draws addressed by its rank)."""
    for r in range(start.size - 1):
        own = derive(key, _U(r))
        for i in range(start[r + 1] - start[r] - 1, 0, -1):
            j = start[r] + draw_below(own, _U(i), np.int64(i + 1))
            held = site[start[r] + i]
            site[start[r] + i] = site[j]
            site[j] = held


@kernel
def bond_weights(key, site, edges, shape, stride, weight):  # type: ignore[no-untyped-def]
    """weight[e] = the draw of ``key`` that belongs to the bond between the sites of edges[e], first end first."""
    dim = shape.size
    for e in range(edges.shape[0]):
        s = site[edges[e, 0]]
        step = site[edges[e, 1]] - s
        k = 0
        while shape[k] == 1 or (step != stride[k] and step != -(shape[k] - 1) * stride[k]):
            k += 1
        weight[e] = draw(key, _U(s * dim + k))


@kernel
def uniform_members(key, first, size, chosen):  # type: ignore[no-untyped-def]
    """chosen[c] = a uniform one of the points first[c] … first[c] + size[c] − 1, draw c of ``key``."""
    for c in range(chosen.size):
        chosen[c] = first[c] + draw_below(key, _U(c), size[c])


@kernel
def shortest_paths(key, start, neighbour, roots, parent, distance):  # type: ignore[no-untyped-def]
    """Distances in edges from each cluster's root, and parents drawn uniformly among the neighbours one step nearer.

    Draw v of ``key`` chooses the parent of point v. Returns how many points were reached.
    """
    n = parent.size
    distance[:] = -1
    queue = np.empty(n, parent.dtype)
    tail = 0
    for root in roots:
        distance[root] = 0
        parent[root] = -1
        queue[tail] = root
        head = tail
        tail += 1
        while head < tail:
            v = np.int64(queue[head])
            head += 1
            if distance[v] > 0:
                nearer = 0
                for e in range(start[v], start[v + 1]):
                    nearer += distance[neighbour[e]] == distance[v] - 1
                chosen = draw_below(key, _U(v), np.int64(nearer))
                for e in range(start[v], start[v + 1]):
                    if distance[neighbour[e]] == distance[v] - 1:
                        if chosen == 0:
                            parent[v] = neighbour[e]
                            break
                        chosen -= 1
            for e in range(start[v], start[v + 1]):
                w = neighbour[e]
                if distance[w] < 0:
                    distance[w] = distance[v] + 1
                    queue[tail] = w
                    tail += 1
    return tail
