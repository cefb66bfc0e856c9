"""Opening the HDF5 part of a file: refusing what is not one, and naming everything in it that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fractalman.datasets import provenance as provenances
from fractalman.datasets.compression import filters
from fractalman.datasets.header import Header, refuse_other_majors
from fractalman.datasets.lazy import BlockTable, is_foreign, library_reason, system_error
from fractalman.datasets.provenance import Provenance
from fractalman.datasets.shard_table import ShardTable, read_table, with_whole
from fractalman.datasets.spec import (
    COLUMNS,
    DIGESTS,
    FORMAT_NAME,
    MINOR,
    PROVENANCE,
    SHARDS,
    Problem,
    block_rows,
    structure_problems,
)
from fractalman.errors import CorruptFileError, FileFormatError, IncompleteFileError

# ------------------------------------------------------------------------------------------------ refusing


def open_hdf5(path: Path, header: Header | None) -> h5py.File:
    """Return the open HDF5 file after checking format name, version and completeness (the errors of `open_file`).

    Args:
        header: the file's, or None to leave out the comparison with it.
    """
    try:
        # Published files never change, so no lock is needed, and none works on every network file system. Columns are
        # read by whole chunks (`LazyColumn`), so the library's cache of chunks would only copy every byte once more.
        file = h5py.File(path, "r", locking=False, rdcc_nbytes=0)
    except OSError as error:
        real = system_error(error, path)
        if real:
            raise real from None
        if "consistency flags" in str(error) or "open for write" in str(error):
            raise IncompleteFileError(
                f"{path} was never finished: the run that wrote it has died or is at work"
            ) from None
        raise CorruptFileError(f"{path} is damaged or cut short: {library_reason(error)}") from None
    try:
        _check_attributes(file, path, header)
    except BaseException:
        file.close()
        raise
    return file


def _check_attributes(file: h5py.File, path: Path, header: Header | None) -> None:
    name = _attribute(file, "format", path)
    if name is None or bytes(name) != FORMAT_NAME.encode("ascii"):
        raise FileFormatError(f"{path} is an HDF5 file but not a fractalman file: it has no format = {FORMAT_NAME!r}")
    major, minor, complete = (_attribute(file, key, path) for key in ("major", "minor", "complete"))
    if not all(isinstance(number, np.integer) for number in (major, minor)):
        raise CorruptFileError(f"{path} is damaged: attributes major and minor are not integers")
    refuse_other_majors(path, int(major), int(minor))
    if header and header.format != (major, minor):
        stated = ".".join(map(str, header.format))
        raise CorruptFileError(f"{path} is damaged: its header states format {stated}, its attributes {major}.{minor}")
    if not isinstance(complete, np.integer) or complete != 1:
        raise IncompleteFileError(f"{path} was never finished (complete = {complete}): make it anew with --force")


def _attribute(file: h5py.File, name: str, path: Path) -> Any:
    try:
        return file.attrs.get(name)
    except Exception as error:
        raise system_error(error, path) or CorruptFileError(
            f"{path} is damaged: attribute {name} is unreadable"
        ) from None


class Contents:
    """What is in an open HDF5 file, against its provenance and the column table; nothing here raises.

    Attributes: ``provenance`` (None when unreadable), ``dims``, ``stored`` (path → HDF5 dataset, sound columns only),
    ``tables`` (columns with digests of their blocks), ``filters`` (numbers of those that columns went through),
    ``problems``.

    Args:
        file: open for reading.
        digests: whether types and shapes of the tables of digests are looked at; else whether there are such tables,
            and whoever reads one looks.
    """

    def __init__(self, file: h5py.File, digests: bool = True) -> None:
        self.problems: list[Problem] = []
        self.dims: dict[str, int] = {}
        self.stored: dict[str, h5py.Dataset] = {}
        self.tables: set[str] = set()
        self.file, self._digests = file, digests
        self.filters: set[int] = set()
        self.provenance = self._read_provenance(file)
        self.shards = self._read_shards(file)
        if self.provenance is None:
            return
        newer = self.provenance.format[1] > MINOR
        self._records = {
            path: record
            for path, record in self.provenance.columns.items()
            if not newer or path in {column.path for column in COLUMNS}
        }
        self.dims, wrong = structure_problems({p: (r.dtype, r.shape) for p, r in self._records.items()})
        self.dims = with_whole(self.dims, self.provenance.recipe)
        self.problems += [Problem(PROVENANCE, f"contradicts the format: column {problem}") for problem in wrong]
        found: list[str] = []
        try:
            file.visit(found.append)
        except Exception as error:
            self.problems.append(Problem("/", f"the list of columns is unreadable: {library_reason(error)}"))
        if not newer:
            inside = [*self._records, *(f"{DIGESTS}/{path}" for path in self._records)]
            known = {PROVENANCE, SHARDS, *inside}
            for path in inside:
                while path := path.rpartition("/")[0]:
                    known.add(path)
            self.problems += [
                Problem(path, "is in the file but not in its provenance") for path in found if path not in known
            ]
        inside_this_file = set(found)  # what is only behind a soft or an external link is not visited
        for path in self._records:
            if not ({path, f"{DIGESTS}/{path}"} <= inside_this_file and self._take_sound(file, path)):
                self._inspect_column(file, path)

    def _read_provenance(self, file: h5py.File) -> Provenance | None:
        try:
            stored = file[PROVENANCE]
            if stored.shape != (1,) or stored.dtype.kind != "S" or not stored.fletcher32:
                raise CorruptFileError(f"has type {stored.dtype} and shape {stored.shape}: expected one text")
            result, stated = provenances.from_bytes(bytes(stored[0]))
            if result.content != stated:
                self.problems.append(Problem(PROVENANCE, "does not have the content digest that it states"))
            if result.format != (int(file.attrs["major"]), int(file.attrs["minor"])):
                self.problems.append(Problem(PROVENANCE, f"states format {result.format}: the file's is another"))
            return result
        except KeyError:
            self.problems.append(Problem(PROVENANCE, "is missing"))
        except CorruptFileError as error:
            self.problems.append(Problem(PROVENANCE, str(error)))
        except Exception as error:
            self.problems.append(Problem(PROVENANCE, f"is unreadable: {library_reason(error)}"))
        return None

    def _read_shards(self, file: h5py.File) -> ShardTable | None:
        try:
            table = read_table(file)
        except Exception as error:
            message = str(error) if isinstance(error, CorruptFileError) else f"is unreadable: {library_reason(error)}"
            self.problems.append(Problem(SHARDS, message))
            return None
        if table is not None:
            self.problems += table.problems(Path(file.filename).resolve().parent)
        return table

    def _covered(self, path: str, rows: int) -> bool:
        """Whether a column lies in the shards, all of it."""
        return self.shards is not None and self.shards.covers(path) and self.shards.starts[-1] == rows

    def _take_sound(self, file: h5py.File, path: str) -> bool:
        """Take a column that is as it must be; False, without a word, for any other.

        It is opened and asked once. What `_inspect_column` does to say what is wrong asks several times, and
        was three quarters of what opening a file took.
        """
        record = self._records[path]
        try:
            column = h5py.h5d.open(file.id, path.encode())
            made, dtype = column.get_create_plist(), column.dtype
            sound = (
                (dtype.str, column.shape) == (record.dtype, record.shape)
                and dtype.kind in "fi"
                and made.get_layout() == h5py.h5d.CHUNKED
                and made.get_chunk() == expected_chunks(record.shape, record.dtype)
            )
            if sound:
                if self._digests:
                    self._inspect_digests(file, path)
                else:
                    self.tables.add(path)
                self.filters.update(made.get_filter(i)[0] for i in range(made.get_nfilters()))
                self.stored[path] = h5py.Dataset(column)
        except Exception:
            return False
        return sound

    def _inspect_column(self, file: h5py.File, path: str) -> None:
        record = self._records[path]
        try:
            stored = file[path]
            if not isinstance(stored, h5py.Dataset):
                self.problems.append(Problem(path, "is missing: the provenance lists it"))
            elif (dtype := stored.dtype).str != record.dtype or dtype.kind not in "fi":
                self.problems.append(Problem(path, f"has type {dtype.str}: expected {record.dtype}"))
            elif stored.shape != record.shape:
                self.problems.append(Problem(path, f"has shape {stored.shape}: expected {record.shape}"))
            elif stored.is_virtual:
                if not self._covered(path, record.shape[0]):
                    self.problems.append(Problem(path, "is a virtual dataset: expected one that the shards hold"))
                else:
                    self._take(path, stored)
            elif 0 not in record.shape and stored.chunks != (chunk := expected_chunks(record.shape, record.dtype)):
                self.problems.append(Problem(path, f"has chunks {stored.chunks}: expected {chunk}"))
            elif is_foreign(stored, file):
                self.problems.append(Problem(path, "lies in another file: expected a column of this one"))
            else:
                self._inspect_digests(file, path)
                self._take(path, stored)
        except Exception as error:
            absent = isinstance(error, KeyError) and "doesn't exist" in str(error)
            what = "is missing: the provenance lists it" if absent else f"is unreadable: {library_reason(error)}"
            self.problems.append(Problem(path, what))

    def _take(self, path: str, stored: h5py.Dataset) -> None:
        self.stored[path] = stored
        self.filters.update(filters(stored))

    def _inspect_digests(self, file: h5py.File, path: str) -> None:
        record = self._records[path]
        wrong = BlockTable(Path(file.filename), path, file, (record.dtype, record.shape), record.digest).problem()
        if wrong:
            self.problems.append(Problem(path, wrong))
        else:
            self.tables.add(path)


def expected_chunks(shape: tuple[int, ...], dtype: str) -> tuple[int, ...]:
    """Return the chunks of a column: one block each."""
    return (block_rows(shape, dtype), *shape[1:])
