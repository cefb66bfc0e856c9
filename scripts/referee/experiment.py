"""The trials on fractalman's own engine: journal, resuming, processes."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from trial import Row, Trial, rows_of, version_of

import fractalman
from fractalman.experiments.engine import Experiment, Progress, digest_of, read_experiment
from fractalman.experiments.journal import Lines, read_journal

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
    only: str = ""
    """The package whose methods alone are asked; "" = all of them."""
    methods: tuple[str, ...] = ()
    """The methods that are asked; () = all of them."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        said = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return {key: value for key, value in said.items() if value or key not in ("only", "methods")}


def spec_of(
    name: str, seeds: int, sizes: Sequence[int] = (), cases: Sequence[str] = (), methods: Sequence[str] = ()
) -> Spec:
    """Return the specification of a trial: ``seeds`` at every size, a quarter beyond 5000, a tenth beyond 50,000."""
    trial = trial_of(name)
    asked = [one for one in trial.methods if not methods or one.name in methods]
    chosen = tuple(n for n in trial.sizes if not sizes or n in sizes)
    draws = tuple(-(-seeds // (1 if n <= 5000 else 4 if n <= 50_000 else 10)) for n in chosen)
    packages = sorted({f"{one.package} {version_of(one.package)}" for one in asked})
    named = tuple(one.name for one in trial.cases if not cases or one.name in cases)
    return Spec(name, named, chosen, draws, tuple(packages), methods=tuple(methods))


def again_spec(folder: Path, package: str, cases: Sequence[str] = ()) -> Spec:
    """Return the specification that asks one package's methods again on the sets of a journal, or on some cases."""
    header, _ = read_journal(Referee().lines, folder, Referee.name)
    whole = Referee().read(header["spec"])
    chosen = tuple(one for one in whole.cases if not cases or one in cases)
    return replace(whole, cases=chosen, packages=(build_of(package),), only=package)


def again_folder(folder: Path, spec: Spec) -> Path:
    """Return where those answers are kept: a folder for each build of the package and choice of cases."""
    return folder / "again" / f"{spec.packages[0].replace(' ', '-')}-{digest_of(Referee.name, spec)[:8]}"


def build_of(package: str) -> str:
    """Return a package's name and version; of ours also a digest of its text, which changes without the version."""
    version = version_of(package)
    if package != "fractalman":
        return f"{package} {version}"
    root, digest = Path(fractalman.__file__).parent, hashlib.blake2b(digest_size=4)
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return f"{package} {version} {digest.hexdigest()}"


def all_rows(folder: Path) -> list[Row]:
    """Return a journal's rows, those that were asked again in place of the first; later answers count."""
    rows: list[Row] = read_experiment(Referee(), folder)
    later = sorted((folder / "again").glob("*/journal.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    for journal in later:
        rows = replaced(rows, read_experiment(Referee(), journal.parent))
    return rows


def replaced(rows: Sequence[Row], by: Sequence[Row]) -> list[Row]:
    """Return rows without those that others answer, followed by the others."""
    answered = {(row["method"], row["case"], row["n"], row["seed"]) for row in by}
    return [row for row in rows if (row["method"], row["case"], row["n"], row["seed"]) not in answered] + list(by)


class Referee(Experiment[Spec, Task, Row, list[Row]]):
    """A trial as an experiment: a task is one set, its rows are the methods' answers."""

    name = "referee"

    def read(self, source: str | Path | Mapping[str, Any]) -> Spec:
        """Return the specification that a journal's first line holds."""
        if not isinstance(source, Mapping):
            raise TypeError("expected a mapping")
        return Spec(**{key: tuple(value) if isinstance(value, list) else value for key, value in source.items()})

    def tasks(self, spec: Spec) -> list[Task]:
        """Return every case at every size and seed; all cases of a seed come before the next seed."""
        pairs = list(zip(spec.sizes, spec.seeds, strict=True))
        return [(case, n, seed) for n, seeds in pairs for seed in range(seeds) for case in spec.cases]

    def run(self, spec: Spec, task: Task, checkpoint: Path | None) -> list[Row]:  # noqa: ARG002
        """Return the answers on one set."""
        trial = trial_of(spec.trial)
        return rows_of(trial, trial.case(task[0]), task[1], task[2], spec.only, spec.methods)

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
