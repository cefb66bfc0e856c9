"""Locality and probes from specification to report: rows, means, resumption, shards, controls, what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import fractalman as fm
from fractalman import cli
from fractalman.catalogue.studies import study_names, study_text
from fractalman.errors import RecipeError
from fractalman.random.streams import normals
from fractalman.studies import study
from fractalman.studies.base import Task
from fractalman.studies.locality.spec import Locality
from fractalman.studies.means import means, measured, paired, select
from fractalman.studies.networks import problem_of
from fractalman.studies.probes.spec import Probing

pytest.importorskip("jax")
pytest.importorskip("optax")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

LOCALITY = """
[recipe]
family = "percolation-cluster"
n_points = 400
ambient_dim = 16
seed = 1
[locality]
train_size = 64
test_size = 128
seeds = 2
steps = [0, 60]
scales = [8, 32]
sources = 32
pairs = 200
pattern_points = 64
[mlp]
width = 8
depth = 1
steps = 60
batch_size = 16
learning_rate = 1e-2
"""
PROBE = """
[data]
file = "{file}"
[probe]
train_sizes = [64]
test_size = 160
seeds = 2
scales = [32, 64]
latents = 3
[mlp]
width = 8
depth = 1
steps = 60
batch_size = 16
learning_rate = 1e-2
activation = "tanh"
"""


def one(rows: list[dict[str, object]], **wanted: object) -> dict[str, object]:
    (row,) = select(rows, **wanted)
    return row


@pytest.mark.slow(reason="a whole study of trained networks")
def test_locality_from_a_specification_to_a_report_in_shards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, out = tmp_path / "spec.toml", tmp_path / "run"
    spec.write_text(LOCALITY)
    command = ["locality", str(spec), "-o", str(out), "--json"]
    assert cli.main([*command, "--shard", "1/2"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"missing": 3, "shard": 1, "of": 2}
    assert not (out / "report.html").exists()
    assert cli.main(command) == 0
    said = json.loads(capsys.readouterr().out)
    assert Locality.read(said["spec"]) == Locality.read(LOCALITY)
    result = fm.locality(LOCALITY, out)  # all of it is in the journal: nothing is computed again
    assert result.missing == 0
    assert [c["layer"] for c in result.claims] == ["1", "output", "all"] * 2
    # the linear model's influence is its Gram matrix: training changes nothing, and one layer is the whole
    linear = select(result.rows, part="linear", quantity="influence")
    assert linear
    for row in linear:
        same = {key: row[key] for key in ("seed", "against", "place")}
        for layer, step in (("all", 0), ("output", 60)):
            assert one(linear, layer=layer, step=step, **same)["number"] == pytest.approx(row["number"], rel=1e-9)
    sample = Locality.read(LOCALITY).source.sample(0, 64, 128)
    X = sample.X[sample.train].astype(np.float64)
    inputs = (X - X.mean(axis=0)) / np.sqrt(np.mean(np.square(X - X.mean(axis=0))))
    own = np.square(inputs).sum(axis=1) + 1.0
    found = one(result.rows, part="linear", quantity="self-influence", layer="all", step=0, seed=0)
    assert own.min() < found["number"] < own.max()
    # layers add up, shuffled labels begin as the true ones do, and end elsewhere
    shares = select(result.means, part="base", quantity="kernel-share", step=60)
    assert sum(r["number"] for r in shares) == pytest.approx(1.0)
    start, other = (one(result.rows, part=part, quantity="influence-near-share", layer="all", against="hierarchy",
                        step=0, seed=0)["number"] for part in ("base", "shuffled-labels"))  # fmt: skip
    assert start == other
    end, other = (one(result.rows, part=part, quantity="train-risk", step=60, seed=0)["number"]
                  for part in ("base", "shuffled-labels"))  # fmt: skip
    assert end < other
    for row in select(result.means, quantity="influence-near-share", against="random", layer="all", part="base"):
        assert row["number"] == pytest.approx(0.1, abs=0.03)
    for row in select(result.means, quantity="step-error"):
        assert row["number"] < 0.2
    assert all(1 <= r["number"] <= 64 for r in select(result.means, quantity="regions"))
    # a torn journal is completed to the same rows
    journal = out / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:40])
    said_lines: list[str] = []
    assert fm.locality(LOCALITY, out, progress=said_lines.append).rows == result.rows
    assert sum(line.startswith("task") for line in said_lines) == 1
    with (out / "means.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(result.means)
    report = (out / "report.html").read_text(encoding="utf-8")
    assert report.count("data:image/svg+xml") == 4
    assert "permuted" in report
    assert cli.main(["report", str(out)]) == 2
    assert "use fractalman locality with the same specification again" in capsys.readouterr().err
    assert json.loads((out / "result.json").read_text())["claims"][0]["layer"] == "1"


@pytest.mark.slow(reason="a whole study of trained networks")
def test_probes_of_a_file_from_a_specification_to_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    centres = 4.0 * normals(3, 48).reshape(4, 12)
    which = np.arange(300) % 4
    X = centres[which] + normals(4, 3600).reshape(300, 12)
    np.savez(tmp_path / "points.npz", X=X.astype(np.float32), y=X[:, 0])
    spec, out = tmp_path / "spec.toml", tmp_path / "run"
    spec.write_text(PROBE.format(file=tmp_path / "points.npz"))
    assert cli.main(["probe", str(spec), "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "its hierarchy is an estimate (ward)" in said
    result = fm.probe(spec, out)
    assert result.last_layer == "1"
    assert {r["layer"] for r in result.latents} == {"input", "1", "output"}
    # whole clusters of the data can be read off their inputs, random sets cannot
    at = {"step": 0, "layer": "input", "against": "size", "place": 64}
    found = one(result.means, part="n", value=64, quantity="auc-logistic", **at)
    assert found["number"] > 0.9
    chance = select(result.means, quantity="auc-random", against="size")
    assert np.mean([r["number"] for r in chance]) == pytest.approx(0.5, abs=0.1)
    assert np.mean([r["number"] for r in select(result.means, quantity="random-found", against="size")]) < 0.05
    assert select(result.means, quantity="r2-value") == []  # nobody knows the values of an estimated hierarchy
    claim = result.claims[0]
    assert claim["r2_band"] is not None
    assert claim["auc_near"] is not None
    end = [r for r in result.latents if r["step"] == 60]
    assert all({"found", "gained", "lost"} <= r.keys() for r in end)
    assert (out / "report.html").read_text(encoding="utf-8").count("data:image/svg+xml") == 4
    assert (out / "latents.csv").read_text().count("\n") == len(result.latents) + 1


@pytest.mark.slow(reason="a whole study of trained networks")
def test_probes_of_a_recipe_read_values() -> None:
    spec = {
        "recipe": {"family": "cascade", "n_points": 300, "ambient_dim": 12, "branching": 3, "seed": 2},
        "probe": {"train_sizes": [64], "test_size": 256, "seeds": 1, "scales": [32, 96]},
        "mlp": {"width": 8, "depth": 1, "steps": 60, "batch_size": 16, "learning_rate": 1e-2, "activation": "tanh"},
    }
    result = fm.probe(spec)
    path = one(result.means, quantity="r2-path", layer="input", place=32, step=0)
    assert path["number"] > 0.5  # three directions of the first level are linear in X
    assert path["standard_error"] is None  # one replicate has no error


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"locality": {"train_size": 64, "test_size": 8, "step": [0]}}, "unknown key locality.step.*did you mean"),
        ({"locality": {"train_size": 64}}, "missing key locality.test_size"),
        ({"locality": {"train_size": 64, "test_size": 8, "steps": [0, 61]}}, "expected numbers from 0 to mlp.steps"),
        ({"locality": {"train_size": 64, "test_size": 8, "widths": [8, 8]}}, "rising values, each once"),
        ({"locality": {"train_size": 64, "test_size": 8, "controls": ["lineal"]}}, "did you mean 'linear'"),
        ({"mlp": {"steps": 60, "learning_rate": [1e-3, 1e-2]}}, "expected one rate"),
        ({"probe": {}}, "unknown table probe"),
    ],
)
def test_what_is_refused_before_anything_is_computed(change: dict[str, object], complaint: str) -> None:
    good = {
        "recipe": {"family": "percolation-cluster", "n_points": 400},
        "locality": {"train_size": 64, "test_size": 8},
        "mlp": {"steps": 60},
    }
    assert Locality.read(good).steps == (0, 7, 60)
    with pytest.raises(RecipeError, match=complaint):
        Locality.read({**good, **change})


def test_latents_that_hold_too_few_points_are_refused() -> None:
    spec = {
        "recipe": {"family": "percolation-cluster", "n_points": 5000, "ambient_dim": 4},
        "probe": {"train_sizes": [16], "test_size": 16, "scales": [4]},
        "mlp": {"width": 4, "depth": 1, "steps": 2},
    }
    probing = study("probe")
    checked = probing.read(spec)
    with pytest.raises(RecipeError, match="use a larger test_size or larger scales"):
        probing.run(checked, checked.tasks()[0], None)


def test_shuffled_labels_are_the_same_labels_of_other_points() -> None:
    sample = Locality.read(LOCALITY).source.sample(0, 64, 128)
    true, shuffled = problem_of(sample, 64), problem_of(sample, 64, shuffled=True)
    np.testing.assert_array_equal(np.sort(true.y_train[:, 0]), np.sort(shuffled.y_train[:, 0]))
    assert not np.array_equal(true.y_train, shuffled.y_train)
    assert true.key == shuffled.key
    half = problem_of(sample, 32)
    np.testing.assert_array_equal(half.X_train, true.X_train[:32])


def test_means_have_students_errors_over_replicates() -> None:
    def rows(numbers: list[float]) -> list[dict[str, object]]:
        return [
            measured({"part": "p", "value": 0, "seed": s, "n": 1, "width": 1, "depth": 1, "step": 0}, "q", number, x=s)
            for s, number in enumerate(numbers)
        ]

    (mean,) = means([*rows([1.0, 2.0, 6.0]), {"latent": 3}])
    assert (mean["number"], mean["x"], mean["replicates"]) == (3.0, 1.0, 3)
    assert mean["standard_error"] == pytest.approx(np.sqrt(7.0 / 3.0))
    assert mean["half_width"] == pytest.approx(4.302653 * np.sqrt(7.0 / 3.0), rel=1e-6)
    (mean,) = means(rows([1.0, np.nan]))
    assert (mean["number"], mean["replicates"], mean["half_width"]) == (1.0, 1, None)
    gap = paired(rows([1.0, 2.0, 6.0]), rows([0.5, 1.5, 5.5]))
    assert gap is not None
    assert (gap.number, gap.half_width) == (0.5, 0.0)
    assert paired(rows([1.0]), []) is None


def test_the_catalogues_studies_are_specifications(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("digits.npz", "mnist5000.npz"):
        np.savez(file, X=np.zeros((4, 3), np.float32), y=np.arange(4.0))
    kinds = {"locality": Locality, "probe": Probing}
    mine = [name for name in study_names() if name.partition("-")[0] in kinds]
    assert len(mine) == 12
    for name in mine:
        checked = kinds[name.partition("-")[0]].read(study_text(name))
        assert type(checked).read(checked.to_dict()) == checked
        assert checked.tasks()[0] == Task(*checked.tasks()[0])
    with pytest.raises(RecipeError, match="did you mean 'probe-digits'"):
        study_text("probe-digit")


BUDGET = {"steps": 30, "batch_size": 16, "learning_rate": 5e-3}
NETWORKS = {
    "convolution": {"width": 3, "depth": 1, "patch": 4, **BUDGET},
    "locally-connected": {"width": 3, "depth": 1, "patch": 4, "weights": "local", **BUDGET},
    "transformer": {"width": 4, "depth": 1, "heads": 2, "block": 4, **BUDGET},
}
PARTS = {"convolution": ["layer-1", "readout"], "transformer": ["embedding", "layer-1", "readout"]}


def tables_of(kind: str, study: str, **values: object) -> dict[str, object]:
    learner = "convolution" if kind == "locally-connected" else kind
    recipe = {"family": "percolation-cluster", "n_points": 200, "ambient_dim": 16, "seed": 2}
    return {"recipe": recipe, study: {"test_size": 64, "seeds": 2, **values}, learner: NETWORKS[kind]}


@pytest.mark.slow(reason="networks of every kind are compiled")
@pytest.mark.parametrize("kind", NETWORKS)
def test_locality_of_networks_of_other_kinds(kind: str) -> None:
    spec = tables_of(kind, "locality", train_size=48, steps=[0, 30], scales=[8, 32], sources=16, pairs=60)
    spec["locality"]["pattern_points"] = 32  # type: ignore[index]
    result = fm.locality(spec)
    learner = "convolution" if kind == "locally-connected" else kind
    assert Locality.read(result.study.to_dict()) == result.study
    assert (result.study.learner, result.study.network().settings.width) == (learner, NETWORKS[kind]["width"])
    assert list(dict.fromkeys(r["layer"] for r in result.claims)) == [*PARTS[learner], "all"]
    shares = [one(result.means, quantity="kernel-share", part="base", step=0, layer=k) for k in PARTS[learner]]
    assert sum(r["number"] for r in shares) == pytest.approx(1.0, rel=1e-5)
    control = one(result.means, quantity="influence-near-share", part="base", step=0, layer="all", against="random")
    assert control["number"] == pytest.approx(0.1, abs=0.05)
    for row in select(result.means, quantity="step-error"):
        assert row["number"] < 0.2
    regions = {r["layer"] for r in select(result.means, quantity="regions")}
    assert regions == ({"layer-1"} if learner == "convolution" else set())  # transformers have no units on or off
    risks = [one(result.means, quantity="train-risk", part="base", step=k)["number"] for k in (0, 30)]
    assert risks[1] < risks[0]
    # the linear model is the same beside every network but for how its inputs are scaled
    gram = one(result.means, quantity="self-influence", part="linear", step=0, layer="output")
    assert gram["number"] == pytest.approx(17.0, rel=0.3)  # |x|² + 1


@pytest.mark.slow(reason="networks of every kind are compiled")
@pytest.mark.parametrize("kind", NETWORKS)
def test_probes_and_linearity_of_networks_of_other_kinds(kind: str) -> None:
    held = fm.probe(tables_of(kind, "probe", train_sizes=[48], scales=[32], latents=3))
    learner = "convolution" if kind == "locally-connected" else kind
    hidden = PARTS[learner][:-1]
    assert list(dict.fromkeys(r["layer"] for r in held.latents)) == ["input", *hidden, "output"]
    assert held.last_layer == "layer-1"
    assert one(held.means, quantity="train-risk", step=30)["number"] < one(
        held.means, quantity="train-risk", step=0)["number"]  # fmt: skip
    lines = fm.linearity(tables_of(kind, "linearity", train_size=48, scales=[64], fragments=1, splits=2))
    assert {(r["space"], r["target"]) for r in lines.exponents} == {
        (space, target) for space in ("input", *hidden) for target in ("label", "network")
    }


def test_one_network_to_a_study_and_its_settings_are_checked() -> None:
    good = tables_of("transformer", "locality", train_size=48)
    assert Locality.read(good).steps == (0, 3, 30)
    for change, complaint in (
        ({"mlp": {}}, "tables \\[mlp\\], \\[transformer\\]: expected one"),
        ({"transformer": {"width": 5, "heads": 2}}, "multiple of heads"),
        ({"locality": {"train_size": 48, "test_size": 64, "widths": [5]}}, "multiple of heads"),
        ({"locality": {"train_size": 48, "test_size": 64, "steps": [0, 31]}}, "transformer.steps = 30"),
        ({"ridge": {}}, "unknown table ridge"),
    ):
        with pytest.raises(RecipeError, match=complaint):
            Locality.read({**good, **change})
    assert Locality.read({**{k: v for k, v in good.items() if k != "transformer"}, "convolution": {}}).learner == (
        "convolution"
    )
