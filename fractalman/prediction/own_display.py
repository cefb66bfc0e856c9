"""How predictions and studies of one's own data show themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from fractalman.display import Display, Summary, axes_or_new, frame, log_axes
from fractalman.display.style import STYLES
from fractalman.display.summary import count
from fractalman.prediction.curves import Curve
from fractalman.prediction.display import draw_band


class OwnPredictionDisplay(Display):
    """A prediction of one's own data in a few lines, as a table, as a figure."""

    def _summary(self: Any) -> Summary:
        low, high = self.interval
        rows = [("data exponent", f"{self.data_exponent:.3g}, 95 % {low:.3g} … {high:.3g}"), ("law", self.law)]
        if "recommended" in self.dimensions:
            rows.append(("dimension", repr(self.dimensions["recommended"])))
        noise = self.neighbours.noise
        found = (
            f"variance {noise.value:.3g} of {self.label_variance:.3g}"
            if self.neighbours.noise_found
            else f"none found; 95 % below {noise.interval[1]:.3g} of {self.label_variance:.3g}"
        )
        rows += [("label noise", found), ("training sizes", f"{self.sizes[0]:,} … {self.sizes[1]:,}")]
        title = (
            f"OwnPrediction: {self.learner} on {count(self.n_points, 'point')}, {count(self.ambient_dim, 'coordinate')}"
        )
        return Summary(title, rows + [("warning", text) for text in self.warnings])

    def _default_curve(self: Any) -> Curve:
        """The curve at nine sizes over the range where it holds."""
        low, high = self.sizes
        found: Curve = self.curve(np.unique(np.rint(np.geomspace(low, high, 9)).astype(np.int64)))
        return found

    def curve_rows(self: Any) -> list[dict[str, float]]:
        """Return the predicted curve at nine sizes, a row each: n, risk and standard_error."""
        curve = self._default_curve()
        return [
            {"n": int(n), "risk": float(risk), "standard_error": float(error)}
            for n, risk, error in zip(curve.n, curve.risk, curve.standard_error, strict=True)
        ]

    def to_pandas(self: Any) -> Any:
        """Return the predicted curve at nine sizes as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Indexed by n, with columns risk and standard_error.
        """
        return self._default_curve().to_pandas()

    def plot(self: Any, ax: Any = None) -> Any:
        """Draw the predicted curve; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing.
        """
        ax = axes_or_new(ax)
        draw_band(ax, self._default_curve(), STYLES[0][0], f"{self.learner}, n^−{self.data_exponent:.3g}")
        ax.legend()
        return log_axes(ax, "training-set size n", "share of wrong answers" if self.classes else "risk, unit of y²")


class StudiedDisplay(Display):
    """What a learner was predicted to do and did, as a table and a figure."""

    def to_pandas(self: Any) -> Any:
        """Return prediction and measurement as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Indexed by n, with columns predicted, measured and standard_error.
        """
        names = ("n", "predicted", "measured", "standard_error")
        return frame({name: getattr(self, name) for name in names}, index="n")

    def plot(self: Any, ax: Any = None) -> Any:
        """Draw prediction and measurement; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing.
        """
        ax = axes_or_new(ax)
        draw_studied(ax, self, *STYLES[0])
        ax.legend()
        return log_axes(ax, "training-set size n", "risk")


class StudyDisplay(Display):
    """A study of one's own data in a few lines, as a table, as a figure."""

    def __len__(self: Any) -> int:
        """Return the number of learners."""
        return len(self.curves)

    def _summary(self: Any) -> Summary:
        words = {True: "agrees", False: "does not agree", None: "no prediction"}
        rows = [(curve.learner, curve.failure or words[curve.agrees]) for curve in self.curves]
        return Summary("OwnStudy", [("verdict", self.verdict), *rows])

    def to_pandas(self: Any) -> Any:
        """Return prediction and measurement of every learner as one pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns learner, n, predicted, measured and standard_error.
        """
        return frame(
            [
                {"learner": curve.learner, "n": n, "predicted": p, "measured": m, "standard_error": e}
                for curve in self.curves
                for n, p, m, e in zip(curve.n, curve.predicted, curve.measured, curve.standard_error, strict=True)
            ]
        )

    def plot(self: Any, ax: Any = None) -> Any:
        """Draw prediction and measurement of every learner; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing.
        """
        ax = axes_or_new(ax, 6.4, 4.2)
        for i, curve in enumerate(curve for curve in self.curves if not curve.failure):
            draw_studied(ax, curve, *STYLES[i % len(STYLES)])
        ax.legend()
        return log_axes(ax, "training-set size n", "risk")


def draw_studied(ax: Any, curve: Any, color: str, marker: str) -> None:
    """Draw what was measured as marks with twice their errors, and what was predicted as a dashed line."""
    ax.errorbar(curve.n, curve.measured, 2 * curve.standard_error, fmt=marker, ms=4, color=color, label=curve.learner)
    ax.plot(curve.n, curve.predicted, "--", lw=1.2, color=color)
