"""Modules of equinox and flax nnx as pytrees of parameters, asked as torch's are: in evaluation mode.

Neither library is imported: an object is one of theirs only where the user has imported it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from fractalman._evaluation import in_evaluation, is_nnx


class Opened(NamedTuple):
    """What holds a network's parameters, taken apart.

    Parameters
    ----------
    parameters : pytree
        What a gradient step moves, and of modules that are pytrees themselves all else.
    rebuilt : function
        Such a pytree → what was given.
    batched : bool
        Whether what was given is a module that takes many points, (n, d), where it is one.
    order : object
        What has the parameters' names in the order in which they were written.
    """

    parameters: Any
    rebuilt: Callable[[Any], Any]
    batched: bool
    order: Any


def opened(given: Any) -> Opened:
    """Take a module, or a pytree of parameters, apart.

    Parameters
    ----------
    given : pytree
        Of an equinox module a copy without dropout is taken; of one of flax nnx a copy in evaluation mode, whose
        ``Param`` variables are what a step moves and whose running means are not.
    """
    if is_nnx(given):
        nnx = sys.modules["flax.nnx"]
        graph, parameters, others = nnx.split(in_evaluation(given), nnx.Param, ...)
        return Opened(parameters, lambda moved: nnx.merge(graph, moved, others), True, given)
    return Opened(in_evaluation(given), _same, False, given)


def _same(given: Any) -> Any:
    return given


def with_variables(given: Any) -> tuple[Any, Any] | None:
    """Return (function, variables) of a pair (module, variables) of linen's or haiku's; None of anything else.

    Parameters
    ----------
    given : object
        Anything. What needs a key for random numbers is called with None in its place: evaluation draws nothing.
    """
    if not (isinstance(given, tuple) and len(given) == 2 and _applies(given[0])):
        return None
    module, variables = given
    if _applies(variables) or callable(variables):  # haiku's own pair of functions
        return None
    names = list(inspect.signature(module.apply).parameters)
    if "state" in names[:3]:  # of haiku: what is not moved by a step
        parameters, state = variables
        return (lambda moved, X: module.apply(moved, state, None, X)[0]), parameters
    if "rng" in names[:2]:
        return (lambda moved, X: module.apply(moved, None, X)), variables
    return module.apply, variables


def _applies(module: Any) -> bool:
    return callable(getattr(module, "apply", None)) and callable(getattr(module, "init", None))


def instead_of(given: Any) -> str:
    """Return what to give in the place of a module whose parameters lie elsewhere, as linen's do; "" for others.

    Parameters
    ----------
    given : object
        Anything.
    """
    if not _applies(given):
        return ""
    bound = getattr(given, "scope", None) is not None  # linen: a module that holds its variables
    return "; use network=(model, variables)" + (", of model, variables = network.unbind()" if bound else "")
