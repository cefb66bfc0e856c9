"""Running a sweep: units of work, the journal, and what comes out of them."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fractalman.errors import CorruptFileError, RecipeError
from fractalman.experiments.collaborators import Collaborators
from fractalman.experiments.executors import Executor, from_options, gather
from fractalman.experiments.journal import CHECKPOINTS, Journal, Point, Unit, read_journal
from fractalman.experiments.replicates import forget, remembered
from fractalman.experiments.results import Result, conclude
from fractalman.experiments.spec import BAYES, Spec, load_spec
from fractalman.random.streams import Role, key64

Progress = Callable[[str], None]

# ---------------------------------------------------------------------------------------------------- units


def units_of(spec: Spec, rooms: Collaborators) -> list[Unit]:
    """Return all units of work: replicate by replicate, then the learners that run all replicates together."""
    batched = {name: rooms.make_learner(name, spec.learner_settings(name)).batched for name in spec.learners}
    floor = [(BAYES, "")] if spec.recipe.has_hierarchy else []  # no label tree, no floor
    kinds = {name: [(name, probe) for probe in ("", *spec.probes_of(name))] for name in spec.learners}
    single = floor + [kind for name in spec.learners if not batched[name] for kind in kinds[name]]
    units = [Unit(name, v, i, probe) for i in range(spec.seeds) for v in spec.values for name, probe in single]
    together = [kind for name in spec.learners if batched[name] for kind in kinds[name]]
    return units + [Unit(name, v, None, probe) for name, probe in together for v in spec.values]


def run_unit(spec: Spec, unit: Unit, rooms: Collaborators, checkpoint: Path | None = None) -> list[Point]:
    """Return the points of one unit; a pure function of the first three, so it may run in any process.

    Args:
        spec: the experiment.
        unit: which part of it.
        rooms: the functions of other rooms.
        checkpoint: where a learner that can keeps its state, so that a killed unit goes on where it was.
    """
    from fractalman.learners import Problem

    numbers = range(spec.seeds) if unit.seed is None else [unit.seed]
    replicates = [remembered(spec, i, rooms, unit.value) for i in numbers]
    place = spec.place(unit.value, unit.probe)
    if unit.learner == BAYES:
        return [
            Point(
                BAYES, place.n, i, r.bayes[place.n], 0.0, r.v_in, r.population,
                seconds=r.bayes_seconds, value=unit.value,
            )
            for i, r in zip(numbers, replicates, strict=True)
        ]  # fmt: skip
    learner = rooms.make_learner(unit.learner, spec.learner_settings(unit.learner, place))
    draws = spec.network_draws if learner.batched else spec.label_draws
    problems = [
        Problem(r.X_train[: place.n], r.y_train[: place.n, :draws], r.X_test, _problem_key(spec, i, place.key_n))
        for i, r in zip(numbers, replicates, strict=True)
    ]
    begun = time.perf_counter()
    outcomes = learner.resume(problems, checkpoint)
    seconds = (time.perf_counter() - begun) / len(problems)
    parameters = learner.parameters(problems[0].X_train.shape[1], draws)
    return [
        Point(
            learner=unit.learner,
            n=place.n,
            seed=i,
            risk=float(np.mean((np.asarray(outcome.prediction, dtype=np.float64) - r.y_test[:, :draws]) ** 2)),
            train_risk=float(outcome.train_risk),
            v_in=r.v_in,
            n_population=r.population,
            seconds=seconds,
            info=dict(outcome.info),
            value=unit.value,
            parameters=parameters,
            probe=unit.probe,
        )
        for i, r, outcome in zip(numbers, replicates, outcomes, strict=True)
    ]


def _problem_key(spec: Spec, i: int, n: int) -> int:
    """Everything random in a learner (validation points, initial weights, batches) hangs on this key.

    It knows n and the replicate alone: along another axis the places, and the probes of a place, share what they can.
    """
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
    shard: tuple[int, int] | None = None,
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
            caller closes it. Networks keep checkpoints in the folder only without one: a task may run where the folder
            is not.
        shard: (i, of n), counted from 1: run every n-th unit only, into a part of the journal of its own. Shards may
            run at once in one folder, or in several whose parts are then put into one; a run without ``shard`` reads
            all parts and does what is left.
        collaborators: the functions of other rooms; None = the package's own.
    Errors: RecipeError when the folder holds another sweep, or for ``force`` with ``shard``; what learners and
        generators raise. Finished points stay in the journal whatever happens, Ctrl-C included.
    """
    rooms = collaborators or Collaborators()
    if force and shard is not None:
        raise RecipeError("force with a shard would take the other shards' parts away: type another folder")
    units = units_of(spec, rooms)
    mine = units if shard is None else units[shard[0] - 1 :: shard[1]]
    say = progress or _silent
    with Journal(Path(out), spec.digests, spec.to_dict(), force=force, shard=shard) as journal:
        todo = [unit for unit in mine if unit not in journal.finished]
        total = sum(map(_width(spec), mine))
        if len(todo) < len(mine):
            say(f"{total - sum(map(_width(spec), todo))} of {total} points are in the journal already")
        if todo:
            _run(spec, todo, total, journal, rooms, say, executor, jobs)
        finished = dict(journal.finished)
    if shard is not None:  # what other shards have finished meanwhile
        finished = read_journal(Path(out))[1]
    return conclude(spec, units, finished, rooms, say)


def _run(
    spec: Spec, todo: list[Unit], total: int, journal: Journal, rooms: Collaborators, say: Progress,
    executor: Executor | None, jobs: int,
) -> None:  # fmt: skip
    width = _width(spec)
    done = total - sum(map(width, todo))
    clock = _Clock(todo, width)
    kept = None if executor is not None else journal.folder.absolute() / CHECKPOINTS
    tasks = [(spec, unit, rooms, None if kept is None else kept / checkpoint_name(unit)) for unit in todo]
    with contextlib.ExitStack() as closing:
        closing.callback(forget, spec)
        runner = closing.enter_context(from_options(jobs=jobs)) if executor is None else executor
        for index, points in gather(runner, run_unit, tasks, name=lambda i: _named(spec, todo[i])):
            unit = todo[index]
            journal.append(unit, points)
            done += width(unit)
            left = clock.tick(unit)
            say(f"point {done} of {total}: {_place_words(spec, unit)}, {_risk_words(points)}; {left}")
    if kept is not None and kept.is_dir() and not any(kept.iterdir()):
        kept.rmdir()


def checkpoint_name(unit: Unit) -> str:
    """Return the name that the files of a unit's state begin with."""
    probe = f"-{unit.probe}-doubled" if unit.probe else ""
    return f"{unit.learner}-{unit.value}{probe}" + ("" if unit.seed is None else f"-{unit.seed}")


def _place_words(spec: Spec, unit: Unit) -> str:
    doubled = f", {unit.probe} doubled" if unit.probe else ""
    return f"{unit.learner}, {spec.axis.name} = {unit.value}{doubled}"


def _risk_words(points: Sequence[Point]) -> str:
    """Return the mean risk of those points that have one, and how many have none."""
    risks = [point.risk for point in points if math.isfinite(point.risk)]
    lost = f"{len(points) - len(risks)} of {len(points)} without a risk"
    if not risks:
        return lost
    return f"risk {np.mean(risks):.4g}" + (f", {lost}" if len(risks) < len(points) else "")


def _named(spec: Spec, unit: Unit) -> str:
    return f"the point {_place_words(spec, unit)}" + ("" if unit.seed is None else f", replicate {unit.seed}")


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
    if header["digest"] not in spec.digests:
        raise RecipeError(f"{folder} was made by another version of fractalman: run confirm again in another folder")
    return conclude(spec, units_of(spec, rooms), finished, rooms, progress or _silent)
