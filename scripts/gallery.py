#!/usr/bin/env python3
"""One picture per family: points on their principal axes, coloured by where they stand in their hierarchy.

    .venv/bin/python scripts/gallery.py [-o gallery] [--points 20000] [--only NAME] [--grains]

Colours run along the order in which every subcluster is one range, so parts of one colour are parts of one subcluster
at whatever scale one looks; without a hierarchy they show the label. In an ensemble, clusters of fewer than 20 points
are dust. `--grains` also draws the critical cluster cut at several sizes. Needs the plots extra.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

import fractalman as fm

POINTS = 20_000

# name → (recipe, dimensions of the picture, title). A family enters with a line here.
PICTURES: dict[str, tuple[fm.Recipe, int, str]] = {
    "percolation-cluster": (
        fm.PercolationCluster(n_points=POINTS, ambient_dim=128, seed=4),
        2,
        "Critical percolation cluster",
    ),
    "percolation-cluster-3d": (
        fm.PercolationCluster(n_points=POINTS, ambient_dim=128, seed=4),
        3,
        "Critical percolation cluster",
    ),
    "percolation-cluster-nested": (
        fm.PercolationCluster(n_points=POINTS, ambient_dim=128, growth="nested", seed=2),
        2,
        "Critical percolation cluster, nested growth",
    ),
    "cascade": (fm.Cascade(n_points=POINTS, ambient_dim=32, branching=4, seed=1), 2, "Cascade, k = 4, r = 1/2"),
    "cascade-random": (
        fm.Cascade(n_points=POINTS, ambient_dim=32, branching=(1, 16), seed=4),
        3,
        "Cascade, k = 1 or 16, r = 1/2",
    ),
    "percolation-ensemble": (
        fm.PercolationEnsemble(n_points=POINTS, ambient_dim=128, seed=1),
        2,
        "Ensemble of critical clusters, every site once",
    ),
    "percolation-ensemble-size-biased": (
        fm.PercolationEnsemble(n_points=POINTS, ambient_dim=128, ensemble="size-biased", seed=1),
        2,
        "Ensemble of critical clusters, grown from roots",
    ),
    "bethe-lattice": (
        fm.BetheLattice(n_points=POINTS, coordination=3, ambient_dim=128, seed=2),
        2,
        "Bethe lattice at its threshold, z = 3",
    ),
    "lattice-percolation-2d": (
        fm.LatticePercolation(dim=2, side=200, ambient_dim=2, seed=1),
        2,
        "Site percolation on the square lattice at its threshold",
    ),
    "lattice-percolation-3d": (
        fm.LatticePercolation(dim=3, side=48, ambient_dim=3, seed=1),
        3,
        "Site percolation on the cubic lattice at its threshold",
    ),
    "lattice-percolation-2d-minimum": (
        fm.LatticePercolation(dim=2, side=200, ambient_dim=2, spanning_tree="minimum", percolation="bond", seed=3),
        2,
        "Bond percolation: subclusters are clusters of a lower occupation",
    ),
    "smooth-manifold": (
        fm.SmoothManifold(n_points=POINTS, ambient_dim=32, hurst=0.6, seed=3),
        3,
        "A sphere seen from outside, coloured by its Gaussian field, H = 0.6",
    ),
}

PAPER, INK, DUST = "#fbfaf7", "#1f2430", "#c9c6bd"
SMALL = 20  # clusters of fewer points are dust in an ensemble's picture


def principal(X: np.ndarray, axes: int, of: np.ndarray | None = None) -> np.ndarray:
    """Coordinates on the leading principal axes (of the points ``of``), signs fixed by their largest coordinate."""
    of = X if of is None else of
    middle = of.mean(axis=0, dtype=np.float64)
    centred = of.astype(np.float64) - middle
    vectors = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :axes]
    far = centred @ vectors
    vectors = vectors * np.sign(far[np.abs(far).argmax(axis=0), np.arange(vectors.shape[1])] + 1e-300)
    out = (X.astype(np.float64) - middle) @ vectors
    return np.pad(out, ((0, 0), (0, axes - out.shape[1])))


ELEVATION, AZIMUTH = 22.0, -52.0  # of the eye, in degrees


def eye() -> np.ndarray:
    """The direction from which a picture in three dimensions is seen."""
    up, around = np.radians(ELEVATION), np.radians(AZIMUTH)
    return np.array([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)])


def colours(data: Any) -> np.ndarray:
    """A number in [0, 1] for every point: its place in the hierarchy's order, or its label's rank."""
    h = data.hierarchy
    order = h.order().place if h is not None and h.n_latents else np.argsort(np.argsort(data.y, kind="stable"))
    return (order + 0.5) / data.n_points


def draw(data: Any, dimensions: int, title: str, fine: Any = None) -> Any:
    """The picture of a dataset; of a coarse one, with the axes and colours of the ``fine`` one it was made from."""
    from matplotlib import colormaps
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba
    from matplotlib.figure import Figure
    from mpl_toolkits.mplot3d.art3d import Line3DCollection

    shade = colours(data if fine is None else fine)
    area = np.full(data.n_points, 2.2 * min(30.0, 20_000 / data.n_points))
    place = principal(data.X, dimensions, None if fine is None else fine.X)
    if fine is not None:
        shade = np.bincount(data.fragment, shade) / data.count
        area = 2.0 + 9_000.0 * data.count / fine.n_points
    dust = np.bincount(data.cluster)[data.cluster] < (SMALL if data.cluster[-1] > 0 else 0)
    if dust.any():  # the colours are for the others
        shade = np.searchsorted(np.sort(shade[~dust]), shade) / max(1, (~dust).sum())
    paint = colormaps["turbo"](0.04 + 0.92 * shade)
    paint[dust] = to_rgba(DUST)
    order = np.arange(data.n_points)[::-1]  # the largest cluster on top
    figure = Figure(figsize=(7, 7), facecolor=PAPER, layout="constrained")
    flat = dimensions == 2
    if flat:
        axes = figure.add_subplot(facecolor=PAPER)
        axes.set_aspect("equal")
    else:
        axes = figure.add_subplot(projection="3d", facecolor=PAPER)
        axes.view_init(elev=ELEVATION, azim=AZIMUTH)
        axes.set_proj_type("ortho")
        axes.set_box_aspect(np.ptp(place, axis=0) + 1e-9, zoom=1.2)
        axes.set(
            **dict(zip(("xlim", "ylim", "zlim"), zip(place.min(axis=0), place.max(axis=0), strict=True), strict=True))
        )
        if data.edges is None and data.hierarchy is None:  # a surface: its near side
            order = order[place[order] @ eye() > 0]
            area *= 6.0
    axes.set_axis_off()
    if data.edges is not None:
        ends = data.edges[::-1]
        lines = {"colors": paint[ends[:, 0]], "linewidths": 0.5 if flat else 0.8, "alpha": 0.55}
        axes.add_collection(
            LineCollection(place[ends], zorder=1, **lines) if flat else Line3DCollection(place[ends], **lines)
        )
    options = {"depthshade": False} if not flat else {"zorder": 2}
    axes.scatter(*place[order].T, s=area[order], c=paint[order], linewidths=0, alpha=0.9, **options)
    if flat:
        axes.autoscale_view()
    figure.suptitle(title, fontsize=13, color=INK)
    return figure


def caption(data: Any, title: str) -> str:
    """The title with the size."""
    return f"{title}\n{data.n_points:,} points, {data.X.shape[1]} dimensions, on their principal axes"


def main() -> int:
    """Draw what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("gallery"))
    parser.add_argument("--points", type=int, default=POINTS, help="where a recipe has a number of points")
    parser.add_argument("--only", metavar="NAME", choices=[*PICTURES], action="append")
    parser.add_argument("--grains", action="store_true", help="also the critical cluster at several grains")
    asked = parser.parse_args()
    try:
        import matplotlib

        matplotlib.use("Agg")
    except ImportError:
        print("pictures need matplotlib: pip install 'fractalman[plots]'", file=sys.stderr)
        return 2
    asked.output.mkdir(parents=True, exist_ok=True)
    for name in asked.only or PICTURES:
        recipe, dimensions, title = PICTURES[name]
        data = fm.generate(recipe if recipe.n_points is None else recipe.replace(n_points=asked.points))
        draw(data, dimensions, caption(data, title)).savefig(
            asked.output / f"{name}.png", dpi=150, bbox_inches="tight", pad_inches=0.2
        )
        print(asked.output / f"{name}.png", flush=True)
    if asked.grains:
        data = fm.generate(PICTURES["percolation-cluster"][0].replace(n_points=asked.points))
        for size in (10, 100, 1000):
            coarse = fm.coarse_grain(data, size=size)
            title = f"Critical percolation cluster at the grain of {size} points\n{coarse.n_points:,} fragments"
            draw(coarse, 2, title, data).savefig(
                asked.output / f"grain-{size}.png", dpi=150, bbox_inches="tight", pad_inches=0.2
            )
            print(asked.output / f"grain-{size}.png", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
