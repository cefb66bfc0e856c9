"""Covariances of a fitted table that hold where noise differs from row to row or is shared within groups of rows.

The bread is the expected curvature of the fit's cost, the filling the rows' own scores (or the groups'), each undone of
what the fit took from it (HC3 for rows, CR2 for groups). The size of the noise is modelled as a power law of the sizes,
because residuals of published tables are larger where runs are small: the model gives the curvature beyond Huber's
threshold, where counting single rows is noisy, and the degrees of freedom of every parameter's variance; the variance
itself comes from the scores and holds where the model does not. How well intervals cover stands in
datasets/statistics/joint_fits.md.

HC3 is too large on few rows, on purpose: with equal noise its intervals hold the truth in 98 % of tables of 9 rows and
94 to 98 % of 25. HC2, which is unbiased there, holds it in 90 to 92 % of 9 rows, and where noise falls with the sizes
or is shared, which 9 rows do not show, in 82 to 86 % (HC3: 94 to 100 %); halfway between the two the latter is 87 to 92
% (200 tables a cell, seed 5150).

Source: MacKinnon & White 1985; Bell & McCaffrey 2002; Imbens & Kolesár 2016.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, I64
from fractalman.measure.surfaces import EFFICIENT, Surface

_SMALLEST = 1e-8  # standard deviation of ln L that rounding alone may leave
_LEVERAGE = 0.98  # the most that a row or a group may take of itself: beyond, its residual says nothing
_LOG_NORMAL = -0.6352  # mean of ln|z| of a standard normal z
_LOG_SPREAD = 1.2337  # variance of ln|z|
_FLAT = 1e-8  # singular values below this share of the largest are rounding
_DENSE = 1500  # rows up to which whole matrices are made
SHARED = 0.5  # groups count where scores are shared at this level: missing it costs more than a wider interval
_REAL = 1.5  # rows a group, on average, from which groups are no coincidences of sizes, and may stand for rows
SURE = 0.05  # below this level rows are sure to err together, and the errors are those between groups alone


@dataclass(frozen=True)
class Covariance:
    """What the errors of θ are made of.

    Parameters
    ----------
    bread : (p,) float64
        Inverse curvature of the cost at its minimum, of each parameter: the cost rises by half of δ²/bread.
    matrix : (p, p) float64
        Covariance of θ.
    degrees_of_freedom : (p,) float64
        Of each parameter's variance estimate.
    """

    bread: F64
    matrix: F64
    degrees_of_freedom: F64

    @property
    def standard_error(self) -> F64:
        """Of each entry of θ."""
        return np.sqrt(np.maximum(np.diag(self.matrix), 0.0))


@dataclass(frozen=True)
class Scores:
    """Rows' contributions to a fit, with what is expected of them.

    Parameters
    ----------
    score : (rows,) float64
        Residuals, bounded by the threshold.
    variance : (rows,) float64
        Of the scores under the modelled noise.
    influence : (rows, p) float64
        By how much a unit score of each row moves θ.
    left : (rows, p) float64
        Orthonormal columns whose products are the hat matrix.
    bread : (p,) float64
        As in `Covariance`.
    shape : (p, p) float64
        The whole inverse curvature, of which ``bread`` is the diagonal.
    flat : (p, p) float64
        Covariance along directions that the table leaves open; zeros where there are none.
    noise : (rows,) float64
        Modelled standard deviation of each row's ln L.
    """

    score: F64
    variance: F64
    influence: F64
    left: F64
    bread: F64
    shape: F64
    flat: F64
    noise: F64


def scores(surface: Surface, q: F64, threshold: float) -> Scores:
    """Return what every row contributes to the fit q of a table."""
    from scipy.special import erf

    residual, inner = surface.evaluated(q)
    jacobian = inner @ np.linalg.inv(surface.theta_of_q)
    length = np.maximum(np.sqrt(np.square(jacobian).sum(axis=0)), 1e-100)
    scaled = jacobian / length
    soft = np.minimum(1.0, threshold / np.maximum(np.abs(residual), 1e-300))
    leverage = np.minimum(np.square(_basis(scaled * np.sqrt(soft)[:, None])[0]).sum(axis=1), _LEVERAGE)
    undone = np.abs(residual) / np.sqrt(1.0 - leverage)
    noise = _modelled(surface, undone)
    if math.isfinite(threshold):
        u = threshold / noise
        curved = erf(u / math.sqrt(2.0))
        variance = noise**2 * (curved - u * math.sqrt(2.0 / math.pi) * np.exp(-0.5 * u * u))
        variance += threshold**2 * (1.0 - curved)
        band = max(threshold, EFFICIENT * 1.4826 * float(np.median(undone)))
        expected = float(erf(band / noise / math.sqrt(2.0)).mean())
        curved = curved * min(1.15, max(0.85, float((undone <= band).mean()) / max(expected, 1e-9)))
    else:
        curved, variance = np.ones_like(residual), noise**2
    curved = np.maximum(curved, 1e-12)
    left, singular, right = _basis(scaled * np.sqrt(curved)[:, None])
    bread = (right.T / singular**2) @ right
    # along what the table leaves open (singular values at rounding) scores say nothing: the error there is huge
    open_ = np.flatnonzero(singular <= _FLAT * singular[0])
    noise_there = max(float(variance.mean()), _SMALLEST**2) / float(curved.mean())
    flat = (right[open_].T / singular[open_] ** 2) @ right[open_] * noise_there
    return Scores(
        np.clip(residual, -threshold, threshold), variance, scaled @ bread / length,
        left, np.diag(bread) / length**2, bread / np.outer(length, length), flat / np.outer(length, length), noise,
    )  # fmt: skip


def _basis(columns: F64) -> tuple[F64, F64, F64]:
    """Return the singular value decomposition; what is only rounding takes nothing of any row."""
    left, singular, right = np.linalg.svd(columns, full_matrices=False)
    left = left * (singular > _FLAT * singular[0])
    return left, np.maximum(singular, _FLAT * max(float(singular[0]), 1e-100)), right


def _modelled(surface: Surface, size: F64) -> F64:
    """Return the noise of each row: residuals as a power law of the sizes, drawn to a constant where unclear."""
    floor = max(1e-3 * float(np.median(size)), _SMALLEST)
    x = surface.x - surface.x.mean(axis=1, keepdims=True)
    y = np.log(np.maximum(size, floor))
    slopes = np.linalg.lstsq(x.T, y - y.mean(), rcond=1e-8)[0]
    trend = slopes @ x
    clear = float(trend @ trend) / len(x) / _LOG_SPREAD
    trend = trend * max(0.0, 1.0 - 1.0 / max(clear, 1e-9))
    return np.asarray(np.maximum(np.exp(y.mean() - _LOG_NORMAL + np.clip(trend, -6.0, 6.0)), _SMALLEST))


def between_rows(found: Scores) -> Covariance:
    """Return the covariance of θ where rows err independently, each with a noise of its own (HC3)."""
    leverage = np.square(found.left).sum(axis=1)
    grown = found.influence / np.maximum(1.0 - leverage, 1.0 - _LEVERAGE)[:, None]
    moved = grown * found.score[:, None]
    squares = np.square(grown)
    if len(leverage) <= _DENSE:
        whole = np.eye(len(leverage)) - found.left @ found.left.T
        inner = (whole * found.variance) @ whole
        trace = squares.T @ np.diag(inner)
        frobenius = np.einsum("ik,ij,jk->k", squares, np.square(inner), squares)
    else:  # of so many rows what one takes from another hardly counts
        own = found.variance * (1.0 - leverage)
        trace, frobenius = squares.T @ own, np.square(squares).T @ np.square(own)
    extra = grown.T @ grown * _SMALLEST**2
    return Covariance(found.bread, moved.T @ moved + extra + found.flat, _freedom(trace, frobenius))


def between_groups(found: Scores, groups: I64) -> Covariance:
    """Return the covariance of θ where rows of one group may err together (CR2); groups are numbered 0, 1, …"""
    count, p = int(groups.max()) + 1, found.influence.shape[1]
    sums = np.zeros((count, p))
    vectors = np.zeros((count, len(groups), p))
    for g in range(count):
        member = np.flatnonzero(groups == g)
        block = np.eye(member.size) - found.left[member] @ found.left[member].T
        values, basis = np.linalg.eigh(block)
        undo = (basis / np.sqrt(np.maximum(values, 1.0 - _LEVERAGE))) @ basis.T
        vectors[g, member] = undo @ found.influence[member]
        sums[g] = found.score[member] @ vectors[g, member]
    trace, frobenius = np.empty(p), np.empty(p)
    varied = found.left * found.variance[:, None]
    for k in range(p):  # V(1 − H)Ω(1 − H)Vᵀ, Ω the scores' variances
        v = vectors[:, :, k]
        seen, weighed = v @ found.left, v @ varied
        crossed = (v * found.variance) @ v.T - weighed @ seen.T - seen @ weighed.T
        crossed += seen @ (found.left.T @ varied) @ seen.T
        crossed = crossed / max(float(np.abs(crossed).max()), 1e-300)
        trace[k], frobenius[k] = np.trace(crossed), np.square(crossed).sum()
    extra = np.einsum("gik,gil->kl", vectors, vectors) * _SMALLEST**2
    return Covariance(found.bread, sums.T @ sums + extra + found.flat, _freedom(trace, frobenius))


def _freedom(trace: F64, frobenius: F64) -> F64:
    return np.asarray(np.maximum(np.square(trace / np.sqrt(np.maximum(frobenius, 1e-300))), 1.0))


def shared(found: Scores, groups: I64, along: F64) -> float:
    """Return the p-value of a test that rows of one group err independently of each other.

    Two kinds of what a group may have in common are looked for: an offset, and a tilt along ``along``, which leaves the
    group's mean where it was. The second is asked less often than it would be by itself: the smaller of the offset's p
    and three times the tilt's is returned.
    """
    sizes = np.bincount(groups)
    offset = 1.0 / np.sqrt(sizes[groups])
    far = along - np.bincount(groups, along)[groups] / sizes[groups]
    length = np.sqrt(np.bincount(groups, far * far))
    tilted = (sizes > 2) & (length > 1e-9 * max(1.0, float(np.abs(along).max())))
    tilt = np.where(tilted[groups], far / np.where(tilted, length, 1.0)[groups], 0.0)
    return min(_explained(found, groups, offset), 3.0 * _explained(found, groups, tilt), 1.0)


def _explained(found: Scores, groups: I64, shape: F64) -> float:
    """Return the p-value of scores having a component of this shape in every group, each with a size of its own.

    The shape has length 1 within a group, or is 0 all over it. Of each such component the fit has taken a part.
    """
    from scipy.special import fdtrc

    z = found.score / np.sqrt(np.maximum(found.variance, 1e-300))

    def explains(column: F64) -> float:
        return float(np.square(np.bincount(groups, column * shape)).sum())

    rows, p = found.left.shape
    between = np.unique(groups[shape != 0.0]).size - sum(explains(column) for column in found.left.T)
    within = rows - p - between
    if between < 0.5 or within < 0.5:
        return 1.0
    explained = explains(z)
    rest = max(float(z @ z) - explained, 1e-300)
    return float(fdtrc(between, within, explained / between / (rest / within)))


def honest(found: Scores, groupings: Sequence[tuple[I64, F64]]) -> tuple[Covariance, tuple[float, ...]]:
    """Return the covariance that is printed, and the p-values of rows erring independently, one for each grouping.

    A grouping is a number for every row (its model size, its data size) and what its groups may tilt along. Errors are
    those between rows where nothing speaks against it, between groups where rows of a group are sure to err together,
    those of both groupings where both are. In between, and where hardly two rows are of one group, the larger is taken
    parameter by parameter: what is shared within a model size widens the errors of the model's terms and hides from
    those of the data's.
    """
    rows = between_rows(found)
    p_values = tuple(shared(found, groups, along) for groups, along in groupings)
    sure: list[Covariance] = []
    unsure: list[Covariance] = []
    for p_value, (groups, _) in zip(p_values, groupings, strict=True):
        if p_value < SHARED:
            (sure if certain(p_value, groups) else unsure).append(between_groups(found, groups))
    if len(sure) > 1:
        sure.append(_crossed(rows, sure))
    return _widest([*(sure or [rows]), *unsure]), p_values


def certain(p_value: float, groups: I64) -> bool:
    """Whether rows of a group are sure to err together, and groups are more than coincidences of sizes."""
    return p_value < SURE and len(groups) >= _REAL * (int(groups.max()) + 1)


def _crossed(rows: Covariance, grouped: Sequence[Covariance]) -> Covariance:
    """Return the covariance of errors shared in two ways: what each adds to that of rows, and at least the larger."""
    base = np.diag(rows.matrix)
    each = np.array([np.diag(one.matrix) for one in grouped])
    part = np.maximum(each - base, 0.0)
    variance = np.maximum(base + part.sum(axis=0), each.max(axis=0))
    larger = np.argmax(each, axis=0)
    freedom = np.array([one.degrees_of_freedom for one in grouped])[larger, np.arange(len(larger))]
    matrix = grouped[int(np.argmax((each / np.maximum(each.max(axis=0), 1e-300)).sum(axis=1)))].matrix
    scale = np.sqrt(variance / np.maximum(np.diag(matrix), 1e-300))
    return Covariance(rows.bread, matrix * np.outer(scale, scale), freedom)


def _widest(given: Sequence[Covariance]) -> Covariance:
    """Return a covariance whose intervals are the widest of those given, parameter by parameter."""
    if len(given) == 1:
        return given[0]
    from scipy.special import stdtrit

    errors = np.array([one.standard_error for one in given])
    freedom = np.array([one.degrees_of_freedom for one in given])
    widest = np.argmax(stdtrit(freedom, 0.975) * errors, axis=0)
    often = np.bincount(widest, minlength=len(given))
    matrix = given[len(given) - 1 - int(np.argmax(often[::-1]))].matrix
    each = np.arange(len(widest))
    scale = errors[widest, each] / np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    return Covariance(given[0].bread, matrix * np.outer(scale, scale), freedom[widest, each])
