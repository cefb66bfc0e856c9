"""The table [data] file = "…": points and targets of a file of somebody's arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

import numpy as np

from fractalman._files import digest_of_bytes
from fractalman._typing import F32, F64
from fractalman.errors import FractalmanError, RecipeError
from fractalman.experiments.given.recipe import GivenPoints
from fractalman.measure.user_files import read_points
from fractalman.prediction.own_labels import check_classes
from fractalman.random.keys import Seeds
from fractalman.recipes.checks import Check, choice

TARGETS = ("value", "class")


@lru_cache(maxsize=2)
def _read(file: str, target: str, digest: str) -> tuple[F32, F64]:  # noqa: ARG001 (a changed file is another)
    X, y = read_points(file)
    if y is None:
        raise RecipeError(f"{file} holds no target: expected y in a .npz, or a column y of a .csv")
    if target == "class":
        check_classes(np.asarray(y))
        y = np.unique(y, return_inverse=True)[1].reshape(-1).astype(np.float64)
    else:
        y = (y - y.mean()) / (y.std() or 1.0)
    dense = X.toarray() if hasattr(X, "toarray") else X
    return np.ascontiguousarray(dense, np.float32), np.asarray(y, np.float64)


def digest_of_file(file: str) -> str:
    """Return the SHA-256 of a file's bytes, or of a folder's; RecipeError where it cannot be read."""
    try:
        return digest_of_bytes(file, "a file of points")
    except (OSError, FractalmanError) as error:
        raise RecipeError(f"data.file: {error}") from None


@dataclass(frozen=True, kw_only=True)
class Table(GivenPoints):
    """The points of a file, in the order of the file; every replicate divides them anew.

    Parameters
    ----------
    file : str
        As for `fractalman.measure.read_points`, with a target.
    target : str, default "value"
        "value", in units of its standard deviation, or "class", 0 … C − 1 in the order of the values.
    digest : str, default ""
        Of the file; "" = as it is now.
    seed : int or Seeds, default 0
        Of the divisions.
    """

    family: ClassVar[str] = "table"
    keys: ClassVar[tuple[str, ...]] = ("file", "target", "digest")
    file: str
    digest: str = ""
    target: str | int = "value"
    seed: int | Seeds = 0
    n_points: int | None = field(init=False, default=None)
    ambient_dim: int = field(init=False, default=0)
    _classes: int = field(init=False, default=0)

    _checks: ClassVar[dict[str, Check]] = {
        **GivenPoints._checks,
        "target": choice(*TARGETS),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        here = digest_of_file(self.file)
        if self.digest not in ("", here):
            raise RecipeError(
                f"data.digest is another than that of {self.file}: the file has changed; leave the key out"
            )
        object.__setattr__(self, "digest", here)
        X, y = self.arrays
        for name, value in (("n_points", len(X)), ("ambient_dim", X.shape[1]), ("_classes", int(y.max()) + 1)):
            object.__setattr__(self, name, value)

    @property
    def arrays(self) -> tuple[F32, F64]:
        """Points and targets."""
        return _read(self.file, str(self.target), self.digest)

    @property
    def target_classes(self) -> int:
        """C, 0 where targets are values."""
        return self._classes if self.classifies else 0
