"""Standard streams that are closed, full, broken or know ASCII alone, for every command: the same files and status.

Every command is a fork of a process that has imported everything; its streams are made as Python makes them at a start.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import sys
from pathlib import Path

from kills import TABLES, write_specifications
from outcome import ROOT, Tally, digest, late, wanted
from processes import _context

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
           "stderr full", "reader gone", "ASCII", "latin-1")  # fmt: skip


def _streams(how: str) -> None:
    """Give this process such streams, as a shell does before a start and Python makes objects of them."""
    closed = {"stdout closed": (1,), "stderr closed": (2,), "both closed": (1, 2), "stdin closed": (0,),
              "all closed": (0, 1, 2)}.get(how, ())  # fmt: skip
    for number, name in ((1, "stdout"), (2, "stderr")):
        path = "/dev/full" if how == f"{name} full" else f"{name}.txt"
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    if how == "reader gone":
        read, write = os.pipe()
        os.close(read)
        os.dup2(write, 1)
    encoding = {"ASCII": "ascii", "latin-1": "latin-1"}.get(how, "utf-8")
    for number, name in ((1, "stdout"), (2, "stderr")):
        errors = "backslashreplace" if number == 2 else "strict"
        stream = io.TextIOWrapper(io.FileIO(number, "w", closefd=False), encoding, errors, write_through=number == 2)
        setattr(sys, name, None if number in closed else stream)
    for number in closed:
        os.close(number)


def _run(folder: str, words: list[str], how: str) -> None:
    from fractalman import cli

    os.chdir(folder)
    _streams(how)
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
    os._exit(status)


def _attempt(folder: Path, words: tuple[str, ...], how: str) -> tuple[int | None, str, str, str]:
    """Return (status, None where it hangs; a digest of the files that came out; stdout; stderr)."""
    process = _context.Process(target=_run, args=(str(folder), list(words), how))
    process.start()
    process.join(600.0)
    status = process.exitcode
    if status is None:
        process.kill()
        process.join()
    said = [path.read_bytes() if (path := folder / f"{name}.txt").exists() else b"" for name in ("stdout", "stderr")]
    out = [path for path in sorted(folder.rglob("out*")) if path.is_file()]
    rows = [path for path in sorted(folder.glob("out/*")) if path.suffix == ".csv" and "points" in path.name]
    made = digest(*sorted(path.name for path in out), *(path.read_bytes() for path in out), len(rows))
    return status, made, said[0].decode("utf-8", "replace"), said[1].decode("utf-8", "replace")


def _fresh(folder: Path) -> None:
    """Take away what came out, and put back what is changed in place."""
    for path in [*folder.glob("out*"), folder / "stdout.txt", folder / "stderr.txt"]:
        if not path.exists():
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copy(folder / "data.h5", folder / "out-grown.h5")


def _prepared(folder: Path) -> None:
    recipe = fm.Cascade(n_points=512, ambient_dim=8, seed=3)
    (folder / "réc ipe.toml").write_text(recipe.to_toml())
    fm.write(recipe, folder / "data.h5")
    write_specifications(folder)


def _judged(how: str, found: tuple[int | None, str, str, str], intact: tuple[int | None, str, str, str]) -> str:
    status, made, _, err = found
    if status is None:
        return "hung"
    if any(word in err for word in ("unexpected", "Traceback", "Exception ignored")) or status < 0:
        return "unexpected"
    if (status, made) == intact[:2]:
        return "same"
    if how in ("stdout full", "reader gone") and status in (3, 141, 1) and made == intact[1]:
        return "same files, and the failure told"
    return "silent"


def run(folder: Path, share: float, seed: int) -> list[Tally]:
    """Run every command with every kind of streams."""
    tally = Tally("Standard streams: by kind")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)])
    os.environ.update(OMP_NUM_THREADS="1", FRACTALMAN_THREADS="1")
    _prepared(folder)
    pairs = [(name, how) for name in COMMANDS if wanted(name) for how in STREAMS[1:]]
    intact: dict[str, tuple[int | None, str, str, str]] = {}
    for name, how in random.Random(seed).sample(pairs, max(1, round(share * len(pairs)))):
        if late():
            break
        if name not in intact:
            _fresh(folder)
            intact[name] = _attempt(folder, COMMANDS[name], STREAMS[0])
        _fresh(folder)
        found = _attempt(folder, COMMANDS[name], how)
        shown = f"{name}: status {found[0]} for {intact[name][0]}, files {found[1] == intact[name][1]}: {found[3]}"
        tally.add(how, _judged(how, found, intact[name]), shown)
    return [tally]
