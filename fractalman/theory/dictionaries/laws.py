"""Laws of dictionaries whose features have a power law of sizes: in the width, and in the number of points."""

from __future__ import annotations

import math

import numpy as np

from fractalman._typing import F64
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.theory.laws.law import Law
from fractalman.theory.laws.sources import Source

QUANTA = Source(
    "Michaud et al. 2023, arXiv 2303.13506", "quanta of a power law of rates: ζ − 1 in width, (ζ − 1)/ζ in data"
)
MANIFOLDS = Source(
    "Michaud, Gorton, McGrath 2025, arXiv 2509.02565",
    "a sparse autoencoder's loss in its width, for features of a power law of rates; steeper curves of single features",
    "abstract",
)


def width_law(rank_exponent: float) -> Law:
    """Return how a dictionary's error falls with its width and with the points, where the r-th feature has p ~ r^−ζ.

    Parameters
    ----------
    rank_exponent : float
        ζ > 0; 2 for subclusters of a critical cluster (subclusters of s points or more ~ s^−1/2), 1 for regular trees.

    Returns
    -------
    Law
        Model exponent ζ − 1 and data exponent (ζ − 1)/ζ for ζ > 1; none for ζ ≤ 1, where every scale holds as much as
        the next.

    Raises
    ------
    RecipeError
        For ζ that is not above 0.

    Notes
    -----
    Source: docs/theory.md §8.

    The width's: what w units leave out is Σ p_r over r > w. The points': a feature is learned from a number of points
    that have it (`learned_cosine`), so n points teach the features with p > c/n, the first (n/c)^(1/ζ).

    Examples
    --------
    >>> law = width_law(2.0)
    >>> law.model_exponent, law.data_exponent
    (1.0, 0.5)
    >>> width_law(1.0).model_exponent is None
    True
    """
    if not rank_exponent > 0.0 or math.isinf(rank_exponent):
        raise RecipeError(f"rank_exponent = {shown(rank_exponent)}: expected a finite number above 0")
    name = "features by decreasing share of the points"
    domain = (
        "orthogonal directions, magnitudes that do not depend on size, faithful units, widths between the largest "
        "features' and the number of features, units a point not limiting; points: as many as they must be, once each"
    )
    source = "docs/theory.md §8"
    evidence = (
        "argued, and held against exact sums and drawn clusters; trained dictionaries of a cluster with many units a "
        "point agree within .32 of the exponent, those with few or dear ones do not (datasets/reference/RECOVERY.md)"
    )
    inputs = {"ζ": float(rank_exponent)}
    if rank_exponent <= 1.0:
        return Law.none(
            name,
            "the error falls with the logarithm of the width at the most: features of all sizes hold as much",
            because=f"Σ r^−{rank_exponent:g} has no limit: what is left out is set by the smallest features",
            nearest="the same for ζ > 1",
            domain=domain,
            source=source,
            evidence=evidence,
            inputs=inputs,
        )
    return Law(
        name=name,
        statement=f"error ~ w^−{rank_exponent - 1:g} at many points, ~ n^−{1 - 1 / rank_exponent:g} at many units",
        data_exponent=1.0 - 1.0 / rank_exponent,
        model_exponent=rank_exponent - 1.0,
        source=source,
        evidence=evidence,
        reason=f"w units leave out Σ p_r ~ r^−{rank_exponent:g} over r > w; n points teach the features of p > c/n",
        domain=domain,
        inputs=inputs,
        irreducible=0.0,
        references=(QUANTA, MANIFOLDS),
    )


def learned_cosine(points: F64 | float, signal: float, scatter: float) -> F64:
    """Return the cosine with the truth of a feature's direction, estimated from the points that have it.

    Parameters
    ----------
    points : array or float
        Number of points with the feature, n·p.
    signal : float
        Mean magnitude.
    scatter : float
        Trace of the covariance of everything else in those points, the magnitude's own variation along the direction
        left out.

    Returns
    -------
    float64 array
        √(points·signal² / (points·signal² + scatter)).

    Raises
    ------
    RecipeError
        For numbers below 0, or no signal.

    Notes
    -----
    Source: docs/theory.md §8.

    Of the mean of the points that have it, less the mean of what they would be without it, by one who knows which have
    it; an encoder that must find that out needs more. To reach a cosine c, n ≥ c²/(1 − c²) · scatter/(p·signal²): the
    rarer, the more, in proportion to 1/p.

    Examples
    --------
    >>> learned_cosine(3.0, 1.0, 1.0).round(4).item()
    0.866
    """
    count = np.asarray(points, np.float64)
    if not (np.isfinite(count).all() and (count >= 0).all() and signal > 0.0 and scatter >= 0.0):
        raise RecipeError(
            f"signal = {shown(signal)}, scatter = {shown(scatter)}: expected both and points from 0 up, signal above 0"
        )
    own = count * signal**2
    whole = own + scatter
    return np.sqrt(np.divide(own, whole, out=np.zeros_like(own), where=whole > 0.0))
