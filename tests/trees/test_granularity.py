"""Ranges, ancestors, cuts, coarse grains: references, and what holds of every hierarchy at every scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fractalman as fm
from fractalman import theory, trees
from fractalman.errors import RecipeError
from fractalman.trees import Hierarchy, LabelTree, coarse_label_tree
from tests.reference import trees as reference


@st.composite
def hierarchies(draw: st.DrawFn, most: int = 30) -> Hierarchy:
    """Forests over points: latents of two or more children, by decreasing size; trees, cascades and singletons."""
    n = draw(st.integers(1, most))
    blocks: list[tuple[int, list]] = [(1, [i]) for i in draw(st.permutations(range(n)))]
    for _ in range(draw(st.integers(0, n - 1))):
        if len(blocks) < 2:
            break
        k = draw(st.integers(2, min(5, len(blocks))))
        at = draw(st.integers(0, len(blocks) - k))
        merged = blocks[at : at + k]
        blocks[at : at + k] = [(sum(s for s, _ in merged), [-1, *merged])]
    found: list[tuple[int, list, int]] = []
    waiting = [(block, -1) for block in blocks]
    parent = np.full(n, -1, np.int64)
    while waiting:
        (size, content), above = waiting.pop(0)
        if content[0] != -1:
            parent[content[0]] = above
            continue
        found.append((size, content, above))
        waiting += [(child, len(found) - 1) for child in content[1:]]
    ranked = sorted(range(len(found)), key=lambda k: (-found[k][0], k))
    number = {k: n + place for place, k in enumerate(ranked)} | {-1: -1}
    parents = np.array([number[p] for p in parent] + [number[found[k][2]] for k in ranked], np.int64)
    size = np.array([1] * n + [found[k][0] for k in ranked], np.int64)
    noise = np.sin(np.arange(parents.size) + 1.0)
    return Hierarchy(parents, noise, noise**2, size, trees.depths(parents), n)


@given(hierarchies())
def test_reference_of_the_contiguous_order(h: Hierarchy) -> None:
    order = h.order()
    points, ranges = reference.contiguous_order(h.parent.tolist(), h.n_points)
    assert order.points.tolist() == points
    assert list(zip(order.start.tolist(), order.stop.tolist(), strict=True)) == ranges
    assert sorted(points) == list(range(h.n_points))
    np.testing.assert_array_equal(order.points[order.place], np.arange(h.n_points))
    for u in range(h.n_nodes):
        below = [i for i in range(h.n_points) if u in reference.path(h.parent, i)]
        assert h.points(u).tolist() == below
        assert h.ancestors(u).tolist() == reference.path(h.parent, u)[-2::-1]


@given(hierarchies())
def test_reference_of_the_common_ancestors(h: Hierarchy) -> None:
    a, b = (x.ravel() for x in np.meshgrid(np.arange(h.n_nodes), np.arange(h.n_nodes)))
    slow = [reference.lowest_common_ancestor(h.parent, int(u), int(v)) for u, v in zip(a, b, strict=True)]
    assert h.lowest_common_ancestors(a, b).tolist() == slow
    assert trees.lowest_common_ancestors(h.parent, h.depth, a, b).tolist() == slow


@pytest.mark.parametrize("shape", ["path", "two paths", "caterpillar", "random", "shuffled"])
def test_reference_of_common_ancestors_in_deep_forests(shape: str) -> None:
    """Climbing and heavy paths agree where climbing is long; no path crosses more than log2(m) + 1 heavy ones."""
    m = 3000
    up = np.arange(m, dtype=np.int64) - 1
    if shape == "two paths":
        up[m // 2] = -1
    elif shape == "caterpillar":
        up = np.where(np.arange(m) % 2 == 0, np.arange(m) - 2, np.arange(m) - 1)
        up[0] = -1
    elif shape != "path":
        up = np.maximum(np.arange(m) - 1 - (np.arange(m) * 7919) % 5, 0)
        up[0] = -1
    if shape == "shuffled":
        name = (np.arange(m) * 1009) % m  # 1009 is prime to 3000
        moved = np.empty(m, np.int64)
        moved[name] = np.where(up >= 0, name[up], -1)
        up = moved
    index = trees.CommonAncestors(up)
    a, b = (np.arange(4000) * 17) % m, (np.arange(4000) * 2203 + 5) % m
    found = index.of(a, b)
    few = slice(0, 60)
    assert found[few].tolist() == [
        reference.lowest_common_ancestor(up, int(u), int(v)) for u, v in zip(a[few], b[few], strict=True)
    ]
    one_by_one = np.concatenate(
        [trees.lowest_common_ancestors(up, index.depth, a[k : k + 1], b[k : k + 1]) for k in range(400)]
    )
    np.testing.assert_array_equal(found[:400], one_by_one)
    crossed = np.zeros(m, np.int64)
    for u in trees.topological_order(up):
        if up[u] >= 0:
            crossed[u] = crossed[up[u]] + (index.head[u] == u)
    assert crossed.max() <= np.log2(m) + 1


@given(hierarchies(), st.integers(1, 40), st.integers(1, 40))
def test_cuts_are_partitions_and_nest(h: Hierarchy, size: int, other: int) -> None:
    cut = h.cut(size)
    assert cut.node[cut.fragment].tolist() == reference.cut(h.parent, h.size, h.n_points, size)
    assert cut.count.max() <= size
    assert cut.count.sum() == h.n_points
    np.testing.assert_array_equal(np.bincount(cut.fragment), cut.count)
    for f, u in enumerate(cut.node):
        assert h.points(int(u)).tolist() == np.flatnonzero(cut.fragment == f).tolist()
        assert h.parent[u] < 0 or h.size[h.parent[u]] > size  # maximal
    fine, rough = (cut, h.cut(other)) if size <= other else (h.cut(other), cut)
    together = {(int(f), int(g)) for f, g in zip(fine.fragment, rough.fragment, strict=True)}
    assert len(together) == fine.node.size  # every fine fragment lies in one rough fragment
    assert h.cut(1).node.size == h.n_points
    assert h.cut(h.n_points).node.size == (h.parent < 0).sum()


@given(hierarchies(), st.integers(1, 40), st.booleans())
def test_the_coarse_label_tree_is_exact(h: Hierarchy, size: int, leaves_repeat: bool) -> None:
    """Covariances of mean labels from the coarse tree equal those averaged from the fine one, and so do the labels."""
    n = h.n_points
    norm = 1.0 + 0.5 * np.cos(np.arange(n))
    tree = LabelTree(h.parent, h.value, h.variance, norm, np.arange(n))
    if leaves_repeat:  # one value per cluster
        roots = np.array([reference.path(h.parent, i)[0] for i in range(n)])
        names, leaf = np.unique(roots, return_inverse=True)
        tree = LabelTree(np.full(names.size, -1), h.value[names], h.variance[names], norm, leaf.reshape(-1))
    cut = h.cut(size)
    made = coarse_label_tree(tree, cut.fragment, cut.node.size)
    assert made is not None
    mean = np.zeros((cut.node.size, n))
    mean[cut.fragment, np.arange(n)] = 1.0 / cut.count[cut.fragment]
    labels, covariance = dense(tree)
    coarse_labels, coarse_covariance = dense(made[0])
    np.testing.assert_allclose(coarse_covariance, mean @ covariance @ mean.T, atol=1e-12)
    np.testing.assert_allclose(coarse_labels, mean @ labels, atol=1e-12)


def dense(tree: LabelTree) -> tuple[np.ndarray, np.ndarray]:
    """Labels and their covariance by listing every path."""
    paths = [reference.path(tree.parent, int(leaf)) for leaf in tree.leaf]
    below = np.zeros((len(paths), tree.parent.size))
    for i, path in enumerate(paths):
        below[i, path] = 1.0 / tree.norm[i]
    return below @ tree.value, (below * tree.variance) @ below.T


RECIPES = {
    "cluster": fm.PercolationCluster(n_points=400, ambient_dim=19, label_exponent=0.25, seed=3),
    "brownian": fm.PercolationCluster(n_points=400, ambient_dim=6, label="brownian", seed=3),
    "cascade": fm.Cascade(n_points=400, ambient_dim=24, branching=(1, 6), seed=4),
    "duplicates": fm.Cascade(n_points=60, branching=2, depth=3),
    "ensemble": fm.PercolationEnsemble(n_points=300, ambient_dim=5, seed=2),
    "constant": fm.PercolationEnsemble(n_points=300, ambient_dim=5, label="cluster-constant", seed=2),
    "bethe": fm.BetheLattice(n_points=200, ambient_dim=4, coordination=3, seed=2),
    "lattice": fm.LatticePercolation(dim=2, side=20, ambient_dim=2, clusters="all", seed=2),
    "one": fm.PercolationCluster(n_points=1, ambient_dim=2),
    "two": fm.PercolationCluster(n_points=2, ambient_dim=2),
}


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("size", [1, 2, 7, 60, 1000])
def test_coarse_grains(name: str, size: int) -> None:
    data = fm.generate(RECIPES[name])
    coarse = fm.coarse_grain(data, size=size)
    h, n = coarse.hierarchy, coarse.n_points
    assert data.hierarchy is not None
    assert data.label_tree is not None
    assert coarse.count.sum() == data.n_points
    assert (np.diff(coarse.cluster) >= 0).all()
    for f in range(n):
        inside = coarse.fragment == f
        np.testing.assert_allclose(coarse.X[f], data.X[inside].astype(float).mean(axis=0), rtol=1e-6, atol=1e-6)
        assert coarse.y[f] == pytest.approx(data.y[inside].mean(), abs=1e-12)
    # the rules of every hierarchy
    assert h.n_points == n
    assert (h.size[:n] == 1).all()
    assert (np.diff(h.size[n:]) <= 0).all()
    assert (h.parent[n:] < np.arange(n, h.n_nodes)).all()
    assert h.n_latents == (data.hierarchy.size > size).sum()
    below = np.zeros(h.n_nodes, np.int64)
    for f in range(n):
        below[reference.path(h.parent, f)] += 1
    np.testing.assert_array_equal(below, h.size)
    if data.edges is not None and coarse.edges is not None:
        clusters = np.unique(coarse.cluster).size
        if name == "lattice":  # loops of fragments stay
            assert len(coarse.edges) >= n - clusters
        else:  # fragments of a tree are connected, so their graph is a tree
            assert len(coarse.edges) == n - clusters
    tree = coarse.label_tree
    if name == "brownian" and 1 < size < 1000:
        assert tree is None  # means of an inner fragment are correlated with several branches at several places
        return
    assert tree is not None
    total = trees.path_sums(tree.parent, tree.value)
    np.testing.assert_allclose(total[tree.leaf] / tree.norm, coarse.y, atol=1e-12)
    if size == 1:
        np.testing.assert_allclose(coarse.y[coarse.fragment], data.y)
    if n > 2:
        observed = np.arange(n) % 3 == 0
        floor = theory.bayes_risk(coarse, observed)
        assert floor.shape == (n - observed.sum(),)
        covariance = dense(tree)[1]
        seen, unseen = covariance[observed][:, observed], covariance[~observed][:, observed]
        jitter = 1e-10 * np.eye(len(seen))
        exact = np.diag(covariance)[~observed] - np.sum(unseen * np.linalg.solve(seen + jitter, unseen.T).T, axis=1)
        np.testing.assert_allclose(floor, exact, atol=1e-6)


@settings(max_examples=10)
@given(st.integers(1, 200), st.integers(0, 99))
def test_coarse_grains_of_one_seed_are_the_same_bytes(size: int, seed: int) -> None:
    data = fm.generate(fm.PercolationCluster(n_points=120, ambient_dim=3, seed=seed))
    one, two = fm.coarse_grain(data, size), fm.coarse_grain(data, size)
    assert one.X.tobytes() == two.X.tobytes()
    assert one.fragment.tobytes() == two.fragment.tobytes()


def test_wrong_questions_are_answered_in_one_line() -> None:
    data = fm.generate(fm.PercolationCluster(n_points=5, ambient_dim=2))
    h = data.hierarchy
    assert h is not None
    with pytest.raises(RecipeError, match="size = 0"):
        h.cut(0)
    with pytest.raises(RecipeError, match=r"size = 1\.5"):
        fm.coarse_grain(data, size=1.5)  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="names node 9: expected 0 to 8"):
        h.points(9)
    with pytest.raises(RecipeError, match="names node -1"):
        h.ancestors(-1)
    with pytest.raises(RecipeError, match="b names node 12"):
        h.lowest_common_ancestors(np.array([1]), np.array([12]))
    with pytest.raises(RecipeError, match="equally long"):
        h.lowest_common_ancestors(np.array([1]), np.array([1, 2]))
    with pytest.raises(RecipeError, match="do not count"):
        Hierarchy(h.parent, h.value, h.variance, h.size + 1, h.depth, 5).order()
