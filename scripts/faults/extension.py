"""`extend` killed all along its progress; 10^5 to 10^7 points in one go and in ten steps: the same bytes."""

from __future__ import annotations

import contextlib
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


def _shards_killed(tally: Tally, folder: Path, moments: int, rng: random.Random) -> None:
    """Kill an index of shards when so many of the new shards' bytes are there; what is there is whole, and goes on."""
    recipe, path, words = RECIPES["cascade"].replace(n_points=40_000), folder / "index.h5", ("--n-points", "120000")
    name, shards = "index of 4 shards, killed", folder / "index.h5.shards"

    def files() -> dict[str, bytes]:
        return {found.name: found.read_bytes() for found in (path, *sorted(shards.glob("*.h5")))}

    def begin() -> None:
        shutil.rmtree(shards, ignore_errors=True)
        fm.write_shards(recipe, path, 4, overwrite=True, progress=False)

    begin()
    old = path.read_bytes()
    end(start(folder, "extend", path.name, *words), folder)
    whole = files()
    total = sum(len(text) for name, text in whole.items() if name != path.name)
    for moment in range(moments):
        begin()
        child, wanted = start(folder, "extend", path.name, *words), total * (moment + rng.random()) / moments

        def written() -> int:
            size = 0
            for found in shards.glob("*12.h5*"):
                with contextlib.suppress(FileNotFoundError):  # it has its name by now
                    size += found.stat().st_size
            return size

        while child.is_alive() and written() < wanted:
            time.sleep(0.0005)
        with contextlib.suppress(ProcessLookupError):  # it had ended
            os.kill(child.pid, signal.SIGKILL)
        end(child, folder)
        finished = len(list(shards.glob("*-of-00012.h5")))
        at = path.read_bytes()
        word = (
            "silent"
            if at not in (old, whole[path.name]) or fm.verify(path)
            else "old file"
            if at == old
            else "new file"
        )
        if word == "old file":
            fm.extend(path, 120_000, progress=False)
            word = "old file, then the same" if files() == whole else "silent"
        tally.add(name, word, f"moment {moment}, {finished} shards finished")


def run(folder: Path, share: float, seed: int) -> list[Tally]:
    """At share 1 twenty kills a recipe; the sizes shrink with the share."""
    rng, tally = random.Random(seed), Tally("extend: by recipe")
    small, killed, first, last = (max(100, round(n * share)) for n in (SMALL, KILLED, FIRST, LAST))
    _shards_killed(tally, folder, max(2, round(20 * share)), rng)
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
