"""The walks of `fractalman.trees._kernels` in the plainest Python."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate


def depth(parent: Sequence[int], node: int) -> int:
    """Number of ancestors, by climbing."""
    above = 0
    while parent[node] >= 0:
        node = parent[node]
        above += 1
    return above


def path(parent: Sequence[int], node: int) -> list[int]:
    """Nodes from the root down to ``node``."""
    out = [node]
    while parent[out[-1]] >= 0:
        out.append(parent[out[-1]])
    return out[::-1]


def path_sum(parent: Sequence[int], value: Sequence[float], node: int) -> float:
    """Sum of ``value`` from the root down to ``node``, in that order."""
    total = 0.0
    for i, u in enumerate(path(parent, node)):
        total = value[u] if i == 0 else total + value[u]
    return total


def lowest_common_ancestor(parent: Sequence[int], a: int, b: int) -> int:
    """The last node that the two paths share, −1 if none."""
    shared = -1
    for u, v in zip(path(parent, a), path(parent, b), strict=False):
        if u != v:
            break
        shared = u
    return shared


def feature_rows(parent: Sequence[int], n_points: int, columns: int) -> list[list[int]]:
    """For every point the latents above it, as ascending column numbers below ``columns``."""
    return [sorted(u - n_points for u in path(parent, i)[:-1] if u - n_points < columns) for i in range(n_points)]


def contiguous_order(parent: Sequence[int], n_points: int) -> tuple[list[int], list[tuple[int, int]]]:
    """Return the points in contiguous order and every node's (start, stop), by walking down from the roots."""
    m = len(parent)
    below: dict[int, list[int]] = {u: [] for u in range(-1, m)}
    for u in [*range(n_points, m), *range(n_points)]:
        below[parent[u]].append(u)
    points: list[int] = []
    ranges = [(0, 0)] * m

    def visit(u: int) -> None:
        first = len(points)
        if u < n_points:
            points.append(u)
        for v in below[u]:
            visit(v)
        ranges[u] = first, len(points)

    for root in below[-1]:
        visit(root)
    return points, ranges


def cut(parent: Sequence[int], size: Sequence[int], n_points: int, most: int) -> list[int]:
    """Return the node of every point's fragment."""
    out = []
    for point in range(n_points):
        small = [u for u in path(parent, point) if size[u] <= most]
        out.append(small[0])
    return out


def adjacency(edges: Sequence[tuple[int, int]], n_points: int) -> tuple[list[int], list[int]]:
    """(start, neighbour) lists of a graph."""
    near: list[list[int]] = [[] for _ in range(n_points)]
    for a, b in edges:
        near[a].append(b)
        near[b].append(a)
    return [0, *accumulate(map(len, near))], [v for row in near for v in row]
