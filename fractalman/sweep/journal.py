"""The journal of a sweep: one line per finished unit of work, on disk before the next begins.

``journal.jsonl`` starts with a line that holds the digest and the specification; every further line holds one unit
(a learner at one place on one replicate, or on all replicates for a learner that runs them together) with its points.
A line that a crash tore is dropped when the journal is opened again; its unit is redone. A run that was divided keeps
its parts in ``journal-1-of-4.jsonl`` and so on; whoever reads the folder reads them all, and a unit that stands in two
of them counts once.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

from fractalman.errors import CorruptFileError, RecipeError
from fractalman.seeds import STREAM_VERSION

NAME = "journal.jsonl"
CHECKPOINTS = "checkpoints"
_FORMAT = 2
_READABLE = (1, 2)  # 1 knew the data axis only: its units and points have no value, which is n, and no probe


def part_name(shard: tuple[int, int] | None) -> str:
    """Return the journal's file name of shard (i, of n), counted from 1."""
    return NAME if shard is None else f"journal-{shard[0]}-of-{shard[1]}.jsonl"


def parts_in(folder: Path) -> list[Path]:
    """Return the journal files of a folder, the undivided one first."""
    whole = [folder / NAME] if (folder / NAME).is_file() else []
    return whole + sorted(folder.glob("journal-*-of-*.jsonl"))


class Unit(NamedTuple):
    """One piece of work: a learner at a place of the axis on replicate ``seed``, or on all of them (None).

    ``probe`` names the setting that is doubled there, "" none.
    """

    learner: str
    value: int | float
    seed: int | None
    probe: str = ""


@dataclass(frozen=True)
class Point:
    """One point of a learning curve.

    Args:
        learner: its name; "bayes" for the Bayes floor.
        n: training-set size.
        seed: replicate, 0 … S − 1.
        risk: mean squared error over test points and label draws, in units of the label's prior variance.
        train_risk: mean squared training residual, same unit.
        v_in: V_in, expected label variance within the population, same unit.
        n_population: N; inf where points are addressed.
        regime: "" until the sweep's rule is applied to all replicates of this (learner, n).
        reason: why it has that regime.
        seconds: wall time spent on it.
        info: what the learner reports.
        value: position on the sweep's axis; None = n.
        parameters: number of fitted parameters, all outputs together; None where the learner has none.
        probe: the setting that was doubled, "" for a point of the sweep itself.
        efficiency: risk over the Bayes floor of the same replicate at the same place; None until the sweep is
            concluded, and where there is no floor.
    """

    learner: str
    n: int
    seed: int
    risk: float
    train_risk: float
    v_in: float
    n_population: float
    regime: str = ""
    reason: str = ""
    seconds: float = 0.0
    info: Mapping[str, Any] = field(default_factory=dict)
    value: int | float | None = None
    parameters: int | None = None
    probe: str = ""
    efficiency: float | None = None

    def __post_init__(self) -> None:
        if self.value is None:
            object.__setattr__(self, "value", self.n)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values: an infinite N and a risk that is no number are None."""
        out = dataclasses.asdict(self)
        for key in ("risk", "train_risk", "v_in", "n_population", "seconds"):
            out[key] = out[key] if math.isfinite(out[key]) else None
        return out

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Point:
        """Return the point of `to_dict`."""
        values = dict(values)
        for key in ("risk", "train_risk", "v_in", "n_population", "seconds"):
            if values[key] is None:
                values[key] = math.inf if key == "n_population" else math.nan
        return cls(**values)


class Journal:
    """An open journal; use as a context manager.

    Args:
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
        folder: Path,
        digest: str | tuple[str, ...],
        spec: Mapping[str, Any],
        *,
        force: bool = False,
        shard: tuple[int, int] | None = None,
    ) -> None:
        digests = (digest,) if isinstance(digest, str) else digest
        self.folder = folder
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
            self.finished = {} if force else self._recover()
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
                    self.finished = {**_finished(part), **self.finished}
        except BaseException:
            self._file.close()
            raise

    def _recover(self) -> dict[Unit, list[Point]]:
        """Return what is finished and cut a torn last line off."""
        self._file.seek(0)
        content = self._file.read()
        end = content.rfind(b"\n") + 1
        if end < len(content):
            self._file.truncate(end)
        self._file.seek(0, os.SEEK_END)
        self._whole = end > 0
        return dict(_units(self.path, content[:end]))

    def append(self, unit: Unit, points: list[Point]) -> None:
        """Add a finished unit; when this returns it is on disk."""
        self._write({"unit": list(unit), "points": [point.to_dict() for point in points]})
        self.finished[unit] = points

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line, allow_nan=False, separators=(",", ":")).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> Journal:
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


def read_journal(folder: Path) -> tuple[dict[str, Any], dict[Unit, list[Point]]]:
    """Return (header, finished units) of the journal in ``folder``, all its parts together, without touching it.

    Errors: RecipeError when there is none, or its parts are of different sweeps; CorruptFileError when a line is
        damaged.
    """
    parts = parts_in(folder)
    if not parts:
        raise RecipeError(f"{folder} holds no sweep: allowed is a folder with {NAME}; run confirm first")
    headers = {part: header for part in parts if (header := read_header(part)) is not None}
    if not headers:
        raise CorruptFileError(f"{parts[0]} was never finished: run confirm again")
    first = next(iter(headers))
    for part, header in headers.items():
        if header["digest"] != headers[first]["digest"]:
            raise RecipeError(
                f"{folder} holds parts of different sweeps, {first.name} and {part.name}: keep the parts of one"
            )
    finished: dict[Unit, list[Point]] = {}
    for part in headers:
        finished = {**_finished(part), **finished}
    return headers[first], finished


def _finished(path: Path) -> dict[Unit, list[Point]]:
    """Return the whole lines of a journal; the first of two lines on one unit counts."""
    content = path.read_bytes()
    return dict(reversed(list(_units(path, content[: content.rfind(b"\n") + 1]))))


def _clear(folder: Path, kept: Path) -> None:
    """Take other parts of the journal and checkpoints away, unless another process writes to one of them."""
    for part in parts_in(folder):
        if part != kept:
            with part.open("a+b") as file:
                _lock(file, folder)
            part.unlink()
    for path in (folder / CHECKPOINTS).glob("*.npz"):
        path.unlink()


def _units(path: Path, content: bytes) -> Iterator[tuple[Unit, list[Point]]]:
    for number, line in enumerate(content.splitlines()[1:], start=2):
        try:
            entry = json.loads(line)
            unit = Unit(*entry["unit"])
            points = [Point.from_dict(values) for values in entry["points"]]
        except (ValueError, KeyError, TypeError):
            raise CorruptFileError(
                f"{path}, line {number} is damaged: delete that line to redo its points, or --force to start anew"
            ) from None
        yield unit, points


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
