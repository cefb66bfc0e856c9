"""fractalman: fractal datasets with exactly known geometry, the scaling laws they predict, and the instruments that
confirm or refute them.

>>> import fractalman as fm
>>> data = fm.generate(fm.PercolationCluster(n_points=1000))
>>> fm.predict(data.recipe).data_exponent
0.5
"""

from __future__ import annotations

import importlib
from typing import Any

from fractalman._version import __version__

_HOME: dict[str, str] = {
    "PercolationCluster": "fractalman.families.percolation_cluster.recipe:PercolationCluster",
    "PercolationEnsemble": "fractalman.families.percolation_ensemble.recipe:PercolationEnsemble",
    "BetheLattice": "fractalman.families.bethe_lattice.recipe:BetheLattice",
    "LatticePercolation": "fractalman.families.lattice_percolation.recipe:LatticePercolation",
    "Cascade": "fractalman.families.cascade.recipe:Cascade",
    "SmoothManifold": "fractalman.families.smooth_manifold.recipe:SmoothManifold",
    "RandomHierarchyModel": "fractalman.families.random_hierarchy.recipe:RandomHierarchyModel",
    "GrammarLanguage": "fractalman.families.grammar_language.recipe:GrammarLanguage",
    "SparseParities": "fractalman.families.sparse_parities.recipe:SparseParities",
    "Recipe": "fractalman.recipes:Recipe",
    "Seeds": "fractalman.random.keys:Seeds",
    "family_names": "fractalman.recipes:family_names",
    "from_dict": "fractalman.recipes:from_dict",
    "from_toml": "fractalman.recipes:from_toml",
    "Dataset": "fractalman.datasets.memory:Dataset",
    "generate": "fractalman.generation:generate",
    "label_draws": "fractalman.generation.derived:label_draws",
    "write": "fractalman.generation:write",
    "open": "fractalman.datasets.file:open_file",
    "verify": "fractalman.datasets.verify:verify_file",
    "rebuild": "fractalman.generation:rebuild",
    "extend": "fractalman.generation:extend",
    "export_anndata": "fractalman.datasets.export:export_anndata",
    "export": "fractalman.generation:export",
    "import_percolation": "fractalman.datasets.exchange:import_percolation",
    "ImportedDataset": "fractalman.datasets.exchange:ImportedDataset",
    "write_shards": "fractalman.generation:write_shards",
    "write_shard": "fractalman.generation:write_shard",
    "merge_shards": "fractalman.generation:merge_shards",
    "Subtasks": "fractalman.families.subtasks.recipe:Subtasks",
    "theory": "fractalman.theory",
    "predict": "fractalman.prediction:make_prediction",
    "predict_own_data": "fractalman.prediction:predict_own_data",
    "plan": "fractalman.prediction:make_plan",
    "learners": "fractalman.learners",
    "confirm": "fractalman.runs:run_confirmation",
    "measure": "fractalman.measure",
    "explore": "fractalman.report.explorer:explore",
    "granularity": "fractalman.study_runs:run_granularity",
    "levels": "fractalman.study_runs:run_levels",
    "linearity": "fractalman.study_runs:run_linearity",
    "locality": "fractalman.study_runs:run_locality",
    "probe": "fractalman.study_runs:run_probe",
    "recovery": "fractalman.measure.recovery:recovery",
    "FractalmanError": "fractalman.errors:FractalmanError",
    "RecipeError": "fractalman.errors:RecipeError",
    "ResourceError": "fractalman.errors:ResourceError",
    "MissingExtraError": "fractalman.errors:MissingExtraError",
    "FitError": "fractalman.errors:FitError",
    "FileFormatError": "fractalman.errors:FileFormatError",
    "TooNewError": "fractalman.errors:TooNewError",
    "TooOldError": "fractalman.errors:TooOldError",
    "IncompleteFileError": "fractalman.errors:IncompleteFileError",
    "CorruptFileError": "fractalman.errors:CorruptFileError",
    "STREAM_VERSION": "fractalman.random.keys:STREAM_VERSION",
    "CoarseDataset": "fractalman.datasets.coarse:CoarseDataset",
    "coarse_grain": "fractalman.generation.derived:coarse_grain",
    "exchange_synonyms": "fractalman.generation.synonyms:exchange_synonyms",
    "batches": "fractalman.generation.batching:batches",
    "stream": "fractalman.generation:stream",
    "device_batches": "fractalman.learners.networks.feeding:device_batches",
    "to_pandas": "fractalman.generation.tables:to_pandas",
    "to_anndata": "fractalman.generation.tables:to_anndata",
    "catalogue_names": "fractalman.catalogue:catalogue_names",
    "catalogue_recipe": "fractalman.catalogue:catalogue_recipe",
}
"""Public name → module, and the name there after a colon. Everything is loaded at first use; `__init__.pyi` tells
editors and type checkers the same, and a test holds the two together."""

__all__ = [*_HOME, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        from fractalman._on_demand import no_attribute

        raise no_attribute("fractalman", name, __all__)
    module, _, attribute = _HOME[name].partition(":")
    found = importlib.import_module(module)
    value = getattr(found, attribute) if attribute else found
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, and nothing of what modules have left here."""
    return sorted(__all__)
