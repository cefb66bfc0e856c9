"""The multilayer perceptron: all networks of a call train in one compiled program.

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
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jax
import numpy as np

from fractalman.errors import RecipeError, nearest
from fractalman.learners.networks import training
from fractalman.learners.networks.parameterization import PARAMETERIZATIONS, layer_sizes
from fractalman.learners.protocol import (
    DIVERGED,
    Learner,
    Outcome,
    Problem,
    Scaling,
    mean_square,
    refuse_unknown,
    scaling,
    validation_split,
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The ``[mlp]`` table.

    Args:
        width: units of a hidden layer. depth: number of hidden layers.
        steps: the most Adam steps a network takes. batch_size: points of one step.
        learning_rate: peak of the schedule; a list = that of smallest risk on a fifth of the training points, at which
            a network that diverges has an infinite one.
        activation: "relu", "gelu" or "tanh". parameterization: "standard", "ntk" or "mup". optimizer: "adam" or "sgd"
            (momentum 0.9). weight_decay: decoupled, of weights and not of biases.
        sampling: "replacement", or "one-pass": batch k is the k-th run of training points, each seen once; needs
            n >= steps · batch_size.
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
    learning_rate: float | tuple[float, ...] = 1e-3
    activation: str = "relu"
    parameterization: str = "standard"
    optimizer: str = "adam"
    weight_decay: float = 0.0
    sampling: str = "replacement"
    interpolation_tolerance: float = 1e-5
    max_train: int | None = None

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rates that are tried."""
        return self.learning_rate if isinstance(self.learning_rate, tuple) else (self.learning_rate,)

    def __post_init__(self) -> None:
        problems = []
        for name, high in (("width", 1 << 16), ("depth", 64), ("steps", 1 << 24), ("batch_size", 1 << 20)):
            if not _is_integer(getattr(self, name), high):
                problems.append(f"mlp.{name} = {getattr(self, name)!r}: allowed is an integer from 1 to {high}")
        if self.max_train is not None and not _is_integer(self.max_train, 1 << 31):
            problems.append(f"mlp.max_train = {self.max_train!r}: allowed is an integer from 1 to {1 << 31}")
        if not self.rates or not all(_is_real(rate) and 0.0 < rate <= 100.0 for rate in self.rates):
            problems.append(f"mlp.learning_rate = {self.learning_rate!r}: allowed are numbers with 0 < rate <= 100")
        elif len(set(self.rates)) < len(self.rates):
            problems.append(f"mlp.learning_rate = {list(self.rates)}: allowed is every rate once")
        if not (_is_real(self.weight_decay) and 0.0 <= self.weight_decay < 1.0):
            problems.append(f"mlp.weight_decay = {self.weight_decay!r}: allowed is a number from 0 to below 1")
        for name, allowed in _WORDS.items():
            word = getattr(self, name)
            if word not in allowed:
                problems.append(f"mlp.{name} = {word!r}: allowed are {', '.join(allowed)}{nearest(str(word), allowed)}")
        if not (_is_real(self.interpolation_tolerance) and 0.0 <= self.interpolation_tolerance < 1.0):
            problems.append(
                f"mlp.interpolation_tolerance = {self.interpolation_tolerance!r}: allowed is a number from 0 to below 1"
            )
        if problems:
            raise RecipeError("; ".join(problems))


_SPELT = {"relu": "ReLU", "gelu": "GELU", "tanh": "tanh"}
_WORDS = {
    "activation": tuple(training.ACTIVATIONS),
    "parameterization": PARAMETERIZATIONS,
    "optimizer": tuple(training.OPTIMIZERS),
    "sampling": training.SAMPLING,
}


def _is_integer(value: object, high: int) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and 1 <= int(value) <= high


def _is_real(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def from_table(table: Mapping[str, Any]) -> MLP:
    """Return the learner of a ``[mlp]`` table; RecipeError with the nearest match for unknown keys."""
    refuse_unknown(table, [field.name for field in dataclasses.fields(Settings)], "mlp")
    rates = table.get("learning_rate")
    return MLP(Settings(**{**table, "learning_rate": tuple(rates)} if isinstance(rates, list) else table))


class MLP(Learner):
    """Multilayer perceptrons, one per problem, with one output per label column."""

    name: ClassVar[str] = "mlp"
    capacity: ClassVar[str] = "fixed"
    batched: ClassVar[bool] = True

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()

    def parameters(self, d: int, outputs: int = 1) -> int:
        """Return the number of weights and biases for d inputs."""
        sizes = layer_sizes(d, self.settings.width, self.settings.depth, outputs)
        return sum((a + 1) * b for a, b in sizes)

    @property
    def conventions(self) -> str:
        """How inputs, labels, weights, batches and the end of training are treated."""
        s = self.settings
        rates = ", ".join(f"{rate:g}" for rate in s.rates)
        if len(s.rates) > 1:
            rates += " (that of smallest risk on a fifth of the training points, then all train)"
        start = {"standard": "He initialisation", "ntk": "tangent-kernel parameterization", "mup": "maximal updates"}
        drawn = {
            "replacement": "drawn with replacement as a function of (key, step)",
            "one-pass": "that run once through the training points",
        }
        optimizer = {"adam": "Adam (0.9, 0.999)", "sgd": "gradient descent with momentum 0.9"}
        decay = f", weight decay {s.weight_decay:g}" if s.weight_decay else ""
        return (
            f"mlp: {s.depth} hidden {_SPELT[s.activation]} layers of width {s.width}, {start[s.parameterization]}, "
            "linear output (one per label column); inputs centred and divided by one scalar (root mean square of the "
            "centred training coordinates, so |x|² ≈ d), labels centred by their training mean and divided by their "
            "root mean square, undone in the prediction; mean squared error, "
            f"{optimizer[s.optimizer]}{decay}, float32, batches of {s.batch_size} {drawn[s.sampling]}, peak learning "
            f"rate {rates} after {self._warmup} warm-up steps, half a cosine down to 0 over {s.steps} steps; a network "
            f"stops (and is frozen) at the first multiple of {self._block} steps at which its risk over all its "
            f"training points is below {s.interpolation_tolerance:g} of its label variance ('interpolated') or is no "
            "number ('diverged': it has no risk, and the others of its company go on), else when the steps are used up "
            "('budget')."
        )

    @property
    def _warmup(self) -> int:
        return min(100, max(1, self.settings.steps // 20))

    @property
    def _block(self) -> int:
        return 500

    def run(self, problems: Sequence[Problem], checkpoint: Path | None = None) -> list[Outcome]:
        """Train one network per problem, all in one program.

        Args:
            problems: the same d and number of label columns; n may differ.
            checkpoint: file for the state of training, so that a killed run goes on where it was.
        Errors: RecipeError for unequal d or columns, n beyond ``max_train``, or too few points for one pass.
        """
        if not problems:
            return []
        pad = self._check(problems)
        files = _Files(checkpoint)
        rates: list[float | None] = [self.settings.rates[0]] * len(problems)
        validation: list[float | None] | None = None
        if len(self.settings.rates) > 1:
            rates, validation = self._chosen_rates(problems, pad, files)
        outcomes: list[Outcome] = [_NOTHING] * len(problems)
        for i in [i for i, own in enumerate(rates) if own is None]:  # diverged at every rate
            outcomes[i] = self._outcome(scaling(problems[i]), problems[i], _NEVER, None)
        for rate in sorted({rate for rate in rates if rate is not None}):
            members = [i for i, own in enumerate(rates) if own == rate]
            ends = self._trained([problems[i] for i in members], rate, pad, files.named(f"{rate:g}"))
            for i, outcome in zip(members, ends, strict=True):
                outcomes[i] = outcome
        if validation is not None:
            for outcome, risk in zip(outcomes, validation, strict=True):
                outcome.info["validation_risk"] = risk
        files.remove()
        return outcomes

    def _check(self, problems: Sequence[Problem]) -> int:
        """Return the rows that training sets are padded to."""
        shapes = {(p.X_train.shape[1], p.y_train.shape[1]) for p in problems}
        if len(shapes) > 1:
            raise RecipeError(f"problems with (d, columns) = {sorted(shapes)}: allowed is one shape in a call of 'mlp'")
        largest, smallest = max(p.n for p in problems), min(p.n for p in problems)
        pad = self.settings.max_train or largest
        if largest > pad:
            raise RecipeError(f"mlp.max_train = {pad}: a training set has {largest} points; type max_train = {largest}")
        needed = self.settings.steps * self.settings.batch_size
        if self.settings.sampling == "one-pass" and smallest < needed:
            raise RecipeError(
                f'mlp.sampling = "one-pass": {smallest} training points for {needed} = steps · batch_size; type fewer '
                "steps or more points"
            )
        return pad

    def _chosen_rates(
        self, problems: Sequence[Problem], pad: int, files: _Files
    ) -> tuple[list[float | None], list[float | None]]:
        """Return every problem's learning rate of smallest validation risk (ties to the smaller) and that risk.

        Both are None for a problem whose network diverges at every rate.
        """
        parts, held_labels = [], []
        for p in problems:
            fit, held = validation_split(p.key, p.n)
            parts.append(Problem(p.X_train[fit], p.y_train[fit], p.X_train[held], p.key))
            held_labels.append(p.y_train[held])
        rates = sorted(self.settings.rates)
        risks = np.full((len(rates), len(problems)), np.inf)
        for row, rate in zip(risks, rates, strict=True):
            ends = self._trained(parts, rate, pad, files.named(f"validate-{rate:g}"))
            row[:] = [mean_square(end.prediction - y) for end, y in zip(ends, held_labels, strict=True)]
        risks[~np.isfinite(risks)] = np.inf  # diverged: not this one
        chosen = [(rates[int(column.argmin())], float(column.min())) for column in risks.T]
        return (
            [rate if math.isfinite(risk) else None for rate, risk in chosen],
            [risk if math.isfinite(risk) else None for _, risk in chosen],
        )

    def _trained(self, problems: Sequence[Problem], rate: float, pad: int, checkpoint: Path | None) -> list[Outcome]:
        scales = [scaling(p) for p in problems]
        pairs = list(zip(scales, problems, strict=True))
        trained = training.train(
            self.training_run(pad, rate),
            [s.inputs(p.X_train).astype(np.float32) for s, p in pairs],
            [s.labels(p.y_train) / s.label_scale for s, p in pairs],
            [s.inputs(p.X_test).astype(np.float32) for s, p in pairs],
            [p.key for p in problems],
            checkpoint,
        )
        return [self._outcome(s, p, end, rate) for (s, p), end in zip(pairs, trained, strict=True)]

    def _outcome(self, scale: Scaling, problem: Problem, end: training.Trained, rate: float | None) -> Outcome:
        """Return the end of a network in the labels' units; rate None = it diverged at every one."""
        d, m, t = problem.X_train.shape[1], problem.y_train.shape[1], problem.X_test.shape[0]
        prediction = end.prediction if rate is not None else np.full((t, m), np.nan)
        return Outcome(
            prediction * scale.label_scale + scale.label_centre,
            end.train_risk * scale.label_scale**2,
            {
                "stopped": DIVERGED if end.diverged else "interpolated" if end.interpolated else "budget",
                "steps": end.steps,
                "learning_rate": rate,
                "train_risk_over_variance": None if end.diverged else end.train_risk,
                "parameters": self.parameters(d, m),
                "device": jax.default_backend(),
                "jax": jax.__version__,
            },
        )

    def training_run(self, pad: int, rate: float) -> training.Run:
        """Return how the networks are trained; ``pad``: rows of padded training sets, ``rate``: the schedule's peak."""
        s = self.settings
        return training.Run(
            width=s.width,
            depth=s.depth,
            steps=s.steps,
            warmup=self._warmup,
            block=self._block,
            batch_size=s.batch_size,
            learning_rate=rate,
            tolerance=s.interpolation_tolerance,
            max_train=pad,
            activation=s.activation,
            parameterization=s.parameterization,
            optimizer=s.optimizer,
            sampling=s.sampling,
            weight_decay=s.weight_decay,
        )


_NOTHING = Outcome(np.empty((0, 0)), math.nan)
_NEVER = training.Trained(np.empty(0), math.nan, 0, interpolated=False, diverged=True)


class _Files:
    """The checkpoints of one call, one a training run: kept until all runs have ended, so that none is done again."""

    def __init__(self, beside: Path | None) -> None:
        self._beside = beside
        self._named: list[Path] = []

    def named(self, name: str) -> Path | None:
        """Return the file of one training run."""
        if self._beside is None:
            return None
        self._named.append(self._beside.with_name(f"{self._beside.name}-{name}.npz"))
        return self._named[-1]

    def remove(self) -> None:
        """Take the files away."""
        for path in self._named:
            path.unlink(missing_ok=True)
