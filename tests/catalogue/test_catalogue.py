"""The catalogue: names, purposes, the digest table and whether it is reproduced, the documents made from it."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from pathlib import Path

import pytest

import fractalman as fm
from fractalman import cli
from fractalman.catalogue import catalogue_names, catalogue_purpose, catalogue_recipe, catalogue_text, digests
from fractalman.catalogue.digests import listed_digests, recipe_mark
from fractalman.catalogue.studies import STUDIES, study_names
from fractalman.errors import RecipeError
from fractalman.generation.contents import file_contents
from fractalman.prediction import law_of
from fractalman.random.keys import STREAM_VERSION
from fractalman.report import catalogue_table

SMALL = [name for name in catalogue_names() if name.endswith("-1e3") or name in ("lattice-2d-64", "lattice-3d-32")]
COMMAND = "run python scripts/catalogue.py --only 'NAME' --again"


def other_seed(recipe: fm.Recipe) -> fm.Recipe:
    return recipe.replace(seed=1)


# ---------------------------------------------------------------------------------------------------- entries


def test_every_family_has_a_small_entry_and_three_sizes_to_cite() -> None:
    series: dict[str, list[str]] = {}
    for name in catalogue_names():
        stem, _, size = name.rpartition("-")
        if size[0].isdigit():
            series.setdefault(stem, []).append(name)
    assert len(series) == 16
    assert all(len(names) == 4 for names in series.values())
    assert {catalogue_recipe(names[0]).family for names in series.values()} == set(fm.family_names())
    for names in series.values():
        recipes = [catalogue_recipe(name) for name in names]
        points = [recipe.max_points for recipe in recipes]
        assert points == sorted(points)
        assert len({recipe.replace(**_size(recipes[0])) for recipe in recipes}) == 1, "only the size differs"
        assert len({catalogue_purpose(name) for name in names}) == 1


def _size(recipe: fm.Recipe) -> dict[str, int]:
    return {"side": recipe.side} if isinstance(recipe, fm.LatticePercolation) else {"n_points": recipe.max_points}


@pytest.mark.parametrize("name", ["brill-cluster-1e5", "cascade-unequal-1e3", "lattice-3d-64", "cascade-plain"])
def test_a_name_is_the_same_recipe_as_its_text(name: str) -> None:
    assert fm.from_toml(catalogue_text(name)) == catalogue_recipe(name)
    assert "[sizes]" not in catalogue_text(name)
    assert catalogue_text(name).startswith(f"# {catalogue_purpose(name)}\n")


def test_names_that_were_there_first_mean_what_they_meant() -> None:
    assert catalogue_recipe("cascade-plain") == fm.Cascade(n_points=8192, ambient_dim=24, branching=4, hurst=0.5)
    assert catalogue_recipe("cascade-random-1e4").n_points == 10_000
    assert catalogue_recipe("cluster-critical") == fm.PercolationCluster(n_points=200_000)


@pytest.mark.parametrize("name", ["brill-cluster-1e7", "brill-clutser-1e5", "brill-cluster"])
def test_a_name_that_is_not_there_is_refused_with_the_nearest(name: str) -> None:
    with pytest.raises(RecipeError, match=r"did you mean .*'brill-cluster-1e.'\?$"):
        catalogue_recipe(name)


# ---------------------------------------------------------------------------------------------------- digests


def test_the_digest_table_is_of_this_catalogue() -> None:
    table = listed_digests()
    assert tuple(table) == catalogue_names(), f"an entry has no digest, or a digest no entry: {COMMAND}"
    for name, row in table.items():
        recipe = catalogue_recipe(name)
        assert row.recipe == recipe_mark(recipe), f"the recipe or the streams changed: {COMMAND.replace('NAME', name)}"
        assert row.stream_version == STREAM_VERSION
        assert row.points <= recipe.max_points
        assert row.columns == recipe.n_columns
    recipes = {row.recipe for row in table.values()}  # two names may mean one recipe
    assert len({row.content for row in table.values()}) == len(recipes) >= len(table) - 1


@pytest.mark.parametrize("name", SMALL)
def test_small_entries_have_the_digests_of_the_table(name: str) -> None:
    recipe, row = catalogue_recipe(name), listed_digests()[name]
    made, other = file_contents(recipe), file_contents(other_seed(recipe))
    found = (made.points, made.columns, made.bytes, made.content, made.without_hierarchy)
    wanted = (row.points, row.columns, row.bytes, row.content, row.content_without_hierarchy)
    assert found == wanted, f"{name} is no longer what the table says: {COMMAND.replace('NAME', name)}"
    assert other.content not in (made.content, made.without_hierarchy)  # another seed is another dataset
    assert (made.content == made.without_hierarchy) is not recipe.has_hierarchy


@pytest.mark.parametrize("hierarchy", [True, False])
@pytest.mark.parametrize("name", ["ensemble-number-1e3", "cascade-random-1e3", "torus-1e3"])
def test_contents_without_a_file_are_those_of_the_file(name: str, hierarchy: bool, tmp_path: Path) -> None:
    recipe = catalogue_recipe(name).replace(noise=0.1)
    made = file_contents(recipe)
    with fm.open(fm.write(recipe, tmp_path / "a.h5", hierarchy=hierarchy)) as f:
        assert f.provenance.content == (made.content if hierarchy else made.without_hierarchy)
        if hierarchy:
            assert made.bytes == sum(column.nbytes for column in f.columns.values())


def test_the_mark_of_a_recipe_changes_with_every_keyword() -> None:
    recipe = catalogue_recipe("sphere-1e3")
    changed = [recipe.replace(hurst=0.6), recipe.replace(noise=0.1), other_seed(recipe), recipe]
    assert len({recipe_mark(r) for r in changed}) == 4


def test_a_digest_table_comes_back() -> None:
    table = listed_digests()
    assert digests.digests_from_csv(digests.digests_to_csv(table.values())) == table


# ---------------------------------------------------------------------------------------------------- commands


def run(*words: str, capsys: pytest.CaptureFixture[str], status: int = cli.DONE) -> str:
    capsys.readouterr()
    assert cli.main(list(words)) == status
    return capsys.readouterr().out


@pytest.mark.parametrize("bare", [False, True])
def test_generate_says_that_it_made_what_the_catalogue_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bare: bool
) -> None:
    words = ["generate", "sphere-1e3" if bare else "brill-cluster-1e3", "-o", str(tmp_path / "a.h5"), "--force"]
    words += ["--no-hierarchy"] if bare else []
    assert "as in the catalogue" in run(*words, capsys=capsys)
    answer = json.loads(run(*words, "--json", capsys=capsys))
    assert answer["reproduced"] is True
    assert answer["content"] == answer["catalogue_content"] == listed_digests()[words[1]].expected(not bare)


def test_generate_without_the_hierarchy_has_a_digest_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run("generate", "cascade-plain-1e3", "-o", str(tmp_path / "a.h5"), "--no-hierarchy", capsys=capsys)
    assert f"content {listed_digests()['cascade-plain-1e3'].content_without_hierarchy}, as in" in out


def test_generate_says_that_it_did_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = listed_digests()["sphere-1e3"]
    table = {"sphere-1e3": dataclasses.replace(row, content="0" * 64, fractalman="0.0.7", stream_version=0)}
    monkeypatch.setattr(digests, "listed_digests", lambda: table)
    target = tmp_path / "a.h5"
    out = run("generate", "sphere-1e3", "-o", str(target), capsys=capsys, status=cli.NO)
    line = out.splitlines()[1]
    for part in (row.content, "0" * 64, "fractalman 0.0.7", f"fractalman {fm.__version__}", "streams 0", "numpy"):
        assert part in line
    assert fm.verify(target) == []  # the file is a good one, and stays
    answer = json.loads(run("generate", "sphere-1e3", "-o", str(target), "--force", "--json", capsys=capsys, status=1))
    assert answer["reproduced"] is False
    monkeypatch.setattr(digests, "listed_digests", dict)
    assert "has no digest of sphere-1e3" in run("generate", "sphere-1e3", "-o", str(target), "--force", capsys=capsys)


def test_list_prints_every_entry(capsys: pytest.CaptureFixture[str]) -> None:
    text = run("list", capsys=capsys)
    lines = text.splitlines()
    assert lines[0].split()[:4] == ["name", "points", "d", "size"]
    notes, studies = (next(i for i, line in enumerate(lines) if line.startswith(w)) for w in ("Loss", "Studies"))
    first = [line.split()[0] for line in lines[1:notes] if line]
    names = [word for word in first if word != "#"]
    assert sorted(names) == sorted(catalogue_names())
    said = " ".join(text.replace("#", " ").split())
    assert {said.count(catalogue_purpose(name)) for name in names} == {1}  # once for all sizes
    assert " ".join(lines[studies + 1 :]).replace(",", "").split() == list(study_names())
    assert {name.split("-")[0] for name in study_names()} == set(STUDIES)
    assert max(map(len, lines)) <= 110
    rows = json.loads(run("list", "--json", capsys=capsys))
    by_name = {row["name"]: row for row in rows}
    assert list(by_name) == list(catalogue_names())
    for name, row in by_name.items():
        recipe = catalogue_recipe(name)
        assert row["family"] == recipe.family
        assert row["purpose"]
        if isinstance(recipe, fm.Cascade | fm.PercolationCluster):
            assert row["data_exponent"] == pytest.approx(law_of(recipe, "1-nn").data_exponent)
    cluster = by_name["brill-cluster-1e6"]
    assert (cluster["points"], cluster["dimensions"], cluster["logarithmic"]) == (1_000_000, 128, True)
    assert by_name["quickstart-cascade"]["experiment"] is True


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (688_000, "688 kB"), (1_344_000_000, "1.34 GB"),
                         (5_200_000_000_000, "5.2e+03 GB")],
)  # fmt: skip
def test_sizes_in_words(count: int, words: str) -> None:
    assert catalogue_table.size_words(count) == words


# ---------------------------------------------------------------------------------------------------- documents


def test_the_document_is_made_from_the_catalogue(repository: Path) -> None:
    written = (repository / "datasets" / "catalogue.md").read_text(encoding="utf-8")
    assert written == catalogue_table.catalogue_document(), "run python scripts/catalogue.py --table"


def test_the_script_goes_on_where_it_stopped(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("catalogue_script", repository / "scripts" / "catalogue.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    table, document, row = tmp_path / "digests.csv", tmp_path / "catalogue.md", listed_digests()["torus-1e3"]

    def script(*words: str) -> tuple[int, str, str]:
        status = module.main(list(words), table, document)
        return status, *capsys.readouterr()

    assert script("--only", "nothing-*")[0] == 2
    status, out, _ = script("--only", "torus-1e3")
    assert (status, out.split(",")[0]) == (0, f"torus-1e3: {row.content}")
    text = table.read_text()
    assert digests.digests_from_csv(text) == {"torus-1e3": row}
    status, out, err = script("--only", "torus-1e[34]", "--most-bytes", "3.3e7")  # one is there, one needs more
    assert (status, out) == (0, "")
    assert "torus-1e4: left out" in err
    table.write_text(text.replace(row.content, "0" * 64))
    status, _, err = script("--only", "torus-1e3", "--again")
    assert (status, table.read_text()) == (1, text)
    assert "for the same recipe and streams" in err
    assert document.read_text().count("`torus-1e3`") == 2  # in the table, and with its purpose
    assert row.content in document.read_text()
