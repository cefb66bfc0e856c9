"""A JAX function with its parameters: any pytree of arrays, modules of equinox and flax among them."""

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
from fractalman.learners.own_networks.jax_modules import opened
from fractalman.learners.own_networks.protocol import OUTPUT, flat, grouped, split_output

_ROWS = 512  # points that pass through the function at once: wide layers of convolutions have to fit


def is_array(leaf: Any) -> bool:
    """Return whether a leaf of a pytree is an array of real numbers that a gradient step could move."""
    return isinstance(leaf, (jax.Array, np.ndarray)) and bool(jnp.issubdtype(leaf.dtype, jnp.floating))


def of_function(
    function: Callable[[Any, Any], Any], parameters: Any, layers: Mapping[str, Any] | None, points: AnyFloat
) -> JaxNetwork | None:
    """Return the network of a function of (parameters, X); None where it is one that JAX cannot trace.

    Parameters
    ----------
    function : function
        (parameters, X) → outputs.
    parameters : pytree
        Of arrays; or a module that holds them.
    layers, points
        As for `JaxNetwork`.
    """
    known = opened(parameters)

    def rebuilt(one: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda moved, X: one(known.rebuilt(moved), X)

    readers = {name: rebuilt(reader) for name, reader in (layers or {}).items()}
    try:
        return JaxNetwork(rebuilt(function), known.parameters, readers, points, known.order)
    except (jax.errors.JAXTypeError, TypeError, AttributeError):  # written for NumPy, where it holds nothing of JAX's
        if any(isinstance(leaf, jax.Array) for leaf in jax.tree_util.tree_leaves(known.parameters)):
            raise
        return None


class JaxNetwork(JacobianNetwork):
    """A function (parameters, X) → outputs (n, m) or (n,), or → (outputs, {layer: activations}).

    One that takes a single point (d,), and not many, is mapped over them; one that takes whole numbers alone, as
    tables of tokens do, gets them where the points are.

    Parameters
    ----------
    function : function
        As above; it must be one that JAX can trace. Activations may be a list, or one array; they are then "1", "2", ….
    parameters : pytree
        Of arrays. Leaves that share all of their path but its last step are one part: a layer's weights and biases.
        Of variables of flax linen, {"params": …, "batch_stats": …}, those under "params" alone take steps.
    layers : dict, optional
        Layer → function (parameters, X) → (n, …), first to last; None = those that the function returns beside its
        outputs.
    points : (n, d) float
        Some points of the data, which tell the shapes, and whether there are others than whole numbers.
    order : object, optional
        Dicts, lists and objects as the parameters, in the order in which they were written; None = the parameters.

    Raises
    ------
    RecipeError
        Without parameters.
    """

    def __init__(
        self,
        function: Callable[[Any, Any], Any],
        parameters: Any,
        layers: Mapping[str, Any] | None,
        points: AnyFloat,
        order: Any = None,
    ) -> None:
        paths, self._structure = jax.tree_util.tree_flatten_with_path(parameters)
        self._leaves = [leaf for _, leaf in paths]
        self._moving = [k for k, leaf in enumerate(self._leaves) if is_array(leaf) and _steps(parameters, paths[k][0])]
        if not self._moving:
            raise RecipeError(
                "a function without parameters: expected a pytree with arrays of real numbers; use (function, "
                'parameters), or {"layer": array} of its activations at the points'
            )
        self._function, self._readers, self.rows = function, dict(layers or {}), _ROWS
        steps = {k: _bare(paths[k][0]) for k in self._moving}
        names = {str(k): _path(path[:-1]) or _path(path) for k, path in steps.items()}
        parts = grouped(
            {str(k): names[str(k)] for k in _as_given(parameters if order is None else order, paths) if str(k) in names}
        )
        self._groups = [[self._moving.index(int(k)) for k in part] for part in parts.values()]
        self.parts = tuple(parts)
        self._number: Any = jnp.float32
        first = self._tried(points)
        self._outputs = int(np.prod(first[0].shape[1:], dtype=np.int64))
        self._run = jax.jit(self._both)
        self._jacobian = jax.jit(jax.vmap(self._jacobian_parts, in_axes=(None, 0)))

    def _tried(self, points: AnyFloat) -> Any:
        """Return the shapes of outputs and activations, and settle what the function takes: what does not fail."""
        rows, d, given = points.shape[1] + 1, points.shape[1], (self._function, self._readers)
        whole = bool((np.round(points) == points).all())
        first: Exception | None = None
        for one_point in (False, True):
            for number in (jnp.float32, jnp.int32) if whole else (jnp.float32,):
                self._function, self._readers, self._number = *given, number
                if one_point:
                    self._function = _mapped(given[0])
                    self._readers = {name: _mapped(reader) for name, reader in given[1].items()}
                try:
                    shapes = jax.eval_shape(self._both, self._arrays(), jax.ShapeDtypeStruct((rows, d), number))
                    for name, value in {OUTPUT: shapes[0], **shapes[1]}.items():
                        _check_rows(name, value, rows)
                except Exception as error:  # of foreign code; the first is raised where nothing works
                    first = first or error
                else:
                    return shapes
        raise first or TypeError("a function that takes nothing")

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
        output, beside = split_output(found)
        if self._readers:
            beside = {str(name): reader(parameters, X) for name, reader in self._readers.items()}
        self.layers = tuple(beside)  # here, for what leaves JAX has its names sorted
        return output, beside

    def activations(self, X: AnyFloat) -> dict[str, F64]:
        """Return the activations and the outputs."""
        parts: dict[str, list[F64]] = {name: [] for name in (*self.layers, OUTPUT)}
        for start in range(0, len(X), self.rows):
            output, beside = self._run(self._arrays(), jnp.asarray(X[start : start + self.rows], self._number))
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
            found = self._jacobian(self._arrays(), jnp.asarray(X, self._number))
        return [np.asarray(part) for part in found]

    def arrays(self) -> list[AnyFloat]:
        """Return the parameters."""
        return [np.asarray(array) for array in self._arrays()]


def of_module(module: Any, layers: Mapping[str, Any] | None, points: AnyFloat) -> JaxNetwork:
    """Return the network of a module that is a pytree: equinox's take one point, those of flax nnx many.

    Parameters
    ----------
    module : object
        Called with one point (d,), or with many (n, d).
    layers : dict, optional
        Layer → function (module, x) → activations, of one point where the module takes one.
    points : (n, d) float
        Some points of the data.
    """
    known = opened(module)

    def of_points(one: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def asked(moved: Any, X: Any) -> Any:
            return one(known.rebuilt(moved), X)

        return asked if known.batched else _mapped(asked)

    readers = {name: of_points(reader) for name, reader in (layers or {}).items()}
    return JaxNetwork(of_points(lambda built, x: built(x)), known.parameters, readers, points, known.order)


def _mapped(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a function of one point as one of many."""
    return lambda parameters, X: jax.vmap(lambda x: function(parameters, x))(X)


def _check_rows(name: str, value: Any, rows: int) -> None:
    shape = getattr(value, "shape", None)
    if shape is None:
        raise RecipeError(
            f"layer {name} is a {type(value).__name__}: expected an array with a row for every point; use a function "
            "that returns (outputs, {layer: activations}), or outputs alone"
        )
    if shape[:1] != (rows,):
        raise RecipeError(
            f"layer {name} of shape {tuple(shape)} at {rows} points: expected a row for every point"
            if shape
            else f"layer {name} is one number for all points: expected a row for every point"
        )


def _steps(tree: Any, path: Any) -> bool:
    """Whether a gradient step moves a leaf: of linen's variables, which lie in collections, the parameters alone."""
    collections = isinstance(tree, Mapping) and "params" in tree and len(tree) > 1
    return not collections or getattr(path[0], "key", None) == "params"


def _as_given(tree: Any, paths: Any) -> list[int]:
    """Return the leaves' numbers in the order in which their dicts were written: JAX sorts the keys of dicts."""

    def ordered(node: Any, leaves: list[int], depth: int) -> list[int]:
        children: dict[Any, list[int]] = {}
        for k in leaves:
            if len(paths[k][0]) == depth:
                return leaves
            children.setdefault(paths[k][0][depth], []).append(k)
        written = list(node) if isinstance(node, Mapping) else list(getattr(node, "__dict__", ()))
        if all(getattr(step, "key", None) in written for step in children):
            children = dict(sorted(children.items(), key=lambda child: written.index(child[0].key)))
        return [k for step, below in children.items() for k in ordered(_child(node, step), below, depth + 1)]

    return ordered(tree, list(range(len(paths))), 0)


def _child(node: Any, step: Any) -> Any:
    """Return what stands at a step of a path; None where a kind of node says no more than numbers."""
    if hasattr(step, "name"):
        return None if step.name == "value" else getattr(node, step.name, None)  # "value": a box of one array
    if isinstance(node, (Mapping, list, tuple)):
        return node[step.key if isinstance(node, Mapping) else step.idx]
    key = getattr(step, "key", None)
    return getattr(node, key, None) if isinstance(key, str) else None


def _bare(path: Any) -> Any:
    """Return a path without a last step into the box that an array lies in, the ``value`` of flax nnx."""
    return path[:-1] if len(path) > 1 and getattr(path[-1], "name", "") == "value" else path


def _path(path: Any) -> str:
    """Return the name of a place in a pytree, its steps joined by dots: "layers.0"."""
    steps = [getattr(step, name) for step in path for name in ("key", "idx", "name") if hasattr(step, name)]
    return ".".join(str(step) for step in steps)
