"""Shuffled batches from memory or from a file: which rows make up which batch is a function of a few integers.

The rows of an epoch are shuffled in two steps, both by addressed permutations. Blocks of consecutive rows (what one
chunk of X holds in a file) are brought into random order and dealt to *buffers* of about so many bytes; then the rows
of a buffer are brought into random order. So a file is read in whole chunks, each once an epoch, and batch k of epoch e
needs no state: resuming needs the number k. A dataset that fits into one buffer is shuffled uniformly; a larger one is
uniform for every single row, but rows of one block stay together in one buffer.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from fractalman._arguments import is_array
from fractalman._typing import I64, AnyInt
from fractalman.config import is_integer, is_word, shown
from fractalman.datasets.handle import FileHandle
from fractalman.datasets.spec import POINT_NUMBERS, AnyArray, block_rows
from fractalman.display import Display, Summary
from fractalman.display.summary import brief
from fractalman.errors import RecipeError, nearest
from fractalman.random.streams import Role, check_seed, key64, permutation

FIELDS = ("X", "y", "cluster", *POINT_NUMBERS, "row", "latents")
"""What a batch may consist of."""
LATENTS = 1000
"""Latents above each row of a batch, unless told otherwise."""
BUFFER_BYTES = 64 << 20
"""Memory of the rows that are shuffled together, their numbers included."""
_NUMBER_BYTES = 16  # of a row in a buffer: its number and its place in the order
_BLOCK_BYTES = (
    512 * 1024
)  # of X in a block: what a chunk of a file holds, but batches stay what they are if that changes


class Points(Protocol):
    """Whatever has coordinates and labels: a dataset in memory or an open file."""

    @property
    def X(self) -> Any:
        """(n, d), an array or a column in a file."""
        ...

    @property
    def y(self) -> Any:
        """(n,), likewise."""
        ...


class EpochOrder:
    """The order of one epoch; it knows numbers only.

    Args:
        n: rows there are. block_rows: rows of a block. capacity: rows of a buffer that are reached before it closes, so
            that it holds fewer than capacity + block_rows.
        key: from which the permutations are drawn, with the address (0) for blocks and (1, buffer) for rows.
        chosen: (m,) int64 rising row numbers that the epoch consists of; None = all rows.
    """

    def __init__(self, n: int, block_rows: int, capacity: int, key: tuple[int, ...], chosen: I64 | None) -> None:
        self._key, self._chosen = key, chosen
        self.n_rows = n if chosen is None else int(chosen.size)
        if chosen is None:
            low = np.arange(0, n, block_rows)
        else:
            low = np.flatnonzero(np.diff(chosen // block_rows, prepend=-1))
        high = np.append(low, self.n_rows)[1:]
        shuffled = permutation(key64(*key, 0), low.size)
        self._low, self._high = low[shuffled], high[shuffled]
        ends = np.cumsum(self._high - self._low)
        closing = np.diff((ends - (self._high - self._low)) // capacity, prepend=-1)
        self._cut = np.append(np.flatnonzero(closing), low.size)  # buffer j has the blocks _cut[j] … _cut[j + 1] − 1
        self._begin = np.append(0, ends)[self._cut]  # and the places _begin[j] … _begin[j + 1] − 1 of the order

    @property
    def largest(self) -> int:
        """Rows of the largest buffer."""
        return int(np.diff(self._begin).max(initial=0))

    def buffer(self, j: int) -> tuple[I64, I64]:
        """Return the rows of buffer j, rising, and the order in which they come, both (rows,) int64."""
        blocks = slice(self._cut[j], self._cut[j + 1])
        in_file = np.argsort(self._low[blocks])
        low, high = self._low[blocks][in_file], self._high[blocks][in_file]
        size = high - low
        places = np.arange(size.sum()) + np.repeat(low - (np.cumsum(size) - size), size)
        rows = places if self._chosen is None else self._chosen[places]
        return rows, permutation(key64(*self._key, 1, j), rows.size)

    def pieces(self, first: int, last: int) -> Iterator[tuple[int, slice]]:
        """Yield (buffer, places within it) of the places first … last − 1 of the order."""
        while first < last:
            j = int(np.searchsorted(self._begin, first, side="right")) - 1
            begin, end = int(self._begin[j]), int(self._begin[j + 1])
            stop = min(last, end)
            yield j, slice(first - begin, stop - begin)
            first = stop


class Batches(Display):
    """Batches of one epoch, made by `batches`; iterating yields (X, y), `len` says how many.

    Of the attributes, ``count`` is the number of batches in the whole epoch; iterating yields start, start + step, ….

    Parameters
    ----------
    source : Dataset or File
        Where the rows come from.
    order : EpochOrder
        Which row stands where in the epoch.
    batch_size : int
        Rows of a batch.
    turns : range
        Numbers of the batches that are yielded.
    fields : tuple of str
        What a batch consists of.
    features : sparse array or None
        Rows of the field "latents".
    """

    def __init__(
        self,
        source: Points,
        order: EpochOrder,
        batch_size: int,
        turns: range,
        fields: tuple[str, ...] = ("X", "y"),
        features: Any = None,
    ) -> None:
        self._source, self._order, self._batch_size, self._turns = source, order, batch_size, turns
        self._fields, self._features = fields, features
        self.start, self.count, self.step = turns.start, turns.stop, turns.step

    def _summary(self) -> Summary:
        columns = {"latents": self._features} if "latents" in self._fields else {}
        columns |= {name: _column(self._source, name) for name in self._fields if name not in ("row", "latents")}
        rows = [
            (
                "fields",
                ", ".join(f"{name} {brief(columns[name])}" if name in columns else name for name in self._fields),
            ),
            ("rows", f"{self._order.n_rows:,} in an epoch, {self._batch_size:,} in a batch"),
            ("batches", f"{self.start} to {self.count - 1}" + (f", every {self.step}th" if self.step > 1 else "")),
        ]
        return Summary(f"Batches of {brief(self._source)}", rows)

    def __len__(self) -> int:
        return len(self._turns)

    def _pieces(self, k: int) -> Iterator[tuple[int, slice]]:
        first = k * self._batch_size
        return self._order.pieces(first, min(first + self._batch_size, self._order.n_rows))

    def rows(self, k: int) -> I64:
        """Return the row numbers of a batch, in its order.

        Parameters
        ----------
        k : int
            Number of the batch in the epoch, from 0.

        Returns
        -------
        (batch_size,) int64
            Row numbers; of the last batch there may be fewer.

        Raises
        ------
        RecipeError
            For a batch that the epoch does not have.
        """
        if not 0 <= k < self.count:
            raise RecipeError(f"batch {k}: this epoch has batches 0 to {self.count - 1}")
        found = [(self._order.buffer(j), places) for j, places in self._pieces(k)]
        return np.concatenate([rows[order[places]] for (rows, order), places in found])

    def batch(self, k: int) -> tuple[Any, ...]:
        """Return one batch of the epoch by itself.

        Parameters
        ----------
        k : int
            Number of the batch in the epoch, from 0.

        Returns
        -------
        tuple of (batch_size, d) float32 and (batch_size,) float64
            X and y.
        """
        rows = self.rows(k)
        return self._with_rows(tuple(column[rows] for column in self._columns()), rows)

    def _with_rows(self, columns: tuple[Any, ...], rows: I64) -> tuple[Any, ...]:
        """The fields in the order asked for, from the columns and the row numbers."""
        if self._fields == ("X", "y"):
            return columns
        read = iter(columns)
        return tuple(
            rows if name == "row" else self._features[rows] if name == "latents" else next(read)
            for name in self._fields
        )

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        numbered = not {"row", "latents"}.isdisjoint(self._fields)
        held, order, buffers, read = -1, np.empty(0, np.int64), self._buffers(), self._columns()
        for k in self._turns:
            parts: list[tuple[Any, ...]] = []
            for j, places in self._pieces(k):
                if j != held:
                    rows, order = self._order.buffer(j)
                    if buffers is None:
                        order = rows[order]
                    else:
                        pairs = zip(self._columns(), buffers, strict=True)
                        read = tuple(read_rows(column, rows, out[: rows.size]) for column, out in pairs)
                    held = j
                parts.append(tuple(_gathered(column, order[places]) for column in read))
            made = parts[0] if len(parts) == 1 else tuple(map(np.concatenate, zip(*parts, strict=True)))
            yield self._with_rows(made, self.rows(k) if numbered else _NONE)

    def _columns(self) -> tuple[Any, ...]:
        return tuple(_column(self._source, name) for name in self._fields if name not in ("row", "latents"))

    def _buffers(self) -> tuple[AnyArray, ...] | None:
        """Memory that is filled again and again, for fresh pages are slow; None where the columns are in memory."""
        columns = self._columns()
        if all(isinstance(column, np.ndarray) for column in columns):
            return None
        return tuple(np.empty((self._order.largest, *column.shape[1:]), column.dtype) for column in columns)


_NONE = np.empty(0, np.int64)


def _column(source: Any, name: str) -> Any:
    """A column of a dataset, a file or a handle; RecipeError for one that it does not have."""
    source = source.open() if isinstance(source, FileHandle) else source
    stored = getattr(source, "columns", None)
    found = stored.get(name) if stored is not None else getattr(source, name, None)
    if found is None:
        raise RecipeError(f"fields: this dataset has no {name}: expected of {', '.join(FIELDS)} what there is")
    return found


def _gathered(column: AnyArray, rows: I64) -> AnyArray:
    """Rows of an array in memory; `take` is the faster way, but would copy the whole of a strided array first."""
    return np.take(column, rows, axis=0) if column.flags.c_contiguous else column[rows]


def read_rows(column: Any, rows: I64, out: AnyArray) -> AnyArray:
    """Fill ``out`` with rising rows of a column in a file and return it; every chunk that holds some is read once."""
    starts = np.flatnonzero(np.diff(rows // block_rows(column.shape, column.dtype.str), prepend=-1))
    for a, b in zip(starts, np.append(starts, rows.size)[1:], strict=True):
        low, high = int(rows[a]), int(rows[b - 1]) + 1
        np.take(column[low:high], rows[a:b] - low, axis=0, out=out[a:b], mode="clip")
    return out


def batches(
    source: Points | str | os.PathLike[str],
    batch_size: int,
    *,
    seed: int = 0,
    epoch: int = 0,
    start: int = 0,
    step: int = 1,
    rows: AnyInt | Sequence[int] | None = None,
    drop_last: bool = False,
    buffer_bytes: int = BUFFER_BYTES,
    fields: Sequence[str] = ("X", "y"),
    latents: int | None = LATENTS,
) -> Batches:
    """Return the shuffled batches of one epoch of data in memory or in a file, as `fractalman.batches` says."""
    if isinstance(source, (str, os.PathLike)):
        source = FileHandle(source)
    if not hasattr(source, "X"):
        raise RecipeError(
            f"batches of {type(source).__name__}: expected a recipe, its table, a catalogue name, a TOML file, a "
            "dataset file, or data with X and y; use e.g. fm.batches(fm.Cascade(n_points=1000), 32)"
        )
    points: Any = source
    shape = tuple(int(size) for size in points.X.shape)
    n = shape[0]
    for word, value, low in (("batch_size", batch_size, 1), ("epoch", epoch, 0), ("start", start, 0), ("step", step, 1),
                             ("buffer_bytes", buffer_bytes, 1)):  # fmt: skip
        if not is_integer(value) or int(value) < low:
            raise RecipeError(f"{word} = {shown(value)}: expected an integer >= {low}")
    batch_size, start, step = int(batch_size), int(start), int(step)  # of NumPy, -batch_size may be no negative number
    row_bytes = points.X.dtype.itemsize * math.prod(shape[1:])
    capacity = max(1, int(buffer_bytes) // (row_bytes + 8 + _NUMBER_BYTES))
    key = (check_seed(seed), Role.READ_ORDER, int(epoch))
    order = EpochOrder(n, max(1, _BLOCK_BYTES // max(1, row_bytes)), capacity, key, _chosen(rows, n))
    count = order.n_rows // batch_size if drop_last else -(-order.n_rows // batch_size)
    if start > count:
        raise RecipeError(
            f"start = {shown(start)}: this epoch has {count} batches; use epoch = {shown(epoch + 1)} and start = 0"
        )
    names = _checked_fields(fields)
    features = _features(points, latents) if "latents" in names else None
    made = Batches(points, order, batch_size, range(start, count, step), names, features)
    made._columns()  # refuses what is not there
    return made


def _checked_fields(fields: Sequence[str]) -> tuple[str, ...]:
    names = (fields,) if isinstance(fields, str) else tuple(fields) if isinstance(fields, Iterable) else (fields,)
    wrong = [name for name in names if not is_word(name, FIELDS)]
    if wrong or not names or len({*names}) < len(names):
        hint = nearest(wrong[0], FIELDS) if wrong else ""
        raise RecipeError(f"fields = {shown(fields)}: expected one or more of {', '.join(FIELDS)}, each once{hint}")
    return names


def _features(source: Any, latents: int | None) -> Any:
    """Which latents lie above each row, of the largest ``latents``."""
    data = source.open() if isinstance(source, FileHandle) else source
    hierarchy = getattr(data, "hierarchy", None)
    if hierarchy is None:
        raise RecipeError("fields: latents need the hierarchy, and this dataset has none; leave 'latents' out")
    whole = latents is not None and is_integer(latents) and int(latents) >= 0
    return hierarchy.features(top=min(int(latents or 0), hierarchy.n_latents) if whole else latents)


def _chosen(rows: Any, n: int) -> I64 | None:
    """The rows that take part, rising, checked."""
    if rows is None:
        return None
    array = np.asarray(rows) if is_array(rows) else np.empty((0, 0))
    if array.dtype == np.bool_ and array.shape == (n,):
        return np.flatnonzero(array)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise RecipeError(f"rows is {array.dtype} of shape {array.shape}: expected (m,) row numbers or ({n},) booleans")
    chosen = np.sort(array.astype(np.int64))
    if chosen.size and (chosen[0] < 0 or chosen[-1] >= n):
        raise RecipeError(f"rows holds {chosen[0] if chosen[0] < 0 else chosen[-1]}: expected 0 to {n - 1}")
    return chosen
