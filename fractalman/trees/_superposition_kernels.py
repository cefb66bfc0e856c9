"""Compiled kernels of superposed features: directions of latents, magnitudes of entries, points as sums."""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import kernel
from fractalman.random._draw_kernels import derive, draw_normal

_U = np.uint64


@kernel
def random_units(key, first, out):  # type: ignore[no-untyped-def]
    """out[j] = a uniformly random unit vector of latent first + j."""
    for j in range(out.shape[0]):
        own = derive(key, _U(first + j))
        total = 0.0
        for k in range(out.shape[1]):
            out[j, k] = draw_normal(own, _U(k))
            total += out[j, k] * out[j, k]
        scale = 1.0 / math.sqrt(total)
        for k in range(out.shape[1]):
            out[j, k] *= scale


@kernel
def orthogonal_siblings(order, group, vectors):  # type: ignore[no-untyped-def]
    """Make rows that follow each other in ``order`` with one ``group`` orthonormal, in groups of at most d."""
    d = vectors.shape[1]
    begin = 0
    for at in range(order.size):
        if at > 0 and (group[order[at]] != group[order[at - 1]] or at - begin == d):
            begin = at
        row = vectors[order[at]]
        for _ in range(2):  # once loses digits where the rows were close to each other
            for earlier in range(begin, at):
                other = vectors[order[earlier]]
                along = 0.0
                for k in range(d):
                    along += row[k] * other[k]
                for k in range(d):
                    row[k] -= along * other[k]
            total = 0.0
            for k in range(d):
                total += row[k] * row[k]
            scale = 1.0 / math.sqrt(total)
            for k in range(d):
                row[k] *= scale


@kernel
def nested_units(parent, cosine, vectors):  # type: ignore[no-untyped-def]
    """Turn every row towards its parent's until their cosine is ``cosine``; parents have smaller numbers."""
    d = vectors.shape[1]
    away = math.sqrt(1.0 - cosine * cosine)
    for j in range(vectors.shape[0]):
        if parent[j] < 0:
            continue
        above, row = vectors[parent[j]], vectors[j]
        for _ in range(2):
            along = 0.0
            for k in range(d):
                along += row[k] * above[k]
            total = 0.0
            for k in range(d):
                row[k] -= along * above[k]
                total += row[k] * row[k]
            scale = 1.0 / math.sqrt(total)
            for k in range(d):
                row[k] *= scale
        for k in range(d):
            row[k] = cosine * above[k] + away * row[k]


@kernel
def folded_normals(key, points, indptr, indices, out):  # type: ignore[no-untyped-def]
    """out[e] = |N(0, 1)| of the entry's point and latent, for rows ``points`` of a CSR table."""
    for i in range(points.size):
        own = derive(key, _U(points[i]))
        for e in range(indptr[i], indptr[i + 1]):
            out[e - indptr[0]] = abs(draw_normal(own, _U(indices[e])))


@kernel
def sums(indptr, indices, magnitude, directions, key, noise, points, out):  # type: ignore[no-untyped-def]
    """out[i] = Σ over the entries of row i of magnitude × direction, plus noise × N(0, 1), in float64."""
    d = out.shape[1]
    total = np.empty(d, np.float64)
    for i in range(points.size):
        for k in range(d):
            total[k] = 0.0
        for e in range(indptr[i], indptr[i + 1]):
            row = directions[indices[e]]
            for k in range(d):
                total[k] += magnitude[e - indptr[0]] * np.float64(row[k])
        if noise > 0.0:
            own = derive(key, _U(points[i]))
            for k in range(d):
                total[k] += noise * draw_normal(own, _U(k))
        for k in range(d):
            out[i, k] = np.float32(total[k])


@kernel
def frame_operator(vectors, first, out):  # type: ignore[no-untyped-def]
    """out = rows first, … of Σ over the vectors of vector × vector, a (d, d) table; vectors in their order."""
    for k in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[k, j] = 0.0
    for i in range(vectors.shape[0]):
        for k in range(out.shape[0]):
            along = vectors[i, first + k]
            for j in range(out.shape[1]):
                out[k, j] += along * vectors[i, j]


@kernel
def tighten(operator, step, vectors):  # type: ignore[no-untyped-def]
    """Turn unit rows against what the frame operator has too much of: x + step·(x − operator x), of length 1."""
    d = vectors.shape[1]
    total = np.empty(d, np.float64)
    for i in range(vectors.shape[0]):
        row = vectors[i]
        for k in range(d):
            total[k] = 0.0
        for j in range(d):
            along = row[j]
            for k in range(d):
                total[k] += operator[j, k] * along
        length = 0.0
        for k in range(d):
            row[k] += step * (row[k] - total[k])
            length += row[k] * row[k]
        scale = 1.0 / math.sqrt(length)
        for k in range(d):
            row[k] *= scale
