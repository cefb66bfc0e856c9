"""The settings of networks, checked; nothing here imports JAX."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fractalman.config import shown
from fractalman.errors import RecipeError, nearest
from fractalman.learners.networks.parameterization import PARAMETERIZATIONS

ACTIVATIONS = ("relu", "gelu", "tanh")
OPTIMIZERS = ("adam", "sgd")
SAMPLING = ("replacement", "one-pass")
LOSSES = ("cross-entropy", "squared")


@dataclass(frozen=True, kw_only=True)
class Training:
    """What every network's table says of its training.

    Parameters
    ----------
    steps : int
        The most steps that a network takes. Default 8000.
    batch_size : int
        Points of one step. Default 256.
    learning_rate : float or list of float
        Peak of the schedule; of a list that of smallest risk on a fifth of the training points, at which a network that
        diverges has an infinite one. Default 1e-3.
    optimizer : str
        "adam" (default) or "sgd" (momentum 0.9).
    weight_decay : float
        Decoupled, of weights and not of biases. Default 0.
    sampling : str
        "replacement" (default), or "one-pass": batch k is the k-th run of training points, each seen once; needs
        n >= steps · batch_size.
    loss : str, optional
        What is minimised where labels are classes, "cross-entropy" or "squared"; of values it is the squared error.
        Default None: cross-entropy.
    interpolation_tolerance : float
        A network whose training risk over all its points is below this times its label variance (of classes: ln C) has
        interpolated and stops; 0 = always use the budget. Default 1e-5.
    max_train : int, optional
        Rows that training sets are padded to, so that one compilation serves a sweep over n. Default None: the largest
        n of a call.

    Raises
    ------
    RecipeError
        Naming every bad value.
    """

    steps: int = 8000
    batch_size: int = 256
    learning_rate: float | tuple[float, ...] = 1e-3
    optimizer: str = "adam"
    weight_decay: float = 0.0
    sampling: str = "replacement"
    loss: str | None = None
    interpolation_tolerance: float = 1e-5
    max_train: int | None = None

    table: ClassVar[str] = ""
    integers: ClassVar[dict[str, int]] = {}
    words: ClassVar[dict[str, tuple[str, ...]]] = {}

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rates that are tried."""
        return self.learning_rate if isinstance(self.learning_rate, tuple) else (self.learning_rate,)

    def __post_init__(self) -> None:
        problems = []
        for name, high in {**self.integers, "steps": 1 << 24, "batch_size": 1 << 20, "max_train": 1 << 31}.items():
            value = getattr(self, name)
            optional = getattr(type(self), name) is None
            if not (optional and value is None) and not _is_integer(value, high):
                problems.append(f"{self.table}.{name} = {shown(value)}: expected an integer from 1 to {high}")
        if not self.rates or not all(_is_real(rate) and 0.0 < rate <= 100.0 for rate in self.rates):
            given = shown(self.learning_rate)
            problems.append(f"{self.table}.learning_rate = {given}: expected numbers with 0 < rate <= 100")
        elif len(set(self.rates)) < len(self.rates):
            problems.append(f"{self.table}.learning_rate = {shown(list(self.rates))}: expected every rate once")
        if not (_is_real(self.weight_decay) and 0.0 <= self.weight_decay < 1.0):
            given = shown(self.weight_decay)
            problems.append(f"{self.table}.weight_decay = {given}: expected a number from 0 to below 1")
        words = {**self.words, "optimizer": OPTIMIZERS, "sampling": SAMPLING}
        for name, allowed in (words if self.loss is None else {**words, "loss": LOSSES}).items():
            word = getattr(self, name)
            if not isinstance(word, str) or word not in allowed:
                hint = nearest(word[:80], allowed) if isinstance(word, str) else ""
                given = shown(word)
                problems.append(f"{self.table}.{name} = {given}: expected one of {', '.join(allowed)}{hint}")
        if not (_is_real(self.interpolation_tolerance) and 0.0 <= self.interpolation_tolerance < 1.0):
            given = shown(self.interpolation_tolerance)
            problems.append(f"{self.table}.interpolation_tolerance = {given}: expected a number from 0 to below 1")
        problems += self.own_problems()
        if problems:
            raise RecipeError("; ".join(problems))

    def own_problems(self) -> list[str]:
        """Return what is wrong with settings of one kind of network together."""
        return []


@dataclass(frozen=True, kw_only=True)
class Settings(Training):
    """The ``[mlp]`` table.

    Parameters
    ----------
    width : int
        Units of a hidden layer. Default 256.
    depth : int
        Number of hidden layers, up to 64. Default 2.
    activation : str
        "relu" (default), "gelu" or "tanh".
    parameterization : str
        "standard" (default), "ntk" or "mup".
    steps, batch_size, learning_rate, optimizer, weight_decay, sampling, loss, interpolation_tolerance, max_train
        As `Training` has them.

    Raises
    ------
    RecipeError
        Naming every bad value.
    """

    width: int = 256
    depth: int = 2
    activation: str = "relu"
    parameterization: str = "standard"

    table: ClassVar[str] = "mlp"
    integers: ClassVar[dict[str, int]] = {"width": 1 << 16, "depth": 64}
    words: ClassVar[dict[str, tuple[str, ...]]] = {"activation": ACTIVATIONS, "parameterization": PARAMETERIZATIONS}


def is_switch(value: object) -> bool:
    """Return whether a value is true or false."""
    return isinstance(value, bool)


def _is_integer(value: object, high: int) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and 1 <= int(value) <= high


def _is_real(value: object) -> bool:
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False
