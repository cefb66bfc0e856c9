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
        file["run/acts"] = X
    (tmp_path / "points.txt").write_text("1 2\n", encoding="utf-8")
    np.savez(tmp_path / "points.npz", X=X, y=X[:, 0])
    (tmp_path / "losses.csv").write_text("n,loss\n1,2\n2,1\n", encoding="utf-8")
    at = str(tmp_path)
    for arguments, said in (
        (["measure", f"{at}/nested.h5"], "use --points NAME"),
        (["measure", f"{at}/points.txt"], ".npz"),
        (["study-data", f"{at}/losses.csv", "-o", f"{at}/out"], "measure --scaling"),
        (["study-data", f"{at}/points.npz", "-o", f"{at}/points.txt"], "expected a folder"),
        (["study-data", f"{at}/points.npz", "-o", f"{at}/points.txt/x"], "expected a folder"),
    ):
        assert main(arguments) == 2
        err = capsys.readouterr().err
        assert said in err
        assert err.count("\n") == 1
    assert main(["measure", f"{at}/nested.h5", "--points", "run/acts"]) == 0
