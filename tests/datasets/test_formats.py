"""Files of every released format, kept for ever: read, verified, and made again. See data/README.md."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from handmade import columns, recipe

import fractalman as fm
from fractalman.datasets import spec
from fractalman.datasets.header import header_problem
from fractalman.datasets.inspection import check_file, in_order
from fractalman.datasets.spec import Problem
from fractalman.datasets.verify import verify_file
from fractalman.datasets.writer import write_columns
from fractalman.random.keys import STREAM_VERSION

DATA = Path(__file__).parent / "data"
# File → SHA-256 of all its bytes, digest of its content, n, d. A line is added with a format, and never changed.
KEPT: dict[str, tuple[str, str, int, int]] = {
    "format-1.0-ensemble.h5": (
        "26794e226e14d08845df910363bb60d0299e1815ab52cc269c1de1db5f37eb1d",
        "374893c98b7969de6c5282d6419eeaf7a9cbccef846e6bd88c504c399f707df2",
        24,
        4,
    ),
    "format-1.0-cascade.h5": (
        "b3cef1bfb932d0f2a002a5a729f6e3d1b5846b1e0146ae37b349d9e26f4af53b",
        "fd34eb64407bf7984f310f82b688eaaf5e2bd9de2cce391b704a0aee35aeea37",
        20,
        2,
    ),
    "format-1.0-classes.h5": (
        "3bcfa20231ab0bd88b3037f0201d92700593d2d56d2f9cb1aeae4e0643c39434",
        "820960022af4c4adc271cac9ffb9927ff0fe964f04a936457c1a8ba296e0968b",
        12,
        2,
    ),
    "format-1.0-strings.h5": (
        "291c93ca1b35b4d363a051b4c33c7ea1be729b3fe6dec720f6d32b30bc91d286",
        "5620fb0a4e17f9d6068c548362be371437a6498480935d3d080f5a2f9faaa35d",
        12,
        4,
    ),
    "format-1.0-subset.h5": (
        "276edfad942abe923bbfd53c53557998cd4220bf86d6ef1b45e704fac7afbb6b",
        "712f524c0ec72d89d681926e85b432fa4843314f3dc922fb7ea3d1cea865a101",
        12,
        2,
    ),
}


def test_every_kept_file_is_listed_and_the_present_format_is_kept() -> None:
    assert {path.name for path in DATA.glob("*.h5")} == set(KEPT)
    assert any(name.startswith(f"format-{spec.MAJOR}.{spec.MINOR}-") for name in KEPT)
    stored: set[str] = set()
    for name in KEPT:
        with fm.open(DATA / name) as f:
            stored |= set(f.columns)
    assert stored == set(spec.BY_PATH)  # together they hold every column of the table


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_file_is_read(name: str) -> None:
    path, (digest, content, n, d) = DATA / name, KEPT[name]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest, "a kept file was changed"
    assert path.stat().st_size < 20_000
    assert header_problem(path) is None
    assert list(check_file(path)) == []
    with fm.open(path) as f:
        assert name.startswith(f"format-{f.info()['format']}-")
        assert (f.provenance.content, f.n_points, f.dims["d"]) == (content, n, d)
        data = f.dataset()
        assert f.recipe == fm.from_toml(DATA / f"{name.split('-')[2].removesuffix('.h5')}.toml")
    assert data.X.shape == (n, d)
    assert data.hierarchy is not None


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_file_is_made_again(tmp_path: Path, name: str) -> None:
    with fm.open(DATA / name) as f:
        if f.provenance.stream_version != STREAM_VERSION:
            pytest.skip("drawn from other random streams")
    with fm.open(fm.rebuild(DATA / name, tmp_path / name)) as f:
        assert f.provenance.content == KEPT[name][1]


def test_a_cascade_and_an_ensemble_by_their_numbers() -> None:
    """Values as h5dump 1.10 prints them, so that the reader's own mistakes cannot hide behind its own digests."""
    with fm.open(DATA / "format-1.0-ensemble.h5") as f:
        assert np.bincount(f.cluster[:]).tolist() == [12, 4, 3, 1, 1, 1, 1, 1]
        assert f.edges is not None
        assert f.edges.shape == (16, 2)
        assert f.columns["noise"][:3].tolist() == [-0.12887692427937347, 0.28508800248897226, -0.093190810793276485]
    with fm.open(DATA / "format-1.0-cascade.h5") as f:
        assert f.edges is None
        assert (f.y[0], f.y[19]) == (0.070051359949071121, 0.035415635999290977)
        assert [float(x) for x in f.X[1]] == [0.65052902698516846, -0.33449387550354004]


# ------------------------------------------------------------------------------------------------ reports


def test_reports_do_not_depend_on_the_order_in_which_things_are_found(tmp_path: Path) -> None:
    wrong = columns()
    wrong["y"] = wrong["y"] + 1
    wrong["cluster"] = wrong["cluster"][::-1].copy()
    wrong["hierarchy/size"] = wrong["hierarchy/size"] + 1
    wrong["edges"] = np.zeros_like(wrong["edges"])
    reports = []
    for turn, order in enumerate((list(wrong), list(wrong)[::-1])):
        path = write_columns(tmp_path / f"{turn}.h5", {name: wrong[name] for name in order}, recipe=recipe(wrong))
        assert header_problem(path) is None
        reports.append(verify_file(path))
    assert reports[0] == reports[1]
    assert [problem.path for problem in reports[0]] == ["y", "cluster", "edges", "hierarchy/size"]
    found = [*check_file(path), Problem("z", "b"), Problem("a/b", "c"), Problem("provenance", "d"), Problem("/", "e")]
    assert in_order(found) == in_order(found[::-1]) == in_order([*found, *found])
    assert [problem.path for problem in in_order(found)] == [
        "/", "provenance", "y", "cluster", "edges", "hierarchy/size", "a/b", "z",
    ]  # fmt: skip
