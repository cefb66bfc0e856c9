"""Damaged results and foreign files: journals, tables and their digests; points and losses as others write them.

A run's numbers are read back as they were measured or refused, and rows that are gone are measured again. What others
write has no digests: there a changed digit is another number, and all that is asked is words instead of a crash.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from kills import OPENING, RECIPE, TABLES
from mutation import BYTES
from outcome import Tally, Worker, late, wanted, word

import fractalman as fm
from fractalman.study_runs import run_study
from fractalman.toml_text import parse_toml

RUNS = {name: parse_toml(f"[recipe]\n{OPENING.get(name, RECIPE)}{table}") for name, table in TABLES.items()}
LONG = 600.0
"""Seconds: a study whose journal is gone is done again."""
Change = Callable[[bytearray, random.Random], None]


def _digit(data: bytearray, rng: random.Random) -> None:
    at = rng.choice([found.start() for found in re.finditer(rb"[0-9]", data)])
    data[at] = rng.choice([other for other in b"0123456789" if other != data[at]])


def _lines(change: Callable[[list[bytes], random.Random], None]) -> Change:
    def changed(data: bytearray, rng: random.Random) -> None:
        lines = bytes(data).splitlines(keepends=True)
        change(lines, rng)
        data[:] = b"".join(lines)

    return changed


def _exchange(lines: list[bytes], rng: random.Random) -> None:
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]


TEXTS: dict[str, Change] = {
    **BYTES,
    "digit": _digit,
    "line gone": _lines(lambda lines, rng: lines.pop(rng.randrange(len(lines))) and None),
    "line twice": _lines(lambda lines, rng: lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))),
    "lines exchanged": _lines(_exchange),
    "line joined": _lines(lambda lines, rng: lines.__setitem__(k := rng.randrange(len(lines)), lines[k].rstrip(b"\n"))),
    "emptied": lambda data, _: data.clear(),
}


def _foreign(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield (file as somebody else wrote it, how it is read)."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 3))
    y = X[:, 0] ** 2
    np.savez(folder / "points.npz", X=X, y=y)
    np.savez_compressed(folder / "packed.npz", X=X, y=y)
    np.save(folder / "points.npy", X)
    rows = ["a,b,c,y", *(",".join(map(repr, map(float, row))) for row in np.column_stack([X, y]))]
    (folder / "points.csv").write_text("\n".join(rows) + "\n")
    (folder / "points.csv.gz").write_bytes(gzip.compress((folder / "points.csv").read_bytes(), mtime=0))
    (folder / "points.json").write_text(
        json.dumps([dict(zip("abcy", row, strict=True)) for row in np.column_stack([X, y])])
    )
    fm.write(fm.Cascade(n_points=60, ambient_dim=4), folder / "own.h5")
    fm.export(folder / "own.h5", folder / "points.parquet", layout="parquet")
    fm.export(folder / "own.h5", folder / "points.h5ad")
    for name in ("points.npz", "packed.npz", "points.npy", "points.csv", "points.csv.gz", "points.json",
                 "points.parquet", "points.h5ad"):  # fmt: skip
        yield folder / name, ["call", "points", "FILE"]
    losses = "n,seed,loss\n" + "".join(f"{2**k},{s},{2.0 ** (-k / 2):.6g}\n" for k in range(4, 12) for s in (0, 1))
    for name in ("losses.csv", "losses.tsv"):
        (folder / name).write_text(losses if name.endswith("csv") else losses.replace(",", "\t"))
        yield folder / name, ["cli", "measure", "--scaling", "FILE"]


def _attempts(
    folder: Path, share: float, rng: random.Random
) -> Iterator[tuple[str, Path, str, int, tuple[str, ...], bool]]:
    """Yield (group, file, change, seed, reader, whether its numbers are ours)."""
    times = max(1, round(12 * share))
    for name, tables in RUNS.items():
        if not wanted(name):
            continue
        run = folder / name
        fm.confirm(tables, run, progress=False) if name == "confirm" else run_study(name, tables, run)
        (folder / f"{name}.json").write_text(json.dumps(tables))
        files = [path for path in sorted(run.iterdir()) if path.suffix in (".jsonl", ".csv", ".json", "")]
        files = [path for path in files if path.stat().st_size]  # a lock is empty: nothing to damage
        for path in files:
            for change in TEXTS:
                for _ in range(times):
                    yield (
                        f"{name}: {path.name}",
                        path,
                        change,
                        rng.getrandbits(32),
                        ("call", "rerun", name, str(run)),
                        True,
                    )
    for path, reader in _foreign(folder):
        for change in BYTES if path.suffix not in (".csv", ".tsv", ".json") else TEXTS:
            for _ in range(max(1, times // 2)):
                yield f"foreign {path.name}", path, change, rng.getrandbits(32), reader, False


def run(folder: Path, share: float, seed: int) -> list[Tally]:
    """Damage every file in every way, some times each, and read what it belongs to."""
    rng, tally = random.Random(seed), Tally("Results and foreign files: by file")
    with Worker(folder) as worker:
        intact: dict[str, str] = {}
        attempts = list(_attempts(folder, share, rng))
        rng.shuffle(attempts)  # those of a short time are of every kind
        for group, path, change, number, reader, ours in attempts:
            if late():
                break
            damaged = path if ours else path.with_name(f"damaged-{path.name}")
            words = [str(damaged) if one == "FILE" else one for one in reader]
            kept = folder / "kept" / path.parent.name
            if ours and reader[2] not in intact:
                intact[reader[2]] = str(worker.ask(*words, limit=LONG)["out"])
                shutil.copytree(path.parent, kept)
            data = bytearray(path.read_bytes())
            TEXTS[change](data, random.Random(number))
            damaged.write_bytes(data)
            answer = worker.ask(*words, limit=LONG)
            found = word(answer, intact[reader[2]]) if ours else word(answer, None).replace("same", "taken")
            tally.add(group, found, f"{change}, seed {number}: {answer['err'] or answer['out']}")
            if ours:
                shutil.rmtree(path.parent)
                shutil.copytree(kept, path.parent)
    return [tally]
