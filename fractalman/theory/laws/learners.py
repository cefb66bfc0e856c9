"""The learners that laws are asked for by name, until laws are handed the properties themselves."""

from __future__ import annotations

import importlib

from fractalman.errors import RecipeError, nearest
from fractalman.theory.laws.learner_properties import BAYES, INTERPOLATION, LearnerProperties

__all__ = ["INTERPOLATION", "LEARNERS", "Traits", "traits_of"]

Traits = LearnerProperties

LEARNERS = (
    "1-nn",
    "k-nn",
    "ridge",
    "random-features",
    "laplace-kernel",
    "gaussian-kernel",
    "matern-kernel",
    "ntk-kernel",
    "gradient-boosting",
    "mlp",
    "bayes",
)
"""The learners that laws know."""


def traits_of(learner: str) -> LearnerProperties:
    """Return what laws know of a learner, as its class declares it; RecipeError with the nearest match.

    Parameters
    ----------
    learner : str
        One of `LEARNERS`, or "5-nn" for k-nn with that k.
    """
    if learner == BAYES.name:
        return BAYES
    if learner not in LEARNERS and not str(learner).endswith("-nn"):
        raise RecipeError(
            f"no law is known for learner {learner!r}: "
            f"allowed are {', '.join(LEARNERS)}{nearest(str(learner), LEARNERS)}"
        )
    # by name at run time: theory lies below the learners, and this function goes once its callers pass properties
    found: LearnerProperties = importlib.import_module("fractalman.learners").properties_of(learner)
    return found
