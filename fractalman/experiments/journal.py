"""A journal: one line per finished task, on disk before the next begins.

``journal.jsonl`` starts with a line that names the experiment and holds a digest and its specification; every further
line holds one task with its rows, and whatever differed then from the versions in the first line. Every line ends in a
checksum (`journal_lines`). A line that a crash tore is dropped when the journal is opened again; its task is redone. A
run that was divided keeps its parts in ``journal-1-of-4.jsonl`` and so on; whoever reads the folder reads them all, and
a task that stands in two of them counts once. What tasks and rows are is the `Lines` of an experiment.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Generic, Self, TypeVar

from fractalman._files import full_disk_named, sync_folder
from fractalman.errors import CorruptFileError, RecipeError
from fractalman.experiments.environment import environment, environment_changes
from fractalman.experiments.journal_lines import DamagedLineError, decoded, encoded
from fractalman.random.streams import STREAM_VERSION

NAME = "journal.jsonl"
CHECKPOINTS = "checkpoints"
FORMAT = 2
_READ = (1, 2)
"""Formats that are read; lines of 1 have no checksum."""

T = TypeVar("T", bound=tuple[Any, ...])
R = TypeVar("R")


@dataclass(frozen=True)
class Lines(Generic[T, R]):
    """How tasks and their rows are written as JSON.

    Parameters
    ----------
    task
        JSON list → task.
    row
        JSON object → row.
    plain
        Row → JSON object.
    """

    task: Callable[[list[Any]], T]
    row: Callable[[Mapping[str, Any]], R]
    plain: Callable[[R], dict[str, Any]]


def part_name(shard: tuple[int, int] | None) -> str:
    """Return the journal's file name of shard (i, of n), counted from 1."""
    return NAME if shard is None else f"journal-{shard[0]}-of-{shard[1]}.jsonl"


def parts_in(folder: Path) -> list[Path]:
    """Return the journal files of a folder, the undivided one first."""
    whole = [folder / NAME] if (folder / NAME).is_file() else []
    return whole + sorted(folder.glob("journal-*-of-*.jsonl"))


class Journal(Generic[T, R]):
    """An open journal; use as a context manager.

    Parameters
    ----------
    lines
        How its tasks and rows are written.
    folder
        Where journal.jsonl lies or will lie; made if absent.
    experiment
        Name of the experiment.
    digest
        Of the specification.
    spec
        Its tables, written into the first line.
    force
        Start anew even when a journal is there.
    shard
        (i, of n) of a divided run; only that part is written, all parts are read.

    Raises
    ------
    RecipeError
        When the folder holds another run or other files, or another process writes here.
    CorruptFileError
        For a line that is neither whole nor the last.
    """

    def __init__(
        self,
        lines: Lines[T, R],
        folder: Path,
        experiment: str,
        digest: str,
        spec: Mapping[str, Any],
        *,
        force: bool = False,
        shard: tuple[int, int] | None = None,
    ) -> None:
        self.lines, self.folder = lines, folder
        self.path = folder / part_name(shard)
        if folder.exists() and not folder.is_dir():
            raise RecipeError(f"{folder} is a file: expected a folder; use another path")
        parts = parts_in(folder)
        if folder.is_dir() and not parts and not force and any(folder.iterdir()):
            raise RecipeError(f"{folder} holds other files: expected a new or empty folder; use another, or --force")
        for part in parts if not force else ():
            header = read_header(part)
            if header is not None and (header["experiment"], header["digest"]) != (experiment, digest):
                raise RecipeError(
                    f"{folder} holds a {header['experiment']} run of another specification or version (digest "
                    f"{header['digest'][:8]}…, this one is a {experiment} run with {digest[:8]}…): use another "
                    "folder, or --force to start anew"
                )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = self.path.open("a+b")
        except OSError as error:
            raise RecipeError(f"cannot write {self.path}: {error.strerror}") from None
        try:
            _lock(self._file, folder)
            if force:
                _clear(folder, self.path)
            self._key = digest
            self.finished: dict[T, list[R]] = {} if force else self._recover()
            self.versions: dict[str, str] = environment()
            self.changes: dict[str, str | None] = {}
            """Package → version here, where it is another than that of the journal's first line; None = absent."""
            if not self.finished and (force or not self._whole):
                self._file.truncate(0)
                header_line = {
                    "journal": FORMAT,
                    "experiment": experiment,
                    "digest": digest,
                    "stream_version": STREAM_VERSION,
                    "versions": self.versions,
                    "spec": spec,
                }
                self._write(encoded(header_line))
                sync_folder(folder)
            elif (header := read_header(self.path)) is not None:
                self.versions = header.get("versions", {})
                self.changes = environment_changes(self.versions)
            for part in parts if not force else ():
                if part != self.path:
                    self.finished = {**_finished(lines, part, digest), **self.finished}
        except BaseException:
            self._close()
            raise

    def _recover(self) -> dict[T, list[R]]:
        """Return what is finished and cut a torn last line off."""
        self._file.seek(0)
        content = self._file.read()
        end = content.rfind(b"\n") + 1
        if end < len(content):
            self._file.truncate(end)
        self._file.seek(0, os.SEEK_END)
        self._whole = end > 0
        return dict(_tasks(self.lines, self.path, content[:end], self._key))

    def append(self, task: T, rows: list[R], changes: Mapping[str, str | None] = MappingProxyType({})) -> None:
        """Add a finished task, with what its worker has other versions of; when this returns it is on disk."""
        line: dict[str, Any] = {"task": list(task), "rows": [self.lines.plain(row) for row in rows]}
        if self.changes or changes:
            line["versions"] = {**self.changes, **changes}
        self._write(encoded(line, self._key))
        self.finished[task] = rows

    def _write(self, line: bytes) -> None:
        with full_disk_named(self.path, [self.path]):
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def _close(self) -> None:
        """Close the file, which tries once more to write what did not fit; why it did not has been said."""
        with contextlib.suppress(OSError):
            self._file.close()


def read_header(path: Path) -> dict[str, Any] | None:
    """Return the first line of a journal, None when it was torn; CorruptFileError when it is no journal."""
    with path.open("rb") as file:
        line = file.readline()
    if not line.endswith(b"\n"):
        return None
    try:
        header = decoded(line, needed=False)
        known = header["journal"] in _READ and all(isinstance(header[key], str) for key in ("experiment", "digest"))
        if known and header["journal"] > 1:
            decoded(line, needed=True)
    except (DamagedLineError, KeyError, TypeError) as error:
        if line.startswith(b'{"journal":') and isinstance(error, DamagedLineError):
            raise CorruptFileError(
                f"{path}, line 1 is damaged: {error}; use a copy of it, or --force to start anew"
            ) from None
        known = False
    if not known:
        raise CorruptFileError(f"{path} is no journal of this version: use another folder, or --force to start anew")
    return header


def read_journal(lines: Lines[T, R], folder: Path, experiment: str) -> tuple[dict[str, Any], dict[T, list[R]]]:
    """Return (header, finished tasks) of the journal in ``folder``, all its parts together, without touching it.

    Raises
    ------
    RecipeError
        When there is none, it is another experiment's, or its parts are of different runs.
    CorruptFileError
        When a line is damaged.
    """
    parts = parts_in(folder)
    if not parts:
        raise RecipeError(f"{folder} holds no run: expected a folder with {NAME}; run {experiment} first")
    headers = {part: header for part in parts if (header := read_header(part)) is not None}
    if not headers:
        raise CorruptFileError(f"{parts[0]} was never finished: run {experiment} again")
    first = next(iter(headers))
    for part, header in headers.items():
        if header["digest"] != headers[first]["digest"]:
            raise RecipeError(
                f"{folder} holds parts of different runs, {first.name} and {part.name}: keep the parts of one"
            )
    found = headers[first]["experiment"]
    if found != experiment:
        raise RecipeError(f"{folder} holds a {found} run: expected one of {experiment}")
    finished: dict[T, list[R]] = {}
    for part, header in headers.items():
        finished = {**_finished(lines, part, header["digest"]), **finished}
    return headers[first], finished


def environments(folder: Path) -> list[tuple[dict[str, str], int]]:
    """Return in which environments the tasks of a run were done: (package → version, tasks), most tasks first."""
    found: dict[tuple[tuple[str, str], ...], int] = {}
    for part in parts_in(folder):
        header = read_header(part)
        if header is None:
            continue
        for _, line in _whole_lines(part, part.read_bytes(), header["digest"]):
            there = {**header.get("versions", {}), **line.get("versions", {})}
            key = tuple(sorted((name, version) for name, version in there.items() if version is not None))
            found[key] = found.get(key, 0) + 1
    return [(dict(key), count) for key, count in sorted(found.items(), key=lambda item: -item[1])]


def _finished(lines: Lines[T, R], path: Path, key: str) -> dict[T, list[R]]:
    """Return the whole lines of a journal; the first of two lines on one task counts."""
    return dict(reversed(list(_tasks(lines, path, path.read_bytes(), key))))


def _clear(folder: Path, kept: Path) -> None:
    """Take other parts of the journal and checkpoints away, unless another process writes to one of them."""
    for part in parts_in(folder):
        if part != kept:
            with part.open("a+b") as file:
                _lock(file, folder)
            part.unlink()
    for path in (folder / CHECKPOINTS).glob("*.npz"):
        path.unlink()


def _tasks(lines: Lines[T, R], path: Path, content: bytes, key: str) -> Iterator[tuple[T, list[R]]]:
    for number, entry in _whole_lines(path, content, key):
        try:
            task, rows = lines.task(entry["task"]), [lines.row(values) for values in entry["rows"]]
        except (ValueError, KeyError, TypeError):
            raise _damaged(path, number, "it is no task with its rows") from None
        yield task, rows


def _whole_lines(path: Path, content: bytes, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (number from 1, object) of every line but the first and one that a crash tore."""
    whole = content[: content.rfind(b"\n") + 1].split(b"\n")[:-1]
    checked = bool(whole) and decoded(whole[0], needed=False).get("journal") != 1
    for number, line in enumerate(whole[1:], start=2):
        try:
            yield number, decoded(line, key, needed=checked)
        except DamagedLineError as error:
            raise _damaged(path, number, str(error)) from None


def _damaged(path: Path, number: int, why: str) -> CorruptFileError:
    return CorruptFileError(
        f"{path}, line {number} is damaged: {why}; delete that line to redo its task, or use --force to start anew"
    )


def _lock(file: IO[bytes], folder: Path) -> None:
    """Refuse a second writer, where the platform can tell; the lock goes with the process."""
    try:
        import fcntl
    except ImportError:  # no such lock on this platform
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise RecipeError(f"another process is writing to {folder}: wait for it, or use another folder") from None
