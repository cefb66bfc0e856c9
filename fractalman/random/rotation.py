"""Uniformly random rotations by address.

The rotation is the product of d − 1 reflections with random vectors in spaces of falling dimension (Stewart 1980, SIAM
J. Numer. Anal. 17:403, with signs that make the determinant +1), applied in a fixed order: no matrix is ever multiplied
by a library, so every machine turns a row to the same bytes, and any row can be turned alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fractalman._typing import F64
from fractalman.random import _rotation_kernels as _kernels
from fractalman.random.streams import Role, key64


@dataclass(frozen=True)
class Rotation:
    """A uniformly random rotation of R^d, as reflections.

    Args:
        vectors: (d, d) float64, row k of coordinates k …; factors, signs: (d,) float64.
    """

    vectors: F64
    factors: F64
    signs: F64

    def turn(self, X: npt.NDArray[Any], width: int | None = None) -> None:
        """Turn the rows of X, (rows, d) float32 or float64, in place; computed in float64.

        Args:
            X: the rows. width: 1 ≤ width ≤ d, coordinates that may differ from 0 (default all); the bytes are the same.
        """
        _kernels.rotate_rows(X, self.vectors, self.factors, self.signs, X.shape[1] if width is None else width)


def rotation(d: int, seed: int, role: Role = Role.ROTATION) -> Rotation:
    """Return the rotation of R^d, d ≥ 1, that belongs to an embedding seed; uniform on SO(d)."""
    made = Rotation(np.zeros((d, d)), np.zeros(d), np.zeros(d))
    _kernels.reflections(np.uint64(key64(seed, role)), made.vectors, made.factors, made.signs)
    return made
