"""Studies of files that bring their hierarchy along: it is taken as it is, and what is known of labels is used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.report.study_page import source_words
from fractalman.studies.granularity.curves import curve_rows
from fractalman.studies.granularity.spec import read_granularity
from fractalman.studies.sources import KNOWN, FileSource


@pytest.fixture(scope="module")
def made() -> fm.Dataset:
    return fm.generate(fm.PercolationCluster(n_points=600, ambient_dim=16, seed=3))


@pytest.fixture
def file(tmp_path: Path, made: fm.Dataset) -> Path:
    return fm.export(made, tmp_path / "a.npz", "percolation")


def test_a_sample_has_the_hierarchy_and_the_labels_of_the_file(file: Path, made: fm.Dataset) -> None:
    sample = FileSource.of(file, KNOWN).sample(0, 100, 200)
    assert sample.exact
    assert made.hierarchy is not None
    np.testing.assert_array_equal(sample.hierarchy.parent, made.hierarchy.parent)
    np.testing.assert_array_equal(sample.y[:, 0], made.y)  # in the prior's unit, where that is known
    assert sample.label_tree is not None
    assert not set(sample.train) & set(sample.test)
    estimated = FileSource.of(file).sample(0, 100, 200)
    assert not estimated.exact
    assert not np.array_equal(estimated.hierarchy.parent, made.hierarchy.parent)


def test_labels_of_another_law_are_scaled_and_their_latents_have_no_values(tmp_path: Path) -> None:
    data = fm.generate(fm.PercolationCluster(n_points=400, ambient_dim=8, label="brownian"))
    sample = FileSource.of(fm.export(data, tmp_path / "b.npz", "percolation"), KNOWN).sample(0, 100, 200)
    assert sample.label_tree is None
    assert not sample.hierarchy.value.any()
    assert sample.y.var() == pytest.approx(1.0)


def test_curves_inside_fragments_have_the_floor_of_the_labels(file: Path) -> None:
    table = {"scales": [64], "train_size": 200, "test_size": 300, "seeds": 2, "curve_scales": [64]}
    study = read_granularity({"data": {"file": str(file), "hierarchy": KNOWN}, "granularity": table})
    rows = curve_rows(study, 64, 0)
    floor = {(row["fragment"], row["n"]): row["expected_risk"] for row in rows if row["learner"] == "bayes"}
    ridge = {(row["fragment"], row["n"]): row["expected_risk"] for row in rows if row["learner"] == "ridge"}
    assert len(floor) > 2
    assert all(0.0 < floor[key] <= ridge[key] for key in floor)
    assert source_words(study).endswith("its hierarchy is known")
    guessed = read_granularity({"data": {"file": str(file)}, "granularity": table})
    assert not [row for row in curve_rows(guessed, 64, 0) if row["learner"] == "bayes"]


def test_points_in_memory_are_taken_with_their_hierarchy(file: Path) -> None:
    result = fm.granularity(fm.import_percolation(file), scales=[8, 64], train_size=200, test_size=300, seeds=2)
    assert result.exact
    assert "hierarchy known" in str(result.study.to_dict()) or result.study.to_dict()["data"]["hierarchy"] == KNOWN


def test_what_cannot_be_is_refused(file: Path) -> None:
    with pytest.raises(RecipeError, match='with hierarchy = "known": expected "value"'):
        FileSource.of(file, KNOWN, "one-hot")
    source = FileSource.of(file, KNOWN)
    features = file.with_name("a_gt_features.npz")
    whole = features.read_bytes()
    other = fm.export(
        fm.PercolationCluster(n_points=600, ambient_dim=16, seed=4), file.with_name("c.npz"), "percolation"
    )
    features.write_bytes(other.with_name("c_gt_features.npz").read_bytes())
    with pytest.raises(RecipeError, match="not the file that the study began with"):
        source.sample(0, 100, 200)
    features.write_bytes(whole)
    assert source.sample(0, 100, 200).exact
    features.unlink()
    with pytest.raises(FileNotFoundError, match="a_gt_features"):
        FileSource.of(file, KNOWN)
