"""Damaged files and every reader of them: a bit, a page, an end, blocks exchanged, other digests.

Files are datasets of every family and compression, with and without a header that agrees afterwards (a fault that
happened before the header was written), and exports in other layouts. A reader that succeeds must have read what stands
in the intact file.
"""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
from outcome import ROOT, Tally, Worker, late, word

import fractalman as fm

sys.path.insert(0, str(ROOT / "tests" / "helpers"))
from damage import reseal

Operation = Callable[[bytearray, random.Random], None]
FAMILIES: dict[str, fm.Recipe] = {
    "cascade": fm.Cascade(n_points=300, ambient_dim=6, seed=3, noise=0.1),
    "cluster": fm.PercolationCluster(n_points=300, ambient_dim=6, seed=3, growth="nested"),
    "ensemble": fm.PercolationEnsemble(n_points=300, ambient_dim=6, seed=3, target="classes"),
    "bethe": fm.BetheLattice(n_points=300, ambient_dim=6, seed=3),
    "lattice": fm.LatticePercolation(dim=2, side=24, ambient_dim=6, seed=3),
    "manifold": fm.SmoothManifold(n_points=300, ambient_dim=6, dim=2, seed=3),
    "strings": fm.RandomHierarchyModel(n_points=300, seed=3),
    "language": fm.GrammarLanguage(n_points=300, seed=3),
    "parities": fm.SparseParities(n_points=300, seed=3),
    "subtasks": fm.Subtasks(n_points=300, within={"family": "cascade", "ambient_dim": 6}, seed=3),
}
COMPRESSIONS = ("standard", "off", "gzip", "lzf")
CALLS = ("whole", "rows", "batches", "subset", "verify", "points", "measured", "extend", "explore")
LAYOUTS = ("anndata", "percolation", "parquet", "zarr", "huggingface")


def _flip(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _zeros(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at : at + 512] = bytes(len(data[at : at + 512]))


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _longer(data: bytearray, rng: random.Random) -> None:
    data += rng.randbytes(rng.randrange(1, 600))


def _pages(data: bytearray, rng: random.Random) -> None:
    """Two pages exchanged: a misdirected write."""
    size = min(512, len(data) // 3)
    a, b = sorted(rng.sample(range(0, len(data) - size + 1, size), 2)) if len(data) >= 2 * size else (0, 0)
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]


def _stale(data: bytearray, rng: random.Random) -> None:
    """A page that was never written: the one before it again."""
    size = min(512, len(data) // 3)
    at = rng.randrange(size, len(data) - size + 1)
    data[at : at + size] = data[at - size : at]


BYTES: dict[str, Operation] = {
    "bit": _flip, "zeros": _zeros, "cut": _cut, "longer": _longer, "pages": _pages, "stale": _stale,
}  # fmt: skip


def _inside(path: Path, rng: random.Random) -> str:
    """Change a file through HDF5, and complete it again: what its writer, or the memory it wrote from, did wrong."""
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visititems(lambda name, node: names.append(name) if isinstance(node, h5py.Dataset) and node.size else None)
        name = rng.choice(names)
        how = rng.choice(("value", "exchanged", "gone", "renamed", "type", "external", "soft"))
        stored = file[name]
        if how in ("value", "exchanged") and stored.dtype.kind in "iuf" and stored.ndim:
            value = stored[()]
            a, b = rng.randrange(len(value)), rng.randrange(len(value))
            if how == "value":
                value[a] = value[a] + 1
            else:
                value[[a, b]] = value[[b, a]]
            stored[...] = value
        elif how == "renamed":
            file.move(name, f"{name}_")
        elif how == "type":
            value = stored[()]
            del file[name]
            file[name] = np.asarray(value).astype(np.float32) if np.asarray(value).dtype.kind in "iuf" else np.zeros(3)
        else:
            del file[name]
            if how == "external":
                file[name] = h5py.ExternalLink("other.h5", name)
            elif how == "soft":
                file[name] = h5py.SoftLink(f"/{name}")
    reseal(path)
    return f"inside: {how}"


def readers_of(kind: str) -> list[tuple[str, ...]]:
    """Return the attempts on a kind of file, each with "FILE" where its path belongs."""
    if kind == "dataset":
        found: list[tuple[str, ...]] = [("call", name, "FILE") for name in CALLS]
        found += [("call", "export", layout, "FILE") for layout in LAYOUTS]
        return [*found, ("cli", "predict", "FILE", "--json"), ("cli", "info", "FILE", "--json"),
                ("cli", "rebuild", "FILE", "-o", "again.h5", "--force"),
                ("cli", "measure", "FILE", "--points", "X")]  # fmt: skip
    return [("call", "imported" if kind == "percolation" else "points", "FILE")]


def _cases(folder: Path, share: float, seed: int) -> Iterator[tuple[str, str, Path, str, int]]:
    """Yield (group, kind, intact file, operation, seed)."""
    rng = random.Random(seed)
    n = 3
    for name, recipe in FAMILIES.items() if share >= 0.1 else rng.sample(sorted(FAMILIES.items()), 1):
        for compression in COMPRESSIONS if share >= 0.1 else rng.sample(COMPRESSIONS, 1):
            path = fm.write(recipe, folder / f"{name}-{compression}.h5", compression=compression)
            for operation in (*BYTES, *(f"{one}, header agrees" for one in ("bit", "pages", "stale")), "inside"):
                for _ in range(n):
                    yield f"{name}", "dataset", path, operation, rng.getrandbits(32)
    data = fm.generate(FAMILIES["cluster"])
    exports = (("percolation", "npz", "percolation"), ("anndata", "h5ad", "points"))
    for layout, ending, kind in exports if share >= 0.1 else exports[:1]:
        path = fm.export(data, folder / f"exported.{ending}", layout=layout)
        for operation in BYTES:
            for _ in range(4 * n):
                yield f"export {layout}", kind, path, operation, rng.getrandbits(32)


def _damage(path: Path, operation: str, seed: int) -> str:
    rng = random.Random(seed)
    if operation == "inside":
        return _inside(path, rng)
    data = bytearray(path.read_bytes())
    how, _, again = operation.partition(",")
    head = bytes(data[:512])
    if again:  # the header itself stays readable
        body = data[512:]
        BYTES[how](body, rng)
        data = bytearray(head) + body
    else:
        BYTES[how](data, rng)
    path.write_bytes(data)
    if again:
        reseal(path)
    return operation


def _result(worker: Worker, reader: tuple[str, ...], path: Path) -> dict[str, object]:
    kind, *words = (str(path) if one == "FILE" else one for one in reader)
    answer = worker.ask(kind, *words)
    answer["out"] = str(answer["out"]).replace(str(path), "FILE").replace(path.stem, "FILE")
    return answer


def run(folder: Path, share: float, seed: int) -> list[Tally]:
    """Damage files one by one and read each in some ways."""
    files = Tally("Mutants: by what was damaged")
    ways = Tally("Mutants: by who read")
    with Worker(folder) as worker:
        intact: dict[tuple[Path, tuple[str, ...]], str] = {}
        cases = list(_cases(folder, share, seed))
        random.Random(seed).shuffle(cases)
        for group, kind, path, operation, number in cases[: max(1, round(share * len(cases)))]:
            if late():
                break
            damaged = path.with_name(f"damaged{path.suffix}")
            for other in path.parent.glob(f"{path.stem}_*"):
                shutil.copy(other, other.with_name(other.name.replace(path.stem, damaged.stem)))
            rng, all_ways = random.Random(number), readers_of(kind)
            chosen = [all_ways[0], rng.choice(all_ways[1:])] if kind == "dataset" else all_ways
            for reader in chosen:
                if (path, reader) not in intact:
                    first = _result(worker, reader, path)
                    intact[path, reader] = str(first["out"]) if first["status"] == 0 else "refused"
                shutil.copy(path, damaged)
                said = _damage(damaged, operation, number)
                answer = _result(worker, reader, damaged)
                found = word(answer, intact[path, reader])
                shown = " ".join(reader).replace("FILE", "").strip()
                files.add(said, found, f"{path.name}, seed {number}, {shown}: {answer['err']}")
                ways.add(f"{shown} of {group}" if kind != "dataset" else shown, found)
    ways.bad.clear()  # named once
    return [files, ways]
