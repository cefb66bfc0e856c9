"""Coordinates of clusters as a column of blocks: what comes out of order goes through a scratch file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._typing import F32
from fractalman.families import _forests as forests
from fractalman.families._forests.external_permutation import ExternalPermutation
from fractalman.families.blocks import rows_at_once


@dataclass(frozen=True)
class ForestBlocks:
    """X of clusters, block by block, in the order of the points.

    Args:
        shape: (n, d).
        largest: points of the largest cluster.
        lay_out: most rows of a block → what makes them; called when the column is written, since it holds 24 bytes a
            point.
        folder: where a cluster of more rows than a block is put in order, in a file without a name.
    """

    shape: tuple[int, int]
    largest: int
    lay_out: Callable[[int], forests.ForestWalk | forests.EdgeWalk]
    folder: Path

    @property
    def rows(self) -> int:
        """Most rows of a block."""
        return rows_at_once(self.shape, 4)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Single precision."""
        return np.dtype(np.float32)

    @property
    def scratch_bytes(self) -> int:
        """Bytes of the scratch file, for the largest cluster if it needs one."""
        return ExternalPermutation.bytes_of(self.largest, self.shape[1]) if self.largest > self.rows else 0

    def blocks(self) -> Iterator[tuple[int, F32]]:
        """Yield (first row, rows) in order."""
        walk = self.lay_out(self.rows)
        for first, stop in walk.groups():
            begin, end = walk.points(first, stop)
            if end - begin > self.rows:
                yield from self._through_a_file(walk, first, stop)
                continue
            out = np.empty((end - begin, self.shape[1]), np.float32)
            for points, block in walk.blocks(first, stop):
                out[points - begin] = block
            yield begin, out

    def _through_a_file(
        self, walk: forests.ForestWalk | forests.EdgeWalk, first: int, stop: int
    ) -> Iterator[tuple[int, F32]]:
        begin, end = walk.points(first, stop)
        with ExternalPermutation(self.folder, end - begin, self.shape[1], self.rows) as scatter:
            for points, block in walk.blocks(first, stop):
                scatter.put(points - begin, block)
            for row, block in scatter.blocks():
                yield begin + row, block
