"""How hierarchies and label trees show themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman.display import Display, Summary, axes_or_new, frame, log_axes
from fractalman.display.summary import count

_DRAWN = 600
"""Subclusters that a picture of a hierarchy shows at most, the largest."""


class HierarchyDisplay(Display):
    """A hierarchy in a few lines, as a table of nodes, as a picture of its subclusters."""

    def __len__(self: Any) -> int:
        """Return the number of nodes."""
        return int(self.n_nodes)

    def _summary(self: Any) -> Summary:
        n, roots = self.n_points, int(np.count_nonzero(self.parent < 0))
        title = f"Hierarchy of {count(n, 'point')} and {count(self.n_latents, 'latent')}"
        depth = self.depth[:n]
        rows = [("clusters", f"{roots:,}")]
        if n:
            rows.append(("depth", f"{depth.mean():.4g} latents above a point on average, {depth.max():,} at most"))
        if self.n_latents:
            largest = ", ".join(f"{size:,}" for size in self.size[n : n + 5].tolist())
            rows.append(("largest", f"{largest}{', …' if self.n_latents > 5 else ''} points"))
            rows.append(("of two points", f"{np.count_nonzero(self.size[n:] == 2):,} latents"))
        if self.level is not None and len(self):
            rows.append(("levels", f"{int(self.level.max())}"))
        rows.append(("columns", f"parent, value, variance, size, depth{'' if self.level is None else ', level'}"))
        return Summary(title, rows)

    @checked_arguments
    def to_pandas(self: Any) -> Any:
        """Return one row a node, points first, as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns parent, value, variance, size, depth and, in cascades, level; indexed by the node.
        """
        names = ("parent", "value", "variance", "size", "depth", *(() if self.level is None else ("level",)))
        table = frame({name: getattr(self, name) for name in names})
        table.index.name = "node"
        return table

    def plot(self: Any, ax: Any = None) -> Any:
        """Draw every large subcluster as a box: its points wide, from its own size up to its parent's.

        A horizontal line at a size crosses the fragments of `cut` at that size. Needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing; boxes are coloured by the latents' values.
        """
        from fractalman.display.style import diverging

        ax = axes_or_new(ax, 6.4, 3.8)
        n, order = self.n_points, self.order()
        nodes = n + np.arange(min(_DRAWN, self.n_latents))
        start, stop, low = order.start[nodes], order.stop[nodes], self.size[nodes].astype(np.float64)
        up = self.parent[nodes]
        high = np.where(up >= 0, self.size[np.maximum(up, 0)], 1.5 * low).astype(np.float64)
        ax.bar(
            start, np.maximum(high - low, 0.02 * low), stop - start, bottom=low, align="edge",
            edgecolor="white", lw=0.3, color=diverging(self.value[nodes]),
        )  # fmt: skip
        log_axes(ax, "points, in the order of the hierarchy", "points in the subcluster", "y").set_xlim(0, max(1, n))
        ax.set_title("colour: the latent's value, blue below 0, red above", fontsize="small")
        return ax


class LabelTreeDisplay(Display):
    """A label tree in a few lines and as a table."""

    def __len__(self: Any) -> int:
        """Return the number of nodes."""
        return int(self.parent.size)

    def _summary(self: Any) -> Summary:
        title = f"LabelTree of {count(self.parent.size, 'node')} over {count(self.leaf.size, 'point')}"
        rows = [("roots", f"{np.count_nonzero(self.parent < 0):,}"), ("columns", "parent, value, variance, norm, leaf")]
        return Summary(title, [*rows, ("variance", f"{float(self.variance.sum()):.4g} in all nodes together")])

    def to_pandas(self: Any) -> Any:
        """Return one row a node as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns parent, value and variance; indexed by the node.
        """
        table = frame({name: getattr(self, name) for name in ("parent", "value", "variance")})
        table.index.name = "node"
        return table
