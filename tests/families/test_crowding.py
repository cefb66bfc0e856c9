"""Exponents in few coordinates, against exact curves of one neighbour in X, which know nothing of laws."""

from __future__ import annotations

import pytest

import fractalman as fm

CASCADE = {"n_points": 6000, "contraction": 0.5, "hurst": 1.0}


@pytest.mark.slow(reason="curves of twice as many points", only=["k = 8"])
@pytest.mark.parametrize(
    ("recipe", "due", "sizes"),
    [
        (fm.Cascade(**CASCADE, branching=4, ambient_dim=3), 0.5, [64, 256, 1024, 4096]),
        (fm.Cascade(**CASCADE, branching=8, ambient_dim=4), 1.0 / 3.0, [64, 256, 1024, 4096]),
        (fm.PercolationCluster(n_points=32768, ambient_dim=5, label="brownian"), 0.25, [64, 256, 1024]),
    ],
    ids=["k = 4", "k = 8", "cluster"],
)
def test_branches_that_cross_decide_the_exponent(recipe: fm.Recipe, due: float, sizes: list[int]) -> None:
    prediction = fm.predict(recipe, "1-nn", draws=8)
    assert prediction.data_exponent == pytest.approx(due)
    slope = prediction.local_exponent(sizes[0], sizes[-1], sizes).value
    clean = fm.predict(recipe.replace(ambient_dim=128), "1-nn").data_exponent
    assert slope == pytest.approx(due, abs=0.08)
    assert clean - slope > 0.15  # the control: the law of many coordinates is refuted


def test_as_many_dimensions_as_coordinates_have_no_law() -> None:
    for recipe in (
        fm.Cascade(**CASCADE, branching=4, ambient_dim=2),
        fm.Cascade(**CASCADE, branching=(2, 8), ambient_dim=2),
        fm.PercolationCluster(n_points=99, ambient_dim=4),
        fm.PercolationEnsemble(n_points=99, ambient_dim=3, ensemble="size-biased"),
    ):
        for learner in ("1-nn", "laplace-kernel", "mlp"):
            law = fm.predict(recipe, learner).law
            assert law.data_exponent is None
            assert law.model_exponent is None
            assert "in more coordinates" in law.nearest
        floors = [fm.predict(one, "bayes").data_exponent for one in (recipe, recipe.replace(ambient_dim=99))]
        assert floors[0] == floors[1] is not None


def test_where_cells_differ_in_mass_nothing_is_claimed_but_far_from_crossings() -> None:
    uneven = {**CASCADE, "masses": (0.7, 0.2, 0.1), "contraction": (0.3, 0.5, 0.5)}
    for settings in ({**CASCADE, "branching": (2, 8)}, uneven):
        assert fm.predict(fm.Cascade(**settings, ambient_dim=3), "1-nn").data_exponent is None
        assert fm.predict(fm.Cascade(**settings, ambient_dim=24), "1-nn").data_exponent is not None


def test_a_tie_carries_a_logarithm_and_more_coordinates_none() -> None:
    laws = {d: fm.predict(fm.Cascade(**CASCADE, branching=4, ambient_dim=d), "1-nn").law for d in (4, 5)}
    assert (laws[4].data_exponent, laws[4].data_logarithms, laws[4].attained) == (pytest.approx(1.0), 1.0, False)
    assert (laws[5].data_exponent, laws[5].data_logarithms, laws[5].attained) == (pytest.approx(1.0), 0.0, True)


def test_noise_and_classes_follow_the_slower_law() -> None:
    noisy = fm.Cascade(**CASCADE, branching=4, ambient_dim=3, noise=0.3)
    assert fm.predict(noisy, "laplace-kernel").law.excess_exponent == pytest.approx(1.0 / 3.0)
    assert fm.predict(noisy, "bayes").law.excess_exponent == pytest.approx(0.5)
    classes = {**CASCADE, "target": "sign"}
    # k = 4: H/D = ½ from the label's own scales and d/D − 1 = ½ from crossings; k = 8: 1/3 from either
    assert fm.predict(fm.Cascade(**classes, branching=8, ambient_dim=4), "1-nn").data_exponent == pytest.approx(
        1.0 / 3.0
    )
    found = fm.predict(fm.Cascade(**classes, branching=4, ambient_dim=3), "1-nn", draws=8)
    assert found.data_exponent == pytest.approx(0.5)
    assert found.local_exponent(256, 1024).value == pytest.approx(0.5, abs=0.12)


def test_size_biased_ensembles_are_crowded_whatever_their_size() -> None:
    """In five coordinates slower than in many, alike for 6000 and 24,000 points; slopes lie below both asymptotes."""
    sizes, slopes = [64, 256, 1024], {}
    for d, points in ((5, 6000), (5, 24_000), (64, 6000)):
        recipe = fm.PercolationEnsemble(n_points=points, ensemble="size-biased", ambient_dim=d)
        prediction = fm.predict(recipe, "1-nn", draws=6)
        assert prediction.data_exponent == pytest.approx(0.25 if d == 5 else 0.5)
        assert not prediction.law.attained
        slopes[d, points] = prediction.local_exponent(sizes[0], sizes[-1], sizes).value
    assert slopes[5, 6000] == pytest.approx(slopes[5, 24_000], abs=0.03)
    assert 0.12 < slopes[5, 6000] < 0.25 < slopes[64, 6000] + 0.03  # the control: many coordinates are faster
    assert slopes[64, 6000] - slopes[5, 6000] > 0.06
