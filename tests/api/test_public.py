"""`import nspdata` is light, lazy, and shows every public name."""

from __future__ import annotations

import ast
import doctest
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import nspdata

SOURCE = Path(nspdata.__file__)

CLASSES_AND_FUNCTIONS = [name for name in nspdata.__all__ if name not in {"__version__", "beam", "torch", "Inputs"}]


def test_import_loads_nothing_heavy() -> None:
    """`import nspdata` imports no library but the standard one, and none of its own modules."""
    code = (
        "import sys\nbefore = set(sys.modules)\nimport nspdata\ndir(nspdata)\nnew = set(sys.modules) - before\n"
        "print(sorted(name for name in new if name.partition('.')[0] not in sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['nspdata']"


def test_names_agree() -> None:
    """What type checkers see, what `dir` shows and what can be imported are the same names."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.asname or alias.name for node in block.body for alias in node.names}  # type: ignore[attr-defined]
    assert seen | {"__version__"} == set(nspdata.__all__)
    assert set(nspdata.__all__) <= set(dir(nspdata))
    for name in nspdata.__all__:
        if name not in {"torch", "beam"}:
            assert getattr(nspdata, name) is getattr(nspdata, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """An unknown attribute raises AttributeError, so `hasattr` and `from nspdata import` work."""
    assert not hasattr(nspdata, "bild")
    with pytest.raises(ImportError):
        exec("from nspdata import bild", {})


@pytest.mark.parametrize("name", CLASSES_AND_FUNCTIONS)
def test_every_public_name_has_an_example(name: str) -> None:
    """Each class and function has a docstring with a doctest."""
    documented = inspect.getdoc(getattr(nspdata, name)) or ""
    assert doctest.DocTestParser().get_examples(documented), name


def test_examples_of_the_interface_run(inside: Path) -> None:
    """The doctests of the public functions run in a directory with `corpus.jsonl`, `tokenizer` and `data`."""
    import nspdata.api.builds
    import nspdata.api.datasets
    import nspdata.api.sentences
    import nspdata.api.tokenizers
    import nspdata.api.validations

    modules = (
        nspdata.api.builds,
        nspdata.api.datasets,
        nspdata.api.sentences,
        nspdata.api.tokenizers,
        nspdata.api.validations,
    )
    for module in modules:
        found = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
        assert found.failed == 0, module
        assert found.attempted > 0, module
