"""Which column of a published table is the loss, which the sizes: recognised by name or mapped, and always said.

A *role* is what a fit needs: loss, n, n_params, n_data, compute, unique, seed, trials. Other columns are left alone.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fractalman._typing import F64, I64, Bool
from fractalman.config import listed, shown
from fractalman.display import Display
from fractalman.errors import RecipeError, nearest
from fractalman.measure.cells import Cells, is_missing, plain
from fractalman.measure.curves import copies
from fractalman.measure.headers import ROLE_OF_KIND, logarithm, recognised
from fractalman.measure.number_text import number, size_in_name
from fractalman.measure.table_files import read_cells
from fractalman.measure.wide_tables import lengthened

ROLES = ("loss", "n", "n_params", "n_data", "compute", "unique", "seed", "trials")
AXES = ("n", "n_params", "n_data", "compute")
_ONLY_ALONE = ("r2", "log_likelihood")  # kinds that are a loss where no other column is one
_GAP = 20.0  # between the largest share and the smallest percentage, from which a column holds both


@dataclass(frozen=True)
class LossTable(Display):
    """Numbers by role, and what was made of the file.

    Parameters
    ----------
    source : str
        The file's name.
    column : dict of (rows,) float64
        By role; ``loss`` is a loss or an error rate.
    labels : (rows,) int64 or None
        The seed or group of each row, as numbers 0, 1, …
    label_names : tuple of str
        What those numbers are called in the file.
    lines : (rows,) int64
        Where each row stands in the file.
    header : dict of str
        The column's own name, by role.
    rates : bool
        Whether the loss is an error rate, between 0 and 1.
    said : tuple of str
        How columns were read and which rows were left out.
    warnings : tuple of str
        What was wrong with rows.
    others : dict of tuples
        Cells of the columns that no fit needs, by name.
    """

    source: str
    column: dict[str, F64]
    labels: I64 | None
    label_names: tuple[str, ...]
    lines: I64
    header: dict[str, str]
    rates: bool = False
    said: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    others: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def row(self, index: int) -> int:
        """Return the line of the file that row ``index`` came from."""
        return int(self.lines[index])


def is_loss_table(cells: Cells) -> bool:
    """Return whether a table looks like losses against sizes rather than like points with a target."""
    kinds = {kind for found in map(recognised, cells.names) if found for kind in [found[0]]}
    roles = {ROLE_OF_KIND.get(kind, kind) for kind in kinds}
    return (
        "loss" in roles and bool(roles & set(AXES)) and not {"y", "target", "label"} & {n.lower() for n in cells.names}
    )


def parse_mapping(text: str) -> dict[str, str]:
    """Return {role: column} from "loss=val_loss,n_params=N"; RecipeError for what is no such list."""
    out: dict[str, str] = {}
    for part in re.split(r",(?=\s*\w+\s*=)", text):  # names may hold commas: "acc,none"
        role, sign, name = (piece.strip() for piece in part.partition("="))
        if not sign or not name:
            raise RecipeError(
                f"--columns {text}: {shown(part)} found, expected role=column, e.g. loss=val_loss,n_params=N"
            )
        if role in out:
            raise RecipeError(f"--columns {text}: {role} is given twice; expected one column for each")
        out[role] = name
    return out


def read_losses(
    source: Any, columns: Mapping[str, str] | None = None, where: Mapping[str, str] | None = None
) -> LossTable:
    """Return the losses of a table with everything that a fit of them needs.

    Parameters
    ----------
    source : path or DataFrame
        As for `read_cells`.
    columns : dict, optional
        {role: column's name} for columns whose names say nothing. Roles: loss, n, n_params, n_data, compute, unique,
        seed, trials; also accuracy, error, perplexity and bits, which are turned into losses.
    where : dict, optional
        {column: value}: only rows with these values.

    Returns
    -------
    LossTable
        Rows without a positive size or a loss are left out, and their lines named.

    Raises
    ------
    RecipeError
        For columns that are absent, twice there, or could mean two things.
    """
    cells = read_cells(source)
    for name, value in (where or {}).items():
        cells = cells.where(name, value)
    mapped = {ROLE_OF_KIND.get(kind, kind) for kind in columns or {}}
    cells, widened = lengthened(cells, "loss" in mapped)
    chosen, said = _chosen(cells, dict(columns or {}))
    said = widened + said
    chosen = {role: (name, kind, _unit_once(cells, name, unit)) for role, (name, kind, unit) in chosen.items()}
    found = {}
    for role, (name, _, factor) in chosen.items():
        if role != "seed":
            values = _named_sizes(cells, name) if role in AXES else None
            beside: tuple[str, ...] = ()
            if values is None:
                values, beside = cells.read(name)
            else:
                said.append(f"sizes stand in the names under {name}: {cells.column(name)[0]!r} is {plain(values[0])}")
            found[role], how = _powered(cells, role, name, values, factor)
            said += [*beside, *how]
    header = {role: name for role, (name, _, _) in chosen.items()}
    loss, rates, how = _as_loss(cells, chosen["loss"], found["loss"], found.get("trials"))
    found["loss"] = loss
    said += how
    said += [
        f"{name} read as {role}" + (f", in units of {plain(factor)}" if factor != 1.0 else "")
        for role, (name, _, factor) in chosen.items()
        if name != role and not (role == "loss" and how)
    ]
    if "seed" in chosen and chosen["seed"][1] == "run" and not _runs_repeat(cells, chosen, found):
        del header["seed"]  # an id of every row is no seed
        said = [line for line in said if not line.startswith(f"{chosen['seed'][0]} read as seed")]
    alone = [name for name in cells.names if name not in header.values() and name]
    unused = [name for name in alone if "unique" not in header or recognised(name) != ("passes", 1.0)]
    if unused:
        said.append(f"left alone: {', '.join(unused[:12])}{' …' if len(unused) > 12 else ''}")
    labels, names = _labels(cells, header.get("seed"))
    sizes = [found[axis] for axis in AXES if axis in found]
    keep, warnings = np.ones(len(loss), np.bool_), []
    if len(sizes) == 1:
        keep = ~copies([*found.values(), *([] if labels is None else [labels]), *_kinds(cells, alone)])
        warnings = copied(cells.lines, keep)
    one_axis = labels is None and not alone and len(sizes) == 1 and "compute" not in found
    if one_axis and np.unique(sizes[0][keep]).size != keep.sum():  # else a table that was pasted twice
        labels, names = _repeated(sizes[0])
        if labels is not None:  # two runs may make the same number of errors
            said.append("rows of one size are its runs, in the file's order")
            keep, warnings = np.ones(len(loss), np.bool_), []
    for role, values in found.items():
        bad = ~np.isfinite(values) if role == "loss" else ~(np.isfinite(values) & (values > 0.0))
        fresh = np.flatnonzero(bad & keep)
        column = cells.column(header[role]) if header[role] in cells.names else []
        for i in fresh[:8].tolist():
            word = column[i] if column and isinstance(column[i], str) and column[i].strip() else plain(values[i])
            warnings.append(f"row {cells.lines[i]}: {header[role]} is {word}; left out")
        if fresh.size > 8:
            warnings.append(f"{fresh.size - 8} further rows have no usable {header[role]}; left out")
        keep &= ~bad
    if not keep.any():
        raise RecipeError(f"{cells.source}: no row is left ({'; '.join(warnings[:3])})")
    warnings += _mixtures(cells, alone)
    return LossTable(
        cells.source, {role: values[keep] for role, values in found.items()}, None if labels is None else labels[keep],
        names, cells.lines[keep], header, rates, tuple(said), tuple(warnings),
        {name: tuple(np.array(cells.column(name), object)[keep]) for name in alone},
    )  # fmt: skip


def _named_sizes(cells: Cells, name: str) -> F64 | None:
    """Sizes in names, as pythia-1.4b; None unless every cell is such a name."""
    column = cells.column(name)
    found = [size_in_name(cell) if isinstance(cell, str) else None for cell in column]
    return None if not found or None in found else np.array(found, np.float64)


def copied(lines: I64, keep: Bool) -> list[str]:
    """Say which rows copy others."""
    found = lines[~keep].tolist()
    if not found:
        return []
    rows = listed(found, 8)
    return [f"{len(found)} of {len(keep)} rows copy others, sizes and loss alike (rows {rows}): left out"]


def _kinds(cells: Cells, alone: list[str]) -> list[I64]:
    """Columns that tell kinds of rows apart, as numbers; not those that number the rows."""
    found = (np.unique([str(cell) for cell in cells.column(name)], return_inverse=True)[1] for name in alone)
    return [kind.astype(np.int64) for kind in found if np.unique(kind).size < len(cells.rows)]


def _unit_once(cells: Cells, name: str, unit: float) -> float:
    """The unit of a header, 1 where the cells state it themselves: 68.0% under "accuracy (%)" is .68."""
    if unit == 1.0:
        return unit
    stated = [cell for cell in cells.column(name) if isinstance(cell, str) and re.search(r"\d\s*[%a-z]+$", cell, re.I)]
    return 1.0 if stated else unit


def _powered(cells: Cells, role: str, name: str, values: F64, factor: float) -> tuple[F64, list[str]]:
    """A column in its unit, taken out of the logarithm that its header states."""
    inner, base = logarithm(name)
    if base is None:
        return values * factor, []
    if base == 0.0:
        raise RecipeError(
            f"{cells.source}: {shown(name)} is a logarithm to a base that it does not say; expected a name such as "
            f"log10_{inner} or ln_{inner}; rename the column"
        )
    with np.errstate(over="ignore"):
        its_base = "e" if base == math.e else f"{base:g}"
        return base**values * factor, [f"{name} read as {role}: {its_base} to its power"]


def _runs_repeat(cells: Cells, chosen: dict[str, tuple[str, str, float]], found: dict[str, F64]) -> bool:
    """Whether one run stands at several sizes, so that it may be a seed and is no number of the row."""
    sizes = [found[axis] for axis in AXES if axis in found]
    places: dict[str, set[tuple[float, ...]]] = {}
    for key, *size in zip(map(str, cells.column(chosen["seed"][0])), *sizes, strict=True):
        places.setdefault(key, set()).add(tuple(size))
    return 2 * sum(len(at) > 1 for at in places.values()) > len(places)


def _chosen(cells: Cells, wanted: dict[str, str]) -> tuple[dict[str, tuple[str, str, float]], list[str]]:
    """Return {role: (column, kind, factor)}."""
    kinds_of_role = {**{role: role for role in ROLES}, **ROLE_OF_KIND}
    names = [name for name in cells.names if name]
    chosen: dict[str, tuple[str, str, float]] = {}
    for kind, name in wanted.items():
        if kind not in kinds_of_role:
            allowed = [*ROLES, "accuracy", "error", "perplexity", "bits"]
            raise RecipeError(
                f"columns: {shown(kind)} is no role; expected {', '.join(allowed)}{nearest(kind, allowed)}"
            )
        if name not in cells.names:
            raise RecipeError(
                f"{cells.source} has no column {shown(name)}: expected {listed(names)}{nearest(name, names)}"
            )
        known = recognised(name)
        factor = known[1] if known else 1.0
        role = kinds_of_role[kind]
        if role == "loss" and kind == "loss" and known and kinds_of_role.get(known[0]) == "loss":
            kind = known[0]
        if role in chosen:
            raise RecipeError(f"columns: {shown(chosen[role][0])} and {shown(name)} are both the {role}; expected one")
        chosen[role] = (name, kind, factor)
    taken = {name for name, _, _ in chosen.values()}
    offered: dict[str, list[tuple[str, str, float]]] = {}
    steps: list[tuple[str, str, float]] = []
    for name in names:
        if name in taken:
            continue
        known = recognised(name)
        if known is None or known[0] == "passes":
            continue
        if known[0] == "step":
            steps.append((name, *known))
            continue
        offered.setdefault(kinds_of_role[known[0]], []).append((name, *known))
    losses = offered.get("loss", [])
    offered["loss"] = [found for found in losses if found[1] not in _ONLY_ALONE] or losses
    if not offered["loss"]:
        del offered["loss"]
    said: list[str] = []
    for role, found in offered.items():
        if role in chosen:
            continue
        exact = [entry for entry in found if entry[0] == role]
        if role == "seed" and not exact:  # a seed before the id of a run, which may count rows
            exact = [entry for entry in found if entry[1] == "seed"]
        if role == "loss" and not exact:
            exact = [entry for entry in found if not entry[0].endswith(("__MIN", "__MAX"))]
        if len(exact) == 1 and len(found) > 1:
            found = exact
        if len(found) > 1:
            several = " and ".join(repr(name) for name, _, _ in found[:4])
            raise RecipeError(
                f"{cells.source}: {several} can each be the {role}; use --columns {quoted(role, found[0][0])} to "
                "choose one"
            )
        chosen[role] = found[0]
    if not any(axis in chosen for axis in AXES) and len(steps) == 1:
        chosen["n"] = steps[0]
    known_as = {name.strip().lower().replace("_", " "): name for name in names}
    if "loss" not in chosen and set(known_as) == {"wall time", "step", "value"}:
        chosen["loss"] = (known_as["value"], "loss", 1.0)
        said.append("a scalar as TensorBoard exports it")
    letter = next((name for name in names if name.strip("$ ") == "L" and name not in taken), None)
    if "loss" not in chosen and letter and set(chosen) & set(AXES):
        layers = {number(cell, cells.decimal_comma) for cell in cells.column(letter)} <= {None, *range(1000)}
        chosen |= {} if layers else {"loss": (letter, "loss", 1.0)}
    if chosen.get("loss", ("", "", 1.0))[1].endswith("_count") and "trials" not in chosen:
        cases = [known_as[word] for word in ("total", "n total", "n items", "cases") if word in known_as]
        if len(cases) == 1:
            chosen["trials"] = (cases[0], "trials", 1.0)
    _suited(cells, chosen, names)
    return chosen, said


def quoted(role: str, name: str) -> str:
    """What a shell takes for role=name."""
    return shlex.quote(f"{role}={name}")


def _suited(cells: Cells, chosen: dict[str, tuple[str, str, float]], names: list[str]) -> None:
    """Refuse a table without a loss or an axis, and one with axes that do not go together."""
    if "loss" not in chosen:
        guess = next(
            (near for name in names for near in [nearest(name, ["loss", "accuracy", "perplexity"])] if near), ""
        )
        raise RecipeError(
            f"{cells.source} has columns {listed(names)} and none that is a loss; expected loss, nll, bpb, perplexity, "
            f"accuracy or error_rate; use --columns loss=NAME, or accuracy=NAME of a score whose best is 1{guess}"
        )
    axes = [axis for axis in AXES if axis in chosen]
    if not axes:
        named = next((name for name in names if _named_sizes(cells, name) is not None), None)
        mapped = quoted("n_params", named) + ", whose names hold sizes" if named else "n=NAME"
        raise RecipeError(
            f"{cells.source} has columns {listed(names)} and no sizes; expected n, or n_params and n_data, or compute; "
            f"use --columns {mapped}"
        )
    if "n" in axes and len(axes) > 1:
        other = [axis for axis in axes if axis != "n"]
        n, rest = chosen["n"][0], ", ".join(chosen[axis][0] for axis in other)
        fix = "n_data" if "n_data" not in axes else "n_params"
        raise RecipeError(
            f"{cells.source} has {shown(n)} beside {rest}: which size? use --columns {fix}={n} for a joint fit, or "
            f"rename the columns that do not matter"
        )


def _as_loss(
    cells: Cells, chosen: tuple[str, str, float], values: F64, trials: F64 | None
) -> tuple[F64, bool, list[str]]:
    """Turn counts, accuracies, error rates, perplexities and bits into what falls with size."""
    name, kind, factor = chosen
    if kind in ("error_count", "correct_count"):
        return _of_counts(cells, name, kind, values, trials)
    finite = values[np.isfinite(values)]
    if kind in _ONLY_ALONE:
        return _of_scores(cells, name, kind, values)
    if kind == "perplexity":
        if finite.size and finite.min() <= 1.0:
            line = cells.lines[int(np.argmin(np.where(np.isfinite(values), values, np.inf)))]
            raise RecipeError(f"{cells.source}, row {line}: {name} = {plain(finite.min())}; expected perplexities > 1")
        return np.log(values), False, [f"{name} read as a perplexity: its logarithm, the loss in nats, is fitted"]
    if kind == "bits":
        return values, False, [f"{name} read as a loss in bits: exponents are those of a loss in nats"]
    if kind not in ("accuracy", "error"):
        return values, False, []
    most = float(finite.max()) if finite.size else 0.0
    least = float(finite.min()) if finite.size else 0.0
    hundredth = 1.0
    if 1.0 < most <= 100.0 and factor == 1.0 and kind == "accuracy":
        hundredth = 0.01
    if kind == "error" and most > 1.0:
        if "rate" not in name.lower() and "top" not in name.lower():
            return values, False, []  # an error above 1 is a loss of some unit
        hundredth = 0.01 if most <= 100.0 and factor == 1.0 else 1.0
    if least < 0.0 or most * hundredth > 1.0:
        line = cells.lines[int(np.nanargmax(values) if most * hundredth > 1.0 else np.nanargmin(values))]
        worst = most if most * hundredth > 1.0 else least
        raise RecipeError(
            f"{cells.source}, row {line}: {name} = {plain(worst)}; expected a share from 0 to 1 or percent"
        )
    if hundredth != 1.0 and (finite <= 1.0).any() and finite[finite > 1.0].min() > _GAP * finite[finite <= 1.0].max():
        line, other = (
            int(cells.lines[int(np.nanargmax(np.where(among, values, -np.inf)))]) for among in (values > 1, values <= 1)
        )
        share = plain(finite[finite <= 1.0].max())
        raise RecipeError(
            f"{cells.source}, rows {other} and {line}: {name} is {share} and {plain(most)}: shares and percent in one "
            "column? expected one of them; write percent with a % sign"
        )
    shares = values * hundredth
    percent = " in percent" if hundredth != 1.0 else ""
    if kind == "accuracy":
        return 1.0 - shares, True, [f"{name} read as an accuracy{percent}: the error rate 1 − {name} is fitted"]
    return shares, True, [f"{name} read as an error rate{percent}"]


def _of_scores(cells: Cells, name: str, kind: str, values: F64) -> tuple[F64, bool, list[str]]:
    """What is missing to R² = 1 or to a log-likelihood of 0."""
    turned = 1.0 - values if kind == "r2" else -values
    if (turned < 0.0).any():
        line = cells.lines[int(np.nanargmin(turned))]
        most = "1" if kind == "r2" else "0"
        raise RecipeError(
            f"{cells.source}, row {line}: {name} = {plain(np.nanmax(values))}; expected at most {most}; if it is a "
            f"loss, use --columns {quoted('loss', name)}"
        )
    what = f"1 − {name}, the share of the variance that is not explained," if kind == "r2" else f"−{name}"
    return turned, False, [f"{what} is the loss"]


def _of_counts(cells: Cells, name: str, kind: str, values: F64, trials: F64 | None) -> tuple[F64, bool, list[str]]:
    """Error rates of counted errors, or of counted right answers, among test cases."""
    what = "errors" if kind == "error_count" else "right answers"
    if trials is None:
        raise RecipeError(
            f"{cells.source}: {shown(name)} counts {what}, and no column says among how many; expected one named "
            f"n_test, or use --columns trials=NAME; if it is a rate, use --columns error={name}"
        )
    usable = np.isfinite(values) & np.isfinite(trials)
    bad = usable & ~((values >= 0.0) & (values <= trials) & (values == np.rint(values)))
    if bad.any():
        row = int(np.argmax(bad))
        raise RecipeError(
            f"{cells.source}, row {cells.lines[row]}: {name} = {plain(values[row])} of {plain(trials[row])} cases; "
            f"expected whole numbers from 0 to the test cases; if it is a rate, use --columns error={name}"
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = values / trials
    said = f"{name} read as counts of {what}: the error rate among the test cases is fitted, with errors of counting"
    return (rates if kind == "error_count" else 1.0 - rates), True, [said]


def _labels(cells: Cells, name: str | None) -> tuple[I64 | None, tuple[str, ...]]:
    """Return a group number for each row; a row without a label is refused."""
    if name is None:
        return None, ()
    column = cells.column(name)
    for i, cell in enumerate(column):
        if is_missing(cell):
            raise RecipeError(
                f"{cells.source}, row {cells.lines[i]}: {name} is missing; expected a label in every row; give that "
                "row one, or leave the column out"
            )
    keys = []
    for cell in column:
        value = number(cell, cells.decimal_comma)
        keys.append(f"{value:g}" if value is not None and math.isfinite(value) else str(cell).strip())
    names = sorted(set(keys), key=lambda key: (number(key) is None, number(key) or 0.0, key))
    at = {key: i for i, key in enumerate(names)}
    return np.array([at[key] for key in keys], np.int64), tuple(names)


def _repeated(sizes: F64) -> tuple[I64 | None, tuple[str, ...]]:
    """Number the rows of every size, where each size stands there equally often, more than once."""
    _, where, count = np.unique(sizes, return_inverse=True, return_counts=True)
    if count.min() < 2 or np.ptp(count) > 0:
        return None, ()
    order = np.argsort(where, kind="stable")
    labels = np.empty(sizes.size, np.int64)
    labels[order] = np.arange(sizes.size) % count[0]
    return labels, tuple(str(k) for k in range(int(count[0])))


def _mixtures(cells: Cells, alone: list[str]) -> list[str]:
    """Say which text columns tell kinds of rows apart that are fitted together."""
    out = []
    for name in alone:
        values = {str(cell).strip() for cell in cells.column(name)}
        text = all(number(cell) is None or is_missing(cell) for cell in cells.column(name))
        if text and 1 < len(values) <= max(2, min(12, len(cells.rows) // 4)):
            shown = ", ".join(sorted(values)[:4])
            out.append(
                f"{name} has {len(values)} values ({shown}{' …' if len(values) > 4 else ''}), fitted together; use "
                f"--where {name}={min(values)} for one of them"
            )
    return out[:4]
