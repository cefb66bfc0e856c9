"""What one gradient step at a point does to the predictions at others: tangent kernels, layer by layer, exactly.

Notation, for one network: a_0 = x, s_ℓ = c_ℓ a_{ℓ−1} W_ℓ + b_ℓ (ℓ = 1 … L + 1, the sums of a layer), a_ℓ = φ(s_ℓ),
f = s_{L+1}; c_ℓ are the parameterization's factors. δ_ℓ = ∂f_k/∂s_ℓ for output k, by one backward vector product per
output. A step of size η on the loss ½|f(x_i) − y_i|² moves, to first order in η,

    Δf_k(x_j) = −η Σ_l K^{kl}(x_j, x_i) (f_l(x_i) − y_il),   K^{kl} = Σ_ℓ (u_ℓ c_ℓ² a_{ℓ−1}·a'_{ℓ−1} + v_ℓ) δ^k_ℓ·δ'^l_ℓ

where u_ℓ and v_ℓ are the relative learning rates of the layer's weights and biases (1 but in "ntk" and "mup").

Source: Jacot, Gabriel & Hongler, arXiv 1806.07572; the sum over layers is the chain rule.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fractalman._typing import F32, F64, I64, AnyFloat, Bool
from fractalman.learners.networks.dense import Dense
from fractalman.learners.networks.network import Network
from fractalman.learners.networks.opened import OpenedNetwork
from fractalman.learners.networks.parameterization import Weights
from fractalman.learners.networks.training import ACTIVATIONS
from fractalman.learners.own_networks import OUTPUT

BLOCK = 2048
"""Pairs, or points, that are worked on at once."""
_HIGHEST = jax.lax.Precision.HIGHEST


class Signals(NamedTuple):
    """What passes through a network at n points, layer by layer.

    Attributes
    ----------
    forward : list of float32 array
        L + 1 arrays (n, units below), the inputs of every layer: x first.
    backward : list of float32 array
        L + 1 arrays (n, m, units), δ of every layer for each of m outputs.
    output : (n, m) float32
        What the network answers.
    """

    forward: list[F32]
    backward: list[F32]
    output: F32


def _run(weights: Weights, factors: Any, x: Any, shifts: Any, activation: str) -> tuple[Any, list[Any]]:
    """Return the output and the layers' inputs of one point; ``shifts`` are added to the sums of every layer."""
    below = []
    last = len(weights) - 1
    for layer, (weight, bias) in enumerate(weights):
        below.append(x)
        x = jnp.dot(x, weight, precision=_HIGHEST) * factors[layer] + bias + shifts[layer]
        if layer < last:
            x = ACTIVATIONS[activation](x)
    return x, below


@partial(jax.jit, static_argnames=("activation",))
def _signals(weights: Weights, factors: Any, X: Any, activation: str) -> Any:
    zeros = [jnp.zeros(bias.shape) for _, bias in weights]

    def one(x: Any) -> Any:
        output, pull, below = jax.vjp(lambda s: _run(weights, factors, x, s, activation), zeros, has_aux=True)
        (backward,) = jax.vmap(pull)(jnp.eye(output.size, dtype=output.dtype))
        return below, backward, output

    return jax.vmap(one)(X)


def signals(weights: Weights, factors: F32, X: F32, activation: str) -> Signals:
    """Return the signals of one network at n points.

    Parameters
    ----------
    weights : Weights
        Of one network.
    factors : (layers,) float32
        Multiply every layer's products.
    X : (n, d) float32
        Scaled inputs, n ≥ 1.
    """
    parts = []
    for start in range(0, len(X), BLOCK):
        rows = X[start : start + BLOCK]
        padded = np.zeros((min(BLOCK, 1 << (len(X) - 1).bit_length()), X.shape[1]), np.float32)  # few shapes to compile
        padded[: len(rows)] = rows
        found = _signals(weights, factors, padded, activation=activation)
        parts.append(jax.tree.map(np.asarray, found))
    below, backward, output = jax.tree.map(lambda *leaves: np.concatenate(leaves)[: len(X)], *parts)
    return Signals(list(below), list(backward), output)


def patterns(found: Signals) -> list[Bool]:
    """Return which units of every hidden ReLU layer are on at which points, L arrays (n, width)."""
    return [layer > 0.0 for layer in found.forward[1:]]


def kernel_pairs(a: Signals, i: I64, b: Signals, j: I64, factors: F32, rates: Any) -> F64:
    """Return each layer's part of the tangent kernel of pairs, averaged over outputs, (layers, pairs) float64.

    Parameters
    ----------
    a : Signals
        Signals at two sets of points.
    i : (pairs,) int64
        Rows of them.
    b : Signals
        Signals at two sets of points.
    j : (pairs,) int64
        Rows of them.
    factors : (layers,) float32
        Multiply every layer's products.
    rates : sequence of (float, float)
        Of weights and biases, layer by layer.

    Returns
    -------
    float64 array
        (1/m) Σ_k K^{kk}_ℓ; its sum over layers is the whole kernel.
    """
    layers = len(a.forward)
    out = np.empty((layers, i.size))
    for start in range(0, i.size, BLOCK):
        rows = slice(start, start + BLOCK)
        for layer in range(layers):
            near = np.einsum("pu,pu->p", a.forward[layer][i[rows]], b.forward[layer][j[rows]], dtype=np.float64)
            back = np.einsum("pmu,pmu->p", a.backward[layer][i[rows]], b.backward[layer][j[rows]], dtype=np.float64)
            gain = float(rates[layer][0]) * float(factors[layer]) ** 2 * near + float(rates[layer][1])
            out[layer, rows] = gain * back / a.output.shape[1]
    return out


class OpenedDense(OpenedNetwork):
    """A network of fully connected layers: its kernel from what passes through it, forth and back, without Jacobians.

    Parameters
    ----------
    network : Dense
        The shape.
    d : int
        Inputs.
    outputs : int
        Outputs.
    """

    def __init__(self, network: Dense, d: int, outputs: int) -> None:
        super().__init__(network, d, outputs)
        self._factors, self._rates = network.constants("sgd", d, self.pytree)
        self.parts = (*self.layers, OUTPUT)
        self._activation = network.activation

    def _signals(self, X: AnyFloat) -> Signals:
        return signals(self.pytree, self._factors, np.asarray(X, np.float32), self._activation)

    def kernel(self, A: AnyFloat, B: AnyFloat) -> F64:
        """Return the tangent kernel layer by layer, (layers, a, b)."""
        one = self._signals(A)
        two = one if A is B else self._signals(B)
        return np.stack([self._gain(k, x @ y.T) * (p @ q.T) for k, (x, p, y, q) in enumerate(zip(
            *_doubles(one), *_doubles(two), strict=True))])  # fmt: skip

    def own(self, A: AnyFloat) -> F64:
        """Return the tangent kernel of points with themselves, (layers, a)."""
        below, back = _doubles(self._signals(A))
        return np.stack(
            [
                self._gain(k, np.square(x).sum(axis=1)) * np.square(p).sum(axis=1)
                for k, (x, p) in enumerate(zip(below, back, strict=True))
            ]
        )

    def _gain(self, layer: int, near: F64) -> F64:
        rate = self._rates[layer]
        gain = float(rate[0]) * float(self._factors[layer]) ** 2 * near + float(rate[1])
        return np.asarray(gain / self.outputs, np.float64)


def _doubles(found: Signals) -> tuple[list[F64], list[F64]]:
    """Return the layers' inputs (n, units) and δ (n, outputs · units) in float64."""
    flat = [np.asarray(delta.reshape(len(delta), -1), np.float64) for delta in found.backward]
    return [np.asarray(x, np.float64) for x in found.forward], flat


@partial(jax.jit, static_argnames=("network",))
def _steps(network: Network, weights: Any, factors: Any, rates: Any, x: Any, y: Any, X: Any, sizes: Any) -> Any:
    def answers(w: Any) -> Any:
        return network.apply(w, factors, X)

    def loss(w: Any) -> Any:
        return 0.5 * jnp.sum(jnp.square(network.apply(w, factors, x[None])[0] - y))

    direction = jax.tree.map(lambda rate, slope: -rate * slope, rates, jax.grad(loss)(weights))
    before, slope = jax.jvp(answers, (weights,), (direction,))

    def moved(size: Any) -> Any:
        return answers(jax.tree.map(lambda w, v: w + size * v, weights, direction)) - before

    return slope, jax.lax.map(moved, sizes)


def steps_at(
    network: Network, weights: Any, factors: Any, rates: Any, x: F32, y: F64, X: F32, sizes: F64
) -> tuple[F64, F64]:
    """Return what one step of gradient descent on ½|f(x) − y|² changes elsewhere, per unit of step size and in fact.

    Parameters
    ----------
    network : Network
        Its shape.
    weights : pytree
        Of the network, as `Network.start` makes them.
    factors : object
        As `Network.constants` makes them.
    rates : pytree
        Of plain gradient descent, as `Network.constants` makes them.
    x : (d,) float32
        The point of the step.
    y : (m,) float64
        Its label.
    X : (n, d) float32
        Where predictions are compared.
    sizes : (s,) float64
        η.

    Returns
    -------
    (float64 array, float64 array)
        The derivative in η at 0, (n, m), by a forward vector product; the changes, (s, n, m), by taking the steps.
    """
    slope, change = _steps(
        network, weights, factors, rates, x, y.astype(np.float32), X, sizes.astype(np.float32)
    )  # fmt: skip
    return np.asarray(slope, np.float64), np.asarray(change, np.float64)
