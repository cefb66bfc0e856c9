"""Shuffled batches of whatever names a dataset; `datasets.shuffled` makes them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fractalman._arguments import checked_arguments
from fractalman._typing import AnyInt
from fractalman.datasets import shuffled
from fractalman.datasets.shuffled import BUFFER_BYTES, LATENTS, Batches, Points
from fractalman.generation.composer import generate
from fractalman.recipes import Recipe
from fractalman.sources import RecipeSource, is_dataset_file, is_file


@checked_arguments
def batches(
    source: Points | RecipeSource,
    batch_size: int,
    *,
    seed: int = 0,
    epoch: int = 0,
    start: int = 0,
    step: int = 1,
    rows: AnyInt | Sequence[int] | None = None,
    drop_last: bool = False,
    buffer_bytes: int = BUFFER_BYTES,
    fields: Sequence[str] = ("X", "y"),
    latents: int | None = LATENTS,
) -> Batches:
    """Return the shuffled batches of one epoch: every row exactly once, every epoch in another order.

    Batch k is a function of the arguments and the shape of X alone, the same from memory and from a file: to resume,
    give the same arguments and ``start=k``; to share an epoch among W readers, ``start=w, step=W``.

    Parameters
    ----------
    source : Dataset, File, str, path, Recipe or dict
        A dataset in memory, an open file, of which whole chunks are read, or a file's path; a recipe, its table, a
        catalogue name or a TOML file, whose dataset is generated in memory first.
    batch_size : int
        Rows of a batch, at least 1; the last batch has what is left.
    seed : int, default 0
        Of the order.
    epoch : int, default 0
        Which pass over the rows, 0 or more.
    start : int, default 0
        Number of the first batch that is yielded.
    step : int, default 1
        Only every step-th batch is yielded.
    rows : (m,) int or (n,) bool or None, default None
        The rows that take part (one side of a `split`), in any order; None = all. Few rows of a large file are better
        read once, ``f.X[rows]``: every epoch reads all chunks that hold some.
    drop_last : bool, default False
        Leave out a last batch that is not full (in each epoch other rows are left out).
    buffer_bytes : int, default 67108864
        Memory for the rows that are shuffled together; the order depends on it.
    fields : sequence of str, default ("X", "y")
        What a batch consists of, in this order: "X", "y", "cluster", "noise", "value"; "row", the rows' numbers;
        "latents", which latents lie above each row, sparse, as `Hierarchy.features`.
    latents : int or None, default 1000
        How many of the largest "latents" has, as far as there are so many; None = all. Held in memory.

    Returns
    -------
    Batches
        Iterating yields the fields, X (batch_size, d) float32 and y (batch_size,) float64, new arrays every time. JAX
        takes them as they are; `fractalman.device_batches` sends them to its device ahead of their use.

    Raises
    ------
    RecipeError
        For an argument that cannot be.
    ResourceError
        Where a recipe's dataset would not fit into memory.

    Examples
    --------
    >>> import fractalman as fm
    >>> data = fm.generate(fm.Cascade(n_points=100, ambient_dim=4))
    >>> [X.shape for X, y in fm.batches(data, 40)]
    [(40, 4), (40, 4), (20, 4)]
    """
    return shuffled.batches(
        points_of(source),
        batch_size,
        seed=seed,
        epoch=epoch,
        start=start,
        step=step,
        rows=rows,
        drop_last=drop_last,
        buffer_bytes=buffer_bytes,
        fields=fields,
        latents=latents,
    )


def points_of(source: Any) -> Any:
    """Return the data, or the path of their file; of what means a recipe the dataset, generated in memory."""
    return generate(source) if _means_a_recipe(source) else source


def _means_a_recipe(source: Any) -> bool:
    """Whether data are to be made: not of data, nor of a path that is that of a file of ours, or ought to be."""
    if isinstance(source, (str, os.PathLike)):
        text = isinstance(source, str) and "\n" in source
        ours = is_file(source) and (is_dataset_file(source) or Path(source).suffix.lower() in (".h5", ".hdf5"))
        return text or not ours
    return isinstance(source, Mapping | Recipe) or (not hasattr(source, "X") and hasattr(source, "recipe"))
