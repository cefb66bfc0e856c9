"""A dataset in memory: the columns that `generate` returns, and its splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._typing import F32, F64, I32, I64, AnyFloat, AnyInt
from fractalman.config import is_integer, shown
from fractalman.datasets.display import PointsDisplay
from fractalman.errors import RecipeError
from fractalman.random.streams import Role, check_seed, key64, permutation
from fractalman.trees import Hierarchy, LabelTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from fractalman.datasets.dictionary import Dictionary
    from fractalman.datasets.subset import Origin
    from fractalman.recipes import Recipe


def split_indices(n_points: int, n_train: int, n_test: int, seed: int) -> tuple[I64, I64]:
    """Return disjoint random training and test indices that are a pure function of (n_points, seed).

    Parameters
    ----------
    n_points : int
        Points to choose from.
    n_train : int
        Training-set size; training sets of one seed nest in it.
    n_test : int
        Test-set size; taken from the other end of the same permutation, so it does not depend on n_train.
    seed : int
        Of the permutation.

    Returns
    -------
    tuple of (n_train,) and (n_test,) int64
        Row numbers.

    Raises
    ------
    RecipeError
        When they would overlap, and for what is no size or no seed.
    """
    for name, size in (("n_train", n_train), ("n_test", n_test)):
        if not is_integer(size):
            raise RecipeError(f"{name} = {shown(size)}: expected a whole number of points; use {name} = 1000")
    seed = check_seed(seed)
    if n_train < 0 or n_test < 0 or n_train + n_test > n_points:
        raise RecipeError(
            f"n_train = {n_train} and n_test = {n_test} from {n_points} points: "
            f"expected non-negative sizes with n_train + n_test <= {n_points}"
        )
    order = permutation(key64(seed, Role.SPLIT), n_points)
    return order[:n_train].copy(), order[n_points - n_test :].copy()


@dataclass(frozen=True)
class Dataset(PointsDisplay):
    """A generated dataset.

    Parameters
    ----------
    recipe : Recipe
        What it was made from.
    X : (n, d) float32
        Coordinates.
    y : (n,) float64
        Labels in units of their prior standard deviation; classes 0 and 1 where the recipe's target is a class.
    cluster : (n,) int64
        0 = largest cluster; points are sorted by it. Of ensembles with growth = "nested": 0 = oldest cluster, points
        in order of birth; of subsets: clusters keep the order of the whole.
    edges : (n_edges, 2) int64 or None
        Point pairs; None for families without a graph.
    hierarchy : Hierarchy or None
        The hierarchy over points and latents; None when it was left out.
    label_tree : LabelTree or None
        The tree from which the labels come, noise apart; None when the hierarchy was left out.
    noise : (n,) float64 or None, default None
        The label noise, same unit; y (or value) − noise is the clean label. None for recipes without.
    value : (n,) float64 or None, default None
        The label, noise included, whose class y is. None where y is the label itself.
    tokens : (n, t) int32 or None, default None
        Strings of tokens, in families whose points are strings; y is the number of a symbol there, and the hierarchy
        has no label tree beside it.
    origin : Origin or None, default None
        Of a subset: the rows of the whole that its points are, the whole's content digest, and how its trees were
        thinned. The recipe is the whole's.

    Examples
    --------
    >>> import fractalman as fm
    >>> data = fm.generate(fm.Cascade(n_points=64, ambient_dim=4))
    >>> data.n_points, data.X.shape, data.X.dtype.name
    (64, (64, 4), 'float32')
    """

    recipe: Recipe
    X: F32
    y: F64
    cluster: I64
    edges: I64 | None
    hierarchy: Hierarchy | None
    label_tree: LabelTree | None
    noise: F64 | None = None
    value: F64 | None = None
    tokens: I32 | None = None
    origin: Origin | None = None

    @property
    def clean(self) -> F64:
        """(n,) float64 labels without their noise, values also where y is their class."""
        labels = self.y if self.value is None else self.value
        return labels if self.noise is None else labels - self.noise

    @property
    def n_points(self) -> int:
        """Number of points."""
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

    def dictionary(self, min_size: int = 2, activations: AnyFloat | None = None) -> Dictionary:
        """Return how the points follow from the latents: directions, codes, and what is left.

        Parameters
        ----------
        min_size : int, default 2
            Latents of fewer points are left out.
        activations : (n, k) float, optional
            What a network makes of the points, e.g. a hidden layer: the truth that its own dictionaries are held
            against, a latent's direction being the step from the mean of its parent's points to that of its own.

        Returns
        -------
        Dictionary
            X = codes × directions + residual.

        Raises
        ------
        RecipeError
            Without a hierarchy, or without latents of that size.

        Examples
        --------
        >>> import fractalman as fm
        >>> fm.generate(fm.Cascade(n_points=512, ambient_dim=16)).dictionary(min_size=8).directions.shape[1]
        16
        """
        from fractalman.datasets.dictionary import dictionary_of

        return dictionary_of(
            self.recipe, self.hierarchy, self.X, min_size, whole=self.origin is None, activations=activations
        )

    @checked_arguments
    def subset(
        self,
        rows: npt.NDArray[np.bool_] | AnyInt | Sequence[int] | slice | None = None,
        *,
        min_cluster: int | None = None,
        max_cluster: int | None = None,
        drop_empty: bool = False,
        collapse: bool = False,
    ) -> Dataset:
        """Return some of the points with everything that belongs to them; labels and coordinates stay what they are.

        Edges are those between the points. Hierarchy and label tree are restricted: subclusters are those of the whole
        without the other points, sums over paths keep their values, and so floors and curves are those of these points.

        Parameters
        ----------
        rows : (n_points,) bool, or (n,) int, or slice, or None, default None
            A mask, or row numbers, each once; points come in this order. None = all, to be chosen by clusters.
        min_cluster, max_cluster : int or None, default None
            Only points of clusters that have at least, at most so many points in this dataset; together with ``rows``
            both must hold.
        drop_empty : bool, default False
            Leave out latents without any of the points; otherwise they stay, with size 0, and the features of two
            subsets are columns of the same latents.
        collapse : bool, default False
            Join every chain of nodes with a single child into its lowest node, whose value and variance become the sums
            over the chain; empty latents go as well.

        Returns
        -------
        Dataset
            Whose `origin` says which rows of what it is; of a subset of a subset, of the first whole.

        Raises
        ------
        RecipeError
            For what is no choice of points, or a choice of none.

        Examples
        --------
        >>> import numpy as np, fractalman as fm
        >>> data = fm.generate(fm.PercolationEnsemble(n_points=1000, ambient_dim=8))
        >>> large = data.subset(min_cluster=10, collapse=True)
        >>> bool((np.bincount(large.cluster) >= 10).all()), bool((large.y == data.y[large.origin.rows]).all())
        (True, True)
        """
        from fractalman.datasets.subset import content_of, dataset_columns, fields_of, taken

        columns = dataset_columns(self)
        parts, origin = taken(
            columns,
            lambda: content_of(self.recipe.to_dict(), columns),
            self.origin,
            rows,
            (min_cluster, max_cluster),
            (drop_empty, collapse),
        )
        return Dataset(recipe=self.recipe, origin=origin, **fields_of(parts))
