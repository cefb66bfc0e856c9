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

from fractalman._jit import run_tasks
from fractalman._typing import F32, F64, I64
from fractalman.display import Display
from fractalman.random.keys import Role, key64
from fractalman.trees import _superposition_kernels as _kernels
from fractalman.trees.columns import Hierarchy
from fractalman.trees.features import feature_columns

DIRECTIONS = ("random", "orthogonal", "nested")
MAGNITUDES = ("constant", "value", "folded-normal")
_BLOCK = 2048


@dataclass(frozen=True, eq=False)
class Superposition(Display):
    """Directions, codes and points of one hierarchy.

    Parameters
    ----------
    hierarchy : Hierarchy
        Over the points.
    ambient_dim : int
        d, of the directions.
    directions : {"random", "orthogonal", "nested"}
        Independent uniformly random unit vectors; the same made orthogonal among siblings (in groups of d where there
        are more); or children at a fixed cosine from their parent.
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
