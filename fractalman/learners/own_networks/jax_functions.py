"""A JAX function with its parameters: any pytree of arrays, an equinox module among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fractalman._typing import F64, AnyFloat
from fractalman.errors import RecipeError
from fractalman.learners.own_networks.jacobians import JacobianNetwork
from fractalman.learners.own_networks.protocol import OUTPUT, flat, grouped

_BLOCK = 4096  # points that pass through the function at once


def is_array(leaf: Any) -> bool:
    """Return whether a leaf of a pytree is an array of real numbers that a gradient step could move."""
    return isinstance(leaf, (jax.Array, np.ndarray)) and bool(jnp.issubdtype(leaf.dtype, jnp.floating))


def is_traceable(function: Callable[[Any, Any], Any], parameters: Any, X: AnyFloat) -> bool:
    """Return whether JAX can differentiate a function of (parameters, X).

    Parameters
    ----------
    function : function
        (parameters, X) → outputs.
    parameters : pytree
        Of arrays.
    X : (n, d) float
        Some points.
    """
    try:
        jax.eval_shape(function, parameters, jax.ShapeDtypeStruct((1, X.shape[1]), np.float32))
    except (jax.errors.JAXTypeError, TypeError, AttributeError):  # written for NumPy
        return False
    return True


class JaxNetwork(JacobianNetwork):
    """A function (parameters, X) → outputs (n, m) or (n,), or → (outputs, {layer: activations}).

    Parameters
    ----------
    function : function
        As above; it must be one that JAX can trace.
    parameters : pytree
        Of arrays. Leaves that share all of their path but its last step are one part: a layer's weights and biases.
    layers : dict, optional
        Layer → function (parameters, X) → (n, …), first to last; None = those that the function returns beside its
        outputs.
    points : (n, d) float
        Some points of the data, of which the first tells the shapes.

    Raises
    ------
    RecipeError
        Without parameters.
    """

    def __init__(
        self, function: Callable[[Any, Any], Any], parameters: Any, layers: Mapping[str, Any] | None, points: AnyFloat
    ) -> None:
        paths, self._structure = jax.tree_util.tree_flatten_with_path(parameters)
        self._leaves = [leaf for _, leaf in paths]
        self._moving = [k for k, leaf in enumerate(self._leaves) if is_array(leaf)]
        if not self._moving:
            raise RecipeError("a function without parameters: expected a pytree with arrays of real numbers")
        self._function, self._readers = function, dict(layers or {})
        names = {str(k): _path(paths[k][0][:-1]) or _path(paths[k][0]) for k in self._moving}
        self._groups = [[self._moving.index(int(k)) for k in part] for part in grouped(names).values()]
        self.parts = tuple(grouped(names))
        first = jax.eval_shape(self._both, self._arrays(), jax.ShapeDtypeStruct((1, points.shape[1]), np.float32))
        self.layers = tuple(first[1])
        self._outputs = int(np.prod(first[0].shape[1:], dtype=np.int64))

    def _arrays(self) -> list[Any]:
        return [self._leaves[k] for k in self._moving]

    def _both(self, arrays: list[Any], X: Any) -> tuple[Any, dict[str, Any]]:
        """Return outputs and activations."""
        leaves = list(self._leaves)
        for k, array in zip(self._moving, arrays, strict=True):
            leaves[k] = array
        parameters = jax.tree_util.tree_unflatten(self._structure, leaves)
        found = self._function(parameters, X)
        output, beside = found if isinstance(found, tuple) else (found, {})
        if self._readers:
            beside = {name: reader(parameters, X) for name, reader in self._readers.items()}
        return output, dict(beside)

    def activations(self, X: AnyFloat) -> dict[str, F64]:
        """Return the activations and the outputs."""
        run = jax.jit(self._both)
        parts: dict[str, list[F64]] = {name: [] for name in (*self.layers, OUTPUT)}
        for start in range(0, len(X), _BLOCK):
            output, beside = run(self._arrays(), jnp.asarray(X[start : start + _BLOCK], jnp.float32))
            for name, value in {**{name: beside[name] for name in self.layers}, OUTPUT: output}.items():
                parts[name].append(flat(np.asarray(value)))
        return {name: np.concatenate(found) for name, found in parts.items()}

    @property
    def parameters(self) -> int:
        """How many there are in all."""
        return sum(int(np.size(array)) for array in self._arrays())

    @property
    def outputs(self) -> int:
        """m, outputs."""
        return self._outputs

    def jacobians(self, X: AnyFloat) -> list[AnyFloat]:
        """Return the Jacobian of every part at some points, by one backward vector product an output."""
        if not hasattr(self, "_jacobian"):

            def output(arrays: list[Any], x: Any) -> Any:
                return jnp.reshape(self._both(arrays, x[None])[0], -1)

            def parts(arrays: list[Any], x: Any) -> list[Any]:
                found = jax.jacrev(output)(arrays, x)
                return [
                    jnp.concatenate([found[k].reshape(self._outputs, -1) for k in group], axis=1).reshape(-1)
                    for group in self._groups
                ]

            self._jacobian = jax.jit(jax.vmap(parts, in_axes=(None, 0)))
        with jax.default_matmul_precision("highest"):
            found = self._jacobian(self._arrays(), jnp.asarray(X, jnp.float32))
        return [np.asarray(part) for part in found]

    def arrays(self) -> list[AnyFloat]:
        """Return the parameters."""
        return [np.asarray(array) for array in self._arrays()]


def of_module(module: Any, layers: Mapping[str, Any] | None, points: AnyFloat) -> JaxNetwork:
    """Return the network of a module that is a pytree and takes one point, as equinox's do.

    Parameters
    ----------
    module : object
        Called with one point (d,).
    layers : dict, optional
        Layer → function (module, x) → activations of one point.
    points : (n, d) float
        Some points of the data.
    """
    readers = {
        name: (lambda parameters, X, reader=reader: jax.vmap(lambda x: reader(parameters, x))(X))
        for name, reader in (layers or {}).items()
    }
    return JaxNetwork(lambda parameters, X: jax.vmap(parameters)(X), module, readers, points)


def _path(path: Any) -> str:
    """Return the name of a place in a pytree, its steps joined by dots: "layers.0"."""
    steps = [getattr(step, name) for step in path for name in ("key", "idx", "name") if hasattr(step, name)]
    return ".".join(str(step) for step in steps)
