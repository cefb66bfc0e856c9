"""Points as superpositions of their latents: x = Σ over the subclusters a point lies in of magnitude × direction.

What a sparse autoencoder is supposed to undo, with everything about it known: directions, which latents a point has
(membership in nested subclusters, so that siblings exclude each other), magnitudes, noise. Directions and magnitudes
are functions of the seed and of the latents' numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F32, F64, I64
from fractalman.display import Display
from fractalman.random.keys import Role, key64
from fractalman.trees import _superposition_kernels as _kernels
from fractalman.trees.columns import Hierarchy
from fractalman.trees.features import feature_columns

DIRECTIONS = ("random", "orthogonal", "nested", "tight")
MAGNITUDES = ("constant", "value", "folded-normal")
_BLOCK = 2048
_COLUMNS = 32
_TIGHT = 1e-6
"""Largest entry of (d/m) Σ vvᵀ − I from which a frame counts as tight."""
_STEPS = (32, 1000)
_WORK = 4e10  # multiplications of a frame, beyond the least number of steps


@dataclass(frozen=True, eq=False)
class Superposition(Display):
    """Directions, codes and points of one hierarchy.

    Parameters
    ----------
    hierarchy : Hierarchy
        Over the points.
    ambient_dim : int
        d, of the directions.
    directions : {"random", "orthogonal", "nested", "tight"}
        Independent uniformly random unit vectors; the same made orthogonal among siblings (in groups of d where there
        are more); children at a fixed cosine from their parent; or all turned away from each other until they are a
        unit-norm tight frame, orthonormal where there are no more of them than coordinates.
    cosine : float
        That cosine, −1 < c < 1.
    magnitudes : {"constant", "value", "folded-normal"}
        1; |the latent's value|; |N(0, 1)| for every point and latent anew.
    min_size : int
        Latents of fewer points are left out.
    noise : float
        Standard deviation of what is added to every coordinate.
    seed : int
        Embedding seed.
    """

    hierarchy: Hierarchy
    ambient_dim: int
    directions: str
    cosine: float
    magnitudes: str
    min_size: int
    noise: float
    seed: int

    @cached_property
    def n_features(self) -> int:
        """Latents of at least ``min_size`` points; they come first, since latents are numbered by decreasing size."""
        return int(np.count_nonzero(self.hierarchy.size[self.hierarchy.n_points :] >= self.min_size))

    @cached_property
    def parent(self) -> I64:
        """(m,) int64, parent of every latent among the latents, −1 for roots."""
        n, m = self.hierarchy.n_points, self.n_features
        up = self.hierarchy.parent[n : n + m]
        return np.where(up >= 0, up - n, -1)

    @cached_property
    def vectors(self) -> F32:
        """(m, d) float32 unit directions."""
        vectors = np.empty((self.n_features, self.ambient_dim))
        key = np.uint64(key64(self.seed, Role.FEATURE_DIRECTION))
        blocks = range(0, self.n_features, _BLOCK)
        run_tasks(_kernels.random_units, [(key, a, vectors[a : a + _BLOCK]) for a in blocks])
        if self.directions == "orthogonal":
            _kernels.orthogonal_siblings(np.argsort(self.parent, kind="stable"), self.parent, vectors)
        elif self.directions == "nested":
            _kernels.nested_units(self.parent, self.cosine, vectors)
        elif self.directions == "tight":
            _tighten(vectors)
        return vectors.astype(np.float32)

    @cached_property
    def _table(self) -> tuple[Any, Any]:
        return feature_columns(self.hierarchy.parent, self.hierarchy.n_points, self.n_features)

    def codes(self) -> Any:
        """Return the magnitudes as a scipy.sparse.csr_array (n, m), float64."""
        from scipy.sparse import csr_array

        n = self.hierarchy.n_points
        indptr, indices = self._table
        return csr_array((self._magnitudes(np.arange(n)), indices, indptr), shape=(n, self.n_features))

    def _magnitudes(self, points: I64) -> F64:
        """Magnitudes of the entries of consecutive rows."""
        indptr, indices = self._rows(points)
        return self._drawn(points, indptr, indices)

    def _drawn(self, numbers: I64, indptr: Any, indices: Any) -> F64:
        """Magnitudes of the entries of rows whose numbers are these."""
        entries = indices[indptr[0] : indptr[-1]]
        if self.magnitudes == "value":
            n = self.hierarchy.n_points
            return np.asarray(np.abs(self.hierarchy.value[n : n + self.n_features][entries]))
        out = np.ones(entries.size)
        if self.magnitudes == "folded-normal":
            key = np.uint64(key64(self.seed, Role.FEATURE_MAGNITUDE))
            _kernels.folded_normals(key, numbers, indptr, indices, out)
        return out

    def numbered_codes(self, points: I64, numbers: I64) -> Any:
        """Return the magnitudes of rows as a scipy.sparse.csr_array (rows, m), float64.

        Parameters
        ----------
        points : (rows,) int64
            Whose subclusters a row has, in any order.
        numbers : (rows,) int64
            What its magnitudes are drawn for; a point's own number gives the dataset's row.
        """
        from scipy.sparse import csr_array

        indptr, indices, magnitudes = self._numbered(points, numbers)
        return csr_array((magnitudes, indices, indptr), shape=(points.size, self.n_features))

    def numbered_rows(self, points: I64, numbers: I64) -> F32:
        """Return the coordinates of rows, (rows, d) float32; parameters as of `numbered_codes`."""
        indptr, indices, magnitudes = self._numbered(points, numbers)
        key = np.uint64(key64(self.seed, Role.FEATURE_NOISE))
        X = np.empty((points.size, self.ambient_dim), np.float32)
        _kernels.sums(indptr, indices, magnitudes, self.vectors, key, self.noise, numbers, X)
        return X

    def _numbered(self, points: I64, numbers: I64) -> tuple[Any, Any, F64]:
        """Rows of the table, in the order of ``points``, and the magnitudes of their entries."""
        begin, indices = self._table
        first, count = begin[points], begin[points + 1] - begin[points]
        indptr = np.concatenate([[0], np.cumsum(count)]).astype(begin.dtype)
        entries = indices[np.repeat(first - indptr[:-1], count) + np.arange(indptr[-1])]
        return indptr, entries, self._drawn(numbers, indptr, entries)

    def _rows(self, points: I64) -> tuple[Any, Any]:
        indptr, indices = self._table
        return indptr[points[0] : points[-1] + 2], indices

    def rows(self, points: I64) -> F32:
        """Return the coordinates of consecutive points, (len(points), d) float32."""
        X = np.empty((points.size, self.ambient_dim), np.float32)
        key, vectors, _ = np.uint64(key64(self.seed, Role.FEATURE_NOISE)), self.vectors, self._table

        def work(start: int) -> None:
            block = points[start : start + _BLOCK]
            indptr, indices = self._rows(block)
            part = X[start : start + _BLOCK]
            _kernels.sums(indptr, indices, self._magnitudes(block), vectors, key, self.noise, block, part)

        run_tasks(work, [(start,) for start in range(0, points.size, _BLOCK)])
        return X


def _tighten(vectors: F64) -> None:
    """Make unit rows a tight frame: Σ vvᵀ = (m/d) I, the least sum of squared cosines; m ≤ d rows become orthonormal.

    Newton's iteration for the nearest tight frame and lengths of 1 in turn: a descent of the frame potential, whose
    only local minima are tight frames (Benedetto and Fickus 2003). Steps begin short, where some eigenvalue may exceed
    3 times the mean. Of barely more rows than coordinates it converges slowly and stops at `_STEPS` or `_WORK`.
    """
    m, d = vectors.shape
    if m <= d:
        _kernels.orthogonal_siblings(np.arange(m), np.zeros(m, np.int64), vectors)
        return
    operator = np.empty((d, d))
    columns, rows = range(0, d, _COLUMNS), range(0, m, _BLOCK)
    for number in range(int(np.clip(_WORK / (m * d**2), *_STEPS))):
        run_tasks(_kernels.frame_operator, [(vectors, a, operator[a : a + _COLUMNS]) for a in columns])
        operator *= d / m
        if np.abs(operator - np.eye(d)).max() < _TIGHT:
            break
        step = 0.25 if number < 8 else 0.5
        run_tasks(_kernels.tighten, [(operator, step, vectors[a : a + _BLOCK]) for a in rows])
