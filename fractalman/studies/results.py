"""What studies of networks find: rows, their means over replicates, and the few numbers that answer the question."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fractalman.measure.scaling import student_t
from fractalman.studies.locality import LocalityStudy
from fractalman.studies.means import means, select
from fractalman.studies.probe import ProbeStudy
from fractalman.studies.study import Row, Unit


@dataclass(frozen=True)
class Difference:
    """The mean difference of two quantities over replicates that have both.

    Args:
        number: the mean. half_width: of its 95 % interval, Student's t; None with fewer than two replicates.
    """

    number: float
    half_width: float | None


def paired(first: Iterable[Row], second: Iterable[Row]) -> Difference | None:
    """Return the mean difference first − second, replicate by replicate; None where they share none."""
    one, two = ({r["seed"]: r["number"] for r in rows if r["number"] is not None} for rows in (first, second))
    gaps = np.array([one[seed] - two[seed] for seed in sorted(one.keys() & two.keys())])
    if not gaps.size:
        return None
    if gaps.size < 2:
        return Difference(float(gaps.mean()), None)
    error = float(gaps.std(ddof=1)) / math.sqrt(gaps.size)
    return Difference(float(gaps.mean()), student_t(gaps.size - 1) * error)


@dataclass(frozen=True)
class LocalityResult:
    """A study of locality.

    Args:
        study: what was asked. rows: one number per network, step, layer, quantity and replicate
            (`fractalman.studies.means.ROW`). missing: units of work that are not done yet.
    """

    study: LocalityStudy
    rows: list[Row]
    missing: int = 0

    @cached_property
    def means(self) -> list[Row]:
        """The means over replicates, with errors."""
        return means(self.rows)

    def find(self, **wanted: Any) -> list[Row]:
        """Return the means whose columns have the wanted values, e.g. ``find(quantity="influence", layer="all")``."""
        return select(self.means, **wanted)

    @cached_property
    def claims(self) -> list[Row]:
        """How local an update is, layer by layer of the base network, untrained and at the end.

        A row per layer and step: near_share, the part of an update that is felt by the nearest tenth of pairs in the
        hierarchy; beyond_linear, how much more that is than in a linear model; half_distance, in the size of the
        smallest common subcluster; far, the influence between the farthest; explained_tree and explained_euclidean,
        which share of its variance the two distances explain; each with its 95 % half-width as ``…_half_width``.
        """
        steps = (self.study.steps[0], self.study.steps[-1])
        layers = list(dict.fromkeys(r["layer"] for r in self.find(part="base", quantity="influence-near-share")))
        return [self._claim(layer, step) for step in dict.fromkeys(steps) for layer in layers]

    def _claim(self, layer: str, step: int) -> Row:
        base = {"part": "base", "layer": layer, "step": step}
        row: Row = {"layer": layer, "step": step}
        wanted = {
            "near_share": ("influence-near-share", "hierarchy"),
            "half_distance": ("influence-half-distance", "hierarchy"),
            "far": ("influence-far", "hierarchy"),
            "explained_tree": ("influence-explained", "hierarchy"),
            "explained_euclidean": ("influence-explained", "euclidean"),
            "near_share_random": ("influence-near-share", "random"),
        }
        for name, (quantity, against) in wanted.items():
            found = self.find(**base, quantity=quantity, against=against)
            row[name] = found[0]["number"] if found else None
            row[f"{name}_half_width"] = found[0]["half_width"] if found else None
        share = {"quantity": "influence-near-share", "against": "hierarchy"}
        linear = select(self.rows, part="linear", layer="all", step=step, **share)
        gap = paired(select(self.rows, **base, **share), linear)
        row["beyond_linear"] = gap.number if gap else None
        row["beyond_linear_half_width"] = gap.half_width if gap else None
        return row


@dataclass(frozen=True)
class ProbeResult:
    """A study of decodability.

    Args:
        study: what was asked. rows: means over a replicate's latents, one number per network, step, layer, quantity
            and replicate; and rows of single latents (`latents`). missing: units of work that are not done yet.
    """

    study: ProbeStudy
    rows: list[Row]
    missing: int = 0

    @cached_property
    def means(self) -> list[Row]:
        """The means over replicates, with errors."""
        return means(self.rows)

    @cached_property
    def latents(self) -> list[Row]:
        """One row per network, step, layer, replicate and latent."""
        return [row for row in self.rows if "latent" in row]

    def find(self, **wanted: Any) -> list[Row]:
        """Return the means whose columns have the wanted values, e.g. ``find(quantity="auc-near", layer="2")``."""
        return select(self.means, **wanted)

    @property
    def last_layer(self) -> str:
        """The last hidden layer."""
        return max((r["layer"] for r in self.means if r["layer"].isdigit()), key=int, default="output")

    @cached_property
    def claims(self) -> list[Row]:
        """What training has added, from coarse to fine, as n and width grow: of the last hidden layer at the end.

        A row per network and scale: auc_near of the trained network, and its gain over the same network untrained and
        over the raw input; r2_band, how much of what the scale adds to the label can be read off, and its gains; the
        shares of latents found, gained, lost; each with its 95 % half-width. Differences are paired by replicate.
        """
        rows = []
        networks = dict.fromkeys((r["part"], r["value"], r["n"], r["width"]) for r in self.means)
        for part, value, n, width in networks:
            for scale in sorted(self.study.scales, reverse=True):
                rows.append(self._claim({"part": part, "value": value}, n, width, scale))
        return [row for row in rows if row["auc_near"] is not None or row["r2_band"] is not None]

    def _claim(self, network: Row, n: int, width: int, scale: int) -> Row:
        row: Row = {**network, "n": n, "width": width, "scale": scale}
        end = {**network, "layer": self.last_layer, "step": self.study.steps[-1], "against": "size", "place": scale}
        start = {**end, "step": 0}
        for quantity in ("auc-near", "r2-band"):
            name = quantity.replace("-", "_")
            found = self.find(**end, quantity=quantity)
            row[name] = found[0]["number"] if found else None
            row[f"{name}_half_width"] = found[0]["half_width"] if found else None
            for label, other in (("over_untrained", start), ("over_input", {**start, "layer": "input"})):
                trained = select(self.rows_of_means, **end, quantity=quantity)
                gap = paired(trained, select(self.rows_of_means, **other, quantity=quantity))
                row[f"{name}_{label}"] = gap.number if gap else None
                row[f"{name}_{label}_half_width"] = gap.half_width if gap else None
        for quantity in ("found", "random-found", "gained", "lost"):
            found = self.find(**end, quantity=quantity)
            row[quantity.replace("-", "_")] = found[0]["number"] if found else None
        row["latents"] = next((r["count"] for r in self.find(**end, quantity="found")), None)
        return row

    @cached_property
    def rows_of_means(self) -> list[Row]:
        """The rows that means are taken of."""
        return [row for row in self.rows if "quantity" in row]


def unfinished(units: Iterable[Unit], rows: Iterable[Row]) -> int:
    """Return how many units have no row."""
    done = {(row["part"], row["value"], row["seed"]) for row in rows}
    return sum(tuple(unit) not in done for unit in units)
