"""Columns that come block by block: made by address, cut into parts, made ahead of the one who writes them."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from fractalman._typing import F32, F64, I64

AnyArray: TypeAlias = npt.NDArray[Any]

BLOCK = 4096
"""Points made at once by one thread."""
BLOCK_BYTES = 32 << 20
"""Most bytes of a block of rows, unless a single row has more."""


def rows_at_once(shape: tuple[int, ...], itemsize: int) -> int:
    """Return how many rows make a block: at most 16 · BLOCK, and BLOCK_BYTES, but at least one."""
    return max(1, min(16 * BLOCK, BLOCK_BYTES // max(1, itemsize * math.prod(shape[1:]))))


class Blocks(Protocol):
    """A column that comes in blocks, in order and without gaps (a `dataset.BlockSource`)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole column."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the whole column."""

    def blocks(self) -> Iterator[tuple[int, AnyArray]]:
        """Yield (first row, rows)."""


@dataclass(frozen=True)
class ComputedColumn:
    """A column made block by block from row numbers, never held whole (a `dataset.BlockSource`).

    Args:
        shape: of the column. dtype: of its elements.
        make: (row numbers, consecutive and rising) → their rows.
        first: number of the column's first row.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    make: Callable[[I64], Any]
    first: int = 0

    def blocks(self) -> Iterator[tuple[int, AnyArray]]:
        """Yield (first row, rows) in order."""
        rows = rows_at_once(self.shape, self.dtype.itemsize)
        for start in range(0, self.shape[0], rows):
            stop = min(start + rows, self.shape[0])
            yield start, self.make(np.arange(self.first + start, self.first + stop))

    def part(self, start: int, stop: int) -> ComputedColumn:
        """Return rows start … stop − 1 as a column of their own."""
        return ComputedColumn((stop - start, *self.shape[1:]), self.dtype, self.make, self.first + start)


def by_address(
    recipe: Any, rows: Callable[[Any, I64, F32], None], values: Callable[[Any, I64], F64]
) -> dict[str, ComputedColumn]:
    """Return X, y and cluster (one for all) as columns made by address.

    Args:
        recipe: of an addressed family. rows: writes the coordinates of points into an array. values: their labels.
    """
    n, d = recipe.n_points, recipe.ambient_dim

    def X_rows(points: I64) -> F32:
        X = np.empty((points.size, d), np.float32)
        rows(recipe, points, X)
        return X

    return {
        "X": ComputedColumn((n, d), np.dtype(np.float32), X_rows),
        "y": ComputedColumn((n,), np.dtype(np.float64), lambda points: values(recipe, points)),
        "cluster": ComputedColumn((n,), np.dtype(np.int64), lambda points: np.zeros(points.size, np.int64)),
    }


@dataclass(frozen=True)
class MappedColumn:
    """A column whose blocks are changed on the way: others of as many rows.

    Args:
        source: the column.
        shape: of the column afterwards.
        change: (row numbers, rows) → rows.
    """

    source: Blocks
    shape: tuple[int, ...]
    change: Callable[[I64, AnyArray], AnyArray]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the column."""
        return self.source.dtype

    def blocks(self) -> Iterator[tuple[int, AnyArray]]:
        """Yield (first row, rows) in order."""
        for start, block in self.source.blocks():
            yield start, self.change(np.arange(start, start + len(block)), block)


def changed(source: Blocks, shape: tuple[int, ...], change: Callable[[I64, AnyArray], AnyArray]) -> Blocks:
    """Return a column with its rows changed on the way; what is made by address stays so, and can be cut into parts.

    Args:
        source: the column. shape: of the column afterwards. change: (row numbers, rows) → rows.
    """
    if isinstance(source, ComputedColumn):
        make = source.make
        return ComputedColumn(shape, source.dtype, lambda points: change(points, make(points)), source.first)
    return MappedColumn(source, shape, change)


@dataclass(frozen=True)
class PrefetchedColumn:
    """The same column, each block made by a thread while the one before it is written.

    Args:
        source: the column.
    """

    source: Blocks

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the column."""
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the column."""
        return self.source.dtype

    def blocks(self) -> Iterator[tuple[int, AnyArray]]:
        """Yield (first row, rows) in order; what the source raises comes out here."""
        ready: queue.Queue[tuple[int, AnyArray] | BaseException | None] = queue.Queue(maxsize=1)
        given_up = threading.Event()

        def put(item: tuple[int, AnyArray] | BaseException | None) -> bool:
            while not given_up.is_set():
                try:
                    ready.put(item, timeout=0.1)
                    return True
                except queue.Full:
                    continue
            return False

        def work() -> None:
            try:
                for block in self.source.blocks():
                    if not put(block):
                        return
                put(None)
            except BaseException as error:
                put(error)

        thread = threading.Thread(target=work, name="fractalman-ahead", daemon=True)
        thread.start()
        try:
            while (item := ready.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            given_up.set()
            thread.join()
