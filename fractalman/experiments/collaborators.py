"""The few functions of other rooms that a sweep calls, in one place: tests put others in their stead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fractalman._typing import F64, Bool
from fractalman.recipes import Recipe

if TYPE_CHECKING:
    from fractalman.datasets.memory import Dataset
    from fractalman.learners import Learner
    from fractalman.prediction import Prediction
    from fractalman.trees import LabelTree


def _generate(recipe: Recipe) -> Dataset:
    from fractalman.generation import generate

    return generate(recipe)


def _label_draws(data: Dataset, draws: int) -> F64:
    from fractalman.generation import label_draws

    return label_draws(data, draws)


def _bayes_risk(tree: LabelTree, observed: Bool) -> F64:
    from fractalman.theory import bayes_risk

    return bayes_risk(tree, observed=observed)


def _within_variance(tree: LabelTree) -> float:
    from fractalman.theory import within_variance

    return within_variance(tree)


def _make_learner(name: str, settings: Mapping[str, Any]) -> Learner:
    from fractalman import learners

    return learners.make(name, settings)


def _predict(recipe: Recipe, learner: str) -> Prediction:
    from fractalman.prediction import make_prediction

    return make_prediction(recipe, learner=learner)


@dataclass(frozen=True)
class Collaborators:
    """What a sweep needs from other rooms; module-level functions, so that they can be sent to worker processes.

    Args:
        generate: recipe → Dataset with its label tree.
        label_draws: (Dataset, m) → (n, m) float64, column 0 the dataset's own labels.
        bayes_risk: (label tree, observed mask) → posterior variance of every unseen point, in point order.
        within_variance: label tree → V_in.
        make_learner: (name, settings) → learner; RecipeError for what it does not know.
        predict: (recipe, learner) → prediction; RecipeError for a learner without one.
    """

    generate: Callable[[Recipe], Any] = _generate
    label_draws: Callable[[Any, int], F64] = _label_draws
    bayes_risk: Callable[[Any, Bool], F64] = _bayes_risk
    within_variance: Callable[[Any], float] = _within_variance
    make_learner: Callable[[str, Mapping[str, Any]], Any] = _make_learner
    predict: Callable[[Recipe, str], Any] = _predict
