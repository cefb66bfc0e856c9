"""The tree that points drawn from a cascade induce, from their sorted paths, in about 40 bytes a point.

Points are sorted by the first words of their paths; the few that share one are told apart by further words, which are
made for them alone. Neighbours in that order and the levels they share are all that the tree needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from fractalman._typing import I64, U64, AnyInt
from fractalman.families._forests._kernels import latent_depths
from fractalman.families.cascade import _path_kernels as _kernels


class Paths(Protocol):
    """What is asked of `CascadePaths`."""

    @property
    def levels(self) -> int:
        """Levels below the root."""

    @property
    def bits(self) -> int:
        """Bits of one digit of a packed path."""

    @property
    def words(self) -> int:
        """Words of a packed path."""

    def word(self, points: I64, number: int) -> U64:
        """Word ``number`` of the packed paths of ``points``."""


@dataclass(frozen=True)
class InducedTree:
    """The tree that drawn points induce, chains collapsed, nodes numbered as in a hierarchy: points, then latents.

    Columns over all nodes are int64 and made when they are asked for, whole or for a range of nodes; what is held takes
    4 bytes a node and 10 a latent where the ids fit 32 bits.

    Args:
        up: (n_nodes,) integer parents, −1 at the root.
        n_points: number of points n. levels: level of every point, the last one.
        latent_size, latent_level, latent_example: (n_latents,) integer columns of the latents.
    """

    up: AnyInt
    n_points: int
    levels: int
    latent_size: AnyInt
    latent_level: AnyInt
    latent_example: AnyInt

    @property
    def n_nodes(self) -> int:
        """Points and latents together."""
        return int(self.up.size)

    @cached_property
    def latent_depth(self) -> AnyInt:
        """(n_latents,) integer, number of ancestors of the latents."""
        depth = np.empty_like(self.latent_size)
        latent_depths(self.up, self.n_points, depth)
        return depth

    @property
    def parent(self) -> I64:
        """(n_nodes,) int64, −1 at the root."""
        return self.up.astype(np.int64)

    @property
    def size(self) -> I64:
        """(n_nodes,) int64 points at or below every node."""
        return self.sizes(0, self.n_nodes)

    @property
    def depth(self) -> I64:
        """(n_nodes,) int64 number of ancestors."""
        return self.depths(0, self.n_nodes)

    @property
    def level(self) -> I64:
        """(n_nodes,) int64 level in the cascade."""
        return self.node_levels(0, self.n_nodes)

    def sizes(self, start: int, stop: int) -> I64:
        """`size` of nodes start … stop − 1."""
        return self._column(np.ones(self._points(start, stop), np.int64), self.latent_size, start, stop)

    def node_levels(self, start: int, stop: int) -> I64:
        """`level` of nodes start … stop − 1."""
        points = np.full(self._points(start, stop), self.levels, np.int64)
        return self._column(points, self.latent_level, start, stop)

    def examples(self, start: int, stop: int) -> I64:
        """A point whose path passes through each of nodes start … stop − 1: of a point, the point."""
        points = np.arange(start, start + self._points(start, stop))
        return self._column(points, self.latent_example, start, stop)

    def levels_above(self, start: int, stop: int) -> I64:
        """The level of the parent of each of nodes start … stop − 1, −1 for the root."""
        up = self.up[start:stop]
        above = np.full(up.size, -1, np.int64)
        inner = up >= 0
        above[inner] = self.latent_level[up[inner] - self.n_points]
        return above

    def depths(self, start: int, stop: int) -> I64:
        """`depth` of nodes start … stop − 1."""
        up = self.up[start:stop]
        out = np.zeros(up.size, np.int64)
        inner = up >= 0
        out[inner] = self.latent_depth[up[inner] - self.n_points].astype(np.int64) + 1
        return out

    def _points(self, start: int, stop: int) -> int:
        """How many of nodes start … stop − 1 are points."""
        return max(0, min(stop, self.n_points) - start)

    def _column(self, points: I64, of_latents: AnyInt, start: int, stop: int) -> I64:
        low, high = max(start, self.n_points) - self.n_points, max(stop, self.n_points) - self.n_points
        return np.concatenate([points, of_latents[low:high]], dtype=np.int64)


def induced_tree(paths: Paths, n: int, level_of: AnyInt | None = None) -> InducedTree:
    """Return the induced tree of points 0 … n − 1 (latents by decreasing size, then level, then example).

    Args:
        paths: of the points. n: how many.
        level_of: (levels + 1,) rising level of points that share so many digits; None = each digit is a level.
    """
    small: Any = np.int32 if 2 * n < 1 << 31 else np.int64
    order, shared = _sorted_paths(paths, n, small)
    if level_of is not None:
        shared = level_of[shared]
    up = np.empty(max(2 * n - 1, 1), small)
    size, example = (np.empty(max(n - 1, 0), small) for _ in range(2))
    level = np.empty(max(n - 1, 0), shared.dtype)
    latents = _kernels.induced_tree(order, shared, up, size, level, example)
    del order, shared
    size, level, example = (column[:latents] for column in (size, level, example))  # the rest was never touched
    by_size = np.lexsort((example, level, -size))
    _kernels.renumber_latents(up, n, by_size, np.empty(latents, small))
    levels = paths.levels if level_of is None else int(level_of[-1])
    return InducedTree(up[: n + latents], n, levels, size[by_size], level[by_size], example[by_size])


def _sorted_paths(paths: Paths, n: int, small: Any) -> tuple[AnyInt, AnyInt]:
    """Return the points sorted by path (ties: by number), and how many levels each shares with the next one."""
    per_word = 64 // paths.bits
    digits = min(per_word, paths.levels)
    shared: AnyInt = np.empty(max(n - 1, 0), np.int16 if paths.levels < 1 << 15 else np.int32)
    word = paths.word(np.arange(n), 0)
    order: AnyInt = np.argsort(word).astype(small)
    _kernels.shared_digits(word, order, paths.bits, digits, shared)
    del word
    tied = np.flatnonzero(shared == digits)  # places whose point and the next one are not told apart yet
    for number in range(1, paths.words + 1):
        if not tied.size:
            break
        last = number == paths.words  # equal paths: by number
        at, group = _runs(tied)
        points = order[at].astype(np.int64)
        key = np.zeros(0, np.uint64) if last else paths.word(points, number)
        turn = np.lexsort((points, group)) if last else np.lexsort((key, group))
        order[at] = points[turn]
        if last:
            break
        key = key[turn]
        more = min(per_word, paths.levels - number * per_word)
        found = np.empty(at.size - 1, shared.dtype)
        _kernels.shared_digits(key, np.arange(at.size), paths.bits, more, found)
        inside = group[1:] == group[:-1]
        shared[at[:-1][inside]] = digits + found[inside]
        digits += more
        tied = at[:-1][inside & (found == more)]
    return order, shared


def _runs(tied: I64) -> tuple[I64, I64]:
    """Return all places of runs of tied neighbours, and the run that each place belongs to.

    Args:
        tied: rising places k, each tied to place k + 1.
    """
    begins = np.concatenate([[True], np.diff(tied) > 1])
    run = np.cumsum(begins) - 1
    lengths = np.bincount(run) + 1
    first = tied[begins]
    group = np.repeat(np.arange(first.size), lengths)
    at = np.arange(group.size) - np.repeat(np.cumsum(lengths) - lengths, lengths) + np.repeat(first, lengths)
    return at, group
