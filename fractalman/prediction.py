"""fm.predict: from a recipe, a dataset or a file to exponents, finite-size curves and the reasons for them.

Asymptotes come from `theory.law_of`. Curves come from geometry alone, without drawing a label: exact annealed series
for a cascade, averages over freshly drawn structures for a critical cluster (never the structures a sweep draws: their
keys carry the role PREDICTION), the points' own coordinates for a dataset or file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fractalman import build, theory
from fractalman._arrays import F64, I64, AnyInt
from fractalman.dataset.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.hierarchy import LabelTree
from fractalman.nearest import nearest
from fractalman.recipe import Cascade, Recipe
from fractalman.seeds import Role, Seeds, key64, permutation

if TYPE_CHECKING:
    from fractalman.dataset.reader import File

TEST_POINTS = 1024
"""Test points per drawn structure: their average varies less than structures do."""

_POINTS_TO_DRAW = 4_000_000  # structures of one population together hold about this many points …
_FEWEST, _MOST = 8, 48  # … but there are at least and at most so many
_CASCADES = 24  # structures of an addressed family, whose population grows with the sizes asked for


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

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """In arithmetic a curve stands for its risks."""
        return np.array(self.risk, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return int(self.n.size)

    def __getitem__(self, which: Any) -> Any:
        return self.risk[which]


class Exponent(float):
    """A local exponent: a number that carries the Monte Carlo error of the curve it was read off.

    Args:
        value: the exponent.
        standard_error: its Monte Carlo error; 0 where the curve is exact.
        n: the sizes it was read off at.
    """

    standard_error: float
    n: tuple[int, ...]

    def __new__(cls, value: float, standard_error: float, n: tuple[int, ...]) -> Self:
        """Make the number and hang the rest on it."""
        made = super().__new__(cls, value)
        made.standard_error, made.n = standard_error, n
        return made

    @property
    def value(self) -> float:
        """The exponent as a plain float."""
        return float(self)

    def __repr__(self) -> str:
        return f"Exponent({float(self):.6g} ± {self.standard_error:.2g}, n = {self.n[0]} … {self.n[-1]})"


@dataclass(frozen=True)
class Prediction:
    """What geometry says about learning: exponents, law, source, assumptions, finite-size curves.

    Args:
        recipe: the recipe predicted for (a dataset's or file's own).
        learner: the learner's name.
        data_exponent: asymptotic α_D, or None where no power law holds. model_exponent: α_P, likewise.
        logarithmic: whether the data law is n^−α_D·ln n.
        reached: whether a fit at sizes that one can afford shows the asymptote.
        law, source, checked: what was used, where it comes from, how far it was checked.
        assumptions: what must hold, one sentence each.
        population: points that training sets are drawn from; infinite for an addressed family.
        largest: the largest training set that leaves the test points alone.
    """

    recipe: Recipe
    learner: str
    data_exponent: float | None
    model_exponent: float | None
    logarithmic: bool
    reached: bool
    law: str
    source: str
    checked: str
    assumptions: tuple[str, ...]
    population: float
    largest: float
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

    def local_exponent(self, n_lo: int, n_hi: int, sizes: Sequence[int] | None = None) -> Exponent:
        """Return the exponent that a fit over [n_lo, n_hi] should find, with its Monte Carlo error.

        It is what `measure.fit_power_law` computes: least squares through the logarithms of the mean curve.

        Args:
            n_lo, n_hi: the window, n_lo < n_hi.
            sizes: the very sizes of the fit; None = n_lo, 2·n_lo, … n_hi.
        Errors: RecipeError as for `curve`, and where the curve has come to its end: the last level resolved, risk 0.
        """
        if not 1 <= n_lo < n_hi:
            raise RecipeError(f"n_lo = {n_lo}, n_hi = {n_hi}: allowed is 1 <= n_lo < n_hi")
        if sizes is None:
            steps = max(1, round(np.log2(n_hi / n_lo)))
            grid = np.unique(np.rint(np.geomspace(n_lo, n_hi, steps + 1)).astype(np.int64))
        else:
            grid = np.unique(np.asarray(sizes, np.int64))
        if grid.size < 2 or grid[0] < n_lo or grid[-1] > n_hi:
            raise RecipeError(f"sizes = {grid.tolist()}: allowed are two or more sizes from {n_lo} to {n_hi}")
        risk = self.curve(grid).risk
        if not (risk > 1e-14).all():
            raise RecipeError(
                f"no exponent from n = {n_lo} to {n_hi}: the predicted risk is 0 from n = {grid[risk <= 1e-14][0]} on, "
                "where the last level is resolved; allowed is a window below it, or a greater depth"
            )
        columns = np.stack([self._known[int(n)] for n in grid], axis=1)
        error = 0.0
        if len(columns) > 1:  # delete-one jackknife over the structures
            without = [np.delete(columns, i, axis=0).mean(axis=0) for i in range(len(columns))]
            slopes = np.array([theory.local_slope(grid, row) for row in without])
            error = np.sqrt((slopes.size - 1) * np.mean((slopes - slopes.mean()) ** 2))
        return Exponent(theory.local_slope(grid, columns.mean(axis=0)), float(error), tuple(grid.tolist()))

    def _average(
        self, n: Sequence[int] | AnyInt, known: dict[int, F64], compute: Callable[[tuple[int, ...]], F64], kind: str
    ) -> Curve:
        sizes = np.atleast_1d(np.asarray(n))
        most = self.largest
        if most < 1:
            raise RecipeError("a population of one point leaves nothing to test on: type n_points = 2 or more")
        if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or sizes.size == 0 or sizes.min() < 1 or sizes.max() > most:
            upper = "up" if np.isinf(most) else f"to {most:.0f}"
            raise RecipeError(f"n = {n!r}: allowed are integer training-set sizes from 1 {upper}")
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
    population = float("inf") if recipe.addressed else float(recipe.max_points)
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
        reached=law.reached,
        law=f"{law.name}: {law.statement}",
        source=law.source,
        checked=law.checked,
        assumptions=law.assumptions,
        population=population,
        largest=population - _n_tests(population),
        _replicates=curves.get(learner),
        _floor=floor,
        _kind=kind if learner == "1-nn" else "Bayes floor by belief propagation",
    )


# ---------------------------------------------------------------------------------------------------- recipes


def _annealed(recipe: Cascade) -> Callable[[tuple[int, ...]], F64]:
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
class _Structures:
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
            tree = _noisy(made.label_tree, recipe)
            if addressed:  # points are independent draws in any order
                yield made, tree, np.arange(TEST_POINTS, n), np.arange(TEST_POINTS)
            else:
                order = permutation(key64(recipe.seeds.geometry, Role.SPLIT), n)
                yield made, tree, order, order[n - _n_tests(n) :]

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
            [[_floor_on(tree, order[:n], test) for n in sizes] for _, tree, order, test in self._orders(sizes)]
        )


def _n_tests(population: float) -> int:
    """Test points of a population: TEST_POINTS, but no more than a quarter of it."""
    return int(max(1, min(TEST_POINTS, population // 4))) if np.isfinite(population) else TEST_POINTS


def _noisy(tree: LabelTree | None, recipe: Recipe) -> LabelTree:
    """The tree of the labels as they are, label noise included."""
    if tree is None:
        raise RecipeError("this dataset carries no label tree: predict from its recipe instead")
    return tree.noisy(recipe.noise) if recipe.noise else tree


def _floor_on(tree: LabelTree, train: I64, test: I64) -> float:
    """Mean posterior variance of the test points' labels, those of the training points being known."""
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

    def orders(self) -> Iterator[tuple[I64, I64]]:
        """Yield (points in training order, test points) of every split."""
        n = self.data.n_points
        for i in range(self.splits):
            order = permutation(key64(self.data.recipe.seeds.geometry, Role.PREDICTION, Role.SPLIT, i), n)
            yield order, order[n - _n_tests(n) :]

    def nearest(self, sizes: tuple[int, ...]) -> F64:
        """1-NN risk in X: (splits, sizes)."""
        tree = _noisy(self.data.label_tree, self.data.recipe)
        rows = []
        for order, test in self.orders():
            found = [order[:n][nearest(self.data.X[order[:n]], self.data.X[test])] for n in sizes]
            rows.append([float(theory.pair_risk(tree, points, test).mean()) for points in found])
        return np.array(rows)

    def floor(self, sizes: tuple[int, ...]) -> F64:
        """Bayes floor: (splits, sizes)."""
        tree = _noisy(self.data.label_tree, self.data.recipe)
        return np.array([[_floor_on(tree, order[:n], test) for n in sizes] for order, test in self.orders()])
