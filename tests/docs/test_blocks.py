"""Every code block of the documentation is run by a test, is checked against the program, or says why not."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import typer

from nspdata.cli import app
from nspdata.config.build import Config, load_config
from nspdata.config.parsing import flat
from nspdata.config.train import TrainConfig, load_train_config
from tests.docs.blocks import PAGES, ROOT, blocks, commands

RUN_BY = {
    "README.md": "tests/api/test_docs.py",
    "docs/python.md": "tests/api/test_docs.py",
    "docs/loading.md": "tests/loading/test_docs.py",
    "docs/export.md": "tests/exporting/test_docs.py",
    "docs/start.md": "tests/docs/test_start.py",
    "docs/build.md": "tests/api/test_how_to.py",
    "docs/languages.md": "tests/api/test_how_to.py",
    "docs/notebooks.md": "tests/api/test_how_to.py",
    "docs/tokenizer.md": "tests/api/test_how_to.py",
    "docs/tutorials": "tests/docs/test_tutorials.py",
}
"""The test that runs the Python blocks of a page, or of the pages of a directory."""

OF_THE_TRAINER = {"train"}

NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

COMMANDS = [
    pytest.param(words, id=f"{page.relative_to(ROOT)}:{block.line}: {' '.join(words)[:60]}")
    for page in PAGES
    for block in blocks(page)
    for words in commands(block)
]


def parse(words: list[str]) -> None:
    """Parses a command as the program does; `...` of a page stands for more words."""
    name, *arguments = words
    given = arguments[: arguments.index("--")] if "--" in arguments else arguments  # then Beam's own options
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    try:
        command.make_context(f"nspdata {name}", [word for word in given if word != "..."])
    except Exception as error:
        if "..." not in given or type(error).__name__ != "MissingParameter":
            raise
    assigned = {value.partition("=")[0] for flag, value in pairwise(given) if flag == "--set"}
    known = flat((TrainConfig() if name in OF_THE_TRAINER else Config()).to_dict())
    assert assigned <= known.keys(), assigned - known.keys()


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_is_one_of_the_program(words: list[str]) -> None:
    """Its options and settings exist, and it has the arguments that are required."""
    parse(words)


def test_a_wrong_command_is_found() -> None:
    """An unknown option, an unknown setting, a missing argument."""
    whole = ["build", "a.jsonl", "-o", "data", "--tokenizer", "t"]
    parse(whole)
    parse([*whole[:4], "..."])
    for words, message in (
        ([*whole, "--maximum", "3"], "--maximum"),
        ([*whole, "...", "--maximum", "3"], "--maximum"),
        ([*whole, "--set", "pairing.max_length=3"], "pairing.max_length"),
        (whole[:4], "tokenizer"),
    ):
        with pytest.raises(Exception, match=message):
            parse(words)
    assert len(COMMANDS) > 60


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_python_is_run_or_says_why_not(page: Path) -> None:
    """A page with Python has a test that runs it."""
    name = str(page.relative_to(ROOT))
    tests = [test for part, test in RUN_BY.items() if name == part or name.startswith(f"{part}/")]
    for block in blocks(page):
        if block.kind == "python" and not block.not_run:
            assert tests, f"{name}:{block.line}"
            assert (ROOT / tests[0]).exists()


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_settings_are_known(page: Path, tmp_path: Path) -> None:
    """A TOML block is a file of settings of `build` or of `train`."""
    for block in blocks(page):
        if block.kind == "toml" and not block.not_run:
            if tomllib.loads(block.code).keys() & {"model", "phases", "optimizer"}:
                load_train_config(block.code, [], {})
            else:
                path = tmp_path / "settings.toml"
                path.write_text(block.code, encoding="utf-8")
                load_config(path, [], {})
