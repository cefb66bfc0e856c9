"""Which token of a sequence is hidden, by address; the slow reference is in tests/reference/grammars.py."""

from __future__ import annotations

import numpy as np

from fractalman._jit import kernel
from fractalman.random._draw_kernels import derive, draw_below

_U = np.uint64


@kernel
def masked_places(key, points, places, out):  # type: ignore[no-untyped-def]
    """out[i] = a uniform place below ``places``, draw 0 of derive(key, points[i])."""
    for i in range(points.size):
        out[i] = draw_below(derive(key, _U(points[i])), _U(0), np.int64(places))
