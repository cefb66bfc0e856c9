"""fractalman: fractal datasets with exactly known geometry, the scaling laws they predict, and the instruments that
confirm or refute them.

>>> import fractalman as fm
>>> data = fm.generate(fm.PercolationCluster(n_points=1000))
>>> fm.predict(data.recipe).data_exponent
0.5
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fractalman._version import __version__
from fractalman.errors import (
    CorruptFileError,
    FileFormatError,
    FitError,
    FractalmanError,
    IncompleteFileError,
    MissingExtraError,
    RecipeError,
    ResourceError,
    TooNewError,
    TooOldError,
)
from fractalman.families.bethe_lattice.recipe import BetheLattice
from fractalman.families.cascade.recipe import Cascade
from fractalman.families.grammar_language.recipe import GrammarLanguage
from fractalman.families.lattice_percolation.recipe import LatticePercolation
from fractalman.families.percolation_cluster.recipe import PercolationCluster
from fractalman.families.percolation_ensemble.recipe import PercolationEnsemble
from fractalman.families.random_hierarchy.recipe import RandomHierarchyModel
from fractalman.families.smooth_manifold.recipe import SmoothManifold
from fractalman.families.sparse_parities.recipe import SparseParities
from fractalman.families.subtasks.recipe import Subtasks
from fractalman.random.keys import STREAM_VERSION, Seeds
from fractalman.recipes import Recipe, family_names, from_dict, from_toml

if TYPE_CHECKING:
    from fractalman import learners, measure, theory
    from fractalman.catalogue import catalogue_names, catalogue_recipe
    from fractalman.datasets.coarse import CoarseDataset, coarse_grain
    from fractalman.datasets.exchange import ImportedDataset, import_percolation
    from fractalman.datasets.export import export_anndata
    from fractalman.datasets.file import open_file as open
    from fractalman.datasets.memory import Dataset
    from fractalman.datasets.shuffled import batches
    from fractalman.datasets.tables import to_anndata, to_pandas
    from fractalman.datasets.verify import verify_file as verify
    from fractalman.generation import (
        export,
        extend,
        generate,
        label_draws,
        merge_shards,
        rebuild,
        write,
        write_shard,
        write_shards,
    )
    from fractalman.learners.networks.feeding import device_batches
    from fractalman.measure.recovery import recovery
    from fractalman.prediction import make_plan as plan
    from fractalman.prediction import make_prediction as predict
    from fractalman.prediction import predict_own_data
    from fractalman.runs import run_confirmation as confirm
    from fractalman.runs import run_granularity as granularity
    from fractalman.runs import run_linearity as linearity
    from fractalman.runs import run_locality as locality
    from fractalman.runs import run_probe as probe


# Public names that pull in heavier packages, found at first use: name → (module, name there; None = the module itself).
_LATER: dict[str, tuple[str, str | None]] = {
    "Dataset": ("fractalman.datasets.memory", "Dataset"),
    "batches": ("fractalman.datasets.shuffled", "batches"),
    "catalogue_names": ("fractalman.catalogue", "catalogue_names"),
    "catalogue_recipe": ("fractalman.catalogue", "catalogue_recipe"),
    "confirm": ("fractalman.runs", "run_confirmation"),
    "device_batches": ("fractalman.learners.networks.feeding", "device_batches"),
    "ImportedDataset": ("fractalman.datasets.exchange", "ImportedDataset"),
    "import_percolation": ("fractalman.datasets.exchange", "import_percolation"),
    "export": ("fractalman.generation", "export"),
    "export_anndata": ("fractalman.datasets.export", "export_anndata"),
    "extend": ("fractalman.generation", "extend"),
    "generate": ("fractalman.generation", "generate"),
    "granularity": ("fractalman.runs", "run_granularity"),
    "label_draws": ("fractalman.generation", "label_draws"),
    "learners": ("fractalman.learners", None),
    "linearity": ("fractalman.runs", "run_linearity"),
    "locality": ("fractalman.runs", "run_locality"),
    "measure": ("fractalman.measure", None),
    "predict_own_data": ("fractalman.prediction", "predict_own_data"),
    "open": ("fractalman.datasets.file", "open_file"),
    "plan": ("fractalman.prediction", "make_plan"),
    "predict": ("fractalman.prediction", "make_prediction"),
    "probe": ("fractalman.runs", "run_probe"),
    "rebuild": ("fractalman.generation", "rebuild"),
    "recovery": ("fractalman.measure.recovery", "recovery"),
    "theory": ("fractalman.theory", None),
    "to_anndata": ("fractalman.datasets.tables", "to_anndata"),
    "to_pandas": ("fractalman.datasets.tables", "to_pandas"),
    "verify": ("fractalman.datasets.verify", "verify_file"),
    "write": ("fractalman.generation", "write"),
    "write_shard": ("fractalman.generation", "write_shard"),
    "write_shards": ("fractalman.generation", "write_shards"),
    "merge_shards": ("fractalman.generation", "merge_shards"),
    "CoarseDataset": ("fractalman.datasets.coarse", "CoarseDataset"),
    "coarse_grain": ("fractalman.datasets.coarse", "coarse_grain"),
}

__all__ = [  # noqa: RUF022 (kinds together)
    "PercolationCluster", "PercolationEnsemble", "BetheLattice", "LatticePercolation", "Cascade", "SmoothManifold",
    "RandomHierarchyModel", "GrammarLanguage", "SparseParities", "Subtasks",
    "Recipe", "Seeds", "family_names", "from_dict", "from_toml",
    "Dataset", "generate", "label_draws", "write", "open", "verify", "rebuild", "extend", "export", "export_anndata",
    "ImportedDataset", "import_percolation",
    "write_shards", "write_shard", "merge_shards",
    "theory", "predict", "predict_own_data", "plan", "learners", "confirm", "measure",
    "granularity", "linearity", "locality", "probe", "recovery",
    "FractalmanError", "RecipeError", "ResourceError", "MissingExtraError", "FitError",
    "FileFormatError", "TooNewError", "TooOldError", "IncompleteFileError", "CorruptFileError",
    "STREAM_VERSION", "__version__", "CoarseDataset", "coarse_grain",
    "batches", "device_batches", "to_pandas", "to_anndata", "catalogue_names", "catalogue_recipe",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'fractalman' has no attribute {name!r}")
    module, attribute = _LATER[name]
    found = importlib.import_module(module)
    value = found if attribute is None else getattr(found, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
