"""What a specification may ask where labels are classes, and what it may ask nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractalman import learners
from fractalman.conventions import CROSS_ENTROPY, ZERO_ONE
from fractalman.errors import FractalmanError
from fractalman.learners import Learner, learner_class
from fractalman.recipes import Recipe

LABEL_DRAWS = 8
"""Label vectors of a replicate where the specification does not say."""


def class_problems(
    recipe: Recipe, sweep: dict[str, Any], settings: Mapping[str, Mapping[str, Any]], own: Mapping[str, Learner]
) -> list[str]:
    """Return what does not go with the recipe's labels, and fill in the loss and the number of label draws.

    Parameters
    ----------
    recipe : Recipe
        Whose labels are values or classes.
    sweep : dict
        The checked table; "loss" and "label_draws" are None where nothing was typed.
    settings : dict
        Learner → table.
    own : dict
        Learners that were brought.
    """
    problems = []
    draws, loss = sweep.get("label_draws"), sweep.get("loss")
    asked = sweep.get("learners", ())
    sweep["label_draws"] = draws or (LABEL_DRAWS if recipe.redraws_labels else 1)
    sweep["loss"] = loss or ZERO_ONE
    if not recipe.classifies:
        if loss is not None:
            problems.append(
                f"sweep.loss = {loss!r}: labels are values, whose loss is the squared error; leave it out, or use a "
                'target of classes, e.g. recipe.target = "sign"'
            )
        problems += [
            f"learner {name!r} takes classes, and these labels are values: use ridge, or a target of classes, e.g. "
            'recipe.target = "sign"'
            for name in asked
            if _of_classes_only(name, own)
        ]
        return problems
    if recipe.target_classes < 2:
        problems.append(
            f"the target has {recipe.target_classes} class: expected 2 or more; use a larger recipe.classes"
        )
    elif not recipe.target_varies:
        problems.append(
            "the target is the same symbol in every string: expected 2 or more; use more classes or synonyms"
        )
    if not recipe.redraws_labels:
        problems += [
            f"sweep.{key} = {sweep[key]}: points decide their classes, so every draw is the same; leave it out"
            for key in ("label_draws", "network_draws")
            if (sweep.get(key) or 1) > 1
        ]
    if loss == CROSS_ENTROPY:
        problems += [
            f"sweep.loss = {loss!r}: learner {name!r} gives no probabilities; use logistic, gradient-boosting or mlp, "
            f"or loss = {ZERO_ONE!r}"
            for name in asked
            if not _probabilities(name, settings, own)
        ]
    return problems


def _of_classes_only(name: str, own: Mapping[str, Learner]) -> bool:
    if name in own:
        return own[name].only_classes
    try:
        return learner_class(name).only_classes
    except FractalmanError:  # no learner at all: said elsewhere
        return False


def _probabilities(name: str, settings: Mapping[str, Mapping[str, Any]], own: Mapping[str, Learner]) -> bool:
    try:
        return (own[name] if name in own else learners.make(name, settings.get(name, {}))).probabilities
    except FractalmanError:
        return True
