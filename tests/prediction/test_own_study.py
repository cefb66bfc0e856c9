"""study-data: one page with what was measured, predicted and cross-validated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import fractalman as fm
from fractalman.cli import main
from fractalman.prediction import own_study


def test_the_page_holds_prediction_and_measurement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One neighbour on a cascade agrees; a kernel that fails is named and leaves the rest; nothing is overwritten."""
    data = fm.generate(fm.Cascade(n_points=1200, branching=4, hurst=0.5, seed=2))
    np.savez(tmp_path / "own.npz", X=data.X, y=data.y)
    monkeypatch.setattr(own_study, "STUDIED", ("1-nn", "ridge", "no-learner"))
    arguments = ["study-data", str(tmp_path / "own.npz"), "-o", str(tmp_path / "out")]
    assert main([*arguments, "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    curves = {curve["learner"]: curve for curve in table["curves"]}
    assert curves["1-nn"]["agrees"] is True
    assert len(curves["ridge"]["table"]) >= 3
    assert "no-learner" in curves["no-learner"]["failure"]
    assert "no-learner could not be studied" in table["verdict"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("<figure") == 2
    assert table["verdict"] in page
    assert json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))["curves"] == table["curves"]
    assert main(arguments) == 2
    assert "--force" in capsys.readouterr().err


def test_votes_of_neighbours_are_held_against_shares_of_wrong_votes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noisy classes, where k is not 1: half the squared error, which was measured before, is the control."""
    rng = np.random.default_rng(1)
    X = rng.random((900, 2))
    y = (X[:, 0] + 0.35 * rng.normal(size=900) > 0.5).astype(int)
    votes = fm.predict_own_data(X, y, learner="k-nn")
    kernel = fm.predict_own_data(X, y, learner="laplace-kernel")
    assert (votes.shares, kernel.shares) == (True, False)
    sizes, splits = np.array([40, 160]), range(6)
    measured = np.array([own_study._split(votes, votes.points, votes.labels, sizes, 225, s) for s in splits])
    curve, error = votes.curve(sizes), measured.std(axis=0, ddof=1) / np.sqrt(len(splits))
    allowed = 0.02 + 3.0 * np.hypot(error, curve.standard_error)
    assert (np.abs(measured.mean(axis=0) - curve.risk) < allowed).all()
    monkeypatch.setattr(type(votes), "shares", False)
    halves = [own_study._split(votes, votes.points, votes.labels, sizes, 225, s) for s in splits]
    assert (np.abs(np.mean(halves, axis=0) - curve.risk) > allowed).any()


@pytest.mark.slow(reason="a whole study of given points")
def test_shuffled_labels_do_not_agree_with_the_prediction_of_the_true_ones() -> None:
    """A negative control of the verdict: measured on shuffled labels, the prediction misses."""
    data = fm.generate(fm.Cascade(n_points=1200, branching=4, hurst=1.0, seed=2))
    first = fm.predict_own_data(data.X, data.y)
    good = own_study._studied("1-nn", first, first.points, first.labels, 0)
    bad = own_study._studied("1-nn", first, first.points, np.random.default_rng(0).permutation(first.labels), 0)
    assert good.agrees is True
    assert bad.agrees is False
