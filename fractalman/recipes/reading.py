"""Recipes from tables and TOML: unknown keys are refused with the nearest match, every mistake at once."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fractalman.errors import RecipeError, nearest, unknown_keywords
from fractalman.recipes.base import Recipe
from fractalman.recipes.registry import family_names, recipe_class


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
    if family not in family_names():
        hint = nearest(str(family), family_names())
        raise RecipeError(f"unknown family {family!r}: expected {', '.join(family_names())}{hint}")
    cls = recipe_class(family)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    problems = unknown_keywords("key", table, fields, f"{where}.", ignored=("family",))
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
                problems.append(str(error))
        raise RecipeError("; ".join(problems))
    return cls(**known)


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Parameters
    ----------
    path : str or Path
        Of the file, UTF-8.

    Returns
    -------
    dict
        Name of a table → its values.

    Raises
    ------
    RecipeError
        In one line, when the file cannot be read or is no TOML.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise RecipeError(f"{path} is not a text file: expected TOML in UTF-8 with a table [recipe]") from None
    except OSError as error:
        raise RecipeError(f"cannot read {path}: {error.strerror}") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path} is not valid TOML: {error}") from None


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
        try:
            tables = tomllib.loads(source)
        except tomllib.TOMLDecodeError as error:
            raise RecipeError(f"not valid TOML: {error}") from None
    else:
        tables = read_toml(source)
    if "recipe" not in tables:
        raise RecipeError(f"no table [recipe] found{nearest('recipe', tables)}; write [recipe] above the keywords")
    return from_dict(tables["recipe"])
