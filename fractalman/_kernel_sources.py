"""What a compiled kernel was made of: the text of its module and of all that this one imports from the package.

Numba compiles the functions that a kernel calls, and the numbers that its module holds, into the kernel, and notices a
change in the kernel's own file only. Both can come from nowhere but imports, so a digest of the text of everything
imported, at any remove, names what was compiled: where a byte of it differs, the digest does.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


def source(module: str) -> Path | None:
    """Return the file of a module of the package, or None where there is none of that name."""
    place = PACKAGE.parent.joinpath(*module.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def _imported(module: str, path: Path) -> set[str]:
    """Return the names that a module imports, in functions too; of ``from a import b`` both a.b and, if that is no
    module, a.
    """
    names: set[str] = set()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            parent = ".".join([*above, *([node.module] if node.module else [])])
            inside = parent.split(".")[0] == PACKAGE.name
            for name in (f"{parent}.{alias.name}" for alias in node.names):
                names.add(name if not inside or source(name) else parent)
    return names


@cache
def _files(module: str) -> frozenset[Path]:
    """Return what one import brings directly: the module's file; of a package everything in it, for it may load any."""
    path = source(module)
    if path is None:
        return frozenset()
    return frozenset(path.parent.rglob("*.py")) if path.name == "__init__.py" else frozenset({path})


def sources_of(module: str) -> frozenset[Path]:
    """Return the package's files whose text can be in what is compiled of a module's kernels, its own among them."""
    waiting, found = list(_files(module)), set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _needed(path)
    return frozenset(found)


@cache
def _needed(path: Path) -> frozenset[Path]:
    """Return the package's files that a file of it imports."""
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    inside = {module for module in _imported(name, path) if module.split(".")[0] == PACKAGE.name}
    return frozenset().union(*map(_files, inside))


@cache
def digest_of(module: str) -> str | None:
    """Return a digest of `sources_of` a module, or None where the module is no file of this package."""
    files = sources_of(module) if module.split(".")[0] == PACKAGE.name else frozenset()
    if not files:
        return None
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(files):
        text = path.read_bytes()
        digest.update(f"{path.relative_to(PACKAGE).as_posix()} {len(text)} ".encode())
        digest.update(text)
    return digest.hexdigest()
