"""Convolutional and locally connected networks on strings of blocks or on images.

Every hidden layer looks at patches of neighbouring positions, ``stride`` apart, and answers ``width`` channels at each:
a_ℓ(p) = φ(W_ℓ a_{ℓ−1}(patch of p) + b_ℓ), with the same W everywhere ("shared", a convolution) or one of its own at
every position ("local", locally connected). Positions beyond the end hold 0. What is left is read out linearly. With
patches of s positions, s apart, layer ℓ sees the blocks that a grammar of branching s makes of one symbol.

Patches are gathered and multiplied, in one product, also where an ensemble has weights of its own for every network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from fractalman._typing import F32, F64, I64
from fractalman.config import shown
from fractalman.conventions import root_mean_square
from fractalman.errors import RecipeError
from fractalman.learners.networks.learner import DATA_LIMITED, NetworkLearner
from fractalman.learners.networks.network import Tensor, TensorNetwork
from fractalman.learners.networks.settings import ACTIVATIONS, Training, is_switch
from fractalman.learners.protocol import Problem
from fractalman.theory.laws.learner_properties import LearnerProperties

__all__ = ["Convolution", "ConvolutionNetwork", "Settings"]

WEIGHTS = ("shared", "local")
_SPELT = {"relu": "ReLU", "gelu": "GELU", "tanh": "tanh"}


@dataclass(frozen=True, kw_only=True)
class Settings(Training):
    """The ``[convolution]`` table.

    Parameters
    ----------
    width : int
        Channels of a hidden layer. Default 64.
    depth : int
        Hidden layers. Default 2.
    patch : int
        Positions of a patch, of an image along either side. Default 2.
    stride : int, optional
        From one patch to the next. Default None: ``patch``, so that patches do not overlap.
    block : int
        Columns of X that are one position, such as the v columns of a one-hot token or an image's channels. Default 1.
        A sweep over a family of strings fills it in.
    image : bool
        Whether positions are the pixels of a square, row by row. Default false: a string.
    weights : str
        "shared" (default) by all positions of a layer, or "local": of their own.
    activation : str
        "relu" (default), "gelu" or "tanh".
    steps, batch_size, learning_rate, optimizer, weight_decay, sampling, loss, interpolation_tolerance, max_train
        As of the learner mlp, except that steps are 2000, and batches 64.

    Raises
    ------
    RecipeError
        Naming every bad value.
    """

    width: int = 64
    depth: int = 2
    patch: int = 2
    stride: int | None = None
    block: int = 1
    image: bool = False
    weights: str = "shared"
    activation: str = "relu"
    steps: int = 2000
    batch_size: int = 64

    table: ClassVar[str] = "convolution"
    integers: ClassVar[dict[str, int]] = {
        "width": 1 << 14, "depth": 64, "patch": 1 << 14, "stride": 1 << 14, "block": 1 << 20
    }  # fmt: skip
    words: ClassVar[dict[str, tuple[str, ...]]] = {"weights": WEIGHTS, "activation": ACTIVATIONS}

    def own_problems(self) -> list[str]:
        """Return what is wrong with settings together."""
        problems = []
        if not is_switch(self.image):
            problems.append(f"convolution.image = {shown(self.image)}: expected true or false")
        if isinstance(self.stride, int) and isinstance(self.patch, int) and self.stride > self.patch:
            problems.append(
                f"convolution.stride = {shown(self.stride)}: expected at most patch = {shown(self.patch)}, for "
                "positions between patches would not be seen"
            )
        return problems


@dataclass(frozen=True)
class ConvolutionNetwork(TensorNetwork):
    """The shape of a convolutional or locally connected network; see `Settings`."""

    width: int
    depth: int
    patch: int
    stride: int
    block: int
    image: bool
    weights: str
    activation: str

    rows: ClassVar[int] = 512

    def sides(self, d: int) -> list[int]:
        """Return the positions of every layer's input and of what is read out; of an image along one side."""
        side = math.isqrt(d // self.block) if self.image else d // self.block
        found = [side]
        for _ in range(self.depth):
            found.append(1 + -(-max(0, found[-1] - self.patch) // self.stride))
        return found

    def counts(self, d: int) -> list[int]:
        """Return the positions of every layer."""
        return [side**2 if self.image else side for side in self.sides(d)]

    def gathered(self, side: int, after: int) -> I64:
        """Return which positions are in which patch, (patches, positions of a patch); side² or side: one beyond."""
        line = np.arange(after)[:, None] * self.stride + np.arange(self.patch)
        if not self.image:
            return np.where(line < side, line, side)
        row, column = line[:, None, :, None], line[None, :, None, :]
        inside = (row < side) & (column < side)
        return np.where(inside, row * side + column, side * side).reshape(after * after, -1)

    def tensors(self, d: int, outputs: int) -> dict[str, Tensor]:
        """Return the arrays of weights by name, in the order in which they draw."""
        found: dict[str, Tensor] = {}
        below, size = self.block, self.patch**2 if self.image else self.patch
        counts = self.counts(d)
        for k, count in enumerate(counts[1:]):
            own = (count,) if self.weights == "local" else ()
            spread = math.sqrt(2.0 / (size * below))
            found[f"layer-{k + 1}/weight"] = Tensor((*own, size * below, self.width), spread)
            found[f"layer-{k + 1}/bias"] = Tensor((*own, self.width), 0.0)
            below = self.width
        last = counts[-1] * below
        return found | {
            "readout/weight": Tensor((last, outputs), 1.0 / math.sqrt(last)),
            "readout/bias": Tensor((outputs,), 0.0),
        }

    def maps(self, weights: Any, X: Any) -> list[Any]:
        """Return the channels (b, positions, width) of every hidden layer."""
        import jax.numpy as jnp

        from fractalman.learners.networks.training import ACTIVATIONS as FUNCTIONS

        sides, found = self.sides(X.shape[1]), []
        h = X.reshape(len(X), -1, self.block)
        for k, (side, after) in enumerate(pairwise(sides)):
            patches = self._patches(h, side, after)
            weight, bias = weights[f"layer-{k + 1}/weight"], weights[f"layer-{k + 1}/bias"]
            if self.weights == "local":
                sums = jnp.einsum("bpi,pio->bpo", patches, weight, precision="highest")
            else:
                sums = jnp.dot(patches, weight, precision="highest")
            h = FUNCTIONS[self.activation](sums + bias)
            found.append(h)
        return found

    @property
    def rectified(self) -> bool:
        """Whether the channels are ReLUs."""
        return self.activation == "relu"

    def _patches(self, h: Any, side: int, after: int) -> Any:
        """Return (b, patches, positions of a patch × channels)."""
        import jax.numpy as jnp

        if not self.image and self.stride == self.patch:  # no copy: neighbours lie beside each other
            h = jnp.pad(h, ((0, 0), (0, after * self.patch - side), (0, 0)))
        else:
            h = jnp.pad(h, ((0, 0), (0, 1), (0, 0)))[:, self.gathered(side, after).ravel()]
        count = after**2 if self.image else after
        return h.reshape(len(h), count, -1)

    def apply(self, weights: Any, factors: Any, X: Any) -> Any:  # noqa: ARG002
        """Return the outputs."""
        import jax.numpy as jnp

        last = self.maps(weights, X)[-1].reshape(len(X), -1)
        return jnp.dot(last, weights["readout/weight"], precision="highest") + weights["readout/bias"]

    def layers(self, weights: Any, factors: Any, X: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return all channels of every hidden layer."""
        return {f"layer-{k + 1}": h.reshape(len(X), -1) for k, h in enumerate(self.maps(weights, X))}


@dataclass(frozen=True)
class Convolution(NetworkLearner):
    """Convolutional or locally connected networks, one per problem, with one output per label column or class.

    Parameters
    ----------
    settings : Settings
        The ``[convolution]`` table.
    """

    settings: Settings = field(default_factory=Settings)

    name: ClassVar[str] = "convolution"
    table: ClassVar[type[Settings]] = Settings
    strings: ClassVar[bool] = True
    properties: ClassVar[LearnerProperties] = LearnerProperties(
        "convolution",
        "network",
        strings=True,
        assumptions=(DATA_LIMITED,),
    )

    @property
    def network(self) -> ConvolutionNetwork:
        """Patches, layer by layer."""
        s = self.settings
        stride = s.patch if s.stride is None else s.stride
        return ConvolutionNetwork(s.width, s.depth, s.patch, stride, s.block, s.image, s.weights, s.activation)

    def operations(self, d: int, outputs: int = 1) -> float:
        """Return the operations of one point: those of every patch."""
        network, s = self.network, self.settings
        counts, size = network.counts(d), s.patch**2 if s.image else s.patch
        below = [s.block, *[s.width] * (s.depth - 1)]
        patches = sum(count * size * b * s.width for count, b in zip(counts[1:], below, strict=True))
        return 2.0 * (patches + counts[-1] * s.width * outputs)

    def units(self, d: int) -> int:
        """Return inputs, patches and channels."""
        s, size = self.settings, self.settings.patch ** (2 if self.settings.image else 1)
        return d + sum(self.network.counts(d)[1:]) * s.width * (1 + size)

    def inputs(self, X: F32) -> tuple[F64, float]:
        """Centre each of a position's columns by its mean over points and positions, so that positions stay alike."""
        values = X.astype(np.float64).reshape(len(X), -1, self.settings.block)
        centre = np.tile(values.mean(axis=(0, 1)), values.shape[1])
        return centre, root_mean_square(X - centre)

    def refuse(self, problem: Problem) -> None:
        """Raise RecipeError where columns are no blocks or no square, or layers have nothing left to look at."""
        s, d = self.settings, problem.X_train.shape[1]
        positions = d // s.block
        if d % s.block:
            raise RecipeError(
                f"convolution.block = {s.block}: expected a divisor of the {d} columns of X; use a token's columns"
            )
        if s.image and math.isqrt(positions) ** 2 != positions:
            raise RecipeError(
                f"convolution.image = true: found {positions} positions of {s.block} columns, expected a square; "
                "use image = false, or another block"
            )
        left = self.network.sides(d)[:-1]
        if 1 in left[1:]:
            raise RecipeError(
                f"convolution.depth = {s.depth}: one position is left after {left[1:].index(1) + 1} layers; expected "
                "no more layers than that"
            )

    @property
    def shape_words(self) -> str:
        """The layers, their start, and the scale of inputs."""
        s = self.settings
        kind = "convolutional" if s.weights == "shared" else "locally connected"
        sides = f"{s.patch} × {s.patch} pixels" if s.image else f"{s.patch} positions"
        return (
            f"{s.depth} {kind} {_SPELT[s.activation]} layers of {s.width} channels on patches of {sides}, "
            f"{self.network.stride} apart, zeros beyond the end, He initialisation, linear readout of all channels; "
            f"{s.block} columns a position; inputs centred by each column's mean over positions and training points "
            "and divided by one scalar (root mean square of the centred training coordinates)"
        )
