#!/usr/bin/env python3
"""How often the exponents of own data cover and noise is called by mistake, over draws of points and labels.

    .venv/bin/python scripts/own_data_coverage.py --draws 48 --journal own_data.jsonl > own_data_coverage.md
    cp own_data_coverage.md datasets/statistics/

Labels are numbers as they are, with normal noise of .3 or with noise of three degrees of freedom and that deviation;
two classes cut at the median, as they are or a tenth of them drawn again; five classes of equal shares; whole ratings
of 1 to 9. Truth: the exponent that the mean of the neighbours' differences over all draws has, in the same window of
ranks, without its noise ("clean") or as it is ("noisy"). Shortfalls stand first.

With --journal every draw is a line of that file, and what is there is not measured again; --minutes of processor time
end a run early (exit status 3), to be gone on with by the same command.
"""

from __future__ import annotations

import argparse
import datetime
import math
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _journal import journalled

import fractalman as fm
from fractalman.prediction.label_scatter import neighbour_law, plain_slope

SOURCES = 2048
SIGMA = 0.3
KINDS = ("clean", "noise .3", "classes", "five classes", "flipped classes", "heavy noise", "ratings")
BARE = {"noise .3": "clean", "heavy noise": "clean", "flipped classes": "classes"}
"""A kind of labels with noise → the same without."""
SETS: dict[str, Callable[[int, int], fm.Recipe]] = {
    "cascade, b = 4, H = .5": lambda n, seed: fm.Cascade(n_points=n, branching=4, hurst=0.5, seed=seed),
    "cascade, b = 4, H = 1": lambda n, seed: fm.Cascade(n_points=n, branching=4, hurst=1.0, seed=seed),
    "cascade, b = 8, H = .5": lambda n, seed: fm.Cascade(n_points=n, branching=8, hurst=0.5, seed=seed),
    "manifold, D = 2, H = .5": lambda n, seed: fm.SmoothManifold(n_points=n, dim=2, hurst=0.5, seed=seed),
    "percolation cluster": lambda n, seed: fm.PercolationCluster(n_points=n, seed=seed),
}


def labels_of(kind: str, y: np.ndarray, seed: int) -> tuple[np.ndarray, bool]:
    """Return labels of a kind, and whether they are classes."""
    rng = np.random.default_rng(seed)
    if kind == "noise .3":
        return y + SIGMA * rng.normal(size=y.size), False
    if kind == "heavy noise":
        return y + SIGMA / np.sqrt(3.0) * rng.standard_t(3, y.size), False
    if kind == "ratings":
        return np.clip(np.rint(5.0 + 2.0 * (y - y.mean()) / y.std()), 1.0, 9.0), False
    if kind == "five classes":
        return np.searchsorted(np.quantile(y, [0.2, 0.4, 0.6, 0.8]), y).astype(float), True
    if kind in ("classes", "flipped classes"):
        cut = (y > np.median(y)).astype(float)
        return np.where((kind != "classes") & (rng.random(y.size) < 0.1), rng.integers(2, size=y.size), cut), True
    return y, False


@dataclass(frozen=True)
class Row:
    """One draw: exponents and noise as (value, low, high), and the curve of the neighbours' differences."""

    points: int
    name: str
    kind: str
    seed: int
    estimates: dict[str, list[float]]
    noise_found: bool
    rank: list[int]
    difference: list[float]


def measured(points: int, name: str, kind: str, seed: int) -> Row:
    """Draw points and labels, and measure."""
    data = fm.generate(SETS[name](points, seed))
    y, classes = labels_of(kind, np.asarray(data.y), seed)
    X = np.asarray(data.X, np.float64)
    found = fm.measure.smoothness(X, y, n_sources=SOURCES, classes=classes)
    law = neighbour_law(X, y, found.rank, found.rank_difference, found.neighbours, classes, seed)
    each = {"clean exponent": law.clean, "noisy exponent": law.noisy, "noise variance": law.noise}
    estimates = {which: [e.value, *e.interval] for which, e in each.items()}
    return Row(
        points, name, kind, seed, estimates, law.noise_found, found.rank.tolist(), found.rank_difference.tolist()
    )


def rows_of(
    points: list[int], kinds: list[str], seeds: range, journal: Path | None, minutes: float
) -> list[Row] | None:
    """Every draw, from the journal where it is there; None where the time ended first."""
    wanted = [(n, name, kind, seed) for seed in seeds for n in points for name in SETS for kind in kinds]
    kept = journalled([(one, partial(_plain, *one)) for one in wanted], journal, minutes)
    return None if kept is None else [Row(**kept[one]) for one in wanted]


def _plain(*one: Any) -> dict[str, Any]:
    return vars(measured(*one))


def exponent_of_mean(cell: list[Row]) -> float:
    """The exponent of the mean curve; neighbours of a lattice's cluster stand at ranks that differ between draws."""
    rank = np.array(min((row.rank for row in cell), key=len), float)
    curves = [np.interp(np.log(rank), np.log(row.rank), row.difference) for row in cell]
    return float(plain_slope(rank, np.mean(curves, axis=0))[0])


Line = tuple[float, int, str, str, str, float, float, float, float, float]


def lines_of(rows: list[Row], points: list[int], kinds: list[str]) -> list[Line]:
    """Coverage of every cell, and mean, scatter and half-width of its estimates."""
    lines: list[Line] = []
    for n in points:
        for name in SETS:
            alone: dict[str, float] = {}
            for kind in kinds:
                cell = [row for row in rows if (row.points, row.name, row.kind) == (n, name, kind)]
                alone[kind] = noisy = exponent_of_mean(cell)
                truths = {"clean exponent": alone[BARE.get(kind, kind)], "noisy exponent": noisy}
                if kind in ("clean", "noise .3", "classes", "heavy noise"):  # of others nobody says what their noise is
                    truths["noise variance"] = SIGMA**2 if "noise" in kind else 0.0
                share = float(np.mean([row.noise_found for row in cell]))
                for which, truth in truths.items():
                    value, low, high = np.array([row.estimates[which] for row in cell]).T
                    held = float(np.mean((low <= truth) & (truth <= high)))
                    width = float(np.median(0.5 * (high - low)))
                    told = value[np.isfinite(value)]
                    mean, scatter = (float(told.mean()), float(told.std(ddof=1))) if told.size > 1 else (math.nan,) * 2
                    lines.append((held, n, name, kind, which, truth, mean, scatter, width, share))
    return lines


def main() -> int:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=48)
    parser.add_argument("--points", default="2000", help="one number or several, as 300,1000")
    parser.add_argument("--kinds", default=";".join(KINDS), help=f"which of {';'.join(KINDS)}")
    parser.add_argument("--first-seed", type=int, default=0, help="the noise test was set at seeds from 0 on")
    parser.add_argument("--journal", type=Path, help="file of the draws that are measured")
    parser.add_argument("--minutes", type=float, default=math.inf, help="of processor time, after which to stop")
    options = parser.parse_args()
    asked = options.kinds.split(";")
    kinds = [kind for kind in KINDS if kind in asked or kind in (BARE[k] for k in asked if k in BARE)]
    points = [int(n) for n in options.points.split(",")]
    seeds = range(options.first_seed, options.first_seed + options.draws)
    rows = rows_of(points, kinds, seeds, options.journal, options.minutes)
    if rows is None:
        return 3
    print("# Exponents of own data: how often 95 % intervals cover\n")
    print(
        f"{datetime.date.today().isoformat()} · fractalman {fm.__version__}, Python {platform.python_version()}, numpy "
        f"{np.__version__} · {options.draws} draws of geometry and labels, {options.points} points, "
        f"seeds from {options.first_seed} on, `scripts/own_data_coverage.py`\n"
    )
    for kind in kinds:
        called = [row.noise_found for row in rows if row.kind == kind]
        share = float(np.mean(called))
        error = float(np.sqrt(share * (1.0 - share) / len(called)))
        what = "noise found" if kind in BARE else "false alarms"
        print(f"- {kind}: {what} in {100 * share:.1f} ± {100 * error:.1f} % of {len(called)} draws")
    lines = lines_of(rows, points, kinds)
    for which in ("clean exponent", "noisy exponent", "noise variance"):
        print(f"- {which}: covered in {100 * np.mean([line[0] for line in lines if line[4] == which]):.1f} %")
    print("\n| covered | n | points | labels | of | truth | mean | scatter | half-width | noise found |")
    print("|---:|---:|---|---|---|---:|---:|---:|---:|---:|")
    for held, n, name, kind, which, *numbers in sorted(lines):
        *rest, share = numbers
        cells = " | ".join(f"{number:.3f}" for number in rest)
        print(f"| {held:.2f} | {n} | {name} | {kind} | {which} | {cells} | {share:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
