"""The state of a training run on disk, replaced whole after every block of steps."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from fractalman._files import writing
from fractalman._typing import F64, I64, Bool
from fractalman.datasets.exchange.archives import BROKEN


class Progress(NamedTuple):
    """How far an ensemble of p networks is: steps done by all, and by network: frozen, steps taken, training risk."""

    start: int
    frozen: Bool
    taken: I64
    risk: F64


def mark_of(run: Any, keys: Sequence[int], arrays: Sequence[Any]) -> str:
    """Return the hash of everything that decides a run: settings, keys, data, library and device."""
    digest = hashlib.blake2b(digest_size=16)
    content = [dataclasses.asdict(run), [int(key) for key in keys], jax.__version__, jax.default_backend()]
    digest.update(json.dumps(content, sort_keys=True).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def publish(path: Path, mark: str, state: Any, progress: Progress) -> None:
    """Write the state beside ``path`` and put it there at once."""
    leaves: dict[str, Any] = {f"leaf{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(state))}
    path.parent.mkdir(parents=True, exist_ok=True)
    leaves.update(progress._asdict(), mark=np.array(mark))
    with writing(path) as stream:
        np.savez(stream, **leaves)


def restore(path: Path, mark: str, state: Any, progress: Progress) -> tuple[Any, Progress]:
    """Return what ``path`` holds if it belongs to this very run, else what was given: another run's state is no use."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            if str(stored["mark"]) != mark:
                return state, progress
            leaves, structure = jax.tree.flatten(state)
            found = [stored[f"leaf{i}"] for i in range(len(leaves))]
            done = Progress(int(stored["start"]), stored["frozen"], stored["taken"], stored["risk"])
    except BROKEN:  # none there, not one of ours, or damaged
        return state, progress
    return jax.device_put(jax.tree.unflatten(structure, found)), done
