"""The dictionary behind a dataset: X is codes × directions + residual, the directions are those that were drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fractalman as fm

CASCADES = [
    fm.Cascade(n_points=300, ambient_dim=24, branching=3, contraction=0.4, seed=3),
    fm.Cascade(n_points=300, ambient_dim=7, branching=(2, 5), contraction=0.6, nuisance_dim=3, rotate=True, seed=3),
    fm.Cascade(n_points=300, ambient_dim=9, branching=3, masses=(0.5, 0.3, 0.2), contraction=(0.3, 0.4, 0.5), seed=3),
]
FORESTS = [
    fm.PercolationCluster(n_points=300, ambient_dim=12),
    fm.PercolationEnsemble(n_points=300, ambient_dim=12),
]


@pytest.mark.parametrize("recipe", [*CASCADES, *FORESTS], ids=lambda r: r.family)
def test_points_are_codes_times_directions_and_a_residual(recipe: fm.Recipe) -> None:
    data = fm.generate(recipe)
    known = data.dictionary()
    np.testing.assert_allclose(known.codes @ known.directions + known.residual, data.X, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(known.directions, axis=1), 1.0, atol=1e-6)
    assert known.codes.nnz == known.size.sum()
    inner = known.parent >= 0
    assert (known.parent[inner] < np.flatnonzero(inner)).all()
    present = (known.codes > 0).toarray()
    assert not (present[:, inner] & ~present[:, known.parent[inner]]).any()  # a child never without its parent


def points_of(known: Any) -> list[list[int]]:
    """Which of the first 150 points have a latent, latent by latent."""
    present = (known.codes[:150] > 0).tocsc().sorted_indices()
    return [part.tolist() for part in np.split(present.indices, present.indptr[1:-1])]


@pytest.mark.parametrize("recipe", CASCADES, ids=lambda r: str(r.contraction))
def test_directions_of_a_cascade_are_its_own_whatever_the_points(recipe: fm.Cascade) -> None:
    """A latent that 300 and 150 points share is one vector, and what is left shrinks below every latent's scale."""
    known = fm.generate(recipe).dictionary()
    half = fm.generate(replace(recipe, n_points=150)).dictionary()
    assert known.kind == half.kind == "drawn"
    shared = [
        (i, j)
        for i, a in enumerate(points_of(half))
        for j, b in enumerate(points_of(known))
        if a == b and half.magnitude[i] == known.magnitude[j]
    ]
    assert len(shared) >= 10
    for i, j in shared:
        np.testing.assert_array_equal(half.directions[i], known.directions[j])


def test_a_drawn_dictionary_leaves_less_than_means_that_were_fitted_to_other_labels() -> None:
    """Control: the same codes on a permuted hierarchy explain next to nothing."""
    recipe = fm.Cascade(n_points=2000, ambient_dim=64)
    data = fm.generate(recipe)
    known = data.dictionary()
    assert known.explained > 0.99
    wrong = known.codes[np.random.default_rng(0).permutation(2000)] @ known.directions
    assert np.square(data.X - wrong).sum() > np.square(data.X - data.X.mean(axis=0)).sum()


@given(st.integers(2, 60), st.integers(0, 9), st.integers(2, 12))
@settings(max_examples=15)
def test_means_are_those_of_the_smallest_subcluster(n: int, seed: int, min_size: int) -> None:
    data = fm.generate(fm.PercolationCluster(n_points=n, ambient_dim=4, seed=seed))
    if n < min_size:
        with pytest.raises(fm.RecipeError, match="smaller min_size"):
            data.dictionary(min_size)
        return
    known, tree = data.dictionary(min_size), data.hierarchy
    assert tree is not None
    made = known.codes @ known.directions.astype(np.float64)
    for i in range(n):
        smallest = next(int(a) for a in tree.ancestors(i) if tree.size[a] >= min_size)
        np.testing.assert_allclose(made[i], data.X[tree.points(smallest)].mean(axis=0), atol=1e-5)


def test_files_give_the_same_dictionary(tmp_path: Path) -> None:
    data = fm.generate(CASCADES[0])
    with fm.open(fm.write(CASCADES[0], tmp_path / "a.h5")) as file:
        known = file.dictionary(min_size=5)
    np.testing.assert_array_equal(known.directions, data.dictionary(min_size=5).directions)
    assert (known.size >= 5).all()


def test_what_has_no_dictionary_says_so() -> None:
    data = replace(fm.generate(CASCADES[0]), hierarchy=None)
    with pytest.raises(fm.RecipeError, match="no hierarchy"):
        data.dictionary()
    for wrong in (0, -3, 2.5, True, "ten"):
        with pytest.raises(fm.RecipeError, match="min_size"):
            fm.generate(CASCADES[0]).dictionary(wrong)  # type: ignore[arg-type]


def test_latents_that_add_nothing_hand_their_children_on() -> None:
    """A split whose halves have one mean is left out, what lies below it is not."""
    data = fm.generate(fm.PercolationCluster(n_points=40, ambient_dim=3, seed=1))
    X = data.X.copy()
    tree = data.hierarchy
    assert tree is not None
    inner = next(int(u) for u in range(41, tree.n_nodes) if tree.size[u] >= 3 and tree.parent[u] == 40)
    X[tree.points(40)] = X[0]  # all points in one place: only the root's own mean is left
    known = replace(data, X=X).dictionary()
    assert known.node.tolist() == [40]
    X[tree.points(inner)[0]] += 1.0
    known = replace(data, X=X).dictionary()
    assert (known.parent[1:] >= 0).all()
    np.testing.assert_allclose(known.codes @ known.directions + known.residual, X, atol=1e-5)
