"""Files of points as people have them: arrays, tables, HDF5 and AnnData, with a target or without.

What is taken for the target, and what is left out, is said in `UserPoints.notes`.
"""

from __future__ import annotations

import importlib
import os
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._files import as_path, nearby, ordinary_file
from fractalman._typing import F64
from fractalman.config import listed, shown
from fractalman.datasets.exchange.archives import BROKEN, reason_of, refuse_unreadable_members
from fractalman.display import Display
from fractalman.errors import MissingExtraError, RecipeError, nearest
from fractalman.measure.cells import Cells, plain
from fractalman.measure.hdf5_arrays import array_names, stored_array
from fractalman.measure.number_text import number
from fractalman.measure.outside import damage_refused, refuse_outside, refuse_too_large, refuse_unreadable
from fractalman.measure.point_columns import index_columns, steady_notes, vector_column, vectors_of, word_columns
from fractalman.measure.point_tables import TARGET_NAMES, sounds_like_a_target
from fractalman.measure.table_files import KINDS, TABLE_FILES, read_cells, table_kind
from fractalman.measure.targets import TargetError, as_target
from fractalman.measure.zarr_arrays import ZARR, ZarrArrays, is_anndata, is_zarr

POINT_FILES = (".npz", ".npy", *TABLE_FILES, ".h5ad", ZARR)
"""How the names of files with anybody's points end."""
DATA_FILES = (*POINT_FILES, ".h5", ".hdf5", ".nc")
"""The same with HDF5 and netCDF 4, which is HDF5; an HDF5 file may also be a fractalman file: its columns X and y,
checked as they are read."""
_EXPECTED = f".npz, .npy, .h5ad, .h5, .hdf5, .nc, {KINDS}"
_POINT_NAMES = ("X", "x", "data", "features", "embeddings")
_TABLE = "a table (n, d) of numbers"


@dataclass(frozen=True)
class UserPoints(Display):
    """Points and their target as a file holds them.

    Parameters
    ----------
    X : (n, d) array or scipy.sparse matrix
        Coordinates.
    y : (n,) float64 or None
        Target; classes as 0, 1, …; None without a target.
    classes : tuple of str or None
        What 0, 1, … stand for, where the target is words or truth values; None otherwise.
    target : str or None
        The name of the target's column or array; None without one.
    notes : tuple of str
        Sentences about what was taken for what.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> np.save("points.npy", np.zeros((4, 2)))
    >>> fm.measure.read_user_points("points.npy").y is None
    True
    """

    X: Any
    y: F64 | None
    classes: tuple[str, ...] | None
    target: str | None
    notes: tuple[str, ...]


@checked_arguments
def read_user_points(path: str | Path, target: str | None = None, points: str | None = None) -> UserPoints:
    """Return the points of a file.

    Parameters
    ----------
    path : str or Path
        .npz, .h5, .hdf5 or a Zarr folder with an array X (or the only table in it); .npy; a table with a header, as for
        `read_cells`, of numbers or with one column of lists; .h5ad. A dataset file of this package is read with its
        digests.
    target : str, default None
        The target's column or array ("group/y" in HDF5, a column of obs in .h5ad), or a .npy file of n numbers; None =
        y, target or label in any case, where there is one.
    points : str, default None
        The array of points: its path in HDF5, a name in a .npz, "layers/NAME", "obsm/NAME" or "raw/X" in a .h5ad;
        None = X.

    Returns
    -------
    UserPoints
        Points, target, and what was taken for what.

    Raises
    ------
    RecipeError
        Naming what was found and what is expected, with the file's own line numbers.
    FileFormatError
        For a damaged dataset file of this package.
    MissingExtraError
        Where a kind of file or a filter needs a package that is absent.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> np.savez("points.npz", X=np.zeros((4, 2)), y=np.arange(4))
    >>> fm.measure.read_user_points("points.npz").target
    'y'
    """
    if not isinstance(path, str | os.PathLike):
        raise RecipeError(
            f"found {type(path).__name__}: expected the path of a file; of an array use measure.dimensions(X) and "
            "predict_own_data(X, y)"
        )
    file = as_path(path, "a file of points")
    check_file(file)
    beside = target if target is not None and target.endswith(".npy") else None
    named = None if beside else target
    kind = file.suffix.lower()
    if table_kind(file) is not None:
        found = _from_table(file, named, points)
    elif kind == ".npy":
        if named is not None or points is not None:
            raise RecipeError(f"{file} is one array without names: expected as the target a .npy file of n numbers")
        found = UserPoints(_table(file, "the array", _loaded(file)), None, None, None, ())
    elif kind == ".h5ad" or (is_zarr(file) and is_anndata(file)):
        found = _from_anndata(file, named, points)
    else:
        found = _from_arrays(file, named, points)
    if beside is None:
        return found
    check_file(Path(beside))
    bare = UserPoints(found.X, None, None, None, found.notes)
    return _labelled(bare, beside, Path(beside), "the array", lambda: _loaded(Path(beside)))


def _labelled(bare: UserPoints, target: str, file: Path, name: str, values: Callable[[], Any]) -> UserPoints:
    """Points with their target; TargetError, which holds the points, where it is none."""
    try:
        y, classes = as_target(file, name, values(), int(bare.X.shape[0]))
    except RecipeError as error:
        raise TargetError(str(error), bare) from None
    return UserPoints(bare.X, y, classes, target, bare.notes)


@checked_arguments
def read_points(path: str | Path, target: str | None = None) -> tuple[Any, F64 | None]:
    """Return points and target of a file; `read_user_points` says more of them.

    Parameters
    ----------
    path : str or Path
        As for `read_user_points`.
    target : str, default None
        As for `read_user_points`.

    Returns
    -------
    tuple
        X, (n, d) numbers or a sparse matrix, and y, (n,) float64 or None where the file has no target.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> np.savez("points.npz", X=np.zeros((4, 2)), y=np.arange(4))
    >>> X, y = fm.measure.read_points("points.npz")
    >>> X.shape, y.tolist()
    ((4, 2), [0.0, 1.0, 2.0, 3.0])
    """
    found = read_user_points(path, target)
    return found.X, found.y


def check_file(file: Path) -> None:
    """Refuse what is no file of a known kind."""
    if is_zarr(file):
        return
    if file.is_dir() or not file.exists():
        found = "is a directory: expected a Zarr folder, or" if file.is_dir() else "does not exist: expected"
        raise RecipeError(f"{file} {found} a file that ends in {_EXPECTED}{nearby(file)}")
    if table_kind(file) is None and file.suffix.lower() not in DATA_FILES:
        raise RecipeError(f"{file} ends in {file.suffix or 'nothing'!r}: expected {_EXPECTED}")
    ordinary_file(file, "a file of points")  # a pipe would wait for ever


# ---------------------------------------------------------------------------------------------------- tables


def _from_table(file: Path, target: str | None, points: str | None) -> UserPoints:
    if points is not None:
        raise RecipeError(f"{file} is one table: expected no name of an array beside it, leave {shown(points)} out")
    cells = read_cells(file)
    vectors = vector_column(cells)
    if vectors is not None:
        return _from_vectors(file, cells, vectors, target)
    names, notes = list(cells.names), []
    if target is not None and target not in names:
        raise RecipeError(f"{file} has no column {shown(target)}: expected {listed(names)}{nearest(target, names)}")
    if target is None:
        target = next((name for name in names if name.lower() in TARGET_NAMES), None)
        if target is not None:
            notes.append(f"column {shown(target)} is taken as the target")
    index, words, features = index_columns(cells), word_columns(cells), []
    for at, name in enumerate(names):
        if at in index:
            called = f" ({name!r})" if name else " without a name"
            notes.append(f"column {at + 1}{called} numbers the rows: an index, no coordinate")
        elif name != target and name.lower() in TARGET_NAMES:
            notes.append(f"column {name!r} is a target by its name: no coordinate")
        elif name != target and name in words:
            kinds = len({str(cell) for cell in cells.column(name)})
            notes.append(
                f"column {name!r} holds words ({kinds} different): no coordinate; name it to make it the target"
            )
        elif name != target:
            features.append(name)
    if not features:
        raise RecipeError(f"{file} has no feature columns: expected columns of numbers beside the target")
    X = np.stack([_numbers(cells, name, notes) for name in features], axis=1)
    missing = np.argwhere(~np.isfinite(X))
    if len(missing):
        row, column = missing[0]
        raise RecipeError(
            f"{file}, line {int(cells.lines[row])}, column {shown(features[column])} is no finite number, and "
            f"{len(missing)} cells are not in all: expected a number in every cell; remove these rows, or fill in what "
            "is missing"
        )
    notes += steady_notes(features, X)
    notes += [
        f"column {name!r} is a coordinate here: if it is the target, name it (--target {name!r})"
        for name in features
        if sounds_like_a_target(name)
    ]
    bare = UserPoints(X, None, None, None, tuple(notes))
    if target is None:
        return bare
    return _labelled(bare, target, file, f"column {shown(target)}", lambda: _target_cells(file, cells, target))


def _target_cells(file: Path, cells: Cells, target: str) -> Any:
    """The target's column: numbers where its cells are, else words; RecipeError with the line of what is neither."""
    column = cells.column(target)
    try:
        y = np.array(column, np.float64)
    except (TypeError, ValueError):
        some = any(isinstance(cell, str) and not _is_word(cell) for cell in column) and _mostly_numbers(column)
        if some or all(_is_grouped(cell, cells.decimal_comma) for cell in column):
            return cells.numbers(target)  # names the line of the first cell that is no number
        return np.array(column, object)
    if not np.isfinite(y).all():
        at = int(np.argmin(np.isfinite(y)))
        raise RecipeError(
            f"{file}, line {int(cells.lines[at])}, column {shown(target)} is {plain(y[at])}: expected a number or a "
            "class in every row; remove rows without a target"
        )
    return y


def _from_vectors(file: Path, cells: Cells, name: str, target: str | None) -> UserPoints:
    """Points from a column of lists; of the other columns the target is used and the rest left alone."""
    X = vectors_of(cells, name)
    others = [other for other in cells.names if other != name]
    if target is not None and target not in others:
        raise RecipeError(f"{file} has no column {shown(target)}: expected {listed(others)}{nearest(target, others)}")
    chosen = target or next((other for other in others if other.lower() in TARGET_NAMES), None)
    alone = [other for other in others if other != chosen]
    notes = [f"column {name!r} of lists is taken as the points"]
    notes += [f"left alone: {', '.join(alone[:12])}{' …' if len(alone) > 12 else ''}"] if alone else []
    if chosen is None:
        return UserPoints(X, None, None, None, tuple(notes))
    notes += [f"column {chosen!r} is taken as the target"] if target is None else []
    bare = UserPoints(X, None, None, None, tuple(notes))
    return _labelled(bare, chosen, file, f"column {chosen!r}", lambda: np.array(cells.column(chosen), object))


def _numbers(cells: Cells, name: str, notes: list[str]) -> F64:
    try:
        return np.array(cells.column(name), np.float64)  # fast; what it does not read may still be a number
    except (TypeError, ValueError):
        values, beside = cells.read(name)
        notes += beside
        return values


def _is_word(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return True
    return False


def _is_grouped(cell: Any, decimal_comma: bool) -> bool:
    """Whether a cell is a number without a letter, as 1,400 or 0.4 ± 0.1 are: "7B" may be the name of a class."""
    return not re.search(r"[a-df-z]", str(cell), re.IGNORECASE) and number(cell, decimal_comma) is not None


def _mostly_numbers(column: list[Any]) -> bool:
    numbers = sum(not (isinstance(cell, str) and _is_word(cell)) for cell in column)
    return 2 * numbers >= len(column)


# ---------------------------------------------------------------------------------------------------- arrays


def _loaded(file: Path) -> Any:
    """The one array of a .npy file, mapped and not read where that is possible."""
    try:
        if zipfile.is_zipfile(file):
            raise RecipeError(f"{file} is an archive of several arrays: rename it to end in .npz")
        found = np.lib.format.open_memmap(file, mode="r")
    except BROKEN as error:
        raise _no_numpy(file, error) from None
    return found


def _no_numpy(file: Path, error: Exception) -> RecipeError:
    if isinstance(error, RecipeError):
        return error
    return RecipeError(f"{file} is no NumPy file of numbers ({reason_of(error)}): expected arrays saved by numpy")


def _from_arrays(file: Path, target: str | None, points: str | None) -> UserPoints:
    if file.suffix.lower() == ".npz":
        try:
            with file.open("rb") as stream:
                loaded = np.load(stream, allow_pickle=False)
                if isinstance(loaded, np.ndarray):
                    raise RecipeError(f"{file} is a single array: rename it to end in .npy")
                refuse_unreadable_members(file, loaded)
                with loaded:
                    if {"data", "indices", "indptr", "shape", "format"} <= set(loaded.files):
                        return _sparse(file, target)
                    return _named(file, loaded, list(loaded.files), target, points)
        except BROKEN as error:
            raise _no_numpy(file, error) from None
    if is_zarr(file):
        return _from_zarr(file, target, points)
    from fractalman.datasets.header import has_header
    from fractalman.datasets.reader import open_stored

    if has_header(file):
        with open_stored(file) as own:  # every block checked at its place, shards included
            return _named(file, own.columns, list(own.columns), target, points)
    import h5py

    refuse_unreadable(file)
    with (
        damage_refused(file, "is no intact HDF5 file", "one with arrays X (n, d) and y"),
        h5py.File(file, "r") as loaded,
    ):
        refuse_outside(file, loaded)
        return _named(file, loaded, array_names(loaded, points, target), target, points)


def _from_zarr(file: Path, target: str | None, points: str | None) -> UserPoints:
    arrays = ZarrArrays(file)
    if arrays.single and target is not None:
        raise RecipeError(f"{file} is one array without names: expected as the target a .npy file of n numbers")
    found = _named(file, arrays, arrays.names, target, "array" if arrays.single else points)
    return UserPoints(found.X, found.y, found.classes, found.target, (*found.notes, *arrays.notes))


def _sparse(file: Path, target: str | None) -> UserPoints:
    from scipy import sparse

    if target is not None:
        raise RecipeError(f"{file} is one sparse matrix without names: expected as the target a .npy file of n numbers")
    return UserPoints(sparse.csr_array(sparse.load_npz(file)), None, None, None, ())


def _named(file: Path, loaded: Any, found: list[str], target: str | None, points: str | None) -> UserPoints:
    notes: list[str] = []
    X = _choose(file, found, points, _POINT_NAMES, notes, "points")
    if X is None:
        tables = [name for name in found if _is_table(loaded, name)]
        if len(tables) != 1:
            raise RecipeError(
                f"{file} holds {listed(found) or 'nothing'} and no X: expected an array X (n, d) and, with a "
                "target, y (n,); name another array by its path; on the command line use --points NAME"
            )
        X = tables[0]
        notes.append(f"{X!r} is taken as the points")
    y = _choose(file, found, target, (), notes, "target")
    if y is None:
        folder = X.rpartition("/")[0]
        near = [n for n in found if n.rpartition("/")[2].lower() in TARGET_NAMES and n.rpartition("/")[0] == folder]
        y = next((name for name in near if name.endswith("y")), near[0] if near else None)
        ending = re.fullmatch(r"(.*/)?[xX]([_.-].+)", X)  # X_train goes with y_train
        if y is None and ending:
            y = next((name for name in found if name == f"{ending[1] or ''}y{ending[2]}"), None)
        if y is not None and y != "y":
            notes.append(f"{y!r} is taken as the target")
    table = _table(file, X, stored_array(file, loaded, X))
    if y is None:
        other = [name for name in found if name != X and _shape(loaded, name) == (len(table),)]
        if len(other) == 1:
            notes.append(f"{other[0]!r} has one entry for each point: name it to make it the target")
    bare = UserPoints(table, None, None, None, tuple(notes))
    return bare if y is None else _labelled(bare, y, file, y, lambda: stored_array(file, loaded, y))


def _is_table(loaded: Any, name: str) -> bool:
    return len(_shape(loaded, name)) >= 2


def _shape(loaded: Any, name: str) -> tuple[int, ...]:
    try:
        return tuple(loaded[name].shape)
    except (*BROKEN, AttributeError):  # objects in a .npz; HDF5's types, which have no shape
        return ()


def _choose(
    file: Path, found: list[str], wanted: str | None, usual: tuple[str, ...], notes: list[str], what: str
) -> str | None:
    """The array that was asked for, or the first of the usual names, at the top before anywhere else."""
    if wanted is not None:
        name = wanted.strip("/")
        if name not in found:
            raise RecipeError(
                f"{file} holds {listed(found) or 'nothing'} and no {wanted:.80}: expected the name of an array "
                f"in it{nearest(name, found)}"
            )
        return name
    for name in usual:
        if name in found:
            if name != usual[0]:
                notes.append(f"{name!r} is taken as the {what}")
            return name
    deep = [name for name in found if usual and name.rpartition("/")[2] == usual[0]]
    if len(deep) == 1:
        notes.append(f"{deep[0]!r} is taken as the {what}")
        return deep[0]
    if len(deep) > 1:
        raise RecipeError(f"{file} holds {', '.join(deep)}: expected one of them as the points; name it by its path")
    return None


def _from_anndata(file: Path, target: str | None, points: str | None) -> UserPoints:
    try:
        anndata = importlib.import_module("anndata")
        h5py = importlib.import_module("h5py")
    except ImportError:
        raise MissingExtraError(f"{file.name} needs anndata, which is not installed: use pip install anndata") from None
    if is_zarr(file):
        ZarrArrays(file).refuse_too_large()
        with damage_refused(file, "cannot be read as AnnData", "an intact AnnData folder"):
            found = anndata.read_zarr(file)
    else:
        refuse_unreadable(file)
        with damage_refused(file, "cannot be read as .h5ad", "an intact AnnData file"):
            with h5py.File(file, "r") as loaded:
                refuse_outside(file, loaded)
                refuse_too_large(file, loaded)
            found = anndata.read_h5ad(file)
    X, name = found.X, "X"
    if points is not None and points != "X":
        name = points
        where, _, key = points.partition("/")
        held = {"layers": found.layers, "obsm": found.obsm}.get(where)
        keys = [f"layers/{k}" for k in found.layers if k is not None] + [f"obsm/{k}" for k in found.obsm]
        keys += ["raw/X"] if found.raw is not None else []
        if points not in keys or (held is None and points != "raw/X"):
            raise RecipeError(f"{file} has no {points}: expected X, {listed(keys)}{nearest(points, keys)}")
        X = found.raw.X if held is None else held[key]
    if X is None:
        raise RecipeError(f"{file} has no X: expected a matrix; name a layer, or a table of obsm")
    notes: tuple[str, ...] = ()
    if target is None:
        target = next((str(c) for c in found.obs.columns if str(c).lower() in TARGET_NAMES), None)
        notes = () if target is None else (f"column {shown(target)} of obs is taken as the target",)
    elif target not in found.obs.columns:
        columns = [str(c) for c in found.obs.columns]
        raise RecipeError(
            f"{file}: obs has no column {shown(target)}: expected {listed(columns)}{nearest(target, columns)}"
        )
    from scipy.sparse import issparse

    table = X if issparse(X) else _table(file, name, np.asarray(X))
    if target is None:
        return UserPoints(table, None, None, None, notes)
    column = found.obs[target]
    raw = column.astype(object).to_numpy() if column.dtype.kind not in "fiub" else column.to_numpy()
    return _labelled(UserPoints(table, None, None, None, notes), target, file, f"obs[{shown(target)}]", lambda: raw)


def _table(file: Path, name: str, array: Any) -> Any:
    if getattr(array.dtype, "names", None) and all(array.dtype[c].kind in "fiub" for c in array.dtype.names):
        array = np.stack([array[column].astype(np.float64) for column in array.dtype.names], axis=-1)
    if array.ndim < 2 or array.dtype.kind not in "fiub" or not array.size:
        raise RecipeError(f"{file}: {name} is {array.dtype} of shape {array.shape}: expected {_TABLE}")
    return array.reshape(len(array), -1)
