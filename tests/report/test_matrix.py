"""Several runs in one report, what a run will need, and the command line's ways to divide one."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from fractalman import cli
from fractalman.experiments import load_spec, plan_sweep
from fractalman.experiments.planning import matrix_speed
from fractalman.families.base import memory_of
from fractalman.report.matrix import COLUMNS
from fractalman.runs import rebuild_report, run_confirmation

pytest.importorskip("matplotlib")
from sketches import sketched

RECIPE = '[recipe]\nfamily = "cascade"\nn_points = 600\nambient_dim = 8\nhurst = 0.5\n'
DATA = RECIPE + '[sweep]\nlearners = ["1-nn", "ridge"]\ntrain_sizes = [16, 32, 64]\nseeds = 3\ntest_size = 100\n'
MODEL = (
    RECIPE + '[sweep]\nlearners = ["random-features"]\naxis = "features"\nvalues = [2, 4, 8, 16]\ntrain_size = 512\n'
    "seeds = 3\ntest_size = 100\ndoubling_checks = true\n"
)
NOISE = RECIPE + '[sweep]\nlearners = ["1-nn"]\naxis = "noise"\nvalues = [0, 0.5, 1]\ntrain_size = 32\nseeds = 2\n'


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three runs, along n, along the number of features and along the noise."""
    folder = tmp_path_factory.mktemp("runs")
    with sketched():
        for name, text in (("data", DATA), ("model", MODEL), ("noise", NOISE + "test_size = 100\n")):
            run_confirmation(text, folder / name)
    return folder


@pytest.mark.usefixtures("sketched")
def test_one_report_on_a_folder_of_runs(runs: Path, tmp_path: Path) -> None:
    path = rebuild_report(runs, out=tmp_path / "all")
    html = path.read_text(encoding="utf-8")
    rows = json.loads((tmp_path / "all" / "matrix.json").read_text(encoding="utf-8"))
    assert [(row["run"], row["learner"], row["axis"], row["abscissa"]) for row in rows] == [
        ("data", "1-nn", "n", "n"),
        ("data", "ridge", "n", "n"),
        ("model", "random-features", "features", "P"),
        ("noise", "1-nn", "noise", ""),
    ]
    assert all(tuple(row) == COLUMNS for row in rows)
    assert rows[0]["efficiency"] > 1.0
    assert rows[0]["measured"] == pytest.approx(0.5, abs=0.2)
    with (tmp_path / "all" / "matrix.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [float(row["measured"]) if row["measured"] else None for row in found] == [row["measured"] for row in rows]
    for said in (
        "along features", "along noise", "P = 24", "features ×2", "number of parameters P", "noise = 0.5",
        "P the number of fitted parameters",
    ):  # fmt: skip
        assert said in html
    assert "nan" not in re.sub(r'base64,[^"]*', "", html).lower().split("</style>")[1].replace("dominant", "")
    for name in ("data", "model", "noise"):
        assert f'id="{name}"' in html
    alone = rebuild_report(runs / "model")
    assert alone == runs / "model" / "report.html"
    assert "random-features" in alone.read_text(encoding="utf-8")


@pytest.mark.usefixtures("sketched")
def test_several_folders_need_a_place(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", str(runs / "data"), str(runs / "model")]) == cli.WRONG
    assert "use -o FOLDER" in capsys.readouterr().err
    assert cli.main(["report", str(runs / "data"), str(runs / "model"), "-o", str(tmp_path / "both")]) == cli.DONE
    assert "both/report.html" in capsys.readouterr().out


def test_points_of_probes_stand_in_the_table(runs: Path) -> None:
    with (runs / "model" / "points.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["doubled"] for row in rows} == {"", "features"}
    assert {(row["value"], row["parameters"]) for row in rows if row["learner"] != "bayes" and not row["doubled"]} == {
        (str(k), str(8 * (k + 1))) for k in (2, 4, 8, 16)
    }


# ---------------------------------------------------------------------------------------------------- plans


def test_a_plan_counts_the_points_of_the_run(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = load_spec(MODEL)
    plan = plan_sweep(spec, flops=1e10)
    with (runs / "model" / "points.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sum(plan.points.values()) == len(rows)
    assert plan.memory >= plan.dataset_bytes == memory_of(spec.replicate_recipe(0)).peak_bytes()
    faster = plan_sweep(spec, flops=1e11)
    assert faster.seconds["random-features"] < plan.seconds["random-features"]
    assert matrix_speed() > 1e7
    (spec_file := runs / "model.toml").write_text(MODEL)
    before = sorted(runs.iterdir())
    assert cli.main(["confirm", str(spec_file), "--dry-run"]) == cli.DONE
    out = capsys.readouterr().out
    assert f"{len(rows)} points in" in out
    assert re.search(r"memory: .* MiB at once", out)
    assert "factor of three" in out
    assert sorted(runs.iterdir()) == before
    assert cli.main(["confirm", str(spec_file), "--dry-run", "--json"]) == cli.DONE
    assert json.loads(capsys.readouterr().out)["points"] == plan.points
    spec_file.unlink()


def test_larger_runs_are_planned_longer() -> None:
    small = plan_sweep(load_spec(DATA), flops=1e10)
    large = plan_sweep(load_spec(DATA.replace("[16, 32, 64]", "[16, 32, 4096]")), flops=1e10)
    assert large.seconds["1-nn"] > small.seconds["1-nn"]
    assert large.memory > small.memory


def test_steps_and_trees_are_paid_for_on_the_fastest_machine() -> None:
    """What no matrix product is counted for: steps of a tiny network, trees; everything else costs nothing there."""
    recipe = 'family = "cascade"\nn_points = 64\nambient_dim = 4\nhurst = 0.5\n'
    sweep = "train_sizes = [16, 32, 64]\nseeds = 2\ntest_size = 8\n"

    def planned(learner: str, table: str) -> float:
        text = f'[recipe]\n{recipe}[sweep]\nlearners = ["{learner}"]\n{sweep}[{learner}]\n{table}\n'
        return plan_sweep(load_spec(text), flops=1e30).seconds[learner]

    once, twice = (planned("mlp", f"width = 4\nsteps = {steps}") for steps in (10_000, 20_000))
    assert twice - once > 6 * 10_000 * 2e-5
    tried = planned("mlp", "width = 4\nsteps = 10000\nlearning_rate = [1e-3, 1e-2]")
    assert tried - once == pytest.approx(2.0 * (twice - once))  # every rate on validation points, then one on all
    assert planned("gradient-boosting", "trees = 400") > 3.0 * planned("gradient-boosting", "trees = 100")


# ---------------------------------------------------------------------------------------------------- shards


@pytest.mark.usefixtures("sketched")
def test_shards_on_the_command_line(tmp_path: Path, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spec.toml").write_text(MODEL)
    command = ["confirm", str(tmp_path / "spec.toml"), "-o", str(tmp_path / "run")]
    assert cli.main([*command, "--shard", "2/2"]) == cli.DONE
    assert "shard 2 of 2 is done" in capsys.readouterr().out
    assert not (tmp_path / "run" / "report.html").exists()
    cli.main([*command, "--shard", "1/2", "--json"])
    assert "verdicts" in json.loads(capsys.readouterr().out)
    assert (tmp_path / "run" / "matrix.csv").read_text().splitlines()[1].split(",")[7] == (
        runs / "model" / "matrix.csv"
    ).read_text().splitlines()[1].split(",")[7]
    assert cli.main([*command, "--shard", "3/2"]) == cli.WRONG
    assert "found '3/2'" in capsys.readouterr().err
    assert cli.main(["confirm", str(tmp_path / "spec.toml")]) == cli.WRONG
    assert "use -o FOLDER" in capsys.readouterr().err
    assert cli.main([*command, "--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"]) == cli.WRONG
    assert "jobs and scheduler are given" in capsys.readouterr().err
