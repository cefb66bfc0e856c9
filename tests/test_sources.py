"""What people type: every function takes the same sources, and says the same of what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman.cli import main
from fractalman.errors import RecipeError
from fractalman.sources import recipe_of, resolve, spec_of

RECIPE = fm.Cascade(n_points=300, ambient_dim=4, seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sources")
    (made / "recipe.toml").write_text(RECIPE.to_toml(), encoding="utf-8")
    fm.write(RECIPE, made / "data.h5")
    return made


def every_form(folder: Path) -> dict[str, Any]:
    return {
        "recipe": RECIPE,
        "dict": RECIPE.to_dict(),
        "tables": {"recipe": RECIPE.to_dict()},
        "text": RECIPE.to_toml(),
        "toml": folder / "recipe.toml",
        "toml as text": str(folder / "recipe.toml"),
        "file": folder / "data.h5",
        "dataset": fm.generate(RECIPE),
    }


def test_every_form_of_a_recipe_means_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = fm.generate(RECIPE)
    for form, source in every_form(folder).items():
        assert recipe_of(source) == RECIPE, form
        assert (fm.generate(source).X == expected.X).all(), form
    monkeypatch.chdir(folder)  # a name without a separator is a file where there is one
    assert recipe_of("data.h5") == recipe_of("recipe.toml") == RECIPE
    assert recipe_of("brill-cluster-1e3") == fm.catalogue_recipe("brill-cluster-1e3")
    with fm.open("data.h5") as file:
        assert recipe_of(file) == RECIPE
        assert file.y[:].size == 300, "a file that was open already stays open"


def test_write_predict_plan_and_batches_take_them(folder: Path, tmp_path: Path) -> None:
    again = fm.write(str(folder / "data.h5"), tmp_path / "again.h5")
    assert again.read_bytes() == (folder / "data.h5").read_bytes()
    by_recipe, by_name = fm.predict(RECIPE), fm.predict(folder / "recipe.toml")
    assert by_recipe.curve([16]).risk == by_name.curve([16]).risk
    in_file = fm.predict(str(folder / "data.h5")).curve([16])
    assert in_file.risk == fm.predict(fm.generate(RECIPE)).curve([16]).risk
    assert in_file.risk != by_recipe.curve([16]).risk, "a file is predicted in its own coordinates"
    small = {"family": "cascade", "n_points": 500, "hurst": 0.5}
    assert fm.plan(small, budget=500).budget == 500
    batch, _ = next(iter(fm.batches(folder / "data.h5", 50)))
    assert batch.shape == (50, 4)
    data = fm.generate(RECIPE)
    for source in (data, RECIPE, RECIPE.to_dict(), folder / "recipe.toml", folder / "data.h5"):
        for (X, y), (same, label) in zip(fm.batches(source, 50, seed=3), fm.batches(data, 50, seed=3), strict=True):
            assert (same == X).all()
            assert (y == label).all()
    with pytest.raises(RecipeError, match=r"'cascade-plane'.*did you mean 'cascade-plain'"):
        fm.batches("cascade-plane", 8)
    with pytest.raises(RecipeError, match="batches of ndarray: expected a recipe, its table"):
        fm.batches(data.X, 8)  # type: ignore[arg-type]


def test_measurements_take_datasets_and_paths(folder: Path) -> None:
    data, path = fm.generate(RECIPE), folder / "data.h5"
    for source in (data, path, str(path)):
        assert fm.measure.measure_file(source) == fm.measure.measure_file(data)
        assert fm.measure.cluster_sizes(source).largest == 300
        assert fm.measure.smoothness(source).variogram.value == fm.measure.smoothness(data.X, data.y).variogram.value
        assert fm.measure.dimension(source).value == fm.measure.dimension(data.X).value
        expected = fm.measure.variogram(data.y, X=data.X)
        assert np.array_equal(fm.measure.variogram(source).value, expected.value)
    cluster = fm.generate(fm.PercolationCluster(n_points=200, ambient_dim=4))
    assert fm.measure.tree_distances(cluster).mean == fm.measure.tree_distances(cluster.edges, 200).mean
    for recipe in (RECIPE, RECIPE.to_dict(), folder / "recipe.toml"):
        assert fm.measure.measure_file(recipe) == fm.measure.measure_file(data)
        assert fm.measure.dimension(recipe).value == fm.measure.dimension(data.X).value
        assert fm.measure.cluster_sizes(recipe).largest == 300
    with pytest.raises(RecipeError, match="no graph: expected edges"):
        fm.measure.tree_distances(data)
    with pytest.raises(RecipeError, match=r"y = None: expected \(n,\) labels"):
        fm.measure.smoothness(data.X)
    with pytest.raises(RecipeError, match="n_points = None: expected the number of points"):
        fm.measure.tree_distances(cluster.edges)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("cascade-plane", r"no file and no catalogue name 'cascade-plane'.*did you mean 'cascade-plain'"),
        ({"family": "cascde", "n_points": 9}, "unknown family 'cascde'.*did you mean 'cascade'"),
        ({"family": "cascade", "n_point": 9}, r"unknown key recipe\.n_point:.*did you mean 'n_points'"),
        ("nowhere.toml", r"nowhere\.toml does not exist"),
        (7, "found int: expected a recipe, its table as a dict, a catalogue name"),
        (None, "found NoneType: expected a recipe"),
    ],
)
def test_what_means_nothing_is_refused_everywhere(source: Any, said: str) -> None:
    for function in (fm.generate, fm.predict, fm.plan, recipe_of, resolve):
        with pytest.raises(RecipeError, match=said):
            function(source)
    with pytest.raises(RecipeError, match=said):
        fm.write(source, "never.h5")


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is a folder: expected a TOML file"):
        fm.generate(tmp_path)
    with pytest.raises(RecipeError, match="is a folder: expected a TOML file"):
        fm.confirm(tmp_path, tmp_path / "run")


def test_specifications_have_names_too(folder: Path, tmp_path: Path) -> None:
    assert "[sweep]" in spec_of("quickstart-cascade")
    assert "[granularity]" in spec_of("granularity-cluster")
    tables = {"recipe": {}}
    assert spec_of(tables) is tables
    with pytest.raises(RecipeError, match=r"no file and no catalogue name 'quickstart-cascad'.*'quickstart-cascade'"):
        fm.confirm("quickstart-cascad", tmp_path / "run")
    with pytest.raises(RecipeError, match=r"data\.h5 is a dataset file: expected a specification"):
        fm.confirm(folder / "data.h5", tmp_path / "run")
    with pytest.raises(RecipeError, match=r"'granularity-clustr'.*did you mean 'granularity-cluster'"):
        fm.granularity("granularity-clustr")


def test_misspelt_keywords_get_the_nearest_match() -> None:
    with pytest.raises(RecipeError, match=r"unknown keyword Cascade\.branchng:.*did you mean 'branching'"):
        fm.Cascade(n_points=9, branchng=4)  # type: ignore[call-arg]
    with pytest.raises(RecipeError, match=r"did you mean 'hurst'.*\n.*did you mean 'depth'"):
        RECIPE.replace(hurts=1.0, dept=3)
    with pytest.raises(RecipeError, match=r"keywords only: found 1 without a name; use Cascade\(n_points=100\)"):
        fm.Cascade(100)  # type: ignore[misc]
    with pytest.raises(TypeError, match="n_points"):
        fm.Cascade()  # type: ignore[call-arg]


def test_seeds_of_the_reference_get_our_names() -> None:
    with pytest.raises(RecipeError) as told:
        fm.Seeds(graph=1, embed=2, value=3)  # type: ignore[call-arg]
    for theirs, ours in (("graph", "geometry"), ("embed", "embedding"), ("value", "labels")):
        assert any(f"Seeds.{theirs}:" in line and repr(ours) in line for line in str(told.value).splitlines())
    with pytest.raises(RecipeError, match=r"unknown key seed\.graph.*did you mean 'geometry'"):
        fm.Cascade(n_points=9, seed={"graph": 1})  # type: ignore[arg-type]


def test_the_command_line_says_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["predict"], ["plan"], ["generate", "-o", "never.h5"]):
        assert main([*command, "cascade-plane"]) == 2
        assert "did you mean 'cascade-plain'" in capsys.readouterr().err
    assert main(["predict", str(folder / "data.h5"), "--json", "--sizes", "16"]) == 0
