"""A network's prediction along its steps, in the form in which sweeps hold learners against curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, cast

from fractalman import theory
from fractalman._typing import F64, AnyInt
from fractalman.config import is_integer, shown
from fractalman.display import HtmlTable
from fractalman.errors import RecipeError
from fractalman.prediction.curves import Curve, Exponent, slope_of
from fractalman.prediction.law_facts import LawFacts
from fractalman.prediction.networks import exponent_error
from fractalman.prediction.stopped import STOPPED, check_steps, no_steps_curve, stopped_curve, stopped_rows

if TYPE_CHECKING:
    from fractalman.learners.networks.mlp import MLP
    from fractalman.prediction.drawn import DrawnRealizations
    from fractalman.prediction.splits import Splits


@dataclass(frozen=True)
class AlongSteps(LawFacts, HtmlTable):
    """The curve of a network along its steps on n training points.

    Parameters
    ----------
    learner : MLP
        Trained by gradient descent; its own number of steps does not matter.
    n : int
        Training points.
    outputs : int
        Label vectors that it learns at once, among which the mean square, and so the time, is shared out.
    draws : int
        Structures that the curve averages over.
    law : Law
        Along the training-set size; along the steps there is none.
    """

    learner: MLP
    n: int
    outputs: int
    draws: int
    law: theory.Law
    _source: DrawnRealizations | Splits = field(repr=False)
    _rows: dict[tuple[int, ...], F64] = field(default_factory=dict, repr=False, compare=False)

    axis: ClassVar[str] = "steps"
    has_curve: ClassVar[bool] = True
    largest: ClassVar[float] = math.inf
    affordable: ClassVar[float] = math.inf
    shared_error: ClassVar[float] = STOPPED.shared_error
    ratio_errors: ClassVar[tuple[float, float, float]] = (
        STOPPED.shared_error,
        STOPPED.size_error,
        STOPPED.slope_error,
    )

    def curve(self, steps: Sequence[int] | AnyInt) -> Curve:
        """Return the expected risk after numbers of steps, with errors of structures and of the measured ratio."""
        return stopped_curve(check_steps(steps), self.replicates(steps), self.n)

    def replicates(self, steps: Sequence[int] | AnyInt) -> F64:
        """Return the curve structure by structure, (draws, k)."""
        wanted = tuple(check_steps(steps).tolist())
        if wanted not in self._rows:
            kept = [(known, rows) for known, rows in self._rows.items() if set(wanted) <= set(known)]
            self._rows[wanted] = (
                kept[0][1][:, [kept[0][0].index(k) for k in wanted]]
                if kept
                else stopped_rows(self._source, self.learner, wanted, self.n, self.draws, self.outputs)
            )
        return self._rows[wanted]

    def keep(self, steps: Sequence[int] | AnyInt, rows: F64) -> None:
        """Take risks that were computed elsewhere, (draws, k), for the curve at these numbers of steps."""
        self._rows[tuple(check_steps(steps).tolist())] = rows

    def local_exponent(self, low: int, high: int, sizes: Sequence[int] | None = None) -> Exponent:
        """Return the exponent of the curve between two numbers of steps, at ``sizes`` or at both ends."""
        steps = check_steps([low, high] if sizes is None else sizes)
        found = slope_of(steps, self.replicates(steps))
        return Exponent(found.value, math.hypot(found.standard_error, self.slope_error(steps)), found.n)

    def slope_error(self, steps: Sequence[int] | AnyInt) -> float:
        """Return the standard error of the curve's exponent: as measured, or what errors of single points leave."""
        return exponent_error(STOPPED.size_error, STOPPED.slope_error, check_steps(steps))


def along_steps(prediction: Any, n: int, outputs: int) -> AlongSteps:
    """Return a network's prediction along its steps.

    Parameters
    ----------
    prediction : Prediction
        A `Prediction` of the network along the training-set size.
    n, outputs : int
        Training points, and label vectors that are learned at once.

    Raises
    ------
    RecipeError
        For learners that are no network of gradient descent (`no_steps_curve`), classes, and sizes outside.
    """
    learner, largest = prediction._own, prediction.largest
    trouble = no_steps_curve(learner)
    if trouble:
        raise RecipeError(trouble)
    prediction.recipe.needs_values("a curve along the steps")
    if not is_integer(n) or n > largest:
        raise RecipeError(f"n = {shown(n)}: expected a number of training points up to {largest:.0f}")
    if not is_integer(outputs) or outputs < 1:
        raise RecipeError(f"outputs = {shown(outputs)}: expected an integer of at least 1")
    network, draws = cast("MLP", learner), prediction._averages.count
    return AlongSteps(network, int(n), int(outputs), draws, prediction.law, prediction._source)
