"""Logistic regression with a ridge, of any number of classes; the ridge is chosen on validation points."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fractalman._typing import F64
from fractalman.config import real
from fractalman.conventions import LOGISTIC_RIDGES, validation_split
from fractalman.errors import MissingExtraError, RecipeError
from fractalman.learners.class_targets import cross_entropy, of_all_classes
from fractalman.learners.protocol import FIXED, Cost, Learner, Outcome, Problem, scaling
from fractalman.theory.laws.learner_properties import LearnerProperties

_ITERATIONS = 1000
"""Most steps of the optimiser for one ridge; ``info`` says where they did not suffice."""


@dataclass(frozen=True)
class Logistic(Learner):
    """Multinomial logistic regression, ridge-penalised; for classes only.

    Parameters
    ----------
    ridge : float, optional
        λ of the penalty λ|w|²/2 beside the mean of −ln(probability), inputs scaled so that |x|² ≈ d. Default None:
        chosen on validation points.
    """

    ridge: float | None = None

    name: ClassVar[str] = "logistic"
    capacity: ClassVar[str] = FIXED
    only_classes: ClassVar[bool] = True
    convex: ClassVar[bool] = True
    properties: ClassVar[LearnerProperties] = LearnerProperties("logistic", "linear")

    def __post_init__(self) -> None:
        if self.ridge is not None:
            real(0.0, 1e12, open_low=True, example="; leave it out to have it chosen")("logistic.ridge", self.ridge)
        _load()

    @property
    def conventions(self) -> str:
        """How inputs, classes and the ridge are treated."""
        ridge = (
            f"is {self.ridge:g}"
            if self.ridge is not None
            else "has the smallest mean −ln(probability) on a fifth of the training points among 1e-7, 1e-6, …, 10 "
            "(ties to the larger), then everything is refitted on all training points"
        )
        return (
            "logistic: multinomial logistic regression with an intercept, scikit-learn's, one model per label column; "
            "inputs centred and divided by one scalar (root mean square of the centred training coordinates); the "
            f"ridge (penalty ridge·|w|²/2 beside the mean −ln(probability)) {ridge}; a class without a training point "
            "has probability 1/(n + number of classes)."
        )

    def parameters(self, d: int, outputs: int = 1) -> int:
        """Return the number of weights and intercepts, ``outputs`` classes of all label columns together."""
        return (d + 1) * outputs

    def cost(self, n: int, d: int, t: int, m: int) -> Cost:  # noqa: ARG002
        """Count a hundred products of inputs and weights for every ridge; m counts classes, too."""
        tries = 1 if self.ridge is not None else len(LOGISTIC_RIDGES) + 1
        return Cost(tries * 100 * 4.0 * n * d * m, 32.0 * n * (d + m), seconds=0.02 * tries)

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        """Fit every problem, column by column."""
        return [self._one(problem) for problem in problems]

    def _one(self, problem: Problem) -> Outcome:
        if not problem.classes:
            raise RecipeError("learner 'logistic': expected a problem of classes; use ridge for labels that are values")
        scale = scaling(problem)
        X, Z = scale.inputs(problem.X_train), scale.inputs(problem.X_test)
        fit, held = validation_split(problem.key, problem.n if self.ridge is None else 0)
        predicted, fitted, ridges, unfinished = [], [], [], 0
        for y in problem.y_train.T:
            ridge = LOGISTIC_RIDGES[-1] if self.ridge is None else self.ridge
            if held.size:
                losses = []
                for tried in LOGISTIC_RIDGES:
                    model = _Model(X[fit], y[fit], problem.classes, tried)
                    losses.append(cross_entropy(model.probabilities(X[held])[:, None], y[held, None]))
                ridge = LOGISTIC_RIDGES[max(range(len(losses)), key=lambda i: (-losses[i], LOGISTIC_RIDGES[i]))]
            model = _Model(X, y, problem.classes, ridge)
            predicted.append(model.probabilities(Z))
            fitted.append(model.probabilities(X))
            ridges.append(ridge)
            unfinished += not model.converged
        info = {"ridge": ridges, "validation_points": int(held.size), "unconverged": unfinished}
        return Outcome(np.stack(predicted, axis=1), cross_entropy(np.stack(fitted, axis=1), problem.y_train), info)


class _Model:
    """One fit: of the classes that the training points have, scikit-learn's; of a single one, a constant."""

    def __init__(self, X: F64, y: F64, classes: int, ridge: float) -> None:
        self.n, self.classes, self.seen = len(y), classes, np.unique(y)
        self.model: Any = None
        self.converged = True
        if len(self.seen) == 1:
            return
        regression, unconverged = _load()
        model = regression(C=1.0 / (ridge * self.n), solver="lbfgs", max_iter=_ITERATIONS, tol=1e-6)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", unconverged)
            self.model = model.fit(X, y.astype(np.int64))
        self.converged = not any(issubclass(warning.category, unconverged) for warning in caught)

    def probabilities(self, Z: F64) -> F64:
        """Return those of all classes, (t, C)."""
        if self.model is None or not len(Z):
            own = np.ones((len(Z), len(self.seen))) / len(self.seen)
        else:
            own = self.model.predict_proba(Z)
        return of_all_classes(own, self.seen, self.classes, self.n)


def _load() -> tuple[Any, type[Warning]]:
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise MissingExtraError(
            f"the learner 'logistic' needs scikit-learn, which cannot be imported ({error}); "
            "use pip install scikit-learn"
        ) from None
    return LogisticRegression, ConvergenceWarning
