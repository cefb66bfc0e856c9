"""Verdicts against the width: how often they refute what is true, and that they refute what is false."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman.studies.recovery.points import studied
from fractalman.studies.recovery.spec import RecoveryStudySpec
from fractalman.studies.recovery.width import PAIRS, width_verdicts

WIDTHS = (32, 64, 128, 256)


def rows(
    rng: Any, seeds: int = 4, exponent: float = 0.8, apart: float = 0.0, level: float = 1.0, noise: float = 0.03
) -> list[Any]:
    """Rows whose predictions fall with ``exponent``, trees of their own included, and whose errors differ by noise."""
    made = []
    for seed in range(seeds):
        slope = exponent + 0.1 * rng.standard_normal()
        for width in WIDTHS:
            predicted = (width / 16) ** -slope
            error = level * predicted * (width / 64) ** -apart * np.exp(noise * rng.standard_normal())
            numbers = {"error": error, "found": width / 2, "found-wide": width}
            numbers |= {name: predicted for _, name in PAIRS if name.startswith("error")}
            made += [
                {"dictionary": "topk", "sparsity": 4.0, "width": width, "seed": seed, "quantity": name, "number": value}
                for name, value in numbers.items()
            ]
    return made


def test_true_exponents_are_refuted_once_in_twenty_and_false_ones_are_found() -> None:
    rng = np.random.default_rng(0)
    refuted = covered = 0
    times = 300
    for _ in range(times):
        verdict = width_verdicts(rows(rng))[0]
        refuted += verdict.agrees is False
        covered += verdict.ratio_low < 1.0 < verdict.ratio_high
    assert 3 <= refuted <= 30  # 15 ± 4 standard deviations
    assert 270 <= covered <= 297
    false = width_verdicts(rows(rng, apart=0.3))[0]
    assert false.agrees is False
    assert false.difference == pytest.approx(0.3, abs=0.1)
    assert false.measured == pytest.approx(1.1, abs=0.3)
    high = width_verdicts(rows(rng, level=2.0))[0]
    assert 1.8 < high.ratio_low < high.ratio_high < 2.2
    assert high.agrees is not False


def test_what_cannot_be_told_is_not_resolved_and_says_why() -> None:
    rng = np.random.default_rng(0)
    assert width_verdicts([row for row in rows(rng) if row["width"] > 64]) == []
    alone = width_verdicts(rows(rng, seeds=1))[0]
    assert (alone.agrees, alone.half_width) == (None, None)
    assert "one replicate" in alone.reason
    none = [{**row, "number": 0.0 if row["quantity"] == "found" else row["number"]} for row in rows(rng)]
    found = next(own for own in width_verdicts(none) if own.quantity == "found")
    assert (found.agrees, found.measured) == (False, None)
    assert "0 widths" in found.reason or "features a unit" in found.reason
    assert (found.ratio, found.ratio_high) == (0.0, 0.0)
    bound = next(own for own in width_verdicts(rows(rng, level=0.5)) if own.prediction == "error-rank")
    assert bound.agrees is False
    assert next(own for own in width_verdicts(rows(rng, level=2.0)) if own.prediction == "error-rank").agrees
    flat = width_verdicts(rows(rng, exponent=0.05, noise=0.5))[0]
    assert flat.agrees is not True  # an interval wider than half of the prediction agrees with nothing


@pytest.mark.parametrize("stream", [False, True])
def test_the_least_of_a_width_is_what_principal_components_leave(stream: bool) -> None:
    from fractalman.learners.dictionaries import fit_baseline

    recipe = fm.PercolationCluster(
        n_points=600, ambient_dim=40, embedding="superposition", feature_magnitude="folded-normal", feature_min_size=12
    )
    table = {"widths": [8], "test_size": 300, "min_size": 12, "steps": 200, "batch_size": 64, "stream": stream}
    spec = RecoveryStudySpec.read({"recipe": recipe.to_dict(), "recovery": table})
    points = studied(spec, 0)
    X = np.asarray(points.truth.X, float)
    model = fit_baseline("pca", points.table(spec), 8)
    left = np.square(X - model.decode(model.encode(X))).sum() / np.square(X - X.mean(axis=0)).sum()
    known = points.expected.left(8, 4.0)
    assert known.rank == pytest.approx(left, rel=0.15)
    assert known.rank < known.wide <= known.faithful
    if stream:
        assert not points.expected.merged("l0", 0.2).any()  # by the law; in a sample it would pay somewhere by chance
        own = recipe.replace(embedding="own", feature_magnitude="constant", feature_min_size=2)
        with pytest.raises(fm.RecipeError, match="superposition"):
            RecoveryStudySpec.read({"recipe": own.to_dict(), "recovery": table})
