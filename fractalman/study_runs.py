"""Run a study and write its report in one call: a specification, or points and networks, go in, a result comes out.

A study of points has a function of its own, with the keywords that its points take; `run_study` runs any by its name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fractalman._arguments import checked_arguments
from fractalman.errors import RecipeError
from fractalman.experiments import run_experiment
from fractalman.progress import line_progress
from fractalman.report import require_plots
from fractalman.report.files import refuse_changed_tables
from fractalman.report.studies import write_study
from fractalman.runs import Progress, Spec
from fractalman.sources import spec_of
from fractalman.studies import study
from fractalman.studies.own_specs import own_specification

if TYPE_CHECKING:
    from fractalman.studies.base import StudySpec
    from fractalman.studies.granularity.result import GranularityResult
    from fractalman.studies.levels.result import LevelsResult
    from fractalman.studies.linearity.result import LinearityResult
    from fractalman.studies.locality.result import LocalityResult
    from fractalman.studies.probes.result import ProbeResult


@checked_arguments
def run_study(
    name: str,
    spec: Spec,
    out: str | Path | None = None,
    force: bool = False,
    progress: Progress | bool | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    shard: tuple[int, int] | None = None,
) -> Any:
    """Run a study, or what is left of it, and write its report.

    Parameters
    ----------
    name
        Of the study, as in `fractalman.studies.STUDIES`.
    spec
        A name of the catalogue's studies, path of a TOML file, TOML text, or its tables as a dict:
        [recipe] or [data], the study's own table, [mlp], …
    out
        Folder of journal, tables and report; a killed run of the same spec is continued. None = keep nothing.
    force, progress, jobs, scheduler, shard
        As for `run_confirmation`; rows do not depend on them.

    Returns
    -------
    object
        The study's result, with ``rows`` and ``missing``, the tasks that other shards have not finished.

    Raises
    ------
    RecipeError
        Naming what is wrong with the spec or the folder.
    MissingExtraError
        Before anything is computed.
    """
    return _run(name, spec, None, out, force, progress, jobs, scheduler, shard)


def _run(
    name: str,
    spec: Spec,
    own: StudySpec | None,
    out: str | Path | None,
    force: bool,
    progress: Progress | bool | None,
    jobs: int,
    scheduler: str | None,
    shard: tuple[int, int] | None,
) -> Any:
    """Run a study of a specification, or of points and networks that came as objects, and write its report."""
    if out is not None:
        require_plots()
        refuse_changed_tables(out)
    if own is not None and (jobs != 1 or scheduler is not None):
        raise RecipeError("points and networks given as objects are looked at in this process: expected jobs = 1")
    kind = study(name)
    checked = kind.read(spec_of(spec, name)) if own is None else own
    with line_progress(progress) as say:
        result = run_experiment(kind, checked, out, say, force=force, jobs=jobs, scheduler=scheduler, shard=shard)
        if out is not None and not result.missing:
            if say is not None:
                say("writing the report")
            write_study(name, result, out)
    return result


@checked_arguments
def run_granularity(
    spec: Any,
    out: str | Path | None = None,
    force: bool = False,
    progress: Progress | bool | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    shard: tuple[int, int] | None = None,
    *,
    network: Any = None,
    layers: Any = None,
    hierarchy: Any = None,
    hierarchy_layer: str = "input",
    train: Any = None,
    target: str = "value",
    layer: str = "input",
    **table: Any,
) -> GranularityResult:
    """Run a granularity study: what learning looks like at every scale of the hierarchy.

    Parameters
    ----------
    spec
        A name of the catalogue's studies, path of a TOML file, TOML text, or its tables as a dict:
        [recipe] or [data], [granularity], [mlp], …. Or points: a dataset, a pair (X, y), or X alone, whose labels
        are then the network's own outputs.
    out
        Folder for journal.jsonl, report.html and granularity.csv, .json, .png, .svg; a killed run
        of the same spec is continued. None = keep nothing.
    force
        Start anew even where another run's journal lies.
    progress
        Called with a line of text. None = a line in terminals and notebooks, with the time left; False = silent.
    jobs, scheduler, shard
        Who does the work, and which part of it, as for `fractalman.confirm`; rows do not depend on it.
    network
        A trained network of your own beside points in place of ``spec``: a ``torch.nn.Module``, a fitted MLP of
        scikit-learn's, (function, parameters) for JAX or NumPy, an equinox module, or a dict layer → (n, units) array
        of activations. A dict step → network, in the course of one training, and a list, replicates, are taken too.
    layers
        Of a PyTorch module the names of modules to look at; of JAX a dict layer → function (parameters, X).
    layer
        In whose activations the learners work; "input" = the points.
    hierarchy
        Of points: "ward", "minimum-spanning-tree", "hdbscan" or a `fractalman.trees.Hierarchy`; None = the dataset's,
        else Ward's.
    hierarchy_layer
        In whose activations the hierarchy is estimated; "input" = the points.
    train
        Rows (numbers, or a mask) that the network was trained on; the others are unseen. None = random halves.
    target
        "one-hot" for labels that are classes: a column per class.
    table
        Keys of the table [granularity] beside points, e.g. ``scales=[8, 64]``.

    Returns
    -------
    GranularityResult
        Rows, shares, risks, curves, linear regressions; ``missing`` tasks of other shards.

    Raises
    ------
    RecipeError
        Naming what is wrong with the spec or the folder.
    MissingExtraError
        Before anything is computed.

    Notes
    -----
    docs/theory.md §4, §5 and "Granularity".

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = {"family": "cascade", "n_points": 256, "ambient_dim": 8}
    >>> study = {"scales": [128], "train_size": 64, "seeds": 2, "draws": 2, "learners": ["ridge"]}
    >>> share = fm.granularity({"recipe": recipe, "granularity": study}).shares[0]
    >>> share["between"] > 0.9 > share["between_chance"]  # most of the label differs between fragments
    True
    """
    options = {
        "target": target,
        "hierarchy": hierarchy,
        "hierarchy_layer": hierarchy_layer,
        "train": train,
        "layer": layer,
    }
    own = own_specification("granularity", spec, network, layers, options, table)
    return cast("GranularityResult", _run("granularity", spec, own, out, force, progress, jobs, scheduler, shard))


@checked_arguments
def run_linearity(
    spec: Any,
    out: str | Path | None = None,
    force: bool = False,
    progress: Progress | bool | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    shard: tuple[int, int] | None = None,
    *,
    network: Any = None,
    layers: Any = None,
    hierarchy: Any = None,
    hierarchy_layer: str = "input",
    train: Any = None,
    target: str = "value",
    **table: Any,
) -> LinearityResult:
    """Hold a network against linear regressions at every scale of the hierarchy, in its input and in its layers.

    Parameters
    ----------
    spec
        A name of the catalogue's studies, path of a TOML file, TOML text, or its tables as a dict:
        [recipe] or [data], [linearity], [mlp] (or [convolution], [transformer]). Or points, as for
        `fractalman.granularity`.
    out
        Folder for journal.jsonl, report.html, rows.csv and result.json; a killed run of the same spec is continued.
        None = keep nothing.
    force, progress, jobs, scheduler, shard
        As for `fractalman.confirm`; rows do not depend on who does the work.
    network, layers, hierarchy, hierarchy_layer, train, target
        Of points in place of ``spec``: as for `fractalman.granularity`.
    table
        Keys of the table [linearity] beside points, e.g. ``scales=[64, 256]``.

    Returns
    -------
    LinearityResult
        ``exponents`` of local learning curves, measured and predicted from local spectra; ``closeness`` of the
        network's function to local regressions, with controls; ``training``, the risk by scale as training proceeds.

    Raises
    ------
    RecipeError
        Naming what is wrong with the spec or the folder.
    MissingExtraError
        Before anything is computed.

    Notes
    -----
    docs/theory.md §5 and "Granularity".

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> data = fm.generate(fm.Cascade(n_points=256, ambient_dim=4, branching=4))
    >>> of = data.hierarchy.cut(64).fragment
    >>> slopes = np.random.default_rng(0).normal(size=(of.max() + 1, 4))
    >>> f = (data.X * slopes[of]).sum(axis=1)  # a linear function of its own in every fragment
    >>> held = {"layer": data.X, "output": f}
    >>> result = fm.linearity((data.X, f), network=held, hierarchy=data.hierarchy, scales=[64])
    >>> round(result.closeness[0]["closeness"], 2)
    1.0
    """
    options = {"target": target, "hierarchy": hierarchy, "hierarchy_layer": hierarchy_layer, "train": train}
    own = own_specification("linearity", spec, network, layers, options, table)
    return cast("LinearityResult", _run("linearity", spec, own, out, force, progress, jobs, scheduler, shard))


@checked_arguments
def run_locality(
    spec: Any,
    out: str | Path | None = None,
    force: bool = False,
    progress: Progress | bool | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    shard: tuple[int, int] | None = None,
    *,
    network: Any = None,
    layers: Any = None,
    hierarchy: Any = None,
    hierarchy_layer: str = "input",
    train: Any = None,
    target: str = "value",
    **table: Any,
) -> LocalityResult:
    """Measure how far one gradient step is felt, layer by layer, before, during and after training.

    Parameters
    ----------
    spec
        A name of the catalogue's studies, path of a TOML file, TOML text, or its tables as a dict:
        [recipe] or [data], [locality], [mlp] (or [convolution], [transformer]). Or points: a dataset, a pair (X, y),
        or X alone, whose labels are then the network's own outputs.
    out
        Folder for journal.jsonl, report.html, rows.csv, means.csv and result.json; a killed run
        of the same spec is continued. None = keep nothing.
    force
        Start anew even where another run's journal lies.
    progress
        Called with a line of text. None = a line in terminals and notebooks, with the time left; False = silent.
    jobs, scheduler, shard
        Who does the work, and which part of it, as for `fractalman.confirm`; rows do not depend on it.
    network, layers, hierarchy, hierarchy_layer, train, target
        Of points in place of ``spec``: as for `fractalman.granularity`.
    table
        Keys of the table [locality] beside points, e.g. ``scales=[8, 64]``.

    Returns
    -------
    LocalityResult
        ``rows``, ``means`` (with errors over data and initialization), ``claims``.

    Raises
    ------
    RecipeError
        Naming what is wrong with the spec or the folder.
    MissingExtraError
        Before anything is computed.

    Notes
    -----
    docs/theory.md, "Locality of learning".

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = {"family": "cascade", "n_points": 256, "ambient_dim": 8}
    >>> study = {"train_size": 64, "test_size": 64, "seeds": 2, "steps": [0, 20], "sources": 16, "pairs": 50,
    ...          "pattern_points": 64, "controls": []}
    >>> result = fm.locality({"recipe": recipe, "locality": study, "mlp": {"width": 16, "depth": 2, "steps": 20}})
    >>> sorted({row["step"] for row in result.means}), result.missing
    ([0, 20], 0)
    """
    options = {"target": target, "hierarchy": hierarchy, "hierarchy_layer": hierarchy_layer, "train": train}
    own = own_specification("locality", spec, network, layers, options, table)
    return cast("LocalityResult", _run("locality", spec, own, out, force, progress, jobs, scheduler, shard))


@checked_arguments
def run_probe(
    spec: Any,
    out: str | Path | None = None,
    force: bool = False,
    progress: Progress | bool | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    shard: tuple[int, int] | None = None,
    *,
    network: Any = None,
    layers: Any = None,
    hierarchy: Any = None,
    hierarchy_layer: str = "input",
    train: Any = None,
    target: str = "value",
    **table: Any,
) -> ProbeResult:
    """Measure which latents of the hierarchy can be read off the layers of networks, as n and width grow.

    Parameters
    ----------
    spec
        A name of the catalogue's studies, path of a TOML file, TOML text, or its tables as a dict:
        [recipe] or [data], [probe], [mlp] (or [convolution], [transformer]). Or points: a dataset, a pair (X, y), or X
        alone, whose labels are then the network's own outputs.
    out
        Folder for journal.jsonl, report.html, rows.csv, means.csv, latents.csv and result.json; a killed run
        of the same spec is continued. None = keep nothing.
    force, progress, jobs, scheduler, shard
        As for `fractalman.confirm`; rows do not depend on who does the work.
    network, layers, hierarchy, hierarchy_layer, train, target
        Of points in place of ``spec``: as for `fractalman.granularity`.
    table
        Keys of the table [probe] beside points, e.g. ``scales=[8, 64]``.

    Returns
    -------
    ProbeResult
        ``rows``, ``means`` (with errors over data and initialization), ``latents``, ``claims``.

    Raises
    ------
    RecipeError
        Naming what is wrong with the spec or the folder.
    MissingExtraError
        Before anything is computed.

    Notes
    -----
    docs/theory.md, "Locality of learning".

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = {"family": "cascade", "n_points": 512, "ambient_dim": 8}
    >>> study = {"train_sizes": [64], "test_size": 128, "seeds": 2, "scales": [16, 64]}
    >>> result = fm.probe({"recipe": recipe, "probe": study, "mlp": {"width": 16, "depth": 2, "steps": 20}})
    >>> sorted({row["step"] for row in result.means}), result.missing
    ([0, 20], 0)
    """
    options = {"target": target, "hierarchy": hierarchy, "hierarchy_layer": hierarchy_layer, "train": train}
    own = own_specification("probe", spec, network, layers, options, table)
    return cast("ProbeResult", _run("probe", spec, own, out, force, progress, jobs, scheduler, shard))


@checked_arguments
def run_levels(
    spec: Spec,
    out: str | Path | None = None,
    force: bool = False,
    progress: Progress | bool | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    shard: tuple[int, int] | None = None,
) -> LevelsResult:
    """Measure at which training-set size a network has learned each level of a grammar, and in which order.

    Parameters
    ----------
    spec
        A name of the catalogue's studies, path of a TOML file, TOML text, or its tables as a dict: [recipe], strings of
        a grammar; [levels] with learner ("mlp", "convolution", "transformer"), train_sizes, test_size, seeds,
        controls = ["shuffled-labels"]; and the learner's own table.
    out
        Folder for journal.jsonl, report.html, rows.csv, means.csv and result.json; a killed run of the same spec is
        continued. None = keep nothing.
    force, progress, jobs, scheduler, shard
        As for `fractalman.confirm`; rows do not depend on who does the work.

    Returns
    -------
    LevelsResult
        ``rows``, ``means``, ``claims``: of every level the size at which it is learned and whether after the level
        below it, with 95 % intervals over replicates; ``plot()`` draws the staircase.

    Raises
    ------
    RecipeError
        Naming what is wrong with the spec or the folder.
    MissingExtraError
        Before anything is computed.

    Notes
    -----
    docs/theory.md, "Levels of a grammar".

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = {"family": "random-hierarchy-model", "n_points": 1, "levels": 2, "synonyms": 2}
    >>> study = {"train_sizes": [16, 64], "test_size": 64, "seeds": 2}
    >>> result = fm.levels({"recipe": recipe, "levels": study, "mlp": {"width": 16, "depth": 1, "steps": 50}})
    >>> [row["level"] for row in result.claims], result.missing
    ([1, 0], 0)
    """
    return cast("LevelsResult", _run("levels", spec, None, out, force, progress, jobs, scheduler, shard))
