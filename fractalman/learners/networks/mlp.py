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
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from fractalman._typing import F64
from fractalman.conventions import validation_split
from fractalman.errors import RecipeError
from fractalman.learners.class_targets import cross_entropy, one_hot
from fractalman.learners.networks import NEEDED, require
from fractalman.learners.networks.parameterization import layer_sizes
from fractalman.learners.networks.settings import Settings
from fractalman.learners.protocol import (
    DIVERGED,
    FIXED,
    Cost,
    Learner,
    Outcome,
    Problem,
    Scaling,
    mean_square,
    refuse_unknown,
    scaling,
)
from fractalman.theory.laws.learner_properties import LearnerProperties

if TYPE_CHECKING:
    from fractalman.learners.networks.training import Run, Trained
    from fractalman.theory.ridged import Smoother

__all__ = ["MLP", "Settings"]

_SPELT = {"relu": "ReLU", "gelu": "GELU", "tanh": "tanh"}
_BLOCK = 500
"""Steps between two looks at the training risk."""
_SHARE = 0.4
"""Share of the speed of a product of two matrices that a step reaches."""
_PER_STEP, _PER_UNIT = 2e-5, 3e-9
"""Seconds of a step that no operation is counted for, and of a number that passes through a unit, forth and back."""
_COMPILE = 3.0
"""Seconds of compiling one shape of network."""


@dataclass(frozen=True)
class MLP(Learner):
    """Multilayer perceptrons, one per problem, with one output per label column.

    Parameters
    ----------
    settings : Settings
        The ``[mlp]`` table.
    """

    settings: Settings = field(default_factory=Settings)

    name: ClassVar[str] = "mlp"
    capacity: ClassVar[str] = FIXED
    batched: ClassVar[bool] = True
    checkpoints: ClassVar[bool] = True
    axes: ClassVar[Mapping[str, str]] = {"width": "model", "depth": "model", "steps": "budget"}
    doubled: ClassVar[tuple[str, ...]] = ("width", "steps")
    padding: ClassVar[str] = "max_train"
    reference: ClassVar[str] = "ntk-kernel"
    properties: ClassVar[LearnerProperties] = LearnerProperties(
        "mlp",
        "network",
        smoothness=0.5,
        degree=1,
        assumptions=("data-limited points: training risk far below test risk, more steps or width change nothing",),
    )

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Return the settings of the ``[mlp]`` table with their defaults."""
        return {f.name: f.default for f in dataclasses.fields(Settings)}

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Return the learner of a ``[mlp]`` table.

        Raises
        ------
        MissingExtraError
            Without JAX.
        RecipeError
            With the nearest match for unknown keys, and for every bad value.
        """
        require("the learner 'mlp'", *NEEDED)
        refuse_unknown(table, tuple(cls.defaults()), cls.name)
        rates = table.get("learning_rate")
        return cls(Settings(**{**table, "learning_rate": tuple(rates)} if isinstance(rates, list) else table))

    def setting(self, key: str) -> Any:
        """Return the value of a setting."""
        return getattr(self.settings, key)

    @property
    def probabilities(self) -> bool:
        """Of classes, unless told to fit squares."""
        return self.settings.loss != "squared"

    def smoother(self) -> Smoother | None:
        """Ridge regression with the tangent kernel of as many hidden ReLU layers; None for other activations."""
        from fractalman.learners.kernel_ridge import TangentKernel

        return TangentKernel(depth=self.settings.depth).smoother() if self.settings.activation == "relu" else None

    def cost(self, n: int, d: int, t: int, m: int) -> Cost:
        """Count the steps, the looks at the training risk, and both again for every learning rate that is tried."""
        s = self.settings
        weights = float(self.parameters(d, m))
        tries = len(s.rates) + 1 if len(s.rates) > 1 else 1
        looks = n * (1 + s.steps // _BLOCK) + t
        step = _PER_STEP + _PER_UNIT * s.batch_size * (d + s.width * s.depth)
        return Cost(
            tries * (s.steps * 6.0 * weights * s.batch_size + 2.0 * weights * looks),
            8.0 * n * (d + m) + 64.0 * weights + 16.0 * s.batch_size * math.sqrt(weights),
            share=_SHARE,
            seconds=tries * s.steps * step,
            setup=_COMPILE,
        )

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
            f"stops (and is frozen) at the first multiple of {_BLOCK} steps at which its risk over all its "
            f"training points is below {s.interpolation_tolerance:g} of its label variance ('interpolated') or is no "
            "number ('diverged': it has no risk, and the others of its company go on), else when the steps are used up "
            "('budget')."
            + (
                " Where labels are classes, outputs are logarithms of probabilities up to a constant, the loss is the "
                "mean −ln(probability), and its unit is ln(number of classes)."
                if self.probabilities
                else ""
            )
        )

    @property
    def _warmup(self) -> int:
        return min(100, max(1, self.settings.steps // 20))

    def run(self, problems: Sequence[Problem], checkpoint: Path | None = None) -> list[Outcome]:
        """Train one network per problem, all in one program.

        Parameters
        ----------
        problems : sequence of Problem
            The same d and number of label columns; n may differ.
        checkpoint : Path or None, default None
            File for the state of training, so that a killed run goes on where it was.

        Raises
        ------
        RecipeError
            For unequal d or columns, n beyond ``max_train``, or too few points for one pass.
        """
        if not problems:
            return []
        from fractalman.learners.networks.training import Trained

        pad = self._check(problems)
        files = _Files(checkpoint)
        rates: list[float | None] = [self.settings.rates[0]] * len(problems)
        validation: list[float | None] | None = None
        if len(self.settings.rates) > 1:
            rates, validation = self._chosen_rates(problems, pad, files)
        never = Trained(np.empty(0), math.nan, 0, interpolated=False, diverged=True)
        outcomes: list[Outcome] = [_NOTHING] * len(problems)
        for i in [i for i, own in enumerate(rates) if own is None]:  # diverged at every rate
            outcomes[i] = self._outcome(scaling(problems[i]), problems[i], never, None)
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

    def resume(self, problems: Sequence[Problem], checkpoint: Path | None) -> list[Outcome]:
        """Train as `run` does, and go on where a killed training left ``checkpoint``."""
        return self.run(problems, checkpoint)

    def _check(self, problems: Sequence[Problem]) -> int:
        """Return the rows that training sets are padded to."""
        shapes = {(p.X_train.shape[1], p.y_train.shape[1], p.classes) for p in problems}
        if len(shapes) > 1:
            raise RecipeError(
                f"problems with (d, columns, classes) = {sorted(shapes)}: expected one shape in a call of 'mlp'"
            )
        largest, smallest = max(p.n for p in problems), min(p.n for p in problems)
        pad = self.settings.max_train or largest
        if largest > pad:
            raise RecipeError(f"mlp.max_train = {pad}: a training set has {largest} points; use max_train = {largest}")
        needed = self.settings.steps * self.settings.batch_size
        if self.settings.sampling == "one-pass" and smallest < needed:
            raise RecipeError(
                f'mlp.sampling = "one-pass": {smallest} training points for {needed} = steps · batch_size; use fewer '
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
            parts.append(Problem(p.X_train[fit], p.y_train[fit], p.X_train[held], p.key, p.classes))
            held_labels.append(p.y_train[held])
        rates = sorted(self.settings.rates)
        risks = np.full((len(rates), len(problems)), np.inf)
        for row, rate in zip(risks, rates, strict=True):
            ends = self._trained(parts, rate, pad, files.named(f"validate-{rate:g}"))
            row[:] = [
                cross_entropy(end.prediction, y) if p.classes else mean_square(end.prediction - y)
                for end, y, p in zip(ends, held_labels, parts, strict=True)
            ]
        risks[~np.isfinite(risks)] = np.inf  # diverged: not this one
        chosen = [(rates[int(column.argmin())], float(column.min())) for column in risks.T]
        return (
            [rate if math.isfinite(risk) else None for rate, risk in chosen],
            [risk if math.isfinite(risk) else None for _, risk in chosen],
        )

    def _trained(self, problems: Sequence[Problem], rate: float, pad: int, checkpoint: Path | None) -> list[Outcome]:
        from fractalman.learners.networks import training

        scales = [scaling(p) for p in problems]
        pairs = list(zip(scales, problems, strict=True))
        trained = training.train(
            self.training_run(pad, rate, problems[0].classes),
            [s.inputs(p.X_train).astype(np.float32) for s, p in pairs],
            [_labels(s, p) for s, p in pairs],
            [s.inputs(p.X_test).astype(np.float32) for s, p in pairs],
            [p.key for p in problems],
            checkpoint,
        )
        return [self._outcome(s, p, end, rate) for (s, p), end in zip(pairs, trained, strict=True)]

    def _outcome(self, scale: Scaling, problem: Problem, end: Trained, rate: float | None) -> Outcome:
        """Return the end of a network in the labels' units; rate None = it diverged at every one."""
        import jax

        from fractalman.learners.networks.training import log_probabilities

        d, t, classes = problem.X_train.shape[1], problem.X_test.shape[0], problem.classes
        outputs = end.prediction if rate is not None else np.full((t, problem.outputs), np.nan)
        info = {
            "stopped": DIVERGED if end.diverged else "interpolated" if end.interpolated else "budget",
            "steps": end.steps,
            "learning_rate": rate,
            "parameters": self.parameters(d, problem.outputs),
            "device": jax.default_backend(),
            "jax": jax.__version__,
        }
        if classes:
            return Outcome(np.exp(log_probabilities(outputs, classes)), end.train_risk, info)
        info["train_risk_over_variance"] = None if end.diverged else end.train_risk
        prediction = outputs * scale.label_scale + scale.label_centre
        return Outcome(prediction, end.train_risk * scale.label_scale**2, info)

    def training_run(self, pad: int, rate: float, classes: int = 0) -> Run:
        """Return how the networks are trained; ``pad``: rows of padded training sets, ``rate``: the schedule's peak."""
        from fractalman.learners.networks.training import Run

        s = self.settings
        return Run(
            width=s.width,
            depth=s.depth,
            steps=s.steps,
            warmup=self._warmup,
            block=_BLOCK,
            batch_size=s.batch_size,
            learning_rate=rate,
            tolerance=s.interpolation_tolerance * (math.log(classes) if classes else 1.0),
            max_train=pad,
            activation=s.activation,
            parameterization=s.parameterization,
            optimizer=s.optimizer,
            sampling=s.sampling,
            weight_decay=s.weight_decay,
            classes=classes,
        )


def _labels(scale: Scaling, problem: Problem) -> F64:
    """Return labels of mean square 1; of classes columns of 0 and 1."""
    if problem.classes:
        return one_hot(problem.y_train, problem.classes).reshape(problem.n, -1)
    return scale.labels(problem.y_train) / scale.label_scale


_NOTHING = Outcome(np.empty((0, 0)), math.nan)


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
