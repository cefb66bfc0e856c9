"""Every public object shows itself: a few lines, a table in a notebook, a figure, a pandas table; text is escaped."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import fractalman
import fractalman as fm
from fractalman import learners, measure, theory
from fractalman.display import Display, HtmlTable, Summary, log_axes, points_thumbnail
from fractalman.display.summary import LINES, as_text, brief
from fractalman.experiments import load_spec, plan_sweep, run_sweep
from fractalman.prediction.own_study import study_own_data
from fractalman.prediction.plans import Option, Plan
from fractalman.studies import study
from fractalman.studies.linearity.result import LinearityResult
from fractalman.studies.locality.result import LocalityResult
from fractalman.studies.means import measured
from fractalman.studies.probes.result import ProbeResult
from fractalman.studies.recovery.result import COLUMNS, RecoveryResult
from tests.studies.test_levels import made_up as made_up_levels

CHARACTERS = 1000
PROBE, LOCALITY = {"train_sizes": [64], "scales": [16]}, {"train_size": 64}
NEAR = ("influence-near-share", "influence-far")
N = np.array([16, 32, 64, 128, 256, 512])


def granularity() -> Any:
    """A small study of granularity."""
    recipe = {"family": "cascade", "n_points": 256, "ambient_dim": 8}
    table = {"scales": [128], "train_size": 64, "seeds": 2, "draws": 2, "learners": ["ridge"]}
    return fm.granularity({"recipe": recipe, "granularity": table})


def networks_study(name: str, result: type, table: dict[str, Any], quantities: tuple[str, ...], **key: Any) -> Any:
    """The result of a study of networks, from rows as it measures them (its networks take long to compile)."""
    recipe = {"family": "cascade", "n_points": 256, "ambient_dim": 8}
    spec = study(name).read({"recipe": recipe, name: {"seeds": 2, "steps": [0, 20], "test_size": 64, **table}})
    base = {"part": "base", "value": 0, "n": 64, "width": 16, "depth": 2}
    rows = [
        measured({**base, "step": step, "seed": seed}, quantity, 0.1 + 0.01 * seed, layer=layer, **key)
        for step in (0, 20)
        for seed in (0, 1)
        for layer in ("1", "2")
        for quantity in quantities
    ]
    return result(spec, rows)


def linearity() -> Any:
    """The result of a study of linearity, from rows as it measures them."""
    recipe = {"family": "cascade", "n_points": 256, "ambient_dim": 4}
    table = {"train_size": 64, "test_size": 64, "scales": [64], "seeds": 3}
    spec = study("linearity").read({"recipe": recipe, "linearity": table, "mlp": {"width": 8, "depth": 1}})
    base = {"row": "curve", "space": "input", "target": "label", "scale": 64, "ridge": "best", "fragment": 0}
    rows = [
        {**base, "replicate": k, "n": n, "risk": n ** -(0.5 + 0.01 * k), "predicted_risk": n**-0.5}
        for k in range(3)
        for n in (4, 8, 16)
    ]
    return LinearityResult(spec, rows)


def recovery_study() -> Any:
    """The result of a study of recovery, likewise."""
    recipe = {"family": "cascade", "n_points": 256, "ambient_dim": 16, "embedding": "superposition"}
    spec = study("recovery").read({"recipe": recipe, "recovery": {"widths": [8], "test_size": 64, "seeds": 2}})
    rows = [
        {"dictionary": "topk", "width": 8, "sparsity": 2 * place, "seed": seed, "quantity": quantity, "scale": None,
         "number": 0.5 + 0.01 * seed, "count": None}
        for place in (1, 2) for seed in (0, 1) for quantity in COLUMNS
    ]  # fmt: skip
    return RecoveryResult(spec, rows)


def a_plan() -> Plan:
    """A plan of three options (measuring the scatter of a real one takes a minute)."""
    options = tuple(
        Option((16, 32, 64, last), 0.5, 0.1, seeds, 0.02, seeds * (112 + last))
        for last, seeds in ((128, 9), (256, 7), (512, 5))
    )
    return Plan("1-nn", 0.02, 4000, True, "it does", options[1], options, 0.5, 1e4, ("a note",) * 9)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One object of every kind that shows itself as a figure, and of many that do not."""
    cascade = fm.Cascade(n_points=512, ambient_dim=8, seed=1)
    data = fm.generate(cascade)
    lying = fm.Cascade(n_points=64, ambient_dim=16, embedding="superposition")
    cluster = fm.generate(fm.PercolationCluster(n_points=300, ambient_dim=6))
    points = np.random.default_rng(0).random((400, 2))
    y = points[:, 0] + 0.3 * np.sin(7 * points[:, 1])
    P, n = (part.ravel() for part in np.meshgrid(np.geomspace(1e6, 1e9, 6), np.geomspace(1e8, 1e11, 6)))
    loss = (1.7 + 400 * P**-0.34 + 410 * n**-0.28) * np.exp(0.001 * np.sin(np.arange(P.size)))
    joint = measure.fit_joint_power_law(P, n, loss)
    dictionary = data.dictionary(min_size=8)
    recovery = fm.recovery(dictionary.directions, dictionary.codes, data)
    dimension = measure.dimension(points)
    prediction = fm.predict(cascade, draws=4)
    curve = prediction.curve([16, 32, 64])
    sweep = {"learners": ["1-nn"], "train_sizes": N[:4].tolist(), "seeds": 3, "test_size": 64}
    checked = load_spec({"recipe": cascade.to_dict(), "sweep": sweep})
    result = run_sweep(checked, tmp_path_factory.mktemp("sweep"))
    law = prediction.joint_law(1.0, 1.0)
    own = fm.predict_own_data(points, y)
    study_of_points = study_own_data(points, y)
    power = measure.fit_power_law(N, N**-0.5)
    return {
        "recipe": cascade, "seeds": fm.Seeds(geometry=1), "dataset": data, "cluster": cluster,
        "strings": fm.generate(fm.RandomHierarchyModel(n_points=64)), "hierarchy": data.hierarchy,
        "forest": fm.generate(fm.PercolationEnsemble(n_points=300, ambient_dim=6)).hierarchy,
        "label tree": data.label_tree, "coarse": fm.coarse_grain(data, 16), "dictionary": dictionary,
        "order": data.hierarchy.order(), "cut": data.hierarchy.cut(16),
        "prediction": prediction, "floor": fm.predict(cascade, "bayes", draws=4), "law": prediction.law, "curve": curve,
        "exponent": prediction.local_exponent(16, 64), "joint law": law, "frontier": law.compute_optimal(),
        "plan": a_plan(), "no plan": fm.plan(cascade, budget=9), "own data": own, "study": study_of_points,
        "one curve": study_of_points.curves[0], "dimension": dimension, "scan": dimension.scan,
        "dimensions": measure.dimensions(points), "pointwise": measure.pointwise_dimension(points),
        "variogram": measure.variogram(data), "sizes": measure.cluster_sizes(cluster), "smoothness": own.smoothness,
        "distances": measure.tree_distances(cluster.edges, 300), "paths": measure.path_curve(cluster.edges, cluster.X),
        "growth": measure.growth_exponent([8, 16, 32], [64, 256, 1024]), "power law": power,
        "broken": measure.BrokenPowerLawFit(0.2, 0.8, 1024.0, 1.0, 0.25, {}, 9, ()), "joint fit": joint,
        "score": measure.compare_laws(N, N**-0.5, laws=("power",))[0], "laws": measure.compare_laws(N, N**-0.5),
        "measured": measure.measure_file(cluster),
        "windows": measure.window_sensitivity(N, N**-0.5),
        "compute fit": measure.fit_compute_law(6 * P * n, loss), "optimum": measure.optimum(joint, [1e18, 1e20]),
        "influence": measure.Influence(np.array([3]), "the outliers", "data_exponent", 0.3, 0.35, 2.5, {}),
        "recovery": recovery,
        "absorption": recovery.absorption, "match": recovery.match, "firing": recovery.firing, "spec": checked,
        "splitting": recovery.splitting,
        "sweep": result, "verdict": result.verdicts[0], "point": result.points[0], "sweep plan": plan_sweep(checked),
        "spectrum": theory.cascade_spectrum([0.4, 0.3, 0.2, 0.1], [0.0, 1.0, 2.0]),
        "kernel spectrum": theory.spectrum_of(points[:64], y[:64]),
        "granularity": granularity(), "linearity": linearity(), "recovery study": recovery_study(),
        "probe": networks_study("probe", ProbeResult, PROBE, ("auc-near", "r2-band"), against="size", place=16),
        "locality": networks_study("locality", LocalityResult, LOCALITY, NEAR, against="hierarchy"),
        "levels": made_up_levels(), "derivations": fm.RandomHierarchyModel(n_points=9).derivations(range(9)),
        "batches": fm.batches(data, 32, fields=("X", "latents", "row"), start=2), "stream": fm.stream(lying, 8),
        "learner": learners.make("laplace-kernel"), "smoother": learners.make("laplace-kernel").smoother(),
    }  # fmt: skip


def shown_classes() -> Iterator[type]:
    """Yield every class of the package that shows itself, whatever module of results it lies in."""
    for module in pkgutil.walk_packages(fractalman.__path__, "fractalman."):
        if module.name.split(".")[1] in {"datasets", "trees", "theory", "measure", "prediction", "experiments"}:
            importlib.import_module(module.name)
    waiting: list[type] = [HtmlTable]
    while waiting:
        waiting += (one := waiting.pop()).__subclasses__()
        if one.__module__.startswith("fractalman."):
            yield one


def problems_of(name: str, thing: Any) -> list[str]:
    """Return what is wrong with how an object shows itself."""
    text, page = repr(thing), thing._repr_html_()
    found = []
    if len(text.splitlines()) > LINES or len(text) > CHARACTERS:
        found.append(f"{name}: repr of {len(text.splitlines())} lines, {len(text)} characters")
    if " object at 0x" in text:
        found.append(f"{name}: repr is an address")
    root = ElementTree.fromstring(page)  # not well-formed is an error here
    bare = [pair for pair in thing._summary().rows if re.fullmatch(r"(?!True|False)([A-Z][a-z]+)+", pair[1])]
    found += [f"{name}: {row} is a class's name, which says nothing: {words}" for row, words in bare]
    if not {"table", "th"} <= {node.tag for node in root.iter()} and thing._summary().rows:
        found.append(f"{name}: no table")
    return found


def test_every_object_is_a_few_lines_and_a_table(examples: dict[str, Any]) -> None:
    shown = {name: thing for name, thing in examples.items() if thing is not None}
    assert [problem for name, thing in shown.items() for problem in problems_of(name, thing)] == []


def test_a_long_repr_and_a_bad_page_are_noticed() -> None:
    class Long(HtmlTable):
        def __repr__(self) -> str:
            return "x" * 1001

        def _summary(self) -> Summary:
            return Summary("long", [("a", "b")])

    class Open(Long):
        def _thumbnail(self) -> str:
            return "<svg>"

    assert problems_of("it", Long()) == ["it: repr of 1 lines, 1001 characters"]
    with pytest.raises(ElementTree.ParseError):
        problems_of("it", Open())


def test_whatever_draws_itself_returns_axes(examples: dict[str, Any]) -> None:
    from matplotlib import pyplot
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    drawn = {name: thing for name, thing in examples.items() if hasattr(thing, "plot")}
    assert {type(thing) for thing in drawn.values()} >= {one for one in shown_classes() if is_drawn(one)}
    tried: set[type] = set()
    for name, thing in drawn.items():
        given = Figure().add_subplot()
        assert thing.plot(ax=given) is given, name
        assert given.has_data(), name
        if type(thing) not in tried:
            tried.add(type(thing))
            new = thing.plot()
            assert isinstance(new, Axes), name
            assert new.figure is not given.figure
            pyplot.close(new.figure)  # there are more than the twenty that matplotlib keeps open without a warning


def is_drawn(one: type) -> bool:
    """Whether a class is one that people hold and that draws itself, not one that others derive from."""
    return hasattr(one, "plot") and not one.__subclasses__() and one.__module__ != "fractalman.datasets.file"


def test_a_notebooks_second_figure_is_shown_as_well() -> None:
    import matplotlib

    from fractalman.display.style import settings

    before = matplotlib.is_interactive()
    try:
        for shown in (False, True):
            matplotlib.interactive(shown)
            with settings():
                assert matplotlib.is_interactive() is shown
                matplotlib.interactive(True)  # as a notebook's backend does with its first figure
            assert matplotlib.is_interactive()
    finally:
        matplotlib.interactive(before)


@pytest.mark.slow(reason="tests/cli/test_plots.py renders all three")
def test_figures_can_be_saved_as_pdf_svg_and_png(examples: dict[str, Any], tmp_path: Any) -> None:
    for ending, start in (("pdf", b"%PDF"), ("svg", b"<?xml"), ("png", b"\x89PNG")):
        examples["dataset"].plot().figure.savefig(tmp_path / f"figure.{ending}")
        assert (tmp_path / f"figure.{ending}").read_bytes().startswith(start)


VIEWS = [
    (64, 1024),
    (16, 512),
    (100, 1e4),
    (1e6, 1e9),
    (1e14, 1e21),
    (150, 450),
    (0.6, 0.9),
    (2e-5, 9e-4),
    (0.07, 0.2),
]


def labels_of(view: tuple[float, float], round_ones: bool) -> list[Any]:
    """The boxes of the labels below and beside a figure of a paper's column that shows this view."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.3, 2.4), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    ax.plot(view, view)
    log_axes(ax, "x", "y") if round_ones else ax.set(xscale="log", yscale="log")
    figure.draw_without_rendering()
    boxes = []
    for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        ticks = zip([*axis.get_majorticklocs(), *axis.get_minorticklocs()],
                    [*axis.get_majorticklabels(), *axis.get_minorticklabels()], strict=False)  # fmt: skip
        boxes.append([one.get_window_extent() for at, one in ticks if one.get_text() and low <= at <= high])
    return boxes


def overlapping(boxes: list[Any]) -> int:
    """How many pairs of boxes lie over each other."""
    return sum(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


@pytest.mark.slow(reason="a figure for every view", but=["view0", "view3", "view6", "view7"])
@pytest.mark.parametrize("view", VIEWS)
def test_labels_of_logarithmic_axes_do_not_overlap(view: tuple[float, float]) -> None:
    for boxes in labels_of(view, round_ones=True):
        assert len(boxes) >= 2
        assert overlapping(boxes) == 0


def test_matplotlibs_own_labels_overlap() -> None:
    assert sum(overlapping(boxes) for boxes in labels_of((16, 512), round_ones=False)) > 0


def test_tables_are_data_frames(examples: dict[str, Any]) -> None:
    pandas = pytest.importorskip("pandas")
    tables = {name: thing.to_pandas() for name, thing in examples.items() if hasattr(thing, "to_pandas")}
    assert {name for name, table in tables.items() if not isinstance(table, pandas.DataFrame)} == set()
    assert {name for name, table in tables.items() if table.empty} == {"no plan"}
    assert {type(examples[name]) for name in tables} >= {one for one in shown_classes() if is_drawn(one)} - {
        theory.KernelSpectrum
    }
    assert tables["prediction"].loc[100, "risk"] == examples["prediction"].curve([100]).risk[0]
    assert len(tables["sweep"]) == len(examples["sweep"])
    assert tables["plan"].chosen.sum() == 1


def test_every_public_class_shows_itself() -> None:
    public = {
        one
        for module in (fm, measure, theory, learners)
        for name in module.__all__
        if name != "device_batches" and inspect.isclass(one := getattr(module, name))
    }
    missing = {one.__name__ for one in public if not issubclass(one, (HtmlTable, Exception)) and not is_protocol(one)}
    assert missing == {"IntrinsicDimension"}  # scikit-learn's own text and table


def is_protocol(one: type) -> bool:
    """Whether a class only says what others must have."""
    return bool(getattr(one, "_is_protocol", False))


def test_lengths_and_iteration(examples: dict[str, Any]) -> None:
    data, plan, sweep = examples["dataset"], examples["plan"], examples["sweep"]
    assert len(data) == data.n_points == 512
    assert len(data.hierarchy) == data.hierarchy.n_nodes
    assert list(plan) == list(plan.options)
    assert plan
    assert not examples["no plan"]
    assert list(sweep) == list(sweep.verdicts)
    assert len(examples["dictionary"]) == examples["dictionary"].size.size


def test_an_open_file_shows_itself(tmp_path: Any) -> None:
    recipe = fm.Cascade(n_points=128, ambient_dim=4)
    with fm.open(fm.write(recipe, tmp_path / "a <b>.h5")) as file:
        assert problems_of("file", file) + problems_of("column", file.X) + problems_of("head", file.provenance) == []
        assert "<circle" in file._repr_html_()
        assert "&lt;b&gt;" in file._repr_html_()
        assert file.plot().has_data()
        assert len(file) == 128
        assert len(file.to_pandas("nodes")) == len(file.hierarchy)
    assert "(closed)" in repr(file)
    assert "<circle" not in file._repr_html_()


HOSTILE = "<script>alert('&')</script>\nnext"


@dataclass(frozen=True)
class Hostile(Display):
    """Names that somebody else typed."""

    name: str = HOSTILE
    table: Any = None


def test_text_is_escaped_and_stays_in_its_line() -> None:
    shown = Hostile(table={HOSTILE: HOSTILE})
    assert len(repr(shown).splitlines()) == 3
    root = ElementTree.fromstring(shown._repr_html_())
    assert "script" not in {node.tag for node in root.iter()}
    assert "<script>" in "".join(root.itertext())


def test_long_summaries_name_what_they_leave_out() -> None:
    text = as_text(Summary("many", [(f"field{i}", "x" * 500) for i in range(30)]))
    assert len(text.splitlines()) == LINES
    assert max(map(len, text.splitlines())) <= 96
    assert "field0" in text
    assert "… field8, field9" in text


def test_values_in_a_few_words() -> None:
    assert brief(np.zeros((3, 2))) == "float64 (3, 2)"
    assert brief([1] * 9) == "9 entries"
    assert brief(np.array([1.0, 2.5])) == "[1, 2.5]"
    assert len(brief({str(i): "x" * 99 for i in range(99)})) <= 96


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb", as the guidelines for accessible pages define it."""
    parts = (int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5))
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_thumbnails_are_small_and_seen_on_dark_and_light_pages(examples: dict[str, Any]) -> None:
    pictures = {name: thing._thumbnail() for name, thing in examples.items() if thing is not None}
    pictures = {name: picture for name, picture in pictures.items() if picture}
    assert {"dataset", "cluster", "curve", "prediction", "sweep"} <= set(pictures)
    assert max(map(len, pictures.values())) <= 30_000
    for picture in pictures.values():  # on a ground of their own, whatever the page's
        colours = re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', picture.lower())
        ground, *marks = map(luminance, colours)
        assert min((max(one, ground) + 0.05) / (min(one, ground) + 0.05) for one in marks) > 1.2


def test_a_prediction_shows_a_curve_that_costs_nothing() -> None:
    """Showing an object draws no structures: a curve that is averaged over draws is shown once it was asked for."""
    drawn = fm.predict(fm.PercolationCluster(n_points=300, ambient_dim=6), draws=4)
    assert not drawn.exact
    assert drawn._thumbnail() == ""
    assert drawn._averages.known("curve") == []
    drawn.curve([16, 8, 32])
    assert drawn._averages.known("curve") == [8, 16, 32]
    assert "<polyline" in drawn._repr_html_()
    assert fm.predict(fm.Cascade(n_points=64), "gradient-boosting")._thumbnail() == ""


def test_pictures_of_nothing_are_none() -> None:
    assert points_thumbnail(np.zeros((1, 3)), [0.0]) == ""
    assert points_thumbnail(np.full((9, 3), np.nan), np.zeros(9)) == ""
    assert points_thumbnail(np.zeros((9, 3)), np.zeros(9)).count("<circle") == 9


def test_showing_an_object_loads_no_drawing_library() -> None:
    code = (
        "import sys, fractalman as fm; d = fm.generate(fm.Cascade(n_points=64, ambient_dim=4)); "
        "repr(d), d._repr_html_(), d.hierarchy._repr_html_(), fm.predict(d.recipe)._repr_html_(); "
        "print([name for name in ('matplotlib', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]"
