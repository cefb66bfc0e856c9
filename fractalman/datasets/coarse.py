"""The same data at a coarser grain: one point for every subcluster of at most s points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._typing import F32, F64, I64
from fractalman.datasets.display import PointsDisplay
from fractalman.datasets.memory import Dataset, split_indices
from fractalman.errors import RecipeError
from fractalman.random.streams import Role, key64, permutation
from fractalman.trees import Hierarchy, LabelTree, coarse_hierarchy, coarse_label_tree, fragment_means

if TYPE_CHECKING:
    from fractalman.recipes import Recipe


@dataclass(frozen=True)
class CoarseDataset(PointsDisplay):
    """A dataset whose points are the fragments of another one; theory, measures and learners take it like a `Dataset`.

    Parameters
    ----------
    recipe : Recipe
        What the fine dataset was made from.
    size : int
        s; fragments are the largest subclusters of at most s points (`Hierarchy.cut`).
    X : (f, d) float32
        Mean coordinates of each fragment, summed in float64.
    y : (f,) float64
        Mean label of each fragment, in units of the fine labels' prior standard deviation; its prior variance is
        below 1.
    cluster : (f,) int64
        As in the fine dataset; points are sorted by it, in random order within a cluster.
    edges : (m, 2) int64 or None
        Pairs of fragments that an edge joins, without repetitions, or None.
    hierarchy : Hierarchy
        The latents of more than s points over the fragments; sizes count fragments.
    label_tree : LabelTree or None
        The tree of the mean labels, exact, or None where they are on no tree (Brownian labels).
    count : (f,) int64
        Points in each fragment.
    fragment : (n,) int64
        The coarse point in which each fine point lies.

    Examples
    --------
    >>> import fractalman as fm
    >>> coarse = fm.coarse_grain(fm.generate(fm.Cascade(n_points=256, ambient_dim=4)), 16)
    >>> coarse.size, int(coarse.count.sum()), coarse.X.shape[1]
    (16, 256, 4)
    """

    recipe: Recipe
    size: int
    X: F32
    y: F64
    cluster: I64
    edges: I64 | None
    hierarchy: Hierarchy
    label_tree: LabelTree | None
    count: I64
    fragment: I64

    @property
    def n_points(self) -> int:
        """Number of fragments f."""
        return int(self.y.size)

    @checked_arguments
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


def coarse_grained(data: Dataset, size: int) -> CoarseDataset:
    """Return a dataset in memory at the grain of ``size`` points, as `fractalman.coarse_grain` says."""
    data.recipe.needs_values("coarse graining")
    h = data.hierarchy
    if h is None:
        raise RecipeError(
            "coarse graining needs the hierarchy, and this dataset was made without: generate it with one"
        )
    cut = h.cut(size)
    f = cut.node.size
    shuffled = permutation(key64(data.recipe.seeds.geometry, Role.SPLIT, cut.size), f)
    cluster = np.empty(f, np.int64)
    cluster[cut.fragment] = data.cluster
    number = np.empty(f, np.int64)  # of the cut's fragments: sorted by cluster, exchangeable within it
    number[shuffled[np.argsort(cluster[shuffled], kind="stable")]] = np.arange(f)
    fragment = number[cut.fragment]
    count = np.bincount(fragment, minlength=f).astype(np.int64)

    X = fragment_means(data.X, fragment, count)
    y = np.bincount(fragment, data.y, f) / count

    edges = None
    if data.edges is not None:
        ends = np.sort(fragment[data.edges], axis=1)
        edges = np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0)
    tree: LabelTree | None = None
    own: tuple[F64 | None, F64 | None] = None, None
    if data.label_tree is not None:
        made = coarse_label_tree(data.label_tree, fragment, f)
        if made is not None:
            tree = made[0]
            if np.array_equal(data.label_tree.parent, h.parent):
                own = tree.value[:f], tree.variance[:f]
    sorted_cluster = np.empty(f, np.int64)
    sorted_cluster[number] = cluster
    return CoarseDataset(
        data.recipe,
        cut.size,
        X,
        y,
        sorted_cluster,
        edges,
        coarse_hierarchy(h, cut, number, *own),
        tree,
        count,
        fragment,
    )
