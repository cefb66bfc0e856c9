"""The study of recovery from specification to report; its predictions against dictionaries that are built by hand."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_array

import fractalman as fm
from fractalman.catalogue.studies import study_text
from fractalman.errors import RecipeError
from fractalman.measure.recovery import Truth, score_dictionary
from fractalman.studies.recovery.prediction import Expected, unfired_shares
from fractalman.studies.recovery.run import edges
from fractalman.studies.recovery.spec import RecoveryStudySpec
from fractalman.study_runs import run_study

pytest.importorskip("jax")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

SPEC: dict[str, Any] = {
    "recipe": {
        "family": "cascade", "n_points": 512, "ambient_dim": 12, "branching": 2, "embedding": "superposition",
        "feature_min_size": 32,
    },
    "recovery": {
        "dictionaries": ["topk", "tied-relu", "pca"], "widths": [16], "units": [2, 4], "penalties": [0.1],
        "test_size": 256, "min_size": 32, "seeds": 2, "steps": 20, "batch_size": 32,
    },
}  # fmt: skip


@pytest.mark.slow(reason="a whole study with its report")
def test_it_runs_resumes_and_writes_its_report(tmp_path: Path) -> None:
    whole = run_study("recovery", SPEC)
    assert not whole.missing
    table = {(row["dictionary"], row["sparsity"]): row for row in whole.claims}
    assert list(table) == [("topk", 2.0), ("topk", 4.0), ("tied-relu", 0.1), ("pca", 0.0)]
    assert table["topk", 2.0]["l0"] <= 2.0 < table["topk", 4.0]["l0"] <= 4.0
    assert all(0.0 < row["chance_mcc"] < 0.9 for row in table.values())
    assert all(
        0.0 <= row["error_nested"] <= row["error_faithful"] + 1e-9 and row["mcc_half_width"] is not None
        for row in table.values()
    )
    assert table["pca", 0.0]["error"] == pytest.approx(0.0, abs=1e-9)  # 12 components of 12 dimensions
    assert table["pca", 0.0]["label_kept"] == pytest.approx(1.0, abs=1e-9)
    assert table["topk", 2.0]["label_kept"] < 1.0
    said: list[str] = []

    def interrupt(text: str) -> None:
        said.append(text)
        if text.startswith("task 2 of 6"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study("recovery", SPEC, tmp_path / "run", progress=interrupt)
    again: list[str] = []
    assert run_study("recovery", SPEC, tmp_path / "run", progress=again.append).rows == whole.rows
    assert again[0] == "2 of 6 tasks are in the journal already"
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Recovery against scale" in page
    assert "<svg" in page or "image/svg+xml" in page
    assert "tied-relu" in (tmp_path / "run" / "means.csv").read_text(encoding="utf-8")


def nested() -> tuple[Any, Any, Any]:
    """Six features in a tree, present on nested runs of 64 points; orthonormal directions, centred by construction."""
    rng = np.random.default_rng(0)
    parent = np.array([-1, -1, 0, 0, 1, 2])
    runs = [(0, 40), (40, 64), (0, 20), (20, 40), (40, 50), (0, 8)]
    codes = np.zeros((64, 6))
    for j, (begin, end) in enumerate(runs):
        codes[begin:end, j] = 1.0 + j / 4
    directions = np.linalg.qr(rng.normal(size=(8, 8)))[0][:6]
    return codes, parent, directions


def test_the_least_error_is_that_of_the_best_dictionary_built_by_hand() -> None:
    codes, parent, directions = nested()
    X = codes @ directions
    expected = Expected(csc_array(codes), parent, X)
    for width, units in ((1, 1), (2, 1), (3, 2), (4, 3), (6, 3)):
        best = np.inf
        for chosen in combinations(range(6), width):
            own = codes[:, chosen]
            if ((own > 0).sum(axis=1) <= units).all():
                best = min(best, np.var(X - own @ directions[list(chosen)], axis=0).sum())  # beside a constant
        if np.isfinite(best):
            assert expected.left(width, units).faithful * expected.variance == pytest.approx(best, abs=1e-12)
    assert expected.left(6, 3)[:5] == pytest.approx((0.0,) * 5, abs=1e-12)
    assert expected.left(2, 1).nested < expected.left(2, 1).faithful  # a unit that stands for its path holds more


def test_planted_absorption_is_measured_where_it_is_predicted() -> None:
    codes, parent, directions = nested()
    truth = Truth(directions, codes, parent)
    absorbed = codes.copy()
    absorbed[codes[:, 2] > 0, 0] = 0.0  # the parent's unit is silent with this child
    expected = Expected(csc_array(codes), parent, codes @ directions)
    base = {"dictionary": "jumprelu", "width": 6, "sparsity": 0.01, "seed": 0}
    for learned, share in ((codes, 0.0), (absorbed, 0.25)):  # of four edges
        rows = {
            row["quantity"]: row for row in edges(base, score_dictionary(directions, learned, truth), expected, "l0")
        }
        assert rows["absorbed"]["number"] == share
        assert rows["predicted-absorbed"]["number"] == 1.0  # constants: merging always pays
        assert rows["absorbed-elsewhere"]["count"] == 0
    loose = codes * np.where(codes > 0, np.random.default_rng(1).uniform(0.2, 2.0, codes.shape), 0.0)
    varied = Expected(csc_array(loose), parent, loose @ directions)
    assert not varied.merged("l0", 1e-6).any()
    assert not varied.merged("l0", 10.0).any()  # nothing fires at that price, so there is nothing to merge


@settings(max_examples=40)
@given(st.integers(1, 30), st.integers(1, 6), st.integers(1, 4), st.integers(0, 999), st.booleans())
def test_who_selects_never_does_worse_than_the_mean(n: int, m: int, k: int, seed: int, constant: bool) -> None:
    rng = np.random.default_rng(seed)
    codes = (1.0 if constant else np.abs(rng.normal(size=(n, m)))) * (rng.random((n, m)) < rng.random(m))
    shares = unfired_shares(csc_array(codes), k)
    assert ((shares >= 0.0) & (shares <= 1.0)).all()
    all_present = unfired_shares(csc_array(codes), m)
    assert (all_present[np.var(codes, axis=0) > 1e-6] < 1e-9).all()
    variance = np.var(codes, axis=0)
    left = float((shares * variance).sum())
    best = np.inf  # of constants at hand: 0, the mean, each with its own largest (f − c)²
    for c in (np.zeros(m), codes.mean(axis=0)):
        gain = np.where(codes > 0, (codes - c) ** 2, 0.0)
        silent = np.argsort(np.argsort(-gain, axis=1, kind="stable"), axis=1) >= k
        best = min(best, float((np.where(silent | (codes == 0), (codes - c) ** 2, 0.0)).mean(axis=0).sum()))
    assert left <= best + 1e-9


def test_selected_is_a_share_where_squares_alone_were_none() -> None:
    """On a cluster a point has dozens of features: what does not fire has more squares than variance."""
    recipe = fm.PercolationCluster(
        n_points=512, ambient_dim=64, embedding="superposition", feature_magnitude="folded-normal", feature_min_size=4
    )
    known = fm.generate(recipe).dictionary(4)
    expected = Expected(known.codes.tocsc(), known.parent, known.X)
    codes = known.codes.toarray()
    squares = np.sort(codes**2, axis=1)[:, :-1].sum() / len(codes)  # all but the largest of every point
    assert squares > np.var(codes, axis=0).sum()
    left = [expected.left(codes.shape[1], k).selected for k in (1, 2, 4, 8, 64)]
    assert left[0] < 1.0
    assert all(a > b for a, b in pairwise(left))
    fired = np.argsort(-codes, axis=1)[:, :8]  # eight units by hand, beside the best constant
    rest = codes.copy()
    np.put_along_axis(rest, fired, np.nan, axis=1)
    by_hand = np.nansum((rest - np.nanmean(rest, axis=0)) ** 2) / len(codes) / np.var(codes, axis=0).sum()
    assert left[3] < by_hand * 1.001
    assert left[3] > 0.8 * by_hand


def test_specifications_are_checked() -> None:
    named = RecoveryStudySpec.read(study_text("recovery-cascade"))
    assert RecoveryStudySpec.read(named.to_dict()) == named
    for change, message in (
        ({"units": [2, 32]}, "at most the least width, 16"),
        ({"test_size": 300}, "at most half of recipe.n_points"),
        ({"dictionaries": ["top-k"]}, "did you mean 'topk'"),
        ({"widths": [400]}, "the training points"),
    ):
        with pytest.raises(RecipeError, match=message):
            RecoveryStudySpec.read({**SPEC, "recovery": {**SPEC["recovery"], **change}})
    recipe = {"family": "smooth-manifold", "n_points": 512, "ambient_dim": 12}
    with pytest.raises(RecipeError, match="hierarchy is known"):
        RecoveryStudySpec.read({"recipe": recipe, "recovery": SPEC["recovery"]})
