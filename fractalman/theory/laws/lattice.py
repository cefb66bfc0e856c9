"""The laws of percolation on Z^dim: the largest cluster and all of them, at the threshold and off it.

Symbols: τ, d_f, d_min, ν, κ as in `theory.lattice`; d_ℓ = d_f/d_min, points within ℓ steps ~ ℓ^d_ℓ; ξ = correlation
length; N = points.

The labels live on a tree of each cluster: its breadth-first tree from a random point, or the cut tree of that. With
subcluster variances s^(2a) the number of latents that part two points ℓ steps from each other is dominated by scales up
to ℓ or by the whole cluster, so the variogram grows as ℓ^min(1, d_ℓ − 1 + 2a·d_ℓ): the mean-field argument of §2 with
d_ℓ in place of 2. Loops enter twice: through d_ℓ, and because points near each other in space may be joined through far
away only (κ).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from fractalman.recipe import LatticePercolation
from fractalman.theory.lattice import LatticeConstants, lattice_constants
from fractalman.theory.laws.cluster import RESOLVED
from fractalman.theory.laws.elementary import TIE, variance_limited
from fractalman.theory.laws.ensembles import no_decay
from fractalman.theory.laws.law import Conflict, Law, Window
from fractalman.theory.laws.learners import INTERPOLATION, Traits
from fractalman.theory.laws.sources import GRASSBERGER, PERCOLATION

NEAR_TIE = 0.05
"""Exponents in r closer than this cannot be told from a logarithm at sizes that fit into a computer."""


def lattice_law(recipe: LatticePercolation, traits: Traits) -> Law:
    """Return the law of a learner on clusters of Z^dim."""
    if traits.kind == "linear":
        return _linear(recipe)
    constants = lattice_constants(recipe.dim)
    threshold = constants.site_threshold if recipe.percolation == "site" else constants.bond_threshold
    off = abs(recipe.probability / threshold - 1.0)
    length = math.inf if off == 0.0 else off ** (-1.0 / constants.thermal_exponent)
    if length < recipe.side:
        law = _off_critical(recipe, traits, constants, length, recipe.probability > threshold)
    elif recipe.clusters == "largest":
        law = _largest(recipe, traits, constants)
    else:
        law = _all(recipe, traits, constants)
    notes = [*law.assumptions]
    if traits.kind != "floor":
        notes = [INTERPOLATION, *traits.assumptions, *notes]
    if off > 0.0 and length >= recipe.side:
        notes.append(f"p is off the threshold, but ξ ≈ {length:.3g} lies beyond the box: as at the threshold")
    return replace(law, assumptions=tuple(notes), looked_up=(*law.looked_up, *traits.looked_up))


def _linear(recipe: LatticePercolation) -> Law:
    limited = variance_limited({"d": recipe.space_dim})
    return replace(
        limited,
        name="model-limited",
        statement=f"no decaying power law: points lie on {recipe.space_dim} coordinates, and with n far above that "
        "the risk "
        "rests on that of the best linear function of them; what lies above it falls like 1/n",
        windows=(Window(4.0 * recipe.space_dim, math.inf, None, "the risk of the best linear function is reached"),),
        nearest="variance-limited: L − L(∞) ~ 1/n",
    )


def graph_hurst(label: str, a: float, constants: LatticeConstants) -> tuple[float, bool]:
    """Return 2H, the exponent of the label's variogram in steps along the cluster, and whether it carries a logarithm.

    Args:
        label: "hierarchical" or "brownian". a: its size exponent.
        constants: of the lattice.
    Returns: min(1, d_ℓ − 1 + 2a·d_ℓ), zero or less where the points' own latents outweigh all others.
    """
    if label == "brownian":
        return 1.0, False
    own = constants.chemical_dimension - 1.0 + 2.0 * a * constants.chemical_dimension
    return min(1.0, own), abs(own - 1.0) <= TIE


def _largest(recipe: LatticePercolation, traits: Traits, c: LatticeConstants) -> Law:
    a, N = recipe.label_exponent, float(recipe.max_points)
    rough, tie = graph_hurst(recipe.label, a, c)
    inputs: dict[str, Any] = {
        "dim": c.dim,
        "d_f": c.fractal_dimension,
        "d_min": c.path_dimension,
        "1/ν": c.thermal_exponent,
        "a": a,
    }
    if rough <= 0.0:
        return _rough(recipe, c, inputs)
    if traits.kind == "floor":
        return _floor(recipe, traits, c, inputs)
    in_space, kappa = c.path_dimension * rough, c.strand_exponent
    exponent = min(in_space, kappa) / c.fractal_dimension
    along = rough / c.chemical_dimension
    logarithms = float(tie) + float(abs(in_space - kappa) <= TIE)
    close = abs(in_space - kappa) < NEAR_TIE
    notes = [
        "nearest means nearest in X, which is nearest on the lattice whatever ambient_dim is",
        "n far below N: slopes rise spuriously beyond n = N/16",
    ]
    if close:
        notes.append(
            f"κ = {kappa:.4g} and d_min·2H = {in_space:.4g} all but tie: at every size one can afford that is a "
            "logarithm, "
            "and slopes lie well below the asymptote; compare fits with the local exponent of the curve"
        )
    law = Law(
        name=f"critical cluster of Z^{c.dim}",
        statement=f"variogram ~ ℓ^(2H), 2H = min(1, d_ℓ − 1 + 2a·d_ℓ) = {rough:.4g}, ℓ ~ r^d_min unless joined far "
        "away "
        f"only (κ = {kappa:.4g}), r ~ n^(−1/d_f): α_D = min(d_min·2H, κ)/d_f = {exponent:.4g}",
        data_exponent=exponent,
        model_exponent=along,
        data_logarithms=logarithms,
        model_logarithms=float(tie),
        source="docs/theory.md §3.3; constants: arXiv 1112.3428, 1302.0421, 2004.11289",
        checked="argued; checked for neighbours along the graph, Brownian label: .595 ± .01 for .596 (2 dimensions, "
        "N ≈ 330000), .555 for .545 (3, N ≈ 23000); in X local slopes of .36–.50 and .27–.39",
        reason="the error is the variogram at the nearest training point, which lies n^(−1/d_f) away in space",
        domain="the largest cluster at the threshold, 1 ≪ n ≪ N",
        inputs=inputs,
        computed=("2H from the chemical dimension d_ℓ = d_f/d_min", "κ = d_f − 1/ν, from six dimensions on dim − 4"),
        looked_up=(PERCOLATION, GRASSBERGER),
        assumptions=tuple(notes),
        windows=(Window(1.0, N / RESOLVED, exponent, "beyond N/16 slopes rise spuriously"),),
        conflicts=(
            Conflict(
                "neighbours along the graph",
                "data",
                along,
                "a learner that sees X cannot see which strand of the cluster a neighbour lies on",
            ),
            Conflict(
                "one critical mean-field cluster",
                "data",
                min(0.5, 0.5 + 2.0 * a),
                "clusters below six dimensions have loops and other dimensions",
            ),
        )
        if c.dim < 6
        else (),
        reached=False,
    )
    return _trees(law) if traits.kind == "trees" else law


def _floor(recipe: LatticePercolation, traits: Traits, c: LatticeConstants, inputs: dict[str, Any]) -> Law:
    """min(2x, x + 2a), x = 1 − 1/d_ℓ: in mean field min(1, 1/2 + 2a)."""
    x, a, N = 1.0 - 1.0 / c.chemical_dimension, recipe.label_exponent, float(recipe.max_points)
    brownian = recipe.label == "brownian"
    exponent = 1.0 / c.chemical_dimension if brownian else min(2.0 * x, x + 2.0 * a)
    said = (
        f"nearest of n points along the tree: α_D = 1/d_ℓ = {exponent:.4g}"
        if brownian
        else f"unseen latents lie in subclusters of at most N/n sites: α_D = min(2x, x + 2a) = {exponent:.4g}, x = "
        "1 − 1/d_ℓ"
    )
    return Law(
        name=f"critical cluster of Z^{c.dim}, Bayes floor",
        statement=said,
        data_exponent=exponent,
        model_exponent=None,
        data_logarithms=float(not brownian and abs(x - 2.0 * a) <= TIE),
        source="docs/theory.md §3.3 with d_ℓ in place of 2",
        checked="argued",
        reason="belief propagation knows which subcluster a point lies in, and not only how far its neighbour is",
        domain="the largest cluster at the threshold, 1 ≪ n ≪ N",
        inputs=inputs,
        computed=("x from the chemical dimension",),
        looked_up=(PERCOLATION,),
        assumptions=traits.assumptions,
        windows=(Window(1.0, N / RESOLVED, exponent, "beyond N/16 slopes rise spuriously"),),
        reached=False,
    )


def _rough(recipe: LatticePercolation, c: LatticeConstants, inputs: dict[str, Any]) -> Law:
    least = -(1.0 - 1.0 / c.chemical_dimension) / 2.0
    return Law(
        name="label too rough for its cluster",
        statement=f"a = {recipe.label_exponent:g} is not above −(1 − 1/d_ℓ)/2 = {least:.4g}: every point's own latent "
        "outweighs what it shares, and nothing can be learned",
        data_exponent=None,
        model_exponent=None,
        irreducible=None,
        source="docs/theory.md §3.3",
        checked="argued",
        reason="latents of small subclusters are many, and hold all of the variance as the cluster grows",
        domain="the largest cluster at the threshold",
        inputs=inputs,
        nearest=f"label_exponent above {least:.4g}",
        reached=False,
    )


def _all(recipe: LatticePercolation, traits: Traits, c: LatticeConstants) -> Law:
    law = no_decay(c.size_exponent, float(recipe.max_points), traits)
    share = 1.0 / (c.size_exponent - 1.0)
    return replace(
        law,
        checked="argued; the curve is computed",
        inputs={**law.inputs, "dim": c.dim},
        looked_up=(GRASSBERGER, PERCOLATION),
        assumptions=(
            "nearest means nearest in X: clusters lie between each other, so the neighbour may belong to another one",
            f"the largest cluster holds N^{share - 1:.3g} of the points: in few dimensions most of them at any size "
            "one "
            "can afford, and the curve looks like its own",
        ),
        nearest="clusters = 'largest', "
        + (
            _largest(recipe.replace(clusters="largest", label="brownian", label_exponent=0.0), traits, c).statement
            if recipe.label == "cluster-constant"
            else _largest(recipe.replace(clusters="largest"), traits, c).statement
        ),
    )


def _off_critical(recipe: LatticePercolation, traits: Traits, c: LatticeConstants, length: float, above: bool) -> Law:
    inside = None
    if recipe.label != "cluster-constant":
        as_largest = recipe.replace(clusters="largest", occupation=None)
        inside = _largest(as_largest, traits, c).data_exponent
    inputs = {"dim": c.dim, "p": recipe.probability, "1/ν": c.thermal_exponent, "ξ": length}
    points = float(recipe.max_points)
    within = length**c.fractal_dimension  # sites of a cluster within ξ
    if above:
        return Law(
            name=f"Z^{c.dim} above its threshold",
            statement=f"fractal within ξ ≈ {length:.3g} only; beyond, the infinite cluster fills space, D = "
            f"{c.dim}, and its "
            "breadth-first tree parts neighbours along lines that no law here covers",
            data_exponent=None,
            model_exponent=None,
            irreducible=None,
            source="docs/theory.md §3.6",
            checked="argued; ξ up to a factor of order one",
            reason="the exponent is a window: a cluster looks critical as long as neighbours are nearer than ξ",
            domain="p > p_c, side above ξ",
            inputs=inputs,
            computed=("ξ = |p/p_c − 1|^(−ν), its amplitude taken as 1",),
            looked_up=(PERCOLATION,),
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
            reached=False,
        )
    largest = recipe.clusters == "largest"
    return Law(
        name=f"Z^{c.dim} below its threshold",
        statement=f"clusters end at ξ ≈ {length:.3g}, about {within:.3g} sites, however large the box: no power law "
        "as n "
        "grows",
        data_exponent=None,
        model_exponent=None,
        irreducible=None,
        source="docs/theory.md §3.6",
        checked="argued; ξ up to a factor of order one",
        reason="the largest cluster does not grow with the box"
        if largest
        else "the number of clusters grows like the box, so what one sample teaches is a vanishing share of all",
        domain="p < p_c, side above ξ",
        inputs=inputs,
        computed=("ξ = |p/p_c − 1|^(−ν), its amplitude taken as 1",),
        looked_up=(PERCOLATION,),
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
        reached=False,
    )


def _trees(law: Law) -> Law:
    return replace(
        law,
        name="no law for boosted trees",
        irreducible=None,
        statement="greedy splits, 31 leaves a tree and 255 bins a coordinate: no exponent is derived",
        data_exponent=None,
        data_logarithms=0.0,
        checked="open",
        reason="where a tree's splits fall is decided by the labels, and no theory of that is at hand",
        nearest=f"{law.name}, α_D = {law.data_exponent:.4g}, should leaves be as many as n points resolve",
        conflicts=(),
    )
