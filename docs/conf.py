"""Settings of the documentation site: `make docs` writes it to docs/_build."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

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

# A name in single backticks of a docstring is a link if it is a public name, else code.
default_role = "py:obj"
napoleon_use_ivar = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
python_use_unqualified_type_names = True


def plain_markdown(_app: object, _what: str, _name: str, _value: object, _options: object, lines: list[str]) -> None:
    """Turns fenced code of a docstring into a literal block."""
    inside, written = False, []
    for line in lines:
        if line.strip().startswith("```"):
            inside = not inside
            written += ["", "::", ""] if inside else [""]
        else:
            written.append(f"    {line}" if inside else line)
    lines[:] = written


def setup(app: Any) -> None:
    """Writes the pages that are made from the code, before the pages are read."""
    from generate_reference import write_pages

    app.connect("builder-inited", lambda _app: write_pages())
    app.connect("autodoc-process-docstring", plain_markdown)
