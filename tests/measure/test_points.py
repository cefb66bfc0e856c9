"""Points of every kind that people hold give the dimension of the same numbers in a plain array."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.measure import dimension, smoothness
from fractalman.measure.points import as_points, contradictions, first_of_each


def plane(n: int = 400, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random((n, 2)) @ rng.normal(size=(2, 5))


def value(X: Any, **options: Any) -> float:
    return dimension(X, method="mle", **options).value


def test_frames_sparse_matrices_and_anndata_are_tables() -> None:
    """pandas with nullable columns, scipy.sparse, AnnData with a sparse X."""
    pd = pytest.importorskip("pandas")
    anndata = pytest.importorskip("anndata")
    from scipy import sparse

    X = plane()
    expected = value(X)
    frame = pd.DataFrame(X, columns=list("abcde"))
    assert value(frame) == expected
    assert value(frame.astype("Float64")) == expected
    labelled = frame.assign(Label=np.arange(400.0))
    found = dimension(labelled, method="mle")
    assert found.value == expected
    assert any("'Label' is a target" in said for said in found.warnings)
    assert value(sparse.csr_matrix(X)) == expected
    assert value(sparse.csc_array(X)) == expected
    assert value(anndata.AnnData(X=sparse.csr_matrix(X))) == expected
    with pytest.raises(RecipeError, match="column 'word' of X holds words"):
        value(frame.assign(word="yes"))
    missing = frame.astype("Float64")
    missing.iloc[7, 1] = pd.NA
    with pytest.raises(RecipeError, match=r"1 of 400 rows \(7;"):
        value(missing)


def test_a_tensor_is_an_array() -> None:
    torch = pytest.importorskip("torch")
    X = plane()
    assert value(torch.tensor(X, requires_grad=True)) == value(X)


def test_what_would_not_fit_is_projected(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sparse matrix too large to be dense is measured on a random projection, and that is said."""
    from scipy import sparse

    from fractalman.measure import points

    monkeypatch.setattr(points, "available_bytes", lambda: 400 * 2000 * 8)
    rng = np.random.default_rng(1)
    wide = np.zeros((400, 2000))
    wide[:, :5] = plane(400, 1)
    wide = wide[:, rng.permutation(2000)]
    found = dimension(sparse.csr_matrix(wide), method="mle")
    assert any("random projection to 256 columns" in said for said in found.warnings)
    assert abs(found.value - value(wide)) < 0.1


def test_masked_rows_are_left_out() -> None:
    """Numbers under a mask are no numbers, in X and in y."""
    X, junk = plane(), np.full((100, 5), 999.0)
    masked = np.ma.masked_array(np.r_[X, junk + plane(100, 3)], mask=np.r_[0 * X, junk > 0])
    found = dimension(masked, method="mle")
    assert found.value == value(X)
    assert any("100 of 500 rows hold masked numbers" in said for said in found.warnings)
    column = np.ma.masked_array(X, mask=np.arange(X.shape[1]) == 1 + 0 * X)
    with pytest.raises(RecipeError, match="all 400 rows hold masked numbers: column 1 is masked in all"):
        dimension(column)
    with pytest.raises(RecipeError, match=r"use X\[:, None\]"):
        dimension(X[:, 0])
    y = np.ma.masked_array(np.r_[X[:, 0], np.full(100, 1e9)], mask=np.r_[np.zeros(400), np.ones(100)])
    assert smoothness(np.r_[X, plane(100, 3)], y).variance == pytest.approx(X[:, 0].var())


def test_copies_are_counted_and_left_out() -> None:
    """Half of the rows twice: the dimension of the set without them; kept on request; −0 equals 0."""
    X = plane()
    twice = np.r_[X[:200], X[:200], X[200:]]
    found = dimension(twice, method="mle")
    assert found.value == value(X)
    assert any("200 of 600 rows are duplicates" in said for said in found.warnings)
    assert not any("discrete" in said for said in found.warnings)
    assert value(np.repeat(X, 2, axis=0)) == value(X)
    kept = dimension(twice, method="mle", duplicates="keep")
    assert any("use duplicates='drop'" in said for said in kept.warnings)
    with pytest.raises(RecipeError, match="expected 'drop', 'near' or 'keep'"):
        value(X, duplicates="some")
    table = np.array([[0.0, 1.0], [-0.0, 1.0], [1.0, 0.0], [0.0, 1.0 + 1e-15]])
    assert first_of_each(table).tolist() == [0, 0, 2, 3]


def test_copies_with_other_labels_are_said_and_measured() -> None:
    """The variance among copies is the noise's; agreeing copies say nothing; the first row's label stays."""
    rng = np.random.default_rng(3)
    X = plane()
    table = np.r_[X, X[:300]]
    clean = table[:, 0]
    y = clean + 0.1 * rng.standard_normal(len(table))
    (said,) = contradictions(as_points(table), y, False)
    assert "300 of 300 copies have another label" in said
    assert f"rows {len(X)} and 0," in said
    assert float(said.split("variance ")[1].split()[0]) == pytest.approx(0.01, rel=0.25)
    assert contradictions(as_points(table), clean, False) == ()
    found = fm.predict_own_data(table, y)
    assert any(said in warning for warning in found.warnings)
    np.testing.assert_array_equal(found.labels, y[: len(X)])
    (said,) = contradictions(as_points(np.r_[X, X[:3], X[:3]]), np.r_[np.zeros(len(X)), np.ones(3), np.ones(3)], True)
    assert "unlike classes in 67% of pairs" in said  # 0, 1, 1: two of three pairs


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_sizes_whose_squares_are_no_numbers_are_scaled(scale: float) -> None:
    X = plane()
    found = dimension(X * scale, method="mle")
    assert found.value == pytest.approx(value(X), rel=1e-9)
    assert found.window[0] / scale == pytest.approx(dimension(X, method="mle").window[0], rel=1e-9)
    assert any("so that their squares are numbers" in said for said in found.warnings)


def test_unlike_units_are_named_and_principal_components_are_not() -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(500, 4)) * [1.0, 1.0, 300.0, 1.0]
    assert any("column 2 against" in said for said in as_points(X).notes)
    assert not as_points(rng.normal(size=(500, 4))).notes
    scores = np.linalg.svd(rng.normal(size=(500, 6)) - 0.0, full_matrices=False)[0]
    scores = (scores - scores.mean(axis=0)) @ np.eye(6)
    scores = np.linalg.svd(scores, full_matrices=False)[0] * [300.0, 100.0, 30.0, 10.0, 3.0, 1.0]
    assert not as_points(scores).notes


def test_numbers_in_messages_are_plain() -> None:
    X = plane()
    X[3, 2] = np.inf
    with pytest.raises(RecipeError) as caught:
        value(X)
    assert "np." not in str(caught.value)
    with pytest.raises(RecipeError, match="400 finite labels"):
        smoothness(plane(), np.zeros(3))
