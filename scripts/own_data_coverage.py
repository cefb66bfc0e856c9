#!/usr/bin/env python3
"""How often the exponents of own data cover and noise is called by mistake, over draws of points and labels.

    .venv/bin/python scripts/own_data_coverage.py --draws 48 > datasets/statistics/own_data_coverage.md

Truth: the exponent that the mean of the neighbours' differences over all draws has, in the same window of ranks,
without its noise ("clean") or as it is ("noisy"). Shortfalls stand first.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import sys
from collections.abc import Callable

import numpy as np

import fractalman as fm
from fractalman.prediction.label_scatter import neighbour_law, plain_slope

SOURCES = 2048
SIGMA = 0.3
KINDS = ("clean", "noise .3", "classes")
SETS: dict[str, Callable[[int, int], fm.Recipe]] = {
    "cascade, b = 4, H = .5": lambda n, seed: fm.Cascade(n_points=n, branching=4, hurst=0.5, seed=seed),
    "cascade, b = 4, H = 1": lambda n, seed: fm.Cascade(n_points=n, branching=4, hurst=1.0, seed=seed),
    "cascade, b = 8, H = .5": lambda n, seed: fm.Cascade(n_points=n, branching=8, hurst=0.5, seed=seed),
    "manifold, D = 2, H = .5": lambda n, seed: fm.SmoothManifold(n_points=n, dim=2, hurst=0.5, seed=seed),
    "percolation cluster": lambda n, seed: fm.PercolationCluster(n_points=n, seed=seed),
}


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=48)
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--first-seed", type=int, default=0, help="the noise test was set at seeds from 0 on")
    options = parser.parse_args()
    lines, called = [], {kind: [] for kind in KINDS}
    for name, recipe in SETS.items():
        without_noise = 0.0
        for kind in KINDS:
            laws, curves = [], []
            for seed in range(options.first_seed, options.first_seed + options.draws):
                data, classes = fm.generate(recipe(options.points, seed)), kind == "classes"
                noise = SIGMA * np.random.default_rng(seed).normal(size=data.n_points) if kind == "noise .3" else 0.0
                y = (data.y > np.median(data.y)).astype(float) if classes else data.y + noise
                X = np.asarray(data.X, np.float64)
                found = fm.measure.smoothness(X, y, n_sources=SOURCES, classes=classes)
                laws.append(neighbour_law(X, y, found.rank, found.rank_difference, found.neighbours, classes, seed))
                curves.append(found.rank_difference)
            rank = found.rank.astype(float)
            noisy = float(plain_slope(rank, np.mean(curves, axis=0))[0])
            without_noise = noisy if kind == "clean" else without_noise
            truths = {
                "clean exponent": noisy if kind == "classes" else without_noise,
                "noisy exponent": noisy,
                "noise variance": SIGMA**2 if kind == "noise .3" else 0.0,
            }
            called[kind] += [law.noise_found for law in laws]
            for which, truth in truths.items():
                estimates = [getattr(law, which.split()[0] if "exponent" in which else "noise") for law in laws]
                held = np.mean([e.interval[0] <= truth <= e.interval[1] for e in estimates])
                values = np.array([e.value for e in estimates])
                width = np.median([0.5 * (e.interval[1] - e.interval[0]) for e in estimates])
                share = np.mean([law.noise_found for law in laws])
                lines.append((held, name, kind, which, truth, values.mean(), values.std(ddof=1), width, share))
                print(lines[-1], file=sys.stderr, flush=True)
    print("# Exponents of own data: how often 95 % intervals cover\n")
    print(
        f"{datetime.date.today().isoformat()} · fractalman {fm.__version__}, Python {platform.python_version()}, numpy "
        f"{np.__version__} · {options.draws} draws of geometry and labels, {options.points} points, "
        f"seeds from {options.first_seed} on, `scripts/own_data_coverage.py`\n"
    )
    for kind, found_noise in called.items():
        share = float(np.mean(found_noise))
        error = float(np.sqrt(share * (1.0 - share) / len(found_noise)))
        what = "noise found" if kind == "noise .3" else "false alarms"
        print(f"- {kind}: {what} in {100 * share:.1f} ± {100 * error:.1f} % of {len(found_noise)} draws")
    for which in ("clean exponent", "noisy exponent", "noise variance"):
        print(f"- {which}: covered in {100 * np.mean([line[0] for line in lines if line[3] == which]):.1f} %")
    print("\n| covered | points | labels | of | truth | mean | scatter | half-width | noise found |")
    print("|---:|---|---|---|---:|---:|---:|---:|---:|")
    for held, name, kind, which, *numbers in sorted(lines):
        *rest, share = numbers
        cells = " | ".join(f"{number:.3f}" for number in rest)
        print(f"| {held:.2f} | {name} | {kind} | {which} | {cells} | {share:.2f} |")


if __name__ == "__main__":
    main()
