"""An ensemble of networks trained in one vectorised, compiled program: initialisation, batches, steps, stopping.

Every network is a pure function of its own problem: its weights come from its key, its batch at step k is a function
of (key, k), and it is frozen by its own training risk alone, when it interpolates or is no number any more. Which
networks share a program changes only rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fractalman._typing import F32, F64, I64
from fractalman.display import Display
from fractalman.learners.networks import checkpoints
from fractalman.learners.networks.network import Network
from fractalman.random.streams import Role, key64

__all__ = ["Run", "Trained", "forward", "train"]

ACTIVATIONS = {"relu": jax.nn.relu, "gelu": partial(jax.nn.gelu, approximate=False), "tanh": jnp.tanh}
OPTIMIZERS = {"adam": optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8), "sgd": optax.trace(decay=0.9)}


TOGETHER = 64
"""Steps whose batches are drawn at once."""
AT_ONCE = 1 << 20
"""Most numbers of so many batches of a network that are copied at once."""
compilations: dict[str, int] = {"block": 0, "forward": 0}
"""How often each program was traced in this process (a trace is a compilation)."""


class State(NamedTuple):
    """What a step changes, stacked over networks."""

    weights: Any
    optimizer: Any


def stack(networks: list[Any]) -> Any:
    """Return one pytree whose leaves have the networks along axis 0."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *networks)


def rate(step: Any, steps: Any, warmup: Any, peak: Any) -> Any:
    """Return the learning rate of ``step`` = 0 … steps − 1: linear warm-up, then half a cosine down to 0."""
    step = step.astype(jnp.float32)
    rise = jnp.minimum(1.0, (step + 1.0) / warmup)
    fall = 0.5 * (1.0 + jnp.cos(jnp.pi * (step + 1.0) / steps))
    return peak * rise * fall


class Plan(NamedTuple):
    """The numbers of a training run that no program is compiled for.

    Attributes
    ----------
    steps : object
        Float32.
    warmup : object
        Float32.
    peak : (p,) float32
        Peak learning rate of every network.
    decay : object
        Float32, decoupled weight decay.
    factors : object
        Of the forward pass, see `Network.constants`.
    rates : pytree
        Multiplies the learning rate of every weight.
    """

    steps: Any
    warmup: Any
    peak: Any
    decay: Any
    factors: Any
    rates: Any


@partial(jax.jit, static_argnames=("batch_size", "network", "optimizer", "sampling", "classes"))
def train_block(
    state: State, X: Any, y: Any, n: Any, keys: Any, frozen: Any, start: Any, stop: Any, plan: Plan,
    batch_size: int, network: Network, optimizer: str, sampling: str, classes: int = 0,
) -> State:  # fmt: skip
    """Run steps start … stop − 1 of every network that is not frozen.

    Parameters
    ----------
    state : State
        Stacked over p networks.
    X : (p, max_n, d) float32
        Rows beyond a network's n are never drawn.
    y : (p, max_n, m) float32
        Labels of every problem, scaled; rows beyond n are not looked at.
    n : (p,) int32
        Training points of every problem.
    keys : (p, 2) object
        Uint32, the threefry key of the batches.
    frozen : (p,) bool
        Members that are not trained further.
    start : object
        Int32.
    stop : object
        Int32.
    plan : Plan
        Rates and factors.
    batch_size : int
        Points of a step.
    network : Network
        Whose weights the state holds.
    sampling : str
        "replacement", or "one-pass": every point once, in order.
    """
    compilations["block"] += 1
    direction_of = OPTIMIZERS[optimizer]

    def one(state: State, X: Any, y: Any, n: Any, words: Any, frozen: Any, peak: Any) -> State:
        key = jax.random.wrap_key_data(words, impl="threefry2x32")

        def loss(weights: Any, x: Any, target: Any) -> Any:
            return network.loss(weights, plan.factors, x, target, classes)

        def batch(k: Any) -> Any:
            if sampling == "one-pass":
                return (k * batch_size + jnp.arange(batch_size)) % n
            return jax.random.randint(jax.random.fold_in(key, k), (batch_size,), 0, n)

        def step(k: Any, state: State, x: Any, target: Any) -> State:
            gradient = jax.grad(loss)(state.weights, x, target)
            direction, moments = direction_of.update(gradient, state.optimizer)
            size = rate(k, plan.steps, plan.warmup, peak)

            def moved(w: Any, u: Any, relative: Any) -> Any:  # biases and gains, vectors, do not decay
                return w - size * relative * (u + plan.decay * w if w.ndim > 1 else u)

            return State(jax.tree.map(moved, state.weights, direction, plan.rates), moments)

        def steps(chunk: Any, state: State) -> State:  # batches of many steps at once: a few numbers each cost as much
            first = start + chunk * TOGETHER
            batches = jax.vmap(batch)(first + jnp.arange(TOGETHER))
            last = jnp.minimum(first + TOGETHER, stop)
            if batches.size * (X.shape[1] + y.shape[1]) <= AT_ONCE:  # picking rows for one step alone takes longer
                inputs, targets = X[batches], y[batches]
                return jax.lax.fori_loop(  # type: ignore[no-any-return]
                    first, last, lambda k, state: step(k, state, inputs[k - first], targets[k - first]), state
                )

            def picked(k: Any, state: State) -> State:
                rows = batches[k - first]
                return step(k, state, X[rows], y[rows])

            return jax.lax.fori_loop(first, last, picked, state)  # type: ignore[no-any-return]

        moved = jax.lax.fori_loop(0, (stop - start + TOGETHER - 1) // TOGETHER, steps, state)
        return jax.tree.map(lambda old, new: jnp.where(frozen, old, new), state, moved)  # type: ignore[no-any-return]

    return jax.vmap(one)(state, X, y, n, keys, frozen, plan.peak)  # type: ignore[no-any-return]


@partial(jax.jit, static_argnames=("optimizer",))
def moments_at_first(weights: Any, *, optimizer: str) -> Any:
    """Return what an optimizer begins with, by one program in place of one for every shape of a weight."""
    return jax.vmap(OPTIMIZERS[optimizer].init)(weights)


@partial(jax.jit, static_argnames=("network",))
def _forward(weights: Any, factors: Any, X: Any, network: Network) -> Any:
    compilations["forward"] += 1
    return jax.vmap(lambda w, x: network.apply(w, factors, x))(weights, X)


@dataclass(frozen=True)
class Run(Display):
    """How the networks of an ensemble are trained; see `fractalman.learners.networks.settings.Training`.

    Attributes
    ----------
    network : Network
        Its shape.
    steps : int
        Budget.
    warmup : int
        Steps of linear warm-up.
    block : int
        Steps between two looks at the training risk.
    batch_size : int
        Points of one step.
    learning_rate : float
        The schedule's peak.
    tolerance : float
        Training risk, in the units of y, below which a network counts as interpolating.
    max_train : int
        Rows that X is padded to.
    optimizer : str
        By name.
    sampling : str
        By name.
    weight_decay : float
        Decoupled.
    classes : int
        C where y has a column of 0 and 1 for each class and the loss is −ln(probability); 0 = squared error.
    """

    network: Network
    steps: int
    warmup: int
    block: int
    batch_size: int
    learning_rate: float
    tolerance: float
    max_train: int
    optimizer: str = "adam"
    sampling: str = "replacement"
    weight_decay: float = 0.0
    classes: int = 0


@dataclass(frozen=True)
class Trained(Display):
    """One network's end.

    Attributes
    ----------
    prediction : (t, m) float64
        At the test points, in the caller's unit.
    train_risk : float
        Over all training points, float64. Both in the units of y, and nan where the network diverged; of classes the
        outputs are logarithms of probabilities up to a constant, and the risk is the mean −ln(probability).
    steps : int
        Steps taken.
    interpolated : bool
        Whether train_risk is below the tolerance.
    diverged : bool
        Whether it was found not to be finite after so many steps; the others of the ensemble go on.
    """

    prediction: F64
    train_risk: float
    steps: int
    interpolated: bool
    diverged: bool = False
    weights: Any = None


def forward(weights: Any, X: list[F32], outputs: int, factors: Any, network: Network) -> list[F64]:
    """Return every network's float32 outputs on its own points as float64, ``network.rows`` rows at once.

    Parameters
    ----------
    weights : pytree
        Stacked over p networks.
    X : list of float32 array
        p arrays (t_i, d) float32.
    outputs : int
        m.
    factors : object
        Of the network.
    network : Network
        Its shape; one compilation of so many rows serves every n.
    """
    longest = max(x.shape[0] for x in X)
    out = [np.empty((x.shape[0], outputs)) for x in X]
    for start in range(0, longest, network.rows):
        block = np.zeros((len(X), network.rows, X[0].shape[1]), np.float32)
        for i, x in enumerate(X):
            rows = x[start : start + network.rows]
            block[i, : rows.shape[0]] = rows
        values = np.asarray(_forward(weights, factors, block, network=network))
        for i, z in enumerate(out):
            rows_out = z[start : start + network.rows]
            rows_out[:] = values[i, : rows_out.shape[0]]
    return out


def _risk(outputs: F64, y: F64, classes: int) -> float:
    """Return `batch_loss` over all points, in float64."""
    if not classes:
        return float(np.mean(np.square(outputs - y)))
    shape = (len(y), -1, classes)
    return float(-np.mean(np.sum(y.reshape(shape) * log_probabilities(outputs, classes), axis=-1)))


def log_probabilities(outputs: F64, classes: int) -> F64:
    """Return (t, m, C) logarithms of probabilities from a network's outputs (t, m·C), in float64."""
    table = outputs.reshape(len(outputs), -1, classes)
    table = table - table.max(axis=-1, keepdims=True)
    return np.asarray(table - np.log(np.exp(table).sum(axis=-1, keepdims=True)), np.float64)


def train(
    run: Run, X: list[F32], y: list[F64], X_test: list[F32], keys: list[int], checkpoint: Path | None = None
) -> list[Trained]:
    """Train one network per problem, all in one program, and predict.

    Parameters
    ----------
    X : list of float32 array
        p arrays (n_i, d) float32, n_i ≤ run.max_train.
    y : list of float64 array
        p arrays (n_i, m) float64 of mean square 1; of classes (n_i, m·C), 0 and 1.
    X_test : list of float32 array
        p arrays (t_i, d).
    keys : list of int
        p problem keys.
    checkpoint : Path or None, default None
        File that holds the state after every block, replaced whole; a run that finds its own state there goes on from
        it, and ends as the run that was never interrupted. Whoever takes the results removes it.

    Returns
    -------
    list of Trained
        p results, each independent of the other problems up to rounding.
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
    weights = stack([run.network.start(key, d, m) for key in keys])
    factors, rates = run.network.constants(run.optimizer, d, weights)
    plan = Plan(
        np.float32(run.steps), np.float32(run.warmup), np.full(p, run.learning_rate, np.float32),
        np.float32(run.weight_decay), factors, rates,
    )  # fmt: skip
    state = jax.device_put(State(weights, moments_at_first(weights, optimizer=run.optimizer)))
    progress = checkpoints.Progress(0, np.zeros(p, bool), np.zeros(p, np.int64), np.full(p, np.inf))
    mark = checkpoints.mark_of(run, keys, (X_pad, y_pad, n)) if checkpoint is not None else ""
    if checkpoint is not None:
        state, progress = checkpoints.restore(checkpoint, mark, state, progress)
    start, frozen, taken, risk = progress
    frozen, taken = frozen.copy(), taken.copy()
    while start < run.steps and not frozen.all():
        stop = min(start + run.block, run.steps)
        state = train_block(
            state, *data, frozen, np.int32(start), np.int32(stop), plan, batch_size=run.batch_size,
            network=run.network, optimizer=run.optimizer, sampling=run.sampling, classes=run.classes,
        )  # fmt: skip
        taken[~frozen] = stop
        if run.tolerance > 0.0 or stop == run.steps:  # a look between blocks can only stop a network
            fitted = forward(state.weights, X, m, factors, run.network)
            risk = np.array([_risk(fitted[i], y[i], run.classes) for i in range(p)])
            frozen |= (risk < run.tolerance) | ~np.isfinite(risk)  # a network that diverged would only stay so
        start = stop
        if checkpoint is not None:
            checkpoints.publish(checkpoint, mark, state, checkpoints.Progress(start, frozen, taken, risk))
    predicted = forward(state.weights, X_test, m, factors, run.network)
    diverged = frozen & ~np.isfinite(risk)
    held = jax.tree.map(np.asarray, state.weights)  # parts of device arrays would each be a program of its own
    return [
        Trained(np.full_like(predicted[i], np.nan), np.nan, int(taken[i]), interpolated=False, diverged=True)
        if diverged[i]
        else Trained(
            predicted[i],
            float(risk[i]),
            int(taken[i]),
            bool(frozen[i]),
            weights=jax.tree.map(lambda leaf, i=i: leaf[i].copy(), held),
        )
        for i in range(p)
    ]
