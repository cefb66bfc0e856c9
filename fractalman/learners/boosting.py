"""Gradient-boosted trees on binned coordinates, scikit-learn's histogram version: of values and of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fractalman._typing import F64
from fractalman.config import choice, integer, real
from fractalman.conventions import validation_split
from fractalman.errors import MissingExtraError
from fractalman.learners.class_targets import LOSSES, cross_entropy, of_all_classes
from fractalman.learners.protocol import GROWS, Cost, Learner, Outcome, Problem, mean_square, scaling
from fractalman.theory.laws.learner_properties import LearnerProperties

_PER_TREE = 2e-3
"""Seconds of growing and asking a tree of few points."""


@dataclass(frozen=True)
class GradientBoosting(Learner):
    """Boosted trees; their number is the one with the smallest risk on validation points.

    Parameters
    ----------
    trees : int
        The most trees. Default 400.
    learning_rate : float
        Shrinkage of every tree, 0 < rate ≤ 1. Default 0.1.
    leaves : int
        Most leaves of a tree. Default 31.
    loss : {"cross-entropy", "squared"}, optional
        What is minimised where labels are classes; of values it is the squared error. Default None: cross-entropy.
    """

    trees: int = 400
    learning_rate: float = 0.1
    leaves: int = 31
    loss: str | None = None

    name: ClassVar[str] = "gradient-boosting"
    capacity: ClassVar[str] = GROWS
    properties: ClassVar[LearnerProperties] = LearnerProperties("gradient-boosting", "trees", degree=0)

    def __post_init__(self) -> None:
        integer(1, 10**6)("gradient-boosting.trees", self.trees)
        integer(2, 10**6)("gradient-boosting.leaves", self.leaves)
        real(0.0, 1.0, open_low=True)("gradient-boosting.learning_rate", self.learning_rate)
        if self.loss is not None:
            choice(*LOSSES)("gradient-boosting.loss", self.loss)
        _load()

    @property
    def probabilities(self) -> bool:
        """Of classes, unless told to fit squares."""
        return self.loss != "squared"

    @property
    def conventions(self) -> str:
        """How trees are grown and counted."""
        return (
            "gradient-boosting: scikit-learn's HistGradientBoostingRegressor, squared error, one model per label "
            f"column, {self.leaves} leaves, 5 points a leaf or more, learning rate {self.learning_rate:g}; the number "
            f"of trees, up to {self.trees}, has the smallest risk on a fifth of the training points (ties to the "
            "fewer), then everything is refitted on all training points; coordinates as they are."
            + (
                " Where labels are classes it is HistGradientBoostingClassifier, and risks that choose are means of "
                "−ln(probability); a class without a training point has probability 1/(n + number of classes)."
                if self.probabilities
                else ""
            )
        )

    def cost(self, n: int, d: int, t: int, m: int) -> Cost:  # noqa: ARG002
        """Count a tree for every label column, once to find their number and once on all points."""
        trees = 2 * m * self.trees
        return Cost(trees * 30.0 * n * d, 16.0 * n * d, seconds=trees * _PER_TREE)

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        """Fit every problem, column by column."""
        return [self._of_classes(problem) if problem.classes else self._one(problem) for problem in problems]

    def _one(self, problem: Problem) -> Outcome:
        scale = scaling(problem)
        X, y, Z = problem.X_train, scale.labels(problem.y_train), problem.X_test
        fit, held = validation_split(problem.key, problem.n)
        predicted, fitted = np.empty((len(Z), y.shape[1])), np.empty_like(y)
        numbers: list[int] = []
        for column in range(y.shape[1]):
            number = self.trees
            if held.size:
                staged = self._fitted(X[fit], y[fit, column], self.trees).staged_predict(X[held])
                risks = [mean_square(y[held, column] - guess) for guess in staged]
                number = int(np.argmin(risks)) + 1
            model = self._fitted(X, y[:, column], number)
            predicted[:, column], fitted[:, column] = (model.predict(Z) if len(Z) else 0.0), model.predict(X)
            numbers.append(number)
        info = {"trees": numbers, "validation_points": int(held.size)}
        return Outcome(predicted + scale.label_centre, mean_square(y - fitted), info)

    def _of_classes(self, problem: Problem) -> Outcome:
        X, Z, classes = problem.X_train, problem.X_test, problem.classes
        fit, held = validation_split(problem.key, problem.n)
        predicted, fitted, numbers = [], [], []
        for y in problem.y_train.T:
            number, seen = self.trees, np.unique(y[fit])
            if held.size and len(seen) > 1:
                staged = self._fitted(X[fit], y[fit], self.trees, classes=True).staged_predict_proba(X[held])
                every = (of_all_classes(own, seen, classes, fit.size) for own in staged)
                number = int(np.argmin([cross_entropy(own[:, None], y[held, None]) for own in every])) + 1
            at_test, at_train = self._probabilities(X, y, number, (Z, X), classes)
            predicted.append(at_test)
            fitted.append(at_train)
            numbers.append(number)
        info = {"trees": numbers, "validation_points": int(held.size)}
        return Outcome(np.stack(predicted, axis=1), cross_entropy(np.stack(fitted, axis=1), problem.y_train), info)

    def _probabilities(
        self, X: np.ndarray, y: F64, trees: int, places: tuple[np.ndarray, ...], classes: int
    ) -> list[F64]:
        """Fit on all points and return the probabilities at every table of places; of a single class a constant."""
        seen = np.unique(y)
        model = self._fitted(X, y, trees, classes=True) if len(seen) > 1 else None
        own = [
            np.full((len(Z), len(seen)), 1.0 / len(seen)) if model is None or not len(Z) else model.predict_proba(Z)
            for Z in places
        ]
        return [of_all_classes(part, seen, classes, len(y)) for part in own]

    def _fitted(self, X: np.ndarray, y: np.ndarray, trees: int, classes: bool = False) -> Any:
        # no random part is left: no early stopping of its own, no subsampling
        model = _load(classes)(
            max_iter=trees,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=5,
            early_stopping=False,
            random_state=0,
        )
        return model.fit(X, y)


def _load(classes: bool = False) -> Any:
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    except ImportError as error:
        raise MissingExtraError(
            f"the learner 'gradient-boosting' needs scikit-learn, which cannot be imported ({error}); "
            "use pip install scikit-learn"
        ) from None
    return HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
