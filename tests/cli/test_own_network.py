"""--network: a network of a module, or activations of a file, on points of a file; nothing else has code run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman import cli

NETS = """
import numpy as np
from pathlib import Path
Path("imported").touch()
model = (lambda p, X: (np.maximum(X @ p["a"], 0) @ p["b"], {"h": np.maximum(X @ p["a"], 0)}),
         {"a": np.linspace(-1, 1, 12).reshape(3, 4), "b": np.ones((4, 1))})
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with points, a module of a network, activations and rows, in which one stands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "nets_of_mine", raising=False)
    X = np.random.default_rng(0).normal(size=(160, 3))
    np.savez("points.npz", X=X, y=np.abs(X[:, 0]))
    np.savez("acts.npz", hidden=np.maximum(X, 0), output=np.abs(X[:, :1]))
    np.save("rows.npy", np.arange(90))
    Path("nets_of_mine.py").write_text(NETS)
    Path("study.toml").write_text('[data]\nfile = "points.npz"\nhierarchy = "ward"\n[linearity]\nscales = [32]\n')
    return tmp_path


def shown(words: str, capsys: pytest.CaptureFixture[str], status: int = 0) -> Any:
    assert cli.main(words.split()) == status
    out, err = capsys.readouterr()
    return json.loads(out) if "--json" in words else out if status == 0 else err


def test_a_study_of_a_modules_network_is_that_of_python(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown("granularity points.npz --network nets_of_mine:model --train rows.npy -o run --json", capsys)
    sys.path.insert(0, str(folder))
    import nets_of_mine

    with np.load("points.npz") as held:
        X, y = held["X"], held["y"]
    fm.granularity((X, y), "again", network=nets_of_mine.model, train=np.load("rows.npy"))
    assert (folder / "run" / "granularity.csv").read_text() == (folder / "again" / "granularity.csv").read_text()


@pytest.mark.parametrize("study", ["granularity", "linearity", "locality", "probe"])
def test_every_study_of_networks_takes_one(folder: Path, capsys: pytest.CaptureFixture[str], study: str) -> None:
    for place in ("nets_of_mine:model", "acts.npz"):
        assert shown(f"{study} points.npz --network {place} --dry-run --json", capsys)["tasks"] > 0
    assert (folder / "imported").exists()


def test_a_specification_alone_imports_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown("linearity study.toml --network acts.npz --dry-run --json", capsys)["tasks"] > 0
    Path("study.toml").write_text(Path("study.toml").read_text() + '[network]\nlearner = "nets_of_mine:model"\n')
    shown("linearity study.toml -o run", capsys, status=cli.WRONG)
    assert "unknown table network: expected one of data, linearity" in shown(
        "linearity study.toml --network acts.npz -o run", capsys, status=2
    )
    assert not (folder / "imported").exists()


def test_activations_that_are_objects_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(folder / "objects.npz", hidden=np.array([{}] * 160, dtype=object))
    assert "objects" in shown("granularity points.npz --network objects.npz -o run", capsys, status=2)


WRONG = {
    "granularity points.npz --network nets_of_mine -o run": "expected MODULE:ATTRIBUTE",
    "granularity points.npz --network nets_of_mine:modle -o run": "did you mean 'model'?",
    "granularity points.npz --network no_such_net:model -o run": "cannot be imported",
    "granularity points.npz --network nothing.npz -o run": "nothing.npz",
    "granularity point.npz --network acts.npz -o run": "did you mean 'points.npz'?",
    "linearity study.toml --layers 0,2 -o run": "--layers belongs to --network",
    "linearity points.npz --network acts.npz": "use -o FOLDER, or --dry-run",
    "linearity points.npz --network acts.npz -o run --jobs 2": "expected jobs = 1",
    "linearity points.npz --network acts.npz --train acts.npz -o run": "is an archive",
    "linearity nested.toml --network acts.npz -o run": "linearity.network is no key",
    "granularity granularity-cluster --network acts.npz -o run": "a study of the catalogue, which has its own points",
    "locality points.npz --network acts.npz --layers hiden -o run": "did you mean 'hidden'?",
    "levels levels-language --network acts.npz -o run": "--network",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_cannot_be_is_said(folder: Path, capsys: pytest.CaptureFixture[str], words: str) -> None:
    (folder / "nested.toml").write_text('[data]\nfile = "points.npz"\n[linearity]\nnetwork = "x"\n')
    assert WRONG[words] in shown(words, capsys, status=2)
    assert not (folder / "run").exists()


def test_a_dataset_file_keeps_its_hierarchy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = fm.generate(fm.Cascade(n_points=128, ambient_dim=3))
    fm.write(data.recipe, folder / "data.h5")
    np.savez(folder / "acts.npz", hidden=data.X, output=data.y[:, None])
    out = shown("granularity data.h5 --network acts.npz -o run", capsys)
    assert "a dataset of the family cascade" in out
    assert "estimate" not in out
