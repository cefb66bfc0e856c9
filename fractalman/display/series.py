"""Results that are numbers against numbers: a class names its columns, and is a table, a figure and a thumbnail."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np

from fractalman.display.figures import axes_or_new, round_numbers
from fractalman.display.style import STYLES
from fractalman.display.summary import Display
from fractalman.display.tables import frame
from fractalman.display.thumbnails import curve_thumbnail


class Series(NamedTuple):
    """Which fields of a result are drawn, and how.

    Parameters
    ----------
    x, y : str
        Fields of equal length: abscissa and ordinate.
    error : str, default ""
        Field of the ordinate's standard error; "" = none.
    more : tuple of str, default ()
        Further fields of that length, for the table.
    words : tuple of str, default ()
        Words at the axes; none = the fields' names.
    linear : tuple of str, default ()
        Axes that are not logarithmic: "x", "y".

    Examples
    --------
    >>> Series("distance", "value").error
    ''
    """

    x: str
    y: str
    error: str = ""
    more: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    linear: tuple[str, ...] = ()


class SeriesDisplay(Display):
    """What results of numbers against numbers can do; a class sets ``_series``."""

    __slots__ = ()
    _series: ClassVar[Series]

    def _thumbnail(self) -> str:
        if self._series.linear:
            return ""
        return curve_thumbnail(getattr(self, self._series.x), getattr(self, self._series.y))

    def to_pandas(self) -> Any:
        """Return the numbers as a pandas DataFrame; needs the extra ``tables``.

        Returns
        -------
        pandas.DataFrame
            One column a field.
        """
        of = self._series
        return frame({name: getattr(self, name) for name in (of.x, of.y, of.error, *of.more) if name})

    def plot(self, ax: Any = None) -> Any:
        """Draw the numbers, with twice their standard errors where there are any; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing.
        """
        ax, of = axes_or_new(ax), self._series
        x, y = np.asarray(getattr(self, of.x)), np.asarray(getattr(self, of.y))
        error = 2.0 * np.asarray(getattr(self, of.error)) if of.error else None
        ax.errorbar(x, y, error, color=STYLES[0][0], marker="o", ms=3.5, lw=1.2)
        across, up = of.words or (of.x.replace("_", " "), of.y.replace("_", " "))
        ax.set(xlabel=across, ylabel=up)
        for axis, values in (("x", x), ("y", y)):
            if axis not in of.linear and np.any(values > 0):
                ax.set(**{f"{axis}scale": "log"})
                round_numbers(getattr(ax, f"{axis}axis"))
        return ax
