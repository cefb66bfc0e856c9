"""What a study of recovery finds: rows, their means over replicates, and predicted beside measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fractalman.measure.scaling import student_t
from fractalman.studies.base import Row
from fractalman.studies.display import MeansDisplay, draw_lines
from fractalman.studies.recovery.spec import RecoveryStudySpec
from fractalman.studies.recovery.width import WidthVerdict, width_verdicts

KEYS = ("dictionary", "width", "sparsity", "quantity", "scale")
COLUMNS = (
    "mcc", "chance-mcc", "best-f1", "chance-best-f1", "l0", "error", "error-faithful", "error-nested",
    "error-selected", "error-path", "error-wide", "error-rank", "found", "found-wide", "found-order", "absorbed",
    "composed", "chance-composition", "predicted-absorbed", "dead", "label-points", "label-kept",
)  # fmt: skip


@dataclass(frozen=True)
class RecoveryResult(MeansDisplay):
    """A study of recovery.

    Parameters
    ----------
    study : RecoveryStudySpec
        What was asked.
    rows : list of Row
        One number per dictionary, width, sparsity, replicate, quantity and scale.
    missing : int, default 0
        Tasks that are not finished.
    """

    study: RecoveryStudySpec
    rows: list[Row]
    missing: int = 0

    def _findings(self) -> list[Row]:
        shown = ("dictionary", "width", "sparsity", "mcc", "chance_mcc", "error")
        return [{key: claim.get(key) for key in shown} for claim in self.claims]

    def plot(self, ax: Any = None) -> Any:
        """Draw the recovery of every dictionary against its sparsity; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With a line for each dictionary and width, and 95 % intervals.
        """
        rows = [{**claim, "curve": f"{claim['dictionary']}, {claim['width']}"} for claim in self.claims]
        ax = draw_lines(ax, rows, "sparsity", "mcc", "curve")
        ax.set(xlabel="sparsity: units a point, or penalty", ylabel="mean maximum cosine (MCC)")
        return ax

    @cached_property
    def means(self) -> list[Row]:
        """Means over replicates with half of their 95 % intervals (Student's t); None with fewer than two."""
        groups: dict[tuple[Any, ...], list[Row]] = {}
        for row in self.rows:
            groups.setdefault(tuple(row[key] for key in KEYS), []).append(row)
        return [{**dict(zip(KEYS, key, strict=True)), **_mean(group)} for key, group in groups.items()]

    @cached_property
    def claims(self) -> list[Row]:
        """A row per dictionary, width and sparsity: scores, chance levels, errors predicted and measured."""
        table: dict[tuple[Any, ...], Row] = {}
        for row in self.means:
            if row["quantity"] in COLUMNS:
                key = (row["dictionary"], row["width"], row["sparsity"])
                own = table.setdefault(key, dict(zip(("dictionary", "width", "sparsity"), key, strict=True)))
                name = row["quantity"].replace("-", "_")
                own[name], own[f"{name}_half_width"] = row["number"], row["half_width"]
        return list(table.values())

    @cached_property
    def width_verdicts(self) -> list[WidthVerdict]:
        """Exponents in the width, measured and predicted, by dictionary and sparsity, where there are three widths."""
        return width_verdicts(self.rows)

    @property
    def below_least(self) -> list[Row]:
        """Claims whose error lies below the least of units that fire by membership: theirs must fire by magnitude.

        Below by more than the joint half-width; without replicates none can be named. Codes of either sign (PCA, ICA)
        are beyond the prediction and left out.
        """
        found = []
        for claim in self.claims:
            if claim["dictionary"] in ("pca", "ica"):
                continue
            parts = [claim[f"{name}_half_width"] for name in ("error", "error_path")]
            if None in parts or None in (claim["error"], claim["error_path"]):
                continue
            if claim["error"] + math.hypot(*parts) < claim["error_path"]:
                found.append(claim)
        return found


def _mean(group: Sequence[Row]) -> Row:
    numbers = np.array([row["number"] for row in group if row["number"] is not None])
    counts = [row["count"] for row in group if row["count"] is not None]
    m = numbers.size
    half = student_t(m - 1) * float(numbers.std(ddof=1)) / math.sqrt(m) if m > 1 else None
    return {
        "x": group[0]["scale"],
        "place": group[0]["scale"],
        "number": float(numbers.mean()) if m else None,
        "half_width": half,
        "replicates": int(m),
        "count": sum(counts) if counts else None,
    }
