"""Every family's predicted curve against one neighbour that was run on its data, a wrong recipe beside each; floors."""

from __future__ import annotations

import numpy as np
import pytest
from exact_laws import THRESHOLD
from simulated import joint_p, measured

import fractalman as fm
from fractalman.errors import RecipeError

ENSEMBLE, BETHE, LATTICE = fm.PercolationEnsemble, fm.BetheLattice, fm.LatticePercolation
N = 6000
REJECTED = 1e-5
"""Sixteen replicates leave fifteen degrees of freedom: this is seven joint standard errors."""
SIZES = (64, 256, 1024)
CASES = {  # recipe, a wrong one, sizes
    "number": (ENSEMBLE(n_points=N), ENSEMBLE(n_points=N, ensemble="size-biased"), SIZES),
    "size-biased": (
        ENSEMBLE(n_points=N, ensemble="size-biased"),
        ENSEMBLE(n_points=N, ensemble="size-biased", label_exponent=0.5),
        SIZES,
    ),
    "size-biased-constant": (
        ENSEMBLE(n_points=N, ensemble="size-biased", label="cluster-constant"),
        ENSEMBLE(n_points=N, label="cluster-constant"),
        SIZES,
    ),
    "bethe-critical": (BETHE(n_points=N), BETHE(n_points=N, bond_probability=0.25), SIZES),
    "bethe-above": (BETHE(n_points=N, bond_probability=0.3), BETHE(n_points=N), SIZES),
    "bethe-below": (
        BETHE(n_points=N, bond_probability=0.15, ensemble="size-biased"),
        BETHE(n_points=N, ensemble="size-biased"),
        SIZES,
    ),
    "lattice-all": (
        LATTICE(dim=2, side=90, clusters="all"),
        LATTICE(dim=2, side=90, clusters="all", label_exponent=0.5),
        SIZES,
    ),
    "lattice-largest": (
        LATTICE(dim=2, side=120, percolation="bond", label="brownian"),
        LATTICE(dim=2, side=120, percolation="bond", label_exponent=-0.1),
        (32, 128, 400),
    ),
    "sphere": (fm.SmoothManifold(n_points=1500, hurst=0.5), fm.SmoothManifold(n_points=1500, hurst=0.65), SIZES),
    "cube": (
        fm.SmoothManifold(n_points=1500, kind="cube", dim=3, hurst=2.0),
        fm.SmoothManifold(n_points=1500, kind="cube", dim=3, hurst=1.0),
        SIZES,
    ),
}


@pytest.mark.slow(reason="sixteen replicates of every family", but=["sphere"])
@pytest.mark.parametrize("name", CASES)
def test_the_curve_is_what_one_neighbour_does(name: str) -> None:
    recipe, wrong, sizes = CASES[name]
    recipe = recipe.replace(ambient_dim=64) if not isinstance(recipe, fm.SmoothManifold) else recipe
    sample = measured(recipe, 16, draws=3 if isinstance(recipe, fm.SmoothManifold) else 8, sizes=sizes)
    curve = fm.predict(recipe).curve(sizes)
    assert joint_p(sample, curve) > THRESHOLD
    assert joint_p(sample, fm.predict(wrong).curve(sizes)) < REJECTED


@pytest.mark.slow(reason="curves averaged over drawn structures", but=["number"])
@pytest.mark.parametrize("name", ["number", "size-biased-constant", "bethe-above", "lattice-largest", "sphere"])
def test_floors_lie_below_and_everything_falls(name: str) -> None:
    p = fm.predict(CASES[name][0], draws=8)
    curve, floor = p.curve([20, 80]), p.floor([20, 80])
    assert (floor.risk < curve.risk).all()
    assert (np.diff(floor.risk) < 0).all()
    assert (np.diff(curve.risk) < 0).all()
    assert 0.0 < p.within_variance <= 1.01


@pytest.mark.slow(reason="curves of all smoothers", but=["k-nn", "laplace-kernel"])
@pytest.mark.parametrize("learner", ["k-nn", "ridge", "laplace-kernel", "matern-kernel", "ntk-kernel", "5-nn"])
def test_no_smoother_beats_the_floor(learner: str) -> None:
    for recipe in (fm.Cascade(n_points=100, hurst=0.5, ambient_dim=24), CASES["size-biased"][0].replace(n_points=2000)):
        p = fm.predict(recipe, learner, draws=8)
        assert p.has_curve
        assert (p.curve([24, 96]).risk > p.floor([24, 96]).risk).all()
        assert p.curve([24, 96]).risk[1] < p.curve([24, 96]).risk[0]


def test_exact_coverage_is_the_average_over_structures() -> None:
    """Labels constant on clusters: the closed formula against the drawn structures' own average."""
    from fractalman.prediction import drawn, realization

    recipe = ENSEMBLE(n_points=1000, ensemble="size-biased", label="cluster-constant", sizes="borel", ambient_dim=256)
    p = fm.predict(recipe)
    curve = p.curve([16, 64, 256])
    np.testing.assert_allclose(curve.standard_error, 0.01 * curve.risk)  # exact, within 1 % of that in X
    average = realization.averaged(drawn.DrawnRealizations(recipe), realization.nearest_in_graph)((16, 64, 256), 0, 48)
    assert joint_p(average, curve) > THRESHOLD
    number = fm.predict(recipe.replace(ensemble="number")).curve([16, 64, 256])
    assert joint_p(average, number) < 1e-9


def test_exact_fields_are_predicted_without_drawing_them() -> None:
    """A field drawn by its covariance has a finite population and the curve of waves: one covariance."""
    exact = fm.predict(fm.SmoothManifold(n_points=1200, hurst=0.5, field="exact"))
    waves = fm.predict(fm.SmoothManifold(n_points=1200, hurst=0.5))
    assert (exact.population, waves.population) == (1200.0, float("inf"))
    np.testing.assert_allclose(exact.curve([50, 200]).risk, waves.curve([50, 200]).risk, rtol=0.03)


def test_populations_that_the_draw_decides() -> None:
    """A lattice's population is the least of the drawn ones; sizes beyond it are refused."""
    p = fm.predict(LATTICE(dim=2, side=24))
    assert 1 <= p.population < 24**2
    with pytest.raises(RecipeError, match="expected integer training-set sizes from 1 to"):
        p.curve([24**2])


def test_a_dataset_of_clusters_is_predicted_in_its_own_coordinates() -> None:
    for recipe in (ENSEMBLE(n_points=600, ensemble="size-biased", ambient_dim=64), LATTICE(dim=2, side=40)):
        data = fm.generate(recipe)
        p = fm.predict(data)
        assert p.population == data.n_points
        curve, floor = p.curve([16, 64]), p.floor([16, 64])
        assert (floor.risk < curve.risk).all()
        assert p.within_variance == pytest.approx(fm.theory.within_variance(data))
    field = fm.predict(fm.generate(fm.SmoothManifold(n_points=400, hurst=0.5)))
    assert (field.floor([16, 64]).risk < field.curve([16, 64]).risk).all()


def test_noise_adds_what_the_law_says() -> None:
    """One neighbour pays for the test point's noise and the neighbour's; the law names both and what lies above."""
    recipe = fm.SmoothManifold(n_points=1000, hurst=0.5)
    clean, noisy = fm.predict(recipe), fm.predict(recipe.replace(noise=0.3))
    assert noisy.law.irreducible == pytest.approx(0.18)
    assert noisy.law.excess_exponent == clean.data_exponent
    np.testing.assert_allclose(noisy.curve([16, 64]).risk - 0.18, clean.curve([16, 64]).risk, rtol=1e-9)
