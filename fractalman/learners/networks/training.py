"""An ensemble of ReLU networks trained in one vectorised, compiled program: initialisation, batches, steps, stopping.

Every network is a pure function of its own problem: its weights come from its key, its batch at step k is a function
of (key, k), and it is frozen by its own training risk alone. Which networks share a program changes only rounding.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fractalman._arrays import F32, F64, I64
from fractalman.errors import FitError
from fractalman.seeds import Role, key64, normals

Weights: TypeAlias = tuple[tuple[Any, Any], ...]

ROWS = 1024
"""Rows that one call of the compiled forward pass takes, so that it is compiled once for every n."""

_ADAM = optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8)

compilations: dict[str, int] = {"block": 0, "forward": 0}
"""How often each program was traced in this process (a trace is a compilation)."""


class State(NamedTuple):
    """What a step changes, stacked over networks."""

    weights: Weights
    adam: Any


def initial_weights(key: int, d: int, width: int, depth: int, outputs: int) -> Weights:
    """Return He-initialised weights (output layer: variance 1/fan-in), biases 0, float32 NumPy arrays.

    Args:
        key: the problem's key; layer ℓ draws from its own key, the same numbers on every machine.
        d, width, depth, outputs: layer sizes d → width (depth times) → outputs.
    """
    sizes = [d, *[width] * depth, outputs]
    layers = []
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        gain = 1.0 if layer == depth else 2.0
        draws = normals(key64(key, Role.INITIALISATION, layer), fan_in * fan_out).reshape(fan_in, fan_out)
        weight = (draws * math.sqrt(gain / fan_in)).astype(np.float32)
        layers.append((weight, np.zeros(fan_out, np.float32)))
    return tuple(layers)


def stack(networks: list[Weights]) -> Weights:
    """Return one pytree whose leaves have the networks along axis 0."""
    return tuple(
        (np.stack([net[i][0] for net in networks]), np.stack([net[i][1] for net in networks]))
        for i in range(len(networks[0]))
    )


def _network(weights: Weights, x: Any) -> Any:
    """One ReLU network; full float32 products on every device (a GPU's default would keep 10 bits)."""
    for weight, bias in weights[:-1]:
        x = jax.nn.relu(jnp.dot(x, weight, precision=jax.lax.Precision.HIGHEST) + bias)
    weight, bias = weights[-1]
    return jnp.dot(x, weight, precision=jax.lax.Precision.HIGHEST) + bias


def rate(step: Any, steps: Any, warmup: Any, peak: Any) -> Any:
    """Return the learning rate of ``step`` = 0 … steps − 1: linear warm-up, then half a cosine down to 0."""
    step = step.astype(jnp.float32)
    rise = jnp.minimum(1.0, (step + 1.0) / warmup)
    fall = 0.5 * (1.0 + jnp.cos(jnp.pi * (step + 1.0) / steps))
    return peak * rise * fall


@partial(jax.jit, static_argnames=("batch_size",))
def train_block(
    state: State, X: Any, y: Any, n: Any, keys: Any, frozen: Any, start: Any, stop: Any, schedule: Any, batch_size: int
) -> State:
    """Run steps start … stop − 1 of every network that is not frozen.

    Args:
        state: stacked over p networks. X: (p, max_n, d) float32, rows beyond a network's n are never drawn.
        y: (p, max_n, m) float32. n: (p,) int32. keys: (p, 2) uint32, the threefry key of the batches.
        frozen: (p,) bool. start, stop: int32. schedule: (steps, warm-up, peak) float32.
    """
    compilations["block"] += 1
    steps, warmup, peak = schedule

    def one(state: State, X: Any, y: Any, n: Any, words: Any, frozen: Any) -> State:
        key = jax.random.wrap_key_data(words, impl="threefry2x32")

        def loss(weights: Weights, index: Any) -> Any:
            return jnp.mean(jnp.square(_network(weights, X[index]) - y[index]))

        def step(k: Any, state: State) -> State:
            index = jax.random.randint(jax.random.fold_in(key, k), (batch_size,), 0, n)
            gradient = jax.grad(loss)(state.weights, index)
            direction, adam = _ADAM.update(gradient, state.adam)
            size = rate(k, steps, warmup, peak)
            weights = jax.tree.map(lambda w, u: w - size * u, state.weights, direction)
            return State(weights, adam)

        moved = jax.lax.fori_loop(start, stop, step, state)
        return jax.tree.map(lambda old, new: jnp.where(frozen, old, new), state, moved)  # type: ignore[no-any-return]

    return jax.vmap(one)(state, X, y, n, keys, frozen)  # type: ignore[no-any-return]


def _stacked_networks(weights: Weights, X: Any) -> Any:
    compilations["forward"] += 1
    return jax.vmap(_network)(weights, X)


_forward = jax.jit(_stacked_networks)


@dataclass(frozen=True)
class Run:
    """How the networks of an ensemble are trained; see `fractalman.learners.networks.mlp.Settings`.

    Args:
        width, depth: hidden layers are ``depth`` × ``width``.
        steps: budget. warmup: steps of linear warm-up. block: steps between two looks at the training risk.
        batch_size: points of one step, drawn with replacement. learning_rate: the schedule's peak.
        tolerance: training risk, in the units of y, below which a network counts as interpolating.
        max_train: rows that X is padded to.
    """

    width: int
    depth: int
    steps: int
    warmup: int
    block: int
    batch_size: int
    learning_rate: float
    tolerance: float
    max_train: int


@dataclass(frozen=True)
class Trained:
    """One network's end.

    Args:
        prediction: (t, m) float64. train_risk: over all training points, float64. Both in the units of y.
        steps: steps taken. interpolated: whether train_risk is below the tolerance.
    """

    prediction: F64
    train_risk: float
    steps: int
    interpolated: bool


def forward(weights: Weights, X: list[F32], outputs: int) -> list[F64]:
    """Return every network's float32 outputs on its own points as float64, block by block of `ROWS` rows.

    Args:
        weights: stacked over p networks. X: p arrays (t_i, d) float32. outputs: m.
    """
    longest = max(x.shape[0] for x in X)
    out = [np.empty((x.shape[0], outputs)) for x in X]
    for start in range(0, longest, ROWS):
        block = np.zeros((len(X), ROWS, X[0].shape[1]), np.float32)
        for i, x in enumerate(X):
            rows = x[start : start + ROWS]
            block[i, : rows.shape[0]] = rows
        values = np.asarray(_forward(weights, block))
        for i, z in enumerate(out):
            rows_out = z[start : start + ROWS]
            rows_out[:] = values[i, : rows_out.shape[0]]
    return out


def train(run: Run, X: list[F32], y: list[F64], X_test: list[F32], keys: list[int]) -> list[Trained]:
    """Train one network per problem, all in one program, and predict.

    Args:
        X: p arrays (n_i, d) float32, n_i ≤ run.max_train. y: p arrays (n_i, m) float64 of mean square 1.
        X_test: p arrays (t_i, d). keys: p problem keys.
    Returns: p results, each independent of the other problems up to rounding.
    Errors: FitError when a network's training risk is no longer finite.
    """
    p, d, m = len(X), X[0].shape[1], y[0].shape[1]
    n: I64 = np.array([x.shape[0] for x in X])
    X_pad = np.zeros((p, run.max_train, d), np.float32)
    y_pad = np.zeros((p, run.max_train, m), np.float32)
    for i in range(p):
        X_pad[i, : n[i]], y_pad[i, : n[i]] = X[i], y[i]
    words = [key64(key, Role.BATCH) for key in keys]
    data = jax.device_put(
        (
            X_pad,
            y_pad,
            n.astype(np.int32),
            np.array([(word >> 32, word & 0xFFFFFFFF) for word in words], np.uint32),
        )
    )
    schedule = np.array([run.steps, run.warmup, run.learning_rate], np.float32)
    weights = stack([initial_weights(key, d, run.width, run.depth, m) for key in keys])
    # one Adam counter per network, so that networks can be frozen one by one
    zeros = jax.tree.map(np.zeros_like, weights)
    adam = optax.ScaleByAdamState(count=np.zeros(p, np.int32), mu=zeros, nu=zeros)
    state = jax.device_put(State(weights, adam))
    frozen = np.zeros(p, bool)
    taken = np.zeros(p, np.int64)
    risk = np.empty(p)
    for start in range(0, run.steps, run.block):
        stop = min(start + run.block, run.steps)
        state = train_block(state, *data, frozen, np.int32(start), np.int32(stop), schedule, batch_size=run.batch_size)
        taken[~frozen] = stop
        fitted = forward(state.weights, X, m)
        risk = np.array([np.mean(np.square(fitted[i] - y[i])) for i in range(p)])
        if not np.isfinite(risk).all():
            raise FitError(
                f"{int(np.sum(~np.isfinite(risk)))} of {p} networks diverged within {stop} steps at "
                f"mlp.learning_rate = {run.learning_rate:g}: type a smaller learning_rate"
            )
        frozen |= risk < run.tolerance
        if frozen.all():
            break
    predicted = forward(state.weights, X_test, m)
    return [Trained(predicted[i], float(risk[i]), int(taken[i]), bool(frozen[i])) for i in range(p)]
