"""What the tasks of a granularity study need, see `fractalman.studies.costs`."""

from __future__ import annotations

import math

from fractalman import learners
from fractalman.learners import Cost
from fractalman.studies.base import Task
from fractalman.studies.costs import factored
from fractalman.studies.granularity.fits import EXPECTED
from fractalman.studies.granularity.spec import Granularity, is_trained

_PER_PAIR = 5e-7
"""Seconds of what is expected of one learner at a pair of a training and an unseen point."""
_PER_FIT = 0.004
"""Seconds of a learner at one size inside a fragment, beside what is counted."""
_DESIGNS = 3


def costs(spec: Granularity, task: Task) -> list[Cost]:
    """Return what a task needs."""
    n, t = spec.train_size, int(spec.values["test_size"])
    shape = spec.source.shape(n + t)
    if task.part == "linear":
        return _linear(spec, int(task.value))
    if task.part == "curves":
        return _curves(spec, int(task.value))
    known = spec.source.redraws and n <= EXPECTED
    pairs = float(n * (n + t)) if known else 0.0
    expected = Cost(2.0 * pairs * n, 16.0 * pairs, seconds=_PER_PAIR * pairs)
    if task.part == "fragments":
        return [expected, factored(min(n, shape.columns), n, times=2.0)]
    names = [name for name in spec.learners if not is_trained(name)] if task.part == "fits" else [task.part]
    fitted = [
        learners.make(name, spec.settings.get(name, {})).cost(n, shape.columns, t, shape.outputs) for name in names
    ]
    drawn = spec.source.costs(n + t) if task.part == "fits" else []  # remembered by the replicate's other tasks
    return [*drawn, *[expected] * len(names), *(cost for cost in fitted if cost is not None)]


def _curves(spec: Granularity, scale: int) -> list[Cost]:
    sizes = [2**k for k in range(2, max(3, int(math.log2(scale))))]
    fits = 2 * spec.values["curve_fragments"]
    return [Cost(0.0, 0.0, seconds=_PER_FIT * fits * len(sizes)), *(factored(n, n, times=fits) for n in sizes)]


def _linear(spec: Granularity, d: int) -> list[Cost]:
    points, splits, sizes = (spec.values[f"linear_{word}"] for word in ("points", "splits", "sizes"))
    fits = _DESIGNS * splits
    each = [factored(min(n, d), max(n, d), times=fits) for n in sizes]
    return [Cost(0.0, 8.0 * points * d, seconds=_PER_FIT * fits * len(sizes)), factored(points, d), *each]
