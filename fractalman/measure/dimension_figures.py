"""Figures and data frames of dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fractalman.display import axes_or_new, frame, legend_above, log_axes
from fractalman.display.style import MUTED, STYLES


def columns_frame(columns: Mapping[str, Any]) -> Any:
    """Return a pandas data frame of equally long columns."""
    names = list(columns)
    return frame([dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)])


def draw_scan(scan: Any, ax: Any) -> Any:
    """D against distance, as read and corrected; the scales that make the estimate are filled."""
    ax = _scan(scan, axes_or_new(ax))
    legend_above(ax, 1, ncols=3, fontsize="small")
    return ax


def _scan(scan: Any, ax: Any) -> Any:
    first, last = scan.plateau
    used = slice(first, last + 1)
    ax.plot(scan.distance, scan.reading, ":", color=MUTED, label="as read")
    ax.errorbar(
        scan.distance,
        scan.value,
        2.0 * scan.standard_error,
        fmt="o",
        mfc="white",
        color=STYLES[0][0],
        label="corrected",
    )
    ax.plot(scan.distance[used], scan.value[used], "o", color=STYLES[0][0], zorder=3)
    if scan.noise_scale is not None:
        ax.axvline(scan.noise_scale, ls="--", color=STYLES[3][0], label="below: noise")
    return log_axes(ax, "distance", "dimension", "x")


def draw_dimension(found: Any, ax: Any) -> Any:
    """The scan, if there is one, with the estimate and its interval."""
    ax = axes_or_new(ax)
    if found.scan is not None:
        _scan(found.scan, ax)
    ax.axhspan(*found.interval, alpha=0.2, color=STYLES[1][0])
    ax.axhline(found.value, color=STYLES[1][0], label=f"{found.method} {found.value:.3g}")
    ax.set(ylabel="dimension", title=f"{found.n_points:,} points")
    legend_above(ax, 1, ncols=3, fontsize="small")
    return ax


def draw_dimensions(found: Any, ax: Any) -> Any:
    """The scan with every method's estimate over its own window."""
    ax = _scan(found["recommended"].scan, axes_or_new(ax))
    for (color, _), (name, one) in zip(STYLES[1:], found.items(), strict=False):
        ax.plot(one.window, (one.value, one.value), color=color, label=f"{name} {one.value:.3g}")
        ax.fill_between(one.window, *one.interval, color=color, alpha=0.15)
    legend_above(ax, 3, ncols=3, fontsize="small")
    return ax


def draw_pointwise(found: Any, ax: Any) -> Any:
    """The points on their first two principal axes, coloured by the dimension around them."""
    ax = axes_or_new(ax)
    centred = found.points - found.points.mean(axis=0)
    axis = np.linalg.svd(centred, full_matrices=False)[2][:2]
    flat = centred @ axis.T if centred.shape[1] > 1 else np.c_[centred[:, 0], np.zeros(len(centred))]
    drawn = ax.scatter(flat[:, 0], flat[:, 1], c=found.value, s=8)
    ax.figure.colorbar(drawn, ax=ax, label="dimension")
    ax.set(xlabel="first principal axis", ylabel="second principal axis")
    return ax
