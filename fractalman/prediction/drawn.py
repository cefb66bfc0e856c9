"""Freshly drawn structures of a recipe's family: what a curve averages over when it is predicted from a recipe.

The drawn structures are never those that a sweep draws: their keys carry the role PREDICTION. No label is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from fractalman import generation, theory
from fractalman._typing import F32, F64, I64, AnyFloat
from fractalman.errors import RecipeError, ResourceError
from fractalman.families.base import Structure, family_of
from fractalman.generation import augment
from fractalman.generation.noise import nuisance_coordinates
from fractalman.learners.class_targets import one_hot
from fractalman.prediction.kept import KEPT
from fractalman.prediction.realization import TEST_POINTS, Realization, Symbols, n_tests, noisy
from fractalman.random.streams import Role, Seeds, key64, permutation
from fractalman.recipes import Recipe
from fractalman.theory.gaussian_draws import gaussian_draws

_POINTS_TO_DRAW = 4_000_000  # structures of one population together hold about this many points …
_SITES_TO_DRAW = 1_000_000  # the same for boxes, whose sites cost more …
_FEWEST, _MOST = 8, 48  # … but there are at least and at most so many
_ADDRESSED = 24  # structures of an addressed family, whose population grows with the sizes asked for
VARIANCE_POINTS = 4096
_BYTES_A_POINT = 512  # of a drawn structure: hierarchy, label tree, edges, orders
_CLASS_DRAWS = 16


@dataclass(frozen=True)
class DrawnRealizations:
    """Realizations of a recipe's family, drawn by address.

    Parameters
    ----------
    recipe : Recipe
        Of any family.
    """

    recipe: Recipe

    @cached_property
    def population(self) -> float:
        """Points that training sets are drawn from: infinite for an addressed family, the least number that a draw of
        this recipe's family has where the draw decides it (lattices).
        """
        if self.recipe.addressed:
            return float("inf")
        count = family_of(self.recipe).sampler.count
        if count is None:
            return float(self.recipe.max_points)
        return float(min(count(recipe) for recipe in self.recipes(self.recipe.max_points, 0, self.usual)))

    @property
    def usual(self) -> int:
        """How many are drawn unless something else is asked for."""
        if self.recipe.addressed:
            return _ADDRESSED
        sites = self.recipe.sites
        drawn = _POINTS_TO_DRAW // self.recipe.max_points if sites is None else _SITES_TO_DRAW // sites
        return int(np.clip(drawn, _FEWEST, _MOST))

    def recipes(self, n_points: int, first: int, last: int) -> list[Recipe]:
        """Return the recipes of the draws first … last − 1, of so many points.

        Parameters
        ----------
        n_points : int
            Points; where the draw decides, it does.
        first, last : int
            Numbers of draws.

        Returns
        -------
        list of Recipe
            With seeds of their own.
        """
        base = self.recipe.seeds.geometry
        seeds = [
            Seeds(
                geometry=key64(base, Role.PREDICTION, i, 1) >> 1,
                embedding=key64(base, Role.PREDICTION, i, 2) >> 1,
                labels=key64(base, Role.PREDICTION, i, 3) >> 1,
            )
            for i in range(first, last)
        ]
        if self.recipe.n_points is None:  # the draw decides
            return [self.recipe.replace(seed=s) for s in seeds]
        return [self.recipe.replace(n_points=n_points, seed=s) for s in seeds]

    def draws(self, sizes: tuple[int, ...], first: int = 0, last: int | None = None) -> Iterator[Realization]:
        """Yield realizations; their test points, and so a curve's values, do not depend on the sizes.

        Parameters
        ----------
        sizes : tuple of int
            Training-set sizes that they must serve.
        first : int, default 0
            Number of the first.
        last : int or None, default None
            One more than the number of the last; None = as many as are usual.

        Returns
        -------
        iterator of Realization
            One a structure.

        Raises
        ------
        ResourceError
            Where structures of so many points do not fit into memory.
        """
        for recipe in self._drawable(sizes, first, last):
            yield KEPT.get(("structure", recipe), partial(_draw, recipe), _bytes_of)

    def symbols(self, sizes: tuple[int, ...], first: int = 0, last: int | None = None) -> Iterator[Symbols]:
        """Yield draws of a family whose labels are symbols, which lie on no label tree.

        Parameters
        ----------
        sizes, first, last
            As for `draws`.

        Returns
        -------
        iterator of Symbols
            One a structure.

        Raises
        ------
        ResourceError
            As `draws`.
        """
        for recipe in self._drawable(sizes, first, last, whole=True):
            made = generation.structure(recipe)
            order, test, key = _roles(recipe, made.y.size)
            yield Symbols(_placed(recipe, made), np.asarray(made.y, np.float64), order, test, key)

    def _drawable(self, sizes: tuple[int, ...], first: int, last: int | None, *, whole: bool = False) -> list[Recipe]:
        """The recipes of draws that serve these sizes; ResourceError where they, or X, do not fit into memory."""
        addressed = self.recipe.addressed
        n = max(sizes) + TEST_POINTS if addressed else self.recipe.max_points
        recipes = self.recipes(n, first, self.usual if last is None else last)
        if recipes:
            try:
                generation.check_memory(recipes[0] if whole else recipes[0].narrowest())
            except ResourceError as error:
                if n <= self.recipe.max_points:
                    raise
                raise ResourceError(
                    f"a curve at n = {max(sizes):,} draws structures of {n:,} points, for which there is not enough "
                    "memory: expected fewer; use smaller sizes"
                ) from error
        return recipes

    @cached_property
    def _constants(self) -> F64:
        rows = [constant_of(draw, self.recipe) for draw in self.draws((VARIANCE_POINTS,))]
        return np.asarray(np.mean(rows, axis=0), np.float64)

    def constant(self, nats: bool) -> float:
        """Return the best constant's risk within a population (an addressed family's: of 4096 points), over the draws.

        Parameters
        ----------
        nats : bool
            Of classes: the entropy of their shares, not the share of wrong answers.

        Returns
        -------
        float
            Of values V_in.
        """
        return float(self._constants[int(nats)])


def threshold_of(recipe: Recipe) -> float | None:
    """What classes compare values with; None where labels are values."""
    return recipe.threshold if recipe.classifies else None


def constant_of(draw: Realization, recipe: Recipe) -> tuple[float, float]:
    """The best constant's risk on one draw, twice: V_in, on a tree exactly, of a field by the variogram of two halves
    of its test points; of classes the share of all but the commonest and the entropy of the shares, means over drawn
    labels.
    """
    if recipe.classifies:
        y = draw.labels(_CLASS_DRAWS if recipe.redraws_labels else 1, 0)
        return constants_of(y[np.isfinite(y[:, 0])], recipe.target_classes)
    if draw.tree is not None:
        variance = theory.within_variance(draw.tree)
    else:
        half = draw.test.size // 2
        pairs = draw.covariance.pairs(draw.test[:half], draw.test[half : 2 * half])
        variance = float(pairs.mean()) / 2.0 if half else 0.0
    return variance, variance


def constants_of(y: F64, classes: int) -> tuple[float, float]:
    """The best constant's risk where labels are classes: the share of all but the commonest, the entropy of the shares.

    Args:
        y: (n, m) classes, in m draws whose mean is taken. classes: C.
    """
    shares = one_hot(y, classes).mean(axis=0)
    surprise = -np.log(np.where(shares > 0.0, shares, 1.0))
    return float((1.0 - shares.max(axis=1)).mean()), float((shares * surprise).sum(axis=1).mean())


def field_of(recipe: Recipe, n_points: int) -> theory.FieldCovariance | None:
    """The covariance of labels that are a field and lie on no tree, at the first points; None for other families."""
    field = family_of(recipe).laws.field_of(recipe)
    return None if field is None else field(recipe, n_points, None)


def _bytes_of(draw: Realization) -> int:
    return _BYTES_A_POINT * draw.covariance.n_points


def _draw(recipe: Recipe) -> Realization:
    """Build one structure and say who trains and who is tested."""
    if family_of(recipe).laws.field_of(recipe) is not None:
        return _field_draw(recipe)
    made = generation.structure(recipe)
    n = made.y.size
    order, test, key = _roles(recipe, n)

    def labels(draws: int, _training: int | None) -> F64:
        return KEPT.array(("labels", recipe, draws), lambda: generation.label_draws(made, draws))

    def coordinates() -> F32:
        return KEPT.array(("coordinates", recipe), lambda: _placed(recipe, made))

    tree = noisy(made.label_tree, recipe)
    return Realization(
        order, test, theory.TreeCovariance(tree), tree, made.edges, coordinates, labels, key, threshold_of(recipe)
    )


def _placed(recipe: Recipe, made: Structure[Any]) -> F32:
    """X of a structure."""
    generation.check_memory(recipe)
    own = np.empty((made.y.size, recipe.ambient_dim), np.float32)
    family_of(recipe).sampler.coordinates(made, own)
    return augment.coordinates(recipe, np.arange(made.y.size), own)


def _field_draw(recipe: Recipe) -> Realization:
    """Places and covariances of a field; its labels are drawn only when they are asked for."""
    field = label_covariance(recipe, recipe.max_points)
    order, test, key = _roles(recipe, recipe.max_points)

    def labels(draws: int, training: int | None) -> F64:
        if not recipe.gaussian_values:  # waves, drawn point by point
            return KEPT.array(
                ("labels", recipe, draws), lambda: generation.label_draws(generation.structure(recipe), draws)
            )
        most = recipe.max_points - test.size
        count = most if training is None else min(training, most)
        asked = np.concatenate([test, order[:count]])
        return KEPT.array(("labels", recipe, draws, count), lambda: _field_labels(recipe, field, asked, draws))

    def coordinates() -> AnyFloat:
        """Its own coordinates, for the rotation into R^d changes no distance; nuisance beside them."""
        if field.parts is not None:  # parts have places of their own in X
            return embedded()
        if not recipe.nuisance_dim:
            return field.places
        points = np.arange(len(field.places))
        beside = np.empty((points.size, recipe.nuisance_dim), np.float32)
        nuisance_coordinates(beside, points, recipe.nuisance_scale, recipe.seeds.embedding)
        return np.concatenate([field.places, beside], axis=1)

    def embedded() -> AnyFloat:
        made = Structure(recipe, np.zeros(recipe.max_points), np.zeros(recipe.max_points, np.int64))
        return KEPT.array(("coordinates", recipe), lambda: _placed(recipe, made))

    return Realization(order, test, field, None, None, coordinates, labels, key, threshold_of(recipe), embedded)


def _field_labels(recipe: Recipe, field: theory.FieldCovariance, points: I64, draws: int) -> F64:
    """Labels of a Gaussian field at some points alone, nan elsewhere.

    All points of a dataset would be factored as its own labels are, by operations whose order is fixed: at 4096 points
    a hundred times as long.
    """
    keys = [key64(recipe.seeds.labels, Role.LABEL_DRAW, draw) for draw in range(draws)]
    values = gaussian_draws(field, points, keys)
    out = np.full((field.n_points, draws), np.nan)
    out[points] = augment.classes(recipe, values) if recipe.thresholds else values
    return out


def _roles(recipe: Recipe, n: int) -> tuple[I64, I64, int]:
    """Points in training order, test points, and the key of what is random in a learner."""
    seed = recipe.seeds.geometry
    key = key64(seed, Role.VALIDATION)
    if recipe.addressed:  # points are independent draws in any order
        return np.arange(TEST_POINTS, n), np.arange(min(TEST_POINTS, n)), key
    order = permutation(key64(seed, Role.SPLIT), n)
    return order, order[n - n_tests(n) :], key


def label_covariance(recipe: Recipe, n_points: int, places: AnyFloat | None = None) -> theory.FieldCovariance:
    """Return the covariance of labels that are a field, at the first points of a recipe.

    Args:
        recipe: of a family whose labels are a field. n_points: how many points.
        places: their coordinates up to a rotation; None = drawn anew.
    Errors: RecipeError for families whose labels lie on a tree.
    """
    field = family_of(recipe).laws.field_of(recipe)
    if field is None:
        raise RecipeError(f"labels of family {recipe.family!r} lie on a tree: use its label tree")
    return field(recipe, n_points, places)
