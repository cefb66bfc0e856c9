"""The two trees that a dataset carries: `Hierarchy` (what is inside what) and `LabelTree` (where labels come from)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fractalman._typing import F64, I64
from fractalman.errors import RecipeError
from fractalman.trees import queries
from fractalman.trees.features import feature_columns

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class Hierarchy:
    """The hierarchy over all nodes: points first, then latents by decreasing size.

    Parameters
    ----------
    parent : (n_nodes,) int64
        −1 at a root.
    value : (n_nodes,) float64
        Drawn from N(0, variance).
    variance : (n_nodes,) float64
        In units of (label × norm)².
    size : (n_nodes,) int64
        Points below the node; 1 for a point.
    depth : (n_nodes,) int64
        Number of ancestors.
    n_points : int
        Number of points n.
    level : (n_nodes,) int64 or None, default None
        A cascade's level of every node (a point's is the last level).
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

        Parameters
        ----------
        values : bool, default False
            Entries are the latents' values instead of 1.
        top : int or None, default None
            Only the ``top`` largest latents; None = all.

        Returns
        -------
        scipy.sparse.csr_array
            (n_points, n_latents or top), float64; column j is node n_points + j.

        Raises
        ------
        RecipeError
            For a ``top`` that is no whole number from 0 up.
        """
        from scipy.sparse import csr_array

        if top is not None and (isinstance(top, bool) or not hasattr(top, "__index__") or int(top) < 0):
            raise RecipeError(f"top = {top!r}: expected None (all latents) or a whole number from 0 up; use top = 100")
        columns = self.n_latents if top is None else min(int(top), self.n_latents)
        indptr, indices = feature_columns(self.parent, self.n_points, columns)
        data = self.value[self.n_points :][indices] if values else np.ones(indices.size)
        return csr_array((data, indices, indptr), shape=(self.n_points, columns))

    def order(self) -> queries.PointOrder:
        """Return an order of the points in which those of every latent are one contiguous range.

        Returns
        -------
        PointOrder
            Made once, in O(n).
        """
        return self._order

    @cached_property
    def _order(self) -> queries.PointOrder:
        return queries.contiguous_order(self.parent, self.size, self.n_points)

    def points(self, node: int) -> I64:
        """Return the points below a node (of a point: itself), rising.

        Parameters
        ----------
        node : int
            Its id, a point or a latent.

        Returns
        -------
        (size[node],) int64
            Point ids.

        Raises
        ------
        RecipeError
            For a node that is not there.
        RecipeError
            For a node that is not there.
        """
        queries.check_nodes("node", np.array([node]), self.n_nodes)
        return np.sort(self._order.points[self._order.start[node] : self._order.stop[node]])

    def ancestors(self, node: int) -> I64:
        """Return the latents above a node, its parent first and its root last.

        Parameters
        ----------
        node : int
            Its id, a point or a latent.

        Returns
        -------
        (depth[node],) int64
            Node ids.

        Raises
        ------
        RecipeError
            For a node that is not there.
        RecipeError
            For a node that is not there.
        """
        return queries.ancestors(self.parent, node)

    def lowest_common_ancestors(self, a: I64, b: I64) -> I64:
        """Return the smallest subcluster that holds both nodes of each pair.

        O(n) the first time, then at most log2(n) + 2 steps for a pair, however deep the hierarchy.

        Parameters
        ----------
        a : (pairs,) int64
            Node ids, points or latents; a node is its own ancestor.
        b : (pairs,) int64
            As a, equally many.

        Returns
        -------
        (pairs,) int64
            Node ids, −1 for nodes of different clusters.

        Raises
        ------
        RecipeError
            For nodes that are not there.
        """
        return self._common.of(a, b)

    @cached_property
    def _common(self) -> queries.CommonAncestors:
        return queries.CommonAncestors(self.parent, self.depth)

    def cut(self, size: int) -> queries.Cut:
        """Return the partition of the points into fragments: the largest subclusters of at most ``size`` points.

        A node is a fragment if it has at most ``size`` points and its parent has more, or none. Every point lies in
        exactly one (a point has size 1); ``size=1`` are the points themselves, ``size ≥ n`` the clusters. Cuts nest: a
        fragment at a smaller size lies inside one at a larger. Fragments can be much smaller than ``size``, where a
        subcluster just above it splits unevenly.

        Parameters
        ----------
        size : int
            s ≥ 1, in points.

        Returns
        -------
        Cut
            Fragments, and the fragment of every point.

        Raises
        ------
        RecipeError
            For s < 1.
        """
        return queries.cut_at_size(self.parent, self.size, self.n_points, size)


@dataclass(frozen=True)
class LabelTree:
    """All that theory may see of the labels: y[i] = (Σ of value on the path root → leaf[i]) / norm[i].

    Parameters
    ----------
    parent : (m,) int64
        −1 at a root.
    value : (m,) float64
        Independent draws from N(0, variance).
    variance : (m,) float64
        In units of (label × norm)².
    norm : (n,) float64
        Per point; with it every label (Brownian: the average label) has prior variance 1.
    leaf : (n,) int64
        The node at which point i's path ends.
    """

    parent: I64
    value: F64
    variance: F64
    norm: F64
    leaf: I64

    def noisy(self, sigma: float, noise: F64 | None = None) -> LabelTree:
        """Return the tree of noisy labels: below every point's node one more, of variance (σ·norm)².

        Parameters
        ----------
        sigma : float
            σ ≥ 0 in units of the label's prior standard deviation.
        noise : (n,) float64 or None, default None
            The noise itself, as a dataset's column; None = values of 0, for theory needs none.

        Returns
        -------
        LabelTree
            With n more nodes, the leaves.
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
