"""Breadth-first search in plain Python."""

from __future__ import annotations

from collections import deque

from fractalman._typing import I64


def distances_from(edges: I64, n_points: int, source: int) -> tuple[list[int], list[int]]:
    """Edges from ``source`` to every point (−1 out of reach), and the reached points in search order."""
    near: list[list[int]] = [[] for _ in range(n_points)]
    for a, b in edges.tolist():
        near[a].append(b)
        near[b].append(a)
    distance = [-1] * n_points
    distance[source] = 0
    waiting, reached = deque([source]), [source]
    while waiting:
        v = waiting.popleft()
        for w in near[v]:
            if distance[w] < 0:
                distance[w] = distance[v] + 1
                waiting.append(w)
                reached.append(w)
    return distance, reached
