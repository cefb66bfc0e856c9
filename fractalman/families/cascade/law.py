"""The laws of random cascades: the Moran equation, quantization, and a kernel's ceiling.

Symbols: β = the Moran exponent, α_P = that of quantization, ν = smoothness of a kernel, R, μ = size and mass of a cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fractalman import theory
from fractalman._typing import F64, AnyInt
from fractalman.families.cascade.recipe import Cascade
from fractalman.families.crowding import crossing_exponent, crowded
from fractalman.families.laws import ExactCurve, Laws, no_law_for_trees
from fractalman.theory.exponents import (
    balanced_order,
    cascade_dimensions,
    log_period,
    moran_exponent,
    moran_exponent_masses,
    quantization_exponent,
    quantization_exponent_masses,
    shared_by_one_tree,
)
from fractalman.theory.laws import elementary
from fractalman.theory.laws.law import Conflict, Law, Window
from fractalman.theory.laws.learner_properties import INTERPOLATION, OPEN, LearnerProperties
from fractalman.theory.laws.sources import BIGGINS, GRAF_LUSCHGY, SPIGLER, YAROTSKY
from fractalman.theory.measures import cascade_spectrum, log_period_masses, shared_by_one_tree_masses


def kinds_of(recipe: Cascade) -> tuple[tuple[tuple[float, ...], ...], tuple[tuple[float, ...], ...]]:
    """Return (masses, ratios) of the kinds of node, as theory takes them."""
    return tuple(p for p, _ in recipe.kinds), tuple(r for _, r in recipe.kinds)


@dataclass(frozen=True)
class _Numbers:
    """What the equations say of one recipe: β, α_P, dimensions, period, and whether one tree shares the average's β."""

    beta: float
    model: float
    d0: float
    d1: float
    period: float | None
    random: bool
    one_tree: bool
    equation: str
    condition: str


def _numbers(recipe: Cascade) -> _Numbers:
    numbers, hurst = recipe.branching_numbers, recipe.hurst
    if recipe.masses is None and not isinstance(recipe.contraction, tuple):
        r = recipe.contraction
        beta = moran_exponent(numbers, r, hurst)
        return _Numbers(
            beta,
            quantization_exponent(numbers, r, hurst),
            *cascade_dimensions(numbers, r),
            log_period(numbers),
            len(set(numbers)) > 1,
            shared_by_one_tree(numbers, beta),
            "E[k^β] = r^(−2H)",
            "φ(β) + (1−β)φ'(β) ≤ 0",
        )
    kinds = kinds_of(recipe)
    found = moran_exponent_masses(*kinds, hurst)
    d0, d1 = cascade_spectrum(kinds[0], [0.0, 1.0], kinds[1]).annealed.tolist()
    return _Numbers(
        found,
        quantization_exponent_masses(*kinds, hurst),
        d0,
        d1,
        log_period_masses(kinds[0]),
        len(set(recipe.kinds)) > 1,
        shared_by_one_tree_masses(*kinds, hurst, found),
        "E Σ_i p_i^(1−β) r_i^(2H) = 1",
        "E Σ A ln A ≥ 0, A = p^(1−β) r^(2H),",
    )


def smoothness_ceiling(recipe: Cascade, smoothness: float) -> float:
    """Return the largest exponent that a kernel of smoothness ν reaches on a cascade, however smooth the label.

    Eigenvalues μ·R^(2ν) of cells counted down to κ number κ^−t with E Σ_i (p_i r_i^(2ν))^t = 1, which is quantization
    of order 2ν; the modes above κ are shrunk by (κ/λ)², hence n^(−2/t) = n^−2(1+α_P(s=2ν)); for one branching number
    2(D + 2ν)/D. Argued, after Spigler, Geiger & Wyart.

    Args:
        recipe: a cascade. smoothness: ν > 0; infinite = no ceiling.
    """
    if math.isinf(smoothness):
        return math.inf
    return 2.0 * (1.0 + quantization_exponent_masses(*kinds_of(recipe), smoothness))


def cascade_law(recipe: Cascade, learner: LearnerProperties) -> Law:
    """Return the law of a learner on a cascade."""
    if learner.kind == "linear":
        return _linear(recipe)
    found = _numbers(recipe)
    law = Law(
        name="Moran equation",
        statement=f"{found.equation}: β = {found.beta:.6g}; D_0 = {found.d0:.4g}, D_1 = {found.d1:.4g}, "
        f"2H/D_0 = {2 * recipe.hurst / found.d0:.4g}",
        data_exponent=found.beta,
        model_exponent=None if learner.kind == "floor" else found.model,
        source=_SOURCE.get(learner.name, _SOURCE[""]),
        evidence=_EVIDENCE.get(learner.name, OPEN),
        reason=_REASON[learner.kind],
        domain="noiseless labels, n below the mass of the last level's cells, d > 2D",
        assumptions=_notes(recipe, learner, found),
        inputs=_inputs(recipe),
        computed=(f"β from {found.equation}", "α_P from quantization of order s = 2H", "D_0 and D_1 of the recipe"),
        references=(GRAF_LUSCHGY, *learner.references, *((BIGGINS,) if found.random else ())),
        windows=_windows(recipe, found.beta),
        conflicts=tuple(_conflicts(recipe, learner, found)),
        log_period=found.period,
        attained=learner.name != "gaussian-kernel",
    )
    if learner.kind == "trees":
        return no_law_for_trees(
            law,
            "splits along coordinates, found greedily, 31 leaves a tree and 255 bins a coordinate: no exponent is "
            f"derived; {law.statement}",
            model_exponent=law.model_exponent,  # of the best cells, whoever finds them
            nearest=f"the Moran equation, β = {found.beta:.4g}, should leaves be as many as the cells that n points "
            "resolve; P leaves are never better than optimal quantization",
            conflicts=(),
        )
    if learner.kind == "kernel":
        law = _capped(recipe, learner, law, found.beta)
    return crowded(law, learner, recipe.ambient_dim, found.d0, _crossing(recipe, found))


def _crossing(recipe: Cascade, found: _Numbers) -> float | None:
    """Return the exponent with which crossing branches are nearest, infinite where they never count.

    E Σ p^(1−b) r^d = 1 gives n^(1−b); where cells of one size differ in mass that bounds it from below.
    """
    d = recipe.ambient_dim
    if math.isclose(found.d0, found.d1, rel_tol=1e-9):
        return crossing_exponent(d, found.d0)
    if d <= found.d0:
        return None
    b = (
        moran_exponent_masses(*kinds_of(recipe), 0.5 * d)
        if recipe.masses is not None or isinstance(recipe.contraction, tuple)
        else moran_exponent(recipe.branching_numbers, recipe.contraction, 0.5 * d)
    )
    return math.inf if b - 1.0 > found.beta else None


def _capped(recipe: Cascade, learner: LearnerProperties, law: Law, beta: float) -> Law:
    """A kernel's law: the Moran exponent, or the kernel's own where the label is smoother than it can use."""
    nu = learner.kernel_smoothness
    ceiling = smoothness_ceiling(recipe, nu)
    limit = f"2(D+{2 * nu:g})/D"
    note = (
        f"2H within twice the kernel's smoothness: β must not exceed {ceiling:.4g}, {limit} for one k"
        if math.isfinite(ceiling)
        else "the kernel is analytic: no ceiling from its smoothness"
    )
    law = replace(law, assumptions=(*law.assumptions, note))
    if beta <= ceiling:
        return law
    return replace(
        law,
        name="kernel's smoothness",
        data_exponent=ceiling,
        statement=f"the kernel's ceiling {ceiling:.6g} lies below {law.statement}",
        reason="the label is smoother than the kernel can use: the risk decays at the kernel's own rate",
        conflicts=(
            Conflict("Moran equation", "data", beta, "the kernel's own modes decay more slowly; the smaller one rules"),
            *law.conflicts,
        ),
    )


def _linear(recipe: Cascade) -> Law:
    d = recipe.ambient_dim
    limited = elementary.variance_limited()
    return Law.none(
        name="model-limited",
        statement=f"no decaying power law: with n far above d = {d} the risk rests on that of the best linear "
        "function, and what lies above it falls like 1/n",
        excess_exponent=1.0,
        source="docs/theory.md §5; variance-limited: Bahri et al., arXiv 2102.06701",
        evidence="follows from the number of coefficients, which is d whatever n is",
        because="a linear function of d coordinates resolves a few levels of the cascade and no more",
        domain="n far above d",
        assumptions=("inputs of fixed ambient dimension",),
        inputs={"d": d},
        references=limited.references,
        windows=(Window(4.0 * d, math.inf, None, "the risk of the best linear function is reached"),),
        nearest="variance-limited: L − L(∞) ~ 1/n",
        attained=True,
    )


def _inputs(recipe: Cascade) -> dict[str, Any]:
    plain = recipe.masses is None and not isinstance(recipe.contraction, tuple)
    shown = {"k": recipe.branching} if plain else {"p": recipe.masses or "equal"}
    return {**shown, "r": recipe.contraction, "H": recipe.hurst, "d": recipe.ambient_dim}


def _notes(recipe: Cascade, learner: LearnerProperties, found: _Numbers) -> tuple[str, ...]:
    notes = [*learner.assumptions]
    if learner.kind != "floor":
        notes.insert(0, INTERPOLATION)
        notes.append("nearest in X means nearest in the hierarchy: d > 2D, in practice d of 24 or more")
        if recipe.ambient_dim <= 2.0 * found.d0:
            notes.append(f"warning: d = {recipe.ambient_dim} is not above 2D = {2 * found.d0:.3g}, cells overlap in X")
    if not recipe.equal_ratios:
        notes.append("risks are in units of the average prior variance; a point's own depends on its path's ratios")
        if learner.kind == "local":
            notes.append("of the points that share most levels any may be the neighbour, in X it is the nearest")
            largest = max(map(max, (ratios for _, ratios in recipe.kinds)))
            if largest > math.sqrt(0.5):
                notes.append(f"warning: a ratio of {largest:g} > 0.707 makes cells of several levels of like size in X")
    if found.random:
        notes.append("annealed: the exponent of the risk averaged over trees")
        if not found.one_tree:
            notes.append(
                f"warning: {found.condition} at β = {found.beta:.4g}, so rare trees make the average and one tree "
                "decays at another rate"
            )
    if found.period is not None:
        notes.append(
            f"log-periodic: local slopes repeat with every factor {found.period:g} in n; fit over whole periods"
        )
    if recipe.depth is not None or recipe.levels < 16:
        notes.append(f"the power law ends where the last level is resolved, near n = {_shown(_last_cell(recipe))}")
    return tuple(notes)


def _last_cell(recipe: Cascade) -> float:
    """log10 of the number of training points at which a typical cell of the last level holds one."""
    entropy = sum(-p * math.log10(p) for masses, _ in recipe.kinds for p in masses) / len(recipe.kinds)
    return recipe.levels * entropy


def _shown(log10: float) -> str:
    return f"{10**log10:.3g}" if log10 < 15 else f"10^{log10:.0f}"


def _windows(recipe: Cascade, beta: float) -> tuple[Window, ...]:
    log10 = _last_cell(recipe)
    if log10 > 12.0:
        return ()
    return (Window(1.0, 10.0**log10, beta, "beyond it the last level is resolved and the risk ends"),)


def _conflicts(recipe: Cascade, learner: LearnerProperties, found: _Numbers) -> list[Conflict]:
    out = []
    by_set, by_measure = 2.0 * recipe.hurst / found.d0, 2.0 * recipe.hurst / found.d1
    for name, value in (("2H/D_0, the set's dimension", by_set), ("2H/D_1, the measure's dimension", by_measure)):
        if abs(value - found.beta) > 1e-9 * found.beta:
            out.append(
                Conflict(name, "data", value, "cells differ in mass, and the Moran equation weighs each as it errs")
            )
    if learner.kind != "floor" and found.model > found.beta * (1.0 + 1e-9):
        out.append(
            Conflict(
                "optimal quantization with n cells",
                "data",
                found.model,
                "training points fall where the mass is, not where cells are best placed; it bounds β from above",
            )
        )
    if learner.kind == "network":
        out.append(
            Conflict(
                YAROTSKY.work,
                "model",
                2.0 * found.model,
                "weights that depend discontinuously on the target can reach twice the exponent of quantization; "
                "training by gradients is not known to find them",
            )
        )
    return out


_REASON = {
    "local": "the nearest of n points shares all cells of mass above about 1/n; only the label's levels below are "
    "wrong",
    "kernel": "a kernel rougher than it need be resolves the same cells of mass 1/n as one neighbour does",
    "network": "a network that interpolates is a local learner: it can only be right in cells that hold a training "
    "point",
    "trees": "where a tree's splits fall is decided by the labels, and no theory of that is at hand",
    "floor": "the levels of cells without a training point are unknown to everybody",
}
_SOURCE = {
    "": f"docs/theory.md §3.1; {SPIGLER.work}, for the kernel's smoothness",
    "1-nn": "renewal at the root, docs/theory.md §3.1; model: Graf & Luschgy 2000, §3.2",
    "k-nn": "docs/theory.md §3.1; model: Graf & Luschgy 2000, §3.2",
    "gradient-boosting": "none; model: Graf & Luschgy 2000, §3.2",
    "mlp": "docs/theory.md §3.1 and §6; model: Graf & Luschgy 2000, §3.2",
    "bayes": "docs/theory.md §4",
}
_EVIDENCE = {
    "1-nn": "checked: 24 seeds, n = 128…16384, within .025 of β for five constant and three random branchings",
    "k-nn": "argued: k points in a cell instead of one; expected risk at k = 4, H = ½, n = 64…1000: local slope "
    ".487 for .5",
    "random-features": "open; expected risk at k = 4, H = ½, n = 64…1000: local slope .44 where .5 is due",
    "laplace-kernel": "checked: 24 seeds, n = 128…16384, within .04 of β for five constant branchings; ceiling open",
    "gaussian-kernel": "literature; expected risk at k = 4, H = ½, n = 64…1000: local slope .43 where .5 is due",
    "matern-kernel": "open; expected risk at k = 4, H = ½, n = 64…1000: local slope .45 where .5 is due",
    "ntk-kernel": "open; expected risk at k = 4, H = ½, n = 64…1000: local slope .485 where .5 is due",
    "gradient-boosting": "open",
    "mlp": "open: interpolating, n = 128…2048, 8 seeds: .48 ± .05, 1.01 ± .09, .60 ± .01 where .5, 1, .667 are due",
    "bayes": "checked: 8 seeds, n = 128…16384, slopes 1.003, .502, .404, .459 for k = 2, 4, {1,16}, {2,8} at H = 1/2",
}


def noisy_exponent(recipe: Cascade, learner: LearnerProperties, clean: float) -> tuple[float, tuple[str, ...]]:
    """Cells with μ·R^(2ν) above κ are learned: κ^−t of them pay σ²/n each, the others leave κ^b; ν = H for the floor.

    E Σ (p r^(2ν))^t = 1, E Σ p r^(2H) (p r^(2ν))^(−b) = 1, and κ^b = κ^−t/n gives n^(−b/(b+t)). A kernel shrinks what
    it learns by κ/λ, hence b ≤ 2.
    """
    kinds, hurst = kinds_of(recipe), recipe.hurst
    crossing = _crossing(recipe, _numbers(recipe))
    if learner.kind != "floor" and crossing is not None and crossing <= clean * (1.0 + 1e-9):
        return elementary.tuned_with_noise(clean), (
            "above the noise: branches that cross are as many among more points, argued",
        )
    nu = hurst if learner.kind == "floor" else float(learner.smoothness or hurst)
    t = 1.0 / (1.0 + quantization_exponent_masses(*kinds, nu))
    b = balanced_order(*kinds, hurst, nu)
    if learner.kind == "kernel":
        b = min(b, 2.0)
    return b / (b + t), ("above the noise: cells with n·μ·R^(2ν) above the ridge are learned, argued",)


def width_exponent(recipe: Cascade, learner: LearnerProperties, clean: float) -> float | None:
    """min(β, D + 2ν over D) for cells of one mass at every size: the P leading modes of the kernel leave that much.

    Where cells of one size differ in mass the order of modes is not the order of cells, and where branches cross not
    all of the label lies in the kernel's modes: None.
    """
    found = _numbers(recipe)
    crossing = _crossing(recipe, found)
    if not math.isclose(found.d0, found.d1, rel_tol=1e-9) or (crossing is not None and crossing <= clean):
        return None
    return min(clean, 0.5 * smoothness_ceiling(recipe, learner.kernel_smoothness))


def exact_curve(recipe: Cascade, learner: str) -> ExactCurve | None:
    """Return the exact annealed curve of one neighbour as one replicate without error."""
    if learner != "1-nn":
        return None

    def compute(sizes: tuple[int, ...]) -> F64:
        n = np.array(sizes)
        if recipe.masses is None and not isinstance(recipe.contraction, tuple):
            curve = theory.cascade_curve(recipe.branching_numbers, recipe.contraction, recipe.hurst, recipe.levels, n)
        else:
            curve = theory.cascade_curve_masses(*kinds_of(recipe), recipe.hurst, recipe.levels, n)
        return curve[None, :] + 2.0 * recipe.noise**2  # that of the neighbour's label and that of the test point's

    return "1-nn in the hierarchy, exact annealed series", compute


def model_curve(recipe: Cascade, cells: AnyInt) -> F64:
    """Return the risk of the best P cells with infinitely many data."""
    return theory.cascade_model_curve(*kinds_of(recipe), recipe.hurst, cells) + recipe.noise**2


NEIGHBOUR_DOMAIN = ((24, 0.5), (32, 0.6), (64, 0.7))
"""From so many dimensions on, for ratios up to this one, one neighbour in X has the risk of one in the hierarchy."""
_MEASURED_CHILDREN, _MEASURED_HURST = 16, 0.9


def neighbour_bias(recipe: Cascade) -> float | None:
    """Return .01 inside the domain that was measured (docs/theory/neighbour-domain.md), None outside."""
    r = recipe.contraction
    if isinstance(r, tuple) or recipe.masses is not None:
        return None
    if max(recipe.branching_numbers) > _MEASURED_CHILDREN or recipe.hurst > _MEASURED_HURST:
        return None
    return 0.01 if any(recipe.ambient_dim >= d and r <= ratio for d, ratio in NEIGHBOUR_DOMAIN) else None


def class_exponent(recipe: Cascade) -> tuple[float, float]:
    """Return the exponent of one neighbour's 0–1 risk and the power of ln n beside it.

    A point of a crossing branch has the other class as often as any, so their exponent is that of the squared error.
    """
    own, crossing = theory.cascade_class_exponent(*kinds_of(recipe), recipe.hurst), _crossing(recipe, _numbers(recipe))
    return (crossing, 0.0) if crossing is not None and 0.0 < crossing < own else (own, 0.0)


LAWS = Laws[Cascade](
    law=cascade_law,
    noisy_exponent=noisy_exponent,
    exact_curve=exact_curve,
    neighbour_bias=neighbour_bias,
    model_curve=model_curve,
    width_exponent=width_exponent,
    class_exponent=class_exponent,
)
