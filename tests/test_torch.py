"""PyTorch datasets: the same batches for any number of workers, spawned or forked. Skipped where PyTorch is absent."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handmade import Columns, columns, recipe

import fractalman as fm
from fractalman.datasets.memory import split_indices
from fractalman.datasets.writer import write_columns
from fractalman.errors import RecipeError

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'fractalman[torch]'")

from torch.utils.data import DataLoader  # noqa: E402

from fractalman.torch import BatchDataset, PointDataset  # noqa: E402

pytestmark = [
    # from Python 3.12 on forking beside threads is warned of; here no thread holds anything
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*fork:RuntimeWarning"),  # JAX says so, where another test has imported it
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),  # more workers than processors
]
N, SOME = 1500, {"seed": 4, "epoch": 2, "buffer_bytes": 1_500_000}


@pytest.fixture(scope="module")
def made() -> Columns:
    return columns((1200, 299, 1), 701, level=False, noise=False)


@pytest.fixture(scope="module")
def path(made: Columns, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_columns(tmp_path_factory.mktemp("torch") / "wide.h5", made, recipe=recipe(made))


def test_a_loader_gives_the_latents_too(tmp_path: Path) -> None:
    stored = fm.write(fm.Cascade(n_points=600, ambient_dim=8), tmp_path / "cascade.h5")
    fields = {"fields": ("X", "y", "latents"), "latents": 20}
    loader = DataLoader(BatchDataset(stored, 64, seed=3, **fields), batch_size=None)
    for (X, y, latents), (X_wanted, y_wanted, wanted) in zip(
        loader, fm.batches(stored, 64, seed=3, **fields), strict=True
    ):
        np.testing.assert_array_equal(X.numpy(), X_wanted)
        np.testing.assert_array_equal(y.numpy(), y_wanted.astype(np.float32))
        assert latents.dtype == torch.float32
        assert latents.shape == (len(X), 20)
        np.testing.assert_array_equal(latents.numpy(), wanted.toarray())


def same(found: Iterable[Any], wanted: Iterable[Any]) -> None:
    """Every batch of a loader is the NumPy batch, in the same order, and none is missing."""
    for (X, y), (X_wanted, y_wanted) in zip(found, wanted, strict=True):
        assert X.dtype == torch.float32
        np.testing.assert_array_equal(X.numpy(), X_wanted)
        np.testing.assert_array_equal(y.numpy(), y_wanted.astype(np.float32), strict=True)


@pytest.mark.parametrize(("method", "workers"), [(None, 0), ("fork", 1), ("fork", 2), ("fork", 3), ("spawn", 2)])
def test_batches_do_not_depend_on_the_workers(path: Path, method: str | None, workers: int) -> None:
    dataset = BatchDataset(path, 64, **SOME)
    dataset._source.X[:3]  # the parent has the file open when it forks
    loader = DataLoader(dataset, batch_size=None, num_workers=workers, multiprocessing_context=method)
    with fm.open(path) as f:  # and a second time, by hand
        assert len(loader) == 24
        same(loader, fm.batches(f, 64, **SOME))
        np.testing.assert_array_equal(dataset._source.X[:3], f.X[:3])  # the parent reads on


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_resumes_at_a_number_and_workers_that_persist_hear_of_the_next(path: Path, workers: int) -> None:
    train = split_indices(N, 1000, 300, seed=0)[0]
    dataset = BatchDataset(path, 64, rows=train, drop_last=True, start=11, **SOME)
    context = "fork" if workers else None
    loader = DataLoader(
        dataset, batch_size=None, num_workers=workers, multiprocessing_context=context, persistent_workers=workers > 0
    )
    with fm.open(path) as f:
        arguments = {**SOME, "rows": train, "drop_last": True}
        assert len(dataset) == 4
        same(loader, fm.batches(f, 64, start=11, **arguments))
        for epoch, start in ((3, 0), (4, 14), (5, 15)):
            dataset.set_epoch(epoch, start)
            assert len(dataset) == 15 - start
            same(loader, fm.batches(f, 64, start=start, **{**arguments, "epoch": epoch}))
    with pytest.raises(RecipeError, match="use epoch = 7"):
        dataset.set_epoch(6, 16)


def test_a_dataset_in_memory_and_a_pickled_one_give_the_same(path: Path, made: Columns) -> None:
    with fm.open(path) as f:
        memory = f.dataset()
        wanted = list(fm.batches(f, 100, **SOME))
    same(BatchDataset(memory, 100, **SOME), wanted)
    same(pickle.loads(pickle.dumps(BatchDataset(path, 100, **SOME))), wanted)
    exact = next(iter(BatchDataset(path, 100, label_dtype=torch.float64, **SOME)))[1]
    np.testing.assert_array_equal(exact.numpy(), wanted[0][1], strict=True)
    points = pickle.loads(pickle.dumps(PointDataset(path)))
    np.testing.assert_array_equal(points[N - 1][0].numpy(), made["X"][-1])


@pytest.mark.parametrize(("method", "workers"), [(None, 0), ("fork", 2), ("spawn", 1)])
def test_points_are_those_of_the_file(path: Path, made: Columns, method: str | None, workers: int) -> None:
    rows = split_indices(N, 200, 300, seed=0)[1]
    dataset = PointDataset(path, rows)
    assert len(dataset) == 300
    X, y = dataset[7]
    assert X.shape == (701,)
    assert y.shape == ()
    np.testing.assert_array_equal(X.numpy(), made["X"][rows[7]])
    loader = DataLoader(dataset, batch_size=32, shuffle=True, num_workers=workers, multiprocessing_context=method,
                        generator=torch.Generator().manual_seed(3))  # fmt: skip
    seen = np.concatenate([y.numpy() for _, y in loader])
    assert seen.size == 300
    np.testing.assert_array_equal(np.sort(seen), np.sort(made["y"][rows].astype(np.float32)))
    whole = PointDataset(path)
    ordered = torch.cat([X for X, _ in DataLoader(whole, batch_size=500)])
    np.testing.assert_array_equal(ordered.numpy(), made["X"])
    with pytest.raises(IndexError):
        whole[N]
    with pytest.raises(RecipeError, match="row numbers from 0 to 1499"):
        PointDataset(path, [N])


@pytest.mark.parametrize("kind", [BatchDataset, PointDataset])
def test_whatever_names_a_dataset_is_taken(kind: Any, tmp_path: Path) -> None:
    given = fm.Cascade(n_points=96, ambient_dim=4, seed=5)
    data = fm.generate(given)
    table = tmp_path / "cascade.toml"
    table.write_text('[recipe]\nfamily = "cascade"\nn_points = 96\nambient_dim = 4\nseed = 5\n')
    more = (96,) if kind is BatchDataset else ()
    for source in (given, given.to_dict(), data, table, fm.write(given, tmp_path / "cascade.h5")):
        found = kind(source, *more)
        X = next(iter(found))[0] if more else torch.stack([found[i][0] for i in range(len(found))])
        np.testing.assert_array_equal(np.sort(X.numpy(), axis=0), np.sort(data.X, axis=0))


@pytest.mark.parametrize("kind", [BatchDataset, PointDataset])
@pytest.mark.parametrize(
    ("source", "keywords", "words"),
    [
        (7, {}, "expected"),
        ("cascade-plane", {}, "cascade-plain"),
        (fm.Cascade(n_points=96, ambient_dim=4), {"label_dtype": torch.int64}, "label_dtype"),
        (fm.Cascade(n_points=96, ambient_dim=4), {"label_dtype": "float32"}, "label_dtype"),
        (fm.Cascade(n_points=96, ambient_dim=4), {"row": [1]}, "rows"),
    ],
)
def test_what_cannot_be_is_refused(kind: Any, source: Any, keywords: dict[str, Any], words: str) -> None:
    with pytest.raises(fm.FractalmanError, match=words):
        kind(source, *((8,) if kind is BatchDataset else ()), **keywords)
