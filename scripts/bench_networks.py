#!/usr/bin/env python3
"""Speed of an ensemble of networks against the same networks one at a time, as ratios measured in one run.

    .venv/bin/python scripts/bench_networks.py [--networks 16] [--steps 2000] [--repeats 3] [--sklearn 2] [--json]

Networks 32 → 64 → 64 → 1, ReLU, Adam, batches of 256 of 2048 points, all steps taken. *ensemble*: one call of the
learner mlp, one compiled program. *single*: the same learner, network by network, compiled once. *scikit-learn*: its
MLPRegressor, network by network, of which --sklearn are trained and their time multiplied. Compilation is timed
apart and counted. Every repeat times the three in turn; a ratio is the median over the repeats of wall times, and the
ratio of processor times stands beside it, which a busy machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # more threads only slow matrices of this size down, scikit-learn's too
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import jax
import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

import fractalman as fm
from fractalman import learners
from fractalman.learners import Problem
from fractalman.learners.networks import training
from fractalman.random.streams import normals

INPUTS, WIDTH, DEPTH, BATCH, POINTS, TEST = 32, 64, 2, 256, 2048, 256


def problem(key: int) -> Problem:
    """Labels that a network of this size cannot interpolate in these steps."""
    X = normals(key, (POINTS + TEST) * INPUTS).reshape(-1, INPUTS).astype(np.float32)
    y = np.sin(2.0 * X[:, :1].astype(np.float64)) * X[:, 1:2]
    return Problem(X[:POINTS], y[:POINTS], X[POINTS:], key)


def timed(call: Callable[[], Any]) -> tuple[float, float]:
    """Wall and processor seconds of a call."""
    wall, processor = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - processor


def regressor(steps: int) -> MLPRegressor:
    """scikit-learn's network of the same shape, for as many steps."""
    epochs = -(-steps // (POINTS // BATCH))
    return MLPRegressor(
        hidden_layer_sizes=(WIDTH,) * DEPTH, alpha=0.0, batch_size=BATCH, max_iter=epochs, tol=0.0,
        n_iter_no_change=epochs + 1, random_state=0,
    )  # fmt: skip


def measured(networks: int, steps: int, repeats: int, of_sklearn: int) -> dict[str, Any]:
    """Time the three in turn and return seconds, ratios and compilations."""
    table = {
        "width": WIDTH, "depth": DEPTH, "steps": steps, "batch_size": BATCH, "interpolation_tolerance": 0.0,
        "max_train": POINTS,
    }  # fmt: skip
    learner = learners.make("mlp", table)
    short = learners.make("mlp", {**table, "steps": 1})  # the number of steps is data: this compiles for all
    problems = [problem(key) for key in range(networks)]
    before = dict(training.compilations)
    compiling = timed(lambda: short.run(problems))[0]
    compilations = {name: count - before[name] for name, count in training.compilations.items()}
    short.run(problems[:1])
    before = dict(training.compilations)
    times: dict[str, list[tuple[float, float]]] = {"ensemble": [], "single": [], "scikit-learn": []}
    for _ in range(repeats):
        times["ensemble"].append(timed(lambda: learner.run(problems)))
        times["single"].append(timed(lambda: [learner.run([p]) for p in problems]))
        wall, processor = timed(
            lambda: [regressor(steps).fit(p.X_train, p.y_train.ravel()) for p in problems[:of_sklearn]]
        )
        times["scikit-learn"].append((wall * networks / of_sklearn, processor * networks / of_sklearn))
    further = sum(training.compilations.values()) - sum(before.values())

    def ratio(name: str, clock: int) -> float:
        pairs = zip(times[name], times["ensemble"], strict=True)
        return statistics.median(other[clock] / own[clock] for other, own in pairs)

    return {
        "seconds": {name: min(wall for wall, _ in entries) for name, entries in times.items()},
        "over_ensemble": {
            name: {"wall": ratio(name, 0), "processor": ratio(name, 1)} for name in ("single", "scikit-learn")
        },
        "compile_seconds": compiling,
        "compilations_of_the_ensemble": compilations,
        "compilations_while_timed": further,
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--networks", type=int, default=16)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sklearn", type=int, default=2, help="networks that scikit-learn trains per repeat")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    import warnings

    warnings.simplefilter("ignore", ConvergenceWarning)  # all steps are taken on purpose
    found = measured(asked.networks, asked.steps, asked.repeats, min(asked.sklearn, asked.networks))
    machine = {
        "processor": platform.processor() or platform.machine(),
        "device": jax.devices()[0].device_kind,
        "fractalman": fm.__version__,
        "jax": jax.__version__,
        "scikit-learn": sklearn.__version__,
        "python": platform.python_version(),
    }
    if asked.json:
        print(json.dumps({**machine, "networks": asked.networks, "steps": asked.steps, **found}, indent=2))
        return 0
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    print(f"{asked.networks} networks {INPUTS} → {WIDTH} → {WIDTH} → 1, {asked.steps} steps of {BATCH} points")
    for name, seconds in found["seconds"].items():
        ratios = found["over_ensemble"].get(name)
        beside = ""
        if ratios is not None:
            beside = f"  {ratios['wall']:.2f} × the ensemble, {ratios['processor']:.2f} × in processor time"
        print(f"{name:14s}{seconds:8.2f} s{beside}")
    print(
        f"compiled in {found['compile_seconds']:.1f} s, {found['compilations_of_the_ensemble']} for the ensemble, "
        f"{found['compilations_while_timed']} more while timed"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
