"""What a granularity study found: shares of the label variance at every scale, risks, curves, linear regressions.

The shares at one cut, of the variance V of the unseen points' labels, add to one by construction:

    between    = (V − W)/V        W = mean (y − ȳ_f)², what is left within the fragments f
    linear     = (W − W_1)/V      W_1 = least part within of all that is linear in a fragment: nothing, the global
                                  ridge, local ridge at this scale and at coarser ones
    nonlinear  = (W_1 − W_2)/V    W_2 = least of W_1 and of all other learners: k-NN, kernels, networks, and the ridges
                                  that know finer cuts
    unreached  = (W_2 − W_3)/V    W_3 = what the posterior mean of all training labels leaves: the Bayes floor
    floor      = W_3/V            what nobody can get

Within an error it is Σ(e − ē_f)²/T, e = y − ŷ, the same mean over the same points as of the label. Without a known law
of the labels W_3 is not known: floor is None, and ``unreached`` is all that no learner here gets. Labels that are
drawn at random, independent of the points, have shares as well: means of few points differ, and of F fragments that
hold T unseen points ``between`` is (F − 1)/(T − 1) by chance; what is left is nobody's, and the learners' two are 0.
``…_chance`` says so of every share, ``…_above_chance`` is the share less it. Who is least is
decided once for all replicates, by the mean over them. The expected shares are the same of expected errors. Of
``nonlinear``, ``finer_linear`` is what the ridges that know finer cuts get, and ``alone`` what learners get that know
no cut at all; neither need be the other's rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fractalman._typing import F64
from fractalman.display import log_axes
from fractalman.errors import FitError
from fractalman.measure.scaling import fit_power_law, student_t
from fractalman.studies.base import Row
from fractalman.studies.display import StudyResultDisplay, draw_lines
from fractalman.studies.granularity.fits import FLOOR, NOTHING
from fractalman.studies.granularity.spec import Granularity

NORMAL = 1.96
"""Standard errors of a 95 % half-width."""
SHARES = ("between", "linear", "nonlinear", "unreached", "floor")


@dataclass(frozen=True)
class GranularityResult(StudyResultDisplay):
    """All rows of a study and what follows from them.

    Parameters
    ----------
    study : Granularity
        What was asked.
    rows : list of Row
        Of all finished tasks, in the order of the tasks.
    missing : int, default 0
        Tasks still to do.
    """

    study: Granularity
    rows: Sequence[Row]
    missing: int = 0

    def _findings(self) -> list[Row]:
        return [{key: row.get(key) for key in ("scale", *SHARES)} for row in self.shares]

    def plot(self, ax: Any = None) -> Any:
        """Draw the shares of the labels' variance against the scale, with 95 % intervals; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing.
        """
        rows = [
            {"share": name, "scale": row["scale"], "value": row[name], "value_half_width": row[f"{name}_half_width"]}
            for row in self.shares
            for name in SHARES
        ]
        ax = draw_lines(ax, rows, "scale", "value", "share")
        log_axes(ax, "scale, points", "share of the variance", "x")
        return ax

    def of(self, kind: str, **equal: Any) -> list[Row]:
        """Return the rows of a kind with these values.

        Parameters
        ----------
        kind : str
            "labels", "risk", "curve" or "linear".
        equal : object
            Column = value.

        Returns
        -------
        list of dict
            The rows.
        """
        return [r for r in self.rows if r["row"] == kind and all(r[key] == value for key, value in equal.items())]

    @cached_property
    def scales(self) -> tuple[int, ...]:
        """The cuts, rising; the last is the whole."""
        return tuple(sorted({row["scale"] for row in self.of("labels")}))

    @cached_property
    def table(self) -> list[Row]:
        """Risks: one row a learner, scale of its own (None = it knows no cut) and cut, means over the replicates.

        ``half_width`` is that of the 95 % interval, Student's t over the replicates; None of a single one.
        ``risk_share`` is the mean risk over the mean variance of the unseen points' labels: replicates whose labels
        vary more do not widen its interval.
        """
        out = []
        variances = {
            key: {row["replicate"]: row[name] for row in self.of("labels")}
            for key, name in (("risk", "variance"), ("expected_risk", "expected_variance"))
        }
        for learner, own in dict.fromkeys((r["learner"], r["own_scale"]) for r in self.of("risk")):
            for scale in self.scales:
                rows = self.of("risk", learner=learner, own_scale=own, scale=scale)
                entry: Row = {"learner": learner, "own_scale": own, "scale": scale, "replicates": len(rows)}
                for key in ("risk", "within", "expected_risk", "expected_within"):
                    mean, half = mean_and_half_width([r[key] for r in rows])
                    entry |= {key: mean, f"{key}_half_width": half}
                for key, variance in variances.items():
                    whole = [variance[r["replicate"]] for r in rows]
                    entry |= _share_of([r[key] for r in rows], whole, f"{key}_share")
                out.append(entry)
        return out

    @cached_property
    def shares(self) -> list[Row]:
        """One row a scale: the five shares, their 95 % half-widths, what was expected, and who is least."""
        return [self._shares_at(scale) for scale in self.scales]

    def _shares_at(self, scale: int) -> Row:
        labels = self.of("labels", scale=scale)
        out: Row = {"scale": scale, "variance": float(np.mean([r["variance"] for r in labels]))}
        out["fragments"] = float(np.mean([r["fragments"] for r in labels]))
        out["seen"] = float(np.mean([r["seen"] for r in labels]))
        for prefix in ("", "expected_"):
            ladder = self._ladder(scale, labels, prefix)
            for name in SHARES:
                value, half = (None, None) if ladder is None else ladder[name]
                out[f"{prefix}{name}"] = value
                if not prefix:
                    out[f"{name}_half_width"] = half
                    out |= self._above_chance(name, value, half, labels)
            if not prefix and ladder is not None:
                out |= {"linear_learner": ladder["who"][0], "nonlinear_learner": ladder["who"][1]}
                out |= {"finer_linear": ladder["finer_linear"], "alone": ladder["alone"]}
        return out

    def _above_chance(self, name: str, value: float | None, half: float | None, labels: list[Row]) -> Row:
        """Return a share's value under random labels, the share less it, and the half-width of the difference.

        The replicates of a recipe have their own labels, and their scatter is the whole error. Splits of a file share
        theirs: the scatter of the share over random labels is added.
        """
        T = int(self.study.values["test_size"])
        F = float(np.mean([row["fragments"] for row in labels]))
        between = (F - 1.0) / (T - 1.0)
        nobody = self.floor_known
        chance = {"between": between, "floor" if nobody else "unreached": 1.0 - between}.get(name, 0.0)
        if value is None:
            return dict.fromkeys((f"{name}_chance", f"{name}_above_chance", f"{name}_above_chance_half_width"))
        if half is not None and not self.study.source.redraws and chance > 0.0:
            drawn = 2.0 * (F - 1.0) * (T - F) / ((T - 1.0) ** 2 * (T + 1.0))  # of Beta((F − 1)/2, (T − F)/2)
            half = math.hypot(half, NORMAL * math.sqrt(max(0.0, drawn)))
        return {
            f"{name}_chance": chance,
            f"{name}_above_chance": value - chance,
            f"{name}_above_chance_half_width": half,
        }

    @property
    def floor_known(self) -> bool:
        """Whether the labels' law, and with it the Bayes floor, is known."""
        return bool(self.of("risk", learner=FLOOR))

    def _ladder(self, scale: int, labels: list[Row], prefix: str) -> dict[str, Any] | None:
        """Return share → (value, half-width), who is least, and how much of ``nonlinear`` finer ridges get."""
        within: dict[tuple[str, int | None], F64] = {}
        for row in self.of("risk", scale=scale):
            value = row[f"{prefix}within"]
            if value is not None:
                address = (row["learner"], row["own_scale"])
                within.setdefault(address, np.full(len(labels), np.nan))[row["replicate"]] = value
        within = {address: column for address, column in within.items() if np.isfinite(column).all()}
        W = _column(labels, f"{prefix}within")
        V = _column(labels, f"{prefix}variance")
        if W is None or V is None:
            return None
        linear: dict[tuple[str, int | None], F64] = {(NOTHING, None): W}
        finer, others = dict(linear), dict(linear)
        for (name, own), column in within.items():
            if name == FLOOR:
                continue
            if name == "ridge" or (name == "local-ridge" and own is not None and own >= scale):
                linear[name, own] = column
            elif own is not None and own < scale:
                finer[name, own] = column
            elif own is None:
                others[name, own] = column
        first = min(linear, key=lambda a: float(linear[a].mean()))
        candidates = {first: linear[first], **others, **finer}
        second = min(candidates, key=lambda a: float(candidates[a].mean()))
        least = float(linear[first].mean())
        floor = within.get((FLOOR, None))
        steps = [
            V,
            W,
            linear[first],
            candidates[second],
            np.zeros_like(V) if floor is None else floor,
            np.zeros_like(V),
        ]
        found: dict[str, Any] = {
            name: share(above - below, V) for name, above, below in zip(SHARES, steps, steps[1:], strict=False)
        }
        if floor is None:
            found["floor"] = (None, None)
        found["who"] = (_called(first), _called(second))
        for name, group in (("finer_linear", finer), ("alone", others)):
            got = min(least, *(float(column.mean()) for column in group.values()))
            found[name] = (least - got) / float(V.mean()) if V.mean() > 0.0 else 0.0
        return found

    @cached_property
    def curves(self) -> list[Row]:
        """One row a scale, learner and n_s: mean risk inside the fragments, expected, and from the spectra.

        Fragments of a replicate are averaged first, those only that have this n_s; ``…_share`` is the risk over the
        variance within the fragments.
        """
        out = []
        for scale in sorted({r["scale"] for r in self.of("curve")}):
            for learner in dict.fromkeys(r["learner"] for r in self.of("curve", scale=scale)):
                for n in sorted({r["n"] for r in self.of("curve", scale=scale, learner=learner)}):
                    rows = self.of("curve", scale=scale, learner=learner, n=n)
                    entry: Row = {"scale": scale, "learner": learner, "n": n, "fragments": len(rows)}
                    for key in ("risk", "expected_risk", "spectral_risk", "variance", "pca_slope", "participation"):
                        entry[key], entry[f"{key}_half_width"] = mean_and_half_width(_by_replicate(rows, key))
                    for key in ("risk", "expected_risk", "spectral_risk"):
                        entry |= _share_of(_by_replicate(rows, key), _by_replicate(rows, "variance"), f"{key}_share")
                    out.append(entry)
        return out

    @cached_property
    def exponents(self) -> list[Row]:
        """One row a scale and learner: exponents of risk ~ n_s^−α inside the fragments, over the sizes all replicates
        have; measured, of the expected curve and of the spectral one."""
        out = []
        for scale, learner in dict.fromkeys((r["scale"], r["learner"]) for r in self.of("curve")):
            entry: Row = {"scale": scale, "learner": learner}
            for key in ("risk", "expected_risk", "spectral_risk"):
                entry |= _exponent(self.of("curve", scale=scale, learner=learner), key)
            out.append(entry)
        return out

    @cached_property
    def linear(self) -> list[Row]:
        """One row a design, learner, d, n, ridge and number of features: risks, their law, and the ratio of the two.

        The ratio is measured/predicted replicate by replicate, averaged; ``agrees`` says whether it is 1 within 5 % and
        two standard errors.
        """
        keys = ("design", "learner", "d", "n", "ridge", "features")
        out = []
        for address in dict.fromkeys(tuple(r[key] for key in keys) for r in self.of("linear")):
            rows = self.of("linear", **dict(zip(keys, address, strict=True)))
            entry: Row = dict(zip(keys, address, strict=True))
            entry["risk"], entry["risk_half_width"] = mean_and_half_width([r["risk"] for r in rows])
            entry["predicted_risk"], _ = mean_and_half_width([r["predicted_risk"] for r in rows])
            pairs = [(r["risk"], r["predicted_risk"]) for r in rows if r["risk"] and r["predicted_risk"]]
            ratios = np.array([a / b for a, b in pairs])
            entry |= {"ratio": None, "ratio_error": None, "agrees": None}
            if ratios.size == len(rows):
                entry["ratio"] = float(ratios.mean())
                if ratios.size > 1:
                    error = float(ratios.std(ddof=1) / math.sqrt(ratios.size))
                    entry |= {"ratio_error": error, "agrees": abs(entry["ratio"] - 1.0) <= 0.05 + 2.0 * error}
            out.append(entry)
        return out

    def to_dict(self) -> dict[str, Any]:
        """Return everything that was concluded, as plain values.

        Returns
        -------
        dict
            Plain JSON values.
        """
        return {
            "study": self.study.to_dict(),
            "exact_hierarchy": self.exact,
            "missing": self.missing,
            "shares": self.shares,
            "risks": self.table,
            "exponents": self.exponents,
            "curves": self.curves,
            "linear": self.linear,
        }

    @property
    def exact(self) -> bool:
        """Whether the hierarchy is the one that made the data, and no estimate."""
        return self.study.source.exact


def share(part: F64, whole: F64) -> tuple[float, float | None]:
    """Return mean part over mean whole with its 95 % half-width over the replicates, (replicates,) float64 both."""
    value = float(part.mean() / whole.mean()) if whole.mean() > 0.0 else 0.0
    if part.size < 2:
        return value, None
    rest = (part - value * whole) / whole.mean() if whole.mean() > 0.0 else part
    return value, student_t(part.size - 1) * float(rest.std(ddof=1)) / math.sqrt(part.size)


def mean_and_half_width(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    """Return mean and 95 % half-width (Student's t) of the values, None where one of them is missing."""
    if not values or any(value is None for value in values):
        return None, None
    array = np.array(values, np.float64)
    if array.size < 2:
        return float(array[0]), None
    half = student_t(array.size - 1) * float(array.std(ddof=1)) / math.sqrt(array.size)
    return float(array.mean()), half


def _share_of(parts: Sequence[float | None], wholes: Sequence[float | None], name: str) -> Row:
    """Return a share and its half-width as two entries, None where a number is missing."""
    if not parts or any(value is None for value in (*parts, *wholes)):
        return {name: None, f"{name}_half_width": None}
    value, half = share(np.array(parts, np.float64), np.array(wholes, np.float64))
    return {name: value, f"{name}_half_width": half}


def _column(rows: list[Row], key: str) -> F64 | None:
    values = [row[key] for row in sorted(rows, key=lambda row: int(row["replicate"]))]
    return None if any(value is None for value in values) else np.array(values, np.float64)


def _called(address: tuple[str, int | None]) -> str:
    name, own = address
    return name if own is None else f"{name} {own}"


def _by_replicate(rows: list[Row], key: str) -> list[float | None]:
    """Means over the fragments of every replicate; None where a value is missing."""
    out: list[float | None] = []
    for seed in dict.fromkeys(row["replicate"] for row in rows):
        values = [row[key] for row in rows if row["replicate"] == seed]
        out.append(None if any(value is None for value in values) else float(np.mean(values)))
    return out


def _exponent(rows: list[Row], key: str) -> Row:
    """Fit one kind of curve; None where it cannot be."""
    seeds = sorted({row["replicate"] for row in rows})
    curves, sizes = [], None
    name = {"risk": "exponent", "expected_risk": "expected_exponent", "spectral_risk": "spectral_exponent"}[key]
    nothing: Row = {name: None, f"{name}_half_width": None}
    for seed in seeds:
        own = [row for row in rows if row["replicate"] == seed]
        curve = {n: _by_replicate([r for r in own if r["n"] == n], key)[0] for n in sorted({r["n"] for r in own})}
        if any(value is None for value in curve.values()):
            return nothing
        sizes = set(curve) if sizes is None else sizes & set(curve)
        curves.append(curve)
    common = sorted(sizes or ())
    try:
        fit = fit_power_law(common, np.array([[curve[n] for n in common] for curve in curves], np.float64))
    except FitError:
        return nothing
    half = fit.half_width if math.isfinite(fit.half_width) else None
    return {name: fit.value, f"{name}_half_width": half, "sizes": [common[0], common[-1]]}
