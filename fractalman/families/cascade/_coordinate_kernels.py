"""The compiled kernel of a cascade's coordinates."""

from __future__ import annotations

import numpy as np

from fractalman._jit import kernel
from fractalman.families._forests._embedding_kernels import LANES, dot
from fractalman.random._draw_kernels import derive, fill_normals32, normal_draws, normal_pairs32, normal_radii

_U = np.uint64
_f = np.float32


@kernel
def node_directions(key, nodes, x, t, q, g, lanes, out):  # type: ignore[no-untyped-def]
    """out[i] (float64) = v(nodes[i]): pairs of normals in single precision, divided by their length.

    All nodes go through one loop after the other, so that short vectors fill vector instructions, too. ``g`` (rows of
    a multiple of LANES, zero beyond d), ``lanes``, ``x``, ``t`` (float32) and ``q`` (int32) are scratch.
    """
    k, d = out.shape
    h = (d + 1) // 2
    bits = x.view(np.int32)
    for i in range(k):
        at = i * h
        normal_draws(derive(key, nodes[i]), _U(0), x[at : at + h], q[at : at + h])
    normal_radii(x[: k * h], bits[: k * h], t[: k * h])
    for i in range(k):
        at, row = i * h, g[i]
        normal_pairs32(q[at : at + h], t[at : at + h], row[:h], row[h : 2 * h])
        if d & 1:
            row[d] = _f(0.0)
    for i in range(k):  # `dot` of every row with itself, its partial sums in the same order, row beside row
        row, lane = g[i], lanes[i]
        for j in range(LANES):
            lane[j] = row[j] * row[j]
    for block in range(LANES, g.shape[1], LANES):
        for i in range(k):
            row, lane = g[i, block : block + LANES], lanes[i]
            for j in range(LANES):
                lane[j] = lane[j] + row[j] * row[j]
    for i in range(k):
        lane = lanes[i]
        for j in range(8):
            lane[j] = lane[j] + lane[8 + j]
    for i in range(k):
        lane = lanes[i]
        for j in range(4):
            lane[j] = lane[j] + lane[4 + j]
    for i in range(k):
        row, lane, unit = g[i], lanes[i], out[i]
        scale = 1.0 / np.sqrt(np.float64((lane[0] + lane[2]) + (lane[1] + lane[3])))
        for j in range(d):
            unit[j] = scale * np.float64(row[j])


@kernel
def cascade_coordinates(addresses, key, ratios, out):  # type: ignore[no-untyped-def]
    """out[i] = Σ_l R_l v(addresses[i, l]), R_l = Π_{j<l} ratios[i, j], by Horner from the deepest level up, in float64.

    One row of ``ratios`` serves all points. Directions that a point shares with the one before it are kept: points
    sorted by path have each node's drawn once. The order of the sum does not depend on what is kept.
    """
    n, nodes = addresses.shape
    d = out.shape[1]
    h = (d + 1) // 2
    g = np.zeros((nodes, (d + LANES) // LANES * LANES), np.float32)
    lanes = np.empty((nodes, LANES), np.float32)
    x, t, q = np.empty(nodes * h, np.float32), np.empty(nodes * h, np.float32), np.empty(nodes * h, np.int32)
    units, total = np.empty((nodes, d), np.float64), np.empty(d, np.float64)
    for i in range(n):
        path, ratio = addresses[i], ratios[i if ratios.shape[0] > 1 else 0]
        shared = 0
        if i > 0:
            before = addresses[i - 1]
            while shared < nodes and path[shared] == before[shared]:
                shared += 1
        node_directions(key, path[shared:], x, t, q, g, lanes, units[shared:])
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
