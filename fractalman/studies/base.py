"""What all studies share: specifications with tables, tasks named by part, value and replicate, rows of plain values.

A study is a folder with spec.py (its table), run.py (its tasks) and result.py (what follows from its rows), and a line
in the registry of `fractalman.studies`; the engine of `fractalman.experiments` runs it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, TypeVar

from fractalman._memory import available_bytes
from fractalman.display import HtmlTable
from fractalman.errors import ResourceError
from fractalman.experiments.engine import Experiment, digest_of
from fractalman.experiments.journal import Lines
from fractalman.experiments.planning import PER_TASK, TYPICAL_SPEED, matrix_speed
from fractalman.learners import Cost
from fractalman.progress import duration

Row = dict[str, Any]
"""One measurement: JSON values, numbers that are not finite as None."""


class Task(NamedTuple):
    """A part of the study, at a value of what it varies, on a replicate."""

    part: str
    value: int | float
    seed: int


class StudyPlan(NamedTuple):
    """What a study will need, an order of magnitude: tasks and seconds of every part on one process, bytes at once.

    Seconds are nan where the study does not count them.
    """

    tasks: dict[str, int]
    seconds: dict[str, float]
    memory: int

    def words(self, jobs: int) -> str:
        """Return what so many processes need, in a line."""
        if math.isnan(sum(self.seconds.values())):
            return f"{sum(self.tasks.values())} tasks; the first ones tell the time"
        time = duration(_START + sum(self.seconds.values()) / jobs)
        return f"{sum(self.tasks.values())} tasks need {self.memory * jobs / 2**20:,.0f} MiB and about {time}"


_START = 3.0
"""Seconds of loading and compiling what makes the points."""
_SIZES = ("train_size", "train_sizes", "test_size", "sources", "linear_points", "widths")
"""Keys of studies that decide how much memory they need, as far as a study has them."""


class StudySpec(HtmlTable, ABC):
    """The checked specification of a study; frozen, and it can be sent to another process.

    ``name`` is the study's command and the name of its table.
    """

    name: ClassVar[str]

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values, defaults filled in; reading them again gives an equal specification."""

    @abstractmethod
    def tasks(self) -> list[Task]:
        """Return all tasks, replicate by replicate."""

    @cached_property
    def digest(self) -> str:
        """Hash of everything that decides the numbers: the tables, the data they name, the streams, the version."""
        return digest_of(self.name, self)


def plain(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a checked table as JSON and TOML have it: tuples as lists."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in table.items()}


S = TypeVar("S", bound=StudySpec)
Out = TypeVar("Out")


class Study(Experiment[S, Task, Row, Out]):
    """An experiment whose rows are dicts of plain values.

    A subclass says how its specification is read (`read`), what a task measures (`run`) and what follows from all rows
    (`result`).
    """

    @abstractmethod
    def result(self, spec: S, rows: list[Row], missing: int) -> Out:
        """Return what follows from the rows, which are in the order of the tasks.

        Parameters
        ----------
        spec
            The specification.
        rows
            Of all finished tasks.
        missing
            Tasks that are not finished.
        """

    @property
    def lines(self) -> Lines[Task, Row]:
        """Rows as they are."""
        return Lines(lambda task: Task(*task), _row, _row)

    def tasks(self, spec: S) -> list[Task]:
        """Return the specification's tasks."""
        return spec.tasks()

    def describe(self, spec: S, task: Task) -> str:  # noqa: ARG002 (a task says it all)
        """Return part, value and replicate."""
        return f"{task.part} {task.value:g}, replicate {task.seed}"

    def costs(self, spec: S, task: Task) -> list[Cost] | None:  # noqa: ARG002
        """Return what a task needs, piece by piece (`studies.costs` has some); None where that is not counted.

        Parameters
        ----------
        spec
            The specification.
        task
            One of its tasks; replicates are alike.
        """
        return None

    def plan(self, spec: S, speed: float) -> StudyPlan:
        """Return what all tasks need; nothing of them runs.

        Parameters
        ----------
        spec
            The specification.
        speed
            Float32 operations per second.
        """
        seconds: dict[str, float] = {}
        counts: dict[str, int] = {}
        memory = 0.0
        for (part, value), count in Counter((task.part, task.value) for task in self.tasks(spec)).items():
            task = Task(part, value, 0)
            counted, group = self.costs(spec, task), self.group(task)
            pieces = counted or []
            setup = sum(piece.setup for piece in pieces)  # compiled once
            taken = setup + count * (PER_TASK + sum(piece.seconds_at(speed) for piece in pieces))
            seconds[group] = seconds.get(group, 0.0) + (math.nan if counted is None else taken)
            counts[group] = counts.get(group, 0) + count
            memory = max(memory, sum(piece.memory for piece in pieces))
        return StudyPlan(counts, seconds, int(memory))

    def prepare(self, spec: S, jobs: int, say: Any) -> Mapping[str, float]:
        """Say memory and time, and refuse what would not fit; return part → seconds of a task."""
        plan = self.plan(spec, matrix_speed() if say else TYPICAL_SPEED)  # timed where somebody is told
        need, limit = plan.memory * jobs, available_bytes()
        if need > limit:
            keys = ", ".join(_keys(spec))
            raise ResourceError(
                f"this study needs {need:,} bytes at once in {jobs} process{'es' if jobs > 1 else ''} and {limit:,} "
                f"are available: expected less; use a smaller {keys} or --jobs"
            )
        told = {group: plan.seconds[group] / count / jobs for group, count in plan.tasks.items()}
        if say and not any(map(math.isnan, told.values())):
            say(plan.words(jobs))
        return {group: seconds for group, seconds in told.items() if not math.isnan(seconds)}

    def group(self, task: Task) -> str:
        """Return the part: its tasks take about as long as each other."""
        return task.part

    def conclude(self, spec: S, finished: Mapping[Task, Sequence[Row]], say: Any) -> Out:  # noqa: ARG002
        """Return the result of the rows in the order of the tasks."""
        tasks = spec.tasks()
        rows = [row for task in tasks for row in finished.get(task, ())]
        return self.result(spec, rows, sum(task not in finished for task in tasks))


def _row(values: Mapping[str, Any]) -> Row:
    return dict(values)


def _keys(spec: StudySpec) -> list[str]:
    """Return the keys that decide how much memory a study needs, the data's first."""
    tables = spec.to_dict()
    recipe = tables.get("recipe", {})
    data = [f"recipe.{key}" for key in ("n_points", "ambient_dim") if recipe.get(key)]
    return [*data, *(f"{spec.name}.{key}" for key in _SIZES if tables[spec.name].get(key))]
