"""Tables as files of every usual kind: all of them read alike, what is none refused in words."""

from __future__ import annotations

import gzip
import json
import lzma
import math
import os
from pathlib import Path

import numpy as np
import pytest

import fractalman as fm
from fractalman.cli import main
from fractalman.errors import FileFormatError, FractalmanError, RecipeError
from fractalman.measure import table_files
from fractalman.measure.headers import recognised
from fractalman.measure.number_text import number
from fractalman.measure.table_files import read_cells, table_kind

SIZES = [100, 200, 400, 800, 1600, 3200]
LOSSES = [round(5 * n**-0.4, 9) for n in SIZES]
ROWS = "".join(f"\n{n},{loss}" for n, loss in zip(SIZES, LOSSES, strict=True))
RECORDS = [{"n": n, "loss": loss} for n, loss in zip(SIZES, LOSSES, strict=True)]
PLAIN = "n,loss" + ROWS

KINDS: dict[str, bytes] = {
    "records.json": json.dumps(RECORDS).encode(),
    "columns.json": json.dumps({"n": SIZES, "loss": LOSSES}).encode(),
    "pandas.json": json.dumps({"n": dict(enumerate(SIZES)), "loss": dict(enumerate(LOSSES))}).encode(),
    "lines.json": "\n".join(map(json.dumps, RECORDS)).encode(),
    "packed.csv.gz": gzip.compress(PLAIN.encode()),
    "packed.tsv.gz": gzip.compress(PLAIN.replace(",", "\t").encode()),
    "packed.jsonl.gz": gzip.compress("\n".join(map(json.dumps, RECORDS)).encode()),
    "packed.json.gz": gzip.compress(json.dumps(RECORDS).encode()),
    "spaces.csv": PLAIN.replace(",", " ").encode(),
    "aligned.csv": PLAIN.replace(",", "     ").encode(),
    "indented.csv": ("   " + PLAIN.replace(",", "   ").replace("\n", "\n   ")).encode(),
    "savetxt_spaces.csv": ("# made by a script\n# n loss" + ROWS.replace(",", " ")).encode(),
    "savetxt.csv": ("# n,loss" + ROWS).encode(),
    "bars.csv": PLAIN.replace(",", "|").encode(),
    "markdown.csv": ("| n | loss |\n|---|---:|" + "".join(f"\n| {r['n']} | {r['loss']} |" for r in RECORDS)).encode(),
    "tabs.csv": PLAIN.replace(",", "\t").encode(),
    "excel.csv": PLAIN.replace(",", "\t").encode("utf-16"),
    "windows.csv": ("n,loss,größe" + ROWS.replace("\n", ",ä\n").lstrip(",ä") + ",ä").encode("cp1252"),
    "mac.csv": PLAIN.replace("\n", "\r").encode(),
    "mark.csv": PLAIN.encode("utf-8-sig"),
    "thousands.csv": ("# n,loss" + "".join(f'\n"{r["n"]:,}",{r["loss"]}' for r in RECORDS)).encode(),
    "titled.csv": ("Runs of 2026\n\n" + PLAIN).encode(),
    "padded.csv": ("Runs of 2026,\n,\n" + PLAIN).encode(),
}


@pytest.mark.parametrize("name", list(KINDS))
def test_every_kind_reads_alike(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(KINDS[name])
    cells = read_cells(tmp_path / name)
    assert cells.names[:2] == ("n", "loss")
    np.testing.assert_array_equal(cells.numbers("n"), SIZES)
    np.testing.assert_array_equal(cells.numbers("loss"), LOSSES)
    assert fm.measure.measure_scaling(tmp_path / name)["power"]["value"] == pytest.approx(0.4, abs=1e-6)


def test_rows_have_the_files_own_numbers(tmp_path: Path) -> None:
    for name, first in (
        ("savetxt_spaces.csv", 3),
        ("spaces.csv", 2),
        ("markdown.csv", 3),
        ("lines.json", 1),
        ("padded.csv", 4),
    ):
        (tmp_path / name).write_bytes(KINDS[name])
        assert read_cells(tmp_path / name).lines[0] == first


WRONG: dict[str, tuple[bytes, str]] = {
    "nested.json": (b'{"config": {"lr": 1}, "history": []}', r"no columns of one length: expected a list of objects"),
    "scalar.json": (b"3", "holds one value and no table"),
    "none.json": (b"[]", "holds a list without entries and no table"),
    "mixed.json": (b"[1, {}]", "holds a list and no table"),
    "unlike.json": (b'{"n": {"0": 1, "1": 2}, "loss": {"0": 3, "2": 4}}', "no columns of one length"),
    "ragged.json": (b'{"n": [1, 2], "loss": [3]}', "no columns of one length"),
    "twice.json": (b'[{"n": 1, "n": 2}]', "two values of 'n'"),
    "cut.json": (b'[{"n": 1', "is no JSON"),
    "deep.json": (b"[" * 100_000, "is no JSON"),
    "not.csv.gz": (b"n,loss\n1,2", "not packed as .gz says"),
    "cut.csv.gz": (gzip.compress(PLAIN.encode())[:-12], "not packed as .gz says"),
    "binary.csv": (b"n,loss\n\x00\x01\x02", "is no text"),
    "header.csv": (b"n,loss", "has 1 lines"),
    "empty.csv": (b"", "has 0 lines"),
    "title.csv": (b"Losses, of, 2024\n" + PLAIN.encode(), r"as in the header \(Losses, of, 2024\)"),
    "points.npy": (b"", "of points use fractalman measure"),
    "old.xls": (b"x", r"ends in '\.xls': expected \.csv"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_what_is_no_table_is_refused_in_words(tmp_path: Path, name: str) -> None:
    content, words = WRONG[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecipeError, match=words):
        read_cells(tmp_path / name)


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(FileFormatError, match="but a pipe"):
        read_cells(tmp_path / "pipe.csv")
    assert main(["measure", "--scaling", str(tmp_path / "pipe.csv")]) != 0


HEADERLESS = {
    "numbers": "0.5,1.5\n0.7,1.2\n0.1,0.2",
    "a name first": "adam,100,0.79\nsgd,200,0.61\nadam,400,0.5",
    "a class last": "5.1,3.5,setosa\n4.9,3.0,virginica\n4.7,3.2,setosa",
    "whole numbers": "5,0,12,seven\n3,1,9,eight\n2,2,2,nine",
    "exponents": "1e3,2.5e-1\n2e3,2e-1\n4e3,1e-1",
    "signs": "-1,+2\n3,-4\n5,6",
}


@pytest.mark.parametrize("what", list(HEADERLESS))
@pytest.mark.parametrize("command", [["measure", "--scaling"], ["measure"], ["predict", "--data"]])
def test_a_first_line_of_data_is_no_header(
    tmp_path: Path, what: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEADERLESS[what])
    assert main([*command, str(path)]) == 2
    assert "begins with the numbers" in capsys.readouterr().err


@pytest.mark.parametrize(
    "header",
    ["0,1,2", "a,b,c", "n,0.1,0.01", "step,70M,160M", "1990,1991,1992", "1,2,3", "layer 1,layer 2,layer 3", "x,2024,y"],
)
def test_names_that_may_look_like_numbers_are_names(tmp_path: Path, header: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(header + "\n5,6,7\n8,9,10\n1,1,2")
    assert read_cells(path).names == tuple(header.split(","))


def test_excel_without_a_header_is_refused(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("openpyxl")
    frame = pandas.DataFrame({"who": ["adam", "sgd", "adam"], "n": [1, 2, 4], "loss": [0.5, 0.4, 0.3]})
    frame.to_excel(tmp_path / "t.xlsx", index=False, header=False)
    with pytest.raises(RecipeError, match=r"begins with the numbers 1, 0\.5"):
        read_cells(tmp_path / "t.xlsx")
    frame.to_excel(tmp_path / "u.xlsx", index=False)
    assert read_cells(tmp_path / "u.xlsx").names == ("who", "n", "loss")


def test_excel_titles_stand_above_the_header(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("openpyxl")
    frame = pandas.DataFrame({"n": SIZES, "loss": LOSSES})
    with pandas.ExcelWriter(tmp_path / "t.xlsx") as out:
        frame.to_excel(out, index=False, startrow=3)
        out.sheets["Sheet1"].cell(1, 1, "Table 2: runs")
    cells = read_cells(tmp_path / "t.xlsx")
    assert cells.names == ("n", "loss")
    assert cells.lines.tolist() == list(range(5, 5 + len(SIZES)))
    np.testing.assert_array_equal(cells.numbers("loss"), LOSSES)


def test_a_comment_above_a_header_is_no_header(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("# loss of models, 2026\nn,loss\n1,2\n")
    (tmp_path / "u.csv").write_text("# run,n,loss\na,1k,2\nb,2k,1.5\n")
    assert read_cells(tmp_path / "t.csv").names == ("n", "loss")
    assert read_cells(tmp_path / "u.csv").names == ("run", "n", "loss")


@pytest.mark.parametrize("kind", ["tsv", "jsonl", "json", "parquet", "csv"])
def test_points_of_every_kind_are_points(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    pandas = pytest.importorskip("pandas")
    X = np.random.default_rng(0).random((80, 3))
    frame = pandas.DataFrame(X, columns=list("abc")).assign(y=X[:, 0])
    path = tmp_path / f"points.{kind}"
    if kind in ("tsv", "csv"):
        frame.to_csv(path, sep="\t" if kind == "tsv" else " ", index=False)
    elif kind == "parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=kind == "jsonl", double_precision=15)
    found = fm.measure.read_user_points(path)
    np.testing.assert_allclose(found.X, X, atol=1e-14)
    assert found.target == "y"
    assert main(["measure", "--scaling", str(path)]) == 2
    assert "none that is a loss" in capsys.readouterr().err
    assert main(["measure", str(path)]) == 0


def test_lists_in_cells_are_vectors(tmp_path: Path) -> None:
    X = np.random.default_rng(0).random((30, 4))
    lines = [{"id": f"p{i}", "embedding": row.tolist(), "label": i % 2} for i, row in enumerate(X)]
    path = tmp_path / "e.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    found = fm.measure.read_user_points(path)
    np.testing.assert_array_equal(found.X, X)
    assert found.target == "label"
    assert found.notes[:2] == ("column 'embedding' of lists is taken as the points", "left alone: id")
    assert found.y is not None
    np.testing.assert_array_equal(found.y, np.arange(30) % 2)
    with pytest.raises(RecipeError, match="no column 'lable': expected id, label; did you mean 'label'"):
        fm.measure.read_user_points(path, target="lable")
    for value, words in (([1.0], "row 3: embedding has 1 entries: expected 4"), ([None] * 4, "not finite"),
                         (["a"] * 4, "other things than numbers")):  # fmt: skip
        changed = [*lines[:2], {**lines[2], "embedding": value}, *lines[3:]]
        path.write_text("\n".join(map(json.dumps, changed)))
        with pytest.raises(RecipeError, match=words):
            fm.measure.read_user_points(path)


def test_an_exported_table_is_measured(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    data = fm.generate(fm.Cascade(n_points=200, ambient_dim=5))
    found = fm.measure.read_user_points(fm.export(data, tmp_path / "a.parquet", "parquet"))
    np.testing.assert_array_equal(found.X, data.X)
    np.testing.assert_array_equal(found.y, data.y)


def test_kinds_are_told_by_the_name_alone() -> None:
    assert [table_kind(name) for name in ("a.CSV", "a.csv.GZ", "a.b.json", "a.parquet.gz", "csv", "a.npz")] == [
        ".csv", ".csv", ".json", None, None, None,
    ]  # fmt: skip
    assert issubclass(RecipeError, FractalmanError)


@pytest.mark.parametrize(
    "cell",
    ["1" + 300 * " " + "x", "1 " * 190 + "x", "1," * 190, 5000 * "9", "10^" + 5000 * "9", "1" + 50_000 * " " + "x"],
)
def test_a_long_cell_is_no_number_and_takes_no_time(cell: str) -> None:
    """Runs of blanks or separators fit a pattern in many ways: without care trying them all would never end."""
    assert number(cell) is None
    assert recognised(cell) is None


def test_powers_beyond_a_float_are_infinite() -> None:
    assert number("2^99999") == number("10^99999") == number("1e99999") == math.inf
    assert number("2^-99999") == 0.0


def test_a_packed_text_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_files, "_MOST_BYTES", 1000)
    path = tmp_path / "losses.csv.xz"
    path.write_bytes(lzma.compress(PLAIN.encode()))
    assert len(PLAIN) < 1000
    read_cells(path)
    path.write_bytes(lzma.compress(PLAIN.encode() + 1000 * b"\n"))
    with pytest.raises(RecipeError, match="unpacks to more than 1,000 bytes"):
        read_cells(path)
