"""A permutation of rows that do not fit in memory, through a scratch file: once written, once read, both in long runs.

Rows come in any order. The file is divided into as many stretches as there are blocks to come out; a row is appended
to the stretch of the block that it belongs to, with its number in that block beside it. A memory-mapped file would be
simpler, but as soon as it is larger than the memory left, every row costs a page read and a page written.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from fractalman._typing import F32, I64


class ExternalPermutation:
    """A file without a name into which rows are put in any order, and out of which they come in theirs.

    Args:
        folder: where the file lies; it is gone when it is closed, also by a kill.
        n_rows: rows in all. d: float32 numbers a row.
        rows: rows of a block that comes out.
    Errors: OSError when the disk fails, with the folder's name.
    """

    def __init__(self, folder: Path, n_rows: int, d: int, rows: int) -> None:
        self._folder, self._n, self._d, self._rows = folder, n_rows, d, rows
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._filled = np.zeros(-(-n_rows // rows), np.int64)

    @staticmethod
    def bytes_of(n_rows: int, d: int) -> int:
        """Bytes of the file."""
        return n_rows * (4 * d + 8)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def put(self, numbers: I64, block: F32) -> None:
        """Take rows: ``block[i]`` is row ``numbers[i]``; every row once in all."""
        stretch = numbers // self._rows
        order = np.argsort(stretch, kind="stable")
        block, within, stretch = block[order], (numbers - stretch * self._rows)[order], stretch[order]
        cuts = np.flatnonzero(np.diff(stretch)) + 1
        for a, b in zip([0, *cuts.tolist()], [*cuts.tolist(), len(block)], strict=True):
            at = int(stretch[a]) * self._rows + int(self._filled[stretch[a]])
            self._write(block[a:b], at * 4 * self._d)
            self._write(within[a:b], self._n * 4 * self._d + at * 8)
            self._filled[stretch[a]] += b - a

    def blocks(self) -> Iterator[tuple[int, F32]]:
        """Yield (first row, rows) in order, when all rows are there."""
        for stretch, rows in enumerate(self._filled.tolist()):
            first = stretch * self._rows
            block, within = np.empty((rows, self._d), np.float32), np.empty(rows, np.int64)
            self._read(block, first * 4 * self._d)
            self._read(within, self._n * 4 * self._d + first * 8)
            out = np.empty_like(block)
            out[within] = block
            yield first, out

    def _write(self, array: np.ndarray[Any, Any], offset: int) -> None:
        view, done = array.reshape(-1).view(np.uint8).data, 0
        try:
            self._file.seek(offset)
            while done < len(view):
                done += self._file.write(view[done:])
        except OSError as error:
            raise OSError(error.errno, os.strerror(error.errno or 0), str(self._folder)) from None

    def _read(self, array: np.ndarray[Any, Any], offset: int) -> None:
        view, done = array.reshape(-1).view(np.uint8).data, 0
        self._file.seek(offset)
        while done < len(view):
            more = self._file.readinto(view[done:])
            if not more:
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(self._folder))
            done += more
