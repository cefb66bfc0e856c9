"""A box of Z^dim laid out in R^d, randomly rotated: neighbours on the lattice are at distance 1.

A free box keeps its lattice coordinates, centred at 0. A periodic box is a flat torus: along every axis the sites stand
on a circle whose chords between neighbours have length 1, so no place of the box is marked by a seam, and distances are
a function of lattice differences alone. The frame that carries the axes is a Gaussian one made orthonormal by
Gram–Schmidt in a fixed order, which makes it uniform. Only IEEE operations: the same bytes on every machine.
"""

from __future__ import annotations

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F32, F64, I64
from fractalman.errors import RecipeError
from fractalman.families.lattice_percolation import _coordinate_kernels as _kernels
from fractalman.random.streams import Role, key64, normals

_BLOCK = 4096


def random_frame(rows: int, d: int, seed: int) -> F64:
    """Return ``rows`` orthonormal vectors of R^d, uniform among all such frames, (rows, d) float64.

    Args:
        rows: number of vectors, at most d.
        d: dimension.
        seed: embedding seed.
    """
    if not 1 <= rows <= d:
        raise RecipeError(f"a frame of {rows} vectors in {d} dimensions: expected 1 to {d}")
    frame = normals(key64(seed, Role.LATTICE_FRAME), rows * d).reshape(rows, d)
    _kernels.orthonormalise(frame)
    return frame


def circle(side: int) -> F64:
    """Return ``side`` ≥ 3 points on a circle around 0, neighbours at distance 1, (side, 2) float64."""
    out = np.empty((side, 2))
    _kernels.circle(out)
    return out


def lattice_coordinates(out: F32, site: I64, shape: tuple[int, ...], periodic: bool, seed: int) -> None:
    """Write the coordinates of sites.

    Args:
        out: (n, d) float32, overwritten; unit: the lattice spacing. d ≥ dim, or 2·dim for a periodic box.
        site: (n,) int64 numbers of sites, row by row, the last axis fastest.
        shape: sites along every axis.
        periodic: lay a torus.
        seed: embedding seed.
    """
    dim = len(shape)
    width = 2 if periodic else 1
    frame = random_frame(width * dim, out.shape[1], seed)
    places = np.zeros((dim, max(shape), width))  # of every coordinate along its axis
    for k, length in enumerate(shape):
        places[k, :length] = circle(length) if periodic else (np.arange(length) - (length - 1) / 2.0)[:, None]
    lengths = np.array(shape, np.int64)
    run_tasks(
        _kernels.place_sites,
        [(site[a : a + _BLOCK], lengths, places, frame, out[a : a + _BLOCK]) for a in range(0, site.size, _BLOCK)],
    )
