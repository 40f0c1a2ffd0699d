"""The files around the code agree with it and with each other."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_of_the_readme_work_on_a_package_index() -> None:
    """They are absolute, below the address of the project, and each names a file of the repository."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    base = re.escape(PROJECT["project"]["urls"]["Homepage"])
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    for link in links:
        match = re.fullmatch(rf"{base}/(?:blob|tree)/main/([^?]+)(?:\?raw=true)?", link)  # an image needs its bytes
        assert match, link
        path, _, anchor = match[1].partition("#")
        assert (ROOT / path).exists(), link
        assert not anchor or anchor in anchors(ROOT / path), link


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_links_of_the_pages_work(page: Path) -> None:
    """A relative link names a file, and its anchor a heading of it."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_hooks_and_ci_use_the_same_versions() -> None:
    """ruff and codespell of the pre-commit hooks are those of the constraints."""
    constraints = (ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8")
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    for name, repository in (("ruff", "ruff-pre-commit"), ("codespell", "codespell")):
        pinned = re.search(rf"^{name}==(\S+)", constraints, flags=re.MULTILINE)
        hook = re.search(rf"/{repository}\n    rev: v(\S+)", hooks)
        assert pinned, name
        assert hook, name
        assert hook[1] == pinned[1], name


def test_every_dependency_is_pinned_for_ci() -> None:
    """Each package that an extra or the dev group names has a version in the constraints."""
    text = (ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8")
    pinned = {re.split(r"==|\s", line)[0].lower() for line in text.splitlines() if "==" in line}
    listed = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    extras = PROJECT["project"]["optional-dependencies"]
    listed += [entry for extra, entries in extras.items() if extra in {*_of_all(extras), "all"} for entry in entries]
    names = {re.split(r"[\[><=!;~ ]", entry)[0].lower() for entry in listed} - {"nspdata"}
    assert names <= pinned, sorted(names - pinned)


def _of_all(extras: dict[str, list[str]]) -> set[str]:
    """The extras that `nspdata[all]` includes."""
    found: set[str] = set()
    waiting = {"all"}
    while waiting:
        extra = waiting.pop()
        named = {
            name
            for entry in extras[extra]
            for part in re.findall(r"^nspdata\[(.+)\]$", entry)
            for name in part.split(",")
        }
        waiting |= named - found
        found |= named
    return found


def test_versions_agree() -> None:
    """The version is the same in pyproject.toml, in the package and in the citation."""
    import nspdata

    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert PROJECT["project"]["version"] == nspdata.__version__
    assert f"\nversion: {nspdata.__version__}\n" in citation


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("*.py")), ids=lambda path: path.name)
def test_examples_say_how_to_run_them(path: Path) -> None:
    """Each example has a docstring with its command."""
    assert "python" in (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")


def test_programs_that_pages_start_exist() -> None:
    """Each `-m MODULE` of nspdata in the documentation and the examples is a program: a module, or a package with `__main__`."""
    pages = [
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(path for path in (ROOT / "examples").rglob("*") if path.is_file()),
    ]
    named = {
        name
        for page in pages
        for name in re.findall(
            r"-m ((?:nspdata|beam_jobs)(?:\.\w+)*)", page.read_text(encoding="utf-8", errors="replace")
        )
    }
    assert "nspdata" in named
    for name in named:
        path = ROOT / name.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), name
