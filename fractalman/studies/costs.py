"""What the tasks of a study need, counted before anything runs, in the units of a sweep's plan (`learners.Cost`).

A study counts its own (`Study.costs`) of the pieces here: points with their hierarchy, networks with looks at them, and
regressions. As in `experiments.planning` it is an order of magnitude. Constants were set by seconds of processor time
on one x86-64 thread of 85 Gflop/s (a float32 matrix product), beside other work.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fractalman.experiments.planning import drawing
from fractalman.families.base import memory_of
from fractalman.learners import Cost
from fractalman.measure.user_files import read_points
from fractalman.studies.sources import ArraySource, FileSource, RecipeSource
from fractalman.studies.trained_source import TrainedSource

if TYPE_CHECKING:
    from fractalman.learners.networks.learner import NetworkLearner
    from fractalman.studies.trained_source import Source

_PAIR_BYTES = {"ward": 8.0, "minimum-spanning-tree": 48.0, "hdbscan": 48.0}
"""Of every pair of points, while a hierarchy is estimated."""
_PAIR_SECONDS = 3e-8
_FACTORED = 6.0
"""Operations of an eigenvalue or singular value, in units of size³; they reach the share of `Cost`."""
_LOOK = 0.05
"""Seconds of looking at a network, whatever is looked at."""


class Shape(NamedTuple):
    """A replicate's points: how many are made, coordinates, label columns."""

    points: int
    columns: int
    outputs: int


def shape_of(source: Source, used: int) -> Shape:
    """Return the shape of a replicate of which ``used`` points train and test."""
    if isinstance(source, RecipeSource):
        recipe = source.recipe
        points = used if recipe.addressed else recipe.max_points
        return Shape(points, recipe.n_columns, source.draws if not recipe.classifies else recipe.target_classes)
    if isinstance(source, ArraySource):
        return Shape(source.X.shape[0], source.X.shape[1], source.y.shape[1])
    if isinstance(source, FileSource):
        return _file_shape(source.path, source.digest, source.target)
    return Shape(used, int(source.learner.settings.width), shape_of(_inputs(source), used).outputs)


def sample_cost(source: Source, used: int) -> list[Cost]:
    """Return what one replicate's points need, with their hierarchy and, where they are a layer, the network."""
    shape = shape_of(source, used)
    numbers = shape.points * (4.0 * shape.columns + 8.0 * shape.outputs)
    if isinstance(source, RecipeSource):
        recipe = source.recipe
        sized = recipe.sized(used, 0) if recipe.addressed else recipe
        found = [Cost(0.0, float(memory_of(sized).peak_bytes()) + numbers, seconds=_drawn(shape))]
        return found if recipe.has_hierarchy else [*found, _hierarchy(shape, source.hierarchy)]
    if isinstance(source, TrainedSource):
        n, inputs = int(source.values["train_size"]), shape_of(_inputs(source), used)
        trained = source.learner.cost(n, inputs.columns, used, inputs.outputs)
        return [trained, _hierarchy(shape, source.values["hierarchy"])]
    return [Cost(0.0, numbers, seconds=_drawn(shape)), *([] if source.exact else [_hierarchy(shape, source.hierarchy)])]


def network_costs(learner: NetworkLearner, n: int, shape: Shape, tested: int, looks: int) -> list[Cost]:
    """Return the training of a network on n points, and its answers at ``tested`` points, at so many steps."""
    d, m = shape.columns, shape.outputs
    answers = Cost(looks * tested * learner.operations(d, m), 8.0 * tested * learner.units(d), seconds=looks * _LOOK)
    return [learner.cost(n, d, tested, m), answers]


def factored(size: int, rows: int, times: float = 1.0) -> Cost:
    """Return a decomposition of a (rows, size) table, as often as is said."""
    least, most = min(size, rows), max(size, rows)
    return Cost(times * _FACTORED * least**2 * most, 8.0 * (least * most + 2 * least**2))


def seconds_at(costs: Sequence[Cost], speed: float) -> float:
    """Return the seconds of several pieces, setup apart, where a float32 product runs so many operations a second."""
    return sum(cost.seconds_at(speed) for cost in costs)


def _inputs(source: TrainedSource) -> RecipeSource | FileSource:
    return source.points if isinstance(source.points, FileSource) else RecipeSource(source.points)


def _drawn(shape: Shape) -> float:
    return drawing(shape.points, shape.columns)


def _hierarchy(shape: Shape, how: str) -> Cost:
    pairs = 0.5 * float(shape.points) ** 2
    return Cost(0.0, _PAIR_BYTES.get(how, 8.0) * pairs, seconds=_PAIR_SECONDS * pairs)


@lru_cache(maxsize=8)
def _file_shape(path: str, digest: str, target: str) -> Shape:  # noqa: ARG001 (the digest: another file, another shape)
    X, y = read_points(path)
    classes = np.unique(y).size if target == "one-hot" and y is not None else 1
    n, d = np.asarray(X).shape
    return Shape(n, d, classes)
