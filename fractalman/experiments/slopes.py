"""How exponents scatter: over replicates and their parts, and about what is expected on the replicates' very points.

What larger sizes and other windows say against a fit, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fractalman._typing import F64
from fractalman.errors import FitError, FractalmanError
from fractalman.experiments.points import Point
from fractalman.experiments.risk_parts import draw_risks, expected_risks, structures_of
from fractalman.experiments.scatter import scatter_of
from fractalman.measure import PowerLawFit, compare_laws, window_sensitivity

SPREAD = 0.02
"""A spread of the exponent over windows below this is not worth a remark."""
HELD_OUT_LAWS = ("power", "logarithm", "floor")


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


def own_reference(
    curves: tuple[F64, F64] | None, points: Sequence[Point], positions: Sequence[int | float]
) -> tuple[float, tuple[float, float]] | None:
    """Return the exponent that is expected on the replicates' very points, and how the measured one scatters about it.

    The scatter is a standard error and its degrees of freedom; structures move both exponents alike and are not in it.
    None where expected risks are not known at every one of the ``positions`` on the axis, at which the curves are.
    """
    if curves is None or not np.isfinite(curves[1]).all():
        return None
    sizes, risks = [int(position) for position in positions], curves[1]
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


def scrutiny(x: F64, losses: F64) -> tuple[dict[str, Any] | None, float | None, tuple[str, ...]]:
    """Return the held-out check, the window's sensitivity, and what they have to say against the fit."""
    remarks: list[str] = []
    held_out, sensitivity = None, None
    try:
        found = compare_laws(x, losses, laws=HELD_OUT_LAWS)
    except FitError:  # too few sizes
        found = None
    if found is not None:
        held_out = {
            "up_to": found.up_to,
            "laws": {
                s.law: {"error": s.error, "bias": s.bias, "sigma": s.sigma, "behind": s.behind} for s in found.scores
            },
            "sentence": found.sentence,
        }
        power = next(score for score in found.scores if score.law == "power")
        best = found.scores[0]
        if power.behind:
            remarks.append(
                f"fitted up to {found.up_to:g}, a {best.law} law predicts the larger sizes better than a pure "
                f"power law, by more than chance: off by {best.error:.1%} against {power.error:.1%}"
            )
    if x.size > 3:
        windows = window_sensitivity(x, losses)
        sensitivity = windows.spread
        lengths = np.array([np.sum((low <= x) & (x <= high)) for low, high in windows.window])
        own = float(windows.standard_error[lengths >= max(3, x.size / 2)].max())
        if sensitivity > max(SPREAD, 4.0 * own):  # a range over windows of which each has this error
            remarks.append(f"the exponent depends on the window: over half the sizes it spreads by {sensitivity:.3f}")
    return held_out, sensitivity, tuple(remarks)


def predicted_local(prediction: Any, sizes: Sequence[int]) -> tuple[float | None, float | None]:
    """Return (exponent, standard error) of the predicted curve over exactly ``sizes``, (None, None) without a curve.

    The exponent is the same functional as the measured one, unweighted least squares through the logarithms at the
    same sizes: where a curve bends or oscillates, another functional would be another number.
    """
    if prediction is None or not prediction.has_curve or len(sizes) < 2:
        return None, None
    try:
        estimate = prediction.local_exponent(int(sizes[0]), int(sizes[-1]), sizes=list(sizes))
    except FractalmanError:  # the curve ends inside the window
        return None, None
    return float(estimate.value), float(estimate.standard_error)
