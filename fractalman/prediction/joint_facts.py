"""What a prediction says of data and model together: the best cells, the joint law, what a budget is spent best on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fractalman import theory
from fractalman._typing import F64, AnyFloat, AnyInt
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.families.base import family_of
from fractalman.learners import Learner
from fractalman.learners.random_features import RandomFeatures
from fractalman.prediction import frontiers, widths
from fractalman.recipes import Recipe

if TYPE_CHECKING:
    from fractalman.prediction.drawn import DrawnRealizations
    from fractalman.prediction.splits import Splits


class JointFacts:
    """The joint law of who has a recipe, a law and a curve."""

    recipe: Recipe
    learner: str
    law: theory.Law
    largest: Any
    affordable: Any
    has_curve: Any
    curve: Callable[..., Any]
    _own: Learner | None
    _source: DrawnRealizations | Splits

    def model_curve(self, P: Sequence[int] | AnyInt) -> F64:
        """Return the risk of the best P cells with infinitely many data.

        Parameters
        ----------
        P : (k,) int
            Numbers of cells, each ≥ 1.

        Returns
        -------
        (k,) float64
            Risks in units of the label's prior variance.

        Raises
        ------
        RecipeError
            For families other than cascades, whose best cells are not known.
        """
        self.recipe.needs_values("the risk of the best cells")
        known = family_of(self.recipe).laws.model_curve
        if known is None:
            raise RecipeError(f"the best P cells of family {self.recipe.family!r} are not known: expected a cascade")
        return known(self.recipe, np.asarray(P))

    def joint_law(self, data_amplitude: float | None = None, model_amplitude: float | None = None) -> theory.JointLaw:
        """Return L(n, P) = E + A/n^α_D + B/P^α_P, the term in n from this learner's own curve.

        The term in P is that of the best P cells with infinitely many data, which no model of P pieces beats; a
        learner of its own pays more, and ``model_amplitude`` of a sweep along its size says how much. Of random
        features it is their own: P is their number, the term in n that of the kernel of infinitely many. The law says
        both (``data_of``, ``model_of``, and as text).

        Parameters
        ----------
        data_amplitude : float or None, default None
            A; None = (risk − E)·n^α_D of the learner's curve, averaged over one period of its wiggle in ln n about
            n = 1024, below N/16; over a factor of 4 without a period.
        model_amplitude : float or None, default None
            B; None = the same of the best cells, over whole periods about P = 1024, known for cascades.

        Returns
        -------
        JointLaw
            Exponents and amplitudes.

        Raises
        ------
        RecipeError
            Where an exponent or an amplitude is not known; it says what to type.
        """
        if self.learner == RandomFeatures.name:
            features = cast(RandomFeatures, self._own or RandomFeatures())
            if features.activation != "linear":
                return widths.joint_of_features(
                    self.recipe, self._source, features, self.largest, data_amplitude, model_amplitude
                )
        own = None
        if self.has_curve:
            most = max(1.0, min(self.largest / 16, self.affordable))
            own = partial(frontiers.data_amplitude, self.law, lambda n: self.curve(n).risk, most)
        cells = None if family_of(self.recipe).laws.model_curve is None else self.model_curve
        return frontiers.joint_law(
            self.law, self.learner, self.recipe.family, (own, data_amplitude), (cells, model_amplitude)
        )

    def joint(self, n: float | AnyFloat, P: float | AnyFloat) -> F64:
        """Return the predicted risk of n training points and P cells or parameters, by `joint_law`.

        Parameters
        ----------
        n : float or float array
            Training points.
        P : float or float array
            Cells or parameters; broadcast with n.

        Returns
        -------
        float64 array
            Risk in units of the label's prior variance.
        """
        return self.joint_law().risk(n, P)

    def compute_optimal(self, cost: float = 1.0) -> theory.Frontier:
        """Return how a budget C = cost·n·P is spent best: n* ~ C^a, P* ~ C^b and the exponent of the risk in C.

        Parameters
        ----------
        cost : float, default 1.0
            C > 0, compute per training point and parameter.

        Returns
        -------
        Frontier
            Powers and exponent of the best n, P and risk.
        """
        return self.joint_law().compute_optimal(cost)

    def network_optimal(
        self,
        operations: float,
        passes: float = 100.0,
        *,
        data_amplitude: float | None = None,
        model_amplitude: float | None = None,
    ) -> frontiers.NetworkBudget:
        """Return the training points, width and steps on which a network of the harness spends a budget best.

        Parameters
        ----------
        operations : float
            Floating-point operations of one training run, all that the harness counts: every rate tried, every look.
        passes : float, default 100
            Times that every training point is seen: steps = passes·n/batch_size.
        data_amplitude, model_amplitude : float or None, default None
            As for `joint_law`.

        Returns
        -------
        NetworkBudget
            What to train, and the risk that the joint law expects.

        Raises
        ------
        RecipeError
            As `joint_law`, for a learner that is no network, and for too small a budget.
        """
        if self.learner != "mlp":
            raise RecipeError(f"{shown(self.learner)} is no network of ours: use predict(…, 'mlp'), or compute_optimal")
        law = self.joint_law(data_amplitude, model_amplitude)
        return frontiers.network_budget(law, self._own, self.recipe.ambient_dim, operations, passes, self.largest)
