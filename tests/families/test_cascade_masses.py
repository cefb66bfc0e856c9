"""Cascades with unequal children: paths by mass, references, exact counting on finite trees, exact curve, laws."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from exact_laws import REJECTED, THRESHOLD, chi_square, z_test
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples

import fractalman as fm
from fractalman import theory
from fractalman.errors import RecipeError
from fractalman.families.base import memory_of
from fractalman.families.cascade.labels import cascade_average_norm
from fractalman.families.cascade.law import kinds_of
from fractalman.families.cascade.paths import CascadePaths
from fractalman.prediction import LEARNERS, law_of
from fractalman.random.streams import Role, key64
from fractalman.trees import path_sums
from tests.reference import embedding as embedding_reference
from tests.reference import geometry as reference
from tests.reference import streams as plain

MASSES, RATIOS = (0.7, 0.2, 0.1), (0.3, 0.5, 0.5)
KINDS = ((0.7, 0.3), (1.0,), (0.5, 0.25, 0.25))
KIND_RATIOS = ((0.3, 0.6), (0.9,), (0.5, 0.4, 0.2))
ONE = fm.Cascade(n_points=400, ambient_dim=6, masses=MASSES, contraction=RATIOS, hurst=0.5, seed=4)
RANDOM = fm.Cascade(n_points=400, ambient_dim=6, masses=KINDS, contraction=KIND_RATIOS, hurst=0.7, depth=12, seed=4)


def spectrum_of(recipe: fm.Cascade, q: list[float]) -> theory.Spectrum:
    """Dimensions of a recipe's cascade."""
    masses, ratios = kinds_of(recipe)
    return theory.cascade_spectrum(masses, q, ratios)


# ---------------------------------------------------------------------------------------------------- recipes


@st.composite
def kinds(draw: st.DrawFn) -> fm.Cascade:
    """Any cascade with given children."""
    widths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4).filter(lambda w: max(w) > 1))
    weights = [draw(st.lists(st.integers(1, 9), min_size=w, max_size=w)) for w in widths]
    masses = tuple(tuple(x / sum(row) for x in row) for row in weights)
    ratios = tuple(tuple(draw(st.floats(0.05, 0.9)) for _ in row) for row in weights)
    which = draw(st.sampled_from(["both", "masses", "ratios"]))
    flat = len(widths) == 1 and draw(st.booleans())
    keywords: dict[str, object] = {}
    if which != "ratios":
        keywords["masses"] = masses[0] if flat else masses
    if which != "masses":
        keywords["contraction"] = ratios[0] if flat else ratios
    return fm.Cascade(
        n_points=draw(st.integers(1, 60)),
        ambient_dim=draw(st.integers(2, 6)),
        hurst=draw(st.floats(0.2, 3.0)),
        depth=draw(st.integers(1, 9)),
        seed=draw(st.integers(0, 99)),
        noise=draw(st.sampled_from([0.0, 0.25])),
        nuisance_dim=draw(st.integers(0, 2)),
        rotate=draw(st.booleans()),
        **keywords,  # type: ignore[arg-type]
    )


@given(kinds())
def test_round_trips(recipe: fm.Cascade) -> None:
    assert fm.from_dict(recipe.to_dict()) == recipe
    assert fm.from_toml(recipe.to_toml()) == recipe
    assert hash(fm.from_toml(recipe.to_toml())) == hash(recipe)
    assert [len(p) for p, _ in recipe.kinds] == list(recipe.branching_numbers)
    assert memory_of(recipe).peak_bytes() > memory_of(recipe).array_bytes()


def test_branching_follows_the_children() -> None:
    assert fm.Cascade(n_points=1) == fm.Cascade(n_points=1, branching=4)
    assert ONE.branching == 3
    assert RANDOM.branching == (2, 1, 3)
    assert ONE.replace(branching=3) == ONE


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"masses": (0.5, 0.4)}, "sums to 0.9"),
        ({"masses": (1.0,)}, "never branches"),
        ({"masses": ()}, "one number per child"),
        ({"masses": (0.5, -0.5, 1.0)}, r"masses\[1\] = -0.5"),
        ({"masses": ((0.5, 0.5), ())}, "one number per child"),
        ({"masses": (0.5, 0.5), "contraction": (0.5, 0.5, 0.5)}, "equal numbers"),
        ({"masses": (0.5, 0.5), "branching": 3}, "leave branching out"),
        ({"contraction": (0.5, 1.0)}, r"contraction\[1\] = 1.0"),
        ({"contraction": ((0.5, 0.5), (0.5, 0.2)), "branching": 2}, "leave branching out"),
    ],
)
def test_mistakes_are_named_in_one_line(keywords: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words) as error:
        fm.from_dict({"family": "cascade", "n_points": 5, **keywords})
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------------------------------------------- references


@examples(25)
@given(kinds())
def test_reference_of_everything_by_address(recipe: fm.Cascade) -> None:
    """Paths, coordinates and labels of points, from the definitions in plain Python."""
    recipe = recipe.replace(noise=0.0, nuisance_dim=0, rotate=False)
    masses = None if recipe.masses is None else [p for p, _ in recipe.kinds]
    ratios = [r for _, r in recipe.kinds]
    paths = CascadePaths(recipe.seeds.geometry, recipe.branching_numbers, recipe.levels, masses)  # type: ignore[arg-type]
    points = np.arange(recipe.n_points)
    addresses, steps = paths.steps(points)
    data = fm.generate(recipe)
    flat = [x for row in ratios for x in row]
    for i in range(0, recipe.n_points, 7):
        digits, slow = reference.cascade_path(i, recipe.levels, recipe.branching_numbers, recipe.seeds.geometry, masses)
        assert addresses[i].tolist() == slow
        path_ratios = [flat[s] for s in steps[i]]
        key = key64(recipe.seeds.embedding, Role.DIRECTION)
        x = embedding_reference.cascade_point(slow, key, path_ratios, recipe.ambient_dim)
        np.testing.assert_array_equal(data.X[i], x)
        key = key64(recipe.seeds.labels, Role.LATENT, 0, 0)
        z = [plain.draw_normal(plain.derive(key, a), 0) for a in slow]
        amplitude = np.cumprod([1.0, *(r**recipe.hurst for r in path_ratios)])
        norm2 = sum(theory.mean_power(*kinds_of(recipe), recipe.hurst) ** level for level in range(len(z)))
        assert data.y[i] == pytest.approx(float(amplitude @ z) / math.sqrt(norm2), abs=1e-11)
        assert len(digits) == recipe.levels


@pytest.mark.parametrize("recipe", [ONE, RANDOM], ids=["one", "random"])
def test_the_label_tree_is_the_label(recipe: fm.Cascade, tmp_path: Path) -> None:
    data = fm.generate(recipe)
    tree, h = data.label_tree, data.hierarchy
    assert tree is not None
    assert h is not None
    assert h.level is not None
    np.testing.assert_array_equal(path_sums(tree.parent, tree.value)[tree.leaf] / tree.norm, data.y)
    paths = CascadePaths(4, recipe.branching_numbers, recipe.levels, tuple(p for p, _ in recipe.kinds))
    _, steps = paths.steps(np.arange(400))
    power = np.concatenate([r for _, r in recipe.kinds])[steps] ** (2 * recipe.hurst)
    variance = 1.0 + np.cumprod(power, axis=1).sum(axis=1)
    np.testing.assert_allclose(path_sums(tree.parent, tree.variance)[tree.leaf], variance, rtol=1e-12)
    assert np.unique(tree.norm).size == 1
    assert (np.diff(variance) != 0).any()
    assert (h.level[:400] == recipe.levels).all()
    inner = np.flatnonzero(h.parent[400:] >= 0) + 400
    assert (h.level[h.parent[inner]] < h.level[inner]).all()
    assert fm.verify(fm.write(recipe, tmp_path / "a.h5")) == []
    for n in (1, 2, 399):  # sizes nest
        np.testing.assert_array_equal(fm.generate(recipe.replace(n_points=n)).X, data.X[:n])
        np.testing.assert_array_equal(fm.generate(recipe.replace(n_points=n)).y, data.y[:n])


# ---------------------------------------------------------------------------------------------------- exact laws


def test_points_choose_children_by_mass() -> None:
    steps = CascadePaths(11, (3,), 2, (MASSES,)).steps(np.arange(30000))[1]
    both = np.bincount(3 * steps[:, 0] + steps[:, 1], minlength=9)
    assert chi_square(both, np.outer(MASSES, MASSES).ravel()) > THRESHOLD
    assert chi_square(both, np.outer((0.68, 0.22, 0.1), MASSES).ravel()) < REJECTED  # control


def test_kinds_of_node_are_equally_likely() -> None:
    """Over trees, a point's first step is child a of kind k with probability p_a / 3, and its second independent."""
    first = [CascadePaths(seed, (2, 1, 3), 2, KINDS).steps(np.zeros(1, np.int64))[1][0] for seed in range(6000)]
    counts = np.zeros((6, 6))
    for a, b in first:
        counts[a, b] += 1
    law = np.concatenate(KINDS) / 3
    assert chi_square(counts.ravel(), np.outer(law, law).ravel()) > THRESHOLD
    wrong = np.concatenate([np.array(kind) * w for kind, w in zip(KINDS, (0.4, 0.3, 0.3), strict=True)])
    assert chi_square(counts.ravel(), np.outer(wrong, wrong).ravel()) < REJECTED  # control


@pytest.mark.parametrize("recipe", [ONE, RANDOM], ids=["one", "random"])
def test_the_average_prior_variance_is_one(recipe: fm.Cascade) -> None:
    """Independent trees, one point each: the prior variance averages to 1, and that is the norm's closed form."""
    power = np.concatenate([r for _, r in recipe.kinds]) ** (2 * recipe.hurst)
    masses = tuple(p for p, _ in recipe.kinds)
    norm2 = cascade_average_norm(recipe.kinds, recipe.hurst, recipe.levels) ** 2
    drawn = [
        CascadePaths(seed, recipe.branching_numbers, recipe.levels, masses).steps(np.zeros(1, np.int64))[1]
        for seed in range(4000)
    ]
    prior = (1.0 + np.cumprod(power[np.concatenate(drawn)], axis=1).sum(axis=1)) / norm2
    assert z_test(prior, 1.0) > THRESHOLD
    assert z_test(prior * 1.2, 1.0) < REJECTED  # control
    # every tree of two levels, in rationals: Σ over kinds and paths of mass × variance
    s = sum(Fraction(p) * Fraction(r) for kind, its in recipe.kinds for p, r in zip(kind, its, strict=True))
    s /= len(recipe.kinds)
    counted = Fraction(0)
    atoms = [
        (Fraction(p) / len(recipe.kinds), Fraction(r)) for k, its in recipe.kinds for p, r in zip(k, its, strict=True)
    ]
    for (p, r), (q, t) in itertools.product(atoms, atoms):
        counted += p * q * (1 + r + r * t)
    assert float(counted) == pytest.approx(float(1 + s + s * s), rel=1e-8)
    assert theory.mean_power(*kinds_of(recipe), 0.5) == pytest.approx(float(s), rel=1e-8)


@pytest.mark.parametrize("q", [-2.0, 0.0, 0.5, 1.0, 2.0, 7.0])
def test_dimensions_by_counting_the_cells_of_a_finite_tree(q: float) -> None:
    """Σ over the 3^8 cells of μ^q R^(−τ) is 1 at τ(q): for D_0 the cells' sizes, for D_1 entropy over mean log size."""
    cells = np.array(list(itertools.product(range(3), repeat=8)))
    mu, size = np.array(MASSES)[cells].prod(axis=1), np.array(RATIOS)[cells].prod(axis=1)
    found = spectrum_of(ONE, [q]).annealed[0]
    if q == 1.0:
        assert found == pytest.approx(float(mu @ np.log(mu) / (mu @ np.log(size))), rel=1e-12)
    else:
        tau = found * (q - 1.0)
        assert float(np.sum(mu**q * size**-tau)) == pytest.approx(1.0, rel=1e-10)
        assert abs(float(np.sum(mu**q * size ** -(1.01 * tau))) - 1.0) > 1e-2  # control


def test_dimensions_of_random_cascades() -> None:
    numbers = fm.Cascade(n_points=1, branching=(1, 16))
    spectrum = spectrum_of(numbers, [0.0, 1.0, 2.0, 1.7])
    np.testing.assert_allclose(spectrum.annealed[:2], theory.cascade_dimensions((1, 16), 0.5), rtol=1e-12)
    assert spectrum.freezing[1] == pytest.approx(1.72, abs=0.005)
    np.testing.assert_allclose([spectrum.annealed[2], spectrum.typical[2]], [0.913, 0.949], atol=5e-4)
    assert spectrum.frozen.tolist() == [False, False, True, False]
    assert "rare trees" in str(spectrum.warning)
    assert spectrum_of(ONE, [40.0, -40.0]).warning is None
    q = np.linspace(-3, 6, 40)
    for recipe in (ONE, RANDOM, numbers):
        for dims in (spectrum_of(recipe, q).annealed, spectrum_of(recipe, q).typical):
            if recipe is not RANDOM:
                assert (np.diff(dims[q >= 0]) < 1e-12).all()
            assert np.isfinite(dims).all()


def test_a_frozen_moment_of_one_tree() -> None:
    """Σ μ^q over the cells of single trees of {1, 16}: below q* the median tree has the annealed D_q, at 4 not.

    Cells are counted by the number j of 16-fold branchings above them, binomially while there are few and by their
    mean afterwards; a frozen moment approaches its limit from above as ln(l)/l, the annealed value it never comes near.
    """
    rng, levels, log16 = np.random.default_rng(3), 600, math.log(16.0)
    j = np.arange(levels + 1)
    found: dict[float, list[float]] = {0.5: [], 4.0: []}
    for _ in range(15):
        mass = np.zeros(levels + 1)  # 16^-j × cells
        mass[0] = 1.0
        for _level in range(levels):
            split = 0.5 * mass
            few = np.flatnonzero((mass > 0) & (np.log(np.maximum(mass, 1e-300)) + j * log16 < 34.0))
            cells = np.rint(mass[few] * 16.0 ** j[few]).astype(np.int64)
            mass[few] = cells * 16.0 ** -j[few].astype(float)  # whole cells
            split[few] = rng.binomial(cells, 0.5) * 16.0 ** -j[few].astype(float)
            mass = mass - split
            mass[1:] += split[:-1]  # 16 cells of 1/16 each
        for q, values in found.items():
            alive = mass > 0
            terms = np.log(mass[alive]) + (1.0 - q) * j[alive] * log16
            log_sum = terms.max() + math.log(np.exp(terms - terms.max()).sum())
            values.append(log_sum / ((1.0 - q) * levels * math.log(2.0)))
    free, frozen = (float(np.median(found[q])) for q in (0.5, 4.0))
    spectrum = spectrum_of(fm.Cascade(n_points=1, branching=(1, 16)), [0.5, 4.0])
    assert spectrum.frozen.tolist() == [False, True]
    assert free == pytest.approx(spectrum.annealed[0], abs=0.02)
    assert frozen == pytest.approx(spectrum.typical[1], abs=0.06)
    assert frozen > spectrum.annealed[1] + 0.2  # control: the annealed value is refused


def test_the_exponents_of_unequal_children() -> None:
    law = law_of(ONE, "1-nn")
    assert law.data_exponent == pytest.approx(0.8295, abs=5e-5)
    assert law.model_exponent == pytest.approx(1.0036, abs=5e-5)
    assert law.log_period is None
    beta = law.data_exponent
    assert beta is not None
    assert sum(p ** (1 - beta) * r for p, r in zip(MASSES, RATIOS, strict=True)) == pytest.approx(1.0, rel=1e-12)
    nested = theory.moran_exponent_masses((MASSES, MASSES), (RATIOS, RATIOS), 0.5)
    assert nested == pytest.approx(beta, rel=1e-13)
    equal = theory.moran_exponent_masses(((1 / 2,) * 2, (1 / 8,) * 8), 0.5, 0.5)
    assert equal == pytest.approx(theory.moran_exponent((2, 8), 0.5, 0.5), rel=1e-13)
    assert theory.log_period_masses((0.5, 0.25, 0.25)) == pytest.approx(2.0)
    assert theory.log_period_masses(((0.25,) * 4, (1 / 8,) * 8)) == pytest.approx(2.0)
    assert any("average prior variance" in note for note in law.assumptions)
    assert any("0.707" in note for note in law_of(RANDOM, "1-nn").assumptions)
    for learner in LEARNERS:
        assert law_of(RANDOM, learner).source


# ---------------------------------------------------------------------------------------------------- the curve


@pytest.mark.parametrize("branching", [(4,), (1, 16), (2, 8), (2, 3, 5, 7, 11)])
def test_the_curve_of_equal_children_is_the_known_one(branching: tuple[int, ...]) -> None:
    n = np.array([0, 1, 2, 128, 16384])
    masses, ratios = [(1 / k,) * k for k in branching], [(0.5,) * k for k in branching]
    found = theory.cascade_curve_masses(masses, ratios, 0.5, 20, n)
    np.testing.assert_allclose(found, theory.cascade_curve(branching, 0.5, 0.5, 20, n), rtol=1e-9)


@pytest.mark.parametrize(
    ("masses", "ratios"), [((MASSES,), (RATIOS,)), (KINDS, KIND_RATIOS)], ids=["one kind", "kinds"]
)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_curve_by_listing_everything(
    masses: tuple[tuple[float, ...], ...], ratios: tuple[tuple[float, ...], ...], n: int
) -> None:
    """Two levels: every choice of kinds of the nodes, every path of the test point and of the n training points."""
    hurst, total, norm2 = 0.6, 0.0, 0.0
    count = len(masses)
    for top in range(count):
        width = len(masses[top])
        for below in itertools.product(range(count), repeat=width):
            cells = [
                (masses[top][i] * masses[below[i]][j], (i, j), ratios[top][i] ** 1.2, ratios[below[i]][j] ** 1.2)
                for i in range(width)
                for j in range(len(masses[below[i]]))
            ]
            chance = count ** -(1.0 + width)
            for p, x, a, b in cells:
                norm2 += chance * p * (1 + a + a * b)
                for training in itertools.product(cells, repeat=n):
                    weight = chance * p * math.prod(t[0] for t in training)
                    shared = [0 if t[1][0] != x[0] else 1 if t[1] != x else 2 for t in training]
                    best = max(shared)
                    risks = [
                        {0: a + a * b + t[2] * (1 + t[3]), 1: a * b + t[2] * t[3], 2: 0.0}[best]
                        for t, s in zip(training, shared, strict=True)
                        if s == best
                    ]
                    total += weight * sum(risks) / len(risks)
    assert theory.cascade_curve_masses(masses, ratios, hurst, 2, [n])[0] == pytest.approx(total / norm2, rel=1e-11)


def test_the_grid_of_masses_agrees_with_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    from fractalman.theory import measures

    n = [1, 30, 4000]
    counted = theory.cascade_curve_masses(KINDS, KIND_RATIOS, 0.5, 30, n)
    monkeypatch.setattr(measures, "_EXACT_MASSES", 0)
    np.testing.assert_allclose(theory.cascade_curve_masses(KINDS, KIND_RATIOS, 0.5, 30, n), counted, rtol=1e-8)


def test_the_curve_has_the_moran_exponent() -> None:
    n = 2 ** np.arange(20, 40)
    curve = theory.cascade_curve_masses(MASSES, RATIOS, 0.5, 400, n)
    assert theory.local_slope(n, curve) == pytest.approx(theory.moran_exponent_masses(MASSES, RATIOS, 0.5), abs=2e-3)


def test_neighbours_in_x_follow_the_curve() -> None:
    """1-NN in the coordinates of drawn cascades, exact over labels, against the curve with its other tie rule."""
    from fractalman.nearest import nearest

    ratio = []
    recipe = ONE.replace(n_points=1024 + 4096, ambient_dim=48, depth=24)
    curve = theory.cascade_curve_masses(MASSES, RATIOS, 0.5, 24, [1024])[0]
    for seed in range(8):
        data = fm.generate(recipe.replace(seed=seed))
        assert data.label_tree is not None
        test = np.arange(1024, 5120)
        found = nearest(data.X[:1024], data.X[test])
        ratio.append(float(theory.pair_risk(data.label_tree, found, test).mean()) / curve)
    mean, error = float(np.mean(ratio)), float(np.std(ratio, ddof=1)) / math.sqrt(8)
    assert error < 0.1
    assert abs(mean - 1.0) < 4 * error
    far = theory.cascade_curve_masses(MASSES, RATIOS, 0.5, 24, [512])[0] / curve
    assert abs(mean - far) > 4 * error  # control: the curve of half as many training points
