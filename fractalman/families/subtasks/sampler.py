"""Sampler of subtasks: points fall to them by address, each is a dataset of the family within, their trees a forest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._typing import F32, F64
from fractalman.datasets.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.families.base import Sampler, Structure, family_of
from fractalman.families.blocks import rows_at_once
from fractalman.families.subtasks.forest import joined
from fractalman.families.subtasks.recipe import Subtasks
from fractalman.random.streams import Role, key64, normals
from fractalman.trees import LabelTree


def code(recipe: Subtasks, rank: int) -> F64:
    """Return the place of a subtask: independent normals, two of them ``separation`` times ``extent`` apart."""
    own = normals(key64(recipe.seeds.embedding, Role.SUBTASK_CODE, rank), recipe.identity_dim)
    return np.asarray(own * (recipe.separation * recipe.extent / np.sqrt(2.0 * recipe.identity_dim)), np.float64)


def _parts(recipe: Subtasks) -> Iterator[tuple[int, Any]]:
    """Yield (rank, recipe) of every subtask, in order."""
    for rank, size in zip(*recipe.subtask_ranks(), strict=True):
        yield int(rank), recipe.subtask(int(rank), int(size))


def structure(recipe: Subtasks, hierarchy: bool, draw: int) -> Structure[Subtasks]:
    """Draw everything but the coordinates."""
    inner = family_of(recipe.within).sampler
    made = [inner.structure(part, hierarchy, draw) for _, part in _parts(recipe)]
    sizes = np.array([part.y.size for part in made])
    y, cluster = np.concatenate([part.y for part in made]), np.repeat(np.arange(sizes.size), sizes)
    edges = None
    if made[0].edges is not None:
        first = np.cumsum(sizes) - sizes
        edges = np.concatenate([part.grown[0].astype(np.int64) + a for part, a in zip(made, first, strict=True)])
    trees = [part.hierarchy for part in made if part.hierarchy is not None]
    if not trees:
        return Structure(recipe, y, cluster, edges)
    labels: list[LabelTree] | None = [part.label_tree for part in made if part.label_tree is not None] or None
    return Structure(recipe, y, cluster, edges, *joined(trees, labels))


def _rows(recipe: Subtasks, rank: int, part: Any) -> F32:
    """Coordinates of all points of one subtask."""
    inner = family_of(part).sampler
    X = np.empty((part.n_points, recipe.ambient_dim), np.float32)
    own = np.empty((part.n_points, part.ambient_dim), np.float32)
    inner.coordinates(inner.structure(part, part.family != "cascade", 0), own)
    X[:, : part.ambient_dim] = own
    X[:, part.ambient_dim :] = code(recipe, rank)
    return X


def coordinates(made: Structure[Subtasks], X: F32) -> None:
    """Write all coordinates into X."""
    first = 0
    for rank, part in _parts(made.recipe):
        X[first : first + part.n_points] = _rows(made.recipe, rank, part)
        first += part.n_points


@dataclass(frozen=True)
class SubtaskBlocks:
    """X of subtasks, block by block; the largest one is held whole.

    Args:
        recipe: of the subtasks.
    """

    recipe: Subtasks

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return self.recipe.n_points, self.recipe.ambient_dim

    @property
    def dtype(self) -> np.dtype[Any]:
        """Single precision."""
        return np.dtype(np.float32)

    def blocks(self) -> Iterator[tuple[int, F32]]:
        """Yield (first row, rows) in order."""
        most = rows_at_once(self.shape, 4)
        first, held = 0, []
        for rank, part in _parts(self.recipe):
            held.append(_rows(self.recipe, rank, part))
            while sum(map(len, held)) >= most:
                rows = np.concatenate(held)
                yield first, rows[:most]
                first, held = first + most, [rows[most:]]
        rest = np.concatenate(held)
        if len(rest):
            yield first, rest


def label_sampler(recipe: Subtasks, _made: Dataset | Structure[Subtasks]) -> Callable[[int], F64]:
    """Return what draws labels of the same subtasks; their trees are made once for all draws."""
    if _made.label_tree is None:
        raise RecipeError("label draws need the hierarchy, and this dataset was made without: generate it with one")
    inner = family_of(recipe.within).sampler
    own = [inner.label_sampler(part, inner.structure(part, True, 0)) for _, part in _parts(recipe)]
    return lambda draw: np.concatenate([sampler(draw) for sampler in own])


def clusters(recipe: Subtasks) -> dict[str, Any]:
    """Return what the subtasks are, without making them."""
    _, sizes = recipe.subtask_ranks()
    return {"clusters": int(sizes.size), "largest": int(sizes[0]), "singletons": int((sizes == 1).sum())}


def coordinate_blocks(made: Structure[Subtasks], _folder: Path) -> SubtaskBlocks:
    """Return X block by block."""
    return SubtaskBlocks(made.recipe)


SAMPLER = Sampler[Subtasks](
    structure=structure,
    coordinates=coordinates,
    label_sampler=label_sampler,
    coordinate_blocks=coordinate_blocks,
    clusters=clusters,
)
