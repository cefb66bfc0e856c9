"""Nearest neighbours: the label of the nearest training point, and the mean over the k nearest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fractalman._typing import F32, F64
from fractalman.config import integer
from fractalman.conventions import NEIGHBOURS, validation_split
from fractalman.learners.protocol import GROWS, Cost, Learner, Outcome, Problem, mean_square
from fractalman.nearest import nearest, nearest_k
from fractalman.theory.laws.learner_properties import LearnerProperties

if TYPE_CHECKING:
    from fractalman.theory.ridged import Smoother


class _Near(Learner):
    """What every learner that searches for neighbours shares."""

    capacity: ClassVar[str] = GROWS
    linear_smoother: ClassVar[bool] = True

    def cost(self, n: int, d: int, t: int, m: int) -> Cost:  # noqa: ARG002
        """Count the distances of all training points to all test points."""
        return Cost(4.0 * n * t * d, 8.0 * (n + t) * d)


@dataclass(frozen=True)
class NearestNeighbour(_Near):
    """The label of the nearest training point; interpolates by construction."""

    name: ClassVar[str] = "1-nn"
    properties: ClassVar[LearnerProperties] = LearnerProperties("1-nn", "local", degree=0)

    @property
    def conventions(self) -> str:
        """How the neighbour is found."""
        return (
            "1-nn: the label of the Euclidean nearest training point in the given coordinates, exact in float64, "
            "ties to the smallest training index; no free parameter."
        )

    def smoother(self) -> Smoother:
        """One neighbour's label."""
        from fractalman.theory.smoothers import Neighbours as SameInTheory

        return SameInTheory(1)

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        """Predict every problem; all label columns share one search."""
        return [self._one(problem) for problem in problems]

    def _one(self, problem: Problem) -> Outcome:
        index = nearest(problem.X_train, problem.X_test)
        return Outcome(problem.y_train[index], self._train_risk(problem.X_train, problem.y_train), {})

    @staticmethod
    def _train_risk(X: F32, y: F64) -> float:
        """A training point's nearest training point is itself, or the first of its exact duplicates."""
        _, first, group = np.unique(X, axis=0, return_index=True, return_inverse=True)
        return mean_square(y - y[first[group.reshape(-1)]])


@dataclass(frozen=True)
class Neighbours(_Near):
    """The mean label of the k nearest training points.

    Parameters
    ----------
    k : int, optional
        Their number, all points where the training set is smaller. Default None: chosen on validation points.
    """

    k: int | None = None

    name: ClassVar[str] = "k-nn"
    properties: ClassVar[LearnerProperties] = LearnerProperties(
        "k-nn", "local", degree=0, assumptions=("k fixed, or chosen on held-out points; n far above k",)
    )

    def __post_init__(self) -> None:
        if self.k is not None:
            integer(1, 1 << 40, "; leave it out to have it chosen")("k-nn.k", self.k)

    @property
    def conventions(self) -> str:
        """How neighbours are found and their number is chosen."""
        chosen = (
            f"k = {self.k}, all points where there are fewer"
            if self.k is not None
            else "k has the smallest risk on a fifth of the training points among "
            f"{', '.join(map(str, NEIGHBOURS))} (ties to the smaller), then all training points answer"
        )
        return (
            "k-nn: the mean label of the k Euclidean nearest training points in the given coordinates, exact in "
            f"float64, ties to the smaller training index; {chosen}."
        )

    def smoother(self) -> Smoother:
        """The mean of k labels; where k is to be chosen, by the expected risk on the same validation points."""
        from fractalman.theory.smoothers import Neighbours as SameInTheory

        return SameInTheory(self.k)

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        """Predict every problem; all label columns share one search and one k."""
        return [self._one(problem) for problem in problems]

    def _one(self, problem: Problem) -> Outcome:
        X, y = problem.X_train, problem.y_train
        k, info = self.k, {}
        if k is None:
            fit, held = validation_split(problem.key, problem.n)
            k, risk = 1, None
            if held.size:
                risks = _running_risks(X[fit], y[fit], X[held], y[held])
                k = min(risks, key=lambda number: (risks[number], number))
                risk = risks[k]
            info = {"validation_points": int(held.size), "validation_risk": risk}
        k = min(k, problem.n)
        prediction = y[nearest_k(X, problem.X_test, k)].mean(axis=1)
        fitted = y[nearest_k(X, X, k)].mean(axis=1)
        return Outcome(prediction, mean_square(y - fitted), {"k": k, **info})


def _running_risks(X: F32, y: F64, Z: F32, target: F64) -> dict[int, float]:
    """Return the risk at the points Z of every number of neighbours that the training set has."""
    numbers = [k for k in NEIGHBOURS if k <= len(X)]
    near = nearest_k(X, Z, numbers[-1])
    means = np.cumsum(y[near], axis=1)
    return {k: mean_square(target - means[:, k - 1] / k) for k in numbers}
