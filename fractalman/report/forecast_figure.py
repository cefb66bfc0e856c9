"""The figure of a prediction: curve, Bayes floor, asymptote, the best constant, and the sizes where it may be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fractalman._typing import F64
from fractalman.config import shown
from fractalman.display.style import INK, MUTED, STYLES, new_figure
from fractalman.errors import RecipeError
from fractalman.prediction.losses import RISKS
from fractalman.report.figures import axes_of_sizes
from fractalman.report.forecasts import curve_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BESIDE = 6.0
"""Inches of width from which the names of the curves stand beside them."""


def forecast_axes(table: Mapping[str, Any], width: float = 8.6, height: float = 5.2) -> Axes:
    """Return the axes in which a prediction is drawn, within `settings`.

    Args:
        table: what `prediction_table` returns.
        width, height: inches; what curves are called stands beside them where there is room, else below.
    Errors: MissingExtraError without matplotlib; RecipeError for a prediction without any curve.
    """
    curve, floor = curve_of(table, "curve"), curve_of(table, "floor")
    if curve is None and floor is None:
        raise RecipeError(f"learner {shown(table['learner'])} has no curve to draw: use a learner with one, e.g. 1-nn")
    figure = new_figure(width, height)
    axes = figure.add_subplot()
    handles = []
    if curve is not None:
        handles.append(_band(axes, curve, STYLES[0][0], f"{table['learner']}, predicted"))
        handles += _guides(axes, table, curve)
    if floor is not None and not (curve is not None and table["learner"] == "bayes"):
        handles.append(_band(axes, floor, INK, "Bayes floor"))
    if table["within_variance"]:
        handles.append(
            axes.axhline(table["within_variance"], color=MUTED, lw=1.0, ls=(0, (4, 2)), label="best constant, V_in")
        )
    sizes = np.unique(np.concatenate([part[0] for part in (curve, floor) if part is not None]))
    axes_of_sizes(axes, sizes.astype(np.int64), "training-set size n")
    _thin(axes, sizes)
    beside = width >= BESIDE
    axes.set_ylabel(RISKS[table["loss"]][0 if beside else 1])
    axes.set_title(_title(table), loc="left", fontsize=10 if beside else 8, color=INK)
    if beside:
        figure.legend(handles=handles, loc="outside right upper", handlelength=2.0, labelspacing=0.7)
    else:
        figure.legend(handles=handles, loc="outside lower left", ncols=2, handlelength=1.6, fontsize=7.5)
    return axes


def _band(axes: Axes, part: tuple[Any, ...], color: str, label: str) -> Any:
    n, risk, error = part
    shown = risk > 0
    line = axes.plot(n[shown], risk[shown], color=color, lw=1.8, marker="o", ms=4, label=label, zorder=4)[0]
    low = np.maximum(risk - 2 * error, risk * 0.2)
    axes.fill_between(n[shown], low[shown], (risk + 2 * error)[shown], color=color, alpha=0.15, lw=0, zorder=3)
    return line


def _guides(axes: Axes, table: Mapping[str, Any], curve: tuple[Any, ...]) -> list[Any]:
    """The local and the asymptotic power law, drawn a little above the curve that they belong to."""
    n, risk, _ = curve
    n, risk = n[risk > 0], risk[risk > 0]
    if n.size < 2:
        return []
    centre = float(np.log(risk).mean())
    out = []

    def line(exponent: float, logarithms: float, style: Any, label: str, lift: float) -> None:
        shape: F64 = -exponent * np.log(n) + logarithms * np.log(np.maximum(np.log(n), 1e-9))
        drawn = lift * np.exp(shape - shape.mean() + centre)
        out.append(axes.plot(n, drawn, color=STYLES[1][0], lw=1.3, ls=style, label=label)[0])

    local, asymptote, logarithms = table["local_exponent"], table["data_exponent"], table["data_logarithms"]
    if local is not None:
        line(local["value"], 0.0, (0, (1.2, 1.4)), f"$n^{{-{local['value']:.3f}}}$, these sizes", 1.2)
    if asymptote is not None:
        line(asymptote, logarithms, (0, (6, 2)), f"$n^{{-{asymptote:.3f}}}${_factor(logarithms)}, asymptote", 1.4)
    return out


def _factor(logarithms: float) -> str:
    return "" if not logarithms else " ln n" if logarithms == 1 else f" (ln n)$^{{{logarithms:g}}}$"


def _thin(axes: Axes, sizes: F64) -> None:
    """Label at most eight sizes."""
    from matplotlib.ticker import FixedFormatter, FixedLocator

    if sizes.size > 8:
        shown = sizes[:: -(-sizes.size // 8)].astype(np.int64)
        axes.xaxis.set_major_locator(FixedLocator([int(size) for size in shown]))
        axes.xaxis.set_major_formatter(FixedFormatter([f"{size:,}" for size in shown]))


def _title(table: Mapping[str, Any]) -> str:
    name = str(table["law"]).split(":", maxsplit=1)[0]
    return f"{table['recipe']['family']}, {table['learner']} – {name}"
