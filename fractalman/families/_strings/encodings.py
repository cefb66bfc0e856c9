"""Strings of tokens as coordinates: one-hot, the numbers themselves, or a random vector for every token."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F32, AnyInt
from fractalman.families.blocks import BLOCK
from fractalman.random.streams import Role, key64, normals


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
        0 … vocabulary − 1, or vocabulary for a token that is masked: its one-hot block is 0, its vector one of its own.
    encoding : str
        "one-hot", "tokens" or "embedding".
    vocabulary : int
        Number of tokens.
    X : (n, t·width) float32
        Written over.
    seed : int
        Embedding seed, of the vectors of "embedding".
    """
    n, t = tokens.shape
    width = X.shape[1] // t
    vectors = token_vectors(vocabulary + 1, width, seed) if encoding == "embedding" else None

    def work(start: int) -> None:
        part = tokens[start : start + BLOCK]
        out = X[start : start + BLOCK]
        if encoding == "tokens":
            out[:] = part
        elif vectors is not None:
            out[:] = vectors[part].reshape(len(part), t * width)
        else:
            out[:] = 0.0
            rows, places = np.nonzero(part < vocabulary)
            out[rows, part[rows, places] + places * vocabulary] = 1.0

    run_tasks(work, [(start,) for start in range(0, n, BLOCK)])
