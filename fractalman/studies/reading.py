"""Reading the specification of a study: its source, its own table and the settings of learners, checked as a whole.

[recipe] or [data] (file, hierarchy, target) · the study's own table · [mlp], [random-features], … as for confirm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fractalman.errors import FractalmanError, RecipeError, nearest
from fractalman.experiments.checks import REQUIRED, Check, read_table, word
from fractalman.experiments.reading import tables_of
from fractalman.learners import make
from fractalman.recipe import from_dict
from fractalman.studies.estimated import HIERARCHIES
from fractalman.studies.sources import TARGETS, FileSource, RecipeSource, Source

SpecSource = str | Path | Mapping[str, Any]
"""Path of a TOML file, TOML text (a str with a newline), or its tables as a dict."""


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise RecipeError(f"{name} = {value!r}: allowed is the name of a .npz, .npy or .csv file")
    return value


_DATA: dict[str, tuple[Check, Any]] = {
    "file": (_text, REQUIRED),
    "hierarchy": (word(*HIERARCHIES), HIERARCHIES[0]),
    "target": (word(*TARGETS), TARGETS[0]),
    "digest": (_text, None),
}


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
    source: SpecSource, name: str, keys: Mapping[str, tuple[Check, Any]], learners: tuple[str, ...], example: str
) -> Tables:
    """Return the checked tables of a study.

    Args:
        source: the specification.
        name: of the study and of its table.
        keys: key of that table → (check, default or `REQUIRED`); ``draws``, where it is one, are label vectors on
            every structure.
        learners: whose tables may stand beside it.
        example: what to type where something is missing.
    Errors: RecipeError naming every unknown table and key, with the nearest allowed one, and every bad value at once.
    """
    tables, _ = tables_of(source)
    allowed = ("recipe", "data", name, *learners)
    problems = [
        f"unknown table [{key}]: allowed are {', '.join(f'[{t}]' for t in allowed)}{nearest(str(key), allowed)}"
        for key in tables
        if key not in allowed
    ]
    if name not in tables:
        problems.append(f"no table [{name}] found; type e.g. {example}")
    values = read_table(name, tables.get(name, {}), keys, problems, example) if name in tables else {}
    settings: dict[str, Mapping[str, Any]] = {}
    for learner in learners:
        table = tables.get(learner, {})
        if not isinstance(table, Mapping):
            problems.append(f"{learner} is {type(table).__name__}: allowed is a table [{learner}]")
            continue
        if table:
            try:
                make(learner, table)
            except RecipeError as error:
                problems.append(str(error))
            settings[learner] = dict(table)
    points = _source(tables, values, problems)
    if problems or points is None:
        raise RecipeError("; ".join(problems))
    return Tables(points, values, settings)


def _source(tables: Mapping[str, Any], values: Mapping[str, Any], problems: list[str]) -> Source | None:
    given = [key for key in ("recipe", "data") if key in tables]
    if len(given) != 1:
        problems.append(
            f"tables {' and '.join(f'[{key}]' for key in given) or '[recipe] and [data] are both missing'}: allowed is "
            'one of them; type e.g. [recipe] family = "cascade", or [data] file = "digits.npz"'
        )
        return None
    if given == ["recipe"]:
        try:
            return RecipeSource(from_dict(tables["recipe"]), int(values.get("draws", 1)))
        except RecipeError as error:
            problems.append(str(error))
            return None
    before = len(problems)
    table = read_table("data", tables["data"], _DATA, problems, '[data] file = "digits.npz"')
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
