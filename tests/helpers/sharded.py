"""The cascade whose shards are tested, and what is asked of files."""

from __future__ import annotations

from pathlib import Path

import fractalman as fm

CASCADE = fm.Cascade(n_points=1001, ambient_dim=5, contraction=0.2, noise=0.25, nuisance_dim=1, seed=3)


def content(path: Path) -> str:
    with fm.open(path) as file:
        return file.provenance.content


def shard_files(index: Path) -> list[Path]:
    return sorted(index.with_name(f"{index.name}.shards").glob("*.h5"))
