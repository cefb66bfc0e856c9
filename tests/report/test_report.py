"""The report: tables, figures and the page of a run whose learners are played and whose numbers are known."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stand_ins import StandIns

from fractalman import report, runs
from fractalman.errors import MissingExtraError
from fractalman.experiments import Result, load_spec, run_sweep
from fractalman.experiments.levels import Level
from fractalman.families.cascade.recipe import Cascade
from fractalman.families.percolation_cluster.recipe import PercolationCluster
from fractalman.generation import generate
from fractalman.learners import Learner, Outcome, Problem
from fractalman.prediction import Curve
from fractalman.random.streams import Role, key64, normals
from fractalman.recipes import Recipe
from fractalman.report import figures, forecasts, page, tables
from fractalman.report.csv_text import csv_text
from fractalman.theory import Law

MATRIX = ["matrix.csv", "matrix.json"]
SPEC: dict[str, Any] = {
    "recipe": {"family": "percolation-cluster", "n_points": 4096, "ambient_dim": 3, "label": "hierarchical", "seed": 5},
    "sweep": {"learners": ["1-nn", "ridge", "mlp"], "train_sizes": [16, 32, 64, 128, 512], "seeds": 3, "test_size": 50},
}


class Played(Learner):
    """Makes an error of known size: n^(-1/2), flat for ridge; the network stops interpolating at n = 128."""

    capacity: ClassVar[str] = "grows with n"

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        self.kind, self.settings = name, settings

    @property
    def conventions(self) -> str:
        return f"{self.kind} keeps to <none> & says so"

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        outcomes = []
        for problem in problems:
            scatter = float(normals(key64(problem.key, Role.VALIDATION), 1)[0])
            risk = (1.0 if self.kind == "ridge" else problem.n**-0.5) * math.exp(0.02 * scatter)
            train = risk * (0.5 if problem.n >= 128 else 0.01) if self.kind == "mlp" else 0.0
            info = {"stopped": "budget" if problem.n >= 128 else "interpolated"} if self.kind == "mlp" else {}
            shape = (problem.X_test.shape[0], problem.y_train.shape[1])
            outcomes.append(Outcome(np.full(shape, math.sqrt(risk)), train, info))
        return outcomes


SQUARE_ROOT = Law(
    name="square root",
    statement="L ~ n^-1/2 < 1",
    data_exponent=0.5,
    model_exponent=0.5,
    source="made up",
    evidence="by hand",
    reason="because",
    domain="everywhere",
    assumptions=("none",),
)


@dataclasses.dataclass
class Foretold:
    """A prediction of exponent 1/2 with a curve for 1-NN only."""

    learner: str
    law: Law = SQUARE_ROOT
    population: float = math.inf
    affordable: float = math.inf
    within_variance: float = 0.5
    has_floor: bool = False
    loss: str = "squared"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.law, name)

    @property
    def has_curve(self) -> bool:
        return self.learner == "1-nn"

    def curve(self, n: Any) -> SimpleNamespace:
        n = np.asarray(n)
        return Curve(n, n**-0.5, 0.01 * n**-0.5, "exact")

    def local_exponent(self, low: int, high: int, sizes: Any = None) -> SimpleNamespace:
        assert low < high
        assert sizes is None or len(sizes)
        return SimpleNamespace(value=0.5, standard_error=0.001)


def silent_data(recipe: Recipe) -> Any:
    data = generate(recipe)
    return dataclasses.replace(data, y=np.zeros(data.n_points))


PLAYED = StandIns(
    generate=silent_data,
    label_draws=lambda data, draws: np.zeros((data.n_points, draws)),
    label_modes=lambda *_: [],  # labels of 0 are none that a recipe declares
    bayes_risk=lambda _, observed: np.full(int((~observed).sum()), 0.5 * float(observed.sum()) ** -0.5),
    within_variance=lambda _: 0.5,
    make=Played,
    predict=lambda _, learner, **__: Foretold(learner),
)


def played_run(folder: Path) -> Result:
    """A sweep whose learners are played."""
    with PLAYED.playing():
        return run_sweep(load_spec(SPEC), folder)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return played_run(tmp_path_factory.mktemp("sweep") / "run")


def foreign(html: str) -> list[str]:
    """Return everything in a page that would be fetched or run."""
    found = re.findall(r"<(?:script|link|iframe|object|embed)\b[^>]*>|@import[^;]*", html)
    found += [url for url in re.findall(r'(?:src|href)="([^"]*)"', html) if not url.startswith(("data:image/", "#"))]
    return found + re.findall(r"url\([^)]*\)", html)


# ---------------------------------------------------------------------------------------------------- the page


def test_the_page_is_whole_and_alone(result: Result, tmp_path: Path) -> None:
    path = report.write_report(result, tmp_path)
    html = path.read_text(encoding="utf-8")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["SHA256SUMS", *MATRIX, "points.csv", "report.html"]
    assert foreign(html) == []
    assert html.count("<img src=") == 3  # curves, training shares, the fractal
    for text in ("1-nn", "mlp", "budget-limited", "population-limited", "Bayes floor", "V<sub>in</sub> = 0.500"):
        assert text in html
    assert "keeps to &lt;none&gt; &amp; says so" in html
    assert "<none>" not in html
    assert "n^-1/2 &lt; 1" in html
    assert "keeps to" in html
    assert "max_fraction = 0.0625" in html


@pytest.mark.parametrize(
    "html",
    ['<img src="https://example.org/x.png">', "<script>1</script>", '<a href="other.html">', "a { src: url(x.woff) }"],
)
def test_a_page_that_fetches_something_is_noticed(html: str) -> None:
    assert foreign(html)


@pytest.mark.slow(reason="every figure is rendered twice")
def test_the_same_run_gives_the_same_bytes(result: Result, tmp_path: Path) -> None:
    first = report.write_report(result, tmp_path).read_bytes()
    assert report.write_report(result, tmp_path).read_bytes() == first


def test_the_summary_counts_the_verdicts(result: Result) -> None:
    agrees = [verdict.agrees for verdict in result.verdicts]
    assert agrees == [True, False, True]
    assert page.summary_words([result]) == "Of 3 comparisons 2 agree and 1 differs."
    unknown = dataclasses.replace(result.verdicts[0], agrees=None)
    more = dataclasses.replace(result, verdicts=(*result.verdicts, unknown))
    assert page.summary_words([more]) == "Of 4 comparisons 2 agree and 1 differs; 1 could not be decided."


def test_what_the_fit_left_out_is_drawn_hollow(result: Result) -> None:
    drawn = {verdict.learner: page.curve_of(result, verdict).fitted for verdict in result.verdicts}
    assert drawn == {"1-nn": {16, 32, 64, 128}, "ridge": {16, 32, 64, 128}, "mlp": {16, 32, 64}}
    unfitted = dataclasses.replace(result.verdicts[0], window=None, fitted=(), measured=None, agrees=None, fit=None)
    assert page.curve_of(result, unfitted).fitted == frozenset()
    assert figures.learning_curves([page.curve_of(result, unfitted)], None).startswith(b"<?xml")


def test_the_drawn_line_is_the_fit(result: Result) -> None:
    from matplotlib.figure import Figure

    curve = page.curve_of(result, result.verdicts[2])
    axes = Figure().add_subplot()
    figures._draw_curve(axes, curve, "#000000", "o")
    line = next(line for line in axes.lines if line.get_linewidth() == 2.0)
    x, y = np.log(np.asarray(line.get_xdata(), float)), np.log(np.asarray(line.get_ydata(), float))
    sizes, mean = curve.means(curve.risk)
    slope, offset = np.polyfit(np.log(sizes[:3]), np.log(mean[:3]), 1)
    np.testing.assert_allclose(y, slope * x + offset, rtol=1e-9)
    assert np.abs(slope + 0.5) < 0.05


def test_a_learner_without_training_risk_has_no_share(result: Result) -> None:
    curves = [page.curve_of(result, verdict) for verdict in result.verdicts]
    assert figures.training_shares(curves[:2], 0.1) is None
    assert figures.training_shares(curves, 0.1) is not None


@pytest.mark.usefixtures("sketched")
def test_a_report_that_fails_leaves_the_old_one(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = report.write_report(result, tmp_path)
    before = path.read_bytes()
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if target.name == "report.html":
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        report.write_report(result, tmp_path)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["SHA256SUMS", *MATRIX, "points.csv", "report.html"]


def test_without_matplotlib_the_extra_is_named(result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match="pip install matplotlib"):
        report.write_reports({"run": result}, tmp_path, "title")
    with pytest.raises(MissingExtraError):
        runs.run_confirmation(SPEC, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------------------------------------- tables


def test_the_csv_holds_every_point(result: Result, tmp_path: Path) -> None:
    text = report.write_points(result, tmp_path).read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == len(result.points) == 4 * 5 * 3
    for row, point in zip(rows, result.points, strict=True):
        assert (row["learner"], int(row["n"]), int(row["seed"])) == (point.learner, point.n, point.seed)
        assert float(row["risk"]) == point.risk
        assert float(row["risk_over_v_in"]) == point.risk / 0.5
        assert json.loads(row["info"]) == dict(point.info)
        assert row["regime"] == point.regime


def test_the_closing_table_says_what_a_person_needs(result: Result) -> None:
    lines = report.verdict_lines(result)
    assert lines[0].startswith("percolation-cluster: label hierarchical")
    row = {line.split()[0]: line for line in lines if line.strip()}
    assert row["1-nn"].endswith("agrees")
    assert re.search(r"differs: \d+\.\d standard errors below$", row["ridge"])
    assert "16 … 64" in row["mlp"]


def test_a_verdict_without_an_answer_says_why(result: Result) -> None:
    verdict = dataclasses.replace(
        result.verdicts[0], agrees=None, reason="not measurable: 2 sizes", measured=None, window=None, half_width=None,
        predicted_local=None, sigma=None,
    )  # fmt: skip
    assert tables.verdict_row(verdict) == ["1-nn", "—", "—", "0.500", "—", "—", "no verdict"]
    lines = report.verdict_lines(dataclasses.replace(result, verdicts=(verdict,)))
    assert lines[-1] == "1-nn: not measurable: 2 sizes"


@pytest.mark.usefixtures("sketched")
def test_the_first_screen_says_what_came_out(result: Result, tmp_path: Path) -> None:
    html = report.write_reports({"a": result, "b <i>": result}, tmp_path, "two runs").read_text(encoding="utf-8")
    first = html.partition("<h2 id=")[0]
    assert first.count("<img src=") == 4  # of each run the fractal and the curves
    assert re.search(r"<b>1-nn</b> falls as predicted: 0\.\d{3} ± 0\.\d{3} where 0\.500 was due", first)
    assert re.search(r"<b>ridge</b> falls more slowly than predicted: \S+ ± 0\.\d{3} where 0\.500 was due", first)
    assert "<i>" not in html
    assert "b &lt;i&gt;" in first
    for leaked in (r"\d floors", "— of —", "None", "<td>—</td>"):
        assert not re.search(leaked, re.sub(r'src="[^"]*"', "", html)), leaked
    assert html.count("keeps to &lt;none&gt; &amp; says so") == len(result.conventions)  # once for both runs


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"agrees": True}, "falls as predicted: 0.498 ± 0.031 where 0.500 was due"),
        ({"agrees": False, "measured": 0.3}, "falls more slowly than predicted: 0.300 ± 0.031 where 0.500 was due"),
        ({"agrees": False, "measured": 0.7}, "falls faster than predicted: 0.700 ± 0.031 where 0.500 was due"),
        ({"agrees": None, "reason": "too wide"}, "falls with 0.498 ± 0.031 where 0.500 was due: too wide"),
        ({"agrees": None, "measured": None, "reason": "2 sizes"}, "was not measured where 0.500 is due: 2 sizes"),
        (
            {"agrees": None, "predicted": None, "predicted_local": None, "reason": "no law"},
            "falls with 0.498 ± 0.031, and nothing is predicted for it: no law",
        ),
    ],
)
def test_a_verdict_is_one_sentence(result: Result, changes: dict[str, Any], sentence: str) -> None:
    plain = {"measured": 0.498, "half_width": 0.031, "predicted_local": 0.5, "predicted": 0.51, "reason": "x"}
    verdict = dataclasses.replace(result.verdicts[0], **{**plain, **changes, "level": None})
    assert tables.verdict_sentence(verdict) == sentence


@pytest.mark.parametrize(
    ("measured", "agrees", "slope", "sentence"),
    [
        (0.5, True, True, "falls as predicted: 0.500 ± 0.031 where 0.500 was due; level 1.02 ± 0.05 of the prediction"),
        (None, True, None, "has the predicted risk: 1.02 ± 0.05 times it at 3 sizes from n = 64 to 1,024"),
        (None, None, None, "has 1.02 ± 0.05 times the predicted risk at 3 sizes from n = 64 to 1,024, too"),
        (None, False, None, "has 1.02 ± 0.05 times the predicted risk at 3 sizes from n = 64 to 1,024, where 1 was"),
        (0.5, False, True, "has 1.02 ± 0.05 times the predicted risk at 3 sizes from n = 64 to 1,024, where 1 was"),
        (0.3, False, False, "falls more slowly than predicted: 0.300 ± 0.031 where 0.500 was due; level 1.02 ± 0.05"),
    ],
)
def test_a_level_is_part_of_the_sentence(
    result: Result, measured: float | None, agrees: bool | None, slope: bool | None, sentence: str
) -> None:
    """A learner judged by its level alone was measured, and reads so."""
    level = Level(1.02, 0.05, 0.8, 0.5, agrees, "x", (64, 256, 1024), (1.0, 1.0, 1.1))
    verdict = dataclasses.replace(
        result.verdicts[0], level=level, measured=measured, agrees=agrees, slope_agrees=slope, half_width=0.031,
        predicted_local=0.5, sigma=-9.0,
    )  # fmt: skip
    words = tables.verdict_sentence(verdict)
    assert words.startswith(sentence)
    assert "not measured" not in words
    assert ("no exponent was fitted" in words) == (measured is None)
    assert tables.verdict_row(verdict)[4] == "1.02 ± 0.05"


def test_a_cell_that_a_spreadsheet_would_run_is_quoted() -> None:
    rows = [{"a": "=1+1", "b": -0.5}, {"a": "@x", "b": None, "c": [1, "-2"]}, {"a": "+1"}, {"a": "-1"}, {"a": "1-nn"}]
    found = list(csv.reader(csv_text(rows).splitlines()))
    assert found[0] == ["a", "b", "c"]
    assert [row[0] for row in found[1:]] == ["'=1+1", "'@x", "'+1", "'-1", "1-nn"]
    assert [row[1] for row in found[1:3]] == ["-0.5", ""]
    assert json.loads(found[2][2]) == [1, "-2"]
    assert csv_text([]) == ""
    assert csv_text([], ["n"]) == "n\n"
    assert csv_text([{"n": 0.1 + 0.2}]) == "n\n0.30000000000000004\n"
    assert csv_text([{"n": 0.1 + 0.2}], digits=6) == "n\n0.3\n"


def test_prediction_tables_and_lines() -> None:
    recipe = PercolationCluster(n_points=4096)
    table = forecasts.prediction_table(Foretold("1-nn"), recipe, [16, 256])  # type: ignore[arg-type]
    assert table["local_exponent"] == {"from": 16, "to": 256, "value": 0.5, "standard_error": 0.001}
    assert table["curve"]["risk"] == [0.25, 0.0625]
    json.dumps(table, allow_nan=False)
    text = "\n".join(forecasts.prediction_lines(table))
    for part in ("n^-0.5000", "0.5000 ± 0.0010 from n = 16 to 256", "made up", "by hand", "- none", "0.06250"):
        assert part in text
    other = forecasts.prediction_table(Foretold("ridge"), recipe)  # type: ignore[arg-type]
    assert other["curve"] is None
    assert other["local_exponent"] is None


@pytest.mark.parametrize("n_points", [1, 2, 5, 40, 4096, 10**6])
def test_default_sizes_can_be_predicted(n_points: int) -> None:
    sizes = forecasts.default_sizes(n_points)
    assert sizes == sorted(set(sizes))
    assert sizes[0] >= 1
    assert sizes[-1] <= max(1, n_points // 16)
    assert forecasts.default_sizes(math.inf)[-1] == 10**6
    assert forecasts.default_sizes(math.inf, 5000)[-1] == 3000


_plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(Path("x")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(_plain)
def test_whatever_is_printed_is_json(value: Any) -> None:
    text = json.dumps(tables.jsonable({"value": value}), allow_nan=False)
    assert list(json.loads(text)) == ["value"]
    assert tables.lines_of({"value": value})


def test_arrays_and_numpy_scalars_are_json() -> None:
    value = {"a": np.arange(2), "b": np.float32(0.5), "c": np.int64(3), "d": np.nan, "e": np.bool_(True), "f": math.inf}
    assert tables.jsonable(value) == {"a": [0, 1], "b": 0.5, "c": 3, "d": None, "e": True, "f": None}


@given(st.lists(st.lists(st.text(alphabet="ab1 ", max_size=6), min_size=3, max_size=3), max_size=5))
def test_columns_of_a_text_table_line_up(rows: list[list[str]]) -> None:
    lines = tables.text_table(["first", "second", "x"], rows)
    widths = [max([len(h), *(len(row[i]) for row in rows)]) for i, h in enumerate(["first", "second", "x"])]
    assert len(lines) == len(rows) + 1
    assert all(len(line) <= sum(widths) + 4 for line in lines)
    for line, row in zip(lines[1:], rows, strict=True):
        cell = line.ljust(sum(widths) + 4)[widths[0] + 2 : widths[0] + 2 + widths[1]]
        assert cell.strip() == row[1].strip()


# ---------------------------------------------------------------------------------------------------- the picture


@pytest.mark.parametrize("recipe", [PercolationCluster(n_points=300, ambient_dim=4), Cascade(n_points=300)])
def test_coarse_subclusters_are_the_largest_that_are_small_enough(recipe: Recipe) -> None:
    h = generate(recipe).hierarchy
    assert h is not None
    group = figures.coarse_groups(h, 0.15)
    head = []
    for point in range(300):  # the highest ancestor that holds at most 45 points, climbed one by one
        node = point
        while h.parent[node] >= 0 and h.size[h.parent[node]] <= 45:
            node = int(h.parent[node])
        head.append(node)
    assert len(set(zip(head, group.tolist(), strict=True))) == len(set(head)) == group.max() + 1
    counts = np.bincount(group)
    assert (np.diff(counts) <= 0).all()
    assert counts.sum() == 300
    assert np.bincount(figures.coarse_groups(h, 0.5)).size < counts.size  # the threshold matters


def test_one_point_is_one_group() -> None:
    h = generate(PercolationCluster(n_points=1)).hierarchy
    assert h is not None
    assert figures.coarse_groups(h).tolist() == [0]
    assert figures.fractal_picture(generate(PercolationCluster(n_points=1))).startswith(b"\x89PNG")


def test_the_principal_plane_is_the_one_with_the_largest_variance() -> None:
    X = normals(key64(3, Role.MEASUREMENT), 600).reshape(100, 6) * np.array([1, 9, 1, 1, 4, 1])
    plane, shares = figures.principal_plane(X)
    eigenvalues = np.linalg.eigvalsh(np.cov(X.T))
    np.testing.assert_allclose(plane.var(axis=0, ddof=1), eigenvalues[::-1][:2], rtol=1e-9)
    np.testing.assert_allclose(shares, eigenvalues[::-1][:2] / eigenvalues.sum(), rtol=1e-9)
    assert X[:, :2].var(axis=0).sum() < plane.var(axis=0).sum()
