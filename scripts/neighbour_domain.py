"""Measure how far one neighbour in X is from one in the hierarchy or graph: `python scripts/neighbour_domain.py`.

Both risks are exact over labels and of the same structures, training sets and test points, so their ratio has hardly
any scatter. It prints the table of docs/theory/neighbour-domain.md, from which the rules `neighbour_bias` of
the families' laws are drawn: where every ratio is within the bias of 1, the curve of the hierarchy or graph is taken.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

import fractalman as fm
from fractalman import theory
from fractalman.nearest import nearest

SIZES = (64, 256, 1024)
TESTS = 512


def ratios(recipe: fm.Recipe, structures: int) -> tuple[np.ndarray, np.ndarray]:
    """Return mean risk in X over mean risk in the hierarchy or graph, and its standard error, (sizes,) each."""
    rows = []
    for seed in range(structures):
        data = fm.generate(recipe.replace(seed=7000 + seed))
        train, test = data.split(max(SIZES), TESTS, seed=seed)
        labels = theory.TreeCovariance(data.label_tree)
        if isinstance(recipe, fm.Cascade):
            ideal = theory.one_nn_in_hierarchy(data, train, SIZES, test)
        else:
            ideal, _ = theory.one_nn_curve_on_tree(data.edges, data, train, SIZES, test, unseen="other")
        found = [train[:n][nearest(data.X[train[:n]], data.X[test])] for n in SIZES]
        rows.append([[labels.pairs(near, test).mean() for near in found], ideal.mean(axis=1)])
    in_space, ideal = np.array(rows).transpose(1, 0, 2)
    ratio = in_space.mean(axis=0) / ideal.mean(axis=0)
    left = (in_space - ratio * ideal) / ideal.mean(axis=0)
    return ratio, left.std(axis=0, ddof=1) / np.sqrt(structures)


def recipes() -> Iterator[tuple[str, fm.Recipe]]:
    """Yield the grid: cascades by ratio and dimension, clusters and ensembles by dimension."""
    for ratio in (0.3, 0.5, 0.6, 0.7, 0.83):
        for d in (8, 16, 24, 32, 64, 128):
            for branching, hurst in ((2, 0.3), (4, 0.5), ((3, 7), 0.9), (16, 0.6)):
                yield (
                    f"cascade {branching}, H = {hurst}, r = {ratio}, d = {d}",
                    fm.Cascade(n_points=1600, branching=branching, hurst=hurst, contraction=ratio, ambient_dim=d),
                )
    for d in (24, 64, 128, 256):
        for label, exponent in (("hierarchical", 0.18), ("hierarchical", -0.1), ("brownian", 0.0)):
            kind = f"{label}, a = {exponent}, d = {d}"
            words = {"n_points": 16384, "ambient_dim": d, "label": label, "label_exponent": exponent}
            yield f"cluster {kind}", fm.PercolationCluster(**words)
            yield f"ensemble {kind}", fm.PercolationEnsemble(**words, ensemble="size-biased")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--structures", type=int, default=6)
    parser.add_argument("--only", default="", help="lines that begin with this")
    options = parser.parse_args()
    print("| recipe | " + " | ".join(f"n = {n}" for n in SIZES) + " |\n" + "|---" * (1 + len(SIZES)) + "|")
    for name, recipe in recipes():
        if name.startswith(options.only):
            ratio, error = ratios(recipe, options.structures)
            shown = " | ".join(f"{r:.4f} ± {e:.4f}" for r, e in zip(ratio, error, strict=True))
            print(f"| {name} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
