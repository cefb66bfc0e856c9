"""What every learner shares: the problem, the outcome, the learner's interface, and how inputs and labels are prepared.

Inputs are centred by the training mean and divided by one scalar, the root mean square of the centred training
coordinates (so |x|² ≈ d): never per coordinate, which would change who is near whom. Labels are centred by their
training mean. Nothing here looks at a test label, and test points only pass through what the training points fixed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from fractalman._typing import F32, F64, I64
from fractalman.errors import RecipeError, nearest
from fractalman.random.streams import Role, key64, permutation

VALIDATION_FRACTION = 0.2
"""Part of the training set on which a ridge is chosen."""
DIVERGED = "diverged"
"""What ``info["stopped"]`` says of a training run that ended in numbers that are none; its risks are nan."""


@dataclass(frozen=True)
class Problem:
    """One training set with the points to predict; several label columns share the inputs.

    Args:
        X_train: (n, d) float32, n ≥ 1, d ≥ 1.
        y_train: (n, m) float64, m ≥ 1 label draws.
        X_test: (t, d) float32.
        key: 64-bit key (`fractalman.random.streams.key64`) of everything random in the learner.
    Errors: RecipeError when the shapes contradict each other or a number is not finite.
    """

    X_train: F32
    y_train: F64
    X_test: F32
    key: int

    def __post_init__(self) -> None:
        X, y, T = self.X_train, self.y_train, self.X_test
        shapes = f"X_train {X.shape}, y_train {y.shape}, X_test {T.shape}"
        if X.ndim != 2 or y.ndim != 2 or T.ndim != 2 or X.shape[1] != T.shape[1] or X.shape[0] != y.shape[0]:
            raise RecipeError(f"a problem with {shapes}: allowed is X_train (n, d), y_train (n, m), X_test (t, d)")
        if min(X.shape) < 1 or y.shape[1] < 1:
            raise RecipeError(f"a problem with {shapes}: allowed are n, d, m >= 1")
        if not (np.isfinite(X).all() and np.isfinite(y).all() and np.isfinite(T).all()):
            raise RecipeError("a problem with numbers that are not finite: remove the points with nan or inf")

    @property
    def n(self) -> int:
        """Number of training points."""
        return int(self.X_train.shape[0])


@dataclass(frozen=True)
class Outcome:
    """What a learner made of a problem.

    Args:
        prediction: (t, m) float64, in the labels' own units.
        train_risk: mean squared training residual over points and outputs, in the labels' own units squared.
        info: JSON values that say what was chosen and how the fit ended.
    """

    prediction: F64
    train_risk: float
    info: dict[str, Any] = field(default_factory=dict)


class Learner(ABC):
    """A way to predict labels from inputs.

    ``name`` is what is typed in a specification. ``capacity`` says whether the number of parameters "grows with n" or
    is "fixed". ``batched`` learners run all their problems at once, and faster than one by one.
    """

    name: ClassVar[str]
    capacity: ClassVar[str]
    batched: ClassVar[bool] = False

    @property
    @abstractmethod
    def conventions(self) -> str:
        """How inputs, labels and free parameters are treated, in sentences for a report."""

    @abstractmethod
    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        """Fit every problem and predict its test points.

        Args:
            problems: independent of each other; the outcome of one does not depend on the others.
        Returns: one outcome per problem, in order.
        """


@dataclass(frozen=True)
class Scaling:
    """The affine maps that a training set fixes.

    Args:
        centre: (d,) float64 mean of the training inputs.
        scale: root mean square of the centred training coordinates; 1 where they are all equal.
        label_centre: (m,) float64 mean of the training labels.
        label_scale: root mean square of the centred training labels over all columns; 1 where they are all equal.
    """

    centre: F64
    scale: float
    label_centre: F64
    label_scale: float

    def inputs(self, X: F32) -> F64:
        """Return X centred and divided by the one scalar, float64."""
        return (X.astype(np.float64) - self.centre) / self.scale

    def labels(self, y: F64) -> F64:
        """Return y centred, in its own units."""
        return y - self.label_centre


def _root_mean_square(centred: F64) -> float:
    peak = float(np.abs(centred).max(initial=0.0))
    return peak * float(np.sqrt(np.mean((centred / peak) ** 2))) if peak > 0.0 else 1.0


def scaling(problem: Problem) -> Scaling:
    """Return the scaling that the training points of ``problem`` fix (its test points are not looked at)."""
    X = problem.X_train.astype(np.float64)
    centre = X.mean(axis=0)
    label_centre = problem.y_train.mean(axis=0)
    return Scaling(
        centre, _root_mean_square(X - centre), label_centre, _root_mean_square(problem.y_train - label_centre)
    )


def validation_split(key: int, n: int) -> tuple[I64, I64]:
    """Return which training points fit and which validate: disjoint, together 0 … n−1, a pure function of (key, n).

    Args:
        key: the problem's key.
        n: number of training points; from 2 on at least one validates.
    """
    order = permutation(key64(key, Role.VALIDATION), n)
    held = max(1, round(VALIDATION_FRACTION * n)) if n > 1 else 0
    return order[held:].copy(), order[:held].copy()


def mean_square(residual: F64) -> float:
    """Return the mean of the squares, over everything."""
    return float(np.mean(np.square(residual)))


def refuse_unknown(settings: Mapping[str, Any], allowed: Sequence[str], table: str) -> None:
    """Raise RecipeError naming every key of ``settings`` that is not allowed, with its nearest match."""
    listed = f"allowed are {', '.join(allowed)}" if allowed else "it has no settings"
    problems = [
        f"unknown key {table}.{key}: {listed}{nearest(str(key), allowed)}" for key in settings if key not in allowed
    ]
    if problems:
        raise RecipeError("; ".join(problems))
