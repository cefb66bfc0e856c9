"""What every family may add: label noise, nuisance coordinates, a uniform rotation; in memory, streamed, in files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from exact_laws import REJECTED, THRESHOLD, z_test
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.families.base import memory_of
from fractalman.random.rotation import rotation
from fractalman.random.streams import Role, key64
from tests.reference import rotation as reference

FAMILIES = [
    fm.Cascade(n_points=300, ambient_dim=5, hurst=0.5, seed=2),
    fm.PercolationCluster(n_points=300, ambient_dim=5, seed=2),
    fm.PercolationCluster(n_points=300, ambient_dim=5, label="brownian", seed=2),
    fm.SmoothManifold(n_points=300, ambient_dim=5, seed=2),
]
EACH = pytest.mark.parametrize("recipe", FAMILIES, ids=lambda r: f"{r.family}-{getattr(r, 'label', '')}")


@settings(max_examples=20)
@given(st.integers(1, 40), st.integers(2, 21), st.integers(0, 2**62))
def test_reference_of_the_rotation(rows: int, d: int, seed: int) -> None:
    X = np.random.default_rng(seed).standard_normal((rows, d))
    turned = X.copy()
    rotation(d, seed).turn(turned)
    for i in {0, rows // 2, rows - 1}:
        np.testing.assert_array_equal(turned[i], reference.rotated(key64(seed, Role.ROTATION), X[i].tolist()))
    Q = np.eye(d)
    rotation(d, seed).turn(Q)
    np.testing.assert_allclose(Q @ Q.T, np.eye(d), atol=1e-13)
    assert np.linalg.det(Q) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("d", [2, 3, 5])
def test_the_rotation_is_uniform(d: int) -> None:
    """For Haar measure the trace has mean 0 (d > 2: mean square 1; d = 2: 2cos θ, mean square 2), entries 1/d."""
    drawn = np.stack([np.eye(d)] * 4000)
    for seed, Q in enumerate(drawn):
        rotation(d, seed).turn(Q)
    trace = np.trace(drawn, axis1=1, axis2=2)
    assert z_test(trace, 0.0) > THRESHOLD
    assert z_test(trace**2, 2.0 if d == 2 else 1.0) > THRESHOLD
    assert z_test(trace**2, 1.0 if d == 2 else 2.0) < REJECTED  # control: the other dimension's law
    for i in range(d):
        for j in range(d):
            x = drawn[:, i, j]  # a coordinate of a uniform unit vector: its square is Beta(1/2, (d−1)/2)
            assert stats.kstest(x**2, stats.beta(0.5, (d - 1) / 2).cdf).pvalue > THRESHOLD / 9
    assert stats.kstest(drawn[:, 0, 0] ** 2, stats.beta(0.5, d / 2).cdf).pvalue < REJECTED  # control


@EACH
def test_nothing_added_is_nothing_changed(recipe: fm.Recipe) -> None:
    plain = fm.generate(recipe)
    assert plain.noise is None
    assert plain.clean is plain.y
    assert recipe.to_dict().keys().isdisjoint({"noise", "nuisance_dim", "nuisance_scale", "rotate"})
    added = fm.generate(recipe.replace(noise=0.5, nuisance_dim=3, nuisance_scale=0.1))
    np.testing.assert_array_equal(added.X[:, :5], plain.X)
    assert added.noise is not None
    np.testing.assert_array_equal(added.y, plain.y + added.noise)
    np.testing.assert_allclose(added.clean, plain.y, atol=1e-15)
    if plain.label_tree is not None and added.label_tree is not None:
        np.testing.assert_array_equal(added.label_tree.value, plain.label_tree.value)
    turned = fm.generate(recipe.replace(nuisance_dim=3, nuisance_scale=0.1, rotate=True))
    assert turned.X.shape == (300, 8)
    assert not np.isclose(turned.X, added.X).all(axis=0).any()
    gram = added.X.astype(float) @ added.X.T.astype(float)
    np.testing.assert_allclose(turned.X.astype(float) @ turned.X.T.astype(float), gram, atol=2e-6 * np.abs(gram).max())


def test_noise_and_nuisance_are_normal_and_independent() -> None:
    recipe = fm.Cascade(n_points=20000, ambient_dim=2, noise=0.5, nuisance_dim=2, nuisance_scale=0.1, depth=3)
    data = fm.generate(recipe)
    assert data.noise is not None
    assert stats.kstest(data.noise / 0.5, "norm").pvalue > THRESHOLD
    assert stats.kstest(data.noise / 0.55, "norm").pvalue < REJECTED  # control
    assert stats.kstest(data.X[:, 2:].ravel() / 0.1, "norm").pvalue > THRESHOLD
    assert stats.kstest(data.X[:, 2:].ravel() / 0.11, "norm").pvalue < REJECTED  # control
    drawn = fm.label_draws(data, 2)
    clean = fm.label_draws(fm.generate(recipe.replace(noise=0.0)), 2)
    columns = np.column_stack([data.noise, drawn[:, 1] - clean[:, 1], data.X[:, 2:], data.clean])
    for a in range(5):
        for b in range(a):
            assert stats.pearsonr(columns[:, a], columns[:, b]).pvalue > THRESHOLD / 10


@EACH
def test_files_hold_what_was_added(recipe: fm.Recipe, tmp_path: Path) -> None:
    recipe = recipe.replace(noise=0.3, nuisance_dim=2, rotate=True)
    data = fm.generate(recipe)
    for hierarchy in (True, False):
        path = fm.write(recipe, tmp_path / f"{hierarchy}.h5", hierarchy=hierarchy)
        assert fm.verify(path) == []
        with fm.open(path) as file:
            made = file.dataset()
            assert made.recipe == recipe
            for name in ("X", "y", "noise"):
                np.testing.assert_array_equal(getattr(made, name), getattr(data, name))
            assert (made.hierarchy is not None) == (hierarchy and recipe.has_hierarchy)
        assert fm.rebuild(path, tmp_path / f"{hierarchy}-again.h5").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("recipe", [FAMILIES[0], FAMILIES[3]], ids=["cascade", "manifold"])
def test_added_columns_nest(recipe: fm.Recipe) -> None:
    recipe = recipe.replace(noise=0.3, nuisance_dim=2, rotate=True)
    whole = fm.generate(recipe.replace(n_points=5000))
    for n in (1, 17, 4097):
        part = fm.generate(recipe.replace(n_points=n))
        np.testing.assert_array_equal(part.X, whole.X[:n])
        np.testing.assert_array_equal(part.y, whole.y[:n])


def test_bytes_do_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    recipes = [recipe.replace(n_points=9000, noise=0.3, nuisance_dim=2, rotate=True) for recipe in FAMILIES]
    monkeypatch.setenv("FRACTALMAN_THREADS", "1")
    one = [fm.generate(recipe) for recipe in recipes]
    monkeypatch.setenv("FRACTALMAN_THREADS", "3")
    for recipe, data in zip(recipes, one, strict=True):
        again = fm.generate(recipe)
        np.testing.assert_array_equal(again.X, data.X)
        np.testing.assert_array_equal(again.y, data.y)


def test_mistakes_are_named() -> None:
    with pytest.raises(RecipeError, match=r"noise = -1.*; rotate = 1: expected true or false"):
        fm.Cascade(n_points=5, noise=-1, rotate=1)  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=r"nuisance_dim = 0\.5"):
        fm.from_dict({"family": "percolation-cluster", "n_points": 5, "nuisance_dim": 0.5})


@EACH
def test_memory_counts_what_was_added(recipe: fm.Recipe) -> None:
    more = recipe.replace(noise=0.1, nuisance_dim=100)
    assert memory_of(more).array_bytes() == memory_of(recipe).array_bytes() + 300 * (4 * 100 + 8)
    assert memory_of(more).peak_bytes() > memory_of(recipe).peak_bytes() + 300 * (4 * 100 + 8)


def test_the_floor_of_noisy_labels_is_the_gaussian_posterior() -> None:
    data = fm.generate(fm.PercolationCluster(n_points=40, noise=0.4, seed=1))
    tree = data.label_tree
    assert tree is not None
    observed = np.arange(40) % 3 == 0
    clean = 1.0 - 0.5 * fm.theory.pair_risk(tree, *map(np.ravel, np.indices((40, 40)))).reshape(40, 40)
    noisy = clean + 0.16 * np.eye(40)
    seen, unseen = np.flatnonzero(observed), np.flatnonzero(~observed)
    gain = np.linalg.solve(noisy[np.ix_(seen, seen)], noisy[np.ix_(seen, unseen)])
    posterior = np.diag(noisy[np.ix_(unseen, unseen)] - noisy[np.ix_(unseen, seen)] @ gain)
    np.testing.assert_allclose(fm.theory.bayes_risk(tree.noisy(0.4), observed), posterior, rtol=1e-9)
    assert (fm.theory.bayes_risk(tree, observed) < posterior - 0.15).all()  # control: the clean labels' floor


def test_predictions_name_the_noise() -> None:
    recipe = fm.Cascade(n_points=100, hurst=0.5, noise=0.2)
    noisy, clean = fm.predict(recipe), fm.predict(recipe.replace(noise=0.0))
    assert noisy.data_exponent is None
    assert "noisy labels, σ = 0.2" in str(noisy.law)
    assert any("clean labels" in note for note in noisy.assumptions)
    np.testing.assert_allclose(noisy.curve([16, 64]).risk, clean.curve([16, 64]).risk + 0.08, rtol=1e-14)
    assert (noisy.floor([16, 64]).risk > clean.floor([16, 64]).risk + 0.04).all()
    beside = fm.predict(recipe.replace(noise=0.0, nuisance_dim=4))
    assert beside.data_exponent is None
    assert any("4 nuisance coordinates" in note for note in beside.assumptions)


def digest(data: fm.Dataset) -> str:
    out = hashlib.blake2b(digest_size=16)
    out.update(data.X.astype("<f4").tobytes())
    out.update(data.y.astype("<f8").tobytes())
    for tree in (data.hierarchy, data.label_tree):
        if tree is not None:
            out.update(tree.parent.astype("<i8").tobytes())
            out.update(tree.value.astype("<f8").tobytes())
            out.update(tree.variance.astype("<f8").tobytes())
    return out.hexdigest()


GOLDEN = {
    "masses": fm.Cascade(n_points=300, masses=(0.7, 0.2, 0.1), contraction=(0.3, 0.5, 0.5), hurst=0.5, seed=5),
    "kinds": fm.Cascade(n_points=300, masses=((0.7, 0.3), (0.5, 0.25, 0.25)), ambient_dim=7, seed=5),
    "sphere": fm.SmoothManifold(n_points=300, seed=5),
    "torus": fm.SmoothManifold(n_points=300, kind="torus", ambient_dim=9, dim=3, hurst=0.3, seed=5),
    "cube": fm.SmoothManifold(n_points=300, kind="cube", ambient_dim=5, dim=5, hurst=2.0, seed=5),
    "added": fm.PercolationCluster(n_points=300, ambient_dim=8, noise=0.2, nuisance_dim=3, rotate=True, seed=5),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_digests(name: str) -> None:
    """Bytes of released recipes never change without a new STREAM_VERSION and a line in the CHANGELOG."""
    golden = {
        "masses": "b2a4429d9632b4a80699280bb6f5cf3e",
        "kinds": "45abcbf9d715039793130576e4037481",
        "sphere": "90c1d1c84de533d95fcfaee7d6ddd0b4",
        "torus": "141e49178de9a3231a58c24b4b670cc0",
        "cube": "5c5ef704dcbe22ff80e0834008d11a71",
        "added": "db441c78dccb64276b6213feb3f0bb93",
    }
    assert digest(fm.generate(GOLDEN[name])) == golden[name]
