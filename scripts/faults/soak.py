"""Hours of use in one process: epochs of batches, opens and sweeps; resident memory and open handles stay flat."""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path

from outcome import BAD, Tally

import fractalman as fm

EPOCHS, OPENS, SWEEPS = 1000, 2000, 50
ALLOWED_BYTES = 32 << 20
"""Growth from the first quarter's end to the last that is taken for the allocator's."""
TABLES = {
    "recipe": {"family": "cascade", "n_points": 256, "ambient_dim": 8},
    "sweep": {"learners": ["1-nn"], "train_sizes": [32, 64, 128], "seeds": 2, "test_size": 64},
}


def _now() -> tuple[int, int]:
    """Resident bytes and open handles of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(list(Path("/proc/self/fd").iterdir()))


def run(folder: Path, share: float, seed: int) -> list[Tally]:
    """Do everything a share of the full number of times, and compare the first quarter with the end."""
    path = fm.write(fm.Cascade(n_points=20_000, ambient_dim=16, seed=seed), folder / "data.h5")
    tally = Tally("Soak: resident memory in MB and open handles, after a quarter and at the end")

    def epoch(_: int) -> None:
        for _rows in fm.batches(path, 512, seed=seed):
            pass

    def opened(_: int) -> None:
        with fm.open(path) as file:
            file.X[5:9].sum()

    def sweep(k: int) -> None:
        fm.confirm(TABLES, folder / f"run{k}", progress=False)

    for name, work, times in (("epochs", epoch, EPOCHS), ("opens", opened, OPENS), ("sweeps", sweep, SWEEPS)):
        total, begun, seen = max(4, round(share * times)), time.monotonic(), (0, 0)
        for k in range(total):
            work(k)
            if k == total // 4:
                seen = _now()
        end = _now()
        flat = end[0] - seen[0] <= ALLOWED_BYTES and end[1] <= seen[1]
        told = f"{total} {name} in {time.monotonic() - begun:.0f} s: {seen[0] / 1e6:.0f} → {end[0] / 1e6:.0f} MB"
        tally.add(f"{told}, {seen[1]} → {end[1]} handles", "flat" if flat else BAD[0], told)
    return [tally]
