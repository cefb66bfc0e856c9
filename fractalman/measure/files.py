"""What `fractalman measure FILE` prints: the measurements that our own files allow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Protocol, cast

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman.errors import RecipeError
from fractalman.measure.distances import tree_distances
from fractalman.measure.measured import Measured
from fractalman.measure.sizes import cluster_sizes
from fractalman.measure.variograms import MAX_TARGETS, variogram
from fractalman.recipes import Recipe
from fractalman.sources import RecipeSource


class Columns(Protocol):
    """A `Dataset` or an open file: columns that can be sliced, ``edges`` perhaps None, and the recipe."""

    @property
    def X(self) -> Any: ...
    @property
    def y(self) -> Any: ...
    @property
    def cluster(self) -> Any: ...
    @property
    def edges(self) -> Any: ...
    @property
    def recipe(self) -> Any: ...


@checked_arguments
def measure_file(file: Columns | RecipeSource, *, n_sources: int = 256, seed: int = 0) -> Measured:
    """Return cluster sizes, graph distances and the label variogram as plain JSON values.

    Parameters
    ----------
    file : Dataset, open file, str, path, Recipe or dict
        What is measured: columns X, y, cluster and edges (perhaps None), and the recipe; the path of a file; or a
        recipe, its table or a catalogue name, whose dataset is generated in memory first.
    n_sources : int, default 256
        Random starting points of distances and variogram.
    seed : int, default 0
        Picks them.

    Returns
    -------
    Measured
        {"recipe", "n_points", "label", "clusters", "distances" (None without edges), "variogram"}; errors are sampling
        errors on this one draw.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> from types import SimpleNamespace
    >>> columns = {"X": np.arange(4.0)[:, None], "y": np.arange(4.0), "cluster": np.array([0, 0, 1, 1]), "edges": None}
    >>> file = SimpleNamespace(recipe=SimpleNamespace(to_dict=dict), **columns)
    >>> fm.measure.measure_file(file)["clusters"]["largest_mass"]
    0.5
    """
    if isinstance(file, (str, os.PathLike, Mapping, Recipe)):
        from fractalman.generation.tables import data_or_generated

        with data_or_generated(file) as data:
            return measure_file(cast(Columns, data), n_sources=n_sources, seed=seed)
    return Measured(_measured(cast(Columns, file), n_sources, seed))


def _measured(file: Columns, n_sources: int, seed: int) -> dict[str, Any]:
    if not all(hasattr(file, name) for name in ("recipe", "y", "cluster", "edges")):
        raise RecipeError(
            f"found {type(file).__name__}: expected a dataset or the path of its file; of points of your own use "
            "fm.measure.measure_points"
        )
    y = np.asarray(file.y[:], dtype=np.float64)
    edges = None if file.edges is None else np.asarray(file.edges[:], dtype=np.int64)
    sizes = cluster_sizes(np.asarray(file.cluster[:]))
    out: dict[str, Any] = {
        "recipe": file.recipe.to_dict(),
        "n_points": int(y.size),
        "label": {"mean": float(y.mean()) if y.size else None, "variance": float(y.var()) if y.size else None},
        "clusters": {
            "count": sizes.n_clusters,
            "largest": sizes.largest,
            "largest_mass": sizes.largest_mass,
            "singleton_mass": sizes.singleton_mass,
            "mean_size": sizes.mean_size,
            "table": [
                {"size": s, "clusters": c} for s, c in zip(sizes.size.tolist(), sizes.count.tolist(), strict=True)
            ],
        },
        "distances": None,
        "variogram": None,
    }
    joined = edges is not None and edges.size > 0
    if joined and edges is not None:
        found = tree_distances(edges, y.size, n_sources=n_sources, seed=seed)
        out["distances"] = {
            "mean": found.mean,
            "standard_error": _number(found.standard_error),
            "largest_seen": found.largest,
            "starting_points": found.n_sources,
            "pairs": found.n_pairs,
        }
    if y.size >= 2:
        # beyond MAX_TARGETS points the Euclidean variogram uses a part of X: read only leading rows of a file, which
        # are exchangeable within a cluster and, for the families without edges, over the whole set
        head = slice(0, y.size if joined else min(y.size, MAX_TARGETS))
        found_variogram = variogram(
            y[head], edges=edges, X=None if joined else np.asarray(file.X[head]), n_sources=n_sources, seed=seed
        )
        out["variogram"] = {
            "kind": found_variogram.kind,
            "starting_points": found_variogram.n_sources,
            "table": [
                {"distance": d, "value": v, "standard_error": _number(e), "pairs": p}
                for d, v, e, p in zip(
                    found_variogram.distance.tolist(),
                    found_variogram.value.tolist(),
                    found_variogram.standard_error.tolist(),
                    found_variogram.pairs.tolist(),
                    strict=True,
                )
            ],
            "warnings": list(found_variogram.warnings),
        }
    return out


def _number(value: float) -> float | None:
    """JSON has no nan: an error that one sample cannot have is None."""
    return value if np.isfinite(value) else None
