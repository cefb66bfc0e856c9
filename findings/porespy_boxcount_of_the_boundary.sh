#!/usr/bin/env bash
# porespy's boxcount gives a disc a dimension below 1: it counts the boxes that hold its edge, not those that hold it.
#
# "The fractal dimension of an image", True being the phase of interest: a filled disc reads .74 at sizes from 2 to 32 (2 is due) and a half plane, whose
# edge falls between boxes, no number at all. Boxes are counted that hold both phases; the table of results says so, the
# first sentence and the literature's box counting do not. Its ten default sizes, said to begin at 1, begin at 10 and do not
# divide the image: on a Sierpinski carpet (1.893), which is all edge, local slopes run from 1.1 to 3.9. Sizes that
# are powers of 3 give the carpet its slope as far as every box meets a hole.
# Seen on 2026-11-29. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'porespy==3.2.0' 'numpy==2.4.6' 'scipy==1.17.1'
"$folder/env/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import numpy as np
import porespy

y, x = np.mgrid[:256, :256]
disc = (y - 128) ** 2 + (x - 128) ** 2 < 100**2
carpet = np.ones((1, 1), bool)
for _ in range(5):
    carpet = np.kron(carpet, np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]])).astype(bool)


def slope(found):
    return float(-np.polyfit(np.log(found.size), np.log(np.array(found.count, float)), 1)[0])


sizes = [2, 4, 8, 16, 32]
of_disc = slope(porespy.metrics.boxcount(disc, bins=sizes))
boxes = [int(sum(disc[i : i + s, j : j + s].any() for i in range(0, 256, s) for j in range(0, 256, s))) for s in sizes]
by_definition = float(-np.polyfit(np.log(sizes), np.log(boxes), 1)[0])
half = porespy.metrics.boxcount(y < 128, bins=sizes)
default = porespy.metrics.boxcount(carpet)
thirds = porespy.metrics.boxcount(carpet, bins=[3, 9, 27, 81])
print(f"porespy {version('porespy')}: disc {of_disc:.2f} (boxes that meet it: {by_definition:.2f}); half plane "
      f"{[int(v) for v in half.count]} boxes; carpet, local slopes {min(default.slope):.2f} to {max(default.slope):.2f} at the "
      f"default sizes from {min(default.size)} on, {slope(thirds):.3f} at powers of 3 (exact: 1.893)")
assert of_disc < 1 and by_definition > 1.85 and sum(half.count) == 0
assert min(default.size) == 10 and max(default.slope) > 3 and min(default.slope) < 1.3 and abs(slope(thirds) - 1.893) < 0.01
PYTHON
