#!/usr/bin/env python3
"""The verdicts of the journals in datasets/reference, made again with today's predictions.

    .venv/bin/python scripts/reference_verdicts.py            # rewrite datasets/reference/verdicts.json
    .venv/bin/python scripts/reference_verdicts.py --check    # exit with 1 if one of them has moved

It takes about ten minutes: the predictions are averages over drawn structures.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

from fractalman.experiments import load_result

REFERENCE = Path(__file__).resolve().parent.parent / "datasets" / "reference"
KEYS = (
    "learner", "slope_agrees", "measured", "standard_error", "half_width", "sigma", "predicted", "predicted_local",
    "predicted_local_error", "window", "n_sizes", "n_seeds", "regimes", "fitted", "law",
)  # fmt: skip
"""What is kept of a verdict: its numbers, not its words."""
TOLERANCE = 1e-9


def runs(root: Path = REFERENCE) -> list[Path]:
    """Return the folders that hold a journal, in the order of their names."""
    return sorted({path.parent for path in root.glob("*/journal*.jsonl")})


def verdicts(folder: Path) -> list[dict[str, Any]]:
    """Return what is kept of the verdicts of one run."""
    return [{key: verdict.to_dict()[key] for key in KEYS} for verdict in load_result(folder).verdicts]


def moved(before: Any, after: Any) -> bool:
    """Whether two values differ by more than rounding."""
    if isinstance(before, float) and isinstance(after, float):
        return not math.isclose(before, after, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) != len(after) or any(map(moved, before, after))
    return bool(before != after)


def main(arguments: list[str] | None = None) -> int:
    """Write or check the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    file = REFERENCE / "verdicts.json"
    found = {}
    for folder in runs():
        found[folder.name] = verdicts(folder)
        print(folder.name, [(entry["learner"], entry["slope_agrees"]) for entry in found[folder.name]], flush=True)
    if not options.check:
        file.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return 0
    kept = json.loads(file.read_text(encoding="utf-8"))
    wrong = [
        f"{name} {before['learner']}.{key}: {before[key]} is now {after[key]}"
        for name in kept
        for before, after in zip(kept[name], found[name], strict=True)
        for key in KEYS
        if moved(before[key], after[key])
    ]
    print("\n".join(wrong))
    return 1 if wrong or kept.keys() != found.keys() else 0


if __name__ == "__main__":
    sys.exit(main())
