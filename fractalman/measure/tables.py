"""Reading anybody's numbers: points with a target, and tables of losses."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError, nearest
from fractalman.measure.dimension import dimensions
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
