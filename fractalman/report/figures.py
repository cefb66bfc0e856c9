"""The figures of a report: learning curves, training against test risk, and the fractal itself.

matplotlib is imported inside the functions, without a window system and without touching the user's settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fractalman._typing import F64, I64
from fractalman.display.planes import principal_plane
from fractalman.display.style import INK, MUTED, STYLES, new_figure, saved, settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fractalman.datasets.memory import Dataset
    from fractalman.trees import Hierarchy

SIZE_LABEL = "training-set size n"
_LEAST_SHARE = 1e-6
"""Training risk over test risk below this is drawn at the edge: how far below says nothing more."""


@dataclass(frozen=True)
class LearnerCurve:
    """What is drawn of one learner.

    Args:
        name: its name.
        n: (m,) positions of the points: training-set sizes, numbers of parameters, steps or values of a keyword.
        risk, train_risk: (m,) float64, prior units.
        fitted: positions that the fit used; the others are drawn hollow.
        exponent: fitted, or None.
        predicted: (sizes, risk, standard error) of the predicted curve, or None.
    """

    name: str
    n: I64 | F64
    risk: F64
    train_risk: F64
    fitted: frozenset[int] | frozenset[float]
    exponent: float | None
    predicted: tuple[F64, F64, F64] | None

    def means(self, values: F64) -> tuple[F64, F64]:
        """Return ascending sizes and the mean of ``values`` at each."""
        sizes = np.unique(self.n)
        return sizes.astype(np.float64), np.array([values[self.n == size].mean() for size in sizes])


# ---------------------------------------------------------------------------------------------------- curves


def learning_curves(
    curves: Sequence[LearnerCurve],
    floor: tuple[F64, F64] | None,
    label: str = SIZE_LABEL,
    symbol: str = "n",
    ordinate: str = "test risk, in units of the label's prior variance",
    narrow: bool = False,
) -> bytes:
    """Return the log-log learning curves as SVG.

    Args:
        curves: one per learner.
        floor: (positions, Bayes risk), or None.
        label: of the abscissa. symbol: its symbol in the fitted laws. ordinate: what risks are.
        narrow: for a phone: high, its words as large as the text around it, the legend below.
    """
    with settings():
        figure = new_figure(4.4, 6.0) if narrow else new_figure(9.2, 5.4)
        axes = figure.add_subplot()
        if floor is not None and floor[0].size:
            axes.plot(*floor, color=INK, lw=1.2, zorder=2)
            axes.fill_between(floor[0], floor[1], floor[1].min() * 1e-6, color="#eef0f3", lw=0, zorder=1)
        for curve, (color, marker) in zip(curves, _cycle(len(curves)), strict=True):
            _draw_curve(axes, curve, color, marker)
        everything = np.concatenate([c.risk[np.isfinite(c.risk) & (c.risk > 0)] for c in curves])
        low = min(everything.min(), floor[1].min() if floor is not None and floor[0].size else np.inf)
        axes.set_ylim(low / 1.5, everything.max() * 1.35)
        sizes = np.unique(np.concatenate([curve.n for curve in curves]))
        axes_of_sizes(axes, sizes[:: -(-len(sizes) // 6)] if narrow else sizes, label)
        axes.set_ylabel(ordinate)
        _legend(axes, curves, floor is not None and bool(floor[0].size), symbol, narrow)
        return saved(figure)


def _cycle(count: int) -> list[tuple[str, str]]:
    return [STYLES[i % len(STYLES)] for i in range(count)]


def _draw_curve(axes: Axes, curve: LearnerCurve, color: str, marker: str) -> None:
    sizes, mean = curve.means(curve.risk)
    used = np.array([size in curve.fitted for size in sizes])
    axes.scatter(curve.n, curve.risk, s=9, color=color, alpha=0.35, lw=0, zorder=3)
    axes.plot(sizes, mean, color=color, lw=0.8, alpha=0.5, zorder=3)
    axes.scatter(sizes[used], mean[used], s=34, marker=marker, color=color, zorder=5)
    axes.scatter(sizes[~used], mean[~used], s=34, marker=marker, facecolor="white", edgecolor=color, lw=1.3, zorder=5)
    if curve.exponent is not None and used.sum() >= 2:
        # Least squares on logarithms passes through the centre of gravity of its points.
        centre = np.log(sizes[used]).mean(), np.log(mean[used]).mean()
        ends = np.array([sizes[used][0] / 1.12, sizes[used][-1] * 1.12])
        axes.plot(ends, np.exp(centre[1] - curve.exponent * (np.log(ends) - centre[0])), color=color, lw=2.0, zorder=4)
    if curve.predicted is not None:
        n, risk, error = curve.predicted
        axes.plot(n, risk, color=color, lw=1.6, ls=(0, (1.2, 1.4)), zorder=4)
        axes.fill_between(n, np.maximum(risk - 2 * error, risk * 0.2), risk + 2 * error, color=color, alpha=0.12, lw=0)


def axes_of_sizes(axes: Axes, sizes: I64 | F64, label: str) -> None:
    """Set logarithmic axes with every size named below."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

    if sizes[0] > 0:
        axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(FixedLocator(sizes.tolist()))
    words = [f"{int(x):,}" if float(x).is_integer() else f"{x:g}" for x in sizes]
    axes.xaxis.set_major_formatter(FixedFormatter(words))
    axes.xaxis.set_minor_locator(NullLocator())
    low, high = axes.get_ylim()
    if high / low < 300:  # over so few decades one label per decade says too little
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(label)


def _legend(axes: Axes, curves: Sequence[LearnerCurve], floor: bool, symbol: str, below: bool) -> None:
    from matplotlib.lines import Line2D

    def line(**style: Any) -> Line2D:
        return Line2D([], [], **{"color": MUTED, "lw": 0, **style})

    handles = []
    for curve, (color, marker) in zip(curves, _cycle(len(curves)), strict=True):
        law = "" if curve.exponent is None else f"   $\\mathrm{{{symbol}}}^{{{-curve.exponent:.3f}}}$"
        label = curve.name + (law.replace("\\mathrm{n}", "n") if law else "")
        handles.append(line(color=color, marker=marker, ms=6, lw=2.0 if curve.exponent is not None else 0, label=label))
    if not below:
        handles.append(line(label=""))
    handles.append(line(marker="o", ms=3, alpha=0.5, label="one replicate"))
    handles.append(line(marker="o", ms=6, label="mean, used by the fit"))
    handles.append(line(marker="o", ms=6, mfc="white", label="mean, left out"))
    handles.append(line(lw=2.0, label="fit, over its window"))
    if any(curve.predicted is not None for curve in curves):
        handles.append(line(lw=1.6, ls=(0, (1.2, 1.4)), label="predicted curve"))
    if floor:
        handles.append(line(color=INK, lw=1.2, label="Bayes floor: no learner\nis below it on average"))
    place = {"loc": "outside lower center", "ncols": 2} if below else {"loc": "outside right center"}
    axes.figure.legend(handles=handles, handlelength=1.8, labelspacing=0.55, **place)


def training_shares(curves: Sequence[LearnerCurve], limit: float, label: str = SIZE_LABEL) -> bytes | None:
    """Return training risk over test risk against n as SVG, or None when no learner leaves a training risk.

    Args:
        curves: one per learner.
        limit: the share above which a learner of fixed capacity is no longer data-limited.
        label: of the abscissa.
    """
    shown = [
        (curve, style)
        for curve, style in zip(curves, _cycle(len(curves)), strict=True)
        if np.any(curve.train_risk > 1e-12 * np.maximum(curve.risk, 1e-300))
    ]
    if not shown:
        return None
    with settings():
        figure = new_figure(9.2, 3.1)
        axes = figure.add_subplot()
        shares = [curve.means(curve.train_risk)[1] / curve.means(curve.risk)[1] for curve, _ in shown]
        least = min(share[share > 0].min(initial=limit) for share in shares)
        edge = max(_LEAST_SHARE, float(least) / 2)
        for share, (curve, (color, marker)) in zip(shares, shown, strict=True):
            sizes, below = curve.means(curve.risk)[0], share < edge
            drawn = np.where(below, edge * 1.4, share)
            axes.plot(sizes, drawn, color=color, lw=1.2, label=curve.name, marker=marker, ms=5, markevery=~below)
            axes.plot(sizes[below], drawn[below], color=color, lw=0, marker="v", ms=5, mfc="white")
        axes.axhline(limit, color=INK, lw=1.0, ls=(0, (4, 3)))
        axes.set_ylim(edge, 3)
        axes_of_sizes(axes, np.unique(np.concatenate([curve.n for curve, _ in shown])), label)
        axes.set_ylabel("training risk / test risk")
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        return saved(figure)


# ---------------------------------------------------------------------------------------------------- the fractal


def coarse_groups(hierarchy: Hierarchy, largest: float = 0.15) -> I64:
    """Return the coarse subcluster of every point: 0 = the largest, 1 = the next, …

    Args:
        hierarchy: over all nodes.
        largest: subclusters are opened from the top until none holds more than this part of the points.
    """
    n, parent, size = hierarchy.n_points, hierarchy.parent, hierarchy.size
    # Latents come by decreasing size and parents first, so one pass over them in order opens from the top.
    opened = np.zeros(hierarchy.n_nodes, bool)
    opened[n:] = size[n:] > largest * n
    top = np.arange(hierarchy.n_nodes)
    for node in (*range(n, hierarchy.n_nodes), *range(n)):
        above = parent[node]
        if above >= 0 and not opened[above]:
            top[node] = top[above]
    heads, group = np.unique(top[:n], return_inverse=True)
    rank = np.empty(heads.size, np.int64)
    rank[np.argsort(-size[heads], kind="stable")] = np.arange(heads.size)
    return rank[group]


def fractal_picture(data: Dataset, colours: int = 16) -> bytes:
    """Return the dataset in its principal plane as PNG, coloured by the coarse subclusters of its hierarchy."""
    plane, shares = principal_plane(data.X)
    with settings():
        from matplotlib import colormaps
        from matplotlib.collections import LineCollection

        figure = new_figure(6.4, 5.6)
        axes = figure.add_subplot()
        color = np.full((plane.shape[0], 4), (0.72, 0.74, 0.78, 1.0))
        if data.hierarchy is not None:
            group = coarse_groups(data.hierarchy)
            shown = min(colours, int(group.max(initial=0)) + 1)
            # neighbouring hues for subclusters that lie in the same direction of the plane
            centre = np.array([plane[group == g].mean(axis=0) for g in range(shown)])
            order = np.argsort(np.argsort(np.arctan2(centre[:, 1], centre[:, 0])))
            for g in range(shown):
                color[group == g] = colormaps["turbo"](0.06 + 0.88 * order[g] / max(1, shown - 1))
        if data.edges is not None and data.edges.size:
            ends = color[data.edges]
            lines = LineCollection(list(plane[data.edges]), colors=ends.mean(axis=1), linewidths=0.35, alpha=0.55)
            axes.add_collection(lines)
        axes.scatter(plane[:, 0], plane[:, 1], s=max(0.6, 6000 / max(1, plane.shape[0])), c=color, lw=0, zorder=2)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_xlabel(f"first principal axis, {100 * shares[0]:.0f} % of the variance")
        axes.set_ylabel(f"second, {100 * shares[1]:.0f} %")
        axes.tick_params(labelbottom=False, labelleft=False, length=0)
        axes.grid(False)
        axes.spines[:].set_visible(False)
        return saved(figure, "png")
