"""Sampler of subtasks: points fall to them by address, each is a dataset of the family within, their trees a forest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._typing import F32, F64, I64
from fractalman.datasets.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.families._forests.external_permutation import ExternalPermutation
from fractalman.families.base import Sampler, Structure, family_of
from fractalman.families.blocks import Blocks, rows_at_once
from fractalman.families.subtasks import nested
from fractalman.families.subtasks.forest import arranged, joined
from fractalman.families.subtasks.parts import parts, place
from fractalman.families.subtasks.recipe import Subtasks
from fractalman.trees import LabelTree


def structure(recipe: Subtasks, hierarchy: bool, draw: int) -> Structure[Subtasks]:
    """Draw everything but the coordinates."""
    inner = family_of(recipe.within).sampler
    made = [inner.structure(part, hierarchy, draw) for _, part in parts(recipe)]
    sizes = np.array([part.y.size for part in made])
    rows = _rows_of(recipe)
    y, cluster = np.empty(rows.size), np.empty(rows.size, np.int64)
    y[rows] = np.concatenate([part.y for part in made])
    cluster[rows] = np.repeat(np.arange(sizes.size), sizes)
    edges = tokens = None
    if made[0].edges is not None:
        first = np.cumsum(sizes) - sizes
        bonds = [part.edges for part in made if part.edges is not None]
        edges = rows[np.concatenate([own.astype(np.int64) + a for own, a in zip(bonds, first, strict=True)])]
        if recipe.growth == "nested":
            edges = edges[np.argsort(edges[:, 1])]  # an earlier point, the one that came
    strings = [part.tokens for part in made if part.tokens is not None]
    if strings:
        tokens = np.empty((rows.size, strings[0].shape[1]), strings[0].dtype)
        tokens[rows] = np.concatenate(strings)
    trees = [part.hierarchy for part in made if part.hierarchy is not None]
    if not trees:
        return Structure(recipe, y, cluster, edges, tokens=tokens)
    labels: list[LabelTree] | None = [part.label_tree for part in made if part.label_tree is not None] or None
    forest = joined(trees, labels)
    whole, label_tree = forest if recipe.growth == "sorted" else arranged(*forest, rows)
    return Structure(recipe, y, cluster, edges, whole, label_tree, tokens=tokens)


def _rows_of(recipe: Subtasks) -> I64:
    """The rows of points that are counted subtask by subtask."""
    return np.arange(recipe.n_points) if recipe.growth == "sorted" else nested.arrival(recipe).rows


def _rows(recipe: Subtasks, rank: int, part: Any) -> F32:
    """Coordinates of all points of one subtask."""
    inner = family_of(part).sampler
    X = np.empty((part.n_points, recipe.ambient_dim), np.float32)
    own = np.empty((part.n_points, part.ambient_dim), np.float32)
    inner.coordinates(inner.structure(part, part.has_hierarchy and not part.addressed, 0), own)
    X[:, : part.ambient_dim] = own
    X[:, part.ambient_dim :] = place(recipe, rank)
    return X


def coordinates(realization: Structure[Subtasks], X: F32) -> None:
    """Write all coordinates into X."""
    first, rows = 0, _rows_of(realization.recipe)
    for rank, part in parts(realization.recipe):
        X[rows[first : first + part.n_points]] = _rows(realization.recipe, rank, part)
        first += part.n_points


@dataclass(frozen=True)
class SubtaskBlocks:
    """X of subtasks, block by block; the largest one is held whole.

    Args:
        recipe: of the subtasks.
        folder: where points in order of arrival that are more than a block are put in order, in a file without a name.
    """

    recipe: Subtasks
    folder: Path

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return self.recipe.n_points, self.recipe.ambient_dim

    @property
    def dtype(self) -> np.dtype[Any]:
        """Single precision."""
        return np.dtype(np.float32)

    @property
    def scratch_bytes(self) -> int:
        """Bytes of the scratch file, 0 where none is needed."""
        n, d = self.shape
        through = self.recipe.growth == "nested" and n > rows_at_once(self.shape, 4)
        return ExternalPermutation.bytes_of(n, d) if through else 0

    def blocks(self) -> Iterator[tuple[int, F32]]:
        """Yield (first row, rows) in order."""
        most = rows_at_once(self.shape, 4)
        if self.scratch_bytes:
            done, order = 0, _rows_of(self.recipe)
            with ExternalPermutation(self.folder, *self.shape, most) as scatter:
                for rank, part in parts(self.recipe):
                    scatter.put(order[done : done + part.n_points], _rows(self.recipe, rank, part))
                    done += part.n_points
                yield from scatter.blocks()
            return
        if self.recipe.growth == "nested":
            X = np.empty(self.shape, np.float32)
            coordinates(Structure(self.recipe, np.empty(0), np.empty(0, np.int64)), X)
            yield 0, X
            return
        first, held = 0, []
        for rank, part in parts(self.recipe):
            held.append(_rows(self.recipe, rank, part))
            while sum(map(len, held)) >= most:
                rows = np.concatenate(held)
                yield first, rows[:most]
                first, held = first + most, [rows[most:]]
        rest = np.concatenate(held)
        if len(rest):
            yield first, rest


def label_sampler(recipe: Subtasks, _realization: Dataset | Structure[Subtasks]) -> Callable[[int], F64]:
    """Return what draws labels of the same subtasks; their trees are made once for all draws."""
    if _realization.label_tree is None and recipe.has_hierarchy and recipe.valued:
        raise RecipeError("label draws need the hierarchy, and this dataset was made without: generate it with one")
    inner = family_of(recipe.within).sampler
    own = [inner.label_sampler(part, inner.structure(part, part.has_hierarchy, 0)) for _, part in parts(recipe)]
    rows = np.argsort(_rows_of(recipe))
    return lambda draw: np.concatenate([sampler(draw) for sampler in own])[rows]


def clusters(recipe: Subtasks) -> dict[str, Any]:
    """Return what the subtasks are, without making them."""
    _, sizes = recipe.subtask_ranks()
    return {"clusters": int(sizes.size), "largest": int(sizes.max()), "singletons": int((sizes == 1).sum())}


def coordinate_blocks(realization: Structure[Subtasks], folder: Path) -> Blocks:
    """Return X block by block; ``folder`` is for scratch."""
    return (
        nested.columns(realization.recipe)["X"]
        if realization.recipe.addressed
        else SubtaskBlocks(realization.recipe, folder)
    )


def streamed(recipe: Subtasks, hierarchy: bool, _folder: Path) -> Mapping[str, Blocks] | None:
    """Return all columns made by address, for points made so in order of arrival; the trees are held."""
    if not recipe.addressed:
        return None
    columns = nested.columns(recipe)
    return {**columns, **nested.held_trees(structure(recipe, True, 0))} if hierarchy else columns


SAMPLER = Sampler[Subtasks](
    structure=structure,
    coordinates=coordinates,
    label_sampler=label_sampler,
    coordinate_blocks=coordinate_blocks,
    streamed=streamed,
    clusters=clusters,
)
