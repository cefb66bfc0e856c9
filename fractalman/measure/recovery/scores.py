"""All scores of one dictionary, each beside its chance level: the same width and dimension, without any learning.

Chance of directions: decoders of independent random unit vectors. Chance of firing and absorption: the same codes with
their rows shuffled against the truth, so that every unit keeps how often it fires and with whom, and knows nothing.
Untrained units that read points off fire with what lies along their directions and do pass the second: hold learned
codes against those of random directions, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fractalman._extras import load_extra
from fractalman._typing import F64, I64, AnyFloat
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.measure.recovery.absorption import COMPOSED, Absorption, absorption, parts
from fractalman.measure.recovery.firing import Firing, columns_of, firing_scores
from fractalman.measure.recovery.matching import Match, match_dictionary, unit_rows
from fractalman.measure.recovery.splitting import Splitting, splitting
from fractalman.random.keys import Role, key64
from fractalman.random.streams import normals, permutation

_DUPLICATE = 0.95
_CHANCE_DRAWS = 19
"""The largest of 19 is passed by one in 20 of those that know nothing."""
_SHUFFLED_ENTRIES = 4_000_000  # entries of both codes up to which 19 shuffles are made, else one
_CHANCE_DIRECTIONS = 2048  # rows of a chance dictionary; wider ones are thinned, which lowers the level a little


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
    """

    directions: AnyFloat
    codes: Any
    parent: I64
    X: AnyFloat | None = None

    def __post_init__(self) -> None:
        parent = np.asarray(self.parent)
        m = len(np.asarray(self.directions))
        if (
            parent.shape != (m,)
            or parent.dtype.kind not in "iu"
            or (m and not (parent.min() >= -1 and parent.max() < m))
        ):
            raise RecipeError(f"parent of shape {parent.shape}: expected {m} integers from -1 to {m - 1}")


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
        The same scores without learning: mcc, mean_maximum_cosine, f1, best_f1, absorption, composition.
    limit : dict
        What a dictionary of random directions (mcc, mean_maximum_cosine), or codes that know nothing of the points (f1,
        best_f1), pass by chance once in 20 times: the largest of 19 draws. nan for codes too many to shuffle so often.
    splitting : Splitting
        By feature: several units for one.
    threshold : float
        At which units fire.
    size : (m,) int64 or None
        Points of every feature's subcluster, where the truth has subclusters.
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
            f"  uniqueness  {self.uniqueness:.3f}   dead {self.dead:.3f}   duplicates {self.duplicates:.3f}",
            f"  l0          {self.l0:.2f}   variance explained {self.explained:.3f}",
        ]
        return "\n".join(lines)

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

        if self.size is None:
            raise RecipeError("these features have no subcluster sizes: use fm.recovery with a dataset or a Dictionary")
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

        if self.size is None:
            raise RecipeError("these features have no subcluster sizes: use fm.recovery with a dataset or a Dictionary")
        return draw_recovered_tree(self, ax)

    def to_pandas(self) -> Any:
        """Return one row a matched pair as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns feature, size (where known), unit, cosine, precision, recall, f1, best_f1, best_threshold,
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
    learned = columns_of("codes", codes)
    true = columns_of("truth", truth.codes, learned.shape[0])
    match = match_dictionary(decoder, truth.directions)
    w, m = match.nearest_feature.size, match.nearest_direction.size
    if learned.shape[1] != w or true.shape[1] != m:
        raise RecipeError(f"codes {learned.shape} and truth {true.shape}: expected {w} and {m} columns")
    firing = firing_scores(learned, true, match.direction, match.feature, threshold)
    unit_of = np.full(m, -1, np.int64)
    unit_of[match.feature] = match.direction
    parent = np.asarray(truth.parent, np.int64)
    edges = absorption(learned, true, parent, unit_of, threshold, decoder, truth.directions)
    fires = np.bincount(np.repeat(np.arange(w), np.diff(learned.indptr))[learned.data > threshold], minlength=w)
    alive = (fires > 0) & (match.nearest_feature >= 0)
    chance, limit = _chance(decoder, learned, true, truth, match, unit_of, threshold, seed)
    split = splitting(learned, true, match, threshold)
    return Recovery(
        match,
        firing,
        edges,
        match.mcc,
        match.mean_maximum_cosine,
        _mean(firing.f1),
        _mean(firing.best_f1),
        np.unique(match.nearest_feature[alive]).size / max(1, int(alive.sum())),
        float((fires == 0).mean()),
        _duplicates(decoder),
        float(fires.sum() / max(1, learned.shape[0])),
        _explained(decoder, learned, truth.X),
        chance,
        limit,
        split,
        threshold,
    )


def _mean(values: F64) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _duplicates(decoder: AnyFloat) -> float:
    """Share of directions with an earlier one within |cosine| .95."""
    rows = unit_rows("decoder", decoder)
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
    if points.shape != (codes.shape[0], np.asarray(decoder).shape[1]):
        raise RecipeError(f"X of shape {points.shape}: expected {(codes.shape[0], np.asarray(decoder).shape[1])}")
    left = points - codes @ np.asarray(decoder, np.float64)
    return float(1.0 - np.square(left).sum() / np.square(points - points.mean(axis=0)).sum())


def _chance(
    decoder: AnyFloat,
    codes: Any,
    truth_codes: Any,
    truth: Truth,
    match: Match,
    unit_of: I64,
    threshold: float,
    seed: int,
) -> tuple[dict[str, float], dict[str, float]]:
    """Means and largest of scores without learning."""
    w, d = np.asarray(decoder).shape
    width, parent = min(w, _CHANCE_DIRECTIONS), np.asarray(truth.parent, np.int64)
    features = np.asarray(truth.directions)
    if len(features) > _CHANCE_DIRECTIONS:
        features = features[permutation(key64(seed, Role.MEASUREMENT, 1), len(features))[:_CHANCE_DIRECTIONS]]
    draws: dict[str, list[float]] = {name: [] for name in ("mcc", "mean_maximum_cosine", "f1", "best_f1")}
    for draw in range(_CHANCE_DRAWS if width * len(features) <= _SHUFFLED_ENTRIES else 8):
        random = normals(key64(seed, Role.MEASUREMENT, 2, draw), width * d).reshape(width, d)
        found = match_dictionary(random, features)
        draws["mcc"].append(found.mcc)
        draws["mean_maximum_cosine"].append(found.mean_maximum_cosine)
    rows, edges = codes.tocsr(), np.nan
    for draw in range(_CHANCE_DRAWS if codes.nnz + truth_codes.nnz <= _SHUFFLED_ENTRIES else 1):
        key = key64(seed, Role.MEASUREMENT, 3, draw) if draw else key64(seed, Role.MEASUREMENT, 3)
        shuffled = rows[permutation(key, codes.shape[0])].tocsc()
        firing = firing_scores(shuffled, truth_codes, match.direction, match.feature, threshold)
        draws["f1"].append(_mean(firing.f1))
        draws["best_f1"].append(_mean(firing.best_f1))
        if not draw:
            edges = absorption(shuffled, truth_codes, parent, unit_of, threshold).mean
    chance = {name: float(np.mean(values)) for name, values in draws.items()}
    chance |= {"absorption": edges, "composition": _unrelated(decoder, truth.directions, parent, unit_of, seed)}
    limit = {name: max(own) if len(own) == _CHANCE_DRAWS else float("nan") for name, own in draws.items()}
    return chance, limit


def _unrelated(decoder: AnyFloat, directions: AnyFloat, parent: I64, unit_of: I64, seed: int) -> float:
    """Share of children's units that have a part of an unrelated feature, in place of the parent's."""
    children = np.flatnonzero((parent >= 0) & (unit_of >= 0))
    if not children.size:
        return float("nan")
    m = parent.size
    turns = permutation(key64(seed, Role.MEASUREMENT, 4), m)
    other = turns[children]
    related = np.zeros(children.size, np.bool_)
    for below, above in ((children, other), (other, children)):
        at = below.copy()
        while (at >= 0).any():
            related |= at == above
            at = np.where(at >= 0, parent[at], -1)
    kept = ~related
    found = parts(decoder, directions, unit_of[children[kept]], children[kept], other[kept])
    known = found[np.isfinite(found)]
    return float((known > COMPOSED).mean()) if known.size else float("nan")
