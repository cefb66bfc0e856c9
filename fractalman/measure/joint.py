"""The joint scaling law L(P, n) = E + A·P^-α_P + B·n^-α_D, fitted to a table of models, sizes and losses.

P = parameters, n = data (points, tokens), E = irreducible loss. Residuals are those of ln L. Two further forms are in
use: data seen several times, and a loss that rises again with data per parameter. How a fit is found stands in
`surfaces`, how its errors come about in `sandwich` (which noise) and `profiles` (how lopsided).

Which error is printed was decided by a coverage study, datasets/statistics/joint_fits.md: rows err independently unless
the rows of one model size, or of one data size, are seen to err together.

Source: Hoffmann et al., arXiv 2203.15556, for the law; Muennighoff et al., arXiv 2305.16264, for repeated data.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from fractalman._arguments import checked_arguments
from fractalman._typing import F64, I64
from fractalman.config import is_word, shown
from fractalman.errors import FitError, nearest
from fractalman.measure import sandwich
from fractalman.measure.curves import copies, unmasked
from fractalman.measure.joint_result import NAMES, SYMBOL, JointPowerLawFit, effective_data
from fractalman.measure.labels import group_numbers, same_size
from fractalman.measure.profiles import profile_interval
from fractalman.measure.sandwich import Covariance, Scores
from fractalman.measure.scaling import student_t_real
from fractalman.measure.surfaces import STEEPEST, Surface, check_threshold, robust

FORMS = ("plain", "repeated", "overtraining")
ERRORS = ("residuals", "rows", "groups")
_LOST = 10.0  # a standard error so many times the value, or so large on a logarithm, is that of an open direction
_TOGETHER = 0.02  # share of ln n_data's spread that ln n_params does not explain, below which they are one axis
_FALSE_OUTLIERS = 0.05  # how often a table of normal noise has one outlier or more


@checked_arguments
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
        Threshold on the distance of ln L_fit from ln L beyond which a residual counts linearly; None = 1.345 standard
        deviations of the noise, estimated from the table; a number reproduces published fits.
    groups : (points,) array_like, optional
        Labels of what varies together (a seed, a run): errors are then those between groups.
    form : {"plain", "repeated", "overtraining"}
        L = E + A·P^-α_P + B·n^-α_D; with n replaced by its effective number where data were seen again (needs
        ``unique``); or with a further term O·(n/P)^α_O.
    unique : (points,) array_like, optional
        Distinct data of each row, for the form "repeated".
    errors : {"residuals", "rows", "groups"}, optional
        Whose scatter the errors are; None = between groups where groups are given, else between rows, or between model
        sizes or data sizes where rows of one size are seen to err together, by an offset or by a tilt along the other
        size (the wider of both where that is not sure); "groups" without groups = model sizes.

    Returns
    -------
    JointPowerLawFit
        All parameters with errors and intervals, and what the table leaves open.

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
    if not is_word(form, FORMS):
        raise FitError(f"form = {shown(form)}: expected {', '.join(FORMS)}{nearest(form, FORMS)}")
    if errors is not None and not is_word(errors, ERRORS):
        raise FitError(f"errors = {shown(errors)}: expected {', '.join(ERRORS)}{nearest(errors, ERRORS)}")
    if huber is not None:
        check_threshold(huber)
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
    covariance, kind, said = _errors(found, surface, (P, n), labels, errors, threshold)
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
    again = copies([*table.values(), *([] if labels is None else [labels])])
    if again.any():
        rows = ", ".join(str(row) for row in np.flatnonzero(~gaps)[again][:8].tolist())
        more = " …" if again.sum() > 8 else ""
        warnings.append(f"{int(again.sum())} rows copy others, sizes and loss alike: left out ({rows}{more})")
        table = {name: values[~again] for name, values in table.items()}
        labels = None if labels is None else labels[~again]
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
    found: Scores, surface: Surface, table: tuple[F64, F64], labels: I64 | None, errors: str | None, threshold: float
) -> tuple[Covariance, str, list[str]]:
    """Return the covariance that is printed, whose scatter it is, and what must be said of it."""
    P, n = table
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
    sizes = {"model": same_size(P), "data": same_size(n)}
    along = {"model": surface.axes[1], "data": surface.axes[0]}
    few = int(sizes["model"].max()) + 1
    if errors == "groups":
        if few < 4:
            raise FitError(f"{few} model sizes: errors between them need 4 or more; use errors='rows' or groups=…")
        return sandwich.between_groups(found, sizes["model"]), "groups", []
    told = [name for name, number in sizes.items() if int(number.max()) + 1 >= 4]
    said = [
        f"{int(number.max()) + 1} {name} sizes: what rows of one size share cannot be told from the law and is not in "
        "the errors"
        for name, number in sizes.items()
        if name not in told
    ]
    if not told or not math.isfinite(threshold):  # without noise there is nothing to share
        return sandwich.between_rows(found), "rows", said
    covariance, p_values = sandwich.honest(found, [(sizes[name], along[name]) for name in told])
    value = dict(zip(told, p_values, strict=True))
    sure = [name for name in told if sandwich.certain(value[name], sizes[name])]
    unsure = [name for name in told if value[name] < sandwich.SHARED and name not in sure]
    for name in sure:
        said.append(
            f"rows of one {name} size err together (p = {value[name]:.2g}): errors are those between {name} sizes"
        )
    for name in unsure:
        said.append(f"rows of one {name} size may err together (p = {value[name]:.2g}): the wider error is given")
    kind = ["groups"] if sure else ["rows"]
    return covariance, " and ".join(kind + [f"{name} sizes" for name in unsure]), said


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
        value, error = float(theta[k]), float(errors[k])
        low, high = profile_interval(surface, best, threshold, k, error, rise)
        if error > (_LOST if k > surface.n_terms else _LOST * abs(value)):  # a direction that the table leaves open
            low, high = (
                (-math.inf, math.inf) if k > surface.n_terms else (0.0, high if k == surface.n_terms else math.inf)
            )
        if name.endswith("amplitude") or name == "epochs_constant":
            value = math.exp(min(value, 700.0))
            low, high = (math.exp(max(end, -745.0)) if end < 700.0 else math.inf for end in (low, high))
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
            f"{c:+.2g}·{'ln ' if name.endswith(('amplitude', 'constant')) else ''}{SYMBOL[name]}"
            for c, name in zip(direction, inner, strict=True)
            if abs(c) > 0.02
        ]
        said.append(
            f"a flat valley: the table hardly changes along {' '.join(terms)} (amplitudes at the middle of the table)"
        )
    if _rise_together(surface):
        said.append(
            "n_params and n_data rise together in every row: which term is whose the table cannot say; "
            + ", ".join(f"{name} ({SYMBOL[name]})" for name in (*NAMES[:2], *NAMES[3:]))
            + " may be exchanged"
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
                f"{name} ({SYMBOL[name]}) is not resolved: {value[name]:.3g}, 95 % from {low:.3g} to {high:.3g}"
            )
    return condition, tuple(said)


def _rise_together(surface: Surface) -> bool:
    """Whether one power of the parameters is the data, so that the law is a sum of two powers of one size."""
    x, y = (column - column.mean() for column in surface.x[:2])
    return bool(x @ y > 0.0 and np.square(y - x * (x @ y) / (x @ x)).sum() < _TOGETHER**2 * (y @ y))


__all__ = ["FORMS", "NAMES", "JointPowerLawFit", "effective_data", "fit_joint_power_law"]
