"""The dictionary behind a dataset: which direction every latent adds to the points below it, and what is left.

Where a family draws its points as sums over latents (cascades), the directions are those that were drawn. Elsewhere
they are the steps between the means of nested subclusters: a latent's direction leads from its parent's mean to its
own, so that codes × directions is, for every point, the mean of the smallest subcluster that it lies in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fractalman._typing import F32, F64, I64, AnyFloat
from fractalman.config import is_integer, shown
from fractalman.datasets.display import DictionaryDisplay
from fractalman.errors import RecipeError
from fractalman.random.rotation import rotation
from fractalman.recipes.registry import family_module
from fractalman.trees.superposition import Superposition

if TYPE_CHECKING:
    from fractalman.recipes import Recipe
    from fractalman.trees import Hierarchy


@dataclass(frozen=True, eq=False)
class Dictionary(DictionaryDisplay):
    """Features of a dataset as directions, and the points that have them: X = codes × directions + residual.

    Parameters
    ----------
    directions : (m, d) float32
        Of length 1, one a latent, by decreasing subcluster size.
    codes : (n, m) scipy.sparse.csr_array, float64
        Magnitudes; entry (i, j) is there where point i lies in the subcluster of latent j.
    parent : (m,) int64
        Parent of every latent among these, −1 for roots.
    node : (m,) int64
        Numbers of the latents as nodes of the dataset's hierarchy.
    size : (m,) int64
        Points in every latent's subcluster.
    magnitude : (m,) float64
        What a latent adds to its points has this length, on average over them.
    kind : {"drawn", "means"}
        Whether the points were drawn as sums of these directions, or the directions are steps between means.
    X : (n, d) float32
        The points.

    Notes
    -----
    The residual of drawn dictionaries is what points add that no other point shares; it falls as points are added.
    Means follow the sample: with latents of few points they fit any points, whatever the hierarchy. Choose
    ``min_size`` accordingly and hold `explained` against a hierarchy whose points are permuted.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> data = fm.generate(fm.Cascade(n_points=512, ambient_dim=16))
    >>> known = data.dictionary()
    >>> bool(np.allclose(known.codes @ known.directions + known.residual, data.X, atol=1e-6)), known.kind
    (True, 'drawn')
    """

    directions: F32
    codes: Any
    parent: I64
    node: I64
    size: I64
    magnitude: F64
    kind: str
    X: F32 = field(repr=False)

    @property
    def residual(self) -> F32:
        """(n, d) float32, X − codes × directions."""
        return np.asarray(self.X - self.codes @ self.directions.astype(np.float64), np.float32)

    @property
    def firing(self) -> F64:
        """(m,) float64, share of the points that have each latent: its subcluster's size over n, exactly."""
        return np.asarray(self.size / self.codes.shape[0], np.float64)

    @property
    def l0(self) -> float:
        """Mean number of latents a point: the sum of the firing rates."""
        return float(self.firing.sum())

    def correlation(self, i: int, j: int) -> float:
        """Return the correlation of the presence of two latents over the points, from their rates alone.

        Parameters
        ----------
        i, j : int
            Latents.

        Returns
        -------
        float
            √(p_i (1 − p_j) / (p_j (1 − p_i))) of a latent i below j, −√(p_i p_j / ((1 − p_i)(1 − p_j))) of two that
            exclude each other; nan where one is everywhere.

        Examples
        --------
        >>> import fractalman as fm
        >>> known = fm.generate(fm.Cascade(n_points=256, ambient_dim=64)).dictionary(16)
        >>> known.correlation(1, 1), known.correlation(1, 2) < 0.0
        (1.0, True)
        """
        p, q = sorted((float(self.firing[i]), float(self.firing[j])))
        small, large = sorted((i, j), key=lambda k: (int(self.size[k]), -k))
        if q >= 1.0:
            return float("nan")
        at = small
        while at >= 0 and at != large:
            at = int(self.parent[at])
        both = p if at == large else 0.0
        return float((both - p * q) / np.sqrt(p * (1.0 - p) * q * (1.0 - q)))

    @property
    def explained(self) -> float:
        """Share of the points' variance that codes × directions reproduces."""
        X = np.asarray(self.X, np.float64)
        total = np.square(X - X.mean(axis=0)).sum()
        return float(1.0 - np.square(self.residual.astype(np.float64)).sum() / total) if total else float("nan")


def dictionary_of(
    recipe: Recipe,
    hierarchy: Hierarchy | None,
    X: F32,
    min_size: int = 2,
    whole: bool = True,
    activations: AnyFloat | None = None,
) -> Dictionary:
    """Return the dictionary of points with a known hierarchy.

    Parameters
    ----------
    recipe : Recipe
        What the points were drawn from.
    hierarchy : Hierarchy or None
        Over the points.
    X : (n, d) float32
        The points.
    min_size : int, default 2
        Latents of fewer points are left out.
    whole : bool, default True
        Whether the points are all that the recipe makes; the directions of some of them are steps between means.
    activations : (n, k) float, optional
        What a network makes of the points: the dictionary of its steps between means in place of the points'.

    Returns
    -------
    Dictionary

    Raises
    ------
    RecipeError
        Without a hierarchy, without latents of that size, for a ``min_size`` that is no whole number from 1 up, or
        activations that are no finite table with a row a point.
    """
    if not is_integer(min_size) or int(min_size) < 1:
        raise RecipeError(
            f"min_size = {shown(min_size)}: expected a whole number of points from 1 up; use min_size = 2"
        )
    if hierarchy is None:
        raise RecipeError("these data have no hierarchy, so no dictionary: use a family with one, and hierarchy=True")
    n = hierarchy.n_points
    nodes = n + np.flatnonzero(hierarchy.size[n:] >= int(min_size))
    if not nodes.size:
        raise RecipeError(f"no subcluster has {min_size} points or more: use a smaller min_size")
    own = whole and (n == recipe.n_points or recipe.n_points is None)
    if activations is not None:
        own, X = False, np.asarray(activations, np.float32)
        if X.ndim != 2 or len(X) != n or not X.size or not np.isfinite(X).all():
            raise RecipeError(f"activations of shape {X.shape}: expected finite numbers, {n} rows, one a point")
    if recipe.superposes and own:
        return _superposed(recipe, hierarchy, X, int(min_size))
    module = family_module(recipe.family, "dictionary") if own else None
    if module is None:
        kind, vectors = "means", _mean_steps(hierarchy, X, nodes)
    else:
        kind, vectors = "drawn", _turned(recipe, module.latent_vectors(recipe, hierarchy, nodes))
    length = np.linalg.norm(vectors, axis=1)
    kept = length > 1e-12 * length.max()  # a subcluster whose mean is its parent's adds nothing but rounding
    codes = hierarchy.features(top=int(nodes[-1]) - n + 1).tocsc()[:, np.flatnonzero(kept)].tocsr()
    codes.data = length[kept][codes.indices]
    directions = (vectors[kept] / length[kept, None]).astype(np.float32)
    parent = _parents(hierarchy.parent[nodes] - n, kept)
    return Dictionary(directions, codes, parent, nodes[kept], hierarchy.size[nodes][kept], length[kept], kind, X)


def superposition_of(recipe: Recipe, hierarchy: Hierarchy) -> Superposition:
    """Return the superposition of a hierarchy's latents that a recipe asks for."""
    return Superposition(
        hierarchy,
        recipe.ambient_dim,
        recipe.feature_directions,
        recipe.feature_cosine,
        recipe.feature_magnitude,
        recipe.feature_min_size,
        recipe.feature_noise,
        recipe.seeds.embedding,
    )


def _superposed(recipe: Recipe, hierarchy: Hierarchy, X: F32, min_size: int) -> Dictionary:
    made, n = superposition_of(recipe, hierarchy), hierarchy.n_points
    m = int(np.count_nonzero(hierarchy.size[n : n + made.n_features] >= min_size))
    nodes, codes = n + np.arange(m), made.codes()[:, :m]
    mean = np.asarray(abs(codes).sum(axis=0)).ravel() / hierarchy.size[nodes]
    directions = _turned(recipe, made.vectors[:m]).astype(np.float32)
    return Dictionary(directions, codes, made.parent[:m], nodes, hierarchy.size[nodes], mean, "drawn", X)


def _turned(recipe: Recipe, own: AnyFloat) -> F64:
    """Vectors in the columns of X: nothing in those of the nuisance, and the recipe's rotation."""
    out = np.zeros((len(own), recipe.n_columns))
    out[:, : own.shape[1]] = own
    if recipe.rotate:
        rotation(recipe.n_columns, recipe.seeds.embedding).turn(out)
    return out


def _mean_steps(hierarchy: Hierarchy, X: F32, nodes: I64) -> F64:
    """Mean of every node's points less its parent's; a root's own mean."""
    order, n = hierarchy.order(), hierarchy.n_points
    centre = np.asarray(X, np.float64).mean(axis=0)
    sums = np.zeros((n + 1, X.shape[1]))
    np.cumsum(np.asarray(X, np.float64)[order.points] - centre, axis=0, out=sums[1:])
    start, stop = order.start[nodes], order.stop[nodes]
    means = (sums[stop] - sums[start]) / (stop - start)[:, None]
    above = hierarchy.parent[nodes]
    inner = above >= 0
    steps = means.copy()
    steps[inner] -= means[above[inner] - n]
    steps[~inner] += centre
    return np.asarray(steps)


def _parents(parent: I64, kept: npt.NDArray[np.bool_]) -> I64:
    """Parents among the kept latents: of those that went, their own parent takes the place (parents come first)."""
    if kept.all():
        return np.where(parent >= 0, parent, -1).astype(np.int64)
    number = np.cumsum(kept) - 1
    nearest = np.full(parent.size, -1, np.int64)
    for j, up in enumerate(parent.tolist()):
        if up >= 0:
            nearest[j] = number[up] if kept[up] else nearest[up]
    return nearest[kept]
