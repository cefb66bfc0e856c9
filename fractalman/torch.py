"""PyTorch datasets over fractalman's (it is installed by ``pip install torch``).

>>> import fractalman as fm
>>> import fractalman.torch, torch
>>> path = fm.write(fm.Cascade(n_points=512, ambient_dim=4), "cascade.h5")
>>> batches = fractalman.torch.BatchDataset("cascade.h5", 256, seed=1)
>>> loader = torch.utils.data.DataLoader(batches, batch_size=None)
>>> sum(len(X) for X, y in loader)
512

A file is opened by every worker process for itself, whether it was spawned or forked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fractalman._typing import AnyInt
from fractalman.datasets.handle import FileHandle
from fractalman.datasets.memory import Dataset
from fractalman.datasets.shuffled import BUFFER_BYTES, LATENTS, Batches, Points, batches
from fractalman.errors import MissingExtraError, RecipeError

try:
    import torch
    from torch.utils.data import Dataset as MapDataset
    from torch.utils.data import IterableDataset, get_worker_info
except ImportError as error:
    raise MissingExtraError(
        f"fractalman.torch needs PyTorch, which cannot be imported ({error}); use pip install torch"
    ) from None

__all__ = ["BatchDataset", "PointDataset"]


def _points(source: str | os.PathLike[str] | Dataset) -> Points:
    return FileHandle(source) if isinstance(source, (str, os.PathLike)) else source


class PointDataset(MapDataset):  # type: ignore[misc]
    """Map-style: item i is (X[i], y[i]), (d,) float32 and a number.

    A `DataLoader` fetches the items of a batch in one call, every chunk of the file once; in random order that is still
    about one chunk per item, hundreds of times slower than `BatchDataset`. Meant for small files and for looking.

    Parameters
    ----------
    source : str, path or Dataset
        A dataset file, or a dataset in memory.
    rows : (m,) int or None, default None
        Item i is row rows[i]; None = all rows in order.
    label_dtype : torch.dtype, default torch.float32
        Of y.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | Dataset,
        rows: AnyInt | Sequence[int] | None = None,
        label_dtype: torch.dtype = torch.float32,
    ) -> None:
        self._source, self._dtype = _points(source), label_dtype
        n = int(self._source.y.shape[0])
        self._rows = np.arange(n) if rows is None else np.asarray(rows, np.int64)
        if self._rows.ndim != 1 or (self._rows.size and not 0 <= self._rows.min() <= self._rows.max() < n):
            raise RecipeError(f"rows of shape {self._rows.shape}: expected (m,) row numbers from 0 to {n - 1}")

    def __len__(self) -> int:
        return int(self._rows.size)

    def __getitem__(self, item: int) -> tuple[Any, Any]:
        return self.__getitems__([item])[0]

    def __getitems__(self, items: Sequence[int]) -> list[tuple[Any, Any]]:
        """Return several items; PyTorch's fetchers call this with a whole batch."""
        rows = self._rows[np.asarray(items, np.int64)]
        X, y = torch.from_numpy(self._source.X[rows]), torch.from_numpy(self._source.y[rows]).to(self._dtype)
        return list(zip(X, y, strict=True))


class BatchDataset(IterableDataset):  # type: ignore[misc]
    """Iterable-style: whole shuffled batches of one epoch, by default X (batch_size, d) float32 and y (batch_size,).

    Items are batches already, so give a `DataLoader` ``batch_size=None``. Worker w of W makes the batches w, w + W, …,
    and the loader takes them in turn: whatever the number of workers, the batches are those of `fractalman.batches`, in
    its order, without overlap. Every worker reads the whole file (the system's cache serves all but the first) and
    holds one buffer.

    Parameters
    ----------
    source : str, path or Dataset
        A dataset file, or a dataset in memory.
    batch_size, seed, epoch, start, rows, drop_last, buffer_bytes, fields, latents
        As in `fractalman.batches`; ``start`` resumes. With ``fields=("X", "y", "latents")`` a batch also says which of
        the 1000 largest subclusters its points lie in, (batch_size, latents) float32 of zeros and ones.
    label_dtype : torch.dtype, default torch.float32
        Of y and of every other field of floats but X.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | Dataset,
        batch_size: int,
        *,
        seed: int = 0,
        epoch: int = 0,
        start: int = 0,
        rows: AnyInt | Sequence[int] | None = None,
        drop_last: bool = False,
        buffer_bytes: int = BUFFER_BYTES,
        label_dtype: torch.dtype = torch.float32,
        fields: Sequence[str] = ("X", "y"),
        latents: int | None = LATENTS,
    ) -> None:
        self._source, self._dtype = _points(source), label_dtype
        self._arguments: dict[str, Any] = {
            "batch_size": batch_size, "seed": seed, "rows": rows, "drop_last": drop_last, "buffer_bytes": buffer_bytes,
            "fields": fields, "latents": latents,
        }  # fmt: skip
        self._place = torch.zeros(2, dtype=torch.int64).share_memory_()  # persistent workers see it change
        self.set_epoch(epoch, start)

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Say which epoch the next pass is, and its first batch; also reaches workers that persist."""
        self._batches(epoch, start, 1)  # refuses what cannot be
        self._place[0], self._place[1] = epoch, start

    def _batches(self, epoch: int, start: int, step: int) -> Batches:
        return batches(self._source, epoch=epoch, start=start, step=step, **self._arguments)

    def __len__(self) -> int:
        epoch, start = self._place.tolist()
        return len(self._batches(epoch, start, 1))

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        epoch, start = self._place.tolist()
        info = get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        first = min(start + worker, start + len(self))  # a worker may have nothing to do
        for columns in self._batches(epoch, first, workers):
            yield tuple(self._tensor(column) for column in columns)

    def _tensor(self, column: Any) -> Any:
        """One field of a batch; sparse latents become a table, of which a batch is small."""
        if hasattr(column, "toarray"):
            return torch.from_numpy(column.toarray()).to(self._dtype)
        tensor = torch.from_numpy(column)
        return tensor.to(self._dtype) if column.dtype == np.float64 else tensor
