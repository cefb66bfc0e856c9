"""What somebody gives a study, points as arrays or a dataset and trained networks: checked, and made a source."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fractalman._arguments import is_array
from fractalman._typing import F64, I64, Bool
from fractalman.config import is_word, shown
from fractalman.errors import RecipeError, nearest
from fractalman.learners.own_networks import INPUT, OUTPUT, OwnNetwork, activations_at, own_network
from fractalman.studies.estimated import HIERARCHIES
from fractalman.studies.networks import NetworksSpec
from fractalman.studies.sources import TARGETS, ArraySource, labels, unit_columns
from fractalman.trees import Hierarchy

Snapshots = tuple[Mapping[int, OwnNetwork], ...]
"""Replicate → step of the training → network."""
FINAL_STEP = 1
"""Of a network that came without a step: it is looked at once, at its end."""


@dataclass(frozen=True)
class GivenNetworks(NetworksSpec):
    """A study's specification whose networks are given in place of a table.

    Parameters
    ----------
    networks : tuple of dict
        Replicate → step → network; replicates beyond the last begin anew with the first, at other points.
    """

    networks: Snapshots = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values, and what the networks are.

        Returns
        -------
        dict
            Name of a table → its values.
        """
        return {**super().to_dict(), "networks": snapshot_digests(self.networks)}


class Given(NamedTuple):
    """Points as arrays.

    Args:
        X: (n, d). y: (n, m) labels as given, None where the network's own outputs are the labels. tree: the hierarchy,
            where it is known. edges: of the graph that made the points, or None. words: what they are called.
        classes: (n,) the labels' numbers from 0 up, where they are classes with numbers, or None.
    """

    X: F64
    y: F64 | None
    tree: Hierarchy | None
    edges: I64 | None
    words: str
    classes: I64 | None = None


def is_data(value: Any) -> bool:
    """Return whether something is points (a dataset, an array, a pair of arrays) and no specification."""
    return isinstance(value, (tuple, list)) or hasattr(value, "X") or hasattr(value, "__array__")


def given_points(data: Any, target: str = TARGETS[0]) -> Given:
    """Return points and labels of a dataset, of a pair (X, y), or of X alone.

    Args:
        data: as above. target: "value", or "one-hot" for classes: a column per class.
    Errors: RecipeError for shapes that do not fit, numbers that are not finite, or an unknown target.
    """
    if not is_word(target, TARGETS):
        raise RecipeError(f"target = {shown(target)}: expected {', '.join(TARGETS)}{nearest(target, TARGETS)}")
    tree, edges, words = None, None, "arrays"
    if hasattr(data, "X"):
        found, values = data.X, getattr(data, "y", None)
        known = getattr(data, "hierarchy", None)
        tree = known if isinstance(known, Hierarchy) else None
        edges = getattr(data, "edges", None) if tree is not None else None
        words = f"a dataset of type {type(data).__name__}"
        recipe = getattr(data, "recipe", None)
        words = words if recipe is None else f"a dataset of the family {recipe.family}"
    elif isinstance(data, (tuple, list)) and len(data) == 2 and _dimensions(data[0]) >= 2:
        found, values = data
    else:
        found, values = data, None
    X = _numbers("X", found)
    if X.ndim > 2:
        raise RecipeError(
            f"X of shape {X.shape}: expected (n, d), a row for every point; use X.reshape(len(X), -1), and a network "
            "that shapes its input itself"
        )
    if X.ndim != 2 or len(X) < 8:
        raise RecipeError(f"X of shape {X.shape}: expected (n, d) with 8 points and more")
    if values is None:
        return Given(X, None, tree, edges, words)
    classes = None
    if target == "one-hot":
        y = labels(np.asarray(values), target)
        classes = _class_numbers(np.asarray(values))
    else:
        y = _numbers("y", values)
        y = y[:, None] if y.ndim == 1 else y
    if y.ndim != 2 or len(y) != len(X):
        raise RecipeError(f"y of shape {np.shape(values)}: expected {len(X)} rows, one for every point of X")
    return Given(X, y, tree, edges, words, classes)


def _class_numbers(values: Any) -> I64 | None:
    """Return labels as whole numbers from 0 up; None where they are anything else."""
    if values.dtype.kind not in "fiub" or not (np.isfinite(values).all() and (values == np.floor(values)).all()):
        return None
    return None if values.min() < 0 else values.reshape(-1).astype(np.int64)


def _dimensions(values: Any) -> int:
    try:
        return np.ndim(values)
    except ValueError:  # rows of unequal length, which `_numbers` names
        return 2


def _numbers(name: str, values: Any) -> F64:
    if np.ma.is_masked(values):
        raise RecipeError(
            f"{name} with {int(np.ma.getmaskarray(values).sum())} masked values: expected all; leave their rows out"
        )
    try:
        array = np.asarray(values[()] if hasattr(values, "chunks") else values)
    except ValueError:
        raise RecipeError(f"{name} with rows of unequal length: expected an array of numbers") from None
    if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
        raise RecipeError(f"{name} of kind {array.dtype}: expected finite numbers; use target = 'one-hot' for classes")
    return np.ascontiguousarray(array, np.float64)


def snapshots_of(network: Any, X: F64, layers: Any = None) -> Snapshots:
    """Return networks as replicates of steps.

    Args:
        network: one network as `own_network` takes it; a dict step (an integer) → network; or a list of either, which
            differ in their initialization or their data. X: the points. layers: as `own_network` takes them.
    Errors: RecipeError for what is no network, or networks without the same layers.
    """
    several = list(network) if isinstance(network, list) else [network]
    found: list[Mapping[int, OwnNetwork]] = []
    for one in several:
        stepped = isinstance(one, Mapping) and len(one) > 0 and all(isinstance(key, int) for key in one)
        if stepped and any(hasattr(given, "shape") for given in one.values()):
            raise RecipeError(
                f"network of {shown(sorted(one))}: integers are steps of the training, expected a network at each; use "
                "names for layers, e.g. {'layer 0': array}"
            )
        by_step = dict(sorted(one.items())) if stepped else {FINAL_STEP: one}
        found.append({int(step): own_network(given, X, layers) for step, given in by_step.items()})
    names = {(tuple(one), tuple((net.layers, net.parts) for net in one.values())) for one in found}
    if len(names) != 1:
        raise RecipeError(f"{len(found)} networks: expected one and more, with the same layers at the same steps")
    return tuple(found)


def snapshot_digests(networks: Snapshots) -> list[dict[str, str]]:
    """Return step → fingerprint for every replicate."""
    return [{str(step): network.fingerprint() for step, network in one.items()} for one in networks]


def array_source(
    given: Given,
    network: OwnNetwork | None,
    *,
    layer: str = INPUT,
    hierarchy: Any = None,
    hierarchy_layer: str = INPUT,
    train: Any = None,
) -> ArraySource:
    """Return given points as the source of a study.

    Args:
        given: the points. network: whose activations and outputs are used, or None. layer: in which learners work.
        hierarchy: a `Hierarchy` over the points, or a name of `HIERARCHIES`; None = the dataset's own, else Ward's.
        hierarchy_layer: in which it is estimated. train: indices or mask of the points that may train; None = any.
    Errors: RecipeError naming what does not fit.
    """
    held = {} if network is None else activations_at(network, given.X)
    spaces = {INPUT: given.X, **held}
    for name, value in (("layer", layer), ("hierarchy_layer", hierarchy_layer)):
        if not is_word(value, spaces):
            raise RecipeError(f"{name} = {shown(value)}: expected {', '.join(spaces)}{nearest(value, spaces)}")
    outputs = held.get(OUTPUT)
    raw = outputs if given.y is None else given.y
    if raw is None:
        raise RecipeError("points without labels: expected (X, y), or a network whose outputs are known")
    if outputs is not None and outputs.shape[1] == 1 and raw.shape[1] == 2 and np.allclose(raw[:, 0], -raw[:, 1]):
        raw = raw[:, 1:]  # one logit for two classes is that of the second
    if outputs is not None and given.classes is not None and raw.shape[1] < outputs.shape[1] > given.classes.max():
        raw = np.eye(outputs.shape[1])[given.classes]  # an output for each number, of which some do not occur
    if outputs is not None and outputs.shape[1] != raw.shape[1]:
        raise RecipeError(
            f"a network of {outputs.shape[1]} outputs and labels of {raw.shape[1]} columns: expected as many; use "
            "target = 'one-hot' for classes, or a network that gives out what y holds"
        )
    tree, how = _hierarchy(given, hierarchy)
    y, centre, scale = unit_columns(raw)
    trained = _mask(train, len(given.X))
    source = ArraySource(
        points=given.X, X=np.ascontiguousarray(spaces[layer], np.float32), y=y, centre=centre, scale=scale,
        predicted=None if outputs is None else (outputs - centre) / scale, space=spaces[hierarchy_layer],
        hierarchy=how, tree=tree, trained=trained, words=_words(given, network, layer, hierarchy_layer, how), digest="",
        edges=given.edges,
    )  # fmt: skip
    object.__setattr__(source, "digest", _digest(source))
    return source


def _words(given: Given, network: OwnNetwork | None, layer: str, hierarchy_layer: str, how: str) -> str:
    n, d = given.X.shape
    words = [f"{given.words}, {n:,} points in {d} dimensions"]
    words += ["labels = the network's outputs"] if given.y is None else []
    words += [f"learners in layer {layer}"] if layer != INPUT else []
    words += [f"hierarchy of layer {hierarchy_layer}"] if hierarchy_layer != INPUT and how != "known" else []
    words += [f"{type(network).__name__} with {len(network.layers)} layers"] if network is not None else []
    return "; ".join(words)


def _hierarchy(given: Given, asked: Any) -> tuple[Hierarchy | None, str]:
    if isinstance(asked, Hierarchy):
        if asked.n_points != len(given.X):
            raise RecipeError(f"a hierarchy of {asked.n_points} points: expected one of the {len(given.X)} points of X")
        return asked, "known"
    if asked is None and given.tree is not None:
        return given.tree, "known"
    how = HIERARCHIES[0] if asked is None else asked
    if not is_word(how, HIERARCHIES):
        raise RecipeError(f"hierarchy = {shown(how)}: expected {', '.join(HIERARCHIES)}{nearest(how, HIERARCHIES)}")
    return None, str(how)


def _mask(train: Any, n: int) -> Bool | None:
    if train is None:
        return None
    given: Any = np.asarray(train) if is_array(train) else np.empty((0, 0))
    mask = np.zeros(n, bool)
    if given.dtype == bool and given.shape == (n,):
        mask = given.copy()
    elif given.ndim == 1 and given.dtype.kind in "iu" and given.size and given.min() >= 0 and given.max() < n:
        mask[given] = True
    else:
        raise RecipeError(f"train of shape {given.shape} and kind {given.dtype}: expected {n} booleans, or row numbers")
    if not 0 < mask.sum() < n:
        raise RecipeError(f"train names {mask.sum()} of {n} points: expected some, and some unseen ones")
    return mask


def _digest(source: ArraySource) -> str:
    digest = hashlib.sha256(f"{source.hierarchy} {source.words}".encode())
    arrays: Sequence[Any] = (source.points, source.X, source.y, source.space, source.predicted, source.trained)
    for array in (*arrays, *([] if source.tree is None else [source.tree.parent])):
        digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def sizes_of(source: ArraySource, train_size: Any, test_size: Any) -> tuple[int, int]:
    """Return the sizes of a split: what was asked for, else all points that trained, or half; and all others.

    Args:
        source: the points. train_size, test_size: as asked, or None.
    """
    n = len(source.X)
    able = n if source.trained is None else int(source.trained.sum())
    if train_size is None:
        train_size = n // 2 if source.trained is None else able
    if test_size is None:
        test_size = n - (int(train_size) if source.trained is None else able)
    return train_size, test_size


def ladder(n: int, factor: int = 4) -> tuple[int, ...]:
    """Return the scales 4, 16, 64, …, up to a quarter of n points."""
    return tuple(4 * factor**k for k in range(30) if 4 * factor**k <= max(4, n // 4))
