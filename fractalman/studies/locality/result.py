"""What a study of locality finds: rows, their means over replicates, and the few numbers that answer the question."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fractalman.studies.base import Row
from fractalman.studies.display import MeansDisplay, draw_lines
from fractalman.studies.locality.spec import Locality
from fractalman.studies.means import paired, select


@dataclass(frozen=True)
class LocalityResult(MeansDisplay):
    """A study of locality.

    Parameters
    ----------
    study : Locality
        What was asked.
    rows : list of Row
        One number per network, step, layer, quantity and replicate (`fractalman.studies.means.ROW`).
    missing : int, default 0
        Tasks that are not finished.
    """

    study: Locality
    rows: list[Row]
    missing: int = 0

    def _findings(self) -> list[Row]:
        return [{key: row[key] for key in ("layer", "step", "near_share", "half_distance")} for row in self.claims]

    def plot(self, ax: Any = None) -> Any:
        """Draw the share of an update that is felt nearby, layer by layer; needs the extra ``plots``.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing.
        """
        rows = self.claims
        layers = list(dict.fromkeys(row["layer"] for row in rows))
        ax = draw_lines(
            ax, [{**row, "place": layers.index(row["layer"])} for row in rows], "place", "near_share", "step"
        )
        ax.set_xticks(range(len(layers)), layers)
        ax.set(xlabel="layer", ylabel="share felt by the nearest tenth")
        return ax

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
