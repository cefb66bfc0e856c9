"""What a joint fit says: its parameters with their intervals, the frontier they imply, and what holds them up."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fractalman._arguments import as_array, checked_arguments
from fractalman._typing import F64, I64
from fractalman.config import real
from fractalman.errors import FitError
from fractalman.measure.display import FitDisplay, draw_joint, short
from fractalman.measure.influence import Influence, influences
from fractalman.measure.scaling import student_t_real

NAMES = ("model_exponent", "data_exponent", "irreducible", "model_amplitude", "data_amplitude")
SYMBOL = {
    "model_exponent": "α_P", "data_exponent": "α_D", "irreducible": "E", "model_amplitude": "A", "data_amplitude": "B",
    "overtraining_exponent": "α_O", "overtraining_amplitude": "O", "epochs_constant": "R*",
}  # fmt: skip


@dataclass(frozen=True, repr=False)
class JointPowerLawFit(FitDisplay):
    """A fitted law L = E + A·P^-model_exponent + B·n^-data_exponent, or one of its further forms.

    Parameters
    ----------
    model_exponent, data_exponent : float
        α_P, α_D.
    irreducible : float
        E ≥ 0, unit of the loss.
    model_amplitude, data_amplitude : float
        A, B, unit of the loss.
    standard_error : dict of float
        By name of the fields above (and of ``extra``).
    interval : dict of (low, high)
        95 %, by name: as lopsided as the table makes them; E's may end at 0, and an end that the table leaves open is
        0 or inf.
    degrees_of_freedom : dict of float
        Of Student's t, by name.
    errors : str
        "rows": rows err independently, each with a noise of its own; "groups": rows of a group err together;
        "residuals": all rows have the same noise. With " and model sizes", " and data sizes" the wider of it and of
        errors shared by those rows.
    huber : float
        The threshold on ln L that was used; inf when noise is below rounding.
    noise : float
        Standard deviation of ln L about the fit, from the median residual.
    outliers : (k,) int64
        Rows of the table that stand out from the noise, which may fall with size: one such row or more turns up in 5 %
        of tables with normal noise.
    residual : (points,) float64
        ln L of the fit less that of the table.
    condition_number : float
        Of the fit's Jacobian with columns of unit length.
    unresolved : tuple of str
        Sentences that name what the table does not determine.
    warnings : tuple of str
        Other sentences that qualify the numbers.
    form : str
        "plain", "repeated" or "overtraining".
    extra : dict of float
        What the form adds: ``epochs_constant`` R*, or ``overtraining_exponent`` and ``overtraining_amplitude``.
    table : dict of (points,) float64
        The columns that were fitted.
    theta : (p,) float64
        All exponents, E, then the logarithms of all amplitudes (and of R*).
    covariance : (p, p) float64
        Of theta.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> P, n = (a.ravel() for a in np.meshgrid(np.geomspace(1e6, 1e9, 5), np.geomspace(1e8, 1e11, 5)))
    >>> fit = fm.measure.fit_joint_power_law(P, n, 1.7 + 400 * P**-0.34 + 400 * n**-0.34)
    >>> print(f"{fit.value('irreducible'):.2f} {fit.frontier['params']:.2f}")
    1.70 0.50
    """

    model_exponent: float
    data_exponent: float
    irreducible: float
    model_amplitude: float
    data_amplitude: float
    standard_error: dict[str, float]
    interval: dict[str, tuple[float, float]]
    degrees_of_freedom: dict[str, float]
    errors: str
    huber: float
    noise: float
    outliers: I64
    residual: F64
    condition_number: float
    unresolved: tuple[str, ...]
    warnings: tuple[str, ...]
    form: str = "plain"
    extra: dict[str, float] = field(default_factory=dict)
    table: dict[str, F64] = field(default_factory=dict)
    theta: F64 = field(default_factory=lambda: np.zeros(0))
    covariance: F64 = field(default_factory=lambda: np.zeros((0, 0)))

    def __repr__(self) -> str:
        parts = [
            f"{SYMBOL[name]} = {short(self.value(name), self.standard_error[name])}"
            for name in ("model_exponent", "data_exponent", "irreducible", *self.extra)
        ]
        return (
            f"JointPowerLawFit({', '.join(parts)}; {self.residual.size} rows, errors of {self.errors}, "
            f"{self.outliers.size} outliers, {len(self.unresolved)} unresolved, {len(self.warnings)} warnings)"
        )

    def value(self, name: str) -> float:
        """Return a parameter by name.

        Parameters
        ----------
        name : str
            A field, or a name in ``extra``.

        Returns
        -------
        float
            The parameter.
        """
        return float(self.extra[name] if name in self.extra else getattr(self, name))

    def parameters(self) -> list[dict[str, Any]]:
        """Return one row a parameter.

        Returns
        -------
        list of dict
            parameter (its name), value, standard_error, low, high.
        """
        return [
            {
                "parameter": name, "value": self.value(name), "standard_error": self.standard_error[name],
                "low": low, "high": high,
            }
            for name, (low, high) in self.interval.items()
        ]  # fmt: skip

    def plot(self, ax: Any = None) -> Any:
        """Draw measured against fitted losses and return the axes; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing.
        """
        return draw_joint(self, ax)

    def predict(self, n_params: ArrayLike, n_data: ArrayLike, unique: ArrayLike | None = None) -> F64:
        """Return the fitted loss.

        Parameters
        ----------
        n_params, n_data : array_like
            Sizes of models and of data, > 0.
        unique : array_like, optional
            How many of the data are distinct; None = all. For the form "repeated".

        Returns
        -------
        float64 array
            In the loss's unit.
        """
        P, n = np.asarray(n_params, np.float64), np.asarray(n_data, np.float64)
        effective = n
        if self.form == "repeated" and unique is not None:
            effective = effective_data(n, unique, self.extra["epochs_constant"])
        loss = (
            self.irreducible
            + self.model_amplitude * P**-self.model_exponent
            + self.data_amplitude * effective**-self.data_exponent
        )
        if self.form == "overtraining":
            loss = loss + self.extra["overtraining_amplitude"] * (n / P) ** self.extra["overtraining_exponent"]
        return np.asarray(loss)

    @property
    def frontier(self) -> dict[str, float]:
        """Exponents of the compute-optimal frontier at cost C ∝ P·n: P* ~ C^params, n* ~ C^data, L* − E ~ C^-loss."""
        a, b = self.model_exponent, self.data_exponent
        if a + b <= 0.0:  # a table that does not fall
            return {"params": math.nan, "data": math.nan, "loss": 0.0}
        return {"params": b / (a + b), "data": a / (a + b), "loss": a * b / (a + b)}

    @property
    def frontier_interval(self) -> dict[str, tuple[float, float]]:
        """Their 95 % intervals, from the covariance of the two exponents."""
        a, b = self.model_exponent, self.data_exponent
        if min(a, b) <= 0.0:
            return {"params": (0.0, 1.0), "data": (0.0, 1.0), "loss": (0.0, math.inf)}
        V = self.covariance[:2, :2]
        t = student_t_real(min(self.degrees_of_freedom[name] for name in NAMES[:2]))
        ratio = np.array([-1.0 / a, 1.0 / b])  # of ln(b/a), whose logistic is the exponent of P*
        half = t * math.sqrt(max(float(ratio @ V @ ratio), 0.0))
        low, high = (1.0 / (1.0 + a / b * math.exp(min(sign * half, 700.0))) for sign in (1.0, -1.0))
        whole = np.array([b / (a * (a + b)), a / (b * (a + b))])  # of ln(ab/(a + b))
        spread = t * math.sqrt(max(float(whole @ V @ whole), 0.0))
        loss = a * b / (a + b)
        least, most = loss * math.exp(-spread), loss * math.exp(min(spread, 700.0))
        (a_low, a_high), (b_low, b_high) = (self.interval[name] for name in NAMES[:2])
        if any(name in text for name in NAMES[:2] for text in self.unresolved):  # no covariance says how far it goes
            low, high = min(low, _share(b_low, a_high)), max(high, _share(b_high, a_low))
            least, most = min(least, _harmonic(a_low, b_low)), max(most, _harmonic(a_high, b_high))
        return {"params": (low, high), "data": (1.0 - high, 1.0 - low), "loss": (least, most)}

    def influence(self, size: int | None = None) -> tuple[Influence, ...]:
        """Return what single groups of rows hold up, largest first.

        Parameters
        ----------
        size : int, optional
            How many rows are left out at once where they are chosen for their pull; None = a twentieth of the table, 1
            to 10.

        Returns
        -------
        tuple of Influence
            One for each model size, each data size, the outliers, and the rows with the strongest pull on each exponent
            either way: what the fit without them says, in standard errors of the fit with them.
        """
        return influences(self, size)


def _share(b: float, a: float) -> float:
    """b/(a + b), the exponent of the best model's parameters, at the ends of its domain too."""
    return 0.0 if b <= 0.0 else 1.0 if a <= 0.0 or math.isinf(b) else b / (a + b)


def _harmonic(a: float, b: float) -> float:
    """ab/(a + b), the exponent of the loss along the frontier, at the ends of its domain too."""
    return 0.0 if min(a, b) <= 0.0 else 1.0 / (1.0 / a + 1.0 / b) if min(a, b) < math.inf else math.inf


@checked_arguments
def effective_data(n_data: ArrayLike, unique: ArrayLike, epochs_constant: float) -> F64:
    """Return how many distinct data would be worth as much as ``n_data`` drawn from ``unique`` distinct ones.

    Parameters
    ----------
    n_data, unique : array_like
        Data seen and distinct data, the same unit.
    epochs_constant : float
        R*: the worth of repetitions decays by 1/e over so many epochs.

    Returns
    -------
    float64 array
        unique·(1 + R*·(1 − exp(−R/R*))) with R = n_data/unique − 1 ≥ 0 repetitions.

    Raises
    ------
    RecipeError
        For what is no number.
    FitError
        For two shapes.

    Notes
    -----
    Muennighoff et al., arXiv 2305.16264, eq. 5.

    Examples
    --------
    >>> from fractalman.measure import effective_data
    >>> print(f"{effective_data(4e9, 1e9, 15.0):.3g}")
    3.72e+09
    """
    n, distinct = as_array("n_data", n_data, np.float64), as_array("unique", unique, np.float64)
    if n.ndim and distinct.ndim and n.shape != distinct.shape:
        raise FitError(f"n_data has shape {n.shape} and unique {distinct.shape}: expected one shape, or one number")
    epochs_constant = real(0.0, math.inf)("epochs_constant", epochs_constant)
    again = np.maximum(n / distinct - 1.0, 0.0)
    return np.asarray(np.minimum(n, distinct) * (1.0 + epochs_constant * -np.expm1(-again / epochs_constant)))
