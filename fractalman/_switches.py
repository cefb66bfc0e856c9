"""Yes-or-no arguments of public functions, checked before anything else is done."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np

from fractalman.config import shown
from fractalman.errors import RecipeError

P = ParamSpec("P")
T = TypeVar("T")


def switches(function: Callable[P, T]) -> Callable[P, T]:
    """Return the function with its arguments that are annotated ``bool`` or ``bool | None`` checked.

    Truth of anything else would be taken for a yes: "no", an array, a file name that slipped into a wrong place.

    Parameters
    ----------
    function : callable
        Annotated.

    Returns
    -------
    callable
        The same function, which raises `RecipeError` for what is no boolean.

    Examples
    --------
    >>> @switches
    ... def save(name: str, overwrite: bool = False) -> str:
    ...     return name
    >>> save("a.h5", overwrite="no")
    Traceback (most recent call last):
    fractalman.errors.RecipeError: overwrite = 'no': expected true or false; use overwrite = True or False
    """
    parameters = inspect.signature(function).parameters.values()
    allowed = {
        p.name: (bool, np.bool_, type(None)) if "None" in str(p.annotation) else (bool, np.bool_)
        for p in parameters
        if p.annotation in (bool, "bool", "bool | None")
    }
    order = [p.name for p in parameters]

    @functools.wraps(function)
    def checked(*args: P.args, **keywords: P.kwargs) -> T:
        for name, value in (*zip(order, args, strict=False), *keywords.items()):
            if name in allowed and not isinstance(value, allowed[name]):
                raise RecipeError(f"{name} = {shown(value)}: expected true or false; use {name} = True or False")
        return function(*args, **keywords)

    return checked
