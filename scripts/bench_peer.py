#!/usr/bin/env python3
"""The reference implementation of percolation data beside fractalman, in one process, as ratios of processor time.

    .venv/bin/python scripts/bench_peer.py FOLDER [--points 100000] [--dim 128] [--repeats 3]
        [--mode distribution] [--json]

FOLDER is a clone of github.com/aribrill/percolation-synthetic-data, whose requirements are installed. Both make a
dataset of as many points with coordinates, labels and the sparse matrix of all latent features with their values, in
turn, after a small one each that loads and compiles, ours nine times in a turn: it takes a hundredth of theirs.
Processor time of all threads, medians, and the range of the ratios; ours keeps X in single precision, theirs in double.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fractalman as fm

CALLS = 9
"""Of ours in a turn."""


def ours(mode: str, points: int, dim: int, seed: int) -> Any:
    """A dataset and its features by this package."""
    family = {"one_cluster": fm.PercolationCluster, "distribution": fm.PercolationEnsemble}[mode]
    data = fm.generate(family(n_points=points, ambient_dim=dim, seed=seed))
    if data.hierarchy is None:
        raise RuntimeError("the dataset came without its hierarchy")
    return data, data.hierarchy.features(values=True)


def theirs(mode: str, points: int, dim: int, seed: int) -> Any:
    """The same by the reference implementation."""
    from percolation_dataset import (  # type: ignore[import-not-found]
        GroundTruthFeatures,
        PercolationDataset,
        Seeds,
    )

    made = PercolationDataset(mode=mode, seeds=Seeds(graph=seed, embed=seed + 10_000, value=seed + 20_000))
    nodes, latents, X, y = made.construct_embed(size=points, d=dim)
    return X, y, GroundTruthFeatures(nodes, latents).get_latent_features(use_values=True)


def timed(call: Callable[..., Any], *arguments: Any) -> float:
    """Processor seconds of a call."""
    before = time.process_time()
    call(*arguments)
    return time.process_time() - before


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="clone of the reference implementation")
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--mode", choices=("one_cluster", "distribution"), default="distribution")
    parser.add_argument("--json", action="store_true", help="medians in seconds")
    asked = parser.parse_args()
    sys.path.insert(0, str(asked.folder))
    for make in (ours, theirs):
        make(asked.mode, 500, 8, 0)
    turns = []
    for seed in range(asked.repeats):
        sizes = (asked.mode, asked.points, asked.dim, seed)
        turns.append((timed(theirs, *sizes), statistics.median(timed(ours, *sizes) for _ in range(CALLS))))
    ratios = [a / b for a, b in turns]
    if asked.json:
        medians = {"theirs": statistics.median(a for a, _ in turns), "ours": statistics.median(b for _, b in turns)}
        print(json.dumps({"points": asked.points, "dim": asked.dim, **medians}))
        return 0
    print(
        f"{asked.mode}, {asked.points} × {asked.dim}: {statistics.median(a for a, _ in turns):.3g} s, here "
        f"{statistics.median(b for _, b in turns):.3g} s: {statistics.median(ratios):.0f} times less "
        f"({min(ratios):.0f} … {max(ratios):.0f})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
