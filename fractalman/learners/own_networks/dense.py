"""scikit-learn's multilayer perceptrons, from their weights alone: forward and backward in float64, kernels exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fractalman._typing import F64, AnyFloat
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.learners.own_networks.protocol import OUTPUT, OwnNetwork

_Function = Callable[[F64], F64]


def _logistic(s: F64) -> F64:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * s)), np.float64)


_ACTIVATIONS: dict[str, tuple[_Function, _Function]] = {
    "relu": (lambda s: np.maximum(s, 0.0), lambda s: (s > 0.0).astype(np.float64)),
    "tanh": (np.tanh, lambda s: 1.0 - np.square(np.tanh(s))),
    "logistic": (_logistic, lambda s: _logistic(s) * (1.0 - _logistic(s))),
    "identity": (lambda s: s, np.ones_like),
}
"""Name → φ and φ′."""


class DenseNetwork(OwnNetwork):
    """An ``MLPRegressor`` or ``MLPClassifier`` that has been fitted.

    Its layers are named "1", "2", …; a classifier's outputs are its logits, before softmax or logistic function. The
    kernel is Σ_ℓ (a·a′ + 1) δ·δ′ with the inputs a of layer ℓ and the derivatives δ of an output by the layer's sums.

    Parameters
    ----------
    model : object
        With ``coefs_``, ``intercepts_`` and ``activation``.

    Raises
    ------
    RecipeError
        For an activation that is none of scikit-learn's.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> one = np.ones((1, 1))
    >>> model = SimpleNamespace(coefs_=[one, one], intercepts_=[np.zeros(1), np.zeros(1)], activation="relu")
    >>> DenseNetwork(model).kernel(2.0 * one, 3.0 * one).tolist()  # 2·3 + 1 in both layers
    [[[7.0]], [[7.0]]]
    """

    def __init__(self, model: Any) -> None:
        name = str(model.activation)
        if name not in _ACTIVATIONS:
            raise RecipeError(f"activation = {shown(name)}: expected one of {', '.join(_ACTIVATIONS)}")
        self._phi, self._slope = _ACTIVATIONS[name]
        self._weights = [np.asarray(W, np.float64) for W in model.coefs_]
        self._biases = [np.asarray(b, np.float64) for b in model.intercepts_]
        hidden = tuple(str(k + 1) for k in range(len(self._weights) - 1))
        self.layers = hidden
        self.parts = (*hidden, OUTPUT)

    def _forward(self, X: AnyFloat) -> tuple[list[F64], list[F64]]:
        """Return the inputs of every layer, and its sums."""
        below, sums = [np.asarray(X, np.float64)], []
        for k, (W, b) in enumerate(zip(self._weights, self._biases, strict=True)):
            sums.append(below[-1] @ W + b)
            if k + 1 < len(self._weights):
                below.append(self._phi(sums[-1]))
        return below, sums

    def activations(self, X: AnyFloat) -> dict[str, F64]:
        """Return the activations of the hidden layers, and the outputs (logits of a classifier)."""
        below, sums = self._forward(X)
        return {**dict(zip(self.layers, below[1:], strict=True)), OUTPUT: sums[-1]}

    def _backward(self, sums: list[F64]) -> list[F64]:
        """Return δ of every layer, (n, m, units)."""
        n, m = sums[-1].shape
        delta = np.broadcast_to(np.eye(m), (n, m, m))
        out = [delta]
        for k in range(len(self._weights) - 1, 0, -1):
            delta = (delta @ self._weights[k].T) * self._slope(sums[k - 1])[:, None, :]
            out.append(delta)
        return out[::-1]

    def kernel(self, A: AnyFloat, B: AnyFloat) -> F64:
        """Return the kernel of every layer, (layers, a, b), exactly."""
        (one, s), (two, t) = self._forward(A), self._forward(B)
        m = s[-1].shape[1]
        parts = []
        for x, y, p, q in zip(one, two, self._backward(s), self._backward(t), strict=True):
            back = p.reshape(len(p), -1) @ q.reshape(len(q), -1).T
            parts.append((x @ y.T + 1.0) * back / m)
        return np.stack(parts)

    def own(self, A: AnyFloat) -> F64:
        """Return the kernel of points with themselves, (layers, a), exactly."""
        below, sums = self._forward(A)
        m = sums[-1].shape[1]
        return np.stack(
            [
                (np.square(x).sum(axis=1) + 1.0) * np.square(p).sum(axis=(1, 2)) / m
                for x, p in zip(below, self._backward(sums), strict=True)
            ]
        )

    def arrays(self) -> list[AnyFloat]:
        """Return weights and biases."""
        return [*self._weights, *self._biases]
