"""Checks of recipe keywords: (name, value) → the value in its one form, or RecipeError saying what is allowed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from fractalman.errors import RecipeError, nearest, unknown_keywords
from fractalman.random.keys import Seeds, check_seed

Check = Callable[[str, Any], Any]

MAX_POINTS = 1 << 40
MAX_DIM = 1 << 20


def integer(low: int, high: int) -> Callable[[str, Any], int]:
    """An integer from ``low`` to ``high``."""

    def check(name: str, value: Any) -> int:
        if isinstance(value, bool) or not hasattr(value, "__index__") or not low <= int(value) <= high:
            raise RecipeError(f"{name} = {value!r}: expected an integer from {low} to {high}")
        return int(value)

    return check


def real(low: float, high: float, *, open_low: bool = False, open_high: bool = False) -> Callable[[str, Any], float]:
    """A number within the bounds."""

    def check(name: str, value: Any) -> float:
        fine = isinstance(value, (int, float)) or hasattr(value, "__float__")
        number = float(value) if fine and not isinstance(value, (bool, str)) else math.nan
        above = number > low if open_low else number >= low
        below = number < high if open_high else number <= high
        if not (above and below):
            left, right = "<" if open_low else "<=", "<" if open_high else "<="
            raise RecipeError(f"{name} = {value!r}: expected a number with {low:g} {left} {name} {right} {high:g}")
        return number

    return check


def choice(*allowed: str) -> Callable[[str, Any], str]:
    """One of some words."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            hint = nearest(value, allowed) if isinstance(value, str) else ""
            raise RecipeError(f"{name} = {value!r}: expected {' or '.join(map(repr, allowed))}{hint}")
        return value

    return check


def switch(name: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise RecipeError(f"{name} = {value!r}: expected true or false")
    return value


def seed(name: str, value: Any) -> int | Seeds:
    """An integer, `Seeds`, or a table of seeds."""
    if isinstance(value, Seeds):
        return value
    if isinstance(value, Mapping):
        allowed = [f.name for f in dataclasses.fields(Seeds)]
        problems = unknown_keywords("key", value, allowed, "seed.")
        if problems:
            raise RecipeError("\n".join(problems))
        return Seeds(**value)
    return check_seed(value, name)
