"""The scripts that run for hours, run for seconds: the long statistical tier and the gallery."""

from __future__ import annotations

import csv
import itertools
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from fractalman import theory


def run(repository: Path, script: str, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(repository), "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, str(repository / "scripts" / script), *words],
        capture_output=True, text=True, timeout=300, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done


@pytest.fixture
def tier(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The package of the checks."""
    monkeypatch.syspath_prepend(str(repository / "scripts"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "FRACTALMAN_THREADS"):
        monkeypatch.setenv(variable, os.environ.get(variable, "1"))  # the command sets them; they go with the test
    import _long_tier

    return _long_tier


# ---------------------------------------------------------------------------------------------------- the command


def start(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run the command in this process."""
    import verify_statistics as command

    monkeypatch.setattr(sys, "argv", ["verify_statistics.py", *words])
    return command.main()


def test_the_checks_are_listed(
    tier: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(monkeypatch, "--list") == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines]
    assert len(names) == len(set(names)) == len(tier.CHECKS) > 120
    kinds = (
        "seeds A1 A2 A3 A4 A5 A8 embedding labels cascade sizes bethe lattice/tau lattice/threshold manifold nesting"
    )
    for kind in kinds.split():
        assert any(name.startswith(f"{kind}/") for name in names), kind
    assert all("control" in line for line in lines)


@pytest.mark.slow(reason="processes that draw and check")
def test_a_small_run_writes_its_report_and_is_not_repeated(
    repository: Path,
    tier: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert tier
    words = ["--only", "A1/c*/N=5", "--only", "A4/c*/N=10", "--scale", "0.02", "-o", str(tmp_path)]
    done = run(repository, "verify_statistics.py", *words, "--jobs", "2")
    report = Path(done.stdout.strip())
    assert report == tmp_path / "report.md"
    text = report.read_text(encoding="utf-8")
    assert "**2 of 2 checks passed.**" in text
    assert "Scale 0.02" in text  # a thin run says that it is one
    with (tmp_path / "report.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["check"] for row in rows] == ["A1/coalescent/N=5", "A4/coalescent/N=10"]
    assert {row["verdict"] for row in rows} == {"ok"}
    assert rows[0]["date"] in text
    journal = (tmp_path / "results.jsonl").read_text(encoding="utf-8")
    # a killed run's half a line, and one check more
    (tmp_path / "results.jsonl").write_text(journal + '{"name": "A3/coal', encoding="utf-8")
    words[1] = "A[12]/c*/N=*5"
    words[3] = "A[34]/c*/N=10"
    assert start(monkeypatch, *words) == 0
    said = capsys.readouterr().err
    assert "2 of 3 checks are done already" in said
    assert "[3/3] A3/coalescent/N=10" in said
    assert "A1" not in said
    after = (tmp_path / "results.jsonl").read_text(encoding="utf-8")
    assert after.startswith(journal + '{"name": "A3/coal\n{"name": "A3/coalescent/N=10"')
    assert "**3 of 3 checks passed.**" in report.read_text(encoding="utf-8")
    pytest.importorskip("matplotlib")
    assert (tmp_path / "p-values.png").stat().st_size > 5_000
    assert {p.name for p in (tmp_path / "qq").glob("*.png")} >= {"A3-coalescent-N=10.png"}


def test_what_cannot_be_met_is_refused(
    tier: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tier
    for words in (["--only", "A9/*"], ["--jobs", "0"], ["--scale", "2"]):
        assert start(monkeypatch, *words, "-o", str(tmp_path / "out")) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


ONE_OF_EVERY_KIND = [
    "sizes/largest/borel,number",
    "bethe/giant-share/z=3,p=0.6",
    "cascade/dimensions/three-kinds",
    "manifold/angles/torus,D=2",
    "lattice/fractal-dimension/d=2,site",
    "nesting/labels/left-out=10",
]


@pytest.mark.slow(reason="many nested clusters", only=["nesting/labels/left-out=10"])
@pytest.mark.parametrize("name", ONE_OF_EVERY_KIND)
def test_a_check_of_every_kind_runs(tier: ModuleType, name: str) -> None:
    """As thin as it goes: controls may stand, laws may not break."""
    found = tier.CHECKS[name](1e-4)
    assert 1e-3 / 150 < found.p <= 1.0
    assert 0.0 <= found.control < found.p
    assert abs(np.mean(found.scores)) < 2.0


def test_a_check_that_fails_is_named_and_stops_no_other(
    tier: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from _long_tier import journal

    def broken(_scale: float) -> None:
        raise ZeroDivisionError("by nothing")

    def fine(_scale: float) -> object:
        return tier.Outcome(0.5, 7, 0.0)

    monkeypatch.setattr(tier, "CHECKS", {"a": broken, "b": fine})
    monkeypatch.setattr(journal, "code_digest", lambda: "x")
    assert start(monkeypatch, "-o", str(tmp_path)) == 1
    assert "ZeroDivisionError: by nothing" in capsys.readouterr().err
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "**1 of 2 checks passed.**" in text
    assert "Not run: a." in text
    monkeypatch.setitem(tier.CHECKS, "a", fine)
    assert start(monkeypatch, "-o", str(tmp_path)) == 0
    assert "b:" not in capsys.readouterr().err  # it is not repeated


def test_time_left(tier: ModuleType, tmp_path: Path) -> None:
    import verify_statistics as command

    assert tier
    assert command.time_left(60.0, ["a"], ["b", "c"], {}) == "2 min left"
    assert command.time_left(60.0, ["a"], ["b", "c"], {"a": 1.0, "b": 8.0, "c": 1.0}) == "9 min left"
    assert command.expected_seconds(tmp_path / "none.csv") == {}
    (tmp_path / "some.csv").write_text('check,cpu_seconds\n"x,y",3.5\n', encoding="utf-8")
    assert command.expected_seconds(tmp_path / "some.csv") == {"x,y": 3.5}


def test_results_hold_for_their_code(tier: ModuleType, tmp_path: Path) -> None:
    from _long_tier import journal

    assert tier
    path = tmp_path / "results.jsonl"
    first = journal.Journal(path, "one", 1.0)
    first.add({"name": "x", "p": 0.5})
    assert journal.Journal(path, "one", 1.0).results["x"]["p"] == 0.5
    for other in (journal.Journal(path, "two", 1.0), journal.Journal(path, "one", 0.5)):
        assert other.results == {}
        assert other.others == 1
    for folder in ("fractalman", "scripts/_long_tier"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.py").write_text("1\n", encoding="utf-8")
    before = journal.code_digest(tmp_path)
    (tmp_path / "scripts" / "_long_tier" / "a.py").write_text("2\n", encoding="utf-8")
    assert journal.code_digest(tmp_path) != before
    scores = np.random.default_rng(1).standard_normal(10_000)
    kept = journal.thinned(scores.tolist())
    assert len(kept) == 400
    assert np.interp(0.9, (np.arange(400) + 0.5) / 400, kept) == pytest.approx(np.quantile(scores, 0.9), abs=0.02)


def test_a_broken_law_would_be_noticed(tier: ModuleType) -> None:
    from _long_tier import report

    assert tier
    verdict = report.verdict
    threshold = 1e-3 / 60
    assert verdict({"p": 0.2, "control": 1e-12}, threshold) == "ok"
    assert verdict({"p": 1e-6, "control": 1e-12}, threshold) == "LAW BROKEN"
    assert verdict({"p": float("nan"), "control": 1e-12}, threshold) == "LAW BROKEN"
    assert verdict({"p": 0.2, "control": 1e-3}, threshold) == "CONTROL NOT REJECTED"
    row = {"name": "x", "p": 1e-9, "n": 10, "control": 0.0, "seconds": 1.0, "remark": "", "date": "2020-02-02"}
    assert "x (LAW BROKEN)" in report.as_markdown([row], threshold, 1.0, 60, "code")
    later = {**row, "date": "2020-02-03"}
    assert "2020-02-02 to 2020-02-03" in report.as_markdown([row, later], threshold, 1.0, 60, "code")


# ---------------------------------------------------------------------------------------------------- tests of tests


def test_means_of_vectors(tier: ModuleType) -> None:
    rng = np.random.default_rng(5)
    mix = np.array([[1.0, 0.9, 0.0], [0.0, 0.2, 0.0], [0.3, 0.0, 0.01]])
    p = [tier.core.mean_test(rng.standard_normal((60, 3)) @ mix, np.zeros(3))[0] for _ in range(400)]
    assert np.quantile(p, [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.07)
    sample = rng.standard_normal((2_000, 3)) @ mix
    assert tier.core.mean_test(sample, np.array([0.0, 0.05, 0.0]))[0] < 1e-9  # one standard error, across the others
    with_constant = np.column_stack([sample, np.full(2_000, 3.0)])
    assert tier.core.mean_test(with_constant, np.zeros(4))[0] == tier.core.mean_test(sample, np.zeros(3))[0]


def test_errors_of_exponents(tier: ModuleType) -> None:
    core = tier.core
    x = np.random.default_rng(3).normal(2.0, 0.5, 200)
    groups = np.stack([x, np.ones(200)], axis=1)
    found = core.jackknife(groups, lambda total: (float(total[0] / total[1]), 0.0))  # a mean: its plain standard error
    assert found.value == pytest.approx(x.mean())
    assert found.error == pytest.approx(x.std(ddof=1) / np.sqrt(200))
    np.testing.assert_allclose(found.scores, (x - x.mean()) / x.std(ddof=1), atol=1e-9)
    assert found.against(found.value) == 1.0
    assert found.against(found.value + 5 * found.error) < 1e-5
    wider = core.Measured(found.value, found.error, 2 * found.error, 200, found.scores)
    assert wider.against(found.value + 5 * found.error) > 0.02
    for rest in (0.5, 0.4):  # what halves, or falls to two fifths, between two sizes
        values = [1.0 + 0.3 * rest**k for k in range(2)]
        for rule in (core.settled, core.extrapolated):
            value, allowance = rule(*values)
            assert abs(value - 1.0) <= allowance
    assert core.extrapolated(1.3, 1.15)[0] == pytest.approx(1.0)
    slow = [1.0 + 0.3 * 0.8**k for k in range(2)]
    assert all(abs(rule(*slow)[0] - 1.0) > rule(*slow)[1] for rule in (core.settled, core.extrapolated))


def test_exponents_of_exact_growth(tier: ModuleType) -> None:
    sides = np.array([8, 16, 32, 64])
    value, allowance = tier.lattices.growth(3.0 * sides**1.7 * (1 + 0.5 / sides), sides)
    assert value == pytest.approx(1.7, abs=2e-3)
    assert allowance < 0.02


def test_filling_by_renewal(tier: ModuleType) -> None:
    """Against the list of all ways to fill four points, with redrawing and with cutting."""
    law = np.array([0.0, 0.5, 0.2, 0.1, 0.05])  # 0.15 lies beyond

    def ways(left: int, cut: bool) -> list[tuple[float, tuple[int, ...]]]:
        if left == 0:
            return [(1.0, ())]
        chance = law[1 : left + 1].copy()
        if cut:
            chance[-1] += 1.0 - chance.sum()
        else:
            chance /= chance.sum()
        return [(c * p, (s, *rest)) for s, c in enumerate(chance, 1) for p, rest in ways(left - s, cut)]

    for cut in (False, True):
        all_ways = ways(4, cut)
        assert sum(p for p, _ in all_ways) == pytest.approx(1.0)
        value = np.stack([np.ones(5), np.arange(5.0) ** 2], axis=1)
        found = tier.sizes.expected(law, value, cut)
        assert found == pytest.approx(
            [sum(p * len(w) for p, w in all_ways), sum(p * sum(s * s for s in w) for p, w in all_ways)]
        )
        largest = tier.sizes.largest_law(law, np.array([1, 2, 4]), cut)
        assert largest == pytest.approx([sum(p for p, w in all_ways if max(w) <= b) for b in (1, 2, 4)])


def test_the_partitions_of_the_process(tier: ModuleType) -> None:
    law = tier.sizes.partitions(7)
    assert sum(law.values()) == pytest.approx(1.0)
    numbers = sum(p * np.bincount(sizes, minlength=8) for sizes, p in law.items())
    np.testing.assert_allclose(numbers, theory.yule_simon_expected_numbers(7, 7), atol=1e-14)
    assert sum(p * sum(s * s for s in sizes) for sizes, p in law.items()) == pytest.approx(tier.sizes.mean_square(7))
    assert tier.sizes.partitions(2) == {(1, 1): pytest.approx(1 / 3), (2,): pytest.approx(2 / 3)}


def test_the_planted_lattice_is_another(tier: ModuleType) -> None:
    """A root with z − 1 places: by its recursion G = x (1 − p + p G)^(z−1), coefficient by coefficient."""
    z, p = 3, 0.4
    series = np.zeros(7)
    for _ in range(7):
        branch = p * series
        branch[0] += 1 - p
        series = np.concatenate([[0.0], np.convolve(branch, branch)[:6]])
    law = tier.bethe.planted_numbers(z, p, 6)
    np.testing.assert_allclose(law[1:] * np.arange(1, 7), series[1:], rtol=1e-12)
    assert abs(law / law.sum() - theory.bethe_cluster_numbers(z, p, 6) / 0.4).max() > 0.01


def test_the_cells_of_a_drawn_tree(tier: ModuleType) -> None:
    for name, (recipe, levels, _) in tier.cascades.TREES.items():
        log_mass, log_size = tier.cascades.cells(recipe, levels, 3)
        assert np.exp(log_mass).sum() == pytest.approx(1.0)
        if name == "k=4":
            np.testing.assert_allclose(log_mass, -4 * np.log(2.0))
            np.testing.assert_allclose(log_size, -2 * np.log(2.0))
        if name == "one-kind":
            masses = [np.prod(m) for m in itertools.product((0.7, 0.2, 0.1), repeat=4)]
            np.testing.assert_allclose(np.sort(np.exp(log_mass)), np.sort(masses))


@pytest.mark.parametrize(("kind", "dim"), [("sphere", 1), ("sphere", 2), ("torus", 2), ("cube", 3), ("cube", 1)])
def test_moments_of_manifolds(tier: ModuleType, kind: str, dim: int) -> None:
    """The closed forms against sums over grids that are exact for polynomials of this degree."""
    turn = 2 * np.pi * np.arange(24) / 24
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    nodes, weights = np.polynomial.legendre.leggauss(12)
    if kind == "cube":
        side = np.sqrt(12.0 / dim) / 2
        grid = np.array(list(itertools.product(side * nodes, repeat=dim)))
        weight = np.array([np.prod(w) for w in itertools.product(weights / 2, repeat=dim)])
    elif kind == "torus":
        grid = np.array([np.concatenate(p) for p in itertools.product(circle, repeat=dim)]) / np.sqrt(dim)
        weight = np.full(len(grid), 1 / len(grid))
    elif dim == 1:
        grid, weight = circle, np.full(24, 1 / 24)
    else:
        grid = np.array([[*(np.sqrt(1 - h * h) * c), h] for h in nodes for c in circle])
        weight = np.repeat(weights / 2, 24) / 24
    exact = tier.manifolds.exact_powers(kind, dim)
    np.testing.assert_allclose(weight @ tier.manifolds.powers(grid), exact, atol=1e-14)


def test_the_variogram_of_smallest_clusters(tier: ModuleType) -> None:
    assert tier.labels.latent_variogram(2, 1) == pytest.approx(2.0)  # two points and the latent above both
    assert tier.labels.latent_variogram(3, 2) == pytest.approx(3.0)  # the first cut leaves one latent over one end


# ---------------------------------------------------------------------------------------------------- gallery


@pytest.mark.slow(reason="every family is drawn, as for the documentation")
def test_the_gallery_draws_every_family_here(repository: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = run(repository, "gallery.py", "--points", "300", "--grains", "-o", str(tmp_path))
    drawn = {Path(line).name for line in done.stdout.splitlines()}
    assert drawn >= {"percolation-cluster.png", "percolation-cluster-nested.png", "cascade.png", "grain-100.png"}
    assert all((tmp_path / name).stat().st_size > 5_000 for name in drawn)
