"""Files that several modules of this folder read, made once a module."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sharded import CASCADE

import fractalman as fm


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset in one file."""
    return fm.write(CASCADE, tmp_path_factory.mktemp("whole") / "whole.h5")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an index of four shards; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("made")
    fm.write_shards(CASCADE, folder / "data.h5", 4)
    return folder


@pytest.fixture
def index(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "copy") / "data.h5"
