"""Percolation on a lattice: references, exact enumeration of small boxes, self-duality, measures."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from exact_laws import REJECTED, THRESHOLD, chi_square, z_test
from hypothesis import given, settings
from hypothesis import strategies as st
from sampled import examples

from fractalman import measure, theory
from fractalman.errors import FitError, RecipeError
from fractalman.families.lattice_percolation.box import Lattice, shortest_path_forest
from fractalman.families.lattice_percolation.coordinates import circle, lattice_coordinates, random_frame
from fractalman.random.streams import Role, key64, normals
from tests.reference import lattice as reference
from tests.reference import lattice_embedding as embedding_reference

shapes = st.sampled_from([(3, 3), (5, 3), (4, 3, 5), (3, 3, 3, 3), (3, 3, 3, 3, 3), (9,), (7, 4)])
boxes = st.builds(
    Lattice,
    shape=shapes,
    percolation=st.sampled_from(["site", "bond"]),
    occupation=st.sampled_from([0.1, 0.3, 0.5, 0.8, 1.0]),
    periodic=st.booleans(),
    seed=st.integers(0, 2**63 - 1),
)

# ---------------------------------------------------------------------------------------------------- references


@examples(40)
@given(boxes, st.sampled_from(["largest", "all"]))
def test_reference_of_the_clusters_and_their_trees(box: Lattice, kept: str) -> None:
    site, size, edges = reference.clusters(box.shape, box.percolation, box.occupation, box.periodic, box.seed, kept)
    if not site:
        with pytest.raises(RecipeError, match="is occupied"):
            box.clusters(kept)
        return
    made = box.clusters(kept)
    assert made.site.tolist() == site
    assert made.size.tolist() == size
    assert [tuple(e) for e in made.edges.tolist()] == edges
    parent, distance = shortest_path_forest(made.edges, made.size, box.seed)
    slow_parent, slow_distance = reference.shortest_path_forest(edges, size, box.seed)
    assert parent.tolist() == slow_parent
    assert distance.tolist() == slow_distance


@settings(max_examples=20)
@given(
    st.sampled_from([(40, 41), (13, 12, 11), (6, 7, 6, 5), (500, 3), (3, 500)]),
    st.sampled_from(["site", "bond"]),
    st.floats(0.1, 1.0),
    st.booleans(),
    st.integers(0, 99),
)
def test_the_largest_cluster_is_found_without_the_labels_of_the_box(
    shape: tuple[int, ...], percolation: str, p: float, periodic: bool, seed: int
) -> None:
    box = Lattice(shape, percolation, p, periodic, seed)
    whole, made, every = box.labelled(), box.clusters("largest"), box.clusters("all")
    np.testing.assert_array_equal(np.sort(made.site), np.flatnonzero(whole.label == np.argmax(whole.size)))
    assert (made.n_clusters, made.n_occupied) == (whole.size.size, whole.size.sum())
    n = made.site.size
    np.testing.assert_array_equal(made.site, every.site[:n])
    np.testing.assert_array_equal(made.edges, every.edges[every.edges[:, 0] < n])


@given(st.integers(1, 6), st.integers(0, 6), st.integers(0, 99))
def test_reference_of_the_frame(rows: int, more: int, seed: int) -> None:
    frame = random_frame(rows, rows + more, seed)
    gaussian = normals(key64(seed, Role.LATTICE_FRAME), rows * (rows + more)).reshape(rows, rows + more)
    assert frame.tolist() == embedding_reference.orthonormalise(gaussian.tolist())
    np.testing.assert_allclose(frame @ frame.T, np.eye(rows), atol=1e-14)


@pytest.mark.parametrize("periodic", [False, True])
def test_reference_of_the_coordinates(periodic: bool) -> None:
    shape = (3, 4, 5)
    site = np.arange(60)[::-1].copy()
    X = np.empty((60, 9), np.float32)
    lattice_coordinates(X, site, shape, periodic, 8)
    width = 2 if periodic else 1
    frame = random_frame(3 * width, 9, 8)
    places = [(circle(s) if periodic else np.arange(s)[:, None] - (s - 1) / 2).tolist() for s in shape]
    for i, s in enumerate(site.tolist()):
        assert X[i].tolist() == embedding_reference.place_site(s, shape, places, frame.tolist())


@pytest.mark.parametrize("side", [3, 4, 5, 7, 8, 16, 100, 1001])
def test_a_circle_is_round(side: int) -> None:
    angle = 2 * np.pi * np.arange(side) / side
    radius = 0.5 / np.sin(np.pi / side)
    np.testing.assert_allclose(
        circle(side), radius * np.stack([np.cos(angle), np.sin(angle)], axis=1), atol=1e-15 * side
    )


# ---------------------------------------------------------------------------------------------------- exact laws


def enumerated(shape: tuple[int, ...], percolation: str, p: float, periodic: bool) -> tuple[np.ndarray, float]:
    """(law of the largest cluster's size, mean number of clusters), by listing every configuration."""
    pairs = [(s, t) for s, t, _ in reference.neighbours(shape, periodic)]
    sites = range(int(np.prod(shape)))
    law, mean = np.zeros(len(sites) + 1), 0.0
    for choice in itertools.product((False, True), repeat=len(sites) if percolation == "site" else len(pairs)):
        there = [s for s in sites if percolation == "bond" or choice[s]]
        if percolation == "site":
            bonds = [(s, t) for s, t in pairs if choice[s] and choice[t]]
        else:
            bonds = list(itertools.compress(pairs, choice))
        weight = p ** sum(choice) * (1 - p) ** (len(choice) - sum(choice))
        found = reference.components(there, bonds)
        law[max(map(len, found), default=0)] += weight
        mean += weight * len(found)
    return law, mean


@pytest.mark.parametrize(
    ("shape", "percolation", "periodic"),
    [
        ((2, 2), "site", False),
        ((3, 2), "site", False),
        ((3, 3), "site", True),
        ((2, 2, 2), "site", False),
        ((2, 2), "bond", False),
        ((3, 2), "bond", False),
        ((2, 2, 2), "bond", False),
    ],
)
def test_small_boxes_by_exact_enumeration(shape: tuple[int, ...], percolation: str, periodic: bool) -> None:
    p, draws = 0.45, 5000
    largest, number = np.zeros(int(np.prod(shape)) + 1), []
    for seed in range(draws):
        size = Lattice(shape, percolation, p, periodic, seed).labelled().size
        largest[size.max(initial=0)] += 1
        number.append(size.size)
    law, mean = enumerated(shape, percolation, p, periodic)
    assert law.sum() == pytest.approx(1.0)
    wrong_law, wrong_mean = enumerated(shape, percolation, p + 0.1, periodic)
    assert chi_square(largest, wrong_law) < REJECTED
    assert chi_square(largest, law) > THRESHOLD
    assert z_test(number, mean) > THRESHOLD
    assert z_test(number, mean + 10 * np.std(number) / np.sqrt(draws)) < REJECTED
    assert wrong_mean != mean


def spans(box: Lattice) -> bool:
    """Whether a cluster touches both faces of the first axis."""
    label = box.labelled().label.reshape(box.shape)
    shared = np.intersect1d(label[0], label[-1])
    return bool((shared >= 0).any())


def test_self_dual_rectangles_are_crossed_half_the_time() -> None:
    """Bonds at p = 1/2 on n+1 by n sites: a crossing, or one of the dual rectangle, which is the same one turned."""
    crossed = [spans(Lattice((9, 8), "bond", 0.5, False, seed)) for seed in range(4000)]
    assert z_test(crossed, 0.5) > THRESHOLD
    less = [spans(Lattice((9, 8), "bond", 0.45, False, seed)) for seed in range(4000)]
    assert z_test(less, 0.5) < REJECTED
    square = [spans(Lattice((8, 8), "bond", 0.5, False, seed)) for seed in range(4000)]
    assert z_test(square, 0.5) < REJECTED


@pytest.mark.parametrize(
    ("percolation", "dim", "sides"), [("site", 2, (6, 40)), ("site", 3, (4, 14)), ("bond", 3, (4, 14))]
)
def test_thresholds_by_crossing(percolation: str, dim: int, sides: tuple[int, int]) -> None:
    """Below p_c the larger box is spanned less often than the smaller one, above it more often."""
    c = theory.lattice_constants(dim)
    threshold = c.site_threshold if percolation == "site" else c.bond_threshold

    def share(side: int, p: float) -> float:
        return float(np.mean([spans(Lattice((side,) * dim, percolation, p, False, s)) for s in range(400)]))

    assert share(sides[1], 0.9 * threshold) < share(sides[0], 0.9 * threshold) - 0.1
    assert share(sides[1], 1.1 * threshold) > share(sides[0], 1.1 * threshold) + 0.1


def test_the_order_and_the_roots_are_uniform() -> None:
    first, root = np.zeros(9), np.zeros(9)
    for seed in range(3000):
        made = Lattice((3, 3), "site", 1.0, False, seed).clusters()
        first[made.site[0]] += 1
        parent, _ = shortest_path_forest(made.edges, made.size, seed)
        root[made.site[np.flatnonzero(parent < 0)[0]]] += 1
    lopsided = np.array([1.8, *[0.9] * 8]) / 9
    for counts in (first, root):
        assert chi_square(counts, np.full(9, 1 / 9)) > THRESHOLD
        assert chi_square(counts, lopsided) < REJECTED


def test_parents_have_no_favourite_direction() -> None:
    """On a full box a point that can go back to the root along either axis takes both alike."""
    along = []
    for seed in range(300):
        box = Lattice((7, 7), "site", 1.0, False, seed)
        made = box.clusters()
        parent, _ = shortest_path_forest(made.edges, made.size, seed)
        x = box.coordinates(made.site)
        child = np.flatnonzero(parent >= 0)
        root = x[np.flatnonzero(parent < 0)[0]]
        both = child[(x[child] != root).all(axis=1)]
        steps = x[both] != x[parent[both]]
        along.append(steps[:, 0].mean())
    assert z_test(along, 0.5) > THRESHOLD
    assert z_test(along, 0.55) < REJECTED


@given(st.sampled_from(["site", "bond"]), st.integers(0, 99), st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_a_higher_occupation_only_adds(percolation: str, seed: int, p: float, q: float) -> None:
    low, high = (Lattice((6, 7), percolation, x, False, seed).labelled() for x in sorted((p, q)))
    assert (high.label[low.label >= 0] >= 0).all()
    for c in range(low.size.size):  # clusters only merge
        assert np.unique(high.label[low.label == c]).size == 1


def test_the_table_of_constants() -> None:
    plane = theory.lattice_constants(2)
    assert plane.bond_threshold == 0.5
    assert plane.size_exponent == pytest.approx(1 + 2 / plane.fractal_dimension)
    for dim in range(2, 8):
        c = theory.lattice_constants(dim)
        assert c.bond_threshold < c.site_threshold
        # hyperscaling, τ = 1 + dim/d_f, holds up to dimension 6
        assert dim > 6 or c.size_exponent == pytest.approx(1 + dim / c.fractal_dimension, abs=6e-4)
    assert theory.lattice_constants(7).chemical_dimension == 2.0
    with pytest.raises(RecipeError, match="from 2 to 7"):
        theory.lattice_constants(8)


# ---------------------------------------------------------------------------------------------------- measures


def test_size_exponents_of_exact_laws() -> None:
    size = np.arange(1, 200_001)
    for tau in (1.8, 2.19, 2.5):
        count = np.rint(1e9 * size**-tau).astype(np.int64)
        found = measure.size_exponent(size, count, (20, 2000))
        assert abs(found.value - tau) < 3 * found.standard_error + 1e-4
        assert abs(found.value - tau - 0.05) > 10 * found.standard_error
        wide = measure.size_exponent(size, count, (5, 100_000))
        assert wide.value == pytest.approx(tau, abs=5e-3)
    with pytest.raises(FitError, match="widen the window"):
        measure.size_exponent([3, 9], [5, 1], (10, 20))


def test_straight_paths() -> None:
    box = Lattice((200, 1), "site", 1.0, False, 0)
    made = box.clusters()
    curve = measure.path_curve(made.edges, box.coordinates(made.site), n_sources=200)
    np.testing.assert_allclose(curve.distance, curve.steps)
    assert measure.path_dimension([curve], (1, 64)).value == pytest.approx(1.0)
    with pytest.raises(FitError, match="no paths"):
        measure.path_dimension([curve, measure.path_curve(made.edges[:1], np.zeros((200, 2)), n_sources=200)], (1, 64))


def test_exponents_of_critical_clusters_in_the_plane() -> None:
    """A rough look; the long tier measures within error. The full box, d_f = 2 and d_min = 1, is told apart."""
    c = theory.lattice_constants(2)
    sides = [16, 32, 64, 128]
    mass = np.array(
        [[Lattice((s, s), "bond", 0.5, True, 99 * s + r).labelled().size.max() for s in sides] for r in range(250)]
    )
    found = measure.growth_exponent(sides, mass)
    assert abs(found.value - c.fractal_dimension) < 4 * found.standard_error
    assert abs(found.value - 2.0) > 4 * found.standard_error
    curves = []
    for seed in range(12):
        box = Lattice((128, 128), "bond", 0.5, False, seed)
        made = box.clusters()
        curves.append(measure.path_curve(made.edges, box.coordinates(made.site), seed=seed))
    path = measure.path_dimension(curves, (8, 64))
    assert abs(path.value - c.path_dimension) < 4 * path.standard_error + 0.02
    assert path.value - 1.0 > 10 * path.standard_error
    sizes = np.concatenate([Lattice((512, 512), "bond", 0.5, True, r).labelled().size for r in range(4)])
    size, count = np.unique(sizes, return_counts=True)
    tau = measure.size_exponent(size, count, (20, 2000))
    assert abs(tau.value - c.size_exponent) < 4 * tau.standard_error + 0.02
