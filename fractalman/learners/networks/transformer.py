"""The transformer: strings of tokens, or of blocks of coordinates, read by attention; a decoder, or bidirectional.

Of T positions with e-dimensional states h: h_0 = E(x) + P, and for every layer h ← h + W_o attention(norm(h)),
h ← h + W_2 gelu(W_1 norm(h)) with 4e hidden units; the answer is W_u norm(·) of the last position's state, or of the
mean over positions. The states between layers are what `Transformer.layers` returns.

Source: Vaswani et al., arXiv 1706.03762; the norms stand before the sublayers as in Xiong et al., arXiv 2002.04745.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from fractalman._typing import F32, F64
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.learners.networks.learner import DATA_LIMITED, NetworkLearner
from fractalman.learners.networks.network import Tensor, TensorNetwork, batch_loss
from fractalman.learners.networks.settings import Training
from fractalman.learners.protocol import Problem
from fractalman.theory.laws.learner_properties import LearnerProperties

__all__ = ["Settings", "Transformer", "TransformerNetwork"]

POOLING = ("last", "mean")
TARGETS = ("last", "every")
_HIDDEN = 4
"""Hidden units of a layer, over its width."""
_EPSILON = 1e-5
"""Added to the variance that a norm divides by."""


@dataclass(frozen=True, kw_only=True)
class Settings(Training):
    """The ``[transformer]`` table.

    Parameters
    ----------
    width : int
        e, dimension of a position's state; a multiple of ``heads``. Default 64.
    depth : int
        Layers, each of attention and of 4e hidden GELU units. Default 2.
    heads : int
        Of attention. Default 4.
    block : int
        Columns of X that are one position, such as the v columns of a one-hot token; they must divide those of X.
        Default 1. A sweep over a family of strings fills it in, and ``vocabulary``.
    vocabulary : int, optional
        V, where columns of X are the numbers 0 … V − 1 of tokens; every column is a position then. Default None: X
        holds coordinates.
    pooling : str
        "last" (default): positions see themselves and those before them, and the last answers, a decoder; "mean":
        positions see all, and the mean of their states answers.
    targets : str
        "last" (default): the target is y; "every": a decoder also learns, at every position, the token that X holds
        next. It needs classes that are the V tokens.
    steps, batch_size, learning_rate, optimizer, weight_decay, sampling, loss, interpolation_tolerance, max_train
        As of the learner mlp, except that steps are 2000, and batches 64.

    Raises
    ------
    RecipeError
        Naming every bad value.
    """

    width: int = 64
    depth: int = 2
    heads: int = 4
    block: int = 1
    vocabulary: int | None = None
    pooling: str = "last"
    targets: str = "last"
    steps: int = 2000
    batch_size: int = 64

    table: ClassVar[str] = "transformer"
    integers: ClassVar[dict[str, int]] = {
        "width": 1 << 14, "depth": 64, "heads": 1 << 10, "block": 1 << 20, "vocabulary": 1 << 16
    }  # fmt: skip
    words: ClassVar[dict[str, tuple[str, ...]]] = {"pooling": POOLING, "targets": TARGETS}

    def own_problems(self) -> list[str]:
        """Return what is wrong with settings together."""
        problems = []
        if isinstance(self.width, int) and isinstance(self.heads, int) and self.heads > 0 and self.width % self.heads:
            problems.append(
                f"transformer.width = {shown(self.width)}: expected a multiple of heads = {shown(self.heads)}"
            )
        every = isinstance(self.targets, str) and self.targets == "every"
        if every and (self.vocabulary is None or shown(self.pooling) != shown("last")):
            problems.append(
                'transformer.targets = "every": expected columns that are tokens and a decoder; use vocabulary = V and '
                'pooling = "last"'
            )
        if self.vocabulary is not None and self.block != 1:
            problems.append(f"transformer.block = {shown(self.block)} with a vocabulary: expected 1; leave it out")
        return problems


@dataclass(frozen=True)
class TransformerNetwork(TensorNetwork):
    """The shape of a transformer; see `Settings`."""

    width: int
    depth: int
    heads: int
    block: int
    vocabulary: int | None
    pooling: str
    targets: str

    rows: ClassVar[int] = 256

    def positions(self, d: int) -> int:
        """Return T of d columns."""
        return d // self.block

    def tensors(self, d: int, outputs: int) -> dict[str, Tensor]:
        """Return the arrays of weights by name, in the order in which they draw."""
        e, wide = self.width, _HIDDEN * self.width
        below = self.vocabulary if self.vocabulary is not None else self.block
        late = 1.0 / math.sqrt(2.0 * self.depth)  # sublayers add to the states: as many, as large together as one
        found = {
            "embedding/weight": Tensor((below, e), 1.0 if self.vocabulary is not None else 1.0 / math.sqrt(below)),
            "embedding/position": Tensor((self.positions(d), e), 1.0 / math.sqrt(e)),
        }
        for k in range(self.depth):
            found |= {
                f"layer-{k + 1}/gain-1": Tensor((e,), 0.0, 1.0),
                f"layer-{k + 1}/shift-1": Tensor((e,), 0.0),
                f"layer-{k + 1}/attend": Tensor((e, 3 * e), 1.0 / math.sqrt(e)),
                f"layer-{k + 1}/collect": Tensor((e, e), late / math.sqrt(e)),
                f"layer-{k + 1}/gain-2": Tensor((e,), 0.0, 1.0),
                f"layer-{k + 1}/shift-2": Tensor((e,), 0.0),
                f"layer-{k + 1}/up": Tensor((e, wide), math.sqrt(2.0 / e)),
                f"layer-{k + 1}/bias-up": Tensor((wide,), 0.0),
                f"layer-{k + 1}/down": Tensor((wide, e), late / math.sqrt(wide)),
                f"layer-{k + 1}/bias-down": Tensor((e,), 0.0),
            }
        return found | {
            "readout/gain": Tensor((e,), 0.0, 1.0),
            "readout/shift": Tensor((e,), 0.0),
            "readout/weight": Tensor((e, outputs), 1.0 / math.sqrt(e)),
            "readout/bias": Tensor((outputs,), 0.0),
        }

    def states(self, weights: Any, X: Any) -> list[Any]:
        """Return the states (b, T, e) of all positions: embedded, then after every layer."""
        import jax

        if self.vocabulary is None:
            tokens = X.reshape(len(X), -1, self.block)
        else:  # a product with one-hot rows: its gradient is a product, too, where a look-up's is a slow scatter
            tokens = jax.nn.one_hot(X.astype("int32"), self.vocabulary)
        h = _product(tokens, weights["embedding/weight"]) + weights["embedding/position"]
        found = [h]
        for k in range(self.depth):
            own = {name.partition("/")[2]: w for name, w in weights.items() if name.startswith(f"layer-{k + 1}/")}
            h = h + self._attention(own, _norm(h, own["gain-1"], own["shift-1"]))
            up = _product(_norm(h, own["gain-2"], own["shift-2"]), own["up"]) + own["bias-up"]
            h = h + _product(jax.nn.gelu(up, approximate=False), own["down"]) + own["bias-down"]
            found.append(h)
        return found

    def _attention(self, own: Any, h: Any) -> Any:
        """Return what attention adds to the states (b, T, e)."""
        import jax
        import jax.numpy as jnp

        b, T, e = h.shape
        size = e // self.heads
        q, k, v = (
            part.reshape(b, T, self.heads, size).transpose(0, 2, 1, 3)
            for part in jnp.split(_product(h, own["attend"]), 3, axis=-1)
        )
        scores = jnp.matmul(q, k.swapaxes(-1, -2), precision="highest") / np.float32(math.sqrt(size))
        if self.pooling == "last":
            scores = jnp.where(np.tril(np.ones((T, T), bool)), scores, -jnp.inf)
        mixed = jnp.matmul(jax.nn.softmax(scores, axis=-1), v, precision="highest")
        return _product(mixed.transpose(0, 2, 1, 3).reshape(b, T, e), own["collect"])

    def _pooled(self, h: Any) -> Any:
        return h[:, -1] if self.pooling == "last" else h.mean(axis=1)

    def _read(self, weights: Any, h: Any) -> Any:
        h = _norm(h, weights["readout/gain"], weights["readout/shift"])
        return _product(h, weights["readout/weight"]) + weights["readout/bias"]

    def apply(self, weights: Any, factors: Any, X: Any) -> Any:  # noqa: ARG002
        """Return the outputs."""
        return self._read(weights, self._pooled(self.states(weights, X)[-1]))

    def layers(self, weights: Any, factors: Any, X: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return the residual stream: the answering state, embedded and after every layer."""
        names = ("embedding", *(f"layer-{k + 1}" for k in range(self.depth)))
        return {name: self._pooled(h) for name, h in zip(names, self.states(weights, X), strict=True)}

    def loss(self, weights: Any, factors: Any, X: Any, y: Any, classes: int) -> Any:
        """Return the loss on y, or with ``targets`` "every" the mean over all positions of that on the next token."""
        if self.targets == "last":
            return super().loss(weights, factors, X, y, classes)
        import jax
        import jax.numpy as jnp

        outputs = self._read(weights, self.states(weights, X)[-1])
        later = jax.nn.one_hot(X[:, 1:].astype("int32"), classes)
        wanted = jnp.concatenate([later, y[:, None]], axis=1)
        return batch_loss(outputs.reshape(-1, classes), wanted.reshape(-1, classes), classes)


def _product(a: Any, b: Any) -> Any:
    """Return a·b in full float32 on every device."""
    import jax.numpy as jnp

    return jnp.dot(a, b, precision="highest")


def _norm(h: Any, gain: Any, shift: Any) -> Any:
    import jax
    import jax.numpy as jnp

    centred = h - h.mean(axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt(jnp.square(centred).mean(axis=-1, keepdims=True) + _EPSILON) * gain + shift


@dataclass(frozen=True)
class Transformer(NetworkLearner):
    """Transformers, one per problem, with one output per label column or class.

    Parameters
    ----------
    settings : Settings
        The ``[transformer]`` table.
    """

    settings: Settings = field(default_factory=Settings)

    name: ClassVar[str] = "transformer"
    table: ClassVar[type[Settings]] = Settings
    strings: ClassVar[bool] = True
    properties: ClassVar[LearnerProperties] = LearnerProperties(
        "transformer",
        "network",
        strings=True,
        assumptions=(DATA_LIMITED,),
    )

    @property
    def network(self) -> TransformerNetwork:
        """Attention and hidden units, layer by layer."""
        s = self.settings
        return TransformerNetwork(s.width, s.depth, s.heads, s.block, s.vocabulary, s.pooling, s.targets)

    def operations(self, d: int, outputs: int = 1) -> float:
        """Return the operations of one point: products with weights, and of attention 4T²e in every layer."""
        s, T = self.settings, self.network.positions(d)
        weights = s.depth * (4 + 2 * _HIDDEN) * s.width**2 + (s.vocabulary or s.block) * s.width
        reads = T if s.targets == "every" else 1
        return 2.0 * (T * weights + reads * s.width * outputs) + s.depth * 4.0 * T**2 * s.width

    def units(self, d: int) -> int:
        """Return the states and hidden units of all positions, and the attention between them."""
        s, T = self.settings, self.network.positions(d)
        return T * s.depth * (6 + 2 * _HIDDEN) * s.width + s.depth * s.heads * T * T

    def inputs(self, X: F32) -> tuple[F64, float]:
        """Leave tokens as they are; centre and scale coordinates as the other learners do."""
        return super().inputs(X) if self.settings.vocabulary is None else (np.zeros(X.shape[1]), 1.0)

    def refuse(self, problem: Problem) -> None:
        """Raise RecipeError where columns are no blocks, numbers no tokens, or classes not the tokens."""
        s, d = self.settings, problem.X_train.shape[1]
        if d % s.block:
            raise RecipeError(
                f"transformer.block = {s.block}: expected a divisor of the {d} columns of X; use a token's columns"
            )
        if s.vocabulary is not None:
            for X in (problem.X_train, problem.X_test):
                if X.size and not ((np.floor(X) == X) & (X >= 0) & (s.vocabulary > X)).all():
                    raise RecipeError(
                        f"transformer.vocabulary = {s.vocabulary}: expected X with numbers of tokens from 0 to "
                        f"{s.vocabulary - 1}; leave it out where X holds coordinates"
                    )
        if s.targets == "every" and (problem.classes != s.vocabulary or problem.y_train.shape[1] != 1):
            raise RecipeError(
                f'transformer.targets = "every": found {problem.classes} classes and {problem.y_train.shape[1]} label '
                f'columns; expected one column of vocabulary = {s.vocabulary} classes; use targets = "last"'
            )

    @property
    def shape_words(self) -> str:
        """The layers, their start, and the scale of inputs."""
        s = self.settings
        sees = (
            "positions see themselves and those before them and the last one answers"
            if s.pooling == "last"
            else "positions see all and the mean of their states answers"
        )
        every = ", the token that follows every position being learned, too" if s.targets == "every" else ""
        inputs = (
            f"tokens 0 … {s.vocabulary - 1} embedded by a table"
            if s.vocabulary is not None
            else f"{s.block} columns a position, embedded linearly; inputs centred and divided by one scalar (root "
            "mean square of the centred training coordinates)"
        )
        return (
            f"{s.depth} layers of attention ({s.heads} heads) and {_HIDDEN * s.width} hidden GELU units on states of "
            f"width {s.width}, layer norms before them, learned positions, {sees}{every}; {inputs}"
        )
