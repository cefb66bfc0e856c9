"""SIGKILL and SIGINT at random moments of everything that takes long, then begun again: the same as undisturbed.

A command that writes one file must leave the old one, none, or the whole new one; a run that is begun again must end
with the rows of a run that nobody disturbed (their seconds apart).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from outcome import ROOT, Tally, digest, late

import fractalman as fm

RECIPE = 'family = "cascade"\nn_points = 512\nambient_dim = 8\n'
MLP = "[mlp]\nwidth = 16\ndepth = 2\nsteps = 60\nbatch_size = 32\n"
TABLES = {
    "confirm": '[sweep]\nlearners = ["1-nn", "mlp"]\ntrain_sizes = [32, 64, 128]\nseeds = 2\ntest_size = 64\n' + MLP,
    "granularity": '[granularity]\nscales = [64]\ntrain_size = 64\nseeds = 2\ndraws = 2\nlearners = ["ridge"]\n',
    "locality": "[locality]\ntrain_size = 64\ntest_size = 64\nseeds = 2\nsteps = [0, 20]\nsources = 8\npairs = 20\n"
    "pattern_points = 32\ncontrols = []\n" + MLP,
    "probe": "[probe]\ntrain_sizes = [64]\ntest_size = 64\nseeds = 2\nscales = [16, 64]\n" + MLP,
    "linearity": "[linearity]\ntrain_size = 128\ntest_size = 64\nseeds = 2\nscales = [32]\nsteps = [0, 20]\n" + MLP,
    "recovery": '[recovery]\ndictionaries = ["relu", "pca"]\nwidths = [8]\nunits = [2]\npenalties = [0.1]\nseeds = 2\n'
    "steps = 60\nbatch_size = 32\ntest_size = 64\n",
}
FILES = ("generate", "rebuild", "extend", "export", "shards", "subset")
OPENING = {"confirm": RECIPE, "recovery": RECIPE + 'embedding = "superposition"\n'}


def _command(name: str) -> list[str]:
    """Return the command line of one command in a folder that `_prepared` has filled."""
    return {
        "generate": ["generate", "recipe.toml", "-o", "out.h5", "--force"],
        "rebuild": ["rebuild", "data.h5", "-o", "out.h5", "--force"],
        "extend": ["extend", "out.h5", "--n-points", "60000"],
        "export": ["export", "data.h5", "-o", "out.npz", "--layout", "percolation", "--force"],
        "shards": ["generate", "recipe.toml", "-o", "out.h5", "--shards", "6", "--no-hierarchy"],
        "subset": ["subset", "data.h5", "-o", "out.h5", "--rows", "::2", "--force"],
        "quickstart": ["quickstart", "-o", "run"],
    }.get(name, [name, "study.toml", "-o", "run"])


def _prepared(name: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if name in TABLES:
        (folder / "study.toml").write_text(f"[recipe]\n{OPENING.get(name, RECIPE)}{TABLES[name]}")
    elif name in FILES:
        many = fm.Cascade(n_points=30_000, ambient_dim=16, seed=3)
        (folder / "recipe.toml").write_text(many.to_toml())
        if name != "generate":
            fm.write(many, folder / "data.h5", hierarchy=name in ("export", "subset"))
            shutil.copy(folder / "data.h5", folder / "out.h5") if name == "extend" else None


def _outcome(name: str, folder: Path) -> str:
    """Return a digest of what came out; "" where there is nothing."""
    if name in FILES:
        out = sorted(path for path in folder.rglob("out*") if path.is_file())
        return digest(*(path.read_bytes() for path in out)) if out else ""
    rows = []
    for path in sorted(folder.rglob("journal.jsonl")):
        for line in path.read_text().splitlines()[1:]:
            entry = json.loads(line)
            rows.append(json.dumps([str(path.parent), entry["task"], [_timeless(row) for row in entry["rows"]]]))
    return digest(*sorted(rows)) if rows else ""


def _timeless(row: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in row.items() if "second" not in key}


def _start(name: str, folder: Path) -> subprocess.Popen[str]:
    search = os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)])
    return subprocess.Popen(
        [sys.executable, "-m", "fractalman", *_command(name)], cwd=folder, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": search, "OMP_NUM_THREADS": "1", "FRACTALMAN_THREADS": "1"},
    )  # fmt: skip


def run(folder: Path, share: float, seed: int) -> list[Tally]:
    """Disturb every command; at share 1 each twenty times."""
    rng = random.Random(seed)
    tally = Tally("Kills: by command")
    for name in (*FILES, *TABLES, "quickstart") if share >= 0.1 else ("generate",):
        here = folder / name
        _prepared(name, here)
        before = _outcome(name, here)
        begun = time.monotonic()
        said = _start(name, here).communicate(timeout=900)[1]
        took, whole = time.monotonic() - begun, _outcome(name, here)
        if not whole:
            tally.add(name, "unexpected", said)
            continue
        moments = max(2, round((4 if name == "quickstart" else 18) * share))
        for moment in range(moments):
            if late():
                break
            if moment == 0 or name in FILES:
                _prepared(name, here)
            child = _start(name, here)
            kind = rng.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM))
            low = min(1.0, took / 3)  # before that Python is still importing
            time.sleep(low + rng.random() * max(0.0, took - low))
            child.send_signal(kind)
            said = child.communicate(timeout=900)[1]
            tally.add(name, _judged(name, here, child.returncode, said, (before, whole)), f"{kind.name}: {said}")
        if name not in FILES:
            said = _start(name, here).communicate(timeout=900)[1]
        elif name == "shards":
            _start(name, here).communicate(timeout=900)
        if name not in FILES or name == "shards":
            tally.add(f"{name}, begun again", "same" if _outcome(name, here) == whole else "silent", said)
    return [tally]


def _judged(name: str, folder: Path, status: int, said: str, allowed: tuple[str, str]) -> str:
    """Return the word for what a disturbed command left."""
    if status not in (0, 130, 143, -signal.SIGKILL, -signal.SIGINT, -signal.SIGTERM) or "unexpected" in said:
        return "unexpected"
    before, whole = allowed
    if status == 0:
        return "ended" if name == "shards" or _outcome(name, folder) == whole else "silent"
    if name not in FILES or name == "shards":
        return "stopped"
    found = _outcome(name, folder)
    return "nothing written" if found == before else "whole" if found == whole else "silent"
