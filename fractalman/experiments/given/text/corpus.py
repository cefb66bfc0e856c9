"""The text: source files of Python's standard library, in an order that does not depend on the machine.

They are read where Python was installed and stay there: nothing of them is kept or handed on but statistics. Their
licence is the PSF License Agreement (LICENSE.txt of every Python, https://docs.python.org/3/license.html).

A text is a run of tokens: 0 for every byte but those that follow, 1 for the end of a line, 2 … 96 for the printable
ASCII characters from blank to ~. Files are told apart, so that no context runs from one into another.
"""

from __future__ import annotations

import hashlib
import os
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from fractalman._typing import I64
from fractalman.errors import RecipeError
from fractalman.random.streams import Role, key64, permutation

VOCABULARY = 97
"""Kinds of characters."""
TEXTS = ("standard-library",)
_LEFT_OUT = frozenset({"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__", "lib2to3"})
"""Folders that not every installation has, or that are not the library's own."""
_GENERATED = "_sysconfigdata"
"""What the names of files begin with that the machine wrote."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """A text in files.

    Args:
        names: of the files, in order. tokens: (characters,) uint8, file after file. starts: (files + 1,) where each
            begins.
        digest: of names and contents, and with them of the version of Python.
    """

    names: tuple[str, ...]
    tokens: np.ndarray
    starts: I64
    digest: str

    @property
    def files(self) -> int:
        """Number of files."""
        return len(self.names)

    def places(self, context: int, files: I64) -> I64:
        """Return where contexts begin that lie in one of the files, with the character after them; rising."""
        spans = [np.arange(self.starts[f], self.starts[f + 1] - context, dtype=np.int64) for f in np.sort(files)]
        return np.concatenate([span for span in spans if span.size] or [np.empty(0, np.int64)])


def standard_library_files() -> list[tuple[str, Path]]:
    """Return name and path of every source file of the standard library that is taken, by name."""
    root = Path(sysconfig.get_path("stdlib"))
    found = []
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if name not in _LEFT_OUT]  # what is installed beside it is twenty times more
        for name in names:
            if name.endswith(".py") and not name.startswith(_GENERATED):
                path = Path(folder, name)
                found.append((path.relative_to(root).as_posix(), path))
    return sorted(found)


@lru_cache(maxsize=1)
def corpus(text: str = TEXTS[0]) -> Corpus:
    """Return a text, read once.

    Errors: RecipeError where this Python came without its sources.
    """
    files = standard_library_files()
    if len(files) < 10:
        raise RecipeError(
            f'text = "{text}": found {len(files)} source files of the standard library; expected a Python with its '
            "sources"
        )
    table = np.zeros(256, np.uint8)
    table[10] = 1
    table[32:127] = np.arange(2, VOCABULARY)
    digest, parts = hashlib.sha256(), []
    for name, path in files:
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name} {len(content)}\n".encode() + content)
        parts.append(table[np.frombuffer(content, np.uint8)])
    starts = np.cumsum([0, *(part.size for part in parts)]).astype(np.int64)
    return Corpus(tuple(name for name, _ in files), np.concatenate(parts), starts, digest.hexdigest())


@lru_cache(maxsize=4)
def drawn_places(text: str, context: int, seed: int, held_out: bool) -> I64:
    """Return all places of contexts in random order: those of a fifth of the files, held out, or those of the others.

    No context of one kind shares a file with one of the other.
    """
    found = corpus(text)
    order = permutation(key64(seed, Role.SPLIT), found.files)
    cut = max(1, found.files // 5)
    places = found.places(context, order[:cut] if held_out else order[cut:])
    return places[permutation(key64(seed, Role.SPLIT, 1 + held_out), places.size)]
