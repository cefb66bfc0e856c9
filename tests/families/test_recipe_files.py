"""From any recipe to a file and back: the same columns as in memory, nothing to object to, and the same bytes again."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples

import fractalman as fm
from fractalman.datasets.header import header_problem
from fractalman.datasets.inspection import check_file
from fractalman.datasets.verify import verify_file
from fractalman.errors import FileFormatError, RecipeError

_SIZES = st.integers(1, 40)
_SEEDS = st.integers(0, 2**63 - 1) | st.builds(fm.Seeds, geometry=st.integers(0, 9), labels=st.integers(0, 9))
_ADDED = {
    "seed": _SEEDS,
    "noise": st.sampled_from([0.0, 0.3]),
    "nuisance_dim": st.integers(0, 2),
    "rotate": st.booleans(),
}
_LABELS = st.sampled_from(["hierarchical", "brownian", "cluster-constant"])
_CHILDREN = st.sampled_from([
    {"branching": 3},
    {"branching": (2, 7)},
    {"contraction": (0.3, 0.6), "masses": (0.9, 0.1), "branching": 2, "depth": 20},
    {"contraction": (0.2, 0.5, 0.5), "branching": 3},
])  # fmt: skip
RECIPES: dict[str, st.SearchStrategy[fm.Recipe]] = {
    "percolation-cluster": st.builds(
        fm.PercolationCluster,
        n_points=_SIZES,
        ambient_dim=st.integers(2, 5),
        label=st.sampled_from(["hierarchical", "brownian"]),
        growth=st.sampled_from(["coalescent", "nested"]),
        **_ADDED,
    ),
    "percolation-ensemble": st.builds(
        fm.PercolationEnsemble,
        n_points=_SIZES,
        ambient_dim=st.integers(2, 5),
        ensemble=st.sampled_from(["number", "size-biased"]),
        sizes=st.sampled_from(["yule-simon", "borel"]),
        growth=st.sampled_from(["coalescent", "nested"]),
        label=_LABELS,
        **_ADDED,
    ),
    "bethe-lattice": st.builds(
        fm.BetheLattice,
        n_points=_SIZES,
        coordination=st.integers(3, 6),
        growth=st.sampled_from(["coalescent", "nested"]),
        ambient_dim=st.integers(2, 5),
        label=_LABELS,
        **_ADDED,
    ),
    "lattice-percolation": st.builds(
        fm.LatticePercolation,
        dim=st.integers(2, 3),
        side=st.integers(3, 4),
        percolation=st.sampled_from(["site", "bond"]),
        occupation=st.none() | st.floats(0.3, 1.0),
        boundary=st.sampled_from(["free", "periodic"]),
        clusters=st.just("all"),
        spanning_tree=st.sampled_from(["breadth-first", "minimum"]),
        ambient_dim=st.integers(6, 7),
        label=_LABELS,
        **_ADDED,
    ),
    "cascade": st.builds(
        lambda children, **keywords: fm.Cascade(**{**keywords, **children}),
        _CHILDREN,
        n_points=_SIZES,
        ambient_dim=st.integers(2, 5),
        branching=st.integers(2, 5),
        contraction=st.sampled_from([0.3, 0.5]),
        hurst=st.sampled_from([0.5, 1.0]),
        **_ADDED,
    ),
    "smooth-manifold": st.builds(
        fm.SmoothManifold,
        n_points=_SIZES,
        ambient_dim=st.integers(4, 6),
        kind=st.sampled_from(["sphere", "torus", "cube"]),
        dim=st.integers(1, 2),
        hurst=st.sampled_from([0.5, 0.9]),
        field=st.sampled_from(["waves", "exact"]),
        **_ADDED,
    ),
    "random-hierarchy-model": st.builds(
        fm.RandomHierarchyModel,
        n_points=_SIZES,
        levels=st.integers(1, 3),
        vocabulary=st.just(4),
        synonyms=st.integers(1, 2),
        classes=st.integers(2, 4),
        encoding=st.sampled_from(["one-hot", "tokens", "embedding"]),
        seed=st.integers(0, 99),
    ),
    "grammar-language": st.builds(
        fm.GrammarLanguage,
        n_points=_SIZES,
        levels=st.integers(2, 3),
        vocabulary=st.just(4),
        synonyms=st.integers(1, 4),
        unary_probability=st.sampled_from([0.0, 0.3]),
        context=st.none() | st.integers(2, 3),
        target=st.sampled_from(["next-token", "masked-token"]),
        encoding=st.sampled_from(["one-hot", "tokens", "embedding"]),
        seed=st.integers(0, 99),
    ),
    "sparse-parities": st.builds(
        fm.SparseParities,
        n_points=_SIZES,
        n_tasks=st.integers(1, 5),
        n_bits=st.integers(3, 8),
        task_size=st.integers(1, 3),
        seed=st.integers(0, 99),
    ),
    "subtasks": st.builds(
        fm.Subtasks,
        n_points=_SIZES,
        within=st.sampled_from(
            [fm.Cascade(n_points=1, ambient_dim=4), fm.PercolationCluster(n_points=1, growth="nested")]
        ),
        growth=st.sampled_from(["sorted", "nested"]),
        zipf_exponent=st.floats(0.1, 5.0),
        n_subtasks=st.none() | st.integers(1, 5),
        **_ADDED,
    ),
}


def drawn(recipe: fm.Recipe) -> fm.Dataset | None:
    """Return the dataset, or None where the family has none of these sizes (an empty lattice)."""
    try:
        return fm.generate(recipe)
    except RecipeError:
        assert recipe.family == "lattice-percolation"
        return None


def same(a: object, b: object) -> None:
    """Both datasets hold the same arrays, hierarchy and label tree included."""
    assert type(a) is type(b)
    if dataclasses.is_dataclass(a) and not isinstance(a, (type, fm.Recipe)):
        for field in dataclasses.fields(a):
            same(getattr(a, field.name), getattr(b, field.name))
    elif isinstance(a, np.ndarray):
        np.testing.assert_array_equal(a, b, strict=True)
    else:
        assert a == b


def test_every_family_is_tried() -> None:
    assert set(RECIPES) == set(fm.family_names())


@pytest.mark.parametrize("family", sorted(RECIPES))
def test_any_recipe_makes_the_round_trip(tmp_path_factory: pytest.TempPathFactory, family: str) -> None:
    folder = tmp_path_factory.mktemp("round")

    @examples(8, fast=4)  # each writes two files and checks all of them
    @given(RECIPES[family], st.booleans(), st.sampled_from(["standard", "off", "gzip"]))
    def trip(recipe: fm.Recipe, hierarchy: bool, compression: str) -> None:
        data = drawn(recipe)
        if data is None:
            return
        path = fm.write(recipe, folder / "data.h5", hierarchy=hierarchy, overwrite=True, compression=compression)
        assert header_problem(path) is None
        assert list(check_file(path)) == []
        with fm.open(path) as f:
            assert f.recipe == recipe
            read = f.dataset()
        if not hierarchy:
            data = dataclasses.replace(data, hierarchy=None, label_tree=None)
        same(read, data)
        again = fm.rebuild(path, folder / "again.h5", overwrite=True)
        assert again.read_bytes() == path.read_bytes()
        assert sorted(found.name for found in folder.iterdir()) == ["again.h5", "data.h5"]

    trip()


_ELSEWHERE = """
import os, sys, time
os.umask(0o077)
time.tzset()
import fractalman as fm
for source in sys.argv[1:]:
    fm.rebuild(source, "again-" + os.path.basename(source))
"""


@pytest.mark.slow(reason="every kernel is compiled for another processor")
@pytest.mark.skipif(os.name != "posix", reason="time zones of POSIX")
def test_another_machine_makes_the_same_bytes(tmp_path: Path, repository: Path) -> None:
    """Another user's settings: home, folder, time zone, language, hash seed, umask, number of threads."""
    (tmp_path / "home").mkdir()
    made = [
        fm.write(fm.PercolationCluster(n_points=5000, ambient_dim=24, noise=0.1, seed=4), tmp_path / "cluster.h5"),
        fm.write(fm.Cascade(n_points=5000, ambient_dim=8, seed=4), tmp_path / "cascade.h5"),
    ]
    environment = {
        **os.environ,
        "HOME": str(tmp_path / "home"),
        "TZ": "Pacific/Kiritimati",
        "LANG": "tr_TR.UTF-8",
        "LC_ALL": "C",
        "PYTHONHASHSEED": "77",
        "FRACTALMAN_THREADS": "3",
        "PYTHONPATH": str(repository),
    }
    subprocess.run(
        [sys.executable, "-c", _ELSEWHERE, *map(str, made)], check=True, cwd=tmp_path / "home", env=environment
    )
    for path in made:
        text = path.read_bytes()
        assert (tmp_path / "home" / f"again-{path.name}").read_bytes() == text
        assert str(tmp_path).encode() not in text


def test_rebuilding_a_file_that_was_changed_publishes_nothing(tmp_path: Path) -> None:
    import xxhash
    from damage import edited, replace

    from fractalman.datasets.digests import column_digest
    from fractalman.datasets.provenance import ColumnRecord, Provenance

    recipe = fm.PercolationCluster(n_points=30, ambient_dim=3)
    path = fm.write(recipe, tmp_path / "data.h5")
    with fm.open(path) as f:
        provenance, y = f.provenance, f.y[:] + 1.0
    record = ColumnRecord("<f8", y.shape, column_digest(y, "<f8"))
    forged = Provenance(
        provenance.recipe, {**provenance.columns, "y": record}, provenance.versions, provenance.compression
    )
    replace(path, "y", y)
    with edited(path) as handle:  # 30 labels are one block
        blocks = handle["digests/y"]
        blocks[...] = np.frombuffer(xxhash.xxh3_128_digest(y.tobytes()), blocks.dtype).reshape(blocks.shape)
    replace(path, "provenance", np.array([forged.to_bytes()]))
    assert [problem.path for problem in verify_file(path)] == ["y"]  # every digest is right, the labels are not
    with pytest.raises(FileFormatError, match="the file was changed, or this machine computes differently"):
        fm.rebuild(path, tmp_path / "again.h5")
    assert [found.name for found in tmp_path.iterdir()] == ["data.h5"]
