"""Running a sweep: units of work, the journal, and what comes out of them."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._arrays import F64, I64
from fractalman.errors import CorruptFileError, FractalmanError, RecipeError
from fractalman.executors import Executor, from_options, gather
from fractalman.seeds import Role, key64
from fractalman.sweep import regimes
from fractalman.sweep.collaborators import Collaborators
from fractalman.sweep.journal import Journal, Point, Unit, read_journal
from fractalman.sweep.replicates import forget, remembered
from fractalman.sweep.spec import BAYES, Spec, load_spec
from fractalman.sweep.verdicts import Verdict, judge

Progress = Callable[[str], None]
_FLOOR_REASON = "no learner beats it in expectation over labels"


@dataclass(frozen=True)
class Floor:
    """The Bayes floor: the least risk that any learner can have in expectation over labels.

    Args:
        n: (sizes,) int64.
        risk: (sizes,) float64, mean over replicates, in units of the label's prior variance.
        standard_error: (sizes,) float64, over replicates; nan for one.
        kind: what it is.
    """

    n: I64
    risk: F64
    standard_error: F64
    kind: str = "Bayes floor: exact posterior variance on the label tree"


@dataclass(frozen=True)
class Result:
    """A finished (or, from `load_result`, perhaps unfinished) sweep.

    Args:
        spec: what was asked.
        points: every point, by learner, n and replicate; the Bayes floor's are of learner "bayes".
        verdicts: one per learner, in the order of the specification.
        predictions: learner → Prediction, None where nothing is predicted.
        floor: the Bayes floor over the sizes.
        summaries: learner → one summary per size, with regime and evidence.
        conventions: learner → how it treats inputs and labels.
        rule: the rule by which regimes and windows were chosen.
        notes: learner → why there is no prediction.
    """

    spec: Spec
    points: tuple[Point, ...]
    verdicts: tuple[Verdict, ...]
    predictions: Mapping[str, Any]
    floor: Floor
    summaries: Mapping[str, Sequence[regimes.SizeSummary]]
    conventions: Mapping[str, str]
    rule: str = regimes.RULE
    notes: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def table(self) -> list[dict[str, Any]]:
        """Return every point as plain JSON values, one dict per row."""
        return [point.to_dict() for point in self.points]


# ---------------------------------------------------------------------------------------------------- units


def units_of(spec: Spec, rooms: Collaborators) -> list[Unit]:
    """Return all units of work: replicate by replicate, then the learners that run all replicates together."""
    batched = {name: rooms.make_learner(name, spec.learner_settings(name)).batched for name in spec.learners}
    floor = [BAYES] if spec.recipe.has_hierarchy else []  # no label tree, no floor
    single = [*floor, *(name for name in spec.learners if not batched[name])]
    units = [Unit(name, n, i) for i in range(spec.seeds) for n in spec.train_sizes for name in single]
    return units + [Unit(name, n, None) for name in spec.learners if batched[name] for n in spec.train_sizes]


def run_unit(spec: Spec, unit: Unit, rooms: Collaborators) -> list[Point]:
    """Return the points of one unit; a pure function of its arguments, so it may run in any process.

    Args:
        spec: the experiment.
        unit: which part of it.
        rooms: the functions of other rooms.
    """
    from fractalman.learners import Problem

    numbers = range(spec.seeds) if unit.seed is None else [unit.seed]
    replicates = [remembered(spec, i, rooms) for i in numbers]
    if unit.learner == BAYES:
        return [
            Point(BAYES, unit.n, i, r.bayes[unit.n], 0.0, r.v_in, r.population, seconds=r.bayes_seconds)
            for i, r in zip(numbers, replicates, strict=True)
        ]
    learner = rooms.make_learner(unit.learner, spec.learner_settings(unit.learner))
    draws = spec.network_draws if learner.batched else spec.label_draws
    problems = [
        Problem(r.X_train[: unit.n], r.y_train[: unit.n, :draws], r.X_test, _problem_key(spec, i, unit.n))
        for i, r in zip(numbers, replicates, strict=True)
    ]
    begun = time.perf_counter()
    outcomes = learner.run(problems)
    seconds = (time.perf_counter() - begun) / len(problems)
    return [
        Point(
            learner=unit.learner,
            n=unit.n,
            seed=i,
            risk=float(np.mean((np.asarray(outcome.prediction, dtype=np.float64) - r.y_test[:, :draws]) ** 2)),
            train_risk=float(outcome.train_risk),
            v_in=r.v_in,
            n_population=r.population,
            seconds=seconds,
            info=dict(outcome.info),
        )
        for i, r, outcome in zip(numbers, replicates, outcomes, strict=True)
    ]


def _problem_key(spec: Spec, i: int, n: int) -> int:
    """Everything random in a learner (validation points, initial weights, batches) hangs on this key."""
    seeds = spec.replicate_seeds(i)
    return key64(seeds.geometry, Role.INITIALISATION, seeds.embedding, seeds.labels, n)


# ---------------------------------------------------------------------------------------------------- the sweep


def run_sweep(
    spec: Spec,
    out: str | Path,
    progress: Progress | None = None,
    *,
    force: bool = False,
    jobs: int = 1,
    executor: Executor | None = None,
    collaborators: Collaborators | None = None,
) -> Result:
    """Run what is not yet in the journal and return the whole sweep.

    Args:
        spec: the experiment.
        out: folder of the journal; a journal of the same specification is continued.
        progress: called with a line of text; None = silent.
        force: start anew even where a journal lies.
        jobs: spawned processes of one thread; 1 = this one. The table does not depend on how many there are; against
            this process, with all its threads, linear algebra may differ by its rounding (relative 1e-5 of a training
            risk that is itself rounding, 1e-12 of a risk).
        executor: runs the units instead; anything with ``submit(function, *arguments) → handle with result()``; the
            caller closes it.
        collaborators: the functions of other rooms; None = the package's own.
    Errors: RecipeError when the folder holds another sweep; what learners and generators raise. Finished points stay
        in the journal whatever happens, Ctrl-C included.
    """
    rooms = collaborators or Collaborators()
    units = units_of(spec, rooms)
    say = progress or _silent
    with Journal(Path(out), spec.digest, spec.to_dict(), force=force) as journal:
        todo = [unit for unit in units if unit not in journal.finished]
        total = sum(map(_width(spec), units))
        if len(todo) < len(units):
            say(f"{total - sum(map(_width(spec), todo))} of {total} points are in the journal already")
        if todo:
            _run(spec, todo, total, journal, rooms, say, executor, jobs)
        finished = dict(journal.finished)
    return _conclude(spec, units, finished, rooms, say)


def _run(
    spec: Spec, todo: list[Unit], total: int, journal: Journal, rooms: Collaborators, say: Progress,
    executor: Executor | None, jobs: int,
) -> None:  # fmt: skip
    width = _width(spec)
    done = total - sum(map(width, todo))
    clock = _Clock(todo, width)
    tasks = [(spec, unit, rooms) for unit in todo]
    with contextlib.ExitStack() as closing:
        closing.callback(forget, spec)
        runner = closing.enter_context(from_options(jobs=jobs)) if executor is None else executor
        for index, points in gather(runner, run_unit, tasks, name=lambda i: _named(todo[i])):
            unit = todo[index]
            journal.append(unit, points)
            done += width(unit)
            left = clock.tick(unit)
            risk = float(np.mean([point.risk for point in points]))
            say(f"point {done} of {total}: {unit.learner}, n = {unit.n}, risk {risk:.4g}; {left}")


def _named(unit: Unit) -> str:
    return f"the point {unit.learner}, n = {unit.n}" + ("" if unit.seed is None else f", replicate {unit.seed}")


def _width(spec: Spec) -> Callable[[Unit], int]:
    """How many points a unit makes."""
    return lambda unit: spec.seeds if unit.seed is None else 1


def _silent(text: str) -> None:
    """Say nothing."""


class _Clock:
    """Time left, from the time that units of the same learner took per point, else of any."""

    def __init__(self, todo: Sequence[Unit], width: Callable[[Unit], int]) -> None:
        self._begun = self._last = time.perf_counter()
        self._width = width
        self._left = [(unit.learner, width(unit)) for unit in todo]
        self._spent: dict[str, tuple[float, int]] = {}

    def tick(self, unit: Unit) -> str:
        """Note a finished unit and return the time left in words."""
        now = time.perf_counter()
        seconds, points = self._spent.get(unit.learner, (0.0, 0))
        self._spent[unit.learner] = (seconds + now - self._last, points + self._width(unit))
        self._last = now
        self._left.remove((unit.learner, self._width(unit)))
        if not self._left:
            return f"done in {_duration(now - self._begun)}"
        overall = (now - self._begun) / sum(points for _, points in self._spent.values())
        left = 0.0
        for learner, width in self._left:
            seconds, points = self._spent.get(learner, (overall, 1))
            left += width * seconds / points
        return f"about {_duration(left)} left"


def _duration(seconds: float) -> str:
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 5400.0 else f"{seconds / 3600.0:.1f} h"


def load_result(
    folder: str | Path, progress: Progress | None = None, *, collaborators: Collaborators | None = None
) -> Result:
    """Return the sweep in ``folder`` as far as it got, without running anything; predictions are made anew.

    Args:
        folder: where journal.jsonl lies.
        progress: called with a line of text.
        collaborators: the functions of other rooms; None = the package's own.
    Errors: RecipeError when there is no journal, or it was written by another version; CorruptFileError for damage.
    """
    rooms = collaborators or Collaborators()
    header, finished = read_journal(Path(folder))
    try:
        spec = load_spec(header["spec"], collaborators=rooms)
    except (KeyError, RecipeError) as error:
        raise CorruptFileError(f"{folder}: the journal's specification cannot be read: {error}") from None
    if spec.digest != header["digest"]:
        raise RecipeError(f"{folder} was made by another version of fractalman: run confirm again in another folder")
    return _conclude(spec, units_of(spec, rooms), finished, rooms, progress or _silent)


def _conclude(
    spec: Spec, units: Sequence[Unit], finished: Mapping[Unit, Sequence[Point]], rooms: Collaborators, say: Progress
) -> Result:
    """Give every point its regime, fit, predict, judge."""
    by_learner: dict[str, list[Point]] = {name: [] for name in (*spec.learners, BAYES)}
    for unit in units:
        by_learner[unit.learner] += finished.get(unit, ())
    points: list[Point] = []
    verdicts, predictions, summaries, conventions, notes = [], {}, {}, {}, {}
    for name in spec.learners:
        learner = rooms.make_learner(name, spec.learner_settings(name))
        conventions[name] = str(learner.conventions)
        mine = sorted(by_learner[name], key=lambda point: (point.n, point.seed))
        smallest = min((point.n_population for point in mine), default=spec.population)
        summary = regimes.summarise(mine, spec.seeds, learner.capacity, smallest * spec.max_fraction)
        summaries[name] = summary
        said = {entry.n: entry for entry in summary}
        mine = [dataclasses.replace(p, regime=said[p.n].regime, reason=said[p.n].reason) for p in mine]
        points += mine
        say(f"predicting {name}")
        try:
            predictions[name] = rooms.predict(spec.recipe, name)
        except FractalmanError as error:
            predictions[name], notes[name] = None, str(error)
        note = notes.get(name, "")
        verdicts.append(judge(name, mine, summary, predictions[name], seeds=spec.seeds, fit=spec.fit, note=note))
    floor_points = sorted(by_learner[BAYES], key=lambda point: (point.n, point.seed))
    points += [dataclasses.replace(p, regime="floor", reason=_FLOOR_REASON) for p in floor_points]
    return Result(
        spec=spec,
        points=tuple(points),
        verdicts=tuple(verdicts),
        predictions=predictions,
        floor=_floor(floor_points),
        summaries=summaries,
        conventions=conventions,
        notes=notes,
    )


def _floor(points: Sequence[Point]) -> Floor:
    sizes = sorted({point.n for point in points})
    risks = [np.array([point.risk for point in points if point.n == n]) for n in sizes]
    errors = [r.std(ddof=1) / math.sqrt(r.size) if r.size > 1 else math.nan for r in risks]
    return Floor(
        n=np.array(sizes, dtype=np.int64),
        risk=np.array([r.mean() for r in risks], dtype=np.float64),
        standard_error=np.array(errors, dtype=np.float64),
    )
