"""The provenance of a file: what it was made from, by which versions, and what its columns must hold."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

import numpy as np

from fractalman.datasets.digests import DIGEST_BYTES
from fractalman.datasets.spec import MAJOR, MINOR, STANDARD, Shape
from fractalman.display import Display
from fractalman.errors import CorruptFileError, FileFormatError
from fractalman.random.keys import STREAM_VERSION


@dataclass(frozen=True)
class ColumnRecord(Display):
    """What the provenance says about one column.

    Parameters
    ----------
    dtype : str
        NumPy's code, e.g. "<f4".
    shape : tuple of int
        Rows first.
    digest : str
        Of name, shape and bytes, by `digests.column_digest`.
    """

    dtype: str
    shape: Shape
    digest: str


@dataclass(frozen=True)
class Provenance(Display):
    """Everything a file says about itself; holds neither time nor host.

    Parameters
    ----------
    recipe : dict
        Family and keywords, plain values.
    columns : dict
        Path → type, shape, digest.
    versions : dict
        Of the packages that wrote the file.
    compression : str, default "standard"
        How the columns are stored.
    stream_version : int, default `fractalman.STREAM_VERSION`
        Of the random streams.
    format : tuple of two int, default of this version
        Major and minor number.
    extended : dict or None, default None
        Of a file that points were added to: ``n_points`` and ``content`` of the file that it was at first,
        of an index also ``shards``, their number.
    """

    recipe: Mapping[str, Any]
    columns: Mapping[str, ColumnRecord]
    versions: Mapping[str, str]
    compression: str = STANDARD
    stream_version: int = STREAM_VERSION
    format: tuple[int, int] = (MAJOR, MINOR)
    extended: Mapping[str, Any] | None = None

    @property
    def content(self) -> str:
        """BLAKE2b-256 of recipe, stream version, and every column's type, shape and digest."""
        table = self._table()
        text = json.dumps(
            {key: table[key] for key in ("recipe", "stream_version", "columns")},
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
        )
        return hashlib.blake2b(text.encode("ascii"), digest_size=DIGEST_BYTES).hexdigest()

    def _table(self) -> dict[str, Any]:
        story = {} if self.extended is None else {"extended": dict(self.extended)}
        return {
            **story,
            "format": list(self.format),
            "recipe": dict(self.recipe),
            "stream_version": self.stream_version,
            "versions": dict(self.versions),
            "compression": self.compression,
            "columns": {
                path: {"dtype": record.dtype, "shape": list(record.shape), "digest": record.digest}
                for path, record in self.columns.items()
            },
        }

    def to_bytes(self) -> bytes:
        """Return the JSON text that a file holds.

        Returns
        -------
        bytes
            ASCII.

        Raises
        ------
        FileFormatError
            When the recipe is not made of plain values.
        """
        try:
            table = {**self._table(), "content": self.content}
            return json.dumps(table, sort_keys=True, indent=1, allow_nan=False).encode("ascii")
        except (TypeError, ValueError) as error:
            raise FileFormatError(
                f"the recipe cannot be stored: {error}; expected text, numbers, lists, tables"
            ) from None


def from_bytes(text: bytes) -> tuple[Provenance, str]:
    """Return the provenance in ``text`` and the content digest that it states; CorruptFileError when it is none."""
    try:
        table = json.loads(text.decode("ascii"))
        major, minor = (int(number) for number in table["format"])
        recipe = table["recipe"]
        if not isinstance(recipe, dict):
            raise TypeError("recipe")
        provenance = Provenance(
            recipe=recipe,
            columns={
                str(path): ColumnRecord(
                    np.dtype(record["dtype"]).str, tuple(int(s) for s in record["shape"]), str(record["digest"])
                )
                for path, record in table["columns"].items()
            },
            versions={str(name): str(version) for name, version in table["versions"].items()},
            compression=str(table["compression"]),
            stream_version=int(table["stream_version"]),
            format=(major, minor),
            extended=_story(table.get("extended")),
        )
        return provenance, str(table["content"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise CorruptFileError("is not readable as the JSON text that FORMAT.md describes") from None


def _story(table: Any) -> dict[str, Any] | None:
    """What a file was before points were added: its number of points, its content digest, of an index its shards."""
    if table is None:
        return None
    shards = {"shards": int(table["shards"])} if "shards" in table else {}
    return {"n_points": int(table["n_points"]), "content": str(table["content"]), **shards}


def current_versions(*more: str) -> dict[str, str]:
    """Return the versions of this package and of what its bytes depend on.

    Args:
        more: names of further packages that the bytes of one file depend on.
    """
    import h5py

    from fractalman._version import __version__

    names = ("numpy", "numba", "llvmlite", "scipy", "h5py", "xxhash", *more)
    versions = {name: _version_of(name) for name in names}
    libraries = {"hdf5": str(h5py.version.hdf5_version), "zlib": zlib.ZLIB_RUNTIME_VERSION}
    return {"fractalman": __version__, **versions, **libraries}


@cache
def _version_of(package: str) -> str:
    """Look an installed version up once: it is text that is parsed, some milliseconds a package."""
    return metadata.version(package)
