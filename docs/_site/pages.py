"""Pages that GitHub shows as well: their anchors become targets that links are checked against, chapters a menu.

A heading ``## <a id="s3.1"></a>Title`` is written as GitHub knows it; lists of pages for the menu would be noise there.
"""

from __future__ import annotations

import re
from typing import Any

ANCHORED = re.compile(r'^(#+) <a id="([^"]+)"></a>', re.MULTILINE)
CHAPTERS = (
    "1-objects", "2-dimensions", "3-exponents", "4-curves", "5-linear", "6-open", "7-controls", "8-granularity",
    "9-locality", "10-classification", "11-dictionaries", "neighbour-domain", "laws",
)  # fmt: skip
APPENDED = {
    "docs/theory": "\n".join(["\n```{toctree}", ":hidden:", "", *(f"theory/{one}" for one in CHAPTERS), "```\n"])
}


def targets(_app: Any, page: str, source: list[str]) -> None:
    """Put the target in front of the heading, and the menu's list at the end."""
    source[0] = ANCHORED.sub(r"(\2)=\n\1 ", source[0]) + APPENDED.get(page, "")


def setup(app: Any) -> dict[str, bool]:
    """Rewrite every page before it is read."""
    app.connect("source-read", targets)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
