"""The laws by themselves, from numbers: what the laws of recipes are put together from.

Symbols: D = dimension, H = Hurst exponent or smoothness of the target, ν = smoothness of a kernel, s = order of
quantization, α = exponent of cluster sizes, β = exponent of the error within one cluster.
"""

from __future__ import annotations

import math
from typing import Any

from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.theory.cluster_exponents import critical_cluster_asymptotics
from fractalman.theory.exponents import (
    Masses,
    moran_exponent_masses,
    quantization_exponent_masses,
)
from fractalman.theory.laws.law import Conflict, Law
from fractalman.theory.laws.sources import (
    ALDOUS,
    BAHRI,
    BRILL,
    BRILL_CLUSTER,
    GRAF_LUSCHGY,
    HUTTER,
    MICHAUD,
    SHARMA_KAPLAN,
    SPIGLER,
    YAROTSKY,
)

TIE = 1e-9
"""Exponents closer than this are equal: the law then carries a logarithm."""


def _positive(name: str, value: float, elsewhere: str) -> float:
    if not (value > 0.0 and not math.isnan(value)):
        raise RecipeError(f"{name} = {shown(value)}: expected a number above 0; the nearest law is {elsewhere}")
    return float(value)


# ---------------------------------------------------------------------------------------------------- self-similar sets


def moran(masses: Masses, ratios: Masses | float, hurst: float) -> Law:
    """Return the data law of noiseless local interpolation on a self-similar measure: E Σ p_i^(1−β) r_i^(2H) = 1.

    Parameters
    ----------
    masses : sequence of float, or of such sequences
        p_i > 0, summing to 1; a sequence of such sequences = equally likely kinds of node.
    ratios : float, or as masses
        r_i in (0, 1), one for all or one per mass.
    hurst : float
        Hurst exponent, H > 0.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §3.1.
    """
    beta = moran_exponent_masses(masses, ratios, hurst)
    return Law(
        name="Moran equation",
        statement=f"E Σ_i p_i^(1−β) r_i^(2H) = 1: β = {beta:.6g}",
        data_exponent=beta,
        model_exponent=None,
        source="renewal at the root, docs/theory.md §3.1",
        evidence="checked: six cascades, n = 128…16384, 24 seeds",
        reason="of a label's levels only those below the smallest cell that holds a training point are wrong, and "
        "every child's cell repeats the whole at its own scale",
        domain="noiseless labels on a self-similar measure, and a learner that resolves cells of mass 1/n",
        inputs={"p": masses, "r": ratios, "H": hurst},
        computed=("β, the root of the equation",),
    )


def order_of(smoothness: float, degree: int) -> float:
    """Return s = 2·min(smoothness, degree + 1), the order at which pieces of a polynomial degree quantize a target."""
    return 2.0 * min(smoothness, degree + 1.0)


def quantization(masses: Masses, ratios: Masses | float, order: float) -> Law:
    """Return the model law of the best P cells on a self-similar measure, of order s.

    Parameters
    ----------
    masses : sequence of float, or of such sequences
        p_i > 0, summing to 1; a sequence of such sequences = equally likely kinds of node.
    ratios : float, or as masses
        r_i in (0, 1), one for all or one per mass.
    order : float
        s > 0, `order_of` the target and the pieces; 2H for a label that is constant on cells.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: Graf & Luschgy 2000; docs/theory.md §3.2.
    """
    alpha = quantization_exponent_masses(
        masses, ratios, _positive("order", order, "none: a constant needs no cells") / 2
    )
    return Law(
        name="optimal quantization",
        statement=f"E Σ_i (p_i r_i^s)^(D_s/(s+D_s)) = 1, s = {order:g}: α_P = s/D_s = {alpha:.6g}",
        data_exponent=None,
        model_exponent=alpha,
        source="Graf & Luschgy 2000, docs/theory.md §3.2",
        evidence="checked for quantizers within .003 on three cascades; open for networks",
        reason="P cells are best spent where they lower the risk most, and then all of them pay the same",
        domain="the best P cells with infinitely many data",
        inputs={"p": masses, "r": ratios, "s": order},
        computed=("the root of the equation",),
        references=(GRAF_LUSCHGY,),
    )


# ---------------------------------------------------------------------------------------------------- one cluster


def critical_cluster(label: str = "hierarchical", label_exponent: float = 0.0, floor: bool = False) -> Law:
    """Return the law of one critical mean-field cluster.

    Parameters
    ----------
    label : str, default "hierarchical"
        "hierarchical" or "brownian".
    label_exponent : float, default 0
        Exponent of the labels' variance, a > −1/4.
    floor : bool, default False
        The law of the Bayes floor, which knows the hierarchy, instead of that of distances.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §3.3.
    """
    if label == "cluster-constant":
        raise RecipeError(
            "label = 'cluster-constant' on one cluster is one constant: no law; the nearest law is that of power-law "
            "clusters, an ensemble with ensemble = 'size-biased'"
        )
    found = critical_cluster_asymptotics(label, label_exponent)
    inputs: dict[str, Any] = {"D_g": 2, "label": label}
    if label == "hierarchical":
        inputs["a"] = label_exponent
    if floor:
        logarithm = float(found.bayes_logarithm)
        statement = "unseen latents lie in subclusters of at most N/n sites: α_D = min(1, 1/2 + 2a)"
        if label == "brownian":
            statement = "variogram ~ ℓ, nearest of n points ~ √(N/n) edges away: α_D = 1/2"
        return Law(
            name="critical cluster, Bayes floor",
            statement=statement + (", with a logarithm" if logarithm else ""),
            data_exponent=found.bayes_exponent,
            model_exponent=None,
            data_logarithms=logarithm,
            source="docs/theory.md §3.3 and §4",
            evidence="argued; checked: N = 2·10⁶, 8 trees, n = 64…16384: slopes .23, .44, .68, .88, .96 for "
            "a = −.125, 0, .125, .25, .5, a little below the asymptotes",
            reason="belief propagation knows which subcluster a point lies in, and not only how far its neighbour is",
            domain="one critical mean-field cluster, 1 ≪ n ≪ N, a > −1/4",
            inputs=inputs,
            computed=("α_D from the sizes of the subclusters that hold no training point",),
            references=(BRILL_CLUSTER,),
            attained=False,
        )
    statement = "variogram ~ ℓ^(2H_g), nearest of n points ~ √(N/n) edges away: α_D = 2H_g/2 = min(1/2, 1/2 + 2a)"
    if label == "brownian":
        statement = "variogram ~ ℓ, nearest of n points ~ √(N/n) edges away: α_D = 1/2"
    if found.logarithm:
        statement += ", with a logarithm: L ≈ C ln(n)/√n, C = .75–.82"
    return Law(
        name="critical cluster",
        statement=statement,
        data_exponent=found.data_exponent,
        model_exponent=found.data_exponent,
        data_logarithms=float(found.logarithm),
        model_logarithms=float(found.logarithm),
        source="docs/theory.md §3.3; model: s/D with p_i = r_i^D, §3.2",
        evidence="checked: C = .75–.82 for n = 32…32768 at a = 0; finite-size slopes for a = −.2, −.125, .25, .5",
        reason="the error is the variogram at the nearest training point; graph and Euclidean metric agree",
        domain="one critical mean-field cluster, 1 ≪ n ≪ N, a > −1/4, and a learner that sees distances only",
        inputs=inputs | {"2H_g": 2.0 * found.hurst_graph},
        computed=("2H_g = min(1, 1 + 4a) from the cut tree's variogram, α_D = 2H_g/2 with graph dimension 2",),
        references=(BRILL_CLUSTER, BRILL, ALDOUS),
        attained=False,
    )


# -------------------------------------------------------------------------------------------------- power-law clusters


def subtasks(
    alpha: float,
    within_data: float,
    within_model: float | None = None,
    *,
    within_data_logarithms: float = 0.0,
    within_model_logarithms: float = 0.0,
) -> Law:
    """Return the laws of clusters with probabilities ~ k^−(1+α) and error x^−β ln^m x within a cluster of x samples.

    α_D = min(α/(1+α), β) and α_P = min(α, β_P). Where they tie, n^−α_D gains one logarithm more than the error within
    clusters has, and P^−α_P gains 1 + α_P more: the samples of all clusters count alike, and cells are spread evenly
    over the logarithm of the rank.

    Parameters
    ----------
    alpha : float
        Exponent, α > 0.
    within_data : float
        β > 0, infinite for labels that are constant on clusters.
    within_model : float or None, default None
        β_P, the same for cells within a cluster; None = as within_data.
    within_data_logarithms : float, default 0
        m ≥ 0.
    within_model_logarithms : float, default 0
        m ≥ 0.

    Raises
    ------
    RecipeError
        For α ≤ 0 (no finite total without a cutoff).

    Notes
    -----
    Source: docs/theory.md §3.4.
    """
    _positive("alpha", alpha, "that of the number-weighted ensemble, which has no power law")
    beta = _positive("within_data", within_data, "none: within clusters nothing is learned")
    beta_p = beta if within_model is None else _positive("within_model", within_model, "none: cells teach nothing")
    seen = alpha / (1.0 + alpha)
    data, data_logs = _lesser(seen, beta, within_data_logarithms, 1.0)
    model, model_logs = _lesser(alpha, beta_p, within_model_logarithms, 1.0 + alpha)
    tie = ", a tie" if data_logs > within_data_logarithms else ""
    return Law(
        name="power-law clusters",
        statement=f"probabilities ~ k^−(1+α), error within a cluster ~ x^−β: α_D = min(α/(1+α), β) = "
        f"min({seen:.4g}, {beta:.4g}) = {data:.4g}{tie}; α_P = min(α, β_P) = min({alpha:.4g}, {beta_p:.4g}) = "
        f"{model:.4g}",
        data_exponent=data,
        model_exponent=model,
        data_logarithms=data_logs,
        model_logarithms=model_logs,
        source="docs/theory.md §3.4",
        evidence="checked by summing over the clusters, ties included",
        reason="a cluster's error is all of it until its first sample, and then that of the x ≈ n·p_k samples in it",
        domain="probabilities that fall as a power of the rank without a cutoff, independent clusters",
        inputs={"α": alpha, "β": beta, "β_P": beta_p},
        computed=("both minima and the logarithms of their ties",),
        references=(HUTTER, MICHAUD, BRILL),
    )


def _lesser(outer: float, inner: float, inner_logs: float, tie_logs: float) -> tuple[float, float]:
    """The smaller exponent and its logarithms; ``tie_logs`` more where they tie."""
    if abs(outer - inner) <= TIE:
        return outer, inner_logs + tie_logs
    return (outer, 0.0) if outer < inner else (inner, inner_logs)


# ---------------------------------------------------------------------------------------------------- smooth manifolds


def neighbours_on_manifold(dim: float, hurst: float) -> Law:
    """Return the law of nearest neighbours on a D-dimensional manifold: 2·min(H, 1)/D, a logarithm at H = 1.

    Parameters
    ----------
    dim : float
        Dimension, D > 0.
    hurst : float
        Hurst exponent, H > 0, the field's spectral density falls as |ω|^−(2H+D).

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §3.6.
    """
    D = _positive("dim", dim, "that of a finite set of points, which ends at 0")
    H = _positive("hurst", hurst, "none: such a field is no function")
    exponent, tie = 2.0 * min(H, 1.0) / D, float(abs(H - 1.0) <= TIE)
    saturated = ", H = 1 gains a logarithm" if tie else ", a neighbour's label is Lipschitz at best" if H > 1.0 else ""
    return Law(
        name="smooth manifold, nearest neighbours",
        statement=f"nearest of n points ~ n^(−1/D) away, variogram ~ r^(2 min(H, 1)): α_D = {exponent:.6g}{saturated}",
        data_exponent=exponent,
        model_exponent=exponent,
        data_logarithms=tie,
        model_logarithms=tie,
        source="docs/theory.md §3.6",
        evidence="exact for the variogram; checked: 1-nn on sphere, torus and cube follows the curve",
        reason="a neighbour's label is off by the variogram at its distance, whatever the field does at larger scales",
        domain="uniform points on a smooth D-dimensional manifold, noiseless Gaussian field",
        inputs={"D": D, "H": H},
        computed=("2·min(H, 1)/D",),
    )


def kernel_exponent(dim: float, hurst: float, smoothness: float) -> float:
    """Return min(α_T − D, 2α_S)/D with α_T = D + 2H, α_S = D + 2ν: the exponent of `kernel_on_manifold`.

    Parameters
    ----------
    dim : float
        Dimension, D > 0.
    hurst : float
        Hurst exponent, H > 0 of the target; infinite = what the kernel's own smoothness allows.
    smoothness : float
        Smoothness, ν > 0 of the kernel, infinite for a Gaussian one.

    Returns
    -------
    float
        Of risk ~ n^−exponent.
    """
    return min(2.0 * hurst / dim, 2.0 * (dim + 2.0 * smoothness) / dim)


def kernel_on_manifold(dim: float, hurst: float, smoothness: float) -> Law:
    """Return the law of kernel interpolation: min(α_T − D, 2α_S)/D with α_T = D + 2H, α_S = D + 2ν.

    Parameters
    ----------
    dim : float
        Dimension, D > 0.
    hurst : float
        Hurst exponent, H > 0 of the target.
    smoothness : float
        Smoothness, ν > 0 of the kernel, infinite for a Gaussian one.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: Spigler, Geiger & Wyart, arXiv 1905.10843; docs/theory.md §3.6.
    """
    D = _positive("dim", dim, "that of a finite set of points, which ends at 0")
    H = _positive("hurst", hurst, "none: such a field is no function")
    nu = _positive("smoothness", smoothness, "that of nearest neighbours")
    exponent, ceiling = kernel_exponent(D, H, nu), kernel_exponent(D, math.inf, nu)
    return Law(
        name="smooth manifold, kernel",
        statement=f"min(α_T − D, 2α_S)/D = min({2 * H / D:.4g}, {ceiling:.4g}) = {exponent:.6g}, α_T = D + 2H, "
        "α_S = D + 2ν",
        data_exponent=exponent,
        model_exponent=None,
        source="Spigler, Geiger & Wyart, arXiv 1905.10843; docs/theory.md §3.6",
        evidence="literature, for points on a lattice",
        reason="the kernel resolves all modes down to the spacing of the points; a kernel that is too rough for the "
        "target decays at its own rate instead",
        domain="uniform points on a smooth D-dimensional manifold, noiseless Gaussian field, no ridge",
        inputs={"D": D, "H": H, "ν": nu},
        computed=("the smaller of the two exponents",),
        references=(SPIGLER,),
    )


def pieces_on_manifold(dim: float, hurst: float, degree: int) -> Law:
    """Return the law of P pieces of a polynomial degree on a manifold: s/D, s = 2·min(H, degree + 1).

    Constant pieces have 2·min(H, 1)/D, linear ones on a smooth target 4/D.

    Parameters
    ----------
    dim : float
        Dimension, D > 0.
    hurst : float
        Hurst exponent, H > 0.
    degree : int
        Of the pieces, 0 or more.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: Sharma & Kaplan, arXiv 2004.10802; docs/theory.md §3.2.
    """
    D = _positive("dim", dim, "that of a finite set of points, which ends at 0")
    s = order_of(_positive("hurst", hurst, "none: such a field is no function"), degree)
    logarithms = float(abs(hurst - degree - 1.0) <= TIE)
    return Law(
        name="smooth manifold, pieces",
        statement=f"pieces of degree {degree} and size P^(−1/D): s/D with s = 2·min(H, {degree + 1}) = {s:g}, "
        f"{s / D:.6g}",
        data_exponent=s / D,
        model_exponent=s / D,
        data_logarithms=logarithms,
        model_logarithms=logarithms,
        source="Sharma & Kaplan, arXiv 2004.10802; docs/theory.md §3.2",
        evidence="literature; open for networks",
        reason="a piece of size P^(−1/D) is wrong by what of the target its polynomials cannot follow",
        domain="smooth D-dimensional manifold; as a law in n for learners that fit such pieces to the points in them",
        inputs={"D": D, "H": hurst, "degree": degree},
        computed=("s/D",),
        references=(SHARMA_KAPLAN, YAROTSKY),
        conflicts=(
            Conflict(
                "Yarotsky 2018",
                "model",
                2.0 * s / D,
                "deep networks whose weights depend discontinuously on the target can reach twice the exponent; "
                "training by gradients is not known to find such weights",
            ),
        ),
    )


# ---------------------------------------------------------------------------------------------------- noise, capacity


def tuned_with_noise(clean: float) -> float:
    """Return the exponent of the risk above the noise for a learner that averages as much as is best: β/(1+β).

    Averaging over k neighbours leaves σ²/k + (k/n)^β, least at k ~ n^(β/(1+β)); β = 2H/D gives 2H/(2H+D).

    Parameters
    ----------
    clean : float
        β > 0, the exponent without noise.

    Notes
    -----
    Source: Kpotufe 2011; docs/theory.md §3.6.
    """
    return clean / (1.0 + clean)


def variance_limited(inputs: dict[str, Any] | None = None) -> Law:
    """Return the law of a learner of fixed capacity far beyond it: L − L(∞) ~ 1/n (and 1/P far beyond the data).

    Parameters
    ----------
    inputs : dict of str to object or None, default None
        What fixes the capacity, by its symbol.

    Notes
    -----
    Source: Bahri et al., arXiv 2102.06701; docs/theory.md §3.6.
    """
    return Law(
        name="variance-limited",
        statement="L − L(∞) ~ 1/n: the fitted function scatters about the best one of its class like a mean of n",
        data_exponent=None,
        model_exponent=None,
        irreducible=None,
        excess_exponent=1.0,
        source="Bahri et al., arXiv 2102.06701; docs/theory.md §3.6",
        evidence="literature; for linear regression it is the classical law",
        reason="with more data than the learner can use, only the scatter of its fit is left to shrink",
        domain="n far above the number of free parameters",
        inputs=inputs or {},
        references=(BAHRI,),
    )
