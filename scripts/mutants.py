"""Are faults noticed? Plants one fault at a time in a copy of the clone and runs the tests of the package it is in.

python scripts/mutants.py [--only NUMBER ...] [--json FILE] [-- pytest's arguments]

A fault is a text that stands in one place of the package, and what is put there instead; it is found wherever it has
moved. Prints for each whether a test failed, and exits with 1 if one was not noticed. Use it before and after tests are
removed or marked slow: no fault may become invisible. The fast tests are asked; with `-- --all` the slow ones, too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Mutant(NamedTuple):
    """One fault, and the folders or files of tests/ that are asked about it, in this order, until one notices."""

    old: str
    new: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant("x_high * m_low + ((x_low * m_low) >> _u32)", "x_high * m_low", ("random/test_seeds.py", "random")),
    Mutant("p = p * z + 1.0 / 19.0", "p = p * z + 1.0 / 20.0", ("random/test_seeds.py", "random")),
    Mutant("while j >= columns:", "while j > columns:", ("trees/test_hierarchy.py", "trees")),
    Mutant("if number and u * s >= 1.0:", "if number and u * s >= 1.05:", ("families/test_ensembles.py", "families")),
    Mutant("np.int64(2 * s + 3)) == 0", "np.int64(2 * s + 2)) == 0", ("families/test_forests.py", "families")),
    Mutant("variance[i] = exp64(2.0 * exponent", "variance[i] = exp64(exponent",
           ("families/test_streaming.py", "families")),
    Mutant("lane_reject(g, v, lane_dot", "lane_reject(g, v, _f(0.9) * lane_dot",
           ("families/test_embedding.py", "families")),
    Mutant("rises = np.flatnonzero(np.diff(sizes) > 0)", "rises = np.flatnonzero(np.diff(sizes) > 1)",
           ("datasets/test_rules.py", "datasets")),
    Mutant("chosen[-1] >= n)", "chosen[-1] > n)", ("datasets/test_batches.py", "datasets")),
    Mutant("up += inverse(later[u] + conductance[p, 0])", "up += inverse(later[u])",
           ("theory/test_belief.py", "theory")),
    Mutant("rate = joins / points", "rate = joins / (points + 0.5)", ("theory/test_coverage.py", "theory")),
    Mutant("apart, due = X[held] - known.mean(axis=0)", "apart, due = X[held]", ("learners",)),
    Mutant("order.sort(key=lambda ridge: (risks[ridge]", "order.sort(key=lambda ridge: (-risks[ridge]", ("learners",)),
    Mutant("0.5 + confidence / 2.0", "confidence", ("measure",)),
    Mutant("(targets != source) & (row > 0.0)", "targets != source", ("measure",)),
    Mutant("np.sqrt((count - 1) / count * np.square(spread)", "np.sqrt(1 / count * np.square(spread)", ("measure",)),
    Mutant("np.std(moved, ddof=1)", "np.std(moved, ddof=1) / 2", ("prediction",)),
    Mutant("beyond = abs(difference) > half_width", "beyond = abs(difference) > 2 * half_width", ("experiments",)),
    Mutant("np.maximum(1.0 - leverage, 1e-9)", "np.maximum(1.0, 1e-9)", ("studies",)),
    Mutant("between / spread if", "1 - between / spread if", ("studies",)),
)  # fmt: skip


def place(root: Path, mutant: Mutant) -> Path:
    """Return the module that holds a fault's place; exactly one does."""
    found = [path for path in sorted((root / "fractalman").rglob("*.py")) if mutant.old in path.read_text("utf-8")]
    if len(found) != 1 or found[0].read_text("utf-8").count(mutant.old) != 1:
        names = ", ".join(path.relative_to(root).as_posix() for path in found)
        sys.exit(
            f"expected one place with {mutant.old!r}, found {names or 'none'}: mend the list in {Path(__file__).name}"
        )
    return found[0]


def noticed(root: Path, tests: tuple[str, ...], arguments: list[str]) -> str:
    """Run tests in a copy until one fails and return its name, or nothing."""
    # Programs are found by the text that they were made of, so those of the clone itself serve where they are kept.
    kept = os.environ.get("FRACTALMAN_CACHE") or str(root.parent / "cache")
    environment = {**os.environ, "PYTHONPATH": str(root), "CI": "true", "FRACTALMAN_CACHE": kept}
    for folder in tests:
        command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", f"tests/{folder}", *arguments]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
        if done.returncode not in {0, 1}:
            sys.exit(f"pytest could not run in tests/{folder}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        if done.returncode == 1:
            return next(line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))).split(" - ")[
                0
            ]
    return ""


def main() -> None:
    """Plant every fault in turn and print what noticed it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=int, nargs="+", metavar="NUMBER", help="only these faults, counted from 1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what noticed each fault")
    parser.add_argument("arguments", nargs="*", help="for pytest")
    asked = parser.parse_args()
    missed, results = 0, {}
    with tempfile.TemporaryDirectory(prefix="fractalman-mutants-") as folder:
        # One copy for all: what was compiled for one fault and is not touched by the next is found again.
        root = Path(folder) / "clone"
        ignored = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache", ".hypothesis")
        shutil.copytree(ROOT, root, ignore=ignored)
        for number in asked.only or range(1, len(MUTANTS) + 1):
            mutant = MUTANTS[number - 1]
            path = place(root, mutant)
            whole = path.read_text("utf-8")
            path.write_text(whole.replace(mutant.old, mutant.new), encoding="utf-8")
            start = time.monotonic()
            by = noticed(root, mutant.tests, asked.arguments)
            path.write_text(whole, encoding="utf-8")
            missed += not by
            results[number] = by
            module = path.relative_to(root).as_posix()
            print(f"{number:2d} {module}: {by or 'NOT NOTICED'} ({time.monotonic() - start:.0f} s)", flush=True)
            if asked.json:
                asked.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"noticed: {len(results) - missed} of {len(results)}")
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
