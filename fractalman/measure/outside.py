"""What an HDF5 file takes from other files: external links, virtual datasets, external storage; refused by name.

A file that somebody sent may point anywhere on the machine that opens it, and numbers that are not in the file that was
named are not what was measured.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fractalman.config import summary
from fractalman.errors import RecipeError


def outside(loaded: Any) -> dict[str, str]:
    """Return name → where its values lie, of everything in an open HDF5 file that is not in the file itself.

    Parameters
    ----------
    loaded : h5py.File
        Open for reading; no external link is followed, and no value is read.
    """
    import h5py

    found: dict[str, str] = {}
    seen: set[Any] = set()
    todo: list[tuple[str, Any]] = [("", loaded)]
    while todo:
        above, group = todo.pop()
        for key in group:
            name, link = f"{above}{key}", group.get(key, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                found[name] = f"a link to {link.filename!r}"
            if not isinstance(link, h5py.HardLink):  # a soft link leads to what has a name of its own, or nowhere
                continue
            node = group[key]
            address = h5py.h5o.get_info(node.id).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(node, h5py.Group):
                todo.append((f"{name}/", node))
            elif isinstance(node, h5py.Dataset):
                elsewhere = _elsewhere(node)
                if elsewhere:
                    found[name] = elsewhere
    return found


def refuse_outside(file: Path, loaded: Any) -> None:
    """Raise RecipeError naming everything in an open HDF5 file whose values lie in other files."""
    problems = [
        f"{file}: {name} is {where}, in another file: expected a file that holds its own values; use a copy made with "
        "its links expanded"
        for name, where in outside(loaded).items()
    ]
    if problems:
        raise RecipeError(summary(problems))


def _elsewhere(stored: Any) -> str:
    if stored.external:
        return f"stored in {str(stored.external[0][0])!r}"
    if stored.is_virtual:
        others = [source.file_name for source in stored.virtual_sources() if source.file_name != "."]
        if others:
            return f"a view of {str(others[0])!r}"
    return ""
