"""Shards, taken one after the other in their order, becoming the columns of an index file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fractalman.datasets.digests import ColumnDigest
from fractalman.datasets.provenance import Provenance
from fractalman.datasets.reader import open_stored
from fractalman.datasets.shard_table import LinkedColumn, ShardRecord, ShardTable
from fractalman.datasets.spec import Shape
from fractalman.errors import CorruptFileError


class Merging:
    """Shards, taken one after the other in their order, becoming the columns of an index file.

    Reading them once gives the digest of every column as if it had been written in one piece: blocks are those of the
    whole column, wherever shards begin.

    Parameters
    ----------
    index : Path
        The index file, not written yet.
    rows : int
        Of the whole dataset.
    """

    def __init__(self, index: Path, rows: int) -> None:
        self._index, self._rows = index, rows
        self._records: list[ShardRecord] = []
        self._digests: dict[str, ColumnDigest] = {}
        self._shapes: dict[str, tuple[Shape, np.dtype[Any]]] = {}

    def add(self, path: Path, provenance: Provenance) -> None:
        """Take the next shard, whose provenance must be ``provenance``; FileFormatError when it is damaged."""
        with open_stored(path) as file:
            if file.provenance.content != provenance.content:
                raise CorruptFileError(f"{path} has changed meanwhile: delete it and run the same command again")
            for name, column in file.columns.items():
                whole = (self._rows, *column.shape[1:])
                digest = self._digests.setdefault(name, ColumnDigest(whole, column.dtype.str))
                for _, block in column.blocks():
                    digest.update(block)
                self._shapes[name] = (column.shape, column.dtype)
            own = path.relative_to(self._index.parent).as_posix()
            digests = {name: record.digest for name, record in file.provenance.columns.items()}
            record = ShardRecord(own, file.n_points, path.stat().st_size, file.provenance.content, digests)
            self._records.append(record)

    @property
    def bytes(self) -> int:
        """Bytes of the shards taken so far."""
        return sum(record.bytes for record in self._records)

    def columns(self) -> dict[str, LinkedColumn]:
        """Return the columns of the index file."""
        table = ShardTable(tuple(self._records))
        return {
            name: LinkedColumn(table, (table.starts[-1], *shape[1:]), dtype, self._digests[name].hexdigest())
            for name, (shape, dtype) in self._shapes.items()
        }
