"""The reference pages hold all that the code has."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import nspdata
from nspdata.cli import COMMANDS
from tests.skips import require

ROOT = Path(__file__).parents[2]


def generator() -> ModuleType:
    """The module that writes the pages of the built site."""
    require("torch", "apache_beam")
    spec = importlib.util.spec_from_file_location("generate_reference", ROOT / "docs" / "generate_reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_public_name_has_an_entry() -> None:
    """Each name of `__all__` is documented from its docstring."""
    page = generator().PAGES["nspdata"]()
    entries = set(re.findall(r"^\.\. auto\w+:: nspdata\.(\w+)$", page, flags=re.MULTILINE))
    assert entries == set(nspdata.__all__) - {"__version__", "beam", "torch"}


def test_errors_are_found_in_the_source() -> None:
    """Values are shown by their names; a message in several pieces is one."""
    found = generator().messages()
    assert sum(map(len, found.values())) > 200
    assert ("no split <split> in this dataset; it has <...>", "ShardError") in found["dataset"]


def test_every_command_and_key_is_explained() -> None:
    """No option and no key of a file is without a meaning."""
    commands = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert commands.count("\n## nspdata ") == len(COMMANDS)
    for page in (commands, (ROOT / "docs" / "files.md").read_text(encoding="utf-8")):
        assert not re.findall(r"^\| `.*\|\s*\|$", page, flags=re.MULTILINE)
