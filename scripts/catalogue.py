#!/usr/bin/env python3
"""Compute the catalogue's digest table, entry by entry, and write datasets/catalogue.md from it.

    .venv/bin/python scripts/catalogue.py [--only 'cascade-*'] [--most-bytes 3e9] [--again] [--table]

No dataset is written to disk: columns are made, hashed and forgotten. Rows whose recipe and streams have not changed
are kept, and the table is saved after every entry, so a run that was stopped goes on where it was. `--again` computes
rows anew that look current (after a change of the file's columns), `--table` computes none, it writes the document.
Exit status 1: an entry that was computed anew differs from the row it had, though recipe and streams are the same.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import sys
import time
from pathlib import Path

import fractalman as fm
from fractalman.catalogue import catalogue_names, catalogue_recipe
from fractalman.catalogue.digests import TABLE, Listed, digests_from_csv, digests_to_csv, recipe_mark
from fractalman.families.base import memory_of
from fractalman.generation.contents import file_contents
from fractalman.random.keys import STREAM_VERSION
from fractalman.report.catalogue_table import catalogue_document

ROOT = Path(__file__).resolve().parent.parent
DIGESTS = ROOT / "fractalman" / "catalogue" / TABLE
DOCUMENT = ROOT / "datasets" / "catalogue.md"


def computed(name: str) -> Listed:
    """Make an entry and return its row."""
    recipe = catalogue_recipe(name)
    held = file_contents(recipe, progress=lambda column: print(f"  {column}", file=sys.stderr, flush=True))
    return Listed(name, held.points, held.columns, held.bytes, held.content, held.without_hierarchy, STREAM_VERSION,
                  fm.__version__, recipe_mark(recipe))  # fmt: skip


def save(rows: dict[str, Listed], digests: Path) -> None:
    """Replace the digest table; entries that are no longer in the catalogue leave it."""
    partial = digests.with_name(f".{digests.name}.{os.getpid()}.partial")
    partial.write_text(digests_to_csv(rows[name] for name in catalogue_names() if name in rows), encoding="ascii")
    partial.replace(digests)


def main(arguments: list[str] | None = None, digests: Path = DIGESTS, document: Path = DOCUMENT) -> int:
    """Compute what is missing and write both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", default="*", help="names to compute, with wildcards")
    parser.add_argument("--most-bytes", type=float, default=3e9, help="leave out entries that need more memory")
    parser.add_argument("--again", action="store_true", help="compute rows that look current as well")
    parser.add_argument("--table", action="store_true", help="compute nothing, write the document only")
    options = parser.parse_args(arguments)
    rows = digests_from_csv(digests.read_text(encoding="ascii")) if digests.exists() else {}
    differing = []
    names = [name for name in catalogue_names() if fnmatch.fnmatch(name, options.only)]
    if not names:
        print(f"no catalogue name fits {options.only!r}: run fractalman list", file=sys.stderr)
        return 2
    for name in [] if options.table else names:
        recipe, old = catalogue_recipe(name), rows.get(name)
        current = old is not None and old.recipe == recipe_mark(recipe)
        if current and not options.again:
            continue
        if memory_of(recipe).peak_bytes() > options.most_bytes:
            print(f"{name}: left out, it needs {memory_of(recipe).peak_bytes():,} bytes", file=sys.stderr)
            continue
        start = time.perf_counter()
        rows[name] = computed(name)
        print(f"{name}: {rows[name].content}, {time.perf_counter() - start:.1f} s", flush=True)
        if current and old is not None and old.content != rows[name].content:
            print(f"{name}: the table had {old.content} for the same recipe and streams", file=sys.stderr)
            differing.append(name)
        save(rows, digests)
    document.write_text(catalogue_document(rows), encoding="utf-8")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
