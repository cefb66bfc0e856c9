"""Power laws that turn into others, and how much an exponent depends on where it was fitted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fractalman._arguments import checked_arguments
from fractalman._typing import F64
from fractalman.config import shown
from fractalman.display import Display, Series, SeriesDisplay, axes_or_new, frame, log_axes
from fractalman.errors import FitError
from fractalman.measure.curves import checked_curves
from fractalman.measure.floor_fit import jackknife_errors
from fractalman.measure.scaling import student_t


@dataclass(frozen=True)
class BrokenPowerLawFit(Display):
    """A power law that changes its exponent: L = A·n^-before·(1 + (n/turn)^(1/sharpness))^((before − after)·sharpness).

    Parameters
    ----------
    before, after : float
        Exponents far below and far above ``turn``.
    turn : float
        The size at which they meet.
    amplitude : float
        A, in the loss's unit.
    sharpness : float
        Width of the turn in ln n, as given.
    standard_error : dict of float
        Of "before", "after" and "ln turn".
    degrees_of_freedom : int
        Of Student's t.
    warnings : tuple of str
        Sentences that qualify the numbers.

    Examples
    --------
    >>> import fractalman as fm
    >>> law = fm.measure.BrokenPowerLawFit(0.2, 0.8, 1024.0, 1.0, 0.25, {}, 9, ())
    >>> print(f"{law.predict(1.0):.2f}")
    1.00
    """

    before: float
    after: float
    turn: float
    amplitude: float
    sharpness: float
    standard_error: dict[str, float]
    degrees_of_freedom: int
    warnings: tuple[str, ...]

    def to_pandas(self) -> Any:
        """Return the parameters as a pandas DataFrame with columns value and standard_error.

        Returns
        -------
        pandas.DataFrame
            Rows before, after and turn; the error of the turn is that of its logarithm.
        """
        rows = [
            {"parameter": name, "value": getattr(self, name), "standard_error": self.standard_error.get(key)}
            for name, key in (("before", "before"), ("after", "after"), ("turn", "ln turn"))
        ]
        return frame(rows, "parameter")

    def plot(self, ax: Any = None) -> Any:
        """Draw the fitted law over two decades on either side of its turn; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing.
        """
        ax, n = axes_or_new(ax), self.turn * np.geomspace(0.01, 100.0, 200)
        ax.plot(n, self.predict(n), label=f"exponents {self.before:.3g} and {self.after:.3g}")
        ax.axvline(self.turn, ls=":", lw=1.0)
        ax.legend()
        return log_axes(ax, "n", "loss")

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
        x = np.log(np.asarray(n, np.float64))
        q = np.array([math.log(self.amplitude), self.before, self.after, math.log(self.turn)])
        return np.exp(broken_curve(q, x, self.sharpness))


@checked_arguments
def fit_broken_power_law(n: ArrayLike, loss: ArrayLike, *, sharpness: float = 0.25) -> BrokenPowerLawFit:
    """Return the two exponents of a curve that turns from one power law into another.

    Parameters
    ----------
    n : (sizes,) array_like
        5 distinct sizes > 0 or more.
    loss : (sizes,) or (replicates, sizes) array_like
        > 0, any unit.
    sharpness : float, default 0.25
        Width of the turn in ln n; small = sudden.

    Returns
    -------
    BrokenPowerLawFit
        Exponents, turn and amplitude, with errors.

    Raises
    ------
    FitError
        As `fit_power_law`, and for sharpness ≤ 0.

    Notes
    -----
    Caballero et al., arXiv 2210.14891, with one break.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> n = 2.0 ** np.arange(4, 17)
    >>> fit = fm.measure.fit_broken_power_law(n, n**-0.2 * (1 + (n / 1024) ** 4) ** (-0.6 / 4))
    >>> print(f"{fit.before:.2f} {fit.after:.2f} {fit.turn:.0f}")
    0.20 0.80 1024
    """
    if not (math.isfinite(sharpness) and sharpness > 0.0):
        raise FitError(f"sharpness = {shown(sharpness)}: expected a number > 0")
    sizes, losses = checked_curves(n, loss)
    replicates, count = losses.shape
    if count < 5:
        raise FitError(f"{count} sizes: a broken power law needs 5 or more")
    x = np.log(sizes)
    best, residual_errors = solve_broken(x, np.log(losses.mean(axis=0)), sharpness, None)
    if replicates > 1:
        total = losses.sum(axis=0)
        rows = [solve_broken(x, np.log((total - row) / (replicates - 1)), sharpness, best)[0] for row in losses]
        errors, dof = jackknife_errors(np.array(rows)), replicates - 1
    else:
        errors, dof = residual_errors, count - 4
    warnings = []
    if abs(best[1] - best[2]) <= student_t(dof) * math.hypot(errors[1], errors[2]):
        warnings.append("the two exponents do not differ by more than their errors: one power law fits as well")
    if not x[1] < best[3] < x[-2]:
        warnings.append("the turn lies at the edge of the sizes: one of the exponents rests on two of them")
    return BrokenPowerLawFit(
        before=float(best[1]),
        after=float(best[2]),
        turn=float(math.exp(best[3])),
        amplitude=float(math.exp(best[0])),
        sharpness=sharpness,
        standard_error={"before": float(errors[1]), "after": float(errors[2]), "ln turn": float(errors[3])},
        degrees_of_freedom=dof,
        warnings=tuple(warnings),
    )


def broken_curve(q: F64, x: F64, sharpness: float) -> F64:
    """Return ln L at ln n = x for q = (ln A, before, after, ln turn)."""
    return np.asarray(q[0] - q[1] * x + (q[1] - q[2]) * sharpness * np.logaddexp(0.0, (x - q[3]) / sharpness))


def solve_broken(x: F64, y: F64, sharpness: float, start: F64 | None) -> tuple[F64, F64]:
    """Return the solution and its errors by least squares on logarithms, from the best turn of a grid without a start.

    For a given turn the rest is linear.
    """
    from scipy.optimize import least_squares

    if start is None:
        tried = []
        for turn in np.linspace(x[0], x[-1], 41)[1:-1]:
            bend = sharpness * np.logaddexp(0.0, (x - turn) / sharpness)
            columns = np.stack([np.ones_like(x), -x + bend, -bend], axis=1)
            solution = np.linalg.lstsq(columns, y, rcond=None)[0]
            tried.append((float(np.square(columns @ solution - y).sum()), np.array([*solution, turn])))
        start = min(tried, key=lambda entry: entry[0])[1]
    low, high = [-np.inf, -np.inf, -np.inf, x[0] - 1e-9], [np.inf, np.inf, np.inf, x[-1] + 1e-9]
    found = least_squares(
        lambda q: broken_curve(q, x, sharpness) - y, np.clip(start, low, high), bounds=(low, high), x_scale="jac",
        xtol=1e-13, ftol=1e-13, gtol=1e-13,
    )  # fmt: skip
    variance = 2.0 * float(found.cost) / max(1, x.size - 4)
    errors = np.sqrt(np.maximum(np.diag(np.linalg.pinv(found.jac.T @ found.jac)) * variance, 0.0))
    return np.asarray(found.x, np.float64), np.asarray(errors, np.float64)


# ---------------------------------------------------------------------------------------------------- which window


@dataclass(frozen=True)
class WindowSensitivity(SeriesDisplay):
    """The exponent in every window of the sizes.

    Parameters
    ----------
    window : (windows, 2) float64
        Smallest and largest size.
    value, standard_error : (windows,) float64
        Of the exponent.
    spread : float
        Largest less smallest exponent over windows of at least half the sizes: the systematic uncertainty.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> n = 2.0 ** np.arange(4, 10)
    >>> print(f"{fm.measure.window_sensitivity(n, n**-0.5).spread:.3f}")
    0.000
    """

    _series = Series("low", "value", "standard_error", ("high",), ("smallest size of the window", "exponent"), ("y",))

    window: F64
    value: F64
    standard_error: F64
    spread: float

    @property
    def low(self) -> F64:
        """(windows,) float64, the smallest size of every window."""
        return np.asarray(self.window[:, 0], np.float64)

    @property
    def high(self) -> F64:
        """(windows,) float64, the largest size of every window."""
        return np.asarray(self.window[:, 1], np.float64)


@checked_arguments
def window_sensitivity(n: ArrayLike, loss: ArrayLike, *, logarithm: bool = False) -> WindowSensitivity:
    """Return the exponent fitted in every window of three or more neighbouring sizes.

    Parameters
    ----------
    n, loss, logarithm
        As for `fit_power_law`.

    Returns
    -------
    WindowSensitivity
        Windows in the order of their smallest size, then of their largest: m(m − 1)/2 − m + 1 of them for m sizes.

    Raises
    ------
    FitError
        With fewer than 3 sizes, and as `fit_power_law`.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> n = 2.0 ** np.arange(4, 10)
    >>> fm.measure.window_sensitivity(n, n**-0.5).value.round(6).tolist()
    [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    """
    sizes, losses = checked_curves(n, loss)
    count, replicates = sizes.size, len(losses)
    if count < 3:
        raise FitError(f"{count} sizes: windows need 3 or more")
    x = np.log(sizes)
    offset = np.log(x) if logarithm else np.zeros(count)
    total = losses.sum(axis=0)
    curves = [total / replicates]  # the mean, then every mean without one curve
    if replicates > 1:
        curves += [(total - row) / (replicates - 1) for row in losses]
    y = np.log(np.array(curves)) - offset
    windows, values, errors, lengths = [], [], [], []
    for first in range(count - 2):  # all windows that begin here, by running sums
        u, v = x[first:] - x[first], y[:, first:] - y[:, first : first + 1]
        m = np.arange(1.0, u.size + 1.0)
        su, sv = np.cumsum(u), np.cumsum(v, axis=1)
        uu = (np.cumsum(u * u) - su * su / m)[2:]
        uv = (np.cumsum(u * v, axis=1) - su * sv / m)[:, 2:]
        vv = (np.cumsum(v * v, axis=1) - sv * sv / m)[:, 2:]
        slopes = uv / uu
        if replicates > 1:
            error = jackknife_errors(slopes[1:])
        else:
            error = np.sqrt(np.maximum(vv[0] - slopes[0] * uv[0], 0.0) / (m[2:] - 2.0) / uu)
        windows.append(np.stack([np.full(uu.size, sizes[first]), sizes[first + 2 :]], axis=1))
        values.append(-slopes[0])
        errors.append(error)
        lengths.append(m[2:])
    value, length = np.concatenate(values), np.concatenate(lengths)
    wide = value[length >= max(3, count / 2)]
    return WindowSensitivity(np.concatenate(windows), value, np.concatenate(errors), float(wide.max() - wide.min()))
