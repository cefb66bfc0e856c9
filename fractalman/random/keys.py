"""Keys: what a draw is for, as 64 bits. Plain Python, so that reading a recipe needs no compiler.

A *key* is hashed from a seed, a role and any further address words (`key64`); `fractalman.random.streams` turns it into
draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

import numpy as np

from fractalman.config import shown
from fractalman.display import HtmlTable
from fractalman.errors import RecipeError, check_keywords
from fractalman.random.constants import CHILD, GAMMA, M1, M2

STREAM_VERSION = 1
"""Rises whenever any draw changes; stored in every file and needed to rebuild one."""


class Role(IntEnum):
    """What a key is for; the number is part of every stream, so members are never renumbered."""

    # geometry
    ORDER = 1
    COALESCENT = 2
    BRANCHING = 3
    PATH = 4
    NESTED_TREE = 12
    NESTED_MARK = 13
    POSITION = 10
    # embedding
    EMBEDDING_ROOT = 16
    DIRECTION = 17
    EDGE_DIRECTION = 19
    ROTATION = 21
    NUISANCE = 22
    FRAME = 23
    # features in superposition: their directions, their magnitudes point by point, noise of the coordinates
    FEATURE_DIRECTION = 24
    FEATURE_MAGNITUDE = 25
    FEATURE_NOISE = 26
    # labels
    LATENT = 32
    LABEL_ROOT = 33
    FIELD = 37
    NOISE = 38
    # the use of a dataset
    SPLIT = 48
    REPLICATE = 49
    LABEL_DRAW = 50
    PREDICTION = 51
    INITIALISATION = 52
    BATCH = 53
    VALIDATION = 54
    MEASUREMENT = 55
    READ_ORDER = 60
    # ensembles of clusters
    SIZES = 5
    SHAPE = 6
    CUT = 7
    ORIGIN = 18
    # lattices: who is occupied, their breadth-first trees (geometry), the frame they lie in (embedding)
    OCCUPATION = 8
    LATTICE_TREE = 9
    LATTICE_FRAME = 20
    # labels that are not the latents' own
    INCREMENT = 40
    CLUSTER_VALUE = 41
    # grammars: their rules (geometry), the derivations of their strings (labels)
    GRAMMAR = 42
    DERIVATION = 43
    # parities: which bits a task reads (geometry), the tasks and bits of points (labels)
    PARITY_BITS = 44
    PARITY_POINT = 45
    # sequences: which token is hidden; exchanges of synonyms: what stands in their place (labels)
    MASK = 46
    EXCHANGE = 47
    # subtasks: which one a point belongs to, the seeds of each (geometry), where each lies (embedding)
    SUBTASK_POINT = 11
    SUBTASK_SEED = 14
    SUBTASK_CODE = 27


MASK = (1 << 64) - 1


@dataclass(frozen=True, kw_only=True)
class Seeds(HtmlTable):
    """Separate seeds of the three layers of a dataset; changing one leaves the other layers as they were.

    Parameters
    ----------
    geometry : int, default 0
        Who is joined to whom, 0 ≤ integer < 2^63.
    embedding : int, default 0
        Where the points lie, of the same range.
    labels : int, default 0
        The latent values and targets, of the same range.

    Examples
    --------
    >>> import fractalman as fm
    >>> fm.Cascade(n_points=10, seed=fm.Seeds(geometry=1)).seeds.labels
    0
    """

    geometry: int = 0
    embedding: int = 0
    labels: int = 0

    def __new__(cls, *args: Any, **keywords: Any) -> Self:
        check_keywords(cls, args, keywords)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for name in ("geometry", "embedding", "labels"):
            object.__setattr__(self, name, check_seed(getattr(self, name), f"seed.{name}"))


def check_seed(seed: object, name: str = "seed") -> int:
    """Return ``seed`` as an int if it is an integer in [0, 2^63), else raise RecipeError naming it."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= int(seed) < 1 << 63:
        raise RecipeError(f"{name} = {shown(seed)}: a seed is an integer, 0 <= seed < 2**63; use e.g. seed = 0")
    return int(seed)


def key64(seed: int, role: int, *address: int) -> int:
    """Return the 64-bit key of (seed, role, address…).

    Parameters
    ----------
    seed : int
        Integer, taken modulo 2^64.
    role : int
        What the draws are for (`Role`).
    address : int
        Further integers: replicate, cluster, node, …; each taken modulo 2^64.
    """
    key = _mix((seed + GAMMA) & MASK)
    for word in (int(role), *address):
        key = _derive(key, word & MASK)
    return key


# ---------------------------------------------------------------------------------------------------- SplitMix64


def _mix(z: int) -> int:
    """`_draw_kernels.mix64` in Python's integers."""
    z = ((z ^ (z >> 30)) * M1) & MASK
    z = ((z ^ (z >> 27)) * M2) & MASK
    return z ^ (z >> 31)


def _derive(key: int, word: int) -> int:
    """`_draw_kernels.derive` in Python's integers."""
    return _mix((_mix(key ^ CHILD) + (word + 1) * GAMMA) & MASK)
