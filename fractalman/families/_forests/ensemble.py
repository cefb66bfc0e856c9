"""What samplers of many clusters share, whatever their sizes and shapes come from."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from fractalman._typing import F32, F64, I64, AnyInt
from fractalman.datasets.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.families import _forests as forests
from fractalman.families._forests.blocks import ForestBlocks
from fractalman.families.base import Structure
from fractalman.families.blocks import Blocks
from fractalman.random.streams import Role, Seeds, key64
from fractalman.trees import Hierarchy, LabelTree


class ClustersRecipe(Protocol):
    """What recipes of many clusters have in common."""

    @property
    def n_points(self) -> int:
        """Points of all clusters together."""

    @property
    def ambient_dim(self) -> int:
        """Coordinates of the clusters."""

    @property
    def ensemble(self) -> str:
        """Whether every site counts once, or clusters are those of random roots."""

    @property
    def label(self) -> str:
        """Kind of labels."""

    @property
    def label_exponent(self) -> float:
        """Size exponent of hierarchical labels."""

    @property
    def seeds(self) -> Seeds:
        """The three seeds."""


def summary(ensemble: str, sizes: forests.ClusterSizes) -> dict[str, Any]:
    """Return what the clusters of an ensemble are, without making them.

    A file's provenance holds the recipe, and the recipe determines this: clusters, largest, singletons; redrawn, the
    draws that would have passed n_points and were drawn again from the same law restricted to what was left;
    restricted, the points that were left to fill at the first of them, which follow the restricted law; giant, the
    points in the window of an infinite cluster.
    """
    return {
        "ensemble": ensemble,
        "clusters": int(sizes.size.size),
        "largest": int(sizes.size[0]),
        "singletons": int((sizes.size == 1).sum()),
        "redrawn": sizes.redrawn,
        "restricted": sizes.restricted,
        "giant": int(sizes.size[sizes.giant]) if sizes.giant >= 0 else 0,
    }


def structure(recipe: Any, sizes: I64, tree: forests.ClusterTree, hierarchy: bool, draw: int) -> Structure[Any]:
    """Return everything but the coordinates; the hierarchy is kept in any case, the embedding comes down it.

    Parameters
    ----------
    recipe : ClustersRecipe
        What is made.
    sizes : (K,) int64
        Points of every cluster.
    tree : ClusterTree
        Edges and hierarchies of the clusters.
    hierarchy : bool
        Whether the label tree is kept.
    draw : int
        Number of the label draw.
    """
    n, seed = recipe.n_points, recipe.seeds.labels
    cluster = np.repeat(np.arange(sizes.size), sizes)
    label_tree, y = labels_on(recipe, tree.parent, tree.size, tree.edges, cluster, draw)
    latents = label_tree
    if recipe.label != "hierarchical":  # the hierarchy carries latents all the same, those of Brill's label
        latents = forests.hierarchical_labels(tree.parent, tree.size, n, 0.0, seed, draw)[0]
    columns = Hierarchy(tree.parent, latents.value, latents.variance, tree.size, tree.depth, n)
    return Structure(recipe, y, cluster, tree.edges, columns, label_tree if hierarchy else None)


def labels_on(
    recipe: ClustersRecipe,
    parent: I64,
    size: I64,
    edges: I64,
    cluster: I64,
    draw: int,
    roots: I64 | None = None,
    grown: bool = False,
) -> tuple[LabelTree, F64]:
    """Return the label tree and the labels of an ensemble.

    Parameters
    ----------
    recipe : ClustersRecipe
        What is made.
    parent, size : (n_nodes,) int64
        Of the hierarchies.
    edges : (m, 2) int64
        Of the clusters.
    cluster : (n,) int64
        Of every point.
    draw : int
        Number of the label draw.
    roots : (K,) int64 or None, default None
        Where Brownian labels start; None = a uniform point of every cluster, whose points stand together.
    grown : bool, default False
        As for `hierarchical_labels`.
    """
    seed = recipe.seeds.labels
    if recipe.label == "cluster-constant":
        return forests.constant_labels(cluster, seed, draw)
    if recipe.label == "brownian":
        starts = _roots(cluster, key64(seed, Role.LABEL_ROOT)) if roots is None else roots
        rooted = forests.rooted_order(edges, cluster.size, starts)
        return forests.brownian_labels(rooted[0], seed, draw)
    return forests.hierarchical_labels(parent, size, cluster.size, recipe.label_exponent, seed, draw, grown=grown)


def label_sampler(recipe: ClustersRecipe, realization: Dataset | Structure[Any]) -> Callable[[int], F64]:
    """Return what draws labels on the same trees."""
    label_tree, h, edges = realization.label_tree, realization.hierarchy, realization.edges
    if label_tree is None or h is None or edges is None:
        raise RecipeError("label draws need the hierarchy, and this dataset was made without: generate it with one")
    if recipe.label == "brownian":
        return lambda draw: forests.brownian_labels(label_tree.parent, recipe.seeds.labels, draw)[1]
    return lambda draw: labels_on(recipe, h.parent, h.size, edges, realization.cluster, draw)[1]


def _starts(cluster: I64) -> I64:
    return forests.cluster_starts(np.bincount(cluster))


def _roots(cluster: I64, key: int) -> I64:
    """One uniform point of every cluster: draw c of ``key``."""
    return forests.random_points(_starts(cluster), key)


def step_length(recipe: ClustersRecipe) -> float:
    """Length of an edge of an embedded ensemble: √d · N^(−1/6), with an exact cube root of integers."""
    n, shift = recipe.n_points, 40
    root = round(n ** (1 / 3) * 2.0**shift)
    wanted = n << (3 * shift)
    for _ in range(4):  # Newton from a start good to 1e-15; then the floor exactly, whatever the machine's power did
        root = (2 * root + wanted // (root * root)) // 3
    while root**3 > wanted:
        root -= 1
    while (root + 1) ** 3 <= wanted:
        root += 1
    return math.sqrt(recipe.ambient_dim / (root / 2.0**shift))


def _trees(
    recipe: ClustersRecipe, parent: AnyInt, edges: AnyInt, starts: I64
) -> tuple[I64, I64, Callable[[], tuple[AnyInt, AnyInt]]]:
    """Tops of the hierarchies, roots of the walks, what makes the edge trees seen from them."""
    roots = forests.random_points(starts, key64(recipe.seeds.embedding, Role.EMBEDDING_ROOT))
    tops = forests.top_nodes(parent, starts[:-1])
    return tops, roots, lambda: forests.rooted_order(edges, recipe.n_points, roots)


def coordinates(realization: Structure[Any], X: F32) -> None:
    """Write all coordinates into X: origins uniform in the ball of radius √d."""
    recipe, (edges, h) = realization.recipe, realization.grown
    tops, roots, rooted = _trees(recipe, h.parent, edges, _starts(realization.cluster))
    step, ball = step_length(recipe), math.sqrt(recipe.ambient_dim)
    forests.forest_coordinates(X, h.parent, h.size, tops, roots, rooted, step, ball, recipe.seeds.embedding)


def coordinate_blocks(realization: Structure[Any], folder: Path) -> Blocks:
    """Return X block by block; ``folder`` is for scratch."""
    edges, h = realization.grown
    return blocks(realization.recipe, edges, h.parent, h.size, _starts(realization.cluster), folder)


def blocks(recipe: ClustersRecipe, edges: AnyInt, parent: AnyInt, size: AnyInt, starts: I64, folder: Path) -> Blocks:
    """Return X block by block from the columns of the trees; ``starts`` holds the first point of every cluster."""
    n, d, seed = recipe.n_points, recipe.ambient_dim, recipe.seeds.embedding

    def lay_out(rows: int) -> forests.ForestWalk:
        tops, _, rooted = _trees(recipe, parent, edges, starts)
        step, ball = step_length(recipe), math.sqrt(d)
        return forests.ForestWalk(n, d, parent, size, tops, *rooted(), step, ball, seed, rows)

    return ForestBlocks((n, d), int(starts[1]), lay_out, folder)
