#!/usr/bin/env python3
"""How long a table of losses takes: `measure --scaling` of long curves, and joint fits with their errors.

    .venv/bin/python scripts/bench_scaling.py [--sizes 20 60 120 400] [--direct 60]

*whole* is everything that `measure_scaling` prints; *windows* the exponents of all windows by running sums; *direct*
the same exponents with one `fit_power_law` a window, up to --direct sizes, as builds before 2026-11-28 did: 48
processor seconds for 120 sizes, where it is .4 now, the first call included. Processor seconds of one process, after a
first call that compiles.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fractalman.measure import fit_joint_power_law, fit_power_law, measure_scaling, window_sensitivity


def seconds(work: Callable[..., object], *arguments: object) -> float:
    start = time.process_time()
    work(*arguments)
    return time.process_time() - start


def direct(n: np.ndarray, loss: np.ndarray) -> list[float]:
    """Every window by a fit of its own."""
    return [fit_power_law(n[i:j], loss[i:j]).value for i in range(n.size - 2) for j in range(i + 3, n.size + 1)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=[20, 60, 120, 400])
    parser.add_argument("--direct", type=int, default=60, help="largest curve that is fitted window by window")
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    print("sizes  windows  whole s  windows s  direct s  direct / windows")
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "t.csv"
        for m in options.sizes:
            n = np.rint(np.geomspace(4e6, 3e9, m))
            loss = (0.3 + 60 * n**-0.3) * np.exp(0.004 * rng.standard_normal(m))
            rows = [f"{a:.0f},{b:.6f}" for a, b in zip(n, loss, strict=True)]
            table.write_text("n,loss\n" + "\n".join(rows), encoding="utf-8")
            measure_scaling(table)
            whole, windows = seconds(measure_scaling, table), seconds(window_sensitivity, n, loss)
            line = f"{m:5d} {(m - 1) * (m - 2) // 2:8d} {whole:8.3f} {windows:10.4f}"
            if m <= options.direct:
                slow = seconds(direct, n, loss)
                line += f" {slow:9.2f} {slow / max(windows, 1e-6):17.0f}"
            print(line, flush=True)
    print("rows  joint fit with errors, s")
    for k in (3, 7, 15):
        P, n = (a.ravel() for a in np.meshgrid(np.geomspace(5e7, 1e10, k), np.geomspace(5e8, 2e11, k)))
        loss = (1.8 + 480 * P**-0.34 + 2100 * n**-0.37) * np.exp(0.008 * rng.standard_normal(P.size))
        fit_joint_power_law(P, n, loss)
        print(f"{P.size:4d} {seconds(fit_joint_power_law, P, n, loss):8.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
