"""What somebody types who has read the README only: each wrong word gets one line that says what to type instead."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman.cli import main
from fractalman.cli.common import at_work
from fractalman.cli.parser import COMMANDS, parse


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("points.npy", np.random.default_rng(0).random((300, 3)))
    rows = "".join(f"{n},{n**-0.5 + 0.01}\n" for n in (64, 128, 256, 512))
    Path("losses.csv").write_text("n,loss\n" + rows)
    np.savez("named.npz", X=np.zeros((80, 2)), loss=np.zeros(80))
    Path("recipe.toml").write_text('[recipe]\nfamily = "cascade"\nn_points = 64\n')
    Path("cluster.h5").touch()
    return tmp_path


WRONG = [
    ("generate brill", "did you mean 'brill-cluster-1e3', 'brill-cluster-1e4'"),
    ("generate brill -o x.h5", "did you mean 'brill-cluster-1e3', 'brill-cluster-1e4'"),
    ("generate cascade -o x.h5", "'cascade' is a family, use [recipe] family = 'cascade'"),
    ("generate PercolationCluster -o x.h5", "'percolation-cluster' is a family"),
    ("generate cascade-plain-1e3 -o x.csv", "x.csv ends in .csv, and what is written is HDF5"),
    ("generate cascade-plain-1e3 -o x.npz", "expected a name such as x.h5"),
    ("generate cascade-plain --n-points 1000 -o x.h5", "n_points is a keyword of recipes"),
    ("generate cascade-plain -n 1000 -o x.h5", "n_points is a keyword of recipes"),
    ("generate cascade-plain --seed=3 -o x.h5", "use fractalman list NAME > recipe.toml"),
    ("predict cascade-plain --learner krr", "did you mean 'laplace-kernel'"),
    ("predict cascade-plain --learner kernel-ridge", "did you mean 'laplace-kernel'"),
    ("predict cascade-plain --learner knn", "did you mean 'k-nn' or '1-nn'?"),
    ("predict points.npy", "points of your own are read by fractalman measure, study-data and predict --data"),
    ("explore losses.csv", "losses by measure --scaling"),
    ("granularity points.npy -o run", '[data] file = "points.npy"'),
    ("info points.npy", "points of your own are read by fractalman measure"),
    ("export cascade-plain -o x.parquet", "use fractalman generate cascade-plain -o cascade-plain.h5 first"),
    ("sweep cascade-plain", "did you mean 'confirm'?"),
    ("sample cascade-plain", "did you mean 'generate'?"),
    ("list nothing-like-it", "expected one of"),
    ("generate recipe.tml -o x.h5", "did you mean 'recipe.toml'?"),
    ("generate recipe.toml", "use -o FILE, e.g. -o recipe.h5, or --dry-run"),
    ("info cluster.h6", "did you mean 'cluster.h5'?"),
    ("open cluster.h5", "did you mean 'info'?"),
    ("predict cascade-plain --size 100", "did you mean '--sizes'?"),
    ("predict --data named.npz", "named.npz holds X, loss and no target"),
    ("study-data named.npz -o run", "use --target with one of these names"),
    ("predict --data losses.csv", "use fractalman measure --scaling losses.csv"),
    ("measure point.npy", "did you mean 'points.npy'?"),
    ("measure --scaling loses.csv", "did you mean 'losses.csv'?"),
    ("measure --scaling losses.csv --where n=7", "expected one of 64, 128, 256, 512"),
    ("measure recipe.toml", "a recipe becomes data by fractalman generate"),
    ("export cluster.h5 -o x --layout hf", "did you mean 'huggingface'?"),
    ("--completion tcsh", "expected bash, zsh, fish"),
    ("explore cascade-plain-1e3 -o page.pdf", "use e.g. page.html"),
    ("rebuild cluster.h5", "use -o FILE, or --dry-run"),
    ("measure --scale losses.csv", "did you mean '--scaling'?"),
    ("subset cluster.h5 -n 10 -o part.h5", "expected --help, --json, --debug, --output, --rows"),
    ("generate cascade-plain --seed -1 -o x.h5", "seed is a keyword of recipes"),
    ("visualize cascade-plain", "did you mean 'explore' or 'info'?"),
    ("--plot x.pdf predict cascade-plain", "expected the command first, its options behind it; use fractalman predict"),
    ("generate rhm -o x.h5", "did you mean the family 'random-hierarchy-model'?"),
    ("study-data losses.csv --target loss --dry-run", "expected a table (n, d) of numbers, n = 64 or more"),
    ("predict cascade-plain --sizes 1e12", "a curve at n = 1,000,000,000,000 draws structures"),
]


@pytest.mark.parametrize(("typed", "said"), WRONG, ids=[typed for typed, _ in WRONG])
def test_a_wrong_command_says_what_to_type(
    folder: Path, capsys: pytest.CaptureFixture[str], typed: str, said: str
) -> None:
    before = set(folder.iterdir())
    assert main(typed.split()) in (1, 2)
    output, errors = capsys.readouterr()
    assert output == ""
    assert said in errors
    assert len(errors.splitlines()) == 1
    assert set(folder.iterdir()) == before


CALLS: list[tuple[Callable[[], Any], str]] = [
    (lambda: fm.Cascade(n=100), "did you mean 'n_points'?"),
    (lambda: fm.Cascade(n_points=1e4), "use n_points = 10000"),
    (lambda: fm.load("x.h5"), "did you mean 'open'?"),  # type: ignore[attr-defined]
    (lambda: fm.save, "did you mean 'write' or 'generate'?"),  # type: ignore[attr-defined]
    (lambda: fm.Percolation, "did you mean 'PercolationCluster' or"),  # type: ignore[attr-defined]
    (lambda: fm.generate("SmoothManifold"), "'smooth-manifold' is a family"),
    (lambda: fm.write("cascade-plain-1e3", "x.csv"), "other layouts are made of it by fractalman export"),
    (lambda: fm.open("cascade-plain"), "a dataset file, which fm.write makes"),
    (lambda: fm.predict(np.zeros((3, 2))), "fm.predict_own_data(X, y)"),  # type: ignore[arg-type]
    (lambda: fm.generate("cascade-plain-1e3", seed=3), ".replace(seed=3)"),  # type: ignore[call-arg]
    (lambda: fm.confirm(recipe="cascade-plain-1e3"), 'fm.confirm({"recipe": recipe'),  # type: ignore[call-arg]
    (lambda: fm.measure.intrinsic_dimension, "did you mean 'dimension'?"),
    (lambda: fm.learners.TorchRegression, "did you mean 'TorchRegressor'?"),
    (lambda: fm.theory.moran, "did you mean 'moran_exponent'"),
    (lambda: fm.measure.dimension("point.npy"), "did you mean 'points.npy'?"),
    (lambda: fm.explore("cascade-plain-1e3", "page.pdf"), "use e.g. page.html"),
    (lambda: fm.predict("cascade-plain-1e3").plot("curve.pdf"), "use .plot().figure.savefig('curve.pdf')"),
    (lambda: fm.confirm(fm.Cascade(n_points=100)), 'use e.g. {"recipe": recipe, "sweep": {…}}'),  # type: ignore[arg-type]
]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("call", "said"), CALLS, ids=[said for _, said in CALLS])
def test_a_wrong_call_says_what_to_type(call: Callable[[], Any], said: str) -> None:
    with pytest.raises((fm.FractalmanError, AttributeError, FileNotFoundError)) as caught:
        call()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_catalogue_is_searched_and_its_texts_are_recipes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "brill"]) == 0
    found = capsys.readouterr().out
    assert "brill-cluster-1e5" in found
    assert "cascade-plain" not in found
    assert "Studies" not in found
    for name in ("cascade-plain", "brill-cluster-1e3"):
        assert main(["list", name]) == 0
        text = capsys.readouterr().out
        assert fm.from_toml(text) == fm.catalogue_recipe(name)
    assert main(["list", "granularity-cascade-smooth"]) == 0
    assert "[granularity]" in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
def test_a_dry_run_says_what_is_needed_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    fm.write("recipe.toml", "cascade.h5")
    before = {path: path.stat().st_mtime_ns for path in Path().iterdir()}
    for words in ("generate recipe.toml", "rebuild cascade.h5", "extend cascade.h5 --n-points 1e5"):
        assert main([*words.split(), "--dry-run"]) == 0
        said = capsys.readouterr().out
        assert "columns: up to" in said
        assert "are available" in said
    assert {path: path.stat().st_mtime_ns for path in Path().iterdir()} == before
    assert main(["extend", "cascade.h5", "--n-points", "10", "--dry-run"]) == 2
    assert "the file has 64, expected more" in capsys.readouterr().err


def test_help_and_version_are_words_too(capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in ((["help"], "positional arguments"), (["help", "plan"], "--resolution"), (["version"], "0.")):
        with pytest.raises(SystemExit) as ended:
            parse(words)
        assert ended.value.code == 0
        assert said in capsys.readouterr().out
    assert "help" not in COMMANDS


def test_a_specification_takes_a_recipe_or_a_name(tmp_path: Path) -> None:
    sweep = {"learners": ["1-nn"], "train_sizes": [16, 32, 64], "seeds": 2}
    recipe = fm.catalogue_recipe("cascade-plain-1e3")
    tables = [{"recipe": given, "sweep": sweep} for given in (recipe, "cascade-plain-1e3")]
    risks = [fm.confirm(table).to_pandas().risk.to_numpy() for table in tables]
    np.testing.assert_array_equal(risks[0], risks[1])
    spec = tmp_path / "spec.toml"
    spec.write_text(
        'recipe = "cascade-plain-1e3"\n[sweep]\nlearners = ["1-nn"]\ntrain_sizes = [16, 32, 64]\nseeds = 2\n'
    )
    assert main(["confirm", str(spec), "--dry-run"]) == 0
    assert main(["predict", str(spec)]) == 0
    with pytest.raises(fm.RecipeError, match="did you mean 'cascade-plain'"):
        fm.confirm({"recipe": "cascade-plane", "sweep": sweep})


@pytest.mark.usefixtures("folder")
def test_measuring_says_the_answer_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", "points.npy"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    value = fm.measure.dimension("points.npy").value  # a file is taken where points are
    assert first.startswith(f"dimension, recommended: {value:.3g}, 95 % ")
    assert main(["measure", "--scaling", "losses.csv"]) == 0
    assert capsys.readouterr().out.startswith("power: ")
    shown = repr(fm.measure.measure_scaling("losses.csv"))
    assert len(shown.splitlines()) <= 10
    assert "power " in shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()])
def test_work_without_steps_is_not_silent_in_a_terminal(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    with at_work("predicting", every=0.01):
        time.sleep(0.3)
    said = stream.getvalue()
    assert ("predicting: 0 s" in said) == stream.isatty()
    assert said == "" or said.endswith("\r")  # the line is taken away


def test_a_terminal_that_knows_ascii_alone_gets_everything(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    for words in ("list", "predict cascade-plain --learner ñandú"):
        command = [sys.executable, "-m", "fractalman", *words.split()]
        status = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, env=env)
        assert status.returncode == (2 if "and" in words else 0), status.stderr
        assert b"unexpected" not in status.stderr
