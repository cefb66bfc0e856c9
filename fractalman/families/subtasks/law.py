"""The law of power-law subtasks: seen or not, α/(1+α), against what is learned within them, β.

Symbols: α = exponent of the subtasks' probabilities, β, β_P = exponents of the family within, K = number of subtasks.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fractalman._typing import F64, I64, AnyFloat, AnyInt
from fractalman.families._forests.law import population_window
from fractalman.families.base import family_of
from fractalman.families.laws import ExactCurve, Laws
from fractalman.families.subtasks import nested
from fractalman.families.subtasks.parts import parts
from fractalman.families.subtasks.recipe import Subtasks
from fractalman.recipes import Recipe
from fractalman.theory import UNSEEN_RISK, FieldCovariance
from fractalman.theory.grammars import rare_rules_window
from fractalman.theory.laws import elementary
from fractalman.theory.laws.elementary import tuned_with_noise
from fractalman.theory.laws.law import Law, Window
from fractalman.theory.laws.learner_properties import LearnerProperties
from fractalman.theory.subtasks import subtask_risk


def alone(recipe: Subtasks) -> Recipe:
    """Return one subtask that all points fall to."""
    return recipe.subtask(1, recipe.n_points)


def seen_exponent(recipe: Subtasks) -> float:
    """Return α/(1+α), with which the mass of subtasks without a training point falls."""
    return recipe.zipf_exponent / (1.0 + recipe.zipf_exponent)


def subtasks_law(recipe: Subtasks, learner: LearnerProperties) -> Law:
    """Return the law of a learner on subtasks."""
    own = alone(recipe)
    within = family_of(own).laws.law
    if within is None:
        raise TypeError(f"family {own.family!r} has no law")
    inner = within(own, learner)
    if inner.data_exponent is None:
        return _none(recipe, inner)
    law = elementary.subtasks(
        recipe.zipf_exponent,
        inner.data_exponent,
        inner.model_exponent,
        within_data_logarithms=inner.data_logarithms,
        within_model_logarithms=inner.model_logarithms,
    )
    notes = [
        f"within a subtask: {inner.statement}",
        "a point of a subtask without training points is answered "
        + ("0" if learner.kind == "floor" else "with another's label, twice the prior variance"),
        *inner.assumptions,
    ]
    if learner.kind != "floor":
        notes.append("subtasks lie further from each other than their points: separation of 8 and more")
    law = replace(
        law,
        model_exponent=None if learner.kind == "floor" else law.model_exponent,
        model_logarithms=0.0 if learner.kind == "floor" else law.model_logarithms,
        inputs={
            **law.inputs,
            "K": recipe.n_subtasks or "endless",
            **{f"within: {k}": v for k, v in inner.inputs.items()},
        },
        evidence="exact sum over subtasks for 1-nn on cascades, checked by simulation"
        if learner.name == "1-nn"
        else "argued from the sum over subtasks",
        assumptions=tuple(notes),
        references=(*law.references, *inner.references),
        windows=(*_population(recipe, law.data_exponent), *(inner.windows if _inner_rules(recipe, inner) else ())),
        log_period=inner.log_period if _inner_rules(recipe, inner) else None,
        attained=inner.attained and not law.data_logarithms,
    )
    return law if recipe.n_subtasks is None else _ending(recipe, law, inner)


def _inner_rules(recipe: Subtasks, inner: Law) -> bool:
    """Whether what is learned within subtasks falls more slowly than the mass of those that are not seen."""
    return inner.data_exponent is not None and inner.data_exponent < seen_exponent(recipe)


def _population(recipe: Subtasks, exponent: float | None) -> tuple[Window, ...]:
    """Clusters of finitely many points are all learned near n = N; points that are made by address have no end."""
    return () if recipe.within.addressed else (population_window(recipe.n_points, exponent),)


def _ending(recipe: Subtasks, law: Law, inner: Law) -> Law:
    """The law of finitely many subtasks: once all have been seen, that of the family within."""
    if _inner_rules(recipe, inner) or recipe.n_subtasks is None:
        return law
    low, high = rare_rules_window(recipe.n_subtasks, recipe.zipf_exponent)
    seen = Window(low, high, law.data_exponent, "beyond it few subtasks are left that nobody has seen")
    return replace(
        law,
        statement=f"{law.statement}; K = {recipe.n_subtasks} subtasks are all seen in the end, then β and β_P",
        data_exponent=inner.data_exponent,
        data_logarithms=inner.data_logarithms,
        model_exponent=inner.model_exponent,
        model_logarithms=inner.model_logarithms,
        log_period=inner.log_period,
        windows=(seen, *law.windows),
        attained=False,
    )


def _none(recipe: Subtasks, inner: Law) -> Law:
    """No law within, so none for all."""
    alpha = recipe.zipf_exponent
    return inner.withdrawn(
        name=f"no law within a subtask: {inner.name}",
        statement=f"no exponent follows for subtasks of probability ~ k^−(1+α), α = {alpha:.4g}, where there is none "
        f"within: {inner.statement}",
        because=inner.reason,
        nearest=f"power-law clusters with a law within, α_D = min(α/(1+α), β), α/(1+α) = {seen_exponent(recipe):.4g}",
        domain="independent subtasks",
    )


def noisy_exponent(recipe: Subtasks, learner: LearnerProperties, clean: float) -> tuple[float | None, tuple[str, ...]]:
    """The lesser of unseen mass and what noise leaves of the exponent within; one ridge for all sizes is not argued."""
    own = alone(recipe)
    laws = family_of(own).laws
    inner = None if laws.law is None else laws.law(own, learner).data_exponent
    if learner.kind == "kernel":
        return None, ("no law for a kernel on noisy subtasks: one ridge serves all their sizes",)
    if inner is None:
        return tuned_with_noise(clean), ()
    noisy, notes = (
        (tuned_with_noise(inner), ()) if laws.noisy_exponent is None else laws.noisy_exponent(own, learner, inner)
    )
    return None if noisy is None else min(seen_exponent(recipe), noisy), notes


def exact_curve(recipe: Subtasks, learner: str) -> ExactCurve | None:
    """Return the curve of one neighbour summed over subtasks, where that within one is exact and points have no end."""
    own = alone(recipe)
    known = family_of(own).laws.exact_curve
    found = None if known is None else known(own, learner)
    if found is None:
        return None
    _, curve = found

    def within(x: I64) -> F64:
        risk: F64 = curve(tuple(x.tolist()))[0]
        return risk

    def compute(sizes: tuple[int, ...]) -> F64:
        clean = subtask_risk(np.array(sizes), recipe.zipf_exponent, within, UNSEEN_RISK["1-nn"], recipe.n_subtasks)
        return clean[None, :] + 2.0 * recipe.noise**2

    return "1-nn summed over subtasks, exact annealed series within", compute


def neighbour_bias(recipe: Subtasks) -> float | None:
    """Return that of the family within: subtasks are further apart than their points, so nobody else is near."""
    own = alone(recipe)
    laws = family_of(own).laws
    if laws.graph_neighbours:
        return None  # another subtask's answer in X is not the one in the graph
    return laws.bias_of(own)


def field(recipe: Subtasks, n_points: int, _places: AnyFloat | None = None) -> FieldCovariance:
    """Return the covariance of labels that are a field within each subtask, independent between them, noise included.

    Args:
        recipe: of the subtasks. n_points: how many of its points.
        _places: not looked at: places within a subtask are drawn anew.
    """
    made = [_within_field(part) for _, part in parts(recipe)]
    numbers: list[AnyInt] = []  # of independent fields: one a subtask, or those of subtasks within it
    for covariance in made:
        own = np.zeros(covariance.n_points, np.int64) if covariance.parts is None else covariance.parts
        numbers.append(own + (int(numbers[-1].max()) + 1 if numbers else 0))
    rows = np.arange(recipe.n_points) if recipe.growth == "sorted" else nested.arrival(recipe).rows
    places = np.empty((recipe.n_points, made[0].places.shape[1]))
    cluster = np.empty(recipe.n_points, np.int64)
    places[rows] = np.concatenate([covariance.places for covariance in made])
    cluster[rows] = np.concatenate(numbers)
    first = made[0]
    return FieldCovariance(places[:n_points], first.hurst, recipe.noise, first.cut_off, cluster[:n_points])


def _within_field(part: Recipe) -> FieldCovariance:
    """The covariance of one subtask's labels."""
    known = family_of(part).laws.field_of(part)
    if known is None:
        raise TypeError(f"labels of family {part.family!r} are no field")
    return known(part, int(part.n_points or 0), None)


LAWS = Laws[Subtasks](
    law=subtasks_law,
    noisy_exponent=noisy_exponent,
    exact_curve=exact_curve,
    neighbour_bias=neighbour_bias,
    field=field,
    on_trees=lambda recipe: recipe.has_hierarchy and recipe.valued,
    on_field=lambda recipe: recipe.valued and family_of(recipe.within).laws.field_of(recipe.within) is not None,
)
