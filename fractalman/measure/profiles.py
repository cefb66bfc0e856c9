"""Intervals from profiles: how far one parameter can go while all others follow, before the fit is too bad.

A profile is as lopsided as the parameter is: E ends at 0, an amplitude's interval is one on its logarithm, and where a
table leaves a parameter open the interval says so by having no end. How bad is too bad comes from a covariance that
need not be the fit's own (`sandwich`): the cost may rise by t²/2 times the ratio of the two variances.

Source: Chandler & Bate 2007 for profiles under a sandwich covariance.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._typing import F64, Bool
from fractalman.measure.surfaces import STEEPEST, Surface, solve


def profile_interval(
    surface: Surface, q: F64, threshold: float, index: int, step: float, rise: float
) -> tuple[float, float]:
    """Return the values of θ_index at which the cost, minimised over the rest, exceeds its least by ``rise``.

    Parameters
    ----------
    index : int
        Of θ = (α_1 … α_T, E, ln A_1 … ln A_T[, ρ]).
    step : float
        A standard error: the first guess of how far to go.
    rise : float
        By how much the cost may rise.

    Returns
    -------
    tuple of float
        In the caller's units; an end that the bounds of the search reach is 0, or ±inf, as the parameter has it.
    """
    t = surface.n_terms
    inside, slot, scale, shift = surface, 0, 1.0, 0.0
    if index < t:
        slot = 1 + t + index
    elif index == t:
        slot, scale = 0, surface.unit
    elif index <= 2 * t:  # an amplitude is a coordinate of the problem whose axis starts at 1
        slot, shift = index - t, math.log(surface.unit)
        centres = surface.centres.copy()
        centres[index - t - 1] = 0.0
        inside = surface.recentred(centres)
    else:
        slot = surface.n_parameters - 1
    start = inside.moved(surface, q)
    low, high = inside.bounds
    least = inside.cost(start, threshold)
    fixed = np.zeros(inside.n_parameters, np.bool_)
    fixed[slot] = True
    ends = []
    for side, bound in ((-1.0, low[slot]), (1.0, high[slot])):
        ends.append(_end(inside, start, threshold, slot, fixed, side, float(bound), step / scale, rise, least))
    out = [value * scale + shift for value in ends]
    if index <= t and index != t and ends[1] >= STEEPEST:
        out[1] = math.inf
    return float(out[0]), float(out[1])


def _end(
    surface: Surface, q: F64, threshold: float, slot: int, fixed: Bool, side: float, bound: float, step: float,
    rise: float, least: float,
) -> float:  # fmt: skip
    """Walk to one end: the root of √(rise of the cost) − √(rise allowed), nearly linear in the parameter."""
    wanted, origin = math.sqrt(rise), float(q[slot])

    def rose(value: float, near: F64) -> tuple[float, F64]:
        first = near.copy()
        first[slot] = value
        found = solve(surface, [first], threshold, fixed=fixed, tolerance=1e-9, steps=200)
        return math.sqrt(max(surface.cost(found, threshold) - least, 0.0)), found

    inner, inner_rise, near = origin, 0.0, q
    # along a flat valley a standard error is no guide: never so far that the others lose their way
    reach = min(max(step, 1e-9 * max(abs(origin), 1.0)), 0.3 * abs(origin) + 0.1)
    before: tuple[float, F64] | None = None
    for _ in range(60):
        outer = inner + side * reach
        stopped = side * (outer - bound) >= 0.0
        if stopped:
            outer = bound
        first = near
        if before is not None:  # the others go on as they went
            first = near + (near - before[1]) * (outer - inner) / (inner - before[0])
        outer_rise, at = rose(outer, first)
        if outer_rise >= wanted:
            break
        if stopped:
            return float(bound) if abs(bound) < 190.0 else side * math.inf
        before, inner, inner_rise, near = (inner, near), outer, outer_rise, at
        if outer_rise < 0.6 * wanted:
            reach = 2.0 * reach
        else:
            reach = max(0.6 * reach, (wanted - outer_rise) / wanted * reach)
    else:
        return side * math.inf
    for _ in range(12):  # the root lies between: regula falsi on nearly straight ground, halved now and then
        share = (wanted - inner_rise) / max(outer_rise - inner_rise, 1e-300)
        middle = inner + min(max(share, 0.05), 0.95) * (outer - inner)
        middle_rise, at = rose(middle, near)
        if abs(middle_rise - wanted) <= 0.005 * wanted:
            return middle
        if middle_rise >= wanted:
            outer, outer_rise = middle, middle_rise
        else:
            inner, inner_rise, near = middle, middle_rise, at
    return 0.5 * (inner + outer)
