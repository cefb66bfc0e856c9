"""Who counts: how often every class came after the last tokens of a string."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fractalman._typing import F32, F64
from fractalman.config import integer, real
from fractalman.errors import RecipeError
from fractalman.learners.class_targets import cross_entropy
from fractalman.learners.protocol import GROWS, Cost, Learner, Outcome, Problem
from fractalman.theory.laws.learner_properties import Counting, LearnerProperties


@dataclass(frozen=True)
class NGram(Learner):
    """Counts of every class after the last positions of the input; for classes only.

    Parameters
    ----------
    context : int, default 1
        Positions that are looked at, from the right, ≥ 0; all where there are fewer.
    prior_count : float, default 0.5
        a > 0, the count that every class has before a training point was seen.
    block : int, default 1
        Columns of X that are one position. A sweep over a family of strings fills it in.
    """

    context: int = 1
    prior_count: float = 0.5
    block: int = 1

    name: ClassVar[str] = "n-gram"
    capacity: ClassVar[str] = GROWS
    strings: ClassVar[bool] = True
    only_classes: ClassVar[bool] = True
    properties: ClassVar[LearnerProperties] = LearnerProperties("n-gram", "counts", strings=True)

    def __post_init__(self) -> None:
        integer(0, 1 << 20)("n-gram.context", self.context)
        real(0.0, 1e12, open_low=True)("n-gram.prior_count", self.prior_count)
        integer(1, 1 << 20)("n-gram.block", self.block)

    @property
    def conventions(self) -> str:
        """What is counted, and what is answered."""
        return (
            "n-gram: a class that came N_c times after a context that came N times has probability "
            f"(N_c + a)/(N + aC), a = {self.prior_count:g}, C classes; the context is the last {self.context} "
            "positions of the input as they are, all of them where there are fewer."
        )

    def cost(self, n: int, d: int, t: int, m: int) -> Cost:
        """Count the comparisons of sorting the contexts; m counts classes, too."""
        return Cost(
            (n + t) * (2.0 * d + 32.0 * (min(d, self.context * self.block) + m)), 16.0 * (n + t) * (d + m), seconds=1e-3
        )

    @property
    def counting(self) -> Counting:
        """The context and the prior count, of which theory knows the loss on strings."""
        return Counting(self.context, self.prior_count)

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        """Count every problem, column by column."""
        return [self._one(problem) for problem in problems]

    def _one(self, problem: Problem) -> Outcome:
        if not problem.classes:
            raise RecipeError("learner 'n-gram': expected a problem of classes; use 1-nn for labels that are values")
        d = problem.X_train.shape[1]
        if d % self.block:
            raise RecipeError(f"n-gram.block = {self.block}: expected a divisor of the {d} columns of X")
        contexts, which = np.unique(
            np.concatenate([self._contexts(problem.X_train), self._contexts(problem.X_test)]),
            axis=0, return_inverse=True,
        )  # fmt: skip
        train, test = np.split(which.reshape(-1), [problem.n])
        columns = problem.y_train.shape[1]
        predicted = np.empty((test.size, columns, problem.classes))
        fitted = np.empty((problem.n, columns, problem.classes))
        for column, y in enumerate(problem.y_train.T):
            counts: F64 = np.full((len(contexts), problem.classes), self.prior_count)
            np.add.at(counts, (train, y.astype(np.int64)), 1.0)
            counts /= counts.sum(axis=1, keepdims=True)
            predicted[:, column], fitted[:, column] = counts[test], counts[train]
        seen = np.unique(train).size
        return Outcome(predicted, cross_entropy(fitted, problem.y_train), {"contexts": int(seen)})

    def _contexts(self, X: F32) -> F32:
        """The last positions; one and the same where none is looked at."""
        wide = min(X.shape[1], self.context * self.block)
        return X[:, X.shape[1] - wide :] if wide else np.zeros((len(X), 1), np.float32)
