"""Reading a whole file in this process and naming everything that is wrong with it; `verify` does it in a child."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import h5py

from fractalman.datasets.certificate import ColumnDigest
from fractalman.datasets.compression import require_filters
from fractalman.datasets.lazy import LazyColumn, library_reason
from fractalman.datasets.reader import Contents, check_path, open_hdf5
from fractalman.datasets.rules import RULE_FUNCTIONS
from fractalman.datasets.seal import read_seal
from fractalman.datasets.shards import OpenShards, checked_blocks, lazy_column
from fractalman.datasets.spec import BY_PATH, CERTIFICATE, RULES, Column, Problem, broken_elements
from fractalman.errors import FileFormatError
from fractalman.progress import Progress

_PLACES = {path: place for place, path in enumerate(["/", CERTIFICATE, *BY_PATH])}


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems in the order of the column table, whatever order they were found in."""
    return sorted(
        set(problems), key=lambda problem: (_PLACES.get(problem.path, len(_PLACES)), problem.path, problem.message)
    )


def check_file(path: Path, progress: Progress | None = None) -> Iterator[Problem]:
    """Yield everything that is wrong with the HDF5 part of a file, as it is found.

    Errors: MissingExtraError for a compression that cannot be undone here; OSError when the disk fails.
    """
    seal = None
    with contextlib.suppress(FileFormatError):  # `seal.seal_problem` says what is wrong with it
        seal = read_seal(check_path(path))
    try:
        file = open_hdf5(check_path(path), seal)
    except FileFormatError as error:
        yield Problem("/", str(error))
        return
    with file:
        contents = Contents(file)
        yield from contents.problems
        if contents.certificate is None:
            return
        require_filters(path, contents.stored.values())
        shards = None if contents.shards is None else OpenShards(path, contents.shards)
        columns = {name: lazy_column(path, name, stored, shards) for name, stored in contents.stored.items()}
        reported = {problem.path for problem in contents.problems}
        unsound = {name for name in BY_PATH if name not in columns}
        total, done = sum(column.nbytes for column in columns.values()), 0
        for name, column in columns.items():
            yield from _description_problems(BY_PATH[name], contents.stored[name])
            missing = _missing_chunks(contents.stored[name])
            if missing:
                found, whole = [Problem(name, missing)], False
            else:
                at = (progress, done, total)
                stated = contents.certificate.columns[name].digest
                found, whole = _content_problems(name, column, stated, contents.dims, at, reported)
            if not whole or any(problem.message != _OTHER_DIGEST for problem in found):
                unsound.add(name)
            done += column.nbytes
            yield from found
        for rule in RULES:
            needed = {*rule.columns, *(name for name in rule.optional if name in contents.certificate.columns)}
            if unsound.isdisjoint(needed) and not (rule.name == "recipe-size" and contents.problems):
                if progress:
                    progress(rule.name, done, total)
                for message in RULE_FUNCTIONS[rule.name](columns, contents.dims, contents.certificate):
                    yield Problem(rule.path, f"{message} (rule {rule.name})")
                    break


_OTHER_DIGEST = "does not have the digest that the certificate states"


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
                yield Problem(column.path, f"has {name} = {text!r}: required is {required!r}")


def _missing_chunks(stored: h5py.Dataset) -> str | None:
    """Return what is wrong with the number of chunks: HDF5 reads one that was never written as zeros."""
    if stored.chunks is None:
        return None
    required = math.prod(-(-size // chunk) for size, chunk in zip(stored.shape, stored.chunks, strict=True))
    try:
        found = stored.id.get_num_chunks()
    except Exception as error:
        return f"its chunks are unreadable: {library_reason(error)}"
    return None if found == required else f"has {found} chunks: required are {required}"


def _content_problems(
    name: str,
    column: LazyColumn,
    stated: str,
    dims: Mapping[str, int],
    report: tuple[Progress | None, int, int],
    reported: set[str],
) -> tuple[list[Problem], bool]:
    """Return what is wrong with one column (requirements that its elements break, shards, digest) and if all was read.

    Shards in ``reported`` are known to be unreadable; those found here are added.
    """
    progress, done, total = report
    digest, problems, rows = ColumnDigest(column.dtype.str), list[Problem](), 0
    broken: dict[str, tuple[str, int]] = {}  # requirement → (first element, how many)
    try:
        with ThreadPoolExecutor(1) as hasher:  # hashing leaves Python's lock, so it goes on beside reading
            hashed: Future[None] | None = None
            for start, block in checked_blocks(column, problems, reported):
                rows += len(block)
                if hashed:
                    hashed.result()
                hashed = hasher.submit(digest.update, block)
                for requirement, first, count in broken_elements(BY_PATH[name], block, start, dims):
                    known, before = broken.get(requirement, (first, 0))
                    broken[requirement] = (known, before + count)
                done += block.nbytes
                if progress:
                    progress(name, done, total)
        whole = rows == len(column)  # else a shard is missing, and is named
        if whole and not problems and digest.hexdigest() != stated:
            problems.append(Problem(name, _OTHER_DIGEST))
    except FileFormatError as error:
        problems.append(Problem(name, str(error).partition(f"{name}: ")[2] or str(error)))
    for requirement, (first, count) in broken.items():
        more = f" (and {count - 1} more like it)" if count > 1 else ""
        problems.append(Problem(name, f"{first}: required {requirement}{more}"))
    return problems, rows == len(column)
