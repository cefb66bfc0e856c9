#!/usr/bin/env python3
"""Links every section of docs/theory.md to the functions that cite it and to the tests that name those functions.

scripts/theory_links.py          writes docs/theory/laws.md
scripts/theory_links.py --check  exit status 1 when it is out of date
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
INDEX, LAWS = ROOT / "docs" / "theory.md", ROOT / "docs" / "theory" / "laws.md"
_SECTION = re.compile(r"§(\d(?:\.\d)?)(?:–§?(\d(?:\.\d)?))?")
MOST_TESTS = 4
"""Test files named for a function, those that name it most often first."""


class Citation(NamedTuple):
    """A place in the package that cites a section."""

    section: str
    module: str
    name: str


def sections() -> dict[str, tuple[str, Path, str]]:
    """Return number, or title where there is none → (title, chapter, anchor), as docs/theory.md lists them."""
    found = {}
    for title, target, anchor in re.findall(
        r"^ *- \[(.+)\]\(([^)#]+)#([^)]+)\)$", INDEX.read_text("utf-8"), re.MULTILINE
    ):
        number = re.match(r"§(\d(?:\.\d)?) ", title)
        found[number[1] if number else title] = (title, INDEX.parent / target, anchor)
    return found


def citations() -> Iterator[Citation]:
    """Yield what the package's strings cite, function by function, in order of files and lines."""
    for path in sorted((ROOT / "fractalman").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if "docs/theory" in (text := path.read_text("utf-8")):
            yield from _cited(ast.parse(text), module, "")


def _cited(node: ast.AST, module: str, name: str) -> Iterator[Citation]:
    for child in ast.iter_child_nodes(node):
        inside = name
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            inside = f"{name}.{child.name}" if name else child.name
        if isinstance(child, ast.Constant) and isinstance(child.value, str) and "docs/theory" in child.value:
            for number in cited_numbers(child.value):
                yield Citation(number, module, inside)
        yield from _cited(child, module, inside)


def cited_numbers(text: str) -> list[str]:
    """Return the sections that a text cites after its first "docs/theory"."""
    found: list[str] = []
    for first, last in _SECTION.findall(text[text.index("docs/theory") :]):
        found += [first] if not last else [str(k) for k in range(int(first[0]), int(last[0]) + 1)]
    return list(dict.fromkeys(found))


def page() -> str:
    """Return docs/theory/laws.md."""
    tests = sorted((ROOT / "tests").rglob("test_*.py"))
    words = {path: Counter(re.findall(r"\w+", path.read_text("utf-8"))) for path in tests}
    by_section: dict[str, list[Citation]] = {}
    for citation in dict.fromkeys(citations()):
        if citation.name:
            by_section.setdefault(citation.section, []).append(citation)
    lines = [
        "# Which function computes a law, and which test holds it",
        "",
        "Made by `scripts/theory_links.py` from the citations in the package and the names in the tests.",
        "",
    ]
    for number, (title, path, anchor) in sections().items():
        rows = by_section.get(number)
        if not rows:
            continue
        lines += [f"## [{title}]({path.name}#{anchor})", "", "| function | tests |", "|---|---|"]
        for citation in rows:
            name = citation.name.rpartition(".")[2]
            most = sorted((path for path in tests if words[path][name]), key=lambda path: (-words[path][name], path))
            named = ", ".join(str(path.relative_to(ROOT / "tests")) for path in most[:MOST_TESTS])
            lines.append(f"| `{citation.module}.{citation.name}` | {named or 'through what calls it'} |")
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit status 1 when it is out of date")
    text = page()
    if parser.parse_args().check:
        return int(not LAWS.exists() or LAWS.read_text("utf-8") != text)
    LAWS.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
