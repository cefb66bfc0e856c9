"""The requirements on columns together: one function per rule of the column table, each reading block by block.

Some hold whole columns, one rule at a time: 8 bytes per point for the clusters, 8 bytes per latent for the hierarchy,
about 40 bytes per node for the label tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from fractalman.datasets.lazy import HeldColumn, LazyColumn
from fractalman.datasets.provenance import Provenance
from fractalman.datasets.shard_table import SHARD_FAMILY
from fractalman.datasets.spec import SUBSET_FAMILY, AnyArray

Columns: TypeAlias = Mapping[str, LazyColumn | HeldColumn]
Dims: TypeAlias = Mapping[str, int]


def _recipe_size(_: Columns, dims: Dims, provenance: Provenance) -> Iterator[str]:
    for key, name in (("n_points", "n"), ("ambient_dim", "d")):
        stated = provenance.recipe.get(key)
        more = provenance.recipe.get("nuisance_dim", 0) if name == "d" else 0
        if stated is not None and (not isinstance(more, int) or stated != dims[name] - more):
            beside = f" and nuisance_dim = {more}" if more else ""
            yield f"the recipe says {key} = {stated}{beside}: the columns have {name} = {dims[name]}"


def _cluster_order(columns: Columns, dims: Dims, provenance: Provenance) -> Iterator[str]:
    if provenance.recipe.get("family") == SUBSET_FAMILY:
        yield from _cluster_numbers(columns, dims)
        return
    born, opened = _births(provenance.recipe)
    before, sizes = opened - 1, np.zeros(dims["n"], dtype=np.int64)
    for start, block in columns["cluster"].blocks():
        number = np.maximum.accumulate(np.append(before, block)) if born else np.append(before, block)
        step = np.diff(number)
        wrong = (step != 0) & (step != 1)
        if start == 0 and not opened:
            wrong[0] = block[0] != 0
        least = "a number that was there, or the next one" if born else "the number before it or 1 more"
        begin = f"at most {opened}" if opened else "0"
        yield from _first(start, wrong, f"is {{}}: expected {begin} at row 0, then {least}", block)
        if not born:
            np.add.at(sizes, block, 1)
        before = int(number[-1])
    rises = np.flatnonzero(np.diff(sizes) > 0)
    if rises.size:
        yield f"cluster {rises[0] + 1} is larger than cluster {rises[0]}: expected sizes that never rise"


def _births(recipe: Mapping[str, Any]) -> tuple[bool, int]:
    """Whether clusters are numbered in order of birth, and how many may have been born before row 0: a shard's rows.

    In order of birth, of the first points of clusters alone, the k-th cluster is born at row k − 1 or later.
    """
    whole = recipe.get("of") if recipe.get("family") == SHARD_FAMILY else recipe
    if not isinstance(whole, Mapping) or whole.get("growth") != "nested":
        return False, 0
    first = 0 if whole is recipe else recipe.get("first_row")
    return True, first if isinstance(first, int) and first >= 0 else 0


def _cluster_numbers(columns: Columns, dims: Dims) -> Iterator[str]:
    sizes = np.zeros(dims["n"], dtype=np.int64)
    for _start, block in columns["cluster"].blocks():
        np.add.at(sizes, block, 1)
    gap, last = int(np.argmax(sizes == 0)), int(np.flatnonzero(sizes)[-1])
    if sizes.min() == 0 and gap < last:
        yield f"no point is of cluster {gap}, and there is a cluster {last}: expected numbers without a gap"


def _edge_ends(columns: Columns, _: Dims, __: Provenance) -> Iterator[str]:
    cluster = columns["cluster"][:]
    for start, block in columns["edges"].blocks():
        a, b = block[:, 0], block[:, 1]
        yield from _first(start, a == b, "joins point {} with itself", a)
        yield from _first(start, cluster[a] != cluster[b], "joins points {} and {} of different clusters", a, b)


def _first(start: int, wrong: AnyArray, message: str, *values: AnyArray) -> Iterator[str]:
    """Yield the message of the first row that is wrong, with the values found in that row."""
    if wrong.any():
        i = int(np.argmax(wrong))
        yield f"[{start + i}] {message.format(*(value[i] for value in values))}"


def _hierarchy_parent(columns: Columns, dims: Dims, _: Provenance) -> Iterator[str]:
    n = dims["n"]
    for start, parent in columns["hierarchy/parent"].blocks():
        node = np.arange(start, start + len(parent))
        yield from _first(start, (parent >= 0) & (parent < n), "is {}, a point: expected a latent", parent)
        late = (node >= n) & (parent >= node)
        yield from _first(start, late, "is {}: expected less than the latent's own id", parent)


def _pairs(columns: Columns, *names: str) -> Iterator[tuple[int, tuple[AnyArray, ...]]]:
    """Yield the same rows of several columns."""
    for start, block in columns[names[0]].blocks():
        yield start, (block, *(columns[name][start : start + len(block)] for name in names[1:]))


def _hierarchy_depth(columns: Columns, dims: Dims, _: Provenance) -> Iterator[str]:
    n = dims["n"]
    of_latent = columns["hierarchy/depth"][n:]
    for start, (depth, parent) in _pairs(columns, "hierarchy/depth", "hierarchy/parent"):
        expected = np.zeros(len(depth), dtype=np.int64)
        inner = parent >= n
        expected[inner] = of_latent[parent[inner] - n] + 1
        yield from _first(start, depth != expected, "is {}: expected {}", depth, expected)


def _hierarchy_size(columns: Columns, dims: Dims, provenance: Provenance) -> Iterator[str]:
    n, latents = dims["n"], dims["k"] - dims["n"]
    empty = provenance.recipe.get("family") == SUBSET_FAMILY
    total = np.zeros(latents, dtype=np.int64)
    for _start, (size, parent) in _pairs(columns, "hierarchy/size", "hierarchy/parent"):
        inner = parent >= n
        np.add.at(total, parent[inner] - n, size[inner])
    before = np.iinfo(np.int64).max
    for start, size in columns["hierarchy/size"].blocks():
        node = np.arange(start, start + len(size))
        is_point = node < n
        expected = np.where(is_point, 1, 0)
        expected[~is_point] = total[node[~is_point] - n]
        yield from _first(start, size != expected, "is {}: expected {}", size, expected)
        if not empty:
            yield from _first(start, size == 0, "is {}: expected at least 1, for this is no subset", size)
        sizes = size[~is_point]
        if sizes.size:
            rises = np.concatenate([[before], sizes[:-1]]) < sizes
            first = start + len(size) - len(sizes)
            yield from _first(first, rises, "is {}: expected at most the size of the latent before it", sizes)
            before = int(sizes[-1])


def _hierarchy_level(columns: Columns, dims: Dims, _: Provenance) -> Iterator[str]:
    n = dims["n"]
    of_latent = columns["hierarchy/level"][n:]
    for start, (level, parent) in _pairs(columns, "hierarchy/level", "hierarchy/parent"):
        inner = parent >= n
        least = np.zeros(len(level), dtype=np.int64)
        is_latent = np.arange(start, start + len(level)) >= n
        least[inner] = of_latent[parent[inner] - n] + is_latent[inner]
        yield from _first(start, level < least, "is {}: expected at least {}", level, least)


def _zero(tree: str) -> Callable[[Columns, Dims, Provenance], Iterator[str]]:
    def rule(columns: Columns, _: Dims, __: Provenance) -> Iterator[str]:
        for start, (value, variance) in _pairs(columns, f"{tree}/value", f"{tree}/variance"):
            wrong = (variance == 0) & (value != 0)
            yield from _first(start, wrong, "is {} where the variance is 0: expected 0", value)

    return rule


def _noise(_: Columns, __: Dims, provenance: Provenance) -> Iterator[str]:
    stated, there = provenance.recipe.get("noise", 0.0), "noise" in provenance.columns
    if bool(stated) != there:
        yield f"is {'there' if there else 'missing'}, and the recipe says noise = {stated}"


def _value(_: Columns, __: Dims, provenance: Provenance) -> Iterator[str]:
    stated, there = provenance.recipe.get("target", "value"), "value" in provenance.columns
    if (stated in ("sign", "threshold", "classes")) != there:
        yield f"is {'there' if there else 'missing'}, and the recipe says target = {stated!r}"


def _classes(columns: Columns, _: Dims, provenance: Provenance) -> Iterator[str]:
    if provenance.recipe.get("target") == "classes":
        count = int(provenance.recipe.get("subclusters", 8))
        for start, (y, _value) in _pairs(columns, "y", "value"):
            wrong = (y < 0) | (y >= count) | (y != np.floor(y))
            yield from _first(start, wrong, f"is {{}}: expected the number of a class, 0 to {count - 1}", y)
        return
    threshold = float(provenance.recipe.get("threshold", 0.0))
    for start, (y, value) in _pairs(columns, "y", "value"):
        expected = (value > threshold).astype(np.float64)
        yield from _first(start, y != expected, "is {}: expected {} (the class of value)", y, expected)


def _symbols(columns: Columns, _: Dims, __: Provenance) -> Iterator[str]:
    for start, (y, _tokens) in _pairs(columns, "y", "tokens"):
        yield from _first(start, (y < 0) | (y != np.floor(y)), "is {}: expected the number of a symbol", y)


def _rows(columns: Columns, dims: Dims, provenance: Provenance) -> Iterator[str]:
    there, subset = "rows" in provenance.columns, provenance.recipe.get("family") == SUBSET_FAMILY
    if there != subset:
        yield f"is {'there' if there else 'missing'}, and the recipe says family = {provenance.recipe.get('family')!r}"
    if not (there and subset):
        return
    rows, whole = columns["rows"][:], provenance.recipe.get("whole_points")
    if not isinstance(whole, int) or whole < dims["n"]:
        yield f"the recipe says whole_points = {whole}: expected at least the {dims['n']} points that there are"
        return
    yield from _first(0, rows >= whole, "is {}: expected less than whole_points", rows)
    order = np.sort(rows)
    twice = np.flatnonzero(order[1:] == order[:-1])
    if twice.size:
        yield f"row {order[twice[0]]} is named twice: expected different points"


def _labels(columns: Columns, dims: Dims, _: Provenance) -> Iterator[str]:
    # Pointer jumping: after t rounds `total` holds the sums over 2^t ancestors; a cycle never ends.
    total = columns["label_tree/value"][:]
    up = columns["label_tree/parent"][:]
    for _round in range(dims["q"].bit_length() + 1):
        moving = np.flatnonzero(up >= 0)
        if not moving.size:
            break
        target = up[moving]
        total[moving] += total[target]
        up[moving] = up[target]
    else:
        yield f"label_tree/parent has a cycle through node {int(np.argmax(up >= 0))} or above it"
        return
    labels = "value" if "value" in columns else "y"
    for start, (y, norm, leaf) in _pairs(columns, labels, "label_tree/norm", "label_tree/leaf"):
        expected = total[leaf] / norm
        if "noise" in columns:
            expected += columns["noise"][start : start + len(y)]
        wrong = ~(np.abs(y - expected) <= 1e-12 * np.maximum(1.0, np.abs(y)))
        yield from _first(start, wrong, "is {}: expected {} (path sum / norm, and noise)", y, expected)


RULE_FUNCTIONS: dict[str, Callable[[Columns, Dims, Provenance], Iterator[str]]] = {
    "recipe-size": _recipe_size,
    "cluster-order": _cluster_order,
    "edge-ends": _edge_ends,
    "hierarchy-parent": _hierarchy_parent,
    "hierarchy-depth": _hierarchy_depth,
    "hierarchy-size": _hierarchy_size,
    "hierarchy-level": _hierarchy_level,
    "hierarchy-zero": _zero("hierarchy"),
    "noise": _noise,
    "value": _value,
    "classes": _classes,
    "symbols": _symbols,
    "rows": _rows,
    "label-zero": _zero("label_tree"),
    "labels": _labels,
}
