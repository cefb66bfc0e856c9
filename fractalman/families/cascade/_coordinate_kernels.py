"""The compiled kernel of a cascade's coordinates."""

from __future__ import annotations

import numpy as np

from fractalman._instructions import LANES, lane_dot
from fractalman._jit import inline, kernel
from fractalman.random._draw_kernels import derive, fill_normals32, normal_draws, normal_pairs32, normal_radii

_U = np.uint64
_f = np.float32


@inline
def node_directions(key, nodes, x, bits, t, q, g, out):  # type: ignore[no-untyped-def]
    """out[i] (float64) = v(nodes[i]): pairs of normals in single precision, divided by their length.

    All nodes go through one loop after the other, so that short vectors fill vector instructions, too. ``g`` (as wide
    as a multiple of LANES, zero beyond d), ``x``, ``t`` (float32), ``bits`` (the int32 view of ``x``) and ``q``
    (int32) are scratch.
    """
    k, d = out.shape
    h = (d + 1) // 2
    for i in range(k):
        at = i * h
        normal_draws(derive(key, nodes[i]), _U(0), x[at : at + h], q[at : at + h])
    normal_radii(x[: k * h], bits[: k * h], t[: k * h])
    for i in range(k):
        at, unit = i * h, out[i]
        normal_pairs32(q[at : at + h], t[at : at + h], g[:h], g[h : 2 * h])
        if d & 1:
            g[d] = _f(0.0)
        scale = 1.0 / np.sqrt(np.float64(lane_dot(g, g)))
        for j in range(d):
            unit[j] = scale * np.float64(g[j])


@kernel
def directions_of(key, nodes, out):  # type: ignore[no-untyped-def]
    """`node_directions` with scratch of its own."""
    k, d = out.shape
    h = (d + 1) // 2
    g = np.zeros((d + LANES - 1) // LANES * LANES, np.float32)
    x, t, q = np.empty(k * h, np.float32), np.empty(k * h, np.float32), np.empty(k * h, np.int32)
    node_directions(key, nodes, x, x.view(np.int32), t, q, g, out)


@kernel
def cascade_coordinates(addresses, key, ratios, out):  # type: ignore[no-untyped-def]
    """out[i] = Σ_l R_l v(addresses[i, l]), R_l = Π_{j<l} ratios[i, j], by Horner from the deepest level up, in float64.

    One row of ``ratios`` serves all points. Directions that a point shares with the one before it are kept: points
    sorted by path have each node's drawn once. The order of the sum does not depend on what is kept.
    """
    nodes, d = addresses.shape[1], out.shape[1]
    h = (d + 1) // 2
    g = np.zeros((d + LANES - 1) // LANES * LANES, np.float32)
    x, t, q = np.empty(nodes * h, np.float32), np.empty(nodes * h, np.float32), np.empty(nodes * h, np.int32)
    units, total = np.empty((nodes, d), np.float64), np.empty(d, np.float64)
    _coordinates(addresses, key, ratios, out, g, x, x.view(np.int32), t, q, units, total)


@inline
def _coordinates(addresses, key, ratios, out, g, x, bits, t, q, units, total):  # type: ignore[no-untyped-def]
    n, nodes = addresses.shape
    d = out.shape[1]
    for i in range(n):
        path, ratio = addresses[i], ratios[i if ratios.shape[0] > 1 else 0]
        shared = 0
        if i > 0:
            before = addresses[i - 1]
            while shared < nodes and path[shared] == before[shared]:
                shared += 1
        node_directions(key, path[shared:], x, bits, t, q, g, units[shared:])
        unit = units[nodes - 1]
        for j in range(d):
            total[j] = unit[j]
        for up in range(2, nodes + 1):
            unit, contraction = units[nodes - up], ratio[nodes - up]
            for j in range(d):
                total[j] = unit[j] + contraction * total[j]
        row = out[i]
        for j in range(d):
            row[j] = _f(total[j])


@kernel
def cascade_segment_vectors(addresses, first, last, key, ratios, d, out):  # type: ignore[no-untyped-def]
    """out[i] = Σ_l R_l v(addresses[i, l]) over levels first[i] … last[i], in float64.

    One row of ``ratios`` serves all paths.
    """
    h = (d + 1) // 2
    g = np.zeros((d + LANES - 1) // LANES * LANES, np.float32)
    x, t, q = np.empty(h, np.float32), np.empty(h, np.float32), np.empty(h, np.int32)
    _segment_vectors(addresses, first, last, key, ratios, d, out, g, x, x.view(np.int32), t, q)


@inline
def _segment_vectors(addresses, first, last, key, ratios, d, out, g, x, bits, t, q):  # type: ignore[no-untyped-def]
    h = (d + 1) // 2
    for i in range(addresses.shape[0]):
        row = i if ratios.shape[0] > 1 else 0
        for j in range(d):
            out[i, j] = 0.0
        for level in range(last[i], first[i] - 1, -1):
            fill_normals32(derive(key, addresses[i, level]), _U(0), g[:h], g[h : 2 * h], x, bits, t, q)
            if d & 1:
                g[d] = _f(0.0)
            scale = 1.0 / np.sqrt(np.float64(lane_dot(g, g)))
            contraction = ratios[row, level] if level < last[i] else 0.0
            for j in range(d):
                out[i, j] = scale * np.float64(g[j]) + contraction * out[i, j]
        size = 1.0
        for level in range(first[i]):
            size *= ratios[row, level]
        for j in range(d):
            out[i, j] *= size
