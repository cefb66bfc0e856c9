"""What a study of decodability finds: rows, their means over replicates, and the numbers that answer the question."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fractalman.display import log_axes
from fractalman.studies.base import Row
from fractalman.studies.display import MeansDisplay, draw_lines
from fractalman.studies.means import paired, select
from fractalman.studies.probes.spec import Probing


@dataclass(frozen=True)
class ProbeResult(MeansDisplay):
    """A study of decodability.

    Parameters
    ----------
    study : Probing
        What was asked.
    rows : list of Row
        Means over a replicate's latents, one number per network, step, layer, quantity and replicate; and rows of
        single latents (`latents`).
    missing : int, default 0
        Tasks that are not finished.
    """

    study: Probing
    rows: list[Row]
    missing: int = 0

    def _findings(self) -> list[Row]:
        return [{key: row[key] for key in ("n", "width", "scale", "auc_near", "r2_band")} for row in self.claims]

    def plot(self, ax: Any = None) -> Any:
        """Draw how well latents can be read off the last layer, against their scale; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing.
        """
        rows = [{**row, "network": f"n = {row['n']}, width {row['width']}"} for row in self.claims]
        ax = draw_lines(ax, rows, "scale", "auc_near", "network")
        log_axes(ax, "points in the subcluster", "area under the ROC curve", "x")
        return ax

    @cached_property
    def latents(self) -> list[Row]:
        """One row per network, step, layer, replicate and latent."""
        return [row for row in self.rows if "latent" in row]

    @property
    def last_layer(self) -> str:
        """The last hidden layer."""
        hidden = [r["layer"] for r in self.means if r["layer"] not in ("", "input", "output")]
        return list(dict.fromkeys(hidden))[-1] if hidden else "output"

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
        start = {**end, "step": self.study.steps[0]}
        for quantity in ("auc-near", "r2-band"):
            name = quantity.replace("-", "_")
            found = self.find(**end, quantity=quantity)
            row[name] = found[0]["number"] if found else None
            row[f"{name}_half_width"] = found[0]["half_width"] if found else None
            for label, other in (("over_untrained", start), ("over_input", {**start, "layer": "input"})):
                trained = select(self.rows_of_means, **end, quantity=quantity)
                once = other == end  # a network that is looked at once has no untrained one beside it
                gap = None if once else paired(trained, select(self.rows_of_means, **other, quantity=quantity))
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
