"""Arrays out of HDF5 and NumPy archives: filters by name, fill values of netCDF, and which files are anybody's HDF5."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from fractalman.errors import MissingExtraError, RecipeError
from fractalman.measure.outside import refuse_too_large_array


def is_plain_hdf5(path: str | Path) -> bool:
    """Whether a file is HDF5 from its first byte, as ours never is, under any name that HDF5 usually has."""
    file = Path(path)
    if not file.is_file() or file.suffix.lower() not in (".h5", ".hdf5", ".nc"):
        return False
    with file.open("rb") as stream:
        return stream.read(8) == b"\x89HDF\r\n\x1a\n"


def array_names(loaded: Any, *asked: str | None) -> list[str]:
    """Return the paths of all arrays of an open HDF5 file, and of links among ``asked`` that lead to one within it."""
    import h5py

    names: list[str] = []
    loaded.visititems(lambda name, node: names.append(name) if isinstance(node, h5py.Dataset) else None)
    for path in asked:
        if path is not None and path.strip("/") not in names and isinstance(loaded.get(path), h5py.Dataset):
            names.append(path.strip("/"))
    return names


def stored_array(file: Path, loaded: Any, name: str) -> Any:
    """Return one array of an open .npz or HDF5 file, text as text and what netCDF leaves out as nan."""
    try:
        stored = loaded[name]
    except ValueError as error:
        if "Object arrays" not in str(error):
            raise
        raise RecipeError(
            f"{file}: {name} is an array of Python objects, a pickle that is not opened: expected numbers or text; "
            f"save it as {name}.astype(str), or as numbers"
        ) from None
    if hasattr(stored, "id"):  # HDF5
        _need_filters(file, name, stored)
        refuse_too_large_array(file, name, stored)
        if stored.dtype.kind == "O":
            return stored.asstr()[...] if _is_text(stored) else stored[...]
        return _unfilled(stored)
    return np.asarray(stored)


def _unfilled(stored: Any) -> Any:
    """A dataset's numbers, nan where netCDF says that nothing stands."""
    values = np.asarray(stored[...])
    marks = [np.ravel(stored.attrs[name]) for name in ("_FillValue", "missing_value") if name in stored.attrs]
    missing = np.isin(values, np.concatenate(marks)) if marks and values.dtype.kind in "fiu" else np.zeros(1, np.bool_)
    return np.where(missing, np.nan, values) if missing.any() else values


def _is_text(stored: Any) -> bool:
    import h5py

    return h5py.check_string_dtype(stored.dtype) is not None


def _need_filters(file: Path, name: str, stored: Any) -> None:
    """Load the filters that a dataset was written with; MissingExtraError naming those that are nowhere."""
    import h5py

    pipeline = stored.id.get_create_plist()
    absent = [
        (number, text.decode("utf-8", "replace"))
        for number, _, _, text in (pipeline.get_filter(i) for i in range(pipeline.get_nfilters()))
        if not h5py.h5z.filter_avail(number)
    ]
    if not absent:
        return
    try:
        importlib.import_module("hdf5plugin")
    except ImportError:
        number, text = absent[0]
        raise MissingExtraError(
            f"{file}: {name} is compressed with HDF5 filter {number} ({text or 'no name'}): use pip install "
            "hdf5plugin, which reads it"
        ) from None
    for number, text in absent:
        if not h5py.h5z.filter_avail(number):
            raise RecipeError(
                f"{file}: {name} is compressed with HDF5 filter {number} ({text or 'no name'}), which hdf5plugin does "
                "not know: expected one that it knows; write the file again, e.g. with gzip"
            )
