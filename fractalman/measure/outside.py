"""HDF5 files that somebody sent: refused where values lie in other files, do not fit, or the library would hang.

Such a file may point anywhere on the machine that opens it, and numbers that are not in the file that was named are not
what was measured. On a damaged one the HDF5 library may go round in circles without end, or crash: a process of its own
meets that first.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fractalman import _memory
from fractalman.config import summary
from fractalman.errors import FractalmanError, RecipeError

READ_SECONDS = 30.0
"""Longer than any intact file takes: its names, attributes and texts are read, and one number of every array."""

_CHILD = """
import signal, sys, h5py
if hasattr(signal, "alarm"):  # in case that nobody is left to stop it
    signal.alarm(int(sys.argv[2]))
def read(name, node):
    for key in node.attrs:
        node.attrs[key]
    if isinstance(node, h5py.Dataset) and node.size:
        node[() if node.dtype.kind == "O" else (-1,) * node.ndim]
with h5py.File(sys.argv[1], "r") as file:
    read("/", file)
    file.visititems(read)
"""


def refuse_unreadable(file: Path) -> None:
    """Raise RecipeError for a file on which the HDF5 library hangs or crashes; its errors are met when it is read."""
    search = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    command = [sys.executable, "-P", "-c", _CHILD, str(file), str(math.ceil(2 * READ_SECONDS))]
    try:
        status = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=READ_SECONDS, check=False,
            env={**os.environ, "PYTHONPATH": search},
        ).returncode  # fmt: skip
        found = f"crashes (status {status})" if status < 0 else ""
    except subprocess.TimeoutExpired:
        found = f"comes to no end within {READ_SECONDS:g} s"
    if found:
        raise RecipeError(f"{file} is damaged: the HDF5 library {found} in it; expected an intact HDF5 file")


@contextmanager
def damage_refused(file: Path, found: str, expected: str) -> Iterator[None]:
    """Turn whatever the HDF5 library raises on damage into a RecipeError: "FILE FOUND (its reason): expected EXPECTED".

    Its kind depends on what is damaged: a name that cannot be read is a KeyError, a type a TypeError, a chunk an
    OSError.
    """
    try:
        yield
    except (FractalmanError, MemoryError):
        raise
    except Exception as error:
        said = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        first = (said.splitlines() or [type(error).__name__])[0]
        raise RecipeError(f"{file} {found} ({first}): expected {expected}") from None


def outside(loaded: Any) -> dict[str, str]:
    """Return name → where its values lie, of everything in an open HDF5 file that is not in the file itself.

    Parameters
    ----------
    loaded : h5py.File
        Open for reading; no external link is followed, and no value is read.
    """
    import h5py

    found: dict[str, str] = {}
    seen: set[Any] = set()
    todo: list[tuple[str, Any]] = [("", loaded)]
    while todo:
        above, group = todo.pop()
        for key in group:
            name, link = f"{above}{key}", group.get(key, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                found[name] = f"a link to {link.filename!r}"
            if not isinstance(link, h5py.HardLink):  # a soft link leads to what has a name of its own, or nowhere
                continue
            node = group[key]
            address = h5py.h5o.get_info(node.id).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(node, h5py.Group):
                todo.append((f"{name}/", node))
            elif isinstance(node, h5py.Dataset):
                elsewhere = _elsewhere(node)
                if elsewhere:
                    found[name] = elsewhere
    return found


def refuse_outside(file: Path, loaded: Any) -> None:
    """Raise RecipeError naming everything in an open HDF5 file whose values lie in other files."""
    problems = [
        f"{file}: {name} is {where}, in another file: expected a file that holds its own values; use a copy made with "
        "its links expanded"
        for name, where in outside(loaded).items()
    ]
    if problems:
        raise RecipeError(summary(problems))


def refuse_too_large(file: Path, loaded: Any) -> None:
    """Raise ResourceError for an array of an open HDF5 file that does not fit into memory."""
    import h5py

    def check(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            refuse_too_large_array(file, name, node)

    loaded.visititems(check)


def refuse_too_large_array(file: Path, name: str, stored: Any) -> None:
    """Raise ResourceError for an array that does not fit into memory, whatever its file has of it.

    Blocks that are not stored are zeros, and packed ones hardly more: a few kilobytes may say that they are 60 GB.
    """
    if stored.shape is not None:
        need = math.prod(stored.shape) * stored.dtype.itemsize
        _memory.check_bytes(need, f"the numbers {name} of {file}", "use a part of them")


def _elsewhere(stored: Any) -> str:
    if stored.external:
        return f"stored in {str(stored.external[0][0])!r}"
    if stored.is_virtual:
        others = [source.file_name for source in stored.virtual_sources() if source.file_name != "."]
        if others:
            return f"a view of {str(others[0])!r}"
    return ""
