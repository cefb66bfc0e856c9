"""Files that grow: the bytes of one step and of many, what stays, what is refused, and a kill at any moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import fractalman as fm
from fractalman import cli
from fractalman.cli import main
from fractalman.errors import FileFormatError, LeftoverWarning, RecipeError
from fractalman.generation import extension, shards

RECIPES: dict[str, fm.Recipe] = {
    "cascade": fm.Cascade(n_points=40, ambient_dim=6, seed=3, noise=0.2, nuisance_dim=2, rotate=True),
    "strings": fm.RandomHierarchyModel(n_points=40, seed=3),
    "waves": fm.SmoothManifold(n_points=40, ambient_dim=8, dim=2, seed=3),
    "cluster": fm.PercolationCluster(n_points=40, ambient_dim=6, growth="nested", seed=3, label_exponent=0.2),
    "brownian": fm.PercolationCluster(n_points=40, ambient_dim=6, growth="nested", label="brownian", target="sign"),
    "ensemble": fm.PercolationEnsemble(n_points=40, ambient_dim=6, growth="nested", seed=3, noise=0.1),
    "bethe": fm.BetheLattice(n_points=40, ambient_dim=6, growth="nested", seed=3, bond_probability=0.4),
    "borel": fm.PercolationEnsemble(
        n_points=40, ambient_dim=6, growth="nested", seed=3, sizes="borel", ensemble="size-biased", label="brownian"
    ),
    "subtasks": fm.Subtasks(n_points=40, within={"family": "cascade", "ambient_dim": 6}, growth="nested", noise=0.1),
    "subtasks of clusters": fm.Subtasks(
        n_points=40, within={"family": "percolation-cluster", "ambient_dim": 6, "growth": "nested"}, growth="nested"
    ),
}


@pytest.mark.slow(reason="every family that grows, in six steps", but=["cascade", "cluster"])
@pytest.mark.parametrize("name", RECIPES)
def test_one_step_and_six_give_the_same_bytes(name: str, tmp_path: Path) -> None:
    recipe = RECIPES[name]
    once, often = fm.write(recipe, tmp_path / "once.h5"), fm.write(recipe, tmp_path / "often.h5")
    at_first = fm.open(once).provenance.content
    assert fm.extend(once, 300) == once
    for n in (41, 60, 128, 250, 299, 300):
        fm.extend(often, n)
    assert once.read_bytes() == often.read_bytes()
    assert fm.verify(once) == []
    fresh = fm.write(recipe.replace(n_points=300), tmp_path / "fresh.h5")
    with fm.open(once) as grown, fm.open(fresh) as whole:
        assert grown.recipe == recipe.replace(n_points=300)
        assert grown.provenance.content == whole.provenance.content
        assert grown.provenance.columns == whole.provenance.columns
        assert grown.provenance.extended == {"n_points": 40, "content": at_first}
        assert whole.provenance.extended is None
    assert fm.rebuild(once, tmp_path / "again.h5").read_bytes() == once.read_bytes()
    assert sorted(found.name for found in tmp_path.iterdir()) == ["again.h5", "fresh.h5", "often.h5", "once.h5"]


def test_what_was_there_stays(tmp_path: Path) -> None:
    for name, recipe in RECIPES.items():
        path = fm.write(recipe, tmp_path / f"{name}.h5")
        before = fm.open(path).dataset()
        after = fm.open(fm.extend(path, 90)).dataset()
        if recipe.addressed:
            np.testing.assert_array_equal(after.X[:40], before.X)
            np.testing.assert_array_equal(after.y[:40], before.y)
        else:
            assert before.edges is not None
            assert after.edges is not None
            np.testing.assert_array_equal(after.edges[: len(before.edges)], before.edges)
            np.testing.assert_array_equal(after.cluster[:40], before.cluster)
            if isinstance(recipe, fm.PercolationCluster):
                np.testing.assert_allclose(after.X[:40], before.X * (40 / 90) ** 0.25, rtol=0, atol=2e-5)


def test_hierarchy_and_compression_stay(tmp_path: Path) -> None:
    path = fm.write(RECIPES["cluster"], tmp_path / "bare.h5", hierarchy=False, compression="gzip")
    with fm.open(fm.extend(path, 80)) as file:
        assert "hierarchy/parent" not in file.columns
        assert file.provenance.compression == "gzip"


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (fm.PercolationCluster(n_points=20, ambient_dim=3), 'use growth = "nested"'),
        (
            fm.PercolationCluster(n_points=20, ambient_dim=3, growth="nested", directions="hierarchy"),
            'use directions = "edges"',
        ),
        (fm.PercolationEnsemble(n_points=20, ambient_dim=3), "draws other clusters"),
        (fm.Cascade(n_points=20, ambient_dim=8, embedding="superposition"), 'use embedding = "own"'),
        (
            fm.PercolationCluster(n_points=20, ambient_dim=8, growth="nested", embedding="superposition"),
            'use embedding = "own"',
        ),
        (fm.BetheLattice(n_points=20, ambient_dim=3), "draws other clusters"),
        (fm.Subtasks(n_points=20, within={"family": "cascade"}), 'use growth = "nested"'),
        (fm.SmoothManifold(n_points=20, ambient_dim=8, field="exact"), "draws another smooth-manifold"),
    ],
)
def test_what_does_not_nest_is_refused(recipe: fm.Recipe, words: str, tmp_path: Path) -> None:
    path = fm.write(recipe, tmp_path / "data.h5")
    before = path.read_bytes()
    with pytest.raises(RecipeError, match="do not grow") as error:
        fm.extend(path, 50)
    assert words in str(error.value)
    assert path.read_bytes() == before


def test_wrong_sizes_shards_and_damage_are_refused(tmp_path: Path) -> None:
    path = fm.write(RECIPES["cascade"], tmp_path / "data.h5")
    before = path.read_bytes()
    for n, words in ((40, "expected more"), (39, "expected more"), (0, "n_points = 0")):
        with pytest.raises(RecipeError, match=words):
            fm.extend(path, n)
    index = fm.write_shards(RECIPES["cascade"], tmp_path / "index.h5", 2, hierarchy=False)
    shard = next((tmp_path / "index.h5.shards").iterdir())
    with pytest.raises(FileFormatError, match="is a shard"):
        fm.extend(shard, 50)
    kept = shard.read_bytes()
    shard.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    with pytest.raises(FileFormatError):
        fm.extend(index, 50)
    assert path.read_bytes() == before
    damaged = bytearray(before)
    damaged[-9] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(FileFormatError):
        fm.extend(path, 50)
    assert path.read_bytes() == bytes(damaged)


@pytest.mark.slow(reason="a hundred files, each read and checked", but=[])
@pytest.mark.parametrize("name", ["cascade", "waves"])
def test_an_index_of_shards_grows(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one step or in several, after an end half-way too: columns of a fresh file, shards of as many rows."""
    recipe = RECIPES[name]
    folders = [tmp_path / which for which in ("once", "often", "ended")]
    for folder in folders:
        folder.mkdir()
    once, often, ended = (fm.write_shards(recipe, folder / "data.h5", 3) for folder in folders)
    at_first = fm.open(once).provenance.content
    fm.extend(once, 150)
    for n in (41, 77, 150):
        fm.extend(often, n)
    with monkeypatch.context() as patch:
        patch.setattr(shards._Merge, "take", _end_after(4))
        with pytest.raises(KeyboardInterrupt):
            fm.extend(ended, 150)
    assert fm.open(ended).X.shape[0] == 40  # nothing is lost, five shards are there
    assert fm.verify(ended) == []
    younger = {path.name: path.stat().st_mtime_ns for path in (folders[2] / "data.h5.shards").glob("*-of-00012.h5")}
    assert len(younger) == 4
    fm.extend(ended, 150)
    for folder in folders:
        assert fm.verify(folder / "data.h5") == []
    contents = [{p.relative_to(f): p.read_bytes() for p in sorted(f.rglob("*.h5"))} for f in folders]
    assert contents[0] == contents[1] == contents[2]
    assert len(contents[0]) == 13
    kept = folders[2] / "data.h5.shards"
    assert {name: (kept / name).stat().st_mtime_ns for name in younger} == younger  # not drawn twice
    fresh = fm.write(recipe.replace(n_points=150), tmp_path / "fresh.h5")
    again = fm.rebuild(once, tmp_path / "again.h5")
    with fm.open(once) as grown, fm.open(fresh) as whole, fm.open(again) as rebuilt:
        assert grown.provenance.content == whole.provenance.content == rebuilt.provenance.content
        assert grown.provenance.extended == {"n_points": 40, "content": at_first, "shards": 3}


def _end_after(shards_done: int) -> Callable[..., None]:
    """What breaks off when so many shards are finished."""

    def take(_merge: object, left: set[int], *_: object) -> None:
        if len(left) <= 12 - shards_done:
            raise KeyboardInterrupt

    return take


def test_an_index_whose_rows_are_others_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the recipe does not make is noticed before the new index file takes the old one's place."""
    index = fm.write_shards(RECIPES["cascade"], tmp_path / "data.h5", 3, hierarchy=False)
    before = index.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(extension, "larger_recipe", lambda recipe, n: recipe.replace(n_points=n, seed=99))
        with pytest.raises(FileFormatError, match="is not what its recipe makes"):
            fm.extend(index, 90)
    assert index.read_bytes() == before
    assert fm.verify(index) == []


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = fm.write(RECIPES["cascade"], tmp_path / "data.h5")
    assert cli.main(["extend", str(path), "--n-points", "70", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == str(path)
    assert fm.open(path).X.shape == (70, 8)
    assert cli.main(["extend", str(path), "--n-points", "70"]) == 2
    assert "expected more" in capsys.readouterr().err


_CHILD = """
import os, signal, sys
import fractalman as fm
from fractalman import _files
path, kind, moment = sys.argv[1], sys.argv[2], int(sys.argv[3])
calls = 0
def die(*_):
    global calls
    calls += 1
    if calls == moment:
        os.kill(os.getpid(), signal.SIGKILL)
replace, sync = os.replace, _files.sync_folder
if kind == "before":
    os.replace = lambda a, b: (die(), replace(a, b))
if kind == "after":
    os.replace = lambda a, b: (replace(a, b), die())
fm.extend(path, 2000, progress=die if kind == "column" else None)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.slow(reason="a process for every moment", but=["column-4"])
@pytest.mark.parametrize(("kind", "moment"), [("column", 4), ("before", 1), ("after", 1)])
def test_a_kill_leaves_the_old_file_or_the_new(kind: str, moment: int, repository: Path, tmp_path: Path) -> None:
    path = fm.write(RECIPES["cascade"], tmp_path / "data.h5")
    old = path.read_bytes()
    done = subprocess.run([sys.executable, "-c", _CHILD, path, kind, str(moment)], cwd=repository, check=False)
    assert done.returncode == -9
    if kind == "after":
        with fm.open(path) as file:
            assert file.X.shape[0] == 2000
    else:
        assert path.read_bytes() == old
    assert fm.verify(path) == []


_DIES_WHERE_SHARDS_ARE_TIDIED = """
import os, signal
import fractalman as fm
from fractalman.generation import shards
shards._tidy = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
fm.extend("index.h5", 480, progress=False)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_killed_between_publishing_and_tidying(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The new index file is whole; the shards that it replaced are named at the next run, and `clean` removes them."""
    index, folder = tmp_path / "index.h5", tmp_path / "index.h5.shards"
    fm.write_shards(fm.Cascade(n_points=120, ambient_dim=4), index, 3, hierarchy=False)
    old = {*folder.iterdir()}
    died = subprocess.run([sys.executable, "-c", _DIES_WHERE_SHARDS_ARE_TIDIED], cwd=tmp_path, check=False)
    assert died.returncode == -signal.SIGKILL
    new = {*folder.iterdir()} - old
    assert (len(old), len(new)) == (3, 12)
    assert fm.verify(index) == []
    later = folder / "of-a-larger-one-00001-of-00020.h5"  # younger than the index file: work of a run that goes on
    later.write_bytes(b"half a dataset")
    with (
        pytest.warns(LeftoverWarning, match=r"and 2 more .*index\.h5 replaced.* use fractalman clean"),
        pytest.raises(fm.RecipeError, match="expected more"),
    ):
        fm.extend(index, 480)
    assert main(["clean", str(tmp_path), "--dry-run"]) == 0
    assert old < {*folder.iterdir()}
    assert main(["clean", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("removed") == 6
    assert {*folder.iterdir()} == new | {later}
    assert main(["clean", str(folder)]) == 0
    assert fm.verify(index) == []
