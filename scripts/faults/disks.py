"""A disk that is really full: a small file system in memory, filled up to some pages, as every writer's target.

Mounting it takes root on Linux; without it nothing is tried, and the table says so. A command that fails has to name
its target and bytes, leave nothing of its own behind, and not touch what was there.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from kills import TABLES, write_specifications
from outcome import Tally, Worker, late, wanted, word

import fractalman as fm

SIZE = 4 << 20
FREE = (0, 4096, 3 << 13, 100_000, 400_000)
"""Bytes that are left on it."""
COMMANDS: dict[str, tuple[str, ...]] = {
    "generate": ("generate", "recipe.toml", "-o", "AT/out.h5", "--force"),
    "generate, no latents": ("generate", "recipe.toml", "-o", "AT/out.h5", "--force", "--no-hierarchy"),
    "generate, off": ("generate", "recipe.toml", "-o", "AT/out.h5", "--force", "--compression", "off"),
    "shards": ("generate", "recipe.toml", "-o", "AT/out.h5", "--shards", "3", "--no-hierarchy", "--force"),
    "extend": ("extend", "AT/grown.h5", "--n-points", "9000"),
    "extend shards": ("extend", "AT/shards.h5", "--n-points", "9000"),
    "rebuild": ("rebuild", "data.h5", "-o", "AT/out.h5", "--force"),
    "subset": ("subset", "data.h5", "-o", "AT/out.h5", "--rows", "::2", "--force"),
    "export percolation": ("export", "data.h5", "-o", "AT/out.npz", "--layout", "percolation", "--force"),
    "export anndata": ("export", "data.h5", "-o", "AT/out.h5ad", "--force"),
    "export parquet": ("export", "data.h5", "-o", "AT/out.parquet", "--layout", "parquet", "--force"),
    "export zarr": ("export", "data.h5", "-o", "AT/out.zarr", "--layout", "zarr", "--force"),
    "export huggingface": ("export", "data.h5", "-o", "AT/out", "--layout", "huggingface", "--force"),
    "explore": ("explore", "data.h5", "-o", "AT/out.html", "--force"),
    **{f"predict, {end}": ("predict", "data.h5", "--plot", f"AT/out.{end}") for end in ("png", "pdf", "svg")},
    "measure --plot": ("measure", "points.npz", "--plot", "AT/out.png"),
    "study-data": ("study-data", "points.npz", "-o", "AT/run"),
    "report": ("report", "AT/done"),
    "report elsewhere": ("report", "done", "-o", "AT/out.html"),
    **{name: (name, f"{name}.toml", "-o", "AT/run") for name in TABLES},
    "quickstart": ("quickstart", "-o", "AT/run"),
}  # fmt: skip
MANY = fm.Cascade(n_points=3000, ambient_dim=16, seed=3)


def _prepared(folder: Path) -> None:
    (folder / "recipe.toml").write_text(MANY.to_toml())
    fm.write(MANY, folder / "data.h5")
    write_specifications(folder)


def _filled(folder: Path, at: Path, free: int) -> dict[Path, bytes]:
    """Empty the disk, put what commands find there on it, fill it; return what has to stay as it is."""
    for entry in at.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    fm.write(MANY.replace(n_points=300), at / "grown.h5")
    fm.write_shards(MANY.replace(n_points=300), at / "shards.h5", 3, hierarchy=False)
    shutil.copytree(folder / "done", at / "done")
    (at / "out.h5").write_bytes(b"an older one")
    kept = {path: path.read_bytes() for path in at.rglob("*") if path.is_file()}
    room = shutil.disk_usage(at).free - free
    (at / "filler").write_bytes(bytes(max(room, 0)))
    return kept


@contextlib.contextmanager
def _mounted(at: Path) -> Iterator[bool]:
    at.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(at)], capture_output=True, check=False
    )
    try:
        yield done.returncode == 0
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "-l", str(at)], check=True)


def _judged(command: str, answer: dict[str, object], at: Path, kept: dict[Path, bytes]) -> tuple[str, str]:
    """Return (word, what was said) for an attempt; "silent" also for what a refusal left, changed or did not name."""
    found, said = word(answer, None).replace("same", "done"), str(answer["err"])
    if found not in ("done", "refused"):
        return found, said
    new = {path for path in at.rglob("*") if path.is_file()} - {*kept} - {at / "filler"}
    lost = [path.name for path, old in kept.items() if not path.exists() or path.read_bytes() != old]
    if found == "done":
        return found, said
    left = [path.name for path in new if not _of_a_run(command, path)]
    if left or lost:
        return "silent", f"left {left[:4]}, lost {lost[:4]}: {said}"
    if "No space left" in said and "bytes" in said and str(at) in said:
        return "named with its bytes", said
    return "silent", f"status {answer['status']}: not named: {said}"


def _of_a_run(command: str, path: Path) -> bool:
    """Whether a file belongs to a folder of results, filled when there is room: a whole one, or a journal."""
    folders = {"report": "done", "report elsewhere": "out.html"}
    runs = command in TABLES or command in ("quickstart", "study-data", *folders)
    return runs and folders.get(command, "run") in path.parts and ".partial" not in path.name


def run(folder: Path, share: float, seed: int) -> list[Tally]:
    """Let every writer write to a disk with so many bytes left."""
    tally, at = Tally("Full disks: by command"), folder / "disk"
    with _mounted(at) as mounted, Worker(folder) as worker:
        if not mounted:
            tally.add("a file system of one's own", "not allowed here")
            return [tally]
        _prepared(folder)
        pairs = [(name, free) for free in FREE for name in COMMANDS if wanted(name)]
        pairs = [pair for pair in pairs if pair[0] != "quickstart" or pair[1] < 10_000]  # minutes, where there is room
        for name, free in random.Random(seed).sample(pairs, max(1, round(share * len(pairs)))):
            if late():
                break
            kept = _filled(folder, at, free)
            answer = worker.ask("cli", *(one.replace("AT", str(at)) for one in COMMANDS[name]), limit=400.0)
            tally.add(name, *_judged(name, answer, at, kept))
    return [tally]
