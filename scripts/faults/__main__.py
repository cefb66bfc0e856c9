#!/usr/bin/env python3
"""Faults on purpose: damaged files, kills, full disks, impossible targets, hostile values, long hours; who noticed?

    .venv/bin/python scripts/faults mutation disks streams soak -o docs/faults

Each harness prints its table and, with -o, writes it to FOLDER/NAME.md. ``--share`` does that part of it, with the same
seed the same part; tests do a small one. Exit status 1 if anything was silent, unexpected or hung.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from outcome import choose, stop_after

HARNESSES = (
    "mutation",
    "results",
    "kills",
    "extension",
    "resources",
    "disks",
    "streams",
    "targets",
    "fuzz",
    "finite",
    "soak",
)


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("harness", nargs="+", choices=HARNESSES)
    parser.add_argument("--share", type=float, default=1.0, help="part of the attempts (default 1)")
    parser.add_argument("--seed", type=int, default=0, help="which mutants and moments (default 0)")
    parser.add_argument("-o", "--out", type=Path, metavar="FOLDER", help="write NAME.md there")
    parser.add_argument("--minutes", type=float, help="end after so many minutes, with the attempts made by then")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help="commands to kill, with commas")
    options = parser.parse_args()
    choose(options.only)
    if options.minutes is not None:
        stop_after(options.minutes)
    os.environ.setdefault("FRACTALMAN_THREADS", "1")
    bad = 0
    for name in options.harness:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="fractalman-faults-") as folder:
            tables = import_module(name).run(Path(folder), options.share, options.seed)
        took = f"Share {options.share:g}, seed {options.seed}, {time.monotonic() - begun:.0f} s.\n"
        text = "\n".join([f"# {name.capitalize()}\n", took, *(table.table() for table in tables)])
        print(text)
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            (options.out / f"{name}.md").write_text(text, encoding="utf-8")
        bad += sum(len(table.bad) for table in tables)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
