"""The conda recipe says what pyproject.toml says (version, requirements, bounds, command), the archive holds all."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

from fractalman._version import __version__

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {"xxhash": "python-xxhash", "matplotlib": "matplotlib-base"}


@pytest.fixture(scope="module")
def recipe() -> dict:
    return yaml.safe_load((ROOT / "recipe" / "recipe.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def conda(requirement: str) -> str:
    """Return a requirement in conda's words: numpy>=2 becomes numpy >=2."""
    name, _, bound = requirement.partition(">=")
    return f"{CONDA_NAMES.get(name, name)} >={bound}"


def test_the_version_and_the_command_are_the_package_s(recipe: dict, project: dict) -> None:
    assert recipe["context"]["version"] == __version__
    ((name, target),) = project["project"]["scripts"].items()
    assert recipe["build"]["python"]["entry_points"] == [f"{name} = {target}"]


def test_what_it_runs_with_is_what_pyproject_asks_for(recipe: dict, project: dict) -> None:
    python = f"python {project['project']['requires-python']}"
    assert recipe["requirements"]["run"] == [python, *map(conda, project["project"]["dependencies"])]
    extras = project["project"]["optional-dependencies"]
    assert recipe["requirements"]["run_constraints"] == [*map(conda, extras["learners"] + extras["plots"])]


def test_what_builds_it_is_the_build_system_of_pyproject(recipe: dict, project: dict) -> None:
    assert set(map(conda, project["build-system"]["requires"])) <= set(recipe["requirements"]["host"])


def test_the_source_archive_holds_whatever_its_tests_read() -> None:
    """Every file and folder of the checkout but what is for the place where it is developed."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode or not done.stdout:
        pytest.skip("no checkout: this is the archive")
    tracked = {line.split("/")[0] for line in done.stdout.splitlines()}
    development = {".github", ".gitignore", ".pre-commit-config.yaml", "pyproject.toml"}  # the last comes by itself
    assert tracked - {*table["targets"]["sdist"]["include"]} == development
