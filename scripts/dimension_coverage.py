#!/usr/bin/env python3
"""How often dimensions' 95 % intervals cover: scikit-dimension's 24 benchmark manifolds, ten fractals, noise, clusters.

    pip install scikit-dimension
    .venv/bin/python scripts/dimension_coverage.py --seeds 3 --journal dimensions.jsonl > dimension_coverage.md
    cp dimension_coverage.md datasets/statistics/

With --journal every set is a line of that file, and what is there is not measured again; --minutes of processor time
end a run early (exit status 3), to be gone on with by the same command.

Every set has 2000 points. The manifolds come from scikit-dimension's `BenchmarkManifolds`; the fractals are made here
from their maps; seven balls carry isotropic noise, six whole critical clusters have the dimension of their limit,
twelve sets are bent within a neighbourhood, and three have near copies, which are left out.
Its TwoNN, MLE, FisherS and lPCA run beside ours with their own defaults. An answer that is no number counts as the
worst. Shortfalls stand first.
"""

from __future__ import annotations

import argparse
import datetime
import math
import platform
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from _journal import journalled

import fractalman as fm

N = 2000
ORACLES = ("TwoNN", "MLE", "FisherS", "lPCA")
CORNERS = ((0.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.5, 0.0, 0.5), (0.0, 0.5, 0.5))
THIRDS = ((0.0, 3.5), (3.5, 11.0), (11.0, 100.0))


def iterated(maps: list[tuple[float, float, tuple[float, ...]]], n: int, rng: np.random.Generator) -> np.ndarray:
    """Points of the attractor of maps (ratio, angle in the plane, shift), all equally likely."""
    shift = np.array([m[2] for m in maps])
    d = shift.shape[1]
    turn = np.zeros((len(maps), d, d))
    for i, (ratio, angle, _) in enumerate(maps):
        turn[i] = ratio * np.eye(d)
        if angle:
            c, s = math.cos(angle), math.sin(angle)
            turn[i, :2, :2] = ratio * np.array([[c, -s], [s, c]])
    x = np.zeros((n, d))
    for _ in range(40):
        chosen = rng.integers(len(maps), size=n)
        x = np.einsum("nij,nj->ni", turn[chosen], x) + shift[chosen]
    return x


def fractals(seed: int) -> Iterator[tuple[str, float, np.ndarray]]:
    """Ten sets that repeat themselves, with their dimensions."""
    third, t = 1.0 / 3.0, math.pi / 3.0
    grid = [(i, j) for i in range(3) for j in range(3)]
    cells = [(i, j, k) for i, j in grid for k in range(3)]
    plain = {
        "Cantor set": [(third, 0.0, (a,)) for a in (0.0, 2 * third)],
        "Cantor dust": [(third, 0.0, (a, b)) for a in (0.0, 2 * third) for b in (0.0, 2 * third)],
        "Sierpinski triangle": [(0.5, 0.0, p) for p in ((0.0, 0.0), (0.5, 0.0), (0.25, 0.25 * 3**0.5))],
        "Sierpinski carpet": [(third, 0.0, (i * third, j * third)) for i, j in grid if (i, j) != (1, 1)],
        "Menger sponge": [(third, 0.0, tuple(v * third for v in c)) for c in cells if c.count(1) < 2],
        "Vicsek cross": [(third, 0.0, (i * third, j * third)) for i, j in grid if i == 1 or j == 1],
        "Sierpinski tetrahedron": [(0.5, 0.0, p) for p in CORNERS],
        "Koch curve": [
            (third, 0.0, (0.0, 0.0)), (third, t, (third, 0.0)), (third, -t, (0.5, 3**0.5 / 6.0)),
            (third, 0.0, (2 * third, 0.0)),
        ],
        "hexaflake": [(third, 0.0, (0.0, 0.0))]
        + [(third, 0.0, (2 * third * math.cos(k * t), 2 * third * math.sin(k * t))) for k in range(6)],
    }  # fmt: skip
    for number, (name, maps) in enumerate(plain.items()):
        D = math.log(len(maps)) / math.log(1.0 / maps[0][0])
        yield name, D, iterated(maps, N, np.random.default_rng([seed, number]))
    data = fm.generate(fm.Cascade(n_points=N, branching=4, contraction=1.0 / 3.0, seed=seed))
    yield "cascade b = 4, c = 1/3", math.log(4) / math.log(3), np.asarray(data.X, np.float64)


NOISY = ((3, 30, 0.05), (3, 30, 0.02), (2, 10, 0.02), (5, 30, 0.1), (1, 20, 0.01), (8, 50, 0.1), (2, 30, 0.1))
KINDS = ("manifold", "fractal", "noisy", "cluster", "bent", "copies")


def noisy(seed: int) -> Iterator[tuple[str, float, np.ndarray]]:
    """Balls in larger spaces with noise of a total standard deviation, of which the ball's dimension is asked."""
    for number, (D, d, deviation) in enumerate(NOISY):
        rng = np.random.default_rng([seed, 100 + number])
        x = rng.standard_normal((N, D))
        x *= (rng.random(N) ** (1.0 / D) / np.linalg.norm(x, axis=1))[:, None]
        turn = np.linalg.qr(rng.standard_normal((d, d)))[0][:D]
        yield (
            f"ball {D} in {d}, noise {deviation}",
            float(D),
            x @ turn + rng.normal(0, deviation / math.sqrt(d), (N, d)),
        )


def clusters(seed: int) -> Iterator[tuple[str, float, np.ndarray]]:
    """Whole critical clusters."""
    for k in range(6):
        data = fm.generate(fm.PercolationCluster(n_points=N, ambient_dim=128, seed=10 * seed + k))
        yield f"critical cluster {k}", 4.0, np.asarray(data.X, np.float64)


def bent(seed: int) -> Iterator[tuple[str, float, np.ndarray]]:
    """Tori, images by random networks of one layer, and products of heavy tails: bent within a neighbourhood."""
    rng = np.random.default_rng([seed, 200])
    for D in (3, 5, 7, 10):
        angle = 2.0 * math.pi * rng.random((N, D))
        yield f"flat torus {D}", float(D), np.c_[np.cos(angle), np.sin(angle)]
    for D in (4, 8, 12):
        hidden = rng.standard_normal((N, D)) @ rng.standard_normal((D, 128)) / math.sqrt(D)
        out = rng.standard_normal((128, 200))
        yield f"relu network of {D} inputs", float(D), np.maximum(hidden, 0.0) @ out
        yield f"tanh network of {D} inputs", float(D), np.tanh(2.0 * hidden) @ out
    for D in (2, 4):
        yield f"log-normal {D}", float(D), np.exp(rng.standard_normal((N, D)))


def copies(seed: int) -> Iterator[tuple[str, float, np.ndarray]]:
    """Balls of which a part stands twice, nearly; measured without the copies, as the warning says."""
    rng = np.random.default_rng([seed, 300])
    for D, share, apart in ((2, 0.2, 1e-6), (4, 0.3, 1e-5), (8, 0.5, 1e-4)):
        x = rng.standard_normal((N, D))
        x *= (rng.random(N) ** (1.0 / D) / np.linalg.norm(x, axis=1))[:, None]
        twice = rng.random(N) < share
        yield (
            f"ball {D}, {share:.0%} nearly twice",
            float(D),
            np.r_[x, x[twice] + apart * rng.standard_normal(x.shape)[twice]],
        )


@dataclass(frozen=True)
class Row:
    """What was measured on one set: method → value and interval, and the others' values."""

    seed: int
    kind: str
    name: str
    D: float
    ours: dict[str, tuple[float, float, float]]
    theirs: dict[str, float]

    def held(self, method: str) -> bool:
        """Whether the method's interval holds D."""
        return self.ours[method][1] <= self.D <= self.ours[method][2]

    def error(self, method: str) -> float:
        """How far a value is from D; an answer that is no number is the worst."""
        value = self.ours[method][0] if method in self.ours else self.theirs[method.split()[1]]
        return abs(value - self.D) if math.isfinite(value) else math.inf


def sets_of(seed: int) -> Iterator[tuple[str, str, float, np.ndarray]]:
    """All sets of a seed: kind, name, dimension, points."""
    import skdim

    manifolds = skdim.datasets.BenchmarkManifolds(random_state=seed)
    for name, X in manifolds.generate(n=N).items():
        yield "manifold", name, float(manifolds.truth.loc[name, "Intrinsic Dimension"]), X
    made_here = ("fractal", fractals), ("noisy", noisy), ("cluster", clusters), ("bent", bent), ("copies", copies)
    for kind, made in made_here:
        for one in made(seed):
            yield (kind, *one)


def measured(seed: int, kind: str, name: str, D: float, X: np.ndarray) -> Row:
    """One set, by ours and theirs."""
    import skdim

    ours = fm.measure.dimensions(X, duplicates="near" if kind == "copies" else "drop")
    wide = X if X.shape[1] > 1 else np.c_[X, 0.0 * X]  # theirs take no single column
    theirs = {o: float(getattr(skdim.id, o)().fit(wide).dimension_) for o in ORACLES}
    return Row(seed, kind, name, D, {m: (one.value, *one.interval) for m, one in ours.items()}, theirs)


def main() -> int:
    """Print the report."""
    import skdim

    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0, help="the method was adjusted on 0, 1 and 2")
    parser.add_argument("--journal", type=Path, help="file of the sets that are measured")
    parser.add_argument("--minutes", type=float, default=math.inf, help="of processor time, after which to stop")
    options = parser.parse_args()
    first = options.first_seed
    seeds = range(first, first + options.seeds)
    sets = ((seed, one) for seed in seeds for one in sets_of(seed))
    cells = (((seed, one[1]), partial(_plain, seed, *one)) for seed, one in sets)
    kept = journalled(cells, options.journal, options.minutes)
    if kept is None:
        return 3
    rows = [Row(**found) for found in kept.values()]
    print(report(rows, skdim.__version__, (first, first + options.seeds - 1)))
    return 0


def _plain(*one: Any) -> dict[str, Any]:
    return vars(measured(*one))


def report(rows: list[Row], version: str, seeds: tuple[int, int]) -> str:
    """The report as Markdown."""
    out = [
        "# Dimensions: how often 95 % intervals cover",
        "",
        f"{datetime.date.today().isoformat()} · fractalman {fm.__version__}, scikit-dimension {version}, Python "
        f"{platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__} · {N} points a set, "
        f"seeds {seeds[0]} to {seeds[1]} · `scripts/dimension_coverage.py`",
        "",
        "The method was adjusted while these sets' results were seen, at the seeds 0, 1, 2, 10, 11 and 100 to 102; "
        "tests hold other sets.",
        "",
        "## Shortfalls: sets whose recommended interval misses",
        "",
        "| set | seed | D | recommended | interval |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        if not row.held("recommended"):
            value, low, high = row.ours["recommended"]
            out.append(f"| {row.name} | {row.seed} | {row.D:.3f} | {value:.3f} | {low:.3f} … {high:.3f} |")
    out += [
        "",
        "## Coverage",
        "",
        "| method | manifolds | fractals | noisy balls | critical clusters | bent sets | near copies |",
    ]
    out += ["|---|---:|---:|---:|---:|---:|---:|"]
    for method in rows[0].ours:
        shares = [np.mean([row.held(method) for row in rows if row.kind == k]) for k in KINDS]
        out.append(f"| {method} | {' | '.join(f'{share:.2f}' for share in shares)} |")
    out += ["", "## Median error, by thirds of the manifolds' dimensions and on the fractals", ""]
    names = [*rows[0].ours, *(f"scikit-dimension {o}" for o in ORACLES)]
    out += ["| method | D ≤ 3 | 4 … 10 | 12 … 70 | fractals |", "|---|---:|---:|---:|---:|"]
    parts = [[row for row in rows if row.kind == "manifold" and low < row.D < high] for low, high in THIRDS]
    parts.append([row for row in rows if row.kind == "fractal"])
    for name in names:
        cells = [f"{np.median([row.error(name) for row in part]):.3f}" for part in parts]
        out.append(f"| {name} | {' | '.join(cells)} |")
    out += ["", "## Every set (first seed)", "", "| set | D | recommended | interval | TwoNN | MLE | FisherS | lPCA |"]
    out += ["|---|---:|---:|---:|---:|---:|---:|---:|"]
    for row in rows[: len({(row.kind, row.name) for row in rows})]:
        value, low, high = row.ours["recommended"]
        given = " | ".join(f"{row.theirs[o]:.2f}" for o in ORACLES)
        out.append(f"| {row.name} | {row.D:.3f} | {value:.3f} | {low:.3f} … {high:.3f} | {given} |")
    return "\n".join(out)


if __name__ == "__main__":
    sys.exit(main())
