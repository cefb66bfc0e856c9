"""The machinery of studies: resuming, shards, processes, estimated hierarchies, specifications refused by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from fractalman.config import integer
from fractalman.errors import RecipeError, ResourceError
from fractalman.experiments import load_result, read_experiment, run_experiment
from fractalman.studies.base import Row, Study, StudySpec, Task
from fractalman.studies.estimated import LIMIT_POINTS, NEIGHBOURS, estimated_hierarchy
from fractalman.studies.reading import read_study
from fractalman.studies.sources import FileSource, RecipeSource, labels
from fractalman.trees import Hierarchy


@dataclass(frozen=True)
class Factor(StudySpec):
    """What is counted with."""

    name: ClassVar[str] = "counting"
    factor: int = 1

    def to_dict(self) -> dict[str, Any]:
        return {"counting": {"factor": self.factor}}

    def tasks(self) -> list[Task]:
        return [Task("part", value, seed) for seed in range(2) for value in (1, 2, 4)]


@dataclass(frozen=True)
class Counted:
    """All rows, and how many tasks are not finished."""

    study: Factor
    rows: list[Row]
    missing: int


class Counting(Study[Factor, Counted]):
    """Tasks whose rows are their own numbers; module-level, so that processes can be sent it."""

    name: ClassVar[str] = "counting"

    def read(self, source: str | Path | Mapping[str, Any]) -> Factor:
        assert isinstance(source, Mapping)
        return Factor(**source["counting"])

    def run(self, spec: Factor, task: Task, checkpoint: Path | None = None) -> list[Row]:  # noqa: ARG002
        return [{"value": spec.factor * task.value, "seed": task.seed, "k": k} for k in range(2)]

    def result(self, spec: Factor, rows: list[Row], missing: int) -> Counted:
        return Counted(spec, rows, missing)


COUNTING = Counting()


class Killed(Exception):
    """The machine went off."""


def test_a_killed_study_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = run_experiment(COUNTING, Factor()).rows
    said: list[str] = []

    def kill(text: str) -> None:
        said.append(text)
        if text.startswith("task 3"):
            raise Killed

    with pytest.raises(Killed):
        run_experiment(COUNTING, Factor(), tmp_path / "x", kill)
    assert read_experiment(COUNTING, tmp_path / "x").missing == 3
    journal = tmp_path / "x" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"task": ["part", 4')  # and a line was torn
    again: list[str] = []
    assert run_experiment(COUNTING, Factor(), tmp_path / "x", again.append).rows == whole
    assert again[0] == "3 of 6 tasks are in the journal already"
    assert len(again) == 1 + 3
    assert run_experiment(COUNTING, Factor(), tmp_path / "x").rows == whole
    with pytest.raises(RecipeError, match="another specification"):
        run_experiment(COUNTING, Factor(2), tmp_path / "x")
    assert run_experiment(COUNTING, Factor(2), tmp_path / "x", force=True).rows != whole


@pytest.mark.slow(reason="processes that start for every shard")
def test_shards_and_processes_make_one_table(tmp_path: Path) -> None:
    whole = run_experiment(COUNTING, Factor()).rows
    parts = [run_experiment(COUNTING, Factor(), tmp_path / "s", shard=(i, 4)) for i in (1, 2, 3, 4)]
    assert [len(part.rows) for part in parts] == [4, 8, 10, 12]  # each reads what the others have finished
    assert [part.missing for part in parts] == [4, 2, 1, 0]
    assert parts[-1].rows == whole
    assert run_experiment(COUNTING, Factor(), tmp_path / "p", jobs=2).rows == whole
    with pytest.raises(RecipeError, match="a shard without a folder"):
        run_experiment(COUNTING, Factor(), shard=(1, 2))


def test_a_journal_of_another_experiment_is_refused(tmp_path: Path) -> None:
    run_experiment(COUNTING, Factor(), tmp_path)
    with pytest.raises(RecipeError, match="holds a counting run: expected one of confirm"):
        load_result(tmp_path)


# ---------------------------------------------------------------------------------------------------- sources


def test_ward_and_spanning_trees_are_those_of_scipy() -> None:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.sparse.csgraph import minimum_spanning_tree
    from scipy.spatial.distance import pdist, squareform

    X = np.random.default_rng(0).normal(size=(60, 3))
    ward = estimated_hierarchy(X, "ward", 0)
    merges = linkage(X, "ward")
    sizes = np.sort(ward.size[60:])
    np.testing.assert_array_equal(sizes, np.sort(merges[:, 3].astype(int)))
    flat = fcluster(merges, 5, "maxclust")
    largest = int(np.bincount(flat).max())
    of = ward.cut(largest).fragment  # the largest of five clusters is a fragment of the cut at its size
    assert any(np.array_equal(of == f, flat == np.bincount(flat).argmax()) for f in np.unique(of))
    tree = estimated_hierarchy(X, "minimum-spanning-tree", 3)
    assert tree.n_latents == 59
    assert tree.size.max() == 60
    from fractalman.studies.estimated import _distances, _spanning_tree

    edges = _spanning_tree(60, _distances(X))
    length = np.linalg.norm(X[edges[:, 0]] - X[edges[:, 1]], axis=1)
    assert length.sum() == pytest.approx(minimum_spanning_tree(squareform(pdist(X))).sum())
    other = estimated_hierarchy(X, "minimum-spanning-tree", 4)
    assert not np.array_equal(tree.size, other.size)  # the cuts are drawn
    assert estimated_hierarchy(X[:1], "ward", 0).n_nodes == 1
    with pytest.raises(RecipeError, match="did you mean 'ward'"):
        estimated_hierarchy(X, "wrad", 0)
    huge = np.broadcast_to(np.float32(0.0), (LIMIT_POINTS + 1, 2))
    with pytest.raises(ResourceError, match="take a random part"):
        estimated_hierarchy(huge, "ward", 0)


def _subclusters(tree: Hierarchy) -> set[frozenset[int]]:
    """The points below every node."""
    below: list[set[int]] = [{i} for i in range(tree.n_points)] + [set() for _ in range(tree.n_latents)]
    for point in range(tree.n_points):
        node = int(tree.parent[point])
        while node >= 0:
            below[node].add(point)
            node = int(tree.parent[node])
    return {frozenset(points) for points in below}


@pytest.mark.parametrize("n", [1, 2, 4, 70])
def test_the_tree_of_hdbscan_is_single_linkage_by_mutual_reachability(n: int) -> None:
    """Every cluster at any height of scipy's single linkage, on a table written here, is a subcluster."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import cdist, squareform

    X = np.random.default_rng(1).normal(size=(n, 2)) ** 3
    tree = estimated_hierarchy(X, "hdbscan", 0)
    assert tree.n_nodes == 2 * n - 1
    if n == 1:
        return
    apart = cdist(X, X)
    core = np.sort(apart, axis=1)[:, min(NEIGHBOURS, n) - 1]
    reach = np.maximum(apart, np.maximum.outer(core, core))
    np.fill_diagonal(reach, 0.0)
    merges = linkage(squareform(reach, checks=False), "single")
    found, ward = _subclusters(tree), _subclusters(estimated_hierarchy(X, "ward", 0))
    wanted = set()
    for height in np.unique(merges[:, 2]):
        flat = fcluster(merges, height, "distance")
        wanted |= {frozenset(np.flatnonzero(flat == f).tolist()) for f in np.unique(flat)}
    assert wanted <= found
    assert n < 70 or not wanted <= ward


def test_one_hot_labels_are_centred_and_of_variance_one() -> None:
    y = labels(np.array([3.0, 1.0, 3.0, 7.0]), "one-hot")
    assert y.shape == (4, 3)
    np.testing.assert_allclose(y.mean(axis=0), 0.0, atol=1e-15)
    assert np.square(y).sum(axis=1).mean() == pytest.approx(1.0)
    assert labels(np.ones(3), "value").tolist() == [[0.0]] * 3


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    X = np.random.default_rng(1).normal(size=(40, 2))
    np.savez(tmp_path / "a.npz", X=X, y=X[:, 0])
    source = FileSource.of(tmp_path / "a.npz")
    first = source.sample(0, 20, 10)
    assert not set(first.train) & set(first.test)
    assert not first.exact
    np.testing.assert_array_equal(source.sample(0, 20, 10).train, first.train)
    assert not np.array_equal(source.sample(1, 20, 10).train, first.train)
    np.savez(tmp_path / "a.npz", X=X + 1, y=X[:, 0])
    with pytest.raises(RecipeError, match="not the file that the study began with"):
        source.sample(0, 20, 10)


# ---------------------------------------------------------------------------------------------------- reading

KEYS = {"steps": (integer(1, 100), 3)}
RECIPE = {"family": "percolation-cluster", "n_points": 100}


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"recipe": RECIPE}, r"no table \[counting\] found; use e.g. x"),
        ({"recipe": RECIPE, "countign": {}, "counting": {}}, r"unknown table countign.*did you mean 'counting'"),
        ({"recipe": RECIPE, "counting": {"step": 3}}, "unknown key counting.step.*did you mean 'steps'"),
        ({"recipe": RECIPE, "counting": {"steps": 0}}, "counting.steps = 0: expected an integer from 1 to 100"),
        ({"counting": {}}, r"\[recipe\] and \[data\] are both missing"),
        ({"recipe": RECIPE, "data": {"file": "x.npz"}, "counting": {}}, r"\[recipe\] and \[data\].*expected one"),
        ({"recipe": {**RECIPE, "n_point": 3}, "counting": {}}, "did you mean 'n_points'"),
        ({"data": {"fil": "x.npz"}, "counting": {}}, "unknown key data.fil"),
        ({"data": {"file": "nowhere.npz"}, "counting": {}}, "nowhere.npz does not exist"),
        ({"recipe": RECIPE, "counting": {}, "k-nn": {"kk": 2}}, "unknown key k-nn.kk"),
        ({"recipe": RECIPE, "counting": {}, "k-nn": 2}, r"expected a table \[k-nn\]"),
    ],
)
def test_bad_tables_are_refused_by_key(tables: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        read_study(tables, "counting", KEYS, ("k-nn",), "x")


def test_good_tables_are_filled_in() -> None:
    found = read_study({"recipe": RECIPE, "counting": {}, "k-nn": {"k": 2}}, "counting", KEYS, ("k-nn",), "x")
    assert found.values == {"steps": 3}
    assert found.settings == {"k-nn": {"k": 2}}
    assert isinstance(found.source, RecipeSource)
    with pytest.raises(RecipeError, match="not valid TOML"):
        read_study("[recipe\n", "counting", KEYS, (), "x")
