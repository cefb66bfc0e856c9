"""Freshly drawn structures of a recipe's family: what a curve averages over when it is predicted from a recipe.

The drawn structures are never those that a sweep draws: their keys carry the role PREDICTION. No label is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fractalman import generation, theory
from fractalman._typing import F32, F64
from fractalman.families.cascade.recipe import Cascade
from fractalman.families.lattice_percolation.recipe import LatticePercolation
from fractalman.families.smooth_manifold.points import manifold_points
from fractalman.families.smooth_manifold.recipe import SmoothManifold
from fractalman.generation.composer import builder
from fractalman.prediction.draws import TEST_POINTS, Compute, Draw, n_tests, noisy
from fractalman.random.streams import Role, Seeds, key64, permutation
from fractalman.recipes import Recipe

_POINTS_TO_DRAW = 4_000_000  # structures of one population together hold about this many points …
_SITES_TO_DRAW = 1_000_000  # the same for boxes, whose sites cost more …
_FEWEST, _MOST = 8, 48  # … but there are at least and at most so many
_ADDRESSED = 24  # structures of an addressed family, whose population grows with the sizes asked for
_VARIANCE_POINTS = 4096


def annealed(recipe: Cascade) -> Compute:
    """The exact 1-NN curve of a cascade as one replicate without error."""

    def compute(sizes: tuple[int, ...]) -> F64:
        n = np.array(sizes)
        if recipe.masses is None and not isinstance(recipe.contraction, tuple):
            curve = theory.cascade_curve(recipe.branching_numbers, recipe.contraction, recipe.hurst, recipe.levels, n)
        else:
            curve = theory.cascade_curve_masses(*theory.kinds_of(recipe), recipe.hurst, recipe.levels, n)
        return curve[None, :] + 2.0 * recipe.noise**2  # that of the neighbour's label and that of the test point's

    return compute


@dataclass(frozen=True)
class Structures:
    """Structures of a recipe's family, drawn by address.

    Args:
        recipe: of any family.
        most: as many at most; the first of them are the same.
    """

    recipe: Recipe
    most: int = _MOST

    @cached_property
    def population(self) -> float:
        """Points that training sets are drawn from: infinite for an addressed family, the least number that a draw of
        this recipe's family has where the draw decides it (lattices).
        """
        if self.recipe.addressed:
            return float("inf")
        if not isinstance(self.recipe, LatticePercolation):
            return float(self.recipe.max_points)
        return float(min(_sites(recipe) for recipe in self._recipes(self.recipe.max_points)))

    def _recipes(self, n_points: int) -> list[Recipe]:
        drawn = (
            _SITES_TO_DRAW // self.recipe.sites
            if isinstance(self.recipe, LatticePercolation)
            else (_POINTS_TO_DRAW // n_points)
        )
        count = _ADDRESSED if self.recipe.addressed else int(np.clip(drawn, _FEWEST, _MOST))
        count, base = min(count, self.most), self.recipe.seeds.geometry
        seeds = [
            Seeds(
                geometry=key64(base, Role.PREDICTION, i, 1) >> 1,
                embedding=key64(base, Role.PREDICTION, i, 2) >> 1,
                labels=key64(base, Role.PREDICTION, i, 3) >> 1,
            )
            for i in range(count)
        ]
        if self.recipe.n_points is None:  # the draw decides
            return [self.recipe.replace(seed=s) for s in seeds]
        return [self.recipe.replace(n_points=n_points, seed=s) for s in seeds]

    def draws(self, sizes: tuple[int, ...]) -> Iterator[Draw]:
        """Yield every drawn structure; the test points do not depend on the sizes, so neither do a curve's values."""
        addressed = self.recipe.addressed
        n = max(sizes) + TEST_POINTS if addressed else self.recipe.max_points
        generation.check_memory(self._recipes(n)[0].replace(ambient_dim=_least_dim(self.recipe)))
        for recipe in self._recipes(n):
            yield _draw(recipe)

    @cached_property
    def variance(self) -> float:
        """V_in, the expected variance within a population (an addressed family's: of 4096 points), over the draws."""
        return float(np.mean([variance_of(draw) for draw in self.draws((_VARIANCE_POINTS,))]))


def variance_of(draw: Draw) -> float:
    """V_in of one draw: on a tree exactly, of a field by the variogram of two halves of its test points."""
    if draw.tree is not None:
        return theory.within_variance(draw.tree)
    half = draw.test.size // 2
    pairs = draw.covariance.pairs(draw.test[:half], draw.test[half : 2 * half])
    return float(pairs.mean()) / 2.0 if half else 0.0


def _least_dim(recipe: Recipe) -> int:
    """The fewest coordinates that a recipe's family can be built in: predictions need few or none."""
    if isinstance(recipe, LatticePercolation):
        return recipe.space_dim
    return recipe.own_dim if isinstance(recipe, SmoothManifold) and recipe.own_dim > 1 else 2


def _sites(recipe: Recipe) -> int:
    return int(generation.structure(recipe.replace(label="brownian", label_exponent=0.0), hierarchy=False).y.size)


def _draw(recipe: Recipe) -> Draw:
    """Build one structure and say who trains and who is tested."""
    if isinstance(recipe, SmoothManifold):
        return _field_draw(recipe)
    made = generation.structure(recipe)
    n = made.y.size
    if recipe.addressed:  # points are independent draws in any order
        order, test = np.arange(TEST_POINTS, n), np.arange(min(TEST_POINTS, n))
    else:
        order = permutation(key64(recipe.seeds.geometry, Role.SPLIT), n)
        test = order[n - n_tests(n) :]

    key = key64(recipe.seeds.geometry, Role.VALIDATION)

    def labels(draws: int) -> F64:
        return generation.label_draws(made, draws)

    def coordinates() -> F32:
        X = np.empty((n, recipe.ambient_dim), np.float32)
        builder(recipe).coordinates(made, X)
        return X

    tree = noisy(made.label_tree, recipe)
    return Draw(order, test, theory.TreeCovariance(tree), tree, made.edges, coordinates, labels, key)


def _field_draw(recipe: SmoothManifold) -> Draw:
    """Places and covariances of a manifold; its labels are drawn only when they are asked for."""
    n, seed = recipe.n_points, recipe.seeds.geometry
    if recipe.addressed:
        order, test = np.arange(TEST_POINTS, n), np.arange(min(TEST_POINTS, n))
    else:
        order = permutation(key64(seed, Role.SPLIT), n)
        test = order[n - n_tests(n) :]
    field = field_of(recipe, n)

    def labels(draws: int) -> F64:
        return generation.label_draws(generation.structure(recipe), draws)

    # its own coordinates: the rotation into R^d changes no distance
    return Draw(order, test, field, None, None, lambda: field.places, labels, key64(seed, Role.VALIDATION))


def field_of(recipe: SmoothManifold, n_points: int) -> theory.FieldCovariance:
    """The covariance of a manifold's labels at its first points."""
    places = manifold_points(np.arange(n_points), recipe.kind, recipe.dim, recipe.seeds.geometry)
    return theory.FieldCovariance(places, recipe.hurst, recipe.noise)
