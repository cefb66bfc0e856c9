"""What joint fits are for: how large a model and how much data a budget buys, and the three ways to say so.

Source: Hoffmann et al., arXiv 2203.15556, section 3: the envelope of the runs, parabolas through runs of one budget,
and the parametric law; equation 4 for the optimum of the law at cost C = k·P·n.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fractalman._arguments import checked_arguments
from fractalman._typing import F64, I64
from fractalman.config import shown
from fractalman.display import Display, Summary, axes_or_new, frame, log_axes
from fractalman.display.style import STYLES
from fractalman.display.summary import count
from fractalman.errors import FitError
from fractalman.measure.joint_result import NAMES, JointPowerLawFit
from fractalman.measure.scaling import student_t, student_t_real

FLOP_PER = 6.0  # a training step costs six operations for every parameter and token
_BUDGET = 0.12  # runs whose logarithms of cost differ by less are of one budget
_LEAST = 4  # runs that a parabola and its error need

Cost = float | Callable[[F64, F64], F64]


@dataclass(frozen=True, repr=False)
class Optimum(Display):
    """The best model and data for every budget, and the loss to expect.

    Parameters
    ----------
    compute : (budgets,) float64
        In the unit of the cost, FLOP by default.
    n_params, n_data, loss : (budgets,) float64
        At the optimum.
    interval : dict of (budgets, 2) float64
        95 %, by name of the three.
    extrapolated : (budgets,) bool
        Whether the budget lies beyond those of the table.
    table : dict of (points,) float64
        The runs that the fit rests on.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> one = np.ones(1)
    >>> interval = {name: np.ones((1, 2)) for name in ("n_params", "n_data", "loss")}
    >>> fm.measure.Optimum(one, one, one, one, interval, one > 1, {}).rows()[0]["n_data_high"]
    1.0
    """

    compute: F64
    n_params: F64
    n_data: F64
    loss: F64
    interval: dict[str, F64]
    extrapolated: np.ndarray
    table: dict[str, F64]

    def __repr__(self) -> str:
        first, last = self.compute[0], self.compute[-1]
        return (
            f"Optimum({self.compute.size} budgets from {first:.3g} to {last:.3g}: n_params {self.n_params[0]:.3g} … "
            f"{self.n_params[-1]:.3g}, n_data {self.n_data[0]:.3g} … {self.n_data[-1]:.3g})"
        )

    def _summary(self) -> Summary:
        lines = []
        for row in self.rows():
            sizes = [
                f"{name} {row[name]:.3g}, 95 % {row[f'{name}_low']:.3g} … {row[f'{name}_high']:.3g}"
                for name in ("n_params", "n_data", "loss")
            ]
            beyond = ["beyond the table’s budgets"] if row["extrapolated"] else []
            lines.append((f"compute {row['compute']:.3g}", "; ".join([*sizes, *beyond])))
        return Summary(f"Optimum of {count(self.compute.size, 'budget')}", lines)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a budget, as plain values.

        Returns
        -------
        list of dict
            compute, n_params, n_data and loss, the latter three with _low and _high, and extrapolated.
        """
        out = []
        for i, compute in enumerate(self.compute.tolist()):
            row: dict[str, Any] = {"compute": compute}
            for name in ("n_params", "n_data", "loss"):
                low, high = self.interval[name][i].tolist()
                row |= {name: float(getattr(self, name)[i]), f"{name}_low": low, f"{name}_high": high}
            out.append(row | {"extrapolated": bool(self.extrapolated[i])})
        return out

    def to_pandas(self) -> Any:
        """Return one row a budget as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns as of `rows`.
        """
        return frame(self.rows(), "compute")

    def plot(self, ax: Any = None) -> Any:
        """Draw the frontier over the table's runs and return the axes; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing.
        """
        ax = axes_or_new(ax)
        P, n, L = (self.table[name] for name in ("n_params", "n_data", "loss"))
        dots = ax.scatter(P, n, c=L, s=14, cmap="viridis_r", zorder=2)
        ax.figure.colorbar(dots, ax=ax, label="loss")
        ax.plot(self.n_params, self.n_data, "-", color=STYLES[1][0], label="compute-optimal")
        order = self.interval["n_params"]
        ax.fill_betweenx(self.n_data, order[:, 0], order[:, 1], color=STYLES[1][0], alpha=0.2, lw=0, label="95 %")
        log_axes(ax, "parameters", "data")
        ax.legend(frameon=False)
        return ax


@checked_arguments
def optimum(fit: JointPowerLawFit, compute: ArrayLike, cost: Cost = FLOP_PER) -> Optimum:
    """Return the best size of model and data for every budget, with intervals.

    Parameters
    ----------
    fit : JointPowerLawFit
        Of any form; repeated data count as all distinct.
    compute : (budgets,) array_like
        > 0, in the unit of ``cost``: FLOP by default.
    cost : float or callable, default 6
        k of C = k·P·n, or a function (n_params, n_data) → cost that rises with n_data.

    Returns
    -------
    Optimum
        Intervals on logarithms, from the covariance of all parameters of the fit (first order).

    Raises
    ------
    FitError
        For budgets that are not positive, or a law without a best model (an exponent or amplitude of 0).

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> P, n = (a.ravel() for a in np.meshgrid(np.geomspace(1e6, 1e9, 5), np.geomspace(1e8, 1e11, 5)))
    >>> fit = fm.measure.fit_joint_power_law(P, n, 1.7 + 400 * P**-0.34 + 400 * n**-0.34)
    >>> best = fm.measure.optimum(fit, [6e18])
    >>> print(f"{best.n_params[0]:.3g} {best.n_data[0]:.3g}")
    1e+09 1e+09
    """
    budgets = np.sort(np.atleast_1d(np.asarray(compute, np.float64)))
    if not (np.isfinite(budgets) & (budgets > 0.0)).all():
        raise FitError("compute holds what is no budget: expected numbers > 0, in FLOP or the unit of the cost")
    if min(fit.model_exponent, fit.data_exponent, fit.model_amplitude, fit.data_amplitude) <= 0.0:
        raise FitError("the law has no best model: an exponent or amplitude is 0; give a table that resolves both")
    spent = _cost(cost)
    theta = fit.theta
    value = _best(fit, theta, budgets, cost)
    gradient = np.empty((*value.shape, theta.size))
    for k in range(theta.size):
        step = 1e-4 * max(abs(theta[k]), 1e-2)
        ends = [_best(fit, theta + sign * step * (np.arange(theta.size) == k), budgets, cost) for sign in (1.0, -1.0)]
        gradient[..., k] = (ends[0] - ends[1]) / (2.0 * step)
    variance = np.einsum("abk,kl,abl->ab", gradient, fit.covariance, gradient)
    t = student_t_real(min(fit.degrees_of_freedom[name] for name in NAMES[:2]))
    half = t * np.sqrt(np.maximum(variance, 0.0))
    low, high = np.exp(np.clip(value - half, -700, 700)), np.exp(np.clip(value + half, -700, 700))
    paid = spent(fit.table["n_params"], fit.table["n_data"])
    out = np.exp(value)
    return Optimum(
        budgets, out[0], out[1], out[2],
        {name: np.stack([low[i], high[i]], axis=1) for i, name in enumerate(("n_params", "n_data", "loss"))},
        (budgets > 1.5 * paid.max()) | (budgets < paid.min() / 1.5), fit.table,
    )  # fmt: skip


def _cost(cost: Cost) -> Callable[[F64, F64], F64]:
    if callable(cost):
        return cost
    if not (math.isfinite(cost) and cost > 0.0):
        raise FitError(
            f"cost = {shown(cost)}: expected a number k > 0 of C = k·P·n, or a function of n_params and n_data"
        )
    return lambda P, n: float(cost) * P * n


def _best(fit: JointPowerLawFit, theta: F64, budgets: F64, cost: Cost) -> F64:
    """Return ln of (n_params, n_data, loss) at the least loss of every budget, by golden-section search."""
    names = [name for name in ("overtraining_exponent",) if name in fit.extra]
    t = 2 + len(names)
    alpha, level, amplitude = theta[:t], theta[t], np.exp(theta[t + 1 : 2 * t + 1])

    def data(log_P: F64) -> F64:
        """ln n that uses the budget up; by bisection for any cost that rises with n."""
        if not callable(cost):
            return np.asarray(np.log(budgets / cost) - log_P)
        low, high = np.full(log_P.shape, -50.0), np.full(log_P.shape, 120.0)
        for _ in range(80):
            middle = 0.5 * (low + high)
            over = cost(np.exp(log_P), np.exp(middle)) > budgets
            low, high = np.where(over, low, middle), np.where(over, middle, high)
        return np.asarray(0.5 * (low + high))

    def loss(log_P: F64) -> F64:
        log_n = data(log_P)
        terms = [log_P, log_n] + ([log_P - log_n] if t == 3 else [])
        with np.errstate(over="ignore"):
            return np.asarray(level + sum(A * np.exp(-a * x) for A, a, x in zip(amplitude, alpha, terms, strict=True)))

    ratio = (math.sqrt(5.0) - 1.0) / 2.0
    low, high = np.zeros(budgets.shape), np.log(budgets) - 1.0
    inner, outer = high - ratio * (high - low), low + ratio * (high - low)
    f_inner, f_outer = loss(inner), loss(outer)
    for _ in range(70):
        left = f_inner <= f_outer
        low, high = np.where(left, low, inner), np.where(left, outer, high)
        new_inner, new_outer = high - ratio * (high - low), low + ratio * (high - low)
        f_inner, f_outer = loss(new_inner), loss(new_outer)
        inner, outer = new_inner, new_outer
    best = 0.5 * (low + high)
    return np.stack([best, data(best), np.log(np.maximum(loss(best), 1e-300))])


# ---------------------------------------------------------------------------------------------------- three approaches


@dataclass(frozen=True)
class Approach(Display):
    """One way to the exponents of the frontier.

    Parameters
    ----------
    name : str
        "envelope", "isoFLOP" or "parametric".
    params, data : float
        P* ~ C^params, n* ~ C^data; nan where the table does not allow it.
    interval : dict of (low, high)
        95 %, by name of the two.
    budgets : int
        How many budgets it rests on; 0 for the parametric law.
    remark : str
        What it used, or why it gives nothing.

    Examples
    --------
    >>> import fractalman as fm
    >>> both = {"params": (0.4, 0.6), "data": (0.4, 0.6)}
    >>> fm.measure.Approach("parametric", 0.5, 0.5, both, 0, "the joint law of all rows").params
    0.5
    """

    name: str
    params: float
    data: float
    interval: dict[str, tuple[float, float]]
    budgets: int
    remark: str


@checked_arguments
def approaches(fit: JointPowerLawFit, cost: Cost = FLOP_PER, compute: ArrayLike | None = None) -> tuple[Approach, ...]:
    """Return the frontier's exponents by Hoffmann's three approaches, from the rows that a fit used.

    Parameters
    ----------
    fit : JointPowerLawFit
        The parametric law, with its table.
    cost : float or callable, default 6
        As for `optimum`.
    compute : (points,) array_like, optional
        The budget of every row, where the table has one; None = the cost of its sizes.

    Returns
    -------
    tuple of Approach
        Envelope (the best run of every budget), isoFLOP (a parabola in ln P through the runs of every budget), and
        parametric. Intervals of the first two come from the scatter of the budgets' optima about their power law: the
        larger of least squares' error and the one that allows each budget its own (HC3): small budgets scatter more.

    Raises
    ------
    FitError
        When ``compute`` has not one budget for each row.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> P, n = (a.ravel() for a in np.meshgrid(np.geomspace(1e6, 1e9, 5), np.geomspace(1e8, 1e11, 5)))
    >>> fit = fm.measure.fit_joint_power_law(P, n, 1.7 + 400 * P**-0.34 + 400 * n**-0.34)
    >>> print(f"{fm.measure.approaches(fit)[2].params:.2f}")
    0.50
    """
    P, n, L = (fit.table[name] for name in ("n_params", "n_data", "loss"))
    C = _cost(cost)(P, n) if compute is None else np.asarray(compute, np.float64)
    if C.shape != P.shape:
        raise FitError(f"compute has shape {C.shape}: expected one budget for each of {P.size} rows")
    group = _budgets(C)
    envelope, parabola = [], []
    for g in range(int(group.max()) + 1):
        rows = np.flatnonzero(group == g)
        if np.unique(P[rows]).size < _LEAST:
            continue
        x, y, log_C = np.log(P[rows]), L[rows], float(np.log(C[rows]).mean())
        best = int(np.argmin(y))
        if 0 < np.argsort(np.argsort(x))[best] < rows.size - 1:
            envelope.append((log_C, x[best], float(np.log(n[rows][best]))))
        bend, slope, _ = np.polyfit(x - x.mean(), np.log(y), 2)
        vertex = -slope / (2.0 * bend) if bend > 0.0 else math.nan
        if bend > 0.0 and x.min() <= vertex + x.mean() <= x.max():
            at = vertex + x.mean()
            spent = np.polyfit(x, np.log(n[rows]), 1)
            parabola.append((log_C, at, float(np.polyval(spent, at))))
    named = (("envelope", envelope, "the best run of each"), ("isoFLOP", parabola, "a parabola through each"))
    out = [_regressed(name, places, how) for name, places, how in named]
    exponents, interval = fit.frontier, fit.frontier_interval
    out.append(
        Approach(
            "parametric", exponents["params"], exponents["data"],
            {"params": interval["params"], "data": interval["data"]}, 0, "the joint law of all rows",
        )
    )  # fmt: skip
    return tuple(out)


def _budgets(C: F64) -> I64:
    """Number the budgets: runs whose costs follow each other closely, and never over more than a factor 1.6."""
    order = np.argsort(C)
    number, first, last = 0, math.log(C[order[0]]), math.log(C[order[0]])
    group = np.empty(C.size, np.int64)
    for i in order.tolist():
        here = math.log(C[i])
        if here - last > _BUDGET or here - first > 4.0 * _BUDGET:
            number, first = number + 1, here
        group[i], last = number, here
    return group


def _regressed(name: str, places: list[tuple[float, float, float]], how: str) -> Approach:
    nothing = {"params": (math.nan, math.nan), "data": (math.nan, math.nan)}
    if len(places) < 3:
        return Approach(
            name, math.nan, math.nan, nothing, len(places),
            f"{len(places)} budgets have {_LEAST} sizes or more with an optimum inside; needs 3",
        )  # fmt: skip
    c, p, d = np.array(places).T
    c = c - c.mean()
    pull = np.minimum(1.0 / c.size + np.square(c) / float(c @ c), 1.0 - 1e-9)
    found, interval = {}, {}
    for key, y in (("params", p), ("data", d)):
        slope = float(c @ y / (c @ c))
        rest = y - y.mean() - slope * c
        equal = float(rest @ rest) / max(c.size - 2, 1) * float(c @ c)
        own = float(np.square(c * rest / (1.0 - pull)).sum())  # each budget by how it misses, left out of its own line
        half = student_t(c.size - 2) * math.sqrt(max(equal, own)) / float(c @ c)
        found[key], interval[key] = slope, (slope - half, slope + half)
    return Approach(name, found["params"], found["data"], interval, len(places), f"{how} of {len(places)} budgets")
