"""How the results of studies show themselves: rows as a table, means with their intervals as a figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from fractalman.display import Display, Summary, axes_or_new, frame
from fractalman.display.style import STYLES
from fractalman.display.summary import brief, count
from fractalman.studies.base import Row
from fractalman.studies.means import means, select


def _few(value: Any) -> str:
    """A cell of a finding: three digits of a number, none of what rounding leaves of 0."""
    if isinstance(value, float):
        return f"{0.0 if abs(value) < 1e-12 else value:.3g}"
    return brief(value)


class StudyResultDisplay(Display):
    """The rows of a study: length, iteration and table are theirs."""

    def __len__(self: Any) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def __iter__(self: Any) -> Iterator[Row]:
        """Go through the rows."""
        return iter(self.rows)

    def _findings(self) -> Sequence[Row]:
        """The few rows that answer the study's question; a table that is not there gives none."""
        return ()

    def _summary(self: Any) -> Summary:
        rows = [("missing", count(self.missing, "task"))] if self.missing else []
        for i, row in enumerate(self._findings() if self.rows else ()):
            known = {k: v for k, v in row.items() if v is not None and not k.endswith("_half_width")}
            rows.append((f"finding {i + 1}", ", ".join(f"{k} {_few(v)}" for k, v in known.items())))
        return Summary(f"{type(self).__name__}: {count(len(self.rows), 'row')}", rows)

    def to_pandas(self: Any) -> Any:
        """Return the study's rows as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            One row a measurement.
        """
        return frame(self.rows)


class MeansDisplay(StudyResultDisplay):
    """Rows and their means over replicates."""

    @cached_property
    def means(self: Any) -> list[Row]:
        """The means over replicates, with errors."""
        return means(self.rows)

    def find(self, **wanted: Any) -> list[Row]:
        """Return the means whose columns have the wanted values, e.g. ``find(quantity="auc-near", layer="2")``.

        Parameters
        ----------
        wanted : object
            Column = value.

        Returns
        -------
        list of dict
            The means.
        """
        return select(self.means, **wanted)


def draw_lines(ax: Any, rows: Sequence[Row], x: str, y: str, of: str) -> Any:
    """Draw numbers of rows with their 95 % intervals, a line for each value of a column.

    Parameters
    ----------
    ax : matplotlib axes or None
        Where to draw; None = a new figure.
    rows : sequence of dict
        Each with x, y and ``{y}_half_width``.
    x, y, of : str
        Columns: abscissa, ordinate, and what tells lines apart.

    Returns
    -------
    matplotlib axes
        With the drawing.
    """
    ax = axes_or_new(ax, 6.0, 3.8)
    kept = [row for row in rows if row[x] is not None and row[y] is not None]
    for i, name in enumerate(dict.fromkeys(row[of] for row in kept)):
        mine = sorted((row for row in kept if row[of] == name), key=lambda row: row[x])
        color, marker = STYLES[i % len(STYLES)]
        half = np.array([row.get(f"{y}_half_width") or 0.0 for row in mine])
        ax.errorbar(
            [row[x] for row in mine], [row[y] for row in mine], half, color=color, marker=marker, ms=4, capsize=2,
            label=f"{of} {name}",
        )  # fmt: skip
    if kept:
        ax.legend()
    ax.set(xlabel=x.replace("_", " "), ylabel=y.replace("_", " "))
    return ax
