"""Compiled kernels of Bethe clusters that grow; plain-Python references are in tests/reference."""

from __future__ import annotations

import numpy as np

from fractalman._jit import inline, kernel
from fractalman.families._forests._size_kernels import giant_window
from fractalman.random._draw_kernels import derive, draw_uniform

_U = np.uint64


@kernel
def tree_weights(z, weight):  # type: ignore[no-untyped-def]
    """weight[j, k] = B_j(k)·x^(k−1): trees of k sites whose root has j places and every other site z − 1.

    B_j(k) = j/(j + m(k−1)) · C(j + m(k−1), k−1), m = z − 1, and 1/x = m^m/(m−1)^(m−1), by which B_j grows with k: each
    entry from the one before it. B_0 is 1 for the root alone.
    """
    m = z - 1
    x = 1.0 / m
    for _ in range(m - 1):
        x *= (m - 1.0) / m
    weight[:, 0] = 0.0
    weight[0, 1:] = 0.0
    for j in range(weight.shape[0]):
        weight[j, 1] = 1.0
    for j in range(1, weight.shape[0]):
        for k in range(1, weight.shape[1] - 1):
            a = j + m * (k - 1)  # B_j(k) = j (a − 1)! / ((k−1)! (a − k + 1)!)
            ratio = x / k
            for i in range(m):  # (a + m − 1)!/(a − 1)! over (a − k + m)!/(a − k + 1)!, factor by factor
                ratio *= a + i
                if i > 0:
                    ratio /= a - k + 1.0 + i
            weight[j, k + 1] = weight[j, k] * ratio


@inline
def base_share(weight, j, n, most):  # type: ignore[no-untyped-def]
    """P(base ≤ most) in a tree of n sites whose root has j places, summed from the nearer end.

    P(base = s) = j B_(j−1)(s) (n−s) B_m(n−s) / ((n−1) B_j(n)); x is left over once.
    """
    m = weight.shape[0] - 2
    x = 1.0 / m
    for _ in range(m - 1):
        x *= (m - 1.0) / m
    whole = (n - 1) * weight[j, n] / (j * x)
    total = 0.0
    if 2 * most <= n:
        for s in range(1, most + 1):
            total += weight[j - 1, s] * ((n - s) * weight[m, n - s])
        return total / whole
    for k in range(1, n - most):
        total += weight[j - 1, n - k] * (k * weight[m, k])
    return 1.0 - total / whole


@inline
def next_arrival(weight, j, n, grown, limit, u, base):  # type: ignore[no-untyped-def]
    """The smallest size > n at which the side of ``grown`` sites has one more, or some size > limit.

    A base of s has s + 1 once P(base ≤ s) has sunk to u, a branch of k has k + 1 once P(base ≤ n − 1 − k) is above u.
    The sizes that are tried do not depend on ``limit``, so that smaller trees are prefixes to the last bit.
    """
    low, step = n, 1
    high = n + 1
    while True:
        below = base_share(weight, j, high, grown if base else high - 1 - grown) <= u
        if below == base:
            break
        if high > limit:
            return high
        low = high
        step *= 2
        high = n + step
    while high - low > 1:
        middle = (low + high) // 2
        below = base_share(weight, j, middle, grown if base else middle - 1 - grown) <= u
        if below == base:
            high = middle
        else:
            low = middle
    return high


@kernel
def grow(key, z, weight, parent, vertex):  # type: ignore[no-untyped-def]
    """parent[v] of sites 0 … n−1 in order of birth, −1 for 0, as `_nested_kernels.grow` of uniform labelled trees.

    A cell is a tree whose root has j places: z for the whole, one fewer for a base than for its cell, z − 1 for a
    branch. ``weight`` reaches to 2n.
    """
    n = parent.size
    stack = np.empty((64, 3), np.int64)
    side = np.empty(n, np.bool_)  # of the places in a cell: whether they are in the base
    held = np.empty(n, vertex.dtype)
    for v in range(n):
        vertex[v] = v
    parent[0] = -1
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, n, z
    height = 1
    while height > 0:
        height -= 1
        first, stop, j = stack[height, 0], stack[height, 1], stack[height, 2]
        limit = stop - first
        if limit < 2:
            continue
        child = vertex[first + 1]
        parent[child] = vertex[first]
        if limit == 2:
            continue
        u = draw_uniform(key, _U(child))
        side[0], side[1] = True, False
        size, base = np.int64(2), np.int64(1)
        while size < limit:
            of_base = 2 * base <= size  # the side that is asked when it grows
            at = next_arrival(weight, j, size, base if of_base else size - base, limit, u, of_base)
            for place in range(size, min(at - 1, limit)):
                side[place] = not of_base
                base += 0 if of_base else 1
            if at <= limit:
                side[at - 1] = of_base
                base += 1 if of_base else 0
            size = min(at, limit)
        a, b = np.int64(0), base
        for place in range(limit):
            if side[place]:
                held[a] = vertex[first + place]
                a += 1
            else:
                held[b] = vertex[first + place]
                b += 1
        for place in range(limit):
            vertex[first + place] = held[place]
        if height + 2 > stack.shape[0]:
            wider = np.empty((2 * stack.shape[0], 3), np.int64)
            wider[: stack.shape[0]] = stack
            stack = wider
        large = 1 if limit - base > base else 0  # the larger one first, so that the stack stays low
        for k in range(2):
            branch = large == 1 if k == 0 else large == 0
            stack[height, 0] = first + base if branch else first
            stack[height, 1] = stop if branch else first + base
            stack[height, 2] = z - 1 if branch else j - 1
            height += 1


@kernel
def grow_clusters(key, z, weight, root, child, extinction, giant, start, member, first, last, older):  # type: ignore[no-untyped-def]
    """older[i] = the earlier neighbour of point i in its cluster, −1 for the first, of clusters first … last − 1.

    The cluster ``giant`` is a window of an infinite one, its sites in the order of a breadth-first walk.
    """
    for c in range(first, last):
        a = start[c]
        s = start[c + 1] - a
        older[member[a]] = -1
        if s == 1:
            continue
        if c == giant:
            edges = np.empty((s - 1, 2), np.int64)
            giant_window(derive(key, _U(c)), root, child, extinction, edges)
            for k in range(s - 1):
                older[member[a + edges[k, 1]]] = member[a + edges[k, 0]]
            continue
        parent, vertex = np.empty(s, older.dtype), np.empty(s, older.dtype)
        grow(derive(key, _U(c)), z, weight, parent, vertex)
        for v in range(1, s):
            older[member[a + v]] = member[a + parent[v]]
