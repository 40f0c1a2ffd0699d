"""docs/troubleshooting.md and docs/statistics.md explain messages that the code has, and every warning."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from nspdata.inspection.overview import STATISTICS
from nspdata.inspection.shortcuts.measure import TITLES
from nspdata.statistics.checks import CHECKS
from nspdata.statistics.effects import NO_EFFECT, UNUSUAL

ROOT = Path(__file__).parents[2]

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")

HEADINGS = re.findall(r"^### `(.+)`$", PAGE, flags=re.MULTILINE)


def texts(node: ast.AST) -> Iterator[str]:
    """Each string of a program; of an f-string its parts, with `...` for the values."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value
        elif isinstance(inner, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "..." for part in inner.values)


def programs() -> list[ast.Module]:
    """The modules of the package."""
    return [ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "nspdata").rglob("*.py"))]


def test_messages_are_those_of_the_code() -> None:
    """The text between the values of each heading is in one message of the source."""
    found = [text for program in programs() for text in texts(program)]
    for heading in HEADINGS:
        pieces = [re.escape(piece) for piece in heading.split("...")]
        pattern = re.compile(".*".join(pieces), re.DOTALL)
        assert any(pattern.search(text) for text in found), heading
    assert len(HEADINGS) > 35


def test_every_logged_warning_has_an_entry() -> None:
    """Those of `logging` and of `warnings`; the figures of a dataset are on the page of statistics."""
    entries = [re.compile(".*".join(map(re.escape, heading.split("...")))) for heading in HEADINGS]
    seen = 0
    for program in programs():
        for node in ast.walk(program):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
                continue
            of_warnings = node.func.attr == "warn" and getattr(node.func.value, "id", "") == "warnings"
            if not of_warnings and not (node.func.attr == "warning" and getattr(node.func.value, "id", "") == "LOG"):
                continue
            message = next(texts(node.args[0]), "")
            if message and message != "sample: ...":
                seen += 1
                assert any(entry.search(message) for entry in entries), message
    assert seen >= 4


def test_every_warning_of_a_dataset_says_what_to_do() -> None:
    """Each key has a line in the table and an entry below "What to do"."""
    page = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    table, _, remedies = page.partition("\nWhat to do:\n")
    keys = {one.key for one in CHECKS} | {NO_EFFECT, UNUSUAL, STATISTICS} | {f"shortcut_{key}" for key in TITLES}
    for key in keys:
        assert f"`{key}`" in table, key
        assert re.search(rf"^- \*\*.*`{re.escape(key)}`.*\*\*", remedies, flags=re.MULTILINE), key
