"""Compiled kernels of nested growth; plain-Python references are in tests/reference.

`next_arrival` is what decides; `quick_arrival` knows the same nearly always, from smaller tables and without sums.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import inline, kernel
from fractalman.families._forests._share_kernels import TABLED, compared, share
from fractalman.random._draw_kernels import draw_uniform

_U = np.uint64
_CLEAR = 1e-12  # far more than what a share of 1 is ever wrong by


@inline
def expected_arrival(n, grown, u, base):  # type: ignore[no-untyped-def]
    """About the size at which the side of ``grown`` vertices has one more, from the expansion's first terms; or inf.

    1 − u = √(2/π)·√a·(1 + 11/(12n) + b/12 − a/36) − 2/(3n) is solved for a with the terms in brackets taken at n.
    """
    x = grown + 0.5
    side = x if base else n - x
    inverse = 1.0 / n
    b = 1.0 / (n - side) - inverse
    a = 1.0 / side - inverse
    root = (1.0 - u + 2.0 / 3.0 * inverse) * 1.2533141373155003 / (1.0 + 11.0 / 12.0 * inverse + b / 12.0 - a / 36.0)
    a = root * root
    if base:
        return 1.0 / (1.0 / x - a) if x * a < 1.0 else np.inf
    return 0.5 * x + math.sqrt(0.25 * x * x + x / a) if a > 0.0 else np.inf


@kernel
def next_arrival(weight, pointed, n, grown, limit, u, base):  # type: ignore[no-untyped-def]
    """The smallest size > n at which the side that now has ``grown`` vertices has one more; > limit if none up to it.

    The side has one more from the size on at which its P(size ≤ grown) has sunk to u (the branch's: to 1 − u; ≤ and <
    differ on a set of measure 0). Sizes near the expected one are tried; which ones does not depend on ``limit``, so
    that smaller trees are prefixes of larger ones to the last bit.
    """
    threshold = u if base else 1.0 - u
    expected = expected_arrival(n + 1.0, grown, u, base)
    if expected > limit:
        if share(weight, pointed, limit, grown, base) > threshold + _CLEAR:
            return limit + 1  # whatever the search below would find, it is not up to here
    elif expected > n + 1.0:
        expected = expected_arrival(expected, grown, u, base)
    high = np.int64(min(max(expected + 0.5, n + 1.0), 1e15)) if expected < np.inf else n + 1
    low = high - 1
    step = 1
    if share(weight, pointed, high, grown, base) > threshold:
        while share(weight, pointed, high, grown, base) > threshold:
            low = high
            if low >= limit:
                return limit + 1
            high = low + step
            step *= 2
    else:
        while low > n and share(weight, pointed, low, grown, base) <= threshold:
            high = low
            low = max(n, high - step)
            step *= 2
    while high - low > 1:
        middle = (low + high) // 2
        if share(weight, pointed, middle, grown, base) > threshold:
            low = middle
        else:
            high = middle
    return high


@inline
def next_small_arrival(shares, side, grown, n, limit, threshold):  # type: ignore[no-untyped-def]
    """`next_arrival` where all shares are known; shares[side, grown, n] falls with n."""
    if shares[side, grown, limit] > threshold:
        return limit + 1
    low, high, step = n, n + 1, 1
    while shares[side, grown, high] > threshold:
        low = high
        high = min(high + step, limit)
        step *= 2
    while high - low > 1:
        middle = (low + high) // 2
        if shares[side, grown, middle] > threshold:
            low = middle
        else:
            high = middle
    return high


@inline
def quick_arrival(shares, series, n, grown, limit, u, base):  # type: ignore[no-untyped-def]
    """`next_arrival`, or 0 where it takes more than two looks beside the expected size."""
    threshold = u if base else 1.0 - u
    if limit < TABLED:
        return next_small_arrival(shares, 0 if base else 1, grown, n, limit, threshold)
    expected = expected_arrival(n + 1.0, grown, u, base)
    if expected > limit:
        return limit + 1 if compared(shares, series, limit, grown, base, threshold + _CLEAR) == 1 else 0
    if expected > n + 1.0:
        expected = expected_arrival(expected, grown, u, base)
    high = np.int64(max(min(expected + 0.5, limit), n + 1.0))
    here = compared(shares, series, high, grown, base, threshold)
    if here == 1:
        return high + 1 if compared(shares, series, high + 1, grown, base, threshold) == 0 else 0
    if here == 0 and (high == n + 1 or compared(shares, series, high - 1, grown, base, threshold) == 1):
        return high
    return 0


@kernel
def grow(key, weight, pointed, shares, series, parent, vertex):  # type: ignore[no-untyped-def]
    """parent[v] of vertices 0 … n−1 in order of birth, −1 for 0.

    A cell is a tree; its vertices are vertex[first:stop] in order of birth. The second one starts the branch that hangs
    on the first; draw number (its id) of ``key`` decides which of the later ones belong to the branch. One of the two
    sides is listed vertex by vertex, the places in the cell at which it grew; it is exchanged for the other one when it
    has twice as many. Then it is moved to the front of the cell, which costs as much as the cell up to its youngest.
    """
    n = parent.size
    stack = np.empty((128, 2), np.int64)
    listed = np.empty(n, vertex.dtype)
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
        child = vertex[first + 1]
        parent[child] = vertex[first]
        if limit == 2:
            continue
        u = draw_uniform(key, _U(child))
        base = True  # which side is listed
        listed[0] = 0
        m = np.int64(1)  # how many it has
        size = np.int64(2)
        while size < limit:
            at = quick_arrival(shares, series, size, m, limit, u, base)
            if at == 0:
                at = next_arrival(weight, pointed, size, m, limit, u, base)
            at = min(at, limit + 1)
            if at <= limit:
                listed[m] = at - 1
                m += 1
            size = at
            if at <= limit and m > 2 * (size - m):
                k = 0
                others = np.int64(0)
                for place in range(size):
                    if k < m and listed[k] == place:
                        k += 1
                    else:
                        held[others] = place
                        others += 1
                for k in range(others):
                    listed[k] = held[k]
                m = others
                base = not base
        for k in range(m):
            held[k] = vertex[first + listed[k]]
        for k in range(m, 0, -1):  # what stands before the k-th listed vertex moves over as many as are still to come
            before = listed[k - 2] if k > 1 else np.int64(-1)
            for place in range(first + listed[k - 1] - 1, first + before, -1):
                vertex[place + m - k + 1] = vertex[place]
        for k in range(m):
            vertex[first + k] = held[k]
        small, large = (first, first + m), (first + m, stop)
        if 2 * m > limit:
            small, large = large, small
        stack[height, 0], stack[height, 1] = large
        stack[height + 1, 0], stack[height + 1, 1] = small
        height += 2
