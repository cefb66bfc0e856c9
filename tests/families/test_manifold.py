"""Smooth manifolds: references, moments of sphere, torus, cube, the field's covariance and variogram, no hierarchy."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
from exact_laws import REJECTED, THRESHOLD, z_test
from hypothesis import given, settings
from hypothesis import strategies as st
from sampled import examples
from scipy import integrate, special, stats

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.families.base import memory_of
from fractalman.families.smooth_manifold import _exact_field_kernels as exact_kernels
from fractalman.families.smooth_manifold import _field_kernels as field_kernels
from fractalman.families.smooth_manifold.exact_field import NUGGET, exact_covariance, exact_field
from fractalman.families.smooth_manifold.field import field_covariance, gaussian_field, shells
from fractalman.families.smooth_manifold.points import manifold_points, own_dimension
from fractalman.random.rotation import rotation
from fractalman.random.streams import Role, key64
from fractalman.theory import fields
from tests.reference import geometry as reference
from tests.reference import labels as field_reference

KINDS = ("sphere", "torus", "cube")


@given(
    st.builds(
        fm.SmoothManifold,
        n_points=st.integers(1, 2**40),
        ambient_dim=st.integers(64, 4096),
        kind=st.sampled_from(KINDS),
        dim=st.integers(1, 32),
        hurst=st.floats(0.01, 16.0),
        seed=st.integers(0, 2**63 - 1),
        noise=st.floats(0.0, 10.0),
        nuisance_dim=st.integers(0, 9),
        nuisance_scale=st.floats(0.1, 9.0),
        rotate=st.booleans(),
    )
)
def test_round_trips(recipe: fm.SmoothManifold) -> None:
    assert fm.from_dict(recipe.to_dict()) == recipe
    assert fm.from_toml(recipe.to_toml()) == recipe
    assert memory_of(recipe).peak_bytes() > memory_of(recipe).array_bytes() >= 4 * recipe.n_points * recipe.ambient_dim
    assert recipe.own_dim == own_dimension(recipe.kind, recipe.dim)


def test_mistakes_are_named() -> None:
    with pytest.raises(RecipeError, match="a torus of dim = 3 lives in 6 dimensions; use ambient_dim = 6"):
        fm.SmoothManifold(n_points=5, kind="torus", dim=3, ambient_dim=5)
    with pytest.raises(RecipeError, match="kind = 'ball'"):
        fm.SmoothManifold(n_points=5, kind="ball")


@examples(30)
@given(st.sampled_from(KINDS), st.integers(1, 7), st.integers(0, 2**62), st.integers(0, 2**40))
def test_reference_of_the_points(kind: str, dim: int, seed: int, point: int) -> None:
    fast = manifold_points(np.array([point]), kind, dim, seed)
    np.testing.assert_array_equal(fast[0], reference.manifold_point(point, kind, dim, seed))


@examples(15, fast=8)
@given(st.floats(0.05, 6.0), st.integers(1, 5), st.integers(0, 2**62))
def test_reference_of_the_field(hurst: float, width: int, seed: int) -> None:
    """Its own operations, exactly; double precision throughout from the draws on, within the stated errors."""
    field = gaussian_field(width, hurst, seed)
    x = manifold_points(np.arange(3), "cube", width, seed)
    turns = field.turns.T.tolist()
    for row, value in zip(x.tolist(), field(x), strict=True):
        assert value == field_reference.field_sum(row, turns, field.offset.tolist(), field.amplitude.tolist())
    scale, share = shells(hurst)
    waves = field_reference.field_waves(key64(seed, Role.FIELD, 0, 0), width, scale.tolist(), share.tolist())
    exact = [field_reference.field_value(row, waves) for row in x.tolist()]
    np.testing.assert_allclose(field(x), exact, atol=1e-6)


def test_a_wave_is_right_to_the_stated_error() -> None:
    """Phases of three turns: 2.1e-7 of the amplitude at most; a cosine whose last term is missing is not."""
    at = np.linspace(-1.5, 1.5, 100_001)
    amplitude, out = np.eye(1, 512, dtype=np.float32)[0], np.empty(at.size)
    field_kernels.field_values(at[:, None], np.ones((1, 512)), np.zeros(512), amplitude, out)
    error = np.abs(out - np.cos(2 * math.pi * at))
    assert 1e-8 < error.max() < 2.1e-7
    u = 0.25 - np.abs(at - np.round(at))
    shorter = np.abs(out - 39.53670223677414 * u**9 - np.cos(2 * math.pi * at))
    assert shorter.max() > 1e-5
    angles = np.linspace(-math.pi, math.pi, 1001)
    turns = [field_kernels.angle_of(math.cos(a), math.sin(a)) for a in angles.tolist()]
    np.testing.assert_allclose(turns, np.arctan2(np.sin(angles), np.cos(angles)) / (2 * math.pi), atol=2e-16)
    assert field_kernels.angle_of(0.0, 0.0) == 0.0


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_moments_of_the_sphere(dim: int) -> None:
    x = manifold_points(np.arange(20000), "sphere", dim, 5)
    np.testing.assert_allclose(np.sum(x * x, axis=1), 1.0, rtol=1e-14)
    m = dim + 1
    for j in range(m):
        assert stats.kstest(x[:, j] ** 2, stats.beta(0.5, dim / 2).cdf).pvalue > THRESHOLD / m
        assert z_test(x[:, j] ** 4, 3.0 / (m * (m + 2))) > THRESHOLD / m
        assert z_test(x[:, j] ** 4, 3.0 / ((m + 1) * (m + 3))) < REJECTED  # control: one dimension more
    assert z_test(x[:, 0] * x[:, 1], 0.0) > THRESHOLD
    assert z_test(x[:, 0] ** 2 * x[:, 1] ** 2, 1.0 / (m * (m + 2))) > THRESHOLD


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_moments_of_the_torus(dim: int) -> None:
    x = manifold_points(np.arange(20000), "torus", dim, 5)
    pairs = x.reshape(-1, dim, 2)
    np.testing.assert_allclose(np.sum(pairs**2, axis=2), 1.0 / dim, rtol=1e-14)
    angle = np.arctan2(pairs[..., 1], pairs[..., 0]) / (2 * math.pi) + 0.5
    for j in range(dim):
        assert stats.kstest(angle[:, j], "uniform").pvalue > THRESHOLD / dim
        assert stats.kstest(angle[:, j] ** 1.1, "uniform").pvalue < REJECTED  # control
    if dim > 1:
        assert z_test(np.cos(2 * math.pi * (angle[:, 0] - angle[:, 1])), 0.0) > THRESHOLD
        sphere = manifold_points(np.arange(20000), "sphere", 2 * dim - 1, 5)
        assert np.ptp(np.sum(sphere[:, :2] ** 2, axis=1)) > 0.5  # control: a sphere's coordinates are no circles


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_moments_of_the_cube(dim: int) -> None:
    x = manifold_points(np.arange(20000), "cube", dim, 5)
    side = math.sqrt(12.0 / dim)
    for j in range(dim):
        assert stats.kstest(x[:, j] / side + 0.5, "uniform").pvalue > THRESHOLD / dim
        assert stats.kstest(x[:, j] / (1.05 * side) + 0.5, "uniform").pvalue < REJECTED  # control
    assert z_test(np.sum(x * x, axis=1), 1.0) > THRESHOLD


@pytest.mark.parametrize("kind", KINDS)
def test_the_frame_keeps_distances(kind: str) -> None:
    recipe = fm.SmoothManifold(n_points=200, kind=kind, dim=3, ambient_dim=20, seed=3)
    own = manifold_points(np.arange(200), kind, 3, 3)
    X = fm.generate(recipe).X.astype(np.float64)
    np.testing.assert_allclose(X @ X.T, own @ own.T, atol=2e-6)
    assert np.linalg.matrix_rank(X, tol=1e-4) == recipe.own_dim
    wide = np.hstack([own, np.zeros((200, 20 - recipe.own_dim))])
    rotation(20, 3, Role.FRAME).turn(wide)
    np.testing.assert_array_equal(wide.astype(np.float32), X)  # all coordinates turned, the zeros too


# ---------------------------------------------------------------------------------------------------- the field


@pytest.mark.parametrize("hurst", [0.5, 0.9, 1.0, 2.5, 16.0])
def test_the_covariance_is_the_stated_integral(hurst: float) -> None:
    """K(r) = H·E_{1+H}(2r²) = 2H ∫ t^(−2H−1) exp(−2t²r²) dt over t ≥ 1."""
    for r in (0.0, 1e-3, 0.03, 0.3, 1.0, 2.0):
        exact = integrate.quad(
            lambda u, r=r: 2 * hurst * math.exp(-2 * hurst * u - 2 * (math.exp(u) * r) ** 2), 0, 60, limit=500
        )
        assert field_covariance(np.array(r), hurst) == pytest.approx(exact[0], abs=1e-5)


@pytest.mark.parametrize("hurst", [0.2, 0.5, 0.8])
def test_the_variogram_grows_as_2h(hurst: float) -> None:
    """2 − 2K(r) over r^(2H) is flat at small r, and not for an H that is .05 off."""
    r = np.geomspace(1e-5, 1e-3, 9)
    variogram = 2 - 2 * field_covariance(r, hurst)
    slope = np.polyfit(np.log(r), np.log(variogram), 1)[0]
    assert slope == pytest.approx(2 * hurst, abs=0.05 if hurst != 0.5 else 0.01)
    rough = np.geomspace(1e-3, 1e-2, 9)
    smooth = np.polyfit(np.log(rough), np.log(2 - 2 * field_covariance(rough, 2.0)), 1)[0]
    assert smooth == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_have_the_stated_covariance(kind: str) -> None:
    """Over 600 draws: z-tests of the variance 1 and of the variogram in chordal distance; another H is rejected."""
    recipe = fm.SmoothManifold(n_points=64, kind=kind, dim=2, hurst=0.4, seed=8)
    x = manifold_points(np.arange(64), kind, 2, 8)
    drawn = np.stack([gaussian_field(recipe.own_dim, 0.4, 8, draw)(x) for draw in range(600)])
    np.testing.assert_array_equal(drawn[0], fm.generate(recipe).y)
    np.testing.assert_array_equal(drawn[1], fm.label_draws(fm.generate(recipe), 2)[:, 1])
    assert stats.kstest(drawn[:, 0], "norm").pvalue > THRESHOLD
    assert z_test(drawn[:, 0] ** 2, 1.0) > THRESHOLD
    i, j = np.triu_indices(64, 1)
    r = np.linalg.norm(x[i] - x[j], axis=1)
    near = np.argsort(r)[:200]
    ratio = ((drawn[:, i[near]] - drawn[:, j[near]]) ** 2 / (2 - 2 * field_covariance(r[near], 0.4))).mean(axis=1)
    assert z_test(ratio, 1.0) > THRESHOLD
    wrong = ((drawn[:, i[near]] - drawn[:, j[near]]) ** 2 / (2 - 2 * field_covariance(r[near], 0.6))).mean(axis=1)
    assert z_test(wrong, 1.0) < REJECTED  # control: another Hurst exponent


# ---------------------------------------------------------------------------------------------------- the exact field


@settings(max_examples=15)
@given(st.floats(0.05, 16.0) | st.sampled_from([0.5, 1.0, 2.0, 1.0 + 1e-9]), st.floats(1e-4, 3.5))
def test_reference_of_the_exact_covariance(hurst: float, r: float) -> None:
    fast = exact_covariance(np.array([r, 0.0]), hurst)
    assert fast[0] == pytest.approx(field_reference.field_covariance(r * r, hurst), abs=1e-9)
    assert fast[1] == 1.0


@settings(max_examples=15)
@given(st.sampled_from([1, 2, 3, 31, 32, 33, 40]), st.floats(0.1, 16.0), st.integers(0, 99))
def test_reference_of_the_exact_field(n: int, hurst: float, seed: int) -> None:
    x = manifold_points(np.arange(n), "sphere", 2, seed)
    square = sum((x[:, None, k] - x[None, :, k]) ** 2 for k in range(3))
    matrix = (1.0 - NUGGET) * exact_covariance(np.sqrt(square), hurst)
    np.fill_diagonal(matrix, 1.0)
    made = exact_field(x, hurst)
    upper = np.array(field_reference.cholesky(matrix.tolist()))
    np.testing.assert_allclose(np.triu(made.factor), upper, atol=2e-10)  # √r² is not always r
    slow = field_reference.correlated(key64(seed, Role.FIELD, 1, 0), np.triu(made.factor).tolist())
    assert made.values(seed).tolist() == slow


def test_the_factor_is_the_reference_s_bit_for_bit_on_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = manifold_points(np.arange(70), "cube", 3, 1)
    matrix = np.empty((70, 70))
    exact_kernels.covariance_rows(x, 0.7, 1.0 - NUGGET, 0, 70, matrix)
    slow = np.array(field_reference.cholesky(matrix.tolist()))
    for threads in ("1", "3"):
        monkeypatch.setenv("FRACTALMAN_THREADS", threads)
        np.testing.assert_array_equal(np.triu(exact_field(x, 0.7).factor), slow)


@pytest.mark.parametrize("hurst", [1, 2, 5, 16])
def test_the_exact_covariance_at_whole_numbers(hurst: int) -> None:
    """K = H·E_{1+H}(2r²) with scipy's exponential integral."""
    r = np.concatenate([np.geomspace(1e-7, 4.0, 200), [math.sqrt(0.5)]])
    exact = hurst * special.expn(1 + hurst, 2 * r * r)
    np.testing.assert_allclose(exact_covariance(r, hurst), exact, rtol=2e-14)
    near = exact_covariance(r, hurst + 1e-7)  # no jump where the series' two leading terms have their poles
    np.testing.assert_allclose(near, exact, rtol=1e-5)
    assert (near != exact).any()


@pytest.mark.parametrize("hurst", [0.5, 1.0, 2.5])
def test_waves_have_the_exact_covariance_on_average(hurst: float) -> None:
    r = np.geomspace(1e-3, 2.0, 50)
    np.testing.assert_allclose(field_covariance(r, hurst), exact_covariance(r, hurst), atol=1e-5)
    assert np.abs(field_covariance(r, hurst) - exact_covariance(r, hurst + 0.1)).max() > 3e-3


@pytest.mark.parametrize("hurst", [0.1, 0.5, 1.0, 1.3, 6.0])
def test_theory_says_the_same_covariance_in_its_own_words(hurst: float) -> None:
    r = np.geomspace(1e-6, 3.0, 60)
    made = exact_covariance(r, hurst)
    np.testing.assert_allclose(made, fields.field_covariance(r, hurst, cut_off=False), rtol=1e-10, atol=1e-11)
    assert np.abs(made - fields.field_covariance(r, hurst * 1.05, cut_off=False)).max() > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_exact_labels_are_jointly_gaussian_with_the_stated_covariance(kind: str) -> None:
    """yᵀΣ⁻¹y is χ² of n degrees for every draw, and the draws are independent; another H is rejected."""
    n, draws = 64, 600
    recipe = fm.SmoothManifold(n_points=n, kind=kind, dim=2, hurst=0.4, field="exact", seed=8)
    data = fm.generate(recipe)
    y = fm.label_draws(data, draws)
    np.testing.assert_array_equal(y[:, 0], data.y)
    x = manifold_points(np.arange(n), kind, 2, 8)
    r = np.linalg.norm(x[:, None] - x[None], axis=2)

    def whitened(hurst: float) -> np.ndarray:
        return np.linalg.solve(np.linalg.cholesky(exact_covariance(r, hurst)), y)

    assert stats.kstest((whitened(0.4) ** 2).sum(axis=0), stats.chi2(n).cdf).pvalue > THRESHOLD
    assert stats.kstest((whitened(0.5) ** 2).sum(axis=0), stats.chi2(n).cdf).pvalue < REJECTED  # control
    assert stats.kstest(whitened(0.4).ravel(), "norm").pvalue > THRESHOLD
    assert z_test(whitened(0.4)[:, 1:].ravel() * whitened(0.4)[:, :-1].ravel(), 0.0) > THRESHOLD
    assert z_test((y * y[np.argmin(r + 9 * np.eye(n), axis=1)]).ravel(), 0.0) < REJECTED  # control: as they come


def test_exact_fields_nest_and_say_what_they_cannot(tmp_path: Path) -> None:
    recipe = fm.SmoothManifold(n_points=300, ambient_dim=5, hurst=16.0, field="exact", seed=5)
    whole, waves = fm.generate(recipe), fm.generate(recipe.replace(field="waves"))
    np.testing.assert_array_equal(whole.X, waves.X)
    assert (whole.y != waves.y).all()
    for n in (1, 2, 65):
        np.testing.assert_array_equal(fm.generate(recipe.replace(n_points=n)).y, whole.y[:n])
    assert not recipe.addressed
    assert recipe.replace(field="waves").addressed
    assert "field" not in recipe.replace(field="waves").to_dict()
    assert fm.from_toml(recipe.to_toml()) == recipe
    assert memory_of(recipe).peak_bytes() > memory_of(recipe.replace(field="waves")).peak_bytes() + 8 * 300**2 - 1
    path = fm.write(recipe, tmp_path / "exact.h5")
    assert fm.verify(path) == []
    with fm.open(path) as file:
        np.testing.assert_array_equal(file.y[:], whole.y)
    recipe.replace(n_points=4096)
    with pytest.raises(RecipeError, match=r"n_points = 4097 with field = 'exact': expected at most 4096") as error:
        recipe.replace(n_points=4097)
    assert "\n" not in str(error.value)
    with pytest.raises(RecipeError, match="'waves' or 'exact'"):
        recipe.replace(field="cholesky")
    assert (
        hashlib.blake2b(whole.y.astype("<f8").tobytes(), digest_size=16).hexdigest()
        == "73c0928bcf459e079615578a76586f7e"
    )


def test_layers_have_seeds_of_their_own_and_sizes_nest() -> None:
    recipe = fm.SmoothManifold(n_points=5000, ambient_dim=5, hurst=0.5, seed=5)
    whole = fm.generate(recipe)
    for n in (1, 2, 4097):
        part = fm.generate(recipe.replace(n_points=n))
        np.testing.assert_array_equal(part.X, whole.X[:n])
        np.testing.assert_array_equal(part.y, whole.y[:n])
    labels_changed = fm.generate(recipe.replace(seed=fm.Seeds(geometry=5, embedding=5, labels=6)))
    np.testing.assert_array_equal(labels_changed.X, whole.X)
    assert (labels_changed.y != whole.y).all()
    turned = fm.generate(recipe.replace(seed=fm.Seeds(geometry=5, embedding=6, labels=5)))
    np.testing.assert_array_equal(turned.y, whole.y)
    assert (turned.X != whole.X).mean() > 0.99


# ---------------------------------------------------------------------------------------------------- no hierarchy


def test_without_a_hierarchy_everything_says_so(tmp_path: Path) -> None:
    recipe = fm.SmoothManifold(n_points=300, hurst=0.5)
    data = fm.generate(recipe)
    assert data.hierarchy is None
    assert data.label_tree is None
    path = fm.write(recipe, tmp_path / "a.h5")
    assert fm.verify(path) == []
    with fm.open(path) as file:
        assert file.hierarchy is None
        np.testing.assert_array_equal(file.dataset().X, data.X)
        assert fm.measure.measure_file(file)["variogram"] is not None
    assert fm.rebuild(path, tmp_path / "b.h5").read_bytes() == path.read_bytes()
    for source in (recipe, data):
        assert fm.predict(source).data_exponent == pytest.approx(0.5)
    with pytest.raises(RecipeError, match="no Bayes floor"):
        fm.theory.bayes_risk(data, np.zeros(300, bool))


@pytest.mark.slow(reason="a whole run with its report")
def test_confirm_runs_without_a_floor_and_says_so(tmp_path: Path) -> None:
    spec = {
        "recipe": {"family": "smooth-manifold", "n_points": 400, "hurst": 0.5},
        "sweep": {"learners": ["1-nn"], "train_sizes": [32, 64, 128], "seeds": 3, "test_size": 64},
    }
    result = fm.confirm(spec, tmp_path / "run")
    assert result.floor.n.size == 0
    assert {point.learner for point in result.points} == {"1-nn"}
    assert result.verdicts[0].predicted == pytest.approx(0.5)
    assert result.verdicts[0].predicted_local is not None
    assert "There is no Bayes floor" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
