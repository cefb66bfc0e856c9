"""Names in code lead to the API: ``fm.predict(…)`` in a text, `generate` in a docstring, the functions of laws."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.util.nodes import make_refnode

DOTTED = re.compile(r"^(fm|fractalman|theory|measure|learners)((?:\.\w+)+)(?:\(.*\))?$")
BARE = re.compile(r"^[A-Za-z]\w+(?:\.\w+)?$")
KINDS = {"class", "function", "exception", "method"}


def by_ending(known: dict[str, Any]) -> dict[str, list[str]]:
    """Return the last part of a name, and the last two → the full names that end so."""
    found: dict[str, list[str]] = {}
    for name, entry in known.items():
        parts = name.split(".")
        if entry.objtype in KINDS:
            for words in {parts[-1], ".".join(parts[-2:])}:
                found.setdefault(words, []).append(name)
    return found


def target(text: str, known: dict[str, Any], endings: dict[str, list[str]], bare: bool) -> str | None:
    """Return the full name that a piece of code means, None where that is nothing or not clear."""
    dotted = DOTTED.match(text)
    if dotted is None:
        found = endings.get(text, []) if bare and BARE.match(text) else []
        functions = [name for name in found if known[name].objtype != "method"]
        return functions[0] if len(functions) == 1 else found[0] if len(found) == 1 and "." in text else None
    first, rest = dotted[1], dotted[2]
    whole = f"fractalman{rest}" if first in ("fm", "fractalman") else f"fractalman.{first}{rest}"
    if whole in known:
        return whole
    found = (
        endings.get(rest.rpartition(".")[2], []) if first == "fractalman" else []
    )  # where it lies, not what it is called
    return found[0] if len(found) == 1 else None


def link(app: Any, tree: nodes.document, page: str) -> None:
    """Make references of the names in a page that the API has."""
    known = app.env.get_domain("py").objects
    endings = by_ending(known)
    for node in list(tree.findall(nodes.literal)):
        if isinstance(node.parent, (nodes.reference, nodes.title)):
            continue
        name = target(node.astext(), known, endings, bare=page.startswith("docs/api/"))
        if name is not None and not known[name].aliased:
            entry = known[name]
            node.replace_self(make_refnode(app.builder, page, entry.docname, entry.node_id, node.deepcopy(), name))


def setup(app: Any) -> dict[str, bool]:
    """Link once all pages are read."""
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
