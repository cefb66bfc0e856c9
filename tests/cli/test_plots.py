"""--plot wherever a command has a figure, --dry-run wherever it takes long, completion, the marked row of a plan."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

import fractalman as fm
from fractalman.cli import main
from fractalman.cli.completion import SHELLS
from fractalman.cli.parser import parse

KINDS = {"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a dataset, points of one's own and a table of losses, in which commands run."""
    monkeypatch.chdir(tmp_path)
    fm.write(fm.Cascade(n_points=256, ambient_dim=4), "data.h5")
    points = np.random.default_rng(0).random((200, 2))
    np.savez("points.npz", X=points, y=points[:, 0])
    n = 2 ** np.arange(4, 10)
    Path("losses.csv").write_text("n,loss\n" + "".join(f"{k},{k**-0.5}\n" for k in n))
    return tmp_path


@pytest.mark.slow(reason="a whole study of given points", only=["study-data points.npz -o study"])
@pytest.mark.parametrize(
    "command",
    [
        "predict cascade-plain --sizes 16,32", "predict --data points.npz", "info data.h5", "measure data.h5",
        "measure points.npz", "measure --scaling losses.csv", "study-data points.npz -o study",
    ],
)  # fmt: skip
def test_commands_draw_what_they_found(command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kind = list(KINDS)[len(command) % 3]
    assert main([*command.split(), "--plot", f"figure.{kind}"]) == 0
    assert f"plot: figure.{kind}" in capsys.readouterr().out
    assert (folder / f"figure.{kind}").read_bytes().startswith(KINDS[kind])
    assert main([*command.split(), "--plot", f"figure.{kind}"]) == 2, "what is there is not overwritten unasked"
    assert main([*command.split(), "--plot", "figure.jpg"]) == 2
    assert "expected a file name that ends in .pdf, .svg or .png" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["predict cascade-plain --sizes 16,32,64", "measure points.npz"])
def test_a_picture_has_the_size_of_a_column_and_nothing_is_cut_off(command: str, folder: Path) -> None:
    assert main([*command.split(), "--plot", "column.png", "--plot-size", "84x66mm"]) == 0
    with (folder / "column.png").open("rb") as file:
        width, height = struct.unpack(">II", file.read(24)[16:])
    assert (width, height) == (int(150 * 84 / 25.4), int(150 * 66 / 25.4))
    rows = matplotlib.image.imread(folder / "column.png")[..., :3].min(axis=2) < 0.98
    assert not rows[:, [0, 1, -2, -1]].any(), "something reaches over the edge"
    inked = np.flatnonzero(rows.any(axis=0))
    assert inked[-1] - inked[0] > 0.85 * width, "the axes were squeezed"


@pytest.mark.parametrize("size", ["3", "0x3", "3,x", "84mm", "100,2", "nan,2"])
def test_what_is_no_size_of_a_picture_is_refused(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "cascade-plain", "--plot", "a.pdf", "--plot-size", size]) == 2
    assert "e.g. 3.3,2.4 or 84x60mm" in capsys.readouterr().err
    assert main(["predict", "cascade-plain", "--plot-size", "3,2"]) == 2
    assert "use --plot FILE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "header"),
    [
        ("predict cascade-plain --sizes 16,64", "n,risk,standard_error,floor,floor_standard_error"),
        ("predict --data points.npz", "n,risk,standard_error"),
        (
            "plan cascade-plain --resolution 0.5 --budget 4000",
            "from,to,exponent,scatter,seeds,half_width,points,chosen",
        ),
    ],
)
def test_numbers_are_written_as_csv(
    command: str, header: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command.split(), "--csv", "numbers.csv"]) == 0
    assert "table: numbers.csv" in capsys.readouterr().out
    lines = (folder / "numbers.csv").read_text().splitlines()
    assert lines[0] == header
    assert len(lines) >= 3
    if "--sizes" in command:
        assert [line.split(",")[0] for line in lines[1:]] == ["16", "64"]
    assert main([*command.split(), "--csv", "numbers.csv"]) == 2, "what is there is not overwritten unasked"
    assert main([*command.split(), "--csv", "numbers.txt"]) == 2
    assert "expected a file name that ends in .csv" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "brill-cluster-1e4", "-o", "big.h5", "--dry-run", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert 0 < table["memory_bytes"] < table["available_bytes"]
    assert main(["granularity", "granularity-cluster", "--dry-run"]) == 0
    assert "tasks" in capsys.readouterr().out
    assert main(["granularity", "granularity-cluster"]) == 2
    assert "use -o FOLDER, or --dry-run" in capsys.readouterr().err
    assert {path.name for path in folder.iterdir()} == {"data.h5", "points.npz", "losses.csv"}


def test_a_dry_run_refuses_what_does_not_fit(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    Path("huge.toml").write_text('[recipe]\nfamily = "percolation-cluster"\nn_points = 100000000000\n')
    assert main(["generate", "huge.toml", "-o", "big.h5", "--dry-run"]) == 2
    assert "are available" in capsys.readouterr().err


def test_mistakes_of_a_recipe_stand_on_a_line_each(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    Path("bad.toml").write_text('[recipe]\nfamily = "cascade"\nn_points = -4\nambient_dim = "x"\nbranchng = 3\n')
    assert main(["generate", "bad.toml", "-o", "x.h5"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1].split("=")[0].strip() for line in lines] == [
        "unknown key recipe.branchng", "n_points", "ambient_dim",
    ]  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_is_a_script_that_names_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    assert main(["--completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("generate", "confirm", "study-data", "--dry-run"):
        assert word in script
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True)
        assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_shells_complete_names_learners_and_files(folder: Path, capsys: pytest.CaptureFixture[str], shell: str) -> None:
    pytest.importorskip("shtab")
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    assert main(["--completion", shell]) == 0
    (folder / "completion.sh").write_text(capsys.readouterr().out)
    lines = {
        "generate brill-cluster-1e": {
            "brill-cluster-1e3",
            "brill-cluster-1e4",
            "brill-cluster-1e5",
            "brill-cluster-1e6",
        },
        "predict cascade-plain --learner lap": {"laplace-kernel"},
        "confirm quickstart-ca": {"quickstart-cascade"},
        "locality locality-cl": {"locality-cluster"},
        "granularity locality-cl": set(),
        "info da": {"data.h5"},
        "measure --scaling lo": {"losses.csv"},
        "export data.h5 --layout pa": {"parquet"},
        "subset data.h5 --dr": {"--drop-empty", "--dry-run"},
    }
    script = "source completion.sh\n" + "".join(
        f"""echo (complete -C 'fractalman {line}' | string replace -r '\\t.*' '')\n"""
        if shell == "fish"
        else f"COMP_WORDS=(fractalman {line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMPREPLY=()\n"
        f'_shtab_fractalman fractalman "${{COMP_WORDS[-1]}}"; echo "${{COMPREPLY[*]}}"\n'
        for line in lines
    )
    done = subprocess.run([shell, "-c", script], cwd=folder, capture_output=True, text=True, timeout=60)
    assert [set(line.split()) for line in done.stdout.splitlines()] == list(lines.values()), done.stderr


def test_a_plan_marks_and_explains_the_window_it_chose() -> None:
    from fractalman.prediction.plans import Option, Plan
    from fractalman.report import plan_lines

    options = tuple(Option((16, 32, 64, 128 + i), 0.5, 0.1, 9, 0.02, 1000 + i) for i in range(20))
    lines = plan_lines(Plan("1-nn", 0.02, 4000, True, "it does", options[17], options, 0.5, 1e4, ()))
    assert [line.split()[:4] for line in lines if "16 … 145" in line] == [["→", "16", "…", "145"]]
    assert "→ chosen: of all windows within the budget the one that reaches the largest n" in "\n".join(lines)
    beyond = plan_lines(Plan("1-nn", 0.02, 10, False, "it does not", options[0], options, 0.5, 1e4, ()))
    assert "no window is within the budget" in "\n".join(beyond)


def test_every_command_with_a_figure_takes_plot() -> None:
    for command in ("confirm a.toml", "granularity a.toml", "locality a.toml", "probe a.toml", "plan a"):
        assert parse([*command.split(), "--plot", "a.pdf"]).plot == "a.pdf"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("subset data.h5 --rows ::4", "64 of 256 points, "),
        ("study-data points.npz", "fitted: laplace-kernel, 30 times, on up to 150 points, tested on 50"),
        ("explore data.h5", "points: 256, of 256"),
        ("explore brill-cluster-1e6 --points 500", "points: 500, of 1,000,000"),
        ("plan cascade-plain --learner ridge", "sizes: 64, 128, 256, "),
        ("plan cascade-plain --budget 100", "no plan: the population or the budget leaves too few sizes"),
    ],
)
def test_what_takes_long_says_first_what_it_would_do(
    command: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.name for path in folder.iterdir())
    assert main([*command.split(), "--dry-run"]) == 0
    assert said in capsys.readouterr().out
    assert main([*command.split(), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_dry_run_of_a_subset_has_the_sizes_of_the_subset(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["subset", str(folder / "data.h5"), "--rows", "10:90", "--collapse", "--drop-empty"]
    assert main([*words, "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert main([*words, "-o", "part.h5"]) == 0
    with fm.open("part.h5") as file:
        assert planned["points"] == file.n_points
        assert planned["latents"] == file.columns["hierarchy/parent"].shape[0]
        assert planned["columns_bytes"] == sum(column.nbytes for name, column in file.columns.items() if name != "rows")
    assert main(words) == 2
    assert "use -o FILE" in capsys.readouterr().err


def test_a_dry_run_refuses_what_the_run_would_refuse(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    for words, said in {
        "explore data.h5 -o page.pdf": "ends in .html",
        "plan cascade-plain --resolution 7": "0 < resolution <= 1",
        "subset data.h5 --rows 5:5": "expected",
    }.items():
        assert main([*words.split(), "--dry-run"]) == 2
        assert said in capsys.readouterr().err
