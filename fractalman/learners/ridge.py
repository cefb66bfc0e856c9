"""Linear regression with an intercept; its ridge is chosen on validation points, then it is refitted on all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from fractalman._typing import F64
from fractalman.learners.protocol import Learner, Outcome, Problem, mean_square, scaling, validation_split

RIDGES: tuple[float, ...] = tuple(10.0**power for power in range(-12, 4))
"""The grid, in units of n × the mean square of a coordinate."""


def ridge_solutions(X: F64, y: F64, ridges: Sequence[float]) -> F64:
    """Return the minimisers of |y − ȳ − (x − x̄)w|² + ridge·n·|w|² for every ridge, from one SVD.

    Args:
        X: (n, d) float64. y: (n, m) float64. ridges: each > 0, in units of X²; n < d and n > d alike.
    Returns: (len(ridges), d, m) float64.
    """
    import scipy.linalg

    U, s, Vt = scipy.linalg.svd(X - X.mean(axis=0), full_matrices=False, check_finite=False)
    projected = U.T @ (y - y.mean(axis=0))
    shrunk = [s[:, None] / (s[:, None] ** 2 + ridge * X.shape[0]) * projected for ridge in ridges]
    return np.stack([Vt.T @ part for part in shrunk])


class Ridge(Learner):
    """Linear ridge regression."""

    name: ClassVar[str] = "ridge"
    capacity: ClassVar[str] = "fixed"

    @property
    def conventions(self) -> str:
        """How inputs, labels and the ridge are treated."""
        return (
            "ridge: linear regression with an intercept; inputs centred and divided by one scalar (root mean square of "
            "the centred training coordinates), labels centred by their training mean; the ridge (penalty "
            "ridge·n·|w|²) has the smallest risk on a fifth of the training points among 1e-12, 1e-11, …, 1e3 "
            "(ties to the larger), then everything is refitted on all training points."
        )

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        """Fit every problem; all label columns share one ridge."""
        return [self._one(problem) for problem in problems]

    @staticmethod
    def _one(problem: Problem) -> Outcome:
        scale = scaling(problem)
        X, y = scale.inputs(problem.X_train), scale.labels(problem.y_train)
        fit, held = validation_split(problem.key, problem.n)
        chosen, risk = RIDGES[-1], None
        if held.size:
            mean, offset = X[fit].mean(axis=0), y[fit].mean(axis=0)
            solutions = ridge_solutions(X[fit], y[fit], RIDGES)
            risks = [mean_square(y[held] - offset - (X[held] - mean) @ w) for w in solutions]
            best = max(range(len(RIDGES)), key=lambda i: (-risks[i], RIDGES[i]))
            chosen, risk = RIDGES[best], risks[best]
        w = ridge_solutions(X, y, [chosen])[0]
        prediction = scale.inputs(problem.X_test) @ w + scale.label_centre
        info = {"ridge": chosen, "validation_points": int(held.size), "validation_risk": risk}
        return Outcome(prediction, mean_square(y - X @ w), info)
