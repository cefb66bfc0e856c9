"""Trees of many subtasks put together: points first, subtask by subtask, then all latents by falling size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fractalman._typing import I64
from fractalman.trees import Hierarchy, LabelTree


def joined(trees: Sequence[Hierarchy], labels: Sequence[LabelTree] | None) -> tuple[Hierarchy, LabelTree | None]:
    """Return the forest of hierarchies, and that of their label trees.

    Args:
        trees: of the subtasks, in order. labels: of each; None = without. Where all label trees have the nodes of their
            hierarchies, so has the forest's.
    """
    counts = np.array([tree.n_points for tree in trees])
    n = int(counts.sum())
    latents = np.array([tree.n_latents for tree in trees])
    first = n + np.cumsum(latents) - latents  # of each subtask's latents, before they are sorted
    size = _latents(trees, lambda tree: tree.size)
    order = np.argsort(-size, kind="stable")  # parents are at least as large and come first in their own tree
    number = np.empty(order.size, np.int64)
    number[order] = np.arange(order.size)

    def nodes(column: Callable[[Hierarchy], Any]) -> Any:
        points = np.concatenate([column(tree)[: tree.n_points] for tree in trees])
        return np.concatenate([points, _latents(trees, column)[order]])

    def parents(tree: Hierarchy, start: int) -> I64:
        up = tree.parent
        return np.where(up < 0, -1, up - tree.n_points + start)

    moved = [parents(tree, int(start)) for tree, start in zip(trees, first, strict=True)]
    up = np.concatenate(
        [
            *(part[: tree.n_points] for part, tree in zip(moved, trees, strict=True)),
            np.concatenate([part[tree.n_points :] for part, tree in zip(moved, trees, strict=True)])[order],
        ]
    )
    inner = up >= 0
    up[inner] = n + number[up[inner] - n]
    level = None if any(tree.level is None for tree in trees) else nodes(lambda tree: tree.level)
    whole = Hierarchy(
        up,
        nodes(lambda tree: tree.value),
        nodes(lambda tree: tree.variance),
        nodes(lambda tree: tree.size),
        nodes(lambda tree: tree.depth),
        n,
        level,
    )
    return whole, None if labels is None else _labels(trees, labels, whole, order)


def arranged(whole: Hierarchy, labels: LabelTree | None, rows: I64) -> tuple[Hierarchy, LabelTree | None]:
    """Return the forest with its points in another order; latents stay where they are.

    Args:
        whole, labels: of `joined`. rows: (n,) int64, the row that every point goes to.
    """
    n = rows.size
    to = np.concatenate([rows, np.arange(n, whole.n_nodes)])

    def moved(column: Any) -> Any:
        out = np.empty_like(column)
        out[to[: column.size]] = column
        return out

    forest = Hierarchy(
        moved(whole.parent),
        moved(whole.value),
        moved(whole.variance),
        moved(whole.size),
        moved(whole.depth),
        n,
        None if whole.level is None else moved(whole.level),
    )
    if labels is None:
        return forest, None
    norm = moved(labels.norm)
    if labels.parent is whole.parent:  # labels on the hierarchy itself
        return forest, LabelTree(forest.parent, moved(labels.value), moved(labels.variance), norm, labels.leaf)
    return forest, LabelTree(labels.parent, labels.value, labels.variance, norm, moved(labels.leaf))


def _labels(trees: Sequence[Hierarchy], labels: Sequence[LabelTree], whole: Hierarchy, order: I64) -> LabelTree:
    norm = np.concatenate([tree.norm for tree in labels])
    if all(np.array_equal(a.parent, b.parent) for a, b in zip(trees, labels, strict=True)):
        counts = [tree.n_points for tree in trees]

        def nodes(column: Callable[[LabelTree], Any]) -> Any:
            points = [column(tree)[:n] for tree, n in zip(labels, counts, strict=True)]
            latents = [column(tree)[n:] for tree, n in zip(labels, counts, strict=True)]
            return np.concatenate([*points, np.concatenate(latents)[order]])

        value, variance = nodes(lambda tree: tree.value), nodes(lambda tree: tree.variance)
        return LabelTree(whole.parent, value, variance, norm, np.arange(norm.size))
    sizes = np.array([tree.parent.size for tree in labels])
    first = np.cumsum(sizes) - sizes
    return LabelTree(
        np.concatenate([np.where(t.parent < 0, -1, t.parent + a) for t, a in zip(labels, first, strict=True)]),
        np.concatenate([tree.value for tree in labels]),
        np.concatenate([tree.variance for tree in labels]),
        norm,
        np.concatenate([tree.leaf + a for tree, a in zip(labels, first, strict=True)]),
    )


def _latents(trees: Sequence[Hierarchy], column: Callable[[Hierarchy], Any]) -> Any:
    return np.concatenate([column(tree)[tree.n_points :] for tree in trees])
