"""Axes to draw into: those of the caller, or new ones in the style of all our figures."""

from __future__ import annotations

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


def log_axes(ax: Any, x: str, y: str) -> Any:
    """Set logarithmic axes with their words and return them."""
    ax.set(xscale="log", yscale="log", xlabel=x, ylabel=y)
    return ax


def few_minor_labels(axis: Any) -> None:
    """Label 2 and 5 between the powers of ten of a logarithmic axis, and no more: labels of a decade overlap.

    A shorter axis, on which these may not lie, has up to four round numbers.
    """
    low, high = axis.get_view_interval()
    if high >= 5.0 * low > 0.0:
        axis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:.0e}"[0] in "25" else "")
    elif low > 0.0:
        from matplotlib.ticker import MaxNLocator, NullLocator

        axis.set_minor_locator(NullLocator())
        axis.set_major_locator(MaxNLocator(4))
        axis.set_major_formatter(lambda value, _: f"{value:g}")


def in_notebook() -> bool:
    """Whether code runs in IPython or a notebook."""
    shell = sys.modules.get("IPython")
    return shell is not None and getattr(shell, "get_ipython", lambda: None)() is not None
