"""The layers of the package: a package imports only from layers below its own, and heavy libraries stay where they belong."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "nspdata"

LAYERS = [
    {"absent"},
    {"errors", "arrays", "interrupts"},
    {"files", "config", "boundary"},
    {"reading", "tokenization"},
    {"instances"},
    {"dataset"},
    {"statistics"},
    {"metadata", "inspection"},
    {"loading", "building"},
    {"validation"},
    {"pipelines", "training", "exporting"},
    {"importing"},
    {"torch", "beam", "testing"},
    {"api"},
    {"__init__"},
    {"cli"},
    {"__main__"},
]
"""From the lowest to the highest; `torch`, `beam`, `testing` and `__init__` are the public interface."""

HEAVY = {
    "apache_beam": {"pipelines", "files/beam.py"},
    "torch": {"training", "loading/torch.py", "loading/torch_collator.py", "loading/torch_epochs.py"},
    "spacy": {"tokenization"},
    "datasets": set(),
}
"""Packages or modules that may import each heavy library."""


def imports() -> list[tuple[str, str]]:
    """Every import in the package: the importing file, relative to the package, and the dotted name imported."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found += [(relative, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                found += [(relative, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def package_of(relative: str) -> str:
    """The package, or the module at the top, that a file belongs to."""
    return relative.partition("/")[0].removesuffix(".py")


def layer(package: str) -> int:
    """The layer of a package, from 0."""
    return next(number for number, packages in enumerate(LAYERS) if package in packages)


def module_of(name: str) -> str:
    """The file of a dotted name, relative to the package: the name itself is a module, or stands in one."""
    parts = name.split(".")[1:]
    while parts and not any((PACKAGE / "/".join(parts)).with_suffix(end).exists() for end in (".py", "")):
        parts.pop()
    path = "/".join(parts)
    return f"{path}.py" if (PACKAGE / f"{path}.py").exists() else f"{path}/__init__.py".lstrip("/")


def test_imports_go_down() -> None:
    """A package imports only packages of lower layers: neither upward nor beside it, so there is no circle of packages."""
    wrong = [
        f"{path} imports {name}"
        for path, name in imports()
        if name.startswith("nspdata.")
        and (target := package_of(module_of(name))) != package_of(path)
        and layer(target) >= layer(package_of(path))
    ]
    assert not wrong


def test_modules_have_no_circle() -> None:
    """The modules, inside a package too, can be put in an order in which each imports only earlier ones."""
    arrows: dict[str, set[str]] = {path.relative_to(PACKAGE).as_posix(): set() for path in PACKAGE.rglob("*.py")}
    for path, name in imports():
        if name.startswith("nspdata.") and module_of(name) != path:
            arrows[path].add(module_of(name))
    while free := {path for path, targets in arrows.items() if not targets & set(arrows)}:
        arrows = {path: targets for path, targets in arrows.items() if path not in free}
    assert not arrows


def test_every_package_is_in_a_layer() -> None:
    """A new package is given its layer, and a docstring that says what it holds."""
    names = {path.stem if path.is_file() else path.name for path in PACKAGE.iterdir()}
    assert names - {"__pycache__", "corpus", "py"} == set().union(*LAYERS)
    for path in PACKAGE.rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_heavy_libraries_stay_in_their_packages() -> None:
    """Beam, torch, spaCy and datasets are imported only where `HEAVY` says."""
    wrong = [
        f"{path} imports {name}"
        for path, name in imports()
        if (library := name.partition(".")[0]) in HEAVY and not {path, package_of(path)} & HEAVY[library]
    ]
    assert not wrong


READING = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"apache_beam", "spacy", "datasets", "torch", "tokenizers", "transformers", "numba",
                                  "xxhash", "orjson", "typer", "rich", "fsspec", "datasketches"}:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Absent())
import nspdata, nspdata.dataset.shards, nspdata.loading
nspdata.open_dataset, nspdata.Dataset, nspdata.Loader, nspdata.Mixture, nspdata.Cache, nspdata.BuildConfig, nspdata.TrainConfig
"""


@pytest.mark.parametrize("numba", ["0", "1"])
def test_shards_are_read_without_the_builder(tmp_path: Path, numba: str) -> None:
    """Importing nspdata and reading shards needs numpy and pyarrow alone."""
    from tests.datasets import write_dataset

    directory = write_dataset(tmp_path / "data")
    code = READING + (
        "from nspdata.loading import Loader\n"
        f"batches = list(Loader({str(directory)!r}, batch_size=4))\n"
        "assert batches and set(batches[0]) >= {'input_ids', 'labels', 'next_sentence_label'}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_loads_nothing_heavy() -> None:
    """`nspdata --help` imports neither Beam nor torch, spaCy, numpy or pyarrow."""
    code = (
        "import sys\nfrom nspdata.__main__ import main\nsys.argv = ['nspdata', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'apache_beam', 'torch', 'spacy', 'numpy', 'pyarrow', 'datasets', 'numba'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
