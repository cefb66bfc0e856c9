"""The specification of a granularity study: its table and its tasks.

    [recipe] or [data] · [granularity] · [mlp], [random-features], … of the learners that are named

Every replicate has its own data (of a file: its own split), and its parts are tasks of their own: "fits" the learners
of closed form, "fragments" the ridges that know the cut at one scale, "mlp" and other trained ones by name, "curves"
the learning curves inside the fragments of one scale, "linear" the regressions in d dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from fractalman import learners
from fractalman.config import REQUIRED, Keys, integer, optional, refuse, sequence, shown, text
from fractalman.errors import RecipeError
from fractalman.experiments.reading import MAX_DRAWS, MAX_SEEDS
from fractalman.learners import learner_class, names
from fractalman.recipes.checks import MAX_POINTS
from fractalman.studies.base import StudySpec, Task, plain
from fractalman.studies.reading import SpecSource, read_study, sizes
from fractalman.studies.sources import Sample
from fractalman.studies.trained_source import Source

EXAMPLE = "[granularity] scales = [8, 32, 128, 512], train_size = 1024"
_UNSEEN = 4096  # test points of addressed families, where nothing else is said
_LEARNERS = ("ridge", "k-nn", "laplace-kernel")


def is_trained(learner: str) -> bool:
    """Return whether a learner has no closed form; each such is a task of its own."""
    return not learner_class(learner).linear_smoother


def _learners(name: str, value: Any) -> tuple[str, ...]:
    found: tuple[str, ...] = sequence(text("the name of a learner", 80), most=100, once=True)(name, value)
    for word in found:
        learner_class(word)
    if "ridge" not in found:
        raise RecipeError(f"{name} = {shown(list(found))}: ridge, the linear learner of all points, must be among them")
    return found


KEYS: Keys = {
    "scales": (sizes(), REQUIRED),
    "train_size": (integer(8, MAX_POINTS), REQUIRED),
    "test_size": (optional(integer(2, MAX_POINTS)), None),
    "seeds": (integer(1, MAX_SEEDS), 4),
    "draws": (integer(1, MAX_DRAWS), 8),
    "learners": (_learners, _LEARNERS),
    "curve_scales": (sizes(0), ()),
    "curve_fragments": (integer(1, MAX_POINTS), 4),
    "linear_dims": (sizes(0), ()),
    "linear_sizes": (sizes(), (16, 32, 64, 128, 256, 512)),
    "linear_points": (integer(32, MAX_POINTS), 2048),
    "linear_splits": (integer(1, MAX_SEEDS), 2),
}
"""Of the table [granularity]. scales: sizes s that the hierarchy is cut at, in points. train_size: n. test_size: unseen
points; left out, all others. seeds: replicates. draws: label vectors a recipe draws on each. learners: those of all
points; "ridge" among them. curve_scales, curve_fragments: at which scales, and in how many of the largest fragments,
learning curves are made. linear_dims: dimensions d of the linear regressions; linear_sizes: their n; linear_points: the
population they are drawn from; linear_splits: training sets a replicate."""


@dataclass(frozen=True)
class Granularity(StudySpec):
    """The checked specification of a granularity study.

    Parameters
    ----------
    source : Source
        Where the points come from.
    values : dict
        The table [granularity], defaults filled in.
    settings : dict, default empty
        Learner → its table.
    """

    source: Source
    values: Mapping[str, Any]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    name: ClassVar[str] = "granularity"

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values, defaults filled in; reading them again gives an equal study.

        Returns
        -------
        dict
            Name of a table → its values.
        """
        return {
            **self.source.to_dict(),
            self.name: plain(self.values),
            **{name: dict(t) for name, t in self.settings.items()},
        }

    @property
    def scales(self) -> tuple[int, ...]:
        """Sizes s that the hierarchy is cut at, rising."""
        return tuple(self.values["scales"])

    @property
    def train_size(self) -> int:
        """Training points n."""
        return int(self.values["train_size"])

    @property
    def learners(self) -> tuple[str, ...]:
        """Learners of all points."""
        return tuple(self.values["learners"])

    def tasks(self) -> list[Task]:
        """Return all tasks, replicate by replicate.

        Returns
        -------
        list of Task
            In the order in which they are done.
        """
        out: list[Task] = []
        for seed in range(self.values["seeds"]):
            out.append(Task("fits", 0, seed))
            out += [Task("fragments", s, seed) for s in self.scales]
            out += [Task(name, 0, seed) for name in self.learners if is_trained(name)]
            out += [Task("curves", s, seed) for s in self.values["curve_scales"]]
            out += [Task("linear", d, seed) for d in self.values["linear_dims"]]
        return out

    def sample(self, seed: int) -> Sample:
        """Return the points of a replicate; the last is remembered, for its tasks come one after the other.

        Parameters
        ----------
        seed : int
            Number of the replicate, from 0.

        Returns
        -------
        Sample
            Its points.
        """
        address = (self.digest, seed)
        if address not in _last:
            _last.clear()
            _last[address] = self.source.sample(seed, self.train_size, int(self.values["test_size"]))
        return _last[address]


_last: dict[tuple[str, int], Sample] = {}


def read_granularity(spec: SpecSource) -> Granularity:
    """Return the checked specification of a study.

    Args:
        spec: path of a TOML file, TOML text, or its tables as a dict.
    Errors: RecipeError naming every unknown table and key, with the nearest allowed one, and every bad value at once.
    """
    tables = read_study(spec, "granularity", KEYS, names(), EXAMPLE)
    return checked(tables.source, tables.values, tables.settings)


def checked(source: Source, table: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]]) -> Granularity:
    """Return a study whose table has been read, what depends on the source filled in and checked.

    Args:
        source: of the points. table: [granularity], every key there. settings: learner → its table.
    Errors: RecipeError naming everything that does not fit the points.
    """
    values = dict(table)
    problems = [
        f"table [{name}] is there and {name} is not among granularity.learners: name it, or leave the table out"
        for name in settings
        if name not in values["learners"]
    ]
    n = values["train_size"]
    most = source.size
    if values["test_size"] is None:
        values["test_size"] = _UNSEEN if most is None else most - n
    if most is not None and not 2 <= values["test_size"] <= most - n:
        problems.append(f"train_size = {n} of {most} points: expected sizes that leave 2 unseen points and more")
    total = n + values["test_size"] if most is None else most
    if values["scales"][-1] >= total:
        problems.append(f"granularity.scales up to {values['scales'][-1]}: expected scales below the {total} points")
    if set(values["curve_scales"]) - set(values["scales"]):
        problems.append("granularity.curve_scales: expected some of granularity.scales")
    if not source.redraws and values["linear_dims"]:
        problems.append("granularity.linear_dims of a file: its dimension is what it is; leave the key out")
    refuse(problems)
    for name in values["learners"]:
        learners.make(name, settings.get(name, {}))
    return Granularity(source, values, settings)
