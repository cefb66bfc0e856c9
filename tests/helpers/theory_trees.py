"""Small random trees for the tests of theory, made here by hand so that no test of a law trusts the generator."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64, I64
from fractalman.random.streams import permutation
from fractalman.trees import LabelTree
from tests.reference import streams as plain


def uniform_tree(n: int, key: int) -> I64:
    """A uniformly random labelled tree on n ≥ 2 vertices by decoding a random Prüfer word; (n−1, 2) int64 edges."""
    word = [plain.draw_below(key, i, n) for i in range(n - 2)]
    degree = [1] * n
    for v in word:
        degree[v] += 1
    edges, pointer = [], 0
    while degree[pointer] != 1:
        pointer += 1
    leaf = pointer
    for v in word:
        edges.append((leaf, v))
        degree[v] -= 1
        if degree[v] == 1 and v < pointer:
            leaf = v
        else:
            pointer += 1
            while degree[pointer] != 1:
                pointer += 1
            leaf = pointer
    edges.append((leaf, n - 1))
    return np.array(edges, np.int64)


def cut_tree(edges: I64, key: int) -> tuple[I64, I64]:
    """Parent and size columns of the cut tree: edges merge in random order; points first, latents in that order."""
    n = len(edges) + 1
    parent, size, group = np.full(2 * n - 1, -1, np.int64), np.ones(2 * n - 1, np.int64), list(range(2 * n - 1))

    def find(v: int) -> int:
        while group[v] != v:
            group[v] = group[group[v]]
            v = group[v]
        return v

    for latent, e in enumerate(permutation(key, n - 1).tolist(), start=n):
        for side in edges[e].tolist():
            top = find(side)
            parent[top], group[top] = latent, latent
            size[latent] += size[top]
        size[latent] -= 1
    return parent, size


def label_tree(parent: I64, variance: F64, leaf: I64, norm: F64 | None = None) -> LabelTree:
    """A label tree without drawn values; the norm gives every label prior variance 1 unless it is given."""
    total = np.array([path_variance(parent, variance, u) for u in leaf.tolist()])
    root = np.sqrt(np.where(total > 0, total, 1.0)) if norm is None else norm
    return LabelTree(parent, np.zeros(parent.size), np.asarray(variance, np.float64), root, leaf)


def path(parent: I64, node: int) -> list[int]:
    """Nodes from ``node`` up to its root."""
    out = []
    while node >= 0:
        out.append(node)
        node = int(parent[node])
    return out


def path_variance(parent: I64, variance: F64, node: int) -> float:
    return float(sum(variance[u] for u in path(parent, node)))


def dense_covariance(tree: LabelTree) -> F64:
    """Σ by the definition: the variance of the shared path over both norms."""
    paths = [path(tree.parent, u) for u in tree.leaf.tolist()]
    shares = np.zeros((len(paths), tree.parent.size))
    for i, nodes in enumerate(paths):
        shares[i, nodes] = 1.0 / tree.norm[i]
    return np.asarray((shares * tree.variance) @ shares.T)


def dense_posterior(sigma: F64, observed: F64) -> F64:
    """Posterior variances of the unseen by conditioning a Gaussian, the eigenvalues at rounding level left out."""
    seen, unseen = np.flatnonzero(observed), np.flatnonzero(~observed)
    prior = np.diag(sigma)[unseen]
    if seen.size == 0:
        return prior
    values, vectors = np.linalg.eigh(sigma[np.ix_(seen, seen)])
    keep = values > 1e-12 * max(float(values.max()), 1e-300)
    projected = vectors[:, keep].T @ sigma[np.ix_(seen, unseen)]
    return np.asarray(prior - np.sum(projected**2 / values[keep][:, None], axis=0))
