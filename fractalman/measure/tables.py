"""Reading anybody's numbers: points with a target, and tables of losses."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError, nearest
from fractalman.measure.comparison import compare_laws, window_sensitivity
from fractalman.measure.dimension import dimensions
from fractalman.measure.joint import fit_joint_power_law
from fractalman.measure.scaling import fit_power_law
from fractalman.measure.smoothness import smoothness

POINT_FILES = (".npz", ".npy", ".csv")
"""How the names of files with anybody's points end."""
DATA_FILES = (*POINT_FILES, ".h5")
"""The same with HDF5, which may also be a fractalman file, read as anybody's."""
_TARGETS = ("y", "target", "label")


def read_points(path: str | Path, target: str | None = None) -> tuple[F64, F64 | None]:
    """Return (X, y) from a file of features and a target; y is None where the file has none.

    Args:
        path: .npz or .h5 with arrays X and y; .npy with a table of features; .csv with a header line, the target in a
            column named y, target or label.
        target: where else the target is: the name of a column of a .csv or of an array of a .npz or .h5, or a .npy file
            of n numbers.
    Errors: RecipeError naming what was found and what is allowed.
    """
    file = Path(path)
    _check(file)
    X, y = _points(file, None if target is None or target.endswith(".npy") else target)
    if target is not None and target.endswith(".npy"):
        _check(Path(target))
        found = _loaded(Path(target))
        y = _target(Path(target), "the array", found, len(X))
    return X, y


def _points(file: Path, target: str | None) -> tuple[F64, F64 | None]:
    if file.suffix == ".csv":
        names, table = read_csv(file)
        if target is not None and target not in names:
            raise RecipeError(
                f"{file} has no column {target!r}: allowed are {', '.join(names)}{nearest(target, names)}"
            )
        target = target or next((name for name in names if name in _TARGETS), None)
        features = [i for i, name in enumerate(names) if name != target]
        if not features:
            raise RecipeError(f"{file} has no feature columns: allowed are columns of numbers beside the target")
        return table[:, features], None if target is None else table[:, names.index(target)]
    if file.suffix == ".npy":
        if target is not None:
            raise RecipeError(f"{file} is one array without names: allowed as the target is a .npy file of n numbers")
        return _table(file, "the array", _loaded(file)), None
    arrays = _hdf5(file, target) if file.suffix == ".h5" else _archive(file, target)
    X = _table(file, "X", arrays["X"])
    name = target or "y"
    return X, _target(file, name, arrays[name], len(X)) if name in arrays else None


def _loaded(file: Path) -> Any:
    """The one array of a .npy file."""
    try:
        with file.open("rb") as stream:
            found = np.load(stream, allow_pickle=False)
            if not isinstance(found, np.ndarray):
                raise RecipeError(f"{file} is an archive of several arrays: rename it to end in .npz")
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise _no_numpy(file, error) from None
    return found


def _no_numpy(file: Path, error: Exception) -> RecipeError:
    return (
        error
        if isinstance(error, RecipeError)
        else RecipeError(f"{file} is no NumPy file of numbers ({error}): allowed are arrays saved by numpy")
    )


def _archive(file: Path, target: str | None) -> dict[str, Any]:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as loaded:
            if isinstance(loaded, np.ndarray):
                raise RecipeError(f"{file} is a single array: rename it to end in .npy")
            return _named(file, loaded, list(loaded.files), target)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise _no_numpy(file, error) from None


def _hdf5(file: Path, target: str | None) -> dict[str, Any]:
    import h5py

    try:
        with h5py.File(file, "r") as loaded:
            return _named(file, loaded, [name for name in loaded if isinstance(loaded[name], h5py.Dataset)], target)
    except OSError as error:
        raise RecipeError(
            f"{file} is no intact HDF5 file ({error}): allowed is one with arrays X (n, d) and y"
        ) from None


def _named(file: Path, loaded: Any, found: list[str], target: str | None) -> dict[str, Any]:
    if "X" not in found or (target is not None and target not in found):
        missing = "X" if "X" not in found else target
        raise RecipeError(
            f"{file} holds {', '.join(found) or 'nothing'} and no {missing}: allowed is an archive with X (n, d) and, "
            "with a target, y (n,)"
        )
    return {name: np.asarray(loaded[name][...]) for name in ("X", target or "y") if name in found}


def _target(file: Path, name: str, y: Any, n: int) -> F64:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or y.dtype.kind not in "fiu" or len(y) != n:
        raise RecipeError(f"{file}: {name} is {y.dtype} of shape {y.shape}: allowed are {n} numbers")
    return np.asarray(y, np.float64)


def _check(file: Path) -> None:
    if file.is_dir():
        raise RecipeError(f"{file} is a directory: name a file that ends in {', '.join(DATA_FILES)}")
    if not file.exists():
        raise RecipeError(f"{file} does not exist: name a file that ends in {', '.join(DATA_FILES)}")
    if file.suffix not in DATA_FILES:
        raise RecipeError(f"{file} ends in {file.suffix or 'nothing'!r}: allowed are {', '.join(DATA_FILES)}")


def _table(file: Path, name: str, array: Any) -> F64:
    if array.ndim < 2 or array.dtype.kind not in "fiu" or not array.size:
        raise RecipeError(
            f"{file}: {name} is {array.dtype} of shape {array.shape}: allowed is a table (n, d) of numbers"
        )
    return np.asarray(array.reshape(len(array), -1), np.float64)


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


def measure_points(path: str | Path, nugget: bool = False) -> dict[str, Any]:
    """Return the dimension of a file's points and, where it has a target, its smoothness, as plain JSON values.

    Args:
        path: as for `read_points`. nugget: fit label noise beside the power laws.
    Errors: RecipeError, FitError.
    """
    X, y = read_points(path)
    found = dimensions(X)
    out: dict[str, Any] = {
        "points": int(X.shape[0]),
        "coordinates": int(X.shape[1]),
        "dimension": {
            name: {
                "value": d.value,
                "standard_error": d.standard_error,
                "interval": list(d.interval),
                "window": list(d.window),
                "lower_half": d.lower,
                "upper_half": d.upper,
                "ties": d.ties,
                "warnings": list(d.warnings),
            }
            for name, d in found.items()
        },
        "label": None,
    }
    if y is not None:
        s = smoothness(X, y, nugget=nugget)
        out["label"] = {
            "variance": s.variance,
            "variogram_exponent": {"value": s.variogram.value, "standard_error": s.variogram.standard_error},
            "nugget": s.variogram.floor,
            "neighbour_exponent": {"value": s.neighbours.value, "standard_error": s.neighbours.standard_error},
            "variogram": [
                {"distance": r, "value": v} for r, v in zip(s.distance.tolist(), s.difference.tolist(), strict=True)
            ],
            "warnings": list(s.warnings),
        }
    return out


def measure_scaling(path: str | Path, huber: float | None = None) -> dict[str, Any]:
    """Return the fits that a table of losses allows, as plain JSON values.

    Args:
        path: .csv with a header: loss and n (one axis), or loss, n_params and n_data (both); a column seed makes errors
            those between seeds.
        huber: threshold of the joint fit, as for `fit_joint_power_law`.
    Errors: RecipeError for columns that are missing or unknown; FitError for what cannot be fitted.
    """
    file = Path(path)
    _check(file)
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
