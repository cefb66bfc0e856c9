"""Arguments of public functions, checked before anything else is done: names, yes or no, progress, text, arrays."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from fractalman._files import at_home
from fractalman.config import shown
from fractalman.errors import RecipeError, unknown_keywords

P = ParamSpec("P")
T = TypeVar("T")


class _Kind(NamedTuple):
    """What may stand where an annotation has these words, ``None`` left aside."""

    fits: Callable[[Any], bool]
    expected: str


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def _is_told(value: Any) -> bool:
    return callable(value) or _is_switch(value)


def is_array(value: Any) -> bool:
    """Whether rows that are lists have one length; whatever is no list is left to the function."""
    if not isinstance(value, list | tuple):
        return True
    try:
        np.asarray(value)
    except (ValueError, TypeError, OverflowError):
        return False
    return True


_KINDS: Mapping[frozenset[str], _Kind] = {
    frozenset({"bool"}): _Kind(_is_switch, "true or false; use {name} = True or False"),
    frozenset({"Progress", "bool"}): _Kind(_is_told, "a function, true or false; use {name} = False for silence"),
    frozenset({"str"}): _Kind(lambda value: isinstance(value, str), 'text; use {name} = "…"'),
    frozenset({"ArrayLike"}): _Kind(is_array, "an array, whose rows are of one length"),
}
"""Words of an annotation → what is checked of it; annotations with other words are left to the function."""


_HINTS: Mapping[str, str] = {
    "RecipeSource": "; what a recipe is made of stands in it: use e.g. fm.Cascade(n_points=1000, seed=3), or "
    'fm.catalogue_recipe("cascade-plain").replace(seed=3)',
    "Spec": "; what is to be run stands in the specification: use e.g. "
    'fm.confirm({"recipe": recipe, "sweep": {"learners": ["1-nn"], "train_sizes": [128, 256, 512], "seeds": 3}})',
}
"""A parameter's annotation → what is said of a keyword that the function does not take."""


def _checks(parameter: inspect.Parameter) -> tuple[_Kind, bool] | None:
    """Return what is checked of a parameter, and whether it may be None."""
    annotation = parameter.annotation
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    words = {word.strip() for word in text.split("|")}
    kind = _KINDS.get(frozenset(words - {"None"}))
    return None if kind is None else (kind, "None" in words)


def checked_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """Return the function with its arguments checked, as far as their annotations say what they are.

    A misspelt keyword gets the nearest match. Arguments that are annotated ``bool`` take booleans alone, for truth of
    anything else would be taken for a yes ("no", an array, a file name that slipped into a wrong place);
    ``Progress | bool`` takes functions as well, ``str`` text, ``ArrayLike`` no rows of unequal length. Each may be None
    where the annotation says so. A path may begin with "~", the home folder.

    Parameters
    ----------
    function : callable
        Annotated.

    Returns
    -------
    callable
        The same function, which raises `RecipeError` for what cannot be.

    Examples
    --------
    >>> @checked_arguments
    ... def save(name: str, overwrite: bool = False) -> str:
    ...     return name
    >>> save("a.h5", overwrite="no")
    Traceback (most recent call last):
    fractalman.errors.RecipeError: overwrite = 'no': expected true or false; use overwrite = True or False
    >>> save("a.h5", overwrit=True)
    Traceback (most recent call last):
    fractalman.errors.RecipeError: unknown keyword overwrit: expected name, overwrite; did you mean 'overwrite'?
    """
    parameters = inspect.signature(function).parameters.values()
    hint = "".join(words for kind, words in _HINTS.items() if any(p.annotation == kind for p in parameters))
    checks = {p.name: found for p in parameters if (found := _checks(p)) is not None}
    order = [p.name for p in parameters]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    public = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name != "self"]

    @functools.wraps(function)
    def checked(*args: P.args, **keywords: P.kwargs) -> T:
        if not takes_any and not keywords.keys() <= {*public}:
            problems = unknown_keywords("keyword", keywords, public)
            raise RecipeError("\n".join(line if "did you mean" in line else line + hint for line in problems))
        for name, value in (*zip(order, args, strict=False), *keywords.items()):
            found = checks.get(name)
            if found is None or (value is None and found[1]) or found[0].fits(value):
                continue
            raise RecipeError(f"{name} = {shown(value)}: expected {found[0].expected.format(name=name)}")
        return function(*map(_home, args), **{name: _home(value) for name, value in keywords.items()})

    return checked


def _home(value: Any) -> Any:
    """An argument, whose "~" is the home folder where it is a path that begins so."""
    if isinstance(value, str):
        return at_home(value)
    return Path(at_home(str(value))) if isinstance(value, Path) else value


def as_array(name: str, value: Any, dtype: type[np.generic]) -> Any:
    """Return an argument as an array of numbers.

    Parameters
    ----------
    name : str
        The argument's.
    value : array_like
        Numbers.
    dtype : type
        Of the array.

    Returns
    -------
    ndarray
        Of that type.

    Raises
    ------
    RecipeError
        For what is no array of numbers, or of others than the type holds.

    Examples
    --------
    >>> as_array("edges", [[0, 1]], np.int64).shape
    (1, 2)
    >>> as_array("edges", "none", np.int64)
    Traceback (most recent call last):
    fractalman.errors.RecipeError: edges = 'none': expected an array of integers
    """
    try:
        given = np.asarray(value)
        if given.dtype.kind not in "biufO":
            raise TypeError
        return given.astype(dtype, copy=False)
    except (TypeError, ValueError, OverflowError):
        what = "integers" if np.issubdtype(dtype, np.integer) else "numbers"
        raise RecipeError(f"{name} = {shown(value)}: expected an array of {what}") from None
