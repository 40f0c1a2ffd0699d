"""Links of the pages that lead out of them; `make docs` checks those between pages, their anchors, and that no page is left out."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]

PAGES = sorted([ROOT / "README.md", *(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts)])

REPOSITORY = "https://github.com/nspdata/nspdata"


def test_a_build_with_a_warning_fails() -> None:
    """The target of the site makes warnings errors, and CI runs it."""
    assert re.search(r"^docs:.*\n\t.*sphinx-build -W ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.search(r"^make\b.* docs$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_external_links_are_addresses(page: Path) -> None:
    """Each is https with a host and without spaces; one into our repository names a file of it."""
    for link in re.findall(r"(?:\]\(|<)(https?:[^)>]*)[)>]", page.read_text(encoding="utf-8")):
        parts = urlsplit(link)
        assert parts.scheme == "https", link
        assert re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc), link
        assert not re.search(r"\s", link), link
        if match := re.match(rf"{re.escape(REPOSITORY)}/(?:blob|tree)/main/([^#?]+)", link):
            assert (ROOT / match[1]).exists(), link
