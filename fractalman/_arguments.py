"""Arguments of public functions, checked before anything else is done: names, yes or no, progress, text, arrays."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from fractalman._files import at_home
from fractalman.config import shown
from fractalman.errors import ArgumentError, FractalmanError, MissingArgumentError, RecipeError, unknown_keywords

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

    A misspelt keyword gets the nearest match, a missing argument the call as it should be. Arguments that are annotated
    ``bool`` take booleans alone, for truth of anything else would be taken for a yes ("no", an array, a file name that
    slipped into a wrong place); ``Progress | bool`` takes functions as well, ``str`` text, ``ArrayLike`` no rows of
    unequal length. Each may be None where the annotation says so. A path may begin with "~", the home folder.

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
    >>> save()
    Traceback (most recent call last):
    fractalman.errors.MissingArgumentError: without name: expected save(name)
    """
    parameters = inspect.signature(function).parameters.values()
    hint = "".join(words for kind, words in _HINTS.items() if any(p.annotation == kind for p in parameters))
    call = _Call(function)
    checks = {p.name: found for p in parameters if (found := _checks(p)) is not None}
    order = ["self"] * call.own + call.places
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
        misfit = call.misfit(len(args), keywords)
        if misfit is not None:
            raise misfit
        return function(*map(_home, args), **{name: _home(value) for name, value in keywords.items()})

    return checked


class _Call:
    """How a function may be called: what has a place, what has to be there, what only its name can give."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        parameters = [*inspect.signature(function).parameters.values()]
        self.own = int(bool(parameters) and parameters[0].name == "self")  # nobody types it
        parameters = parameters[self.own :]
        self.any_number = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        self.places = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self.named = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
        self.needed = [
            p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]

    def __str__(self) -> str:
        words = [f"{name}=…" if name in self.named else name for name in self.needed]
        return f"{_public_name(self.function)}({', '.join(words)})"

    def misfit(self, n_args: int, keywords: Collection[str]) -> FractalmanError | None:
        """Return what is said of too few arguments, too many, or one twice; None where they fit."""
        n_args -= self.own
        given = self.places[:n_args]
        missing = [name for name in self.needed if name not in given and name not in keywords]
        if missing:
            return MissingArgumentError(f"without {', '.join(missing)}: expected {self}")
        twice = [name for name in given if name in keywords]
        if twice:
            return ArgumentError(f"{', '.join(twice)} by its place and by its name: expected one of them; use {self}")
        if n_args > len(self.places) and not self.any_number:
            use = f"names for the others: {', '.join(self.named)}" if self.named else str(self)
            most = len(self.places)
            words = "an argument" if n_args == 1 else f"{n_args} arguments"
            return ArgumentError(f"found {words} without a name: expected at most {most}; use {use}")
        return None


def _public_name(function: Callable[..., Any]) -> str:
    """The name under which people call a function."""
    homes: Mapping[str, str] = vars(sys.modules["fractalman"])["_HOME"]
    place = f":{function.__name__}"
    public = [name for name, home in homes.items() if home.endswith(place)]
    return f"fm.{public[0]}" if public and "." not in function.__qualname__ else function.__name__


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
