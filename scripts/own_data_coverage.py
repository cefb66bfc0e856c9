#!/usr/bin/env python3
"""How often the exponents of own data cover: clean, noisy and class labels on cascades, over label draws.

    .venv/bin/python scripts/own_data_coverage.py --draws 24 > datasets/statistics/own_data_coverage.md

Truth: the exponent that the mean of the neighbours' differences over all draws has, in the same window of ranks,
without its noise ("clean") or as it is ("noisy"). Shortfalls stand first.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import sys

import numpy as np

import fractalman as fm
from fractalman.prediction.label_scatter import plain_slope

SETS = [(4, 0.5), (4, 1.0), (8, 0.5)]
N = 2000


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=24)
    draws = parser.parse_args().draws
    lines = []
    for branching, hurst in SETS:
        without_noise = 0.0
        for kind in ("clean", "noise .3", "classes"):
            made = []
            for seed in range(draws):
                data = fm.generate(fm.Cascade(n_points=N, branching=branching, hurst=hurst, seed=seed))
                noise = 0.3 * np.random.default_rng(seed).normal(size=N) if kind == "noise .3" else 0.0
                y = data.y > np.median(data.y) if kind == "classes" else data.y + noise
                made.append(fm.predict_own_data(data.X, y))
            rank = made[0].smoothness.rank.astype(float)
            mean = np.mean([one.smoothness.rank_difference for one in made], axis=0)
            truth = {"noisy": float(plain_slope(rank, mean)[0])}
            if kind != "noise .3":  # of noisy labels the same labels without noise say it
                without_noise = truth["noisy"] if kind == "clean" else without_noise
            truth["clean"] = truth["noisy"] if kind == "classes" else without_noise
            for which in ("clean", "noisy"):
                estimates = [getattr(one.neighbours, which) for one in made]
                held = np.mean([e.interval[0] <= truth[which] <= e.interval[1] for e in estimates])
                values = np.array([e.value for e in estimates])
                stated = np.median([e.standard_error for e in estimates])
                found = np.mean([one.neighbours.noise_found for one in made])
                scatter = values.std(ddof=1)
                lines.append((held, branching, hurst, kind, which, truth[which], values.mean(), scatter, stated, found))
                print(lines[-1], file=sys.stderr, flush=True)
    print("# Exponents of own data: how often 95 % intervals cover\n")
    print(
        f"{datetime.date.today().isoformat()} · fractalman {fm.__version__}, Python {platform.python_version()}, numpy "
        f"{np.__version__} · {draws} draws of geometry and labels, {N} points, `scripts/own_data_coverage.py`\n"
    )
    print("| covered | cascade b | H | labels | exponent | truth | mean | scatter | stated error | noise found |")
    print("|---:|---:|---:|---|---|---:|---:|---:|---:|---:|")
    for held, b, hurst, kind, which, *numbers in sorted(lines):
        *rest, found = numbers
        cells = " | ".join(f"{number:.3f}" for number in rest)
        print(f"| {held:.2f} | {b} | {hurst} | {kind} | {which} | {cells} | {found:.2f} |")


if __name__ == "__main__":
    main()
