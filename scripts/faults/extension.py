"""`extend` killed at moments over its whole length; 10^5 to 10^7 points in one go and in ten steps: the same bytes."""

from __future__ import annotations

import filecmp
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from outcome import ROOT, Tally

import fractalman as fm

RECIPES = {
    "cascade": fm.Cascade(n_points=100_000, ambient_dim=8, seed=3),
    "cluster, nested": fm.PercolationCluster(n_points=100_000, ambient_dim=8, seed=3, growth="nested"),
}
SMALL, KILLED = 10_000, 200_000
FIRST, LAST, STEPS = 100_000, 10_000_000, 10
_CHILD = "import sys, fractalman as fm; fm.extend(sys.argv[1], int(sys.argv[2]), progress=False)"


def _child(path: Path, n: int) -> subprocess.Popen[bytes]:
    search = os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)])
    return subprocess.Popen([sys.executable, "-c", _CHILD, str(path), str(n)], env={**os.environ, "PYTHONPATH": search})


def _killed(tally: Tally, name: str, first: Path, n: int, moments: int, rng: random.Random) -> None:
    """Kill at moments that cover an undisturbed run's length; then extend what is there."""
    path, before = first.with_name("killed.h5"), first.read_bytes()
    shutil.copy(first, path)
    begun = time.monotonic()
    _child(path, n).wait()
    took, whole = time.monotonic() - begun, path.read_bytes()
    for moment in range(moments):
        shutil.copy(first, path)
        child = _child(path, n)
        time.sleep(took * (moment + rng.random()) / moments)
        child.send_signal(signal.SIGKILL)
        child.wait()
        found = path.read_bytes()
        word = "old file" if found == before else "new file" if found == whole else "silent"
        if word == "old file":
            fm.extend(path, n, progress=False)
            word = "old file, then the same" if path.read_bytes() == whole else "silent"
        tally.add(f"{name}, killed", word, f"moment {moment}")
        for left in path.parent.glob(f".{path.name}.*.partial"):
            left.unlink()


def run(folder: Path, share: float, seed: int) -> list[Tally]:
    """At share 1 twenty kills a recipe; the sizes shrink with the share."""
    rng, tally = random.Random(seed), Tally("extend: by recipe")
    small, killed, first, last = (max(100, round(n * share)) for n in (SMALL, KILLED, FIRST, LAST))
    for name, recipe in RECIPES.items():
        start = fm.write(recipe.replace(n_points=small), folder / "start.h5", overwrite=True)
        _killed(tally, name, start, killed, max(2, round(20 * share)), rng)
        start = fm.write(recipe.replace(n_points=first), start, overwrite=True)
        once, often = shutil.copy(start, folder / "once.h5"), shutil.copy(start, folder / "often.h5")
        fm.extend(once, last, progress=False)
        for step in range(1, STEPS + 1):
            fm.extend(often, first + (last - first) * step // STEPS, progress=False)
        same = filecmp.cmp(once, often, shallow=False)
        tally.add(f"{name}, {first:,} → {last:,} points at once and in {STEPS} steps", "same" if same else "silent")
        for path in (start, Path(once), Path(often)):
            path.unlink()
    return [tally]
