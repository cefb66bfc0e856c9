"""Shards and their index: the same columns however they were made, nothing missing read in silence, resumption."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sharded import CASCADE, content, shard_files

import fractalman as fm
from fractalman import cli
from fractalman._files import lock
from fractalman.datasets import open_file
from fractalman.datasets.shard_table import shard_rows
from fractalman.datasets.verify import check_file
from fractalman.errors import LeftoverWarning, RecipeError, ResourceError
from fractalman.executors import PoolExecutor
from fractalman.generation import missing_shards, shards
from tests.experiments.test_executors import wait_for

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
SPHERE = fm.SmoothManifold(n_points=700, ambient_dim=4, seed=3)


def identity(path: Path) -> tuple[int, int]:
    return path.stat().st_ino, path.stat().st_mtime_ns


# ---------------------------------------------------------------------------------------------------- the same columns


@given(st.integers(1, 10**12), st.data())
def test_shards_divide_the_rows(n: int, draw: st.DataObject) -> None:
    count = draw.draw(st.integers(1, min(n, 200)))
    rows = [shard_rows(n, number, count) for number in range(1, count + 1)]
    assert (rows[0][0], rows[-1][1]) == (0, n)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(rows))
    sizes = [stop - start for start, stop in rows]
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("count", [1, 3, 16])
def test_any_number_of_shards_has_the_same_content(tmp_path: Path, whole: Path, count: int) -> None:
    path = fm.write_shards(CASCADE, tmp_path / "data.h5", count)
    assert len(shard_files(path)) == count
    assert content(path) == content(whole)
    with fm.open(path) as a, fm.open(whole) as b:
        assert set(a.columns) == set(b.columns)
        for name in b.columns:
            np.testing.assert_array_equal(a.columns[name][:], b.columns[name][:], strict=True)
        np.testing.assert_array_equal(a.dataset().X, fm.generate(CASCADE).X)
        assert a.recipe == CASCADE
    assert list(check_file(path)) == []


def test_without_trees_and_without_a_hierarchy(tmp_path: Path) -> None:
    for recipe in (CASCADE, SPHERE):
        plain = fm.write(recipe, tmp_path / "plain.h5", hierarchy=False, overwrite=True)
        path = fm.write_shards(recipe, tmp_path / f"{recipe.family}.h5", 3, hierarchy=False)
        assert content(path) == content(plain)
        assert path.stat().st_size < 20_000  # nothing but tables
        with fm.open(path) as file:
            assert file.hierarchy is None
            assert file.info()["shards"] == {"number": 3, "bytes": sum(p.stat().st_size for p in shard_files(path))}


@settings(max_examples=20)
@given(st.data())
def test_rows_are_read_across_shards(made: Path, draw: st.DataObject) -> None:
    X = fm.generate(CASCADE).X
    with fm.open(made / "data.h5") as file:
        start, stop = (draw.draw(st.integers(-1001, 1001)) for _ in range(2))
        step = draw.draw(st.sampled_from([1, 2, 97, -1, -300]))
        np.testing.assert_array_equal(file.X[start:stop:step], X[start:stop:step])
        rows = np.array(draw.draw(st.lists(st.integers(-1001, 1000), max_size=9)), dtype=np.int64)
        np.testing.assert_array_equal(file.X[rows], X[rows])
        blocks = list(file.X.blocks())
        np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), X)


def test_many_shards_are_not_all_open_at_once(tmp_path: Path) -> None:
    path = fm.write_shards(SPHERE, tmp_path / "data.h5", 20, hierarchy=False)
    with fm.open(path) as file:
        file.X[:]
        assert file._shards is not None
        assert len(file._shards._open) == 16
        held = list(file._shards._open.values())
    assert not any(shard._file for shard in held)  # closed with their index


class Backwards:
    """An executor that runs its tasks in reverse, and the first of them twice."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.taken: list[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        self.taken.append((Future(), function, arguments))
        if len(self.taken) == self.count:
            for future, work, given in [*reversed(self.taken), self.taken[0]]:
                value = work(*given)
                if not future.done():
                    future.set_result(value)
        return self.taken[-1][0]


def test_neither_order_nor_repetition_changes_a_byte(tmp_path: Path, made: Path) -> None:
    path = fm.write_shards(CASCADE, tmp_path / "data.h5", 4, executor=Backwards(4))
    for name in ["data.h5", *(f"data.h5.shards/{shard.name}" for shard in shard_files(path))]:
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes()


@pytest.fixture(scope="module")
def pool() -> Iterator[PoolExecutor]:
    with PoolExecutor(2) as made:
        yield made


def test_two_processes_write_the_same_shards(tmp_path: Path, whole: Path, pool: PoolExecutor) -> None:
    path = fm.write_shards(CASCADE, tmp_path / "data.h5", 5, executor=pool)
    assert content(path) == content(whole)
    assert list(check_file(path)) == []


def test_an_index_and_a_shard_are_rebuilt(tmp_path: Path, index: Path, whole: Path) -> None:
    assert content(fm.rebuild(index, tmp_path / "one.h5")) == content(whole)
    shard = shard_files(index)[1]
    assert fm.rebuild(shard, tmp_path / "shard.h5").read_bytes() == shard.read_bytes()


def test_a_shard_is_a_dataset_of_its_rows(index: Path) -> None:
    with fm.open(shard_files(index)[2]) as file:
        assert file.is_shard
        assert file.recipe == CASCADE
        start, stop = shard_rows(1001, 3, 4)
        np.testing.assert_array_equal(file.X[:], fm.generate(CASCADE).X[start:stop])
        assert file.provenance.recipe["first_row"] == start
        assert file.verify() == []


# ---------------------------------------------------------------------------------------------------- resumption


def test_finished_shards_are_kept_and_bad_ones_made_again(tmp_path: Path, whole: Path) -> None:
    path = tmp_path / "data.h5"
    for number in (1, 2, 4):
        fm.write_shard(CASCADE, path, number, 4)
    assert missing_shards(CASCADE, path, 4) == [3]
    with pytest.raises(RecipeError, match=r"^1 of 4 shards are not finished, the first is 3/4"):
        fm.merge_shards(CASCADE, path, 4)
    first, second, fourth = shard_files(path)
    before = identity(first), identity(fourth)
    os.truncate(second, 1000)
    assert missing_shards(CASCADE, path, 4) == [2, 3]
    fm.write_shards(CASCADE, path, 4)
    assert (identity(first), identity(fourth)) == before
    assert content(path) == content(whole)
    path.unlink()
    assert content(fm.merge_shards(CASCADE, path, 4)) == content(whole)


def test_the_same_shard_twice_is_the_same_shard(tmp_path: Path, made: Path) -> None:
    path = tmp_path / "data.h5"
    once = fm.write_shard(CASCADE, path, 2, 4)
    before = identity(once)
    assert fm.write_shard(CASCADE, path, 2, 4) == once
    assert identity(once) == before
    assert once.read_bytes() == (made / "data.h5.shards" / once.name).read_bytes()


def test_shards_of_another_recipe_or_number_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    other = CASCADE.replace(seed=4)
    fm.write_shard(other, path, 1, 2)
    fm.write_shard(CASCADE, path, 1, 3)
    assert missing_shards(CASCADE, path, 2) == [1, 2]
    fm.write_shards(CASCADE, path, 2, hierarchy=False)
    assert missing_shards(other, path, 2) == [2]


def test_an_old_index_is_whole_until_the_new_one_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fm.write_shards(CASCADE, tmp_path / "data.h5", 3, hierarchy=False)
    old, old_shards = content(path), shard_files(path)
    with pytest.raises(FileExistsError, match="use --force"):
        fm.write_shards(SPHERE, path, 2)
    take, taken = shards._Merge.take, []

    def take_and_look(*arguments: Any) -> None:
        take(*arguments)
        taken.append(list(check_file(path)) == [] and content(path) == old)

    monkeypatch.setattr(shards._Merge, "take", take_and_look)
    fm.write_shards(SPHERE, path, 2, overwrite=True)
    assert taken == [True] * 3
    assert content(path) != old
    assert list(check_file(path)) == []
    assert not any(shard.exists() for shard in old_shards)
    assert len(shard_files(path)) == 2


def test_partial_files_of_the_dead_are_taken_away(tmp_path: Path) -> None:
    folder = tmp_path / "data.h5.shards"
    folder.mkdir()
    dead, living = folder / f".a.h5.{'0' * 32}.partial", folder / f".b.h5.{'1' * 32}.partial"
    dead.write_bytes(b"half")
    with living.open("wb") as stream:
        assert lock(stream.fileno())
        fm.write_shards(SPHERE, tmp_path / "data.h5", 2)
    assert not dead.exists()
    assert living.exists()


_RUN = "import sys; from fractalman.cli import main; sys.exit(main(sys.argv[1:]))"
SLOW = '[recipe]\nfamily = "cascade"\nn_points = 40000\nambient_dim = 16\n'


def command(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _RUN, "generate", "slow.toml", "-o", "data.h5", "--no-hierarchy", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "FRACTALMAN_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow(reason="processes that start and are killed")
@posix
@pytest.mark.parametrize(("number", "jobs"), [(signal.SIGKILL, "1"), (signal.SIGINT, "2")])
def test_a_run_that_is_killed_goes_on_where_it_stopped(tmp_path: Path, number: signal.Signals, jobs: str) -> None:
    (tmp_path / "slow.toml").write_text(SLOW)
    index = tmp_path / "data.h5"
    run = command(tmp_path, "--shards", "40", "--jobs", jobs)
    try:
        wait_for(lambda: len(shard_files(index)) >= 2 or run.poll() is not None)
        run.send_signal(number)
        _, errors = run.communicate(timeout=60)
    finally:
        run.kill()
    assert not index.exists()
    assert run.returncode == (cli.INTERRUPTED if number == signal.SIGINT else -number), errors
    if number == signal.SIGINT:
        assert re.search(r" of 40 shards are finished and kept: .* go on\nfractalman: interrupted\n$", errors)
        assert "Traceback" not in errors
        assert list(index.with_name("data.h5.shards").glob(".*.partial")) == []
    kept = {shard: identity(shard) for shard in shard_files(index)}
    assert 2 <= len(kept) < 40
    recipe = fm.from_toml(SLOW)
    with warnings.catch_warnings():  # a run that was killed outright leaves a partial file, which is named
        warnings.simplefilter("ignore", LeftoverWarning)
        fm.write_shards(recipe, index, 40, hierarchy=False)
    assert {shard: identity(shard) for shard in kept} == kept
    with fm.open(index) as file:
        np.testing.assert_array_equal(file.X[:], fm.generate(recipe).X)


def dies_once(mark: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Start the task, and kill the process in the middle of it the first time."""
    with contextlib.suppress(FileExistsError):
        Path(mark).touch(exist_ok=False)
        from fractalman.families import blocks

        make = blocks.ComputedColumn.blocks

        def half(rows: Any) -> Iterator[Any]:
            yield next(make(rows))
            time.sleep(0.2)  # the partial file is there
            os.kill(os.getpid(), signal.SIGKILL)

        blocks.ComputedColumn.blocks = half  # type: ignore[method-assign]
    return function(*arguments)


@posix
def test_a_worker_that_is_killed_costs_its_shard_only(tmp_path: Path, whole: Path, pool: PoolExecutor) -> None:
    killing = SimpleNamespace(submit=lambda work, *given: pool.submit(dies_once, str(tmp_path / "mark"), work, *given))
    path = fm.write_shards(CASCADE, tmp_path / "data.h5", 4, executor=killing)
    assert (tmp_path / "mark").exists()
    assert not list((tmp_path / "data.h5.shards").glob(".*.partial"))  # what the dead one left is taken away
    assert content(path) == content(whole)


# ---------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("recipe", "count", "words"),
    [
        (fm.PercolationCluster(n_points=100), 2, "made in one process; leave shards out"),
        (fm.Subtasks(n_points=100, within=fm.Cascade(n_points=1)), 2, 'subtasks of these with growth = "nested"'),
        (
            fm.LatticePercolation(dim=2, side=9),
            2,
            r"\(cascade, grammar-language, random-hierarchy-model, smooth-manifold, sparse-parities, subtasks",
        ),
        (CASCADE, 0, "shards = 0: expected an integer from 1 to 1001"),
        (CASCADE, -1, "shards = -1"),
        (CASCADE, 1002, "shards = 1002"),
        (CASCADE, True, "shards = True"),
        (CASCADE, 2.0, "shards = 2.0"),
    ],
)
def test_shards_that_cannot_be_are_refused(tmp_path: Path, recipe: fm.Recipe, count: Any, words: str) -> None:
    for work in (
        lambda: fm.write_shards(recipe, tmp_path / "data.h5", count),
        lambda: fm.write_shard(recipe, tmp_path / "data.h5", 1, count),
        lambda: fm.merge_shards(recipe, tmp_path / "data.h5", count),
    ):
        with pytest.raises(RecipeError, match=words) as error:
            work()
        assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_numbers_outside_are_refused(tmp_path: Path) -> None:
    for number in (0, 5, -1):
        with pytest.raises(RecipeError, match=rf"shard {number}/4: expected 1/4 to 4/4"):
            fm.write_shard(CASCADE, tmp_path / "data.h5", number, 4)
    with pytest.raises(FileNotFoundError, match="use mkdir"):
        fm.write_shard(CASCADE, tmp_path / "absent" / "data.h5", 1, 4)


def test_what_does_not_fit_is_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(OSError, match="the shards need 48048 bytes or more, 1000 are free"):
        fm.write_shards(CASCADE, tmp_path / "data.h5", 2)
    from fractalman import _memory

    monkeypatch.setattr(_memory, "available_bytes", lambda: 1000)
    with pytest.raises(ResourceError, match="writing this recipe needs"):
        fm.write_shards(CASCADE, tmp_path / "data.h5", 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--shards", "0"], r"found '0', expected a number of shards"),
        (["--shards", "many"], r"found 'many'"),
        (["--shard", "5/4"], r"found '5/4', expected a number and how many there are"),
        (["--shard", "0/4"], r"found '0/4'"),
        (["--shard", "4"], r"found '4'"),
        (["--shard", "1/4", "--shards", "5"], r"contradicts --shards 5"),
        (["--shard", "1/4", "--jobs", "2"], r"leave --jobs and --scheduler out"),
        (["--jobs", "2"], r"use --shards with their number"),
        (["--scheduler", "tcp://127.0.0.1:1"], r"use --shards with their number"),
        (["--shards", "2", "--scheduler", "127.0.0.1"], r"expected an address"),
        (["--shards", "2", "--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"], r"jobs and scheduler are given"),
    ],
)
def test_nonsense_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], complaint: str
) -> None:
    (tmp_path / "r.toml").write_text(SLOW)
    assert cli.main(["generate", str(tmp_path / "r.toml"), "-o", str(tmp_path / "data.h5"), *words]) == cli.WRONG
    out, errors = capsys.readouterr()
    assert out == ""
    assert errors.count("\n") == 1
    assert re.search(complaint, errors), errors
    assert [path.name for path in tmp_path.iterdir()] == ["r.toml"]


def test_the_command_line_writes_shards_one_by_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.toml").write_text(CASCADE.to_toml())
    assert cli.main(["generate", "r.toml", "-o", "data.h5", "--shard", "2/2"]) == 0
    assert "1 of 2 are missing" in capsys.readouterr().out
    assert cli.main(["generate", "r.toml", "-o", "data.h5", "--shard", "1/2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["missing"] == []
    assert cli.main(["generate", "r.toml", "-o", "data.h5", "--shards", "2", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["file"] == "data.h5"
    assert answer["bytes"] == sum(path.stat().st_size for path in [Path("data.h5"), *shard_files(Path("data.h5"))])
    assert cli.main(["verify", "data.h5"]) == 0
    assert cli.main(["info", "data.h5"]) == 0
    assert cli.main(["info", str(shard_files(Path("data.h5"))[0])]) == 0
    capsys.readouterr()
    shard_files(Path("data.h5"))[1].unlink()
    assert cli.main(["verify", "data.h5"]) == cli.NO
    assert "00002-of-00002.h5: is missing" in capsys.readouterr().out


def test_progress_counts_kept_shards_as_done(tmp_path: Path) -> None:
    fm.write_shard(SPHERE, tmp_path / "data.h5", 1, 2)
    said: list[tuple[str, int, int]] = []
    fm.write_shards(SPHERE, tmp_path / "data.h5", 2, progress=lambda *what: said.append(what))
    assert said[0] == ("shards, 1 of 2 finished", 350 * 32, 700 * 32)
    assert ("shards, 2 of 2 finished", 700 * 32, 700 * 32) in said
    assert all(0 <= done <= total for _, done, total in said)


def test_two_writers_of_one_shard_do_not_disturb_each_other(tmp_path: Path, made: Path) -> None:
    """The slower one finds its partial file gone, as after `_tidy`, and the shard there."""
    path = tmp_path / "data.h5"
    target = shards._shard(CASCADE, path, 1, 4)
    columns = shards._columns(CASCADE, 4)
    write = shards._write_rows

    def slow(*_: Any) -> Path:
        shutil.copyfile(made / "data.h5.shards" / target.name, target)
        raise FileNotFoundError(target)

    shards._write_rows = slow
    try:
        assert shards._write_shard(CASCADE, columns, path, 1, 4, None) == target
    finally:
        shards._write_rows = write
    with open_file(target) as file:
        assert file.is_shard
