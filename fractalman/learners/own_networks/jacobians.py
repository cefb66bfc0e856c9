"""Kernels from Jacobians, block by block of points: for networks whose derivatives come from automatic differentiation,
or from small finite steps."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from fractalman._typing import F64, AnyFloat
from fractalman.learners.own_networks.protocol import OwnNetwork, blocks


class JacobianNetwork(OwnNetwork):
    """A network that gives the Jacobians of its outputs at some points; a subclass says how."""

    @abstractmethod
    def jacobians(self, X: AnyFloat) -> list[AnyFloat]:
        """Return ∂f/∂θ_p for every part p, each (n, outputs · parameters of the part), outputs first.

        Parameters
        ----------
        X : (n, d) float
            Few points.
        """

    @property
    @abstractmethod
    def parameters(self) -> int:
        """How many there are in all."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """m, outputs."""

    @property
    def _bytes(self) -> int:
        return 4 * self.outputs * self.parameters

    def kernel(self, A: AnyFloat, B: AnyFloat) -> F64:
        """Return the tangent kernel part by part, (parts, a, b), by products of blocks of Jacobians."""
        out = np.empty((len(self.parts), len(A), len(B)))
        for rows in blocks(len(A), self._bytes):
            one = self.jacobians(A[rows])
            for columns in blocks(len(B), self._bytes):
                two = one if A is B and rows == columns else self.jacobians(B[columns])
                for p, (x, y) in enumerate(zip(one, two, strict=True)):
                    out[p, rows, columns] = x @ y.T
        return out / self.outputs

    def own(self, A: AnyFloat) -> F64:
        """Return the tangent kernel of points with themselves, (parts, a)."""
        out = np.empty((len(self.parts), len(A)))
        for rows in blocks(len(A), self._bytes):
            for p, x in enumerate(self.jacobians(A[rows])):
                out[p, rows] = np.einsum("ij,ij->i", x, x, dtype=np.float64)
        return out / self.outputs
