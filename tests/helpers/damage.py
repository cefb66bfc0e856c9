"""Ways of damaging a dataset file, and of hiding the damage from its header so that the other checks must notice it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fractalman.datasets import spec
from fractalman.datasets.header import Header, body_digest
from fractalman.datasets.inspection import check_file
from fractalman.datasets.writer import describe

# Columns of the handmade files; `value`, the label behind a class, is damaged in tests/families/test_classes.py, and
# `tokens` in tests/families/test_random_hierarchy.py, `rows` of subsets in tests/datasets/test_subset.py.
PATHS = [column.path for column in spec.COLUMNS if column.path not in ("value", "tokens", "rows")]


def reseal(path: Path, version: tuple[int, int] = (spec.MAJOR, spec.MINOR)) -> None:
    """Give a changed file the header of an intact one."""
    with path.open("r+b", buffering=0) as file:
        header = Header(*body_digest(file.fileno()), version)
        file.seek(0)
        file.write(header.to_bytes())


@contextlib.contextmanager
def edited(path: Path) -> Iterator[h5py.File]:
    """Change a file with h5py and complete it again."""
    with h5py.File(path, "r+") as handle:
        yield handle
    reseal(path)


def replace(file: Path, name: str, array: Any) -> None:
    """Put another array in a column's place, stored as the format asks."""
    with edited(file) as handle:
        del handle[name]
        array = np.asarray(array)
        chunks = (spec.block_rows(array.shape, array.dtype.str), *array.shape[1:]) if array.size else None
        if array.dtype.kind == "S":
            handle.create_dataset(name, data=array, chunks=(1,), fletcher32=True)
            return
        stored = handle.create_dataset(name, data=array, chunks=chunks)
        if name in spec.BY_PATH:
            describe(stored, spec.BY_PATH[name])


def flip(path: Path, place: int, bit: int = 0) -> None:
    """Turn over one bit, the header left as it is."""
    with path.open("r+b") as handle:
        handle.seek(place)
        byte = handle.read(1)[0]
        handle.seek(place)
        handle.write(bytes([byte ^ (1 << bit)]))


def problems(path: Path) -> dict[str, str]:
    """Return path → message of what is found without the header, in this process."""
    return {problem.path: problem.message for problem in check_file(path)}


def first_chunk(path: Path, name: str) -> tuple[int, int]:
    """Return where in the file the bytes of a column's first chunk begin, and how many they are."""
    with h5py.File(path) as handle:
        chunk, before = handle[name].id.get_chunk_info(0), handle.userblock_size
        stored = handle[name].id.read_direct_chunk(chunk.chunk_offset)[1]
    # HDF5 versions differ in whether they count from the file's beginning or from behind the header.
    whole = path.read_bytes()
    for start in (chunk.byte_offset, chunk.byte_offset + before):
        if whole[start : start + chunk.size] == stored:
            return start, chunk.size
    raise AssertionError(f"the first chunk of {name} is not where HDF5 says")


def content(file: Path, name: str) -> np.ndarray[Any, Any]:
    """Return a column as h5py reads it."""
    with h5py.File(file) as handle:
        array: np.ndarray[Any, Any] = handle[name][()]
        return array


def one_line(error: BaseException, path: Path) -> str:
    """Return an error's message, which must be one line that names the file."""
    text = str(error)
    assert "\n" not in text
    assert str(path) in text
    return text
