"""Impossible inputs and targets: folders, pipes, devices, loops of links, and files that are something else."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

from outcome import Tally, Worker, late, word

import fractalman as fm

Maker = Callable[[Path], object]


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


PLACES: dict[str, Maker] = {
    "folder": lambda path: path.mkdir(),
    "pipe": lambda path: os.mkfifo(path),
    "socket": _socket,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "full device": lambda path: path.symlink_to("/dev/full"),
    "loop of links": lambda path: path.symlink_to(path.name),
    "link to nothing": lambda path: path.symlink_to("nowhere/at/all"),
    "empty": lambda path: path.touch(),
    "text": lambda path: path.write_text("not what you think\n"),
    "zeros": lambda path: path.write_bytes(bytes(70_000)),
    "header alone": lambda path: path.write_bytes(b"fractalman-dataset 1.0\n".ljust(600)),
    "HDF5 alone": lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" * 90),
    "brackets": lambda path: path.write_text("[" * 200_000),
    "TOML of one key": lambda path: path.write_text("a." * 60_000 + "b = 1\n"),
    "byte order mark": lambda path: path.write_bytes(b"\xef\xbb\xbf[recipe]\n"),
}
ENDINGS = (".h5", ".toml", ".npz", ".npy", ".csv", ".json", ".jsonl", ".parquet", ".h5ad", ".xlsx", ".tsv", ".csv.gz")
INPUTS = (
    ("generate", "IT", "-o", "out.h5"), ("info", "IT"), ("verify", "IT"), ("rebuild", "IT", "-o", "out.h5"),
    ("extend", "IT", "--n-points", "5000"), ("export", "IT", "-o", "out.npz", "--layout", "percolation"),
    ("subset", "IT", "-o", "out.h5", "--rows", "::2"), ("predict", "IT"), ("predict", "--data", "IT"), ("plan", "IT"),
    ("measure", "IT"), ("measure", "--scaling", "IT"), ("confirm", "IT", "-o", "run"),
    ("granularity", "IT", "-o", "run"),
    ("levels", "IT", "-o", "run"), ("probe", "IT", "-o", "run"), ("locality", "IT", "-o", "run"),
    ("linearity", "good.h5", "--network", "IT", "-o", "run"), ("study-data", "IT", "-o", "run"),
    ("recovery", "IT", "-o", "run"), ("report", "IT"), ("explore", "IT", "-o", "out.html"), ("clean", "IT"),
)  # fmt: skip
OUTPUTS = (
    ("generate", "good.toml", "-o", "IT.h5"), ("rebuild", "good.h5", "-o", "IT.h5"),
    ("explore", "good.h5", "-o", "IT.html"),
    ("export", "good.h5", "-o", "IT.npz", "--layout", "percolation"), ("export", "good.h5", "-o", "IT.h5ad"),
    ("export", "good.h5", "-o", "IT.zarr", "--layout", "zarr"),
    ("export", "good.h5", "-o", "IT", "--layout", "huggingface"),
    ("subset", "good.h5", "-o", "IT.h5", "--rows", "::2"), ("predict", "good.h5", "--plot", "IT.pdf"),
    ("confirm", "sweep.toml", "-o", "IT"), ("generate", "good.toml", "-o", "IT.h5", "--shards", "2", "--no-hierarchy"),
)  # fmt: skip
SWEEP = '[recipe]\nfamily = "cascade"\nn_points = 64\n[sweep]\nlearners = ["1-nn"]\ntrain_sizes = [8, 16, 32]\n'


def _attempts(share: float) -> list[tuple[str, tuple[str, ...], str]]:
    found = [(place, words, f"it{ending}") for place in PLACES for words in INPUTS for ending in ENDINGS]
    found = found[:: max(1, round(4 / share))]  # at share 1 a quarter of all endings; every place and command
    outs = [(place, words, "it") for place in PLACES for words in OUTPUTS]
    return found + outs[:: max(1, round(1 / share))]


def run(folder: Path, share: float, seed: int) -> list[Tally]:
    """Try every command on every place."""
    tally = Tally("Targets: by place")
    recipe = fm.Cascade(n_points=64, ambient_dim=4)
    with Worker(folder) as worker:
        for place, words, name in _attempts(share):
            if late():
                break
            for entry in folder.iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
            (folder / "good.toml").write_text(recipe.to_toml())
            (folder / "sweep.toml").write_text(f"{SWEEP}seeds = {seed % 3 + 1}\ntest_size = 8\n")
            fm.write(recipe, folder / "good.h5", overwrite=True)
            used = [one.replace("IT", name) if one == "IT" or one.startswith("IT.") else one for one in words]
            target = next(one for one, given in zip(used, words, strict=True) if given.startswith("IT"))
            PLACES[place](folder / target)
            answer = worker.ask("cli", *used)
            tally.add(place, word(answer, None).replace("same", "done"), f"{' '.join(used)}: {answer['err']}")
    return [tally]
