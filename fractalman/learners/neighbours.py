"""1-NN: the label of the nearest training point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from fractalman._arrays import F32, F64
from fractalman.learners.protocol import Learner, Outcome, Problem, mean_square
from fractalman.nearest import nearest


class NearestNeighbour(Learner):
    """The label of the nearest training point; interpolates by construction."""

    name: ClassVar[str] = "1-nn"
    capacity: ClassVar[str] = "grows with n"

    @property
    def conventions(self) -> str:
        """How the neighbour is found."""
        return (
            "1-nn: the label of the Euclidean nearest training point in the given coordinates, exact in float64, "
            "ties to the smallest training index; no free parameter."
        )

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
