"""The table of shards that an index file holds: which files, whose rows, with which digests."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import numpy as np

from fractalman.datasets.spec import SHARDS, Column, Problem, Shape
from fractalman.errors import CorruptFileError

SHARD_FAMILY = "shard"


# ---------------------------------------------------------------------------------------------------- names, rows


def shard_rows(n: int, number: int, count: int) -> tuple[int, int]:
    """Return the first row of shard ``number`` (1 … count) of n rows, and the one after its last."""
    return n * (number - 1) // count, n * number // count


def shard_recipe(recipe: Mapping[str, Any], n: int, d: int, number: int, count: int) -> dict[str, Any]:
    """Return what a shard's provenance says it was made from.

    Args:
        recipe: of the whole dataset, plain values. n, d: rows and coordinates of the whole.
        number, count: which shard of how many.
    """
    start, stop = shard_rows(n, number, count)
    labels = {key: recipe[key] for key in ("noise", "target", "threshold") if key in recipe}  # what rules ask for
    own = {"number": number, "count": count, "first_row": start, "n_points": stop - start, "ambient_dim": d}
    return {"family": SHARD_FAMILY, **own, **labels, "of": dict(recipe)}


def with_whole(dims: Mapping[str, int], recipe: Mapping[str, Any]) -> dict[str, int]:
    """Return the dimensions with N, the rows of the whole dataset: in a shard clusters are numbered over all of them.

    Args:
        dims: of the columns. recipe: of the provenance, where anything may stand.
    """
    n = dims.get("n", 0)
    if recipe.get("family") != SHARD_FAMILY:
        return {**dims, "N": n}
    of, first = recipe.get("of"), recipe.get("first_row")
    rows = of.get("n_points") if isinstance(of, Mapping) else None
    known = isinstance(rows, int) and isinstance(first, int) and 0 <= first <= rows - n
    return {**dims, "N": rows if known and isinstance(rows, int) else n}


def shard_folder(index: Path) -> Path:
    """Return the folder of an index file's shards, beside it."""
    return index.with_name(f"{index.name}.shards")


SHARD_NAMES = f"{'[0-9a-f]' * 12}-[0-9]*-of-[0-9]*.h5"
"""Pattern of the names that `shard_path` gives."""


def shard_path(index: Path, recipe: Mapping[str, Any], stream_version: int, number: int, count: int) -> Path:
    """Return where a shard lies; its name carries a digest of recipe and streams: shards of two recipes cannot meet."""
    text = json.dumps([dict(recipe), stream_version], sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
    return shard_folder(index) / f"{digest}-{number:05d}-of-{count:05d}.h5"


# ---------------------------------------------------------------------------------------------------- the table


@dataclass(frozen=True)
class ShardRecord:
    """What the index file says about one shard.

    Args:
        file: its path, relative to the index file's folder, with slashes.
        rows: how many. bytes: of the file.
        content: digest in its provenance. columns: path → digest of its rows.
    """

    file: str
    rows: int
    bytes: int
    content: str
    columns: Mapping[str, str]


@dataclass(frozen=True)
class ShardTable:
    """The index file's table of its shards, in the order of their rows."""

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
        """Return the JSON text that the index file holds."""
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
                found.append(Problem(record.file, f"has {size} bytes: expected {record.bytes}"))
        return found


def _inside(name: str) -> str:
    """Return a relative path that stays below the folder it is taken from."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in name:
        raise ValueError(name)
    return name


def read_table(file: h5py.File) -> ShardTable | None:
    """Return the table of an index file, None for a file that is whole; CorruptFileError when it cannot be read."""
    if SHARDS not in file:
        return None
    stored = file[SHARDS]
    if stored.shape != (1,) or stored.dtype.kind != "S" or not stored.fletcher32:
        raise CorruptFileError(f"has type {stored.dtype} and shape {stored.shape}: expected one text")
    return ShardTable.from_bytes(bytes(stored[0]))


def stored_bytes(path: str | os.PathLike[str]) -> int:
    """Return the bytes of a dataset on the disk: of the file and, where it is an index file, of its shards."""
    with h5py.File(path, "r", locking=False) as file:
        table = read_table(file)
    return Path(path).stat().st_size + (table.stored_bytes if table else 0)


@dataclass(frozen=True)
class LinkedColumn:
    """A column of an index file: where its rows lie (what `write_columns` takes in place of the rows).

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
