"""A network of which nothing is known but what its layers hold at the points of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fractalman._typing import F64, AnyFloat
from fractalman.config import listed, shown
from fractalman.errors import RecipeError
from fractalman.learners.own_networks.protocol import INPUT, OUTPUT, OwnNetwork, flat


class Activations(OwnNetwork):
    """Activations as arrays, rows = the points of the data, in their order.

    The steps that they determine are those of a linear readout of a layer: K(x, x′) = h(x)·h(x′) + 1, a weight and a
    bias. Each layer is a part of its own.

    Parameters
    ----------
    table : dict
        Layer → (n, units) array, first to last; "output" = what the network predicts.
    points : (n, d) float
        The data, by which a row of a layer is found again.

    Raises
    ------
    RecipeError
        For layers of other lengths, numbers that are not finite, or no layer.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.learners.own_networks import own_network
    >>> X = np.eye(3)
    >>> own_network({"hidden": X[:, :2]}, X).kernel(X[:1], X[:2]).tolist()
    [[[2.0, 1.0]]]
    """

    def __init__(self, table: Mapping[str, Any], points: AnyFloat) -> None:
        found = {str(name): _array(str(name), values) for name, values in table.items()}
        problems = [line for name, values in found.items() for line in _problems(name, values, len(points))]
        if len(problems) == len(found) > 1 and all("." in name or "weight" in name for name in found):
            raise RecipeError(
                f"network of {listed(found)}: these are parameters, expected activations, rows = the points; use "
                "the module itself"
            )
        if problems:
            raise RecipeError("\n".join(problems))
        if INPUT in found:
            raise RecipeError('activations named "input": the points are the input; leave the entry out')
        self._table = {name: flat(values) for name, values in found.items()}
        self.layers = tuple(name for name in self._table if name != OUTPUT)
        self.parts = self.layers
        if not self.layers:
            raise RecipeError("no activations: expected at least one layer beside the output")
        self._points = np.array(points, np.float64)
        self._row = {bytes(point): i for i, point in enumerate(_keys(points))}

    def activations(self, X: AnyFloat) -> dict[str, F64]:
        """Return the rows of the points ``X``, which must be points of the data."""
        rows = self._rows(X)
        return {name: values[rows] for name, values in self._table.items()}

    def kernel(self, A: AnyFloat, B: AnyFloat) -> F64:
        """Return h(x)·h(x′) + 1 for every layer, (layers, a, b)."""
        a, b = self._rows(A), self._rows(B)
        return np.stack([self._table[name][a] @ self._table[name][b].T + 1.0 for name in self.layers])

    def own(self, A: AnyFloat) -> F64:
        """Return |h(x)|² + 1 for every layer, (layers, a)."""
        a = self._rows(A)
        return np.stack([np.square(self._table[name][a]).sum(axis=1) + 1.0 for name in self.layers])

    def arrays(self) -> list[AnyFloat]:
        """Return the activations."""
        return list(self._table.values())

    def _rows(self, X: AnyFloat) -> list[int]:
        if np.array_equal(self._points, X):  # copies of a point may have activations of their own
            return list(range(len(self._points)))
        try:
            return [self._row[bytes(point)] for point in _keys(X)]
        except KeyError:
            raise RecipeError(
                "activations are known at the points of the data alone, and others were asked for: expected a network "
                "that can be asked anywhere"
            ) from None


def _problems(name: str, values: Any, n: int) -> Iterator[str]:
    """What is wrong with the activations of a layer."""
    what = f"activations {shown(name)} of shape {values.shape} and kind {values.dtype}"
    if values.ndim < 1 or len(values) != n or values.dtype.kind not in "fiub":
        turned = "; use .T of it" if values.ndim == 2 and values.shape[1] == n else ""
        yield f"{what}: expected finite numbers ({n}, units), a row for every point of the data{turned}"
    elif not np.isfinite(values).all():
        rows = np.flatnonzero(~np.isfinite(values.reshape(n, -1)).all(axis=1))
        yield f"{what}: expected finite numbers, found others in {rows.size} rows, the first {rows[0]}"


def _array(name: str, values: Any) -> Any:
    if hasattr(values, "detach"):  # a tensor of PyTorch's that still knows how it was made
        values = values.detach().cpu()
        values = values.float() if values.is_floating_point() else values  # NumPy knows no bfloat16
    if hasattr(values, "toarray"):
        values = values.toarray()
    if np.ma.is_masked(values):
        count = int(np.ma.getmaskarray(values).sum())
        raise RecipeError(f"activations {shown(name)} with {count} masked values: expected all; leave their rows out")
    try:
        array = np.asarray(values)
        narrow = array.dtype.kind == "V" and "float" in array.dtype.name  # JAX's bfloat16
        return array.astype(np.float64) if narrow else array
    except ValueError:
        raise RecipeError(f"activations {shown(name)} with rows of unequal length: expected (n, units)") from None


def _keys(X: AnyFloat) -> list[Any]:
    return list(np.ascontiguousarray(X, np.float64))
