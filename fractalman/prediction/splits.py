"""Curves averaged over random splits of one dataset; labels enter through their covariance only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fractalman import theory
from fractalman._arrays import F64, I64
from fractalman.dataset.memory import Dataset
from fractalman.nearest import nearest
from fractalman.prediction.trees import floor_on, n_tests, noisy
from fractalman.seeds import Role, key64, permutation


@dataclass(frozen=True)
class Splits:
    """Averages over random splits of one dataset; labels enter through their covariance only."""

    data: Dataset
    splits: int = 8

    def orders(self) -> Iterator[tuple[I64, I64]]:
        """Yield (points in training order, test points) of every split."""
        n = self.data.n_points
        for i in range(self.splits):
            order = permutation(key64(self.data.recipe.seeds.geometry, Role.PREDICTION, Role.SPLIT, i), n)
            yield order, order[n - n_tests(n) :]

    def nearest(self, sizes: tuple[int, ...]) -> F64:
        """1-NN risk in X: (splits, sizes)."""
        tree = noisy(self.data.label_tree, self.data.recipe)
        rows = []
        for order, test in self.orders():
            found = [order[:n][nearest(self.data.X[order[:n]], self.data.X[test])] for n in sizes]
            rows.append([float(theory.pair_risk(tree, points, test).mean()) for points in found])
        return np.array(rows)

    def floor(self, sizes: tuple[int, ...]) -> F64:
        """Bayes floor: (splits, sizes)."""
        tree = noisy(self.data.label_tree, self.data.recipe)
        return np.array([[floor_on(tree, order[:n], test) for n in sizes] for order, test in self.orders()])
