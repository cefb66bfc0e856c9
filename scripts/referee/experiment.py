"""The trials on fractalman's own engine: journal, resuming, processes."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trial import Row, Trial, rows_of, version_of

from fractalman.experiments.engine import Experiment, Progress
from fractalman.experiments.journal import Lines

TRIALS = ("dimension", "roughness", "sizes", "curves", "hierarchies", "dictionaries", "learners")
Task = tuple[str, int, int]
"""(case, n, seed)."""


def trial_of(name: str) -> Trial:
    """Return the trial of a name; its module is loaded, other packages only when a method runs."""
    trial: Trial = importlib.import_module(name).TRIAL
    return trial


@dataclass(frozen=True)
class Spec:
    """Which trial, at which sizes, how often, and with which packages: all that decides the rows."""

    trial: str
    cases: tuple[str, ...]
    sizes: tuple[int, ...]
    seeds: tuple[int, ...]
    """As many seeds at each size."""
    packages: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def spec_of(name: str, seeds: int, largest: int | None, cases: Sequence[str] | None = None) -> Spec:
    """Return the specification of a trial: ``seeds`` at every size, a quarter as many beyond 5000 points."""
    trial = trial_of(name)
    sizes = tuple(n for n in trial.sizes if largest is None or n <= largest)
    packages = sorted({f"{one.package} {version_of(one.package)}" for one in trial.methods})
    chosen = tuple(one.name for one in trial.cases if cases is None or one.name in cases)
    return Spec(name, chosen, sizes, tuple(seeds if n <= 5000 else -(-seeds // 4) for n in sizes), tuple(packages))


class Referee(Experiment[Spec, Task, Row, list[Row]]):
    """A trial as an experiment: a task is one set, its rows are the methods' answers."""

    name = "referee"

    def read(self, source: str | Path | Mapping[str, Any]) -> Spec:
        """Return the specification that a journal's first line holds."""
        if not isinstance(source, Mapping):
            raise TypeError("expected a mapping")
        return Spec(**{key: tuple(value) if isinstance(value, list) else value for key, value in source.items()})

    def tasks(self, spec: Spec) -> list[Task]:
        """Return every case at every size and seed."""
        pairs = list(zip(spec.sizes, spec.seeds, strict=True))
        return [(case, n, seed) for n, seeds in pairs for case in spec.cases for seed in range(seeds)]

    def run(self, spec: Spec, task: Task, checkpoint: Path | None) -> list[Row]:  # noqa: ARG002
        """Return the answers on one set."""
        trial = trial_of(spec.trial)
        return rows_of(trial, trial.case(task[0]), task[1], task[2])

    def conclude(self, spec: Spec, finished: Mapping[Task, Sequence[Row]], say: Progress) -> list[Row]:  # noqa: ARG002
        """Return all rows."""
        return [row for task in self.tasks(spec) for row in finished.get(task, ())]

    @property
    def lines(self) -> Lines[Task, Row]:
        """Rows are plain already."""
        return Lines(lambda task: (str(task[0]), int(task[1]), int(task[2])), dict, dict)

    def describe(self, spec: Spec, task: Task) -> str:
        """Return case, size and seed."""
        return f"{spec.trial}: {task[0]}, n = {task[1]}, seed {task[2]}"

    def group(self, task: Task) -> str:
        """Return the size: it decides the time."""
        return str(task[1])
