"""An object in a few lines: a title and rows of (name, words), as text and as a table for notebooks.

A class that derives from `Display` shows its fields; one that has more to say overrides `_summary`, and `_thumbnail`
where a small picture is cheap. `HtmlTable` gives the table alone, for classes whose text is the call that makes them.
"""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

LINES, WIDTH = 10, 96
"""Lines of an object's text at most, the title among them, and characters of a line."""


class Summary(NamedTuple):
    """What an object says of itself.

    Parameters
    ----------
    title : str
        One line.
    rows : list of (str, str)
        Names and words, the most important first.

    Examples
    --------
    >>> Summary("Point", [("x", "1")]).title
    'Point'
    """

    title: str
    rows: list[tuple[str, str]]


class HtmlTable:
    """What every object can do in a notebook: show its summary as a table."""

    __slots__ = ()

    def _summary(self) -> Summary:
        """Title and rows; the fields of a dataclass unless a class says something better."""
        return fields_summary(self)

    def _thumbnail(self) -> str:
        """A small picture as SVG that is cheap to make; "" = none."""
        return ""

    def _repr_html_(self) -> str:
        """The summary as a table, all text escaped."""
        summary = self._summary()
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left">{html.escape(name)}</th>'
            f'<td style="text-align:left">{html.escape(words)}</td></tr>'
            for name, words in summary.rows
        )
        caption = (
            f'<caption style="text-align:left;font-weight:bold;caption-side:top">{html.escape(summary.title)}</caption>'
        )
        picture = self._thumbnail()
        beside = f"<div>{picture}</div>" if picture else ""
        return (
            '<div style="display:flex;flex-wrap:wrap;gap:1em;align-items:flex-start">'
            f"<table>{caption}<tbody>{rows}</tbody></table>{beside}</div>"
        )


class Display(HtmlTable):
    """What results can do: be a few lines of text, and a table in a notebook."""

    __slots__ = ()

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Set the text in the class itself, where a dataclass finds it and writes none of its own."""
        super().__init_subclass__(**keywords)
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = cls.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        return as_text(self._summary())


def as_text(summary: Summary) -> str:
    """Return a summary as text of at most `LINES` lines, each cut at `WIDTH` characters.

    Examples
    --------
    >>> print(as_text(Summary("Point", [("x", "1"), ("label", "2")])))
    Point
      x      1
      label  2
    """
    rows = summary.rows
    left_out = [] if len(rows) < LINES else list(dict.fromkeys(name for name, _ in rows[LINES - 2 :]))
    shown = rows[: LINES - 2] if left_out else rows
    width = max((len(name) for name, _ in shown), default=0)
    lines = [summary.title, *(f"  {name:{width}}  {words}" for name, words in shown)]
    if left_out:
        lines.append(f"  … {', '.join(left_out)}")
    return "\n".join(cut(line, WIDTH) for line in lines)


def cut(text: str, width: int) -> str:
    """Return a text in one line of at most so many characters, "…" where it was cut.

    Examples
    --------
    >>> cut("one two three", 8)
    'one two…'
    """
    line = " ".join(text.split()) if "\n" in text else text
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def fields_summary(thing: Any, *, title: str | None = None, without: tuple[str, ...] = ()) -> Summary:
    """Return the fields of a dataclass or a named tuple, or an object's attributes; private ones and None are left out.

    Parameters
    ----------
    thing : object
        With fields.
    title : str or None, default None
        None = the name of its class.
    without : tuple of str, default ()
        Fields that are not shown.

    Returns
    -------
    Summary
        A row a field.

    Examples
    --------
    >>> fields_summary(Summary("Point", []))
    Summary(title='Summary', rows=[('title', 'Point'), ('rows', '()')])
    """
    if dataclasses.is_dataclass(thing):
        names = [field.name for field in dataclasses.fields(thing)]
    else:
        names = list(thing._fields if isinstance(thing, tuple) else getattr(thing, "__dict__", {}))  # type: ignore[attr-defined]
    pairs = [(name, getattr(thing, name)) for name in names if not name.startswith("_") and name not in without]
    return Summary(title or type(thing).__name__, [(name, brief(value)) for name, value in pairs if value is not None])


def brief(value: Any) -> str:
    """Return a value in a few words: arrays by type and shape, long sequences by their number of entries.

    Examples
    --------
    >>> brief(0.123456789), brief(np.zeros((8, 2), np.float32)), brief((1, 2.5)), brief({"a": 1})
    ('0.123457', 'float32 (8, 2)', '(1, 2.5)', '{a: 1}')
    """
    if isinstance(value, (bool, np.bool_)) or value is None:
        return str(value)
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    if isinstance(value, str):
        return cut(value, WIDTH)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        shape = tuple(int(part) for part in value.shape)
        small = isinstance(value, np.ndarray) and value.ndim == 1 and 0 < value.size <= 5
        return f"[{', '.join(brief(v) for v in value.tolist())}]" if small else f"{value.dtype} {shape}"
    if isinstance(value, HtmlTable):
        title, rows = value._summary()
        if title != type(value).__name__:
            return title
        return cut(f"{title}({', '.join(f'{name} {words}' for name, words in rows)})", WIDTH)
    if isinstance(value, Mapping):
        short = len(value) <= 3 and all(not isinstance(v, (Mapping, list, tuple)) for v in value.values())
        inside = ", ".join(f"{k}: {brief(v)}" for k, v in value.items()) if short else ", ".join(map(str, value))
        return cut("{" + inside + "}", WIDTH)
    if isinstance(value, (list, tuple, frozenset, set)):
        entries = list(value)
        if len(entries) > 4:
            return f"{len(entries)} entries"
        return cut(f"({', '.join(brief(v) for v in entries)})", WIDTH)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return cut(repr(value).partition("\n")[0], WIDTH)
    return cut(str(value), WIDTH)


def count(number: float, one: str, many: str = "") -> str:
    """Return a number of things in words, thousands separated.

    Examples
    --------
    >>> count(1, "point"), count(12000, "point"), count(2, "vertex", "vertices")
    ('1 point', '12,000 points', '2 vertices')
    """
    return f"{number:,.0f} {one if number == 1 else many or one + 's'}"
