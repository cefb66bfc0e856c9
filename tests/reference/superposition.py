"""Superposed features, in plain Python: one latent, one point, one coordinate at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fractalman._typing import F64
from tests.reference import streams as plain


def normal(key: int, word: int, counter: int) -> float:
    return plain.draw_normal(plain.derive(key, word), counter)


def unit(key: int, latent: int, d: int) -> F64:
    g = [normal(key, latent, k) for k in range(d)]
    total = 0.0
    for x in g:
        total += x * x
    return np.asarray(np.array(g) * (1.0 / np.sqrt(total)))


def ancestors(parent: Sequence[int], n: int, point: int, m: int) -> list[int]:
    """Latents above a point among the first m, largest first."""
    out, node = [], parent[point]
    while node >= 0:
        out.append(node - n)
        node = parent[node]
    return sorted(j for j in out if j < m)


def point(entries: Sequence[tuple[float, F64]], noise: float, key: int, number: int, d: int) -> np.ndarray:
    total = np.zeros(d)
    for magnitude, direction in entries:
        total = total + magnitude * direction.astype(np.float64)
    if noise:
        total = total + noise * np.array([normal(key, number, k) for k in range(d)])
    return total.astype(np.float32)


def tightened(vectors: F64, tolerance: float, most: int) -> F64:
    """Unit rows whose frame operator is m/d times the identity, by whole-table products."""
    rows = np.array(vectors, np.float64)
    m, d = rows.shape
    for number in range(most):
        operator = rows.T @ rows * (d / m)
        if np.abs(operator - np.eye(d)).max() < tolerance:
            break
        rows += (0.25 if number < 8 else 0.5) * (rows - rows @ operator)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows
