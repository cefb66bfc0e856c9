"""Curves that are computed ahead are those that are computed when they are asked for."""

from __future__ import annotations

from typing import Any

import pytest

from fractalman.experiments import load_spec, predicted, run_sweep
from fractalman.experiments.specification import Spec
from fractalman.prediction.averages import KnownRisks


def small() -> Spec:
    """Return a sweep of seconds."""
    return load_spec(
        {
            "recipe": {"family": "percolation-ensemble", "n_points": 400, "ambient_dim": 12, "seed": 3},
            "sweep": {
                "learners": ["1-nn", "ridge"],
                "train_sizes": [16, 32, 64],
                "seeds": 3,
                "test_size": 50,
            },
        }
    )


def said(result: Any, spec: Spec) -> list[Any]:
    """Return verdicts and curves."""
    curves = [result.predictions[name].curve(spec.values).risk.tolist() for name in spec.learners]
    return [verdict.to_dict() for verdict in result.verdicts] + curves


def test_ahead_or_when_asked_the_same_bits_come_out(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = small()
    plain = said(run_sweep(spec), spec)
    monkeypatch.setenv("FRACTALMAN_THREADS", "2")
    words: list[str] = []
    computed: list[int] = []
    get = KnownRisks.get

    def counted(self: KnownRisks, sizes: Any, count: int) -> Any:
        before = len(self.known)
        found = get(self, sizes, count)
        computed.append(len(self.known) - before)
        return found

    with predicted.predicted_ahead(spec):
        predicted._prepared[spec.digest].result()
        monkeypatch.setattr(KnownRisks, "get", counted)
        ahead = said(run_sweep(spec, progress=words.append), spec)
    assert ahead == plain
    assert "waiting for predicted curves" in words
    assert computed
    assert not any(computed)  # all was there already
    assert not predicted._prepared
    computed.clear()
    assert said(run_sweep(spec), spec) == plain
    assert any(computed)  # control: nothing ahead, nothing there


def test_with_one_thread_or_after_an_error_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = small()
    monkeypatch.setenv("FRACTALMAN_THREADS", "1")
    with predicted.predicted_ahead(spec):
        assert not predicted._prepared
    monkeypatch.setenv("FRACTALMAN_THREADS", "2")
    left: list[predicted._Ahead] = []

    def interrupted() -> None:
        with predicted.predicted_ahead(spec):
            left.append(predicted._prepared[spec.digest])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not predicted._prepared
    left[0].result()  # ends by itself
