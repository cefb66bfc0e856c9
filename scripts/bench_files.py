#!/usr/bin/env python3
"""Speed and memory of files, as ratios measured in one run on one machine.

    .venv/bin/python scripts/bench_files.py [--megabytes 200] [--repeats 3] [--folder DIR] [--json]

Rates are megabytes of columns per second, the best of the repeats, all calls in turn. The yardsticks are the disk
itself (one plain file, forced to the disk) and h5py with a plain array (contiguous, no checksum). Every rate of writing
includes forcing the bytes to the disk, as publication does. "Made" is making the same blocks and throwing them away.
Memory is the growth of the resident set of a warm process. Files go to --folder and are deleted again: about four times
the megabytes asked for.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import fractalman as fm
from fractalman._threads import n_threads
from fractalman.datasets import write_columns
from fractalman.generation.columns import file_columns


def seconds(call: Callable[[], Any]) -> float:
    """One timed call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def processor_seconds(call: Callable[[], Any]) -> float:
    """Processor time of one call, all threads together: what other work on the machine hardly changes."""
    before = os.times()
    call()
    after = os.times()
    return after.user + after.system - before.user - before.system


def alternately(repeats: int, *calls: Callable[[], Any]) -> list[float]:
    """The best time of every call, A B C A B C …, after one warm-up of each."""
    for call in calls:
        call()
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for kept, call in zip(times, calls, strict=True):
            kept.append(seconds(call))
    return [min(kept) for kept in times]


def plain_file(path: Path, data: memoryview) -> None:
    """The disk itself: one file, written and forced out."""
    with path.open("wb", buffering=0) as file:
        for start in range(0, len(data), 4 << 20):
            file.write(data[start : start + (4 << 20)])
        os.fsync(file.fileno())


def plain_hdf5(path: Path, X: np.ndarray[Any, Any]) -> None:
    """h5py with a plain array, forced out."""
    with h5py.File(path, "w") as file:
        file.create_dataset("X", data=X)
    with path.open("rb") as written:
        os.fsync(written.fileno())


def read_hdf5(path: Path) -> None:
    """All of a plain array."""
    with h5py.File(path) as file:
        file["X"][:]


def read_dataset(path: Path) -> None:
    """All of X, checksums included."""
    with fm.open(path) as file:
        file.X[:]


def make(recipe: fm.Recipe, hierarchy: bool, folder: Path) -> None:
    """Make what `write` makes, block by block, and throw it away."""
    for source in file_columns(recipe, hierarchy, folder).values():
        if not isinstance(source, np.ndarray):
            for _ in source.source.blocks():  # without the thread that makes them ahead of a writer
                pass


def column_bytes(path: Path) -> int:
    """Bytes of all columns of a file in memory."""
    with fm.open(path) as file:
        return sum(column.nbytes for column in file.columns.values())


def memory_child(recipe_toml: str, hierarchy: str, path: str) -> None:
    """In a fresh process: write a small dataset, note the resident set, write this one, print its growth."""
    recipe = fm.from_toml(recipe_toml)
    fm.write(recipe.replace(n_points=20_000), path, hierarchy=hierarchy == "yes", overwrite=True)
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    fm.write(recipe, path, hierarchy=hierarchy == "yes", overwrite=True)
    print(_status("VmHWM") - before)


def _status(name: str) -> int:
    """A line of /proc/self/status in bytes (Linux)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def growth(recipe: fm.Recipe, hierarchy: bool, folder: Path) -> int:
    """Growth of the resident set while a dataset is written."""
    path = folder / "memory.h5"
    words = ["--memory-child", recipe.to_toml(), "yes" if hierarchy else "no", str(path)]
    out = subprocess.run([sys.executable, __file__, *words], check=True, capture_output=True, text=True).stdout
    path.unlink()
    return int(out)


def yardsticks(n: int, d: int, repeats: int, folder: Path) -> dict[str, Any]:
    """The disk, h5py with a plain array, and a dataset from memory."""
    X = np.random.Generator(np.random.PCG64(0)).standard_normal((n, d), dtype=np.float32)
    plain, hdf5, dataset = folder / "plain.bin", folder / "plain.h5", folder / "data.h5"
    columns = {"X": X, "y": np.zeros(n), "cluster": np.zeros(n, np.int64)}
    table = fm.Cascade(n_points=n, ambient_dim=d).to_dict()
    disk, h5, ours, h5_read, ours_read = alternately(
        repeats,
        lambda: plain_file(plain, memoryview(X).cast("B")),
        lambda: plain_hdf5(hdf5, X),
        lambda: write_columns(dataset, columns, recipe=table, overwrite=True),
        lambda: read_hdf5(hdf5),
        lambda: read_dataset(dataset),
    )
    for path in (plain, hdf5, dataset):
        path.unlink()
    size, all_bytes = X.nbytes / 1e6, (X.nbytes + 16 * n) / 1e6
    return {
        "disk, MB/s": size / disk,
        "h5py plain array: write, MB/s": size / h5,
        "dataset from memory: write, MB/s": all_bytes / ours,
        "dataset over h5py, write": all_bytes / ours / (size / h5),
        "h5py plain array: read, MB/s": size / h5_read,
        "dataset: read X, MB/s": size / ours_read,
        "dataset over h5py, read": h5_read / ours_read,
    }


def streamed(name: str, recipe: fm.Recipe, hierarchy: bool, repeats: int, folder: Path) -> dict[str, Any]:
    """A recipe written against the same blocks made and thrown away."""
    dataset = folder / "data.h5"
    calls: list[Callable[[], Any]] = [
        lambda: make(recipe, hierarchy, folder),
        lambda: fm.write(recipe, dataset, hierarchy=hierarchy, overwrite=True),
    ]
    made, written = alternately(repeats, *calls)
    made_work, written_work = map(processor_seconds, calls)
    size = column_bytes(dataset) / 1e6
    dataset.unlink()
    return {
        f"{name}: made, MB/s": size / made,
        f"{name}: written, MB/s": size / written,
        f"{name}: written over made": made / written,
        f"{name}: written over made, processor time": made_work / written_work,
        f"{name}: memory while writing, MB": growth(recipe, hierarchy, folder) / 1e6,
    }


def sharded(recipe: fm.Recipe, repeats: int, folder: Path) -> dict[str, Any]:
    """Shards made here, one after the other, and joined, against one file."""
    dataset, index = folder / "data.h5", folder / "sharded.h5"

    def anew() -> None:
        shutil.rmtree(folder / "sharded.h5.shards", ignore_errors=True)
        fm.write_shards(recipe, index, 8, hierarchy=False, overwrite=True)

    one, eight = alternately(repeats, lambda: fm.write(recipe, dataset, hierarchy=False, overwrite=True), anew)
    return {"rate of 8 shards, one after the other, over one file": one / eight}


def measure(megabytes: int, repeats: int, folder: Path) -> dict[str, Any]:
    """All figures."""
    d = 64
    n = megabytes * 1_000_000 // (4 * d)
    cascade = fm.Cascade(n_points=n, ambient_dim=d)
    return {
        "megabytes of X": megabytes,
        "threads": n_threads(),
        **yardsticks(n, d, repeats, folder),
        **streamed("cascade", cascade, False, repeats, folder),
        **streamed("cascade with trees", cascade, True, repeats, folder),
        **streamed("cluster", fm.PercolationCluster(n_points=n, ambient_dim=d), False, repeats, folder),
        **streamed("sphere", fm.SmoothManifold(n_points=n, ambient_dim=d), False, repeats, folder),
        **sharded(cascade, repeats, folder),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--memory-child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_child:
        memory_child(*options.memory_child)
        return 0
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        rows = measure(options.megabytes, options.repeats, Path(folder))
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        for name, value in rows.items():
            print(f"{name:52s} {value:.4g}" if isinstance(value, float) else f"{name:52s} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
