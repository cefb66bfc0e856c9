"""How strings with their hidden symbols show themselves: one of them as a tree, its string below."""

from __future__ import annotations

from typing import Any

import numpy as np

from fractalman._typing import F64
from fractalman.display import Display, Summary, axes_or_new, frame
from fractalman.display.style import INK, MUTED, STYLES
from fractalman.display.summary import count
from fractalman.errors import RecipeError

_TOKENS = 128
"""Tokens of a string that is drawn, at most."""


class DerivationsDisplay(Display):
    """Strings in a few lines; one of them as a tree."""

    def _summary(self: Any) -> Summary:
        grammar = self.grammar
        rows = [("levels", f"{grammar.levels}, of {', '.join(map(str, grammar.sizes))} symbols")]
        if len(self.symbols):
            rows.append(("first", " ".join(map(str, self.tokens[0, :16])) + (" …" if grammar.length > 16 else "")))
        return Summary(f"Derivations of {count(len(self.symbols), 'string')} of {count(grammar.length, 'token')}", rows)

    def __len__(self: Any) -> int:
        """Return the number of strings."""
        return len(self.symbols)

    def to_pandas(self: Any) -> Any:
        """Return one row a string as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns "level.node" of all symbols, level by level from the class, from the left.
        """
        s, levels = self.grammar.branching, self.grammar.levels
        names = [f"{level}.{node}" for level in range(levels + 1) for node in range(s**level)]
        return frame({name: self.symbols[:, k] for k, name in enumerate(names)})

    def plot(self: Any, ax: Any = None, *, string: int = 0) -> Any:
        """Draw one string as a tree: hidden symbols level by level from the class, tokens last; needs ``plots``.

        Nodes hold the numbers of their symbols, and those of one symbol of a level have one colour. Blanks are left
        out; a symbol that was passed down as it is hangs on a dashed line.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.
        string : int, default 0
            Which row.

        Returns
        -------
        matplotlib axes
            With the drawing.

        Raises
        ------
        RecipeError
            For rows that are not there, and strings of more than 128 tokens.
        """
        grammar = self.grammar
        if not 0 <= string < len(self.symbols) or grammar.length > _TOKENS:
            raise RecipeError(
                f"string = {string} of {len(self.symbols)}, of {grammar.length} tokens: expected a row that is there, "
                f"and at most {_TOKENS} tokens"
            )
        symbols = [self.level(level)[string].tolist() for level in range(grammar.levels + 1)]
        places = _places(symbols, grammar.branching, grammar.blank)
        shown = int(np.isfinite(places[-1]).sum())
        ax = axes_or_new(ax, min(14.0, max(4.5, 0.42 * shown + 1.2)), 0.72 * grammar.levels + 1.5)
        for level in range(1, grammar.levels + 1):
            for node in np.flatnonzero(np.isfinite(places[level])).tolist():
                above = node // grammar.branching
                alone = grammar.blank is not None and symbols[level][above * grammar.branching + 1] == grammar.blank
                ends = [places[level - 1][above], places[level][node]]
                ax.plot(ends, [1 - level, -level], color=MUTED, lw=1.0, ls="--" if alone else "-", zorder=1)
        for level, row in enumerate(symbols):
            last = level == grammar.levels
            for node in np.flatnonzero(np.isfinite(places[level])).tolist():
                face = "white" if last else STYLES[row[node] % len(STYLES)][0]
                box = {
                    "boxstyle": "square,pad=0.25" if last else "circle,pad=0.25",
                    "facecolor": face,
                    "edgecolor": INK,
                }
                ax.text(
                    places[level][node], -level, str(row[node]), ha="center", va="center", fontsize=9, bbox=box,
                    color=INK if last else "white",
                )  # fmt: skip
            words = "class" if level == 0 else "tokens" if last else f"level {level}"
            ax.text(-1.0, -level, words, ha="right", va="center", fontsize=9, color=MUTED)
        tokens = [str(token) for token in symbols[-1] if token != grammar.blank]
        ax.set_title(f"string {string}: {' '.join(tokens)}" if shown <= 32 else f"string {string}", fontsize=10)
        ax.set(xlim=(-2.4, shown - 0.3), ylim=(-grammar.levels - 0.5, 0.5))
        ax.set_axis_off()
        return ax


def _places(symbols: list[list[int]], branching: int, blank: int | None) -> list[F64]:
    """Return where nodes stand, level by level: tokens side by side, symbols in the middle; nan for blanks."""
    there = np.array([token != blank for token in symbols[-1]])
    place = np.where(there, np.cumsum(there) - 1.0, np.nan)
    out = [place]
    for row in reversed(symbols[:-1]):
        below = out[0].reshape(len(row), branching)
        middle = np.array([np.nan if np.isnan(p).all() else (np.nanmin(p) + np.nanmax(p)) / 2.0 for p in below])
        out.insert(0, middle)
    return out
