"""How datasets, open files and dictionaries show themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman.datasets.spec import POINT_COLUMNS
from fractalman.display import Display, Summary, axes_or_new, frame, log_axes, points_thumbnail
from fractalman.display.planes import principal_plane
from fractalman.display.style import STYLES
from fractalman.display.summary import brief, count

_DRAWN = 20_000
"""Points that a figure shows at most, evenly spaced in their order."""
_THUMBNAIL_BYTES = 8 << 20
"""Coordinates of more bytes are not read from a file for a small picture."""


class PointsDisplay(Display):
    """A set of points with labels in a few lines, as a table, as a figure: in memory, coarse, or in a file."""

    def __len__(self: Any) -> int:
        """Return the number of points."""
        return int(self.n_points)

    def _summary(self: Any) -> Summary:
        n, d = self.X.shape
        columns = getattr(self, "columns", None)
        family = self.recipe.family if columns is None else self.provenance.recipe.get("family")
        title = f"{type(self).__name__}: {family}, {count(n, 'point')} in {count(d, 'dimension')}"
        rows = [("recipe", "" if columns is not None else repr(self.recipe))]
        if columns is not None:
            rows.insert(0, ("path" if self._file else "path (closed)", str(self.path)))
            rows[1] = ("recipe", brief(dict(self.provenance.recipe)))
        else:
            y = self.y
            rows.append(("y", f"{y.dtype}, mean {y.mean():.4g}, variance {y.var():.4g}" if n else str(y.dtype)))
            sizes = np.bincount(self.cluster)
            rows.append(("clusters", f"{sizes.size:,}, the largest of {count(sizes.max(initial=0), 'point')}"))
            if hasattr(self, "fragment"):
                rows.append(("size", f"fragments of at most {count(self.size, 'point')}, of {self.fragment.size:,}"))
            if self.edges is not None:
                rows.append(("edges", f"{len(self.edges):,} pairs of points"))
            if self.hierarchy is not None:
                rows.append(("hierarchy", brief(self.hierarchy)))
            if self.label_tree is not None:
                rows.append(("label_tree", brief(self.label_tree)))
        others = columns or {
            name: getattr(self, name) for name in ("X", *POINT_COLUMNS) if getattr(self, name, None) is not None
        }
        rows.append(("columns", ", ".join(f"{name} {brief(column)}" for name, column in others.items())))
        return Summary(title, rows)

    def _thumbnail(self: Any) -> str:
        if getattr(self, "columns", None) is not None and (not self._file or self.X.nbytes > _THUMBNAIL_BYTES):
            return ""
        return points_thumbnail(self.X[:], self.y[:])

    @checked_arguments
    def to_pandas(self: Any, table: str = "points", coordinates: bool = False) -> Any:
        """Return the points, nodes or edges as a pandas DataFrame; as `fractalman.to_pandas`.

        Parameters
        ----------
        table : {"points", "nodes", "edges"}, default "points"
            Which rows.
        coordinates : bool, default False
            With the columns x0, x1, … of the points.

        Returns
        -------
        pandas.DataFrame
            As of `fractalman.to_pandas`.
        """
        from fractalman.datasets.tables import to_pandas

        return to_pandas(self, table, coordinates)

    def plot(self: Any, ax: Any = None) -> Any:
        """Draw the points in the plane of their largest variance, coloured by label; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With at most 20,000 points, evenly spaced in their order.
        """
        ax = axes_or_new(ax, 5.6, 4.4)
        rows = np.unique(np.linspace(0, self.n_points - 1, min(self.n_points, _DRAWN)).astype(np.int64))
        plane, shares = principal_plane(self.X[rows])
        marks = ax.scatter(plane[:, 0], plane[:, 1], c=self.y[rows], s=max(1.0, 4000 / rows.size), lw=0, cmap="viridis")
        ax.figure.colorbar(marks, ax=ax, label="label y")
        ax.set_xlabel(f"first principal axis, {100 * shares[0]:.0f} % of the variance")
        ax.set_ylabel(f"second, {100 * shares[1]:.0f} %")
        ax.set_title(f"{self.recipe.family}, {count(self.n_points, 'point')}", loc="left")
        return ax


class DictionaryDisplay(Display):
    """A dictionary in a few lines, as a table of latents, as a figure."""

    def __len__(self: Any) -> int:
        """Return the number of latents."""
        return int(self.size.size)

    def _summary(self: Any) -> Summary:
        (m, d), n = self.directions.shape, self.codes.shape[0]
        return Summary(
            f"Dictionary of {m} latents in {d} dimensions, {self.kind}",
            [
                ("points", f"{n}, {self.codes.nnz / n:.2f} latents a point"),
                ("subclusters", f"{self.size.min()} to {self.size.max()} points"),
                ("explained", f"{self.explained:.5f} of the variance"),
            ],
        )

    def to_pandas(self: Any) -> Any:
        """Return one row a latent as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns node, parent, size and magnitude.
        """
        table = frame({name: getattr(self, name) for name in ("node", "parent", "size", "magnitude")})
        table.index.name = "latent"
        return table

    def plot(self: Any, ax: Any = None) -> Any:
        """Draw every latent's magnitude against the size of its subcluster; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing.
        """
        ax = axes_or_new(ax)
        ax.plot(self.size, self.magnitude, ".", ms=4, color=STYLES[0][0])
        log_axes(ax, "points in the subcluster", "magnitude")
        return ax
