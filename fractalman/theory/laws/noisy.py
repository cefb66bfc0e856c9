"""What label noise leaves of a law: the risk that stays, and the exponent of what lies above it.

Symbols: σ = noise, p_i, r_i = masses and ratios of a node's children, H = Hurst exponent, ν = smoothness of a kernel,
θ, x = 1 − θ = exponents of a cluster's cuts (1/2 in mean field), a = label exponent.

Without noise a cell is known from its first training point on, with noise only once its points together outweigh σ²:
a cell of mass μ whose label deviates by v needs n·μ·v > σ². That is a threshold on μ·v and not on μ, so on random
cascades whoever averages cell by cell (the floor, a kernel) has another exponent than n^−β/(1+β), which is that of one
number of neighbours for all points.
"""

from __future__ import annotations

import math
from dataclasses import replace

from fractalman.families.bethe_lattice.recipe import BetheLattice
from fractalman.families.cascade.recipe import Cascade
from fractalman.families.lattice_percolation.recipe import LatticePercolation
from fractalman.families.percolation_cluster.recipe import PercolationCluster
from fractalman.families.percolation_ensemble.recipe import PercolationEnsemble
from fractalman.recipes import Recipe
from fractalman.theory.exponents import Masses, balanced_order, quantization_exponent_masses
from fractalman.theory.lattice import lattice_constants
from fractalman.theory.laws.elementary import tuned_with_noise
from fractalman.theory.laws.lattice import cut_exponent
from fractalman.theory.laws.law import Law
from fractalman.theory.laws.learner_properties import INTERPOLATION
from fractalman.theory.laws.learner_properties import LearnerProperties as Traits
from fractalman.theory.laws.sources import KPOTUFE
from fractalman.theory.measures import kinds_of


def with_noise(law: Law, recipe: Recipe, traits: Traits) -> Law:
    """Return the law of noisy labels: what stays, and the exponent above it where some learner has one.

    Args:
        law: of clean labels. recipe: with noise > 0. traits: of the learner.
    """
    sigma, clean = recipe.noise, law.data_exponent
    variance, notes = sigma**2, tuple[str, ...]()
    floor: float | None
    if traits.name == "1-nn":
        floor, excess = 2.0 * variance, clean
        words = "σ² of the test labels and σ² of the neighbour's; above 2σ² the clean law holds exactly"
    elif traits.name == "random-features":
        floor, excess = None, law.excess_exponent
        words = "σ² of the test labels and the risk of the best combination of its features"
    elif traits.name in ("k-nn", "bayes") or traits.kind == "kernel":
        floor = variance
        excess, notes = (None, ()) if clean is None else averaged(recipe, traits, clean)
        words = "σ² of the test labels" + (
            ""
            if traits.kind == "floor"
            else ", if k or the ridge grows with n as is best; a fixed one keeps what it learns"
        )
    elif traits.kind == "linear":
        floor, excess = None, law.excess_exponent
        words = "σ² of the test labels and the best linear function's own risk"
    else:
        floor, excess = None, None
        words = "σ² of the test labels and what noise it learns"
    if clean is None and traits.kind != "linear" and traits.name != "random-features":
        floor = None if law.irreducible is None else floor
    looked_up = law.looked_up
    if (
        traits.name != "1-nn"
        and None not in (clean, excess)
        and math.isclose(excess or 0.0, tuned_with_noise(clean or 0.0))
    ):
        looked_up = (*looked_up, KPOTUFE)
    return replace(
        law,
        data_exponent=None,
        model_exponent=None,
        data_logarithms=0.0,
        model_logarithms=0.0,
        irreducible=floor,
        excess_exponent=excess,
        statement=f"noisy labels, σ = {sigma:g}: the risk rests on {words}"
        + (f", above it n^−{excess:.4g}" if excess is not None else "")
        + f"; clean labels: {law.statement}",
        assumptions=(
            *(note for note in law.assumptions if note != INTERPOLATION),
            "label noise is independent of everything; the label tree is that of the clean labels",
            *notes,
        ),
        looked_up=looked_up,
        windows=tuple(replace(window, exponent=None) for window in law.windows),
    )


def averaged(recipe: Recipe, traits: Traits, clean: float) -> tuple[float | None, tuple[str, ...]]:
    """Return the exponent of the risk above σ² for a learner that averages as much as is best, and what to know of it.

    Args:
        recipe: of any family. traits: "k-nn", a kernel or the floor. clean: β, without noise.
    Returns: None as the exponent where none is derived.
    Source: docs/theory.md §3.6.
    """
    if math.isinf(traits.smoothness or 0.0):
        return None, ("an analytic kernel would need a ridge below double precision to average as is best: no law",)
    if traits.kind == "local":  # one k for all points
        return tuned_with_noise(clean), ()
    if isinstance(recipe, Cascade):
        return _on_cascade(kinds_of(recipe), recipe.hurst, traits)
    if isinstance(recipe, (PercolationCluster, PercolationEnsemble, BetheLattice)):
        return _on_clusters(recipe, traits, clean)
    if isinstance(recipe, LatticePercolation) and traits.kind == "floor" and recipe.label == "hierarchical":
        return _hierarchy(cut_exponent(recipe, lattice_constants(recipe.dim)), recipe.label_exponent), ()
    return tuned_with_noise(clean), ()


def _on_cascade(kinds: tuple[Masses, Masses], hurst: float, traits: Traits) -> tuple[float, tuple[str, ...]]:
    """Cells with μ·R^(2ν) above κ are learned: κ^−t of them pay σ²/n each, the others leave κ^b; ν = H for the floor.

    E Σ (p r^(2ν))^t = 1, E Σ p r^(2H) (p r^(2ν))^(−b) = 1, and κ^b = κ^−t/n gives n^(−b/(b+t)). A kernel shrinks what
    it learns by κ/λ, hence b ≤ 2.
    """
    nu = hurst if traits.kind == "floor" else float(traits.smoothness or hurst)
    t = 1.0 / (1.0 + quantization_exponent_masses(*kinds, nu))
    b = balanced_order(*kinds, hurst, nu)
    if traits.kind == "kernel":
        b = min(b, 2.0)
    return b / (b + t), ("above the noise: cells with n·μ·R^(2ν) above the ridge are learned, argued",)


def _on_clusters(
    recipe: PercolationCluster | PercolationEnsemble | BetheLattice, traits: Traits, clean: float
) -> tuple[float | None, tuple[str, ...]]:
    """One critical cluster, or power-law clusters with α/(1+α) = 1/2: the lesser of unseen mass and error within."""
    one = isinstance(recipe, PercolationCluster)
    if traits.kind == "kernel":
        if recipe.label == "cluster-constant":
            return None, ("no law for a kernel that must find noisy clusters: one ridge serves all their sizes",)
        return tuned_with_noise(clean), ()
    if recipe.label == "cluster-constant":
        return 0.5, ("a cluster's mean is known to σ²/x from its x samples: as without noise",)
    if recipe.label == "brownian":
        within = tuned_with_noise(0.5)
    else:
        within = _hierarchy(0.5, recipe.label_exponent)
    return within if one else min(0.5, within), ()


def _hierarchy(theta: float, a: float) -> float:
    """Return the noisy floor's exponent on one cluster: min(1/(1+x), (x+2a)/(1+x+2a)), x = 1 − θ.

    A subcluster of m sites deviates by (m/N)^(x+2a) and is known once that outweighs σ²·N/(n·m). Where it hangs on
    one of order N, with probability (m/N)^θ, what counts are the steps of a walk along that one's cuts.
    """
    x = 1.0 - theta
    return min(1.0 / (1.0 + x), (x + 2.0 * a) / (1.0 + x + 2.0 * a))
