"""Columns of a small dataset made by hand, so that the file tests need no generator."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fractalman.families.percolation_cluster.recipe import PercolationCluster

Columns = dict[str, npt.NDArray[Any]]


def columns(
    sizes: tuple[int, ...] = (7, 3, 1), d: int = 3, seed: int = 0, level: bool = True, noise: bool = True
) -> Columns:
    """Return the columns of clusters with these sizes: random binary trees, hierarchical labels with a = 0, noise."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    size, children, edges, first = [1] * n, {}, [], 0
    for points in sizes:
        roots = list(range(first, first + points))
        member = {point: point for point in roots}
        first += points
        while len(roots) > 1:
            a, b = (roots.pop(int(rng.integers(len(roots)))) for _ in range(2))
            latent = len(size)
            edges.append((member[a], member[b]))
            size.append(size[a] + size[b])
            children[latent] = (a, b)
            member[latent] = member[a if rng.integers(2) else b]
            roots.append(latent)
    order = sorted(range(n, len(size)), key=lambda u: (-size[u], -u))
    new = {old: i for i, old in enumerate([*range(n), *order])}
    parent = np.full(len(size), -1, dtype=np.int64)
    for latent, pair in children.items():
        for child in pair:
            parent[new[child]] = new[latent]
    value = rng.standard_normal(len(size))
    depth = np.zeros(len(size), dtype=np.int64)
    total = value.copy()
    for node in [*range(n, len(size)), *range(n)]:
        if parent[node] >= 0:
            depth[node] = depth[parent[node]] + 1
            total[node] += total[parent[node]]
    norm = np.sqrt(depth[:n] + 1.0)
    tree: Columns = {"parent": parent, "value": value, "variance": np.ones(len(size))}
    out: Columns = {
        "X": rng.standard_normal((n, d)).astype(np.float32),
        "y": total[:n] / norm,
        "cluster": np.repeat(np.arange(len(sizes)), sizes),
        "edges": np.array(edges, dtype=np.int64).reshape(-1, 2),
        **{f"hierarchy/{name}": array for name, array in tree.items()},
        "hierarchy/size": np.array([size[old] for old in [*range(n), *order]], dtype=np.int64),
        "hierarchy/depth": depth,
        **{f"label_tree/{name}": array.copy() for name, array in tree.items()},
        "label_tree/norm": norm,
        "label_tree/leaf": np.arange(n),
    }
    if noise:
        out["noise"] = 0.1 * rng.standard_normal(n)
        out["y"] = out["y"] + out["noise"]
    if level:
        out["hierarchy/level"] = np.concatenate([np.full(n, int(depth.max())), depth[n:]])
    return out


def recipe(made: Columns) -> dict[str, Any]:
    """Return a recipe of the right sizes (what it generates is of no matter here)."""
    n, d = made["X"].shape
    return PercolationCluster(n_points=n, ambient_dim=d, seed=1, noise=0.1 if "noise" in made else 0.0).to_dict()
