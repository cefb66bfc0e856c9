"""A study is added by a folder and a line in the registry: everything else is the engine's and the command line's."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from fractalman.cli import main
from fractalman.errors import RecipeError
from fractalman.experiments import run_experiment
from fractalman.studies import STUDIES, Entry, study
from fractalman.study_runs import run_study

FILES = {
    "__init__.py": '"""Toy: the mean and variance of labels, replicate by replicate."""',
    "spec.py": """
from __future__ import annotations
from dataclasses import dataclass
from typing import Any, ClassVar
from fractalman.config import Keys, integer
from fractalman.studies.base import StudySpec, Task
from fractalman.studies.reading import read_study
from fractalman.studies.trained_source import Source

KEYS: Keys = {"size": (integer(2, 1000), 16), "seeds": (integer(1, 100), 3)}

@dataclass(frozen=True)
class Toy(StudySpec):
    name: ClassVar[str] = "toy"
    source: Source
    size: int
    seeds: int

    def to_dict(self) -> dict[str, Any]:
        return {**self.source.to_dict(), "toy": {"size": self.size, "seeds": self.seeds}}

    def tasks(self) -> list[Task]:
        return [Task("labels", self.size, seed) for seed in range(self.seeds)]

def read(source: Any) -> Toy:
    tables = read_study(source, "toy", KEYS, (), "[toy] size = 16")
    return Toy(tables.source, **tables.values)
""",
    "result.py": """
from __future__ import annotations
from dataclasses import dataclass
from typing import Any
from toy.spec import Toy

@dataclass(frozen=True)
class ToyResult:
    study: Toy
    rows: list[dict[str, Any]]
    missing: int

    @property
    def claims(self) -> list[dict[str, Any]]:
        return [{"replicates": len(self.rows), "variance": sum(row["variance"] for row in self.rows) / len(self.rows)}]
""",
    "run.py": """
from __future__ import annotations
from typing import Any
from fractalman.studies.base import Study
from toy.result import ToyResult
from toy.spec import Toy, read

class ToyStudy(Study[Toy, ToyResult]):
    name = "toy"

    def read(self, source: Any) -> Toy:
        return read(source)

    def run(self, spec: Toy, task: Any, checkpoint: Any = None) -> list[dict[str, Any]]:
        y = spec.source.sample(task.seed, spec.size, 2).y
        return [{"seed": task.seed, "mean": float(y.mean()), "variance": float(y.var())}]

    def result(self, spec: Toy, rows: list[dict[str, Any]], missing: int) -> ToyResult:
        return ToyResult(spec, rows, missing)

STUDY = ToyStudy()
""",
}
SPEC = """
[recipe]
family = "cascade"
n_points = 64
ambient_dim = 2
branching = 4
[toy]
seeds = 4
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A specification's file, with the study's folder where Python finds it and its line in the registry."""
    folder = tmp_path / "packages" / "toy"
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    for module in ("toy", "toy.spec", "toy.result", "toy.run"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.setitem(STUDIES, "toy", Entry("toy.run:STUDY", "the variance of labels"))
    (tmp_path / "spec.toml").write_text(SPEC, encoding="utf-8")
    return tmp_path / "spec.toml"


def test_it_runs_is_interrupted_and_goes_on(spec: Path, tmp_path: Path) -> None:
    whole = run_study("toy", spec).rows
    assert [row["seed"] for row in whole] == [0, 1, 2, 3]
    assert len({row["variance"] for row in whole}) == 4
    said: list[str] = []

    def interrupt(text: str) -> None:
        said.append(text)
        if text.startswith("task 2 of 4: labels 16, replicate 1"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study("toy", spec, tmp_path / "run", progress=interrupt)
    again: list[str] = []
    assert run_study("toy", spec, tmp_path / "run", progress=again.append).rows == whole
    assert again[0] == "2 of 4 tasks are in the journal already"


@pytest.mark.slow(reason="worker processes are started, as for every other study")
def test_two_processes_run_it(spec: Path, tmp_path: Path) -> None:
    whole = run_study("toy", spec).rows
    assert run_experiment(study("toy"), study("toy").read(spec), tmp_path / "two", jobs=2).rows == whole


@pytest.mark.usefixtures("sketched")
def test_the_command_line_shards_it_and_writes_its_report(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "run"
    words = ["toy", str(spec), "-o", str(out)]
    assert main([*words, "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "labels      4  not counted", "", "4 tasks; the first ones tell the time",
    ]  # fmt: skip
    assert main([*words, "--shard", "1/2"]) == 0
    assert "2 tasks of other shards are missing" in capsys.readouterr().out
    assert not (out / "report.html").exists()
    assert main([*words, "--shard", "2/2", "--json"]) == 0
    claims = json.loads(capsys.readouterr().out)["claims"]
    assert claims[0]["replicates"] == 4
    assert claims[0]["variance"] == pytest.approx(run_study("toy", spec).claims[0]["variance"])
    assert "the variance of labels" in (out / "report.html").read_text()
    assert (out / "rows.csv").read_text().splitlines()[0] == "seed,mean,variance"
    assert main([*words]) == 0
    assert "replicates" in capsys.readouterr().out


def test_its_mistakes_are_named_as_everybodys(spec: Path) -> None:
    with pytest.raises(RecipeError, match=r"unknown key toy\.sized: expected one of size, seeds; did you mean 'size'"):
        run_study("toy", spec.read_text() + "sized = 3\n")
    with pytest.raises(RecipeError, match=r"study 'toys': expected .*did you mean 'toy'"):
        run_study("toys", spec)


@pytest.mark.slow(reason="whole runs, divided and undivided")
def test_a_job_array_of_confirm_writes_one_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The lines of the array script in docs/guide.md, one after the other, and the run that nobody divided."""
    pytest.importorskip("matplotlib")
    text = SPEC.partition("[toy]")[0] + (
        '[sweep]\nlearners = ["1-nn", "ridge"]\ntrain_sizes = [8, 16, 32]\nseeds = 2\nlabel_draws = 2\ntest_size = 16\n'
    )
    (tmp_path / "sweep.toml").write_text(text)

    def run(out: str, *more: str) -> dict[str, Any]:
        assert main(["confirm", str(tmp_path / "sweep.toml"), "-o", str(tmp_path / out), "--json", *more]) in (0, 1)
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    assert run("array", "--shard", "1/3")["missing"] == 12
    assert run("array", "--shard", "3/3")["missing"] == 6
    assert not (tmp_path / "array" / "report.html").exists()
    last, whole = run("array", "--shard", "2/3"), run("whole")
    assert last["verdicts"] == whole["verdicts"]
    assert (tmp_path / "array" / "report.html").exists()
