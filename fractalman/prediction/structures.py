"""Curves averaged over freshly drawn structures of a recipe's family: no coordinates, no labels.

The drawn structures are never those that a sweep draws: their keys carry the role PREDICTION.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from fractalman import build, theory
from fractalman._arrays import F64, I64
from fractalman.hierarchy import LabelTree
from fractalman.prediction.trees import TEST_POINTS, floor_on, n_tests, noisy
from fractalman.recipe import Cascade, Recipe
from fractalman.seeds import Role, Seeds, key64, permutation

_POINTS_TO_DRAW = 4_000_000  # structures of one population together hold about this many points …
_FEWEST, _MOST = 8, 48  # … but there are at least and at most so many
_CASCADES = 24  # structures of an addressed family, whose population grows with the sizes asked for


def annealed(recipe: Cascade) -> Callable[[tuple[int, ...]], F64]:
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
    """Averages over freshly drawn structures of a recipe's family; no coordinates, no labels."""

    recipe: Recipe

    def _drawn(self, n_points: int) -> list[Recipe]:
        count = _CASCADES if self.recipe.addressed else int(np.clip(_POINTS_TO_DRAW // n_points, _FEWEST, _MOST))
        base = self.recipe.seeds.geometry
        seeds = [
            Seeds(
                geometry=key64(base, Role.PREDICTION, i, 1) >> 1,
                embedding=key64(base, Role.PREDICTION, i, 2) >> 1,
                labels=key64(base, Role.PREDICTION, i, 3) >> 1,
            )
            for i in range(count)
        ]
        return [self.recipe.replace(n_points=n_points, seed=s) for s in seeds]

    def _orders(self, sizes: tuple[int, ...]) -> Iterator[tuple[build.Structure, LabelTree, I64, I64]]:
        """Yield (structure, label tree, points in training order, test points) of every drawn structure.

        The test points do not depend on the sizes, so neither do the values of a curve.
        """
        addressed = self.recipe.addressed
        n = max(sizes) + TEST_POINTS if addressed else self.recipe.max_points
        build.check_memory(self.recipe.replace(n_points=n, ambient_dim=2))
        for recipe in self._drawn(n):
            made = build.structure(recipe)
            tree = noisy(made.label_tree, recipe)
            if addressed:  # points are independent draws in any order
                yield made, tree, np.arange(TEST_POINTS, n), np.arange(TEST_POINTS)
            else:
                order = permutation(key64(recipe.seeds.geometry, Role.SPLIT), n)
                yield made, tree, order, order[n - n_tests(n) :]

    def nearest(self, sizes: tuple[int, ...]) -> F64:
        """1-NN risk in graph distance: (structures, sizes)."""
        rows = []
        for made, tree, order, test in self._orders(sizes):
            assert made.edges is not None
            risk, _ = theory.one_nn_curve_on_tree(made.edges, tree, order, list(sizes), test)
            rows.append(risk.mean(axis=1))
        return np.array(rows)

    def floor(self, sizes: tuple[int, ...]) -> F64:
        """Bayes floor over the test points: (structures, sizes)."""
        return np.array(
            [[floor_on(tree, order[:n], test) for n in sizes] for _, tree, order, test in self._orders(sizes)]
        )
