"""What several commands use: names of files and recipes, progress on stderr, JSON on stdout, the exit statuses."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from fractalman.errors import RecipeError
from fractalman.progress import duration

DONE, NO, WRONG, FAILED, TERMINATED, INTERRUPTED = 0, 1, 2, 3, 143, 130


def existing_file(name: str) -> Path:
    """Return the path of a file that must be there; RecipeError for a folder or nothing."""
    path = Path(name)
    if path.is_dir():
        raise RecipeError(f"{name} is a folder: expected a fractalman file")
    if not path.exists():
        raise RecipeError(f"no file {name} found: use the path of a fractalman file")
    return path


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


def say_written(options: argparse.Namespace, path: Path, name: str | None = None) -> int:
    """Say what was written and, of a catalogue name, whether it is what the catalogue says; return the exit status.

    If it is not, the answer is no (whoever cites a name means one dataset), but the file is a good one and stays: its
    provenance says what it holds, and it took its time.
    """
    from fractalman.datasets.shard_table import stored_bytes

    table: dict[str, Any] = {"file": str(path), "bytes": stored_bytes(path)}
    lines, reproduced = [f"{path} written, {table['bytes']:,} bytes"], None
    if name is not None:
        from fractalman.catalogue.digests import reproduction
        from fractalman.datasets import open_file

        with open_file(path) as file:
            provenance = file.provenance
            has_hierarchy = "hierarchy/parent" in file.columns or not file.recipe.has_hierarchy
        found = reproduction(name, provenance.content, has_hierarchy, provenance.stream_version, provenance.versions)
        reproduced = found.reproduced
        table |= {"content": found.found, "catalogue_content": found.expected, "reproduced": reproduced}
        lines.append(f"{name}: {found.words}")
    if options.json:
        print_json(table)
    else:
        print("\n".join(lines))
    return NO if reproduced is False else DONE


def print_json(value: object) -> None:
    """Print plain values as JSON; what is not finite becomes null."""
    from fractalman.report import jsonable

    print(json.dumps(jsonable(value), indent=2, ensure_ascii=False, allow_nan=False))
