"""Coordinates of clusters as a column of blocks: what comes out of order goes through a scratch file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fractalman import embedding
from fractalman._arrays import F32, I64, AnyInt
from fractalman.build.blocks import rows_at_once
from fractalman.build.scatter import Scatter


@dataclass(frozen=True)
class ForestBlocks:
    """X of clusters, block by block, in the order of the points.

    Args:
        walk: makes the rows.
        rows: most rows of a block.
        folder: where a cluster of more rows is put in order, in a file without a name.
    """

    walk: embedding.ForestWalk
    rows: int
    folder: Path

    @classmethod
    def of(
        cls,
        dim: int,
        hierarchy: tuple[I64, I64],
        tops: I64,
        rooted: tuple[AnyInt, AnyInt],
        lengths: tuple[float, float],
        seed: int,
        folder: Path,
    ) -> ForestBlocks:
        """Return the column of clusters.

        Args:
            dim: d. hierarchy: parent and size of all nodes. tops: top node of every cluster.
            rooted: parents and order of the edge trees seen from their roots.
            lengths: of an edge, and of the radius of the ball of origins.
            seed: embedding seed. folder: for scratch.
        """
        n = rooted[0].size
        rows = rows_at_once((n, dim), 4)
        return cls(embedding.ForestWalk(n, dim, *hierarchy, tops, *rooted, *lengths, seed, rows), rows, folder)

    @property
    def shape(self) -> tuple[int, ...]:
        """(points, dimensions)."""
        return self.walk.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Single precision."""
        return np.dtype(np.float32)

    @property
    def scratch_bytes(self) -> int:
        """Bytes of the scratch file, for the largest cluster that needs one."""
        begin, end = self.walk.points(*next(self.walk.groups()))
        return Scatter.bytes_of(end - begin, self.shape[1]) if end - begin > self.rows else 0

    def blocks(self) -> Iterator[tuple[int, F32]]:
        """Yield (first row, rows) in order."""
        for first, stop in self.walk.groups():
            begin, end = self.walk.points(first, stop)
            if end - begin > self.rows:
                yield from self._through_a_file(first, stop)
                continue
            out = np.empty((end - begin, self.shape[1]), np.float32)
            for points, block in self.walk.blocks(first, stop):
                out[points - begin] = block
            yield begin, out

    def _through_a_file(self, first: int, stop: int) -> Iterator[tuple[int, F32]]:
        begin, end = self.walk.points(first, stop)
        with Scatter(self.folder, end - begin, self.shape[1], self.rows) as scatter:
            for points, block in self.walk.blocks(first, stop):
                scatter.put(points - begin, block)
            for row, block in scatter.blocks():
                yield begin + row, block
