"""The composer: a recipe becomes columns, in memory (`generate`) or in a file (`write`).

`structure` draws everything but the coordinates; theory and predictions need no more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fractalman import embedding, geometry, labels
from fractalman._arrays import F32, F64, I64
from fractalman._jit import run_tasks
from fractalman.dataset.memory import Dataset
from fractalman.errors import FileFormatError, RecipeError, ResourceError
from fractalman.hierarchy import Hierarchy, LabelTree
from fractalman.recipe import Cascade, PercolationCluster, Recipe
from fractalman.seeds import STREAM_VERSION, Role, draw_below_twin, key64

if TYPE_CHECKING:
    pass

if TYPE_CHECKING:
    import os

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (column, bytes done, bytes in all)."""

BLOCK = 4096  # points made at once by addressed families


@dataclass(frozen=True)
class Structure:
    """A dataset without its coordinates.

    Args:
        recipe: what it was made from.
        y: (n,) float64. cluster: (n,) int64. edges: (n_edges, 2) int64 or None.
        hierarchy, label_tree: as in `Dataset`, or None when left out.
    """

    recipe: Recipe
    y: F64
    cluster: I64
    edges: I64 | None
    hierarchy: Hierarchy | None
    label_tree: LabelTree | None


# ---------------------------------------------------------------------------------------------------- memory


def available_bytes() -> int:
    """Return the memory that this process may still take, in bytes: the machine's, or its control group's if less."""
    limits = []
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(int(line.split()[1]) * 1024)
        group = Path("/sys/fs/cgroup")
        most = (group / "memory.max").read_text().strip()
        if most.isdigit():
            limits.append(int(most) - int((group / "memory.current").read_text()))
    except (OSError, ValueError):
        pass
    return min(limits) if limits else 1 << 62


def check_memory(recipe: Recipe) -> None:
    """Raise ResourceError when ``generate(recipe)`` would need more memory than there is."""
    need, limit = recipe.peak_bytes(), available_bytes()
    if need > limit:
        raise ResourceError(
            f"this recipe needs {need:,} bytes at once and {limit:,} are available: allowed is less; "
            "type a smaller n_points or ambient_dim, or write it to a file with hierarchy=False (--no-hierarchy)"
        )


# ---------------------------------------------------------------------------------------------------- in memory


def structure(recipe: Recipe, hierarchy: bool = True, draw: int = 0) -> Structure:
    """Return everything of a dataset but X.

    Args:
        recipe: any recipe.
        hierarchy: also the hierarchy and the label tree.
        draw: number of the label draw; 0 = the dataset's own labels.
    """
    if isinstance(recipe, PercolationCluster):
        return _cluster_structure(recipe, hierarchy, draw)
    if isinstance(recipe, Cascade):
        return _cascade_structure(recipe, hierarchy, draw)
    raise RecipeError(f"family {recipe.family!r} cannot be built")


def generate(recipe: Recipe) -> Dataset:
    """Return the dataset of a recipe, in memory.

    Args:
        recipe: any recipe; the same recipe gives the same bytes on every machine and any number of threads.
    Errors: ResourceError before starting what will not fit.
    """
    check_memory(recipe)
    made = structure(recipe)
    X = np.empty((recipe.n_points, recipe.ambient_dim), np.float32)
    _coordinates(made, X)
    return Dataset(recipe, X, made.y, made.cluster, made.edges, made.hierarchy, made.label_tree)


def label_draws(data: Dataset | Structure, draws: int) -> F64:
    """Return independent label vectors on one structure, (n, draws) float64; column 0 is the dataset's own."""
    recipe = data.recipe
    out = np.empty((data.y.size, draws))
    for draw in range(draws):
        out[:, draw] = data.y if draw == 0 else _labels_again(data, recipe, draw)
    return out


def _labels_again(data: Dataset | Structure, recipe: Recipe, draw: int) -> F64:
    if isinstance(recipe, Cascade):
        return _cascade_values(recipe, np.arange(recipe.n_points), draw)
    assert isinstance(recipe, PercolationCluster)
    tree, h = data.label_tree, data.hierarchy
    if tree is None or h is None:
        raise RecipeError("label draws need the hierarchy, and this dataset was made without: generate it with one")
    if recipe.label == "brownian":
        return labels.brownian_labels(tree.parent, recipe.seeds.labels, draw)[1]
    return labels.hierarchical_labels(
        h.parent, h.size, recipe.n_points, recipe.label_exponent, recipe.seeds.labels, draw
    )[1]


# ---------------------------------------------------------------------------------------------------- in a file


@dataclass(frozen=True)
class _Rows:
    """A column made block by block by address, never held whole."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    make: Callable[[I64], np.ndarray[Any, Any]]

    def blocks(self) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
        """Yield (first row, rows) in order."""
        rows = 16 * BLOCK
        for start in range(0, self.shape[0], rows):
            yield start, self.make(np.arange(start, min(start + rows, self.shape[0])))


def _columns(recipe: Recipe, hierarchy: bool) -> Mapping[str, Any]:
    """The columns of a recipe's file: arrays, and block sources where a family is addressed."""
    n, d = recipe.n_points, recipe.ambient_dim
    if isinstance(recipe, Cascade):

        def rows(points: I64) -> F32:
            X = np.empty((points.size, d), np.float32)
            cascade_rows(recipe, points, X)
            return X

        columns: dict[str, Any] = {
            "X": _Rows((n, d), np.dtype(np.float32), rows),
            "y": _Rows((n,), np.dtype(np.float64), lambda points: _cascade_values(recipe, points)),
            "cluster": _Rows((n,), np.dtype(np.int64), lambda points: np.zeros(points.size, np.int64)),
        }
        if hierarchy:
            check_memory(recipe.replace(ambient_dim=2))  # X is never held
            columns.update(_tree_columns(structure(recipe)))
        return columns
    check_memory(recipe)
    data = generate(recipe)
    columns = {"X": data.X, "y": data.y, "cluster": data.cluster}
    if data.edges is not None:
        columns["edges"] = data.edges
    if hierarchy:
        columns.update(_tree_columns(data))
    return columns


def _tree_columns(made: Structure | Dataset) -> dict[str, Any]:
    h, tree = made.hierarchy, made.label_tree
    assert h is not None
    assert tree is not None
    columns = {f"hierarchy/{k}": getattr(h, k) for k in ("parent", "value", "variance", "size", "depth")}
    if h.level is not None:
        columns["hierarchy/level"] = h.level
    columns.update({f"label_tree/{k}": getattr(tree, k) for k in ("parent", "value", "variance", "norm", "leaf")})
    return columns


def write(
    recipe: Recipe,
    path: str | os.PathLike[str],
    hierarchy: bool = True,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write the dataset of a recipe to a file, published whole or not at all; the same columns as ``generate``.

    Args:
        recipe: any recipe. path: the target file.
        hierarchy: also the hierarchy and the label tree; a cascade without them is written in constant memory.
        overwrite: replace an existing file.
        progress: called as progress(column, bytes done, bytes in all).
    Returns: the path. Errors: ResourceError, and those of `dataset.write_columns`.
    """
    from fractalman.dataset import check_target, write_columns

    check_target(path, overwrite)  # before the work, not after it
    columns = _columns(recipe, hierarchy)
    return write_columns(path, columns, recipe=recipe.to_dict(), overwrite=overwrite, progress=progress)


def rebuild(
    source: str | os.PathLike[str],
    path: str | os.PathLike[str],
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Make a file again from its certificate alone, and publish it only if its content has the same digest.

    Args:
        source: a dataset file; only its certificate is read.
        path, overwrite, progress: as in `write`.
    Errors: FileFormatError for another STREAM_VERSION or another digest; nothing is left behind then.
    """
    from fractalman.dataset import check_target, open_file
    from fractalman.dataset.publish import published

    with open_file(source) as file:
        recipe, certificate, hierarchy = file.recipe, file.certificate, "hierarchy/parent" in file.columns
    if certificate.stream_version != STREAM_VERSION:
        raise FileFormatError(
            f"{source} was drawn from stream version {certificate.stream_version}, this package draws "
            f"{STREAM_VERSION}: type pip install fractalman=={certificate.versions.get('fractalman', '?')}"
        )
    target = check_target(path, overwrite)
    with published(target, overwrite) as partial:
        write(recipe, partial, hierarchy, progress=progress)
        with open_file(partial) as made:
            if made.certificate.content != certificate.content:
                raise FileFormatError(
                    f"rebuilding {source} gave content {made.certificate.content} where its certificate says "
                    f"{certificate.content}: the file was changed, or this machine computes differently; type "
                    f"fractalman verify {source}"
                )
    return target


# ---------------------------------------------------------------------------------------------------- families


def _cluster_structure(recipe: PercolationCluster, hierarchy: bool, draw: int) -> Structure:
    n, seeds = recipe.n_points, recipe.seeds
    tree = geometry.critical_cluster(n, seeds.geometry)
    label_tree, y = labels.hierarchical_labels(tree.parent, tree.size, n, recipe.label_exponent, seeds.labels, draw)
    columns = Hierarchy(tree.parent, label_tree.value, label_tree.variance, tree.size, tree.depth, n)
    if recipe.label == "brownian":
        root = draw_below_twin(key64(seeds.labels, Role.LABEL_ROOT), 0, n)
        label_tree, y = labels.brownian_labels(geometry.rooted_order(tree.edges, n, root)[0], seeds.labels, draw)
    return Structure(recipe, y, np.zeros(n, np.int64), tree.edges, columns, label_tree if hierarchy else None)


def _cascade_paths(recipe: Cascade) -> geometry.CascadePaths:
    return geometry.CascadePaths(recipe.seeds.geometry, recipe.branching_numbers, recipe.levels)


def _cascade_values(recipe: Cascade, points: I64, draw: int = 0) -> F64:
    """Labels of any points of a cascade, block by block on the threads."""
    paths, out = _cascade_paths(recipe), np.empty(points.size)

    def work(start: int) -> None:
        rows = slice(start, start + BLOCK)
        out[rows] = labels.cascade_labels(
            paths.addresses(points[rows]), recipe.contraction, recipe.hurst, recipe.seeds.labels, draw
        )

    run_tasks(work, [(start,) for start in range(0, points.size, BLOCK)])
    return out


def _cascade_structure(recipe: Cascade, hierarchy: bool, draw: int) -> Structure:
    n, seeds = recipe.n_points, recipe.seeds
    y = _cascade_values(recipe, np.arange(n), draw)
    columns = label_tree = None
    if hierarchy:
        paths = _cascade_paths(recipe)
        tree = paths.induced_tree(n)
        amplitude = labels.cascade_terms(recipe.contraction, recipe.hurst, recipe.levels)
        value, variance = np.empty(tree.parent.size), np.empty(tree.parent.size)
        above = np.where(tree.parent >= 0, tree.level[tree.parent], -1)

        def work(start: int) -> None:
            rows = slice(start, start + BLOCK)
            value[rows], variance[rows] = labels.cascade_segments(
                paths.addresses(tree.example[rows]), above[rows] + 1, tree.level[rows], amplitude, seeds.labels, draw
            )

        run_tasks(work, [(start,) for start in range(0, tree.parent.size, BLOCK)])
        columns = Hierarchy(tree.parent, value, variance, tree.size, tree.depth, n, tree.level)
        norm = np.full(n, labels.cascade_norm(recipe.contraction, recipe.hurst, recipe.levels))
        label_tree = LabelTree(tree.parent, value, variance, norm, np.arange(n))
    return Structure(recipe, y, np.zeros(n, np.int64), None, columns, label_tree)


# ---------------------------------------------------------------------------------------------------- coordinates


def step_length(recipe: PercolationCluster) -> float:
    """Length of an edge of one embedded cluster: √d · N^(−1/4), so that distances² are (d/√N) × graph distance."""
    return math.sqrt(recipe.ambient_dim / math.sqrt(recipe.n_points))


def _coordinates(made: Structure, X: F32) -> None:
    """Write all coordinates into X."""
    recipe = made.recipe
    if isinstance(recipe, PercolationCluster):
        assert made.edges is not None
        assert made.hierarchy is not None
        n, seed = recipe.n_points, recipe.seeds.embedding
        root = draw_below_twin(key64(seed, Role.EMBEDDING_ROOT), 0, n)
        rooted = geometry.rooted_order(made.edges, n, root)
        embedding.tree_coordinates(X, made.hierarchy.parent, made.hierarchy.size, *rooted, step_length(recipe), seed)
    else:
        assert isinstance(recipe, Cascade)
        cascade_rows(recipe, np.arange(recipe.n_points), X)


def cascade_rows(recipe: Cascade, points: I64, X: F32) -> None:
    """Write the coordinates of any points of a cascade, by address: (len(points), d) float32."""
    paths = _cascade_paths(recipe)

    def work(start: int) -> None:
        rows = slice(start, start + BLOCK)
        embedding.cascade_coordinates(
            X[rows], paths.addresses(points[rows]), recipe.contraction, recipe.seeds.embedding
        )

    run_tasks(work, [(start,) for start in range(0, points.size, BLOCK)])
