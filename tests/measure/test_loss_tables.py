"""Tables of losses as people have them: every kind of file, header, cell and gap; what is ambiguous is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sampled import some

from fractalman.cli import main
from fractalman.errors import FitError, FractalmanError, RecipeError
from fractalman.measure import fit_joint_power_law, fit_power_law, measure_scaling
from fractalman.measure.columns import parse_mapping, read_losses
from fractalman.measure.headers import recognised
from fractalman.measure.number_text import number, read_number
from fractalman.measure.table_files import read_cells

SIZES = np.array([100, 200, 400, 800, 1600, 3200, 6400])


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def joint_rows() -> list[tuple[float, float, float]]:
    P, n = (a.ravel() for a in np.meshgrid(np.geomspace(1e7, 1e9, 4), np.geomspace(1e8, 1e10, 5)))
    return list(zip(P.tolist(), n.tolist(), (1.7 + 400 * P**-0.34 + 2000 * n**-0.37).tolist(), strict=True))


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("70M", 7e7), ("1.4T", 1.4e12), ("350 m", 3.5e8), ("7B", 7e9), ("12k", 12e3), ("1,400,000", 1.4e6),
        ("1 400 000", 1.4e6), ("1_000", 1e3), ("1'000'000", 1e6), ("6e+18", 6e18), ("12.5%", 0.125), (" -3 ", -3.0),
        ("70.3M", 70.3e6), (np.int64(5), 5.0), (True, 1.0), (".5", 0.5),
    ],
)  # fmt: skip
def test_cells_are_read_as_people_write_them(cell: Any, value: float) -> None:
    assert number(cell) == value


@pytest.mark.parametrize(
    ("cell", "value", "beside"),
    [
        ("0.40 ± 0.01", 0.4, "uncertainties"), ("0.40(1)", 0.4, "uncertainties"), ("0.40 (0.01)", 0.4, "uncertainties"),
        ("68.0 ± 0.5%", 0.68, "uncertainties"), ("$2.31 \\pm 0.02$", 2.31, "uncertainties"),
        ("(2.3 ± 0.1)×10^-3", 2.3e-3, "uncertainties"), ("0.40 [0.38, 0.42]", 0.4, "intervals"),
        ("68.0% (67.1–68.9)", 0.68, "intervals"), ("2.31†", 2.31, "marks"), ("1×10^3", 1e3, ""), ("10²²", 1e22, ""),
        ("2^20", 2.0**20, ""), ("**2.31**", 2.31, ""), ("~70B", 7e10, "“about” signs"), ("3.2 GFLOPs", 3.2e9, ""),
        ("1e3 tokens", 1e3, "names of units"), ("70 billion parameters", 7e10, "names of units"),
    ],
)  # fmt: skip
def test_what_stands_beside_a_number_is_left_out_and_named(cell: str, value: float, beside: str) -> None:
    assert read_number(cell) == (value, beside)


def test_what_can_be_read_in_two_ways_is_no_number(tmp_path: Path) -> None:
    twice = [
        "0.40 (1)",
        "12 (3)",
        "(0.40)",
        "<0.1",
        "1.2–1.4",
        "12/100",
        "2.31 [3]",
        "0.40 [0.5, 0.6]",
        "3 seeds",
        "1,5",
    ]
    assert [number(cell) for cell in twice] == [None] * len(twice)
    with pytest.raises(RecipeError, match=r"row 3, column 'loss': '<2' is no number.*of a bound"):
        read_losses(written(tmp_path / "a.csv", "n,loss\n1,2 ± 0.1\n2,<2"))
    said = read_losses(written(tmp_path / "b.csv", "n,loss\n1,3\n2,2 ± 0.1")).said
    assert said == ("loss: uncertainties beside the numbers are left out in 1 of 2 rows (row 3: '2 ± 0.1' is 2)",)


def test_what_is_no_number_and_what_is_missing() -> None:
    assert [number(cell) for cell in ("seven", "1,40", "1.2.3", "7Q", "1e", "0x10")] == [None] * 6
    assert all(np.isnan(number(cell)) for cell in ("", "NaN", "n/a", "None", None, "-"))  # type: ignore[arg-type]
    assert number("1,5", decimal_comma=True) == 1.5


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("params", ("n_params", 1.0)), ("N", ("n_params", 1.0)), ("n", ("n", 1.0)), ("Model Size", ("n_params", 1.0)),
        ("tokens", ("n_data", 1.0)), ("D", ("n_data", 1.0)), ("Training Tokens (B)", ("n_data", 1e9)),
        ("FLOPs", ("compute", 1.0)), ("C", ("compute", 1.0)), ("compute (PF-days)", ("compute", 8.64e19)),
        ("throughput/total_gflops", ("compute", 1e9)), ("eval/paloma/macro_loss", ("loss", 1.0)),
        ("val_loss", ("loss", 1.0)), ("NLL", ("loss", 1.0)), ("bpb", ("bits", 1.0)), ("ppl", ("perplexity", 1.0)),
        ("accuracy (%)", ("accuracy", 0.01)), ("params_M", ("n_params", 1e6)), ("nParams", ("n_params", 1.0)),
        ("log10_N", ("n_params", 1.0)), ("metrics.val_loss", ("loss", 1.0)), ("big run - val/loss", ("loss", 1.0)),
        ("Tokens (×10⁹)", ("n_data", 1e9)), ("# params†", ("n_params", 1.0)), ("run_id", ("run", 1.0)),
        ("optimizer", None), ("learning_rate", None), ("d", None), ("c", None), ("loss_weight", None),
    ],
)  # fmt: skip
def test_headers_are_recognised(header: str, found: Any) -> None:
    assert recognised(header) == found


def test_a_published_table_is_read_unedited_and_says_how(tmp_path: Path) -> None:
    """Synonyms, units, other columns and thousands: the numbers are those of the plain table."""
    rows = joint_rows()
    plain = written(tmp_path / "a.csv", "n_params,n_data,loss\n" + "\n".join(f"{a!r},{b!r},{c!r}" for a, b, c in rows))
    text = "run,Model Size (M),Training Tokens,val_loss,optimizer\n" + "\n".join(
        f'r{i},{a / 1e6!r},"{b:,.0f}",{c!r},adam' for i, (a, b, c) in enumerate(rows)
    )
    one, other = measure_scaling(plain), measure_scaling(written(tmp_path / "b.csv", text))
    for name in ("model_exponent", "data_exponent", "irreducible"):
        assert other[name]["value"] == pytest.approx(one[name]["value"], rel=1e-5)
    said = " ".join(other["read"])
    assert "Model Size (M) read as n_params, in units of 1e+06" in said
    assert "left alone: run, optimizer" in said
    assert "read" not in one


@pytest.mark.parametrize("kind", ["tsv", "jsonl", "parquet", "xlsx", "semicolons", "frame", "comments"])
def test_every_kind_of_file_gives_the_same_numbers(tmp_path: Path, kind: str) -> None:
    loss = 5.0 * SIZES**-0.4
    source: Any = tmp_path / f"t.{kind}"
    if kind == "tsv":
        written(source, "n\tloss\n" + "\n".join(f"{a}\t{b!r}" for a, b in zip(SIZES, loss.tolist(), strict=True)))
    elif kind == "jsonl":
        rows = zip(SIZES.tolist(), loss.tolist(), strict=True)
        written(source, "\n".join(json.dumps({"n": a, "loss": b, "note": "x"}) for a, b in rows))
    elif kind in ("semicolons", "comments"):
        source = tmp_path / "t.csv"
        mark, comma = (";", ",") if kind == "semicolons" else (",", ".")
        rows = [f"{a}{mark}{b!r}".replace(".", comma) for a, b in zip(SIZES, loss.tolist(), strict=True)]
        written(source, "# made by hand\n\n" * (kind == "comments") + f"n{mark}loss\n" + "\n".join(rows) + "\n\n")
    else:
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame({"n": SIZES, "loss": loss})
        if kind == "parquet":
            pytest.importorskip("pyarrow")
            frame.to_parquet(source)
        elif kind == "xlsx":
            pytest.importorskip("openpyxl")
            frame.to_excel(source, index=False)
        else:
            source = frame.astype({"loss": "Float64", "n": "Int64"})
    assert measure_scaling(source)["power"]["value"] == pytest.approx(0.4, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("n,loss,loss\n1,2,3\n2,3,4", "2 columns named 'loss'"),
        ("100,2.5\n200,2.1\n400,1.9", "begins with the numbers 100, 2.5: expected a header"),
        ("n_params,n,loss\n1,2,3", "'n' beside n_params.*--columns n_data=n"),
        ("n,train_loss,val_loss\n1,2,3", "'train_loss' and 'val_loss' can each be the loss; use --columns"),
        ("params,non_embedding_params,tokens,loss\n1,2,3,4", "can each be the n_params"),
        ("n,seed,loss\n1,0,2\n2,,3", "row 3: seed is missing"),
        ("n,loss\n1,2\nx,3", "row 3, column 'n': 'x' is no number"),
        ("n,loss\n1,2\n2", "row 3 has 1 cells"),
        ("n,perplexity\n1,.5\n2,.4", "row 3: perplexity = 0.4"),
        ("n,accuracy\n1,50\n2,150", "row 3: accuracy = 150"),
        ("width,loss\n1,2", "no sizes"),
    ],
)
def test_what_is_ambiguous_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        read_losses(written(tmp_path / "t.csv", text))


def test_columns_are_mapped_and_rows_chosen(tmp_path: Path) -> None:
    lines = [f"{n},{k},{k * n**-0.5},{n**-0.1}" for n in SIZES.tolist() for k in (1, 2)]
    table = written(tmp_path / "t.csv", "width,set,final,train_loss\n" + "\n".join(lines))
    found = measure_scaling(table, columns={"n": "width", "loss": "final"}, where={"set": "2"})
    assert found["power"]["value"] == pytest.approx(0.5)
    assert found["power"]["amplitude"] == pytest.approx(2.0)
    assert parse_mapping("loss=a b, n_params=N") == {"loss": "a b", "n_params": "N"}
    for columns, said in (({"n": "widht"}, "did you mean 'width'"), ({"size": "width"}, "is no role")):
        with pytest.raises(RecipeError, match=said):
            measure_scaling(table, columns=columns)
    with pytest.raises(RecipeError, match="never is '3'"):
        measure_scaling(table, where={"set": "3"})


def test_rows_without_a_loss_are_left_out_and_named_by_line(tmp_path: Path) -> None:
    """The file's own lines, blank ones and comments counted, in plain numbers."""
    rows = [f"{n},{5 * n**-0.4!r}" for n in SIZES.tolist()]
    table = written(tmp_path / "t.csv", "n,loss\n" + "\n".join(rows[:3]) + "\n\n" + "\n".join(rows[3:]) + "\n12800,nan")
    found = measure_scaling(table)
    assert found["warnings"] == ["row 10: loss is nan; left out"]
    assert found["power"]["value"] == pytest.approx(0.4)
    with pytest.raises(FitError) as error:
        measure_scaling(written(tmp_path / "u.csv", "n,loss\n100,2\n200,nan\n400,1"))
    assert "row 3: loss is nan" in str(error.value)
    assert "np." not in str(error.value)


def test_seeds_with_gaps_keep_what_is_whole(tmp_path: Path) -> None:
    lines = [f"{n},{s},{n**-0.5 * (1 + 0.01 * s)}" for n in SIZES.tolist() for s in range(4) if (n, s) != (800, 2)]
    found = measure_scaling(written(tmp_path / "t.csv", "n,seed,loss\n" + "\n".join(lines)))
    assert found["power"]["value"] == pytest.approx(0.5, abs=0.01)
    assert "no row of seed 2 at n = 800" in found["warnings"]


@pytest.mark.parametrize(
    ("name", "cells", "value"),
    [
        ("accuracy", lambda e: 1.0 - e, 0.5),
        ("accuracy", lambda e: 100.0 * (1.0 - e), 0.5),
        ("error_rate", lambda e: e, 0.5),
        ("perplexity", np.exp, 0.5),
    ],
)
def test_accuracies_rates_and_perplexities_become_losses(tmp_path: Path, name: str, cells: Any, value: float) -> None:
    loss = 4.0 * SIZES**-0.5
    rows = "\n".join(f"{a},{b!r}" for a, b in zip(SIZES, cells(loss).tolist(), strict=True))
    found = measure_scaling(written(tmp_path / "t.csv", f"n,{name}\n{rows}"))
    assert found["power"]["value"] == pytest.approx(value, abs=1e-9)
    assert any(f"{name} read as" in said for said in found["read"])


def test_a_rising_and_a_constant_curve_have_their_plain_fit(tmp_path: Path) -> None:
    rising = "n,loss\n" + "\n".join(f"{n},{0.2 * n**0.1!r}" for n in SIZES.tolist())
    found = measure_scaling(written(tmp_path / "t.csv", rising))
    assert found["power"]["value"] == pytest.approx(-0.1)
    assert found["floor"]["value"] is None
    assert "not fitted" in found["floor"]["warnings"][0]
    assert {score["law"] for score in found["held_out"]} >= {"power", "logarithm"}
    flat = measure_scaling(written(tmp_path / "u.csv", "n,loss\n" + "\n".join(f"{n},0.25" for n in SIZES)))
    assert any("not resolved" in said for said in flat["power"]["warnings"])


def test_the_command_says_what_to_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = written(tmp_path / "losses.csv", "n,loss\n" + "\n".join(f"{n},{n**-0.5}" for n in SIZES.tolist()))
    assert main(["measure", str(table)]) == 2
    assert f"measure --scaling {table}" in capsys.readouterr().err
    assert main(["measure", "--scaling", str(table), "--window", ",1000", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["power"]["value"] == pytest.approx(0.5)
    for words, said in (
        (["--window", "5"], "expected LOW,HIGH"), (["--columns", "loss"], "expected role=column"),
        (["--budgets", "x"], "expected numbers > 0"), (["--where", "set"], "expected COLUMN=VALUE"),
        (["--form", "plain"], "one of a joint law"),
    ):  # fmt: skip
        assert main(["measure", "--scaling", str(table), *words]) == 2
        assert said in capsys.readouterr().err
    assert main(["measure", "points.npy", "--huber", "1"]) == 2
    assert "belongs to a table of losses" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------------- arrays


def test_masked_and_missing_numbers_are_left_out_and_named() -> None:
    loss = 5.0 * SIZES**-0.4
    bad = loss.copy()
    bad[-1] = 50.0
    mask = [False] * (SIZES.size - 1) + [True]
    for given in (np.ma.masked_array(bad, mask=mask), np.where(mask, np.nan, bad)):
        fit = fit_power_law(SIZES, given)
        assert fit.value == pytest.approx(0.4)
        assert any("n = 6400" in said and "left out" in said for said in fit.warnings)
    assert fit_power_law(SIZES, bad, window=(None, 5000)).value == pytest.approx(0.4)
    assert fit_power_law(SIZES, bad, window=(None, None)).n_sizes == SIZES.size


def test_zero_counts_are_counts() -> None:
    """A replicate without an error leaves a positive mean; with trials a rate of 0 is used, without it is named."""
    curves = np.tile(4.0 * SIZES**-0.5, (5, 1))
    curves[3, -1] = 0.0
    assert fit_power_law(SIZES, curves).n_sizes == SIZES.size
    single = 4.0 * SIZES**-0.5
    single[-1] = 0.0
    fit = fit_power_law(SIZES, single)
    assert any("n = 6400" in said and "trials" in said for said in fit.warnings)
    assert fit_power_law(SIZES, single, trials=50).n_sizes == SIZES.size


@pytest.mark.parametrize("floor", [0.0, 0.05])
def test_binomial_intervals_cover(floor: float) -> None:
    """Few errors on 400 test cases, zeros among them; the control takes the logarithms of the same rates."""
    rng = np.random.default_rng(4)
    sizes = np.geomspace(100, 1e5, 7)
    truth = floor + 0.3 * (sizes / 100) ** -0.6
    covered = control = zeros = 0
    tables = some(200, fast=80)
    for _ in range(tables):
        rates = rng.binomial(400, truth) / 400
        zeros += int((rates == 0.0).any())
        low, high = fit_power_law(sizes, rates, trials=400, floor=floor > 0.0).interval
        covered += low <= 0.6 <= high
        if not floor:
            low, high = fit_power_law(sizes, rates).interval
            control += low <= 0.6 <= high
    assert covered >= 0.92 * tables
    if not floor:
        assert zeros > 0.025 * tables
        assert control < covered


@pytest.mark.parametrize("missing", [np.nan, None, "", float("nan")])
def test_missing_group_labels_are_refused_by_name(missing: Any) -> None:
    P, n, L = np.array(joint_rows()).T
    groups = np.repeat(np.arange(5), 4).astype(object)
    fit_joint_power_law(P, n, L, groups=groups)
    groups[7] = missing
    with pytest.raises(FitError, match="label of row 7 is missing"):
        fit_joint_power_law(P, n, L, groups=groups)
    masked = np.ma.masked_array(np.repeat(np.arange(5), 4), mask=np.arange(20) == 3)
    with pytest.raises(FitError, match="label of row 3 is missing"):
        fit_joint_power_law(P, n, L, groups=masked)


def test_a_curve_of_400_evaluations_is_quick(tmp_path: Path) -> None:
    """80,000 windows by running sums are those of single fits."""
    n = np.rint(np.geomspace(4e6, 3e9, 400))
    loss = (0.3 + 60 * n**-0.3) * np.exp(0.004 * np.random.default_rng(1).standard_normal(400))
    table = written(
        tmp_path / "t.csv", "n,loss\n" + "\n".join(f"{a:.0f},{b!r}" for a, b in zip(n, loss.tolist(), strict=True))
    )
    found = measure_scaling(table)
    assert found["windows"]["windows"] == 399 * 398 // 2
    for row in found["windows"]["table"][::60]:
        fit = fit_power_law(n, loss, window=(row["from"], row["to"]))
        assert row["value"] == pytest.approx(fit.value, abs=1e-10)
        assert row["standard_error"] == pytest.approx(fit.standard_error, rel=1e-6)


def test_damaged_files_have_one_line(tmp_path: Path) -> None:
    for name, text, said in (
        ("a.jsonl", '{"n": 1}\n[2]', "line 2 is no JSON object"),
        ("b.jsonl", '{"n": 1, "n": 2}', "two values of 'n'"),
        ("c.parquet", "nothing", "cannot be read"),
        ("d.xlsx", "nothing", "cannot be read"),
        ("e.doc", "1", "expected .csv, .tsv, .jsonl, .parquet, .feather, .xlsx"),
        ("f.csv", "n,loss", "1 lines"),
    ):
        if name[2:] in ("parquet", "xlsx"):
            pytest.importorskip("pandas")
        with pytest.raises(FractalmanError, match=said) as error:
            read_cells(written(tmp_path / name, text))
        assert "\n" not in str(error.value)
    with pytest.raises(RecipeError, match="does not exist"):
        read_cells(tmp_path / "no.csv")


def test_joint_tables_that_do_not_fall_have_no_frontier(tmp_path: Path) -> None:
    for loss in (lambda _p: 2.0, lambda p: 1.0 + p / 1e9):
        lines = [f"{p},{n},{loss(p)}" for p in (1e7, 3e7, 1e8, 3e8) for n in (1e8, 1e9, 1e10)]
        found = measure_scaling(written(tmp_path / "t.csv", "N,D,loss\n" + "\n".join(lines)))
        assert any("model_exponent" in said for said in found["unresolved"])
        assert found["optimum"].startswith("not given")


def curve_table(header: str, row: Callable[[int, float], str]) -> str:
    return header + "\n" + "\n".join(row(n, 5 * n**-0.4) for n in (100, 200, 400, 800, 1600, 3200))


EXPORTS = {
    "seeds.csv": curve_table("n,loss_seed0,loss_seed1,run_id", lambda n, x: f"{n},{x},{x * 1.0001},r{n}"),
    "runs.csv": curve_table("n,run1/val_loss,run2/val_loss", lambda n, x: f"{n},{x},{x * 1.0001}"),
    "bare.csv": curve_table("n,seed 1,seed 2", lambda n, x: f"{n},{x},{x * 1.0001}"),
    "wandb.csv": curve_table(
        '"Step","a - val/loss","a - val/loss__MIN","b - val/loss","b - val/loss__MAX"',
        lambda n, x: f'"{n}","{x}","0","{x * 1.0001}","9"',
    ),
    "tensorboard.csv": curve_table("Wall time,Step,Value", lambda n, x: f"{n + 0.5},{n},{x}"),
    "id.csv": curve_table("n,loss,run_id", lambda n, x: f"{n},{x},r{n}"),
    "trial.csv": curve_table("n,loss,trial", lambda n, x: f"{n},{x},0\n{n},{x * 1.0001},1"),
    "replicates.csv": curve_table("n,loss", lambda n, x: f"{n},{x}\n{n},{x * 1.0001}"),
    "errors.csv": curve_table("n,errors,n_test", lambda n, x: f"{n},{x / 5 * 1e6:.0f},1000000"),
    "correct.csv": curve_table("n,correct,total", lambda n, x: f"{n},{1e6 - x / 5 * 1e6:.0f},1000000"),
    "log.csv": curve_table("log10_n,ln(loss)", lambda n, x: f"{math.log10(n)},{math.log(x)}"),
    "trainer_state.json": json.dumps(
        {"log_history": [{"step": int(n), "loss": 5 * n**-0.4} for n in SIZES], "best_metric": 1}
    ),
    "nested.jsonl": curve_table("", lambda n, x: f'{{"config": {{"n": {n}}}, "metrics": {{"loss": {x}}}}}'),
    "split.json": json.dumps({"columns": ["n", "loss"], "data": [[int(n), 5 * n**-0.4] for n in SIZES]}),
    "savetxt.txt": curve_table("# n loss", lambda n, x: f"{n} {x}"),
}


@pytest.mark.parametrize("name", list(EXPORTS))
def test_exports_of_other_tools_are_read_and_said(tmp_path: Path, name: str) -> None:
    found = measure_scaling(written(tmp_path / name, EXPORTS[name]))
    assert found["power"]["value"] == pytest.approx(0.4, abs=1e-4)
    several = name in ("seeds.csv", "runs.csv", "bare.csv", "wandb.csv", "trial.csv", "replicates.csv")
    assert found["curves"] == (2 if several else 1)
    assert "read" in found or name in ("savetxt.txt", "split.json")


def test_what_a_header_does_not_say_is_refused_by_name(tmp_path: Path) -> None:
    for header, said in (
        ("log_n,loss", "logarithm to a base that it does not say"),
        ("n,errors", "no column says among how many"),
    ):
        with pytest.raises(RecipeError, match=said):
            measure_scaling(written(tmp_path / "t.csv", curve_table(header, lambda n, x: f"{n},{x * 100:.0f}")))
    with pytest.raises(RecipeError, match="row 2: errors = 31 of 20 cases"):
        measure_scaling(written(tmp_path / "t.csv", "n,errors,n_test\n10,31,20\n20,5,20\n40,2,20"))


def test_distinct_data_and_passes_make_the_data(tmp_path: Path) -> None:
    rows = [(P, n, epochs, 1.7 + 400 * P**-0.34 + 2000 * (n * epochs) ** -0.37)
            for i, (P, n, _) in enumerate(joint_rows()) for epochs in [1 + i % 2]]  # fmt: skip
    text = "params,unique_tokens,epochs,loss\n" + "\n".join(",".join(f"{v:.12g}" for v in row) for row in rows)
    found = measure_scaling(written(tmp_path / "t.csv", text), form="plain")
    assert found["data_exponent"]["value"] == pytest.approx(0.37, abs=1e-4)
    assert "n_data is unique_tokens·epochs" in found["read"]
    once = "\n".join(",".join(line.split(",")[i] for i in (0, 1, 3)) for line in text.splitlines())
    with pytest.raises(RecipeError, match="no column says how much was seen; expected tokens or epochs"):
        measure_scaling(written(tmp_path / "u.csv", once))
    with pytest.raises(RecipeError, match=r"row 2: epochs is no number > 0"):
        measure_scaling(written(tmp_path / "v.csv", text.replace(",1,", ",many,", 1)))


def test_capital_letters_alone_are_sizes_and_loss(tmp_path: Path) -> None:
    text = "N,D,L\n" + "\n".join(",".join(f"{v:.12g}" for v in row) for row in joint_rows())
    assert read_losses(written(tmp_path / "t.csv", text)).header == {"n_params": "N", "n_data": "D", "loss": "L"}
    dressed = written(tmp_path / "d.csv", text.replace("N,D,L", "$N$,$D$,$L$"))
    assert read_losses(dressed).header == {"n_params": "$N$", "n_data": "$D$", "loss": "$L$"}
    layers = "N,D,L\n" + "\n".join(f"{P:g},{n:g},12" for P, n, _ in joint_rows())
    with pytest.raises(RecipeError, match="none that is a loss"):
        read_losses(written(tmp_path / "u.csv", layers))


def test_a_row_of_units_belongs_to_the_header(tmp_path: Path) -> None:
    rows = [(P / 1e6, n / 1e9, loss) for P, n, loss in joint_rows()]
    text = "params,tokens,loss\n(M),(B),(nats)\n" + "\n".join(",".join(f"{v:.12g}" for v in row) for row in rows)
    table = read_losses(written(tmp_path / "t.csv", text))
    np.testing.assert_allclose(table.column["n_data"], [n for _, n, _ in joint_rows()], rtol=1e-9)
    assert table.lines[0] == 3
