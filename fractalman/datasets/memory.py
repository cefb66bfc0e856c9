"""A dataset in memory: the columns that `generate` returns, and its splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fractalman._typing import F32, F64, I32, I64
from fractalman.datasets.display import PointsDisplay
from fractalman.errors import RecipeError
from fractalman.random.streams import Role, check_seed, key64, permutation
from fractalman.trees import Hierarchy, LabelTree

if TYPE_CHECKING:
    from fractalman.datasets.dictionary import Dictionary
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
        if isinstance(size, bool) or not hasattr(size, "__index__"):
            raise RecipeError(f"{name} = {size!r}: expected a whole number of points; use {name} = 1000")
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
        0 = largest cluster; points are sorted by it.
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

    @property
    def clean(self) -> F64:
        """(n,) float64 labels without their noise, values also where y is their class."""
        labels = self.y if self.value is None else self.value
        return labels if self.noise is None else labels - self.noise

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

    def dictionary(self, min_size: int = 2) -> Dictionary:
        """Return how the points follow from the latents: directions, codes, and what is left.

        Parameters
        ----------
        min_size : int, default 2
            Latents of fewer points are left out.

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

        return dictionary_of(self.recipe, self.hierarchy, self.X, min_size)
