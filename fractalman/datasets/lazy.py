"""Columns in a file that are read when they are indexed."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from fractalman.datasets.spec import AnyArray, Shape
from fractalman.errors import CorruptFileError, FractalmanError

if TYPE_CHECKING:
    import h5py

BLOCK_BYTES = 4 << 20


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


class LazyColumn:
    """A column in a file; indexing reads the rows asked for.

    Rows are chosen as in NumPy by an integer, a slice, an integer array in any order, or a boolean array; whatever
    follows in the index is applied to the rows read. ``np.asarray(column)`` reads all of it.
    """

    def __init__(self, file: Path, path: str, stored: h5py.Dataset) -> None:
        self.path = path
        self._file, self._stored, self._pid = file, stored, os.getpid()
        self.shape: Shape = tuple(int(size) for size in stored.shape)
        self.dtype: np.dtype[Any] = stored.dtype
        self._chunk_rows = int(stored.chunks[0]) if stored.chunks else max(1, self.shape[0])

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
        """Yield (first row, rows) over the whole column, about 4 MiB at a time."""
        row_bytes = max(1, self.nbytes // max(1, len(self)))
        rows = self._chunk_rows * max(1, BLOCK_BYTES // (self._chunk_rows * row_bytes))
        for start in range(0, len(self), rows):
            yield start, self._read(start, min(start + rows, len(self)))

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
                raise IndexError(f"a boolean index of shape {array.shape} for {n} rows of {self.path}: required ({n},)")
            array = np.flatnonzero(array)
        if array.size == 0:
            array = array.astype(np.int64)
        if array.dtype.kind not in "iu":
            raise IndexError(f"rows of {self.path} are chosen by integers, slices or booleans: found {array.dtype}")
        outside = (array < -n) | (array >= n)
        if outside.any():
            raise IndexError(f"row {array[outside].flat[0]} of {self.path}: allowed are {-n} to {n - 1}")
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

    def _read(self, start: int, stop: int) -> AnyArray:
        self._check_open()
        try:
            result: AnyArray = self._stored[start:stop]
        except (OSError, RuntimeError) as error:
            raise system_error(error, self._file) or CorruptFileError(
                f"{self._file}: {self.path}: rows {start} to {stop - 1} are damaged: {library_reason(error)}"
            ) from None
        return result
