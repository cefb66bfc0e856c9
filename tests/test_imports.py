"""Who may import whom (the contracts in pyproject.toml), what is imported on demand, how large a module may grow."""

from __future__ import annotations

import ast
import importlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fractalman

PACKAGE = Path(fractalman.__file__).parent
HEAVY = {
    "jax", "jaxlib", "optax", "matplotlib", "jinja2", "sklearn", "torch", "pandas", "anndata", "dask", "distributed",
    "hdf5plugin", "mlxtend",
}  # fmt: skip


def modules() -> list[str]:
    """Return the paths of the package's modules, relative to it."""
    return sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


# ---------------------------------------------------------------------------------------------------- contracts


def check_contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    """Hold the package in ``folder`` against the contracts of the pyproject.toml beside it."""
    pytest.importorskip("importlinter")
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def test_imports_keep_the_contracts(repository: Path) -> None:
    done = check_contracts(repository)
    assert done.returncode == 0, done.stdout + done.stderr


def test_imports_that_break_the_contracts_are_noticed(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "fractalman", ignore=shutil.ignore_patterns("__pycache__", "*.toml", "*.csv"))
    shutil.copy(repository / "pyproject.toml", tmp_path)
    not_allowed = "fractalman.{} is not allowed to import fractalman.{}"
    faults = {  # where it is added, what, and the complaint about it
        "theory/__init__.py": ("import fractalman.measure", not_allowed.format("theory", "measure")),
        "measure/__init__.py": ("def f():\n    from ..theory import spectra", not_allowed.format("measure", "theory")),
        "report/figures.py": ("from fractalman import cli", not_allowed.format("report", "cli")),
        "learners/ridge.py": ("import jax.numpy as jnp", "fractalman is not allowed to import jax"),
        "prediction/forecast.py": ("from matplotlib import pyplot", "fractalman is not allowed to import matplotlib"),
        "trees/columns.py": ("import numba", "fractalman is not allowed to import numba"),
        "random/keys.py": ("import fractalman.random.streams", "No cycles are allowed in fractalman.random"),
        "helpers.py": ("import fractalman.errors", "helpers"),
    }
    for path, (line, _) in faults.items():
        with (tmp_path / "fractalman" / path).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    done = check_contracts(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    assert [complaint for _, complaint in faults.values() if complaint not in said] == []


def test_every_heavy_library_has_a_contract(repository: Path) -> None:
    settings = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    named = {name for contract in settings["contracts"] for name in contract.get("forbidden_modules", ())}
    assert named >= HEAVY - {"jaxlib"} | {"numba"}


# ---------------------------------------------------------------------------------------------------- beyond linters


def numpy_random(source: str) -> list[int]:
    """Return the lines on which ``source`` uses NumPy's random numbers or Python's."""
    lines = []
    for node in ast.walk(ast.parse(source)) if "random" in source else ():  # most modules need not be parsed
        if isinstance(node, ast.Attribute) and node.attr == "random" and isinstance(node.value, ast.Name):
            lines += [node.lineno] if node.value.id in {"np", "numpy"} else []
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names]
            base = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            whole = {f"{base}.{name}".lstrip(".") for name in names} | {base}
            if whole & {"random", "numpy.random"}:
                lines.append(node.lineno)
    return lines


def test_modules_are_small_and_random_numbers_have_an_address() -> None:
    problems = []
    for path in modules():
        source = (PACKAGE / path).read_text(encoding="utf-8")
        if numpy_random(source):
            problems.append(f"{path} draws random numbers that have no address: lines {numpy_random(source)}")
        if len(source.splitlines()) >= 500:
            problems.append(f"{path} has {len(source.splitlines())} lines, expected fewer than 500: split it")
    assert problems == []


def asserts(source: str) -> list[int]:
    """Return the lines on which a module asserts something."""
    if "assert" not in source:
        return []
    return [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]


def test_no_state_is_guarded_by_an_assertion() -> None:
    # python -O leaves assertions out, and nobody who reads an AssertionError knows what to do.
    assert asserts("def f(x):\n    assert x is not None\n") == [2]
    assert {path for path in modules() if asserts((PACKAGE / path).read_text(encoding="utf-8"))} == set()


@pytest.mark.parametrize(
    "source", ["import numpy as np\nx = np.random.rand()", "from numpy.random import default_rng", "import random"]
)
def test_random_numbers_without_an_address_are_noticed(source: str) -> None:
    assert numpy_random(source)
    assert not numpy_random("from fractalman.random.streams import normals\nx = data.random")


def test_no_module_carries_the_name_of_a_public_function() -> None:
    # A submodule called like a function would replace it in the package's namespace when it is imported.
    for name in sorted({Path(path).with_suffix("").parts[0] for path in modules()} - {"__init__", "__main__"}):
        assert not callable(getattr(fractalman, name, None)), f"{name} carries the name of a public function"


def test_no_folder_is_called_build() -> None:
    # Many tools hide or delete folders of that name.
    assert [path for path in modules() if "build" in Path(path).parts[:-1] and not path.startswith("build/")] == []


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import json, sys, fractalman; print(json.dumps(sorted(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)
    names = {name.split(".")[0] for name in json.loads(loaded.stdout)}
    assert "fractalman" in names
    assert names & HEAVY == set()


def test_the_public_names_are_there() -> None:
    wanted = {
        "PercolationCluster",
        "Cascade",
        "Seeds",
        "family_names",
        "generate",
        "write",
        "open",
        "predict",
        "confirm",
    }
    wanted |= {"measure", "theory", "__version__"}
    assert wanted <= set(dir(fractalman))
    assert {name for name in wanted if getattr(fractalman, name, None) is None} == set()


# ---------------------------------------------------------------------------------------------------- public names


def stub_names() -> dict[str, str]:
    """Return what the stub file imports: public name → module, and the name there after a colon."""
    found = {}
    for node in ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                whole = node.module == "fractalman"
                home = f"fractalman.{alias.name}" if whole else f"{node.module}:{alias.name}"
                found[alias.asname or alias.name] = home
    return found


def test_the_stub_file_says_what_is_loaded_at_first_use() -> None:
    stated = stub_names()
    assert stated.pop("__version__") == "fractalman._version:__version__"
    assert stated == fractalman._HOME
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    listed = next(node.value for node in tree.body if isinstance(node, ast.Assign))
    assert sorted(ast.literal_eval(listed)) == sorted(fractalman.__all__)


def test_every_home_holds_its_name() -> None:
    for name in set(fractalman.__all__) - {"device_batches"}:  # needs JAX
        module, _, attribute = fractalman._HOME.get(name, "fractalman._version:__version__").partition(":")
        there = importlib.import_module(module)
        assert getattr(fractalman, name) is (getattr(there, attribute) if attribute else there)


def test_completion_offers_public_names_only() -> None:
    code = "import fractalman.cli, fractalman as fm, json; print(json.dumps(dir(fm)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)
    assert json.loads(done.stdout) == sorted(fractalman.__all__)


def test_importing_the_package_loads_no_module_of_it_but_the_version() -> None:
    # The time of the import follows from this: 20 ms, numpy and everything else at first use.
    code = "import json, sys, fractalman; print(json.dumps([m for m in sys.modules if m.startswith('fractalman')]))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)
    assert set(json.loads(done.stdout)) == {"fractalman", "fractalman._version"}


def test_commands_that_make_nothing_load_neither_compiler_nor_scipy() -> None:
    """They end in half a second of the processor's time; the control is a command that makes a dataset."""
    code = """
import contextlib, io, sys
from fractalman.cli import main
words = ["--version", "--help", "list", "list cascade-plain", "clean .", "generate --help", "generate nothing -o x"]
for line in [*words, "predict cascade-plain --sizes 4"]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        with contextlib.suppress(SystemExit):
            main(line.split())
    print(line, sorted({"numba", "scipy.optimize", "scipy.stats"} & set(sys.modules)), sep=": ")
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)
    *light, control = [line.split(": ")[1] for line in done.stdout.splitlines()]
    assert light == ["[]"] * 7
    assert "numba" in control
