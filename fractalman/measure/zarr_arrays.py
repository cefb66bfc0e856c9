"""Zarr folders as files of points: one array, a group of arrays, or an AnnData.

A block of an array that is not stored reads as the fill value, by the format's own rule: it is said how many. A pickle
is not opened, whatever it calls itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._extras import load_extra
from fractalman.errors import RecipeError
from fractalman.measure.outside import damage_refused, refuse_too_large_array

ZARR = ".zarr"
_MARKS = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")


def is_zarr(file: Path) -> bool:
    """Whether a folder is a Zarr array or group, whatever its name."""
    return file.is_dir() and any((file / mark).is_file() for mark in _MARKS)


def is_anndata(file: Path) -> bool:
    """Whether a Zarr folder says that it is an AnnData."""
    for name in ("zarr.json", ".zattrs"):
        try:
            table = json.loads((file / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(table, dict) and "anndata" in str(table.get("attributes", table)):
            return True
    return False


class ZarrArrays:
    """The arrays of a Zarr group by their paths, read where they are asked for.

    Parameters
    ----------
    file : Path
        The folder.

    Raises
    ------
    MissingExtraError
        Without zarr.
    RecipeError
        For a folder that zarr cannot open.
    """

    def __init__(self, file: Path) -> None:
        zarr = load_extra("zarr", f"{file.name}")
        self.file, self.notes = file, list[str]()
        with damage_refused(file, "is no intact Zarr folder", "an array (n, d), or a group with X (n, d) and y"):
            opened = zarr.open(str(file), mode="r")
            self.single = isinstance(opened, zarr.Array)
            members = [("array", opened)] if self.single else opened.members(max_depth=None)
            self._arrays = {name: node for name, node in members if isinstance(node, zarr.Array)}
        self.names = sorted(self._arrays)

    def refuse_too_large(self) -> None:
        """Raise ResourceError for an array that does not fit into memory."""
        for name, array in self._arrays.items():
            refuse_too_large_array(self.file, name, array)

    def __getitem__(self, name: str) -> Any:
        return _Stored(self.file, name, self._arrays[name], self.notes)


class _Stored:
    """An array with its shape, whose numbers are read as NumPy asks for them."""

    def __init__(self, file: Path, name: str, array: Any, notes: list[str]) -> None:
        self._file, self._name, self._array, self._notes = file, name, array, notes
        self.shape, self.dtype = array.shape, array.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        del copy
        array, where = self._array, f"{self._file}: {self._name}"
        if '"pickle"' in json.dumps(array.metadata.to_dict(), default=str):
            raise RecipeError(f"{where} holds a pickle, which is not opened: expected numbers or text")
        refuse_too_large_array(self._file, self._name, array)
        absent = array.nchunks - array.nchunks_initialized
        if absent:
            self._notes.append(
                f"{self._name}: {absent} of {array.nchunks} blocks are not stored, and read as {array.fill_value}"
            )
        with damage_refused(self._file, f"cannot be read at {self._name}", "blocks as its metadata say"):
            return np.asarray(array[...], dtype)
