"""The one style of all figures: colours, marks, settings, and how a figure becomes bytes.

matplotlib is imported inside the functions, without a window system and without touching the user's settings.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from fractalman._extras import load_extra
from fractalman.errors import RecipeError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

P = ParamSpec("P")
R = TypeVar("R")

# Okabe & Ito's colours: told apart by most colour-blind readers; one marker per line as well.
STYLES = (
    ("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D"),
    ("#E69F00", "v"), ("#56B4E9", "P"), ("#8C564B", "X"), ("#6A3D9A", "p"),
)  # fmt: skip
INK, MUTED, GRID = "#1f2430", "#6b7280", "#e5e7eb"

FORMATS = ("pdf", "png", "svg")
# Dates and names of programs would make two runs differ.
_METADATA: Mapping[str, dict[str, None]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
}
_SETTINGS: Mapping[str, Any] = {
    "font.family": "DejaVu Sans", "font.size": 10, "axes.edgecolor": MUTED, "axes.labelcolor": INK,
    "text.color": INK, "xtick.color": MUTED, "ytick.color": MUTED, "axes.linewidth": 0.8, "axes.grid": True,
    "grid.color": GRID, "grid.linewidth": 0.8, "axes.axisbelow": True, "axes.spines.top": False,
    "axes.spines.right": False, "legend.frameon": False, "legend.fontsize": 9, "svg.fonttype": "path",
    "svg.hashsalt": "fractalman", "pdf.fonttype": 42,
}  # fmt: skip


def diverging(values: Any) -> Any:
    """Return colours of numbers about 0: blue below, red above, as far as the larger side reaches.

    Parameters
    ----------
    values : (k,) float array
        Numbers.

    Returns
    -------
    (k, 4) float64
        Red, green, blue and opacity.
    """
    require_plots()
    from matplotlib import colormaps

    most = max((abs(float(v)) for v in values), default=0.0) or 1.0
    return colormaps["RdBu_r"]([0.5 + 0.45 * float(v) / most for v in values])


def require_plots() -> None:
    """Raise MissingExtraError when figures and pages cannot be made here."""
    load_extra("matplotlib", "a report or figure")
    load_extra("jinja2", "a report")


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, on a canvas without a window."""
    require_plots()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


@contextmanager
def settings() -> Iterator[None]:
    """Set how figures are drawn and saved; the user's own settings come back afterwards.

    Whether figures are shown as they are made is the user's throughout: notebooks switch it on with their first figure,
    which may be one of ours, and show nothing after it was switched off.
    """
    require_plots()
    import matplotlib

    kept = ("backend", "interactive")
    defaults = {name: value for name, value in matplotlib.rcParamsDefault.items() if name not in kept}
    with matplotlib.rc_context({**defaults, **_SETTINGS}):
        yield
        shown = matplotlib.is_interactive()
    matplotlib.interactive(shown)


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Return a function that draws and saves within `settings`."""

    @wraps(draw)
    def within(*arguments: P.args, **keywords: P.kwargs) -> R:
        with settings():
            return draw(*arguments, **keywords)

    return within


def saved(figure: Figure, kind: str = "svg") -> bytes:
    """Return a figure as the content of a file; the same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure
        Drawn within `settings`.
    kind : str
        One of `FORMATS`.

    Raises
    ------
    RecipeError
        For another format.
    """
    if kind not in FORMATS:
        raise RecipeError(f"a figure as {kind!r}: expected one of {', '.join(FORMATS)}")
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, dpi=150, metadata=_METADATA[kind])
    return stream.getvalue()
