"""Tables of other tools: whatever names a dataset becomes a pandas table or an AnnData object."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fractalman._arguments import checked_arguments
from fractalman.datasets import tables
from fractalman.datasets.tables import LATENTS
from fractalman.generation.composer import generate
from fractalman.recipes import Recipe
from fractalman.sources import RecipeSource, close, resolve

if TYPE_CHECKING:
    from anndata import AnnData
    from pandas import DataFrame

    from fractalman.datasets.coarse import CoarseDataset
    from fractalman.datasets.file import File
    from fractalman.datasets.memory import Dataset


@contextlib.contextmanager
def data_or_generated(source: RecipeSource) -> Iterator[Dataset | CoarseDataset | File]:
    """Yield the data that a source means, those of a recipe generated in memory; what is opened here is closed after.

    Parameters
    ----------
    source : str, path, File, Dataset, CoarseDataset, Recipe or dict
        As for `fractalman.sources.resolve`.

    Yields
    ------
    File, Dataset or CoarseDataset
        With columns X, y, cluster, edges.
    """
    found = resolve(source)
    try:
        yield generate(found) if isinstance(found, Recipe) else found
    finally:
        if found is not source:
            close(found)


@checked_arguments
def to_pandas(source: RecipeSource, table: str = "points", coordinates: bool = False) -> DataFrame:
    """Return a dataset as a pandas table.

    Parameters
    ----------
    source : str, path, File, Dataset, CoarseDataset, Recipe or dict
        A dataset in memory, an open file or a file's path; a recipe, its table, or a catalogue name, which is generated
        in memory first.
    table : str, default "points"
        "points" (y, cluster, its size and, where there are any, noise, value, and of the hierarchy the depth and the
        sum of values from the root down to the point; index: the point), "nodes" (parent, value, variance, size,
        depth and, in cascades, level of every node of the hierarchy, points first; index: the node) or "edges" (the two
        points a, b of every edge).
    coordinates : bool, default False
        With the columns x0, x1, …, float32; of the table of points only.

    Returns
    -------
    pandas.DataFrame
        With the recipe (plain values) and n_points in ``.attrs``.

    Raises
    ------
    MissingExtraError
        Without pandas.
    RecipeError
        For another table, or one that the dataset does not have.

    Examples
    --------
    >>> import fractalman as fm
    >>> data = fm.generate(fm.PercolationCluster(n_points=50, ambient_dim=2))
    >>> list(fm.to_pandas(data, coordinates=True)), len(fm.to_pandas(data, "edges"))
    (['y', 'cluster', 'cluster_size', 'depth', 'path_sum', 'x0', 'x1'], 49)
    """
    with data_or_generated(source) as data:
        return tables.to_pandas(data, table, coordinates)


@checked_arguments
def to_anndata(source: RecipeSource, latents: int | None = LATENTS) -> AnnData:
    """Return a dataset as an AnnData object: points are observations, coordinates variables.

    ``obs`` has y, cluster, its size and, where there are any, noise, value, depth and the sum of values from the root
    down to the point; ``obsm["hierarchy"]`` which of the largest latents lie above each point, sparse;
    ``uns["latents"]`` node, parent, value, variance, size and depth of these latents; ``obsp["edges"]`` the graph,
    sparse and symmetric, entries 1; ``uns["recipe"]`` TOML text.

    Parameters
    ----------
    source : str, path, File, Dataset, CoarseDataset, Recipe or dict
        As for `to_pandas`.
    latents : int or None, default 1000
        Only so many of the largest; None = all, one entry for every ancestor of every point.

    Returns
    -------
    anndata.AnnData
        Points as observations.

    Raises
    ------
    MissingExtraError
        Without anndata and pandas.
    RecipeError
        For a negative number.

    Examples
    --------
    >>> import fractalman as fm
    >>> data = fm.generate(fm.PercolationCluster(n_points=50, ambient_dim=2))
    >>> fm.to_anndata(data, latents=10).obsm["hierarchy"].shape
    (50, 10)
    """
    with data_or_generated(source) as data:
        return tables.to_anndata(data, latents)
