"""How ``scripts/site`` builds the site. The source is the repository: links mean the same here and in a clone.

Nothing is fetched while it is built or read: formulas become MathML, fonts are the reader's, and every figure and
output of the tutorials and of the gallery is made by the code that stands above it.
"""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_site"), str(HERE.parent)]
from fractalman import __version__  # noqa: E402

project, author, release = "fractalman", "The fractalman developers", __version__
copyright = author
root_doc = "docs/index"
include_patterns = [
    "docs/**.md", "datasets/*.md", "datasets/referee/*.md", "datasets/reference/*.md", "datasets/statistics/*.md",
    "CHANGELOG.md", "CONTRIBUTING.md",
]  # fmt: skip
exclude_patterns = [".*", "build", "dist", "fractalman", "tests", "scripts", "findings", "datasets/reference/*/*"]

extensions = [
    "myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_design", "sphinx_copybutton",
    "mathml", "pages", "public_names", "code_links",
]  # fmt: skip

# Pages
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
myst_fence_as_directive = ["public"]
suppress_warnings = ["myst.header"]  # a chapter may begin below the first level
highlight_language = "text"
copybutton_exclude = ".linenos, .gp, .go"

# Tutorials and gallery: every cell runs, whenever the site is built; one that fails stops it
nb_execution_mode = "force"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_in_temp = False
nb_merge_streams = True
nb_execution_show_tb = True
profile = (
    HERE.parent / "build" / "ipython" / "profile_default"
)  # of this build alone: sharp figures, nobody's own settings
profile.mkdir(parents=True, exist_ok=True)
shutil.copy(HERE / "_site" / "ipython_kernel_config.py", profile)
os.environ["IPYTHONDIR"] = str(profile.parent)
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"

# The API
default_role = "code"
autodoc_mock_imports = [] if find_spec("torch") else ["torch"]
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the parameters' lists say types, with shapes and units
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_preprocess_types = False
toc_object_entries = False

html_theme = "furo"
html_title = "fractalman"
html_static_path = ["_site/static"]
html_extra_path = ["_site/root"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0072B2", "color-brand-content": "#0072B2"},
    "dark_css_variables": {"color-brand-primary": "#56B4E9", "color-brand-content": "#56B4E9"},
}
