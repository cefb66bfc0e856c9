"""An ensemble of sparse autoencoders trained in one compiled program: losses, steps, dead units.

All members see the same batches; each has its own initialisation and its own sparsity. Points are centred and scaled to
a mean squared length of 1, so that penalties mean the same for all data.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

__all__ = ["State", "activations", "batch_threshold", "initial_state", "loss", "resample", "train_block"]

BANDWIDTH = 0.1
"""Of the rectangle around a threshold inside which a step function has a gradient (JumpReLU)."""
PENALTY_WARMUP = 0.2
"""Share of the steps over which penalties rise to their weight: at once, they kill units that have found nothing."""
ADAM = optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8)

Parameters = dict[str, Any]
"""W_enc (d, w) (not of tied ones), b_enc (w,), W_dec (w, d), b_dec (d,), log_threshold (w,) (JumpReLU)."""


class State(NamedTuple):
    """What a step changes, stacked over members."""

    weights: Parameters
    moments: Any


def kth_largest(values: Any, k: Any, together: bool = False) -> Any:
    """Return the k-th largest of non-negative float32, exactly, for a k that may be traced.

    Non-negative floats are ordered as their bits are: 31 halvings find the largest pattern that k values reach. Counts
    are products with ones, which is how they are fastest on a CPU.

    Parameters
    ----------
    values : (rows, columns) float32
        From 0 up.
    k : int or int32
        From 1 up.
    together : bool, default False
        Of all values, a number; else of every row, (rows,).
    """
    bits = jax.lax.bitcast_convert_type(values, jnp.int32)
    ones = jnp.ones(values.shape[1], jnp.float32)

    def halve(_: Any, ends: Any) -> Any:
        low, high = ends
        middle = low + (high - low + 1) // 2
        count = jnp.dot((bits >= middle[..., None]).astype(jnp.float32), ones)
        enough = (count.sum() if together else count) >= k
        return jnp.where(enough, middle, low), jnp.where(enough, high, middle - 1)

    low = jnp.zeros(() if together else values.shape[:1], jnp.int32)
    found, _ = jax.lax.fori_loop(0, 31, halve, (low, jnp.full_like(low, 0x7F7FFFFF)))
    return jax.lax.bitcast_convert_type(found, jnp.float32)


@jax.custom_vjp  # type: ignore[untyped-decorator]
def step_function(x: Any, threshold: Any) -> Any:
    """1 above the threshold; the gradient by the threshold is that of a ramp of width `BANDWIDTH`."""
    return (x > threshold).astype(jnp.float32)


def _step_forward(x: Any, threshold: Any) -> Any:
    return step_function(x, threshold), (x, threshold)


def _step_backward(saved: Any, g: Any) -> Any:
    x, threshold = saved
    near = (jnp.abs(x - threshold) < BANDWIDTH / 2).astype(jnp.float32)
    return jnp.zeros_like(x), (-near / BANDWIDTH * g).sum(axis=0)


step_function.defvjp(_step_forward, _step_backward)


@jax.custom_vjp  # type: ignore[untyped-decorator]
def jump_relu(x: Any, threshold: Any) -> Any:
    """X above the threshold, else 0; the gradient by the threshold as of `step_function`."""
    return jnp.where(x > threshold, x, 0.0)


def _jump_forward(x: Any, threshold: Any) -> Any:
    return jump_relu(x, threshold), (x, threshold)


def _jump_backward(saved: Any, g: Any) -> Any:
    x, threshold = saved
    near = (jnp.abs(x - threshold) < BANDWIDTH / 2).astype(jnp.float32)
    return g * (x > threshold), (-threshold * near / BANDWIDTH * g).sum(axis=0)


jump_relu.defvjp(_jump_forward, _jump_backward)


def before_activation(weights: Parameters, x: Any) -> Any:
    """Return (x − b_dec) W_enc + b_enc."""
    encoder = weights["W_enc"] if "W_enc" in weights else weights["W_dec"].T
    high = jax.lax.Precision.HIGHEST
    return jnp.dot(x - weights["b_dec"], encoder, precision=high) + weights["b_enc"]


def activations(weights: Parameters, x: Any, sparsity: Any, architecture: str) -> tuple[Any, Any]:
    """Return codes (batch, w), and what a penalty weighs, a point on average (0 where units are counted)."""
    before = before_activation(weights, x)
    if architecture == "jumprelu":
        threshold = jnp.exp(weights["log_threshold"])
        before = jax.nn.relu(before)
        return jump_relu(before, threshold), step_function(before, threshold).sum(axis=-1).mean()
    codes = jax.nn.relu(before)
    if architecture == "relu":
        return codes, codes.sum(axis=-1).mean()
    if architecture == "topk":
        limit = kth_largest(jax.lax.stop_gradient(codes), sparsity)[:, None]
    else:
        limit = batch_threshold(codes, sparsity)
    return jnp.where(codes >= limit, codes, 0.0), jnp.float32(0.0)


def batch_threshold(codes: Any, k: Any) -> Any:
    """Return the code that k units a point reach, on average over a batch."""
    return kth_largest(jax.lax.stop_gradient(codes), k * codes.shape[0], together=True)


def loss(
    weights: Parameters, x: Any, sparsity: Any, penalty: Any, architecture: str, prefixes: tuple[int, ...]
) -> tuple[Any, Any]:
    """Return the loss of one member and its codes.

    Squared error a point, averaged over the nested dictionaries, + penalty × (Σ f or number of units).
    """
    codes, price = activations(weights, x, sparsity, architecture)
    error, begin, made = jnp.float32(0.0), 0, weights["b_dec"][None, :]
    for end in prefixes:
        part = jnp.dot(codes[:, begin:end], weights["W_dec"][begin:end], precision=jax.lax.Precision.HIGHEST)
        made, begin = made + part, end
        error += jnp.square(x - made).sum(axis=-1).mean() / len(prefixes)
    return error + penalty * price, codes


@partial(jax.jit, static_argnames=("tied", "architecture"))
def initial_state(directions: Any, tied: bool, architecture: str) -> State:
    """Return members whose encoder begins as their decoder, (members, w, d) unit rows."""
    members, w, d = directions.shape
    weights = {"W_dec": directions, "b_enc": jnp.zeros((members, w)), "b_dec": jnp.zeros((members, d))}
    if not tied:
        weights["W_enc"] = jnp.swapaxes(directions, 1, 2)
    if architecture == "jumprelu":
        weights["log_threshold"] = jnp.full((members, w), jnp.log(0.1))
    return State(weights, jax.vmap(ADAM.init)(weights))


@partial(jax.jit, static_argnames=("architecture", "prefixes"))
def train_block(
    state: State, points: Any, sparsity: Any, first: Any, steps: Any, peak: Any, architecture: str,
    prefixes: tuple[int, ...],
) -> tuple[State, Any]:  # fmt: skip
    """Run one step a batch.

    Parameters
    ----------
    state : State
        Stacked over p members.
    points : (steps of this block, batch, d) float32
        Batches.
    sparsity : (p,) int32 or float32
        Units a point where they are counted, else weights of penalties.
    first, steps, peak : float32
        Number of the first step; steps in all; peak learning rate.
    architecture, prefixes
        As of `loss`.

    Returns
    -------
    state : State
        Afterwards.
    fired : (p, w) int32
        How often every unit fired.
    """
    counted = jnp.issubdtype(sparsity.dtype, jnp.integer)

    def member(state: State, x: Any, own: Any, number: Any) -> tuple[State, Any]:
        rise = jnp.minimum(1.0, (number + 1.0) / (PENALTY_WARMUP * steps))
        penalty = jnp.float32(0.0) if counted else own * rise
        gradient, codes = jax.grad(loss, has_aux=True)(state.weights, x, own, penalty, architecture, prefixes)
        update, moments = ADAM.update(gradient, state.moments)
        rate = peak * jnp.minimum(1.0, (number + 1.0) / jnp.maximum(1.0, 0.05 * steps))
        rate *= 0.5 * (1.0 + jnp.cos(jnp.pi * (number + 1.0) / steps))
        weights = {name: value - rate * update[name] for name, value in state.weights.items()}
        weights["W_dec"] /= jnp.linalg.norm(weights["W_dec"], axis=-1, keepdims=True) + 1e-12
        return State(weights, moments), (codes > 0.0).sum(axis=0, dtype=jnp.int32)

    def one(carry: Any, x: Any) -> Any:
        state, fired, number = carry
        state, now = jax.vmap(member, in_axes=(0, None, 0, None))(state, x, sparsity, number)
        return (state, fired + now, number + 1.0), None

    fired = jnp.zeros(state.weights["b_enc"].shape, jnp.int32)
    (state, fired, _), _ = jax.lax.scan(one, (state, fired, first), points)
    return state, fired


@partial(jax.jit, static_argnames="architecture")
def resample(state: State, fired: Any, x: Any, sparsity: Any, architecture: str) -> State:
    """Return members whose dead units stand on the points that are reconstructed worst.

    The j-th dead unit of a member takes the direction of the error at the point with the j-th largest one; its encoder
    gets the mean length of the living ones', its bias and moments begin anew.
    """

    def member(state: State, fired: Any, own: Any) -> State:
        weights = state.weights
        codes, _ = activations(weights, x, own, architecture)
        error = x - codes @ weights["W_dec"] - weights["b_dec"]
        worst = jnp.argsort(-jnp.square(error).sum(axis=-1))
        dead = fired == 0
        turn = (jnp.cumsum(dead) - 1) % x.shape[0]
        rows = error[worst[turn]]
        rows /= jnp.linalg.norm(rows, axis=-1, keepdims=True) + 1e-12
        length = jnp.linalg.norm(weights["W_enc"], axis=0) if "W_enc" in weights else jnp.ones(dead.shape)
        mean = jnp.where(dead, 0.0, length).sum() / jnp.maximum(1, (~dead).sum())
        new = {"W_dec": rows, "W_enc": rows.T * mean, "b_enc": 0.0, "log_threshold": jnp.log(0.1)}
        along = {"W_dec": dead[:, None], "W_enc": dead[None, :], "b_enc": dead, "log_threshold": dead}

        def changed(tree: Any, values: dict[str, Any]) -> Any:
            return {
                name: jnp.where(along[name], values[name], value) if name in along else value
                for name, value in tree.items()
            }

        none = dict.fromkeys(along, 0.0)
        moments = state.moments._replace(mu=changed(state.moments.mu, none), nu=changed(state.moments.nu, none))
        return State(changed(weights, new), moments)

    changed: State = jax.vmap(member)(state, fired, sparsity)
    return changed
