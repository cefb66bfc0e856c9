"""Archives of NumPy and SciPy, read without unpickling: what is none is refused in words."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from fractalman import _memory
from fractalman._files import ordinary_file
from fractalman.config import listed
from fractalman.datasets.spec import AnyArray
from fractalman.errors import RecipeError

BROKEN = (
    ValueError, OSError, EOFError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError, OverflowError,
    NotImplementedError, tokenize.TokenError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error,
)  # fmt: skip
"""What NumPy, zipfile and zlib raise on damaged arrays and archives: a header is read as Python, which gives up nested
brackets in several ways."""


def read_archive(path: Path, what: str) -> dict[str, Any]:
    """Return the arrays of a .npz file.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What is expected, for messages.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError, FileFormatError
        In one line each.
    RecipeError
        For a damaged file, one array alone, and pickled objects, which are never read: they may run anything.
    """
    ordinary_file(path, what)
    try:
        with path.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                raise RecipeError(f"{path} is a single array: expected {what}")
            refuse_unreadable_members(path, loaded)
            with loaded:
                return {name: loaded[name] for name in loaded.files}
    except RecipeError:
        raise
    except BROKEN as error:
        raise RecipeError(f"{path} cannot be read ({reason_of(error)}): expected {what}") from None


def refuse_unreadable_members(path: Path, loaded: Any) -> None:
    """Raise RecipeError for an archive that holds two arrays of one name, of which NumPy would read the last.

    And ResourceError for arrays that do not fit into memory: packed, 60 GB of zeros are 60 MB.
    """
    names = loaded.files
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RecipeError(f"{path} holds {listed(twice)} twice: expected every array once; use numpy.savez anew")
    refuse_unpacked(path, loaded.zip)


def refuse_unpacked(path: Path, archive: zipfile.ZipFile) -> None:
    """Raise ResourceError for an archive with a member that is larger than the memory there is, before it is read."""
    for member in archive.infolist():
        _memory.check_bytes(member.file_size, f"{member.filename} of {path}, unpacked,", "use a part of it")


def read_array(path: Path, what: str) -> AnyArray:
    """Return the array of a .npy file; parameters and errors as for `read_archive`."""
    ordinary_file(path, what)
    try:
        with path.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
    except BROKEN as error:
        raise RecipeError(f"{path} cannot be read ({reason_of(error)}): expected {what}") from None
    if not isinstance(loaded, np.ndarray):
        raise RecipeError(f"{path} is an archive: expected {what}")
    return loaded


def reason_of(error: Exception) -> str:
    """What is wrong with an archive, in one line; NumPy takes whatever it does not know for pickled objects."""
    text = " ".join(str(error).split())[:160] or type(error).__name__
    return "neither a NumPy array nor an archive of them, or one of Python objects" if "pickle" in text else text


def read_sparse(path: Path, rows: int) -> Any:
    """Return a matrix that ``scipy.sparse.save_npz`` wrote, as a scipy.sparse.csr_array with sorted columns.

    Parameters
    ----------
    path : Path
        The file.
    rows : int
        How many it must have.

    Raises
    ------
    As `read_archive`; RecipeError also for another shape and for indices outside.
    """
    from scipy import sparse

    what = "the sparse features of latents, as scipy.sparse.save_npz writes them (features=… names another file)"
    arrays = read_archive(path, what)
    if "format" not in arrays or "shape" not in arrays:
        raise RecipeError(f"{path} holds {listed(arrays) or 'nothing'}: expected {what}")
    try:
        found = sparse.csr_array(sparse.load_npz(path))
        found.check_format(full_check=True)
    except BROKEN as error:
        raise RecipeError(f"{path} is no sparse matrix ({reason_of(error)}): expected {what}") from None
    if found.shape[0] != rows:
        raise RecipeError(f"{path} has {found.shape[0]} rows: expected {rows}, one a point")
    if found.dtype.kind not in "fiub" or not np.isfinite(found.data).all():
        raise RecipeError(f"{path} holds entries that are no finite numbers: expected values of latents")
    before = found.nnz
    found.sum_duplicates()
    if found.nnz != before:
        raise RecipeError(f"{path} holds an entry twice: expected one a point and latent")
    return found
