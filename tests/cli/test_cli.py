"""The command line: what each command prints, its exit status, its one-line errors, and what it leaves behind."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman import cli
from fractalman.catalogue import catalogue_names, catalogue_text
from fractalman.cli import options as number_options
from fractalman.errors import RecipeError
from fractalman.experiments import load_spec
from fractalman.recipes import from_toml
from fractalman.sources import spec_of

SMALL = '[recipe]\nfamily = "percolation-cluster"\nn_points = 300\nambient_dim = 4\nseed = 3\n'


class Shell:
    """Runs commands in one folder, in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys

    def __call__(self, *words: str | Path, status: int = 0) -> str:
        """Return what went to stdout; a failure must say one line a mistake on stderr and nothing on stdout."""
        self.capsys.readouterr()
        found = cli.main([str(word) for word in words])
        out, self.err = self.capsys.readouterr()
        assert found == status, self.err
        if status in (cli.WRONG, cli.FAILED):
            assert out == ""
            assert re.fullmatch(r"(fractalman: [^\n]+\n)+", self.err), self.err
        return out

    def names(self) -> list[str]:
        """Return what lies in the folder."""
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(SMALL)
    return Shell(tmp_path, capsys)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("made") / "small.h5"
    fm.write(from_toml(SMALL), path)
    return path.read_bytes()


@pytest.fixture
def file(shell: Shell, made: bytes) -> Path:
    path = shell.folder / "small.h5"
    path.write_bytes(made)
    return path


# ---------------------------------------------------------------------------------------------------- files


def test_generate_writes_what_the_recipe_says(shell: Shell) -> None:
    assert "data.h5 written" in shell("generate", "small.toml", "-o", "data.h5")
    with fm.open(shell.folder / "data.h5") as opened:
        np.testing.assert_array_equal(opened.X[:], fm.generate(from_toml(SMALL)).X)
    answer = json.loads(shell("generate", "small.toml", "--output", "data.h5", "--force", "--json"))
    assert answer == {"file": "data.h5", "bytes": (shell.folder / "data.h5").stat().st_size}
    assert shell.names() == ["data.h5", "small.toml"]


def test_generate_without_the_hierarchy(shell: Shell) -> None:
    shell("generate", "small.toml", "-o", "bare.h5", "--no-hierarchy")
    with fm.open(shell.folder / "bare.h5") as opened:
        assert opened.hierarchy is None


def test_info_and_verify_of_an_intact_file(shell: Shell, file: Path) -> None:
    assert "percolation-cluster" in shell("info", file)
    assert json.loads(shell("info", file, "--json"))["recipe"]["n_points"] == 300
    assert "is intact" in shell("verify", file)
    assert json.loads(shell("verify", file, "--json")) == {"file": str(file), "intact": True, "problems": []}


def test_verify_names_the_damage(shell: Shell, file: Path) -> None:
    import h5py

    with h5py.File(file, "r+") as damaged:
        damaged["y"][7] += 1.0
    out = shell("verify", file, status=cli.NO)
    assert re.search(r"^y: ", out, re.MULTILINE)
    answer = json.loads(shell("verify", file, "--json", status=cli.NO))
    assert answer["intact"] is False
    assert any(problem["path"] == "y" for problem in answer["problems"])


def test_rebuild_makes_the_same_file_again(shell: Shell, file: Path) -> None:
    shell("rebuild", file, "-o", "again.h5")
    assert (shell.folder / "again.h5").read_bytes() == file.read_bytes()


def test_measure_prints_sizes_distances_and_variogram(shell: Shell, file: Path) -> None:
    measured = json.loads(shell("measure", file, "--json"))
    assert measured["clusters"]["largest"] == 300
    assert measured["distances"]["mean"] > 1
    assert measured["variogram"]["table"]
    text = shell("measure", file)
    assert "largest: 300" in text
    assert "variogram" in text


# ---------------------------------------------------------------------------------------------------- predictions


@pytest.mark.parametrize("what", ["file", "recipe", "name"])
def test_predict_from_a_file_a_recipe_and_a_name(shell: Shell, file: Path, what: str) -> None:
    source = {"file": str(file), "recipe": "small.toml", "name": "cascade-plain"}[what]
    answer = json.loads(shell("predict", source, "--sizes", "4,8,16", "--json"))
    # a critical cluster in 4 coordinates crosses itself everywhere
    assert answer["data_exponent"] == (pytest.approx(0.5) if what == "name" else None)
    assert answer["curve"]["n"] == [4, 8, 16]
    assert answer["local_exponent"]["value"] > 0
    assert answer["logarithmic"] is False
    text = shell("predict", source, "--sizes", "4,8,16")
    for part in ("asymptote", "local exponent", "law", "why", "source", "assumptions", "Bayes floor", "V_in"):
        assert part in text


def test_predict_says_everything_as_json(shell: Shell) -> None:
    answer = json.loads(shell("predict", "cascade-random", "--sizes", "64,256", "--json"))
    assert {row["law"][:6] for row in answer["conflicts"]} >= {"2H/D_0", "2H/D_1"}
    assert all(set(row) == {"work", "says", "read"} for row in answer["references"])
    assert answer["floor"]["risk"][0] < answer["curve"]["risk"][0]
    assert answer["compute_optimal"]["training_points"] + answer["compute_optimal"]["model_size"] == pytest.approx(1.0)
    assert 0 < answer["within_variance"] < 1


def test_predict_draws(shell: Shell) -> None:
    """Other formats: tests/test_display.py."""
    words = ("predict", "cascade-plain", "--sizes", "16,64", "--plot", "p.pdf")
    (shell.folder / "p.pdf").write_bytes(b"")
    assert "plot: p.pdf" in shell(*words, "--force")
    assert (shell.folder / "p.pdf").read_bytes().startswith(b"%PDF")


def test_predict_for_a_learner_without_a_curve(shell: Shell) -> None:
    answer = json.loads(
        shell("predict", "cascade-plain", "--learner", "gradient-boosting", "--sizes", "16,64", "--json")
    )
    assert answer["learner"] == "gradient-boosting"
    assert answer["curve"] is None


def test_plan_says_sizes_and_seeds(shell: Shell) -> None:
    answer = json.loads(shell("plan", "cascade-plain", "--budget", "6000", "--resolution", "0.1", "--json"))
    assert answer["possible"] is True
    assert answer["seeds"] * sum(answer["sizes"]) <= 6000
    assert "train_sizes" in shell("plan", "cascade-plain", "--budget", "3000", "--resolution", "0.2")


# ---------------------------------------------------------------------------------------------------- wrong words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no command found"),
        (["genrate", "small.toml", "-o", "x.h5"], "did you mean 'generate'?"),
        (["generate", "small.toml"], "no file to write: use -o FILE, e.g. -o small.h5"),
        (["generate", "small.toml", "-o", "x.h5", "--forse"], "did you mean '--force'?"),
        (["generate", "-o", "x.h5"], "required: RECIPE"),
        (["generate", "nowhere.toml", "-o", "x.h5"], "nowhere.toml"),
        (["generate", "cascade-plane", "-o", "x.h5"], "did you mean 'cascade-plain'?"),
        (["generate", "brill", "-o", "x.h5"], "did you mean 'brill-cluster-1e3', 'brill-cluster-1e4'"),
        (["predict", "cascade-plain", "--learner", "krr"], "did you mean 'laplace-kernel', 'gaussian-kernel'"),
        (["predict", "cascade-plain", "--learner", "kernel-ridge"], "did you mean 'laplace-kernel'"),
        (["predict", "cascade-plain", "--learner", "knn"], "did you mean 'k-nn'"),
        (["generate", "family.toml", "-o", "x.h5"], "did you mean 'percolation-cluster'?"),
        (["generate", "key.toml", "-o", "x.h5"], "did you mean 'n_points'?"),
        (["generate", "negative.toml", "-o", "x.h5"], "n_points = -5"),
        (["generate", "broken.toml", "-o", "x.h5"], "not valid TOML"),
        (["generate", "noise.h5", "-o", "x.h5"], "is not UTF-8"),
        (["generate", "small.toml", "-o", "taken.h5"], "--force"),
        (["generate", "small.toml", "-o", "folder"], "director"),
        (["generate", "small.toml", "-o", "no/x.h5"], "does not exist"),
        (["generate", "folder", "-o", "x.h5"], "folder"),
        (["generate", "huge.toml", "-o", "x.h5"], "bytes"),
        (["info", "nowhere.h5"], "no file nowhere.h5"),
        (["info", "folder"], "is a folder"),
        (["verify", "nowhere.h5"], "no file nowhere.h5"),
        (["measure", "folder"], "is a folder"),
        (["rebuild", "nowhere.h5", "-o", "x.h5"], "no file"),
        (["predict", "cascade-plain", "--learner", "1-n"], "did you mean '1-nn'?"),
        (["predict", "cascade-plain", "--sizes", "12,-3"], "sizes >= 1"),
        (["predict", "cascade-plain", "--plot", "p.eps"], "ends in .pdf, .svg or .png"),
        (["plan", "cascade-plain", "--resolution", "2"], "resolution = 2.0"),
        (["plan", "cascade-plain", "--resolution", "fine"], "found 'fine', expected a number, e.g. 0.5 or 1e-3"),
        (["plan", "cascade-plain", "--budget", "1e-3"], "found '1e-3', expected an integer of at most 18 digits"),
        (["predict", "cascade-plain", "--plot", "nowhere/p.png"], "existing folder"),
        (["predict", "small.toml", "--sizes", "1000"], "225"),
        (["predict", "nowhere.h5"], "nowhere.h5"),
        (["confirm", "small.toml", "-o", "run"], "[sweep]"),
        (["confirm", "nowhere.toml", "-o", "run"], "nowhere.toml"),
        (["confirm", "folder", "-o", "run"], "is a folder"),
        (["confirm", "sweep.toml", "-o", "run"], "did you mean 'seeds'?"),
        (["report", "nowhere"], "no folder nowhere"),
        (["report", "folder"], "holds no run"),
        (["quickstart", "-o", "folder"], "was not made by quickstart"),
        (["quickstart", "extra"], "unknown argument 'extra'"),
    ],
)
def test_a_wrong_request_is_one_line_and_leaves_nothing(shell: Shell, words: list[str], said: str) -> None:
    (shell.folder / "folder").mkdir()
    (shell.folder / "folder" / "thesis.tex").write_text("")
    texts = {
        "family.toml": SMALL.replace("percolation-cluster", "percolation-clutser"),
        "key.toml": SMALL.replace("n_points", "n_point"),
        "negative.toml": SMALL.replace("300", "-5"),
        "broken.toml": "[recipe\n",
        "huge.toml": SMALL.replace("300", "1000000000000"),
        "taken.h5": "mine",
        "sweep.toml": SMALL + '[sweep]\nlearners = ["1-nn"]\ntrain_sizes = [8, 16]\nseed = 3\ntest_size = 9\n',
    }
    for name, text in texts.items():
        (shell.folder / name).write_text(text)
    (shell.folder / "noise.h5").write_bytes(bytes(range(256)) * 16)
    before = shell.names()
    shell(*words, status=cli.WRONG)
    assert said in shell.err
    assert shell.names() == before
    assert (shell.folder / "taken.h5").read_text() == "mine"
    assert os.listdir(shell.folder / "folder") == ["thesis.tex"]  # noqa: PTH208


@pytest.mark.parametrize("command", ["info", "verify", "measure", "rebuild", "predict"])
@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", bytes(range(256)) * 16])
def test_a_file_that_is_no_fractalman_file_is_a_no(shell: Shell, command: str, content: bytes) -> None:
    (shell.folder / "noise.h5").write_bytes(content)
    before = shell.names()
    # HDF5 that is not ours may be anybody's points: measure then asks which array, which is another request
    asks = command == "measure" and content
    words = ["-o", "x.h5"] if command == "rebuild" else []
    out = shell(command, "noise.h5", *words, status=cli.WRONG if asks else cli.NO)
    assert (out + shell.err).count("\n") >= 1
    assert "Traceback" not in out + shell.err
    assert shell.names() == before


def test_debug_shows_where(shell: Shell) -> None:
    assert cli.main(["info", "nowhere.h5", "--debug"]) == cli.WRONG
    said = shell.capsys.readouterr().err
    assert said.startswith("Traceback")
    assert said.splitlines()[-1].startswith("fractalman: no file")


def test_every_command_is_a_file_and_its_help_ends_in_an_example_that_parses(shell: Shell) -> None:
    from fractalman.cli.parser import COMMANDS, _parser, parse

    folder = Path(cli.__file__).parent
    shared = {"__init__", "brought", "common", "completion", "dry_run", "options", "own_network", "parser", "plots"}
    shared |= {"streams", "tables"}
    assert {path.stem for path in folder.glob("*.py")} == {*COMMANDS, *shared}
    for name, parser in _parser()[1].items():
        with pytest.raises(SystemExit) as end:
            cli.main([name, "--help"])
        assert end.value.code == 0
        out = shell.capsys.readouterr().out
        assert f"usage: fractalman {name}" in out
        examples = re.findall(r"^  fractalman (.+)$", out.partition("\nexample")[2], re.MULTILINE)
        assert examples
        for example in examples:
            options = parse(example.split())
            assert (options.command, options.run) == (name, parser.get_default("run"))
            source = next((s for key in ("recipe", "source", "spec") if (s := getattr(options, key, None))), "x.toml")
            assert Path(source).suffix or spec_of(source, name), example  # a name of the catalogue that is there


@pytest.mark.parametrize(
    ("text", "number"),
    [("1000", 1000), ("1e3", 1000), ("2.5e4", 25000), ("1_000", 1000), ("-3", -3), ("1E+2", 100), ("1.0", 1)],
)
def test_integers_are_typed_as_people_write_them(text: str, number: int) -> None:
    assert number_options.integer(text) == number
    if number > 0:
        assert number_options.sizes(f"{text},7") == sorted([7, number])


@pytest.mark.parametrize("text", ["", "1e", "1.5", "1e-3", "1e19", "9" * 5000, "nan", "inf", "0x10", "1,000", "ten"])
def test_what_is_no_integer_is_refused_in_our_words(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected an integer of at most 18 digits"):
        number_options.integer(text)


def test_no_command_leaves_numbers_to_the_words_of_argparse() -> None:
    from fractalman.cli.parser import _parser

    types = [action.type for command in _parser()[1].values() for action in command._actions]
    assert number_options.integer in types
    assert int not in types
    assert float not in types


def test_help_and_version_go_to_stdout(shell: Shell) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["--help"])
    assert end.value.code == 0
    assert "usage: fractalman" in shell.capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert shell.capsys.readouterr().out == f"fractalman {fm.__version__}\n"


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (fm.RecipeError("two\nlines"), cli.WRONG, "fractalman: two\nfractalman: lines\n"),
        (fm.CorruptFileError("x"), cli.NO, "x"),
        (OSError(28, "No space left on device", "a.h5"), cli.FAILED, "a.h5: No space left on device"),
        (
            OSError(28, "No space left on device: the file needs 9 bytes or more, 8 are free", "a.h5"),
            cli.FAILED,
            "a.h5: No space left on device: the file needs 9 bytes or more, 8 are free",
        ),
        (OSError("Can't write data (file write failed: errno = 28, message = 'full')"), cli.FAILED, "No space left"),
        (OSError(5, "Input/output error"), cli.FAILED, "Input/output error"),
        (PermissionError(13, "x", "a.h5"), cli.WRONG, "a.h5: Permission denied"),
        (OSError(30, "x", "a.h5"), cli.WRONG, "a.h5: Read-only file system"),
        (FileExistsError("a.h5 exists: use --force"), cli.WRONG, "a.h5 exists: use --force"),
        (MemoryError("8 bytes"), cli.WRONG, "too little memory"),
        (ZeroDivisionError("division"), cli.FAILED, "unexpected ZeroDivisionError"),
    ],
)
def test_every_error_has_its_status(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, said: str
) -> None:
    def fail(_: Any) -> int:
        raise error

    monkeypatch.setattr("fractalman.cli.info.run", fail)
    assert cli.main(["info", "x"]) == status
    err = shell.capsys.readouterr().err
    assert err.startswith("fractalman: ")
    assert err.count("\n") == len(str(error).splitlines())
    assert said in err


def test_a_missing_extra_is_named_before_anything_is_made(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    shell("quickstart", status=cli.WRONG)
    assert "pip install matplotlib" in shell.err
    assert shell.names() == ["small.toml"]


# ---------------------------------------------------------------------------------------------------- confirm


@pytest.mark.usefixtures("sketched")
def test_confirm_and_report(shell: Shell) -> None:
    sweep = '[sweep]\nlearners = ["1-nn"]\ntrain_sizes = [16, 32, 64]\nseeds = 3\ntest_size = 200\n'
    text = sweep + '[recipe]\nfamily = "cascade"\nn_points = 600\nambient_dim = 12\nhurst = 0.5\n'
    (shell.folder / "spec.toml").write_text(text)
    cli.main(["confirm", "spec.toml", "-o", "run", "--json"])
    answer = json.loads(shell.capsys.readouterr().out)
    assert [verdict["learner"] for verdict in answer["verdicts"]] == ["1-nn"]
    assert answer["verdicts"][0]["predicted"] == pytest.approx(0.5)
    assert len([point for point in answer["points"] if point["learner"] == "1-nn"]) == 9
    before = (shell.folder / "run" / "report.html").read_bytes()
    assert "run/report.html" in shell("report", "run")
    assert (shell.folder / "run" / "report.html").read_bytes() == before
    expected = cli.NO if answer["verdicts"][0]["agrees"] is False else cli.DONE
    assert "report: run/report.html" in shell("confirm", "spec.toml", "-o", "run", status=expected)
    assert shell.names() == ["run", "small.toml", "spec.toml"]
    other = text.replace("seeds = 3", "seeds = 2")
    (shell.folder / "spec.toml").write_text(other)
    shell("confirm", "spec.toml", "-o", "run", status=cli.WRONG)
    assert "--force" in shell.err
    assert (shell.folder / "run" / "report.html").read_bytes() == before


@pytest.mark.parametrize(("agrees", "status"), [(True, 0), (None, 0), (False, 1)])
def test_only_a_verdict_that_disagrees_is_a_no(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, agrees: bool | None, status: int
) -> None:
    from types import SimpleNamespace

    from fractalman import report, runs

    verdicts = [SimpleNamespace(agrees=True), SimpleNamespace(agrees=agrees)]
    result = SimpleNamespace(verdicts=verdicts, plot=None)
    monkeypatch.setattr(runs, "run_confirmation", lambda *_, **__: result)
    monkeypatch.setattr(report, "verdict_lines", lambda _: ["a table"])
    monkeypatch.setattr(report, "verdict_note", lambda _: "a note")
    assert shell("confirm", "small.toml", "-o", "run", status=status).startswith("a table")


# ---------------------------------------------------------------------------------------------------- catalogue


@pytest.mark.parametrize("name", catalogue_names())
def test_every_catalogue_entry_is_a_recipe_and_says_what_it_is(name: str) -> None:
    text = catalogue_text(name)
    assert text.startswith("# ")
    assert from_toml(text).family in fm.family_names()
    if "[sweep]" in text:
        of_strings = {
            "quickstart-random-hierarchy": ("1-nn", "laplace-kernel", "logistic", "mlp"),
            "quickstart-language": ("n-gram", "mlp"),
        }
        assert load_spec(text).learners == of_strings.get(name, ("1-nn", "ridge", "laplace-kernel", "mlp"))


def test_the_quickstart_has_its_specifications() -> None:
    from fractalman.quickstart import QUICKSTART_RUNS

    assert set(QUICKSTART_RUNS.values()) <= set(catalogue_names())
    with pytest.raises(RecipeError, match="did you mean 'quickstart-cascade'"):
        catalogue_text("quickstart-cascad")
