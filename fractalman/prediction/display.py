"""How predictions show themselves: in a few lines, as a table of sizes, as a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fractalman.display import Display, Summary, axes_or_new, curve_thumbnail, frame, log_axes
from fractalman.display.style import INK, MUTED, STYLES
from fractalman.display.summary import count
from fractalman.errors import RecipeError
from fractalman.prediction.losses import RISKS

MOST_SHOWN = 1_000_000
"""The largest training-set size that is shown unless others are asked for."""


def default_sizes(population: float, most: float = MOST_SHOWN) -> list[int]:
    """Return the sizes at which a curve is shown: 100, 300, 1000, … up to ``most`` and to N/16 of a finite population.

    Populations too small for three of those get up to six doublings below N/16.
    """
    last = int(max(1, min(most, MOST_SHOWN, population // 16, population - 1)))
    sizes = [m * 10**power for power in range(2, 7) for m in (1, 3) if m * 10**power <= last]
    if len(sizes) >= 3:
        return sizes
    sizes = [last]
    while len(sizes) < 6 and sizes[0] >= 4:
        sizes.insert(0, sizes[0] // 2)
    return sizes


class CurveDisplay(Display):
    """A curve as a table and a figure."""

    def _summary(self: Any) -> Summary:
        rows = [
            (self.axis, _ends(self.n, 0)),
            ("risk", _ends(self.risk, 4)),
            ("standard_error", _ends(self.standard_error, 2)),
        ]
        rows += [("kind", self.kind), ("draws", str(self.draws) if self.draws else "none: exact over the family")]
        return Summary(
            f"Curve of {count(self.n.size, 'size')}", rows + ([("reason", self.reason)] if self.reason else [])
        )

    def _thumbnail(self: Any) -> str:
        return curve_thumbnail(self.n, self.risk)

    def to_pandas(self: Any) -> Any:
        """Return the curve as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Indexed by n (or steps), with columns risk and standard_error.
        """
        return frame({self.axis: self.n, "risk": self.risk, "standard_error": self.standard_error}, index=self.axis)

    def plot(self: Any, ax: Any = None) -> Any:
        """Draw risk against n with twice its error; needs the extra ``plots``.

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
        draw_band(ax, self, STYLES[0][0], "predicted")
        return log_axes(ax, "training-set size n" if self.axis == "n" else "training steps", "expected risk")


class PredictionDisplay(Display):
    """A prediction in a few lines, as a table, as a figure; whatever is asked at sizes is computed then."""

    def _summary(self: Any) -> Summary:
        law, rows = self.law, []
        exponent = "none: no power law holds" if law.data_exponent is None else f"{law.data_exponent:.4g}"
        logs = f" times (ln n)^{law.data_logarithms:g}" if law.logarithmic else ""
        far = law.data_exponent is not None and not law.attained
        rows.append(("data exponent", exponent + logs + (", beyond sizes that one can afford" if far else "")))
        if law.model_exponent is not None:
            rows.append(("model exponent", f"{law.model_exponent:.4g}"))
        if law.irreducible:
            rows.append(("irreducible", f"{law.irreducible:.4g}"))
        rows += [("law", str(law)), ("evidence", law.evidence)]
        rows.append(("curve", _known(self.has_curve, self.affordable)))
        rows.append(("Bayes floor", _known(self.has_floor, self.affordable_floor)))
        rows += [("recipe", repr(self.recipe))]
        return Summary(f"Prediction: {self.learner} on {self.recipe.family}", rows)

    def _thumbnail(self: Any) -> str:
        """The curve where it costs nothing, else at the sizes that were asked for before."""
        sizes = default_sizes(self.population, self.affordable) if self.exact else self._averages.known("curve")
        if len(sizes) < 2:
            return ""
        curve = self.curve(sizes)
        return curve_thumbnail(curve.n, curve.risk)

    def to_pandas(self: Any, n: Sequence[int] | None = None) -> Any:
        """Return the predicted curve and the Bayes floor at training-set sizes as a pandas DataFrame.

        Parameters
        ----------
        n : sequence of int, optional
            Sizes. Default: 100, 300, 1000, … as far as they are computed in seconds.

        Returns
        -------
        pandas.DataFrame
            Indexed by n; columns risk, standard_error, floor, floor_standard_error, nan where nothing is known.

        Raises
        ------
        RecipeError
            Where there is neither a curve nor a floor.
        """
        curve, floor = curves_shown(self, n)
        sizes = sorted({*([] if curve is None else curve.n.tolist()), *([] if floor is None else floor.n.tolist())})
        columns: dict[str, Any] = {"n": sizes}
        for part, names in ((curve, ("risk", "standard_error")), (floor, ("floor", "floor_standard_error"))):
            for name, source in zip(names, ("risk", "standard_error"), strict=True):
                known = {} if part is None else dict(zip(part.n.tolist(), getattr(part, source).tolist(), strict=True))
                columns[name] = [known.get(size, math.nan) for size in sizes]
        return frame(columns, index="n")

    def plot(self: Any, ax: Any = None, n: Sequence[int] | None = None) -> Any:
        """Draw the predicted curve, the Bayes floor, the asymptote and the best constant; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.
        n : sequence of int, optional
            Sizes. Default: 100, 300, 1000, … as far as they are computed in seconds.

        Returns
        -------
        matplotlib axes
            With the drawing.

        Raises
        ------
        RecipeError
            Where there is neither a curve nor a floor.
        """
        curve, floor = curves_shown(self, n)
        ax = axes_or_new(ax)
        if curve is not None:
            draw_band(ax, curve, STYLES[0][0], f"{self.learner}, predicted")
            if self.data_exponent is not None and self.attained and not self.logarithmic and len(curve) > 1:
                shape = curve.n ** -float(self.data_exponent)
                lift = 1.3 * float(np.exp(np.log(curve.risk[curve.risk > 0]).mean() - np.log(shape).mean()))
                ax.plot(
                    curve.n, lift * shape, color=STYLES[1][0], ls="--", lw=1.2, label=f"n^−{self.data_exponent:.3g}"
                )
        if floor is not None and self.learner != "bayes":
            draw_band(ax, floor, INK, "Bayes floor")
        ax.axhline(self.within_variance, color=MUTED, ls=":", lw=1.0, label="best constant")
        ax.set_title(f"{self.learner} on {self.recipe.family}", loc="left")
        ax.legend()
        return log_axes(ax, "training-set size n", RISKS[self.loss][1])


def curves_shown(prediction: Any, n: Sequence[int] | None) -> tuple[Any, Any]:
    """Return a prediction's curve and floor at sizes, None where they are not known.

    Raises
    ------
    RecipeError
        Where neither is known.
    """
    if not prediction.has_curve and not prediction.has_floor:
        raise RecipeError(f"learner {prediction.learner!r} has no curve to show: use a learner with one, e.g. 1-nn")
    population = prediction.population
    curve = floor = None
    if prediction.has_curve:
        curve = prediction.curve(list(n) if n is not None else default_sizes(population, prediction.affordable))
    if prediction.has_floor:
        sizes = list(n) if n is not None else default_sizes(population, prediction.affordable_floor)
        floor = prediction.floor(sizes)
    return curve, floor


def draw_band(ax: Any, curve: Any, color: str, label: str) -> None:
    """Draw a curve with twice its standard error on either side; what is not above 0 has no place on a logarithm."""
    shown = curve.risk > 0
    n, risk, error = curve.n[shown], curve.risk[shown], curve.standard_error[shown]
    ax.plot(n, risk, color=color, marker="o", ms=4, lw=1.6, label=label)
    ax.fill_between(n, np.maximum(risk - 2 * error, 0.2 * risk), risk + 2 * error, color=color, alpha=0.15, lw=0)


def _ends(values: Any, digits: int) -> str:
    """The first and the last of several numbers."""
    words = [f"{v:,.0f}" if digits == 0 else f"{v:.{digits}g}" for v in (values[0], values[-1])] if len(values) else []
    return " … ".join(dict.fromkeys(words))


def _known(there: bool, affordable: float) -> str:
    if not there:
        return "not known"
    return "at every size" if math.isinf(affordable) else f"in seconds up to n = {affordable:,.0f}"
