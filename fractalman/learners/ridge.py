"""Linear regression with an intercept; its ridge is chosen on validation points, then it is refitted on all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fractalman._typing import F64
from fractalman.conventions import LINEAR_RIDGES, validation_split
from fractalman.learners.protocol import FIXED, Cost, Learner, Outcome, Problem, mean_square, scaling
from fractalman.theory.laws.learner_properties import LearnerProperties

if TYPE_CHECKING:
    from fractalman.theory.ridged import Smoother


_KEPT = 1e-4
"""Least ratio of the covariance's eigenvalues at which they are taken from it: its rounding, 2^-52 of the largest, is
then below 10^-11 of the least. Below it the inputs' singular values keep the digits, at several times the cost."""


def ridge_solutions(X: F64, y: F64, ridges: Sequence[float]) -> F64:
    """Return the minimisers of |y − ȳ − (x − x̄)w|² + ridge·n·|w|² for every ridge, from one decomposition.

    Parameters
    ----------
    X : (n, d) float64
        Training points.
    y : (n, m) float64
        Labels, one column for every label vector.
    ridges : sequence of float
        Each > 0, in units of X²; n < d and n > d alike.

    Returns
    -------
    (len(ridges), d, m) float64
        Minimisers of |y − ȳ − (x − x̄)w|² + ridge·n·|w|² for every ridge, from one decomposition.
    """
    squares, axes, along = _principal(X - X.mean(axis=0), y - y.mean(axis=0))
    return np.stack([axes @ (along / (squares + ridge * X.shape[0])[:, None]) for ridge in ridges])


def _principal(X: F64, y: F64) -> tuple[F64, F64, F64]:
    """Return the squared singular values of X, its right singular vectors V in columns, and VᵀXᵀy."""
    import scipy.linalg

    if len(X) > X.shape[1]:
        squares, axes = scipy.linalg.eigh(X.T @ X, check_finite=False)
        if squares[0] > _KEPT * squares[-1]:
            return squares, axes, axes.T @ (X.T @ y)
    U, s, Vt = scipy.linalg.svd(X, full_matrices=False, check_finite=False)
    return np.square(s), Vt.T, s[:, None] * (U.T @ y)


def features_cost(n: int, d: int, t: int, k: int) -> Cost:
    """Return what regression on k features of d inputs needs: the features, and a decomposition for every ridge set."""
    return Cost(2.0 * (n + t) * k * d + 40.0 * n * k * min(n, k), 32.0 * (n + t) * k)


@dataclass(frozen=True)
class Ridge(Learner):
    """Linear ridge regression."""

    name: ClassVar[str] = "ridge"
    capacity: ClassVar[str] = FIXED
    linear_smoother: ClassVar[bool] = True
    kernel: ClassVar[str] = "linear"
    properties: ClassVar[LearnerProperties] = LearnerProperties("ridge", "linear")

    @property
    def conventions(self) -> str:
        """How inputs, labels and the ridge are treated."""
        return (
            "ridge: linear regression with an intercept; inputs centred and divided by one scalar (root mean square of "
            "the centred training coordinates), labels centred by their training mean; the ridge (penalty "
            "ridge·n·|w|²) has the smallest risk on a fifth of the training points among 1e-12, 1e-11, …, 1e3 "
            "(ties to the larger), then everything is refitted on all training points."
        )

    def cost(self, n: int, d: int, t: int, m: int) -> Cost:  # noqa: ARG002
        """Count the products and decompositions of the inputs."""
        return features_cost(n, d, t, d)

    def smoother(self) -> Smoother:
        """Ridge regression whose ridge has the smallest expected risk on the same validation points."""
        from fractalman.theory.linear_smoothers import LinearRidge

        return LinearRidge()

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        """Fit every problem; all label columns share one ridge."""
        return [self._one(problem) for problem in problems]

    @staticmethod
    def _one(problem: Problem) -> Outcome:
        scale = scaling(problem)
        X, y = scale.inputs(problem.X_train), scale.labels(problem.y_train)
        fit, held = validation_split(problem.key, problem.n)
        chosen, risk = LINEAR_RIDGES[-1], None
        if held.size:
            known, labels = X[fit], y[fit]
            apart, due = X[held] - known.mean(axis=0), y[held] - labels.mean(axis=0)
            risks = [mean_square(due - apart @ w) for w in ridge_solutions(known, labels, LINEAR_RIDGES)]
            best = max(range(len(LINEAR_RIDGES)), key=lambda i: (-risks[i], LINEAR_RIDGES[i]))
            chosen, risk = LINEAR_RIDGES[best], risks[best]
        w = ridge_solutions(X, y, [chosen])[0]
        prediction = scale.inputs(problem.X_test) @ w + scale.label_centre
        info = {"ridge": chosen, "validation_points": int(held.size), "validation_risk": risk}
        return Outcome(prediction, mean_square(y - X @ w), info)
