"""How fits and scores show themselves: a short line, a table of parameters, a figure.

Nothing heavy is imported before it is asked for; `matplotlib` is the extra ``plots``, `pandas` the extra ``tables``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fractalman.display import Display, Summary, axes_or_new, curve_thumbnail, frame, log_axes
from fractalman.display.style import INK, MUTED, STYLES


def short(value: float, error: float | None) -> str:
    """Return a value with its error, as many digits as the error deserves.

    Examples
    --------
    >>> short(0.34567, 0.0123), short(1.8, 0.0), short(0.5, None)
    ('0.346 ± 0.012', '1.8 ± 0', '0.5')
    """
    if error is None or not math.isfinite(error):
        return f"{value:.4g}" + ("" if error is None else " ± ∞")
    if error <= 0.0 or error < 1e-9 * abs(value):
        return f"{value:.6g} ± {error:.1g}"
    if error > 100.0 * max(abs(value), 1.0):
        return f"{value:.3g} ± {error:.1g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{digits}f} ± {error:.{digits}f}" if digits <= 9 else f"{value:.3g} ± {error:.2g}"


class FitDisplay(Display):
    """What every fit can do: be a table of its parameters."""

    def _summary(self) -> Summary:
        rows = [
            (
                str(row["parameter"]),
                f"{short(row['value'], row['standard_error'])}, 95 % {row['low']:.4g} … {row['high']:.4g}",
            )
            for row in self.parameters()
        ]
        warnings = [("warning", text) for text in getattr(self, "warnings", ())]
        return Summary(repr(self), rows + warnings)

    def _thumbnail(self) -> str:
        return curve_thumbnail(getattr(self, "sizes", ()), getattr(self, "losses", ()))

    def parameters(self) -> list[dict[str, Any]]:
        """Return one row a parameter: name, value, standard_error, low, high."""
        raise NotImplementedError

    def to_pandas(self) -> Any:
        """Return the parameters as a pandas DataFrame with columns value, standard_error, low and high (95 %)."""
        return frame(self.parameters(), "parameter")


def draw_curve(fit: Any, ax: Any = None) -> Any:
    """Draw a curve with its fitted law on logarithmic axes."""
    ax = axes_or_new(ax)
    n = np.geomspace(fit.window[0], fit.window[1], 200)
    if fit.sizes.size:
        ax.plot(fit.sizes, fit.losses, "o", ms=4, color=INK, label="measured")
    ax.plot(n, fit.predict(n), "-", color=STYLES[0][0], label=f"exponent {short(fit.value, fit.half_width)}")
    if fit.floor:
        ax.axhline(fit.floor, ls=":", color=MUTED, label=f"floor {short(fit.floor, fit.floor_standard_error)}")
    log_axes(ax, "n", "loss")
    ax.legend(frameon=False)
    return ax


def draw_joint(fit: Any, ax: Any = None) -> Any:
    """Draw what a joint fit predicts against what was measured, coloured by model size."""
    ax = axes_or_new(ax)
    measured = fit.table["loss"]
    predicted = measured * np.exp(fit.residual)
    colour = np.log10(fit.table[next(iter(fit.table))])
    ax.scatter(predicted, measured, c=colour, s=14, cmap="viridis", zorder=2)
    if fit.outliers.size:
        out = fit.outliers
        ax.plot(predicted[out], measured[out], "o", mfc="none", mec=STYLES[1][0], ms=8, label=f"{out.size} outliers")
        ax.legend(frameon=False)
    ends = [min(predicted.min(), measured.min()), max(predicted.max(), measured.max())]
    ax.plot(ends, ends, "-", color=MUTED, lw=1, zorder=1)
    log_axes(ax, "fitted loss", "measured loss")
    return ax


def draw_recovery(score: Any, ax: Any = None) -> Any:
    """Draw |cosine| and best F1 of matched features against the size of their subclusters, with chance levels."""
    ax = axes_or_new(ax)
    size = score.size[score.match.feature]
    ax.plot(size, score.match.cosine, ".", ms=4, color=STYLES[0][0], label="|cosine| of direction")
    ax.plot(size, score.firing.best_f1, "x", ms=4, color=STYLES[1][0], label="F1 at the best threshold")
    ax.axhline(score.chance["mcc"], ls=":", color=STYLES[0][0], label="chance of |cosine|")
    ax.axhline(score.chance["best_f1"], ls=":", color=STYLES[1][0], label="chance of F1")
    log_axes(ax, "points in the subcluster", "recovered", "x").set_ylim(-0.02, 1.05)
    ax.legend(fontsize="small")
    return ax


def draw_recovered_tree(score: Any, ax: Any = None) -> Any:
    """Draw features as bars, children under their parents, coloured by the best F1 of their unit."""
    ax = axes_or_new(ax)
    size = np.asarray(score.size, np.float64)
    parent = np.full(size.size, -1)
    parent[score.absorption.child] = score.absorption.parent
    found = np.zeros(size.size)
    found[score.match.feature] = np.nan_to_num(score.firing.best_f1)
    begin, filled, depth, roots = np.zeros(size.size), np.zeros(size.size), np.zeros(size.size, int), 0.0
    for j in np.argsort(-size, kind="stable").tolist():  # parents are at least as large as their children
        above = int(parent[j])
        if above < 0:
            begin[j], roots = roots, roots + size[j]
        else:
            begin[j], depth[j] = begin[above] + filled[above], depth[above] + 1
            filled[above] += size[j]
    colours = ax.scatter([], [], c=[], cmap="viridis", vmin=0.0, vmax=1.0)
    filling = colours.to_rgba(found)
    ax.bar(begin, 1.0, size, -depth - 1.0, align="edge", color=filling, edgecolor="white", linewidth=0.3)
    ax.set(xlim=(0, roots), ylim=(-depth.max() - 1, 0), xlabel="points, by subcluster", ylabel="depth in the hierarchy")
    ax.set_yticks(np.unique(np.linspace(0, depth.max(), min(8, depth.max() + 1)).astype(int)) * -1 - 0.5)
    ax.set_yticklabels([f"{int(-at - 0.5)}" for at in ax.get_yticks()])
    ax.figure.colorbar(colours, ax=ax, label="F1 at the best threshold")
    return ax
