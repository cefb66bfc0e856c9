"""Random features: ridge regression on random projections of the inputs, linear or rectified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError, nearest
from fractalman.learners.protocol import Learner, Outcome, Problem, mean_square, scaling, validation_split
from fractalman.learners.ridge import RIDGES, ridge_solutions
from fractalman.random.streams import Role, key64, normals

ACTIVATIONS = ("linear", "relu")


class RandomFeatures(Learner):
    """Ridge regression on k features φ(x) = W x/√k (linear) or relu(W x/√d + b)/√k, W and b standard normal.

    Args:
        features: k, the number of features; with the intercept the number of fitted parameters less one.
        activation: "linear" (the law of theory.linear: k Gaussian projections) or "relu".
        ridge: fixed ridge in units of n × the features' mean square; None = chosen on validation points.
    """

    name: ClassVar[str] = "random-features"
    capacity: ClassVar[str] = "fixed"

    def __init__(self, features: int = 1024, activation: str = "relu", ridge: float | None = None) -> None:
        if isinstance(features, bool) or not isinstance(features, int) or features < 1:
            raise RecipeError(f"random-features.features = {features!r}: allowed is an integer >= 1")
        if activation not in ACTIVATIONS:
            raise RecipeError(
                f"random-features.activation = {activation!r}: allowed are {', '.join(ACTIVATIONS)}"
                f"{nearest(str(activation), ACTIVATIONS)}"
            )
        if ridge is not None and not (isinstance(ridge, (int, float)) and 0.0 < ridge < float("inf")):
            raise RecipeError(
                f"random-features.ridge = {ridge!r}: allowed is a number > 0; leave it out to have it chosen"
            )
        self.features, self.activation, self.ridge = features, activation, ridge

    @property
    def conventions(self) -> str:
        """How features are drawn and the ridge is chosen."""
        ridge = (
            f"the ridge is {self.ridge:g}"
            if self.ridge is not None
            else "the ridge has the smallest risk on a fifth of the training points among 1e-12, 1e-11, …, 1e3 (ties "
            "to the larger), then everything is refitted on all training points"
        )
        return (
            f"random-features: {self.features} {self.activation} features with fixed standard normal weights, drawn "
            "for every problem anew, then linear regression with an intercept; inputs centred and divided by one "
            f"scalar (root mean square of the centred training coordinates); {ridge}."
        )

    def parameters(self, d: int, outputs: int = 1) -> int:
        """Return the number of fitted parameters: k weights and an intercept for every output.

        The map is drawn and not fitted, so its (d + 1)·k numbers do not count. Outputs are regressions side by side on
        one map: they multiply P by the same number at every k, which moves no exponent.
        """
        del d
        return (self.features + 1) * outputs

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        """Fit every problem; all label columns share one set of features and one ridge."""
        return [self._one(problem) for problem in problems]

    def projections(self, key: int, d: int) -> tuple[F64, F64]:
        """Return (W (d, k), b (k,)) of a problem key: addressed, so that more features contain fewer."""
        rows = [normals(key64(key, Role.INITIALISATION, 1, j), d + 1) for j in range(self.features)]
        table = np.array(rows)
        return np.ascontiguousarray(table[:, :d].T), table[:, d].copy()

    def _map(self, X: F64, W: F64, b: F64) -> F64:
        if self.activation == "linear":
            return np.asarray(X @ W / np.sqrt(self.features), np.float64)
        return np.asarray(np.maximum(X @ W / np.sqrt(X.shape[1]) + b, 0.0) / np.sqrt(self.features), np.float64)

    def _one(self, problem: Problem) -> Outcome:
        scale = scaling(problem)
        W, b = self.projections(problem.key, problem.X_train.shape[1])
        F, y = self._map(scale.inputs(problem.X_train), W, b), scale.labels(problem.y_train)
        chosen, risk, held = self.ridge, None, np.empty(0, np.int64)
        if chosen is None:
            fit, held = validation_split(problem.key, problem.n)
            chosen = RIDGES[-1]
            if held.size:
                mean, offset = F[fit].mean(axis=0), y[fit].mean(axis=0)
                solutions = ridge_solutions(F[fit], y[fit], RIDGES)
                risks = [mean_square(y[held] - offset - (F[held] - mean) @ w) for w in solutions]
                best = max(range(len(RIDGES)), key=lambda i: (-risks[i], RIDGES[i]))
                chosen, risk = RIDGES[best], risks[best]
        w, mean = ridge_solutions(F, y, [chosen])[0], F.mean(axis=0)
        prediction = (self._map(scale.inputs(problem.X_test), W, b) - mean) @ w + scale.label_centre
        info = {
            "features": self.features,
            "ridge": chosen,
            "validation_points": int(held.size),
            "validation_risk": risk,
        }
        return Outcome(prediction, mean_square(y - (F - mean) @ w), info)
