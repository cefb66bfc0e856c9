"""The option --plot: what a command found as PDF, SVG or PNG, in the style of all our figures."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fractalman._files import as_path
from fractalman.config import shown
from fractalman.errors import RecipeError

if TYPE_CHECKING:
    from fractalman.cli.options import Parser


def add_plot(parser: Parser, what: str, force: bool = True) -> None:
    """Add --plot, and --force for commands that have none.

    Parameters
    ----------
    parser : Parser
        Of the command.
    what : str
        What is drawn.
    force : bool, default True
        Whether --force is added.
    """
    parser.add_argument("--plot", metavar="FILE", help=f"also draw {what}: FILE.pdf, FILE.svg or FILE.png")
    if force:
        parser.add_argument("--force", action="store_true", help="overwrite an existing picture")


def plot_path(options: argparse.Namespace) -> Path | None:
    """Return the picture that was asked for, checked before anything is computed; None where none was.

    Raises
    ------
    RecipeError
        For a name that ends otherwise, a folder that is not there, or a file that is.
    MissingExtraError
        Without matplotlib.
    """
    if options.plot is None:
        return None
    from fractalman.report import require_plots

    path = as_path(options.plot, "a picture")
    if path.suffix not in (".pdf", ".png", ".svg"):
        raise RecipeError(f"--plot {shown(options.plot)}: expected a file name that ends in .pdf, .svg or .png")
    if path.is_dir() or not path.parent.is_dir():
        raise RecipeError(f"--plot {options.plot}: expected a file in an existing folder")
    if path.exists() and not options.force:
        raise RecipeError(f"{path} exists: use --force to overwrite it, or another name")
    require_plots()
    return path


def write_plot(path: Path | None, draw: Callable[[], Any]) -> list[str]:
    """Draw and write the picture that was asked for.

    Parameters
    ----------
    path : Path or None
        Of `plot_path`.
    draw : callable
        Returns matplotlib axes.

    Returns
    -------
    list of str
        Lines that name the picture; none where none was asked for.
    """
    if path is None:
        return []
    from fractalman.display.style import saved, settings
    from fractalman.report.files import publish

    with settings():
        publish(path, saved(draw().figure, path.suffix[1:]))
    return ["", f"plot: {path}"]
