"""datasets/reference: every specification is accepted, every table is what the committed points say."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from fractalman.experiments import load_spec
from fractalman.studies import study

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "datasets" / "reference"
PLANNED = sorted(path.name for path in (REFERENCE / "not-run").glob("*.toml"))
RUNS = sorted(path.parent.name for path in REFERENCE.glob("*/spec.toml"))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """scripts/reference_tables.py as a module."""
    name = "reference_tables_script"
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / "reference_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def write_run(folder: Path, curves: dict[str, np.ndarray], sizes: list[int]) -> None:
    """Write points.csv of learners whose risks are (replicates, sizes)."""
    folder.mkdir()
    with (folder / "points.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["learner", "n", "seed", "risk", "value", "doubled", "regime"])
        for learner, risks in curves.items():
            for i, j in np.ndindex(risks.shape):
                regime = "budget-limited" if learner == "mlp" and sizes[j] > 1024 else "data-limited"
                writer.writerow([learner, sizes[j], i, repr(float(risks[i, j])), sizes[j], "", regime])


@pytest.mark.parametrize("name", RUNS)
def test_every_run_is_whole(name: str) -> None:
    spec = load_spec(REFERENCE / name / "spec.toml")
    with (REFERENCE / name / "points.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    points = {(r["learner"], float(r.get("value") or r["n"]), int(r["seed"]), r.get("doubled", "")) for r in rows}
    assert len(points) == len(rows)
    wanted = {
        (learner, float(value), i, doubled)
        for learner in spec.learners
        for value in spec.values
        for i in range(spec.seeds)
        for doubled in ("", *spec.doubled_settings(learner))
    }
    assert wanted <= points
    assert f"{name}" in (REFERENCE / "README.md").read_text() + (REFERENCE / "FINDINGS.md").read_text()


@pytest.mark.slow(  # one of every kind stays
    reason="the laws of a dozen specifications",
    but=["five-k2-h1.toml", "mlp-k4-h1-same-labels.toml", "onepass-k8-h0.5.toml", "steps-k4-h0.5.toml"],
)
@pytest.mark.parametrize("name", PLANNED)
def test_every_planned_run_is_accepted(name: str) -> None:
    assert load_spec(REFERENCE / "not-run" / name).seeds >= 4


def test_specifications_for_larger_machines_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "mnist.npz", X=rng.random((8200, 784), np.float32), y=np.arange(8200) % 10)
    names = sorted(path.name for path in (REFERENCE / "larger").glob("*.toml"))
    texts = [(REFERENCE / "larger" / name).read_text() for name in names]
    monkeypatch.chdir(tmp_path)
    for name, text in zip(names, texts, strict=True):
        spec = load_spec(text) if name.startswith("confirm") else study(name.split("-")[0]).read(text)
        assert spec.seeds >= 4
    assert len(names) == 3


def test_tables_are_what_the_points_say(script: ModuleType) -> None:
    assert script.main(["--check"]) == 0


def test_a_page_with_another_number_is_found_and_mended(script: ModuleType, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    common = np.exp(rng.normal(0.0, 0.5, (4, 1)))  # replicates that are easy or hard for both
    sizes = [64, 256, 1024, 4096]
    kernel = common * np.array(sizes) ** -0.5
    curves = {"ntk-kernel": kernel, "mlp": np.array([2.0 * 64**0.25, 8.0, 2.0 * 1024**0.25, 20.0]) * kernel}
    write_run(tmp_path / "five-made-up", curves, sizes)
    (tmp_path / "README.md").write_text("# none\n")
    (tmp_path / "FINDINGS.md").write_text("before\n<!-- table tangent -->\n| 1.99 |\n<!-- end -->\nafter\n")
    assert script.main(["--check", "--root", str(tmp_path)]) == 1
    assert script.main(["--root", str(tmp_path)]) == 0
    page = (tmp_path / "FINDINGS.md").read_text()
    assert page.startswith("before\n<!-- table tangent -->\n")
    assert page.endswith("<!-- end -->\nafter\n")
    # exact: 2·64^¼ = 5.66, 2·256^¼ = 8, 2·1024^¼ = 11.31, and no error, for the replicates' own scatter cancels
    assert "| five-made-up | 5.66 ± .00 | 8.00 ± .00 | 11.31 ± .00 | (20.00 ± .00) | -.250 ± .000 |" in page
    assert script.main(["--check", "--root", str(tmp_path)]) == 0


def test_ratios_are_paired_and_their_interval_is_student_s(script: ModuleType) -> None:
    logs = np.array([0.0, 0.1, 0.3])
    kernel = np.array([1.0, 7.0, 0.2])
    value, half = script.ratio(kernel * np.exp(logs), kernel)
    mean, deviation = logs.mean(), logs.std(ddof=1)
    assert value == pytest.approx(np.exp(mean), rel=1e-12)
    assert half == pytest.approx(np.exp(mean) * 4.302652729911275 * deviation / np.sqrt(3), rel=1e-9)
    unpaired, _ = script.ratio(kernel[::-1] * np.exp(logs), kernel)
    assert unpaired == pytest.approx(value, rel=1e-12)  # the mean does not know the pairs, the interval does
    assert script.ratio(kernel[::-1] * np.exp(logs), kernel)[1] > 5 * half


def test_numbers_are_written_without_a_leading_zero(script: ModuleType) -> None:
    assert script.number(0.5) == ".500"
    assert script.number(-0.25, 2) == "-.25"
    assert script.number(10.5, 1) == "10.5"
    assert script.small(0.000915) == ".000915"


def test_the_network_s_ratio_is_what_the_points_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """The constant of `prediction.networks` is that of the campaign, and its bands hold the points that made it."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import network_ratio

    assert network_ratio.main(["--check"]) == 0
    band, held, count = network_ratio.CAMPAIGN, 0, 0
    for folder in network_ratio.runs(REFERENCE, r"five-.*"):
        means = network_ratio.paired_logs(folder)[1].mean(axis=0) - np.log(band.ratio)
        held += int((np.abs(means) < 1.96 * np.hypot(band.shared_error, band.size_error)).sum())
        count += means.size
    assert count == 35
    assert 0.85 <= held / count < 1.0  # 95 % are due, and a band that holds everything is too wide


def test_where_the_network_s_ratio_was_not_measured_is_what_the_table_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The errors outside the campaign's domain hold the recipes that made them, which those inside do not."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import network_domain

    assert network_domain.main(["--check"]) == 0
    rows = list(csv.DictReader(network_domain.TABLE.read_text(encoding="utf-8").splitlines()))
    outside = [row for row in rows if float(row["train_share"]) < network_domain.LIMITED and row["outputs"] != "1"]
    outside = [row for row in outside if int(row["ambient_dim"]) < 24 or int(row["nuisance_dim"])]
    logs = np.abs(np.log([float(row["ratio"]) / network_domain.CAMPAIGN.ratio for row in outside]))
    held = [
        logs < 1.96 * np.hypot(band.shared_error, band.size_error)
        for band in (network_domain.ELSEWHERE, network_domain.CAMPAIGN)
    ]
    assert held[0].mean() > 0.9
    assert held[1].mean() < 0.6
