#!/usr/bin/env python3
"""Two recovery campaigns side by side, short training and long, as the table that RECOVERY.md shows.

    .venv/bin/python scripts/recovery_tables.py datasets/reference/recovery/cascade-means.csv \\
        datasets/reference/recovery/converged-cascade-means.csv

Reads the means.csv of ``fractalman recovery`` (the first of 800 steps, the second of 6400) and prints one row for each
dictionary, width and sparsity that the second has; ± is its half width.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

Means = dict[tuple[str, str, str], dict[str, tuple[float, float]]]
PREDICTED = ("error-nested", "error-selected", "error-wide")


def means_of(path: Path) -> Means:
    """Return number and half width of every quantity that has no scale, by dictionary, width and sparsity."""
    found: Means = {}
    with path.open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            if not row["scale"] and row["number"]:
                cell = found.setdefault((row["dictionary"], row["width"], row["sparsity"]), {})
                cell[row["quantity"]] = (float(row["number"]), float(row["half_width"] or "nan"))
    return found


def line_of(cell: tuple[str, str, str], short: Means, long: Means) -> str:
    """Return a row of the table."""
    after, before = long[cell], short.get(cell, {})

    def moved(name: str, digits: int) -> str:
        number, half = after[name]
        first = f"{before[name][0]:.{digits}f} → " if name in before else ""
        return f"{first}{number:.{digits}f} ± {half:.{digits}f}"

    predicted = ", ".join(f"{after[name][0]:.3f}" if name in after else "—" for name in PREDICTED)
    found = "{:.1f} ± {:.1f}".format(*after["found"])
    composed = moved("composed", 2) if "composed" in after else "—"
    scores = (moved("mcc", 3), moved("best-f1", 3), moved("error", 3), predicted, found, composed)
    name, width, sparsity = cell
    return f"| {name} | {width} | {sparsity} | {after['l0'][0]:.1f} | {' | '.join(scores)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("short", type=Path, help="means.csv of 800 steps")
    parser.add_argument("long", type=Path, nargs="+", help="means.csv of 6400 steps, one or several (widths)")
    options = parser.parse_args()
    short, long = means_of(options.short), {}
    for path in options.long:
        long |= means_of(path)
    heads = "dictionary | width | sparsity | L0 | MCC | best F1 | error | nested, selected, least | found | composed"
    print(f"| {heads} |\n|{'---|' * (heads.count('|') + 1)}")
    for cell in sorted(long, key=lambda one: (int(one[1]), list(long).index(one))):
        print(line_of(cell, short, long))


if __name__ == "__main__":
    main()
