"""The embeddings of `_kernels`, one vector at a time, with the same single-precision operations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fractalman._typing import F32, F64
from tests.reference import streams as plain

_f = np.float32


def gaussian(key: int, first: int, d: int) -> F32:
    """d single-precision normals from pairs first … of ``key``: all left halves, then all right halves."""
    pairs = [plain.normal_pair(key, first + j) for j in range((d + 1) // 2)]
    return np.array([a for a, _ in pairs] + [b for _, b in pairs], np.float32)[:d]


def dot(a: F32, b: F32) -> np.float32:
    """Σ a·b in 16 partial sums over every 16th term, which are then added in halves."""
    padded = np.zeros((2, (a.size + 16) // 16 * 16), np.float32)
    padded[:, : a.size] = a, b
    lanes = np.zeros(16, np.float32)
    for block, (x, y) in enumerate(zip(padded[0].reshape(-1, 16), padded[1].reshape(-1, 16), strict=True)):
        lanes = x * y if block == 0 else lanes + x * y
    eight = lanes[:8] + lanes[8:]
    four = eight[:4] + eight[4:]
    return _f((four[0] + four[2]) + (four[1] + four[3]))


def unit_vector(key: int, first: int, d: int) -> F32:
    """A uniform unit vector."""
    g = gaussian(key, first, d)
    out: F32 = g * (_f(1.0) / np.sqrt(dot(g, g)))
    return out


def directions(key: int, parent: Sequence[int], n: int, d: int, tops: Sequence[int] = ()) -> F32:
    """The points' directions, by recursion from the top latent, or from the tops of several clusters."""
    out = np.empty((n, d), np.float32)
    h = (d + 1) // 2
    half_root = _f(0.7071067811865476)
    latents = len(parent) - n
    tops = tops or [list(parent).index(-1)]
    todo = [(top, unit_vector(key, (latents + c) * h, d)) for c, top in enumerate(tops)]
    while todo:
        u, v = todo.pop()
        if u < n:
            out[u] = v
            continue
        g = gaussian(key, (u - n) * h, d)
        if d == 2:
            sign = _f(1.0) if g[1] * v[0] - g[0] * v[1] >= 0 else _f(-1.0)
            w = np.array([-sign * v[1], sign * v[0]], np.float32)
        else:
            w = g - dot(g, v) * v
        w = (half_root / np.sqrt(dot(w, w))) * w
        plus, minus = sorted(c for c in range(len(parent)) if parent[c] == u)
        todo += [(plus, half_root * v + w), (minus, half_root * v - w)]
    return out


def tree_coordinates(key: int, parent: Sequence[int], tree_parent: Sequence[int], n: int, d: int, step: float) -> F32:
    """Positions by walking from the root of the edge tree outwards."""
    vectors = directions(key, parent, n, d)
    out: dict[int, F32] = {}
    while len(out) < n:
        for i in range(n):
            p = tree_parent[i]
            if i not in out and (p < 0 or p in out):
                out[i] = _f(step) * vectors[i] if p < 0 else out[p] + _f(step) * vectors[i]
    return np.array([out[i] for i in range(n)], np.float32)


def forest_coordinates(
    keys: tuple[int, int],
    parent: Sequence[int],
    tops: Sequence[int],
    roots: Sequence[int],
    tree_parent: Sequence[int],
    shape: tuple[int, int],
    step: float,
    ball: float,
) -> F32:
    """Positions of several clusters: origins from the second key, then walks from the roots outwards."""
    n, d = shape
    vectors = directions(keys[0], parent, n, d, tops)
    out: dict[int, F32] = {}
    for c, root in enumerate(roots):
        origin = unit_vector(keys[1], c * ((d + 3) // 2), d + 2)[:d]
        out[root] = _f(ball) * origin + _f(step) * vectors[root]
    while len(out) < n:
        for i in range(n):
            if i not in out and tree_parent[i] in out:
                out[i] = out[tree_parent[i]] + _f(step) * vectors[i]
    return np.array([out[i] for i in range(n)], np.float32)


def cascade_point(addresses: Sequence[int], key: int, contraction: float | Sequence[float], d: int) -> F32:
    """Σ_l R_l v(address_l) by Horner from the deepest level up, in double precision, rounded once."""
    total = np.zeros(d)
    ratios = [contraction] * len(addresses) if isinstance(contraction, float) else [*contraction, 0.0]
    for address, ratio in zip(reversed(addresses), reversed(ratios), strict=True):
        g = gaussian(plain.derive(key, address), 0, d)
        total = (1.0 / np.sqrt(np.float64(dot(g, g)))) * g.astype(np.float64) + ratio * total
    return total.astype(np.float32)


def cascade_segment(addresses: Sequence[int], first: int, last: int, key: int, contraction: float, d: int) -> F64:
    """Σ of R_l v(address_l) over levels first … last, in double precision."""
    total = np.zeros(d)
    for level in range(last, first - 1, -1):
        g = gaussian(plain.derive(key, addresses[level]), 0, d)
        below = contraction if level < last else 0.0
        total = (1.0 / np.sqrt(np.float64(dot(g, g)))) * g.astype(np.float64) + below * total
    size = 1.0
    for _ in range(first):
        size *= contraction
    return total * size
