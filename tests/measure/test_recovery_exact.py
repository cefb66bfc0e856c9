"""Exact cases over families, directions and trees: the truth, what is done to it, dense tables, hostile ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampled import examples
from scipy.sparse import csr_array

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.measure.recovery import Truth, match_dictionary, score_dictionary
from fractalman.measure.recovery.arrays import numbers
from scripts.bench_recovery import dense_scores

FAMILIES: list[fm.Recipe] = [
    fm.Cascade(n_points=32, ambient_dim=8),
    fm.PercolationCluster(n_points=32, ambient_dim=8),
    fm.PercolationEnsemble(n_points=32, ambient_dim=8),
    fm.BetheLattice(n_points=32, ambient_dim=8),
    fm.LatticePercolation(dim=2, side=10, ambient_dim=6),
    fm.RandomHierarchyModel(n_points=32),
    fm.GrammarLanguage(n_points=32, levels=3, vocabulary=8, synonyms=4),
    fm.SparseParities(n_points=32),
    fm.Subtasks(n_points=32, within=fm.PercolationCluster(n_points=1), n_subtasks=10),
]


def assert_perfect(score: Any, known: Any) -> None:
    for name in ("mcc", "mean_maximum_cosine", "f1", "best_f1", "uniqueness"):
        assert getattr(score, name) == pytest.approx(1.0, abs=1e-9), name
    assert (score.dead, score.splitting.share) == (0.0, 0.0)
    assert score.l0 == pytest.approx(known.l0)
    gap = score.absorption.gap
    assert not gap[np.isfinite(gap)].any()


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(FAMILIES),
    st.sampled_from(["own", "random", "orthogonal", "nested"]),
    st.sampled_from(["constant", "value", "folded-normal"]),
    st.integers(0, 99),
)
def test_the_true_dictionary_scores_one_in_every_family(family: Any, kind: str, magnitude: str, seed: int) -> None:
    """Turned, scaled and in another order, too; steps to the two parts of a subcluster lie on one line."""
    words = {
        "embedding": "superposition",
        "feature_directions": kind,
        "feature_magnitude": magnitude if family.valued else "folded-normal",
    }
    data = fm.generate(family.replace(seed=seed, **({} if kind == "own" else words)))
    known = data.dictionary()
    m = len(known.size)
    assert_perfect(fm.recovery(known.directions, known.codes, data), known)
    rng = np.random.default_rng(seed)
    order, length = rng.permutation(m), np.exp(rng.uniform(-3, 3, m))
    sign = rng.choice([-1.0, 1.0], m)
    decoder = known.directions[order].astype(float) * (sign * length)[:, None]
    assert_perfect(fm.recovery(decoder, known.codes[:, order] / length, data), known)
    if kind != "own":
        np.testing.assert_allclose(known.residual, 0.0, atol=2e-5)  # float32 sums
    if m > 20:
        other = rng.standard_normal(known.directions.shape)
        assert fm.recovery(other, known.codes, data).f1 < 0.9  # the control: directions of nothing, paired by chance


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.0, 1.2))
def test_directions_turned_by_an_angle_have_its_cosine(seed: int, angle: float) -> None:
    """Every feature turned into a dimension that is empty, by the same angle: pairs stay, cosines are cos(angle)."""
    rng = np.random.default_rng(seed)
    D = np.zeros((10, 40))
    D[:, :20] = np.linalg.qr(rng.standard_normal((20, 20)))[0][:10]
    away = np.zeros((10, 40))
    away[:, 20:] = np.linalg.qr(rng.standard_normal((20, 20)))[0][:10]
    match = match_dictionary(np.cos(angle) * D + np.sin(angle) * away, D)
    assert match.mcc == pytest.approx(np.cos(angle), abs=1e-12)
    np.testing.assert_array_equal(match.direction, np.arange(10))
    assert match_dictionary(away, D).direction.size == 0  # at right angles to everything: no pair


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, ...]:
    seed, m, w = draw(st.integers(0, 10**6)), draw(st.integers(1, 12)), draw(st.integers(1, 14))
    rng = np.random.default_rng(seed)
    parent = np.array([-1 if i == 0 or rng.random() < 0.2 else int(rng.integers(0, i)) for i in range(m)])
    present = np.zeros((60, m), bool)
    for i in range(m):
        present[:, i] = (rng.random(60) < 0.6) & (parent[i] < 0 or present[:, parent[i]])
    directions = rng.standard_normal((m, 6))
    decoder = rng.standard_normal((w, 6))
    decoder[: min(w, m)] = directions[: min(w, m)] + 0.3 * decoder[: min(w, m)]
    codes = np.round(rng.random((60, w)), 1) * (rng.random((60, w)) < 0.5)  # with ties
    codes[:, : min(w, m)] += present[:, : min(w, m)]
    child = int(draw(st.integers(0, m - 1)))
    if 0 <= parent[child] < w:
        codes[present[:, child], parent[child]] = 0.0  # absorbed by this child
    return decoder, codes, directions, present * (0.5 + rng.random((60, m))), parent


@examples(60, deadline=None)
@given(cases(), st.sampled_from([0.0, 0.5]))
def test_scores_equal_those_of_dense_tables_reference(case: tuple[Any, ...], threshold: float) -> None:
    decoder, codes, directions, truth, parent = case
    score = score_dictionary(decoder, csr_array(codes), Truth(directions, truth, parent), threshold=threshold)
    for name, value in dense_scores(*case, threshold).items():
        if name == "best_f1":  # there a unit's codes may say something from any threshold on
            value = value if np.isfinite(score.best_f1) else np.nan
        if name in ("f1", "best_f1"):  # of pairs that neither fire nor are present there is none
            silent = (score.firing.fired == 0) & (score.firing.present == 0)
            if silent.any():
                continue
        assert float(getattr(score, name)) == pytest.approx(float(value), abs=1e-9, nan_ok=True), name


def test_chance_has_the_width_of_the_dictionary() -> None:
    """3000 random units for 1400 features: at chance; thinned to 2000 its level would be passed by all."""
    rng = np.random.default_rng(0)
    truth = csr_array(rng.random((50, 1400)) < 0.01, dtype=float)
    codes = csr_array(rng.random((50, 3000)) < 0.01, dtype=float)
    D, decoder = rng.standard_normal((1400, 24)), rng.standard_normal((3000, 24))
    score = score_dictionary(decoder, codes, Truth(D, truth, np.full(1400, -1)))
    for name in ("mcc", "mean_maximum_cosine", "uniqueness"):
        assert getattr(score, name) == pytest.approx(score.chance[name], abs=0.012), name
    thinned = match_dictionary(decoder[:2000], D).mcc
    assert score.mcc - thinned > 4 * abs(score.mcc - score.chance["mcc"])  # the control


@pytest.fixture(scope="module")
def data() -> fm.Dataset:
    return fm.generate(fm.Cascade(n_points=120, ambient_dim=16))


@pytest.fixture(scope="module")
def known(data: fm.Dataset) -> Any:
    return data.dictionary()


@pytest.fixture(scope="module")
def D(known: Any) -> Any:
    return known.directions


@pytest.fixture(scope="module")
def Z(known: Any) -> Any:
    return known.codes


class Halves:
    """A tensor of 16 bits, as torch's: no numpy() before it is widened."""

    dtype = "torch.bfloat16"

    def __init__(self, values: Any) -> None:
        self.values = values

    def detach(self) -> Halves:
        return self

    def cpu(self) -> Halves:
        return self

    def float(self) -> Any:
        return self.values


@pytest.mark.parametrize(
    "tables",
    [
        lambda D, Z: (D.tolist(), Z.toarray().tolist()),
        lambda D, Z: (D.astype(np.longdouble), Z.astype(np.float32)),
        lambda D, Z: (csr_array(D), Z.tocoo()),
        lambda D, Z: (D, Z != 0),
        lambda D, Z: (D, (Z.toarray() != 0).astype(np.int8)),
        lambda D, Z: (D.astype(object), Z.toarray().astype(object)),
        lambda D, Z: (np.ma.masked_array(D), Z),
        lambda D, Z: (Halves(D), Halves(Z.toarray())),
    ],
)
def test_numbers_are_taken_from_anywhere(tables: Any, data: fm.Dataset, known: Any, D: Any, Z: Any) -> None:
    decoder, codes = tables(D, Z)
    assert_perfect(fm.recovery(decoder, codes, data), known)


def test_whole_numbers_are_directions() -> None:
    truth = Truth(np.eye(3, dtype=int), np.eye(3, dtype=int), np.full(3, -1))
    assert fm.recovery(2 * np.eye(3, dtype=int), np.eye(3, dtype=int), truth).mcc == 1.0


def test_tensors_are_taken(data: fm.Dataset, known: Any, D: Any, Z: Any) -> None:
    torch = pytest.importorskip("torch")
    dense = torch.tensor(Z.toarray())
    for codes in (dense, dense.to_sparse(), dense.to_sparse_csr(), dense.bfloat16()):
        assert_perfect(fm.recovery(torch.nn.Parameter(torch.tensor(D)), codes, data), known)


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        (lambda D, Z: (D.T, Z), "use decoder.T"),
        (lambda D, Z: (D, Z.T), "use codes.T"),
        (lambda D, Z: (D, Z[:50]), "codes of shape (50, "),
        (lambda D, Z: (D, Z[:, :3]), "columns"),
        (lambda D, Z: (D[0], Z[:, :1]), "(rows, d)"),
        (lambda D, Z: (D[:0], Z[:, :0]), "(rows, d)"),
        (lambda D, Z: (D[:1], Z.toarray()[:, 0]), "(points, units)"),
        (lambda D, Z: (D.astype(complex), Z), "real numbers"),
        (lambda D, Z: (D, Z.astype(complex)), "real numbers"),
        (lambda D, Z: (D, Z.toarray().astype(str)), "real numbers"),
        (lambda D, Z: (D, [[1.0], [1.0, 2.0]]), "codes: expected a table of numbers"),  # noqa: ARG005
        (lambda D, Z: ([[1.0], [1.0, 2.0]], Z), "decoder: expected a table of numbers"),  # noqa: ARG005
        (lambda D, Z: (np.ma.masked_array(D, mask=D > 0.1), Z), "decoder.filled(0)"),
        (lambda D, Z: (D, np.where(Z.toarray() > 0, np.nan, 0.0)), "not finite"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tables: Any, said: str, data: fm.Dataset, D: Any, Z: Any) -> None:
    decoder, codes = tables(D, Z)
    with pytest.raises(RecipeError) as refused:
        fm.recovery(decoder, codes, data)
    assert said in str(refused.value)


@pytest.mark.parametrize("change", [{"threshold": v} for v in ("a", None, -1, np.nan, np.inf, True, [0.0])])
def test_wrong_thresholds_are_refused(change: dict[str, Any], data: fm.Dataset, D: Any, Z: Any) -> None:
    with pytest.raises(RecipeError, match="threshold = "):
        fm.recovery(D, Z, data, **change)
    with pytest.raises(RecipeError, match="seed = "):
        fm.recovery(D, Z, data, seed=1.5)  # type: ignore[arg-type]


def test_silence_and_single_units_are_scored(data: fm.Dataset, D: Any, Z: Any) -> None:
    silent = fm.recovery(D, 0.0 * Z, data)
    assert (silent.mcc, silent.f1, silent.dead, silent.l0, silent.uniqueness) == (1.0, 0.0, 1.0, 0.0, 0.0)
    assert np.isnan([silent.absorption.mean, silent.chance["absorption"]]).all()  # who never fires cannot fall silent
    codes = Z.toarray() if hasattr(Z, "toarray") else Z.copy()
    above = int(silent.absorption.parent[0])
    codes[:, above] = 0.0
    edges = fm.recovery(D, codes, data).absorption
    np.testing.assert_array_equal(np.isnan(edges.gap[edges.parent == above]), True)
    np.testing.assert_array_equal(edges.gap[np.isfinite(edges.gap)], 0.0)
    one = fm.recovery(D[5:6], Z[:, 5:6], data)
    assert (one.mcc, one.f1, one.uniqueness, one.dead) == (1.0, 1.0, 1.0, 0.0)
    nothing = fm.recovery(0.0 * D, Z, data)
    assert (nothing.mcc, nothing.match.direction.size) == (0.0, 0)
    assert np.isnan(nothing.f1)
    both = fm.recovery(-D, -Z, data)  # a convention of signs: seen at the best threshold only
    assert (both.mcc, both.f1, both.best_f1) == (1.0, 0.0, 1.0)
    whole = fm.generate(fm.PercolationCluster(n_points=2, ambient_dim=4))  # one subcluster
    known = whole.dictionary()
    assert fm.recovery(known.directions, known.codes, whole).f1 == 1.0


def test_features_that_are_their_own_ancestors_are_refused() -> None:
    for parent in ([1, 0, -1], [0, -1, -1], [2, 0, 1]):
        with pytest.raises(RecipeError, match="its own ancestors"):
            Truth(np.eye(3), np.eye(3), np.array(parent))
    score = score_dictionary(np.eye(3), np.eye(3), Truth(np.eye(3), np.eye(3), np.array([1, 2, -1])))
    assert score.depth is not None
    assert score.depth.tolist() == [2, 1, 0]  # children may come first


def test_numbers_says_what_it_refuses() -> None:
    with pytest.raises(RecipeError, match="codes of shape"):
        numbers("codes", np.array([["a"]], dtype=object))
