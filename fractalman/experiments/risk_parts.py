"""The parts of measured risks: label vectors, what was expected on the very points, structures of the curve.

Here ``points`` are those of one learner, ``sizes`` training-set sizes, ``seeds`` the number of replicates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fractalman._typing import F64
from fractalman.experiments.points import Point


def draw_risks(points: Sequence[Point], sizes: Sequence[int], seeds: int) -> F64 | None:
    """Return the risks of every label vector alone, (replicates, label vectors, sizes); None where some are not there.

    What they differ by from their mean is scaled so that they scatter as `Point.draw_scatter` says, about what is
    expected where that is more than they are: their own scatter is too small where they happen to be low.
    """
    known = {(p.seed, p.value): p.draw_risks for p in points if not p.doubled}
    rows = [[known.get((i, n), ()) for n in sizes] for i in range(seeds)]
    lengths = {len(entry) for row in rows for entry in row}
    if len(lengths) != 1 or min(lengths) < 2:
        return None
    found = np.array(rows, np.float64).swapaxes(1, 2)
    mean = found.mean(axis=1, keepdims=True)
    return np.asarray(mean + _widening(points, sizes, found) * (found - mean))


def _widening(points: Sequence[Point], sizes: Sequence[int], risks: F64) -> F64:
    """Return by what the scatter of label vectors is multiplied, (replicates, 1, sizes); 1 where no point says."""
    said = {(p.seed, p.value): (p.draw_scatter, p.expected_risk or 0.0) for p in points if not p.doubled}
    out = np.ones((len(risks), 1, len(sizes)))
    for i in range(len(risks)):
        for j, n in enumerate(sizes):
            scatter, expected = said[i, n]
            own = float(risks[i, :, j].std(ddof=1))
            if scatter is not None and own > 0.0:
                out[i, 0, j] = scatter * max(expected, float(risks[i, :, j].mean())) / own
    return out


def expected_risks(points: Sequence[Point], sizes: Sequence[int], seeds: int) -> F64 | None:
    """Return what was expected on the replicates' very points, (replicates, sizes); None where some are not known."""
    known = {(p.seed, p.value): p.expected_risk for p in points if not p.doubled}
    found = np.array([[known.get((i, n)) or math.nan for n in sizes] for i in range(seeds)], np.float64)
    return found if np.isfinite(found).all() and (found > 0.0).all() else None


def structures_of(prediction: Any, sizes: Sequence[int], test_size: int) -> F64 | None:
    """Return the predicted curve on single structures over its mean, (structures, sizes); None where it is not known.

    With fewer test points than these structures have, replicates scatter more: at most, by the ratio of the numbers.

    Parameters
    ----------
    prediction
        Of one learner.
    sizes
        Training-set sizes that its curve reaches.
    test_size
        Test points of a replicate.
    """
    if not callable(getattr(prediction, "structures", None)):
        return None
    found = prediction.structures(np.array(sizes))
    if found is None or len(found[0]) < 2 or not (found[0].mean(axis=0) > 0.0).all():
        return None
    rows, tests = np.asarray(found[0], np.float64), found[1]
    wider = math.sqrt(max(1.0, tests / test_size))
    return np.asarray(1.0 + wider * (rows / rows.mean(axis=0) - 1.0))
