"""Verifying a file: every checksum, digest and requirement, in a child process that may crash without harm.

Columns are read block by block. Some rules hold whole columns, one rule at a time: 8 bytes per point for the clusters,
8 bytes per latent for the hierarchy, about 40 bytes per node for the label tree.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np

from fractalman.dataset.certificate import Certificate, ColumnDigest
from fractalman.dataset.lazy import LazyColumn
from fractalman.dataset.reader import Contents, check_path, open_hdf5
from fractalman.dataset.shards import OpenShards, checked_blocks, lazy_column
from fractalman.dataset.spec import BY_PATH, RULES, AnyArray, Problem, element_problem
from fractalman.dataset.writer import Progress
from fractalman.errors import FileFormatError, FractalmanError

STALL_SECONDS = 900.0
"""A child that reports nothing for so long (one block is 4 MiB) is taken for hung in a damaged file."""

_CHILD = "from fractalman.dataset.verify import _child; _child()"

Columns: TypeAlias = Mapping[str, LazyColumn]
Dims: TypeAlias = Mapping[str, int]

# ------------------------------------------------------------------------------------------------ rules


def _recipe_size(_: Columns, dims: Dims, certificate: Certificate) -> Iterator[str]:
    for key, name in (("n_points", "n"), ("ambient_dim", "d")):
        stated = certificate.recipe.get(key)
        more = certificate.recipe.get("nuisance_dim", 0) if name == "d" else 0
        if stated is not None and stated + more != dims[name]:
            beside = f" and nuisance_dim = {more}" if more else ""
            yield f"the recipe says {key} = {stated}{beside}: the columns have {name} = {dims[name]}"


def _cluster_order(columns: Columns, dims: Dims, _: Certificate) -> Iterator[str]:
    before, sizes = -1, np.zeros(dims["n"], dtype=np.int64)
    for start, block in columns["cluster"].blocks():
        step = np.diff(block, prepend=before)
        wrong = (step != 0) & (step != 1)
        if start == 0:
            wrong[0] = block[0] != 0
        yield from _first(start, wrong, "is {}: required 0 at row 0, then the number before it or 1 more", block)
        np.add.at(sizes, block, 1)
        before = int(block[-1])
    rises = np.flatnonzero(np.diff(sizes) > 0)
    if rises.size:
        yield f"cluster {rises[0] + 1} is larger than cluster {rises[0]}: required sizes that never rise"


def _edge_ends(columns: Columns, _: Dims, __: Certificate) -> Iterator[str]:
    cluster = columns["cluster"][:]
    for start, block in columns["edges"].blocks():
        a, b = block[:, 0], block[:, 1]
        yield from _first(start, a == b, "joins point {} with itself", a)
        yield from _first(start, cluster[a] != cluster[b], "joins points {} and {} of different clusters", a, b)


def _first(start: int, wrong: AnyArray, message: str, *values: AnyArray) -> Iterator[str]:
    """Yield the message of the first row that is wrong, with the values found in that row."""
    if wrong.any():
        i = int(np.argmax(wrong))
        yield f"[{start + i}] {message.format(*(value[i] for value in values))}"


def _hierarchy_parent(columns: Columns, dims: Dims, _: Certificate) -> Iterator[str]:
    n = dims["n"]
    for start, parent in columns["hierarchy/parent"].blocks():
        node = np.arange(start, start + len(parent))
        yield from _first(start, (parent >= 0) & (parent < n), "is {}, a point: required a latent", parent)
        late = (node >= n) & (parent >= node)
        yield from _first(start, late, "is {}: required less than the latent's own id", parent)


def _pairs(columns: Columns, *names: str) -> Iterator[tuple[int, tuple[AnyArray, ...]]]:
    """Yield the same rows of several columns."""
    for start, block in columns[names[0]].blocks():
        yield start, (block, *(columns[name][start : start + len(block)] for name in names[1:]))


def _hierarchy_depth(columns: Columns, dims: Dims, _: Certificate) -> Iterator[str]:
    n = dims["n"]
    of_latent = columns["hierarchy/depth"][n:]
    for start, (depth, parent) in _pairs(columns, "hierarchy/depth", "hierarchy/parent"):
        required = np.zeros(len(depth), dtype=np.int64)
        inner = parent >= n
        required[inner] = of_latent[parent[inner] - n] + 1
        yield from _first(start, depth != required, "is {}: required {}", depth, required)


def _hierarchy_size(columns: Columns, dims: Dims, _: Certificate) -> Iterator[str]:
    n, latents = dims["n"], dims["k"] - dims["n"]
    total = np.zeros(latents, dtype=np.int64)
    for _start, (size, parent) in _pairs(columns, "hierarchy/size", "hierarchy/parent"):
        inner = parent >= n
        np.add.at(total, parent[inner] - n, size[inner])
    before = np.iinfo(np.int64).max
    for start, size in columns["hierarchy/size"].blocks():
        node = np.arange(start, start + len(size))
        is_point = node < n
        required = np.where(is_point, 1, 0)
        required[~is_point] = total[node[~is_point] - n]
        yield from _first(start, size != required, "is {}: required {}", size, required)
        sizes = size[~is_point]
        if sizes.size:
            rises = np.concatenate([[before], sizes[:-1]]) < sizes
            first = start + len(size) - len(sizes)
            yield from _first(first, rises, "is {}: required at most the size of the latent before it", sizes)
            before = int(sizes[-1])


def _hierarchy_level(columns: Columns, dims: Dims, _: Certificate) -> Iterator[str]:
    n = dims["n"]
    of_latent = columns["hierarchy/level"][n:]
    for start, (level, parent) in _pairs(columns, "hierarchy/level", "hierarchy/parent"):
        inner = parent >= n
        least = np.zeros(len(level), dtype=np.int64)
        is_latent = np.arange(start, start + len(level)) >= n
        least[inner] = of_latent[parent[inner] - n] + is_latent[inner]
        yield from _first(start, level < least, "is {}: required at least {}", level, least)


def _zero(tree: str) -> Callable[[Columns, Dims, Certificate], Iterator[str]]:
    def rule(columns: Columns, _: Dims, __: Certificate) -> Iterator[str]:
        for start, (value, variance) in _pairs(columns, f"{tree}/value", f"{tree}/variance"):
            wrong = (variance == 0) & (value != 0)
            yield from _first(start, wrong, "is {} where the variance is 0: required 0", value)

    return rule


def _noise(_: Columns, __: Dims, certificate: Certificate) -> Iterator[str]:
    stated, there = certificate.recipe.get("noise", 0.0), "noise" in certificate.columns
    if bool(stated) != there:
        yield f"is {'there' if there else 'missing'}, and the recipe says noise = {stated}"


def _labels(columns: Columns, dims: Dims, _: Certificate) -> Iterator[str]:
    # Pointer jumping: after t rounds `total` holds the sums over 2^t ancestors; a cycle never ends.
    total = columns["label_tree/value"][:]
    up = columns["label_tree/parent"][:]
    for _round in range(dims["q"].bit_length() + 1):
        moving = np.flatnonzero(up >= 0)
        if not moving.size:
            break
        target = up[moving]
        total[moving] += total[target]
        up[moving] = up[target]
    else:
        yield f"label_tree/parent has a cycle through node {int(np.argmax(up >= 0))} or above it"
        return
    for start, (y, norm, leaf) in _pairs(columns, "y", "label_tree/norm", "label_tree/leaf"):
        required = total[leaf] / norm
        if "noise" in columns:
            required += columns["noise"][start : start + len(y)]
        wrong = ~(np.abs(y - required) <= 1e-12 * np.maximum(1.0, np.abs(y)))
        yield from _first(start, wrong, "is {}: required {} (path sum / norm, and noise)", y, required)


RULE_FUNCTIONS: dict[str, Callable[[Columns, Dims, Certificate], Iterator[str]]] = {
    "recipe-size": _recipe_size,
    "cluster-order": _cluster_order,
    "edge-ends": _edge_ends,
    "hierarchy-parent": _hierarchy_parent,
    "hierarchy-depth": _hierarchy_depth,
    "hierarchy-size": _hierarchy_size,
    "hierarchy-level": _hierarchy_level,
    "hierarchy-zero": _zero("hierarchy"),
    "noise": _noise,
    "label-zero": _zero("label_tree"),
    "labels": _labels,
}

# ------------------------------------------------------------------------------------------------ one process


def check_file(path: Path, progress: Progress | None = None) -> Iterator[Problem]:
    """Yield everything that is wrong with a file, reading it in this process (`verify_file` uses a child)."""
    try:
        file = open_hdf5(check_path(path))
    except FileFormatError as error:
        yield Problem("/", str(error))
        return
    with file:
        contents = Contents(file)
        yield from contents.problems
        if contents.certificate is None:
            return
        shards = None if contents.shards is None else OpenShards(path, contents.shards)
        columns = {name: lazy_column(path, name, stored, shards) for name, stored in contents.stored.items()}
        reported = {problem.path for problem in contents.problems}
        held = path.stat().st_size + (shards.table.stored_bytes if shards else 0)
        unsound = {name for name in BY_PATH if name not in columns}
        total, done = sum(column.nbytes for column in columns.values()), 0
        for name, column in columns.items():
            if column.nbytes > 2000 * held:  # deflate cannot shrink more than 1032-fold
                unsound.add(name)
                yield Problem(name, f"claims {column.nbytes} bytes: the whole file has {held}")
                continue
            found: list[Problem] = []
            ranges_broken, rows = None, 0
            digest = ColumnDigest(column.dtype.str)
            try:
                for start, block in checked_blocks(column, found, reported):
                    rows += len(block)
                    digest.update(block)
                    ranges_broken = ranges_broken or element_problem(BY_PATH[name], block, start, contents.dims)
                    done += block.nbytes
                    if progress:
                        progress(name, done, total)
                if rows < len(column):
                    unsound.add(name)
                elif not found and digest.hexdigest() != contents.certificate.columns[name].digest:
                    found.append(Problem(name, "does not have the digest that the certificate states"))
            except FileFormatError as error:
                unsound.add(name)
                found.append(Problem(name, str(error).partition(f"{name}: ")[2] or str(error)))
            if ranges_broken:
                unsound.add(name)
                found.append(ranges_broken)
            yield from found
        for rule in RULES:
            needed = {*rule.columns, *(name for name in rule.optional if name in contents.certificate.columns)}
            if unsound.isdisjoint(needed) and not (rule.name == "recipe-size" and contents.problems):
                if progress:
                    progress(rule.name, done, total)
                for message in RULE_FUNCTIONS[rule.name](columns, contents.dims, contents.certificate):
                    yield Problem(rule.path, f"{message} (rule {rule.name})")
                    break


# ------------------------------------------------------------------------------------------------ two processes


def _child() -> None:
    """Verify the file named on the command line and report on stdout, one JSON value per line, "end" last."""
    out = sys.stdout

    def send(**message: Any) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    path = Path(sys.argv[1])
    try:
        for problem in check_file(path, lambda at, done, total: send(at=at, done=done, total=total)):
            send(path=problem.path, message=problem.message)
    except MemoryError:
        send(path="/", message="reading it needs more memory than there is")
    except OSError as error:
        send(error=error.errno, message=str(error) if error.errno is None else error.strerror)
    send(end=True)


def _start_child(path: Path, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    # The child must import the same packages, also those that this process found in an unusual place.
    search = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _CHILD, str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**os.environ, "PYTHONPATH": search},
    )


def _lines(child: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the child's messages; TimeoutError when it has been silent for STALL_SECONDS."""
    assert child.stdout is not None
    stream = child.stdout
    waiting: queue.Queue[bytes | None] = queue.Queue()

    def read() -> None:
        with contextlib.suppress(ValueError, OSError):
            for line in stream:
                waiting.put(line)
        waiting.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = waiting.get(timeout=STALL_SECONDS)
        except queue.Empty:
            raise TimeoutError from None
        if line is None:
            return
        with contextlib.suppress(ValueError):  # a line cut short by a crash
            yield json.loads(line)


def verify_file(path: str | os.PathLike[str], *, progress: Progress | None = None) -> list[Problem]:
    """Return everything that is wrong with a file, each with the path of what is wrong; [] = intact.

    Args:
        path: the file; it is read in a child process, so a crash of the HDF5 library is a problem in the list.
        progress: called as progress(what, bytes done, bytes in all).
    Errors: FileNotFoundError, IsADirectoryError, PermissionError, or OSError when the disk fails.
    """
    path = Path(path).absolute()
    try:
        check_path(path)
    except FileFormatError as error:
        return [Problem("/", str(error))]
    problems: list[Problem] = []
    at, ended = "opening it", False
    with tempfile.TemporaryFile() as errors:
        child = _start_child(path, errors)
        try:
            for message in _lines(child):
                if "end" in message:
                    ended = True
                elif "at" in message:
                    at = f"reading {message['at']}"
                    if progress:
                        progress(message["at"], message["done"], message["total"])
                elif "error" in message:
                    raise OSError(message["error"] or 0, message["message"], str(path))
                else:
                    problems.append(Problem(message["path"], message["message"]))
            status = child.wait()
        except TimeoutError:
            problems.append(Problem("/", f"the HDF5 library hung while {at}"))
            return problems
        finally:
            child.kill()
            child.wait()
            if child.stdout:
                child.stdout.close()
        if not ended:
            problems.append(_stopped(path, status, at, errors))
    return problems


def _stopped(path: Path, status: int, at: str, errors: IO[bytes]) -> Problem:
    """Return the problem of a child that crashed; FractalmanError when it never came to read the file."""
    if status < 0 or status > 0x80:
        try:
            how = signal.Signals(-status).name
        except ValueError:
            how = f"exit status {status:#x}"
        return Problem("/", f"the HDF5 library crashed ({how}) while {at}")
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    raise FractalmanError(f"{path} could not be verified: {lines[-1] if lines else f'exit status {status}'}")
