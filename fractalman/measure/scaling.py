"""Power-law fits of learning curves, with errors that include the variation between data sets.

L(n) = A·n^-α, times ln n on request, plus a constant floor E on request. α is fitted by unweighted least squares on
logarithms: every size counts alike, whatever its scatter, so the fitted exponent is a fixed functional of the curve and
can be compared with the same functional of a predicted one. With replicates the fit is made to the logarithm of the
replicate-mean curve and its error is the delete-one jackknife over replicates: whole curves are left out, never points
of one, because the points of a curve share its data set.

Source: docs/theory.md §4; Quenouille 1956 and Tukey 1958 for the jackknife, McCullagh & Nelder 1989 for counts;
a floor's fit is in `floor_fit`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fractalman._arguments import checked_arguments
from fractalman._typing import F64
from fractalman.errors import FitError
from fractalman.measure._binomial import fit_rates
from fractalman.measure.curves import cleaned, per_size
from fractalman.measure.display import FitDisplay, draw_curve, short
from fractalman.measure.floor_fit import floor_fit, jackknife_errors
from fractalman.measure.serial import serial_covariance, slope_error

CONFIDENCE = 0.95
_ROUNDING = 1e-8  # a bend below this is rounding, not curvature
_STEPS = 16.0  # of the last digit, by which logarithms and sums of an exact curve may be off


@dataclass(frozen=True, repr=False)
class PowerLawFit(FitDisplay):
    """A fitted exponent L ~ n^-value with its error.

    Parameters
    ----------
    value : float
        The exponent α, positive when the loss falls.
    standard_error : float
        Of α; over replicates if there are any, else from the residuals or the counts.
    degrees_of_freedom : int
        Of the Student-t that ``half_width`` uses: replicates − 1, else sizes − parameters.
    half_width : float
        Of the 95 % interval.
    interval : tuple of float
        value ∓ half_width.
    amplitude : float
        A, in the loss's unit.
    window : tuple of float
        Smallest and largest size used.
    n_sizes, n_replicates : int
        Number of sizes used and of curves averaged.
    logarithm : bool
        Whether ln n was divided out.
    floor, floor_standard_error : float or None
        E ≥ 0, in the loss's unit, and its error; None when no floor was fitted.
    without_floor : float
        The exponent of the same curve fitted without a floor.
    curvature, curvature_error : float or None
        Coefficient of (ln n − mean)² in the quadratic through ln L, and its standard error; None with too few sizes.
    warnings : tuple of str
        Sentences that qualify the number.
    sizes, losses : (n_sizes,) float64
        What was fitted: the sizes used and the mean curve.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> n = np.array([100, 200, 400, 800])
    >>> fit = fm.measure.fit_power_law(n, 5 * n**-0.4)
    >>> print(f"{fit.predict(1600) / fit.predict(800):.3f}")
    0.758
    """

    value: float
    standard_error: float
    degrees_of_freedom: int
    half_width: float
    interval: tuple[float, float]
    amplitude: float
    window: tuple[float, float]
    n_sizes: int
    n_replicates: int
    logarithm: bool
    floor: float | None
    floor_standard_error: float | None
    without_floor: float
    curvature: float | None
    curvature_error: float | None
    warnings: tuple[str, ...]
    sizes: F64 = field(default_factory=lambda: np.zeros(0), compare=False)
    losses: F64 = field(default_factory=lambda: np.zeros(0), compare=False)

    @property
    def floor_interval(self) -> tuple[float, float] | None:
        """The 95 % interval of E, which may end at 0; None when no floor was fitted."""
        if self.floor is None or self.floor_standard_error is None:
            return None
        half = student_t(self.degrees_of_freedom) * self.floor_standard_error
        return max(self.floor - half, 0.0), self.floor + half

    def __repr__(self) -> str:
        law = "n^-value" + (" ln n" if self.logarithm else "") + (" + E" if self.floor is not None else "")
        floor = "" if self.floor is None else f", floor {short(self.floor, self.floor_standard_error)}"
        return (
            f"PowerLawFit({short(self.value, self.half_width)}{floor}; L ~ {law}, n = {self.window[0]:g} … "
            f"{self.window[1]:g}, {self.n_sizes} sizes × {self.n_replicates} curves, {len(self.warnings)} warnings)"
        )

    def parameters(self) -> list[dict[str, Any]]:
        """Return one row a parameter.

        Returns
        -------
        list of dict
            parameter (its name), value, standard_error, low, high.
        """
        low, high = self.interval
        rows = [
            {
                "parameter": "exponent",
                "value": self.value,
                "standard_error": self.standard_error,
                "low": low,
                "high": high,
            }
        ]
        if self.floor is not None and self.floor_interval is not None:
            low, high = self.floor_interval
            error = self.floor_standard_error
            rows.append({"parameter": "floor", "value": self.floor, "standard_error": error, "low": low, "high": high})
        return rows

    def plot(self, ax: Any = None) -> Any:
        """Draw the curve with its fit on logarithmic axes and return the axes; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing.
        """
        return draw_curve(self, ax)

    def predict(self, n: ArrayLike) -> F64:
        """Return the fitted loss.

        Parameters
        ----------
        n : array_like
            Sizes > 0.

        Returns
        -------
        float64 array
            In the loss's unit.
        """
        sizes = np.asarray(n, dtype=np.float64)
        curve = self.amplitude * sizes**-self.value
        if self.logarithm:
            curve = curve * np.log(sizes)
        return np.asarray(curve + (self.floor or 0.0), dtype=np.float64)


@checked_arguments
def student_t(degrees_of_freedom: int, confidence: float = CONFIDENCE) -> float:
    """Return the two-sided Student-t quantile: half-width = quantile × standard error.

    Parameters
    ----------
    degrees_of_freedom : int
        Of the standard error.
    confidence : float, default 0.95
        Of the interval, 0 … 1.

    Returns
    -------
    float
        The quantile; inf without freedom.

    Examples
    --------
    >>> import fractalman as fm
    >>> print(f"{fm.measure.student_t(9):.3f}")
    2.262
    """
    if degrees_of_freedom < 1:
        return math.inf
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, 0.5 + confidence / 2.0))


def student_t_real(degrees_of_freedom: float, outside: float = 0.05) -> float:
    """Return the two-sided quantile of Student's t, ``outside`` beyond it, for any degrees of freedom ≥ 1."""
    from scipy.special import stdtrit

    return float(stdtrit(max(degrees_of_freedom, 1.0), 1.0 - 0.5 * outside))


@checked_arguments
def fit_power_law(
    n: ArrayLike,
    loss: ArrayLike,
    *,
    window: tuple[float | None, float | None] | None = None,
    logarithm: bool = False,
    floor: bool = False,
    trials: ArrayLike | None = None,
) -> PowerLawFit:
    """Return the exponent of L ~ n^-α with an error that a referee accepts.

    Parameters
    ----------
    n : (sizes,) array_like
        Distinct sizes > 0 (> 1 with a logarithm).
    loss : (sizes,) or (replicates, sizes) array_like
        One curve, or one curve per data set; any unit. Numbers that are masked or not finite are left out and named,
        and so is a size whose mean loss is 0 where no trials are given.
    window : (low, high), optional
        Use n with low <= n <= high only; None for an end that is open.
    logarithm : bool, default False
        Fit A·n^-α·ln n instead of A·n^-α.
    floor : bool, default False
        Fit A·n^-α + E with E >= 0 (on logarithms; started by variable projection).
    trials : int or (sizes,) array_like, optional
        Test cases behind every entry of loss, which then is an error rate: the fit is a maximum of the binomial
        likelihood, takes rates of 0, and the error of a single curve is that of counting.

    Returns
    -------
    PowerLawFit
        The exponent with its error, interval and warnings.

    Raises
    ------
    FitError
        When sizes are too few (2 with replicates, 3 for one curve, 4 with a floor), repeated or not positive, or a loss
        is negative.

    Notes
    -----
    docs/theory.md §4.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> n = np.array([100, 200, 400, 800])
    >>> print(f"{fm.measure.fit_power_law(n, 5 * n**-0.4).value:.3f}")
    0.400
    """
    counts = None if trials is None else per_size(trials, np.shape(n))
    sizes, losses, counts, warnings = cleaned(n, loss, window, logarithm, counts)
    _refuse_few(losses.shape, floor, windowed=window is not None, dropped=warnings)
    x = np.log(sizes)
    curves = _Curves(sizes, losses, counts, x, np.log(x) if logarithm else np.zeros(x.size), logarithm, warnings)
    if len(losses) == 1 and counts is None:
        warnings.append("one curve: the error comes from its residuals and misses the variation between data sets")
    if x.size == 2:
        warnings.append("two sizes: a bend of the curve cannot be seen")
    bend = _curvature(x, losses, curves.offset) if (curves.mean > 0.0).all() else _NO_BEND
    return _fit_with_floor(curves, bend) if floor else _fit_without_floor(curves, bend)


# -------------------------------------------------------------------------------------------- the two kinds of fit

_Bend = tuple[float | None, float | None, int]
"""Curvature, its standard error and their degrees of freedom; None where it cannot be seen."""
_NO_BEND: _Bend = (None, None, 0)


@dataclass(frozen=True)
class _Curves:
    """What is fitted: curves (replicates, sizes) on logarithms, and the sentences that qualify the fit."""

    sizes: F64
    losses: F64
    counts: F64 | None
    x: F64
    offset: F64
    logarithm: bool
    warnings: list[str]

    @property
    def mean(self) -> F64:
        return np.asarray(self.losses.mean(axis=0), np.float64)

    def line(self, mean: F64) -> F64:
        """Return the straight line through the logarithms of a mean curve."""
        return _polynomial(self.x, np.log(mean) - self.offset, 1)

    def power(self) -> tuple[float, float]:
        """Return ln A and α of the pure power law, without errors."""
        if self.counts is not None:
            rates = fit_rates(self.x, self.losses, self.counts, self.offset, floor=False)[0]
            return float(rates[0]), float(rates[1])
        level, slope = self.line(self.mean)
        return float(level - slope * self.x.mean()), -float(slope)


def _refuse_few(shape: tuple[int, ...], floor: bool, *, windowed: bool, dropped: list[str]) -> None:
    """Raise FitError where curves of this shape have fewer sizes than a fit needs."""
    replicates, count = shape
    least = 4 if floor else (2 if replicates > 1 else 3)
    if count < least:
        what = "a floor" if floor else ("replicates" if replicates > 1 else "one curve")
        why = f" ({'; '.join(dropped[:3])})" if dropped else ""
        where, fix = (" in the window", "widen the window") if windowed else ("", "give more sizes")
        found = "1 size" if count == 1 else f"{count} sizes"
        raise FitError(f"{found}{where}{why}: a fit with {what} needs {least} or more; {fix}")


def _fit_with_floor(curves: _Curves, bend: _Bend) -> PowerLawFit:
    """Fit A·n^-α + E."""
    if curves.counts is None:
        parameters, errors, freedom = floor_fit(curves.x, curves.losses, curves.offset)
    else:
        parameters, errors, freedom = fit_rates(curves.x, curves.losses, curves.counts, curves.offset, floor=True)
    _, without_floor = curves.power()
    level, level_error = float(parameters[2]), float(errors[2])
    if level <= student_t(freedom) * level_error:
        curves.warnings.append(
            f"the floor is not resolved ({level:.3g} ± {level_error:.2g}): without it the exponent is "
            f"{without_floor:.3f}"
        )
    return _result(curves, parameters, float(errors[1]), freedom, bend, without_floor, (level, level_error))


def _fit_without_floor(curves: _Curves, bend: _Bend) -> PowerLawFit:
    """Fit A·n^-α; a bend, and the floor that would explain it, are said."""
    x, losses, offset = curves.x, curves.losses, curves.offset
    if curves.counts is not None:
        parameters, errors, freedom = fit_rates(x, losses, curves.counts, offset, floor=False)
        error = float(errors[1])
    else:
        parameters = np.array(curves.power())
        if len(losses) > 1:
            error, freedom = _jackknife(losses, curves.line)[1], len(losses) - 1
        else:
            (error, rho), freedom = slope_error(x, np.log(curves.mean) - offset), x.size - 2
            _serial(rho, curves.warnings)
    _say_bend(curves, bend, float(parameters[1]))
    return _result(curves, parameters, error, freedom, bend, float(parameters[1]), None)


def _say_bend(curves: _Curves, bend: _Bend, exponent: float) -> None:
    """Say that a curve is bent by more than its error, and whether it flattens as a curve with a floor does."""
    curvature, error, freedom = bend
    if curvature is None or not abs(curvature) > max(student_t(freedom) * (error or 0.0), _ROUNDING):
        return
    x = curves.x
    ends = [exponent - 2.0 * curvature * (end - x.mean()) for end in (x[0], x[-1])]
    curves.warnings.append(
        f"the log-log curve is bent: the local exponent runs from {ends[0]:.3f} to {ends[1]:.3f} over the window"
    )
    if curvature > 0.0 and x.size >= 4 and exponent > 0.0 and curves.counts is None:  # a rising curve has no floor
        parameters, errors, _ = floor_fit(x, curves.losses, curves.offset)
        curves.warnings.append(
            f"it flattens as a curve with a floor does: with floor = True the exponent is {parameters[1]:.3f} ± "
            f"{errors[1]:.3f} above a floor of {parameters[2]:.3g} ± {errors[2]:.2g}"
        )


# ---------------------------------------------------------------------------------------------------- parts


def _resolved(value: float, half_width: float, warnings: list[str]) -> None:
    """Say that an exponent is none where its interval holds zero."""
    if not half_width < abs(value) or abs(value) < _ROUNDING:
        warnings.append(f"the exponent is not resolved: {value:.3g} ± {half_width:.2g} holds zero, a constant curve")


def _serial(rho: float, warnings: list[str]) -> None:
    """Say that neighbouring sizes miss the law together."""
    if rho > 0.0:
        warnings.append(
            f"neighbouring sizes miss the law together (correlation {rho:.2g}), as steps of one run or a law that is "
            "not quite the curve's do: the error allows for it"
        )


def _exponential(logarithm: float) -> float:
    return math.exp(min(float(logarithm), 700.0))


def _polynomial(x: F64, y: F64, degree: int) -> F64:
    """Least-squares coefficients of 1, (x − mean), (x − mean)², …"""
    columns = np.vander(x - x.mean(), degree + 1, increasing=True)
    return np.asarray(np.linalg.lstsq(columns, y, rcond=None)[0], dtype=np.float64)


def _jackknife(losses: F64, statistic: Callable[[F64], F64], index: int = 1) -> tuple[F64, float]:
    """Return all delete-one values of ``statistic(mean curve)`` and the standard error of entry ``index``."""
    replicates = losses.shape[0]
    total = losses.sum(axis=0)
    values = np.array([statistic((total - losses[i]) / (replicates - 1)) for i in range(replicates)])
    return values, float(jackknife_errors(values)[index])


def _curvature(x: F64, losses: F64, offset: F64) -> _Bend:
    """Return the quadratic coefficient, its error and the degrees of freedom; None with too few sizes."""
    replicates, count = losses.shape
    if count < (3 if replicates > 1 else 4):
        return _NO_BEND

    def quadratic(mean_curve: F64) -> F64:
        return _polynomial(x, np.log(mean_curve) - offset, 2)

    coefficients = quadratic(losses.mean(axis=0))
    if replicates > 1:
        return float(coefficients[2]), _jackknife(losses, quadratic, 2)[1], replicates - 1
    columns = np.vander(x - x.mean(), 3, increasing=True)
    residual = np.log(losses[0]) - offset - columns @ coefficients
    covariance, _ = serial_covariance(columns, residual)
    return float(coefficients[2]), math.sqrt(float(covariance[2, 2])), count - 3


def _result(
    curves: _Curves, parameters: F64, error: float, freedom: int, bend: _Bend, without_floor: float,
    floor: tuple[float, float] | None,
) -> PowerLawFit:  # fmt: skip
    """Return the fit of ln A and α, the first two parameters, as callers see it; no error is below that of rounding."""
    logs = np.log(curves.mean[curves.mean > 0.0])
    rounded = _STEPS * np.finfo(np.float64).eps * float(np.abs(logs).max(initial=1.0))
    error = max(error, rounded / max(float(curves.x.std()), 1e-300))
    floor = None if floor is None else (floor[0], max(floor[1], rounded * abs(floor[0])))
    value, half_width = float(parameters[1]), student_t(freedom) * error
    _resolved(value, half_width, curves.warnings)
    return PowerLawFit(
        value=value,
        standard_error=error,
        degrees_of_freedom=freedom,
        half_width=half_width,
        interval=(value - half_width, value + half_width),
        amplitude=_exponential(parameters[0]),
        window=(float(curves.sizes[0]), float(curves.sizes[-1])),
        n_sizes=int(curves.sizes.size),
        n_replicates=len(curves.losses),
        logarithm=curves.logarithm,
        floor=None if floor is None else floor[0],
        floor_standard_error=None if floor is None else floor[1],
        without_floor=without_floor,
        curvature=bend[0],
        curvature_error=bend[1],
        warnings=tuple(curves.warnings),
        sizes=curves.sizes,
        losses=curves.mean,
    )
