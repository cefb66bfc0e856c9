"""What a sweep will need, before anything of it runs: points, memory, time.

The rule for time: the operations that every learner needs are counted, divided by the speed of one product of two
float32 matrices measured here, and by the share of that speed which such work reaches. It is an order of magnitude: a
factor of three either way is usual.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman.sweep.collaborators import Collaborators
from fractalman.sweep.engine import units_of
from fractalman.sweep.experiment import Spec
from fractalman.sweep.journal import Unit
from fractalman.sweep.replicates import CACHE_BYTES
from fractalman.sweep.spec import BAYES

RULE = (
    "operations of every learner counted, over the speed of a float32 matrix product timed here; on a machine that "
    "does nothing else, a factor of three either way is usual"
)
_SHARE = 0.1  # of that speed: blocks of these sizes are smaller and reach less
_PER_UNIT = 0.02  # seconds of everything else
_START = 5.0  # seconds of loading and compiling what makes the data
_COMPILE = 3.0  # seconds of compiling one shape of network
_PER_NODE = 4e-7  # seconds of drawing a point with its hierarchy, and of the Bayes floor at one size


@dataclass(frozen=True)
class Plan:
    """What a sweep will need.

    Args:
        points: learner → points, "bayes" for the floor; probes included.
        units: pieces of work that can run at once.
        memory: bytes at once in one process: the largest dataset while it is drawn, or the replicates that are kept
            with the largest learner's own arrays.
        dataset_bytes: of those the largest dataset while it is drawn.
        seconds: learner → seconds on one process, by `RULE`.
        flops: measured speed, float32 operations per second.
    """

    points: dict[str, int]
    units: int
    memory: int
    dataset_bytes: int
    seconds: dict[str, float]
    flops: float
    rule: str = RULE


def plan_sweep(spec: Spec, *, collaborators: Collaborators | None = None, flops: float | None = None) -> Plan:
    """Return what a sweep will need; nothing of it runs.

    Args:
        spec: the experiment.
        collaborators: the functions of other rooms; None = the package's own.
        flops: float32 operations per second; None = timed here, in some milliseconds.
    """
    rooms = collaborators or Collaborators()
    speed = matrix_speed() if flops is None else flops
    units = units_of(spec, rooms)
    points: dict[str, int] = {}
    seconds: dict[str, float] = {}
    largest, shapes = 0.0, set()
    for unit in units:
        width = spec.seeds if unit.seed is None else 1
        points[unit.learner] = points.get(unit.learner, 0) + width
        place = spec.place(unit.value, unit.probe)
        if unit.learner == BAYES:
            cost = _PER_NODE * min(spec.population, spec.largest(unit.value) + spec.test_size)
        else:
            operations, own = _work(spec, unit, rooms)
            cost = width * operations / (_SHARE * speed) + _PER_UNIT
            largest = max(largest, width * own if unit.seed is None else own)
            shape = (unit.learner, repr(spec.learner_settings(unit.learner, place)))
            if unit.seed is None and shape not in shapes:
                shapes.add(shape)
                cost += _COMPILE
        seconds[unit.learner] = seconds.get(unit.learner, 0.0) + cost
    values = spec.values[:1] if spec.axis.shares_points else spec.values
    drawn = [spec.replicate_recipe(0, value) for value in values]
    nodes = sum((1 + 0.05 * recipe.n_columns) * recipe.max_points for recipe in drawn)
    seconds["data"] = _START + spec.seeds * _PER_NODE * nodes
    dataset = max(recipe.peak_bytes() for recipe in drawn)
    draws = max(spec.label_draws, spec.network_draws)
    rows = max(spec.largest(value) for value in values) + spec.test_size
    kept = min(CACHE_BYTES, len(values) * spec.seeds * rows * (4 * drawn[0].n_columns + 8 * draws))
    return Plan(points, len(units), int(max(dataset + kept, kept + largest)), dataset, seconds, speed)


def matrix_speed() -> float:
    """Return the float32 operations per second of a product of two 512 × 512 matrices, the best of five."""
    a = np.full((512, 512), 0.5, np.float32)
    best = math.inf
    for _ in range(5):
        begun = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - begun)
    return 2.0 * 512**3 / best


def _work(spec: Spec, unit: Unit, rooms: Collaborators) -> tuple[float, float]:
    """Return (operations, bytes) of a learner on one replicate."""
    place = spec.place(unit.value, unit.probe)
    n, d, t = place.n, place.recipe.n_columns, spec.test_size
    learner = rooms.make_learner(unit.learner, spec.learner_settings(unit.learner, place))
    own: Any = getattr(learner, "settings", learner)

    def setting(key: str, default: int) -> int:
        return int(own.get(key, default) if isinstance(own, dict) else getattr(own, key, default))

    kinds: dict[str, Callable[[], tuple[float, float]]] = {
        "mlp": lambda: _network(learner, n, d, t, setting("steps", 8000), setting("batch_size", 256), spec),
        "random-features": lambda: _features(n, d, t, setting("features", 1024)),
        "ridge": lambda: _features(n, d, t, d),
        "gradient-boosting": lambda: (60.0 * spec.label_draws * setting("trees", 400) * n * d, 16.0 * n * d),
    }
    if unit.learner in kinds:
        return kinds[unit.learner]()
    if unit.learner.endswith("-nn"):
        return 4.0 * n * t * d, 8.0 * (n + t) * d
    return 2.0 * n**2 * (d + 8) + 6.0 * n**3 + 2.0 * n * t * (d + 8), 32.0 * n**2  # kernels: seven ridges


def _network(learner: Any, n: int, d: int, t: int, steps: int, batch: int, spec: Spec) -> tuple[float, float]:
    weights = float(learner.parameters(d, spec.network_draws))
    passes = len(getattr(learner.settings, "rates", (1,)))
    tries = passes + 1 if passes > 1 else 1
    operations = tries * (6.0 * weights * batch * steps + 2.0 * weights * (n * (1 + steps // 500) + t))
    return operations, 8.0 * n * (d + spec.network_draws) + 64.0 * weights + 16.0 * batch * math.sqrt(weights)


def _features(n: int, d: int, t: int, k: int) -> tuple[float, float]:
    return 2.0 * (n + t) * k * d + 40.0 * n * k * min(n, k), 32.0 * (n + t) * k
