"""Scores of dictionaries on exact cases: the truth, planted faults, random directions, and slow versions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples
from scipy.sparse import csr_array

from fractalman.errors import RecipeError
from fractalman.measure import recovery
from fractalman.measure.recovery import Truth, match_dictionary, matching, score_dictionary


def world(seed: int = 0, m: int = 24, d: int = 48, n: int = 600):
    """Features of a random tree; a child is present only where its parent is."""
    rng = np.random.default_rng(seed)
    parent = np.array([-1 if i < 4 else int(rng.integers(0, i)) for i in range(m)])
    directions = rng.standard_normal((m, d))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    present = np.zeros((n, m), bool)
    for i in range(m):
        present[:, i] = (rng.random(n) < (0.5 if parent[i] < 0 else 0.6)) & (parent[i] < 0 or present[:, parent[i]])
    codes = present * (0.5 + rng.random((n, m)))
    return directions, codes, parent


def test_the_truth_scores_one_everywhere() -> None:
    D, Z, parent = world()
    order = np.random.default_rng(1).permutation(len(D))
    score = score_dictionary(-3.0 * D[order], csr_array(Z[:, order] / 3.0), Truth(D, Z, parent, Z @ D))
    for value in (score.mcc, score.mean_maximum_cosine, score.f1, score.best_f1, score.uniqueness):
        assert value == pytest.approx(1.0, abs=1e-12)
    assert score.dead == score.duplicates == 0.0
    assert score.l0 == pytest.approx((Z > 0).sum(axis=1).mean())
    assert score.absorption.mean == 0.0
    np.testing.assert_array_equal(order[score.match.direction], score.match.feature)
    assert score_dictionary(D, Z, Truth(D, Z, parent, Z @ D)).explained == pytest.approx(1.0)
    assert score.explained < 0.0  # the control: this decoder's signs are wrong


def test_planted_absorption_is_found_edge_by_edge() -> None:
    D, Z, parent = world()
    child = int(np.flatnonzero(parent >= 0)[3])
    silent = Z.copy()
    silent[Z[:, child] > 0, parent[child]] = 0.0  # the parent's unit keeps still where this child is present
    score = score_dictionary(D, silent, Truth(D, Z, parent))
    edges = score.absorption
    gap = dict(zip(edges.child.tolist(), edges.gap, strict=True))
    assert gap[child] == 1.0
    assert edges.child_fires[edges.child == child] == 1.0
    related = {c for c in gap if parent[c] == parent[child]}
    assert all(gap[c] == 0.0 for c in set(gap) - related if np.isfinite(gap[c]))


def test_planted_duplicates_splits_and_dead_units_are_counted() -> None:
    D, Z, parent = world()
    both = np.concatenate([D, D[:3], D[5:6]])
    codes = np.concatenate([Z, Z[:, :3], np.zeros((len(Z), 1))], axis=1)
    score = score_dictionary(both, codes, Truth(D, Z, parent))
    assert score.duplicates == pytest.approx(4 / 28)
    assert score.dead == pytest.approx(1 / 28)
    assert score.uniqueness == pytest.approx(24 / 27)


def test_random_dictionaries_are_at_chance() -> None:
    D, Z, parent = world(m=64, d=16, n=300)
    rng = np.random.default_rng(2)
    scores = [
        score_dictionary(rng.standard_normal((64, 16)), rng.permutation(Z, axis=0), Truth(D, Z, parent), seed=k)
        for k in range(6)
    ]
    for name in ("mcc", "mean_maximum_cosine"):
        own, chance = np.array([getattr(s, name) for s in scores]), np.array([s.chance[name] for s in scores])
        assert abs(own.mean() - chance.mean()) < 4.0 * own.std(ddof=1) / np.sqrt(6)
        assert chance.mean() > 0.4  # far from 0: what a bare number would hide
    assert score_dictionary(D, Z, Truth(D, Z, parent)).mcc > 0.99  # the control


def test_firing_noise_below_the_threshold_costs_only_at_the_own_threshold() -> None:
    D, Z, parent = world()
    noisy = Z + 0.01 * np.random.default_rng(3).random(Z.shape)
    score = score_dictionary(D, noisy, Truth(D, Z, parent))
    assert score.best_f1 == pytest.approx(1.0)
    assert score.f1 < 0.6
    assert score_dictionary(D, noisy, Truth(D, Z, parent), threshold=0.02).f1 == pytest.approx(1.0)


@examples(40)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 5), st.integers(1, 4))
def test_the_assignment_against_all_permutations_reference(seed: int, w: int, m: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    A, B = rng.standard_normal((w, d)), rng.standard_normal((m, d))
    cosine = np.abs(A @ B.T) / np.linalg.norm(A, axis=1)[:, None] / np.linalg.norm(B, axis=1)
    short, long = (cosine, max(w, m)) if w <= m else (cosine.T, max(w, m))
    best = max(sum(short[i, j] for i, j in enumerate(p)) for p in itertools.permutations(range(long), len(short)))
    assert match_dictionary(A, B).mcc == pytest.approx(best / len(short), abs=1e-9)


def test_candidates_give_the_exact_assignment_where_pairs_are_clear_and_never_more() -> None:
    D, _, _ = world(m=60, d=32)
    rng = np.random.default_rng(4)
    near = D[rng.permutation(60)] + 0.05 * rng.standard_normal((60, 32))
    exact, thin = match_dictionary(near, D), match_dictionary(near, D, exact=10, candidates=3)
    assert exact.exact
    assert not thin.exact
    np.testing.assert_array_equal(exact.direction, thin.direction)
    np.testing.assert_allclose(exact.cosine, thin.cosine, atol=1e-6)
    far = rng.standard_normal((80, 32))
    assert match_dictionary(far, D, exact=10, candidates=3).mcc <= match_dictionary(far, D).mcc + 1e-9
    np.testing.assert_allclose(
        match_dictionary(far, D, exact=10).feature_cosine, match_dictionary(far, D).feature_cosine, atol=1e-6
    )


@pytest.mark.parametrize(("w", "m", "kept"), [(1100, 70, 16), (30, 90, 16), (210, 5, 16), (1, 3, 2)])
def test_the_nearest_of_rows_and_columns_are_those_of_sorting_reference(w: int, m: int, kept: int) -> None:
    rng = np.random.default_rng(w)
    W, D = (matching.unit_rows(rng.standard_normal((n, 9)).astype(np.float32)) for n in (w, m))
    cosine = np.abs(W @ D.T)
    found = matching._largest(W, D, min(kept, m), min(kept, w))
    for table, (value, number) in zip((cosine, cosine.T), found, strict=True):
        np.testing.assert_allclose(value, -np.sort(-table, axis=1)[:, : value.shape[1]], atol=1e-6)
        np.testing.assert_allclose(np.take_along_axis(table, number, axis=1), value, atol=1e-6)
        assert all(np.unique(row).size == row.size for row in number)


def test_firing_against_a_slow_version_reference() -> None:
    rng = np.random.default_rng(5)
    codes, truth = rng.random((40, 3)) * (rng.random((40, 3)) < 0.5), (rng.random((40, 2)) < 0.3) * 1.0
    codes[:10] = np.round(codes[:10], 1)  # ties
    units, features = np.array([0, 1, 2]), np.array([1, 0, 1])
    score = recovery.firing_scores(codes, truth, units, features, 0.2)
    for k in range(3):
        a, b = codes[:, units[k]], truth[:, features[k]] > 0
        f1 = []
        for t in [0.2, *sorted(set(a[a > 0]))]:
            fires = a > 0.2 if not f1 else a >= t
            hits = (fires & b).sum()
            f1.append(2 * hits / (fires.sum() + b.sum()))
        assert score.f1[k] == pytest.approx(f1[0])
        assert score.best_f1[k] == pytest.approx(max(f1[1:]))


@pytest.mark.parametrize(
    ("decoder", "codes", "said"),
    [
        (np.ones((3, 4)), np.ones((5, 3)), "same number of columns"),
        (np.ones((3, 2)), np.ones((6, 3)), "rows"),
        (np.ones((3, 2)), np.ones((5, 2)), "expected 3 and 2 columns"),
        (np.full((3, 2), np.nan), np.ones((5, 3)), "not finite"),
        (np.ones((3, 2)), np.full((5, 3), np.inf), "not finite"),
    ],
)
def test_what_does_not_fit_is_refused(decoder, codes, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        score_dictionary(decoder, codes, Truth(np.eye(2), np.ones((5, 2)), np.full(2, -1)))


def test_a_unit_of_the_other_sign_is_found_by_its_best_threshold_alone() -> None:
    truth = np.array([[1.0], [0.0], [2.0], [0.0]])
    codes = np.array([[-0.9], [0.2], [-1.8], [0.1]])
    score = recovery.firing_scores(codes, truth, np.array([0]), np.array([0]))
    assert (score.f1[0], score.best_f1[0], score.best_threshold[0]) == (0.0, 1.0, -0.9)
    noise = recovery.firing_scores(codes[[1, 2, 0, 3]], truth, np.array([0]), np.array([0]))
    assert noise.best_f1[0] < 0.7  # the control: the same codes at other points


def test_a_parent_that_all_its_children_absorbed_shows_in_their_directions() -> None:
    """No unit stands for the parent, so none falls silent; the children's units have its direction."""
    D = np.linalg.qr(np.random.default_rng(0).standard_normal((16, 16)))[0][:7]
    parent = np.array([-1, 0, 0, 1, 1, 2, 2])
    leaf = np.random.default_rng(1).integers(3, 7, 400)
    Z = np.zeros((400, 7))
    for i, j in enumerate(leaf):
        Z[i, [0, parent[j], j]] = 1.0
    merged = np.array([D[j] + D[parent[j]] for j in range(3, 7)] + [D[0]])
    codes = np.concatenate([Z[:, 3:], Z[:, :1]], axis=1)
    for decoder, composed in ((merged, 1.0), (D[[3, 4, 5, 6, 0]], 0.0)):
        edges = score_dictionary(decoder, codes, Truth(D, Z, parent)).absorption
        leaves = edges.child >= 3
        np.testing.assert_allclose(edges.composed[leaves & np.isfinite(edges.composed)], composed, atol=1e-9)
    unit = np.stack([D[0] + 0.3 * D[1], D[1]])
    hedged = score_dictionary(unit, Z[:, :2], Truth(D[:2], Z[:, :2], parent[:2])).absorption
    assert hedged.hedged[0] == pytest.approx(0.3)
    assert hedged.composed[0] == pytest.approx(0.0, abs=1e-12)


def test_a_split_feature_is_named_and_a_doubled_one_is_not() -> None:
    D, Z, parent = world()
    half = np.random.default_rng(6).random(len(Z)) < 0.5
    first, second = Z[:, :1] * half[:, None], Z[:, :1] * ~half[:, None]
    split = score_dictionary(np.concatenate([D, D[:1]]), np.hstack([first, Z[:, 1:], second]), Truth(D, Z, parent))
    assert np.flatnonzero(split.splitting.split).tolist() == [0]
    assert (split.splitting.units[0], split.splitting.together[0]) == (2, 1.0)
    doubled = score_dictionary(np.concatenate([D, D[:1]]), np.hstack([Z, Z[:, :1]]), Truth(D, Z, parent))
    assert not doubled.splitting.split.any()  # the control


def test_dictionaries_that_know_nothing_pass_the_limit_once_in_twenty() -> None:
    """The rate that is stated: 1 in 20 by construction, since own and drawn scores are exchangeable."""
    D, Z, parent = world(m=12, d=8, n=80)
    rng, passed = np.random.default_rng(7), 0
    for k in range(40):
        shuffled = Z[rng.permutation(len(Z))]
        score = score_dictionary(rng.standard_normal((12, 8)), shuffled, Truth(D, Z, parent), seed=k)
        passed += int(score.mcc > score.limit["mcc"]) + int(score.f1 > score.limit["f1"])
    assert 1 <= passed <= 10, passed  # 80 times 1/20 = 4 ± 2; outside with probability .02
    assert score_dictionary(D, Z, Truth(D, Z, parent)).mcc > score.limit["mcc"]  # the control


def _plain_best(values: list[float], hit: list[bool], present: int) -> tuple[float, float]:
    """The largest F1 over thresholds, and the threshold: values that are equal fire together."""
    found, at = (-1.0, np.nan) if values else ((0.0 if present else np.nan), np.nan)
    for threshold in sorted(set(values), reverse=True):
        fires = [value >= threshold for value in values]
        f1 = 2.0 * sum(h for h, f in zip(hit, fires, strict=True) if f) / (sum(fires) + present)
        if f1 > found:
            found, at = f1, threshold
    return found, at


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_firing_and_recall_of_the_kernels_against_plain_python_reference(threshold: float) -> None:
    """Codes of either sign with ties, columns without an entry, features that are never there, units that are dead."""
    rng = np.random.default_rng(3)
    codes = rng.integers(-2, 4, (60, 9)) * (rng.random((60, 9)) < 0.4)
    truth = (rng.random((60, 8)) < 0.3).astype(float)
    codes[:, 2], codes[:, 3], truth[:, 5] = 0, -np.abs(codes[:, 3]), 0.0
    units, features = np.repeat(np.arange(9), 8), np.tile(np.arange(8), 9)
    found = recovery.firing_scores(codes, truth, units, features, threshold)
    for k, (unit, feature) in enumerate(zip(units, features, strict=True)):
        own, there = codes[:, unit], truth[:, feature] > 0
        fires, present = own > threshold, int(there.sum())
        hits = int((fires & there).sum())
        due = (
            hits / fires.sum() if fires.any() else np.nan,
            hits / present if present else np.nan,
            2 * hits / (fires.sum() + present) if fires.any() or present else np.nan,
        )
        sides = [
            _plain_best((sign * own[sign * own > 0]).tolist(), there[sign * own > 0].tolist(), present)
            for sign in (1, -1)
        ]
        best = sides[0] if not (own < 0).any() or not sides[1][0] > sides[0][0] else (sides[1][0], -sides[1][1])
        np.testing.assert_array_equal((found.precision[k], found.recall[k], found.f1[k]), due)
        np.testing.assert_array_equal((found.best_f1[k], found.best_threshold[k]), best)
        assert (found.present[k], found.fired[k]) == (present, int(fires.sum()))
    parent, unit_of = np.array([-1, 0, 0, 1, 1, 2, 2, -1]), np.array([0, 1, 2, 3, -1, 4, 5, 6])
    edges = recovery.absorption(codes, truth, parent, unit_of, threshold)
    for k, (above, child) in enumerate(zip(edges.parent, edges.child, strict=True)):
        both, alone = (truth[:, above] > 0) & (truth[:, child] > 0), (truth[:, above] > 0) & ~(truth[:, child] > 0)
        fires = codes[:, unit_of[above]] > threshold if unit_of[above] >= 0 else np.zeros(60, bool)
        recalls = [fires[part].mean() if fires.any() and part.any() else np.nan for part in (both, alone)]
        np.testing.assert_array_equal((edges.with_child[k], edges.without_child[k]), recalls)
        assert (edges.points_with[k], edges.points_without[k]) == (both.sum(), alone.sum())
        silent = both & ~fires
        known = unit_of[above] >= 0 and unit_of[child] >= 0 and silent.any()
        share = (codes[silent, unit_of[child]] > threshold).mean() if known else np.nan
        np.testing.assert_array_equal(edges.child_fires[k], share)


def test_few_pairs_of_every_direction_are_enough() -> None:
    """Among many more features than directions, all pairs kept or four times 16 of every direction: one value."""
    rng = np.random.default_rng(0)
    D = rng.standard_normal((400, 12))
    W = D[rng.integers(0, 4, 40)] + 0.3 * rng.standard_normal((40, 12))  # ten of them want one feature
    kept = matching._best_of(np.repeat(np.arange(3), 5), np.arange(15.0), 2)
    assert kept.tolist() == [3, 4, 8, 9, 13, 14]
    exact, thin = match_dictionary(W, D), match_dictionary(W, D, exact=10)
    assert not thin.exact
    assert thin.mcc == pytest.approx(exact.mcc, abs=1e-6)
    assert match_dictionary(W, D, exact=10, candidates=1).mcc < exact.mcc - 1e-3  # the control: one of each


def test_one_absorbed_edge_is_counted_where_the_mean_gap_hides_it() -> None:
    """Two children fill a parent whose unit is silent with the first: gaps of 1 and -1, a mean of 0."""
    first = np.arange(40) < 16
    truth = np.stack([np.ones(40), first, ~first], axis=1).astype(float)
    codes = truth.copy()
    codes[first, 0] = 0.0
    parent = np.array([-1, 0, 0])
    found = recovery.absorption(codes, truth, parent, np.arange(3))
    assert found.gap.tolist() == [1.0, -1.0]
    assert (found.mean, found.absorbed) == (0.0, 0.5)
    assert "0.500 of them absorbed" in repr(found)
    assert recovery.absorption(truth, truth, parent, np.arange(3)).absorbed == 0.0  # the control
    assert np.isnan(recovery.absorption(codes[:, :1], truth[:, :1], np.array([-1]), np.array([0])).absorbed)
