"""A table of losses as a problem of fitting: L = E + Σ_t A_t·x_t^-α_t, solved on logarithms, robustly, from any table.

For given exponents the best E, A_t ≥ 0 are a small linear problem, so every combination of exponents on a grid is tried
(variable projection); the best of them start a robust least-squares fit of all parameters. Nothing is found because a
search began in the right place.

Parameters have two forms. Inside, q = (e, a_1 … a_T, α_1 … α_T[, ρ]) with every axis's logarithm less its centre and
losses in units of the smallest: a well-scaled problem for any table. Outside, θ = (α_1 … α_T, E, ln A_1 … ln A_T[, ρ])
in the caller's units. One is a linear function of the other.

Source: Golub & Pereyra 1973; Huber 1964.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fractalman._typing import F64, Bool
from fractalman.config import is_real, shown
from fractalman.errors import FitError

EFFICIENT = 1.345  # Huber's threshold in standard deviations: 95 % efficient on normal noise
EXACT = 1e-12  # logarithmic residuals below this are rounding: no noise to tie a threshold to
STEEPEST = 10.0  # the largest exponent tried
_GRID = {1: 40, 2: 12, 3: 7, 4: 5}  # exponents tried on every axis, by number of axes
_STARTS = 8
_STAR = (math.log(1e-2), math.log(1e4))  # bounds of ρ = ln R*


@dataclass(frozen=True)
class Surface:
    """The rows of a table with the law that is fitted to them.

    Parameters
    ----------
    axes : (T, rows) float64
        Natural logarithm of the size that each term falls with.
    log_loss : (rows,) float64
        Natural logarithm of the loss, in units of ``unit``.
    unit : float
        The smallest loss, in the caller's unit.
    centres : (T,) float64
        What is subtracted from the axes inside.
    epochs : (rows,) float64
        How often data were seen again (0 = once); empty without a repeated term.
    repeated : int
        The term whose data were repeated, or −1.
    """

    axes: F64
    log_loss: F64
    unit: float
    centres: F64
    epochs: F64
    repeated: int = -1

    @classmethod
    def of(cls, axes: Sequence[F64], loss: F64, epochs: F64 | None = None, repeated: int = -1) -> Surface:
        """Return the problem of a table: sizes > 0 (not logarithms) of each term and losses > 0."""
        logs = np.log(np.array(axes, np.float64))
        unit = float(loss.min())
        return cls(
            logs, np.log(loss / unit), unit, logs.mean(axis=1),
            np.zeros(0) if epochs is None else np.asarray(epochs, np.float64), repeated,
        )  # fmt: skip

    @property
    def n_terms(self) -> int:
        return len(self.axes)

    @property
    def n_rows(self) -> int:
        return int(self.log_loss.size)

    @property
    def n_parameters(self) -> int:
        return 1 + 2 * self.n_terms + (self.repeated >= 0)

    @property
    def x(self) -> F64:
        """The centred axes."""
        return self.axes - self.centres[:, None]

    @property
    def bounds(self) -> tuple[F64, F64]:
        """Lower and upper bounds of q."""
        t = self.n_terms
        low, high = [0.0] + [-200.0] * t + [0.0] * t, [np.inf] + [200.0] * t + [STEEPEST] * t
        if self.repeated >= 0:
            low, high = [*low, _STAR[0]], [*high, _STAR[1]]
        return np.array(low), np.array(high)

    def evaluated(self, q: F64) -> tuple[F64, F64]:
        """Return the residuals ln L_fit − ln L and their Jacobian in q."""
        from fractalman.measure._surface_kernels import evaluate

        residual, jacobian = np.empty(self.n_rows), np.empty((self.n_rows, self.n_parameters))
        evaluate(q, self.x, self.epochs, self.repeated, self.log_loss, residual, jacobian)
        return residual, jacobian

    def cost(self, q: F64, threshold: float) -> float:
        """Return Huber's cost of q: the sum of half the squared residuals, linear beyond the threshold."""
        from fractalman.measure._surface_kernels import huber_cost

        return float(huber_cost(self.evaluated(q)[0], np.ones(self.n_rows), threshold))

    def theta(self, q: F64) -> F64:
        """Return the parameters in the caller's units: (α_1 … α_T, E, ln A_1 … ln A_T[, ρ])."""
        t = self.n_terms
        amplitudes = math.log(self.unit) + q[1 : 1 + t] + q[1 + t : 1 + 2 * t] * self.centres
        return np.concatenate([q[1 + t : 1 + 2 * t], [q[0] * self.unit], amplitudes, q[1 + 2 * t :]])

    @property
    def theta_of_q(self) -> F64:
        """The matrix dθ/dq."""
        t, p = self.n_terms, self.n_parameters
        out = np.zeros((p, p))
        for k in range(t):
            out[k, 1 + t + k] = 1.0
            out[t + 1 + k, 1 + k] = 1.0
            out[t + 1 + k, 1 + t + k] = self.centres[k]
        out[t, 0] = self.unit
        if self.repeated >= 0:
            out[-1, -1] = 1.0
        return out

    def recentred(self, centres: F64) -> Surface:
        """Return the same problem with other centres; `moved` carries parameters over."""
        return replace(self, centres=np.asarray(centres, np.float64))

    def moved(self, other: Surface, q: F64) -> F64:
        """Return the parameters q of another table, or of other centres, as this one's."""
        t = self.n_terms
        out = q.copy()
        shift = math.log(other.unit / self.unit)
        out[0] = q[0] * other.unit / self.unit
        out[1 : 1 + t] = q[1 : 1 + t] + shift - q[1 + t : 1 + 2 * t] * (self.centres - other.centres)
        return out

    def rows(self, kept: Bool) -> Surface:
        """Return the problem of some of the rows, in the same units."""
        epochs = self.epochs[kept] if self.epochs.size else self.epochs
        return replace(self, axes=self.axes[:, kept], log_loss=self.log_loss[kept], epochs=epochs)


def starts(surface: Surface, count: int = _STARTS) -> list[F64]:
    """Return the best parameters of a grid of exponents, best first."""
    from fractalman.measure._surface_kernels import grid_starts

    t = surface.n_terms
    grid = np.geomspace(0.03, 3.0, _GRID[t])
    exponents = np.array(list(itertools.product(grid, repeat=t)))
    found = []
    tried_stars = [-1.0] if surface.repeated < 0 else [0.1, 1.0, 4.0, 15.0, 60.0]
    for star in tried_stars:
        x = surface.x
        if surface.repeated >= 0:
            x[surface.repeated] += np.log1p(star * (1.0 - np.exp(-surface.epochs / star)))
        out, misfit = np.empty((len(exponents), 1 + 2 * t)), np.empty(len(exponents))
        grid_starts(x, np.exp(surface.log_loss), exponents, out, misfit)
        if surface.repeated >= 0:
            out = np.column_stack([out, np.full(len(out), math.log(star))])
        found += list(zip(misfit.tolist(), out, strict=True))
    found.sort(key=lambda entry: entry[0])
    return [q for _, q in found[:count]]


def solve(
    surface: Surface,
    first: Sequence[F64],
    threshold: float,
    *,
    weight: F64 | None = None,
    fixed: Bool | None = None,
    tolerance: float = 1e-15,
    steps: int = 400,
) -> F64:
    """Return the best fit that any start leads to; FitError where none is finite."""
    from fractalman.measure._surface_kernels import minimise

    low, high = surface.bounds
    x = surface.x
    if weight is None:
        weight = np.ones(surface.n_rows)
    if fixed is None:
        fixed = np.zeros(surface.n_parameters, np.bool_)
    best, least = None, math.inf
    for q in first:
        found, cost = minimise(
            np.clip(q, low, high), low, high, fixed, x, surface.epochs, surface.repeated, surface.log_loss, weight,
            threshold, tolerance, steps,
        )  # fmt: skip
        if cost < least:
            best, least = found, cost
    if best is None:
        raise FitError("no sum of power laws comes near this table: fit one axis at a time with fit_power_law")
    return np.asarray(best, np.float64)


def noise_scale(residual: F64, n_parameters: int) -> float:
    """Return a standard deviation from the median absolute residual, corrected for the parameters fitted."""
    freedom = max(1, residual.size - n_parameters)
    return 1.4826 * float(np.median(np.abs(residual))) * math.sqrt(residual.size / freedom)


def check_threshold(huber: float) -> None:
    """Refuse what is no threshold of Huber's loss."""
    if not is_real(huber) or not 0.0 < huber < math.inf:
        raise FitError(f"huber = {shown(huber)}: expected a number > 0, a threshold on ln L, or None")


def robust(surface: Surface, huber: float | None) -> tuple[F64, float]:
    """Return the fit and its threshold; where none is given the threshold follows the noise until it rests."""
    first = starts(surface)
    if huber is not None:
        check_threshold(huber)
        return solve(surface, first, huber), huber
    # nearly least absolute deviations to begin with: no outlier can inflate the first estimate of the noise
    best = solve(surface, first, 1e-3)
    threshold = math.inf
    for _ in range(12):
        spread = noise_scale(surface.evaluated(best)[0], surface.n_parameters)
        if spread < EXACT:
            return polished(surface, solve(surface, [best], math.inf)), math.inf
        before, threshold = threshold, EFFICIENT * spread
        best = solve(surface, [best], threshold)
        if abs(threshold - before) <= 1e-6 * threshold:
            break
    return (polished(surface, best) if threshold < 1e-6 else best), threshold


def polished(surface: Surface, q: F64) -> F64:
    """Newton's last steps of a fit without noise, kept only while they help."""
    residual, jacobian = surface.evaluated(q)
    for _ in range(20):
        new = q + np.linalg.lstsq(jacobian, -residual, rcond=None)[0]
        if new[0] < 0.0:
            break
        new_residual, new_jacobian = surface.evaluated(new)
        if not np.square(new_residual).sum() < np.square(residual).sum():
            break
        q, residual, jacobian = new, new_residual, new_jacobian
    return q
