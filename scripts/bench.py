#!/usr/bin/env python3
"""Speed and memory of fractalman, as ratios measured in one run on one machine.

    .venv/bin/python scripts/bench.py [--points 100000] [--dim 128] [--repeats 7] [--json]

Every figure is the median over the repeats. The yardstick is NumPy filling a fresh float32 array of the same shape with
normals on one thread, timed in turn with the measured call, so that a machine whose speed drifts does not matter.
Memory is the growth of the resident set of a warm process over the arrays that are returned.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import fractalman as fm
from fractalman import build, geometry
from fractalman._jit import n_threads

TWIN_POINTS = 1500  # the twin takes minutes at full size; it is compared per point


def seconds(call: Callable[[], Any]) -> float:
    """One timed call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def alternately(repeats: int, *calls: Callable[[], Any]) -> list[list[float]]:
    """Time the calls in turn, A B A B …, after one warm-up of each."""
    for call in calls:
        call()
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for kept, call in zip(times, calls, strict=True):
            kept.append(seconds(call))
    return times


def fill(n: int, d: int) -> np.ndarray:
    """The yardstick: a fresh array of single-precision normals."""
    out = np.empty((n, d), np.float32)
    np.random.Generator(np.random.PCG64(0)).standard_normal(out=out, dtype=np.float32)
    return out


def twin_seconds(n: int, d: int) -> float:
    """The plain-Python twins building the same small cluster."""
    from fractalman.embedding import _reference as embedding
    from fractalman.geometry import _reference as reference
    from fractalman.labels import _reference as labels
    from fractalman.seeds import Role, key64

    def call() -> None:
        edges, parent, size = reference.critical_cluster(n, 0)
        tree_parent, _ = geometry.rooted_order(np.array(edges), n, 0)
        embedding.tree_coordinates(key64(0, Role.DIRECTION, 0), parent, tree_parent.tolist(), n, d, 0.1)
        value = labels.hierarchical_values(key64(0, Role.LATENT, 0, 0), [1.0] * len(size))
        for i in range(n):
            labels.path_sum(parent, value, i)

    return seconds(call)


def returned_bytes(data: fm.Dataset) -> int:
    """Bytes of the distinct arrays of a dataset."""
    arrays = [data.X, data.y, data.cluster]
    arrays += [] if data.edges is None else [data.edges]
    for part in (data.hierarchy, data.label_tree):
        if part is not None:
            arrays += [v for v in vars(part).values() if isinstance(v, np.ndarray)]
    return sum({a.ctypes.data: a.nbytes for a in arrays}.values())


def memory_child(recipe_toml: str) -> None:
    """In a fresh process: warm up, note the resident set, generate, print growth and bytes returned.

    The kernel's high-water mark is reset after the warm-up: compiling takes more memory than a small dataset.
    """
    recipe = fm.from_toml(recipe_toml)
    fm.generate(recipe.replace(n_points=2000))
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    data = fm.generate(recipe)
    print(json.dumps({"growth": _status("VmHWM") - before, "returned": returned_bytes(data)}))


def _status(name: str) -> int:
    """A line of /proc/self/status in bytes (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def memory(recipe: fm.Recipe) -> dict[str, float]:
    """Growth of the resident set over the arrays returned."""
    command = [sys.executable, __file__, "--memory-child", recipe.to_toml()]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(out)
    found["ratio"] = found["growth"] / found["returned"]
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--memory-child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_child:
        memory_child(options.memory_child)
        return 0
    n, d, repeats = options.points, options.dim, options.repeats
    median = statistics.median
    cluster = fm.PercolationCluster(n_points=n, ambient_dim=d)
    cascade = fm.Cascade(n_points=n, ambient_dim=d)
    small = fm.PercolationCluster(n_points=TWIN_POINTS, ambient_dim=d)

    whole, yardstick = alternately(repeats, lambda: fm.generate(cluster), lambda: fill(n, d))
    tree, structure = alternately(repeats, lambda: geometry.critical_cluster(n, 0), lambda: build.structure(cluster))
    fractal, again = alternately(max(3, repeats // 2), lambda: fm.generate(cascade), lambda: fill(n, d))
    quick, _ = alternately(repeats, lambda: fm.generate(small), lambda: None)
    data = fm.generate(cluster)
    assert data.hierarchy is not None
    features, floor = alternately(
        3,
        lambda: data.hierarchy.features(values=True),  # type: ignore[union-attr]
        lambda: fm.theory.bayes_risk(data, observed=np.arange(n) % 16 == 0),
    )
    held = memory(cluster)
    rows: dict[str, Any] = {
        "points": n,
        "dimensions": d,
        "threads": n_threads(),
        "processor": platform.processor() or platform.machine(),
        "fill_seconds": median(yardstick),
        "cluster_seconds": median(whole),
        "cluster_over_fill": median(a / b for a, b in zip(whole, yardstick, strict=True)),
        "tree_and_hierarchy_us_per_point": median(tree) / n * 1e6,
        "structure_and_labels_us_per_point": median(structure) / n * 1e6,
        "twin_over_kernel_per_point": twin_seconds(TWIN_POINTS, d) / median(quick),
        "cascade_seconds": median(fractal),
        "cascade_over_fill_per_level": median(a / b for a, b in zip(fractal, again, strict=True)) / cascade.levels,
        "features_seconds": median(features),
        "bayes_floor_us_per_point": median(floor) / n * 1e6,
        "memory_growth_over_arrays": held["ratio"],
    }
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        for name, value in rows.items():
            print(f"{name:36s} {value:.4g}" if isinstance(value, float) else f"{name:36s} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
