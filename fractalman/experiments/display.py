"""How the results of sweeps show themselves: verdicts in a line each, points as a table, learning curves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fractalman.display import Display, Summary, axes_or_new, curve_thumbnail, frame, log_axes
from fractalman.display.style import INK, STYLES
from fractalman.display.summary import count

_WORDS = {True: "agrees", False: "differs", None: "no verdict"}


class VerdictDisplay(Display):
    """A verdict in a few lines."""

    def _summary(self: Any) -> Summary:
        rows = [("verdict", _WORDS[self.agrees]), ("reason", self.reason), ("exponent", verdict_words(self))]
        if self.window is not None:
            sizes = count(self.n_sizes, "condition")
            rows.append(
                (
                    "fitted",
                    f"{self.abscissa} = {self.window[0]:,} … {self.window[1]:,}, {sizes}, {self.n_seeds} replicates",
                )
            )
        rows += [("regimes", ", ".join(f"{points} {regime}" for regime, points in self.regimes.items()))]
        if self.law:
            rows.append(("law", self.law))
        return Summary(f"Verdict on {self.learner}", rows + [("warning", text) for text in self.warnings])


class ResultDisplay(Display):
    """A sweep in a few lines, as a table of points, as learning curves; iterating goes through its verdicts."""

    def __len__(self: Any) -> int:
        """Return the number of points, those of the floor among them."""
        return len(self.points)

    def __iter__(self: Any) -> Iterator[Any]:
        """Go through the verdicts, one a learner."""
        return iter(self.verdicts)

    def _summary(self: Any) -> Summary:
        title = (
            f"Result: {count(len(self.verdicts), 'learner')} on {self.spec.recipe.family}, {count(len(self), 'point')}"
        )
        rows = [(v.learner, f"{_WORDS[v.agrees]}; {verdict_words(v)}") for v in self.verdicts]
        if self.missing:
            rows.append(("missing", count(self.missing, "task")))
        return Summary(title, rows)

    def _thumbnail(self: Any) -> str:
        """The measured curve of the first learner."""
        if not self.verdicts:
            return ""
        value, mean, _ = means_of([p for p in self.points if p.learner == self.verdicts[0].learner])
        return curve_thumbnail(value, mean)

    def to_pandas(self: Any) -> Any:
        """Return one row a point, those of doubling checks last, as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns as the fields of a point.
        """
        return frame(self.table())

    def plot(self: Any, ax: Any = None) -> Any:
        """Draw measured means, predicted curves and the Bayes floor; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With marks for what was measured, twice their standard errors, and dashed lines for what was predicted.
        """
        ax = axes_or_new(ax, 6.4, 4.2)
        for i, verdict in enumerate(self.verdicts):
            color, marker = STYLES[i % len(STYLES)]
            value, mean, error = means_of([p for p in self.points if p.learner == verdict.learner])
            ax.errorbar(value, mean, 2 * error, fmt=marker, ms=4.5, color=color, lw=1.0, label=verdict.learner)
            prediction = self.predictions.get(verdict.learner)
            if has_curve_along(prediction, self.spec.axis.name):
                sizes = value[value <= min(prediction.largest, prediction.affordable)].astype(np.int64)
                if sizes.size:
                    ax.plot(sizes, prediction.curve(sizes).risk, "--", lw=1.2, color=color)
        if self.floor.n.size:
            ax.plot(self.floor.value, self.floor.risk, color=INK, lw=1.2, label="Bayes floor")
        ax.legend()
        return log_axes(ax, "training-set size n" if self.spec.axis.kind == "data" else self.spec.axis.key, "test risk")


def has_curve_along(prediction: Any, axis: str) -> bool:
    """Whether a prediction (None: there is none) has a curve along an axis, to be drawn beside measured risks."""
    return bool(prediction is not None and prediction.has_curve and getattr(prediction, "axis", "n") == axis)


def verdict_words(verdict: Any) -> str:
    """Return what was measured and what was due in a few words."""
    if verdict.measured is None:
        return "exponent not measurable"
    half = "" if verdict.half_width is None else f" ± {verdict.half_width:.3f}"
    due = verdict.predicted_local if verdict.predicted_local is not None else verdict.predicted
    return f"exponent {verdict.measured:.3f}{half}" + ("" if due is None else f", predicted {due:.3f}")


def means_of(points: list[Any]) -> tuple[Any, Any, Any]:
    """Return positions on the axis, mean risks and their standard errors (0 of one replicate), rising."""
    values = sorted({point.value for point in points if not point.doubled})
    risks = [np.array([p.risk for p in points if p.value == value and not p.doubled]) for value in values]
    errors = [r.std(ddof=1) / np.sqrt(r.size) if r.size > 1 else 0.0 for r in risks]
    return np.array(values, np.float64), np.array([r.mean() for r in risks]), np.array(errors, np.float64)
