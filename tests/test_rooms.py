"""The walls: who may import whom, what is imported only on demand, and how large a module may grow."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fractalman

PACKAGE = Path(fractalman.__file__).parent

# A door opens one way; what lies behind an open door's own doors may be imported too.
DOORS: dict[str, set[str]] = {
    "errors": set(),
    "_typing": set(),
    "_jit": set(),
    "_version": set(),
    "random": {"errors", "_jit"},
    "recipe": {"errors", "random"},
    "kernels": {"errors", "_jit"},
    "nearest": {"errors", "_jit"},
    "trees": {"errors", "_jit", "random"},
    "geometry": {"random", "recipe", "trees"},
    "embedding": {"random", "trees"},
    "labels": {"random", "trees"},
    "datasets": {"recipe", "random", "trees"},
    "build": {"random", "recipe", "geometry", "embedding", "labels", "datasets", "experiments"},
    "theory": {"recipe", "kernels", "nearest", "trees"},
    "measure": {"datasets", "trees", "kernels"},
    "prediction": {"build", "datasets", "measure", "theory", "nearest"},
    "learners": {"kernels", "nearest", "random"},
    "experiments": {"prediction", "build", "learners", "measure"},
    "studies": {"experiments"},
    "report": {"studies"},
    "torch": {"datasets"},
    "catalogue": {"errors", "recipe", "theory"},
    "quickstart": {"report", "catalogue"},
    "runs": {"quickstart"},
    "cli": {"runs"},
    "__main__": {"cli"},
}
EVERYBODY = {"_typing", "_version"}
ONLY_IN = {  # a heavy library → the modules that may name it
    "jax": ("learners/networks/",),
    "jaxlib": ("learners/networks/",),
    "optax": ("learners/networks/",),
    "equinox": ("learners/networks/",),
    "matplotlib": ("report/",),
    "sklearn": ("learners/", "studies/"),
    "torch": ("torch.py",),
    "pandas": ("datasets/",),
    "anndata": ("datasets/",),
    "dask": ("experiments/executors/",),
    "distributed": ("experiments/executors/",),
    "numba": ("_jit.py", "datasets/certificate.py"),
    "hdf5plugin": ("datasets/compression.py",),
}


def reachable(room: str) -> set[str]:
    """Return every room that ``room`` may import."""
    found, waiting = set(EVERYBODY) | {room}, [room]
    while waiting:
        for door in DOORS[waiting.pop()] - found:
            found.add(door)
            waiting.append(door)
    return found


def imported(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    """Yield the absolute dotted name of everything that a module imports, wherever in it the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def closed_doors(source: str, path: str) -> list[str]:
    """Return one line per import in ``source`` (a module at ``path``, relative to the package) without a door."""
    parts = Path(path).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    module = ".".join(("fractalman", *(parts[:-1] if is_package else parts)))
    room = parts[0]
    if room != "__init__" and room not in DOORS:
        return [f"{path}: {room} is no room of the picture"]
    problems = set()
    for name in imported(ast.parse(source), module, is_package):
        head, *rest = name.split(".")
        if head == "fractalman" and room != "__init__":
            if rest == ["__version__"]:
                continue
            if not rest or rest[0] not in DOORS:
                problems.add(f"{path} imports {name}, which is no room of the picture")
            elif rest[0] not in reachable(room):
                problems.add(f"{path} imports {name}: there is no door from {room} to {rest[0]}")
        elif head in ONLY_IN and not path.startswith(ONLY_IN[head]):
            problems.add(f"{path} imports {name}: {head} is imported only in {', '.join(ONLY_IN[head])}")
    return sorted(problems)


def modules() -> list[str]:
    """Return the paths of the package's modules, relative to it."""
    return sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def numpy_random(source: str) -> list[int]:
    """Return the lines on which ``source`` uses NumPy's random numbers or Python's."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "random" and isinstance(node.value, ast.Name):
            lines += [node.lineno] if node.value.id in {"np", "numpy"} else []
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names]
            base = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            whole = {f"{base}.{name}".lstrip(".") for name in names} | {base}
            if whole & {"random", "numpy.random"}:
                lines.append(node.lineno)
    return lines


@pytest.mark.parametrize("path", modules())
def test_module_keeps_to_its_doors(path: str) -> None:
    source = (PACKAGE / path).read_text(encoding="utf-8")
    assert closed_doors(source, path) == []
    assert numpy_random(source) == [], f"{path} draws random numbers that have no address"
    assert len(source.splitlines()) <= 500, f"{path} has grown over 500 lines: split it"


@pytest.mark.parametrize(
    ("source", "path", "complaint"),
    [
        ("from fractalman.measure import fit_power_law", "theory/curves.py", "no door from theory to measure"),
        ("def f():\n    import fractalman.theory.curves", "measure/scaling.py", "no door from measure to theory"),
        ("from ..experiments import spec", "learners/ridge.py", "no door from learners to experiments"),
        ("from . import learners", "theory.py", "no door from theory to learners"),
        ("from fractalman import cli", "report/page.py", "no door from report to cli"),
        ("import jax.numpy as jnp", "learners/ridge.py", "jax is imported only in"),
        ("def f():\n    from matplotlib import pyplot", "experiments/run.py", "matplotlib is imported only in"),
        ("import fractalman.errors", "helpers.py", "is no room of the picture"),
        ("from fractalman.helpers import x", "build.py", "is no room of the picture"),
        ("import fractalman as fm", "theory/curves.py", "is no room of the picture"),
    ],
)
def test_a_door_that_is_not_there_is_noticed(source: str, path: str, complaint: str) -> None:
    problems = closed_doors(source, path)
    assert len(problems) >= 1
    assert complaint in problems[0]


def test_open_doors_are_open() -> None:
    assert closed_doors("from fractalman import prediction\nfrom ..trees import columns", "report/page.py") == []
    assert closed_doors("import jax", "learners/networks/mlp.py") == []
    assert closed_doors("import fractalman.anything_at_all", "__init__.py") == []


@pytest.mark.parametrize(
    "source", ["import numpy as np\nx = np.random.rand()", "from numpy.random import default_rng", "import random"]
)
def test_random_numbers_without_an_address_are_noticed(source: str) -> None:
    assert numpy_random(source)
    assert not numpy_random("from fractalman.random.streams import normals\nx = data.random")


def test_no_module_carries_the_name_of_a_public_function() -> None:
    # A submodule called like a function would replace it in the package's namespace when it is imported.
    for room in sorted({Path(path).with_suffix("").parts[0] for path in modules()} - {"__init__", "__main__"}):
        assert not callable(getattr(fractalman, room, None)), f"{room} carries the name of a public function"


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import json, sys, fractalman; print(json.dumps(sorted(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)
    names = {name.split(".")[0] for name in json.loads(loaded.stdout)}
    assert "fractalman" in names
    assert names & set(ONLY_IN) - {"numba"} == set()


def test_the_public_names_are_there() -> None:
    wanted = {"PercolationCluster", "Cascade", "Seeds", "families", "generate", "write", "open", "predict", "confirm"}
    wanted |= {"measure", "theory", "__version__"}
    assert wanted <= set(dir(fractalman))
    assert {name for name in wanted if getattr(fractalman, name, None) is None} == set()
