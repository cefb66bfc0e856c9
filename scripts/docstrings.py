"""What documentation tools can read of the public functions: one line for each gap, and a table by package.

python scripts/docstrings.py [--lines] [PACKAGE ...]

Public is what the packages below name in ``__all__``, every class of ours that one of these returns, holds or has as a
property (so all results), and the public methods of all of these. Docstrings are in NumPy style and are read by griffe.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import functools
import importlib
import inspect
import logging
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

import griffe

NAMESPACES = (
    "fractalman", "fractalman.measure", "fractalman.theory", "fractalman.learners", "fractalman.catalogue",
    "fractalman.datasets", "fractalman.generation", "fractalman.prediction", "fractalman.recipes", "fractalman.trees",
)  # fmt: skip
WITH_EXAMPLES = {"fractalman", "fractalman.measure", "fractalman.learners"}


class Gap(NamedTuple):
    """Something that a documentation tool, and so a reader, does not find."""

    package: str  # the package in which the object is defined
    name: str  # how a user reaches it
    missing: str


class Read(NamedTuple):
    """What griffe found in a docstring."""

    summary: str
    parameters: dict[str, str]
    returns: bool
    raises: set[str]
    examples: bool


def read(text: str) -> Read:
    """Read a docstring in NumPy style."""
    logging.getLogger("griffe").setLevel(logging.CRITICAL)
    parameters: dict[str, str] = {}
    summary, returns, raises, examples = "", False, set[str](), False
    for section in griffe.Docstring(inspect.cleandoc(text)).parse("numpy"):
        kind, value = section.kind.value, section.value
        if kind == "text" and not summary:
            summary = value.strip().split("\n\n")[0]
        elif kind in {"parameters", "other parameters", "attributes"}:
            for entry in value:
                parameters |= {name.strip().lstrip("*"): entry.description.strip() for name in entry.name.split(",")}
        elif kind in {"returns", "yields"}:
            returns = bool(value) and all(entry.description.strip() for entry in value)
        elif kind == "raises":
            raises |= {str(entry.annotation).rpartition(".")[2] for entry in value if entry.description.strip()}
        elif kind == "examples":
            examples = ">>>" in text
    return Read(summary, parameters, returns, raises, examples)


def raised(function: Callable[..., Any]) -> set[str]:
    """Return the names of the exceptions that a function's own lines raise."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised_by = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = ast.unparse(raised_by).rpartition(".")[2]
            if name[:1].isupper() and name not in {"AssertionError", "NotImplementedError"}:
                found.add(name)
    return found


def gaps(function: Callable[..., Any], example: bool = False) -> Iterator[str]:
    """Yield what the docstring of a function or method lacks."""
    if not (function.__doc__ or "").strip():
        yield "a docstring"
        return
    found = read(function.__doc__ or "")
    if not found.summary.endswith((".", "!", "?")):
        yield "one sentence at the beginning"
    signature = inspect.signature(function)
    wanted = [name for name in signature.parameters if name not in {"self", "cls"} and not name.startswith("_")]
    yield from (f"parameter {name}" for name in wanted if not found.parameters.get(name))
    yield from (f"no longer has a parameter {name}" for name in found.parameters if name not in signature.parameters)
    if signature.return_annotation not in {None, "None", "NoReturn", inspect.Signature.empty} and not found.returns:
        yield "returns"
    yield from (f"raises {name}" for name in sorted(raised(function) - found.raises))
    if example and not found.examples:
        yield "an example"


def class_gaps(cls: type, example: bool) -> Iterator[tuple[str, str]]:
    """Yield (name below the class or nothing, what is missing) for a class and its own public methods."""
    if not (cls.__doc__ or "").strip() or (
        dataclasses.is_dataclass(cls) and str(cls.__doc__).startswith(cls.__name__ + "(")
    ):
        yield "", "a docstring"
    elif not issubclass(cls, BaseException):
        found = read(cls.__doc__ or "")
        if not found.summary.endswith((".", "!", "?")):
            yield "", "one sentence at the beginning"
        fields = [field.name for field in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else []
        own = vars(cls).get("__init__")
        made = inspect.isfunction(own) and not getattr(cls, "_is_protocol", False)  # nobody makes a protocol
        wanted = fields or ([*inspect.signature(cast(Any, own)).parameters][1:] if made else [])
        told = found.parameters | (read(own.__doc__).parameters if getattr(own, "__doc__", None) and not fields else {})
        yield from (("", f"parameter {name}") for name in wanted if not name.startswith("_") and not told.get(name))
        if example and not found.examples:
            yield "", "an example"
    for name, member in vars(cls).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            if not (member.__doc__ or "").strip():
                yield name, "a docstring"
            continue
        function = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
        if inspect.isfunction(function):
            yield from ((name, missing) for missing in gaps(function))


def public() -> dict[str, tuple[Any, bool]]:
    """Return name → (function or class, whether an example is due), each object once, under its shortest name."""
    found: dict[str, tuple[Any, bool]] = {}
    seen: set[int] = set()
    for namespace in NAMESPACES:
        module = importlib.import_module(namespace)
        for name in module.__all__:
            try:
                thing = getattr(module, name)
            except ImportError:  # an extra that is not installed here
                continue
            if (inspect.isfunction(thing) or inspect.isclass(thing)) and id(thing) not in seen:
                seen.add(id(thing))
                found[f"{namespace}.{name}"] = (thing, namespace in WITH_EXAMPLES)
    waiting = [thing for thing, _ in found.values()]
    while waiting:  # what these return, and what that returns …
        for cls in given_by(waiting.pop()):
            if id(cls) not in seen:
                seen.add(id(cls))
                found[f"{cls.__module__}.{cls.__name__}"] = (cls, False)
                waiting.append(cls)
    return found


def given_by(thing: Any) -> Iterator[type]:
    """Yield the public classes of ours in the return annotation of a function, or in the annotations of a class."""
    if not thing.__module__.startswith("fractalman"):
        return
    texts: list[tuple[str, str]] = []
    for owner in thing.__mro__[:-1] if inspect.isclass(thing) else ():
        texts += [(owner.__module__, str(value)) for value in inspect.get_annotations(owner).values()]
    members = [value for name, value in vars(thing).items() if name[:1] != "_"] if inspect.isclass(thing) else [thing]
    for member in members:
        function = getattr(member, "fget", None) or getattr(member, "__func__", member)
        if inspect.isfunction(function):
            texts.append((function.__module__, str(function.__annotations__.get("return", ""))))
    for module, text in texts:
        names = imported(module)
        for name in re.findall(r"[A-Z]\w*", text):
            found = getattr(sys.modules.get(module), name, None)
            if found is None and names.get(name, "").startswith("fractalman"):
                found = getattr(importlib.import_module(names[name]), name, None)
            if inspect.isclass(found) and found.__module__.startswith("fractalman."):
                yield found


@functools.cache
def imported(module: str) -> dict[str, str]:
    """Return name → the module it comes from, of all imports of a module, those for type checkers too."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.asname or alias.name: str(node.module) for node in found for alias in node.names}


def check() -> tuple[list[Gap], Counter[str]]:
    """Return all gaps, and how many public functions and classes each package has."""
    found: list[Gap] = []
    counted: Counter[str] = Counter()
    for name, (thing, example) in public().items():
        parts = thing.__module__.split(".")
        if parts[0] != "fractalman":
            continue
        package = parts[1] if len(parts) > 1 else ""
        counted[package] += 1
        if inspect.isclass(thing):
            due = example and not issubclass(thing, BaseException)
            found += [
                Gap(package, ".".join(filter(None, (name, sub))), missing) for sub, missing in class_gaps(thing, due)
            ]
        else:
            found += [Gap(package, name, missing) for missing in gaps(thing, example)]
    return found, counted


def main() -> None:
    """Print the table, and the gaps if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="only these packages")
    parser.add_argument("--lines", action="store_true", help="print every gap")
    asked = parser.parse_args()
    found, counted = check()
    chosen = [gap for gap in found if not asked.packages or gap.package in asked.packages]
    if asked.lines:
        print("\n".join(f"{gap.name}: {gap.missing}" for gap in chosen))
    by_package = Counter(gap.package for gap in chosen)
    for package in sorted(asked.packages or counted):
        print(f"{package:14s} {counted[package]:4d} public {by_package[package]:5d} gaps")


if __name__ == "__main__":
    main()
