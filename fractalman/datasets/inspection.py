"""Reading a whole file in this process and naming everything that is wrong with it; `verify` does it in a child."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from threading import Lock

import h5py
import numpy as np

from fractalman._threads import Threads
from fractalman.datasets.compression import require_filters
from fractalman.datasets.contents import Contents, open_hdf5
from fractalman.datasets.digests import ColumnDigest, Table, bad_blocks
from fractalman.datasets.header import read_header
from fractalman.datasets.lazy import READ_BYTES, HeldColumn, LazyColumn, library_reason
from fractalman.datasets.reader import check_path, columns_of, open_stored
from fractalman.datasets.rules import RULE_FUNCTIONS
from fractalman.datasets.sharded import OpenShards, ShardedColumn, pieces
from fractalman.datasets.spec import BY_PATH, PROVENANCE, RULES, AnyArray, Column, Problem, broken_elements
from fractalman.errors import FileFormatError
from fractalman.progress import Progress, ignored

_PLACES = {path: place for place, path in enumerate(["/", PROVENANCE, *BY_PATH])}


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems in the order of the column table, whatever order they were found in."""
    return sorted(
        set(problems), key=lambda problem: (_PLACES.get(problem.path, len(_PLACES)), problem.path, problem.message)
    )


def check_file(path: Path, progress: Progress = ignored) -> Iterator[Problem]:
    """Yield everything that is wrong with the HDF5 part of a file, as it is found.

    Errors: MissingExtraError for a compression that cannot be undone here; OSError when the disk fails.
    """
    header = None
    with contextlib.suppress(FileFormatError):  # `header.header_problem` says what is wrong with it
        header = read_header(check_path(path))
    try:
        file = open_hdf5(check_path(path), header)
    except FileFormatError as error:
        yield Problem("/", str(error))
        return
    with file:
        contents = Contents(file)
        yield from contents.problems
        if contents.provenance is None:
            return
        require_filters(path, contents.filters)
        shards = None if contents.shards is None else OpenShards(path, contents.shards, open_stored)
        columns = columns_of(path, contents, shards, check=True)
        reported = {problem.path for problem in contents.problems}
        unsound = {name for name in BY_PATH if name not in columns}
        total, done = sum(column.nbytes for column in columns.values()), 0
        held: dict[str, LazyColumn | HeldColumn] = {}
        for name, column in columns.items():
            yield from _description_problems(BY_PATH[name], contents.stored[name])
            kept = np.empty(column.shape, column.dtype) if name in _USED and column.nbytes <= HELD_BYTES else None
            if missing := _missing_chunks(contents.stored[name]):
                found, sound = [Problem(name, missing)], False
            else:
                stated = contents.provenance.columns[name].digest
                look = _Look(name, column, stated, contents.dims, kept)
                found, sound = look.problems(partial(_shifted, progress, done, total), reported)
            if not sound:
                unsound.add(name)
            held[name] = column.unchecked() if kept is None else HeldColumn(kept)
            done += column.nbytes
            yield from found
        for rule in RULES:
            needed = {*rule.columns, *(name for name in rule.optional if name in contents.provenance.columns)}
            if unsound.isdisjoint(needed) and not (rule.name == "recipe-size" and contents.problems):
                progress(rule.name, done, total)
                for message in RULE_FUNCTIONS[rule.name](held, contents.dims, contents.provenance):
                    yield Problem(rule.path, f"{message} (rule {rule.name})")
                    break


HELD_BYTES = 64 << 20
"""Columns of at most so many bytes that rules look at are kept in memory: each rule would unpack them again."""
_USED = {name for rule in RULES for name in (*rule.columns, *rule.optional)}
WINDOW = 3
"""Pieces of 4 MiB that are looked at while the next is read."""


def _shifted(progress: Progress, done: int, total: int, name: str, more: int, _: int) -> None:
    """Tell how far the whole file has come."""
    progress(name, done + more, total)


class _Look:
    """One column, read once: requirements that its elements break, blocks that do not fit their place.

    Parameters
    ----------
    name : str
        Of the column.
    column : LazyColumn
        Of the open file.
    stated : str
        The column's digest in the provenance.
    dims : Mapping
        Sizes of n, d, ….
    kept : ndarray or None
        Filled with the rows.
    """

    def __init__(
        self, name: str, column: LazyColumn, stated: str, dims: Mapping[str, int], kept: AnyArray | None
    ) -> None:
        self._name, self._column, self._stated, self._dims, self._kept = name, column, stated, dims, kept
        self._broken: dict[str, tuple[int, str, int]] = {}  # requirement → (row, first element, how many)
        self._bad: list[tuple[int, int]] = []
        self._lock = Lock()
        self._whole = ColumnDigest(column.shape, column.dtype.str)

    def problems(self, progress: Progress, reported: set[str]) -> tuple[list[Problem], bool]:
        """Return what is wrong, and whether all rows could be read, each with an allowed value.

        Shards in ``reported`` are known to be unreadable; those found here are added.
        """
        found: list[Problem] = []
        rows, size = 0, max(1, self._column.nbytes // max(1, len(self._column)))
        sharded = isinstance(self._column, ShardedColumn)
        table: Table | None = None
        if not sharded:
            try:
                table = self._column.block_digests()
            except FileFormatError as error:
                found.append(Problem(self._name, _short(error, self._name)))
        try:
            with Threads(WINDOW - 1 if self._column.nbytes > READ_BYTES else 0) as pool:
                waiting: deque[Future[None]] = deque()
                for start, piece in pieces(self._column, found, reported):
                    rows += len(piece)
                    if self._kept is not None:
                        self._kept[start : start + len(piece)] = piece
                    if sharded:
                        self._whole.update(piece)  # its blocks are not the shards'
                    waiting.append(pool.submit(self._examine, start, piece, table))
                    if len(waiting) >= WINDOW:
                        pool.results([waiting.popleft()])
                    progress(self._name, rows * size, 0)
                pool.results(waiting)
        except FileFormatError as error:
            problem = Problem(self._name, _short(error, self._name))
            if problem not in found:  # reading asks for the same digests of blocks: one cause, one line
                found.append(problem)
        whole = rows == len(self._column)  # else a shard is missing, or damaged, and is named
        if sharded and whole and not found and self._whole.hexdigest() != self._stated:
            found.append(Problem(self._name, _OTHER_DIGEST))
        if self._bad:
            first, last = min(self._bad)
            more = f" (and {len(self._bad) - 1} more blocks)" if len(self._bad) > 1 else ""
            found.append(Problem(self._name, f"rows {first} to {last - 1} do not have the digest of their block{more}"))
        for requirement, (_, element, count) in self._broken.items():
            more = f" (and {count - 1} more like it)" if count > 1 else ""
            found.append(Problem(self._name, f"{element}: expected {requirement}{more}"))
        return found, whole and not self._broken

    def _examine(self, start: int, piece: AnyArray, table: Table | None) -> None:
        """Look at some rows; block by block, while each is in cache."""
        block = self._column.rows_of_block
        for at in range(0, len(piece), block):
            part = piece[at : at + block]
            if table is not None:
                self._bad += bad_blocks(part, start + at, block, table)
            for requirement, element, count in broken_elements(BY_PATH[self._name], part, start + at, self._dims):
                with self._lock:
                    row, first, before = self._broken.get(requirement, (start + at, element, 0))
                    if start + at < row:
                        row, first = start + at, element
                    self._broken[requirement] = (row, first, before + count)


def _short(error: FileFormatError, name: str) -> str:
    """A message without the file's and the column's name, which stand beside it."""
    return str(error).partition(f"{name}: ")[2] or str(error)


_OTHER_DIGEST = "does not have the digest that the provenance states"


def _description_problems(column: Column, stored: h5py.Dataset) -> Iterator[Problem]:
    """Yield what is wrong with the attributes beside a column."""
    for name, required in (("dimensions", column.dimensions), ("unit", column.unit)):
        try:
            found = stored.attrs.get(name)
        except Exception as error:
            yield Problem(column.path, f"attribute {name} is unreadable: {library_reason(error)}")
        else:
            text = found.decode("utf-8", "replace") if isinstance(found, bytes) else found
            if not isinstance(text, str) or text != required:
                yield Problem(column.path, f"has {name} = {text!r}: expected {required!r}")


def _missing_chunks(stored: h5py.Dataset) -> str | None:
    """Return what is wrong with the number of chunks: HDF5 reads one that was never written as zeros."""
    if stored.chunks is None:
        return None
    required = math.prod(-(-size // chunk) for size, chunk in zip(stored.shape, stored.chunks, strict=True))
    try:
        found = stored.id.get_num_chunks()
    except Exception as error:
        return f"its chunks are unreadable: {library_reason(error)}"
    return None if found == required else f"has {found} chunks: expected {required}"
