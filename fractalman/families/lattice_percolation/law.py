"""The laws of percolation on Z^dim: the largest cluster and all of them, at the threshold and off it.

Symbols: τ, d_f, d_min, ν, κ as in `theory.lattice`; d_ℓ = d_f/d_min, points within ℓ steps ~ ℓ^d_ℓ; ξ = correlation
length; N = points.

The labels live on a spanning tree of each cluster or on the tree of its cuts. Cutting a fragment of s sites in two
takes about s^(1−θ) cuts: θ = 1/d_ℓ where the edges of a breadth-first tree fall at random (a fragment is s^(1/d_ℓ)
steps wide), θ = 1/(νd_f) where all bonds fall by weight (a fragment of extent r breaks when the occupation changes by
r^(−1/ν)). Two points r apart are parted at the scale s with a probability ~ (r^d_f/s)^θ, and then differ in s^(1−θ)
latents of variance s^(2a); the sum over s is dominated by r^d_f or by the whole cluster, so the variogram grows as
r^(d_f·min(θ, 1 − θ + 2a)). With θ = 1/2 this is mean field (§2). Points near each other in space may besides be joined
through far away only (κ).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from fractalman.families._forests.law import RESOLVED, no_decay, noisy_hierarchy
from fractalman.families.lattice_percolation.recipe import LatticePercolation
from fractalman.families.laws import Laws, no_law_for_trees
from fractalman.theory.lattice import LatticeConstants, lattice_constants
from fractalman.theory.laws.elementary import TIE, tuned_with_noise, variance_limited
from fractalman.theory.laws.law import Conflict, Law, Window
from fractalman.theory.laws.learner_properties import INTERPOLATION, LearnerProperties
from fractalman.theory.laws.sources import GRASSBERGER, PERCOLATION

NEAR_TIE = 0.05
"""Exponents in r closer than this cannot be told from a logarithm at sizes that fit into a computer."""


def lattice_law(recipe: LatticePercolation, learner: LearnerProperties) -> Law:
    """Return the law of a learner on clusters of Z^dim."""
    if learner.kind == "linear":
        return _linear(recipe)
    constants = lattice_constants(recipe.dim)
    threshold = constants.site_threshold if recipe.percolation == "site" else constants.bond_threshold
    off = abs(recipe.probability / threshold - 1.0)
    length = math.inf if off == 0.0 else off ** (-1.0 / constants.thermal_exponent)
    if length < recipe.side:
        law = _off_critical(recipe, learner, constants, length, recipe.probability > threshold)
    elif recipe.clusters == "largest":
        law = _largest(recipe, learner, constants)
    else:
        law = _all(recipe, learner, constants)
    notes = [*law.assumptions]
    if learner.kind != "floor":
        notes = [INTERPOLATION, *learner.assumptions, *notes]
    if off > 0.0 and length >= recipe.side:
        notes.append(f"p is off the threshold, but ξ ≈ {length:.3g} lies beyond the box: as at the threshold")
    return replace(law, assumptions=tuple(notes), references=(*law.references, *learner.references))


def _linear(recipe: LatticePercolation) -> Law:
    limited = variance_limited({"d": recipe.space_dim})
    return replace(
        limited,
        name="model-limited",
        statement=f"no decaying power law: points lie on {recipe.space_dim} coordinates, and with n far above that "
        "the risk rests on that of the best linear function of them; what lies above it falls like 1/n",
        windows=(Window(4.0 * recipe.space_dim, math.inf, None, "the risk of the best linear function is reached"),),
        nearest="variance-limited: L − L(∞) ~ 1/n",
    )


def expected_sites(recipe: LatticePercolation, constants: LatticeConstants) -> float:
    """Sites of the largest cluster at the threshold, side^d_f, up to a factor of order one."""
    return min(float(recipe.max_points), math.pow(recipe.side, constants.fractal_dimension))


def cut_exponent(recipe: LatticePercolation, constants: LatticeConstants) -> float:
    """Return θ: a fragment of s sites takes about s^(1−θ) cuts to break in two."""
    if recipe.spanning_tree == "minimum":
        return constants.thermal_exponent / constants.fractal_dimension
    return 1.0 / constants.chemical_dimension


def mass_exponent(recipe: LatticePercolation, constants: LatticeConstants) -> tuple[float, bool]:
    """Return the exponent of the label's variogram in the mass around a point, and whether it carries a logarithm.

    Args:
        recipe: hierarchical or Brownian labels. constants: of its lattice.
    Returns: min(θ, 1 − θ + 2a), zero or less where the points' own latents outweigh all others; θ for Brownian labels
        on a breadth-first tree, which see steps only.
    """
    theta = cut_exponent(recipe, constants)
    if recipe.label == "brownian":
        return theta, False
    own = 1.0 - theta + 2.0 * recipe.label_exponent
    return min(theta, own), abs(own - theta) <= TIE


def _largest(recipe: LatticePercolation, learner: LearnerProperties, c: LatticeConstants) -> Law:
    a, N = recipe.label_exponent, expected_sites(recipe, c)
    theta = cut_exponent(recipe, c)
    along, tie = mass_exponent(recipe, c)
    inputs: dict[str, Any] = {
        "dim": c.dim,
        "d_f": c.fractal_dimension,
        "d_min": c.path_dimension,
        "1/ν": c.thermal_exponent,
        "θ": theta,
        "a": a,
    }
    if recipe.label == "brownian" and recipe.spanning_tree == "minimum" and c.dim < 6:
        return _unknown_paths(recipe, c, inputs)
    if along <= 0.0:
        return _rough(recipe, c, inputs)
    if learner.kind == "floor":
        return _floor(recipe, learner, c, inputs)
    in_space, kappa = c.fractal_dimension * along, c.strand_exponent
    exponent = min(in_space, kappa) / c.fractal_dimension
    logarithms = float(tie) + float(abs(in_space - kappa) <= TIE)
    close = abs(in_space - kappa) < NEAR_TIE
    notes = [
        "nearest means nearest in X, which is nearest on the lattice whatever ambient_dim is",
        "n far below N: slopes rise spuriously beyond n = N/16",
    ]
    if close:
        notes.append(
            f"κ = {kappa:.4g} and {in_space:.4g} all but tie: at every size one can afford that is a "
            "logarithm, and slopes lie well below the asymptote; compare fits with the local exponent of the curve"
        )
    law = Law(
        name=f"critical cluster of Z^{c.dim}",
        statement=f"variogram ~ r^{in_space:.4g}, d_f·min(θ, 1 − θ + 2a) with θ = {theta:.4g}, unless joined far away "
        f"only (κ = {kappa:.4g}); r ~ n^(−1/d_f): α_D = {exponent:.4g}",
        data_exponent=exponent,
        model_exponent=along,
        data_logarithms=logarithms,
        model_logarithms=float(tie),
        source="docs/theory.md §3.7; constants: arXiv 1112.3428, 1302.0421, 2004.11289",
        evidence=_CHECKED[recipe.spanning_tree],
        reason="the error is the variogram at the nearest training point, which lies n^(−1/d_f) away in space",
        domain="the largest cluster at the threshold, 1 ≪ n ≪ N",
        inputs=inputs,
        computed=(
            "θ = d_min/d_f for a breadth-first tree, 1/(νd_f) for bonds cut by weight",
            "κ = d_f − 1/ν, from six dimensions on dim − 4",
        ),
        references=(PERCOLATION, GRASSBERGER),
        assumptions=tuple(notes),
        windows=(Window(1.0, N / RESOLVED, exponent, "beyond N/16, N about side^d_f, slopes rise spuriously"),),
        conflicts=_conflicts(recipe, c, exponent, along),
        attained=False,
    )
    return _trees(law) if learner.kind == "trees" else law


def _conflicts(recipe: LatticePercolation, c: LatticeConstants, exponent: float, along: float) -> tuple[Conflict, ...]:
    """What neighbours along the graph and mean field would say, where that is something else."""
    mean_field = 0.5 if recipe.label == "brownian" else min(0.5, 0.5 + 2.0 * recipe.label_exponent)
    found = (
        ("neighbours along the graph", along, "a learner of coordinates cannot see which strand a neighbour lies on"),
        (
            "one critical mean-field cluster",
            mean_field,
            f"clusters in {c.dim} dimensions have loops",
        ),
    )
    return tuple(Conflict(name, "data", said, why) for name, said, why in found if abs(said - exponent) > TIE)


_CHECKED = {
    "breadth-first": "argued; checked for neighbours along the graph, Brownian label: .595 ± .01 for .596 (2 "
    "dimensions, N ≈ 330000), .555 for .545 (3, N ≈ 23000); in X local slopes of .36–.50 and .27–.39",
    "minimum": "argued; neighbours along the graph in 2 dimensions, N ≈ 130000: local slopes of .27–.38 at a = 0 and "
    ".35–.55 at a = .25 where .396 is due for both; in X .25–.32 and .29–.41",
}


_FLOOR_CHECKED = {
    "breadth-first": "argued; checked by belief propagation, N/n = 1024…16: slopes of .37–.40, .76–.83 and 1.00–1.10 "
    "where .404, .904 and 1 are due (2 dimensions, a = 0, .25, .5), .39–.41, .69–.91 and .72–1.11 where .455, .955 and "
    "1 are (3 dimensions)",
    "minimum": "argued; checked by belief propagation: slopes of .85–.90 and .99–1.06 where 1 is due (2 dimensions, "
    "a = .25 and .5); at a = 0 they are .40–.46 and .604 is due: the depth of a fragment of 16…1024 sites grows with "
    ".45, and with .6 only beyond 10⁴ sites",
}


def _unknown_paths(recipe: LatticePercolation, c: LatticeConstants, inputs: dict[str, Any]) -> Law:
    """Brownian motion along a minimum spanning tree: its paths have a dimension that is not among the constants."""
    shortest = _along_shortest(recipe, c)
    return Law.none(
        name="no law for paths of a minimum spanning tree",
        statement="the variogram grows as r^D_p with D_p the dimension of the tree's paths, which is above d_min and "
        "not among the constants known here",
        source="docs/theory.md §3.7",
        evidence="measured along the graph: slope .63 in 2 dimensions (N ≈ 130000)",
        because="minimum spanning trees avoid heavy bonds, so their paths wind more than the shortest ones do",
        domain="the largest cluster at the threshold",
        inputs=inputs,
        nearest=f"spanning_tree = 'breadth-first', α_D = {shortest:.4g}",
    )


def _along_shortest(recipe: LatticePercolation, c: LatticeConstants) -> float:
    """α_D of the same labels along a breadth-first tree."""
    along, _ = mass_exponent(recipe.replace(spanning_tree="breadth-first"), c)
    return min(c.fractal_dimension * along, c.strand_exponent) / c.fractal_dimension


def _floor(recipe: LatticePercolation, learner: LearnerProperties, c: LatticeConstants, inputs: dict[str, Any]) -> Law:
    """min(1, x + 2a), x = 1 − θ: in mean field min(1, 1/2 + 2a)."""
    theta, a, N = cut_exponent(recipe, c), recipe.label_exponent, expected_sites(recipe, c)
    x, brownian = 1.0 - theta, recipe.label == "brownian"
    exponent = theta if brownian else min(1.0, x + 2.0 * a)
    said = (
        f"nearest of n points along the tree: α_D = 1/d_ℓ = {exponent:.4g}"
        if brownian
        else "unseen latents lie in subclusters of at most N/n sites: α_D = min(1, x + 2a) = "
        f"{exponent:.4g}, x = 1 − θ = {x:.4g}"
    )
    return Law(
        name=f"critical cluster of Z^{c.dim}, Bayes floor",
        statement=said,
        data_exponent=exponent,
        model_exponent=None,
        data_logarithms=float(not brownian and abs(theta - 2.0 * a) <= TIE),
        source="docs/theory.md §3.7 with θ in place of 1/2",
        evidence=_FLOOR_CHECKED[recipe.spanning_tree],
        reason="belief propagation knows which subcluster a point lies in, and not only how far its neighbour is",
        domain="the largest cluster at the threshold, 1 ≪ n ≪ N",
        inputs=inputs,
        computed=("x = 1 − θ",),
        references=(PERCOLATION,),
        assumptions=learner.assumptions,
        windows=(Window(1.0, N / RESOLVED, exponent, "beyond N/16, N about side^d_f, slopes rise spuriously"),),
        attained=False,
    )


def _rough(recipe: LatticePercolation, c: LatticeConstants, inputs: dict[str, Any]) -> Law:
    least = -(1.0 - cut_exponent(recipe, c)) / 2.0
    return Law.none(
        name="label too rough for its cluster",
        statement=f"a = {recipe.label_exponent:g} is not above −(1 − θ)/2 = {least:.4g}: every point's own latent "
        "outweighs what it shares, and nothing can be learned",
        source="docs/theory.md §3.7",
        evidence="argued",
        because="latents of small subclusters are many, and hold all of the variance as the cluster grows",
        domain="the largest cluster at the threshold",
        inputs=inputs,
        nearest=f"label_exponent above {least:.4g}",
    )


def _all(recipe: LatticePercolation, learner: LearnerProperties, c: LatticeConstants) -> Law:
    law = no_decay(c.size_exponent, float(recipe.max_points), learner)
    share = 1.0 / (c.size_exponent - 1.0)
    return replace(
        law,
        evidence="argued; the curve is computed",
        inputs={**law.inputs, "dim": c.dim},
        references=(GRASSBERGER, PERCOLATION),
        assumptions=(
            "nearest means nearest in X: clusters lie between each other, so the neighbour may belong to another one",
            f"the largest cluster holds N^{share - 1:.3g} of the points: in few dimensions most of them at any size "
            "one can afford, and the curve looks like its own",
        ),
        nearest="clusters = 'largest', "
        + (
            _largest(recipe.replace(clusters="largest", label="brownian", label_exponent=0.0), learner, c).statement
            if recipe.label == "cluster-constant"
            else _largest(recipe.replace(clusters="largest"), learner, c).statement
        ),
    )


def _off_critical(
    recipe: LatticePercolation, learner: LearnerProperties, c: LatticeConstants, length: float, above: bool
) -> Law:
    inside = None
    if recipe.label != "cluster-constant":
        as_largest = recipe.replace(clusters="largest", occupation=None)
        inside = _largest(as_largest, learner, c).data_exponent
    inputs = {"dim": c.dim, "p": recipe.probability, "1/ν": c.thermal_exponent, "ξ": length}
    points = float(recipe.max_points)
    within = length**c.fractal_dimension  # sites of a cluster within ξ
    if above:
        return Law.none(
            name=f"Z^{c.dim} above its threshold",
            statement=f"fractal within ξ ≈ {length:.3g} only; beyond, the infinite cluster fills space, D = "
            f"{c.dim}, and its breadth-first tree parts neighbours along lines that no law here covers",
            source="docs/theory.md §3.7",
            evidence="argued; ξ up to a factor of order one",
            because="the exponent is a window: a cluster looks critical as long as neighbours are nearer than ξ",
            domain="p > p_c, side above ξ",
            inputs=inputs,
            computed=("ξ = |p/p_c − 1|^(−ν), its amplitude taken as 1",),
            references=(PERCOLATION,),
            windows=(
                Window(
                    max(1.0, points / within),
                    points / RESOLVED,
                    inside if recipe.clusters == "largest" else None,
                    "before it the nearest training point lies beyond ξ; after it slopes rise spuriously",
                ),
            ),
            nearest=f"within ξ that of the threshold; beyond, a dense lattice: 1/{c.dim} with a logarithm for "
            "Brownian labels",
        )
    largest = recipe.clusters == "largest"
    return Law.none(
        name=f"Z^{c.dim} below its threshold",
        statement=f"clusters end at ξ ≈ {length:.3g}, about {within:.3g} sites, however large the box: no power law "
        "as n grows",
        source="docs/theory.md §3.7",
        evidence="argued; ξ up to a factor of order one",
        because="the largest cluster does not grow with the box"
        if largest
        else "the number of clusters grows like the box, so what one sample teaches is a vanishing share of all",
        domain="p < p_c, side above ξ",
        inputs=inputs,
        computed=("ξ = |p/p_c − 1|^(−ν), its amplitude taken as 1",),
        references=(PERCOLATION,),
        windows=(
            Window(
                1.0 if largest else max(1.0, points / within),
                (within if largest else points) / RESOLVED,
                inside if largest else None,
                "inside ξ the largest cluster looks critical, and beyond its sites over 16 slopes rise spuriously"
                if largest
                else "before it no cluster has been seen; in it small clusters are not seen",
            ),
        ),
        nearest="the same recipe without occupation, at the threshold",
    )


def _trees(law: Law) -> Law:
    return no_law_for_trees(
        law,
        "greedy splits, 31 leaves a tree and 255 bins a coordinate: no exponent is derived",
        model_exponent=law.model_exponent,  # of the best cells, whoever finds them
        model_logarithms=law.model_logarithms,
        evidence="open",
        nearest=f"{law.name}, α_D = {law.data_exponent:.4g}, should leaves be as many as n points resolve",
        conflicts=(),
    )


def noisy_exponent(
    recipe: LatticePercolation, learner: LearnerProperties, clean: float
) -> tuple[float, tuple[str, ...]]:
    """Return the exponent of the risk above the noise for who averages cell by cell."""
    if learner.kind == "floor" and recipe.label == "hierarchical":
        return noisy_hierarchy(cut_exponent(recipe, lattice_constants(recipe.dim)), recipe.label_exponent), ()
    return tuned_with_noise(clean), ()


LAWS = Laws[LatticePercolation](law=lattice_law, noisy_exponent=noisy_exponent, along_rays=lambda _: True)
