"""Weights of one network at chosen steps of its training: the program, batches and end of `training.train`."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from fractalman._typing import F32, F64
from fractalman.display import Display
from fractalman.errors import FitError, RecipeError
from fractalman.learners.networks import training
from fractalman.learners.networks.dense import Dense
from fractalman.learners.networks.learner import NetworkLearner
from fractalman.learners.networks.network import Network
from fractalman.learners.networks.opened import opened
from fractalman.learners.protocol import Problem, Scaling, scaling
from fractalman.random.streams import Role, key64

if TYPE_CHECKING:
    from fractalman.learners.own_networks import OwnNetwork


@dataclass(frozen=True)
class Snapshot(Display):
    """A network in the midst of its training.

    Attributes
    ----------
    step : int
        That was asked for.
    taken : int
        Steps that had been taken by then, fewer where it had interpolated before.
    weights : pytree
        Float32 NumPy arrays, as `Network.start` makes them.
    train_risk : float
        Over all training points, in units of the label variance.
    """

    step: int
    taken: int
    weights: Any
    train_risk: float


@dataclass(frozen=True)
class Prepared(Display):
    """A problem as the network sees it.

    Attributes
    ----------
    run : Run
        How it is trained.
    learner : str
        Its name.
    network : Network
        Its shape.
    X : (n, d) float32
        Inputs and y: (n, m) float64 labels, scaled.
    key : int
        Of the problem.
    scale : Scaling
        The maps between the problem's units and these.
    factors : object
        As `Network.constants` makes them.
    rates : pytree
        Multiply the rate of one step of plain gradient descent at every weight.
    """

    run: training.Run
    learner: str
    network: Network
    X: F32
    y: F64
    key: int
    scale: Scaling
    factors: Any
    rates: Any

    def opened(self, weights: Any) -> OwnNetwork:
        """Return the network with some weights as the studies see one; it is asked at scaled inputs.

        Parameters
        ----------
        weights : pytree
            Of a `Snapshot`.
        """
        shape = opened(self.network, self.X.shape[1], self.y.shape[1])
        return shape.at(self.network.by_layer(weights))


def prepare(learner: NetworkLearner, problem: Problem, linear: bool = False) -> Prepared:
    """Return a problem scaled as a learner scales it, with its training; labels are columns of values.

    Parameters
    ----------
    learner : NetworkLearner
        With one learning rate.
    problem : Problem
        Training points.
    linear : bool, default False
        In place of its network, y = xW + b.

    Raises
    ------
    RecipeError
        For several learning rates, too few points for one pass, or points that its networks cannot have.
    """
    settings = learner.settings
    if len(settings.rates) > 1:
        raise RecipeError(
            f"{learner.name}.learning_rate = {list(settings.rates)}: expected one rate here; use one of them"
        )
    learner.check([problem])
    network = Dense(settings.width, 0) if linear else learner.network
    run = dataclasses.replace(learner.training_run(problem.n, settings.rates[0]), network=network)
    d, m = problem.X_train.shape[1], problem.y_train.shape[1]
    labels = scaling(problem)
    scale = Scaling(*learner.inputs(problem.X_train), labels.label_centre, labels.label_scale)
    factors, rates = network.constants("sgd", d, network.start(0, d, m))
    return Prepared(
        run=run,
        learner=learner.name,
        network=network,
        X=scale.inputs(problem.X_train).astype(np.float32),
        y=scale.labels(problem.y_train) / scale.label_scale,
        key=problem.key,
        scale=scale,
        factors=factors,
        rates=rates,
    )


def snapshots(made: Prepared, steps: Sequence[int]) -> Iterator[Snapshot]:
    """Yield the network at the given steps, rising; step 0 is the initialization, the run's last step its end.

    Batches, rates and the rule by which a network stops are those of `fractalman.learners.networks.training.train`.

    Raises
    ------
    RecipeError
        For steps that do not rise or lie beyond the budget.
    FitError
        When the network diverges.
    """
    run = made.run
    if any(a >= b for a, b in itertools.pairwise(steps)) or not all(0 <= s <= run.steps for s in steps):
        raise RecipeError(f"steps = {list(steps)}: expected rising numbers of steps from 0 to {run.steps}")
    d, m = made.X.shape[1], made.y.shape[1]
    word = key64(made.key, Role.BATCH)
    data = jax.device_put(
        (
            made.X[None],
            made.y[None].astype(np.float32),
            np.array([len(made.X)], np.int32),
            np.array([(word >> 32, word & 0xFFFFFFFF)], np.uint32),
        )
    )
    weights = training.stack([run.network.start(made.key, d, m)])
    factors, rates = run.network.constants(run.optimizer, d, weights)
    plan = training.Plan(
        np.float32(run.steps), np.float32(run.warmup), np.full(1, run.learning_rate, np.float32),
        np.float32(run.weight_decay), factors, rates,
    )  # fmt: skip
    state = jax.device_put(training.State(weights, training.moments_at_first(weights, optimizer=run.optimizer)))
    frozen, taken = np.zeros(1, bool), 0
    # between two looks at the training risk, which decide on its end, training pauses where a snapshot is due
    looks = {*range(0, run.steps, run.block), run.steps}
    start = 0
    for stop in sorted(looks.union(steps)):
        if stop > start and not frozen[0]:
            state = training.train_block(
                state, *data, frozen, np.int32(start), np.int32(stop), plan, batch_size=run.batch_size,
                network=run.network, optimizer=run.optimizer, sampling=run.sampling,
            )  # fmt: skip
            taken = stop
        start = stop
        if stop in looks or stop in steps:
            (fitted,) = training.forward(state.weights, [made.X], m, made.factors, run.network)
            risk = float(np.mean(np.square(fitted - made.y)))
            if not np.isfinite(risk):
                raise FitError(
                    f"the network diverged within {stop} steps at {made.learner}.learning_rate = "
                    f"{run.learning_rate:g}: use a smaller learning_rate"
                )
            if stop in looks and stop > 0:
                frozen |= risk < run.tolerance
        if stop in steps:
            yield Snapshot(stop, taken, jax.tree.map(lambda leaf: np.asarray(leaf)[0].copy(), state.weights), risk)
        if start >= max(steps, default=0):
            return
