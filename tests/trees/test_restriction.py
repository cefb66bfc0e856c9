"""Hierarchies and label trees of some of the points equal brute force over paths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples

import fractalman as fm
from fractalman.trees import Hierarchy, LabelTree, depths, restricted_hierarchy, restricted_label_tree
from tests.reference.restriction import collapsed_paths, path, subclusters


@st.composite
def hierarchies(draw: st.DrawFn) -> Hierarchy:
    """Any hierarchy: latents with any number of children, chains, several roots, points without a latent."""
    n, latents = draw(st.integers(1, 12)), draw(st.integers(0, 14))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    above = np.array([rng.integers(-1, k) if k else -1 for k in range(latents)], dtype=np.int64)
    points = rng.integers(-1, latents, n) if latents else np.full(n, -1)
    below = np.bincount(points[points >= 0], minlength=latents)
    for k in range(latents - 1, -1, -1):
        if above[k] >= 0:
            below[above[k]] += below[k]
    order = np.argsort(-below, kind="stable")
    number = np.full(latents + 1, -1, np.int64)
    number[order] = n + np.arange(latents)
    parent = np.concatenate([number[points], number[above[order]]])
    value = rng.standard_normal(parent.size)
    size = np.concatenate([np.ones(n, np.int64), below[order]])
    return Hierarchy(parent, value, rng.uniform(0.0, 2.0, parent.size), size, depths(parent), n)


@st.composite
def chosen(draw: st.DrawFn) -> tuple[Hierarchy, list[int]]:
    h = draw(hierarchies())
    rows = draw(st.lists(st.integers(0, h.n_points - 1), min_size=1, max_size=h.n_points, unique=True))
    return h, rows


@examples(150, deadline=None)
@given(chosen(), st.booleans())
def test_restriction_against_reference(case: tuple[Hierarchy, list[int]], drop_empty: bool) -> None:
    """Without joined chains: every latent of the whole, its points the old ones that are left."""
    h, rows = case
    small = restricted_hierarchy(h, np.array(rows), drop_empty=drop_empty)
    wanted = subclusters(h, rows)
    kept = [node for node in wanted if wanted[node] or not drop_empty]
    assert small.n_latents == len(kept)
    latents = range(small.n_points, small.n_nodes)
    found = [set(small.points(node).tolist()) for node in latents]
    ordered = sorted(kept, key=lambda node: (-len(wanted[node]), node))
    assert found == [wanted[node] for node in ordered]
    assert small.size.tolist() == [1] * len(rows) + [len(wanted[node]) for node in ordered]
    old = rows + ordered
    number = {node: i for i, node in enumerate(old)} | {-1: -1}
    assert small.parent.tolist() == [number[int(h.parent[node])] for node in old]
    assert np.array_equal(small.value, h.value[old])
    assert np.array_equal(small.variance, h.variance[old])
    assert np.array_equal(small.depth, depths(small.parent))


@examples(150, deadline=None)
@given(chosen())
def test_joined_chains_against_reference(case: tuple[Hierarchy, list[int]]) -> None:
    h, rows = case
    small = restricted_hierarchy(h, np.array(rows), collapse=True)
    parent = small.parent.tolist()
    runs = collapsed_paths(h.parent.tolist(), rows)
    for point, expected in enumerate(runs):
        nodes = path(parent, point)[::-1]
        assert len(nodes) == len(expected)
        for node, run in zip(nodes, expected, strict=True):
            assert small.value[node] == pytest.approx(sum(h.value[u] for u in run), abs=1e-12)
            assert small.variance[node] == pytest.approx(sum(h.variance[u] for u in run), abs=1e-12)
    children = np.bincount(small.parent[small.parent >= 0], minlength=small.n_nodes)[small.n_points :]
    assert (children >= 2).all()
    assert {frozenset(s) for s in subclusters(h, rows).values() if len(s) > 1} == {
        frozenset(small.points(node).tolist()) for node in range(small.n_points, small.n_nodes)
    }


@examples(150, deadline=None)
@given(hierarchies(), st.data())
def test_label_trees_keep_covariances(h: Hierarchy, data: st.DataObject) -> None:
    """Labels that end anywhere, also above others: values, variances and covariances stay, whatever is left out."""
    m = h.n_nodes
    leaf = np.array(data.draw(st.lists(st.integers(0, m - 1), min_size=1, max_size=10)), dtype=np.int64)
    tree = LabelTree(h.parent, h.value, h.variance + 0.1, np.linspace(1.0, 2.0, leaf.size), leaf)
    rows = np.array(data.draw(st.lists(st.integers(0, leaf.size - 1), min_size=1, unique=True)), dtype=np.int64)
    for drop_empty, collapse in ((False, False), (True, False), (False, True)):
        small = restricted_label_tree(tree, rows, None, drop_empty, collapse)
        assert np.array_equal(small.norm, tree.norm[rows])
        assert np.allclose(_sums(small, small.value), _sums(tree, tree.value)[rows], atol=1e-12)
        assert np.allclose(_covariance(small), _covariance(tree)[np.ix_(rows, rows)], atol=1e-12)
        used = {node for leaf in small.leaf.tolist() for node in path(small.parent.tolist(), leaf)}
        assert collapse or drop_empty or small.parent.size == m
        assert not (collapse or drop_empty) or used == set(range(small.parent.size))


def _sums(tree: LabelTree, column: np.ndarray) -> np.ndarray:
    return np.array([column[path(tree.parent.tolist(), leaf)].sum() for leaf in tree.leaf.tolist()])


def _covariance(tree: LabelTree) -> np.ndarray:
    paths = [set(path(tree.parent.tolist(), leaf)) for leaf in tree.leaf.tolist()]
    shared = [[sum(tree.variance[u] for u in a & b) for b in paths] for a in paths]
    return np.array(shared) / np.outer(tree.norm, tree.norm)


def test_all_points_in_their_order_are_the_hierarchy_itself() -> None:
    h = fm.generate(fm.PercolationCluster(n_points=200, ambient_dim=2)).hierarchy
    assert h is not None
    for options in ({}, {"drop_empty": True}, {"collapse": True}):
        same = restricted_hierarchy(h, np.arange(200), **options)
        for name in ("parent", "value", "variance", "size", "depth"):
            assert np.array_equal(getattr(same, name), getattr(h, name)), name
