"""The column table: the description of a dataset file that drives writer, reader, verify, FORMAT.md and damage tests.

``python -m fractalman.datasets.document`` prints datasets/FORMAT.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FORMAT_NAME = "fractalman-dataset"
MAJOR, MINOR = 1, 0
"""Major: other majors are refused. Minor: a file of a higher minor is read, and what it adds is ignored."""

HEADER_BYTES = 512
BLOCK_BYTES = 512 * 1024
"""A block of a column holds about so many bytes: what is stored as one chunk and has one digest."""
EVEN_BLOCKS = 16
GZIP_LEVEL = 1
ZSTD_LEVEL = 3
STANDARD = "standard"
COMPRESSIONS: dict[str, str] = {
    STANDARD: "integers shuffled and with gzip (level 1), floats as they are",
    "off": "everything as it is",
    "lzf": "everything shuffled and with h5py's LZF, which may pack one content in two ways (one of 473 files; one of "
    "9669 columns by h5py 3.16.0 alone): the content digest stays, the file's bytes may not",
    "gzip": "everything shuffled and with gzip (level 1)",
    "zstd": "everything shuffled and with Zstandard (level 3; needs hdf5plugin)",
}
"""Name → what is stored how. Blosc2 is none of them: it packs no better than zstd, and its bytes name the writer's
number of threads, so another machine would not give the same file."""
PROVENANCE = "provenance"
SHARDS = "shards"
DIGESTS = "digests"
SUBSET_FAMILY = "subset"
"""What stands for the family in the provenance of some points of a dataset."""

AnyArray: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Problem:
    """One way in which a file is not what it must be.

    Parameters
    ----------
    path : str
        The column (or "provenance", or "/" for the file as a whole) that is wrong.
    message : str
        What was found and what is expected, one line.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True)
class Check:
    """A requirement on every single element of a column, checked by the writer and by verify.

    Args:
        statement: the requirement in words.
        good: (block, dimensions) → boolean array of the block's shape, False where the requirement is broken.
    """

    statement: str
    good: Callable[[AnyArray, Mapping[str, int]], npt.NDArray[np.bool_]]


def _finite() -> Check:
    return Check("finite", lambda x, _: np.isfinite(x))


def _at_least(low: int) -> Check:
    return Check(f"≥ {low}", lambda x, _: x >= low)


def _above_zero() -> Check:
    return Check("> 0", lambda x, _: x > 0)


def _index_of(dim: str, low: int = 0) -> Check:
    return Check(f"{low} ≤ value < {dim}".replace("-", "−"), lambda x, dims: (x >= low) & (x < dims[dim]))


@dataclass(frozen=True)
class Column:
    """One column of a file.

    Args:
        path: where it lies in the HDF5 file.
        dtype: NumPy's little-endian name of its fixed type.
        shape: a dimension's name or a fixed number per axis.
        unit: of its values; "1" for pure numbers.
        meaning: one sentence.
        group: "required", or the group of columns that are all there or all absent.
        checks: requirements on every element.
    """

    path: str
    dtype: str
    shape: tuple[str | int, ...]
    unit: str
    meaning: str
    group: str = "required"
    checks: tuple[Check, ...] = ()

    @property
    def dimensions(self) -> str:
        """Names (or fixed numbers) of the axes as the file says them, e.g. "n, d"."""
        return ", ".join(map(str, self.shape))

    def expected_shape(self, dims: Mapping[str, int]) -> Shape:
        """Return the shape for given dimensions."""
        return tuple(size if isinstance(size, int) else dims[size] for size in self.shape)


DIMENSIONS: dict[str, tuple[str, int | str]] = {
    "n": ("points", 1),
    "d": ("coordinates of a point", 2),
    "t": ("tokens of a string", 1),
    "m": ("edges", 0),
    "k": ("nodes of the hierarchy: the n points, then the latents", "n"),
    "q": ("nodes of the label tree", 1),
    "N": ("points of the whole dataset, where the file is a shard; else n", "n"),
}
"""Name → (meaning, smallest allowed size or the dimension it may not be smaller than)."""

GROUPS: dict[str, str] = {
    "required": "MUST be there.",
    "graph": "MUST be there if the family has a graph, and MUST NOT otherwise.",
    "tree": "The file either holds all of these columns or none (written with hierarchy=False, or a family without a "
    "hierarchy).",
    "labels": "MUST be there if the columns of the tree are and the points are no strings of tokens, and MUST NOT "
    "otherwise.",
    "level": "MAY be there (families whose nodes have levels), only together with the tree columns.",
    "noise": "MUST be there if the recipe has label noise, and MUST NOT otherwise.",
    "value": 'MUST be there if the recipe\'s target is "sign", "threshold" or "classes", and MUST NOT otherwise.',
    "tokens": "MUST be there if the family's points are strings of tokens, and MUST NOT otherwise; y is a whole number "
    "then, the number of a symbol.",
    "subset": "MUST be there if the file holds some points of a dataset, and MUST NOT otherwise.",
}

_F8, _I8 = "<f8", "<i8"
_TREE_VALUE = "unit of y × norm"
_TREE_VARIANCE = "(unit of y × norm)²"
_LABEL = "prior standard deviations"
_EDGES = "Pairs of points joined in the graph: n − 1 in a tree, more in a graph with loops, fewer in several trees."

COLUMNS: tuple[Column, ...] = (
    Column("X", "<f4", ("n", "d"), "1", "Coordinates of the points.", checks=(_finite(),)),
    Column("y", _F8, ("n",), _LABEL, "Labels; classes 0 and 1 where there is a value.", checks=(_finite(),)),
    Column("cluster", _I8, ("n",), "1", "Cluster of each point; 0 is the largest, or first.", checks=(_index_of("N"),)),
    Column("edges", _I8, ("m", 2), "1", _EDGES, "graph", (_index_of("n"),)),
    Column(
        "hierarchy/parent",
        _I8,
        ("k",),
        "1",
        "Parent of each node: a latent, or −1 at a root.",
        "tree",
        (_index_of("k", -1),),
    ),
    Column(
        "hierarchy/value",
        _F8,
        ("k",),
        _TREE_VALUE,
        "Latent value of each node, drawn from N(0, variance).",
        "tree",
        (_finite(),),
    ),
    Column(
        "hierarchy/variance",
        _F8,
        ("k",),
        _TREE_VARIANCE,
        "Variance of each node's value.",
        "tree",
        (_finite(), _at_least(0)),
    ),
    Column(
        "hierarchy/size",
        _I8,
        ("k",),
        "points",
        "Points at or below each node; 1 for a point, 0 for a latent of a subset without any of its points.",
        "tree",
        (_at_least(0),),
    ),
    Column("hierarchy/depth", _I8, ("k",), "1", "Number of ancestors of each node.", "tree", (_at_least(0),)),
    Column(
        "hierarchy/level",
        _I8,
        ("k",),
        "1",
        "Level of each node in its family's own construction.",
        "level",
        (_at_least(0),),
    ),
    Column(
        "label_tree/parent",
        _I8,
        ("q",),
        "1",
        "Parent of each node of the tree that the labels come from, or −1 at a root.",
        "labels",
        (_index_of("q", -1),),
    ),
    Column(
        "label_tree/value",
        _F8,
        ("q",),
        _TREE_VALUE,
        "Value of each node, drawn from N(0, variance), independent.",
        "labels",
        (_finite(),),
    ),
    Column(
        "label_tree/variance",
        _F8,
        ("q",),
        _TREE_VARIANCE,
        "Variance of each node's value.",
        "labels",
        (_finite(), _at_least(0)),
    ),
    Column(
        "label_tree/norm",
        _F8,
        ("n",),
        "1 / unit of y",
        "What each label's path sum is divided by.",
        "labels",
        (_finite(), _above_zero()),
    ),
    Column(
        "label_tree/leaf",
        _I8,
        ("n",),
        "1",
        "Node of the label tree at which each point's path ends.",
        "labels",
        (_index_of("q"),),
    ),
    Column(
        "noise", _F8, ("n",), _LABEL, "Label noise contained in y; y − noise is the clean label.", "noise", (_finite(),)
    ),
    Column("value", _F8, ("n",), _LABEL, "The label, noise included, whose class y is.", "value", (_finite(),)),
    Column(
        "rows", _I8, ("n",), "1", "Row of each point in the dataset that it was taken from.", "subset", (_at_least(0),)
    ),
    Column("tokens", "<i4", ("n", "t"), "1", "Tokens of each string, from the left.", "tokens", (_at_least(0),)),
)
BY_PATH: dict[str, Column] = {column.path: column for column in COLUMNS}
POINT_COLUMNS: tuple[str, ...] = tuple(
    column.path
    for column in COLUMNS
    if column.shape[0] == "n" and column.group not in ("required", "subset") and "/" not in column.path
)
"""What a point may have beside coordinates, label and cluster: fields of `Structure` and `Dataset` of the same name."""
POINT_NUMBERS: tuple[str, ...] = tuple(path for path in POINT_COLUMNS if len(BY_PATH[path].shape) == 1)
"""Those that are one number a point: columns of tables, fields of batches."""


@dataclass(frozen=True)
class Rule:
    """A requirement on columns together, checked by verify (which holds one function per name).

    ``optional`` columns are used where the file has them.
    """

    name: str
    path: str
    columns: tuple[str, ...]
    statement: str
    optional: tuple[str, ...] = ()


RULES: tuple[Rule, ...] = (
    Rule("recipe-size", PROVENANCE, (), "The recipe's n_points is n, and ambient_dim + nuisance_dim is d."),
    Rule(
        "cluster-order",
        "cluster",
        ("cluster",),
        "Cluster numbers start at 0 and leave no gap. They never fall from row to row, and cluster sizes never rise; "
        'but in subsets both may, and where the recipe says growth = "nested" every new number is the next one; in a '
        "shard of such a dataset, numbers below its first row may have come before it.",
    ),
    Rule("edge-ends", "edges", ("edges", "cluster"), "An edge joins two different points of one cluster."),
    Rule(
        "hierarchy-parent",
        "hierarchy/parent",
        ("hierarchy/parent",),
        "A parent is a latent (n ≤ id < k); a latent's parent has a smaller id than the latent.",
    ),
    Rule(
        "hierarchy-depth",
        "hierarchy/depth",
        ("hierarchy/depth", "hierarchy/parent"),
        "A root's depth is 0, any other node's is its parent's plus 1.",
    ),
    Rule(
        "hierarchy-size",
        "hierarchy/size",
        ("hierarchy/size", "hierarchy/parent"),
        "A point's size is 1, a latent's is the sum over its children (0 in subsets only); from latent to latent "
        "it never rises.",
    ),
    Rule(
        "hierarchy-level",
        "hierarchy/level",
        ("hierarchy/level", "hierarchy/parent"),
        "A latent's level is above its parent's; a point's is at least its parent's.",
    ),
    Rule(
        "hierarchy-zero",
        "hierarchy/value",
        ("hierarchy/value", "hierarchy/variance"),
        "A value whose variance is 0 is 0.",
    ),
    Rule(
        "noise",
        "noise",
        (),
        "There is noise exactly if the recipe's noise is above 0.",
    ),
    Rule(
        "value",
        "value",
        (),
        'There is a value exactly if the recipe\'s target is "sign", "threshold" or "classes".',
    ),
    Rule(
        "classes",
        "y",
        ("y", "value"),
        "y is 1 where value is above the recipe's threshold (0 where it names none), and 0 elsewhere; of target "
        '"classes" it is a whole number from 0 to subclusters − 1.',
    ),
    Rule(
        "symbols",
        "y",
        ("y", "tokens"),
        "Where the points are strings of tokens, y is a whole number and at least 0.",
    ),
    Rule(
        "rows",
        "rows",
        (),
        "There are rows exactly if the file holds a subset; they name different points of whole_points.",
        ("rows",),
    ),
    Rule(
        "label-zero",
        "label_tree/value",
        ("label_tree/value", "label_tree/variance"),
        "A value whose variance is 0 is 0.",
    ),
    Rule(
        "labels",
        "y",
        ("y", "label_tree/parent", "label_tree/value", "label_tree/norm", "label_tree/leaf"),
        "The label tree has no cycle, and the label (value where there is one, else y) less noise (where there is any) "
        "is the sum of the nodes' values over the path from the root to leaf, divided by norm, to 10⁻¹² of "
        "max(1, |label|).",
        ("noise", "value"),
    ),
)


# ------------------------------------------------------------------------------------------------ structure


def block_rows(shape: Shape, dtype: str) -> int:
    """Return how many whole rows one block holds: about BLOCK_BYTES, at least one, at most all.

    A last block takes as many bytes in the file as the others, so a few blocks share the rows evenly.
    """
    rows = shape[0] if shape else 1
    most = max(1, BLOCK_BYTES // max(1, np.dtype(dtype).itemsize * math.prod(shape[1:])))
    blocks = -(-rows // most)
    return max(1, -(-rows // blocks)) if 0 < blocks <= EVEN_BLOCKS else most


def structure_problems(found: Mapping[str, tuple[str, Shape]]) -> tuple[dict[str, int], list[Problem]]:
    """Return the dimensions of a set of columns, and everything that is wrong with their presence, types and shapes.

    Args:
        found: path → (NumPy type name, shape).
    """
    problems = [Problem(path, "is no column of this format") for path in found if path not in BY_PATH]
    present = {column.group for column in COLUMNS if column.path in found}
    wanted = present | {"required"} | ({"tree"} if present & {"level", "labels"} else set())
    if "tree" in wanted and "tokens" not in present:
        wanted.add("labels")
    dims: dict[str, int] = {}
    origin: dict[str, str] = {}
    for column in COLUMNS:
        if column.path not in found:
            if column.group in wanted:
                problems.append(Problem(column.path, f"is missing ({column.group} column)"))
            continue
        dtype, shape = found[column.path]
        if np.dtype(dtype) != np.dtype(column.dtype):
            problems.append(Problem(column.path, f"has type {dtype}: expected {column.dtype}"))
        if len(shape) != len(column.shape):
            problems.append(Problem(column.path, f"has shape {shape}: expected {len(column.shape)} axes"))
            continue
        for axis, (size, name) in enumerate(zip(shape, column.shape, strict=True)):
            if isinstance(name, str):
                origin.setdefault(name, column.path)
            required = name if isinstance(name, int) else dims.setdefault(name, size)
            if size != required:
                why = f" ({name}, from {origin[name]})" if isinstance(name, str) else ""
                problems.append(Problem(column.path, f"has {size} entries along axis {axis}: expected {required}{why}"))
    for name, size in dims.items():
        low = DIMENSIONS[name][1]
        least = low if isinstance(low, int) else dims.get(low, 0)
        if size < least:
            problems.append(Problem(origin[name], f"has {name} = {size} {DIMENSIONS[name][0]}: expected ≥ {least}"))
    return dims, problems


def broken_elements(
    column: Column, block: AnyArray, start: int, dims: Mapping[str, int]
) -> Iterator[tuple[str, str, int]]:
    """Yield (requirement, the first element that breaks it, how many do) for rows start … start + len(block) − 1."""
    for check in column.checks:
        good = check.good(block, dims)
        if not good.all():
            bad = ~good
            where = tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))
            at = ", ".join(str(i) for i in (where[0] + start, *where[1:]))
            yield check.statement, f"[{at}] is {block[where]}", int(np.count_nonzero(bad))
