"""Compiled kernels of the cascade: paths by address and the induced tree of sorted paths."""

from __future__ import annotations

import numpy as np

from fractalman._jit import kernel
from fractalman.random._draw_kernels import derive, draw_below, draw_uniform

_U = np.uint64
_TOGETHER = 64  # points walked down at once


@kernel
def cascade_paths(  # type: ignore[no-untyped-def]
    branching_key, path_key, points, branching, first, below, bits, addresses, steps, words
):
    """Walk every point down: addresses[i, l] of its node at level l, its digits packed into words[i].

    A node of kind k has branching[k] children; child j of it is step first[k] + j, which steps[i, l] records where
    ``steps`` has columns. ``below``, if not empty, holds for every step the mass of its node's children up to and
    including it; children are chosen by mass then, and with equal shares otherwise.

    Digits take ``bits`` bits each, most significant first, 64 // bits of them in a word, so that comparing the words
    of two points compares their paths.
    """
    levels = addresses.shape[1] - 1
    per_word = 64 // bits
    tile = min(_TOGETHER, points.size)
    owns, nodes, digits = np.empty(tile, np.uint64), np.empty(tile, np.uint64), np.empty(tile, np.uint64)
    kinds = np.zeros(tile, np.int64)
    words[:] = _U(0)
    for start in range(0, points.size, tile):  # level by level for some points at once, in vector instructions
        many = min(tile, points.size - start)
        for i in range(many):
            owns[i] = derive(path_key, _U(points[start + i]))
            nodes[i] = branching_key
            addresses[start + i, 0] = branching_key
        for level in range(levels):
            if branching.size > 1:
                for i in range(many):
                    kinds[i] = draw_below(nodes[i], _U(0), np.int64(branching.size))
            if below.size > 0:
                for i in range(many):
                    u = draw_uniform(owns[i], _U(level))
                    child = np.int64(0)
                    while child < branching[kinds[i]] - 1 and u >= below[first[kinds[i]] + child]:
                        child += 1
                    digits[i] = _U(child)
            else:
                for i in range(many):
                    digits[i] = _U(draw_below(owns[i], _U(level), branching[kinds[i]]))
            if steps.shape[1] > 0:
                for i in range(many):
                    steps[start + i, level] = first[kinds[i]] + np.int64(digits[i])
            word, shift = level // per_word, _U((per_word - 1 - level % per_word) * bits)
            for i in range(many):
                words[start + i, word] |= digits[i] << shift
            for i in range(many):
                nodes[i] = derive(nodes[i], digits[i])
            for i in range(many):
                addresses[start + i, level + 1] = nodes[i]


@kernel
def shared_digits(words, order, bits, digits, shared):  # type: ignore[no-untyped-def]
    """shared[k] = how many of the first ``digits`` digits the words of order[k] and order[k + 1] share.

    ``order`` may be longer than ``words``' use of it: k runs over ``shared``.
    """
    per_word = 64 // bits
    for k in range(shared.size):
        differing = words[order[k]] ^ words[order[k + 1]]
        same = digits
        if differing != _U(0):
            place = 0  # of the highest differing digit, counted from the lowest
            while (differing >> _U(place * bits)) >> _U(bits - 1) > _U(1):
                place += 1
            same = min(digits, per_word - 1 - place)
        shared[k] = same


@kernel
def induced_tree(order, shared, parent, size, level, example):  # type: ignore[no-untyped-def]
    """Build the tree of sorted paths with a stack of open latents; return how many latents there are.

    ``order`` holds the points by path, ``shared`` the levels that neighbours share. Latents are numbered 0, 1, … in
    order of opening, as places in ``size``, ``level`` and ``example``; in ``parent`` they are n, n + 1, …. Chains are
    collapsed because a latent is opened only where two neighbouring paths part.
    """
    n = order.size
    made = 0
    if n == 1:
        parent[0] = -1
        return 0
    highest = np.int64(0)
    for k in range(n - 1):
        if shared[k] > highest:
            highest = np.int64(shared[k])
    stack = np.empty(highest + 2, np.int64)
    height = 0
    for k in range(n):
        point = order[k]
        following = np.int64(shared[k]) if k + 1 < n else np.int64(-1)
        # the point hangs below the deeper of the latents it shares with its left and right neighbours
        if height == 0 or level[stack[height - 1]] < following:
            level[made] = following
            size[made] = 0
            example[made] = point
            parent[n + made] = n + stack[height - 1] if height > 0 else -1
            stack[height] = made
            made += 1
            height += 1
        owner = stack[height - 1]
        parent[point] = n + owner
        size[owner] += 1
        example[owner] = min(example[owner], point)
        while height > 0 and level[stack[height - 1]] > following:  # close what the next point does not share
            closed = stack[height - 1]
            height -= 1
            if following < 0 and height == 0:
                parent[n + closed] = -1
                break
            if height == 0 or level[stack[height - 1]] < following:
                level[made] = following
                size[made] = 0
                example[made] = example[closed]
                parent[n + made] = n + stack[height - 1] if height > 0 else -1
                stack[height] = made
                made += 1
                height += 1
            above = stack[height - 1]
            parent[n + closed] = n + above
            size[above] += size[closed]
            example[above] = min(example[above], example[closed])
    return made


@kernel
def renumber_latents(parent, n, order, rank):  # type: ignore[no-untyped-def]
    """Give latent order[r] the number r: in every parent, and by moving the latents' own parents to their places."""
    latents = order.size
    for r in range(latents):
        rank[order[r]] = r
    for u in range(n + latents):
        if parent[u] >= n:
            parent[u] = n + rank[parent[u] - n]
    moved = np.empty(latents, parent.dtype)
    for r in range(latents):
        moved[r] = parent[n + order[r]]
    for r in range(latents):
        parent[n + r] = moved[r]
