"""The joint scaling law L(P, n) = E + A·P^-α_P + B·n^-α_D, fitted to a table of models, sizes and losses.

P = parameters, n = data (points, tokens), E = irreducible loss. Residuals are those of ln L. Two further forms are in
use: data seen several times, and a loss that rises again with data per parameter. How a fit is found stands in
`surfaces`, how its errors come about in `sandwich` (which noise) and `profiles` (how lopsided).

Which error is printed was decided by a coverage study, datasets/statistics/joint_fits.md: rows err independently unless
the rows of one model size are seen to err together.

Source: Hoffmann et al., arXiv 2203.15556, for the law; Muennighoff et al., arXiv 2305.16264, for repeated data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fractalman._typing import F64, I64
from fractalman.errors import FitError, nearest
from fractalman.measure import sandwich
from fractalman.measure.display import FitDisplay, draw_joint, short
from fractalman.measure.influence import Influence, influences
from fractalman.measure.labels import group_numbers, same_size
from fractalman.measure.profiles import profile_interval
from fractalman.measure.sandwich import Covariance, Scores
from fractalman.measure.scaling import student_t, unmasked
from fractalman.measure.surfaces import EFFICIENT, STEEPEST, Surface, robust

FORMS = ("plain", "repeated", "overtraining")
ERRORS = ("residuals", "rows", "groups")
NAMES = ("model_exponent", "data_exponent", "irreducible", "model_amplitude", "data_amplitude")
_FALSE_OUTLIERS = 0.05  # how often a table of normal noise has one outlier or more
_SYMBOL = {
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
        "residuals": all rows have the same noise.
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
            f"{_SYMBOL[name]} = {short(self.value(name), self.standard_error[name])}"
            for name in ("model_exponent", "data_exponent", "irreducible", *self.extra)
        ]
        return (
            f"JointPowerLawFit({', '.join(parts)}; {self.residual.size} rows, errors of {self.errors}, "
            f"{self.outliers.size} outliers, {len(self.unresolved)} unresolved, {len(self.warnings)} warnings)"
        )

    def value(self, name: str) -> float:
        """Return a parameter by name."""
        return float(self.extra[name] if name in self.extra else getattr(self, name))

    def parameters(self) -> list[dict[str, Any]]:
        """Return one row a parameter: name, value, standard_error, low, high."""
        return [
            {
                "parameter": name, "value": self.value(name), "standard_error": self.standard_error[name],
                "low": low, "high": high,
            }
            for name, (low, high) in self.interval.items()
        ]  # fmt: skip

    def plot(self, ax: Any = None) -> Any:
        """Draw measured against fitted losses and return the axes; needs the extra ``plots``."""
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
        return {
            "params": (low, high),
            "data": (1.0 - high, 1.0 - low),
            "loss": (loss * math.exp(-spread), loss * math.exp(min(spread, 700.0))),
        }

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

    Notes
    -----
    Muennighoff et al., arXiv 2305.16264, eq. 5.

    Examples
    --------
    >>> from fractalman.measure import effective_data
    >>> print(f"{effective_data(4e9, 1e9, 15.0):.3g}")
    3.72e+09
    """
    n, distinct = np.asarray(n_data, np.float64), np.asarray(unique, np.float64)
    again = np.maximum(n / distinct - 1.0, 0.0)
    return np.asarray(np.minimum(n, distinct) * (1.0 + epochs_constant * -np.expm1(-again / epochs_constant)))


def fit_joint_power_law(
    n_params: ArrayLike,
    n_data: ArrayLike,
    loss: ArrayLike,
    huber: float | None = None,
    groups: ArrayLike | None = None,
    *,
    form: str = "plain",
    unique: ArrayLike | None = None,
    errors: str | None = None,
) -> JointPowerLawFit:
    """Return the joint law of a table, with errors and with what the table leaves open.

    Parameters
    ----------
    n_params, n_data : (points,) array_like
        Parameters and data, > 0. Rows with a masked or missing number are left out.
    loss : (points,) array_like
        > 0, any unit.
    huber : float, optional
        Threshold on \\|ln L_fit − ln L\\| beyond which a residual counts linearly; None = 1.345 standard deviations of the
        noise, estimated from the table; a number reproduces published fits.
    groups : (points,) array_like, optional
        Labels of what varies together (a seed, a run): errors are then those between groups.
    form : {"plain", "repeated", "overtraining"}
        L = E + A·P^-α_P + B·n^-α_D; with n replaced by its effective number where data were seen again (needs
        ``unique``); or with a further term O·(n/P)^α_O.
    unique : (points,) array_like, optional
        Distinct data of each row, for the form "repeated".
    errors : {"residuals", "rows", "groups"}, optional
        Whose scatter the errors are; None = between groups where groups are given, else between rows, or between
        model sizes where rows of one size are seen to err together.

    Returns
    -------
    JointPowerLawFit

    Raises
    ------
    FitError
        For too few rows (one more than parameters), shapes that differ, numbers that are not positive, missing labels,
        or a table in which the number of parameters or the number of data never changes.

    Notes
    -----
    Hoffmann et al., arXiv 2203.15556; the errors are those of `fractalman.measure.sandwich`.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> P, n = (a.ravel() for a in np.meshgrid(np.geomspace(1e6, 1e9, 5), np.geomspace(1e8, 1e11, 5)))
    >>> fit = fm.measure.fit_joint_power_law(P, n, 1.7 + 400 * P**-0.34 + 2000 * n**-0.37)
    >>> print(f"{fit.model_exponent:.3f} {fit.data_exponent:.3f}")
    0.340 0.370
    """
    if form not in FORMS:
        raise FitError(f"form = {form!r}: expected {', '.join(FORMS)}{nearest(str(form), FORMS)}")
    if errors is not None and errors not in ERRORS:
        raise FitError(f"errors = {errors!r}: expected {', '.join(ERRORS)}{nearest(str(errors), ERRORS)}")
    if huber is not None and not (math.isfinite(huber) and huber > 0.0):
        raise FitError(f"huber = {huber!r}: expected a number > 0, a threshold on ln L, or None")
    if (form == "repeated") != (unique is not None):
        raise FitError("the form 'repeated' and the distinct data belong together: use form='repeated', unique=…")
    columns = {"n_params": n_params, "n_data": n_data, "loss": loss} | ({} if unique is None else {"unique": unique})
    table, labels, warnings = _checked(columns, groups, 8 if form == "overtraining" else 6 + (form == "repeated"))
    P, n, L = table["n_params"], table["n_data"], table["loss"]
    names = list(NAMES)
    if form == "repeated":
        again = np.maximum(n / table["unique"] - 1.0, 0.0)
        if not again.max() > 0.0:
            raise FitError("no row has seen data again (n_data > unique): expected repeated data; use form='plain'")
        surface = Surface.of([P, np.minimum(n, table["unique"])], L, again, 1)
        names.append("epochs_constant")
    elif form == "overtraining":
        surface = Surface.of([P, n, P / n], L)
        names = [*NAMES[:2], "overtraining_exponent", "irreducible", *NAMES[3:], "overtraining_amplitude"]
    else:
        surface = Surface.of([P, n], L)
    best, threshold = robust(surface, huber)
    found = sandwich.scores(surface, best, threshold)
    covariance, kind, said = _errors(found, surface, P, labels, errors)
    warnings += said
    theta, interval, standard = _intervals(surface, best, threshold, covariance, names)
    residual = surface.evaluated(best)[0]
    noise = _noise(residual, surface.n_parameters)
    if huber is not None and huber < 0.5 * noise:
        warnings.append(
            f"the threshold {huber:.3g} lies below the noise ({noise:.2g}): nearly least absolute deviations, as in "
            "published fits"
        )
    value = dict(zip(names, theta, strict=True))
    condition, unresolved = _unresolved(surface, best, names, value, interval)
    return JointPowerLawFit(
        **{name: value[name] for name in NAMES},
        standard_error={name: standard[name] for name in _ordered(names)},
        interval={name: interval[name] for name in _ordered(names)},
        degrees_of_freedom=dict(zip(names, covariance.degrees_of_freedom.tolist(), strict=True)),
        errors=kind,
        huber=threshold,
        noise=noise,
        outliers=_outliers(residual, found, threshold),
        residual=residual,
        condition_number=condition,
        unresolved=unresolved,
        warnings=tuple(warnings),
        form=form,
        extra={name: value[name] for name in names if name not in NAMES},
        table=table,
        theta=surface.theta(best),
        covariance=covariance.matrix,
    )


def _ordered(names: list[str]) -> list[str]:
    return [*NAMES, *(name for name in names if name not in NAMES)]


def student_t_real(degrees_of_freedom: float) -> float:
    """Return the two-sided 95 % quantile of Student's t for any degrees of freedom ≥ 1."""
    from scipy.special import stdtrit

    return float(stdtrit(max(degrees_of_freedom, 1.0), 0.975))


def _checked(
    columns: dict[str, ArrayLike], groups: ArrayLike | None, least: int
) -> tuple[dict[str, F64], I64 | None, list[str]]:
    """Return the columns without rows that lack a number, group numbers, and what was left out."""
    table = {name: unmasked(values, name) for name, values in columns.items()}
    shapes = {values.shape for values in table.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1:
        listed = ", ".join(f"{name} {values.shape}" for name, values in table.items())
        raise FitError(f"{listed}: expected three columns of {least} rows or more, all of one length")
    labels = None if groups is None else group_numbers(groups, next(iter(table.values())).size)
    gaps = np.zeros(next(iter(shapes)), np.bool_)
    for name, values in table.items():
        gaps |= np.isnan(values)
        bad = ~np.isnan(values) & ~(np.isfinite(values) & (values > 0.0))
        if bad.any():
            row = int(np.argmax(bad))
            raise FitError(f"{name} = {values[row]:.6g} in row {row}: expected numbers > 0; leave such rows out")
    warnings = []
    if gaps.any():
        rows = ", ".join(str(row) for row in np.flatnonzero(gaps)[:8].tolist())
        warnings.append(f"rows without a number (nan or masked) are left out: {rows}{' …' if gaps.sum() > 8 else ''}")
        table = {name: values[~gaps] for name, values in table.items()}
        labels = None if labels is None else np.unique(labels[~gaps], return_inverse=True)[1].astype(np.int64)
    size = next(iter(table.values())).size
    if size < least:
        left = f" are left ({warnings[0]})" if warnings else ""
        raise FitError(f"{size} rows{left}: expected three columns of {least} rows or more")
    for name in ("n_params", "n_data"):
        if np.unique(table[name]).size < 2:
            raise FitError(f"{name} is {table[name][0]:g} in every row: a joint law needs rows that differ in it")
    return table, labels, warnings


# ---------------------------------------------------------------------------------------------------- errors


def _errors(
    found: Scores, surface: Surface, P: F64, labels: I64 | None, errors: str | None
) -> tuple[Covariance, str, list[str]]:
    """Return the covariance that is printed, whose scatter it is, and what must be said of it."""
    if labels is not None and int(labels.max()) + 1 < 3:
        raise FitError(
            f"{int(labels.max()) + 1} groups: errors between groups need 3 or more; leave groups out for those of rows"
        )
    if errors == "residuals":
        return _equal_noise(found, surface), "residuals", ["errors take the noise of all rows for the same"]
    if errors == "rows":
        return sandwich.between_rows(found), "rows", []
    if labels is not None:
        return sandwich.between_groups(found, labels), "groups", []
    sizes = same_size(P)
    few = int(sizes.max()) + 1
    if errors == "groups":
        if few < 4:
            raise FitError(f"{few} model sizes: errors between them need 4 or more; use errors='rows' or groups=…")
        return sandwich.between_groups(found, sizes), "groups", []
    if few < 4:
        return (
            sandwich.between_rows(found), "rows",
            [f"{few} model sizes: what rows of one size share cannot be told from the law and is not in the errors"],
        )  # fmt: skip
    covariance, p_value = sandwich.honest(found, sizes)
    if p_value >= sandwich.SHARED:
        return covariance, "rows", []
    return (
        covariance,
        "rows and model sizes",
        [f"rows of one model size may err together (p = {p_value:.2g}): the wider error is given"],
    )


def _equal_noise(found: Scores, surface: Surface) -> Covariance:
    """Return the covariance where every row has the same noise."""
    rows, p = found.left.shape
    variance = float(found.score @ found.score) / max(1, rows - p)
    matrix = found.shape * variance
    return Covariance(found.bread, matrix, np.full(surface.n_parameters, float(max(1, rows - p))))


def _intervals(
    surface: Surface, best: F64, threshold: float, covariance: Covariance, names: list[str]
) -> tuple[list[float], dict[str, tuple[float, float]], dict[str, float]]:
    """Return values in the caller's units, 95 % intervals and standard errors, by name."""
    theta, errors = surface.theta(best), covariance.standard_error
    values, interval, standard = [], {}, {}
    for k, name in enumerate(names):
        t = student_t_real(float(covariance.degrees_of_freedom[k]))
        rise = 0.5 * t * t * float(covariance.matrix[k, k] / covariance.bread[k])
        low, high = profile_interval(surface, best, threshold, k, float(errors[k]), rise)
        value, error = float(theta[k]), float(errors[k])
        if name.endswith("amplitude") or name == "epochs_constant":
            value = math.exp(min(value, 700.0))
            low, high = (math.exp(end) if end < 700.0 else math.inf for end in (low, high))
            error *= value
        values.append(value)
        interval[name], standard[name] = (low, high), error
    return values, interval, standard


def _noise(residual: F64, parameters: int) -> float:
    freedom = max(1, residual.size - parameters)
    return 1.4826 * float(np.median(np.abs(residual))) * math.sqrt(residual.size / freedom)


def _outliers(residual: F64, found: Scores, threshold: float) -> I64:
    """Return the rows that stand out from the noise, as large as it is modelled for each."""
    from scipy.special import ndtri

    if not math.isfinite(threshold):
        return np.zeros(0, np.int64)
    limit = -float(ndtri(_FALSE_OUTLIERS / 2.0 / residual.size))
    leverage = np.minimum(np.square(found.left).sum(axis=1), 0.9)
    return np.flatnonzero(np.abs(residual) > limit * found.noise * np.sqrt(1.0 - leverage)).astype(np.int64)


def _unresolved(
    surface: Surface, best: F64, names: list[str], value: dict[str, float], interval: dict[str, tuple[float, float]]
) -> tuple[float, tuple[str, ...]]:
    """Return the condition number and what the table leaves open, in words, by name."""
    jacobian = surface.evaluated(best)[1]
    length = np.maximum(np.sqrt(np.square(jacobian).sum(axis=0)), 1e-300)
    _, singular, rows = np.linalg.svd(jacobian / length, full_matrices=False)
    condition = float(singular[0] / singular[-1]) if singular[-1] > 0.0 else math.inf
    said, t = [], surface.n_terms
    if condition > 1e3:
        direction = rows[-1] / length
        direction = direction / np.abs(direction).max()
        inner = [names[t], *names[t + 1 : 2 * t + 1], *names[:t], *names[2 * t + 1 :]]  # in the order of q
        terms = [
            f"{c:+.2g}·{'ln ' if name.endswith(('amplitude', 'constant')) else ''}{_SYMBOL[name]}"
            for c, name in zip(direction, inner, strict=True)
            if abs(c) > 0.02
        ]
        said.append(
            f"a flat valley: the table hardly changes along {' '.join(terms)} (amplitudes at the middle of the table)"
        )
    for name in names:
        low, high = interval[name]
        wide = name.endswith("exponent") and high - low > 1.5
        if name == "irreducible":
            open_ended = low <= 0.0 or not math.isfinite(high)
        elif name.endswith("exponent"):
            open_ended = low <= 0.0 or high >= STEEPEST or wide
        else:
            open_ended = low <= 0.0 or not math.isfinite(high) or high > 1e4 * max(low, 1e-300)
        if open_ended:
            said.append(
                f"{name} ({_SYMBOL[name]}) is not resolved: {value[name]:.3g}, 95 % from {low:.3g} to {high:.3g}"
            )
    return condition, tuple(said)


__all__ = ["EFFICIENT", "FORMS", "NAMES", "JointPowerLawFit", "effective_data", "fit_joint_power_law"]
