"""What was measured of a file, as plain values that show their answers first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fractalman.display import HtmlTable, Summary
from fractalman.display.summary import as_text, brief

_BENT = ", of a curve that is bent: of this window alone"
_NAMED = 8  # parts whose names stand in the title
_SHOWN = 3  # budgets whose best sizes are shown; the table has all


class Measured(dict[str, Any], HtmlTable):
    """A dict of plain JSON values whose text is its answers: every number that has an interval, then the best sizes.

    Examples
    --------
    >>> Measured({"power": {"value": 0.5, "interval": [0.4, 0.6]}, "windows": {"spread": 0.1}})
    Measured: power, windows
      power  0.5, 95 % 0.4 … 0.6
    """

    def answers(self) -> list[tuple[str, str]]:
        """Return which law the data follow, every number that has an interval, then the best sizes of budgets.

        Returns
        -------
        list of (str, str)
            Names, and numbers with their 95 % intervals.
        """
        says = self.get("held_out_says")
        which = [("which", says)] if isinstance(says, str) else []
        return [*which, *_numbers(self, ""), *_best(self.get("optimum"))]

    def _summary(self) -> Summary:
        rows = self.answers()
        if not rows:
            rows = [(name, brief(value)) for name, value in self.items()]
        names = [name for name in self if name != "warnings"]
        title = f"Measured: {', '.join(names[:_NAMED])}{', …' * (len(names) > _NAMED)}"
        return Summary(title, [*rows, *_remarks(self)])

    def __repr__(self) -> str:
        return as_text(self._summary())


def _numbers(table: Mapping[str, Any], within: str) -> Iterator[tuple[str, str]]:
    """Numbers with an interval, of this table and of those in it."""
    for name, item in table.items():
        if not isinstance(item, Mapping):
            continue
        words = f"{within}{name.replace('_', ' ')}"
        if item.get("value") is not None and item.get("interval"):
            low, high = (("?" if end is None else f"{end:.3g}") for end in item["interval"])
            bent = any("log-log curve is bent" in text for text in item.get("warnings") or ())
            yield words, f"{item['value']:.3g}, 95 % {low} … {high}" + (_BENT if bent else "")
        else:
            yield from _numbers(item, f"{words}, ")


def _best(optimum: Any) -> Iterator[tuple[str, str]]:
    rows = optimum if isinstance(optimum, list) else []
    for row in rows[:_SHOWN]:
        sizes = "; ".join(
            f"{name.replace('_', ' ')} {row[name]:.3g}, 95 % {row[f'{name}_low']:.3g} … {row[f'{name}_high']:.3g}"
            for name in ("n_params", "n_data", "loss")
            if all(row.get(key) is not None for key in (name, f"{name}_low", f"{name}_high"))
        )
        yield f"best for {row['compute']:.3g}", sizes
    if len(rows) > _SHOWN:
        yield "best for", f"{len(rows) - _SHOWN} more budgets"


def _remarks(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    warnings = table.get("warnings")
    return [("warnings", "; ".join(map(str, warnings)))] if isinstance(warnings, list) and warnings else []
