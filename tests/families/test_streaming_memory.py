"""What writing takes: memory that does not grow with the points, and estimates that say so beforehand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fractalman as fm
from fractalman import _memory
from fractalman.errors import ResourceError
from fractalman.families.base import memory_of
from tests.families.test_streaming import RECIPES

linux = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory as Linux states it")

# ---------------------------------------------------------------------------------------------------- memory

_CHILD = """
import json, sys
from pathlib import Path
import fractalman as fm
from fractalman.generation import columns

columns.IN_MEMORY_BYTES = 0

def status(name):
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024

recipe, hierarchy, path = fm.from_toml(sys.argv[1]), sys.argv[2] == "trees", sys.argv[3]
for n in (3000, 100_000):  # what compiles the kernels of small trees, and of large ones
    fm.write(recipe.replace(n_points=n), path, hierarchy=hierarchy, overwrite=True)
growth = []
for n in map(int, sys.argv[4:]):
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    fm.write(recipe.replace(n_points=n), path, hierarchy=hierarchy, overwrite=True)
    growth.append(status("VmHWM") - before)
print(json.dumps(growth))
"""


def growth(recipe: fm.Recipe, folder: Path, trees: bool, *sizes: int) -> list[int]:
    """Growth of the resident set of a warm process while it writes datasets of these sizes."""
    words = [recipe.to_toml(), "trees" if trees else "bare", str(folder / "data.h5"), *map(str, sizes)]
    out = subprocess.run(
        [sys.executable, "-c", _CHILD, *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "FRACTALMAN_THREADS": "1"},
        check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    found: list[int] = json.loads(out.stdout)
    return found


@pytest.mark.slow(reason="memory of six million points")
@linux
def test_a_cascade_is_written_in_the_same_memory_whatever_its_size(tmp_path: Path) -> None:
    recipe = fm.Cascade(n_points=1, ambient_dim=2, contraction=0.001, branching=64)
    small, large = growth(recipe, tmp_path, False, 3_000_000, 6_000_000)  # fewer do not fill the chain of blocks
    assert large < small + (8 << 20)
    assert large < memory_of(recipe).streamed_bytes(False)
    assert large < 6_000_000 * 24 // 3  # X, y and cluster would not fit into it


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> int:
    """What 300 000 points take without their trees."""
    recipe = fm.Cascade(n_points=1, ambient_dim=2, branching=4, contraction=0.25, depth=12)
    return growth(recipe, tmp_path_factory.mktemp("bare"), False, 300_000)[0]


@pytest.mark.slow(reason="memory of 300 000 points with their trees")
@linux
@pytest.mark.parametrize("ratios", [0.25, (0.2, 0.25, 0.25, 0.3)])
def test_a_cascade_s_trees_take_at_most_48_bytes_a_point(
    tmp_path: Path, bare: int, ratios: float | tuple[float, ...]
) -> None:
    recipe, n = fm.Cascade(n_points=1, ambient_dim=2, branching=4, contraction=ratios, depth=12), 300_000
    (with_trees,) = growth(recipe, tmp_path, True, n)
    assert with_trees - bare <= 48 * n + (6 << 20)  # and a block or two that are hashed while the next is made
    assert with_trees < memory_of(recipe.replace(n_points=n)).streamed_bytes()


@pytest.mark.slow(reason="memory of 800 000 points with their trees")
@linux
@pytest.mark.parametrize(
    "recipe",
    [
        fm.PercolationCluster(n_points=1, ambient_dim=2),
        fm.PercolationCluster(n_points=1, ambient_dim=2, growth="nested"),
        fm.PercolationEnsemble(n_points=1, ambient_dim=2),
    ],
    ids=["cluster", "nested", "ensemble"],
)
def test_trees_of_critical_clusters_are_compact(tmp_path: Path, recipe: fm.Recipe) -> None:
    """`generate` takes 150 bytes a point for the same, X apart."""
    n = 800_000  # 150 bytes a point would be 30 MB more than is allowed
    (found,) = growth(recipe, tmp_path, True, n)
    assert found < 52 * n + (48 << 20)  # and the chain of blocks
    assert found < memory_of(recipe.replace(n_points=n)).streamed_bytes()


@pytest.mark.slow(reason="memory of 100 000 points in 600 dimensions")
@linux
def test_a_cluster_s_coordinates_are_never_held(tmp_path: Path) -> None:
    """A control beside it: at once, they would be three quarters of the growth."""
    recipe = fm.PercolationCluster(n_points=1, ambient_dim=600)
    (found,) = growth(recipe, tmp_path, False, 100_000)
    assert 4 * 600 * 100_000 > 220 << 20
    assert found < 200 << 20
    assert found < memory_of(recipe.replace(n_points=100_000)).streamed_bytes()


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_say_what_writing_needs(name: str) -> None:
    recipe = RECIPES[name]
    assert memory_of(recipe).streamed_bytes(False) <= memory_of(recipe).streamed_bytes(True)
    if recipe.addressed:
        many = recipe.replace(n_points=10**9)
        assert memory_of(many).streamed_bytes(False) == memory_of(recipe).streamed_bytes(False) <= 1 << 30
        assert memory_of(many).peak_bytes() > memory_of(many).streamed_bytes(True)
    wide = recipe.replace(ambient_dim=recipe.ambient_dim + 1000, rotate=False, nuisance_dim=0)
    narrow = recipe.replace(rotate=False, nuisance_dim=0)
    if recipe.family != "smooth-manifold":  # its frame is a matrix
        assert memory_of(wide).streamed_bytes() == memory_of(narrow).streamed_bytes()  # X is not held


def test_what_does_not_fit_says_what_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = fm.Cascade(n_points=10**8, ambient_dim=64)
    monkeypatch.setattr(_memory, "available_bytes", lambda: 1 << 30)
    with pytest.raises(ResourceError) as error:
        fm.generate(recipe)
    assert "\n" not in str(error.value)
    bare = f"(hierarchy=False, --no-hierarchy), which needs {memory_of(recipe).streamed_bytes(False):,}"
    assert f"or write it to a file without its latents {bare}" in str(error.value)
    small = fm.Cascade(n_points=10**6, ambient_dim=512)
    assert memory_of(small).streamed_bytes() < 1 << 30 < memory_of(small).peak_bytes()
    with pytest.raises(ResourceError, match=r"or write it to a file, which needs [\d,]+$"):
        fm.generate(small)
    monkeypatch.setattr(_memory, "available_bytes", lambda: 1 << 20)
    with pytest.raises(ResourceError, match=r"are available: use a smaller n_points or ambient_dim$"):
        fm.generate(recipe)  # nothing else would help
    monkeypatch.setattr(_memory, "available_bytes", lambda: 1 << 30)
    with pytest.raises(ResourceError, match=r"^writing this recipe needs 5,") as error:
        fm.write(recipe, tmp_path / "data.h5")
    assert "or leave the latents out" in str(error.value)
    assert memory_of(recipe).streamed_bytes(False) < 1 << 30
    cluster = fm.PercolationCluster(n_points=10**8)
    with pytest.raises(ResourceError) as error:
        fm.write(cluster, tmp_path / "data.h5", hierarchy=False)
    assert "leave the latents out" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
