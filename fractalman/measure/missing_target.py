"""What is said of a file of points in which no target was found: which of its names may be the one."""

from __future__ import annotations

from pathlib import Path

from fractalman.config import listed
from fractalman.errors import RecipeError
from fractalman.measure.columns import is_loss_table
from fractalman.measure.table_files import read_cells, table_kind

_MOST = 12


def missing_target(path: str | Path) -> RecipeError:
    """Return the error about a readable file of points without a target, with the names that are in it.

    Parameters
    ----------
    path : str or Path
        As for `read_user_points`, which read it.

    Returns
    -------
    RecipeError
        To be raised; of a table of losses it names the command that takes those.

    Examples
    --------
    >>> import numpy as np
    >>> np.savez("points.npz", X=np.zeros((4, 2)), loss=np.zeros(4))
    >>> str(missing_target("points.npz")).partition(";")[0]
    'points.npz holds X, loss and no target: expected y, label or target'
    """
    file, names = Path(path), list[str]()
    if table_kind(file) is not None:
        cells = read_cells(file)
        if is_loss_table(cells):
            return RecipeError(
                f"{path} looks like a table of losses, and points with a target are expected here; use "
                f"fractalman measure --scaling {path}"
            )
        names = list(cells.names)
    elif file.suffix.lower() == ".npz":
        import zipfile

        with zipfile.ZipFile(file) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
    if not names:
        return RecipeError(
            f"{path} holds no target: expected y, label or target; use --target with the name of another array or "
            "column, or with a .npy file"
        )
    return RecipeError(
        f"{path} holds {listed(names, _MOST)} and no target: expected y, label or target; use --target with one of "
        "these names, or a .npy file"
    )
