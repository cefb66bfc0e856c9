"""The table [data] of a sweep, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractalman.config import shown
from fractalman.errors import FractalmanError, RecipeError, nearest
from fractalman.experiments.given.table.recipe import Table
from fractalman.experiments.given.text.recipe import Text
from fractalman.random.keys import Seeds
from fractalman.recipes import Recipe

_KINDS: dict[str, type[Text] | type[Table]] = {"text": Text, "file": Table}


def data_of_table(table: Any) -> Recipe:
    """Return the points of a table [data].

    Args:
        table: with "text" (and context, encoding) or "file" (and target); "digest" and "seed" may stand beside.
    Errors: RecipeError naming every unknown key and bad value.
    """
    if not isinstance(table, Mapping):
        raise RecipeError(f"data is {shown(table)}: expected a table [data]")
    named = [key for key in _KINDS if key in table]
    if len(named) != 1:
        raise RecipeError(
            f"table [data] with {' and '.join(named) or 'neither text nor file'}: expected one of them; use e.g. "
            '[data] text = "standard-library", or [data] file = "digits.npz", target = "class"'
        )
    kind = _KINDS[named[0]]
    allowed = (*kind.keys, "seed")
    problems = [
        f"unknown key data.{key}{nearest(str(key), allowed)}: expected {', '.join(allowed)}"
        for key in table
        if key not in allowed
    ]
    if not isinstance(table[named[0]], str):
        problems.append(f"data.{named[0]} = {shown(table[named[0]])}: expected a name")
    if not isinstance(table.get("digest", ""), str):
        problems.append(f"data.digest = {shown(table['digest'])}: expected text; leave the key out")
    if problems:
        raise RecipeError(*problems)
    try:
        values = dict(table)
        seed = values.get("seed", 0)
        values["seed"] = Seeds(**seed) if isinstance(seed, Mapping) else seed
        return kind(**values)
    except (FractalmanError, TypeError) as error:
        raise RecipeError(*map(str, error.args)) from None
