#!/usr/bin/env python3
"""Throughput of shuffled reading against sequential reading of the same file, measured in turn in one run.

    .venv/bin/python scripts/bench_readers.py [--points 400000] [--dim 128] [--batch 256] [--repeats 5] [--json]

Sequential: X and y of an open file, block after block, every row looked at by nobody. Shuffled: one epoch of
`fractalman.batches`. Items: single rows in random order. Figures are rows a second, of the fastest of the repeats, and
their ratios to sequential reading; the file is in the system's cache. With PyTorch installed, its loader as well.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import fractalman as fm

ITEMS = 1000
MEBI = 1 << 20


def sequential(f: Any) -> int:
    """Read everything in order."""
    rows = sum(len(block) for _, block in f.X.blocks())
    assert rows == sum(len(block) for _, block in f.y.blocks())
    return rows


def shuffled(source: Any, batch: int, buffer_bytes: int) -> int:
    """Read one epoch."""
    return sum(len(y) for _, y in fm.batches(source, batch, buffer_bytes=buffer_bytes))


def items(f: Any) -> int:
    """Read single rows anywhere."""
    for row in np.random.default_rng(0).integers(0, f.n_points, ITEMS):
        _ = f.X[int(row)], f.y[int(row)]
    return ITEMS


def loader(path: Path, batch: int, buffer_bytes: int, workers: int) -> int:
    """Read one epoch through PyTorch."""
    from torch.utils.data import DataLoader

    from fractalman.torch import BatchDataset

    dataset = BatchDataset(path, batch, buffer_bytes=buffer_bytes)
    return sum(len(y) for _, y in DataLoader(dataset, batch_size=None, num_workers=workers))


def measured(path: Path, batch: int, repeats: int) -> dict[str, float]:
    """Return rows a second of every way to read, the fastest of ``repeats`` turns; the first turn warms up."""
    with fm.open(path) as f:
        memory = f.dataset()
        ways: dict[str, Callable[[], int]] = {
            "sequential": lambda: sequential(f),
            "shuffled, 16 MiB": lambda: shuffled(f, batch, 16 * MEBI),
            "shuffled, 64 MiB": lambda: shuffled(f, batch, 64 * MEBI),
            "shuffled, 256 MiB": lambda: shuffled(f, batch, 256 * MEBI),
            "shuffled, from memory": lambda: shuffled(memory, batch, 64 * MEBI),
            "items": lambda: items(f),
        }
        if importlib.util.find_spec("torch"):
            for workers in (0, 1, 2):
                ways[f"PyTorch, {workers} workers"] = lambda w=workers: loader(path, batch, 64 * MEBI, w)  # type: ignore[misc]
        best = dict.fromkeys(ways, 0.0)
        for turn in range(repeats + 1):
            for name, way in ways.items():
                start = time.perf_counter()
                rows = way()
                rate = rows / (time.perf_counter() - start)
                if turn:
                    best[name] = max(best[name], rate)
    return best


def main() -> int:
    """Write a file, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--points", type=int, default=400_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        recipe = fm.Cascade(n_points=options.points, ambient_dim=options.dim, depth=8)
        path = fm.write(recipe, Path(folder) / "bench.h5", hierarchy=False)
        rates = measured(path, options.batch, options.repeats)
        rows = {
            name: {
                "rows_per_second": rate,
                "bytes_per_second": rate * (4 * options.dim + 8),
                "over_sequential": rate / rates["sequential"],
            }
            for name, rate in rates.items()
        }
    if options.json:
        print(
            json.dumps({"points": options.points, "dimensions": options.dim, "batch": options.batch, **rows}, indent=2)
        )
    else:
        for name, row in rows.items():
            print(f"{name:24s} {row['rows_per_second']:12,.0f} rows/s  {row['over_sequential']:.3g} of sequential")
    return 0


if __name__ == "__main__":
    sys.exit(main())
