"""Messages up and down the derivation tree of one string; the slow reference is tests/reference/grammars.py."""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import kernel


@kernel
def messages(tokens, rules, chance, first_rule, sizes, prior, down_to, at, posterior, log_like):  # type: ignore[no-untyped-def]
    """posterior[i] = P(symbol of node ``at`` of level ``down_to`` | tokens of row i), log_like[i] = ln P(tokens).

    Nodes of a level are numbered from the left. ``tokens`` (n, s^L), negative = not observed. ``rules`` (R, s) and
    ``chance`` (R,) hold all productions, level by level and symbol by symbol; those of level l begin at
    first_rule[l] and every symbol has first_rule[l+1] − first_rule[l] over sizes[l] of them.
    """
    n, length = tokens.shape
    s = rules.shape[1]
    levels = sizes.size - 1
    widest = 0
    for level in range(levels + 1):
        widest = max(widest, sizes[level])
    nodes, start = 1, np.empty(levels + 2, np.int64)
    start[0] = 0
    for level in range(levels + 1):
        start[level + 1] = start[level] + nodes
        nodes *= s
    up = np.empty((start[levels + 1], widest))
    path, own, next_own = np.empty(levels + 1, np.int64), np.empty(widest), np.empty(widest)
    node = at
    for level in range(down_to, -1, -1):
        path[level] = node
        node //= s
    for i in range(n):
        scale = 0.0
        for j in range(length):
            token = tokens[i, j]
            for x in range(sizes[levels]):
                up[start[levels] + j, x] = 1.0 if token < 0 or token == x else 0.0
        for level in range(levels - 1, -1, -1):
            m = (first_rule[level + 1] - first_rule[level]) // sizes[level]
            for node in range(start[level + 1] - start[level]):
                below, top = start[level + 1] + node * s, 0.0
                for x in range(sizes[level]):
                    total = 0.0
                    for r in range(first_rule[level] + x * m, first_rule[level] + (x + 1) * m):
                        term = chance[r]
                        for j in range(s):
                            term *= up[below + j, rules[r, j]]
                        total += term
                    up[start[level] + node, x] = total
                    top = max(top, total)
                if top > 0.0:
                    for x in range(sizes[level]):
                        up[start[level] + node, x] /= top
                    scale += math.log(top)
        total = 0.0
        for x in range(sizes[0]):
            own[x] = prior[x]
            total += prior[x] * up[0, x]
        log_like[i] = scale + math.log(total) if total > 0.0 else -np.inf
        for level in range(down_to):
            m = (first_rule[level + 1] - first_rule[level]) // sizes[level]
            below = start[level + 1] + path[level] * s
            side = path[level + 1] - path[level] * s
            for x in range(sizes[level + 1]):
                next_own[x] = 0.0
            top = 0.0
            for x in range(sizes[level]):
                for r in range(first_rule[level] + x * m, first_rule[level] + (x + 1) * m):
                    term = own[x] * chance[r]
                    for j in range(s):
                        if j != side:
                            term *= up[below + j, rules[r, j]]
                    next_own[rules[r, side]] += term
            for x in range(sizes[level + 1]):
                top = max(top, next_own[x])
            for x in range(sizes[level + 1]):
                own[x] = next_own[x] / top if top > 0.0 else 0.0
        total = 0.0
        for x in range(sizes[down_to]):
            posterior[i, x] = own[x] * up[start[down_to] + path[down_to], x]
            total += posterior[i, x]
        for x in range(sizes[down_to]):
            posterior[i, x] = posterior[i, x] / total if total > 0.0 else np.nan
