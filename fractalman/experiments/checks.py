"""Checks of a specification's values: every one returns the value in its own type, or says what is allowed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

from fractalman.errors import RecipeError, nearest

Check = Callable[[str, Any], Any]
"""(name, value as read) → checked value; RecipeError says what is allowed."""

REQUIRED = object()
"""In the place of a default: the key must be there."""


def integer(low: int) -> Check:
    """Return the check of an integer from ``low`` up."""

    def check(name: str, value: Any) -> int:
        if isinstance(value, bool) or not hasattr(value, "__index__") or int(value) < low:
            raise RecipeError(f"{name} = {value!r}: allowed is an integer >= {low}")
        return int(value)

    return check


def positive(name: str, value: Any) -> int | float:
    """Check a position on an axis."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise RecipeError(f"{name} = {value!r}: allowed is a number > 0 on the axis")
    return value


def fraction(name: str, value: Any) -> float:
    """Check a part of a population."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value <= 1.0:
        raise RecipeError(f"{name} = {value!r}: allowed is a number with 0 < {name} <= 1 (1/16 is the default)")
    return float(value)


def sizes(name: str, value: Any) -> tuple[int, ...]:
    """Check ascending sizes from 2 up."""
    if not isinstance(value, (list, tuple)) or not value:
        raise RecipeError(f"{name} = {value!r}: allowed is a list of ascending sizes, e.g. [128, 256, 512]")
    one = integer(2)
    found = tuple(one(f"{name}[{i}]", v) for i, v in enumerate(value))
    if any(a >= b for a, b in itertools.pairwise(found)):
        raise RecipeError(f"{name} = {list(found)}: allowed are ascending sizes, each once; type {sorted(set(found))}")
    return found


def switch(name: str, value: Any) -> bool:
    """Check a yes or no."""
    if not isinstance(value, bool):
        raise RecipeError(f"{name} = {value!r}: allowed are true and false")
    return value


def word(*allowed: str) -> Check:
    """Return the check of one of some words."""

    def check(name: str, value: Any) -> str:
        if value not in allowed:
            raise RecipeError(f"{name} = {value!r}: allowed are {', '.join(allowed)}{nearest(str(value), allowed)}")
        return str(value)

    return check


def words(*allowed: str) -> Check:
    """Return the check of a list of some words, each once; the order is kept."""

    def check(name: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, (list, tuple)) or not value:
            raise RecipeError(f"{name} = {value!r}: allowed is a list of {', '.join(allowed)}")
        found = tuple(word(*allowed)(f"{name}[{i}]", v) for i, v in enumerate(value))
        if len(set(found)) < len(found):
            raise RecipeError(f"{name} = {list(found)}: allowed is every word once")
        return found

    return check


def read_table(
    where: str, table: Any, keys: Mapping[str, tuple[Check, Any]], problems: list[str], example: str
) -> dict[str, Any]:
    """Return the checked values of one table, defaults filled in; what is wrong is appended to ``problems``.

    Args:
        where: the table's name. table: what was read.
        keys: key → (check, default or `REQUIRED`).
        problems: list that receives a sentence for everything that is wrong.
        example: what to type where a key is missing.
    """
    if not isinstance(table, Mapping):
        problems.append(f"{where} is {type(table).__name__}: allowed is a table [{where}]")
        return {}
    problems += [
        f"unknown key {where}.{key}: allowed are {', '.join(keys)}{nearest(str(key), keys)}"
        for key in table
        if key not in keys
    ]
    values: dict[str, Any] = {}
    for key, (check, default) in keys.items():
        if key in table:
            try:
                values[key] = check(f"{where}.{key}", table[key])
            except RecipeError as error:
                problems.append(str(error))
        elif default is REQUIRED:
            problems.append(f"missing key {where}.{key}; type e.g. {example}")
        else:
            values[key] = default
    return values
