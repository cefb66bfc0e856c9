"""The passes of `_kernels` in the plainest Python: lists of children for running sums, generations for a queue."""

from __future__ import annotations

import math
from collections.abc import Sequence


def inverse(x: float) -> float:
    """1/x between resistance and conductance; 0 and infinity are each other's inverse."""
    return math.inf if x < 1e-300 else 1.0 / x


def posterior_variances(
    parent: Sequence[int], variance: Sequence[float], order: Sequence[int], observed: Sequence[bool]
) -> list[float]:
    """Resistance to ground of every node; every node sums its siblings anew instead of carrying sums along."""
    m = len(parent)
    children: list[list[int]] = [[] for _ in range(m)]
    for u in order:
        if parent[u] >= 0:
            children[parent[u]].append(u)
    branch = [0.0] * m  # conductance from the parent of u through u to ground
    for u in reversed(order):
        down = 0.0 if observed[u] else inverse(sum((branch[c] for c in reversed(children[u])), 0.0))
        branch[u] = inverse(variance[u] + down)
    upward = [0.0] * m
    out = [0.0] * m
    for u in order:
        up = variance[u]
        p = parent[u]
        if p >= 0:
            place = children[p].index(u)
            after = sum((branch[c] for c in reversed(children[p][place + 1 :])), 0.0)
            before = math.inf if observed[p] else upward[p]
            for c in children[p][:place]:
                before += branch[c]
            up += inverse(after + before)
        upward[u] = inverse(up)
        below = sum((branch[c] for c in reversed(children[u])), 0.0)
        out[u] = 0.0 if observed[u] else inverse(below + upward[u])
    return out


def sums_below(parent: Sequence[int], order: Sequence[int], weight: Sequence[float]) -> list[float]:
    """Sum of ``weight`` over every node and everything below it."""
    out = list(weight)
    for u in reversed(order):
        if parent[u] >= 0:
            out[parent[u]] += out[u]
    return out


def nearest_sources(
    n_points: int, edges: Sequence[tuple[int, int]], sources: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Distance to the nearest source and the smallest position among the nearest ones, generation by generation."""
    neighbours: list[set[int]] = [set() for _ in range(n_points)]
    for a, b in edges:
        neighbours[a].add(b)
        neighbours[b].add(a)
    distance, owner = [-1] * n_points, [-1] * n_points
    generation: dict[int, int] = {}
    for position, v in enumerate(sources):
        generation.setdefault(v, position)
    reached = 0
    while generation:
        for v, position in generation.items():
            distance[v], owner[v] = reached, position
        reached += 1
        found: dict[int, int] = {}
        for u, position in generation.items():
            for v in neighbours[u]:
                if distance[v] < 0:
                    found[v] = min(position, found.get(v, position))
        generation = found
    return distance, owner
