"""Asymptotic exponents of one critical mean-field cluster: what its label trees say of risk as N → ∞ before n."""

from __future__ import annotations

from dataclasses import dataclass

from fractalman.config import shown
from fractalman.display import Display
from fractalman.errors import RecipeError


@dataclass(frozen=True)
class ClusterAsymptotics(Display):
    """How risk decays on one critical cluster, as N → ∞ before n does.

    Attributes
    ----------
    data_exponent : float
        α_D of a learner that sees distances only.
    logarithm : bool
        Whether L ~ ln(n)·n^−α_D.
    bayes_exponent : float
        α_D of the Bayes floor, which knows the hierarchy.
    bayes_logarithm : bool
        Whether the floor carries a logarithm.
    hurst_graph : float
        H_g, the label's variogram grows as (graph distance)^(2·H_g).
    amplitude : (float, float) or None
        (low, high) of C in L ≈ C ln(n)/√n for 1-NN, or None where none was measured.
    """

    data_exponent: float
    logarithm: bool
    bayes_exponent: float
    bayes_logarithm: bool
    hurst_graph: float
    amplitude: tuple[float, float] | None


def critical_cluster_asymptotics(label: str = "hierarchical", label_exponent: float = 0.0) -> ClusterAsymptotics:
    """Return the asymptotic laws of one critical mean-field cluster (graph dimension 2, Euclidean dimension 4).

    The variogram grows with the graph distance ℓ as ℓ^min(1, 1+4a), at a = 0 as ℓ ln(√N/ℓ), and the nearest of n
    points is √(N/n) edges away: α_D = min(1/2, 1/2 + 2a) for whoever sees distances only. The floor knows in which
    subcluster a point lies; what it misses are the latents of subclusters up to N/n sites and a stretch of the line on
    which they hang: α_D = min(1, 1/2 + 2a).

    Parameters
    ----------
    label : {"hierarchical", "brownian"}, default "hierarchical"
        How labels are made.
    label_exponent : float, default 0
        a > −1/4; Brownian labels have none.

    Returns
    -------
    ClusterAsymptotics
        Asymptotic laws of one critical mean-field cluster (graph dimension 2, Euclidean dimension 4).

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §2, §3.3, §4.

    Examples
    --------
    >>> law = critical_cluster_asymptotics()
    >>> law.data_exponent, law.logarithm, law.bayes_exponent
    (0.5, True, 0.5)
    """
    a = float(label_exponent)
    if label == "brownian":
        return ClusterAsymptotics(0.5, False, 0.5, False, 0.5, None)
    if label != "hierarchical" or not a > -0.25:
        raise RecipeError(
            f"label = {shown(label)} with label_exponent = {shown(a)}: expected 'hierarchical' with an exponent above "
            "-0.25, or 'brownian'"
        )
    return ClusterAsymptotics(
        data_exponent=min(0.5, 0.5 + 2.0 * a),
        logarithm=a == 0.0,
        bayes_exponent=min(1.0, 0.5 + 2.0 * a),
        bayes_logarithm=a == 0.25,
        hurst_graph=min(0.5, 0.5 + 2.0 * a),
        amplitude=(0.75, 0.82) if a == 0.0 else None,
    )
