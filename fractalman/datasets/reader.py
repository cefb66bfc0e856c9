"""Opening a file: refusing what is not one, and columns that are read when they are indexed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import h5py
import numpy as np

from fractalman.datasets import certificate as certificates
from fractalman.datasets.certificate import Certificate
from fractalman.datasets.compression import require_filters
from fractalman.datasets.lazy import LazyColumn, library_reason, system_error
from fractalman.datasets.seal import Seal, read_seal, refuse_other_majors
from fractalman.datasets.shards import SHARD_FAMILY, OpenShards, ShardTable, lazy_column, read_table
from fractalman.datasets.spec import (
    CERTIFICATE,
    COLUMNS,
    FORMAT_NAME,
    MINOR,
    SHARDS,
    Problem,
    structure_problems,
)
from fractalman.errors import (
    CorruptFileError,
    FileFormatError,
    IncompleteFileError,
)
from fractalman.recipes import from_dict

if TYPE_CHECKING:
    from fractalman._typing import I64
    from fractalman.datasets.memory import Dataset
    from fractalman.recipes import Recipe
    from fractalman.trees import Hierarchy, LabelTree

# ------------------------------------------------------------------------------------------------ refusing


def check_path(path: str | os.PathLike[str]) -> Path:
    """Return ``path`` if it may be a dataset file, looking at the file system only.

    Errors: FileNotFoundError, IsADirectoryError, PermissionError, FileFormatError for what is no ordinary file.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: type the path of a dataset file")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory: type the path of a dataset file")
    if not path.is_file():
        raise FileFormatError(f"{path} is not an ordinary file: type the path of a dataset file")
    if not os.access(path, os.R_OK):
        raise PermissionError(f"{path} is not readable: change its permissions or type another path")
    return path


def open_hdf5(path: Path, seal: Seal | None) -> h5py.File:
    """Return the open HDF5 file after checking format name, version and completeness (the errors of `open_file`).

    Args:
        seal: the file's, or None to leave out the comparison with it.
    """
    try:
        # Published files never change, so no lock is needed, and none works on every network file system.
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        real = system_error(error, path)
        if real:
            raise real from None
        if "consistency flags" in str(error) or "open for write" in str(error):
            raise IncompleteFileError(
                f"{path} was never finished: the run that wrote it has died or is at work"
            ) from None
        raise CorruptFileError(f"{path} is damaged or cut short: {library_reason(error)}") from None
    try:
        _check_header(file, path, seal)
    except BaseException:
        file.close()
        raise
    return file


def _check_header(file: h5py.File, path: Path, seal: Seal | None) -> None:
    name = _attribute(file, "format", path)
    if name is None or bytes(name) != FORMAT_NAME.encode("ascii"):
        raise FileFormatError(f"{path} is an HDF5 file but not a fractalman file: it has no format = {FORMAT_NAME!r}")
    major, minor, complete = (_attribute(file, key, path) for key in ("major", "minor", "complete"))
    if not all(isinstance(number, np.integer) for number in (major, minor)):
        raise CorruptFileError(f"{path} is damaged: attributes major and minor are not integers")
    refuse_other_majors(path, int(major), int(minor))
    if seal and seal.format != (major, minor):
        stated = ".".join(map(str, seal.format))
        raise CorruptFileError(f"{path} is damaged: its seal states format {stated}, its attributes {major}.{minor}")
    if not isinstance(complete, np.integer) or complete != 1:
        raise IncompleteFileError(f"{path} was never finished (complete = {complete}): make it anew with --force")


def _attribute(file: h5py.File, name: str, path: Path) -> Any:
    try:
        return file.attrs.get(name)
    except Exception as error:
        raise system_error(error, path) or CorruptFileError(
            f"{path} is damaged: attribute {name} is unreadable"
        ) from None


class Contents:
    """What is in an open HDF5 file, against its certificate and the column table; nothing here raises.

    Attributes: ``certificate`` (None when unreadable), ``dims``, ``stored`` (path → HDF5 dataset, sound columns only),
    ``problems``.
    """

    def __init__(self, file: h5py.File) -> None:
        self.problems: list[Problem] = []
        self.dims: dict[str, int] = {}
        self.stored: dict[str, h5py.Dataset] = {}
        self.certificate = self._read_certificate(file)
        self.shards = self._read_shards(file)
        if self.certificate is None:
            return
        newer = self.certificate.format[1] > MINOR
        self._records = {
            path: record
            for path, record in self.certificate.columns.items()
            if not newer or path in {column.path for column in COLUMNS}
        }
        self.dims, wrong = structure_problems({p: (r.dtype, r.shape) for p, r in self._records.items()})
        self.problems += [Problem(CERTIFICATE, f"contradicts the format: column {problem}") for problem in wrong]
        found: list[str] = []
        try:
            file.visit(found.append)
        except Exception as error:
            self.problems.append(Problem("/", f"the list of columns is unreadable: {library_reason(error)}"))
        if not newer:
            known = {CERTIFICATE, SHARDS, *self._records, *(path.rpartition("/")[0] for path in self._records)}
            self.problems += [
                Problem(path, "is in the file but not in its certificate") for path in found if path not in known
            ]
        for path in self._records:
            self._inspect_column(file, path)

    def _read_certificate(self, file: h5py.File) -> Certificate | None:
        try:
            stored = file[CERTIFICATE]
            if stored.shape != (1,) or stored.dtype.kind != "S" or not stored.fletcher32:
                raise CorruptFileError(f"has type {stored.dtype} and shape {stored.shape}: required is one text")
            result, stated = certificates.from_bytes(bytes(stored[0]))
            if result.content != stated:
                self.problems.append(Problem(CERTIFICATE, "does not have the content digest that it states"))
            if result.format != (int(file.attrs["major"]), int(file.attrs["minor"])):
                self.problems.append(Problem(CERTIFICATE, f"states format {result.format}: the file's is another"))
            return result
        except KeyError:
            self.problems.append(Problem(CERTIFICATE, "is missing"))
        except CorruptFileError as error:
            self.problems.append(Problem(CERTIFICATE, str(error)))
        except Exception as error:
            self.problems.append(Problem(CERTIFICATE, f"is unreadable: {library_reason(error)}"))
        return None

    def _read_shards(self, file: h5py.File) -> ShardTable | None:
        try:
            table = read_table(file)
        except Exception as error:
            message = str(error) if isinstance(error, CorruptFileError) else f"is unreadable: {library_reason(error)}"
            self.problems.append(Problem(SHARDS, message))
            return None
        if table is not None:
            self.problems += table.problems(Path(file.filename).resolve().parent)
        return table

    def _covered(self, path: str, rows: int) -> bool:
        """Whether a column lies in the shards, all of it."""
        return self.shards is not None and self.shards.covers(path) and self.shards.starts[-1] == rows

    def _inspect_column(self, file: h5py.File, path: str) -> None:
        record = self._records[path]
        try:
            stored = file[path]
            if not isinstance(stored, h5py.Dataset):
                self.problems.append(Problem(path, "is missing: the certificate lists it"))
            elif stored.dtype.str != record.dtype or stored.dtype.kind not in "fi":
                self.problems.append(Problem(path, f"has type {stored.dtype.str}: required is {record.dtype}"))
            elif stored.shape != record.shape:
                self.problems.append(Problem(path, f"has shape {stored.shape}: required is {record.shape}"))
            elif 0 not in record.shape and not (
                self._covered(path, record.shape[0]) if stored.is_virtual else stored.fletcher32 and stored.chunks
            ):
                self.problems.append(Problem(path, "has no fletcher32 checksum: required is one"))
            else:
                self.stored[path] = stored
        except Exception as error:
            absent = isinstance(error, KeyError) and "doesn't exist" in str(error)
            what = "is missing: the certificate lists it" if absent else f"is unreadable: {library_reason(error)}"
            self.problems.append(Problem(path, what))


# ------------------------------------------------------------------------------------------------ the file


class File:
    """An open dataset file; made by `open_file`, closed by ``with`` or `close`.

    Attributes: ``path``, ``certificate``, ``dims`` (sizes of n, d, …), ``columns`` (path → `LazyColumn`), ``X``, ``y``,
    ``cluster``, and ``edges`` (None for families without a graph).
    """

    def __init__(self, path: Path, file: h5py.File, certificate: Certificate, contents: Contents) -> None:
        self.path, self.certificate, self._file = path, certificate, file
        self.dims: Mapping[str, int] = dict(contents.dims)
        self._shards = None if contents.shards is None else OpenShards(path, contents.shards)
        self.columns: Mapping[str, LazyColumn] = {
            name: lazy_column(path, name, stored, self._shards) for name, stored in contents.stored.items()
        }
        self.X, self.y, self.cluster = (self.columns[name] for name in ("X", "y", "cluster"))
        self.edges = self.columns.get("edges")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "" if self._file else "closed "
        return f"<{state}dataset file {self.path}: {self.certificate.recipe.get('family')}, n = {self.n_points}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an open file cannot be pickled: pass its path and open it there")

    def close(self) -> None:
        """Close the file; columns can no longer be read."""
        if self._shards is not None:
            self._shards.close()
        self._file.close()

    @property
    def n_points(self) -> int:
        """Number of points."""
        return self.dims["n"]

    @property
    def is_shard(self) -> bool:
        """Whether the file holds some rows of a dataset, as a shard."""
        return self.certificate.recipe.get("family") == SHARD_FAMILY

    @cached_property
    def recipe(self) -> Recipe:
        """What the file was made from, of a shard the whole; RecipeError for a family unknown to this version."""
        recipe = self.certificate.recipe
        return from_dict(recipe["of"] if self.is_shard else recipe)

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

    def split(self, n_train: int, n_test: int, seed: int = 0) -> tuple[I64, I64]:
        """Return disjoint (train, test) int64 indices, the same as `Dataset.split`."""
        from fractalman.datasets.memory import split_indices

        return split_indices(self.n_points, n_train, n_test, seed)

    def dataset(self) -> Dataset:
        """Return everything in memory, equal to what `generate` returns for the recipe."""
        from fractalman.datasets.memory import Dataset

        return Dataset(
            recipe=self.recipe,
            X=self.X[:],
            y=self.y[:],
            cluster=self.cluster[:],
            edges=None if self.edges is None else self.edges[:],
            hierarchy=self.hierarchy,
            label_tree=self.label_tree,
            noise=self.columns["noise"][:] if "noise" in self.columns else None,
        )

    def verify(self) -> list[Problem]:
        """Return everything that is wrong with the file ([] = intact); see `verify_file`."""
        from fractalman.datasets.verify import verify_file

        return verify_file(self.path)

    def info(self) -> dict[str, Any]:
        """Return family, sizes, versions, digest and stored bytes as plain JSON values."""
        certificate = self.certificate
        stored = {name: column.stored_bytes for name, column in self.columns.items()}
        return {
            "path": str(self.path),
            "family": certificate.recipe.get("family"),
            "recipe": dict(certificate.recipe),
            "n_points": self.n_points,
            "ambient_dim": self.dims["d"],
            "dimensions": dict(self.dims),
            "hierarchy": "hierarchy/parent" in self.columns,
            "bytes": self.path.stat().st_size,
            **({"shards": self._shards.table.summary()} if self._shards else {}),
            "format": ".".join(map(str, certificate.format)),
            "stream_version": certificate.stream_version,
            "versions": dict(certificate.versions),
            "digest": certificate.content,
            "compression": certificate.compression,
            "ratio": sum(column.nbytes for column in self.columns.values()) / max(1, sum(stored.values())),
            "columns": {
                name: {
                    "dtype": column.dtype.str,
                    "shape": list(column.shape),
                    "bytes": column.nbytes,
                    "stored_bytes": stored[name],
                    "filters": column.filters,
                    "digest": certificate.columns[name].digest,
                }
                for name, column in self.columns.items()
            },
        }


def open_file(path: str | os.PathLike[str]) -> File:
    """Open a dataset file for reading.

    Args:
        path: the file.
    Returns: a `File`; use it in a ``with`` block.
    Errors, one line each: FileNotFoundError, IsADirectoryError, PermissionError; FileFormatError (not a fractalman
        file), TooNewError, TooOldError, IncompleteFileError, CorruptFileError (damaged: presence, types, shapes and
        the certificate are checked here, contents by `verify_file`).
    """
    path = check_path(path)
    file = open_hdf5(path, read_seal(path))
    try:
        contents = Contents(file)
        if contents.problems or contents.certificate is None:
            more = f" (and {len(contents.problems) - 1} more)" if len(contents.problems) > 1 else ""
            raise CorruptFileError(f"{path} is damaged: {contents.problems[0]}{more}; type fractalman verify {path}")
        require_filters(path, contents.stored.values())
        return File(path, file, contents.certificate, contents)
    except BaseException:
        file.close()
        raise
