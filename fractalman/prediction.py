"""fm.predict: from a recipe, a dataset or a file to exponents, finite-size curves and the reasons for them.

Asymptotes come from `theory.law_of`. Curves come from geometry alone, without drawing a label: exact annealed series
for a cascade, averages over freshly drawn structures for a critical cluster (never the structures a sweep draws: their
keys carry the role PREDICTION), the points' own coordinates for a dataset or file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fractalman import build, theory
from fractalman._arrays import F64, I64, AnyInt
from fractalman.dataset.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.nearest import nearest
from fractalman.recipe import Cascade, Recipe
from fractalman.seeds import Role, Seeds, key64, permutation

if TYPE_CHECKING:
    from fractalman.dataset.reader import File

TEST_POINTS = 1024
"""Test points per drawn structure: their average varies less than structures do."""

_POINTS_TO_DRAW = 4_000_000  # structures together hold about this many points …
_FEWEST, _MOST = 8, 48  # … but there are at least and at most so many


@dataclass(frozen=True)
class Curve:
    """A predicted learning curve.

    Args:
        n: (k,) int64 training-set sizes.
        risk: (k,) float64 expected risk, units of the label's prior variance.
        standard_error: (k,) float64 Monte Carlo error of the average over structures; 0 where the curve is exact.
        kind: how it was computed.
    """

    n: I64
    risk: F64
    standard_error: F64
    kind: str


@dataclass(frozen=True)
class Exponent:
    """A local exponent with the Monte Carlo error of the curve it was read off."""

    value: float
    standard_error: float
    n: tuple[int, ...]


@dataclass(frozen=True)
class Prediction:
    """What geometry says about learning: exponents, law, source, assumptions, finite-size curves.

    Args:
        recipe: the recipe predicted for (a dataset's or file's own).
        learner: the learner's name.
        data_exponent: asymptotic α_D, or None where no power law holds. model_exponent: α_P, likewise.
        logarithmic: whether the data law is n^−α_D·ln n.
        law, source, checked: what was used, where it comes from, how far it was checked.
        assumptions: what must hold, one sentence each.
        population: points that training sets are drawn from; infinite for an addressed family.
    """

    recipe: Recipe
    learner: str
    data_exponent: float | None
    model_exponent: float | None
    logarithmic: bool
    law: str
    source: str
    checked: str
    assumptions: tuple[str, ...]
    population: float
    _replicates: Callable[[tuple[int, ...]], F64] | None = field(repr=False)
    _floor: Callable[[tuple[int, ...]], F64] = field(repr=False)
    _kind: str = ""
    _known: dict[int, F64] = field(default_factory=dict, repr=False)
    _known_floor: dict[int, F64] = field(default_factory=dict, repr=False)

    @property
    def has_curve(self) -> bool:
        """Whether `curve` and `local_exponent` exist for this learner."""
        return self._replicates is not None

    def curve(self, n: Sequence[int] | AnyInt) -> Curve:
        """Return the expected risk at training-set sizes ``n``, averaged over the family (or over splits of a dataset).

        Args:
            n: (k,) integers ≥ 1, below the population.
        Errors: RecipeError for sizes outside, or a learner without a finite-size curve.
        """
        if self._replicates is None:
            raise RecipeError(
                f"no finite-size curve is known for learner {self.learner!r}: allowed are '1-nn' and 'bayes'"
            )
        return self._average(n, self._known, self._replicates, self._kind)

    def floor(self, n: Sequence[int] | AnyInt) -> Curve:
        """Return the Bayes floor at training-set sizes ``n``: no learner's expected risk is below it."""
        return self._average(n, self._known_floor, self._floor, "Bayes floor by belief propagation")

    def local_exponent(self, n_lo: int, n_hi: int) -> Exponent:
        """Return the exponent that a fit over sizes n_lo, 2·n_lo, … n_hi should find, with its Monte Carlo error.

        Args:
            n_lo, n_hi: the window, n_lo < n_hi. Errors: RecipeError as for `curve`.
        """
        if not 1 <= n_lo < n_hi:
            raise RecipeError(f"n_lo = {n_lo}, n_hi = {n_hi}: allowed is 1 <= n_lo < n_hi")
        steps = max(1, round(np.log2(n_hi / n_lo)))
        sizes = np.unique(np.rint(np.geomspace(n_lo, n_hi, steps + 1)).astype(np.int64))
        self.curve(sizes)
        columns = np.stack([self._known[int(n)] for n in sizes], axis=1)
        if columns.shape[0] == 1:
            return Exponent(theory.local_slope(sizes, columns[0]), 0.0, tuple(sizes.tolist()))
        logs = np.log([np.delete(columns, i, axis=0).mean(axis=0) for i in range(len(columns))])
        centred = np.log(sizes) - np.log(sizes).mean()
        slopes = -(logs @ centred) / (centred @ centred)
        error = np.sqrt((len(slopes) - 1) * np.mean((slopes - slopes.mean()) ** 2))
        return Exponent(theory.local_slope(sizes, columns.mean(axis=0)), float(error), tuple(sizes.tolist()))

    def _average(
        self, n: Sequence[int] | AnyInt, known: dict[int, F64], compute: Callable[[tuple[int, ...]], F64], kind: str
    ) -> Curve:
        sizes = np.atleast_1d(np.asarray(n))
        most = self.population - 1
        if most < 1:
            raise RecipeError("a population of one point leaves nothing to test on: type n_points = 2 or more")
        if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or sizes.size == 0 or sizes.min() < 1 or sizes.max() > most:
            raise RecipeError(f"n = {n!r}: allowed are integer training-set sizes from 1 to {most:.0f}")
        missing = tuple(sorted({int(s) for s in sizes} - known.keys()))
        if missing:
            for size, column in zip(missing, compute(missing).T, strict=True):
                known[size] = column
        columns = np.stack([known[int(s)] for s in sizes], axis=1)
        draws = columns.shape[0]
        error = columns.std(axis=0, ddof=1) / np.sqrt(draws) if draws > 1 else np.zeros(sizes.size)
        return Curve(sizes.astype(np.int64), columns.mean(axis=0), error, kind)


def make_prediction(source: Recipe | Dataset | File, learner: str = "1-nn") -> Prediction:
    """Predict how a learner's risk must scale.

    Args:
        source: a recipe (neighbours in graph distance, the limit d → ∞, averaged over the family), or a dataset or open
            file (neighbours in its own X, averaged over splits).
        learner: "1-nn", "ridge", "laplace-kernel", "mlp" or "bayes" (the floor).
    Returns: `Prediction`; curves are computed when asked for.
    Errors: RecipeError for an unknown learner or family.
    Source: docs/theory.md §3–§4.
    """
    recipe = source if isinstance(source, Recipe) else source.recipe
    law = theory.law_of(recipe, learner)
    population = float("inf") if isinstance(recipe, Cascade) else float(recipe.max_points)
    floor: Callable[[tuple[int, ...]], F64]
    nearest_curve: Callable[[tuple[int, ...]], F64]
    if not isinstance(source, Recipe):
        data = source if isinstance(source, Dataset) else source.dataset()
        population = float(data.n_points)
        floor, nearest_curve = _Splits(data).floor, _Splits(data).nearest
        kind = "1-nn in this X, exact over labels, averaged over splits"
    elif isinstance(recipe, Cascade):
        floor, nearest_curve = _Structures(recipe).floor, _annealed(recipe)
        kind = "1-nn in the hierarchy, exact annealed series"
    else:
        floor, nearest_curve = _Structures(recipe).floor, _Structures(recipe).nearest
        kind = "1-nn in graph distance, exact over labels, averaged over clusters"
    curves = {"1-nn": nearest_curve, "bayes": floor}
    return Prediction(
        recipe=recipe,
        learner=learner,
        data_exponent=law.data_exponent,
        model_exponent=law.model_exponent,
        logarithmic=law.logarithmic,
        law=f"{law.name}: {law.statement}",
        source=law.source,
        checked=law.checked,
        assumptions=law.assumptions,
        population=population,
        _replicates=curves.get(learner),
        _floor=floor,
        _kind=kind if learner == "1-nn" else "Bayes floor by belief propagation",
    )


# ---------------------------------------------------------------------------------------------------- recipes


def _annealed(recipe: Cascade) -> Callable[[tuple[int, ...]], F64]:
    """The exact 1-NN curve of a cascade as one replicate without error."""

    def compute(sizes: tuple[int, ...]) -> F64:
        curve = theory.cascade_curve(
            recipe.branching_numbers, recipe.contraction, recipe.hurst, recipe.levels, np.array(sizes)
        )
        return curve[None, :]

    return compute


@dataclass(frozen=True)
class _Structures:
    """Averages over freshly drawn structures of a recipe's family; no coordinates, no labels."""

    recipe: Recipe

    def _drawn(self, n_points: int) -> list[Recipe]:
        count = int(np.clip(_POINTS_TO_DRAW // n_points, _FEWEST, _MOST))
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

    def _population(self, sizes: tuple[int, ...]) -> tuple[int, int]:
        """(points to draw, test points among them) so that training and test sets are disjoint."""
        if isinstance(self.recipe, Cascade):
            return max(sizes) + TEST_POINTS, TEST_POINTS
        n = self.recipe.max_points
        return n, min(TEST_POINTS, n - max(sizes))

    def nearest(self, sizes: tuple[int, ...]) -> F64:
        """1-NN risk in graph distance: (structures, sizes)."""
        n, tests = self._population(sizes)
        rows = []
        for recipe in self._drawn(n):
            made = build.structure(recipe)
            assert made.edges is not None
            assert made.label_tree is not None
            order = permutation(key64(recipe.seeds.geometry, Role.SPLIT), n)
            risk, _ = theory.one_nn_curve_on_tree(made.edges, made.label_tree, order, list(sizes), order[n - tests :])
            rows.append(risk.mean(axis=1))
        return np.array(rows)

    def floor(self, sizes: tuple[int, ...]) -> F64:
        """Bayes floor over the test points: (structures, sizes)."""
        n, tests = self._population(sizes)
        rows = []
        for recipe in self._drawn(n):
            tree = build.structure(recipe).label_tree
            assert tree is not None
            order = (
                np.arange(n)
                if isinstance(recipe, Cascade)  # already independent draws
                else permutation(key64(recipe.seeds.geometry, Role.SPLIT), n)
            )
            rows.append([_floor_on(tree, order[:size], order[n - tests :]) for size in sizes])
        return np.array(rows)


def _floor_on(tree: object, train: I64, test: I64) -> float:
    """Mean posterior variance of the test points' labels, those of the training points being known."""
    from fractalman.hierarchy import LabelTree

    assert isinstance(tree, LabelTree)
    observed = np.zeros(tree.n_points, np.bool_)
    observed[train] = True
    posterior = np.zeros(tree.n_points)
    posterior[~observed] = theory.bayes_risk(tree, observed=observed)
    return float(posterior[test].mean())


# ---------------------------------------------------------------------------------------------------- datasets


@dataclass(frozen=True)
class _Splits:
    """Averages over random splits of one dataset; labels enter through their covariance only."""

    data: Dataset
    splits: int = 8

    def _orders(self) -> list[I64]:
        base = self.data.recipe.seeds.geometry
        n = self.data.n_points
        return [permutation(key64(base, Role.PREDICTION, Role.SPLIT, i), n) for i in range(self.splits)]

    def _tests(self, sizes: tuple[int, ...]) -> int:
        return min(TEST_POINTS, self.data.n_points - max(sizes))

    def nearest(self, sizes: tuple[int, ...]) -> F64:
        """1-NN risk in X: (splits, sizes)."""
        if self.data.label_tree is None:
            raise RecipeError("this dataset was written without its hierarchy: predict from its recipe instead")
        rows = []
        for order in self._orders():
            test = order[len(order) - self._tests(sizes) :]
            row = []
            for size in sizes:
                found = nearest(self.data.X[order[:size]], self.data.X[test])
                row.append(float(theory.pair_risk(self.data.label_tree, order[:size][found], test).mean()))
            rows.append(row)
        return np.array(rows)

    def floor(self, sizes: tuple[int, ...]) -> F64:
        """Bayes floor: (splits, sizes)."""
        if self.data.label_tree is None:
            raise RecipeError("this dataset was written without its hierarchy: predict from its recipe instead")
        tests = self._tests(sizes)
        return np.array(
            [
                [_floor_on(self.data.label_tree, order[:size], order[len(order) - tests :]) for size in sizes]
                for order in self._orders()
            ]
        )
