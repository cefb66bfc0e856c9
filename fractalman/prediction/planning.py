"""fm.plan: which training sizes and how many seeds resolve an exponent, and whether this population can at all.

A sweep's exponent is the slope of the mean of its replicates' curves, so its error is that of a mean: with c the
weights of least squares on ln n, replicate i moves the slope by −Σ_k c_k (risk_ik/mean_k − 1), and S replicates leave
the spread of these numbers over √S. It has two parts, between structures (from risks that are exact over labels) and
between label draws on one structure, which a replicate averages over. Both are measured with one neighbour on a few
drawn structures; no learner is trained.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._typing import F64, I64
from fractalman.errors import FractalmanError, RecipeError
from fractalman.families.base import family_of, memory_of
from fractalman.learners import Learner, learner_class
from fractalman.nearest import nearest
from fractalman.prediction.drawn import DrawnRealizations
from fractalman.prediction.forecast import Prediction, make_prediction
from fractalman.prediction.plans import (
    FEWEST_SIZES,
    Option,
    Plan,
    cheapest_words,
    checked,
    chosen_words,
    label_spread,
    option_of,
    slope_spread,
)
from fractalman.prediction.steps_planning import plan_of_steps
from fractalman.recipes import Recipe
from fractalman.sources import RecipeSource, recipe_of
from fractalman.theory.laws.learner_properties import BAYES

RESOLVED = 16
"""Sizes beyond N/16 are not fitted: slopes rise spuriously there."""
STRUCTURES, LABEL_DRAWS = 12, 24
"""Realizations drawn to measure the scatter, and label vectors on each."""
_LARGEST, _SMALLEST = 16384, 16
_MEASURED = 100_000  # points of the structures on which the scatter is measured, at most
_LABEL_DRAWS, _NETWORK_DRAWS = 8, 1  # label vectors that a replicate averages over; of learners run in batches


@checked_arguments
def make_plan(
    recipe: RecipeSource,
    learner: str | Learner = "1-nn",
    resolution: float = 0.02,
    budget: int = 1_000_000,
    *,
    axis: str = "n",
    n: int = 256,
) -> Plan:
    """Plan a sweep: training sizes, or numbers of steps, and seeds that resolve its exponent to ± ``resolution``.

    Parameters
    ----------
    recipe : Recipe, dict, str or path
        Of any family; also its table, a catalogue name, a TOML or a dataset file.
    learner : str or Learner, default "1-nn"
        One that laws know; along the steps a network of gradient descent with its settings.
    resolution : float, default 0.02
        95 % Student-t half-width wanted, 0 < resolution ≤ 1.
    budget : int, default 1000000
        Training points that may be fitted in all, over sizes and seeds; along the steps the steps that may be taken.
    axis : {"n", "steps"}, default "n"
        What is varied.
    n : int, default 256
        Training points of every network where the axis is "steps"; 2 to 4096.

    Returns
    -------
    Plan
        Sizes, seeds and cost; ``possible`` and ``reason`` where none is enough.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §4.

    Examples
    --------
    >>> import fractalman as fm
    >>> plan = fm.plan(fm.Cascade(n_points=1000, hurst=0.5), budget=1000)
    >>> plan.learner, plan.budget
    ('1-nn', 1000)
    """
    if axis != "n":
        return plan_of_steps(recipe, learner, resolution, budget, axis, n)
    recipe, prediction, grid, resolution = _begun(recipe, learner, resolution, budget)
    population = prediction.population
    if grid.size < FEWEST_SIZES:
        return _impossible(prediction, resolution, int(budget), population, grid)
    structure, label = _scatter(recipe, grid)
    own = _own_scatter(prediction, grid)
    together = prediction.learner != BAYES.name and learner_class(prediction.learner).batched
    draws = _NETWORK_DRAWS if together else _LABEL_DRAWS
    options = []
    for low in range(grid.size):
        for high in range(low + FEWEST_SIZES, grid.size + 1):
            window = slice(low, high)
            between = structure if own is None else own
            spread = slope_spread(grid[window], between[:, window]) ** 2
            if prediction.learner != "bayes":  # the floor is an expectation over labels
                spread += label_spread(grid[window], label[:, :, window]) ** 2 / draws
            options.append(option_of(prediction, grid[window], math.sqrt(spread), resolution))
    options.sort(key=lambda option: (option.points, -option.sizes[-1]))
    return _chosen(prediction, resolution, int(budget), population, tuple(options), own is None, draws)


def _begun(
    recipe: RecipeSource, learner: str | Learner, resolution: float, budget: int
) -> tuple[Recipe, Prediction, I64, float]:
    """The recipe, its prediction, the sizes that windows are made of and the resolution, all checked."""
    recipe = recipe_of(recipe)
    if not family_of(recipe).laws.has_curves(recipe) or recipe.partitions:
        recipe.needs_values("a plan")
    recipe.needs_own_embedding("a plan")
    resolution = checked(resolution, budget, "training points")
    prediction = make_prediction(recipe, learner)
    return recipe, prediction, _grid(prediction.population, prediction, int(budget)), resolution


def plan_work(recipe: RecipeSource, learner: str, resolution: float, budget: int) -> dict[str, Any]:
    """Return what `make_plan` of the same arguments would do, and refuse what it would refuse at once.

    Returns
    -------
    dict
        ``sizes``, number of ``windows``, ``structures`` that are drawn, ``label_draws`` on each, ``structure_points``,
        ``curve``: whether the learner's own curve is computed on structures, too, and ``memory_bytes`` of one.
    """
    recipe, prediction, grid, _ = _begun(recipe, learner, resolution, budget)
    smaller = _measured_on(recipe)
    points = smaller.max_points if not recipe.addressed else min(smaller.max_points, int(max(grid, default=0)) * 2)
    count = max(0, grid.size - FEWEST_SIZES + 1)
    return {
        "sizes": grid.tolist(),
        "windows": count * (count + 1) // 2,
        "structures": STRUCTURES if count else 0,
        "label_draws": LABEL_DRAWS,
        "structure_points": points,
        "curve": bool(prediction.has_curve),
        "memory_bytes": memory_of(smaller).array_bytes(),
    }


def _chosen(
    prediction: Prediction,
    resolution: float,
    budget: int,
    population: float,
    options: tuple[Option, ...],
    borrowed: bool,
    draws: int,
) -> Plan:
    within = [option for option in options if option.points <= budget]
    chosen = max(within, key=lambda option: (option.sizes[-1], -option.points)) if within else options[0]
    if within:
        reason = chosen_words(chosen, "n", "training points")
        cheapest = min(within, key=lambda option: option.points)
        if cheapest.points < chosen.points:
            reason += (
                f"; chosen as it reaches the largest n, for ± {resolution:g} {cheapest.points:,} points would do: "
                f"{cheapest.seeds} seeds at n = {cheapest.sizes[0]} … {cheapest.sizes[-1]}"
            )
    else:
        reason = cheapest_words(chosen, "n", "training points")
    notes = [
        f"scatter measured with one neighbour on {STRUCTURES} structures and {LABEL_DRAWS} label draws each, risks "
        "over up to 1024 test points; itself uncertain by a fifth",
        f"a replicate averages over {draws} label draw{'s' * (draws != 1)}",
    ]
    if borrowed and prediction.learner not in ("1-nn", "bayes"):
        notes.append(f"no curve of {prediction.learner!r} is known: its scatter is taken to be that of one neighbour")
    law = prediction.law
    if law.log_period is not None:
        notes.append(
            f"log-periodic with {law.log_period:g}: compare with the curve over the same sizes, or span whole periods"
        )
    if law.data_exponent is not None and not law.attained:
        notes.append("the asymptote is not reached at these sizes: the exponent that is resolved is the local one")
    if law.data_exponent is None:
        notes.append("no power law holds: what is resolved is the slope over these sizes, to be held against the curve")
    return Plan(
        prediction.learner,
        resolution,
        budget,
        bool(within),
        reason,
        chosen,
        options[:64],
        law.data_exponent,
        population,
        tuple(notes),
    )


def _impossible(prediction: Prediction, resolution: float, budget: int, population: float, grid: I64) -> Plan:
    needed = RESOLVED * _SMALLEST * 2 ** (FEWEST_SIZES - 1)
    if population / RESOLVED < _SMALLEST * 2 ** (FEWEST_SIZES - 1):
        what = "side" if prediction.recipe.n_points is None else f"n_points = {needed}"
        reason = (
            f"N = {population:.0f} leaves {grid.size} sizes up to N/16, needed are {FEWEST_SIZES}: use a larger {what}"
            if what == "side"
            else f"N = {population:.0f} leaves {grid.size} sizes up to N/16, needed are {FEWEST_SIZES}: use {what} "
            "or more"
        )
    else:
        least = 3 * _SMALLEST * (2**FEWEST_SIZES - 1)
        reason = (
            f"a budget of {budget} training points is too small for {FEWEST_SIZES} sizes: use budget = {least} or more"
        )
    return Plan(
        prediction.learner, resolution, budget, False, reason, None, (), prediction.law.data_exponent, population, ()
    )


def _grid(population: float, prediction: Prediction, budget: int) -> I64:
    """Doubling sizes up to N/16, to what the learner's curve can bear, and to what three seeds of the budget allow."""
    most = min(population / RESOLVED, _LARGEST, budget / 3.0)
    if prediction.has_curve:
        most = min(most, prediction.affordable)
    start = 64 if most >= 64 * 2 ** (FEWEST_SIZES - 1) else _SMALLEST
    sizes = []
    while start <= most:
        sizes.append(start)
        start *= 2
    return np.array(sizes, np.int64)


# ---------------------------------------------------------------------------------------------------- scatter


def _measured_on(recipe: Recipe) -> Recipe:
    """The recipe of the structures that are drawn: a smaller one of large populations."""
    return recipe if recipe.addressed or recipe.max_points <= _MEASURED else recipe.smaller(_MEASURED)


def _scatter(recipe: Recipe, grid: I64) -> tuple[F64, F64]:
    """Risks of one neighbour: (structures, sizes) exact over labels, (structures, draws, sizes) of drawn labels."""
    smaller = _measured_on(recipe)
    sizes = tuple(int(n) for n in grid)
    exact, drawn = [], []
    for draw in DrawnRealizations(smaller).draws(sizes, 0, STRUCTURES):
        if max(sizes) > draw.order.size - (0 if recipe.addressed else draw.test.size):
            continue
        X, y = draw.coordinates(), draw.labels(LABEL_DRAWS, max(sizes))
        row, rows = [], []
        for n in sizes:
            found = draw.order[:n][nearest(X[draw.order[:n]], X[draw.test])]
            row.append(float(draw.pair_risk(found, draw.test).mean()))
            rows.append(np.square(y[found] - y[draw.test]).mean(axis=0))
        exact.append(row)
        drawn.append(np.array(rows).T)
    if len(exact) < 3:
        raise RecipeError("too few drawn structures are large enough to measure the scatter: use a larger population")
    return np.array(exact), np.array(drawn)


def _own_scatter(prediction: Prediction, grid: I64) -> F64 | None:
    """The learner's own curves structure by structure, None where there are no several."""
    if not prediction.has_curve:
        return None
    try:
        columns = prediction.replicates(grid)
    except FractalmanError:
        return None
    return columns if len(columns) > 2 else None
