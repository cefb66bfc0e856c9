"""The engine: an experiment's specification gives tasks, tasks give rows, rows go to a journal and become a result.

``confirm`` and every study are an `Experiment`; what this module does for one it does for all: resuming after a kill,
spreading over processes or dask workers, dividing into shards, telling how long it will take.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from fractalman.config import integer, is_integer, shown
from fractalman.errors import CorruptFileError, EnvironmentChangedWarning, RecipeError
from fractalman.executors import Executor, from_options, gather
from fractalman.executors.options import MOST_JOBS
from fractalman.experiments.environment import change_words, environment_words
from fractalman.experiments.journal import CHECKPOINTS, Journal, Lines, R, T, environments, parts_in, read_journal
from fractalman.progress import duration
from fractalman.random.streams import STREAM_VERSION

Progress = Callable[[str], None]
Shard = tuple[int, int]
"""(i, of n), counted from 1."""


class Specification(Protocol):
    """A checked specification; it can be pickled and compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values, defaults filled in; reading them again gives an equal specification."""


S = TypeVar("S", bound=Specification)
Out = TypeVar("Out")


class Experiment(ABC, Generic[S, T, R, Out]):
    """One kind of experiment; an instance holds nothing, so that it may be sent to any process.

    ``name`` is its command, and what its journals say they are of. A subclass says what its specification, its tasks,
    their rows and its result are; everything else is the engine's.
    """

    name: ClassVar[str]

    @abstractmethod
    def read(self, source: str | Path | Mapping[str, Any]) -> S:
        """Return the checked specification of a TOML file, of TOML text or of a dict of tables; RecipeError if bad."""

    @abstractmethod
    def tasks(self, spec: S) -> list[T]:
        """Return all tasks, those that share data one after the other."""

    @abstractmethod
    def run(self, spec: S, task: T, checkpoint: Path | None) -> list[R]:
        """Return the rows of one task, a pure function of specification and task: it may run in any process.

        Parameters
        ----------
        spec
            The specification.
        task
            One of ``tasks(spec)``.
        checkpoint
            What the names of files begin with in which training may keep its state; None = it keeps nothing.
        """

    @abstractmethod
    def conclude(self, spec: S, finished: Mapping[T, Sequence[R]], say: Progress) -> Out:
        """Return the result of the tasks that are finished."""

    @property
    @abstractmethod
    def lines(self) -> Lines[T, R]:
        """How tasks and rows are written in a journal."""

    @abstractmethod
    def describe(self, spec: S, task: T) -> str:
        """Return what a task is called in progress and error lines."""

    def summary(self, rows: Sequence[R]) -> str:  # noqa: ARG002 (an experiment may have nothing to say)
        """Return what the rows of a task say, in a few words for the progress line; "" for nothing."""
        return ""

    def prepare(self, spec: S, jobs: int, say: Progress | None) -> Mapping[str, float]:  # noqa: ARG002 (may be silent)
        """Say what the work will need, and refuse what cannot fit here; called before the first task, if one is left.

        Parameters
        ----------
        spec
            The specification.
        jobs
            Processes of this machine.
        say
            Called with a line of text; None = nobody listens.

        Returns
        -------
        Mapping
            Group → seconds of one of its tasks, shared by all processes, where that can be told before.

        Raises
        ------
        ResourceError
            Naming the keys that matter.
        """
        return {}

    def group(self, task: T) -> str:  # noqa: ARG002
        """Return the name of the tasks that take about as long as this one."""
        return ""

    def release(self, spec: S) -> None:
        """Let go of what is remembered between tasks."""


def digest_of(name: str, spec: Specification) -> str:
    """Return a hash of everything that decides the numbers: experiment, tables, streams, package version."""
    from fractalman._version import __version__

    text = json.dumps([name, spec.to_dict(), STREAM_VERSION, __version__], sort_keys=True, allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _checked_shard(shard: Any) -> Shard:
    """Return (i, n) as integers; RecipeError unless 1 <= i <= n."""
    found = list(shard) if isinstance(shard, (tuple, list)) else []
    if len(found) != 2 or not all(map(is_integer, found)) or not 1 <= int(found[0]) <= int(found[1]):
        raise RecipeError(f"shard = {shown(shard)}: expected two integers (i, n), 1 <= i <= n; use shard = (1, 4)")
    return int(found[0]), int(found[1])


def run_experiment(
    experiment: Experiment[S, T, R, Out],
    spec: S,
    out: str | Path | None = None,
    progress: Progress | None = None,
    *,
    force: bool = False,
    jobs: int = 1,
    scheduler: str | None = None,
    executor: Executor | None = None,
    shard: Shard | None = None,
) -> Out:
    """Run what is not yet in the journal and return the result of everything that is finished.

    Parameters
    ----------
    experiment
        Its kind.
    spec
        Its specification.
    out
        Folder of the journal; a journal of the same specification is continued. None = keep nothing.
    progress
        Called with a line of text; None = silent.
    force
        Start anew even where another journal lies.
    jobs
        Spawned processes of one thread; 1 = this one. Rows do not depend on how many there are; against this process,
        with all its threads, linear algebra may differ by its rounding (relative 1e-5 of a training risk that is itself
        rounding, 1e-12 of a risk).
    scheduler
        Address of a dask scheduler whose workers do the work instead.
    executor
        Does the work instead: anything with ``submit(function, *arguments) → handle with result()``; the caller
        closes it. Networks keep checkpoints in the folder only where the work is done by processes of this machine.
    shard
        (i, of n), counted from 1: every n-th task only, into a part of the journal of its own. Shards may run at once
        in one folder, or in several whose parts are then put into one; a run without ``shard`` reads all parts and does
        what is left.

    Returns
    -------
    The experiment's result; its ``missing`` counts the tasks that are not finished.

    Raises
    ------
    RecipeError
        When the folder holds another run, or for ``force`` with ``shard``.
    Exception
        What a task raised. Finished tasks stay in the journal whatever happens, Ctrl-C included.
    """
    jobs = integer(1, MOST_JOBS)("jobs", jobs)
    if shard is not None:
        shard = _checked_shard(shard)
    if force and shard is not None:
        raise RecipeError("force with a shard would take the other shards' parts away: use another folder")
    if shard is not None and out is None:
        raise RecipeError("a shard without a folder would be lost: use -o FOLDER")
    tasks = experiment.tasks(spec)
    mine = tasks if shard is None else tasks[shard[0] - 1 :: shard[1]]
    say = progress or _silent
    here = executor is None and scheduler is None
    fresh = out is None or force or not parts_in(Path(out))
    planned: Mapping[str, float] = {}
    if here and fresh:  # refused before anything is written
        planned = experiment.prepare(spec, jobs, progress)
    with contextlib.ExitStack() as closing:
        closing.callback(experiment.release, spec)
        runner = executor or closing.enter_context(from_options(jobs, scheduler))
        if out is None:
            finished = _run(experiment, spec, mine, len(mine), runner, None, say, None, planned)
        else:
            folder = Path(out)
            journal = closing.enter_context(
                Journal(
                    experiment.lines, folder, experiment.name, digest_of(experiment.name, spec), spec.to_dict(),
                    force=force, shard=shard,
                )
            )  # fmt: skip
            todo = [task for task in mine if task not in journal.finished]
            if len(todo) < len(mine):
                say(f"{len(mine) - len(todo)} of {len(mine)} tasks are in the journal already")
                if todo and journal.changes:
                    warnings.warn(
                        f"{folder} goes on in another environment: {change_words(journal.versions, journal.changes)}; "
                        "its journal says so at every new task",
                        EnvironmentChangedWarning,
                        stacklevel=3,
                    )
            if here and todo and not fresh:
                planned = experiment.prepare(spec, jobs, progress)
            kept = folder.absolute() / CHECKPOINTS if here else None

            def keep(task: T, rows: list[R]) -> None:
                """Write a task down, with the versions of workers that differ, where an executor knows of any."""
                journal.append(task, rows, getattr(runner, "changes", {}))

            _run(experiment, spec, todo, len(mine), runner, kept, say, keep, planned)
            if kept is not None and kept.is_dir() and not any(kept.iterdir()):
                kept.rmdir()
            finished = dict(journal.finished)
    if shard is not None and out is not None:  # what other shards have finished meanwhile
        finished = read_journal(experiment.lines, Path(out), experiment.name)[1]
    return experiment.conclude(spec, finished, say)


def read_experiment(experiment: Experiment[S, T, R, Out], folder: str | Path, progress: Progress | None = None) -> Out:
    """Return the result of the run in ``folder`` as far as it got, without running anything.

    Parameters
    ----------
    experiment
        Its kind.
    folder
        Where journal.jsonl lies.
    progress
        Called with a line of text; None = silent.

    Raises
    ------
    RecipeError
        When there is no journal, or one of another experiment or version.
    CorruptFileError
        When a line of it is damaged.
    """
    header, finished = read_journal(experiment.lines, Path(folder), experiment.name)
    try:
        spec = experiment.read(header["spec"])
    except (KeyError, RecipeError) as error:
        raise CorruptFileError(f"{folder}: the journal's specification cannot be read: {error}") from None
    if header["digest"] != digest_of(experiment.name, spec):
        raise RecipeError(
            f"{folder} was written by another version of fractalman: run {experiment.name} again in another folder"
        )
    words = environment_words(environments(Path(folder)))
    if words:
        warnings.warn(f"{folder}: {words}", EnvironmentChangedWarning, stacklevel=3)
    return experiment.conclude(spec, finished, progress or _silent)


def _run(
    experiment: Experiment[S, T, R, Out], spec: S, todo: Sequence[T], total: int, executor: Executor,
    kept: Path | None, say: Progress, append: Callable[[T, list[R]], None] | None,
    planned: Mapping[str, float],
) -> dict[T, list[R]]:  # fmt: skip
    """Run tasks; return their rows, which ``append`` has put into the journal one by one."""
    finished: dict[T, list[R]] = {}
    clock = Clock([experiment.group(task) for task in todo], planned)
    tasks = [(spec, task, None if kept is None else kept / checkpoint_name(task)) for task in todo]
    done = total - len(todo)
    for index, rows in gather(executor, experiment.run, tasks, name=lambda i: experiment.describe(spec, todo[i])):
        task = todo[index]
        finished[task] = rows
        if append is not None:
            append(task, rows)
        done += 1
        said = [words for words in (experiment.describe(spec, task), experiment.summary(rows)) if words]
        left = clock.tick(experiment.group(task))
        say(f"task {done} of {total}: {', '.join(said)}{left and f'; {left}'}")
    return finished


def checkpoint_name(task: tuple[Any, ...]) -> str:
    """Return the name that the files of a task's state begin with."""
    return "-".join(str(part) for part in task if part not in (None, "")).replace(" ", "-").replace("/", "-")


def _silent(text: str) -> None:
    """Say nothing."""


_TELLING = 0.05
"""Seconds that a task was planned to take, from which on it tells how much slower than planned its kind is."""


class Clock:
    """Time left, from the time that tasks of the same group took, else from what was planned, else of any.

    The first task of each group loads and compiles what the others use, and the very first makes their data: it counts
    only as long as there is no other of its group, and alone it says nothing. Where groups of a kind were at work
    already, what is planned of its others is stretched as theirs was (`_stretched`).

    Args:
        groups: of all tasks; what stands before a comma is the kind. planned: group → seconds of a task, where known
            before.
        now: seconds on some clock.
    """

    def __init__(
        self, groups: Sequence[str], planned: Mapping[str, float], now: Callable[[], float] = time.perf_counter
    ) -> None:
        self._now, self._planned = now, planned
        self._begun = self._last = now()
        self._left = list(groups)
        self._spent: dict[str, list[float]] = {}

    def tick(self, group: str) -> str:
        """Note a finished task and return the time left in words, "" where nothing is known."""
        now = self._now()
        first = not self._spent
        self._spent.setdefault(group, []).append(now - self._last)
        self._last = now
        self._left.remove(group)
        if not self._left:
            return f"done in {duration(now - self._begun)}"
        if first:
            return ""
        usual = {name: fmean(taken[1:] or taken) for name, taken in self._spent.items()}
        stretched = self._stretched(usual)
        coming = {name: stretched.get(name, fmean(usual.values())) for name in self._left}
        return f"about {duration(sum(usual.get(name, coming[name]) for name in self._left))} left"

    def _stretched(self, usual: Mapping[str, float]) -> dict[str, float]:
        """Return what is planned of a task of each group, times what groups of its kind took over what was planned.

        Where all of these were planned to take next to nothing, what they took is what any task takes beside its work,
        and is added: a hundredth of a second planned and a second taken is no hundredfold of a minute.

        A kind that was faster than planned is not taken to stay so by more than the other kinds were: networks stop
        early on few points and not on many, and a time left that grows is worse than one that shrinks.
        """
        taken: dict[str, float] = {}
        due: dict[str, float] = {}
        beside: dict[str, list[float]] = {}
        for name, seconds in usual.items():
            beside.setdefault(_kind(name), []).append(seconds)
            if self._planned.get(name, 0.0) >= _TELLING:
                taken[_kind(name)] = taken.get(_kind(name), 0.0) + seconds
                due[_kind(name)] = due.get(_kind(name), 0.0) + self._planned[name]

        def stretch(kind: str) -> float:
            others = [name for name in due if name != kind]
            usually = sum(taken[name] for name in others) / sum(due[name] for name in others) if others else 0.0
            return max(taken[kind] / due[kind], min(1.0, usually)) if kind in due else 1.0

        def added(kind: str) -> float:
            return 0.0 if kind in due else fmean(beside.get(kind, [0.0]))

        return {name: added(_kind(name)) + seconds * stretch(_kind(name)) for name, seconds in self._planned.items()}


def _kind(group: str) -> str:
    """What a group is of: its name up to the comma."""
    return group.partition(",")[0]
