"""What a replicate of a study of linearity needs, see `fractalman.studies.costs`."""

from __future__ import annotations

from fractalman.learners import Cost
from fractalman.studies.costs import factored, network_costs
from fractalman.studies.linearity.closeness import RIVALS
from fractalman.studies.linearity.fragments import MOST, curve_sizes
from fractalman.studies.linearity.own import OwnLinearity
from fractalman.studies.linearity.spec import Linearity
from fractalman.studies.trained_source import TrainedSource

_CASES = 3
"""Of closeness at a scale: as it is, and its two controls."""
_TARGETS = 2
_PER_LAW, _PER_FIT = 0.02, 6e-4
"""Seconds of the law of one size of a curve, and of a regression, beside what is counted."""
_PER_CLOSENESS = 2e-7
"""Seconds of a pair of a training and an unseen point, of one case."""


def costs(spec: Linearity) -> list[Cost]:
    """Return what one replicate needs: the network, what it is compared with at every look, curves in fragments."""
    n, t = spec.train_size, spec.test_size
    shape, found = spec.source.shape(n + t), spec.source.costs(n + t)
    given = isinstance(spec, OwnLinearity)
    looks, layers = max(1, len(spec.steps)), 1
    if not isinstance(spec.source, TrainedSource) and not given:
        learner = spec.network()
        layers = 1 + learner.settings.depth
        found += network_costs(learner, n, shape, shape.points, looks)
    compared = 0 if isinstance(spec.source, TrainedSource) else looks * layers
    rivals = factored(n, n, times=2.0 * len(RIVALS) * compared)
    pairs = _CASES * len(spec.scales) * compared * float(n * t)
    found += [rivals, Cost(0.0, 8.0 * n * (n + t), seconds=_PER_CLOSENESS * pairs)]
    for scale in spec.scales:
        points = min(MOST, scale)
        rank = min(shape.columns, points - 1)
        sizes = curve_sizes(points, rank)
        curves = float(spec.fragments * layers * _TARGETS)
        fits = curves * spec.splits
        found.append(Cost(0.0, 0.0, seconds=len(sizes) * (curves * _PER_LAW + fits * _PER_FIT)))
        found += [factored(min(m, rank), m, times=fits) for m in sizes]
    return found
