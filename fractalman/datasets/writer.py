"""Writing a file: column by column, checked and hashed on the way, published whole or not at all."""

from __future__ import annotations

import errno
import math
import os
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np

from fractalman._signals import interrupts_held
from fractalman._threads import Threads, n_threads
from fractalman.datasets.compression import (
    PLUGIN,
    check_compression,
    filter_keywords,
    packed_here,
    shuffled_gzip,
)
from fractalman.datasets.digests import block_digest, table_digest, table_of
from fractalman.datasets.provenance import ColumnRecord, Provenance, current_versions
from fractalman.datasets.publish import Sink, check_dataset_target, published_sink, warn_of_leftovers
from fractalman.datasets.shard_table import LinkedColumn, with_whole
from fractalman.datasets.spec import (
    BY_PATH,
    COLUMNS,
    DIGESTS,
    FORMAT_NAME,
    HEADER_BYTES,
    MAJOR,
    MINOR,
    PROVENANCE,
    STANDARD,
    AnyArray,
    Column,
    Shape,
    block_rows,
    broken_elements,
    structure_problems,
)
from fractalman.errors import FileFormatError
from fractalman.progress import BlockSource, Progress, ignored

WRITE_BYTES = 4 << 20
EARLY_BYTES = 64 << 20
"""Columns of so many bytes are sent to the disk while those behind them are written."""
AHEAD = 16
"""Parts that are handed out to be examined before they are written."""

# ------------------------------------------------------------------------------------------------ columns


def _rows(column: Column, source: AnyArray | BlockSource, rows: int) -> Iterator[tuple[int, AnyArray]]:
    """Yield the column in blocks of exactly ``rows`` rows (the last one shorter), whatever the source's blocks are."""
    n = source.shape[0]
    if isinstance(source, np.ndarray):
        for start in range(0, n, rows):
            yield start, source[start : start + rows]
        return
    waiting: list[AnyArray] = []
    held = start = received = 0
    for first, block in source.blocks():
        if first != received or block.dtype != np.dtype(column.dtype) or block.shape[1:] != source.shape[1:]:
            raise FileFormatError(
                f"{column.path}: a block of type {block.dtype} and shape {block.shape} came at row {first}: "
                f"expected row {received} of {column.dtype} {source.shape}"
            )
        received += len(block)
        taken = 0
        while taken < len(block):
            piece = block[taken : taken + rows - held]
            taken += len(piece)
            held += len(piece)
            # A piece that does not fill the block is copied: the source may reuse its buffer.
            waiting.append(piece if held == rows else piece.copy())
            if held == rows:
                yield start, waiting[0] if len(waiting) == 1 else np.concatenate(waiting)
                start, held, waiting = start + rows, 0, []
    if waiting:
        yield start, np.concatenate(waiting)
    if received != n:
        raise FileFormatError(f"{column.path}: {received} rows came: expected {n}")


def _create(file: h5py.File, column: Column, shape: Shape, compression: str) -> h5py.Dataset:
    storage: dict[str, Any] = {}
    if 0 not in shape:
        storage = {
            "chunks": (block_rows(shape, column.dtype), *shape[1:]),
            "fill_time": "never",
            **filter_keywords(compression, column),
        }
    stored = file.create_dataset(column.path, shape=shape, dtype=np.dtype(column.dtype), track_times=False, **storage)
    describe(stored, column)
    return stored


def describe(stored: h5py.Dataset, column: Column) -> None:
    """Say beside a column what it is, as scalar attributes: dimensions, unit, meaning."""
    for name, text in (("dimensions", column.dimensions), ("unit", column.unit), ("meaning", column.meaning)):
        coded = text.encode("utf-8")
        stored.attrs.create(name, coded, dtype=h5py.string_dtype("utf-8", len(coded)))


def _rows_at_once(column: Column, shape: Shape) -> int:
    """Return how many rows are taken at once: whole blocks, about WRITE_BYTES."""
    rows = block_rows(shape, column.dtype)
    row_bytes = np.dtype(column.dtype).itemsize * math.prod(shape[1:])
    return rows * max(1, WRITE_BYTES // max(1, rows * row_bytes))


def _plan(columns: Mapping[str, AnyArray | BlockSource | LinkedColumn]) -> tuple[dict[str, int], int]:
    """Return dimensions and total bytes; FileFormatError naming the first column that does not fit the table."""
    dims, problems = structure_problems(
        {path: (np.dtype(source.dtype).str, tuple(source.shape)) for path, source in columns.items()}
    )
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise FileFormatError(f"the columns do not fit the format: {problems[0]}{more}")
    total = sum(np.dtype(BY_PATH[path].dtype).itemsize * math.prod(source.shape) for path, source in columns.items())
    return dims, total


def _check_space(columns: Mapping[str, AnyArray | BlockSource | LinkedColumn], path: Path, compression: str) -> None:
    """Refuse at once what cannot end well: the bytes of columns stored as they are are a lower bound."""
    needed = sum(
        np.dtype(BY_PATH[name].dtype).itemsize * math.prod(source.shape)
        for name, source in columns.items()
        if not filter_keywords(compression, BY_PATH[name]) and not isinstance(source, LinkedColumn)
    )
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        reason = f"{os.strerror(errno.ENOSPC)}: the file needs {needed} bytes or more, {free} are free"
        raise OSError(errno.ENOSPC, reason, str(path))


def write_columns(
    path: str | os.PathLike[str],
    columns: Mapping[str, AnyArray | BlockSource | LinkedColumn],
    *,
    recipe: Mapping[str, Any],
    overwrite: bool = False,
    progress: Progress | None = None,
    compression: str = STANDARD,
    extended: Mapping[str, Any] | None = None,
) -> Path:
    """Write a dataset file and publish it at once; the same columns and recipe give the same bytes.

    Parameters
    ----------
    path : str or path
        The target; untouched until the file is complete.
    columns : Mapping
        Path in the file → array, `BlockSource` or `LinkedColumn`, types and shapes as in FORMAT.md.
    recipe : Mapping
        Family and keywords, plain values (`Recipe.to_dict()`).
    overwrite : bool
        Replace an existing file.
    progress : callable, optional
        Called as progress(column, bytes done, bytes in all).
    compression : str
        A name in `spec.COMPRESSIONS`.
    extended : Mapping, optional
        What the file was before points were added: ``n_points`` and ``content``; the content digest leaves it aside.

    Returns
    -------
    Path
        Of the file. What a killed run left beside it is named by a LeftoverWarning.

    Raises
    ------
    FileFormatError
        For columns that do not fit, or an element that cannot be (nan, an id outside).
    RecipeError, MissingExtraError
        For a compression that there is not.
    OSError
        Those of `check_target`, and when the disk fails (ENOSPC when it is full). Nothing is left behind after an error
        or Ctrl-C.
    """
    target = check_dataset_target(path, overwrite)
    check_compression(compression)
    dims, total = _plan(columns)
    dims = with_whole(dims, recipe)
    Provenance(recipe, {}, {}).to_bytes()  # a recipe that cannot be stored is refused before the work
    warn_of_leftovers(target)
    _check_space(columns, target, compression)
    with published_sink(target, overwrite, complete=True) as sink:
        _write_file(sink, target, columns, recipe, dims, (progress or ignored, total), compression, extended)
    return target


def _write_file(
    sink: Sink,
    target: Path,
    columns: Mapping[str, AnyArray | BlockSource | LinkedColumn],
    recipe: Mapping[str, Any],
    dims: Mapping[str, int],
    report: tuple[Progress, int],
    compression: str,
    extended: Mapping[str, Any] | None,
) -> None:
    progress, total = report
    records: dict[str, ColumnRecord] = {}
    done = 0
    file: h5py.File | None = None
    try:
        with interrupts_held():
            # "latest" could not be read by HDF5 1.10 to 1.14
            file = h5py.File(sink, "w", libver=("v110", "v110"), track_order=False, userblock_size=HEADER_BYTES)
            file.attrs["format"] = np.bytes_(FORMAT_NAME.encode("ascii"))
            file.attrs["major"] = np.int64(MAJOR)
            file.attrs["minor"] = np.int64(MINOR)
            file.attrs["complete"] = np.int64(0)
        number = _examiners() if total > WRITE_BYTES else 0  # a small file is done before a thread
        with Threads(number) as examiners:
            digests: list[bytes] = []
            begun: Column | None = None
            packed: Packed = {}
            for part in _ahead(_parts(columns), lambda part: part.examine(examiners, dims, compression, packed)):
                column, size = part.column, np.dtype(part.column.dtype).itemsize * math.prod(part.source.shape)
                if isinstance(part.source, LinkedColumn):
                    with interrupts_held():
                        describe(part.source.create(file, column), column)
                    records[column.path] = ColumnRecord(np.dtype(column.dtype).str, part.shape, part.source.digest)
                    done += size
                    continue
                if column is not begun:
                    with interrupts_held():
                        stored = _create(file, column, part.shape, compression)
                    digests, begun = [], column
                if len(part.rows):
                    with interrupts_held():
                        _store(stored, part, list(chain(*examiners.results(part.packed))))
                    sink.check(target)
                    digests += chain(*examiners.results(part.examined))  # before the source may use the memory again
                    done += part.rows.nbytes
                    progress(column.path, done, total)
                if part.start + len(part.rows) == part.shape[0]:
                    table = table_of(digests)
                    with interrupts_held():
                        file.create_dataset(f"{DIGESTS}/{column.path}", data=table, track_times=False)
                    records[column.path] = ColumnRecord(np.dtype(column.dtype).str, part.shape, table_digest(table))
                    if size >= EARLY_BYTES:
                        sink.flush_early()
        versions = current_versions(*(["hdf5plugin"] if compression in PLUGIN.values() else []))
        text = Provenance(recipe, records, versions, compression, extended=extended).to_bytes()
        with interrupts_held():
            provenance = file.create_dataset(
                PROVENANCE, shape=(1,), dtype=f"S{len(text)}", chunks=(1,), fletcher32=True, track_times=False
            )
            provenance[0] = text
            file.attrs.modify("complete", np.int64(1))
    finally:
        if file is not None:
            with interrupts_held():
                file.close()


def _examiners() -> int:
    """How many threads look at elements, take digests and pack: one processor writes."""
    return max(1, min(2, n_threads() - 1))


Packed: TypeAlias = dict[tuple[int, int], list[Future[list[bytes]]]]
"""(an array, first row) → the chunks of a part, of arrays that are several columns."""


@dataclass
class _Part:
    """Consecutive rows of a column, whole blocks, and what threads are to find of them.

    Args:
        column, source: what is written. start, rows: the part. beside: whether the rows stay as they are while others
            are made. twice: whether another column is the same array, as the parents of both trees may be. examined:
            the blocks' digests, when every element has been looked at. packed: their chunks, where they are packed
            here.
    """

    column: Column
    source: AnyArray | BlockSource | LinkedColumn
    start: int
    rows: AnyArray
    beside: bool = True
    twice: bool = False
    blocks: list[AnyArray] = field(default_factory=list)
    examined: list[Future[list[bytes]]] = field(default_factory=list)
    packed: list[Future[list[bytes]]] = field(default_factory=list)

    @property
    def shape(self) -> Shape:
        return tuple(int(size) for size in self.source.shape)

    @property
    def block(self) -> int:
        """Rows of a block."""
        return block_rows(self.shape, self.column.dtype)

    def examine(self, examiners: Threads, dims: Mapping[str, int], compression: str, packed: Packed) -> None:
        """Hand out the digests, a look at every element, and the packing, which is in ``packed`` the second time."""
        if not len(self.rows):
            return
        size = self.block
        self.blocks = [np.ascontiguousarray(self.rows[at : at + size]) for at in range(0, len(self.rows), size)]
        share = -(-len(self.blocks) // _examiners())
        shares = [range(at, min(at + share, len(self.blocks))) for at in range(0, len(self.blocks), share)]
        with interrupts_held():
            if packed_here(compression, self.column):
                known = id(self.source), self.start
                self.packed = packed.get(known) or [
                    examiners.submit(_packed, [self.blocks[k] for k in some], size) for some in shares
                ]
                if self.twice:
                    packed[known] = self.packed
            self.examined = [
                examiners.submit(
                    _examine, self.column, [self.blocks[k] for k in some], self.start + some[0] * size, dims
                )
                for some in shares
            ]


def _parts(columns: Mapping[str, AnyArray | BlockSource | LinkedColumn]) -> Iterator[_Part]:
    """Yield the columns in the order of the format, part by part; of what has no rows, one part without any."""
    often = Counter(map(id, columns.values()))
    for column in COLUMNS:
        source = columns.get(column.path)
        if source is None:
            continue
        shape = tuple(int(size) for size in source.shape)
        if isinstance(source, LinkedColumn) or 0 in shape:
            yield _Part(column, source, 0, np.empty((0, *shape[1:]), column.dtype))
            continue
        beside = isinstance(source, np.ndarray)
        for start, rows in _rows(column, source, _rows_at_once(column, shape)):
            if start < shape[0]:  # what comes beyond is refused when all has come
                yield _Part(column, source, start, rows, beside, beside and often[id(source)] > 1)


def _ahead(parts: Iterator[_Part], examine: Callable[[_Part], None]) -> Iterator[_Part]:
    """Yield parts after handing out their examination: those in memory a few parts ahead of being written.

    What a source makes is written before the next is asked for: it may use its memory again.
    """
    waiting: deque[_Part] = deque()
    for part in parts:
        if not part.beside:
            while waiting:
                yield waiting.popleft()
        examine(part)
        waiting.append(part)
        if not part.beside or len(waiting) > AHEAD:
            yield waiting.popleft()
    yield from waiting


def _examine(column: Column, blocks: Sequence[AnyArray], start: int, dims: Mapping[str, int]) -> list[bytes]:
    """Return digests of blocks after looking at every element; FileFormatError naming the first that cannot be."""
    digests = []
    for block in blocks:
        for requirement, first, _ in broken_elements(column, block, start, dims):
            raise FileFormatError(f"the columns do not fit the format: {column.path}: {first}: expected {requirement}")
        digests.append(block_digest(block))
        start += len(block)
    return digests


def _packed(blocks: Sequence[AnyArray], size: int) -> list[bytes]:
    return [shuffled_gzip(_whole(block, size)) for block in blocks]


def _whole(block: AnyArray, size: int) -> AnyArray:
    """Return a block as a chunk, which has as many bytes as the others in the file, the last one too."""
    if len(block) == size:
        return block
    return np.concatenate([block, np.zeros((size - len(block), *block.shape[1:]), block.dtype)])


def _store(stored: h5py.Dataset, part: _Part, packed: Sequence[bytes]) -> None:
    """Write whole blocks, packed ones or plain ones past the library's buffers."""
    if stored.id.get_create_plist().get_nfilters() and not packed:
        stored[part.start : part.start + len(part.rows)] = part.rows
        return
    size, inner = part.block, (0,) * (part.rows.ndim - 1)
    for k, chunk in enumerate(packed or [_whole(block, size) for block in part.blocks]):
        stored.id.write_direct_chunk((part.start + k * size, *inner), chunk)
