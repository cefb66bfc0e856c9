"""Tables and points that nearly are what is expected: each gives the right number, or one sentence that names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman.errors import FractalmanError, RecipeError
from fractalman.measure.columns import parse_mapping

N = (100, 200, 400, 800, 1600, 3200)
LOSS = [5.0 * n**-0.4 for n in N]
P, D = (a.ravel() for a in np.meshgrid(np.geomspace(1e7, 1e10, 5), np.geomspace(1e9, 1e12, 5)))
JOINT = 1.7 + 400.0 * P**-0.34 + 2000.0 * D**-0.37
X = np.random.default_rng(0).random((300, 2))


def _scaling(source: Any) -> dict[str, Any]:
    return fm.measure.measure_scaling(source)


def _frames() -> dict[str, Any]:
    pandas = pytest.importorskip("pandas")
    pair = pandas.Series(LOSS, index=pandas.Index(N, name="n"), name="loss")
    long = pandas.DataFrame({"n": N * 2, "seed": [0] * 6 + [1] * 6, "loss": LOSS * 2})
    return {
        "a series over n": pair,
        "a frame over n": pair.to_frame(),
        "names over names": pandas.DataFrame({("data", "n"): N, ("test", "loss"): LOSS}),
        "a pivot": long.pivot(index="n", columns="seed", values="loss"),
        "a frame": long,
        "columns with a name": pair.to_frame().reset_index().rename_axis(columns="metric"),
    }


@pytest.mark.parametrize(
    "kind",
    [
        "a series over n", "a frame over n", "names over names", "a pivot", "a frame", "columns with a name", "columns",
        "rows", "fields", "columns that are sizes",
    ],
)  # fmt: skip
def test_a_curve_in_memory_is_a_table(kind: str) -> None:
    held: dict[str, Any] = {
        "columns": {"n": N, "loss": LOSS},
        "rows": [{"n": n, "loss": value} for n, value in zip(N, LOSS, strict=True)],
        "fields": np.array(list(zip(N, LOSS, strict=True)), dtype=[("n", int), ("loss", float)]),
        "columns that are sizes": {"seed": [1, 2]} | {str(n): [v, v] for n, v in zip(N, LOSS, strict=True)},
    }
    found = _scaling(held[kind] if kind in held else _frames()[kind])
    assert found["sizes"] == list(N)
    assert found["power"]["value"] == pytest.approx(0.4, abs=1e-9)


def test_what_is_no_table_in_memory_is_refused() -> None:
    for wrong, said in ((5, "int is no table"), ({"n": N, "loss": LOSS[:2]}, "unlike lengths"), ({"n": [N]}, "shape")):
        with pytest.raises(RecipeError, match=said):
            _scaling(wrong)


def test_columns_that_are_sizes_stand_beside_the_other_axis() -> None:
    """The control: columns 1, 2, 3 count runs and are no sizes."""
    table = {"params": np.unique(P)} | {f"{d:g}": JOINT[np.unique(D)[k] == D] for k, d in enumerate(np.unique(D))}
    assert _scaling(table)["data_exponent"]["value"] == pytest.approx(0.37, abs=1e-4)
    with pytest.raises(RecipeError, match="none that is a loss"):
        _scaling({"n": N, "1": LOSS, "2": LOSS, "3": LOSS} | {"x": N})


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"n": N, "accuracy": [0.1, 0.3, 0.5, 0.7, 0.9, 98.1]}, "shares and percent in one column"),
        ({"n": N, "loss": [1.0, 0.5, 0.2, 0.1, -0.1, -0.2]}, "ln_loss or log10_loss"),
        ({"n": N, "error": [0.0] * 6}, "every loss is 0"),
        ({"n": N[:2], "loss": LOSS[:2]}, "2 sizes: .* give more sizes"),
        ({"n": [*N, 400, 800], "loss": [*LOSS, 0.9, 0.8]}, "sizes stand in 1 to 2 rows"),
        ({"n": N * 2, "model": ["a"] * 6 + ["b b"] * 6, "loss": LOSS * 2}, "differ in model: .*--columns seed=model"),
        ({"n": N * 2, "my model": ["a"] * 6 + ["b"] * 6, "loss": LOSS * 2}, "--columns 'seed=my model'"),
    ],
)
def test_what_cannot_be_fitted_is_one_sentence(table: dict[str, Any], said: str) -> None:
    with pytest.raises(FractalmanError, match=said) as caught:
        _scaling({name: list(column) for name, column in table.items()})
    assert "\n" not in str(caught.value)


def test_percentages_below_one_are_percentages() -> None:
    """The control of shares beside percent: an error rate of 0.4 % after one of 12 %."""
    found = _scaling({"n": N, "error_rate": [100.0 * value for value in np.array(LOSS) * 0.02]})
    assert found["power"]["amplitude"] == pytest.approx(0.1, rel=1e-6)


def test_runs_that_did_not_end_are_left_out_by_name() -> None:
    found = _scaling({"n": N, "loss": [*LOSS[:4], "diverged", LOSS[5]]})
    assert found["sizes"] == [100, 200, 400, 800, 3200]
    assert "row 4: loss is diverged; left out" in found["warnings"]


def test_copied_rows_are_left_out_and_do_not_shrink_errors() -> None:
    """A table pasted below itself; the control keeps two runs that happen to make the same number of errors."""
    noise = np.exp(0.01 * np.random.default_rng(1).standard_normal(P.size))
    right = fm.measure.fit_joint_power_law(P, D, JOINT * noise)
    twice = fm.measure.fit_joint_power_law(*(np.tile(a, 2) for a in (P, D, JOINT * noise)))
    assert twice.standard_error == pytest.approx(right.standard_error, rel=1e-6)
    assert "25 rows copy others" in twice.warnings[0]
    C = np.geomspace(1e18, 1e22, 9)
    L = (1.7 + 1e5 * C**-0.28) * noise[:9]
    alone, pasted = fm.measure.fit_compute_law(C, L), fm.measure.fit_compute_law(np.tile(C, 3), np.tile(L, 3))
    assert pasted.standard_error == pytest.approx(alone.standard_error, rel=1e-6)
    found = _scaling({"n": list(N) * 2, "loss": LOSS * 2})
    assert found["curves"] == 1
    assert "6 of 12 rows copy others" in found["warnings"][0]
    counted = _scaling({"n": list(N) * 2, "loss": [*LOSS, LOSS[0], *(1.1 * value for value in LOSS[1:])]})
    assert counted["curves"] == 2


def test_the_axis_that_never_changes_is_left_out() -> None:
    for fixed, other in (("params", "tokens"), ("tokens", "params")):
        found = _scaling({fixed: [1e8] * 6, other: list(N), "loss": LOSS})
        assert found["power"]["value"] == pytest.approx(0.4, abs=1e-9)
        assert f"{fixed} is 1e+08 in every row: fitted along {other} alone" in found["read"]


def test_sizes_that_rise_together_are_named_and_open_exponents_open_the_frontier() -> None:
    """The control: over a grid of sizes nothing is exchanged, and the frontier is sharp."""
    sizes = np.geomspace(1e7, 1e10, 12)
    along = 1.7 + 400.0 * sizes**-0.34 + 2000.0 * (20.0 * sizes) ** -0.37
    fit = fm.measure.fit_joint_power_law(sizes, 20.0 * sizes, along)
    assert any("may be exchanged" in said and "data_exponent" in said for said in fit.unresolved)
    size, data = np.tile(np.geomspace(1e8, 1e10, 6), 2), np.repeat([1e9, 1e11], 6)
    two = fm.measure.fit_joint_power_law(size, data, 1.7 + 400.0 * size**-0.34 + 2000.0 * data**-0.37)
    low, high = two.frontier_interval["params"]
    assert low <= 0.37 / 0.71 <= high
    grid = fm.measure.fit_joint_power_law(P, D, JOINT)
    assert not grid.unresolved
    low, high = grid.frontier_interval["params"]
    assert high - low < 1e-4


@pytest.mark.parametrize("huber", [True, "0.1", [0.1], float("nan"), -1.0])
def test_a_threshold_is_a_number(huber: Any) -> None:
    with pytest.raises(FractalmanError, match="huber"):
        fm.measure.fit_joint_power_law(P, D, JOINT, huber=huber)


def test_integers_beyond_a_float_keep_their_differences() -> None:
    whole = (X * 2**20).astype(np.int64)
    right = fm.measure.dimension(whole).value
    assert fm.measure.dimension(whole + 2**61).value == pytest.approx(right, abs=1e-9)
    assert fm.measure.dimension((whole + 2**61).astype(np.uint64)).value == pytest.approx(right, abs=1e-9)
    with pytest.raises(RecipeError, match=r"X\.astype\(float\)"):
        fm.measure.dimension(X.astype(str))


def test_classes_with_blanks_are_one_class() -> None:
    from fractalman.measure.targets import as_target

    typed = np.array([" yes", "yes ", "no", "no\t"] * 3)
    numbers, names = as_target("points", "y", typed, typed.size)
    assert names == ("no", "yes")
    assert numbers.tolist() == [1.0, 1.0, 0.0, 0.0] * 3


@pytest.mark.parametrize("name", ["Y_train", "Y (kg)", "y1", "ylabel", "lbl", "'y'"])
def test_columns_named_like_a_target_are_said(name: str) -> None:
    from fractalman.measure.point_tables import sounds_like_a_target

    assert sounds_like_a_target(name)
    assert not sounds_like_a_target("pos_y")
    assert not sounds_like_a_target("year")


def test_times_in_equal_steps_are_said(tmp_path: Any) -> None:
    rows = "".join(f"{1.7e9 + 60 * i},{a},{b}\n" for i, (a, b) in enumerate(X.tolist()))
    (tmp_path / "t.csv").write_text("when,a,b\n" + rows, encoding="utf-8")
    found = fm.measure.read_user_points(tmp_path / "t.csv")
    assert any("'when' changes by one step" in note for note in found.notes)


MODELS = ("1m", "3m", "10m", "30m", "100m", "300m", "1b", "3b")
PARAMS = (1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9, 3e9)
ABOVE = [1.7 + 60 * n**-0.3 for n in PARAMS]


def test_what_evaluation_harnesses_write_is_read(tmp_path: Path) -> None:
    """Filters in the names of metrics, names with commas in a mapping, sizes in the names of models."""
    entry = '{{"model": "pythia-{0}", "config": {{"model_num_parameters": {1:.0f}}}, '
    entry += '"results": {{"lambada": {{"{2}": {3}}}}}}}\n'
    for metric, values in (("perplexity,none", np.exp(ABOVE)), ("acc,none", 1.0 - 0.1 * np.array(ABOVE))):
        file = tmp_path / "results.jsonl"
        file.write_text("".join(map(entry.format, MODELS, PARAMS, [metric] * 8, values)), encoding="utf-8")
        found = fm.measure.measure_scaling(file)
        assert found["floor"]["value"] == pytest.approx(0.3, abs=1e-3)
        mapped = parse_mapping(f"loss=results.lambada.{metric}, n_params=model")
        named = fm.measure.measure_scaling(file, columns=mapped)
        assert named["floor"]["value"] == pytest.approx(0.3, abs=1e-3)
        assert any("'pythia-1m' is 1e+06" in said for said in named["read"])


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("small", "medium", "large"), "use --columns n=NAME"),  # no sizes
        (("a-1b-2b", "b-2b-2b", "c-3b-2b"), "use --columns n=NAME"),  # two
        (("a-1b", "b-2b", "c-3b"), "--columns n_params=model, whose names hold sizes"),
    ],
)
def test_a_table_without_sizes_is_refused_with_what_to_type(names: tuple[str, ...], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        fm.measure.measure_scaling({"model": list(names), "loss": [3.0, 2.0, 1.0]})


def test_scores_are_losses_where_nothing_else_is() -> None:
    n = np.array(PARAMS)
    falling = 3 * n**-0.2
    for name, column in (("r2", 1 - falling), ("log_likelihood", -falling), ("test_r2", 1 - falling)):
        found = fm.measure.measure_scaling({"n": n, name: column})
        assert found["power"]["value"] == pytest.approx(0.2, abs=1e-6), name
        beside = fm.measure.measure_scaling({"n": n, name: column, "val_loss": n**-0.1})
        assert beside["power"]["value"] == pytest.approx(0.1, abs=1e-6), name
    with pytest.raises(RecipeError, match=r"r2 = 1.5; expected at most 1"):
        fm.measure.measure_scaling({"n": n, "r2": [1.5, *(1 - falling[1:])]})


def test_columns_named_by_an_axis_and_its_size_are_sizes() -> None:
    sizes = (10, 100, 1000, 10000)
    wide = {"seed": [0, 1], **{f"n={n}": [n**-0.5, 1.01 * n**-0.5] for n in sizes}}
    found = fm.measure.measure_scaling(wide)
    assert found["sizes"] == list(sizes)
    assert found["curves"] == 2
    P = np.geomspace(1e6, 1e9, 5)
    joint = {"n_params": P, **{f"tokens: {t}B": 1.7 + 400 * P**-0.34 + 400 * (t * 1e9) ** -0.28 for t in (1, 2, 4, 8)}}
    assert fm.measure.measure_scaling(joint)["data_exponent"]["value"] == pytest.approx(0.28, abs=1e-3)


def test_comments_below_the_header_and_european_units_are_read(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    units = ("1 mio", "3 Mio.", "10 millions", "30m", "100M", "300 mn", "1 Mrd.", "3 billions")
    rows = "".join(f"{size};{loss:.6f}\n".replace(".", ",") for size, loss in zip(units, ABOVE, strict=True))
    rows = rows.replace("o,;", "o.;").replace("d,;", "d.;")
    table.write_text(f"params;loss\n# first runs\n{rows}# end\n", encoding="utf-8")
    assert fm.measure.measure_scaling(table)["sizes"] == list(PARAMS)


def test_the_first_line_says_which_law_and_that_a_bent_curve_has_no_one_exponent() -> None:
    """The exponent of a pure power law was the first number of a curve that has a floor."""
    above = fm.measure.measure_scaling({"n_params": PARAMS, "loss": ABOVE}).answers()
    assert above[0][0] == "which"
    answers = dict(above)
    assert "a power law with a floor predicts" in answers["which"]
    assert "bent" in answers["power"]
    assert "bent" not in answers["floor"]
    straight = dict(fm.measure.measure_scaling({"n": PARAMS, "loss": np.array(PARAMS) ** -0.3}).answers())
    assert "bent" not in straight["power"]


@pytest.mark.parametrize("kind", ["bits", "counts"])
def test_own_data_of_bits_and_counts_have_smoothness(kind: str) -> None:
    """Their distances are roots of whole numbers, of which too few lay among the neighbours: nothing was measured."""
    rng = np.random.default_rng(1)
    points = rng.integers(0, 2, (600, 30)) if kind == "bits" else rng.poisson(1.0, (600, 20))
    linear = points @ rng.standard_normal(points.shape[1])
    own = fm.predict_own_data(points, linear)
    assert own.smoothness.variogram.value == pytest.approx(2.0, abs=0.4)
    assert own.data_exponent > 0.0
    noise = fm.predict_own_data(points, rng.permutation(linear))
    assert noise.data_exponent < 0.5 * own.data_exponent


def test_axes_that_changed_places_and_compute_of_another_rule_are_said() -> None:
    def said(**more: Any) -> str:
        return " ".join(fm.measure.measure_scaling({"n_params": P, "n_data": D, "loss": JOINT} | more)["warnings"])

    assert "changed places" not in said(compute=6 * P * D)
    assert "compute is" not in said(compute=6.5 * P * D)
    assert "use --cost 60" in said(compute=60 * P * D)
    assert "changed places" in said(n_params=D, n_data=P)
