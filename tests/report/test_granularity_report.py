"""The page, tables and command of a granularity study; named specifications; one table however the work is divided."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

import fractalman as fm
from fractalman import cli
from fractalman.catalogue.studies import study_names, study_text
from fractalman.errors import RecipeError
from fractalman.report.granularity import granularity_csv, granularity_lines, write_granularity
from fractalman.studies.granularity.result import GranularityResult
from fractalman.studies.granularity.spec import read_granularity

SPEC: dict[str, Any] = {
    "recipe": {"family": "percolation-cluster", "n_points": 300, "ambient_dim": 24, "seed": 1},
    "granularity": {
        "scales": [8, 64], "train_size": 100, "seeds": 2, "draws": 2, "curve_scales": [64], "learners": ["ridge"],
        "linear_dims": [8, 64], "linear_points": 200, "linear_sizes": [8, 16, 32], "linear_splits": 1,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def result() -> GranularityResult:
    return fm.granularity(SPEC)


def test_the_page_is_whole_and_needs_nothing(result: GranularityResult, tmp_path: Path) -> None:
    page = write_granularity(result, tmp_path).read_text(encoding="utf-8")
    assert page.count("<figure>") == 4
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert {path.suffix for path in tmp_path.iterdir()} == {
        ".html",
        ".csv",
        ".json",
        ".png",
        ".svg",
        "",
    }  # the last of them SHA256SUMS
    table = json.loads((tmp_path / "granularity.json").read_text(encoding="utf-8"))
    assert [row["scale"] for row in table["shares"]] == [8, 64, 300]
    assert read_granularity(table["study"]) == result.study


def test_the_tables_hold_every_row(result: GranularityResult) -> None:
    rows = list(csv.DictReader(io.StringIO(granularity_csv(result))))
    count = {name: sum(row["table"] == name for row in rows) for name in ("share", "risk", "curve", "linear")}
    assert count["share"] == 3
    assert count["risk"] == len(result.table) == 3 * (2 + 4)  # floor and ridge, two ridges at each of two scales
    assert count["linear"] == len(result.linear)
    text = "\n".join(granularity_lines(result))
    assert "between %" in text
    assert "estimate" not in text


@pytest.mark.usefixtures("sketched")
def test_an_estimated_hierarchy_is_called_one(tmp_path: Path) -> None:
    recipe = {"family": "smooth-manifold", "n_points": 200, "dim": 2, "ambient_dim": 4}
    table = {"scales": [16], "train_size": 64, "test_size": 64, "seeds": 1, "draws": 2, "learners": ["ridge"]}
    made = fm.granularity({"recipe": recipe, "granularity": table})
    assert "estimate" in "\n".join(granularity_lines(made))
    assert "estimate" in write_granularity(made, tmp_path).read_text(encoding="utf-8")


@pytest.mark.usefixtures("sketched")
def test_the_command_writes_the_page_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, out = tmp_path / "spec.toml", tmp_path / "out"
    spec.write_text(
        '[recipe]\nfamily = "percolation-cluster"\nn_points = 200\nambient_dim = 8\n[granularity]\nscales = [16]\n'
        'train_size = 64\nseeds = 2\ndraws = 2\nlearners = ["ridge"]\n',
        encoding="utf-8",
    )
    base = ["granularity", str(spec), "-o", str(out)]
    assert cli.main([*base, "--shard", "1/2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["missing"] == 2
    assert not (out / "report.html").exists()
    assert cli.main([*base, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["missing"] == 0
    assert (out / "report.html").is_file()
    assert cli.main(base) == 0
    assert "report: " in capsys.readouterr().out
    undivided = fm.granularity(spec)
    assert json.loads(json.dumps(undivided.to_dict())) == first
    spec.write_text(spec.read_text(encoding="utf-8").replace("scales = [16]", "scales = [32]"), encoding="utf-8")
    assert cli.main(base) == 2
    assert "another specification" in capsys.readouterr().err


@pytest.mark.parametrize("name", [name for name in study_names() if name.startswith("granularity-")])
def test_named_specifications_are_read(name: str) -> None:
    text = study_text(name)
    assert text.startswith("# ")
    if "file = " in text:  # a file that is not there
        with pytest.raises(RecipeError, match="npz does not exist"):
            read_granularity(text)
    elif "[network]" in text:
        pytest.importorskip("jax")
        pytest.importorskip("optax")
        assert read_granularity(text).source.values["layer"] in ("layer-1", "layer-2")
    else:
        assert read_granularity(text).values["seeds"] >= 3


def test_a_name_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["granularity", "granularity-clutser", "-o", str(tmp_path / "x")]) == 2
    assert "did you mean 'granularity-cluster'" in capsys.readouterr().err
