"""Compiled passes over the angles between points, layer by layer of a wide network; arrays in, arrays out."""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import kernel

_TERMS = 24  # of the series, even


def _odd_series() -> tuple[float, ...]:
    """Return the coefficients of arcsin(√z)/√z in powers of z; the rest is below 10^-17 for z ≤ 1/4."""
    out = [1.0]
    for k in range(_TERMS - 1):
        out.append(out[k] * (2 * k + 1) ** 2 / ((2 * k + 2) * (2 * k + 3)))
    return tuple(out)


ARCSIN = np.array(_odd_series())
"""The series, for `next_layer`."""


@kernel
def next_layer(gaps, angles, series):  # type: ignore[no-untyped-def]
    """angles[i] = θ, 1 − cos of which is gaps[i], which becomes 1 − cos θ' of the next layer; nothing cancels.

    cos θ' = (sin θ + (π − θ) cos θ)/π, so that 1 − cos θ' = (θ − sin θ + (π − θ)(1 − cos θ))/π.

    Vectors of the processor take what has no branches: θ = 2 arcsin x of x² = (1 − cos θ)/2, beyond x = 1/2 by
    π − 4 arcsin √((1 − x)/2), 1 − x by 1 − x²; both by one series. A libm's arcsin and sin took three times as long as
    all of this.
    """
    for i in range(gaps.size):
        gap = gaps[i]
        square = 0.5 * gap
        square = 1.0 if square > 1.0 else square  # nan stays nan
        x = math.sqrt(square)
        near = square < 0.25
        z = square if near else 0.5 * (1.0 - square) / (1.0 + x)
        zz = z * z
        even, odd = series[_TERMS - 2], series[_TERMS - 1]
        for k in range(_TERMS - 4, -1, -2):
            even = even * zz + series[k]
            odd = odd * zz + series[k + 1]
        angle = math.sqrt(z) * (even + odd * z)
        theta = 2.0 * angle if near else math.pi - 4.0 * angle
        rest = 2.0 - gap
        sine = math.sqrt(gap * (0.0 if rest < 0.0 else rest))
        few = theta * theta
        excess = theta * few * (1.0 - few / 20.0) / 6.0 if theta < 1e-2 else theta - sine
        angles[i] = theta
        gaps[i] = (excess + (math.pi - theta) * gap) / math.pi
