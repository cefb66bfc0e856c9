"""A function of parameters without gradients: its Jacobian by small finite steps, two evaluations a parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fractalman._typing import F64, AnyFloat
from fractalman.errors import RecipeError
from fractalman.learners.own_networks.jacobians import JacobianNetwork
from fractalman.learners.own_networks.protocol import OUTPUT, flat, grouped, split_output

MOST_PARAMETERS = 20_000
_STEP = float(np.finfo(np.float64).eps ** (1.0 / 3.0))  # least error of central differences in float64


class SteppedNetwork(JacobianNetwork):
    """A NumPy function (parameters, X) → outputs (n, m) or (n,), or → (outputs, {layer: activations}).

    Derivatives are central differences, ∂f/∂θ ≈ (f(θ+h) − f(θ−h))/2h with h = 6·10⁻⁶·max(1, |θ|): relative errors of
    some 10⁻¹⁰ in float64, of 10⁻³ where the function computes in float32.

    Parameters
    ----------
    function : function
        As above; it must compute anew from the arrays that it is given.
    parameters : nested dicts, lists and tuples of arrays
        Up to `MOST_PARAMETERS` numbers. Arrays that stand in the same innermost dict, list or tuple are one part.
    points : (n, d) float
        Some points of the data.

    Raises
    ------
    RecipeError
        For more parameters, or none.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[1.0], [2.0]])
    >>> line = SteppedNetwork(lambda p, X: X @ p[0][0] + p[0][1], [(np.ones((1, 1)), np.zeros(1))], X)
    >>> line.kernel(X, X).round(6).tolist()  # x·x′ + 1
    [[[2.0, 3.0], [3.0, 5.0]]]
    """

    def __init__(self, function: Callable[[Any, Any], Any], parameters: Any, points: AnyFloat) -> None:
        self._function, self._nested = function, parameters
        found = dict(_leaves(parameters, ()))
        self._values: dict[str, F64] = {name: _array(name, value) for name, value in found.items()}
        if not self._values or self.parameters > MOST_PARAMETERS:
            raise RecipeError(
                f"a function of {self.parameters:,} parameters without gradients: expected 1 to {MOST_PARAMETERS:,}; "
                "use a function that JAX can trace, or a PyTorch module"
            )
        self._groups = grouped({name: name.rpartition(".")[0] or name for name in self._values})
        self.parts = tuple(self._groups)
        output, beside = self._both(self._values, points[:1])
        self.layers = tuple(beside)
        self._outputs = int(output.shape[1])

    def _both(self, values: Mapping[str, F64], X: AnyFloat) -> tuple[F64, dict[str, F64]]:
        found = self._function(_rebuilt(self._nested, (), values), np.asarray(X, np.float64))
        output, beside = split_output(found)
        return flat(output), {name: flat(value) for name, value in beside.items()}

    def activations(self, X: AnyFloat) -> dict[str, F64]:
        """Return the activations and the outputs."""
        output, beside = self._both(self._values, X)
        return {**beside, OUTPUT: output}

    @property
    def parameters(self) -> int:
        """How many there are in all."""
        return sum(int(value.size) for value in self._values.values())

    @property
    def outputs(self) -> int:
        """m, outputs."""
        return self._outputs

    def jacobians(self, X: AnyFloat) -> list[AnyFloat]:
        """Return the Jacobian of every part at some points, by central differences."""
        out: list[AnyFloat] = []
        for names in self._groups.values():
            columns = [self._column(X, name, k) for name in names for k in range(self._values[name].size)]
            out.append(np.stack(columns, axis=2).reshape(len(X), -1))
        return out

    def _column(self, X: AnyFloat, name: str, k: int) -> F64:
        value = self._values[name]
        step = _STEP * max(1.0, abs(float(value.flat[k])))
        moved = []
        for sign in (1.0, -1.0):
            other = value.copy()
            other.flat[k] += sign * step
            moved.append(self._both({**self._values, name: other}, X)[0])
        return np.asarray((moved[0] - moved[1]) / (2.0 * step), np.float64)

    def arrays(self) -> list[AnyFloat]:
        """Return the parameters."""
        return list(self._values.values())


def _children(nested: Any) -> list[tuple[Any, Any]] | None:
    if isinstance(nested, Mapping):
        return list(nested.items())
    if isinstance(nested, Sequence) and not isinstance(nested, (str, bytes)):
        return list(enumerate(nested))
    return None


def _array(name: str, value: Any) -> F64:
    try:
        return np.array(value, np.float64)
    except (TypeError, ValueError):
        raise RecipeError(
            f"parameter {name or 'of the function'} is a {type(value).__name__}: expected arrays of numbers, in dicts, "
            "lists and tuples; use (function, parameters)"
        ) from None


def _leaves(nested: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    children = _children(nested)
    if children is None:
        yield ".".join(path), nested
        return
    for key, child in children:
        yield from _leaves(child, (*path, str(key)))


def _rebuilt(nested: Any, path: tuple[str, ...], values: Mapping[str, F64]) -> Any:
    children = _children(nested)
    if children is None:
        return values[".".join(path)]
    made = [(key, _rebuilt(child, (*path, str(key)), values)) for key, child in children]
    if isinstance(nested, Mapping):
        return dict(made)
    return [child for _, child in made] if isinstance(nested, list) else tuple(child for _, child in made)
