"""Fully connected layers, the network of the learner "mlp"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman.learners.networks.network import Network
from fractalman.learners.networks.parameterization import Weights, initial_weights, layer_sizes, multipliers


def dense(weights: Weights, factors: Any, X: Any, activation: str) -> Any:
    """Return the outputs of `states`."""
    return states(weights, factors, X, activation)[-1]


def states(weights: Weights, factors: Any, X: Any, activation: str) -> list[Any]:
    """Return every layer's values, outputs last; full float32 products on every device (a GPU's default keeps 10 bits).

    ``factors`` (layers,) multiply every layer's products: 1 but in the tangent-kernel parameterization.
    """
    import jax
    import jax.numpy as jnp

    from fractalman.learners.networks.training import ACTIVATIONS

    last, found = len(weights) - 1, []
    for layer, (weight, bias) in enumerate(weights):
        X = jnp.dot(X, weight, precision=jax.lax.Precision.HIGHEST) * factors[layer] + bias
        if layer < last:
            X = ACTIVATIONS[activation](X)
        found.append(X)
    return found


@dataclass(frozen=True)
class Dense(Network):
    """``depth`` hidden layers of ``width`` units; 0 of them is y = xW + b."""

    width: int
    depth: int
    activation: str = "relu"
    parameterization: str = "standard"

    def start(self, key: int, d: int, outputs: int) -> Weights:
        """Return a pair (weight, bias) per layer."""
        return initial_weights(key, d, self.width, self.depth, outputs, self.parameterization)

    def count(self, d: int, outputs: int) -> int:
        """Return the number of weights and biases."""
        return sum((a + 1) * b for a, b in layer_sizes(d, self.width, self.depth, outputs))

    def constants(self, optimizer: str, d: int, weights: Any) -> tuple[Any, Any]:  # noqa: ARG002
        """Return the parameterization's factors (layers,) and rates, a pair per layer."""
        factors, rates = multipliers(self.parameterization, optimizer, d, self.width, self.depth)
        return factors, tuple((np.float32(w), np.float32(b)) for w, b in rates)

    def apply(self, weights: Any, factors: Any, X: Any) -> Any:
        """Return the outputs."""
        return dense(weights, factors, X, self.activation)

    def layers(self, weights: Any, factors: Any, X: Any) -> dict[str, Any]:
        """Return the activations of every hidden layer."""
        return {f"layer-{k + 1}": h for k, h in enumerate(states(weights, factors, X, self.activation)[:-1])}
