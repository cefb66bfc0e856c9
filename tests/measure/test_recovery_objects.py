"""`fm.recovery` on what people have: arrays, encoders by duck typing, estimators; on datasets, files, truths."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman.measure.recovery import Truth

RECIPE = fm.Cascade(n_points=400, ambient_dim=64)
DATA = fm.generate(RECIPE)
KNOWN = DATA.dictionary()


def tied(bias: float = 0.0) -> SimpleNamespace:
    """An encoder that reads the true codes off, with every way of naming its decoder to come."""
    inverse = np.linalg.pinv(KNOWN.directions[:40].astype(float))
    return SimpleNamespace(encode=lambda X: np.maximum((X - bias) @ inverse, 0.0))


def test_the_true_dictionary_scores_one_on_datasets_files_and_dictionaries(tmp_path: Path) -> None:
    with fm.open(fm.write(RECIPE, tmp_path / "a.h5")) as file:
        for data in (DATA, file, file.path, KNOWN, Truth(KNOWN.directions, KNOWN.codes, KNOWN.parent)):
            score = fm.recovery(KNOWN.directions, KNOWN.codes, data)
            assert score.mcc == pytest.approx(1.0, abs=1e-6)
            assert (score.f1, score.best_f1, score.uniqueness, score.dead) == (1.0, 1.0, 1.0, 0.0)
            assert float(score.absorption) == 0.0
            assert score.l0 == pytest.approx(KNOWN.codes.nnz / 400)
            assert score.chance["mcc"] < 0.5
            assert score.chance["f1"] < 0.1


def test_a_random_dictionary_scores_at_chance() -> None:
    """The control: over seeds, scores minus their chance levels have mean 0 within three standard errors."""
    above = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        decoder = rng.standard_normal((50, 64))
        codes = rng.random((400, 50)) * (rng.random((400, 50)) < 0.1)
        score = fm.recovery(decoder, codes, KNOWN, seed=seed)
        above.append([score.mcc - score.chance["mcc"], score.f1 - score.chance["f1"]])
    mean, error = np.mean(above, axis=0), np.std(above, axis=0, ddof=1) / np.sqrt(12)
    assert (np.abs(mean) < 3.0 * error + 1e-3).all()


def test_decoders_are_found_by_every_name() -> None:
    D = KNOWN.directions[:40]
    wide = {"W_dec": D}, {"decoder": D}, {"decoder": SimpleNamespace(weight=D.T)}, {"decode": lambda Z: Z @ D + 1.0}
    scores = []
    for names in wide:
        model = tied(1.0 if "decode" in names else 0.0)
        for name, value in names.items():
            setattr(model, name, value)
        scores.append(fm.recovery(model, DATA))
    for score in scores:
        assert score.mcc == pytest.approx(scores[0].mcc, abs=1e-6)
        assert score.f1 == pytest.approx(scores[0].f1, abs=0.2)
    assert scores[0].mcc > 0.999


def test_the_bias_of_a_decoder_is_no_error_of_reconstruction() -> None:
    shift = np.full(64, 3.0, np.float32)
    model = SimpleNamespace(encode=lambda _: KNOWN.codes.toarray(), W_dec=KNOWN.directions, b_dec=0.0 * shift)
    assert fm.recovery(model, KNOWN).explained > 0.99
    model.b_dec = shift
    assert fm.recovery(model, KNOWN).explained < 0.5  # the control: this bias is wrong


def test_estimators_of_scikit_learn() -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    cluster = pytest.importorskip("sklearn.cluster")
    pca = fm.recovery(decomposition.PCA(16).fit(DATA.X), DATA)
    means = fm.recovery(cluster.KMeans(8, n_init=1, random_state=0).fit(DATA.X), DATA)
    assert pca.explained > 0.8
    assert means.l0 == 1.0
    assert means.f1 > means.chance["f1"]


def test_results_are_tables_and_figures() -> None:
    score = fm.recovery(KNOWN.directions, KNOWN.codes, DATA)
    pytest.importorskip("pandas")
    assert set(score.to_pandas()["size"]) <= set(KNOWN.size)
    assert list(score.absorption.to_pandas()["child"]) == list(score.absorption.child)
    pytest.importorskip("matplotlib")
    assert score.plot().get_xscale() == "log"
    assert len(repr(score).splitlines()) <= 10
    with pytest.raises(fm.RecipeError, match="subcluster sizes"):
        fm.recovery(KNOWN.directions, KNOWN.codes, Truth(KNOWN.directions, KNOWN.codes, KNOWN.parent)).plot()


@pytest.mark.parametrize(
    ("model", "codes", "data", "words"),
    [
        (object(), DATA, None, "neither encode nor transform"),
        (SimpleNamespace(encode=lambda X: X), DATA, None, "no decoder"),
        (KNOWN.directions, KNOWN.codes, 7, "expected a dataset"),
        (tied(), Truth(KNOWN.directions, KNOWN.codes, KNOWN.parent), None, "no points"),
        (KNOWN.directions, KNOWN.codes[:10], DATA, "rows"),
        (KNOWN.directions[:, :5], KNOWN.codes, DATA, "64"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_words(model: object, codes: object, data: object, words: str) -> None:
    with pytest.raises(fm.RecipeError, match=words):
        fm.recovery(model, codes, data)


def failing(_: object) -> object:
    raise OSError("no such device")


D40 = KNOWN.directions[:40]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("sae.pt", "load it with its library"),
        (Path("sae.pt"), "load it with its library"),
        (SimpleNamespace, "class SimpleNamespace: expected an object"),
        ({"W_dec": D40, "W_enc": D40.T}, r'recovery\(weights\["W_dec"\]'),
        (SimpleNamespace(encode=None, W_dec=D40), "neither encode nor transform"),
        (SimpleNamespace(encode=failing, W_dec=D40), "encode of SimpleNamespace.* raised OSError: no such device"),
        (SimpleNamespace(encode=tied().encode, decode=failing), "decode of SimpleNamespace.* raised OSError"),
        (SimpleNamespace(encode=tied().encode, W_dec=D40, b_dec=np.zeros(7)), "64 finite numbers"),
        (SimpleNamespace(encode=tied().encode, decode=lambda Z: np.maximum(Z @ D40, 0.0)), "not linear in the codes"),
        (SimpleNamespace(encode=tied().encode, decode=lambda Z: Z @ D40 * np.nan), "not finite"),
        (SimpleNamespace(encode=lambda X: X[:5] @ D40.T, W_dec=D40), "expected 400 rows"),
        (SimpleNamespace(encode=lambda X: X @ D40.T, W_dec=D40.T), "use decoder.T"),
        ((D40, D40), "a tuple of 2 as the model"),
        (SimpleNamespace(encode=lambda X: {"codes": X}, W_dec=D40), "encode gave a dict of"),
        (SimpleNamespace(transform=lambda X: X @ D40.T), "transform and no linear decoder"),
    ],
)
def test_models_that_fail_are_named_with_what_they_said(model: object, words: str) -> None:
    with pytest.raises(fm.RecipeError, match=words):
        fm.recovery(model, DATA)


def test_what_comes_after_the_weights_counts_and_narrow_numbers_are_widened() -> None:
    plain = fm.recovery(SimpleNamespace(encode=tied().encode, W_dec=D40), DATA)
    scaled = SimpleNamespace(encode=lambda X: tied().encode(X) / 8, W_dec=D40, decode=lambda Z: 8 * (Z @ D40))
    assert fm.recovery(scaled, DATA).explained == pytest.approx(plain.explained, rel=1e-5)
    layers = SimpleNamespace(encode=tied().encode, decoder=lambda Z: Z @ D40)  # a function, as a stack of layers is
    assert fm.recovery(layers, DATA).explained == pytest.approx(plain.explained, rel=1e-5)
    narrow = SimpleNamespace(encode=lambda X: tied().encode(X).astype(np.float16), W_dec=D40.astype(np.float16))
    assert fm.recovery(narrow, DATA).mcc == pytest.approx(plain.mcc, abs=1e-3)
    for bad in (lambda _: 1 / 0, lambda x: x, 3):
        with pytest.raises(fm.RecipeError, match="downstream: expected a function"):
            fm.recovery(layers, DATA, downstream=bad)  # type: ignore[arg-type]


def test_encoders_that_return_more_than_codes_and_the_bias_that_decoding_adds() -> None:
    """As overcomplete's and dictionary_learning's: (before activation, codes), get_dictionary(), the model's bias."""
    D, base = KNOWN.directions[:40], tied()
    model = SimpleNamespace(
        encode=lambda X: (X @ D.T, base.encode(X)), get_dictionary=lambda: D, decode=lambda Z: Z @ D + 1.0
    )
    linear = SimpleNamespace(encode=base.encode, decoder=SimpleNamespace(weight=D.T), decode=lambda Z: Z @ D + 1.0)
    plain = fm.recovery(SimpleNamespace(encode=base.encode, W_dec=D, b_dec=np.ones(64)), DATA)
    for own in (model, linear):
        score = fm.recovery(own, DATA)
        assert (score.mcc, score.l0) == (plain.mcc, plain.l0)
        assert score.explained == pytest.approx(plain.explained, rel=1e-6)
    without = SimpleNamespace(encode=base.encode, decoder=SimpleNamespace(weight=D.T))
    assert abs(fm.recovery(without, DATA).explained - plain.explained) > 0.01  # the control: no bias


def test_an_outside_librarys_scores_are_ours_where_they_coincide() -> None:
    pytest.importorskip("overcomplete")
    from scripts.outside_autoencoder import compared, trained

    for theirs, ours in compared(trained(200, 4, 30)).values():
        assert ours == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize("architecture", ["standard", "jumprelu", "batchtopk"])
def test_scores_of_saelens_are_ours_where_they_coincide(architecture: str) -> None:
    pytest.importorskip("sae_lens")
    from scripts.outside_sae_lens import compared, held_out, trained

    truth = held_out()
    for theirs, ours in compared(trained(architecture, 60, len(truth.directions)), truth).values():
        assert ours == pytest.approx(theirs, abs=1e-4)


def test_functions_and_stacks_of_layers_encode() -> None:
    D, encode = KNOWN.directions[:40], tied().encode
    plain = fm.recovery(SimpleNamespace(encode=encode, W_dec=D), DATA)
    turned = SimpleNamespace(encode=encode, W_dec=D.T, decode=lambda Z: Z @ D)  # weights lie the other way
    inner = SimpleNamespace(encode=encode, W_dec=D)
    for model in ((encode, D), (encode, lambda Z: Z @ D), turned, SimpleNamespace(module=inner)):
        assert fm.recovery(model, DATA).explained == pytest.approx(plain.explained, rel=1e-5)
    assert fm.recovery(D, encode, DATA).mcc == plain.mcc
    with pytest.raises(fm.RecipeError, match="no points to encode"):
        fm.recovery(D, encode, Truth(KNOWN.directions, KNOWN.codes, KNOWN.parent))


def test_modules_are_asked_in_evaluation_and_layers_must_be_all_that_there_is() -> None:
    torch = pytest.importorskip("torch")

    class Layers(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self, *last: Any) -> None:
            super().__init__()
            width, d = D40.shape
            self.encoder = torch.nn.Sequential(torch.nn.Linear(d, width), torch.nn.Dropout(0.5), *last)
            self.decoder = torch.nn.Linear(width, d, bias=False)

        def forward(self, x: Any) -> Any:
            return self.decoder(torch.relu(self.encoder(x)))

    whole = Layers(torch.nn.ReLU()).train()
    first, again = fm.recovery(whole, DATA), fm.recovery(torch.nn.DataParallel(whole), DATA)
    assert (first.f1, first.l0, first.explained) == (again.f1, again.l0, again.explained)  # no dropout
    assert whole.training
    assert whole.encoder[1].training
    with pytest.raises(fm.RecipeError, match="Layers makes other points than its decoder"):
        fm.recovery(Layers(), DATA)


def test_what_an_estimator_turns_back_into_points_decides_its_decoder() -> None:
    """Whitened codes are not those of ``components_``; of random projections these rows are the encoder."""
    pytest.importorskip("sklearn")
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.random_projection import GaussianRandomProjection

    plain = fm.recovery(PCA(16).fit(DATA.X), DATA)
    for model in (PCA(16, whiten=True), make_pipeline(StandardScaler(with_std=False), PCA(16))):
        assert fm.recovery(model.fit(DATA.X), DATA).explained == pytest.approx(plain.explained, rel=1e-3)
    projected = GaussianRandomProjection(16, random_state=0).fit(DATA.X)
    made = projected.inverse_transform(projected.transform(DATA.X))
    left = np.square(DATA.X - made).sum() / np.square(DATA.X - DATA.X.mean(axis=0)).sum()
    assert fm.recovery(projected, DATA).explained == pytest.approx(1.0 - left, rel=1e-3)


def test_modules_of_equinox_that_encode_one_point_encode_many() -> None:
    eqx, jax = pytest.importorskip("equinox"), pytest.importorskip("jax")

    class OnePoint(eqx.Module):  # type: ignore[misc, name-defined, unused-ignore]
        W_dec: Any
        drop: Any

        def encode(self, x: Any) -> Any:
            return self.drop(jax.nn.relu(self.W_dec @ x))

        def decode(self, z: Any) -> Any:
            return z @ self.W_dec

    made = fm.recovery(OnePoint(jax.numpy.asarray(D40), eqx.nn.Dropout(0.5)), DATA)
    assert made.l0 == fm.recovery(D40, np.maximum(np.asarray(jax.numpy.asarray(DATA.X) @ D40.T), 0.0), DATA).l0
