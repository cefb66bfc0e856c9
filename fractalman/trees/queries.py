"""Questions to a hierarchy: ranges of points, ancestors, lowest common ancestors, cuts at a size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import I64
from fractalman.config import is_integer, shown
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.trees import _kernels, _range_kernels
from fractalman.trees.trees import depths, topological_order

_WORTH_A_TABLE = 8  # steps of climbing that cost as much as a node's share of the table of heavy paths


@dataclass(frozen=True)
class PointOrder(Display):
    """An order of the points in which those of every node stand side by side.

    Parameters
    ----------
    points : (n,) int64
        points[place] = the point that stands there; ``X[points]`` has contiguous subclusters.
    place : (n,) int64
        place[point] = where it stands; the inverse of ``points``.
    start : (n_nodes,) int64
        Where the points of a node begin in ``points``.
    stop : (n_nodes,) int64
        Where they end: those of node u are points[start[u]:stop[u]].
    """

    points: I64
    place: I64
    start: I64
    stop: I64


@dataclass(frozen=True)
class Cut(Display):
    """The partition of the points into fragments, the largest subclusters of at most ``size`` points.

    Parameters
    ----------
    size : int
        s, in points.
    node : (n_fragments,) int64
        Hierarchy node of every fragment, rising: single points first, then latents.
    fragment : (n_points,) int64
        The fragment of every point, 0 … n_fragments − 1.
    count : (n_fragments,) int64
        Points in every fragment, 1 ≤ count ≤ s.
    """

    size: int
    node: I64
    fragment: I64
    count: I64


class CommonAncestors:
    """Lowest common ancestors of any forest: O(m) to prepare, O(m) memory, at most log2(m) + 1 steps for a pair.

    Every node's path to its root crosses at most log2(m) + 1 heavy paths (Sleator & Tarjan 1983), and a pair climbs
    these whole, however deep the forest is.

    Parameters
    ----------
    parent : (m,) int64
        −1 at roots.
    depth : (m,) int64 or None, default None
        Numbers of ancestors, counted when left out.

    Raises
    ------
    RecipeError
        If the column is no forest.
    """

    def __init__(self, parent: I64, depth: I64 | None = None) -> None:
        self.parent = np.ascontiguousarray(parent, np.int64)
        order = topological_order(self.parent)
        self.depth = depths(self.parent, order) if depth is None else np.ascontiguousarray(depth, np.int64)
        self.head = np.empty(self.parent.size, np.int64)
        _range_kernels.heavy_heads(self.parent, order, self.head)

    def of(self, a: I64, b: I64) -> I64:
        """Return the deepest node above (or equal to) both of each pair, −1 where they share none.

        Parameters
        ----------
        a : (pairs,) int64
            Node ids.
        b : (pairs,) int64
            Node ids.

        Returns
        -------
        (pairs,) int64
            Node ids, −1 where a pair shares none.

        Raises
        ------
        RecipeError
            For ids outside the forest.
        """
        a, b = (np.ascontiguousarray(np.atleast_1d(x), np.int64) for x in (a, b))
        if a.shape != b.shape or a.ndim != 1:
            raise RecipeError(f"a {a.shape} and b {b.shape}: expected two lists of node ids, equally long")
        for name, ids in (("a", a), ("b", b)):
            check_nodes(name, ids, self.parent.size)
        out = np.empty(a.size, np.int64)
        block = max(1024, -(-a.size // 16))
        run_tasks(
            _range_kernels.common_ancestors,
            [
                (self.parent, self.depth, self.head, a[s : s + block], b[s : s + block], out[s : s + block])
                for s in range(0, a.size, block)
            ],
        )
        return out


def lowest_common_ancestors(parent: I64, depth: I64, a: I64, b: I64) -> I64:
    """Return the deepest node above (or equal to) both nodes of each pair, −1 where they share none.

    Few pairs climb node by node; many pay for a table of heavy paths first and then take log2(m) steps each.

    Parameters
    ----------
    parent : (m,) int64
        −1 at roots.
    depth : (m,) int64
        Numbers of ancestors.
    a : (pairs,) int64
        Node ids.
    b : (pairs,) int64
        Node ids, equally many.

    Returns
    -------
    (pairs,) int64
        Node ids, −1 where a pair shares none.
    """
    a, b = np.ascontiguousarray(a, np.int64), np.ascontiguousarray(b, np.int64)
    if a.size * int(depth.max(initial=0)) > _WORTH_A_TABLE * parent.size:
        return CommonAncestors(parent, depth).of(a, b)
    out = np.empty(a.size, np.int64)
    block = max(1024, -(-a.size // 16))
    run_tasks(
        _kernels.lowest_common_ancestors,
        [(parent, depth, a[s : s + block], b[s : s + block], out[s : s + block]) for s in range(0, a.size, block)],
    )
    return out


def check_nodes(name: str, ids: I64, n_nodes: int) -> None:
    """Raise RecipeError when node ids leave 0 … n_nodes − 1."""
    if ids.size and not (ids.min() >= 0 and ids.max() < n_nodes):
        raise RecipeError(f"{name} names node {ids.min() if ids.min() < 0 else ids.max()}: expected 0 to {n_nodes - 1}")


def contiguous_order(parent: I64, size: I64, n_points: int) -> PointOrder:
    """Return the order in which the points of every node are one range.

    Args:
        parent, size: (n_nodes,) int64 hierarchy columns. n_points: number of points n.
    Errors: RecipeError when sizes and parents contradict each other.
    """
    start, points = np.empty(parent.size, np.int64), np.full(n_points, -1, np.int64)
    _range_kernels.contiguous_ranges(parent, size, n_points, start, points)
    if n_points and points.min() < 0:
        raise RecipeError("the hierarchy's sizes do not count the points below its nodes: check the file's columns")
    place = np.empty(n_points, np.int64)
    place[points] = np.arange(n_points)
    return PointOrder(points, place, start, start + size)


def ancestors(parent: I64, node: int) -> I64:
    """Return the nodes above ``node``, its parent first and its root last, int64."""
    check_nodes("node", np.array([node]), parent.size)
    out = []
    above = int(parent[node])
    while above >= 0:
        out.append(above)
        above = int(parent[above])
    return np.array(out, np.int64)


def cut_at_size(parent: I64, size: I64, n_points: int, most: int) -> Cut:
    """Return the partition of the points into the largest subclusters of at most ``most`` points.

    Args:
        parent, size: (n_nodes,) int64 hierarchy columns. n_points: number of points n. most: s ≥ 1.
    Errors: RecipeError for s < 1.
    """
    if not is_integer(most) or int(most) < 1:
        raise RecipeError(f"size = {shown(most)}: expected a number of points from 1 up")
    of = np.empty(parent.size, np.int64)
    _range_kernels.cut(parent, size, min(int(most), n_points), n_points, of)
    node, fragment = np.unique(of[:n_points], return_inverse=True)
    return Cut(int(most), node, fragment.astype(np.int64).reshape(-1), size[node])
