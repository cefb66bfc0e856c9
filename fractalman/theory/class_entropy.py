"""The floor of cross-entropy where a class says on which side of a threshold a Gaussian label lies."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64, AnyFloat

_NODES, _END = 200, 10.0
"""Gauss–Legendre nodes, and the number of standard deviations beyond which an answer has no entropy (10⁻²¹ nats)."""
_HERMITE = 64


def class_entropy_floor(prior: AnyFloat, posterior: AnyFloat, threshold: float = 0.0) -> F64:
    """Return the least mean −ln(probability of the class) of anybody who knows the training *values*.

    Parameters
    ----------
    prior : float array
        Var y.
    posterior : float array
        Posterior variance of y, what `bayes_curve` and `gaussian_floor` return.
    threshold : float, default 0
        c; 0 is the sign.

    Returns
    -------
    float64
        E h(Φ((m − c)/s)) in nats over the posterior mean m ~ N(0, prior − s²), s² the posterior variance, h(p) the
        entropy of a coin. Whoever sees classes knows less, so the bound holds, and need not be reached.

    Notes
    -----
    docs/theory.md §4.1. By quadrature, to 1e-9: over m where it scatters by less than s, else over (m − c)/s.

    Examples
    --------
    >>> class_entropy_floor([1.0, 1.0, 1.0], [1.0, 0.5, 0.0]).round(4).tolist()
    [0.6931, 0.5, 0.0]
    """
    p = np.asarray(prior, np.float64)
    s2 = np.minimum(np.asarray(posterior, np.float64), p)
    p, s2 = np.broadcast_arrays(p, s2)
    out = np.zeros(p.shape)
    unsure = s2 > 0.0
    s = np.sqrt(s2[unsure])
    spread, centre = np.sqrt(p[unsure] - s2[unsure]) / s, -threshold / s
    out[unsure] = np.where(spread < 1.0, _over_means(centre, spread), _over_answers(centre, np.maximum(spread, 1.0)))
    return out


def _over_means(centre: F64, spread: F64) -> F64:
    """E h(Φ(u)), u ~ N(centre, spread²) of small spread, by Gauss–Hermite."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_HERMITE)
    return np.asarray(_entropy(centre[:, None] + np.minimum(spread, 1.0)[:, None] * nodes) @ weights / weights.sum())


def _over_answers(centre: F64, spread: F64) -> F64:
    """The same for a spread of 1 or more: the entropy lives near u = 0."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    u = _END * nodes
    density = np.exp(-0.5 * ((u - centre[:, None]) / spread[:, None]) ** 2) / (np.sqrt(2.0 * np.pi) * spread[:, None])
    return np.asarray(density @ (_END * weights * _entropy(u)))


def _entropy(u: F64) -> F64:
    """h(Φ(u)) in nats."""
    from scipy.special import log_ndtr, ndtr

    return np.asarray(-(ndtr(u) * log_ndtr(u) + ndtr(-u) * log_ndtr(-u)))
