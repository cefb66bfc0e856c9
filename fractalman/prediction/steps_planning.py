"""fm.plan along the steps: which numbers of steps and how many seeds resolve a network's exponent there.

Every number of steps is a training of its own, with a schedule of its own, so what it costs is its steps. The scatter
is that of the tangent kernel's gradient flow: between structures from risks expected over labels and starts, between
label vectors and starts from such that are drawn, and learned by the flow. Nothing is trained.

Along the steps a curve falls and then lies flat, so of the windows that a budget allows the one is taken whose exponent
exceeds its errors most, the flow's own error included.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fractalman._typing import I64
from fractalman.config import is_integer, shown
from fractalman.errors import RecipeError
from fractalman.prediction.along_steps import AlongSteps
from fractalman.prediction.drawn import DrawnRealizations
from fractalman.prediction.forecast import make_prediction
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
from fractalman.prediction.stopped import STOPPED, check_points, no_steps_curve, stopped_draws
from fractalman.sources import RecipeSource, recipe_of

if TYPE_CHECKING:
    from fractalman.learners import Learner
    from fractalman.learners.networks.mlp import MLP
    from fractalman.recipes import Recipe

AXIS = "steps"
_FEWEST, _MOST = 25, 25_600
"""Steps that a grid begins and ends with: from one that half resolves a schedule to eight times what was measured."""
_MEASURED = (50, 3200)
_STRUCTURES, _LABELS = 8, 16


def plan_of_steps(
    recipe: RecipeSource, learner: str | Learner, resolution: float, budget: int, axis: str, n: int
) -> Plan:
    """Return the plan of a sweep along the steps.

    Parameters
    ----------
    recipe, learner, resolution, budget, axis, n
        As for `make_plan`; ``budget`` counts steps.

    Raises
    ------
    RecipeError
        For an axis without plans, a learner without a curve along its steps, and numbers outside.
    """
    recipe, network, grid, resolution = begun(recipe, learner, resolution, budget, axis, n)
    prediction = make_prediction(recipe, network)
    if grid.size < FEWEST_SIZES:
        least = 3 * _FEWEST * (2**FEWEST_SIZES - 1)
        reason = (
            f"a budget of {budget} steps is too small for {FEWEST_SIZES} numbers of steps: use budget = {least} or "
        )
        return Plan(
            network.name, resolution, int(budget), False, f"{reason}more", None, (), None, prediction.population, (),
            AXIS, int(n),
        )  # fmt: skip
    source = cast(DrawnRealizations, prediction._source)
    expected, single = stopped_draws(source, network, grid.tolist(), int(n), _STRUCTURES, _LABELS)
    curve = AlongSteps(network, int(n), 1, _STRUCTURES, prediction.law, source, {})
    curve.keep(grid, STOPPED.ratio * expected)
    options = sorted(
        (
            _option(curve, grid, slice(low, high), expected, single, resolution)
            for low in range(grid.size)
            for high in range(low + FEWEST_SIZES, grid.size + 1)
        ),
        key=lambda option: (option.points, -option.sizes[-1]),
    )
    within = [option for option in options if option.points <= budget]
    chosen = max(within, key=lambda option: _told(curve, option)) if within else options[0]
    reason = chosen_words(chosen, AXIS, AXIS) if within else cheapest_words(chosen, AXIS, AXIS)
    if within:
        reason += f"; chosen as its exponent, {chosen.exponent:.3f}, exceeds its errors most"
    return Plan(
        network.name, resolution, int(budget), bool(within), reason, chosen, tuple(options[:64]), None,
        prediction.population, _notes(curve, chosen, resolution), AXIS, int(n),
    )  # fmt: skip


def steps_work(
    recipe: RecipeSource, learner: str | Learner, resolution: float, budget: int, axis: str, n: int
) -> dict[str, Any]:
    """Return what `plan_of_steps` of the same arguments would do, and refuse what it would refuse at once."""
    grid = begun(recipe, learner, resolution, budget, axis, n)[2]
    structures = _STRUCTURES if grid.size >= FEWEST_SIZES else 0
    return {"steps": grid.tolist(), "n": int(n), "structures": structures, "label_draws": _LABELS}


def begun(
    recipe: RecipeSource, learner: str | Learner, resolution: float, budget: int, axis: str, n: int
) -> tuple[Recipe, MLP, I64, float]:
    """Return recipe, network, numbers of steps and resolution, all checked; arguments as for `make_plan`."""
    if axis != AXIS:
        raise RecipeError(f"axis = {shown(axis)}: expected 'n', the training points, or 'steps'")
    found = recipe_of(recipe)
    resolution = checked(resolution, budget, AXIS)
    from fractalman.learners import make

    network: Any = make(learner) if isinstance(learner, str) else learner
    trouble = no_steps_curve(network)
    if trouble:
        raise RecipeError(trouble)
    found.needs_values("a plan along the steps")
    found.needs_own_embedding("a plan along the steps")
    largest = make_prediction(found, network).largest
    if not is_integer(n) or n > largest:
        raise RecipeError(f"n = {shown(n)}: expected a number of training points up to {largest:.0f}")
    check_points(int(n))
    most, grid, steps = min(_MOST, int(budget) / 3.0), [], _FEWEST
    while steps <= most:
        grid.append(steps)
        steps *= 2
    return found, network, np.array(grid, np.int64), resolution


def _option(
    curve: AlongSteps, grid: I64, window: slice, expected: np.ndarray, single: np.ndarray, resolution: float
) -> Option:
    own = grid[window]
    spread = slope_spread(own, expected[:, window]) ** 2 + label_spread(own, single[:, :, window]) ** 2
    return option_of(curve, own, math.sqrt(spread), resolution)


def _told(curve: AlongSteps, option: Option) -> tuple[float, int]:
    """How often an option's exponent holds its error, and the cheaper of two."""
    error = math.hypot(option.half_width, 1.96 * curve.slope_error(list(option.sizes)))
    return abs(option.exponent or 0.0) / error, -option.points


def _notes(curve: AlongSteps, chosen: Option, resolution: float) -> tuple[str, ...]:
    """Return what the numbers rest on."""
    error = curve.slope_error(list(chosen.sizes))
    finer = "" if resolution > 1.96 * error else ", so that nothing finer is tested"
    own = curve.learner.settings
    notes = [
        f'the network: optimizer = "sgd", learning_rate = {own.rates[0]:g}, width = {own.width}, depth = {own.depth}; '
        "a sweep takes them from its table [mlp]",
        f"scatter of gradient flow with the tangent kernel on {_STRUCTURES} structures, {_LABELS} label vectors and "
        "starts each; what stochastic steps and a finite width add to it is left out",
        "a replicate learns one label vector from one start, each number of steps anew with a schedule of its own",
        f"the predicted exponent has a standard error of its own, {error:.3f}, from how networks were measured to "
        f"follow the flow, which no number of seeds takes away{finer}",
        "no power law holds along the steps: what is resolved is the slope over these, to be held against the curve",
    ]
    if _told(curve, chosen)[0] < 2.0:
        notes.append(
            "the exponent is less than twice its error: no slope is told from another there, only the level is"
        )
    if chosen.sizes[0] < _MEASURED[0] or chosen.sizes[-1] > _MEASURED[1]:
        notes.append(f"networks were held against the flow from {_MEASURED[0]} to {_MEASURED[1]} steps; beyond is open")
    return tuple(notes)
