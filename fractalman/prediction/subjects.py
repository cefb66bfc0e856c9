"""Whom a prediction is about: a learner by name, a learner with settings of its own, or a kernel of somebody's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from fractalman import theory
from fractalman._typing import F64
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.learners import Learner, OwnKernel, UserLearner, learner_class
from fractalman.learners.user import Absent
from fractalman.prediction.laws import LEARNERS

_BY_SETTINGS = ("mlp",)
"""Learners whose curve is made from their settings, the defaults included."""

Subject: TypeAlias = str | Learner | Callable[[F64, F64], F64]
"""A name, a learner, or a kernel (a, d), (b, d) → (a, b) of coordinates as they are."""


def subject(learner: Subject) -> tuple[str, Learner | None]:
    """Return the name that laws know a subject by, and the learner itself where it is more than a name.

    A learner that somebody brought is the one that it is ``like``.
    """
    if isinstance(learner, str):
        return learner, learner_class(learner)() if learner in _BY_SETTINGS else None
    if isinstance(learner, UserLearner):
        if learner.like is None:
            raise RecipeError(
                f"nothing is predicted for {learner.called!r}, a learner that was brought: name one whose curve it "
                'should follow, e.g. like = "laplace-kernel" or a kernel function'
            )
        if isinstance(learner, Absent) and learner.like not in LEARNERS and not str(learner.like).endswith("-nn"):
            raise RecipeError(f"{learner.called!r} is like {learner.like}, which its journal cannot make again")
        return subject(learner.like)
    if isinstance(learner, Learner):
        return learner.name, learner
    if callable(learner):
        return OwnKernel.name, OwnKernel(function=learner)
    raise RecipeError(f"learner = {shown(learner)}: expected a name, a learner or a kernel function")


def unknown_law(name: str) -> theory.Law:
    """Return that no law is known for a learner, whose curve may be computed all the same."""
    return theory.Law.none(
        name="no law",
        statement=f"nothing general is known of {name}; only its curve at finite sizes",
        source="none",
        evidence="nothing to check",
        because=f"{name} is not among the learners that laws know",
        domain="the sizes of its curve",
        nearest="that of a kernel as smooth as it, e.g. laplace-kernel or matern-kernel",
    )
