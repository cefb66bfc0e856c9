"""Recipes cannot be wrong: checked at birth, equal after every round trip, refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.families.base import memory_of
from fractalman.recipes import from_toml

seeds = st.integers(0, 2**63 - 1) | st.builds(
    fm.Seeds, geometry=st.integers(0, 2**63 - 1), embedding=st.integers(0, 9), labels=st.integers(0, 9)
)
clusters = st.builds(
    fm.PercolationCluster,
    n_points=st.integers(1, 2**40),
    ambient_dim=st.integers(2, 4096),
    label_exponent=st.floats(-0.249, 4.0),
    seed=seeds,
) | st.builds(fm.PercolationCluster, n_points=st.integers(1, 50), label=st.just("brownian"))
numbers = st.integers(2, 4096) | st.lists(st.integers(2, 300), min_size=1, max_size=6).map(tuple)
cascades = st.builds(
    fm.Cascade,
    n_points=st.integers(1, 2**40),
    branching=numbers,
    contraction=st.floats(0.01, 0.9),
    hurst=st.floats(0.05, 16.0),
    depth=st.none() | st.integers(1, 64),
    seed=seeds,
)


@given(clusters | cascades)
def test_round_trips(recipe: fm.Recipe) -> None:
    assert fm.from_dict(recipe.to_dict()) == recipe
    assert fm.from_toml(recipe.to_toml()) == recipe
    assert hash(fm.from_toml(recipe.to_toml())) == hash(recipe)
    assert memory_of(recipe).peak_bytes() > memory_of(recipe).array_bytes() >= 4 * recipe.n_points * recipe.ambient_dim


def test_families_are_listed() -> None:
    assert set(fm.family_names()) >= {"cascade", "percolation-cluster"}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"family": "cascade", "n_points": -1}, ["n_points = -1", "from 1 to"]),
        ({"family": "cascade", "n_points": 1.5}, ["n_points = 1.5"]),
        ({"family": "cascade", "n_points": True}, ["n_points = True"]),
        ({"family": "cascade", "n_points": 5, "ambient_dim": 1}, ["ambient_dim = 1"]),
        ({"family": "cascade", "n_points": 5, "branching": 1}, ["branching = 1"]),
        ({"family": "cascade", "n_points": 5, "branching": [1, 1]}, ["at least one"]),
        ({"family": "cascade", "n_points": 5, "branching": []}, ["branching"]),
        ({"family": "cascade", "n_points": 5, "contraction": 1.0}, ["contraction = 1.0", "< 1"]),
        ({"family": "cascade", "n_points": 5, "contraction": "half"}, ["contraction = 'half'"]),
        ({"family": "cascade", "n_points": 5, "hurst": 0.0}, ["hurst = 0.0"]),
        ({"family": "cascade", "n_points": 5, "hurst": float("nan")}, ["hurst = nan"]),
        ({"family": "cascade", "n_points": 5, "contraction": 0.999, "hurst": 0.01}, ["levels"]),
        ({"family": "cascade", "n_points": 5, "branchings": 3}, ["recipe.branchings", "'branching'"]),
        ({"family": "cascade"}, ["missing key recipe.n_points"]),
        ({"family": "cascades", "n_points": 5}, ["unknown family 'cascades'", "did you mean 'cascade'"]),
        ({"n_points": 5}, ["no key 'family'"]),
        ({"family": "percolation-cluster", "n_points": 5, "label": "brown"}, ["label = 'brown'", "'brownian'"]),
        ({"family": "percolation-cluster", "n_points": 5, "label_exponent": -0.25}, ["label_exponent = -0.25"]),
        (
            {"family": "percolation-cluster", "n_points": 5, "label": "brownian", "label_exponent": 0.5},
            ["label_exponent", "hierarchical"],
        ),
        ({"family": "cascade", "n_points": 5, "seed": -3}, ["seed = -3"]),
        ({"family": "cascade", "n_points": 5, "seed": {"geometri": 1}}, ["seed.geometri", "'geometry'"]),
        ({"family": "cascade", "n_points": 0, "hurst": -1, "wrong": 1}, ["n_points", "hurst", "recipe.wrong"]),
    ],
)
def test_mistakes_are_named_in_one_line(table: dict[str, object], words: list[str]) -> None:
    with pytest.raises(RecipeError) as error:
        fm.from_dict(table)
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_recipes_are_frozen_and_keyword_only() -> None:
    recipe = fm.Cascade(n_points=5)
    with pytest.raises(AttributeError):
        recipe.n_points = 6  # type: ignore[misc]
    with pytest.raises(RecipeError, match="keywords only"):
        fm.Cascade(5)  # type: ignore[misc]
    assert recipe.replace(n_points=6).n_points == 6
    with pytest.raises(RecipeError):
        recipe.replace(n_points=0)


def test_levels_reach_two_to_the_minus_24() -> None:
    """The least depth at which the neglected tails of x and y are below 2^-24 of their scale."""
    assert fm.Cascade(n_points=1, hurst=1.0).levels == 24
    assert fm.Cascade(n_points=1, hurst=0.5).levels == 48
    assert fm.Cascade(n_points=1, hurst=2.0).levels == 24
    assert fm.Cascade(n_points=1, contraction=0.25, hurst=1.0).levels == 12
    assert fm.Cascade(n_points=1, depth=7).levels == 7
    for r, h in ((0.3, 0.7), (0.61, 1.3), (0.5, 0.11)):
        levels = fm.Cascade(n_points=1, contraction=r, hurst=h).levels
        assert r ** (min(1, h) * levels) <= 2**-24 * (1 + 1e-9) < r ** (min(1, h) * (levels - 1))


def test_files_that_are_no_recipes(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("[recipe\n")
    noise = tmp_path / "noise.toml"
    noise.write_bytes(bytes(range(256)))
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    for path, word in (
        (broken, "not valid TOML"),
        (noise, "is not UTF-8"),
        (empty, "no table [recipe]"),
        (tmp_path / "absent.toml", "does not exist"),
        (tmp_path, "is a directory"),
    ):
        with pytest.raises(RecipeError, match=word.replace("[", r"\[")) as error:
            from_toml(path)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", fm.catalogue_names())
def test_a_recipe_shows_itself_as_the_call_that_makes_it(name: str) -> None:
    recipe = fm.catalogue_recipe(name)
    for shown in (recipe, recipe.replace(nuisance_dim=3)):
        assert eval(repr(shown), {name: getattr(fm, name) for name in fm.__all__ if name[0].isupper()}) == shown
        assert "feature_" not in repr(shown)
