"""The branching random walk block by block: the bytes of `cluster`, of any cluster size, without holding them all.

Small clusters are laid out whole, a few at a time. A large one is laid out along its hierarchy: points are renumbered
so that every subcluster is a range and a point comes after its parent in the edge tree, so that one pass makes
directions and positions together. What a later subcluster needs of earlier ones, a direction and a position, waits on
the stack of the descent, which is as deep as the hierarchy above the subcluster: about √n for critical clusters. Rows
of a large cluster so come out in the order of places, in no order of their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from fractalman._instructions import LANES
from fractalman._threads import run_tasks
from fractalman._typing import F32, I64, AnyInt
from fractalman.families._forests import _embedding_kernels as _kernels
from fractalman.families._forests import _walk_kernels
from fractalman.random.streams import Role, key64

_TASKS = 32
"""Subclusters that make a block are at most 1/32 of it, so that the threads share it."""


class ForestWalk:
    """Clusters to be laid out, and the 16 to 24 bytes a point that this needs.

    Args:
        n_points: number of points n. dim: dimension d ≥ 2.
        parent, size: (2n−K,) integer columns of the binary hierarchies.
        tops: (K,) int64, the top node of every cluster, largest cluster first.
        tree_parent, tree_order: the edge trees seen from their roots (`geometry.rooted_order`); overwritten.
        step: length of an edge. ball: radius of the ball of origins; 0 = every origin is 0.
        seed: embedding seed. rows: most rows of a block.
    """

    def __init__(
        self, n_points: int, dim: int, parent: AnyInt, size: AnyInt, tops: I64, tree_parent: AnyInt, tree_order: AnyInt,
        step: float, ball: float, seed: int, rows: int,
    ) -> None:  # fmt: skip
        n, latents = n_points, parent.size - n_points
        small = np.dtype(np.int32 if 2 * n < 1 << 31 else np.int64)
        self.shape = (n, dim)
        self._rows, self._latents, self._tops = rows, latents, tops
        self._step, self._ball = np.float32(step), np.float32(ball)
        self._direction, self._origin = np.uint64(key64(seed, Role.DIRECTION, 0)), np.uint64(key64(seed, Role.ORIGIN))
        self._tree_parent, self._tree_order = tree_parent, tree_order
        self._children = np.empty((latents, 2), small)
        _kernels.children_of_latents(parent, n, self._children)
        self._size = np.asarray(size, small)
        self._starts = np.concatenate([[0], np.cumsum(size[tops])])
        self._place = self._low = self._point_at = np.empty(0, small)
        if self._large(0):
            self._place, self._low = np.empty(n, small), np.empty(latents, small)
            _walk_kernels.leaf_places(
                n, self._children, self._size, tree_order, tops, self._starts, self._low, self._place
            )
            # By place, roots and parents come first as well: one array serves as both orders.
            self._point_at = np.asarray(tree_order, small)
            _walk_kernels.points_at(self._place, self._point_at)
            self._tree_order = self._point_at

    def _large(self, cluster: int) -> bool:
        return int(self._starts[cluster + 1] - self._starts[cluster]) > self._rows // 4

    def groups(self) -> Iterator[tuple[int, int]]:
        """Yield (first, stop) of consecutive clusters: one large cluster, or small ones of at most a block of points.

        Clusters come by size, so the large ones come first.
        """
        cluster, clusters = 0, self._tops.size
        while cluster < clusters and self._large(cluster):
            yield cluster, cluster + 1
            cluster += 1
        while cluster < clusters:
            stop = int(np.searchsorted(self._starts, self._starts[cluster] + self._rows, side="right")) - 1
            yield cluster, stop
            cluster = stop

    def points(self, first: int, stop: int) -> tuple[int, int]:
        """Return the first point of cluster ``first`` and the one after the last of cluster ``stop`` − 1."""
        return int(self._starts[first]), int(self._starts[stop])

    def blocks(self, first: int, stop: int) -> Iterator[tuple[I64, F32]]:
        """Yield (point numbers, their rows) of a group: in order for small clusters, in no order for a large one."""
        if stop - first == 1 and self._large(first):
            yield from self._of_large(first)
        else:
            begin, end = self.points(first, stop)
            yield np.arange(begin, end), self._of_small(first, stop)

    # ------------------------------------------------------------------------------------------------ small clusters

    def _of_small(self, first: int, stop: int) -> F32:
        n, d = self.shape
        begin, end = self.points(first, stop)
        out = np.empty((end - begin, d), np.float32)

        def work(a: int, b: int) -> None:
            start, after = self.points(a, b)
            tops = self._tops[a:b]
            _walk_kernels.spread_whole(self._direction, n, self._latents, self._children, tops, a, begin, out)
            order = self._tree_order[start:after]
            roots = order[self._starts[a:b] - start].astype(np.int64) - begin
            _kernels.place_roots(self._origin, roots, a, self._step, self._ball, out)
            _walk_kernels.walk_whole(out, begin, self._tree_parent, order, self._step)

        share = np.arange(1, _TASKS) * ((end - begin) / _TASKS) + begin
        cuts = np.searchsorted(self._starts[first:stop], share) + first
        run_tasks(work, [(a, b) for a, b in pairwise([first, *cuts.tolist(), stop]) if b > a])
        return out

    # ------------------------------------------------------------------------------------------------ a large cluster

    def _of_large(self, cluster: int) -> Iterator[tuple[I64, F32]]:
        d, step = self.shape[1], self._step
        begin, end = self.points(cluster, cluster + 1)
        most = min(self._rows, end - begin)
        stack = _Stack(64, d)
        stack.waiting[0] = self._tops[cluster]
        h = (d + 1) // 2
        _kernels.unit_vector(self._direction, np.uint64((self._latents + cluster) * h), stack.vectors[0, :d])
        if self._ball > 0:
            _kernels.ball_point(self._origin, np.uint64(cluster * ((d + 3) // 2)), stack.bases[0])
            stack.bases[0] *= self._ball
        height, place = 1, begin
        nodes = np.empty(max(_TASKS, most // 4), np.int64)
        vectors, bases = (np.empty((nodes.size, d), np.float32) for _ in range(2))
        while place < end:
            made = points = 0
            while True:
                height, tasks, more = _walk_kernels.next_tasks(
                    self._direction, self._children, self._size, self._place, self._low, max(1, most // _TASKS),
                    most - points, height, stack.waiting, stack.vectors, stack.bases, nodes[made:], vectors[made:],
                    bases[made:],
                )  # fmt: skip
                made, points = made + tasks, points + more
                if height >= 0:
                    break
                height = stack.waiting.size
                stack = stack.doubled()
            out = np.empty((points, d), np.float32)
            self._spread(nodes[:made], vectors[:made], place, out)
            _walk_kernels.walk_tasks(
                out, place, self._size, nodes[:made], bases, self._tree_parent, self._place, self._point_at, step,
                bool(self._ball == 0), height, stack.waiting, stack.bases, self._low,
            )  # fmt: skip
            yield self._point_at[place : place + points].astype(np.int64), out
            place += points

    def _spread(self, nodes: I64, vectors: F32, first: int, out: F32) -> None:
        cuts = np.searchsorted(np.cumsum(self._size[nodes]), np.arange(1, _TASKS) * (len(out) / _TASKS))

        def work(a: int, b: int) -> None:
            _walk_kernels.spread_rows(
                self._direction, self.shape[0], self._children, nodes[a:b], vectors[a:b], self._place, first, out
            )

        run_tasks(work, [(a, b) for a, b in pairwise([0, *cuts.tolist(), nodes.size]) if b > a])


class _Stack:
    """What waits in the descent: a node, its unit vector, the position that its first point hangs on."""

    def __init__(self, entries: int, d: int) -> None:
        width = -(-d // LANES) * LANES
        self.waiting: I64 = np.empty(entries, np.int64)
        self.vectors: F32 = np.zeros((entries, width), np.float32)
        self.bases: F32 = np.zeros((entries, d), np.float32)

    def doubled(self) -> _Stack:
        """Return a stack twice as high with the same entries."""
        entries = self.waiting.size
        more = _Stack(2 * entries, self.bases.shape[1])
        more.waiting[:entries], more.vectors[:entries], more.bases[:entries] = self.waiting, self.vectors, self.bases
        return more
