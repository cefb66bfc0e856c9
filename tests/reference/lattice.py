"""Percolation on a box in the plainest Python, consuming the same random numbers as `lattice`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from fractalman.random.streams import Role, key64
from tests.reference import streams as plain


def neighbours(shape: Sequence[int], periodic: bool) -> list[tuple[int, int, int]]:
    """Every (site, next site along axis k, k), sites numbered row by row."""
    sites = list(itertools.product(*map(range, shape)))
    number = {x: s for s, x in enumerate(sites)}
    pairs = []
    for x in sites:
        for k, length in enumerate(shape):
            if x[k] + 1 < length or periodic:
                y = (*x[:k], (x[k] + 1) % length, *x[k + 1 :])
                pairs.append((number[x], number[y], k))
    return pairs


def occupied(
    shape: Sequence[int], percolation: str, occupation: float, periodic: bool, seed: int
) -> tuple[list[int], list[tuple[int, int]]]:
    """(occupied sites, occupied bonds), both ascending."""
    key = key64(seed, Role.OCCUPATION)
    count = 1
    for length in shape:
        count *= length
    every = neighbours(shape, periodic)
    if percolation == "site":
        there = [s for s in range(count) if plain.draw_uniform(key, s) < occupation]
        return there, [(s, t) for s, t, _ in every if s in set(there) and t in set(there)]
    bonds = [(s, t) for s, t, k in every if plain.draw_uniform(key, s * len(shape) + k) < occupation]
    return list(range(count)), bonds


def components(there: Sequence[int], bonds: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Connected sets of sites, each ascending, by first site: relabelling until nothing changes."""
    label = {s: s for s in there}
    changed = True
    while changed:
        changed = False
        for s, t in bonds:
            low = min(label[s], label[t])
            changed = changed or label[s] != low or label[t] != low
            label[s] = label[t] = low
    return [[s for s in there if label[s] == first] for first in sorted(set(label.values()))]


def clusters(
    shape: Sequence[int], percolation: str, occupation: float, periodic: bool, seed: int, kept: str
) -> tuple[list[int], list[int], list[tuple[int, int]]]:
    """(site of every point, sizes, edges) of `Lattice.clusters`."""
    there, bonds = occupied(shape, percolation, occupation, periodic, seed)
    ranked = sorted(components(there, bonds), key=lambda sites: (-len(sites), sites[0]))
    ranked = ranked[:1] if kept == "largest" else ranked
    site: list[int] = []
    for rank, inside in enumerate(ranked):
        key = plain.derive(key64(seed, Role.ORDER), rank)
        for i in range(len(inside) - 1, 0, -1):
            j = plain.draw_below(key, i, i + 1)
            inside[i], inside[j] = inside[j], inside[i]
        site += inside
    point = {s: i for i, s in enumerate(site)}
    return site, [len(c) for c in ranked], [(point[s], point[t]) for s, t in bonds if s in point]


def shortest_path_forest(
    edges: Sequence[tuple[int, int]], size: Sequence[int], seed: int
) -> tuple[list[int], list[int]]:
    """(parent, distance) of `lattice.shortest_path_forest`, shell by shell."""
    n = sum(size)
    near: list[list[int]] = [[] for _ in range(n)]
    for a, b in edges:
        near[a].append(b)
        near[b].append(a)
    root_key, parent_key = key64(seed, Role.LATTICE_TREE, 0), key64(seed, Role.LATTICE_TREE, 1)
    parent, distance = [-1] * n, [-1] * n
    first = 0
    for c, members in enumerate(size):
        shell = [first + plain.draw_below(root_key, c, members)]
        first += members
        far = 0
        while shell:
            for v in shell:
                distance[v] = far
            shell = sorted({w for v in shell for w in near[v] if distance[w] < 0})
            far += 1
    for v in range(n):
        if distance[v] > 0:
            nearer = [w for w in near[v] if distance[w] == distance[v] - 1]
            parent[v] = nearer[plain.draw_below(parent_key, v, len(nearer))]
    return parent, distance


def bond_weights(
    shape: Sequence[int], percolation: str, periodic: bool, seed: int, pairs: Sequence[tuple[int, int]]
) -> list[int]:
    """The weights of bonds given as (site, next site along an axis)."""
    key = key64(seed, Role.OCCUPATION) if percolation == "bond" else key64(seed, Role.LATTICE_TREE, 2)
    axis = {(s, t): k for s, t, k in neighbours(shape, periodic)}
    return [plain.draw(key, s * len(shape) + axis[s, t]) for s, t in pairs]
