"""What the tasks of a study need, counted before anything runs, in the units of a sweep's plan (`learners.Cost`).

A study counts its own (`Study.costs`) of the pieces here, networks with looks at them and regressions; what points and
their hierarchy need it asks its source. As in `experiments.planning` it is an order of magnitude. Constants were set by
seconds of processor time on one x86-64 thread of 85 Gflop/s (a float32 matrix product), beside other work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fractalman.learners import Cost

if TYPE_CHECKING:
    from fractalman.learners.networks.learner import NetworkLearner
    from fractalman.studies.sources import Shape

_FACTORED = 6.0
"""Operations of an eigenvalue or singular value, in units of size³; they reach the share of `Cost`."""
_LOOK = 0.05
"""Seconds of looking at a network, whatever is looked at."""


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
