"""How exponents scatter: over replicates and their parts, and about what is expected on the replicates' very points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fractalman._typing import F64
from fractalman.experiments.levels import draw_risks, expected_risks, structures_of
from fractalman.experiments.points import Point
from fractalman.experiments.scatter import scatter_of
from fractalman.measure import PowerLawFit


def slope_error(
    found: PowerLawFit,
    curves: tuple[F64, F64],
    points: Sequence[Point],
    prediction: Any,
    sizes: Sequence[int],
    test_size: int | None,
) -> tuple[float, float]:
    """Return the fitted exponent's standard error and its degrees of freedom, from the replicates and their parts.

    Of risks near their means the exponent is a weighted sum of risk/mean, which replicates, label vectors and
    structures all have; without the parts the error is the fit's own.
    """
    plain = found.standard_error, float(found.degrees_of_freedom)
    if prediction is None or test_size is None or not np.isfinite(curves[1]).all():
        return plain
    parts, structures = draw_risks(points, sizes, len(curves[1])), structures_of(prediction, sizes, test_size)
    if parts is None or structures is None:
        return plain
    x = np.log(curves[0])
    weights = -((x - x.mean()) / np.square(x - x.mean()).sum())[:, None]
    mean = curves[1].mean(axis=0)
    scatter = scatter_of(curves[1] / mean @ weights, parts / mean @ weights, structures @ weights)
    return float(scatter.standard_error[0]), float(scatter.degrees_of_freedom[0])


def own_reference(curves: tuple[F64, F64] | None, points: Sequence[Point]) -> tuple[float, tuple[float, float]] | None:
    """Return the exponent that is expected on the replicates' very points, and how the measured one scatters about it.

    The scatter is a standard error and its degrees of freedom; structures move both exponents alike and are not in it.
    None where expected risks are not known at every size.
    """
    if curves is None or not np.isfinite(curves[1]).all():
        return None
    sizes, risks = [int(n) for n in curves[0]], curves[1]
    expected, parts = expected_risks(points, sizes, len(risks)), draw_risks(points, sizes, len(risks))
    if expected is None:
        return None
    x = np.log(curves[0])
    weights = -((x - x.mean()) / np.square(x - x.mean()).sum())[:, None]
    mean, due = risks.mean(axis=0), expected / expected.mean(axis=0)
    values = (risks / mean - due) @ weights
    drawn = None if parts is None else (parts / mean - due[:, None]) @ weights
    scatter = scatter_of(values, drawn, None if parts is None else np.zeros((2, 1)))
    exponent = float(np.log(expected.mean(axis=0)) @ weights[:, 0])
    return exponent, (float(scatter.standard_error[0]), float(scatter.degrees_of_freedom[0]))
