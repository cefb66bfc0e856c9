"""Reading anybody's numbers: points with a target, and tables of losses."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError, nearest
from fractalman.measure.comparison import compare_laws, window_sensitivity
from fractalman.measure.joint import fit_joint_power_law
from fractalman.measure.scaling import fit_power_law
from fractalman.measure.user_files import check_file


def read_csv(path: str | Path) -> tuple[list[str], F64]:
    """Return the column names and the numbers of a CSV file with a header line.

    Errors: RecipeError naming the line and column of the first cell that is no number.
    """
    file = Path(path)
    with file.open(newline="", encoding="utf-8-sig") as stream:
        try:
            lines = [row for row in csv.reader(stream) if row]
        except (UnicodeDecodeError, csv.Error) as error:
            raise RecipeError(
                f"{file} is no CSV text ({error}): allowed is a header line and rows of numbers"
            ) from None
    if len(lines) < 2:
        raise RecipeError(f"{file} has {len(lines)} lines: allowed is a header line and rows of numbers")
    names, rows = [name.strip() for name in lines[0]], []
    for number, cells in enumerate(lines[1:], start=2):
        if len(cells) != len(names):
            raise RecipeError(
                f"{file}, row {number} has {len(cells)} cells: required are {len(names)}, as in the header"
            )
        for name, cell in zip(names, cells, strict=True):
            try:
                float(cell)
            except ValueError:
                raise RecipeError(f"{file}, row {number}, column {name!r}: {cell!r} is no number") from None
        rows.append([float(cell) for cell in cells])
    return names, np.array(rows)


def measure_scaling(path: str | Path, huber: float | None = None) -> dict[str, Any]:
    """Return the fits that a table of losses allows, as plain JSON values.

    Args:
        path: .csv with a header: loss and n (one axis), or loss, n_params and n_data (both); a column seed makes errors
            those between seeds.
        huber: threshold of the joint fit, as for `fit_joint_power_law`.
    Errors: RecipeError for columns that are missing or unknown; FitError for what cannot be fitted.
    """
    file = Path(path)
    check_file(file)
    names, table = read_csv(file)
    column = {name: table[:, i] for i, name in enumerate(names)}
    allowed = ("loss", "n", "n_params", "n_data", "seed")
    for name in names:
        if name not in allowed:
            raise RecipeError(
                f"{file}: unknown column {name!r}: allowed are {', '.join(allowed)}{nearest(name, allowed)}"
            )
    if "loss" not in column or ("n" in column) == ("n_params" in column and "n_data" in column):
        raise RecipeError(
            f"{file} has columns {', '.join(names)}: required are loss and n, or loss, n_params and n_data"
        )
    seed = column.get("seed")
    if "n" not in column:
        fit = fit_joint_power_law(column["n_params"], column["n_data"], column["loss"], huber, seed)
        return {
            "law": "L = E + A·P^-model_exponent + B·n^-data_exponent",
            "points": int(fit.residual.size),
            **{
                name: {
                    "value": getattr(fit, name),
                    "standard_error": fit.standard_error[name],
                    "interval": list(interval),
                }
                for name, interval in fit.interval.items()
            },
            "frontier": fit.frontier,
            "huber": fit.huber if np.isfinite(fit.huber) else None,
            "outliers": [int(row) + 2 for row in fit.outliers],  # lines of the file
            "condition_number": fit.condition_number,
            "unresolved": list(fit.unresolved),
            "warnings": list(fit.warnings),
        }
    n, loss = _curves(file, column["n"], column["loss"], seed)
    out: dict[str, Any] = {"law": "L = A·n^-value", "sizes": n.tolist(), "curves": len(loss)}
    plain = fit_power_law(n, loss)
    out["power"] = _plain(plain)
    if n.min() > 1.0:
        out["logarithm"] = _plain(fit_power_law(n, loss, logarithm=True))
    if n.size >= 4:
        out["floor"] = _plain(fit_power_law(n, loss, floor=True))
    if n.size >= 3:
        sensitivity = window_sensitivity(n, loss)
        out["windows"] = {
            "spread": sensitivity.spread,
            "table": [
                {"from": float(a), "to": float(b), "value": float(v), "standard_error": float(e)}
                for (a, b), v, e in zip(sensitivity.window, sensitivity.value, sensitivity.standard_error, strict=True)
            ],
        }
    if n.size >= 6 and n.min() > 1.0:
        out["held_out"] = [
            {"law": score.law, "error": score.error, "bias": score.bias, "sigma": score.sigma}
            for score in compare_laws(n, loss)
        ]
    return out


def _curves(file: Path, n: F64, loss: F64, seed: F64 | None) -> tuple[F64, F64]:
    """Return distinct sizes and the losses as (curves, sizes)."""
    sizes = np.unique(n)
    seeds = np.zeros(n.size) if seed is None else seed
    names = np.unique(seeds)
    out = np.full((names.size, sizes.size), np.nan)
    where = np.searchsorted(names, seeds), np.searchsorted(sizes, n)
    if np.unique(np.stack(where), axis=1).shape[1] != n.size:
        raise RecipeError(f"{file} has several rows of one size and one seed: required is one; add a column seed")
    out[where] = loss
    if np.isnan(out).any():
        row, size = np.argwhere(np.isnan(out))[0]
        raise RecipeError(
            f"{file} has no row of seed {names[row]:g} at n = {sizes[size]:g}: required are all sizes of all"
        )
    return sizes, out


def _plain(fit: Any) -> dict[str, Any]:
    return {
        "value": fit.value,
        "standard_error": fit.standard_error,
        "interval": list(fit.interval),
        "amplitude": fit.amplitude,
        "floor": fit.floor,
        "curvature": fit.curvature,
        "warnings": list(fit.warnings),
    }
