"""--network of the studies: a trained network of somebody's own, or a file of activations, on a file of points.

What is imported is named on the command line alone: no specification and no file of points can have code run.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fractalman
from fractalman._files import as_path
from fractalman.catalogue.studies import study_names
from fractalman.cli.brought import imported_here
from fractalman.cli.options import ARRAY, TARGET
from fractalman.config import Keys, choice, optional, read_table, refuse, shown, text, unknown
from fractalman.errors import FileFormatError, RecipeError
from fractalman.studies.own_specs import OWN, own_specification

_EXPECTED = "MODULE:ATTRIBUTE, or a .npz of activations, e.g. my_nets:model"
_OPTIONS = ("layers", "train", "target", "points")
_RESERVED = {
    *("spec", "out", "force", "progress", "jobs", "scheduler", "shard", "network", "layers", "train", "target"),
    *("hierarchy", "hierarchy_layer", "layer"),
}
_DATA: Keys = {
    "file": (text("the name of a file of points"), None),
    "hierarchy": (optional(choice("ward", "minimum-spanning-tree", "hdbscan", "known")), None),
    "hierarchy_layer": (text("a layer's name"), "input"),
    "layer": (text("a layer's name"), "input"),
    "target": (choice("value", "one-hot"), "value"),
}
"""Keys of [data] beside a network: as the keywords of `fractalman.granularity`."""


def add_own(parser: argparse.ArgumentParser, study: str) -> None:
    """Add the options to a study that takes networks."""
    if study not in OWN:
        return
    group = parser.add_argument_group("a network of your own")
    group.add_argument(
        "--network",
        action="append",
        default=[],
        metavar="PLACE",
        help="MODULE:ATTRIBUTE, imported from where you are: a trained network as fractalman.granularity takes it; or "
        "activations, a .npz with an array for every layer, rows = the points, and 'output'; given several times: "
        "replicates. SPEC is then a file of points, or a TOML file with [data] file = …",
    )
    group.add_argument("--layers", metavar="NAMES", help="of a PyTorch module, by commas, e.g. 0,2 or fc1,fc2")
    group.add_argument("--train", metavar="FILE.npy", help="row numbers, or a mask, of the points that it has seen")
    group.add_argument("--target", metavar="NAME", help=TARGET)
    group.add_argument("--points", metavar="NAME", help=ARRAY)


def own_call(options: argparse.Namespace) -> tuple[Any, dict[str, Any]] | None:
    """Return the points and the keywords of a study's function; None where no network was given."""
    if not getattr(options, "network", None):
        beside = [name for name in _OPTIONS if getattr(options, name, None) is not None]
        if beside:
            raise RecipeError(f"--{beside[0]} belongs to --network: use --network MODULE:ATTRIBUTE, or leave it out")
        return None
    data, table = _tables(options)
    points = _points(data["file"], options, data)
    networks = [_network(place) for place in options.network]
    keywords = {
        "network": networks[0] if len(networks) == 1 else networks,
        "layers": None if options.layers is None else options.layers.split(","),
        "train": None if options.train is None else _rows(options.train),
        **{key: data[key] for key in ("hierarchy", "hierarchy_layer", "target")},
        **({"layer": data["layer"]} if options.command == "granularity" else {}),
        **table,
    }
    return points, keywords


def own_spec(command: str, points: Any, keywords: Mapping[str, Any]) -> Any:
    """Return the specification of points and networks, for a dry run."""
    names = ("target", "hierarchy", "hierarchy_layer", "train", *(("layer",) if command == "granularity" else ()))
    table = {key: value for key, value in keywords.items() if key not in (*names, "network", "layers")}
    chosen = {key: keywords[key] for key in names}
    return own_specification(command, points, keywords["network"], keywords["layers"], chosen, table)


def _tables(options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return [data] with its defaults and the keys of the study's own table, of a TOML file or a file of points."""
    from fractalman.toml_text import read_toml

    name, problems = options.command, list[str]()
    if options.spec in study_names() or f"{name}-{options.spec}" in study_names():
        raise RecipeError(
            f"{options.spec} is a study of the catalogue, which has its own points: beside --network expected a "
            'file of points; use e.g. points.npz, or a TOML file with [data] file = "points.npz"'
        )
    if Path(options.spec).suffix != ".toml":
        data = read_table("data", {"file": options.spec}, _DATA, problems, "")
        refuse(problems)
        return data, {}
    tables = read_toml(as_path(options.spec, "a specification"))
    allowed = ("data", name)
    problems += [unknown("table", key, allowed) for key in tables if key not in allowed]
    data = read_table("data", tables.get("data", {}), _DATA, problems, '[data] file = "points.npz"')
    table = tables.get(name, {})
    if not isinstance(table, Mapping):
        problems.append(f"{name} is {shown(table)}: expected a table [{name}]")
    else:
        problems += [f"{name}.{key} is no key beside --network: leave it out" for key in table if key in _RESERVED]
    if data.get("file") is None:
        problems.append('no points beside --network: expected [data] file; use e.g. [data] file = "points.npz"')
    refuse(problems)
    return data, dict(table)


def _points(name: str, options: argparse.Namespace, data: dict[str, Any]) -> Any:
    """Return a dataset of a dataset file, else (X, y), or X alone where the file has no target."""
    from fractalman.measure import read_user_points
    from fractalman.sources import is_dataset_file

    if is_dataset_file(name) and options.target is None and options.points is None:
        # an HDF5 file of somebody's own is none of ours
        with contextlib.suppress(FileFormatError), fractalman.open(name) as file:
            dataset = file.dataset()
            data["hierarchy"] = None if data["hierarchy"] == "known" else data["hierarchy"]
            return dataset
    if data["hierarchy"] == "known":
        raise RecipeError(f"[data] hierarchy = 'known' of {name}: expected a dataset file; use ward")
    found = read_user_points(name, options.target, options.points)
    if found.y is None:
        return found.X
    if found.classes is not None:
        data["target"] = "one-hot"
    return found.X, found.y


def _network(place: str) -> Any:
    """Return what MODULE:ATTRIBUTE is, or the activations of a .npz file."""
    if Path(place).suffix != ".npz":
        return imported_here("--network", place, place, _EXPECTED)
    from fractalman.datasets.exchange.archives import read_archive

    return read_archive(as_path(place), "a .npz of activations, an array for every layer")


def _rows(name: str) -> Any:
    from fractalman.datasets.exchange.archives import read_array

    return read_array(as_path(name), "a .npy file of row numbers or of a mask")
