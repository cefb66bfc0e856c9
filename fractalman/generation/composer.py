"""From a recipe to a dataset in memory, whatever the family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._typing import F32, F64, I64
from fractalman.datasets.dictionary import superposition_of
from fractalman.datasets.memory import Dataset
from fractalman.datasets.spec import POINT_COLUMNS
from fractalman.errors import RecipeError
from fractalman.families._forests.coalescent import ClusterTree, CompactTree
from fractalman.families.base import Structure, family_of
from fractalman.generation import augment
from fractalman.generation.memory import check_coordinates, check_memory, check_tree
from fractalman.random.streams import Role, key64, normals
from fractalman.recipes import Recipe
from fractalman.sources import RecipeSource, recipe_of
from fractalman.trees import path_sums, topological_order
from fractalman.trees.superposition import Superposition


def structure(recipe: Recipe, hierarchy: bool = True, draw: int = 0) -> Structure[Any]:
    """Return everything of a dataset but X; theory and predictions need no more.

    Parameters
    ----------
    recipe : Recipe
        Any recipe.
    hierarchy : bool, default True
        Also the hierarchy and the label tree.
    draw : int, default 0
        Number of the label draw; 0 = the dataset's own labels.

    Returns
    -------
    Structure
        Labels, clusters, edges, hierarchy and label tree.

    Raises
    ------
    RecipeError
        Where a label is not finite: keywords at the ends of their ranges.
    """
    made = family_of(recipe).sampler.structure(recipe, (hierarchy or recipe.partitions) and recipe.has_hierarchy, draw)
    noise = augment.noise(recipe, np.arange(made.y.size), draw)
    if noise is not None:
        made = replace(made, y=made.y + noise, noise=noise)
    wrong = int(np.count_nonzero(~np.isfinite(made.y)))
    if wrong:  # no recipe that passes its checks gets here; a family that errs must not leave with wrong numbers
        raise RecipeError(
            f"{wrong} of {made.y.size} labels of this {recipe.family} are not finite: use keywords further from "
            "the ends of their ranges"
        )
    if recipe.thresholds:
        return replace(made, y=augment.classes(recipe, made.y), value=made.y)
    if recipe.partitions:
        return replace(made, y=augment.subclusters(recipe, made), value=made.y)
    return made


def tree(recipe: Recipe) -> ClusterTree:
    """Return the edges and the hierarchy of a recipe's clusters alone, without latents, labels and coordinates.

    Parameters
    ----------
    recipe : Recipe
        Of a cluster family: one cluster, an ensemble, the Bethe lattice.

    Returns
    -------
    ClusterTree
        Columns edges, parent, size and depth as in the dataset, 64 bytes a point; `memory_of(recipe).tree_bytes()` is
        the most memory that it takes, 80 bytes a point for one cluster of up to 10^9 points. `compact_tree` takes less.

    Raises
    ------
    RecipeError
        For other families.
    ResourceError
        Before starting what will not fit.
    """
    check_tree(recipe)
    draw = family_of(recipe).sampler.tree
    if draw is None:
        raise RecipeError(f"family {recipe.family!r} has no tree to be drawn alone: use generate for the dataset")
    drawn: ClusterTree = draw(recipe)
    return drawn


@checked_arguments
def compact_tree(recipe: Recipe, edges: bool = True) -> CompactTree:
    """Return the tree of `tree` in short integers, of 4 bytes where 2n < 2^31.

    Parameters
    ----------
    recipe : Recipe
        One critical cluster, or an ensemble of them that does not grow.
    edges : bool, default True
        With the edges (clusters that grow have them in any case).

    Returns
    -------
    CompactTree
        Columns edges, parent, size as in the dataset, depths when they are asked for: 24 bytes a point, 16 without
        edges. One cluster takes 32 bytes a point at once, 24 without edges: 10^9 points in 24 GiB.

    Raises
    ------
    RecipeError
        For other recipes.
    ResourceError
        Before starting what will not fit.

    Examples
    --------
    >>> import fractalman as fm
    >>> from fractalman.generation import compact_tree
    >>> tree = compact_tree(fm.PercolationCluster(n_points=1000), edges=False)
    >>> tree.parent.dtype, int(tree.size[1000]), tree.edges.shape
    (dtype('int32'), 1000, (0, 2))
    """
    draw = family_of(recipe).sampler.compact_tree
    if draw is not None:
        check_tree(recipe, compact=True, edges=edges)
    drawn: CompactTree | None = None if draw is None else draw(recipe, edges)
    if drawn is None:
        raise RecipeError(
            f"no compact tree is drawn of this {recipe.family}: expected percolation-cluster, or percolation-ensemble "
            "that does not grow; use tree, or generate for the dataset"
        )
    return drawn


def population(recipe: Recipe) -> dict[str, Any] | None:
    """Return what the clusters of a recipe's ensemble are, without making them; None for families without one.

    Parameters
    ----------
    recipe : Recipe
        Of any family.

    Returns
    -------
    dict or None
        Plain values, e.g. the number of clusters.

    Examples
    --------
    >>> import fractalman as fm
    >>> from fractalman.generation import population
    >>> population(fm.PercolationEnsemble(n_points=1000))["clusters"]
    346
    """
    clusters = family_of(recipe).sampler.clusters
    return None if clusters is None else clusters(recipe)


def own_coordinates(realization: Structure[Any]) -> F32:
    """Return the coordinates of all points before anything is added: the family's, or a superposition of latents."""
    recipe, n = realization.recipe, realization.y.size
    if recipe.superposes:
        return superposition(realization).rows(np.arange(n))
    X = np.empty((n, recipe.ambient_dim), np.float32)
    family_of(recipe).sampler.coordinates(realization, X)
    return X


def superposition(realization: Structure[Any]) -> Superposition:
    """Return the superposition of a structure's latents that its recipe asks for."""
    if realization.hierarchy is None:
        raise TypeError(f"a structure of {realization.recipe.family} came without its hierarchy")
    return superposition_of(realization.recipe, realization.hierarchy)


@checked_arguments
def generate(recipe: RecipeSource) -> Dataset:
    """Return the dataset of a recipe, in memory.

    Parameters
    ----------
    recipe : Recipe, dict, str or path
        Any recipe, its table, a catalogue name, a TOML or dataset file; the same recipe gives the same bytes on every
        machine and any number of threads.

    Returns
    -------
    Dataset
        Coordinates X, labels y, clusters, edges, hierarchy and label tree, as far as the family has them.

    Raises
    ------
    ResourceError
        Before starting what will not fit.

    Examples
    --------
    >>> import fractalman as fm
    >>> data = fm.generate(fm.Cascade(n_points=100, ambient_dim=8))
    >>> data.X.shape, data.y.shape
    ((100, 8), (100,))
    """
    recipe = recipe_of(recipe)
    check_memory(recipe)
    made = structure(recipe)
    check_coordinates(recipe, made.y.size)
    X = augment.coordinates(recipe, np.arange(made.y.size), own_coordinates(made))
    return Dataset(
        recipe,
        X,
        made.y,
        made.cluster,
        made.edges,
        made.hierarchy,
        made.label_tree,
        **{name: getattr(made, name) for name in POINT_COLUMNS},
    )


def drawn_labels(data: Dataset | Structure[Any], draws: int) -> F64:
    """Return independent label vectors on a structure, as `fractalman.label_draws` says."""
    out = np.empty((data.y.size, draws))
    out[:, :1] = data.y[:, None]
    if data.recipe.partitions:
        out[:] = data.y[:, None]
    if draws < 2 or data.recipe.partitions:
        return out
    origin = getattr(data, "origin", None)
    points = np.arange(data.y.size) if origin is None else origin.rows
    labels = _of_subset(data, points) if origin is not None else _label_sampler(data)
    for draw in range(1, draws):
        out[:, draw] = labels(draw)
        noise = augment.noise(data.recipe, points, draw)
        if noise is not None:
            out[:, draw] += noise
        if data.recipe.thresholds:
            out[:, draw] = augment.classes(data.recipe, out[:, draw])
    return out


def _label_sampler(data: Dataset | Structure[Any]) -> Callable[[int], F64]:
    return family_of(data.recipe).sampler.label_sampler(data.recipe, data)


def _of_subset(data: Dataset | Structure[Any], rows: I64) -> Callable[[int], F64]:
    """Return what draws labels of some points: on their own label tree, or, where labels lie on none, on the whole."""
    tree, recipe = data.label_tree, data.recipe
    if tree is None:
        whole = _label_sampler(structure(recipe))
        return lambda draw: whole(draw)[rows]
    order, spread = topological_order(tree.parent), np.sqrt(tree.variance)

    def labels(draw: int) -> F64:
        value = normals(key64(recipe.seeds.labels, Role.LABEL_DRAW, draw), spread.size) * spread
        return np.asarray(path_sums(tree.parent, value, order)[tree.leaf] / tree.norm)

    return labels
