"""Power-law fits of learning curves, with errors that include the variation between data sets.

L(n) = A·n^-α, times ln n on request, plus a constant floor E on request. α is fitted by unweighted least squares on
logarithms: every size counts alike, whatever its scatter, so the fitted exponent is a fixed functional of the curve and
can be compared with the same functional of a predicted one. With replicates the fit is made to the logarithm of the
replicate-mean curve and its error is the delete-one jackknife over replicates: whole curves are left out, never points
of one, because the points of a curve share its data set.

Source: docs/theory.md §4; Quenouille 1956 and Tukey 1958 for the jackknife, Golub & Pereyra 1973 for variable
projection, McCullagh & Nelder 1989 for counts.
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
from fractalman.measure.serial import serial_covariance, slope_error

CONFIDENCE = 0.95
_ROUNDING = 1e-8  # a bend below this is rounding, not curvature


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
    replicates, count = losses.shape
    least = 4 if floor else (2 if replicates > 1 else 3)
    if count < least:
        what = "a floor" if floor else ("replicates" if replicates > 1 else "one curve")
        why = f" ({'; '.join(warnings[:3])})" if warnings else ""
        where, fix = ("", "give more sizes") if window is None else (" in the window", "widen the window")
        sizes_found = "1 size" if count == 1 else f"{count} sizes"
        raise FitError(f"{sizes_found}{where}{why}: a fit with {what} needs {least} or more; {fix}")

    x = np.log(sizes)
    offset = np.log(x) if logarithm else np.zeros(count)
    curve = losses.mean(axis=0)
    positive = bool((curve > 0.0).all())
    if replicates == 1 and counts is None:
        warnings.append("one curve: the error comes from its residuals and misses the variation between data sets")
    if count == 2:
        warnings.append("two sizes: a bend of the curve cannot be seen")
    curvature, curvature_error, freedom = _curvature(x, losses, offset) if positive else (None, None, 0)
    bent = curvature is not None and abs(curvature) > max(student_t(freedom) * (curvature_error or 0.0), _ROUNDING)

    if counts is None:
        plain = _polynomial(x, np.log(curve) - offset, 1)
        without_floor, level_at_one = -float(plain[1]), float(plain[0] - plain[1] * x.mean())
    else:
        rates, rate_errors, rate_freedom = fit_rates(x, losses, counts, offset, floor=False)
        without_floor, level_at_one = float(rates[1]), float(rates[0])

    if floor:
        if counts is None:
            parameters, errors, dof = _floor_fit(x, losses, offset)
        else:
            parameters, errors, dof = fit_rates(x, losses, counts, offset, floor=True)
        value, error = float(parameters[1]), float(errors[1])
        amplitude, level, level_error = _exponential(parameters[0]), float(parameters[2]), float(errors[2])
        if level <= student_t(dof) * level_error:
            warnings.append(
                f"the floor is not resolved ({level:.3g} ± {level_error:.2g}): without it the exponent is "
                f"{without_floor:.3f}"
            )
        _resolved(value, student_t(dof) * error, warnings)
        return _result(
            value, error, dof, amplitude, sizes, losses, logarithm, level, level_error, without_floor,
            curvature, curvature_error, warnings,
        )  # fmt: skip

    if counts is not None:
        error, dof = float(rate_errors[1]), rate_freedom
    elif replicates > 1:
        error = _jackknife(losses, lambda mean: _polynomial(x, np.log(mean) - offset, 1))[1]
        dof = replicates - 1
    else:
        dof = count - 2
        error, rho = slope_error(x, np.log(curve) - offset)
        _serial(rho, warnings)
    if bent and curvature is not None:
        ends = [without_floor - 2.0 * curvature * (end - x.mean()) for end in (x[0], x[-1])]
        warnings.append(
            f"the log-log curve is bent: the local exponent runs from {ends[0]:.3f} to {ends[1]:.3f} over the window"
        )
        if curvature > 0.0 and count >= 4 and without_floor > 0.0 and counts is None:  # a rising curve has no floor
            parameters, errors, _ = _floor_fit(x, losses, offset)
            warnings.append(
                f"it flattens as a curve with a floor does: with floor = True the exponent is {parameters[1]:.3f} ± "
                f"{errors[1]:.3f} above a floor of {parameters[2]:.3g} ± {errors[2]:.2g}"
            )
    _resolved(without_floor, student_t(dof) * error, warnings)
    return _result(
        without_floor, error, dof, _exponential(level_at_one), sizes, losses, logarithm, None, None, without_floor,
        curvature, curvature_error, warnings,
    )  # fmt: skip


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


def jackknife_errors(values: F64) -> F64:
    """Return standard errors from delete-one values, (replicates, parameters) → (parameters,)."""
    replicates = values.shape[0]
    spread = values - values.mean(axis=0)
    return np.asarray(np.sqrt((replicates - 1) / replicates * (spread**2).sum(axis=0)), dtype=np.float64)


def _curvature(x: F64, losses: F64, offset: F64) -> tuple[float | None, float | None, int]:
    """Return the quadratic coefficient, its error and the degrees of freedom; None with too few sizes."""
    replicates, count = losses.shape
    if count < (3 if replicates > 1 else 4):
        return None, None, 0

    def quadratic(mean_curve: F64) -> F64:
        return _polynomial(x, np.log(mean_curve) - offset, 2)

    coefficients = quadratic(losses.mean(axis=0))
    if replicates > 1:
        return float(coefficients[2]), _jackknife(losses, quadratic, 2)[1], replicates - 1
    columns = np.vander(x - x.mean(), 3, increasing=True)
    residual = np.log(losses[0]) - offset - columns @ coefficients
    covariance, _ = serial_covariance(columns, residual)
    return float(coefficients[2]), math.sqrt(float(covariance[2, 2])), count - 3


def _floor_fit(x: F64, losses: F64, offset: F64) -> tuple[F64, F64, int]:
    """Fit ln L = ln(exp(ln A − α·x + offset) + E); return (ln A, α, E), their errors and the degrees of freedom."""
    replicates, count = losses.shape
    parameters, covariance = floor_solution(x, losses.mean(axis=0), offset, None)
    if replicates == 1:
        return parameters, np.sqrt(np.maximum(np.diag(covariance), 0.0)), max(count - 3, 0)
    total = losses.sum(axis=0)
    values = np.array(
        [floor_solution(x, (total - losses[i]) / (replicates - 1), offset, parameters)[0] for i in range(replicates)]
    )
    errors = jackknife_errors(values)
    if errors[2] == 0.0:  # every replicate ends at E = 0: how far E can go is in the residuals
        errors[2] = math.sqrt(max(float(covariance[2, 2]), 0.0))
    return parameters, errors, replicates - 1


def floor_solution(x: F64, curve: F64, offset: F64, start: F64 | None) -> tuple[F64, F64]:
    """Solve for (ln A, α, E) on logarithms; return them with the covariance that the residuals give."""
    from scipy.optimize import least_squares

    centre, unit, target = x.mean(), float(curve.min()), np.log(curve)
    u = x - centre  # A at the centre of the window and E in units of the smallest loss: a well-scaled problem

    def residuals(p: F64) -> F64:
        return np.asarray(np.log(np.exp(p[0] - p[1] * u + offset) + p[2] * unit) - target, dtype=np.float64)

    def jacobian(p: F64) -> F64:
        power = np.exp(p[0] - p[1] * u + offset)
        model = power + p[2] * unit
        return np.stack([power / model, -u * power / model, unit / model], axis=1)

    if start is None:
        starts = _floor_starts(u, curve, offset, unit)
    else:
        starts = [np.array([start[0] - start[1] * centre, start[1], start[2] / unit])]
    best = None
    for first in starts:
        found = least_squares(
            residuals, first, jac=jacobian, bounds=([-np.inf, -np.inf, 0.0], np.inf), xtol=1e-13, ftol=1e-13, gtol=1e-13
        )
        if best is None or found.cost < best.cost:
            best = found
    if best is None:
        raise FitError(
            "no falling power law with a floor comes near this curve: fit without a floor or narrow the window"
        )
    p, j = best.x, best.jac
    covariance, _ = serial_covariance(j, best.fun)
    to_caller = np.array([[1.0, centre, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, unit]])
    return np.array([p[0] + p[1] * centre, p[1], p[2] * unit]), to_caller @ covariance @ to_caller.T


def _floor_starts(u: F64, curve: F64, offset: F64, unit: float) -> list[F64]:
    """Variable projection: for each α of a grid the best A > 0 and E >= 0 are linear; return the three best."""
    tried = []
    for alpha in np.geomspace(0.02, 6.0, 48):
        a, b = np.exp(-alpha * u + offset) / curve, 1.0 / curve  # relative residuals
        matrix = np.stack([a, b], axis=1)
        solution = np.linalg.lstsq(matrix, np.ones_like(u), rcond=None)[0]
        if solution[1] < 0.0:
            solution = np.array([a.sum() / (a @ a), 0.0])
        if solution[0] > 0.0:
            misfit = float(((matrix @ solution - 1.0) ** 2).sum())
            tried.append((misfit, math.log(solution[0]), float(alpha), max(float(solution[1]) / unit, 1e-6)))
    return [np.array(entry[1:]) for entry in sorted(tried)[:3]]


def _result(
    value: float, error: float, dof: int, amplitude: float, sizes: F64, losses: F64, logarithm: bool,
    floor: float | None, floor_error: float | None, without_floor: float,
    curvature: float | None, curvature_error: float | None, warnings: list[str],
) -> PowerLawFit:  # fmt: skip
    half_width = student_t(dof) * error
    return PowerLawFit(
        value=value,
        standard_error=error,
        degrees_of_freedom=dof,
        half_width=half_width,
        interval=(value - half_width, value + half_width),
        amplitude=amplitude,
        window=(float(sizes[0]), float(sizes[-1])),
        n_sizes=int(sizes.size),
        n_replicates=len(losses),
        logarithm=logarithm,
        floor=floor,
        floor_standard_error=floor_error,
        without_floor=without_floor,
        curvature=curvature,
        curvature_error=curvature_error,
        warnings=tuple(warnings),
        sizes=sizes,
        losses=losses.mean(axis=0),
    )
