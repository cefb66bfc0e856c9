"""Parquet, for pandas, polars, DuckDB and Spark: one table of points, and beside it nodes and edges.

``NAME.parquet`` has a row a point: y, cluster, cluster_size, where there are any noise, value, depth, path_sum and
parent, and X, a list of d float32. ``NAME_nodes.parquet`` has the hierarchy's nodes, points first;
``NAME_edges.parquet`` the graph. Every schema's metadata holds the recipe (TOML) and the provenance (JSON). Every page
has its checksum, which readers compare where they are asked to (``page_checksum_verification=True`` in pyarrow).
"""

from __future__ import annotations

import json
from pathlib import Path

from fractalman._extras import load_extra
from fractalman.datasets.exchange.source import ExportSource
from fractalman.datasets.exchange.tables import other_tables, point_batches
from fractalman.datasets.exchange.together import files_together
from fractalman.progress import Progress, ignored


def files_of(path: Path) -> dict[str, Path]:
    """Return the files that belong to a file of this layout.

    Parameters
    ----------
    path : Path
        NAME.parquet.

    Returns
    -------
    dict
        "nodes" and "edges" → path.

    Examples
    --------
    >>> files_of(Path("a.parquet"))["nodes"].name
    'a_nodes.parquet'
    """
    return {name: path.with_name(f"{path.stem}_{name}.parquet") for name in ("nodes", "edges")}


def write_parquet(
    source: ExportSource, path: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> None:
    """Write a dataset in this layout, a batch of points at a time.

    Parameters
    ----------
    source : ExportSource
        A dataset.
    path : Path
        NAME.parquet.
    overwrite : bool, default False
        Replace existing files.
    progress : Progress or None, default None
        Called as progress(what, bytes done, bytes in all).

    Raises
    ------
    MissingExtraError
        Without pyarrow.
    FileExistsError, …
        As `check_target`, for any of the files.
    """
    arrow = load_extra("pyarrow", "the layout parquet")
    parquet = load_extra("pyarrow.parquet", "the layout parquet")
    report = progress or ignored
    metadata = {"recipe": source.recipe.to_toml(), "provenance": json.dumps(source.story(), sort_keys=True)}
    schema, batches = point_batches(arrow, source, metadata)
    others = other_tables(arrow, source, metadata)
    used = {name: file for name, file in files_of(path).items() if name in others}
    unused = {name: file for name, file in files_of(path).items() if name not in others}
    with files_together(path, used, unused, overwrite) as out:
        for name, table in others.items():
            parquet.write_table(table, out[name], write_page_checksum=True)
        with parquet.ParquetWriter(out[""], schema, write_page_checksum=True) as writer:
            done, total = 0, int(source.columns["X"].nbytes)
            for batch in batches:
                writer.write_batch(batch)
                done += 4 * source.n_columns * batch.num_rows
                report("points", done, total)
