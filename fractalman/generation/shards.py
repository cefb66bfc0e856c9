"""From a recipe to shards and their index: on one machine or many, in any order, as often as need be.

A shard is a pure function of the recipe, its number and how many there are, published whole or not at all, so a worker
that dies costs its shard and a shard that is made twice is the same one. What is finished is recognised by its
provenance; the index file is written last.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fractalman._arguments import checked_arguments
from fractalman._leftovers import leftovers_in, remove
from fractalman.config import shown
from fractalman.errors import FileFormatError, RecipeError
from fractalman.executors import Executor, SerialExecutor, from_options, gather
from fractalman.families.blocks import ComputedColumn, PrefetchedColumn
from fractalman.generation.columns import streamed_columns
from fractalman.generation.memory import check_memory
from fractalman.progress import Progress, byte_progress
from fractalman.random.streams import STREAM_VERSION
from fractalman.recipes import Recipe, from_dict
from fractalman.sources import RecipeSource, recipe_of

MOST_SHARDS = 100_000


# ---------------------------------------------------------------------------------------------------- one shard


@checked_arguments
def write_shard(
    recipe: RecipeSource,
    path: str | os.PathLike[str],
    number: int,
    shards: int,
    *,
    progress: Progress | bool | None = None,
) -> Path:
    """Write one shard of a dataset, unless it is finished already.

    Parameters
    ----------
    recipe : Recipe, dict, str or path
        Of a family whose points are made by address; also its table, a catalogue name or a file.
    path : str or Path
        The index file; shards go to the folder "<path>.shards" beside it.
    number : int
        Which shard, from 1.
    shards : int
        How many there are.
    progress : Progress, bool or None, default None
        Called as progress(column, bytes done, bytes in all). None = a bar in terminals and notebooks; False = silent.

    Returns
    -------
    Path
        Of the shard.

    Raises
    ------
    RecipeError
        If the family's points are not made by address, or there is no shard of that number.

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = fm.Cascade(n_points=100, ambient_dim=8)
    >>> fm.write_shard(recipe, "parts.h5", number=1, shards=2).parent.name
    'parts.h5.shards'
    """
    recipe = recipe_of(recipe)
    columns = _columns(recipe, shards)
    if not 1 <= number <= shards:
        raise RecipeError(f"shard {number}/{shards}: expected 1/{shards} to {shards}/{shards}")
    with byte_progress(progress) as report:
        return _write_shard(recipe, columns, _index(path), number, shards, report)


def _write_shard(
    recipe: Recipe,
    columns: Mapping[str, ComputedColumn],
    index: Path,
    number: int,
    shards: int,
    progress: Progress | None,
) -> Path:
    target = _shard(recipe, index, number, shards)
    if _finished(recipe, target, number, shards):
        return target
    target.parent.mkdir(exist_ok=True)
    try:
        return _write_rows(recipe, columns, target, number, shards, progress)
    except FileNotFoundError:  # whoever finished the same shard and the index file took the partial file for a dead one
        if _finished(recipe, target, number, shards):
            return target
        raise


def write_part(recipe: Recipe, path: Path, number: int, shards: int, progress: Progress | None = None) -> Path:
    """Write shard ``number`` of ``shards`` to a file of any name."""
    return _write_rows(recipe, _columns(recipe, shards), path, number, shards, progress)


def _write_rows(
    recipe: Recipe,
    columns: Mapping[str, ComputedColumn],
    path: Path,
    number: int,
    shards: int,
    progress: Progress | None,
) -> Path:
    from fractalman.datasets import write_columns
    from fractalman.datasets.shard_table import shard_recipe, shard_rows

    n, d = columns["X"].shape
    start, stop = shard_rows(n, number, shards)
    parts = {name: PrefetchedColumn(rows.part(start, stop)) for name, rows in columns.items()}
    own = shard_recipe(recipe.to_dict(), n, d, number, shards)
    return write_columns(path, parts, recipe=own, overwrite=True, progress=progress)


def _columns(recipe: Recipe, shards: int) -> Mapping[str, ComputedColumn]:
    """The columns over the points; RecipeError for families without addresses and for nonsense."""
    recipe.needs_own_embedding("writing by shards")
    if recipe.partitions:
        recipe.needs_values("writing by shards")
    if not recipe.addressed:
        raise RecipeError(
            f"shards of {recipe.family}: expected points that are made by address (cascade, grammar-language, "
            'random-hierarchy-model, smooth-manifold, sparse-parities, subtasks of these with growth = "nested"), '
            "these are made in one process; leave shards out"
        )
    most = min(recipe.max_points, MOST_SHARDS)
    if isinstance(shards, bool) or not isinstance(shards, int) or not 1 <= shards <= most:
        raise RecipeError(f"shards = {shown(shards)}: expected an integer from 1 to {most}")
    columns = streamed_columns(recipe, False, Path()) or {}  # addressed families need no scratch, and have columns
    return {name: rows for name, rows in columns.items() if isinstance(rows, ComputedColumn)}


def _index(path: str | os.PathLike[str]) -> Path:
    """The index file's path, links followed, its folder there; errors as in `check_target`."""
    from fractalman.datasets import check_dataset_target

    return check_dataset_target(path, overwrite=True)


def _shard(recipe: Recipe, index: Path, number: int, shards: int) -> Path:
    from fractalman.datasets.shard_table import shard_path

    return shard_path(index, recipe.to_dict(), STREAM_VERSION, number, shards)


def _finished(recipe: Recipe, path: Path, number: int, shards: int) -> Any:
    """The provenance of a finished shard, None where there is none or another file."""
    from fractalman.datasets import open_file
    from fractalman.datasets.shard_table import shard_recipe

    try:
        with open_file(path) as file:
            provenance = file.provenance
    except (FileFormatError, FileNotFoundError):
        return None
    own = shard_recipe(recipe.to_dict(), recipe.max_points, recipe.n_columns, number, shards)
    fits = provenance.recipe == own and provenance.stream_version == STREAM_VERSION
    return provenance if fits else None


def _task(table: dict[str, Any], path: str, number: int, shards: int, progress: Progress | None = None) -> None:
    """What a worker does."""
    write_shard(from_dict(table), path, number, shards, progress=progress or False)


# ---------------------------------------------------------------------------------------------------- all of them


@checked_arguments
def write_shards(
    recipe: RecipeSource,
    path: str | os.PathLike[str],
    shards: int,
    hierarchy: bool = True,
    overwrite: bool = False,
    progress: Progress | bool | None = None,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    executor: Executor | None = None,
) -> Path:
    """Write a dataset as shards and an index file; the same columns as `write`, for any number of shards and workers.

    Shards that an earlier run has finished are kept. The trees, where asked for, are made here, for the index file.

    Parameters
    ----------
    recipe : Recipe, dict, str or path
        Of a family whose points are made by address; also its table, a catalogue name or a file.
    path : str or Path
        The index file; shards go to the folder "<path>.shards" beside it.
    shards : int
        How many, 1 to n_points.
    hierarchy : bool, default True
        Also the hierarchy and the label tree, where the family has them.
    overwrite : bool, default False
        Replace an existing index file; it stays until the new one is published.
    progress : Progress, bool or None, default None
        Called as progress(column, bytes done, bytes in all). None = a bar in terminals and notebooks; False = silent.
    jobs : int, default 1
        Spawned processes of one thread; 1 = this process with all its threads.
    scheduler : str or None, default None
        Address of a dask scheduler; None = this machine.
    executor : Executor or None, default None
        Runs the shards instead; anything with ``submit``; the caller closes it.

    Returns
    -------
    Path
        Of the index file.

    Raises
    ------
    RecipeError
        If the family's points are not made by address, or both jobs and scheduler are given.
    ResourceError
        If the dataset does not fit into memory, before anything is started.
    MissingExtraError
        If a scheduler is given and dask is not installed. Finished shards stay whatever happens, Ctrl-C included.

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = fm.Cascade(n_points=100, ambient_dim=8)
    >>> fm.write_shards(recipe, "index.h5", shards=2, hierarchy=False, overwrite=True).name
    'index.h5'
    """
    from fractalman.datasets import check_dataset_target

    made = recipe_of(recipe)
    _columns(made, shards)  # before anything else is said
    target = check_dataset_target(path, overwrite)
    with contextlib.ExitStack() as closing:
        report = closing.enter_context(byte_progress(progress))
        runner = executor or closing.enter_context(from_options(jobs=jobs, scheduler=scheduler))
        return write_all_shards(made, target, shards, hierarchy, overwrite, report, runner)


def write_all_shards(
    recipe: Recipe,
    target: Path,
    shards: int,
    hierarchy: bool,
    overwrite: bool,
    report: Progress | None,
    runner: Executor,
    *,
    check: Callable[[Sequence[Path]], None] | None = None,
    extended: Mapping[str, Any] | None = None,
) -> Path:
    """`write_shards` by a given executor; ``check`` sees the finished shards before the index file is published.

    ``extended`` is what the provenance says of a dataset that points were added to.
    """
    columns = _columns(recipe, shards)
    check_memory(recipe, streamed=True, hierarchy=hierarchy and recipe.has_hierarchy)
    count = _Count(recipe, columns, target, shards, report)
    count.check_space()
    work: Callable[..., None] = _task
    if isinstance(runner, SerialExecutor):
        work = partial(_task, progress=count.within)
    tasks = [(recipe.to_dict(), str(target.absolute()), number, shards) for number in count.missing]
    merging = _Merge(recipe, target, shards)
    for i, _ in gather(runner, work, tasks, name=lambda i: f"shard {count.missing[i]}/{shards}"):
        count.finish(count.missing[i])
        merging.take(count.left)  # while the workers are at the next ones
    if check:
        check([merging.path(number) for number in range(1, shards + 1)])
    return merging.publish(hierarchy, overwrite, report, extended)


@checked_arguments
def merge_shards(
    recipe: RecipeSource,
    path: str | os.PathLike[str],
    shards: int,
    hierarchy: bool = True,
    overwrite: bool = False,
    progress: Progress | bool | None = None,
) -> Path:
    """Write the index file of shards that are all finished, e.g. by jobs that each ran `write_shard`.

    Parameters
    ----------
    recipe : Recipe, dict, str or path
        Of a family whose points are made by address; also its table, a catalogue name or a file.
    path : str or Path
        The index file; shards go to the folder "<path>.shards" beside it.
    shards : int
        How many there are.
    hierarchy : bool, default True
        Also the hierarchy and the label tree, where the family has them.
    overwrite : bool, default False
        Replace an existing index file.
    progress : Progress, bool or None, default None
        Called as progress(column, bytes done, bytes in all). None = a bar in terminals and notebooks; False = silent.

    Returns
    -------
    Path
        Of the index file.

    Raises
    ------
    RecipeError
        Naming how many shards are missing.

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = fm.Cascade(n_points=100, ambient_dim=8)
    >>> for number in (1, 2):
    ...     _ = fm.write_shard(recipe, "merged.h5", number, shards=2)
    >>> fm.merge_shards(recipe, "merged.h5", shards=2, hierarchy=False, overwrite=True).name
    'merged.h5'
    """
    from fractalman.datasets import check_dataset_target

    recipe = recipe_of(recipe)
    columns = _columns(recipe, shards)
    target = check_dataset_target(path, overwrite)
    missing = _Count(recipe, columns, target, shards, None).missing
    if missing:
        raise RecipeError(
            f"{len(missing)} of {shards} shards are not finished, the first is {missing[0]}/{shards}: write them, or "
            "run the command without --shard"
        )
    with byte_progress(progress) as report:
        return _Merge(recipe, target, shards).publish(hierarchy, overwrite, report)


def missing_shards(recipe: RecipeSource, path: str | os.PathLike[str], shards: int) -> list[int]:
    """Return the numbers of the shards that are not finished yet.

    Parameters
    ----------
    recipe : Recipe
        As the shards were asked for.
    path : str or Path
        Of the index file.
    shards : int
        How many there are in all.

    Returns
    -------
    list of int
        Numbers from 1.
    """
    recipe = recipe_of(recipe)
    return _Count(recipe, _columns(recipe, shards), _index(path), shards, None).missing


class _Count:
    """Which shards are finished, in shards and bytes."""

    def __init__(
        self, recipe: Recipe, columns: Mapping[str, ComputedColumn], index: Path, shards: int, progress: Progress | None
    ) -> None:
        from fractalman.datasets.shard_table import shard_rows

        self._n, self._index, self._shards = columns["X"].shape[0], index, shards
        self._row_bytes = sum(rows.dtype.itemsize * math.prod(rows.shape[1:]) for rows in columns.values())
        self._bytes = {
            number: (stop - start) * self._row_bytes
            for number in range(1, shards + 1)
            for start, stop in [shard_rows(self._n, number, shards)]
        }
        self._progress = progress
        self.missing = [
            number
            for number in self._bytes
            if not _finished(recipe, _shard(recipe, index, number, shards), number, shards)
        ]
        self.left = set(self.missing)
        self._say(0)

    def _say(self, more: int) -> None:
        if self._progress:
            total = self._n * self._row_bytes
            left = sum(self._bytes[number] for number in self.left)
            at = f"shards, {self._shards - len(self.left)} of {self._shards} finished"
            self._progress(at, total - left + more, total)

    def within(self, _column: str, done: int, _total: int) -> None:
        """Say how far the shard at work has come."""
        self._say(done)

    def finish(self, number: int) -> None:
        """Note a finished shard."""
        self.left.discard(number)
        self._say(0)

    def check_space(self) -> None:
        """Refuse at once what cannot end well."""
        needed, free = sum(self._bytes[k] for k in self.missing), shutil.disk_usage(self._index.parent).free
        if needed > free:
            reason = f"{os.strerror(errno.ENOSPC)}: the shards need {needed} bytes or more, {free} are free"
            raise OSError(errno.ENOSPC, reason, str(self._index))


# ---------------------------------------------------------------------------------------------------- the index file


class _Merge:
    """The index file in the making: every finished shard is read once, in order, for the whole's digests."""

    def __init__(self, recipe: Recipe, target: Path, shards: int) -> None:
        from fractalman.datasets.merging import Merging

        self._recipe, self._target, self._shards = recipe, target, shards
        self._merging, self._next = Merging(target, recipe.max_points), 1

    def path(self, number: int) -> Path:
        return _shard(self._recipe, self._target, number, self._shards)

    def take(self, left: set[int], progress: Progress | None = None) -> None:
        """Read what comes next, up to the first shard of ``left``."""
        while self._next <= self._shards and self._next not in left:
            path = self.path(self._next)
            provenance = _finished(self._recipe, path, self._next, self._shards)
            if provenance is None:
                raise RecipeError(f"shard {path} is gone: run the same command again")
            self._merging.add(path, provenance)
            if progress:
                done = self._merging.bytes
                progress("digests of the whole", done, max(done, done * self._shards // self._next))
            self._next += 1

    def publish(
        self,
        hierarchy: bool,
        overwrite: bool,
        progress: Progress | None,
        extended: Mapping[str, Any] | None = None,
    ) -> Path:
        """Read the rest, write the index file, return its path."""
        from fractalman.datasets import write_columns

        self.take(set(), progress)
        columns: dict[str, Any] = dict(self._merging.columns())
        if hierarchy and self._recipe.has_hierarchy:
            trees = streamed_columns(self._recipe, True, self._target.parent) or {}
            columns = {**{name: PrefetchedColumn(rows) for name, rows in trees.items()}, **columns}
        table = self._recipe.to_dict()
        write_columns(self._target, columns, recipe=table, overwrite=overwrite, progress=progress, extended=extended)
        _tidy(self._target, {self.path(number).name for number in range(1, self._shards + 1)}, overwrite)
        return self._target


def _tidy(target: Path, kept: set[str], overwritten: bool) -> None:
    """Take away partial files of runs that died and, where an index file was replaced, shards that it alone knew."""
    from fractalman.datasets.shard_table import SHARD_NAMES, shard_folder

    folder = shard_folder(target)
    remove(leftovers_in(folder))
    for path in folder.glob(SHARD_NAMES) if overwritten else ():
        if path.name not in kept:
            with contextlib.suppress(OSError):
                path.unlink()
