"""Public names for editors and type checkers: what `__init__.py` loads at first use."""

from fractalman import learners, measure, theory
from fractalman._version import __version__ as __version__
from fractalman.catalogue import catalogue_names, catalogue_recipe
from fractalman.datasets.coarse import CoarseDataset
from fractalman.datasets.exchange import ImportedDataset, import_percolation
from fractalman.datasets.export import export_anndata
from fractalman.datasets.file import open_file as open
from fractalman.datasets.memory import Dataset
from fractalman.datasets.verify import verify_file as verify
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
from fractalman.generation import (
    export,
    extend,
    generate,
    merge_shards,
    rebuild,
    stream,
    write,
    write_shard,
    write_shards,
)
from fractalman.generation.batching import batches
from fractalman.generation.derived import coarse_grain, label_draws
from fractalman.generation.synonyms import exchange_synonyms
from fractalman.generation.tables import to_anndata, to_pandas
from fractalman.learners.networks.feeding import device_batches
from fractalman.measure.recovery import recovery
from fractalman.prediction import make_plan as plan
from fractalman.prediction import make_prediction as predict
from fractalman.prediction import predict_own_data
from fractalman.random.keys import STREAM_VERSION, Seeds
from fractalman.recipes import Recipe, family_names, from_dict, from_toml
from fractalman.report.explorer import explore
from fractalman.runs import run_confirmation as confirm
from fractalman.study_runs import run_granularity as granularity
from fractalman.study_runs import run_levels as levels
from fractalman.study_runs import run_linearity as linearity
from fractalman.study_runs import run_locality as locality
from fractalman.study_runs import run_probe as probe

__all__ = [
    "STREAM_VERSION",
    "BetheLattice",
    "Cascade",
    "CoarseDataset",
    "CorruptFileError",
    "Dataset",
    "FileFormatError",
    "FitError",
    "FractalmanError",
    "GrammarLanguage",
    "ImportedDataset",
    "IncompleteFileError",
    "LatticePercolation",
    "MissingExtraError",
    "PercolationCluster",
    "PercolationEnsemble",
    "RandomHierarchyModel",
    "Recipe",
    "RecipeError",
    "ResourceError",
    "Seeds",
    "SmoothManifold",
    "SparseParities",
    "Subtasks",
    "TooNewError",
    "TooOldError",
    "__version__",
    "batches",
    "catalogue_names",
    "catalogue_recipe",
    "coarse_grain",
    "confirm",
    "device_batches",
    "exchange_synonyms",
    "explore",
    "export",
    "export_anndata",
    "extend",
    "family_names",
    "from_dict",
    "from_toml",
    "generate",
    "granularity",
    "import_percolation",
    "label_draws",
    "learners",
    "levels",
    "linearity",
    "locality",
    "measure",
    "merge_shards",
    "open",
    "plan",
    "predict",
    "predict_own_data",
    "probe",
    "rebuild",
    "recovery",
    "stream",
    "theory",
    "to_anndata",
    "to_pandas",
    "verify",
    "write",
    "write_shard",
    "write_shards",
]
