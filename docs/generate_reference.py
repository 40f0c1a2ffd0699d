"""Pages that exist only in the built site, in docs/reference: the Python interface from its docstrings, and every error message of the source.

`docs/conf.py` calls `write_pages` before each build.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import nspdata
import nspdata.beam
import nspdata.loading
import nspdata.testing
import nspdata.torch

if TYPE_CHECKING:
    from collections.abc import Iterator

REFERENCE = Path(__file__).with_name("reference")

PACKAGE = Path(nspdata.__file__).parent

ERRORS = {"ConfigError", "InputError", "UnsoundInputError", "ShardError", "WorkerError"}

ERRORS_HEAD = """# Errors

Every message that nspdata raises on purpose, from its source. `<name>` and `<...>` stand for values. A message is one line: the rule, the value, the remedy.
`ConfigError` ends a command with exit code 2, all others with 1.
"""


def module_page(module: ModuleType, text: str) -> str:
    """A page with the docstring of each public name of a module; a name that `nspdata` has too is only on the page of that."""
    lines = [f"# {module.__name__}", "", text, "", "```{eval-rst}", f".. module:: {module.__name__}", ""]
    for name in sorted(module.__all__, key=lambda name: (not inspect.isroutine(getattr(module, name)), name.lower())):
        value = getattr(module, name)
        elsewhere = module is not nspdata and name in nspdata.__all__
        if elsewhere or isinstance(value, ModuleType) or name == "__version__":
            continue
        if inspect.isclass(value):
            lines += [f".. autoclass:: {module.__name__}.{name}", "   :members:", ""]
        elif inspect.isroutine(value):
            lines += [f".. autofunction:: {module.__name__}.{name}", ""]
        else:
            lines += [f".. autodata:: {module.__name__}.{name}", "   :no-value:", ""]
    return "\n".join([*lines, "```", ""])


def messages() -> dict[str, list[tuple[str, str]]]:
    """The messages by package, each with the class of its error."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for path in sorted(PACKAGE.rglob("*.py")):
        package = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for kind, message in _raised(ast.parse(path.read_text(encoding="utf-8"))):
            found[package].add((message, kind))
    return {package: sorted(listed) for package, listed in sorted(found.items())}


def _raised(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        message = _pattern(node.args[0])
        if name in ERRORS and re.sub(r"<[^>]*>", "", message).strip(" :;,"):
            yield name, " ".join(message.split())


def _pattern(node: ast.expr) -> str:
    """A text with `<...>` for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_pattern(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _pattern(node.left) + _pattern(node.right)
    value = node.value if isinstance(node, ast.FormattedValue) else node
    if isinstance(value, ast.Attribute):
        return f"<{value.attr.strip('_')}>"
    return f"<{value.id.strip('_')}>" if isinstance(value, ast.Name) else "<...>"


def errors_page() -> str:
    """A table of messages for each package."""
    parts = [ERRORS_HEAD]
    for package, listed in messages().items():
        rows = [f"| {_code(message)} | {kind} |" for message, kind in listed]
        parts.append("\n".join([f"## {package}", "", "| message | error |", "| --- | --- |", *rows, ""]))
    return "\n".join(parts)


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}".replace("|", "\\|")


PAGES = {
    "nspdata": lambda: module_page(
        nspdata, "Everything that the command line does. [Python](../python.md) shows it in examples."
    ),
    "loading": lambda: module_page(
        nspdata.loading, "Batches with numpy and pyarrow alone. [Loading](../loading.md) shows it in examples."
    ),
    "torch": lambda: module_page(
        nspdata.torch, "Batches as tensors, made in worker processes. [Loading](../loading.md#pytorch) shows it."
    ),
    "beam": lambda: module_page(
        nspdata.beam, "The build as transforms. [Python](../python.md#in-a-beam-pipeline-of-your-own) shows a pipeline."
    ),
    "testing": lambda: module_page(nspdata.testing, "For the tests of programs that use nspdata."),
    "errors": errors_page,
}
"""The pages, by the name of their file."""


def write_pages() -> None:
    """Writes the pages; one that did not change is left, so that it is not built again."""
    REFERENCE.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        path, text = REFERENCE / f"{name}.md", make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
