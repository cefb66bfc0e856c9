"""Data of the reference implementation as data with a known hierarchy: read, checked, and put into our columns."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._files import as_path
from fractalman._typing import F64, I64, AnyFloat
from fractalman.datasets.exchange.archives import read_archive, read_sparse
from fractalman.datasets.exchange.nesting import NestedLatents, nested_latents
from fractalman.datasets.exchange.percolation import files_of
from fractalman.datasets.memory import split_indices
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.trees import Hierarchy, LabelTree, path_sums

SUMMARY = ("cluster_id", "cluster_size", "latent_tree_height")
LEVEL = 1e-6
"""Labels are taken not to follow the layout's law where chance would do what is seen less often."""


@dataclass(frozen=True, eq=False)
class ImportedDataset(Display):
    """Somebody's data whose hierarchy is known; theory, recovery and learners take it like a `Dataset`.

    Parameters
    ----------
    path : Path
        Of the file with X and y.
    X : (n, d) float32 or float64
        Coordinates, as in the file.
    y : (n,) float64
        Labels, as in the file.
    cluster : (n,) int64
        0 = largest cluster; rows keep the file's order.
    cluster_id : (n,) int64
        The file's own numbers of clusters.
    hierarchy : Hierarchy
        Points, then latents by decreasing size. Values of latents are the file's; where it holds none, values and
        variances are 0.
    label_tree : LabelTree or None
        The tree of the labels, as the Bayes floor needs it; None where they do not follow the layout's law, the sum of
        independent N(0, 1) on the way from the root to the point, over the square root of their number.
    latent : (latents,) int64
        Column in the file's features of every latent.
    notes : tuple of str
        What was found about the labels, in sentences.
    edges : None
        The layout holds no graph.

    Examples
    --------
    >>> import os, tempfile
    >>> import fractalman as fm
    >>> folder = tempfile.TemporaryDirectory()
    >>> recipe = fm.PercolationCluster(n_points=200, ambient_dim=4)
    >>> path = fm.export(recipe, os.path.join(folder.name, "a.npz"), "percolation")
    >>> data = fm.import_percolation(path)
    >>> data.n_points, data.hierarchy.n_latents, data.label_tree is None
    (200, 199, False)
    >>> train, test = data.split(100, 50)
    >>> bool(fm.theory.bayes_curve(data, train, [10, 100], test).mean(axis=1)[1] < 1)
    True
    >>> folder.cleanup()
    """

    path: Path
    X: AnyFloat
    y: F64
    cluster: I64
    cluster_id: I64
    hierarchy: Hierarchy
    label_tree: LabelTree | None
    latent: I64
    notes: tuple[str, ...]
    edges: None = None

    @property
    def n_points(self) -> int:
        """Number of points."""
        return int(self.y.size)

    def split(self, n_train: int, n_test: int, seed: int = 0) -> tuple[I64, I64]:
        """Return disjoint (train, test) int64 indices; training sets of one seed nest in n_train.

        Parameters
        ----------
        n_train, n_test : int
            Points to train and to test with, together at most n_points.
        seed : int, default 0
            Of the random permutation.

        Returns
        -------
        tuple of (n_train,) and (n_test,) int64
            Row numbers.
        """
        return split_indices(self.n_points, n_train, n_test, seed)

    def __repr__(self) -> str:
        n, d = self.X.shape
        known = "follow the layout's law" if self.label_tree is not None else "of a law that is not known"
        return "\n".join(
            [
                f"{self.path}: {n} points in {d} dimensions with a known hierarchy",
                f"  clusters {int(self.cluster.max()) + 1}, latents {self.hierarchy.n_latents}",
                f"  labels   {known}",
                *(f"  note     {note}" for note in self.notes),
            ]
        )


@checked_arguments
def import_percolation(
    path: str | os.PathLike[str],
    features: str | os.PathLike[str] | None = None,
    metadata: str | os.PathLike[str] | None = None,
) -> ImportedDataset:
    """Read data in the layout of the reference implementation, percolation-synthetic-data, of any of its versions.

    Parameters
    ----------
    path : str or Path
        NAME.npz with X and y.
    features : str or Path, default None
        The sparse matrix of latents; None = NAME_gt_features.npz beside it, or, for NAME_filtered…, what the filter
        script calls it.
    metadata : str or Path, default None
        cluster_id, cluster_size, latent_tree_height, if they are not in the file itself; None = NAME_gt_metadata.npz
        where that is there. Without any they follow from the features.

    Returns
    -------
    ImportedDataset
        Points in the file's order, the hierarchy, and the label's tree where the labels follow the layout's law.

    Raises
    ------
    FileNotFoundError
        Without one of the files.
    RecipeError
        For what is no such file, and for columns that contradict each other: subclusters that overlap without one
        lying in the other, a latent with two values, heights or sizes that are not those of the features.

    Notes
    -----
    The law of the labels is tested, not trusted: the squares of the points' own parts, y·√(height + 1) less the sum of
    the latents' values, against χ²; where the features hold no values, the differences of points under the same
    latent. Labels that chance explains less often than once in a million keep their hierarchy and lose their floor.

    Examples
    --------
    >>> import_percolation("no-such-file.npz")
    Traceback (most recent call last):
    FileNotFoundError: no-such-file.npz does not exist: use the path of a .npz file with X and y
    """
    file = as_path(path, "a .npz file with X and y")
    main = read_archive(file, "a .npz file with X and y")
    X, y = _points(file, main)
    n = y.size
    features_path = _beside(file, features, "features")
    entries = read_sparse(features_path, n)
    summary = _summary(file, main, metadata, n)
    latents = nested_latents(features_path, entries, summary.get("latent_tree_height"))
    cluster_id = summary.get("cluster_id")
    if cluster_id is None:
        cluster_id = np.unique(latents.root, return_inverse=True)[1].reshape(-1).astype(np.int64)
    _check_clusters(file, latents.root, cluster_id, summary.get("cluster_size"))
    hierarchy, tree, notes = _labels(y, latents)
    return ImportedDataset(file, X, y, _ranked(cluster_id), cluster_id, hierarchy, tree, latents.column, notes)


def import_files(path: str | os.PathLike[str]) -> list[Path]:
    """Return the files that `import_percolation` reads for a path, those that are there.

    Parameters
    ----------
    path : str or Path
        NAME.npz.

    Examples
    --------
    >>> import_files("no-such-file.npz")
    []
    """
    file = as_path(path, "a .npz file with X and y")
    return [one for one in (file, _beside(file, None, "features"), _beside(file, None, "metadata")) if one.exists()]


def _labels(y: F64, latents: NestedLatents) -> tuple[Hierarchy, LabelTree | None, tuple[str, ...]]:
    """The hierarchy with its values, the label tree if the labels are of it, and what is to be said of them."""
    n, parent = y.size, latents.parent
    norm = np.sqrt(latents.depth[:n] + 1.0)
    value = np.concatenate([np.zeros(n), latents.value])
    variance = np.concatenate([np.zeros(n), np.ones(latents.value.size)])
    notes = []
    if latents.value.size and bool(np.all(latents.value == 1.0)):
        notes.append("features hold 1 for every latent, and no values")
        value[:], variance[:] = 0.0, 0.0
        tested, what = _siblings(y * norm, parent[:n]), "differences of points under one latent, over √2,"
        follows = _as_normal(tested)
    else:
        tested, what = y * norm - path_sums(parent, value)[:n], "own parts of points"
        follows = _as_normal(tested) and _as_normal(latents.value)
        if follows:
            value[:n], variance[:n] = tested, 1.0
    square = f"{np.mean(np.square(tested)):.3g}" if tested.size else "none"
    seen = f"{tested.size} {what} have mean square {square}, 1 is due"
    notes.append(
        f"labels follow the layout's law: {seen}"
        if follows
        else f"labels do not follow the layout's law, so there is no Bayes floor: {seen}"
    )
    tree = LabelTree(parent, value, np.ones(value.size), norm, np.arange(n)) if follows else None
    return Hierarchy(parent, value, variance, latents.size, latents.depth, n), tree, tuple(notes)


def _as_normal(values: F64) -> bool:
    """Whether independent N(0, 1) have such a sum of squares; by chance it is denied once in 1 / `LEVEL`."""
    from scipy.special import chdtr, chdtrc

    if not values.size:
        return True
    total = float(np.sum(np.square(values)))
    return bool(2.0 * min(chdtr(values.size, total), chdtrc(values.size, total)) > LEVEL)


def _siblings(sums: F64, parent: I64) -> F64:
    """Differences over √2 of two points under each latent that has two: independent N(0, 1) under the layout's law."""
    order = np.argsort(parent, kind="stable")
    order = order[parent[order] >= 0]
    _, start, count = np.unique(parent[order], return_index=True, return_counts=True)
    first = start[count >= 2]
    return np.asarray((sums[order[first]] - sums[order[first + 1]]) / np.sqrt(2.0))


def _points(file: Path, main: dict[str, Any]) -> tuple[AnyFloat, F64]:
    missing = [name for name in ("X", "y") if name not in main]
    if missing:
        raise RecipeError(
            f"{file} holds {', '.join(main) or 'nothing'}: expected X (n, d) and y (n,), and found no "
            f"{' and no '.join(missing)}"
        )
    X, y = main["X"], main["y"]
    if X.ndim != 2 or X.dtype.kind not in "fiu" or 0 in X.shape:
        raise RecipeError(f"{file}: X is {X.dtype} of shape {X.shape}: expected numbers of shape (n, d)")
    if y.shape != X.shape[:1] or y.dtype.kind not in "fiu":
        raise RecipeError(f"{file}: y is {y.dtype} of shape {y.shape}: expected {len(X)} numbers, one a row of X")
    for name, array in (("X", X), ("y", y)):
        finite = np.isfinite(array)
        if not finite.all():
            row = int(np.argwhere(~finite)[0][0])
            raise RecipeError(f"{file}: {name} is not finite in row {row}: expected finite numbers")
    return X if X.dtype in (np.float32, np.float64) else X.astype(np.float64), y.astype(np.float64)


def _beside(file: Path, given: str | os.PathLike[str] | None, kind: str) -> Path:
    if given is not None:
        return as_path(given)
    usual = files_of(file)[kind]
    base, filtered, rest = file.stem.partition("_filtered")
    other = file.with_name(f"{base}_gt_{kind}{filtered}{rest}.npz")
    if not usual.exists() and other.exists():
        return other
    return usual


def _summary(file: Path, main: dict[str, Any], given: str | os.PathLike[str] | None, n: int) -> dict[str, I64]:
    """The columns with one integer a point, from the file itself and from the metadata beside it."""
    path = _beside(file, given, "metadata")
    other = read_archive(path, "a .npz file with cluster_id") if given is not None or path.exists() else {}
    found: dict[str, I64] = {}
    for name in SUMMARY:
        for source, arrays in ((file, main), (path, other)):
            if name not in arrays:
                continue
            column = arrays[name]
            if column.shape != (n,) or column.dtype.kind not in "iu":
                raise RecipeError(
                    f"{source}: {name} is {column.dtype} of shape {column.shape}: expected {n} integers, one a point"
                )
            if name in found and not np.array_equal(found[name], column):
                row = int(np.flatnonzero(found[name] != column)[0])
                raise RecipeError(
                    f"{name} of row {row} is {found[name][row]} in {file} and {column[row]} in {path}: expected the "
                    "same number"
                )
            found[name] = column.astype(np.int64)
    return found


def _check_clusters(file: Path, root: I64, cluster_id: I64, cluster_size: I64 | None) -> None:
    """A cluster is what lies under one root; its size is the number of its points."""
    _, of_root = np.unique(root, return_inverse=True)
    _, of_id, count = np.unique(cluster_id, return_inverse=True, return_counts=True)
    of_root, of_id = of_root.reshape(-1), of_id.reshape(-1)
    size = count[of_id]
    for inside, around, what in (
        (of_id, of_root, "lies under several roots of the features"),
        (of_root, of_id, "shares its root in the features with another cluster"),
    ):
        first = np.full(int(inside.max()) + 1, -1, np.int64)
        first[inside[::-1]] = around[::-1]  # of each, where its first row belongs
        wrong = np.flatnonzero(first[inside] != around)
        if wrong.size:
            row = int(wrong[0])
            raise RecipeError(
                f"{file}: cluster_id {cluster_id[row]}, of row {row}, {what}: expected one root a cluster"
            )
    if cluster_size is not None and not np.array_equal(cluster_size, size):
        row = int(np.flatnonzero(cluster_size != size)[0])
        raise RecipeError(
            f"{file}: cluster_size of row {row} is {cluster_size[row]}, and its cluster_id stands in {size[row]} rows: "
            "expected the same; rows that were left out belong to it"
        )


def _ranked(cluster_id: I64) -> I64:
    """Numbers of clusters from 0, the largest first; ties by their first row."""
    _, first, of, count = np.unique(cluster_id, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(count.size, np.int64)
    rank[np.lexsort((first, -count))] = np.arange(count.size)
    return rank[of.reshape(-1)]
