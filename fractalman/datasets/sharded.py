"""Columns over the points of an index file, read from its shards.

The columns of an index file are HDF5 virtual datasets, so that any HDF5 reader sees them whole; but where a shard is
missing or unreadable HDF5 silently reads fill values. So this package reads the shards themselves, each checked against
the table of shards when it is first touched, and looks for all of them when the index file is opened.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import h5py
import numpy as np

from fractalman.datasets.lazy import READ_BYTES, LazyColumn
from fractalman.datasets.provenance import Provenance
from fractalman.datasets.shard_table import ShardTable
from fractalman.datasets.spec import AnyArray, Problem
from fractalman.errors import CorruptFileError, FileFormatError


class Shard(Protocol):
    """An open file of some rows."""

    provenance: Provenance
    columns: Mapping[str, LazyColumn]

    @property
    def n_points(self) -> int:
        """How many rows."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


OPEN_SHARDS = 16
"""Most shards of an index file that are open at once."""


class OpenShards:
    """The shards of an open index; each is opened and checked when it is first needed."""

    def __init__(self, index: Path, table: ShardTable, opener: Callable[[Path], Shard]) -> None:
        self.index, self.table = index.resolve(), table  # shards lie beside the file, not beside a link to it
        self._opener = opener
        self._open: OrderedDict[int, Shard] = OrderedDict()

    def shard(self, index: int) -> Shard:
        """Return shard ``index``; CorruptFileError naming it when it is not the one that the index file states."""
        if index in self._open:
            self._open.move_to_end(index)
            return self._open[index]
        record = self.table.records[index]
        try:
            file = self._opener(self.index.parent / record.file)
        except (FileFormatError, FileNotFoundError, IsADirectoryError, PermissionError) as error:
            raise CorruptFileError(f"{self.index}: shard {record.file} is missing or damaged: {error}") from None
        if file.provenance.content != record.content or file.n_points != record.rows:
            file.close()
            raise CorruptFileError(
                f"{self.index}: shard {record.file} is another one: its content is {file.provenance.content}, "
                f"expected {record.content}"
            )
        self._open[index] = file
        if len(self._open) > OPEN_SHARDS:
            self._open.popitem(last=False)[1].close()
        return file

    def close(self) -> None:
        """Close all shards."""
        while self._open:
            self._open.popitem()[1].close()


class ShardedColumn(LazyColumn):
    """A column of an index file, read from its shards."""

    def __init__(self, file: Path, path: str, stored: h5py.Dataset, shards: OpenShards, check: bool = True) -> None:
        super().__init__(file, path, stored, None, check)
        self._shards = shards

    @property
    def table(self) -> ShardTable:
        """Of the shards."""
        return self._shards.table

    @property
    def stored_bytes(self) -> int:
        """Bytes that the column takes in the shards."""
        self._check_open()
        shards = range(len(self.table.records))
        return sum(self._shards.shard(k).columns[self.path].stored_bytes for k in shards)

    def _read(self, start: int, stop: int, check: bool = False) -> AnyArray:
        self._check_open()
        check = check or self._check or stop - start == len(self)
        out = np.empty((stop - start, *self.shape[1:]), self.dtype)
        starts = self.table.starts
        k = bisect_right(starts, start) - 1
        while start < stop:
            end = min(stop, starts[k + 1])
            rows = out[len(out) - (stop - start) :][: end - start]
            rows[...] = self.shard_rows(k, start - starts[k], end - starts[k], check)
            start, k = end, k + 1
        return out

    def shard_rows(self, k: int, start: int, stop: int, check: bool = True) -> AnyArray:
        """Return rows start … stop − 1 of shard k; CorruptFileError naming the shard."""
        try:
            return self._shards.shard(k).columns[self.path]._read(start, stop, check)
        except CorruptFileError as error:
            if str(error).startswith(f"{self._shards.index}: "):
                raise
            raise CorruptFileError(f"{self._shards.index}: {error}") from None

    def unchecked(self) -> LazyColumn:
        """Return the column itself: shards are always checked."""
        return self

    def shard_digest(self, k: int) -> str:
        """Return the digest of the column in shard k, as that shard states it."""
        return self._shards.shard(k).provenance.columns[self.path].digest


def pieces(column: LazyColumn, found: list[Problem], reported: set[str]) -> Iterator[tuple[int, AnyArray]]:
    """Yield (first row, rows) of a column, unchecked; of an index file, shard by shard, each checked.

    Parameters
    ----------
    column : LazyColumn
        Of an open file.
    found : list of Problem
        What is wrong with a shard is added here, and the next shard goes on: its rows are missing then.
    reported : set of str
        Shards that are known to be unreadable; their problems are said once.
    """
    if not isinstance(column, ShardedColumn):
        yield from column.unchecked().blocks()
        return
    table, step = column.table, max(1, READ_BYTES // max(1, column.nbytes // max(1, len(column))))
    for k, record in enumerate(table.records):
        try:
            if column.shard_digest(k) != record.columns[column.path]:
                found.append(Problem(record.file, f"{column.path} does not have the digest that the index file states"))
            for start in range(0, record.rows, step):
                yield table.starts[k] + start, column.shard_rows(k, start, min(start + step, record.rows))
        except FileFormatError as error:
            if record.file not in reported:
                found.append(Problem(record.file, str(error).partition(record.file)[2].lstrip(": ") or str(error)))
                reported.add(record.file)
