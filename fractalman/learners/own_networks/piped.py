"""A network behind steps that transform its points, as in scikit-learn's pipelines."""

from __future__ import annotations

from typing import Any

import numpy as np

from fractalman._typing import F64, AnyFloat
from fractalman.errors import RecipeError
from fractalman.learners.own_networks.protocol import OwnNetwork


def steps_of(given: Any) -> tuple[Any, Any] | None:
    """Return what a pipeline does to points (None = nothing), and the estimator at its end; None of anything else."""
    if not (hasattr(given, "steps") and hasattr(given, "named_steps") and len(given.steps)):
        return None
    before, last = given[:-1], given[-1]
    return (before if len(given.steps) > 1 else None), last


class PipedNetwork(OwnNetwork):
    """A network whose points pass through ``transform`` first; that is a fixed function, so steps are the network's.

    Parameters
    ----------
    before : object
        With ``transform``, fitted.
    network : OwnNetwork
        What gets the transformed points.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from fractalman.learners.own_networks import own_network
    >>> doubled = SimpleNamespace(transform=lambda X: 2.0 * X)
    >>> inner = own_network((lambda p, X: X @ p, np.ones((1, 1))), np.ones((2, 1)))
    >>> PipedNetwork(doubled, inner).activations(np.ones((2, 1)))["output"].tolist()
    [[2.0], [2.0]]
    """

    def __init__(self, before: Any, network: OwnNetwork) -> None:
        self._before, self._network = before, network
        self.layers, self.parts = network.layers, network.parts

    def _at(self, X: AnyFloat) -> F64:
        found = self._before.transform(np.asarray(X, np.float64))
        return transformed(found, len(X))

    def activations(self, X: AnyFloat) -> dict[str, F64]:
        """Return what the network's layers hold at the transformed points."""
        return self._network.activations(self._at(X))

    def kernel(self, A: AnyFloat, B: AnyFloat) -> F64:
        """Return the network's kernel between transformed points, (parts, a, b)."""
        return self._network.kernel(self._at(A), self._at(B))

    def own(self, A: AnyFloat) -> F64:
        """Return the kernel of transformed points with themselves, (parts, a)."""
        return self._network.own(self._at(A))

    def arrays(self) -> list[AnyFloat]:
        """Return the network's numbers; what transforms the points shows in what its layers hold."""
        return self._network.arrays()


def transformed(found: Any, rows: int) -> F64:
    """Return transformed points as (n, d) float64.

    Raises
    ------
    RecipeError
        For sparse ones, and where points were left out.
    """
    if hasattr(found, "toarray"):
        raise RecipeError("a pipeline that makes sparse points: expected dense ones; use sparse_output=False there")
    array = np.asarray(found, np.float64)
    if array.ndim != 2 or len(array) != rows:
        raise RecipeError(f"a pipeline that makes {array.shape} of {rows} points: expected a row for every point")
    return array
