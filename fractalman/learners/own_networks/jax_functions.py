"""A JAX function with its parameters: any pytree of arrays, an equinox module among them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from fractalman._typing import F64, AnyFloat
from fractalman.errors import RecipeError
from fractalman.learners.own_networks.jacobians import JacobianNetwork
from fractalman.learners.own_networks.protocol import OUTPUT, flat, grouped

_ROWS = 512  # points that pass through the function at once: wide layers of convolutions have to fit


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
            raise RecipeError(
                "a function without parameters: expected a pytree with arrays of real numbers; use (function, "
                'parameters), or {"layer": array} of its activations at the points'
            )
        self._function, self._readers, self.rows = function, dict(layers or {}), _ROWS
        steps = {k: _bare(paths[k][0]) for k in self._moving}
        names = {str(k): _path(path[:-1]) or _path(path) for k, path in steps.items()}
        parts = grouped({str(k): names[str(k)] for k in _as_given(parameters, paths) if str(k) in names})
        self._groups = [[self._moving.index(int(k)) for k in part] for part in parts.values()]
        self.parts = tuple(parts)
        first = jax.eval_shape(self._both, self._arrays(), jax.ShapeDtypeStruct((1, points.shape[1]), np.float32))
        self._outputs = int(np.prod(first[0].shape[1:], dtype=np.int64))
        self._run = jax.jit(self._both)
        self._jacobian = jax.jit(jax.vmap(self._jacobian_parts, in_axes=(None, 0)))

    def at(self, parameters: Any) -> Self:
        """Return the network with other parameters of the same shapes; what has been compiled serves both.

        Parameters
        ----------
        parameters : pytree
            As those it was made with.
        """
        other = copy.copy(self)
        other._leaves = jax.tree_util.tree_leaves(parameters)
        return other

    @property
    def pytree(self) -> Any:
        """The parameters as they were given."""
        return jax.tree_util.tree_unflatten(self._structure, self._leaves)

    def _jacobian_parts(self, arrays: list[Any], x: Any) -> list[Any]:
        """Return the Jacobian at one point, part by part."""

        def output(arrays: list[Any], x: Any) -> Any:
            return jnp.reshape(self._both(arrays, x[None])[0], -1)

        found = jax.jacrev(output)(arrays, x)
        return [
            jnp.concatenate([found[k].reshape(self._outputs, -1) for k in group], axis=1).reshape(-1)
            for group in self._groups
        ]

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
        self.layers = tuple(str(name) for name in beside)  # here, for what leaves JAX has its names sorted
        return output, {str(name): value for name, value in beside.items()}

    def activations(self, X: AnyFloat) -> dict[str, F64]:
        """Return the activations and the outputs."""
        parts: dict[str, list[F64]] = {name: [] for name in (*self.layers, OUTPUT)}
        for start in range(0, len(X), self.rows):
            output, beside = self._run(self._arrays(), jnp.asarray(X[start : start + self.rows], jnp.float32))
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


def _as_given(tree: Any, paths: Any) -> list[int]:
    """Return the leaves' numbers in the order in which their dicts were written: JAX sorts the keys of dicts."""

    def ordered(node: Any, leaves: list[int], depth: int) -> list[int]:
        children: dict[Any, list[int]] = {}
        for k in leaves:
            if len(paths[k][0]) == depth:
                return leaves
            children.setdefault(paths[k][0][depth], []).append(k)
        if isinstance(node, Mapping):
            written = list(node)
            children = dict(sorted(children.items(), key=lambda child: written.index(child[0].key)))
        return [k for step, below in children.items() for k in ordered(_child(node, step), below, depth + 1)]

    return ordered(tree, list(range(len(paths))), 0)


def _child(node: Any, step: Any) -> Any:
    """Return what stands at a step of a path; None where a kind of node says no more than numbers."""
    if hasattr(step, "name"):
        return getattr(node, step.name, None)
    if isinstance(node, (Mapping, list, tuple)):
        return node[step.key if isinstance(node, Mapping) else step.idx]
    return None


def _bare(path: Any) -> Any:
    """Return a path without a last step into the box that an array lies in, the ``value`` of flax nnx."""
    return path[:-1] if len(path) > 1 and getattr(path[-1], "name", "") == "value" else path


def _path(path: Any) -> str:
    """Return the name of a place in a pytree, its steps joined by dots: "layers.0"."""
    steps = [getattr(step, name) for step in path for name in ("key", "idx", "name") if hasattr(step, name)]
    return ".".join(str(step) for step in steps)
