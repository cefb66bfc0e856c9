"""Random features: ridge regression on random projections of the inputs, linear or rectified."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fractalman._typing import F64
from fractalman.config import choice, integer, real
from fractalman.conventions import LINEAR_RIDGES, random_projections, validation_split
from fractalman.learners.protocol import FIXED, Cost, Learner, Outcome, Problem, mean_square, scaling
from fractalman.learners.ridge import features_cost, ridge_solutions
from fractalman.theory.laws.learner_properties import LearnerProperties
from fractalman.theory.laws.sources import SPIGLER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fractalman.theory.ridged import Smoother

ACTIVATIONS = ("linear", "relu")


@dataclass(frozen=True)
class RandomFeatures(Learner):
    """Ridge regression on k features φ(x) = W x/√k (linear) or relu(W x/√d + b)/√k, W and b standard normal.

    Parameters
    ----------
    features : int
        k, the number of features; with the intercept the number of fitted parameters less one. Default 1024.
    activation : str
        "relu" (default) or "linear" (the law of theory.linear: k Gaussian projections).
    ridge : float, optional
        Fixed ridge in units of n × the features' mean square. Default None: chosen on validation points.
    """

    features: int = 1024
    activation: str = "relu"
    ridge: float | None = None

    name: ClassVar[str] = "random-features"
    capacity: ClassVar[str] = FIXED
    linear_smoother: ClassVar[bool] = True
    axes: ClassVar[Mapping[str, str]] = {"features": "model"}
    doubled: ClassVar[tuple[str, ...]] = ("features",)
    properties: ClassVar[LearnerProperties] = LearnerProperties(
        "random-features",
        "kernel",
        smoothness=1.5,
        features=features,
        assumptions=("random ReLU features: the kernel of infinitely many has a cusp r^3",),
        references=(SPIGLER,),
    )

    def __post_init__(self) -> None:
        features, activation, ridge = self.features, self.activation, self.ridge
        integer(1, 1 << 24)("random-features.features", features)
        choice(*ACTIVATIONS)("random-features.activation", activation)
        if ridge is not None:
            real(0.0, math.inf, open_low=True, example="; leave it out to have it chosen")(
                "random-features.ridge", ridge
            )

    @property
    def own_properties(self) -> LearnerProperties:
        """Its properties with its own number of features; linear ones are linear regression on projections."""
        if self.activation == "linear":
            said = ("linear features: a linear function of the coordinates, of at most as many directions as features",)
            return replace(self.properties, kind="linear", smoothness=None, features=self.features, assumptions=said)
        return replace(self.properties, features=self.features)

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

    def cost(self, n: int, d: int, t: int, m: int) -> Cost:  # noqa: ARG002
        """Count the features' products and decompositions."""
        return features_cost(n, d, t, self.features)

    def smoother(self) -> Smoother:
        """Ridge regression on the same features, drawn by the same key."""
        from fractalman.theory.linear_smoothers import RandomFeatures as SameInTheory

        ridges = LINEAR_RIDGES if self.ridge is None else (self.ridge,)
        return SameInTheory(features=self.features, activation=self.activation, ridges=ridges)

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        """Fit every problem; all label columns share one set of features and one ridge."""
        return [self._one(problem) for problem in problems]

    def projections(self, key: int, d: int) -> tuple[F64, F64]:
        """Return (W (d, k), b (k,)) of a problem key: addressed, so that more features contain fewer."""
        return random_projections(key, d, self.features)

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
            chosen = LINEAR_RIDGES[-1]
            if held.size:
                mean, offset = F[fit].mean(axis=0), y[fit].mean(axis=0)
                solutions = ridge_solutions(F[fit], y[fit], LINEAR_RIDGES)
                risks = [mean_square(y[held] - offset - (F[held] - mean) @ w) for w in solutions]
                best = max(range(len(LINEAR_RIDGES)), key=lambda i: (-risks[i], LINEAR_RIDGES[i]))
                chosen, risk = LINEAR_RIDGES[best], risks[best]
        w, mean = ridge_solutions(F, y, [chosen])[0], F.mean(axis=0)
        prediction = (self._map(scale.inputs(problem.X_test), W, b) - mean) @ w + scale.label_centre
        info = {
            "features": self.features,
            "ridge": chosen,
            "validation_points": int(held.size),
            "validation_risk": risk,
        }
        return Outcome(prediction, mean_square(y - (F - mean) @ w), info)
