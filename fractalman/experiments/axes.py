"""Axes: what a sweep varies, which limit a fit along it needs, and what every condition of it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fractalman.display import HtmlTable
from fractalman.learners import axes, axis_kind
from fractalman.recipes import Recipe

DATA_AXIS = "n"
RECIPE_PREFIX = "recipe."
"""``axis = "recipe.depth"`` is the recipe's keyword where a learner's setting has the same name."""
NOT_AN_AXIS = ("seed", "family")

Number = int | float


@dataclass(frozen=True)
class Axis(HtmlTable):
    """What a sweep varies.

    Args:
        name: as the specification has it.
        kind: "data" (training-set size), "model" (size of the learner), "budget" (training steps) or "recipe".
        key: the learner's setting or the recipe's keyword that is varied; "" for the data axis.
        abscissa: what a fit along the axis takes as its abscissa: "n", "P" (number of parameters), "steps" or, for a
            keyword of the recipe, "": nothing is fitted along it.
    """

    name: str
    kind: str
    key: str
    abscissa: str

    @property
    def shares_points(self) -> bool:
        """Whether one replicate serves all values of the axis."""
        return self.kind != "recipe"


def axis_named(name: str) -> Axis:
    """Return the axis of a name; what is no setting of a learner is a keyword of the recipe."""
    if name == DATA_AXIS:
        return Axis(name, "data", "", "n")
    kind = axis_kind(name)
    if kind is None:
        return Axis(name, "recipe", name.removeprefix(RECIPE_PREFIX), "")
    return Axis(name, kind, name, name if kind == "budget" else "P")


@dataclass(frozen=True)
class Condition(HtmlTable):
    """What a measurement is made of, but for learner and replicate.

    Parameters
    ----------
    value : int or float
        Position on the axis.
    n : int
        Training-set size.
    key_n : int
        Training-set size of the condition itself, where this is a doubling check of one; random numbers hang on it.
    recipe : Recipe
        With the axis' keyword set.
    settings : dict
        Learner → table, with the axis' setting and the doubled one.
    """

    value: Number
    n: int
    key_n: int
    recipe: Recipe
    settings: Mapping[str, Mapping[str, Any]]


def changed(
    settings: Mapping[str, Mapping[str, Any]], learners: tuple[str, ...], key: str, value: Any
) -> dict[str, Mapping[str, Any]]:
    """Return ``settings`` with ``key`` set in the tables of those ``learners`` that have it."""
    out = dict(settings)
    for name in learners:
        if name in axes().get(key, ()):
            out[name] = {**settings.get(name, {}), key: value}
    return out


def one_pass_size(table: Mapping[str, Any]) -> int | None:
    """Return the training points that a network needs to see each of them once at most, None if it draws them again.

    Where it chooses among learning rates, a fifth of the points validates, and the rest must still suffice.
    """
    if table.get("sampling") != "one-pass" or not {"steps", "batch_size"} <= set(table):
        return None
    try:
        needed = int(table["steps"]) * int(table["batch_size"])
    except (TypeError, ValueError):  # the learner says what is wrong with them
        return None
    rates = table.get("learning_rate")
    return -(-needed * 5 // 4) if isinstance(rates, (list, tuple)) and len(rates) > 1 else needed
