"""Digests of blocks: what is read can be checked at its place, and everything larger is a digest of these.

A column is cut into blocks of consecutive rows (`spec.block_rows`: about 512 KiB, a function of its shape and type
alone). Every block has one digest, the XXH3-128 of its little-endian row-major bytes, taken once while the block is in
cache. The table of a column's block digests, in order, binds each of them to its place: two blocks that are exchanged
in the file no longer fit. The column's digest is that of its table, and the content digest is that of the columns'.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import xxhash

from fractalman.datasets.spec import AnyArray, Shape, block_rows

DIGEST_BYTES = 32
BLOCK_DIGEST_BYTES = 16

Table = npt.NDArray[np.uint8]
"""(blocks, 16) uint8: a column's block digests in order."""


def block_digest(block: AnyArray) -> bytes:
    """Return the XXH3-128 of an array's bytes, 16 bytes; the array is little-endian, and copied unless contiguous."""
    return xxhash.xxh3_128_digest(np.ascontiguousarray(block).data) if block.size else xxhash.xxh3_128_digest(b"")


def table_of(digests: list[bytes]) -> Table:
    """Return block digests as a table."""
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, BLOCK_DIGEST_BYTES)


def table_digest(table: Table) -> str:
    """Return the digest of a column: BLAKE2b-256 of its block digests, 64 hexadecimal digits."""
    return hashlib.blake2b(table.tobytes(), digest_size=DIGEST_BYTES).hexdigest()


def blocks_in(shape: Shape, dtype: str) -> int:
    """Return how many blocks a column has; an empty one has none."""
    return 0 if 0 in shape else -(-shape[0] // block_rows(shape, dtype))


def bad_blocks(rows: AnyArray, first: int, block: int, table: Table) -> Iterator[tuple[int, int]]:
    """Yield (first row, row after the last) of every block that is not the one its table names.

    Parameters
    ----------
    rows : ndarray
        Consecutive rows of a column, beginning with a block and ending with one, or with the column.
    first : int
        The first row's number.
    block : int
        Rows of a block.
    table : (blocks, 16) uint8
        Of the whole column.
    """
    for start in range(0, len(rows), block):
        part = rows[start : start + block]
        if block_digest(part) != table[(first + start) // block].tobytes():
            yield first + start, first + start + len(part)


class ColumnDigest:
    """The digest of a column whose rows come in pieces of any size.

    Parameters
    ----------
    shape : tuple of int
        Of the whole column, which decides the blocks.
    dtype : str
        NumPy's name of its little-endian type.
    """

    def __init__(self, shape: Shape, dtype: str) -> None:
        self._dtype, self._rows = np.dtype(dtype), block_rows(shape, dtype)
        self._done: list[bytes] = []
        self._open, self._held = xxhash.xxh3_128(), 0

    def update(self, rows: AnyArray) -> None:
        """Add the next rows."""
        rows = np.ascontiguousarray(rows, dtype=self._dtype)
        while len(rows) and rows.size:
            part = rows[: self._rows - self._held]
            rows = rows[len(part) :]
            self._open.update(part.data)
            self._held += len(part)
            if self._held == self._rows:
                self._close()

    def _close(self) -> None:
        self._done.append(self._open.digest())
        self._open, self._held = xxhash.xxh3_128(), 0

    def table(self) -> Table:
        """Return the block digests of all rows; nothing may be added afterwards."""
        if self._held:
            self._close()
        return table_of(self._done)

    def hexdigest(self) -> str:
        """Return the column's digest, 64 hexadecimal digits."""
        return table_digest(self.table())


def column_digest(array: AnyArray, dtype: str) -> str:
    """Return the digest of a whole column in memory.

    Examples
    --------
    >>> column_digest(np.zeros((0, 2), "<i8"), "<i8") == table_digest(table_of([]))
    True
    """
    digest = ColumnDigest(array.shape, dtype)
    digest.update(array)
    return digest.hexdigest()
