"""A dataset file open for reading: its provenance and its columns, every block checked when it is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self, TypeVar

import h5py

from fractalman._files import ordinary_file
from fractalman.config import is_word, shown
from fractalman.datasets.compression import require_filters
from fractalman.datasets.contents import Contents, open_hdf5
from fractalman.datasets.header import read_header
from fractalman.datasets.lazy import BlockTable, LazyColumn
from fractalman.datasets.shard_table import SHARD_FAMILY
from fractalman.datasets.sharded import OpenShards, ShardedColumn
from fractalman.datasets.spec import SUBSET_FAMILY
from fractalman.display import Display, Summary, brief
from fractalman.errors import CorruptFileError, RecipeError, nearest

CHECKS = ("blocks", "none")
"""What is checked when rows are read: the blocks that hold them, or nothing unless a whole column is read."""


_DATASET = "a dataset file"


def check_path(path: str | os.PathLike[str]) -> Path:
    """Return ``path`` if it may be a dataset file, looking at the file system only; errors as in `ordinary_file`."""
    bare = isinstance(path, str | os.PathLike) and not Path(path).suffix  # a catalogue name, perhaps
    return ordinary_file(path, f"{_DATASET}, which fm.write makes" if bare else _DATASET)


def columns_of(path: Path, contents: Contents, shards: OpenShards | None, check: bool) -> dict[str, LazyColumn]:
    """Return the columns of an open file, those in shards read from there.

    Parameters
    ----------
    path : Path
        Of the file.
    contents : Contents
        What is in it.
    shards : OpenShards or None
        Where it is an index file.
    check : bool
        Whether every block is checked when it is read.
    """
    if contents.provenance is None:
        raise CorruptFileError(f"{path} has no provenance that can be read: use fractalman verify {path}")
    columns: dict[str, LazyColumn] = {}
    for name, stored in contents.stored.items():
        if shards is not None and shards.table.covers(name):
            columns[name] = ShardedColumn(path, name, stored, shards, check)
        elif name in contents.tables:
            record = contents.provenance.columns[name]
            table = BlockTable(path, name, contents.file, (record.dtype, record.shape), record.digest)
            columns[name] = LazyColumn(path, name, stored, table, check)
    return columns


class StoredDataset(Display):
    """An open dataset file as it is stored; made by `open_stored`, closed by ``with`` or `close`.

    Attributes
    ----------
    path : Path
        Of the file.
    provenance : Provenance
        What the file was made from, by which versions, and what its columns must hold.
    dims : Mapping
        Sizes of n, d, ….
    columns : Mapping
        Path → `LazyColumn`.
    """

    def __init__(self, path: Path, file: h5py.File, contents: Contents, check: str) -> None:
        if contents.provenance is None:
            raise CorruptFileError(f"{path} has no provenance that can be read: use fractalman verify {path}")
        self.path, self.provenance, self._file = path, contents.provenance, file
        self.dims: Mapping[str, int] = dict(contents.dims)
        table = contents.shards
        self._shards = None if table is None else OpenShards(path, table, partial(open_stored, check=check))
        self.columns: Mapping[str, LazyColumn] = columns_of(path, contents, self._shards, check == "blocks")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _summary(self) -> Summary:
        rows = [("path", str(self.path)), ("recipe", brief(dict(self.provenance.recipe)))]
        return Summary(repr(self), [*rows, *((name, brief(column)) for name, column in self.columns.items())])

    def __repr__(self) -> str:
        state = "" if self._file else "closed "
        return f"<{state}dataset file {self.path}: {self.provenance.recipe.get('family')}, n = {self.n_points}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an open file cannot be pickled: pass its path and open it there")

    def close(self) -> None:
        """Close the file; columns can no longer be read."""
        if self._shards is not None:
            self._shards.close()
        self._file.close()

    @property
    def n_points(self) -> int:
        """Number of points."""
        return self.dims["n"]

    @property
    def is_shard(self) -> bool:
        """Whether the file holds some rows of a dataset, as a shard."""
        return self.provenance.recipe.get("family") == SHARD_FAMILY

    @property
    def is_subset(self) -> bool:
        """Whether the file holds some points of a dataset, with their own trees."""
        return self.provenance.recipe.get("family") == SUBSET_FAMILY

    @property
    def n_shards(self) -> int:
        """How many shards hold the rows; 0 of a file that holds its own."""
        return 0 if self._shards is None else len(self._shards.table.records)

    @property
    def shard_files(self) -> tuple[str, ...]:
        """Paths of the shards that an index file names, relative to its folder, in the order of their rows."""
        return tuple(record.file for record in self._shards.table.records) if self._shards else ()

    @property
    def is_index(self) -> bool:
        """Whether the file shows rows that lie in shards."""
        return self._shards is not None


S = TypeVar("S", bound=StoredDataset)


def open_stored(path: str | os.PathLike[str], check: str = "blocks") -> StoredDataset:
    """Open a dataset file as it is stored; parameters and errors as in `fractalman.open`."""
    return open_as(StoredDataset, path, check)


def open_as(kind: type[S], path: str | os.PathLike[str], check: str) -> S:
    """Open a dataset file as an object of a class; other parameters and errors as in `fractalman.open`."""
    if not is_word(check, CHECKS):
        raise RecipeError(f"check = {shown(check)}: expected 'blocks' or 'none'{nearest(check, CHECKS)}")
    path = check_path(path)
    file = open_hdf5(path, read_header(path))
    try:
        contents = Contents(file, digests=False)
        if contents.problems or contents.provenance is None:
            more = f" (and {len(contents.problems) - 1} more)" if len(contents.problems) > 1 else ""
            raise CorruptFileError(f"{path} is damaged: {contents.problems[0]}{more}; use fractalman verify {path}")
        require_filters(path, contents.filters)
        return kind(path, file, contents, check)
    except BaseException:
        file.close()
        raise
