"""A dataset as the objects of other libraries: pandas tables, and AnnData as single-cell tools expect it."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman.config import is_integer, is_word, shown
from fractalman.datasets.spec import POINT_NUMBERS
from fractalman.errors import MissingExtraError, RecipeError, nearest
from fractalman.trees import path_sums

if TYPE_CHECKING:
    from anndata import AnnData
    from pandas import DataFrame

    from fractalman.recipes import Recipe
    from fractalman.trees import Hierarchy


class TableSource(Protocol):
    """Points with labels: a dataset in memory, a coarse one, or an open file."""

    @property
    def recipe(self) -> Recipe:
        """What they were made from."""
        ...

    @property
    def n_points(self) -> int:
        """How many there are."""
        ...

    @property
    def X(self) -> Any:
        """Coordinates, an array or a column of a file."""
        ...

    @property
    def y(self) -> Any:
        """Labels, likewise."""
        ...

    @property
    def cluster(self) -> Any:
        """Numbers of clusters, likewise."""
        ...

    @property
    def edges(self) -> Any:
        """Pairs of points, None without a graph."""
        ...

    @property
    def hierarchy(self) -> Hierarchy | None:
        """What is inside what, None where it was left out."""
        ...


TABLES = ("points", "nodes", "edges")
LATENTS = 1000
"""Latents that become features of an AnnData object unless told otherwise."""


def _needed(name: str) -> ModuleType:
    """Import a package of the extra, or name the command that installs it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(
            f"tables need {name}, which cannot be imported ({error}); use pip install {name}"
        ) from None


def per_point(data: TableSource) -> dict[str, Any]:
    """The columns with one number per point, in memory."""
    columns: dict[str, Any] = {"y": data.y[:], "cluster": data.cluster[:]}
    for name in POINT_NUMBERS:
        column = data.columns.get(name) if hasattr(data, "columns") else getattr(data, name, None)
        if column is not None:
            columns[name] = column[:]
    if hasattr(data, "count"):  # a coarse dataset
        columns["count"] = data.count[:]
    columns["cluster_size"] = np.bincount(columns["cluster"])[columns["cluster"]]
    if data.hierarchy is not None:
        h, n = data.hierarchy, data.n_points
        columns["depth"], columns["path_sum"] = h.depth[:n], path_sums(h.parent, h.value)[:n]
    return columns


def per_node(hierarchy: Hierarchy) -> dict[str, Any]:
    """The columns with one number per node."""
    columns = {name: getattr(hierarchy, name) for name in ("parent", "value", "variance", "size", "depth")}
    return columns if hierarchy.level is None else {**columns, "level": hierarchy.level}


def _hierarchy(data: TableSource, why: str) -> Hierarchy:
    if data.hierarchy is None:
        raise RecipeError(f"{why} needs the hierarchy, and this dataset has none; use table = 'points'")
    return data.hierarchy


@checked_arguments
def to_pandas(data: TableSource, table: str = "points", coordinates: bool = False) -> DataFrame:
    """Return a dataset that is here as a pandas table: `fractalman.to_pandas` of whatever names one.

    Parameters
    ----------
    data : Dataset or CoarseDataset or File
        A dataset in memory or an open file.
    table, coordinates
        Which table, and whether X stands in it.

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
    """
    if not is_word(table, TABLES):
        raise RecipeError(f"table = {shown(table)}: expected {', '.join(TABLES)}{nearest(table, TABLES)}")
    if coordinates and table != "points":
        raise RecipeError(f"coordinates of {table}: only points have them; use table = 'points'")
    pandas = _needed("pandas")
    if table == "nodes":
        frame = pandas.DataFrame(per_node(_hierarchy(data, "table = 'nodes'")))
        frame.index.name = "node"
    elif table == "edges":
        if data.edges is None:
            raise RecipeError("table = 'edges': this family has no graph; use table = 'points'")
        frame = pandas.DataFrame(data.edges[:], columns=["a", "b"])
        frame.index.name = "edge"
    else:
        frame = pandas.DataFrame(per_point(data))
        if coordinates:
            X = data.X[:]
            frame = frame.join(pandas.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]))
        frame.index.name = "point"
    frame.attrs = {"recipe": data.recipe.to_dict(), "n_points": data.n_points}
    return frame


@checked_arguments
def to_anndata(data: TableSource, latents: int | None = LATENTS) -> AnnData:
    """Return a dataset that is here as an AnnData object: `fractalman.to_anndata` of whatever names one.

    Parameters
    ----------
    data : Dataset or CoarseDataset or File
        A dataset in memory or an open file.
    latents : int or None, default 1000
        Only so many of the largest; None = all.

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
    """
    pandas, anndata = _needed("pandas"), _needed("anndata")
    from scipy.sparse import csr_array

    n = data.n_points
    names = pandas.Index(np.arange(n).astype(str), name="point")  # AnnData names observations by text
    X = data.X[:]
    made = anndata.AnnData(
        X=X,
        obs=pandas.DataFrame(per_point(data), index=names),
        var=pandas.DataFrame(index=pandas.Index([f"x{i}" for i in range(X.shape[1])])),
        uns={"recipe": data.recipe.to_toml()},
    )
    if data.hierarchy is not None:
        most = data.hierarchy.n_latents
        features = data.hierarchy.features(
            top=latents if latents is None or not is_integer(latents) else min(int(latents), most)
        )
        made.obsm["hierarchy"] = features
        nodes = np.arange(n, n + features.shape[1])
        columns = {"node": nodes, **{name: column[nodes] for name, column in per_node(data.hierarchy).items()}}
        made.uns["latents"] = pandas.DataFrame(columns, index=nodes.astype(str))
    if data.edges is not None:
        a, b = data.edges[:].T
        ones = np.ones(2 * a.size, np.float32)
        made.obsp["edges"] = csr_array((ones, (np.append(a, b), np.append(b, a))), shape=(n, n))
    return made
