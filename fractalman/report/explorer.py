"""One page on one dataset that explores itself: the fractal, its hierarchy at every scale, its learning curve.

The page is a single file without a server or a network: numbers stand in it as base64, and plain scripts draw them on a
canvas. Points are stored in the order of the hierarchy, so that the points of every subcluster are one range.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._files import as_path, refuse_source
from fractalman._typing import F64, I64
from fractalman.config import is_integer, shown
from fractalman.datasets.coarse import CoarseDataset, coarse_grained
from fractalman.datasets.memory import Dataset
from fractalman.display.style import require_plots
from fractalman.display.summary import count
from fractalman.errors import FractalmanError, RecipeError
from fractalman.families.base import memory_of
from fractalman.generation import generate
from fractalman.measure import Variogram, fit_power_law, variogram
from fractalman.prediction import make_prediction
from fractalman.prediction.display import curves_shown
from fractalman.recipes import Recipe
from fractalman.report import html
from fractalman.report.files import publish, versions
from fractalman.report.tables import jsonable
from fractalman.sources import RecipeSource, close, resolve

if TYPE_CHECKING:
    from fractalman.prediction import Prediction

POINTS = 100_000
"""Points that a page shows at most unless more are asked for: it draws so many in a few hundredths of a second."""
_MOST = 1_000_000
_LARGEST = 32_767  # of int16, in which places are stored
_FITTED = 5_000  # rows from which the axes are found
_DRAWS = 8  # structures that the curve averages over; its band says how well that settles it
_PAIRS = 20_000  # points whose labels are compared


@checked_arguments
def explore(
    source: RecipeSource,
    path: str | Path = "explore.html",
    *,
    learner: str = "1-nn",
    max_points: int = POINTS,
    overwrite: bool = False,
) -> Path:
    """Write one self-contained page on a dataset: fractal, hierarchy at every scale, learning curve, label smoothness.

    Parameters
    ----------
    source : Recipe, dict, str, path, Dataset or File
        A recipe, its table, a catalogue name, a TOML file; or a dataset, an open file or a file's path.
    path : str or Path, default "explore.html"
        The page; it needs no network and no server.
    learner : str, default "1-nn"
        Whose predicted curve is shown.
    max_points : int, default 100000
        Points shown at most, 2 to 1,000,000. Of a larger recipe a smaller dataset is drawn, of larger data one point a
        subcluster is shown.
    overwrite : bool, default False
        Replace an existing page.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    RecipeError
        For a source or a learner that cannot be, a page that is there, or data without a hierarchy that are too large.
    MissingExtraError
        Without jinja2.

    Examples
    --------
    >>> import fractalman as fm
    >>> fm.explore(fm.Cascade(n_points=200, ambient_dim=8), "page.html", overwrite=True).name
    'page.html'
    """
    target = _target_of(source, path, max_points, overwrite)
    found = resolve(source)
    data, said = _shown(found, int(max_points))
    prediction = make_prediction(data.recipe, learner, draws=_DRAWS)
    page = explorer_page(data, prediction, said)
    if found is not source:
        close(found)
    return publish(target, page)


def _target_of(source: RecipeSource, path: str | Path, max_points: int, overwrite: bool) -> Path:
    """Return the page to write, or refuse what cannot be one."""
    if not is_integer(max_points) or not 2 <= max_points <= _MOST:
        raise RecipeError(f"max_points = {shown(max_points)}: expected a number of points from 2 to {_MOST}")
    target = as_path(path, "the page that is to be written")
    refuse_source(target, source)
    if target.suffix.lower() not in (".html", ".htm"):
        raise RecipeError(
            f"{path}: expected a name that ends in .html, which browsers open; use e.g. {target.stem}.html"
        )
    if target.is_dir() or not target.parent.is_dir():
        raise RecipeError(f"{path}: expected a file in an existing folder; use another name, e.g. explore.html")
    if target.exists() and not overwrite:
        raise RecipeError(f"{path} exists: use overwrite=True (--force), or another name")
    require_plots()
    return target


def explore_work(
    source: RecipeSource,
    path: str | Path = "explore.html",
    *,
    learner: str = "1-nn",
    max_points: int = POINTS,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Return what `explore` of the same arguments would do, and refuse what it would refuse at once.

    Returns
    -------
    dict
        ``points`` (None where larger data are coarsened until they are few enough), ``most``, ``of`` how many,
        ``drawn``: whether a dataset is made first, its ``memory_bytes``, and whether the learner has a ``curve``.
    """
    _target_of(source, path, max_points, overwrite)
    found = resolve(source)
    drawn = isinstance(found, Recipe)
    about, of = (_recipe_shown(found, max_points), found.max_points) if isinstance(found, Recipe) else (
        found.recipe, found.n_points
    )  # fmt: skip
    points = about.max_points if drawn else of if of <= max_points else None
    prediction = make_prediction(about, learner, draws=_DRAWS)
    if found is not source:
        close(found)
    return {
        "points": points,
        "most": int(max_points),
        "of": of,
        "drawn": drawn,
        "memory_bytes": memory_of(about).array_bytes() if drawn else None,
        "curve": bool(prediction.has_curve or prediction.has_floor),
    }


def explorer_page(data: Dataset | CoarseDataset, prediction: Prediction, said: str = "") -> str:
    """Return the page of data with a hierarchy or without, and of a prediction, as HTML."""
    recipe, values = data.recipe, _payload(data)
    curve, floor, reason = _curves(prediction)
    labels = _variogram(data)
    values |= {"curve": curve, "floor": floor, "no_curve": reason}
    values["variogram"] = None if labels is None else {
        "distance": labels.distance.tolist(), "value": labels.value.tolist(), "kind": labels.kind
    }  # fmt: skip
    points = count(data.n_points, "point")
    return html.render(
        "explorer/page.html",
        title=f"{recipe.family}: {points}",
        about=f"{recipe!r}{said}",
        canvas_label=f"{points} of family {recipe.family} on their three largest principal axes",
        hierarchy=data.hierarchy is not None,
        learner=prediction.learner,
        law=str(prediction.law),
        smooth_words=_smooth_words(labels),
        versions=versions(),
        payload=html.script_json(jsonable(values)),
    )


def _recipe_shown(recipe: Recipe, most: int) -> Recipe:
    """The recipe of the dataset that is drawn: a smaller one where this one has more points than are shown."""
    return recipe if (recipe.n_points or 0) <= most and recipe.max_points <= most else recipe.smaller(most)


def _shown(found: Any, most: int) -> tuple[Dataset | CoarseDataset, str]:
    """The data that a page shows, and in words how they differ from what was asked for."""
    if isinstance(found, Recipe):
        recipe = _recipe_shown(found, most)
        said = "" if recipe == found else f" (a smaller one of the recipe with {found.max_points:,} points)"
        return generate(recipe), said
    if not isinstance(found, (Dataset, CoarseDataset)):
        found = found.dataset()
    if found.n_points <= most:
        return found, ""
    if found.hierarchy is None or isinstance(found, CoarseDataset):
        raise RecipeError(
            f"{found.n_points} points without a hierarchy to coarsen: expected at most {most}; use a larger max_points"
        )
    size = 2
    while found.hierarchy.cut(size).node.size > most:
        size *= 2
    return coarse_grained(found, size), f" (one point for every subcluster of at most {size} points)"


def _payload(data: Dataset | CoarseDataset) -> dict[str, Any]:
    """Places, labels and latents as base64, points in the order of the hierarchy."""
    n, h = data.n_points, data.hierarchy
    points, start, stop, parent, value, point_parent = _ranges(data)
    places, unit = _places(np.asarray(data.X)[points])
    y = np.asarray(data.y, np.float32)[points]
    return {
        "place": _base64(places),
        "label": _base64(y),
        "label_range": [float(q) for q in np.quantile(y, (0.02, 0.98))] if n else [0.0, 1.0],
        "unit": unit,
        "latents": 0 if h is None else h.n_latents,
        "start": _base64(start.astype(np.int32)),
        "stop": _base64(stop.astype(np.int32)),
        "parent": _base64(parent.astype(np.int32)),
        "value": _base64(value.astype(np.float32)),
        "point_parent": None if point_parent is None else _base64(point_parent.astype(np.int32)),
    }


def _ranges(data: Dataset | CoarseDataset) -> tuple[I64, I64, I64, I64, F64, I64 | None]:
    """Order of the points; of every latent start, stop, parent and value; the parent of every point in that order."""
    h, n, none = data.hierarchy, data.n_points, np.empty(0, np.int64)
    if h is None:
        return np.arange(n), none, none, none, np.empty(0), None
    order = h.order()
    up = np.where(h.parent >= 0, h.parent - n, -1)
    return order.points, order.start[n:], order.stop[n:], up[n:], h.value[n:], up[:n][order.points]


def _places(X: Any) -> tuple[np.ndarray[Any, np.dtype[np.int16]], float]:
    """Coordinates on the three largest principal axes as int16, and how many steps of them one unit of X is."""
    centred = np.asarray(X, np.float64)
    centred = centred - centred.mean(axis=0)
    fitted = centred[:: max(1, len(centred) // _FITTED)]
    axes = np.linalg.svd(fitted, full_matrices=False)[2][:3]
    three = np.zeros((len(centred), 3))
    three[:, : len(axes)] = centred @ axes.T
    unit = _LARGEST / (np.abs(three).max(initial=0.0) or 1.0)
    return np.rint(three * unit).astype(np.int16), float(unit)


def _curves(prediction: Prediction) -> tuple[dict[str, Any] | None, dict[str, Any] | None, str]:
    """Curve and floor as plain values, and why there is no curve."""
    try:
        curve, floor = curves_shown(prediction, None)
    except FractalmanError as error:
        return None, None, str(error)
    plain = [
        None if part is None else {"n": part.n, "risk": part.risk, "error": part.standard_error}
        for part in (curve, floor)
    ]
    return plain[0], plain[1], f"No curve of {prediction.learner} is known on {prediction.recipe.family}."


def _variogram(data: Dataset | CoarseDataset) -> Variogram | None:
    """Label differences against distance: along edges, or in X of a part of the points; None where none can be had."""
    try:
        if data.edges is not None and data.edges.size:
            return variogram(data.y, edges=data.edges, n_sources=64)
        rows = np.arange(0, data.n_points, max(1, -(-data.n_points // _PAIRS)))
        return variogram(np.asarray(data.y)[rows], X=np.asarray(data.X)[rows], n_sources=128)
    except FractalmanError:
        return None


def _smooth_words(labels: Variogram | None) -> str:
    """What the variogram says in a sentence."""
    if labels is None:
        return "The labels' differences cannot be measured on these points."
    used = (labels.value > 0) & (labels.distance > 0)
    what = "edges" if labels.kind == "graph" else "distance"
    try:
        fit = fit_power_law(labels.distance[used], labels.value[used])
    except FractalmanError:
        return f"Mean squared label difference against {what}; too few distances for an exponent."
    return (
        f"Mean squared label difference against {what}; over all distances shown it grows with exponent "
        f"{-fit.value:.2f} (2H where a power law holds)."
    )


def _base64(values: np.ndarray[Any, Any]) -> str:
    """The bytes of an array, little-endian, as text."""
    return base64.b64encode(values.astype(values.dtype.newbyteorder("<")).tobytes()).decode("ascii")
