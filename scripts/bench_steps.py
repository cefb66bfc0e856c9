#!/usr/bin/env python3
"""A transformer's training step against a hand-written JAX loop, and tangent kernels against a loop, side by side.

    .venv/bin/python scripts/bench_steps.py [--steps 200] [--repeats 3] [--networks 4] [--pairs 512]

*step*: an ensemble of decoders (width 32, 2 layers, 32 tokens of 97 kinds, batches of 32) in the harness's compiled
block, and the same network written out by hand: its own forward pass, optax's Adam, one jitted and vmapped step called
from a Python loop. Both are compiled before; they take turns, and the ratio is the median over repeats of processor
times, which a busy machine disturbs less than wall time. *influence*: the tangent kernel between so many points of a
network of 10^6 parameters by `own_network(...).kernel`, and a loop over points and pairs with jitted gradients, of
which only the first rows are timed and multiplied up.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fractalman.learners import make, own_network
from fractalman.learners.networks import training

T, V, E, HEADS, DEPTH, BATCH, POINTS, RATE = 32, 97, 32, 4, 2, 32, 4096, 1e-3
_TIMED_ROWS = 4


def norm(h: Any, gain: Any, shift: Any) -> Any:
    """Return a layer norm."""
    mean = h.mean(-1, keepdims=True)
    return (h - mean) / jnp.sqrt(((h - mean) ** 2).mean(-1, keepdims=True) + 1e-5) * gain + shift


def forward(w: dict[str, Any], X: Any) -> Any:
    """Return the answers of the last position, as somebody would write them down."""
    h = jax.nn.one_hot(X.astype(jnp.int32), V) @ w["embedding/weight"] + w["embedding/position"]
    b, mask = len(X), jnp.tril(jnp.ones((T, T), bool))
    for k in range(1, DEPTH + 1):
        own = {name.split("/")[1]: v for name, v in w.items() if name.startswith(f"layer-{k}/")}
        qkv = norm(h, own["gain-1"], own["shift-1"]) @ own["attend"]
        q, key, v = (part.reshape(b, T, HEADS, E // HEADS).swapaxes(1, 2) for part in jnp.split(qkv, 3, -1))
        scores = jnp.where(mask, q @ key.swapaxes(-1, -2) / np.sqrt(E // HEADS), -jnp.inf)
        h = h + (jax.nn.softmax(scores) @ v).swapaxes(1, 2).reshape(b, T, E) @ own["collect"]
        up = jax.nn.gelu(norm(h, own["gain-2"], own["shift-2"]) @ own["up"] + own["bias-up"], approximate=False)
        h = h + up @ own["down"] + own["bias-down"]
    return norm(h[:, -1], w["readout/gain"], w["readout/shift"]) @ w["readout/weight"] + w["readout/bias"]


def by_hand(weights: Any, X: Any, y: Any, steps: int) -> Callable[[], Any]:
    """Return a training of that many steps, compiled."""
    optimizer = optax.adam(RATE)

    def loss(w: Any, x: Any, target: Any) -> Any:
        return -(jax.nn.log_softmax(forward(w, x)) * target).sum(-1).mean()

    @jax.jit
    @partial(jax.vmap, in_axes=(0, 0, 0, 0, 0, None))
    def step(w: Any, state: Any, key: Any, X: Any, y: Any, k: Any) -> Any:
        index = jax.random.randint(jax.random.fold_in(key, k), (BATCH,), 0, POINTS)
        update, state = optimizer.update(jax.grad(loss)(w, X[index], y[index]), state)
        return optax.apply_updates(w, update), state

    keys = jax.random.split(jax.random.key(0), len(X))
    start = jax.vmap(optimizer.init)(weights)

    def run() -> Any:
        w, state = weights, start
        for k in range(steps):
            w, state = step(w, state, keys, X, y, k)
        return jax.block_until_ready(w)

    jax.block_until_ready(step(weights, start, keys, X, y, 0))
    return run


def by_harness(weights: Any, X: Any, y: Any, network: Any, steps: int) -> Callable[[], Any]:
    """Return the same in the harness's block, compiled."""
    p = len(X)
    factors, rates = network.constants("adam", T, weights)
    plan = training.Plan(
        np.float32(steps), np.float32(1), np.full(p, RATE, np.float32), np.float32(0.0), factors, rates
    )  # fmt: skip
    state = jax.device_put(training.State(weights, jax.vmap(training.OPTIMIZERS["adam"].init)(weights)))
    words = np.arange(2 * p, dtype=np.uint32).reshape(p, 2)
    data = (X, y, np.full(p, POINTS, np.int32), words, np.zeros(p, bool))
    block = partial(
        training.train_block, state, *data, plan=plan, batch_size=BATCH, network=network, optimizer="adam",
        sampling="replacement", classes=V,
    )  # fmt: skip
    jax.block_until_ready(block(np.int32(0), np.int32(1)))
    return lambda: jax.block_until_ready(block(np.int32(0), np.int32(steps)))


def timed(run: Callable[[], Any]) -> tuple[float, float]:
    """Return processor and wall seconds of a call."""
    cpu, wall = time.process_time(), time.perf_counter()
    run()
    return time.process_time() - cpu, time.perf_counter() - wall


def steps_ratio(networks: int, steps: int, repeats: int) -> None:
    """Print seconds of a step and the ratio."""
    learner = make("transformer", {"width": E, "depth": DEPTH, "heads": HEADS, "vocabulary": V})
    network = learner.network
    rng = np.random.default_rng(0)
    X = jax.device_put(rng.integers(0, V, (networks, POINTS, T)).astype(np.float32))
    y = jax.device_put(np.eye(V, dtype=np.float32)[rng.integers(0, V, (networks, POINTS))])
    weights = jax.device_put(training.stack([network.start(key, T, V) for key in range(networks)]))
    one = jax.tree.map(lambda leaf: leaf[0], weights)
    gap = np.abs(np.asarray(forward(one, X[0, :64]) - network.apply(one, (), X[0, :64]))).max()
    print(f"{networks} networks of {network.count(T, V):,} weights; forward passes differ by {gap:.1e}")
    hand, ours = by_hand(weights, X, y, steps), by_harness(weights, X, y, network, steps)
    pairs = [(timed(ours), timed(hand)) for _ in range(repeats)]
    for k, name in enumerate(("processor", "wall")):
        own = statistics.median(a[k] for a, _ in pairs) / steps
        other = statistics.median(b[k] for _, b in pairs) / steps
        ratio = statistics.median(a[k] / b[k] for a, b in pairs)
        print(f"step, {name} time: harness {1e3 * own:.2f} ms, by hand {1e3 * other:.2f} ms, ratio {ratio:.2f}")


def influence_ratio(points: int) -> None:
    """Print seconds of the tangent kernel and the ratio."""
    rng = np.random.default_rng(0)
    sizes = (32, 700, 700, 700, 1)
    shapes = list(pairwise(sizes))
    weights = [jnp.asarray(rng.normal(size=s) / np.sqrt(s[0]), jnp.float32) for s in shapes]

    def network(weights: Any, X: Any) -> Any:
        for w in weights[:-1]:
            X = jax.nn.relu(X @ w)
        return X @ weights[-1]

    A, B = rng.normal(size=(2, points, sizes[0])).astype(np.float32)
    held = own_network((network, weights), A)
    held.kernel(A[:2], B[:2])
    found: list[Any] = []
    cpu, wall = timed(lambda: found.append(held.kernel(A, B).sum(axis=0)))
    gradient = jax.jit(jax.grad(lambda w, x: network(w, x[None])[0, 0]))
    jax.block_until_ready(gradient(weights, A[0]))
    rows = np.empty((_TIMED_ROWS, points))

    def loop() -> None:
        for i in range(_TIMED_ROWS):
            one = gradient(weights, A[i])
            for j in range(points):
                other = gradient(weights, B[j])
                rows[i, j] = sum(float(jnp.vdot(a, b)) for a, b in zip(one, other, strict=True))

    naive = timed(loop)[0] * points / _TIMED_ROWS
    gap = np.abs(found[0][:_TIMED_ROWS] - rows).max() / np.abs(rows).max()
    count = sum(a * b for a, b in shapes)
    print(
        f"influence of {points} × {points} pairs, {count:,} parameters: {cpu:.1f} s of processor time ({wall:.1f} s of "
        f"wall time), pair by pair {naive:.0f} s ({_TIMED_ROWS} rows timed), ratio {naive / cpu:.0f}; largest "
        f"difference {gap:.1e}"
    )


def main() -> None:
    """Time both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--networks", type=int, default=4)
    parser.add_argument("--pairs", type=int, default=512)
    options = parser.parse_args()
    steps_ratio(options.networks, options.steps, options.repeats)
    influence_ratio(options.pairs)


if __name__ == "__main__":
    main()
