"""Loss against compute only: L = E + K·C^-γ, with the same robust fit, noise and intervals as the joint law."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fractalman._arguments import checked_arguments
from fractalman._typing import F64
from fractalman.errors import FitError
from fractalman.measure import sandwich
from fractalman.measure.curves import copies, unmasked
from fractalman.measure.display import FitDisplay, draw_curve, short
from fractalman.measure.labels import group_numbers
from fractalman.measure.profiles import profile_interval
from fractalman.measure.scaling import student_t_real
from fractalman.measure.surfaces import Surface, robust


@dataclass(frozen=True, repr=False)
class ComputeLawFit(FitDisplay):
    """A fitted law L = E + K·C^-exponent.

    Parameters
    ----------
    exponent, irreducible, amplitude : float
        γ, E ≥ 0 and K.
    standard_error : dict of float
        By name of the three.
    interval : dict of (low, high)
        95 %, by name; an end that the table leaves open is 0 or inf.
    huber : float
        The threshold on ln L that was used.
    residual : (points,) float64
        ln L of the fit less that of the table.
    unresolved : tuple of str
        What the table does not determine.
    sizes, losses : (points,) float64
        What was fitted.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> C = np.geomspace(1e18, 1e22, 8)
    >>> print(f"{fm.measure.fit_compute_law(C, 1.7 + 30 * (C / 1e18)**-0.15).irreducible:.2f}")
    1.70
    """

    exponent: float
    irreducible: float
    amplitude: float
    standard_error: dict[str, float]
    interval: dict[str, tuple[float, float]]
    huber: float
    residual: F64
    unresolved: tuple[str, ...]
    sizes: F64 = field(default_factory=lambda: np.zeros(0))
    losses: F64 = field(default_factory=lambda: np.zeros(0))

    def __repr__(self) -> str:
        parts = [
            f"{name} {short(getattr(self, name), self.standard_error[name])}" for name in ("exponent", "irreducible")
        ]
        return f"ComputeLawFit({', '.join(parts)}; {self.residual.size} rows, {len(self.unresolved)} unresolved)"

    def parameters(self) -> list[dict[str, Any]]:
        """Return one row a parameter.

        Returns
        -------
        list of dict
            parameter (its name), value, standard_error, low, high.
        """
        return [
            {
                "parameter": name, "value": getattr(self, name), "standard_error": self.standard_error[name],
                "low": low, "high": high,
            }
            for name, (low, high) in self.interval.items()
        ]  # fmt: skip

    def predict(self, compute: ArrayLike) -> F64:
        """Return the fitted loss.

        Parameters
        ----------
        compute : array_like
            Budgets > 0, in the unit of those fitted.

        Returns
        -------
        float64 array
            In the loss's unit.
        """
        return np.asarray(self.irreducible + self.amplitude * np.asarray(compute, np.float64) ** -self.exponent)

    # what a curve's figure asks for
    @property
    def window(self) -> tuple[float, float]:
        """Smallest and largest budget."""
        return float(self.sizes.min()), float(self.sizes.max())

    @property
    def value(self) -> float:
        """The exponent."""
        return self.exponent

    @property
    def half_width(self) -> float:
        """Half the exponent's interval."""
        low, high = self.interval["exponent"]
        return 0.5 * (high - low)

    @property
    def floor(self) -> float:
        """E."""
        return self.irreducible

    @property
    def floor_standard_error(self) -> float:
        """E's standard error."""
        return self.standard_error["irreducible"]

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses with the fit and return the axes; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing.
        """
        ax = draw_curve(self, ax)
        ax.set_xlabel("compute")
        return ax


@checked_arguments
def fit_compute_law(
    compute: ArrayLike, loss: ArrayLike, huber: float | None = None, groups: ArrayLike | None = None
) -> ComputeLawFit:
    """Return the law of losses against compute alone.

    Parameters
    ----------
    compute : (points,) array_like
        > 0; a budget may stand in several rows.
    loss : (points,) array_like
        > 0.
    huber, groups
        As for `fit_joint_power_law`.

    Returns
    -------
    ComputeLawFit
        Exponent, floor and amplitude, with errors and intervals.

    Raises
    ------
    FitError
        For fewer than 5 rows, numbers that are not positive, fewer than 3 budgets, or missing labels.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> C = np.geomspace(1e18, 1e22, 8)
    >>> print(f"{fm.measure.fit_compute_law(C, 1.7 + 30 * (C / 1e18)**-0.15).exponent:.3f}")
    0.150
    """
    C, L = unmasked(compute, "compute"), unmasked(loss, "loss")
    if C.ndim != 1 or C.shape != L.shape:
        raise FitError(f"compute {C.shape}, loss {L.shape}: expected two columns of one length")
    numbers = None if groups is None else group_numbers(groups, C.size)
    keep = ~(np.isnan(C) | np.isnan(L) | copies([C, L, *([] if numbers is None else [numbers])]))
    labels = None if numbers is None else numbers[keep]
    C, L = C[keep], L[keep]
    if not ((C > 0.0) & (L > 0.0) & np.isfinite(C) & np.isfinite(L)).all():
        row = int(np.argmin((C > 0.0) & (L > 0.0) & np.isfinite(C) & np.isfinite(L)))
        raise FitError(f"compute = {C[row]:.6g}, loss = {L[row]:.6g} in row {row}: expected numbers > 0")
    if C.size < 5 or np.unique(C).size < 3:
        raise FitError(f"{C.size} rows with {np.unique(C).size} budgets: expected 5 rows and 3 budgets or more")
    surface = Surface.of([C], L)
    best, threshold = robust(surface, huber)
    found = sandwich.scores(surface, best, threshold)
    if labels is None:
        covariance = sandwich.between_rows(found)
    else:
        labels = np.unique(labels, return_inverse=True)[1].astype(np.int64)
        if int(labels.max()) + 1 < 3:
            raise FitError(f"{int(labels.max()) + 1} groups: errors between groups need 3 or more")
        covariance = sandwich.between_groups(found, labels)
    theta, errors = surface.theta(best), covariance.standard_error
    names = ("exponent", "irreducible", "amplitude")
    value, interval, standard, unresolved = {}, {}, {}, []
    for k, name in enumerate(names):
        t = student_t_real(float(covariance.degrees_of_freedom[k]))
        rise = 0.5 * t * t * float(covariance.matrix[k, k] / covariance.bread[k])
        low, high = profile_interval(surface, best, threshold, k, float(errors[k]), rise)
        value[name], standard[name] = float(theta[k]), float(errors[k])
        if name == "amplitude":
            value[name] = math.exp(min(value[name], 700.0))
            low, high = (math.exp(max(end, -745.0)) if end < 700.0 else math.inf for end in (low, high))
            standard[name] *= value[name]
        interval[name] = (low, high)
        if name != "amplitude" and (low <= 0.0 or not math.isfinite(high) or (name == "exponent" and high - low > 1.5)):
            unresolved.append(f"{name} is not resolved: {value[name]:.3g}, 95 % from {low:.3g} to {high:.3g}")
    order = np.argsort(C, kind="stable")
    return ComputeLawFit(
        **value, standard_error=standard, interval=interval, huber=threshold, residual=surface.evaluated(best)[0],
        unresolved=tuple(unresolved), sizes=C[order], losses=L[order],
    )  # fmt: skip
