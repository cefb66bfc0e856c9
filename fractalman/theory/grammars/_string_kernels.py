"""Derivations of strings, each a function of (key, number of the string); the slow reference is in tests/reference."""

from __future__ import annotations

import numpy as np

from fractalman._jit import kernel
from fractalman.random._draw_kernels import derive, draw_uniform

_U = np.uint64


@kernel
def derivations(key, strings, rules, cumulated, first_rule, sizes, prior, symbols):  # type: ignore[no-untyped-def]
    """symbols[i] = all symbols of the derivation of string strings[i], level by level from the class, left to right.

    Node number h (0 = class, then level by level) of string i draws from counter h of derive(key, i): counter 0 the
    class, counter 1 + h the production of node h. ``cumulated`` holds the cumulated probabilities of every symbol's
    productions; otherwise as in `theory.grammars`.
    """
    s, levels = rules.shape[1], sizes.size - 1
    for i in range(strings.size):
        own = derive(key, _U(strings[i]))
        u, x = draw_uniform(own, _U(0)), 0
        while x < sizes[0] - 1 and u >= prior[x]:
            x += 1
        symbols[i, 0] = x
        begin, nodes = 0, 1
        for level in range(levels):
            m = (first_rule[level + 1] - first_rule[level]) // sizes[level]
            for node in range(begin, begin + nodes):
                first = first_rule[level] + symbols[i, node] * m
                u, r = draw_uniform(own, _U(1 + node)), first
                while r < first + m - 1 and u >= cumulated[r]:
                    r += 1
                below = begin + nodes + (node - begin) * s
                for j in range(s):
                    symbols[i, below + j] = rules[r, j]
            begin += nodes
            nodes *= s


@kernel
def exchanged(key, strings, rules, cumulated, first_rule, sizes, top, at, symbols):  # type: ignore[no-untyped-def]
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
            m = (first_rule[level + 1] - first_rule[level]) // sizes[level]
            if level >= top:
                for node in range(first_node, last_node):
                    first = first_rule[level] + symbols[i, begin + node] * m
                    u, r = draw_uniform(own, _U(1 + begin + node)), first
                    while r < first + m - 1 and u >= cumulated[r]:
                        r += 1
                    below = begin + nodes + node * s
                    for j in range(s):
                        symbols[i, below + j] = rules[r, j]
                first_node, last_node = first_node * s, last_node * s
            begin += nodes
            nodes *= s
