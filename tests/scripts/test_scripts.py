"""scripts/run and scripts/test: which Python, when the environment is made, mended or left alone; and the lock file."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("run", "test", "site", "_environment.py")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """scripts/_environment.py as a module."""
    spec = importlib.util.spec_from_file_location("_environment", ROOT / "scripts" / "_environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec.loader.exec_module(module)
    return module


class Clone:
    """A clone with the files that an environment depends on; installing is played."""

    def __init__(self, root: Path, module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.module, self.calls = root, module, list[str]()
        self.pip_status = 0
        self.installed = ""
        (root / "fractalman").mkdir(parents=True)
        (root / "pyproject.toml").write_text("[project]\n")
        (root / "constraints.txt").write_text("numpy==2.4.6\n")
        (root / "fractalman" / "_version.py").write_text('__version__ = "1.0"\n')
        monkeypatch.setattr(module, "call", self.call)

    def call(self, command: list[str], *_: Any) -> int:
        if command[1:3] == ["-m", "venv"]:
            self.calls.append("venv")
            self.python().parent.mkdir(parents=True)
            self.python().write_text("")
            return 0
        assert command[1:4] == ["-m", "pip", "install"]
        assert str(self.root / "constraints.txt") in command
        self.calls.append("pip")
        self.installed = command[-1].partition("[")[2].rstrip("]")
        return self.pip_status

    def python(self) -> Path:
        return Path(self.module.environment_python(self.root / ".venv"))

    def ensure(self, extras: str = "dev") -> list[str]:
        """Make or mend the environment and return what that took."""
        self.calls.clear()
        assert self.module.ensure(self.root, extras) == self.python()
        return list(self.calls)


@pytest.fixture
def clone(tmp_path: Path, environment: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Clone:
    return Clone(tmp_path / "clone", environment, monkeypatch)


# ---------------------------------------------------------------------------------------------------- which Python


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_old_python_can_read_the_scripts(name: str) -> None:
    source = (ROOT / "scripts" / name).read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert {name.split(".")[0] for name in imported if name} <= {*sys.stdlib_module_names, "_environment"}
    assert name == "_environment.py" or os.access(ROOT / "scripts" / name, os.X_OK)


def test_a_newer_syntax_would_be_noticed() -> None:
    with pytest.raises(SyntaxError):
        ast.parse("match x:\n    case 1: pass", feature_version=(3, 7))


def test_an_old_python_starts_a_newer_one(environment: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(environment.sys, "version_info", (3, 8, 18))
    monkeypatch.setattr(environment.sys, "argv", ["scripts/run", "-o", "x"])
    monkeypatch.setattr(environment, "pythons", lambda: iter(["/somewhere/python3.12", "/somewhere/python3.11"]))
    monkeypatch.setattr(environment.os, "execv", lambda path, words: started.append([path, *words]))
    environment.main_python()
    assert started == [["/somewhere/python3.12", "/somewhere/python3.12", "scripts/run", "-o", "x"]]


def test_only_an_old_python_ends_in_one_line(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment.sys, "version_info", (3, 8, 18))
    monkeypatch.setattr(environment, "pythons", lambda: iter([]))
    with pytest.raises(SystemExit) as end:
        environment.main_python()
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "3.8" in said
    assert "3.11" in said


@pytest.mark.skipif(os.name == "nt", reason="shell scripts")
def test_a_python_that_does_not_start_is_passed_over(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = "python{}.{}".format(*sys.version_info)
    shims, kept = tmp_path / "shims", tmp_path / ".pyenv" / "versions" / "3.x" / "bin"
    for folder in (shims, kept):
        folder.mkdir(parents=True)
    for broken in (shims / name, shims / "python3.14"):
        broken.write_text("#!/bin/sh\nexit 127\n")
        broken.chmod(0o755)
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(shims))
    assert list(environment.pythons()) == []
    works = kept / name
    works.symlink_to(sys.executable)
    assert list(environment.pythons()) == [str(works)]  # found where pyenv keeps it, behind a shim of the same name
    (kept / "python3.12" if name != "python3.12" else kept / "python3.13").symlink_to(sys.executable)
    assert list(environment.pythons()) == [str(works)]  # not the version that its name says


# ---------------------------------------------------------------------------------------------------- the environment


def test_the_environment_is_made_once(clone: Clone) -> None:
    assert clone.ensure() == ["venv", "pip"]
    assert clone.ensure() == []


def test_a_run_installs_no_tools_of_the_tests(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    run, test = clone.module.RUN, clone.module.TEST
    assert clone.ensure(run) == ["venv", "pip"]
    assert clone.installed == run
    what, size = clone.module.DOWNLOADS[run]
    assert f"{what}: about {size} MB" in capsys.readouterr().err
    assert clone.ensure(run) == []
    assert clone.ensure(test) == ["pip"]
    assert clone.installed == test
    assert clone.ensure(run) == []  # an environment for the tests serves a run, too
    with (clone.root / "constraints.txt").open("a") as file:
        file.write("# changed\n")
    assert clone.ensure(run) == ["pip"]
    assert clone.installed == test  # and stays one when it is updated


def test_what_a_run_installs_is_part_of_what_the_tests_install(environment: ModuleType) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert "fractalman[all]" in extras["dev"]
    everything = extras["all"][0].partition("[")[2].rstrip("]").split(",")
    assert {*environment.RUN.split(",")} <= {*everything} <= {*extras}


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_requirements_are_installed(clone: Clone, name: str) -> None:
    clone.ensure()
    with (clone.root / name).open("a") as file:
        file.write("# changed\n")
    assert clone.ensure() == ["pip"]
    assert clone.ensure() == []


def test_a_new_version_of_the_package_is_installed_and_other_code_is_not(clone: Clone) -> None:
    clone.ensure()
    version = clone.root / "fractalman" / "_version.py"
    version.write_text('"""Words."""\n__version__ = "1.0"\n')
    assert clone.ensure() == []
    version.write_text('__version__ = "1.1"\n')
    assert clone.ensure() == ["pip"]


def test_another_python_or_another_place_needs_a_new_environment(
    clone: Clone, environment: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.ensure()
    monkeypatch.setattr(environment.sys, "version", "3.99 (made up)")
    assert clone.ensure() == ["venv", "pip"]
    moved = clone.root.with_name("moved")
    clone.root.rename(moved)
    clone.root = moved
    assert clone.ensure() == ["venv", "pip"]


def test_a_failed_installation_is_not_taken_for_a_finished_one(clone: Clone) -> None:
    clone.pip_status = 1
    with pytest.raises(SystemExit) as end:
        clone.ensure()
    assert end.value.code == 3
    clone.pip_status = 0
    assert clone.ensure() == ["venv", "pip"]


@pytest.mark.parametrize("damage", ["stamp", "python", "garbage"])
def test_a_half_made_environment_is_made_again(clone: Clone, damage: str) -> None:
    clone.ensure()
    stamp = clone.root / ".venv" / "fractalman-stamp.json"
    if damage == "garbage":
        stamp.write_text("{")
    else:
        (stamp if damage == "stamp" else clone.python()).unlink()
    assert clone.ensure() == ["venv", "pip"]


def test_somebody_elses_environment_is_used_and_never_deleted(clone: Clone) -> None:
    clone.python().parent.mkdir(parents=True)
    (clone.root / ".venv" / "precious").write_text("")
    with pytest.raises(SystemExit) as end:
        clone.ensure()
    assert end.value.code == 2
    clone.python().write_text("")
    assert clone.ensure() == ["pip"]
    assert (clone.root / ".venv" / "precious").exists()


def test_the_missing_debian_package_is_named(
    clone: Clone, environment: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SystemExit) as end:
        clone.ensure()
    assert end.value.code == 2
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert f"apt install python{version}-venv" in capsys.readouterr().err
    assert not (clone.root / ".venv").exists()


PIP = """Obtaining file:///clone
  Installing build dependencies: started
Collecting numpy>=2.0.2 (from fractalman==0.1.0)
  Downloading numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.whl.metadata (6.6 kB)
  Using cached scipy-1.17.1-cp311-cp311-manylinux_2_27_x86_64.whl (35.0 MB)
Downloading numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.whl (16.6 MB)
Downloading xxhash-3.6.0-cp311-cp311-manylinux_2_17_x86_64.whl (250 kB)
Installing collected packages: xxhash, numpy, scipy
"""


def test_what_pip_is_at_is_put_into_words(environment: ModuleType) -> None:
    heard = environment.Heard(240)
    said = []
    for line in PIP.splitlines():
        heard.line(line)
        said.append(heard.words(3.2))
    assert said == [
        "3 s",
        "3 s, what builds this package",
        "3 s, looking for numpy",
        "3 s, looking for numpy",
        "3 s, 35 of about 240 MB, scipy",
        "3 s, 52 of about 240 MB, numpy",
        "3 s, 52 of about 240 MB, xxhash",
        "3 s, unpacking 3 packages",
    ]


@pytest.mark.slow(reason="five seconds pass, to hear what is said in them")
def test_nobody_waits_for_more_than_two_seconds_for_a_word(environment: ModuleType, capfd: Any) -> None:
    script = "import sys, time; print('Collecting jax', flush=True); time.sleep(5); sys.exit(7)"
    assert environment.call([sys.executable, "-c", script], "installing", environment.Heard()) == 7
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) >= 2
    assert all(re.fullmatch(r"fractalman: installing: \d+ s, looking for jax", line) for line in lines)


def test_ctrl_c_ends_without_a_traceback(environment: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        environment.guarded(work)
    assert end.value.code == 130
    assert capsys.readouterr().err == "fractalman: interrupted\n"


# ---------------------------------------------------------------------------------------------------- files beside them


def pinned(text: str) -> dict[str, list[str]]:
    """Return package → pins of a constraints file; ValueError for a line that is neither pin nor comment."""
    pins: dict[str, list[str]] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        found = re.fullmatch(r"([a-z0-9-]+)==([0-9][0-9a-z.]*)( ; .+)?", line)
        if found is None or "://" in line:
            raise ValueError(line)
        pins.setdefault(found[1], []).append(found[2])
    return pins


def test_the_constraints_pin_everything_and_hold_no_address() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert "://" not in text
    pins = pinned(text)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    apart = ("torch", "referee")  # wheels from elsewhere; what only scripts/referee runs, whose pins are its own
    wanted = [
        *project["dependencies"],
        *(line for name, lines in extras.items() if name not in apart for line in lines),
    ]
    assert all("==" in line for line in extras["referee"])
    names = {re.split(r"[><=\[ ]", line)[0] for line in wanted} - {"fractalman"}
    assert names <= set(pins)
    assert not [name for name in pins if name == "torch" or name.startswith("nvidia")]


@pytest.mark.parametrize("line", ["numpy>=2", "numpy @ https://example.org/numpy.whl", "--index-url x", "numpy"])
def test_a_line_that_pins_nothing_is_noticed(line: str) -> None:
    with pytest.raises(ValueError, match=re.escape(line)):
        pinned(f"scipy==1.17.1\n{line}\n")


def test_no_tracked_kind_of_file_holds_a_registry_address() -> None:
    for name in ("pyproject.toml", "constraints.txt", ".ci/run", *(f"scripts/{name}" for name in SCRIPTS)):
        assert not re.search(r"https?://|index-url =", (ROOT / name).read_text(encoding="utf-8")), name


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize("name", [".ci/run", ".ci/smoke"])
def test_the_shell_scripts_parse(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
    subprocess.run(["bash", "-n", str(ROOT / name)], check=True, timeout=60)


def test_the_version_is_written_in_one_place() -> None:
    import fractalman

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert "git" not in project["tool"]["hatch"]["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?", fractalman.__version__)
    assert "\nversion:" not in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_git_and_the_wheel_leave_no_module_out() -> None:
    # The build backend leaves out what git ignores: an unanchored "build/" once swallowed fractalman/build/.
    modules = [str(path) for path in (ROOT / "fractalman").rglob("*") if path.suffix in {".py", ".toml", ".csv"}]
    modules += [str(path) for path in (ROOT / "tests").glob("*.py")]
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "check-ignore", "--no-index", *modules], capture_output=True, text=True, timeout=60
    )
    if listed.returncode == 128:
        pytest.skip("not a clone")
    assert listed.stdout == ""
    control = ["git", "-C", str(ROOT), "check-ignore", "--no-index", str(ROOT / "fractalman" / "__pycache__" / "x.pyc")]
    assert subprocess.run(control, capture_output=True, timeout=60).returncode == 0
