"""The experiment behind ``confirm``: every learner under every condition on every replicate, and a verdict on each."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fractalman.config import is_integer
from fractalman.executors import Executor
from fractalman.experiments.brought import refuse_absent, refuse_immovable
from fractalman.experiments.class_risks import problem_of, risks_of
from fractalman.experiments.engine import Experiment, Progress, Shard, read_experiment, run_experiment
from fractalman.experiments.journal import Lines
from fractalman.experiments.label_law import INFO
from fractalman.experiments.own_points import expected_on
from fractalman.experiments.planning import TYPICAL_SPEED, plan_sweep, refuse_unfit, seconds_of_tasks
from fractalman.experiments.points import POINTS, Point, Task
from fractalman.experiments.reading import BAYES, load_spec
from fractalman.experiments.replicates import Replicate, forget, remembered
from fractalman.experiments.results import Result, conclude
from fractalman.experiments.scatter import relative_scatter
from fractalman.experiments.specification import Spec, tasks_of
from fractalman.learners import Learner, Outcome, Problem
from fractalman.progress import duration
from fractalman.random.streams import Role, key64


class Sweep(Experiment[Spec, Task, Point, Result]):
    """Learners over an axis and replicates: rows are points of learning curves, the result has verdicts."""

    name: ClassVar[str] = "confirm"

    @property
    def lines(self) -> Lines[Task, Point]:
        """Points as JSON."""
        return POINTS

    def read(self, source: str | Path | Mapping[str, Any]) -> Spec:
        """Return the checked specification."""
        return load_spec(source)

    def tasks(self, spec: Spec) -> list[Task]:
        """Return all tasks: replicate by replicate, then the learners that run all replicates together."""
        return tasks_of(spec)

    def run(self, spec: Spec, task: Task, checkpoint: Path | None = None) -> list[Point]:
        """Return the points of one task."""
        return run_task(spec, task, checkpoint)

    def conclude(self, spec: Spec, finished: Mapping[Task, Sequence[Point]], say: Progress) -> Result:
        """Return all points with their regimes, and the verdicts."""
        return conclude(spec, tasks_of(spec), finished, say)

    def describe(self, spec: Spec, task: Task) -> str:
        """Return learner, condition and replicate."""
        doubled = f", {task.doubled} doubled" if task.doubled else ""
        replicate = "" if task.seed is None else f", replicate {task.seed}"
        return f"{task.learner}, {spec.axis.name} = {task.value}{doubled}{replicate}"

    def summary(self, rows: Sequence[Point]) -> str:
        """Return the mean risk of those points that have one, and how many have none."""
        risks = [point.risk for point in rows if math.isfinite(point.risk)]
        lost = f"{len(rows) - len(risks)} of {len(rows)} without a risk"
        if not risks:
            return lost
        return f"risk {np.mean(risks):.4g}" + (f", {lost}" if len(risks) < len(rows) else "")

    def prepare(self, spec: Spec, jobs: int, say: Progress | None) -> Mapping[str, float]:
        """Say memory and time, and refuse what would not fit; return learner → seconds of a task."""
        plan = plan_sweep(spec, flops=None if say else TYPICAL_SPEED)  # timed where somebody is told
        refuse_unfit(spec, plan, jobs)
        if say:
            words = duration(sum(plan.seconds.values()) / jobs)
            say(f"{plan.tasks} tasks need {plan.memory * jobs / 2**20:,.0f} MiB and about {words}")
        seconds = seconds_of_tasks(spec, plan.flops)
        return {self.group(task): seconds[task.learner, task.value] / jobs for task in tasks_of(spec)}

    def group(self, task: Task) -> str:
        """Return learner and position on the axis: such tasks take about as long as each other."""
        return f"{task.learner}, {task.value}"

    def release(self, spec: Spec) -> None:
        """Let the replicates go."""
        forget(spec)


SWEEP = Sweep()


def run_sweep(
    spec: Spec,
    out: str | Path | None = None,
    progress: Progress | None = None,
    *,
    force: bool = False,
    jobs: int = 1,
    scheduler: str | None = None,
    executor: Executor | None = None,
    shard: Shard | None = None,
) -> Result:
    """Run what is not yet in the journal and return the whole sweep: see `engine.run_experiment`.

    Raises
    ------
    RecipeError
        Also for a learner of somebody's own that is not here, or that other processes of this machine cannot be sent.
    """
    refuse_absent(spec.brought)
    if is_integer(jobs) and jobs != 1 and scheduler is None and executor is None:
        refuse_immovable(spec.brought)
    return run_experiment(
        SWEEP, spec, out, progress, force=force, jobs=jobs, scheduler=scheduler, executor=executor, shard=shard
    )


def load_result(folder: str | Path, progress: Progress | None = None) -> Result:
    """Return the sweep in ``folder`` as far as it got; predictions are made anew: see `engine.read_experiment`."""
    return read_experiment(SWEEP, folder, progress)


def run_task(spec: Spec, task: Task, checkpoint: Path | None = None) -> list[Point]:
    """Return the points of one task, a pure function of the first two, so that it may run in any process."""
    numbers = range(spec.seeds) if task.seed is None else [task.seed]
    replicates = [remembered(spec, i, task.value) for i in numbers]
    condition = spec.condition(task.value, task.doubled)
    if task.learner == BAYES:
        return [
            Point(
                BAYES, condition.n, i, r.bayes.get(condition.n, math.nan), 0.0, r.v_in, r.population,
                seconds=r.bayes_seconds, value=task.value,
            )
            for i, r in zip(numbers, replicates, strict=True)
        ]  # fmt: skip
    learner = spec.make(task.learner, condition)
    draws = spec.network_draws if learner.batched else spec.label_draws
    n = condition.n
    classes = condition.recipe.target_classes
    problems = []
    for i, r in zip(numbers, replicates, strict=True):
        X, y, key = r.X_train[:n], r.y_train[:n, :draws], _problem_key(spec, i, condition.key_n)
        problems.append(problem_of(learner, X, y, r.X_test, key, classes) if classes else Problem(X, y, r.X_test, key))
    begun = time.perf_counter()
    first = task.value == spec.values[0] and not task.doubled
    outcomes = learner.resume(problems, checkpoint)
    seconds = (time.perf_counter() - begun) / len(problems)
    parameters = learner.parameters(problems[0].X_train.shape[1], problems[0].outputs)
    return [
        Point(
            learner=task.learner,
            n=n,
            seed=i,
            **_with_modes(_risks(outcome, r, n, draws, classes, spec.loss, _gaussian(learner, spec, r)), r, first),
            v_in=r.v_in,
            n_population=r.population,
            seconds=seconds,
            value=task.value,
            parameters=parameters,
            doubled=task.doubled,
            expected_risk=None if task.doubled else expected_on(learner, spec, r, n, problem.key, outcome.info),
        )
        for i, r, outcome, problem in zip(numbers, replicates, outcomes, problems, strict=True)
    ]


def _with_modes(risks: dict[str, Any], r: Replicate, first: bool) -> dict[str, Any]:
    """Return the risks with what is known of the replicate's labels, at the first condition."""
    return {**risks, "info": {**risks["info"], INFO: r.modes}} if first and r.modes else risks


def _gaussian(learner: Learner, spec: Spec, r: Replicate) -> bool:
    """Whether residuals are Gaussian: labels are, and predictions are linear in them."""
    return learner.linear_smoother and r.covariance is not None and spec.recipe.gaussian_values


def _risks(
    outcome: Outcome, r: Replicate, n: int, draws: int, classes: int, loss: str, gaussian: bool
) -> dict[str, Any]:
    """Return test and training risk of an outcome, squared errors or those of classes, and what it reports."""
    y = r.y_test[:, :draws]
    if classes:
        return risks_of(outcome, y, r.y_train[:n, :draws], classes, loss)
    residuals = np.asarray(outcome.prediction, np.float64) - y
    squares = residuals**2
    risk = float(np.mean(squares))
    found: dict[str, Any] = {"risk": risk, "train_risk": float(outcome.train_risk), "info": dict(outcome.info)}
    if draws > 1 and math.isfinite(risk):
        found["draw_risks"] = tuple(squares.mean(axis=0).tolist())
        found["draw_scatter"] = relative_scatter(residuals) if gaussian else None
    return found


def _problem_key(spec: Spec, i: int, n: int) -> int:
    """Everything random in a learner (validation points, initial weights, batches) hangs on this key.

    It knows n and the replicate alone: along another axis the conditions, and their doubling checks, share what they
    can.
    """
    seeds = spec.replicate_seeds(i)
    return key64(seeds.geometry, Role.INITIALISATION, seeds.embedding, seeds.labels, n)
