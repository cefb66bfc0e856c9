"""Experiment specifications: what to sweep, checked as a whole before anything starts.

[recipe] the dataset, or [data] points that are given (a text, a file) · [sweep] learners, axis, train_sizes or
values and train_size, seeds, test_size, label_draws, network_draws, max_fraction, doubling_checks, loss · [mlp],
[random-features], [k-nn], … settings of a learner · [fit] window_low, window_high, min_sizes, min_seeds.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import operator
from collections.abc import Mapping
from typing import Any, cast

from fractalman import learners
from fractalman.config import (
    REQUIRED,
    Keys,
    choice,
    integer,
    is_integer,
    read_table,
    real,
    refuse,
    sequence,
    shown,
    switch,
    text,
    unknown,
)
from fractalman.errors import FractalmanError, MissingExtraError, RecipeError, nearest
from fractalman.experiments.axes import (
    DATA_AXIS,
    NOT_AN_AXIS,
    RECIPE_PREFIX,
    Axis,
    Number,
    axis_named,
    changed,
    one_pass_size,
)
from fractalman.experiments.brought import brought_learners
from fractalman.experiments.class_reading import class_problems
from fractalman.experiments.class_risks import LOSSES
from fractalman.experiments.given import data_of_table
from fractalman.experiments.specification import BAYES, Spec, string_settings
from fractalman.learners import Learner, axes, doubled_settings, learner_class, names, settings_of
from fractalman.recipes import Recipe
from fractalman.recipes.checks import MAX_POINTS
from fractalman.sources import specified_recipe
from fractalman.toml_text import Source, tables_of

__all__ = ["BAYES", "Spec", "load_spec"]


_EXAMPLE = '[sweep] learners = ["1-nn"], train_sizes = [128, 256, 512], seeds = 3'


def load_spec(source: Source, brought: Mapping[str, Any] | None = None) -> Spec:
    """Return the checked specification of a TOML file, of TOML text (a str with a newline) or of a dict of tables.

    Parameters
    ----------
    source : str, Path or dict
        Where it comes from. It names learners and imports none: what is neither in the registry nor an installed entry
        point must be ``brought``.
    brought : dict, optional
        Name → somebody's own learner, as `fractalman.learners.own` takes it; those that ``sweep.learners`` leaves out
        come last.

    Returns
    -------
    Spec

    Raises
    ------
    RecipeError
        Naming every unknown key (with the nearest allowed one) and every bad value at once.
    """
    tables, where = tables_of(source)
    own, tables = brought_learners(tables, {} if brought is None else brought)
    known = ("recipe", "data", "sweep", *learner_tables(), "fit")
    problems = [
        f"[{key}]: {key} has no settings; leave the table out" if key in names() else unknown("table", key, known)
        for key in tables
        if key not in known
    ]
    if "sweep" not in tables:
        problems.append(f"no table [sweep] in {where}: confirm needs one; use e.g. {_EXAMPLE}")
    recipe = _points(tables, where, problems)
    sweep = read_table("sweep", tables["sweep"], _SWEEP, problems, _EXAMPLE) if "sweep" in tables else {}
    fit = read_table("fit", tables.get("fit", {}), _FIT, problems, _EXAMPLE)
    low, high = fit.get("window_low"), fit.get("window_high")
    if low is not None and high is not None and low >= high:
        problems.append(f"fit.window_low = {low} and fit.window_high = {high}: expected window_low < window_high")
    else:
        problems += _unfittable(sweep, fit)
    if sweep.get("learners"):
        sweep["learners"] = tuple(dict.fromkeys((*sweep["learners"], *own)))
    settings = _settings(tables, problems)
    if "sweep" in tables and isinstance(tables["sweep"], Mapping):
        settings = _check_learners(
            sweep.get("learners", ()), settings, bool(sweep.get("doubling_checks")), own, recipe, problems
        )
        _check_axis(sweep, settings, recipe, problems)
        if recipe is not None:
            problems += class_problems(recipe, sweep, settings, own)
    refuse(problems)
    test_size = sweep.pop("test_size")
    sweep |= {"brought": own, "test_size": 1 if test_size is None else test_size}
    spec = Spec(recipe=cast(Recipe, recipe), settings=settings, fit=fit, **sweep)
    refuse(_size_problems(spec))
    if test_size is None:
        spec = dataclasses.replace(spec, test_size=_test_size(spec))
    refuse(_condition_problems(spec))
    return spec


def _points(tables: Mapping[str, Any], where: str, problems: list[str]) -> Recipe | None:
    """Return the dataset of [recipe], or the points of [data]."""
    if "recipe" in tables and "data" in tables:
        problems.append(f"tables [recipe] and [data] in {where}: expected one of them")
        return None
    if "recipe" not in tables and "data" not in tables:
        problems.append(f'no table [recipe] in {where}; use e.g. [recipe] family = "cascade", n_points = 4096')
        return None
    try:
        if "data" in tables:
            return data_of_table(tables["data"])
        recipe = specified_recipe(tables["recipe"])
        recipe.needs_own_embedding("a sweep")
    except RecipeError as error:
        problems += map(str, error.args)
        return None
    return recipe


def _size_problems(spec: Spec) -> list[str]:
    """Return why there would be too many points to list, let alone to measure."""
    each = sum(1 + len(spec.doubled_settings(name)) for name in spec.learners)
    count = spec.seeds * len(spec.values) * each
    if count <= MAX_TASKS:
        return []
    return [
        f"sweep.seeds = {spec.seeds}, {len(spec.values)} conditions and {each} measurements of each make {count} "
        f"points: expected at most {MAX_TASKS}; use fewer seeds, or divide the sweep"
    ]


def _test_size(spec: Spec) -> int:
    """Return `TEST_SIZE`, or what the smallest population of the sweep leaves beside its largest training set."""
    if spec.recipe.addressed:
        return TEST_SIZE
    left = []
    for value in spec.values:
        with contextlib.suppress(FractalmanError):  # a value that the recipe does not take is refused below
            left.append(spec.condition(value).recipe.max_points - spec.largest(value))
    return max(1, min([TEST_SIZE, *left]))


def learner_tables() -> tuple[str, ...]:
    """Return the learners that have settings, and so a table of their own in a specification."""
    return tuple(name for name in names() if settings_of(name))


def _unfittable(sweep: Mapping[str, Any], fit: Mapping[str, Any]) -> list[str]:
    """Return why the conditions and replicates asked for can never be fitted as [fit] says, where it was said."""
    problems = []
    axis = "values" if sweep.get("values") else "train_sizes"
    conditions, seeds = sweep.get(axis) or (), sweep.get("seeds")
    low, high, least = fit.get("window_low") or -math.inf, fit.get("window_high") or math.inf, fit.get("min_sizes") or 0
    inside = [condition for condition in conditions if low <= condition <= high]
    said = len(inside) < len(conditions) or least != _FIT["min_sizes"][1]  # the defaults were not typed by anybody
    if said and len(inside) < least:
        problems.append(
            f"[fit] leaves {len(inside)} of sweep.{axis} = {shown(list(conditions))} and needs {least} "
            f"(fit.min_sizes): expected a window that holds {least} or more; use another window, or more {axis}"
        )
    if seeds and fit.get("min_seeds", 0) > max(seeds, _FIT["min_seeds"][1]):
        least = fit["min_seeds"]
        problems.append(
            f"fit.min_seeds = {least} and sweep.seeds = {seeds}: expected min_seeds <= seeds; use seeds = {least}"
        )
    return problems


def _settings(tables: Mapping[str, Any], problems: list[str]) -> dict[str, Mapping[str, Any]]:
    """Return the learners' tables as they stand."""
    settings: dict[str, Mapping[str, Any]] = {}
    for name in learner_tables():
        table = tables.get(name, {})
        if not isinstance(table, Mapping):
            problems.append(f"{name} is {shown(table)}: expected a table [{name}]")
        elif table:
            settings[name] = dict(table)
    for name, table in settings.items():
        padding = learner_class(name).padding
        if padding and padding in table:
            problems.append(f"{name}.{padding} is set by the sweep to its largest training set: leave it out")
    return settings


def _check_learners(
    asked: tuple[str, ...],
    settings: dict[str, Mapping[str, Any]],
    doubling: bool,
    own: Mapping[str, Learner],
    recipe: Recipe | None,
    problems: list[str],
) -> dict[str, Mapping[str, Any]]:
    """Make every learner once: it knows its own name and settings best; fill in what the sweep must know of them."""
    filled = dict(settings)
    absent: MissingExtraError | None = None
    for name in dict.fromkeys((*asked, *settings)):
        if name in own:
            continue
        table = settings.get(name, {})
        try:
            learner = learners.make(name, {**({} if recipe is None else string_settings(name, table, recipe)), **table})
        except RecipeError as error:
            problems += map(str, error.args)
            continue
        except MissingExtraError as error:
            absent = absent or error
            continue
        needed = doubled_settings(name) if doubling and name in asked else ()
        if table.get("sampling") == "one-pass":
            needed = (*needed, "steps", "batch_size")
        missing = {key: learner.setting(key) for key in needed if key not in table}
        if missing:
            filled[name] = {**table, **missing}
    if absent is not None and not problems:  # what is wrong whatever is installed is said first
        raise absent
    return filled


def _check_axis(
    sweep: dict[str, Any], settings: Mapping[str, Mapping[str, Any]], recipe: Recipe | None, problems: list[str]
) -> None:
    """Check what belongs to the axis and replace axis, values and train_size by the fields of `Spec`."""
    name, values = sweep.pop("axis", DATA_AXIS), sweep.pop("values", None)
    size, sizes = sweep.pop("train_size", None), sweep.get("train_sizes")
    sweep["axis_name"] = name
    if name == DATA_AXIS:
        if values is not None or size is not None:
            key = "values" if values is not None else "train_size"
            problems.append(f'sweep.{key} belongs to another axis than "n": use train_sizes, or axis = "width"')
        if sizes is None and not any("sweep.train_sizes" in problem for problem in problems):
            problems.append(f"missing key sweep.train_sizes; use e.g. {_EXAMPLE}")
        sweep["values"] = sizes or ()
        return
    axis = axis_named(name)
    asked = sweep.get("learners", ())
    if sizes is not None:
        problems.append(f'sweep.train_sizes belongs to axis = "n": along {name} use values = […] and train_size = n')
    problems += _axis_problems(axis, asked, recipe)
    if values is None:
        if not any("sweep.values" in problem for problem in problems):
            problems.append(f'missing key sweep.values; use e.g. axis = "{name}", values = [8, 16, 32, 64]')
        sweep["values"], sweep["train_sizes"] = (), ()
        return
    if axis.kind in ("model", "budget") and not all(isinstance(v, int) and v >= 1 for v in values):
        problems.append(f"sweep.values = {shown(list(values))}: expected integers >= 1 along {name}")
        values = ()
    most = []
    for value in values:
        tables = settings if axis.kind == "recipe" else changed(settings, asked, axis.key, value)
        most.append(max((one_pass_size(tables.get(learner, {})) or 0 for learner in asked), default=0))
    if size is None and values and min(most) == 0:
        problems.append(
            f"missing key sweep.train_size: along {name} the training-set size is fixed; use train_size = n"
        )
    sweep["values"] = values
    sweep["train_sizes"] = (size,) if size else tuple(most) if len(set(most)) > 1 else tuple(most[:1])


def _axis_problems(axis: Axis, asked: tuple[str, ...], recipe: Recipe | None) -> list[str]:
    """Return why the axis cannot be."""
    if axis.kind != "recipe":
        having = axes()[axis.key]
        without = [name for name in asked if name not in having]
        return [
            f"sweep.axis = {axis.name!r}: learner {name!r} has no {axis.key}; expected {', '.join(having)}"
            for name in without
        ]
    if recipe is None:
        return []
    keys = [
        field.name
        for field in dataclasses.fields(recipe)
        if field.name not in NOT_AN_AXIS and {"int", "float"} & set(str(field.type).replace(" ", "").split("|"))
    ]
    if recipe.addressed:
        keys.remove("n_points")  # the sweep draws as many as it uses
    if axis.key in keys:
        return []
    typed = [RECIPE_PREFIX + key if key in axes() else key for key in keys]
    allowed = (DATA_AXIS, *axes(), *typed)
    return [f"sweep.axis = {axis.name!r}: expected one of {', '.join(allowed)}{nearest(axis.key, allowed)}"]


def _condition_problems(spec: Spec) -> list[str]:
    """Return what is wrong under any condition of the sweep, each thing once."""
    problems: dict[str, None] = {}
    for value in spec.values:
        try:
            condition = spec.condition(value)
        except FractalmanError as error:  # the recipe does not take this value
            problems[str(error)] = None
            continue
        if not spec.recipe.addressed:
            needed, recipe = spec.largest(value) + spec.test_size, condition.recipe
            if needed > recipe.max_points:
                key = "n_points" if recipe.n_points else "max_points"
                typed = f"n_points = {needed} or more" if recipe.n_points else "a larger side"
                problems[
                    f"train_sizes up to {spec.largest(value)} and test_size = {spec.test_size} need {needed} "
                    f"different points, and recipe.{key} = {recipe.max_points}: use {typed}"
                ] = None
    if problems:
        return list(problems)
    for condition in spec.conditions():
        for name in spec.learners:
            table = spec.learner_settings(name, condition)
            try:
                spec.make(name, condition)
            except RecipeError as error:
                problems[str(error)] = None
            fresh = one_pass_size(table)
            if fresh is not None and condition.n < fresh and not any('"one-pass"' in problem for problem in problems):
                doubled = spec.doubling_checks and spec.axis.kind == "data"
                problems[
                    f'{name}.sampling = "one-pass" needs {fresh} training points = steps · batch_size, and '
                    f"{condition.n} are asked for{' (doubling_checks = true doubles the steps)' * doubled}: use fewer "
                    "steps, or larger sizes"
                ] = None
    return list(problems)


# ---------------------------------------------------------------------------------------------------- values


def _names(name: str, value: Any) -> tuple[str, ...]:
    found: tuple[str, ...] = _NAMES(name, value)
    if BAYES in found:
        raise RecipeError(f"{name} names 'bayes': the Bayes floor is always computed; leave it out")
    return found


def _number(name: str, value: Any) -> Number:
    """Check a position on an axis; an integer stays one."""
    checked = real(-MOST, MOST)(name, value)
    return operator.index(value) if is_integer(value) else checked


def _positive(name: str, value: Any) -> Number:
    checked = real(0.0, MOST, open_low=True)(name, value)
    return operator.index(value) if is_integer(value) else checked


def _axis(name: str, value: Any) -> str:
    return text(f"one of {DATA_AXIS}, {', '.join(axes())} or a key of [recipe]", 80)(name, value)


MOST = 1e18
"""Largest position on an axis."""
MAX_SEEDS, MAX_DRAWS, MAX_CONDITIONS, MAX_TASKS = 10_000, 4096, 200, 1_000_000
TEST_SIZE = 2048
"""Test points where the specification does not say, or as many as the population leaves."""
_NAMES = sequence(text("the name of a learner", 80), most=100, once=True, example='["1-nn", "mlp"]')
_SWEEP: Keys = {
    "learners": (_names, REQUIRED),
    "axis": (_axis, DATA_AXIS),
    "values": (sequence(_number, least=3, most=MAX_CONDITIONS, rising=True, example="[8, 16, 32, 64]"), None),
    "train_sizes": (
        sequence(integer(2, MAX_POINTS), most=MAX_CONDITIONS, rising=True, example="[128, 256, 512]"), None
    ),
    "train_size": (integer(2, MAX_POINTS), None),
    "doubling_checks": (switch, False),
    "seeds": (integer(1, MAX_SEEDS), REQUIRED),
    "test_size": (integer(1, MAX_POINTS), None),
    "label_draws": (integer(1, MAX_DRAWS), None),
    "network_draws": (integer(1, MAX_DRAWS), 1),
    "loss": (choice(*LOSSES), None),
    "max_fraction": (real(0.0, 1.0, open_low=True, example="(1/16 is the default)"), 1 / 16),
}  # fmt: skip
_FIT: Keys = {
    "window_low": (_positive, None),
    "window_high": (_positive, None),
    "min_sizes": (integer(3, MAX_CONDITIONS), 3),
    "min_seeds": (integer(2, MAX_SEEDS), 2),
}
