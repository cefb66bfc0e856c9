"""Random cascades: the learning curve of one neighbour, and dimensions by counting the cells of drawn trees."""

from __future__ import annotations

import numpy as np
from scipy import stats

import fractalman as fm
from _long_tier.core import Outcome, chi_square, count, family, mean_test, seed_range
from fractalman import theory
from fractalman.families.cascade.law import kinds_of
from fractalman.families.cascade.paths import CascadePaths

CASCADES = {
    "k=2,H=1/2": fm.Cascade(n_points=1, branching=2, hurst=0.5, ambient_dim=48),
    "k=4,H=1/2": fm.Cascade(n_points=1, branching=4, hurst=0.5, ambient_dim=48),
    "k=4,H=1": fm.Cascade(n_points=1, branching=4, hurst=1.0, ambient_dim=48),
    "k=8,H=1": fm.Cascade(n_points=1, branching=8, hurst=1.0, ambient_dim=48),
    "k=1or16,H=1/2": fm.Cascade(n_points=1, branching=(1, 16), hurst=0.5, ambient_dim=48),
    "k=2or8,H=1/2": fm.Cascade(n_points=1, branching=(2, 8), hurst=0.5, ambient_dim=48),
}


@family("cascade/1-nn-exponent/{0}", *CASCADES)
def moran(scale: float, name: str) -> Outcome:
    """Exponent of 1-NN in X over n = 64…4096 against that of the exact annealed curve; control: 1/2.2, 2H/D_0, 2H/D_1.

    Every learning curve is averaged over labels exactly; one curve a seed. Control for one k: a contraction of 1/2.2;
    for random k both naive exponents, those of the set's dimension and of the measure's. 256 curves leave errors of
    .0016 and less (.0025 for k = 2), the controls lie .03 away and more.
    """
    from fractalman.nearest import nearest

    sizes, tests = 2 ** np.arange(6, 13), 1000
    m, risks = count(scale, 256, 6), []
    for s in seed_range(m, 14):
        recipe = CASCADES[name].replace(n_points=int(sizes[-1]) + tests, seed=s)
        data = fm.generate(recipe)
        test = np.arange(sizes[-1], sizes[-1] + tests)
        risks.append([theory.pair_risk(data, nearest(data.X[:n], data.X[test]), test).mean() for n in sizes])

    def due(contraction: float) -> float:
        curve = theory.cascade_curve(recipe.branching_numbers, contraction, recipe.hurst, recipe.levels, sizes)
        return fm.measure.fit_power_law(sizes, curve).value

    fit = fm.measure.fit_power_law(sizes, np.array(risks))

    def p_value(exponent: float) -> float:
        return float(2 * stats.t.sf(abs(fit.value - exponent) / fit.standard_error, m - 1))

    slopes = np.array([-np.polyfit(np.log(sizes), np.log(r), 1)[0] for r in risks])
    scores = (slopes - slopes.mean()) / slopes.std(ddof=1)
    numbers, ratio = recipe.branching_numbers, recipe.contraction
    assert isinstance(ratio, float)
    beta = theory.moran_exponent(numbers, ratio, recipe.hurst)
    remark = f"measured {fit.value:.4f} ± {fit.standard_error:.4f}, exact curve {due(ratio):.4f}, β = {beta:.4f}"
    wrong = [due(1 / 2.2)]
    if len(set(numbers)) > 1:
        wrong = [2 * recipe.hurst / dimension for dimension in theory.cascade_dimensions(numbers, ratio)]
    return Outcome(p_value(due(ratio)), m, max(map(p_value, wrong)), scores, remark)


# ---------------------------------------------------------------------------------------------------- dimensions

TREES = {
    "k=2or8": (fm.Cascade(n_points=1, branching=(2, 8)), 3, (0.0, 1.0, 2.0)),
    "k=1or16": (fm.Cascade(n_points=1, branching=(1, 16)), 2, (0.0, 1.0)),
    "three-kinds": (
        fm.Cascade(
            n_points=1,
            masses=((0.7, 0.3), (1.0,), (0.5, 0.25, 0.25)),
            contraction=((0.3, 0.6), (0.9,), (0.5, 0.4, 0.2)),
        ),
        4,
        (-1.0, 0.0, 0.5, 1.0, 2.0, 3.0),
    ),
    "k=4": (fm.Cascade(n_points=1, branching=4), 2, ()),
    "one-kind": (fm.Cascade(n_points=1, masses=(0.7, 0.2, 0.1), contraction=(0.3, 0.5, 0.5)), 4, ()),
}
"""Recipe, level whose cells are counted, and as many moments q as cells of equal mass can tell apart."""


def paths_of(recipe: fm.Cascade, levels: int, seed: int) -> CascadePaths:
    """The paths of a cascade's points down to a level."""
    masses = None if recipe.masses is None else tuple(p for p, _ in recipe.kinds)
    return CascadePaths(seed, recipe.branching_numbers, levels, masses)


def cells(recipe: fm.Cascade, levels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(ln mass, ln size) of every cell of a level of one drawn tree: points are drawn until their cells weigh 1."""
    masses, ratios = (np.concatenate([kind[i] for kind in recipe.kinds]) for i in (0, 1))
    paths, points = paths_of(recipe, levels, seed), 1024
    while True:
        addresses, steps = paths.steps(np.arange(points))
        first = np.unique(addresses[:, -1], return_index=True)[1]
        log_mass = np.log(masses[steps[first]]).sum(axis=1)
        if abs(float(np.exp(log_mass).sum()) - 1.0) < 1e-9:
            return log_mass, np.log(ratios[steps[first]]).sum(axis=1)
        points *= 2


@family("cascade/dimensions/{0}", "k=2or8", "k=1or16", "three-kinds")
def counted_dimensions(scale: float, name: str) -> Outcome:
    """Σ μ^q R^(−τ) over all cells of drawn trees is 1 on average for several q; control: D_1 in place of every D_q.

    At q = 1 the entropy instead, Σ μ ln μ = D_1 Σ μ ln R on average. The control is off by a quarter and more at q = 0
    on every level, one tree's sum by its own size: beyond 20 standard errors of 1000 trees.
    """
    recipe, levels, moments = TREES[name]
    q, one = np.array(moments), np.array(moments) == 1.0
    masses, ratios = kinds_of(recipe)
    dimension = theory.cascade_spectrum(masses, q, ratios).annealed
    m = count(scale, 8_000, 300)
    found, wrong = np.empty((m, q.size)), np.empty((m, q.size))
    number = []
    for i, s in enumerate(seed_range(m, 20)):
        log_mass, log_size = cells(recipe, levels, s)
        number.append(log_mass.size)
        for row, of in ((found, dimension), (wrong, np.full(q.size, dimension[one]))):
            row[i] = np.exp(np.outer(q, log_mass) - np.outer((q - 1.0) * of, log_size)).sum(axis=1)
            row[i, one] = 1.0 + np.exp(log_mass) @ (log_mass - float(dimension[one][0]) * log_size)
    p, scores = mean_test(found, np.ones(q.size))
    shown = ", ".join(f"D_{x:g} = {value:.4f}" for x, value in zip(q, dimension, strict=True))
    remark = f"{shown}; {np.mean(number):.1f} cells a tree at level {levels}"
    return Outcome(p, m, mean_test(wrong, np.ones(q.size))[0], scores, remark)


@family("cascade/shared-levels/{0}", *TREES)
def shared_levels(scale: float, name: str) -> Outcome:
    """Levels that two points of one tree share: geometric, with (E Σ p²)^l; control: exp(E Σ p ln p) instead.

    The control is the information in place of the correlation dimension; for k = 4, where they agree, one child more.
    """
    recipe, levels = TREES[name][0], 40
    kinds = [np.array(masses) for masses, _ in recipe.kinds]
    share = float(np.mean([masses @ masses for masses in kinds]))
    wrong = float(np.exp(np.mean([masses @ np.log(masses) for masses in kinds])))
    if abs(wrong - share) < 1e-9:
        wrong = 1.0 / (1.0 + 1.0 / share)
    m, found = count(scale, 100_000, 2_000), []
    for s in seed_range(m, 21):
        addresses = paths_of(recipe, levels, s).addresses(np.arange(2))
        found.append(int((addresses[0] == addresses[1]).sum()) - 1)
    counts = np.bincount(found, minlength=levels + 1)
    p, scores = chi_square(counts, share ** np.arange(levels + 1) * (1.0 - share))
    control = chi_square(counts, wrong ** np.arange(levels + 1) * (1.0 - wrong))[0]
    remark = f"D_2 = {np.log(share) / np.log(recipe.contraction):.4f}" if recipe.equal_ratios else ""
    return Outcome(p, m, control, scores, remark)
