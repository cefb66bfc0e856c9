"""Compiled kernels of the cascade: paths by address and the induced tree of sorted paths."""

from __future__ import annotations

import numpy as np

from fractalman._jit import kernel
from fractalman.seeds import derive, draw_below

_U = np.uint64


@kernel
def cascade_paths(branching_key, path_key, points, branching, bits, addresses, words):  # type: ignore[no-untyped-def]
    """Walk every point down: addresses[i, l] of its node at level l, its digits packed into words[i].

    Digits take ``bits`` bits each, most significant first, 64 // bits of them in a word, so that comparing the words
    of two points compares their paths.
    """
    levels = addresses.shape[1] - 1
    per_word = 64 // bits
    for i in range(points.size):
        own = derive(path_key, _U(points[i]))
        address = branching_key
        addresses[i, 0] = address
        for w in range(words.shape[1]):
            words[i, w] = _U(0)
        for level in range(levels):
            kind = draw_below(address, _U(0), np.int64(branching.size)) if branching.size > 1 else np.int64(0)
            digit = _U(draw_below(own, _U(level), branching[kind]))
            place = per_word - 1 - level % per_word
            words[i, level // per_word] |= digit << _U(place * bits)
            address = derive(address, digit)
            addresses[i, level + 1] = address


@kernel
def shared_levels(a, b, levels, bits):  # type: ignore[no-untyped-def]
    """The number of leading digits that two packed paths share."""
    per_word = 64 // bits
    for w in range(a.size):
        differing = a[w] ^ b[w]
        if differing != _U(0):
            place = 0  # of the highest differing digit, counted from the lowest
            while (differing >> _U(place * bits)) >> _U(bits - 1) > _U(1):
                place += 1
            return min(levels, w * per_word + per_word - 1 - place)
    return levels


@kernel
def induced_tree(words, order, levels, bits, parent, size, level, example):  # type: ignore[no-untyped-def]
    """Build the tree of sorted paths with a stack of open latents; return how many latents there are.

    ``words`` and ``order`` are sorted by path. Latent ids are n, n + 1, … in order of opening; chains are collapsed
    because a latent is opened only where two neighbouring paths part.
    """
    n = order.size
    made = 0
    if n == 1:
        parent[0], size[0], level[0], example[0] = -1, 1, levels, 0
        return 0
    stack = np.empty(levels + 2, np.int64)
    height = 0
    for k in range(n):
        point = order[k]
        size[point] = 1
        level[point] = levels
        example[point] = point
        shared = shared_levels(words[k], words[k + 1], levels, bits) if k + 1 < n else -1
        # the point hangs below the deeper of the latents it shares with its left and right neighbours
        if height == 0 or level[stack[height - 1]] < shared:
            opened = n + made
            made += 1
            level[opened] = shared
            size[opened] = 0
            example[opened] = point
            parent[opened] = stack[height - 1] if height > 0 else -1
            stack[height] = opened
            height += 1
        owner = stack[height - 1]
        parent[point] = owner
        size[owner] += 1
        example[owner] = min(example[owner], point)
        while height > 0 and level[stack[height - 1]] > shared:  # close what the next point does not share
            closed = stack[height - 1]
            height -= 1
            if shared < 0 and height == 0:
                parent[closed] = -1
                break
            if height == 0 or level[stack[height - 1]] < shared:
                opened = n + made
                made += 1
                level[opened] = shared
                size[opened] = 0
                example[opened] = example[closed]
                parent[opened] = stack[height - 1] if height > 0 else -1
                stack[height] = opened
                height += 1
            above = stack[height - 1]
            parent[closed] = above
            size[above] += size[closed]
            example[above] = min(example[above], example[closed])
    return made


@kernel
def depths_by_id(parent, n, depth):  # type: ignore[no-untyped-def]
    """Depths where a latent's parent has a smaller id than the latent."""
    for u in range(n, parent.size):
        depth[u] = depth[parent[u]] + 1 if parent[u] >= 0 else 0
    for i in range(n):
        depth[i] = depth[parent[i]] + 1 if parent[i] >= 0 else 0
