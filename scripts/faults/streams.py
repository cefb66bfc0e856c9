"""Standard streams that are closed, full, slow, broken or know ASCII alone, for every command: the same comes out.

That is status, files, rows of journals, and what is printed where it can be read. Every command is a fork of a process
that has imported everything; its streams are made as Python makes them at a start. What JAX compiles is kept for the
next attempt: that was nearly all of the time.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from kills import TABLES, timeless, write_specifications
from outcome import ROOT, Tally, digest, late, wanted
from processes import _context
from standard_streams import give_streams

import fractalman as fm

COMMANDS: dict[str, tuple[str, ...]] = {
    "help": ("--help",), "version": ("--version",), "list": ("list",), "list NAME": ("list", "cascade-plain"),
    "info": ("info", "data.h5"), "info --json": ("info", "data.h5", "--json"), "verify": ("verify", "data.h5"),
    "plan": ("plan", "data.h5"), "predict": ("predict", "data.h5"), "measure": ("measure", "points.npz"),
    "predict --plot": ("predict", "data.h5", "--plot", "out.svg"),
    "generate": ("generate", "réc ipe.toml", "-o", "out-é.h5"), "dry run": ("generate", "réc ipe.toml", "--dry-run"),
    "shards": ("generate", "réc ipe.toml", "-o", "out.h5", "--shards", "2", "--no-hierarchy"),
    "rebuild": ("rebuild", "data.h5", "-o", "out.h5"), "extend": ("extend", "out-grown.h5", "--n-points", "900"),
    "subset": ("subset", "data.h5", "-o", "out.h5", "--rows", "::2"),
    "export": ("export", "data.h5", "-o", "out.npz", "--layout", "percolation"),
    "explore": ("explore", "data.h5", "-o", "out.html"), "clean": ("clean", ".", "--dry-run"),
    "study-data": ("study-data", "points.npz", "-o", "out"), "report": ("report", "done", "-o", "out.html"),
    **{name: (name, f"{name}.toml", "-o", "out") for name in TABLES},
    "wrong option": ("info", "data.h5", "--jsno"), "wrong file": ("info", "nowhere-é-\udcff.h5"),
    "wrong name": ("generate", "cascade-plané", "-o", "out.h5"),
}  # fmt: skip
STREAMS = ("as they are", "stdout closed", "stderr closed", "both closed", "stdin closed", "all closed", "stdout full",
           "stderr full", "reader gone", "slow readers", "pipes that do not wait", "ASCII", "latin-1")  # fmt: skip
READ_WHOLE = ("stderr closed", "stdin closed", "stderr full", "slow readers", "pipes that do not wait")


class Came(NamedTuple):
    """What came of an attempt: its status (None where it hangs), a digest of files and rows, what it said."""

    status: int | None
    made: str
    out: str
    err: str


def _run(folder: str, words: list[str], how: str) -> None:
    from fractalman import cli

    os.chdir(folder)
    readers = give_streams(how)
    status = 1
    try:
        status = cli.main(words)
    except SystemExit as end:  # of argparse
        status = end.code if isinstance(end.code, int) else 1
    try:
        with contextlib.suppress(AttributeError):
            sys.stdout.flush()
    except OSError:
        status = 120  # as Python ends then
    if readers:
        os.closerange(1, 3)
    for reader in readers:
        os.waitpid(reader, 0)
    os._exit(status)


def _attempt(folder: Path, words: tuple[str, ...], how: str) -> Came:
    process = _context.Process(target=_run, args=(str(folder), list(words), how))
    process.start()
    process.join(600.0)
    status = process.exitcode
    if status is None:
        process.kill()
        process.join()
    said = [path.read_bytes() if (path := folder / f"{name}.txt").exists() else b"" for name in ("stdout", "stderr")]
    files = [path for path in sorted(folder.rglob("out*")) if path.is_file()]
    rows = [
        json.dumps([timeless(row) for row in json.loads(line)["rows"]])
        for path in sorted(folder.glob("out/journal.jsonl")) for line in path.read_text().splitlines()[1:]
    ]  # fmt: skip
    filled = sorted(path.name for path in folder.glob("out/*"))
    made = digest(*(path.name for path in files), *(path.read_bytes() for path in files), *sorted(rows), *filled)
    return Came(status, made, *(text.decode("utf-8", "replace") for text in said))


def _fresh(folder: Path) -> None:
    """Take away what came out, and put back what is changed in place."""
    for path in [*folder.glob("out*"), folder / "stdout.txt", folder / "stderr.txt"]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    shutil.copy(folder / "data.h5", folder / "out-grown.h5")


def _prepared(folder: Path) -> None:
    recipe = fm.Cascade(n_points=512, ambient_dim=8, seed=3)
    (folder / "réc ipe.toml").write_text(recipe.to_toml())
    fm.write(recipe, folder / "data.h5")
    write_specifications(folder)


def _judged(how: str, found: Came, intact: Came) -> str:
    if found.status is None:
        return "hung"
    if any(word in found.err for word in ("unexpected", "Traceback", "Exception ignored")) or found.status < 0:
        return "unexpected"
    if how in READ_WHOLE and _timeless_text(found.out) != _timeless_text(intact.out):
        return "silent"
    if found[:2] == intact[:2]:
        return "same"
    if how in ("stdout full", "reader gone") and found.status in (3, 141, 1) and found.made == intact.made:
        return "same files, and the failure told"
    return "silent"


def _timeless_text(text: str) -> str:
    """Return what is printed without seconds, and without the memory that is there at the moment."""
    return re.sub(r"\d[\d.,]* (s|min|ms|are available)\b", "", text)


def run(folder: Path, share: float, seed: int) -> list[Tally]:
    """Run every command with every kind of streams."""
    tally = Tally("Standard streams: by kind")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)])
    os.environ.update(OMP_NUM_THREADS="1", FRACTALMAN_THREADS="1", JAX_COMPILATION_CACHE_DIR=str(folder / "compiled"))
    os.environ.update(JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0", JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES="-1")
    _prepared(folder)
    pairs = [(name, how) for name in COMMANDS if wanted(name) for how in STREAMS[1:]]
    intact: dict[str, Came] = {}
    for name, how in random.Random(seed).sample(pairs, max(1, round(share * len(pairs)))):
        if late():
            break
        if name not in intact:
            _fresh(folder)
            intact[name] = _attempt(folder, COMMANDS[name], STREAMS[0])
        _fresh(folder)
        found, whole = _attempt(folder, COMMANDS[name], how), intact[name]
        if tally.tried % 20 == 19:
            print(f"{tally.tried + 1} of {len(pairs)} attempts", file=sys.stderr, flush=True)
        same = f"files {found.made == whole.made}, stdout {found.out == whole.out}"
        tally.add(
            how, _judged(how, found, whole), f"{name}: status {found.status} for {whole.status}, {same}: {found.err}"
        )
    return [tally]
