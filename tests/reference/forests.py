"""The kernels of forests, cut trees, cluster sizes and Bethe trees in the plainest Python, with the same draws."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from fractalman.random.streams import Role, key64
from tests.reference import geometry as _reference
from tests.reference import streams as plain


def cut_tree(edges: Sequence[tuple[int, int]], n: int, seed: int) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Return (edges, parent, size) of `forest.cut_tree` by removing the edges one by one and walking the fragments.

    O(n²): what is removed last was joined first, so the edge joined at time t splits a fragment of the forest that has
    edges 0 … t into two of the forest that has edges 0 … t − 1.
    """
    joined = [edges[e] for e in plain.permutation(key64(seed, Role.CUT), len(edges))]

    def fragment(first: int, kept: int) -> frozenset[int]:
        seen, waiting = {first}, [first]
        while waiting:
            u = waiting.pop()
            near = [b if a == u else a for a, b in joined[:kept] if u in (a, b)]
            waiting += [v for v in near if v not in seen]
            seen.update(near)
        return frozenset(seen)

    splits = [(fragment(u, t + 1), fragment(u, t), fragment(v, t)) for t, (u, v) in enumerate(joined)]
    when = {whole: t for t, (whole, _, _) in enumerate(splits)}
    by_size = sorted(range(len(splits)), key=lambda t: (-len(splits[t][0]), -t))
    rank = {t: n + k for k, t in enumerate(by_size)}
    parent, size = [-1] * (n + len(splits)), [1] * (n + len(splits))
    for t, (whole, *sides) in enumerate(splits):
        size[rank[t]] = len(whole)
        for side in sides:
            parent[rank[when[side]] if len(side) > 1 else min(side)] = rank[t]
    return joined, parent, size


def critical_forest(sizes: Sequence[int], seed: int) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Return (edges, parent, size) of `forest.critical_forest` from one `critical_cluster` after the other."""
    n, start = sum(sizes), 0
    edges: list[tuple[int, int]] = []
    latents: list[tuple[int, int, int]] = []  # size, cluster, number in the cluster
    above: dict[tuple[int, int], int] = {}  # (cluster, latent) or (-1, point) → number of the parent in its cluster
    for c, s in enumerate(sizes):
        own_edges, own_parent, own_size = _reference.critical_cluster(s, seed, c)
        edges += [(start + u, start + v) for u, v in own_edges]
        for u in range(2 * s - 1):
            above[(-1, start + u) if u < s else (c, u)] = own_parent[u]
        latents += [(own_size[u], c, u) for u in range(s, 2 * s - 1)]
        start += s
    latents.sort(key=lambda latent: (-latent[0], -latent[1], latent[2]))
    rank = {(c, u): n + k for k, (_, c, u) in enumerate(latents)}
    of_point = [c for c, s in enumerate(sizes) for _ in range(s)]
    parent = [rank.get((of_point[i], above[-1, i]), -1) for i in range(n)]
    parent += [rank.get((c, above[c, u]), -1) for _, c, u in latents]
    return edges, parent, [1] * n + [s for s, _, _ in latents]


def branching_sizes(
    key: int, root: Sequence[float], child: Sequence[float], number: bool, giant_share: float, total: int, places: int
) -> tuple[list[int], tuple[int, int, int]]:
    """Return (sizes, outcome) of `_cluster_kernels.branching_sizes`: every family as a list of brothers to be asked."""
    counter, left = 0, total
    sizes: list[int] = []
    redrawn, restricted, again = 0, 0, False

    def uniform() -> float:
        nonlocal counter
        counter += 1
        return plain.draw_uniform(key, counter - 1)

    while left and len(sizes) < places:
        u = uniform()
        if not number and not again and u < giant_share:
            return [*sizes, left], (redrawn, restricted, len(sizes))
        waiting, s = [root], 0
        while waiting:
            law = waiting.pop()
            s += 1
            if u * s >= 1.0 if number else s > left:
                break
            v = uniform()
            waiting += [child] * next((k for k, c in enumerate(law[:-1]) if v < c), len(law) - 1)
        if number and u * s >= 1.0:
            continue
        again = s > left
        if again:
            restricted = restricted if redrawn else left
            redrawn += 1
            continue
        sizes.append(s)
        left -= s
    return sizes, (redrawn, restricted, -1)


def ends(key: int, counter: int, p: float, s: int) -> bool:
    """An event of probability p/(1 + s(1−p)), in integers at 1/3."""
    if p == 1.0 / 3.0:
        return plain.draw_below(key, counter, 2 * s + 3) == 0
    return plain.draw_uniform(key, counter) * (1.0 + s * (1.0 - p)) < p


def waiting_sizes(key: int, p: float, total: int, places: int) -> tuple[list[int], tuple[int, int, int]]:
    """Sizes by the length of a run without an end, until they fill ``total``."""
    counter, left = 0, total
    sizes: list[int] = []
    redrawn, restricted = 0, 0
    while left and len(sizes) < places:
        run = 1
        for run in range(1, left + 2):
            if run > left:
                break
            counter += 1
            if ends(key, counter - 1, p, run):
                break
        else:
            raise AssertionError
        if run > left:
            counter += 1
            restricted = restricted if redrawn else left
            redrawn += 1
            continue
        sizes.append(run)
        left -= run
    return sizes, (redrawn, restricted, -1)


def yule_simon_process(key: int, p: float, n: int) -> list[int]:
    """Sizes of the clusters in the order in which they were opened."""
    clusters: list[list[int]] = []
    for i in range(n):
        if i == 0 or ends(key, 2 * i, p, 0):
            clusters.append([i])
        else:
            friend = plain.draw_below(key, 2 * i + 1, i)
            next(c for c in clusters if friend in c).append(i)
    return [len(c) for c in clusters]


def bethe_tree(key: int, z: int, sites: int) -> list[tuple[int, int]]:
    """Edges of `_cluster_kernels.bethe_tree`: try every rotation, keep those that are walks, take the drawn one."""
    m = sites - 1
    length, missing = m * (z - 1) + z, m
    filled = []
    for j in range(length):
        filled.append(plain.draw_below(key, j, length - j) < missing)
        missing -= filled[-1]
    walks = []
    for start in range(length):
        turned = filled[start:] + filled[:start]
        heights = list(accumulate((z - 2 if f else -1) for f in turned))
        if min(heights) == heights[-1] == -z and heights.index(-z) == length - 1:
            before = sum(z - 2 if f else -1 for f in filled[:start])
            # the walk that starts after j steps starts at level (height after j steps); start 0 is after all of them
            walks.append((before if start else -z, turned))
    assert len(walks) == z
    turned = sorted(walks)[plain.draw_below(key, length, z)][1]
    edges: list[tuple[int, int]] = []
    slots = iter(turned)
    made = 0

    def walk(site: int, places: int) -> None:
        nonlocal made
        for _ in range(places):
            if next(slots):
                made += 1
                edges.append((site, made))
                walk(made, z - 1)

    walk(0, z)
    return edges


def bethe_edges(sizes: Sequence[int], z: int, seed: int) -> list[tuple[int, int]]:
    """Edges of `bethe.bethe_trees` where no cluster is infinite."""
    edges: list[tuple[int, int]] = []
    start = 0
    for c, s in enumerate(sizes):
        if s > 1:
            label = plain.permutation(key64(seed, Role.ORDER, c), s)
            tree = bethe_tree(plain.derive(key64(seed, Role.SHAPE), c), z, s)
            edges += [(start + label[u], start + label[v]) for u, v in tree]
        start += s
    return edges


def minimum_spanning_forest(edges: Sequence[tuple[int, int]], weight: Sequence[int]) -> list[tuple[int, int]]:
    """The edges whose ends no lighter edges join, by rising weight; weights are distinct."""
    chosen = []
    for w, (a, b) in sorted(zip(weight, edges, strict=True)):
        joined, grows = {a}, True
        while grows:
            near = {v for x, e in zip(weight, edges, strict=True) if x < w and joined & set(e) for v in e}
            grows = not near <= joined
            joined |= near
        if b not in joined:
            chosen.append((a, b))
    return chosen
