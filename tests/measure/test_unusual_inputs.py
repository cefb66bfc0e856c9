"""Inputs near what is expected are read right, or refused by what they are: no crash, no wrong number."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import fractalman as fm
from fractalman.cli import main
from fractalman.errors import FitError, RecipeError

N = (100, 200, 400, 800, 1600, 3200)
X = np.random.default_rng(0).random((100, 2))


def test_a_constant_table_of_losses_is_not_resolved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "constant.csv"
    table.write_text("n,loss\n" + "".join(f"{n},1.5\n" for n in N), encoding="utf-8")
    assert main(["measure", "--scaling", str(table)]) == 0
    assert "not resolved" in capsys.readouterr().out


@pytest.mark.parametrize(("size", "loss"), [("{:,}", "{:.5f}"), ("{}", "{:.5f}")])
def test_commas_in_files_with_semicolons_part_thousands_where_points_are_decimals(
    size: str, loss: str, tmp_path: Path
) -> None:
    table = tmp_path / "t.csv"
    rows = "".join(f"{size.format(n)};{loss.format(5 * n**-0.4)}\n" for n in N)
    table.write_text("n;loss\n" + rows, encoding="utf-8")
    assert fm.measure.measure_scaling(table)["sizes"] == list(N)


def test_commas_in_files_with_semicolons_are_decimals_where_no_point_is_one(tmp_path: Path) -> None:
    """The control: 1,600 beside 0,79 is one and six tenths."""
    table = tmp_path / "t.csv"
    rows = "".join(f"{n};{5 * n**-0.4:.5f}\n".replace(".", ",") for n in N)
    table.write_text("n;loss\n" + rows, encoding="utf-8")
    found = fm.measure.measure_scaling(table)
    assert found["sizes"] == list(N)
    assert found["power"]["value"] == pytest.approx(0.4, abs=1e-3)


def test_complex_losses_are_refused() -> None:
    with pytest.raises(FitError, match="complex"):
        fm.measure.fit_power_law(N, np.ones(6) * 1j)


def test_named_columns_and_numbers_kept_as_objects_are_points(tmp_path: Path) -> None:
    """All mean the same table; objects that are no numbers are refused."""
    named = np.array([tuple(row) for row in X.tolist()], dtype=[("a", float), ("b", float)])
    right = fm.measure.dimension(X).value
    assert fm.measure.dimension(X.astype(object)).value == right
    assert fm.measure.dimension(named).value == right
    np.save(tmp_path / "named.npy", named)
    assert np.array_equal(fm.measure.read_user_points(tmp_path / "named.npy").X, X)
    with pytest.raises(RecipeError, match="object"):
        fm.measure.dimension(np.where(X > 0.5, "a", "b").astype(object))


def test_dates_are_no_coordinates() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b"])
    frame["when"] = pandas.date_range("2020-01-01", periods=len(X))
    with pytest.raises(RecipeError, match="'when' of X holds dates"):
        fm.measure.dimension(frame)


def test_the_command_line_says_what_to_use_instead(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files of other people, a table of losses as a study, a folder that is a file."""
    with h5py.File(tmp_path / "nested.h5", "w") as file:
        file["run/acts"], file["run/more"] = X, X
    (tmp_path / "points.doc").write_text("1 2\n", encoding="utf-8")
    np.savez(tmp_path / "points.npz", X=X, y=X[:, 0])
    (tmp_path / "losses.csv").write_text("n,loss\n1,2\n2,1\n", encoding="utf-8")
    at = str(tmp_path)
    for arguments, said in (
        (["measure", f"{at}/nested.h5"], "use --points NAME"),
        (["measure", f"{at}/points.doc"], ".npz"),
        (["study-data", f"{at}/losses.csv", "-o", f"{at}/out"], "measure --scaling"),
        (["study-data", f"{at}/points.npz", "-o", f"{at}/points.doc"], "expected a folder"),
        (["study-data", f"{at}/points.npz", "-o", f"{at}/points.doc/x"], "expected a folder"),
    ):
        assert main(arguments) == 2
        err = capsys.readouterr().err
        assert said in err
        assert err.count("\n") == 1
    assert main(["measure", f"{at}/nested.h5", "--points", "run/acts"]) == 0


def test_points_of_every_library_are_one_table() -> None:
    """Mappings of columns, masked and nested named columns, a sparse matrix that is a dict, decimals."""
    from decimal import Decimal

    from scipy import sparse

    right = fm.measure.dimension(X).value
    named = np.array([tuple(row) for row in X.tolist()], dtype=[("a", float), ("b", float)])
    nested = np.zeros(len(X), dtype=[("at", float, (2,))])
    nested["at"] = X
    decimals = np.array([[Decimal(str(v)) for v in row] for row in X.tolist()], object)
    for found in (
        {"a": X[:, 0], "b": X[:, 1], "y": X[:, 0]}, {"a": X[:, 0], "id": np.arange(len(X))[::-1], "b": X[:, 1]},
        np.ma.masked_array(named), nested, sparse.dok_array(X), decimals,
    ):  # fmt: skip
        assert fm.measure.dimension(found).value == pytest.approx(right, abs=1e-9)
    hidden = np.ma.masked_array(named)
    hidden.mask[3] = True
    assert "1 of" in fm.measure.dimension(hidden).warnings[0]
    for wrong, said in (
        ([[1.0, 2.0], [3.0]] * 100, "unlike lengths"), ({"a": X[:, 0], "b": X[:9, 0]}, "expected one length"),
        (X + 1j, "X.real"), (X.reshape(-1, 2, 1), "reshape"),
    ):  # fmt: skip
        with pytest.raises(RecipeError, match=said):
            fm.measure.dimension(wrong)
    with pytest.raises(RecipeError, match="expected the path of a file"):
        fm.measure.measure_points(X)
    with pytest.raises(RecipeError, match="whose squares are no numbers"):
        fm.measure.smoothness(X, X[:, 0] * 1e200)
    with pytest.raises(RecipeError, match="predict_own_data"):
        fm.measure.smoothness(X, np.where(X[:, 0] > 0.5, "a", "b"))


def test_the_dimension_survives_whatever_the_target_is(tmp_path: Path) -> None:
    """Missing classes, nan labels, Python objects, a target of another length: said under the label."""
    right = fm.measure.dimensions(X)["recommended"].value
    words = np.where(X[:, 0] > 0.5, "a", "b").astype(object)
    text = ["index,a,b,Label"]
    text += [f"{i},{a!r},{b!r},{w}" for i, ((a, b), w) in enumerate(zip(X.tolist(), words, strict=True))]
    (tmp_path / "missing.csv").write_text("\n".join(text)[:-1] + "\n", encoding="utf-8")
    nan = np.where(np.arange(len(X)) == 4, np.nan, X[:, 0])
    lines = ["a,b,y"] + [f"{a!r},{b!r},{c!r}" for (a, b), c in zip(X.tolist(), nan.tolist(), strict=True)]
    (tmp_path / "nan.csv").write_text("\n".join(lines), encoding="utf-8")
    np.savez(tmp_path / "objects.npz", X=X, y=words)
    np.savez(tmp_path / "short.npz", X=X, y=X[:9, 0])
    for name, said in (
        ("missing.csv", "missing in 1"), ("nan.csv", "line 6"), ("objects.npz", "Python objects"),
        ("short.npz", "numbers or classes"),
    ):  # fmt: skip
        found = fm.measure.measure_points(tmp_path / name)
        assert found["coordinates"] == 2, name
        assert found["dimension"]["recommended"]["value"] == pytest.approx(right, abs=1e-9), name
        assert said in found["label"]["not_measured"]
        with pytest.raises(RecipeError, match=said):
            fm.measure.read_user_points(tmp_path / name)


def test_anybodys_hdf5_is_measured_by_its_name_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The only table of a nested file, a netCDF name, and what its fill value stands for."""
    for name in ("nested.h5", "climate.nc"):
        with h5py.File(tmp_path / name, "w") as file:
            file["run/acts"], file["run/labels"] = X, X[:, 0]
        assert main(["measure", str(tmp_path / name), "--json"]) == 0
        assert '"run/labels"' in capsys.readouterr().out
    with h5py.File(tmp_path / "climate.nc", "a") as file:
        file["run/acts"][5, 1] = 1e20
        file["run/acts"].attrs["_FillValue"] = 1e20
    assert main(["measure", str(tmp_path / "climate.nc")]) == 2
    assert "not finite in 1 of" in capsys.readouterr().err


def test_cells_that_published_tables_hold(tmp_path: Path) -> None:
    """A percent sign under a header in percent counts once; points part thousands where commas are decimals."""
    n = np.array(N)
    loss = 0.9 * (n / n[0]) ** -0.4
    rows = "\n".join(f"{a},{100.0 * (1.0 - b):.6f}%" for a, b in zip(n.tolist(), loss.tolist(), strict=True))
    (tmp_path / "percent.csv").write_text("samples,Accuracy (%)\n" + rows, encoding="utf-8")
    found = fm.measure.measure_scaling(tmp_path / "percent.csv")
    assert found["power"]["value"] == pytest.approx(0.4, abs=1e-3)
    german = "\n".join(f"{2**i}.000;{0.4 * 2 ** (-0.4 * i):.4f}".replace("0.", "0,") for i in range(5))
    (tmp_path / "german.csv").write_text("n;loss\n" + german, encoding="utf-8")
    found = fm.measure.measure_scaling(tmp_path / "german.csv")
    assert found["sizes"] == [1000.0, 2000.0, 4000.0, 8000.0, 16000.0]
    assert found["power"]["amplitude"] == pytest.approx(0.4 * 1000**0.4, rel=1e-2)


@pytest.mark.parametrize("rare", [1, 2])
def test_a_class_of_one_point_is_no_error_of_sizes(rare: int) -> None:
    """One point of 600 had "0 sizes (only one curve has a loss above 0 at n = 0.05 …)" for an answer."""
    X = np.random.default_rng(0).normal(size=(600, 3))
    found = fm.measure.smoothness(X, (np.arange(600) < rare).astype(float), classes=True)
    if rare == 1:
        assert np.isnan(found.neighbours.value)
        assert any("no exponent is resolved" in said for said in found.warnings)
    told = fm.predict_own_data(X, (np.arange(600) < rare).astype(int))
    low, high = told.interval
    assert low <= 0.0 <= high
    assert not told.neighbours.noise_found
    assert "none found; 95 % below" in str(told)
