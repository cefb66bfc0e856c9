"""Trees of some of the points, one path at a time: which nodes stay, over which a path runs, what it sums to."""

from __future__ import annotations

import itertools

from fractalman.trees import Hierarchy


def path(parent: list[int], node: int) -> list[int]:
    """Return a node and its ancestors, the root last."""
    out = [node]
    while parent[out[-1]] >= 0:
        out.append(parent[out[-1]])
    return out


def subclusters(h: Hierarchy, rows: list[int]) -> dict[int, set[int]]:
    """Return for every latent of the whole the new numbers of the points that are left below it."""
    parent = h.parent.tolist()
    below: dict[int, set[int]] = {node: set() for node in range(h.n_points, h.n_nodes)}
    for number, row in enumerate(rows):
        for node in path(parent, row)[1:]:
            below[node].add(number)
    return below


def collapsed_paths(parent: list[int], leaves: list[int]) -> list[list[list[int]]]:
    """Return every leaf's path, from the root down, as runs of nodes that become one when chains are joined.

    A run goes on until a node at which a path ends or several children with leaves below them begin.
    """
    paths = [path(parent, leaf)[::-1] for leaf in leaves]
    children: dict[int, set[int]] = {}
    for nodes in paths:
        for above, node in itertools.pairwise(nodes):
            children.setdefault(above, set()).add(node)
    ends = set(leaves)
    out = []
    for nodes in paths:
        runs: list[list[int]] = [[]]
        for node in nodes:
            runs[-1].append(node)
            if node in ends or len(children.get(node, ())) > 1:
                runs.append([])
        out.append([run for run in runs if run])
    return out
