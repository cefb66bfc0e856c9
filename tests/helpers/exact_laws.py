"""Helpers of the statistical tests: one family-wise false-alarm budget, and the tests that spend it.

All exact-law tests of the fast suite together may raise a false alarm once in 10^4 choices of the fixed seeds; a test
passes when its p-value exceeds its share. Every one has a negative control, which must fall below 10^-9.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

FAMILY = 334
"""Tests that share the budget; raise it when adding more."""

THRESHOLD = 1e-4 / FAMILY
REJECTED = 1e-9


def chi_square(observed: Sequence[float], probability: Sequence[float], least: float = 8.0) -> float:
    """p-value of counts against exact probabilities; cells expected below ``least`` are pooled from the end.

    ``probability`` may sum to less than 1: the rest is the last cell.
    """
    counts, law = np.asarray(observed, float), np.asarray(probability, float)
    total = counts.sum()
    cells: list[list[float]] = []
    for c, p in zip(counts, law, strict=True):
        if cells and cells[-1][1] * total < least:
            cells[-1][0] += c
            cells[-1][1] += p
        else:
            cells.append([float(c), float(p)])
    cells.append([0.0, max(0.0, 1.0 - law.sum())])
    while len(cells) > 1 and cells[-1][1] * total < least:
        c, p = cells.pop()
        cells[-1][0] += c
        cells[-1][1] += p
    o, e = np.array([c for c, _ in cells]), np.array([p for _, p in cells]) * total
    return float(stats.chi2.sf(((o - e) ** 2 / e).sum(), len(cells) - 1))


def z_test(sample: Sequence[float], mean: float) -> float:
    """Two-sided p-value of a sample's mean against an exact mean."""
    x = np.asarray(sample, float)
    return float(2 * stats.norm.sf(abs(x.mean() - mean) / (x.std(ddof=1) / np.sqrt(x.size))))
