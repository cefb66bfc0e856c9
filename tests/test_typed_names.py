"""Whatever is typed where a name, data or an option belongs: it works, or ends in one of our lines; never otherwise."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman.cli import main
from fractalman.errors import FractalmanError

RECIPE = fm.Cascade(n_points=80, ambient_dim=4, seed=3)
CLUSTER = fm.PercolationCluster(n_points=60, ambient_dim=4, growth="nested")
SWEEP = {"learners": ["1-nn"], "train_sizes": [8, 16, 32], "seeds": 2, "test_size": 8}
SPEC = {"recipe": RECIPE.to_dict(), "sweep": SWEEP}
N = 2.0 ** np.arange(4, 14)
X = np.random.default_rng(0).random((64, 3))
Y = X[:, 0]
ABLE = ("family", "recipe", "dict", "tables", "text", "toml", "file", "dataset", "points",
        "frame", "uneven", "array")  # fmt: skip
STUDIES = ("granularity", "linearity", "locality", "probe", "levels")


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("typed")
    fm.write(RECIPE, made / "data.h5")
    fm.write(CLUSTER, made / "cluster.h5")
    (made / "recipe.toml").write_text(RECIPE.to_toml(), encoding="utf-8")
    (made / "text.txt").write_text("nothing of the kind", encoding="utf-8")
    np.savez(made / "points.npz", X=X, y=Y)
    (made / "a folder").mkdir()
    here = Path.cwd()
    os.chdir(made)
    yield made
    os.chdir(here)


@pytest.fixture(autouse=True)
def tidied(folder: Path) -> Iterator[None]:
    """Files called like what was typed are gone before the next test."""
    before = {*folder.iterdir()}
    yield
    for path in {*folder.iterdir()} - before:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _frame() -> Any:
    return pytest.importorskip("pandas").DataFrame({"a": [1, 2]})


TYPED: dict[str, Callable[[], Any]] = {
    "recipe": lambda: RECIPE, "class": lambda: fm.Cascade, "dict": RECIPE.to_dict, "tables": lambda: SPEC,
    "text": RECIPE.to_toml, "toml": lambda: Path("recipe.toml"), "file": lambda: "data.h5",
    "dataset": lambda: fm.generate(RECIPE), "points": lambda: "points.npz", "misspelt": lambda: "cascade-plane",
    "family": lambda: "cascade", "reference": lambda: "PercolationDataset",
    "reference's table": lambda: {"family": "PercolationDataset", "size": 9},
    "misspelt key": lambda: {"family": "cascade", "n_point": 9}, "none": lambda: None, "bytes": lambda: b"data.h5",
    "list": lambda: ["data.h5"], "folder": lambda: Path("a folder"), "empty": str, "scalar": lambda: np.float64(3),
    "frame": _frame, "uneven": lambda: (X, Y), "array": lambda: X, "text file": lambda: "text.txt",
    "long": lambda: "x" * 5000, "nowhere": lambda: "no/where.h5", "nul": lambda: "a\0b",
    "generator": lambda: iter("ab"), "function": lambda: len, "complex": lambda: 1j, "set": lambda: {1},
}  # fmt: skip


def _given(function: Callable[..., Any], *before: Any, **named: Any) -> Callable[[Any], Any]:
    """The function with what is typed as its next argument, or as the one whose keyword is None here."""
    keyword = next((name for name, value in named.items() if value is None), None)
    rest = {name: value for name, value in named.items() if name != keyword}
    return lambda typed: function(
        *before, *(() if keyword else (typed,)), **rest, **({keyword: typed} if keyword else {})
    )


def _next(function: Callable[..., Any], *more: Any) -> Callable[[Any], Any]:
    return lambda typed: next(iter(function(typed, *more)))


def _columns() -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Every array of every fit."""
    fits = {
        "compare_laws": (N, N**-0.5), "fit_power_law": (N, N**-0.5), "fit_broken_power_law": (N, N**-0.5),
        "growth_exponent": (N, N**0.5), "size_exponent": (N, N**-0.5), "effective_data": (N, N, 2.0),
        "path_curve": ([[0, 1]], X), "fit_compute_law": (N, N**-0.5), "fit_joint_power_law": (N, N, N**-0.5),
    }  # fmt: skip
    for name, columns in fits.items():
        function = getattr(fm.measure, name)
        for i in range(len(columns)):
            yield (
                f"{name} {i}",
                lambda typed, function=function, columns=columns, i=i: function(*columns[:i], typed, *columns[i + 1 :]),
            )


def _calls() -> dict[str, Callable[[Any], Any]]:
    data, m = fm.generate(RECIPE), fm.measure
    found: dict[str, Callable[[Any], Any]] = {
        "generate": fm.generate, "predict": fm.predict, "plan": _given(fm.plan, budget=100),
        "write": _given(fm.write, path="out.h5", overwrite=True), "write to": _given(fm.write, RECIPE, overwrite=True),
        "batches": _next(fm.batches, 8), "stream": _next(fm.stream, 8), "extend": _given(fm.extend, n_points=90),
        "open": fm.open, "verify": fm.verify, "rebuild": _given(fm.rebuild, path="out.h5", overwrite=True),
        "export": _given(fm.export, path="out.npz", layout="percolation", overwrite=True),
        "to_pandas": fm.to_pandas, "to_anndata": fm.to_anndata, "coarse_grain": _given(fm.coarse_grain, size=8),
        "label_draws": _given(fm.label_draws, draws=2), "label_draws draws": _given(fm.label_draws, data),
        "from_dict": fm.from_dict, "from_toml": fm.from_toml, "catalogue_recipe": fm.catalogue_recipe,
        "import_percolation": fm.import_percolation, "exchange_synonyms": _given(fm.exchange_synonyms, level=1),
        "recovery": _given(fm.recovery, codes=X), "recovery codes": _given(fm.recovery, data),
        "predict_own_data": _given(fm.predict_own_data, y=Y), "predict_own_data y": _given(fm.predict_own_data, X),
        "confirm": _given(fm.confirm, progress=False),
        "confirm scheduler": _given(fm.confirm, SPEC, scheduler=None),
        "confirm learners": _given(fm.confirm, SPEC, learners=None, progress=False),
        "predict learner": _given(fm.predict, RECIPE),
        "predict target_error": _given(fm.predict, RECIPE, target_error=None),
        "predict draws": _given(fm.predict, RECIPE, draws=None),
        "explore learner": _given(fm.explore, data, learner=None),
        "batches fields": _given(fm.batches, data, 8, fields=None),
        "batches rows": _given(fm.batches, data, 8, rows=None),
        "export latents": _given(fm.export, data, "out.npz", "percolation", latents=None, overwrite=True),
        "shards": _given(fm.write_shards, RECIPE, "shards.h5", hierarchy=False, overwrite=True),
        "scheduler": _given(fm.write_shards, RECIPE, "shards.h5", 2, scheduler=None, overwrite=True),
        "merge_shards": _given(fm.merge_shards, path="shards.h5", shards=2), "subset": data.subset,
        "features top": _given(data.hierarchy.features, top=None), "cut": data.hierarchy.cut,
        "learners.make": fm.learners.make, "learners.own": fm.learners.own, "settings_of": fm.learners.settings_of,
        "Seeds": lambda typed: fm.Seeds(typed), "measure_scaling": m.measure_scaling, "measure_file": m.measure_file,
        "measure_points": m.measure_points, "points target": _given(m.measure_points, "points.npz", target=None),
        "read_points": m.read_points, "cluster_sizes": m.cluster_sizes, "dimension": m.dimension,
        "pointwise_dimension": m.pointwise_dimension, "smoothness y": _given(m.smoothness, X), "variogram": m.variogram,
        "variogram edges": _given(m.variogram, Y, edges=None), "tree_distances": m.tree_distances,
        "compare_laws laws": _given(m.compare_laws, N, N**-0.5, laws=None),
        "huber": _given(m.fit_joint_power_law, N, N, N**-0.5),
        "trials": _given(m.fit_power_law, N, N**-0.5, trials=None),
        "groups": _given(m.fit_compute_law, N, N**-0.5, groups=None),
        "hierarchy_layer": _given(fm.granularity, (X, Y), network={"a": X, "output": Y}, hierarchy_layer=None),
        "train": _given(fm.probe, (X, Y), network={"a": X, "output": Y}, train=None),
    }  # fmt: skip
    for name in STUDIES:
        found[name] = _given(getattr(fm, name), progress=False)
    return found | dict(_columns())


NAMES = sorted(_calls())
WORKS = {  # what makes sense, and works: (function, what is typed)
    "generate": ("recipe", "dict", "tables", "text", "toml", "file", "dataset"),
    "predict": ("recipe", "dict", "toml", "file", "dataset"), "batches": ("file", "dataset"),
    "to_pandas": ("recipe", "dict", "toml", "file", "dataset"), "dimension": ("file", "dataset", "array"),
    "measure_points": ("points",), "open": ("file",), "verify": ("file",), "from_toml": ("text", "toml"),
    "export": ("recipe", "dict", "toml", "file", "dataset"), "confirm": ("tables",),
}  # fmt: skip


def _said(call: Callable[[], Any]) -> str | None:
    """What a refusal says, None where it works."""
    try:
        call()
    except FractalmanError as error:
        return str(error)
    except OSError as error:
        said = str(error)
        return said if "use " in said else f"{said}\n" * 99
    return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_typed_works_or_is_refused(name: str) -> None:
    call = _calls()[name]
    for typed, value in TYPED.items():
        if name in STUDIES and typed in ABLE:  # a whole study would be made of it
            continue
        said = _said(lambda value=value: call(value()))
        assert said is None or (len(said.splitlines()) <= 12 and max(map(len, said.splitlines())) <= 900), (typed, said)
        assert said is None or typed not in WORKS.get(name, ()), (typed, said)


HINTS: list[tuple[Callable[[], Any], str]] = [
    (lambda: fm.generate("cascade-plane"), "did you mean 'cascade-plain'"),
    (lambda: fm.generate("PercolationDataset"), "did you mean 'brill-cluster-1e4' or 'ensemble-number-1e4'"),
    (lambda: fm.generate({"family": "PercolationDataset"}), "'percolation-ensemble' or 'percolation-cluster'"),
    (lambda: fm.PercolationEnsemble(size=9), r"unknown keyword PercolationEnsemble\.size.*did you mean 'n_points'"),  # type: ignore[call-arg]
    (lambda: fm.PercolationEnsemble(n_points=9, seeds=1), "did you mean 'seed'"),  # type: ignore[call-arg]
    (lambda: fm.PercolationEnsemble(n_points=9, createprob=0.3), "did you mean 'create_prob'"),  # type: ignore[call-arg]
    (lambda: fm.generate("points.npz"), "a file of points or a table.*predict --data"),
    (lambda: fm.predict(RECIPE, lerner="ridge"), "unknown keyword lerner: .*did you mean 'learner'"),
    (lambda: fm.write(RECIPE, "a.h5", overwrit=True), "did you mean 'overwrite'"),
    (lambda: fm.confirm(SPEC, job=2), "did you mean 'jobs'"),
    (lambda: fm.batches("data.h5", 8, shuffle=True), "unknown keyword shuffle: expected source, batch_size"),
    (lambda: fm.measure.dimension(X, metod="mle"), "did you mean 'method'"),
    (lambda: fm.granularity((X, Y), network={"a": X}, scals=[8]), "scals.*did you mean 'scales'"),
    (lambda: fm.predict(RECIPE, "rigde"), "did you mean 'ridge'"),
    (lambda: fm.to_pandas("data.h5", "node"), "did you mean 'nodes'"),
]


@pytest.mark.parametrize(("call", "said"), HINTS)
def test_the_nearest_match_is_named(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(fm.RecipeError, match=said):
        call()


def test_a_run_may_be_called_like_what_was_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("cascade-plain-1e3", "quickstart-cascade", "granularity-text-transformer-small", "text-transformer"):
        Path(name).mkdir()
    from fractalman.sources import recipe_of, spec_of

    assert recipe_of("cascade-plain-1e3").n_points == 1000
    assert "[sweep]" in spec_of("quickstart-cascade", "confirm")
    assert "[granularity]" in spec_of("text-transformer", "granularity")
    Path("another").mkdir()
    with pytest.raises(fm.RecipeError, match="is a folder"):
        recipe_of("another")


WORDS = (
    *("cascade-plane", "PercolationDataset", "", "a folder", "no/where.h5", "nowhere.toml", "points.npz", "text.txt"),
    *("x" * 300, "\udcff", "data.h5x", "Cascade(n_points=9)", "-1", "1e3"),
)
COMMANDS: dict[str, tuple[str, ...]] = {
    "generate": ("IT", "-o", "made.h5", "--force"), "info": ("IT",), "verify": ("IT",), "predict": ("IT",),
    "rebuild": ("IT", "-o", "made.h5", "--force"), "extend": ("IT", "--n-points", "90"), "plan": ("IT",),
    "extend to": ("data.h5", "--n-points", "IT"), "measure": ("IT",), "scaling": ("--scaling", "IT"),
    "export": ("IT", "-o", "made.npz", "--layout", "percolation", "--force"), "report": ("IT",), "clean": ("IT",),
    "export as": ("data.h5", "-o", "made.npz", "--layout", "IT"), "explore": ("IT", "-o", "made.html", "--force"),
    "subset": ("IT", "-o", "made.h5", "--rows", "::2"), "subset rows": ("data.h5", "-o", "made.h5", "--rows", "IT"),
    "confirm": ("IT", "-o", "run"), "granularity": ("IT", "-o", "run"), "linearity": ("IT", "-o", "run"),
    "locality": ("IT", "-o", "run"), "probe": ("IT", "-o", "run"), "levels": ("IT", "-o", "run"),
    "recovery": ("IT", "-o", "run"), "predict data": ("--data", "IT"), "predict sizes": ("data.h5", "--sizes", "IT"),
    "predict learner": ("data.h5", "--learner", "IT"), "predict plot": ("data.h5", "--plot", "IT"),
    "confirm shard": ("quickstart-cascade", "-o", "run", "--shard", "IT"),
    "confirm jobs": ("quickstart-cascade", "-o", "run", "--jobs", "IT"),
    "confirm scheduler": ("quickstart-cascade", "-o", "run", "--scheduler", "IT"), "study-data": ("IT", "-o", "run"),
    "quickstart": ("-o", "run", "IT"), "misspelt": ("IT", "--sedd", "1"), "generate shards": ("IT", "--shards", "two"),
}  # fmt: skip
FIRST = {"scaling": "measure", "misspelt": "predict"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", COMMANDS)
def test_whatever_is_typed_on_the_command_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for word in WORDS:
        command = [FIRST.get(name, name.split()[0]), *(word if part == "IT" else part for part in COMMANDS[name])]
        with contextlib.suppress(SystemExit):
            status = main(command)
            said = capsys.readouterr().err
            assert status in (0, 1, 2), (command, status, said)
            assert not any(word in said for word in ("unexpected", "Traceback")), (command, said)
            assert status != 2 or 1 <= len(said.splitlines()) <= 12, (command, said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("info", "a\nb.h5"), r"no file 'a\\nb\.h5' found"),
        (
            ("subset", "data.h5", "-o", "made.h5", "--rows", "-3:"),
            "use --rows=VALUE where the value begins with a hyphen",
        ),
        (("export", "data.h5", "-o", "a folder.npz", "--layout", "percolation"), "is a directory: use another name"),
    ],
)
def test_what_is_said_can_be_followed(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a folder.npz").mkdir()
    assert main(list(words)) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert re.search(said, err), err


def test_progress_is_a_function_or_yes_or_no() -> None:
    import inspect
    import types

    asked = 0
    for name in fm.__all__:
        of = getattr(fm, name)
        if isinstance(of, types.ModuleType) or not inspect.isfunction(of):
            continue
        if "progress" not in inspect.signature(of).parameters:
            continue
        asked += 1
        for value in ("yes", 3, [], b"no", np.ones(2)):
            with pytest.raises(fm.RecipeError, match=r"progress = .*: expected a function, true or false"):
                of(progress=value)
    assert asked >= 12


def test_a_path_may_begin_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No shell expands "~" in Python, in TOML or behind the "=" of an option."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert fm.write(RECIPE, "~/a.h5") == tmp_path / "a.h5"
    with fm.open(Path("~/a.h5")) as file:
        assert file.n_points == 80
    shutil.copy("points.npz", tmp_path / "points.npz")
    sweep = '[data]\nfile = "~/points.npz"\n[sweep]\nlearners = ["1-nn"]\ntrain_sizes = [8, 16, 32]\nseeds = 2\n'
    (tmp_path / "sweep.toml").write_text(f"{sweep}test_size = 8\n", encoding="utf-8")
    study = '[data]\nfile = "~/points.npz"\n[granularity]\nscales = [16]\ntrain_size = 32\nlearners = ["ridge"]\n'
    (tmp_path / "study.toml").write_text(study, encoding="utf-8")
    for words in (
        ["confirm", "~/sweep.toml", "--output=~/run"],
        ["granularity", "~/study.toml", "-o", "~/linear"],
        ["subset", "~/a.h5", "-o", "~/b.h5", "--rows", "::2"],
        ["predict", "--data=~/points.npz"],
    ):
        assert main(words) == 0, words
    assert {"run", "linear", "b.h5"} <= {path.name for path in tmp_path.iterdir()}
    assert not Path("~").exists()
    fm.write(RECIPE, "~a.h5")  # a name that begins so
    assert Path("~a.h5").exists()


def test_a_specification_takes_what_a_recipe_can_be_named_by() -> None:
    def risks(spec: Any) -> list[float]:
        return [point.risk for point in fm.confirm(spec, progress=False).points]

    whole = risks(SPEC)
    with fm.open("data.h5") as file:
        for given in (RECIPE, SPEC, "recipe.toml", Path("recipe.toml"), RECIPE.to_toml(), "data.h5", file):
            assert risks({"recipe": given, "sweep": SWEEP}) == whole
    Path("itself.toml").write_text('recipe = "itself.toml"\n', encoding="utf-8")
    for given in ("itself.toml", "nowhere.toml", "text.txt", Path("points.npz"), 3, None, [RECIPE]):
        with pytest.raises((FractalmanError, FileNotFoundError)):
            fm.confirm({"recipe": given, "sweep": SWEEP}, progress=False)


def test_an_open_file_is_a_dataset() -> None:
    data = fm.generate(CLUSTER)
    with fm.open("cluster.h5") as file:
        np.testing.assert_array_equal(fm.coarse_grain(file, 8).X, fm.coarse_grain(data, 8).X)
        np.testing.assert_array_equal(fm.label_draws(file, 3), fm.label_draws(data, 3))


@pytest.mark.parametrize("typed", ["recipe", "dict", "tables", "text", "toml", "file", "dataset"])
def test_coarse_grains_and_labels_of_whatever_names_a_dataset(typed: str) -> None:
    data = fm.generate(RECIPE)
    fm.write(RECIPE, "data.h5", overwrite=True)  # other tests let it grow
    np.testing.assert_array_equal(fm.coarse_grain(TYPED[typed](), 8).X, fm.coarse_grain(data, 8).X)
    np.testing.assert_array_equal(fm.label_draws(TYPED[typed](), 3), fm.label_draws(data, 3))


def test_labels_that_cannot_be_drawn_are_refused_in_words() -> None:
    with pytest.raises(fm.RecipeError, match="found a coarse dataset: expected one with all its points"):
        fm.label_draws(fm.coarse_grain(RECIPE, 8), 2)
    with pytest.raises(fm.ResourceError, match=r"label vectors of 80 points need .*use fewer draws"):
        fm.label_draws(RECIPE, 2**31)
    with pytest.raises(fm.ResourceError, match="are available"):
        fm.label_draws(RECIPE.replace(n_points=10**12), 2)


def test_a_call_that_does_not_fit_says_how_it_is_made() -> None:
    """Of every public name: never Python's own words alone. It stays a TypeError, for whoever expects Python's."""
    import inspect

    asked = 0
    for name in fm.__all__:
        of = getattr(fm, name)
        recipe = isinstance(of, type) and issubclass(of, fm.Recipe)
        if not (inspect.isfunction(of) or recipe) or name in ("catalogue_names", "family_names"):
            continue
        with pytest.raises(TypeError, match=rf"expected (fm\.)?{name}\(") as told:
            of()
        assert isinstance(told.value, fm.FractalmanError), name
        asked += 1
    assert asked >= 40
    data = fm.generate(RECIPE)
    for call, said in (
        (lambda: data.split(3), r"without n_test: expected split\(n_train, n_test\)"),
        (lambda: fm.generate(RECIPE, recipe=RECIPE), "recipe by its place and by its name: expected one of them"),
        (lambda: fm.generate(RECIPE, 1, 2), "found 3 arguments without a name: expected at most 1; use"),
        (lambda: data.hierarchy.features(1, 2), "expected at most 0; use names for the others: values, top"),
    ):
        with pytest.raises(fm.RecipeError, match=said):
            call()


def test_recipes_are_copied_and_pickled() -> None:
    """`__new__` refuses a call without what it needs, and copies are made without one."""
    import copy
    import pickle

    for recipe in (RECIPE, CLUSTER, fm.Subtasks(n_points=9, within={"family": "cascade"})):
        for again in (copy.copy(recipe), copy.deepcopy(recipe), pickle.loads(pickle.dumps(recipe))):
            assert again == recipe


@pytest.mark.usefixtures("sketched")
def test_a_folder_of_zarr_is_data_of_a_run(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(tmp_path / "p.zarr", mode="w")
    group.create_array("X", data=X)
    group.create_array("y", data=Y)
    tables = {"data": {"file": str(tmp_path / "p.zarr")}}
    study = {**tables, "granularity": {"scales": [16], "train_size": 32, "seeds": 1, "learners": ["ridge"]}}
    fm.granularity(study, tmp_path / "linear", progress=False)
    fm.confirm({**tables, "sweep": SWEEP}, tmp_path / "run", progress=False)
    changed = next(
        path for path in (tmp_path / "p.zarr" / "y").rglob("*") if path.is_file() and path.name != "zarr.json"
    )
    changed.write_bytes(changed.read_bytes()[::-1])
    with pytest.raises(FractalmanError):  # other data: no run goes on with them
        fm.confirm({**tables, "sweep": SWEEP}, tmp_path / "run", progress=False)
