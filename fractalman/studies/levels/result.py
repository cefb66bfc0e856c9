"""What a study of a grammar's levels finds: at which size each is learned, and in which order, with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fractalman._typing import F64
from fractalman.display import axes_or_new
from fractalman.display.figures import round_numbers
from fractalman.display.style import STYLES
from fractalman.experiments.learned_at import half_size
from fractalman.measure.scaling import student_t
from fractalman.studies.base import Row
from fractalman.studies.display import MeansDisplay
from fractalman.studies.levels.spec import CONTROL, Levels, strings_of
from fractalman.studies.means import means, paired, select

IN_ORDER, REVERSED, TOGETHER, OPEN = "in order", "in the reverse order", "not told apart", "not decided"


@dataclass(frozen=True)
class LevelsResult(MeansDisplay):
    """A study of a grammar's levels.

    Parameters
    ----------
    study : Levels
        What was asked.
    rows : list of Row
        One number per network, layer, level and replicate. "relative" is the sensitivity to exchanges of synonyms below
        a level over that of the input: 1 knows nothing, 0 has learned the level. "probe" is how well a line reads its
        symbols off the layer, "zero-one" and "cross-entropy" (nats) are losses on unseen strings.
    missing : int, default 0
        Tasks that are not finished.
    """

    study: Levels
    rows: list[Row]
    missing: int = 0

    @cached_property
    def last_layer(self) -> str:
        """The last hidden layer; the output of networks without one."""
        hidden = [r["layer"] for r in self.means if r["layer"] not in ("", "input", "output")]
        return str(list(dict.fromkeys(hidden))[-1]) if hidden else "output"

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """Levels that were looked at, from the tokens up."""
        return tuple(sorted({int(r["place"]) for r in self._relative}, reverse=True))

    @cached_property
    def _relative(self) -> list[Row]:
        return select(self.rows, quantity="relative", layer="output")

    def shares(self, level: int) -> F64:
        """Return the output's "relative" by replicate and size, (seeds, sizes); nan where a network is missing.

        Parameters
        ----------
        level : int
            Of the grammar.

        Returns
        -------
        (seeds, sizes) float64
            1 where distances of strings are all that counts, 0 where the level is learned.
        """
        found = {(r["seed"], r["n"]): r["number"] for r in self._relative if r["part"] == "n" and r["place"] == level}
        table = [[found.get((seed, n)) for n in self.study.train_sizes] for seed in range(self.study.seeds)]
        return np.array(table, np.float64)

    def learned_at(self, level: int) -> F64:
        """Return the size at which "relative" falls below ½, replicate by replicate, by a straight line in ln n.

        Parameters
        ----------
        level : int
            Of the grammar.

        Returns
        -------
        (seeds,) float64
            inf where it never does, 0 where it has at the smallest size, nan where a network is missing.
        """
        sizes = np.array(self.study.train_sizes, np.float64)
        found = []
        for row in self.shares(level):
            size = half_size(sizes, row)
            found.append(math.nan if np.isnan(row).any() else math.inf if math.isnan(size) else size)
        return np.array(found)

    @cached_property
    def claims(self) -> list[Row]:
        """At which size each level is learned, from the tokens up, and whether after the level below it.

        A row per level: ``learned_at`` is the geometric mean over replicates, ``low`` and ``high`` its 95 % interval
        (Student's t of ln n), ``reached`` and ``replicates`` how many have a size within the range; ``times`` the
        geometric mean, over replicates that have both, of the size over that of the level just below, ``times_low`` and
        ``times_high`` its interval; ``order`` what follows: "in order" where the interval lies above 1, "in the reverse
        order" below, "not told apart", or "not decided" where a replicate lacks one of the two; ``earlier`` in how many
        replicates the level below came first. ``control`` is the mean "relative" of networks with shuffled labels,
        ``probe`` how well the symbols are read off the last hidden layer at the largest size, ``probe_gain`` by how
        much better than off that of networks with shuffled labels, both with 95 % half-widths, paired by replicate.
        """
        rows, before = [], None
        for level in self.levels:
            sizes = self.learned_at(level)
            row: Row = {"level": level, **_interval(sizes, ""), "replicates": int(sizes.size)}
            row |= {"times": None, "times_low": None, "times_high": None, "order": None, "earlier": None}
            if before is not None:
                row |= ordered(before, sizes)
            rows.append(row | self._beside(level))
            before = sizes
        return rows

    def _beside(self, level: int) -> Row:
        control = [r["number"] for r in self._relative if r["part"] == CONTROL and r["place"] == level]
        of = {"n": self.study.train_sizes[-1], "place": level}
        probes = select(self.rows, **of, quantity="probe", layer=self.last_layer)
        gain = paired(select(probes, part="n"), select(probes, part=CONTROL))
        found = means(select(probes, part="n"))
        return {
            "control": float(np.mean(control)) if control and None not in control else None,
            "probe": found[0]["number"] if found else None,
            "probe_half_width": found[0]["half_width"] if found else None,
            "probe_gain": gain.number if gain else None,
            "probe_gain_half_width": gain.half_width if gain else None,
        }

    def _findings(self) -> list[Row]:
        return [
            {key: row[key] for key in ("level", "learned_at", "low", "high", "times", "order")} for row in self.claims
        ]

    def plot(self, ax: Any = None) -> Any:
        """Draw the staircase: how many levels are learned against the training-set size; needs the extra ``plots``.

        Steps are the mean over replicates; a bar at step k is the size at which the k-th level from the tokens was
        learned, with its interval.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing.
        """
        ax, sizes = axes_or_new(ax, 6.0, 3.8), np.array(self.study.train_sizes, np.float64)
        learned = np.array([self.learned_at(level) for level in self.levels])
        if learned.size:
            each = np.unique(learned[np.isfinite(learned) & (learned > 0.0)])
            grid = np.unique(np.concatenate([sizes, each, each * (1.0 - 1e-9)]))
            count = (learned[:, :, None] <= grid).sum(axis=0).mean(axis=0)
            ax.plot(grid, count, color=STYLES[0][0], label="mean of the replicates")
        for k, row in enumerate(self.claims):
            color, marker = STYLES[(k + 1) % len(STYLES)]
            if row["learned_at"] is None:
                continue
            low, high = row["low"] or row["learned_at"], row["high"] or row["learned_at"]
            reach = [[row["learned_at"] - low], [high - row["learned_at"]]]
            ax.errorbar(
                [row["learned_at"]], [k + 0.5], xerr=reach, color=color, marker=marker, ms=5, capsize=3, ls="none",
                label=f"level {row['level']} of {strings_of(self.study).levels}",
            )  # fmt: skip
        ax.set(
            xscale="log", xlim=(0.9 * sizes[0], 1.1 * sizes[-1]), ylim=(-0.1, len(self.levels) + 0.1),
            yticks=range(len(self.levels) + 1), xlabel="training-set size n", ylabel="levels learned, from the tokens",
        )  # fmt: skip
        round_numbers(ax.xaxis)
        if ax.get_legend_handles_labels()[0]:
            ax.legend()
        return ax


def ordered(before: F64, after: F64) -> Row:
    """Return by which factor a level was learned later than the one below it, and whether that is beyond chance.

    Parameters
    ----------
    before, after : (seeds,) float64
        Sizes of the lower and of the higher level, the same replicates; inf, 0 or nan where there is none.

    Returns
    -------
    dict
        ``times`` with its interval, ``order`` and ``earlier``, as in `LevelsResult.claims`.
    """
    both = np.isfinite(before) & np.isfinite(after) & (before > 0.0) & (after > 0.0)
    found = _interval(after[both] / before[both], "times")
    row = {"times": found["times"], "times_low": found["times_low"], "times_high": found["times_high"]}
    known = ~(np.isnan(before) | np.isnan(after))
    order = OPEN
    if both.all() and row["times_low"] is not None:
        order = IN_ORDER if row["times_low"] > 1.0 else REVERSED if row["times_high"] < 1.0 else TOGETHER
    return {**row, "order": order, "earlier": int((before[known] < after[known]).sum())}


def _interval(numbers: F64, name: str) -> Row:
    """The geometric mean of numbers that are all there, with its 95 % interval; None where one is not."""
    keys = (name, f"{name}_low", f"{name}_high") if name else ("learned_at", "low", "high")
    there = numbers[np.isfinite(numbers) & (numbers > 0.0)]
    row: Row = dict.fromkeys(keys)
    if there.size and there.size == numbers.size:
        logs = np.log(there)
        row[keys[0]] = float(np.exp(logs.mean()))
        if there.size > 1:
            half = student_t(there.size - 1) * float(logs.std(ddof=1)) / math.sqrt(there.size)
            row[keys[1]], row[keys[2]] = (float(np.exp(logs.mean() + sign * half)) for sign in (-1, 1))
    return row if name else row | {"reached": int(there.size)}
