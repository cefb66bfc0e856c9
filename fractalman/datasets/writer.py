"""Writing a file: column by column, checked and hashed on the way, published whole or not at all."""

from __future__ import annotations

import errno
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fractalman.datasets.certificate import Certificate, ColumnDigest, ColumnRecord, current_versions
from fractalman.datasets.compression import PLUGIN, check_compression, filter_keywords
from fractalman.datasets.publish import Sink, check_target, interrupts_held, published_sink, warn_of_leftovers
from fractalman.datasets.shards import LinkedColumn
from fractalman.datasets.spec import (
    BY_PATH,
    CERTIFICATE,
    COLUMNS,
    FORMAT_NAME,
    MAJOR,
    MINOR,
    SEAL_BYTES,
    STANDARD,
    AnyArray,
    Column,
    Shape,
    broken_elements,
    chunk_rows,
    structure_problems,
)
from fractalman.errors import FileFormatError
from fractalman.progress import BlockSource, Progress

BLOCK_BYTES = 4 << 20

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
                f"required is row {received} of {column.dtype} {source.shape}"
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
        raise FileFormatError(f"{column.path}: {received} rows came: required are {n}")


def _create(file: h5py.File, column: Column, shape: Shape, compression: str) -> h5py.Dataset:
    storage: dict[str, Any] = {}
    if 0 not in shape:
        storage = {
            "chunks": (chunk_rows(shape, column.dtype), *shape[1:]),
            "fletcher32": True,
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


def _block_rows(column: Column, shape: Shape) -> int:
    """Return how many rows are written at once: whole chunks, about BLOCK_BYTES."""
    chunk = chunk_rows(shape, column.dtype)
    chunk_bytes = chunk * np.dtype(column.dtype).itemsize * math.prod(shape[1:])
    return chunk * max(1, BLOCK_BYTES // max(1, chunk_bytes))


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
) -> Path:
    """Write a dataset file and publish it at once; the same columns and recipe give the same bytes.

    Args:
        path: the target; untouched until the file is complete.
        columns: path in the file → array, `BlockSource` or `LinkedColumn`, types and shapes as in FORMAT.md.
        recipe: family and keywords, plain values (`Recipe.to_dict()`).
        overwrite: replace an existing file.
        progress: called as progress(column, bytes done, bytes in all).
        compression: a name in `spec.COMPRESSIONS`.
    Returns: the path. Errors: FileFormatError for columns that do not fit; those of `check_target`; RecipeError or
        MissingExtraError for a compression that there is not; OSError when the disk fails (ENOSPC when it is full).
        Nothing is left behind after an error or Ctrl-C.
    """
    target = check_target(path, overwrite)
    check_compression(compression)
    dims, total = _plan(columns)
    Certificate(recipe, {}, {}).to_bytes()  # a recipe that cannot be stored is refused before the work
    warn_of_leftovers(target)
    _check_space(columns, target, compression)
    with published_sink(target, overwrite, sealed=True) as sink:
        _write_file(sink, target, columns, recipe, dims, (progress, total), compression)
    return target


def _write_file(
    sink: Sink,
    target: Path,
    columns: Mapping[str, AnyArray | BlockSource | LinkedColumn],
    recipe: Mapping[str, Any],
    dims: Mapping[str, int],
    report: tuple[Progress | None, int],
    compression: str,
) -> None:
    progress, total = report
    records: dict[str, ColumnRecord] = {}
    done = 0
    file: h5py.File | None = None
    try:
        with interrupts_held():
            # "latest" could not be read by HDF5 1.10 to 1.14
            file = h5py.File(sink, "w", libver=("v110", "v110"), track_order=False, userblock_size=SEAL_BYTES)
            file.attrs["format"] = np.bytes_(FORMAT_NAME.encode("ascii"))
            file.attrs["major"] = np.int64(MAJOR)
            file.attrs["minor"] = np.int64(MINOR)
            file.attrs["complete"] = np.int64(0)
        with ThreadPoolExecutor(1) as hasher:  # hashing leaves Python's lock, so it costs no time beside writing
            for column in COLUMNS:
                if column.path not in columns:
                    continue
                source = columns[column.path]
                shape = tuple(int(size) for size in source.shape)
                if isinstance(source, LinkedColumn):
                    with interrupts_held():
                        describe(source.create(file, column), column)
                    records[column.path] = ColumnRecord(np.dtype(column.dtype).str, shape, source.digest)
                    done += np.dtype(column.dtype).itemsize * math.prod(shape)
                    continue
                with interrupts_held():
                    stored = _create(file, column, shape, compression)
                digest = ColumnDigest(column.dtype)
                for start, block in _rows(column, source, _block_rows(column, shape)):
                    for requirement, first, _ in broken_elements(column, block, start, dims):
                        raise FileFormatError(
                            f"the columns do not fit the format: {column.path}: {first}: required {requirement}"
                        )
                    hashed = hasher.submit(digest.update, block)
                    with interrupts_held():
                        stored[start : start + len(block)] = block
                    sink.check(target)
                    hashed.result()  # before the source may use the block's memory again
                    done += block.nbytes
                    if progress:
                        progress(column.path, done, total)
                records[column.path] = ColumnRecord(np.dtype(column.dtype).str, shape, digest.hexdigest())
        versions = current_versions(*(["hdf5plugin"] if compression in PLUGIN.values() else []))
        text = Certificate(recipe, records, versions, compression).to_bytes()
        with interrupts_held():
            certificate = file.create_dataset(
                CERTIFICATE, shape=(1,), dtype=f"S{len(text)}", chunks=(1,), fletcher32=True, track_times=False
            )
            certificate[0] = text
            file.attrs.modify("complete", np.int64(1))
    finally:
        if file is not None:
            with interrupts_held():
                file.close()
