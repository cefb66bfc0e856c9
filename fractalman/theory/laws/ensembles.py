"""The laws of many clusters: number-weighted and size-biased, mean-field and on the Bethe lattice, at and off p_c.

Symbols: τ = exponent of cluster numbers, n_s ~ s^−τ; s_ξ = 1/c, the size at which finite clusters are cut off; N = the
population, P_∞ = the share of the infinite cluster.
"""

from __future__ import annotations

import math
from dataclasses import replace

from fractalman.families.bethe_lattice.recipe import BetheLattice
from fractalman.families.percolation_ensemble.recipe import PercolationEnsemble
from fractalman.theory.clusters import bethe_correlation_size, bethe_giant_share, bethe_mean_size, bethe_threshold
from fractalman.theory.laws import elementary
from fractalman.theory.laws.cluster import RESOLVED, distances_only, kriging, population_window
from fractalman.theory.laws.law import Conflict, Law, Window
from fractalman.theory.laws.learner_properties import INTERPOLATION
from fractalman.theory.laws.learner_properties import LearnerProperties as Traits
from fractalman.theory.laws.sources import BRILL, BRILL_CLUSTER

TAU = 2.5
"""τ of mean field."""

Ensemble = PercolationEnsemble | BetheLattice


def ensemble_law(recipe: Ensemble, traits: Traits) -> Law:
    """Return the law of a learner on an ensemble of critical clusters, or on clusters of the Bethe lattice at any p."""
    law = _clusters_law(recipe, traits)
    notes = ["risks average over the ensemble: what one draw of the cluster sizes does can differ"]
    if traits.kind != "floor":
        notes = [INTERPOLATION, *traits.assumptions, *notes]
        notes.append("points of one cluster are nearer to each other than to others: n above N^(1/3), d of 100 or more")
        notes.append("a point of an unseen cluster is answered with another cluster's label: twice the prior variance")
    return replace(law, assumptions=(*notes, *law.assumptions), looked_up=(*law.looked_up, *traits.references))


def _clusters_law(recipe: Ensemble, traits: Traits) -> Law:
    if isinstance(recipe, BetheLattice) and not _critical(recipe):
        return _off_critical(recipe, traits)
    if recipe.ensemble == "number":
        return no_decay(TAU, recipe.max_points, traits)
    return _size_biased(recipe, traits)


def _critical(recipe: BetheLattice) -> bool:
    return abs(recipe.probability / bethe_threshold(recipe.coordination) - 1.0) <= 1e-12


# ---------------------------------------------------------------------------------------------------- every site once


def no_decay(tau: float, population: float, traits: Traits) -> Law:
    """Return what holds when every site counts once: no decaying power law, a rising seen mass instead.

    Clusters above s hold the share ~ s^(2−τ) of all sites, so n samples have seen the share ~ (n/N)^(τ−2).

    Args:
        tau: τ of the cluster numbers. population: N.
    """
    rise = tau - 2.0
    low = population ** (1.0 - 1.0 / (tau - 1.0))  # the largest cluster, N^(1/(τ−1)), has then been seen once
    return Law(
        name="number-weighted clusters",
        statement="no decaying power law before n ~ N: most points lie in clusters that nobody has seen; the seen "
        "mass "
        f"rises as (n/N)^(τ−2) = (n/N)^{rise:.4g} from n ~ N^{1 - 1 / (tau - 1):.3g} to N and bounds 1 − L from above",
        data_exponent=None,
        model_exponent=None,
        irreducible=None,
        source="docs/theory.md §3.5",
        checked="checked: N = 131072, n = 1024…65536: .97–.99, .94–.96, .89–.90, .79–.80 answering 0 on unseen "
        "clusters, "
        "1.79, 1.63, 1.38, 1.08 for one neighbour",
        reason="every site counts once, so a typical point lies in a small cluster, which is seen only when n nears N",
        domain="clusters at the threshold, every site once",
        inputs={"τ": tau, "N": population},
        computed=(f"the seen mass, (n/N)^{rise:.4g}",),
        looked_up=(BRILL_CLUSTER, BRILL),
        windows=(Window(low, population, None, f"the seen mass rises as (n/N)^{rise:.4g}, the risk has no exponent"),),
        conflicts=(
            Conflict(
                "power-law clusters (rank law of the same clusters)",
                "data",
                None,
                f"the rank law k^−{1 / (tau - 1):.3g} sums to infinity, α = {1 / (tau - 1) - 1:.3g} < 0: α_D = α/(1+α) "
                "does not apply",
            ),
        ),
        nearest="ensemble = 'size-biased', where α = 1 and α_D = 1/2"
        if traits.kind != "linear"
        else "ensemble = 'size-biased' with ambient_dim far above n",
        reached=False,
    )


# ---------------------------------------------------------------------------------------------------- grown from roots


def _size_biased(recipe: Ensemble, traits: Traits) -> Law:
    """α = (3−τ)/(τ−2) = 1 against the error within a cluster."""
    if traits.kind == "linear":
        return kriging(recipe.ambient_dim, recipe.max_points)
    floor = traits.kind == "floor"
    alpha = (3.0 - TAU) / (TAU - 2.0)
    if recipe.label == "cluster-constant":
        law = elementary.subtasks(alpha, math.inf)
        law = replace(law, assumptions=("labels are constant on clusters: one sample teaches a cluster",))
        if floor:
            law = replace(law, model_exponent=None, model_logarithms=0.0)
        elif traits.kind == "trees":
            law = _trees(law)
    else:
        inner = elementary.critical_cluster(recipe.label, recipe.label_exponent, floor=floor)
        inner = distances_only(inner, traits, recipe.label, recipe.label_exponent)
        if inner.data_exponent is None:
            outer = elementary.subtasks(alpha, 0.5)
            return _trees(replace(outer, assumptions=inner.assumptions))
        law = elementary.subtasks(
            alpha,
            inner.data_exponent,
            inner.model_exponent,
            within_data_logarithms=inner.data_logarithms,
            within_model_logarithms=inner.model_logarithms,
        )
        law = replace(
            law,
            model_exponent=None if floor else law.model_exponent,
            model_logarithms=0.0 if floor else law.model_logarithms,
            assumptions=tuple(note for note in inner.assumptions if note not in (INTERPOLATION, *traits.assumptions)),
            computed=(*law.computed, f"within a cluster: {inner.statement}"),
        )
    return replace(
        law,
        inputs={**law.inputs, "τ": TAU, "N": recipe.max_points},
        source=f"{law.source}; α = (3−τ)/(τ−2), arXiv 2606.20347",
        looked_up=(*law.looked_up, BRILL_CLUSTER),
        windows=(population_window(recipe.max_points, law.data_exponent),),
        checked="argued, away from ties; measured curves: `curve`"
        if not law.data_logarithms
        else "argued; a tie, so local slopes at reachable n lie below the asymptote",
        reached=False,
    )


def _trees(law: Law) -> Law:
    return replace(
        law,
        name="no law for boosted trees",
        statement="splits along single coordinates, each of which sees 1/d of every squared distance: no exponent is "
        "derived",
        data_exponent=None,
        data_logarithms=0.0,
        model_exponent=None,
        model_logarithms=0.0,
        checked="open",
        reason="where a tree's splits fall is decided by the labels, and no theory of that is at hand",
        nearest=f"{law.name}, α_D = {law.data_exponent:g}",
    )


# ---------------------------------------------------------------------------------------------------- off the threshold


def _off_critical(recipe: BetheLattice, traits: Traits) -> Law:
    z, p, N = recipe.coordination, recipe.probability, float(recipe.max_points)
    cutoff = bethe_correlation_size(z, p)
    share = bethe_giant_share(z, p)
    if share == 0.0 and cutoff >= N:  # the cutoff lies beyond the population: nobody can tell p from p_c
        at_threshold = recipe.replace(bond_probability=None)
        law = _clusters_law(at_threshold, traits)
        note = f"p is below p_c, but clusters are cut off at {cutoff:.3g} sites only, beyond N: as at the threshold"
        return replace(law, assumptions=(*law.assumptions, note))
    inputs = {"z": z, "p": p, "p_c": bethe_threshold(z), "s_ξ": cutoff, "P_∞": share, "N": N}
    return _below(recipe, traits, inputs) if share == 0.0 else _above(recipe, traits, inputs)


def _inside(recipe: BetheLattice, traits: Traits) -> tuple[float | None, float]:
    """Exponent and logarithms of what a learner does inside the cutoff, where clusters look critical."""
    if traits.kind in ("linear", "trees"):
        return None, 0.0
    law = _size_biased(recipe, traits)
    return law.data_exponent, law.data_logarithms


def _below(recipe: BetheLattice, traits: Traits, inputs: dict[str, float]) -> Law:
    z, p, N, cutoff = recipe.coordination, recipe.probability, inputs["N"], inputs["s_ξ"]
    number = recipe.ensemble == "number"
    mean = bethe_mean_size(z, p)
    exponent, _ = _inside(recipe, traits)
    # Clusters end at s_ξ: none is seen before n ~ N/s_ξ, and from there on the sizes N/n … s_ξ look critical.
    window = Window(
        max(1.0, N / max(cutoff, 1.0)),
        N / RESOLVED,
        None if number else exponent,
        "before it no cluster has been seen, since the largest have about s_ξ sites"
        + ("; in it every cluster counts by its sites, and small ones are not seen" if number else "")
        + "; beyond N/16 slopes rise spuriously",
    )
    return Law(
        name="Bethe lattice below its threshold",
        statement=f"clusters end at s_ξ = {cutoff:.4g} sites: no power law as n grows, a window from N/s_ξ to N/16"
        + (f"; the seen mass starts as n·{mean:.4g}/N" if number else ""),
        data_exponent=None,
        model_exponent=None,
        irreducible=None,
        source="docs/theory.md §1 and §3.7",
        checked="argued from the exact sizes",
        reason="below p_c the number of clusters grows like N, so what one sample teaches is a vanishing share of all",
        domain="p < p_c, N above s_ξ",
        inputs=inputs,
        computed=("s_ξ = 1/c and the mean size, in closed form",),
        looked_up=(BRILL,),
        windows=(window,),
        nearest="the same recipe at bond_probability = None, the threshold",
        reached=False,
    )


def _above(recipe: BetheLattice, traits: Traits, inputs: dict[str, float]) -> Law:
    N, cutoff, share = inputs["N"], inputs["s_ξ"], inputs["P_∞"]
    giant = N * share if recipe.ensemble == "number" else N
    inner = None
    if recipe.label != "cluster-constant" and traits.kind not in ("linear", "trees"):
        inner = 0.5 if recipe.label == "brownian" else min(0.5, 0.5 + 2.0 * recipe.label_exponent)
    window = Window(
        max(1.0, giant / max(cutoff, 1.0)),
        giant / RESOLVED,
        inner if recipe.ensemble == "size-biased" or share > 0.999 else None,
        "before it the nearest training point lies beyond the correlation length, where the lattice grows exponentially"
        + (
            f"; the finite clusters' share {1 - share:.3g} does not decay before n ~ N"
            if recipe.ensemble == "number"
            else ""
        ),
    )
    return Law(
        name="Bethe lattice above its threshold",
        statement=f"the infinite cluster holds {share:.4g} of the sites and grows exponentially beyond s_ξ = "
        f"{cutoff:.4g}: "
        "distances to the nearest of n points fall as ln(N/n), no power law; inside s_ξ it looks critical",
        data_exponent=None,
        model_exponent=None,
        irreducible=None,
        source="docs/theory.md §1 and §3.7",
        checked="argued",
        reason="a tree that branches at every scale has no finite dimension",
        domain="p > p_c",
        inputs=inputs,
        computed=("P_∞ and s_ξ in closed form",),
        looked_up=(BRILL,),
        windows=(window,),
        nearest="the same recipe at bond_probability = None, the threshold",
        reached=False,
    )
