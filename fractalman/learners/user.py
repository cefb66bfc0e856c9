"""Your own learner: an estimator with fit and predict, a function, or a network in PyTorch, as a learner of a sweep.

Every label column of every problem gets a fresh copy with a seed of its own, so that a point is a function of its
replicate and its training-set size alone, whichever process works it out. What fails is a point with its reason and no
risk. Nothing is known of such a learner but what it says of itself: no law is applied to it unless it names one with
``like``.
"""

from __future__ import annotations

import copy
import importlib
import importlib.metadata
import inspect
import sys
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._typing import F64
from fractalman.config import shown as cut
from fractalman.errors import MissingExtraError, RecipeError, nearest
from fractalman.learners.class_targets import cross_entropy, of_all_classes
from fractalman.learners.descriptions import shown as shown
from fractalman.learners.descriptions import version_of as version_of
from fractalman.learners.protocol import FIXED, GROWS, Learner, Outcome, Problem, mean_square
from fractalman.random.streams import Role, key64

Kernel = Callable[[F64, F64], F64]
Like = str | Learner | Kernel

MOST = 1e100
"""Of a prediction in size: beyond it squares have no room in float64."""


@dataclass(frozen=True, eq=False)
class UserLearner(Learner):
    """What somebody brought, under the name that a specification calls it by.

    Parameters
    ----------
    called : str
        The name.
    brought : object
        What does the work; never changed, only copied.
    like : str, Learner or function, optional
        The learner whose predicted curve this one is judged by: a name such as "laplace-kernel", a learner, or a kernel
        (a, d), (b, d) → (a, b) of coordinates as they are. Default None: measured against references, not judged.
    capacity : str
        "grows with n" (default) or "fixed": the number of its parameters.

    Examples
    --------
    >>> from fractalman import learners
    >>> def zero(X, y, X_test, seed):
    ...     return [0.0] * len(X_test)
    >>> mine = learners.own(zero, called="zero")
    >>> isinstance(mine, learners.UserLearner), mine.called
    (True, 'zero')
    """

    called: str
    brought: Any
    like: Like | None = None
    capacity: str = GROWS  # type: ignore[misc]

    name: ClassVar[str] = "your own"

    def __post_init__(self) -> None:
        if self.capacity not in (GROWS, FIXED):
            raise RecipeError(f"{self.called}: capacity = {cut(self.capacity)}: expected {GROWS!r} or {FIXED!r}")
        if self.like is not None and not isinstance(self.like, (str, Learner)) and not callable(self.like):
            raise RecipeError(
                f"{self.called}: like = {cut(self.like)}: expected a learner's name, a learner or a kernel"
            )

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Return an empty table: its settings are its own.

        Returns
        -------
        dict of str to object
            Empty.
        """
        return {}

    @property
    def description(self) -> dict[str, str]:
        """What a journal keeps of it: how it shows itself, and the version of the package that it comes from."""
        return {
            "repr": shown(self.brought),
            "version": version_of(self.brought),
            "capacity": self.capacity,
            "like": "" if self.like is None else self.like if isinstance(self.like, str) else shown(self.like),
            "conventions": self.conventions,
        }

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        """Fit every problem, one label column after the other, with a copy of its own each.

        Parameters
        ----------
        problems : sequence of Problem
            Independent of each other.

        Returns
        -------
        list of Outcome
            One per problem, in order.
        """
        return [self._one(problem) for problem in problems]

    def _one(self, problem: Problem) -> Outcome:
        X, Z, classes = problem.X_train.astype(np.float64), problem.X_test.astype(np.float64), problem.classes
        shape = (problem.y_train.shape[1], classes) if classes else (problem.y_train.shape[1],)
        predicted, fitted = np.empty((len(Z), *shape)), np.empty((len(X), *shape))
        seeds = []
        for column in range(problem.y_train.shape[1]):
            seeds.append(key64(problem.key, Role.INITIALISATION, 2, column) >> 33)
            y = problem.y_train[:, column].copy()
            try:
                with np.errstate():  # how NumPy treats overflow is again as it was when somebody's code has ended
                    if classes:
                        both = self._of_classes(X.copy(), y, (Z.copy(), X.copy()), seeds[-1], classes)
                    else:
                        both = list(map(_checked, self._fitted(X.copy(), y, Z.copy(), seeds[-1]), (len(Z), len(X))))
                predicted[:, column], fitted[:, column] = both
            except MissingExtraError:  # nothing of this sweep can run here
                raise
            except (Exception, SystemExit) as error:  # whatever somebody's code raises is a point without a risk
                lost = np.full(predicted.shape, np.nan)
                return Outcome(lost, float("nan"), {"failed": f"{type(error).__name__}: {error}"})
        risk = cross_entropy(fitted, problem.y_train) if classes else mean_square(problem.y_train - fitted)
        return Outcome(predicted, risk, {"seeds": seeds})

    def _of_classes(self, X: F64, y: F64, places: tuple[F64, ...], seed: int, classes: int) -> list[F64]:  # noqa: ARG002
        """Return probabilities at every table of places, for learners that give them."""
        raise RecipeError(f"{self.called} gives no probabilities: expected labels that are values")

    @abstractmethod
    def _fitted(self, X: F64, y: F64, Z: F64, seed: int) -> tuple[Any, Any]:
        """Return the predictions at the test points and at the training points.

        Parameters
        ----------
        X, y, Z : (n, d), (n,), (t, d) float64
            Training inputs and labels, test inputs, all coordinates and labels as they are.
        seed : int
            From 0 to 2^31 − 1.
        """


def _checked(prediction: Any, expected: int) -> F64:
    given = np.asarray(prediction)
    masked = int(np.count_nonzero(prediction.mask)) if isinstance(prediction, np.ma.MaskedArray) else 0
    if given.dtype.kind == "c" or masked:
        raise ValueError(f"predictions of kind {given.dtype}, {masked} masked: expected real numbers")
    values = np.asarray(given, np.float64)
    if values.shape not in ((expected,), (expected, 1)):
        raise ValueError(f"predictions of shape {values.shape}: expected ({expected},)")
    if not np.isfinite(values).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(values))} of {expected} predictions are not finite")
    if np.abs(values).max(initial=0.0) > MOST:
        raise ValueError(f"predictions up to {np.abs(values).max():.3g}: expected at most {MOST:g}")
    return values.reshape(expected)


class Estimator(UserLearner):
    """Anything with scikit-learn's ``fit(X, y)`` and ``predict(X)``; ``predict_proba(X)`` where labels are classes."""

    @property
    def probabilities(self) -> bool:
        """Of classes, if the estimator has ``predict_proba``."""
        return hasattr(self.brought, "predict_proba")

    def _of_classes(self, X: F64, y: F64, places: tuple[F64, ...], seed: int, classes: int) -> list[F64]:
        model = self._seeded(seed).fit(X, y.astype(np.int64))
        seen = np.asarray(model.classes_, np.float64)
        found = []
        for Z in places:
            own = np.asarray(model.predict_proba(Z), np.float64) if len(Z) else np.empty((0, len(seen)))
            if own.shape != (len(Z), len(seen)) or not np.isfinite(own).all():
                raise ValueError(f"probabilities of shape {own.shape}: expected ({len(Z)}, {len(seen)}), all finite")
            found.append(of_all_classes(own, seen, classes, len(y)))
        return found

    @property
    def conventions(self) -> str:
        """How it is copied and seeded."""
        return (
            f"{self.called}: {shown(self.brought)}, {_origin(self.brought)}; coordinates and labels as they are, in "
            "float64; a fresh copy for every replicate, size and label column, every parameter random_state set from "
            "the problem's key."
            + (
                " Of classes it gives probabilities; one without a training point has 1/(n + number of classes)."
                if self.probabilities
                else ""
            )
        )

    def _fitted(self, X: F64, y: F64, Z: F64, seed: int) -> tuple[Any, Any]:
        model = self._seeded(seed).fit(X, y)  # scikit-learn's convention: fit returns the estimator
        return (model.predict(Z) if len(Z) else np.empty(0)), model.predict(X)

    def _seeded(self, seed: int) -> Any:
        """Return an unfitted copy with every random_state set."""
        model = _copied(self.brought)
        if hasattr(model, "get_params") and hasattr(model, "set_params"):
            places = [key for key in model.get_params(deep=True) if key.split("__")[-1] == "random_state"]
            model.set_params(**{key: (seed + i) % (1 << 31) for i, key in enumerate(sorted(places))})
        return model


class Function(UserLearner):
    """A function (X, y, X_test, seed) → predictions at X_test."""

    @property
    def conventions(self) -> str:
        """How it is called."""
        return (
            f"{self.called}: {shown(self.brought)}, {_origin(self.brought)}; called once for every replicate, size and "
            "label column with (X, y, X_test, seed), coordinates and labels as they are in float64; X_test holds the "
            "test points and then the training points, whose residuals are the training risk."
        )

    def _fitted(self, X: F64, y: F64, Z: F64, seed: int) -> tuple[Any, Any]:
        both = _checked(self.brought(X, y, np.concatenate([Z, X]), seed), len(Z) + len(X))
        return both[: len(Z)], both[len(Z) :]


class Absent(UserLearner):
    """A learner that a journal tells of: it says what it was, and cannot run."""

    @property
    def conventions(self) -> str:
        """What it said of itself when it ran."""
        return str(self.brought["conventions"])

    @property
    def description(self) -> dict[str, str]:
        """What the journal has."""
        return dict(self.brought)

    def _fitted(self, X: F64, y: F64, Z: F64, seed: int) -> tuple[Any, Any]:  # noqa: ARG002
        raise RecipeError(self.missing)

    @property
    def missing(self) -> str:
        """What to do to have it run."""
        return (
            f"the learner {self.called!r} ({self.brought['repr']}) was brought to this run by hand: use learners = "
            f"{{{self.called!r}: …}} in Python, or --learner {self.called}=module:attribute"
        )


# ---------------------------------------------------------------------------------------------------- from objects


@checked_arguments
def own(
    brought: Any, *, called: str = "mine", like: Like | None = None, capacity: str = GROWS
) -> UserLearner | Learner:
    """Return somebody's own learner as a learner of sweeps and predictions.

    Parameters
    ----------
    brought : object
        An estimator with ``fit`` and ``predict``, a function (X, y, X_test, seed) → predictions, a kernel
        (a, d), (b, d) → (a, b), which ridge regression uses (`OwnKernel`), a `fractalman.learners.TorchRegressor`, a
        subclass of ``torch.nn.Module`` or a function (inputs, outputs) → ``torch.nn.Module``, which one with default
        settings trains, or a `Learner`, which comes back as it is.
    called : str
        The name in specifications and reports; `fm.confirm` sets it from its key. Default "mine".
    like : str, Learner or function, optional
        The learner whose predicted curve judges this one; see `UserLearner`. Default None: none.
    capacity : str
        "grows with n" (default) or "fixed".

    Returns
    -------
    UserLearner or Learner
        What sweeps and predictions take.

    Raises
    ------
    RecipeError
        For an object that can be none of these.

    Examples
    --------
    >>> from fractalman import learners
    >>> def mean(X, y, X_test, seed):
    ...     return [y.mean()] * len(X_test)
    >>> learners.own(mean, called="mean", capacity="fixed").capacity
    'fixed'
    """
    if isinstance(brought, Learner):
        return brought
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(brought, torch.nn.Module):
        raise RecipeError(
            f"{called} is one network, {shown(brought):.100}: expected how one is made anew for every fit; use its "
            "class, or a function (inputs, outputs) → torch.nn.Module"
        )
    if torch is not None and _makes_networks(brought, torch):
        from fractalman.learners.torch_regressor import TorchRegressor

        return Estimator(called, TorchRegressor(brought), like, capacity)
    if isinstance(brought, type):
        raise RecipeError(f"{called} is the class {shown(brought)}: expected an object; use {brought.__name__}()")
    if callable(getattr(brought, "fit", None)) and callable(getattr(brought, "predict", None)):
        return Estimator(called, brought, like, capacity)
    if callable(brought):
        return _function(called, brought, like, capacity)
    raise RecipeError(
        f"{called:.80} is {shown(brought):.100}: expected an estimator with fit and predict, a function "
        "(X, y, X_test, seed) → prediction, a TorchRegressor or a Learner"
    )


def _function(called: str, brought: Callable[..., Any], like: Like | None, capacity: str) -> UserLearner | Learner:
    """Return what a function is: of two tables a kernel, of four things a learner."""
    takes = [number for number in (2, 4) if _takes(brought, number)]
    if takes == [2] and like is None:
        from fractalman.learners.kernel_ridge import OwnKernel

        return OwnKernel(function=brought)
    if 4 not in takes:
        raise RecipeError(
            f"{called:.80} is {shown(brought):.100}: expected a function (X, y, X_test, seed) → prediction, or a "
            "kernel (a, d), (b, d) → (a, b) with nothing that it is like"
        )
    return Function(called, brought, like, capacity)


def _makes_networks(brought: Any, torch: Any) -> bool:
    """Whether something is PyTorch's way to make a network of so many inputs and outputs: a class, or a function."""
    if isinstance(brought, type):
        return issubclass(brought, torch.nn.Module)
    if not callable(brought) or callable(getattr(brought, "fit", None)) or not _takes(brought, 2) or _takes(brought, 4):
        return False
    try:
        return isinstance(brought(1, 1), torch.nn.Module)
    except Exception:  # a kernel, given numbers for tables, says whatever it likes
        return False


def _takes(function: Callable[..., Any], number: int) -> bool:
    """Whether a function can be called with so many arguments; where it does not tell, with any."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return number == 4
    try:
        signature.bind(*range(number))
    except TypeError:
        return False
    return True


def description(learner: Learner) -> dict[str, str]:
    """Return what a journal keeps of a learner that was brought."""
    if isinstance(learner, UserLearner):
        return learner.description
    return {
        "repr": shown(learner),
        "version": version_of(learner),
        "capacity": learner.capacity,
        "like": "",
        "conventions": learner.conventions,
    }


def absent(called: str, description: Mapping[str, str]) -> Absent:
    """Return the learner that a journal describes."""
    like, capacity = description.get("like", ""), description.get("capacity", GROWS)
    return Absent(called, dict(description), like or None, capacity)


def imported(what: str, place: str, expected: str) -> Any:
    """Return the object ``module:attribute``, as the command line has it.

    Parameters
    ----------
    what : str
        What was typed, for messages.
    place : str
        ``module:attribute``.
    expected : str
        What should have been typed.

    Raises
    ------
    RecipeError
        For another form, a module that cannot be imported, or an attribute that it does not have.
    """
    module, _, attribute = place.partition(":")
    if not (module and attribute):
        raise RecipeError(f"{what}: expected {expected}")
    try:
        found: Any = importlib.import_module(module)
    except ImportError as error:
        raise RecipeError(f"{what}: the module {cut(module)} cannot be imported: {error}") from None
    except Exception as error:  # of foreign code
        said = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"
        raise RecipeError(f"{what}: the module {cut(module)} fails where it is imported: {said}") from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise RecipeError(f"{what}: {module} has no {cut(attribute)}{nearest(part, dir(found))}")
        found = getattr(found, part)
    return found


# ---------------------------------------------------------------------------------------------------- what it is


def _origin(thing: Any) -> str:
    return version_of(thing) or "of no versioned package"


def _copied(estimator: Any) -> Any:
    """Return an unfitted copy: scikit-learn's clone of what has its parameters, else a deep copy."""
    if hasattr(estimator, "get_params") and "sklearn" in sys.modules:
        from sklearn.base import clone

        return clone(estimator)
    return copy.deepcopy(estimator)
