"""Minimum spanning trees of clusters: references, exact laws of tiny boxes, subclusters at a lower occupation."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from exact_laws import REJECTED, THRESHOLD, chi_square
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples, some

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.families import _forests as forests
from fractalman.families.lattice_percolation.box import Lattice, LatticeClusters
from fractalman.trees import depths, path_sums
from tests.families.test_lattice import boxes
from tests.families.test_lattice_datasets import digest
from tests.reference import forests as forest_reference
from tests.reference import lattice as reference

Edge = tuple[int, int]


def spanning(box: Lattice) -> tuple[LatticeClusters, np.ndarray]:
    """The clusters of a box and their minimum spanning trees."""
    made = box.clusters("all")
    return made, forests.minimum_spanning_forest(made.edges, box.bond_weights(made), made.site.size)


# ---------------------------------------------------------------------------------------------------- references


@examples(30)
@given(boxes)
def test_reference_of_the_minimum_spanning_forest(box: Lattice) -> None:
    _, size, pairs = reference.clusters(box.shape, box.percolation, box.occupation, box.periodic, box.seed, "all")
    if not size:
        return
    made, tree = spanning(box)
    sites = [(int(made.site[a]), int(made.site[b])) for a, b in pairs]
    weight = reference.bond_weights(box.shape, box.percolation, box.periodic, box.seed, sites)
    assert box.bond_weights(made).tolist() == weight
    assert len(set(weight)) == len(weight)
    if len(pairs) <= 60:  # the slow reference takes cubic time
        assert [tuple(e) for e in tree.tolist()] == forest_reference.minimum_spanning_forest(pairs, weight)
    assert len(tree) == made.site.size - len(size)
    assert (made.cluster[tree[:, 0]] == made.cluster[tree[:, 1]]).all()
    cut = forests.join_in_order(tree, made.site.size, np.arange(len(tree)))  # an error unless it is a forest
    assert sorted(cut.size[cut.parent < 0].tolist(), reverse=True) == size
    np.testing.assert_array_equal(cut.depth, depths(cut.parent))


def test_a_graph_of_any_kind() -> None:
    square = np.array([[0, 1], [1, 2], [2, 3], [3, 0]])
    assert forests.minimum_spanning_forest(square, np.array([4.0, 3, 2, 1]), 4).tolist() == [[3, 0], [2, 3], [1, 2]]
    for n in (1, 2, 5):
        assert forests.minimum_spanning_forest(np.empty((0, 2), np.int64), np.empty(0), n).shape == (0, 2)


# ---------------------------------------------------------------------------------------------------- exact laws


def enumerated(shape: tuple[int, ...], periodic: bool = False) -> tuple[dict[frozenset[Edge], int], dict[int, int]]:
    """By listing all orders of a full box's bonds: how often each spanning tree is minimal, how often the first split
    by removing bonds one after the other, loops included, leaves a smaller side of each size."""
    pairs = [(s, t) for s, t, _ in reference.neighbours(shape, periodic)]
    n = int(np.prod(shape))
    trees: dict[frozenset[Edge], int] = {}
    splits: dict[int, int] = {}
    for order in itertools.permutations(pairs):
        link = list(range(n))
        chosen = []
        for a, b in order:
            if link[a] != link[b]:
                sides = [sum(x == link[c] for x in link) for c in (a, b)]
                link = [link[a] if x == link[b] else x for x in link]
                chosen.append((a, b))
        # the last join is the first split of the reversed order
        tree = frozenset(chosen)
        trees[tree] = trees.get(tree, 0) + 1
        splits[min(sides)] = splits.get(min(sides), 0) + 1
    return trees, splits


def drawn(shape: tuple[int, ...], draws: int) -> tuple[dict[frozenset[Edge], int], dict[int, int], dict[int, int]]:
    """The same counts of drawn trees and hierarchies, and of hierarchies that cut those trees in uniform order."""
    trees: dict[frozenset[Edge], int] = {}
    splits: dict[int, int] = {}
    others: dict[int, int] = {}
    n = int(np.prod(shape))
    pairs = np.array([(s, t) for s, t, _ in reference.neighbours(shape, False)])
    whole = LatticeClusters(np.arange(n), np.array([n]), pairs, 1, n)
    for seed in range(draws):
        weight = Lattice(shape, "site", 1.0, False, seed).bond_weights(whole)
        edges = forests.minimum_spanning_forest(pairs, weight, n)
        tree = frozenset((a, b) for a, b in edges.tolist())
        trees[tree] = trees.get(tree, 0) + 1
        for counts, cut in (
            (splits, forests.join_in_order(edges, n, np.arange(n - 1))),
            (others, forests.cut_tree(edges, n, seed)),
        ):
            side = int(cut.size[cut.parent == n].min())  # points of the smaller side of the first split
            counts[side] = counts.get(side, 0) + 1
    return trees, splits, others


def test_trees_and_splits_of_a_small_box_by_exact_enumeration() -> None:
    law, split_law = enumerated((3, 2))
    assert len(law) == 15  # every spanning tree of the ladder with two loops
    trees, splits, other = drawn((3, 2), some(16_000, fast=10_000))
    assert set(trees) <= set(law)
    counts, exact = [trees.get(t, 0) for t in law], [w / 5040 for w in law.values()]
    assert chi_square(counts, exact) > THRESHOLD
    assert chi_square(counts, [1 / 15] * 15) < REJECTED  # a uniform spanning tree is another object
    sides = sorted(split_law)
    assert chi_square([splits.get(s, 0) for s in sides], [split_law[s] / 5040 for s in sides]) > THRESHOLD
    # control: cutting the same trees' edges in an order of their own
    assert chi_square([other.get(s, 0) for s in sides], [split_law[s] / 5040 for s in sides]) < REJECTED


@given(st.sampled_from([(9, 8), (5, 4, 3)]), st.integers(0, 99), st.floats(0.2, 0.95), st.floats(0.05, 1.0))
def test_subclusters_are_the_clusters_of_a_lower_occupation(
    shape: tuple[int, ...], seed: int, p: float, share: float
) -> None:
    """Bonds: joining what is lighter than q gives the clusters of the same box at occupation q."""
    box, q = Lattice(shape, "bond", p, True, seed), share * p
    made = box.clusters("all")
    weight = box.bond_weights(made)
    tree = forests.minimum_spanning_forest(made.edges, weight, made.site.size)
    light = dict(zip(map(tuple, made.edges.tolist()), ((weight >> 11) < q * 2.0**53).tolist(), strict=True))
    below = sum(light[a, b] for a, b in tree.tolist())  # by rising weight: the first ones
    assert all(light[a, b] for a, b in tree[:below].tolist())
    cut = forests.join_in_order(tree[:below], made.site.size, np.arange(below))
    top = forests.top_nodes(cut.parent, np.arange(made.site.size))
    lower = Lattice(shape, "bond", q, True, seed).labelled().label[made.site]
    assert len({*zip(top.tolist(), lower.tolist(), strict=True)}) == np.unique(top).size == np.unique(lower).size


# ---------------------------------------------------------------------------------------------------- datasets

RECIPES = {
    f"{percolation}-{boundary}-{label}": fm.LatticePercolation(
        dim=2,
        side=13,
        percolation=percolation,
        boundary=boundary,
        clusters="all",
        label=label,
        ambient_dim=6,
        spanning_tree="minimum",
        seed=5,
    )
    for percolation, boundary, label in (
        ("site", "free", "hierarchical"),
        ("bond", "periodic", "hierarchical"),
        ("bond", "free", "brownian"),
        ("site", "periodic", "cluster-constant"),
    )
}


@pytest.mark.parametrize("name", RECIPES)
def test_datasets_are_what_they_say(name: str, tmp_path: Path) -> None:
    recipe = RECIPES[name]
    data, other = fm.generate(recipe), fm.generate(recipe.replace(spanning_tree="breadth-first"))
    np.testing.assert_array_equal(data.X, other.X)
    np.testing.assert_array_equal(data.edges, other.edges)  # type: ignore[arg-type]
    h, t = data.hierarchy, data.label_tree
    assert h is not None
    assert t is not None
    assert other.hierarchy is not None
    assert (h.parent != other.hierarchy.parent).any()
    assert (depths(h.parent) == h.depth).all()
    assert sorted(h.size[h.parent == -1].tolist(), reverse=True) == np.bincount(data.cluster).tolist()
    variance = path_sums(t.parent, t.variance)[t.leaf] / t.norm**2
    assert variance.mean() == pytest.approx(1.0)
    if recipe.label == "brownian":  # every step is a bond of the cluster
        bonds = {tuple(sorted(e)) for e in data.edges.tolist()}  # type: ignore[union-attr]
        steps = {tuple(sorted((int(t.parent[v]), v))) for v in np.flatnonzero(t.parent >= 0).tolist()}
        assert steps <= bonds
    else:
        np.testing.assert_allclose(variance, 1.0)
    np.testing.assert_array_equal(fm.label_draws(data, 1)[:, 0], data.y)
    path = fm.write(recipe, tmp_path / "box.h5")
    assert fm.verify(path) == []
    with fm.open(path) as f:
        assert f.recipe == recipe
        assert digest(f.dataset()) == digest(data)


def test_golden_digests() -> None:
    """Bytes of released recipes never change without a new STREAM_VERSION and a line in the CHANGELOG."""
    golden = {
        "site-free-hierarchical": "818ef63bd0a2bd2a74e881f33fa190bc",
        "bond-free-brownian": "8f08609c84efc49f34fdb1f2fb01e10a",
    }
    assert {name: digest(fm.generate(RECIPES[name])) for name in golden} == golden


def test_the_recipe_says_which_tree() -> None:
    recipe = RECIPES["site-free-hierarchical"]
    assert recipe.to_dict()["spanning_tree"] == "minimum"
    assert "spanning_tree" not in recipe.replace(spanning_tree="breadth-first").to_dict()
    for tree in ("minimum", "breadth-first"):
        assert fm.from_toml(recipe.replace(spanning_tree=tree).to_toml()).spanning_tree == tree  # type: ignore[attr-defined]
    with pytest.raises(RecipeError, match="'minimum'"):
        recipe.replace(spanning_tree="minimal")
