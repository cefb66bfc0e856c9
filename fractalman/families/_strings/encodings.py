"""Strings of tokens as coordinates: one-hot, the numbers themselves, or a random vector for every token."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fractalman._jit import run_tasks
from fractalman._typing import F32, AnyInt
from fractalman.families.blocks import BLOCK
from fractalman.random.streams import Role, key64, normals

ENCODINGS = ("one-hot", "tokens", "embedding")


def encoded_dimension(encoding: str, length: int, vocabulary: int, embedding_dim: int) -> int:
    """Return how many coordinates strings of ``length`` tokens have."""
    return length * {"one-hot": vocabulary, "tokens": 1, "embedding": embedding_dim}[encoding]


@lru_cache(maxsize=8)
def token_vectors(vocabulary: int, dim: int, seed: int) -> F32:
    """Return a random vector for every token, (vocabulary, dim) float32, independent N(0, 1/dim).

    Token k has normals k·dim … (k + 1)·dim − 1 of its key, so a larger vocabulary leaves the others as they are.
    """
    drawn = normals(key64(seed, Role.DIRECTION), vocabulary * dim).reshape(vocabulary, dim)
    return np.asarray(drawn / np.sqrt(dim), np.float32)


def encode(tokens: AnyInt, encoding: str, vocabulary: int, X: F32, seed: int) -> None:
    """Write the coordinates of strings into X, token by token from the left.

    Parameters
    ----------
    tokens : (n, t) integer
        0 … vocabulary − 1.
    encoding : str
        One of `ENCODINGS`.
    vocabulary : int
        Number of tokens.
    X : (n, t·width) float32
        Written over.
    seed : int
        Embedding seed, of the vectors of "embedding".
    """
    n, t = tokens.shape
    width = X.shape[1] // t
    vectors = token_vectors(vocabulary, width, seed) if encoding == "embedding" else None

    def work(start: int) -> None:
        part = tokens[start : start + BLOCK]
        out = X[start : start + BLOCK]
        if encoding == "tokens":
            out[:] = part
        elif vectors is not None:
            out[:] = vectors[part].reshape(len(part), t * width)
        else:
            out[:] = 0.0
            columns = part + np.arange(t) * vocabulary
            out[np.arange(len(part))[:, None], columns] = 1.0

    run_tasks(work, [(start,) for start in range(0, n, BLOCK)])
