"""Which law holds for a recipe and a learner named by its name: the family is asked, the learner says what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fractalman import learners
from fractalman.families.base import family_of
from fractalman.recipes import Recipe
from fractalman.theory import Law
from fractalman.theory.laws.learner_properties import BAYES, LearnerProperties

if TYPE_CHECKING:
    from fractalman.datasets.memory import Dataset

LEARNERS = (*learners.REGISTRY, BAYES.name)
"""The learners that laws are asked for; "bayes" is the floor that no learner beats."""


def law_of(recipe: Recipe, learner: str) -> Law:
    """Return the law that a learner must follow on a recipe's data.

    Parameters
    ----------
    recipe : Recipe
        Of any family.
    learner : str
        One of `LEARNERS`, or "5-nn" for k-nn with that k; "bayes" is the floor that no learner beats.

    Returns
    -------
    Law
        Where no power law holds its data_exponent is None, its reason says why, and `nearest` names the law that comes
        nearest.

    Raises
    ------
    RecipeError
        For an unknown learner, with the nearest match.

    Notes
    -----
    docs/theory.md §3.

    Examples
    --------
    >>> import fractalman as fm
    >>> from fractalman.prediction import law_of
    >>> law_of(fm.Cascade(n_points=100, hurst=0.5), "1-nn").data_exponent
    0.5
    """
    if learner != BAYES.name and learners.learner_class(learner).only_classes and not recipe.classifies:
        return Law.none(
            "no law",
            f"{learner} takes classes, and labels of this recipe are values",
            because="it fits probabilities of classes",
            nearest="that of ridge",
            domain="nothing is claimed",
        )
    return law_for(recipe, BAYES if learner == BAYES.name else learners.properties_of(learner))


def law_for(recipe: Recipe, properties: LearnerProperties) -> Law:
    """Return the law of whoever has these properties, settings of its own included."""
    return family_of(recipe).laws.law_of(recipe, properties)


def law_on(data: Dataset | None, law: Law) -> Law:
    """Return the law for data in hand: of a subset none, for a law is about all points or a random sample of them.

    Examples
    --------
    >>> import fractalman as fm
    >>> data = fm.generate(fm.Cascade(n_points=100))
    >>> law = law_of(data.recipe, "1-nn")
    >>> law_on(data, law).data_exponent == law.data_exponent, law_on(data.subset([0, 1, 2]), law).data_exponent
    (True, None)
    """
    if getattr(data, "origin", None) is None:
        return law
    exponent = "" if law.data_exponent is None else f", α_D = {law.data_exponent:.4g}"
    return law.withdrawn(
        name="no law: a subset",
        statement="the points are some of a dataset, and how they were chosen decides how a learner's risk falls; the "
        "curve is that of these points",
        because="the law is about all points of the family, and a choice by label, place or cluster changes it",
        nearest=f"{law.name}{exponent}, where the rows are a uniformly random sample of the whole",
        windows=(),
        conflicts=(),
    )
