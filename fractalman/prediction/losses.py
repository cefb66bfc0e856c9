"""What risks are: squared errors of values, of classes shares of wrong answers or cross-entropies."""

from __future__ import annotations

from fractalman import theory
from fractalman.config import choice, shown
from fractalman.conventions import CROSS_ENTROPY, ZERO_ONE
from fractalman.errors import RecipeError
from fractalman.recipes import Recipe

__all__ = ["CROSS_ENTROPY", "RISKS", "SQUARED", "ZERO_ONE", "in_nats", "loss_of"]

SQUARED = "squared"
RISKS = {
    SQUARED: ("expected risk, in units of the label's prior variance", "risk / prior variance"),
    ZERO_ONE: ("expected share of wrong classes", "share of wrong classes"),
    CROSS_ENTROPY: ("expected cross-entropy in nats", "cross-entropy in nats"),
}
"""What stands on an axis of risks: of a wide figure, and of a narrow one."""


def loss_of(recipe: Recipe, asked: str | None) -> str:
    """Return what risks on a recipe's labels are.

    Parameters
    ----------
    recipe : Recipe
        Whose labels are values or classes.
    asked : str or None
        "0-1" or "cross-entropy"; None = "0-1" of classes, the squared error of values.

    Returns
    -------
    str
        "squared", "0-1" or "cross-entropy".

    Raises
    ------
    RecipeError
        For another word, and for a loss of classes where labels are values.
    """
    if asked is None:
        return ZERO_ONE if recipe.classifies else SQUARED
    if not recipe.classifies:
        raise RecipeError(
            f"loss = {shown(asked)}: labels are values, whose loss is the squared error; leave it out, or use a target "
            'of classes, e.g. target = "sign"'
        )
    checked: str = choice(ZERO_ONE, CROSS_ENTROPY)("loss", asked)
    return checked


def in_nats(law: theory.Law) -> theory.Law:
    """Return that no power law of cross-entropies is known where this is the law of wrong answers."""
    exponent = "" if law.data_exponent is None else f", α_D = {law.data_exponent:.4g}"
    return law.withdrawn(
        name="no law of cross-entropies",
        statement="how −ln(probability of the class) falls depends on how sure a learner is, and no law says that",
        because="laws of classes are about shares of wrong answers",
        nearest=f"{law.name}{exponent}, of shares of wrong answers",
        windows=(),
        conflicts=(),
    )
