"""Linear regressions at every scale: planted networks get what is due, laws hold where they must, controls do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman.catalogue.studies import study_names
from fractalman.cli import main
from fractalman.errors import RecipeError
from fractalman.studies import study
from fractalman.studies.linearity.comparison import agreement
from fractalman.studies.linearity.fragments import curve_sizes, fragment_rows
from fractalman.studies.linearity.result import LinearityResult, slope
from fractalman.studies.linearity.run import STUDY
from fractalman.studies.own import array_source, given_points

N, D, SCALE = 512, 3, 64


@pytest.fixture(scope="module")
def data() -> fm.Dataset:
    return fm.generate(fm.Cascade(n_points=N, ambient_dim=D, branching=4, seed=1))


def functions(data: fm.Dataset) -> dict[str, Any]:
    """Networks by their functions alone."""
    rng = np.random.default_rng(0)
    X = data.X / data.X.std()
    of = data.hierarchy.cut(SCALE).fragment
    planted = (X * rng.normal(size=(of.max() + 1, D))[of]).sum(axis=1) + rng.normal(size=of.max() + 1)[of]
    W, b = rng.normal(size=(D, 4000)) / np.sqrt(D), rng.normal(size=4000)
    return {
        "planted": planted,
        "random-features": np.maximum(X @ W + b, 0.0) @ rng.normal(size=4000) / np.sqrt(4000),
        "linear": X @ rng.normal(size=D),
        "cubic": (X @ rng.normal(size=D)) ** 3,
    }


def close(data: fm.Dataset, f: Any, **more: Any) -> Any:
    held = {"points": data.X, "output": f}
    options = {"hierarchy": data.hierarchy, "scales": [SCALE], "seeds": 3, "fragments": 1, "splits": 2, **more}
    result = fm.linearity((data.X, f), network=held, **options)
    assert len(repr(result).splitlines()) <= 10
    assert len(result.to_pandas()) == len(result)
    assert result.plot().get_xlabel() == "scale, points"
    return next(row for row in result.closeness if row["space"] == "input")


@pytest.mark.slow(reason="networks of several kinds are fitted")
def test_a_piecewise_linear_network_is_local_and_others_get_what_is_due(data: fm.Dataset) -> None:
    found = {name: close(data, f) for name, f in functions(data).items()}
    assert found["planted"]["closeness"] == pytest.approx(1.0, abs=0.01)
    assert found["planted"]["is_local"] is True
    assert found["random-features"]["closeness"] < 0.0
    assert found["random-features"]["nearest"] == "random-network"
    assert found["linear"]["closeness"] <= 1e-6  # one ridge regression for all says the same
    assert found["linear"]["nearest"] == "global-ridge"
    assert found["cubic"]["closeness"] < 0.9
    for name, row in found.items():
        assert row["is_local"] is (name == "planted")
        # controls: fragments at random places, and rivals that learned labels of other points
        assert row["random_fragments"] < 0.1
        assert abs(row["shuffled_labels"]) < 0.3


def test_closeness_needs_the_right_fragments(data: fm.Dataset) -> None:
    f = functions(data)["planted"]
    elsewhere = fm.generate(fm.Cascade(n_points=N, ambient_dim=D, branching=4, seed=77)).hierarchy
    assert close(data, f, hierarchy=elsewhere)["closeness"] < 0.3


def test_the_law_of_a_fragment_holds_peak_included() -> None:
    """Gaussian points, one fragment that is everything: the law of n of N points, for which it is exact as N grows."""
    rng = np.random.default_rng(4)
    d, points = 24, 400
    X = rng.normal(size=(points, d)) * np.arange(1, d + 1) ** -0.5
    y = X @ rng.normal(size=(d, 1)) + 0.3 * rng.normal(size=(points, 1))
    source = array_source(given_points((X, y)), None)
    sample = source.sample(0, 100, 100)
    rows = fragment_rows(sample, {"input": X}, {"label": sample.y}, points, 1, 48, {"replicate": 0})
    ridgeless = {r["n"]: r for r in rows if r["ridge"] == "none"}
    assert ridgeless[24]["rank"] == d
    assert ridgeless[d + 1]["predicted_risk"] is None  # infinite
    assert ridgeless[d + 1]["risk"] > 3.0 * max(ridgeless[12]["risk"], ridgeless[48]["risk"])
    for row in rows:
        if row["predicted_risk"] is None or abs(row["n"] - d - 1) < 4:
            continue  # beside the peak means of 48 splits are those of a heavy tail
        assert row["risk"] == pytest.approx(row["predicted_risk"], abs=4.0 * row["error"] + 0.12 * row["risk"]), row
    best = [r for r in rows if r["ridge"] == "best"]
    assert slope(best, "risk") == pytest.approx(slope(best, "predicted_risk"), abs=0.06)
    # a false prediction is noticed: the law of another spectrum
    flat = fragment_rows(
        sample, {"input": rng.normal(size=(points, d))}, {"label": sample.y}, points, 1, 8, {"replicate": 0}
    )
    assert abs(slope([r for r in flat if r["ridge"] == "best"], "predicted_risk") - slope(best, "risk")) > 0.2


def test_the_verdict_on_exponents_can_fail() -> None:
    spec = study("linearity").read({
        "recipe": {"family": "cascade", "n_points": 256, "ambient_dim": 4}, "linearity": {"train_size": 64,
        "test_size": 64, "scales": [64], "seeds": 3}, "mlp": {"steps": 10, "width": 8, "depth": 1},
    })  # fmt: skip

    def rows(shift: float) -> list[Any]:
        base = {"row": "curve", "space": "input", "target": "label", "scale": 64, "ridge": "best", "fragment": 0}
        return [
            {**base, "replicate": k, "n": n, "risk": n ** -(0.5 + 0.01 * k), "predicted_risk": n ** -(0.5 + shift)}
            for k in range(3)
            for n in (4, 8, 16)
        ]

    def verdict(shift: float) -> Any:
        return LinearityResult(spec, rows(shift)).exponents[0]["agrees"]

    assert (verdict(0.0), verdict(0.3)) == (True, False)
    wide = [{**r, "risk": r["n"] ** -(0.5 + 0.5 * r["replicate"])} for r in rows(0.0)]
    assert LinearityResult(spec, wide).exponents[0]["agrees"] is None


def places(kind: str, seed: int) -> dict[str, list[Any]]:
    """Five data sets of eight places whose exponents follow the predictions, do so at a distance, or do not."""
    rng = np.random.default_rng(seed)
    out = {}
    for name in "abcde":
        x = rng.uniform(0.3, 1.5, 8)
        y = {"law": x, "biased": x - 0.15, "means": rng.permutation(x), "slope": 0.5 * (x - x.mean()) + x.mean()}[kind]
        gaps = 0.02 * rng.normal() + 0.05 * rng.normal(size=8) + y - x
        rows = [{"measured": a + b, "predicted": a, "difference": b, "agrees": abs(b) < 0.1}
                for a, b in zip(x, gaps, strict=True)]  # fmt: skip
        out[name] = [*rows, {"measured": 9.0, "predicted": 0.0, "difference": 9.0, "agrees": None}]
    return out


def test_predicted_and_measured_exponents_are_compared_over_data_sets() -> None:
    for seed in range(2):
        law, biased, means, flat = (agreement(places(kind, seed)) for kind in ("law", "biased", "means", "slope"))
        assert (law.sets, law.places, law.unresolved) == (5, 40, 5)
        assert (law.tells_apart, biased.tells_apart, means.tells_apart) == (True, True, False)
        assert (law.agree > 35, biased.agree < 15, means.agree < 25) == (True, True, True)
        assert biased.biased
        assert biased.bias == pytest.approx(-0.15, abs=0.04)
        assert abs(law.slope - 1.0) <= law.slope_half_width + 0.05
        assert means.slope + means.slope_half_width < 1.0
        assert flat.slope == pytest.approx(0.5, abs=0.1)
        assert law.distance < 0.3 * law.exchanged
    with pytest.raises(RecipeError, match="1 data sets with a resolved exponent"):
        agreement({"a": places("law", 0)["a"], "b": []})


@pytest.mark.slow(reason="sixty comparisons, each with its bootstrap")
def test_a_bias_is_found_where_there_is_none_in_one_of_twenty() -> None:
    assert sum(agreement(places("law", seed)).biased for seed in range(60)) <= 9


def test_fragments_of_one_class_have_no_curve(data: fm.Dataset) -> None:
    """Labels that are constant in every fragment, to rounding: there is nothing to regress, and no exponent of it."""
    fragment = data.hierarchy.cut(SCALE).fragment
    y = np.array([0.1, 1.0 / 3.0, 0.7])[fragment % 3]
    sample = array_source(given_points((data.X, y)), None, hierarchy=data.hierarchy).sample(0, 100, 100)
    inputs = {"input": data.X.astype(float)}
    assert fragment_rows(sample, inputs, {"label": sample.y}, SCALE, 3, 2, {}) == []
    assert fragment_rows(sample, inputs, {"label": sample.y}, 4 * SCALE, 3, 2, {}) != []


def test_curve_sizes_hold_the_peak() -> None:
    assert curve_sizes(64, 10) == [4, 6, 8, 11, 12, 16, 24, 32]
    assert curve_sizes(64, 200) == [4, 6, 8, 12, 16, 24, 32]


@pytest.mark.slow(reason="a whole study with its report")
def test_from_a_specification_to_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("jax")
    pytest.importorskip("optax")
    spec = tmp_path / "spec.toml"
    spec.write_text(
        '[recipe]\nfamily = "cascade"\nn_points = 256\nambient_dim = 4\nbranching = 4\n[linearity]\ntrain_size = 96\n'
        "test_size = 96\nseeds = 2\nscales = [64]\nfragments = 1\nsplits = 2\n[mlp]\nwidth = 8\ndepth = 1\nsteps = 40\n"
    )
    out = tmp_path / "run"
    assert main(["linearity", str(spec), "-o", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {(row["step"], row["space"]) for row in found["closeness"]} == {
        (step, space) for step in (0, 40) for space in ("input", "1")
    }
    assert {(row["space"], row["target"]) for row in found["exponents"]} == {
        (space, target) for space in ("input", "1") for target in ("label", "network")
    }
    whole = [row for row in found["training"] if row["scale"] == 192]  # points of a replicate
    assert whole[0]["risk"] > whole[1]["risk"]  # it has learned something
    assert whole[0]["variance_within"] == pytest.approx(whole[0]["variance"])
    page = (out / "report.html").read_text()
    assert "Many linear problems" in page
    assert main(["linearity", str(spec), "-o", str(out)]) == 0
    assert "nearest rival" in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name in study_names() if name.startswith("linearity-")])
def test_named_specifications_can_be_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jax")
    pytest.importorskip("optax")
    monkeypatch.chdir(tmp_path)
    for file, points in (("digits.npz", 1797), ("mnist5000.npz", 5000)):
        rng = np.random.default_rng(0)
        np.savez(file, X=rng.normal(size=(points, 3)), y=np.arange(points) % 10)
    from fractalman.catalogue.studies import study_text

    spec = STUDY.read(study_text(name))
    assert spec.tasks()


def test_steps_of_given_networks_are_refused(data: fm.Dataset) -> None:
    with pytest.raises(RecipeError, match="steps: of given networks there is none"):
        fm.linearity((data.X, data.y), network={"h": data.X}, steps=[0])
