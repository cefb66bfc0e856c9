"""Pages from templates: everything that goes into a page is text and is escaped, unless a template here made it."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from fractalman.display.style import require_plots

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


@cache
def _environment() -> Environment:
    require_plots()
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("fractalman.report"),
        autoescape=True,
        undefined=StrictUndefined,  # a name that a template misspells is an error, not an empty place
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(template: str, **values: Any) -> str:
    """Return a whole page.

    Parameters
    ----------
    template : str
        A file in templates/.
    values
        What the template asks for; text is escaped.
    """
    return _environment().get_template(template).render(**values)


def _block(name: str, *values: Any) -> Markup:
    blocks: Any = _environment().get_template("blocks.html").module
    made: Markup = getattr(blocks, name)(*values)
    return made


def image(data: bytes, kind: str, alt: str, caption: str, width: str = "100%", narrow: bytes | None = None) -> Markup:
    """Return a figure with the image inside it; a drawing that has no form for phones keeps its size there and scrolls.

    Parameters
    ----------
    data : bytes
        Content of the image's file.
    kind : str
        "png" or "svg+xml".
    alt, caption : str
        For those who do not see it, and for those who do.
    width : str
        As CSS says it.
    narrow : bytes, optional
        The same drawing for phones, of the same kind.
    """

    def source(content: bytes) -> str:
        return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"

    phone = "" if narrow is None else source(narrow)
    return _block("figure", source(data), alt, caption, width, phone, narrow is None and kind == "svg+xml")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """Return a table; the first column is set in bold."""
    return _block("table", header, rows)


def script_json(value: Any) -> Markup:
    """Return plain values as JSON for a script element: no text in it can end the element."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def heading(text: str, level: int = 2) -> Markup:
    """Return a heading of a level from 2 (a section) to 4."""
    return _block("heading", text, level)


def paragraph(text: str, kind: str = "") -> Markup:
    """Return a paragraph; its kind is "muted", "note", "strong" or ""."""
    return _block("paragraph", text, kind)


def details(summary: str, content: Markup) -> Markup:
    """Return something that is folded away until it is asked for."""
    return _block("details", summary, content)
