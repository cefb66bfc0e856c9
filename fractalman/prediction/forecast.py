"""The prediction itself: which law, which exponents, which curves, for a recipe, a dataset or a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fractalman import theory
from fractalman._arrays import F64, AnyInt
from fractalman.dataset.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.prediction.curves import Curve, Exponent
from fractalman.prediction.splits import Splits
from fractalman.prediction.structures import Structures, annealed
from fractalman.prediction.trees import n_tests
from fractalman.recipe import Cascade, Recipe

if TYPE_CHECKING:
    from fractalman.dataset.reader import File


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
        floor, nearest_curve = Splits(data).floor, Splits(data).nearest
        kind = "1-nn in this X, exact over labels, averaged over splits"
    elif isinstance(recipe, Cascade):
        floor, nearest_curve = Structures(recipe).floor, annealed(recipe)
        kind = "1-nn in the hierarchy, exact annealed series"
    else:
        floor, nearest_curve = Structures(recipe).floor, Structures(recipe).nearest
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
        largest=population - n_tests(population),
        _replicates=curves.get(learner),
        _floor=floor,
        _kind=kind if learner == "1-nn" else "Bayes floor by belief propagation",
    )
