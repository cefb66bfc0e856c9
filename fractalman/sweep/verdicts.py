"""Does a measured exponent agree with the predicted one? True, False, or None with the reason.

The reference is the predicted exponent over the very sizes that were fitted, where the learner has a finite-size curve,
else the asymptote. Agreement means that measurement and reference differ by less than the 95 % Student-t half-width of
their difference: standard errors of both in quadrature, degrees of freedom from the replicates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman.errors import FitError, FractalmanError
from fractalman.measure import PowerLawFit, fit_power_law, student_t
from fractalman.sweep.journal import Point
from fractalman.sweep.regimes import SizeSummary, choose_window

RESOLUTION = 0.15
"""A half-width beyond this tells nothing: "not resolved" is never "agrees"."""


@dataclass(frozen=True)
class Verdict:
    """The comparison for one learner.

    Args:
        learner: its name.
        measured: fitted exponent; None = not measurable.
        standard_error: of ``measured``, over replicates.
        half_width: 95 % Student-t half-width of measured − reference, the reference's own error included.
        predicted: asymptotic exponent; None = no power law is predicted.
        predicted_local: exponent of the predicted finite-size curve over the fitted sizes; None = no curve.
        predicted_local_error: its standard error.
        agrees: True, False, or None with a reason.
        reason: the verdict in words.
        sigma: (measured − reference) / combined standard error; None = nothing to compare.
        window: smallest and largest fitted size; None = no fit.
        n_sizes: sizes fitted.
        n_seeds: replicates.
        regimes: regime → number of points (every replicate counts).
        excluded: one sentence per size left out.
        warnings: what qualifies the fit.
        law: name of the predicted law, "" without one.
        logarithmic: whether the predicted law carries a logarithm.
        fit: the fit itself; None = not measurable.
    """

    learner: str
    measured: float | None
    standard_error: float | None
    half_width: float | None
    predicted: float | None
    predicted_local: float | None
    predicted_local_error: float | None
    agrees: bool | None
    reason: str
    sigma: float | None
    window: tuple[int, int] | None
    n_sizes: int
    n_seeds: int
    regimes: Mapping[str, int]
    excluded: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    law: str = ""
    logarithmic: bool = False
    fit: PowerLawFit | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values, without the fit's parts."""
        out = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "fit"}
        out["regimes"] = dict(self.regimes)
        for key in ("window", "excluded", "warnings"):
            out[key] = None if out[key] is None else list(out[key])
        for key in ("standard_error", "half_width", "sigma", "predicted_local_error"):
            out[key] = out[key] if out[key] is None or math.isfinite(out[key]) else None
        return out


@dataclass(frozen=True)
class _Judgement:
    agrees: bool | None
    reason: str
    half_width: float | None
    sigma: float | None


def judge(
    learner: str,
    points: Sequence[Point],
    summaries: Sequence[SizeSummary],
    prediction: Any,
    *,
    seeds: int,
    fit: Mapping[str, Any],
    note: str = "",
) -> Verdict:
    """Return the verdict on one learner.

    Args:
        learner: its name.
        points: its points.
        summaries: one per size, ascending, with the regimes.
        prediction: a Prediction, or None when nothing is predicted for the learner.
        seeds: replicates S that the specification asks for.
        fit: window_low, window_high, min_sizes, min_seeds.
        note: why there is no prediction.
    """
    window = choose_window(summaries, fit)
    regimes: dict[str, int] = {}
    for entry in summaries:
        regimes[entry.regime] = regimes.get(entry.regime, 0) + entry.n_seeds
    found, trouble = _fit(points, window.sizes, seeds, fit)
    predicted = None if prediction is None else prediction.data_exponent
    logarithmic = bool(prediction is not None and prediction.logarithmic)
    reached = prediction is None or prediction.reached
    local, local_error = (None, None) if found is None else predicted_local(prediction, window.sizes)
    if found is None:
        judgement = _Judgement(None, f"not measurable: {trouble}", None, None)
    else:
        judgement = compare(found, predicted, local, local_error, reached=reached, note=note)
    return Verdict(
        learner=learner,
        measured=None if found is None else found.value,
        standard_error=None if found is None else found.standard_error,
        half_width=judgement.half_width,
        predicted=predicted,
        predicted_local=local,
        predicted_local_error=local_error,
        agrees=judgement.agrees,
        reason=judgement.reason,
        sigma=judgement.sigma,
        window=None if found is None else (window.sizes[0], window.sizes[-1]),
        n_sizes=len(window.sizes) if found is not None else 0,
        n_seeds=seeds,
        regimes=regimes,
        excluded=window.excluded,
        warnings=() if found is None else found.warnings,
        law="" if prediction is None else str(prediction.law),
        logarithmic=logarithmic,
        fit=found,
    )


def _fit(
    points: Sequence[Point], sizes: tuple[int, ...], seeds: int, fit: Mapping[str, Any]
) -> tuple[PowerLawFit | None, str]:
    """Return the fit over ``sizes``, or None and why there is none."""
    min_seeds, min_sizes = fit.get("min_seeds", 2), fit.get("min_sizes", 3)
    if seeds < min_seeds:
        return None, f"{seeds} replicate{'s' * (seeds != 1)}, needed are {min_seeds} (type seeds = {min_seeds} or more)"
    if len(sizes) < min_sizes:
        return None, f"{len(sizes)} data-limited size{'s' * (len(sizes) != 1)} in a row, needed are {min_sizes}"
    column = {n: j for j, n in enumerate(sizes)}
    losses = np.full((seeds, len(sizes)), np.nan)
    for point in points:
        if point.n in column:
            losses[point.seed, column[point.n]] = point.risk
    try:
        return fit_power_law(sizes, losses), ""
    except FitError as error:
        return None, str(error)


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


def compare(
    found: PowerLawFit,
    predicted: float | None,
    local: float | None,
    local_error: float | None,
    *,
    reached: bool = True,
    note: str = "",
) -> _Judgement:
    """Return whether a measured exponent agrees with its reference.

    Args:
        found: the measurement.
        predicted: the asymptote, or None.
        local: the finite-size exponent over the same sizes, or None.
        local_error: its standard error.
        reached: whether a fit at sizes that one can afford shows the asymptote.
        note: why there is no prediction.
    """
    if local is not None:
        reference, error, name = local, local_error or 0.0, "predicted local exponent"
    elif predicted is not None:
        reference, error, name = predicted, 0.0, "predicted exponent"
    else:
        half_width = _finite(found.half_width)
        reason = f"no prediction: {note or 'no power law is known for this learner here'}"
        return _Judgement(None, reason, half_width, None)
    combined = math.hypot(found.standard_error, error)
    half_width = student_t(found.degrees_of_freedom) * combined
    difference = found.value - reference
    if local is None and not reached:
        return _Judgement(
            None,
            f"no reference: the asymptote {reference:.3f} is not reached at these sizes, and this learner has no "
            "finite-size curve",
            _finite(half_width),
            None,
        )
    if combined > 0.0:
        sigma = difference / combined
    else:
        sigma = math.copysign(math.inf, difference) if difference else 0.0
    if not half_width <= RESOLUTION:
        return _Judgement(
            None,
            f"not resolved: the 95 % half-width {half_width:.2f} exceeds {RESOLUTION:g}; type more seeds",
            _finite(half_width),
            sigma,
        )
    agrees = abs(difference) <= half_width
    said = "agrees with" if agrees else "differs from"
    wide = "; the interval is wider than half the exponent" if half_width > 0.5 * abs(reference) else ""
    return _Judgement(
        agrees,
        f"{said} the {name} {reference:.3f} by {sigma:+.1f} standard errors "
        f"({difference:+.3f} ± {half_width:.3f}){wide}",
        half_width,
        sigma,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
