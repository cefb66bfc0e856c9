"""The kernels of `_kernels` and the cascade's paths in the plainest Python, consuming the same random numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, cast

from fractalman.random.streams import Role, key64
from tests.reference import streams as plain


def critical_cluster(n: int, seed: int, cluster: int = 0) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Return (edges, parent, size) of `coalescent.critical_cluster` by moving whole blocks about."""
    label = plain.permutation(key64(seed, Role.ORDER, cluster), n)
    key = key64(seed, Role.COALESCENT, cluster)
    blocks: list[tuple[list[int], object]] = [([site], site) for site in range(n)]  # ring of (sites, nested pair)
    edges = []
    merges: list[tuple[int, int, object]] = []  # size, time, nested pair
    for t in range(n - 1):
        u = plain.draw_below(key, 2 * t, n)
        at = next(k for k, (sites, _) in enumerate(blocks) if u in sites)
        following = (at + 1) % len(blocks)
        sites_a, tree_a = blocks[at]
        sites_b, tree_b = blocks[following]
        v = sites_b[plain.draw_below(key, 2 * t + 1, len(sites_b))]
        edges.append((label[u], label[v]))
        merged = (sites_a + sites_b, (t, tree_a, tree_b))
        merges.append((len(merged[0]), t, merged[1]))
        blocks[at] = merged
        del blocks[following]
    rank = {t: n + k for k, (_, t, _) in enumerate(sorted(merges, key=lambda m: (-m[0], -m[1])))}
    parent = [-1] * (2 * n - 1)
    size = [1] * (2 * n - 1)
    for s, t, tree in merges:
        size[rank[t]] = s
        _, *below = cast("tuple[Any, ...]", tree)
        for node in below:
            parent[rank[node[0]] if isinstance(node, tuple) else label[node]] = rank[t]
    return edges, parent, size


def rooted_parents(edges: Sequence[tuple[int, int]], n: int, root: int) -> list[int]:
    """Parents of the tree ``edges`` seen from ``root``, by walking outwards."""
    parent = [-1] * n
    seen, shell = {root}, [root]
    while shell:
        shell = [
            v
            for u in shell
            for a, b in edges
            for v, w in ((a, b), (b, a))
            if w == u and v not in seen and not seen.add(v) and not parent.__setitem__(v, u)  # type: ignore[func-returns-value]
        ]
    return parent


def cascade_path(
    point: int, levels: int, branching: Sequence[int], seed: int, masses: Sequence[Sequence[float]] | None = None
) -> tuple[list[int], list[int]]:
    """Return (digits, addresses) of one cascade point: `CascadePaths.block` for a single row."""
    branching_key = key64(seed, Role.BRANCHING)
    path_key = plain.derive(key64(seed, Role.PATH), point)
    addresses = [branching_key]
    digits = []
    for level in range(levels):
        kind = plain.draw_below(addresses[-1], 0, len(branching))
        if masses is None:
            digits.append(plain.draw_below(path_key, level, branching[kind]))
        else:
            u = plain.draw_uniform(path_key, level)
            digits.append(sum(u >= below for below in list(accumulate(masses[kind]))[:-1]))
        addresses.append(plain.derive(addresses[-1], digits[-1]))
    return digits, addresses


def manifold_point(point: int, kind: str, dim: int, seed: int) -> list[float]:
    """One point of `manifold.manifold_points`."""
    own = plain.derive(key64(seed, Role.POSITION), point)
    if kind == "cube":
        return [math.sqrt(12.0 / dim) * (plain.draw_uniform(own, j) - 0.5) for j in range(dim)]
    group, radius = (dim + 1, 1.0) if kind == "sphere" else (2, math.sqrt(1.0 / dim))
    out = []
    for start in range(0, dim + 1 if kind == "sphere" else 2 * dim, group):
        g = [plain.draw_normal(own, j) for j in range(start, start + group)]
        square = 0.0
        for x in g:
            square += x * x
        out += [radius / math.sqrt(square) * x for x in g]
    return out
