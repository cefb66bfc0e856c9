"""The option --plot: what a command found as PDF, SVG or PNG, in the style of all our figures."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fractalman._files import as_path
from fractalman.config import shown
from fractalman.errors import RecipeError

if TYPE_CHECKING:
    from fractalman.cli.options import Parser


_INCHES = {"": 1.0, "in": 1.0, "cm": 1 / 2.54, "mm": 1 / 25.4}
_LETTERS, _SMALL_LETTERS = 13, 17
"""To an inch: of a title, of names below a picture."""


@dataclass(frozen=True)
class Picture:
    """A figure that was asked for.

    Parameters
    ----------
    path : Path
        Where it goes.
    size : (float, float) or None
        Width and height in inches; None = what suits the figure.
    """

    path: Path
    size: tuple[float, float] | None = None


def picture_size(text: str) -> tuple[float, float]:
    """Read a width and a height: "3.3,2.4" in inches, "84x60mm", "8.4x6cm".

    Returns
    -------
    (float, float)
        Inches.
    """
    found = re.fullmatch(r"\s*([0-9]+\.?[0-9]*)\s*[x,×]\s*([0-9]+\.?[0-9]*)\s*(in|cm|mm|)\s*", text)
    size = (0.0, 0.0) if found is None else (float(found[1]) * _INCHES[found[3]], float(found[2]) * _INCHES[found[3]])
    if not all(1.0 <= side <= 40.0 for side in size):
        raise argparse.ArgumentTypeError(
            f"found {shown(text)}, expected width and height from 1 to 40 inches, e.g. 3.3,2.4 or 84x60mm"
        )
    return size


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
    parser.add_argument(
        "--plot-size", type=picture_size, metavar="W,H", help="of the picture, in inches, or e.g. 84x60mm for a column"
    )
    if force:
        parser.add_argument("--force", action="store_true", help="overwrite an existing picture")


def plot_path(options: argparse.Namespace) -> Picture | None:
    """Return the picture that was asked for, checked before anything is computed; None where none was.

    Raises
    ------
    RecipeError
        For a name that ends otherwise, a folder that is not there, or a file that is.
    MissingExtraError
        Without matplotlib.
    """
    if options.plot is None:
        if options.plot_size is not None:
            raise RecipeError("--plot-size without a picture: use --plot FILE, e.g. --plot figure.pdf")
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
    return Picture(path, options.plot_size)


def write_plot(picture: Picture | None, draw: Callable[[], Any]) -> list[str]:
    """Draw and write the picture that was asked for.

    Parameters
    ----------
    picture : Picture or None
        Of `plot_path`.
    draw : callable
        Returns matplotlib axes.

    Returns
    -------
    list of str
        Lines that name the picture; none where none was asked for.
    """
    if picture is None:
        return []
    from fractalman.display.style import saved, settings
    from fractalman.report.files import publish

    with settings():
        figure = draw().figure
        if picture.size is not None:
            figure.set_size_inches(*picture.size)
            _wrap(figure, *picture.size)
            _narrow_legends(figure)
        publish(picture.path, saved(figure, picture.path.suffix[1:]))
    return ["", f"plot: {picture.path}"]


def _wrap(figure: Any, width: float, height: float) -> None:
    """Break titles and labels that a small picture would cut off."""
    for axes in figure.axes:
        grid = axes.get_subplotspec()
        rows, columns = (1, 1) if grid is None else grid.get_gridspec().get_geometry()
        titles = {axes.get_title(loc=side) for side in ("left", "center", "right")} - {""}
        texts = [part for part in axes.get_children() if getattr(part, "get_text", str)() in titles]
        for text, room in (
            *((text, width / columns) for text in texts),
            (axes.xaxis.label, width / columns),
            (axes.yaxis.label, height / rows),
        ):
            letters = max(12, int(_LETTERS * (room - 0.5)))
            text.set_text("\n".join(textwrap.fill(line, letters) for line in text.get_text().splitlines()))


def _narrow_legends(figure: Any) -> None:
    """Set names that are wider than their axes below them, small, in as many columns as there is room for."""
    renderer = figure.canvas.get_renderer()
    for axes in figure.axes:
        legend = axes.get_legend()
        if legend is None or legend.get_window_extent(renderer).width <= 0.75 * figure.bbox.width / len(figure.axes):
            continue
        handles, names = legend.legend_handles, [text.get_text() for text in legend.get_texts()]
        legend.remove()
        columns = max(1, int(figure.get_figwidth() * _SMALL_LETTERS / (6 + max(map(len, names)))))
        figure.legend(handles, names, loc="outside lower left", ncols=columns, fontsize=7.5, handlelength=1.4)
