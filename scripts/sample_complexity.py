#!/usr/bin/env python3
"""At which training-set size networks learn a Random Hierarchy Model, against n_c·m^L: runs, table and constant.

    .venv/bin/python scripts/sample_complexity.py -o /tmp/complexity      # runs what is missing, then writes the report

Of every grammar a sweep of multilayer perceptrons and of kernels and neighbours over sizes from a tenth to eight times
n_c·m^L. The size at which a learner's 0–1 risk is half of what the best constant has, between two sizes by a straight
line in ln n, is held against n_c·m^L. Every replicate has rules, strings and weights of its own.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np

from fractalman.experiments import Result, load_spec, run_sweep
from fractalman.theory.grammars import number_of_data, random_hierarchy_sample_complexity

GRAMMARS = (
    (2, 8, 8, 8), (2, 16, 8, 16), (2, 16, 16, 8), (3, 8, 3, 8), (3, 8, 4, 8), (3, 16, 4, 8), (3, 8, 6, 8), (4, 8, 2, 8),
    (4, 8, 3, 8),
)  # fmt: skip
"""(L, v, m, n_c), two symbols a production."""
SHARES = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
LEARNERS = ("mlp", "laplace-kernel", "1-nn", "logistic")
SEEDS, TEST = 3, 1024
NETWORK = {"width": 128, "depth": 2, "steps": 2000, "batch_size": 128}
REPORT = Path(__file__).resolve().parent.parent / "datasets" / "reference" / "SAMPLE_COMPLEXITY.md"


def spec_of(grammar: tuple[int, int, int, int], seeds: int = SEEDS) -> dict[str, object]:
    """Return the specification of a grammar's sweep."""
    levels, vocabulary, synonyms, classes = grammar
    due = random_hierarchy_sample_complexity(classes, synonyms, levels)
    return {
        "recipe": {
            "family": "random-hierarchy-model", "n_points": 1, "levels": levels, "vocabulary": vocabulary,
            "synonyms": synonyms, "classes": classes, "seed": 7,
        },
        "sweep": {
            "learners": list(LEARNERS), "train_sizes": [max(8, round(due * share)) for share in SHARES],
            "seeds": seeds, "test_size": TEST,
        },
        "mlp": NETWORK,
    }  # fmt: skip


def half_size(sizes: np.ndarray, shares: np.ndarray) -> float:
    """Return where shares of the constant's risk first fall below ½, nan where they never do.

    Parameters
    ----------
    sizes : (k,) float64
        Rising.
    shares : (k,) float64
        Risk over that of the best constant.
    """
    below = np.flatnonzero(shares < 0.5)
    if not below.size or below[0] == 0:
        return math.nan
    i = below[0]
    part = (shares[i - 1] - 0.5) / (shares[i - 1] - shares[i])
    return float(np.exp(np.log(sizes[i - 1]) + part * np.log(sizes[i] / sizes[i - 1])))


def halves(result: Result, learner: str) -> np.ndarray:
    """Return the size of half the constant's risk for every replicate of a sweep."""
    points = [point for point in result.points if point.learner == learner]
    sizes = np.array(sorted({point.n for point in points}), np.float64)
    found = []
    for seed in sorted({point.seed for point in points}):
        shares = {point.n: point.risk / point.v_in for point in points if point.seed == seed}
        found.append(half_size(sizes, np.array([shares[int(n)] for n in sizes])))
    return np.array(found)


def main(arguments: list[str] | None = None) -> int:
    """Run, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the journals")
    parser.add_argument("--grammars", type=int, default=len(GRAMMARS), help="the first so many")
    parser.add_argument("--report", type=Path, default=REPORT, help="the file that is written")
    options = parser.parse_args(arguments)
    results = {}
    for grammar in GRAMMARS[: options.grammars]:
        name = "L{}-v{}-m{}-c{}".format(*grammar)
        results[grammar] = run_sweep(load_spec(spec_of(grammar)), options.output / name, progress=_say(name))
    for grammar, result in results.items():
        due = random_hierarchy_sample_complexity(grammar[3], grammar[2], grammar[0])
        strings = number_of_data(grammar[3], grammar[2], 2, grammar[0])
        print(grammar, due, strings, {name: (halves(result, name) / due).round(2).tolist() for name in LEARNERS})
    return 0


def _say(name: str):  # type: ignore[no-untyped-def]
    return lambda text: print(f"{name}: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
