"""Tables with one column of losses for every run, or for every size, made long: a row for each loss.

A family of columns is told by its names alone, and only where no column is the loss by itself.
"""

from __future__ import annotations

import math
import re

import numpy as np

from fractalman.measure.cells import Cells, is_missing
from fractalman.measure.headers import KIND, ROLE_OF_KIND, recognised
from fractalman.measure.number_text import number

_RUN = re.compile(r"(?:seed|run|rep|repeat|replicate|trial|fold|s|r)?[\s_#.\-]*(\d+)", re.IGNORECASE)
_NAMED = re.compile(r"(seed|run|rep|repeat|replicate|trial|fold)[\s_#.\-]*(\d+)", re.IGNORECASE)
_EXPORTED = re.compile(r"(.+) - ([^-]+?)(__MIN|__MAX)?")


def lengthened(cells: Cells, mapped: bool) -> tuple[Cells, list[str]]:
    """Return a table with one row a loss, and what was made of its columns; the table itself where it is one already.

    Parameters
    ----------
    cells : Cells
        Of any table.
    mapped : bool
        Whether the caller named the loss's column: then nothing is changed.
    """
    roles = [ROLE_OF_KIND.get(found[0], found[0]) for name in cells.names if (found := recognised(name))]
    if mapped or len(cells.names) < 3:
        return cells, []
    for stem, run_of in _families(cells.names):
        alone = [name for name in cells.names if name not in run_of and _role(name) == "loss"]
        if len(run_of) < 2 or any(" - " not in name for name in alone) or (stem == "loss" and "loss" in roles):
            continue
        return _long(cells, stem, run_of)
    sizes = _sizes(cells.names)
    return (cells, []) if "loss" in roles or len(sizes) < 3 else _by_size(cells, sizes, roles)


def _sizes(names: tuple[str, ...]) -> dict[str, float]:
    """Columns named by a size, 1000, 70B or n=1000; none where the numbers count columns (0, 1, 2, …)."""
    found: dict[str, float] = {}
    for name in names:
        value = number(_of_axis(name)[1])
        if value is not None and math.isfinite(value) and value > 0:
            found[name] = value
    if len({_of_axis(name)[0] for name in found}) > 1:
        return {}
    counted = [float(k) for k in range(1, len(found) + 1)]
    return {} if "0" in names or list(found.values()) == counted else found


def _of_axis(name: str) -> tuple[str, str]:
    """What a name such as n=1000 or tokens: 2B says: axis and size; an axis of "" for a size alone."""
    stated = re.fullmatch(r"(.+?)\s*[=:@]\s*(\S.*)", name)
    role = _role(stated[1]) if stated else None
    return (role, stated[2]) if stated and role in ("n", "n_params", "n_data") else ("", name)


def _by_size(cells: Cells, sizes: dict[str, float], roles: list[str]) -> tuple[Cells, list[str]]:
    """A row for each loss of a table whose columns are sizes: data beside parameters, the reverse, else n."""
    beside = {"n_params": "n_data", "n_data": "n_params"}
    stated = _of_axis(next(iter(sizes)))[0]
    axis = stated or next((beside[role] for role in roles if role in beside), "n")
    kept = [at for at, name in enumerate(cells.names) if name not in sizes]
    rows, lines = [], []
    for row, line in zip(cells.rows, cells.lines.tolist(), strict=True):
        for name, size in sizes.items():
            cell = row[cells.names.index(name)]
            if not is_missing(cell):
                rows.append((*(row[at] for at in kept), size, cell))
                lines.append(line)
    names = (*(cells.names[at] for at in kept), axis, "loss")
    listed = ", ".join(list(sizes)[:3]) + (" …" if len(sizes) > 3 else "")
    said = [f"columns {listed} read as {axis}, their cells as the loss"]
    return Cells(cells.source, names, tuple(rows), np.array(lines, np.int64), cells.decimal_comma), said


def _role(name: str) -> str | None:
    found = recognised(name)
    return ROLE_OF_KIND.get(found[0], found[0]) if found else None


def _families(names: tuple[str, ...]) -> list[tuple[str, dict[str, str]]]:
    """Candidates: (what the columns hold, {column: run})."""
    stems: dict[str, dict[str, str]] = {}
    exported: dict[str, dict[str, str]] = {}
    bare: dict[str, str] = {}
    for name in names:
        wandb = _EXPORTED.fullmatch(name)
        if wandb and _role(wandb[2]) == "loss":
            if not wandb[3]:
                exported.setdefault(wandb[2], {})[name] = wandb[1]
            continue
        named = _NAMED.fullmatch(name)
        if named:
            bare[name] = named[2]
            continue
        ahead = re.fullmatch(_NAMED.pattern + r"[\s_#.\-/]+(.+)", name, re.IGNORECASE)
        if ahead and _role(ahead[3]) == "loss":
            stems.setdefault(ahead[3], {})[name] = ahead[2]
            continue
        ending = re.fullmatch(r"(.*?)[\s_.\-/(\[]+(" + _RUN.pattern + r")[)\]]?|(.*?[a-z])(\d+)", name, re.IGNORECASE)
        if ending is None or name.strip().lower() in KIND:
            continue
        stem, run = (ending[1], ending[3]) if ending[1] else (ending[4], ending[5])
        if stem and run and _role(stem) == "loss":
            stems.setdefault(stem, {})[name] = run
    return [*exported.items(), *stems.items(), ("loss", bare)]


def _long(cells: Cells, stem: str, run_of: dict[str, str]) -> tuple[Cells, list[str]]:
    others = [at for at, name in enumerate(cells.names) if name not in run_of]
    dropped = {at for at in others if re.search(r"__(MIN|MAX)$", cells.names[at])}
    kept = [at for at in others if at not in dropped and _role(cells.names[at]) != "seed"]
    places = [(cells.names.index(name), run) for name, run in run_of.items()]
    rows, lines = [], []
    for row, line in zip(cells.rows, cells.lines.tolist(), strict=True):
        for at, run in places:
            if not is_missing(row[at]):
                rows.append((*(row[k] for k in kept), row[at], run))
                lines.append(line)
    names = (*(cells.names[k] for k in kept), stem, "seed")
    listed = ", ".join(list(run_of)[:3]) + (" …" if len(run_of) > 3 else "")
    said = [f"{listed} read as {stem} of {len(run_of)} runs: errors are those between runs"]
    return Cells(cells.source, names, tuple(rows), np.array(lines, np.int64), cells.decimal_comma), said
