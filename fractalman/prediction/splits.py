"""Random splits of one dataset: what a curve averages over when it is predicted in a dataset's own coordinates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fractalman import geometry, theory
from fractalman.dataset.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.prediction.draws import Draw, n_tests, noisy
from fractalman.recipe import SmoothManifold
from fractalman.seeds import Role, key64, permutation


@dataclass(frozen=True)
class Splits:
    """Splits of a dataset; labels enter through their covariance only.

    Args:
        data: the dataset. splits: how many.
    """

    data: Dataset
    splits: int = 8

    @property
    def population(self) -> float:
        """Points that training sets are drawn from."""
        return float(self.data.n_points)

    def draws(self, sizes: tuple[int, ...]) -> Iterator[Draw]:  # noqa: ARG002
        """Yield (points in training order, test points, covariance, X) of every split."""
        data, recipe = self.data, self.data.recipe
        n, place, tree = data.n_points, None, None
        if isinstance(recipe, SmoothManifold):
            points = geometry.manifold_points(np.arange(n), recipe.kind, recipe.dim, recipe.seeds.geometry)
            place = (points, recipe.hurst, recipe.noise)
        else:
            tree = noisy(data.label_tree, recipe)
        for i in range(self.splits):
            order = permutation(key64(recipe.seeds.geometry, Role.PREDICTION, Role.SPLIT, i), n)
            yield Draw(order, order[n - n_tests(n) :], data.cluster, data.edges, tree, place, lambda: data.X)

    @cached_property
    def variance(self) -> float:
        """V_in, the expected variance of the labels within this dataset."""
        draw = next(self.draws((1,)))
        if draw.tree is not None:
            return theory.within_variance(draw.tree)
        if self.data.n_points < 4:
            raise RecipeError(
                "a field at fewer than four points has no variance to speak of: type n_points = 4 or more"
            )
        half = draw.order.size // 2
        return float(draw.pairs(draw.order[:half], draw.order[half : 2 * half]).mean()) / 2.0
