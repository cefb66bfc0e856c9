"""What a joint fit rests on: groups of rows left out, and how far the parameters move without them.

Every group is left out in earnest, with a fit of its own; first-order influence only proposes which rows might matter.

Source: Broderick, Giordano & Meager, arXiv 2011.14999, for sets of rows chosen by their influence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from fractalman._typing import F64, I64
from fractalman.display import Display
from fractalman.errors import FitError
from fractalman.measure import sandwich
from fractalman.measure.labels import same_size
from fractalman.measure.surfaces import Surface, solve


class FittedTable(Protocol):
    """What is asked of a fit; see `JointPowerLawFit`."""

    @property
    def form(self) -> str: ...
    @property
    def huber(self) -> float: ...
    @property
    def residual(self) -> F64: ...
    @property
    def outliers(self) -> I64: ...
    @property
    def table(self) -> dict[str, F64]: ...
    @property
    def theta(self) -> F64: ...
    @property
    def standard_error(self) -> dict[str, float]: ...


@dataclass(frozen=True, repr=False)
class Influence(Display):
    """What a fit says without some of its rows.

    Parameters
    ----------
    rows : (k,) int64
        The rows left out, as the table numbers them.
    why : str
        What they have in common.
    parameter : str
        The exponent, or E, that moves most.
    before, after : float
        Its value with and without them.
    moved : float
        Their difference in standard errors of the whole table's fit.
    values : dict of float
        All parameters without them.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> print(fm.measure.Influence(np.array([3]), "the outliers", "data_exponent", 0.3, 0.35, 2.5, {}))
    without this row (the outliers) data_exponent moves from 0.300 to 0.350 (2.5 standard errors)
    """

    rows: I64
    why: str
    parameter: str
    before: float
    after: float
    moved: float
    values: dict[str, float]

    def __repr__(self) -> str:
        return f"Influence({self})"

    def __str__(self) -> str:
        many = "this row" if self.rows.size == 1 else f"these {self.rows.size} rows"
        return (
            f"without {many} ({self.why}) {self.parameter} moves from {self.before:.3f} to {self.after:.3f} "
            f"({abs(self.moved):.1f} standard errors)"
        )


def influences(fit: FittedTable, size: int | None) -> tuple[Influence, ...]:
    """Return what groups of rows hold up, largest first; see `JointPowerLawFit.influence`."""
    rows = fit.residual.size
    if size is not None and not 1 <= size < rows - 6:
        raise FitError(f"size = {size}: expected a number of rows from 1 to {rows - 7}")
    many = size if size is not None else int(min(10, max(1, round(rows / 20))))
    surface = surface_of(fit)
    q = _inner(surface, fit.theta)
    found = sandwich.scores(surface, q, fit.huber)
    named = [
        "model_exponent",
        "data_exponent",
        *(["overtraining_exponent"] if surface.n_terms == 3 else []),
        "irreducible",
    ]
    out, seen = [], set()
    for member, why in _candidates(fit, found, named, many):
        key = member.tobytes()
        kept = np.ones(rows, np.bool_)
        kept[member] = False
        if key in seen or kept.sum() < surface.n_parameters + 1:
            continue
        seen.add(key)
        part = surface.rows(kept)
        if any(np.unique(axis).size < 2 for axis in part.axes):
            continue
        theta = part.theta(solve(part, [q], fit.huber, tolerance=1e-10, steps=200))
        errors = np.array([max(fit.standard_error[name], 1e-300) for name in named])
        step = (theta - fit.theta)[: len(named)] / errors
        k = int(np.argmax(np.abs(step)))
        out.append(
            Influence(
                member, why, named[k], float(fit.theta[k]), float(theta[k]), float(step[k]),
                dict(zip(named, theta[: len(named)].tolist(), strict=True)),
            )
        )  # fmt: skip
    return tuple(sorted(out, key=lambda entry: -abs(entry.moved)))


def _candidates(fit: FittedTable, found: sandwich.Scores, named: list[str], many: int) -> Iterator[tuple[I64, str]]:
    """Yield groups of rows that might matter, with what they have in common."""
    if fit.outliers.size:
        yield fit.outliers, "the outliers"
    pull = found.influence * found.score[:, None]
    for k, name in enumerate(named):
        order = np.argsort(pull[:, k])
        yield np.sort(order[:many]), f"the strongest pull on {name} one way"
        yield np.sort(order[::-1][:many]), f"the strongest pull on {name} the other way"
    for axis in ("n_params", "n_data"):
        sizes = fit.table[axis]
        groups = same_size(sizes)
        if int(groups.max()) + 1 > 0.7 * sizes.size:
            continue  # every row has a size of its own
        for group in range(int(groups.max()) + 1):
            member = np.flatnonzero(groups == group).astype(np.int64)
            yield member, f"{axis} = {np.median(sizes[member]):.3g}"


def surface_of(fit: FittedTable) -> Surface:
    """Return the problem that a fit solved."""
    P, n, L = (fit.table[name] for name in ("n_params", "n_data", "loss"))
    if fit.form == "repeated":
        distinct = fit.table["unique"]
        return Surface.of([P, np.minimum(n, distinct)], L, np.maximum(n / distinct - 1.0, 0.0), 1)
    return Surface.of([P, n, P / n] if fit.form == "overtraining" else [P, n], L)


def _inner(surface: Surface, theta: F64) -> F64:
    """Return q of θ."""
    t = surface.n_terms
    origin = replace(surface, centres=np.zeros(t), unit=1.0)
    q = np.concatenate([[theta[t]], theta[t + 1 : 2 * t + 1], theta[:t], theta[2 * t + 1 :]])
    return surface.moved(origin, q)
