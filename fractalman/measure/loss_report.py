"""What `fractalman measure --scaling TABLE` prints: every fit that a table of losses allows, as plain JSON values.

One fit that cannot be made never takes the others down: its place says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._typing import F64, I64, Bool
from fractalman.config import listed, shown
from fractalman.errors import FitError, RecipeError
from fractalman.measure.columns import AXES, LossTable, copied, quoted, read_losses
from fractalman.measure.comparison import window_sensitivity
from fractalman.measure.compute_law import ComputeLawFit, fit_compute_law
from fractalman.measure.curves import copies
from fractalman.measure.frontier import FLOP_PER, approaches, optimum
from fractalman.measure.headers import recognised
from fractalman.measure.joint import fit_joint_power_law
from fractalman.measure.joint_result import JointPowerLawFit
from fractalman.measure.law_comparison import compare_laws
from fractalman.measure.measured import Measured
from fractalman.measure.number_text import number
from fractalman.measure.scaling import PowerLawFit, fit_power_law
from fractalman.measure.serial import slope_error

_ODD = 10.0  # parameters for each datum, or unlike ratios of compute, from which something is said
_APART = 1.5  # compute by the table and by the rule
_SHOWN_SIZES = 24  # windows are listed between so many of the sizes; their spread is that of all
_LAWS = {
    "plain": "L = E + A·P^-model_exponent + B·n^-data_exponent",
    "repeated": "L = E + A·P^-model_exponent + B·n'^-data_exponent, n' the effective number of data",
    "overtraining": "L = E + A·P^-model_exponent + B·n^-data_exponent + O·(n/P)^overtraining_exponent",
}


@checked_arguments
def measure_scaling(
    source: Any,
    huber: float | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    where: Mapping[str, str] | None = None,
    window: tuple[float | None, float | None] | None = None,
    trials: float | None = None,
    form: str | None = None,
    budgets: Sequence[float] | None = None,
    cost: float = FLOP_PER,
) -> Measured:
    """Return the fits that a table of losses allows, as plain JSON values.

    Parameters
    ----------
    source : path or DataFrame
        A table with a header, as text, JSON, Parquet or Excel: losses, and sizes on one axis (n,
        parameters, tokens or compute) or on two (parameters and tokens). Columns are recognised by their usual names;
        a column of seeds makes errors those between seeds.
    huber : float, optional
        Threshold of the joint fit, as for `fit_joint_power_law`.
    columns : dict, optional
        {role: column} for names that say nothing, as for `read_losses`.
    where : dict, optional
        {column: value}: only these rows.
    window : (low, high), optional
        Use sizes between these only, on the one axis; None for an open end.
    trials : float, optional
        Test cases behind each error rate or accuracy; a column n_test says the same.
    form : {"plain", "repeated", "overtraining"}, optional
        Of the joint law; None = "repeated" where the table has distinct data that were seen again, else "plain".
    budgets : sequence of float, optional
        Compute for which the optimum is wanted; None = powers of ten around the table's.
    cost : float, default 6
        k of C = k·P·n.

    Returns
    -------
    Measured
        A dict, whose text is its answers: ``read`` says how columns were understood; the rest are fits.

    Raises
    ------
    RecipeError
        For columns that are missing, twice there, or could mean two things.
    FitError
        For what cannot be fitted at all.

    Examples
    --------
    >>> import fractalman as fm
    >>> from pathlib import Path
    >>> _ = Path("losses.csv").write_text("n,loss" + "".join(f"{chr(10)}{n},{n**-0.5}" for n in (16, 64, 256, 1024)))
    >>> found = fm.measure.measure_scaling("losses.csv")
    >>> sorted(found)
    ['curves', 'floor', 'law', 'logarithm', 'power', 'sizes', 'windows']
    """
    table = read_losses(source, columns, where)
    out: dict[str, Any] = {"read": list(table.said)} if table.said else {}
    axes: list[str] = [axis for axis in AXES if axis in table.column]
    said = _second_axis(table, axes, cost)
    if form is not None and not {"n_params", "n_data"} <= set(table.column):
        raise RecipeError(
            f"form {shown(form)} is one of a joint law; expected columns n_params and n_data, found {listed(axes)}"
        )
    said += [] if form is not None else _constant_axis(table, axes)
    if said:
        out.setdefault("read", []).extend(said)
    if {"n_params", "n_data"} <= set(table.column):
        if trials is not None or window is not None:
            raise RecipeError("window and trials belong to a table with one axis; leave them out of a joint fit")
        return Measured(out | _joint(table, huber, form, budgets, cost))
    return Measured(out | _one_axis(table, axes[0], huber, window, trials))


def fit_of_table(
    source: Any,
    huber: float | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    where: Mapping[str, str] | None = None,
    window: tuple[float | None, float | None] | None = None,
    form: str | None = None,
) -> JointPowerLawFit | ComputeLawFit | PowerLawFit:
    """Return the fit that `measure_scaling` describes first, for a figure; parameters and errors as there.

    Parameters
    ----------
    source, huber, columns, where, window, form
        As for `measure_scaling`.

    Returns
    -------
    JointPowerLawFit, ComputeLawFit or PowerLawFit
        The joint law of two axes, the law of compute of budgets that stand in several rows, else the power law.
    """
    table = read_losses(source, columns, where)
    axes: list[str] = [axis for axis in AXES if axis in table.column]
    _second_axis(table, axes, FLOP_PER)
    if form is None:
        _constant_axis(table, axes)
    if {"n_params", "n_data"} <= set(table.column):
        P, n, L, unique = (table.column.get(name) for name in ("n_params", "n_data", "loss", "unique"))
        if P is None or n is None or L is None:
            raise FitError(f"{table.source}: expected columns of parameters, data and loss")
        again = unique is not None and bool((n > 1.0001 * unique).any())
        chosen = form or ("repeated" if again else "plain")
        return fit_joint_power_law(
            P, n, L, huber, _groups(table)[0], form=chosen, unique=unique if chosen == "repeated" else None
        )
    if _several(table, axes[0]):
        return fit_compute_law(table.column["compute"], table.column["loss"], huber, table.labels)
    n, loss, _ = _curves(table, axes[0], [])
    return fit_power_law(n, loss, window=window)


def _constant_axis(table: LossTable, axes: list[str]) -> list[str]:
    """Drop parameters or data that are the same in every row, so that the fit is along the other, and say so."""
    both = {"n_params": "n_data", "n_data": "n_params"}
    same = [axis for axis in both if axis in table.column and np.ptp(table.column[axis]) == 0.0]
    if len(same) != 1 or both[same[0]] not in table.column:
        return []
    (axis,), other = same, both[same[0]]
    value = table.column.pop(axis)[0]
    if "compute" in table.column:
        del table.column["compute"]
    axes[:] = [other]
    return [f"{table.header[axis]} is {value:g} in every row: fitted along {table.header[other]} alone"]


def _second_axis(table: LossTable, axes: Sequence[str], cost: float) -> list[str]:
    """Complete parameters or data from compute, or data from distinct data and passes over them, and say so."""
    if "unique" in table.column and "n_data" not in axes and "compute" not in axes:
        distinct = table.header["unique"]
        passes = next((name for name in table.others if recognised(name) == ("passes", 1.0)), None)
        if passes is None:
            raise RecipeError(
                f"{table.source}: {distinct} is how much is distinct, and no column says how much was seen; expected "
                f"tokens or epochs; use --columns n_data={distinct} where all was seen once"
            )
        times = np.array([number(cell) for cell in table.others[passes]], np.float64)  # None becomes nan
        if not (times > 0.0).all():
            row = int(np.argmin(np.where(np.isfinite(times), times, -np.inf)))
            raise RecipeError(f"{table.source}, row {table.row(row)}: {passes} is no number > 0: expected passes")
        table.column["n_data"] = table.column["unique"] * times
        table.header["n_data"] = passes
        return [f"n_data is {distinct}·{passes}"]
    for have, want in (("n_params", "n_data"), ("n_data", "n_params")):
        if have in axes and "compute" in axes and want not in axes:
            table.column[want] = table.column["compute"] / (cost * table.column[have])
            table.header[want] = table.header["compute"]
            return [f"{want} is {table.header['compute']}/({cost:g}·{table.header[have]})"]
    return []


# ---------------------------------------------------------------------------------------------------- joint


def _joint(
    table: LossTable, huber: float | None, form: str | None, budgets: Sequence[float] | None, cost: float
) -> dict[str, Any]:
    P, n, L = (table.column[name] for name in ("n_params", "n_data", "loss"))
    unique = table.column.get("unique")
    again = unique is not None and bool((n > 1.0001 * unique).any())
    chosen = form or ("repeated" if again else "plain")
    if chosen == "repeated" and unique is None:
        raise RecipeError(f"{table.source}: the form 'repeated' needs distinct data; use --columns unique=NAME")
    if not (L > 0.0).all():
        row = int(np.argmin(L))
        raise FitError(
            f"{table.source}, row {table.row(row)}: {table.header['loss']} = {L[row]:.6g}; a joint law needs losses > 0"
        )
    labels, few = _groups(table)
    few += _unlikely(table, cost)
    keep = ~copies([a for a in (P, n, L, unique if chosen == "repeated" else None, labels) if a is not None])
    few += copied(table.lines, keep)
    table = replace(table, lines=table.lines[keep], column={name: c[keep] for name, c in table.column.items()})
    P, n, L, unique = P[keep], n[keep], L[keep], None if unique is None else unique[keep]
    labels = None if labels is None else labels[keep]
    fit = fit_joint_power_law(P, n, L, huber, labels, form=chosen, unique=unique if chosen == "repeated" else None)
    out: dict[str, Any] = {
        "law": _LAWS[fit.form],
        "points": int(fit.residual.size),
        **{
            row["parameter"]: {
                "value": row["value"], "standard_error": _finite(row["standard_error"]),
                "interval": [_finite(row["low"]), _finite(row["high"])],
            }
            for row in fit.parameters()
        },
        "errors": fit.errors,
        "noise": fit.noise,
        "huber": _finite(fit.huber),
        "outliers": [table.row(int(row)) for row in fit.outliers],
        "influence": _influence(table, fit),
        "condition_number": _finite(fit.condition_number),
        "unresolved": list(fit.unresolved),
        "warnings": [*table.warnings, *few, *fit.warnings],
    }  # fmt: skip
    if fit.form != "overtraining":
        interval = fit.frontier_interval
        out["frontier"] = {
            name: {"value": _finite(value), "interval": [_finite(end) for end in interval[name]]}
            for name, value in fit.frontier.items()
        }
        out["approaches"] = [
            {
                "approach": found.name, "params": _finite(found.params), "from": _finite(found.interval["params"][0]),
                "to": _finite(found.interval["params"][1]), "data": _finite(found.data), "remark": found.remark,
            }
            for found in approaches(fit, cost, table.column.get("compute"))
        ]  # fmt: skip
    try:
        best = optimum(fit, _budgets(fit, budgets, cost), cost)
        out["optimum"] = [{k: _finite(v) for k, v in row.items()} for row in best.rows()]
    except FitError as error:
        out["optimum"] = f"not given: {error}"
    return out


def _unlikely(table: LossTable, cost: float) -> list[str]:
    """Say that parameters and data may have changed places, and that a column of compute is another one's."""
    said = []
    ratio = table.column["n_data"] / table.column["n_params"]
    if float(np.median(ratio)) < 1.0 / _ODD:
        said.append(
            f"{table.header['n_data']} is {np.median(ratio):.2g} times {table.header['n_params']} in the middle row: "
            "if they changed places, use --columns n_params=NAME,n_data=NAME"
        )
    if "compute" in table.column:
        factor = table.column["compute"] / (table.column["n_params"] * table.column["n_data"])
        middle, low, high = float(np.median(factor)), float(factor.min()), float(factor.max())
        if not cost / _APART < middle < cost * _APART or high > _ODD * low:
            said.append(
                f"{table.header['compute']} is {middle:.3g}·parameters·data in the middle row ({low:.3g} … {high:.3g}) "
                f"and budgets are counted with {cost:g}; use --cost {middle:.3g} for the column's own"
            )
    return said


def _groups(table: LossTable) -> tuple[I64 | None, list[str]]:
    """The groups of a joint fit, none where they are too few for errors between them, and what is to be said."""
    count = 0 if table.labels is None else np.unique(table.labels).size
    if count in (0, 1) or count > 2:
        return (table.labels if count > 2 else None), []
    return None, [f"{count} seeds: errors between them need 3 or more; those of rows are given"]


def _budgets(fit: JointPowerLawFit, asked: Sequence[float] | None, cost: float) -> Sequence[float]:
    if asked:
        return asked
    spent = np.log10(cost * fit.table["n_params"] * fit.table["n_data"])
    return [float(10.0**power) for power in range(math.ceil(spent.min()), math.floor(spent.max()) + 3)]


def _influence(table: LossTable, fit: JointPowerLawFit) -> list[dict[str, Any]]:
    """The groups of rows that hold most up, with the file's own line numbers."""
    out = []
    for found in fit.influence()[:5]:
        lines = [table.row(int(row)) for row in found.rows[:12]]
        out.append(
            {
                "without": found.why, "rows": " ".join(map(str, lines)) + (" …" if found.rows.size > 12 else ""),
                "parameter": found.parameter, "before": found.before, "after": found.after,
                "standard_errors": _finite(abs(found.moved)),
            }
        )  # fmt: skip
    return out


# ---------------------------------------------------------------------------------------------------- one axis


def _one_axis(
    table: LossTable,
    axis: str,
    huber: float | None,
    window: tuple[float | None, float | None] | None,
    trials: float | None,
) -> dict[str, Any]:
    warnings = list(table.warnings)
    law = {"law": "L = A·n^-value" if axis == "n" else f"L = A·{axis}^-value"}
    if _several(table, axis):
        if axis != "compute":
            raise _repeat_refused(table, axis)
        return {**law, **_compute(table, huber), "warnings": warnings}
    n, loss, counts = _curves(table, axis, warnings)
    if table.rates and trials is not None:
        counts = np.full(n.size, float(trials))
    if counts is not None and not table.rates:
        counts = None
        warnings.append("trials are given, but the loss is no rate: they are not used")
    if table.rates and counts is None:
        warnings.append(f"{table.header['loss']} is a rate: with --trials N its errors are those of counting")

    out: dict[str, Any] = {**law, "sizes": n.tolist(), "curves": len(loss)}
    out["power"] = _fitted(lambda: fit_power_law(n, loss, window=window, trials=counts))
    if out["power"].get("value") is None:
        where = f" ({'; '.join(warnings[:4])})" if warnings else ""
        raise FitError(f"{table.source}: {out['power']['warnings'][0]}{where}")
    if n.min() > 1.0:
        out["logarithm"] = _fitted(lambda: fit_power_law(n, loss, window=window, logarithm=True, trials=counts))
    if n.size >= 4:
        out["floor"] = _fitted(lambda: fit_power_law(n, loss, window=window, floor=True, trials=counts))
    low, high = (-math.inf, math.inf) if window is None else (window[0] or -math.inf, window[1] or math.inf)
    inside = (n >= low) & (n <= high)
    inner, losses = n[inside], loss[:, inside]
    if inner.size >= 3:
        out["windows"] = _windows(inner, losses)
    if inner.size >= 6 and inner.min() > 1.0:
        try:
            compared = compare_laws(inner, losses)
            out["held_out"] = [
                {
                    "law": score.law, "error": score.error, "bias": score.bias, "sigma": score.sigma,
                    "excess": score.excess, "excess_error": score.excess_error, "behind": score.behind,
                }
                for score in compared
            ]  # fmt: skip
            out["held_out_says"] = compared.sentence
        except FitError as error:
            out["held_out"] = f"not compared: {error}"
    if axis == "compute" and n.size >= 5 and (loss > 0.0).all():
        out["with_floor_robust"] = _compute(table, huber)
    return out | ({"warnings": warnings} if warnings else {})


def _compute(table: LossTable, huber: float | None) -> dict[str, Any]:
    fit = fit_compute_law(table.column["compute"], table.column["loss"], huber, table.labels)
    return {
        "law": "L = E + K·C^-exponent",
        **{
            row["parameter"]: {
                "value": row["value"], "standard_error": _finite(row["standard_error"]),
                "interval": [_finite(row["low"]), _finite(row["high"])],
            }
            for row in fit.parameters()
        },
        "unresolved": list(fit.unresolved),
    }  # fmt: skip


def _fitted(fit: Callable[[], PowerLawFit]) -> dict[str, Any]:
    try:
        found = fit()
    except FitError as error:
        return {"value": None, "warnings": [f"not fitted: {error}"]}
    out = {
        "value": found.value,
        "standard_error": _finite(found.standard_error),
        "interval": [_finite(end) for end in found.interval],
        "amplitude": found.amplitude,
        "floor": found.floor,
        "curvature": found.curvature,
        "warnings": list(found.warnings),
    }
    if found.floor_interval is not None:
        out["floor_interval"] = [_finite(end) for end in found.floor_interval]
    return out


def _windows(n: F64, loss: F64) -> dict[str, Any]:
    try:
        found = window_sensitivity(n, loss)
    except FitError as error:
        return {"spread": None, "table": [], "warnings": [f"not fitted: {error}"]}
    shown: Bool = np.ones(found.value.size, np.bool_)
    sizes = np.unique(found.window)
    if sizes.size > _SHOWN_SIZES:
        kept = sizes[np.linspace(0, sizes.size - 1, _SHOWN_SIZES).round().astype(int)]
        shown = np.asarray(np.isin(found.window, kept).all(axis=1), np.bool_)
    window, errors = found.window[shown], found.standard_error[shown]
    if len(loss) == 1:  # of 80,000 windows those of independent residuals; of these as the fit's own
        x, y = np.log(n), np.log(loss[0])
        inside = [(n >= low) & (n <= high) for low, high in window]
        errors = np.array([slope_error(x[part], y[part])[0] for part in inside])
    return {
        "spread": found.spread,
        "windows": int(found.value.size),
        "table": [
            {"from": float(a), "to": float(b), "value": float(v), "standard_error": float(e)}
            for (a, b), v, e in zip(window, found.value[shown], errors, strict=True)
        ],
    }


def _several(table: LossTable, axis: str) -> bool:
    labels = np.zeros(table.lines.size) if table.labels is None else table.labels
    return bool(np.unique(np.stack([table.column[axis], labels]), axis=1).shape[1] != table.lines.size)


def _repeat_refused(table: LossTable, axis: str) -> RecipeError:
    """What two rows of one size and seed are, as far as the table says."""
    labels = np.zeros(table.lines.size, np.int64) if table.labels is None else table.labels
    _, where = np.unique(np.stack([table.column[axis], labels]), axis=1, return_inverse=True)
    first, second = np.flatnonzero(where.ravel() == np.argmax(np.bincount(where.ravel()) > 1))[:2].tolist()
    of_seed = "" if table.labels is None else " and seed"
    rows = f"{table.source}, rows {table.row(first)} and {table.row(second)} have one {table.header[axis]}{of_seed}"
    unlike = [name for name, cells in table.others.items() if cells[first] != cells[second]]
    if unlike:
        name = unlike[0]
        one = quoted(name, str(table.others[name][first]))
        return RecipeError(
            f"{rows} and differ in {', '.join(unlike[:4])}: expected one row; use --columns {quoted('seed', name)} for "
            f"runs of one kind, --where {one} for one of them, or name another size with --columns, e.g. n_data=NAME"
        )
    counts = np.bincount(where.ravel())
    return RecipeError(
        f"{rows}, and sizes stand in {counts.min()} to {counts.max()} rows: expected one row, or equally many runs at "
        "every size; add a column seed"
    )


def _curves(table: LossTable, axis: str, warnings: list[str]) -> tuple[F64, F64, F64 | None]:
    """Return distinct sizes, losses as (curves, sizes) and test cases; gaps are nan, and named by seed and size."""
    n, loss = table.column[axis], table.column["loss"]
    sizes = np.unique(n)
    labels = np.zeros(n.size, np.int64) if table.labels is None else table.labels
    names = np.unique(labels)
    out = np.full((names.size, sizes.size), np.nan)
    at = np.searchsorted(sizes, n)
    out[np.searchsorted(names, labels), at] = loss
    for row, size in np.argwhere(np.isnan(out))[:4].tolist():
        warnings.append(f"no row of seed {table.label_names[names[row]]} at {table.header[axis]} = {sizes[size]:g}")
    counts = None
    if "trials" in table.column:
        counts = np.zeros(sizes.size)
        np.maximum.at(counts, at, table.column["trials"])
    return sizes, out, counts


def _finite(value: Any) -> Any:
    """JSON has no inf and no nan: an end that is open is None."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
