"""A ledger: one line per finished unit of work, on disk before the next begins.

``journal.jsonl`` starts with a line that holds a digest and a specification; every further line holds one unit
with its rows. A line that a crash tore is dropped when the ledger is opened again; its unit is redone. A run that was
divided keeps its parts in ``journal-1-of-4.jsonl`` and so on; whoever reads the folder reads them all, and a unit that
stands in two of them counts once. What units and rows are is the `Lines` of whoever keeps the ledger.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Generic, Self, TypeVar

from fractalman.errors import CorruptFileError, RecipeError
from fractalman.random.streams import STREAM_VERSION

NAME = "journal.jsonl"
CHECKPOINTS = "checkpoints"
_FORMAT = 2
_READABLE = (1, 2)  # 1 knew the data axis only: its units and points have no value, which is n, and no probe

U = TypeVar("U", bound=tuple[Any, ...])
R = TypeVar("R")


@dataclass(frozen=True)
class Lines(Generic[U, R]):
    """How units and their rows are written as JSON.

    Args:
        unit: JSON list → unit. row: JSON object → row. plain: row → JSON object.
        command: the command that makes such ledgers, for error lines.
    """

    unit: Callable[[list[Any]], U]
    row: Callable[[Mapping[str, Any]], R]
    plain: Callable[[R], dict[str, Any]]
    command: str


def part_name(shard: tuple[int, int] | None) -> str:
    """Return the journal's file name of shard (i, of n), counted from 1."""
    return NAME if shard is None else f"journal-{shard[0]}-of-{shard[1]}.jsonl"


def parts_in(folder: Path) -> list[Path]:
    """Return the journal files of a folder, the undivided one first."""
    whole = [folder / NAME] if (folder / NAME).is_file() else []
    return whole + sorted(folder.glob("journal-*-of-*.jsonl"))


class Ledger(Generic[U, R]):
    """An open ledger; use as a context manager.

    Args:
        lines: how its units and rows are written.
        folder: where journal.jsonl lies or will lie; made if absent.
        digest: of the specification, or several under which it may be stored, the one to write first.
        spec: its tables, written into the first line.
        force: start anew even when a journal is there.
        shard: (i, of n) of a divided run; only that part is written, all parts are read.
    Errors: RecipeError when the folder holds another sweep or other files, or another process writes here;
        CorruptFileError for a line that is neither whole nor the last.
    """

    def __init__(
        self,
        lines: Lines[U, R],
        folder: Path,
        digest: str | tuple[str, ...],
        spec: Mapping[str, Any],
        *,
        force: bool = False,
        shard: tuple[int, int] | None = None,
    ) -> None:
        digests = (digest,) if isinstance(digest, str) else digest
        self.lines, self.folder = lines, folder
        self.path = folder / part_name(shard)
        if folder.exists() and not folder.is_dir():
            raise RecipeError(f"{folder} is a file: allowed is a folder; type another path")
        parts = parts_in(folder)
        if folder.is_dir() and not parts and not force and any(folder.iterdir()):
            raise RecipeError(f"{folder} holds other files: allowed is a new or empty folder; type another, or --force")
        for part in parts if not force else ():
            header = read_header(part)
            if header is not None and header["digest"] not in digests:
                raise RecipeError(
                    f"{folder} holds a sweep of another specification or version (digest {header['digest'][:8]}…, "
                    f"this one has {digests[0][:8]}…): type another folder, or --force to start anew"
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
            self.finished: dict[U, list[R]] = {} if force else self._recover()
            if not self.finished and (force or not self._whole):
                self._file.truncate(0)
                header_line = {
                    "journal": _FORMAT,
                    "digest": digests[0],
                    "stream_version": STREAM_VERSION,
                    "versions": _versions(),
                    "spec": spec,
                }
                self._write(header_line)
                _sync_folder(folder)
            for part in parts if not force else ():
                if part != self.path:
                    self.finished = {**_finished(lines, part), **self.finished}
        except BaseException:
            self._file.close()
            raise

    def _recover(self) -> dict[U, list[R]]:
        """Return what is finished and cut a torn last line off."""
        self._file.seek(0)
        content = self._file.read()
        end = content.rfind(b"\n") + 1
        if end < len(content):
            self._file.truncate(end)
        self._file.seek(0, os.SEEK_END)
        self._whole = end > 0
        return dict(_units(self.lines, self.path, content[:end]))

    def append(self, unit: U, rows: list[R]) -> None:
        """Add a finished unit; when this returns it is on disk."""
        self._write({"unit": list(unit), "points": [self.lines.plain(row) for row in rows]})
        self.finished[unit] = rows

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line, allow_nan=False, separators=(",", ":")).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


def read_header(path: Path) -> dict[str, Any] | None:
    """Return the first line of a journal, None when it was torn; CorruptFileError when it is no journal."""
    with path.open("rb") as file:
        line = file.readline()
    if not line.endswith(b"\n"):
        return None
    try:
        header = json.loads(line)
        known = header["journal"] in _READABLE and isinstance(header["digest"], str)
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise CorruptFileError(f"{path} is no journal of this version: type another folder, or --force to start anew")
    return dict(header)


def read_ledger(lines: Lines[U, R], folder: Path) -> tuple[dict[str, Any], dict[U, list[R]]]:
    """Return (header, finished units) of the journal in ``folder``, all its parts together, without touching it.

    Errors: RecipeError when there is none, or its parts are of different sweeps; CorruptFileError when a line is
        damaged.
    """
    parts = parts_in(folder)
    if not parts:
        raise RecipeError(f"{folder} holds no sweep: allowed is a folder with {NAME}; run {lines.command} first")
    headers = {part: header for part in parts if (header := read_header(part)) is not None}
    if not headers:
        raise CorruptFileError(f"{parts[0]} was never finished: run {lines.command} again")
    first = next(iter(headers))
    for part, header in headers.items():
        if header["digest"] != headers[first]["digest"]:
            raise RecipeError(
                f"{folder} holds parts of different sweeps, {first.name} and {part.name}: keep the parts of one"
            )
    finished: dict[U, list[R]] = {}
    for part in headers:
        finished = {**_finished(lines, part), **finished}
    return headers[first], finished


def _finished(lines: Lines[U, R], path: Path) -> dict[U, list[R]]:
    """Return the whole lines of a journal; the first of two lines on one unit counts."""
    content = path.read_bytes()
    return dict(reversed(list(_units(lines, path, content[: content.rfind(b"\n") + 1]))))


def _clear(folder: Path, kept: Path) -> None:
    """Take other parts of the journal and checkpoints away, unless another process writes to one of them."""
    for part in parts_in(folder):
        if part != kept:
            with part.open("a+b") as file:
                _lock(file, folder)
            part.unlink()
    for path in (folder / CHECKPOINTS).glob("*.npz"):
        path.unlink()


def _units(lines: Lines[U, R], path: Path, content: bytes) -> Iterator[tuple[U, list[R]]]:
    for number, line in enumerate(content.splitlines()[1:], start=2):
        try:
            entry = json.loads(line)
            unit, rows = lines.unit(entry["unit"]), [lines.row(values) for values in entry["points"]]
        except (ValueError, KeyError, TypeError):
            raise CorruptFileError(
                f"{path}, line {number} is damaged: delete that line to redo its points, or --force to start anew"
            ) from None
        yield unit, rows


def _versions() -> dict[str, str]:
    """Versions that can change the last digits of a risk, for the record."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from fractalman import __version__

    found = {"fractalman": __version__, "python": platform.python_version()}
    for package in ("numpy", "numba", "scipy", "jax", "optax", "equinox", "scikit-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _lock(file: IO[bytes], folder: Path) -> None:
    """Refuse a second writer, where the platform can tell; the lock goes with the process."""
    try:
        import fcntl
    except ImportError:  # no such lock on this platform
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise RecipeError(f"another process is writing to {folder}: wait for it, or type another folder") from None


def _sync_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # folders cannot be opened on this platform
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
