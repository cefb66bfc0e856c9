"""What all studies share: specifications with tables, tasks named by part, value and replicate, rows of plain values.

A study is a folder with spec.py (its table), run.py (its tasks) and result.py (what follows from its rows), and a line
in the registry of `fractalman.studies`; the engine of `fractalman.experiments` runs it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, TypeVar

from fractalman._memory import available_bytes
from fractalman.display import HtmlTable
from fractalman.errors import ResourceError
from fractalman.experiments.engine import Experiment, digest_of
from fractalman.experiments.journal import Lines
from fractalman.families.base import memory_of

Row = dict[str, Any]
"""One measurement: JSON values, numbers that are not finite as None."""


class Task(NamedTuple):
    """A part of the study, at a value of what it varies, on a replicate."""

    part: str
    value: int | float
    seed: int


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

    def prepare(self, spec: S, jobs: int, say: Any) -> Mapping[str, float]:
        """Say how many tasks there are and the memory of their data, and refuse what would not fit."""
        recipe = getattr(getattr(spec, "source", None), "recipe", None)
        # of a family whose points are drawn one by one a study draws those that it uses, which its own keys say
        need = 0 if recipe is None or recipe.addressed else memory_of(recipe).peak_bytes() * jobs
        limit = available_bytes()
        if need > limit:
            raise ResourceError(
                f"the data of this study need {need:,} bytes at once in {jobs} processes and {limit:,} are available: "
                "expected less; use a smaller recipe.n_points, recipe.ambient_dim or --jobs"
            )
        if say and recipe is not None:
            data = f", whose data take {need / 2**20:,.0f} MiB" if need else ""
            say(f"{len(spec.tasks())} tasks{data}; the first ones tell the time")
        return {}

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
