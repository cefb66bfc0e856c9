"""What a study of linearity found: exponents of local regressions beside those of their spectra, and closeness.

A local exponent is minus the least-squares slope of ln risk against ln n_s over one fragment's curve, n_s = 4 … N/2,
at the ridge of least risk by the law; the same of the predicted risks. The number of a replicate is the mean over its
fragments, intervals are Student's t over replicates: other splits, and of recipes other data, of trained networks other
initializations. Predicted and measured agree where their mean difference is at most `TOLERANCE` plus its half-width,
and that is at most `RESOLVED`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fractalman.display import log_axes
from fractalman.measure.scaling import student_t
from fractalman.studies.base import Row
from fractalman.studies.display import StudyResultDisplay, draw_lines
from fractalman.studies.linearity.closeness import CONTROLS
from fractalman.studies.linearity.spec import Linearity

TOLERANCE = 0.05
"""Difference of two exponents that counts as none: what rounding n_s to whole points and one spectrum leave open."""
RESOLVED = 0.2
"""Half-width of a difference above which it is no evidence for agreement, nor against."""
_LEAST_POINTS = 3  # of a curve whose slope is taken


@dataclass(frozen=True)
class LinearityResult(StudyResultDisplay):
    """A study of linearity.

    Parameters
    ----------
    study : Linearity
        What was asked.
    rows : list of Row
        Of all finished tasks.
    missing : int, default 0
        Tasks that are not finished.
    """

    study: Linearity
    rows: Sequence[Row]
    missing: int = 0

    def _findings(self) -> list[Row]:
        return [
            {key: row[key] for key in ("space", "target", "scale", "measured", "predicted")} for row in self.exponents
        ]

    def plot(self, ax: Any = None) -> Any:
        """Draw the measured exponents of local regressions against the scale; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With a line for each space and target, and 95 % intervals.
        """
        rows = [{**row, "curve": f"{row['space']}, {row['target']}"} for row in self.exponents]
        ax = draw_lines(ax, rows, "scale", "measured", "curve")
        log_axes(ax, "scale, points", "exponent of local regressions", "x")
        return ax

    def of(self, kind: str, **equal: Any) -> list[Row]:
        """Return the rows of a kind with these values.

        Parameters
        ----------
        kind : str
            "curve", "closeness" or "network".
        equal : object
            Column = value.

        Returns
        -------
        list of dict
            The rows.
        """
        return [r for r in self.rows if r["row"] == kind and all(r[key] == value for key, value in equal.items())]

    @cached_property
    def exponents(self) -> list[Row]:
        """A row per space, target and scale: exponents measured and predicted, their difference, and the risks' ratio.

        ``agrees`` says whether the exponents do; ``ratio`` is the geometric mean of measured over predicted risks over
        the curves' places with the best ridge, ``peak_ratio`` that of ridgeless risks where the law is finite.
        """
        curves: dict[tuple[Any, ...], list[Row]] = {}
        for row in self.of("curve"):
            curves.setdefault((row["space"], row["target"], row["scale"]), []).append(row)
        return [self._exponent(address, rows) for address, rows in curves.items()]

    def _exponent(self, address: tuple[Any, ...], rows: list[Row]) -> Row:
        out: Row = dict(zip(("space", "target", "scale"), address, strict=True))
        slopes: dict[int, list[tuple[float, float]]] = {}
        for (replicate, _), curve in _grouped(rows, "replicate", "fragment").items():
            best = [r for r in curve if r["ridge"] == "best" and r["risk"] > 0.0 and (r["predicted_risk"] or 0.0) > 0.0]
            if len(best) >= _LEAST_POINTS:
                pair = slope(best, "risk"), slope(best, "predicted_risk")
                slopes.setdefault(replicate, []).append(pair)
        means = np.array([np.mean(pairs, axis=0) for pairs in slopes.values()]).reshape(-1, 2)
        for name, values in (("measured", means[:, 0]), ("predicted", means[:, 1]),
                             ("difference", means[:, 0] - means[:, 1])):  # fmt: skip
            out[name], out[f"{name}_half_width"] = _interval(values)
        gap, half = out["difference"], out["difference_half_width"]
        told = gap is not None and half is not None and half <= RESOLVED
        out["agrees"] = bool(abs(gap) <= TOLERANCE + half) if told else None
        for name, ridge in (("ratio", "best"), ("peak_ratio", "none")):
            known = [r for r in rows if r["ridge"] == ridge and r["risk"] > 0.0 and (r["predicted_risk"] or 0.0) > 0.0]
            logs = [math.log(r["risk"] / r["predicted_risk"]) for r in known]
            out[name] = math.exp(float(np.mean(logs))) if logs else None
        out["fragments"] = len({(r["replicate"], r["fragment"]) for r in rows})
        return out

    @cached_property
    def closeness(self) -> list[Row]:
        """A row per step, space and scale: closeness with its half-width, beside both controls.

        ``local`` says whether the interval lies above 0 and above that of either control.
        """
        out = []
        groups = _grouped(self.of("closeness"), "step", "space", "scale")
        for (step, space, scale), rows in groups.items():
            entry: Row = {"step": step, "space": space, "scale": scale}
            for control, name in zip(CONTROLS, ("closeness", "random_fragments", "shuffled_labels"), strict=True):
                mine = [r for r in rows if r["control"] == control and r["closeness"] is not None]
                values = np.array([r["closeness"] for r in mine])
                entry[name], entry[f"{name}_half_width"] = _interval(values)
                if control == "none":
                    nearest = [r["nearest"] for r in mine]
                    entry["nearest"] = max(set(nearest), key=nearest.count) if nearest else None
                    for key in ("local", "global-ridge", "laplace-kernel", "random-network"):
                        entry[f"distance_{key}"] = float(np.mean([r[key] for r in mine])) if mine else None
            entry["is_local"] = _above(entry)
            out.append(entry)
        return out

    @cached_property
    def training(self) -> list[Row]:
        """A row per step and scale: the network's risk, and its part within the fragments, means over replicates."""
        out = []
        for (step, scale), rows in _grouped(self.of("network"), "step", "scale").items():
            entry: Row = {"step": step, "scale": scale}
            for name in ("risk", "risk_within", "variance", "variance_within"):
                entry[name], entry[f"{name}_half_width"] = _interval(np.array([r[name] for r in rows]))
            out.append(entry)
        return out

    @cached_property
    def dimensions(self) -> list[Row]:
        """A row per space: the intrinsic dimension of the points in it, mean over replicates, beside its units.

        ``error`` is the mean standard error of one replicate's, ``half_width`` is over replicates.
        """
        out = []
        for (space,), rows in _grouped(self.of("dimension"), "space").items():
            known = [row for row in rows if row["dimension"] is not None]
            mean, half = _interval(np.array([row["dimension"] for row in known]))
            error = float(np.mean([row["error"] for row in known])) if known else None
            entry: Row = {"space": space, "units": rows[0]["units"], "dimension": mean, "dimension_half_width": half}
            out.append({**entry, "error": error})
        return out

    @property
    def claims(self) -> list[Row]:
        """A row per space and scale: local exponents of the label and of the network's function, and closeness."""
        out = []
        last = self.study.steps[-1] if self.study.steps else 0
        for space, scale in dict.fromkeys((r["space"], r["scale"]) for r in [*self.closeness, *self.exponents]):
            row: Row = {"layer": space, "scale": scale}
            for target in ("label", "network"):
                found = next((r for r in self.exponents if (r["space"], r["target"], r["scale"]) ==
                              (space, target, scale)), {})  # fmt: skip
                for name in ("measured", "predicted", "difference", "difference_half_width", "agrees"):
                    row[f"{target}_{name}"] = found.get(name)
            close = next((r for r in self.closeness if (r["space"], r["scale"], r["step"]) == (space, scale, last)), {})
            for name in ("closeness", "closeness_half_width", "random_fragments", "shuffled_labels", "nearest"):
                row[name] = close.get(name)
            row["is_local"] = close.get("is_local")
            out.append(row)
        return out

    def to_dict(self) -> dict[str, Any]:
        """Return everything that was concluded, as plain values.

        Returns
        -------
        dict
            Plain JSON values.
        """
        return {
            "study": self.study.to_dict(), "missing": self.missing, "claims": self.claims, "exponents": self.exponents,
            "closeness": self.closeness, "training": self.training, "dimensions": self.dimensions,
        }  # fmt: skip


def slope(rows: Sequence[Row], key: str) -> float:
    """Return minus the least-squares slope of ln risk against ln n.

    Args:
        rows: of one curve. key: the column of the risk.
    """
    x, y = np.log([r["n"] for r in rows]), np.log([r[key] for r in rows])
    return -float(np.polyfit(x, y, 1)[0])


def _grouped(rows: Sequence[Row], *keys: str) -> dict[tuple[Any, ...], list[Row]]:
    out: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        out.setdefault(tuple(row[key] for key in keys), []).append(row)
    return out


def _interval(values: Any) -> tuple[float | None, float | None]:
    if not len(values):
        return None, None
    if len(values) < 2:
        return float(values[0]), None
    return float(np.mean(values)), student_t(len(values) - 1) * float(np.std(values, ddof=1)) / math.sqrt(len(values))


def _above(entry: Row) -> bool | None:
    value, half = entry["closeness"], entry["closeness_half_width"]
    if value is None or half is None:
        return None
    low = value - half
    controls = [
        entry[name] + (entry[f"{name}_half_width"] or 0.0)
        for name in ("random_fragments", "shuffled_labels")
        if entry[name] is not None
    ]
    return bool(low > max([0.0, *controls]))
