"""The passes of `fractalman.theory._kernels` in plain Python: lists of children, generations, no running sums."""

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


def covariance_product(
    parent: Sequence[int], variance: Sequence[float], order: Sequence[int], weight: Sequence[float]
) -> list[float]:
    """Σ_v (variance shared by u and v)·weight[v] for every node u, the sums below carried down again."""
    below = sums_below(parent, order, weight)
    out = [0.0] * len(parent)
    for u in order:
        out[u] = variance[u] * below[u] + (out[parent[u]] if parent[u] >= 0 else 0.0)
    return out


def path_to_root(parent: Sequence[int], node: int) -> list[int]:
    """Nodes from ``node`` up to its root."""
    out = []
    while node >= 0:
        out.append(node)
        node = parent[node]
    return out


def induced(
    parent: Sequence[int], variance: Sequence[float], order: Sequence[int], marked: Sequence[bool]
) -> tuple[list[int], list[int], list[float]]:
    """(number of every node or −1, parents, variances) of what `_kernels.induced` keeps, from whole paths."""
    paths = [path_to_root(parent, u) for u in range(len(parent)) if marked[u]]
    kept = []
    for u in order:  # kept: marked, or reached by the paths of marks through two different children
        through = {path[path.index(u) - 1] for path in paths if u in path and path[0] != u}
        if marked[u] or len(through) > 1:
            kept.append(u)
    name = [kept.index(u) if u in kept else -1 for u in range(len(parent))]
    above, own = [], []
    for u in kept:
        path = path_to_root(parent, u)
        stop = next((i for i, v in enumerate(path[1:], start=1) if name[v] >= 0), len(path))
        above.append(name[path[stop]] if stop < len(path) else -1)
        total = 0.0
        for v in reversed(path[:stop]):  # from above downwards, as the kernel adds
            total = variance[v] + total
        own.append(total)
    return name, above, own


def attached(
    parent: Sequence[int], variance: Sequence[float], name: Sequence[int], node: int
) -> tuple[int, float, float, float]:
    """(kept node, its variance below the place where the node's path joins it, that above, the path's before it)."""
    kept = {u: path_to_root(parent, u) for u in range(len(parent)) if name[u] >= 0}
    path = path_to_root(parent, node)
    for i, u in enumerate(path):
        through = [v for v in kept if u in kept[v]]
        if through:
            nearest = min(through, key=lambda v: kept[v].index(u))
            own = kept[nearest]
            end = next((k for k, v in enumerate(own[1:], start=1) if name[v] >= 0), len(own))
            place = own.index(u)
            parts = own[:place], own[place:end], path[:i]
            return name[nearest], *(sum(variance[v] for v in part) for part in parts)  # type: ignore[return-value]
    return -1, 0.0, 0.0, sum(variance[v] for v in path)


def shared_sums(
    parent: Sequence[int], sums: Sequence[float], rows: Sequence[int], columns: Sequence[int]
) -> list[list[float]]:
    """Path sums at the last common nodes of all pairs, by comparing whole paths."""
    out = []
    for u in rows:
        mine = path_to_root(parent, u)
        out.append([next((sums[v] for v in mine if v in set(path_to_root(parent, w))), 0.0) for w in columns])
    return out


def residual_risk(
    parent: Sequence[int],
    variance: Sequence[float],
    train: Sequence[int],
    train_scale: Sequence[float],
    test: int,
    test_scale: float,
    weights: Sequence[float],
) -> float:
    """Variance of y_test − Σ weights·y, one test point at a time, added from the last node to the first."""
    below = [0.0] * len(parent)
    for u, scale, weight in zip(train, train_scale, weights, strict=True):
        below[u] -= weight * scale
    below[test] += test_scale
    total = 0.0
    for u in range(len(parent) - 1, -1, -1):
        total += variance[u] * (below[u] * below[u])
        if parent[u] >= 0:
            below[parent[u]] += below[u]
    return total


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


def yule_simon_numbers(n: int, opens: float, joins: float, largest: int) -> list[float]:
    """Mean numbers of clusters of every size after n points, every size at every step."""
    expected = [0.0] * (largest + 1)
    expected[1] = 1.0
    for points in range(1, n):
        rate = joins / points
        before = list(expected)
        for s in range(1, largest + 1):
            expected[s] = before[s] + rate * ((s - 1) * before[s - 1] - s * before[s])
        expected[1] += opens
    return expected
