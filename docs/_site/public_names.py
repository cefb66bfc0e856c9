"""The directive ``public``: what a module offers, from its docstrings; with names as its content, those alone.

A public name that no page shows is a warning, so that the pages cannot fall behind the package.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from typing import Any

from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

MODULES = ("fractalman", "fractalman.measure", "fractalman.theory", "fractalman.learners")
log = logging.getLogger(__name__)


class Public(SphinxDirective):
    """Shows public names of a module."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[Any]:
        """Return a table of the names, and each with its docstring."""
        module = self.arguments[0]
        offered = importlib.import_module(module)
        names = " ".join(self.content).split() or list(offered.__all__)
        shown = self.env.__dict__.setdefault("public_names_shown", {})
        shown.setdefault(self.env.docname, set()).update(f"{module}.{name}" for name in names)
        lines = [f".. py:currentmodule:: {module}", ""]
        for name in names:
            lines += [*entry(module, name, getattr(offered, name)), ""]
        return self.parse_text_to_nodes("\n".join(["```{eval-rst}", *lines, "```"]), allow_section_headings=False)


def entry(module: str, name: str, thing: Any) -> list[str]:
    """Return the directive that shows one name."""
    if inspect.isclass(thing):
        return [f".. autoclass:: {module}.{name}", "   :members:"]
    if inspect.ismodule(thing):
        return [f".. py:module:: {module}.{name}", "   :no-index:"]
    if callable(thing):
        return [f".. autofunction:: {module}.{name}"]
    return [f".. py:data:: {module}.{name}", "", *(f"   {line}" for line in words(module, name) or [repr(thing)])]


def words(module: str, name: str) -> list[str]:
    """Return what stands below a constant in the module that it comes from."""
    analyzer = ModuleAnalyzer.for_module(module)
    documented = analyzer.find_attr_docs()
    if ("", name) in documented:
        return documented["", name]
    for node in ast.walk(ast.parse(analyzer.code)):
        if isinstance(node, ast.ImportFrom) and node.module and name in {alias.name for alias in node.names}:
            return words(node.module, name)
    return []


DEFAULT = re.compile(r"<([\w.]+\.)?(\w+) object at 0x[0-9a-f]+>")


def tidy(
    _app: Any, _what: str, _name: str, _thing: Any, _options: Any, signature: str | None, returns: str | None
) -> Any:
    """Keep addresses out of signatures."""
    return (DEFAULT.sub(r"\2", signature), returns) if signature else None


def readable(_app: Any, _what: str, _name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    """Make plain text of docstrings what reStructuredText means by it: bars and stars of formulas are not markup."""
    for place, line in enumerate(lines):
        if ">>>" not in line:
            line = re.sub(r"(?<![*`\w\\])\*(?=[\w(])(?![^*`]*\*)", r"\\*", line)
            lines[place] = re.sub(r"(?<!\\)\|", r"\\|", line)


def merge(_app: Any, env: Any, _names: Any, other: Any) -> None:
    """Take what another process has read."""
    env.__dict__.setdefault("public_names_shown", {}).update(getattr(other, "public_names_shown", {}))


def check(_app: Any, env: Any) -> None:
    """Warn about public names that no page shows."""
    shown = set().union(*getattr(env, "public_names_shown", {}).values())
    for module in MODULES:
        for name in importlib.import_module(module).__all__:
            whole = f"{module}.{name}"
            if whole not in shown and whole not in MODULES and not name.startswith("__"):
                log.warning("%s is public and stands on no page: expected in a `public` directive of docs/api", whole)


def setup(app: Any) -> dict[str, bool]:
    """Add the directive and the check."""
    app.add_directive("public", Public)
    app.connect("autodoc-process-signature", tidy)
    app.connect("autodoc-process-docstring", readable)
    app.connect("env-merge-info", merge)
    app.connect("env-check-consistency", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
