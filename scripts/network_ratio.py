#!/usr/bin/env python3
"""What networks lose against their tangent kernel, from the committed points: the constant of `prediction.networks`.

    .venv/bin/python scripts/network_ratio.py            # rewrite the constant
    .venv/bin/python scripts/network_ratio.py --check    # exit with 1 if it is not what the points say

Of every family the ratio of network to kernel, the same replicates with the same labels, is averaged over the sizes at
which the data limit the network (geometric means); the constant is the mean over the families. The error is that of
*another* family: the standard deviation of the families about the mean, which holds their own noise, times √(1 + 1/F).
The same of the differences of exponents, where three such sizes are there; their mean is not applied, so the error is
the root mean square about 0. The error at one size is the scatter of a family's sizes about its mean.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from reference_tables import REFERENCE, risks, runs, table_rows

from fractalman.prediction.networks import CAMPAIGN

MODULE = Path(__file__).resolve().parent.parent / "fractalman" / "prediction" / "networks.py"
BLOCK = re.compile(r"(# made by scripts/network_ratio\.py\n).*?(# end\n)", re.DOTALL)


def paired_logs(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the sizes at which the data limit the network, and ln(network/kernel) there, (replicates, sizes)."""
    limited = {
        float(row["n"]) for row in table_rows(folder / "points.csv")
        if row["learner"] == "mlp" and not row.get("doubled") and row["regime"] == "data-limited"
    }  # fmt: skip
    network, kernel = risks(folder, "mlp"), risks(folder, "ntk-kernel")
    sizes = [n for n in network if n in limited and n in kernel]
    return np.array(sizes), np.array([np.log(network[n] / kernel[n]) for n in sizes]).T


def slope(sizes: np.ndarray, logs: np.ndarray) -> float:
    """Return the exponent of the network less that of its kernel, mean over the replicates."""
    x = np.log(sizes) - np.log(sizes).mean()
    return -float((logs @ x / np.sum(x**2)).mean())


def constant() -> str:
    """Return the line of the module."""
    families = [paired_logs(folder) for folder in runs(REFERENCE, r"five-.*")]
    levels = np.array([logs.mean() for sizes, logs in families if sizes.size])
    slopes = np.array([slope(sizes, logs) for sizes, logs in families if sizes.size >= 3])
    wider = math.sqrt(1.0 + 1.0 / levels.size)
    around = [np.square(logs.mean(axis=0) - logs.mean()) for _, logs in families]
    scatter = sum(float(part.sum()) for part in around) / sum(part.size - 1 for part in around)
    values = {
        "ratio": f"{math.exp(levels.mean()):.3f}",
        "shared_error": f"{levels.std(ddof=1) * wider:.3f}",
        "size_error": f"{math.sqrt(scatter):.3f}",
        "slope_error": f"{math.sqrt(float(np.mean(slopes**2))):.3f}",
        "families": str(levels.size),
    }
    return f"CAMPAIGN = NetworkRatio({', '.join(f'{name}={value}' for name, value in values.items())})\n"


def main(arguments: list[str] | None = None) -> int:
    """Write or check the constant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    text = MODULE.read_text(encoding="utf-8")
    wanted = BLOCK.sub(lambda match: match[1] + constant() + match[2], text)
    print(f"in use: {CAMPAIGN}\nfrom the points: {constant()}", end="")
    if not options.check:
        MODULE.write_text(wanted, encoding="utf-8")
    return int(options.check and wanted != text)


if __name__ == "__main__":
    sys.exit(main())
