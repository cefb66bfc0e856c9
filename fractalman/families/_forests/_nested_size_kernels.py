"""Compiled kernels of nested ensembles; plain-Python references are in tests/reference."""

from __future__ import annotations

import numpy as np

from fractalman._jit import inline, kernel
from fractalman.families._forests._nested_kernels import grow
from fractalman.random._draw_kernels import derive, draw_uniform

_U = np.uint64


@inline
def next_growth(total, s, u):  # type: ignore[no-untyped-def]
    """The smallest m > s with u·Q(m) ≥ Q(s): a size of s among m points then has one more; total.size if none is."""
    low, high = s, total.size  # at low it has not grown, from high on it has
    while high - low > 1:
        middle = (low + high) // 2
        if u * total[middle] >= total[s]:
            high = middle
        else:
            low = middle
    return high


@kernel
def arrivals(key, total, cluster, endless_key, endless):  # type: ignore[no-untyped-def]
    """cluster[i] of every arrival, from ``total`` = Q(0) … Q(n); returns the endless cluster, −1 if there is none.

    A cluster is endless with probability ``endless``, by draw number c of ``endless_key``, and takes all that reach it.

    Listed are the clusters that will still grow: each with the points of the clusters between it and the one listed
    before it (gap), its own, and the number of points from it on at which it has one more. Draw number c of ``key`` is
    the uniform number of cluster c.
    """
    n = cluster.size
    capacity = np.int64(64)
    held = np.empty((capacity, 4), np.int64)  # cluster, gap, size, next growth
    uniform = np.empty(capacity)
    listed = np.int64(0)
    after = np.int64(0)  # points of clusters behind the last listed one
    made = np.int64(0)
    giant = np.int64(-1)
    for i in range(n):
        left = np.int64(i + 1)  # points from here on, the new one included
        found = False
        for a in range(listed):
            left -= held[a, 1]
            if left >= held[a, 3]:
                found = True
                cluster[i] = held[a, 0]
                held[a, 2] += 1
                if held[a, 0] == giant:
                    break
                held[a, 3] = next_growth(total, held[a, 2], uniform[a])
                if held[a, 3] > n:  # it has all that it will have
                    points = held[a, 1] + held[a, 2]
                    if a + 1 < listed:
                        held[a + 1, 1] += points
                    else:
                        after += points
                    for b in range(a, listed - 1):
                        held[b, :] = held[b + 1, :]
                        uniform[b] = uniform[b + 1]
                    listed -= 1
                break
            left -= held[a, 2]
        if found:
            continue
        cluster[i] = made
        u = draw_uniform(key, _U(made))
        following = next_growth(total, np.int64(1), u)
        if endless > 0.0 and draw_uniform(endless_key, _U(made)) < endless:
            giant, following = made, np.int64(0)  # it grows at once, and always
        if following > n:
            after += 1
        else:
            if listed == capacity:
                wider = np.empty((2 * capacity, 4), np.int64)
                wider[:capacity] = held
                longer = np.empty(2 * capacity)
                longer[:capacity] = uniform
                held, uniform, capacity = wider, longer, 2 * capacity
            held[listed, 0] = made
            held[listed, 1] = after
            held[listed, 2] = 1
            held[listed, 3] = following
            uniform[listed] = u
            listed += 1
            after = np.int64(0)
        made += 1
    return giant


@kernel
def members(cluster, start, member):  # type: ignore[no-untyped-def]
    """member[start[c]:start[c + 1]] = the points of cluster c in order of arrival; ``start`` is made on the way."""
    start[:] = 0
    for i in range(cluster.size):
        start[cluster[i] + 1] += 1
    for c in range(start.size - 1):
        start[c + 1] += start[c]
    free = start.copy()
    for i in range(cluster.size):
        member[free[cluster[i]]] = i
        free[cluster[i]] += 1


@kernel
def grow_clusters(key, weight, pointed, shares, series, start, member, first, last, older):  # type: ignore[no-untyped-def]
    """older[i] = the earlier neighbour of point i in its cluster, −1 for the first, of clusters first … last − 1.

    Cluster c grows as `grow` does with the key of c.
    """
    for c in range(first, last):
        a = start[c]
        s = start[c + 1] - a
        older[member[a]] = -1
        if s == 1:
            continue
        if s == 2:
            older[member[a + 1]] = member[a]
            continue
        parent, vertex = np.empty(s, older.dtype), np.empty(s, older.dtype)
        grow(derive(key, _U(c)), weight, pointed, shares, series, parent, vertex)
        for j in range(1, s):
            older[member[a + j]] = member[a + parent[j]]
