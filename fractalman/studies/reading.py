"""Reading the specification of a study: its source, its own table and the settings of learners, checked as a whole.

[recipe] or [data] (file, hierarchy, target; text) · [network], whose layer the points are · the study's own table ·
[mlp], [random-features], … as for confirm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import fractalman.learners
from fractalman.config import (
    REQUIRED,
    Check,
    Keys,
    choice,
    integer,
    optional,
    read_table,
    refuse,
    sequence,
    shown,
    text,
    unknown,
)
from fractalman.errors import FractalmanError, RecipeError
from fractalman.experiments.given import data_of_table
from fractalman.recipes.checks import MAX_POINTS
from fractalman.sources import specified_recipe
from fractalman.studies.estimated import HIERARCHIES
from fractalman.studies.sources import KNOWN, TARGETS, FileSource, RecipeSource
from fractalman.studies.trained_source import EXAMPLE as NETWORK
from fractalman.studies.trained_source import Source, TrainedSource, trained_source
from fractalman.toml_text import Source as SpecSource
from fractalman.toml_text import tables_of

__all__ = ["SpecSource", "Tables", "read_study", "rising", "sizes", "some"]

_DATA: Keys = {
    "file": (text("the name of a .npz, .npy or .csv file"), REQUIRED),
    "hierarchy": (choice(*HIERARCHIES, KNOWN), HIERARCHIES[0]),
    "target": (choice(*TARGETS), TARGETS[0]),
    "digest": (optional(text("the digest of the file", 200)), None),
}


def rising(low: int) -> Check:
    """Return the check of a list, possibly empty, of rising integers from ``low`` up."""
    return sequence(integer(low, MAX_POINTS), least=0, most=1000, rising=True)


def some(*allowed: str) -> Check:
    """Return the check of a list, possibly empty, of some words, each once."""
    return sequence(choice(*allowed), least=0, most=len(allowed), once=True)


def sizes(least: int = 1) -> Check:
    """Return the check of a list of ``least`` or more rising sizes from 2 up."""
    return sequence(integer(2, MAX_POINTS), least=least, most=200, rising=True, example="[128, 256, 512]")


@dataclass(frozen=True)
class Tables:
    """A study's specification, read and checked.

    Args:
        source: where the points come from.
        values: the study's own table, defaults filled in.
        settings: learner → its table.
    """

    source: Source
    values: dict[str, Any]
    settings: Mapping[str, Mapping[str, Any]]


def read_study(
    source: SpecSource, name: str, keys: Keys, learners: tuple[str, ...], example: str, *,
    superposed: bool = False, classes: bool = False,
) -> Tables:  # fmt: skip
    """Return the checked tables of a study.

    Args:
        source: the specification.
        name: of the study and of its table.
        keys: key of that table → (check, default or `REQUIRED`); ``draws``, where it is one, are label vectors on
            every structure.
        learners: whose tables may stand beside it.
        example: what to type where something is missing.
        superposed: whether points may be superpositions of their latents, whose labels need no values.
        classes: whether labels may be classes.
    Errors: RecipeError naming every unknown table and key, with the nearest allowed one, and every bad value at once.
    """
    tables, _ = tables_of(source)
    allowed = ("recipe", "data", "network", name, *learners)
    problems = [unknown("table", key, allowed) for key in tables if key not in allowed]
    if name not in tables:
        problems.append(f"no table [{name}] found; use e.g. {example}")
    values = read_table(name, tables.get(name, {}), keys, problems, example) if name in tables else {}
    settings: dict[str, Mapping[str, Any]] = {}
    for learner in learners:
        if learner not in tables:
            continue
        table = tables[learner]
        if not isinstance(table, Mapping):
            problems.append(f"{learner} is {shown(table)}: expected a table [{learner}]")
            continue
        try:
            fractalman.learners.make(learner, table)
        except RecipeError as error:
            problems += map(str, error.args)
        settings[learner] = dict(table)
    points = _source(tables, values, problems, superposed, classes)
    refuse(problems)
    return Tables(cast(Source, points), values, settings)  # where it is None, that was a problem


def _source(
    tables: Mapping[str, Any], values: Mapping[str, Any], problems: list[str], superposed: bool, classes: bool
) -> Source | None:
    given = [key for key in ("recipe", "data") if key in tables]
    if len(given) != 1:
        problems.append(
            f"tables {' and '.join(f'[{key}]' for key in given) or '[recipe] and [data] are both missing'}: expected "
            'one of them; use e.g. [recipe] family = "cascade", or [data] file = "digits.npz"'
        )
        return None
    if "network" in tables:
        return _network(tables, given[0], problems)
    if given == ["recipe"]:
        try:
            recipe = specified_recipe(tables["recipe"])
            if not superposed:
                if not classes:
                    recipe.needs_values("a study")
                recipe.needs_own_embedding("a study")
            return RecipeSource(recipe, int(values.get("draws", 1)))
        except RecipeError as error:
            problems += map(str, error.args)
            return None
    if isinstance(tables["data"], Mapping) and "arrays" in tables["data"]:
        problems.append("the points of this run were arrays, which are not kept: call the function with them again")
        return None
    if isinstance(tables["data"], Mapping) and "text" in tables["data"]:
        problems.append(f"[data] text without [network]: contexts are no points of a space; use e.g. {NETWORK}")
        return None
    return _file(tables["data"], problems)


def _file(given: Any, problems: list[str]) -> FileSource | None:
    """Return the points of a table [data] with a file; None with what is wrong among the problems."""
    before = len(problems)
    table = read_table("data", given, _DATA, problems, '[data] file = "digits.npz"')
    if len(problems) > before:
        return None
    try:
        made = FileSource.of(table["file"], table["hierarchy"], table["target"])
    except (FractalmanError, OSError) as error:
        problems.append(str(error))
        return None
    if table["digest"] not in (None, made.digest):
        problems.append(f"data.digest is another than that of {made.path}: the file has changed; leave the key out")
    return made


def _network(tables: Mapping[str, Any], kind: str, problems: list[str]) -> TrainedSource | None:
    """Return the layer of a network over the points of [recipe] or [data]."""
    table = tables[kind]
    if kind == "data" and isinstance(table, Mapping) and "text" not in table:
        file = _file(table, problems)
        return None if file is None else trained_source(file, tables["network"], problems)
    try:
        points = specified_recipe(table) if kind == "recipe" else data_of_table(table)
    except RecipeError as error:
        problems += map(str, error.args)
        return None
    return trained_source(points, tables["network"], problems)
