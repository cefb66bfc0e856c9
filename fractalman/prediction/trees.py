"""What averages over structures and over splits share: test points, noisy label trees, the floor on one tree."""

from __future__ import annotations

import numpy as np

from fractalman import theory
from fractalman._arrays import I64
from fractalman.errors import RecipeError
from fractalman.hierarchy import LabelTree
from fractalman.recipe import Recipe

TEST_POINTS = 1024
"""Test points per drawn structure: their average varies less than structures do."""


def n_tests(population: float) -> int:
    """Test points of a population: TEST_POINTS, but no more than a quarter of it."""
    return int(max(1, min(TEST_POINTS, population // 4))) if np.isfinite(population) else TEST_POINTS


def noisy(tree: LabelTree | None, recipe: Recipe) -> LabelTree:
    """The tree of the labels as they are, label noise included."""
    if tree is None:
        raise RecipeError("this dataset carries no label tree: predict from its recipe instead")
    return tree.noisy(recipe.noise) if recipe.noise else tree


def floor_on(tree: LabelTree, train: I64, test: I64) -> float:
    """Mean posterior variance of the test points' labels, those of the training points being known."""
    observed = np.zeros(tree.n_points, np.bool_)
    observed[train] = True
    posterior = np.zeros(tree.n_points)
    posterior[~observed] = theory.bayes_risk(tree, observed=observed)
    return float(posterior[test].mean())
