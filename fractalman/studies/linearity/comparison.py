"""Exponents of local linear problems predicted from local spectra, against measured, over many data sets and networks.

A data set is one measurement: its networks, layers and scales share points. Of the places (network, layer, scale) that
are resolved (see `fractalman.studies.linearity.result`) three questions are asked:

- **bias**: the mean over data sets of their mean difference, measured − predicted, with a Student-t interval over data
  sets. The law is *biased* where that interval does not hold 0.
- **order**: the predictions change places, at random, among the places of a data set; ``p_value`` is the part of such
  arrangements whose mean |measured − predicted| is as small as the true one's. At most .05: the spectrum *tells places
  apart*. Large: a law that is right on average alone.
- **slope** of measured on predicted, both less their data set's mean, with an interval over data sets (jackknife): 1
  where the law holds, 0 where it knows the means of data sets at best.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError
from fractalman.measure.scaling import student_t
from fractalman.random.streams import Role, key64, permutation
from fractalman.studies.base import Row

ARRANGEMENTS = 2000
_LEAST = 2


@dataclass(frozen=True)
class Agreement:
    """How predicted and measured exponents compare.

    Args:
        sets: data sets that have a resolved place. places: resolved ones. unresolved: others. agree: of the resolved,
            |difference| ≤ `TOLERANCE` + half-width. bias, bias_half_width: over data sets.
        distance: mean |measured − predicted|. exchanged: the same over arrangements. p_value: see above. slope,
            slope_half_width: of measured on predicted within data sets, nan where only one has several predictions.
    """

    sets: int
    places: int
    unresolved: int
    agree: int
    bias: float
    bias_half_width: float
    distance: float
    exchanged: float
    p_value: float
    slope: float
    slope_half_width: float

    @property
    def biased(self) -> bool:
        """Whether the law is off on average, at 5 %."""
        return abs(self.bias) > self.bias_half_width

    @property
    def tells_apart(self) -> bool:
        """Whether predictions stand nearer to their places than to others, at 5 %."""
        return self.p_value <= 0.05


def agreement(exponents: Mapping[str, Sequence[Row]], seed: int = 0) -> Agreement:
    """Compare the exponents of several data sets.

    Args:
        exponents: data set → rows of `LinearityResult.exponents`, of one target and of all its networks. seed: of the
            arrangements.
    Errors: RecipeError for fewer than two data sets with a resolved exponent.
    """
    told = {name: [row for row in rows if row["agrees"] is not None] for name, rows in exponents.items()}
    told = {name: rows for name, rows in told.items() if rows}
    if len(told) < _LEAST:
        raise RecipeError(f"{len(told)} data sets with a resolved exponent: expected {_LEAST} and more")
    measured = [np.array([row["measured"] for row in rows]) for rows in told.values()]
    predicted = [np.array([row["predicted"] for row in rows]) for rows in told.values()]
    gaps = [a - b for a, b in zip(measured, predicted, strict=True)]
    bias, half = _over_sets(np.array([gap.mean() for gap in gaps]))
    distance = float(np.mean(np.abs(np.concatenate(gaps))))
    arranged = np.array([_arranged(measured, predicted, key64(seed, Role.MEASUREMENT, k)) for k in range(ARRANGEMENTS)])
    slope, slope_half = _slope(measured, predicted)
    places = sum(len(rows) for rows in told.values())
    return Agreement(
        sets=len(told), places=places, unresolved=sum(map(len, exponents.values())) - places,
        agree=sum(bool(row["agrees"]) for rows in told.values() for row in rows), bias=bias, bias_half_width=half,
        distance=distance, exchanged=float(arranged.mean()),
        p_value=float((1 + np.sum(arranged <= distance * (1.0 + 1e-12))) / (1 + ARRANGEMENTS)),
        slope=slope, slope_half_width=slope_half,
    )  # fmt: skip


def _arranged(measured: Sequence[F64], predicted: Sequence[F64], key: int) -> float:
    gaps = [
        np.abs(a - b[permutation(key64(key, Role.MEASUREMENT, i), b.size)])
        for i, (a, b) in enumerate(zip(measured, predicted, strict=True))
    ]
    return float(np.mean(np.concatenate(gaps)))


def _slope(measured: Sequence[F64], predicted: Sequence[F64]) -> tuple[float, float]:
    """Return the slope within data sets and its half-width: they are left out one by one (jackknife)."""
    products = np.array(
        [
            (np.sum((a - a.mean()) * (b - b.mean())), np.sum(np.square(b - b.mean())))
            for a, b in zip(measured, predicted, strict=True)
        ]
    )
    products = products[products[:, 1] > 0.0]
    k, total = len(products), products.sum(axis=0)
    if k < _LEAST:
        return math.nan, math.nan
    without = total - products
    slopes = without[:, 0] / without[:, 1]
    half = student_t(k - 1) * math.sqrt((k - 1) / k * float(np.square(slopes - slopes.mean()).sum()))
    return float(total[0] / total[1]), half


def _over_sets(values: F64) -> tuple[float, float]:
    return float(values.mean()), student_t(values.size - 1) * float(values.std(ddof=1)) / math.sqrt(values.size)
