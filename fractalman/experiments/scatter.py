"""How much the mean over replicates scatters, also where there are two of them.

A replicate's number (its mean ratio to a curve, its slope) differs from the next one's because the structure is
another one and because labels are drawn anew. Both are known apart from the replicates' own scatter: the predicted
curve is known structure by structure, and a replicate has several label vectors on one structure. Their variances and
that of the replicates are pooled, weighted by their degrees of freedom, so that two replicates have more than one of
these. Where replicates scatter significantly more than that, whatever makes them (a learner's own randomness, labels
that are not the recipe's) is not in the parts, and their own scatter alone counts. Measured over 1500 trials each, 95
% intervals hold the truth in .95 to .96 with 2, 3 and 5 replicates (skewed risks .94 to .96), and are .43, .68 and .86
times as wide as those of the replicates alone; with a scatter that no part knows, four times the labels', in .80, .91
and .95.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64

SIGNIFICANCE = 0.1
"""Replicates scatter more than their parts explain where so large an excess, or a larger one, was found."""


@dataclass(frozen=True)
class Scatter:
    """Standard errors of means over replicates.

    Parameters
    ----------
    standard_error : (k,) float64
        Of k numbers.
    degrees_of_freedom : (k,) float64
        Of each, for Student's t; real where variances were pooled.
    """

    standard_error: F64
    degrees_of_freedom: F64


def scatter_of(values: F64, draws: F64 | None = None, structures: F64 | None = None) -> Scatter:
    """Return the standard errors of k means over replicates.

    Parameters
    ----------
    values : (S, k) float64
        A number of every replicate, S ≥ 2.
    draws : (S, m, k) float64, optional
        The same of every label vector alone, whose mean over m is ``values``.
    structures : (D, k) float64, optional
        What a replicate is expected to have, over labels, on D structures that are drawn like the replicates', in the
        unit of ``values``.

    Returns
    -------
    Scatter
        Of the replicates alone where one of the other two is missing.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> structures, labels = rng.normal(size=(8, 1)), rng.normal(size=(2, 16, 1))
    >>> draws = structures[:2, None] + labels
    >>> alone = scatter_of(draws.mean(axis=1)).degrees_of_freedom
    >>> (alone < scatter_of(draws.mean(axis=1), draws, structures).degrees_of_freedom).tolist()
    [True]
    """
    seeds, count = values.shape
    own, freedom = values.var(axis=0, ddof=1), float(seeds - 1)
    plain = Scatter(np.sqrt(own / seeds), np.full(count, freedom))
    if draws is None or structures is None or draws.shape[1] < 2 or len(structures) < 2:
        return plain
    from scipy.special import fdtrc

    between, structure_freedom = structures.var(axis=0, ddof=1), float(len(structures) - 1)
    within, label_freedom = draws.var(axis=1, ddof=1).mean(axis=0) / draws.shape[1], float(seeds * (draws.shape[1] - 1))
    parts = between + within
    known = parts > 0.0
    safe = np.where(known, parts, 1.0)
    parts_freedom = safe**2 / (between**2 / structure_freedom + within**2 / label_freedom + np.where(known, 0.0, 1.0))
    pooled = (freedom * own + parts_freedom * parts) / (freedom + parts_freedom)
    usable = known & (fdtrc(freedom, parts_freedom, own / safe) > SIGNIFICANCE)
    return Scatter(
        np.where(usable, np.sqrt(pooled / seeds), plain.standard_error),
        np.where(usable, freedom + parts_freedom, plain.degrees_of_freedom),
    )


def relative_scatter(residuals: F64) -> float | None:
    """Return how risks of single label vectors scatter about their mean, as a share of it, where labels are Gaussian.

    A risk is then a quadratic form, Σ e²/t with residuals e ~ N(0, R): its mean is tr R/t and its variance 2 tr R²/t².
    Products of the residuals of *different* label vectors estimate tr R² without bias, E(e_a·e_b)² = tr R². Where few
    directions hold most of the variance, risks have a long tail to the right, and their sample variance is too small
    exactly when their mean is: errors from it are too small for every risk that happens to be low.

    Parameters
    ----------
    residuals : (t, m) float64
        Prediction less label at t test points, of m label vectors.

    Returns
    -------
    float or None
        √(2 tr R²)/tr R; None with fewer than three label vectors, or where it is not resolved.

    Examples
    --------
    >>> import numpy as np
    >>> one_direction = np.ones((4, 1)) * np.random.default_rng(0).normal(size=2000)
    >>> round(relative_scatter(one_direction), 1)  # a squared normal: √2
    1.4
    """
    draws = residuals.shape[1]
    if draws < 3 or not np.isfinite(residuals).all():
        return None
    products = residuals.T @ residuals
    own = np.diagonal(products)
    square = float((np.square(products).sum() - np.square(own).sum()) / (draws * (draws - 1)))
    trace = float(own.mean())
    return math.sqrt(2.0 * square) / trace if square > 0.0 and trace > 0.0 else None


def joined(variances: F64, freedoms: F64) -> F64:
    """Return the degrees of freedom of sums of independent variances (Satterthwaite), along the first axis.

    Examples
    --------
    >>> import numpy as np
    >>> joined(np.array([[1.0], [1.0]]), np.array([[4.0], [4.0]])).tolist()
    [8.0]
    >>> joined(np.array([[1.0], [0.0]]), np.array([[4.0], [1.0]])).tolist()
    [4.0]
    """
    total, parts = variances.sum(axis=0), (variances**2 / freedoms).sum(axis=0)
    return np.asarray(np.where(parts > 0.0, total**2 / np.where(parts > 0.0, parts, 1.0), freedoms.max(axis=0)))
