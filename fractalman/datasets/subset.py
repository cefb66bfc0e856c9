"""Some points of a dataset, in memory or streamed from file to file, with everything that belongs to them.

Columns of points are their rows, edges those with both ends among the points, the hierarchy and the label tree their
restrictions (`trees.restriction`): labels, norms and sums over paths stay what they were, so floors and predictions of
a subset are those of its own points. Clusters keep their order and are numbered anew, without gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._typing import I64
from fractalman.config import is_integer, shown
from fractalman.datasets.digests import column_digest
from fractalman.datasets.provenance import ColumnRecord, Provenance
from fractalman.datasets.spec import BY_PATH, POINT_COLUMNS, SUBSET_FAMILY, AnyArray, Shape
from fractalman.errors import RecipeError
from fractalman.trees import Hierarchy, LabelTree, depths
from fractalman.trees.restriction import Restriction, label_restriction, restriction_of_hierarchy

READ_BYTES = 64 << 20
"""Rows of X that are read before they are written: in rising order each is read once, else once per so many bytes."""

_TREE = ("parent", "value", "variance", "size", "depth", "level")
_LABELS = ("parent", "value", "variance", "norm", "leaf")
_POINTS = ("X", "y", *POINT_COLUMNS)


@dataclass(frozen=True, eq=False)
class Origin:
    """What a subset was taken from.

    Parameters
    ----------
    rows : (n,) int64
        Row of every point in the whole.
    n_points : int
        Points of the whole.
    content : str
        Content digest of the whole.
    drop_empty : bool
        Whether nodes of the trees without any of the points were left out.
    collapse : bool
        Whether chains of the trees were joined.
    steps : int, default 1
        Of a subset of a subset: how many. Latents of equally many points then stand in another order than those of the
        same rows taken at once.
    """

    rows: I64
    n_points: int
    content: str
    drop_empty: bool
    collapse: bool
    steps: int = 1


@dataclass(frozen=True)
class Part:
    """A column of a subset, made when it is asked for."""

    shape: Shape
    dtype: np.dtype[Any]
    make: Callable[[], Iterator[tuple[int, AnyArray]]]

    def blocks(self) -> Iterator[tuple[int, AnyArray]]:
        """Yield (first row, rows)."""
        return self.make()

    def whole(self) -> AnyArray:
        """Return the column in memory."""
        out = np.empty(self.shape, self.dtype)
        for start, block in self.make():
            out[start : start + len(block)] = block
        return out


# ---------------------------------------------------------------------------------------------------- which rows


def chosen_rows(
    rows: Any, n_points: int, cluster: Callable[[], I64], min_cluster: int | None, max_cluster: int | None
) -> I64:
    """Return the row numbers that a mask, row numbers and bounds of the clusters' sizes mean.

    Parameters
    ----------
    rows : array or None
        (n_points,) bool, or row numbers, each once, or a slice of them.
    n_points : int
        Points of the whole.
    cluster : function
        Returns the cluster of every point.
    min_cluster, max_cluster : int or None
        Fewest and most points of the clusters, in the whole, whose points stay.

    Raises
    ------
    RecipeError
        For what is no choice of points, or a choice of none.
    """
    if rows is None and min_cluster is None and max_cluster is None:
        raise RecipeError("no points are chosen; use a mask, row numbers, min_cluster = 10 or max_cluster = 1000")
    chosen = np.arange(n_points) if rows is None else _row_numbers(rows, n_points)
    if min_cluster is not None or max_cluster is not None:
        low = _bound("min_cluster", min_cluster, 1)
        high = _bound("max_cluster", max_cluster, n_points)
        if min_cluster is not None and max_cluster is not None and low > high:
            raise RecipeError(f"min_cluster = {low} and max_cluster = {high}: expected min_cluster <= max_cluster")
        of = cluster()
        size = np.bincount(of)
        within = (size >= low) & (size <= high)
        if not within.any():
            bounds = f"{low} to {high} points" if low <= high else f"{low} points or more"
            raise RecipeError(f"no cluster has {bounds}: the smallest has {size.min()}, the largest {size.max()}")
        chosen = chosen[within[of[chosen]]]
    if not chosen.size:
        raise RecipeError("no point is chosen: expected one or more; use another mask, other rows or bounds")
    return chosen.astype(np.int64, copy=False)


def _row_numbers(rows: Any, n_points: int) -> I64:
    if isinstance(rows, slice):
        try:
            return np.arange(n_points)[rows]
        except (TypeError, ValueError):
            raise RecipeError(f"rows = {shown(rows)}: expected integers in a slice, e.g. slice(0, 1000)") from None
    if isinstance(rows, str):
        raise RecipeError(f"rows = {shown(rows)}: expected a mask, row numbers or a slice; use e.g. slice(0, 1000)")
    try:
        array = np.asarray(rows)
    except ValueError:  # lists in lists, of several lengths
        raise RecipeError(f"rows = {shown(rows)}: expected a mask or row numbers, one after the other") from None
    if array.ndim != 1:
        raise RecipeError(f"rows of shape {array.shape}: expected one axis; use a mask or row numbers")
    if array.dtype == np.bool_:
        if array.size != n_points:
            raise RecipeError(f"a mask of {array.size} values: expected {n_points}, one a point")
        return np.flatnonzero(array)
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.dtype.kind not in "iu":
        raise RecipeError(f"rows of type {array.dtype}: expected a mask of booleans, or whole numbers")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= n_points:
        raise RecipeError(f"rows name {low if low < 0 else high}: expected 0 to {n_points - 1}")
    count = np.bincount(array.astype(np.int64), minlength=1)
    if count.max() > 1:
        raise RecipeError(f"rows name {int(np.argmax(count > 1))} twice: expected every point at most once")
    return array.astype(np.int64)


def _bound(name: str, value: int | None, default: int) -> int:
    if value is None:
        return default
    if not is_integer(value) or int(value) < 1:
        raise RecipeError(f"{name} = {shown(value)}: expected a number of points from 1 up; use {name} = 10")
    return int(value)


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise RecipeError(f"{name} = {shown(value)}: expected true or false")
    return bool(value)


# ---------------------------------------------------------------------------------------------------- columns


def subset_columns(columns: Mapping[str, Any], rows: I64, drop_empty: bool, collapse: bool) -> dict[str, Part]:
    """Return the columns of some points from those of the whole, arrays or columns of a file.

    Beside the rows that are read at a time, the columns of the trees are held one by one.
    """
    n = len(columns["y"])
    out = {name: _rows_of(columns[name], rows) for name in _POINTS if name in columns}
    cluster = np.unique(columns["cluster"][:][rows], return_inverse=True)[1].astype(np.int64).reshape(-1)
    out["cluster"] = _held(cluster)
    if "edges" in columns:
        out["edges"] = _held(_edges_among(columns["edges"], rows, n))
    if "hierarchy/parent" in columns:
        out |= _tree_parts(columns, rows, n, drop_empty, collapse)
    return out


def _tree_parts(columns: Mapping[str, Any], rows: I64, n: int, drop_empty: bool, collapse: bool) -> dict[str, Part]:
    whole = columns["hierarchy/parent"][:]
    left = restriction_of_hierarchy(whole, n, rows, drop_empty, collapse)
    out = {
        "hierarchy/parent": _held(left.parent),
        "hierarchy/value": _chained(columns["hierarchy/value"], left),
        "hierarchy/variance": _chained(columns["hierarchy/variance"], left),
        "hierarchy/size": _held(left.below),
        "hierarchy/depth": _later(left.node.size, np.int64, lambda: depths(left.parent)),
    }
    if "hierarchy/level" in columns:
        level = columns["hierarchy/level"]
        out["hierarchy/level"] = _later(left.node.size, np.int64, lambda: level[:][left.node])
    if "label_tree/parent" not in columns:
        return out
    leaf = columns["label_tree/leaf"][:]
    labels = label_restriction(columns["label_tree/parent"][:], leaf, rows, whole, drop_empty, collapse)
    ends = leaf[rows]

    def ends_now() -> AnyArray:
        number = np.full(columns["label_tree/parent"].shape[0], -1, np.int64)
        number[labels.node] = np.arange(labels.node.size)
        found: AnyArray = number[ends]
        return found

    return out | {
        "label_tree/parent": _held(labels.parent),
        "label_tree/value": _chained(columns["label_tree/value"], labels),
        "label_tree/variance": _chained(columns["label_tree/variance"], labels),
        "label_tree/norm": _rows_of(columns["label_tree/norm"], rows),
        "label_tree/leaf": _later(rows.size, np.int64, ends_now),
    }


def _rows_of(column: Any, rows: I64) -> Part:
    shape = (rows.size, *column.shape[1:])
    at_once = max(1, READ_BYTES // max(1, int(np.prod(shape[1:], dtype=np.int64)) * column.dtype.itemsize))

    def make() -> Iterator[tuple[int, AnyArray]]:
        for start in range(0, rows.size, at_once):
            yield start, column[rows[start : start + at_once]]

    return Part(shape, np.dtype(column.dtype), make)


def _held(array: AnyArray) -> Part:
    return Part(array.shape, array.dtype, lambda: iter([(0, array)]))


def _later(size: int, dtype: Any, make: Callable[[], AnyArray]) -> Part:
    return Part((size,), np.dtype(dtype), lambda: iter([(0, make())]))


def _chained(column: Any, left: Restriction) -> Part:
    return _later(left.node.size, np.float64, lambda: left.chain(column[:]))


def _edges_among(column: Any, rows: I64, n: int) -> AnyArray:
    """Edges whose two ends stay, by their new numbers, in the order of the whole."""
    place = np.full(n, -1, np.int64)
    place[rows] = np.arange(rows.size)
    kept = [np.empty((0, 2), np.int64)]
    for _, block in column.blocks() if hasattr(column, "blocks") else [(0, column)]:
        ends = place[block]
        kept.append(ends[(ends >= 0).all(axis=1)])
    return np.concatenate(kept)


def dataset_columns(data: Any) -> dict[str, AnyArray]:
    """Return the columns of a dataset in memory under their paths in a file."""
    out: dict[str, AnyArray | None] = {name: getattr(data, name) for name in (*_POINTS, "cluster", "edges")}
    if data.hierarchy is not None:
        out |= {f"hierarchy/{name}": getattr(data.hierarchy, name) for name in _TREE}
    if data.label_tree is not None:
        out |= {f"label_tree/{name}": getattr(data.label_tree, name) for name in _LABELS}
    if data.origin is not None:
        out["rows"] = data.origin.rows
    return {path: array for path, array in out.items() if array is not None}


def content_of(recipe: Mapping[str, Any], columns: Mapping[str, AnyArray]) -> str:
    """Return the content digest that a file of these columns would have; ``recipe`` in plain values."""
    records = {
        path: ColumnRecord(BY_PATH[path].dtype, array.shape, column_digest(array, BY_PATH[path].dtype))
        for path, array in columns.items()
    }
    return Provenance(recipe, records, {}).content


def subset_recipe(of: Mapping[str, Any], origin: Origin, columns: int) -> dict[str, Any]:
    """Return what the file of a subset says that it was made from: ``of`` the whole's recipe, columns of X."""
    labels = {key: of[key] for key in ("noise", "target", "threshold") if key in of}  # what rules ask for
    return {
        "family": SUBSET_FAMILY,
        "n_points": int(origin.rows.size),
        "ambient_dim": columns,
        "whole_points": origin.n_points,
        "whole_content": origin.content,
        "drop_empty": origin.drop_empty,
        "collapse": origin.collapse,
        "steps": origin.steps,
        **labels,
        "of": dict(of),
    }


def origin_of(recipe: Mapping[str, Any], rows: I64) -> Origin:
    """Return the origin that a file's recipe and its column of rows state."""
    return Origin(
        rows, int(recipe["whole_points"]), str(recipe["whole_content"]), bool(recipe["drop_empty"]),
        bool(recipe["collapse"]), int(recipe["steps"]),
    )  # fmt: skip


def taken(
    columns: Mapping[str, Any],
    content: Callable[[], str],
    of: Origin | None,
    rows: Any,
    clusters: tuple[int | None, int | None],
    thinned: tuple[Any, Any],
) -> tuple[dict[str, Part], Origin]:
    """Return the columns of a subset and what they were taken from.

    Parameters
    ----------
    columns : Mapping
        Path → array or column of a file, of what may be a subset itself.
    content : function
        Returns its content digest.
    of : Origin or None
        Its own origin: rows are then named by those of the first whole.
    rows, clusters, thinned
        As for `Dataset.subset`: rows; min_cluster and max_cluster; drop_empty and collapse, which a subset of a subset
        inherits.

    Raises
    ------
    RecipeError
        For what is no choice of points, or a choice of none.
    """
    drop, joined = _switch("drop_empty", thinned[0]), _switch("collapse", thinned[1])
    n = len(columns["y"])
    chosen = chosen_rows(rows, n, lambda: columns["cluster"][:], *clusters)
    if of is None:
        origin = Origin(chosen, n, content(), drop, joined)
    else:
        drop, joined = drop or of.drop_empty, joined or of.collapse
        origin = Origin(of.rows[chosen], of.n_points, of.content, drop, joined, of.steps + 1)
    return subset_columns(columns, chosen, drop, joined), origin


def fields_of(parts: Mapping[str, Part]) -> dict[str, Any]:
    """Return the columns of a subset as the fields of a dataset in memory."""
    made: dict[str, Any] = {path: part.whole() for path, part in parts.items()}
    fields = {name: made.get(name) for name in (*_POINTS, "cluster", "edges")}
    fields["hierarchy"] = fields["label_tree"] = None
    if "hierarchy/parent" in made:
        tree: dict[str, Any] = {name: made.get(f"hierarchy/{name}") for name in _TREE}
        fields["hierarchy"] = Hierarchy(**tree, n_points=len(made["y"]))
    if "label_tree/parent" in made:
        fields["label_tree"] = LabelTree(**{name: made[f"label_tree/{name}"] for name in _LABELS})
    return fields
