"""Where the points of a study come from: a recipe, whose hierarchy is known, or a file of somebody's points, for which
one is estimated.

Replicate i of a recipe has its own geometry, embedding, labels and split; of a file it has its own split, and its own
random cuts where the hierarchy is drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fractalman._files import digest_of_bytes
from fractalman._typing import F32, F64, I64, Bool
from fractalman.config import shown
from fractalman.datasets.exchange.imported import import_files, import_percolation
from fractalman.datasets.memory import split_indices
from fractalman.errors import RecipeError
from fractalman.experiments.planning import drawing
from fractalman.experiments.specification import replicate_seeds, split_seed
from fractalman.families.base import memory_of
from fractalman.learners import Cost
from fractalman.measure.user_files import read_points
from fractalman.random.streams import Role, key64, permutation
from fractalman.recipes import Recipe
from fractalman.studies.estimated import HIERARCHIES, estimated_hierarchy, estimation_cost
from fractalman.trees import Hierarchy, LabelTree

TARGETS = ("value", "one-hot")
KNOWN = "known"
"""How the hierarchy of a file is called that comes with it."""


class Shape(NamedTuple):
    """A replicate's points: how many are made, coordinates, label columns."""

    points: int
    columns: int
    outputs: int

    def drawn(self, beside: float = 0.0) -> Cost:
        """Return what making them needs, ``beside`` bytes other than their coordinates and labels among it."""
        numbers = self.points * (4.0 * self.columns + 8.0 * self.outputs)
        return Cost(0.0, beside + numbers, seconds=drawing(self.points, self.columns))


@dataclass(frozen=True)
class Sample:
    """The points of one replicate.

    Parameters
    ----------
    X : (n, d) float32
        Coordinates.
    y : (n, m) float64
        Labels, a column per draw or per class.
    train : (n_train,) int64
        Training points, in random order.
    test : (n_test,) int64
        Test points, in random order; none of them in ``train``.
    hierarchy : Hierarchy
        Over the points.
    exact : bool
        Whether it is the one that made the data, or an estimate.
    label_tree : LabelTree or None
        Where the labels come from; None where nobody knows (files), or there is none (smooth fields).
    recipe : Recipe or None
        Of the replicate; None of a file.
    population : float
        N that the points were drawn from; inf where points are addressed.
    key : int
        64-bit key of everything random that a study does to it.
    edges : (m, 2) int64 or None, default None
        Of the graph that made the points; None where there is none, or none is known.
    predicted : (n, m) float64 or None, default None
        What a network that came with the points predicts at them, in units of ``y``.
    layers : dict, default empty
        Layer → (n, units) float64, of a network whose layer X is: what all its layers hold.
    """

    X: F32
    y: F64
    train: I64
    test: I64
    hierarchy: Hierarchy
    exact: bool
    label_tree: LabelTree | None
    recipe: Recipe | None
    population: float
    key: int
    edges: I64 | None = None
    predicted: F64 | None = None
    layers: Mapping[str, F64] = field(default_factory=dict)

    @property
    def noisy_tree(self) -> LabelTree | None:
        """The tree that the labels come from, their noise included; None where nobody knows it."""
        noise = 0.0 if self.recipe is None else self.recipe.noise
        return self.label_tree.noisy(noise) if self.label_tree is not None and noise else self.label_tree


@dataclass(frozen=True)
class RecipeSource:
    """Points of a recipe.

    Args:
        recipe: the dataset. draws: label vectors on every structure, m.
        hierarchy: how one is estimated for families without (smooth manifolds): one of `HIERARCHIES`.
    """

    recipe: Recipe
    draws: int = 1
    hierarchy: str = HIERARCHIES[0]
    redraws: ClassVar[bool] = True
    """Whether replicates have labels of their own, and the points can be drawn in other dimensions."""

    @property
    def exact(self) -> bool:
        """Whether the hierarchy is the one that makes the points."""
        return self.recipe.has_hierarchy

    @property
    def size(self) -> int | None:
        """Points of a replicate; None where as many are drawn as are asked for."""
        return None if self.recipe.addressed else self.recipe.max_points

    def shape(self, used: int) -> Shape:
        """Return the shape of a replicate of which ``used`` points train and test."""
        outputs = self.recipe.target_classes if self.recipe.classifies else self.draws
        return Shape(used if self.size is None else self.size, self.recipe.n_columns, outputs)

    def costs(self, used: int) -> list[Cost]:
        """Return what a replicate's points need, with their hierarchy."""
        shape, sized = self.shape(used), self.recipe.sized(used, 0) if self.recipe.addressed else self.recipe
        made = shape.drawn(beside=float(memory_of(sized).peak_bytes()))
        return [made] if self.exact else [made, estimation_cost(shape.points, self.hierarchy)]

    def in_words(self, recipe_words: Callable[[Recipe], str]) -> str:
        """Return where the points come from, and whether their hierarchy is the one that made them."""
        known = "known exactly" if self.exact else f"an estimate ({self.hierarchy})"
        return f"{recipe_words(self.recipe)}; its hierarchy is {known}"

    def to_dict(self) -> dict[str, Any]:
        """Return the table [recipe]."""
        return {"recipe": self.recipe.to_dict()}

    def sample(self, i: int, train_size: int, test_size: int) -> Sample:
        """Return replicate ``i`` with a split of the given sizes, a pure function of its arguments.

        Errors: RecipeError where the sizes are more than there are points.
        """
        from fractalman.generation import generate, label_draws

        recipe = self.recipe.replace(seed=replicate_seeds(self.recipe, i))
        if recipe.addressed:
            recipe = recipe.sized(train_size, test_size)
        data = generate(recipe)
        key = key64(recipe.seeds.geometry, Role.INITIALISATION, recipe.seeds.embedding, recipe.seeds.labels)
        known = data.hierarchy is not None and recipe.has_hierarchy
        train, test = data.split(train_size, test_size, seed=split_seed(self.recipe, i))
        return Sample(
            X=data.X,
            y=label_draws(data, self.draws),
            train=train,
            test=test,
            hierarchy=data.hierarchy
            if known and data.hierarchy is not None
            else estimated_hierarchy(data.X, self.hierarchy, key >> 1),
            exact=known,
            label_tree=data.label_tree if known else None,
            recipe=recipe,
            population=np.inf if recipe.addressed else float(data.n_points),
            key=key,
            edges=data.edges,
        )


@dataclass(frozen=True)
class FileSource:
    """Points of a file.

    Args:
        path: .npz, .npy or .csv with a target, as for `fractalman.measure.user_files.read_points`.
        hierarchy: how it is estimated: one of `HIERARCHIES`; `KNOWN` for a .npz in the layout of the reference
            implementation, as for `fractalman.import_percolation`.
        target: "value", or "one-hot": a column per class, centred, all of them together of variance 1.
        digest: of the bytes of the file and of those that belong to it, so that a run is not continued on other data.
    """

    path: str
    hierarchy: str
    target: str
    digest: str
    redraws: ClassVar[bool] = False

    @classmethod
    def of(cls, path: str | Path, hierarchy: str = HIERARCHIES[0], target: str = TARGETS[0]) -> FileSource:
        """Return the source of a file as it lies there now.

        Errors: RecipeError for a file that cannot be read, or has no target.
        """
        if hierarchy == KNOWN:
            if target != TARGETS[0]:
                raise RecipeError(
                    f'target = {shown(target)} with hierarchy = "known": expected "value", the labels as they are'
                )
            import_percolation(path)
        elif read_points(path)[1] is None:
            raise RecipeError(f"{path} holds no target: expected y in a .npz, or a column y of a .csv")
        return cls(str(path), hierarchy, target, _digest(path, hierarchy))

    @property
    def exact(self) -> bool:
        """Whether the hierarchy is the one that made the points, as the file says."""
        return self.hierarchy == KNOWN

    @property
    def size(self) -> int:
        """Points of the file."""
        return self.shape(0).points

    def shape(self, used: int) -> Shape:  # noqa: ARG002 (a file has as many points as it has)
        """Return the shape of a replicate, which is the file's."""
        return _file_shape(self.path, self.digest, self.target)

    def costs(self, used: int) -> list[Cost]:
        """Return what a replicate's points need, with their hierarchy."""
        shape = self.shape(used)
        return [shape.drawn(), *([] if self.exact else [estimation_cost(shape.points, self.hierarchy)])]

    def in_words(self, recipe_words: Callable[[Recipe], str]) -> str:  # noqa: ARG002 (there is no recipe)
        """Return where the points come from, and whether their hierarchy is the one that made them."""
        return f"{self.path}; its hierarchy is " + ("known" if self.exact else f"an estimate ({self.hierarchy})")

    def to_dict(self) -> dict[str, Any]:
        """Return the table [data]."""
        return {"data": {"file": self.path, "hierarchy": self.hierarchy, "target": self.target, "digest": self.digest}}

    def sample(self, i: int, train_size: int, test_size: int) -> Sample:
        """Return replicate ``i``: the file's points with a split of the given sizes.

        Errors: RecipeError where the file is another than before, or the sizes are more than there are points.
        """
        if _digest(self.path, self.hierarchy) != self.digest:
            raise RecipeError(f"{self.path} is not the file that the study began with: begin a new one in a new folder")
        if self.exact:
            return self._known(i, train_size, test_size)
        X, values = read_points(self.path)
        if values is None:
            raise RecipeError(f"{self.path} holds no target: expected y in a .npz, or a column y of a .csv")
        key = key64(int(self.digest[:15], 16), Role.REPLICATE, i)
        train, test = split_indices(len(X), train_size, test_size, seed=key >> 1)
        return Sample(
            X=np.ascontiguousarray(X, np.float32),
            y=labels(values, self.target),
            train=train,
            test=test,
            hierarchy=estimated_hierarchy(X, self.hierarchy, key >> 1),
            exact=False,
            label_tree=None,
            recipe=None,
            population=float(len(X)),
            key=key,
        )

    def _known(self, i: int, train_size: int, test_size: int) -> Sample:
        """A replicate of a file with its hierarchy; labels are in units of their prior where that is known."""
        data = import_percolation(self.path)
        h = data.hierarchy
        if data.label_tree is None:  # values that do not make the labels say nothing of them
            h = replace(h, value=0.0 * h.value, variance=0.0 * h.variance)
        key = key64(int(self.digest[:15], 16), Role.REPLICATE, i)
        train, test = data.split(train_size, test_size, seed=key >> 1)
        return Sample(
            X=np.ascontiguousarray(data.X, np.float32),
            y=data.y[:, None] if data.label_tree is not None else labels(data.y, self.target),
            train=train,
            test=test,
            hierarchy=h,
            exact=True,
            label_tree=data.label_tree,
            recipe=None,
            population=float(data.n_points),
            key=key,
        )


def _digest(path: str | Path, hierarchy: str) -> str:
    """SHA-256 of a file and, where its hierarchy is known, of the files that hold it."""
    if hierarchy != KNOWN:
        return digest_of_bytes(path, "a file of points")
    found = hashlib.sha256()
    for file in import_files(path):
        found.update(file.read_bytes())
    return found.hexdigest()


@lru_cache(maxsize=8)
def _file_shape(path: str, digest: str, target: str) -> Shape:  # noqa: ARG001 (the digest: another file, another shape)
    X, y = read_points(path)
    classes = np.unique(y).size if target == "one-hot" and y is not None else 1
    n, d = np.asarray(X).shape
    return Shape(n, d, classes)


def labels(values: F64, target: str) -> F64:
    """Return the label columns of a file's target, centred and of variance 1 in all (0 where all are equal).

    Args:
        values: (n,) the target. target: "value" (one column) or "one-hot" (a column per value).
    """
    if target == "one-hot":
        classes, which = np.unique(values, return_inverse=True)
        columns = np.zeros((values.size, classes.size))
        columns[np.arange(values.size), which.reshape(-1)] = 1.0
    else:
        columns = values[:, None].astype(np.float64)
    return unit_columns(columns)[0]


def unit_columns(columns: F64) -> tuple[F64, F64, float]:
    """Return label columns centred and of variance 1 in all, the centre (m,), and what they were divided by.

    Args:
        columns: (n, m). Where all are equal they are centred and divided by 1.
    """
    centre = columns.mean(axis=0)
    centred = columns - centre
    scale = float(np.sqrt(np.mean(np.square(centred)) * columns.shape[1])) or 1.0
    return centred / scale, centre, scale


@dataclass(frozen=True, eq=False)
class ArraySource:
    """Points that are given as arrays, with what a network holds at them where one came along.

    Args:
        points: (n, d) as they were given, which the network takes. X: (n, u) float32, what learners see: the points, or
            a layer's activations. y: (n, m) float64 labels, centred and of variance 1 in all.
        centre, scale: (m,) and a number: ``y`` is (labels − centre)/scale. predicted: (n, m) the network's outputs in
            units of ``y``, or None.
        space: (n, v) in which the hierarchy is estimated. hierarchy: how; "known" = ``tree``.
        trained: (n,) bool, which points may train, or None = any. words: what the source is called in reports.
        digest: of everything above.
    """

    points: F64
    X: F32
    y: F64
    centre: F64
    scale: float
    predicted: F64 | None
    space: F64
    hierarchy: str
    tree: Hierarchy | None
    trained: Bool | None
    words: str
    digest: str
    edges: I64 | None = None
    redraws: ClassVar[bool] = False

    @property
    def exact(self) -> bool:
        """Whether the hierarchy is the one that made the points, as whoever gave it says."""
        return self.tree is not None

    @property
    def size(self) -> int:
        """Points that were given."""
        return len(self.X)

    def shape(self, used: int) -> Shape:  # noqa: ARG002 (there are as many points as were given)
        """Return the shape of a replicate, which is that of the arrays."""
        return Shape(self.X.shape[0], self.X.shape[1], self.y.shape[1])

    def costs(self, used: int) -> list[Cost]:
        """Return what a replicate's points need, with their hierarchy."""
        shape = self.shape(used)
        return [shape.drawn(), *([] if self.exact else [estimation_cost(shape.points, self.hierarchy)])]

    def in_words(self, recipe_words: Callable[[Recipe], str]) -> str:  # noqa: ARG002 (there is no recipe)
        """Return where the points come from, and whether their hierarchy is the one that made them."""
        return f"{self.words}; its hierarchy is " + ("known" if self.exact else f"an estimate ({self.hierarchy})")

    def to_dict(self) -> dict[str, Any]:
        """Return the table [data]: what identifies the arrays, which are not kept."""
        return {"data": {"arrays": self.digest, "points": len(self.X), "what": self.words, "hierarchy": self.hierarchy}}

    def in_label_units(self, outputs: F64) -> F64:
        """Return what a network gives out, (n, m), in units of ``y``."""
        return (outputs - self.centre) / self.scale

    @cached_property
    def _ward(self) -> Hierarchy:
        return estimated_hierarchy(self.space, self.hierarchy, 0)

    def sample(self, i: int, train_size: int, test_size: int) -> Sample:
        """Return replicate ``i``: the points with a split of the given sizes.

        Errors: RecipeError where there are not so many points of either kind.
        """
        key = key64(int(self.digest[:15], 16), Role.REPLICATE, i)
        if self.tree is not None:
            tree = self.tree
        elif self.hierarchy == HIERARCHIES[0]:
            tree = self._ward
        else:
            tree = estimated_hierarchy(self.space, self.hierarchy, key >> 1)
        train, test = self._split(train_size, test_size, key)
        return Sample(
            X=self.X, y=self.y, train=train, test=test, hierarchy=tree, exact=self.exact, label_tree=None, recipe=None,
            population=float(len(self.X)), key=key, edges=self.edges, predicted=self.predicted,
        )  # fmt: skip

    def _split(self, train_size: int, test_size: int, key: int) -> tuple[I64, I64]:
        if self.trained is None:
            return split_indices(len(self.X), train_size, test_size, seed=key >> 1)
        kinds = np.flatnonzero(self.trained), np.flatnonzero(~self.trained)
        if train_size > kinds[0].size or test_size > kinds[1].size:
            raise RecipeError(
                f"{train_size} training and {test_size} unseen points of {kinds[0].size} and {kinds[1].size}: expected "
                "no more than there are; use a smaller train_size or test_size"
            )
        one, two = (
            kind[permutation(key64(key, Role.SPLIT, k), kind.size)][:size].astype(np.int64)
            for k, (kind, size) in enumerate(zip(kinds, (train_size, test_size), strict=True))
        )
        return one, two
