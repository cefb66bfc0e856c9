"""Whole columns straight from the file into the caller's array: each block read and compared with its digest at once.

HDF5 says where the chunks lie; their bytes are then read by threads, past its buffers, and hashed while they are in
cache. Every block must have the digest of its place, so nothing can come out that HDF5 would not have read: where one
does not, or anything else is unusual, the answer is False and the library reads and names what is wrong.
"""

from __future__ import annotations

import os
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fractalman._threads import n_threads, run_tasks
from fractalman._typing import I64
from fractalman.datasets.digests import Table, block_digest
from fractalman.datasets.spec import AnyArray

if TYPE_CHECKING:
    import h5py

BLOCKS_A_TASK = 8
"""Fewest blocks for which another thread is worth its start."""
AT_ONCE = 4
"""Most blocks, one behind the other in the file, that are read by one call and hashed while they are in cache."""


def chunk_places(stored: h5py.Dataset, rows: int) -> I64 | None:
    """Return where each block begins in the file, in bytes; None where blocks do not lie there as they are in memory.

    Parameters
    ----------
    stored : h5py.Dataset
        A column.
    rows : int
        Of a block.
    """
    if not hasattr(os, "preadv") or not hasattr(stored.id, "chunk_iter") or stored.file.driver != "sec2":
        return None
    if stored.is_virtual or stored.chunks != (rows, *stored.shape[1:]) or stored.id.get_create_plist().get_nfilters():
        return None
    places = np.full(-(-stored.shape[0] // rows), -1, np.int64)

    def note(chunk: h5py.h5d.StoreInfo) -> None:
        places[chunk.chunk_offset[0] // rows] = -1 if chunk.byte_offset is None else chunk.byte_offset

    stored.id.chunk_iter(note)
    return None if (places < 0).any() else places


def read_blocks(stored: h5py.Dataset, places: I64, first: int, rows: int, table: Table, out: AnyArray) -> bool:
    """Fill ``out`` with whole blocks; return whether all of them have their digests.

    Parameters
    ----------
    stored : h5py.Dataset
        The column.
    places : (blocks,) int64
        Of `chunk_places`.
    first : int
        Number of the first block.
    rows : int
        Of a block.
    table : (blocks, 16) uint8
        Digests of all blocks of the column.
    out : ndarray
        C-contiguous; as many rows as the blocks have.
    """
    handle = stored.file.id.get_vfd_handle()
    blocks = -(-len(out) // rows)
    tasks = max(1, min(n_threads(), blocks // BLOCKS_A_TASK))
    right = np.zeros(blocks, bool)
    apart = np.flatnonzero(np.diff(places[first : first + blocks]) != out[:rows].nbytes) + 1
    run_ends = np.append(apart, blocks)[np.searchsorted(apart, np.arange(blocks), side="right")]  # of those in a row

    def work(start: int, stop: int) -> None:  # one after the other: neighbours in memory share large pages
        while start < stop:
            end = int(min(start + AT_ONCE, stop, run_ends[start]))
            part = out[start * rows : end * rows]
            if os.preadv(handle, [part.data], int(places[first + start])) != part.nbytes:
                return
            for k in range(start, end):
                right[k] = block_digest(out[k * rows : (k + 1) * rows]) == table[first + k].tobytes()
            start = end

    try:
        run_tasks(work, pairwise(blocks * k // tasks for k in range(tasks + 1)))
    except OSError:  # the library meets the same error, and says it with the column's name
        return False
    return bool(right.all())
