"""`extend` killed all along its progress; 10^5 to 10^7 points in one go and in ten steps: the same bytes."""

from __future__ import annotations

import filecmp
import os
import random
import shutil
import signal
import time
from pathlib import Path

from outcome import Tally
from processes import end, start

import fractalman as fm

RECIPES = {
    "cascade": fm.Cascade(n_points=100_000, ambient_dim=8, seed=3),
    "cluster, nested": fm.PercolationCluster(n_points=100_000, ambient_dim=8, seed=3, growth="nested"),
}
SMALL, KILLED = 10_000, 100_000
FIRST, LAST, STEPS = 100_000, 10_000_000, 10


def _partial(path: Path) -> list[Path]:
    return list(path.parent.glob(f".{path.name}.*.partial"))


def _killed(tally: Tally, name: str, first: Path, n: int, moments: int, rng: random.Random) -> None:
    """Kill when the new file has so many of its bytes, from none to all; then extend what is there."""
    path, before = first.with_name("killed.h5"), first.read_bytes()
    shutil.copy(first, path)
    words = ("extend", path.name, "--n-points", str(n))
    end(start(path.parent, *words), path.parent)
    whole = path.read_bytes()
    for moment in range(moments):
        shutil.copy(first, path)
        child = start(path.parent, *words)
        wanted = len(whole) * (moment + rng.random()) / moments if moment else 0
        while child.is_alive() and sum(left.stat().st_size for left in _partial(path) if left.exists()) < wanted:
            time.sleep(0.0005)
        os.kill(child.pid, signal.SIGKILL)  # a child that has ended is not yet waited for
        end(child, path.parent)
        found = path.read_bytes()
        word = "old file" if found == before else "new file" if found == whole else "silent"
        if word == "old file":
            fm.extend(path, n, progress=False)
            word = "old file, then the same" if path.read_bytes() == whole else "silent"
        tally.add(f"{name}, killed", word, f"moment {moment}")
        for left in _partial(path):
            left.unlink()


def run(folder: Path, share: float, seed: int) -> list[Tally]:
    """At share 1 twenty kills a recipe; the sizes shrink with the share."""
    rng, tally = random.Random(seed), Tally("extend: by recipe")
    small, killed, first, last = (max(100, round(n * share)) for n in (SMALL, KILLED, FIRST, LAST))
    for name, recipe in RECIPES.items():
        begun = fm.write(recipe.replace(n_points=small), folder / "start.h5", overwrite=True)
        _killed(tally, name, begun, killed, max(2, round(20 * share)), rng)
        begun = fm.write(recipe.replace(n_points=first), begun, overwrite=True)
        once, often = shutil.copy(begun, folder / "once.h5"), shutil.copy(begun, folder / "often.h5")
        fm.extend(once, last, progress=False)
        for step in range(1, STEPS + 1):
            fm.extend(often, round(first * (last / first) ** (step / STEPS)), progress=False)
        same = filecmp.cmp(once, often, shallow=False)
        tally.add(f"{name}, {first:,} → {last:,} points at once and in {STEPS} steps", "same" if same else "silent")
        for path in (begun, Path(once), Path(often)):
            path.unlink()
    return [tally]
