"""Anybody's trained network as the studies see one: its layers' activations, and the influence of a step.

One file a kind; `own_network` picks by what is given. Nothing is unpickled, and nothing is executed from a file.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from typing import Any

from fractalman._arguments import checked_arguments
from fractalman._typing import AnyFloat
from fractalman.config import is_integer, listed, shown
from fractalman.errors import RecipeError, nearest
from fractalman.learners.own_networks.activations import Activations
from fractalman.learners.own_networks.dense import DenseNetwork
from fractalman.learners.own_networks.finite_steps import SteppedNetwork
from fractalman.learners.own_networks.jax_modules import instead_of, with_variables
from fractalman.learners.own_networks.piped import PipedNetwork, steps_of, transformed
from fractalman.learners.own_networks.protocol import INPUT, OUTPUT, OwnNetwork, activations_at, asking
from fractalman.learners.own_networks.torch_modules import TorchNetwork, is_module
from fractalman.learners.protocol import Learner

__all__ = ["INPUT", "OUTPUT", "OwnNetwork", "activations_at", "asking", "own_network"]


@checked_arguments
def own_network(given: Any, points: AnyFloat, layers: Any = None) -> OwnNetwork:
    """Return anybody's trained network as the studies see one.

    Parameters
    ----------
    given : object
        A dict layer → (n, units) array, rows = the points; a ``torch.nn.Module``; a fitted ``MLPRegressor`` or
        ``MLPClassifier``, also at the end of a pipeline or found by a search; a pair (function, parameters), the
        function one of (parameters, X), written for JAX or for NumPy, or (module, variables) of flax linen or haiku; a
        module that is a pytree, as those of equinox and flax nnx; or what this function returned. Modules are
        asked in evaluation mode.
    points : (n, d) float
        The data.
    layers : sequence of str, or dict, optional
        Of a PyTorch module, or a dict of activations, the names of those that are looked at; of a JAX function or
        module a dict layer → function (parameters, X) → activations.

    Returns
    -------
    OwnNetwork
        With ``layers``, ``parts``, ``activations`` and ``kernel``.

    Raises
    ------
    RecipeError
        For anything else.
    MissingExtraError
        Where the library of the given object is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.eye(2)
    >>> network = own_network((lambda p, X: (X @ p["a"], {"double": 2 * X}), {"a": np.ones((2, 1))}), X)
    >>> network.layers, network.activations(X)["double"].tolist()
    (('double',), [[2.0, 0.0], [0.0, 2.0]])
    """
    with asking(points):
        return _network(given, points, layers)


def _network(given: Any, points: AnyFloat, layers: Any) -> OwnNetwork:
    if isinstance(given, OwnNetwork):
        return given
    if isinstance(given, type):
        raise RecipeError(f"{given.__name__} is a class: expected a trained network; use an object that was made of it")
    if isinstance(given, Mapping):
        return Activations(given if layers is None else _chosen(given, layers), points)
    if hasattr(given, "best_estimator_"):  # of a search, what it chose
        return _network(given.best_estimator_, points, layers)
    piped = steps_of(given)
    if piped is not None:
        before, last = piped
        if before is None:
            return _network(last, points, layers)
        return PipedNetwork(before, _network(last, transformed(before.transform(points), len(points)), layers))
    if type(given).__module__.startswith("fractalman.learners.networks") and hasattr(given, "own"):
        return _network(given.own(), points, layers)  # what a learner's `fitted` returns
    if is_module(given):
        return TorchNetwork(given, _names(layers), points)
    if hasattr(given, "coefs_") and hasattr(given, "intercepts_"):
        if layers is not None:
            raise RecipeError(
                f"layers = {shown(layers)}: all of this network's are looked at, '1', '2', …; leave it out"
            )
        return DenseNetwork(given)
    given = with_variables(given) or given
    elsewhere = instead_of(given) or instead_of(given[0] if isinstance(given, tuple) and given else None)
    if elsewhere:
        raise RecipeError(f"a module whose parameters lie elsewhere: expected a function of them{elsewhere}")
    if isinstance(given, tuple) and len(given) == 2 and callable(given[0]):
        return _function(given[0], given[1], points, layers)
    if callable(given) and importlib.util.find_spec("jax") is not None:
        from fractalman.learners.own_networks import jax_functions

        return jax_functions.of_module(given, _readers(layers), points)
    if type(given).__module__.startswith("sklearn.neural_network"):
        raise RecipeError(
            f"a {type(given).__name__} without weights: expected a fitted one; use network.fit(X, y) first"
        )
    raise RecipeError(
        f"network of type {type(given).__name__}: expected a dict of activations, a PyTorch module, a fitted MLP of "
        f"scikit-learn's, (function, parameters), or a module of equinox or flax nnx{_instead(given)}"
    )


def _instead(given: Any) -> str:
    """What to give in the place of something that holds a network, or is what a network was asked for."""
    if isinstance(given, tuple) and len(given) == 2 and callable(given[1]):
        return "; use (function, parameters), the function first"
    if hasattr(given, "shape") or (isinstance(given, (tuple, list)) and all(hasattr(one, "shape") for one in given)):
        return '; use {"layer": array, "output": array} for activations, rows = the points'
    if isinstance(given, (str, os.PathLike)):
        return "; load it with its library first"
    if hasattr(given, "regressor_"):
        return "; use network=network.regressor_, whose outputs are in the units that it was trained in"
    if isinstance(given, Learner):
        trained = "learner.fitted(problem), which is trained" if hasattr(given, "fitted") else "a network"
        return f"; this is a learner of sweeps, not trained: use {trained}"
    if hasattr(given, "predict"):
        return "; this estimator has no layers: fractalman.confirm takes it as a learner"
    return ""


def _function(function: Any, parameters: Any, points: AnyFloat, layers: Any) -> OwnNetwork:
    if importlib.util.find_spec("jax") is not None:
        from fractalman.learners.own_networks import jax_functions

        found = jax_functions.of_function(function, parameters, _readers(layers), points)
        if found is not None:
            return found
    if layers is not None:
        raise RecipeError("layers of a NumPy function: let it return (outputs, {layer: activations}), and leave it out")
    return SteppedNetwork(function, parameters, points)


def _chosen(table: Mapping[str, Any], layers: Any) -> dict[str, Any]:
    """Return the entries of a table of activations that are called so, and the output."""
    names = _names(layers) or ()
    for name in names:
        if name not in table:
            raise RecipeError(f"layer {shown(name)}: expected {listed(table)}{nearest(name, table)}")
    return {**{name: table[name] for name in names}, **{name: table[name] for name in table if name == OUTPUT}}


def _names(layers: Any) -> Sequence[str] | None:
    if layers is None:
        return None
    if isinstance(layers, Sequence) and not isinstance(layers, str):
        return [str(name) if is_integer(name) else name for name in layers]  # those of nn.Sequential are numbers
    raise RecipeError(
        f'layers = {shown(layers)}: expected a list of names of a PyTorch module\'s modules, e.g. layers=["0", "2"]'
    )


def _readers(layers: Any) -> Mapping[str, Any] | None:
    if layers is None or isinstance(layers, Mapping):
        return layers
    raise RecipeError(f"layers = {shown(layers)}: expected a dict layer → function (parameters, X) → activations")
