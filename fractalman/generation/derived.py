"""What is made of a dataset, whatever names it: the same points at a coarser grain, other labels on them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from fractalman import _memory
from fractalman._arguments import checked_arguments
from fractalman._typing import F64
from fractalman.config import integer
from fractalman.datasets.coarse import CoarseDataset, coarse_grained
from fractalman.errors import RecipeError
from fractalman.families.base import Structure
from fractalman.generation.composer import drawn_labels, generate, structure
from fractalman.generation.memory import check_memory
from fractalman.recipes import Recipe
from fractalman.sources import RecipeSource, close, resolve


@checked_arguments
def coarse_grain(data: RecipeSource, size: int) -> CoarseDataset:
    """Return a dataset at the grain of ``size`` points: one point per fragment, with its mean place and mean label.

    Parameters
    ----------
    data : Dataset, File, str, path, Recipe or dict
        A dataset with its hierarchy; a file's path or an open one, which is read whole; a recipe, its table, or a
        catalogue name, which is generated in memory first.
    size : int
        s ≥ 1 points; 1 gives the data itself in another order, n or more one point per cluster.

    Returns
    -------
    CoarseDataset
        One point per fragment, sorted by cluster.

    Raises
    ------
    RecipeError
        For a dataset without a hierarchy, s < 1, or labels that are classes and have no mean.
    ResourceError
        Where a recipe's dataset would not fit into memory.

    Notes
    -----
    Source: docs/theory.md, "Coarse grains".

    Examples
    --------
    >>> import fractalman as fm
    >>> data = fm.generate(fm.PercolationCluster(n_points=200, ambient_dim=4))
    >>> fm.coarse_grain(data, 200).n_points, fm.coarse_grain("cascade-plain-1e3", 1).n_points
    (1, 1000)
    """
    size = integer(1, 2**63 - 1)("size", size)
    with _whole(data) as found:
        return coarse_grained(generate(found) if isinstance(found, Recipe) else found, size)


@checked_arguments
def label_draws(data: RecipeSource | Structure[Any], draws: int) -> F64:
    """Return independent label vectors on one structure.

    Label noise, where the recipe has any, is drawn anew as well; where the target is a class, classes come back. Those
    that points decide are the same in every draw.

    Parameters
    ----------
    data : Dataset, File, str, path, Recipe, dict or Structure
        What the labels are drawn on. Of a file all is read; of a recipe, its table or a catalogue name the points'
        coordinates are never made.
    draws : int
        Number of draws ≥ 1.

    Returns
    -------
    (n, draws) float64
        Column 0 is the dataset's own.

    Raises
    ------
    RecipeError
        For what is no dataset or a coarse one, and for no draw.
    ResourceError
        Where the labels would not fit into memory, before they are drawn.

    Examples
    --------
    >>> import fractalman as fm
    >>> data = fm.generate(fm.Cascade(n_points=100, ambient_dim=8))
    >>> labels = fm.label_draws(data, 3)
    >>> labels.shape, bool((labels[:, 0] == data.y).all())
    ((100, 3), True)
    """
    draws = integer(1, 2**31)("draws", draws)
    with _whole(data) as found:
        if isinstance(found, CoarseDataset):
            raise RecipeError(
                "found a coarse dataset: expected one with all its points; use the dataset that it was made of"
            )
        if isinstance(found, Recipe):
            check_memory(found, streamed=True, hierarchy=found.has_hierarchy)
            found = structure(found)
        need = 8 * found.y.size * draws
        _memory.check_bytes(need, f"{draws:,} label vectors of {found.y.size:,} points", "use fewer draws")
        return drawn_labels(found, draws)


@contextlib.contextmanager
def _whole(source: Any) -> Iterator[Any]:
    """Yield the recipe or the data in memory that a source means; a file that is opened here is closed after."""
    found: Any = resolve(source)
    try:
        yield found.dataset() if hasattr(found, "dataset") else found
    finally:
        if found is not source:
            close(found)
