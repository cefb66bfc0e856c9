"""scripts/referee: sets are what their truths say, answers become rows, a killed trial goes on, reports are written."""

from __future__ import annotations

import csv
import importlib
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman.experiments.engine import read_experiment, run_experiment

FOLDER = Path(__file__).resolve().parents[2] / "scripts" / "referee"
NAMES = (
    "elsewhere",
    "trial",
    "sets",
    "experiment",
    "report",
    "curves",
    "sizes",
    "hierarchies",
    "dictionaries",
    "dimension",
)


@pytest.fixture(scope="module")
def referee() -> Iterator[dict[str, ModuleType]]:
    """Its modules by name."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield {name: importlib.import_module(name) for name in NAMES}
    finally:
        sys.path.remove(str(FOLDER))
        for name in NAMES:
            sys.modules.pop(name, None)


def test_paths_have_the_covariance_of_fractional_brownian_motion(referee: dict[str, ModuleType]) -> None:
    paths = np.array([referee["sets"].brownian(0.7, 65, seed) for seed in range(3000)])
    for lag in (1, 8, 64):
        square = (paths[:, lag] - paths[:, 0]) ** 2
        due = lag**1.4
        assert abs(square.mean() - due) < 4 * square.std() / math.sqrt(3000)
        assert abs(square.mean() - 1.2 * due) > 4 * square.std() / math.sqrt(3000)


def test_sizes_follow_their_laws(referee: dict[str, ModuleType]) -> None:
    cases = {case.name: case for case in referee["sizes"].TRIAL.cases}
    n, first = 20_000, {}
    borel = cases["Borel, critical"].make(n, 1)
    for size, due in ((2, math.exp(-2.0)), (3, 1.5 * math.exp(-3.0)), (4, 8 / 3 * math.exp(-4.0))):  # s^(s−1) e^(−s)/s!
        assert np.mean(borel == size) == pytest.approx(due, abs=4 * math.sqrt(due / n))
    assert np.mean(borel >= 1000) == pytest.approx(math.sqrt(2 / (1000 * math.pi)), abs=4 * math.sqrt(0.025 / n))
    for name in ("Borel, critical", "Borel, mean .9 (cut-off)", "Yule–Simon p = 0.33"):
        first[name] = float(np.mean(cases[name].make(n, 0) == 1))
    assert first["Borel, critical"] == pytest.approx(math.exp(-1.0), abs=4 * 0.5 / math.sqrt(n))
    assert first["Borel, mean .9 (cut-off)"] == pytest.approx(math.exp(-0.9), abs=4 * 0.5 / math.sqrt(n))
    assert first["Yule–Simon p = 0.33"] == pytest.approx(1.5 / 2.5, abs=4 * 0.5 / math.sqrt(n))  # ρ/(ρ + 1)


def test_attractors_lie_where_they_should(referee: dict[str, ModuleType]) -> None:
    x = referee["sets"].cantor_product(1 / 3, 2, 500, 0)
    digits = np.floor(x[:, :, None] * 3.0 ** np.arange(1, 9) + 1e-9) % 3
    assert not (digits == 1).any()
    carpet = referee["sets"].carpet(500, 0)
    assert not ((np.floor(carpet * 3) == 1).all(axis=1)).any()


def test_triplets_are_those_of_the_tree(referee: dict[str, ModuleType]) -> None:
    data = fm.generate(fm.Cascade(n_points=60, branching=3, contraction=0.4, ambient_dim=24))
    tree = data.hierarchy
    triplets = referee["hierarchies"].odd_ones_out(tree, 60, 0, wanted=100)

    def chain(i: int) -> list[int]:
        out = [i]
        while tree.parent[out[-1]] >= 0:
            out.append(int(tree.parent[out[-1]]))
        return out

    for a, b, c in triplets.tolist():
        below = next(node for node in chain(a) if node in chain(b))
        assert below not in chain(c)
    perfect = np.array(
        [[-tree.depth[next(v for v in chain(i) if v in chain(j))] for j in range(60)] for i in range(60)]
    )
    score = referee["hierarchies"].agreement
    assert score(perfect.astype(float), triplets) == 1.0
    assert score(np.zeros((60, 60)), triplets) == pytest.approx(1 / 3)
    assert score(-perfect.astype(float), triplets) == 0.0


def test_cosines_of_known_directions(referee: dict[str, ModuleType]) -> None:
    score = referee["dictionaries"].mean_best_cosine
    true = np.eye(4)[:3]
    assert score(-2.0 * true[[2, 0, 1]], true) == pytest.approx(1.0)
    assert score(true[:2], true) == pytest.approx(2 / 3)
    assert score(np.eye(4)[3:], true) == 0.0


def test_failures_are_rows(referee: dict[str, ModuleType]) -> None:
    trial = referee["trial"]

    def refuses(_: int) -> float:
        raise ValueError("no answer")

    methods = (
        trial.Method("right", "numpy", lambda _: trial.Answer(1.0, 0.9, 1.1)),
        trial.Method("refuses", "numpy", refuses),
        trial.Method("nan", "numpy", lambda _: math.nan),
        trial.Method("too large", "numpy", lambda _: 1.0, most=5),
        trial.Method("not here", "no-such-package", lambda _: 1.0),
    )
    one = trial.Trial("toy", "?", "x", (trial.Case("case", 1.0, lambda n, _: n),), methods, (10,), ("case",))
    rows = trial.rows_of(one, one.cases[0], 10, 0)
    assert [row["method"] for row in rows] == ["right", "refuses", "nan"]
    assert [row["error"] for row in rows] == ["", "ValueError: no answer", "answered nan"]
    wide = trial.Method("wide", "numpy", lambda _: 1.0, wide=5)
    for columns, many in ((15, 1), (16, 0)):
        case = trial.Case("case", 1.0, lambda n, _, columns=columns: np.ones((n, columns)))
        assert len(trial.rows_of(replace(one, methods=(wide,)), case, 10, 0)) == many
    assert [row["method"] for row in trial.rows_of(one, one.cases[0], 10, 0, methods=("nan",))] == ["nan"]
    cells = referee["report"].cells_of(one, rows)
    assert cells["right", "case", 10].coverage == 1.0
    assert cells["refuses", "case", 10].failures == 1.0


def test_a_trial_goes_on_where_it_stopped(referee: dict[str, ModuleType], tmp_path: Path) -> None:
    experiment = referee["experiment"]
    spec = experiment.spec_of("curves", 2, (5,), ("pure .3", "floor .02, .5"))
    whole = run_experiment(experiment.Referee(), spec, tmp_path / "whole")
    half = tmp_path / "half"
    half.mkdir()
    lines = (tmp_path / "whole" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (half / "journal.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:20])
    again = run_experiment(experiment.Referee(), spec, half)

    def answers(rows: list[dict[str, object]]) -> list[dict[str, object]]:
        return [{k: v for k, v in row.items() if k not in ("seconds", "mebibytes")} for row in rows]

    assert answers(again) == answers(whole)
    assert answers(read_experiment(experiment.Referee(), half)) == answers(whole)
    trial = experiment.trial_of("curves")
    referee["report"].write_report(trial, whole, _root(tmp_path))
    checked, write = referee["report"].checked, referee["report"].write_report
    mine = [row for row in whole if row["method"] == "fractalman"]
    held = (tmp_path / "root" / "datasets" / "referee" / "curves.csv").read_text(encoding="utf-8")
    write(trial, mine, tmp_path / "root", keep=True)  # what is not asked again stays
    assert (tmp_path / "root" / "datasets" / "referee" / "curves.csv").read_text(encoding="utf-8") == held
    page = (tmp_path / "root" / "datasets" / "referee" / "curves.md").read_text(encoding="utf-8")
    assert "not asked again: at n = 5 fractalman, floor, " in page
    write(trial, whole, tmp_path / "root")
    cells = len({(row["method"], row["case"], row["n"]) for row in whole})
    assert (
        checked(trial, again, tmp_path / "root")
        == f"{cells} of {cells} cells are the same in every digit that the table has"
    )
    moved = [row | {"value": row["value"] + 0.5} if row["method"] == "fractalman" else row for row in whole]
    assert "others: fractalman in 2 (medians by up to 0.5)" in checked(trial, moved, tmp_path / "root")
    assert f"{cells} have fewer seeds" in checked(trial, [row for row in whole if row["seed"] == 0], tmp_path / "root")
    page = (tmp_path / "root" / "datasets" / "referee" / "curves.md").read_text(encoding="utf-8")
    assert "| fractalman | default |" in page
    assert "scipy curve_fit" in page
    assert (tmp_path / "root" / "docs" / "images" / "referee-curves.png").stat().st_size > 10_000


def test_a_package_asked_again_has_a_journal_of_its_own(
    referee: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = referee["experiment"]
    folder = tmp_path / "curves"
    spec = experiment.spec_of("curves", 2, (5,), ("pure .3", "floor .02, .5"))
    assert "only" not in spec.to_dict()  # journals of before are read
    first = run_experiment(experiment.Referee(), spec, folder)
    trial = experiment.trial_of("curves")
    ours = {one.name for one in trial.methods if one.package == "fractalman"}
    asked_for: list[str] = []

    def answers(name: str, value: float) -> float:
        asked_for.append(name)
        return value

    def changed(value: float) -> Any:
        methods = [
            replace(one, run=lambda _, one=one: answers(one.name, value)) if one.name in ours else one
            for one in trial.methods
        ]
        return replace(trial, methods=tuple(methods))

    monkeypatch.setattr(experiment, "trial_of", lambda _: changed(7.0))
    again = experiment.again_spec(folder, "fractalman", ["pure .3"])
    place = experiment.again_folder(folder, again)
    run_experiment(experiment.Referee(), again, place)
    assert len(asked_for) == 2 * len(ours)
    lines = (place / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (place / "journal.jsonl").write_bytes(b"".join(lines[:-1]))
    run_experiment(experiment.Referee(), again, place)
    assert len(asked_for) == 3 * len(ours)  # the task that was kept is not asked again
    rows = experiment.all_rows(folder)
    assert len(rows) == len(first)
    for row in rows:
        new = row["method"] in ours and row["case"] == "pure .3"
        assert (row["value"] == 7.0) == new, row
    monkeypatch.setattr(experiment, "build_of", lambda package: f"{package} 9")
    monkeypatch.setattr(experiment, "trial_of", lambda _: changed(8.0))
    later = experiment.again_spec(folder, "fractalman")
    assert experiment.again_folder(folder, later) != place
    run_experiment(experiment.Referee(), later, experiment.again_folder(folder, later))
    assert {row["value"] for row in experiment.all_rows(folder) if row["method"] in ours} == {8.0}


DADAPY = """
import os
class Data:
    def __init__(self, points): self.points = points
    def compute_distances(self, maxk): self.maxk = maxk
    def compute_id_2NN(self):
        print("chatter")
        if self.points.shape[1] == 1: raise ValueError("one column")
        if self.points.shape[1] == 3: os._exit(5)
        return float(self.points.sum()), 0.25, None
    def return_id_scaling_gride(self, range_max): return [1.0, float(self.maxk)], [0.1, 0.5], None
"""


def test_packages_elsewhere_are_asked_in_a_process_of_their_own(
    referee: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = referee["elsewhere"]
    monkeypatch.delenv("REFEREE_DADAPY", raising=False)
    elsewhere.version_elsewhere.cache_clear()
    assert elsewhere.version_elsewhere("dadapy") == "absent"
    assert elsewhere.version_elsewhere("no-such-package") == "absent"
    (tmp_path / "dadapy.py").write_text(DADAPY)
    (tmp_path / "dadapy-9.8.dist-info").mkdir()
    (tmp_path / "dadapy-9.8.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: dadapy\nVersion: 9.8\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("REFEREE_DADAPY", str(python))
    elsewhere.version_elsewhere.cache_clear()
    elsewhere._process.cache_clear()
    assert elsewhere.version_elsewhere("dadapy") == "9.8"
    points = np.arange(8.0).reshape(4, 2)
    said = elsewhere.asked("dadapy", "2NN", points)
    assert (said["value"], said["error"]) == (28.0, 0.25)
    assert said["seconds"] >= 0.0
    process = elsewhere._process("dadapy")
    assert elsewhere.asked("dadapy", "Gride", points)["value"] == 3.0
    assert elsewhere.asked("dadapy", "2NN", points[:, :1])["raised"] == "ValueError: one column"
    assert elsewhere._process("dadapy") is process
    with pytest.raises(RuntimeError, match="dadapy ended with status 5"):
        elsewhere.asked("dadapy", "2NN", np.zeros((4, 3)))
    assert elsewhere.asked("dadapy", "2NN", points)["value"] == 28.0  # a new one answers
    assert elsewhere._process("dadapy") is not process
    method = next(one for one in referee["dimension"].TRIAL.methods if one.package == "dadapy")
    answer = method.run(points)
    assert answer.low == pytest.approx(answer.value - 1.96 * (0.25 if "2NN" in method.name else 0.5))
    elsewhere._process("dadapy").kill()
    elsewhere._process("dadapy").wait()
    elsewhere._process.cache_clear()
    elsewhere.version_elsewhere.cache_clear()


def _root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "docs" / "images").mkdir(parents=True)
    return tmp_path / "root"


def test_every_trial_has_twelve_sets_and_a_figure(referee: dict[str, ModuleType]) -> None:
    for name in referee["experiment"].TRIALS:
        trial = referee["experiment"].trial_of(name)
        assert len({case.name for case in trial.cases}) == len(trial.cases) >= 12
        assert len({method.name for method in trial.methods}) == len(trial.methods)
        assert set(trial.figure) <= {case.name for case in trial.cases}
        assert math.isfinite(sum(case.truth for case in trial.cases))


def _tables(page: str) -> list[list[list[str]]]:
    """The tables of a page in Markdown, each a list of rows without the line of dashes."""
    tables: list[list[list[str]]] = []
    inside = False
    for line in page.splitlines():
        if line.startswith("|"):
            if not inside:
                tables.append([])
            if not line.startswith("|---"):
                tables[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        inside = line.startswith("|")
    return tables


def _disagreements(trial: Any, page: str, data: list[dict[str, str]]) -> list[str]:
    """What a committed page's tables say otherwise than the committed data behind them."""
    by_method, by_case = _tables(page)[:2]
    sizes = [int(cell.removeprefix("n = ")) for cell in by_method[0] if cell.startswith("n = ")]
    named = {m.name: m.name if m.package in m.name else f"{m.package} {m.name}" for m in trial.methods}
    given = {name: [row for row in data if row["method"] == name] for name in {row["method"] for row in data}}
    rows = {row[0]: row for row in by_method[1:]}
    wrong = []
    if set(rows) != {named[name] for name in given}:
        wrong.append(f"methods {sorted(rows)}")
    for name, mine in given.items():
        for size, cell in zip(sizes, rows.get(named[name], [])[2:], strict=False):
            errors = [float(row["rms_error"]) for row in mine if int(row["n"]) == size and row["rms_error"]]
            due = float(np.median(errors)) if errors else math.nan
            if (cell == "–") != math.isnan(due) or (cell != "–" and abs(float(cell) - due) > 6e-4 + 1e-3 * due):
                wrong.append(f"{name} at {size}: {cell}, {due:.4f}")
    for row in by_case[1:]:
        for name, cell in zip(by_case[0][2:], row[2:], strict=True):
            medians = {int(one["n"]): one["median"] for one in given[name] if one["case"] == row[0]}
            due_text = medians[max(medians)] if medians else ""
            if (cell == "–") != (due_text == "") or (
                cell != "–" and abs(float(cell) - float(due_text)) > 6e-4 * max(1.0, abs(float(due_text)))
            ):
                wrong.append(f"{name} on {row[0]}: {cell}, {due_text}")
    return wrong


@pytest.mark.parametrize(
    "name", ["dimension", "roughness", "sizes", "curves", "hierarchies", "dictionaries", "learners"]
)
def test_committed_tables_are_those_of_the_committed_data(referee: dict[str, ModuleType], name: str) -> None:
    folder = FOLDER.parents[1] / "datasets" / "referee"
    trial = referee["experiment"].trial_of(name)
    page = (folder / f"{name}.md").read_text(encoding="utf-8")
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        data = list(csv.DictReader(file))
    assert not _disagreements(trial, page, data)
    other = [row | {"median": str(float(row["median"]) + 0.1)} if row["median"] else row for row in data]
    assert len(_disagreements(trial, page, other)) > 10
