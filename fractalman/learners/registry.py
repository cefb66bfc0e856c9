"""Which learners there are: name → where its class stands, imported when the learner is asked for."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import re
from collections.abc import Mapping
from typing import Any

from fractalman._arguments import checked_arguments
from fractalman.config import MAX_WIDTH, shown
from fractalman.errors import RecipeError
from fractalman.errors import nearest as nearest_word
from fractalman.learners.protocol import Learner, refuse_unknown
from fractalman.learners.user import own
from fractalman.theory.laws.learner_properties import LearnerProperties

REGISTRY: dict[str, str] = {
    "1-nn": "fractalman.learners.neighbours:NearestNeighbour",
    "k-nn": "fractalman.learners.neighbours:Neighbours",
    "ridge": "fractalman.learners.ridge:Ridge",
    "n-gram": "fractalman.learners.counts:NGram",
    "logistic": "fractalman.learners.logistic:Logistic",
    "random-features": "fractalman.learners.random_features:RandomFeatures",
    "laplace-kernel": "fractalman.learners.kernel_ridge:LaplaceKernel",
    "gaussian-kernel": "fractalman.learners.kernel_ridge:GaussianKernel",
    "matern-kernel": "fractalman.learners.kernel_ridge:MaternKernel",
    "ntk-kernel": "fractalman.learners.kernel_ridge:TangentKernel",
    "gradient-boosting": "fractalman.learners.boosting:GradientBoosting",
    "mlp": "fractalman.learners.networks.mlp:MLP",
    "convolution": "fractalman.learners.networks.convolution:Convolution",
    "transformer": "fractalman.learners.networks.transformer:Transformer",
}
"""Name, as typed in a specification → module:class. A learner is added by its file and a line here."""

NAMES: tuple[str, ...] = tuple(REGISTRY)
"""The learners of this version; "5-nn" and the like mean k-nn with that k."""

GROUP = "fractalman.learners"
"""Entry-point group in which other packages announce learners."""

_NUMBER_NN = re.compile(r"([1-9][0-9]*)-nn")
_NUMBERED = "k-nn"


@checked_arguments
def names() -> tuple[str, ...]:
    """Return the names of all learners, in the order of the registry.

    Returns
    -------
    tuple of str
        What `make` takes; "5-nn" and the like besides.

    Examples
    --------
    >>> from fractalman import learners
    >>> "1-nn" in learners.names()
    True
    """
    return tuple(REGISTRY)


@checked_arguments
def learner_class(name: str) -> type[Learner]:
    """Return the class of a learner, without its libraries: JAX or scikit-learn are imported when one is made.

    Parameters
    ----------
    name : str
        One of `names`, or "5-nn" for the mean over 5 neighbours (any number).

    Returns
    -------
    type
        A subclass of `Learner`.

    Raises
    ------
    RecipeError
        With the nearest match for an unknown name.

    Examples
    --------
    >>> from fractalman import learners
    >>> learners.learner_class("1-nn").capacity
    'grows with n'
    """
    known = REGISTRY.get(_NUMBERED if _number_of(name) is not None else name)
    if known is not None:
        module, attribute = known.split(":")
        found: type[Learner] = getattr(importlib.import_module(module), attribute)
        return found
    if name in installed():
        thing = installed()[name].load()
        return thing if isinstance(thing, type) and issubclass(thing, Learner) else type(own(thing, called=name))
    every = (*REGISTRY, *installed())
    raise RecipeError(
        f"unknown learner {shown(name)}: expected one of {', '.join(every)}{nearest_word(str(name)[:MAX_WIDTH], every)}"
    )


@functools.cache
def installed() -> dict[str, importlib.metadata.EntryPoint]:
    """Return the learners of other packages, name → entry point of the group ``fractalman.learners``.

    An entry point names a `Learner` class, or an object that `fractalman.learners.own` takes. Its package is imported
    when the learner is asked for; a name of the registry stays what it is.
    """
    found = importlib.metadata.entry_points(group=GROUP)
    return {point.name: point for point in found if point.name not in REGISTRY}


def _number_of(name: str) -> int | None:
    """Return 5 for "5-nn", None for a name of the registry and for anything else."""
    numbered = _NUMBER_NN.fullmatch(str(name))
    return int(numbered[1]) if numbered and name not in REGISTRY else None


@checked_arguments
def make(name: str, settings: Mapping[str, Any] | None = None) -> Learner:
    """Return the learner called ``name``.

    Parameters
    ----------
    name : str
        One of `names`, or "5-nn" for the mean over 5 neighbours (any number).
    settings : mapping, optional
        The learner's own table, e.g. ``[mlp]``, ``[random-features]``; keys as in `settings_of`.

    Returns
    -------
    Learner
        With these settings, and defaults else.

    Raises
    ------
    RecipeError
        With the nearest match for an unknown name or key.
    MissingExtraError
        When a learner is asked for whose library is not installed.

    Examples
    --------
    >>> from fractalman import learners
    >>> learners.make("random-features", {"features": 64}).setting("features")
    64
    """
    table = dict(settings or {})
    if name not in REGISTRY and name in installed():
        thing = installed()[name].load()
        if not (isinstance(thing, type) and issubclass(thing, Learner)):
            refuse_unknown(table, (), name)
            return own(thing, called=name)
    cls, number = learner_class(name), _number_of(name)
    if number is None:
        return cls.from_table(table)
    refuse_unknown(table, (), name)
    return cls.from_table({"k": number})


@checked_arguments
def settings_of(name: str) -> tuple[str, ...]:
    """Return the keys that the table of a learner may have; none for "5-nn", which says its k in its name.

    Parameters
    ----------
    name : str
        One of `names`, or "5-nn".

    Returns
    -------
    tuple of str
        Keys of the learner's table.

    Examples
    --------
    >>> from fractalman import learners
    >>> learners.settings_of("5-nn")
    ()
    """
    return () if _number_of(name) is not None else tuple(learner_class(name).defaults())


@checked_arguments
def properties_of(name: str) -> LearnerProperties:
    """Return what laws know of a learner at default settings.

    Parameters
    ----------
    name : str
        As in `make`.

    Returns
    -------
    LearnerProperties
        Kind, smoothness, and what laws assume of it.

    Raises
    ------
    RecipeError
        With the nearest match for an unknown name.

    Examples
    --------
    >>> from fractalman import learners
    >>> learners.properties_of("laplace-kernel").smoothness
    0.5
    """
    return learner_class(name).properties


@checked_arguments
def axes() -> dict[str, tuple[str, ...]]:
    """Return every setting that a sweep may vary → the learners that have it.

    Returns
    -------
    dict of str to tuple of str
        Setting → learners.

    Examples
    --------
    >>> from fractalman import learners
    >>> "random-features" in learners.axes()["features"]
    True
    """
    found: dict[str, tuple[str, ...]] = {}
    for name in REGISTRY:
        for key in learner_class(name).axes:
            found[key] = (*found.get(key, ()), name)
    return found


@checked_arguments
def axis_kind(setting: str) -> str | None:
    """Return whether a setting is one of the model's size, "model", or of its training, "budget"; None for neither.

    Parameters
    ----------
    setting : str
        Name of a setting.

    Returns
    -------
    {"model", "budget"} or None
        None for a setting that no sweep may vary.

    Examples
    --------
    >>> from fractalman import learners
    >>> learners.axis_kind("features")
    'model'
    """
    kinds = [learner_class(name).axes.get(setting) for name in REGISTRY]
    return next((kind for kind in kinds if kind is not None), None)


@checked_arguments
def doubled_settings(name: str) -> tuple[str, ...]:
    """Return the settings whose doubling says what limits a learner; none for a name that is not registered.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    tuple of str
        Names of settings.

    Examples
    --------
    >>> from fractalman import learners
    >>> learners.doubled_settings("1-nn")
    ()
    """
    return learner_class(name).doubled if name in REGISTRY else ()
