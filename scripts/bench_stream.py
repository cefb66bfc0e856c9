"""How fast a stream feeds the training step of a sparse autoencoder: rows a second of either, and their ratio.

Usage: python scripts/bench_stream.py [--width 4096] [--dim 512] [--batch 1024] [--steps 10]
"""

from __future__ import annotations

import argparse
import time

import jax.numpy as jnp
import numpy as np

import fractalman as fm
from fractalman.learners.dictionaries import training


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("width", 4096), ("dim", 512), ("batch", 1024), ("steps", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    recipe = fm.Cascade(
        n_points=100_000, ambient_dim=options.dim, embedding="superposition", feature_min_size=16,
        feature_magnitude="folded-normal",
    )  # fmt: skip
    points = fm.stream(recipe, options.batch)
    points.batch(0)
    begin, used = time.perf_counter(), time.process_time()
    batches = np.stack([points.batch(k) for k in range(1, options.steps + 1)])
    fed, fed_cpu = time.perf_counter() - begin, time.process_time() - used
    rows = np.random.default_rng(0).normal(size=(1, options.width, options.dim)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    state = training.initial_state(jnp.asarray(rows), False, "topk")
    numbers = (jnp.asarray([32], jnp.int32), jnp.float32(0), jnp.float32(1000), jnp.float32(1e-3), "topk")
    whole = (options.width,)
    training.train_block(state, batches, *numbers, whole)[1].block_until_ready()  # compiles
    begin, used = time.perf_counter(), time.process_time()
    training.train_block(state, batches, *numbers, whole)[1].block_until_ready()
    step, step_cpu = time.perf_counter() - begin, time.process_time() - used
    n = options.steps * options.batch
    print(
        f"stream {n / fed:,.0f} rows/s ({n / fed_cpu:,.0f} a processor second), training step of width "
        f"{options.width}: {n / step:,.0f} rows/s ({n / step_cpu:,.0f}); ratio {step / fed:.1f} "
        f"(processor time {step_cpu / fed_cpu:.1f})"
    )


if __name__ == "__main__":
    main()
