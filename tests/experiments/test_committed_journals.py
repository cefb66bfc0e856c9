"""Journals in datasets/reference: they are read, and lead to the verdicts that are committed beside them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from stand_ins import StandIns

from fractalman.errors import RecipeError
from fractalman.experiments import load_result

REFERENCE = Path(__file__).resolve().parents[2] / "datasets" / "reference"
KEPT: dict[str, list[dict[str, Any]]] = json.loads((REFERENCE / "verdicts.json").read_text(encoding="utf-8"))
MEASURED = ("measured", "standard_error", "window", "n_sizes", "n_seeds", "regimes", "fitted")
JUDGED = ("slope_agrees", "half_width", "sigma", "predicted_local", "predicted_local_error")


def remembered(kept: list[dict[str, Any]]) -> StandIns:
    """Predictions whose exponents are those of the committed verdicts: to average them anew takes minutes."""
    by_learner = {entry["learner"]: entry for entry in kept}

    def no_curve(sizes: Any) -> Any:
        raise RecipeError(f"the level at {sizes} is not asked here")

    def predict(recipe: Any, learner: Any, **_: Any) -> Any:  # noqa: ARG001
        entry = by_learner[getattr(learner, "name", learner)]
        if entry["predicted"] is None and entry["predicted_local"] is None:
            raise RecipeError("nothing is predicted")
        local = SimpleNamespace(value=entry["predicted_local"], standard_error=entry["predicted_local_error"])
        return SimpleNamespace(
            data_exponent=entry["predicted"],
            model_exponent=entry["predicted"],
            logarithmic=False,
            attained=True,
            law=entry["law"],
            has_curve=entry["predicted_local"] is not None,
            curve=no_curve,
            affordable=math.inf,
            local_exponent=lambda *_, **__: local,
        )

    return StandIns(predict=predict)


def test_every_journal_has_its_verdicts() -> None:
    assert set(KEPT) == {path.parent.name for path in REFERENCE.glob("*/journal*.jsonl")}
    assert len(KEPT) == 17


@pytest.mark.parametrize("name", KEPT)
def test_a_committed_journal_gives_the_same_verdicts(name: str) -> None:
    with remembered(KEPT[name]).playing():
        result = load_result(REFERENCE / name)
    assert result.missing == 0
    for verdict, entry in zip(result.verdicts, KEPT[name], strict=True):
        found = verdict.to_dict()
        assert found["learner"] == entry["learner"]
        judged = entry["measured"] is not None and entry["predicted_local"] is not None
        for key in (*MEASURED, *(JUDGED if judged else ())):
            kept = entry[key]
            assert found[key] == (pytest.approx(kept, rel=1e-9) if isinstance(kept, float) else kept), key
