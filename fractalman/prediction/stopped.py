"""The curve of a network along its steps: its tangent kernel's gradient flow, stopped at the area under the schedule.

Every number of steps is a training of its own, with a schedule of its own, as a sweep along the steps has it. The flow
starts from the random function that the network starts from (`theory.TangentNetwork`); both are counted. What networks
were measured to have more than it is a factor, as along n: datasets/reference/FINDINGS.md, "Steps as an axis".
Measured were two hidden layers of width 256, n = 128 and 512, 50 to 3200 steps of batches of 64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fractalman._typing import F64, I64, AnyFloat, AnyInt
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.prediction.curves import Curve
from fractalman.prediction.drawn import DrawnRealizations
from fractalman.prediction.networks import NetworkRatio
from fractalman.prediction.splits import Splits
from fractalman.theory.label_covariance import LabelCovariance
from fractalman.theory.network_smoothers import TangentNetwork, training_time

if TYPE_CHECKING:
    from fractalman.learners.networks.mlp import MLP

# made by scripts/steps_axis.py
STOPPED = NetworkRatio(ratio=1.054, shared_error=0.040, size_error=0.045, slope_error=0.026, families=6)
# end
"""From datasets/statistics/steps_axis.csv, gradient descent on three recipes: its families are recipes × sizes n."""

_LARGEST, _MOST_STEPS = 4096, 1 << 24


def no_steps_curve(learner: object) -> str | None:
    """Return why a learner has no curve along its steps, None where it has one."""
    settings: Any = getattr(learner, "settings", None)
    if getattr(learner, "name", "") != "mlp" or not hasattr(settings, "activation"):
        return "a curve along the steps is one of a network: expected learner = 'mlp', or one made with its settings"
    if settings.activation != "relu" or settings.parameterization == "mup":
        return (
            f"activation = {settings.activation!r}, parameterization = {settings.parameterization!r}: the tangent "
            "kernel is known for 'relu' with 'standard' or 'ntk'; use those"
        )
    if settings.optimizer != "sgd":
        return (
            f"optimizer = {settings.optimizer!r}: no theory gives the time that its steps take; use "
            "fractalman.learners.make('mlp', {'optimizer': 'sgd', 'learning_rate': …})"
        )
    if settings.sampling != "replacement" or len(settings.rates) > 1 or settings.weight_decay:
        return (
            "the flow is that of one learning rate on all n points, without decay: expected sampling = 'replacement', "
            "one learning_rate and weight_decay = 0"
        )
    return None


def check_steps(steps: Sequence[int] | AnyInt) -> I64:
    """Return numbers of steps as an array, or refuse them."""
    wanted = np.atleast_1d(np.asarray(steps))
    if wanted.ndim != 1 or wanted.dtype.kind not in "iu" or not wanted.size or wanted.min() < 1:
        raise RecipeError(f"steps = {shown(steps)}: expected integers from 1 to {_MOST_STEPS}")
    if wanted.max() > _MOST_STEPS:
        raise RecipeError(f"steps up to {wanted.max()}: expected integers from 1 to {_MOST_STEPS}")
    return wanted.astype(np.int64)


def check_points(n: int) -> None:
    """Refuse numbers of training points of which no spectrum is taken."""
    if not 2 <= n <= _LARGEST:
        raise RecipeError(f"n = {shown(n)}: expected a number of training points from 2 to {_LARGEST}")


def stopped_rows(
    source: DrawnRealizations | Splits, learner: MLP, steps: Sequence[int], n: int, draws: int, outputs: int
) -> F64:
    """Return a network's expected risk after each number of steps on n training points, structure by structure.

    Parameters
    ----------
    source : DrawnRealizations or Splits
        Of a recipe or a dataset.
    learner : MLP
        With settings that `no_steps_curve` has nothing against.
    steps : sequence of k int
        Numbers of steps ≥ 1.
    n : int
        Training points.
    draws : int
        Structures or splits.
    outputs : int
        Label vectors that the network learns at once.

    Returns
    -------
    (draws, k) float64
        Risks in units of the label's prior variance.

    Raises
    ------
    RecipeError
        For sizes outside.
    """
    check_points(n)
    times, flow = [_time(learner, int(k)) for k in steps], _flow(learner, outputs)
    rows: list[list[float]] = []
    for draw in source.draws((n,), 0, draws):
        X, train = draw.coordinates(), draw.order[:n]
        risks = flow.along(draw.covariance, X[train], X[draw.test], train, draw.test, times)
        rows.append([float(risk.mean()) for risk in risks])
    return np.asarray(STOPPED.ratio * np.array(rows), np.float64)


def stopped_draws(
    source: DrawnRealizations, learner: MLP, steps: Sequence[int], n: int, structures: int, labels: int
) -> tuple[F64, F64]:
    """Return risks after every number of steps, expected on each structure and of single label vectors and starts.

    Parameters
    ----------
    source : DrawnRealizations
        Of a recipe.
    learner : MLP
        With settings that `no_steps_curve` has nothing against.
    steps : sequence of k int
        Numbers of steps ≥ 1.
    n, structures, labels : int
        Training points; structures, and label vectors on each.

    Returns
    -------
    (structures, k) and (structures, labels, k) float64
        Without the measured ratio, which scales both.
    """
    times, flow = [_time(learner, int(k)) for k in steps], _flow(learner, 1)
    expected, single = [], []
    for draw in source.draws((n,), 0, structures):
        X, train = draw.coordinates(), draw.order[:n]
        risks = flow.along(draw.covariance, X[train], X[draw.test], train, draw.test, times)
        expected.append([float(risk.mean()) for risk in risks])
        y = draw.labels(labels, n)
        single.append(flow.drawn(y[train], y[draw.test], X[train], X[draw.test], times, draw.key))
    return np.array(expected), np.array(single)


def stopped_curve(steps: I64, rows: F64, n: int) -> Curve:
    """Return the mean of the rows that `stopped_rows` gives, with errors of structures and of the measured ratio."""
    risk = rows.mean(axis=0)
    own = rows.std(axis=0, ddof=1) / np.sqrt(len(rows)) if len(rows) > 1 else np.zeros(risk.size)
    error = np.hypot(own, np.hypot(STOPPED.shared_error, STOPPED.size_error) * risk)
    kind = (
        f"{STOPPED.ratio:.2f} (as measured on {STOPPED.families} curves) × gradient flow with its tangent kernel on "
        f"n = {n} points, expected over labels and starts"
    )
    return Curve(steps, risk, error, kind, len(rows), "", "steps")


def stopped_on(
    learner: MLP, covariance: LabelCovariance, X: AnyFloat, X_test: AnyFloat, test: I64, outputs: int
) -> F64:
    """Return the risk expected of a network after its own steps at given test points, over labels and starts.

    Parameters
    ----------
    learner : MLP
        With settings that `no_steps_curve` has nothing against.
    covariance : LabelCovariance
        Of the labels; the training points are its first.
    X, X_test : (n, d), (t, d) float arrays
        The points.
    test : (t,) int64
        Numbers of the test points in ``covariance``.
    outputs : int
        Label vectors that the network learns at once.
    """
    times, train = [_time(learner, learner.settings.steps)], np.arange(len(X))
    return np.asarray(STOPPED.ratio * _flow(learner, outputs).along(covariance, X, X_test, train, test, times)[0])


def _flow(learner: MLP, outputs: int) -> TangentNetwork:
    s = learner.settings
    return TangentNetwork(s.width, s.depth, s.parameterization, outputs=outputs)


def _time(learner: MLP, steps: int) -> float:
    """Area under the schedule of so many steps."""
    own = replace(learner, settings=replace(learner.settings, steps=steps))
    return training_time(learner.settings.rates[0], steps, own.warmup)
