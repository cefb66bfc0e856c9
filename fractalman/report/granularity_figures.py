"""The figures of a granularity study: shares of the variance, risks by scale, curves in fragments, double descent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fractalman.display.style import INK, MUTED, STYLES, new_figure, saved, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fractalman.studies.granularity.result import GranularityResult

# From the floor of the figure up: colour, words, words where no floor is known.
BANDS = (
    ("between", "#0b5394", "between fragments"),
    ("linear", "#009e73", "within, linear in each fragment: learned"),
    ("nonlinear", "#e69f00", "within, nonlinear: learned beyond that"),
    ("unreached", "#d9d9d9", "within, reachable in principle, not reached"),
    ("floor", "#7f7f7f", "within, nobody can get it (Bayes floor)"),
)
_LINES = tuple(color for color, _ in STYLES)


def _new(width: float, height: float, columns: int = 1, share_y: bool = False) -> tuple[Figure, list[Axes]]:
    figure = new_figure(width, height)
    axes = figure.subplots(1, columns, squeeze=False, sharey=share_y)[0]
    for ax in axes:
        ax.tick_params(colors=MUTED, labelsize=9)
    return figure, list(axes)


def _scale_axis(ax: Axes, scales: Sequence[int], whole: int) -> None:
    ax.set_xscale("log", base=2)
    ax.set_xticks(list(scales), [f"{s:,}" if s != whole else f"{s:,}\nall points" for s in scales])
    ax.minorticks_off()
    ax.set_xlabel("scale: largest number of points in a fragment of the hierarchy", fontsize=10, color=INK)


@styled
def shares_figure(result: GranularityResult, title: str, kind: str = "svg") -> bytes:
    """Return the granularity spectrum: scale along x, stacked shares of the label variance along y, ``kind`` svg or
    png."""
    figure, (ax,) = _new(9.2, 5.4)
    rows = result.shares
    scales = [row["scale"] for row in rows]
    x = np.array(scales, np.float64)
    known = rows[0]["floor"] is not None
    below = np.zeros(x.size)
    for name, colour, words in BANDS:
        if name == "floor" and not known:
            continue
        heights = np.array([max(0.0, row[name] or 0.0) for row in rows])
        label = words if known or name != "unreached" else "within, learned by none of these learners"
        hatch = "///" if name == "floor" else None  # its grey and the green are one colour to some
        ax.fill_between(
            x, below, below + heights, facecolor=colour, alpha=0.85, linewidth=0, label=label, hatch=hatch,
            edgecolor="white" if hatch else "none",
        )  # fmt: skip
        below = below + heights
        if name != BANDS[-1 if known else -2][0]:
            half = np.array([row[f"{name}_half_width"] or 0.0 for row in rows])
            ax.errorbar(x, below, half, fmt="none", ecolor=INK, elinewidth=0.9, capsize=2.5)
    if rows[0]["expected_between"] is not None:
        edge = np.zeros(x.size)
        for i, (name, _, _) in enumerate(BANDS[:-1]):
            edge = edge + np.array([row[f"expected_{name}"] or 0.0 for row in rows])
            named = "predicted from the hierarchy alone" if i == 0 else None
            ax.plot(x, edge, color="white", linewidth=2.6, zorder=4)
            ax.plot(x, edge, color=INK, linewidth=1.3, linestyle=(0, (4, 2)), zorder=5, label=named)
    ax.set_ylim(0, 1)
    ax.set_xlim(x[0], x[-1])
    ax.set_yticks(np.linspace(0, 1, 6), [f"{v:.0%}" for v in np.linspace(0, 1, 6)])
    ax.set_ylabel("share of the label's variance", fontsize=10, color=INK)
    _scale_axis(ax, scales, scales[-1])
    ax.set_title(title, fontsize=11, color=INK, loc="left")
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(
        handles[::-1], labels[::-1], loc="outside lower center", ncols=2, frameon=False, fontsize=9, labelcolor=INK
    )
    return saved(figure, kind)


def _decades(ax: Axes) -> None:
    """Label a logarithmic y axis in plain numbers."""
    from matplotlib.ticker import FixedLocator, NullLocator

    low, high = ax.get_ylim()
    steps = [m * 10.0**e for e in range(-8, 6) for m in ((1, 2, 5) if high / low < 300 else (1,))]
    at = [value for value in steps if low <= value <= high]
    ax.yaxis.set_major_locator(FixedLocator(at))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_yticklabels([f"{value:g}" for value in at])


@styled
def risks_figure(result: GranularityResult, kind: str = "svg") -> bytes:
    """Return the risks of the ridges that know the cut against its scale, those of other learners as lines across."""
    figure, (ax,) = _new(9.2, 4.4)
    whole = result.scales[-1]
    rows = [row for row in result.table if row["scale"] == whole and row["risk"] is not None]
    own = list(dict.fromkeys(row["learner"] for row in rows if row["own_scale"] is not None))
    for name, colour, marker in zip(own, (_LINES[2], _LINES[0]), "os", strict=False):
        these = [row for row in rows if row["learner"] == name]
        x = [row["own_scale"] for row in these]
        half = [row["risk_share_half_width"] or 0.0 for row in these]
        names = {"local-ridge": "ridge in every fragment", "indicators": "ridge on the fragments' indicators"}
        ax.errorbar(
            x,
            [row["risk_share"] for row in these],
            half,
            color=colour,
            marker=marker,
            capsize=2.5,
            label=names.get(name, name),
        )
        if these and these[0]["expected_risk"] is not None:
            ax.plot(x, [row["expected_risk_share"] for row in these], color=INK, linestyle=(0, (4, 2)), linewidth=1.2)
    others = [row for row in rows if row["own_scale"] is None]
    for i, row in enumerate(others):
        colour = INK if row["learner"] == "bayes" else _LINES[(i + 3) % len(_LINES)]
        words = "Bayes floor" if row["learner"] == "bayes" else f"{row['learner']}, all points"
        ax.axhline(row["risk_share"], color=colour, linewidth=1.4, label=words)
    ax.set_yscale("log")
    _scale_axis(ax, result.scales, whole)
    ax.set_ylabel("risk over the variance of the label", fontsize=10, color=INK)
    _decades(ax)
    figure.legend(loc="outside right upper", frameon=False, fontsize=9, labelcolor=INK)
    return saved(figure, kind)


@styled
def curves_figure(result: GranularityResult, kind: str = "svg") -> bytes | None:
    """Return learning curves inside the fragments, a panel a scale; None where there are none."""
    scales = sorted({row["scale"] for row in result.curves})
    if not scales:
        return None
    figure, axes = _new(min(11.0, 3.4 * len(scales) + 2.2), 4.0, len(scales), share_y=True)
    names = {"ridge": "linear ridge", "laplace-kernel": "Laplace kernel", "bayes": "Bayes floor"}
    for ax, scale in zip(axes, scales, strict=True):
        for (name, words), colour, marker in zip(names.items(), (_LINES[2], _LINES[1], INK), "os^", strict=True):
            rows = [row for row in result.curves if row["scale"] == scale and row["learner"] == name]
            n = [row["n"] for row in rows]
            if rows and rows[0]["risk"] is not None:
                half = [row["risk_share_half_width"] or 0.0 for row in rows]
                risk = [row["risk_share"] for row in rows]
                low = [min(h, 0.9 * r) for h, r in zip(half, risk, strict=True)]
                ax.errorbar(n, risk, (low, half), fmt=marker, color=colour, markersize=4.5, capsize=2, label=words)
            if rows and rows[0]["expected_risk"] is not None:
                line = "expected over labels" if name == "ridge" else words if name == "bayes" else None
                ax.plot(n, [row["expected_risk_share"] for row in rows], color=colour, linewidth=1.4, label=line)
            if rows and rows[0]["spectral_risk"] is not None:
                spectral = [row["spectral_risk_share"] for row in rows]
                ax.plot(n, spectral, color=colour, linestyle=(0, (1, 1.5)), linewidth=1.8,
                        label="law of the fragments' spectra")  # fmt: skip
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ticks = sorted({row["n"] for row in result.curves if row["scale"] == scale})
        ax.set_xticks(ticks, [str(value) for value in ticks])
        ax.minorticks_off()
        ax.set_title(f"fragments of at most {scale:,} points", fontsize=10, color=INK, loc="left")
        ax.set_xlabel("training points in the fragment", fontsize=9, color=INK)
    _decades(axes[0])
    axes[0].set_ylabel("risk over the variance in the fragment", fontsize=10, color=INK)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=9, labelcolor=INK)
    return saved(figure, kind)


@styled
def linear_figure(result: GranularityResult, kind: str = "svg") -> bytes | None:
    """Return linear regression's risk against n in every dimension, ridgeless and with the best ridge; None without."""
    rows = [row for row in result.linear if row["learner"] == "linear" and row["design"] == "data"]
    if not rows:
        return None
    figure, axes = _new(10.4, 4.6, 2, share_y=True)
    dims = sorted({row["d"] for row in rows})
    beside = [row for row in result.linear if row["learner"] == "1-nn" and row["d"] == dims[-1]]
    top = max(row["risk"] for row in rows if row["ridge"] == "best")
    for ax, ridge, words in zip(axes, ("none", "best"), ("without ridge", "with the best ridge"), strict=True):
        for d, colour in zip(dims, _LINES, strict=False):
            these = [row for row in rows if row["d"] == d and row["ridge"] == ridge]
            n = [row["n"] for row in these]
            high = [row["n"] for row in these if row["risk"] > 8 * top]
            ax.plot(high, [7 * top] * len(high), "^", color=colour, markersize=7)
            ax.plot(n, [row["risk"] for row in these], "o", color=colour, markersize=4.5, label=f"d = {d:,}")
            ax.plot(n, [row["predicted_risk"] or np.nan for row in these], color=colour, linewidth=1.4)
        if beside:
            ax.plot([row["n"] for row in beside], [row["predicted_risk"] for row in beside], color=INK,
                    linestyle=(0, (4, 2)), linewidth=1.3, label=f"nearest neighbour, d = {dims[-1]:,}")  # fmt: skip
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.set_title(words, fontsize=10, color=INK, loc="left")
        ax.set_xlabel("training points n", fontsize=10, color=INK)
        ax.set_ylim(top=8 * top)
        ax.set_xticks(n, [str(value) for value in n])
        ax.minorticks_off()
    _decades(axes[0])
    axes[0].set_ylabel("risk on unseen points", fontsize=10, color=INK)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=7, frameon=False, fontsize=9, labelcolor=INK)
    return saved(figure, kind)
