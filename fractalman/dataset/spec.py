"""The column table: the description of a dataset file that drives writer, reader, verify, FORMAT.md and damage tests.

``python -m fractalman.dataset.spec`` prints datasets/FORMAT.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FORMAT_NAME = "fractalman-dataset"
MAJOR, MINOR = 1, 0
"""Major: other majors are refused. Minor: a file of a higher minor is read, and what it adds is ignored."""

CHUNK_BYTES = 512 * 1024
GZIP_LEVEL = 1
CERTIFICATE = "certificate"
SHARDS = "shards"

AnyArray: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Problem:
    """One way in which a file is not what it must be.

    Args:
        path: the column (or "certificate", or "/" for the file as a whole) that is wrong.
        message: what was found and what is required, one line.
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
        bad: (block, dimensions) → boolean array of the block's shape, True where the requirement is broken.
    """

    statement: str
    bad: Callable[[AnyArray, Mapping[str, int]], npt.NDArray[np.bool_]]


def _finite() -> Check:
    return Check("finite", lambda x, _: ~np.isfinite(x))


def _at_least(low: int) -> Check:
    return Check(f"≥ {low}", lambda x, _: ~(x >= low))


def _above_zero() -> Check:
    return Check("> 0", lambda x, _: ~(x > 0))


def _index_of(dim: str, low: int = 0) -> Check:
    return Check(f"{low} ≤ value < {dim}".replace("-", "−"), lambda x, dims: (x < low) | (x >= dims[dim]))


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
    def compressed(self) -> bool:
        """Integer tables are compressed; floats hardly shrink and would only be slower."""
        return np.dtype(self.dtype).kind == "i"

    def expected_shape(self, dims: Mapping[str, int]) -> Shape:
        """Return the shape for given dimensions."""
        return tuple(size if isinstance(size, int) else dims[size] for size in self.shape)


DIMENSIONS: dict[str, tuple[str, int | str]] = {
    "n": ("points", 1),
    "d": ("coordinates of a point", 2),
    "m": ("edges", 0),
    "k": ("nodes of the hierarchy: the n points, then the latents", "n"),
    "q": ("nodes of the label tree", 1),
}
"""Name → (meaning, smallest allowed size or the dimension it may not be smaller than)."""

GROUPS: dict[str, str] = {
    "required": "MUST be there.",
    "graph": "MUST be there if the family has a graph, and MUST NOT otherwise.",
    "tree": "The file either holds all of these columns or none (written with hierarchy=False, or a family without a "
    "hierarchy).",
    "level": "MAY be there (families whose nodes have levels), only together with the tree columns.",
    "noise": "MUST be there if the recipe has label noise, and MUST NOT otherwise.",
}

_F8, _I8 = "<f8", "<i8"
_TREE_VALUE = "unit of y × norm"
_TREE_VARIANCE = "(unit of y × norm)²"
_LABEL = "prior standard deviations"
_EDGES = "Pairs of points joined in the graph: n − 1 in a tree, more in a graph with loops, fewer in several trees."

COLUMNS: tuple[Column, ...] = (
    Column("X", "<f4", ("n", "d"), "1", "Coordinates of the points.", checks=(_finite(),)),
    Column("y", _F8, ("n",), _LABEL, "Labels.", checks=(_finite(),)),
    Column("cluster", _I8, ("n",), "1", "Cluster of each point; 0 is the largest.", checks=(_index_of("n"),)),
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
        "Points at or below each node; 1 for a point.",
        "tree",
        (_at_least(1),),
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
        "tree",
        (_index_of("q", -1),),
    ),
    Column(
        "label_tree/value",
        _F8,
        ("q",),
        _TREE_VALUE,
        "Value of each node, drawn from N(0, variance), independent.",
        "tree",
        (_finite(),),
    ),
    Column(
        "label_tree/variance",
        _F8,
        ("q",),
        _TREE_VARIANCE,
        "Variance of each node's value.",
        "tree",
        (_finite(), _at_least(0)),
    ),
    Column(
        "label_tree/norm",
        _F8,
        ("n",),
        "1 / unit of y",
        "What each label's path sum is divided by.",
        "tree",
        (_finite(), _above_zero()),
    ),
    Column(
        "label_tree/leaf",
        _I8,
        ("n",),
        "1",
        "Node of the label tree at which each point's path ends.",
        "tree",
        (_index_of("q"),),
    ),
    Column(
        "noise", _F8, ("n",), _LABEL, "Label noise contained in y; y − noise is the clean label.", "noise", (_finite(),)
    ),
)
BY_PATH: dict[str, Column] = {column.path: column for column in COLUMNS}


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
    Rule("recipe-size", CERTIFICATE, (), "The recipe's n_points is n, and ambient_dim + nuisance_dim is d."),
    Rule(
        "cluster-order",
        "cluster",
        ("cluster",),
        "Cluster numbers start at 0, never fall and leave no gap; cluster sizes never rise.",
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
        "A point's size is 1, a latent's is the sum over its children; from latent to latent it never rises.",
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
        "label-zero",
        "label_tree/value",
        ("label_tree/value", "label_tree/variance"),
        "A value whose variance is 0 is 0.",
    ),
    Rule(
        "labels",
        "y",
        ("y", "label_tree/parent", "label_tree/value", "label_tree/norm", "label_tree/leaf"),
        "The label tree has no cycle, and y − noise (y where there is no noise) is the sum of value over the path from "
        "the root to leaf, divided by norm, to 10⁻¹² of max(1, |y|).",
        ("noise",),
    ),
)


# ------------------------------------------------------------------------------------------------ structure


def chunk_rows(shape: Shape, dtype: str) -> int:
    """Return how many whole rows one chunk holds: about CHUNK_BYTES, at least one, at most all."""
    row = np.dtype(dtype).itemsize * math.prod(shape[1:])
    return max(1, min(CHUNK_BYTES // max(1, row), shape[0] if shape else 1))


def structure_problems(found: Mapping[str, tuple[str, Shape]]) -> tuple[dict[str, int], list[Problem]]:
    """Return the dimensions of a set of columns, and everything that is wrong with their presence, types and shapes.

    Args:
        found: path → (NumPy type name, shape).
    """
    problems = [Problem(path, "is no column of this format") for path in found if path not in BY_PATH]
    present = {column.group for column in COLUMNS if column.path in found}
    wanted = present | {"required"} | ({"tree"} if "level" in present else set())
    dims: dict[str, int] = {}
    origin: dict[str, str] = {}
    for column in COLUMNS:
        if column.path not in found:
            if column.group in wanted:
                problems.append(Problem(column.path, f"is missing ({column.group} column)"))
            continue
        dtype, shape = found[column.path]
        if np.dtype(dtype) != np.dtype(column.dtype):
            problems.append(Problem(column.path, f"has type {dtype}: required is {column.dtype}"))
        if len(shape) != len(column.shape):
            problems.append(Problem(column.path, f"has shape {shape}: required are {len(column.shape)} axes"))
            continue
        for axis, (size, name) in enumerate(zip(shape, column.shape, strict=True)):
            if isinstance(name, str):
                origin.setdefault(name, column.path)
            required = name if isinstance(name, int) else dims.setdefault(name, size)
            if size != required:
                why = f" ({name}, from {origin[name]})" if isinstance(name, str) else ""
                problems.append(Problem(column.path, f"has {size} entries along axis {axis}: required {required}{why}"))
    for name, size in dims.items():
        low = DIMENSIONS[name][1]
        least = low if isinstance(low, int) else dims.get(low, 0)
        if size < least:
            problems.append(Problem(origin[name], f"has {name} = {size} {DIMENSIONS[name][0]}: allowed is ≥ {least}"))
    return dims, problems


def element_problem(column: Column, block: AnyArray, start: int, dims: Mapping[str, int]) -> Problem | None:
    """Return the first requirement that an element of rows start … start + len(block) − 1 breaks, or None."""
    for check in column.checks:
        bad = check.bad(block, dims)
        if bad.any():
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            at = ", ".join(str(i) for i in (where[0] + start, *where[1:]))
            return Problem(column.path, f"[{at}] is {block[where]}: required {check.statement}")
    return None


# ------------------------------------------------------------------------------------------------ FORMAT.md


def format_document() -> str:
    """Return the text of datasets/FORMAT.md."""
    dimensions = "\n".join(f"| {name} | {meaning} | {low} |" for name, (meaning, low) in DIMENSIONS.items())
    columns = "\n".join(
        f"| `{c.path}` | `{c.dtype}` | ({', '.join(map(str, c.shape))}{',' if len(c.shape) == 1 else ''}) | {c.unit} "
        f"| {c.group} | {'; '.join(check.statement for check in c.checks)} | {c.meaning} |"
        for c in COLUMNS
    )
    groups = "\n".join(f"- **{name}**: {text}" for name, text in GROUPS.items())
    rules = "\n".join(f"- `{rule.name}` ({rule.path}): {rule.statement}" for rule in RULES)
    return f"""# The dataset file, format {MAJOR}.{MINOR}

Generated from `fractalman/dataset/spec.py` by `python -m fractalman.dataset.spec`; a test compares the two.
MUST and MAY are meant as in RFC 2119.

A dataset is one HDF5 file (file format of HDF5 1.10). Its root group MUST carry four scalar attributes:
`format` (fixed-length ASCII, `{FORMAT_NAME}`), `major` and `minor` (int64), and `complete` (int64, 1; set last).
A reader MUST refuse a file with another `major`, with `complete` other than 1, or without its certificate.
A reader MUST read a file with a higher `minor` and MAY ignore what it does not know.
Attributes hold scalars only. Nothing in the file depends on time, host or path: the same columns, recipe and package
versions give the same bytes.

## Dimensions

| name | meaning | at least |
|---|---|---|
{dimensions}

Their sizes are those of the columns; the certificate records every column's shape.

## Columns

| path | type | shape | unit | group | every element (writer, verify) | meaning |
|---|---|---|---|---|---|---|
{columns}

{groups}

Presence, types and shapes are checked when a file is opened; elements and checksums by `verify`.
Storage: every non-empty column is chunked in whole rows of about {CHUNK_BYTES // 1024} KiB and MUST carry HDF5's
`fletcher32` checksum; integer columns are shuffled and compressed (gzip, level {GZIP_LEVEL}), floats are stored as
they are. Empty columns (no edges) have no chunks.

## Columns together (checked by `verify`)

{rules}

## Certificate

`{CERTIFICATE}`: one fixed-length ASCII string, shape (1,), with a fletcher32 checksum, holding JSON with sorted keys:

- `format`: [major, minor];
- `recipe`: the recipe's family and keywords, from which the file can be rebuilt;
- `stream_version`: version of the random streams;
- `versions`: of fractalman, numpy, numba, scipy, h5py and HDF5, as they were when the file was written;
- `columns`: per column its `dtype`, `shape` and `digest`, the BLAKE2b-256 of its little-endian row-major bytes;
- `content`: BLAKE2b-256 of the JSON (sorted keys, no blanks) of `recipe`, `stream_version` and `columns`: two files
  with the same `content` hold the same data.

## Shards

A dataset MAY lie in several files: shards of consecutive rows, and a *master*, which is a dataset file as described
here but for its columns over the points: those are HDF5 virtual datasets, one source per shard, without chunks and
checksum of their own. `{SHARDS}` is then there, one fixed-length ASCII string, shape (1,), with a fletcher32 checksum,
holding JSON: `shards`, a list in the order of the rows with, per shard, `file` (its path relative to the master's
folder), `rows`, `bytes` of the file, `content` of its certificate, and `columns`: per column the digest of its rows.
A reader MUST refuse rows of a shard that is missing or has another content: HDF5 itself would read fill values (NaN and
−1 here) without a word. The certificate is that of the whole, with the digests and `content` of the same columns in one
file. A shard is a dataset file whose recipe has `family` "shard", its `number` (from 1) of `count`, `first_row`, its
own `n_points` and `ambient_dim`, and the whole's recipe in `of`. The master is written last.

## Publication

A file is written beside its target as `.NAME.<hex>.partial`, flushed to disk, and renamed. A name that does not end in
`.partial` therefore never holds half a file; a `.partial` file belongs to a run that still writes or that died, and
MAY be deleted when no run does.
"""


if __name__ == "__main__":
    print(format_document(), end="")
