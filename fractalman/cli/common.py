"""What every command uses: names of files and recipes, progress on stderr, JSON on stdout, the exit statuses."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fractalman.errors import RecipeError

if TYPE_CHECKING:
    from fractalman.recipes import Recipe

DONE, NO, WRONG, FAILED, TERMINATED, INTERRUPTED = 0, 1, 2, 3, 143, 130


def existing_file(name: str) -> Path:
    path = Path(name)
    if path.is_dir():
        raise RecipeError(f"{name} is a folder: allowed is a fractalman file")
    if not path.exists():
        raise RecipeError(f"no file {name} found: type the path of a fractalman file")
    return path


def is_file(name: str) -> bool:
    return name.endswith(".toml") or os.sep in name or Path(name).exists()


def read_recipe(name: str) -> Recipe:
    from fractalman.catalogue import catalogue_text
    from fractalman.recipes import from_toml

    if not is_file(name):
        return from_toml(catalogue_text(name))
    if Path(name).is_dir():
        raise RecipeError(f"{name} is a folder: allowed is a TOML file with a table [recipe], or a catalogue name")
    return from_toml(Path(name))


class Progress:
    """Says on stderr how far long work has come: in place on a terminal, else a line every few seconds."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._said, self._width = time.monotonic(), 0
        self._since = (0.0, 0, 0)  # when a piece of work began, the bytes done by then, the bytes in all

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        if now - self._said < (0.1 if self._terminal else 5.0):
            return
        self._said = now
        if self._terminal:
            print("\r" + text.ljust(self._width), end="", file=sys.stderr, flush=True)
            self._width = len(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def column(self, name: str, done: int, total: int) -> None:
        """Say how far a file has come, how fast, and what is left; what writers of files call."""
        now = time.monotonic()
        begun, before, whole = self._since
        if total != whole or done < before:
            self._since = begun, before, whole = now, done, total
        rate = (done - before) / (now - begun) if now - begun > 0.5 else 0.0
        left = f", {rate / 1e6:.0f} MB/s, about {duration(max(0, total - done) / rate)} left" if rate > 0.0 else ""
        self(f"writing {name}: {done / max(1, total):.0%} of {total:,} bytes{left}")

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:  # leaves the terminal's line free for what comes next
        if self._terminal and self._width:
            print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
            self._width = 0


def duration(seconds: float) -> str:
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 5400.0 else f"{seconds / 3600.0:.1f} h"


def print_json(value: object) -> None:
    from fractalman.report import jsonable

    print(json.dumps(jsonable(value), indent=2, ensure_ascii=False, allow_nan=False))
