"""An open dataset file as people use it: columns, hierarchy, recipe, splits; `open_file` is `fractalman.open`."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py

from fractalman._arguments import checked_arguments
from fractalman._files import refuse_source
from fractalman.datasets.contents import Contents
from fractalman.datasets.display import PointsDisplay
from fractalman.datasets.reader import StoredDataset, open_as
from fractalman.datasets.spec import POINT_COLUMNS, Problem
from fractalman.errors import FileFormatError
from fractalman.recipes import from_dict

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from fractalman._typing import I64, AnyFloat, AnyInt
    from fractalman.datasets.dictionary import Dictionary
    from fractalman.datasets.memory import Dataset
    from fractalman.datasets.subset import Origin, Part
    from fractalman.recipes import Recipe
    from fractalman.trees import Hierarchy, LabelTree


class File(PointsDisplay, StoredDataset):
    """An open dataset file; made by `fractalman.open`, closed by ``with`` or `close`.

    Parameters
    ----------
    path : Path
        Of the file.
    file : h5py.File
        The open HDF5 file.
    contents : Contents
        Its header, read and checked.
    check : str
        "read" compares what is read with its digest, "none" does not.

    Attributes
    ----------
    path : Path
        Of the file.
    provenance : Provenance
        What the file was made from, by which versions, and what its columns must hold.
    dims : Mapping
        Sizes of n, d, ….
    columns : Mapping
        Path in the file → column; rows are read, and checked, when a column is indexed.
    X : column
        (n, d) float32 coordinates.
    y : column
        (n,) float64 labels in units of their prior standard deviation.
    cluster : column
        (n,) int64, 0 = largest cluster.
    edges : column or None
        (m, 2) int64 pairs of points; None for families without a graph.
    tokens : column or None
        (n, t) int32 strings of tokens; None for families whose points are no strings.

    Examples
    --------
    >>> import fractalman as fm, tempfile, os
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = fm.write(fm.Cascade(n_points=64, ambient_dim=4), os.path.join(folder.name, "data.h5"))
    >>> with fm.open(path) as f:
    ...     f.n_points, f.X.shape, f.X[:2].dtype.name, f.verify()
    (64, (64, 4), 'float32', [])
    >>> folder.cleanup()
    """

    def __init__(self, path: Path, file: h5py.File, contents: Contents, check: str) -> None:
        super().__init__(path, file, contents, check)
        self.X, self.y, self.cluster = (self.columns[name] for name in ("X", "y", "cluster"))
        self.edges, self.tokens = self.columns.get("edges"), self.columns.get("tokens")

    @cached_property
    def recipe(self) -> Recipe:
        """What was drawn, of a shard or a subset the whole; RecipeError for a family unknown to this version."""
        recipe = self.provenance.recipe
        return from_dict(recipe["of"] if self.is_shard or self.is_subset else recipe)

    @cached_property
    def origin(self) -> Origin | None:
        """Of a subset: the rows of the whole that its points are, and the whole's content digest; else None."""
        from fractalman.datasets.subset import origin_of

        return origin_of(self.provenance.recipe, self.columns["rows"][:]) if self.is_subset else None

    @cached_property
    def hierarchy(self) -> Hierarchy | None:
        """The hierarchy, read into memory; None if it was left out."""
        from fractalman.trees import Hierarchy

        if "hierarchy/parent" not in self.columns:
            return None
        level = self.columns.get("hierarchy/level")
        return Hierarchy(
            **{name: self.columns[f"hierarchy/{name}"][:] for name in ("parent", "value", "variance", "size", "depth")},
            n_points=self.n_points,
            level=None if level is None else level[:],
        )

    @cached_property
    def label_tree(self) -> LabelTree | None:
        """The tree that the labels come from, read into memory; None if the hierarchy was left out."""
        from fractalman.trees import LabelTree

        if "label_tree/parent" not in self.columns:
            return None
        names = ("parent", "value", "variance", "norm", "leaf")
        return LabelTree(**{name: self.columns[f"label_tree/{name}"][:] for name in names})

    @checked_arguments
    def split(self, n_train: int, n_test: int, seed: int = 0) -> tuple[I64, I64]:
        """Return disjoint random training and test points, the same as `Dataset.split`.

        Parameters
        ----------
        n_train : int
            Training points.
        n_test : int
            Test points; together at most n_points.
        seed : int, default 0
            Of the random permutation.

        Returns
        -------
        tuple of (n_train,) and (n_test,) int64
            Row numbers; training sets of one seed nest.
        """
        from fractalman.datasets.memory import split_indices

        return split_indices(self.n_points, n_train, n_test, seed)

    def dictionary(self, min_size: int = 2, activations: AnyFloat | None = None) -> Dictionary:
        """Return how the points follow from the latents, read into memory; as `Dataset.dictionary`.

        Parameters
        ----------
        min_size : int, default 2
            Leave out latents of fewer points.
        activations : (n, k) float, optional
            What a network makes of the points, in their order, in place of the points.

        Returns
        -------
        Dictionary
            Directions of the latents, and which point uses which.
        """
        from fractalman.datasets.dictionary import dictionary_of

        return dictionary_of(
            self.recipe, self.hierarchy, self.X[:], min_size, whole=not self.is_subset, activations=activations
        )

    def dataset(self) -> Dataset:
        """Read everything into memory.

        Returns
        -------
        Dataset
            Equal to what `generate` returns for the recipe.
        """
        from fractalman.datasets.memory import Dataset

        return Dataset(
            recipe=self.recipe,
            X=self.X[:],
            y=self.y[:],
            cluster=self.cluster[:],
            edges=None if self.edges is None else self.edges[:],
            hierarchy=self.hierarchy,
            label_tree=self.label_tree,
            **{name: self.columns[name][:] for name in POINT_COLUMNS if name in self.columns},
            origin=self.origin,
        )

    @checked_arguments
    def subset(
        self,
        rows: npt.NDArray[np.bool_] | AnyInt | Sequence[int] | slice | None = None,
        path: str | os.PathLike[str] | None = None,
        *,
        min_cluster: int | None = None,
        max_cluster: int | None = None,
        drop_empty: bool = False,
        collapse: bool = False,
        overwrite: bool = False,
    ) -> Dataset | Path:
        """Return some of the points in memory, or write them to another file; as `Dataset.subset`.

        X is never held, about 64 MiB of it at a time are read; the trees are, at about 60 bytes a node of the whole.

        Parameters
        ----------
        rows : (n_points,) bool, or (n,) int, or slice, or None, default None
            A mask, or row numbers, each once; rows in rising order are read once.
        path : str or path, optional
            Of the file to write, published whole or not at all; its provenance says which rows of which content it
            holds, and `fractalman.rebuild` makes it again. Default: a dataset in memory.
        min_cluster, max_cluster : int or None, default None
            Only points of clusters that have at least, at most so many points in this file.
        drop_empty : bool, default False
            Leave out latents without any of the points.
        collapse : bool, default False
            Join every chain of nodes with a single child into its lowest node.
        overwrite : bool, default False
            Replace an existing file.

        Returns
        -------
        Dataset or Path
            The subset, or the file that holds it.

        Raises
        ------
        RecipeError
            For what is no choice of points, or a choice of none, and for this file as the one to write.
        FileFormatError
            Of a shard, which is no whole dataset.

        Examples
        --------
        >>> import fractalman as fm
        >>> path = fm.write(fm.PercolationEnsemble(n_points=500, ambient_dim=4), "whole.h5", overwrite=True)
        >>> with fm.open(path) as file:
        ...     large = file.subset(path="large.h5", min_cluster=5, overwrite=True)
        >>> with fm.open(large) as file:
        ...     file.n_points == file.origin.rows.size, file.origin.n_points
        (True, 500)
        """
        from fractalman.datasets.memory import Dataset
        from fractalman.datasets.subset import fields_of, subset_recipe
        from fractalman.datasets.writer import write_columns

        if path is not None:
            refuse_source(path, self.path)
        parts, origin = self._taken(rows, (min_cluster, max_cluster), (drop_empty, collapse))
        if path is None:
            return Dataset(recipe=self.recipe, origin=origin, **fields_of(parts))
        recipe = subset_recipe(self.recipe.to_dict(), origin, self.dims["d"])
        columns: dict[str, Any] = {**parts, "rows": origin.rows}
        stored = self.provenance.compression
        return write_columns(path, columns, recipe=recipe, overwrite=overwrite, compression=stored)

    def _taken(self, rows: Any, clusters: Any, thinned: Any) -> tuple[dict[str, Part], Origin]:
        """The columns of a subset, each made when it is asked for (shapes cost no reading), and where they are from."""
        from fractalman.datasets.subset import taken

        if self.is_shard:
            raise FileFormatError(f"{self.path} is a shard: expected a whole dataset; use its index file")
        content = self.provenance.content
        return taken(self.columns, lambda: content, self.origin, rows, clusters, thinned)

    def verify(self) -> list[Problem]:
        """Return everything that is wrong with the file; see `fractalman.verify`.

        Returns
        -------
        list of Problem
            Empty where the file is intact.
        """
        from fractalman.datasets.verify import verify_file

        return verify_file(self.path)

    def info(self) -> dict[str, Any]:
        """Return what the file says about itself.

        Returns
        -------
        dict
            Family, sizes, versions, digest and stored bytes, plain JSON values.
        """
        provenance = self.provenance
        stored = {name: column.stored_bytes for name, column in self.columns.items()}
        return {
            "path": str(self.path),
            "family": provenance.recipe.get("family"),
            "recipe": dict(provenance.recipe),
            "n_points": self.n_points,
            "ambient_dim": self.dims["d"],
            "dimensions": {name: size for name, size in self.dims.items() if name != "N"},
            "hierarchy": "hierarchy/parent" in self.columns,
            "bytes": self.path.stat().st_size,
            **({"subset_of": self.provenance.recipe["whole_content"]} if self.is_subset else {}),
            **({"shards": self._shards.table.summary()} if self._shards else {}),
            "format": ".".join(map(str, provenance.format)),
            "stream_version": provenance.stream_version,
            "versions": dict(provenance.versions),
            "digest": provenance.content,
            "compression": provenance.compression,
            "ratio": sum(column.nbytes for column in self.columns.values()) / max(1, sum(stored.values())),
            "columns": {
                name: {
                    "dtype": column.dtype.str,
                    "shape": list(column.shape),
                    "bytes": column.nbytes,
                    "stored_bytes": stored[name],
                    "filters": column.filters,
                    "digest": provenance.columns[name].digest,
                }
                for name, column in self.columns.items()
            },
        }


@checked_arguments
def open_file(path: str | os.PathLike[str], check: str = "blocks") -> File:
    """Open a dataset file for reading.

    Parameters
    ----------
    path : str or path
        The file; of a dataset in shards its index file.
    check : {"blocks", "none"}
        "blocks" compares every block that is read with its digest at its place, so that rows that were changed, lost or
        exchanged are noticed; "none" does so only when a whole column is read (``column[:]``, ``blocks()``, `dataset`).

    Returns
    -------
    File
        Use it in a ``with`` block.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
        In one line each.
    FileFormatError
        Not a fractalman file, a pipe or a device; TooNewError, TooOldError, IncompleteFileError, CorruptFileError
        (damaged: presence, types, shapes and the provenance are checked here, blocks and their digests when they are
        read, everything by `verify_file`).
    RecipeError
        For another ``check``.

    Examples
    --------
    >>> open_file("no-such-file.h5")
    Traceback (most recent call last):
    FileNotFoundError: no-such-file.h5 does not exist: use the path of a dataset file
    """
    return open_as(File, path, check)
