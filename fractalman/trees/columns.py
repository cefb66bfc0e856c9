"""The two trees that a dataset carries: `Hierarchy` (what is inside what) and `LabelTree` (where labels come from)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._typing import F64, I64
from fractalman.trees import queries
from fractalman.trees.display import HierarchyDisplay, LabelTreeDisplay
from fractalman.trees.features import above_chosen, choose_latents, feature_matrix

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class Hierarchy(HierarchyDisplay):
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

    def choose(
        self,
        *,
        top: int | None = None,
        by: str = "size",
        share: tuple[float, float] | None = None,
        size: tuple[int, int] | None = None,
    ) -> I64:
        """Return the latents that serve as features: the largest subclusters hold nearly all points, or split little.

        Parameters
        ----------
        top : int or None, default None
            How many, the first by ``by``; at most as many as the other choices leave. None = all of these.
        by : {"size", "balance", "variance"}, default "size"
            "size": the most points; "balance": the largest p(1 − p), p the share of the points below the latent, which
            is the variance of its 0/1 column; "variance": the largest p(1 − p) × the variance of its value.
        share : (low, high) or None, default None
            Only latents above a share of the points from low to high, e.g. (.05, .95).
        size : (low, high) or None, default None
            Only latents above a number of points from low to high: a scale.

        Returns
        -------
        (chosen,) int64
            Node ids, rising, so larger subclusters come first.

        Raises
        ------
        RecipeError
            For bounds that are none, and a ``top`` beyond what there is.

        Examples
        --------
        >>> import fractalman as fm
        >>> h = fm.generate(fm.PercolationCluster(n_points=1000)).hierarchy
        >>> nodes = h.choose(share=(0.05, 0.95))
        >>> bool((h.size[nodes] <= 950).all() and (h.size[nodes] >= 50).all())
        True
        """
        return choose_latents(self.size, self.variance, self.n_points, top, by, share, size)

    @checked_arguments
    def features(
        self,
        *,
        values: bool = False,
        top: int | None = None,
        by: str = "size",
        share: tuple[float, float] | None = None,
        size: tuple[int, int] | None = None,
        matrix: bool = False,
    ) -> csr_array:
        """Return which point lies under which latent as a sparse matrix.

        Parameters
        ----------
        values : bool, default False
            Entries are the latents' values instead of 1.
        top, by, share, size
            Which latents, as for `choose`; all by default.
        matrix : bool, default False
            A ``csr_matrix``, whose * is the matrix product, instead of a ``csr_array``.

        Returns
        -------
        scipy.sparse.csr_array (n_points, chosen) float64
            Column j is the j-th latent of `choose`; of all latents, node n_points + j.

        Raises
        ------
        RecipeError
            As for `choose`.
        ResourceError
            If the entries do not fit into memory: 12 bytes for every latent above every point.

        Examples
        --------
        >>> import fractalman as fm
        >>> h = fm.generate(fm.PercolationCluster(n_points=1000)).hierarchy
        >>> h.features(top=10).shape, h.features(values=True).shape
        ((1000, 10), (1000, 999))
        """
        from scipy.sparse import csr_array, csr_matrix

        n = self.n_points
        nodes = self.choose(top=top, by=by, share=share, size=size)
        first = bool((nodes == np.arange(n, n + nodes.size)).all())
        parent = self.parent if first else above_chosen(self.parent, n, nodes)
        parts = feature_matrix(parent, n, self.value[nodes] if values else np.ones(nodes.size))
        return (csr_matrix if matrix else csr_array)(parts, shape=(n, nodes.size))

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

    @checked_arguments
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
        """
        queries.check_nodes("node", np.array([node]), self.n_nodes)
        return np.sort(self._order.points[self._order.start[node] : self._order.stop[node]])

    @checked_arguments
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

    @checked_arguments
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
class LabelTree(LabelTreeDisplay):
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
