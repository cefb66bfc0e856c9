"""The prediction itself: which law, which exponents, which curves, for a recipe, a dataset or a file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from fractalman import theory
from fractalman._arguments import checked_arguments
from fractalman._typing import F64, AnyInt
from fractalman.config import integer, shown
from fractalman.datasets.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.learners import Learner
from fractalman.prediction.along_steps import along_steps
from fractalman.prediction.averages import Averages
from fractalman.prediction.curves import Curve, Exponent, slope_of
from fractalman.prediction.display import PredictionDisplay
from fractalman.prediction.drawn import DrawnRealizations
from fractalman.prediction.joint_facts import JointFacts
from fractalman.prediction.law_facts import LawFacts
from fractalman.prediction.laws import law_for, law_of, law_on
from fractalman.prediction.losses import CROSS_ENTROPY, SQUARED, in_nats, loss_of
from fractalman.prediction.methods import BAYES, Method, control_of, method_of, no_curve, no_floor
from fractalman.prediction.realization import n_tests
from fractalman.prediction.splits import Splits
from fractalman.prediction.subjects import Subject, subject, unknown_law
from fractalman.prediction.trained import INFINITE
from fractalman.recipes import Recipe
from fractalman.sources import RecipeSource, close, resolve

if TYPE_CHECKING:
    from fractalman.datasets.coarse import CoarseDataset
    from fractalman.datasets.file import File

UNRESOLVED = "below rounding: double precision holds this floor to no better than 5 % of itself; use smaller sizes"


@dataclass(frozen=True)
class Prediction(LawFacts, JointFacts, PredictionDisplay):
    """What geometry says about learning: exponents, law, source, assumptions, finite-size curves.

    Attributes
    ----------
    recipe : Recipe
        The recipe predicted for (a dataset's or file's own).
    learner : str
        The learner's name.
    law : Law
        The law, with its inputs, domain, windows, conflicts and reasons; as text its name and statement.
    loss : str
        What risks are: "squared", of classes "0-1" or "cross-entropy".
    """

    recipe: Recipe
    learner: str
    law: theory.Law
    _source: DrawnRealizations | Splits = field(repr=False)
    _averages: Averages = field(repr=False, compare=False)
    _own: Learner | None = field(repr=False, compare=False, default=None)
    loss: str = SQUARED

    axis: ClassVar[str] = "n"

    @property
    def population(self) -> float:
        """Points that training sets are drawn from, infinite for an addressed family; the least of several draws'."""
        return self._source.population

    @property
    def largest(self) -> float:
        """The largest training set that leaves the test points alone."""
        return self.population - n_tests(self.population)

    @property
    def within_variance(self) -> float:
        """V_in, the expected variance of the labels within the population: the risk of the best constant; of classes
        the share of all but the commonest, or the entropy of their shares.
        """
        known = None if self._curve is None else self._curve.constant
        return self._source.constant(self.loss == CROSS_ENTROPY) if known is None else known()

    @property
    def _curve(self) -> Method | None:
        return self._averages.methods["curve"]

    @property
    def _floor(self) -> Method | None:
        return self._averages.methods["floor"]

    @property
    def draws(self) -> int:
        """Structures (of a dataset: splits) that curve and floor average over; more after ``target_error`` asked."""
        return self._averages.count

    @property
    def has_curve(self) -> bool:
        """Whether `curve` and `local_exponent` exist for this learner."""
        return self._curve is not None

    @property
    def exact(self) -> bool:
        """Whether the curve is averaged over the whole family exactly: it costs nothing."""
        return self._curve is not None and self._curve.exact

    @property
    def has_floor(self) -> bool:
        """Whether `floor` exists for this family."""
        return self._floor is not None

    @property
    def affordable(self) -> float:
        """The largest size at which the curve takes seconds; 0 without one."""
        return 0.0 if self._curve is None else min(self._curve.affordable, self._curve.largest)

    @property
    def computed(self) -> list[int]:
        """Sizes at which the curve was computed already: there it costs nothing any more."""
        return self._averages.known("curve")

    @property
    def shared_error(self) -> float:
        """Relative standard error that all sizes share, beside the average over structures: 0 but for networks."""
        return 0.0 if self._curve is None else self._curve.shared_error

    @property
    def beyond(self) -> str:
        """Why the curve rests on a measured ratio that was measured elsewhere; "" where it does not."""
        return "" if self._curve is None else self._curve.beyond

    @property
    def ratio_errors(self) -> tuple[float, float, float]:
        """Relative standard errors of a measured ratio that the curve rests on: one that all sizes share, one of every
        size alone, and that of exponents. 0 but for networks; what is expected on given points has them, too.
        """
        found = self._curve
        if found is None or not found.measured:
            return 0.0, 0.0, 0.0
        return found.shared_error, found.size_error, found.slope_error

    @property
    def affordable_floor(self) -> float:
        """The same of the floor."""
        return 0.0 if self._floor is None else min(self._floor.affordable, self._floor.largest)

    def curve(self, n: Sequence[int] | AnyInt) -> Curve:
        """Return the expected risk at training-set sizes ``n``, averaged over the family (or over splits of a dataset).

        Parameters
        ----------
        n : (k,) int
            Each ≥ 1, below the population.

        Returns
        -------
        Curve
            Sizes, risks in units of the label's prior variance, and their standard errors.

        Raises
        ------
        RecipeError
            For sizes outside, or a learner without a finite-size curve.
        """
        if self._curve is None:
            raise RecipeError(no_curve(self.learner, self.recipe, self.loss))
        return self._average(n, "curve")

    def steps_curve(self, steps: Sequence[int] | AnyInt, n: int, outputs: int = 1) -> Curve:
        """Return a network's expected risk after numbers of steps on ``n`` training points: its tangent kernel's flow.

        Parameters
        ----------
        steps : (k,) int
            Each ≥ 1, each a training of its own with its whole schedule.
        n : int
            Training points, 2 to 4096.
        outputs : int, default 1
            Label vectors that the network learns at once (``network_draws`` of a sweep): each gets that share of the
            time.

        Returns
        -------
        Curve
            Its ``n`` are the steps (``axis``); errors are those of structures and of the measured ratio to the flow.

        Raises
        ------
        RecipeError
            For learners that are no network of gradient descent (optimizer "sgd"), and for sizes outside.

        Examples
        --------
        >>> import fractalman as fm
        >>> network = fm.learners.make("mlp", {"optimizer": "sgd", "learning_rate": 2e-3, "width": 64})
        >>> curve = fm.predict(fm.Cascade(n_points=400, hurst=0.5), network, draws=3).steps_curve([50, 800], n=32)
        >>> bool(curve.risk[0] > curve.risk[1])
        True
        """
        return along_steps(self, n, outputs).curve(steps)

    def floor(self, n: Sequence[int] | AnyInt) -> Curve:
        """Return the Bayes floor: no learner's expected risk is below it.

        Parameters
        ----------
        n : (k,) int
            Training-set sizes, each ≥ 1 and below the population.

        Returns
        -------
        Curve
            Sizes, risks in units of the label's prior variance, and their standard errors.

        Raises
        ------
        RecipeError
            For sizes outside, or a family without one.
        """
        if self._floor is None:
            raise RecipeError(no_floor(self.recipe))
        return self._average(n, "floor")

    def local_exponent(self, n_lo: int, n_hi: int, sizes: Sequence[int] | None = None) -> Exponent:
        """Return the exponent that a fit over [n_lo, n_hi] should find, with its Monte Carlo error.

        It is what `measure.fit_power_law` computes: least squares through the logarithms of the mean curve.

        Parameters
        ----------
        n_lo, n_hi : int
            The window, n_lo < n_hi.
        sizes : sequence of int or None, default None
            The very sizes of the fit; None = n_lo, 2·n_lo, … n_hi.

        Returns
        -------
        Exponent
            Of risk ~ n^−exponent, with its standard error.

        Raises
        ------
        RecipeError
            As for `curve`, and where the curve has come to its end: the last level resolved, risk 0.
        """
        if not 1 <= n_lo < n_hi:
            raise RecipeError(f"n_lo = {n_lo}, n_hi = {n_hi}: expected 1 <= n_lo < n_hi")
        if sizes is None:
            steps = max(1, round(np.log2(n_hi / n_lo)))
            grid = np.unique(np.rint(np.geomspace(n_lo, n_hi, steps + 1)).astype(np.int64))
        else:
            grid = np.unique(np.asarray(sizes, np.int64))
        if grid.size < 2 or grid[0] < n_lo or grid[-1] > n_hi:
            raise RecipeError(f"sizes = {grid.tolist()}: expected two or more sizes from {n_lo} to {n_hi}")
        curve = self.curve(grid)
        risk = curve.risk
        if not np.isfinite(risk).all():
            raise RecipeError(f"no exponent from n = {n_lo} to {n_hi}: {curve.reason}")
        if not (risk > 1e-14).all():
            raise RecipeError(
                f"no exponent from n = {n_lo} to {n_hi}: the predicted risk is 0 from n = {grid[risk <= 1e-14][0]} on, "
                "where the last level is resolved; expected a window below it, or a greater depth"
            )
        found = slope_of(grid, self._averages.columns("curve", grid.tolist()))
        beside = 0.0 if self._curve is None else self._curve.exponent_error(grid)
        return Exponent(found.value, math.hypot(found.standard_error, beside), found.n)

    def replicates(self, n: Sequence[int] | AnyInt) -> F64:
        """Return the curve's values structure by structure (or split by split).

        Parameters
        ----------
        n : (k,) int
            Training-set sizes, as for `curve`.

        Returns
        -------
        (draws, k) float64
            Risks in units of the label's prior variance; one row where the curve is exact.
        """
        return self._averages.columns("curve", self.curve(n).n.tolist())

    def structures(self, n: Sequence[int] | AnyInt) -> tuple[F64, int] | None:
        """Return the curve on structures as they are drawn, which an experiment's replicates scatter like.

        Parameters
        ----------
        n : (k,) int
            Training-set sizes, as for `curve`.

        Returns
        -------
        (draws, k) float64 and int, or None
            Risks, not held against anything exact, and on how many test points each; None where they are not known.
        """
        rows = self._averages.structures(self.curve(n).n.tolist())
        return None if rows is None else (rows, n_tests(self.population))

    def _average(self, n: Sequence[int] | AnyInt, which: str) -> Curve:
        method = self._averages.methods[which]
        if method is None:
            raise RecipeError(f"no {which} is known of {shown(self.learner)} on {self.recipe.family!r}")
        sizes = np.atleast_1d(np.asarray(n))
        most = min(self.largest, method.largest)
        if most < 1:
            raise RecipeError("a population of one point leaves nothing to test on: use n_points = 2 or more")
        if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or sizes.size == 0 or sizes.min() < 1 or sizes.max() > most:
            upper = "up" if np.isinf(most) else f"to {most:.0f}"
            raise RecipeError(f"n = {shown(n)}: expected integer training-set sizes from 1 {upper}")
        columns = self._averages.columns(which, sizes.tolist())
        draws, risk = columns.shape[0], columns.mean(axis=0)
        error = columns.std(axis=0, ddof=1) / np.sqrt(draws) if draws > 1 else np.zeros(sizes.size)
        error = np.hypot(error, math.hypot(method.shared_error, method.size_error) * risk)
        kind = method.kind
        if self._averages.control is not None and not method.exact:
            kind = f"{kind}, against {self._averages.control.name}"
        reason = (
            "" if np.isfinite(risk).all() else UNRESOLVED if which == "floor" or self.learner == BAYES else INFINITE
        )
        return Curve(sizes.astype(np.int64), risk, error, kind, 0 if method.exact else draws, reason)


@checked_arguments
def make_prediction(
    source: RecipeSource,
    learner: Subject = "1-nn",
    *,
    draws: int | None = None,
    target_error: float | None = None,
    loss: str | None = None,
    outputs: int = 1,
) -> Prediction:
    """Predict how a learner's risk must scale.

    Parameters
    ----------
    source : Recipe, dict, str, path, Dataset or File
        A recipe, its table, a catalogue name or a TOML file (averaged over the family; of the learner in X, or of one
        neighbour in the hierarchy or graph where that was measured to be the same), or a dataset, an open file or a
        file's path (in its own X, averaged over splits).
    learner : str, Learner or function
        A name of `prediction.LEARNERS` ("bayes" is the floor); a learner with settings of its own, e.g.
        ``learners.make("laplace-kernel", {"length": 0.3, "ridge": 1e-3})``; or a kernel (a, d), (b, d) → (a, b) of
        coordinates as they are, whose ridge is chosen on validation points. Default "1-nn".
    draws : int, optional
        Structures (of a dataset: splits) that the curve and the floor average over, 3 or more. Default: 8 to 48, by
        the size of the population and the cost of the learner.
    target_error : float, optional
        Relative standard error of the curve, between 0 and 1: draws are added until it is reached at every size asked
        for. Default: no draws are added.
    loss : {"0-1", "cross-entropy"}, optional
        Of labels that are classes: the share of wrong answers, or the cross-entropy in nats. Default: the one that a
        curve is known of, "0-1" where both are.
    outputs : int
        Label vectors that a network learns at once. Default 1, with which networks were held against their kernel.

    Returns
    -------
    Prediction
        Curves are computed when asked for.

    Raises
    ------
    RecipeError
        For an unknown learner or family, and for a loss that these labels do not have.

    Notes
    -----
    docs/theory.md §3 and §4.

    Examples
    --------
    >>> import fractalman as fm
    >>> fm.predict(fm.Cascade(n_points=1000, branching=4, hurst=0.5), "laplace-kernel").data_exponent
    0.5
    """
    found = resolve(source)
    recipe, data = (found, None) if isinstance(found, Recipe) else (found.recipe, _in_memory(found))
    if found is not source:
        close(found)
    recipe.needs_own_embedding("a prediction")
    name, own = subject(learner)
    loss_of(recipe, loss)  # refuses what these labels have not
    known = own is None or own.properties.kind != "unknown"
    law = law_on(data, _law(recipe, name, own) if known else unknown_law(name))
    drawn = DrawnRealizations(recipe) if data is None else Splits(data)
    curve = method_of(drawn, name, own, loss, integer(1, 2**31)("outputs", outputs))
    of = (curve.loss if curve is not None else "") or loss_of(recipe, loss)
    if of == CROSS_ENTROPY and not (curve is not None and curve.loss):
        law = in_nats(law)
    averages = Averages(curve, method_of(drawn, BAYES, loss=of), control_of(drawn), drawn.usual, draws, target_error)
    return Prediction(recipe, name, law, drawn, averages, own, of)


def _law(recipe: Recipe, name: str, own: Learner | None) -> theory.Law:
    """The law of a name, or of a learner whose settings decide how many features it has."""
    if own is not None and own.properties.features is not None:
        return law_for(recipe, own.own_properties)
    return law_of(recipe, name)


def _in_memory(data: Dataset | CoarseDataset | File) -> Dataset:
    """A file's dataset; one in memory as it is."""
    return cast(Dataset, data.dataset() if hasattr(data, "dataset") else data)
