"""The two trees that a dataset carries: `Hierarchy` (what is inside what) and `LabelTree` (where labels come from)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fractalman._arrays import F64, I64
from fractalman.hierarchy.features import feature_columns

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class Hierarchy:
    """The hierarchy over all nodes: points first, then latents by decreasing size.

    Args:
        parent: (n_nodes,) int64, −1 at a root.
        value: (n_nodes,) float64, drawn from N(0, variance).
        variance: (n_nodes,) float64, in units of (label × norm)².
        size: (n_nodes,) int64, points below the node; 1 for a point.
        depth: (n_nodes,) int64, number of ancestors.
        n_points: number of points n.
        level: (n_nodes,) int64 or None; a cascade's level of every node (a point's is the last level).
    """

    parent: I64
    value: F64
    variance: F64
    size: I64
    depth: I64
    n_points: int
    level: I64 | None = None

    @property
    def n_nodes(self) -> int:
        """Points and latents together."""
        return int(self.parent.size)

    @property
    def n_latents(self) -> int:
        """Nodes that are no points."""
        return self.n_nodes - self.n_points

    def features(self, values: bool = False, top: int | None = None) -> csr_array:
        """Return which point lies under which latent as a sparse matrix.

        Args:
            values: entries are the latents' values instead of 1.
            top: only the ``top`` largest latents; None = all.
        Returns: scipy.sparse.csr_array (n_points, n_latents or top), float64; column j is node n_points + j.
        """
        from scipy.sparse import csr_array

        columns = self.n_latents if top is None else min(int(top), self.n_latents)
        indptr, indices = feature_columns(self.parent, self.n_points, columns)
        data = self.value[self.n_points :][indices] if values else np.ones(indices.size)
        return csr_array((data, indices, indptr), shape=(self.n_points, columns))


@dataclass(frozen=True)
class LabelTree:
    """All that theory may see of the labels: y[i] = (Σ of value on the path root → leaf[i]) / norm[i].

    Args:
        parent: (m,) int64, −1 at a root.
        value: (m,) float64, independent draws from N(0, variance).
        variance: (m,) float64, in units of (label × norm)².
        norm: (n,) float64, per point; with it every label (Brownian: the average label) has prior variance 1.
        leaf: (n,) int64, the node at which point i's path ends.
    """

    parent: I64
    value: F64
    variance: F64
    norm: F64
    leaf: I64

    def noisy(self, sigma: float, noise: F64 | None = None) -> LabelTree:
        """Return the tree of noisy labels: below every point's node one more, of variance (σ·norm)².

        Args:
            sigma: σ ≥ 0 in units of the label's prior standard deviation.
            noise: (n,) float64 the noise itself, as a dataset's column; None = values of 0, for theory needs none.
        """
        n, m = self.n_points, int(self.parent.size)
        value = np.zeros(n) if noise is None else noise * self.norm
        return LabelTree(
            parent=np.concatenate([self.parent, self.leaf]),
            value=np.concatenate([self.value, value]),
            variance=np.concatenate([self.variance, np.square(sigma * self.norm)]),
            norm=self.norm,
            leaf=np.arange(m, m + n),
        )

    @property
    def n_points(self) -> int:
        """Number of labelled points."""
        return int(self.leaf.size)
