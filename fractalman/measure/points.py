"""Points as people hold them, made into one table of float64 numbers.

Arrays, masked arrays, data frames (pandas' nullable columns too), torch tensors, AnnData and scipy.sparse matrices are
taken, and datasets of our own. What is left out or changed on the way is said in a sentence, never silently.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fractalman._memory import available_bytes
from fractalman._typing import F64, I64
from fractalman.config import is_word, shown
from fractalman.errors import RecipeError
from fractalman.measure.point_tables import as_table, in_memory, masked_rows, rows_of
from fractalman.measure.sources import columns_of, is_source
from fractalman.random.streams import Role, draws, key64, normals, permutation

MAX_TARGETS = 1 << 15
"""Points among which neighbours are looked for; beyond it a random part stands for all."""
DUPLICATES = ("drop", "near", "keep")
"""What can be asked for of points that stand twice; "near" is made good of by `near_copies`."""
_PROJECTED = 256  # columns after a random projection
_UNLIKE = 50.0  # ratio of two columns' spreads from which their units are in question
_EXTREME = 1e100  # coordinates beyond it, or below its inverse, are scaled before they are squared


@dataclass(frozen=True)
class Points:
    """A checked table of points.

    Parameters
    ----------
    values : (n, d) float64, in units of ``unit``.
    row : (n,) int64, the row of the caller's table that each point was.
    unit : what the caller's coordinates were divided by; 1 unless they are so small or large that squares overflow.
    notes : sentences about what was left out or changed.
    copies : (m, 2) int64, rows of the caller's table that were left out as copies, and the rows that they copy.
    """

    values: F64
    row: I64
    unit: float
    notes: tuple[str, ...]
    copies: I64 = field(default_factory=lambda: np.empty((0, 2), np.int64))


def plain(number: float) -> str:
    """Return a number as people write it, never as ``np.float64(…)``."""
    return f"{float(number):.4g}"


def as_points(X: Any, *, least: int = 64, duplicates: str = "drop", most: int | None = None, seed: int = 0) -> Points:
    """Return the points of ``X``, checked.

    Parameters
    ----------
    X : table (n, d) of any kind that this module takes.
    least : fewest points that are of use.
    duplicates : "drop" and "near" keep one of several equal rows, "keep" keeps all; they are counted and named.
    most : of more rows than this a random part, picked by ``seed``, stands for all; None = all.

    Raises
    ------
    RecipeError
        For what is no table of at least ``least`` finite points.
    """
    if is_source(X):
        (X,) = columns_of(X, "X")
    if not is_word(duplicates, DUPLICATES):
        raise RecipeError(f"duplicates = {shown(duplicates)}: expected 'drop', 'near' or 'keep'")
    notes: list[str] = []
    table, row = _rows(X, most, seed, notes)
    if table.ndim != 2 or table.shape[0] < least or table.shape[1] < 1 or table.dtype.kind not in "fiub":
        raise RecipeError(
            f"X is {table.dtype} of shape {table.shape}: expected a table (n, d) of numbers, n = {least} or more"
            f"{_instead(table)}"
        )
    values = _exact(table)
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        where = ", ".join(str(i) for i in row[bad][:5].tolist()) + (", …" if bad.sum() > 5 else "")
        raise RecipeError(
            f"X holds numbers that are not finite in {int(bad.sum())} of {len(values)} rows ({where}; the first row is "
            "0): remove these points, or fill in what is missing"
        )
    found = _scaled(Points(values, row, 1.0, tuple(notes)))
    return _with_units(_without_copies(found, duplicates, least))


def _exact(table: np.ndarray[Any, Any]) -> F64:
    """The table as float64; of integers too large for it, their distances from the smallest of each column."""
    if table.dtype.kind in "iu" and table.dtype.itemsize == 8 and np.abs(table.astype(np.float64)).max() > 2.0**53:
        table = (table - table.min(axis=0)).view(np.uint64)  # wraps: the difference of two integers is exact
    return table.astype(np.float64)


def _instead(table: np.ndarray[Any, Any]) -> str:
    """What to use for a table that is refused, where that is known."""
    if table.dtype.kind == "c" and table.ndim == 2:
        return "; use np.hstack([X.real, X.imag])"
    if table.ndim > 2:
        return "; use X.reshape(len(X), -1)"
    if table.ndim == 1 and table.dtype.kind in "fiub":
        return "; use X[:, None] for points on a line"
    if table.dtype.kind in "US":
        return "; use X.astype(float) for numbers that are text"
    if table.dtype.kind in "mM":
        return "; use X.astype('int64') for times as numbers, in one unit"
    return ""


def with_labels(X: Any, y: ArrayLike) -> tuple[Any, F64]:
    """Return (X, y) without the rows that ``X`` or ``y`` mask, and y as (n,) float64; RecipeError where they differ."""
    labels = np.ma.asarray(y) if np.ma.isMaskedArray(y) else np.asarray(in_memory(y))
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    X = in_memory(X)
    n = rows_of(X)
    if labels.dtype.kind in "OUS" and labels.shape == (n,):
        shown = ", ".join(map(repr, list(dict.fromkeys(map(str, labels.tolist())))[:3]))
        raise RecipeError(
            f"y holds {shown}, …: expected numbers; use fractalman.predict_own_data, which takes words as classes, or "
            "numbers of classes and classes=True"
        )
    if labels.shape != (n,) or labels.dtype.kind not in "fiub":
        raise RecipeError(
            f"y is {labels.dtype} of shape {labels.shape}: expected {n} finite labels, one for each row of X"
        )
    masked = np.zeros(n, bool)
    if np.ma.isMaskedArray(labels):
        masked |= np.ma.getmaskarray(labels)
    if np.ma.isMaskedArray(X):
        masked |= masked_rows(X)
    values = np.ma.getdata(labels).astype(np.float64)
    if not np.isfinite(values[~masked]).all():
        count = int((~np.isfinite(values[~masked])).sum())
        raise RecipeError(f"y: {count} of {n} labels are not finite: expected {n} finite labels, one for each row of X")
    largest = float(np.abs(values[~masked]).max(initial=0.0))
    if largest > _EXTREME or 0.0 < largest < 1.0 / _EXTREME:
        raise RecipeError(
            f"y: labels are of size {largest:.1g}, whose squares are no numbers: expected labels near 1; divide them "
            f"by {largest:.1g}"
        )
    if not masked.any():
        return X, values
    return np.ma.getdata(X)[~masked], values[~masked]


# ---------------------------------------------------------------------------------------------------- kinds of tables


def _rows(X: Any, most: int | None, seed: int, notes: list[str]) -> tuple[np.ndarray[Any, Any], I64]:
    """Return a dense array and the rows of X that it holds."""
    from scipy.sparse import issparse

    if hasattr(X, "obsm") and hasattr(X, "layers"):  # AnnData
        X = X.X
    X = in_memory(X)
    if issparse(X):
        part = subset(int(X.shape[0]), seed, most) if most is not None else np.arange(X.shape[0], dtype=np.int64)
        return _dense(X.tocsr()[part], notes, seed), part
    masked = masked_rows(X)
    if masked.any():
        if masked.all():
            raise RecipeError(f"all {len(X)} rows hold masked numbers{_masked_columns(X)}")
        notes.append(f"{int(masked.sum())} of {len(X)} rows hold masked numbers: left out")
    table = as_table(np.ma.getdata(X) if np.ma.isMaskedArray(X) else X, notes)
    kept = np.flatnonzero(~masked) if masked.size else np.arange(table.shape[0] if table.ndim else 0, dtype=np.int64)
    if most is not None and len(kept) > most:
        kept = kept[subset(len(kept), seed, most)]
    return (table if len(kept) == (table.shape[0] if table.ndim else 0) else np.asarray(table[kept])), kept


def _masked_columns(X: Any) -> str:
    mask: Any = np.ma.getmaskarray(X)
    whole = [] if mask.ndim != 2 else np.flatnonzero(mask.all(axis=0)).tolist()
    named = ", ".join(map(str, whole[:5])) + (", …" if len(whole) > 5 else "")
    return f": column {named} is masked in all; leave it out" if whole else ": expected some without a mask"


def _dense(X: Any, notes: list[str], seed: int) -> np.ndarray[Any, Any]:
    """A sparse matrix as an array, or its random projection where the array would not fit."""
    n, d = X.shape
    if n * d * 8 <= available_bytes() // 4:
        return np.asarray(X.toarray())
    notes.append(
        f"{n:,} × {d:,} sparse numbers are {n * d * 8 / 2**30:.1f} GiB when dense: measured on a random projection to "
        f"{_PROJECTED} columns, which keeps distances to about {100 / math.sqrt(2 * _PROJECTED):.0f} %"
    )
    frame = normals(key64(seed, Role.MEASUREMENT, 3), d * _PROJECTED).reshape(d, _PROJECTED)
    return np.asarray(X @ (frame / math.sqrt(_PROJECTED)))


def subset(n: int, seed: int, most: int = MAX_TARGETS) -> I64:
    """Return the point numbers that stand for all n, ascending: all, or a random part of ``most``."""
    if n <= most:
        return np.arange(n, dtype=np.int64)
    return np.sort(permutation(key64(seed, Role.MEASUREMENT, 2), n)[:most])


# ---------------------------------------------------------------------------------------------------- checks


def _scaled(found: Points) -> Points:
    largest = float(np.abs(found.values).max())
    if largest == 0.0 or 1.0 / _EXTREME <= largest <= _EXTREME:
        return found
    unit = 2.0 ** math.frexp(largest)[1] if largest < 1e300 else 2.0**1000
    note = f"coordinates are of size {largest:.1g}: divided by {unit:.3g} so that their squares are numbers"
    return replace(found, values=found.values / unit, unit=unit, notes=(*found.notes, note))


def first_of_each(values: F64) -> I64:
    """Return for every row the first row that equals it: itself where it is no copy."""
    words = np.ascontiguousarray(values + 0.0).view(np.uint64)  # + 0.0: −0 equals 0
    weights = draws(key64(0, Role.MEASUREMENT, 4), values.shape[1]) | np.uint64(1)
    mixed = (words ^ (words >> np.uint64(29))) * weights  # wraps: a hash of 64 bits a row
    digest = (mixed ^ (mixed >> np.uint64(32))).sum(axis=1, dtype=np.uint64)
    _, first, same = np.unique(digest, return_index=True, return_inverse=True)
    return np.asarray(first[same], np.int64)


def _without_copies(found: Points, duplicates: str, least: int) -> Points:
    first = first_of_each(found.values)
    kept, copied = np.flatnonzero(first == np.arange(len(first))), np.flatnonzero(first != np.arange(len(first)))
    n, copies = len(found.values), len(found.values) - len(kept)
    if not copies:
        return found
    said = f"{copies} of {n} rows are duplicates of other rows"
    if duplicates == "keep":
        return replace(found, notes=(*found.notes, f"{said}: their distances are 0; use duplicates='drop'"))
    if len(kept) == 1:
        raise RecipeError(f"all {n} points coincide: there is no distance to measure from")
    if len(kept) < least:
        raise RecipeError(f"{said}, and {len(kept)} different points are left: expected {least} or more")
    return Points(
        found.values[kept], found.row[kept], found.unit, (*found.notes, f"{said}: left out (duplicates='keep' keeps)"),
        np.stack([found.row[copied], found.row[first[copied]]], axis=1),
    )  # fmt: skip


def contradictions(found: Points, labels: F64, classes: bool) -> tuple[str, ...]:
    """Say which copies have another label than the row they copy, and what that tells of the noise.

    The first row's label stands for all: it is one draw, as every other point's label is, so that noise stays the same
    everywhere; a mean over copies would carry less of it, and classes have none.

    Parameters
    ----------
    found : Points
        With their copies.
    labels : (n,) float64
        Of all rows of the caller's table.
    classes : bool
        Whether labels are classes.
    """
    copy, first = found.copies.T
    unlike = np.flatnonzero(labels[copy] != labels[first])
    if not unlike.size:
        return ()
    pairs = ", ".join(f"{copy[k]} and {first[k]}" for k in unlike[:3].tolist()) + (", …" if unlike.size > 3 else "")
    originals = np.unique(first)
    rows, group = np.concatenate([originals, copy]), np.searchsorted(originals, np.concatenate([originals, first]))
    size = np.bincount(group)
    if classes:
        same = sum(
            np.square(np.bincount(group[labels[rows] == c], minlength=size.size)) for c in np.unique(labels[rows])
        )
        share = float((np.square(size) - same).sum() / (np.square(size) - size).sum())
        noise = f"two copies have unlike classes in {share:.0%} of pairs: no learner can be right on both"
    else:
        mean = np.bincount(group, labels[rows]) / size
        variance = float(np.square(labels[rows] - mean[group]).sum() / (size - 1).sum())
        noise = f"labels of copies have the variance {plain(variance)} about their mean: noise, or something not in X"
    return (
        f"{unlike.size} of {len(copy)} copies have another label than the row they copy (rows {pairs}; the first is "
        f"0): the first row's label is used; {noise}",
    )


def _with_units(found: Points) -> Points:
    """Warn of columns whose spreads differ so much that the largest decide every distance."""
    spread = found.values.std(axis=0)
    used = np.flatnonzero(spread > 1e-12 * max(float(spread.max()), 1e-300))
    flat = np.flatnonzero((spread <= 1e-12 * spread.max(initial=0.0)) & (np.ptp(found.values, axis=0) > 0.0))
    if flat.size and used.size:
        wide = int(used[np.argmax(spread[used])])
        note = (
            f"column {int(flat[0])} varies by less than 1e-12 of column {wide} (the first is 0) and decides no "
            "distance; if their units differ, divide each column by its standard deviation"
        )
        return replace(found, notes=(*found.notes, note))
    if used.size < 2 or spread[used].max() < _UNLIKE * spread[used].min() or _principal(found.values[:, used]):
        return found
    small, large = used[np.argmin(spread[used])], used[np.argmax(spread[used])]
    note = (
        f"columns differ in spread by a factor {plain(spread[large] / spread[small])} (column {int(large)} against "
        f"{int(small)}, the first is 0): the largest decide every distance; if their units differ, divide each column "
        "by its standard deviation"
    )
    return replace(found, notes=(*found.notes, note))


def _principal(values: F64) -> bool:
    """Whether columns are principal components, whose spreads fall in one unit: uncorrelated, in falling order."""
    spread = values.std(axis=0)
    if values.shape[1] < 3 or (np.diff(spread) > 0.0).any():
        return False
    unit = (values - values.mean(axis=0)) / spread
    correlation = unit.T @ unit / len(values) - np.eye(values.shape[1])
    return bool(np.abs(correlation).max() < 1e-4)
