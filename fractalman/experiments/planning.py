"""What a sweep will need, before anything of it runs: points, memory, time.

The rule for time: the operations that every learner counts (`Learner.cost`) are divided by the speed of one product of
two float32 matrices measured here, and by the share of that speed which such work reaches; a network pays besides for
every step and for every number that passes through a unit of it. It is an order of magnitude: a factor of three either
way is usual. Shares and costs were set by seconds of processor time on one x86-64 thread of 196 Gflop/s, planned and
taken (without the predicted curves, counted since):

    1-nn to n = 16384                                          .7    .5
    laplace-kernel to n = 1024                                 .8    .7
    512 random features to n = 1024                            .7    .7
    gradient-boosting to n = 1024                              26    25
    4 networks of width 8, 4000 steps, compiling included     3.9   3.5
    9 of width 64, 2000 steps                                 7.6   6.5
    4 of width 256, 1000 steps                               10.5   9.0
    40 of width 128, 5000 steps at most, the whole command     75    75

Whole commands with the curves and what is expected on the very points, on a busy machine:

    1-nn, k-nn, laplace-kernel on a cluster of 16384, n = 1024            29    35
    ridge, 512 random features, ntk-kernel on a cascade, n = 1024         33    26
    1-nn and 12 networks of width 64, 800 steps, n = 512                  11   8.8
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._memory import available_bytes
from fractalman.conventions import ZERO_ONE
from fractalman.display import Display
from fractalman.errors import FractalmanError, ResourceError
from fractalman.experiments.axes import Number
from fractalman.experiments.class_risks import columns_for
from fractalman.experiments.own_points import expects
from fractalman.experiments.points import Task
from fractalman.experiments.replicates import CACHE_BYTES
from fractalman.experiments.specification import BAYES, Spec, tasks_of
from fractalman.families.base import family_of, memory_of
from fractalman.learners import Learner, make
from fractalman.recipes import Recipe

RULE = (
    "operations of every learner counted, over the speed of a float32 matrix product timed here; on a machine that "
    "does nothing else, and without a GPU, a factor of three either way is usual"
)
PER_TASK = 0.02
"""Seconds of a task that nobody counts."""
TYPICAL_SPEED = 1e11
"""Float32 operations a second that a plan takes where nobody is told the time, so that nothing is timed."""
_TRIALS, _TRIAL_SECONDS = (5, 200), 0.25
_trials_seconds: list[float] = []
_START = 5.0  # seconds of loading and compiling what makes the data
_PER_SIZE = 0.03  # seconds of one size of a curve on one structure, beside what its learner counts
_PER_NODE = 4e-7  # seconds of drawing a point with its hierarchy, and of the Bayes floor at one size
_PER_FACTORED = 1.4e-10  # seconds of the factor of an exact field, times the cube of its points
_PER_WAVE = 1e-5  # seconds of one label of a field of waves
_PER_RULES = 0.05  # seconds of a curve on strings, of one draw of their rules


def drawing(points: float, columns: int) -> float:
    """Return the seconds of drawing so many points of so many coordinates with their hierarchy."""
    return _PER_NODE * (1.0 + 0.05 * columns) * points


@dataclass(frozen=True)
class Plan(Display):
    """What a sweep will need.

    Args:
        points: learner → points, "bayes" for the floor; doubling checks included.
        tasks: pieces of work that can run at once.
        memory: bytes at once in one process: the largest dataset while it is drawn, or the replicates that are kept
            with the largest learner's own arrays.
        dataset_bytes: of those the largest dataset while it is drawn.
        seconds: learner → seconds on one process, by `RULE`; "data" and "predictions", the curves that learners are
            held against, beside them.
        flops: measured speed, float32 operations per second.
    """

    points: dict[str, int]
    tasks: int
    memory: int
    dataset_bytes: int
    seconds: dict[str, float]
    flops: float
    rule: str = RULE


def plan_sweep(spec: Spec, *, flops: float | None = None) -> Plan:
    """Return what a sweep will need; nothing of it runs.

    Args:
        spec: the experiment.
        flops: float32 operations per second; None = timed here, in some milliseconds.
    """
    speed = matrix_speed() if flops is None else flops
    points: dict[str, int] = {}
    seconds: dict[str, float] = {}
    largest = 0.0
    for task, count, cost, memory in _costs(spec, speed):
        width = spec.seeds if task.seed is None else 1
        points[task.learner] = points.get(task.learner, 0) + count * width
        seconds[task.learner] = seconds.get(task.learner, 0.0) + count * cost
        largest = max(largest, memory)
    values = spec.values[:1] if spec.axis.shares_points else spec.values
    drawn = [spec.replicate_recipe(0, value) for value in values]
    nodes = sum((1 + 0.05 * recipe.n_columns) * recipe.max_points for recipe in drawn)
    vectors = max(spec.label_draws, spec.network_draws)
    fields = sum(_field_seconds(recipe, recipe.max_points, vectors) for recipe in drawn)
    seconds["data"] = _START + spec.seeds * (_PER_NODE * nodes + fields)
    seconds["predictions"] = sum(_curve_seconds(spec, name, speed) for name in spec.learners) + _voters(spec)
    dataset = max(memory_of(recipe).peak_bytes() for recipe in drawn)
    rows = max(spec.largest(value) for value in values) + spec.test_size
    kept = min(CACHE_BYTES, len(values) * spec.seeds * rows * (4 * drawn[0].n_columns + 8 * vectors))
    return Plan(points, len(tasks_of(spec)), int(max(dataset + kept, kept + largest)), dataset, seconds, speed)


def _field_seconds(recipe: Recipe, points: float, vectors: int) -> float:
    """Return the seconds of drawing labels that are a field: of waves one by one, of an exact field by its factor."""
    if family_of(recipe).laws.field_of(recipe) is None:
        return 0.0
    if recipe.gaussian_values:  # once for the dataset's own labels, once for the others
        return min(vectors, 2) * _PER_FACTORED * points**3
    return vectors * _PER_WAVE * points


def _voters(spec: Spec) -> float:
    """Return the seconds of the classes of waves that votes are predicted with, drawn once for all who vote."""
    from fractalman.prediction import make_prediction
    from fractalman.prediction.realization import TEST_POINTS, class_vectors

    voters = [name for name in spec.learners if name not in (*spec.brought, "1-nn")]
    if spec.axis.kind != "data" or not spec.recipe.classifies or not voters or spec.recipe.gaussian_values:
        return 0.0
    points = max(spec.train_sizes) + TEST_POINTS
    return make_prediction(spec.recipe, voters[0]).draws * _field_seconds(spec.recipe, points, class_vectors(points))


def seconds_of_tasks(spec: Spec, speed: float) -> dict[tuple[str, Number], float]:
    """Return the seconds of one task of a learner at a position on the axis, those of doubled settings among them.

    Args:
        spec: the experiment.
        speed: float32 operations per second.
    """
    found: dict[tuple[str, Number], list[float]] = {}
    for task, count, cost, _ in _costs(spec, speed):
        found.setdefault((task.learner, task.value), []).extend([cost] * count)
    return {key: sum(costs) / len(costs) for key, costs in found.items()}


def _costs(spec: Spec, speed: float) -> Iterator[tuple[Task, int, float, float]]:
    """Yield tasks that differ in more than their replicate, how many are alike, the seconds of each, and its bytes."""
    shapes = set()
    for task, count in Counter(task._replace(seed=None if task.seed is None else 0) for task in tasks_of(spec)).items():
        width = spec.seeds if task.seed is None else 1
        condition = spec.condition(task.value, task.doubled)
        if task.learner == BAYES:
            yield task, count, _PER_NODE * min(spec.population, spec.largest(task.value) + spec.test_size), 0.0
            continue
        table = spec.learner_settings(task.learner, condition)
        learner = spec.make(task.learner, condition)
        draws = spec.network_draws if learner.batched else spec.label_draws
        columns = draws * columns_for(learner, condition.recipe.target_classes)
        work = learner.cost(condition.n, condition.recipe.n_columns, spec.test_size, columns)
        cost, setup, memory = PER_TASK, 0.0, 0.0
        cost += width * _expected_seconds(spec, learner, condition.n, columns, speed, doubled=bool(task.doubled))
        if work is not None:
            cost += width * work.seconds_at(speed)
            memory = width * work.memory if task.seed is None else work.memory
            if (task.learner, repr(table)) not in shapes:
                shapes.add((task.learner, repr(table)))
                setup = work.setup
        yield task, count, cost + setup / count, memory


def _expected_seconds(spec: Spec, learner: Learner, n: int, columns: int, speed: float, *, doubled: bool) -> float:
    """Return the seconds of what is expected on a replicate's very points (`own_points`), 0 where nothing is.

    With what was chosen it takes about as long as the learner itself (.7 to 1.4 times at n = 1024, more below); a
    network's is twice that of its tangent kernel, which chooses its ridge anew.
    """
    if not expects(learner, spec, n) or doubled:
        return 0.0
    times = 1.0
    if not learner.linear_smoother:
        learner, times = make(str(learner.reference)), 2.0
    work = learner.cost(n, spec.recipe.n_columns, spec.test_size, columns)
    return 0.0 if work is None else times * work.seconds_at(speed)


def _curve_seconds(spec: Spec, name: str, speed: float) -> float:
    """Return the seconds of the curve that a learner is held against, over the structures that it averages over."""
    from fractalman.prediction import make_prediction
    from fractalman.prediction.realization import TEST_POINTS
    from fractalman.prediction.trained import CLASS_DRAWS

    if spec.axis.kind != "data" or name in spec.brought:
        return 0.0
    in_nats: dict[str, Any] = {"loss": spec.loss} if spec.recipe.classifies and spec.loss != ZERO_ONE else {}
    try:
        prediction = make_prediction(spec.recipe, name, **in_nats)
    except FractalmanError:  # points that are given, and learners that laws do not know
        return 0.0
    if not prediction.has_curve or getattr(prediction, "exact", True):  # a stand-in costs nothing
        return 0.0
    if not spec.recipe.redraws_labels:  # of strings: a sum over their rules, however many train
        return prediction.draws * _PER_RULES
    learner, columns = make(name, spec.settings.get(name, {})), 1
    if learner.convex:
        columns = CLASS_DRAWS
    elif not learner.linear_smoother:
        learner = make(str(learner.reference))
    found = drawing(min(spec.population, max(spec.train_sizes) + TEST_POINTS), spec.recipe.n_columns)
    fitted = make(name, spec.settings.get(name, {}))
    for n in spec.train_sizes:  # beyond, what is expected on the very points takes the curve's place, where it is known
        if n <= prediction.affordable or not expects(fitted, spec, n):
            work = learner.cost(n, spec.recipe.n_columns, TEST_POINTS, columns)
            found += _PER_SIZE + (0.0 if work is None else work.seconds_at(speed))
    return prediction.draws * found


def refuse_unfit(spec: Spec, plan: Plan, jobs: int = 1) -> None:
    """Raise ResourceError, naming the keys that matter, when a sweep would need more memory than there is.

    Parameters
    ----------
    spec
        The experiment.
    plan
        What `plan_sweep` says of it.
    jobs
        Processes of this machine, each of which holds data of its own.
    """
    need, limit = plan.memory * jobs, available_bytes()
    if need <= limit:
        return
    keys = ["recipe.n_points" if spec.recipe.n_points and not spec.recipe.addressed else "sweep.train_sizes"]
    keys += ["recipe.ambient_dim"] if plan.dataset_bytes * 2 > plan.memory else ["sweep.test_size", "sweep.seeds"]
    keys += ["--jobs"] if jobs > 1 else []
    each = f"{jobs} processes of {plan.memory:,} bytes each" if jobs > 1 else f"{need:,} bytes at once"
    raise ResourceError(
        f"this sweep needs {each} and {limit:,} are available: expected less; use a smaller {' or '.join(keys)}, or a "
        "machine with more"
    )


def matrix_speed() -> float:
    """Return the float32 operations per second of a product of two 512 × 512 matrices, the best of many.

    Trials go on for a quarter of a second: on a machine that others use as well, five in a row may all be interrupted.
    What was best is remembered, and five trials are made when this process asks again.
    """
    a = np.full((512, 512), 0.5, np.float32)
    known = min(_trials_seconds, default=math.inf)
    best, started, trials = known, time.perf_counter(), 0
    most = _TRIALS[1] if known == math.inf else 0
    while trials < _TRIALS[0] or (trials < most and time.perf_counter() - started < _TRIAL_SECONDS):
        begun = time.perf_counter()
        a @ a
        best, trials = min(best, time.perf_counter() - begun), trials + 1
    _trials_seconds[:] = [best]
    return 2.0 * 512**3 / best
