#!/usr/bin/env python3
"""How often the exponents of own data cover and noise is called by mistake, over draws of points and labels.

    .venv/bin/python scripts/own_data_coverage.py --draws 48 > datasets/statistics/own_data_coverage.md

Labels are numbers as they are, with normal noise of .3 or with noise of three degrees of freedom and that deviation;
two classes cut at the median, as they are or a tenth of them drawn again; five classes of equal shares; whole ratings
of 1 to 9. Truth: the exponent that the mean of the neighbours' differences over all draws has, in the same window of
ranks, without its noise ("clean") or as it is ("noisy"). Shortfalls stand first.
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


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=48)
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--kinds", default=";".join(KINDS), help=f"which of {';'.join(KINDS)}")
    parser.add_argument("--first-seed", type=int, default=0, help="the noise test was set at seeds from 0 on")
    options = parser.parse_args()
    kinds = [
        kind
        for kind in KINDS
        if kind in options.kinds.split(";") or kind in (BARE[k] for k in options.kinds.split(";") if k in BARE)
    ]
    lines, called = [], {kind: [] for kind in kinds}
    for name, recipe in SETS.items():
        alone: dict[str, float] = {}
        for kind in kinds:
            laws, curves = [], []
            for seed in range(options.first_seed, options.first_seed + options.draws):
                data = fm.generate(recipe(options.points, seed))
                y, classes = labels_of(kind, np.asarray(data.y), seed)
                X = np.asarray(data.X, np.float64)
                found = fm.measure.smoothness(X, y, n_sources=SOURCES, classes=classes)
                laws.append(neighbour_law(X, y, found.rank, found.rank_difference, found.neighbours, classes, seed))
                curves.append(found.rank_difference)
            rank = found.rank.astype(float)
            noisy = float(plain_slope(rank, np.mean(curves, axis=0))[0])
            alone[kind] = noisy
            truths = {"clean exponent": alone[BARE.get(kind, kind)], "noisy exponent": noisy}
            if kind in ("clean", "noise .3", "classes", "heavy noise"):  # of others nobody says what their noise is
                truths["noise variance"] = SIGMA**2 if "noise" in kind else 0.0
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
        what = "noise found" if kind in BARE else "false alarms"
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
