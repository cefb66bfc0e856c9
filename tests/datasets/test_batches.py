"""Shuffled batches: every row once an epoch, batch k a function of numbers, files read in whole chunks, any process."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import pickle
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import readers_child
from exact_laws import REJECTED, THRESHOLD, chi_square
from handmade import Columns, columns, recipe
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples
from scipy import stats

import fractalman as fm
from fractalman.datasets.handle import FileHandle
from fractalman.datasets.memory import split_indices
from fractalman.datasets.shuffled import Batches, EpochOrder, batches, read_rows
from fractalman.datasets.spec import block_rows
from fractalman.datasets.writer import write_columns
from fractalman.errors import FileFormatError, FractalmanError, MissingExtraError, RecipeError


class Points:
    """Coordinates and labels from which a row's number can be read."""

    def __init__(self, n: int, d: int = 2) -> None:
        self.X = np.broadcast_to(np.arange(n, dtype=np.float32)[:, None], (n, d))  # exact below 2^24
        self.y = np.arange(n, dtype=np.float64)


SIZES = (2400, 500, 99, 1)
WIDE = 701  # coordinates, so that a chunk holds 187 rows and the file 17 chunks


@pytest.fixture(scope="module")
def made() -> Columns:
    return columns(SIZES, WIDE, level=False, noise=False)


@pytest.fixture(scope="module")
def path(made: Columns, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_columns(tmp_path_factory.mktemp("batches") / "wide.h5", made, recipe=recipe(made))


BUFFERS = (1, 700_000, 3_000_000, 64 << 20)  # one block, a few, many, all of them


def seen(found: Batches) -> list[int]:
    """Row numbers of a whole epoch in order."""
    return [row for k in range(found.count) for row in found.rows(k).tolist()]


# ---------------------------------------------------------------------------------------------------- every row once


@given(
    n=st.integers(0, 300),
    block=st.integers(1, 70),
    capacity=st.integers(1, 400),
    batch=st.integers(1, 90),
    epoch=st.integers(0, 2**40),
    choice=st.none() | st.integers(0, 2**32),
    drop=st.booleans(),
    workers=st.integers(1, 5),
)
def test_every_row_comes_once_an_epoch(
    n: int, block: int, capacity: int, batch: int, epoch: int, choice: int | None, drop: bool, workers: int
) -> None:
    chosen = None if choice is None else np.flatnonzero(np.random.default_rng(choice).random(n) < 0.4)
    order = EpochOrder(n, block, capacity, (5, epoch), chosen)
    wanted = list(range(n)) if chosen is None else chosen.tolist()
    assert order.largest < capacity + block
    assert order.n_rows == len(wanted)
    count = len(wanted) // batch if drop else -(-len(wanted) // batch)
    source = Points(n)
    whole = Batches(source, order, batch, range(0, count, 1))
    rows = seen(whole)
    assert len(rows) == len(set(rows)) == (count * batch if drop else len(wanted))
    assert set(rows) <= set(wanted)
    shares = [list(Batches(source, order, batch, range(w, count, workers))) for w in range(workers)]
    merged = [shares[k % workers][k // workers] for k in range(count)]  # as a loader takes them in turn
    assert sum(map(len, shares)) == count  # disjoint and complete
    assert [int(i) for _, y in merged for i in y] == rows
    assert all(X.dtype == np.float32 and (X[:, 0] == y).all() for X, y in merged)
    for k, (_, y) in enumerate(merged):
        assert len(y) == batch or (k == count - 1 and not drop)
        np.testing.assert_array_equal(whole.rows(k), y)


def test_rows_of_a_split_whole_blocks_and_a_mask_are_the_same() -> None:
    data = Points(5000, 512)
    train, test = split_indices(5000, 3000, 1000, seed=2)
    some = {"seed": 1, "epoch": 2, "buffer_bytes": 300_000}
    from_split = batches(data, 64, rows=train, **some)
    assert sorted(seen(from_split)) == sorted(train.tolist())
    assert not set(seen(from_split)) & set(test.tolist())
    mask = np.zeros(5000, np.bool_)
    mask[train] = True
    assert seen(batches(data, 64, rows=mask, **some)) == seen(from_split)
    assert seen(batches(data, 64, rows=np.sort(train)[::-1], **some)) == seen(from_split)
    assert seen(batches(data, 64, rows=np.arange(5000), **some)) == seen(batches(data, 64, **some))
    assert len(batches(data, 64, rows=[])) == 0
    assert sorted(seen(batches(data, 2, rows=[4, 7, 4]))) == [4, 4, 7]  # a bootstrap sample keeps what it repeats


# ---------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("buffer_bytes", BUFFERS)
@pytest.mark.parametrize("part", [False, True])
def test_a_file_gives_the_batches_of_memory_and_resumes_at_a_number(
    made: Columns, path: Path, buffer_bytes: int, part: bool
) -> None:
    rows = split_indices(3000, 1100, 300, seed=0)[0] if part else None
    arguments: dict[str, Any] = {"seed": 3, "epoch": 1, "rows": rows, "buffer_bytes": buffer_bytes}
    with fm.open(path) as f:
        memory = f.dataset()
        uninterrupted = list(batches(f, 100, **arguments))
        assert len(uninterrupted) == (11 if part else 30)
        for k, (X, y) in enumerate(batches(memory, 100, **arguments)):
            np.testing.assert_array_equal(X, uninterrupted[k][0], strict=True)
            np.testing.assert_array_equal(y, uninterrupted[k][1], strict=True)
        whole = batches(f, 100, **arguments)
        for k in (0, 4, len(whole) - 1):
            resumed = batches(f, 100, start=k, **arguments)
            assert (len(resumed), resumed.count) == (len(whole) - k, len(whole))
            for again, once in zip(resumed, uninterrupted[k:], strict=True):
                np.testing.assert_array_equal(again[0], once[0])
                np.testing.assert_array_equal(again[1], once[1])
            rows_k = whole.rows(k)
            np.testing.assert_array_equal(uninterrupted[k][0], made["X"][rows_k])
            np.testing.assert_array_equal(uninterrupted[k][1], made["y"][rows_k])
            np.testing.assert_array_equal(whole.batch(k)[0], uninterrupted[k][0])
        assert len(batches(f, 100, start=whole.count, **arguments)) == 0


def test_batches_are_arrays_of_their_own(path: Path) -> None:
    with fm.open(path) as f:
        first, second = iter(batches(f, 100, buffer_bytes=1)), iter(batches(f, 100, buffer_bytes=1))
        kept = [next(first) for _ in range(30)]  # while buffers are filled again and again
        for (X, y), (same_X, same_y) in zip(kept, second, strict=True):
            np.testing.assert_array_equal(X, same_X)
            np.testing.assert_array_equal(y, same_y)
            X[:], y[:] = np.nan, np.nan


class Counting:
    """A column that counts what is read of it."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.reads: list[tuple[int, int]] = []

    def __getitem__(self, rows: slice) -> np.ndarray[Any, Any]:
        self.reads.append((rows.start, rows.stop))
        return self.array[rows]


@pytest.mark.parametrize("part", [False, True])
def test_every_chunk_is_read_once_an_epoch(made: Columns, part: bool) -> None:
    source = Points(0)
    source.X, source.y = Counting(made["X"]), Counting(made["y"])  # type: ignore[assignment]
    rows = split_indices(3000, 1500, 0, seed=0)[0] if part else None
    for X, _ in batches(source, 100, rows=rows, buffer_bytes=3_000_000):
        assert X.shape == (100, WIDE)
    chunk = block_rows(made["X"].shape, "<f4")
    reads = sorted(source.X.reads)  # type: ignore[attr-defined]
    assert [start // chunk for start, _ in reads] == list(range(-(-3000 // chunk)))
    assert all((stop - 1) // chunk == start // chunk for start, stop in reads)
    if not part:
        assert reads == [(start, min(start + chunk, 3000)) for start in range(0, 3000, chunk)]


@pytest.mark.parametrize(("buffer_bytes", "fits"), [(1_500_000, True), (64 << 20, False)])
def test_an_epoch_holds_one_buffer(path: Path, buffer_bytes: int, fits: bool) -> None:
    with fm.open(path) as f:
        list(batches(f, 100, rows=np.arange(100)))  # compile before counting
        tracemalloc.start()
        for X, _ in batches(f, 100, buffer_bytes=buffer_bytes):
            assert X.shape == (100, WIDE)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # beside the buffer: the block by which it may overflow, a chunk on its way, two batches
        assert (peak < 1_500_000 + 2 * 524_288 + 4 * 100 * 4 * WIDE) is fits
        assert fits or peak > f.X.nbytes


@given(st.lists(st.integers(0, 2999), max_size=60))
@examples(40)
def test_rising_rows_are_read_as_they_are(path: Path, rows: list[int]) -> None:
    wanted = np.sort(np.array(rows, np.int64))
    with fm.open(path) as f:
        out = read_rows(f.y, wanted, np.empty(wanted.size))
        np.testing.assert_array_equal(out, f.y[wanted])


def test_a_single_row_of_any_column(made: Columns, path: Path) -> None:
    with fm.open(path) as f:
        np.testing.assert_array_equal(f.X[-1], made["X"][-1], strict=True)
        assert (f.y[5], f.y[np.int64(-1)], f.cluster[2999]) == (made["y"][5], made["y"][-1], 3)
        assert isinstance(f.y[5], np.float64)


def test_a_closed_file_says_so(path: Path) -> None:
    with fm.open(path) as f:
        waiting = iter(batches(f, 100, buffer_bytes=1))
        next(waiting)
    with pytest.raises(FractalmanError, match="is closed"):
        list(waiting)


# ---------------------------------------------------------------------------------------------------- the order


def test_the_order_is_a_function_of_numbers_that_never_changes() -> None:
    data = Points(1000, 4096)
    found = batches(data, 7, seed=11, epoch=3, buffer_bytes=1_500_000)
    assert found.rows(0).tolist() == [706, 838, 856, 327, 338, 850, 323]
    assert found.rows(142).tolist() == [436, 983, 429, 960, 440, 431]
    others = ((12, 3, 1_500_000), (11, 4, 1_500_000), (11, 3, 9_000_000))
    other = [batches(data, 7, seed=s, epoch=e, buffer_bytes=b) for s, e, b in others]
    assert len({tuple(seen(b)) for b in [found, *other]}) == 4


def places(n: int, block: int, capacity: int, epoch: int) -> np.ndarray[Any, Any]:
    """Row number at every place of an epoch."""
    order = EpochOrder(n, block, capacity, (17, epoch), None)
    return np.array(seen(Batches(Points(n), order, n, range(1))))


def association(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    """p-value of two permutations being unrelated: Spearman's ρ·√(n − 1) is a standard normal."""
    rho = np.corrcoef(a, b)[0, 1]
    return float(2 * stats.norm.sf(abs(rho) * np.sqrt(a.size - 1)))


def test_a_dataset_in_one_buffer_is_shuffled_uniformly_and_epochs_are_unrelated() -> None:
    n = 20_000
    first, second, identity = places(n, 512, n, 0), places(n, 512, n, 1), np.arange(n)
    assert association(first, identity) > THRESHOLD
    assert association(first, second) > THRESHOLD
    assert association(identity, identity) < REJECTED
    assert association(first, first) < REJECTED


def test_every_row_is_as_likely_at_every_place_also_across_buffers() -> None:
    n, bins, epochs = 240, 12, 1500
    where = {"shuffled": np.zeros(bins), "identity": np.zeros(bins), "blocks in order": np.zeros(bins)}
    for epoch in range(epochs):
        where["shuffled"][np.flatnonzero(places(n, 10, 40, epoch) == 3)[0] * bins // n] += 1
        where["identity"][3 * bins // n] += 1
        first = EpochOrder(40, 10, 40, (17, epoch), None)  # wrong: the first blocks always share the first buffer
        where["blocks in order"][np.flatnonzero(first.buffer(0)[1] == 3)[0] * bins // n] += 1
    law = np.full(bins, 1 / bins)
    assert chi_square(where["shuffled"], law) > THRESHOLD
    assert chi_square(where["identity"], law) < REJECTED
    assert chi_square(where["blocks in order"], law) < REJECTED


def test_a_thousand_million_rows() -> None:
    data = Points(0)
    data.X = np.broadcast_to(np.float32(1), (10**9, 128))
    data.y = np.broadcast_to(np.float64(2), (10**9,))
    found = batches(data, 1000, epoch=1)
    assert len(found) == 10**6
    assert found.rows(0).max() > 10**6  # 1.2·10^5 rows share a buffer, from everywhere
    last = found.rows(10**6 - 1)
    assert np.unique(last).size == 1000
    X, y = next(iter(batches(data, 1000, epoch=1, start=10**6 - 1)))
    assert X.shape == (1000, 128)
    assert (y == 2).all()


# ---------------------------------------------------------------------------------------------------- wrong words


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"batch_size": 0}, "batch_size = 0: expected an integer >= 1"),
        ({"batch_size": 2.5}, "batch_size = 2.5"),
        ({"epoch": -1}, "epoch = -1"),
        ({"seed": -1}, "seed = -1"),
        ({"step": 0}, "step = 0"),
        ({"buffer_bytes": 0}, "buffer_bytes = 0"),
        ({"start": 11, "epoch": 4}, "this epoch has 10 batches; use epoch = 5 and start = 0"),
        ({"rows": [0, 100]}, "rows holds 100: expected 0 to 99"),
        ({"rows": [-1]}, "rows holds -1"),
        ({"rows": [0.5]}, "float64"),
        ({"rows": np.zeros(7, np.bool_)}, "expected (m,) row numbers or (100,) booleans"),
        ({"rows": np.zeros((2, 2), np.int64)}, "shape (2, 2)"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        batches(Points(100), **{"batch_size": 10, **arguments})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_batch_that_is_not_there_is_refused() -> None:
    with pytest.raises(RecipeError, match="batch 10: this epoch has batches 0 to 9"):
        batches(Points(100), 10).rows(10)


# ---------------------------------------------------------------------------------------------------- other processes


@pytest.mark.slow(reason="every process imports everything anew", only=["spawn"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_handle_opens_the_file_in_every_process(path: Path, method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    command = [sys.executable, readers_child.__file__, method, path.name]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (even, rows), (odd, _) = found["shares"]
    assert [even, odd] == [found["whole"][0::2], found["whole"][1::2]]
    assert rows == [100] * 15
    assert found["left"] == 29


def test_a_handle_refuses_other_data_under_its_name(tmp_path: Path) -> None:
    small = columns((7, 3), 3)
    target = write_columns(tmp_path / "a.h5", small, recipe=recipe(small))
    handle = FileHandle(target)
    carried = pickle.dumps(handle)
    other = columns((7, 3), 3, seed=1)
    write_columns(target, other, recipe=recipe(other), overwrite=True)
    np.testing.assert_array_equal(handle.y[:], small["y"])  # what was opened stays
    with pytest.raises(FileFormatError, match=r"now holds content .* make the reader anew"):
        pickle.loads(carried).open()
    handle.close()
    with pytest.raises(FileFormatError, match="now holds"):
        handle.open()
    with pytest.raises(FileNotFoundError):
        FileHandle(tmp_path / "nowhere.h5")


# ---------------------------------------------------------------------------------------------------- JAX, PyTorch


def test_batches_on_a_device_come_in_order_and_ahead() -> None:
    jax = pytest.importorskip("jax")
    asked: list[int] = []

    def source() -> Any:
        for k, batch in enumerate(batches(Points(50), 8)):
            asked.append(k)
            yield batch

    for ahead in (0, 1, 3, 20):
        asked.clear()
        sent = fm.device_batches(source(), ahead=ahead)
        for k, ((X, y), rows) in enumerate(zip(sent, map(batches(Points(50), 8).rows, range(7)), strict=True)):
            assert len(asked) == min(7, k + ahead + 1)
            assert isinstance(X, jax.Array)
            assert y.dtype == np.float32
            np.testing.assert_array_equal(y, rows)
    with pytest.raises(RecipeError, match="ahead = -1"):
        fm.device_batches([], ahead=-1)


@pytest.mark.parametrize("missing", ["torch", "jax", "pandas", "anndata"])
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "fractalman.torch", raising=False)
    data = fm.generate(fm.Cascade(n_points=3, ambient_dim=2))
    ask = {
        "torch": lambda: importlib.import_module("fractalman.torch"),
        "jax": lambda: fm.device_batches([]),
        "pandas": lambda: fm.to_pandas(data),
        "anndata": lambda: fm.to_anndata(data),
    }[missing]
    with pytest.raises(MissingExtraError) as caught:
        ask()
    assert f"use pip install {missing}" in str(caught.value)


def test_batches_yield_row_numbers_latents_and_other_columns(path: Path, made: Columns) -> None:
    with fm.open(path) as file:
        data = file.dataset()
        features = data.hierarchy.features(top=5).toarray()
        fields = ("row", "y", "latents", "cluster", "X")
        shared: dict[str, Any] = {"seed": 3, "buffer_bytes": 700_000}
        plain = list(batches(data, 700, **shared))
        for source in (data, file, path):
            found = batches(source, 700, fields=fields, latents=5, **shared)
            for k, (rows, y, latents, cluster, X) in enumerate(found):
                np.testing.assert_array_equal(rows, found.rows(k))
                np.testing.assert_array_equal(X, plain[k][0])
                np.testing.assert_array_equal(y, plain[k][1])
                np.testing.assert_array_equal(cluster, made["cluster"][rows])
                np.testing.assert_array_equal(latents.toarray(), features[rows])
            assert [part.shape for part in found.batch(1)] == [(700,), (700,), (700, 5), (700,), (700, WIDE)]
        for wrong, said in (
            ("rows", "did you mean 'row'"),
            ("noise", "has no noise"),
            ((), "one or more"),
        ):
            with pytest.raises(RecipeError, match=said):
                batches(data, 9, fields=wrong)
