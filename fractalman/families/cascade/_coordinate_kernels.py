"""The compiled kernel of a cascade's coordinates."""

from __future__ import annotations

import numpy as np

from fractalman._jit import kernel
from fractalman.families._forests._embedding_kernels import LANES, dot
from fractalman.random.streams import derive, fill_normals32

_U = np.uint64
_f = np.float32


@kernel
def cascade_coordinates(addresses, key, ratios, out):  # type: ignore[no-untyped-def]
    """out[i] = Σ_l R_l v(addresses[i, l]), R_l = Π_{j<l} ratios[i, j], by Horner from the deepest level up, in float64.

    One row of ``ratios`` serves all points.
    """
    d = out.shape[1]
    h = (d + 1) // 2
    g = np.zeros((d + LANES) // LANES * LANES, np.float32)
    left, right = g[:h], g[h : 2 * h]
    lanes = np.empty(LANES, np.float32)
    x, t, q = np.empty(h, np.float32), np.empty(h, np.float32), np.empty(h, np.int32)
    bits = x.view(np.int32)
    total = np.empty(d, np.float64)
    for i in range(addresses.shape[0]):
        for j in range(d):
            total[j] = 0.0
        for level in range(addresses.shape[1] - 1, -1, -1):
            fill_normals32(derive(key, addresses[i, level]), _U(0), left, right, x, bits, t, q)
            if d & 1:
                g[d] = _f(0.0)
            scale = 1.0 / np.sqrt(np.float64(dot(g, g, lanes)))
            contraction = ratios[i if ratios.shape[0] > 1 else 0, level] if level < ratios.shape[1] else 0.0
            for j in range(d):
                total[j] = scale * np.float64(g[j]) + contraction * total[j]
        for j in range(d):
            out[i, j] = _f(total[j])


@kernel
def cascade_segment_vectors(addresses, first, last, key, ratios, d, out):  # type: ignore[no-untyped-def]
    """out[i] = Σ_l R_l v(addresses[i, l]) over levels first[i] … last[i], in float64.

    One row of ``ratios`` serves all paths.
    """
    h = (d + 1) // 2
    g = np.zeros((d + LANES) // LANES * LANES, np.float32)
    left, right = g[:h], g[h : 2 * h]
    lanes = np.empty(LANES, np.float32)
    x, t, q = np.empty(h, np.float32), np.empty(h, np.float32), np.empty(h, np.int32)
    bits = x.view(np.int32)
    for i in range(addresses.shape[0]):
        row = i if ratios.shape[0] > 1 else 0
        for j in range(d):
            out[i, j] = 0.0
        for level in range(last[i], first[i] - 1, -1):
            fill_normals32(derive(key, addresses[i, level]), _U(0), left, right, x, bits, t, q)
            if d & 1:
                g[d] = _f(0.0)
            scale = 1.0 / np.sqrt(np.float64(dot(g, g, lanes)))
            contraction = ratios[row, level] if level < last[i] else 0.0
            for j in range(d):
                out[i, j] = scale * np.float64(g[j]) + contraction * out[i, j]
        size = 1.0
        for level in range(first[i]):
            size *= ratios[row, level]
        for j in range(d):
            out[i, j] *= size
