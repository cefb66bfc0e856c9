"""The joint law of a prediction: whose amplitude it has, its mean over a period, and what a budget buys."""

from __future__ import annotations

import bisect
import functools
import math

import numpy as np
import pytest

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.learners.networks.settings import Settings
from fractalman.prediction import frontiers


@pytest.mark.slow(reason="curves of two learners")
def test_the_joint_law_of_a_prediction() -> None:
    """The term in n is the named learner's, averaged over a period; that in P is of the best cells, noise apart."""
    recipe = fm.Cascade(n_points=100, branching=4, hurst=0.5)
    p = fm.predict(recipe)
    law = p.joint_law()
    assert (law.data_exponent, law.model_exponent) == (pytest.approx(0.5), pytest.approx(0.5))
    n = np.unique(np.rint(np.geomspace(512, 2048, 200)).astype(np.int64))
    assert law.data_amplitude == pytest.approx(np.mean(p.curve(n).risk * np.sqrt(n)), rel=2e-3)
    P = np.unique(np.rint(np.geomspace(256, 1024, 2000)).astype(np.int64))
    mean = np.trapezoid(p.model_curve(P) * np.sqrt(P), np.log(P)) / np.log(4.0)
    assert law.model_amplitude == pytest.approx(mean, rel=2e-3)
    assert "the curve of 1-nn" in str(law)
    assert p.compute_optimal().exponent == pytest.approx(0.25)
    floored = fm.predict(recipe.replace(noise=0.3), "bayes")
    assert floored.law.model_exponent is None or floored.joint_law().model_amplitude == pytest.approx(mean, rel=2e-3)
    with pytest.raises(RecipeError, match="use model_amplitude"):
        fm.predict(fm.PercolationCluster(n_points=400)).joint_law()
    with pytest.raises(RecipeError, match="use data_amplitude"):
        fm.predict(fm.Cascade(n_points=100), fm.learners.make("mlp", {"activation": "tanh"})).joint_law()
    with pytest.raises(RecipeError, match="no joint law"):
        fm.predict(fm.PercolationEnsemble(n_points=100)).joint(10, 10)
    given_both = fm.predict(fm.PercolationCluster(n_points=400)).joint_law(1.0, 2.0)
    assert given_both.risk(4.0, 4.0) == pytest.approx(1.5)
    assert (given_both.data_of, given_both.model_of) == ("as given", "as given")


def test_what_a_joint_law_leaves_out_or_lacks_is_said() -> None:
    """A critical cluster's curve has a logarithm, which moves it by 10 to 20 % over a factor of 4; noise has no α_P."""
    p = fm.predict(fm.PercolationCluster(n_points=4000), draws=3)
    law = p.joint_law(model_amplitude=1.0)
    assert "its logarithm left out" in law.data_of
    assert "its logarithm left out" in str(law)
    ratio = law.risk(np.array([64, 256]), np.inf) / p.curve([64, 256]).risk
    assert ratio[0] / ratio[1] > 1.1
    assert "logarithm" not in fm.predict(fm.Cascade(n_points=100)).joint_law().data_of
    with pytest.raises(RecipeError, match=r"no exponent in P is known with noisy labels, n\^−0.5 above 0.18"):
        fm.predict(fm.Cascade(n_points=4000, branching=4, contraction=0.5, hurst=0.5, noise=0.3)).joint_law()


def test_an_amplitude_is_the_wiggles_mean() -> None:
    """n^−.3·(1 + .27 cos(2π ln n/ln 16)): the mean over a period is 1 wherever the period lies; one size is not."""
    for around in (700, 1024, 3000):
        sizes = frontiers.period_sizes(16.0, np.inf, 9, around)
        wiggle = 1.0 + 0.27 * np.cos(2.0 * np.pi * np.log(sizes) / np.log(16.0))
        assert frontiers.mean_amplitude(sizes, wiggle * sizes**-0.3, 0.3) == pytest.approx(1.0, abs=2e-3)
        assert abs(wiggle[sizes.size // 2] - 1.0) < 0.28
    assert frontiers.period_sizes(16.0, 100.0, 9)[-1] == 100
    assert frontiers.mean_amplitude(np.array([7]), np.array([2.0]), 1.0) == 14.0


@pytest.mark.slow(reason="curves of two learners")
def test_learners_have_their_own_amplitude() -> None:
    """One law, two learners: nearest neighbour pays more than a kernel, and the joint law says whose it is."""
    recipe = fm.Cascade(n_points=8192, branching=4, hurst=0.5)
    laws = {name: fm.predict(recipe, name, draws=3).joint_law() for name in ("1-nn", "laplace-kernel")}
    assert laws["laplace-kernel"].data_amplitude < 0.85 * laws["1-nn"].data_amplitude
    assert laws["laplace-kernel"].data_of == "the curve of laplace-kernel"


@pytest.mark.slow(reason="every width is tried")
def test_a_networks_budget_is_spent_best() -> None:
    """No other width does better, the harness's own count is within the budget, and no budget is left for one more."""
    p = fm.predict(fm.Cascade(n_points=8192, branching=4, hurst=0.5), "mlp")
    given = {"data_amplitude": 1.25, "model_amplitude": 0.5}
    best = p.network_optimal(1e10, passes=50.0, **given)
    batch = Settings().batch_size
    assert best.steps == math.ceil(50.0 * best.n / batch)

    def spent(width: int, n: int) -> float:
        made = fm.learners.make("mlp", {"width": width, "steps": math.ceil(50.0 * n / batch)})
        return made.cost(n, p.recipe.ambient_dim, 0, 1).operations

    assert best.operations == spent(best.width, best.n) <= 1e10 < spent(best.width, best.n + 1 + batch)
    for width in range(1, 4 * best.width):
        n = max(1, bisect.bisect_right(range(1, 8 * best.n), 1e10, key=functools.partial(spent, width)))
        P = fm.learners.make("mlp", {"width": width}).parameters(p.recipe.ambient_dim)
        assert p.joint_law(**given).risk(n, P) >= best.risk * (1.0 - 1e-3)
    more = p.network_optimal(1e12, passes=50.0, **given)
    assert math.log(best.risk / more.risk) / math.log(100.0) == pytest.approx(0.25, abs=0.02)
    with pytest.raises(RecipeError, match="no network"):
        fm.predict(p.recipe, "1-nn").network_optimal(1e9)
    with pytest.raises(RecipeError, match="not enough"):
        p.network_optimal(1.0, **given)
    with pytest.raises(RecipeError, match="passes"):
        p.network_optimal(1e9, 0.0, **given)
