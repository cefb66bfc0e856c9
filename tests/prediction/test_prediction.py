"""Predictions: held against 1-NN that was actually run, with wrong recipes as controls; curves, floors, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from exact_laws import REJECTED, THRESHOLD, z_test
from simulated import SIZES, joint_p, measured

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.nearest import nearest
from fractalman.prediction import splits

CASES = [
    (
        fm.Cascade(n_points=1000, ambient_dim=24, branching=4, hurst=0.5),
        fm.Cascade(n_points=1000, branching=3, hurst=0.5),
    ),
    (
        fm.Cascade(n_points=1000, ambient_dim=24, branching=(1, 16), hurst=0.5),
        fm.Cascade(n_points=1000, branching=4, hurst=0.5),
    ),
    (
        fm.PercolationCluster(n_points=8_000, ambient_dim=128),
        fm.PercolationCluster(n_points=8_000, label_exponent=0.25),
    ),
    (
        fm.PercolationCluster(n_points=8_000, ambient_dim=128, label="brownian"),
        fm.PercolationCluster(n_points=8_000),
    ),
]


@pytest.mark.slow(reason="many trees, or a second cluster", but=["cascade"])
@pytest.mark.parametrize(("recipe", "wrong"), CASES, ids=["cascade", "cascade-random", "cluster", "brownian"])
def test_the_curve_is_what_one_neighbour_does(recipe: fm.Recipe, wrong: fm.Recipe) -> None:
    """Simulation in X against the curve from geometry alone; another family's curve is rejected."""
    # trees with random branching differ widely, so it takes more of them to reject anything
    sample = measured(recipe, {4: 40, (1, 16): 120}.get(getattr(recipe, "branching", None), 24))
    assert joint_p(sample, fm.predict(recipe).curve(SIZES)) > THRESHOLD
    assert joint_p(sample, fm.predict(wrong).curve(SIZES)) < 1e-5


def test_a_dataset_is_predicted_in_its_own_coordinates() -> None:
    """Over label draws on one dataset the risk in its X is the dataset's curve, not the family's average."""
    data = fm.generate(fm.PercolationCluster(n_points=3000, ambient_dim=8, seed=4))
    p = fm.predict(data)
    curve = p.curve([64, 256])
    y = fm.label_draws(data, 300)
    over = splits.Splits(data)
    for column, n in enumerate((64, 256)):
        over_draws = np.zeros(300)
        for draw in over.draws((64, 256)):
            order, test = draw.order, draw.test
            found = order[:n][nearest(data.X[order[:n]], data.X[test])]
            over_draws += ((y[found] - y[test]) ** 2).mean(axis=0) / over.usual
        assert z_test(over_draws, curve.risk[column]) > THRESHOLD
        assert z_test(over_draws, 1.3 * curve.risk[column]) < REJECTED


@pytest.mark.parametrize("recipe", [CASES[0][0], CASES[2][0], CASES[3][0]], ids=["cascade", "cluster", "brownian"])
def test_the_floor_lies_below_and_both_fall(recipe: fm.Recipe) -> None:
    p = fm.predict(recipe, draws=8)
    floor, curve = p.floor(SIZES), p.curve(SIZES)
    assert (floor.risk < curve.risk).all()
    assert (np.diff(floor.risk) < 0).all()
    assert (np.diff(curve.risk) < 0).all()
    np.testing.assert_array_equal(fm.predict(recipe, learner="bayes", draws=8).curve(SIZES).risk, floor.risk)


def test_predictions_are_reproducible_and_remembered() -> None:
    recipe = fm.PercolationCluster(n_points=5000, seed=3)
    one, two = fm.predict(recipe, draws=6), fm.predict(recipe, draws=6)
    np.testing.assert_array_equal(one.curve([16, 64]).risk, two.curve([16, 64]).risk)
    again = one.curve([64])
    assert again.risk[0] == one.curve([16, 64]).risk[1]
    other = fm.predict(recipe.replace(seed=4), draws=6).curve([16, 64]).risk
    assert (other != one.curve([16, 64]).risk).all()


def test_local_exponent_is_the_slope_of_the_curve() -> None:
    p = fm.predict(fm.Cascade(n_points=8192, branching=8, hurst=1.0))
    found = p.local_exponent(128, 2048)
    assert found.n == (128, 256, 512, 1024, 2048)
    assert 0.0 < found.standard_error < 0.011  # H = 1: in X, held to the exact series
    curve = p.curve(list(found.n))
    assert found.value == pytest.approx(-np.polyfit(np.log(curve.n), np.log(curve.risk), 1)[0])
    assert 0.6 < found.value < 0.72
    assert p.data_exponent == pytest.approx(2 / 3)


def test_answers_are_numbers_too() -> None:
    """An exponent is a float with its error, a curve stands for its risks."""
    p = fm.predict(fm.Cascade(n_points=8192), draws=8)
    found = p.local_exponent(128, 512)
    assert found - 1.0 == found.value - 1.0
    assert "±" in repr(found)
    curve = p.curve([128, 512])
    np.testing.assert_array_equal(np.asarray(curve), curve.risk)
    assert (len(curve), curve[0]) == (2, curve.risk[0])
    assert np.log(curve).shape == (2,)


@pytest.mark.slow(reason="a cluster of 30 000 points")
def test_what_is_predicted_for_one_cluster() -> None:
    """One critical cluster: 1/2 with a logarithm as the asymptote, about .34 over the sizes one can afford."""
    p = fm.predict(fm.PercolationCluster(n_points=30_000))
    assert p.data_exponent == 0.5
    assert p.logarithmic
    assert p.source
    assert p.assumptions
    local = p.local_exponent(64, 1024)
    assert 0.28 < local.value < 0.38
    assert 0 < local.standard_error < 0.03


@pytest.mark.parametrize(
    "source",
    [CASES[0][0], fm.PercolationCluster(n_points=1000), fm.PercolationCluster(n_points=40)],
    ids=["cascade", "cluster", "small"],
)
def test_values_do_not_depend_on_what_else_was_asked(source: fm.Recipe) -> None:
    for make in (lambda s: fm.predict(s, draws=6), lambda s: fm.predict(fm.generate(s.replace(n_points=400)))):
        for which in ("curve", "floor"):
            alone = getattr(make(source), which)([8]).risk[0]
            both = make(source)
            np.testing.assert_allclose(getattr(both, which)([8, 29]).risk[0], alone, rtol=1e-12)
            getattr(both, which)([16])
            np.testing.assert_allclose(getattr(both, which)([8, 16, 29]).risk[0], alone, rtol=1e-12)


def test_a_finite_cascade_ends() -> None:
    """Eight cells are soon resolved: an exponent beyond is refused, and one before it is not."""
    p = fm.predict(fm.Cascade(n_points=1000, branching=2, depth=3), draws=3)
    with pytest.raises(RecipeError, match="the last level is resolved"):
        p.local_exponent(128, 4096)
    assert p.local_exponent(1, 4).value > 0
    exact = p.local_exponent(3, 9, sizes=[3, 5, 9])
    assert exact.n == (3, 5, 9)
    with pytest.raises(RecipeError, match="two or more sizes"):
        p.local_exponent(3, 9, sizes=[2, 9])


@pytest.mark.parametrize("n", [[0], [12_000], [1.5], [], [[1, 2]]])
def test_sizes_outside_are_refused(n: list[object]) -> None:
    with pytest.raises(RecipeError, match="expected integer training-set sizes"):
        fm.predict(CASES[2][0]).curve(n)  # type: ignore[arg-type]


def test_refusals_say_what_is_allowed() -> None:
    with pytest.raises(RecipeError, match="1-nn"):
        fm.predict(CASES[0][0], learner="1nn")
    with pytest.raises(RecipeError, match="no theory gives the curve"):
        fm.predict(CASES[0][0], learner="gradient-boosting").curve([10])
    assert not fm.predict(CASES[0][0], learner="gradient-boosting").has_curve
    with pytest.raises(RecipeError, match="n_lo"):
        fm.predict(CASES[0][0]).local_exponent(10, 10)


def test_a_network_s_curve_is_its_tangent_kernel_s_times_what_the_campaign_measured() -> None:
    from fractalman.learners import make
    from fractalman.learners.networks.mlp import MLP, Settings
    from fractalman.prediction.networks import CAMPAIGN, exponent_error

    recipe = fm.Cascade(n_points=2048, branching=4, contraction=0.4, hurst=0.5, ambient_dim=24, seed=3)
    sizes = [32, 64, 128]
    network, kernel = (fm.predict(recipe, name, draws=6) for name in ("mlp", "ntk-kernel"))
    assert np.allclose(network.curve(sizes).risk, CAMPAIGN.ratio * kernel.curve(sizes).risk)
    own, theirs = network.curve(sizes), kernel.curve(sizes).standard_error * CAMPAIGN.ratio
    band = math.hypot(CAMPAIGN.shared_error, CAMPAIGN.size_error) * own.risk
    assert np.allclose(own.standard_error, np.hypot(theirs, band))
    slope, plain = network.local_exponent(32, 128), kernel.local_exponent(32, 128)
    assert float(slope) == pytest.approx(float(plain))
    alone = CAMPAIGN.size_error / (math.sqrt(2.0) * math.log(2.0))  # three sizes, each with an error of its own
    assert slope.standard_error == pytest.approx(math.hypot(plain.standard_error, alone))
    assert alone > CAMPAIGN.slope_error
    assert exponent_error(CAMPAIGN.size_error, CAMPAIGN.slope_error, [64, 1024, 4096]) == CAMPAIGN.slope_error
    assert (network.shared_error, kernel.shared_error) == (CAMPAIGN.shared_error, 0.0)
    assert (network.beyond, kernel.beyond) == ("", "")
    few, nuisance = recipe.replace(ambient_dim=23), recipe.replace(nuisance_dim=1)
    for elsewhere in (few, nuisance):  # not measured there: wider, and said
        found = fm.predict(elsewhere, "mlp", draws=3)
        assert found.beyond
        assert found.beyond in found.curve([32]).kind
        assert found.shared_error > 5.0 * network.shared_error
    several = fm.predict(recipe, "mlp", draws=3, outputs=2)
    assert several.shared_error > 3.0 * network.shared_error
    assert several.ratio_errors[1:] == network.ratio_errors[1:]
    deep = fm.predict(recipe, MLP(Settings(depth=4)), draws=6).curve(sizes)
    four = fm.predict(recipe, make("ntk-kernel", {"depth": 4}), draws=6).curve(sizes)
    assert np.allclose(deep.risk, CAMPAIGN.ratio * four.risk)
    assert not np.allclose(deep.risk, own.risk, rtol=1e-3)
    for learner, why in ((MLP(Settings(activation="tanh")), "known for ReLU"), ("gradient-boosting", "1-nn's curve")):
        silent = fm.predict(recipe, learner)
        assert not silent.has_curve
        with pytest.raises(RecipeError, match=f"no theory.*{why}"):
            silent.curve(sizes)
