"""The tables of a dataset as Arrow columns: points, nodes of the hierarchy, edges; what Parquet and datasets hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fractalman.datasets.exchange.source import ExportSource
from fractalman.datasets.tables import per_node, per_point

TABLE_BYTES = 64 << 20
"""About so many bytes of X are one batch of rows."""


def point_batches(arrow: Any, source: ExportSource, metadata: dict[str, str]) -> tuple[Any, Iterator[Any]]:
    """Return the schema of the points' table and its record batches: y, cluster, …, and X as a list of d float32.

    Parameters
    ----------
    arrow : module
        pyarrow.
    source : ExportSource
        A dataset.
    metadata : dict
        What stands in the schema.
    """
    columns: dict[str, Any] = dict(per_point(source.data))
    if source.has_hierarchy:
        columns["parent"] = source.columns["hierarchy/parent"][: source.n_points]
    fields = [arrow.field(name, arrow.from_numpy_dtype(column.dtype)) for name, column in columns.items()]
    d, tokens = source.n_columns, source.columns.get("tokens")
    fields.append(arrow.field("X", arrow.list_(arrow.float32(), d)))
    if tokens is not None:
        fields.append(arrow.field("tokens", arrow.list_(arrow.int32(), int(tokens.shape[1]))))
    schema = arrow.schema(fields, metadata=metadata)
    step = max(1, TABLE_BYTES // (4 * d))

    def batches() -> Iterator[Any]:
        for start in range(0, source.n_points, step):
            stop = min(start + step, source.n_points)
            arrays = [arrow.array(column[start:stop]) for column in columns.values()]
            arrays.append(_lists(arrow, source.columns["X"][start:stop]))
            if tokens is not None:
                arrays.append(_lists(arrow, tokens[start:stop]))
            yield arrow.record_batch(arrays, schema=schema)

    return schema, batches()


def _lists(arrow: Any, rows: Any) -> Any:
    return arrow.FixedSizeListArray.from_arrays(arrow.array(np.ascontiguousarray(rows).reshape(-1)), rows.shape[1])


def other_tables(arrow: Any, source: ExportSource, metadata: dict[str, str]) -> dict[str, Any]:
    """Return the tables "nodes" and "edges" of a dataset, as far as there are any; arguments as `point_batches`."""
    found: dict[str, Any] = {}
    hierarchy = source.data.hierarchy
    if hierarchy is not None:
        columns: dict[str, Any] = {"node": np.arange(hierarchy.n_nodes), **per_node(hierarchy)}
        found["nodes"] = arrow.table(columns).replace_schema_metadata(metadata)
    if "edges" in source.columns:
        ends: Any = source.columns["edges"][:]
        table = arrow.table({"a": np.ascontiguousarray(ends[:, 0]), "b": np.ascontiguousarray(ends[:, 1])})
        found["edges"] = table.replace_schema_metadata(metadata)
    return found
