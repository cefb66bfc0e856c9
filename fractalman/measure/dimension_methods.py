"""Which estimators of the dimension there are: name → where its function stands, imported when it is asked for.

An estimator is added by its file and a line in `ESTIMATORS`, or by `register` from elsewhere; `dimension`, `dimensions`
and `IntrinsicDimension` know it then. Its function takes the neighbours of the starting points (`Neighbourhoods`) and
the window in the caller's unit, or None, and returns a `Dimension`: `fractalman.measure.dimension` has `one_scale`,
`windowed` and `result`, which add the correction, the total error and the warnings that all estimators share.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from fractalman.config import is_word, shown
from fractalman.errors import RecipeError, nearest

ESTIMATORS: dict[str, str] = {
    "recommended": "fractalman.measure.dimension_estimators:recommended",
    "correlation": "fractalman.measure.dimension_estimators:correlation",
    "information": "fractalman.measure.dimension_estimators:information",
    "mle": "fractalman.measure.dimension_estimators:mle",
    "two-nn": "fractalman.measure.dimension_estimators:two_nn",
    "angles": "fractalman.measure.dimension_estimators:angles",
}
"""Name, as ``method=`` takes it → module:function."""

METHODS: tuple[str, ...] = tuple(ESTIMATORS)
"""Estimators of the dimension of this version."""


def register(name: str, where: str) -> None:
    """Add an estimator of the dimension; a name that is there already is replaced.

    Parameters
    ----------
    name : str
        What ``method=`` takes.
    where : str
        "module:function"; the module is imported at first use.

    Raises
    ------
    RecipeError
        When ``where`` is not of that form.
    """
    module, _, function = where.partition(":")
    if not module or not function:
        raise RecipeError(f"where = {shown(where)}: expected 'module:function', e.g. {ESTIMATORS['mle']!r}")
    ESTIMATORS[name] = where


def estimator(name: str) -> Callable[..., Any]:
    """Return the function of an estimator: (neighbourhoods, window or None) → `Dimension`.

    Parameters
    ----------
    name : str
        One of `ESTIMATORS`.

    Raises
    ------
    RecipeError
        With the nearest match for an unknown name.
    """
    if not is_word(name, ESTIMATORS):
        raise RecipeError(
            f"unknown method {shown(name)}: expected {', '.join(ESTIMATORS)}{nearest(name, tuple(ESTIMATORS))}"
        )
    module, function = ESTIMATORS[name].split(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
