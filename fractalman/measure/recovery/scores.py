"""All scores of one dictionary, each beside its chance level: the same width and dimension, without any learning.

Untrained units that read points off fire with what lies along their directions and pass the chance of shuffled codes:
hold learned codes against those of random directions, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fractalman._extras import load_extra
from fractalman._typing import I64, AnyFloat
from fractalman.display import Display, Summary
from fractalman.errors import RecipeError
from fractalman.measure.recovery.absorption import Absorption, absorption
from fractalman.measure.recovery.arrays import checked_seed, checked_threshold
from fractalman.measure.recovery.chance import chance_levels, known
from fractalman.measure.recovery.downstream import LabelLoss
from fractalman.measure.recovery.firing import Firing, columns_of, firing_agreement, firing_scores
from fractalman.measure.recovery.matching import Match, checked_rows, match_dictionary, unit_rows
from fractalman.measure.recovery.splitting import Splitting, splitting

FOUND = 0.9
"""|cosine| with its unit from which a feature counts as found."""
_DUPLICATE = 0.95


@dataclass(frozen=True, eq=False)
class Truth(Display):
    """What a dictionary is held against: true features with the points at which they are present.

    Parameters
    ----------
    directions : (m, d) float
        True features.
    codes : (n, m) array or sparse matrix
        Their magnitudes; not 0 = present.
    parent : (m,) int64
        Parent of every feature in the hierarchy, −1 for roots.
    X : (n, d) float, optional
        The points, for the reconstruction's share of their variance.
    y : (n,) float, optional
        Their labels, for what reconstructions cost downstream.
    classes : int, default 0
        Number of classes that y counts from 0; 0 = values.
    """

    directions: AnyFloat
    codes: Any
    parent: I64
    X: AnyFloat | None = None
    y: AnyFloat | None = None
    classes: int = 0

    def __post_init__(self) -> None:
        parent = np.asarray(self.parent)
        m = len(np.asarray(self.directions))
        if (
            parent.shape != (m,)
            or parent.dtype.kind not in "iu"
            or (m and not (parent.min() >= -1 and parent.max() < m))
        ):
            raise RecipeError(f"parent of shape {parent.shape}: expected {m} integers from -1 to {m - 1}")
        above = parent
        for _ in range(m.bit_length()):  # 1, 2, 4, … steps up: m and more of them end above every root
            above = np.where(above >= 0, above[above], -1)
        if (above >= 0).any():
            raise RecipeError(
                f"parent: feature {int(np.flatnonzero(above >= 0)[0])} is among its own ancestors; expected a tree"
            )


@dataclass(frozen=True)
class Recovery(Display):
    """Scores of one dictionary.

    Parameters
    ----------
    match : Match
        Which direction stands for which feature.
    firing : Firing
        Firing of the matched units, by pair.
    absorption : Absorption
        By edge of the hierarchy.
    mcc : float
        Mean |cosine| of the assigned pairs, over the shorter side.
    mean_maximum_cosine : float
        Mean over features of the largest |cosine|.
    f1, best_f1 : float
        Mean over matched units, at their own threshold and at the best.
    uniqueness : float
        Different features among the units' nearest, over living units.
    dead, duplicates : float
        Share of units that never fire; of units with another within |cosine| .95 before them.
    l0 : float
        Mean number of firing units a point.
    explained : float
        Share of the points' variance that codes × decoder reproduces; nan without X.
    chance : dict
        The same scores without learning: mcc, mean_maximum_cosine, uniqueness, f1, best_f1, absorption, composition.
    limit : dict
        What a dictionary of random directions (mcc, mean_maximum_cosine, uniqueness), or codes that know nothing of the
        points (f1, best_f1), pass by chance once in 20 times: the largest of 19 draws. nan where 4 million cosines, or
        entries of codes, allow one draw only; it has the full width, and of so many numbers the mean hardly varies.
    splitting : Splitting
        By feature: several units for one.
    threshold : float
        At which units fire.
    size : (m,) int64 or None
        Points of every feature's subcluster, where the truth has subclusters.
    depth : (m,) int64 or None
        Features above every feature.
    label_loss : LabelLoss or None
        What reconstructions cost downstream, where labels or a function downstream are known.
    """

    match: Match
    firing: Firing
    absorption: Absorption
    mcc: float
    mean_maximum_cosine: float
    f1: float
    best_f1: float
    uniqueness: float
    dead: float
    duplicates: float
    l0: float
    explained: float
    chance: dict[str, float] = field(repr=False)
    limit: dict[str, float] = field(repr=False)
    splitting: Splitting = field(repr=False)
    threshold: float = 0.0
    size: I64 | None = field(default=None, repr=False)
    depth: I64 | None = field(default=None, repr=False)
    label_loss: LabelLoss | None = field(default=None, repr=False)

    @property
    def found(self) -> int:
        """Number of features whose unit lies within |cosine| .9 of them."""
        return int((self.match.cosine >= FOUND).sum())

    def __repr__(self) -> str:
        exact = "" if self.match.exact else " (among nearest pairs)"
        lines = [
            f"Recovery of {self.match.nearest_direction.size} features by {self.match.nearest_feature.size} units",
            f"  mcc         {self.mcc:.3f}   {self._level('mcc')}{exact}",
            f"  f1          {self.f1:.3f}   {self._level('f1')}   (units fire above {self.threshold:g})",
            f"  best f1     {self.best_f1:.3f}   {self._level('best_f1')}",
            f"  absorption  {self.absorption.mean:.3f}   chance {self.chance['absorption']:.3f}   "
            f"composed {self.absorption.composition:.3f}   chance {self.chance['composition']:.3f}",
            f"  split       {self.splitting.share:.3f} of the features have several units, none of which is enough",
            f"  uniqueness  {self.uniqueness:.3f}   chance {self.chance['uniqueness']:.3f}   dead {self.dead:.3f}   "
            f"duplicates {self.duplicates:.3f}",
            f"  l0          {self.l0:.2f}   variance explained {self.explained:.3f}",
        ]
        if self.label_loss is not None:
            lines.append(f"  label       {self.label_loss.kept:.3f} of what a readout of the points knows is kept")
        return "\n".join(lines)

    def _summary(self) -> Summary:
        title, *lines = repr(self).splitlines()
        cells = [[part.strip(" ()") for part in line.strip().split("  ") if part.strip()] for line in lines]
        return Summary(title, [(name, "; ".join(parts)) for name, *parts in cells])

    def _level(self, name: str) -> str:
        limit = self.limit[name]
        passed = "" if np.isnan(limit) else f", 1 in 20 above {limit:.3f}"
        return f"chance {self.chance[name]:.3f}{passed}"

    def of_sizes(self, size: I64) -> Recovery:
        """Return the same scores with the sizes of the features' subclusters, for tables and figures.

        Parameters
        ----------
        size : (m,) int64
            Points of every feature's subcluster.

        Returns
        -------
        Recovery
            Equal but for the sizes.
        """
        return replace(self, size=np.asarray(size, np.int64))

    def plot(self, ax: Any = None) -> Any:
        """Draw |cosine| and best F1 of every matched feature against the size of its subcluster.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Drawn into; a new figure's otherwise.

        Returns
        -------
        matplotlib axes
            With the drawing.

        Raises
        ------
        RecipeError
            Where the truth has no subclusters.
        MissingExtraError
            Without matplotlib.
        """
        from fractalman.measure.display import draw_recovery

        self._require_sizes()
        return draw_recovery(self, ax)

    def plot_tree(self, ax: Any = None) -> Any:
        """Draw the hierarchy coloured by what was found: a bar a feature, as wide as its subcluster, parents on top.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Drawn into; a new figure's otherwise.

        Returns
        -------
        matplotlib axes
            Colour: F1 at the best threshold, 0 for features without a unit.

        Raises
        ------
        RecipeError
            Where the truth has no subclusters.
        MissingExtraError
            Without matplotlib.
        """
        from fractalman.measure.display import draw_recovered_tree

        self._require_sizes()
        return draw_recovered_tree(self, ax)

    def _require_sizes(self) -> None:
        if self.size is None:
            raise RecipeError("these features have no subcluster sizes: use fm.recovery with a dataset or a Dictionary")

    def to_pandas(self) -> Any:
        """Return one row a matched pair as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns feature, size and depth (where known), unit, cosine, precision, recall, f1, best_f1, best_threshold,
            present, fired.

        Raises
        ------
        MissingExtraError
            Without pandas.
        """
        pd = load_extra("pandas", "to_pandas")
        firing = self.firing
        return pd.DataFrame(
            {
                "feature": self.match.feature,
                **({} if self.size is None else {"size": self.size[self.match.feature]}),
                **({} if self.depth is None else {"depth": self.depth[self.match.feature]}),
                "unit": self.match.direction,
                "cosine": self.match.cosine,
                "precision": firing.precision,
                "recall": firing.recall,
                "f1": firing.f1,
                "best_f1": firing.best_f1,
                "best_threshold": firing.best_threshold,
                "present": firing.present,
                "fired": firing.fired,
            }
        )


def score_dictionary(decoder: AnyFloat, codes: Any, truth: Truth, *, threshold: float = 0.0, seed: int = 0) -> Recovery:
    """Return how well a dictionary recovers known features.

    Parameters
    ----------
    decoder : (w, d) float
        Learned directions.
    codes : (n, w) array or sparse matrix
        What the encoder makes of the points that ``truth.codes`` describes.
    truth : Truth
        The features.
    threshold : float, default 0
        Units fire where their code is larger.
    seed : int, default 0
        Of the chance levels.

    Returns
    -------
    Recovery

    Raises
    ------
    RecipeError
        For shapes that do not fit or numbers that are not finite.

    Notes
    -----
    Every score stands beside what random directions of this width and dimension, or codes shuffled against the points,
    would get: with few dimensions that is far from 0.

    Examples
    --------
    >>> import numpy as np
    >>> codes = np.eye(6)
    >>> score = score_dictionary(np.eye(6), codes, Truth(np.eye(6), codes, np.full(6, -1)))
    >>> score.mcc, score.f1, score.dead
    (1.0, 1.0, 0.0)
    """
    threshold, seed = checked_threshold(threshold), checked_seed(seed)
    decoder, directions = checked_rows("decoder", decoder), checked_rows("directions", truth.directions)
    learned, true = columns_of("codes", codes), columns_of("truth", truth.codes)
    (n, m), (w, d) = true.shape, decoder.shape
    if d != directions.shape[1]:
        turned = "; use decoder.T" if w == directions.shape[1] else ""
        raise RecipeError(
            f"decoder {decoder.shape} and features {directions.shape}: expected the same number of columns{turned}"
        )
    if learned.shape[0] != n:
        turned = "; use codes.T" if learned.shape[::-1] == (n, w) else ""
        raise RecipeError(f"codes of shape {learned.shape}: expected {n} rows, one for each point of the truth{turned}")
    if learned.shape[1] != w or m != len(directions):
        raise RecipeError(
            f"codes {learned.shape} and truth {true.shape}: expected {w} and {len(directions)} columns, one for each "
            "direction"
        )
    match = match_dictionary(decoder, directions, agreement=firing_agreement(learned, true, threshold))
    firing = firing_scores(learned, true, match.direction, match.feature, threshold)
    unit_of = np.full(m, -1, np.int64)
    unit_of[match.feature] = match.direction
    parent = np.asarray(truth.parent, np.int64)
    edges = absorption(learned, true, parent, unit_of, threshold, decoder, directions)
    fires = np.bincount(np.repeat(np.arange(w), np.diff(learned.indptr))[learned.data > threshold], minlength=w)
    alive = (fires > 0) & (match.nearest_feature >= 0)
    chance, limit = chance_levels(decoder, learned, true, directions, parent, match, unit_of, alive, threshold, seed)
    split = splitting(learned, true, match, threshold)
    return Recovery(
        match,
        firing,
        edges,
        match.mcc,
        match.mean_maximum_cosine,
        known(firing.f1),
        known(firing.best_f1),
        np.unique(match.nearest_feature[alive]).size / max(1, int(alive.sum())),
        float((fires == 0).mean()),
        _duplicates(decoder),
        float(fires.sum() / max(1, learned.shape[0])),
        _explained(decoder, learned, truth.X),
        chance,
        limit,
        split,
        threshold,
        depth=_depth(parent),
    )


def _depth(parent: I64) -> I64:
    """Number of features above every feature."""
    depth, above = np.zeros(parent.size, np.int64), parent
    while (above >= 0).any():
        depth += above >= 0
        above = np.where(above >= 0, parent[above], -1)
    return depth


def _duplicates(decoder: AnyFloat) -> float:
    """Share of directions with an earlier one within |cosine| .95."""
    rows = unit_rows(decoder)
    found, step = 0, 1024
    for start in range(0, len(rows), step):
        block = np.abs(rows[start : start + step] @ rows[: start + step].T)
        earlier = np.arange(block.shape[1])[None, :] < np.arange(start, start + len(block))[:, None]
        found += int(((block >= _DUPLICATE) & earlier).any(axis=1).sum())
    return found / len(rows)


def _explained(decoder: AnyFloat, codes: Any, X: AnyFloat | None) -> float:
    if X is None:
        return float("nan")
    points = np.asarray(X, np.float64)
    if points.shape != (codes.shape[0], decoder.shape[1]):
        raise RecipeError(f"X of shape {points.shape}: expected {(codes.shape[0], decoder.shape[1])}")
    total = np.square(points - points.mean(axis=0)).sum()
    with np.errstate(over="ignore", invalid="ignore"):
        left = np.square(points - codes @ np.asarray(decoder, np.float64)).sum()
    return float(1.0 - left / total) if total else float("nan")
