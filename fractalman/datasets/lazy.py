"""Columns in a file that are read when they are indexed."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from fractalman._threads import Threads
from fractalman._typing import I64
from fractalman.datasets.digests import BLOCK_DIGEST_BYTES, Table, bad_blocks, blocks_in, table_digest
from fractalman.datasets.direct import chunk_places, read_blocks
from fractalman.datasets.spec import DIGESTS, AnyArray, Shape, block_rows
from fractalman.display import Display, Summary
from fractalman.errors import CorruptFileError, FractalmanError

if TYPE_CHECKING:
    import h5py

READ_BYTES = 4 << 20
"""Bytes of a column that are read at once: whole blocks, which are checked while they are in cache."""

SHARE_AT_ONCE = 4
"""Once a fourth of a column's blocks were asked for, reads go past the library's buffers (`direct`)."""


def system_error(error: BaseException, path: Path) -> OSError | None:
    """Return the operating system's error behind an HDF5 error, or None when the library itself objects."""
    number = getattr(error, "errno", None)
    if number is None:
        found = re.search(r"errno = (\d+)", str(error))
        number = int(found.group(1)) if found else None
    return OSError(number, os.strerror(number), str(path)) if number else None


def library_reason(error: BaseException) -> str:
    """Return what the library said, on one line."""
    text = str(error) or type(error).__name__
    inner = re.search(r"\((.*)\)", text, re.DOTALL)
    return " ".join((inner.group(1) if inner else text).split())


class BlockTable:
    """The digests of a column's blocks as they stand in the file, read and checked at their first use.

    Parameters
    ----------
    file : Path
        For messages.
    path : str
        Of the column.
    opened : h5py.File
        That holds the table, (blocks, 16) uint8.
    kind : tuple of (str, shape)
        Type and shape of the column.
    stated : str
        The column's digest in the provenance, which the table must have.
    """

    def __init__(self, file: Path, path: str, opened: h5py.File, kind: tuple[str, Shape], stated: str) -> None:
        self._file, self._path, self._opened, self._kind, self._stated = file, path, opened, kind, stated

    def problem(self) -> str:
        """Return what is wrong with presence, type or shape of the table, not with its digests; "" for nothing."""
        import h5py

        name = f"{DIGESTS}/{self._path}"
        table, expected = self._opened.get(name), self.expected_shape(self._kind[1], self._kind[0])
        if not isinstance(table, h5py.Dataset) or is_foreign(table, self._opened):
            return f"has no digests of its blocks: expected a table {name}"
        if table.dtype != np.uint8 or table.shape != expected:
            return f"the digests of its blocks have {table.dtype} and shape {table.shape}: expected uint8, {expected}"
        return ""

    @cached_property
    def table(self) -> Table:
        """The digests; CorruptFileError when they are not those that the provenance vouches for."""
        try:
            wrong = self.problem()
            table: Table = (
                np.empty((0, BLOCK_DIGEST_BYTES), np.uint8) if wrong else self._opened[f"{DIGESTS}/{self._path}"][()]
            )
        except Exception as error:  # of any kind, by what is damaged
            raise system_error(error, self._file) or CorruptFileError(
                f"{self._file}: {self._path}: the digests of its blocks are unreadable: {library_reason(error)}"
            ) from None
        if wrong or table_digest(table) != self._stated:
            raise CorruptFileError(f"{self._file}: {self._path}: {wrong or OTHER_TABLE}")
        return table

    @staticmethod
    def expected_shape(shape: Shape, dtype: str) -> Shape:
        """Return the shape of the table of a column."""
        return blocks_in(shape, dtype), BLOCK_DIGEST_BYTES


def is_foreign(stored: h5py.Dataset, file: h5py.File) -> bool:
    """Whether a dataset's values lie outside this file: behind an external link, or in external storage."""
    from h5py import h5f

    name = h5f.get_name(stored.id)  # `stored.file` would open the file again for every column
    return bool(name != h5f.get_name(file.id) or stored.external)


OTHER_TABLE = "the digests of its blocks do not have the digest that the provenance states"


class LazyColumn(Display):
    """A column in a file; indexing reads the rows asked for, and checks them at their place.

    Rows are chosen as in NumPy by an integer, a slice, an integer array in any order, or a boolean array; whatever
    follows in the index is applied to the rows read. ``np.asarray(column)`` reads all of it.

    A block (about 512 KiB of rows) is read whole and compared with its digest: rows that were changed, or that belong
    elsewhere, raise CorruptFileError. With ``check="none"`` only reading the whole column checks.

    Parameters
    ----------
    file : Path
        Path of the file, for messages.
    path : str
        Of the column in the file.
    stored : h5py.Dataset
        The column as HDF5 has it.
    blocks : BlockTable or None, default None
        Digests of its blocks; None = only the whole is checked.
    check : bool, default True
        Compare what is read with the digests.

    Attributes
    ----------
    path : str
        Of the column in the file.
    shape, dtype
        As of an array.
    """

    def __init__(
        self, file: Path, path: str, stored: h5py.Dataset, blocks: BlockTable | None = None, check: bool = True
    ) -> None:
        self.path = path
        self._file, self._stored, self._pid = file, stored, os.getpid()
        self.shape: Shape = tuple(int(size) for size in stored.shape)
        self.dtype: np.dtype[Any] = stored.dtype
        self._blocks, self._check = blocks, check
        self._chunk_rows = block_rows(self.shape, self.dtype.str)
        self._asked = 0  # blocks read so far, checked
        self._last: tuple[int, AnyArray] | None = None  # the block that part of was asked for last

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the whole column in memory."""
        return self.size * int(self.dtype.itemsize)

    @property
    def stored_bytes(self) -> int:
        """Bytes that the column takes in the file."""
        self._check_open()
        return int(self._stored.id.get_storage_size())

    @property
    def filters(self) -> list[str]:
        """Names of the filters that its bytes went through, the checksum left out; [] = stored as it is."""
        from fractalman.datasets.compression import filter_names

        self._check_open()
        return filter_names(self._stored)

    def __len__(self) -> int:
        return self.shape[0]

    def _summary(self) -> Summary:
        return Summary(repr(self), [("path", self.path), ("dtype", str(self.dtype)), ("shape", str(self.shape))])

    def __repr__(self) -> str:
        return f"<column {self.path} {self.shape} {self.dtype.str} in {self._file}>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        if copy is False:
            raise ValueError(f"column {self.path} is in a file: reading it makes a copy")
        return np.asarray(self[:], dtype=dtype)

    def __iter__(self) -> Iterator[Any]:
        for _, block in self.blocks():
            yield from block

    def __reduce__(self) -> NoReturn:
        raise TypeError("a column of an open file cannot be pickled: read it, or pass the path and open it there")

    def blocks(self) -> Iterator[tuple[int, AnyArray]]:
        """Yield the whole column, about 4 MiB at a time, always checked.

        Returns
        -------
        iterator of (int, array)
            First row, and the rows from there.
        """
        rows = self._rows_at_once
        for start in range(0, len(self), rows):
            yield start, self._read(start, min(start + rows, len(self)), check=True)

    @property
    def rows_of_block(self) -> int:
        """Rows of a block (the last may have fewer)."""
        return self._chunk_rows

    def block_digests(self) -> Table:
        """Return the digests of the column's blocks.

        Returns
        -------
        Table
            One entry a block.

        Raises
        ------
        CorruptFileError
            When the provenance does not vouch for them, or there are none.
        """
        if self._blocks is None:
            raise CorruptFileError(f"{self._file}: {self.path} was opened without the digests of its blocks")
        return self._blocks.table

    def unchecked(self) -> LazyColumn:
        """Return the same column without any check of what is read: for naming what is wrong with it.

        Returns
        -------
        LazyColumn
            Reads the same rows.
        """
        return LazyColumn(self._file, self.path, self._stored, None, check=False)

    @property
    def _rows_at_once(self) -> int:
        """Rows of whole blocks that are about `READ_BYTES`."""
        row_bytes = max(1, self.nbytes // max(1, len(self)))
        return self._chunk_rows * max(1, READ_BYTES // (self._chunk_rows * row_bytes))

    def __getitem__(self, key: Any) -> Any:
        rows, rest = self._split_key(key)
        n = len(self)
        if isinstance(rows, slice):
            start, stop, step = rows.indices(n)
            chosen = range(start, stop, step)
            if not chosen:
                result = self._read(0, 0)
            else:
                low, high = min(chosen[0], chosen[-1]), max(chosen[0], chosen[-1])
                if abs(step) > 1 and abs(step) * 4 > self._chunk_rows:
                    result = self._take(np.arange(start, stop, step, dtype=np.int64))
                else:
                    result = self._read(low, high + 1)[::step]
            return result[(slice(None), *rest)] if rest else result
        array = np.asarray(rows)
        if array.dtype == np.bool_:
            if array.shape != (n,):
                raise IndexError(f"a boolean index of shape {array.shape} for {n} rows of {self.path}: expected ({n},)")
            array = np.flatnonzero(array)
        if array.size == 0:
            array = array.astype(np.int64)
        if array.dtype.kind not in "iu":
            raise IndexError(f"rows of {self.path} are chosen by integers, slices or booleans: found {array.dtype}")
        outside = (array < -n) | (array >= n)
        if outside.any():
            raise IndexError(f"row {array[outside].flat[0]} of {self.path}: expected {-n} to {n - 1}")
        flat = array.reshape(-1).astype(np.int64)
        taken = self._take(np.where(flat < 0, flat + n, flat)).reshape((*array.shape, *self.shape[1:]))
        result = taken[(*(slice(None),) * array.ndim, *rest)] if rest else taken
        return result[()] if result.ndim == 0 else result

    def _split_key(self, key: Any) -> tuple[Any, tuple[Any, ...]]:
        keys = key if isinstance(key, tuple) else (key,)
        at = next((i for i, k in enumerate(keys) if k is Ellipsis), None)
        if at is not None:
            keys = (*keys[:at], *(slice(None),) * (len(self.shape) - len(keys) + 1), *keys[at + 1 :])
        if len(keys) > len(self.shape):
            raise IndexError(f"{len(keys)} indices for {self.path} of shape {self.shape}")
        return (keys[0], keys[1:]) if keys else (slice(None), ())

    def _take(self, rows: AnyArray) -> AnyArray:
        """Read rows in any order, each chunk once."""
        out = np.empty((rows.size, *self.shape[1:]), dtype=self.dtype)
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        chunk = ordered // self._chunk_rows
        bounds = np.flatnonzero(np.diff(chunk)) + 1
        for places in np.split(np.arange(rows.size), bounds):
            if places.size:
                low, high = int(ordered[places[0]]), int(ordered[places[-1]])
                out[order[places]] = self._read(low, high + 1)[ordered[places] - low]
        return out

    def _check_open(self) -> None:
        if not self._stored:
            raise FractalmanError(f"{self._file} is closed: open it again to read {self.path}")
        if os.getpid() != self._pid:
            raise FractalmanError(f"{self._file} was opened by another process: open it in this one")

    def _read(self, start: int, stop: int, check: bool = False) -> AnyArray:
        """Return rows start … stop − 1; whole columns are always checked, parts as the file was opened."""
        self._check_open()
        check = check or self._check or stop - start == len(self)
        r, n = self._chunk_rows, len(self)
        out = np.empty((stop - start, *self.shape[1:]), self.dtype)
        if not out.size:
            return out
        inner, outer = -(-start // r) * r, stop if stop == n else stop // r * r  # the whole blocks among the rows
        if inner >= outer:  # none: all rows lie in one block, or in two
            inner = outer = min(inner, stop)
        if start < inner:
            self._copy_part(out[: inner - start], start, check)
        if inner < outer:
            self._read_blocks(out[inner - start : outer - start], inner, check)
        if outer < stop:
            self._copy_part(out[outer - start :], outer, check)
        return out

    def _copy_part(self, out: AnyArray, start: int, check: bool) -> None:
        """Fill ``out`` with rows of one block, which is read whole and kept for the next part of it."""
        k = start // self._chunk_rows
        first = k * self._chunk_rows
        if self._last is None or self._last[0] != k:
            block = np.empty((min(self._chunk_rows, len(self) - first), *self.shape[1:]), self.dtype)
            self._last = None
            self._read_blocks(block, first, check)
            self._last = k, block
        out[...] = self._last[1][start - first : start - first + len(out)]

    def _read_blocks(self, out: AnyArray, first: int, check: bool) -> None:
        """Fill ``out`` with whole blocks; digests are compared on another thread while the next blocks are read."""
        step = self._rows_at_once
        parts = [(at, out[at : at + step]) for at in range(0, len(out), step)]
        if not check or self._blocks is None:
            for at, part in parts:
                self._fill(part, first + at)
            return
        table = self._blocks.table
        block = self._chunk_rows
        many = (len(out) - 1) // block + 1
        self._asked += many
        places = self._places if SHARE_AT_ONCE * self._asked >= len(table) else None
        if places is not None and read_blocks(self._stored, places, first // block, block, table, out):
            return
        if len(parts) == 1:
            self._fill(out, first)
            self._refuse_bad(out, first, table)
            return
        with Threads(1) as checker:
            waiting = []
            for at, part in parts:
                self._fill(part, first + at)
                waiting.append(checker.submit(self._refuse_bad, part, first + at, table))
            checker.results(waiting)

    @cached_property
    def _places(self) -> I64 | None:
        """Where the blocks lie in the file, or None; listing them takes 5 µs a block."""
        try:
            return chunk_places(self._stored, self._chunk_rows)
        except (OSError, RuntimeError):  # damaged: the library will say where when it reads
            return None

    def _fill(self, out: AnyArray, start: int) -> None:
        stop = start + len(out)
        try:
            self._stored.read_direct(out, np.s_[start:stop])
        except (OSError, RuntimeError) as error:
            raise system_error(error, self._file) or CorruptFileError(
                f"{self._file}: {self.path}: rows {start} to {stop - 1} are damaged: {library_reason(error)}"
            ) from None

    def _refuse_bad(self, rows: AnyArray, first: int, table: Table) -> None:
        for start, stop in bad_blocks(rows, first, self._chunk_rows, table):
            raise CorruptFileError(f"{self._file}: {self.path}: rows {start} to {stop - 1} are damaged: {OTHER_BLOCK}")


OTHER_BLOCK = "they do not have the digest of their block"


class HeldColumn:
    """A column in memory that is read like one in a file."""

    def __init__(self, array: AnyArray) -> None:
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, key: Any) -> Any:
        return self._array[key]

    def blocks(self) -> Iterator[tuple[int, AnyArray]]:
        """Yield (first row, rows)."""
        rows = max(1, READ_BYTES // max(1, self._array.nbytes // max(1, len(self))))
        for start in range(0, len(self), rows):
            yield start, self._array[start : start + rows]
