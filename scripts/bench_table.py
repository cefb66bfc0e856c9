#!/usr/bin/env python3
"""The table of docs/performance.md, a build beside another in one run by the clock, every row with its limit measured.

    .venv/bin/python scripts/bench_table.py BEFORE [--points 400000] [--repeats 3] [--only NAME …] [--skip NAME …]
        [--peer FOLDER]

BEFORE is a folder with a checkout (git worktree add); both builds are called in turn, A B A B …, after one call each
that compiles. Times are by the clock, in *fills* (NumPy filling a float32 array of as many points × 64 with normals on
one thread, timed in the same turn) where a row says so, medians, with processor time beside. Run it on a quiet machine;
it says how busy the machine was. Limits are measured here, too: by what no build can leave out, drawing every number
once or multiplying at the rate of the library's matrix products. A row is *reached*, or stopped by its *limit* where
that alone is more than what is wanted, or *not reached*, with the limit beside it. Groups of rows: generate, write,
files, memory, kernels, training, quickstart; about a quarter of an hour in all on two cores.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import bench_builds
import numpy as np
from _limits import SWEEP_SIZES, D, cascade_once, drawn_once, drawn_processor, factored, hashed_once

GROUPS = ("generate", "write", "files", "memory", "kernels", "training", "quickstart")
HERE = Path(__file__).resolve().parents[1]
TREE_POINTS = 10_000_000
MOST, TURNS = 15, 20.0
"""Most turns of a row, and the seconds after which there are no more than were asked for."""


@dataclass(frozen=True)
class Line:
    """One row of the table.

    Args:
        what: in words. before, now: of the two builds, in the row's unit; None = not measured of that build.
        unit: "" or in words.
        wanted: the bound, which ``now`` must not exceed (``least``: must reach). limit: measured; None = none.
        said: about the limit. digits: after the point.
    """

    what: str
    before: float | None
    now: float
    wanted: float
    limit: float | None = None
    said: str = ""
    unit: str = ""
    least: bool = False
    digits: int = 2

    @property
    def state(self) -> str:
        """Reached, stopped by the limit, or not reached."""
        worse = (lambda a: a < self.wanted) if self.least else (lambda a: a > self.wanted)
        if not worse(self.now):
            return "reached"
        return "limit" if self.limit is not None and worse(self.limit) else "not reached"

    def cells(self) -> list[str]:
        """Return the row as text."""

        def number(value: float | None) -> str:
            return "" if value is None else f"{value:.{self.digits}f}"

        sign = "≥" if self.least else "≤"
        limit = f"{number(self.limit)} {self.said}".strip()
        unit = f", {self.unit}" if self.unit else ""
        return [self.what + unit, number(self.before), number(self.now), limit, f"{sign} {self.wanted:g}", self.state]


# ---------------------------------------------------------------------------------------------------- both builds


def environment(build: Path) -> dict[str, str]:
    """Return variables with which Python imports that build."""
    return {**os.environ, "PYTHONPATH": str(build)}


class Server:
    """A process of one build that answers calls by name with seconds by the clock and of all its threads."""

    def __init__(self, build: Path, n: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(n)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=build,
            env=environment(build),
        )

    def ask(self, name: str) -> tuple[float, float]:
        """Seconds of one call by the clock, and of processor time."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process has no pipes")
        print(name, file=self._process.stdin, flush=True)
        wall, processor = self._process.stdout.readline().split()
        return float(wall), float(processor)

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


def serve(n: int) -> None:
    """In a process of one build: call what standard input names."""
    with tempfile.TemporaryDirectory() as folder:
        named = {**bench_builds.calls(n, Path(folder)), "sweep": kernel_sweep()}
        for line in sys.stdin:
            begun, before = time.perf_counter(), time.process_time()
            named[line.strip()]()
            print(time.perf_counter() - begun, time.process_time() - before, flush=True)
            (Path(folder) / bench_builds.MADE).unlink(missing_ok=True)


def kernel_sweep() -> Callable[[], None]:
    """One replicate of n = 64 … 4096 with 8 label vectors: laplace-kernel, ntk-kernel and ridge; warmed up at 64."""
    import fractalman as fm
    from fractalman.generation import label_draws
    from fractalman.learners import Problem, make

    data = fm.generate(fm.PercolationCluster(n_points=2 * SWEEP_SIZES[-1], ambient_dim=D))
    order, labels = np.random.default_rng(0).permutation(len(data.X)), label_draws(data, 8)
    test = data.X[order[-1024:]]
    called: list[int] = []

    def work() -> None:
        for n in SWEEP_SIZES if called else SWEEP_SIZES[:2]:
            some = order[:n]
            for name in ("laplace-kernel", "ntk-kernel", "ridge"):
                make(name, {}).run([Problem(data.X[some], labels[some], test, 7)])
        called.append(1)

    return work


class Pair:
    """Both builds, asked in turn."""

    def __init__(self, before: Path, now: Path, n: int, repeats: int) -> None:
        self._servers, self._repeats = (Server(before, n), Server(now, n)), repeats
        self._known: dict[str, list[tuple[float, float, float, float, float]]] = {}

    def turns(self, name: str) -> list[tuple[float, float, float, float, float]]:
        """Return wall of before and now, processor time of both, and a fill, of every turn."""
        if name not in self._known:
            a, b = self._servers
            for server in self._servers:
                server.ask(name)
                server.ask("fill")
            found: list[tuple[float, float, float, float, float]] = []
            spent = 0.0  # quick calls are asked more often: they vary more
            while not found or (
                name != "sweep" and len(found) < MOST and (len(found) < self._repeats or spent < TURNS)
            ):
                (wall_a, cpu_a), (wall_b, cpu_b), unit = a.ask(name), b.ask(name), b.ask("fill")[0]
                found.append((wall_a, wall_b, cpu_a, cpu_b, unit))
                spent += wall_a + wall_b + unit
            self._known[name] = found
        return self._known[name]

    def seconds(self, name: str) -> tuple[float, float]:
        """Return medians by the clock."""
        turns = self.turns(name)
        return statistics.median(t[0] for t in turns), statistics.median(t[1] for t in turns)

    def processor(self, name: str) -> tuple[float, float]:
        """Return medians of processor time."""
        turns = self.turns(name)
        return statistics.median(t[2] for t in turns), statistics.median(t[3] for t in turns)

    def fills(self, name: str) -> tuple[float, float]:
        """Return medians by the clock over a fill of the same turn."""
        turns = self.turns(name)
        return statistics.median(t[0] / t[4] for t in turns), statistics.median(t[1] / t[4] for t in turns)

    @property
    def fill(self) -> float:
        """Return the median seconds of a fill."""
        return self.seconds("fill")[1]

    def close(self) -> None:
        """Let both end."""
        for server in self._servers:
            server.close()


# ---------------------------------------------------------------------------------------------------- groups


def generate(pair: Pair, n: int) -> Iterator[Line]:
    """Generating, in fills."""
    alone = drawn_once(n) / pair.fill
    words = "to draw a number a coordinate"
    for name, wanted in (("cluster", 0.6), ("ensemble", 0.4)):
        yield Line(f"`generate`, {name}", *pair.fills(name), wanted, alone, words, "fills")
    words = "to draw distinct directions and add levels"
    for name, branching, wanted in (("cascade", 4, 1.3), ("cascade-random", (2, 8), 1.6)):
        made, least = pair.fills(name), cascade_once(n, branching) / pair.fill
        yield Line(f"`generate`, {name}", *made, wanted, least, words, "fills")
    yield Line("`generate`, sphere with plane waves", *pair.fills("sphere"), 2.0, None, "", "fills")


def write(pair: Pair, _: int) -> Iterator[Line]:
    """Writing beyond generating, in fills."""
    plain = pair.fills("write-hdf5")[1]
    for name in ("cluster", "ensemble", "cascade", "sphere"):
        made, written = pair.fills(name), pair.fills(f"write-{name}")
        before, now = (b - a for a, b in zip(made, written, strict=True))
        limit, words = plain, "plain h5py and fsync of X"
        if name in ("cluster", "ensemble"):
            limit, words = pair.fills(f"plain-{name}")[1], f"{words.removesuffix('X')}all columns, hashed once"
        yield Line(f"`write` beyond `generate`, {name}", before, now, 0.6, limit, words, "fills")
    for name in ("cluster", "ensemble"):
        made, written = pair.processor(name), pair.processor(f"write-{name}")
        ratios = [b / a for a, b in zip(made, written, strict=True)]
        least = 1.0 + pair.processor(f"plain-{name}")[1] / made[1]
        words = "if h5py wrote the columns as they are, each byte hashed once"
        yield Line(f"processor time of `write` over `generate`, {name}", *ratios, 1.5, least, words)


def files(pair: Pair, n: int) -> Iterator[Line]:
    """Reading, verifying, features."""
    plain, read, opened, full = (pair.seconds(name) for name in ("read-h5py", "read", "open-full", "read-full"))
    ratios = [p / (f - o) for p, f, o in zip(plain, full, opened, strict=True)]
    yield Line("`.X[:]` of an open file over plain h5py, speed", *ratios, 0.85, least=True)
    digests = hashed_once(n)
    for what, whole, bare in (("14 columns", full, "open-h5py-full"), ("3 columns", read, "open-h5py")):
        objects = pair.seconds(bare)[1]
        before, now = (p / w for p, w in zip(plain, whole, strict=True))
        said = (
            f"for h5py's own {1e3 * objects:.1f} ms to open all columns and one pass of the hash, "
            f"{1e3 * digests:.1f} ms, beside {1e3 * plain[1]:.0f} ms"
        )
        most = plain[1] / (plain[1] + objects + digests)
        yield Line(f"`fm.open(f).X[:]` of {what}, opening included", before, now, 0.85, most, said, least=True)
    size = (D * 4 + 16) * n / 1e9
    yield Line("`verify`", *(size / s for s in pair.seconds("verify")), 1.0, None, "", "GB/s", least=True)
    before, now = pair.processor("features")
    yield Line("`features(values=True)`, times as fast", None, before / now, 1.5, None, "", "", least=True)


def memory() -> Iterator[Line]:
    """Bytes a point of a large tree, at the peak, of a fresh process; 24 are returned, 16 without edges."""
    for edges, returned in ((True, 24), (False, 16)):
        words = [sys.executable, __file__, "--tree", str(int(edges))]
        out = subprocess.run(words, check=True, capture_output=True, text=True, env=environment(HERE))
        what = f"tree of {TREE_POINTS:.0e} points{'' if edges else ', no edges'}"
        yield Line(what, None, float(out.stdout), 44.0, returned, "returned", "bytes a point", digits=1)


def tree_child(edges: bool) -> None:
    """In a fresh process: growth of the resident set while a tree is drawn, a point."""
    from bench import status

    import fractalman as fm
    from fractalman.generation import compact_tree

    compact_tree(fm.PercolationCluster(n_points=TREE_POINTS // 100), edges=edges)
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    made = compact_tree(fm.PercolationCluster(n_points=TREE_POINTS), edges=edges)
    print((status("VmHWM") - before) / TREE_POINTS)
    del made


def kernels(pair: Pair, _: int) -> Iterator[Line]:
    """A sweep of kernels, over the build before."""
    what = ("kernel sweep n = 64 … 4096, over the build before", "the same, processor time")
    for words, (before, now), least in zip(
        what, (pair.seconds("sweep"), pair.processor("sweep")), factored(), strict=True
    ):
        said = f"LAPACK's Cholesky factors alone ({least:.1f} of {now:.1f} s)"
        yield Line(words, None, now / before, 0.5, least / before, said)


def training() -> Iterator[Line]:
    """Training's rate over sgemm's of the same shapes, one thread."""
    import json

    words = [sys.executable, str(HERE / "scripts" / "bench_training.py"), "--json", "--repeats", "5"]
    out = subprocess.run(words, check=True, capture_output=True, text=True, env=environment(HERE))
    for row in json.loads(out.stdout):
        share, least, most = row["shares"]["sgemm"]
        said = f"sgemm {row['rates']['sgemm']:.0f} GFLOP/s; {least:.2f} … {most:.2f}"
        yield Line(f"training, width {row['width']}, rate over sgemm's", None, share, 0.65, None, said, least=True)


WARM_UP = """
import tempfile
import tomllib
from fractalman.catalogue import catalogue_text
from fractalman.experiments import load_spec, run_sweep
for name in ("quickstart-cascade", "quickstart-cluster"):
    table = tomllib.loads(catalogue_text(name))
    table["sweep"]["train_sizes"], table["sweep"]["seeds"], table["mlp"]["steps"] = [64, 128, 256], 2, 1
    with tempfile.TemporaryDirectory() as folder:
        run_sweep(load_spec(table), f"{folder}/run")
"""
"""Compiles what a quickstart compiles: its four learners, their predictions and verdicts, at a few small sizes."""


def quickstart(before: Path) -> Iterator[Line]:
    """Both builds' quickstart, one after the other, and how long networks alone train."""
    import csv

    found = {}
    for build in (before, HERE):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            subprocess.run([sys.executable, "-c", WARM_UP], check=True, cwd=build, env=environment(build))
            times = os.times()
            begun = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "fractalman", "quickstart", "-o", str(out)], check=True, capture_output=True,
                cwd=build, env=environment(build),
            )  # fmt: skip
            wall, after = time.perf_counter() - begun, os.times()
            processor = after.children_user + after.children_system - times.children_user - times.children_system
            rows = [row for table in out.glob("*/points.csv") for row in csv.DictReader(table.open(encoding="utf-8"))]
            networks = sum(float(row["seconds"]) for row in rows if row["learner"] == "mlp")
            found[build] = wall, processor, networks
    (wall_a, cpu_a, _), (wall_b, cpu_b, networks) = found[before], found[HERE]
    said = f"networks alone; processor time {cpu_a:.0f} → {cpu_b:.0f} s"
    yield Line(
        "quickstart, of 125 s (86 to 125)", wall_a / 125, wall_b / 125, 0.6, networks / 125, said, "by the clock"
    )
    yield Line("the same over the build before", None, wall_b / wall_a, 0.6, networks / wall_a, "networks alone")


def peer(folder: Path) -> Iterator[Line]:
    """The reference implementation over ours, 10^5 × 128 with features and values; processor time."""
    import json

    words = [sys.executable, str(HERE / "scripts" / "bench_peer.py"), str(folder), "--json"]
    out = subprocess.run(words, check=True, capture_output=True, text=True, env=environment(HERE))
    times = json.loads(out.stdout)
    least = drawn_processor(times["points"] * times["dim"])
    said = f"if drawing a number a coordinate were all of our {times['ours']:.2f} s"
    theirs = times["theirs"]
    yield Line(
        "reference implementation, times slower", None, theirs / times["ours"], 150, theirs / least, said, least=True,
        digits=0,
    )  # fmt: skip


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("before", type=Path, nargs="?")
    parser.add_argument("--points", type=int, default=400_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=GROUPS, action="append")
    parser.add_argument("--skip", choices=GROUPS, action="append", default=[])
    parser.add_argument("--peer", type=Path, metavar="FOLDER", help="clone of the reference implementation")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--tree", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve is not None or asked.tree is not None:  # a child of this script
        serve(asked.serve) if asked.serve is not None else tree_child(bool(asked.tree))
        return 0
    if asked.before is None:
        parser.error("the folder of the build before is needed: git worktree add FOLDER COMMIT")
    before, groups = asked.before.resolve(), [name for name in asked.only or GROUPS if name not in asked.skip]
    load, begun = os.getloadavg()[0], time.perf_counter()
    names = " | ".join(bench_builds.commit(build) for build in (before, HERE))
    print(f"| what | {names} | limit | wanted | |\n|---|---|---|---|---|---|")

    def printed(lines: Iterator[Line]) -> None:
        for line in lines:
            print(f"| {' | '.join(line.cells())} |", flush=True)

    in_turn, alone = {"generate": generate, "write": write, "files": files, "kernels": kernels}, (memory, training)
    unit = ""
    if set(groups) & in_turn.keys():
        pair = Pair(before, HERE, asked.points, asked.repeats)
        for name in in_turn:
            if name in groups:
                printed(in_turn[name](pair, asked.points))
        unit = f"A fill of {asked.points:,} × {D} took {pair.fill:.3f} s. "
        pair.close()
    for group in alone:
        if group.__name__ in groups:
            printed(group())
    if "quickstart" in groups:
        printed(quickstart(before))
    if asked.peer:
        printed(peer(asked.peer))
    print(f"\n{unit}Load {load:.1f} before, {os.getloadavg()[0]:.1f} after {time.perf_counter() - begun:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
