"""Export: whatever names a dataset is written in the layout of other tools."""

from __future__ import annotations

import os
from pathlib import Path

from fractalman._arguments import checked_arguments
from fractalman._files import refuse_source
from fractalman.datasets.coarse import CoarseDataset
from fractalman.datasets.exchange import check_layout, export_data
from fractalman.errors import RecipeError
from fractalman.generation.tables import data_or_generated
from fractalman.progress import Progress, byte_progress
from fractalman.sources import RecipeSource


@checked_arguments
def export(
    source: RecipeSource,
    path: str | os.PathLike[str],
    layout: str | None = None,
    *,
    latents: int | str | None = None,
    overwrite: bool = False,
    progress: Progress | bool | None = None,
) -> Path:
    """Write a dataset in a layout that other tools read, published whole or not at all.

    Parameters
    ----------
    source : str, path, File, Dataset, Recipe or dict
        A dataset file or an open one, whose X is never held; a dataset in memory; a recipe, its table, or a catalogue
        name, which is generated in memory first.
    path : str or Path
        The target, with the ending of its layout.
    layout : str or None, default None
        None = that of the target's ending; "percolation" and "huggingface", a folder, have to be named. "anndata"
        (.h5ad); "percolation" (.npz), the reference implementation's archives: X, y, cluster_id, cluster_size,
        latent_tree_height, and beside it NAME_gt_features.npz (sparse, values of latents), NAME_gt_metadata.npz and
        NAME_provenance.json; "parquet" (.parquet), one table of points, and beside it NAME_nodes.parquet and
        NAME_edges.parquet; "zarr" (.zarr), a group of version 3; "huggingface", a folder that
        ``datasets.load_from_disk`` reads, with a data card.
    latents : int, "all" or None, default None
        Of the layouts anndata (1000 by default) and percolation (all): only so many of the largest.
    overwrite : bool, default False
        Replace what is there, if it is a file, or a folder of this layout.
    progress : Progress, bool or None, default None
        Called as progress(what, bytes done, bytes in all). None = a bar in terminals and notebooks; False = silent.

    Returns
    -------
    Path
        The target.

    Raises
    ------
    RecipeError
        For another layout, an ending that it does not have, or data without the hierarchy that it holds.
    MissingExtraError
        Without pyarrow (parquet, huggingface) or zarr.
    FileExistsError, IsADirectoryError, …
        Where nothing can be published at the target, as in `fractalman.write`.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import fractalman as fm
    >>> recipe = fm.PercolationCluster(n_points=100, ambient_dim=4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = fm.export(recipe, os.path.join(folder, "data.npz"), "percolation")
    ...     with np.load(path) as data:
    ...         sorted(data)
    ['X', 'cluster_id', 'cluster_size', 'latent_tree_height', 'y']
    """
    layout = check_layout(path, layout)  # refused before anything is opened or made
    refuse_source(path, source)
    with data_or_generated(source) as data:
        if isinstance(data, CoarseDataset):
            raise RecipeError(
                "found a coarse dataset: expected one with all its points; use fm.to_pandas for coarse ones"
            )
        with byte_progress(progress) as report:
            return export_data(data, path, layout, latents=latents, overwrite=overwrite, progress=report)
