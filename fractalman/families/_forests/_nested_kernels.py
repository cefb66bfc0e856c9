"""Compiled kernels of nested growth; plain-Python references are in tests/reference."""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import inline, kernel
from fractalman.random._draw_kernels import draw_uniform

_U = np.uint64
_LANES = 8  # partial sums, so that the compiler makes vector instructions of them in a fixed order
_SMOOTH = 128  # vertices of base and branch from which on the expansion of P(base ≤ s) is good to the last digits
_CLEAR = 1e-12  # far more than what a share of 1 is ever wrong by

# Coefficients of that expansion (`_nested_reference.expansion`): of n^−p; of a^m n^−(p−m), a = 1/x − 1/n, row m;
# and of b^m n^−(p−m), b = 1/(n−x) − 1/n, row m − 1, x = s + 1/2.
_LEVEL = np.array([1.0, 2 / 3, 32 / 45, 2024 / 2835, 6032 / 8505, 994144 / 1403325])
_ABOVE = np.array([
    [-2.0, -1.8333333333333333, -1.7291666666666667, -1.7576774691358024, -1.7929245434670782, -1.7773159343309084],
    [0.0, 0.05555555555555555, 0.2175925925925926, 0.16554783950617283, 0.06287401406035666, 0.11316150005205271],
    [0.0, 0.0, 0.06111111111111111, 0.024907407407407406, -0.09874356995884774, -0.02290339322457378],
    [0.0, 0.0, 0.0, -0.009446649029982363, -0.07964157113462669, -0.017632255448475687],
    [0.0, 0.0, 0.0, 0.0, -0.01539316129401006, 0.011035196650390837],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.004632931636693211],
])  # fmt: skip
_BELOW = np.array([
    [0.0, -0.16666666666666666, -0.1527777777777778, -0.12858796296296296, -0.1330664866255144, -0.14557535663763962],
    [0.0, 0.0, -0.018518518518518517, 0.0024691358024691358, 0.007840363511659808, -0.012456214481677445],
    [0.0, 0.0, 0.0, 0.006280864197530864, 0.011613940329218107, -0.007711640211640212],
    [0.0, 0.0, 0.0, 0.0, 0.0018513925631981187, -0.007713517827398449],
    [0.0, 0.0, 0.0, 0.0, 0.0, -0.0018944678851764757],
])  # fmt: skip


@inline
def late_weight(k):  # type: ignore[no-untyped-def]
    """k^(k−1) e^(−k) / k! for k > 32 by Stirling's series, to a few units in the last place."""
    x = 1.0 / k
    x2 = x * x
    s = x * (1.0 / 12.0 - x2 * (1.0 / 360.0 - x2 * (1.0 / 1260.0 - x2 * (1.0 / 1680.0 - x2 * (1.0 / 1188.0)))))
    e = 1.0 - s * (1.0 - s * 0.5 * (1.0 - s / 3.0 * (1.0 - s * 0.25 * (1.0 - s * 0.2 * (1.0 - s / 6.0)))))
    return e / math.sqrt(6.283185307179586 * k) / k


@kernel
def tree_weights(weight, pointed):  # type: ignore[no-untyped-def]
    """weight[k] = k^(k−1) e^(−k) / k!, pointed[K − k] = k·weight[k], K = size − 1: one read forwards, one backwards.

    Products up to 32, Stirling's series beyond.
    """
    last = weight.size - 1
    weight[0] = 0.0
    pointed[last] = 0.0
    term = 0.36787944117144233  # 1/e
    for k in range(1, last + 1):
        if k > 32:
            term = late_weight(k)
        weight[k] = term
        pointed[last - k] = k * term
        if k < 32:  # to k + 1: (1 + 1/k)^(k − 1) / e
            ratio = 1.0 + 1.0 / k
            for _ in range(k - 1):
                term = term * ratio
            term = term * 0.36787944117144233


@inline
def _weight(weight, k):  # type: ignore[no-untyped-def]
    """The weight of k, in the table (which ends beyond 32) or after it."""
    return weight[k] if k < weight.size else late_weight(k)


@kernel
def share_by_sum(weight, pointed, n, most, base):  # type: ignore[no-untyped-def]
    """P(size ≤ most) of the base, or of the branch, of a tree of n vertices: Σ_s t_s a_(n−s) / ((n−1) t_n).

    The branch's sum is the same with t and a exchanged.
    """
    last = weight.size - 1
    lanes = np.zeros(_LANES)
    total = 0.0
    i = 1
    if n > last:  # beyond the table, in the same order
        while i + _LANES <= most + 1:
            for lane in range(_LANES):
                far = _weight(weight, n - i - lane)
                lanes[lane] += weight[i + lane] * ((n - i - lane) * far) if base else pointed[last - i - lane] * far
            i += _LANES
        for s in range(i, most + 1):
            far = _weight(weight, n - s)
            total += weight[s] * ((n - s) * far) if base else pointed[last - s] * far
    elif base:
        shift = last - n  # a_(n−s) stands at pointed[last − n + s]
        while i + _LANES <= most + 1:
            for lane in range(_LANES):
                lanes[lane] += weight[i + lane] * pointed[shift + i + lane]
            i += _LANES
        for s in range(i, most + 1):
            total += weight[s] * pointed[shift + s]
    else:
        while i + _LANES <= most + 1:
            for lane in range(_LANES):
                lanes[lane] += pointed[last - i - lane] * weight[n - i - lane]
            i += _LANES
        for s in range(i, most + 1):
            total += pointed[last - s] * weight[n - s]
    total += ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]))
    return total / ((n - 1) * _weight(weight, n))


@kernel
def share_by_expansion(n, most):  # type: ignore[no-untyped-def]
    """P(base ≤ most) for most ≥ _SMOOTH and n − most ≥ _SMOOTH: its expansion in 1/x, 1/(n − x), 1/n to fifth order."""
    inverse = 1.0 / n
    x = most + 0.5
    ratio = (n - x) / x
    a, b = ratio * inverse, inverse / ratio
    level, above, below = 0.0, 0.0, 0.0
    for p in range(5, -1, -1):
        level = level * inverse + _LEVEL[p]
    for m in range(5, -1, -1):
        row = 0.0
        for p in range(5, m - 1, -1):
            row = row * inverse + _ABOVE[m, p]
        above = above * a + row
    for m in range(5, 0, -1):
        row = 0.0
        for p in range(5, m - 1, -1):
            row = row * inverse + _BELOW[m - 1, p]
        below = (below + row) * b
    return level + math.sqrt(a * 0.15915494309189535) * (above + below)


@kernel
def share(weight, pointed, n, most, base):  # type: ignore[no-untyped-def]
    """P(size ≤ most) of the base, or of the branch, of a tree of n vertices."""
    if most >= _SMOOTH and n - 1 - most >= _SMOOTH:
        return share_by_expansion(n, most) if base else 1.0 - share_by_expansion(n, n - 1 - most)
    return share_by_sum(weight, pointed, n, most, base)


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


@kernel
def grow(key, weight, pointed, parent, vertex):  # type: ignore[no-untyped-def]
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
            at = min(next_arrival(weight, pointed, size, m, limit, u, base), limit + 1)
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
        passed = np.int64(0)  # listed vertices that the others move over
        for place in range(listed[m - 1], -1, -1):
            if passed < m and listed[m - 1 - passed] == place:
                passed += 1
            else:
                vertex[first + place + passed] = vertex[first + place]
        for k in range(m):
            vertex[first + k] = held[k]
        small, large = (first, first + m), (first + m, stop)
        if 2 * m > limit:
            small, large = large, small
        stack[height, 0], stack[height, 1] = large
        stack[height + 1, 0], stack[height + 1, 1] = small
        height += 2
