"""Figures of studies: panels side by side, lines with error bars, one legend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fractalman.display.style import INK, MUTED, STYLES, new_figure, saved, settings
from fractalman.studies.base import Row


@dataclass(frozen=True)
class Line:
    """One line of a panel.

    Args:
        label: lines of one label look alike in all panels. rows: means, drawn at ``x`` (or ``place`` without one) with
            their 95 % intervals. dashed: drawn dashed and without markers, as controls are.
    """

    label: str
    rows: Sequence[Row]
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """One panel.

    Args:
        title, x, y: words. lines: drawn. logarithmic: of the abscissa. level: a horizontal line, with its words.
        limits: of the ordinate, None = what the data need.
    """

    title: str
    x: str
    y: str
    lines: Sequence[Line] = field(default_factory=tuple)
    logarithmic: bool = False
    level: tuple[float, str] | None = None
    limits: tuple[float | None, float | None] | None = None


def panels_figure(panels: Sequence[Panel], width: float = 10.4, height: float = 3.9) -> bytes:
    """Return panels side by side as SVG, with one legend below them, or one each where there are too many labels."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    labels = list(dict.fromkeys(line.label for panel in panels for line in panel.lines if drawable(line.rows)))
    style = {label: STYLES[i % len(STYLES)] for i, label in enumerate(labels)}
    together = len(labels) <= len(STYLES)
    with settings():
        figure = new_figure(width, height)
        handles: dict[str, Any] = {}
        for i, panel in enumerate(panels):
            axes = figure.add_subplot(1, len(panels), i + 1)
            if not together:  # colours start again in every panel
                own = list(dict.fromkeys(line.label for line in panel.lines if drawable(line.rows)))
                style = {label: STYLES[k % len(STYLES)] for k, label in enumerate(own)}
                handles = {}
            if panel.logarithmic:
                axes.set_xscale("log")
                places = [r["x"] or r["place"] or 0 for line in panel.lines for r in drawable(line.rows)]
                if max(places, default=1) < 300 * min((p for p in places if p > 0), default=1):
                    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
                axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
                axes.xaxis.set_minor_formatter(NullFormatter())
            if panel.level is not None:
                axes.axhline(panel.level[0], color=INK, lw=0.9, ls=(0, (4, 3)), zorder=1)
                axes.annotate(
                    panel.level[1], (0.99, panel.level[0]), xycoords=("axes fraction", "data"), fontsize=8,
                    xytext=(0, 2), textcoords="offset points", color=MUTED, ha="right", va="bottom",
                )  # fmt: skip
            for line in panel.lines:
                rows = [r for r in drawable(line.rows) if not panel.logarithmic or (r["x"] or r["place"] or 0) > 0]
                if not rows:
                    continue
                color, marker = style[line.label]
                drawn = axes.errorbar(
                    [row["x"] if row["x"] is not None else row["place"] for row in rows],
                    [row["number"] for row in rows],
                    [row["half_width"] or 0.0 for row in rows],
                    color=color, marker=None if line.dashed else marker, ms=4.5, lw=1.4, elinewidth=0.8, capsize=1.5,
                    ls=(0, (3, 2)) if line.dashed else "-", zorder=3,
                )  # fmt: skip
                handles.setdefault(line.label, drawn)
            axes.set_title(panel.title, fontsize=10, color=INK, loc="left")
            axes.set_xlabel(panel.x)
            axes.set_ylabel(panel.y)
            if panel.limits is not None:
                axes.set_ylim(*panel.limits)
            if not together:
                axes.legend(
                    list(handles.values()), list(handles), loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3,
                    columnspacing=1.0,
                )  # fmt: skip
        if together:
            figure.legend(
                list(handles.values()), list(handles), loc="outside lower center", ncols=min(5, max(1, len(handles)))
            )
        return saved(figure)


def drawable(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that have a number and a place, from left to right."""
    kept = [r for r in rows if r["number"] is not None and (r["x"] is not None or r["place"] is not None)]
    return sorted(kept, key=lambda r: r["x"] if r["x"] is not None else r["place"])


def intervals_figure(rows: Sequence[tuple[str, str, Row]], x: str, level: tuple[float, str] | None = None) -> bytes:
    """Return numbers with their 95 % intervals as SVG, one line of text each.

    Args:
        rows: (name of the line, label of the mark, mean); marks of one name share a line.
        x: words below the abscissa. level: a vertical line, with its words.
    """
    names = list(dict.fromkeys(name for name, _, _ in rows))
    labels = list(dict.fromkeys(label for _, label, _ in rows))
    with settings():
        figure = new_figure(8.6, 1.5 + 0.3 * len(names))
        axes = figure.add_subplot()
        for k, label in enumerate(labels):
            color, marker = STYLES[k % len(STYLES)]
            own = [
                (names.index(name), row) for name, other, row in rows if other == label and row["number"] is not None
            ]
            shift = 0.16 * (k - (len(labels) - 1) / 2.0)
            axes.errorbar(
                [row["number"] for _, row in own], [place + shift for place, _ in own],
                xerr=[row["half_width"] or 0.0 for _, row in own], color=color, marker=marker, ms=5, ls="none",
                elinewidth=1.0, capsize=2, label=label,
            )  # fmt: skip
        if level is not None:
            axes.axvline(level[0], color=INK, lw=0.9, ls=(0, (4, 3)), zorder=1)
            axes.annotate(level[1], (level[0], 1.0), xycoords=("data", "axes fraction"), fontsize=8, color=MUTED,
                          xytext=(2, 2), textcoords="offset points", va="bottom")  # fmt: skip
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlabel(x)
        figure.legend(loc="outside right center")
        return saved(figure)
