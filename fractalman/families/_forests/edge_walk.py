"""The branching random walk whose increments belong to edges: independent uniform directions, one an edge.

A point stands at its parent in the edge tree + step·(its own unit vector), the root at step·(its vector). The vector
is addressed by the point whose edge to the root it is, so a cluster that grows (`nested`) leaves the older points where
they were, but for the step, N^(−1/4), by which all coordinates shrink alike.

Along a path the increments are independent, so E|x_i − x_j|² = step² × (edges between i and j) exactly. With
the directions that come down the hierarchy (`embedding`) increments of near edges are correlated instead.
Source: docs/theory.md §1, "Nested sizes".
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F32, I64, AnyInt
from fractalman.families._forests import _embedding_kernels as _kernels
from fractalman.families._forests.embedding import walk
from fractalman.random.streams import Role, key64

_BLOCK = 1 << 10  # rows of one task


def edge_coordinates(
    out: F32,
    tree_parent: AnyInt,
    tree_order: AnyInt,
    step: float,
    seed: int,
    roots: AnyInt | None = None,
    ball: float = 0.0,
) -> None:
    """Write the coordinates of one cluster, or of several.

    Args:
        out: (n, d) float32, d ≥ 2, overwritten.
        tree_parent, tree_order: the edge trees seen from their roots (`rooted_order`).
        step: length of an edge. seed: embedding seed.
        roots: (K,) of the clusters; None = one cluster.
        ball: radius of the ball in which origins are uniform; 0 = all origins are 0.
    """
    key, n = np.uint64(key64(seed, Role.EDGE_DIRECTION)), len(out)
    run_tasks(_kernels.edge_directions, [(key, a, out[a : a + _BLOCK]) for a in range(0, n, _BLOCK)])
    starts = tree_order[:1] if roots is None else roots
    origins = np.uint64(key64(seed, Role.ORIGIN))
    _kernels.place_roots(origins, starts, 0, np.float32(step), np.float32(ball), out)
    walk(out, tree_parent, tree_order, step)


class EdgeWalk:
    """The same rows block by block, in depth-first order; 12 to 24 bytes a point and a path of positions are held.

    Args:
        dim: d. tree_parent, tree_order, step, seed, roots, ball: as above. rows: most rows of a block.
    """

    def __init__(
        self,
        dim: int,
        tree_parent: AnyInt,
        tree_order: AnyInt,
        step: float,
        seed: int,
        rows: int,
        roots: AnyInt | None = None,
        ball: float = 0.0,
    ) -> None:
        self._parent, self._order, self._rows = tree_parent, tree_order, rows
        self._step, self._dim, self._key = np.float32(step), dim, np.uint64(key64(seed, Role.EDGE_DIRECTION))
        self._origin, self._ball = np.uint64(key64(seed, Role.ORIGIN)), np.float32(ball)
        self._roots = np.asarray(tree_order[:1] if roots is None else roots)

    def groups(self) -> Iterator[tuple[int, int]]:
        """Yield all clusters as one group: their points may stand in any order."""
        yield 0, 1

    def points(self, _first: int, _stop: int) -> tuple[int, int]:
        """Return 0 and the number of points."""
        return 0, self._order.size

    def blocks(self, _first: int, _stop: int) -> Iterator[tuple[I64, F32]]:
        """Yield (point numbers, their rows)."""
        n = self._order.size
        depth = np.empty(n, self._parent.dtype)
        held = np.empty((64, self._dim), np.float32)
        for start in range(0, n, self._rows):
            points = self._order[start : start + self._rows]
            out, done = np.empty((points.size, self._dim), np.float32), 0
            while done < points.size:
                done += _kernels.edge_walk(
                    self._key, self._parent, points[done:], self._step, depth, held, out[done:],
                    self._origin, self._ball, self._roots,
                )  # fmt: skip
                if done < points.size:
                    held = np.concatenate([held, np.empty_like(held)])
            yield points.astype(np.int64), out
