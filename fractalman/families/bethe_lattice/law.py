"""The laws of clusters of the Bethe lattice: those of mean field at the threshold, windows off it.

Symbols: s_ξ = 1/c, the size at which finite clusters are cut off; N = the population, P_∞ = the share of the infinite
cluster.
"""

from __future__ import annotations

from dataclasses import replace

from fractalman import theory
from fractalman._typing import F64
from fractalman.families._forests.law import RESOLVED, neighbour_bias, noisy_clusters
from fractalman.families.bethe_lattice.recipe import BetheLattice
from fractalman.families.laws import Laws
from fractalman.families.percolation_ensemble.law import coverage_curve, critical_law, of_ensemble, size_biased
from fractalman.theory.clusters import bethe_correlation_size, bethe_giant_share, bethe_mean_size, bethe_threshold
from fractalman.theory.laws.law import Law, Window
from fractalman.theory.laws.learner_properties import LearnerProperties
from fractalman.theory.laws.sources import BRILL


def bethe_law(recipe: BetheLattice, learner: LearnerProperties) -> Law:
    """Return the law of a learner on clusters of the Bethe lattice at any p."""
    critical = abs(recipe.probability / bethe_threshold(recipe.coordination) - 1.0) <= 1e-12
    return of_ensemble(critical_law(recipe, learner) if critical else _off_critical(recipe, learner), learner)


def _off_critical(recipe: BetheLattice, learner: LearnerProperties) -> Law:
    z, p, N = recipe.coordination, recipe.probability, float(recipe.max_points)
    cutoff = bethe_correlation_size(z, p)
    share = bethe_giant_share(z, p)
    if share == 0.0 and cutoff >= N:  # the cutoff lies beyond the population: nobody can tell p from p_c
        at_threshold = recipe.replace(bond_probability=None)
        law = critical_law(at_threshold, learner)
        note = f"p is below p_c, but clusters are cut off at {cutoff:.3g} sites only, beyond N: as at the threshold"
        return replace(law, assumptions=(*law.assumptions, note))
    inputs = {"z": z, "p": p, "p_c": bethe_threshold(z), "s_ξ": cutoff, "P_∞": share, "N": N}
    return _below(recipe, learner, inputs) if share == 0.0 else _above(recipe, learner, inputs)


def _inside(recipe: BetheLattice, learner: LearnerProperties) -> tuple[float | None, float]:
    """Exponent and logarithms of what a learner does inside the cutoff, where clusters look critical."""
    if learner.kind in ("linear", "trees"):
        return None, 0.0
    law = size_biased(recipe, learner)
    return law.data_exponent, law.data_logarithms


def _below(recipe: BetheLattice, learner: LearnerProperties, inputs: dict[str, float]) -> Law:
    z, p, N, cutoff = recipe.coordination, recipe.probability, inputs["N"], inputs["s_ξ"]
    number = recipe.ensemble == "number"
    mean = bethe_mean_size(z, p)
    exponent, _ = _inside(recipe, learner)
    # Clusters end at s_ξ: none is seen before n ~ N/s_ξ, and from there on the sizes N/n … s_ξ look critical.
    window = Window(
        max(1.0, N / max(cutoff, 1.0)),
        N / RESOLVED,
        None if number else exponent,
        "before it no cluster has been seen, since the largest have about s_ξ sites"
        + ("; in it every cluster counts by its sites, and small ones are not seen" if number else "")
        + "; beyond N/16 slopes rise spuriously",
    )
    return Law.none(
        name="Bethe lattice below its threshold",
        statement=f"clusters end at s_ξ = {cutoff:.4g} sites: no power law as n grows, a window from N/s_ξ to N/16"
        + (f"; the seen mass starts as n·{mean:.4g}/N" if number else ""),
        source="docs/theory.md §1 and §3.7",
        evidence="argued from the exact sizes",
        because="below p_c the number of clusters grows like N, so what one sample teaches is a vanishing share of all",
        domain="p < p_c, N above s_ξ",
        inputs=inputs,
        computed=("s_ξ = 1/c and the mean size, in closed form",),
        references=(BRILL,),
        windows=(window,),
        nearest="the same recipe at bond_probability = None, the threshold",
    )


def _above(recipe: BetheLattice, learner: LearnerProperties, inputs: dict[str, float]) -> Law:
    N, cutoff, share = inputs["N"], inputs["s_ξ"], inputs["P_∞"]
    giant = N * share if recipe.ensemble == "number" else N
    inner = None
    if recipe.label != "cluster-constant" and learner.kind not in ("linear", "trees"):
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
    return Law.none(
        name="Bethe lattice above its threshold",
        statement=f"the infinite cluster holds {share:.4g} of the sites and grows exponentially beyond s_ξ = "
        f"{cutoff:.4g}: "
        "distances to the nearest of n points fall as ln(N/n), no power law; inside s_ξ it looks critical",
        source="docs/theory.md §1 and §3.7",
        evidence="argued",
        because="a tree that branches at every scale has no finite dimension",
        domain="p > p_c",
        inputs=inputs,
        computed=("P_∞ and s_ξ in closed form",),
        references=(BRILL,),
        windows=(window,),
        nearest="the same recipe at bond_probability = None, the threshold",
    )


def cluster_numbers(recipe: BetheLattice) -> F64:
    """Return the expected number of clusters of every size, (N + 1,) float64, exactly."""
    return theory.bethe_numbers(recipe.n_points, recipe.coordination, recipe.probability, recipe.ensemble)


LAWS = Laws[BetheLattice](
    law=bethe_law,
    noisy_exponent=lambda recipe, learner, clean: noisy_clusters(
        recipe.label, recipe.label_exponent, learner, clean, one=False
    ),
    exact_curve=lambda recipe, learner: coverage_curve(recipe, recipe.noise, learner, lambda: cluster_numbers(recipe)),
    neighbour_bias=lambda recipe: neighbour_bias(recipe.ambient_dim, recipe.n_points, recipe.label, one=False),
    graph_neighbours="averaged over structures, another cluster's label where unseen",
)
