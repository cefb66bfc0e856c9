"""How plans show themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fractalman.display import Display, Summary, axes_or_new, frame, log_axes
from fractalman.display.style import MUTED, STYLES


class PlanDisplay(Display):
    """A plan in a few lines, as a table of its options, as a figure."""

    def __len__(self: Any) -> int:
        """Return the number of options."""
        return len(self.options)

    def __bool__(self: Any) -> bool:
        """Return whether some window of sizes does it."""
        return bool(self.possible)

    def __iter__(self: Any) -> Iterator[Any]:
        """Go through the options, cheapest first."""
        return iter(self.options)

    def _summary(self: Any) -> Summary:
        rows = [("possible", "yes" if self.possible else "no"), ("reason", self.reason)]
        if self.chosen is not None:
            one = self.chosen
            rows.append(
                (
                    self.axis if self.axis != "n" else "sizes",
                    f"{one.sizes[0]:,} … {one.sizes[-1]:,}, {len(one.sizes)} of them, doubling",
                )
            )
            rows.append(("seeds", f"{one.seeds:,}, for ± {one.half_width:.3g} where ± {self.resolution:g} was asked"))
            rows.append((self.unit, f"{one.points:,} of {self.budget:,}"))
            rows.append(("exponent", "not known" if one.exponent is None else f"{one.exponent:.4g} over these sizes"))
        rows.append(("options", f"{len(self.options)}"))
        return Summary(f"Plan for {self.learner}", rows + [("note", note) for note in self.notes])

    def option_rows(self: Any) -> list[dict[str, Any]]:
        """Return one row an option, cheapest first, as `to_pandas` has them."""
        return [
            {
                "from": one.sizes[0], "to": one.sizes[-1], "exponent": one.exponent, "scatter": one.scatter,
                "seeds": one.seeds, "half_width": one.half_width, "points": one.points,
                "chosen": one == self.chosen,
            }
            for one in self.options
        ]  # fmt: skip

    def to_pandas(self: Any) -> Any:
        """Return one row an option, cheapest first, as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns from, to, exponent, scatter, seeds, half_width, points and chosen.
        """
        return frame(self.option_rows())

    def plot(self: Any, ax: Any = None) -> Any:
        """Draw every option's window of sizes against its cost, the chosen one in colour; needs the extra ``plots``.

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
        for one in self.options:
            color, width = (STYLES[1][0], 2.6) if one == self.chosen else (MUTED, 1.0)
            ends = (one.sizes[0], one.sizes[-1])
            ax.plot(ends, (one.points, one.points), color=color, lw=width, marker="|", ms=6)
        symbol = "training-set sizes" if self.axis == "n" else f"numbers of steps at n = {self.n}"
        ax.axhline(self.budget, color=STYLES[0][0], ls="--", lw=1.0, label="budget")
        log_axes(ax, symbol, f"{self.unit} in all")
        ax.legend()
        return ax
