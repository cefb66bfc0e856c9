"""What learners that are networks share: the choice of a rate, training of all problems in one program, their ends."""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from fractalman._typing import F32, F64
from fractalman.conventions import input_scale, validation_split
from fractalman.errors import RecipeError
from fractalman.learners.class_targets import cross_entropy, one_hot
from fractalman.learners.networks import NEEDED, require
from fractalman.learners.networks.network import Network
from fractalman.learners.networks.settings import Training
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

if TYPE_CHECKING:
    from fractalman.learners.networks.training import Run, Trained

DATA_LIMITED = "data-limited points: training risk far below test risk, more steps or width change nothing"
"""What laws assume of every network."""
BLOCK = 500
"""Steps between two looks at the training risk."""
_SHARE = 0.4
"""Share of the speed of a product of two matrices that a step reaches."""
_PER_STEP, _PER_UNIT = 2e-5, 3e-9
"""Seconds of a step that no operation is counted for, and of a number that passes through a unit, forth and back."""
_COMPILE = 3.0
"""Seconds of compiling one shape of network."""


@dataclass(frozen=True)
class FittedNetwork:
    """A trained network with its weights, in the units of the data.

    Attributes
    ----------
    network : Network
        Its shape.
    weights : pytree
        Float32 arrays.
    factors : object
        Of the forward pass.
    centre, scale : float64 arrays and float
        What is taken off inputs, and what they are divided by.
    outcome : Outcome
        As `Learner.run` returns it.
    """

    network: Network
    weights: Any
    factors: Any
    centre: F64
    scale: float
    outcome: Outcome

    def own(self) -> tuple[Any, Any]:
        """Return (function, weights) as `fractalman.learners.own_network` and the studies of networks take them.

        The function answers outputs (of classes: logarithms of probabilities up to a constant; of values: in units of
        the training labels, centred) and, where the network has them, the activations of its layers.
        """
        centre, factors = self.centre.astype(np.float32), self.factors

        def function(by_layer: Any, X: Any) -> Any:
            weights, scaled = self.network.joined(by_layer), (X - centre) / np.float32(self.scale)
            layers = self.network.layers(weights, factors, scaled)
            return (self.network.apply(weights, factors, scaled), layers)

        return function, self.network.by_layer(self.weights)


@dataclass(frozen=True)
class NetworkLearner(Learner):
    """Networks, one per problem, with one output per label column; a subclass says which.

    Parameters
    ----------
    settings : Training
        The learner's table.
    """

    settings: Any

    capacity: ClassVar[str] = FIXED
    batched: ClassVar[bool] = True
    checkpoints: ClassVar[bool] = True
    opens: ClassVar[bool] = True
    axes: ClassVar[Mapping[str, str]] = {"width": "model", "depth": "model", "steps": "budget"}
    doubled: ClassVar[tuple[str, ...]] = ("width", "steps")
    padding: ClassVar[str] = "max_train"
    table: ClassVar[type[Training]] = Training

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Return the settings of the learner's table with their defaults, its own before those of all networks."""
        shared = {f.name for f in dataclasses.fields(Training)}
        every = {f.name: f.default for f in dataclasses.fields(cls.table)}
        return {k: v for k, v in every.items() if k not in shared} | {k: v for k, v in every.items() if k in shared}

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Return the learner of a table.

        Raises
        ------
        MissingExtraError
            Without JAX.
        RecipeError
            With the nearest match for unknown keys, and for every bad value.
        """
        require(f"the learner {cls.name!r}", *NEEDED)
        refuse_unknown(table, tuple(cls.defaults()), cls.name)
        values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}
        return cls(cls.table(**values))

    def setting(self, key: str) -> Any:
        """Return the value of a setting."""
        return getattr(self.settings, key)

    @property
    def probabilities(self) -> bool:
        """Of classes, unless told to fit squares."""
        return bool(self.settings.loss != "squared")

    # ------------------------------------------------------------------------------------------------ of a subclass

    @property
    @abstractmethod
    def network(self) -> Network:
        """The shape of its networks."""

    @property
    @abstractmethod
    def shape_words(self) -> str:
        """The network, its start and how inputs are treated, for the report."""

    def parameters(self, d: int, outputs: int = 1) -> int:
        """Return the number of weights and biases for d inputs."""
        return self.network.count(d, outputs)

    def operations(self, d: int, outputs: int = 1) -> float:
        """Return the floating-point operations of one point on its way through; a step takes three times as many.

        Parameters
        ----------
        d : int
            Inputs.
        outputs : int, default 1
            Outputs.
        """
        return 2.0 * float(self.parameters(d, outputs))

    def units(self, d: int) -> int:
        """Return how many numbers a point becomes on its way through a network."""
        return d

    def inputs(self, X: F32) -> tuple[F64, float]:
        """Return what is taken off inputs and what they are divided by, given the training points X."""
        return input_scale(X)

    def refuse(self, problem: Problem) -> None:
        """Raise RecipeError for a problem that this shape of network cannot have."""

    # ------------------------------------------------------------------------------------------------ what it does

    def cost(self, n: int, d: int, t: int, m: int) -> Cost:
        """Count the steps, the looks at the training risk, and both again for every learning rate that is tried."""
        s = self.settings
        weights, passing = float(self.parameters(d, m)), self.operations(d, m)
        tries = len(s.rates) + 1 if len(s.rates) > 1 else 1
        looks = n * (1 + s.steps // BLOCK) + t
        step = _PER_STEP + _PER_UNIT * s.batch_size * self.units(d)
        return Cost(
            tries * (s.steps * 3.0 * passing * s.batch_size + passing * looks),
            8.0 * n * (d + m) + 64.0 * weights + 16.0 * s.batch_size * max(math.sqrt(weights), self.units(d)),
            share=_SHARE,
            seconds=tries * s.steps * step,
            setup=_COMPILE,
        )

    @property
    def conventions(self) -> str:
        """How inputs, labels, weights, batches and the end of training are treated."""
        s = self.settings
        rates = ", ".join(f"{rate:g}" for rate in s.rates)
        if len(s.rates) > 1:
            rates += " (that of smallest risk on a fifth of the training points, then all train)"
        drawn = {
            "replacement": "drawn with replacement as a function of (key, step)",
            "one-pass": "that run once through the training points",
        }
        optimizer = {"adam": "Adam (0.9, 0.999)", "sgd": "gradient descent with momentum 0.9"}
        decay = f", weight decay {s.weight_decay:g}" if s.weight_decay else ""
        return (
            f"{self.name}: {self.shape_words}, labels centred by their training mean and divided by their "
            "root mean square, undone in the prediction; mean squared error, "
            f"{optimizer[s.optimizer]}{decay}, float32, batches of {s.batch_size} {drawn[s.sampling]}, peak learning "
            f"rate {rates} after {self.warmup} warm-up steps, half a cosine down to 0 over {s.steps} steps; a network "
            f"stops (and is frozen) at the first multiple of {BLOCK} steps at which its risk over all its "
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
    def warmup(self) -> int:
        """Steps of the schedule's linear rise."""
        return int(min(100, max(1, self.settings.steps // 20)))

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

        pad = self.check(problems)
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

    def check(self, problems: Sequence[Problem]) -> int:
        """Return the rows that training sets are padded to.

        Parameters
        ----------
        problems : sequence of Problem
            To be trained together.

        Raises
        ------
        RecipeError
            As `run` does.
        """
        shapes = {(p.X_train.shape[1], p.y_train.shape[1], p.classes) for p in problems}
        if len(shapes) > 1:
            raise RecipeError(
                f"problems with (d, columns, classes) = {sorted(shapes)}: expected one shape in a call of {self.name!r}"
            )
        self.refuse(problems[0])
        largest, smallest = max(p.n for p in problems), min(p.n for p in problems)
        pad = self.settings.max_train or largest
        if largest > pad:
            raise RecipeError(
                f"{self.name}.max_train = {pad}: a training set has {largest} points; use max_train = {largest}"
            )
        needed = self.settings.steps * self.settings.batch_size
        if self.settings.sampling == "one-pass" and smallest < needed:
            raise RecipeError(
                f'{self.name}.sampling = "one-pass": {smallest} training points for {needed} = steps · batch_size; '
                "use fewer steps or more points"
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

    def fitted(self, problem: Problem, checkpoint: Path | None = None) -> FittedNetwork:
        """Train one network and return it with its weights.

        Parameters
        ----------
        problem : Problem
            Training points; its test points are predicted, too.
        checkpoint : Path or None, default None
            File for the state of training.

        Raises
        ------
        RecipeError
            For several learning rates, and as `run` does.
        """
        if len(self.settings.rates) > 1:
            rates = list(self.settings.rates)
            raise RecipeError(f"{self.name}.learning_rate = {rates}: expected one rate here; use one of them")
        rate = self.settings.rates[0]
        files = _Files(checkpoint)
        (end,) = self._ends([problem], rate, self.check([problem]), files.named("fitted"))
        files.remove()
        factors, _ = self.network.constants(self.settings.optimizer, problem.X_train.shape[1], end.weights)
        centre, scale = self.inputs(problem.X_train)
        outcome = self._outcome(scaling(problem), problem, end, rate)
        return FittedNetwork(self.network, end.weights, factors, centre, scale, outcome)

    def _trained(self, problems: Sequence[Problem], rate: float, pad: int, checkpoint: Path | None) -> list[Outcome]:
        ends = self._ends(problems, rate, pad, checkpoint)
        return [self._outcome(scaling(p), p, end, rate) for p, end in zip(problems, ends, strict=True)]

    def _ends(self, problems: Sequence[Problem], rate: float, pad: int, checkpoint: Path | None) -> list[Trained]:
        from fractalman.learners.networks import training

        maps = [self.inputs(p.X_train) for p in problems]
        pairs = list(zip(maps, problems, strict=True))
        return training.train(
            self.training_run(pad, rate, problems[0].classes),
            [_scaled(p.X_train, *own) for own, p in pairs],
            [_labels(scaling(p), p) for p in problems],
            [_scaled(p.X_test, *own) for own, p in pairs],
            [p.key for p in problems],
            checkpoint,
        )

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
            network=self.network,
            steps=s.steps,
            warmup=self.warmup,
            block=BLOCK,
            batch_size=s.batch_size,
            learning_rate=rate,
            tolerance=s.interpolation_tolerance * (math.log(classes) if classes else 1.0),
            max_train=pad,
            optimizer=s.optimizer,
            sampling=s.sampling,
            weight_decay=s.weight_decay,
            classes=classes,
        )


def _scaled(X: F32, centre: F64, scale: float) -> F32:
    return ((X.astype(np.float64) - centre) / scale).astype(np.float32)


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
