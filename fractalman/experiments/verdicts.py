"""Does a learner scale as predicted? True, False, or None with the reason: the worse of two answers.

*Level*: its risks against the predicted curve, at all sizes jointly (`levels`). *Slope*: its exponent against the
predicted one. Of linear smoothers it is known, too, what is expected on the very points of every replicate; the level
is held against both, the slope against that, for what differs from structure to structure then moves both alike: on
critical clusters intervals are a quarter as wide, and more label vectors narrow them at next to no cost. A learner
whose own curve is known at every size is held against it whatever limits it; a slope needs data-limited sizes in a row.
Where only one of the two can be asked, it is the verdict, but a level alone agrees only where its half-width is at most
half of what lies between the predicted curve and a constant; a risk below the Bayes floor is an alarm and never an
agreement. Neither agrees anything on labels that are not what the recipe declares (`label_law`): where little can be
learned, a risk hardly sees which labels they are.

The reference is the predicted exponent over the very sizes that were fitted, where the learner has a finite-size curve
(a network's is that of its tangent kernel, `prediction.networks`); else the asymptote. Agreement means that
measurement and reference differ by less than the 95 % Student-t half-width of their difference: standard errors of
both in quadrature, degrees of freedom from the replicates, and from their parts where these are known (`scatter`).
Such an agreement resolves nothing, and is none, where the half-width exceeds half the reference or the measured
interval holds 0: it would agree with anything. A difference beyond the half-width is one, however wide that is.

Along the model's size the abscissa is the number of parameters P and the reference the exponent of the best P cells; a
linear smoother (random features) is held against what is expected of it on the very points, at every size.
Along the steps a network of gradient descent is held against its tangent kernel's flow (`prediction.stopped`): its
level at every number of steps, whatever limits it, and its slope, where that resolves anything; of others nothing is
predicted there.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._typing import F64
from fractalman.errors import FitError
from fractalman.experiments.axes import DATA_AXIS, Axis, axis_named
from fractalman.experiments.display import VerdictDisplay
from fractalman.experiments.levels import MORE_DRAWS, MORE_SEEDS, Level, below_floor, level_of, own_level
from fractalman.experiments.points import Point
from fractalman.experiments.regimes import (
    BUDGET,
    DATA,
    FAILED,
    MODEL,
    UNDECIDED,
    WANTED,
    SizeSummary,
    choose_window,
)
from fractalman.experiments.slopes import own_reference, predicted_local, scrutiny, slope_error
from fractalman.learners import DIVERGED
from fractalman.measure import PowerLawFit, fit_power_law
from fractalman.measure.scaling import student_t_real

RESOLUTION = 0.5
"""An agreement within more than this share of the reference tells nothing: "not resolved" is never "agrees"."""
OWN_EXPONENT = "exponent expected on these very points"
STOPPED_REGIMES = (DATA, MODEL, BUDGET, UNDECIDED)
"""Regimes in which a network is held against the curve of its steps: every one in which all replicates have a risk."""


@dataclass(frozen=True)
class Verdict(VerdictDisplay):
    """The comparison for one learner.

    Parameters
    ----------
    learner : str
        Its name.
    measured : float or None
        Fitted exponent; None = not measurable.
    standard_error : float or None
        Of ``measured``, over replicates and their parts.
    half_width : float or None
        95 % Student-t half-width of measured − reference, the reference's own error included.
    predicted : float or None
        Asymptotic exponent; None = no power law is predicted.
    predicted_local : float or None
        Exponent of the predicted finite-size curve over the fitted sizes, of a network that of its tangent kernel (a
        warning says so), or beyond the sizes at which that takes seconds, and along the number of features, the one
        expected on these very points; None = no curve.
    predicted_local_error : float or None
        Its standard error.
    agrees : bool or None
        True, False, or None with a reason: the worse of level and slope.
    reason : str
        The verdict in words.
    sigma : float or None
        (measured − reference) / combined standard error; None = nothing to compare. The reference of a linear smoother
        is the exponent expected on its replicates' very points, where their expected risks are known.
    window : tuple of two int or None
        Smallest and largest fitted abscissa (n, P or steps); None = no fit.
    n_sizes : int
        Conditions fitted.
    n_seeds : int
        Replicates.
    regimes : dict
        Regime → number of points (every replicate counts).
    excluded : tuple of str, default ()
        One sentence per size left out.
    warnings : tuple of str, default ()
        What qualifies the fit.
    law : str, default ""
        Name of the predicted law, "" without one.
    logarithmic : bool, default False
        Whether the predicted law carries a logarithm.
    fit : PowerLawFit or None, default None
        The fit itself; None = not measurable.
    axis : str, default "n"
        What was varied.
    abscissa : str, default "n"
        Of the fit: "n", "P" (number of parameters), "steps", or "" where nothing is fitted.
    fitted : tuple of int or float, default ()
        Positions on the axis that were fitted.
    held_out : dict or None, default None
        Fit small, predict large: law → error (root mean square of ln(predicted/measured) at the conditions held out),
        bias (its mean), sigma (error in standard errors of the measurement) and behind (whether another law predicts
        significantly better), best first; the largest abscissa shown, and a sentence that says which laws these data
        do not tell apart; None with fewer than 6 conditions.
    sensitivity : float or None, default None
        Largest less smallest exponent over windows of at least half the conditions; None without a fit.
    efficiency : float or None, default None
        Risk over the Bayes floor at the last fitted condition; None without a fit or a floor.
    slope_agrees : bool or None, default None
        Of the exponent alone.
    slope_reason : str, default ""
        The same in words.
    level : Level or None, default None
        The comparison with the predicted curve; None = it was not asked.
    sizes : str, default ""
        Where something was learned against the sizes that a law names, where that is the verdict; "" elsewhere.
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
    axis: str = DATA_AXIS
    abscissa: str = "n"
    fitted: tuple[int | float, ...] = ()
    held_out: Mapping[str, Any] | None = None
    sensitivity: float | None = None
    efficiency: float | None = None
    slope_agrees: bool | None = None
    slope_reason: str = ""
    level: Level | None = None
    sizes: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values, without the fit's parts.

        Returns
        -------
        dict
            Plain JSON values.
        """
        out = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "fit"}
        out["regimes"] = dict(self.regimes)
        out["level"] = None if self.level is None else self.level.to_dict()
        for key in ("window", "excluded", "warnings", "fitted"):
            out[key] = None if out[key] is None else list(out[key])
        for key in ("standard_error", "half_width", "sigma", "predicted_local_error"):
            out[key] = out[key] if out[key] is None or math.isfinite(out[key]) else None
        return out


_Curves = tuple[F64, F64]
"""(abscissa (sizes,), risks (seeds, sizes))."""


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
    axis: Axis | None = None,
    level_regimes: Sequence[str] = (DATA, MODEL),
    test_size: int | None = None,
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
        axis: of the sweep; None = the training-set size.
        level_regimes: regimes in which the risk is held against the predicted curve; () = the curve is not of this very
            learner.
        test_size: test points of a replicate, of a learner whose risk has no randomness of its own; None = errors come
            from the replicates alone.
    """
    axis = axis or axis_named(DATA_AXIS)
    steps = axis.kind == "budget" and getattr(prediction, "axis", DATA_AXIS) == axis.name
    window = choose_window(summaries, fit, axis, (UNDECIDED,) if steps else ())
    curves, trouble = _curves(points, summaries, window.sizes, seeds, fit, axis)
    found, trouble = _fit(curves, trouble)
    fitted = () if found is None else window.sizes
    asymptote = _reference(prediction, axis)
    own = None if found is None else own_reference(curves, points, fitted)
    local: tuple[float | None, float | None] = (None, None)
    if axis.kind == "data" or steps:
        local = _local(prediction, [int(n) for n in fitted], own)
    elif axis.kind == "model" and own is not None:
        local = own[0], 0.0
    error = held_out = sensitivity = None
    remarks: tuple[str, ...] = ()
    if found is None or curves is None:
        trouble += f"; {note}" if note and axis.kind == "budget" else ""
        slope = _Judgement(None, f"{'not measurable' if axis.abscissa else 'not fitted'}: {trouble}", None, None)
    else:
        slope, error = _judge_slope(
            found, curves, points, prediction, asymptote, local, note or _unpredicted(axis), test_size, own
        )
        held_out, sensitivity, remarks = scrutiny(*curves)
    level = None
    if axis.kind == "data" or steps:
        level = level_of(points, prediction, _level_sizes(summaries, level_regimes, steps), seeds, test_size)
    elif axis.kind == "model":
        level = own_level(points, _level_sizes(summaries, (), steps=True), seeds, axis.name)
    alarm = below_floor(points, seeds)
    agrees, reason = _worse(level, slope, found is not None, alarm, shape=not steps)
    return Verdict(
        learner=learner,
        measured=None if found is None else found.value,
        standard_error=None if error is None else error[0],
        half_width=slope.half_width,
        predicted=asymptote[0],
        predicted_local=local[0],
        predicted_local_error=local[1],
        agrees=agrees,
        reason=reason,
        sigma=slope.sigma,
        window=None if found is None else (int(found.window[0]), int(found.window[1])),
        n_sizes=len(fitted),
        n_seeds=seeds,
        regimes=_regime_counts(summaries),
        excluded=window.excluded,
        warnings=() if found is None else (*found.warnings, *remarks),
        law="" if prediction is None else str(prediction.law),
        logarithmic=asymptote[1],
        fit=found,
        axis=axis.name,
        abscissa=axis.abscissa,
        fitted=fitted,
        held_out=held_out,
        sensitivity=sensitivity,
        efficiency=next((entry.efficiency for entry in summaries if fitted and entry.value == fitted[-1]), None),
        slope_agrees=slope.agrees,
        slope_reason=slope.reason,
        level=None if level is None else dataclasses.replace(level, below_floor=alarm),
    )


def _judge_slope(
    found: PowerLawFit, curves: _Curves, points: Sequence[Point], prediction: Any,
    asymptote: tuple[float | None, bool, bool], local: tuple[float | None, float | None], note: str,
    test_size: int | None, own: tuple[float, tuple[float, float]] | None,
) -> tuple[_Judgement, tuple[float, float]]:  # fmt: skip
    """Return what a fitted exponent says of its reference, and its standard error with its degrees of freedom.

    The reference is what is expected on the replicates' very points, where that is known, else the curve or the
    asymptote.
    """
    sizes, beyond = [int(n) for n in curves[0]], str(getattr(prediction, "beyond", ""))
    if own is None or local[0] is None:
        error = slope_error(found, curves, points, None if local[0] is None else prediction, sizes, test_size)
        return compare(found, asymptote[0], *local, attained=asymptote[2], note=note, error=error, more=beyond), error
    due, error = (own[0], _ratio_error(prediction, sizes)), own[1]
    return compare(found, asymptote[0], *due, name=OWN_EXPONENT, error=error, strict=True, more=beyond), error


def _ratio_error(prediction: Any, sizes: Sequence[int]) -> float:
    """Return the standard error of an exponent that rests on a measured ratio; 0 but for networks."""
    from fractalman.prediction.networks import exponent_error

    ratio = getattr(prediction, "ratio_errors", (0.0, 0.0, 0.0))
    return exponent_error(ratio[1], ratio[2], list(sizes))


def _local(
    prediction: Any, sizes: Sequence[int], own: tuple[float, tuple[float, float]] | None
) -> tuple[float | None, float | None]:
    """Return the predicted exponent over fitted sizes and its error.

    Where the curve takes more than seconds and what is expected on the replicates' very points is known already, that
    is it: no structures are drawn to predict it again.
    """
    there = set(getattr(prediction, "computed", ()))
    dear = bool(sizes) and max(sizes) > getattr(prediction, "affordable", math.inf) and not there.issuperset(sizes)
    if own is not None and dear and prediction.has_curve:
        return own[0], _ratio_error(prediction, sizes)
    return predicted_local(prediction, sizes)


def _level_sizes(summaries: Sequence[SizeSummary], regimes: Sequence[str], steps: bool) -> list[int]:
    """Return the conditions at which risks are held against the predicted curve."""
    if steps:
        return [int(entry.value or 0) for entry in summaries if entry.regime in STOPPED_REGIMES]
    return [entry.n for entry in summaries if entry.regime in regimes]


def _regime_counts(summaries: Sequence[SizeSummary]) -> dict[str, int]:
    """Return regime → number of points."""
    counts: dict[str, int] = {}
    for entry in summaries:
        counts[entry.regime] = counts.get(entry.regime, 0) + entry.n_seeds
    return counts


def _worse(
    level: Level | None, slope: _Judgement, fitted: bool, alarm: bool, *, shape: bool
) -> tuple[bool | None, str]:
    """Return the worse of level and slope, and the reason; what was not asked does not count.

    Without ``shape`` a slope that is not resolved does not count either: risks fall in steps as no power law does, and
    the level is held against the curve at every one of them.
    """
    if alarm:
        return False, f"below the Bayes floor, which no learner can be in expectation; {slope.reason}"
    if level is None:
        return slope.agrees, slope.reason
    if not fitted or (not shape and slope.agrees is None):
        if level.agrees and not level.tells:
            said = f"level {level.ratio:.2f} ± {level.half_width:.2f} of the predicted curve: not resolved"
            return (
                None,
                f"{said}, for a constant, which learns nothing, has {level.constant:.2f}; {slope.reason}",
            )
        return level.agrees, f"{level.reason}; {'its slope: ' * fitted}{slope.reason}"
    answers = (level.agrees, slope.agrees)
    worse = False if False in answers else None if None in answers else True
    return worse, f"{slope.reason}; {level.reason}"


def _reference(prediction: Any, axis: Axis) -> tuple[float | None, bool, bool]:
    """Return (predicted exponent, whether it carries a logarithm, whether a fit that one can afford shows it)."""
    if prediction is None or axis.kind not in ("data", "model"):
        return None, False, True
    if axis.kind == "model":
        return prediction.model_exponent, False, prediction.data_exponent is not None
    return prediction.data_exponent, bool(prediction.logarithmic), prediction.attained


def _unpredicted(axis: Axis) -> str:
    return f"no law is known along {axis.name}" if axis.kind == "budget" else ""


def _curves(
    points: Sequence[Point], summaries: Sequence[SizeSummary], fitted: Sequence[int | float], seeds: int,
    fit: Mapping[str, Any], axis: Axis,
) -> tuple[_Curves | None, str]:  # fmt: skip
    """Return (abscissa (sizes,), risks (seeds, sizes)), or None and why there is no fit."""
    min_seeds, min_sizes = fit.get("min_seeds", 2), fit.get("min_sizes", 3)
    if not axis.abscissa:
        return None, f"{axis.name} is no axis along which a power law is looked for; its points are in the table"
    if seeds < min_seeds:
        return None, f"{seeds} replicate{'s' * (seeds != 1)}, needed are {min_seeds} (use seeds = {min_seeds} or more)"
    if len(fitted) < min_sizes:
        what = f"{WANTED[axis.kind]} {'size' if axis.kind == 'data' else 'condition'}"
        lost = [entry for entry in summaries if entry.regime == DIVERGED]
        why = f"; at {len(lost)} of {len(summaries)} networks diverged: use a smaller mlp.learning_rate" if lost else ""
        broken = [entry for entry in summaries if entry.regime == FAILED]
        why += f"; at {len(broken)} of {len(summaries)} {broken[0].reason}" if broken else ""
        return None, f"{len(fitted)} {what}{'s' * (len(fitted) != 1)} in a row, needed are {min_sizes}{why}"
    abscissa = {entry.value: entry.parameters if axis.abscissa == "P" else entry.value for entry in summaries}
    x = [abscissa[value] for value in fitted]
    if any(entry is None for entry in x):
        return None, "this learner has no number of parameters"
    column = {value: j for j, value in enumerate(fitted)}
    losses = np.full((seeds, len(fitted)), np.nan)
    for point in points:
        if point.value in column:
            losses[point.seed, column[point.value]] = point.risk
    return (np.array(x, np.float64), losses), ""


def _fit(curves: _Curves | None, trouble: str) -> tuple[PowerLawFit | None, str]:
    """Return the fit, or None and why there is none."""
    if curves is None:
        return None, trouble
    try:
        return fit_power_law(*curves), ""
    except FitError as error:
        return None, str(error)


def compare(
    found: PowerLawFit,
    predicted: float | None,
    local: float | None,
    local_error: float | None,
    *,
    attained: bool = True,
    note: str = "",
    name: str = "predicted local exponent",
    error: tuple[float, float] | None = None,
    strict: bool = False,
    more: str = "",
) -> _Judgement:
    """Return whether a measured exponent agrees with its reference.

    Args:
        found: the measurement.
        predicted: the asymptote, or None.
        local: the finite-size exponent over the same sizes, or None.
        local_error: its standard error.
        attained: whether a fit at sizes that one can afford shows the asymptote.
        note: why there is no prediction.
        name: what ``local`` is.
        error: standard error of the measurement and its degrees of freedom; None = the fit's own.
        strict: whether a difference must be improbable at 2.5 %, because another part of the verdict is asked, too.
        more: why an interval stays wide, or what narrows it; "" = more seeds, or label draws.
    """
    own, freedom = error or (found.standard_error, float(found.degrees_of_freedom))
    if local is not None:
        reference, theirs = local, local_error or 0.0
    elif predicted is not None:
        reference, theirs, name = predicted, 0.0, "predicted exponent"
    else:
        half_width = _finite(found.half_width)
        reason = f"no prediction: {note or 'no power law is known for this learner here'}"
        return _Judgement(None, reason, half_width, None)
    combined = math.hypot(own, theirs)
    quantile = student_t_real(freedom) if freedom >= 1.0 else math.inf
    half_width = quantile * combined
    difference = found.value - reference
    if local is None and not attained:
        return _Judgement(
            None,
            f"no reference: the asymptote {reference:.3f} is not reached at these sizes, and this learner has no "
            "finite-size curve",
            _finite(half_width),
            None,
        )
    exact = math.copysign(math.inf, difference) if difference else 0.0
    sigma = difference / combined if combined > 0.0 else exact
    said = f"by {sigma:+.1f} standard errors ({difference:+.3f} ± {half_width:.3f})"
    beyond = abs(difference) > half_width
    if beyond and strict and abs(difference) <= student_t_real(freedom, 0.025) * combined:
        said = f"not resolved against the {name} {reference:.3f}: the ± does not hold it {said}; {more or MORE_DRAWS}"
        return _Judgement(None, said, _finite(half_width), sigma)
    if beyond:
        return _Judgement(False, f"differs from the {name} {reference:.3f} {said}", _finite(half_width), sigma)
    loose, more = "", more or (MORE_DRAWS if strict else MORE_SEEDS)
    if not half_width <= RESOLUTION * abs(reference):
        loose = f"the 95 % half-width {half_width:.2f} exceeds half of it; {more}"
    elif abs(found.value) <= quantile * own:
        loose = f"the measured interval holds 0; {more}"
    if loose:
        return _Judgement(None, f"not resolved against the {name} {reference:.3f}: {loose}", _finite(half_width), sigma)
    return _Judgement(True, f"agrees with the {name} {reference:.3f} {said}", _finite(half_width), sigma)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
