"""What training asks of a network: how its weights start, what it answers, how fast each of its weights learns.

A network is a frozen dataclass: two that are equal are the same program. JAX is imported where a network answers, so
that weights can be counted without it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fractalman._typing import F32
from fractalman.random.streams import Role, key64, normals


def batch_loss(outputs: Any, y: Any, classes: int) -> Any:
    """Return the mean squared error of outputs (b, m), or of C classes the mean −ln(probability) of (b, m·C).

    Classes come as columns of 0 and 1, those of a label column together, and outputs are logarithms of probabilities up
    to a constant.
    """
    import jax
    import jax.numpy as jnp

    if not classes:
        return jnp.mean(jnp.square(outputs - y))
    shape = (*y.shape[:-1], -1, classes)
    logarithms = jax.nn.log_softmax(outputs.reshape(shape), axis=-1)
    return -jnp.mean(jnp.sum(y.reshape(shape) * logarithms, axis=-1))


class Network(ABC):
    """A shape of network, without its weights."""

    rows: ClassVar[int] = 1024
    """Points that pass at once where no gradient is asked for."""
    opens_as: ClassVar[str] = "fractalman.learners.networks.opened:OpenedNetwork"
    """Module:class of what the studies see of it. That class has the kernel of plain gradient descent at rates of 1; a
    network whose `constants` say otherwise names a class of its own."""

    @abstractmethod
    def start(self, key: int, d: int, outputs: int) -> Any:
        """Return the weights at the start, a pytree of float32 NumPy arrays: a function of the key.

        Parameters
        ----------
        key : int
            The problem's key.
        d : int
            Inputs.
        outputs : int
            Outputs.
        """

    @abstractmethod
    def count(self, d: int, outputs: int) -> int:
        """Return the number of weights and biases."""

    @abstractmethod
    def apply(self, weights: Any, factors: Any, X: Any) -> Any:
        """Return the outputs (b, m) at points (b, d), in JAX.

        Parameters
        ----------
        weights : pytree
            As `start` makes them.
        factors : object
            As `constants` makes them.
        X : (b, d) float32
            Points.
        """

    def layers(self, weights: Any, factors: Any, X: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return the activations of hidden layers at points, name → (b, units), first to last."""
        return {}

    @property
    def rectified(self) -> bool:
        """Whether all hidden units are ReLUs, on or off: which ones are on names the linear region of a point."""
        return False

    def by_layer(self, weights: Any) -> Any:
        """Return the weights layer by layer: a pytree in which those of one layer stand together."""
        return weights

    def joined(self, layers: Any) -> Any:
        """Return the weights that `by_layer` took apart."""
        return layers

    def constants(self, optimizer: str, d: int, weights: Any) -> tuple[Any, Any]:  # noqa: ARG002
        """Return what multiplies products in `apply`, and a relative learning rate for every weight.

        Parameters
        ----------
        optimizer : str
            "adam" or "sgd".
        d : int
            Inputs.
        weights : pytree
            The rates have its shape.
        """
        import jax

        return (), jax.tree.map(lambda _: np.float32(1.0), weights)

    def loss(self, weights: Any, factors: Any, X: Any, y: Any, classes: int) -> Any:
        """Return what a step goes down on: `batch_loss` of the outputs."""
        return batch_loss(self.apply(weights, factors, X), y, classes)


@dataclass(frozen=True)
class Tensor:
    """How one array of weights starts: its shape, and the standard deviation of its entries; 0: it is ``constant``."""

    shape: tuple[int, ...]
    spread: float
    constant: float = 0.0

    @property
    def size(self) -> int:
        """Numbers in it."""
        return math.prod(self.shape)


def drawn(key: int, tensors: Mapping[str, Tensor]) -> dict[str, F32]:
    """Return the arrays at the start: the k-th tensor draws from its own key, the same numbers on every machine."""
    return {
        name: np.full(t.shape, t.constant, np.float32)
        if t.spread == 0.0
        else (t.spread * normals(key64(key, Role.INITIALISATION, k), t.size)).reshape(t.shape).astype(np.float32)
        for k, (name, t) in enumerate(tensors.items())
    }


class TensorNetwork(Network):
    """A network that is told by its arrays of weights."""

    @abstractmethod
    def tensors(self, d: int, outputs: int) -> dict[str, Tensor]:
        """Return the arrays of weights by name, in the order in which they draw."""

    def start(self, key: int, d: int, outputs: int) -> dict[str, F32]:
        """Return the arrays of `tensors` at the start."""
        return drawn(key, self.tensors(d, outputs))

    def by_layer(self, weights: Any) -> dict[str, dict[str, Any]]:
        """Return layer → name → array."""
        found: dict[str, dict[str, Any]] = {}
        for name, array in weights.items():
            layer, _, own = name.partition("/")
            found.setdefault(layer, {})[own] = array
        return found

    def joined(self, layers: Any) -> dict[str, Any]:
        """Return layer/name → array."""
        return {f"{layer}/{name}": array for layer, own in layers.items() for name, array in own.items()}

    def count(self, d: int, outputs: int) -> int:
        """Return the number of weights and biases."""
        return sum(t.size for t in self.tensors(d, outputs).values())
