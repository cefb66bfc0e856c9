"""The multilayer perceptron: ReLU, He initialisation, Adam; all networks of a call train in one compiled program.

Measured on constant cascades (r = ½, d = 24, two seeds, width 256, depth 2, batch 256), in prior units:

- Inputs of unit root mean square per coordinate (|x|² ≈ d) fit faster than inputs of unit norm: k = 4, H = 1, 3000
  steps at 1e-3: training risk 2.4e-3 against 3.7e-3 of the label variance at n = 2048, test risk .00093 against .00103
  there and .0119 against .0098 at n = 128.
- The tolerance 1e-5 is well below every test risk of such a sweep (.0007 at the least). Stopping there, with the rate
  still up, instead of finishing the cosine moved the test risk of k = 4, n = 128 by about 2 % or less. For k = 8,
  H = 1, n = 128 it was .046 against .042: a late instability had moved the network long after it interpolated.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import numpy as np

from fractalman.errors import RecipeError
from fractalman.learners.networks import training
from fractalman.learners.protocol import Learner, Outcome, Problem, refuse_unknown, scaling


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The ``[mlp]`` table.

    Args:
        width: units of a hidden layer. depth: number of hidden layers.
        steps: the most Adam steps a network takes. batch_size: points of one step, drawn with replacement.
        learning_rate: peak of the schedule.
        interpolation_tolerance: a network whose training risk over all its points is below this times its label
            variance has interpolated and stops; 0 = always use the budget.
        max_train: rows that training sets are padded to, so that one compilation serves a sweep over n; None = the
            largest n of a call.
    Errors: RecipeError naming every bad value.
    """

    width: int = 256
    depth: int = 2
    steps: int = 8000
    batch_size: int = 256
    learning_rate: float = 1e-3
    interpolation_tolerance: float = 1e-5
    max_train: int | None = None

    def __post_init__(self) -> None:
        problems = []
        for name, high in (("width", 1 << 16), ("depth", 64), ("steps", 1 << 24), ("batch_size", 1 << 20)):
            if not _is_integer(getattr(self, name), high):
                problems.append(f"mlp.{name} = {getattr(self, name)!r}: allowed is an integer from 1 to {high}")
        if self.max_train is not None and not _is_integer(self.max_train, 1 << 31):
            problems.append(f"mlp.max_train = {self.max_train!r}: allowed is an integer from 1 to {1 << 31}")
        if not (_is_real(self.learning_rate) and 0.0 < self.learning_rate <= 10.0):
            problems.append(f"mlp.learning_rate = {self.learning_rate!r}: allowed is a number with 0 < rate <= 10")
        if not (_is_real(self.interpolation_tolerance) and 0.0 <= self.interpolation_tolerance < 1.0):
            problems.append(
                f"mlp.interpolation_tolerance = {self.interpolation_tolerance!r}: allowed is a number from 0 to below 1"
            )
        if problems:
            raise RecipeError("; ".join(problems))


def _is_integer(value: object, high: int) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and 1 <= int(value) <= high


def _is_real(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def from_table(table: Mapping[str, Any]) -> MLP:
    """Return the learner of a ``[mlp]`` table; RecipeError with the nearest match for unknown keys."""
    refuse_unknown(table, [field.name for field in dataclasses.fields(Settings)], "mlp")
    return MLP(Settings(**table))


class MLP(Learner):
    """Multilayer perceptrons with ReLU, one per problem, with one output per label column."""

    name: ClassVar[str] = "mlp"
    capacity: ClassVar[str] = "fixed"
    batched: ClassVar[bool] = True

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()

    def parameters(self, d: int, outputs: int = 1) -> int:
        """Return the number of weights and biases for d inputs."""
        sizes = [d, *[self.settings.width] * self.settings.depth, outputs]
        return sum((a + 1) * b for a, b in itertools.pairwise(sizes))

    @property
    def conventions(self) -> str:
        """How inputs, labels, weights, batches and the end of training are treated."""
        s = self.settings
        return (
            f"mlp: {s.depth} hidden ReLU layers of width {s.width}, He initialisation, linear output (one per label "
            "column); inputs centred and divided by one scalar (root mean square of the centred training coordinates, "
            "so |x|² ≈ d), labels centred by their training mean and divided by their root mean square, undone in the "
            f"prediction; mean squared error, Adam (0.9, 0.999), float32, batches of {s.batch_size} drawn with "
            f"replacement as a function of (key, step), peak learning rate {s.learning_rate:g} after "
            f"{self._warmup} warm-up steps, half a cosine down to 0 over {s.steps} steps; a network stops (and is "
            f"frozen) at the first multiple of {self._block} steps at which its risk over all its training points is "
            f"below {s.interpolation_tolerance:g} of its label variance ('interpolated'), else when the steps are "
            "used up ('budget')."
        )

    @property
    def _warmup(self) -> int:
        return min(100, max(1, self.settings.steps // 20))

    @property
    def _block(self) -> int:
        return 500

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        """Train one network per problem, all in one program.

        Args:
            problems: the same d and number of label columns; n may differ.
        Errors: RecipeError for unequal d or columns, or n beyond ``max_train``.
        """
        if not problems:
            return []
        shapes = {(p.X_train.shape[1], p.y_train.shape[1]) for p in problems}
        if len(shapes) > 1:
            raise RecipeError(f"problems with (d, columns) = {sorted(shapes)}: allowed is one shape in a call of 'mlp'")
        largest = max(p.n for p in problems)
        pad = self.settings.max_train or largest
        if largest > pad:
            raise RecipeError(f"mlp.max_train = {pad}: a training set has {largest} points; type max_train = {largest}")
        scales = [scaling(p) for p in problems]
        trained = training.train(
            self._run(pad),
            [s.inputs(p.X_train).astype(np.float32) for s, p in zip(scales, problems, strict=True)],
            [s.labels(p.y_train) / s.label_scale for s, p in zip(scales, problems, strict=True)],
            [s.inputs(p.X_test).astype(np.float32) for s, p in zip(scales, problems, strict=True)],
            [p.key for p in problems],
        )
        d, m = shapes.pop()
        return [
            Outcome(
                end.prediction * s.label_scale + s.label_centre,
                end.train_risk * s.label_scale**2,
                {
                    "stopped": "interpolated" if end.interpolated else "budget",
                    "steps": end.steps,
                    "train_risk_over_variance": end.train_risk,
                    "parameters": self.parameters(d, m),
                    "device": jax.default_backend(),
                    "jax": jax.__version__,
                },
            )
            for s, end in zip(scales, trained, strict=True)
        ]

    def _run(self, pad: int) -> training.Run:
        s = self.settings
        return training.Run(
            width=s.width,
            depth=s.depth,
            steps=s.steps,
            warmup=self._warmup,
            block=self._block,
            batch_size=s.batch_size,
            learning_rate=s.learning_rate,
            tolerance=s.interpolation_tolerance,
            max_train=pad,
        )
