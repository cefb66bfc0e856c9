#!/usr/bin/env python3
"""Rate of training networks beside the rate of the matrix products that it consists of, in one run.

    .venv/bin/python scripts/bench_training.py [--networks 4] [--batch 64] [--steps 400] [--repeats 5] [--json]

Networks 64 → width → width → 1 of widths 64 and 128, Adam, batches of 64 examples, an ensemble of four seeds.
*training*: one call of the learner mlp, the time of --steps steps taken as the difference of two calls, so that what a
call costs once is left out. *sgemm*: the same products, forward and backward, of every network and every step, by
NumPy's library. *XLA*: the same by the compiler that trains, in one loop without anything between them. The products'
operations, divided by each one's processor time, are its rate; all three are timed in turn, and shares are medians of
the turns' ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("PJRT_NPROC", "1")  # as in a worker
os.environ.setdefault("NPROC", "1")

import jax
import jax.numpy as jnp
import numpy as np

from fractalman import learners
from fractalman.learners import Problem
from fractalman.random.streams import normals

INPUTS, POINTS = 64, 2048


def shapes(width: int, batch: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Matrices that a step multiplies: forward, for the weights' gradients, for the layers' gradients."""
    layers = list(pairwise((INPUTS, width, width, 1)))
    return [
        *(((batch, a), (a, b)) for a, b in layers),
        *(((a, batch), (batch, b)) for a, b in layers),
        *(((batch, b), (b, a)) for a, b in layers[1:]),
    ]


def operations(width: int, batch: int) -> int:
    """Multiplications and additions of a network's step."""
    return sum(2 * a[0] * a[1] * b[1] for a, b in shapes(width, batch))


def problem(key: int) -> Problem:
    """Labels that a network of this size cannot interpolate in these steps."""
    X = normals(key, (POINTS + 256) * INPUTS).reshape(-1, INPUTS).astype(np.float32)
    y = np.sin(2.0 * X[:, :1].astype(np.float64)) * X[:, 1:2]
    return Problem(X[:POINTS], y[:POINTS], X[POINTS:], key)


def training(width: int, networks: int, batch: int, steps: int) -> Callable[[], float]:
    """What returns the processor seconds of ``steps`` steps of an ensemble."""
    table = {"width": width, "depth": 2, "batch_size": batch, "interpolation_tolerance": 0.0, "max_train": POINTS}
    long, short = (learners.make("mlp", {**table, "steps": count}) for count in (2 * steps, steps))
    problems = [problem(key) for key in range(networks)]
    return lambda: timed(lambda: long.run(problems)) - timed(lambda: short.run(problems))


def products(width: int, networks: int, batch: int, steps: int) -> Callable[[], float]:
    """The same for NumPy's products alone."""
    random = np.random.default_rng(0)
    pairs = [tuple(random.standard_normal(s, np.float32) for s in two) for two in shapes(width, batch)]
    made = [(a, b, np.empty((a.shape[0], b.shape[1]), np.float32)) for a, b in pairs]

    def work() -> None:
        for _ in range(steps * networks):
            for a, b, out in made:
                np.matmul(a, b, out=out)

    return lambda: timed(work)


def compiled_products(width: int, networks: int, batch: int, steps: int) -> Callable[[], float]:
    """The same for the compiler's, in a loop in which every product waits for the one before it."""
    pairs = [
        tuple(jax.random.normal(jax.random.key(k), (networks, *s)) for k, s in enumerate(two))
        for two in shapes(width, batch)
    ]

    def step(total: Any, _: Any) -> tuple[Any, None]:
        for a, b in pairs:
            total = total + 1e-9 * jnp.matmul(a + total, b)[0, 0, 0]
        return total, None

    run = jax.jit(lambda start: jax.lax.scan(step, start, None, steps)[0])
    run(jnp.float32(0)).block_until_ready()
    return lambda: timed(lambda: run(jnp.float32(0)).block_until_ready())


def timed(call: Callable[[], Any]) -> float:
    """Processor seconds of a call."""
    before = time.process_time()
    call()
    return time.process_time() - before


def measured(width: int, networks: int, batch: int, steps: int, repeats: int) -> dict[str, Any]:
    """One width: rates in GFLOP/s of processor time, and the shares of training in them."""
    kinds = {"training": training, "sgemm": products, "XLA": compiled_products}
    calls = {name: make(width, networks, batch, steps) for name, make in kinds.items()}
    calls["training"]()  # compiled
    turns = [{name: call() for name, call in calls.items()} for _ in range(repeats)]
    work = operations(width, batch) * networks * steps / 1e9
    shares = {name: [turn[name] / turn["training"] for turn in turns] for name in ("sgemm", "XLA")}
    return {
        "width": width,
        "rates": {name: work / statistics.median(turn[name] for turn in turns) for name in calls},
        "shares": {n: (statistics.median(values), min(values), max(values)) for n, values in shares.items()},
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--networks", type=int, default=4)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = [measured(width, asked.networks, asked.batch, asked.steps, asked.repeats) for width in (64, 128)]
    if asked.json:
        print(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        rates = ", ".join(f"{name} {rate:.3g}" for name, rate in row["rates"].items())
        shares = ", ".join(f"{name} {m:.2f} ({a:.2f} … {b:.2f})" for name, (m, a, b) in row["shares"].items())
        print(f"width {row['width']}: GFLOP/s {rates}; training's rate over that of {shares}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
