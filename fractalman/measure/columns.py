"""Which column of a published table is the loss, which the sizes: recognised by name or mapped, and always said.

A *role* is what a fit needs: loss, n, n_params, n_data, compute, unique, seed, trials. Other columns are left alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fractalman._typing import F64, I64
from fractalman.display import Display
from fractalman.errors import RecipeError, nearest
from fractalman.measure.cells import Cells, is_missing, number, plain
from fractalman.measure.table_files import read_cells

ROLES = ("loss", "n", "n_params", "n_data", "compute", "unique", "seed", "trials")
AXES = ("n", "n_params", "n_data", "compute")

_SYNONYMS: dict[str, str] = {
    "loss": "loss final_loss test_loss val_loss valid_loss validation_loss eval_loss train_loss training_loss nll ce "
    "ce_loss cross_entropy cross_entropy_loss xent lm_loss mse rmse risk test_nll val_nll test_mse test_risk",
    "bits": "bpb bits_per_byte bpc bits_per_char bits_per_character bits_per_token val_bpb test_bpb",
    "perplexity": "perplexity ppl val_ppl test_ppl val_perplexity test_perplexity",
    "accuracy": "accuracy acc test_accuracy test_acc val_accuracy val_acc top1 top_1 top1_accuracy top_1_accuracy",
    "error": "error err error_rate test_error val_error test_error_rate top1_error misclassification",
    "n": "n size sizes n_train train_size training_size n_samples num_samples samples n_examples num_examples examples "
    "dataset_size n_points points",
    "n_params": "n_params params N parameters param_count parameter_count parameters_count num_params num_parameters "
    "n_parameters model_params model_parameters model_size size_params non_embedding_params nonembedding_params "
    "non_embedding_parameters total_params model_n_params",
    "n_data": "n_data D tokens n_tokens num_tokens token_count training_tokens train_tokens total_tokens tokens_seen "
    "dataset_tokens data_size training_data tokens_trained",
    "compute": "compute C flop flops total_flop total_flops train_flop train_flops training_flop training_flops "
    "training_compute compute_flops compute_flop budget compute_budget flop_budget flops_budget gflops total_gflops "
    "tflops total_tflops pflops exaflops pf_days petaflop_days",
    "unique": "unique unique_tokens n_unique unique_data unique_n_data",
    "seed": "seed seeds replicate rep random_seed run_seed repeat",
    "trials": "trials n_test test_size test_examples n_test_examples num_test",
    "step": "step steps iteration iterations iter train_steps training_steps num_steps",
}
_KIND = {word: kind for kind, words in _SYNONYMS.items() for word in words.split()}
_ROLE_OF_KIND = {"bits": "loss", "perplexity": "loss", "accuracy": "loss", "error": "loss", "step": "n"}
_UNITS = {
    "k": 1e3, "thousand": 1e3, "thousands": 1e3, "m": 1e6, "million": 1e6, "millions": 1e6, "mn": 1e6, "b": 1e9,
    "bn": 1e9, "g": 1e9, "billion": 1e9, "billions": 1e9, "t": 1e12, "trillion": 1e12, "trillions": 1e12,
    "gflop": 1e9, "gflops": 1e9, "tflop": 1e12, "tflops": 1e12, "pflop": 1e15, "pflops": 1e15, "petaflop": 1e15,
    "petaflops": 1e15, "eflop": 1e18, "eflops": 1e18, "exaflop": 1e18, "exaflops": 1e18, "zflop": 1e21, "zflops": 1e21,
    "pf_days": 8.64e19, "pf_day": 8.64e19, "petaflop_days": 8.64e19, "petaflop_s_days": 8.64e19, "%": 1e-2,
    "percent": 1e-2, "flop": 1.0, "flops": 1.0, "tokens": 1.0, "nats": 1.0, "params": 1.0, "parameters": 1.0,
}  # fmt: skip
_BARE_UNIT = {"k", "m", "b", "bn", "t", "g", "thousand", "million", "billion", "trillion"}
_BARE_UNIT |= {"thousands", "millions", "billions", "trillions"}


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

    def row(self, index: int) -> int:
        """Return the line of the file that row ``index`` came from."""
        return int(self.lines[index])


def recognised(name: str) -> tuple[str, float] | None:
    """Return what a header means and the factor of its unit; None for a column that is nobody's business.

    Examples
    --------
    >>> recognised("Training Tokens (B)"), recognised("val_loss"), recognised("optimizer")
    (('n_data', 1000000000.0), ('loss', 1.0), None)
    """
    text, factor = name.strip(), 1.0
    unit = re.fullmatch(r"(.*?)\s*[(\[]\s*(?:in\s+)?([^()\[\]]+?)\s*[)\]]", text)
    if unit:
        word = _plain_word(unit[2])
        if word in _UNITS:
            text, factor = unit[1], _UNITS[word]
        else:
            inner = [w for w in word.split("_") if w in _BARE_UNIT]
            if len(inner) == 1:
                factor = _UNITS[inner[0]]
            text = unit[1]
    elif text in _KIND:  # N, D and C are capital letters: n and d are others
        return _KIND[text], factor * _implied(text)
    for candidate in (text, text.rsplit("/", 1)[-1]):
        if candidate in _KIND:
            return _KIND[candidate], factor * (_implied(candidate) if factor == 1.0 else 1.0)
        word = _plain_word(candidate)
        if len(word) > 1 and word in _KIND:
            kind = _KIND[word]
            return kind, factor * (_implied(word) if factor == 1.0 else 1.0)
        head, _, tail = word.rpartition("_")
        if tail in _BARE_UNIT and len(head) > 1 and head in _KIND and _KIND[head] in ("n_params", "n_data", "unique"):
            return _KIND[head], _UNITS[tail]
        if candidate != text and word.endswith("_loss"):
            return "loss", 1.0
    return None


def _plain_word(text: str) -> str:
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", text.strip())
    return re.sub(r"[^a-z0-9%]+", "_", text.lower()).strip("_")


def _implied(word: str) -> float:
    """The unit that a name itself states, as in total_gflops."""
    last = word.rsplit("_", 1)[-1]
    if word in ("pf_days", "petaflop_days"):
        return 8.64e19
    return _UNITS.get(last, 1.0) if last not in _BARE_UNIT else 1.0


def is_loss_table(cells: Cells) -> bool:
    """Return whether a table looks like losses against sizes rather than like points with a target."""
    kinds = {kind for found in map(recognised, cells.names) if found for kind in [found[0]]}
    roles = {_ROLE_OF_KIND.get(kind, kind) for kind in kinds}
    return (
        "loss" in roles and bool(roles & set(AXES)) and not {"y", "target", "label"} & {n.lower() for n in cells.names}
    )


def parse_mapping(text: str) -> dict[str, str]:
    """Return {role: column} from "loss=val_loss,n_params=N"; RecipeError for what is no such list."""
    out: dict[str, str] = {}
    for part in text.split(","):
        role, sign, name = (piece.strip() for piece in part.partition("="))
        if not sign or not name:
            raise RecipeError(f"--columns {text}: {part!r} found, expected role=column, e.g. loss=val_loss,n_params=N")
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
    chosen, said = _chosen(cells, dict(columns or {}))
    chosen = {role: (name, kind, _unit_once(cells, name, unit)) for role, (name, kind, unit) in chosen.items()}
    found = {role: cells.numbers(name) * factor for role, (name, _, factor) in chosen.items() if role != "seed"}
    header = {role: name for role, (name, _, _) in chosen.items()}
    loss, rates, how = _as_loss(cells, chosen["loss"], found["loss"])
    found["loss"] = loss
    said += how
    said += [
        f"{name} read as {role}" + (f", in units of {plain(factor)}" if factor != 1.0 else "")
        for role, (name, _, factor) in chosen.items()
        if name != role and not (role == "loss" and how)
    ]
    alone = [name for name in cells.names if name not in header.values() and name]
    if alone:
        said.append(f"left alone: {', '.join(alone[:12])}{' …' if len(alone) > 12 else ''}")
    labels, names = _labels(cells, header.get("seed"))
    keep = np.ones(len(loss), np.bool_)
    warnings = []
    for role, values in found.items():
        bad = ~np.isfinite(values) if role == "loss" else ~(np.isfinite(values) & (values > 0.0))
        fresh = np.flatnonzero(bad & keep)
        for i in fresh[:8].tolist():
            warnings.append(f"row {cells.lines[i]}: {header[role]} is {plain(values[i])}; left out")
        if fresh.size > 8:
            warnings.append(f"{fresh.size - 8} further rows have no usable {header[role]}; left out")
        keep &= ~bad
    if not keep.any():
        raise RecipeError(f"{cells.source}: no row is left ({'; '.join(warnings[:3])})")
    warnings += _mixtures(cells, alone)
    return LossTable(
        cells.source, {role: values[keep] for role, values in found.items()}, None if labels is None else labels[keep],
        names, cells.lines[keep], header, rates, tuple(said), tuple(warnings),
    )  # fmt: skip


def _unit_once(cells: Cells, name: str, unit: float) -> float:
    """The unit of a header, 1 where the cells state it themselves: 68.0% under "accuracy (%)" is .68."""
    if unit == 1.0:
        return unit
    stated = [cell for cell in cells.column(name) if isinstance(cell, str) and re.search(r"\d\s*[%a-z]+$", cell, re.I)]
    return 1.0 if stated else unit


def _chosen(cells: Cells, wanted: dict[str, str]) -> tuple[dict[str, tuple[str, str, float]], list[str]]:
    """Return {role: (column, kind, factor)}."""
    kinds_of_role = {**{role: role for role in ROLES}, **_ROLE_OF_KIND}
    names = [name for name in cells.names if name]
    chosen: dict[str, tuple[str, str, float]] = {}
    for kind, name in wanted.items():
        if kind not in kinds_of_role:
            allowed = [*ROLES, "accuracy", "error", "perplexity", "bits"]
            raise RecipeError(f"columns: {kind!r} is no role; expected {', '.join(allowed)}{nearest(kind, allowed)}")
        if name not in cells.names:
            raise RecipeError(
                f"{cells.source} has no column {name!r}: expected {', '.join(names)}{nearest(name, names)}"
            )
        known = recognised(name)
        factor = known[1] if known else 1.0
        role = kinds_of_role[kind]
        if role == "loss" and kind == "loss" and known and kinds_of_role[known[0]] == "loss":
            kind = known[0]
        if role in chosen:
            raise RecipeError(f"columns: {chosen[role][0]!r} and {name!r} are both the {role}; expected one")
        chosen[role] = (name, kind, factor)
    taken = {name for name, _, _ in chosen.values()}
    offered: dict[str, list[tuple[str, str, float]]] = {}
    steps: list[tuple[str, str, float]] = []
    for name in names:
        if name in taken:
            continue
        known = recognised(name)
        if known is None:
            continue
        if known[0] == "step":
            steps.append((name, *known))
            continue
        offered.setdefault(kinds_of_role[known[0]], []).append((name, *known))
    said: list[str] = []
    for role, found in offered.items():
        if role in chosen:
            continue
        exact = [entry for entry in found if entry[0] == role]
        if len(exact) == 1 and len(found) > 1:
            found = exact
        if len(found) > 1:
            listed = " and ".join(repr(name) for name, _, _ in found[:4])
            raise RecipeError(
                f"{cells.source}: {listed} can each be the {role}; use --columns {role}={found[0][0]} to choose one"
            )
        chosen[role] = found[0]
    if not any(axis in chosen for axis in AXES) and len(steps) == 1:
        chosen["n"] = steps[0]
    _suited(cells, chosen, names)
    return chosen, said


def _suited(cells: Cells, chosen: dict[str, tuple[str, str, float]], names: list[str]) -> None:
    """Refuse a table without a loss or an axis, and one with axes that do not go together."""
    listed = ", ".join(names[:20])
    if "loss" not in chosen:
        guess = next(
            (near for name in names for near in [nearest(name, ["loss", "accuracy", "perplexity"])] if near), ""
        )
        raise RecipeError(
            f"{cells.source} has columns {listed} and none that is a loss; expected loss, nll, bpb, perplexity, "
            f"accuracy or error_rate; use --columns loss=NAME{guess}"
        )
    axes = [axis for axis in AXES if axis in chosen]
    if not axes:
        raise RecipeError(
            f"{cells.source} has columns {listed} and no sizes; expected n, or n_params and n_data, or compute; use "
            "--columns n=NAME"
        )
    if "n" in axes and len(axes) > 1:
        other = [axis for axis in axes if axis != "n"]
        n, rest = chosen["n"][0], ", ".join(chosen[axis][0] for axis in other)
        fix = "n_data" if "n_data" not in axes else "n_params"
        raise RecipeError(
            f"{cells.source} has {n!r} beside {rest}: which size is it? use --columns {fix}={n} for a joint fit, or "
            f"rename the columns that do not matter"
        )


def _as_loss(cells: Cells, chosen: tuple[str, str, float], values: F64) -> tuple[F64, bool, list[str]]:
    """Turn accuracies, error rates, perplexities and bits into what falls with size."""
    name, kind, factor = chosen
    finite = values[np.isfinite(values)]
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
    shares = values * hundredth
    percent = " in percent" if hundredth != 1.0 else ""
    if kind == "accuracy":
        return 1.0 - shares, True, [f"{name} read as an accuracy{percent}: the error rate 1 − {name} is fitted"]
    return shares, True, [f"{name} read as an error rate{percent}"]


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
