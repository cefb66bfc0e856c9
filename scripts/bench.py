#!/usr/bin/env python3
"""Speed and memory of fractalman, as ratios measured in one run on one machine.

    .venv/bin/python scripts/bench.py [--points 100000] [--only NAME …] [--large] [--repeats 5] [--json] [--list]

A row is timed in turn with its yardstick, NumPy filling a fresh float32 array of as many rows and of the row's columns
with normals on one thread, so that a machine whose speed drifts does not matter: *fills* is the median of their
ratios, and *ns/item* the median time per point (or lattice site). *memory* is the growth of the resident set of a warm
process over the arrays that are returned (Linux). --large repeats the rows at their larger sizes: 10^6 and, where no
coordinates are made, 10^7 points.
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
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

import fractalman as fm
from fractalman import generation
from fractalman._threads import n_threads
from fractalman.families.lattice_percolation import sampler as lattice

WARM_UP = 2_000  # points; compiles everything
REFERENCE_POINTS = 1_500  # the reference takes minutes at full size; it is compared per point
SECONDS = 3.0  # a row is repeated at least once and no longer than this

Call = Callable[[], Any]


@dataclass(frozen=True)
class Row:
    """One line of the report.

    Args:
        name: as --only takes it.
        recipe: number of points → recipe.
        prepare: recipe → the call that is timed; what it does before that is not.
        columns: of the yardstick's array; None = those of the recipe's X.
        items: recipe → what the time is divided by; None = points.
        shared: recipe → number by which fills are divided (levels of a cascade).
        keeps: memory is measured: the call returns what it made.
        large: further sizes of --large.
    """

    name: str
    recipe: Callable[[int], fm.Recipe]
    prepare: Callable[[fm.Recipe], Call] = lambda recipe: lambda: fm.generate(recipe)
    columns: int | None = None
    items: Callable[[Any], int] | None = None
    shared: Callable[[Any], int] = lambda _recipe: 1
    keeps: bool = True
    large: tuple[int, ...] = (1_000_000,)


def tree(recipe: fm.Recipe) -> Call:
    """The tree and the hierarchy, without labels and coordinates."""
    return lambda: generation.tree(recipe)


def labelling(recipe: Any) -> Call:
    """The clusters of a box, site by site."""
    return lambda: lattice.lattice(recipe).labelled()


def features(recipe: fm.Recipe) -> Call:
    """The sparse matrix of points and latents, from a dataset made before."""
    hierarchy = generation.structure(recipe).hierarchy
    assert hierarchy is not None
    return lambda: hierarchy.features(values=True)


def floor(recipe: fm.Recipe) -> Call:
    """The Bayes floor with every sixteenth point seen."""
    made = generation.structure(recipe)
    seen = np.arange(made.y.size) % 16 == 0
    return lambda: fm.theory.bayes_risk(made, observed=seen)  # type: ignore[arg-type]


def box(points: int, dim: int, share: float) -> int:
    """The side of a box with about so many occupied sites."""
    return max(3, round((points / share) ** (1.0 / dim)))


def cubic(points: int, ambient_dim: int, **more: Any) -> fm.Recipe:
    """All clusters of sites of Z^3 at the threshold."""
    return fm.LatticePercolation(dim=3, side=box(points, 3, 0.31), ambient_dim=ambient_dim, clusters="all", **more)


TREES = (1_000_000, 10_000_000)
ROWS = (
    Row("cluster", lambda n: fm.PercolationCluster(n_points=n)),
    Row("cluster-nested", lambda n: fm.PercolationCluster(n_points=n, growth="nested")),
    Row("ensemble", lambda n: fm.PercolationEnsemble(n_points=n)),
    Row("ensemble-borel", lambda n: fm.PercolationEnsemble(n_points=n, sizes="borel")),
    Row("ensemble-size-biased", lambda n: fm.PercolationEnsemble(n_points=n, ensemble="size-biased")),
    Row("bethe", lambda n: fm.BetheLattice(n_points=n)),
    Row("lattice-3d", lambda n: cubic(n, 32)),
    Row("lattice-3d-narrow", lambda n: cubic(n, 3)),
    Row("lattice-3d-minimum", lambda n: cubic(n, 32, spanning_tree="minimum")),
    Row("lattice-2d-largest", lambda n: fm.LatticePercolation(dim=2, side=box(n, 2, 0.4))),
    Row("cascade", lambda n: fm.Cascade(n_points=n), shared=lambda recipe: recipe.levels),
    Row("cascade-random", lambda n: fm.Cascade(n_points=n, branching=(1, 16)), shared=lambda recipe: recipe.levels),
    Row("manifold", lambda n: fm.SmoothManifold(n_points=n)),
    Row("manifold-exact", lambda n: fm.SmoothManifold(n_points=min(n, 2000), field="exact"), large=()),
    Row("random-hierarchy", lambda n: fm.RandomHierarchyModel(n_points=n)),
    Row("language", lambda n: fm.GrammarLanguage(n_points=n)),
    Row("subtasks", lambda n: fm.Subtasks(n_points=n, within=fm.Cascade(n_points=1))),
    Row("parities", lambda n: fm.SparseParities(n_points=n)),
    Row("tree", lambda n: fm.PercolationCluster(n_points=n), tree, 128, large=TREES),
    Row("tree-nested", lambda n: fm.PercolationCluster(n_points=n, growth="nested"), tree, 128, large=TREES),
    Row("tree-ensemble", lambda n: fm.PercolationEnsemble(n_points=n), tree, 128, large=TREES),
    Row("tree-bethe", lambda n: fm.BetheLattice(n_points=n), tree, 128, large=TREES),
    Row(
        "labelling-3d",
        lambda n: fm.LatticePercolation(dim=3, side=box(n, 3, 0.31)),
        labelling,
        1,
        items=lambda recipe: recipe.sites,
        large=(5_228_000,),  # side 256
    ),
    Row("features", lambda n: fm.PercolationCluster(n_points=n), features, 128),
    Row("bayes-floor", lambda n: fm.PercolationCluster(n_points=n), floor, 128, keeps=False),
)


def seconds(call: Call) -> float:
    """One timed call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def fill(n: int, d: int) -> np.ndarray:
    """The yardstick: a fresh array of single-precision normals."""
    out = np.empty((n, d), np.float32)
    np.random.Generator(np.random.PCG64(0)).standard_normal(out=out, dtype=np.float32)
    return out


def measured(row: Row, n: int, repeats: int) -> dict[str, Any]:
    """Time a row at a size, in turn with its yardstick."""
    row.prepare(row.recipe(min(n, WARM_UP)))()
    recipe = row.recipe(n)
    call, columns = row.prepare(recipe), row.columns or recipe.n_columns
    points = getattr(recipe, "n_points", None) or n
    times, fills = [], []
    started = time.perf_counter()
    while not times or (len(times) < repeats and time.perf_counter() - started < SECONDS):
        times.append(seconds(call))
        fills.append(seconds(lambda: fill(points, columns)))
    shared = row.shared(recipe)
    return {
        "name": row.name,
        "points": points,
        "seconds": statistics.median(times),
        "fills": statistics.median(a / b for a, b in zip(times, fills, strict=True)) / shared,
        "shared_by": shared,
        "ns_per_item": statistics.median(times) / (row.items(recipe) if row.items else points) * 1e9,
        "repeats": len(times),
        "memory": memory(row, n) if row.keeps and sys.platform == "linux" else None,
    }


# ---------------------------------------------------------------------------------------------------- memory


def arrays(made: Any) -> dict[int, int]:
    """Bytes of the distinct arrays of what a call returned, by their addresses."""
    if isinstance(made, np.ndarray):
        return {made.ctypes.data: made.nbytes}
    if is_dataclass(made):
        parts = [getattr(made, field.name) for field in fields(made)]
    else:
        parts = [getattr(made, name) for name in ("data", "indices", "indptr") if hasattr(made, name)]
    return {place: size for part in parts for place, size in arrays(part).items()}


def memory(row: Row, n: int) -> float:
    """Growth of the resident set of a fresh, warm process over the arrays returned."""
    command = [sys.executable, __file__, "--memory-of", row.name, "--points", str(n)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def memory_child(row: Row, n: int) -> float:
    """In that process: the kernel's high-water mark is reset after the warm-up, for compiling takes memory as well."""
    row.prepare(row.recipe(WARM_UP))()
    call = row.prepare(row.recipe(n))
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    made = call()
    return (status("VmHWM") - before) / sum(arrays(made).values())


def status(name: str) -> int:
    """A line of /proc/self/status in bytes (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


# --------------------------------------------------------------------------------- the reference implementation


def reference_over_kernel() -> float:
    """How much longer the reference implementations take for the same small cluster."""
    from fractalman.families import _forests as forests
    from fractalman.random.streams import Role, key64
    from tests.reference import embedding as embedding
    from tests.reference import geometry as reference
    from tests.reference import labels as labels

    n, d = REFERENCE_POINTS, 128
    recipe = fm.PercolationCluster(n_points=n, ambient_dim=d)

    def call() -> None:
        edges, parent, size = reference.critical_cluster(n, 0)
        tree_parent, _ = forests.rooted_order(np.array(edges), n, 0)
        embedding.tree_coordinates(key64(0, Role.DIRECTION, 0), parent, tree_parent.tolist(), n, d, 0.1)
        value = labels.hierarchical_values(key64(0, Role.LATENT, 0, 0), [1.0] * len(size))
        for i in range(n):
            labels.path_sum(parent, value, i)

    fm.generate(recipe)
    return seconds(call) / statistics.median(seconds(lambda: fm.generate(recipe)) for _ in range(5))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    by_name = {row.name: row for row in ROWS}
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--only", metavar="NAME", choices=[*by_name, "reference"], action="append")
    parser.add_argument("--large", action="store_true", help="also the larger sizes of every row")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--list", action="store_true", help="the rows' names")
    parser.add_argument("--memory-of", choices=by_name, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.list:
        print("\n".join([*by_name, "reference"]))
        return 0
    if asked.memory_of:
        print(memory_child(by_name[asked.memory_of], asked.points))
        return 0
    found: list[dict[str, Any]] = []
    if not asked.json:
        print(f"{platform.processor() or platform.machine()}, {n_threads()} threads, numpy {np.__version__}")
        print(f"{'row':22s}{'points':>10s}{'seconds':>10s}{'fills':>10s}{'ns/item':>10s}{'memory':>8s}", flush=True)
    for name in asked.only or [*by_name, "reference"]:
        if name == "reference":
            continue
        for n in (asked.points, *(by_name[name].large if asked.large else ())):
            line = measured(by_name[name], n, asked.repeats)
            found.append(line)
            if not asked.json:
                held = "" if line["memory"] is None else f"{line['memory']:.2f}"
                share = f" per level of {line['shared_by']}" if line["shared_by"] > 1 else ""
                print(
                    f"{line['name']:22s}{line['points']:10d}{line['seconds']:10.3g}{line['fills']:10.3g}"
                    f"{line['ns_per_item']:10.4g}{held:>8s}{share}",
                    flush=True,
                )
    ratio = reference_over_kernel() if not asked.only or "reference" in asked.only else None
    if asked.json:
        machine = {"processor": platform.processor() or platform.machine(), "threads": n_threads()}
        versions = {"fractalman": fm.__version__, "numpy": np.__version__, "python": platform.python_version()}
        print(json.dumps({**machine, **versions, "rows": found, "reference_over_kernel": ratio}, indent=2))
    elif ratio is not None:
        print(f"the reference implementation of a cluster of {REFERENCE_POINTS} points takes {ratio:.0f} times as long")
    return 0


if __name__ == "__main__":
    sys.exit(main())
