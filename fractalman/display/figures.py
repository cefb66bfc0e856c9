"""Axes to draw into: those of the caller, or new ones in the style of all our figures."""

from __future__ import annotations

import math
import os
import sys
from typing import Any

from fractalman.display.style import new_figure, settings
from fractalman.errors import RecipeError


def axes_or_new(ax: Any = None, width: float = 5.0, height: float = 3.6) -> Any:
    """Return the axes given, or those of a new figure in our style.

    In a notebook, and where pyplot was imported, pyplot owns the new figure, so that it is shown; anywhere else it
    belongs to no window.

    Parameters
    ----------
    ax : matplotlib axes or None, default None
        Where to draw; None = a new figure.
    width, height : float, default 5.0 and 3.6
        Of a new figure, inches.

    Returns
    -------
    matplotlib axes
        To draw into.

    Raises
    ------
    MissingExtraError
        Without matplotlib.
    RecipeError
        For what is no axes, a file's name among them.

    Examples
    --------
    >>> axes_or_new("curve.pdf")
    Traceback (most recent call last):
    fractalman.errors.RecipeError: ax = 'curve.pdf': expected matplotlib axes; use .plot().figure.savefig('curve.pdf')
    """
    if ax is not None:
        return _checked(ax)
    with settings():
        if "matplotlib.pyplot" in sys.modules or in_notebook():
            from matplotlib import pyplot

            return pyplot.subplots(figsize=(width, height), layout="constrained")[1]
        return new_figure(width, height).add_subplot()


def _checked(ax: Any) -> Any:
    if hasattr(ax, "transAxes"):
        return ax
    if isinstance(ax, str | os.PathLike):
        raise RecipeError(
            f"ax = {os.fspath(ax)!r}: expected matplotlib axes; use .plot().figure.savefig({os.fspath(ax)!r})"
        )
    raise RecipeError(f"ax is {type(ax).__name__}: expected matplotlib axes; use e.g. fig, ax = plt.subplots()")


def log_axes(ax: Any, x: str, y: str, which: str = "xy") -> Any:
    """Set the words of both axes, make those of ``which`` logarithmic with round numbers, and return them."""
    ax.set(xlabel=x, ylabel=y, **{f"{axis}scale": "log" for axis in which})
    for axis in which:
        round_numbers(getattr(ax, f"{axis}axis"))
    return ax


def legend_above(ax: Any, rows: int, **options: Any) -> None:
    """Add a legend of so many rows at the top, above everything that is drawn: error bars are not seen by "best"."""
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + (high - low) * 0.09 * rows)
    ax.legend(loc="upper center", **options)


def round_numbers(axis: Any) -> None:
    """Label a logarithmic axis with round numbers that do not overlap: 1, 2 and 5 of a decade, of a long axis 1 alone.

    Numbers are written out where all of them are short, else as powers of ten. A short axis on which no two of these
    lie has other round numbers.

    Parameters
    ----------
    axis : matplotlib axis
        ``ax.xaxis`` or ``ax.yaxis``, whose scale is logarithmic; its view may change afterwards.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator

    def major(value: float, _: object = None) -> str:
        low, high = axis.get_view_interval()
        return _number(value, low >= _SMALL and high <= _LARGE)

    def minor(value: float, _: object = None) -> str:
        low, high = sorted(axis.get_view_interval())
        written_out = low >= _SMALL and high <= _LARGE
        if not 0.0 < low < high < low * (_FEW_DECADES if written_out else _ONE_DECADE):
            return ""
        here = [place for place in axis.get_minorticklocs() if low <= place <= high]
        every = 1 + len(here) // _MOST_MINOR
        kept = any(math.isclose(value, place) for place in here[::every])
        return _number(value, written_out) if kept else ""

    axis.set_major_formatter(FuncFormatter(major))
    axis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
    axis.set_minor_formatter(FuncFormatter(minor))


_SMALL, _LARGE = 1e-3, 5e4  # between them numbers are written out
_FEW_DECADES, _ONE_DECADE = 100.0, 20.0  # of a view: beyond it only powers of ten have room for their labels
_MOST_MINOR = 6  # labels between powers of ten


def _number(value: float, written_out: bool) -> str:
    """A number as a label: 200, or 2 × 10², the 1 before a power of ten left out."""
    if written_out or value <= 0.0:
        return f"{value:g}"
    power = math.floor(math.log10(value) + 1e-9)
    digits = f"{value / 10.0**power:.3g}"
    return f"$10^{{{power}}}$" if digits == "1" else f"${digits}\\times10^{{{power}}}$"


def in_notebook() -> bool:
    """Whether code runs in IPython or a notebook."""
    shell = sys.modules.get("IPython")
    return shell is not None and getattr(shell, "get_ipython", lambda: None)() is not None
