"""What several commands use: names of files and recipes, progress on stderr, JSON on stdout, the exit statuses."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fractalman._files import as_path, nearby
from fractalman.config import shown
from fractalman.errors import RecipeError

DONE, NO, WRONG, FAILED, TERMINATED, INTERRUPTED = 0, 1, 2, 3, 143, 130


def existing_file(name: str) -> Path:
    """Return the path of a file that must be there; RecipeError for a folder or nothing."""
    path = as_path(name, "a fractalman file")
    said = name if name.isprintable() else shown(name)  # a line break would make two messages of one
    if path.is_dir():
        raise RecipeError(f"{said} is a folder: expected a fractalman file")
    if not path.exists():
        from fractalman.catalogue import catalogue_names

        made = f"; {name} is a name of the catalogue, use fractalman generate {name} -o {name}.h5 first"
        hint = made if name in catalogue_names() else nearby(name)
        raise RecipeError(f"no file {said} found: use the path of a fractalman file{hint}")
    return path


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


@contextlib.contextmanager
def at_work(what: str, every: float = 2.0) -> Iterator[None]:
    """Say in a terminal that work goes on which cannot tell how far it is: "what: 4 s", in one line that is taken away.

    Parameters
    ----------
    what : str
        What is at work.
    every : float, default 2
        Seconds between two words, and before the first.
    """
    if not sys.stderr.isatty():
        yield
        return
    over, begun, widest = threading.Event(), time.monotonic(), 0

    def say() -> None:
        nonlocal widest
        while not over.wait(every):
            line = f"{what}: {time.monotonic() - begun:.0f} s"
            widest = max(widest, len(line))
            print(f"\r{line}", end="", file=sys.stderr, flush=True)

    speaker = threading.Thread(target=say, daemon=True)
    speaker.start()
    try:
        yield
    finally:
        over.set()
        speaker.join()
        if widest:
            print(f"\r{' ' * widest}\r", end="", file=sys.stderr, flush=True)


def program() -> str:
    """Return what to type for this program: its name where the shell finds this very one, else its path.

    Returns
    -------
    str
        For example ``fractalman``, or ``.venv/bin/fractalman`` in a clone whose environment is not active.
    """
    here = Path(sys.executable).with_name("fractalman")
    found = shutil.which("fractalman")
    if found is not None and (not here.exists() or Path(found).samefile(here)):
        return "fractalman"
    if not here.exists():
        return f"{sys.executable} -m fractalman"
    return str(here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here)


def print_json(value: object) -> None:
    """Print plain values as JSON; what is not finite becomes null."""
    from fractalman.report import jsonable

    print(json.dumps(jsonable(value), indent=2, ensure_ascii=False, allow_nan=False))
