"""Every error that fractalman raises on purpose: what was found, what is expected, what to use; one mistake a line."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Collection, Iterable
from typing import Any

__all__ = [
    "ArgumentError",
    "CorruptFileError",
    "EnvironmentChangedWarning",
    "FileFormatError",
    "FitError",
    "FractalmanError",
    "IncompleteFileError",
    "LeftoverWarning",
    "MissingArgumentError",
    "MissingExtraError",
    "RecipeError",
    "ResourceError",
    "TooNewError",
    "TooOldError",
    "check_keywords",
    "nearest",
    "unknown_keywords",
]


class FractalmanError(Exception):
    """Base class: the request could not be met, and the message says why in one line."""


class RecipeError(FractalmanError, ValueError):
    """A recipe, specification or argument that cannot be: the message names the key and what is expected.

    Several mistakes are its ``args``, one each; as text they stand in one line.
    """

    def __str__(self) -> str:
        return "; ".join(map(str, self.args))


class ArgumentError(RecipeError, TypeError):
    """A call with an argument too many, or with one twice; a TypeError as well, which Python raises for it."""


class MissingArgumentError(ArgumentError):
    """A call without an argument that it needs."""


class ResourceError(FractalmanError):
    """The work would not fit: the message names the bytes needed, the limit and the alternative."""


class MissingExtraError(FractalmanError, ImportError):
    """An optional dependency is absent: the message names the command that installs it."""


class FitError(FractalmanError, ValueError):
    """A fit that the data cannot support."""


class FileFormatError(FractalmanError):
    """A file that is not an intact fractalman file."""


class TooNewError(FileFormatError):
    """The file's major format version is newer than this package reads."""


class TooOldError(FileFormatError):
    """The file's major format version is older than this package reads."""


class IncompleteFileError(FileFormatError):
    """The file was never finished."""


class CorruptFileError(FileFormatError):
    """The file contradicts its own contract."""


class EnvironmentChangedWarning(UserWarning):
    """A run goes on, or was done, with several versions of what can change its last digits: the message names them."""


class LeftoverWarning(UserWarning):
    """A killed run has left a partial file beside a target: the message names it and the command that removes it."""


SYNONYMS: dict[str, tuple[str, ...]] = {
    "knn": ("k-nn", "1-nn"),
    "nn": ("1-nn", "k-nn"),
    "1nn": ("1-nn",),
    "nearest-neighbour": ("1-nn", "k-nn"),
    "nearest-neighbor": ("1-nn", "k-nn"),
    "krr": ("laplace-kernel", "gaussian-kernel", "matern-kernel", "ntk-kernel"),
    "kernel-ridge": ("laplace-kernel", "gaussian-kernel", "matern-kernel", "ntk-kernel"),
    "kernel": ("laplace-kernel", "gaussian-kernel", "matern-kernel", "ntk-kernel"),
    "rbf": ("gaussian-kernel",),
    "rbf-kernel": ("gaussian-kernel",),
    "gp": ("laplace-kernel", "gaussian-kernel", "matern-kernel"),
    "ntk": ("ntk-kernel",),
    "tangent-kernel": ("ntk-kernel",),
    "rff": ("random-features",),
    "linear": ("ridge",),
    "linear-regression": ("ridge",),
    "ols": ("ridge",),
    "boosting": ("gradient-boosting",),
    "gbm": ("gradient-boosting",),
    "xgboost": ("gradient-boosting",),
    "ngram": ("n-gram",),
    "bigram": ("n-gram",),
    "trigram": ("n-gram",),
    "markov": ("n-gram",),
    "nn-mlp": ("mlp",),
    "percolationdataset": ("percolation-ensemble", "percolation-cluster", "brill-cluster-1e4", "ensemble-number-1e4"),
    "one-cluster": ("percolation-cluster", "brill-cluster-1e4"),
    "distribution": ("percolation-ensemble", "ensemble-number-1e4"),
    "rhm": ("random-hierarchy-model", "random-hierarchy"),
    "graph": ("geometry",),
    "embed": ("embedding",),
    "value": ("labels",),
    "neural-network": ("mlp",),
    "network": ("mlp",),
    "pca": ("dimension", "dimensions"),
    **dict.fromkeys(("n", "n-samples", "num-points", "num-samples", "samples", "size"), ("n_points",)),
    **dict.fromkeys(("d", "dim", "embed-dim", "n-features", "features"), ("ambient_dim",)),
    **dict.fromkeys(("random-state", "rng", "rng-seed", "seeds"), ("seed",)),
    **dict.fromkeys(("h", "smoothness", "roughness"), ("hurst",)),
    **dict.fromkeys(("b", "arity", "children"), ("branching",)),
    **dict.fromkeys(("r", "ratio", "scale"), ("contraction",)),
    **dict.fromkeys(("sigma", "noise-std", "label-noise"), ("noise",)),
    **dict.fromkeys(("sizes", "n-train", "train-size"), ("train_sizes",)),
    **dict.fromkeys(("replicates", "repeats", "n-seeds"), ("seeds",)),
    **dict.fromkeys(("lr", "eta"), ("learning_rate",)),
    **dict.fromkeys(("epochs", "iterations", "max-iter"), ("steps",)),
    **dict.fromkeys(("hidden", "hidden-size", "hidden-dim"), ("width",)),
    **dict.fromkeys(("load", "read"), ("open", "info")),
    "open": ("info",),
    **dict.fromkeys(("save", "to-hdf5", "dump"), ("write", "generate")),
    **dict.fromkeys(("sample", "make", "create", "simulate", "new"), ("generate",)),
    **dict.fromkeys(("sweep", "train", "run", "experiment", "test"), ("confirm",)),
    **dict.fromkeys(("fit", "scaling", "dimension", "intrinsic-dimension"), ("measure", "dimension")),
    **dict.fromkeys(("show", "view", "look", "describe"), ("info", "explore")),
    **dict.fromkeys(("head", "cat", "inspect", "print", "peek"), ("info",)),
    **dict.fromkeys(("plot", "draw", "browse", "visualize", "visualise", "render"), ("explore", "info")),
    **dict.fromkeys(("hf", "datasets", "hub"), ("huggingface",)),
    **dict.fromkeys(("csv", "pandas", "polars", "table", "feather", "arrow"), ("parquet",)),
    **dict.fromkeys(("xarray", "dask"), ("zarr",)),
    **dict.fromkeys(("npz", "numpy"), ("percolation",)),
    **dict.fromkeys(("scanpy", "h5ad"), ("anndata",)),
    **dict.fromkeys(("check", "validate"), ("verify",)),
    **dict.fromkeys(("sae", "dictionary", "autoencoder"), ("recovery",)),
    **dict.fromkeys(("convert",), ("export",)),
    **dict.fromkeys(("ls", "catalog", "catalogue", "names"), ("list", "catalogue_names")),
}
"""What other tools call a thing → what it is called here; only for suggestions."""

_MOST_SUGGESTIONS = 4


def nearest(word: object, allowed: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the allowed words closest to a word that is none of them.

    Parameters
    ----------
    word : object
        What was typed; nothing is close to what is no short text.
    allowed : iterable of str
        What could have been typed.

    Returns
    -------
    str
        What another tool's word means here, else up to four words that begin with it, else a spelling mistake's
        nearest match, else words that hold it; "" when nothing is close.

    Examples
    --------
    >>> nearest("ridgee", ["ridge", "1-nn"])
    "; did you mean 'ridge'?"
    >>> nearest("brill", ["brill-cluster-1e3", "brill-cluster-1e4", "sphere-1e3"])
    "; did you mean 'brill-cluster-1e3' or 'brill-cluster-1e4'?"
    >>> nearest("krr", ["1-nn", "laplace-kernel", "gaussian-kernel"])
    "; did you mean 'laplace-kernel' or 'gaussian-kernel'?"
    """
    if not isinstance(word, str) or len(word) > 200:
        return ""
    spelt: dict[str, str] = {}
    for name in allowed:  # of a function and a class of one name the function is meant
        if name.lower() not in spelt or name.islower():
            spelt[name.lower()] = name
    typed = word.lower()
    found = [name for name in SYNONYMS.get(typed.replace("_", "-").replace(" ", "-"), ()) if name in spelt]
    if not found and len(typed) >= 3:
        found = [name for name in spelt if name.startswith(typed)]
    if not found:
        found = difflib.get_close_matches(typed, list(spelt), n=1, cutoff=0.75)
    if not found and len(typed) >= 3:
        found = [name for name in spelt if typed in name]
    if not found:
        found = difflib.get_close_matches(typed, list(spelt), n=1, cutoff=0.6)
    if not found:
        return ""
    words = [repr(spelt[name]) for name in found[:_MOST_SUGGESTIONS]]
    return f"; did you mean {', '.join(words[:-1])}{' or ' if len(words) > 1 else ''}{words[-1]}?"


def unknown_keywords(
    what: str, given: Iterable[Any], allowed: Collection[str], where: str = "", ignored: Collection[str] = ()
) -> list[str]:
    """Return one line for every keyword that is none of the allowed ones, with its nearest match.

    Parameters
    ----------
    what : str
        What the message calls it.
    given : iterable of str
        What was typed.
    allowed : collection of str
        What could have been typed.
    where : str, default ""
        Stands before every keyword, e.g. "recipe.".
    ignored : collection of str, default ()
        Keywords that are not looked at.

    Returns
    -------
    list of str
        [] where all are allowed.

    Examples
    --------
    >>> unknown_keywords("key", ["graph"], ["geometry", "labels"], "seed.")
    ["unknown key seed.graph: expected geometry, labels; did you mean 'geometry'?"]
    """
    return [
        f"unknown {what} {where}{key}: expected {', '.join(allowed)}{nearest(key, allowed)}"
        for key in given
        if key not in allowed and key not in ignored
    ]


def check_keywords(cls: type, positional: tuple[Any, ...], keywords: Collection[str]) -> None:
    """Refuse what a keyword-only dataclass does not take, with the nearest match, and a call without what it needs.

    Parameters
    ----------
    cls : type
        The dataclass.
    positional : tuple
        Arguments without a name.
    keywords : collection of str
        Names of the others.

    Raises
    ------
    RecipeError
        One line for everything that is wrong.
    MissingArgumentError
        Where one is missing.
    """
    names = [field.name for field in dataclasses.fields(cls) if field.init]
    problems = unknown_keywords("keyword", keywords, names, f"{cls.__name__}.")
    if positional:
        example = f"{cls.__name__}({names[0]}={positional[0]!r:.60})"
        problems.insert(0, f"{cls.__name__} takes keywords only: found {len(positional)} without a name; use {example}")
    if problems:
        raise RecipeError("\n".join(problems))
    missing = [
        field.name
        for field in dataclasses.fields(cls)
        if field.init
        and field.name not in keywords
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        words = ", ".join(f"{name}=…" for name in missing)
        raise MissingArgumentError(f"without {', '.join(missing)}: expected {cls.__name__}({words})")
