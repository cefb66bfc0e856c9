"""What a study says that it will need, before anything of it runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fractalman import _memory
from fractalman.catalogue.studies import study_names, study_text
from fractalman.cli import main
from fractalman.errors import ResourceError
from fractalman.studies import STUDIES, study

SPEED = 8.5e10
RECIPE = {"family": "cascade", "n_points": 1024, "ambient_dim": 24, "branching": 4}
SPLIT = {"train_size": 256, "test_size": 512, "seeds": 2}
SPECS: dict[str, dict[str, Any]] = {
    "granularity": {
        "recipe": RECIPE,
        "granularity": {"scales": [4, 64], "curve_scales": [64], "linear_dims": [8], **SPLIT},
    },
    "locality": {"recipe": RECIPE, "locality": {**SPLIT, "widths": [16]}},
    "linearity": {"recipe": RECIPE, "linearity": {**SPLIT, "scales": [64]}},
    "probe": {"recipe": RECIPE, "probe": {"train_sizes": [64, 256], "test_size": 512, "seeds": 2}},
    "levels": {
        "recipe": {"family": "random-hierarchy-model", "n_points": 1, "levels": 2, "vocabulary": 4, "synonyms": 2},
        "levels": {"train_sizes": [64, 128], "seeds": 2},
    },
    "recovery": {
        "recipe": {**RECIPE, "embedding": "superposition", "feature_min_size": 32},
        "recovery": {"dictionaries": ["topk", "pca"], "widths": [16], "units": [2], "test_size": 512, "seeds": 2},
    },
}


def planned(name: str, tables: Any) -> Any:
    kind = study(name)
    return kind.plan(kind.read(tables), SPEED)


def test_every_study_counts() -> None:
    assert set(SPECS) == set(STUDIES)
    for name, tables in SPECS.items():
        plan = planned(name, tables)
        assert sum(plan.tasks.values()) == len(study(name).read(tables).tasks())
        assert all(math.isfinite(seconds) and seconds > 0.0 for seconds in plan.seconds.values()), name
        assert plan.memory > 4 * 1024 * 24 or name == "levels"


@pytest.mark.parametrize("name", sorted(SPECS))
def test_more_of_anything_takes_longer(name: str) -> None:
    def total(**changes: Any) -> float:
        tables = {key: dict(table) for key, table in SPECS[name].items()}
        tables[name] |= changes
        return float(sum(planned(name, tables).seconds.values()))

    more = {"seeds": 8}
    if name not in ("levels", "recovery"):
        more["test_size"] = 700
    for key, value in more.items():
        assert total(**{key: value}) > total(), key


def test_seconds_of_studies_that_were_timed() -> None:
    """Within a factor of four of processor seconds taken on one thread of such a speed, of whole studies."""
    taken = {"linearity-cascade": 163, "locality-cascade": 78, "granularity-cluster": 93, "levels-language": 40}
    for name, seconds in taken.items():
        kind = study(name.split("-")[0])
        found = sum(kind.plan(kind.read(study_text(name)), SPEED).seconds.values())
        assert 0.25 < found / seconds < 4.0, (name, found)


def test_what_does_not_fit_is_refused_and_names_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_memory, "available_bytes", lambda: 1 << 16)
    monkeypatch.setattr("fractalman.studies.base.available_bytes", lambda: 1 << 16)
    for name, tables in SPECS.items():
        kind = study(name)
        with pytest.raises(ResourceError, match=f"{name}\\."):
            kind.prepare(kind.read(tables), 1, None)


def test_points_of_a_file_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All pairs are held while a hierarchy is estimated, before which nothing said so."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "points.npz", X=rng.normal(size=(900, 5)), y=rng.normal(size=900))
    tables: dict[str, Any] = {"data": {"file": str(tmp_path / "points.npz")}, "locality": {**SPLIT, "seeds": 1}}
    assert planned("locality", tables).memory > 8 * 900**2 / 2
    small = {**tables, "locality": {**tables["locality"], "test_size": 300}}
    assert planned("locality", small).memory <= planned("locality", tables).memory
    monkeypatch.setattr("fractalman.studies.base.available_bytes", lambda: 1 << 20)
    with pytest.raises(ResourceError, match=r"locality\.train_size"):
        study("locality").prepare(study("locality").read(tables), 2, None)


def test_a_dry_run_says_time_and_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "probe-cascade", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "MiB and about" in said
    assert "rule: " in said


def test_all_studies_of_the_catalogue_can_be_planned() -> None:
    for name in study_names():
        kind = name.split("-")[0]
        if kind in STUDIES and not any(word in name for word in ("digits", "mnist")):  # files that are not here
            spec = study(kind).read(study_text(name))
            assert 1.0 < sum(study(kind).plan(spec, SPEED).seconds.values()) < 3600.0, name
