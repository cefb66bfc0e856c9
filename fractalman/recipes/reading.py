"""Recipes from tables and TOML: unknown keys are refused with the nearest match, every mistake at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fractalman._arguments import checked_arguments
from fractalman.config import MAX_LINES, MAX_WIDTH, shown, summary
from fractalman.errors import RecipeError, nearest, unknown_keywords
from fractalman.recipes.base import Recipe
from fractalman.recipes.registry import family_names, recipe_class
from fractalman.toml_text import parse_toml, read_toml


@checked_arguments
def from_dict(table: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """Return the recipe of a table with ``family`` and the constructor's keywords.

    Parameters
    ----------
    table : mapping of str to object
        Plain values; lists become tuples, ``seed`` is an integer or a table.
    where : str, default "recipe"
        The table's name, used in messages.

    Returns
    -------
    Recipe
        Of the family that the table names.

    Raises
    ------
    RecipeError
        Naming every unknown key, missing key or bad value.

    Examples
    --------
    >>> from_dict({"family": "cascade", "n_points": 100}).hurst
    1.0
    """
    if not isinstance(table, Mapping):
        raise RecipeError(f"{where} is {type(table).__name__}: expected a table [{where}]")
    if "family" not in table:
        raise RecipeError(f"{where} has no key 'family': expected {', '.join(family_names())}")
    family = table["family"]
    if not isinstance(family, str) or family not in family_names():
        hint = nearest(family, family_names()) if isinstance(family, str) and len(family) <= MAX_WIDTH else ""
        raise RecipeError(f"unknown family {shown(family)}: expected {', '.join(family_names())}{hint}")
    cls = recipe_class(family)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    wrong = [key for key in table if key != "family" and key not in fields]
    problems = unknown_keywords("key", wrong[:MAX_LINES], fields, f"{where}.")
    problems += [f"{where}: {len(wrong) - MAX_LINES} more unknown keys"] if len(wrong) > MAX_LINES else []
    problems += [
        f"missing key {where}.{name}"
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and name not in table
    ]
    known: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items() if k in fields}
    if problems:
        for name, value in known.items():
            try:
                cls._checks[name](name, value)
            except RecipeError as error:
                problems += map(str, error.args)
        raise RecipeError(*summary(problems).splitlines())
    return cls(**known)


@checked_arguments
def from_toml(source: str | Path) -> Recipe:
    r"""Return the recipe in the ``[recipe]`` table of TOML text (a str with a newline) or of a TOML file (a path).

    Parameters
    ----------
    source : str or Path
        TOML text (a str with a newline) or the path of a TOML file.

    Returns
    -------
    Recipe
        Of the family that the table names.

    Raises
    ------
    RecipeError
        If there is no such file, no table, or the recipe is not allowed.

    Examples
    --------
    >>> from_toml('[recipe]\nfamily = "cascade"\nn_points = 100\n').n_points
    100
    """
    if isinstance(source, str) and "\n" in source:
        tables = parse_toml(source)
    else:
        tables = read_toml(source)
    if "recipe" not in tables:
        raise RecipeError(f"no table [recipe] found{nearest('recipe', tables)}; write [recipe] above the keywords")
    return from_dict(tables["recipe"])
