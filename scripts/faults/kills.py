"""SIGKILL and SIGINT at random moments of everything that takes long, then begun again: the same as undisturbed.

A command that writes one file must leave the old one, none, or the whole new one; a run that is begun again must end
with the rows of a run that nobody disturbed (their seconds apart).
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import time
from pathlib import Path

import numpy as np
from outcome import Tally, digest, late, wanted
from processes import end, start

import fractalman as fm

RECIPE = 'family = "cascade"\nn_points = 512\nambient_dim = 8\n'
MLP = "[mlp]\nwidth = 16\ndepth = 2\nsteps = 60\nbatch_size = 32\n"
TABLES = {
    "confirm": '[sweep]\nlearners = ["1-nn", "mlp"]\ntrain_sizes = [32, 64, 128]\nseeds = 2\ntest_size = 64\n' + MLP,
    "granularity": '[granularity]\nscales = [64]\ntrain_size = 64\nseeds = 2\ndraws = 2\nlearners = ["ridge"]\n',
    "locality": "[locality]\ntrain_size = 64\ntest_size = 64\nseeds = 2\nsteps = [0, 20]\nsources = 8\npairs = 20\n"
    "pattern_points = 32\ncontrols = []\n" + MLP,
    "probe": "[probe]\ntrain_sizes = [64]\ntest_size = 64\nseeds = 2\nscales = [16, 64]\n" + MLP,
    "levels": "[levels]\ntrain_sizes = [16, 64]\ntest_size = 64\nseeds = 2\n" + MLP,
    "linearity": "[linearity]\ntrain_size = 128\ntest_size = 64\nseeds = 2\nscales = [32]\nsteps = [0, 20]\n" + MLP,
    "recovery": '[recovery]\ndictionaries = ["relu", "pca"]\nwidths = [8]\nunits = [2]\npenalties = [0.1]\nseeds = 2\n'
    "steps = 60\nbatch_size = 32\ntest_size = 64\n",
}
FILES = ("generate", "rebuild", "extend", "export", "shards", "subset", "plot")
PAGES = {"study-data": "result.json", "report": "report.html"}
"""Commands that fill a folder once, and the file that says what they found."""
STRINGS = 'family = "random-hierarchy-model"\nn_points = 1\nlevels = 2\nsynonyms = 2\n'
OPENING = {"confirm": RECIPE, "recovery": RECIPE + 'embedding = "superposition"\n', "levels": STRINGS}


def write_specifications(folder: Path) -> None:
    """Write what commands are run on: points of one's own, NAME.toml of every study and sweep, a finished sweep."""
    X = np.random.default_rng(3).random((400, 3))
    np.savez(folder / "points.npz", X=X, y=X[:, 0] ** 2)
    for name, table in TABLES.items():
        (folder / f"{name}.toml").write_text(f"[recipe]\n{OPENING.get(name, RECIPE)}{table}")
    small = f"[recipe]\n{RECIPE}{TABLES['confirm']}".split("[mlp]")[0].replace(', "mlp"', "")
    fm.confirm(small, folder / "done", progress=False)


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
        "plot": ["predict", "data.h5", "--plot", "out.png"],
        "study-data": ["study-data", "points.npz", "-o", "run"],
        "report": ["report", "run"],
    }.get(name, [name, "study.toml", "-o", "run"])


def _prepared(name: str, folder: Path) -> None:
    """Fill a folder anew: the first time with what the command needs, then with a copy of that."""
    shutil.rmtree(folder, ignore_errors=True)
    kept = folder.with_name(f"{name}-kept")
    if not kept.exists():
        kept.mkdir()
        if name in TABLES:
            (kept / "study.toml").write_text(f"[recipe]\n{OPENING.get(name, RECIPE)}{TABLES[name]}")
        elif name == "study-data":
            X = np.random.default_rng(3).random((600, 3))
            np.savez(kept / "points.npz", X=X, y=X[:, 0] ** 2)
        elif name == "report":
            fm.confirm(f"[recipe]\n{RECIPE}{TABLES['confirm']}".split("[mlp]")[0].replace(', "mlp"', ""), kept / "run")
        elif name == "plot":
            fm.write(fm.Cascade(n_points=512, ambient_dim=8, seed=3), kept / "data.h5")
        elif name in FILES:
            many = fm.Cascade(n_points=30_000, ambient_dim=16, seed=3)
            (kept / "recipe.toml").write_text(many.to_toml())
            if name not in ("generate", "shards"):
                fm.write(many, kept / "data.h5", hierarchy=name in ("export", "subset"))
                shutil.copy(kept / "data.h5", kept / "out.h5") if name == "extend" else None
                fm.export(many.replace(n_points=500), kept / "out.npz", "percolation") if name == "export" else None
    shutil.copytree(kept, folder)


def _outcome(name: str, folder: Path) -> str:
    """Return a digest of what came out; "" where there is nothing."""
    if name in FILES:
        out = sorted(path for path in folder.rglob("out*") if path.is_file())
        if name != "shards" and not any(path.stem == "out" for path in out):
            return ""  # what belongs to a file is published before it
        return digest(*(path.read_bytes() for path in out)) if out else ""
    if name in PAGES:
        found = folder / "run" / PAGES[name]
        return digest(found.read_bytes()) if found.exists() else ""
    rows = []
    for path in sorted(folder.rglob("journal.jsonl")):
        if path.relative_to(folder).parts[0].startswith("."):  # what a killed quickstart left, for `clean`
            continue
        for line in path.read_text().splitlines()[1:]:
            entry = json.loads(line)
            rows.append(json.dumps([str(path.parent), entry["task"], [timeless(row) for row in entry["rows"]]]))
    return digest(*sorted(rows)) if rows else ""


def timeless(row: dict[str, object]) -> dict[str, object]:
    """Return a row of a journal without its seconds."""
    return {key: value for key, value in row.items() if "second" not in key}


class Disturbed:
    """One command: what an undisturbed run makes of its folder, and how long that takes."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder / name
        self.one_file = name in (*FILES, *PAGES) and name != "shards"
        _prepared(name, self.folder)
        self.before = _outcome(name, self.folder)
        begun = time.monotonic()
        status, self.said = self.again()
        self.took, self.whole = time.monotonic() - begun, _outcome(name, self.folder)
        self.able = status == 0 and bool(self.whole)
        _prepared(name, self.folder)

    def again(self) -> tuple[int | None, str]:
        """Run it to its end."""
        return end(start(self.folder, *_command(self.name)), self.folder)

    def kill(self, tally: Tally, rng: random.Random) -> None:
        """Disturb it at some moment of its whole length; what ended is begun anew, what was stopped goes on."""
        child = start(self.folder, *_command(self.name))
        kind = rng.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM))
        time.sleep(rng.random() * self.took)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, kind)
        status, said = end(child, self.folder)
        if status == 0:  # the first run compiled, or the machine was busier: come earlier
            self.took *= 0.7
        found = self._judged(status, said)
        tally.add(self.name, found, f"{kind.name}: {status}: {said}")
        if self.one_file or found == "ended":
            _prepared(self.name, self.folder)

    def _judged(self, status: int | None, said: str) -> str:
        """Return the word for what a disturbed command left."""
        if status is None:
            return "hung"
        stopped = (130, 143, -signal.SIGKILL, -signal.SIGINT, -signal.SIGTERM)
        if status not in (0, *stopped) or "unexpected" in said or "Traceback" in said:
            return "unexpected"
        found = _outcome(self.name, self.folder)
        if status == 0:
            return "ended" if found == self.whole else "silent"
        if not self.one_file:
            return "stopped"
        words = {self.before: "nothing written", self.whole: "whole", "": "none"}
        return words.get(found, "silent")


def run(folder: Path, share: float, seed: int) -> list[Tally]:
    """Disturb every command in turn, at share 1 each eighteen times and the quickstart four."""
    rng, tally = random.Random(seed), Tally("Kills: by command")
    names = (*FILES, *PAGES, *TABLES, "quickstart") if share >= 0.1 else ("generate",)
    names, commands = tuple(filter(wanted, names)), dict[str, Disturbed]()
    for moment in range(max(2, round(18 * share))):
        for name in names if moment < max(1, round(4 * share)) else (one for one in names if one != "quickstart"):
            if late():
                break
            if name not in commands:
                commands[name] = Disturbed(name, folder)
            if commands[name].able:
                commands[name].kill(tally, rng)
            elif moment == 0:
                tally.add(name, "unexpected", commands[name].said)
    for name, command in commands.items():
        if command.able and not command.one_file:
            _, said = command.again()
            same = _outcome(name, command.folder) == command.whole
            tally.add(f"{name}, begun again", "same" if same else "silent", said)
    return [tally]
