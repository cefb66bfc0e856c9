"""Adding points to a file whose recipe nests: the file of the larger recipe takes its place, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._files import replacing
from fractalman.errors import FileFormatError, RecipeError
from fractalman.executors import SerialExecutor
from fractalman.generation.files import write_extended
from fractalman.generation.shards import MOST_SHARDS, write_all_shards
from fractalman.progress import Progress, byte_progress
from fractalman.random.streams import STREAM_VERSION
from fractalman.recipes import Recipe

if TYPE_CHECKING:
    from fractalman.datasets.file import File

_ROWS = 1 << 16


@checked_arguments
def extend(path: str | os.PathLike[str], n_points: int, progress: Progress | bool | None = None) -> Path:
    """Add points to a file, so that it becomes the file of the same recipe with ``n_points`` points.

    Recipes nest whose points are drawn one by one (cascades, manifolds with a field of waves), clusters, ensembles and
    subtasks with ``growth="nested"``; what of the older rows stays is said in docs/theory.md, "Nested sizes". Columns
    are those of `write` with the larger recipe, in one step or in many; the provenance says in addition what the file
    was at first. The old file stays until the new one is whole on the disk, whatever ends the process, so both need
    room for a while. An index of shards gets shards of about as many rows as it has, beside the old ones; after an end
    half-way the same call keeps those that are finished, and the old ones go when the new index file stands.

    Parameters
    ----------
    path : str or Path
        A dataset file or an index of shards, no single shard; hierarchy and compression stay as they are.
    n_points : int
        Number of points from now on, more than there are.
    progress : Progress, bool or None, default None
        Called as progress(column, bytes done, bytes in all). None = a bar in terminals and notebooks; False = silent.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    RecipeError
        If the recipe does not nest, with the reason and what to use, or n_points adds none.
    ResourceError
        If the dataset does not fit into memory, before anything is started.
    FileFormatError
        If the file is damaged, a shard, of another stream version, or not what its recipe makes; it stays as it is.

    Notes
    -----
    Source: docs/theory.md §1, "Nested sizes".

    Examples
    --------
    >>> import fractalman as fm
    >>> path = fm.write(fm.Cascade(n_points=100, ambient_dim=8), "growing.h5", overwrite=True)
    >>> fm.extend(path, 250).name
    'growing.h5'
    >>> with fm.open(path) as file:
    ...     file.X.shape, file.provenance.extended["n_points"]
    ((250, 8), 100)
    """
    from fractalman.datasets import check_target, open_file, verify_file
    from fractalman.datasets.superseded import warn_of_superseded

    with open_file(path) as file:
        recipe, provenance, hierarchy = file.recipe, file.provenance, "hierarchy/parent" in file.columns
        if file.is_subset:
            raise FileFormatError(f"{path} is a subset: expected a whole dataset; use fractalman extend with the whole")
        if file.is_shard:
            raise FileFormatError(f"{path} is a shard: expected a whole dataset; use the index file of its shards")
        shards = file.n_shards
    if shards:
        warn_of_superseded(Path(path))
    larger = larger_recipe(recipe, n_points)
    if provenance.stream_version != STREAM_VERSION:
        raise FileFormatError(
            f"{path} was drawn from stream version {provenance.stream_version}, this package draws {STREAM_VERSION}: "
            f"run pip install fractalman=={provenance.versions.get('fractalman', '?')}"
        )
    target = check_target(path, overwrite=True)
    problems = verify_file(target)
    if problems:
        raise FileFormatError(f"{path}: {problems[0]}; expected an intact file to add points to")
    story = provenance.extended or {"n_points": recipe.max_points, "content": provenance.content}
    if shards:
        story = {**story, "shards": story.get("shards", shards)}
        return _extend_shards(target, recipe, larger, hierarchy, progress, story)
    with replacing(target, overwrite=True) as partial, byte_progress(progress) as report:
        write_extended(larger, partial, hierarchy, False, report, provenance.compression, story)
        with open_file(target) as old, open_file(partial) as new:
            _check_kept(old, new, recipe)
    return target


def _extend_shards(
    target: Path,
    recipe: Recipe,
    larger: Recipe,
    hierarchy: bool,
    progress: Progress | bool | None,
    story: Mapping[str, Any],
) -> Path:
    """Write the larger dataset's shards beside the old ones, then its index file in the old one's place."""
    from fractalman.datasets import open_file

    first_points, first_shards = story["n_points"], story["shards"]  # so one step and many end in the same shards
    count = min(-(-larger.max_points * first_shards // first_points), MOST_SHARDS)

    def check(paths: Sequence[Path]) -> None:
        first = 0
        with open_file(target) as old:
            for path in paths:
                if first >= recipe.max_points:
                    return
                with open_file(path) as new:
                    _check_kept(old, new, recipe, first)
                    first += new.n_points

    with byte_progress(progress) as report, SerialExecutor() as runner:
        return write_all_shards(larger, target, count, hierarchy, True, report, runner, check=check, extended=story)


def larger_recipe(recipe: Recipe, n_points: int) -> Recipe:
    """The recipe with more points; RecipeError where none nests."""
    reason = recipe.no_growth()
    if reason is not None:
        raise RecipeError(f"datasets of this recipe do not grow: {reason}")
    larger = recipe.replace(n_points=n_points)
    if larger.max_points <= recipe.max_points:
        raise RecipeError(f"n_points = {n_points}: the file has {recipe.max_points}, expected more")
    return larger


def _check_kept(old: File, new: File, recipe: Recipe, first: int = 0) -> None:
    """Compare what nests exactly: rows of addressed points, else clusters and edges; new's come after ``first``."""
    for name in ("X", "y", "cluster", "tokens") if recipe.addressed else ("cluster", "edges"):
        if name not in old.columns:
            continue
        before, after = old.columns[name], new.columns[name]
        last = min(before.shape[0], first + after.shape[0])
        for start in range(first, last, _ROWS):
            rows = slice(start, min(start + _ROWS, last))
            again = after[rows.start - first : rows.stop - first]
            if not np.array_equal(before[rows], again, equal_nan=before.dtype.kind == "f"):
                raise FileFormatError(
                    f"{old.path}: {name} of rows {rows.start} … {rows.stop - 1} is not what its recipe makes: the file "
                    "was changed, or this machine computes differently; use fractalman generate to write a new one"
                )
