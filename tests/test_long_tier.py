"""The scripts that run for hours, run for seconds: the long statistical tier and the gallery."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(repository: Path, script: str, *words: str, fail: bool = False) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(repository), "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, str(repository / "scripts" / script), *words],
        capture_output=True, text=True, timeout=300, env=environment, check=False,
    )  # fmt: skip
    assert (done.returncode != 0) == fail, done.stderr
    return done


def test_the_checks_are_listed(repository: Path) -> None:
    lines = run(repository, "verify_statistics.py", "--list").stdout.splitlines()
    names = [line.split()[0] for line in lines]
    assert len(names) == len(set(names)) > 50
    for kind in ("seeds/", "A1/", "A2/", "A3/", "A4/", "A5/", "A8/", "embedding/", "labels/", "cascade/"):
        assert any(name.startswith(kind) for name in names), kind
    assert all("control" in line for line in lines)


def test_a_small_run_writes_its_report(repository: Path, tmp_path: Path) -> None:
    words = ["--only", "A1/*/N=5", "--only", "A4/*/N=10", "--scale", "0.02", "--jobs", "2", "-o"]
    done = run(repository, "verify_statistics.py", *words, str(tmp_path))
    report = Path(done.stdout.strip())
    text = report.read_text(encoding="utf-8")
    assert "**4 of 4 checks passed.**" in text
    assert "Scale 0.02" in text  # a thin run says that it is one
    rows = json.loads((report.parent / "report.json").read_text(encoding="utf-8"))
    assert {row["name"] for row in rows} == {
        "A1/coalescent/N=5", "A1/nested/N=5", "A4/coalescent/N=10", "A4/nested/N=10"
    }  # fmt: skip
    pytest.importorskip("matplotlib")
    assert {p.name for p in report.parent.glob("*.png")} >= {"A4-nested-N=10.png", "all-p-values.png"}


def test_a_pattern_that_fits_nothing_is_refused(repository: Path, tmp_path: Path) -> None:
    done = run(repository, "verify_statistics.py", "--only", "A9/*", "-o", str(tmp_path), fail=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_broken_law_would_be_noticed(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(repository / "scripts"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import verify_statistics as tier
    from _statistical_checks import latent_variogram

    threshold = 1e-3 / 60
    assert tier.verdict({"p": 0.2, "control": 1e-12}, threshold) == "ok"
    assert tier.verdict({"p": 1e-6, "control": 1e-12}, threshold) == "LAW BROKEN"
    assert tier.verdict({"p": float("nan"), "control": 1e-12}, threshold) == "LAW BROKEN"
    assert tier.verdict({"p": 0.2, "control": 1e-3}, threshold) == "CONTROL NOT REJECTED"
    assert "LAW BROKEN" in tier.table(
        [{"name": "x", "p": 1e-9, "n": 10, "control": 0.0, "seconds": 1.0, "remark": ""}], threshold, 1.0, 60
    )
    assert latent_variogram(2, 1) == pytest.approx(2.0)  # two points and the latent above both
    assert latent_variogram(3, 2) == pytest.approx(3.0)  # the first cut leaves one latent over one end


def test_the_gallery_draws_every_family_here(repository: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = run(repository, "gallery.py", "--points", "300", "--grains", "-o", str(tmp_path))
    drawn = {Path(line).name for line in done.stdout.splitlines()}
    assert drawn >= {"percolation-cluster.png", "percolation-cluster-nested.png", "cascade.png", "grain-100.png"}
    assert all((tmp_path / name).stat().st_size > 5_000 for name in drawn)
