"""Which law holds for which recipe and learner: exponents with their reason, source, standing and assumptions.

Symbols: n = training points, P = cells or parameters, N = population, D = dimension, H = Hurst exponent,
r = contraction, k = branching, a = size exponent of the label, L = risk in units of the label's prior variance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from fractalman.errors import RecipeError, nearest
from fractalman.recipe import Cascade, PercolationCluster, Recipe
from fractalman.theory.exponents import (
    cascade_dimensions,
    critical_cluster_asymptotics,
    log_period,
    moran_exponent,
    moran_exponent_masses,
    quantization_exponent,
    quantization_exponent_masses,
    shared_by_one_tree,
)
from fractalman.theory.measures import cascade_spectrum, kinds_of, log_period_masses, shared_by_one_tree_masses

LEARNERS = ("1-nn", "ridge", "laplace-kernel", "mlp", "bayes")
"""The learners for which a law is known."""


@dataclass(frozen=True)
class Law:
    """A predicted scaling law, L ~ n^−data_exponent and L ~ P^−model_exponent.

    Args:
        data_exponent: α_D, or None where no power law holds.
        model_exponent: α_P of the best piecewise-constant model with P cells, or None where the learner has no law.
        logarithmic: whether the data law is n^−α_D·ln n.
        name: the law in a few words.
        statement: the law as a formula in words.
        source: where it comes from.
        checked: how far it was checked.
        assumptions: what must hold for it, and every warning, one sentence each.
        why: why this law holds for this learner, or why there is none.
        log_period: the factor in n after which the curve repeats its wiggle, or None.
        reached: whether a fit at sizes that one can afford shows the asymptote; if not, only a finite-size curve can
            be compared with it.
    """

    data_exponent: float | None
    model_exponent: float | None
    logarithmic: bool
    name: str
    statement: str
    source: str
    checked: str
    assumptions: tuple[str, ...]
    why: str = ""
    log_period: float | None = None
    reached: bool = True


def law_of(recipe: Recipe, learner: str) -> Law:
    """Return the law that a learner must follow on a recipe's data.

    Args:
        recipe: a `Cascade` or a `PercolationCluster`.
        learner: "1-nn", "ridge", "laplace-kernel", "mlp" or "bayes" (the floor that no learner beats).
    Errors: RecipeError for a learner or a family without a law.
    Source: docs/theory.md §3.
    """
    if learner not in LEARNERS:
        raise RecipeError(
            f"no law is known for learner {learner!r}: "
            f"allowed are {', '.join(LEARNERS)}{nearest(str(learner), LEARNERS)}"
        )
    if isinstance(recipe, Cascade):
        law = _cascade_law(recipe, learner)
    elif isinstance(recipe, PercolationCluster):
        law = _cluster_law(recipe, learner)
    else:
        raise RecipeError(f"no law is known for family {recipe.family!r}: allowed are cascade, percolation-cluster")
    return _with_added(law, recipe, learner)


def _with_added(law: Law, recipe: Recipe, learner: str) -> Law:
    """Return the law of a recipe with label noise and nuisance coordinates: it names what no longer holds."""
    if recipe.noise:
        floor = "σ² of the test labels" if learner == "bayes" else "σ² of the test labels and what noise it learns"
        law = replace(
            law,
            data_exponent=None,
            model_exponent=None,
            logarithmic=False,
            statement=f"noisy labels, σ = {recipe.noise:g}: the risk rests on {floor}; clean labels: {law.statement}",
            assumptions=(
                *(note for note in law.assumptions if note != _INTERPOLATION),
                "label noise is independent of everything; the label tree is that of the clean labels",
            ),
        )
    if recipe.nuisance_dim and learner != "bayes":
        law = replace(
            law,
            data_exponent=None,
            logarithmic=False,
            assumptions=(
                *law.assumptions,
                f"warning: {recipe.nuisance_dim} nuisance coordinates of scale {recipe.nuisance_scale:g} stand beside "
                "the label's own; the law without them holds only where distances are far above that scale, and the "
                "curve ignores them",
            ),
        )
    return law


# ---------------------------------------------------------------------------------------------------- what a learner is

_INTERPOLATION = "noiseless labels, and the learner interpolates them"
_WHY = {
    "1-nn": "the nearest of n points shares all cells of mass above about 1/n; only the label's levels below are wrong",
    "laplace-kernel": "a kernel rougher than it need be resolves the same cells of mass 1/n as one neighbour does",
    "mlp": "a network that interpolates is a local learner: it can only be right in cells that hold a training point",
    "bayes": "the levels of cells without a training point are unknown to everybody",
}
_LEARNER_ASSUMPTIONS = {
    "1-nn": (),
    "laplace-kernel": ("length = median training distance and a ridge small enough to interpolate",),
    "mlp": ("data-limited points: training risk far below test risk, more steps or width change nothing",),
    "bayes": ("the floor knows the hierarchy and the variances, and is averaged over labels",),
}


def _smoothness_ceiling(recipe: Cascade) -> float:
    """Return the largest exponent a Laplace kernel reaches on a cascade, however smooth the label.

    Eigenvalues μ·R of cells counted down to κ number κ^−t with E Σ_i (p_i r_i)^t = 1, which is quantization at s = 1;
    the modes above κ are shrunk by (κ/λ)², hence n^(−2/t) = n^−2(1+α_P(s=1)); for one branching number 2(D+1)/D.
    """
    return 2.0 * (1.0 + quantization_exponent_masses(*kinds_of(recipe), 0.5))


# ---------------------------------------------------------------------------------------------------- cascade


def _cascade_law(recipe: Cascade, learner: str) -> Law:
    numbers, hurst = recipe.branching_numbers, recipe.hurst
    if recipe.masses is None and not isinstance(recipe.contraction, tuple):
        r = recipe.contraction
        beta, model = moran_exponent(numbers, r, hurst), quantization_exponent(numbers, r, hurst)
        d0, d1 = cascade_dimensions(numbers, r)
        period, random = log_period(numbers), len(set(numbers)) > 1
        one_tree = shared_by_one_tree(numbers, beta)
        equation, condition = "E[k^β] = r^(−2H)", "φ(β) + (1−β)φ'(β) ≤ 0"
    else:
        kinds = kinds_of(recipe)
        beta, model = moran_exponent_masses(*kinds, hurst), quantization_exponent_masses(*kinds, hurst)
        d0, d1 = cascade_spectrum(recipe, [0.0, 1.0]).annealed.tolist()
        period, random = log_period_masses(kinds[0]), len(set(recipe.kinds)) > 1
        one_tree = shared_by_one_tree_masses(*kinds, hurst, beta)
        equation, condition = "E Σ_i p_i^(1−β) r_i^(2H) = 1", "E Σ A ln A ≥ 0, A = p^(1−β) r^(2H),"
    if learner == "ridge":
        return Law(
            data_exponent=None,
            model_exponent=None,
            logarithmic=False,
            name="model-limited",
            statement=f"no decaying power law: with n far above d = {recipe.ambient_dim} the risk rests on that of "
            "the best linear function",
            source="docs/theory.md §5",
            checked="follows from the number of coefficients, which is d whatever n is",
            assumptions=("inputs of fixed ambient dimension",),
            why="a linear function of d coordinates resolves a few levels of the cascade and no more",
        )
    notes = [*_LEARNER_ASSUMPTIONS[learner]]
    if learner != "bayes":
        notes.insert(0, _INTERPOLATION)
        notes.append("nearest in X means nearest in the hierarchy: d > 2D, in practice d of 24 or more")
        if recipe.ambient_dim <= 2.0 * d0:
            notes.append(f"warning: d = {recipe.ambient_dim} is not above 2D = {2 * d0:.3g}, cells overlap in X")
    if not recipe.equal_ratios:
        notes.append("risks are in units of the average prior variance; a point's own depends on its path's ratios")
        if learner == "1-nn":
            notes.append("of the points that share most levels any may be the neighbour, in X it is the nearest")
            largest = max(map(max, (ratios for _, ratios in recipe.kinds)))
            if largest > math.sqrt(0.5):
                notes.append(f"warning: a ratio of {largest:g} > 0.707 makes cells of several levels of like size in X")
    if random:
        notes.append("annealed: the exponent of the risk averaged over trees")
        if not one_tree:
            notes.append(
                f"warning: {condition} at β = {beta:.4g}, so rare trees make the average and one tree decays "
                "at another rate"
            )
    if period is not None:
        notes.append(f"log-periodic: local slopes repeat with every factor {period:g} in n; fit over whole periods")
    if recipe.depth is not None or recipe.levels < 16:
        notes.append(f"the power law ends where the last level is resolved, near n = {_last_cell(recipe)}")
    exponent, why, standing = beta, _WHY[learner], _CASCADE_STANDING[learner]
    if learner == "laplace-kernel":
        ceiling = _smoothness_ceiling(recipe)
        notes.append(f"2H within twice the kernel's smoothness: β must not exceed {ceiling:.4g}, 2(D+1)/D for one k")
        if beta > ceiling:
            exponent = ceiling
            why = "the label is smoother than the kernel can use: the risk decays at the kernel's own rate"
    return Law(
        data_exponent=exponent,
        model_exponent=None if learner == "bayes" else model,
        logarithmic=False,
        name="Moran equation" if exponent == beta else "kernel's smoothness",
        statement=("" if exponent == beta else f"the kernel's ceiling {exponent:.6g} lies below ")
        + f"{equation}: β = {beta:.6g}; D_0 = {d0:.4g}, D_1 = {d1:.4g}, 2H/D_0 = {2 * hurst / d0:.4g}",
        source=_CASCADE_SOURCE[learner],
        checked=standing,
        assumptions=tuple(notes),
        why=why,
        log_period=period,
    )


def _last_cell(recipe: Cascade) -> str:
    entropy = sum(-p * math.log10(p) for masses, _ in recipe.kinds for p in masses) / len(recipe.kinds)
    log10 = recipe.levels * entropy
    return f"{10**log10:.3g}" if log10 < 15 else f"10^{log10:.0f}"


_CASCADE_SOURCE = {
    "1-nn": "renewal at the root, docs/theory.md §3.1; model: Graf & Luschgy 2000, §3.2",
    "laplace-kernel": "docs/theory.md §3.1; Spigler, Geiger & Wyart, arXiv 1905.10843, for the kernel's smoothness",
    "mlp": "docs/theory.md §3.1 and §6; model: Graf & Luschgy 2000, §3.2",
    "bayes": "docs/theory.md §4",
}
_CASCADE_STANDING = {
    "1-nn": "checked: 24 seeds, n = 128…16384, within .025 of β for five constant and three random branchings",
    "laplace-kernel": "checked: 24 seeds, n = 128…16384, within .04 of β for five constant branchings; ceiling open",
    "mlp": "open: interpolating, n = 128…2048, 8 seeds: .48 ± .05, 1.01 ± .09, .60 ± .01 where .5, 1, .667 are due",
    "bayes": "checked: 8 seeds, n = 128…16384, slopes 1.003, .502, .404, .459 for k = 2, 4, {1,16}, {2,8} at H = 1/2",
}

# ---------------------------------------------------------------------------------------------------- critical cluster


def _cluster_law(recipe: PercolationCluster, learner: str) -> Law:
    a = recipe.label_exponent
    asymptotics = critical_cluster_asymptotics(recipe.label, a)
    if learner == "ridge":
        return Law(
            data_exponent=None,
            model_exponent=None,
            logarithmic=False,
            name="kriging, then model-limited",
            statement=f"no power law holds throughout: while n is far below d = {recipe.ambient_dim} linear regression "
            "is kriging with the tree's Brownian covariance and follows the curve of one neighbour; near n = d it "
            "saturates",
            source="docs/theory.md §5",
            checked="checked: slopes .27–.35 beside .35 of 1-NN (N = 60000, d = 2048)",
            assumptions=(f"window: n far below d = {recipe.ambient_dim}",),
            why="inner products of an embedded tree are shared path lengths, as long as d tells them apart",
        )
    floor = learner == "bayes"
    exponent = asymptotics.bayes_exponent if floor else asymptotics.data_exponent
    logarithm = asymptotics.bayes_logarithm if floor else asymptotics.logarithm
    notes = ["n far below N: slopes rise spuriously beyond n = N/16"]
    notes.append("asymptote: compare fits with the local exponent of the curve over the same sizes")
    if not floor:
        notes = [_INTERPOLATION, *_LEARNER_ASSUMPTIONS[learner], *notes]
        notes.append("nearest in X means nearest in the graph (d of 100 or more)")
    else:
        notes += _LEARNER_ASSUMPTIONS[learner]
    if learner == "laplace-kernel":
        notes.append("2H_e/D ≤ 1/2 is far below the kernel's own ceiling 2(D+1)/D = 5/2 at D = 4")
    if asymptotics.logarithm and not floor:
        notes.append("the logarithm keeps every local slope at reachable n well below 1/2 (.24 to .41)")
    if recipe.label == "hierarchical" and a < 0:
        notes.append("a < 0: slopes at reachable N are far from the asymptote: .15 and .21 at a = -.2 and -.125")
    if floor:
        statement = "unseen latents lie in subclusters of at most N/n sites: α_D = min(1, 1/2 + 2a)"
    else:
        statement = "variogram ~ ℓ^(2H_g), nearest of n points ~ √(N/n) edges away: α_D = 2H_g/D = min(1/2, 1/2 + 2a)"
    if recipe.label == "brownian":
        statement = "variogram ~ ℓ, nearest of n points ~ √(N/n) edges away: α_D = 1/2"
    if logarithm:
        statement += ", with a logarithm: L ≈ C ln(n)/√n, C = .75–.82" if not floor else ", with a logarithm"
    return Law(
        data_exponent=exponent,
        model_exponent=None if floor else asymptotics.data_exponent,
        logarithmic=logarithm,
        name="critical cluster" if not floor else "critical cluster, Bayes floor",
        statement=statement,
        source="docs/theory.md §4" if floor else "docs/theory.md §3.3; model: s/D with p_i = r_i^D, §3.2",
        checked=_CLUSTER_STANDING[learner],
        assumptions=tuple(notes),
        why=_CLUSTER_WHY[learner],
        reached=False,
    )


_CLUSTER_WHY = {
    "1-nn": "the error is the variogram at the nearest training point; graph and Euclidean metric agree",
    "laplace-kernel": "a kernel of distances knows the tree's metric and not its hierarchy, like one neighbour",
    "mlp": "a network that knows distances only interpolates like one neighbour; finding the hierarchy beats that",
    "bayes": "belief propagation knows which subcluster a point lies in, and not only how far its neighbour is",
}
_CLUSTER_STANDING = {
    "1-nn": "checked: C = .75–.82 for n = 32…32768 at a = 0; finite-size slopes for a = −.2, −.125, .25, .5",
    "laplace-kernel": "checked: .35 beside .35 of 1-NN at N = 60000; the asymptote itself is unchecked",
    "mlp": "open",
    "bayes": "argued; checked: N = 2·10⁶, 8 trees, n = 64…16384: slopes .23, .44, .68, .88, .96 for "
    "a = −.125, 0, .125, .25, .5, a little below the asymptotes",
}
