"""The first screen of a study's page: sentences that say what was found, and no more than the intervals allow."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fractalman.report.found import (
    Found,
    found_by_granularity,
    found_by_levels,
    found_by_linearity,
    found_by_locality,
    found_by_probe,
    found_by_recovery,
    found_rows,
)
from fractalman.report.study_page import interval


def dictionary(mcc: float, half: float | None, chance: float = 0.3, **more: Any) -> dict[str, Any]:
    claim = {"dictionary": "topk", "width": 1024, "sparsity": 4.0, "mcc": mcc, "mcc_half_width": half}
    claim |= {"chance_mcc": chance, "chance_mcc_half_width": half, "best_f1": 0.5, "chance_best_f1": 0.1}
    return claim | more


def recovered(*claims: dict[str, Any]) -> list[Found]:
    study = SimpleNamespace(dictionaries=("topk", "pca"), widths=(64, 1024))
    return found_by_recovery(SimpleNamespace(study=study, claims=claims))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mcc", "half", "words", "kind"),
    [
        (0.5, 0.04, "above chance", "yes"),
        (0.5, 0.11, "not told from chance", "open"),  # the intervals meet
        (0.1, 0.04, "below chance", "no"),
        (0.5, None, "one replicate", "open"),
    ],
)
def test_a_dictionary_is_held_against_chance(mcc: float, half: float | None, words: str, kind: str) -> None:
    (found,) = recovered(dictionary(mcc, half), dictionary(0.05, half, sparsity=8.0), dictionary(0.9, half, width=64))
    assert (found.name, found.words, found.kind) == ("topk", words, kind)
    assert f"(width 1,024, sparsity 4) finds directions at MCC {mcc:.3f}" in found.sentence
    assert recovered() == []


def share(scale: int, between: float, linear: float = 0.1) -> dict[str, Any]:
    shares = {"between": between, "between_above_chance": between, "linear": linear, "nonlinear": 0.05}
    return {"scale": scale, **shares, **{f"{key}_half_width": 0.01 for key in shares}}


def test_where_a_label_is_made_and_what_learners_leave() -> None:
    learner = {"learner": "ridge", "own_scale": None, "scale": 4096, "risk": 0.4, "risk_half_width": 0.02}
    result = SimpleNamespace(
        shares=[share(4096, 0.1), share(512, 0.6, 0.2), share(64, 0.9)],
        scales=(64, 512, 4096),
        table=[
            learner | {"expected_risk": 0.38},
            learner | {"own_scale": 64, "expected_risk": 0.1},
            learner | {"scale": 64, "expected_risk": None},
        ],
        linear=[{"agrees": True}, {"agrees": False}, {"agrees": None}],
    )
    label, regression, ridge, law = found_by_granularity(result)  # type: ignore[arg-type]
    assert "is made above scale 512: 60.0 ± 1.0 % of it beyond chance" in label.sentence
    assert "scale 512: 20.0 ± 1.0 %" in regression.sentence
    assert (ridge.name, ridge.sentence) == ("ridge", "leaves 0.4 ± 0.02 of the variance where 0.38 was expected")
    assert (law.words, law.kind) == ("not everywhere", "no")
    assert "1 of 2" in law.sentence
    result.shares = [share(4096, 0.1)]
    assert "below the scales looked at" in found_by_granularity(result)[0].sentence  # type: ignore[arg-type]


def test_levels_layers_spaces_and_networks_have_a_sentence_each() -> None:
    level = {"level": 1, "learned_at": 1500.0, "low": 1000.0, "high": 2000.0, "times": None, "reached": 3}
    levels = SimpleNamespace(claims=[level | {"replicates": 4}, level | {"replicates": 4, "learned_at": None}])
    learned, not_learned = found_by_levels(levels)  # type: ignore[arg-type]
    assert learned.sentence == "is learned at n = 1,500 (1,000 to 2,000); 3 of 4 replicates"
    assert "is not learned at any of these sizes" in not_learned.sentence

    layers = [
        {"layer": "all", "step": step, "near_share": 0.4, "near_share_half_width": 0.1, "beyond_linear": 0.2}
        for step in (0, 9)
    ]
    (whole,) = found_by_locality(SimpleNamespace(claims=layers))  # type: ignore[arg-type]
    assert "sends 0.400 ± 0.100 of an update’s influence" in whole.sentence

    closeness = {"step": 9, "space": "inputs", "scale": 1024, "closeness": 0.7, "nearest": "ridge"}
    linearity = SimpleNamespace(
        exponents=[{"space": "inputs", "agrees": agrees} for agrees in (True, True, None)],
        closeness=[closeness, closeness | {"step": 3, "closeness": 0.9}, closeness | {"closeness": None}],
    )
    space, network = found_by_linearity(linearity)  # type: ignore[arg-type]
    assert (space.words, "2 of 2" in space.sentence) == ("agrees", True)
    assert "at scale 1,024 (inputs): closeness 0.700 of 1, where the nearest rival is ridge" in network.sentence
    linearity.closeness = []
    assert len(found_by_linearity(linearity)) == 1  # type: ignore[arg-type]

    claims = [
        {"part": "n", "n": 2048, "width": 64, "scale": scale, "found": part}
        for scale, part in ((16, 0.25), (1024, 1.0), (4, None))
    ]
    (probed,) = found_by_probe(SimpleNamespace(claims=claims))  # type: ignore[arg-type]
    assert probed.sentence == "finds 100 % of the subclusters at scale 1,024 and 25 % of the subclusters at scale 16"
    assert found_rows([probed])[0]["learner"] == "n = 2,048, width 64"


def test_what_rounding_leaves_of_zero_is_printed_as_zero() -> None:
    assert interval(1.7e-15, 1.4e-15) == "0.000 ± 0.000"
    assert interval(1.7e-5, None) == "1.7e-05"
