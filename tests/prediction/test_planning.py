"""Plans: what a sweep really scatters by, what is possible on a population, and what is said when it is not."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from simulated import measured

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.measure import fit_power_law
from fractalman.measure.scaling import student_t
from fractalman.prediction import planning, plans
from fractalman.report import jsonable, plan_lines

SMALL = 6000
CASCADE = fm.Cascade(n_points=1000, branching=4, hurst=0.5, ambient_dim=24)


@pytest.mark.slow(reason="plans held against runs that were made")
def test_the_planned_error_is_the_measured_one() -> None:
    """Slopes of sweeps that were run scatter as planned; the scatter's own tails are heavy, hence the wide bounds."""
    sizes = (64, 128, 256, 512)

    def planned(recipe: fm.Recipe, learner: str = "1-nn") -> float:
        options = fm.plan(recipe, learner, budget=SMALL).options
        return next(option.scatter for option in options if option.sizes == sizes)

    def run(recipe: fm.Recipe, seeds: int) -> float:
        found = fit_power_law(sizes, measured(recipe, seeds, test=1024, sizes=sizes))
        return found.standard_error * math.sqrt(seeds)

    cascade = CASCADE.replace(n_points=1600)
    measured_scatter = run(cascade, 96)
    assert 0.7 < measured_scatter / planned(cascade) < 1.4
    # control: had the eight label draws of a replicate been forgotten, the plan would be this much larger
    assert measured_scatter / planned(cascade, "mlp") < 0.65
    cluster = fm.PercolationCluster(n_points=9000, ambient_dim=64)
    assert 0.6 < run(cluster, 24) / planned(cluster) < 1.6


def test_the_scatter_is_that_of_fitted_slopes() -> None:
    """To first order, a plain fit of every row; over label draws pooled over the structures."""
    sizes = np.array([16, 32, 64, 128])
    rows = sizes**-0.5 * np.exp(1e-4 * np.random.default_rng(0).normal(size=(5, 7, 4)))
    slopes = np.array([[np.polyfit(np.log(sizes), np.log(row), 1)[0] for row in block] for block in rows])
    assert planning.slope_spread(sizes, rows[0]) == pytest.approx(slopes[0].std(ddof=1), rel=1e-3)
    pooled = math.sqrt(slopes.var(axis=1, ddof=1).mean())
    assert planning.label_spread(sizes, rows) == pytest.approx(pooled, rel=1e-3)


@pytest.mark.slow(reason="the scatter of many simulated runs")
def test_more_seeds_resolve_more() -> None:
    fine, coarse = (fm.plan(CASCADE, resolution=resolution, budget=12_000) for resolution in (0.02, 0.08))
    assert coarse.possible
    assert coarse.chosen is not None
    assert coarse.seeds is not None
    assert coarse.chosen.points == coarse.seeds * sum(coarse.sizes) <= coarse.budget
    cheapest = [plan.options[0].points for plan in (fine, coarse)]
    assert cheapest[1] < cheapest[0]
    for option in fine.options:
        assert option.half_width <= 0.02
        assert option.seeds == 3 or student_t(option.seeds - 2) * option.scatter / math.sqrt(option.seeds - 1) > 0.02
        assert len(option.sizes) >= planning.FEWEST_SIZES
        assert option.exponent == pytest.approx(0.5, abs=0.02)
    json.dumps(jsonable(fine), allow_nan=False)
    text = "\n".join(plan_lines(fine))
    for part in ("train_sizes", "seeds =", "half-width", "log-periodic", "possible    "):
        assert part in text


@pytest.mark.slow(reason="the scatter of many simulated runs")
def test_a_network_pays_for_its_single_label_draw() -> None:
    one, network = (fm.plan(fm.PercolationCluster(n_points=9000), learner) for learner in ("1-nn", "mlp"))
    assert network.options[0].scatter > 1.3 * one.options[0].scatter
    assert network.options[0].exponent is not None  # its tangent kernel's curve


def test_what_a_population_cannot_bear() -> None:
    small = fm.plan(fm.PercolationCluster(n_points=300))
    assert not small.possible
    assert (small.sizes, small.seeds) == ((), None)
    assert "use n_points = 2048 or more" in small.reason
    assert "possible    no" in "\n".join(plan_lines(small))
    lattice = fm.plan(fm.LatticePercolation(dim=2, side=12))
    assert "larger side" in lattice.reason
    for n in fm.plan(fm.PercolationCluster(n_points=2048)).sizes:
        assert n <= 2048 / 16
    poor = fm.plan(CASCADE, budget=100)
    assert not poor.possible
    assert "use budget" in poor.reason
    greedy = fm.plan(CASCADE, resolution=0.002, budget=SMALL)
    assert not greedy.possible
    assert "use budget" in greedy.reason


def test_plans_are_reproducible() -> None:
    assert fm.plan(CASCADE, budget=SMALL) == fm.plan(CASCADE, budget=SMALL)


@pytest.mark.parametrize(
    ("words", "match"),
    [({"resolution": 0.0}, "resolution"), ({"budget": 0}, "budget"), ({"learner": "1nn"}, "did you mean '1-nn'")],
)
def test_wrong_words_are_refused(words: dict[str, object], match: str) -> None:
    with pytest.raises(RecipeError, match=match):
        fm.plan(CASCADE, **words)  # type: ignore[arg-type]


def test_seeds_are_the_fewest() -> None:
    for scatter in np.geomspace(1e-4, 3.0, 25):
        seeds = plans._seeds(float(scatter), 0.02)
        assert seeds == 3 or student_t(seeds - 2) * scatter / math.sqrt(seeds - 1) > 0.02
        assert student_t(seeds - 1) * scatter / math.sqrt(seeds) <= 0.02 or seeds > 10**5
