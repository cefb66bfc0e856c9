"""Exponents of the Bayes floor against belief propagation on drawn hierarchies: lattices, noisy labels.

Every law is held within 3 standard errors and an allowance for the slow approach to the asymptote, and beside it stands
a law that was once believed, which the same slopes reject.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sampled import some

import fractalman as fm
from fractalman import generation
from fractalman.prediction import law_of
from fractalman.random.streams import Role, key64, permutation
from fractalman.theory import bayes_curve, local_slope


def slopes(recipe: fm.Recipe, sizes: list[int], seeds: int, tests: int = 1024) -> tuple[float, float]:
    """Mean slope of the floor above the noise and its standard error, over drawn hierarchies."""
    found = []
    for seed in range(seeds):
        made = generation.structure(recipe.replace(seed=2000 + seed))
        assert made.label_tree is not None
        tree = made.label_tree.noisy(recipe.noise) if recipe.noise else made.label_tree
        order = permutation(key64(seed, Role.SPLIT), made.y.size)
        risk = bayes_curve(tree, order, sizes, order[-tests:]).mean(axis=1) - recipe.noise**2
        found.append(local_slope(sizes, risk))
    return float(np.mean(found)), float(np.std(found, ddof=1) / np.sqrt(seeds))


@pytest.mark.parametrize(("tree", "once"), [("breadth-first", 0.807), ("minimum", 1.209)])
def test_lattice_floors_fall_like_one_over_n_for_large_subclusters(tree: str, once: float) -> None:
    """min(1, x + 2a) of §3.7; min(2x, x + 2a), which agrees with it in mean field only, is rejected."""
    recipe = fm.LatticePercolation(
        dim=2, side=300, percolation="bond", label_exponent=0.5, spanning_tree=tree, ambient_dim=4
    )
    mean, error = slopes(recipe, [64, 256, 1024], some(40, fast=24), tests=4096)
    due = law_of(recipe, "bayes").data_exponent
    assert due == 1.0
    assert abs(mean - due) < 3 * error + 0.08
    assert abs(mean - once) > 3 * error + 0.08


def test_noisy_floor_of_unequal_cells() -> None:
    """α_P/(1+α_P) = .501 of §3.6; β/(1+β) = .453, that of a fixed number of neighbours, is rejected."""
    recipe = fm.Cascade(
        n_points=17_500, masses=(0.7, 0.2, 0.1), contraction=(0.3, 0.5, 0.5), hurst=0.5, ambient_dim=24, noise=1.0
    )
    mean, error = slopes(recipe, [256, 1024, 4096, 16384], 12)
    due, once = (law_of(recipe, name).excess_exponent for name in ("bayes", "k-nn"))
    assert due is not None
    assert once is not None
    assert abs(mean - due) < 3 * error + 0.015
    assert abs(mean - once) > 3 * error + 0.015


def test_noisy_floor_of_constant_clusters() -> None:
    """n^−1/2, as without noise; n^−1/3, that of a fixed number of neighbours, is rejected."""
    recipe = fm.PercolationEnsemble(
        n_points=200_000, ensemble="size-biased", label="cluster-constant", ambient_dim=2, noise=0.5
    )
    mean, error = slopes(recipe, [64, 256, 1024, 4096], 12)
    due = law_of(recipe, "bayes").excess_exponent
    once = law_of(dataclasses.replace(recipe, ambient_dim=128), "k-nn").excess_exponent  # in 2 it has none
    assert due is not None
    assert once is not None
    assert abs(mean - due) < 3 * error + 0.05
    assert abs(mean - once) > 3 * error + 0.05


def test_noisy_floor_of_one_cluster() -> None:
    """a = 1/2: 3/5, where β/(1+β) of the clean exponent 1 would be 1/2 and is rejected."""
    recipe = fm.PercolationCluster(n_points=200_000, label_exponent=0.5, ambient_dim=2, noise=0.5)
    mean, error = slopes(recipe, [64, 256, 1024, 4096], 10)
    due = law_of(recipe, "bayes").excess_exponent
    assert due == pytest.approx(0.6)
    assert abs(mean - due) < 3 * error + 0.03
    assert abs(mean - 0.5) > 3 * error + 0.03
