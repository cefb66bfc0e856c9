"""Random splits of one dataset: what a curve averages over when it is predicted in a dataset's own coordinates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from fractalman import generation, theory
from fractalman._typing import F64
from fractalman.datasets.memory import Dataset
from fractalman.families.base import family_of
from fractalman.prediction.drawn import constant_of, label_covariance, threshold_of
from fractalman.prediction.realization import Realization, Symbols, n_tests, noisy
from fractalman.random.streams import Role, key64, permutation

_SPLITS = 8


@dataclass(frozen=True)
class Splits:
    """Splits of a dataset; labels enter through their covariance only.

    Parameters
    ----------
    data : Dataset
        In memory or in a file.
    """

    data: Dataset

    @property
    def population(self) -> float:
        """Points that training sets are drawn from."""
        return float(self.data.n_points)

    @property
    def usual(self) -> int:
        """How many splits are drawn unless something else is asked for."""
        return _SPLITS

    def draws(self, sizes: tuple[int, ...], first: int = 0, last: int | None = None) -> Iterator[Realization]:  # noqa: ARG002
        """Yield splits of the dataset.

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
            One a split.
        """
        data, recipe = self.data, self.data.recipe
        n, tree = data.n_points, None
        covariance: theory.LabelCovariance

        @lru_cache(maxsize=1)  # all splits have the same points
        def drawn(draws: int) -> F64:
            return generation.label_draws(data, draws)

        def labels(draws: int, _training: int | None) -> F64:
            return drawn(draws)

        if family_of(recipe).laws.field_of(recipe) is not None:
            covariance = _field(data)
        else:
            tree = noisy(data.label_tree, recipe)
            covariance = theory.TreeCovariance(tree)
        for i in range(first, self.usual if last is None else last):
            key = key64(recipe.seeds.geometry, Role.PREDICTION, Role.SPLIT, i)
            order = permutation(key, n)
            yield Realization(
                order, order[n - n_tests(n) :], covariance, tree, data.edges, lambda: data.X, labels, key,
                threshold_of(recipe),
            )  # fmt: skip

    def symbols(self, sizes: tuple[int, ...], first: int = 0, last: int | None = None) -> Iterator[Symbols]:  # noqa: ARG002
        """Yield splits of a dataset whose labels are symbols.

        Parameters
        ----------
        sizes, first, last
            As for `draws`.

        Returns
        -------
        iterator of Symbols
            One a split.
        """
        data = self.data
        for i in range(first, self.usual if last is None else last):
            key = key64(data.recipe.seeds.geometry, Role.PREDICTION, Role.SPLIT, i)
            order = permutation(key, data.n_points)
            test = order[data.n_points - n_tests(data.n_points) :]
            yield Symbols(data.X, np.asarray(data.y, np.float64), order, test, key)

    @cached_property
    def _constants(self) -> tuple[float, float]:
        return constant_of(next(self.draws((1,))), self.data.recipe)

    def constant(self, nats: bool) -> float:
        """Return the best constant's risk within this dataset: V_in of values.

        Parameters
        ----------
        nats : bool
            Of classes: the entropy of their shares, not the share of wrong answers.

        Returns
        -------
        float
            In units of the label's prior variance; of classes a share, or nats.
        """
        return self._constants[int(nats)]


def _field(data: Dataset) -> theory.FieldCovariance:
    """The covariance of labels that are a field, at the points of the dataset."""
    origin = getattr(data, "origin", None)
    if origin is None:
        return label_covariance(data.recipe, data.n_points)
    return label_covariance(data.recipe, origin.n_points).restricted(origin.rows)
