#!/usr/bin/env bash
# overcomplete's r2_score gives a reconstruction that is no better than the mean point far more than 0.
#
# Its documentation says "a score of 0 indicates that the reconstruction is as good as the mean". The total variance is
# taken about one number, the mean over all coordinates, so a dictionary's constant alone scores whatever the
# coordinates' means differ by: 0.5 for four coordinates of variance 1 with means -1, 1, -1, 1. scikit-learn's r2_score is 0 there.
# Seen on 2026-11-28. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'torch==2.13.0' 'scipy==1.17.1' 'numpy==2.4.6' 'scikit-learn==1.9.1'
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps 'overcomplete==0.3.0'
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import importlib.util
from importlib.metadata import version
from pathlib import Path

import torch
from sklearn.metrics import r2_score

# the file alone: the package imports vision models, which are not needed here
place = next(Path(p) / "overcomplete" for p in __import__("sys").path if (Path(p) / "overcomplete").is_dir())
spec = importlib.util.spec_from_file_location("overcomplete_metrics", place / "metrics.py")
metrics = importlib.util.module_from_spec(spec)
spec.loader.exec_module(metrics)

torch.manual_seed(0)
x = torch.randn(20_000, 4) + torch.tensor([-1.0, 1.0, -1.0, 1.0])
mean = x.mean(dim=0).expand_as(x)
theirs, usual = float(metrics.r2_score(x, mean)), float(r2_score(x, mean))
print(f"overcomplete {version('overcomplete')}: R² of the mean point {theirs:.3f}, scikit-learn's {usual:.3f}")
assert theirs > 0.45 and abs(usual) < 1e-6
PYTHON
