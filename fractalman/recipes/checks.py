"""Checks of recipe keywords: (name, value) → the value in its one form, or RecipeError saying what is allowed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from fractalman.config import Check, choice, integer, real, refuse, switch
from fractalman.errors import unknown_keywords
from fractalman.random.keys import Seeds, check_seed

__all__ = ["MAX_DIM", "MAX_POINTS", "Check", "choice", "integer", "real", "seed", "switch"]

MAX_POINTS = 1 << 40
MAX_DIM = 1 << 20


def seed(name: str, value: Any) -> int | Seeds:
    """An integer, `Seeds`, or a table of seeds."""
    if isinstance(value, Seeds):
        return value
    if isinstance(value, Mapping):
        allowed = [f.name for f in dataclasses.fields(Seeds)]
        refuse(unknown_keywords("key", value, allowed, "seed."))
        return Seeds(**value)
    return check_seed(value, name)
