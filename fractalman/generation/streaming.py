"""Streams without end: points in superposition, batch by batch, each a function of its number; nothing is stored.

The recipe's hierarchy is drawn once. Row e·n + p is point p in pass e: in pass 0 the dataset's own row, in later ones
the same subclusters with magnitudes and noise of their own. Each pass has its own order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._typing import F32, I64
from fractalman.config import is_integer, shown
from fractalman.datasets.dictionary import superposition_of
from fractalman.display import Display, Summary
from fractalman.display.summary import count
from fractalman.errors import RecipeError
from fractalman.generation import augment
from fractalman.generation.composer import structure
from fractalman.generation.memory import check_memory
from fractalman.random.streams import Role, key64, permutation
from fractalman.recipes import Recipe
from fractalman.sources import RecipeSource, recipe_of

_LAST_ROW = 1 << 62


class Stream(Display):
    """Batches without end, made by `stream`.

    Iterating yields batches start, start + step, …; `batch` returns any of them by itself.

    Parameters
    ----------
    recipe : Recipe
        With ``embedding="superposition"``.
    batch_size : int
        Rows of a batch.
    seed : int
        Of the order of rows.
    start, step : int
        Numbers of the batches that iterating yields.
    """

    def __init__(self, recipe: Recipe, batch_size: int, seed: int, start: int, step: int) -> None:
        check_memory(recipe)
        made = structure(recipe)
        if made.hierarchy is None:
            raise TypeError(f"a structure of {recipe.family} came without its hierarchy")
        self.recipe, self.batch_size, self.seed, self.start, self.step = recipe, batch_size, seed, start, step
        self.n_points = int(made.y.size)
        self._features = superposition_of(recipe, made.hierarchy)
        self._pass, self._order = -1, np.empty(0, np.int64)

    def rows(self, k: int) -> I64:
        """Return the numbers of a batch's rows.

        Parameters
        ----------
        k : int
            Number of the batch, from 0 up.

        Returns
        -------
        (batch_size,) int64
            Pass × n_points + point.

        Raises
        ------
        RecipeError
            For a number below 0, or too large for 64 bits.
        """
        if not is_integer(k) or not 0 <= int(k) < _LAST_ROW // self.batch_size:
            raise RecipeError(
                f"batch {shown(k)}: expected a whole number from 0 to below {_LAST_ROW // self.batch_size}"
            )
        n = self.n_points
        places = np.arange(int(k) * self.batch_size, (int(k) + 1) * self.batch_size)
        passes = places // n
        rows = passes * n
        for e in range(int(passes[0]), int(passes[-1]) + 1):
            here = passes == e
            rows[here] += self._order_of(e)[places[here] - e * n]
        return rows

    def _order_of(self, e: int) -> I64:
        if e != self._pass:
            self._pass, self._order = e, permutation(key64(self.seed, Role.READ_ORDER, e), self.n_points)
        return self._order

    def X(self, rows: I64) -> F32:
        """Return the coordinates of rows by their numbers.

        Parameters
        ----------
        rows : (b,) int64
            Numbers, from 0 up.

        Returns
        -------
        (b, d) float32
            Rows below n_points are those of ``fm.generate(recipe)``.
        """
        numbers = np.asarray(rows, np.int64)
        return augment.coordinates(self.recipe, numbers, self._features.numbered_rows(numbers % self.n_points, numbers))

    def codes(self, rows: I64) -> Any:
        """Return the true magnitudes of rows by their numbers.

        Parameters
        ----------
        rows : (b,) int64
            Numbers, from 0 up.

        Returns
        -------
        (b, m) scipy.sparse.csr_array, float64
            Features as in ``fm.generate(recipe).dictionary(feature_min_size)``.
        """
        numbers = np.asarray(rows, np.int64)
        return self._features.numbered_codes(numbers % self.n_points, numbers)

    def batch(self, k: int) -> F32:
        """Return the coordinates of one batch.

        Parameters
        ----------
        k : int
            Number of the batch, from 0 up.

        Returns
        -------
        (batch_size, d) float32
            Points.
        """
        return self.X(self.rows(k))

    def __iter__(self) -> Iterator[F32]:
        k = self.start
        while True:
            yield self.batch(k)
            k += self.step

    def _summary(self) -> Summary:
        rows = [
            ("batches", f"{self.start}, {self.start + self.step}, … without end, {count(self.batch_size, 'row')} each"),
            ("recipe", repr(self.recipe)),
        ]
        return Summary(f"Stream of {self.recipe.family}: from {count(self.n_points, 'point')}", rows)


@checked_arguments
def stream(recipe: RecipeSource, batch_size: int = 256, *, seed: int = 0, start: int = 0, step: int = 1) -> Stream:
    """Return points in superposition as batches without end, for training; the same for any number of workers.

    Parameters
    ----------
    recipe : Recipe, dict, str or path
        With ``embedding="superposition"``; its n_points are the memberships that batches draw from.
    batch_size : int, default 256
        Rows of a batch.
    seed : int, default 0
        Of the order of rows.
    start, step : int, default 0 and 1
        Iterating yields batches start, start + step, …: worker w of W takes ``start=w, step=W``.

    Returns
    -------
    Stream
        ``batch(k)`` is a function of recipe, batch_size, seed and k alone.

    Raises
    ------
    RecipeError
        For a recipe without superposition, and numbers out of range.
    ResourceError
        Where the hierarchy does not fit in memory.

    Notes
    -----
    Memory is that of the hierarchy, whatever the number of batches. Without noise and with magnitudes that are the
    feature's own (``feature_magnitude`` other than "folded-normal") all passes repeat the same points in new orders.

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = fm.Cascade(n_points=512, ambient_dim=16, embedding="superposition", feature_magnitude="folded-normal")
    >>> points = fm.stream(recipe, batch_size=64)
    >>> points.batch(3_000_000).shape
    (64, 16)
    """
    checked = recipe_of(recipe)
    if not checked.superposes:
        raise RecipeError(
            f"a stream of {checked.family} with embedding = {checked.embedding!r}: expected points in superposition; "
            'use embedding="superposition", or fm.batches of a dataset'
        )
    for name, value, low in (("batch_size", batch_size, 1), ("start", start, 0), ("step", step, 1)):
        if not is_integer(value) or not low <= int(value) < 1 << 31:
            raise RecipeError(f"{name} = {shown(value)}: expected a whole number from {low} to below {1 << 31}")
    if not is_integer(seed) or not 0 <= int(seed) < 1 << 63:
        raise RecipeError(f"seed = {shown(seed)}: expected a whole number from 0 to below {1 << 63}")
    return Stream(checked, int(batch_size), int(seed), int(start), int(step))
