"""Hours of use in one process: epochs of batches, opens and sweeps; resident memory and open handles stay flat.

A round is 20 epochs, 40 opens and a sweep, then a rest of `REST` times its processor time; fifty rounds are asked
for. With ``--minutes`` rounds go on, or end early, when that time is over. Memory and handles are noted after each.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from outcome import BAD, Tally, asked_until

import fractalman as fm

ROUNDS, EPOCHS, OPENS = 50, 20, 40
REST = 1.0
ALLOWED_BYTES = 32 << 20
"""Growth from the first quarter's end to the last that is taken for the allocator's."""
TABLES = {
    "recipe": {"family": "cascade", "n_points": 256, "ambient_dim": 8},
    "sweep": {"learners": ["1-nn"], "train_sizes": [32, 64, 128], "seeds": 2, "test_size": 64},
}


class Seen(NamedTuple):
    """What a process holds."""

    resident: int
    handles: int
    threads: int


def now() -> Seen:
    """Resident bytes, open handles and threads of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Seen(
        pages * os.sysconf("SC_PAGE_SIZE"), len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    )


def flat(series: Sequence[Seen]) -> bool:
    """Whether nothing grew from the end of the first quarter on; the highest of the last quarter counts."""
    first, last = series[len(series) // 4], series[-max(1, len(series) // 4) :]
    grown = max(one.resident for one in last) - first.resident
    return grown <= ALLOWED_BYTES and all(one[1:] <= first[1:] for one in last)


def run(folder: Path, share: float, seed: int) -> list[Tally]:
    """Do a share of the rounds, and more while there is time."""
    path = fm.write(fm.Cascade(n_points=20_000, ambient_dim=16, seed=seed), folder / "data.h5")
    series: list[Seen] = []
    begun = time.monotonic()
    while len(series) < 4 or (time.monotonic() < asked_until() if asked_until() else len(series) < share * ROUNDS):
        start = time.process_time()
        for _ in range(EPOCHS):
            for _rows in fm.batches(path, 512, seed=seed):
                pass
        for _ in range(OPENS):
            with fm.open(path) as file:
                file.X[5:9].sum()
        fm.confirm(TABLES, folder / f"run{len(series)}", progress=False)
        series.append(now())
        if len(series) % 10 == 0:
            print(f"{time.monotonic() - begun:.0f} s, {len(series)} rounds: {series[-1]}", file=sys.stderr, flush=True)
        if share >= 1:
            time.sleep(REST * (time.process_time() - start))
    n, took = len(series), time.monotonic() - begun
    tally = Tally(f"Soak: {n * EPOCHS:,} epochs, {n * OPENS:,} opens and {n} sweeps in {took / 60:.0f} minutes")
    for after in (part * n // 4 for part in range(1, 5)):
        held = series[after - 1]
        said = f"{held.resident / 1e6:.1f} MB, {held.handles} handles, {held.threads} threads"
        tally.add(f"after {after} rounds: {said}", "seen")
    shown = str(series[:: max(1, n // 20)])
    tally.add("the last quarter against the first", "flat" if flat(series) else BAD[0], shown)
    return [tally]
