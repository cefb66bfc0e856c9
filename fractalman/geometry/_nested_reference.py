"""Nested growth in the plainest Python: vertex after vertex finds its way down, with exact rational laws."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import factorial

from fractalman.seeds import Role, draw_twin, key64


def base_law(n: int) -> list[Fraction]:
    """P(base has s vertices), s = 1 … n−1, in a tree of n: t_s a_(n−s)/((n−1) t_n), t_k = k^(k−1)/k!, a_k = k·t_k."""

    def trees(k: int) -> Fraction:
        return Fraction(k ** (k - 1), factorial(k))

    def pointed(k: int) -> Fraction:
        return Fraction(k**k, factorial(k))

    return [trees(s) * pointed(n - s) / ((n - 1) * trees(n)) for s in range(1, n)]


def base_size(n: int, u: Fraction) -> int:
    """The size of the base at quantile u: the smallest s with P(base ≤ s) > u."""
    total = Fraction(0)
    for s, p in enumerate(base_law(n), 1):
        total += p
        if total > u:
            return s
    raise AssertionError("u < 1")


@dataclass
class Cell:
    """A tree of ``size`` vertices; from two on it is a base, with the same root, and a branch that hangs on that."""

    root: int
    size: int = 1
    u: Fraction = Fraction(0)
    base: Cell | None = None
    branch: Cell | None = None


def nested_parents(n: int, seed: int, cluster: int = 0) -> list[int]:
    """Return the parent of every vertex in order of birth."""
    key = key64(seed, Role.NESTED_TREE, cluster)
    parent, whole = [-1], Cell(0)
    for v in range(1, n):
        cell = whole
        while cell.size > 1:
            assert cell.base is not None
            assert cell.branch is not None
            cell.size += 1
            cell = cell.base if base_size(cell.size, cell.u) > cell.base.size else cell.branch
        cell.size, cell.u = 2, Fraction(draw_twin(key, v) >> 11, 1 << 53)
        cell.base, cell.branch = Cell(cell.root), Cell(v)
        parent.append(cell.root)
    return parent


def cut_tree(edges: list[tuple[int, int]], mark: list[int], n: int) -> tuple[list[int], list[int]]:
    """Return (parent, size) of the hierarchy that removing edges by falling mark makes."""
    node: list[set[int]] = []

    def component(start: int, alive: set[int]) -> set[int]:
        seen, waiting = {start}, [start]
        while waiting:
            u = waiting.pop()
            for e in alive:
                for a, b in (edges[e], edges[e][::-1]):
                    if a == u and b not in seen:
                        seen.add(b)
                        waiting.append(b)
        return seen

    by_mark = sorted(range(n - 1), key=lambda e: mark[e], reverse=True)  # as they are removed
    alive = set(range(n - 1))
    for e in by_mark:
        node.append(component(edges[e][0], alive))
        alive.discard(e)
    ranked = sorted(range(n - 1), key=lambda k: (-len(node[k]), k))  # ties: later merged = earlier removed
    blocks = [node[k] for k in ranked]
    size = [1] * n + [len(b) for b in blocks]
    parent = []
    for member in [{i} for i in range(n)] + blocks:
        above = [n + k for k, b in enumerate(blocks) if member < b]
        parent.append(max(above, default=-1))
    return parent, size
