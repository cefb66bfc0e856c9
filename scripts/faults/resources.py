"""Disks that fill up, limits of file size, memory and open files, and streams that are closed or know ASCII alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from outcome import ROOT, Tally, late, word

import fractalman as fm

COMMANDS = {
    "generate": ("generate", "good.toml", "-o", "out.h5", "--force"),
    "export percolation": ("export", "good.h5", "-o", "out.npz", "--layout", "percolation", "--force"),
    "export anndata": ("export", "good.h5", "-o", "out.h5ad", "--force"),
    "export parquet": ("export", "good.h5", "-o", "out.parquet", "--layout", "parquet", "--force"),
    "export zarr": ("export", "good.h5", "-o", "out.zarr", "--layout", "zarr", "--force"),
    "extend": ("extend", "good.h5", "--n-points", "30000"),
    "subset": ("subset", "good.h5", "-o", "out.h5", "--rows", "::2", "--force"),
    "rebuild": ("rebuild", "good.h5", "-o", "out.h5", "--force"),
    "explore": ("explore", "good.h5", "-o", "out.html", "--force"),
    "confirm": ("confirm", "sweep.toml", "-o", "run", "--force"),
    "list": ("list",), "info": ("info", "good.h5"), "measure": ("measure", "good.h5"),
    "predict": ("predict", "good.h5"),
}  # fmt: skip
LIMITS = {
    **{f"files of {size} bytes": f"ulimit -f {size // 512}; trap '' XFSZ;" for size in (0, 4096, 65536, 524288)},
    "16 open files": "ulimit -n 16;",
    "memory of 300 MB": "ulimit -v 300000;",
    "memory of 1.5 GB": "ulimit -v 1500000;",
    "stdout closed": ">&-", "stderr closed": "2>&-", "both closed": ">&- 2>&-", "stdin closed": "<&-",
    "stdout full": ">/dev/full", "ASCII": "LC_ALL=C PYTHONIOENCODING=ascii PYTHONUTF8=0",
}  # fmt: skip
SWEEP = (
    '[recipe]\nfamily = "cascade"\nn_points = 64\n[sweep]\nlearners = ["1-nn"]\ntrain_sizes = [8, 16, 32]\nseeds = 2\n'
)


def run(folder: Path, share: float, seed: int) -> list[Tally]:
    """Run every command under every limit."""
    tally = Tally("Resources: by limit")
    recipe = fm.Cascade(n_points=20_000, ambient_dim=8)
    (folder / "good.toml").write_text(recipe.to_toml())
    (folder / "sweep.toml").write_text(f"{SWEEP}test_size = 8\n")
    search = os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)])
    environment = {**os.environ, "PYTHONPATH": search, "FRACTALMAN_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    pairs = [(limit, command) for limit in LIMITS for command in COMMANDS]
    for limit, command in pairs[seed % max(1, round(1 / share)) :: max(1, round(1 / share))]:
        if late():
            break
        fm.write(recipe, folder / "good.h5", overwrite=True)
        before = {path: path.read_bytes() for path in folder.glob("out*") if path.is_file()}
        words = " ".join([sys.executable, "-m", "fractalman", *COMMANDS[command]])
        how = LIMITS[limit]
        line = f"{how} {words}" if how.endswith(";") or "=" in how else f"{words} {how}"
        try:
            done = subprocess.run(
                ["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=120, env=environment
            )
            answer = {"status": done.returncode if done.returncode >= 0 else "died", "out": "", "err": done.stderr}
        except subprocess.TimeoutExpired:
            answer = {"status": "hung", "out": "", "err": ""}
        if limit.startswith("memory of 300") and "fractalman:" not in str(answer["err"]):
            tally.add(limit, "Python itself cannot start")
            continue
        found = word(answer, None).replace("same", "done")
        if found == "refused" and any(not path.exists() or path.read_bytes() != old for path, old in before.items()):
            found = "silent"  # what was there is gone, though nothing was done
        tally.add(limit, found, f"{command}: {answer['err']}")
        if list(folder.glob(".*.partial")):
            tally.add(limit, "silent", f"{command}: left {[path.name for path in folder.glob('.*.partial')]}")
    return [tally]
