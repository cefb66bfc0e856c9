"""Command lines as processes to be killed, each a fork of one that has imported everything already."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

from outcome import ROOT

_PRELOADED = [
    *(f"fractalman.{part}" for part in ("cli", "runs", "quickstart", "generation", "report")),
    *("numba", "scipy.stats", "h5py", "sklearn.ensemble", "matplotlib.figure", "jax", "optax", "equinox"),
]
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(_PRELOADED)


def _run(folder: str, words: list[str]) -> None:
    from fractalman import cli

    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open("stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    try:
        status = cli.main(words)
    except KeyboardInterrupt:  # before the command heard of it, or after: `python -m fractalman` dies of it then
        status = 128 + signal.SIGINT
    sys.exit(status)


def start(folder: Path, *words: str) -> BaseProcess:
    """Start a command line in a folder, and wait until it begins: a signal before that meets multiprocessing's code."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)])
    os.environ.update(OMP_NUM_THREADS="1", FRACTALMAN_THREADS="1")
    process = _context.Process(target=_run, args=(str(folder), list(words)))
    (folder / "stderr").unlink(missing_ok=True)
    process.start()
    while process.is_alive() and not (folder / "stderr").exists():
        time.sleep(0.0005)
    return process


def end(process: BaseProcess, folder: Path, limit: float = 900.0) -> tuple[int | None, str]:
    """Return (exit status, None where it hangs; what it said) of a process that was started here."""
    process.join(limit)
    status = process.exitcode
    if status is None:
        process.kill()
        process.join()
    said = (folder / "stderr").read_text(errors="replace") if (folder / "stderr").exists() else ""
    (folder / "stderr").unlink(missing_ok=True)
    process.close()
    return status, said
