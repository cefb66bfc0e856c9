"""Compiled kernels of nested growth; the plain-Python twins are in `_nested_reference`."""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import inline, kernel
from fractalman.seeds import draw_uniform

_U = np.uint64
_LANES = 8  # partial sums, so that the compiler makes vector instructions of them in a fixed order


@kernel
def tree_weights(weight, pointed):  # type: ignore[no-untyped-def]
    """weight[k] = k^(k−1) e^(−k) / k!, pointed[K − k] = k·weight[k], K = size − 1: one read forwards, one backwards.

    Products up to 32, Stirling's series beyond, both to a few units in the last place.
    """
    last = weight.size - 1
    weight[0] = 0.0
    pointed[last] = 0.0
    term = 0.36787944117144233  # 1/e
    for k in range(1, last + 1):
        if k > 32:
            x = 1.0 / k
            x2 = x * x
            s = x * (1.0 / 12.0 - x2 * (1.0 / 360.0 - x2 * (1.0 / 1260.0 - x2 * (1.0 / 1680.0 - x2 * (1.0 / 1188.0)))))
            e = 1.0 - s * (1.0 - s * 0.5 * (1.0 - s / 3.0 * (1.0 - s * 0.25 * (1.0 - s * 0.2 * (1.0 - s / 6.0)))))
            term = e / math.sqrt(6.283185307179586 * k) / k
        weight[k] = term
        pointed[last - k] = k * term
        if k < 32:  # to k + 1: (1 + 1/k)^(k − 1) / e
            ratio = 1.0 + 1.0 / k
            for _ in range(k - 1):
                term = term * ratio
            term = term * 0.36787944117144233


@inline
def share_below(weight, pointed, n, most, base):  # type: ignore[no-untyped-def]
    """P(size ≤ most) of the base, or of the branch, of a tree of n vertices: Σ_s t_s a_(n−s) / ((n−1) t_n)."""
    last = weight.size - 1
    lanes = np.zeros(_LANES)
    if base:
        left, right, shift = weight, pointed, last - n  # a_(n−s) stands at pointed[last − n + s]
        i = 1
        while i + _LANES <= most + 1:
            for lane in range(_LANES):
                lanes[lane] += left[i + lane] * right[shift + i + lane]
            i += _LANES
        total = 0.0
        for s in range(i, most + 1):
            total += left[s] * right[shift + s]
    else:
        i = 1
        while i + _LANES <= most + 1:
            for lane in range(_LANES):
                lanes[lane] += pointed[last - i - lane] * weight[n - i - lane]
            i += _LANES
        total = 0.0
        for s in range(i, most + 1):
            total += pointed[last - s] * weight[n - s]
    total += ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]))
    return total / ((n - 1) * weight[n])


@inline
def next_arrival(weight, pointed, n, grown, limit, threshold, base):  # type: ignore[no-untyped-def]
    """The smallest size > n at which the side that now has ``grown`` vertices has one more; > limit if none up to it.

    The side has one more from the size on at which its P(size ≤ grown) has sunk to ``threshold``. Sizes n + 1, n + 3,
    n + 7, … are tried and the last gap halved: the same questions whatever ``limit`` is, so that smaller trees are
    prefixes of larger ones to the last bit; none beyond 2·limit.
    """
    low, high, step = n, n + 1, 2
    while share_below(weight, pointed, high, grown, base) > threshold:
        low = high
        if low >= limit:
            return limit + 1
        high = low + step
        step *= 2
    while high - low > 1:
        middle = (low + high) // 2
        if share_below(weight, pointed, middle, grown, base) > threshold:
            low = middle
            if low >= limit:
                return limit + 1
        else:
            high = middle
    return high


@kernel
def grow(key, weight, pointed, parent, vertex):  # type: ignore[no-untyped-def]
    """parent[v] of vertices 0 … n−1 in order of birth, −1 for 0.

    A cell is a tree; its vertices are vertex[first:stop] in order of birth. The second one starts the branch that hangs
    on the first; draw number (its id) of ``key`` decides which of the later ones belong to the branch.
    """
    n = parent.size
    stack = np.empty((n + 1, 2), np.int64)
    held = np.empty(n, vertex.dtype)
    for v in range(n):
        vertex[v] = v
    parent[0] = -1
    stack[0, 0] = 0
    stack[0, 1] = n
    height = 1
    while height > 0:
        height -= 1
        first = stack[height, 0]
        stop = stack[height, 1]
        limit = stop - first
        if limit < 2:
            continue
        root = vertex[first]
        child = vertex[first + 1]
        parent[child] = root
        if limit == 2:
            continue
        u = draw_uniform(key, _U(child))
        base = np.int64(1)  # vertices of the base so far, written back in place; the branch's are held
        branch = np.int64(1)
        held[0] = child
        size = np.int64(2)
        while size < limit:
            if base <= branch:
                at = min(next_arrival(weight, pointed, size, base, limit, u, True), limit + 1)
                for k in range(size, at - 1):
                    held[branch] = vertex[first + k]
                    branch += 1
                if at <= limit:
                    vertex[first + base] = vertex[first + at - 1]
                    base += 1
            else:
                # the branch has one more from P(branch ≤ now) < 1 − u on; ≤ and < differ on a set of measure 0
                at = min(next_arrival(weight, pointed, size, branch, limit, 1.0 - u, False), limit + 1)
                for k in range(size, at - 1):
                    vertex[first + base] = vertex[first + k]
                    base += 1
                if at <= limit:
                    held[branch] = vertex[first + at - 1]
                    branch += 1
            size = at
        for k in range(branch):
            vertex[first + base + k] = held[k]
        stack[height, 0] = first
        stack[height, 1] = first + base
        stack[height + 1, 0] = first + base
        stack[height + 1, 1] = stop
        height += 2
