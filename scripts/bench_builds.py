#!/usr/bin/env python3
"""Two builds of fractalman side by side: processor time of the same calls, as ratios measured in one run.

    .venv/bin/python scripts/bench_builds.py BEFORE [AFTER] [--only NAME …] [--repeats 5] [--points 400000]
        [--json | --table]

BEFORE and AFTER are folders with a checkout each (git worktree add; AFTER is this one unless it is named). One process
of each build is started; rows are called in turn, A B A B …, once to warm up and then --repeats times. A row prints the
median of each build's processor time (all threads together), which other work on the machine changes little; in units
of NumPy filling a float32 array of as many points × 64 with normals on one thread, measured in the same turn; and the
median and range of the ratios after/before. Fill, and h5py's reading of a plain array, are rows of their own: their
ratio says what the noise is. --table prints Markdown, with what is written beyond what is generated where both were
measured: the first columns of docs/performance.md.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

D = 64
ROWS = (
    "fill", "cascade", "cascade-random", "cluster", "ensemble", "sphere",
    "write-cluster", "write-ensemble", "write-cascade", "write-sphere", "write-hdf5", "plain-cluster", "plain-ensemble",
    "read-h5py", "read", "open-h5py", "open-h5py-full", "open-full", "read-full", "verify", "features",
    "laplace-kernel", "ntk-kernel", "ridge", "laplace-curve", "ntk-curve", "ridge-curve",
)  # fmt: skip
SWEPT = 2048
"""Training points of the rows on kernels."""

MADE = "made.h5"
"""What a call has written; it is removed when its time was taken."""

Call = Callable[[], Any]


def fill(n: int) -> None:
    """The yardstick: a fresh array of single-precision normals."""
    import numpy as np

    np.random.Generator(np.random.PCG64(0)).standard_normal(out=np.empty((n, D), np.float32), dtype=np.float32)


def calls(n: int, folder: Path) -> dict[str, Call]:
    """What is measured; files are written before."""
    import h5py
    import numpy as np
    import xxhash

    import fractalman as fm
    from fractalman.datasets import write_columns

    def generated(recipe: fm.Recipe) -> Call:
        return lambda: fm.generate(recipe)

    X = np.random.Generator(np.random.PCG64(0)).standard_normal((n, D), dtype=np.float32)
    plain, ours = folder / "plain.h5", folder / "ours.h5"
    with h5py.File(plain, "w") as file:
        file.create_dataset("X", data=X)
    columns = {"X": X, "y": np.zeros(n), "cluster": np.zeros(n, np.int64)}
    write_columns(ours, columns, recipe=fm.Cascade(n_points=n, ambient_dim=D).to_dict())
    hierarchy = fm.generate(fm.PercolationCluster(n_points=n // 4, ambient_dim=2)).hierarchy

    def read_plain() -> None:
        with h5py.File(plain) as file:
            file["X"][:]

    def read() -> None:
        with fm.open(ours) as file:
            file.X[:]

    @functools.cache
    def full() -> Path:
        """A file as people have them: three columns, edges and both trees, 14 in all."""
        return fm.write(fm.PercolationCluster(n_points=n, ambient_dim=D), folder / "full.h5")

    def read_full() -> None:
        with fm.open(full()) as file:
            file.X[:]

    def open_plain(path: Path) -> None:
        """What h5py takes to open every column of a file and its table of digests, and ask for type and shape."""

        def asked(_: str, held: Any) -> None:
            if isinstance(held, h5py.Dataset):
                found.append((held.shape, held.dtype))

        found: list[Any] = []
        with h5py.File(path) as file:
            file.visititems(asked)

    def written(recipe: fm.Recipe) -> Call:
        return lambda: fm.write(recipe, folder / MADE)

    def written_plain() -> None:
        with h5py.File(folder / MADE, "w") as file:
            file.create_dataset("X", data=X)
        with (folder / MADE).open("rb") as whole:
            os.fsync(whole.fileno())

    @functools.cache
    def arrays(family: type[fm.Recipe]) -> dict[str, Any]:
        """The columns of a dataset with its trees, as generate returns them."""
        data = fm.generate(family(n_points=n, ambient_dim=D))
        named = {"X": data.X, "y": data.y, "cluster": data.cluster, "edges": data.edges}
        for tree, names in (("hierarchy", ("parent", "value", "variance", "size", "depth")),
                            ("label_tree", ("parent", "value", "variance", "norm", "leaf"))):  # fmt: skip
            named |= {f"{tree}/{name}": getattr(getattr(data, tree), name) for name in names}
        return named

    def all_plain(family: type[fm.Recipe]) -> Call:
        """What no writer of checked blocks leaves out: h5py writes every column as it is, each byte is hashed once."""

        def write() -> None:
            with h5py.File(folder / MADE, "w") as file:
                for name, array in arrays(family).items():
                    file.create_dataset(name, data=array)
                    xxhash.xxh3_128_digest(array.data)
            with (folder / MADE).open("rb") as whole:
                os.fsync(whole.fileno())

        return write

    found: tuple[Call, ...] = (
        lambda: fill(n),
        generated(fm.Cascade(n_points=n, ambient_dim=D, branching=4)),
        generated(fm.Cascade(n_points=n, ambient_dim=D, branching=(2, 8))),
        generated(fm.PercolationCluster(n_points=n, ambient_dim=D)),
        generated(fm.PercolationEnsemble(n_points=n, ambient_dim=D)),
        generated(fm.SmoothManifold(n_points=n, ambient_dim=D)),
        written(fm.PercolationCluster(n_points=n, ambient_dim=D)),
        written(fm.PercolationEnsemble(n_points=n, ambient_dim=D)),
        written(fm.Cascade(n_points=n, ambient_dim=D, branching=4)),
        written(fm.SmoothManifold(n_points=n, ambient_dim=D)),
        written_plain,
        all_plain(fm.PercolationCluster),
        all_plain(fm.PercolationEnsemble),
        read_plain,
        read,
        lambda: open_plain(ours),
        lambda: open_plain(full()),
        lambda: fm.open(full()).close(),
        read_full,
        lambda: fm.verify(ours),
        lambda: hierarchy.features(values=True) if hierarchy else None,
        *sweeps(),
    )
    return dict(zip(ROWS, found, strict=True))


def sweeps() -> list[Call]:
    """SWEPT points of a cluster, 8 columns of labels: three learners that choose their ridge; their expected risk."""
    import numpy as np

    import fractalman as fm
    from fractalman import theory
    from fractalman.generation import label_draws
    from fractalman.learners import Problem
    from fractalman.learners.kernel_ridge import LaplaceKernel, TangentKernel
    from fractalman.learners.ridge import Ridge

    data = fm.generate(fm.PercolationCluster(n_points=2 * SWEPT, ambient_dim=D))
    order = np.random.Generator(np.random.PCG64(0)).permutation(2 * SWEPT)
    train, test = order[:SWEPT], order[SWEPT : SWEPT + 1024]
    problem = Problem(data.X[train], label_draws(data, 8)[train], data.X[test], 7)
    covariance = theory.TreeCovariance(data.label_tree)

    def fitted(learner: Any) -> Call:
        return lambda: learner.run([problem])

    def expected(name: str) -> Call:
        return lambda: theory.smoother_risk(covariance, data.X, train, test, name, 7)

    return [
        *(fitted(learner) for learner in (LaplaceKernel(), TangentKernel(), Ridge())),
        *(expected(name) for name in ("laplace-kernel", "ntk-kernel", "ridge")),
    ]


def serve(n: int) -> None:
    """In a process of one build: call what standard input names, answer with its processor time."""
    with tempfile.TemporaryDirectory() as folder:
        named = calls(n, Path(folder))
        for line in sys.stdin:
            before = time.process_time()
            named[line.strip()]()
            print(time.process_time() - before, flush=True)
            (Path(folder) / MADE).unlink(missing_ok=True)


def started(build: Path, n: int) -> subprocess.Popen[str]:
    """A process that serves a build."""
    return subprocess.Popen(
        [sys.executable, __file__, "--serve", str(n)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=build,
        env={**os.environ, "PYTHONPATH": str(build)},
    )


def ask(server: subprocess.Popen[str], name: str) -> float:
    """Processor seconds of one call."""
    if server.stdin is None or server.stdout is None:
        raise RuntimeError("the process has no pipes")
    print(name, file=server.stdin, flush=True)
    return float(server.stdout.readline())


def commit(build: Path) -> str:
    """The short name of the commit that a folder holds; a plus says that files were changed since."""
    git = ["git", "-C", str(build)]
    name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True).stdout
    dirty = subprocess.run([*git, "status", "--porcelain", "-uno"], check=True, capture_output=True, text=True).stdout
    return name.strip() + ("+" if dirty.strip() else "")


def measured(name: str, before: subprocess.Popen[str], after: subprocess.Popen[str], repeats: int) -> dict[str, Any]:
    """One row: both builds in turn, the yardstick between them."""
    for server in (before, after):
        ask(server, name)
    turns = [(ask(before, name), ask(after, name), ask(after, "fill")) for _ in range(repeats)]
    ratios = [b / a for a, b, _ in turns]
    return {
        "name": name,
        "before": statistics.median(a / unit for a, _, unit in turns),
        "after": statistics.median(b / unit for _, b, unit in turns),
        "ratio": statistics.median(ratios),
        "least": min(ratios),
        "most": max(ratios),
    }


def markdown(rows: list[dict[str, Any]], commits: dict[str, Any]) -> list[str]:
    """Lines of a table: every row, then what writing takes beyond generating, medians of both in one run."""
    lines = [f"| what | {commits['before']} | {commits['after']} | ratio, range |", "|---|---|---|---|"]
    for row in rows:
        ratio = f"{row['ratio']:.2f} ({row['least']:.2f} … {row['most']:.2f})"
        lines.append(f"| {row['name']} | {row['before']:.2f} | {row['after']:.2f} | {ratio} |")
    named = {row["name"]: row for row in rows}
    for name in named:
        written = named.get(f"write-{name}")
        if written is not None:
            beyond = [f"{written[build] - named[name][build]:.2f}" for build in ("before", "after")]
            lines.append(f"| write-{name} beyond {name} | {beyond[0]} | {beyond[1]} | |")
    return lines


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("before", type=Path, nargs="?")
    parser.add_argument("after", type=Path, nargs="?", default=Path(__file__).resolve().parents[1])
    parser.add_argument("--only", metavar="NAME", choices=ROWS, action="append")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--points", type=int, default=400_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve)
        return 0
    if asked.before is None:
        parser.error("the folder of the build before is needed: git worktree add FOLDER COMMIT")
    before, after = (started(build, asked.points) for build in (asked.before, asked.after))
    rows = [measured(name, before, after, asked.repeats) for name in asked.only or ROWS]
    for server in (before, after):
        server.communicate()
    commits = {"before": commit(asked.before), "after": commit(asked.after), "points": asked.points}
    if asked.json:
        print(json.dumps({**commits, "rows": rows}, indent=2))
        return 0
    if asked.table:
        print("\n".join(markdown(rows, commits)))
        return 0
    print(f"processor time in fills of {asked.points} × {D}; before {commits['before']}, after {commits['after']}")
    print(f"{'row':18s}{'before':>9s}{'after':>9s}{'ratio':>8s}   range")
    for row in rows:
        print(
            f"{row['name']:18s}{row['before']:9.3g}{row['after']:9.3g}{row['ratio']:8.2f}"
            f"   {row['least']:.2f} … {row['most']:.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
