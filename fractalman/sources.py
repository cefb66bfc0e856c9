"""What people type where a recipe, a dataset or a specification is wanted, made into one: the only place that decides.

A *source* is a recipe, a table (dict) of one, a name of the catalogue, a TOML file or TOML text, a dataset file, or a
dataset in memory. The command line and the functions of the package take the same ones and say the same of others.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from fractalman._files import OWN_DATA, at_home, other_data
from fractalman.catalogue import catalogue_names, catalogue_recipe, catalogue_text, no_such_name
from fractalman.catalogue.studies import study_names, study_text
from fractalman.errors import RecipeError
from fractalman.recipes import Recipe, from_dict, from_toml
from fractalman.toml_text import read_toml

if TYPE_CHECKING:
    from fractalman.datasets.coarse import CoarseDataset
    from fractalman.datasets.file import File
    from fractalman.datasets.memory import Dataset

RecipeSource: TypeAlias = Union[Recipe, Mapping[str, Any], str, "os.PathLike[str]", "Dataset", "CoarseDataset", "File"]
"""A recipe, or whatever says which recipe is meant."""
EXPECTED = "a recipe, its table as a dict, a catalogue name, a TOML file, a dataset file or a dataset"
_HDF5 = (b"fractalman-dataset ", b"\x89HDF\r\n\x1a\n")
"""How a file that is no TOML begins: with our header, or with HDF5's."""


def is_file(name: str | os.PathLike[str]) -> bool:
    """Whether a word names a file rather than an entry of the catalogue.

    Examples
    --------
    >>> is_file("recipe.toml"), is_file("cascade-plain")
    (True, False)
    """
    if not isinstance(name, str):
        return True
    if name.endswith(".toml") or os.sep in name:
        return True
    path = Path(name)
    try:  # a run's folder may be called like what was run
        return path.exists() and bool(name) and not (path.is_dir() and name in _every_name())
    except OSError:  # too long for a file's name
        return False


def _every_name() -> list[str]:
    return [*catalogue_names(), *study_names()]


def is_dir(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a folder; False for what can be no path."""
    try:
        return Path(path).is_dir()
    except OSError:
        return False


def is_dataset_file(name: str | os.PathLike[str]) -> bool:
    """Whether a path names a dataset file rather than TOML: its first bytes are our header or HDF5's."""
    path = Path(name)
    try:
        if not path.is_file():  # a pipe would wait for ever
            return False
        with path.open("rb") as file:
            return file.read(len(_HDF5[0])).startswith(_HDF5)
    except OSError:
        return False


def resolve(source: RecipeSource) -> Recipe | Dataset | CoarseDataset | File:
    """Return the recipe or the data that a source means.

    Parameters
    ----------
    source : Recipe, dict, str, path, Dataset or File
        A recipe; its table as a dict; a catalogue name; the path of a TOML file; TOML text (a str with a newline); the
        path of a dataset file; a dataset or open file.

    Returns
    -------
    Recipe, Dataset, CoarseDataset or File
        Data where data were given (a path is opened, to be closed by the caller), else the recipe.

    Raises
    ------
    RecipeError
        For anything else, with the nearest catalogue name or keyword.

    Examples
    --------
    >>> resolve({"family": "cascade", "n_points": 100}) == resolve('[recipe]\\nfamily = "cascade"\\nn_points = 100\\n')
    True
    """
    return _resolve(source, data=True)


def _resolve(source: RecipeSource, data: bool) -> Recipe | Dataset | CoarseDataset | File:
    """`resolve`; ``data`` says what a file is taken for that is neither TOML nor a dataset, in the message about it."""
    if isinstance(source, Recipe):
        return source
    if isinstance(source, Mapping):
        return from_dict(_table(source))
    if isinstance(source, (str, os.PathLike)):
        return _named(source, data)
    if isinstance(getattr(source, "recipe", None), Recipe):
        return source if hasattr(source, "y") else source.recipe  # a prediction means what it is of
    use = "fm.Cascade(n_points=1000)"
    if hasattr(source, "shape") or hasattr(source, "columns"):
        use = f"{use}; of points of your own fm.predict_own_data(X, y), fm.measure.dimension(X)"
    raise RecipeError(f"found {type(source).__name__}: expected {EXPECTED}; use e.g. {use}")


def recipe_of(source: RecipeSource) -> Recipe:
    """Return the recipe that a source means: of data, what they were made from; errors as for `resolve`.

    Examples
    --------
    >>> recipe_of({"family": "cascade", "n_points": 100}).n_points
    100
    """
    found = _resolve(source, data=False)
    if isinstance(found, Recipe):
        return found
    recipe, part = found.recipe, getattr(found, "origin", None) is not None
    if found is not source:
        close(found)
    if part:
        raise RecipeError(
            "these data are a subset, and no recipe makes it: expected a recipe or a whole dataset; use "
            "fractalman.rebuild to make the file again, or the recipe of the whole"
        )
    return recipe


def spec_of(source: Any, command: str = "") -> Any:
    """Return the specification that a name of the catalogue or of its studies means; what is no name comes back as is.

    Parameters
    ----------
    source : str, path or dict
        A catalogue name, a study's name, TOML text, the path of a TOML file, or tables.
    command : str, default ""
        Which asks: a study's name may be typed without it, "text-transformer" for "granularity-text-transformer".

    Raises
    ------
    RecipeError
        For a word that is neither a file nor a name, with the nearest; for a folder or a dataset file.

    Examples
    --------
    >>> "[sweep]" in spec_of("quickstart-cascade")
    True
    """
    if isinstance(source, Recipe):
        raise RecipeError('found a recipe: expected a specification; use e.g. {"recipe": recipe, "sweep": {…}}')
    if not isinstance(source, (str, os.PathLike)) or (isinstance(source, str) and "\n" in source):
        return source
    if is_file(source) and not (f"{command}-{source}" in study_names() and Path(source).is_dir()):
        if is_dir(source):
            raise RecipeError(f"{source or repr(source)} is a folder: expected a TOML file, or a name of the catalogue")
        if is_dataset_file(source):
            raise RecipeError(
                f"{source} is a dataset file: expected a specification; use a TOML file that says what to run, or a "
                "name of the catalogue"
            )
        _refuse_other_data(
            source,
            "a TOML file, or a name of the catalogue",
            f'; a study reads points of your own where its TOML says [data] file = "{source}", or beside --network',
        )
        return Path(source)
    name = os.fspath(source)
    for known in (name, f"{command}-{name}"):
        if known in study_names():
            return _with_file(known, study_text(known))
    if name in catalogue_names():
        return catalogue_text(name)
    raise RecipeError(no_such_name(name, [*catalogue_names(), *study_names()]))


def specified_recipe(given: Any) -> Recipe:
    """Return the recipe of a specification: a table [recipe], or whatever `recipe_of` takes, a file's path among them.

    Parameters
    ----------
    given : dict, str, path, Recipe, Dataset or File
        What stands at the key ``recipe``.

    Raises
    ------
    RecipeError
        For anything else, with every mistake of a table.

    Examples
    --------
    >>> specified_recipe("cascade-plain").family
    'cascade'
    """
    if isinstance(given, Mapping):
        return from_dict(_table(given))
    named = isinstance(given, (str, os.PathLike, Recipe)) or isinstance(getattr(given, "recipe", None), Recipe)
    return recipe_of(given) if named else from_dict(given)


def close(data: Any) -> None:
    """Close what is a file; leave everything else as it is."""
    closing = getattr(data, "close", None)
    if closing is not None:
        closing()


def _table(source: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keywords, also where they stand in a table [recipe] as in a TOML file."""
    inner = source.get("recipe")
    return inner if "family" not in source and isinstance(inner, Mapping) else source


def _named(source: str | os.PathLike[str], data: bool) -> Recipe | File:
    if isinstance(source, str) and "\n" in source:
        return from_toml(source)
    if not is_file(source):
        return catalogue_recipe(os.fspath(source))
    if is_dir(source):
        raise RecipeError(
            f"{source or repr(source)} is a folder: expected a TOML file with a table [recipe], or a catalogue name"
        )
    if is_dataset_file(source) or (data and Path(source).suffix.lower() in (".h5", ".hdf5")):
        from fractalman.datasets.file import open_file

        return open_file(source)
    _refuse_other_data(source, EXPECTED)
    tables = read_toml(Path(source))
    named = tables.get("recipe")  # of the catalogue: a file that named files could name itself
    return catalogue_recipe(named) if isinstance(named, str) else from_toml(Path(source))


def _with_file(name: str, text: str) -> str:
    """The text of a study of the catalogue; RecipeError where it reads a file that is not here, with what makes it."""
    file = tomllib.loads(text).get("data", {}).get("file")
    if file is not None and not Path(at_home(file)).exists():
        about = text.partition("\n")[0].removeprefix("#").strip()
        raise RecipeError(f"{name} reads {file}, which is not in this folder; {about}")
    return text


def _refuse_other_data(path: str | os.PathLike[str], expected: str, more: str = "") -> None:
    """Refuse a file whose ending says that it holds points or a table, and say what reads it."""
    ending = other_data(path)
    if ending and Path(path).exists():
        raise RecipeError(
            f"{path} ends in {ending}, so it is a file of points or a table: expected {expected}; {OWN_DATA}{more}"
        )
