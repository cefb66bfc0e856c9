"""A dataset in several files: shards of consecutive rows, and a master that shows them as one.

The master is a dataset file like any other. Its columns over the points are HDF5 virtual datasets, so that any HDF5
reader sees them whole; but where a shard is missing or unreadable HDF5 silently reads fill values. So this package
reads the shards themselves, each checked against the master's table when it is first touched, and looks for all of them
when the master is opened.

A shard is a dataset file, too: of its own rows, with the recipe {"family": "shard", "of": the whole's recipe, …}.
"""

from __future__ import annotations

import hashlib
import json
import os
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from fractalman.datasets.certificate import Certificate, ColumnDigest
from fractalman.datasets.lazy import BLOCK_BYTES, LazyColumn
from fractalman.datasets.spec import SHARDS, AnyArray, Column, Problem, Shape, chunk_rows
from fractalman.errors import CorruptFileError, FileFormatError

if TYPE_CHECKING:
    from fractalman.datasets.reader import File

SHARD_FAMILY = "shard"
OPEN_SHARDS = 16
"""Most shards of a master that are open at once."""


# ---------------------------------------------------------------------------------------------------- names, rows


def shard_rows(n: int, number: int, count: int) -> tuple[int, int]:
    """Return the first row of shard ``number`` (1 … count) of n rows, and the one after its last."""
    return n * (number - 1) // count, n * number // count


def shard_recipe(recipe: Mapping[str, Any], n: int, d: int, number: int, count: int) -> dict[str, Any]:
    """Return what a shard's certificate says it was made from.

    Args:
        recipe: of the whole dataset, plain values. n, d: rows and coordinates of the whole.
        number, count: which shard of how many.
    """
    start, stop = shard_rows(n, number, count)
    noise = {"noise": recipe["noise"]} if "noise" in recipe else {}
    own = {"number": number, "count": count, "first_row": start, "n_points": stop - start, "ambient_dim": d}
    return {"family": SHARD_FAMILY, **own, **noise, "of": dict(recipe)}


def shard_folder(master: Path) -> Path:
    """Return the folder of a master's shards, beside it."""
    return master.with_name(f"{master.name}.shards")


def shard_path(master: Path, recipe: Mapping[str, Any], stream_version: int, number: int, count: int) -> Path:
    """Return where a shard lies; its name carries a digest of recipe and streams: shards of two recipes cannot meet."""
    text = json.dumps([dict(recipe), stream_version], sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
    return shard_folder(master) / f"{digest}-{number:05d}-of-{count:05d}.h5"


# ---------------------------------------------------------------------------------------------------- the table


@dataclass(frozen=True)
class ShardRecord:
    """What the master says about one shard.

    Args:
        file: its path, relative to the master's folder, with slashes.
        rows: how many. bytes: of the file.
        content: digest in its certificate. columns: path → digest of its rows.
    """

    file: str
    rows: int
    bytes: int
    content: str
    columns: Mapping[str, str]


@dataclass(frozen=True)
class ShardTable:
    """The master's table of its shards, in the order of their rows."""

    records: tuple[ShardRecord, ...]

    @cached_property
    def starts(self) -> list[int]:
        """First row of every shard, and the number of rows in all."""
        return [0, *accumulate(record.rows for record in self.records)]

    @property
    def stored_bytes(self) -> int:
        """Bytes of all shards."""
        return sum(record.bytes for record in self.records)

    def summary(self) -> dict[str, int]:
        """Return how many shards there are, and their bytes."""
        return {"number": len(self.records), "bytes": self.stored_bytes}

    def covers(self, path: str) -> bool:
        """Whether column ``path`` lies in the shards."""
        return bool(self.records) and path in self.records[0].columns

    def to_bytes(self) -> bytes:
        """Return the JSON text that the master holds."""
        table = [{**vars(record), "columns": dict(record.columns)} for record in self.records]
        return json.dumps({"shards": table}, sort_keys=True, indent=1).encode("ascii")

    @classmethod
    def from_bytes(cls, text: bytes) -> ShardTable:
        """Return the table in ``text``; CorruptFileError when it is none."""
        try:
            records = tuple(
                ShardRecord(
                    _inside(str(entry["file"])),
                    int(entry["rows"]),
                    int(entry["bytes"]),
                    str(entry["content"]),
                    {str(path): str(digest) for path, digest in entry["columns"].items()},
                )
                for entry in json.loads(text.decode("ascii"))["shards"]
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            raise CorruptFileError("is not readable as the JSON text that FORMAT.md describes") from None
        if not records or any(r.rows < 1 or r.columns.keys() != records[0].columns.keys() for r in records):
            raise CorruptFileError("lists shards without rows, or with different columns")
        return cls(records)

    def problems(self, folder: Path) -> list[Problem]:
        """Return what can be seen to be wrong with the shards without opening them: missing, or of another size."""
        found = []
        for record in self.records:
            path = folder / record.file
            if not path.is_file():
                found.append(Problem(record.file, "is missing: keep a file and the folder of its shards together"))
            elif path.stat().st_size != record.bytes:
                size = path.stat().st_size
                found.append(Problem(record.file, f"has {size} bytes: required are {record.bytes}"))
        return found


def _inside(name: str) -> str:
    """Return a relative path that stays below the folder it is taken from."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in name:
        raise ValueError(name)
    return name


def read_table(file: h5py.File) -> ShardTable | None:
    """Return the table of a master, None for a file that is whole; CorruptFileError when it cannot be read."""
    if SHARDS not in file:
        return None
    stored = file[SHARDS]
    if stored.shape != (1,) or stored.dtype.kind != "S" or not stored.fletcher32:
        raise CorruptFileError(f"has type {stored.dtype} and shape {stored.shape}: required is one text")
    return ShardTable.from_bytes(bytes(stored[0]))


def stored_bytes(path: str | os.PathLike[str]) -> int:
    """Return the bytes of a dataset on the disk: of the file and, where it is a master, of its shards."""
    with h5py.File(path, "r", locking=False) as file:
        table = read_table(file)
    return Path(path).stat().st_size + (table.stored_bytes if table else 0)


# ---------------------------------------------------------------------------------------------------- reading


class OpenShards:
    """The shards of an open master; each is opened and checked when it is first needed."""

    def __init__(self, master: Path, table: ShardTable) -> None:
        self.master, self.table = master.resolve(), table  # shards lie beside the file, not beside a link to it
        self._open: OrderedDict[int, File] = OrderedDict()

    def shard(self, index: int) -> File:
        """Return shard ``index``; CorruptFileError naming it when it is not the one that the master was made of."""
        from fractalman.datasets.reader import open_file

        if index in self._open:
            self._open.move_to_end(index)
            return self._open[index]
        record = self.table.records[index]
        try:
            file = open_file(self.master.parent / record.file)
        except (FileFormatError, FileNotFoundError, IsADirectoryError, PermissionError) as error:
            raise CorruptFileError(f"{self.master}: shard {record.file} is missing or damaged: {error}") from None
        if file.certificate.content != record.content or file.n_points != record.rows:
            file.close()
            raise CorruptFileError(
                f"{self.master}: shard {record.file} is another one: its content is {file.certificate.content}, "
                f"required is {record.content}"
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
    """A column of a master, read from its shards."""

    def __init__(self, file: Path, path: str, stored: h5py.Dataset, shards: OpenShards) -> None:
        super().__init__(file, path, stored)
        self.name, self._shards = path, shards
        self._chunk_rows = chunk_rows(self.shape, self.dtype.str)

    @property
    def table(self) -> ShardTable:
        """Of the shards."""
        return self._shards.table

    @property
    def stored_bytes(self) -> int:
        """Bytes that the column takes in the shards."""
        self._check_open()
        shards = range(len(self.table.records))
        return sum(self._shards.shard(k).columns[self.name].stored_bytes for k in shards)

    def _read(self, start: int, stop: int) -> AnyArray:
        self._check_open()
        out = np.empty((stop - start, *self.shape[1:]), self.dtype)
        starts = self.table.starts
        k = bisect_right(starts, start) - 1
        while start < stop:
            end = min(stop, starts[k + 1])
            rows = out[len(out) - (stop - start) :][: end - start]
            rows[...] = self.shard_rows(k, start - starts[k], end - starts[k])
            start, k = end, k + 1
        return out

    def shard_rows(self, k: int, start: int, stop: int) -> AnyArray:
        """Return rows start … stop − 1 of shard k; CorruptFileError naming the shard."""
        try:
            rows: AnyArray = self._shards.shard(k).columns[self.name][start:stop]
        except CorruptFileError as error:
            if str(error).startswith(f"{self._shards.master}: "):
                raise
            raise CorruptFileError(f"{self._shards.master}: {error}") from None
        return rows


def lazy_column(file: Path, path: str, stored: h5py.Dataset, shards: OpenShards | None) -> LazyColumn:
    """Return a column of an open file, of its shards where it lies in them."""
    if shards is not None and shards.table.covers(path):
        return ShardedColumn(file, path, stored, shards)
    return LazyColumn(file, path, stored)


def checked_blocks(column: LazyColumn, found: list[Problem], reported: set[str]) -> Iterator[tuple[int, AnyArray]]:
    """Yield (first row, rows) as ``column.blocks()`` does; of a master, shard by shard, each checked for its digest.

    Args:
        column: of an open file.
        found: what is wrong with a shard is added here, and the next shard goes on: its rows are missing then.
        reported: shards that are known to be unreadable; their problems are said once.
    """
    if not isinstance(column, ShardedColumn):
        yield from column.blocks()
        return
    table, step = column.table, max(1, BLOCK_BYTES // max(1, column.nbytes // max(1, len(column))))
    for k, record in enumerate(table.records):
        digest = ColumnDigest(column.dtype.str)
        try:
            for start in range(0, record.rows, step):
                block = column.shard_rows(k, start, min(start + step, record.rows))
                digest.update(block)
                yield table.starts[k] + start, block
        except FileFormatError as error:
            if record.file not in reported:
                found.append(Problem(record.file, str(error).partition(record.file)[2].lstrip(": ") or str(error)))
                reported.add(record.file)
            continue
        if digest.hexdigest() != record.columns[column.name]:
            found.append(Problem(record.file, f"{column.name} does not have the digest that the master states"))


# ---------------------------------------------------------------------------------------------------- writing


@dataclass(frozen=True)
class LinkedColumn:
    """A column of a master: where its rows lie (what `write_columns` takes in place of the rows).

    Args:
        table: of the shards.
        shape: of the whole column. dtype: of its elements. digest: of all its rows.
    """

    table: ShardTable
    shape: Shape
    dtype: np.dtype[Any]
    digest: str

    def create(self, file: h5py.File, column: Column) -> h5py.Dataset:
        """Create the column as a virtual dataset, and the table of shards beside the first one; return the column."""
        if SHARDS not in file:
            text = self.table.to_bytes()
            stored = file.create_dataset(
                SHARDS, shape=(1,), dtype=f"S{len(text)}", chunks=(1,), fletcher32=True, track_times=False
            )
            stored[0] = text
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_layout(h5py.h5d.VIRTUAL)
        properties.set_obj_track_times(False)
        missing = np.array(np.nan if self.dtype.kind == "f" else -1, np.dtype(column.dtype))
        properties.set_fill_value(missing)  # what other readers find where a shard is missing
        whole = h5py.h5s.create_simple(self.shape)
        for start, record in zip(self.table.starts, self.table.records, strict=False):
            part = (record.rows, *self.shape[1:])
            whole.select_hyperslab((start,) + (0,) * (len(part) - 1), part)
            source = h5py.h5s.create_simple(part)
            properties.set_virtual(whole, record.file.encode(), column.path.encode(), source)
        parents = h5py.h5p.create(h5py.h5p.LINK_CREATE)
        parents.set_create_intermediate_group(True)
        kind = h5py.h5t.py_create(np.dtype(column.dtype))
        h5py.h5d.create(
            file.id, column.path.encode(), kind, h5py.h5s.create_simple(self.shape), dcpl=properties, lcpl=parents
        )
        return file[column.path]


class Joining:
    """Shards, taken one after the other in their order, becoming the columns of a master.

    Reading them once gives the digest of every column as if it had been written in one piece.
    """

    def __init__(self, master: Path) -> None:
        self._master = master
        self._records: list[ShardRecord] = []
        self._digests: dict[str, ColumnDigest] = {}
        self._shapes: dict[str, tuple[Shape, np.dtype[Any]]] = {}

    def add(self, path: Path, certificate: Certificate) -> None:
        """Take the next shard, whose certificate must be ``certificate``; FileFormatError when it is damaged."""
        from fractalman.datasets.reader import open_file

        with open_file(path) as file:
            if file.certificate.content != certificate.content:
                raise CorruptFileError(f"{path} has changed meanwhile: delete it and type the same command again")
            for name, column in file.columns.items():
                digest = self._digests.setdefault(name, ColumnDigest(column.dtype.str))
                for _, block in column.blocks():
                    digest.update(block)
                self._shapes[name] = (column.shape, column.dtype)
            own = path.relative_to(self._master.parent).as_posix()
            digests = {name: record.digest for name, record in file.certificate.columns.items()}
            record = ShardRecord(own, file.n_points, path.stat().st_size, file.certificate.content, digests)
            self._records.append(record)

    @property
    def bytes(self) -> int:
        """Bytes of the shards taken so far."""
        return sum(record.bytes for record in self._records)

    def columns(self) -> dict[str, LinkedColumn]:
        """Return the columns of the master."""
        table = ShardTable(tuple(self._records))
        return {
            name: LinkedColumn(table, (table.starts[-1], *shape[1:]), dtype, self._digests[name].hexdigest())
            for name, (shape, dtype) in self._shapes.items()
        }
