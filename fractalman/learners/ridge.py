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


def ridge_solutions(X: F64, y: F64, ridges: Sequence[float]) -> F64:
    """Return the minimisers of |y − ȳ − (x − x̄)w|² + ridge·n·|w|² for every ridge, from one SVD.

    Parameters
    ----------
    X : (n, d) float64
        .
    y : (n, m) float64
        .
    ridges : sequence of float
        Each > 0, in units of X²; n < d and n > d alike.

    Returns
    -------
    (len(ridges), d, m) float64
        Minimisers of |y − ȳ − (x − x̄)w|² + ridge·n·|w|² for every ridge, from one SVD.
    """
    import scipy.linalg

    U, s, Vt = scipy.linalg.svd(X - X.mean(axis=0), full_matrices=False, check_finite=False)
    projected = U.T @ (y - y.mean(axis=0))
    shrunk = [s[:, None] / (s[:, None] ** 2 + ridge * X.shape[0]) * projected for ridge in ridges]
    return np.stack([Vt.T @ part for part in shrunk])


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
            mean, offset = X[fit].mean(axis=0), y[fit].mean(axis=0)
            solutions = ridge_solutions(X[fit], y[fit], LINEAR_RIDGES)
            risks = [mean_square(y[held] - offset - (X[held] - mean) @ w) for w in solutions]
            best = max(range(len(LINEAR_RIDGES)), key=lambda i: (-risks[i], LINEAR_RIDGES[i]))
            chosen, risk = LINEAR_RIDGES[best], risks[best]
        w = ridge_solutions(X, y, [chosen])[0]
        prediction = scale.inputs(problem.X_test) @ w + scale.label_centre
        info = {"ridge": chosen, "validation_points": int(held.size), "validation_risk": risk}
        return Outcome(prediction, mean_square(y - X @ w), info)
