"""Files of reports: always whole, and the versions that stand in them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

from fractalman._files import as_path, write_whole
from fractalman.config import summary
from fractalman.errors import CorruptFileError, RecipeError

DIGESTS = "SHA256SUMS"
"""In a folder of results: the digest of every table, as ``sha256sum --check`` reads it."""
_TABLES = (".csv", ".json")
_STATED = re.compile(rb"([0-9a-f]{64})  ([^/\\\r\n]+)\r?\n")


def publish(path: Path, content: str | bytes) -> Path:
    """Write ``content`` so that ``path`` is always whole, the old content or the new, and return it.

    The digest of a table goes into the folder's `DIGESTS`. That of an older content is taken out first: whatever ends
    the process in between leaves a table that is taken as it is, not one that seems to be damaged.
    """
    whole = content.encode("utf-8") if isinstance(content, str) else content
    if path.suffix not in _TABLES:
        write_whole(path, whole)
        return path
    digests, new = stated_digests(path.parent), hashlib.sha256(whole).hexdigest()
    if digests.pop(path.name, new) != new:
        _state_digests(path.parent, digests)
    write_whole(path, whole)
    _state_digests(path.parent, {**digests, path.name: new})
    return path


def _state_digests(folder: Path, digests: Mapping[str, str]) -> None:
    write_whole(folder / DIGESTS, "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)))


def stated_digests(folder: Path) -> dict[str, str]:
    """Return name → SHA-256 of the tables in a folder of results, as they were written; {} where nothing says so.

    Every line must be one that `publish` writes: a line that cannot be read vouches for a table no more, so it is
    refused by its number, as a changed table is.
    """
    path = folder / DIGESTS
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        if not os.path.lexists(path):  # the folder is what cannot be reached
            raise RecipeError(f"{path.parent}: {error.strerror}; use another folder") from None
        raise CorruptFileError(f"cannot read {path}: {error.strerror}; use a copy of it, or delete it") from None
    digests: dict[str, str] = {}
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        entry = _STATED.fullmatch(line)
        name = "" if entry is None else entry[2].decode("utf-8", "replace")
        if entry is None or name in digests:
            raise CorruptFileError(
                f"{path}, line {number} is damaged: expected 64 hexadecimal digits, two blanks and the name of a table "
                "that no other line has; use a copy of it, or delete it to have the tables taken as they are"
            )
        digests[name] = entry[1].decode("ascii")
    return digests


def refuse_changed_tables(folder: str | Path) -> None:
    """Raise CorruptFileError naming the tables in a folder of results that are not what was written any more.

    Whoever writes results asks first: a table that somebody corrected by hand, or that a disk altered, is neither
    replaced without a word nor left to be read as a measurement. A table that is gone is written again.
    """
    problems, folder = [], as_path(folder, "a folder")
    for name, digest in stated_digests(folder).items():
        path = folder / name
        with contextlib.suppress(FileNotFoundError):
            if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                problems.append(
                    f"{path} is not what was written: expected the digest that {DIGESTS} states; delete it to have it "
                    "written again from the journal, or move it elsewhere"
                )
    if problems:
        raise CorruptFileError(summary(problems))


def versions() -> dict[str, str]:
    """Return the versions of what the numbers depend on, package by package."""
    from importlib.metadata import PackageNotFoundError, version

    from fractalman._version import __version__
    from fractalman.random.streams import STREAM_VERSION

    found = {"fractalman": __version__, "streams": str(STREAM_VERSION), "Python": platform.python_version()}
    for package in ("numpy", "numba", "scipy", "h5py", "jax", "optax", "equinox", "scikit-learn", "matplotlib"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
