"""Superposed features: every stated rate, cosine and sum against its closed form, controls beside them."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fractalman as fm
from fractalman.datasets.dictionary import superposition_of
from fractalman.families.base import memory_of
from fractalman.random.keys import Role, key64
from fractalman.theory.dictionaries import cosine_tail, mean_square_cosine, random_coherence, welch_bound
from fractalman.trees.superposition import DIRECTIONS, Superposition
from tests.reference import superposition as slow

BASE = fm.PercolationCluster(n_points=200, ambient_dim=12, embedding="superposition", seed=4)


def made(recipe: fm.Recipe) -> Superposition:
    hierarchy = fm.generate(recipe).hierarchy
    assert hierarchy is not None
    return superposition_of(recipe, hierarchy)


@pytest.mark.parametrize("magnitudes", ["constant", "value", "folded-normal"])
def test_reference_of_superposed_points(magnitudes: str) -> None:
    recipe = replace(BASE, n_points=40, feature_magnitude=magnitudes, feature_noise=0.3, feature_min_size=3)
    data, fast = fm.generate(recipe), made(recipe)
    tree, n, m, d = data.hierarchy, 40, fast.n_features, 12
    assert tree is not None
    role = {name: key64(4, getattr(Role, f"FEATURE_{name}")) for name in ("DIRECTION", "MAGNITUDE", "NOISE")}
    vectors = [slow.unit(role["DIRECTION"], j, d).astype(np.float32) for j in range(m)]
    np.testing.assert_array_equal(fast.vectors, np.array(vectors))
    size = {
        "constant": lambda _, __: 1.0,
        "value": lambda _, j: abs(tree.value[n + j]),
        "folded-normal": lambda i, j: abs(slow.normal(role["MAGNITUDE"], i, j)),
    }[magnitudes]
    for i in range(n):
        latents = slow.ancestors(tree.parent.tolist(), n, i, m)
        entries = [(size(i, j), vectors[j]) for j in latents]
        np.testing.assert_allclose(data.X[i], slow.point(entries, 0.3, role["NOISE"], i, d), rtol=0, atol=1e-6)


@given(
    st.integers(2, 80),
    st.integers(2, 9),
    st.sampled_from(DIRECTIONS),
    st.integers(0, 9),
)
@settings(max_examples=20)
def test_directions_are_units_and_keep_their_angles(n: int, d: int, kind: str, seed: int) -> None:
    recipe = fm.Cascade(
        n_points=n, ambient_dim=d, seed=seed, embedding="superposition", feature_directions=kind,
        feature_cosine=-0.3 if kind == "nested" else 0.5,
    )  # fmt: skip
    fast = made(recipe)
    V, parent = fast.vectors.astype(float), fast.parent
    np.testing.assert_allclose(np.linalg.norm(V, axis=1), 1.0, atol=1e-6)
    if kind == "nested":
        inner = np.flatnonzero(parent >= 0)
        np.testing.assert_allclose((V[inner] * V[parent[inner]]).sum(axis=1), -0.3, atol=1e-6)
    m = len(V)
    if kind == "tight" and not d < m < d + 3:  # which converge slowly
        spread = V.T @ V if m > d else V @ V.T
        np.testing.assert_allclose(spread, np.eye(len(spread)) * max(1.0, m / d), atol=2e-5 * max(1.0, m / d))
    if kind == "orthogonal":
        for p in set(parent.tolist()):
            siblings = V[parent == p][:d]
            np.testing.assert_allclose(siblings @ siblings.T, np.eye(len(siblings)), atol=1e-5)


def test_random_directions_are_as_coherent_as_chance_says() -> None:
    """E cos² = 1/d; the control, nested directions, is far from it between parents and children."""
    recipe = replace(BASE, n_points=800, ambient_dim=32)
    V, parent = made(recipe).vectors.astype(float), made(recipe).parent
    cosine = (V @ V.T)[np.triu_indices(len(V), 1)]
    assert np.square(cosine).mean() * 32 == pytest.approx(1.0, abs=0.02)
    nested = replace(recipe, feature_directions="nested", feature_cosine=0.8)
    W, inner = made(nested).vectors.astype(float), np.flatnonzero(parent >= 0)
    assert np.square((W[inner] * W[parent[inner]]).sum(axis=1)).mean() * 32 > 10.0


def test_reference_of_tight_directions_and_their_coherence() -> None:
    """The least sum of squared cosines, of any frame; random ones of as many vectors are the control."""
    recipe = replace(BASE, n_points=120, ambient_dim=30)
    random, spread = made(recipe), made(replace(recipe, feature_directions="tight"))
    m, d = random.n_features, 30
    role, keys = key64(4, Role.FEATURE_DIRECTION), range(m)
    start = np.array([slow.unit(role, j, d) for j in keys])
    np.testing.assert_allclose(spread.vectors, slow.tightened(start, 1e-6, 1000), atol=1e-6)
    pairs = np.triu_indices(m, 1)

    def cosines(fast: Superposition) -> np.ndarray:
        V = fast.vectors.astype(float)
        return np.abs((V @ V.T)[pairs])

    own, chance = cosines(spread), cosines(random)
    assert np.square(own).mean() == pytest.approx(mean_square_cosine("tight", m, d), rel=1e-5)
    assert np.square(chance).mean() == pytest.approx(mean_square_cosine("random", m, d), rel=0.06)
    assert welch_bound(m, d) < own.max() < random_coherence(m, d, 0.001) < chance.max() < random_coherence(m, d, 0.999)
    above = [(np.abs(chance) > c).mean() / cosine_tail(c, d) for c in (0.1, 0.3)]
    np.testing.assert_allclose(above, 1.0, atol=0.1)


def test_the_largest_cosine_of_random_directions_has_the_stated_quantiles() -> None:
    rng, times, m, d = np.random.default_rng(0), 300, 40, 20
    largest = np.empty(times)
    for i in range(times):
        V = rng.standard_normal((m, d))
        V /= np.linalg.norm(V, axis=1, keepdims=True)
        largest[i] = np.abs(V @ V.T)[np.triu_indices(m, 1)].max()
    for level in (0.1, 0.5, 0.9):
        below = (largest < random_coherence(m, d, level)).sum()
        assert abs(below - level * times) < 4.0 * np.sqrt(times * level * (1 - level)), level
    assert (largest < random_coherence(m, d + 4, 0.5)).mean() < 0.3  # the control


def test_firing_rates_and_magnitudes_are_those_stated() -> None:
    recipe = replace(BASE, n_points=2000, feature_magnitude="folded-normal")
    known = fm.generate(recipe).dictionary()
    fired = np.bincount(known.codes.indices, minlength=known.size.size)
    np.testing.assert_array_equal(
        fired, known.size
    )  # a latent fires at every point of its subcluster, and nowhere else
    z = known.codes.data
    error = np.sqrt((1 - 2 / np.pi) / z.size)
    assert abs(z.mean() - np.sqrt(2 / np.pi)) < 4 * error
    assert abs(z.mean() - 1.0) > 4 * error  # the control
    assert np.unique(z).size == z.size  # anew for every point and latent


def test_siblings_exclude_each_other() -> None:
    known = fm.generate(replace(BASE, n_points=300)).dictionary()
    present = (known.codes > 0).toarray().astype(int)
    together = present.T @ present
    for p in set(known.parent.tolist()):
        children = np.flatnonzero(known.parent == p)
        off = together[np.ix_(children, children)] - np.diag(np.diag(together)[children])
        assert not off.any()


def test_structure_and_labels_are_those_of_the_family(tmp_path: Path) -> None:
    ours, own = fm.generate(BASE), fm.generate(replace(BASE, embedding="own"))
    np.testing.assert_array_equal(ours.y, own.y)
    np.testing.assert_array_equal(ours.edges, own.edges)
    assert (ours.X != own.X).any()
    wide = replace(BASE, nuisance_dim=2, rotate=True, feature_noise=0.1)
    for hierarchy in (True, False):
        with fm.open(fm.write(wide, tmp_path / f"{hierarchy}.h5", hierarchy=hierarchy)) as file:
            np.testing.assert_array_equal(file.X[:], fm.generate(wide).X)
    assert fm.rebuild(tmp_path / "True.h5", tmp_path / "again.h5").exists()
    assert "embedding" not in fm.PercolationCluster(n_points=10).to_dict()


@pytest.mark.slow(reason="dictionaries of every family")
def test_dictionaries_of_superpositions_are_the_truth() -> None:
    for kind in ("random", "orthogonal", "nested", "tight"):
        for size in ("constant", "value", "folded-normal"):
            data = fm.generate(replace(BASE, ambient_dim=32, feature_directions=kind, feature_magnitude=size))
            known = data.dictionary(min_size=4)
            full = data.dictionary()
            assert np.abs(full.residual).max() < 1e-5
            assert known.size.min() >= 4
            score = fm.recovery(full.directions, full.codes, data)
            assert (score.mcc, score.f1) == (pytest.approx(1.0, abs=1e-6), 1.0)


def test_large_sets_are_written_without_x_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fractalman.generation.columns.IN_MEMORY_BYTES", 0)
    with fm.open(fm.write(BASE, tmp_path / "a.h5")) as file:
        np.testing.assert_array_equal(file.X[:], fm.generate(BASE).X)


def test_what_is_not_known_of_superpositions_is_refused(tmp_path: Path) -> None:
    for ask in (fm.predict, lambda recipe: fm.plan(recipe)):
        with pytest.raises(fm.RecipeError, match='embedding = "own"'):
            ask(BASE)
    cascade = fm.Cascade(n_points=64, ambient_dim=4, embedding="superposition")
    with pytest.raises(fm.RecipeError, match="superposition"):
        fm.write_shards(cascade, tmp_path / "index.h5", shards=2)


@pytest.mark.parametrize(
    ("words", "keywords"),
    [
        ("no hierarchy", {"embedding": "superposition"}),
        ("feature_noise", {"feature_noise": 0.1}),
        ("embedding", {"embedding": "super"}),
        ("feature_cosine", {"embedding": "superposition", "feature_cosine": 1.0}),
        ("feature_min_size", {"embedding": "superposition", "feature_min_size": 1}),
    ],
)
def test_recipes_that_cannot_be_are_refused(words: str, keywords: dict[str, object]) -> None:
    with pytest.raises(fm.RecipeError, match=words):
        fm.SmoothManifold(n_points=100, **keywords)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "recipe",
    [
        fm.RandomHierarchyModel(n_points=60),
        fm.GrammarLanguage(n_points=60, levels=3, vocabulary=8, synonyms=4),
        fm.SparseParities(n_points=60),
        fm.Subtasks(n_points=60, within=fm.PercolationCluster(n_points=1, ambient_dim=8), n_subtasks=9),
        fm.LatticePercolation(dim=2, side=9, ambient_dim=6),
        fm.BetheLattice(n_points=60, ambient_dim=6),
    ],
    ids=lambda recipe: recipe.family,
)
def test_every_family_with_a_hierarchy_superposes(recipe: fm.Recipe, tmp_path: Path) -> None:
    """As many columns as its own X, its own structure; files hold what generate makes, and streams begin with it."""
    own, made = fm.generate(recipe), recipe.replace(embedding="superposition", feature_directions="orthogonal")
    data = fm.generate(made)
    assert data.X.shape == own.X.shape
    np.testing.assert_array_equal(data.y, own.y)
    known = data.dictionary()
    assert known.kind == "drawn"
    np.testing.assert_allclose(known.residual, 0.0, atol=1e-5)
    np.testing.assert_array_equal(fm.stream(made, 16).X(np.arange(known.codes.shape[0])), data.X)
    with fm.open(fm.write(made, tmp_path / "a.h5")) as file, fm.open(fm.write(recipe, tmp_path / "b.h5")) as plain:
        np.testing.assert_array_equal(file.X[:], data.X)
        assert set(file.columns) == set(plain.columns)  # strings have their tokens
        assert (file.dictionary().codes != known.codes).nnz == 0
    assert not fm.verify(tmp_path / "a.h5")
    with pytest.raises(fm.RecipeError, match=r"embedding|classes"):
        fm.plan(made)
    if own.label_tree is None:
        with pytest.raises(fm.RecipeError, match="have no values"):
            made.replace(feature_magnitude="value")


def test_what_a_superposition_takes_in_memory_is_counted_when_it_is_written() -> None:
    plain = fm.Cascade(n_points=100_000, ambient_dim=64)
    need = [memory_of(recipe).written_bytes() for recipe in (plain, plain.replace(embedding="superposition"))]
    assert need[1] - need[0] > 100_000 * 12 * 64  # directions of as many latents as points
    assert memory_of(plain).written_bytes() == memory_of(plain).streamed_bytes()


def test_tight_directions_are_the_same_bytes_on_every_machine() -> None:
    recipe = fm.Cascade(
        n_points=300, ambient_dim=20, embedding="superposition", feature_directions="tight", seed=2
    )  # 299 directions in 20 dimensions
    assert sha256(fm.generate(recipe).X.tobytes()).hexdigest().startswith("a5c6fc6e4dc217fb")
