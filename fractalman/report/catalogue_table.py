"""The catalogue as a table: what every entry is, how large, its digest, and what theory says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractalman.catalogue import catalogue_names, catalogue_purpose, catalogue_recipe, catalogue_text
from fractalman.catalogue.digests import Listed, listed_digests


def catalogue_rows(digests: Mapping[str, Listed] | None = None) -> list[dict[str, Any]]:
    """Return one table per entry, plain values; ``digests`` = None means the table that ships with the package.

    ``points`` and ``bytes`` are those of the digest table, else the most that the recipe can make. The exponents are
    those of the nearest neighbour, L ~ n^-data_exponent (times (ln n)^``logarithms``) and of the best
    piecewise-constant model, L ~ P^-model_exponent; None where no power law is known.
    """
    from fractalman.families.base import memory_of
    from fractalman.prediction import law_of

    digests, rows = listed_digests() if digests is None else digests, []
    for name in catalogue_names():
        recipe, held = catalogue_recipe(name), digests.get(name)
        law = law_of(recipe, "1-nn")
        rows.append(
            {
                "name": name,
                "family": recipe.family,
                "points": recipe.max_points if held is None else held.points,
                "dimensions": recipe.n_columns,
                "bytes": memory_of(recipe).array_bytes() if held is None else held.bytes,
                "data_exponent": law.data_exponent,
                "logarithmic": law.logarithmic,
                "logarithms": law.data_logarithms,
                "model_exponent": law.model_exponent,
                "experiment": "[sweep]" in catalogue_text(name),
                "content": None if held is None else held.content,
                "purpose": catalogue_purpose(name),
            }
        )
    return rows


def exponent_words(row: dict[str, Any]) -> tuple[str, str]:
    """Return the data and the model exponent of a row as they are printed."""
    data, model = row["data_exponent"], row["model_exponent"]
    power = row["logarithms"]
    logarithm = "" if power == 0.0 else " (ln n)" if power == 1.0 else f" (ln n)^{power:g}"
    return "—" if data is None else f"{data:.4g}{logarithm}", "—" if model is None else f"{model:.4g}"


def size_words(count: int) -> str:
    """Return a number of bytes in the unit that fits it."""
    power = min(3, (len(str(count)) - 1) // 3)
    return f"{count / 1000**power:.{3 if power else 12}g} {('B', 'kB', 'MB', 'GB')[power]}"


def catalogue_document(digests: Mapping[str, Listed] | None = None) -> str:
    """Return the text of datasets/catalogue.md."""
    lines = []
    for row in catalogue_rows(digests):
        data, model = exponent_words(row)
        digest = "—" if row["content"] is None else f"`{row['content']}`"
        lines.append(
            f"| `{row['name']}` | {row['points']:,} | {row['dimensions']} | {size_words(row['bytes'])} "
            f"| {data} | {model} | {digest} |"
        )
    purposes: dict[str, list[str]] = {}
    for name in catalogue_names():
        purposes.setdefault(catalogue_purpose(name), []).append(f"`{name}`")
    table = "\n".join(lines)
    about = "\n".join(f"- {', '.join(names)}: {purpose}" for purpose, names in purposes.items())
    return f"""# The catalogue

Generated from `fractalman/catalogue/` by `scripts/catalogue.py`; a test compares the two. `fractalman generate NAME -o
FILE` makes a dataset again and says whether it has the digest below; `fractalman list` prints this table.

Size: all columns as they are in memory, the hierarchy included; in a file, integers take less. Exponents: what
`fractalman predict NAME` gives for the nearest neighbour as n grows without end, L ~ n^−α_D, and for the best
piecewise-constant model with P cells, L ~ P^−α_P; a dash where no power law is known. Digest: the content digest of the
file with its hierarchy, BLAKE2b-256 of recipe, stream version and every column.

| name | points | d | size | α_D | α_P | digest |
|---|---|---|---|---|---|---|
{table}

{about}
"""
