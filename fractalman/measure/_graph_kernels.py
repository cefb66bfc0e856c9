"""Kernel of the distances in graphs."""

from __future__ import annotations

from fractalman._jit import kernel
from fractalman._typing import I64


@kernel
def fill_distances(start: I64, neighbour: I64, source: int, distance: I64, queue: I64) -> int:
    """Breadth-first search: distance[v] in edges from ``source``, −1 out of reach; returns how many were reached.

    ``queue`` holds the reached points in the order of the search.
    """
    distance[:] = -1
    distance[source] = 0
    queue[0] = source
    head, tail = 0, 1
    while head < tail:
        v = queue[head]
        head += 1
        for k in range(start[v], start[v + 1]):
            w = neighbour[k]
            if distance[w] < 0:
                distance[w] = distance[v] + 1
                queue[tail] = w
                tail += 1
    return tail
