"""Cells of a long measurement, a line of a file each: what is there is not measured again, and time may end it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Cell = tuple[str | int, ...]


def journalled(
    cells: Iterable[tuple[Cell, Callable[[], Any]]], journal: Path | None, minutes: float
) -> dict[Cell, Any] | None:
    """Return cell → what was found, plain JSON values, in the cells' order; None where the time ended first.

    Args:
        cells: every cell with what measures it. journal: the file; None = nothing is kept.
        minutes: of processor time, after which no other cell is begun.
    """
    lines = journal.read_text(encoding="utf-8").splitlines() if journal and journal.exists() else []
    kept = {tuple(entry["cell"]): entry["found"] for entry in map(json.loads, lines)}
    found = {}
    for cell, measure in cells:
        if cell not in kept:
            if time.process_time() > 60.0 * minutes:
                print("stopped by --minutes: the same command goes on", file=sys.stderr)
                return None
            kept[cell] = measure()
            print(*cell, file=sys.stderr, flush=True)
            if journal:
                with journal.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"cell": cell, "found": kept[cell]}) + "\n")
        found[cell] = kept[cell]
    return found
