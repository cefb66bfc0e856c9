"""Data and model together: amplitudes of the joint law, and what a budget of training buys a network of the harness.

A learning curve on a self-similar set is a power law times a wiggle that repeats in ln n. Its amplitude at one size is
whatever the wiggle is there; here it is the mean of (risk − E)·n^α over one whole period of ln n, the constant term of
the wiggle's Fourier series.

A network's training costs what the harness counts for it: the steps, forwards and backwards, the looks at the training
risk, and both again for every learning rate that is tried. Its steps are so many passes over the training set.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman import theory
from fractalman._typing import F64, I64
from fractalman.config import shown
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.learners import Learner, learner_class

AROUND = 1024
"""Sizes in whose neighbourhood amplitudes are taken, where the population allows it."""
_DATA_POINTS, _MODEL_POINTS = 9, 65  # a period has so many sizes
_WIDEST, _LONGEST = 1 << 16, 1 << 24  # width and steps that a network may have
NO_PERIOD = 4.0
"""Factor in n that an amplitude is averaged over where the curve has no period."""
_RANGE = 64.0  # in P at least


def period_sizes(factor: float, most: float, count: int, around: float = AROUND) -> I64:
    """Return integer sizes over one period, [around/√factor, around·√factor], moved down where that exceeds ``most``.

    Parameters
    ----------
    factor : float
        The period, > 1.
    most : float
        Largest size.
    count : int
        Sizes, before equal ones are dropped.
    around : float, default 1024
        Geometric middle.

    Returns
    -------
    (k,) int64
        Rising.
    """
    high = max(1.0, min(around * math.sqrt(factor), most))
    low = max(1.0, high / factor)
    return np.unique(np.rint(np.geomspace(low, high, count)).astype(np.int64))


def mean_amplitude(sizes: I64, excess: F64, exponent: float) -> float:
    """Return the mean of excess·n^exponent over ln n between the smallest and the largest size.

    Parameters
    ----------
    sizes : (k,) int64
        Rising.
    excess : (k,) float64
        Risk above what stays.
    exponent : float
        Of its decay.

    Returns
    -------
    float
        By the trapezoid rule, which for a wiggle over its own period is exact up to its high harmonics.
    """
    x, values = np.log(sizes.astype(np.float64)), excess * sizes.astype(np.float64) ** exponent
    return float(values[0]) if sizes.size == 1 else float(np.trapezoid(values, x) / (x[-1] - x[0]))


def data_amplitude(law: theory.Law, curve: Callable[[I64], F64], most: float, alpha: float) -> float:
    """Return A of A/n^alpha from a learner's own curve; ``most`` is the largest size that it may be asked for."""
    sizes = period_sizes(law.log_period or NO_PERIOD, most, _DATA_POINTS)
    return mean_amplitude(sizes, curve(sizes) - (law.irreducible or 0.0), alpha)


def model_amplitude(law: theory.Law, cells: Callable[[I64], F64], alpha: float) -> float:
    """Return B of B/P^alpha from the best cells, over whole periods that span a factor of 64 or more."""
    period = law.log_period or _RANGE
    factor = period ** math.ceil(math.log(_RANGE) / math.log(period) - 1e-9)
    sizes = period_sizes(factor, math.inf, _MODEL_POINTS)
    return mean_amplitude(sizes, cells(sizes) - (law.irreducible or 0.0), alpha)


def joint_law(
    law: theory.Law,
    learner: str,
    family: str,
    data: tuple[Callable[[float], float] | None, float | None],
    model: tuple[Callable[[I64], F64] | None, float | None],
) -> theory.JointLaw:
    """Return the joint law of a learner.

    Parameters
    ----------
    law : Law
        Of the learner.
    learner, family : str
        Whom and what it is about.
    data : (function or None, float or None)
        Exponent → A from the learner's curve, None without a curve; and A as given, which goes first.
    model : (function or None, float or None)
        Risks of the best cells, None where they are not known; and B as given.

    Raises
    ------
    RecipeError
        Where an exponent or an amplitude is not known; it says what to type.
    """
    alpha = law.data_exponent if law.data_exponent is not None else law.excess_exponent
    parts = {"exponent in n": alpha, "exponent in P": law.model_exponent, "risk that stays": law.irreducible}
    missing = [part for part, value in parts.items() if value is None]
    if alpha is None or law.model_exponent is None or law.irreducible is None:
        raise RecipeError(
            f"no joint law for learner {shown(learner)} on {family!r}: no {' and no '.join(missing)} is known"
            + (
                f" with noisy labels, n^−{alpha:.3g} above {law.irreducible:.3g}"
                if law.excess_exponent is not None and law.irreducible is not None
                else f", {law.reason}"
            )
            + f"; the nearest law is {law.nearest or 'that of noiseless labels'}"
        )
    A, B = data[1], model[1]
    if A is None:
        if data[0] is None:
            raise RecipeError(f"no curve of {shown(learner)} to take A from: use data_amplitude = …")
        A = data[0](alpha)
    if B is None:
        if model[0] is None:
            raise RecipeError(f"the best cells of {family!r} are not known, so neither is B: use model_amplitude = …")
        B = model_amplitude(law, model[0], law.model_exponent)
    logarithm = ", its logarithm left out: good about the sizes that A was taken at" if law.logarithmic else ""
    whose = (
        f"the curve of {learner}{logarithm}" if data[1] is None else "as given",
        "the best P cells" if model[1] is None else "as given",
    )
    return theory.JointLaw(alpha, law.model_exponent, A, B, law.irreducible, *whose)


# ---------------------------------------------------------------------------------------------------- networks


@dataclass(frozen=True)
class NetworkBudget(Display):
    """The network, the training set and the steps that a budget of floating-point operations is spent best on.

    Parameters
    ----------
    n : int
        Training points.
    width : int
        Units of a hidden layer.
    parameters : int
        Weights and biases, P.
    steps : int
        Of stochastic gradient descent, passes·n/batch_size.
    operations : float
        What training costs by the harness's own count, at most the budget.
    risk : float
        By the joint law, in units of the label's prior variance.
    law : JointLaw
        The joint law; it says whose curves it is made of.
    limited : str
        What ended the search before the budget did: "the population", "the width", or "" for neither.

    Examples
    --------
    >>> from fractalman.theory import JointLaw
    >>> NetworkBudget(100, 16, 353, 500, 1e8, 0.2, JointLaw(0.5, 0.5)).steps
    500
    """

    n: int
    width: int
    parameters: int
    steps: int
    operations: float
    risk: float
    law: theory.JointLaw
    limited: str = ""


def network_budget(
    law: theory.JointLaw, learner: Learner | None, d: int, operations: float, passes: float, most: float
) -> NetworkBudget:
    """Return the best n, width and steps for a budget.

    Parameters
    ----------
    law : JointLaw
        In n and in the number of parameters.
    learner : Learner or None
        A network with its settings; None = the default one.
    d : int
        Inputs.
    operations : float
        Floating-point operations > 0 of one training run.
    passes : float
        Times that every training point is seen, > 0.
    most : float
        Largest training set.

    Raises
    ------
    RecipeError
        For numbers outside, and where the budget is too small for any network.
    """
    for name, value in (("operations", operations), ("passes", passes)):
        if not 0.0 < value < math.inf:
            raise RecipeError(f"{name} = {shown(value)}: expected a finite number above 0")
    kind = learner_class("mlp")
    base: Any = learner if isinstance(learner, kind) else kind()
    batch = base.settings.batch_size

    def network(width: int, n: int) -> tuple[Any, int]:
        steps = math.ceil(passes * n / batch)
        return dataclasses.replace(base, settings=dataclasses.replace(base.settings, width=width, steps=steps)), steps

    def spent(width: int, n: int) -> float:
        return float(network(width, n)[0].cost(n, d, 0, 1).operations)

    ceiling = int(min(most, _LONGEST * batch / passes))

    def affordable(width: int) -> int:
        """The largest training set that the budget pays for."""
        low, high = 0, ceiling
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if spent(width, middle) <= operations else (low, middle - 1)
        return low

    def risk(width: int) -> float:
        n = affordable(width)
        return float(law.risk(n, network(width, n)[0].parameters(d))) if n >= 1 else math.inf

    grid = np.unique(np.rint(np.geomspace(1, _WIDEST, 65)).astype(np.int64)).tolist()
    risks = [risk(width) for width in grid]
    best = int(np.argmin(risks))
    if not math.isfinite(risks[best]):
        raise RecipeError(
            f"operations = {operations:g}: not enough for one training point; use {spent(1, 1):.3g} or more"
        )
    low, high = grid[max(0, best - 1)], grid[min(len(grid) - 1, best + 1)]
    while high - low > 2:  # the sum of a falling and a rising part has one minimum
        third = (high - low) // 3
        one, other = low + third, high - third
        low, high = (low, other) if risk(one) <= risk(other) else (one, high)
    width = min(range(low, high + 1), key=risk)
    n = affordable(width)
    made, steps = network(width, n)
    limited = "the population" if n == ceiling else "the width" if width == _WIDEST else ""
    return NetworkBudget(n, width, made.parameters(d), steps, spent(width, n), risk(width), law, limited)
