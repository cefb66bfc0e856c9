"""Small pictures for notebooks as SVG: written directly, so that showing an object loads no drawing library."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fractalman.display.planes import principal_plane
from fractalman.display.style import MUTED, STYLES

_WIDTH, _HEIGHT, _EDGE = 180, 120, 6
_SHOWN = 400
_GROUND = "#ffffff"  # of its own: the dark end of the ramp is not seen on a dark page
_RAMP = ("#440154", "#3b528b", "#21918c", "#5ec962", "#fde725")


def points_thumbnail(X: ArrayLike, y: ArrayLike) -> str:
    """Return points in the plane of their largest variance, coloured by their labels' rank in five steps.

    Parameters
    ----------
    X : (n, d) array_like
        Coordinates; 400 of them, evenly spaced in their order, are drawn.
    y : (n,) array_like
        Labels.

    Returns
    -------
    str
        SVG, "" where there is nothing to draw.

    Examples
    --------
    >>> points_thumbnail([[0.0, 0.0], [1.0, 1.0]], [0.0, 1.0]).count("<circle")
    2
    """
    points = np.asarray(X)
    step = max(1, -(-len(points) // _SHOWN))
    points, labels = np.asarray(points[::step], np.float64), np.asarray(y, np.float64)[::step]
    if len(points) < 2 or not np.isfinite(points).all():
        return ""
    plane, _ = principal_plane(points)
    x, z = _scaled(plane[:, 0], _WIDTH), _scaled(plane[:, 1], _HEIGHT)
    colour = np.argsort(np.argsort(labels, kind="stable"), kind="stable") * len(_RAMP) // len(labels)
    marks = "".join(
        f'<circle cx="{a:.1f}" cy="{_HEIGHT - b:.1f}" r="1.4" fill="{_RAMP[c]}"/>'
        for a, b, c in zip(x, z, colour.tolist(), strict=True)
    )
    return _svg(marks, "points in the plane of their largest variance, coloured by label")


def curve_thumbnail(x: ArrayLike, y: ArrayLike) -> str:
    """Return a curve on logarithmic axes.

    Parameters
    ----------
    x, y : (k,) array_like
        Numbers; those that are not above 0 are left out.

    Returns
    -------
    str
        SVG, "" for fewer than two points.

    Examples
    --------
    >>> curve_thumbnail([1, 2, 4], [1.0, 0.5, 0.25]).count("<polyline")
    1
    """
    abscissa, ordinate = np.asarray(x, np.float64), np.asarray(y, np.float64)
    kept = (abscissa > 0) & (ordinate > 0) & np.isfinite(abscissa) & np.isfinite(ordinate)
    if np.count_nonzero(kept) < 2:
        return ""
    a, b = _scaled(np.log(abscissa[kept]), _WIDTH), _scaled(np.log(ordinate[kept]), _HEIGHT)
    line = " ".join(f"{p:.1f},{_HEIGHT - q:.1f}" for p, q in zip(a, b, strict=True))
    return _svg(f'<polyline points="{line}" fill="none" stroke="{STYLES[0][0]}" stroke-width="1.8"/>', "curve, log-log")


def _scaled(values: np.ndarray[tuple[int], np.dtype[np.float64]], width: int) -> list[float]:
    """Values as places between the edges of a width."""
    low, span = values.min(), np.ptp(values) or 1.0
    return [float(v) for v in _EDGE + (values - low) / span * (width - 2 * _EDGE)]


def _svg(content: str, words: str) -> str:
    frame = f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="{_GROUND}" stroke="{MUTED}" stroke-width=".5"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{words}">{frame}{content}</svg>'
    )
