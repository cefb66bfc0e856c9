"""Derivations of strings, each a function of (key, number of the string); the slow reference is in tests/reference."""

from __future__ import annotations

import numpy as np

from fractalman._jit import inline, kernel
from fractalman.random._draw_kernels import derive, draw_uniform

_U = np.uint64


@kernel
def guides(cumulated, choices, buckets, out):  # type: ignore[no-untyped-def]
    """out[x·B + b] = the first of symbol x's choices whose cumulated probability exceeds b/B, at most the last one.

    ``cumulated`` holds those of every symbol, ``choices`` each, one after the other; B = ``buckets`` is a power of two,
    so that b/B is exact and a draw u in [b/B, (b + 1)/B) is never answered by an earlier choice.
    """
    for x in range(cumulated.size // choices):
        r = 0
        for b in range(buckets):
            u = b / buckets
            while r < choices - 1 and u >= cumulated[x * choices + r]:
                r += 1
            out[x * buckets + b] = r


@inline
def chosen(u, first, choices, cumulated, guide, bucket, buckets):  # type: ignore[no-untyped-def]
    """The first of the choices first … first + choices − 1 that u lies below; the search begins where the guide says.

    With equally likely choices, as many as there are buckets, it ends there: no branch depends on the draw.
    """
    r, last = first + guide[bucket + np.int64(u * buckets)], first + choices - 1
    while r < last and u >= cumulated[r]:
        r += 1
    return r


@kernel
def derivations(  # type: ignore[no-untyped-def]
    key, strings, rules, cumulated, first_rule, sizes, guide, first_guide, buckets, prior, of_prior, symbols
):
    """symbols[i] = all symbols of the derivation of string strings[i], level by level from the class, left to right.

    Node number h (0 = class, then level by level) of string i draws from counter h of derive(key, i): counter 0 the
    class, counter 1 + h the production of node h. ``cumulated`` holds the cumulated probabilities of every symbol's
    productions, ``guide`` from first_guide[level] on, ``buckets``[level] a symbol, where to look for a draw, and
    ``of_prior`` the same of the classes; otherwise as in `theory.grammars`.
    """
    s, levels = rules.shape[1], sizes.size - 1
    for i in range(strings.size):
        own, row = derive(key, _U(strings[i])), symbols[i]
        row[0] = chosen(draw_uniform(own, _U(0)), 0, sizes[0], prior, of_prior, 0, of_prior.size)
        begin, nodes = 0, 1
        for level in range(levels):
            m, of_level = (first_rule[level + 1] - first_rule[level]) // sizes[level], first_rule[level]
            start, width, below = first_guide[level], buckets[level], begin + nodes
            for node in range(begin, begin + nodes):
                x = np.int64(row[node])
                u = draw_uniform(own, _U(1 + node))
                r = chosen(u, of_level + x * m, m, cumulated, guide, start + x * width, width)
                if s == 2:
                    row[below], row[below + 1] = rules[r, 0], rules[r, 1]
                else:
                    for j in range(s):
                        row[below + j] = rules[r, j]
                below += s
            begin += nodes
            nodes *= s


@kernel
def exchanged(  # type: ignore[no-untyped-def]
    key, strings, rules, cumulated, first_rule, sizes, guide, first_guide, buckets, top, at, symbols
):
    """Draw anew what symbols[i] holds below node ``at`` of level ``top``, or below all its nodes where at < 0.

    Node number h of string i draws from counter 1 + h of derive(key, i), as in `derivations`.
    """
    s, levels = rules.shape[1], sizes.size - 1
    for i in range(strings.size):
        own = derive(key, _U(strings[i]))
        begin, nodes, first_node, last_node = 0, 1, 0, 0
        for level in range(levels):
            if level == top:
                first_node, last_node = (0, nodes) if at < 0 else (at, at + 1)
            m, width = (first_rule[level + 1] - first_rule[level]) // sizes[level], buckets[level]
            if level >= top:
                for node in range(first_node, last_node):
                    x = np.int64(symbols[i, begin + node])
                    u = draw_uniform(own, _U(1 + begin + node))
                    r = chosen(u, first_rule[level] + x * m, m, cumulated, guide, first_guide[level] + x * width, width)
                    below = begin + nodes + node * s
                    for j in range(s):
                        symbols[i, below + j] = rules[r, j]
                first_node, last_node = first_node * s, last_node * s
            begin += nodes
            nodes *= s
