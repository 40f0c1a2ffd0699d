"""Settings of the documentation site: `make docs` writes it to docs/_build."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the package of this checkout
sys.path.insert(0, str(ROOT / "docs"))

import nspdata  # noqa: E402

project = "nspdata"
version = release = nspdata.__version__
copyright = "the authors of nspdata; Apache-2.0"  # noqa: A001 - the name that Sphinx reads
repository = "https://github.com/nspdata/nspdata"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

# Pages are Markdown and are read on GitHub too: an anchor is what GitHub makes of a heading.
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline"]

html_theme = "furo"
html_title = f"nspdata {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_theme_options = {
    "source_repository": repository,
    "source_branch": "main",
    "source_directory": "docs/",
}
