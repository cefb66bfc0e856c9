"""What every learner shares: the problem, the outcome, what a learner declares, how inputs and labels are prepared.

Inputs are centred by the training mean and divided by one scalar, the root mean square of the centred training
coordinates (so |x|² ≈ d): never per coordinate, which would change who is near whom. Labels are centred by their
training mean. Nothing here looks at a test label, and test points only pass through what the training points fixed.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from fractalman._typing import F32, F64
from fractalman.config import summary, unknown_keys
from fractalman.conventions import input_scale, root_mean_square, validation_split
from fractalman.display import Display, HtmlTable
from fractalman.errors import RecipeError
from fractalman.theory.laws.learner_properties import Counting, LearnerProperties

if TYPE_CHECKING:
    from fractalman.theory.ridged import Smoother

__all__ = [
    "DIVERGED",
    "Cost",
    "Learner",
    "Outcome",
    "Problem",
    "Scaling",
    "mean_square",
    "refuse_unknown",
    "scaling",
    "validation_split",
]

DIVERGED = "diverged"
"""What ``info["stopped"]`` says of a training run that ended in numbers that are none; its risks are nan."""
GROWS, FIXED = "grows with n", "fixed"
"""What ``Learner.capacity`` may say."""


@dataclass(frozen=True)
class Problem(Display):
    """One training set with the points to predict; several label columns share the inputs.

    Parameters
    ----------
    X_train : (n, d) float32
        n ≥ 1, d ≥ 1.
    y_train : (n, m) float64
        m ≥ 1 label draws.
    X_test : (t, d) float32
        Points to predict, t ≥ 1.
    key : int
        64-bit key (`fractalman.random.streams.key64`) of everything random in the learner.
    classes : int, default 0
        C where y_train holds numbers of classes, 0 … C − 1, in every column; 0 where it holds values. Only learners
        that fit `Learner.probabilities` are given classes; others get columns of values (`one_hot`).

    Raises
    ------
    RecipeError
        When the shapes contradict each other, a number is not finite, or a class is none of the C.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman import learners
    >>> X = np.zeros((3, 2), np.float32)
    >>> learners.Problem(X, np.zeros((3, 1)), X, key=1).n
    3
    """

    X_train: F32
    y_train: F64
    X_test: F32
    key: int
    classes: int = 0

    def __post_init__(self) -> None:
        X, y, T = self.X_train, self.y_train, self.X_test
        shapes = f"X_train {X.shape}, y_train {y.shape}, X_test {T.shape}"
        if X.ndim != 2 or y.ndim != 2 or T.ndim != 2 or X.shape[1] != T.shape[1] or X.shape[0] != y.shape[0]:
            raise RecipeError(f"a problem with {shapes}: expected X_train (n, d), y_train (n, m), X_test (t, d)")
        if min(X.shape) < 1 or y.shape[1] < 1:
            raise RecipeError(f"a problem with {shapes}: expected n, d, m >= 1")
        if not (np.isfinite(X).all() and np.isfinite(y).all() and np.isfinite(T).all()):
            raise RecipeError("a problem with numbers that are not finite: remove the points with nan or inf")
        if self.classes and not ((y == np.floor(y)) & (y >= 0) & (y < self.classes)).all():
            raise RecipeError(f"a problem of {self.classes} classes: expected y_train from 0 to {self.classes - 1}")

    @property
    def n(self) -> int:
        """Number of training points."""
        return int(self.X_train.shape[0])

    @property
    def outputs(self) -> int:
        """Numbers that a model answers at a point: one for every column, or for every class of it."""
        return int(self.y_train.shape[1]) * max(1, self.classes)


@dataclass(frozen=True)
class Outcome(Display):
    """What a learner made of a problem.

    Parameters
    ----------
    prediction : (t, m) float64
        In the labels' own units; of a problem of C classes their probabilities, (t, m, C).
    train_risk : float
        Mean squared training residual over points and outputs, in the labels' own units squared; of classes the mean
        of −ln(probability of a training point's class).
    info : dict
        JSON values that say what was chosen and how the fit ended.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman import learners
    >>> X = np.array([[0.0], [1.0]], np.float32)
    >>> problem = learners.Problem(X, np.array([[2.0], [3.0]]), X, key=1)
    >>> [outcome] = learners.make("1-nn").run([problem])
    >>> outcome.prediction.ravel().tolist()
    [2.0, 3.0]
    """

    prediction: F64
    train_risk: float
    info: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cost(Display):
    """What a learner needs for one problem, as a plan counts it: an order of magnitude.

    Parameters
    ----------
    operations : float
        Floating-point operations.
    memory : float
        Bytes held at once.
    share : float
        Share of the speed of a product of two float32 matrices that such work reaches. Default 0.2.
    seconds : float
        Seconds that no operation is counted for. Default 0.
    setup : float
        Seconds once for every shape of problem, whatever their number: compiling. Default 0.

    Examples
    --------
    >>> from fractalman import learners
    >>> learners.Cost(operations=1e9, memory=8e6).seconds_at(1e10)
    0.5
    """

    operations: float
    memory: float
    share: float = 0.2
    seconds: float = 0.0
    setup: float = 0.0

    def seconds_at(self, speed: float) -> float:
        """Return the seconds of one problem where a float32 matrix product runs ``speed`` operations per second.

        Parameters
        ----------
        speed : float
            Float32 operations per second of a matrix product, above 0.

        Returns
        -------
        float
            Seconds, setup apart.
        """
        return self.operations / (self.share * speed) + self.seconds


class Learner(HtmlTable, ABC):
    """A way to predict labels from inputs: one class in one file, which declares whatever others must know of it.

    A learner's settings are the fields of its frozen dataclass, with their defaults. Planning, regimes, specifications,
    results and laws read the rest from the attributes below and from the methods that are not abstract.

    Attributes
    ----------
    name : str
        What is typed in a specification.
    capacity : str
        "grows with n", or "fixed": the number of fitted parameters.
    properties : LearnerProperties
        What laws know of it at default settings.
    batched : bool
        Whether all problems run at once, faster than one by one.
    checkpoints : bool
        Whether `resume` keeps the state of training in a file.
    axes : dict
        Setting that a sweep may vary → "model" (size of the model) or "budget" (length of its training).
    doubled : tuple of str
        Settings whose doubling says what limits the learner: the doubling checks of ``doubling_checks = true``.
    padding : str
        Setting that takes the largest training set of a sweep, so that one compilation serves all; "" = none.
    strings : bool
        Whether it reads inputs position by position: a sweep over strings fills in the settings ``block`` and
        ``vocabulary`` that say what a position is, where it has them and they were not typed.
    opens : bool
        Whether it is a network that studies look into, layer by layer and step by step of its training.
    linear_smoother : bool
        Whether its predictions are linear in the training labels, so that theory has its risk in closed form.
    kernel : str
        Name in `fractalman.kernels.matrix` of the kernel that it is ridge regression with; "" = none.
    reference : str
        Learner of closed form that stands for this one where weights are needed; "" = none.
    only_classes : bool
        Whether it has no answer but probabilities of classes, so that labels that are values are refused.
    convex : bool
        Whether its fit is the one minimum of a convex function, whatever it starts from: trained on drawn structures it
        has the curve that no closed form gives.

    Examples
    --------
    >>> from fractalman import learners
    >>> learner = learners.make("random-features", {"features": 64})
    >>> learner.name, learner.capacity, learner.setting("features")
    ('random-features', 'fixed', 64)
    """

    name: ClassVar[str]
    capacity: ClassVar[str]
    properties: ClassVar[LearnerProperties] = LearnerProperties("", "unknown")
    batched: ClassVar[bool] = False
    checkpoints: ClassVar[bool] = False
    axes: ClassVar[Mapping[str, str]] = {}
    doubled: ClassVar[tuple[str, ...]] = ()
    padding: ClassVar[str] = ""
    strings: ClassVar[bool] = False
    opens: ClassVar[bool] = False
    linear_smoother: ClassVar[bool] = False
    kernel: ClassVar[str] = ""
    reference: ClassVar[str] = ""
    only_classes: ClassVar[bool] = False
    convex: ClassVar[bool] = False

    # ------------------------------------------------------------------------------------------------ settings

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Return every setting with its default.

        Returns
        -------
        dict of str to object
            Setting → default.
        """
        return {f.name: f.default for f in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else {}

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Return the learner with the settings of a table.

        Parameters
        ----------
        table : mapping of str to object
            Settings by name; the others keep their defaults.

        Returns
        -------
        Learner
            Of this class.

        Raises
        ------
        RecipeError
            With the nearest match for an unknown key; for a setting that has no default and is not there.
        """
        refuse_unknown(table, tuple(cls.defaults()), cls.name)
        needed = [key for key, value in cls.defaults().items() if value is dataclasses.MISSING and key not in table]
        if needed:
            what = " and ".join(f"{cls.name}.{key}" for key in needed)
            raise RecipeError(f"{what}: expected a value, for there is no default; use [{cls.name}] {needed[0]} = …")
        return cls(**table)

    def setting(self, key: str) -> Any:
        """Return the value of a setting.

        Parameters
        ----------
        key : str
            Name of the setting.

        Returns
        -------
        object
            Its value.
        """
        return getattr(self, key)

    # ------------------------------------------------------------------------------------------------ what it is

    @property
    @abstractmethod
    def conventions(self) -> str:
        """How inputs, labels and free parameters are treated, in sentences for a report."""

    @property
    def own_properties(self) -> LearnerProperties:
        """What laws know of it with the settings it has."""
        return self.properties

    @property
    def probabilities(self) -> bool:
        """Whether it fits probabilities where labels are classes; else it fits columns of values, by least squares."""
        return self.only_classes

    def parameters(self, d: int, outputs: int = 1) -> int | None:  # noqa: ARG002
        """Return the number of fitted parameters for d inputs, None where the learner has no such number.

        Parameters
        ----------
        d : int
            Number of inputs.
        outputs : int, default 1
            Number of outputs.

        Returns
        -------
        int or None
            None where the learner has no such number.
        """
        return None

    def cost(self, n: int, d: int, t: int, m: int) -> Cost | None:  # noqa: ARG002
        """Return what one problem needs, None where it is not known.

        Parameters
        ----------
        n, d, t, m : int
            Training points, inputs, test points, label columns.

        Returns
        -------
        Cost or None
            None where it is not known.
        """
        return None

    def smoother(self) -> Smoother | None:
        """Return the learner as theory computes it, without a label; None where theory has nothing like it.

        Of a ``linear_smoother`` it is the same learner, of a network the ridge regression with its tangent kernel.

        Returns
        -------
        Smoother or None
            None where theory has nothing like it.
        """
        return None

    @property
    def counting(self) -> Counting | None:
        """Return what it counts in strings, whose loss theory knows exactly for given rules; None where it does not."""
        return None

    # ------------------------------------------------------------------------------------------------ what it does

    @abstractmethod
    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        """Fit every problem and predict its test points.

        Parameters
        ----------
        problems : sequence of Problem
            Independent of each other: the outcome of one does not depend on the others.

        Returns
        -------
        list of Outcome
            One per problem, in order.
        """

    def resume(self, problems: Sequence[Problem], checkpoint: Path | None) -> list[Outcome]:  # noqa: ARG002
        """Run as `run` does, and go on where a killed run left ``checkpoint``, if the learner keeps ``checkpoints``.

        Parameters
        ----------
        problems : sequence of Problem
            Independent of each other.
        checkpoint : Path or None
            File in which the state of training is kept; None = nothing is kept.

        Returns
        -------
        list of Outcome
            One per problem, in order.
        """
        return self.run(problems)


@dataclass(frozen=True)
class Scaling(Display):
    """The affine maps that a training set fixes.

    Parameters
    ----------
    centre : (d,) float64
        Mean of the training inputs.
    scale : float
        Root mean square of the centred training coordinates; 1 where they are all equal.
    label_centre : (m,) float64
        Mean of the training labels.
    label_scale : float
        Root mean square of the centred training labels over all columns; 1 where they are all equal.
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


def scaling(problem: Problem) -> Scaling:
    """Return the scaling that the training points of ``problem`` fix (its test points are not looked at)."""
    label_centre = problem.y_train.mean(axis=0)
    return Scaling(
        *input_scale(problem.X_train), label_centre, root_mean_square(problem.y_train - label_centre)
    )  # fmt: skip


def mean_square(residual: F64) -> float:
    """Return the mean of the squares, over everything."""
    return float(np.mean(np.square(residual)))


def refuse_unknown(settings: Mapping[str, Any], allowed: Sequence[str], table: str) -> None:
    """Raise RecipeError naming every key of ``settings`` that is not allowed, with its nearest match."""
    problems = unknown_keys(table, settings, allowed)
    if problems:
        raise RecipeError("; ".join(summary(problems).splitlines()))
