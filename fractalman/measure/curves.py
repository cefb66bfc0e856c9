"""Learning curves as people have them become tables without gaps; what is left out is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fractalman._typing import F64, Bool
from fractalman.config import ends
from fractalman.errors import FitError


def checked_curves(n: ArrayLike, loss: ArrayLike) -> tuple[F64, F64]:
    """Return sorted sizes and losses (replicates, sizes) that can be fitted; FitError as for `fit_power_law`."""
    sizes, losses, _, _ = cleaned(n, loss, None, False, None)
    return sizes, losses


def unmasked(values: ArrayLike, name: str) -> F64:
    """Return numbers as float64, nan where a masked array or pandas' NA has none; FitError for what is no number."""
    if np.iscomplexobj(values):
        raise FitError(f"{name} holds complex numbers: expected real ones; use its absolute value, or its real part")
    try:
        if isinstance(values, np.ma.MaskedArray):
            return np.asarray(np.ma.filled(values.astype(np.float64), np.nan))
        if hasattr(values, "to_numpy"):
            values = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise FitError(f"{name} holds what is no number ({error!s:.100}): expected numbers") from None


def copies(columns: Sequence[np.ndarray[Any, Any]]) -> Bool:
    """Return which rows equal an earlier one in every column; a row that lacks a number is no copy."""
    table = np.stack([np.asarray(column, np.float64) for column in columns], axis=1)
    _, first, same = np.unique(table, axis=0, return_index=True, return_inverse=True)
    later = np.arange(len(table)) != first[same.ravel()]
    return np.asarray(later & ~np.isnan(table).any(axis=1), np.bool_)


def per_size(trials: ArrayLike, shape: tuple[int, ...]) -> F64:
    """Return a number of test cases for each size; FitError where it is none."""
    counts = unmasked(trials, "trials")
    if counts.ndim < 2 and counts.size in (1, shape[-1]):
        counts = np.broadcast_to(counts, shape)
    if counts.shape != shape or not (np.isfinite(counts) & (counts >= 1.0)).all():
        raise FitError(f"trials has shape {counts.shape}: expected one number of test cases >= 1, or one for each size")
    return np.array(counts)


def cleaned(
    n: ArrayLike, loss: ArrayLike, window: tuple[float | None, float | None] | None, logarithm: bool, trials: F64 | None
) -> tuple[F64, F64, F64 | None, list[str]]:
    """Return sorted sizes inside the window, the losses there as (replicates, sizes), trials, and what was left out."""
    sizes, losses = unmasked(n, "n"), unmasked(loss, "loss")
    if sizes.ndim != 1:
        raise FitError(f"n has shape {sizes.shape}: expected one dimension, the sizes")
    if losses.ndim not in (1, 2) or losses.shape[-1] != sizes.size or losses.shape[0] == 0:
        raise FitError(f"loss has shape {losses.shape}: expected ({sizes.size},) or (replicates, {sizes.size})")
    losses = np.atleast_2d(losses)
    warnings: list[str] = []
    keep = ~np.isnan(sizes)
    if not keep.all():
        warnings.append(f"{int((~keep).sum())} sizes are missing: left out")
    if window is not None:
        low, high = ends("window", window, missing=True)
        keep &= (sizes >= low) & (sizes <= high)
    least = 1.0 if logarithm else 0.0
    if not (np.isfinite(sizes[keep]) & (sizes[keep] > least)).all():
        raise FitError(f"n must be finite and greater than {least:g}{', for ln n > 0' if logarithm else ''}")
    order = np.flatnonzero(keep)[np.argsort(sizes[keep], kind="stable")]
    sizes, losses = sizes[order], losses[:, order]
    trials = None if trials is None else trials[order]
    if np.unique(sizes).size != sizes.size:
        raise FitError("n has repeated sizes: expected every size once; put replicates in the rows of loss")
    if (losses < 0.0).any():
        row, column = np.argwhere(losses < 0.0)[0]
        which = f" of curve {row}" if len(losses) > 1 else ""
        raise FitError(
            f"loss{which} = {losses[row, column]:.6g} at n = {sizes[column]:g}: a power law needs positive losses; "
            "leave that size out, or, of logarithms of losses, fit their exponentials (in a table, name the column "
            "ln_loss or log10_loss)"
        )
    if trials is None and losses.size and not losses.any():
        raise FitError("every loss is 0: expected losses above 0, or trials = N, for rates among N test cases")
    if trials is not None and (losses[np.isfinite(losses)] > 1.0).any():
        raise FitError(f"loss reaches {np.nanmax(losses):.6g}: with trials it is an error rate; expected 0 to 1")
    rows, columns = _complete(sizes, losses, warnings)
    sizes, losses = sizes[columns], losses[np.ix_(rows, columns)]
    trials = None if trials is None else trials[columns]
    if trials is None:
        above = (losses > 0.0).sum(axis=0)
        lost = above < min(2, len(losses))  # a replicate left out must leave a positive mean
        for column in np.flatnonzero(lost).tolist():
            what = "loss is 0, not positive," if not above[column] else "only one curve has a loss above 0"
            warnings.append(f"{what} at n = {sizes[column]:g}: left out; with trials = N it is a count and used")
        sizes, losses = sizes[~lost], losses[:, ~lost]
    return sizes, losses, trials, warnings


def _complete(sizes: F64, losses: F64, warnings: list[str]) -> tuple[Bool, Bool]:
    """Return which curves and sizes make a table without gaps, and name what is left out: the fewest numbers."""
    holes = ~np.isfinite(losses)
    rows, columns = np.ones(len(losses), np.bool_), np.ones(sizes.size, np.bool_)
    while (open_holes := holes & rows[:, None] & columns).any():
        by_row = open_holes.sum(axis=1) / max(int(columns.sum()), 1)
        by_column = open_holes.sum(axis=0) / max(int(rows.sum()), 1)
        if by_row.max() > by_column.max() and rows.sum() > 2:
            worst = int(by_row.argmax())
            rows[worst] = False
            places = ", ".join(f"{s:g}" for s in sizes[open_holes[worst]][:4])
            warnings.append(f"curve {worst} has no finite loss at n = {places}: left out")
        else:
            worst = int(by_column.argmax())
            columns[worst] = False
            which = "" if len(losses) == 1 else f" of curve {int(open_holes[:, worst].argmax())}"
            value = losses[int(open_holes[:, worst].argmax()), worst]
            warnings.append(f"loss{which} is {value:.6g} at n = {sizes[worst]:g}, not positive and finite: left out")
    return rows, columns
