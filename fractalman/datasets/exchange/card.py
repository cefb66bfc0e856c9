"""The data card of an exported dataset: what it is, how it was made, what its columns mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fractalman.datasets.exchange.source import ExportSource
from fractalman.datasets.spec import BY_PATH

_MEANING = {
    "cluster_size": "Points in the point's cluster.",
    "depth": "Latents above the point.",
    "path_sum": "Sum of the values on the way from the root of the hierarchy down to the point.",
    "parent": "The latent above the point, −1 where there is none; a number of the table of nodes.",
}
_SIZES = (
    (1e3, "n<1K"),
    (1e4, "1K<n<10K"),
    (1e5, "10K<n<100K"),
    (1e6, "100K<n<1M"),
    (1e7, "1M<n<10M"),
    (1e8, "10M<n<100M"),
)


def data_card(source: ExportSource, story: dict[str, Any], columns: Sequence[str], others: Sequence[str]) -> str:
    """Return the text of README.md: a header as the hub reads it, then prose.

    Parameters
    ----------
    source : ExportSource
        The dataset.
    story : dict
        As `ExportSource.story`.
    columns : sequence of str
        Of the table of points.
    others : sequence of str
        "nodes" and "edges", as far as they are there.
    """
    n, family = source.n_points, source.recipe.family
    size = next((name for limit, name in _SIZES if n < limit), "n>100M")
    lines = [
        f"---\npretty_name: fractalman {family}, {n:,} points",
        f"size_categories:\n- {size}\ntags:\n- synthetic\n- scaling-laws\n- fractal\n---\n",
        f"# {family}: {n:,} points in {source.n_columns} dimensions\n",
        "A synthetic dataset whose geometry and hidden hierarchy are known exactly, made by fractalman "
        f"{story['versions']['fractalman']}. It holds no data about persons and no data from elsewhere: every number "
        "follows from the recipe.\n",
        f"## Recipe\n\n```toml\n{source.recipe.to_toml().strip()}\n```\n",
        _again(source, story["stream_version"]),
        "## Columns of the points\n\n| column | meaning |\n|---|---|\n" + "\n".join(map(_row, columns)) + "\n",
    ]
    if "nodes" in others:
        names = ("parent", "value", "variance", "size", "depth", "level")
        held = [name for name in names if f"hierarchy/{name}" in source.columns]
        lines.append(
            f"## Nodes of the hierarchy\n\nThe first {n:,} nodes are the points in the same order; then come the "
            "latents by decreasing size.\n\n| column | meaning |\n|---|---|\n"
            + "\n".join(f"| {name} | {BY_PATH[f'hierarchy/{name}'].meaning} |" for name in held)
            + "\n"
        )
    if "edges" in others:
        lines.append(f"## Edges\n\nColumns a and b, numbers of points. {BY_PATH['edges'].meaning}\n")
    loads = ["points = load_from_disk(FOLDER).with_format('numpy')"]
    loads += [f"{other} = load_from_disk(f'{{FOLDER}}/{other}')" for other in others]
    lines.append("## Reading\n\n```python\nfrom datasets import load_from_disk\n\n" + "\n".join(loads) + "\n```\n")
    lines.append("`sha256sum -c SHA256SUMS` says whether every file is as it was written.\n")
    versions = ", ".join(f"{name} {version}" for name, version in sorted(story["versions"].items()))
    lines.append(f"## Provenance\n\nVersions: {versions}.\n")
    if source.provenance is not None:
        lines.append(
            f"Content digest of the file that was exported: `{source.provenance.content}` (BLAKE2b-256 of recipe, "
            "stream version and every column).\n"
        )
    return "\n".join(lines)


def _again(source: ExportSource, stream_version: int) -> str:
    whole = source.recipe.n_points in (None, source.n_points)
    if not whole:
        return f"These are {source.n_points:,} of the points that the recipe gives.\n"
    return (
        f"The same recipe and random stream version ({stream_version}) give the same data: `fractalman generate "
        "recipe.toml -o data.h5`.\n"
    )


def _row(name: str) -> str:
    described = BY_PATH.get(name)
    if described is None:
        return f"| {name} | {_MEANING.get(name, '')} |"
    unit = "" if described.unit == "1" else f" Unit: {described.unit}."
    return f"| {name} | {described.meaning}{unit} |"
