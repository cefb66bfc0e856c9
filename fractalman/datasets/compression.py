"""How columns are stored: the filters of every compression, and what a reader needs to undo them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fractalman.config import is_word, shown
from fractalman.datasets.spec import COMPRESSIONS, GZIP_LEVEL, STANDARD, ZSTD_LEVEL, AnyArray, Column
from fractalman.errors import MissingExtraError, RecipeError, nearest

if TYPE_CHECKING:
    from pathlib import Path

    import h5py

PLUGIN = {32015: "zstd"}
"""Filter number → compression, of those that the package hdf5plugin brings."""

_BEGINNING, _END = b"\x78\x01", b"\x03\x00"  # of a zlib stream: its header, an empty last block
_ADLER = 65521
_ALIKE = 4
"""Bytes of which one pair in so many is equal, which need two bits each, take longer to pack than to write."""

_NAMES = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32000: "lzf", **PLUGIN}


def check_compression(name: str) -> str:
    """Return ``name`` if files can be written with it here; RecipeError or MissingExtraError otherwise."""
    if not is_word(name, COMPRESSIONS):
        raise RecipeError(
            f"compression = {shown(name)}: expected {', '.join(COMPRESSIONS)}{nearest(name, COMPRESSIONS)}"
        )
    if name in PLUGIN.values():
        _import_plugin(f"compression {name}")
    return name


def _import_plugin(what: str) -> Any:
    try:
        import hdf5plugin
    except ImportError:
        raise MissingExtraError(f"{what} needs hdf5plugin: use pip install hdf5plugin") from None
    return hdf5plugin


def filter_keywords(name: str, column: Column) -> dict[str, Any]:
    """Return the keywords of h5py's create_dataset for one column, checksum apart.

    Args:
        name: a compression, already checked.
        column: "standard" compresses integers only: floats hardly shrink and would only be slower.
    """
    gzip = {"shuffle": True, "compression": "gzip", "compression_opts": GZIP_LEVEL}
    if name == STANDARD:
        return gzip if np.dtype(column.dtype).kind == "i" else {}
    if name == "off":
        return {}
    if name == "lzf":
        return {"shuffle": True, "compression": "lzf"}
    if name == "gzip":
        return gzip
    return {"shuffle": True, **_import_plugin(f"compression {name}").Zstd(clevel=ZSTD_LEVEL)}


def packed_here(name: str, column: Column) -> bool:
    """Return whether a column is of integers, shuffled and with gzip: `shuffled_gzip` makes its chunks."""
    return np.dtype(column.dtype).kind == "i" and name in (STANDARD, "gzip")


def shuffled_gzip(chunk: AnyArray) -> bytes:
    """Return the bytes of a chunk as HDF5's shuffle and deflate filters read them; other threads may run meanwhile.

    Shuffled integers are planes of equal, of unequally frequent or of random bytes. Each plane becomes a piece of the
    stream, packed as its own bytes ask for: a third of the time of one search for runs in all, for about as few bytes.
    """
    numbers = np.ascontiguousarray(chunk).reshape(-1)
    low, high = int(numbers.min()), int(numbers.max())
    # Numbers from low to high share the leading bytes that these two share, if both have one sign.
    mixed = numbers.itemsize if (low < 0) != (high < 0) else ((low ^ high).bit_length() + 7) // 8
    lanes = numbers.view(np.uint8).reshape(-1, numbers.itemsize)
    pieces, checksum = [_BEGINNING], 1
    for k in range(numbers.itemsize):
        plane = lanes[:, k].copy() if k < mixed else None
        if plane is None or _is_constant(plane):
            byte = (low >> (8 * k)) & 255
            pieces.append(_packed_constant(byte, numbers.size))
            checksum = _checksum_of_constant(byte, numbers.size, checksum)
        else:
            pieces.append(_packed_plane(plane))
            checksum = zlib.adler32(plane.data, checksum)
    return b"".join([*pieces, _END, checksum.to_bytes(4, "big")])


def _is_constant(plane: npt.NDArray[np.uint8]) -> bool:
    return bool(plane[0] == plane[-1] and np.all(plane == plane[0]))


def _checksum_of_constant(byte: int, size: int, checksum: int) -> int:
    """Return the Adler-32 of what ``checksum`` is that of, and so many equal bytes behind it."""
    below, above = checksum & 0xFFFF, checksum >> 16
    above = (above + size * below + byte * (size * (size + 1) // 2)) % _ADLER
    return above << 16 | (below + size * byte) % _ADLER


def _packed_plane(plane: npt.NDArray[np.uint8]) -> bytes:
    pairs = plane[: plane.size // 8 * 8].reshape(-1, 8)  # an eighth of the bytes, each with the one behind it
    some = np.ascontiguousarray(pairs[:, 0])
    if 2 * np.count_nonzero(some == pairs[:, 1]) >= len(pairs):
        return _deflated(plane, zlib.Z_RLE)
    alike = int(np.square(np.bincount(some)).sum()) - len(pairs)  # pairs of equal bytes among them, both ways round
    if _ALIKE * alike < len(pairs) ** 2:
        return _stored(plane)
    return _deflated(plane, zlib.Z_HUFFMAN_ONLY)


@lru_cache(64)
def _packed_constant(byte: int, size: int) -> bytes:
    return _deflated(np.full(size, byte, np.uint8), zlib.Z_RLE)


def _deflated(plane: npt.NDArray[np.uint8], strategy: int) -> bytes:
    """Return a piece of a deflate stream that ends at a whole byte and refers to nothing before it."""
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, strategy=strategy)
    return packer.compress(plane.data) + packer.flush(zlib.Z_FULL_FLUSH)


def _stored(plane: npt.NDArray[np.uint8]) -> bytes:
    """Return such a piece of bytes as they are: blocks of a stream that begin at a whole byte and say their length."""
    parts = []
    for start in range(0, plane.size, 0xFFFF):
        part = plane[start : start + 0xFFFF]
        parts += [struct.pack("<BHH", 0, part.size, part.size ^ 0xFFFF), part.tobytes()]
    return b"".join(parts)


def filters(stored: h5py.Dataset) -> list[int]:
    """Return the numbers of the filters that a stored column went through, in order."""
    pipeline = stored.id.get_create_plist()
    return [int(pipeline.get_filter(i)[0]) for i in range(pipeline.get_nfilters())]


def filter_names(stored: h5py.Dataset) -> list[str]:
    """Return the names of those filters, the checksum left out."""
    return [_NAMES.get(number, f"filter {number}") for number in filters(stored) if number != 3]


def require_filters(path: Path, numbers: Iterable[int]) -> None:
    """Make the filters of these numbers ready to use.

    Errors: MissingExtraError naming the package that is absent.
    """
    import h5py

    for number in sorted(numbers):
        if number in PLUGIN and not h5py.h5z.filter_avail(number):
            _import_plugin(f"{path} is compressed with {PLUGIN[number]}, and reading it")
